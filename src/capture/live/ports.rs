//! Frames from ports, through a poll loop of our own: libpcap's time-outs never fire on a quiet port
//! (libpcap issues 550 and 572), and what it calls end of file may be a signal.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::error::PortError;
use super::link_state::link_states;
use super::merge::Merge;
use super::now;
use super::port::{Drops, Gap, LAST_BLOCK, Notice, Port, PortSettings};
use super::sleep::Sleep;
use crate::capture::InterfaceStatistics;
use crate::capture::ring::Interface;
use crate::event::InputSummary;
use crate::types::{Frame, LinkType, Timestamp, WireText};

/// How often ports are looked after.
const LOOK: Duration = Duration::from_secs(1);
/// How long the end reads on what came before it. A full buffer of the default size takes less.
const LAST_FRAMES: Duration = Duration::from_secs(10);

/// What takes frames.
type Taker<'a> = dyn FnMut(&Frame<'_>) -> ControlFlow<()> + 'a;

/// What came of a [`Ports::poll`].
#[derive(Clone, Debug, Default)]
pub struct Polled {
    /// Frames handed out.
    pub frames: u64,
    /// One of the wakers has something to read.
    pub woken: bool,
    /// The frames were ended by their taker.
    pub stopped: bool,
    /// No port is left.
    pub closed: bool,
    /// What happened to ports.
    pub notices: Vec<Notice>,
}

/// Ports that are captured on.
pub struct Ports {
    ports: Vec<Port>,
    /// Frames of several ports wait for each other.
    merge: Option<Merge>,
    looked: Instant,
    sleep: Sleep,
    /// Later frames are not of this capture: it is at its end.
    until: Option<Timestamp>,
}

impl Ports {
    /// Opens them all; input `n` is the `n`th.
    ///
    /// # Errors
    /// Where one can not be opened: which, and what to do.
    pub fn open(settings: &[PortSettings]) -> Result<Ports, PortError> {
        let ports: Vec<Port> = (0u32..).zip(settings).map(|(id, s)| Port::open(id, s)).collect::<Result<_, _>>()?;
        let merge = (ports.len() > 1).then(Merge::default);
        // The first look tells of ports that are down from the start.
        let looked = Instant::now().checked_sub(LOOK).unwrap_or_else(Instant::now);
        Ok(Ports { ports, merge, looked, sleep: Sleep::new(), until: None })
    }

    /// Waits for frames, at most for `wait`, and hands out what is there, in the order of their times. Comes back early
    /// when one of `wakers` has something to read.
    ///
    /// # Errors
    /// Where waiting itself fails. What happens to one port is a notice.
    pub fn poll(&mut self, wait: Duration, wakers: &[BorrowedFd<'_>], sink: &mut Taker<'_>) -> io::Result<Polled> {
        let mut polled = Polled::default();
        let due = self.merge.as_ref().and_then(|merge| merge.due_in(now()));
        let wait = wait.min(LOOK.saturating_sub(self.looked.elapsed())).min(due.unwrap_or(Duration::MAX));
        let readable = wait_for(&self.ports, wakers, wait)?;
        polled.woken = readable.iter().skip(self.ports.len()).any(|r| *r);
        let is_readable = |index: usize| readable.get(index).copied().unwrap_or(false);

        let Ports { ports, merge, until, .. } = self;
        let mut flow = ControlFlow::Continue(());
        for (index, port) in ports.iter_mut().enumerate() {
            if !is_readable(index) {
                port.behind = None;
                continue;
            }
            flow = port.take(&mut |counts, head, data| match merge {
                _ if until.is_some_and(|until| head.time > until) => ControlFlow::Continue(()),
                Some(merge) => {
                    merge.push(index, head, data);
                    ControlFlow::Continue(())
                }
                None => {
                    polled.frames += 1;
                    sink(&counts.frame(head, data))
                }
            });
            if flow.is_break() {
                break;
            }
        }
        if let Some(merge) = merge {
            let now = clock(ports);
            while let Some(frame) = merge.pop(now) {
                let Some(port) = ports.get_mut(frame.port) else { continue };
                polled.frames += 1;
                flow = sink(&port.counts.frame(frame.head, &frame.data));
                if flow.is_break() {
                    break;
                }
            }
        }
        polled.stopped = flow.is_break();
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.look_after(&mut polled.notices);
        }
        polled.notices.extend(self.ports.iter_mut().flat_map(Port::take_notices));
        polled.closed = self.ports.iter().all(Port::is_closed);
        Ok(polled)
    }

    /// Until when all frames have been handed out: now, or earlier where more came than were taken so far. Who takes a
    /// later time for now takes an answer that waits to be read for none.
    pub fn clock(&self) -> Timestamp {
        clock(&self.ports)
    }

