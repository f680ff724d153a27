//! Registrations of real SCCP servers and clients, and how they truly ended.

use phonescope::site::Site;
use serde_json::Value;

use super::{capture, documents, folder};
use crate::product::{list, phone, report_on, text};

/// Device types that the truth knows and the capture does not hold: file and phone.
const NOT_IN_THE_CAPTURE: [(&str, &str); 1] = [
    // It was registered before the capture began; there are keepalives only.
    ("ast-midstream", "SEP0022557B1101"),
];

fn states(outcome: &str) -> &'static [&'static str] {
    match outcome {
        "registered" => &["registered", "unregistered", "closed"],
        "rejected" => &["rejected"],
        "refused" => &["refused"],
        "no-answer" => &["no-answer"],
        "unreachable" => &["no-answer", "refused", "not-seen"],
        "silent" => &["no-answer", "closed"],
        "closed" => &["closed", "no-answer"],
        other => panic!("what is {other}?"),
    }
}

fn differences(name: &str, truth: &Value, found: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let (outcome, registration) = (text(truth, "outcome"), &found["registration"]);
    let state = text(registration, "state");
    if !states(outcome).contains(&state) {
        wrong.push(format!("state {state}, the truth is {outcome}"));
    }
    let texts = truth["connections"].as_array().into_iter().flatten().rev().filter_map(|c| c["reject_text"].as_str());
    if let Some(reject) = texts.clone().next().filter(|_| outcome == "rejected") {
        let said = registration["reject_text"].as_str().unwrap_or_default();
        if said.trim() != reject.trim() {
            wrong.push(format!("reject text {said:?}, not {reject:?}"));
        }
    }
    let device = &truth["device_type"];
    if matches!(outcome, "registered" | "rejected") && !device.is_null() && registration["device_type"] != *device {
        let known = NOT_IN_THE_CAPTURE.contains(&(name, text(truth, "device_name")));
        if !known || !registration["device_type"].is_null() {
            wrong.push(format!("device type {}, not {device}", registration["device_type"]));
        }
    }
    wrong
}

#[test]
fn real_registrations_end_as_they_truly_did() {
    if folder().is_none() {
        return;
    }
    let mut wrong = Vec::new();
    let mut judged = 0;
    for (name, truth) in documents("real-sccp", ".json") {
        let report = report_on(&[(name.as_str(), &capture("real-sccp", &truth, "capture"))], &Site::none());
        for truth in list(&truth, "phones").iter().filter(|p| p["outcome"].is_string() && p["device_name"].is_string())
        {
            judged += 1;
            let device = text(truth, "device_name");
            let by = |key: &str, value: &Value| list(&report, "phones").iter().find(|p| p[key] == *value);
            let found = phone(&report, text(truth, "mac"))
                .or_else(|| by("name", &truth["device_name"]))
                .or_else(|| by("ip", &truth["ip"]));
            let differences = match found {
                Some(found) => differences(&name, truth, found),
                None => vec![format!("is not in the report ({})", truth["outcome"])],
            };
            wrong.extend(differences.iter().map(|d| format!("{name}: {device}: {d}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 40, "only {judged} phones");
}
