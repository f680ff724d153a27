//! What is known, kept over a restart: one file, compressed, replaced as a whole and readable by its owner alone.
//!
//! It holds what the analyzer knows (`phonescope.state/2`) and which alerts were sent. A file that can not be taken up
//! is kept beside, so that nothing is lost for good, and the run begins anew.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use phonescope::analyzer::{Analyzer, StateError};
use phonescope::capture::live;
use phonescope::report::alerts::AlertBook;
use phonescope::report::prose;
use phonescope::types::Timestamp;

use crate::cli::io::messages::{reason, say};
use crate::cli::{Failure, io::output};

/// Its name in systemd's directory.
const NAME: &str = "phonescope.state";
/// Writing may take this part of the time.
const SHARE: u32 = 50;

/// The file, and when it is written.
pub(super) struct Memory {
    path: PathBuf,
    interval: Duration,
    due: Instant,
    saved: Option<Timestamp>,
    took: Duration,
    /// The last time failed, and that was said.
    is_failing: bool,
}

impl Memory {
    /// At `path`, or where systemd says. `None`: neither says where.
    pub(super) fn of(path: Option<&Path>, interval: Duration) -> Option<Memory> {
        let directory = || {
            let all = std::env::var_os("STATE_DIRECTORY")?;
            std::env::split_paths(&all).next().filter(|p| !p.as_os_str().is_empty()).map(|p| p.join(NAME))
        };
        let path = path.map(Path::to_owned).or_else(directory)?;
        Some(Memory {
            path,
            interval,
            due: Instant::now() + interval,
            saved: None,
            took: Duration::ZERO,
            is_failing: false,
        })
    }

    /// What the run before knew, and told. `None`: there is nothing to take up, or it can not be, which is said.
    pub(super) fn restore(&mut self) -> Result<Option<(Analyzer, AlertBook)>, Failure> {
        let shown = prose::safe(&self.path.to_string_lossy()).to_string();
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Failure::Work(format!("cannot read the state {shown}: {}", reason(&e)))),
        };
        match read(&file) {
            Ok((analyzer, book)) => {
                say(&format!("goes on with what {shown} knows"));
                Ok(Some((analyzer, book)))
            }
            Err(why) => {
                let aside = beside(&self.path);
                let kept = match fs::rename(&self.path, &aside) {
                    Ok(()) => format!("it is kept as {}", prose::safe(&aside.to_string_lossy())),
                    Err(e) => format!("it can not be kept aside: {}", reason(&e)),
                };
                say(&format!("warning: the state {shown} is not taken up: {why}; {kept}; the run begins anew"));
                Ok(None)
            }
        }
    }

    /// Whether it is time to write.
    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    /// When it was written last.
    pub(super) fn saved(&self) -> Option<Timestamp> {
        self.saved
    }

    /// What that took.
    pub(super) fn took(&self) -> Duration {
        self.took
    }

    /// Writes what is known. A failure is said once, and it is tried again when it is due.
    pub(super) fn save(&mut self, analyzer: &Analyzer, book: &AlertBook) {
        let began = Instant::now();
        match output::write_private(&self.path, |out| Ok(write(analyzer, book, out)?)) {
            Ok(()) => {
                self.saved = Some(live::now());
                self.is_failing = false;
            }
            Err(failure) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    let why = match failure {
                        Failure::Work(why) => why,
                        Failure::Output(e) => reason(&e),
                    };
                    say(&format!("warning: the state is not kept: {why}"));
                }
            }
        }
        self.took = began.elapsed();
        self.due = Instant::now() + self.interval.max(self.took * SHARE);
    }
}

/// Where a file goes that can not be taken up.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unusable");
    name.into()
}

fn write(analyzer: &Analyzer, book: &AlertBook, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 * 1024, GzEncoder::new(out, Compression::fast()));
    analyzer.save(&mut out)?;
    serde_json::to_writer(&mut out, book)?;
    out.write_all(b"\n")?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish().map(drop)
}

fn read(file: &File) -> Result<(Analyzer, AlertBook), String> {
    let mut lines = BufReader::with_capacity(64 * 1024, GzDecoder::new(BufReader::new(file)));
    let analyzer = Analyzer::restore(&mut lines).map_err(|e| match e {
        // What can not be unpacked is none of ours, or not all of it.
        StateError::Read(e) => match e.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => StateError::Foreign.to_string(),
            io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
            _ => reason(&e),
        },
        e => e.to_string(),
    })?;
    let mut line = String::new();
    lines.read_line(&mut line).map_err(|e| reason(&e))?;
    let book = serde_json::from_str(&line).map_err(|_| "it is damaged at its end".to_owned())?;
    Ok((analyzer, book))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn memory(dir: &tempfile::TempDir) -> Memory {
        Memory::of(Some(&dir.path().join("a.state")), Duration::from_secs(60)).unwrap()
    }

    #[test]
    fn what_is_written_is_taken_up_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut memory = memory(&dir);
        assert!(memory.restore().unwrap().is_none());
        for _ in 0..2 {
            memory.save(&Analyzer::new(), &AlertBook::new());
            let mode = fs::metadata(&memory.path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::set_permissions(&memory.path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        assert!(memory.saved().is_some() && !memory.is_due());
        assert!(memory.restore().unwrap().is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_can_not_be_taken_up_is_kept_beside() {
        let dir = tempfile::tempdir().unwrap();
        let mut memory = memory(&dir);
        memory.save(&Analyzer::new(), &AlertBook::new());
        let whole = fs::read(&memory.path).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"{\"schema\":\"phonescope.state/9\"}\n").unwrap();
        for bad in [b"".to_vec(), b"not packed".to_vec(), whole[..whole.len() / 2].to_vec(), packed.finish().unwrap()] {
            fs::write(&memory.path, &bad).unwrap();
            assert!(memory.restore().unwrap().is_none());
            assert_eq!(fs::read(dir.path().join("a.state.unusable")).unwrap(), bad);
            assert!(!memory.path.exists());
        }
    }

    #[test]
    fn a_disk_that_is_full_does_not_end_the_run() {
        let mut memory = Memory::of(Some(Path::new("/no/such/folder/a")), Duration::from_secs(60)).unwrap();
        memory.save(&Analyzer::new(), &AlertBook::new());
        assert!(memory.is_failing && memory.saved().is_none() && !memory.is_due());
    }
}
