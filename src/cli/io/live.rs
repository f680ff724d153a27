//! From ports to the analyzer: what `watch`, `events -i` and every other live command share.

use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::capture::live::{Drops, Notice, PortFilter, PortSettings, Ports};
use phonescope::report::metrics::PortDrops;
use phonescope::types::{Frame, WireText};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::cli::io::capture_args::{self, WriteArguments, Writing};
use crate::cli::io::signals::{self, Signals};
use crate::cli::{
    End, Failure,
    io::{messages, privileges},
};

/// How often the kernel's counters are read.
const COUNTERS: Duration = Duration::from_secs(1);

/// What to capture on, and until when.
#[derive(Args, Debug)]
pub(crate) struct LiveArguments {
    /// A port to capture on; may be given more than once; any: all of them
    #[arg(short, long, value_name = "IFACE")]
    pub(crate) interface: Vec<String>,
    /// List the ports of this host, and end
    #[arg(short = 'D', long, exclusive = true)]
    pub(crate) list_interfaces: bool,
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
    /// Bytes kept of a frame
    #[arg(short = 's', long, value_name = "OCTETS", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(1..=262_144))]
    snapshot_length: u32,
    /// Stop after so many frames
    #[arg(short = 'c', long, value_name = "FRAMES", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Stop when this is reached: duration:SECONDS, packets:FRAMES; filesize:KB and files:N of the files of -w
    #[arg(short, long, value_name = "CONDITION", value_parser = condition)]
    autostop: Vec<Condition>,
    #[command(flatten)]
    pub(crate) writing: WriteArguments,
    /// Go on as this user once the ports are open (default: who called sudo); root: keep all rights
    #[arg(short = 'Z', long, value_name = "USER", requires = "interface")]
    relinquish_privileges: Option<String>,
}

/// When a capture ends by itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Condition {
    /// So long after the start.
    Duration(Duration),
    /// After so many frames.
    Packets(u64),
    /// At so many thousand bytes in a file.
    FileSize(u64),
    /// After so many files.
    Files(u64),
}

