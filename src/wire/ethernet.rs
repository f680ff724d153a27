//! Ethernet II, IEEE 802.3 with LLC and SNAP, and what stands between the addresses and the network layer:
//! 802.1Q tags of all makes, Cisco ISL, 802.1BR and VN-Tag, 802.1AH, Cisco MetaData, unencrypted MACsec.

use super::be::{from, u8_at, u16_at, u32_at};
use super::frame::{Next, OTHER, Payload, Walk};
use super::{arp, tunnel};
use crate::types::{Mac, Tunnel};

pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const ARP: u16 = 0x0806;
/// The tag of 802.1Q, a priority tag (VLAN 0) included.
pub(crate) const VLAN: u16 = 0x8100;
pub(crate) const IPV6: u16 = 0x86dd;
pub(crate) const PPP: u16 = 0x880b;
pub(crate) const MPLS: u16 = 0x8847;
pub(crate) const MPLS_MULTICAST: u16 = 0x8848;
pub(crate) const PPPOE_SESSION: u16 = 0x8864;
/// The outer tag of 802.1ad.
pub(crate) const SERVICE_VLAN: u16 = 0x88a8;
pub(crate) const LLDP: u16 = 0x88cc;
/// Outer tags from before 802.1ad.
pub(crate) const OLD_QINQ: u16 = 0x9100;
pub(crate) const OLD_QINQ_2: u16 = 0x9200;
pub(crate) const VN_TAG: u16 = 0x8926;
pub(crate) const E_TAG: u16 = 0x893f;
pub(crate) const BACKBONE: u16 = 0x88e7;
pub(crate) const CISCO_METADATA: u16 = 0x8909;
pub(crate) const MACSEC: u16 = 0x88e5;
/// CDP after SNAP with Cisco's OUI, after a Cisco HDLC header and in GRE.
pub(crate) const CDP: u16 = 0x2000;

/// The largest value that is an 802.3 length and no EtherType.
const MAX_LENGTH: u16 = 1500;
/// The smallest EtherType.
const MIN_ETHER_TYPE: u16 = 0x0600;

/// A frame from its destination on.
pub(super) fn read<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    if is_isl(data) {
        return read_isl(walk, data);
    }
    let Some(ether_type) = u16_at(data, 12) else {
        return walk.stop("ethernet: the frame ends before its EtherType");
    };
    walk.set_link(Mac::from_slice(from(data, 6)), Mac::from_slice(data));
    Next::EtherType(ether_type, from(data, 14))
}

/// What follows an EtherType or length field.
pub(super) fn read_payload<'a>(walk: &mut Walk, ether_type: u16, data: &'a [u8]) -> Next<'a> {
    match ether_type {
        IPV4 => Next::Ipv4(data),
        IPV6 => Next::Ipv6(data),
        ARP => match arp::read(walk, data) {
            Some(message) => Next::Done(Payload::Arp(message)),
            None => OTHER,
        },
        LLDP => Next::Done(Payload::Lldp(data)),
        VLAN | SERVICE_VLAN | OLD_QINQ | OLD_QINQ_2 => match (u16_at(data, 0), u16_at(data, 2)) {
            (Some(tag), Some(inner)) => {
                walk.enter_vlan(tag);
                Next::EtherType(inner, from(data, 4))
            }
            _ => walk.stop("vlan: the tag is cut"),
        },
        0..=MAX_LENGTH => {
            let len = usize::from(ether_type);
            if len > data.len().saturating_add(walk.missing) && !walk.truncated {
                walk.note("ethernet: the 802.3 length goes beyond the frame");
            }
            Next::Llc(walk.trim(data, len))
        }
        MPLS | MPLS_MULTICAST => Next::Mpls(data),
        PPPOE_SESSION => tunnel::ppp::read_pppoe(walk, data),
        PPP => Next::Ppp(data),
        // Priority, ingress and egress channel ids (802.1BR), port numbers (VN-Tag), group tags (MetaData).
        E_TAG => skip_tag(walk, data, 6),
        VN_TAG => skip_tag(walk, data, 4),
        CISCO_METADATA => match (u8_at(data, 0), u8_at(data, 1)) {
            (Some(1), Some(1)) => skip_tag(walk, data, 6),
            _ => OTHER,
        },
        // The service id of 802.1AH, then the customer's frame.
        BACKBONE => {
            walk.enter();
            Next::Ethernet(from(data, 4))
        }
        MACSEC => read_macsec(walk, data),
        _ => OTHER,
    }
}

fn skip_tag<'a>(walk: &mut Walk, data: &'a [u8], len: usize) -> Next<'a> {
    walk.enter();
    match u16_at(data, len) {
        Some(inner) => Next::EtherType(inner, from(data, len.saturating_add(2))),
        None => walk.stop("ethernet: a tag is cut"),
    }
}

