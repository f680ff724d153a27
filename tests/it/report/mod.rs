//! The reports: the shape that programs rest on, and whole pages as people read them.

mod shape;

use phonescope::findings::RULES;
use phonescope::site::Site;
use serde_json::Value;

use self::shape::{REPORT, differences, read};
use crate::product::{analyzed, findings_of, json, list, report, site_of, table, text};
use crate::shared::lab_captures;
use crate::support::shipped::shipped;

/// Every capture at hand with its reports' bytes, with and without a site file.
fn all() -> impl Iterator<Item = (String, Vec<u8>)> {
    let ours = shipped().into_iter().map(|s| (s.path.to_owned(), (s.build)(), site_of(&s)));
    ours.chain(lab_captures()).flat_map(|(name, bytes, site)| {
        let analyzer = analyzed(&[(&name, &bytes)]);
        [(name.clone(), json(&analyzer, &Site::none())), (name, json(&analyzer, &site))]
    })
}

#[test]
fn every_report_has_the_promised_shape() {
    for (name, bytes) in all() {
        let mut wrong = Vec::new();
        differences("report", &read(&bytes), &REPORT, &mut wrong);
        assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
    }
}

/// Facts by code (`docs/json-v1.md` promises that they are fixed): names that a finding may have.
const FACTS: &[(&str, &[&str])] = &[
    ("wrong-tftp-server", &["tftp_used", "tftp_right", "source", "dhcp_server", "load_taken"]),
    ("stuck-load", &["load_running", "load_right", "call_manager"]),
    ("conflicting-dhcp-offers", &["offers", "chosen"]),
    ("unknown-dhcp-server", &["dhcp_server", "tftp_offered"]),
    ("no-dhcp-answer", &["tries", "vlan"]),
    ("dhcp-refused", &["dhcp_server", "text"]),
    ("no-tftp-address", &["dhcp_server"]),
    ("malformed-tftp-option", &["option", "raw_hex", "reads_as", "dhcp_server"]),
    ("tftp-name-unresolved", &["name", "dns_server"]),
    ("tftp-options-disagree", &["option150", "option66", "siaddr"]),
    ("tftp-override", &["tftp_used", "tftp_offered"]),
    ("tftp-no-answer", &["tftp_server", "tries", "why"]),
    ("tftp-transfer-failed", &["file", "tftp_server", "blocks"]),
    ("config-file-missing", &["file", "tftp_server", "default_served"]),
    ("file-refused", &["file", "tftp_server", "answer"]),
    ("config-file-broken", &["file", "tftp_server", "problem"]),
    ("load-file-missing", &["file", "tftp_server"]),
    ("load-wrong-family", &["load", "model"]),
    ("load-not-accepted", &["load", "load_running", "last_reason"]),
    ("load-flapping", &["loads", "tftp_servers"]),
    ("load-trap", &["load_running", "load_next", "call_manager"]),
    ("foreign-call-manager", &["call_managers", "tftp_server"]),
    ("registers-with-tftp-server", &["tftp_server"]),
    ("registration-rejected", &["call_manager", "reject_text"]),
    ("call-manager-refused", &["call_manager", "port"]),
    ("call-manager-no-answer", &["call_manager", "port", "tries", "why"]),
    ("call-manager-closed", &["call_manager"]),
    ("registered-elsewhere", &["call_manager", "expected"]),
    ("registration-flapping", &["call_managers", "times"]),
    ("duplicate-device", &["macs", "name", "ip"]),
    ("name-mac-mismatch", &["name", "mac"]),
    ("wrong-voice-vlan", &["vlan", "voice_vlan"]),
    ("trust-list-mismatch", &["file", "tftp_server"]),
];

#[test]
fn every_finding_has_the_facts_of_its_code() {
    assert!(RULES.iter().all(|r| FACTS.iter().any(|(code, _)| *code == r.code)), "a rule without facts");
    for (name, bytes) in all() {
        let report: Value = serde_json::from_slice(&bytes).unwrap();
        for finding in list(&report, "findings") {
            let (_, names) = FACTS.iter().find(|(code, _)| finding["code"] == *code).unwrap();
            let mut expected: Vec<&str> = names.to_vec();
            expected.sort_unstable();
            for mac in list(finding, "phones") {
                let shared = finding["facts"].as_object().unwrap().keys();
                let own = finding["phone_facts"][mac.as_str().unwrap()].as_object();
                let mut keys: Vec<&str> =
                    shared.chain(own.into_iter().flat_map(|o| o.keys())).map(String::as_str).collect();
                keys.sort_unstable();
                assert_eq!(keys, expected, "{name}: {} of {mac}", finding["code"]);
            }
        }
    }
}

