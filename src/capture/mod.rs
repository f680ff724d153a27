//! Where frames come from: capture files, folders, standard input, a live port.
//!
//! This is the only part of the library that does input and output. It reads frames and says where
//! they were damaged; it does not look inside them.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod compressed;
mod error;
mod events_file;
mod format;
mod input;
mod inputs;
#[cfg(feature = "live")]
pub mod live;
mod pcap_file;
mod pcapng;
mod pcapng_writer;
mod reader;
pub mod ring;
mod snoop;
mod stream;
mod tally;
#[cfg(test)]
mod test_files;

pub use error::CaptureError;
pub use input::Record;
pub use inputs::Inputs;
pub use pcapng_writer::{InterfaceDescription, InterfaceStatistics, PcapngWriter};
