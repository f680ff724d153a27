//! MPLS labels (RFC 3032) and what stands behind them: IP, or an Ethernet pseudo-wire (RFC 4448).
//!
//! Labels do not say what they carry, so it is inferred as routers do, by the first four bits, and where those
//! could be an Ethernet address as well, by what makes sense.

use crate::types::Tunnel;
use crate::wire::be::{from, u8_at, u16_at};
use crate::wire::ethernet::looks_like_frame;
use crate::wire::frame::{Next, OTHER, Walk};

/// Labels followed in one stack.
const MAX_LABELS: usize = 16;

/// A label stack: label 20 bits, class 3, bottom of stack 1, time to live 8; four bytes each.
pub(in crate::wire) fn read<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    walk.enter_tunnel(Tunnel::Mpls);
    for label in 1..=MAX_LABELS {
        let Some(bottom) = u8_at(data, label * 4 - 2) else {
            return walk.stop("mpls: the label stack is cut");
        };
        if bottom & 1 == 1 {
            return read_inside(walk, from(data, label * 4));
        }
    }
    walk.stop("mpls: more than 16 labels")
}

fn read_inside<'a>(walk: &mut Walk, data: &'a [u8]) -> Next<'a> {
    // An address of an Ethernet pseudo-wire may begin with 4 or 6 as well (RFC 4928), or with zeros.
    match u8_at(data, 0).map(|b| b >> 4) {
        Some(4) if is_ipv4(data) || !looks_like_frame(data) => Next::Ipv4(data),
        Some(6) if is_ipv6(walk, data) || !looks_like_frame(data) => Next::Ipv6(data),
        // Control word: four zero bits, flags that are zero for Ethernet, a sequence number.
        Some(0) if u16_at(data, 0) == Some(0) && (looks_like_frame(from(data, 4)) || !looks_like_frame(data)) => {
            Next::Ethernet(from(data, 4))
        }
        // A channel of the pseudo-wire's own (RFC 4385).
        Some(1) if !looks_like_frame(data) => OTHER,
        Some(_) => Next::Ethernet(data),
        None => walk.stop("mpls: nothing behind the labels"),
    }
}

fn is_ipv4(data: &[u8]) -> bool {
    let Some(header) = u8_at(data, 0).and_then(|b| data.get(..usize::from(b & 0x0f) * 4)) else { return false };
    let sum: u32 = header.chunks_exact(2).filter_map(|pair| u16_at(pair, 0)).map(u32::from).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    header.len() >= 20 && (folded & 0xffff) + (folded >> 16) == 0xffff
}

fn is_ipv6(walk: &Walk, data: &[u8]) -> bool {
    let there = data.len().saturating_sub(40).saturating_add(walk.missing);
    u16_at(data, 4).is_some_and(|len| usize::from(len) <= there) && !looks_like_frame(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Mac;
    use crate::wire::frame::{Dissection, Payload, build, dissect};

    fn walk(data: &[u8]) -> Dissection<'_> {
        dissect(&build::frame(1, data))
    }

    fn bootp() -> Vec<u8> {
        build::ipv4(17, &build::udp(68, 67, b"bootp"))
    }

    fn labelled(labels: &[u8], inside: &[u8]) -> Vec<u8> {
        build::ethernet(0x8847, &[labels, inside].concat())
    }

    const TWO_LABELS: [u8; 8] = [0, 1, 0x20, 64, 0, 1, 0x31, 64];

    #[test]
    fn ip_behind_labels_is_read() {
        let frame = labelled(&TWO_LABELS, &bootp());
        let d = walk(&frame);
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"bootp"));
        assert_eq!(d.envelope.tunnel, [Tunnel::Mpls]);
        let frame = labelled(&TWO_LABELS, &build::ipv6(17, &build::udp(546, 547, b"bootp")));
        assert!(matches!(walk(&frame).payload, Payload::Udp(u) if u.data == b"bootp"));
        let in_ip = build::ipv4(137, &[&TWO_LABELS[..], &bootp()].concat());
        assert!(matches!(dissect(&build::frame(101, &in_ip)).payload, Payload::Udp(u) if u.data == b"bootp"));
    }

    #[test]
    fn pseudo_wire_is_read_with_and_without_control_word() {
        let cdp = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0][..], b"cdp"].concat();
        for first in [0x00, 0x01, 0x10, 0x40, 0x45, 0x60, 0xff] {
            for mut dst in [[first; 6], [first, 0, 0x0c, 0xcc, 0xcc, 0xcc]] {
                dst[5] = 0x77;
                for control_word in [&[][..], &[0, 0, 0, 0], &[0, 0, 0x12, 0x34]] {
                    let inner = build::ethernet_between(dst, [2; 6], 0x0800, &bootp());
                    let frame = labelled(&TWO_LABELS, &[control_word, &inner].concat());
                    let d = walk(&frame);
                    assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"bootp"), "{dst:x?} {control_word:?}");
                    assert_eq!(d.envelope.eth_dst, Some(Mac(dst)));
                    let inner = build::ethernet_between(dst, [2; 6], 11, &cdp);
                    let frame = labelled(&TWO_LABELS, &[control_word, &inner].concat());
                    assert_eq!(walk(&frame).payload, Payload::Cdp(b"cdp"), "{dst:x?} {control_word:?}");
                }
            }
        }
    }

    #[test]
    fn a_stack_without_bottom_ends_the_walk() {
        let frame = labelled(&[0; 40], &[]);
        assert_eq!(walk(&frame).anomalies[0].as_str(), "mpls: the label stack is cut");
        let frame = labelled(&[0; 100], &[]);
        assert_eq!(walk(&frame).anomalies[0].as_str(), "mpls: more than 16 labels");
        let frame = labelled(&TWO_LABELS, &[]);
        assert_eq!(walk(&frame).anomalies[0].as_str(), "mpls: nothing behind the labels");
        let frame = labelled(&TWO_LABELS, &[0x10, 0, 0, 0x21, 1, 2, 3, 4]);
        assert_eq!(walk(&frame).payload, Payload::Other);
    }
}
