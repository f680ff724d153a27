//! One direction of a connection: its bytes in order, the messages in them, and the copies of these.

use std::collections::VecDeque;

use super::dns_stream::DnsStream;
use super::http_stream::{HttpStream, Requests};
use super::sccp_stream::SccpStream;
use super::sip_stream::SipStream;
use super::tls_stream::TlsStream;
use super::{Service, digest};
use crate::event::EventKind;
use crate::flow::tcp_reassembly::{Offset, Piece, Place, Reassembly, TcpSegment};
use crate::flow::{Decoded, Digest, Flow};
use crate::wire::{Anomaly, dns, http, sccp, sip};

/// Messages remembered for each direction, so that their copies are known.
const MAX_TOLD: usize = 16;
/// Bytes kept of a message that came in several segments, so that a copy of its last one can be told.
const MAX_SPLIT: usize = 1024;
/// Holes remembered for each direction, so that a segment that comes late still counts.
const MAX_HOLES: usize = 4;
/// How far before the first segment seen a late one may begin.
const EARLY: u64 = 64 * 1024;

/// What a message is: part of its identity, and how its copies are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Sccp,
    Sip,
    Dns,
    Request,
    /// An answer and what it carries, and what TLS shows: they span segments, so no copy of one is told.
    Answer,
    Config,
    Tls,
}

/// A message that a stream holds.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) start: Offset,
    /// Bytes of it on the wire.
    pub(super) len: usize,
    /// Bytes of it that are here; of an answer the first ones.
    pub(super) octets: Box<[u8]>,
    pub(super) event: EventKind,
    pub(super) anomalies: Vec<Anomaly>,
}

impl Found {
    /// By the flow, the place in the stream and the first bytes alone: a copy that a snap length cut is a copy too.
    fn digest(&self, flow: &Flow) -> u64 {
        let first = self.octets.get(..12).unwrap_or(&self.octets);
        digest(flow, &[&[self.kind as u8], &(self.start as u32).to_be_bytes(), first])
    }

    /// The message for the caller.
    pub(super) fn decoded(self, flow: &Flow) -> Decoded {
        let digest = self.digest(flow);
        Decoded { kind: self.event, anomalies: self.anomalies, digest }
    }
}

/// A message that was told, for its copies.
#[derive(Debug)]
struct EmittedMessages {
    kind: Kind,
    start: Offset,
    end: Offset,
    /// IP id of the packet that completed it.
    ip_id: u32,
    content: u64,
    /// The message, where no single segment held it.
    split: Option<Box<[u8]>>,
}

#[derive(Debug)]
enum Stream {
    Sccp(SccpStream),
    Sip(SipStream),
    Http(HttpStream),
    Dns(DnsStream),
    Tls(TlsStream),
}

impl Stream {
    fn new(service: Service, from_start: bool, from_server: bool) -> Stream {
        match service {
            Service::Sccp => Stream::Sccp(SccpStream::new(from_start)),
            Service::Sip => Stream::Sip(SipStream::default()),
            Service::Http => Stream::Http(HttpStream::new(from_server)),
            Service::Dns => Stream::Dns(DnsStream::new(from_start)),
            Service::Tls { .. } => Stream::Tls(TlsStream::new(from_start)),
        }
    }

    fn held(&self) -> usize {
        match self {
            Stream::Sccp(s) => s.held(),
            Stream::Sip(s) => s.held(),
            Stream::Http(s) => s.held(),
            Stream::Dns(s) => s.held(),
            Stream::Tls(s) => s.held(),
        }
    }

