//! `-w` and `-b`: the frames of a live run in files, in tshark's words.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use phonescope::capture::live::{self, Ports};
use phonescope::capture::ring::{Moment, Ring, RingError, RingSettings};
use phonescope::report::prose;
use phonescope::types::{Frame, Timestamp};

use crate::cli::{Failure, io::messages};

/// Where the frames go.
#[derive(Args, Debug)]
pub(crate) struct WriteArguments {
    /// Write the frames that pass the filter to this file (pcapng); -: standard output
    #[arg(short = 'w', long = "write", value_name = "FILE", requires = "interface")]
    write: Option<PathBuf>,
    /// On to another file (-w) at: duration:SECONDS, interval:SECONDS, filesize:KB, packets:FRAMES; files:N keeps the
    /// latest N; nametimenum:2 puts the time before the number in their names. May be given more than once
    #[arg(short = 'b', long, value_name = "CONDITION", requires = "write", value_parser = turn)]
    ring_buffer: Vec<RotationCondition>,
}

/// One `-b`.
#[derive(Clone, Copy, PartialEq, Debug)]
enum RotationCondition {
    Duration(Duration),
    Interval(u64),
    Size(u64),
    Packets(u64),
    Files(u64),
    TimeFirst(bool),
}

fn turn(text: &str) -> Result<RotationCondition, String> {
    const KINDS: &str =
        "duration:SECONDS, interval:SECONDS, filesize:KB, packets:FRAMES, files:N, nametimenum:1 or nametimenum:2";
    let (kind, value) = text.split_once(':').ok_or_else(|| format!("write it as {KINDS}"))?;
    match kind {
        "duration" => seconds(value).map(RotationCondition::Duration),
        "interval" => number(value).map(RotationCondition::Interval),
        "filesize" => number(value).map(RotationCondition::Size),
        "packets" => number(value).map(RotationCondition::Packets),
        "files" => number(value).map(RotationCondition::Files),
        "nametimenum" if matches!(value, "1" | "2") => Ok(RotationCondition::TimeFirst(value == "2")),
        _ => Err(format!("it is {KINDS}")),
    }
}

/// A number of seconds, with a fraction or without.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("a duration is a number of seconds above 0".to_owned()),
    }
}

/// A number above 0.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "it takes a number above 0".to_owned())
}

impl WriteArguments {
    /// Whether the frames go to standard output, so that nothing else may.
    pub(crate) fn is_standard_output(&self) -> bool {
        self.write.as_deref() == Some(Path::new("-"))
    }

    /// Refuses frames and other output in one file, and frames where a file that is read stands.
    pub(crate) fn keep_apart(&self, output: Option<&Path>, read: Option<&Path>) -> Result<(), Failure> {
        let Some(write) = &self.write else { return Ok(()) };
        if self.is_standard_output() {
            let message = "the frames go to standard output (-w -): give everything else a place with -o FILE";
            return match output.filter(|path| *path != Path::new("-")) {
                Some(_) => Ok(()),
                None => Err(Failure::Work(message.to_owned())),
            };
        }
        let is_same = |other: &Path| match (write.canonicalize(), other.canonicalize()) {
            (Ok(write), Ok(other)) => write == other,
            _ => write == other,
        };
        match output.into_iter().chain(read).find(|other| is_same(other)) {
            Some(_) => {
                let path = prose::safe(&write.to_string_lossy());
                Err(Failure::Work(format!("{path} is also read or written: choose another file for -w")))
            }
            None => Ok(()),
        }
    }

    /// What is to be written, and where; `None`: nothing.
    ///
    /// # Errors
    /// Where the conditions contradict each other.
    pub(crate) fn settings(
        &self,
        stop_size: Option<u64>,
        stop_files: Option<u64>,
    ) -> Result<Option<RingSettings>, Failure> {
        let failed = |text: &str| Err(Failure::Work(text.to_owned()));
        let Some(path) = &self.write else {
            return match (stop_size, stop_files) {
                (None, None) => Ok(None),
                _ => failed("-a filesize and -a files are about the files of -w, which is not given"),
            };
        };
        let mut settings = RingSettings { path: path.clone(), stop_size, stop_files, ..RingSettings::default() };
        for turn in &self.ring_buffer {
            match *turn {
                RotationCondition::Duration(duration) => settings.next.duration = Some(duration),
                RotationCondition::Interval(seconds) => settings.interval = Some(seconds),
                RotationCondition::Size(kilo) => settings.next.size = Some(kilo),
                RotationCondition::Packets(frames) => settings.next.packets = Some(frames),
                RotationCondition::Files(files) => settings.files = Some(files),
                RotationCondition::TimeFirst(first) => settings.time_first = first,
            }
        }
        if !settings.is_ring() && (!self.ring_buffer.is_empty() || stop_files.is_some()) {
            return failed(
                "nothing says when the next file begins: add -b duration:SECONDS, filesize:KB, packets:FRAMES or \
                 interval:SECONDS",
            );
        }
        if settings.is_ring() && self.is_standard_output() {
            return failed("standard output is one file: -b needs -w with a name");
        }
        Ok(Some(settings))
    }
}

