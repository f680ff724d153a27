//! Captures of one client and one server, a frame a millisecond, in order or not.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::capture_file::{Nanos, Order, Record, Resolution, pcap};
use super::dhcp;
use super::frame::{ACK, BROADCAST, ETHERTYPE_IPV4, FIN, Frame, Ipv4, Mac, PSH, SYN, TCP, UDP, ip, mac, tcp, udp};
use super::tunnel::LINK_ETHERNET;

/// A capture in the making.
#[derive(Clone, Debug)]
pub struct Wire {
    pub records: Vec<Record>,
    now: Nanos,
    /// Sequence numbers of client and server on the one connection.
    seq: [u32; 2],
}

pub const CLIENT: &str = "10.30.110.20";
pub const SERVER: &str = "10.30.0.5";
pub const CLIENT_PORT: u16 = 51_000;

pub fn client_mac() -> Mac {
    mac("00:03:6b:3a:10:01")
}

pub fn server_mac() -> Mac {
    mac("00:50:8b:30:00:05")
}

/// An IPv4 packet from the client (`up`) or from the server.
pub fn ipv4(up: bool, protocol: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let (src, dst) = if up { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    Ipv4 { src: ip(src), dst: ip(dst), protocol, id, ttl: 64 }.packet(payload)
}

/// An IPv6 packet without extension headers.
pub fn ipv6(src: &str, dst: &str, next: u8, payload: &[u8]) -> Vec<u8> {
    let octets = |address: &str| address.parse::<Ipv6Addr>().expect("an IPv6 address").octets();
    let length = (payload.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, length[0], length[1], next, 64][..], &octets(src), &octets(dst), payload].concat()
}

/// A datagram over IPv6 between any two ends, without its checksum; `up`: by the client's MAC address.
pub fn udp_v6(up: bool, (src, sport): (&str, u16), (dst, dport): (&str, u16), payload: &[u8]) -> Frame {
    let length = (8 + payload.len() as u16).to_be_bytes();
    let datagram = [&sport.to_be_bytes()[..], &dport.to_be_bytes(), &length, &[0, 0], payload].concat();
    ethernet(up, 0x86dd, &ipv6(src, dst, UDP, &datagram))
}

pub fn ethernet(up: bool, ethertype: u16, payload: &[u8]) -> Frame {
    let (src, dst) = if up { (client_mac(), server_mac()) } else { (server_mac(), client_mac()) };
    Frame::ethernet(dst, src, ethertype, payload)
}

/// A DISCOVER, as a UDP datagram in an IPv4 packet.
pub fn discover(chaddr: &str, xid: u32) -> Vec<u8> {
    let message = dhcp::Message::request(dhcp::DISCOVER, mac(chaddr), xid).bytes();
    let (src, dst) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    Ipv4 { src, dst, protocol: UDP, id: 1, ttl: 64 }.packet(&udp((src, 68), (dst, 67), &message))
}

/// The same in a frame.
pub fn discover_frame(chaddr: &str, xid: u32) -> Frame {
    Frame::ethernet(BROADCAST, mac(chaddr), ETHERTYPE_IPV4, &discover(chaddr, xid))
}

impl Default for Wire {
    fn default() -> Self {
        Wire::new()
    }
}

impl Wire {
    pub fn new() -> Wire {
        Wire { records: Vec::new(), now: 1_000_000_000_000, seq: [1_000, 9_000] }
    }

    /// Any frame.
    pub fn frame(mut self, frame: impl Into<Vec<u8>>) -> Wire {
        self.records.push(Record::whole(self.now, frame.into()));
        self.now += 1_000_000;
        self
    }

    /// Nothing for so many seconds.
    pub fn wait(mut self, seconds: u64) -> Wire {
        self.now += seconds * 1_000_000_000;
        self
    }

    /// A datagram from the client to the server, or back.
    pub fn udp(self, up: bool, port: u16, payload: &[u8]) -> Wire {
        let (client, server) = ((ip(CLIENT), CLIENT_PORT), (ip(SERVER), port));
        let (src, dst) = if up { (client, server) } else { (server, client) };
        let id = self.records.len() as u16 + 1;
        let frame = ethernet(up, ETHERTYPE_IPV4, &ipv4(up, UDP, id, &udp(src, dst, payload)));
        self.frame(frame.0)
    }

    /// A segment of the connection to a port.
    pub fn segment(mut self, up: bool, port: u16, flags: u8, payload: &[u8]) -> Wire {
        let (client, server) = ((ip(CLIENT), CLIENT_PORT), (ip(SERVER), port));
        let (src, dst) = if up { (client, server) } else { (server, client) };
        let (own, other) = if up { (0, 1) } else { (1, 0) };
        let bytes = tcp(src, dst, self.seq[own], self.seq[other], flags, payload);
        self.seq[own] = self.seq[own].wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        let id = self.records.len() as u16 + 1;
        let frame = ethernet(up, ETHERTYPE_IPV4, &ipv4(up, TCP, id, &bytes));
        self.frame(frame.0)
    }

    /// The handshake of a connection.
    pub fn open(self, port: u16) -> Wire {
        self.segment(true, port, SYN, b"").segment(false, port, SYN | ACK, b"").segment(true, port, ACK, b"")
    }

    /// Octets on a connection, in segments as large as Ethernet allows.
    pub fn say(self, up: bool, port: u16, octets: &[u8]) -> Wire {
        octets.chunks(1460).fold(self, |wire, part| wire.segment(up, port, PSH | ACK, part))
    }

    /// One side ends the connection.
    pub fn close(self, up: bool, port: u16) -> Wire {
        self.segment(up, port, FIN | ACK, b"")
    }

    pub fn pcap(&self) -> Vec<u8> {
        self.pcap_of(LINK_ETHERNET)
    }

    pub fn pcap_of(&self, link_type: u32) -> Vec<u8> {
        pcap(Order::Little, Resolution::Micro, link_type, &self.records)
    }
}
