//! A run of months: memory is bounded by the phones that are there, and what is concluded is about them.

use std::time::Duration;

use phonescope::analyzer::Analyzer;
use phonescope::capture::Record;
use phonescope::event::InputSummary;
use phonescope::site::Site;
use phonescope::types::{Frame, LinkType, Timestamp};
use serde_json::Value;

use crate::product::{list, open, report};
use crate::support::shipped::shipped;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A frame that owns its octets.
#[derive(Clone)]
struct Kept {
    time: Timestamp,
    link_type: LinkType,
    data: Vec<u8>,
}

fn frames(path: &str) -> Vec<Kept> {
    let capture = shipped().into_iter().find(|s| s.path == path).expect("a shipped capture");
    let bytes = (capture.build)();
    let mut inputs = open(&[(path, &bytes)]);
    let mut kept = Vec::new();
    while let Some(Record::Frame(frame)) = inputs.next_record().expect("records") {
        kept.push(Kept { time: frame.time, link_type: frame.link_type, data: frame.data.to_vec() });
    }
    kept
}

/// A run without an end; the clock ticks with every frame.
struct Run {
    analyzer: Analyzer,
    number: u64,
    now: Timestamp,
}

impl Run {
    fn new() -> Run {
        let mut analyzer = Analyzer::new();
        analyzer.evict_after(Some(DAY));
        Run { analyzer, number: 0, now: Timestamp(0) }
    }

    /// Plays a capture from `begin` on.
    fn play(&mut self, frames: &[Kept], begin: Timestamp) {
        let first = frames[0].time;
        self.wait_until(begin);
        for kept in frames {
            self.number += 1;
            let time = begin.plus(kept.time.since(first));
            self.analyzer.handle_frame(&Frame {
                input: 0,
                number: self.number,
                time,
                link_type: kept.link_type,
                orig_len: u32::try_from(kept.data.len()).unwrap(),
                data: &kept.data,
            });
            self.now = time;
        }
    }

    /// Nothing comes; the clock ticks all the same.
    fn wait_until(&mut self, until: Timestamp) {
        if self.now == Timestamp(0) {
            self.now = until;
        }
        while self.now < until {
            self.now = self.now.plus(MINUTE).min(until);
            self.analyzer.handle_timeout(self.now);
        }
        self.analyzer.handle_timeout(self.now);
    }

    /// Octets of what it knows, written out: memory as it is used for phones and beside them.
    fn size(&self) -> usize {
        let mut out = Vec::new();
        self.analyzer.save(&mut out).expect("room");
        out.len()
    }

    fn report(&self, site: &Site) -> Value {
        report(&self.analyzer, site)
    }
}

fn start() -> Timestamp {
    Timestamp(1_000_000_000_000_000_000)
}

/// Of each phone its verdict.
fn verdicts(report: &Value) -> Vec<String> {
    list(report, "phones").iter().map(|p| format!("{} {}", p["mac"], p["verdict"])).collect()
}

#[test]
fn memory_does_not_grow_with_the_number_of_boots() {
    for (path, boots) in [
        ("healthy/boot.pcap", 10_000),
        ("wrong-tftp-server/fires-option-66.pcap", 2_000),
        ("registration-rejected/fires-text.pcap", 2_000),
    ] {
        let frames = frames(path);
        let mut run = Run::new();
        let site = Site::none();
        let (mut said, mut size) = (Vec::new(), 0);
        for boot in 0..boots {
            run.play(&frames, start().plus(boot * 10 * MINUTE));
            if boot == 200 {
                said = verdicts(&run.report(&site));
                size = run.size();
            }
        }
        assert_eq!(verdicts(&run.report(&site)), said, "{path}");
        assert!(run.size() < size * 11 / 10, "{path}: {} octets, {size} before", run.size());
        assert_eq!(run.analyzer.measures().boots, u64::from(boots) * boots_in(path), "{path}");
    }
}

fn boots_in(path: &str) -> u64 {
    let frames = frames(path);
    let mut run = Run::new();
    run.play(&frames, start());
    run.analyzer.measures().boots
}

/// The capture with other phones in it: the same boots, other MACs and names.
fn of_others(frames: &[Kept], n: u32) -> Vec<Kept> {
    let [_, _, a, b] = n.to_be_bytes();
    let names = format!("SEP0003{a:02X}{b:02X}");
    frames
        .iter()
        .map(|kept| {
            let mut data = kept.data.clone();
            for at in 0..data.len().saturating_sub(11) {
                if data[at..].starts_with(&[0x00, 0x03, 0x6b, 0x3a]) {
                    data[at + 2..at + 4].copy_from_slice(&[a, b]);
                } else if data[at..].starts_with(b"SEP00036B3A") {
                    data[at..at + 11].copy_from_slice(names.as_bytes());
                }
            }
            Kept { data, ..kept.clone() }
        })
        .collect()
}

