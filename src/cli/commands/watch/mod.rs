//! `phonescope watch`: capture on ports, diagnose while phones boot, report at the end.
//!
//! One loop: wait for frames or keys, judge when it is time ([`pace`]), and show what changed: on a screen or in
//! [`lines`]. However the run ends, the report is written.

mod lines;
pub(super) mod pace;
mod screen;
mod spool;

use std::io::{self, IsTerminal};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::capture::live::{self, Notice};
use phonescope::diagnosis::{Diagnosis, PhoneReport};
use phonescope::event::InputSummary;
use phonescope::report::{Change, Changes};
use phonescope::site::Site;
use phonescope::types::Timestamp;

use crate::cli::commands::service::{Service, ServiceArguments};
use crate::cli::io::live::{LiveArguments, Session};
use crate::cli::io::report_args::{Expected, Format, Reporting, look};
use crate::cli::{End, Failure, commands::interfaces};
use lines::{Form, Lines};
use pace::{Pace, processor_time};
use screen::Console;
use spool::Spool;

/// Frames kept for saving, bytes.
const SPOOL: usize = 64 << 20;
/// Drops are told when they begin, and then at most so often.
const DROPS_SAID: Duration = Duration::from_secs(10);

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    expected: Expected,
    #[command(flatten)]
    reporting: Reporting,
    /// A phone that was not seen for so long leaves the report: 90s, 30m, 24h, 7d; 0: never
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = age)]
    forget_after: Age,
    /// Write a line a change also on a terminal, and show no screen
    #[arg(long)]
    lines: bool,
    /// Say nothing on standard error but errors and damage
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

/// `None`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Age(Option<Duration>);

fn age(text: &str) -> Result<Age, String> {
    let wrong = || "write it as 90s, 30m, 24h or 7d; 0: never".to_owned();
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "" if text == "0" => return Ok(Age(None)),
        _ => return Err(wrong()),
    };
    // A time of capture ends in the year 2262; no age is beyond that.
    let longest = Duration::from_nanos(u64::MAX);
    let age = number.parse().ok().and_then(|n: u64| n.checked_mul(seconds)).map(Duration::from_secs);
    match age.filter(|age| *age <= longest) {
        Some(Duration::ZERO) => Ok(Age(None)),
        Some(age) if age >= Duration::from_secs(60) => Ok(Age(Some(age))),
        Some(_) => Err("a minute is the least".to_owned()),
        None => Err(wrong()),
    }
}

/// Where a run is shown while it lasts.
trait View {
    /// What becomes readable when a person speaks.
    fn wakers(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }

    /// A phone of the diagnosis that is shown next.
    fn phone(&mut self, _: &PhoneReport) {}

    /// The diagnosis, and what changed since the one before; the latest frames beside it.
    fn show(
        &mut self,
        d: Diagnosis<'_>,
        changes: &[Change],
        now: Timestamp,
        spool: &Spool,
    ) -> Result<ScreenAction, Failure>;

    /// Something happened to a port.
    fn notice(&mut self, notice: &Notice, now: Timestamp) -> Result<(), Failure>;

    /// When [`View::listen`] is next worth calling, where nothing wakes it.
    fn due(&self) -> Option<Duration> {
        None
    }

    /// Takes in what the person said.
    fn listen(&mut self) -> Result<ScreenAction, Failure> {
        Ok(ScreenAction::Nothing)
    }
}

