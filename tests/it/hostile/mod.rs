//! What decoders of these protocols have been broken with: a case for each kind of bug, from the frame to the event.
//!
//! Every case is a capture that ends with a DHCP DISCOVER in good order. It must be read to its end, what is odd must
//! be said, and the DISCOVER must be seen. The same captures go through the program in little memory.

mod announcements;
mod datagrams;
mod files;
mod links;
mod streams;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::product::events;
use crate::support::capture_file::Record;
use crate::support::wire::{Wire, discover_frame};

/// Whose DISCOVER ends each capture.
const LAST: &str = "00:03:6b:3a:99:01";
/// Most events of one case, anomalies of one event, octets of one line.
const MOST_EVENTS: usize = 1_000;
const MOST_ANOMALIES: usize = 40;
const LONGEST_LINE: usize = 16 << 10;
/// Longest time for one case: a thousandth of what a loop without end takes, and a hundred times what is needed.
const LONGEST: Duration = Duration::from_secs(10);

/// One hostile capture and what is to be seen in it.
struct Case {
    name: String,
    bytes: Vec<u8>,
    /// Part of an anomaly that an event must have.
    says: Option<&'static str>,
    /// Type of events, and how many there must be beside the last DISCOVER and the summary.
    sees: Vec<(&'static str, usize)>,
    /// How often the DISCOVER in good order is seen in it: not at all where the file is damaged before it.
    last: usize,
}

impl Case {
    fn new(name: impl Into<String>, wire: Wire) -> Case {
        Case { name: name.into(), bytes: with_last(wire).pcap(), says: None, sees: Vec::new(), last: 1 }
    }

    fn says(mut self, part: &'static str) -> Case {
        self.says = Some(part);
        self
    }

    fn sees(mut self, kind: &'static str, times: usize) -> Case {
        self.sees.push((kind, times));
        self
    }
}

/// A DISCOVER in good order behind the rest.
fn with_last(wire: Wire) -> Wire {
    wire.frame(discover_frame(LAST, 0x1a57).0)
}

/// That DISCOVER as a record.
fn last_record() -> Record {
    with_last(Wire::new()).records.remove(0)
}

/// Every case.
fn cases() -> Vec<Case> {
    [links::cases(), datagrams::cases(), streams::cases(), announcements::cases(), files::cases()]
        .into_iter()
        .flatten()
        .collect()
}

fn check(case: &Case, wrong: &mut Vec<String>) {
    let began = Instant::now();
    let said = events(&[(&case.name, &case.bytes), ("good", &with_last(Wire::new()).pcap())]);
    let took = began.elapsed();
    let text = String::from_utf8(said).expect("UTF-8");
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let mut fail = |what: String| wrong.push(format!("{}: {what}", case.name));
    if took > LONGEST {
        fail(format!("took {took:?}"));
    }
    if lines.len() > MOST_EVENTS || text.lines().any(|l| l.len() > LONGEST_LINE) {
        fail(format!("{} events of {} octets", lines.len(), text.len()));
    }
    let anomalies = |line: &Value| -> Vec<String> {
        line["anomalies"].as_array().into_iter().flatten().map(|a| a.as_str().expect("text").to_owned()).collect()
    };
    if let Some(most) = lines.iter().map(|l| anomalies(l).len()).max().filter(|n| *n > MOST_ANOMALIES) {
        fail(format!("{most} anomalies of one event"));
    }
    for input in [0, 1] {
        let is_last = |l: &Value| l["input"] == input && l["msg"] == "DISCOVER" && l["chaddr"] == LAST;
        let last: Vec<&Value> = lines.iter().filter(|l| is_last(l)).collect();
        let expected = if input == 0 { case.last } else { 1 };
        if last.len() != expected || last.iter().any(|l| !anomalies(l).is_empty()) {
            fail(format!("the good DISCOVER of input {input} is not there {expected} times: {last:?}"));
        }
    }
    let of_case = || lines.iter().filter(|l| l["input"] == 0 && l["chaddr"] != LAST && l["type"] != "capture");
    let all: Vec<String> = of_case().flat_map(anomalies).collect();
    if let Some(part) = case.says
        && !all.iter().any(|a| a.contains(part))
    {
        fail(format!("no event says {part:?} but {all:?}"));
    }
    for (kind, times) in &case.sees {
        let seen = of_case().filter(|l| l["type"] == *kind).count();
        if seen != *times {
            let shown: Vec<String> = of_case().take(5).map(Value::to_string).collect();
            fail(format!("{seen} events of type {kind} instead of {times}: {}", shown.join("\n  ")));
        }
    }
}

#[test]
fn every_case_is_read_to_its_end_and_what_is_odd_is_said() {
    let mut wrong = Vec::new();
    for case in cases() {
        check(&case, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<String> = cases().into_iter().map(|c| c.name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count > 150, "only {count}");
}

/// Address space that the program may have for all cases at once, in KiB. Ten times what the plain run needs.
#[cfg(target_os = "linux")]
const MOST_MEMORY: u32 = 512 << 10;

#[cfg(target_os = "linux")]
#[test]
fn all_cases_together_are_read_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (number, case) in cases().iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number:03}.pcap")), &case.bytes).unwrap();
    }
    let program = assert_cmd::cargo::cargo_bin!("phonescope");
    for command in ["events", "analyze"] {
        let limited = format!("ulimit -v {MOST_MEMORY} && exec \"$0\" {command} --no-progress -q \"$1\"");
        let run = std::process::Command::new("sh").arg("-c").arg(limited).arg(program).arg(folder.path()).output();
        let run = run.unwrap();
        let errors = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(matches!(run.status.code(), Some(0 | 1 | 3)), "{command}: {:?}\n{errors}", run.status);
        assert!(!errors.contains("panicked"), "{errors}");
    }
}
