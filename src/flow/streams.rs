//! TCP connections of phone signalling: segments in, messages out.
//!
//! A message stands at the segment that completes it. Every copy of a message is told, as mirrors and routers make
//! them, with the digest of the first. Nothing is ever sent or asked; what is missing is said, not guessed.

use std::net::IpAddr;
use std::time::Duration;

use hashlink::LinkedHashMap;

use super::tcp_reassembly::TcpSegment;
use super::{Decoded, Digest, Flow};
use crate::event::{EventKind, TcpEvent, TcpFlags};
use crate::types::{Timestamp, WireText};

mod direction;
mod dns_stream;
mod http_stream;
mod sccp_stream;
mod sip_stream;
mod tls_stream;

use direction::{Arrival, Direction};
use http_stream::Requests;

/// Connections remembered at once; the one that was silent longest goes first.
const MAX_CONNECTIONS: usize = 8192;
/// Bytes kept for all connections together.
const MAX_HELD: usize = 4 << 20;
/// A connection silent for so long has ended: phones send a keepalive every minute or two.
const IDLE: Duration = Duration::from_secs(3600);

/// What a port is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Service {
    Sccp,
    Sip,
    Http,
    Dns,
    /// Signalling or files inside TLS. `registration`: the handshake and the end of the connection are events.
    Tls {
        registration: bool,
    },
}

fn service(port: u16) -> Option<Service> {
    match port {
        2000 => Some(Service::Sccp),
        5060 => Some(Service::Sip),
        6970 => Some(Service::Http),
        53 => Some(Service::Dns),
        // 2445 is the trust verification service (TVS), which a phone asks about certificates that it does not know.
        2443 | 2445 | 5061 => Some(Service::Tls { registration: true }),
        6971 => Some(Service::Tls { registration: false }),
        _ => None,
    }
}

impl Service {
    /// Whether phones register on it.
    fn is_registration(self) -> bool {
        !matches!(self, Service::Http | Service::Dns | Service::Tls { registration: false })
    }
}

/// Whether TCP on this port can carry what a phone says to its servers: SCCP (2000, with TLS 2443),
/// SIP (5060, with TLS 5061), trust verification (2445), files over HTTP (6970, with TLS 6971), DNS (53).
pub fn is_interesting_port(port: u16) -> bool {
    service(port).is_some()
}

#[derive(Debug)]
struct Connection {
    service: Service,
    /// The directions from the first and from the second end of the key.
    directions: [Direction; 2],
    requests: Requests,
    last: Timestamp,
    held: usize,
    closed: bool,
}

/// Both ends, the lesser first.
type Key = ((IpAddr, u16), (IpAddr, u16));

/// All connections.
#[derive(Debug, Default)]
pub struct Streams {
    connections: LinkedHashMap<Key, Connection>,
    held: usize,
    forgotten: u64,
    squeezed: u64,
}

impl Streams {
    /// No connection yet.
    pub fn new() -> Streams {
        Streams::default()
    }

    /// Feeds one segment of a TCP connection on an interesting port; calls `sink` for every message that it
    /// completes, in order. `ip_id` 0: none.
    pub fn handle_segment(
        &mut self,
        time: Timestamp,
        flow: Flow,
        ip_id: u32,
        segment: &TcpSegment<'_>,
        sink: &mut dyn FnMut(Decoded),
    ) {
        let Some((service, to_server)) = server_side(&flow, segment) else { return };
        let (from, to) = ((flow.src, flow.sport), (flow.dst, flow.dport));
        let (key, index) = if from <= to { ((from, to), 0) } else { ((to, from), 1) };

        let fresh = || Connection::new(service, to_server == (index == 0), time);
        // The entry moves to the back: the one that was silent longest is in front.
        let connection = self.connections.entry(key).or_insert_with(fresh);
        // What it holds is counted again below.
        self.held = self.held.saturating_sub(connection.held);
        let idle = time.since(connection.last) >= IDLE;
        if idle || segment.syn && connection.is_another(index, segment) {
            *connection = fresh();
        }
        connection.handle(time, &flow, index, ip_id, segment, sink);
        connection.last = connection.last.max(time);
        connection.held = connection.directions.iter().map(Direction::held).sum();
        self.held += connection.held;
        self.shrink(time);
    }