/// What the person at the screen wants of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ScreenAction {
    /// Go on.
    Nothing,
    /// Judge now: something is to be shown that takes a diagnosis.
    Judge,
    /// End the run.
    End,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    if arguments.live.list_interfaces {
        return interfaces::list();
    }
    if arguments.live.interface.is_empty() {
        return Err(Failure::Work("no port is named; name one with -i (phonescope interfaces lists them)".to_owned()));
    }
    let output = arguments.reporting.output.as_deref();
    arguments.live.writing.keep_apart(output, arguments.expected.site_file())?;
    let mut service = Service::prepare(&arguments.service)?;
    let site = arguments.expected.site()?;
    let mut session = match service {
        Some(_) => Session::open_service(&arguments.live)?,
        None => Session::open(&arguments.live)?,
    };
    let known = service.as_mut().map(Service::restore).transpose()?.flatten();
    let goes_on = known.is_some();
    let mut analyzer = known.unwrap_or_default();
    analyzer.evict_after(arguments.forget_after.0);
    analyzer.resume(&session.names(), live::now());
    if let Some(service) = &mut service {
        service.start(&arguments.service)?;
    }
    let mut spool = Spool::new(if on_screen(arguments) { SPOOL } else { 0 });
    let mut view: Box<dyn View> = match on_screen(arguments) {
        true => Box::new(Console::open(look(arguments.reporting.color, true).1)?),
        false if goes_on => Box::new(Lines::new(form(arguments)).go_on()),
        false => Box::new(Lines::new(form(arguments))),
    };
    let mut run = Run { arguments, site, service, changes: Changes::new(), drops: DropsSaid::default() };
    let watched = run.watch(&mut session, &mut analyzer, &mut spool, view.as_mut());
    if on_screen(arguments) {
        // The terminal is given back first: the last frames may take seconds, and a second signal ends all at once.
        view = Box::new(Lines::new(Form::Silent));
    }
    session.drain(&mut analyzer)?;
    // From here on nobody is told anything but by the report.
    let mut service = run.service.take();
    if let Some(service) = &mut service {
        service.end(&analyzer);
    }
    let written = session.finish(&mut analyzer)?;
    // What came in the last moment is a change too.
    let shown = watched.and_then(|()| run.show(&analyzer, &spool, view.as_mut()).map(drop));
    // The terminal is given back before the report is written on it.
    drop(view);
    let Run { site, .. } = run;
    let report = || match arguments.reporting.report(analyzer.diagnose(&site)) {
        Err(Failure::Output(e)) if is_gone(&e) => Ok(arguments.reporting.end(&analyzer, &site)),
        ended => ended,
    };
    let result = match shown {
        Ok(()) => report(),
        // Who read the lines has gone: only a report in a file finds a reader.
        Err(Failure::Output(e)) if is_gone(&e) => match arguments.reporting.output {
            Some(_) => report(),
            None => Ok(arguments.reporting.end(&analyzer, &site)),
        },
        // What was captured is not lost for what went wrong.
        Err(failure) => report().and(Err(failure)),
    };
    if let Some(service) = service {
        service.finish();
    }
    written.after(result)
}

/// Whether who read the output is there no more: a closed pipe, a closed terminal.
fn is_gone(e: &io::Error) -> bool {
    const EIO: i32 = 5;
    e.kind() == io::ErrorKind::BrokenPipe || e.raw_os_error() == Some(EIO)
}

/// Whether a person is there to look and to type, and standard output is not for something else.
fn on_screen(arguments: &Arguments) -> bool {
    let plain = arguments.reporting.format == Format::Table || arguments.reporting.output.is_some();
    let can_draw = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    let is_free = !arguments.service.service && !arguments.live.writing.is_standard_output();
    !arguments.lines && plain && can_draw && is_free && io::stdout().is_terminal() && io::stdin().is_terminal()
}

/// The lines go where the report does not.
fn form(arguments: &Arguments) -> Form {
    if arguments.service.service {
        return if arguments.quiet { Form::Silent } else { Form::Log };
    }
    let document = matches!(arguments.reporting.format, Format::Json | Format::Csv);
    match (arguments.reporting.format, document && arguments.reporting.output.is_none()) {
        (Format::Ndjson, _) if !arguments.live.writing.is_standard_output() => Form::Json,
        (_, true) if arguments.quiet => Form::Silent,
        (_, true) => Form::TextAside,
        (_, false) if arguments.live.writing.is_standard_output() => Form::TextAside,
        (_, false) => Form::Text,
    }
}

/// A run: what is judged by, and what was told so far.
struct Run<'a> {
    arguments: &'a Arguments,
    site: Site,
    service: Option<Service>,
    changes: Changes,
    drops: DropsSaid,
}