/// MACsec (802.1AE) that only signs: neither the E nor the C bit is set.
fn read_macsec<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    match u8_at(data, 0) {
        Some(tci) if tci & 0x0c == 0 => skip_tag(walk, data, if tci & 0x20 == 0 { 6 } else { 14 }),
        _ => OTHER,
    }
}

/// An LLC header (802.2), already cut to the 802.3 length where there is one.
pub(super) fn read_llc<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    match data {
        // SNAP: five bytes say which protocol, and whose number that is.
        [0xaa, 0xaa, 0x03, organisation @ ..] => {
            let Some(protocol) = u16_at(organisation, 3) else {
                return walk.stop("llc: the SNAP header is cut");
            };
            let rest = from(organisation, 5);
            match organisation {
                // RFC 1042, and the same for bridges.
                [0, 0, 0, ..] | [0, 0, 0xf8, ..] if protocol >= MIN_ETHER_TYPE => {
                    walk.enter();
                    Next::EtherType(protocol, rest)
                }
                [0, 0, 0x0c, ..] if protocol == CDP => Next::Done(Payload::Cdp(rest)),
                _ => OTHER,
            }
        }
        // IP straight over LLC.
        [0x06, 0x06, 0x03, rest @ ..] => Next::Ip(rest),
        _ => OTHER,
    }
}

/// Whether this is a frame of Cisco's Inter-Switch Link: a group address of Cisco's where the low byte is user
/// data, and the SNAP header that every ISL frame has in the same place.
fn is_isl(data: &[u8]) -> bool {
    matches!(data, [0x01 | 0x03, 0x00, 0x0c, 0x00, 0x00, ..]) && data.get(14..17) == Some(&[0xaa, 0xaa, 0x03])
}

/// ISL: destination 5, type and user 1, source 6, length 2, SNAP 3, source organisation 3, VLAN and BPDU 2, index 2,
/// reserved 2; then the frame, then a checksum.
fn read_isl<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(kind), Some(len), Some(vlan)) = (u8_at(data, 5), u16_at(data, 12), u16_at(data, 20)) else {
        return walk.stop("isl: the header is cut");
    };
    walk.enter_tunnel(Tunnel::Isl);
    walk.enter_vlan(vlan >> 1);
    if kind >> 4 != 0 {
        return OTHER; // Token Ring, FDDI, ATM
    }
    let inside = walk.trim(from(data, 14), usize::from(len));
    Next::Ethernet(from(inside, 12))
}

