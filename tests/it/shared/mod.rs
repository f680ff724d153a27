//! Captures that are not shipped, because they are large or others' own: of a lab whose truth is known, of real SCCP
//! software, and public ones with what another decoder says of them.
//!
//! They are looked for where `PHONESCOPE_SHARED` says, or in `../shared/captures`. Without them these tests say that
//! they are skipped; where `CI` is `true`, they fail.

mod decoder;
mod lab;
mod sccp;

use std::path::{Path, PathBuf};

use phonescope::site::Site;
use serde_json::Value;

/// The folder, or `None` where there is none.
#[allow(clippy::print_stdout, reason = "a test that skips says so")]
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let folder = std::env::var_os("PHONESCOPE_SHARED").map_or_else(beside, PathBuf::from);
    if folder.join("lab").is_dir() {
        return Some(folder);
    }
    let must = std::env::var_os("CI").is_some_and(|v| v == "true");
    assert!(!must, "{} holds no captures: set PHONESCOPE_SHARED", folder.display());
    println!("skipped: {} holds no captures", folder.display());
    None
}

/// The captures of the lab with their names and site files; none where there is no folder.
pub(crate) fn lab_captures() -> Vec<(String, Vec<u8>, Site)> {
    let expected = documents("lab", ".expected.json");
    let known = documents("lab", ".site.json");
    let site = |name: &str| known.iter().find(|(n, _)| n == name).map_or_else(Site::none, |(_, k)| lab::site(k));
    let one = |(name, truth): (String, Value)| {
        let site = site(&name);
        (name, capture("lab", &truth, "capture_file"), site)
    };
    expected.into_iter().map(one).collect()
}

/// The documents in a part of the folder whose names end so, by the rest of their names, in order.
fn documents(part: &str, end: &str) -> Vec<(String, Value)> {
    let Some(folder) = folder() else { return Vec::new() };
    let entries = std::fs::read_dir(folder.join(part)).unwrap_or_else(|error| panic!("{part}: {error}"));
    let mut list = Vec::new();
    for path in entries.map(|e| e.unwrap().path()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = name.strip_suffix(end) {
            list.push((name.to_owned(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()));
        }
    }
    list.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(!list.is_empty(), "{part} holds nothing");
    list
}

/// The capture that a document names under `key`.
fn capture(part: &str, document: &Value, key: &str) -> Vec<u8> {
    let path = folder().unwrap().join(part).join(document[key].as_str().unwrap());
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
