//! From ports to the analyzer: what `watch`, `events -i` and every other live command share.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::capture::Frame;
use phonescope::capture::live::{self, Drops, Notice, PortFilter, PortSettings, Ports};
use phonescope::report::metrics::PortDrops;
use phonescope::wire::WireText;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{Failure, messages};

/// How often the kernel's counters are read.
const COUNTERS: Duration = Duration::from_secs(1);

/// What to capture on, and until when.
#[derive(Args, Debug)]
pub(crate) struct LiveArguments {
    /// A port to capture on; may be given more than once; any: all of them
    #[arg(short, long, value_name = "IFACE")]
    pub(crate) interface: Vec<String>,
    /// Take in what this filter lets through (BPF, exactly as given) instead of the signalling of phones
    #[arg(short, long, value_name = "FILTER", requires = "interface")]
    filter: Option<String>,
    /// Widen the filter to tagged and doubly tagged frames, and to all tunnels
    #[arg(long, requires = "filter")]
    filter_wide: bool,
    /// Leave the port as it is: no promiscuous mode
    #[arg(short = 'p', long, requires = "interface")]
    no_promiscuous_mode: bool,
    /// The kernel's buffer, MiB
    #[arg(short = 'B', long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    buffer_size: u32,
    /// Octets kept of a frame
    #[arg(short = 's', long, value_name = "OCTETS", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(1..=262_144))]
    snapshot_length: u32,
    /// Stop after so many frames
    #[arg(short = 'c', long, value_name = "FRAMES", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Stop when this is reached: duration:SECONDS, packets:FRAMES
    #[arg(short, long, value_name = "CONDITION", value_parser = condition)]
    autostop: Vec<Condition>,
}

/// When a capture ends by itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Condition {
    /// So long after the start.
    Duration(Duration),
    /// After so many frames.
    Packets(u64),
}

fn condition(text: &str) -> Result<Condition, String> {
    let (kind, value) = text.split_once(':').ok_or("write it as duration:SECONDS or packets:FRAMES")?;
    match kind {
        "duration" => match value.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()) {
            Some(duration) if !duration.is_zero() => Ok(Condition::Duration(duration)),
            _ => Err("a duration is a number of seconds above 0".to_owned()),
        },
        "packets" => match value.parse() {
            Ok(n) if n > 0 => Ok(Condition::Packets(n)),
            _ => Err("a number of frames above 0".to_owned()),
        },
        _ => Err("it is duration:SECONDS or packets:FRAMES".to_owned()),
    }
}

/// Why a live run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Ctrl-C, SIGTERM, SIGHUP.
    Signal,
    /// `-a` or `-c`.
    Condition,
    /// No port is left.
    Gone,
}

/// What one step of a run brought.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Frames taken in.
    pub(crate) frames: u64,
    /// One of the caller's wakers has something to read.
    pub(crate) woken: bool,
    /// What happened to ports.
    pub(crate) notices: Vec<Notice>,
    /// The run is over.
    pub(crate) ended: Option<Ending>,
}

impl Step {
    /// Tells on standard error what happened to ports.
    pub(crate) fn say(&self) {
        for notice in &self.notices {
            messages::say(&format!("{}: {}", notice.port, notice.text));
        }
    }
}

/// A live run: ports, and when it ends.
pub(crate) struct Session {
    ports: Ports,
    packets: Option<u64>,
    until: Option<Instant>,
    counters_read: Instant,
    signal: Arc<AtomicBool>,
    /// Becomes readable with a signal, so that waiting ends at once.
    wake: UnixStream,
}