    fn piece(&mut self, piece: Piece, requests: &mut Requests, found: &mut Vec<Found>) {
        match (self, piece) {
            (stream, Piece::Data { at, octets, segment_start }) => {
                stream.data(at, &octets, segment_start, requests, found);
            }
            (Stream::Sccp(s), Piece::Gap { len, .. }) => s.gap(len, found),
            (Stream::Sccp(s), Piece::Taken { .. }) => s.taken(),
            (Stream::Sip(s), Piece::Gap { len, .. } | Piece::Taken { len }) => s.gap(len),
            (Stream::Http(s), Piece::Gap { len, .. } | Piece::Taken { len }) => s.gap(len, requests, found),
            (Stream::Dns(s), Piece::Gap { .. } | Piece::Taken { .. }) => s.gap(),
            (Stream::Tls(s), Piece::Gap { len, .. } | Piece::Taken { len }) => s.gap(len),
        }
    }

    /// The next bytes in order.
    fn data(
        &mut self,
        at: Offset,
        octets: &[u8],
        segment_start: bool,
        requests: &mut Requests,
        found: &mut Vec<Found>,
    ) {
        match self {
            Stream::Sccp(s) => s.data(at, octets, segment_start, found),
            Stream::Sip(s) => s.data(at, octets, segment_start, found),
            Stream::Http(s) => s.data(at, octets, segment_start, requests, found),
            Stream::Dns(s) => s.data(at, octets, segment_start, found),
            Stream::Tls(s) => s.data(at, octets, segment_start, found),
        }
    }
}

/// A segment with data and what is around it.
pub(super) struct Arrival<'a> {
    pub(super) flow: &'a Flow,
    pub(super) ip_id: u32,
    /// Sequence number of the first byte of data.
    pub(super) seq: u32,
    pub(super) segment: &'a TcpSegment<'a>,
    /// Whether the connection was reset before.
    pub(super) closed: bool,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Direction {
    service: Service,
    from_server: bool,
    stream: Stream,
    pub(super) reassembly: Reassembly,
    /// Sequence number of the SYN.
    pub(super) isn: Option<u32>,
    /// Whether a segment with data was seen.
    pub(super) started: bool,
    told: VecDeque<EmittedMessages>,
    holes: VecDeque<(Offset, Offset)>,
    /// Bytes known to be missing, that were not told yet.
    pub(super) unseen: u64,
    /// Up to here, they were counted.
    unseen_until: Offset,
    /// Whether the present hole was told.
    pub(super) hole_told: bool,
    /// For the next message.
    anomalies: Vec<Anomaly>,
}

impl Direction {
    /// A direction that begins behind a SYN (`isn`), or somewhere in the middle.
    pub(super) fn new(service: Service, from_server: bool, isn: Option<u32>) -> Direction {
        Direction {
            service,
            from_server,
            stream: Stream::new(service, isn.is_some(), from_server),
            reassembly: isn.map_or_else(Reassembly::default, |isn| Reassembly::start(isn.wrapping_add(1))),
            isn,
            started: false,
            told: VecDeque::new(),
            holes: VecDeque::new(),
            unseen: 0,
            unseen_until: 0,
            hole_told: false,
            anomalies: Vec::new(),
        }
    }

    /// Begins anew behind a SYN.
    pub(super) fn restart(&mut self, isn: Option<u32>) {
        *self = Direction::new(self.service, self.from_server, isn);
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        let split: usize = self.told.iter().filter_map(|t| t.split.as_ref()).map(|s| s.len()).sum();
        self.reassembly.held() + self.stream.held() + split
    }