    /// Tells what was under way when the capture ended: answers whose body did not come to its end, messages behind
    /// a hole. With each goes its own flow, and the time of the last segment of its connection.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Flow, Timestamp, Decoded)) {
        for ((a, b), mut connection) in std::mem::take(&mut self.connections) {
            for (index, direction) in connection.directions.iter_mut().enumerate() {
                let ((src, sport), (dst, dport)) = if index == 0 { (a, b) } else { (b, a) };
                let flow = Flow { src, dst, sport, dport };
                let mut found = Vec::new();
                direction.end(false, &mut connection.requests, &mut found);
                for message in found {
                    sink(flow, connection.last, message.decoded(&flow));
                }
            }
        }
        self.held = 0;
    }

    /// Lets go connections that were silent since `limit`: most phones end theirs by losing their power. One that
    /// speaks again all the same goes on in its middle.
    pub fn forget_before(&mut self, limit: Timestamp) {
        while self.connections.front().is_some_and(|(_, c)| c.last < limit) {
            if let Some((_, c)) = self.connections.pop_front() {
                self.held = self.held.saturating_sub(c.held);
            }
        }
        if self.connections.capacity() > 4 * self.connections.len() {
            self.connections.shrink_to_fit();
        }
    }

    /// Bytes kept of messages under way.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Which limits made it forget something, in words; `None`: none.
    pub fn limits_reached(&self) -> Option<String> {
        let mut texts = Vec::new();
        if self.forgotten > 0 {
            let n = self.forgotten;
            texts.push(format!("more than {MAX_CONNECTIONS} TCP connections at once: {n} were forgotten"));
        }
        if self.squeezed > 0 {
            let n = self.squeezed;
            texts.push(format!(
                "more than {} MiB of unfinished TCP data: {n} connections were forgotten",
                MAX_HELD >> 20
            ));
        }
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    fn shrink(&mut self, time: Timestamp) {
        while self.connections.len() > MAX_CONNECTIONS {
            if let Some((_, c)) = self.connections.pop_front() {
                self.held = self.held.saturating_sub(c.held);
                self.forgotten += u64::from(!c.is_over(time));
            }
        }
        while self.held > MAX_HELD {
            let Some((_, c)) = self.connections.pop_front() else { return };
            self.held = self.held.saturating_sub(c.held);
            self.squeezed += 1;
        }
    }
}

/// What the connection is for, and whether the segment goes to the server.
fn server_side(flow: &Flow, segment: &TcpSegment<'_>) -> Option<(Service, bool)> {
    match (service(flow.sport), service(flow.dport)) {
        (None, None) => None,
        (None, Some(s)) => Some((s, true)),
        (Some(s), None) => Some((s, false)),
        // Both ends can be such a port: the handshake tells who asked, without it the lesser one serves.
        (Some(a), Some(b)) => {
            let to_server = if segment.syn { !segment.ack_flag } else { flow.dport <= flow.sport };
            Some((if to_server { b } else { a }, to_server))
        }
    }
}

impl Connection {
    fn new(service: Service, first_is_client: bool, now: Timestamp) -> Connection {
        let direction = |from_server| Direction::new(service, from_server, None);
        Connection {
            service,
            directions: [direction(!first_is_client), direction(first_is_client)],
            requests: Requests::new(),
            last: now,
            held: 0,
            closed: false,
        }
    }

    /// Whether nothing more comes on it.
    fn is_over(&self, time: Timestamp) -> bool {
        self.closed || self.directions.iter().all(|d| d.reassembly.is_complete()) || time.since(self.last) >= IDLE
    }

    /// Whether a SYN or SYN-ACK begins another connection on the same ports.
    fn is_another(&self, index: usize, segment: &TcpSegment<'_>) -> bool {
        let [a, b] = &self.directions;
        let (own, other) = if index == 0 { (a, b) } else { (b, a) };
        let begins_otherwise = own.isn.is_some_and(|isn| isn != segment.seq);
        if segment.ack_flag {
            match other.isn {
                Some(isn) => isn.wrapping_add(1) != segment.ack,
                None => begins_otherwise || own.isn.is_none() && own.started,
            }
        } else {
            begins_otherwise || own.isn.is_none() && (own.started || other.started)
        }
    }