impl Run<'_> {
    /// Captures, judges and shows until the run is over.
    fn watch(
        &mut self,
        session: &mut Session,
        analyzer: &mut Analyzer,
        spool: &mut Spool,
        view: &mut dyn View,
    ) -> Result<(), Failure> {
        let mut pace = Pace::new(Instant::now());
        loop {
            let waits = [view.due(), self.service.as_ref().map(Service::wait)];
            let wait = waits.into_iter().flatten().fold(pace.wait(Instant::now()), Duration::min);
            let wakers: Vec<BorrowedFd<'_>> =
                view.wakers().into_iter().chain(self.service.iter().flat_map(Service::wakers)).collect();
            let step = session.step(wait, &wakers, analyzer, &mut |frame| spool.keep(frame))?;
            drop(wakers);
            if step.frames > 0 {
                pace.heard(Instant::now());
            }
            for notice in &step.notices {
                view.notice(notice, live::now())?;
            }
            let is_due = view.due().is_some_and(|due| due.is_zero());
            let mut wish = if step.woken || is_due { view.listen()? } else { ScreenAction::Nothing };
            if let Some(site) = self.service.as_mut().and_then(|s| s.reload(|| self.arguments.expected.site())) {
                self.site = site;
                wish = ScreenAction::Judge;
            }
            if wish == ScreenAction::Judge || pace.wait(Instant::now()).is_zero() {
                let began = processor_time();
                session.settle(analyzer);
                if self.show(analyzer, spool, view)? == ScreenAction::End {
                    wish = ScreenAction::End;
                }
                pace.judged(processor_time().saturating_sub(began), Instant::now());
            }
            if let Some(service) = &mut self.service {
                service.turn(analyzer, session.drops());
            }
            if step.ended.is_some() || wish == ScreenAction::End {
                return Ok(());
            }
        }
    }

    /// Judges, and shows what changed.
    fn show(&mut self, analyzer: &Analyzer, spool: &Spool, view: &mut dyn View) -> Result<ScreenAction, Failure> {
        let (began, now) = (Instant::now(), live::now());
        let diagnosis = self.arguments.reporting.selection().apply(analyzer.diagnose(&self.site));
        let changed = self.changes.update_with(&diagnosis, now, |phone| {
            view.phone(phone);
            self.service.iter_mut().for_each(|service| service.phone(phone));
        });
        for notice in self.drops.more(&diagnosis.inputs, Instant::now()) {
            view.notice(&notice, now)?;
        }
        if let Some(service) = &mut self.service {
            service.judged(&diagnosis, analyzer, began.elapsed());
        }
        view.show(diagnosis, &changed, now, spool)
    }
}

/// How many dropped frames of each port were told.
#[derive(Default)]
struct DropsSaid(Vec<(u64, Option<Instant>)>);

impl DropsSaid {
    /// What there is to tell.
    fn more(&mut self, inputs: &[InputSummary], now: Instant) -> Vec<Notice> {
        self.0.resize(inputs.len(), (0, None));
        let mut notices = Vec::new();
        for (input, (said, when)) in inputs.iter().zip(&mut self.0) {
            let dropped = input.dropped.unwrap_or(0);
            let is_due = when.is_none_or(|when| now.saturating_duration_since(when) >= DROPS_SAID);
            if dropped > *said && is_due {
                (*said, *when) = (dropped, Some(now));
                let text = format!(
                    "{dropped} {} dropped so far: what rests on silence is at most possible; a larger buffer \
                     (-B) or a narrower filter (-f) helps",
                    if dropped == 1 { "frame" } else { "frames" }
                );
                notices.push(Notice { port: input.path.clone(), text, gap: None });
            }
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_written_with_its_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(age(text), Ok(Age(Some(Duration::from_secs(seconds)))), "{text}");
        }
        assert_eq!([age("0"), age("0h")], [Ok(Age(None)), Ok(Age(None))]);
        for wrong in ["", "24", "h", "-1h", "1.5h", "24 h", "30s", "99999999999999d", "1w"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
