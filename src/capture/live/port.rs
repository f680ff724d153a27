//! Frames from ports, through a poll loop of our own: libpcap's time-outs never fire on a quiet port
//! (libpcap issues 550 and 572), and what it calls end of file may be a signal.

use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime};

use pcap::{Active, Capture};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::capture::{Frame, LinkType, Timestamp};
use crate::event::InputSummary;
use crate::wire::WireText;

/// Frames taken from one port before the next one has its turn.
const BATCH: usize = 4096;
/// How long the kernel keeps a block that is not full, milliseconds: the latency of a quiet port.
const BLOCK_MILLIS: i32 = 100;
/// The name of all ports at once.
const ANY: &str = "any";

/// How a port is opened.
#[derive(Clone, Debug)]
pub struct PortSettings {
    /// As `-i` takes it.
    pub name: String,
    /// Take in frames for other hosts too. Never asked of `any`, which can not.
    pub promiscuous: bool,
    /// Octets kept of a frame.
    pub snap_len: u32,
    /// The kernel's buffer, octets.
    pub buffer: u32,
    /// libpcap's filter, exactly as given.
    pub filter: Option<String>,
}

/// Why a port can not be captured on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// There is no such port.
    #[error("cannot capture on {name}: there is no such port; phonescope interfaces lists them")]
    Missing {
        /// As given.
        name: WireText,
    },
    /// This user may not capture.
    #[error(
        "cannot capture on {name}: no permission; run as root, or grant it once: sudo setcap cap_net_raw+ep {program}"
    )]
    NoPermission {
        /// As given.
        name: WireText,
        /// The path of this program.
        program: String,
    },
    /// The filter is not understood.
    #[error("cannot use the filter {filter}: {reason}; its syntax is that of tcpdump (man pcap-filter)")]
    Filter {
        /// As given.
        filter: WireText,
        /// What libpcap says.
        reason: WireText,
    },
    /// Anything else.
    #[error("cannot capture on {name}: {reason}")]
    Other {
        /// As given.
        name: WireText,
        /// What libpcap or the system says.
        reason: WireText,
    },
}

/// Something about a port that the operator should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// Which port.
    pub port: WireText,
    /// A sentence.
    pub text: String,
}

/// What came of a [`Ports::poll`].
#[derive(Clone, Debug, Default)]
pub struct Polled {
    /// Frames handed out.
    pub frames: u64,
    /// One of the wakers has something to read.
    pub woken: bool,
    /// The frames were ended by their taker.
    pub stopped: bool,
    /// What happened to ports.
    pub notices: Vec<Notice>,
}

/// Counters of the kernel, since the port was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Drops {
    /// Frames that found no room in the buffer.
    pub kernel: u64,
    /// Frames that the port itself dropped.
    pub port: u64,
}

struct Port {
    id: u32,
    name: WireText,
    capture: Capture<Active>,
    link_type: LinkType,
    packets: u64,
    bytes: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    drops: Drops,
    /// The kernel's counters as last read: they wrap.
    read: (u32, u32),
    problem: Option<WireText>,
}

/// Ports that are captured on.
pub struct Ports {
    ports: Vec<Port>,
}

impl Ports {
    /// Opens them all; input `n` is the `n`th.
    ///
    /// # Errors
    /// Where one can not be opened: which, and what to do.
    pub fn open(settings: &[PortSettings]) -> Result<Ports, PortError> {
        let ports = (0u32..).zip(settings).map(|(id, s)| Port::open(id, s)).collect::<Result<_, _>>()?;
        Ok(Ports { ports })
    }

