//! Numbers of what IP carries (IANA, "Assigned Internet Protocol Numbers"), and the walk over the extension headers of
//! IPv6 to it.

use super::be::{u8_at, u16_at, u32_at};

pub(crate) const HOP_BY_HOP: u8 = 0;
pub(crate) const ICMP: u8 = 1;
pub(crate) const IPIP: u8 = 4;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const IPV6_IN_IP: u8 = 41;
pub(crate) const ROUTING: u8 = 43;
pub(crate) const FRAGMENT: u8 = 44;
pub(crate) const GRE: u8 = 47;
pub(crate) const AUTHENTICATION: u8 = 51;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const DESTINATION_OPTIONS: u8 = 60;
pub(crate) const ETHER_IP: u8 = 97;
pub(crate) const MPLS_IN_IP: u8 = 137;

/// What stands after the extension headers of an IPv6 packet.
pub(super) struct Inside<'a> {
    pub(super) protocol: u8,
    pub(super) data: &'a [u8],
    /// The packet is a fragment; `data` is the piece, and nothing in it was looked at.
    pub(super) piece: Option<Piece>,
}

/// Fields of an IPv6 fragment header (RFC 8200 section 4.5).
pub(super) struct Piece {
    pub(super) offset: usize,
    pub(super) more: bool,
    pub(super) id: u32,
}

/// Skips IPv6 extension headers (RFC 8200 section 4), the authentication header (RFC 4302) among them.
/// A fragment header without fragmentation is skipped (RFC 6946). `None`: a header is cut.
pub(super) fn after_extensions(mut protocol: u8, mut data: &[u8]) -> Option<Inside<'_>> {
    // Each header has eight bytes at least, so the loop ends with the packet.
    loop {
        let len = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => usize::from(u8_at(data, 1)?).saturating_add(1) * 8,
            AUTHENTICATION => usize::from(u8_at(data, 1)?).saturating_add(2) * 4,
            FRAGMENT => 8,
            _ => return Some(Inside { protocol, data, piece: None }),
        };
        let next = u8_at(data, 0)?;
        let rest = data.get(len..)?;
        if protocol == FRAGMENT {
            let field = u16_at(data, 2)?;
            let piece = Piece { offset: usize::from(field & 0xfff8), more: field & 1 == 1, id: u32_at(data, 4)? };
            if piece.more || piece.offset != 0 {
                return Some(Inside { protocol: next, data: rest, piece: Some(piece) });
            }
        }
        protocol = next;
        data = rest;
    }
}
