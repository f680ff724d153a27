//! `phonescope watch`: capture on ports, diagnose while phones boot, report at the end.
//!
//! One loop: wait for frames or keys, judge when it is time ([`pace`]), and show what changed: on a screen or in
//! [`lines`]. However the run ends, the report is written.

mod lines;
pub(super) mod pace;
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
    /// Say nothing on standard error but errors and damage
    #[arg(short, long)]
    quiet: bool,
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
    let output = arguments.reporting.output.as_deref();
    arguments.live.writing.keep_apart(output, arguments.expected.site_file())?;
    let site = arguments.expected.site()?;
    let mut session = Session::open(&arguments.live)?;
    let mut analyzer = Analyzer::new();
    let shown = {
        let mut view = Lines::new(form(arguments));
        watch(&mut session, &mut analyzer, &site, &arguments.reporting, &mut Spool::new(0), &mut view)
    };
    let written = session.finish(&mut analyzer)?;
    let report = |reporting: &Reporting| reporting.report(analyzer.diagnose(&site));
    let result = match shown {
        Ok(()) => report(&arguments.reporting),
        // Who read the lines has gone: only a report in a file finds a reader.
        Err(Failure::Output(e)) if is_gone(&e) => match arguments.reporting.output {
            Some(_) => report(&arguments.reporting),
            None => Ok(arguments.reporting.end(&analyzer, &site)),
        },
        // What was captured is not lost for what went wrong.
        Err(failure) => report(&arguments.reporting).and(Err(failure)),
    };
    written.after(result)
}

/// Whether who read the output is there no more: a closed pipe, a closed terminal.
fn is_gone(e: &io::Error) -> bool {
    const EIO: i32 = 5;
    e.kind() == io::ErrorKind::BrokenPipe || e.raw_os_error() == Some(EIO)
}

/// The lines go where the report does not.
fn form(arguments: &Arguments) -> Form {
    let document = matches!(arguments.reporting.format, Format::Json | Format::Csv);
    match (arguments.reporting.format, document && arguments.reporting.output.is_none()) {
        (Format::Ndjson, _) if !arguments.live.writing.is_standard_output() => Form::Json,
        (_, true) if arguments.quiet => Form::Silent,
        (_, true) => Form::TextAside,
        (_, false) if arguments.live.writing.is_standard_output() => Form::TextAside,
        (_, false) => Form::Text,
    }
}

/// Captures, judges and shows until the run is over.
fn watch(
    session: &mut Session,
    analyzer: &mut Analyzer,
    site: &Site,
    reporting: &Reporting,
    spool: &mut Spool,
    view: &mut dyn View,
) -> Result<(), Failure> {
    let selection = reporting.selection();
    let mut changes = Changes::new();
    let mut pace = Pace::new(Instant::now());
    let mut drops = DropsSaid::default();
    loop {
        let wait = pace.wait(Instant::now());
        let step = session.step(wait, &view.wakers(), analyzer, &mut |frame| spool.keep(frame))?;
        if step.frames > 0 {
            pace.heard(Instant::now());
        }
        for notice in &step.notices {
            view.notice(notice, live::now())?;
        }
        let mut wish = if step.woken { view.listen(spool)? } else { Wish::Nothing };
        if wish == Wish::Judge || pace.wait(Instant::now()).is_zero() || step.ended.is_some() {
            let began = Instant::now();
            session.settle(analyzer);
            let now = live::now();
            let diagnosis = selection.apply(analyzer.diagnose(site));
            let changed = changes.update_with(&diagnosis, now, |phone| view.phone(phone));
            let shown = view.show(&diagnosis, &changed, now)?;
            if shown == Wish::End {
                wish = shown;
            }
            for notice in drops.more(&diagnosis.inputs, Instant::now()) {
                view.notice(&notice, now)?;
            }
            pace.judged(began, Instant::now());
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
