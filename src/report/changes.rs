//! What differs from the diagnosis before: the lines of `watch`, and what alerts and metrics are made of.
//!
//! Nothing flaps: a finding or a verdict that goes is only told once it stayed away for [`HOLD`], one that comes
//! is told at once; a phone that tries again in the same boot stays as it was ([`BootStep`]). What is kept of a phone
//! does not grow, and goes with the phone.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::format::lasting;
use crate::diagnosis::{
    BootStep, Code, Confidence, Detail, Diagnosis, Finding, PhoneReport, RegistrationState, Severity, Verdict, and_list,
};
use crate::types::{FrameRef, Mac, PhoneId, Timestamp, WireText};

/// How long a finding or a verdict must be away before that is told.
pub const HOLD: Duration = Duration::from_secs(2);

/// CallManagers remembered of a boot; a phone knows up to five.
const MAX_TRIED: usize = 8;

/// What of a phone changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChangeKind {
    /// It is seen for the first time.
    Appeared,
    /// [`BootStep`].
    State,
    /// [`Verdict`].
    Verdict,
    /// The load that it runs.
    Load,
    /// Its address; told where it had another before.
    Address,
    /// The TFTP server that it turns to; told where it had another before.
    TftpServer,
    /// The CallManager that it is registered with, or tries for the first time in its boot; told where it had another
    /// before.
    CallManager,
    /// A finding begins.
    FindingBegan,
    /// Its severity or confidence is another.
    FindingChanged,
    /// It is not made any more.
    FindingEnded,
    /// The phone is not remembered any more: by age or count.
    Gone,
}

impl ChangeKind {
    /// The word of the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Appeared => "appeared",
            ChangeKind::State => "state",
            ChangeKind::Verdict => "verdict",
            ChangeKind::Load => "load",
            ChangeKind::Address => "address",
            ChangeKind::TftpServer => "tftp-server",
            ChangeKind::CallManager => "call-manager",
            ChangeKind::FindingBegan => "finding-began",
            ChangeKind::FindingChanged => "finding-changed",
            ChangeKind::FindingEnded => "finding-ended",
            ChangeKind::Gone => "gone",
        }
    }
}

/// One change of one phone.
#[derive(Clone, Debug)]
pub struct Change {
    /// When it was noticed.
    pub time: Timestamp,
    #[allow(missing_docs)]
    pub mac: Mac,
    /// The name that it gives itself.
    pub name: Option<WireText>,
    #[allow(missing_docs)]
    pub kind: ChangeKind,
    /// What it was; `None`: nothing, or not known. Network text may be in it.
    pub from: Option<WireText>,
    /// What it is.
    pub to: Option<WireText>,
    /// The packet that shows it, where one does.
    pub shown: Option<(Timestamp, FrameRef)>,
    /// Of a finding, or a verdict that is one.
    pub finding: Option<FindingState>,
    /// One sentence without the phone's name and without a full stop; escaped.
    pub text: String,
}

impl Change {
    /// What the phone is called; escaped.
    pub fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| self.mac.device_name(), ToString::to_string)
    }
}

/// A finding as it stands for one phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FindingState {
    #[allow(missing_docs)]
    pub code: Code,
    #[allow(missing_docs)]
    pub severity: Severity,
    #[allow(missing_docs)]
    pub confidence: Confidence,
    /// When it began.
    pub began: Timestamp,
}

/// Tells what differs from one diagnosis to the next.
#[derive(Default)]
pub struct Changes {
    phones: HashMap<PhoneId, Known, RandomState>,
    round: u64,
}

/// What was told of a phone.
#[derive(Default)]
struct Known {
    round: u64,
    name: Option<WireText>,
    step: BootStep,
    verdict: Option<Verdict>,
    /// Since when there is no cause where one was told.
    causeless_since: Option<Timestamp>,
    load: Option<WireText>,
    address: Option<IpAddr>,
    tftp: Option<IpAddr>,
    call_manager: Option<IpAddr>,
    /// CallManagers that did not take it in this boot: it goes round them again and again.
    tried: Vec<IpAddr>,
    /// One of each code: the worst.
    findings: Vec<KnownFinding>,
}

