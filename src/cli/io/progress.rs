//! How far reading has come, on standard error, for who waits at a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::Verbosity;

/// Records between two looks at the clock.
const RECORDS: u32 = 4096;
/// Before the first line, so that short work says nothing; and between two.
const PAUSE: Duration = Duration::from_millis(400);

/// A line that is overwritten; nothing where nobody watches.
pub(crate) struct Progress {
    shown: bool,
    active: bool,
    records: u32,
    last: Instant,
}

impl Progress {
    /// `output_on_terminal`: the output itself scrolls by, which is progress enough.
    pub(crate) fn new(verbosity: &Verbosity, output_on_terminal: bool) -> Progress {
        let active = !verbosity.quiet && !verbosity.no_progress && !output_on_terminal && io::stderr().is_terminal();
        Progress { shown: false, active, records: 0, last: Instant::now() }
    }

    /// One record more; `done` tells the bytes read and those there are, where this is known.
    pub(crate) fn tick(&mut self, done: impl FnOnce() -> Option<(u64, u64)>) {
        if !self.active {
            return;
        }
        self.records += 1;
        if self.records < RECORDS {
            return;
        }
        self.records = 0;
        if self.last.elapsed() < PAUSE {
            return;
        }
        self.last = Instant::now();
        self.shown = true;
        let _ = write!(io::stderr(), "\r{}\x1b[K", line(done()));
    }

    /// Takes the line away again.
    pub(crate) fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: Option<(u64, u64)>) -> String {
    const MB: u64 = 1_000_000;
    match done {
        Some((read, all)) if all > 0 => {
            let percent = u128::from(read) * 100 / u128::from(all);
            format!("reading: {}% of {} MB", percent.min(100), all.div_ceil(MB))
        }
        Some((read, _)) => format!("reading: {} MB", read / MB),
        None => "reading".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_as_far_as_it_is_known() {
        assert_eq!(line(Some((500, 1_000_001))), "reading: 0% of 2 MB");
        assert_eq!(line(Some((u64::MAX, u64::MAX))), format!("reading: 100% of {} MB", u64::MAX.div_ceil(1_000_000)));
        assert_eq!(line(Some((7_000_000, 0))), "reading: 7 MB");
        assert_eq!(line(None), "reading");
    }
}
