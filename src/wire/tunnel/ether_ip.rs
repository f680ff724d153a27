//! Ethernet in IP (RFC 3378): a version of four bits, 3, twelve reserved bits, then the frame.

use crate::types::Tunnel;
use crate::wire::be::{from, u16_at};
use crate::wire::ethernet;
use crate::wire::frame::{Next, OTHER, Walk};

/// The packet behind the IP header.
pub(in crate::wire) fn read<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    match u16_at(data, 0) {
        Some(0x3000) => {
            walk.enter_tunnel(Tunnel::EtherIp);
            Next::Ethernet(from(data, 2))
        }
        // OpenBSD before 2001 wrote a version of 0x03 in one byte; the frame behind has to prove it.
        Some(0x0300) if ethernet::looks_like_frame(from(data, 2)) => {
            walk.enter_tunnel(Tunnel::EtherIp);
            Next::Ethernet(from(data, 2))
        }
        Some(_) => OTHER,
        None => walk.stop("etherip: the header is cut"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{Payload, build, dissect};

    #[test]
    fn frame_in_ip_is_opened_and_other_versions_are_not() {
        let inside = build::ethernet(
            0x0800,
            &build::ipv4_between([192, 0, 2, 1], [192, 0, 2, 2], 17, &build::udp(68, 67, b"bootp")),
        );
        for (header, opened) in [([0x30, 0], true), ([0x03, 0], true), ([0x40, 0], false), ([0x30, 1], false)] {
            let packet = build::ipv4(97, &[&header[..], &inside].concat());
            let d = dissect(&build::frame(101, &packet));
            assert_eq!(matches!(d.payload, Payload::Udp(u) if u.data == b"bootp"), opened, "{header:?}");
            assert_eq!(d.envelope.tunnel == [Tunnel::EtherIp], opened);
            for len in 20..packet.len() - 5 {
                assert!(!matches!(dissect(&build::cut_frame(101, &packet, len)).payload, Payload::Arp(_)));
            }
        }
    }
}
