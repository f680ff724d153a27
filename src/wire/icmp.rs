//! ICMP (RFC 792) and ICMPv6 (RFC 4443) errors, and the flow that they quote.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::be::{from, u8_at, u16_at, u32_at};
use super::frame::Walk;
use super::ip;

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
}

/// A message from its type on. `None`: no error (an echo, a neighbour), or cut.
pub(super) fn read(walk: &mut Walk, data: &[u8], is_v6: bool) -> Option<Message> {
    let (Some(icmp_type), Some(icmp_code)) = (u8_at(data, 0), u8_at(data, 1)) else {
        walk.note("icmp: the header is cut");
        return None;
    };
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
    Some(Message { icmp_type, icmp_code, about })
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
    let (protocol, transport) = match ip::after_extensions(next_header, from(quote, 40)) {
        Some(inside) if inside.piece.as_ref().is_none_or(|piece| piece.offset == 0) => (inside.protocol, inside.data),
        Some(later_fragment) => (later_fragment.protocol, &[][..]),
        None => (next_header, &[][..]),
    };
    Some(quoted(protocol, src.into(), dst.into(), transport))
}

fn quoted(protocol: u8, src: IpAddr, dst: IpAddr, transport: &[u8]) -> Quoted {
    let has_ports = matches!(protocol, ip::TCP | ip::UDP);
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
                assert_eq!(d.payload, Payload::Icmp(Message { icmp_type, icmp_code, about: Some(expected) }));
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
    fn a_cut_quote_is_an_anomaly_and_an_echo_is_nothing() {
        let packets =
            [error(3, 3, &[]), error(3, 3, &[0x45; 19]), error(3, 3, &[0x60; 60]), error_v6(1, 4, &[0x60; 39])];
        for packet in packets {
            let Dissection { payload, anomalies, .. } = dissect(&build::frame(101, &packet));
            assert!(matches!(payload, Payload::Icmp(Message { about: None, .. })));
            assert_eq!(anomalies.len(), 1);
        }
        for packet in [error(8, 0, &[]), error(0, 0, &[]), error_v6(128, 0, &[]), error_v6(135, 0, &[])] {
            let Dissection { payload, anomalies, .. } = dissect(&build::frame(101, &packet));
            assert_eq!((payload, anomalies), (Payload::Other, vec![]));
        }
        let d = dissect(&build::frame(101, &build::ipv4(1, &[3]))).anomalies.len();
        assert_eq!(d, 1);
    }
}
