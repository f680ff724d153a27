//! The cases from the field that are not shipped: each capture stands beside what is right of it.

use std::path::PathBuf;

use serde_json::Value;

use super::run::{against_list, in_parallel, misses_of};
use crate::shared::folder;

/// Cases that are not right yet. The list only shrinks: the test fails for one that is right and still listed.
const NOT_YET: &[&str] = &[];

/// The same of what is owed by other work: the fixes' own correctness, and the order in which reports list.
const NOT_YET_FIXES_AND_REPORTS: &[&str] = &[];

/// A case: its name, its capture, its site file, and what is right of it.
struct Field {
    name: String,
    capture: PathBuf,
    site: PathBuf,
    expect: Value,
}

/// All cases in the order of their names; none where there is no folder.
fn cases() -> Vec<Field> {
    let Some(folder) = folder().map(|f| f.join("field")) else { return Vec::new() };
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let one = |name: &str| {
        let kinds = ["pcap", "pcapng", "pcap.gz", "ndjson"];
        let capture = kinds.iter().map(|k| folder.join(format!("{name}.{k}"))).find(|p| p.is_file());
        let text = std::fs::read(folder.join(format!("{name}.expected.json"))).expect("an expectation");
        Field {
            name: name.to_owned(),
            capture: capture.unwrap_or_else(|| panic!("{name} has no capture")),
            site: folder.join(format!("{name}.site.toml")),
            expect: serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}")),
        }
    };
    files.iter().filter_map(|f| f.strip_suffix(".expected.json")).map(one).collect()
}

#[test]
fn cases_from_the_field_are_right() {
    let cases = cases();
    let results = in_parallel(&cases, |c| (c.name.clone(), misses_of(&c.expect, &c.capture, Some(&c.site))));
    if results.is_empty() {
        return;
    }
    let wrong = against_list(&results, &[NOT_YET, NOT_YET_FIXES_AND_REPORTS].concat());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(results.len() > 100, "only {} cases", results.len());
}
