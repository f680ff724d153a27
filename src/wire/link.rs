//! Link-layer headers by the numbers of the `LINKTYPE_` registry (tcpdump.org/linktypes.html).
//!
//! The radio headers (radiotap, PPI, Prism, AVS) are skipped for the 802.11 frame behind them, which is read in
//! [`super::wlan`].

use super::be::{from, u8_at, u16_at, u16_le_at, u32_at, u32_le_at};
use super::frame::{Next, OTHER, Payload, Walk, WlanLayout};
use super::{ethernet, tunnel};
use crate::types::{LinkType, Mac};

pub(super) const IEEE_802_11: LinkType = LinkType(105);
pub(super) const PRISM: LinkType = LinkType(119);
pub(super) const AVS: LinkType = LinkType(163);
pub(super) const PPI: LinkType = LinkType(192);

/// Reads the header that `link_type` says `data` starts with.
pub(super) fn read<'a>(walk: &mut Walk, link_type: LinkType, data: &'a [u8]) -> Next<'a> {
    match link_type {
        LinkType::ETHERNET => Next::Ethernet(data),
        // BSD loopback: the address family in the byte order of the capturing host, or big-endian.
        LinkType(0 | 108) => read_loopback(walk, data),
        LinkType(9) => Next::Ppp(data),
        // PPP in HDLC-like framing, or Cisco HDLC on the same kind of line (RFC 1547 section 4.3.1).
        LinkType(50) => match u8_at(data, 0) {
            Some(0x0f | 0x8f) => read_cisco_hdlc(walk, data),
            _ => Next::Ppp(data),
        },
        LinkType(51) => tunnel::ppp::read_pppoe(walk, data),
        LinkType(104) => read_cisco_hdlc(walk, data),
        // Raw IP: 12 and 14 are what BSDs write for it, 228 and 229 name the version.
        LinkType(12 | 14 | 101 | 228 | 229) => Next::Ip(data),
        LinkType(113) => read_cooked(walk, data),
        LinkType(276) => read_cooked_2(walk, data),
        IEEE_802_11 => Next::Wlan(data, WlanLayout::Standard),
        LinkType(127) => read_radiotap(walk, data),
        PRISM => read_prism(walk, data),
        AVS => read_avs(walk, data),
        PPI => read_ppi(walk, data),
        _ => Next::Done(Payload::UnknownLink),
    }
}

fn read_loopback<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let Some(family) = u32_at(data, 0) else {
        return walk.stop("loopback: the header is cut");
    };
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    match family {
        2 => Next::Ipv4(from(data, 4)),
        // AF_INET6 of NetBSD, FreeBSD, macOS, Linux.
        24 | 28 | 30 | 10 => Next::Ipv6(from(data, 4)),
        // Some drivers put an EtherType into the last two bytes.
        _ => match u16_at(data, 2) {
            Some(ether_type) if ether_type >= 0x0600 => Next::EtherType(ether_type, from(data, 4)),
            _ => OTHER,
        },
    }
}

/// Address, control, then an EtherType.
fn read_cisco_hdlc<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    match u16_at(data, 2) {
        Some(ethernet::CDP) => Next::Done(Payload::Cdp(from(data, 4))),
        Some(0x8035) => OTHER, // SLARP, Cisco's keepalive, not the RARP that has this number elsewhere
        Some(ether_type) if ether_type > 1500 => Next::EtherType(ether_type, from(data, 4)),
        Some(_) => OTHER,
        None => walk.stop("hdlc: the header is cut"),
    }
}

/// Linux cooked capture, version 1: packet type, ARPHRD, address length, address (8), protocol.
fn read_cooked<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(device), Some(address_len), Some(protocol)) = (u16_at(data, 2), u16_at(data, 4), u16_at(data, 14)) else {
        return walk.stop("sll: the header is cut");
    };
    cooked_payload(walk, device, (usize::from(address_len), from(data, 6)), protocol, from(data, 16))
}

/// Version 2: protocol, reserved 2, interface index 4, ARPHRD, packet type 1, address length 1, address (8).
fn read_cooked_2<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(protocol), Some(device), Some(address_len)) = (u16_at(data, 0), u16_at(data, 8), u8_at(data, 11)) else {
        return walk.stop("sll2: the header is cut");
    };
    let Some(rest) = data.get(20..) else {
        return walk.stop("sll2: the header is cut");
    };
    cooked_payload(walk, device, (usize::from(address_len), from(data, 12)), protocol, rest)
}

