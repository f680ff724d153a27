//! What the analysis says: the model that every report renders.
//!
//! Phones are made one at a time ([`Diagnosis::phones`]), so that a report on fifty thousand of them needs no more
//! memory than a report on one. Network text in here is [`WireText`]; texts of type `String` are our own sentences,
//! with network text in them already escaped.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::event::InputSummary;
use crate::types::{FrameRef, Mac, PhoneId, Timestamp, WireText};

pub mod code;
mod fix;
mod ladder;
mod target;
mod what_if;

pub use self::code::Code;
pub use self::fix::{Fix, FixKind, FixTarget, Platform, Role};
pub use self::ladder::{Arrow, LadderRole};
pub use self::target::{Scope, ScopeObstacle, ScopePhone, ScopeReach, SeenConfiguration, TargetState};
pub use self::what_if::{PhoneThen, WhatIf, WhatIfOutcome};
pub use crate::wire::dhcp::TftpSource;

/// The whole diagnosis.
pub struct Diagnosis<'a> {
    /// Path of the site file, if one was given.
    pub site: Option<String>,
    /// The inputs, by id.
    pub inputs: Vec<InputSummary>,
    /// What the inputs could show.
    pub coverage: Coverage,
    /// Who answered.
    pub servers: Servers,
    /// Findings, in their fixed order; phones and `caused_by` refer to them by index.
    pub findings: Vec<Finding>,
    /// What changes that were asked about would do.
    pub what_if: Vec<WhatIf>,
    /// How many phones there are.
    pub phone_count: usize,
    /// DHCP clients that are no phones.
    pub other_dhcp_clients: u64,
    /// Makes the phone of an index.
    pub(crate) make_phone: Box<dyn Fn(usize, Detail) -> PhoneReport + 'a>,
}

impl Diagnosis<'_> {
    /// The phones in their fixed order, each made when asked for.
    pub fn phones(&self, detail: Detail) -> impl Iterator<Item = PhoneReport> + '_ {
        (0..self.phone_count).map(move |i| (self.make_phone)(i, detail))
    }

    /// The phone of an index below `phone_count`.
    pub fn phone(&self, index: usize, detail: Detail) -> PhoneReport {
        (self.make_phone)(index, detail)
    }

    /// Whether any finding is an error: exit code 1.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }

    /// Whether any input was damaged: exit code 3.
    pub fn has_damage(&self) -> bool {
        self.inputs.iter().any(|i| i.problem.is_some())
    }
}

/// How much of a phone is worked out. Its sentences take longer than all the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Detail {
    /// Everything but the timeline, the narrative and the ladder, which stay empty.
    State,
    /// The timeline too.
    Timeline,
    /// The narrative and the ladder too.
    Story,
}

/// Which directions of a protocol the capture holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Directions {
    /// Requests and answers.
    BothWays,
    /// Only one of them.
    OneWay,
    /// Nothing.
    #[default]
    None,
}

/// What the capture could show, and so what may be concluded from it.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    #[allow(missing_docs)]
    pub dhcp: Directions,
    #[allow(missing_docs)]
    pub tftp: Directions,
    #[allow(missing_docs)]
    pub registration: Directions,
    #[allow(missing_docs)]
    pub cdp_lldp: Directions,
    /// Frames that a snap length cut.
    pub cut_frames: u64,
    /// Frames that are copies of another one.
    pub duplicate_frames: u64,
    /// Bounds that were reached, in words.
    pub limits_reached: Vec<String>,
    /// What could not be concluded, and why.
    pub notes: Vec<String>,
}

/// The servers seen.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Servers {
    pub dhcp: Vec<DhcpServer>,
    pub tftp: Vec<TftpServer>,
    pub call_managers: Vec<CallManager>,
}

/// A DHCP server, by its server identifier (option 54) or else its address; one of DHCPv6 by its address.
#[derive(Clone, Debug)]
pub struct DhcpServer {
    #[allow(missing_docs)]
    pub ip: IpAddr,
    /// Messages to phones, copies not counted.
    pub offers: u64,
    #[allow(missing_docs)]
    pub acks: u64,
    #[allow(missing_docs)]
    pub naks: u64,
    /// Phones that it answered.
    pub phones: u64,
    /// TFTP servers that it names, sorted.
    pub tftp: Vec<WireText>,
    /// Cluster of the site file that its TFTP servers belong to.
    pub cluster: Option<String>,
}

