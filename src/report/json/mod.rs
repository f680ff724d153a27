//! Reports for programs: one JSON document, or a line per input, phone and finding; and events, a line each.
//!
//! The shape is a promise (`docs/json-v1.md`), so it has structs of its own ([`v1`](self)) that change only by
//! additions, whatever the model of a diagnosis does.

mod escape;
mod live;
mod v1;
mod what_if;

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Serializer;

use self::escape::Escaping;
use crate::diagnosis::{Detail, Diagnosis};
use crate::event::Event;
use crate::report::Change;
use crate::types::{Timestamp, WireText};

/// Bytes that most events have in their line.
const LINE: usize = 512;

/// Writes the diagnosis as one document of schema `phonescope.report/1`. Phones are made and written one at a time.
///
/// # Errors
/// Those of `out`.
pub fn write_json(d: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Report::new(d), out)
}

/// Writes the diagnosis as a line per input, phone, finding and answer to a what-if, in this order, each with its `"type"` first.
///
/// # Errors
/// Those of `out`.
pub fn write_ndjson(d: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (id, input) in d.inputs.iter().enumerate() {
        write_line(&v1::Line { kind: "input", object: v1::Input::new(id, input) }, out)?;
    }
    for phone in d.phones(Detail::Timeline) {
        write_line(&v1::Line { kind: "phone", object: v1::Phone::new(&phone) }, out)?;
    }
    for finding in &d.findings {
        write_line(&v1::Line { kind: "finding", object: v1::Finding::new(finding) }, out)?;
    }
    for answer in &d.what_if {
        write_line(&v1::Line { kind: "what_if", object: what_if::WhatIf::new(answer) }, out)?;
    }
    Ok(())
}

/// Writes one event as a line (section 5 of `docs/json-v1.md`).
///
/// # Errors
/// Those of `out`.
pub fn write_event(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    write_line(event, out)
}

/// Writes what changed of a phone as a line, its `"type"` (`change`) first.
///
/// # Errors
/// Those of `out`.
pub fn write_change(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    write_line(&v1::Line { kind: "change", object: live::Changed::new(change) }, out)
}

/// Writes what happened to a port as a line, its `"type"` (`notice`) first.
///
/// # Errors
/// Those of `out`.
pub fn write_notice(time: Timestamp, port: &WireText, text: &str, out: &mut dyn Write) -> io::Result<()> {
    write_line(&v1::Line { kind: "notice", object: live::Notice { time, port, text } }, out)
}

/// Writes a document of any schema, laid out and escaped like the others.
///
/// # Errors
/// Those of `out`.
pub fn write_document(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    // The serializer writes a few bytes at a time; gathered here they reach `out` as blocks.
    let mut out = BufWriter::new(out);
    // An error of `out` comes back as itself, so that the caller can tell a closed pipe.
    value.serialize(&mut Serializer::with_formatter(&mut out, Escaping::document())).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.into_inner().map(drop).map_err(io::IntoInnerError::into_error)
}

pub(super) fn write_line(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut line = Vec::with_capacity(LINE);
    value.serialize(&mut Serializer::with_formatter(&mut line, Escaping::line())).map_err(io::Error::from)?;
    line.push(b'\n');
    out.write_all(&line)
}

#[cfg(test)]
mod tests;
