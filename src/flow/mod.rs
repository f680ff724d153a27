//! Frames to whole payloads: IP fragments, TCP streams, TFTP transfers.

use std::net::IpAddr;

use crate::event::EventKind;
use crate::wire::Anomaly;

pub mod ip_defrag;
pub mod streams;
pub mod tcp_reassembly;
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

/// Identity of a message: FNV-1a, 64 bits, the same on every machine, since events of several sensors meet.
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub(crate) fn write_ip(&mut self, ip: Option<IpAddr>) {
        match ip {
            Some(IpAddr::V4(v4)) => self.write(&v4.octets()),
            Some(IpAddr::V6(v6)) => self.write(&v6.octets()),
            None => self.write(&[0]),
        }
    }

    /// Never 0, which stands for "not known".
    pub(crate) fn finish(&self) -> u64 {
        self.0.max(1)
    }
}

impl std::fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}
