//! What comes in on a port, counted: bounded, whatever comes.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::event::{Event, EventKind, TcpFlags};
use crate::types::{Frame, Mac, Timestamp, Tunnel};
use crate::wire::frame::{Payload, dissect};
use crate::wire::{dhcp, tftp};

/// Pairs of addresses that are told apart.
const MAX_PAIRS: usize = 16_384;
/// VLAN ids that are told apart.
const MAX_VLANS: usize = 256;
/// Packets of a pair before it counts: a single question may well have no answer.
const ENOUGH: u32 = 4;

/// What came in on a port.
#[derive(Debug, Default)]
pub struct Survey {
    own: Vec<Mac>,
    mtu: Option<u32>,
    /// Frames in all.
    pub frames: u64,
    /// Their bytes on the wire.
    pub octets: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Second since 1970, and frames in it.
    second: (i64, u64),
    /// The most frames in a second.
    pub peak: u64,
    /// To all or to a group.
    pub group: u64,
    /// From or to this host.
    pub own_frames: u64,
    /// Between others: what only a mirror shows.
    pub foreign: u64,
    /// Frames with a tag that names a VLAN, by the innermost id.
    pub vlans: BTreeMap<u16, u64>,
    /// Frames with a priority tag alone.
    pub priority_tagged: u64,
    /// Frames with more than one tag.
    pub double_tagged: u64,
    /// Frames in a tunnel of a mirror, by its name.
    pub tunnels: BTreeMap<&'static str, u64>,
    /// RTP, as it seems.
    pub voice: u64,
    /// Frames longer than the port's largest packet: something put them together.
    pub longer_than_mtu: u64,
    /// Frames that were cut.
    pub cut: u64,
    pairs: HashMap<(IpAddr, IpAddr), [u32; 2], RandomState>,
    /// What phones and their servers say.
    pub signalling: Signalling,
}

/// Messages by who sends them: clients, servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signalling {
    /// DHCP.
    pub dhcp: (u64, u64),
    /// TFTP, and files over HTTP.
    pub files: (u64, u64),
    /// SCCP, SIP registration, TLS on their ports.
    pub registration: (u64, u64),
    /// CDP, LLDP.
    pub announcements: (u64, u64),
    /// ARP.
    pub arp: u64,
}

impl Survey {
    /// Nothing seen yet. `own`: the addresses of the port itself, `mtu` its largest packet.
    pub fn new(own: Vec<Mac>, mtu: Option<u32>) -> Survey {
        Survey { own, mtu, ..Survey::default() }
    }

    /// Takes in a frame.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.octets += u64::from(frame.orig_len);
        self.first = Some(self.first.map_or(frame.time, |first| first.min(frame.time)));
        self.last = Some(self.last.map_or(frame.time, |last| last.max(frame.time)));
        let second = frame.time.0.div_euclid(1_000_000_000);
        self.second = if self.second.0 == second { (second, self.second.1 + 1) } else { (second, 1) };
        self.peak = self.peak.max(self.second.1);
        self.cut += u64::from((frame.data.len() as u64) < u64::from(frame.orig_len));
        // Ethernet header, and up to four tags.
        let longest = self.mtu.map(|mtu| mtu.saturating_add(14 + 16));
        self.longer_than_mtu += u64::from(longest.is_some_and(|longest| frame.orig_len > longest));

