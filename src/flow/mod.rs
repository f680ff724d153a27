//! Frames to whole payloads: IP fragments, TCP streams, TFTP transfers.

use std::net::IpAddr;

use crate::event::EventKind;
use crate::wire::Anomaly;

pub mod tftp_transfers;

/// What a flow handed out: a message, without the frame and the addresses, which its caller knows.
#[derive(Clone, PartialEq, Debug)]
pub struct Decoded {
    /// The message.
    pub kind: EventKind,
    /// What is odd about it.
    pub anomalies: Vec<Anomaly>,
    /// Identity of the message on the wire, as in [`crate::event::Event::digest`]; never 0.
    pub digest: u64,
}

/// Addresses and ports of one datagram or segment, in its own direction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub struct Flow {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub sport: u16,
    pub dport: u16,
}
