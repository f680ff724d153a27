//! Ethernet, tags, tunnels, ARP, IPv4, IPv6, ICMP, UDP and TCP headers.

use super::Case;
use crate::support::frame::{
    ACK, ETHERTYPE_ARP, ETHERTYPE_IPV4, Frame, ICMP, Ipv4, TCP, UDP, arp, ip, tcp, udp, unreachable,
};
use crate::support::tunnel::{erspan_i, erspan_ii, erspan_iii, vxlan};
use crate::support::wire::{
    self, CLIENT, SERVER, Wire, client_mac, discover, discover_frame, ethernet, ipv4, server_mac,
};

const INSIDE: &str = "00:03:6b:3a:10:77";

pub(super) fn cases() -> Vec<Case> {
    [frames(), tags(), tunnels(), arps(), ipv4s(), ipv6s(), icmps(), datagrams(), segments()]
        .into_iter()
        .flatten()
        .collect()
}

/// A frame with its octets from `at` on replaced.
fn patched(frame: Frame, at: usize, octets: &[u8]) -> Vec<u8> {
    let mut bytes = frame.0;
    bytes[at..at + octets.len()].copy_from_slice(octets);
    bytes
}

/// Each value in a capture of its own.
fn each<T: Copy + std::fmt::Debug>(name: &str, values: &[T], wire: impl Fn(T) -> Wire) -> Vec<Case> {
    values.iter().map(|v| Case::new(format!("{name} {v:?}"), wire(*v))).collect()
}

fn frames() -> Vec<Case> {
    let whole = discover_frame(INSIDE, 7);
    let cuts = (0..whole.0.len().min(90)).fold(Wire::new(), |wire, len| wire.frame(&whole.0[..len]));
    let cdp = |length: u16| {
        let frame = Frame::snap(
            [1, 0, 0xc, 0xcc, 0xcc, 0xcc],
            client_mac(),
            [0, 0, 0xc],
            0x2000,
            &[2, 180, 0, 0, 0, 1, 0, 5, b'x'],
        );
        patched(frame, 12, &length.to_be_bytes())
    };
    vec![
        Case::new("frames of every length, without a snap length", cuts),
        Case::new("802.3 length beyond the frame", Wire::new().frame(cdp(1500))).says("802.3 length goes beyond"),
        Case::new("802.3 length 0", Wire::new().frame(cdp(0))),
        Case::new("802.3 length 3, less than LLC", Wire::new().frame(cdp(3))),
        Case::new("a frame of 64 KiB of zeros", Wire::new().frame(vec![0; 65_535])),
        Case::new("a frame of 64 KiB of ones", Wire::new().frame(vec![0xff; 65_535])),
    ]
}

fn tags() -> Vec<Case> {
    let stacked = |count: usize, tpid: u16| {
        let frame = (0..count).fold(discover_frame(INSIDE, 7), |frame, n| frame.tagged_as(tpid, n as u16));
        Wire::new().frame(frame.0)
    };
    let without_end = |tpid: u16| {
        let tags: Vec<u8> = [tpid.to_be_bytes(), [0, 5]].concat().repeat(300);
        Wire::new().frame([&server_mac()[..], &client_mac(), &tags].concat())
    };
    let mut list = vec![
        Case::new("eight tags", stacked(8, 0x8100)).sees("dhcp", 1),
        Case::new("a thousand tags", stacked(1_000, 0x8100)).sees("dhcp", 0),
    ];
    for tpid in [0x8100, 0x88a8, 0x9100, 0x9200, 0x88e7, 0x893f, 0x8926, 0x8909] {
        list.push(Case::new(format!("tags {tpid:04x} without end"), without_end(tpid)).sees("dhcp", 0));
        let cut = [&server_mac()[..], &client_mac(), &u16::to_be_bytes(tpid), &[0]].concat();
        list.push(Case::new(format!("tag {tpid:04x} cut in its middle"), Wire::new().frame(cut)));
    }
    list
}

/// A packet in a packet, again and again.
fn nested(count: usize, inner: Vec<u8>, wrap: impl Fn(usize, &[u8]) -> Vec<u8>) -> Vec<u8> {
    (0..count).fold(inner, |inner, n| wrap(n, &inner))
}