        let dissection = dissect(frame);
        let envelope = &dissection.envelope;
        self.count_tags(&envelope.vlan);
        if let Some(tunnel) = envelope.tunnel.first() {
            *self.tunnels.entry(tunnel_name(*tunnel)).or_default() += 1;
        }
        let is_own = |mac: Option<Mac>| mac.is_some_and(|mac| self.own.contains(&mac));
        let is_to_group = envelope.eth_dst.is_some_and(Mac::is_group);
        // What a mirror wraps up is foreign, whoever the wrapping is for.
        let is_foreign = !is_to_group && !is_own(envelope.eth_src) && !is_own(envelope.eth_dst);
        if is_to_group {
            self.group += 1;
        } else if is_foreign {
            self.foreign += 1;
        } else {
            self.own_frames += 1;
        }
        if let Payload::Udp(datagram) = dissection.payload {
            let is_rtp = datagram.data.first().is_some_and(|first| first >> 6 == 2) && datagram.wire_len >= 12;
            self.voice += u64::from(is_rtp);
        }
        if let (true, Some(src), Some(dst)) = (is_foreign, envelope.src, envelope.dst) {
            self.count_pair(src, dst);
        }
    }

    /// Takes in what a frame says.
    pub fn handle_event(&mut self, event: &Event) {
        let Signalling { dhcp, files, registration, announcements, arp } = &mut self.signalling;
        let count = |pair: &mut (u64, u64), is_answer: bool| {
            if is_answer {
                pair.1 += 1;
            } else {
                pair.0 += 1;
            }
        };
        let from_server = event.envelope.sport.is_some_and(crate::flow::streams::is_interesting_port)
            && !event.envelope.dport.is_some_and(crate::flow::streams::is_interesting_port);
        match &event.kind {
            EventKind::Dhcp(message) => count(dhcp, message.op == dhcp::Op::Reply),
            // Requests and acknowledgements come from phones that read.
            EventKind::Tftp(packet) => {
                count(files, matches!(packet.op, tftp::Op::Data | tftp::Op::Error | tftp::Op::Oack));
            }
            EventKind::Http(_) => count(files, from_server),
            EventKind::Sip(message) => count(registration, message.status.is_some()),
            EventKind::Tcp(tcp) => count(registration, tcp.flags == TcpFlags::SynAck || from_server),
            EventKind::Sccp(_) => count(registration, from_server),
            EventKind::Cdp(_) | EventKind::Lldp(_) => announcements.0 += 1,
            EventKind::Arp(_) => *arp += 1,
            _ => {}
        }
    }

    /// Conversations between others with more than a few packets: seen in both directions, in one.
    pub fn directions(&self) -> (u64, u64) {
        // The order does not matter to a sum.
        #[allow(clippy::iter_over_hash_type)]
        let all = self.pairs.values().fold((0, 0), |(both, one), [there, back]| {
            match (there.saturating_add(*back) >= ENOUGH, *there > 0 && *back > 0) {
                (true, true) => (both + 1, one),
                (true, false) => (both, one + 1),
                (false, _) => (both, one),
            }
        });
        all
    }

    /// How long frames came.
    pub fn lasted(&self) -> Duration {
        self.last.zip(self.first).map_or(Duration::ZERO, |(last, first)| last.since(first))
    }

    fn count_tags(&mut self, vlan: &[u16]) {
        let Some(innermost) = vlan.last() else { return };
        self.double_tagged += u64::from(vlan.len() > 1);
        if *innermost == 0 {
            self.priority_tagged += 1;
        } else if self.vlans.len() < MAX_VLANS || self.vlans.contains_key(innermost) {
            *self.vlans.entry(*innermost).or_default() += 1;
        }
    }

    fn count_pair(&mut self, src: IpAddr, dst: IpAddr) {
        let is_to_one = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast() && !ip.is_unspecified(),
            IpAddr::V6(ip) => !ip.is_multicast() && !ip.is_unspecified(),
        };
        if !is_to_one(src) || !is_to_one(dst) {
            return;
        }
        let (key, way) = if src <= dst { ((src, dst), 0) } else { ((dst, src), 1) };
        if self.pairs.len() >= MAX_PAIRS && !self.pairs.contains_key(&key) {
            return;
        }
        let ways = self.pairs.entry(key).or_default();
        if let Some(packets) = ways.get_mut(way) {
            *packets = packets.saturating_add(1);
        }
    }
}

