//! Every shipped capture gets the verdicts that it is shipped with: these phones, no others, these findings.

use phonescope::findings::RULES;
use serde_json::Value;

use crate::product::{analyzed, codes_of, list, report, site_of, text};
use crate::support::shipped::{Shipped, shipped};

fn report_on(capture: &Shipped) -> Value {
    let bytes = (capture.build)();
    report(&analyzed(&[(capture.path, &bytes)]), &site_of(capture))
}

#[test]
fn every_shipped_capture_gets_its_verdicts() {
    let mut wrong = Vec::new();
    for capture in shipped() {
        let report = report_on(&capture);
        let phones = list(&report, "phones");
        for phone in phones {
            if !capture.expect.iter().any(|(mac, ..)| phone["mac"] == *mac) {
                wrong.push(format!("{}: {} is no phone of it", capture.path, phone["mac"]));
            }
        }
        for (mac, verdict, state) in capture.expect {
            let Some(phone) = phones.iter().find(|p| p["mac"] == *mac) else {
                wrong.push(format!("{}: {mac} is not in the report", capture.path));
                continue;
            };
            if phone["verdict"] != *verdict {
                wrong.push(format!("{}: {mac} is {}, not {verdict}", capture.path, phone["verdict"]));
            }
            if phone["registration"]["state"] != *state {
                let is = &phone["registration"]["state"];
                wrong.push(format!("{}: the registration of {mac} is {is}, not {state}", capture.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_fires_fires_and_what_is_silent_is() {
    let mut wrong = Vec::new();
    for capture in shipped() {
        let (folder, file) = capture.path.split_once('/').unwrap();
        if matches!(folder, "healthy" | "founding-case" | "regress") {
            continue;
        }
        assert!(RULES.iter().any(|r| r.code.as_str() == folder), "{} is of no finding", capture.path);
        let report = report_on(&capture);
        let severities: Vec<&str> =
            list(&report, "findings").iter().filter(|f| f["code"] == folder).map(|f| text(f, "severity")).collect();
        if file.starts_with("fires-") && severities.is_empty() {
            wrong.push(format!("{} does not fire", capture.path));
        }
        // A near miss may be worth a warning, where its text says so.
        let warns = capture.what.contains("warning");
        if file.starts_with("silent-") && severities.iter().any(|s| *s == "error" || !warns) {
            wrong.push(format!("{} fires: {severities:?}", capture.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_finding_has_captures_that_fire_it_and_that_do_not() {
    let all = shipped();
    let has = |code: &str, start: &str| all.iter().any(|s| s.path.starts_with(&format!("{code}/{start}")));
    let missing: Vec<&str> =
        RULES.iter().map(|r| r.code.as_str()).filter(|code| !has(code, "fires-") || !has(code, "silent-")).collect();
    assert!(missing.is_empty(), "without a capture that fires or without a near miss: {missing:?}");
}

#[test]
fn a_phone_that_is_well_has_no_error() {
    for capture in shipped() {
        let report = report_on(&capture);
        for phone in list(&report, "phones").iter().filter(|p| matches!(text(p, "verdict"), "healthy" | "incomplete")) {
            assert_eq!(codes_of(&report, phone, "error"), [""; 0], "{}", capture.path);
        }
    }
}
