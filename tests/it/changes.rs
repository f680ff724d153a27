//! What is told of a boot while it is seen, frame by frame, as `watch` sees it.

use phonescope::analyzer::Analyzer;
use phonescope::capture::Record;
use phonescope::report::{ChangeKind, Changes};

use crate::product::{open, site_of};
use crate::support::shipped::shipped;

/// The changes of a shipped capture that is diagnosed after every frame.
fn told(path: &str, wanted: &[ChangeKind]) -> String {
    let capture = shipped().into_iter().find(|c| c.path == path).expect("a shipped capture");
    let (mut analyzer, mut changes, site) = (Analyzer::new(), Changes::new(), site_of(&capture));
    let bytes = (capture.build)();
    let mut inputs = open(&[(path, &bytes)]);
    let mut said = Vec::new();
    while let Some(record) = inputs.next_record().unwrap() {
        let Record::Frame(frame) = record else { panic!("a capture holds frames") };
        analyzer.handle_frame(&frame);
        for change in changes.update(&analyzer.diagnose(&site), frame.time) {
            if wanted.contains(&change.kind) {
                said.push(format!("{:>4} {} {}", frame.number, change.label(), change.text));
            }
        }
    }
    said.join("\n")
}

#[test]
fn a_healthy_boot_is_told_step_by_step_and_each_step_once() {
    let said = told("healthy/boot.pcap", &[ChangeKind::State, ChangeKind::Verdict]);
    insta::assert_snapshot!(said);
}

#[test]
fn a_load_that_is_taken_and_the_boot_after_it_are_told() {
    let said = told("healthy/upgrade.pcap", &[ChangeKind::State, ChangeKind::Load, ChangeKind::Verdict]);
    insta::assert_snapshot!(said);
}

#[test]
fn a_phone_that_is_turned_away_and_tries_again_does_not_flap() {
    let said = told("registration-rejected/fires-text.pcap", &[ChangeKind::State, ChangeKind::Verdict]);
    insta::assert_snapshot!(said);
}