fn condition(text: &str) -> Result<Condition, String> {
    const KINDS: &str = "duration:SECONDS, packets:FRAMES, filesize:KB or files:N";
    let (kind, value) = text.split_once(':').ok_or_else(|| format!("write it as {KINDS}"))?;
    match kind {
        "duration" => capture_args::seconds(value).map(Condition::Duration),
        "packets" => capture_args::number(value).map(Condition::Packets),
        "filesize" => capture_args::number(value).map(Condition::FileSize),
        "files" => capture_args::number(value).map(Condition::Files),
        _ => Err(format!("it is {KINDS}")),
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
    writing: Writing,
    packets: Option<u64>,
    until: Option<Instant>,
    counters_read: Instant,
    signals: Signals,
    is_drained: bool,
}

impl Session {
    /// Opens the ports. From here on signals end the run in order; a second Ctrl-C ends the program at once.
    pub(crate) fn open(arguments: &LiveArguments) -> Result<Session, Failure> {
        Session::open_until(arguments, &signals::ENDINGS)
    }

    /// The same where SIGHUP means something else than the end.
    pub(crate) fn open_service(arguments: &LiveArguments) -> Result<Session, Failure> {
        Session::open_until(arguments, &[SIGINT, SIGTERM])
    }

    fn open_until(arguments: &LiveArguments, endings: &[i32]) -> Result<Session, Failure> {
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
        let mut packets = arguments.count;
        let (mut until, mut stop_size, mut stop_files) = (None, None, None);
        for condition in &arguments.autostop {
            match *condition {
                Condition::Packets(n) => packets = Some(packets.map_or(n, |p| p.min(n))),
                Condition::Duration(d) => until = Some(until.map_or(d, |u: Duration| u.min(d))),
                Condition::FileSize(kilo) => stop_size = Some(kilo),
                Condition::Files(n) => stop_files = Some(n),
            }
        }
        // What is wrong with the arguments is told before anything is opened.
        let ring = arguments.writing.settings(stop_size, stop_files)?;
        let ports = Ports::open(&settings).map_err(|e| Failure::Work(e.to_string()))?;
        privileges::drop_privileges(arguments.relinquish_privileges.as_deref())?;
        let writing = Writing::open(ring, &ports)?;
        let signals = Signals::register(endings)?;
        let until = until.map(|duration| Instant::now() + duration);
        Ok(Session { ports, writing, packets, until, counters_read: Instant::now(), signals, is_drained: false })
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
        let fds: Vec<BorrowedFd<'_>> = wakers.iter().copied().chain([self.signals.waker()]).collect();
        let Session { ports, writing, .. } = self;
        let polled = ports.poll(wait, &fds, &mut |frame| {
            analyzer.handle_frame(frame);
            also(frame);
            writing.frame(frame);
            if writing.is_done() { ControlFlow::Break(()) } else { count(&mut room) }
        })?;
        if self.counters_read.elapsed() >= COUNTERS {
            self.counters_read = Instant::now();
            self.ports.read_drops();
            self.writing.tick(&self.ports);
        }
        let ended = if self.signals.came() {
            Some(Ending::Signal)
        } else if polled.stopped || self.writing.is_done() || self.until.is_some_and(|until| Instant::now() >= until) {
            Some(Ending::Condition)
        } else if polled.closed {
            Some(Ending::Gone)
        } else {
            None
        };
        for gap in polled.notices.iter().filter_map(|notice| notice.gap.as_ref()) {
            analyzer.handle_gap(gap.from, gap.until, &gap.why);
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

    /// Tells the analyzer how far the inputs are, and until when it has seen all: before a diagnosis in the middle of a
    /// run.
    pub(crate) fn settle(&mut self, analyzer: &mut Analyzer) {
        analyzer.handle_inputs(self.ports.summaries());
        analyzer.handle_timeout(self.ports.clock());
    }

    /// Takes in the last frames: nothing comes any more.
    pub(crate) fn drain(&mut self, analyzer: &mut Analyzer) -> Result<(), Failure> {
        if std::mem::replace(&mut self.is_drained, true) {
            return Ok(());
        }
        let mut room = self.packets.map(|most| most.saturating_sub(self.ports.packets()));
        if room != Some(0) && !self.writing.is_done() {
            let Session { ports, writing, .. } = self;
            let notices = ports.finish(&mut |frame| {
                analyzer.handle_frame(frame);
                writing.frame(frame);
                count(&mut room)
            })?;
            for gap in notices.iter().filter_map(|notice| notice.gap.as_ref()) {
                analyzer.handle_gap(gap.from, gap.until, &gap.why);
            }
        }
        self.ports.read_drops();
        self.settle(analyzer);
        Ok(())
    }

    /// Ends the run: what the analyzer holds is complete then. Gives what the report is followed by where the frames
    /// could not be written.
    pub(crate) fn finish(mut self, analyzer: &mut Analyzer) -> Result<Written, Failure> {
        self.drain(analyzer)?;
        analyzer.finish(self.ports.summaries());
        Ok(Written { failure: self.writing.finish(&self.ports) })
    }
}

/// How the writing of frames ended.
#[must_use]
pub(crate) struct Written {
    failure: Option<String>,
}

impl Written {
    /// Why frames could not be written, where they could not.
    pub(crate) fn failure(self) -> Option<String> {
        self.failure
    }

    /// The end of the run after its report: that frames could not be written goes before what was found.
    pub(crate) fn after(self, report: Result<End, Failure>) -> Result<End, Failure> {
        match self.failure {
            Some(message) => report.and(Err(Failure::Work(message))),
            None => report,
        }
    }
}

/// One frame less; the last one ends it.
fn count(room: &mut Option<u64>) -> ControlFlow<()> {
    let Some(room) = room else { return ControlFlow::Continue(()) };
    *room = room.saturating_sub(1);
    if *room == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
