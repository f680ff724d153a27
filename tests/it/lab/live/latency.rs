//! How long after the packet that decides it, or after the end of the silence that does, a change is said.
//!
//! When a change could be said at the earliest is found by judging the same frames again after every one of them, and
//! every few milliseconds where none comes. What a phone that tries again takes back for a moment counts from when it
//! stood.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use phonescope::analyzer::Analyzer;
use phonescope::capture::Record;
use phonescope::event::InputSummary;
use phonescope::report::{Change, ChangeKind, Changes};
use phonescope::site::Site;
use phonescope::types::Timestamp;
use serde_json::Value;

use super::lines::Line;
use crate::product::{open, text};

/// How finely a silence is looked at.
const STEP: Duration = Duration::from_millis(10);
/// What stood for so long must have been said.
const STOOD: Duration = Duration::from_secs(1);

/// How long it took, by what was said.
#[derive(Default)]
pub(super) struct Latencies {
    verdicts: Vec<(Duration, String)>,
    /// Findings and states.
    others: Vec<(Duration, String)>,
}

/// A change that could be said.
struct Possible {
    time: Timestamp,
    what: String,
}

/// Phone, and kind of change.
type Of = (String, &'static str);
/// What is so, and since when, each time that it began.
type Stood = BTreeMap<(Of, String), Vec<Timestamp>>;

impl Latencies {
    /// Compares what was said with when it could have been said; what is wrong.
    pub(super) fn measure(&mut self, lines: &[Line], kept: &[u8], site: &Site) -> Vec<String> {
        let changes: Vec<&Line> = lines.iter().filter(|l| l.value["type"] == "change").collect();
        // What is said with the report is said at its own time.
        let Some(end) = lines.iter().find(|l| l.value["type"] == "input").map(|l| l.came) else {
            return vec!["live: there is no report".to_owned()];
        };
        let (possible, stood) = possible(kept, site, end);
        let mut wrong = Vec::new();
        let mut at: BTreeMap<Of, usize> = BTreeMap::new();
        let mut said: BTreeMap<Of, Vec<usize>> = BTreeMap::new();
        for line in changes {
            let Some((of, what)) = said_of(&line.value) else { continue };
            let name = format!("{} {} {what}", of.0, of.1);
            let since = stood.get(&(of.clone(), what.clone())).into_iter().flatten().rev();
            let since = since.copied().find(|since| *since <= line.came);
            let (of, all) = possible.get_key_value(&of).map_or((&of, &[][..]), |(of, all)| (of, all.as_slice()));
            let next = at.get(of).copied().unwrap_or_default();
            let index = (next..all.len()).find(|n| all[*n].what == what);
            // Of a finding that comes and goes, one of the two may have heard less.
            let Some(time) = index.map(|n| all[n].time).max(since) else {
                wrong.push(format!("{name} was said at {}, and was not so", line.came));
                continue;
            };
            if let Some(index) = index {
                at.insert(of.clone(), index + 1);
                said.entry(of.clone()).or_default().push(index);
            }
            if time == end {
                continue;
            }
            let latency = (line.came.since(time), name);
            if of.1 == ChangeKind::Verdict.as_str() { &mut self.verdicts } else { &mut self.others }.push(latency);
        }
        for (of, all) in possible.iter().filter(|((_, kind), _)| *kind == ChangeKind::Verdict.as_str()) {
            for (index, possible) in all.iter().enumerate() {
                let until = all.get(index + 1).map_or(end, |next| next.time);
                if until.since(possible.time) > STOOD && !said.get(of).is_some_and(|s| s.contains(&index)) {
                    wrong
                        .push(format!("{} {} {} was so at {}, and not said", of.0, of.1, possible.what, possible.time));
                }
            }
        }
        wrong
    }

    pub(super) fn add(&mut self, mut other: Latencies) {
        self.verdicts.append(&mut other.verdicts);
        self.others.append(&mut other.others);
    }

    /// The verdict that took longest.
    pub(super) fn worst(&self) -> Option<&(Duration, String)> {
        self.verdicts.iter().max()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, all) in [("verdicts", &self.verdicts), ("other changes", &self.others)] {
            let mut times: Vec<u128> = all.iter().map(|(time, _)| time.as_millis()).collect();
            times.sort_unstable();
            let part =
                |of: usize| times.get((times.len().saturating_sub(1) * of).div_ceil(100)).copied().unwrap_or_default();
            let (median, most, worst) = (part(50), part(95), part(100));
            write!(f, "{} {what}: median {median} ms, 95 % within {most} ms, worst {worst} ms; ", times.len())?;
        }
        match self.worst() {
            Some((_, name)) => write!(f, "the worst verdict is {name}"),
            None => Ok(()),
        }
    }
}

