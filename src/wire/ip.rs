//! IPv4 (RFC 791), IPv6 (RFC 8200) with its extension headers, and the UDP and TCP headers in them.
//!
//! Checksums are not verified: a capture on the sending host has none yet. Lengths that contradict the frame are
//! noted, and what is there is read.

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice, TcpHeaderSlice, UdpHeaderSlice};

use super::be::{at_most, from, u8_at};
use super::frame::{Datagram, Fragment, Next, OTHER, Payload, Segment, Walk};
pub(crate) use super::ip_protocol::*;
use super::{icmp, tunnel};
use crate::types::Tunnel;

/// IP of the version in its first four bits.
pub(super) fn read<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    match u8_at(data, 0).map(|b| b >> 4) {
        Some(4) => Next::Ipv4(data),
        Some(6) => Next::Ipv6(data),
        Some(_) => walk.stop("ip: neither version 4 nor 6"),
        None => walk.stop("ip: the frame ends before the header"),
    }
}

/// IPv4, where the layer around it says so.
pub(super) fn read_v4<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    if u8_at(data, 0).is_some_and(|b| b >> 4 != 4) {
        return walk.stop("ipv4: the version in the header is not 4");
    }
    let Ok(header) = Ipv4HeaderSlice::from_slice(data) else {
        return walk.stop("ipv4: the header is cut or shorter than 20 octets");
    };
    let header_len = header.slice().len();
    let rest = from(data, header_len);
    let (body, wire_len) = match usize::from(header.total_len()) {
        // Segmentation offload: the sending host's capture sees the packet before the length is filled in.
        0 => (rest, rest.len().saturating_add(walk.missing)),
        total => match total.checked_sub(header_len) {
            Some(len) => (trim_packet(walk, rest, len), len),
            None => {
                walk.note("ipv4: the total length is less than the header");
                (rest, rest.len().saturating_add(walk.missing))
            }
        },
    };
    let (src, dst) = (IpAddr::V4(header.source_addr()), IpAddr::V4(header.destination_addr()));
    let id = u32::from(header.identification());
    let protocol = header.protocol().0;
    walk.set_ip(src, dst, id);
    if header.is_fragmenting_payload() {
        return Next::Done(Payload::Fragment(Fragment {
            src,
            dst,
            id,
            protocol,
            offset: usize::from(header.fragments_offset().value()).saturating_mul(8),
            more: header.more_fragments(),
            data: body,
            whole: body.len() == wire_len,
        }));
    }
    Next::Protocol(protocol, body, wire_len)
}

/// IPv6, where the layer around it says so.
pub(super) fn read_v6<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    if u8_at(data, 0).is_some_and(|b| b >> 4 != 6) {
        return walk.stop("ipv6: the version in the header is not 6");
    }
    let Ok(header) = Ipv6HeaderSlice::from_slice(data) else {
        return walk.stop("ipv6: the header is cut");
    };
    let rest = from(data, 40);
    let (body, wire_len) = match usize::from(header.payload_length()) {
        // Offload again, or a jumbogram, which no voice network has.
        0 => (rest, rest.len().saturating_add(walk.missing)),
        len => (trim_packet(walk, rest, len), len),
    };
    walk.set_ip(header.source_addr().into(), header.destination_addr().into(), 0);
    let Some(inside) = after_extensions(header.next_header().0, body) else {
        return walk.stop("ipv6: an extension header is cut");
    };
    let wire_len = wire_len.saturating_sub(body.len().saturating_sub(inside.data.len()));
    if let Some(piece) = inside.piece {
        return Next::Done(Payload::Fragment(Fragment {
            src: header.source_addr().into(),
            dst: header.destination_addr().into(),
            id: piece.id,
            protocol: inside.protocol,
            offset: piece.offset,
            more: piece.more,
            data: inside.data,
            whole: inside.data.len() == wire_len,
        }));
    }
    Next::Protocol(inside.protocol, inside.data, wire_len)
}

/// Cuts the padding off; notes a length that neither the frame nor the snap length explains.
fn trim_packet<'a>(walk: &mut Walk, data: &'a [u8], len: usize) -> &'a [u8] {
    let there = data.len().saturating_add(walk.missing);
    if len > there && !walk.truncated {
        walk.note("ip: the length goes beyond the frame");
    }
    walk.trim(data, len)
}

