//! The first test of every frame: is it surely voice, web or other traffic that no diagnosis needs?
//!
//! Most frames on a span port are. The test reads a handful of bytes at fixed places and builds nothing; in any
//! doubt the answer is no, and [`super::dissect`] decides.

use super::{Next, Walk};
use crate::types::LinkType;
use crate::wire::be::{from, u8_at, u16_at};
use crate::wire::{ethernet, icmp, ip, link, wlan};

/// True where the frame surely holds nothing for us. No allocation for Ethernet frames.
///
/// Wanted, so never true: UDP and TCP ports of DHCP, DHCPv6, TFTP, DNS, SIP, SCCP and the HTTP file service on
/// either side, UDP payloads that look like TFTP or SIP, tunnels, fragments, ICMP errors, neighbour discovery, ARP, LLDP, CDP, and every frame
/// that is not IP behind at most four tags.
pub fn is_uninteresting(link_type: LinkType, data: &[u8]) -> bool {
    if link_type == LinkType::ETHERNET {
        return u16_at(data, 12).is_some_and(|ether_type| network(ether_type, from(data, 14)));
    }
    let mut walk = Walk::default();
    let mut next = link::read(&mut walk, link_type, data);
    // Radiotap around 802.11 around LLC is the longest way to an EtherType.
    for _ in 0..4 {
        next = match next {
            Next::EtherType(ether_type, rest) => return network(ether_type, rest),
            Next::Ip(rest) => return ipv4(rest) || ipv6(rest),
            Next::Ethernet(rest) => {
                return u16_at(rest, 12).is_some_and(|ether_type| network(ether_type, from(rest, 14)));
            }
            Next::Wlan(rest, layout) => wlan::read(&mut walk, rest, layout),
            Next::Llc(rest) => ethernet::read_llc(&mut walk, rest),
            Next::Done(super::Payload::Other) => return walk.anomalies.is_empty(),
            _ => return false,
        };
    }
    false
}

fn network(mut ether_type: u16, mut data: &[u8]) -> bool {
    for _ in 0..=4 {
        match ether_type {
            ethernet::IPV4 => return ipv4(data),
            ethernet::IPV6 => return ipv6(data),
            ethernet::VLAN | ethernet::SERVICE_VLAN | ethernet::OLD_QINQ | ethernet::OLD_QINQ_2 => {
                let Some(inner) = u16_at(data, 2) else { return false };
                ether_type = inner;
                data = from(data, 4);
            }
            _ => return false,
        }
    }
    false
}

fn ipv4(data: &[u8]) -> bool {
    let Some(header) = data.first_chunk::<20>() else { return false };
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let is_fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    if header[0] >> 4 != 4 || header_len < 20 || is_fragment {
        return false;
    }
    transport(header[9], from(data, header_len))
}

fn ipv6(data: &[u8]) -> bool {
    let Some(header) = data.first_chunk::<40>() else { return false };
    header[0] >> 4 == 6 && transport(header[6], from(data, 40))
}

fn transport(protocol: u8, data: &[u8]) -> bool {
    match protocol {
        ip::UDP => {
            let Some(&[s0, s1, d0, d1, _, _, _, _, first, second]) = data.first_chunk::<10>() else { return false };
            let (sport, dport) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
            // TFTP leaves port 69 with the second packet; its opcodes are 0x0001 to 0x0006, and RTP starts with 0x80.
            let tftp_like = first == 0 && matches!(second, 1..=6);
            // REGISTER and answers of SIP, whose port is that of the Via header.
            let sip_like = matches!([first, second], [b'S', b'I'] | [b'R', b'E']);
            !(tftp_like || sip_like || is_wanted_udp_port(sport) || is_wanted_udp_port(dport))
        }
        ip::TCP => {
            let Some(&[s0, s1, d0, d1]) = data.first_chunk::<4>() else { return false };
            let (sport, dport) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
            !(is_wanted_tcp_port(sport) || is_wanted_tcp_port(dport))
        }
        ip::ICMP => u8_at(data, 0).is_some_and(|t| !matches!(t, 3 | 4 | 5 | 11 | 12)),
        ip::ICMPV6 => u8_at(data, 0).is_some_and(|t| !(matches!(t, 1..=4) || icmp::DISCOVERY.contains(&t))),
        // Tunnels, and the extension headers of IPv6.
        ip::IPIP | ip::IPV6_IN_IP | ip::GRE | ip::ETHER_IP | ip::MPLS_IN_IP | ip::AUTHENTICATION => false,
        ip::HOP_BY_HOP | ip::ROUTING | ip::FRAGMENT | ip::DESTINATION_OPTIONS => false,
        _ => true,
    }
}

fn is_wanted_udp_port(port: u16) -> bool {
    use crate::wire::tunnel::udp;
    matches!(port, 67 | 68 | 546 | 547 | 69 | 6969 | 53 | 5060)
        || matches!(
            port,
            udp::VXLAN_PORT
                | udp::VXLAN_OLD_PORT
                | udp::GENEVE_PORT
                | udp::TZSP_PORT
                | udp::HP_ERM_PORT
                | udp::ARUBA_PORT
                | crate::wire::tunnel::capwap::DATA_PORT
        )
}

fn is_wanted_tcp_port(port: u16) -> bool {
    matches!(port, 2000 | 2443 | 2445 | 5060 | 5061 | 6970 | 6971 | 53)
}

