//! Every finding is listed, documented, shown by a capture and really made; and all of them speak in one voice.
//!
//! `docs/findings/` is written from the rules and from what they say of `captures/`: `BLESS=1` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use phonescope::analyzer::Analyzer;
use phonescope::capture::{Inputs, Record};
use phonescope::diagnosis::{Detail, Finding, Severity};
use phonescope::findings::{Code, HEADINGS, RULES, Rule};
use phonescope::site::Site;

use crate::support::shipped::{Shipped, shipped, sites};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

// ---- listed ----

#[test]
fn every_code_has_its_rule_in_its_place() {
    let ruled: Vec<Code> = RULES.iter().map(|r| r.code).collect();
    assert_eq!(ruled, Code::ALL, "RULES has one rule for each row of Code, in the same order");
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len(), "two codes are one text");
}

#[test]
fn every_rule_file_is_registered_under_its_name() {
    let folder = root().join("src/findings/rules");
    let mut declared = BTreeSet::new();
    for name in names(&folder).iter().filter(|n| n.ends_with(".rs") && *n != "mod.rs") {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        if text.contains("declare_finding! {") {
            assert_eq!(text.matches("declare_finding! {").count(), 1, "{name}: one file a finding");
            declared.insert(name.trim_end_matches(".rs").replace('_', "-"));
        }
    }
    let registered: BTreeSet<String> = RULES.iter().map(|r| r.code.to_string()).collect();
    assert_eq!(declared, registered);
}

/// What is like a code and is none; where a misspelt code is meant, or the word means something else.
const NO_CODES: &[&str] = &["dhcpv6-refused", "offers-not-taken", "wrong-tftp-sever", "stuckload", "load_file_missing"];

/// How many letters have to change to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left_above = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (left_above + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            left_above = above;
        }
    }
    row[b.len()]
}

/// Whether one is the other, or a misspelling of it.
fn is_like(word: &str, code: &str) -> bool {
    word.len().abs_diff(code.len()) <= 2 && distance(word, code) <= 2
}

/// Files of Rust below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for name in names(folder) {
        let path = folder.join(name);
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => {}
        }
    }
}

