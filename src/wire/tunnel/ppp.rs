//! PPP (RFC 1661, 1662) and PPP over Ethernet (RFC 2516).

use crate::types::Tunnel;
use crate::wire::be::{from, u8_at, u16_at};
use crate::wire::frame::{Next, OTHER, Payload, Walk};

/// A PPP frame, with or without address and control; its protocol may be compressed to one byte.
pub(in crate::wire) fn read<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    walk.enter();
    let data = data.strip_prefix(&[0xff, 0x03]).unwrap_or(data);
    let (protocol, rest) = match u8_at(data, 0) {
        // The last byte of a protocol number is odd, so an odd first one is the only one.
        Some(first) if first & 1 == 1 => (u16::from(first), from(data, 1)),
        _ => match u16_at(data, 0) {
            Some(protocol) => (protocol, from(data, 2)),
            None => return walk.stop("ppp: the header is cut"),
        },
    };
    match protocol {
        0x0021 => Next::Ipv4(rest),
        0x0057 => Next::Ipv6(rest),
        0x0281 | 0x0283 => Next::Mpls(rest),
        0x0207 => Next::Done(Payload::Cdp(rest)),
        _ => OTHER,
    }
}

/// PPPoE, session stage: version and type, code 0, session 2, length 2.
pub(in crate::wire) fn read_pppoe<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    let (Some(version), Some(code), Some(len)) = (u8_at(data, 0), u8_at(data, 1), u16_at(data, 4)) else {
        return walk.stop("pppoe: the header is cut");
    };
    if version != 0x11 {
        return walk.stop("pppoe: not of version 1 and type 1");
    }
    if code != 0 {
        return OTHER;
    }
    walk.enter_tunnel(Tunnel::Pppoe);
    let inside = walk.trim(from(data, 6), usize::from(len));
    Next::Ppp(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{build, dissect};

    #[test]
    fn a_session_is_read_and_discovery_is_left() {
        let packet = build::ipv4(17, &build::udp(68, 67, b"bootp"));
        let len = u16::try_from(packet.len() + 2).unwrap().to_be_bytes();
        let mut session = [&[0x11, 0, 0, 9, len[0], len[1], 0x00, 0x21][..], &packet].concat();
        session.extend([0xee; 9]);
        let frame = build::ethernet(0x8864, &session);
        let d = dissect(&build::frame(1, &frame));
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"bootp"));
        assert_eq!(d.envelope.tunnel, [Tunnel::Pppoe]);
        session[1] = 0xa7;
        let frame = build::ethernet(0x8864, &session);
        assert_eq!(dissect(&build::frame(1, &frame)).payload, Payload::Other);
        let frame = build::ethernet(0x8863, &session);
        assert_eq!(dissect(&build::frame(1, &frame)).payload, Payload::Other);
    }

    #[test]
    fn every_protocol_of_ours_is_found() {
        let read = |data: &[u8]| format!("{:?}", dissect(&build::frame(9, data)).payload);
        assert_eq!(read(&[0x02, 0x07, 1, 2]), "Cdp([1, 2])");
        assert_eq!(read(&[0xc0, 0x21, 1, 2]), "Other");
        let labels = [&[0xff, 0x03, 0x02, 0x81, 0, 0, 1, 9][..], &build::ipv4(17, &build::udp(68, 67, b"x"))].concat();
        assert!(read(&labels).starts_with("Udp"));
        let v6 = [&[0x57][..], &build::ipv6(17, &build::udp(68, 67, b"x"))].concat();
        assert!(read(&v6).starts_with("Udp"));
    }
}
