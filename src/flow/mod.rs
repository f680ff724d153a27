//! Frames to whole payloads: IP fragments and TCP streams put together.
//!
//! State here is bounded: every table names its limit, and tells when it was reached.

pub mod streams;
pub mod tcp_reassembly;

use crate::event::EventKind;
use crate::wire::Anomaly;

/// One message; the caller adds frame and envelope.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The message.
    pub kind: EventKind,
    /// What is odd about it.
    pub anomalies: Vec<Anomaly>,
    /// Identity of the message on the wire: equal for its copies. Never 0.
    pub digest: u64,
}
