//! What the phones of a plan do in a capture.

use std::path::PathBuf;

use phonescope::analyzer::Analyzer;
use phonescope::event::InputSummary;
use phonescope::remedy::plan::Plan;
use phonescope::remedy::recovery::{self, Recovery};
use phonescope::site::Site;

use crate::cli::progress::Progress;
use crate::cli::{Failure, Verbosity, reading};

/// What was read, and what it says.
pub(super) struct Outcome {
    pub(super) inputs: Vec<InputSummary>,
    pub(super) recovery: Recovery,
}

/// Reads the captures and judges.
pub(super) fn read(captures: &[PathBuf], plan: &Plan, verbosity: &Verbosity) -> Result<Outcome, Failure> {
    let mut analyzer = Analyzer::new();
    reading::read(captures, &mut analyzer, verbosity, Progress::new(verbosity, false), |_| Ok(()))?;
    // The plan says what ought to be.
    let site = Site::none();
    let diagnosis = analyzer.diagnose(&site);
    let recovery = recovery::judge(plan, &diagnosis);
    Ok(Outcome { inputs: diagnosis.inputs.clone(), recovery })
}
