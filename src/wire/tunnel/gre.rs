//! GRE (RFC 1701, 2784, 2890; version 1 of RFC 2637) and Cisco's ERSPAN in it
//! (draft-foschiano-erspan-03), which carries mirrored frames over routers.

use crate::types::Tunnel;
use crate::wire::be::{from, u8_at, u16_at, u32_at};
use crate::wire::ethernet;
use crate::wire::frame::{Next, OTHER, Payload, Walk};

/// Transparent Ethernet bridging.
pub(crate) const ETHERNET_BRIDGING: u16 = 0x6558;
pub(crate) const ERSPAN: u16 = 0x88be;
pub(crate) const ERSPAN_III: u16 = 0x22eb;

pub(crate) const CHECKSUM: u16 = 0x8000;
pub(crate) const ROUTING: u16 = 0x4000;
pub(crate) const KEY: u16 = 0x2000;
pub(crate) const SEQUENCE: u16 = 0x1000;
/// Version 1 only.
const ACKNOWLEDGMENT: u16 = 0x0080;
pub(crate) const VERSION: u16 = 0x0007;

/// What IP protocol 47 carries.
pub(in crate::wire) fn read<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(flags), Some(protocol)) = (u16_at(data, 0), u16_at(data, 2)) else {
        return walk.stop("gre: the header is cut");
    };
    let has = |flag: u16| flags & flag != 0;
    let is_pptp = match flags & VERSION {
        0 => false,
        1 => true,
        _ => return walk.stop("gre: neither version 0 nor 1"),
    };
    let mut at = 4usize;
    // The checksum comes with a routing offset, and the other way round.
    for present in [has(CHECKSUM | ROUTING), has(KEY), has(SEQUENCE), is_pptp && has(ACKNOWLEDGMENT)] {
        at = at.saturating_add(if present { 4 } else { 0 });
    }
    if !is_pptp && has(ROUTING) {
        // Source routes: family, offset, length, route; one of length 0 ends them. Four bytes at least each.
        loop {
            let Some(len) = u8_at(data, at.saturating_add(3)) else {
                return walk.stop("gre: the source route is cut");
            };
            at = at.saturating_add(4).saturating_add(usize::from(len));
            if len == 0 {
                break;
            }
        }
    }
    let Some(inside) = data.get(at..) else {
        return walk.stop("gre: the header is cut");
    };
    if is_pptp && inside.is_empty() {
        return OTHER; // an acknowledgment alone
    }
    match protocol {
        ERSPAN if has(SEQUENCE) => return read_erspan_ii(walk, inside),
        ERSPAN => {
            walk.enter_tunnel(Tunnel::ErspanI);
            return Next::Ethernet(inside);
        }
        ERSPAN_III => return read_erspan_iii(walk, inside),
        _ => walk.enter_tunnel(Tunnel::Gre),
    }
    match protocol {
        ETHERNET_BRIDGING => Next::Ethernet(inside),
        ethernet::CDP => Next::Done(Payload::Cdp(inside)),
        protocol if protocol >= 0x0600 => Next::EtherType(protocol, inside),
        _ => OTHER, // keepalives have protocol 0
    }
}

/// Type II: version 4 bits, VLAN 12, class 3, encapsulation 2, truncated 1, session 10, reserved 12, index 20.
fn read_erspan_ii<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(vlan), Some(flags), Some(inside)) = (u16_at(data, 0), u16_at(data, 2), data.get(8..)) else {
        return walk.stop("erspan: the header is cut");
    };
    walk.enter_tunnel(Tunnel::ErspanII);
    if vlan >> 12 != 1 {
        walk.note("erspan: a type II header of another version");
    }
    walk.truncated |= flags & 0x0400 != 0;
    // 1 and 2: the frame had an ISL or 802.1Q tag that the mirror took off. 0: it had none, and the VLAN is that of
    // the port; 3: the tag is still in the frame.
    if matches!(flags >> 11 & 0x3, 1 | 2) {
        walk.enter_vlan(vlan);
    }
    Next::Ethernet(inside)
}

