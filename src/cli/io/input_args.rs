//! From the captures to the analyzer: the loop that live capture and files share.

use std::path::PathBuf;

use phonescope::analyzer::Analyzer;
use phonescope::capture::{self, Record};

use crate::cli::io::progress::Progress;
use crate::cli::{Failure, Verbosity, io::messages};

/// Reads all inputs to their ends through the analyzer. `after` runs after every record and at the end.
pub(crate) fn read(
    paths: &[PathBuf],
    analyzer: &mut Analyzer,
    verbosity: &Verbosity,
    mut progress: Progress,
    mut after: impl FnMut(&mut Analyzer) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |e: capture::CaptureError| Failure::Work(e.to_string());
    let mut inputs = capture::Inputs::open(paths).map_err(failed)?;
    loop {
        match inputs.next_record().map_err(failed) {
            Ok(Some(Record::Frame(frame))) => analyzer.handle_frame(&frame),
            Ok(Some(Record::Event(event))) => analyzer.handle_event(*event),
            Ok(None) => break,
            Err(failure) => {
                progress.clear();
                return Err(failure);
            }
        }
        if let Err(failure) = after(analyzer) {
            progress.clear();
            return Err(failure);
        }
        progress.tick(|| inputs.progress());
    }
    progress.clear();
    let warnings = inputs.warnings();
    if !verbosity.quiet {
        for warning in warnings {
            messages::say(&format!("warning: {warning}"));
        }
    }
    let summaries = inputs.summaries();
    for input in &summaries {
        if let Some(problem) = &input.problem {
            messages::say(&format!("{} is damaged: {problem}; the output covers what could be read", input.path));
        }
    }
    analyzer.finish(summaries);
    after(analyzer)
}