fn cooked_payload<'a>(
    walk: &mut Walk,
    device: u16,
    (address_len, address): (usize, &[u8]),
    protocol: u16,
    data: &'a [u8],
) -> Next<'a> {
    let src = (address_len == 6).then(|| Mac::from_slice(address)).flatten();
    // The loopback device has an address of zeros, which is nobody's.
    walk.set_link(src.filter(|mac| !mac.is_zero()), None);
    match (device, protocol) {
        (824, _) => OTHER, // netlink
        (803, _) => read_radiotap(walk, data),
        (_, 0x0004) => Next::Llc(data),
        (_, 0x0007) => Next::Ppp(data),
        (_, protocol) if protocol >= 0x0600 => without_second_tag(walk, protocol, data),
        _ => OTHER,
    }
}

/// Linux since 6.11 gives a frame with two tags with the outer one in its place and the EtherType behind the inner one
/// next to it; then the inner tag and that EtherType once more. Elsewhere this is what it seems.
fn without_second_tag<'a>(walk: &mut Walk, protocol: u16, data: &'a [u8]) -> Next<'a> {
    let is_tag =
        matches!(protocol, ethernet::VLAN | ethernet::SERVICE_VLAN | ethernet::OLD_QINQ | ethernet::OLD_QINQ_2);
    let version = match u16_at(data, 2) {
        Some(ethernet::IPV4) => 4,
        Some(ethernet::IPV6) => 6,
        _ => return Next::EtherType(protocol, data),
    };
    let version_at = |at: usize| u8_at(data, at).map(|octet| octet >> 4);
    let is_twice =
        u16_at(data, 2) == u16_at(data, 6) && version_at(4) != Some(version) && version_at(8) == Some(version);
    match (u16_at(data, 0), u16_at(data, 2), u16_at(data, 4)) {
        (Some(outer), Some(inner_type), Some(inner)) if is_tag && is_twice => {
            walk.enter_vlan(outer);
            walk.enter_vlan(inner);
            Next::EtherType(inner_type, from(data, 8))
        }
        _ => Next::EtherType(protocol, data),
    }
}

/// Radiotap (radiotap.org): version 0, pad, length, then words that say which fields follow.
fn read_radiotap<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    const MORE_WORDS: u32 = 1 << 31;
    const TSFT: u32 = 1;
    const FLAGS: u32 = 1 << 1;
    let (Some(0), Some(len), Some(present)) = (u8_at(data, 0), u16_le_at(data, 2), u32_le_at(data, 4)) else {
        return walk.stop("radiotap: the header is cut or of an unknown version");
    };
    let Some(frame) = data.get(usize::from(len)..).filter(|_| len >= 8) else {
        return walk.stop("radiotap: the header goes beyond the frame");
    };
    let header = data.get(..usize::from(len)).unwrap_or_default();
    let mut at = 8usize;
    let mut word = present;
    // Four bytes a word, so the loop ends with the header.
    while word & MORE_WORDS != 0 {
        let Some(next) = u32_le_at(header, at) else { break };
        word = next;
        at = at.saturating_add(4);
    }
    if present & TSFT != 0 {
        at = at.next_multiple_of(8).saturating_add(8);
    }
    let flags = if present & FLAGS != 0 { u8_at(header, at).unwrap_or(0) } else { 0 };
    let has_fcs = flags & 0x10 != 0;
    let layout = if flags & 0x20 != 0 { WlanLayout::Padded } else { WlanLayout::Standard };
    Next::Wlan(without_fcs(walk, frame, has_fcs), layout)
}

/// The frame without its checksum, which a cut frame has lost already.
fn without_fcs<'a>(walk: &Walk, frame: &'a [u8], has_fcs: bool) -> &'a [u8] {
    match frame.len().checked_sub(4) {
        Some(len) if has_fcs && walk.missing == 0 => frame.get(..len).unwrap_or(frame),
        _ => frame,
    }
}

/// Prism: message code and length in the byte order of the capturing host, 144 bytes as a rule.
/// Some drivers write AVS headers under this number.
fn read_prism<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    if u32_at(data, 0).is_some_and(|magic| magic >> 16 == 0x8021) {
        return read_avs(walk, data);
    }
    let stated = [u32_le_at(data, 4), u32_at(data, 4)].into_iter().flatten().find(|len| (8..4096).contains(len));
    match stated.and_then(|len| data.get(usize::try_from(len).ok()?..)) {
        Some(frame) => Next::Wlan(frame, WlanLayout::Standard),
        None => walk.stop("prism: the header is cut"),
    }
}

/// AVS: version, then the length of the header, both big-endian.
fn read_avs<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let len = u32_at(data, 4).and_then(|len| usize::try_from(len).ok());
    match len.filter(|len| *len >= 8).and_then(|len| data.get(len..)) {
        Some(frame) => Next::Wlan(frame, WlanLayout::Standard),
        None => walk.stop("avs: the header is cut"),
    }
}

