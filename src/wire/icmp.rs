//! ICMP (RFC 792) and ICMPv6 (RFC 4443) errors, and the flow that they quote; neighbour and router discovery of IPv6
//! (RFC 4861), which is to IPv6 what ARP is to IPv4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::be::{from, u8_at, u16_at, u32_at};
use super::frame::Walk;
use super::ip_protocol;
use crate::types::Mac;

/// The flow that an error is about, as its quoted header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Quoted {
    /// IP protocol number: 6 TCP, 17 UDP.
    pub protocol: u8,
    /// Who sent the quoted packet.
    pub src: IpAddr,
    /// To whom.
    pub dst: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub sport: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub dport: Option<u16>,
}

/// The body of an `icmp` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// ICMP type; for ICMPv6 its own numbers (the event's addresses tell which).
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
    /// The flow quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Quoted>,
    /// Whose link address a neighbour solicitation (135) asks for, or an advertisement (136) announces. A solicitation
    /// from the address `::` probes whether the target is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Ipv6Addr>,
    /// Flags of an advertisement that are set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// The link address that a solicitation or advertisement carries: of its sender, or of the target (136).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_mac: Option<Mac>,
    /// Seconds that the sender of a router advertisement (134) is a default router; 0: it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router_lifetime: Option<u16>,
}

/// A flag of a router advertisement (134) or a neighbour advertisement (136).
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// M of 134: addresses come from DHCPv6.
    Managed,
    /// O of 134: other settings come from DHCPv6.
    OtherConfig,
    /// R of 136: the sender is a router.
    Router,
    /// S of 136: it answers a solicitation.
    Solicited,
    /// O of 136: it replaces the link address that is known.
    Override,
    /// A name from an events file of a later version.
    #[serde(other)]
    Unknown,
}

const ROUTER_SOLICITATION: u8 = 133;
/// Type of a router advertisement.
pub const ROUTER_ADVERTISEMENT: u8 = 134;
/// Type of a neighbour solicitation.
pub const NEIGHBOUR_SOLICITATION: u8 = 135;
/// Type of a neighbour advertisement.
pub const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// The types of ICMPv6 that are discovery.
pub(crate) const DISCOVERY: std::ops::RangeInclusive<u8> = ROUTER_SOLICITATION..=NEIGHBOUR_ADVERTISEMENT;

impl Message {
    fn new(icmp_type: u8, icmp_code: u8) -> Message {
        Message {
            icmp_type,
            icmp_code,
            about: None,
            target: None,
            flags: Vec::new(),
            link_mac: None,
            router_lifetime: None,
        }
    }
}

/// A message from its type on. `None`: neither an error nor discovery (an echo), or cut.
pub(super) fn read(walk: &mut Walk, data: &[u8], is_v6: bool) -> Option<Message> {
    let (Some(icmp_type), Some(icmp_code)) = (u8_at(data, 0), u8_at(data, 1)) else {
        walk.note("icmp: the header is cut");
        return None;
    };
    if is_v6 && DISCOVERY.contains(&icmp_type) {
        let message = discovery(icmp_type, icmp_code, data);
        if message.is_none() {
            walk.note("icmp: the discovery message is cut");
        }
        return message;
    }
    let is_error = if is_v6 { matches!(icmp_type, 1..=4) } else { matches!(icmp_type, 3 | 4 | 5 | 11 | 12) };
    if !is_error {
        return None;
    }
    // Both versions have eight bytes before the quote.
    let quote = from(data, 8);
    let about = if is_v6 { quoted_v6(quote) } else { quoted_v4(quote) };
    if about.is_none() {
        walk.note("icmp: the quoted header is cut");
    }
    Some(Message { about, ..Message::new(icmp_type, icmp_code) })
}

/// RFC 4861 section 4.1 to 4.4. `None`: its fixed part is cut.
fn discovery(icmp_type: u8, icmp_code: u8, data: &[u8]) -> Option<Message> {
    let mut message = Message::new(icmp_type, icmp_code);
    let flags = u8_at(data, if icmp_type == ROUTER_ADVERTISEMENT { 5 } else { 4 })?;
    let (known, fixed): (&[(u8, Flag)], usize) = match icmp_type {
        ROUTER_ADVERTISEMENT => (&[(0x80, Flag::Managed), (0x40, Flag::OtherConfig)], 16),
        NEIGHBOUR_ADVERTISEMENT => (&[(0x80, Flag::Router), (0x40, Flag::Solicited), (0x20, Flag::Override)], 24),
        NEIGHBOUR_SOLICITATION => (&[], 24),
        _ => (&[], 8),
    };
    let options = data.get(fixed..)?;
    message.flags = known.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, flag)| *flag).collect();
    match icmp_type {
        ROUTER_ADVERTISEMENT => message.router_lifetime = u16_at(data, 6),
        NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT => {
            message.target = data.get(8..)?.first_chunk::<16>().map(|a| Ipv6Addr::from(*a));
        }
        _ => {}
    }
    message.link_mac = link_address(options);
    Some(message)
}

