//! One direction of a TLS connection: bytes in order to records, and the handshake messages in them, until
//! application data begins. From there on nothing is readable and nothing is kept.

use super::direction::{Found, Kind};
use super::sccp_stream::other_protocol;
use crate::event::{EventKind, TcpEvent, TcpFlags};
use crate::flow::tcp_reassembly::Offset;
use crate::wire::tls::{self, content};
use crate::wire::{Anomaly, sccp};

/// Bytes of a handshake message, at most: a chain of certificates has a few KiB.
const MAX_HANDSHAKE: usize = 32 * 1024;
/// Bytes by which a connection that is no TLS is recognised.
const MAX_START: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The first bytes seen come next.
    Start,
    /// Records, with readable handshake messages.
    Open,
    /// Records of which only the type is readable.
    Sealed,
    /// The place in the stream is not known: a record starts with a segment.
    Lost,
    /// Nothing more is to be learned, or this is no TLS.
    Done,
}

/// The bytes of one direction that are not yet a message.
#[derive(Debug)]
pub(super) struct TlsStream {
    state: State,
    buffer: Vec<u8>,
    at: Offset,
    /// Bytes to come of a record that is passed over.
    skip: usize,
    /// Handshake bytes of whole records that are not yet a message.
    handshake: Vec<u8>,
    carries: Option<&'static str>,
}

impl TlsStream {
    /// `from_start`: the connection's first byte comes next.
    pub(super) fn new(from_start: bool) -> TlsStream {
        let state = if from_start { State::Start } else { State::Lost };
        TlsStream { state, buffer: Vec::new(), at: 0, skip: 0, handshake: Vec::new(), carries: None }
    }

