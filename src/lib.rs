//! phonescope: why does this IP phone not come up?
//!
//! Frames go in at one end with the time they were seen, a diagnosis comes out at the other.
//! In between there is no file, no socket, no clock and no printing:
//!
//! ```text
//! capture → wire → flow → Event → conversation → phone → findings → remedy → report
//! ```
//!
//! * [`capture`] reads frames (the only part besides `cli` that does input and output).
//! * [`wire`] turns bytes into typed values: pure functions, one protocol a file.
//! * [`flow`] puts whole payloads together: IP fragments, TCP streams, TFTP transfers.
//! * [`event`] is one decoded message: the one interface between seeing and understanding.
//! * [`conversation`] joins messages: one lease, one transfer, one registration.
//! * [`phone`] joins conversations: who, in which boot, with which load.
//! * [`findings`] judge, one file a finding; [`remedy`] says what to change.
//! * [`report`] renders a [`diagnosis::Diagnosis`].
//!
//! [`analyzer::Analyzer`] ties the stages together; `docs/architecture.md` has the invariants.

pub mod analyzer;
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the one part of the library that reads files")]
pub mod capture;
pub mod conversation;
pub mod decoder;
pub mod diagnosis;
#[cfg(feature = "live")]
pub mod doctor;
pub mod event;
pub mod findings;
pub mod flow;
pub mod measures;
pub mod phone;
pub mod remedy;
pub mod report;
pub mod site;
pub mod types;
pub mod wire;