#[test]
fn phones_findings_and_causes_refer_to_each_other() {
    for (name, bytes) in all() {
        let report: Value = serde_json::from_slice(&bytes).unwrap();
        let findings = list(&report, "findings");
        let macs: Vec<&str> = list(&report, "phones").iter().map(|p| text(p, "mac")).collect();
        assert!(macs.is_sorted_by(|a, b| a < b), "{name}: phones are in order, each once");
        for phone in list(&report, "phones") {
            for finding in findings_of(&report, phone) {
                assert!(list(finding, "phones").contains(&phone["mac"]), "{name}");
            }
            let is_error = |f: &&Value| f["severity"] == "error";
            let verdict = text(phone, "verdict");
            match findings_of(&report, phone).into_iter().find(|f| f["code"] == verdict && is_error(f)) {
                Some(root) => assert!(root["caused_by"].is_null(), "{name}: {verdict} is explained by another finding"),
                None => {
                    assert!(matches!(verdict, "healthy" | "incomplete"), "{name}: {verdict}");
                    assert!(!findings_of(&report, phone).iter().any(is_error), "{name}");
                    let registered = phone["registration"]["state"] == "registered";
                    assert_eq!(verdict == "healthy", registered, "{name}");
                }
            }
        }
        for (index, finding) in findings.iter().enumerate() {
            let mut at = index;
            for _ in 0..findings.len() {
                match findings[at]["caused_by"].as_u64() {
                    Some(cause) => at = usize::try_from(cause).unwrap(),
                    None => break,
                }
            }
            assert!(findings[at]["caused_by"].is_null(), "{name}: causes go round in a circle");
            let of = list(finding, "phones");
            assert!(!of.is_empty() && of.iter().all(|m| macs.contains(&m.as_str().unwrap())), "{name}");
            let primary = &list(finding, "evidence")[0];
            let frame = primary["frame"].to_string();
            let filter = text(finding, "wireshark_filter");
            let frames = filter.strip_prefix("frame.number in {").and_then(|f| f.strip_suffix('}')).expect("a filter");
            assert!(frames.split(',').any(|f| f == frame), "{name}: {filter} lacks {frame}");
            assert!(finding["severity"] != "error" || !list(finding, "fixes").is_empty(), "{name}: no fix");
        }
    }
}

#[test]
fn pages_are_as_they_were() {
    let pages = [
        "founding-case/mixed-site.pcap",
        "founding-case/downgraded-server.pcap",
        "healthy/boot.pcap",
        "no-dhcp-answer/fires-discover.pcap",
        "conflicting-dhcp-offers/fires-wrong-one-taken.pcap",
        "tftp-no-answer/fires-icmp-port.pcap",
    ];
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    for path in pages {
        let capture = shipped().into_iter().find(|s| s.path == path).unwrap_or_else(|| panic!("{path} is not shipped"));
        let analyzer = analyzed(&[(capture.path, &(capture.build)())]);
        let site = site_of(&capture);
        let name = path.trim_end_matches(".pcap").replace('/', "--");
        insta::assert_snapshot!(format!("{name}.txt"), table(&analyzer, &site));
        let json = String::from_utf8(json(&analyzer, &site)).unwrap();
        insta::assert_snapshot!(format!("{name}.json"), json.replace(&version, "\"version\": \"…\""));
    }
}

#[test]
fn the_site_file_stands_in_the_report() {
    let capture = shipped().into_iter().find(|s| s.site.is_some()).unwrap();
    let analyzer = analyzed(&[(capture.path, &(capture.build)())]);
    assert_eq!(report(&analyzer, &site_of(&capture))["site"], capture.site.unwrap());
    assert!(report(&analyzer, &Site::none())["site"].is_null());
}
