//! One direction of a DNS connection over TCP (RFC 1035 section 4.2.2): each message behind its length.

use super::direction::{Found, Kind};
use crate::event::EventKind;
use crate::flow::tcp_reassembly::Offset;
use crate::wire::dns;

/// The bytes of one direction that are not yet a message.
#[derive(Debug, Default)]
pub(super) struct DnsStream {
    buffer: Vec<u8>,
    at: Offset,
    /// The place in the stream is not known: a message starts with a segment.
    lost: bool,
}

impl DnsStream {
    /// `from_start`: the connection's first byte comes next.
    pub(super) fn new(from_start: bool) -> DnsStream {
        DnsStream { lost: !from_start, ..DnsStream::default() }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The next bytes in order.
    pub(super) fn data(&mut self, at: Offset, octets: &[u8], segment_start: bool, found: &mut Vec<Found>) {
        // A length that is just that of the segment's rest shows that a message begins with it.
        if self.lost && !(segment_start && length(octets).is_some_and(|len| len == octets.len())) {
            return;
        }
        self.lost = false;
        if self.buffer.is_empty() {
            self.at = at;
        }
        self.buffer.extend_from_slice(octets);
        while let Some(len) = length(&self.buffer).filter(|len| *len <= self.buffer.len()) {
            let octets: Vec<u8> = self.buffer.drain(..len).collect();
            if let Some((message, anomalies)) = octets.get(2..).and_then(dns::parse) {
                let event = EventKind::Dns(Box::new(message));
                found.push(Found { kind: Kind::Dns, start: self.at, len, octets: octets.into(), event, anomalies });
            }
            self.at += len as u64;
        }
    }

    /// Bytes that the capture does not hold.
    pub(super) fn gap(&mut self) {
        self.buffer = Vec::new();
        self.lost = true;
    }
}

/// Bytes of the message and of its length.
fn length(octets: &[u8]) -> Option<usize> {
    octets.first_chunk::<2>().map(|len| usize::from(u16::from_be_bytes(*len)) + 2)
}
