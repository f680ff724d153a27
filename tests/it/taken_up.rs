//! What the analyzer knows, written out and taken up again in the middle of a capture, is what it knew.

use phonescope::analyzer::{Analyzer, StateError};
use phonescope::capture::Record;
use phonescope::site::Site;
use phonescope::types::Timestamp;
use serde_json::Value;

use crate::product::{json, list, open, site_of};
use crate::support::shipped::shipped;

fn saved(analyzer: &Analyzer) -> Vec<u8> {
    let mut out = Vec::new();
    analyzer.save(&mut out).expect("room");
    out
}

fn taken_up(analyzer: &Analyzer) -> Analyzer {
    Analyzer::restore(saved(analyzer).as_slice()).unwrap_or_else(|error| panic!("{error}"))
}

/// The report on a capture whose analyzer is written out and taken up again before the frame of that number, and how
/// many transfers were under way there.
fn interrupted(path: &str, bytes: &[u8], site: &Site, at: u64) -> Option<(Value, usize)> {
    let mut inputs = open(&[(path, bytes)]);
    let mut analyzer = Analyzer::new();
    let mut number = 0;
    let mut under_way = None;
    while let Some(record) = inputs.next_record().expect("records") {
        number += 1;
        if number == at {
            under_way = Some(analyzer.under_way());
            analyzer = taken_up(&analyzer);
        }
        match record {
            Record::Frame(frame) => analyzer.handle_frame(&frame),
            Record::Event(event) => analyzer.handle_event(*event),
        }
    }
    analyzer.finish(inputs.summaries());
    under_way.map(|n| (serde_json::from_slice(&json(&analyzer, site)).expect("JSON"), n))
}

#[test]
fn recorded_capture_gives_the_same_report() {
    for capture in shipped() {
        let bytes = (capture.build)();
        let site = site_of(&capture);
        let mut inputs = open(&[(capture.path, &bytes)]);
        let mut analyzer = Analyzer::new();
        while let Some(record) = inputs.next_record().expect("records") {
            if let Record::Frame(frame) = record {
                analyzer.handle_frame(&frame);
            }
        }
        analyzer.handle_inputs(inputs.summaries());
        let again = taken_up(&analyzer);
        assert_eq!(
            String::from_utf8(json(&again, &site)),
            String::from_utf8(json(&analyzer, &site)),
            "{}",
            capture.path
        );
        assert_eq!(saved(&again), saved(&analyzer), "{}", capture.path);
    }
}

/// What a report says of its phones.
fn said(report: &Value) -> Vec<String> {
    let phones = list(report, "phones").iter();
    phones.map(|p| format!("{} {} {}", p["mac"], p["verdict"], p["registration"]["state"])).collect()
}

#[test]
fn interrupted_run_ends_with_the_same_verdicts() {
    let (mut runs, mut whole, mut wrong) = (0, 0, Vec::new());
    for capture in shipped() {
        let bytes = (capture.build)();
        let site = site_of(&capture);
        let (uninterrupted, _) = interrupted(capture.path, &bytes, &site, 1).expect("a frame");
        let mut at = 2;
        while let Some((report, under_way)) = interrupted(capture.path, &bytes, &site, at) {
            runs += 1;
            // Half of a transfer is lost, and with it what it carried.
            if under_way == 0 {
                whole += 1;
                if said(&report) != said(&uninterrupted) {
                    wrong.push(format!("{} at {at}: {:?}", capture.path, said(&report)));
                }
            }
            at += 1 + at / 16;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(whole > runs / 3, "{whole} of {runs}");
}

#[test]
fn what_is_no_state_or_a_broken_one_is_told_and_not_used() {
    let why = |bytes: &[u8]| match Analyzer::restore(bytes) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    let whole = saved(&Analyzer::new());
    assert_eq!(why(&whole), "");
    assert_eq!(why(b""), "it is no state of phonescope");
    assert_eq!(why(b"\x1f\x8b\x08"), "it is no state of phonescope");
    assert_eq!(why(b"{\"schema\":\"phonescope.report/1\"}\n"), "it is no state of phonescope");
    let newer = why(b"{\"schema\":\"phonescope.state/7\"}\n");
    let older = why(b"{\"schema\":\"phonescope.state/1\"}\n");
    assert!(older.starts_with("an earlier version") && older.contains("a new one is written"), "{older}");
    assert!(newer.contains("phonescope.state/7; this one reads phonescope.state/2"), "{newer}");
    for end in 1..whole.len() {
        assert!(!why(&whole[..end]).is_empty(), "cut off at {end}");
    }
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    let without_second: Vec<u8> =
        lines.iter().enumerate().filter(|(i, _)| *i != 1).flat_map(|(_, l)| l.to_vec()).collect();
    assert!(why(&without_second).starts_with("it is damaged in line "), "{}", why(&without_second));
}

#[test]
fn a_broken_octet_anywhere_never_panics() {
    let capture = shipped().into_iter().find(|s| s.path == "healthy/boot.pcap").expect("shipped");
    let bytes = (capture.build)();
    let mut inputs = open(&[(capture.path, &bytes)]);
    let mut analyzer = Analyzer::new();
    while let Some(Record::Frame(frame)) = inputs.next_record().expect("records") {
        analyzer.handle_frame(&frame);
    }
    let whole = saved(&analyzer);
    for at in (0..whole.len()).step_by(7) {
        let mut broken = whole.clone();
        broken[at] ^= 0x11;
        if let Ok(mut analyzer) = Analyzer::restore(broken.as_slice()) {
            analyzer.resume(&["eth0".into()], Timestamp(i64::MAX));
            analyzer.handle_timeout(Timestamp(i64::MAX));
            json(&analyzer, &Site::none());
        }
    }
    assert!(matches!(Analyzer::restore([b'x'; 100].as_slice()), Err(StateError::Foreign)));
}