/// What a whole IP packet carries.
pub(super) fn read_payload<'a>(walk: &mut Walk, protocol: u8, data: &'a [u8], wire_len: usize) -> Next<'a> {
    match protocol {
        UDP => read_udp(walk, data, wire_len),
        TCP => read_tcp(walk, data, wire_len),
        ICMP | ICMPV6 => match icmp::read(walk, data, protocol == ICMPV6) {
            Some(message) => Next::Done(Payload::Icmp(message)),
            None => OTHER,
        },
        IPIP => {
            walk.enter_tunnel(Tunnel::Ipip);
            Next::Ipv4(data)
        }
        IPV6_IN_IP => {
            walk.enter_tunnel(if walk.is_ipv6() { Tunnel::Ipip } else { Tunnel::SixInFour });
            Next::Ipv6(data)
        }
        GRE => tunnel::gre::read(walk, data),
        ETHER_IP => tunnel::ether_ip::read(walk, data),
        MPLS_IN_IP => Next::Mpls(data),
        // After reassembly of IPv6, and the authentication header of IPv4.
        AUTHENTICATION | DESTINATION_OPTIONS | ROUTING => match after_extensions(protocol, data) {
            Some(Inside { piece: None, protocol, data: inside }) => {
                walk.enter();
                let skipped = data.len().saturating_sub(inside.len());
                Next::Protocol(protocol, inside, wire_len.saturating_sub(skipped))
            }
            Some(_) => walk.stop("ip: a fragment in a reassembled packet"),
            None => walk.stop("ip: an extension header is cut"),
        },
        _ => OTHER,
    }
}

/// UDP (RFC 768).
fn read_udp<'a>(walk: &mut Walk, data: &'a [u8], wire_len: usize) -> Next<'a> {
    let Ok(header) = UdpHeaderSlice::from_slice(data) else {
        return walk.stop("udp: the header is cut");
    };
    let (sport, dport) = (header.source_port(), header.destination_port());
    let rest = from(data, 8);
    let by_ip = wire_len.saturating_sub(8);
    let wire_len = match usize::from(header.length()).checked_sub(8) {
        Some(len) if len <= by_ip || walk.truncated => len,
        Some(_) => {
            walk.note("udp: the length goes beyond the IP packet");
            by_ip
        }
        None => {
            walk.note("udp: the length is less than its header");
            by_ip
        }
    };
    let datagram = Datagram { data: at_most(rest, wire_len), wire_len };
    if let Some(next) = tunnel::udp::read(walk, sport, dport, datagram) {
        return next;
    }
    walk.set_ports(sport, dport);
    Next::Done(Payload::Udp(datagram))
}

