//! From a captured frame to the innermost payload: one walk over all headers, tags and tunnels.
//!
//! The walk is a loop over [`Next`]: each header is read by the file of its protocol, which says what comes next.
//! Nothing is copied. What is odd becomes an [`Anomaly`]; a header that can not be read ends the walk with
//! [`Payload::Other`]. The walk keeps no state between frames: fragments come out as [`Payload::Fragment`] and
//! are put together by [`crate::flow::ip_defrag`], and [`dissect_reassembled`] goes on from there.

mod uninteresting;

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
pub(crate) mod tests;

use std::net::IpAddr;

use super::{Anomaly, arp, ethernet, icmp, ip, link, tunnel, wlan};
use crate::types::{Envelope, Frame, LinkType, Mac, Tunnel};

pub use uninteresting::is_uninteresting;

/// Tags, labels and tunnels that are followed in one frame; real networks have fewer than eight.
pub const MAX_LEVELS: u8 = 16;
/// VLAN ids that an [`Envelope`] keeps, the outermost ones.
pub const MAX_VLAN_IDS: usize = 8;

/// What a frame holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Dissection<'a> {
    /// Addresses, tags and tunnels.
    pub envelope: Envelope,
    /// The innermost payload.
    pub payload: Payload<'a>,
    /// What was odd on the way to it, outside in.
    pub anomalies: Vec<Anomaly>,
    /// Identification of the innermost IPv4 header; 0 for IPv6 and where there is none.
    pub ip_id: u32,
}

/// The innermost payload of a frame.
#[derive(Clone, PartialEq, Debug)]
pub enum Payload<'a> {
    /// A UDP datagram that is no known tunnel.
    Udp(Datagram<'a>),
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// An ICMP or ICMPv6 error.
    Icmp(icmp::Message),
    /// ARP for IPv4 over Ethernet.
    Arp(arp::Message),
    /// CDP from its version byte on.
    Cdp(&'a [u8]),
    /// An LLDPDU from its first TLV on; Ethernet padding may follow.
    Lldp(&'a [u8]),
    /// A piece of an IP packet.
    Fragment(Fragment<'a>),
    /// Well-formed and nothing for us, or so broken that the walk ended (then there is an anomaly).
    Other,
    /// A tunnel whose inside is encrypted.
    Encrypted(Tunnel),
    /// A link type that is not read.
    UnknownLink,
}

/// The payload of a UDP datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram<'a> {
    /// What was captured of it.
    pub data: &'a [u8],
    /// Its length by the UDP header, or by the IP header where that of UDP is bad. More than `data` has where the
    /// frame was cut.
    pub wire_len: usize,
}

/// A TCP segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Segment<'a> {
    pub seq: u32,
    pub ack: u32,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    /// Whether `ack` holds.
    pub ack_flag: bool,
    /// What was captured of the payload.
    pub data: &'a [u8],
    /// Length of the payload on the wire; more than `data` has where the frame was cut.
    pub wire_len: usize,
}

/// A piece of an IPv4 (RFC 791) or IPv6 (RFC 8200 section 4.5) packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment<'a> {
    #[allow(missing_docs)]
    pub src: IpAddr,
    #[allow(missing_docs)]
    pub dst: IpAddr,
    /// Identification: 16 bits for IPv4, 32 for IPv6.
    pub id: u32,
    /// IP protocol number of what the whole packet carries.
    pub protocol: u8,
    /// Where the piece belongs, in bytes.
    pub offset: usize,
    /// Whether more pieces follow it.
    pub more: bool,
    /// The piece, as far as captured.
    pub data: &'a [u8],
    /// Whether all of it was captured.
    pub whole: bool,
}