    /// What the connection carries, where it is known not to be TLS.
    pub(super) fn carries(&self) -> Option<&'static str> {
        self.carries
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.buffer.capacity() + self.handshake.capacity()
    }

    /// Whether what comes is of no use.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The next bytes in order.
    pub(super) fn data(&mut self, at: Offset, octets: &[u8], segment_start: bool, found: &mut Vec<Found>) {
        if self.state == State::Done {
            return;
        }
        if self.state == State::Lost {
            if !segment_start {
                return;
            }
            if !tls::is_record(octets) {
                self.carries = self.carries.or_else(|| foreign(octets));
                return;
            }
            self.carries = None;
            // In the middle of a connection a handshake message can be an encrypted one.
            let hello = matches!(octets, [content::HANDSHAKE, _, _, _, _, 1 | 2, 0, ..]);
            self.state = if hello { State::Open } else { State::Sealed };
        }
        let skipped = self.skip.min(octets.len());
        self.skip -= skipped;
        let octets = octets.get(skipped..).unwrap_or_default();
        if self.buffer.is_empty() {
            self.at = at + skipped as u64;
        }
        self.buffer.extend_from_slice(octets);
        while self.read(found) {}
    }

    /// Bytes that the capture does not hold, or that were told before.
    pub(super) fn gap(&mut self, len: u64) {
        match usize::try_from(len) {
            Ok(len) if len <= self.skip => self.skip -= len,
            _ if self.state == State::Done => {}
            _ => self.end(State::Lost),
        }
    }

    fn end(&mut self, state: State) {
        self.state = state;
        self.buffer = Vec::new();
        self.handshake = Vec::new();
        self.skip = 0;
    }

    /// Reads one record off the buffer. Returns whether there may be another.
    fn read(&mut self, found: &mut Vec<Found>) -> bool {
        let Some((kind, len)) = tls::record(&self.buffer) else {
            let enough = if self.state == State::Start { MAX_START } else { tls::RECORD_HEADER };
            if self.buffer.len() >= enough {
                let first = self.state == State::Start;
                self.carries = if first { foreign(&self.buffer) } else { None };
                self.end(if first { State::Done } else { State::Lost });
            }
            return false;
        };
        if self.state == State::Start {
            self.state = State::Open;
        }
        let whole = tls::RECORD_HEADER + len;
        match kind {
            content::APPLICATION_DATA => {
                let first: Box<[u8]> = self.buffer.get(..MAX_START).unwrap_or(&self.buffer).into();
                self.tell(first, tls::Message::application_data(), Vec::new(), found);
                self.end(State::Done);
                return false;
            }
            content::HANDSHAKE if self.state == State::Open => {}
            content::ALERT if len <= MAX_START => {}
            // Encrypted, or of no interest.
            _ => {
                if kind == content::CHANGE_CIPHER_SPEC {
                    self.state = State::Sealed;
                    self.handshake = Vec::new();
                }
                let here = whole.min(self.buffer.len());
                self.buffer.drain(..here);
                self.at += here as u64;
                self.skip = whole - here;
                return self.skip == 0;
            }
        }
        if self.buffer.len() < whole {
            return false;
        }
        let record: Vec<u8> = self.buffer.drain(..whole).collect();
        let body = record.get(tls::RECORD_HEADER..).unwrap_or_default();
        if kind == content::ALERT {
            if let Some(message) = tls::parse_alert(body) {
                self.tell(record.as_slice().into(), message, Vec::new(), found);
            }
        } else {
            self.handshake.extend_from_slice(body);
            self.read_handshake(found);
        }
        self.at += whole as u64;
        true
    }

    /// Takes whole handshake messages; one can span records, and a record can hold several.
    fn read_handshake(&mut self, found: &mut Vec<Found>) {
        while let Some((kind, len)) = tls::handshake(&self.handshake) {
            let whole = tls::HANDSHAKE_HEADER + len;
            if whole > MAX_HANDSHAKE {
                self.state = State::Sealed;
                self.handshake = Vec::new();
                return;
            }
            if self.handshake.len() < whole {
                return;
            }
            let octets: Vec<u8> = self.handshake.drain(..whole).collect();
            let body = octets.get(tls::HANDSHAKE_HEADER..).unwrap_or_default();
            if let Some((message, anomalies)) = tls::parse_handshake(kind, body) {
                let first = octets.get(..MAX_START).unwrap_or(&octets);
                self.tell(first.into(), message, anomalies, found);
            }
        }
    }

    fn tell(&self, first: Box<[u8]>, message: tls::Message, anomalies: Vec<Anomaly>, found: &mut Vec<Found>) {
        let event = TcpEvent { flags: TcpFlags::Data, unseen: 0, cut: 0, carries: None, tls: Some(Box::new(message)) };
        let len = first.len();
        found.push(Found {
            kind: Kind::Tls,
            start: self.at,
            len,
            octets: first,
            event: EventKind::Tcp(event),
            anomalies,
        });
    }
}

