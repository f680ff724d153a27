//! One direction of a SIP connection over TCP (RFC 3261 section 18.3): bytes in order to messages, by Content-Length.

use super::direction::{Found, Kind};
use super::sccp_stream::other_protocol;
use crate::event::EventKind;
use crate::flow::tcp_reassembly::Offset;
use crate::wire::{http, sip};

/// Bytes of a header, at most.
const MAX_HEAD: usize = 16 * 1024;
/// Bytes of a body, at most.
const MAX_BODY: usize = 64 * 1024;

/// The bytes of one direction that are not yet a message.
#[derive(Debug, Default)]
pub(super) struct SipStream {
    buffer: Vec<u8>,
    at: Offset,
    /// Bytes of a message's body to come: nothing is read from them.
    skip: usize,
    /// The place in the stream is not known: a message starts with a segment.
    lost: bool,
    carries: Option<&'static str>,
}

impl SipStream {
    /// What the connection carries, where it is known not to be SIP.
    pub(super) fn carries(&self) -> Option<&'static str> {
        self.carries
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The next bytes in order.
    pub(super) fn data(&mut self, at: Offset, octets: &[u8], segment_start: bool, found: &mut Vec<Found>) {
        let skipped = self.skip.min(octets.len());
        self.skip -= skipped;
        let octets = octets.get(skipped..).unwrap_or_default();
        if self.lost && !(segment_start && sip::is_likely(octets)) {
            return;
        }
        self.lost = false;
        if self.buffer.is_empty() {
            self.at = at + skipped as u64;
        }
        self.buffer.extend_from_slice(octets);
        while self.read(found) {}
    }

    /// Bytes that the capture does not hold.
    pub(super) fn gap(&mut self, len: u64) {
        match usize::try_from(len) {
            Ok(len) if len <= self.skip => self.skip -= len,
            _ => self.lose_place(),
        }
    }

    fn lose_place(&mut self) {
        self.buffer = Vec::new();
        self.skip = 0;
        self.lost = true;
    }

    /// Reads one message off the buffer. Returns whether there may be another.
    fn read(&mut self, found: &mut Vec<Found>) -> bool {
        // Empty lines between messages keep the connection open (RFC 5626 section 3.5.1).
        let blank = self.buffer.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.buffer.drain(..blank);
        self.at += blank as u64;
        let Some(head) = http::head_len(&self.buffer) else {
            let strange = self.buffer.len() >= 12 && !sip::is_likely(&self.buffer);
            if strange || self.buffer.len() > MAX_HEAD {
                self.carries = other_protocol(&self.buffer).filter(|name| *name != "SIP");
                self.lose_place();
            }
            return false;
        };
        let body = sip::content_length(self.buffer.get(..head).unwrap_or_default()).unwrap_or(0);
        if body > MAX_BODY || !sip::is_likely(&self.buffer) {
            self.lose_place();
            return false;
        }
        let here = (head + body).min(self.buffer.len());
        let octets: Vec<u8> = self.buffer.drain(..here).collect();
        // The header says it all, so the message counts as complete with it; its body is passed over.
        if let Some((message, anomalies)) = sip::parse(&octets) {
            let event = EventKind::Sip(Box::new(message));
            let octets = octets.get(..head).unwrap_or_default();
            found.push(Found { kind: Kind::Sip, start: self.at, len: head, octets: octets.into(), event, anomalies });
        }
        self.at += here as u64;
        self.skip = head + body - here;
        true
    }
}
