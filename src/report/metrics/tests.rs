use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;
use crate::event::InputSummary;
use crate::measures::DhcpAnswers;
use crate::report::fixture::mixed_site;

/// The page, read as the format is written down: every sample has a family before it, none comes twice.
fn parse(page: &str) -> BTreeMap<String, f64> {
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut samples = BTreeMap::new();
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name.to_owned()) && help.ends_with('.') && !help.contains('\\'), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(helped.contains(name) && matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            continue;
        }
        let (key, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = key.split_once('{').map_or((key, ""), |(n, l)| (n, l.strip_suffix('}').unwrap()));
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        labels_of(labels);
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end).filter(|f| families.get(*f).is_some_and(|k| k == "histogram")))
            .unwrap_or(name);
        let kind = families.get(family).unwrap_or_else(|| panic!("{line}"));
        assert_eq!(kind == "counter", family.ends_with("_total"), "{line}");
        assert!(samples.insert(key.to_owned(), value.parse().unwrap()).is_none(), "{line}");
    }
    samples
}

/// `a="b",c="d"`, with escapes in the values.
fn labels_of(mut text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_lowercase()), "{name}");
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("\\{c}"),
                }),
                (_, c) => value.push(c),
            }
        };
        labels.push((name.to_owned(), value));
        text = rest[end + 1..].strip_prefix(',').unwrap_or(&rest[end + 1..]);
    }
    labels
}

fn page(d: &DiagnosisNumbers, measures: &Measures, service: &ServiceNumbers) -> String {
    let mut out = Vec::new();
    write_metrics(d, measures, 3, service, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn all_that_is_counted_stands_on_a_page_that_a_parser_takes() {
    let diagnosis = mixed_site();
    let mut phones = PhoneCounts::default();
    diagnosis.phones(crate::diagnosis::Detail::State).for_each(|p| phones.add(&p));
    let mut measures = Measures::default();
    measures.events.insert("dhcp".to_owned(), 12);
    measures.dhcp.insert(Ipv4Addr::new(10, 30, 0, 2), DhcpAnswers { offers: 5, acks: 4, naks: 1 });
    measures.dhcp.insert(OTHERS, DhcpAnswers { offers: 7, ..DhcpAnswers::default() });
    for seconds in [3, 4, 700, 9_999] {
        measures.way_up.add(std::time::Duration::from_secs(seconds));
    }
    let service = ServiceNumbers {
        started: Timestamp(1_700_000_000_000_000_001),
        diagnose_time: Duration::from_micros(2_500),
        diagnoses: 9,
        drops: vec![PortDrops { port: "eth0".into(), kernel: 2, interface: 1 }],
        alerts: vec![AlertCounts { channel: "webhook", sent: 3, failed: 2, dropped: 1 }],
        state_saved: Some(Timestamp(1_700_000_001_000_000_000)),
        state_save_time: Duration::from_millis(40),
        reloads: (1, 2),
    };
    let numbers = DiagnosisNumbers::new(&diagnosis, phones);
    let samples = parse(&page(&numbers, &measures, &service));
    for (key, value) in [
        ("phonescope_start_time_seconds", 1_700_000_000.0),
        ("phonescope_phones_forgotten_total", 3.0),
        ("phonescope_events_total{type=\"dhcp\"}", 12.0),
        ("phonescope_dhcp_offers_total{server=\"10.30.0.2\"}", 5.0),
        ("phonescope_dhcp_acks_total{server=\"10.30.0.2\"}", 4.0),
        ("phonescope_dhcp_naks_total{server=\"10.30.0.2\"}", 1.0),
        ("phonescope_dhcp_offers_total{server=\"other\"}", 7.0),
        ("phonescope_offer_to_registration_seconds_bucket{le=\"2\"}", 0.0),
        ("phonescope_offer_to_registration_seconds_bucket{le=\"5\"}", 2.0),
        ("phonescope_offer_to_registration_seconds_bucket{le=\"1800\"}", 3.0),
        ("phonescope_offer_to_registration_seconds_bucket{le=\"+Inf\"}", 4.0),
        ("phonescope_offer_to_registration_seconds_sum", 10_706.0),
        ("phonescope_offer_to_registration_seconds_count", 4.0),
        ("phonescope_frames_dropped_total{port=\"eth0\",by=\"kernel\"}", 2.0),
        ("phonescope_frames_dropped_total{port=\"eth0\",by=\"port\"}", 1.0),
        ("phonescope_diagnose_seconds", 0.0025),
        ("phonescope_alerts_total{channel=\"webhook\",outcome=\"dropped\"}", 1.0),
        ("phonescope_site_reloads_total{outcome=\"taken\"}", 2.0),
        ("phonescope_state_saved_timestamp_seconds", 1_700_000_001.0),
        ("phonescope_state_save_seconds", 0.04),
    ] {
        assert_eq!(samples.get(key), Some(&value), "{key}");
    }
    let all: f64 = samples.iter().filter(|(k, _)| k.starts_with("phonescope_phones{")).map(|(_, v)| v).sum();
    assert!((all - diagnosis.phone_count as f64).abs() < 0.1, "{all}");
    let all: f64 = samples.iter().filter(|(k, _)| k.starts_with("phonescope_findings{")).map(|(_, v)| v).sum();
    assert!((all - diagnosis.findings.len() as f64).abs() < 0.1, "{all}");
}

#[test]
fn a_label_can_not_leave_its_quotes() {
    let hostile = "x\"} 1\nevil_metric{a=\"\\\u{1b}[2J";
    let mut diagnosis = mixed_site();
    diagnosis.inputs = vec![InputSummary { path: hostile.into(), packets: 7, ..InputSummary::default() }];
    let numbers = DiagnosisNumbers::new(&diagnosis, PhoneCounts::default());
    let page = page(&numbers, &Measures::default(), &ServiceNumbers::default());
    let samples = parse(&page);
    assert!(!page.contains('\u{1b}') && samples.keys().all(|k| k.starts_with("phonescope_")));
    let (key, _) = samples.iter().find(|(k, v)| k.starts_with("phonescope_frames_total") && **v > 6.0).unwrap();
    let labels = key.strip_prefix("phonescope_frames_total{").unwrap().strip_suffix('}').unwrap();
    assert_eq!(labels_of(labels), [("port".to_owned(), hostile.replace('\u{1b}', "\u{fffd}"))]);
}
