//! What the screen shows of a diagnosis: owned, so that it can stand still while the capture goes on.

use std::net::IpAddr;
use std::time::Duration;

use phonescope::diagnosis::{BootStep, Code, Confidence, Diagnosis, Finding, PhoneReport, Severity, Verdict};
use phonescope::event::InputSummary;
use phonescope::types::{Mac, Timestamp, WireText};

/// How bad a phone is off; worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Rank {
    Error,
    Warning,
    Booting,
    HealthyWithWarning,
    Healthy,
}

impl Rank {
    pub(super) const ALL: [Rank; 5] =
        [Rank::Error, Rank::Warning, Rank::Booting, Rank::HealthyWithWarning, Rank::Healthy];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Rank::Error => "error",
            Rank::Warning => "warning",
            Rank::Booting => "booting",
            Rank::HealthyWithWarning => "healthy with a warning",
            Rank::Healthy => "healthy",
        }
    }

    /// Three columns wide.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Rank::Error => "ERR",
            Rank::Warning => "WRN",
            Rank::Booting => "...",
            Rank::HealthyWithWarning => "ok!",
            Rank::Healthy => "ok ",
        }
    }
}

/// One phone in the list.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) mac: Mac,
    /// Escaped.
    pub(super) label: String,
    pub(super) model: Option<String>,
    pub(super) ip: Option<IpAddr>,
    pub(super) vlan: Option<u16>,
    pub(super) step: BootStep,
    pub(super) since: Option<Timestamp>,
    pub(super) verdict: Verdict,
    pub(super) rank: Rank,
    pub(super) load: Option<WireText>,
    pub(super) dhcp: Option<IpAddr>,
    pub(super) tftp: Option<IpAddr>,
    pub(super) call_manager: Option<IpAddr>,
    /// Codes of its findings.
    pub(super) codes: Vec<Code>,
    /// What its verdict says, escaped, and how sure it is.
    pub(super) title: Option<(String, Confidence)>,
    /// Where it stands in the diagnosis.
    pub(super) index: usize,
    pub(super) findings: Vec<usize>,
}

impl Row {
    /// The phone of that index; [`Row::judge`] adds what its findings say.
    pub(super) fn new(index: usize, p: &PhoneReport) -> Row {
        Row {
            mac: p.mac,
            label: p.name.as_ref().filter(|n| !n.is_empty()).map_or_else(|| p.mac.device_name(), ToString::to_string),
            model: p.model.as_deref().map(|m| WireText::from(m).to_string()),
            ip: p.ip,
            vlan: p.vlan,
            step: p.step,
            since: p.step_since.map(|s| s.time),
            verdict: p.verdict,
            rank: match p.verdict {
                Verdict::Finding(_) => Rank::Error,
                Verdict::Incomplete => Rank::Booting,
                Verdict::Healthy => Rank::Healthy,
            },
            load: p.load.running.clone(),
            dhcp: p.dhcp_server,
            tftp: p.traces.tftp.map(|t| t.ip),
            call_manager: p.registration.call_manager,
            codes: Vec::new(),
            title: None,
            index,
            findings: p.findings.clone(),
        }
    }

    /// Adds what the findings of the diagnosis say.
    fn judge(&mut self, findings: &[Finding]) {
        let own = || self.findings.iter().filter_map(|i| findings.get(*i));
        self.codes = own().map(|f| f.code).collect();
        let warned = own().any(|f| f.severity >= Severity::Warning);
        self.rank = match self.rank {
            Rank::Booting if warned => Rank::Warning,
            Rank::Healthy if warned => Rank::HealthyWithWarning,
            rank => rank,
        };
        let cause = match self.verdict {
            Verdict::Finding(code) => own().find(|f| f.code == code),
            _ => own().max_by_key(|f| f.severity),
        };
        self.title = cause.map(|f| (f.title.clone(), f.confidence));
    }

