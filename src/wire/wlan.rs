//! IEEE 802.11 data frames of open networks: everything else on the air is encrypted or says nothing of a phone.

use super::be::{at_most, from, u8_at, u16_at};
use super::frame::{Next, OTHER, Walk, WlanLayout};
use crate::types::Mac;

/// LLC/SNAP as RFC 1042 has it, up to the EtherType.
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
/// The same with any organisation.
const SNAP_OF_ANY: [u8; 3] = [0xaa, 0xaa, 0x03];

/// A frame from its frame control on (802.11-2020 section 9.2.3).
pub(super) fn read<'a>(walk: &mut Walk, data: &'a [u8], layout: WlanLayout) -> Next<'a> {
    let (Some(kind), Some(flags)) = (u8_at(data, 0), u8_at(data, 1)) else {
        return walk.stop("802.11: the header is cut");
    };
    let (kind, flags) = if layout == WlanLayout::SwappedControl { (flags, kind) } else { (kind, flags) };
    let is_data = kind & 0x0f == 0x08;
    let is_empty = kind & 0x40 != 0;
    if !is_data || is_empty {
        return OTHER;
    }
    let Some(sequence) = u16_at(data, 22) else {
        return walk.stop("802.11: the header is cut");
    };
    let (to_ds, from_ds) = (flags & 0x01 != 0, flags & 0x02 != 0);
    let mut at = if to_ds && from_ds { 30 } else { 24 };
    let has_qos = kind & 0x80 != 0;
    let mut is_aggregate = false;
    if has_qos {
        is_aggregate = u8_at(data, at).is_some_and(|qos| qos & 0x80 != 0);
        at += if flags & 0x80 != 0 { 6 } else { 2 }; // with or without HT control
    }
    if layout == WlanLayout::Padded {
        at = at.next_multiple_of(4);
    }
    let address = |at: usize| Mac::from_slice(from(data, at));
    let (dst, src) = match (to_ds, from_ds) {
        (false, false) => (address(4), address(10)),
        (true, false) => (address(16), address(10)),
        (false, true) => (address(4), address(16)),
        (true, true) => (address(16), address(24)),
    };
    walk.set_link(src, dst);
    // The fragment number stands in the low four bits, little-endian. A later fragment has no LLC header.
    if sequence.swap_bytes() & 0x000f != 0 {
        return OTHER;
    }
    let Some(body) = data.get(at..) else {
        return walk.stop("802.11: the header is cut");
    };
    if flags & 0x40 != 0 {
        // Some drivers decrypt and leave the bit set, with or without the room of the WEP or CCMP header.
        return match [0, 4, 8].into_iter().map(|skip| from(body, skip)).find(|llc| llc.starts_with(&SNAP)) {
            Some(llc) => Next::Llc(llc),
            None => OTHER,
        };
    }
    if is_aggregate {
        return read_aggregate(walk, body);
    }
    if has_qos && !body.starts_with(&SNAP_OF_ANY) {
        // A mesh header: flags, whose first two bits say how many more addresses it has, time to live, sequence.
        // The bit of the QoS field that announces it means something else outside a mesh and was not there in
        // drafts of 802.11s, so what counts is that the header leads to LLC.
        let more = usize::from(u8_at(body, 0).unwrap_or(0) & 0x03);
        let inside = from(body, more.saturating_mul(6).saturating_add(6));
        if inside.starts_with(&SNAP_OF_ANY) {
            return Next::Llc(inside);
        }
    }
    Next::Llc(body)
}