/// A TFTP (or HTTP file) server.
#[derive(Clone, Debug)]
pub struct TftpServer {
    #[allow(missing_docs)]
    pub ip: IpAddr,
    /// Phones that asked it.
    pub phones: u64,
    /// Requests by how they ended.
    pub served: u64,
    #[allow(missing_docs)]
    pub missing: u64,
    #[allow(missing_docs)]
    pub silent: u64,
    #[allow(missing_docs)]
    pub cluster: Option<String>,
}

/// A CallManager that phones tried.
#[derive(Clone, Debug)]
pub struct CallManager {
    #[allow(missing_docs)]
    pub ip: IpAddr,
    /// Phones by how their last attempt there ended.
    pub registered: u64,
    #[allow(missing_docs)]
    pub rejected: u64,
    #[allow(missing_docs)]
    pub refused: u64,
    #[allow(missing_docs)]
    pub silent: u64,
    #[allow(missing_docs)]
    pub cluster: Option<String>,
}

/// One phone, as section 3 of the contract has it.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct PhoneReport {
    pub mac: Mac,
    /// Whether only its name tells it from others: a port of an analog gateway.
    pub by_name: bool,
    pub name: Option<WireText>,
    pub model: Option<String>,
    pub ip: Option<IpAddr>,
    pub vlan: Option<u16>,
    pub dhcp_server: Option<IpAddr>,
    /// TFTP servers as the lease orders them: addresses or names.
    pub lease_tftp: Vec<WireText>,
    pub tftp_source: Option<TftpSource>,
    pub offers: Vec<Offer>,
    /// File servers in the order of first use.
    pub tftp_servers: Vec<IpAddr>,
    pub files: Vec<FileFetch>,
    pub load: LoadReport,
    pub registration: Registration,
    /// Cluster that the phone belongs to, that its TFTP server belongs to, that it is registered in.
    pub cluster_expected: Option<String>,
    pub cluster_tftp: Option<String>,
    pub cluster_registered: Option<String>,
    /// How far it has come in its current boot, and since when: the frame that shows it.
    pub step: BootStep,
    pub step_since: Option<Moment>,
    /// Its latest frame.
    pub last: Option<Timestamp>,
    pub verdict: Verdict,
    /// Indices into [`Diagnosis::findings`].
    pub findings: Vec<usize>,
    pub timeline: Vec<TimelineEntry>,
    /// Its messages, as arrows; only with [`Detail::Story`].
    pub ladder: Vec<Arrow>,
    /// The story in sentences with frame numbers.
    pub narrative: String,
    /// What it shows of its site.
    pub traces: ObservedSite,
    /// What it should have.
    pub wanted: TargetState,
}

impl PhoneReport {
    /// What tells it from all others.
    pub fn id(&self) -> PhoneId {
        match self.name.as_ref().filter(|_| self.by_name) {
            Some(name) => PhoneId::named(self.mac, name.raw()),
            None => self.mac.into(),
        }
    }
}

/// What a phone shows of the site that it is in: where a site file is drafted from.
#[derive(Clone, Debug, Default)]
pub struct ObservedSite {
    /// The CallManager that it is registered with, or was until it left, and the frame that shows it.
    pub registered: Option<ObservedServer>,
    /// That CallManager is the router of its lease, and no configuration names it: survivable telephony, most likely.
    pub registered_with_router: bool,
    /// The TFTP server that it turns to.
    pub tftp: Option<ObservedTftp>,
    /// CallManagers that its configuration names.
    pub call_managers: Vec<ObservedName>,
    /// Its lease.
    pub lease: Option<ObservedLease>,
    /// VLAN tag of its own DHCP messages.
    pub vlan: Option<ObservedVlan>,
    /// When what the report says of it was so.
    pub moments: ObservedTimes,
}

/// A server, and the frame that shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObservedServer {
    /// Its address.
    pub ip: IpAddr,
    /// The frame.
    pub at: FrameRef,
}

/// The TFTP server that a phone turns to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObservedTftp {
    /// Its address.
    pub ip: IpAddr,
    /// The frame that shows it.
    pub at: FrameRef,
    /// Whether the phone was seen to request a file there.
    pub asked: bool,
}

/// A server as a configuration names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObservedName {
    /// As written.
    pub name: WireText,
    /// The addresses that it resolves to, as far as seen.
    pub addresses: Vec<IpAddr>,
}