/// TCP (RFC 9293).
fn read_tcp<'a>(walk: &mut Walk, data: &'a [u8], wire_len: usize) -> Next<'a> {
    // A snap length may cut the options, which nobody needs here, so the fixed part is read by itself.
    let Some(mut fixed) = data.first_chunk::<20>().copied() else {
        return walk.stop("tcp: the header is cut");
    };
    let header_len = usize::from(fixed[12] >> 4) * 4;
    if header_len < 20 || header_len > wire_len {
        return walk.stop("tcp: the data offset is impossible");
    }
    fixed[12] = 0x50 | (fixed[12] & 0x0f);
    let Ok(header) = TcpHeaderSlice::from_slice(&fixed) else {
        return walk.stop("tcp: the header is cut");
    };
    walk.set_ports(header.source_port(), header.destination_port());
    let wire_len = wire_len.saturating_sub(header_len);
    Next::Done(Payload::Tcp(Segment {
        seq: header.sequence_number(),
        ack: header.acknowledgment_number(),
        syn: header.syn(),
        fin: header.fin(),
        rst: header.rst(),
        ack_flag: header.ack(),
        data: at_most(from(data, header_len), wire_len),
        wire_len,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Dissection, Payload, build, dissect};
    use super::*;

    fn walk(link: u16, data: &[u8]) -> Dissection<'_> {
        dissect(&build::frame(link, data))
    }

    fn notes<'a>(d: &'a Dissection<'_>) -> Vec<&'a str> {
        d.anomalies.iter().map(|a| a.as_str()).collect()
    }

    fn datagram<'a>(d: &Dissection<'a>) -> Datagram<'a> {
        match d.payload {
            Payload::Udp(datagram) => datagram,
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn padding_is_no_payload_and_cut_datagrams_keep_wire_length() {
        let mut frame = build::ethernet(0x0800, &build::ipv4(17, &build::udp(68, 67, b"abcdef")));
        let whole = frame.clone();
        frame.resize(60, 0xee);
        let d = walk(1, &frame);
        assert_eq!(datagram(&d), Datagram { data: b"abcdef", wire_len: 6 });
        assert_eq!((d.envelope.sport, d.envelope.dport), (Some(68), Some(67)));
        assert_eq!(d.ip_id, 0x1234);
        assert!(d.anomalies.is_empty() && d.envelope.vlan.capacity() == 0 && d.envelope.tunnel.capacity() == 0);

        let cut = build::cut_frame(1, &whole, whole.len() - 4);
        let d = dissect(&cut);
        assert_eq!(datagram(&d), Datagram { data: b"ab", wire_len: 6 });
        assert_eq!(notes(&d), [""; 0]);
        // The same bytes in a frame that was not cut: somebody lies.
        let d = walk(1, &whole[..whole.len() - 4]);
        assert_eq!(datagram(&d), Datagram { data: b"ab", wire_len: 6 });
        assert_eq!(notes(&d), ["ip: the length goes beyond the frame"]);
    }

    #[test]
    fn short_total_length_means_the_rest_of_the_frame() {
        for (total, expected) in [(0u16, vec![]), (19, vec!["ipv4: the total length is less than the header"])] {
            let mut packet = build::ipv4(17, &build::udp(68, 67, b"abcdef"));
            packet[2..4].copy_from_slice(&total.to_be_bytes());
            let d = walk(101, &packet);
            assert_eq!(datagram(&d), Datagram { data: b"abcdef", wire_len: 6 });
            assert_eq!(notes(&d), expected);
        }
    }

    #[test]
    fn bad_udp_length_is_an_anomaly_and_payload_is_the_rest() {
        for (len, note) in [
            (0u16, "udp: the length is less than its header"),
            (7, "udp: the length is less than its header"),
            (15, "udp: the length goes beyond the IP packet"),
            (65535, "udp: the length goes beyond the IP packet"),
        ] {
            let mut udp = build::udp(68, 67, b"abcdef");
            udp[4..6].copy_from_slice(&len.to_be_bytes());
            let packet = build::ipv4(17, &udp);
            let d = walk(101, &packet);
            assert_eq!(datagram(&d), Datagram { data: b"abcdef", wire_len: 6 }, "{len}");
            assert_eq!(notes(&d), [note]);
        }
        let mut udp = build::udp(68, 67, b"abcdef");
        udp[5] = 10;
        let packet = build::ipv4(17, &udp);
        assert_eq!(datagram(&walk(101, &packet)), Datagram { data: b"ab", wire_len: 2 });
    }

    #[test]
    fn options_of_ipv4_are_skipped_and_a_bad_header_ends_the_walk() {
        let mut packet = build::ipv4(17, &build::udp(68, 67, b"abcdef"));
        packet[0] = 0x46;
        packet.splice(20..20, [1, 1, 1, 0]);
        let total = u16::try_from(packet.len()).unwrap();
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        assert_eq!(datagram(&walk(101, &packet)).data, b"abcdef");
        packet[0] = 0x44;
        let d = walk(101, &packet);
        assert_eq!(d.payload, Payload::Other);
        assert_eq!(notes(&d), ["ipv4: the header is cut or shorter than 20 octets"]);
        let v6 = build::ipv6(17, &build::udp(68, 67, b"abcdef"));
        let frame = build::ethernet(0x0800, &v6);
        assert_eq!(notes(&walk(1, &frame)), ["ipv4: the version in the header is not 4"]);
        let frame = build::ethernet(0x86dd, &packet);
        assert_eq!(notes(&walk(1, &frame)), ["ipv6: the version in the header is not 6"]);
        assert_eq!(notes(&walk(101, &[0x50; 40])), ["ip: neither version 4 nor 6"]);
    }

    #[test]
    fn tcp_is_read_up_to_its_options_and_with_them() {
        let packet = build::ipv4(6, &build::tcp(49152, 2000, 0x18, b"hello"));
        let d = walk(101, &packet);
        let expected = Segment {
            seq: 0x0102_0304,
            ack: 0x0506_0708,
            syn: false,
            fin: false,
            rst: false,
            ack_flag: true,
            data: b"hello",
            wire_len: 5,
        };
        assert_eq!(d.payload, Payload::Tcp(expected));
        for (bits, syn, fin, rst) in [(2, true, false, false), (1, false, true, false), (4, false, false, true)] {
            let packet = build::ipv4(6, &build::tcp(49152, 2000, bits, b""));
            let Payload::Tcp(s) = walk(101, &packet).payload else { panic!() };
            assert_eq!((s.syn, s.fin, s.rst, s.ack_flag, s.wire_len), (syn, fin, rst, false, 0));
        }
        let mut tcp = build::tcp(49152, 2000, 2, b"");
        tcp[12] = 0x80;
        tcp.extend([2, 4, 5, 0xb4, 1, 1, 1, 0, 1, 1, 1, 0]);
        tcp.extend(b"late");
        let packet = build::ipv4(6, &tcp);
        let Payload::Tcp(s) = walk(101, &packet).payload else { panic!() };
        assert_eq!((s.syn, s.data, s.wire_len), (true, &b"late"[..], 4));
        let cut = build::cut_frame(101, &packet, 44);
        let d = dissect(&cut);
        let Payload::Tcp(s) = d.payload else { panic!() };
        assert_eq!((s.syn, s.data, s.wire_len), (true, &b""[..], 4));
        assert!(d.anomalies.is_empty());
        tcp[12] = 0x40;
        assert_eq!(notes(&walk(101, &build::ipv4(6, &tcp))), ["tcp: the data offset is impossible"]);
        tcp[12] = 0xf0;
        assert_eq!(notes(&walk(101, &build::ipv4(6, &tcp))), ["tcp: the data offset is impossible"]);
    }

    #[test]
    fn ipv6_extension_headers_are_skipped() {
        let mut inside = vec![60, 0, 0, 0, 0, 0, 0, 0]; // hop by hop, then destination options
        inside.extend([51, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // two units, then authentication
        inside.extend([44, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // 16 bytes, then a fragment header
        inside.extend([17, 0, 0, 0, 0, 0, 0, 9]); // that fragments nothing
        inside.extend(build::udp(546, 547, b"solicit"));
        let packet = build::ipv6(0, &inside);
        let d = walk(101, &packet);
        assert_eq!(datagram(&d), Datagram { data: b"solicit", wire_len: 7 });
        assert_eq!(d.envelope.src, Some("fe80::1".parse().unwrap()));
        assert_eq!(d.ip_id, 0);
        for cut in 40..packet.len() - 15 {
            let frame = build::cut_frame(101, &packet, cut);
            let d = dissect(&frame);
            assert_eq!(d.payload, Payload::Other);
            assert!(matches!(notes(&d)[..], ["ipv6: an extension header is cut"] | ["udp: the header is cut"]));
        }
    }

    #[test]
    fn fragments_come_out_as_they_are() {
        let mut packet = build::ipv4(17, &[7; 24]);
        packet[6..8].copy_from_slice(&[0x20, 0x02]);
        let frame = build::ethernet(0x0800, &packet);
        let (src, dst) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let expected =
            Fragment { src, dst, id: 0x1234, protocol: 17, offset: 16, more: true, data: &[7; 24], whole: true };
        assert_eq!(walk(1, &frame).payload, Payload::Fragment(expected));
        let cut = build::cut_frame(1, &frame, frame.len() - 10);
        let expected = Fragment { data: &[7; 14], whole: false, ..expected };
        assert_eq!(dissect(&cut).payload, Payload::Fragment(expected));

        // The piece is not looked at, even where it could be taken for another extension header.
        let mut piece = vec![60, 0, 0, 0x09, 0, 0, 0, 9];
        piece.extend([17, 0, 1, 4, 0, 0, 0, 0]);
        let packet = build::ipv6(44, &piece);
        let Payload::Fragment(f) = walk(101, &packet).payload else { panic!() };
        assert_eq!((f.id, f.protocol, f.offset, f.more, f.data.len(), f.whole), (9, 60, 8, true, 8, true));
    }

    #[test]
    fn ip_in_ip_keeps_the_innermost_addresses() {
        let inner = build::ipv4_between([192, 0, 2, 1], [192, 0, 2, 2], 17, &build::udp(68, 67, b"x"));
        let six = build::ipv6(17, &build::udp(546, 547, b"x"));
        for (packet, tunnel, src) in [
            (build::ipv4(4, &inner), Tunnel::Ipip, "192.0.2.1"),
            (build::ipv4(41, &six), Tunnel::SixInFour, "fe80::1"),
            (build::ipv6(4, &inner), Tunnel::Ipip, "192.0.2.1"),
            (build::ipv6(41, &six), Tunnel::Ipip, "fe80::1"),
        ] {
            let d = walk(101, &packet);
            assert_eq!(d.envelope.tunnel, [tunnel]);
            assert_eq!(d.envelope.src, Some(src.parse().unwrap()));
            assert_eq!(datagram(&d).data, b"x");
        }
    }

    #[test]
    fn a_tunnel_in_a_tunnel_without_end_is_left() {
        let mut packet = build::ipv4(17, &build::udp(68, 67, b"x"));
        for _ in 0..16 {
            packet = build::ipv4(4, &packet);
        }
        assert_eq!(datagram(&walk(101, &packet)).data, b"x");
        let deeper = build::ipv4(4, &packet);
        let d = walk(101, &deeper);
        assert_eq!(d.payload, Payload::Other);
        assert_eq!(notes(&d), ["frame: more than 16 tags and tunnels in one another"]);
    }
}
