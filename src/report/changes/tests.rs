//! What is told, once and in which words.

use super::*;
use crate::diagnosis::Diagnosis;
use crate::report::fixture::{self, at, mac};

/// The phones of the fixture, changed by `alter`.
fn altered(alter: impl Fn(&mut PhoneReport) + 'static) -> Diagnosis<'static> {
    let mut d = fixture::mixed_site();
    let make = d.make_phone;
    d.make_phone = Box::new(move |i, detail| {
        let mut phone = make(i, detail);
        alter(&mut phone);
        phone
    });
    d
}

/// The changes in the documents' words, those of one phone.
fn told(changes: &[Change], phone: usize) -> Vec<String> {
    changes.iter().filter(|c| c.mac == mac(phone)).map(|c| format!("{}: {}", c.kind.as_str(), c.text)).collect()
}

/// What is wrong is not made any more.
fn incomplete(phone: &mut PhoneReport) {
    if phone.verdict == Verdict::Healthy {
        return;
    }
    phone.findings.clear();
    phone.verdict = Verdict::Incomplete;
}

#[test]
fn a_first_diagnosis_tells_all_and_the_same_again_nothing() {
    let mut changes = Changes::new();
    let first = changes.update(&fixture::mixed_site(), at(0));
    assert_eq!(
        told(&first, 0),
        [
            "appeared: appears (7960 at 10.50.0.10)",
            "state: is rejected by 10.30.0.10: \"Error: DB Config\"",
            "load: runs load P00305000301",
            "finding-began: wrong-tftp-server (error, certain): 10.1.1.9 is the wrong TFTP server",
            "finding-began: registration-rejected (error, certain): 10.30.0.10 rejects the phones",
            "verdict: verdict wrong-tftp-server (certain): 10.1.1.9 is the wrong TFTP server",
        ]
    );
    assert_eq!(told(&first, 5).last().unwrap(), "verdict: verdict healthy");
    assert_eq!(changes.phones(), 6);
    assert!(changes.update(&fixture::mixed_site(), at(1000)).is_empty());
}

#[test]
fn the_order_of_findings_is_no_change() {
    let mut changes = Changes::new();
    changes.update(&fixture::mixed_site(), at(0));
    let mut turned = altered(|p| p.findings = p.findings.iter().rev().map(|i| 2 - i).collect());
    turned.findings.reverse();
    turned.findings[1].caused_by = Some(2);
    assert!(changes.update(&turned, at(1000)).is_empty());
}

#[test]
fn what_goes_is_told_only_once_it_stays_away() {
    let mut changes = Changes::new();
    changes.update(&fixture::mixed_site(), at(0));
    assert!(changes.update(&altered(incomplete), at(60_000)).is_empty());
    assert!(changes.update(&fixture::mixed_site(), at(61_000)).is_empty(), "it came back");
    assert!(changes.update(&altered(incomplete), at(132_000)).is_empty());
    let ended = changes.update(&altered(incomplete), at(134_000));
    assert_eq!(
        told(&ended, 1),
        [
            "finding-ended: wrong-tftp-server ended after 2 min 12 s",
            "finding-ended: registration-rejected ended after 2 min 12 s",
            "verdict: verdict not decided any more",
        ]
    );
    assert!(changes.update(&altered(incomplete), at(140_000)).is_empty());
}

#[test]
fn a_finding_that_gets_certain_is_told_with_what_it_was() {
    let mut changes = Changes::new();
    let mut unsure = fixture::mixed_site();
    unsure.findings[0].confidence = Confidence::Likely;
    changes.update(&unsure, at(0));
    let sure = changes.update(&fixture::mixed_site(), at(1000));
    assert_eq!(sure.len(), 4);
    let change = &sure[0];
    assert_eq!(change.text, "wrong-tftp-server is error, certain now: 10.1.1.9 is the wrong TFTP server");
    assert_eq!(change.from.as_ref().unwrap().raw(), "error, likely");
    assert_eq!(change.finding.unwrap().began, at(0));
}

#[test]
fn what_a_phone_turns_to_is_told_with_what_it_turned_to_before() {
    let mut changes = Changes::new();
    changes.update(&fixture::mixed_site(), at(0));
    let moved = changes.update(
        &altered(|p| {
            p.ip = Some([10, 50, 1, 1].into());
            p.load.running = Some("P00303020214".into());
            p.registration.call_manager = Some([10, 30, 0, 11].into());
            p.step = BootStep::Registration(RegistrationState::Registered);
        }),
        at(1000),
    );
    assert_eq!(
        told(&moved, 0),
        [
            "state: is registered with 10.30.0.11",
            "load: runs load P00303020214, before P00305000301",
            "address: has the address 10.50.1.1, before 10.50.0.10",
            "call-manager: turns to CallManager 10.30.0.11, before 10.30.0.10",
        ]
    );
    assert_eq!(
        (moved[0].from.as_ref().unwrap().raw(), moved[0].to.as_ref().unwrap().raw()),
        ("rejected", "registered")
    );
}

#[test]
fn evicted_phone_is_reported_and_leaves_nothing() {
    let mut changes = Changes::new();
    changes.update(&fixture::mixed_site(), at(0));
    let mut fewer = fixture::mixed_site();
    fewer.phone_count = 4;
    let gone = changes.update(&fewer, at(1000));
    assert_eq!(gone.iter().map(|c| (c.mac, c.kind)).collect::<Vec<_>>(), [4, 5].map(|i| (mac(i), ChangeKind::Gone)));
    assert_eq!(changes.phones(), 4);
    let back = changes.update(&fixture::mixed_site(), at(2000));
    assert_eq!(back.iter().filter(|c| c.kind == ChangeKind::Appeared).count(), 2);
}

#[test]
fn nothing_hostile_is_told_raw() {
    let changes = Changes::new().update(&fixture::hostile(), at(0));
    assert!(changes.len() > 6);
    for change in changes {
        let said = format!("{} {} {:?} {:?}", change.label(), change.text, change.from, change.to);
        assert!(!said.chars().any(crate::types::is_unsafe), "{said}");
    }
}

#[test]
fn each_call_manager_of_a_round_is_reported_once() {
    let mut changes = Changes::new();
    let tries = |last: u8| altered(move |p| p.registration.call_manager = Some([10, 30, 0, last].into()));
    let told: Vec<usize> = [10, 11, 10, 11, 10, 11]
        .map(|last| changes.update(&tries(last), at(0)))
        .map(|c| c.iter().filter(|c| c.mac == mac(0) && c.kind == ChangeKind::CallManager).count())
        .to_vec();
    assert_eq!(told, [0, 1, 0, 0, 0, 0]);
}
