//! Frames: Ethernet, VLAN tags, LLC/SNAP, ARP, IPv4 with fragments, ICMP errors, UDP, TCP. Checksums are right.

use std::net::Ipv4Addr;

/// A MAC address.
pub type Mac = [u8; 6];

pub const BROADCAST: Mac = [0xff; 6];
/// Where CDP goes.
pub const CDP_GROUP: Mac = [0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc];
/// Where LLDP goes.
pub const LLDP_GROUP: Mac = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e];

pub const ETHERTYPE_IPV4: u16 = 0x0800;
pub const ETHERTYPE_ARP: u16 = 0x0806;
pub const ETHERTYPE_LLDP: u16 = 0x88cc;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// Shortest frame without its check sequence.
const SHORTEST: usize = 60;

/// Reads `00:03:6b:10:00:01`.
pub fn mac(text: &str) -> Mac {
    let bytes: Vec<u8> = text.split(':').map(|b| u8::from_str_radix(b, 16).expect("a MAC address")).collect();
    bytes.try_into().expect("six octets")
}

/// Reads `10.30.0.5`.
pub fn ip(text: &str) -> Ipv4Addr {
    text.parse().expect("an IPv4 address")
}

/// An Ethernet frame from its destination address to its last octet, without check sequence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    /// An Ethernet II frame, padded as on the wire.
    pub fn ethernet(dst: Mac, src: Mac, ethertype: u16, payload: &[u8]) -> Self {
        let mut bytes = [dst.as_slice(), &src, &ethertype.to_be_bytes(), payload].concat();
        bytes.resize(bytes.len().max(SHORTEST), 0);
        Frame(bytes)
    }

    /// An 802.3 frame with LLC and SNAP headers, as CDP uses it.
    pub fn snap(dst: Mac, src: Mac, oui: [u8; 3], protocol: u16, payload: &[u8]) -> Self {
        let llc = [&[0xaa, 0xaa, 0x03], oui.as_slice(), &protocol.to_be_bytes(), payload].concat();
        Frame::ethernet(dst, src, llc.len() as u16, &llc)
    }

    /// The frame with an 802.1Q tag as its outermost one.
    pub fn tagged(self, vlan: u16) -> Self {
        self.tagged_as(0x8100, vlan)
    }

    /// The frame with any tag as its outermost one; `tci` holds priority and VLAN id.
    pub fn tagged_as(mut self, tpid: u16, tci: u16) -> Self {
        let [a, b] = tpid.to_be_bytes();
        let [c, d] = tci.to_be_bytes();
        self.0.splice(12..12, [a, b, c, d]);
        self
    }

    pub fn dst(&self) -> Mac {
        self.0[..6].try_into().expect("six octets")
    }

    pub fn src(&self) -> Mac {
        self.0[6..12].try_into().expect("six octets")
    }
}

/// The Internet checksum (RFC 1071) over parts laid end to end; all but the last must be of even length.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An IPv4 header without options.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4 {
    pub src: Ipv4Addr,
    pub dst: Ipv4Addr,
    pub protocol: u8,
    pub id: u16,
    pub ttl: u8,
}

impl Ipv4 {
    /// A whole packet.
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        self.fragment(payload, 0, false)
    }

    /// One fragment: `offset` in octets.
    pub fn fragment(&self, payload: &[u8], offset: usize, more: bool) -> Vec<u8> {
        let mut header = vec![0x45, 0];
        header.extend((20 + payload.len() as u16).to_be_bytes());
        header.extend(self.id.to_be_bytes());
        header.extend((u16::from(more) << 13 | (offset / 8) as u16).to_be_bytes());
        header.extend([self.ttl, self.protocol, 0, 0]);
        header.extend(self.src.octets());
        header.extend(self.dst.octets());
        let sum = checksum(&[&header]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        [header.as_slice(), payload].concat()
    }

    /// The packet in fragments whose payloads are at most `size` octets (a multiple of eight).
    pub fn fragments(&self, payload: &[u8], size: usize) -> Vec<Vec<u8>> {
        let count = payload.len().div_ceil(size);
        payload.chunks(size).enumerate().map(|(n, part)| self.fragment(part, n * size, n + 1 < count)).collect()
    }
}

fn transport_checksum(protocol: u8, src: Ipv4Addr, dst: Ipv4Addr, segment: &[u8]) -> u16 {
    let length = (segment.len() as u16).to_be_bytes();
    checksum(&[&src.octets(), &dst.octets(), &[0, protocol], &length, segment])
}

/// A UDP datagram with its checksum.
pub fn udp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let length = (8 + payload.len() as u16).to_be_bytes();
    let mut bytes = [src.1.to_be_bytes().as_slice(), &dst.1.to_be_bytes(), &length, &[0, 0], payload].concat();
    let sum = match transport_checksum(UDP, src.0, dst.0, &bytes) {
        0 => 0xffff,
        sum => sum,
    };
    bytes[6..8].copy_from_slice(&sum.to_be_bytes());
    bytes
}

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

/// A TCP segment with its checksum; a SYN offers a segment size of 1460.
pub fn tcp(src: (Ipv4Addr, u16), dst: (Ipv4Addr, u16), seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let options: &[u8] = if flags & SYN != 0 { &[2, 4, 0x05, 0xb4] } else { &[] };
    let window: u16 = if flags & RST != 0 { 0 } else { 8192 };
    let mut bytes = [src.1.to_be_bytes(), dst.1.to_be_bytes()].concat();
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([((20 + options.len()) as u8 / 4) << 4, flags]);
    bytes.extend(window.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(options);
    bytes.extend(payload);
    let sum = transport_checksum(TCP, src.0, dst.0, &bytes);
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    bytes
}

/// An ICMP destination unreachable that quotes `packet` (its IPv4 header and eight octets, RFC 792).
pub fn unreachable(code: u8, packet: &[u8]) -> Vec<u8> {
    let quote = &packet[..packet.len().min(28)];
    let mut bytes = [&[3, code, 0, 0, 0, 0, 0, 0], quote].concat();
    let sum = checksum(&[&bytes]);
    bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    bytes
}

pub const NET_UNREACHABLE: u8 = 0;
pub const HOST_UNREACHABLE: u8 = 1;
pub const PROTOCOL_UNREACHABLE: u8 = 2;
pub const PORT_UNREACHABLE: u8 = 3;
pub const ADMINISTRATIVELY_PROHIBITED: u8 = 13;

/// An ARP packet for IPv4 over Ethernet: `op` 1 asks, 2 answers.
pub fn arp(op: u16, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut bytes = vec![0, 1, 8, 0, 6, 4];
    bytes.extend(op.to_be_bytes());
    bytes.extend(sender.0);
    bytes.extend(sender.1.octets());
    bytes.extend(target.0);
    bytes.extend(target.1.octets());
    bytes
}
