//! Whole walks: real frames, frames cut at every length, frames with changed bytes.

use super::*;

/// CDP of a router in an Ethernet pseudo-wire, behind two labels and a control word: frame 27 of PacketLife's
/// `EoMPLS.cap`, ended after the first TLV.
const CDP_OVER_MPLS: &str = "cc000d5c0010cc010d5c00108847000130fe000101ff0000000001000ccccccccc050d5cf0000013\
                             aaaa0300000c200002b47ac100010007434531";
/// CDP in ERSPAN type II: frame 1 of Suricata's `decode-erspan-typeII-01`, ended after the first TLV.
const CDP_IN_ERSPAN: &str = "6400f1e201126400f1e2010108004500004600004000fe2f751b0202020201010101100088be\
                             00000702101708640000000001000ccccccc6400f1e103030014aaaa0300000c200002b49a14\
                             0001000843535233";

fn octets(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// One frame of every kind that the walk knows, with its link type.
pub(crate) fn kinds() -> Vec<(u16, Vec<u8>)> {
    let bootp = build::ipv4(17, &build::udp(68, 67, &[1; 40]));
    let tcp = build::ipv4(6, &build::tcp(49152, 2000, 0x18, &[0; 12]));
    let six = build::ipv6(0, &[&[17, 0, 1, 4, 0, 0, 0, 0][..], &build::udp(546, 547, &[1; 20])].concat());
    let quote = build::ipv4(1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &tcp].concat());
    let plain = build::ethernet(0x0800, &bootp);
    let mut fragment = build::ipv4(17, &[7; 24]);
    fragment[6] = 0x20;
    let gre = |header: &[u8], inside: &[u8]| build::ipv4(47, &[header, inside].concat());
    let mirror = |port, header: &[u8], inside: &[u8]| build::ipv4(17, &build::udp(9, port, &[header, inside].concat()));
    let wlan = build::wlan(0x0800, &bootp);
    let packets = [
        bootp.clone(),
        tcp,
        six.clone(),
        quote,
        fragment,
        build::ipv4(4, &bootp),
        build::ipv4(41, &six),
        build::ipv4(137, &[&[0, 0, 0x11, 9][..], &bootp].concat()),
        gre(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], &bootp),
        gre(&[0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 1, 1, 1, 1, 0, 0, 0, 0], &bootp),
        gre(&[0x30, 1, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 7, 0xff, 3, 0, 0x21], &bootp),
        gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &plain),
        mirror(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &plain),
        mirror(6081, &[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &plain),
        mirror(37008, &[1, 0, 0, 18, 10, 1, 0, 1], &wlan),
        mirror(7932, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80], &plain),
        mirror(5555, &[0, 0, 8, 0, 105, 0, 0, 0], &wlan),
    ];
    let mut frames: Vec<_> = packets.into_iter().map(|packet| (101, packet)).collect();
    let session = [&[0x11, 0, 0, 1, 0, 70, 0, 0x21][..], &bootp].concat();
    let aggregate = [&[0x88, 1, 0, 0][..], &[1; 18], &[0, 0, 0x80, 0], &[7; 12], &[0, 76], &wlan[24..]].concat();
    frames.extend([
        (1, plain.clone()),
        (1, build::ethernet(0x88a8, &build::tag(9, 0x8100, &build::tag(110, 0x0800, &bootp)))),
        (
            1,
            build::ethernet(
                0x0806,
                &[0, 1, 8, 0, 6, 4, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3],
            ),
        ),
        (1, build::ethernet(0x88cc, &[2, 7, 4, 1, 1, 1, 1, 1, 1, 0, 0])),
        (1, build::ethernet(0x8864, &session)),
        (1, build::ethernet(0x893f, &[&[0, 0, 0, 0, 0, 0, 8, 0][..], &bootp].concat())),
        (1, octets(CDP_OVER_MPLS)),
        (1, octets(CDP_IN_ERSPAN)),
        (
            1,
            [&[1, 0, 12, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 94, 170, 170, 3, 0, 0, 12, 0, 3, 0, 0, 0, 0][..], &plain]
                .concat(),
        ),
        (0, [&[2, 0, 0, 0][..], &bootp].concat()),
        (9, [&[0xff, 3, 0, 0x57][..], &six].concat()),
        (51, session),
        (104, [&[0x8f, 0, 8, 0][..], &bootp].concat()),
        (105, aggregate),
        (113, build::sll(0x0800, &bootp)),
        (119, [&[0x44, 0, 0, 0, 8, 0, 0, 0][..], &wlan].concat()),
        (127, [&[0, 0, 17, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20][..], &wlan].concat()),
        (163, [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 8][..], &wlan].concat()),
        (192, [&[0, 0, 12, 0, 105, 0, 0, 0, 2, 0, 0, 0][..], &wlan].concat()),
        (276, build::sll2(0x8100, &build::tag(110, 0x86dd, &six))),
    ]);
    frames
}