/// A code is a variant of `Code`, which the compiler spells: as text it stands in its row alone. Tests may hold what is
/// printed against a text, rightly spelt.
#[test]
fn no_code_is_spelt_outside_its_row() {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    sources(&root().join("tests"), &mut files);
    let mut wrong = Vec::new();
    let mut exact = 0;
    for path in files.iter().filter(|p| !p.ends_with("src/diagnosis/code.rs")) {
        let text = fs::read_to_string(path).unwrap();
        let in_tests = !path.starts_with(root().join("src")) || path.ends_with("tests.rs");
        let product = if in_tests { 0 } else { text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len()) };
        for (number, line) in text.lines().enumerate() {
            let at = line.as_ptr() as usize - text.as_ptr() as usize;
            if line.trim_start().starts_with("//") {
                continue;
            }
            for word in line
                .split('"')
                .map(|w| w.trim_end_matches(['\\', '/']))
                .filter(|w| w.len() >= 8 && !NO_CODES.contains(w))
            {
                let Some(code) = Code::ALL.iter().find(|c| is_like(word, c.as_str())) else { continue };
                let is_exact = word == code.as_str();
                exact += usize::from(is_exact);
                if !is_exact || at < product {
                    let path = path.strip_prefix(root()).unwrap();
                    wrong.push(format!("{}:{}: {word:?}: Code::{code:?}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(exact > 20, "only {exact} codes were found in tests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// ---- documented ----

/// The page of a rule without the space that each line of a doc comment begins with.
fn page(rule: &Rule) -> String {
    let lines: Vec<&str> = rule.page.lines().map(|l| l.strip_prefix(' ').unwrap_or(l).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

fn word(severity: Severity) -> &'static str {
    severity.as_str()
}

fn document(rule: &Rule) -> String {
    format!(
        "# {}\n\n{}. Severity: {}. Since {}.\n\n{}\n",
        rule.code,
        rule.summary,
        word(rule.code.severity()),
        rule.code.since(),
        page(rule)
    )
}

#[test]
fn every_page_has_all_headings_in_order_and_text() {
    for rule in RULES {
        let page = page(rule);
        let mut sections: Vec<(&str, String)> = Vec::new();
        for line in page.lines() {
            match (line.strip_prefix("## "), sections.last_mut()) {
                (Some(heading), _) => sections.push((heading, String::new())),
                (None, Some((_, text))) => text.push_str(line),
                (None, None) => panic!("{}: {line:?} stands before the first heading", rule.code),
            }
        }
        let headings: Vec<&str> = sections.iter().map(|(h, _)| *h).collect();
        assert_eq!(headings, HEADINGS, "{}", rule.code);
        for (heading, text) in &sections {
            let text = text.trim();
            assert!(text.len() > 20, "{}: nothing under {heading}", rule.code);
            assert!(text.ends_with(['.', ')', '|', '`']), "{}: {heading} ends in the middle of a sentence", rule.code);
        }
        assert!(!page.contains('\t') && !page.chars().any(|c| c.is_control() && c != '\n'), "{}", rule.code);
        assert!(!rule.summary.ends_with('.') && rule.summary.len() <= 130, "{}", rule.code);
        assert!(rule.code.since().split('.').count() == 3, "{}: since {:?}", rule.code, rule.code.since());
        // What it is taken for is told apart by its code, and that code is one.
        for other in page.split('`').skip(1).step_by(2).filter(|c| c.contains('-') && !c.contains([' ', '<', '.', '[']))
        {
            let is_code = other.parse::<Code>().is_ok();
            let is_option = other.starts_with("--");
            assert!(is_code || is_option, "{}: `{other}` is no finding", rule.code);
        }
    }
}

#[test]
fn the_documents_are_what_the_rules_and_the_captures_say() {
    let folder = root().join("docs/findings");
    let mut wanted: BTreeMap<String, String> = RULES.iter().map(|r| (format!("{}.md", r.code), document(r))).collect();
    wanted.insert("README.md".to_owned(), list());
    wanted.insert("coverage.md".to_owned(), coverage(&judged()));
    let blessing = std::env::var_os("BLESS").is_some_and(|v| v == "1");
    if blessing {
        fs::create_dir_all(&folder).unwrap();
        for name in names(&folder).iter().filter(|n| !wanted.contains_key(*n)) {
            fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, text) in &wanted {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    assert_eq!(names(&folder), wanted.keys().cloned().collect::<Vec<_>>(), "BLESS=1 writes them");
    for (name, text) in &wanted {
        let there = fs::read_to_string(folder.join(name)).unwrap();
        assert!(there == *text, "docs/findings/{name} is stale: BLESS=1 writes it");
    }
}

fn list() -> String {
    let mut text = "# Findings\n\nWritten from the rules in `src/findings/rules/`. In the order of a phone's boot: of two that \
                    nothing explains the earlier one is the verdict.\n\n| code | severity | holds when |\n| --- | --- | --- |\n"
        .to_owned();
    for rule in RULES {
        let severity = word(rule.code.severity());
        text.push_str(&format!("| [`{0}`]({0}.md) | {severity} | {1} |\n", rule.code, rule.summary));
    }
    text.push_str(
        "\nThe severity is the usual one; a page says where it is another. [Captures that show each](coverage.md).\n",
    );
    text
}

// ---- shown by captures, and really made ----

/// A shipped capture and the findings of it.
struct Judged {
    capture: Shipped,
    findings: Vec<Finding>,
    verdicts: Vec<(String, &'static str)>,
}

fn site_of(capture: &Shipped) -> Site {
    let text = capture.site.and_then(|path| sites().into_iter().find(|s| s.path == path));
    text.map_or_else(Site::none, |s| {
        Site::parse(s.path, s.text, &mut |file| Err(format!("{file} is not there"))).unwrap()
    })
}

fn analyzed(path: &Path) -> Analyzer {
    let mut inputs = Inputs::open(&[path.to_owned()]).unwrap();
    let mut analyzer = Analyzer::new();
    while let Some(record) = inputs.next_record().unwrap() {
        match record {
            Record::Frame(frame) => analyzer.handle_frame(&frame),
            Record::Event(event) => analyzer.handle_event(*event),
        }
    }
    analyzer.finish(inputs.summaries());
    analyzer
}

fn judged() -> Vec<Judged> {
    let judge = |capture: Shipped| {
        let analyzer = analyzed(&root().join("captures").join(capture.path));
        let site = site_of(&capture);
        let diagnosis = analyzer.diagnose(&site);
        let verdicts = diagnosis.phones(Detail::State).map(|p| (p.mac.to_string(), p.verdict.as_str())).collect();
        Judged { capture, verdicts, findings: diagnosis.findings }
    };
    shipped().into_iter().map(judge).collect()
}

fn made(judged: &Judged, code: Code) -> Vec<&Finding> {
    judged.findings.iter().filter(|f| f.code == code).collect()
}

#[test]
fn every_finding_has_a_capture_that_fires_it_and_a_near_miss() {
    for code in Code::ALL {
        let folder = root().join("captures").join(code.as_str());
        let has = |start: &str| folder.is_dir() && names(&folder).iter().any(|n| n.starts_with(start));
        assert!(has("fires-") && has("silent-"), "captures/{code}/ needs a fires-… and a silent-…");
    }
    for name in names(&root().join("captures")) {
        let known = ["README.md", "founding-case", "healthy", "regress"].contains(&name.as_str());
        assert!(known || name.parse::<Code>().is_ok(), "captures/{name}/ is of no finding");
    }
}

#[test]
fn what_fires_fires_and_a_near_miss_does_not() {
    let mut wrong = Vec::new();
    for judged in judged() {
        let (code, file) = judged.capture.path.split_once('/').unwrap();
        let Ok(code) = code.parse::<Code>() else { continue };
        let found = made(&judged, code);
        // A near miss may be worth a warning, where its text says so.
        let may_warn = judged.capture.what.contains("warning");
        let says_no = found.iter().all(|f| f.severity != Severity::Error && may_warn);
        if (file.starts_with("fires-") && found.is_empty()) || (file.starts_with("silent-") && !says_no) {
            wrong.push(format!("{}: {:?}", judged.capture.path, found.iter().map(|f| &f.title).collect::<Vec<_>>()));
        }
        for (mac, verdict, _) in judged.capture.expect {
            let is = judged.verdicts.iter().find(|(m, _)| m == mac).map(|(_, v)| *v);
            if is != Some(*verdict) {
                wrong.push(format!("{}: {mac} is {is:?}, not {verdict}", judged.capture.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn coverage(all: &[Judged]) -> String {
    let mut text = "# Which captures show which finding\n\nWritten from what the analysis says of the files in `captures/`, \
                    with the site file that `captures/README.md` names for them. A near miss looks like the finding and \
                    is not.\n"
        .to_owned();
    for rule in RULES {
        text.push_str(&format!("\n## {}\n\n| capture | says |\n| --- | --- |\n", rule.code));
        for judged in all {
            for finding in made(judged, rule.code) {
                let of = match finding.phones.len() {
                    1 => "1 phone".to_owned(),
                    n => format!("{n} phones"),
                };
                let cause = finding.caused_by.and_then(|c| judged.findings.get(c));
                let cause = cause.map(|c| format!(", caused by `{}`", c.code)).unwrap_or_default();
                let (severity, confidence) = (finding.severity.as_str(), finding.confidence.as_str());
                text.push_str(&format!("| `{}` | {severity}, {confidence}, {of}{cause} |\n", judged.capture.path));
            }
        }
        let near = format!("{}/silent-", rule.code);
        for judged in all.iter().filter(|j| j.capture.path.starts_with(&near) && made(j, rule.code).is_empty()) {
            text.push_str(&format!("| `{}` | nothing |\n", judged.capture.path));
        }
    }
    text
}

// ---- in one voice ----

/// Characters that a terminal or a viewer could act on.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control())
}

#[test]
fn every_message_has_the_house_form() {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, code: Code, what: &str, text: &str| {
        if !holds {
            wrong.push(format!("{code}: {what}: {text}"));
        }
    };
    for judged in judged() {
        for f in &judged.findings {
            let code = f.code;
            check(!f.title.is_empty() && !f.title.ends_with('.'), code, "a title has no final dot", &f.title);
            check(f.title.len() <= 120, code, "a title is a few words", &f.title);
            check(
                f.summary.ends_with('.') && !f.summary.ends_with(".."),
                code,
                "a summary ends with a dot",
                &f.summary,
            );
            check(!f.summary.contains("  "), code, "a summary has single blanks", &f.summary);
            check(is_plain(&f.title) && is_plain(&f.summary), code, "no control characters", &f.summary);
            check(
                !f.evidence.is_empty() && f.evidence[0].at.frame > 0,
                code,
                "the first evidence is a frame",
                &f.title,
            );
            check(!f.phones.is_empty(), code, "a finding is of a phone", &f.title);
            for e in &f.evidence {
                check(!e.text.is_empty() && is_plain(&e.text), code, "evidence is a line", &e.text);
                check(!e.text.ends_with('.'), code, "evidence has no final dot", &e.text);
            }
            check(!f.fixes.is_empty(), code, "a finding has a fix", &f.title);
            for fix in &f.fixes {
                check(
                    !fix.title.ends_with('.') && is_plain(&fix.title),
                    code,
                    "a fix's title has no final dot",
                    &fix.title,
                );
                check(fix.verify.ends_with('.'), code, "how to see that it worked ends with a dot", &fix.verify);
                check(!fix.steps.is_empty(), code, "a fix has steps", &fix.title);
                for step in &fix.steps {
                    check(is_plain(step) && step.ends_with(['.', '?', ')']), code, "a step is a sentence", step);
                }
            }
            let names: BTreeSet<&str> =
                f.facts.iter().chain(f.phone_facts.values().flatten()).map(|(name, _)| *name).collect();
            let promised: BTreeSet<&str> = code.facts().iter().copied().collect();
            check(names == promised, code, "facts are those that are promised", &format!("{names:?}"));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
