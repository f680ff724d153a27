//! `watch --service`: what a run of months needs beside capture and diagnosis.
//!
//! * [`memory`]: what is known, kept over a restart.
//! * [`endpoint`]: numbers for Prometheus.
//! * [`alerts`]: who is told of findings.
//! * [`supervisor`]: systemd's readiness, status and watchdog.
//!
//! The loop of `watch` tells it of each diagnosis and of each turn; nothing here waits for anybody.

mod alerts;
mod endpoint;
mod memory;
mod supervisor;

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use phonescope::analyzer::Analyzer;
use phonescope::capture::live;
use phonescope::diagnosis::{Diagnosis, PhoneReport, Severity};
use phonescope::report::alerts::{AlertBook, AlertRules};
use phonescope::report::metrics::{DiagnosisNumbers, PhoneCounts, PortDrops, ServiceNumbers, write_metrics};
use phonescope::site::Site;
use signal_hook::consts::SIGHUP;

use crate::cli::{Failure, io::messages};
use alerts::{Channel, Hook, Outbox, Program, Target};
use endpoint::Endpoint;
use memory::Memory;
use supervisor::Supervisor;

/// The longest that the loop may wait without a sign of life to systemd and to `/healthz`.
const TURN: Duration = Duration::from_secs(5);

/// How a service runs.
#[derive(Args, Debug)]
pub(crate) struct ServiceArguments {
    /// Run for months without a terminal: log lines on standard error, SIGHUP reads the site file again
    #[arg(long)]
    pub(crate) service: bool,
    /// Keep what is known there over a restart [default: phonescope.state in $STATE_DIRECTORY, where systemd gives one]
    #[arg(long, value_name = "FILE", requires = "service")]
    state: Option<PathBuf>,
    /// Write it so often, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "service",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    state_interval: u64,
    /// Serve numbers for Prometheus on http://ADDR:PORT/metrics
    #[arg(long, value_name = "ADDR:PORT", requires = "service")]
    metrics: Option<SocketAddr>,
    /// Post a JSON document there for each finding, and for its end
    #[arg(long, value_name = "URL", requires = "service", env = "PHONESCOPE_ALERT_WEBHOOK", hide_env_values = true,
          value_parser = webhook)]
    alert_webhook: Option<String>,
    /// Tell syslog of each finding, and of its end; without a target that of this host
    #[arg(long, value_name = "udp://HOST:PORT|PATH", requires = "service", num_args = 0..=1,
          default_missing_value = "", value_parser = Target::parse)]
    alert_syslog: Option<Target>,
    /// Run this program for each finding, and for its end, with the JSON document on its standard input; split at
    /// blanks, without a shell
    #[arg(long, value_name = "COMMAND", requires = "service", value_parser = Program::parse)]
    alert_command: Option<Program>,
    /// Tell of findings from this severity on
    #[arg(long, value_enum, default_value_t = Least::Warning, requires = "service")]
    alert_min_severity: Least,
    /// A finding must hold for so long before it is told, seconds; and be away for three times as long before its end is
    #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "service",
          value_parser = clap::value_parser!(u64).range(0..=86_400))]
    alert_hold: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Least {
    Info,
    Warning,
    Error,
}

fn webhook(url: &str) -> Result<String, String> {
    Hook::new(url).map(|_| url.to_owned())
}

/// A service that runs.
pub(crate) struct Service {
    memory: Option<Memory>,
    endpoint: Option<Endpoint>,
    outbox: Outbox,
    rules: AlertRules,
    book: AlertBook,
    supervisor: Supervisor,
    numbers: ServiceNumbers,
    counts: PhoneCounts,
    reload: Arc<AtomicBool>,
    /// Becomes readable with SIGHUP.
    wake: UnixStream,
}

impl Service {
    /// Takes what needs rights that are given up later: the address of the metrics. `None`: this is no service.
    pub(crate) fn prepare(arguments: &ServiceArguments) -> Result<Option<Service>, Failure> {
        if !arguments.service {
            return Ok(None);
        }
        let endpoint = arguments.metrics.map(Endpoint::bind).transpose()?;
        let reload = Arc::new(AtomicBool::new(false));
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        signal_hook::flag::register(SIGHUP, Arc::clone(&reload))?;
        signal_hook::low_level::pipe::register(SIGHUP, waker)?;
        let min_severity = match arguments.alert_min_severity {
            Least::Info => Severity::Info,
            Least::Warning => Severity::Warning,
            Least::Error => Severity::Error,
        };
        Ok(Some(Service {
            memory: Memory::of(arguments.state.as_deref(), Duration::from_secs(arguments.state_interval)),
            endpoint,
            outbox: Outbox::default(),
            rules: AlertRules { min_severity, hold: Duration::from_secs(arguments.alert_hold) },
            book: AlertBook::new(),
            supervisor: Supervisor::new(),
            numbers: ServiceNumbers { started: live::now(), ..ServiceNumbers::default() },
            counts: PhoneCounts::default(),
            reload,
            wake,
        }))
    }

