//! What the documents say of the repository is there.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders at the top that documents name files of.
const FOLDERS: [&str; 6] = ["src/", "tests/", "docs/", "captures/", "benches/", "packaging/"];

/// Names that stand for any name: `src/findings/rules/NAME.rs`.
fn is_pattern(path: &str) -> bool {
    path.contains(['<', '*', '…', '{']) || path.contains("NAME")
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && !name.starts_with('.') && name != "target" {
            pages(&entry, found);
        } else if name.ends_with(".md") {
            found.push(entry);
        }
    }
}

#[test]
fn paths_named_in_documents_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    pages(root, &mut all);
    all.extend([root.join(".github/pull_request_template.md")].into_iter().filter(|p| p.exists()));
    let (mut named, mut missing) = (0, Vec::new());
    for page in all {
        // It tells of what was.
        if page.ends_with("docs/CHANGELOG.md") {
            continue;
        }
        let text = fs::read_to_string(&page).unwrap();
        let code = text.split('`').skip(1).step_by(2);
        let links = text.split("](").skip(1).filter_map(|t| t.split_once(')').map(|(link, _)| link));
        let beside = page.parent().unwrap();
        for path in code.filter(|p| FOLDERS.iter().any(|f| p.starts_with(f))) {
            named += 1;
            let path = path.trim_end_matches(['.', ':']);
            if !path.contains(char::is_whitespace) && !is_pattern(path) && !root.join(path).exists() {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
        for link in links.filter(|l| !l.contains("://") && !l.starts_with(['#', '<']) && !l.contains(' ')) {
            named += 1;
            let path = link.split('#').next().unwrap_or(link);
            if !beside.join(path).exists() {
                missing.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(named > 100, "only {named} paths were found");
    assert!(missing.is_empty(), "named, and not there: {missing:#?}");
}
