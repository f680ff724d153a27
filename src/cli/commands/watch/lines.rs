//! Not on a terminal: a line a change, for people or for programs.

use std::collections::BTreeSet;
use std::io::{self, Write};

use phonescope::capture::live::Notice;
use phonescope::diagnosis::{Diagnosis, Severity};
use phonescope::report::{self, Change, ChangeKind, prose};
use phonescope::types::{Mac, Timestamp};

use crate::cli::commands::watch::spool::Spool;
use crate::cli::commands::watch::{ScreenAction, View};
use crate::cli::{Failure, io::messages};

/// Where changes are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// For people, on standard output.
    Text,
    /// For people, on standard error: standard output is for a document.
    TextAside,
    /// Objects, on standard output.
    Json,
    /// For a journal, on standard error.
    Log,
    /// Not at all.
    Silent,
}

/// Writes changes as they come, each flushed at once.
pub(super) struct Lines {
    form: Form,
    /// A journal reads standard error: it has the time itself, and takes a priority in front (`sd-daemon(3)`).
    has_priority: bool,
    /// What is shown first was known before.
    is_known: bool,
}

impl Lines {
    pub(super) fn new(form: Form) -> Lines {
        let has_priority = form == Form::Log && std::env::var_os("JOURNAL_STREAM").is_some();
        Lines { form, has_priority, is_known: false }
    }

    /// The run goes on with what one before it knew: the first diagnosis is no news.
    pub(super) fn go_on(self) -> Lines {
        Lines { is_known: true, ..self }
    }

    fn write(&self, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
        match self.form {
            Form::Json => changes.iter().try_for_each(|change| report::write_change(change, out))?,
            Form::Text | Form::TextAside | Form::Log => write_text(changes, self.has_priority, out)?,
            Form::Silent => {}
        }
        out.flush()
    }
}

impl View for Lines {
    fn show(&mut self, _: Diagnosis<'_>, changes: &[Change], _: Timestamp, _: &Spool) -> Result<ScreenAction, Failure> {
        if std::mem::take(&mut self.is_known) {
            return Ok(ScreenAction::Nothing);
        }
        match self.form {
            // Standard error is not worth ending for.
            Form::TextAside | Form::Log => drop(self.write(changes, &mut io::stderr().lock())),
            _ => self.write(changes, &mut io::BufWriter::new(io::stdout().lock()))?,
        }
        Ok(ScreenAction::Nothing)
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
fn write_text(changes: &[Change], has_priority: bool, out: &mut dyn Write) -> io::Result<()> {
    let code = |c: &Change| c.finding.map_or("", |f| f.code.as_str());
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
            let text = format!("{} {}", change.label(), change.text);
            if has_priority {
                writeln!(out, "<{}>{}", priority(change), prose::safe(&text))?;
            } else {
                writeln!(out, "{} {}", report::clock(change.time), prose::safe(&text))?;
            }
        }
    }
    Ok(())
}

/// As syslog counts: 4 is a warning, 5 a notice, 6 for information.
fn priority(change: &Change) -> u8 {
    let begins = matches!(change.kind, ChangeKind::FindingBegan | ChangeKind::FindingChanged | ChangeKind::Verdict);
    match change.finding.filter(|_| begins).map(|f| f.severity) {
        Some(Severity::Error) => 4,
        Some(Severity::Warning) => 5,
        _ => 6,
    }
}

#[cfg(test)]
mod tests;
