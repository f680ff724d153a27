//! Hosts that talk over IPv4 or IPv6, with one clock: the stage for what [`super::boot`] does not play.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::capture_file::{Nanos, Record};
use super::frame::{
    ACK, BROADCAST, ETHERTYPE_ARP, ETHERTYPE_IPV4, FIN, Frame, ICMP, Ipv4, Mac, PSH, RST, SYN, TCP, UDP, arp, checksum,
    mac, tcp, udp, unreachable,
};
use super::site::{Host, MICRO, MILLI};

pub const ETHERTYPE_IPV6: u16 = 0x86dd;
pub const ICMPV6: u8 = 58;

/// 14 March 2016, 09:00 UTC: other than where the boots of the shipped captures start.
pub const START: Nanos = 1_457_946_000_000_000_000;

/// One side of a conversation: an address, and the MAC that the frames show for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    pub mac: Mac,
    pub ip: IpAddr,
}

impl End {
    pub fn new(address: &str, ip: &str) -> End {
        End { mac: mac(address), ip: ip.parse().expect("an address") }
    }

    /// A host with the MAC that follows from its IPv4 address.
    pub fn host(ip: &str) -> End {
        End { mac: Host::at(ip).mac, ip: ip.parse().expect("an address") }
    }

    pub fn v4(&self) -> Ipv4Addr {
        match self.ip {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(ip) => panic!("{ip} is no IPv4 address"),
        }
    }
}

/// A TCP connection; the client is the one that opened it.
#[derive(Clone, Debug)]
pub struct Talk {
    pub client: (End, u16),
    pub server: (End, u16),
    seq: [u32; 2],
}

#[derive(Clone, Debug)]
pub struct Scene {
    pub records: Vec<Record>,
    pub now: Nanos,
    /// Tag of the frames from now on.
    pub vlan: Option<u16>,
    id: u16,
    seq: u32,
}

impl Default for Scene {
    fn default() -> Self {
        Scene::new()
    }
}

impl Scene {
    pub fn new() -> Scene {
        Scene { records: Vec::new(), now: START, vlan: None, id: 0x3100, seq: 0x0051_7000 }
    }

    /// So many milliseconds after the start; stories of several phones may overlap.
    pub fn at(&mut self, ms: u64) {
        self.now = START + ms * MILLI;
    }

    pub fn wait(&mut self, ms: u64) {
        self.now += ms * MILLI;
    }

    /// A frame as it is, without the tag.
    pub fn plain(&mut self, frame: Frame) {
        self.records.push(Record::whole(self.now, frame.0));
        self.now += 310 * MICRO;
    }

    pub fn frame(&mut self, frame: Frame) {
        let frame = if let Some(id) = self.vlan { frame.tagged(id) } else { frame };
        self.plain(frame);
    }

