//! One port: opened with its filter, read, looked after while it is down, opened again when it comes back.

use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use pcap::{Active, Capture};

use super::error::PortError;
use super::expression;
use super::filter::default_filter;
use super::link_state::LinkState;
use super::merge::Head;
use super::now;
use crate::capture::ring::Interface;
use crate::capture::{InterfaceDescription, InterfaceStatistics};
use crate::event::InputSummary;
use crate::types::{Frame, LinkType, Timestamp, WireText};

/// Frames taken from one port before the next one has its turn.
const BATCH: usize = 4096;
/// How long the kernel keeps a block that is not full, milliseconds: the latency of a quiet port.
const BLOCK_MILLIS: i32 = 100;
/// How long until the kernel has given out all that came in.
pub(super) const LAST_BLOCK: Duration = Duration::from_millis(BLOCK_MILLIS as u64 + 30);
/// The name of all ports at once.
const ANY: &str = "any";

/// Something about a port that the operator should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Which port.
    pub port: WireText,
    /// What stands after "port: ".
    pub text: String,
    /// Since when nothing was captured, and until when as far as is known now: once when it begins, and once when it
    /// ends.
    pub gap: Option<Gap>,
}

/// A time in which nothing was captured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Since when.
    pub from: Timestamp,
    /// Until when; `from` where it goes on.
    pub until: Timestamp,
    /// "eth0 had no link".
    pub why: String,
}

/// How a port is opened.
#[derive(Clone, Debug)]
pub struct PortSettings {
    /// As `-i` takes it.
    pub name: String,
    /// Take in frames for other hosts too. Never asked of `any`, which can not.
    pub promiscuous: bool,
    /// Bytes kept of a frame.
    pub snap_len: u32,
    /// The kernel's buffer, bytes.
    pub buffer: u32,
    /// Which frames the kernel hands out.
    pub filter: PortFilter,
}

/// Which frames the kernel hands out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum PortFilter {
    /// What the decoders use, and no voice: [`default_filter`].
    #[default]
    Signalling,
    /// What an expression of libpcap's says, exactly as given.
    Expression(String),
    /// The same for tagged frames as well, and all tunnels.
    Wide(String),
    /// All.
    Everything,
}

/// Counters of the kernel, since the port was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drops {
    /// Frames that found no room in the buffer.
    pub kernel: u64,
    /// Frames that the port itself dropped.
    pub port: u64,
}

/// Where frames come from at the moment.
enum Source {
    Open(Capture<Active>),
    /// The port is not there any more, since then; it is tried again now and then.
    Gone(Timestamp),
    /// It will not be opened again.
    Closed(Timestamp),
}

/// What takes frames, with what counts them.
type Taker<'a> = dyn FnMut(&mut Counts, Head, &[u8]) -> ControlFlow<()> + 'a;

/// A port that is captured on.
pub(super) struct Port {
    name: WireText,
    settings: PortSettings,
    source: Source,
    pub(super) link_type: LinkType,
    /// Why the kernel has no filter of ours.
    pub(super) unfiltered: Option<String>,
    /// Frames from before are not of this capture: they came in before the filter was there.
    since: Option<Timestamp>,
    pub(super) counts: Counts,
    /// The latest frame taken, where others wait behind it.
    pub(super) behind: Option<Timestamp>,
    drops: Drops,
    /// The kernel's counters as last read: they wrap.
    read: (u32, u32),
    /// As last told, and since when.
    link: (LinkState, Timestamp),
    problem: Option<WireText>,
    notices: Vec<Notice>,
}

/// What opening gives.
struct Opened {
    capture: Capture<Active>,
    link_type: LinkType,
    since: Option<Timestamp>,
    unfiltered: Option<String>,
    notices: Vec<String>,
}

impl Port {
    pub(super) fn open(id: u32, settings: &PortSettings) -> Result<Port, PortError> {
        let name = WireText::from(settings.name.as_str());
        let opened = open(&name, settings)?;
        let mut port = Port {
            name,
            settings: settings.clone(),
            source: Source::Open(opened.capture),
            link_type: opened.link_type,
            unfiltered: opened.unfiltered,
            since: opened.since,
            counts: Counts { id, ..Counts::default() },
            behind: None,
            drops: Drops::default(),
            read: (0, 0),
            link: (LinkState::Up, now()),
            problem: None,
            notices: Vec::new(),
        };
        for text in opened.notices {
            port.notify(text, None);
        }
        Ok(port)
    }