/// A lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObservedLease {
    /// The address.
    pub address: Ipv4Addr,
    /// Its subnet mask.
    pub mask: Option<Ipv4Addr>,
    /// The acknowledgement.
    pub at: FrameRef,
}

/// A VLAN tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObservedVlan {
    /// Its id.
    pub id: u16,
    /// A frame that bears it.
    pub at: FrameRef,
}

/// A time and the frame that shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When.
    pub time: Timestamp,
    /// The frame.
    pub at: FrameRef,
}

/// When what a report says of a phone was so: tells what came after a fix from what was before. `None`: not seen.
#[derive(Clone, Debug, Default)]
pub struct ObservedTimes {
    /// Where its boots begin, oldest first; of very many the oldest are forgotten.
    pub boots: Vec<Timestamp>,
    /// The acknowledgement of the lease in force.
    pub lease: Option<Timestamp>,
    /// What shows the TFTP server of [`ObservedSite::tftp`].
    pub tftp: Option<Timestamp>,
    /// Latest word of it about the load that it runs.
    pub load: Option<Timestamp>,
    /// Latest packet of the attempt that tells the state of its registration.
    pub attempt: Option<Timestamp>,
    /// What shows the registration of [`ObservedSite::registered`]: the CallManager's answer, or a keepalive's.
    pub registered: Option<Timestamp>,
}

/// An offer that a phone was made.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Offer {
    pub server: IpAddr,
    pub tftp: Vec<WireText>,
    pub at: FrameRef,
    pub chosen: bool,
}

/// A file that a phone asked for.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct FileFetch {
    pub name: WireText,
    pub server: IpAddr,
    pub transport: Transport,
    pub outcome: Outcome,
    pub bytes: u64,
    /// The request.
    pub at: FrameRef,
    pub time: Timestamp,
}

/// How a file is carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum Transport {
    Tftp,
    Http,
}

/// How a file request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Outcome {
    Served,
    Missing,
    Refused,
    NoAnswer,
    Aborted,
    Partial,
}

impl Outcome {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Served => "served",
            Outcome::Missing => "missing",
            Outcome::Refused => "refused",
            Outcome::NoAnswer => "no-answer",
            Outcome::Aborted => "aborted",
            Outcome::Partial => "partial",
        }
    }
}

/// Loads of a phone.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct LoadReport {
    pub running: Option<WireText>,
    /// `alarm`, `register`, `cdp` or `lldp`.
    pub running_source: Option<&'static str>,
    pub configured: Option<WireText>,
    pub fetched: Option<WireText>,
    pub wanted_by_call_manager: Option<WireText>,
}

/// State of the last registration attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[allow(missing_docs)]
pub enum RegistrationState {
    Registered,
    Rejected,
    Refused,
    NoAnswer,
    Closed,
    Unregistered,
    #[default]
    NotSeen,
}

impl RegistrationState {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            RegistrationState::Registered => "registered",
            RegistrationState::Rejected => "rejected",
            RegistrationState::Refused => "refused",
            RegistrationState::NoAnswer => "no-answer",
            RegistrationState::Closed => "closed",
            RegistrationState::Unregistered => "unregistered",
            RegistrationState::NotSeen => "not-seen",
        }
    }
}

/// How far a phone has come in its current boot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum BootStep {
    /// Seen, and nothing of a boot.
    #[default]
    Seen,
    /// It asks for an address.
    AsksAddress,
    /// It has a lease, and asks nobody for a file yet.
    HasLease,
    /// It asks for its files.
    AsksFiles,
    /// Of its files the latest is a load.
    TakesLoad,
    /// It turns to a CallManager, and nothing came of it yet.
    Registers,
    /// What came of its registration; never [`RegistrationState::NotSeen`]. It stays while the phone tries again in the
    /// same boot.
    Registration(RegistrationState),
}

impl BootStep {
    /// One word; of a registration the word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            BootStep::Seen => "seen",
            BootStep::AsksAddress => "asks-address",
            BootStep::HasLease => "has-lease",
            BootStep::AsksFiles => "asks-files",
            BootStep::TakesLoad => "takes-load",
            BootStep::Registers => "registers",
            BootStep::Registration(state) => state.as_str(),
        }
    }
}

