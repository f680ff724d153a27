//! `docs/field-cases.md`: the cases by kind, and what phonescope says of each. `BLESS=1` writes it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::cases::{Case, NOT_YET, all};
use super::run::{in_parallel, report};

const PAGE: &str = "docs/field-cases.md";

/// Text as it may stand in the page.
fn plain(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('>', "&gt;").replace('*', "\\*")
}

/// Each verdict of the report once, with the title of its finding and its phones.
fn verdicts(report: &Value) -> Vec<String> {
    let mut by_verdict: BTreeMap<(String, String), usize> = BTreeMap::new();
    let findings = report["findings"].as_array().expect("findings");
    for phone in report["phones"].as_array().expect("phones") {
        let verdict = phone["verdict"].as_str().expect("a verdict");
        let own =
            |f: &&Value| f["code"] == *verdict && f["phones"].as_array().is_some_and(|p| p.contains(&phone["mac"]));
        let title = findings.iter().find(own).map_or("", |f| f["title"].as_str().unwrap_or_default());
        *by_verdict.entry((verdict.to_owned(), title.to_owned())).or_default() += 1;
    }
    if by_verdict.is_empty() {
        return vec!["no phone".to_owned()];
    }
    let line = |((verdict, title), count): ((String, String), usize)| {
        let phones = if count == 1 { "1 phone".to_owned() } else { format!("{count} phones") };
        if title.is_empty() {
            format!("`{verdict}` ({phones})")
        } else {
            format!("`{verdict}` ({phones}): {}", plain(&title))
        }
    };
    by_verdict.into_iter().map(line).collect()
}

/// What one case looks like in the page.
fn entry(case: &Case, folder: &Path) -> String {
    let (capture, site) = case.write(folder);
    let only_with_site = case.expectation()["modes"] == serde_json::json!(["site"]);
    let says = match report(&capture, site.as_deref().filter(|_| only_with_site)) {
        Ok((report, _)) => verdicts(&report).join("; "),
        Err(_) => "cannot read it".to_owned(),
    };
    let with = if only_with_site { " (with its site file)" } else { "" };
    let source = case.report.map_or_else(String::new, |address| format!(" [A public report]({address})."));
    let not_yet = if NOT_YET.contains(&case.name) { " *Not as it should be yet.*" } else { "" };
    format!("- **{}**: {}{source}\n  phonescope says{with}: {says}.{not_yet}\n", case.name, plain(case.wire))
}

fn page() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = all();
    let entries = in_parallel(&cases, |case| entry(case, folder.path()));
    let mut by_kind: BTreeMap<&str, String> = BTreeMap::new();
    for (case, entry) in cases.iter().zip(entries) {
        by_kind.entry(case.kind).or_default().push_str(&entry);
    }
    let mut text = String::from(
        "# Cases from the field\n\n\
         Situations that people report, rebuilt frame by frame in `tests/it/field/cases`: addresses, names and times are\n\
         made up. Each stands there with what is right of it. `near-miss` cases look like trouble and are none. This page\n\
         is written by a test (`BLESS=1 cargo test --test it field::page`).\n",
    );
    for (kind, entries) in by_kind {
        text.push_str(&format!("\n## {kind}\n\n{entries}"));
    }
    text
}

#[test]
fn page_of_field_cases_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, &page).expect("the page");
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(there.lines()).find(|(a, b)| a != b);
    assert!(page == there, "{PAGE} is stale (BLESS=1 writes it), first at {differs:?}");
}

#[test]
fn addresses_of_public_reports_are_whole() {
    for case in all() {
        let whole = |a: &str| a.starts_with("http") && !a.contains([' ', ')', '…']) && a.matches('/').count() >= 3;
        assert!(case.report.is_none_or(whole), "{}: {:?}", case.name, case.report);
        assert!(case.wire.ends_with('.'), "{}: {}", case.name, case.wire);
    }
}
