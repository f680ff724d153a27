//! Neighbour discovery (RFC 4861): who has this IPv6 address, and what routers announce.

use std::net::Ipv6Addr;

use super::frame::{Frame, Mac};
use super::scene::{ETHERTYPE_IPV6, End, ICMPV6, ipv6, summed};

fn frame(src: (Mac, Ipv6Addr), dst: (Mac, Ipv6Addr), body: Vec<u8>) -> Frame {
    let segment = summed(src.1.into(), dst.1.into(), ICMPV6, body, 2);
    Frame::ethernet(dst.0, src.0, ETHERTYPE_IPV6, &ipv6(src.1, dst.1, ICMPV6, &segment))
}

fn v6(end: End) -> Ipv6Addr {
    end.ip.to_string().parse().expect("an IPv6 address")
}

/// Asks a link for the owner of an address.
pub fn solicitation(from: End, target: &str) -> Frame {
    let target: Ipv6Addr = target.parse().expect("an address");
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
    let body = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target.octets(), &[1, 1], &from.mac].concat();
    frame((from.mac, v6(from)), ([0x33, 0x33, 0xff, a, b, c], group), body)
}

/// The owner answers.
pub fn advertisement(owner: End, to: End) -> Frame {
    let body = [&[136, 0, 0, 0, 0x60, 0, 0, 0][..], &v6(owner).octets(), &[2, 1], &owner.mac].concat();
    frame((owner.mac, v6(owner)), (to.mac, v6(to)), body)
}

/// A phone asks for routers.
pub fn router_solicitation(from: End) -> Frame {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
    let body = [&[133, 0, 0, 0, 0, 0, 0, 0, 1, 1][..], &from.mac].concat();
    frame((from.mac, v6(from)), ([0x33, 0x33, 0, 0, 0, 2], group), body)
}

/// A router announces a prefix; `managed`: addresses and the rest come by DHCPv6.
pub fn router_advertisement(router: End, prefix: &str, managed: bool) -> Frame {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let flags = if managed { 0xc0 } else { 0 };
    let prefix: Ipv6Addr = prefix.parse().expect("a prefix");
    let mut body = vec![134, 0, 0, 0, 64, flags];
    body.extend(1800u16.to_be_bytes());
    body.extend([0; 8]);
    body.extend([1, 1]);
    body.extend(router.mac);
    body.extend([3, 4, 64, 0xc0]);
    body.extend([0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0]);
    body.extend(prefix.octets());
    frame((router.mac, v6(router)), ([0x33, 0x33, 0, 0, 0, 1], group), body)
}