    /// Waits for frames, at most for `wait`, and hands out what is there, port by port. Comes back early when one of
    /// `wakers` has something to read.
    ///
    /// # Errors
    /// Where waiting itself fails. What happens to one port is a notice.
    pub fn poll(
        &mut self,
        wait: Duration,
        wakers: &[BorrowedFd<'_>],
        sink: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> std::io::Result<Polled> {
        let mut polled = Polled::default();
        let timeout =
            Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: wait.subsec_nanos().into() };
        let readable: Vec<bool> = {
            let ports = self.ports.iter().map(|p| p.capture.as_fd());
            let mut fds: Vec<PollFd<'_>> =
                ports.chain(wakers.iter().copied()).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            match rustix::event::poll(&mut fds, Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            fds.iter().map(|fd| !fd.revents().is_empty()).collect()
        };
        polled.woken = readable.iter().skip(self.ports.len()).any(|r| *r);
        for (port, _) in self.ports.iter_mut().zip(&readable).filter(|(_, readable)| **readable) {
            if port.take(&mut polled, sink).is_break() {
                polled.stopped = true;
                break;
            }
        }
        Ok(polled)
    }

    /// Reads the kernel's counters. Worth it once a second.
    pub fn read_drops(&mut self) {
        for port in &mut self.ports {
            port.read_drops();
        }
    }

    /// The ports as inputs of a diagnosis.
    pub fn summaries(&self) -> Vec<InputSummary> {
        self.ports.iter().map(Port::summary).collect()
    }

    /// How many frames were handed out in all.
    pub fn packets(&self) -> u64 {
        self.ports.iter().map(|p| p.packets).sum()
    }
}

impl Port {
    fn open(id: u32, settings: &PortSettings) -> Result<Port, PortError> {
        let name = WireText::from(settings.name.as_str());
        let failed = |e: pcap::Error| PortError::of(&name, &e);
        let open = |promiscuous: bool| {
            Capture::from_device(settings.name.as_str())?
                .promisc(promiscuous)
                .snaplen(i32::try_from(settings.snap_len).unwrap_or(i32::MAX))
                .timeout(BLOCK_MILLIS)
                .buffer_size(i32::try_from(settings.buffer).unwrap_or(i32::MAX))
                .precision(pcap::Precision::Nano)
                .open()
        };
        let mut capture = open(settings.promiscuous && settings.name != ANY).map_err(failed)?;
        if let Some(filter) = &settings.filter {
            capture.filter(filter, true).map_err(|e| PortError::Filter {
                filter: WireText::from(filter.as_str()),
                reason: WireText::from(e.to_string().as_str()),
            })?;
        }
        let link_type = link_type(capture.get_datalink());
        let capture = capture.setnonblock().map_err(failed)?;
        Ok(Port {
            id,
            name,
            capture,
            link_type,
            packets: 0,
            bytes: 0,
            first: None,
            last: None,
            drops: Drops::default(),
            read: (0, 0),
            problem: None,
        })
    }

    fn take(&mut self, polled: &mut Polled, sink: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        for _ in 0..BATCH {
            match self.capture.next_packet() {
                Ok(packet) => {
                    // With nanosecond precision the field called microseconds holds nanoseconds.
                    let (secs, nanos) = (i128::from(packet.header.ts.tv_sec), i128::from(packet.header.ts.tv_usec));
                    let time = Timestamp(i64::try_from(secs * 1_000_000_000 + nanos).unwrap_or(i64::MAX));
                    self.packets += 1;
                    self.bytes += packet.data.len() as u64;
                    self.first = Some(self.first.map_or(time, |f| f.min(time)));
                    self.last = Some(self.last.map_or(time, |l| l.max(time)));
                    polled.frames += 1;
                    let frame = Frame {
                        input: self.id,
                        number: self.packets,
                        time,
                        link_type: self.link_type,
                        orig_len: packet.header.len,
                        data: packet.data,
                    };
                    sink(&frame)?;
                }
                Err(pcap::Error::TimeoutExpired | pcap::Error::NoMorePackets) => break,
                Err(e) => {
                    let text = e.to_string();
                    self.problem = Some(WireText::from(text.as_str()));
                    polled.notices.push(Notice { port: self.name.clone(), text });
                    break;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn read_drops(&mut self) {
        if let Ok(stats) = self.capture.stats() {
            self.drops.kernel += u64::from(stats.dropped.wrapping_sub(self.read.0));
            self.drops.port += u64::from(stats.if_dropped.wrapping_sub(self.read.1));
            self.read = (stats.dropped, stats.if_dropped);
        }
    }

    fn summary(&self) -> InputSummary {
        InputSummary {
            path: self.name.clone(),
            format: WireText::from("live"),
            link_types: vec![WireText::from(self.link_type.name().as_ref())],
            packets: self.packets,
            bytes: self.bytes,
            first: self.first,
            last: self.last,
            dropped: Some(self.drops.kernel + self.drops.port),
            problem: self.problem.clone(),
            ..InputSummary::default()
        }
    }
}

impl PortError {
    fn of(name: &WireText, error: &pcap::Error) -> PortError {
        let name = name.clone();
        let text = error.to_string();
        if text.contains("No such device") {
            PortError::Missing { name }
        } else if text.contains("ermission") || text.contains("not permitted") {
            let program = std::env::current_exe().map_or_else(|_| "phonescope".to_owned(), |p| p.display().to_string());
            PortError::NoPermission { name, program }
        } else {
            PortError::Other { name, reason: WireText::from(text.as_str()) }
        }
    }
}

/// The number of the `LINKTYPE_` registry for what libpcap calls it here.
fn link_type(datalink: pcap::Linktype) -> LinkType {
    match datalink.0 {
        // DLT_RAW is 12 on Linux, and 101 in files.
        12 => LinkType(101),
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

/// The time now, as frames have it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