/// How a phone registers.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Registration {
    pub state: RegistrationState,
    /// `sccp`, `sccps` or `sip`.
    pub protocol: Option<&'static str>,
    pub call_manager: Option<IpAddr>,
    pub reject_text: Option<WireText>,
    /// What a reject text of prompt tokens means.
    pub reject_meaning: Option<WireText>,
    pub device_type: Option<u32>,
    pub attempts: u32,
    pub last_reason: Option<WireText>,
}

/// The root cause of a phone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Verdict {
    /// The code of the finding that nothing explains.
    Finding(Code),
    /// Registered, nothing of severity error.
    Healthy,
    /// Not seen registered, nothing of severity error.
    #[default]
    Incomplete,
}

impl Verdict {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Finding(code) => code.as_str(),
            Verdict::Healthy => "healthy",
            Verdict::Incomplete => "incomplete",
        }
    }
}

/// What a line of a phone's timeline is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)]
pub enum TimelineKind {
    Dhcp,
    Tftp,
    Config,
    Load,
    Tcp,
    Sccp,
    Sip,
    Cdp,
    Lldp,
    Dns,
    Arp,
    Icmp,
}

impl TimelineKind {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            TimelineKind::Dhcp => "dhcp",
            TimelineKind::Tftp => "tftp",
            TimelineKind::Config => "config",
            TimelineKind::Load => "load",
            TimelineKind::Tcp => "tcp",
            TimelineKind::Sccp => "sccp",
            TimelineKind::Sip => "sip",
            TimelineKind::Cdp => "cdp",
            TimelineKind::Lldp => "lldp",
            TimelineKind::Dns => "dns",
            TimelineKind::Arp => "arp",
            TimelineKind::Icmp => "icmp",
        }
    }
}

/// One line of a phone's timeline.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct TimelineEntry {
    pub time: Timestamp,
    pub at: FrameRef,
    pub kind: TimelineKind,
    pub text: String,
}

/// How bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

impl Severity {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// How sure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    /// Consistent with the capture, not proven.
    Possible,
    /// By comparison with other phones or servers of the same capture.
    Likely,
    /// Said by the site file, `--expect-tftp`, or the packets alone.
    Certain,
}

impl Confidence {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
        }
    }
}

/// A value of a finding's facts; the names are fixed per code (contract section 4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)]
pub enum Fact {
    Null,
    Text(WireText),
    Number(u64),
    Flag(bool),
    List(Vec<Fact>),
    Table(Vec<(&'static str, Fact)>),
}

/// Facts by name, in the order they are shown.
pub type Facts = Vec<(&'static str, Fact)>;

/// Something that matters here.
#[derive(Clone, Debug)]
pub struct Finding {
    #[allow(missing_docs)]
    pub code: Code,
    #[allow(missing_docs)]
    pub severity: Severity,
    #[allow(missing_docs)]
    pub confidence: Confidence,
    /// Sorted.
    pub phones: Vec<PhoneId>,
    /// The servers that it is about: with its code, what tells it from others.
    pub servers: Vec<IpAddr>,
    /// A few words: `10.1.1.9 is the wrong TFTP server`.
    pub title: String,
    /// What, why it matters to the phone, in whole sentences with values.
    pub summary: String,
    /// What all its phones share.
    pub facts: Facts,
    /// The rest, by phone.
    pub phone_facts: BTreeMap<PhoneId, Facts>,
    /// The finding that explains this one.
    pub caused_by: Option<usize>,
    /// The first is the primary one. Never empty.
    pub evidence: Vec<Evidence>,
    #[allow(missing_docs)]
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// A Wireshark display filter for the evidence in the input of the primary frame.
    pub fn wireshark_filter(&self) -> String {
        let input = self.evidence.first().map(|e| e.at.input);
        let mut frames: Vec<u64> =
            self.evidence.iter().filter(|e| Some(e.at.input) == input && e.at.frame > 0).map(|e| e.at.frame).collect();
        frames.sort_unstable();
        frames.dedup();
        let list: Vec<String> = frames.iter().map(u64::to_string).collect();
        format!("frame.number in {{{}}}", list.join(","))
    }
}

/// A frame that shows it.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Evidence {
    pub at: FrameRef,
    pub time: Timestamp,
    pub text: String,
}

/// `10.30.0.5`, `10.30.0.5 and 10.30.0.6`, `10.30.0.5, 10.30.0.6 and 10.30.0.7`.
pub fn and_list(values: &[impl ToString]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