struct KnownFinding {
    state: FindingState,
    /// Since when it is not made any more.
    away: Option<Timestamp>,
}

impl Changes {
    /// Nothing told so far: all that the first diagnosis holds is a change.
    pub fn new() -> Changes {
        Changes::default()
    }

    /// How many phones are remembered.
    pub fn phones(&self) -> usize {
        self.phones.len()
    }

    /// What differs from the diagnosis before, phone by phone in the order of the diagnosis.
    pub fn update(&mut self, d: &Diagnosis<'_>, now: Timestamp) -> Vec<Change> {
        self.update_with(d, now, |_| ())
    }

    /// The same, and shows each phone on the way (made with [`Detail::State`]).
    pub fn update_with(
        &mut self,
        d: &Diagnosis<'_>,
        now: Timestamp,
        mut each: impl FnMut(&PhoneReport),
    ) -> Vec<Change> {
        self.round += 1;
        let mut changes = Vec::new();
        for phone in d.phones(Detail::State) {
            each(&phone);
            let known = self.phones.entry(phone.id()).or_default();
            let is_new = std::mem::replace(&mut known.round, self.round) == 0;
            let mut seen = Seen { known, phone: &phone, findings: &d.findings, now, changes: &mut changes };
            seen.compare(is_new);
        }
        let mut gone: Vec<Change> = Vec::new();
        let round = self.round;
        self.phones.retain(|phone, known| {
            if known.round != round {
                gone.push(known.gone(phone.mac, now));
            }
            known.round == round
        });
        gone.sort_by_key(|change| change.mac);
        changes.append(&mut gone);
        changes
    }
}

impl Known {
    fn gone(&self, mac: Mac, now: Timestamp) -> Change {
        Change {
            time: now,
            mac,
            name: self.name.clone(),
            kind: ChangeKind::Gone,
            from: Some(self.step.as_str().into()),
            to: None,
            shown: None,
            finding: None,
            text: "is not remembered any more: nothing was seen of it for long, or there are too many phones"
                .to_owned(),
        }
    }
}

/// One phone beside what was told of it.
struct Seen<'a> {
    known: &'a mut Known,
    phone: &'a PhoneReport,
    findings: &'a [Finding],
    now: Timestamp,
    changes: &'a mut Vec<Change>,
}

