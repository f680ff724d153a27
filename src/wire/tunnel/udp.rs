//! Tunnels in UDP: VXLAN (RFC 7348), GENEVE (RFC 8926), and the remote mirrors of wireless and switch makers
//! (TZSP, HP, Aruba).
//!
//! A port number proves little: a phone may fetch its file from port 4789. So each is a tunnel only towards its
//! port (CAPWAP: also from it), and only where its header is right; else the datagram is an ordinary one.

use crate::types::{LinkType, Tunnel};
use crate::wire::be::{from, u8_at, u16_at, u32_at};
use crate::wire::ethernet;
use crate::wire::frame::{Datagram, Next, OTHER, Walk, WlanLayout};
use crate::wire::link;

use super::capwap;
use super::gre::ETHERNET_BRIDGING;

pub(crate) const VXLAN_PORT: u16 = 4789;
/// Linux before VXLAN had a number, and Cisco's OTV, which has the same header.
pub(crate) const VXLAN_OLD_PORT: u16 = 8472;
pub(crate) const GENEVE_PORT: u16 = 6081;
pub(crate) const TZSP_PORT: u16 = 37008;
pub(crate) const HP_ERM_PORT: u16 = 7932;
pub(crate) const ARUBA_PORT: u16 = 5555;

/// What a datagram between these ports carries, if it is a tunnel.
pub(in crate::wire) fn read<'a>(walk: &mut Walk, sport: u16, dport: u16, datagram: Datagram<'a>) -> Option<Next<'a>> {
    let data = datagram.data;
    match dport {
        // The only one that goes both ways over one port.
        _ if capwap::DATA_PORT == sport || capwap::DATA_PORT == dport => capwap::read(walk, data),
        VXLAN_PORT | VXLAN_OLD_PORT => read_vxlan(walk, data),
        GENEVE_PORT => read_geneve(walk, data),
        TZSP_PORT => read_tzsp(walk, data),
        HP_ERM_PORT => read_hp_erm(walk, data),
        ARUBA_PORT => read_aruba(walk, datagram),
        _ => None,
    }
}

/// Flags 1, reserved or group policy 3, network 3, reserved 1.
fn read_vxlan<'a>(walk: &mut Walk, data: &'a [u8]) -> Option<Next<'a>> {
    // The I flag must be set; next-protocol headers (the P flag) have another port.
    let is_vxlan = u8_at(data, 0)? & 0x0c == 0x08 && u8_at(data, 7)? == 0;
    is_vxlan.then(|| {
        walk.enter_tunnel(Tunnel::Vxlan);
        Next::Ethernet(from(data, 8))
    })
}

/// Version 2 bits, length of the options in words 6, flags 8, protocol 16, network 24, reserved 8, options.
fn read_geneve<'a>(walk: &mut Walk, data: &'a [u8]) -> Option<Next<'a>> {
    let first = u8_at(data, 0)?;
    let protocol = u16_at(data, 2)?;
    if first >> 6 != 0 || u8_at(data, 7)? != 0 || protocol < 0x0600 {
        return None;
    }
    let inside = data.get(usize::from(first & 0x3f).saturating_mul(4).saturating_add(8)..)?;
    walk.enter_tunnel(Tunnel::Geneve);
    Some(match protocol {
        ETHERNET_BRIDGING => Next::Ethernet(inside),
        protocol => Next::EtherType(protocol, inside),
    })
}