/// PPI: version 0, flags, length, link type, then fields; the 802.11 common field (2) says whether there is a
/// checksum at the end.
pub(super) fn read_ppi<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(0), Some(len), Some(inner)) = (u8_at(data, 0), u16_le_at(data, 2), u32_le_at(data, 4)) else {
        return walk.stop("ppi: the header is cut or of an unknown version");
    };
    let Some(frame) = data.get(usize::from(len)..).filter(|_| len >= 8) else {
        return walk.stop("ppi: the header goes beyond the frame");
    };
    let header = data.get(..usize::from(len)).unwrap_or_default();
    let mut has_fcs = false;
    let mut at = 8usize;
    // Four bytes a field at least, so the loop ends with the header.
    while let (Some(kind), Some(field_len)) = (u16_le_at(header, at), u16_le_at(header, at.saturating_add(2))) {
        if kind == 2 {
            has_fcs = u16_le_at(header, at.saturating_add(12)).is_some_and(|flags| flags & 1 == 1);
        }
        at = at.saturating_add(4).saturating_add(usize::from(field_len));
    }
    walk.enter();
    match u16::try_from(inner) {
        Ok(inner) => Next::Link(LinkType(inner), without_fcs(walk, frame, has_fcs)),
        Err(_) => Next::Done(Payload::UnknownLink),
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Dissection, Payload, build, dissect};

    fn walk(link: u16, data: &[u8]) -> Dissection<'_> {
        dissect(&build::frame(link, data))
    }

    fn bootp() -> Vec<u8> {
        build::ipv4(17, &build::udp(68, 67, b"bootp"))
    }

    fn is_bootp(d: &Dissection<'_>) -> bool {
        d.anomalies.is_empty() && matches!(d.payload, Payload::Udp(u) if u.data == b"bootp")
    }

    /// The frame must be read whole, and end in an anomaly and nothing worse wherever its header is cut.
    fn check(link: u16, header: &[u8], inside: &[u8]) {
        let data = [header, inside].concat();
        let d = walk(link, &data);
        assert!(is_bootp(&d), "{link}: {d:?}");
        for len in 0..header.len() {
            let d = dissect(&build::cut_frame(link, &data, len)).payload;
            assert_eq!(d, Payload::Other, "{link} cut to {len}");
        }
    }

    #[test]
    fn loopback_families_are_read_in_both_byte_orders() {
        check(0, &[2, 0, 0, 0], &bootp());
        check(0, &[0, 0, 0, 2], &bootp());
        check(108, &[0, 0, 0, 2], &bootp());
        check(0, &[0x0f, 0, 8, 0], &bootp());
        let v6 = build::ipv6(17, &build::udp(546, 547, b"bootp"));
        for family in [24, 28, 30, 10] {
            check(0, &[family, 0, 0, 0], &v6);
            check(108, &[0, 0, 0, family], &v6);
        }
        assert_eq!(walk(0, &[1, 0, 0, 0, 0]).payload, Payload::Other);
    }

    #[test]
    fn raw_ip_and_ppp_and_hdlc_are_read() {
        for link in [12, 14, 101, 228, 229] {
            check(link, &[], &bootp());
        }
        check(9, &[0xff, 0x03, 0x00, 0x21], &bootp());
        check(9, &[0x00, 0x21], &bootp());
        check(9, &[0x21], &bootp());
        check(50, &[0xff, 0x03, 0x00, 0x21], &bootp());
        check(50, &[0x0f, 0x00, 0x08, 0x00], &bootp());
        check(104, &[0x8f, 0x00, 0x08, 0x00], &bootp());
        let session = u16::try_from(bootp().len() + 2).unwrap().to_be_bytes();
        check(51, &[0x11, 0, 0, 9, session[0], session[1], 0x00, 0x21], &bootp());
        assert_eq!(walk(104, &[0x8f, 0, 0x20, 0, 2, 180]).payload, Payload::Cdp(&[2, 180]));
        assert_eq!(walk(104, &[0x8f, 0, 0x80, 0x35, 0, 0]).payload, Payload::Other);
    }

    #[test]
    fn cooked_captures_give_the_source_only() {
        let frame = build::sll(0x0800, &bootp());
        let d = walk(113, &frame);
        assert!(is_bootp(&d));
        assert_eq!(d.envelope.eth_src.unwrap().to_string(), "00:30:94:c2:d3:fa");
        assert_eq!(d.envelope.eth_dst, None);
        let frame = build::sll2(0x8100, &build::tag(110, 0x0800, &bootp()));
        let d = walk(276, &frame);
        assert!(is_bootp(&d));
        assert_eq!(d.envelope.vlan, [110]);
        assert_eq!(d.envelope.eth_src.unwrap().to_string(), "00:30:94:c2:d3:fa");
        check(113, &build::sll(0x0800, &[]), &bootp());
        check(276, &build::sll2(0x0800, &[]), &bootp());

        let mut loopback = build::sll(0x0800, &bootp());
        loopback[2..4].copy_from_slice(&772u16.to_be_bytes());
        loopback[6..12].fill(0);
        let d = walk(113, &loopback);
        assert!(is_bootp(&d));
        assert_eq!(d.envelope.eth_src, None, "zeros are nobody's address");
        let mut ppp = build::sll(0x0800, &bootp());
        ppp[2..6].copy_from_slice(&[2, 0, 0, 0]);
        let d = walk(113, &ppp);
        assert!(is_bootp(&d));
        assert_eq!(d.envelope.eth_src, None);
        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0][..], b"cdp"].concat();
        assert_eq!(walk(113, &build::sll(4, &snap)).payload, Payload::Cdp(b"cdp"));
    }

    #[test]
    fn two_tags_of_a_cooked_capture_are_read_as_linux_writes_them() {
        // tcpdump -i any on Linux 6.18, of a frame with the tags 88a8 900 and 8100 110.
        let mut frame = build::sll(0x88a8, &build::tag(900, 0x0800, &build::tag(110, 0x0800, &bootp())));
        let d = walk(113, &frame);
        assert!(is_bootp(&d), "{d:?}");
        assert_eq!(d.envelope.vlan, [900, 110]);
        assert!(!crate::wire::frame::is_uninteresting(crate::types::LinkType(113), &frame));
        // As other systems do.
        frame = build::sll(0x88a8, &build::tag(900, 0x8100, &build::tag(110, 0x0800, &bootp())));
        assert_eq!(walk(113, &frame).envelope.vlan, [900, 110]);
    }

    #[test]
    fn radio_headers_are_skipped() {
        let wlan = build::wlan(0x0800, &bootp());
        check(105, &[], &wlan);
        check(127, &[0, 0, 8, 0, 0, 0, 0, 0], &wlan);
        // A time seen_at, flags that say "checksum at the end", and one more word of fields.
        let radiotap = [0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x10];
        let with_fcs = [&wlan[..], &[0xde, 0xad, 0xbe, 0xef]].concat();
        check(127, &radiotap, &with_fcs);
        let cdp = [&build::wlan(0, &[])[..24], &[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0], b"cdp1FCS!"].concat();
        assert_eq!(walk(127, &[&radiotap[..], &cdp].concat()).payload, Payload::Cdp(b"cdp1"));
        let mut prism = [0u8; 144];
        prism[0] = 0x44;
        prism[4] = 144;
        check(119, &prism, &wlan);
        let mut avs = [0u8; 64];
        avs[..8].copy_from_slice(&[0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64]);
        check(163, &avs, &wlan);
        check(119, &avs, &wlan);
        let mut ppi = vec![0, 0, 32, 0, 105, 0, 0, 0, 2, 0, 20, 0];
        ppi.extend([0; 20]);
        check(192, &ppi, &wlan);
        ppi[20] = 1;
        assert_eq!(walk(192, &[&ppi[..], &cdp].concat()).payload, Payload::Cdp(b"cdp1"));
        ppi[20] = 0;
        ppi[4..8].copy_from_slice(&[1, 0, 0, 0]);
        assert!(is_bootp(&walk(192, &[&ppi[..], &build::ethernet(0x0800, &bootp())].concat())));
    }

    #[test]
    fn radio_headers_that_lie_about_their_length_end_the_walk() {
        for (link, header) in [
            (127u16, &[0u8, 0, 4, 0, 0, 0, 0, 0, 0, 0][..]),
            (127, &[0, 0, 0xff, 0xff, 0, 0, 0, 0]),
            (127, &[0, 0, 12, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0xff, 0xff]),
            (192, &[0, 0, 7, 0, 105, 0, 0, 0]),
            (192, &[0, 0, 8, 0, 192, 0, 0, 0]),
            (119, &[0x44, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            (163, &[0x80, 0x21, 0x10, 1, 0, 0, 0, 4]),
        ] {
            let d = walk(link, header);
            assert_eq!(d.payload, Payload::Other, "{link} {header:?}");
            assert_eq!(d.anomalies.len(), 1, "{link} {header:?}");
        }
        let mut nested = Vec::new();
        for _ in 0..40 {
            nested.extend([0, 0, 8, 0, 192, 0, 0, 0]);
        }
        assert_eq!(walk(192, &nested).anomalies.len(), 1);
    }

    #[test]
    fn other_link_types_are_told() {
        for link in [2, 6, 107, 147, 166, 195, 252, 65535] {
            assert_eq!(walk(link, &[0; 60]).payload, Payload::UnknownLink);
        }
    }
}