/// What a line says, where it is measured.
fn said_of(line: &Value) -> Option<(Of, String)> {
    let kind = [ChangeKind::State, ChangeKind::Verdict, ChangeKind::FindingBegan]
        .into_iter()
        .find(|kind| line["change"] == kind.as_str())?;
    let what = if kind == ChangeKind::FindingBegan { text(&line["finding"], "code") } else { text(line, "to") };
    is_measured(kind, what).then(|| ((text(line, "mac").to_owned(), kind.as_str()), what.to_owned()))
}

/// That nothing is known any more is held back on purpose.
fn is_measured(kind: ChangeKind, what: &str) -> bool {
    kind != ChangeKind::Verdict || what != "incomplete"
}

fn possible_of(change: &Change) -> Option<(Of, Possible)> {
    let what = match change.kind {
        ChangeKind::FindingBegan => change.finding?.code.to_string(),
        ChangeKind::State | ChangeKind::Verdict => change.to.as_ref()?.to_string(),
        _ => return None,
    };
    let of = (change.mac.to_string(), change.kind.as_str());
    is_measured(change.kind, &what).then_some((of, Possible { time: change.time, what }))
}

/// When each change was so at first, and when each verdict and finding began, each time anew.
fn possible(kept: &[u8], site: &Site, end: Timestamp) -> (BTreeMap<Of, Vec<Possible>>, Stood) {
    let mut inputs = open(&[("span", kept)]);
    let (mut analyzer, mut changes) = (Analyzer::new(), Changes::new());
    let mut summary =
        InputSummary { path: "span".into(), format: "live".into(), dropped: Some(0), ..Default::default() };
    let mut found: BTreeMap<Of, Vec<Possible>> = BTreeMap::new();
    let (mut stood, mut before) = (Stood::new(), BTreeSet::new());
    let mut judge = |analyzer: &Analyzer, now: Timestamp| {
        let diagnosis = analyzer.diagnose(site);
        let mut stands = BTreeSet::new();
        let told = changes.update_with(&diagnosis, now, |phone| {
            let of = |kind: ChangeKind, what: &str| ((phone.mac.to_string(), kind.as_str()), what.to_owned());
            stands.insert(of(ChangeKind::Verdict, phone.verdict.as_str()));
            let findings = phone.findings.iter().map(|i| diagnosis.findings[*i].code);
            stands.extend(findings.map(|code| of(ChangeKind::FindingBegan, code.as_str())));
        });
        for (of, possible) in told.iter().filter_map(possible_of) {
            found.entry(of).or_default().push(possible);
        }
        for new in stands.difference(&before) {
            stood.entry(new.clone()).or_default().push(now);
        }
        before = stands;
    };
    let mut now: Option<Timestamp> = None;
    while let Some(record) = inputs.next_record().unwrap() {
        let Record::Frame(frame) = record else { panic!("a capture holds frames") };
        if let Some(now) = now {
            wait(&mut analyzer, now, frame.time, &mut judge);
        }
        analyzer.handle_frame(&frame);
        summary.packets += 1;
        summary.first = summary.first.or(Some(frame.time));
        summary.last = Some(frame.time);
        summary.link_types = vec![frame.link_type.name().as_ref().into()];
        analyzer.handle_inputs(vec![summary.clone()]);
        judge(&analyzer, frame.time);
        now = Some(frame.time);
    }
    if let Some(now) = now {
        wait(&mut analyzer, now, end, &mut judge);
    }
    analyzer.finish(vec![summary]);
    judge(&analyzer, end);
    (found, stood)
}

/// Nothing comes from one time to another.
fn wait(analyzer: &mut Analyzer, from: Timestamp, until: Timestamp, judge: &mut dyn FnMut(&Analyzer, Timestamp)) {
    let mut now = from.plus(STEP);
    while now < until {
        analyzer.handle_timeout(now);
        judge(analyzer, now);
        now = now.plus(STEP);
    }
}