/// Type III: version, VLAN, class, errors 2, truncated 1, session as before; time seen_at 32, group tag 16, then
/// one bit, frame type 5, hardware 6, direction 1, granularity 2, and whether 8 bytes of the platform's follow.
fn read_erspan_iii<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(flags), Some(kinds)) = (u16_at(data, 2), u16_at(data, 10)) else {
        return walk.stop("erspan: the header is cut");
    };
    let Some(inside) = data.get(if kinds & 1 == 1 { 20 } else { 12 }..) else {
        return walk.stop("erspan: the header is cut");
    };
    walk.enter_tunnel(Tunnel::ErspanIII);
    if u32_at(data, 0).is_some_and(|word| word >> 28 != 2) {
        walk.note("erspan: a type III header of another version");
    }
    walk.truncated |= flags & 0x0400 != 0;
    match kinds >> 10 & 0x1f {
        0 => Next::Ethernet(inside),
        2 => Next::Ip(from(inside, 0)),
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{Dissection, build, dissect};

    fn bootp() -> Vec<u8> {
        build::ipv4_between([192, 0, 2, 1], [192, 0, 2, 2], 17, &build::udp(68, 67, b"bootp"))
    }

    /// Reads `header` and `inside` in IP protocol 47; wherever the header is cut the walk must end.
    fn check(header: &[u8], inside: &[u8], tunnel: &[Tunnel], vlan: &[u16], mac: bool) {
        let packet = build::ipv4(47, &[header, inside].concat());
        let outer = build::ethernet_between([0x0a; 6], [0x0b; 6], 0x0800, &packet);
        let d = dissect(&build::frame(1, &outer));
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"bootp"), "{header:x?}: {d:?}");
        assert_eq!((&d.envelope.tunnel[..], &d.envelope.vlan[..]), (tunnel, vlan));
        assert_eq!(d.envelope.src, Some("192.0.2.1".parse().unwrap()));
        let inner = build::frame(1, inside);
        let expected = if mac { dissect(&inner).envelope.eth_src } else { Some(crate::types::Mac([0x0b; 6])) };
        assert_eq!(d.envelope.eth_src, expected);
        for len in 34..34 + header.len() {
            let Dissection { payload, .. } = dissect(&build::cut_frame(1, &outer, len));
            assert_eq!(payload, Payload::Other, "{header:x?} cut to {len}");
        }
    }

    #[test]
    fn every_optional_field_is_skipped() {
        let gre = [Tunnel::Gre];
        check(&[0, 0, 8, 0], &bootp(), &gre, &[], false);
        check(&[0x80, 0, 8, 0, 1, 2, 0, 0], &bootp(), &gre, &[], false);
        check(&[0x20, 0, 8, 0, 1, 2, 0, 0], &bootp(), &gre, &[], false);
        check(&[0x10, 0, 8, 0, 1, 2, 0, 0], &bootp(), &gre, &[], false);
        check(&[0xb0, 0, 8, 0, 1, 2, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], &bootp(), &gre, &[], false);
        let routes = [0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 10, 0, 0, 1, 0, 0, 0, 0];
        check(&routes, &bootp(), &gre, &[], false);
        check(&[0x20, 0x81, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 7, 0xff, 0x03, 0, 0x21], &bootp(), &gre, &[], false);
        check(&[0x30, 0x01, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 7, 0x21], &bootp(), &gre, &[], false);
        let frame = build::ethernet(0x0800, &bootp());
        check(&[0, 0, 0x65, 0x58], &frame, &gre, &[], true);
        check(&[0, 0, 0x88, 0x47, 0, 0, 0x11, 0xff], &bootp(), &[Tunnel::Gre, Tunnel::Mpls], &[], false);
    }

    #[test]
    fn erspan_yields_the_mirrored_frame_and_its_tag() {
        let frame = build::ethernet(0x0800, &bootp());
        let tagged = build::ethernet(0x8100, &build::tag(110, 0x0800, &bootp()));
        check(&[0, 0, 0x88, 0xbe], &frame, &[Tunnel::ErspanI], &[], true);
        let ii = |encapsulation: u8| [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 110, encapsulation << 3, 100, 0, 0, 0, 1];
        check(&ii(0), &frame, &[Tunnel::ErspanII], &[], true);
        check(&ii(1), &frame, &[Tunnel::ErspanII], &[110], true);
        check(&ii(2), &frame, &[Tunnel::ErspanII], &[110], true);
        check(&ii(3), &tagged, &[Tunnel::ErspanII], &[110], true);
        let iii = |kinds: [u8; 2]| {
            [&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 110, 0, 100, 1, 2, 3, 4, 0, 0][..], &kinds].concat()
        };
        check(&iii([0, 0]), &tagged, &[Tunnel::ErspanIII], &[110], true);
        check(&[&iii([0, 1])[..], &[0; 8]].concat(), &frame, &[Tunnel::ErspanIII], &[], true);
        check(&iii([0x08, 0]), &bootp(), &[Tunnel::ErspanIII], &[], false);
    }

    #[test]
    fn a_frame_that_the_mirror_says_it_cut_is_no_anomaly() {
        let frame = build::ethernet(0x0800, &bootp());
        let header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 110, 0x04, 100, 0, 0, 0, 1];
        let inside = &frame[..frame.len() - 3];
        let packet = build::ipv4(47, &[&header, inside].concat());
        let d = dissect(&build::frame(101, &packet));
        assert!(d.anomalies.is_empty());
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"bo" && u.wire_len == 5));
    }

    #[test]
    fn what_is_no_packet_is_left() {
        for (header, notes) in [([0, 0, 0, 0], 0), ([0, 2, 8, 0], 1), ([0, 0, 0x08, 0x35], 0)] {
            let packet = build::ipv4(47, &[&header, &[0; 40][..]].concat());
            let d = dissect(&build::frame(101, &packet));
            assert_eq!((d.payload, d.anomalies.len()), (Payload::Other, notes));
        }
        let acknowledgment = build::ipv4(47, &[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 6, 0, 0, 0, 26]);
        assert_eq!(dissect(&build::frame(101, &acknowledgment)).anomalies, []);
        let packet = build::ipv4(47, &[&[0, 0, 0x20, 0][..], b"cdp"].concat());
        assert_eq!(dissect(&build::frame(101, &packet)).payload, Payload::Cdp(b"cdp"));
    }
}
