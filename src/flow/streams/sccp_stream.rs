//! One direction of an SCCP connection: bytes in order to messages.
//!
//! After a loss the place in the stream is found again as the SCCP reference says (section 1.6): where the message
//! that was hit says how long it is, by that; else at the start of a segment; else by a search that takes nothing
//! but whole, exact messages.

use super::direction::{Found, Kind};
use crate::event::EventKind;
use crate::flow::tcp_reassembly::Offset;
use crate::wire::sccp::{Header, find_message, is_whole_messages, parse_message};
use crate::wire::{Anomaly, http, sip, tls};

/// Bytes searched for a message before the oldest of them are passed over.
const MAX_SEARCHED: usize = 4096;
/// Starts of segments remembered while the place in the stream is not known.
const MAX_CANDIDATES: usize = 64;
/// Bytes without any message after which the connection is not taken for SCCP any longer.
const MAX_STRANGE: u64 = 64 * 1024;

/// What is known of the place in the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The first byte of the connection comes next: a message, or this is not SCCP.
    Start,
    /// The buffer begins with a message.
    Synced,
    /// Somewhere in a message, or in something else.
    Searching,
    /// Another protocol.
    Foreign,
}

/// The bytes of one direction that are not yet a message.
#[derive(Debug)]
pub(super) struct SccpStream {
    state: State,
    buffer: Vec<u8>,
    /// Where the buffer's first byte stands.
    at: Offset,
    /// Starts of segments in the buffer, from the front on; used while searching.
    candidates: Vec<usize>,
    /// Bytes to come of a message that was cut: to be passed over.
    skip: u64,
    /// Bytes missing since the last message.
    missing: u64,
    /// Bytes passed over since the last message.
    passed: u64,
    /// The protocol that this is instead, where it is known.
    carries: Option<&'static str>,
    /// For the next message.
    first: Option<Anomaly>,
}

impl SccpStream {
    /// `from_start`: the connection's first byte comes next.
    pub(super) fn new(from_start: bool) -> SccpStream {
        SccpStream {
            state: if from_start { State::Start } else { State::Searching },
            buffer: Vec::new(),
            at: 0,
            candidates: Vec::new(),
            skip: 0,
            missing: 0,
            passed: 0,
            carries: None,
            first: None,
        }
    }

    /// A stream that begins at a message, behind `missing` bytes; `first` is said with that message.
    pub(super) fn behind_hole(missing: u64, first: Option<Anomaly>) -> SccpStream {
        SccpStream { state: State::Synced, missing, first, ..SccpStream::new(false) }
    }

    /// What the connection carries, where it is known not to be SCCP.
    pub(super) fn carries(&self) -> Option<&'static str> {
        self.carries
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The next bytes in order.
    pub(super) fn data(&mut self, at: Offset, octets: &[u8], segment_start: bool, found: &mut Vec<Found>) {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(octets.len());
        self.skip -= skipped as u64;
        let (octets, at) = (octets.get(skipped..).unwrap_or_default(), at + skipped as u64);
        if octets.is_empty() {
            return;
        }
        if self.state == State::Foreign {
            if !segment_start || !is_whole_messages(octets, octets.len()) {
                return;
            }
            self.carries = None;
            self.synced_again();
        }
        if self.buffer.is_empty() {
            self.at = at;
        }
        let starts = segment_start && skipped == 0 || self.buffer.is_empty();
        if self.state == State::Searching && starts && self.candidates.len() < MAX_CANDIDATES {
            self.candidates.push(self.buffer.len());
        }
        self.buffer.extend_from_slice(octets);
        self.parse(found);
    }

    /// Bytes that were decoded ahead of their turn: a message starts behind them.
    pub(super) fn taken(&mut self) {
        self.drop_front(self.buffer.len());
        self.synced_again();
        self.skip = 0;
        // Said already, with the first of the messages that were decoded ahead.
        self.missing = 0;
        self.passed = 0;
    }

    /// Bytes that the capture does not hold.
    pub(super) fn gap(&mut self, len: u64, found: &mut Vec<Found>) {
        if self.state == State::Foreign {
            return;
        }
        self.missing += len;
        if self.skip > 0 {
            let lost = self.skip < len;
            self.skip = self.skip.saturating_sub(len);
            if lost {
                self.lose_place();
            }
            return;
        }
        if self.state == State::Synced || self.state == State::Start {
            let header = Header::read(&self.buffer).filter(|h| h.check().is_ok());
            if let Some(header) = header {
                let have = self.buffer.len();
                let rest = (header.message_len() as u64).saturating_sub(have as u64);
                let missing = std::mem::take(&mut self.missing) - len;
                let octets = std::mem::take(&mut self.buffer);
                self.emit(&octets, missing, found);
                self.missing = len;
                // The message says where it ends: if that is behind the gap, the place is not lost.
                if len <= rest {
                    self.synced_again();
                    self.skip = rest - len;
                    return;
                }
            }
        }
        self.lose_place();
    }