/// The frames of a run on their way to files.
pub(crate) struct Writing {
    ring: Option<Ring>,
    began: Instant,
    start: Timestamp,
    failure: Option<String>,
}

impl Writing {
    /// Creates the first file, as the user who goes on with the work.
    ///
    /// # Errors
    /// Where that fails.
    pub(crate) fn open(settings: Option<RingSettings>, ports: &Ports) -> Result<Writing, Failure> {
        let mut writing = Writing { ring: None, began: Instant::now(), start: live::now(), failure: None };
        if let Some(settings) = settings {
            let program = concat!("phonescope ", env!("CARGO_PKG_VERSION"));
            let interfaces = ports.interfaces();
            let ring = Ring::open(settings, program, interfaces, writing.now());
            writing.ring = Some(ring.map_err(|e| Failure::Work(message(&e)))?);
        }
        Ok(writing)
    }

    fn now(&self) -> Moment {
        Moment { wall: live::now(), elapsed: self.began.elapsed() }
    }

    /// Writes a frame.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>) {
        let now = self.now();
        if let Some(ring) = &mut self.ring {
            let result = ring.write_frame(frame, now);
            self.note(result);
        }
    }

    /// Takes note of the time and of the kernel's counters.
    pub(crate) fn tick(&mut self, ports: &Ports) {
        let now = self.now();
        if let Some(ring) = &mut self.ring {
            let result = ring.tick(now, ports.statistics(self.start));
            self.note(result);
        }
    }

    /// Whether the files have reached their end by size or number.
    pub(crate) fn is_done(&self) -> bool {
        self.failure.is_none() && self.ring.as_ref().is_some_and(Ring::is_done)
    }

    /// Ends the last file. Why not everything was written; `None`: it was.
    pub(crate) fn finish(mut self, ports: &Ports) -> Option<String> {
        if let Some(ring) = self.ring.take().filter(|_| self.failure.is_none()) {
            let result = ring.finish(ports.statistics(self.start)).map(drop);
            self.note(result);
        }
        self.failure
    }

    /// The first failure is told at once, and ends the writing, not the run.
    fn note(&mut self, result: Result<(), RingError>) {
        if let Err(e) = result
            && self.failure.is_none()
        {
            let text = message(&e);
            messages::say(&format!("{text}; no more frames are written, the run goes on"));
            self.failure = Some(text);
        }
    }
}

fn message(e: &RingError) -> String {
    let mut text = format!("cannot write the capture {}: {}", e.path.display(), messages::reason(&e.reason));
    if e.reason.kind() == std::io::ErrorKind::PermissionDenied {
        text.push_str(" (files are written by the user who goes on with the work; -Z names another one)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(write: &str, turns: &[&str], stop_files: Option<u64>) -> Result<Option<RingSettings>, String> {
        let ring_buffer = turns.iter().map(|text| turn(text).unwrap()).collect();
        let arguments = WriteArguments { write: Some(write.into()), ring_buffer };
        arguments.settings(None, stop_files).map_err(|failure| match failure {
            Failure::Work(message) => message,
            Failure::Output(e) => panic!("{e}"),
        })
    }

    #[test]
    fn turns_are_written_as_tshark_has_them() {
        let all = ["duration:3600", "filesize:100000", "packets:9", "interval:60", "files:5", "nametimenum:2"];
        let settings = settings("span.pcapng", &all, Some(7)).unwrap().unwrap();
        assert_eq!(settings.next.duration, Some(Duration::from_secs(3600)));
        assert_eq!((settings.next.size, settings.next.packets, settings.interval), (Some(100_000), Some(9), Some(60)));
        assert_eq!((settings.files, settings.stop_files, settings.time_first), (Some(5), Some(7), true));
        for wrong in ["", "files", "files:0", "duration:-1", "nametimenum:3", "printname:x", "filesize:1.5"] {
            assert!(turn(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn endless_files_and_a_ring_on_stdout_are_refused() {
        assert!(settings("a", &["files:5"], None).unwrap_err().contains("when the next file begins"));
        assert!(settings("a", &[], Some(3)).unwrap_err().contains("when the next file begins"));
        assert!(settings("-", &["packets:5"], None).unwrap_err().contains("standard output"));
        assert!(settings("-", &[], None).is_ok());
        let nothing = WriteArguments { write: None, ring_buffer: Vec::new() };
        assert!(nothing.settings(Some(1), None).is_err());
        assert_eq!(nothing.settings(None, None).ok(), Some(None));
    }
}
