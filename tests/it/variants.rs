//! The same boots, seen through other span ports: wrapped, doubled, cut, lossy, in one direction only.
//!
//! Where the capture still holds the evidence, nothing changes. Where it does not, the report says less, and why; it
//! never says something else.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::product::{findings_of, list, phone, report_on, site_of, text};
use crate::support::capture_file::{Nanos, Record};
use crate::support::draw::Draw;
use crate::support::frame::Frame;
use crate::support::shipped::{Shipped, shipped};
use crate::support::span_port::Capture;
use crate::support::tunnel;

/// The records of a shipped capture, where it is a plain one: little-endian, microseconds, Ethernet.
fn records(file: &[u8]) -> Option<Capture> {
    if file[..4] != [0xd4, 0xc3, 0xb2, 0xa1] || file[20..24] != [1, 0, 0, 0] {
        return None;
    }
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut records = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let time = Nanos::from(word(at)) * 1_000_000_000 + Nanos::from(word(at + 4)) * 1_000;
        let data = file[at + 16..at + 16 + word(at + 8) as usize].to_vec();
        at += 16 + data.len();
        records.push(Record { time, orig_len: word(at - data.len() - 4), data });
    }
    Some(Capture { link_type: tunnel::LINK_ETHERNET, records })
}

/// Plain captures with what is expected of them.
fn plain() -> Vec<(Shipped, Capture)> {
    shipped().into_iter().filter_map(|s| records(&(s.build)()).map(|c| (s, c))).collect()
}

/// The ways in which a span port hands over all there is.
fn whole(capture: &Capture) -> Vec<(&'static str, Vec<u8>)> {
    let wrapped = |wrap: fn(u32, Frame) -> Frame| capture.clone().wrapped(wrap).pcap();
    vec![
        ("pcapng", capture.clone().pcapng()),
        ("QinQ", wrapped(|_, f| tunnel::qinq(f, 2001, 110))),
        ("ERSPAN I", wrapped(|n, f| tunnel::erspan_i(n, &f))),
        ("ERSPAN II", wrapped(|n, f| tunnel::erspan_ii(n, 110, 7, &f))),
        ("ERSPAN III", wrapped(|n, f| tunnel::erspan_iii(n, 110, 7, &f))),
        ("VXLAN", wrapped(|n, f| tunnel::vxlan(n, 5110, &f))),
        ("QinQ in ERSPAN II", wrapped(|n, f| tunnel::erspan_ii(n, 0, 7, &tunnel::qinq(f, 2001, 110)))),
        ("Linux cooked 1", capture.clone().cooked_1().pcap()),
        ("Linux cooked 2", capture.clone().cooked_2().pcap()),
        ("mirrored twice", capture.clone().mirrored_twice().pcap()),
        ("mirrored twice in VXLAN", capture.clone().mirrored_twice().wrapped(|n, f| tunnel::vxlan(n, 5110, &f)).pcap()),
    ]
}

/// What a report says, but for where it was read: frames, tags, inputs and coverage.
fn said(report: &Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                for key in ["frame", "vlan", "wireshark_filter", "time"] {
                    map.remove(key);
                }
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut said = report.clone();
    for key in ["inputs", "coverage"] {
        said.as_object_mut().unwrap().remove(key);
    }
    strip(&mut said);
    said
}