    /// Hands out what came in until now and the kernel still holds, and tells of gaps that go on. Takes a moment, and
    /// longer where much is held; what is not read then is a gap too.
    ///
    /// # Errors
    /// Where waiting fails.
    pub fn finish(&mut self, sink: &mut Taker<'_>) -> io::Result<Vec<Notice>> {
        let end = now();
        self.until = Some(end);
        let mut notices = Vec::new();
        let began = Instant::now();
        loop {
            let left = LAST_BLOCK.saturating_sub(began.elapsed());
            let is_behind = self.clock() < end;
            if left.is_zero() && (!is_behind || began.elapsed() >= LAST_FRAMES) {
                break;
            }
            let polled = self.poll(left, &[], sink)?;
            notices.extend(polled.notices);
            if polled.stopped {
                return Ok(notices);
            }
            if polled.closed {
                break;
            }
        }
        notices.extend(self.ports.iter_mut().filter_map(|port| port.give_up_on_rest(end)));
        notices.extend(self.ports.iter().filter_map(|port| port.gap_until(end)));
        let Ports { ports, merge: Some(merge), .. } = self else { return Ok(notices) };
        while let Some(frame) = merge.pop_any() {
            let Some(port) = ports.get_mut(frame.port) else { continue };
            if sink(&port.counts.frame(frame.head, &frame.data)).is_break() {
                break;
            }
        }
        Ok(notices)
    }

    /// Reads the kernel's counters. Worth it once a second.
    pub fn read_drops(&mut self) {
        for port in &mut self.ports {
            port.read_drops();
        }
    }

    /// How the frames of the first port begin.
    pub fn link_type(&self) -> LinkType {
        self.ports.first().map_or(LinkType::ETHERNET, |port| port.link_type)
    }

    /// Why the kernel does not filter for a port of ours; `None`: it does, or was not asked to.
    pub fn unfiltered(&self) -> Option<&str> {
        self.ports.iter().find_map(|port| port.unfiltered.as_deref())
    }

    /// The kernel's counters as last read, of all ports together.
    pub fn drops(&self) -> Drops {
        self.ports.iter().map(Port::drops).fold(Drops::default(), |sum, drops| Drops {
            kernel: sum.kernel + drops.kernel,
            port: sum.port + drops.port,
        })
    }

    /// The same, port by port.
    pub fn drops_by_port(&self) -> Vec<(WireText, Drops)> {
        self.ports.iter().map(|port| (WireText::from(port.name()), port.drops())).collect()
    }

    /// The ports as a capture file describes them.
    pub fn interfaces(&self) -> Vec<Interface> {
        self.ports.iter().map(Port::interface).collect()
    }

    /// What became of the frames of each port since `start`.
    pub fn statistics(&self, start: Timestamp) -> Vec<(u32, InterfaceStatistics)> {
        self.ports.iter().map(|port| port.statistics(start)).collect()
    }

    /// The ports as inputs of a diagnosis.
    pub fn summaries(&self) -> Vec<InputSummary> {
        self.ports.iter().map(Port::summary).collect()
    }

    /// How many frames were handed out in all.
    pub fn packets(&self) -> u64 {
        self.ports.iter().map(|port| port.counts.packets).sum()
    }

    fn look_after(&mut self, notices: &mut Vec<Notice>) {
        if let Some(slept) = self.sleep.take() {
            let until = now();
            let from = until.minus(slept);
            for port in &mut self.ports {
                let gap = Gap { from, until, why: "this host slept".to_owned() };
                let text = format!("this host slept for {} s: nothing was captured then", slept.as_secs());
                notices.push(Notice { port: WireText::from(port.name()), text, gap: Some(gap) });
            }
        }
        let states = link_states();
        for port in &mut self.ports {
            port.reopen();
            if let Some(state) = states.get(port.name()) {
                port.look_at(*state);
            }
        }
    }
}

/// Until when all frames of these ports have been taken.
fn clock(ports: &[Port]) -> Timestamp {
    ports.iter().filter_map(|port| port.behind).fold(now(), Timestamp::min)
}

/// Which of the ports and wakers have something to read.
fn wait_for(ports: &[Port], wakers: &[BorrowedFd<'_>], wait: Duration) -> io::Result<Vec<bool>> {
    let timeout =
        Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: wait.subsec_nanos().into() };
    let mut fds: Vec<PollFd<'_>> = ports
        .iter()
        .filter_map(Port::fd)
        .chain(wakers.iter().copied())
        .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
        .collect();
    match rustix::event::poll(&mut fds, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
    let mut all: Vec<bool> = ports.iter().map(|port| port.fd().is_some() && ready.next().unwrap_or(false)).collect();
    all.extend(ready);
    Ok(all)
}