    /// What it carries, where that is not what its port is for.
    pub(super) fn carries(&self) -> Option<&'static str> {
        match &self.stream {
            Stream::Sccp(s) => s.carries(),
            Stream::Sip(s) => s.carries(),
            Stream::Http(_) | Stream::Dns(_) => None,
            Stream::Tls(s) => s.carries(),
        }
    }

    /// Counts bytes that the other side acknowledged and the capture does not hold.
    pub(super) fn count_unseen(&mut self, octets: u64, until: Offset) {
        self.unseen += octets;
        self.unseen_until = self.unseen_until.max(until);
    }

    /// Passes what is in order to its protocol.
    pub(super) fn drain(&mut self, requests: &mut Requests, found: &mut Vec<Found>) {
        while let Some((start, piece)) = self.reassembly.next().zip(self.reassembly.pop()) {
            if let Piece::Gap { len, cut } = piece {
                let end = start + len;
                self.remember_hole(start, end);
                if !cut {
                    self.unseen += end.saturating_sub(start.max(self.unseen_until));
                    self.unseen_until = self.unseen_until.max(end);
                }
            }
            self.stream.piece(piece, requests, found);
        }
    }

    fn remember_hole(&mut self, start: Offset, end: Offset) {
        if self.holes.len() >= MAX_HOLES {
            self.holes.pop_front();
        }
        self.holes.push_back((start, end));
    }

    /// Ends the stream: what is missing does not come any more. `whole`: a FIN ends it.
    pub(super) fn end(&mut self, whole: bool, requests: &mut Requests, found: &mut Vec<Found>) {
        let whole = whole && self.reassembly.is_complete();
        self.reassembly.give_up_all();
        self.drain(requests, found);
        if let Stream::Http(s) = &mut self.stream {
            s.end(whole, found);
        }
    }

    /// Takes a segment with data.
    pub(super) fn arrive(
        &mut self,
        arrival: &Arrival<'_>,
        requests: &mut Requests,
        found: &mut Vec<Found>,
        sink: &mut dyn FnMut(Decoded),
    ) {
        let segment = arrival.segment;
        let at = match self.reassembly.place(arrival.seq, arrival.closed) {
            Place::Stray => return,
            Place::At(at) => at,
            Place::Restart(at) => {
                self.stream = Stream::new(self.service, false, self.from_server);
                self.told.clear();
                self.holes.clear();
                at
            }
        };
        if !std::mem::replace(&mut self.started, true) && self.isn.is_none() {
            self.remember_hole(at.saturating_sub(EARLY), at);
        }
        self.drain(requests, found);
        self.tell_copies(arrival, at, sink);
        let end = at + segment.wire_len as u64;
        let next = self.reassembly.next().unwrap_or(at);
        let is_sccp = matches!(self.stream, Stream::Sccp(_));
        let whole_messages = || is_sccp && sccp::is_whole_messages(segment.data, segment.wire_len);
        let mut taken = matches!(&self.stream, Stream::Tls(s) if s.is_done());
        if at < next {
            if self.fill_hole(at, end) && whole_messages() {
                let first = Anomaly::fixed("tcp: came later than what follows it");
                read_messages(at, segment, 0, Some(first), found);
            }
        } else if at > next && self.reassembly.is_free(at, end) && whole_messages() {
            // Messages ahead of a hole are told where they stand, not when it is certain that nothing fills it.
            read_messages(at, segment, self.reassembly.hole_before(at), None, found);
            taken = true;
        }
        let whole = segment.data.len() == segment.wire_len;
        if !taken && whole && self.reassembly.deliver(at, segment.wire_len) {
            self.stream.data(at, segment.data, true, requests, found);
        } else if self.reassembly.insert(at, segment.data, segment.wire_len, taken) {
            self.anomalies.push(Anomaly::fixed("tcp: segments overlap and differ"));
            self.anomalies.truncate(1);
        }
        self.drain(requests, found);
    }

    /// Whether a segment starts in a hole that was given up; then the hole is smaller from now on.
    fn fill_hole(&mut self, at: Offset, end: Offset) -> bool {
        let Some(i) = self.holes.iter().position(|(from, until)| (*from..*until).contains(&at)) else { return false };
        let Some((from, until)) = self.holes.remove(i) else { return false };
        self.unseen = self.unseen.saturating_sub(until.min(end) - at);
        for (from, until) in [(from, at), (end, until)] {
            if from < until {
                self.remember_hole(from, until);
            }
        }
        true
    }

    /// Tells again what a segment holds that was told before: a mirror or a router made a copy, or the sender sent
    /// it once more.
    fn tell_copies(&self, arrival: &Arrival<'_>, at: Offset, sink: &mut dyn FnMut(Decoded)) {
        let segment = arrival.segment;
        let end = at + segment.wire_len as u64;
        for told in self.told.iter().filter(|t| t.end > at && t.end <= end) {
            // One old byte is how some systems ask whether the other side is alive (RFC 9293 section 3.8.4).
            if segment.wire_len == 1 && (arrival.ip_id == 0 || arrival.ip_id != told.ip_id) {
                continue;
            }
            let range = usize::try_from(told.start.wrapping_sub(at)).ok().zip(usize::try_from(told.end - at).ok());
            let octets = match (told.start >= at, &told.split) {
                (true, _) => range.and_then(|(from, to)| segment.data.get(from..to.min(segment.data.len()))),
                (false, Some(split)) => Some(&split[..]),
                (false, None) => None,
            };
            let Some(mut copy) = octets.and_then(|octets| read_copy(told, octets)) else { continue };
            copy.anomalies.push(Anomaly::fixed("tcp: copy or retransmission"));
            if copy.octets.len() == copy.len && content(&copy.octets) != told.content {
                copy.anomalies.push(Anomaly::fixed("tcp: differs from the first copy"));
            }
            sink(copy.decoded(arrival.flow));
        }
    }

    /// Tells messages, and remembers them for their copies. `segment`: where its data stands and ends.
    pub(super) fn tell(&mut self, arrival: &Arrival<'_>, found: Vec<Found>, sink: &mut dyn FnMut(Decoded)) {
        let data = arrival.segment.data.len() as u64;
        let from = self.reassembly.offset(arrival.seq).unwrap_or(0);
        for mut message in found {
            let end = message.start + message.len as u64;
            let in_one = message.start >= from && end <= from + data.max(arrival.segment.wire_len as u64);
            message.anomalies.append(&mut self.anomalies);
            if !matches!(message.kind, Kind::Answer | Kind::Config | Kind::Tls) {
                if self.told.len() >= MAX_TOLD {
                    self.told.pop_front();
                }
                let whole = message.octets.len() == message.len;
                self.told.push_back(EmittedMessages {
                    kind: message.kind,
                    start: message.start,
                    end,
                    ip_id: arrival.ip_id,
                    content: content(&message.octets),
                    split: (!in_one && whole && message.len <= MAX_SPLIT).then(|| message.octets.clone()),
                });
            }
            sink(message.decoded(arrival.flow));
        }
    }
}