    /// What to wait on; `None`: the port is not there.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            Source::Open(capture) => Some(capture.as_fd()),
            Source::Gone(_) | Source::Closed(_) => None,
        }
    }

    /// Whether no frame will ever come any more.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.source, Source::Closed(_))
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Hands out the frames that are there, with what counts them once they are taken.
    pub(super) fn take(&mut self, sink: &mut Taker<'_>) -> ControlFlow<()> {
        self.behind = None;
        let Source::Open(capture) = &mut self.source else { return ControlFlow::Continue(()) };
        let mut ended = None;
        let mut room = BATCH;
        while room > 0 {
            match capture.next_packet() {
                Ok(packet) => {
                    room -= 1;
                    // With nanosecond precision the field called microseconds holds nanoseconds.
                    let (secs, nanos) = (i128::from(packet.header.ts.tv_sec), i128::from(packet.header.ts.tv_usec));
                    let time = Timestamp(i64::try_from(secs * 1_000_000_000 + nanos).unwrap_or(i64::MAX));
                    self.behind = (room == 0).then_some(time);
                    match self.since {
                        Some(since) if time < since => continue,
                        _ => self.since = None,
                    }
                    let head = Head { time, link_type: self.link_type, orig_len: packet.header.len };
                    sink(&mut self.counts, head, packet.data)?;
                }
                Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => break,
                Err(e) if ended.is_none() => {
                    ended = Some((expression::reason(&e), now()));
                    // What came in before is in the buffer still, the last of it once the kernel gives its block out.
                    std::thread::sleep(LAST_BLOCK);
                    room = usize::MAX;
                }
                Err(_) => break,
            }
        }
        if let Some((reason, since)) = ended {
            self.read_drops();
            // It may be there again already: it is looked after within a second.
            self.source = Source::Gone(since);
            self.problem = Some(WireText::from(format!("{} at {since}", lower(&reason)).as_str()));
            let gap = self.gap(since, since, "was not there");
            self.notify(format!("{}: nothing is captured until the port is there again", lower(&reason)), gap);
        }
        ControlFlow::Continue(())
    }

    /// Opens a port again that went away. Worth it once a second.
    pub(super) fn reopen(&mut self) {
        let Source::Gone(since) = self.source else { return };
        match open(&self.name, &self.settings) {
            Ok(opened) => {
                self.source = Source::Open(opened.capture);
                self.link_type = opened.link_type;
                self.unfiltered = opened.unfiltered;
                self.since = opened.since;
                self.read = (0, 0);
                self.problem = None;
                let until = now();
                let gap = self.gap(since, until, "was not there");
                self.notify(format!("is there again after {} s", seconds(since, until)), gap);
                for text in opened.notices {
                    self.notify(text, None);
                }
            }
            Err(PortError::NoPermission { .. }) => {
                self.source = Source::Closed(since);
                let text =
                    "the port went away, and rights were given up after the start: to capture on it again, start again";
                self.notify(text.to_owned(), None);
            }
            // Not yet.
            Err(_) => {}
        }
    }

    /// Takes note of whether the port is switched on and has a link; says so when that changes.
    pub(super) fn look_at(&mut self, state: LinkState) {
        let (before, since) = self.link;
        if state == before || !matches!(self.source, Source::Open(_)) {
            return;
        }
        let at = now();
        self.link = (state, at);
        let ended = why(before).and_then(|why| self.gap(since, at, why));
        let begun = why(state).and_then(|why| self.gap(at, at, why));
        let text = match state {
            LinkState::Up => format!("is up again after {} s", seconds(since, at)),
            LinkState::Down => "is switched off: nothing is captured until somebody switches it on".to_owned(),
            LinkState::NoLink => "has no link (a cable?): nothing is captured until it has one".to_owned(),
        };
        if let (Some(ended), Some(_)) = (&ended, &begun) {
            // From one state without frames to the other.
            let text = format!("{} for {} s", ended.why, seconds(since, at));
            self.notify(text, Some(ended.clone()));
        }
        self.notify(text, begun.or(ended));
    }

    /// What was not captured until `end` and still is not.
    pub(super) fn gap_until(&self, end: Timestamp) -> Option<Notice> {
        let (state, since) = self.link;
        let gap = match self.source {
            Source::Gone(since) | Source::Closed(since) => self.gap(since, end, "was not there"),
            Source::Open(_) => self.gap(since, end, why(state)?),
        };
        Some(Notice { port: self.name.clone(), text: String::new(), gap })
    }

    /// What waits to be read is left, where it came in before `end`.
    pub(super) fn give_up_on_rest(&mut self, end: Timestamp) -> Option<Notice> {
        let from = self.behind.filter(|at| *at < end)?;
        let text = format!("more frames came in than could be read before the end: the last {} s", seconds(from, end));
        self.problem = Some(WireText::from(format!("{text} are missing").as_str()));
        let gap = self.gap(from, end, "was not read to its end");
        Some(Notice { port: self.name.clone(), text, gap })
    }

    fn gap(&self, from: Timestamp, until: Timestamp, why: &str) -> Option<Gap> {
        Some(Gap { from, until, why: format!("{} {why}", self.name) })
    }

    pub(super) fn read_drops(&mut self) {
        let Source::Open(capture) = &mut self.source else { return };
        if let Ok(stats) = capture.stats() {
            self.drops.kernel += u64::from(stats.dropped.wrapping_sub(self.read.0));
            self.drops.port += u64::from(stats.if_dropped.wrapping_sub(self.read.1));
            self.read = (stats.dropped, stats.if_dropped);
        }
    }

    pub(super) fn drops(&self) -> Drops {
        self.drops
    }

    pub(super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn notify(&mut self, text: String, gap: Option<Gap>) {
        self.notices.push(Notice { port: self.name.clone(), text, gap });
    }

    pub(super) fn interface(&self) -> Interface {
        let (filter, comment) = match &self.settings.filter {
            PortFilter::Everything => (None, None),
            PortFilter::Expression(text) => (Some(text.clone()), None),
            PortFilter::Wide(text) => (Some(expression::widened(text)), None),
            PortFilter::Signalling => (None, Some("only what phones need to come up: no voice".to_owned())),
        };
        let (name, snap_len) = (self.settings.name.clone(), self.settings.snap_len);
        (self.counts.id, self.link_type, InterfaceDescription { name, snap_len, filter, comment })
    }

    pub(super) fn statistics(&self, start: Timestamp) -> (u32, InterfaceStatistics) {
        let statistics = InterfaceStatistics {
            time: now(),
            start,
            delivered: self.counts.packets,
            dropped_by_port: self.drops.port,
            dropped_by_kernel: self.drops.kernel,
        };
        (self.counts.id, statistics)
    }

    pub(super) fn summary(&self) -> InputSummary {
        InputSummary {
            path: self.name.clone(),
            format: WireText::from("live"),
            link_types: vec![WireText::from(self.link_type.name().as_ref())],
            packets: self.counts.packets,
            bytes: self.counts.bytes,
            first: self.counts.first,
            last: self.counts.last,
            dropped: Some(self.drops.kernel + self.drops.port),
            problem: self.problem.clone(),
            ..InputSummary::default()
        }
    }
}