/// TaZmen Sniffer Protocol: version 1, type 1, protocol 2, then tags; only types 0 and 1 carry a frame.
fn read_tzsp<'a>(walk: &mut Walk, data: &'a [u8]) -> Option<Next<'a>> {
    let (version, kind, protocol) = (u8_at(data, 0)?, u8_at(data, 1)?, u16_at(data, 2)?);
    if version != 1 || kind > 5 {
        return None;
    }
    if kind > 1 {
        return Some(OTHER); // configuration, keepalive
    }
    let mut at = 4usize;
    // One byte at least a tag, so the loop ends with the datagram.
    loop {
        at = match u8_at(data, at)? {
            0 => at.saturating_add(1),
            1 => break,
            _ => at.saturating_add(2).saturating_add(usize::from(u8_at(data, at.saturating_add(1))?)),
        };
    }
    walk.enter_tunnel(Tunnel::Tzsp);
    let inside = from(data, at.saturating_add(1));
    Some(match protocol {
        1 => Next::Ethernet(inside),
        18 => Next::Wlan(inside, WlanLayout::Standard),
        119 => Next::Link(link::PRISM, inside),
        127 => Next::Link(link::AVS, inside),
        _ => OTHER,
    })
}

/// HP's encapsulated remote mirroring: eight bytes of unknown meaning, one more, then priority 3 bits, CFI 1,
/// VLAN 12, tagged 1, unknown 7. What is known of it comes from Wireshark's dissector, so the frame behind must
/// look like one.
fn read_hp_erm<'a>(walk: &mut Walk, data: &'a [u8]) -> Option<Next<'a>> {
    let tag = u32_at(data, 8)?;
    let frame = from(data, 12);
    if !ethernet::looks_like_frame(frame) {
        return None;
    }
    walk.enter_tunnel(Tunnel::HpErm);
    if tag & 0x80 != 0 {
        // The mirrored frame had a tag, which stands here and not in the frame.
        walk.enter_vlan(u16::try_from(tag >> 8 & 0x0fff).unwrap_or(0));
    }
    Some(Next::Ethernet(frame))
}