/// The protocol that bytes without TLS begin with.
fn foreign(octets: &[u8]) -> Option<&'static str> {
    let sccp = || sccp::Header::read(octets).filter(sccp::Header::is_likely).map(|_| "SCCP");
    other_protocol(octets).or_else(sccp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tls::Kind as Message;
    use crate::wire::tls::tests::{certificate_message, client_hello_message, record_of};

    fn told(stream: &mut TlsStream, octets: &[u8], step: usize) -> Vec<tls::Message> {
        let mut found = Vec::new();
        let mut at = 0;
        for part in octets.chunks(step) {
            stream.data(at, part, true, &mut found);
            at += part.len() as u64;
        }
        let message = |f: Found| match f.event {
            EventKind::Tcp(TcpEvent { flags: TcpFlags::Data, tls: Some(message), .. }) => *message,
            other => panic!("{other:?}"),
        };
        found.into_iter().map(message).collect()
    }

    fn handshake() -> Vec<u8> {
        let hello = client_hello_message("cm1.example.com");
        let certificate = certificate_message("CA", "SEP003094C2D3FA");
        let (front, back) = certificate.split_at(30);
        [
            record_of(22, &[&hello, front].concat()),
            record_of(22, back),
            record_of(20, &[1]),
            record_of(22, &[0xee; 40]),
            record_of(21, &[0xee; 24]),
            record_of(23, &[0xee; 400]),
            record_of(21, &[2, 40]),
        ]
        .concat()
    }

    #[test]
    fn messages_are_emitted_however_they_are_split() {
        for step in 1..=handshake().len() {
            let mut stream = TlsStream::new(true);
            let told = told(&mut stream, &handshake(), step);
            let kinds: Vec<_> = told.iter().map(|m| m.message).collect();
            assert_eq!(kinds, [Message::ClientHello, Message::Certificate, Message::ApplicationData], "step {step}");
            assert_eq!(told[1].subject.as_ref().unwrap().raw(), "SEP003094C2D3FA");
            assert!(stream.is_done() && stream.held() == 0);
        }
    }

    #[test]
    fn a_plain_alert_is_told_and_an_encrypted_one_is_not() {
        let octets = [record_of(21, &[2, 48]), record_of(21, &[0xee; 28]), record_of(21, &[1, 0])].concat();
        let told = told(&mut TlsStream::new(true), &octets, 1000);
        let alerts: Vec<_> = told.iter().map(|m| m.alert.as_ref().unwrap().raw()).collect();
        assert_eq!(alerts, ["unknown_ca", "close_notify"]);
    }

    #[test]
    fn in_the_middle_of_a_connection_only_what_is_certain_is_read() {
        let mut stream = TlsStream::new(false);
        assert!(told(&mut stream, b"the rest of a record", 100).is_empty());
        // Encrypted, though its first byte could be the type of a Certificate.
        assert!(told(&mut stream, &record_of(22, &[11, 0, 0, 3, 0, 0, 0]), 100).is_empty());
        let data = told(&mut stream, &record_of(23, &[1; 30]), 100);
        assert_eq!(data[0].message, Message::ApplicationData);
        let mut stream = TlsStream::new(true);
        stream.gap(100);
        assert_eq!(told(&mut stream, &handshake(), 1000).len(), 3, "it is found again at a segment");
    }

    #[test]
    fn a_hole_in_a_record_that_is_passed_over_does_no_harm() {
        let mut stream = TlsStream::new(true);
        let first = [record_of(20, &[1]), record_of(22, &[0xee; 90])].concat();
        assert!(told(&mut stream, &first[..40], 100).is_empty());
        stream.gap(61);
        assert_eq!(told(&mut stream, &record_of(23, &[0]), 100).len(), 1);
    }

    #[test]
    fn what_is_no_tls_is_named_and_left_alone() {
        let mut stream = TlsStream::new(true);
        assert!(told(&mut stream, b"\x04\0\0\0\0\0\0\0\0\0\0\0", 3).is_empty());
        assert_eq!((stream.carries(), stream.is_done()), (Some("SCCP"), true));
        let mut stream = TlsStream::new(true);
        told(&mut stream, b"REGISTER sip:10.0.0.2 SIP/2.0\r\n", 100);
        assert_eq!((stream.carries(), stream.held()), (Some("SIP"), 0));
    }

    #[test]
    fn hostile_lengths_are_bounded() {
        for octets in [
            record_of(22, &[1, 0xff, 0xff, 0xff]),
            record_of(22, &[]).repeat(2_000),
            record_of(21, &[]).repeat(2_000),
            [record_of(22, &[11, 0, 0x7f, 0xf0]), record_of(22, &[0; 1_000]).repeat(100)].concat(),
            record_of(24, &[1, 0xff, 0xff]),
            [&[22, 3, 1, 0x48, 0][..], &[1; 60_000]].concat(),
            vec![22, 3, 1, 0xff, 0xff, 1, 1, 1, 1, 1, 1, 1],
        ] {
            let mut stream = TlsStream::new(true);
            for part in octets.chunks(500) {
                told(&mut stream, part, 500);
                assert!(stream.held() <= 4 * MAX_HANDSHAKE, "{}", stream.held());
            }
        }
    }
}
