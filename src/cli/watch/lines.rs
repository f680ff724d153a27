//! Not on a terminal: a line a change, for people or for programs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use phonescope::capture::Timestamp;
use phonescope::capture::live::Notice;
use phonescope::diagnosis::Diagnosis;
use phonescope::report::{self, Change, ChangeKind, prose};
use phonescope::wire::Mac;

use super::{View, Wish};
use crate::cli::{Failure, messages};

/// Where changes are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// For people, on standard output.
    Text,
    /// For people, on standard error: standard output is for a document.
    TextAside,
    /// Objects, on standard output.
    Json,
    /// Not at all.
    Silent,
}

/// Writes changes as they come, each flushed at once.
pub(super) struct Lines {
    form: Form,
}

impl Lines {
    pub(super) fn new(form: Form) -> Lines {
        Lines { form }
    }

    fn write(&self, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
        match self.form {
            Form::Json => changes.iter().try_for_each(|change| report::write_change(change, out))?,
            Form::Text | Form::TextAside => write_text(changes, out)?,
            Form::Silent => {}
        }
        out.flush()
    }
}

impl View for Lines {
    fn show(&mut self, _: &Diagnosis<'_>, changes: &[Change], _: Timestamp) -> Result<Wish, Failure> {
        match self.form {
            // Standard error is not worth ending for.
            Form::TextAside => drop(self.write(changes, &mut io::stderr().lock())),
            _ => self.write(changes, &mut io::BufWriter::new(io::stdout().lock()))?,
        }
        Ok(Wish::Nothing)
    }

    fn notice(&mut self, notice: &Notice, time: Timestamp) -> Result<(), Failure> {
        messages::say(&format!("{}: {}", notice.port, notice.text));
        if self.form == Form::Json {
            let mut out = io::stdout().lock();
            report::write_notice(time, &notice.port, &notice.text, &mut out)?;
            out.flush()?;
        }
        Ok(())
    }
}

/// `07:00:01.003 SEP003094C2D3FA asks for an address`; what another line of the same moment says too is left out.
fn write_text(changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    let code = |c: &Change| c.finding.map_or("", |f| f.code);
    let verdicts: BTreeSet<(Mac, &str)> =
        changes.iter().filter(|c| c.kind == ChangeKind::Verdict).map(|c| (c.mac, code(c))).collect();
    let appeared: BTreeSet<Mac> = changes.iter().filter(|c| c.kind == ChangeKind::Appeared).map(|c| c.mac).collect();
    for change in changes {
        let is_said = match change.kind {
            ChangeKind::FindingBegan | ChangeKind::FindingChanged => verdicts.contains(&(change.mac, code(change))),
            ChangeKind::State => {
                appeared.contains(&change.mac) && change.to.as_ref().is_some_and(|to| to.raw() == "seen")
            }
            _ => false,
        };
        if !is_said {
            let (clock, label) = (report::clock(change.time), change.label());
            writeln!(out, "{}", prose::safe(&format!("{clock} {label} {}", change.text)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
