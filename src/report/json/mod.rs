//! Reports for programs: one JSON document, or a line per input, phone and finding; and events, a line each.
//!
//! The shape is a promise (`docs/json-v1.md`), so it has structs of its own ([`v1`](self)) that change only by
//! additions, whatever the model of a diagnosis does.

mod escape;
mod v1;

use std::io::{self, Write};

use serde::Serialize;

use self::escape::Escaping;
use crate::diagnosis::Diagnosis;
use crate::event::Event;

/// Writes the diagnosis as one document of schema `phonescope.report/1`. Phones are made and written one at a time.
///
/// # Errors
/// Those of `out`.
pub fn write_json(d: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
    write_value(&v1::Report::new(d), Escaping::document(), out)
}

/// Writes the diagnosis as a line per input, phone and finding, in this order, each with its `"type"` first.
///
/// # Errors
/// Those of `out`.
pub fn write_ndjson(d: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (id, input) in d.inputs.iter().enumerate() {
        write_value(&v1::Line { kind: "input", object: v1::Input::new(id, input) }, Escaping::line(), out)?;
    }
    for phone in d.phones() {
        write_value(&v1::Line { kind: "phone", object: v1::Phone::new(&phone) }, Escaping::line(), out)?;
    }
    for finding in &d.findings {
        write_value(&v1::Line { kind: "finding", object: v1::Finding::new(finding) }, Escaping::line(), out)?;
    }
    Ok(())
}

/// Writes one event as a line (section 5 of `docs/json-v1.md`).
///
/// # Errors
/// Those of `out`.
pub fn write_event(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    write_value(event, Escaping::line(), out)
}

fn write_value(value: &impl Serialize, formatter: Escaping, out: &mut dyn Write) -> io::Result<()> {
    // An error of `out` comes back as itself, so that the caller can tell a closed pipe.
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, formatter)).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests;