    fn handle(
        &mut self,
        time: Timestamp,
        flow: &Flow,
        index: usize,
        ip_id: u32,
        segment: &TcpSegment<'_>,
        sink: &mut dyn FnMut(Decoded),
    ) {
        let Connection { service, directions: [a, b], requests, closed, .. } = self;
        let (own, other) = if index == 0 { (a, b) } else { (b, a) };
        own.reassembly.count_segment();
        other.reassembly.count_segment();
        let emit = |event: TcpEvent, sink: &mut dyn FnMut(Decoded)| {
            if service.is_registration() {
                let flags = event.flags;
                let parts: [&[u8]; 4] = [
                    &[0xff, flags as u8],
                    &segment.seq.to_be_bytes(),
                    &segment.ack.to_be_bytes(),
                    &ip_id.to_be_bytes(),
                ];
                let digest = digest(flow, &parts);
                sink(Decoded { kind: EventKind::Tcp(event), anomalies: Vec::new(), digest });
            }
        };

        let mut seq = segment.seq;
        if segment.syn {
            if own.isn != Some(segment.seq) {
                own.restart(Some(segment.seq));
            }
            seq = seq.wrapping_add(1);
            *closed = false;
            emit(TcpEvent::new(if segment.ack_flag { TcpFlags::SynAck } else { TcpFlags::Syn }), sink);
        }
        // The number in a RST is that of a segment that came, not of a stream that nobody saw.
        if segment.ack_flag && !(segment.rst && other.reassembly.next().is_none()) {
            other.reassembly.note_ack(segment.ack, time);
            if let Some((octets, until)) = other.reassembly.take_unseen(time, segment.fin || segment.rst) {
                other.count_unseen(octets, until);
            }
            let unseen = u32::try_from(std::mem::take(&mut other.unseen)).unwrap_or(u32::MAX);
            if unseen > 0 && !std::mem::replace(&mut other.hole_told, true) {
                emit(TcpEvent { unseen, ..TcpEvent::new(TcpFlags::AckUnseen) }, sink);
            }
        }
        let mut found = Vec::new();
        let arrival = Arrival { flow, ip_id, seq, segment, closed: *closed };
        if segment.wire_len > 0 {
            own.hole_told = false;
            let mut was_copy = false;
            own.arrive(&arrival, requests, &mut found, &mut |copy| {
                was_copy = true;
                sink(copy);
            });
            let cut = u32::try_from(segment.wire_len.saturating_sub(segment.data.len())).unwrap_or(u32::MAX);
            if cut > 0 && found.is_empty() && !was_copy {
                emit(TcpEvent { cut, ..TcpEvent::new(TcpFlags::Data) }, sink);
            }
        } else {
            own.drain(requests, &mut found);
        }
        if segment.fin || segment.rst {
            if segment.fin {
                own.reassembly.note_fin(seq, segment.wire_len);
            }
            own.end(segment.fin, requests, &mut found);
            if segment.rst {
                // What the other side sent may still be on its way to the capture, so it is only not waited for.
                other.reassembly.give_up_all();
            }
        }
        own.tell(&arrival, found, sink);
        if segment.fin || segment.rst {
            *closed |= segment.rst;
            let carries = own.carries().or_else(|| other.carries()).map(WireText::from);
            let flags = if segment.rst { TcpFlags::Rst } else { TcpFlags::Fin };
            emit(TcpEvent { carries, ..TcpEvent::new(flags) }, sink);
        }
    }
}

/// The digest of something in a flow.
fn digest(flow: &Flow, parts: &[&[u8]]) -> u64 {
    let mut digest = Digest::new();
    digest.write_ip(Some(flow.src));
    digest.write_ip(Some(flow.dst));
    digest.write(&flow.sport.to_be_bytes());
    digest.write(&flow.dport.to_be_bytes());
    for part in parts {
        digest.write(part);
    }
    digest.finish()
}

#[cfg(test)]
mod tests;