/// An A-MSDU: frames of destination, source, length and LLC, each but the last padded to four bytes. Only the first
/// is read, since a walk has one end.
fn read_aggregate<'a>(walk: &mut Walk, body: &'a [u8]) -> Next<'a> {
    match u16_at(body, 12) {
        Some(len) => {
            if from(body, 14).len() > usize::from(len).next_multiple_of(4).saturating_add(14) {
                walk.note("802.11: of an aggregate of frames only the first is read");
            }
            walk.set_link(Mac::from_slice(from(body, 6)), Mac::from_slice(body));
            Next::Llc(at_most(from(body, 14), usize::from(len)))
        }
        None => walk.stop("802.11: the aggregate is cut"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Dissection, Payload, build, dissect};
    use super::*;

    fn walk(data: &[u8]) -> Dissection<'_> {
        dissect(&build::frame(105, data))
    }

    fn llc() -> Vec<u8> {
        [&SNAP[..], &[0x08, 0x00], &build::ipv4(17, &build::udp(68, 67, b"bootp"))].concat()
    }

    /// A frame with addresses 1 to 4 of ones, twos, threes and fours.
    fn frame(control: [u8; 2], rest: &[&[u8]]) -> Vec<u8> {
        [&control[..], &[0, 0], &[1; 6], &[2; 6], &[3; 6], &[0x10, 0x32], &rest.concat()].concat()
    }

    fn expect(data: &[u8], src: u8, dst: u8) {
        let d = walk(data);
        assert!(matches!(d.payload, Payload::Udp(u) if u.data == b"bootp"), "{d:?}");
        assert_eq!((d.envelope.eth_src, d.envelope.eth_dst), (Some(Mac([src; 6])), Some(Mac([dst; 6]))));
        for len in 0..data.len() - 5 {
            assert_eq!(dissect(&build::cut_frame(105, data, len)).payload, Payload::Other, "cut to {len}");
        }
    }

    #[test]
    fn the_distribution_bits_say_which_address_is_whose() {
        expect(&frame([0x08, 0x00], &[&llc()]), 2, 1);
        expect(&frame([0x08, 0x01], &[&llc()]), 2, 3);
        expect(&frame([0x08, 0x02], &[&llc()]), 3, 1);
        expect(&frame([0x08, 0x03], &[&[4; 6], &llc()]), 4, 3);
    }

    #[test]
    fn qos_and_ht_control_and_mesh_headers_are_skipped() {
        expect(&frame([0x88, 0x01], &[&[0, 0], &llc()]), 2, 3);
        expect(&frame([0x88, 0x81], &[&[0, 0, 9, 9, 9, 9], &llc()]), 2, 3);
        expect(&frame([0x88, 0x03], &[&[4; 6], &[0, 0], &llc()]), 4, 3);
        expect(&frame([0x88, 0x03], &[&[4; 6], &[0, 1], &[0, 31, 1, 0, 0, 0], &llc()]), 4, 3);
        expect(&frame([0x88, 0x03], &[&[4; 6], &[0, 1], &[2, 31, 1, 0, 0, 0], &[5; 12], &llc()]), 4, 3);
        // In an infrastructure network the same bit is part of a queue size.
        expect(&frame([0x88, 0x01], &[&[0, 1], &llc()]), 2, 3);
        // And in drafts it was not set.
        expect(&frame([0x88, 0x02], &[&[0, 0], &[1, 30, 1, 0, 0, 0], &[5; 6], &llc()]), 3, 1);
    }

    #[test]
    fn an_aggregate_gives_its_first_frame() {
        let len = u16::try_from(llc().len()).unwrap().to_be_bytes();
        let sub = [&[7; 6][..], &[8; 6], &len, &llc()].concat();
        expect(&frame([0x88, 0x01], &[&[0x80, 0], &sub]), 8, 7);
        let two = frame([0x88, 0x01], &[&[0x80, 0], &sub, &[0, 0, 0], &sub]);
        assert_eq!(walk(&two).anomalies.len(), 1);
    }

    #[test]
    fn what_is_encrypted_or_no_data_is_left() {
        assert_eq!(walk(&frame([0x08, 0x41], &[&[9; 60]])).payload, Payload::Other);
        assert_eq!(walk(&frame([0x80, 0x00], &[&llc()])).payload, Payload::Other, "a beacon");
        assert_eq!(walk(&frame([0x48, 0x01], &[])).payload, Payload::Other, "no data");
        assert_eq!(walk(&frame([0xc8, 0x01], &[&[0, 0]])).payload, Payload::Other, "no data, QoS");
        let mut second = frame([0x08, 0x01], &[&llc()]);
        second[22] |= 1;
        assert_eq!(walk(&second).payload, Payload::Other, "a later fragment");
        expect(&frame([0x08, 0x41], &[&llc()]), 2, 3);
        expect(&frame([0x08, 0x41], &[&[1, 2, 0, 0x20, 3, 4, 5, 6], &llc()]), 2, 3);
    }
}