#[test]
fn phones_that_are_gone_for_a_day_leave_and_are_counted() {
    let frames = frames("healthy/twenty-phones.pcap");
    let mut run = Run::new();
    let mut size = 0;
    for hour in 0..1_000 {
        run.play(&of_others(&frames, hour), start().plus(hour * HOUR));
        if hour == 48 {
            size = run.size();
        }
    }
    let report = run.report(&Site::none());
    let phones = list(&report, "phones");
    assert!(phones.len() <= 25 * 20 + 20 && phones.len() >= 24 * 20, "{}", phones.len());
    assert!(run.size() < size * 12 / 10, "{} octets, {size} before", run.size());
    let left = run.analyzer.evicted_phones();
    assert_eq!(left + phones.len() as u64, 20_000);
    let notes = report["coverage"]["notes"].to_string();
    assert!(notes.contains(&format!("{left} phones that were not seen for 24 h left this report")), "{notes}");
    assert!(phones.iter().all(|p| p["verdict"] == "healthy"), "{phones:?}");
    let offers: u64 = list(&report["servers"], "dhcp").iter().map(|s| s["offers"].as_u64().unwrap()).sum();
    assert!(offers <= 600, "{offers} offers of phones that are there");
    let all: u64 = run.analyzer.measures().dhcp.values().map(|a| a.offers).sum();
    assert_eq!(all, 20_000, "the counters for those who watch go on");
    assert_eq!(run.analyzer.measures().way_up.count(), 20_000);
}

/// A run that is stopped after so many frames and goes on a day later, when nothing comes for an hour.
fn restarted_after(path: &str, count: usize) -> Value {
    let mut run = Run::new();
    run.play(&frames(path)[..count], start());
    let mut state = Vec::new();
    run.analyzer.save(&mut state).expect("room");
    run.analyzer = Analyzer::restore(state.as_slice()).unwrap_or_else(|error| panic!("{error}"));
    run.analyzer.evict_after(Some(DAY));
    let now = run.now.plus(24 * HOUR);
    run.analyzer.resume(&["eth0".into()], now);
    run.now = now;
    run.wait_until(now.plus(HOUR));
    run.report(&Site::none())
}

#[test]
fn restart_is_no_silence_and_keeps_decided_findings() {
    let path = "no-dhcp-answer/fires-discover.pcap";
    let asked: Vec<usize> = (1..=frames(path).len())
        .filter(|count| verdicts(&restarted_after(path, *count)).iter().any(|v| v.ends_with("\"no-dhcp-answer\"")))
        .collect();
    assert!(!asked.is_empty() && asked[0] >= 3, "{asked:?}");
    let report = restarted_after(path, 2);
    let notes = report["coverage"]["notes"].to_string();
    assert!(notes.contains("(the program was restarted): what phones did then is not in this report"), "{notes}");
    // A transfer or connection that the restart cut is no failed one.
    let path = "healthy/boot.pcap";
    for count in 1..frames(path).len() {
        let report = restarted_after(path, count);
        for phone in list(&report, "phones") {
            assert!(matches!(phone["verdict"].as_str(), Some("healthy" | "incomplete")), "{count}: {phone}");
        }
    }
}

#[test]
fn a_clock_that_is_set_back_years_does_not_stop_the_run() {
    let frames = frames("healthy/boot.pcap");
    let mut run = Run::new();
    run.play(&frames, start().plus(20_000 * HOUR));
    run.now = Timestamp(0);
    run.play(&frames, start());
    run.wait_until(start().plus(12 * HOUR));
    let first = run.report(&Site::none());
    assert_eq!(verdicts(&first), ["\"00:03:6b:3a:10:01\" \"healthy\""]);
    assert!(first["coverage"]["notes"].to_string().contains("the times of frames go back 1 times"), "{first}");
    run.wait_until(start().plus(100 * HOUR));
    run.play(&frames, start().plus(101 * HOUR));
    let later = run.report(&Site::none());
    assert_eq!(verdicts(&later), ["\"00:03:6b:3a:10:01\" \"healthy\""]);
    assert!(!later["coverage"]["notes"].to_string().contains("go back"), "long ago: {later}");
}

#[test]
fn a_host_that_slept_for_a_week_misses_nobody_at_once() {
    let frames = frames("healthy/twenty-phones.pcap");
    let mut run = Run::new();
    run.play(&frames, start());
    run.now = run.now.plus(168 * HOUR);
    run.analyzer.handle_timeout(run.now);
    run.wait_until(run.now.plus(23 * HOUR));
    assert_eq!(list(&run.report(&Site::none()), "phones").len(), 20);
    run.wait_until(run.now.plus(3 * HOUR));
    assert_eq!(list(&run.report(&Site::none()), "phones").len(), 0);
}

#[test]
fn old_frame_drops_do_not_weaken_conclusions() {
    let frames = frames("no-dhcp-answer/fires-discover.pcap");
    let mut run = Run::new();
    let dropped = |n| vec![InputSummary { path: "eth0".into(), dropped: Some(n), ..InputSummary::default() }];
    run.play(&frames, start());
    run.analyzer.handle_inputs(dropped(5));
    run.wait_until(run.now.plus(MINUTE));
    let confidence = |run: &Run| list(&run.report(&Site::none()), "findings")[0]["confidence"].clone();
    assert_eq!(confidence(&run), "possible");
    run.wait_until(run.now.plus(48 * HOUR));
    run.play(&frames, run.now);
    run.analyzer.handle_inputs(dropped(5));
    run.wait_until(run.now.plus(MINUTE));
    assert_eq!(confidence(&run), "certain");
    assert_eq!(list(&run.report(&Site::none()), "inputs")[0]["dropped"], 5);
}