    fn lose_place(&mut self) {
        self.drop_front(self.buffer.len());
        self.state = State::Searching;
    }

    fn synced_again(&mut self) {
        self.state = State::Synced;
        self.candidates.clear();
    }

    /// Passes over the first `n` bytes of the buffer.
    fn drop_front(&mut self, n: usize) {
        self.passed += n as u64;
        self.consume(n);
    }

    fn consume(&mut self, n: usize) {
        self.buffer.drain(..n.min(self.buffer.len()));
        self.at += n as u64;
        self.candidates.retain_mut(|c| {
            let kept = *c >= n;
            *c = c.saturating_sub(n);
            kept
        });
    }

    fn parse(&mut self, found: &mut Vec<Found>) {
        loop {
            let advanced = match self.state {
                State::Start => self.begin(),
                State::Synced => self.read_messages(found),
                State::Searching => self.search(),
                State::Foreign => return,
            };
            if !advanced {
                return;
            }
        }
    }

    /// Looks at the first bytes of a connection. Returns whether the state is another one now.
    fn begin(&mut self) -> bool {
        let Some(header) = Header::read(&self.buffer) else { return false };
        if header.check().is_ok() {
            self.state = State::Synced;
        } else {
            self.recognise();
        }
        true
    }

    fn recognise(&mut self) {
        self.carries = other_protocol(&self.buffer);
        self.state = State::Foreign;
        self.buffer = Vec::new();
        self.candidates = Vec::new();
    }

    /// Takes whole messages off the buffer. Returns whether the place was lost.
    fn read_messages(&mut self, found: &mut Vec<Found>) -> bool {
        let buffer = std::mem::take(&mut self.buffer);
        let mut rest = &buffer[..];
        let mut lost = false;
        while let Some(header) = Header::read(rest) {
            if header.check().is_err() {
                lost = true;
                break;
            }
            let Some((message, after)) = rest.split_at_checked(header.message_len()) else { break };
            let missing = std::mem::take(&mut self.missing);
            self.emit(message, missing, found);
            self.at += message.len() as u64;
            rest = after;
        }
        self.buffer = rest.to_vec();
        if lost {
            self.state = State::Searching;
            self.candidates.clear();
        }
        lost
    }

    fn emit(&mut self, octets: &[u8], missing: u64, found: &mut Vec<Found>) {
        let Some(Ok((mut message, mut anomalies))) = parse_message(octets) else { return };
        message.missing_before = u32::try_from(missing).unwrap_or(u32::MAX);
        if missing > 0 {
            anomalies.push(Anomaly::new(format!("tcp: {missing} octets are missing before this message")));
        }
        let passed = std::mem::take(&mut self.passed);
        if passed > 0 {
            anomalies.push(Anomaly::new(format!("sccp: {passed} octets before this message could not be read")));
        }
        anomalies.extend(self.first.take());
        let len = Header::read(octets).map_or(octets.len(), |h| h.message_len());
        let event = EventKind::Sccp(Box::new(message));
        found.push(Found { kind: Kind::Sccp, start: self.at, len, octets: octets.into(), event, anomalies });
    }

    /// Looks for the next message. Returns whether it is found.
    fn search(&mut self) -> bool {
        let mut waits = false;
        while let Some(candidate) = self.candidates.first().copied() {
            let rest = self.buffer.get(candidate..).unwrap_or_default();
            match Header::read(rest) {
                Some(header) if header.is_likely() => {
                    self.drop_front(candidate);
                    self.synced_again();
                    return true;
                }
                Some(_) => {
                    self.candidates.remove(0);
                }
                None => {
                    waits = true;
                    break;
                }
            }
        }
        if self.passed == 0 && self.missing == 0 && other_protocol(&self.buffer).is_some() {
            self.recognise();
            return true;
        }
        if !waits && let Some(at) = find_message(&self.buffer) {
            self.drop_front(at);
            self.synced_again();
            return true;
        }
        if self.buffer.len() > MAX_SEARCHED {
            self.drop_front(self.buffer.len() - MAX_SEARCHED / 2);
            if self.passed > MAX_STRANGE {
                self.recognise();
            }
        }
        false
    }
}

/// The protocol that bytes begin with, where it is one that is known to use foreign ports.
pub(super) fn other_protocol(octets: &[u8]) -> Option<&'static str> {
    if tls::is_record(octets) {
        Some("TLS")
    } else if http::is_likely(octets) {
        Some("HTTP")
    } else if sip::is_likely(octets) {
        Some("SIP")
    } else if octets.starts_with(b"SSH-") {
        Some("SSH")
    } else {
        None
    }
}
