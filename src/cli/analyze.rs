//! `phonescope analyze`: read captures, diagnose, report.

use clap::Args;
use phonescope::analyzer::Analyzer;

use super::progress::Progress;
use super::reporting::{Expected, Reporting};
use super::{End, Failure, Inputs, Verbosity, output, reading};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    #[command(flatten)]
    expected: Expected,
    #[command(flatten)]
    reporting: Reporting,
    #[command(flatten)]
    verbosity: Verbosity,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let paths = arguments.inputs.paths();
    output::refuse_inputs(arguments.reporting.output.as_deref(), &paths)?;
    // A bad site file is told before an hour of reading, not after it.
    let site = arguments.expected.site()?;

    let mut analyzer = Analyzer::new();
    let progress = Progress::new(&arguments.verbosity, false);
    reading::read(&paths, &mut analyzer, &arguments.verbosity, progress, |_| Ok(()))?;
    arguments.reporting.report(&analyzer, &site)
}
