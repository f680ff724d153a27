//! TCP between a phone and a CallManager: sequence numbers that add up, an acknowledgement for each segment.

use super::super::frame::{ACK, FIN, PSH, RST, SYN, TCP, tcp};
use super::super::phone::Segments;
use super::super::site::{Answer, CallManager, Host, MICRO};
use super::Boot;

/// An open connection.
pub(super) struct Connection {
    host: Host,
    /// The phone's and the CallManager's.
    ports: (u16, u16),
    phone_seq: u32,
    host_seq: u32,
}

impl Boot<'_> {
    /// Opens a connection to port 2000; `None`: refused, unreachable or silence, and the reason is noted.
    pub(super) fn open(&mut self, server: &CallManager, answer: Answer) -> Option<Connection> {
        self.tcp_port += 1;
        let mut connection = Connection {
            host: server.host,
            ports: (self.tcp_port, 2000),
            phone_seq: self.draw.next() as u32,
            host_seq: self.draw.next() as u32,
        };
        let started = self.now;
        let unreachable = Self::icmp_code(server.reach);
        let silent = unreachable.is_some() || server.reach != super::Reach::Answers || answer == Answer::NoSynAck;
        let waits: &[u64] = if silent { &[0, 1, 3, 7] } else { &[0] };
        for wait in waits {
            self.now = started;
            self.seconds(*wait);
            let seq = connection.phone_seq;
            let packet = self.segment(&mut connection, true, SYN, &[]);
            if let Some(code) = unreachable {
                self.unreachable(server.host, code, &packet);
            }
            if silent {
                connection.phone_seq = seq;
            }
        }
        if silent {
            self.seconds(8);
            self.reason = if unreachable.is_some() { (15, "CM-ICMP-Unreach") } else { (10, "TCP-timeout") };
            return None;
        }
        self.moment();
        if answer == Answer::Refuses {
            connection.host_seq = 0;
            self.segment(&mut connection, false, RST | ACK, &[]);
            self.reason = (16, "CM-NAKed");
            return None;
        }
        self.segment(&mut connection, false, SYN | ACK, &[]);
        self.now += self.draw.between(90 * MICRO, 200 * MICRO);
        self.segment(&mut connection, true, ACK, &[]);
        Some(connection)
    }

    /// One segment, now.
    fn segment(&mut self, connection: &mut Connection, up: bool, flags: u8, payload: &[u8]) -> Vec<u8> {
        let phone = (self.address, connection.ports.0);
        let host = (connection.host.ip, connection.ports.1);
        let (src, dst) = if up { (phone, host) } else { (host, phone) };
        let (own, other) = if up {
            (&mut connection.phone_seq, connection.host_seq)
        } else {
            (&mut connection.host_seq, connection.phone_seq)
        };
        let ack = if flags & ACK != 0 { other } else { 0 };
        let bytes = tcp(src, dst, *own, ack, flags, payload);
        *own = own.wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        self.packet(connection.host, up, TCP, &bytes)
    }

    /// Messages that are ready together, in segments as the phone's load cuts them.
    pub(super) fn say(&mut self, connection: &mut Connection, up: bool, messages: &[Vec<u8>]) {
        let segments: Vec<Vec<u8>> = match self.phone.segments {
            Segments::Plain => messages.to_vec(),
            Segments::Coalesced => vec![messages.concat()],
            Segments::Split7 => messages.iter().flat_map(|m| [m[..7].to_vec(), m[7..].to_vec()]).collect(),
        };
        for payload in segments {
            self.segment(connection, up, PSH | ACK, &payload);
            self.now += self.draw.between(100 * MICRO, 300 * MICRO);
            if !self.phone.terse {
                self.acknowledge(connection, !up);
            }
        }
    }

    /// An acknowledgement by itself.
    pub(super) fn acknowledge(&mut self, connection: &mut Connection, up: bool) {
        self.segment(connection, up, ACK, &[]);
        self.now += self.draw.between(200 * MICRO, 900 * MICRO);
    }

    /// One side ends the connection, the other follows. `up`: the phone begins.
    pub(super) fn close(&mut self, mut connection: Connection, up: bool) {
        self.segment(&mut connection, up, FIN | ACK, &[]);
        self.moment();
        self.segment(&mut connection, !up, FIN | ACK, &[]);
        self.moment();
        self.segment(&mut connection, up, ACK, &[]);
    }

    /// The CallManager breaks the connection off.
    pub(super) fn reset(&mut self, mut connection: Connection) {
        self.segment(&mut connection, false, RST | ACK, &[]);
    }
}
