//! `phonescope watch`: capture on ports, diagnose while phones boot, report at the end.

use std::time::Duration;

use clap::Args;
use phonescope::analyzer::Analyzer;

use super::live::{LiveArguments, Session};
use super::reporting::{Expected, Reporting};
use super::{End, Failure};

/// How long nothing may come before the screen is looked after.
const TICK: Duration = Duration::from_millis(250);

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    live: LiveArguments,
    #[command(flatten)]
    expected: Expected,
    #[command(flatten)]
    reporting: Reporting,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    if arguments.live.interface.is_empty() {
        return Err(Failure::Work("no port is named; name one with -i (phonescope interfaces lists them)".to_owned()));
    }
    let site = arguments.expected.site()?;
    let mut session = Session::open(&arguments.live)?;
    let mut analyzer = Analyzer::new();
    while session.step(TICK, &[], &mut analyzer)?.ended.is_none() {}
    session.finish(&mut analyzer)?;
    arguments.reporting.report(&analyzer, &site)
}
