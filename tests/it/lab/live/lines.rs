//! The lines of a run, each with the time at which it could be read.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;

use phonescope::capture::live;
use phonescope::types::Timestamp;
use serde_json::{Value, json};

/// What no line of the program is.
const END: &str = "that is all";

/// A line, and when it came.
pub(super) struct Line {
    pub(super) came: Timestamp,
    pub(super) value: Value,
}

/// Reads lines from a named pipe as they come.
pub(super) struct Lines {
    /// Ours, so that the pipe has a writer from its beginning to its end, whether another one comes or not.
    pipe: File,
    reader: JoinHandle<Vec<Line>>,
}

impl Lines {
    pub(super) fn listen(path: &Path) -> Lines {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success(), "{}", path.display());
        let pipe = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let lines = BufReader::new(pipe.try_clone().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            let lines = lines.map(|line| (live::now(), line.unwrap())).take_while(|(_, line)| line != END);
            let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
            lines.map(|(came, line)| Line { came, value: value(&line) }).collect()
        });
        Lines { pipe, reader }
    }

    /// All lines: who wrote them has ended.
    pub(super) fn end(mut self) -> Vec<Line> {
        writeln!(self.pipe, "{END}").unwrap();
        self.reader.join().unwrap()
    }
}

/// The report that follows the changes, as one document.
pub(super) fn report(lines: &[Line]) -> Value {
    let of = |kind: &str| lines.iter().map(|l| &l.value).filter(|v| v["type"] == kind).cloned().collect::<Vec<_>>();
    json!({ "inputs": of("input"), "phones": of("phone"), "findings": of("finding") })
}