/// The source (1) or target (2) link-layer address among the options; their lengths count eight bytes.
fn link_address(mut options: &[u8]) -> Option<Mac> {
    loop {
        let (kind, len) = (u8_at(options, 0)?, usize::from(u8_at(options, 1)?) * 8);
        if len == 0 {
            return None;
        }
        if matches!(kind, 1 | 2) && len == 8 {
            return Mac::from_slice(options.get(2..)?);
        }
        options = options.get(len..)?;
    }
}

/// The quoted header and at least eight bytes after it (RFC 792, RFC 1812 section 4.3.2.3); the lengths in it may
/// be those of the whole packet, so they are not looked at.
fn quoted_v4(quote: &[u8]) -> Option<Quoted> {
    let first = u8_at(quote, 0)?;
    let header_len = usize::from(first & 0x0f).checked_mul(4).filter(|len| first >> 4 == 4 && *len >= 20)?;
    let protocol = u8_at(quote, 9)?;
    let src = Ipv4Addr::from_bits(u32_at(quote, 12)?);
    let dst = Ipv4Addr::from_bits(u32_at(quote, 16)?);
    let is_later_fragment = u16_at(quote, 6)? & 0x1fff != 0;
    let transport = if is_later_fragment { &[] } else { from(quote, header_len) };
    Some(quoted(protocol, src.into(), dst.into(), transport))
}

fn quoted_v6(quote: &[u8]) -> Option<Quoted> {
    if u8_at(quote, 0)? >> 4 != 6 {
        return None;
    }
    let src = Ipv6Addr::from(*quote.get(8..)?.first_chunk::<16>()?);
    let dst = Ipv6Addr::from(*quote.get(24..)?.first_chunk::<16>()?);
    let next_header = u8_at(quote, 6)?;
    let (protocol, transport) = match ip_protocol::after_extensions(next_header, from(quote, 40)) {
        Some(inside) if inside.piece.as_ref().is_none_or(|piece| piece.offset == 0) => (inside.protocol, inside.data),
        Some(later_fragment) => (later_fragment.protocol, &[][..]),
        None => (next_header, &[][..]),
    };
    Some(quoted(protocol, src.into(), dst.into(), transport))
}

