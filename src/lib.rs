//! phonescope: why won't this Cisco IP phone register?
//!
//! Frames go in at one end with the time they were seen, a diagnosis comes out at the other. In between there is no
//! file, no socket, no clock, no thread and no printing:
//!
//! ```text
//! capture → wire → flow → Event → conversation → phone → findings → remedy → report
//! ```
//!
//! A frame is peeled down to its payload and decoded: pure functions, one protocol a file. IP fragments, TCP streams
//! and TFTP transfers are put together on the way. What comes out is an [`event::Event`]: one decoded message with its
//! frame, time and addresses. Events are the one interface between seeing and understanding: written out and read back
//! they lead to the same diagnosis. Messages are then joined to conversations (one lease, one transfer, one
//! registration), and those to phones: who, in which boot, with which phone load. At the end, or at any time before,
//! each rule looks at each phone; what it finds carries its evidence and the fix; what is wrong with many phones for
//! the same reason is one finding. `docs/architecture.md` has the parts and what always holds.
//!
//! # Example
//!
//! Reads a capture, diagnoses it against a site file, and prints the verdict on each phone:
//!
//! ```
//! use std::path::PathBuf;
//!
//! use phonescope::analyzer::Analyzer;
//! use phonescope::capture::{Inputs, Record};
//! use phonescope::diagnosis::Detail;
//! use phonescope::site::Site;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
//! let path = "captures/founding-case/site.toml";
//! let site = Site::parse(path, &read(path)?, &mut |other| read(other))?;
//! let mut inputs = Inputs::open(&[PathBuf::from("captures/founding-case/mixed-site.pcap")])?;
//! let mut analyzer = Analyzer::new();
//! while let Some(record) = inputs.next_record()? {
//!     match record {
//!         Record::Frame(frame) => analyzer.handle_frame(&frame),
//!         Record::Event(event) => analyzer.handle_event(*event),
//!     }
//! }
//! analyzer.finish(inputs.summaries());
//!
//! let diagnosis = analyzer.diagnose(&site);
//! let mut verdicts = Vec::new();
//! for phone in diagnosis.phones(Detail::State) {
//!     println!("{}: {}", phone.name.unwrap_or_default(), phone.verdict.as_str());
//!     verdicts.push(phone.verdict.as_str());
//! }
//! # assert_eq!(verdicts.len(), 6);
//! assert_eq!(verdicts.iter().filter(|v| **v == "wrong-tftp-server").count(), 4);
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! * [`analyzer::Analyzer`]: frames or events in, a diagnosis out.
//! * [`diagnosis::Diagnosis`] and its types: what was found, for programs.
//! * [`site::Site`]: the intended design.
//! * [`capture`]: frames from files, folders and, with the feature `live`, interfaces of this host.
//! * [`report`]: the diagnosis as a table, JSON, NDJSON or CSV; the form of the JSON is in `docs/json-v1.md`.
//! * [`event`] and [`types`]: what the above is made of.
//!
//! Everything else is internal: public because the program and its tests are crates of their own, hidden here, and
//! changed without notice.

pub mod analyzer;
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the one part of the library that reads files")]
pub mod capture;
pub mod diagnosis;
pub mod event;
pub mod report;
pub mod site;
pub mod types;

// Internal: for the program and its tests.
#[doc(hidden)]
pub mod conversation;
#[doc(hidden)]
pub mod decoder;
#[cfg(feature = "live")]
#[doc(hidden)]
pub mod doctor;
#[doc(hidden)]
pub mod findings;
#[doc(hidden)]
pub mod flow;
#[doc(hidden)]
pub mod measures;
#[doc(hidden)]
pub mod phone;
#[doc(hidden)]
pub mod remedy;
#[doc(hidden)]
pub mod wire;
