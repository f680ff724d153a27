//! Renderings of a [`Diagnosis`](crate::diagnosis::Diagnosis): they decide order and layout, never what is true.
//!
//! * [`table`] is for people, [`json`] for programs, [`csv`] for spreadsheets.
//! * [`alerts`] is what the operator is to be told: live.
//! * [`metrics`] is for Prometheus: live.
//! * [`changes`] says what differs from the diagnosis before: live.
//! * [`Selection`] narrows a diagnosis down before it is rendered, alike for all of them.
//!
//! No renderer holds more than one phone at a time. Network text reaches an output only through
//! [`WireText`](crate::types::WireText)'s `Display` or through the formatter of [`json`], which escape what a
//! terminal or a viewer could act on.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod alerts;
pub mod changes;
pub mod csv;
#[cfg(feature = "live")]
mod doctor;
pub mod json;
pub mod metrics;
pub mod prose;
pub mod table;

#[cfg(test)]
mod fixture;
mod format;
mod selection;

pub use changes::{Change, ChangeKind, Changes, FindingState};
pub use csv::write_csv;
#[cfg(feature = "live")]
pub use doctor::{DoctorReport, write_doctor, write_doctor_json};
pub use format::{clock, lasting, number};
pub use json::{write_change, write_document, write_event, write_json, write_ndjson, write_notice};
pub use selection::{PhoneSelector, Selection};
pub use table::{PHONES_SHOWN, TableOptions, write_phone, write_table};

use crate::diagnosis::Directions;

/// The contract's word for what was seen of a protocol.
fn seen_word(seen: Directions) -> &'static str {
    match seen {
        Directions::BothWays => "both ways",
        Directions::OneWay => "one way",
        Directions::None => "none",
    }
}