    /// An IP packet that holds a whole transport segment; gives the packet.
    pub fn packet(&mut self, from: End, to: End, protocol: u8, segment: &[u8]) -> Vec<u8> {
        self.id = self.id.wrapping_add(1);
        let (ethertype, packet) = match (from.ip, to.ip) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                (ETHERTYPE_IPV4, Ipv4 { src, dst, protocol, id: self.id, ttl: 64 }.packet(segment))
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => (ETHERTYPE_IPV6, ipv6(src, dst, protocol, segment)),
            mixed => panic!("{mixed:?} do not talk"),
        };
        self.frame(Frame::ethernet(to.mac, from.mac, ethertype, &packet));
        packet
    }

    pub fn udp(&mut self, from: (End, u16), to: (End, u16), payload: &[u8]) -> Vec<u8> {
        let unset = Ipv4Addr::UNSPECIFIED;
        let segment = match (from.0.ip, to.0.ip) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => udp((src, from.1), (dst, to.1), payload),
            _ => udp((unset, from.1), (unset, to.1), payload),
        };
        self.packet(from.0, to.0, UDP, &summed(from.0.ip, to.0.ip, UDP, segment, 6))
    }

    /// The router says that a packet did not get there.
    pub fn icmp(&mut self, from: End, to: End, code: u8, about: &[u8]) {
        self.packet(from, to, ICMP, &unreachable(code, about));
    }

    /// An ARP question, and its answer where there is one.
    pub fn arp(&mut self, asker: End, target: Ipv4Addr, owner: Option<Mac>) {
        let ask = arp(1, (asker.mac, asker.v4()), ([0; 6], target));
        self.frame(Frame::ethernet(BROADCAST, asker.mac, ETHERTYPE_ARP, &ask));
        if let Some(owner) = owner {
            let answer = arp(2, (owner, target), (asker.mac, asker.v4()));
            self.frame(Frame::ethernet(asker.mac, owner, ETHERTYPE_ARP, &answer));
        }
    }

    /// A connection of which nothing has been sent yet.
    pub fn talk(&mut self, client: (End, u16), server: (End, u16)) -> Talk {
        self.seq = self.seq.wrapping_add(0x0102_0304);
        Talk { client, server, seq: [self.seq, self.seq.wrapping_mul(3)] }
    }

    /// A connection that was opened.
    pub fn open(&mut self, client: (End, u16), server: (End, u16)) -> Talk {
        let mut talk = self.talk(client, server);
        self.segment(&mut talk, true, SYN, b"");
        self.segment(&mut talk, false, SYN | ACK, b"");
        self.segment(&mut talk, true, ACK, b"");
        talk
    }

    /// SYNs that nobody answers, after so many seconds each.
    pub fn knock(&mut self, client: (End, u16), server: (End, u16), waits: &[u64]) {
        let talk = self.talk(client, server);
        for wait in waits {
            self.segment(&mut talk.clone(), true, SYN, b"");
            self.wait(wait * 1000);
        }
    }

    /// A SYN that is refused.
    pub fn refuse(&mut self, client: (End, u16), server: (End, u16)) {
        let mut talk = self.talk(client, server);
        self.segment(&mut talk, true, SYN, b"");
        talk.seq[1] = 0;
        self.segment(&mut talk, false, RST | ACK, b"");
    }

    /// One segment; `up`: from the client.
    pub fn segment(&mut self, talk: &mut Talk, up: bool, flags: u8, payload: &[u8]) {
        let (from, to, own, other) =
            if up { (talk.client, talk.server, 0, 1) } else { (talk.server, talk.client, 1, 0) };
        let ack = if flags & ACK != 0 { talk.seq[other] } else { 0 };
        let unset = Ipv4Addr::UNSPECIFIED;
        let (src, dst) = match (from.0.ip, to.0.ip) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => (src, dst),
            _ => (unset, unset),
        };
        let bytes = tcp((src, from.1), (dst, to.1), talk.seq[own], ack, flags, payload);
        let length = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        talk.seq[own] = talk.seq[own].wrapping_add(length);
        self.packet(from.0, to.0, TCP, &summed(from.0.ip, to.0.ip, TCP, bytes, 16));
    }

    /// Octets, and the other side's acknowledgement.
    pub fn say(&mut self, talk: &mut Talk, up: bool, octets: &[u8]) {
        for part in octets.chunks(1400) {
            self.segment(talk, up, PSH | ACK, part);
        }
        self.segment(talk, !up, ACK, b"");
    }

    /// One side ends the connection, the other follows.
    pub fn close(&mut self, talk: &mut Talk, up: bool) {
        self.segment(talk, up, FIN | ACK, b"");
        self.segment(talk, !up, FIN | ACK, b"");
        self.segment(talk, up, ACK, b"");
    }

    pub fn reset(&mut self, talk: &mut Talk, up: bool) {
        self.segment(talk, up, RST | ACK, b"");
    }

    /// The frames in the order of time.
    pub fn records(mut self) -> Vec<Record> {
        self.records.sort_by_key(|r| r.time);
        self.records
    }
}

/// An IPv6 packet without extension headers.
pub fn ipv6(src: Ipv6Addr, dst: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    // Neighbour discovery wants 255 (RFC 4861); nothing else minds.
    let [high, low] = (payload.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0, high, low, next, 255][..], &src.octets(), &dst.octets(), payload].concat()
}

/// A segment with its checksum over the IPv6 pseudo header, which stands at `at`; one of IPv4 has it already.
pub fn summed(src: IpAddr, dst: IpAddr, protocol: u8, mut segment: Vec<u8>, at: usize) -> Vec<u8> {
    if let (IpAddr::V6(src), IpAddr::V6(dst)) = (src, dst) {
        segment[at..at + 2].fill(0);
        let length = (segment.len() as u32).to_be_bytes();
        let sum = checksum(&[&src.octets(), &dst.octets(), &length, &[0, 0, 0, protocol], &segment]);
        segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    segment
}