/// What must hold of any walk, however broken the frame.
fn check(frame: &Frame<'_>, what: &dyn std::fmt::Display) {
    let d = dissect(frame);
    assert!(d.envelope.vlan.len() <= MAX_VLAN_IDS, "{what}");
    assert!(d.envelope.tunnel.len() <= usize::from(MAX_LEVELS) + 1, "{what}");
    assert!(d.anomalies.len() <= 3 * usize::from(MAX_LEVELS), "{what}");
    let within = |part: &[u8]| part.is_empty() || frame.data.as_ptr_range().contains(&part.as_ptr());
    match d.payload {
        Payload::Udp(Datagram { data, wire_len }) | Payload::Tcp(Segment { data, wire_len, .. }) => {
            assert!(within(data) && data.len() <= wire_len, "{what}");
            assert!(d.envelope.src.is_some() && d.envelope.sport.is_some(), "{what}");
        }
        Payload::Fragment(f) => {
            assert!(within(f.data) && (f.more || f.offset > 0), "{what}");
            let whole = dissect_reassembled(d.envelope.clone(), f.protocol, f.data);
            assert!(whole.anomalies.len() <= 3 * usize::from(MAX_LEVELS), "{what}");
        }
        Payload::Cdp(data) | Payload::Lldp(data) => assert!(within(data), "{what}"),
        Payload::Icmp(_) => assert!(d.envelope.src.is_some() && d.envelope.sport.is_none(), "{what}"),
        Payload::Arp(_) | Payload::Other | Payload::Encrypted(_) | Payload::UnknownLink => {}
    }
    if is_uninteresting(frame.link_type, frame.data) {
        assert!(matches!(d.payload, Payload::Udp(_) | Payload::Tcp(_) | Payload::Other), "{what}: {d:?}");
        let wanted: &[u16] = match d.payload {
            Payload::Udp(_) => &[67, 68, 546, 547, 69, 6969, 53, 5060],
            Payload::Tcp(_) => &[2000, 2443, 2445, 5060, 5061, 6970, 6971, 53],
            _ => &[],
        };
        let ports = [d.envelope.sport, d.envelope.dport];
        assert!(!ports.into_iter().flatten().any(|port| wanted.contains(&port)), "{what}: {d:?}");
    }
}

#[test]
fn every_kind_of_frame_is_read_without_an_oddity() {
    for (link, data) in kinds() {
        let d = dissect(&build::frame(link, &data));
        assert_eq!(d.anomalies, [], "{link} {data:x?}");
        assert!(!matches!(d.payload, Payload::Other | Payload::UnknownLink), "{link} {data:x?}");
        assert!(!is_uninteresting(LinkType(link), &data), "{link} {data:x?}");
    }
}

#[test]
fn cdp_is_found_behind_labels_and_in_a_mirror() {
    let frame = octets(CDP_OVER_MPLS);
    let d = dissect(&build::frame(1, &frame));
    assert_eq!(d.payload, Payload::Cdp(&frame[frame.len() - 11..]));
    assert_eq!(d.envelope.eth_src.unwrap().to_string(), "cc:05:0d:5c:f0:00");
    assert_eq!(d.envelope.tunnel, [Tunnel::Mpls]);
    let frame = octets(CDP_IN_ERSPAN);
    let d = dissect(&build::frame(1, &frame));
    assert!(matches!(d.payload, Payload::Cdp(cdp) if cdp.starts_with(&[2, 0xb4, 0x9a, 0x14])));
    assert_eq!(d.envelope.eth_src.unwrap().to_string(), "64:00:f1:e1:03:03");
    assert_eq!((d.envelope.src, d.envelope.dst), (None, None), "those were the mirror's");
    assert_eq!((&d.envelope.tunnel[..], &d.envelope.vlan[..]), (&[Tunnel::ErspanII][..], &[23][..]));
}

