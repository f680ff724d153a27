use super::*;
use crate::diagnosis::{Fix, FixKind, FixTarget};
use crate::report::fixture::{finding, mac, mixed_site, nothing};

const SECOND: i64 = 1_000_000_000;
const RULES: AlertRules = AlertRules { min_severity: Severity::Warning, hold: Duration::from_secs(10) };

fn at(second: i64) -> Timestamp {
    Timestamp(1_700_000_000 * SECOND + second * SECOND)
}

fn with(findings: Vec<Finding>) -> Diagnosis<'static> {
    Diagnosis { findings, ..nothing() }
}

fn wrong(server: u8, phones: usize) -> Finding {
    Finding {
        servers: vec![IpAddr::from([10, 31, 0, server])],
        ..finding(Code::WrongTftpServer, Severity::Error, (0..phones).map(mac).collect())
    }
}

fn said(alerts: &[Alert]) -> Vec<String> {
    alerts.iter().map(|a| format!("{} {} {}", a.code, a.event.as_str(), a.phone_count)).collect()
}

#[test]
fn finding_alerts_once_and_its_end_once() {
    let mut book = AlertBook::new();
    let is = |phones| with(vec![wrong(5, phones)]);
    let mut told = Vec::new();
    for second in 0..100 {
        // It holds from second 3 on, with more and more phones, but for a moment at 40; and is gone from 60 on.
        let d = if (3..60).contains(&second) && second != 40 { is(second as usize) } else { nothing() };
        let alerts = book.update(&d, at(second), &RULES);
        told.extend(alerts.into_iter().map(|a| (second, a)));
    }
    let seconds: Vec<_> = told.iter().map(|(s, a)| (*s, a.event, a.phone_count)).collect();
    assert_eq!(seconds, [(13, AlertEvent::Began, 13), (90, AlertEvent::Ended, 59)]);
    assert_eq!(told[0].1.id, told[1].1.id);
    assert_eq!((told[1].1.began, told[1].1.ended), (at(3), Some(at(60))));
    assert_eq!(book.open(), 0);
    let again = (200..220).flat_map(|s| book.update(&is(1), at(s), &RULES)).collect::<Vec<_>>();
    assert_eq!(said(&again), ["wrong-tftp-server began 1"]);
    assert_ne!(again[0].id, told[0].1.id, "another time is another alert");
}

#[test]
fn a_finding_that_only_flickers_is_not_told() {
    let mut book = AlertBook::new();
    for second in 0..300 {
        let d = if second % 60 < 8 { with(vec![wrong(5, 1)]) } else { nothing() };
        assert!(book.update(&d, at(second), &RULES).is_empty(), "{second}");
    }
}

#[test]
fn what_another_finding_explains_stands_in_it_and_is_not_told() {
    let mut d = mixed_site();
    let roots = d.findings.iter().filter(|f| f.caused_by.is_none() && f.severity >= Severity::Warning).count();
    let explained = d.findings.iter().filter(|f| f.caused_by.is_some()).count();
    assert!(explained > 0);
    let mut book = AlertBook::new();
    book.update(&d, at(0), &RULES);
    let alerts = book.update(&d, at(10), &RULES);
    assert_eq!(alerts.len(), roots);
    let inside: usize = alerts.iter().map(|a| a.explains.len()).sum();
    assert!(inside > 0, "{:?}", said(&alerts));
    // Now that something explains it, it is no news of its own any more.
    let mut before = AlertBook::new();
    d.findings.iter_mut().for_each(|f| f.caused_by = None);
    before.update(&d, at(0), &RULES);
    let all = before.update(&d, at(10), &RULES);
    let fewer: Vec<Alert> = (11..60).flat_map(|s| before.update(&mixed_site(), at(s), &RULES)).collect();
    assert!(all.len() > roots && fewer.iter().all(|a| a.event == AlertEvent::Ended), "{:?}", said(&fewer));
}

#[test]
fn servers_tell_findings_apart_and_severity_keeps_them_quiet() {
    let mut book = AlertBook::new();
    let info = finding(Code::TftpOverride, Severity::Info, vec![mac(1)]);
    let d = with(vec![wrong(5, 1), wrong(6, 2), info]);
    book.update(&d, at(0), &RULES);
    let alerts = book.update(&d, at(10), &RULES);
    assert_eq!(said(&alerts), ["wrong-tftp-server began 1", "wrong-tftp-server began 2"]);
    assert_ne!(alerts[0].id, alerts[1].id);
}

#[test]
fn what_becomes_known_of_a_finding_is_no_other_finding() {
    let mut book = AlertBook::new();
    let mut told = Vec::new();
    for second in 0..60 {
        let mut finding = wrong(5, 1);
        // The right server is known later, and the confidence with it.
        if second > 20 {
            finding.servers.push([10, 30, 0, 5].into());
            finding.confidence = Confidence::Likely;
        }
        told.extend(book.update(&with(vec![finding]), at(second), &RULES));
    }
    assert_eq!(said(&told), ["wrong-tftp-server began 1"]);
    let named =
        |title: &str| Finding { title: title.to_owned(), ..finding(Code::DuplicateDevice, Severity::Error, vec![]) };
    let two = with(vec![named("two devices register as A"), named("two devices register as B")]);
    book.update(&two, at(60), &RULES);
    let both = book.update(&two, at(70), &RULES);
    assert_eq!(both.iter().filter(|a| a.code == "duplicate-device").count(), 2, "{:?}", said(&both));
}

#[test]
fn a_restart_tells_nothing_twice() {
    let mut book = AlertBook::new();
    let d = with(vec![wrong(5, 1)]);
    book.update(&d, at(0), &RULES);
    assert_eq!(book.update(&d, at(10), &RULES).len(), 1);
    let saved = serde_json::to_string(&book).unwrap();
    let mut book: AlertBook = serde_json::from_str(&saved).unwrap();
    assert_eq!(book.open(), 1);
    assert!(book.update(&d, at(3_600), &RULES).is_empty());
    book.update(&nothing(), at(3_601), &RULES);
    assert_eq!(said(&book.update(&nothing(), at(3_700), &RULES)), ["wrong-tftp-server ended 1"]);
}

#[test]
fn an_alert_is_one_short_line_of_json_whatever_is_in_it() {
    let long = Finding {
        title: "x\u{1b}[2J\n".repeat(10_000),
        summary: "é\u{202e}".repeat(10_000),
        fixes: vec![
            Fix::new(FixKind::AgreeDhcpServers, FixTarget::Network, "\u{202e}".repeat(10_000))
                .steps(vec!["\u{202e}".repeat(10_000); 20])
                .verify(String::new());
            20
        ],
        ..wrong(5, 50_000)
    };
    let d = with(vec![long]);
    let mut book = AlertBook::new();
    book.update(&d, at(0), &RULES);
    let alert = book.update(&d, at(10), &RULES).remove(0);
    let mut out = Vec::new();
    alert.write_json("probe\u{7}", &mut out).unwrap();
    assert!(out.len() < 60_000, "{}", out.len());
    assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 1);
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains('\u{7}'));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["phone_count"], 50_000);
    assert_eq!(value["phones"].as_array().unwrap().len(), MAX_PHONES);
    assert_eq!(value["severity"], "error");
    assert_eq!(value["ended"], serde_json::Value::Null);
}
