//! Events are complete and steady: read back they give the same report, and so do the same frames, however they come.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use phonescope::analyzer::Analyzer;
use phonescope::capture::Record;
use phonescope::site::Site;
use phonescope::types::Timestamp;
use serde_json::Value;

use crate::product::{analyzed, events, json, open, report, site_of};
use crate::shared::lab_captures;
use crate::support::shipped::shipped;

/// Every capture at hand, with its name and site file.
fn all() -> Vec<(String, Vec<u8>, Site)> {
    shipped().iter().map(|s| (s.path.to_owned(), (s.build)(), site_of(s))).chain(lab_captures()).collect()
}

/// Lines that are JSON objects.
fn lines(events: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(events).expect("UTF-8");
    assert!(text.ends_with('\n'), "the last line is whole");
    let line = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(line).collect()
}

/// Paths and values in which two reports differ.
fn differences(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let at = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                differences(&format!("{path}.{key}"), &at(a), &at(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(i, (a, b))| differences(&format!("{path}[{i}]"), a, b, found));
        }
        _ if a != b => found.push(format!("{path}: {a} / {b}")),
        _ => {}
    }
}

#[test]
fn events_read_back_give_the_report_of_the_packets() {
    let mut wrong = Vec::new();
    for (name, bytes, site) in all() {
        let mut of_packets = report(&analyzed(&[(&name, &bytes)]), &site);
        let mut of_events = report(&analyzed(&[(&name, &events(&[(&name, &bytes)]))]), &site);
        for report in [&mut of_packets, &mut of_events] {
            report.as_object_mut().unwrap().remove("inputs");
        }
        differences(&name, &of_packets, &of_events, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn events_of_events_are_the_same_events() {
    for (name, bytes, _) in all() {
        let mut once = lines(&events(&[(&name, &bytes)]));
        let again = lines(&events(&[(&name, &events(&[(&name, &bytes)]))]));
        // But for what they were read from.
        once.last_mut().unwrap()["format"] = "events".into();
        let mut wrong = Vec::new();
        differences(&name, &Value::Array(once), &Value::Array(again), &mut wrong);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (name, bytes, site) in all() {
        assert!(events(&[(&name, &bytes)]) == events(&[(&name, &bytes)]), "{name}: events");
        let report = || json(&analyzed(&[(&name, &bytes)]), &site);
        assert!(report() == report(), "{name}: report");
    }
}

#[test]
fn ticks_and_questions_in_between_change_nothing() {
    for (name, bytes, site) in all() {
        let mut ticked = Analyzer::new();
        let mut inputs = open(&[(&name, &bytes)]);
        let mut count = 0_u32;
        while let Some(record) = inputs.next_record().unwrap() {
            match record {
                Record::Frame(frame) => {
                    // As in a live capture: time goes by before the frame comes.
                    ticked.handle_timeout(Timestamp(frame.time.0 - 1_000_000));
                    ticked.handle_frame(&frame);
                    ticked.handle_timeout(frame.time);
                }
                Record::Event(event) => ticked.handle_event(*event),
            }
            count += 1;
            if count % 64 == 1 {
                let _ = json(&ticked, &site);
            }
        }
        ticked.finish(inputs.summaries());
        assert!(json(&ticked, &site) == json(&analyzed(&[(&name, &bytes)]), &site), "{name}");
    }
}

/// Keys that `docs/json-v1.md` promises: of every line, and by type.
fn promised() -> (BTreeSet<String>, BTreeMap<String, BTreeSet<String>>) {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json-v1.md")).unwrap();
    let (_, page) = page.split_once("## Events").expect("a chapter on events");
    let quoted = |text: &str| text.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let (_, every) = page.split_once("Every line:").expect("keys of every line");
    let every = quoted(every.split_once("By type").expect("keys by type").0);
    let mut by_type: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in page.lines().filter(|l| l.starts_with("| `") && !l.starts_with("| `type`")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        for kind in quoted(cells[0]) {
            by_type.entry(kind).or_default().extend(quoted(cells.last().unwrap()));
        }
    }
    (every, by_type)
}

#[test]
fn events_have_the_promised_keys_and_no_others() {
    let (every, by_type) = promised();
    assert_eq!(by_type.len(), 14, "{:?}", by_type.keys());
    let mut wrong = BTreeSet::new();
    for (name, bytes, _) in all() {
        for line in lines(&events(&[(&name, &bytes)])) {
            let event = line.as_object().expect("an object");
            let kind = event["type"].as_str().expect("a type");
            let known = by_type.get(kind).unwrap_or_else(|| panic!("{kind} is not on the page"));
            for (key, value) in event {
                if !every.contains(key) && !known.contains(key) {
                    wrong.insert(format!("{kind} has {key}"));
                }
                // A key without a value is left out.
                if value.is_null() || value.as_array().is_some_and(Vec::is_empty) && kind != "capture" {
                    wrong.insert(format!("{kind} has an empty {key}"));
                }
            }
            for key in ["input", "time"] {
                assert!(event.contains_key(key), "{name}: no {key} in {line}");
            }
            assert_eq!(event.contains_key("frame"), kind != "capture", "{name}: {line}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_last_line_of_events_tells_of_the_input() {
    for (name, bytes, _) in all() {
        let lines = lines(&events(&[(&name, &bytes)]));
        let capture = lines.last().expect("a line");
        assert_eq!((&capture["type"], &capture["path"]), (&"capture".into(), &name.as_str().into()));
        let frames = lines.iter().filter_map(|l| l["frame"].as_u64()).max().unwrap_or(0);
        assert!(capture["packets"].as_u64().unwrap() >= frames, "{name}");
        assert_eq!(lines.iter().filter(|l| l["type"] == "capture").count(), 1, "{name}");
    }
}
