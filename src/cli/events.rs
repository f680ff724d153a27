//! `phonescope events`: what was said on the wire, one message a line, nothing judged.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::event::EventKind;
use phonescope::report::write_event;

use super::progress::Progress;
use super::{End, Failure, Inputs, Verbosity, output, reading};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// Write the events there; the file appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    verbosity: Verbosity,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let paths = arguments.inputs.paths();
    output::refuse_inputs(arguments.output.as_deref(), &paths)?;
    let scrolls = arguments.output.is_none() && io::stdout().is_terminal();
    let progress = Progress::new(&arguments.verbosity, scrolls);
    let mut analyzer = Analyzer::with_events();
    let mut damaged = false;
    output::write_to(arguments.output.as_deref(), |out| {
        reading::read(&paths, &mut analyzer, &arguments.verbosity, progress, |analyzer| {
            while let Some(event) = analyzer.poll_event() {
                if let EventKind::Capture(input) = &event.kind {
                    damaged |= input.problem.is_some();
                }
                write_event(&event, out)?;
            }
            Ok(())
        })
    })?;
    Ok(End::of(damaged, false))
}