impl Session {
    /// Opens the ports. From here on signals end the run in order; a second Ctrl-C ends the program at once.
    ///
    /// `hangup_ends`: so does SIGHUP; a service takes it for another word.
    pub(crate) fn open(arguments: &LiveArguments, hangup_ends: bool) -> Result<Session, Failure> {
        let settings: Vec<PortSettings> = arguments
            .interface
            .iter()
            .map(|name| PortSettings {
                name: name.clone(),
                promiscuous: !arguments.no_promiscuous_mode,
                snap_len: arguments.snapshot_length,
                buffer: arguments.buffer_size << 20,
                filter: match &arguments.filter {
                    None => PortFilter::Signalling,
                    Some(text) if arguments.filter_wide => PortFilter::Wide(text.clone()),
                    Some(text) => PortFilter::Expression(text.clone()),
                },
            })
            .collect();
        let ports = Ports::open(&settings).map_err(|e| Failure::Work(e.to_string()))?;
        let signal = Arc::new(AtomicBool::new(false));
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        for number in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|n| hangup_ends || *n != SIGHUP) {
            signal_hook::flag::register_conditional_shutdown(number, 130, Arc::clone(&signal))?;
            signal_hook::flag::register(number, Arc::clone(&signal))?;
            signal_hook::low_level::pipe::register(number, waker.try_clone()?)?;
        }
        let mut packets = arguments.count;
        let mut until = None;
        for condition in &arguments.autostop {
            match *condition {
                Condition::Packets(n) => packets = Some(packets.map_or(n, |p| p.min(n))),
                Condition::Duration(d) => {
                    let end = Instant::now() + d;
                    until = Some(until.map_or(end, |u: Instant| u.min(end)));
                }
            }
        }
        Ok(Session { ports, packets, until, counters_read: Instant::now(), signal, wake })
    }

    /// Waits for frames, at most for `wait`, and takes them in; `also` sees each of them. `wakers` end the waiting
    /// early.
    pub(crate) fn step(
        &mut self,
        wait: Duration,
        wakers: &[BorrowedFd<'_>],
        analyzer: &mut Analyzer,
        also: &mut dyn FnMut(&Frame<'_>),
    ) -> Result<Step, Failure> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let wait = left.map_or(wait, |left| wait.min(left));
        let mut room = self.packets.map(|most| most.saturating_sub(self.ports.packets()));
        let fds: Vec<BorrowedFd<'_>> = wakers.iter().copied().chain([self.wake.as_fd()]).collect();
        let polled = self.ports.poll(wait, &fds, &mut |frame| {
            also(frame);
            take(analyzer, &mut room, frame)
        })?;
        if self.counters_read.elapsed() >= COUNTERS {
            self.counters_read = Instant::now();
            self.ports.read_drops();
        }
        let ended = if self.signal.load(Ordering::Relaxed) {
            Some(Ending::Signal)
        } else if polled.stopped || self.until.is_some_and(|until| Instant::now() >= until) {
            Some(Ending::Condition)
        } else if polled.closed {
            Some(Ending::Gone)
        } else {
            None
        };
        for notice in &polled.notices {
            if let Some(length) = notice.gap {
                let now = live::now();
                let nanos = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
                analyzer.handle_gap(now.plus_nanos(-nanos), now, &format!("{}: {}", notice.port, notice.text));
            }
        }
        Ok(Step { frames: polled.frames, woken: polled.woken, notices: polled.notices, ended })
    }

    /// The names of the ports, in the order of their inputs.
    pub(crate) fn names(&self) -> Vec<WireText> {
        self.ports.summaries().into_iter().map(|input| input.path).collect()
    }

    /// Frames dropped at each port.
    pub(crate) fn drops(&self) -> Vec<PortDrops> {
        let of = |(port, drops): (WireText, Drops)| PortDrops { port, kernel: drops.kernel, interface: drops.port };
        self.ports.drops_by_port().into_iter().map(of).collect()
    }

    /// Tells the analyzer how far the inputs are, and what time it is: before a diagnosis in the middle of a run.
    pub(crate) fn settle(&mut self, analyzer: &mut Analyzer) {
        analyzer.handle_inputs(self.ports.summaries());
        analyzer.handle_timeout(live::now());
    }

    /// Ends the run: what the analyzer holds is complete then.
    pub(crate) fn finish(mut self, analyzer: &mut Analyzer) -> io::Result<()> {
        if self.packets.is_none_or(|most| self.ports.packets() < most) {
            let mut room = self.packets.map(|most| most.saturating_sub(self.ports.packets()));
            self.ports.finish(&mut |frame| take(analyzer, &mut room, frame))?;
        }
        self.ports.read_drops();
        analyzer.handle_timeout(live::now());
        analyzer.finish(self.ports.summaries());
        Ok(())
    }
}

/// Takes in a frame where there is room for one; the last one ends it.
fn take(analyzer: &mut Analyzer, room: &mut Option<u64>, frame: &Frame<'_>) -> ControlFlow<()> {
    analyzer.handle_frame(frame);
    match room {
        None => ControlFlow::Continue(()),
        Some(room) => {
            *room = room.saturating_sub(1);
            if *room == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_written_as_tshark_has_them() {
        assert_eq!(condition("duration:1.5"), Ok(Condition::Duration(Duration::from_millis(1500))));
        assert_eq!(condition("packets:7"), Ok(Condition::Packets(7)));
        for wrong in [
            "",
            "duration",
            "duration:",
            "duration:0",
            "duration:-1",
            "duration:nan",
            "duration:1e300",
            "packets:0",
            "cups:2",
        ] {
            assert!(condition(wrong).is_err(), "{wrong}");
        }
    }
}
