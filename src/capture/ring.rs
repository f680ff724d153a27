//! A capture written while it runs: to one file, or to one after the other, of which the oldest go.
//!
//! Rotation, file names and conditions are those of tshark and dumpcap. Nothing fails in silence: what was not written
//! is an error, and what stands in the file then ends with a whole block.

mod names;
mod whole_blocks;

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{InterfaceDescription, InterfaceStatistics, PcapngWriter};
use crate::types::{Frame, LinkType, Timestamp};
use whole_blocks::WholeBlocks;

/// Bytes collected before they are written.
const BUFFER: usize = 256 * 1024;
/// What is collected is written after so long at the latest.
const FLUSH: Duration = Duration::from_secs(1);
/// What tshark calls a kB.
const KILO: u64 = 1000;

/// Where a capture is written to, and when it goes on to another file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RingSettings {
    /// The file, or what the names of files are made of; `-`: standard output.
    pub path: PathBuf,
    /// On to the next file when one of these is reached; `None` of all: one file.
    pub next: Limits,
    /// On to the next file at multiples of this many seconds since 1970.
    pub interval: Option<u64>,
    /// Files that are kept; the oldest go. `None`: all.
    pub files: Option<u64>,
    /// The time stands before the number in the names of files.
    pub time_first: bool,
    /// The end of the capture when a file is so large.
    pub stop_size: Option<u64>,
    /// The end of the capture after so many files.
    pub stop_files: Option<u64>,
}

/// How much goes into one file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Time.
    pub duration: Option<Duration>,
    /// Size in thousands of bytes.
    pub size: Option<u64>,
    /// Frames.
    pub packets: Option<u64>,
}

impl RingSettings {
    /// Whether there is more than one file.
    pub fn is_ring(&self) -> bool {
        self.next != Limits::default() || self.interval.is_some()
    }

    fn is_standard_output(&self) -> bool {
        self.path == Path::new("-")
    }
}

/// A file that can not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the capture {}: {reason}", .path.display())]
pub struct RingError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub reason: io::Error,
}

/// What the files say of an interface: input, link type, and the rest.
pub type Interface = (u32, LinkType, InterfaceDescription);

/// A capture that is being written.
pub struct Ring {
    settings: RingSettings,
    program: String,
    interfaces: Vec<Interface>,
    current: Option<Current>,
    /// Names of the files that are there, the oldest first.
    written: VecDeque<PathBuf>,
    files: u64,
    /// As last told, by input.
    statistics: Vec<(u32, InterfaceStatistics)>,
    is_done: bool,
}

/// The file that is written to.
struct Current {
    path: PathBuf,
    writer: PcapngWriter<WholeBlocks<RingSink>>,
    packets: u64,
    since: Duration,
    flushed: Duration,
    opened: Timestamp,
    is_full: bool,
}

enum RingSink {
    File(File),
    StandardOutput(File),
}

impl RingSink {
    /// Without the line buffer of the standard library.
    fn standard_output() -> io::Result<RingSink> {
        Ok(RingSink::StandardOutput(io::stdout().as_fd().try_clone_to_owned()?.into()))
    }
}

impl Write for RingSink {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            RingSink::File(file) | RingSink::StandardOutput(file) => file.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What time it is: by the wall clock, for names and intervals, and since the start, for durations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    /// The wall clock.
    pub wall: Timestamp,
    /// Since the capture began.
    pub elapsed: Duration,
}

impl Ring {
    /// Creates the first file.
    ///
    /// # Errors
    /// Where that fails.
    pub fn open(
        settings: RingSettings,
        program: &str,
        interfaces: Vec<Interface>,
        now: Moment,
    ) -> Result<Ring, RingError> {
        let mut ring = Ring {
            settings,
            program: program.to_owned(),
            interfaces,
            current: None,
            written: VecDeque::new(),
            files: 0,
            statistics: Vec::new(),
            is_done: false,
        };
        ring.start_file(now)?;
        Ok(ring)
    }

    /// Writes a frame, in the next file where the last one is full.
    ///
    /// # Errors
    /// Where it can not be written, as on a full disk. Nothing more is written then.
    pub fn write_frame(&mut self, frame: &Frame<'_>, now: Moment) -> Result<(), RingError> {
        if self.is_done {
            return Ok(());
        }
        if self.current.as_ref().is_some_and(|file| file.is_full) {
            self.end_file()?;
            self.start_file(now)?;
        }
        let Some(file) = &mut self.current else { return Ok(()) };
        let result = file.writer.write_frame(frame, None);
        file.packets += 1;
        self.checked(result)?;
        let Some(file) = &mut self.current else { return Ok(()) };
        let size = file.writer.get_mut().size();
        let reached = |size: u64, limit: Option<u64>| limit.is_some_and(|limit| size >= limit);
        let in_octets = |kilos: Option<u64>| kilos.map(|kilos| kilos.saturating_mul(KILO));
        let next = self.settings.next;
        file.is_full = reached(size, in_octets(next.size)) || reached(file.packets, next.packets);
        let is_last = file.is_full && reached(self.files, self.settings.stop_files);
        self.is_done = is_last || reached(size, in_octets(self.settings.stop_size));
        Ok(())
    }