/// The frames of a port that were handed out.
#[derive(Debug, Default)]
pub(super) struct Counts {
    id: u32,
    pub(super) packets: u64,
    bytes: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Counts {
    /// The frame, counted and with its number.
    pub(super) fn frame<'d>(&mut self, head: Head, data: &'d [u8]) -> Frame<'d> {
        let Head { time, link_type, orig_len } = head;
        self.packets += 1;
        self.bytes += data.len() as u64;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        Frame { input: self.id, number: self.packets, time, link_type, orig_len, data }
    }
}

fn open(name: &WireText, settings: &PortSettings) -> Result<Opened, PortError> {
    let failed = |e: pcap::Error| PortError::of(name, &e);
    let mut notices = Vec::new();
    let activate = |promiscuous: bool| {
        Capture::from_device(settings.name.as_str())?
            .promisc(promiscuous)
            .snaplen(i32::try_from(settings.snap_len).unwrap_or(i32::MAX))
            .timeout(BLOCK_MILLIS)
            .buffer_size(i32::try_from(settings.buffer).unwrap_or(i32::MAX))
            .precision(pcap::Precision::Nano)
            .open()
    };
    let promiscuous = settings.promiscuous && settings.name != ANY;
    let mut capture = match activate(promiscuous) {
        // The crate makes errors of libpcap's warnings, and one of them is that this port knows no such mode.
        Err(e) if promiscuous && e.to_string().contains("romiscuous") => {
            notices.push("has no promiscuous mode: only this host's own frames and broadcasts are seen".to_owned());
            activate(false)
        }
        other => other,
    }
    .map_err(failed)?;
    let link_type = link_type(capture.get_datalink());
    let (mut since, mut unfiltered) = (None, None);
    match &settings.filter {
        PortFilter::Everything => {}
        PortFilter::Expression(text) => set_expression(name, &mut capture, text, text)?,
        PortFilter::Wide(text) => set_expression(name, &mut capture, text, &expression::widened(text))?,
        PortFilter::Signalling => match set_default(&capture, link_type, settings.snap_len) {
            Ok(()) => since = Some(now()),
            Err(reason) => {
                notices.push(format!("no filter in the kernel ({reason}): every frame is read, voice too"));
                unfiltered = Some(reason);
            }
        },
    }
    let capture = capture.setnonblock().map_err(failed)?;
    // A program that the run starts (an alert's) must not have the port; libpcap does not see to that.
    let _ = rustix::io::fcntl_setfd(capture.as_fd(), rustix::io::FdFlags::CLOEXEC);
    Ok(Opened { capture, link_type, since, unfiltered, notices })
}