#[cfg(test)]
mod tests {
    use super::super::build;
    use super::*;

    fn ethernet_udp(sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
        build::ethernet(0x0800, &build::ipv4(17, &build::udp(sport, dport, payload)))
    }

    #[test]
    fn voice_and_web_are_uninteresting_on_every_plain_path() {
        let rtp = build::udp(16384, 16386, &[0x80, 0, 0, 1, 0, 0]);
        let packet = build::ipv4(17, &rtp);
        let web = build::ipv4(6, &build::tcp(50000, 443, 0x10, b"x"));
        for ip in [&packet, &web] {
            assert!(is_uninteresting(LinkType(1), &build::ethernet(0x0800, ip)));
            assert!(is_uninteresting(LinkType(1), &build::ethernet(0x8100, &build::tag(110, 0x0800, ip))));
            let mut tagged = build::tag(1, 0x0800, ip);
            for _ in 0..3 {
                tagged = build::tag(1, 0x8100, &tagged);
            }
            assert!(is_uninteresting(LinkType(1), &build::ethernet(0x9100, &tagged)), "four tags");
            assert!(is_uninteresting(LinkType(101), ip));
            assert!(is_uninteresting(LinkType(113), &build::sll(0x0800, ip)));
            assert!(is_uninteresting(LinkType(276), &build::sll2(0x0800, ip)));
        }
        assert!(is_uninteresting(LinkType(1), &build::ethernet(0x86dd, &build::ipv6(17, &rtp))));
        let echo = build::ipv4(1, &[8, 0, 0, 0, 0, 0, 0, 0]);
        assert!(is_uninteresting(LinkType(1), &build::ethernet(0x0800, &echo)));
        assert!(is_uninteresting(LinkType(105), &[0x80, 0, 0, 0]), "a beacon");
    }

    #[test]
    fn what_a_diagnosis_needs_is_never_uninteresting() {
        for port in [67, 68, 546, 547, 69, 6969, 53, 5060, 4789, 8472, 6081, 37008, 7932, 5555, 5247] {
            assert!(!is_uninteresting(LinkType(1), &ethernet_udp(40000, port, b"\x80\x80")), "to {port}");
            assert!(!is_uninteresting(LinkType(1), &ethernet_udp(port, 40000, b"\x80\x80")), "from {port}");
            let v6 = build::ipv6(17, &build::udp(port, 40000, b"\x80\x80"));
            assert!(!is_uninteresting(LinkType(1), &build::ethernet(0x86dd, &v6)), "from {port} over IPv6");
        }
        for start in [&b"SIP/2.0 200 OK\r\n"[..], b"REGISTER sip:a SIP/2.0\r\n"] {
            assert!(!is_uninteresting(LinkType(1), &ethernet_udp(40000, 50000, start)));
        }
        for port in [2000, 2443, 2445, 5060, 5061, 6970, 6971, 53] {
            for (s, d) in [(port, 40000), (40000, port)] {
                let packet = build::ipv4(6, &build::tcp(s, d, 0x10, b""));
                assert!(!is_uninteresting(LinkType(1), &build::ethernet(0x0800, &packet)), "{port}");
                assert!(!is_uninteresting(LinkType(12), &packet), "{port}");
                assert!(!is_uninteresting(LinkType(113), &build::sll(0x0800, &packet)), "{port}");
            }
        }
        for opcode in 1..=6 {
            assert!(!is_uninteresting(LinkType(1), &ethernet_udp(40000, 50000, &[0, opcode, 0, 1])), "{opcode}");
        }
        for protocol in [4, 41, 47, 97, 137, 51] {
            assert!(!is_uninteresting(LinkType(1), &build::ethernet(0x0800, &build::ipv4(protocol, &[0; 40]))));
        }
        for icmp_type in [3, 4, 5, 11, 12] {
            assert!(!is_uninteresting(LinkType(1), &build::ethernet(0x0800, &build::ipv4(1, &[icmp_type; 40]))));
        }
        for icmp_type in (1..=4).chain(133..=136) {
            assert!(!is_uninteresting(LinkType(1), &build::ethernet(0x86dd, &build::ipv6(58, &[icmp_type; 40]))));
        }
        for (bits, offset) in [(0x20, 0), (0, 1), (0x20, 185)] {
            let mut fragment = build::ipv4(17, &build::udp(16384, 16386, &[0x80; 20]));
            fragment[6] = bits;
            fragment[7] = offset;
            assert!(!is_uninteresting(LinkType(1), &build::ethernet(0x0800, &fragment)));
        }
        for ether_type in [0x0806, 0x88cc, 0x8847, 0x8864, 0x002c, 0x893f] {
            assert!(!is_uninteresting(LinkType(1), &build::ethernet(ether_type, &[0; 46])));
        }
        assert!(!is_uninteresting(LinkType(147), &[0; 60]), "an unknown link type is to be told");
    }

    #[test]
    fn a_frame_cut_before_its_ports_is_left_to_the_walk() {
        let rtp = ethernet_udp(16384, 16386, &[0x80, 0]);
        for len in 0..rtp.len() {
            assert!(!is_uninteresting(LinkType(1), &rtp[..len]), "{len}");
        }
        assert!(is_uninteresting(LinkType(1), &rtp));
    }
}
