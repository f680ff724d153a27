//! `phonescope doctor`: can this host and this port show what phones do?
//!
//! It listens twice at once: to everything, and through the filter of `watch`. What the decoders use of the one must
//! be in the other.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use phonescope::analyzer::Analyzer;
use phonescope::capture::live::{self, PortFilter, PortSettings, Ports};
use phonescope::doctor::{self, Examined, Proof, State, Survey, switch};
use phonescope::report::{self, DoctorReport};
use phonescope::site::Site;
use phonescope::types::Frame;

use crate::cli::io::report_args::look;
use crate::cli::io::signals::{self, Signals};
use crate::cli::{
    Color, End, Failure,
    io::{capture_args, output, privileges},
};

/// Frames that are compared at most; with many more, a shorter time tells as much.
const MAX_COMPARED: usize = 500_000;
/// How long one wait for frames lasts.
const WAIT: Duration = Duration::from_millis(50);

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The port to look at
    #[arg(short, long, value_name = "IFACE")]
    interface: String,
    /// How long to listen: duration:SECONDS
    #[arg(short, long, value_name = "CONDITION", default_value = "duration:10", value_parser = duration)]
    autostop: Duration,
    /// Leave the port as it is: no promiscuous mode
    #[arg(short = 'p', long)]
    no_promiscuous_mode: bool,
    /// The kernel's buffer, MiB
    #[arg(short = 'B', long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    buffer_size: u32,
    /// Go on as this user once the port is open (default: who called sudo); root: keep all rights
    #[arg(short = 'Z', long, value_name = "USER")]
    relinquish_privileges: Option<String>,
    /// How the outcome is written
    #[arg(short = 'T', long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the outcome there; the file appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// End with 0 also where there are problems
    #[arg(long)]
    exit_zero: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One document, schema phonescope.doctor/1
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    let value = text.strip_prefix("duration:").ok_or("write it as duration:SECONDS")?;
    capture_args::seconds(value)
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let settings = |filter| PortSettings {
        name: arguments.interface.clone(),
        promiscuous: !arguments.no_promiscuous_mode,
        snap_len: 262_144,
        buffer: arguments.buffer_size << 20,
        filter,
    };
    let open = |filter| Ports::open(&[settings(filter)]).map_err(|e| Failure::Work(e.to_string()));
    // The filtered one first, so that it misses nothing that the other one has.
    let filtered = open(PortFilter::Signalling)?;
    let all = open(PortFilter::Everything)?;
    privileges::drop_privileges(arguments.relinquish_privileges.as_deref())?;
    let signals = Signals::register(&signals::ENDINGS)?;
    let port = live::port_facts(&arguments.interface);
    let mut listening = Listening::new(Survey::new(port.macs.clone(), port.mtu));
    let (seconds, drops, link_type, refused) = {
        let (mut all, mut filtered) = (all, filtered);
        let seconds = listening.listen(&mut all, &mut filtered, arguments.autostop, &signals)?;
        if filtered.drops().kernel > 0 {
            listening.comparison.give_up("frames that passed found no room in the buffer (-B)");
        }
        (seconds, all.drops(), all.link_type(), filtered.unfiltered().map(str::to_owned))
    };
    let site = Site::none();
    let copies = listening.analyzer.diagnose(&site).coverage.duplicate_frames;
    let proof = listening.comparison.proof(refused);
    let host = live::host_facts();
    let examined = Examined {
        port: &port,
        host: &host,
        link_type,
        buffer: arguments.buffer_size << 20,
        promiscuous: !arguments.no_promiscuous_mode && arguments.interface != "any",
        survey: &listening.survey,
        drops,
        seconds,
        copies,
        proof: &proof,
        notices: &listening.notices,
    };
    let checks = doctor::judge(&examined);
    // What a switch can mend.
    let mirror = ["frames", "span", "directions", "tags"];
    let is_mirror_wrong = checks.iter().any(|c| mirror.contains(&c.name) && c.state > State::Unknown);
    let vlan = listening.survey.vlans.iter().max_by_key(|(_, frames)| **frames).map(|(id, _)| *id);
    let switch = if is_mirror_wrong { switch::span(&arguments.interface, vlan) } else { Vec::new() };
    let doctored = DoctorReport { examined: &examined, checks: &checks, switch: &switch };
    let terminal = arguments.output.is_none() && io::stdout().is_terminal();
    output::write_to(arguments.output.as_deref(), |out| {
        let written = match arguments.format {
            Format::Table => report::write_doctor(&doctored, look(Color::Never, terminal).0, out),
            Format::Json => report::write_doctor_json(&doctored, out),
        };
        Ok(written?)
    })?;
    Ok(End::of(false, doctored.worst() == State::Problem && !arguments.exit_zero))
}