/// Whether these bytes can be an Ethernet frame: a known EtherType, or a length that fits and a likely LLC.
/// For tunnels that do not say what they carry.
pub(super) fn looks_like_frame(data: &[u8]) -> bool {
    match u16_at(data, 12) {
        Some(
            IPV4 | IPV6 | ARP | LLDP | VLAN | SERVICE_VLAN | OLD_QINQ | OLD_QINQ_2 | MPLS | MPLS_MULTICAST
            | PPPOE_SESSION | 0x8863 | 0x888e | 0x8809 | 0x9000,
        ) => true,
        Some(len @ 3..=MAX_LENGTH) => {
            let fits = usize::from(len) <= data.len().saturating_sub(14).max(46);
            fits && matches!(u32_at(data, 14).map(u32::to_be_bytes), Some([0xaa, 0xaa, 3, _] | [0x42, 0x42, 3, _]))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Dissection, Payload, build, dissect};
    use super::*;

    fn walk(data: &[u8]) -> Dissection<'_> {
        dissect(&build::frame(1, data))
    }

    fn notes<'a>(d: &'a Dissection<'_>) -> Vec<&'a str> {
        d.anomalies.iter().map(|a| a.as_str()).collect()
    }

    const CDP_SNAP: [u8; 12] = [0xaa, 0xaa, 0x03, 0, 0, 0x0c, 0x20, 0, 0x02, 0xb4, 0x12, 0x34];

    #[test]
    fn tags_are_kept_outside_in_and_a_priority_tag_is_zero() {
        let ip = build::ipv4(17, &build::udp(68, 67, b"x"));
        let mut data = build::tag(0xe000, 0x0800, &ip); // priority 7, VLAN 0
        data = build::tag(0x6000 | 110, 0x8100, &data);
        data = build::tag(7, 0x9200, &data);
        data = build::tag(9, 0x9100, &data);
        let frame = build::ethernet(0x88a8, &data);
        let d = walk(&frame);
        assert_eq!(d.envelope.vlan, [9, 7, 110, 0]);
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"x"));
        assert_eq!(d.envelope.eth_src.unwrap().to_string(), "00:30:94:c2:d3:fa");
        assert_eq!(d.envelope.eth_dst.unwrap().to_string(), "ff:ff:ff:ff:ff:ff");
    }

    #[test]
    fn sixteen_tags_are_followed_eight_are_kept_and_more_are_left() {
        let mut data = build::tag(16, 0x0800, &build::ipv4(17, &build::udp(68, 67, b"x")));
        for id in (1..16).rev() {
            data = build::tag(id, 0x8100, &data);
        }
        let frame = build::ethernet(0x8100, &data);
        let d = walk(&frame);
        assert_eq!(d.envelope.vlan, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(matches!(d.payload, Payload::Udp(_)));
        let frame = build::ethernet(0x8100, &build::tag(1, 0x8100, &data));
        let d = walk(&frame);
        assert_eq!(d.payload, Payload::Other);
        assert_eq!(notes(&d), ["frame: more than 16 tags and tunnels in one another"]);
    }

    #[test]
    fn cdp_is_cut_to_the_802_3_length_tagged_or_not() {
        let mut frame = build::ethernet(12, &CDP_SNAP);
        frame.resize(60, 0);
        assert_eq!(walk(&frame).payload, Payload::Cdp(&[0x02, 0xb4, 0x12, 0x34]));
        let mut frame = build::ethernet(0x8100, &build::tag(1, 12, &CDP_SNAP));
        frame.resize(64, 0);
        let d = walk(&frame);
        assert_eq!(d.payload, Payload::Cdp(&[0x02, 0xb4, 0x12, 0x34]));
        assert_eq!(d.envelope.vlan, [1]);
        let frame = build::ethernet(400, &CDP_SNAP);
        let d = walk(&frame);
        assert_eq!(d.payload, Payload::Cdp(&[0x02, 0xb4, 0x12, 0x34]));
        assert_eq!(notes(&d), ["ethernet: the 802.3 length goes beyond the frame"]);
    }

    #[test]
    fn snap_carries_ip_and_other_cisco_protocols_are_left() {
        let mut snap = vec![0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00];
        snap.extend(build::ipv4(17, &build::udp(68, 67, b"x")));
        let frame = build::ethernet(u16::try_from(snap.len()).unwrap(), &snap);
        assert!(matches!(walk(&frame).payload, Payload::Udp(u) if u.data == b"x"));
        let mut vtp = CDP_SNAP;
        vtp[7] = 0x03;
        assert_eq!(walk(&build::ethernet(12, &vtp)).payload, Payload::Other);
        assert_eq!(walk(&build::ethernet(38, &[0x42; 38])).payload, Payload::Other);
        assert_eq!(notes(&walk(&build::ethernet(7, &CDP_SNAP))), ["llc: the SNAP header is cut"]);
        assert_eq!(walk(&build::ethernet(1501, &CDP_SNAP)).payload, Payload::Other);
    }

    #[test]
    fn lldp_is_given_from_its_first_tlv_on() {
        assert_eq!(walk(&build::ethernet(0x88cc, &[2, 7, 4])).payload, Payload::Lldp(&[2, 7, 4]));
    }

    #[test]
    fn tags_of_port_extenders_and_group_tags_are_skipped() {
        let ip = build::ipv4(17, &build::udp(68, 67, b"x"));
        let with = |tag: &[u8]| [tag, &[0x08, 0x00], &ip].concat();
        for (ether_type, tag) in [
            (0x893f, &[0x10, 0, 0, 0xd3, 0, 0][..]),
            (0x8926, &[0, 0, 0, 0]),
            (0x8909, &[1, 1, 0, 1, 0, 5]),
            (0x88e5, &[0, 0, 0, 0, 0, 1]),
            (0x88e5, &[0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]),
        ] {
            let frame = build::ethernet(ether_type, &with(tag));
            assert!(matches!(walk(&frame).payload, Payload::Udp(u) if u.data == b"x"), "{ether_type:x}");
        }
        let encrypted = build::ethernet(0x88e5, &with(&[0x0c, 0, 0, 0, 0, 1]));
        assert_eq!(walk(&encrypted).payload, Payload::Other);
        let backbone = [&[0, 0, 0, 9][..], &build::ethernet(0x0800, &ip)].concat();
        let frame = [&[2; 12][..], &[0x88, 0xe7], &backbone].concat();
        assert_eq!(walk(&frame).envelope.eth_dst.unwrap().to_string(), "ff:ff:ff:ff:ff:ff");
    }

    #[test]
    fn isl_gives_the_inner_frame_and_its_vlan() {
        let inner = build::ethernet(0x0800, &build::ipv4(17, &build::udp(68, 67, b"x")));
        let mut frame = vec![0x01, 0x00, 0x0c, 0x00, 0x00, 0x03, 0, 1, 2, 3, 4, 5];
        frame.extend(u16::try_from(12 + inner.len()).unwrap().to_be_bytes());
        frame.extend([0xaa, 0xaa, 0x03, 0, 0, 0x0c]);
        frame.extend((110u16 << 1 | 1).to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(&inner);
        frame.extend([0xde, 0xad, 0xbe, 0xef]);
        let d = walk(&frame);
        assert_eq!(d.envelope.vlan, [110]);
        assert_eq!(d.envelope.tunnel, [Tunnel::Isl]);
        assert_eq!(d.envelope.eth_src.unwrap().to_string(), "00:30:94:c2:d3:fa");
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"x"));
    }
}