fn tunnel_name(tunnel: Tunnel) -> &'static str {
    match tunnel {
        Tunnel::Gre => "GRE",
        Tunnel::ErspanI => "ERSPAN I",
        Tunnel::ErspanII => "ERSPAN II",
        Tunnel::ErspanIII => "ERSPAN III",
        Tunnel::Vxlan => "VXLAN",
        Tunnel::Geneve => "GENEVE",
        Tunnel::Ipip => "IP in IP",
        Tunnel::SixInFour => "IPv6 in IPv4",
        Tunnel::Mpls => "MPLS",
        Tunnel::Pppoe => "PPPoE",
        Tunnel::Tzsp => "TZSP",
        Tunnel::HpErm => "HP ERM",
        Tunnel::Aruba => "Aruba",
        Tunnel::Isl => "ISL",
        Tunnel::Capwap => "CAPWAP",
        Tunnel::EtherIp => "EtherIP",
        Tunnel::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::build;

    const OWN: Mac = Mac([2, 0, 0, 0, 0, 9]);
    const PHONE: [u8; 6] = [0, 0x30, 0x94, 0, 0, 1];
    const SERVER: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn survey(frames: &[Vec<u8>]) -> Survey {
        let mut survey = Survey::new(vec![OWN], Some(1500));
        for data in frames {
            survey.handle_frame(&build::frame(1, data));
        }
        survey
    }

    fn packet(from: u8, to: u8, inside: &[u8]) -> Vec<u8> {
        build::ipv4_between([10, 0, 0, from], [10, 0, 0, to], 17, &build::udp(5000, 6000, inside))
    }

    #[test]
    fn whose_traffic_it_is_shows_in_the_addresses() {
        let s = survey(&[
            build::ethernet_between([0xff; 6], PHONE, 0x0806, &[0; 46]),
            build::ethernet_between(SERVER, PHONE, 0x0800, &packet(1, 2, b"x")),
            build::ethernet_between(OWN.0, PHONE, 0x0800, &packet(1, 9, b"x")),
            build::ethernet_between(SERVER, OWN.0, 0x0800, &packet(9, 2, b"x")),
        ]);
        assert_eq!((s.group, s.foreign, s.own_frames, s.frames), (1, 1, 2, 4));
    }

    #[test]
    fn a_mirrored_frame_is_foreign_though_its_tunnel_ends_here() {
        let inner = build::ethernet_between(SERVER, PHONE, 0x0800, &packet(1, 2, b"x"));
        let gre = build::ipv4(47, &[&[0, 0, 0x88, 0xbe][..], &inner].concat());
        let s = survey(&[build::ethernet_between(OWN.0, SERVER, 0x0800, &gre)]);
        assert_eq!((s.foreign, s.own_frames), (1, 0));
        assert_eq!(s.tunnels.get("ERSPAN I"), Some(&1));
    }

    #[test]
    fn directions_are_of_conversations_that_last() {
        let frame = |from, to| build::ethernet_between(SERVER, PHONE, 0x0800, &packet(from, to, b"x"));
        let mut frames = vec![frame(1, 2), frame(2, 1), frame(1, 2), frame(1, 2)];
        frames.extend((0..4).map(|_| frame(3, 4)));
        frames.extend((0..3).map(|_| frame(5, 6)));
        assert_eq!(survey(&frames).directions(), (1, 1));
    }

    #[test]
    fn tags_are_told_apart() {
        let ip = packet(1, 2, &[0x80; 20]);
        let tagged = build::tag(110, 0x0800, &ip);
        let s = survey(&[
            build::ethernet_between(SERVER, PHONE, 0x8100, &tagged),
            build::ethernet_between(SERVER, PHONE, 0x88a8, &build::tag(7, 0x8100, &tagged)),
            build::ethernet_between(SERVER, PHONE, 0x8100, &build::tag(0xa000, 0x0800, &ip)),
        ]);
        assert_eq!(s.vlans, BTreeMap::from([(110, 2)]));
        assert_eq!((s.double_tagged, s.priority_tagged, s.voice), (1, 1, 3));
    }

    #[test]
    fn offloaded_frames_exceed_the_port_mtu() {
        let s = survey(&[
            build::ethernet_between(SERVER, PHONE, 0x0800, &packet(1, 2, &[0; 1472])),
            build::ethernet_between(SERVER, PHONE, 0x0800, &packet(1, 2, &[0; 2900])),
        ]);
        assert_eq!(s.longer_than_mtu, 1);
    }
}