impl Seen<'_> {
    fn compare(&mut self, is_new: bool) {
        if self.known.name != self.phone.name {
            self.known.name.clone_from(&self.phone.name);
        }
        if is_new {
            let (ip, model) = (self.phone.ip.map(text), self.phone.model.as_deref().unwrap_or("phone"));
            let at = ip.as_ref().map(|ip| format!(" at {ip}")).unwrap_or_default();
            self.tell(ChangeKind::Appeared, None, ip, format!("appears ({}{at})", WireText::from(model)));
        }
        self.state(is_new);
        self.identity();
        self.compare_findings();
        self.verdict(is_new);
    }

    fn tell(&mut self, kind: ChangeKind, from: Option<WireText>, to: Option<WireText>, text: String) -> &mut Change {
        let at = self.changes.len();
        self.changes.push(Change {
            time: self.now,
            mac: self.phone.mac,
            name: self.phone.name.clone(),
            kind,
            from,
            to,
            shown: None,
            finding: None,
            text,
        });
        #[allow(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.changes[at]
    }

    fn state(&mut self, is_new: bool) {
        let (from, to) = (self.known.step, self.phone.step);
        if from == to && !is_new {
            return;
        }
        self.known.step = to;
        let (text, shown) = (step_text(self.phone), self.phone.step_since.map(|s| (s.time, s.at)));
        let from = (!is_new).then(|| from.as_str().into());
        self.tell(ChangeKind::State, from, Some(to.as_str().into()), text).shown = shown;
    }

    /// Load, address and servers.
    fn identity(&mut self) {
        let phone = self.phone;
        if let Some(load) = phone.load.running.as_ref().filter(|l| self.known.load.as_ref() != Some(*l)) {
            let from = self.known.load.replace(load.clone());
            let before = from.as_ref().map(|f| format!(", before {f}")).unwrap_or_default();
            self.tell(ChangeKind::Load, from, Some(load.clone()), format!("runs load {load}{before}"));
        }
        let tftp = phone.traces.tftp.map(|t| t.ip);
        for (kind, now, what) in [
            (ChangeKind::Address, phone.ip, "has the address"),
            (ChangeKind::TftpServer, tftp, "turns to TFTP server"),
            (ChangeKind::CallManager, self.new_call_manager(), "turns to CallManager"),
        ] {
            let known = match kind {
                ChangeKind::Address => &mut self.known.address,
                ChangeKind::TftpServer => &mut self.known.tftp,
                _ => &mut self.known.call_manager,
            };
            let Some(now) = now.filter(|ip| *known != Some(*ip)) else { continue };
            if let Some(before) = known.replace(now) {
                self.tell(kind, Some(text(before)), Some(text(now)), format!("{what} {now}, before {before}"));
            }
        }
    }

    /// The CallManager that it is registered with, or one that it did not try in this boot before.
    fn new_call_manager(&mut self) -> Option<IpAddr> {
        let tried = &mut self.known.tried;
        if self.phone.step < BootStep::Registers {
            tried.clear();
        }
        let now = self.phone.registration.call_manager?;
        if self.phone.registration.state == RegistrationState::Registered {
            tried.clear();
        } else if tried.contains(&now) || tried.len() >= MAX_TRIED {
            return None;
        }
        tried.push(now);
        Some(now)
    }

    fn compare_findings(&mut self) {
        let (phone, all, now) = (self.phone, self.findings, self.now);
        let mut made: Vec<(&Finding, FindingState)> = Vec::new();
        for finding in phone.findings.iter().filter_map(|i| all.get(*i)) {
            let Finding { code, severity, confidence, .. } = *finding;
            let state = FindingState { code, severity, confidence, began: now };
            match made.iter_mut().find(|(_, s)| s.code == code) {
                Some((_, worst)) if (worst.severity, worst.confidence) >= (severity, confidence) => {}
                Some(slot) => *slot = (finding, state),
                None => made.push((finding, state)),
            }
        }
        for (finding, mut state) in made {
            let word = |s: &FindingState| format!("{}, {}", s.severity.as_str(), s.confidence.as_str());
            let (kind, from, text) = match self.known.findings.iter_mut().find(|k| k.state.code == state.code) {
                Some(known) => {
                    known.away = None;
                    state.began = known.state.began;
                    let before = std::mem::replace(&mut known.state, state);
                    if before == state {
                        continue;
                    }
                    let text = format!("{} is {} now: {}", state.code, word(&state), finding.title);
                    (ChangeKind::FindingChanged, Some(word(&before).as_str().into()), text)
                }
                None => {
                    self.known.findings.push(KnownFinding { state, away: None });
                    (ChangeKind::FindingBegan, None, format!("{} ({}): {}", state.code, word(&state), finding.title))
                }
            };
            self.tell(kind, from, Some(word(&state).as_str().into()), text).finding = Some(state);
        }
        let mut ended: Vec<(FindingState, Timestamp)> = Vec::new();
        self.known.findings.retain_mut(|known| {
            let is_made = phone.findings.iter().filter_map(|i| all.get(*i)).any(|f| f.code == known.state.code);
            if is_made {
                return true;
            }
            let away = *known.away.get_or_insert(now);
            let over = now.since(away) >= HOLD;
            if over {
                ended.push((known.state, away));
            }
            !over
        });
        for (state, away) in ended {
            let text = format!("{} ended after {}", state.code, lasting(away.since(state.began)));
            let from = format!("{}, {}", state.severity.as_str(), state.confidence.as_str());
            self.tell(ChangeKind::FindingEnded, Some(from.as_str().into()), None, text).finding = Some(state);
        }
    }

    fn verdict(&mut self, is_new: bool) {
        let verdict = self.phone.verdict;
        let causeless = verdict == Verdict::Incomplete && matches!(self.known.verdict, Some(Verdict::Finding(_)));
        if causeless {
            let since = *self.known.causeless_since.get_or_insert(self.now);
            if self.now.since(since) < HOLD {
                return;
            }
        }
        self.known.causeless_since = None;
        let before = self.known.verdict.replace(verdict);
        // Who appears has no verdict yet, which is not worth a line.
        if before == Some(verdict) || (is_new && verdict == Verdict::Incomplete) {
            return;
        }
        let known = |code| self.known.findings.iter().map(|k| k.state).find(|s| s.code == code);
        let (text, finding) = match verdict {
            Verdict::Healthy => ("healthy".to_owned(), None),
            Verdict::Incomplete => ("not decided any more".to_owned(), None),
            Verdict::Finding(code) => {
                let own = self.phone.findings.iter().filter_map(|i| self.findings.get(*i));
                let title = own.filter(|f| f.code == code).max_by_key(|f| (f.severity, f.caused_by.is_none()));
                let title = title.map(|f| format!(": {}", f.title)).unwrap_or_default();
                let sure = known(code).map(|s| format!(" ({})", s.confidence.as_str())).unwrap_or_default();
                (format!("{code}{sure}{title}"), known(code))
            }
        };
        let from = before.map(|v| v.as_str().into());
        let shown = if verdict == Verdict::Healthy { self.phone.step_since.map(|s| (s.time, s.at)) } else { None };
        let change = self.tell(ChangeKind::Verdict, from, Some(verdict.as_str().into()), format!("verdict {text}"));
        (change.finding, change.shown) = (finding, shown);
    }
}