#[test]
fn report_is_the_same_for_every_span_encapsulation() {
    let mut wrong = Vec::new();
    // Where the tag is the evidence, what takes it off or adds one takes the finding with it.
    for (story, capture) in plain().into_iter().filter(|(s, _)| !s.path.starts_with("wrong-voice-vlan/")) {
        let site = site_of(&story);
        let plain = said(&report_on(&[(story.path, &capture.pcap())], &site));
        for (how, bytes) in whole(&capture) {
            let seen = said(&report_on(&[(story.path, &bytes)], &site));
            // Which VLAN a frame was in, not every mirror tells.
            if story.path.starts_with("wrong-voice-vlan/") {
                continue;
            }
            // Findings of DHCP tell the VLAN in words.
            let tagged = how.starts_with("QinQ");
            for key in ["phones", "servers", "findings"].into_iter().filter(|k| !(tagged && *k == "findings")) {
                if seen[key] != plain[key] {
                    wrong.push(format!("{} as {how}: {key}", story.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Direction of a frame: the phones' boxes begin with other MAC addresses than the servers' and routers'.
fn from_phone(story: &Shipped, frame: &[u8]) -> bool {
    let macs = story.expect.iter().map(|(mac, ..)| crate::support::frame::mac(mac));
    macs.into_iter().any(|mac| frame[6..12] == mac)
}

/// Without every `n`th frame, beginning with the `k`th.
fn without(capture: &Capture, n: usize, k: usize) -> Capture {
    let kept = capture.records.iter().enumerate().filter(|(i, _)| i % n != k).map(|(_, r)| r.clone());
    Capture { link_type: capture.link_type, records: kept.collect() }
}

/// Without some frames in a hundred.
fn lossy(capture: &Capture, percent: u64, row: u8) -> Capture {
    let mut draw = Draw::for_name(&[row]);
    let kept = capture.records.iter().filter(|_| draw.between(0, 100) >= percent).cloned();
    Capture { link_type: capture.link_type, records: kept.collect() }
}

fn degraded(story: &Shipped, capture: &Capture) -> Vec<(String, Capture)> {
    let mut list = vec![
        ("only from phones".to_owned(), capture.clone().only(|f| from_phone(story, f))),
        ("only to phones".to_owned(), capture.clone().only(|f| !from_phone(story, f))),
        ("cut to 96".to_owned(), capture.clone().snapped(96)),
        ("cut to 200".to_owned(), capture.clone().snapped(200)),
        ("cut to 68".to_owned(), capture.clone().snapped(68)),
    ];
    for n in [2, 3, 5, 7, 11] {
        for k in 0..n {
            list.push((format!("without every {n}th from {k}"), without(capture, n, k)));
        }
    }
    for percent in [1, 3, 10, 30] {
        for row in 0..3 {
            list.push((format!("{percent} % lost, {row}"), lossy(capture, percent, row)));
        }
    }
    list
}

/// What a report on less may say of a phone: what the whole says, as cause or as consequence; or nothing.
fn may_say(story: &Shipped, whole: &Value, mac: &str) -> Option<Vec<String>> {
    let phone = phone(whole, mac)?;
    let mut may: Vec<String> = findings_of(whole, phone).iter().map(|f| text(f, "code").to_owned()).collect();
    // Without the other server's offer a lease that names no TFTP server is all that there is to see.
    if may.iter().any(|code| code == "conflicting-dhcp-offers") {
        may.push("no-tftp-address".to_owned());
    }
    // Offers that the phone never takes leave nothing but its questions where the capture lacks them.
    if may.iter().any(|code| code == "offer-not-taken" || code == "malformed-tftp-option") {
        may.push("no-dhcp-answer".to_owned());
    }
    may.push("incomplete".to_owned());
    // What is wrong with a phone that comes up all the same may go unseen.
    let (.., state) = story.expect.iter().find(|(m, ..)| *m == mac)?;
    if matches!(*state, "registered" | "unregistered") {
        may.push("healthy".to_owned());
    }
    Some(may)
}

/// How the verdicts of one capture that holds less compare with the right ones.
#[derive(Default)]
struct Compared {
    phones: u32,
    right: u32,
    wrong: Vec<String>,
}

fn compare(story: &Shipped, whole: &Value, report: &Value, compared: &mut Compared) {
    for (mac, expected, _) in story.expect {
        let (Some(may), Some(phone)) = (may_say(story, whole, mac), phone(report, mac)) else { continue };
        let verdict = text(phone, "verdict");
        compared.phones += 1;
        compared.right += u32::from(verdict == *expected);
        let finding = findings_of(report, phone).into_iter().find(|f| f["code"] == verdict);
        let sure = finding.map_or("", |f| text(f, "confidence"));
        // Without its last word a CallManager that turns a phone away looks like one that says nothing; where nothing
        // in what is left shows the loss, that is likely, and never certain.
        let turned_away = may.iter().any(|code| code == "call-manager-closed" || code == "registration-rejected");
        let is_guess = turned_away && verdict == "call-manager-no-answer" && sure != "certain";
        // By the phone's REQUEST alone a relay that names itself is not to be told from a server: likely, never certain.
        let is_guess = is_guess || verdict == "unknown-dhcp-server" && sure != "certain";
        // A challenge of SIP whose second half is lost looks like a password that is not taken: likely, never certain.
        let is_sip = story.path.contains("sip");
        let is_guess = is_guess || is_sip && verdict == "registration-rejected" && sure != "certain";
        if !may.iter().any(|m| m == verdict) && !is_guess {
            compared.wrong.push(format!("{} {mac}: {verdict} {sure}, not one of {may:?}", story.path));
        }
    }
}

#[test]
fn a_capture_that_holds_less_names_no_other_cause() {
    let mut by_way: BTreeMap<String, Compared> = BTreeMap::new();
    for (story, capture) in plain() {
        let site = site_of(&story);
        let whole = report_on(&[(story.path, &capture.pcap())], &site);
        for (how, part) in degraded(&story, &capture) {
            let report = report_on(&[(story.path, &part.pcap())], &site);
            compare(&story, &whole, &report, by_way.entry(how).or_default());
        }
    }
    let wrong: Vec<String> =
        by_way.iter().flat_map(|(how, c)| c.wrong.iter().map(move |w| format!("{how}: {w}"))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nor is silence the way out: a capture that lost one frame in ten tells nearly as much as a whole one.
    for (how, compared) in by_way.iter().filter(|(how, _)| how.starts_with("10 %") || how.contains("11th")) {
        assert!(compared.right * 100 >= compared.phones * 80, "{how}: {} of {}", compared.right, compared.phones);
    }
}

#[test]
fn a_capture_that_holds_less_says_why() {
    let (story, capture) = plain().into_iter().find(|(s, _)| s.path == "founding-case/mixed-site.pcap").unwrap();
    let ways = [
        (capture.clone().only(|f| from_phone(&story, f)), "mirror both directions"),
        (capture.clone().only(|f| !from_phone(&story, f)), "mirror both directions"),
        (capture.clone().snapped(96), "cut by the snap length"),
        (lossy(&capture, 10, 1), "packets are missing"),
    ];
    let notes = |capture: &Capture| {
        let report = report_on(&[(story.path, &capture.pcap())], &site_of(&story));
        list(&report["coverage"], "notes").iter().map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(notes(&capture), [""; 0]);
    for (part, why) in ways {
        assert!(notes(&part).iter().any(|n| n.contains(why)), "no note {why:?}: {:#?}", notes(&part));
    }
}

#[test]
fn the_founding_case_is_found_in_one_direction_too() {
    let (story, capture) = plain().into_iter().find(|(s, _)| s.path == "founding-case/mixed-site.pcap").unwrap();
    // The read requests and the site file are enough.
    let report = report_on(&[(story.path, &capture.only(|f| from_phone(&story, f)).pcap())], &site_of(&story));
    for (mac, expected, _) in story.expect.iter().filter(|(_, verdict, _)| *verdict == "wrong-tftp-server") {
        assert_eq!(phone(&report, mac).unwrap()["verdict"], *expected, "{mac}");
    }
}
