//! The reports: the shape that programs rest on, and whole pages as people read them.

mod shape;

use phonescope::findings::Code;
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

#[test]
fn every_finding_has_the_facts_of_its_code() {
    for (name, bytes) in all() {
        let report: Value = serde_json::from_slice(&bytes).unwrap();
        for finding in list(&report, "findings") {
            let code: Code = finding["code"].as_str().unwrap().parse().unwrap();
            let mut expected: Vec<&str> = code.facts().to_vec();
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