/// What is gathered while listening.
struct Listening {
    survey: Survey,
    analyzer: Analyzer,
    comparison: Comparison,
    notices: Vec<String>,
}

impl Listening {
    fn new(survey: Survey) -> Listening {
        let (analyzer, comparison) = (Analyzer::with_events(), Comparison::default());
        Listening { survey, analyzer, comparison, notices: Vec::new() }
    }

    /// Gives how long was listened, in seconds.
    fn listen(
        &mut self,
        all: &mut Ports,
        filtered: &mut Ports,
        time: Duration,
        signals: &Signals,
    ) -> Result<u64, Failure> {
        let began = Instant::now();
        let mut counted = Instant::now();
        while began.elapsed() < time && !signals.came() {
            let wait = WAIT.min(time.saturating_sub(began.elapsed()));
            let polled = all.poll(wait, &[signals.waker()], &mut |frame| self.take(frame))?;
            self.notices.extend(polled.notices.into_iter().map(|notice| notice.text));
            filtered.poll(Duration::ZERO, &[], &mut |frame| self.comparison.passed(frame))?;
            if polled.closed {
                break;
            }
            if counted.elapsed() >= Duration::from_secs(1) {
                counted = Instant::now();
                all.read_drops();
                filtered.read_drops();
            }
        }
        let seconds = began.elapsed().as_secs_f64().round() as u64;
        all.finish(&mut |frame| self.take(frame))?;
        filtered.finish(&mut |frame| self.comparison.passed(frame))?;
        all.read_drops();
        filtered.read_drops();
        self.analyzer.finish(all.summaries());
        while let Some(event) = self.analyzer.poll_event() {
            self.survey.handle_event(&event);
        }
        Ok(seconds.max(1))
    }

    fn take(&mut self, frame: &Frame<'_>) -> ControlFlow<()> {
        self.survey.handle_frame(frame);
        self.analyzer.handle_frame(frame);
        let mut is_used = false;
        while let Some(event) = self.analyzer.poll_event() {
            is_used |= event.at.frame == frame.number;
            self.survey.handle_event(&event);
        }
        if is_used {
            self.comparison.used(frame);
        }
        ControlFlow::Continue(())
    }
}

/// Frames that are used, and frames that passed, by their bytes: each capture has its own times.
#[derive(Default)]
struct Comparison {
    hasher: RandomState,
    /// How often a frame came that is used, less how often it passed.
    frames: HashMap<u64, i64>,
    passed: u64,
    used: u64,
    inconclusive: Option<String>,
}

impl Comparison {
    fn give_up(&mut self, why: &str) {
        self.inconclusive.get_or_insert_with(|| why.to_owned());
    }

    fn count(&mut self, frame: &Frame<'_>, by: i64) {
        if self.frames.len() >= MAX_COMPARED {
            return self.give_up("too many frames to compare; listen for a shorter time (-a)");
        }
        *self.frames.entry(self.hasher.hash_one(frame.data)).or_default() += by;
    }

    fn used(&mut self, frame: &Frame<'_>) {
        self.used += 1;
        self.count(frame, 1);
    }

    fn passed(&mut self, frame: &Frame<'_>) -> ControlFlow<()> {
        self.passed += 1;
        self.count(frame, -1);
        ControlFlow::Continue(())
    }

    fn proof(self, refused: Option<String>) -> Proof {
        let lost = if self.inconclusive.is_some() { 0 } else { self.lost() };
        Proof { refused, passed: self.passed, used: self.used, lost, inconclusive: self.inconclusive }
    }

    fn lost(&self) -> u64 {
        // The order does not matter to a sum.
        #[allow(clippy::iter_over_hash_type)]
        let lost = self.frames.values().filter_map(|n| u64::try_from(*n).ok()).sum();
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use phonescope::types::{LinkType, Timestamp};

    fn frame(data: &[u8]) -> Frame<'_> {
        Frame { input: 0, number: 1, time: Timestamp(0), link_type: LinkType::ETHERNET, orig_len: 60, data }
    }

    #[test]
    fn filter_verdict_takes_the_worst_of_all_frames() {
        let mut c = Comparison::default();
        for data in [b"a", b"a", b"b"] {
            c.used(&frame(data));
        }
        for data in [b"a", b"c", b"c"] {
            let _ = c.passed(&frame(data));
        }
        let proof = c.proof(None);
        assert_eq!((proof.used, proof.passed, proof.lost), (3, 3, 2));
    }

    #[test]
    fn how_long_to_listen_is_written_as_tshark_has_it() {
        assert_eq!(duration("duration:2.5"), Ok(Duration::from_millis(2500)));
        for wrong in ["2", "packets:3", "duration:0"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