/// Aruba's remote monitoring in its formats 0 (a pcap record), 3 (the same and four bytes of radio data) and 4 (PPI).
fn read_aruba<'a>(walk: &mut Walk, datagram: Datagram<'a>) -> Option<Next<'a>> {
    let data = datagram.data;
    if u8_at(data, 0)? == 0 {
        let header_len = usize::from(u16_at(data, 2)?.swap_bytes());
        let is_wlan = u32_at(data, 4)?.swap_bytes() == u32::from(link::IEEE_802_11.0);
        let is_ppi = u8_at(data, 1)? <= 1 && is_wlan && (8..=datagram.wire_len).contains(&header_len);
        return is_ppi.then(|| {
            walk.enter_tunnel(Tunnel::Aruba);
            Next::Link(LinkType(link::PPI.0), data)
        });
    }
    let (micros, kept, whole) = (u32_at(data, 4)?, u32_at(data, 8)?, u32_at(data, 12)?);
    let kept = usize::try_from(kept).ok()?;
    let header_len = datagram.wire_len.checked_sub(kept).filter(|len| matches!(len, 16 | 20))?;
    if micros >= 1_000_000 || usize::try_from(whole).ok()? < kept {
        return None;
    }
    walk.enter_tunnel(Tunnel::Aruba);
    // The four bytes at the end are the checksum; IP has a length of its own.
    Some(Next::Wlan(from(data, header_len), WlanLayout::Standard))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{Payload, build, dissect};

    fn frame() -> Vec<u8> {
        build::ethernet(0x0800, &build::ipv4_between([192, 0, 2, 1], [192, 0, 2, 2], 17, &build::udp(68, 67, b"bootp")))
    }

    fn check(port: u16, header: &[u8], inside: &[u8], tunnel: Tunnel, vlan: &[u16]) {
        let packet = build::ipv4(17, &build::udp(40000, port, &[header, inside].concat()));
        let d = dissect(&build::frame(101, &packet));
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"bootp"), "{port}: {d:?}");
        assert_eq!((&d.envelope.tunnel[..], &d.envelope.vlan[..]), (&[tunnel][..], vlan));
        assert_eq!((d.envelope.sport, d.envelope.dport), (Some(68), Some(67)));
        assert_eq!(d.envelope.src, Some("192.0.2.1".parse().unwrap()));
        // The other way it is a datagram like any other.
        let packet = build::ipv4(17, &build::udp(port, 40000, &[header, inside].concat()));
        let d = dissect(&build::frame(101, &packet));
        assert!(matches!(d.payload, Payload::Udp(_)));
        assert_eq!(d.envelope.sport, Some(port));
    }

    #[test]
    fn each_tunnel_gives_the_inner_frame() {
        let vxlan = [8, 0, 0, 0, 0, 0, 100, 0];
        check(4789, &vxlan, &frame(), Tunnel::Vxlan, &[]);
        check(8472, &vxlan, &frame(), Tunnel::Vxlan, &[]);
        check(4789, &[0x88, 0, 0, 9, 0, 0, 100, 0], &frame(), Tunnel::Vxlan, &[]);
        check(6081, &[0, 0, 0x65, 0x58, 0, 0, 10, 0], &frame(), Tunnel::Geneve, &[]);
        let options = [2, 0x40, 0x65, 0x58, 0, 0, 10, 0, 1, 2, 0x80, 1, 0, 0, 0, 0];
        check(6081, &options, &frame(), Tunnel::Geneve, &[]);
        check(6081, &[0, 0, 8, 0, 0, 0, 10, 0], &frame()[14..], Tunnel::Geneve, &[]);
        check(37008, &[1, 0, 0, 1, 1], &frame(), Tunnel::Tzsp, &[]);
        check(37008, &[1, 0, 0, 1, 0, 10, 1, 0xc0, 0, 13, 2, 1, 1, 1], &frame(), Tunnel::Tzsp, &[]);
        let wlan = build::wlan(0x0800, &frame()[14..]);
        check(37008, &[1, 0, 0, 18, 1], &wlan, Tunnel::Tzsp, &[]);
        check(7932, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &frame(), Tunnel::HpErm, &[]);
        check(7932, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0xc0, 110, 0x80], &frame(), Tunnel::HpErm, &[110]);
        let len = u8::try_from(wlan.len()).unwrap();
        let record = [0x60, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, len, 0, 0, 0, len];
        check(5555, &record, &wlan, Tunnel::Aruba, &[]);
        check(5555, &[&record[..], &[0, 108, 6, 40]].concat(), &wlan, Tunnel::Aruba, &[]);
        check(5555, &[0, 0, 8, 0, 105, 0, 0, 0], &wlan, Tunnel::Aruba, &[]);
    }

    #[test]
    fn tftp_to_a_port_of_a_tunnel_is_tftp() {
        for port in [VXLAN_PORT, VXLAN_OLD_PORT, GENEVE_PORT, TZSP_PORT, HP_ERM_PORT, ARUBA_PORT] {
            for payload in
                [&b"\x00\x03\x00\x01<device>\n<fullConfig>true"[..], b"\x00\x04\x00\x01", b"\x00\x05\x00\x01x\0", b""]
            {
                let packet = build::ipv4(17, &build::udp(69, port, payload));
                let d = dissect(&build::frame(101, &packet));
                assert!(matches!(d.payload, Payload::Udp(u) if u.data == payload), "{port} {payload:?}");
                assert!(d.envelope.tunnel.is_empty() && d.anomalies.is_empty());
            }
        }
    }

    #[test]
    fn keepalives_of_tzsp_and_tags_without_end_are_no_frames() {
        for payload in [&[1, 4, 0, 1, 1][..], &[1, 0, 0, 1, 0, 0, 0], &[1, 0, 0, 1, 10, 200, 1], &[1, 0, 0, 1, 10]] {
            let packet = build::ipv4(17, &build::udp(40000, 37008, payload));
            let d = dissect(&build::frame(101, &packet));
            assert!(matches!(d.payload, Payload::Other | Payload::Udp(_)), "{payload:?}");
        }
    }
}