fn text(ip: IpAddr) -> WireText {
    WireText::from(ip.to_string().as_str())
}

/// How far a phone has come, in a few words after its name; escaped.
pub fn step_text(phone: &PhoneReport) -> String {
    let call_manager = phone.registration.call_manager.map_or("a CallManager".to_owned(), |ip| ip.to_string());
    let asked = phone.tftp_servers.last().map_or("a TFTP server".to_owned(), ToString::to_string);
    match phone.step {
        BootStep::Seen => "is seen, and nothing of its boot".to_owned(),
        BootStep::AsksAddress => "asks for an address".to_owned(),
        BootStep::HasLease => {
            let address = phone.ip.map_or("a lease".to_owned(), |ip| format!("the lease of {ip}"));
            let from = phone.dhcp_server.map(|s| format!(" from {s}")).unwrap_or_default();
            match phone.lease_tftp.as_slice() {
                [] => format!("has {address}{from}, and no TFTP server in it"),
                tftp => format!("has {address}{from}, TFTP server {}", and_list(tftp)),
            }
        }
        BootStep::AsksFiles => format!("asks {asked} for its files"),
        BootStep::TakesLoad => {
            match phone.files.iter().rev().find(|f| crate::wire::load::is_load_file(f.name.raw()).is_some()) {
                Some(file) => format!("takes {} from {}", file.name, file.server),
                None => format!("takes a load from {asked}"),
            }
        }
        BootStep::Registers => format!("turns to CallManager {call_manager}"),
        BootStep::Registration(state) => match state {
            RegistrationState::Registered => format!("is registered with {call_manager}"),
            RegistrationState::Rejected => match &phone.registration.reject_text {
                Some(text) if !text.is_empty() => format!("is rejected by {call_manager}: \"{text}\""),
                _ => format!("is rejected by {call_manager}"),
            },
            RegistrationState::Refused => format!("finds its connection refused by {call_manager}"),
            RegistrationState::NoAnswer => format!("gets no answer from {call_manager}"),
            RegistrationState::Closed => format!("finds its connection closed by {call_manager} before an answer"),
            RegistrationState::Unregistered => format!("has left {call_manager}"),
            RegistrationState::NotSeen => format!("turns to {call_manager}"),
        },
    }
}

#[cfg(test)]
mod tests;
