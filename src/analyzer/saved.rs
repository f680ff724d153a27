//! The analyzer's knowledge written out, and taken up again after a restart: lines of JSON, schema
//! `phonescope.state/2`.
//!
//! The first line names the schema, the last one how many lines there are, so that a file which was cut off is told
//! from one that is whole. What the decoder holds of half a transfer or connection is not in it.

use std::io::{self, BufRead, Read as _, Write};

use super::inputs::Inputs;
use super::{Analyzer, Gap};
use crate::event::InputSummary;
use crate::phone::saved::Line as Known;
use crate::types::{FrameRef, Timestamp};

const SCHEMA: &str = "phonescope.state/";
const VERSION: u32 = 2;
/// Longest line that is read; a phone with all its lists full has a tenth of it.
const MAX_LINE: u64 = 16 << 20;

/// Why a state can not be taken up.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file can not be read.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is no state of phonescope")]
    Foreign,
    /// A later version wrote it.
    #[error("a later version of phonescope wrote it ({SCHEMA}{0}; this one reads {SCHEMA}{VERSION})")]
    Newer(u32),
    /// An earlier version wrote it, with other fields.
    #[error(
        "an earlier version of phonescope wrote it ({SCHEMA}{0}; this one reads {SCHEMA}{VERSION}), and its fields have \
         changed since; nothing needs to be done, a new one is written"
    )]
    Older(u32),
    /// It is cut off or corrupt.
    #[error("it is damaged in line {0}")]
    Damaged(u64),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Head {
    schema: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line<'a> {
    Inputs(Vec<InputSummary>),
    Gaps(Vec<Gap>),
    /// Names that DNS is watched for.
    Watched(Vec<(String, Timestamp)>),
    /// Messages whose copies may still come.
    Copies(Vec<(u64, Timestamp, FrameRef)>),
    /// How many lines stand before this one.
    End(u64),
    Registry(Box<Known<'a>>),
}

impl Analyzer {
    /// Writes out what it knows, but for half of a transfer or connection.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn save(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = 1;
        serde_json::to_writer(&mut *out, &Head { schema: format!("{SCHEMA}{VERSION}") })?;
        out.write_all(b"\n")?;
        let mut put = |line: &Line<'_>| {
            lines += 1;
            serde_json::to_writer(&mut *out, line)?;
            out.write_all(b"\n")
        };
        put(&Line::Inputs(self.inputs.all().to_vec()))?;
        put(&Line::Gaps(self.gaps.iter().cloned().collect()))?;
        put(&Line::Watched(self.decoder.watched()))?;
        put(&Line::Copies(self.copies.recent(self.registry.now)))?;
        self.registry.save(&mut |line| put(&Line::Registry(Box::new(line))))?;
        serde_json::to_writer(&mut *out, &Line::End(lines))?;
        out.write_all(b"\n")
    }

    /// Restores what [`Analyzer::save`] wrote. Tell it the ports of this run by [`Analyzer::resume`] next.
    ///
    /// # Errors
    ///
    /// What stands there can not be read, is something else, of a later version, or damaged: nothing of it is used.
    pub fn restore(input: impl BufRead) -> Result<Analyzer, StateError> {
        let mut lines = Lines { input, buffer: Vec::new(), number: 0 };
        let head = lines.next()?.ok_or(StateError::Foreign)?;
        let head: Head = serde_json::from_slice(head).map_err(|_| StateError::Foreign)?;
        let version: u32 = head.schema.strip_prefix(SCHEMA).and_then(|v| v.parse().ok()).ok_or(StateError::Foreign)?;
        if version > VERSION {
            return Err(StateError::Newer(version));
        }
        if version < VERSION {
            return Err(StateError::Older(version));
        }
        let mut analyzer = Analyzer::new();
        loop {
            let number = lines.number;
            let line = lines.next()?.ok_or(StateError::Damaged(number + 1))?;
            match serde_json::from_slice(line).map_err(|_| StateError::Damaged(number + 1))? {
                Line::Inputs(inputs) => analyzer.inputs = Inputs::of_before(inputs),
                Line::Gaps(gaps) => analyzer.gaps = gaps.into_iter().take(super::MAX_GAPS).collect(),
                Line::Watched(names) => analyzer.decoder.watch(names),
                Line::Copies(copies) => analyzer.copies.restore(copies),
                Line::Registry(line) => analyzer.registry.restore(*line),
                Line::End(before) if before == number => return Ok(analyzer),
                Line::End(_) => return Err(StateError::Damaged(number + 1)),
            }
        }
    }
}

struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line; `None`: there is none, or it does not end.
    fn next(&mut self) -> Result<Option<&[u8]>, StateError> {
        self.buffer.clear();
        self.input.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.buffer)?;
        self.number += 1;
        Ok(self.buffer.strip_suffix(b"\n"))
    }
}
