//! The files in `captures/` are what the programs in `tests/support` write. `BLESS=1` writes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::frame::mac;
use crate::support::shipped::{readme, shipped, sites};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some_and(|v| v == "1")
}

/// Every file that belongs in the folder, by path, with its content.
fn files() -> Vec<(String, Vec<u8>)> {
    let captures = shipped().into_iter().map(|s| (s.path.to_owned(), (s.build)()));
    let sites = sites().into_iter().map(|s| (s.path.to_owned(), s.text.as_bytes().to_vec()));
    captures.chain(sites).chain([("README.md".to_owned(), readme().into_bytes())]).collect()
}

#[test]
fn shipped_captures_are_what_their_programs_write() {
    let mut stale = Vec::new();
    for (path, bytes) in files() {
        let file = folder().join(&path);
        if fs::read(&file).is_ok_and(|there| there == bytes) {
            continue;
        }
        if blessing() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, bytes).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "stale or missing, BLESS=1 writes them: {stale:#?}");
}

#[test]
fn no_capture_lies_around_that_no_program_writes() {
    let known: BTreeSet<PathBuf> = files().into_iter().map(|(path, _)| folder().join(path)).collect();
    let mut strays = Vec::new();
    let mut open = vec![folder()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            // Captures of bug reports are recorded, not built.
            if path.ends_with("captures/regress") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if !known.contains(&path) {
                strays.push(path);
            }
        }
    }
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn every_expected_phone_is_in_its_capture() {
    for capture in shipped() {
        let bytes = (capture.build)();
        assert!(!capture.expect.is_empty(), "{} expects nothing", capture.path);
        for (phone, ..) in capture.expect {
            let mac = mac(phone);
            assert!(bytes.windows(6).any(|w| w == mac), "{} has no frame of {phone}", capture.path);
        }
    }
}

#[test]
fn shipped_captures_stay_small() {
    let total: usize = files().iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(total < 3_000_000, "{total} bytes");
}