#[test]
fn a_packet_put_together_goes_on_where_its_fragments_ended() {
    let outer = Envelope { vlan: vec![110], src: Some("10.0.0.1".parse().unwrap()), ..Envelope::default() };
    let d = dissect_reassembled(outer.clone(), 17, &[0, 69, 0xc0, 0, 0, 10, 0, 0, 1, 2]);
    assert_eq!(d.payload, Payload::Udp(Datagram { data: &[1, 2], wire_len: 2 }));
    assert_eq!((d.envelope.vlan, d.envelope.sport, d.envelope.dport), (vec![110], Some(69), Some(0xc000)));
    let d = dissect_reassembled(outer.clone(), 17, &[0, 69, 0xc0, 0, 0x10, 12, 0, 0, 0, 3, 0, 1]);
    assert_eq!(d.payload, Payload::Udp(Datagram { data: &[0, 3, 0, 1], wire_len: 4100 }), "a fragment was cut");
    assert_eq!(d.anomalies, []);
    let inner = build::ipv4_between([192, 0, 2, 1], [192, 0, 2, 2], 17, &build::udp(68, 67, b"x"));
    let gre = [&[0, 0, 8, 0][..], &inner].concat();
    let d = dissect_reassembled(outer, 47, &gre);
    assert_eq!(d.envelope.src, Some("192.0.2.1".parse().unwrap()));
    assert_eq!((d.envelope.tunnel, d.ip_id), (vec![Tunnel::Gre], 0x1234));
    let deep = Envelope { tunnel: vec![Tunnel::Gre; 16], ..Envelope::default() };
    assert_eq!(dissect_reassembled(deep, 47, &gre).payload, Payload::Other);
}

#[test]
fn frames_cut_at_every_length_end_the_walk_in_order() {
    for (link, data) in kinds() {
        for len in 0..data.len() {
            check(&build::cut_frame(link, &data, len), &format_args!("{link} cut to {len}: {data:x?}"));
            check(&build::frame(link, &data[..len]), &format_args!("{link} short by the wire, {len}: {data:x?}"));
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a failing seed is tried again from outside")]
fn frames_with_changed_octets_end_the_walk_in_order() {
    let seed = std::env::var("PHONESCOPE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x9e37_79b9_7f4a_7c15);
    let rounds: usize = std::env::var("PHONESCOPE_ROUNDS").ok().and_then(|s| s.parse().ok()).unwrap_or(400);
    let mut state: u64 = seed;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % below
    };
    let kinds = kinds();
    for round in 0..rounds {
        for (link, data) in &kinds {
            let mut data = data.clone();
            for _ in 0..=random(4) {
                let at = random(data.len());
                match random(5) {
                    0 => data[at] ^= 1 << random(8),
                    1 => data[at] = [0, 0xff, 0x7f, 0x80, 1][random(5)],
                    2 => data.truncate(at.max(1)),
                    // A piece of another frame, so that headers follow where none should.
                    3 => {
                        let other = &kinds[random(kinds.len())].1;
                        data.splice(at.., other[random(other.len())..].iter().copied());
                    }
                    _ => data[at] = u8::try_from(random(256)).unwrap(),
                }
                data.truncate(4096);
                if data.is_empty() {
                    data.push(0);
                }
            }
            let len = data.len() - if random(4) == 0 { random(data.len()) } else { 0 };
            let link = if random(8) == 0 { kinds[random(kinds.len())].0 } else { *link };
            check(
                &build::cut_frame(link, &data, len),
                &format_args!("seed {seed} round {round} link {link}: {data:x?}"),
            );
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_octets_end_the_walk_in_order(link in 0u16..300, data in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        check(&build::frame(link, &data), &"any octets");
    }
}