fn tunnels() -> Vec<Case> {
    let frames = |count, wrap: fn(u32, &Frame) -> Frame| {
        Wire::new().frame((0..count).fold(discover_frame(INSIDE, 7), |frame, n| wrap(n, &frame)).0)
    };
    let packets = |protocol, header: &'static [u8]| {
        let packet =
            nested(64, discover(INSIDE, 7), |n, inner| ipv4(true, protocol, n as u16, &[header, inner].concat()));
        Wire::new().frame(ethernet(true, ETHERTYPE_IPV4, &packet).0)
    };
    let geneve = |options: u8, length: u8| {
        let mut header = vec![options, 0, 0x65, 0x58, 0, 0, 9, 0];
        // Options of class 0x0102; length in words, of which 0 is a header alone.
        header.extend([1, 2, 3, length].repeat(usize::from(options & 0x3f)));
        Wire::new().udp(true, 6081, &[header.as_slice(), &discover_frame(INSIDE, 7).0].concat())
    };
    let gre = |flags: u16, protocol: u16, rest: &[u8]| {
        let header = [flags.to_be_bytes(), protocol.to_be_bytes()].concat();
        Wire::new().frame(ethernet(true, ETHERTYPE_IPV4, &ipv4(true, 47, 1, &[header.as_slice(), rest].concat())).0)
    };
    let mpls = |count: usize, bottom: bool| {
        let mut labels = [0, 0, 0x10, 64].repeat(count);
        if bottom {
            labels.extend([0, 0, 0x11, 64]);
        }
        Wire::new().frame(ethernet(true, 0x8847, &[labels, discover(INSIDE, 7)].concat()).0)
    };
    let tzsp =
        |tags: &[u8]| Wire::new().udp(true, 37008, &[&[1, 0, 0, 1], tags, &discover_frame(INSIDE, 7).0].concat());
    let mut list = vec![
        Case::new("VXLAN in VXLAN, 3 deep", frames(3, |n, f| vxlan(n, n, f))).sees("dhcp", 1),
        Case::new("VXLAN in VXLAN, 64 deep", frames(64, |n, f| vxlan(n, n, f))).sees("dhcp", 0),
        Case::new("ERSPAN I in ERSPAN I, 64 deep", frames(64, erspan_i)).sees("dhcp", 0),
        Case::new("ERSPAN II in ERSPAN II, 64 deep", frames(64, |n, f| erspan_ii(n, 5, 1, f))).sees("dhcp", 0),
        Case::new("ERSPAN III in ERSPAN III, 64 deep", frames(64, |n, f| erspan_iii(n, 5, 1, f))).sees("dhcp", 0),
        Case::new("IPv4 in IPv4, 64 deep", packets(4, &[])).sees("dhcp", 0),
        Case::new("IPv4 in GRE, 64 deep", packets(47, &[0, 0, 8, 0])).sees("dhcp", 0),
        Case::new("GENEVE without options", geneve(0, 0)).sees("dhcp", 1),
        Case::new("GENEVE options of length zero", geneve(4, 0)).sees("dhcp", 1),
        Case::new("GENEVE options longer than all", geneve(4, 31)),
        Case::new("GENEVE options beyond the end", {
            Wire::new().udp(true, 6081, &[0x3f, 0, 0x65, 0x58, 0, 0, 9, 0, 1, 2, 3, 0])
        }),
        Case::new("GRE with all flags and nothing behind", gre(0xf800, 0x0800, &[])),
        Case::new("GRE source routes of length zero", gre(0x4000, 0x0800, &[0, 0, 0, 0].repeat(300))),
        Case::new("GRE source routes that do not end", gre(0x4000, 0x0800, &[0, 0, 8, 0, 0, 0, 0, 0])),
        Case::new("GRE of version 7", gre(0x0007, 0x0800, &discover(INSIDE, 7))),
        Case::new("MPLS, 5 labels and the last", mpls(5, true)).sees("dhcp", 1),
        Case::new("MPLS, labels without end", mpls(300, false)).sees("dhcp", 0),
        Case::new("PPPoE longer than the frame", {
            let header = [0x11, 0, 0, 1, 0xff, 0xff, 0, 0x21];
            Wire::new().frame(ethernet(true, 0x8864, &[&header[..], &discover(INSIDE, 7)].concat()).0)
        })
        .sees("dhcp", 1),
        Case::new("PPPoE of length 0", {
            let header = [0x11, 0, 0, 1, 0, 0, 0, 0x21];
            Wire::new().frame(ethernet(true, 0x8864, &[&header[..], &discover(INSIDE, 7)].concat()).0)
        }),
        Case::new("TZSP with its end tag", tzsp(&[1])).sees("dhcp", 1),
        Case::new("TZSP tags of length zero", tzsp(&[&[10, 0].repeat(200)[..], &[1]].concat())).sees("dhcp", 1),
        Case::new("TZSP without an end tag", tzsp(&[10, 255])),
    ];
    for port in [4789, 6081, 37008, 5555, 8472, 4790] {
        let empty = (0..12).fold(Wire::new(), |wire, len| wire.udp(true, port, &vec![8; len]));
        list.push(Case::new(format!("headers of 0 to 11 octets on port {port}"), empty));
    }
    list
}