    /// Takes note of the time and of what became of frames: goes on to the next file where it is due, and writes what was collected. Worth it once a
    /// second.
    ///
    /// # Errors
    /// Where a file can not be written.
    pub fn tick(&mut self, now: Moment, statistics: Vec<(u32, InterfaceStatistics)>) -> Result<(), RingError> {
        self.statistics = statistics;
        let Some(file) = self.current.as_mut().filter(|_| !self.is_done) else { return Ok(()) };
        let age = now.elapsed.saturating_sub(file.since);
        let of = |time: Timestamp, seconds: u64| time.0.div_euclid(1_000_000_000).unsigned_abs() / seconds.max(1);
        let interval = self.settings.interval.is_some_and(|every| of(now.wall, every) != of(file.opened, every));
        if self.settings.next.duration.is_some_and(|limit| age >= limit) || interval {
            self.end_file()?;
            if self.settings.stop_files.is_some_and(|most| self.files >= most) {
                self.is_done = true;
                return Ok(());
            }
            return self.start_file(now);
        }
        if now.elapsed.saturating_sub(file.flushed) >= FLUSH {
            file.flushed = now.elapsed;
            let result = file.writer.get_mut().flush();
            self.checked(result)?;
        }
        Ok(())
    }

    /// Whether the capture has reached its end by the size or number of its files.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Ends the last file: what was collected reaches the disk. Gives the names of the files that are there.
    ///
    /// # Errors
    /// Where that fails.
    pub fn finish(mut self, statistics: Vec<(u32, InterfaceStatistics)>) -> Result<Vec<PathBuf>, RingError> {
        self.statistics = statistics;
        if let Some(file) = self.end_file()? {
            // Some file systems find out only here that they are full.
            file.sync_all().map_err(|reason| self.error(reason))?;
        }
        Ok(self.written.into())
    }

    /// Files that are there, the one under way included.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.written.iter().map(PathBuf::as_path)
    }

    fn start_file(&mut self, now: Moment) -> Result<(), RingError> {
        let (path, out) = if self.settings.is_standard_output() {
            (PathBuf::from("standard output"), RingSink::standard_output())
        } else {
            let path = match self.settings.is_ring() {
                true => names::file_name(&self.settings.path, self.files + 1, now.wall, self.settings.time_first),
                false => self.settings.path.clone(),
            };
            // Configurations that phones are sent hold passwords, so nobody else may read it.
            let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
            (path, file.map(RingSink::File))
        };
        self.files += 1;
        self.written.push_back(path.clone());
        let opened = out.and_then(|out| {
            let mut writer = PcapngWriter::new(WholeBlocks::new(out, BUFFER), &self.program)?;
            for (input, link_type, interface) in &self.interfaces {
                writer.declare(*input, *link_type, interface)?;
            }
            // A file that can be read from the start.
            writer.get_mut().flush()?;
            Ok(writer)
        });
        let writer = opened.map_err(|reason| self.error(reason))?;
        let (since, opened) = (now.elapsed, now.wall);
        self.current = Some(Current { path, writer, packets: 0, since, flushed: since, opened, is_full: false });
        self.remove_oldest()
    }

    fn remove_oldest(&mut self) -> Result<(), RingError> {
        let Some(most) = self.settings.files.filter(|_| self.settings.is_ring()) else { return Ok(()) };
        while self.written.len() as u64 > most.max(1) {
            let Some(oldest) = self.written.pop_front() else { break };
            match std::fs::remove_file(&oldest) {
                // Somebody else tidied up.
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(RingError { path: oldest, reason: e }),
                _ => {}
            }
        }
        Ok(())
    }

    /// Ends the file under way, with the statistics of inputs; gives it back where it is a file.
    fn end_file(&mut self) -> Result<Option<File>, RingError> {
        let Some(mut file) = self.current.take() else { return Ok(None) };
        let path = file.path.clone();
        let mut write = || {
            for (input, statistics) in &self.statistics {
                let interface = self.interfaces.iter().find(|(declared, ..)| declared == input);
                let link_type = interface.map_or(LinkType::ETHERNET, |(_, link_type, _)| *link_type);
                file.writer.write_statistics(*input, link_type, statistics)?;
            }
            file.writer.get_mut().flush()
        };
        if let Err(reason) = write() {
            self.is_done = true;
            return Err(RingError { path, reason });
        }
        match file.writer.finish().map(WholeBlocks::into_inner) {
            Ok(RingSink::File(file)) => Ok(Some(file)),
            Ok(RingSink::StandardOutput(_)) => Ok(None),
            Err(reason) => Err(RingError { path, reason }),
        }
    }

    fn checked(&mut self, result: io::Result<()>) -> Result<(), RingError> {
        result.map_err(|reason| {
            let error = self.error(reason);
            self.is_done = true;
            self.current = None;
            error
        })
    }

    fn error(&self, reason: io::Error) -> RingError {
        let path = match &self.current {
            Some(file) => file.path.clone(),
            None => self.written.back().cloned().unwrap_or_else(|| self.settings.path.clone()),
        };
        RingError { path, reason }
    }
}

#[cfg(test)]
mod tests;