    /// What the run before knew; `None`: there was none, or it can not be taken up, which is said.
    pub(crate) fn restore(&mut self) -> Result<Option<Analyzer>, Failure> {
        let Some((analyzer, book)) = self.memory.as_mut().map(Memory::restore).transpose()?.flatten() else {
            return Ok(None);
        };
        self.book = book;
        Ok(Some(analyzer))
    }

    /// Begins: the ports are open, and rights that are not needed any more are given up.
    pub(crate) fn start(&mut self, arguments: &ServiceArguments) -> Result<(), Failure> {
        let mut channels: Vec<Box<dyn Channel>> = Vec::new();
        if let Some(url) = &arguments.alert_webhook {
            channels.push(Box::new(Hook::new(url).map_err(Failure::Work)?));
        }
        if let Some(target) = &arguments.alert_syslog {
            channels.push(Box::new(target.clone()));
        }
        if let Some(program) = &arguments.alert_command {
            channels.push(Box::new(program.clone()));
        }
        self.outbox = Outbox::start(channels)?;
        if let Some(endpoint) = &mut self.endpoint {
            endpoint.start()?;
        }
        self.supervisor.ready();
        Ok(())
    }

    /// The longest that the loop may wait.
    pub(crate) fn wait(&self) -> Duration {
        TURN.min(self.supervisor.wait())
    }

    /// What ends the loop's waiting.
    pub(crate) fn wakers(&self) -> [BorrowedFd<'_>; 1] {
        [self.wake.as_fd()]
    }

    /// The site anew, where SIGHUP asked for it. A file that is not in order changes nothing, which is said.
    pub(crate) fn reload(&mut self, read: impl FnOnce() -> Result<Site, Failure>) -> Option<Site> {
        let _ = std::io::Read::read(&mut &self.wake, &mut [0; 64]);
        if !self.reload.swap(false, Ordering::Relaxed) {
            return None;
        }
        let (failed, taken) = &mut self.numbers.reloads;
        self.supervisor.reloading();
        let site = match read() {
            Ok(site) => {
                *taken += 1;
                messages::say("the site file is read again");
                Some(site)
            }
            Err(Failure::Work(message)) => {
                *failed += 1;
                messages::say(&format!("the site stays as it was: {message}"));
                None
            }
            Err(Failure::Output(e)) => {
                *failed += 1;
                messages::say(&format!("the site stays as it was: {}", messages::reason(&e)));
                None
            }
        };
        self.supervisor.ready();
        site
    }

    /// A phone of the diagnosis that comes next.
    pub(crate) fn phone(&mut self, phone: &PhoneReport) {
        self.counts.add(phone);
    }

    /// A diagnosis, and how long it took.
    pub(crate) fn judged(&mut self, d: &Diagnosis<'_>, analyzer: &Analyzer, took: Duration) {
        for alert in self.book.update(d, live::now(), &self.rules) {
            messages::say(&format!("alert {}: {}", alert.id, alert.line()));
            self.outbox.send(alert);
        }
        self.numbers.diagnose_time = took;
        self.numbers.diagnoses += 1;
        self.numbers.alerts = self.outbox.counts();
        self.supervisor.status(d, self.book.open());
        let counts = std::mem::take(&mut self.counts);
        if let Some(endpoint) = &self.endpoint {
            let numbers = DiagnosisNumbers::new(d, counts);
            let mut page = Vec::new();
            // Writing to memory does not fail.
            let _ = write_metrics(&numbers, analyzer.measures(), analyzer.evicted_phones(), &self.numbers, &mut page);
            endpoint.publish(page);
        }
    }

    /// The loop goes round once more.
    pub(crate) fn turn(&mut self, analyzer: &Analyzer, drops: Vec<PortDrops>) {
        self.numbers.drops = drops;
        self.supervisor.beat(Instant::now());
        if let Some(endpoint) = &self.endpoint {
            endpoint.beat();
        }
        if let Some(memory) = &mut self.memory
            && memory.is_due()
        {
            memory.save(analyzer, &self.book);
            self.numbers.state_saved = memory.saved();
            self.numbers.state_save_time = memory.took();
        }
    }

    /// The run ends: before the analyzer is told so.
    pub(crate) fn end(&mut self, analyzer: &Analyzer) {
        self.supervisor.stopping();
        if let Some(memory) = &mut self.memory {
            memory.save(analyzer, &self.book);
        }
    }

    /// The report is written.
    pub(crate) fn finish(mut self) {
        self.outbox.finish();
    }
}
