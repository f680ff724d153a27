//! The small types that every part of the pipeline speaks in: times, frames, addresses, text from the wire.
//!
//! They stand below [`crate::wire`] and import nothing of the library.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod envelope;
mod frame;
pub(crate) mod hex;
mod link_type;
mod mac;
mod phone_id;
pub(crate) mod text;
mod timestamp;

pub use envelope::{Envelope, Tunnel};
pub use frame::{Frame, FrameRef};
pub use hex::Hex;
pub use link_type::LinkType;
pub use mac::{HardwareAddress, Mac};
pub use phone_id::PhoneId;
pub use text::WireText;
pub(crate) use text::is_unsafe;
pub use timestamp::Timestamp;