/// What the next header is. Each reader takes one and gives the one inside.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Next<'a> {
    /// A frame of this link type.
    Link(LinkType, &'a [u8]),
    /// An Ethernet frame, from its destination on.
    Ethernet(&'a [u8]),
    /// An 802.11 frame, from its frame control on.
    Wlan(&'a [u8], WlanLayout),
    /// What follows an EtherType or 802.3 length.
    EtherType(u16, &'a [u8]),
    /// An 802.2 LLC header.
    Llc(&'a [u8]),
    /// PPP, from address and control or from the protocol on.
    Ppp(&'a [u8]),
    /// MPLS labels.
    Mpls(&'a [u8]),
    /// IP of the version that it says itself.
    Ip(&'a [u8]),
    /// IPv4.
    Ipv4(&'a [u8]),
    /// IPv6.
    Ipv6(&'a [u8]),
    /// What an IP packet carries: protocol number, bytes, length on the wire.
    Protocol(u8, &'a [u8], usize),
    /// The innermost payload.
    Done(Payload<'a>),
}

/// How an 802.11 header lies in a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WlanLayout {
    /// As on the air.
    Standard,
    /// The driver padded it to a multiple of four.
    Padded,
    /// The two bytes of frame control stand in the other order.
    SwappedControl,
}

/// Nothing more to read.
pub(super) const OTHER: Next<'static> = Next::Done(Payload::Other);

/// What a walk gathers on its way in.
#[derive(Default)]
pub(super) struct Walk {
    envelope: Envelope,
    anomalies: Vec<Anomaly>,
    ip_id: u32,
    /// Bytes that the capture lacks at the end of the slice in hand.
    pub(super) missing: usize,
    /// The inside may end early for a known reason: a mirror cut it and said so, or fragments were cut.
    pub(super) truncated: bool,
    levels: u8,
}

impl Walk {
    /// Notes an oddity.
    pub(super) fn note(&mut self, text: &'static str) {
        self.anomalies.push(Anomaly::fixed(text));
    }

    /// Notes why the walk can not go on.
    pub(super) fn stop<'a>(&mut self, text: &'static str) -> Next<'a> {
        self.note(text);
        OTHER
    }

    /// A layer that has no name in the envelope.
    pub(super) fn enter(&mut self) {
        self.levels = self.levels.saturating_add(1);
    }

    /// A VLAN tag (or what stands for one).
    pub(super) fn enter_vlan(&mut self, tag: u16) {
        self.enter();
        if self.envelope.vlan.len() < MAX_VLAN_IDS {
            self.envelope.vlan.push(tag & 0x0fff);
        }
    }

    /// A tunnel.
    pub(super) fn enter_tunnel(&mut self, tunnel: Tunnel) {
        self.enter();
        self.envelope.tunnel.push(tunnel);
    }

    /// Addresses of a link header. IP addresses seen so far are those of a tunnel around it, and go.
    pub(super) fn set_link(&mut self, src: Option<Mac>, dst: Option<Mac>) {
        self.envelope.eth_src = src;
        self.envelope.eth_dst = dst;
        self.envelope.src = None;
        self.envelope.dst = None;
        self.envelope.sport = None;
        self.envelope.dport = None;
    }

    /// Addresses of an IP header; ports seen so far are those of a tunnel around it, and go.
    pub(super) fn set_ip(&mut self, src: IpAddr, dst: IpAddr, id: u32) {
        self.envelope.src = Some(src);
        self.envelope.dst = Some(dst);
        self.envelope.sport = None;
        self.envelope.dport = None;
        self.ip_id = id;
    }

    /// Ports of a UDP or TCP header.
    pub(super) fn set_ports(&mut self, sport: u16, dport: u16) {
        self.envelope.sport = Some(sport);
        self.envelope.dport = Some(dport);
    }

    /// Whether the innermost IP header is that of IPv6.
    pub(super) fn is_ipv6(&self) -> bool {
        matches!(self.envelope.src, Some(IpAddr::V6(_)))
    }

    /// Cuts `data` to the `len` bytes that a header says it has, and keeps `missing` right.
    pub(super) fn trim<'a>(&mut self, data: &'a [u8], len: usize) -> &'a [u8] {
        match data.get(..len) {
            Some(exact) => {
                self.missing = 0;
                exact
            }
            None => {
                self.missing = len.saturating_sub(data.len());
                data
            }
        }
    }

    /// One step.
    fn step<'a>(&mut self, next: Next<'a>) -> Next<'a> {
        match next {
            Next::Link(link_type, data) => link::read(self, link_type, data),
            Next::Ethernet(data) => ethernet::read(self, data),
            Next::Wlan(data, layout) => wlan::read(self, data, layout),
            Next::EtherType(ether_type, data) => ethernet::read_payload(self, ether_type, data),
            Next::Llc(data) => ethernet::read_llc(self, data),
            Next::Ppp(data) => tunnel::ppp::read(self, data),
            Next::Mpls(data) => tunnel::mpls::read(self, data),
            Next::Ip(data) => ip::read(self, data),
            Next::Ipv4(data) => ip::read_v4(self, data),
            Next::Ipv6(data) => ip::read_v6(self, data),
            Next::Protocol(protocol, data, wire_len) => ip::read_payload(self, protocol, data, wire_len),
            Next::Done(_) => next,
        }
    }

    fn run<'a>(mut self, mut next: Next<'a>) -> Dissection<'a> {
        let payload = loop {
            if let Next::Done(payload) = next {
                break payload;
            }
            if self.levels > MAX_LEVELS {
                self.note("frame: more than 16 tags and tunnels in one another");
                break Payload::Other;
            }
            next = self.step(next);
        };
        Dissection { envelope: self.envelope, payload, anomalies: self.anomalies, ip_id: self.ip_id }
    }
}

/// Walks from the link header of `frame` to its innermost payload.
pub fn dissect<'a>(frame: &Frame<'a>) -> Dissection<'a> {
    let on_wire = usize::try_from(frame.orig_len).unwrap_or(usize::MAX);
    let walk = Walk { missing: on_wire.saturating_sub(frame.data.len()), ..Walk::default() };
    walk.run(Next::Link(frame.link_type, frame.data))
}

/// Goes on with a packet put together from fragments: `protocol` and `data` are those of the whole packet,
/// `envelope` that of its last fragment. The inside may be a tunnel again.
pub fn dissect_reassembled<'a>(envelope: Envelope, protocol: u8, data: &'a [u8]) -> Dissection<'a> {
    // Tags and tunnels around the fragments count, so a tunnel in a tunnel in fragments ends too.
    let levels = u8::try_from(envelope.vlan.len().saturating_add(envelope.tunnel.len())).unwrap_or(u8::MAX);
    // A packet that lacks its end has an anomaly already.
    let walk = Walk { envelope, levels, truncated: true, ..Walk::default() };
    walk.run(Next::Protocol(protocol, data, data.len()))
}