fn set_expression(
    name: &WireText,
    capture: &mut Capture<Active>,
    given: &str,
    expression: &str,
) -> Result<(), PortError> {
    self::expression::check(given)?;
    capture.filter(expression, true).map_err(|e| match e {
        pcap::Error::PcapError(_) => PortError::Filter {
            filter: WireText::from(given),
            reason: WireText::from(self::expression::reason(&e).as_str()),
            column: None,
        },
        other => PortError::of(name, &other),
    })
}

fn set_default(capture: &Capture<Active>, link_type: LinkType, snap_len: u32) -> Result<(), String> {
    let program =
        default_filter(link_type, snap_len).ok_or_else(|| format!("there is none for {} frames", link_type.name()))?;
    attach(capture.as_fd(), &program).map_err(|e| e.to_string())
}

#[cfg(target_os = "linux")]
fn attach(socket: BorrowedFd<'_>, program: &[super::bpf::Instruction]) -> std::io::Result<()> {
    use socket2::{SockFilter, SockRef};

    let filters: Vec<SockFilter> = program.iter().map(|i| SockFilter::new(i.code, i.jt, i.jf, i.k)).collect();
    SockRef::from(&socket).attach_filter(&filters)
}

#[cfg(not(target_os = "linux"))]
fn attach(_: BorrowedFd<'_>, _: &[super::bpf::Instruction]) -> std::io::Result<()> {
    Err(std::io::Error::other("this system has another way to set one"))
}

/// The number of the `LINKTYPE_` registry for what libpcap calls it here.
fn link_type(datalink: pcap::Linktype) -> LinkType {
    match datalink.0 {
        // DLT_RAW is 12 on Linux, and 101 in files.
        12 => LinkType(101),
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

/// Why nothing is captured in this state.
fn why(state: LinkState) -> Option<&'static str> {
    match state {
        LinkState::Up => None,
        LinkState::Down => Some("was switched off"),
        LinkState::NoLink => Some("had no link"),
    }
}

fn seconds(from: Timestamp, until: Timestamp) -> u64 {
    until.since(from).as_secs()
}

/// "The interface disappeared" in the middle of a sentence.
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