fn content(octets: &[u8]) -> u64 {
    let mut digest = Digest::new();
    digest.write(octets);
    digest.finish()
}

/// Reads the messages of a segment that holds nothing else.
fn read_messages(at: Offset, segment: &TcpSegment<'_>, missing: u64, first: Option<Anomaly>, found: &mut Vec<Found>) {
    let mut stream = SccpStream::behind_hole(missing, first);
    stream.data(at, segment.data, true, found);
    if segment.wire_len > segment.data.len() {
        stream.gap((segment.wire_len - segment.data.len()) as u64, found);
    }
}

fn read_copy(told: &EmittedMessages, octets: &[u8]) -> Option<Found> {
    let (event, anomalies) = match told.kind {
        Kind::Sccp => {
            let (message, anomalies) = sccp::parse_message(octets)?.ok()?;
            (EventKind::Sccp(Box::new(message)), anomalies)
        }
        Kind::Sip => {
            let (message, anomalies) = sip::parse(octets)?;
            (EventKind::Sip(Box::new(message)), anomalies)
        }
        Kind::Dns => {
            let (message, anomalies) = dns::parse(octets.get(2..)?)?;
            (EventKind::Dns(Box::new(message)), anomalies)
        }
        Kind::Request => {
            let file = http::parse_request(octets)?.file;
            (EventKind::Http(http::Message { op: http::Op::Get, file: Some(file), status: None, bytes: None }), vec![])
        }
        Kind::Answer | Kind::Config | Kind::Tls => return None,
    };
    let len = usize::try_from(told.end - told.start).ok()?;
    Some(Found { kind: told.kind, start: told.start, len, octets: octets.into(), event, anomalies })
}
