//! `phonescope events`: what was said on the wire, one message a line, nothing judged.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::event::EventKind;
use phonescope::report::write_event;

#[cfg(feature = "live")]
use crate::cli::io::live::{LiveArguments, Session};
use crate::cli::io::progress::Progress;
use crate::cli::{
    End, Failure, Inputs, Verbosity,
    io::{input_args, output},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[cfg(feature = "live")]
    #[command(flatten)]
    live: LiveArguments,
    /// Write the events there; the file appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// How long one wait for frames lasts.
#[cfg(feature = "live")]
const WAIT: std::time::Duration = std::time::Duration::from_secs(1);

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    #[cfg(feature = "live")]
    if arguments.live.list_interfaces {
        return crate::cli::commands::interfaces::list();
    }
    #[cfg(feature = "live")]
    if !arguments.live.interface.is_empty() {
        if !arguments.inputs.paths().is_empty() {
            return Err(Failure::Work("captures and ports are named; name one or the other".to_owned()));
        }
        return run_live(arguments);
    }
    let paths = arguments.inputs.paths();
    output::refuse_inputs(arguments.output.as_deref(), &paths)?;
    let scrolls = arguments.output.is_none() && io::stdout().is_terminal();
    let progress = Progress::new(&arguments.verbosity, scrolls);
    let mut analyzer = Analyzer::with_events();
    let mut damaged = false;
    output::write_to(arguments.output.as_deref(), |out| {
        input_args::read(&paths, &mut analyzer, &arguments.verbosity, progress, |analyzer| {
            damaged |= drain(analyzer, out)?;
            Ok(())
        })
    })?;
    Ok(End::of(damaged, false))
}

/// Writes what the analyzer has; whether an input is told to be damaged.
fn drain(analyzer: &mut Analyzer, out: &mut dyn io::Write) -> Result<bool, Failure> {
    let mut damaged = false;
    while let Some(event) = analyzer.poll_event() {
        if let EventKind::Capture(input) = &event.kind {
            damaged |= input.problem.is_some();
        }
        write_event(&event, out)?;
    }
    Ok(damaged)
}

/// The same from ports, each message at once.
#[cfg(feature = "live")]
fn run_live(arguments: &Arguments) -> Result<End, Failure> {
    arguments.live.writing.keep_apart(arguments.output.as_deref(), None)?;
    let mut session = Session::open(&arguments.live)?;
    let mut analyzer = Analyzer::with_events();
    output::write_to(arguments.output.as_deref(), |out| {
        loop {
            let step = session.step(WAIT, &[], &mut analyzer, &mut |_| ())?;
            step.say();
            if step.ended.is_some() {
                break;
            }
            drain(&mut analyzer, out)?;
            out.flush()?;
        }
        let written = session.finish(&mut analyzer)?;
        written.after(drain(&mut analyzer, out).map(|damaged| End::of(damaged, false)))
    })
}