    /// The servers that it deals with.
    pub(super) fn servers(&self) -> impl Iterator<Item = IpAddr> {
        [self.dhcp, self.tftp, self.call_manager].into_iter().flatten()
    }
}

/// The whole list, worst first, and what stands above it.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) time: Timestamp,
    pub(super) rows: Vec<Row>,
    pub(super) counters: Counters,
    /// DHCP clients that are no phones.
    pub(super) others: u64,
    /// What the capture can not show, in words.
    pub(super) limits: Vec<String>,
}

impl Snapshot {
    /// The diagnosis, and its phones as they were shown on the way.
    pub(super) fn new(d: &Diagnosis<'_>, mut rows: Vec<Row>, time: Timestamp, before: &Counters) -> Snapshot {
        rows.iter_mut().for_each(|row| row.judge(&d.findings));
        // What is alike stands together, and nothing moves that does not change.
        rows.sort_by(|a, b| (a.rank, a.verdict.as_str(), a.mac).cmp(&(b.rank, b.verdict.as_str(), b.mac)));
        let limits = d.coverage.limits_reached.to_vec();
        Snapshot { time, rows, counters: before.next(&d.inputs, time), others: d.other_dhcp_clients, limits }
    }

    /// Phones of a rank.
    pub(super) fn count(&self, rank: Rank) -> usize {
        self.rows.iter().filter(|row| row.rank == rank).count()
    }
}

/// Frames, and how many of them a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    /// Names of the ports, escaped.
    pub(super) ports: Vec<String>,
    /// What is wrong with ports.
    pub(super) problems: Vec<String>,
    pub(super) frames: u64,
    pub(super) dropped: u64,
    /// Of the last full second.
    pub(super) frames_per_sec: u64,
    pub(super) octets_per_sec: u64,
    pub(super) dropped_per_sec: u64,
    /// The counters when that second began.
    mark: Option<(Timestamp, u64, u64, u64)>,
}

impl Counters {
    const SECOND: Duration = Duration::from_secs(1);

    fn next(&self, inputs: &[InputSummary], time: Timestamp) -> Counters {
        let sum = |of: fn(&InputSummary) -> u64| inputs.iter().map(of).fold(0, u64::saturating_add);
        let (frames, octets) = (sum(|i| i.packets), sum(|i| i.bytes));
        let dropped = sum(|i| i.dropped.unwrap_or(0));
        let mut next = Counters {
            ports: inputs.iter().map(|i| i.path.to_string()).collect(),
            problems: inputs.iter().filter_map(|i| Some(format!("{}: {}", i.path, i.problem.as_ref()?))).collect(),
            frames,
            dropped,
            ..self.clone()
        };
        let Some((since, frames_then, octets_then, dropped_then)) = self.mark else {
            next.mark = Some((time, frames, octets, dropped));
            return next;
        };
        let passed = time.since(since);
        if passed >= Counters::SECOND {
            let rate = |now: u64, then: u64| {
                let rate = u128::from(now.saturating_sub(then)) * Counters::SECOND.as_nanos() / passed.as_nanos();
                u64::try_from(rate).unwrap_or(u64::MAX)
            };
            next.frames_per_sec = rate(frames, frames_then);
            next.octets_per_sec = rate(octets, octets_then);
            next.dropped_per_sec = rate(dropped, dropped_then);
            next.mark = Some((time, frames, octets, dropped));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_last_full_second() {
        let at = |ms: i64| Timestamp(ms * 1_000_000);
        let input = |packets, dropped| InputSummary { packets, dropped: Some(dropped), ..InputSummary::default() };
        let start = Counters::default().next(&[input(100, 0)], at(0));
        assert_eq!((start.frames, start.frames_per_sec), (100, 0));
        let soon = start.next(&[input(150, 0)], at(300));
        assert_eq!((soon.frames, soon.frames_per_sec), (150, 0));
        let later = soon.next(&[input(300, 4)], at(2_000));
        assert_eq!((later.frames_per_sec, later.dropped_per_sec, later.dropped), (100, 2, 4));
    }
}
