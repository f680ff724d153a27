//! The program as a user runs it, on one capture, in each way that a case asks for.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::judge::{entries, judge};
use super::words::{matches, misses, texts};

/// What a run ended with.
pub(super) struct Ran {
    pub(super) exit: i32,
    pub(super) said: String,
    pub(super) complaint: String,
}

/// Runs the program with these arguments.
pub(super) fn run(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_phonescope")).args(arguments).output().expect("the program runs");
    Ran {
        exit: output.status.code().unwrap_or(-1),
        said: String::from_utf8_lossy(&output.stdout).into_owned(),
        complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The report on a capture, with its exit code; the complaint where there is none.
pub(super) fn report(capture: &Path, site: Option<&Path>) -> Result<(Value, i32), String> {
    let mut arguments = vec!["analyze", "-T", "json", "--no-progress"];
    if let Some(site) = site {
        arguments.extend(["--site", site.to_str().expect("a plain path")]);
    }
    arguments.push(capture.to_str().expect("a plain path"));
    let ran = run(&arguments);
    match serde_json::from_str(&ran.said) {
        Ok(report) => Ok((report, ran.exit)),
        Err(_) => Err(format!("exit {}, no report: {}", ran.exit, ran.complaint.trim())),
    }
}

/// Everything in which the program's answers to a capture are not as expected, over all modes of the case.
pub(super) fn misses_of(expect: &Value, capture: &Path, site: Option<&Path>) -> Vec<String> {
    let modes = if expect["modes"].is_array() { texts(expect, "modes") } else { vec!["none"] };
    let mut miss = Vec::new();
    for mode in &modes {
        let mut expect = expect.clone();
        for (key, value) in entries(&expect.clone(), mode) {
            expect[key] = value.clone();
        }
        let site = match *mode {
            "site" => Some(site.expect("a site file for the mode site")),
            _ => None,
        };
        let found = match report(capture, site) {
            Ok((report, exit)) => {
                let mut found = judge(&expect, &report, exit);
                found.extend(other_outputs(&expect, capture, site));
                found
            }
            Err(complaint) => vec![complaint],
        };
        let tag = if modes.len() == 1 { String::new() } else { format!(" [{mode}]") };
        miss.extend(found.into_iter().map(|m| m + &tag));
    }
    miss
}

/// The table, the story, what-if, the drafted site file and the fix pack, where the case asks for them.
fn other_outputs(expect: &Value, capture: &Path, site: Option<&Path>) -> Vec<String> {
    let mut miss = Vec::new();
    let capture = capture.to_str().expect("a plain path");
    let with_site: Vec<&str> = site.map_or_else(Vec::new, |s| vec!["--site", s.to_str().expect("a plain path")]);
    let mut ask = |place: &str, arguments: &[&str], want: &Value| {
        let ran = run(&[arguments, &[capture]].concat());
        if matches!(ran.exit, 0 | 1 | 3) {
            miss.extend(misses(want, &ran.said, place));
        } else {
            miss.push(format!("{place}: exit {}: {}", ran.exit, ran.complaint.trim()));
        }
    };
    let analyze = |more: &[&'static str]| [&["analyze", "--no-progress"], more].concat();
    if let Some(want) = expect.get("table") {
        ask("table", &[analyze(&[]), with_site.clone()].concat(), want);
    }
    for (option, key) in [("--phone", "story"), ("--what-if", "what_if")] {
        for (value, want) in entries(expect, key) {
            let arguments = [analyze(&[option]), vec![value.as_str()], with_site.clone()].concat();
            ask(&format!("{key} {value}"), &arguments, want);
        }
    }
    if let Some(want) = expect.get("learn") {
        ask("site learn", &["site", "learn"], want);
    }
    if expect["pack"].is_object() {
        let folder = tempfile::tempdir().expect("a folder");
        let pack = folder.path().join("pack");
        let arguments = ["fix", "--no-progress", "--out", pack.to_str().expect("a plain path"), capture];
        let ran = run(&[&arguments[..], &with_site].concat());
        let files = if pack.is_dir() { files_below(&pack) } else { Vec::new() };
        for (pattern, want) in entries(expect, "pack") {
            if !matches!(ran.exit, 0 | 1 | 3) {
                miss.push(format!("fix: exit {}: {}", ran.exit, ran.complaint.trim()));
                continue;
            }
            let named = |f: &&PathBuf| matches(pattern, &f.strip_prefix(&pack).expect("below").to_string_lossy());
            let read = |f: &PathBuf| String::from_utf8_lossy(&std::fs::read(f).expect("a file")).into_owned() + "\n";
            let text: String = files.iter().filter(named).map(read).collect();
            miss.extend(misses(want, &text, &format!("fix pack {pattern}")));
        }
    }
    miss
}

/// All files in a folder and below it, in order.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).expect("a folder").map(|e| e.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|e| if e.is_dir() { files_below(&e) } else { vec![e] }).collect()
}

/// Works through a list with as many threads as there are processors; the results stand in its order.
pub(super) fn in_parallel<T: Sync, R: Send>(list: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(8);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = list.get(index) else { return };
                    let result = work(one);
                    results.lock().expect("no thread panicked").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panicked");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Names that are wrong and stand in no list, and names of the list that are right; empty where the list is true.
pub(super) fn against_list(results: &[(String, Vec<String>)], not_yet: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, misses) in results {
        let listed = not_yet.contains(&name.as_str());
        match (misses.is_empty(), listed) {
            (true, true) => wrong.push(format!("{name} is right now: take it off the list")),
            (false, false) => wrong.extend(misses.iter().map(|m| format!("{name} {m}"))),
            _ => {}
        }
    }
    let unknown = not_yet.iter().filter(|n| !results.iter().any(|(name, _)| name == *n));
    wrong.extend(unknown.map(|n| format!("{n} stands in the list and is no case")));
    wrong
}

#[test]
fn list_of_known_misses_must_be_exact() {
    let results = [("a".to_owned(), vec!["exit 0".to_owned()]), ("b".to_owned(), Vec::new())];
    assert!(against_list(&results, &["a"]).is_empty());
    assert_eq!(against_list(&results, &[]).len(), 1);
    assert_eq!(against_list(&results, &["a", "b"]).len(), 1);
    assert_eq!(against_list(&results, &["a", "c"]).len(), 1);
}

#[test]
fn capture_that_is_not_there_is_the_only_miss() {
    let miss = misses_of(&json!({"modes": ["none"], "exit": [0]}), Path::new("/nowhere.pcap"), None);
    assert_eq!(miss.len(), 1, "{miss:?}");
    assert!(miss[0].starts_with("exit 2"), "{miss:?}");
}