fn arps() -> Vec<Case> {
    let good = arp(1, (client_mac(), ip(CLIENT)), ([0; 6], ip(SERVER)));
    let with = |at: usize, octet: u8| {
        let mut bytes = good.clone();
        bytes[at] = octet;
        Wire::new().frame(ethernet(true, ETHERTYPE_ARP, &bytes).0)
    };
    let mut list = each("ARP hardware address length", &[0, 1, 5, 7, 16, 128, 255], |n| with(4, n));
    list.extend(each("ARP protocol address length", &[0, 1, 3, 5, 16, 128, 255], |n| with(5, n)));
    list.extend(each("ARP operation 0x..", &[0, 3, 255], |n| with(7, n)));
    let cut = (0..28).fold(Wire::new(), |wire, len| {
        // Without the padding that would stand in for what is missing.
        wire.frame([&server_mac()[..], &client_mac(), &[8, 6], &good[..len]].concat())
    });
    list.push(Case::new("ARP cut at every octet", cut).sees("arp", 0));
    list.push(Case::new("ARP in good order", with(4, 6)).sees("arp", 1));
    list
}

fn ipv4s() -> Vec<Case> {
    let packet = discover(INSIDE, 7);
    let with = |at: usize, octets: &[u8]| {
        let mut bytes = packet.clone();
        bytes[at..at + octets.len()].copy_from_slice(octets);
        Wire::new().frame(ethernet(true, ETHERTYPE_IPV4, &bytes).0)
    };
    let mut list: Vec<Case> = Vec::new();
    for first in [0x40, 0x41, 0x44, 0x4f, 0x00, 0x55, 0xf5] {
        list.push(Case::new(format!("IPv4 first octet {first:02x}"), with(0, &[first])));
    }
    list.push(Case::new("IPv4 total length 0", with(2, &[0, 0])).sees("dhcp", 1));
    for length in [1u16, 19] {
        let case = Case::new(format!("IPv4 total length {length}"), with(2, &length.to_be_bytes()));
        list.push(case.says("less than the header").sees("dhcp", 1));
    }
    for length in [20u16, 27] {
        list.push(Case::new(format!("IPv4 total length {length}"), with(2, &length.to_be_bytes())).sees("dhcp", 0));
    }
    for length in [0x7fffu16, 0x8000, 0xffff] {
        let case = Case::new(format!("IPv4 total length {length}"), with(2, &length.to_be_bytes()));
        list.push(case.says("goes beyond the frame").sees("dhcp", 1));
    }
    // Options that are nothing but length.
    for option in [[7, 0, 0, 0], [7, 1, 0, 0], [7, 255, 0, 0], [1, 1, 1, 7]] {
        let mut bytes = packet.clone();
        bytes[0] = 0x46;
        bytes.splice(20..20, option);
        let total = (bytes.len() as u16).to_be_bytes();
        bytes[2..4].copy_from_slice(&total);
        let wire = Wire::new().frame(ethernet(true, ETHERTYPE_IPV4, &bytes).0);
        list.push(Case::new(format!("IPv4 option {option:?}"), wire).sees("dhcp", 1));
    }
    let datagram = &packet[20..];
    let header = Ipv4 { src: [0; 4].into(), dst: [255; 4].into(), protocol: UDP, id: 9, ttl: 64 };
    let fragments =
        |parts: &[Vec<u8>]| parts.iter().fold(Wire::new(), |w, p| w.frame(ethernet(true, ETHERTYPE_IPV4, p).0));
    let mut parts = header.fragments(datagram, 160);
    list.push(Case::new("fragments", fragments(&parts)).sees("dhcp", 1));
    if let Some(last) = parts.last_mut() {
        // Don't fragment, on a fragment.
        last[6] |= 0x40;
    }
    list.push(Case::new("the last fragment with DF", fragments(&parts)).sees("dhcp", 1));
    parts.reverse();
    list.push(Case::new("fragments in the other order", fragments(&parts)).sees("dhcp", 1));
    let overlap = [
        header.fragment(&datagram[..160], 0, true),
        header.fragment(&[0xaa; 160], 80, true),
        header.fragment(&datagram[160..], 160, false),
    ];
    list.push(Case::new("fragments that overlap", fragments(&overlap)).says("overlap").sees("dhcp", 1));
    let beyond = [header.fragment(&datagram[..160], 0, true), header.fragment(&[0; 800], 65_528, false)];
    list.push(Case::new("a fragment beyond 64 KiB", fragments(&beyond)).sees("dhcp", 0));
    let empty: Vec<Vec<u8>> = (0..100).map(|n| header.fragment(&[], n * 8, true)).collect();
    list.push(Case::new("fragments without octets", fragments(&empty)).sees("dhcp", 0));
    let tiny: Vec<Vec<u8>> =
        datagram.chunks(8).enumerate().map(|(n, p)| header.fragment(p, n * 8, (n + 1) * 8 < datagram.len())).collect();
    list.push(Case::new("fragments of eight octets", fragments(&tiny)).sees("dhcp", 1));
    let many = (0..2_000).fold(Wire::new(), |wire, id| {
        let one = Ipv4 { id, ..header }.fragment(&[0; 1_400], 8, true);
        wire.frame(ethernet(true, ETHERTYPE_IPV4, &one).0)
    });
    list.push(Case::new("two thousand packets that never become whole", many).sees("dhcp", 0));
    let inner = header.fragment(&header.fragment(datagram, 0, false), 0, true);
    list.push(Case::new("a fragment in a fragment", fragments(&[inner])).sees("dhcp", 0));
    list
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    wire::ipv6("fe80::1", "ff02::1:2", next, payload)
}