fn quoted(protocol: u8, src: IpAddr, dst: IpAddr, transport: &[u8]) -> Quoted {
    let has_ports = matches!(protocol, ip_protocol::TCP | ip_protocol::UDP);
    let port = |at: usize| u16_at(transport, at).filter(|_| has_ports);
    Quoted { protocol, src, dst, sport: port(0), dport: port(2) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{Dissection, Payload, build, dissect};

    fn error(icmp_type: u8, icmp_code: u8, quote: &[u8]) -> Vec<u8> {
        build::ipv4(1, &[&[icmp_type, icmp_code, 0, 0, 0, 0, 0, 0][..], quote].concat())
    }

    fn error_v6(icmp_type: u8, icmp_code: u8, quote: &[u8]) -> Vec<u8> {
        build::ipv6(58, &[&[icmp_type, icmp_code, 0, 0, 0, 0, 0, 0][..], quote].concat())
    }

    fn about(packet: &[u8]) -> Option<Quoted> {
        match dissect(&build::frame(101, packet)).payload {
            Payload::Icmp(message) => message.about,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_tells_the_flow_that_it_is_about() {
        let expected = Quoted {
            protocol: 17,
            src: "10.0.0.1".parse().unwrap(),
            dst: "10.0.0.2".parse().unwrap(),
            sport: Some(49152),
            dport: Some(69),
        };
        let quote = build::ipv4(17, &build::udp(49152, 69, b"\0\x01SEP003094C2D3FA.cnf.xml\0octet\0"));
        for (icmp_type, icmp_code) in [(3, 3), (3, 13), (4, 0), (5, 1), (11, 0), (12, 0)] {
            for len in [quote.len(), 28, 24] {
                let packet = error(icmp_type, icmp_code, &quote[..len]);
                let d = dissect(&build::frame(101, &packet));
                assert_eq!(
                    d.payload,
                    Payload::Icmp(Message { about: Some(expected), ..Message::new(icmp_type, icmp_code) })
                );
                assert!(d.anomalies.is_empty());
            }
        }
        assert_eq!(about(&error(3, 3, &quote[..20])), Some(Quoted { sport: None, dport: None, ..expected }));
        assert_eq!(about(&error(3, 3, &quote[..22])), Some(Quoted { dport: None, ..expected }));
    }

    #[test]
    fn a_quoted_fragment_has_ports_only_where_it_is_the_first() {
        let mut quote = build::ipv4(17, &build::udp(49152, 69, b"x"));
        quote[6] = 0x20;
        assert_eq!(about(&error(3, 3, &quote)).unwrap().dport, Some(69));
        quote[7] = 185;
        let later = about(&error(3, 3, &quote)).unwrap();
        assert_eq!((later.protocol, later.sport, later.dport), (17, None, None));
        let other = build::ipv4(47, &[1; 8]);
        assert_eq!(about(&error(3, 2, &other)).unwrap().sport, None, "GRE has no ports");

        let mut piece = vec![17, 0, 0, 1, 0, 0, 0, 9];
        piece.extend(build::udp(49152, 69, b"x"));
        assert_eq!(about(&error_v6(1, 4, &build::ipv6(44, &piece))).unwrap().dport, Some(69));
        piece[3] = 8;
        assert_eq!(about(&error_v6(1, 4, &build::ipv6(44, &piece))).unwrap().dport, None);
    }

    #[test]
    fn errors_of_ipv6_are_read_behind_extension_headers() {
        let mut inside = vec![6, 0, 0, 0, 0, 0, 0, 0];
        inside.extend(build::tcp(49152, 2000, 2, b""));
        let quote = build::ipv6(60, &inside);
        for icmp_type in 1..=4 {
            let quoted = about(&error_v6(icmp_type, 0, &quote)).unwrap();
            assert_eq!((quoted.protocol, quoted.dport), (6, Some(2000)));
        }
        assert_eq!(about(&error_v6(1, 0, &quote[..44])).unwrap().protocol, 60, "as far as the quote goes");
    }

    #[test]
    fn discovery_has_target_flags_and_link_address() {
        let target: Ipv6Addr = "2001:db8::5".parse().unwrap();
        let option = [1, 1, 0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa];
        let mac: Mac = "00:30:94:c2:d3:fa".parse().unwrap();
        let read = |packet: &[u8]| match dissect(&build::frame(101, packet)).payload {
            Payload::Icmp(message) => message,
            other => panic!("{other:?}"),
        };
        let solicitation = error_v6(135, 0, &[&target.octets()[..], &[14, 1, 0, 0, 0, 0, 0, 0], &option].concat());
        let expected = Message { target: Some(target), link_mac: Some(mac), ..Message::new(135, 0) };
        assert_eq!(read(&solicitation), expected);
        let mut advertisement = error_v6(136, 0, &target.octets());
        advertisement[44] = 0x60;
        let flags = vec![Flag::Solicited, Flag::Override];
        assert_eq!(read(&advertisement), Message { target: Some(target), flags, ..Message::new(136, 0) });
        let mut router = error_v6(134, 0, &[0; 8]);
        router[44..48].copy_from_slice(&[64, 0xc0, 0x07, 0x08]);
        let flags = vec![Flag::Managed, Flag::OtherConfig];
        let expected = Message { flags, router_lifetime: Some(1800), ..Message::new(134, 0) };
        assert_eq!(read(&router), expected);
        assert_eq!(read(&error_v6(133, 0, &option)), Message { link_mac: Some(mac), ..Message::new(133, 0) });
        // A length of zero would lead nowhere.
        assert_eq!(read(&error_v6(133, 0, &[1, 0, 1, 0])).link_mac, None);
        for len in 48..solicitation.len() {
            let d = dissect(&build::cut_frame(101, &solicitation, len)).payload;
            assert!(matches!(d, Payload::Other) == (len < 64), "cut to {len}");
        }
    }

    #[test]
    fn a_cut_quote_is_an_anomaly_and_an_echo_is_nothing() {
        let packets =
            [error(3, 3, &[]), error(3, 3, &[0x45; 19]), error(3, 3, &[0x60; 60]), error_v6(1, 4, &[0x60; 39])];
        for packet in packets {
            let Dissection { payload, anomalies, .. } = dissect(&build::frame(101, &packet));
            assert!(matches!(payload, Payload::Icmp(Message { about: None, .. })));
            assert_eq!(anomalies.len(), 1);
        }
        for packet in [error(8, 0, &[]), error(0, 0, &[]), error_v6(128, 0, &[]), error_v6(137, 0, &[])] {
            let Dissection { payload, anomalies, .. } = dissect(&build::frame(101, &packet));
            assert_eq!((payload, anomalies), (Payload::Other, vec![]));
        }
        let d = dissect(&build::frame(101, &build::ipv4(1, &[3]))).anomalies.len();
        assert_eq!(d, 1);
    }
}
