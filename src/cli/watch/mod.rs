//! `phonescope watch`: capture on ports, diagnose while phones boot, report at the end.
//!
//! One loop: wait for frames or keys, judge when it is time ([`pace`]), and show what changed: on a screen or in
//! [`lines`]. However the run ends, the report is written.

mod lines;
mod pace;
mod spool;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::capture::Timestamp;
use phonescope::capture::live::{self, Notice};
use phonescope::diagnosis::{Diagnosis, PhoneReport};
use phonescope::event::InputSummary;
use phonescope::report::{Change, Changes};
use phonescope::site::Site;

use super::live::{LiveArguments, Session};
use super::reporting::{Expected, Format, Reporting};
use super::service::{Service, ServiceArguments};
use super::{End, Failure};
use lines::{Form, Lines};
use pace::Pace;
use spool::Spool;

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
    /// Say nothing on standard error but errors and damage
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    service: ServiceArguments,
}

/// Nanoseconds; `None`: no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Age(Option<u64>);

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
    let nanos = number.parse().ok().and_then(|n: u64| n.checked_mul(seconds * 1_000_000_000));
    match nanos {
        Some(0) => Ok(Age(None)),
        Some(n) if n >= 60_000_000_000 => Ok(Age(Some(n))),
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

    /// The diagnosis, and what changed since the one before.
    fn show(&mut self, d: &Diagnosis<'_>, changes: &[Change], now: Timestamp) -> Result<Wish, Failure>;

    /// Something happened to a port.
    fn notice(&mut self, notice: &Notice, now: Timestamp) -> Result<(), Failure>;

    /// Takes in what the person said.
    fn listen(&mut self, _: &Spool) -> Result<Wish, Failure> {
        Ok(Wish::Nothing)
    }
}

/// What the person at the screen wants of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    /// Go on.
    Nothing,
    /// Judge now: something is to be shown that takes a diagnosis.
    Judge,
    /// End the run.
    End,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    if arguments.live.interface.is_empty() {
        return Err(Failure::Work("no port is named; name one with -i (phonescope interfaces lists them)".to_owned()));
    }
    let mut service = Service::prepare(&arguments.service)?;
    let mut site = arguments.expected.site()?;
    let mut session = Session::open(&arguments.live, service.is_none())?;
    let known = service.as_mut().map(Service::restore).transpose()?.flatten();
    let goes_on = known.is_some();
    let mut analyzer = known.unwrap_or_default();
    analyzer.forget_after(arguments.forget_after.0);
    analyzer.resume(&session.names(), live::now());
    if let Some(service) = &mut service {
        service.start(&arguments.service)?;
    }
    let shown = {
        let lines = Lines::new(form(arguments));
        let mut view = if goes_on { lines.go_on() } else { lines };
        watch(&mut session, &mut analyzer, &mut site, arguments, &mut service, &mut Spool::new(0), &mut view)
    };
    if let Some(service) = &mut service {
        service.end(&analyzer);
    }
    session.finish(&mut analyzer)?;
    let report = |reporting: &Reporting| reporting.report(analyzer.diagnose(&site));
    let end = match shown {
        Ok(()) => report(&arguments.reporting),
        // Who read the lines has gone: only a report in a file finds a reader.
        Err(Failure::Output(e)) if is_gone(&e) => match arguments.reporting.output {
            Some(_) => report(&arguments.reporting),
            None => Ok(arguments.reporting.end(&analyzer, &site)),
        },
        // What was captured is not lost for what went wrong.
        Err(failure) => report(&arguments.reporting).and(Err(failure)),
    };
    if let Some(service) = service {
        service.finish();
    }
    end
}

/// Whether who read the output is there no more: a closed pipe, a closed terminal.
fn is_gone(e: &io::Error) -> bool {
    const EIO: i32 = 5;
    e.kind() == io::ErrorKind::BrokenPipe || e.raw_os_error() == Some(EIO)
}

/// The lines go where the report does not.
fn form(arguments: &Arguments) -> Form {
    if arguments.service.service {
        return if arguments.quiet { Form::Silent } else { Form::Log };
    }
    let document = matches!(arguments.reporting.format, Format::Json | Format::Csv);
    match (arguments.reporting.format, document && arguments.reporting.output.is_none()) {
        (Format::Ndjson, _) => Form::Json,
        (_, true) if arguments.quiet => Form::Silent,
        (_, true) => Form::TextAside,
        (_, false) => Form::Text,
    }
}

/// Captures, judges and shows until the run is over.
fn watch(
    session: &mut Session,
    analyzer: &mut Analyzer,
    site: &mut Site,
    arguments: &Arguments,
    service: &mut Option<Service>,
    spool: &mut Spool,
    view: &mut dyn View,
) -> Result<(), Failure> {
    let selection = arguments.reporting.selection();
    let mut changes = Changes::new();
    let mut pace = Pace::new(Instant::now());
    let mut drops = DropsSaid::default();
    loop {
        let wait = pace.wait(Instant::now()).min(service.as_ref().map_or(Duration::MAX, Service::wait));
        let wakers: Vec<BorrowedFd<'_>> =
            view.wakers().into_iter().chain(service.iter().flat_map(Service::wakers)).collect();
        let step = session.step(wait, &wakers, analyzer, &mut |frame| spool.keep(frame))?;
        drop(wakers);
        if step.frames > 0 {
            pace.heard(Instant::now());
        }
        for notice in &step.notices {
            view.notice(notice, live::now())?;
        }
        let mut wish = if step.woken { view.listen(spool)? } else { Wish::Nothing };
        if let Some(new) = service.as_mut().and_then(|s| s.reload(|| arguments.expected.site())) {
            *site = new;
            wish = Wish::Judge;
        }
        if wish == Wish::Judge || pace.wait(Instant::now()).is_zero() || step.ended.is_some() {
            let began = Instant::now();
            session.settle(analyzer);
            let now = live::now();
            let diagnosis = selection.apply(analyzer.diagnose(site));
            let changed = changes.update_with(&diagnosis, now, |phone| {
                view.phone(phone);
                service.iter_mut().for_each(|service| service.phone(phone));
            });
            let shown = view.show(&diagnosis, &changed, now)?;
            if shown == Wish::End {
                wish = shown;
            }
            for notice in drops.more(&diagnosis.inputs, Instant::now()) {
                view.notice(&notice, now)?;
            }
            if let Some(service) = service {
                service.judged(&diagnosis, analyzer, session.drops(), began.elapsed());
            }
            pace.judged(began, Instant::now());
        }
        if let Some(service) = service {
            service.turn(analyzer);
        }
        if step.ended.is_some() || wish == Wish::End {
            return Ok(());
        }
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
                    "{dropped} frames dropped so far: what rests on silence is at most possible; a larger buffer \
                     (-B) or a narrower filter (-f) helps"
                );
                notices.push(Notice { port: input.path.clone(), text, gap: None });
            }
        }
        notices
    }
}