/// A DHCPv6 message in an IPv6 packet behind extension headers.
pub(super) fn dhcpv6(next: u8, extensions: &[u8], message: &[u8]) -> Wire {
    let length = (8 + message.len() as u16).to_be_bytes();
    let datagram = [&[0x02, 0x22, 0x02, 0x23], length.as_slice(), &[0, 0], message].concat();
    Wire::new().frame(ethernet(true, 0x86dd, &ipv6(next, &[extensions, &datagram].concat())).0)
}

fn ipv6s() -> Vec<Case> {
    const SOLICIT: [u8; 8] = [1, 0, 0, 7, 0, 8, 0, 0];
    let chain = |count: usize, kind: u8, last: u8| -> Vec<u8> {
        (0..count).flat_map(|n| [if n + 1 < count { kind } else { last }, 0, 1, 4, 0, 0, 0, 0]).collect()
    };
    let mut list = vec![
        Case::new("IPv6 without extension headers", dhcpv6(17, &[], &SOLICIT)).sees("dhcpv6", 1),
        Case::new("IPv6 extension headers of length zero", dhcpv6(60, &chain(3, 60, 17), &SOLICIT)).sees("dhcpv6", 1),
        Case::new("IPv6 extension headers, 150 of them", dhcpv6(60, &chain(150, 60, 17), &SOLICIT)).sees("dhcpv6", 1),
        Case::new("IPv6 extension headers without end", dhcpv6(0, &chain(150, 0, 0), &[])).sees("dhcpv6", 0),
        Case::new("IPv6 extension header beyond the end", dhcpv6(60, &[17, 255, 0, 0, 0, 0, 0, 0], &SOLICIT))
            .sees("dhcpv6", 0),
        Case::new("IPv6 fragment header cut", Wire::new().frame(ethernet(true, 0x86dd, &ipv6(44, &[17, 0])).0)),
        Case::new("IPv6 atomic fragment", dhcpv6(44, &[17, 0, 0, 0, 0, 0, 0, 1], &SOLICIT)).sees("dhcpv6", 1),
        Case::new("IPv6 authentication header of length 255", dhcpv6(51, &[17, 255, 0, 0, 0, 0, 0, 0], &SOLICIT))
            .sees("dhcpv6", 0),
    ];
    let mut jumbo = ipv6(17, &[0; 60]);
    jumbo[4..6].copy_from_slice(&[0, 0]);
    list.push(Case::new("IPv6 payload length 0", Wire::new().frame(ethernet(true, 0x86dd, &jumbo).0)));
    jumbo[4..6].copy_from_slice(&[0xff, 0xff]);
    list.push(Case::new("IPv6 payload length 65535", Wire::new().frame(ethernet(true, 0x86dd, &jumbo).0)));
    list
}

fn icmps() -> Vec<Case> {
    let request = ipv4(true, UDP, 5, &udp((ip(CLIENT), 51_000), (ip(SERVER), 69), b"\0\x01a\0octet\0"));
    let about = unreachable(3, &request);
    let packet = |icmp: &[u8]| ipv4(false, ICMP, 6, icmp);
    let unpadded = |icmp: &[u8]| [&client_mac()[..], &server_mac(), &[8, 0], &packet(icmp)].concat();
    let cut = (0..about.len()).fold(Wire::new(), |wire, len| wire.frame(unpadded(&about[..len])));
    let nested =
        nested(64, request.clone(), |_, inner| ipv4(false, ICMP, 6, &[&[3, 3, 0, 0, 0, 0, 0, 0], inner].concat()));
    vec![
        Case::new("ICMP in good order", Wire::new().frame(unpadded(&about))).sees("icmp", 1),
        Case::new("ICMP quote cut at every octet", cut).says("quoted header is cut"),
        Case::new("ICMP quotes of ICMP, 64 deep", Wire::new().frame(ethernet(false, ETHERTYPE_IPV4, &nested).0)),
        Case::new("ICMP quote with a header of 60 octets", {
            let mut hostile = about.clone();
            hostile[8] = 0x4f;
            Wire::new().frame(unpadded(&hostile))
        })
        .sees("icmp", 1),
        Case::new("ICMP quote of version 15", {
            let mut hostile = about.clone();
            hostile[8] = 0xf5;
            Wire::new().frame(unpadded(&hostile))
        }),
    ]
}

fn datagrams() -> Vec<Case> {
    let mut list = Vec::new();
    for length in [0u16, 1, 4, 7, 8, 9, 0x7fff, 0x8000, 0xffff] {
        let packet = discover(INSIDE, 7);
        let mut bytes = packet;
        bytes[24..26].copy_from_slice(&length.to_be_bytes());
        let case =
            Case::new(format!("UDP length {length}"), Wire::new().frame(ethernet(true, ETHERTYPE_IPV4, &bytes).0));
        list.push(match length {
            // A length of 0 is what some cards leave to themselves to fill in; then the packet's counts.
            0 => case.sees("dhcp", 1),
            1..=7 => case.says("less than its header"),
            8 | 9 => case.sees("dhcp", 0),
            _ => case.says("goes beyond the IP packet").sees("dhcp", 1),
        });
    }
    let cut = (0..8).fold(Wire::new(), |wire, len| {
        let datagram = udp((ip(CLIENT), 68), (ip(SERVER), 67), &[]);
        wire.frame(ethernet(true, ETHERTYPE_IPV4, &ipv4(true, UDP, 3, &datagram[..len])).0)
    });
    list.push(Case::new("UDP header cut at every octet", cut).sees("dhcp", 0));
    list
}

fn segments() -> Vec<Case> {
    let keepalive = [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut list = Vec::new();
    for words in 0..16u8 {
        let mut bytes = tcp((ip(CLIENT), 51_000), (ip(SERVER), 2000), 1, 1, ACK, &keepalive);
        bytes[12] = words << 4;
        let wire = Wire::new().frame(ethernet(true, ETHERTYPE_IPV4, &ipv4(true, TCP, 3, &bytes)).0);
        list.push(Case::new(format!("TCP data offset {words}"), wire).sees("sccp", usize::from(words == 5)));
    }
    for option in [[2u8, 0, 0, 0], [2, 1, 0, 0], [2, 255, 5, 0xb4], [5, 0, 0, 0], [30, 0, 1, 2]] {
        let mut bytes = tcp((ip(CLIENT), 51_000), (ip(SERVER), 2000), 1, 1, ACK, &keepalive);
        bytes[12] = 6 << 4;
        bytes.splice(20..20, option);
        let wire = Wire::new().frame(ethernet(true, ETHERTYPE_IPV4, &ipv4(true, TCP, 3, &bytes)).0);
        list.push(Case::new(format!("TCP option {option:?}"), wire).sees("sccp", 1));
    }
    let cut = (0..20).fold(Wire::new(), |wire, len| {
        let bytes = tcp((ip(CLIENT), 51_000), (ip(SERVER), 2000), 1, 1, ACK, &[]);
        wire.frame(ethernet(true, ETHERTYPE_IPV4, &ipv4(true, TCP, 3, &bytes[..len])).0)
    });
    list.push(Case::new("TCP header cut at every octet", cut).sees("sccp", 0));
    // Each segment far from the one before: a hole after every one.
    let holes = (0..2_000u32).fold(Wire::new(), |wire, n| {
        let bytes =
            tcp((ip(CLIENT), 51_000), (ip(SERVER), 2000), n.wrapping_mul(0x0101_0101), 1, ACK, &keepalive[..11]);
        wire.frame(ethernet(true, ETHERTYPE_IPV4, &ipv4(true, TCP, 3, &bytes)).0)
    });
    list.push(Case::new("two thousand segments with holes between them", holes));
    list
}
