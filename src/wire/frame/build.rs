//! Frames for tests, from the inside out.

use crate::types::{Frame, LinkType, Timestamp};

/// A frame that was captured whole.
pub(crate) fn frame(link_type: u16, data: &[u8]) -> Frame<'_> {
    cut_frame(link_type, data, data.len())
}

/// A frame of which `len` bytes were kept.
pub(crate) fn cut_frame(link_type: u16, data: &[u8], len: usize) -> Frame<'_> {
    let orig_len = u32::try_from(data.len()).unwrap();
    Frame {
        input: 0,
        number: 1,
        time: Timestamp(0),
        link_type: LinkType(link_type),
        orig_len,
        data: &data[..len.min(data.len())],
    }
}

/// A frame from 00:30:94:c2:d3:fa to all.
pub(crate) fn ethernet(ether_type: u16, inside: &[u8]) -> Vec<u8> {
    ethernet_between([0xff; 6], [0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa], ether_type, inside)
}

pub(crate) fn ethernet_between(dst: [u8; 6], src: [u8; 6], ether_type: u16, inside: &[u8]) -> Vec<u8> {
    [&dst[..], &src, &ether_type.to_be_bytes(), inside].concat()
}

/// A tag without the EtherType that announces it.
pub(crate) fn tag(tag: u16, ether_type: u16, inside: &[u8]) -> Vec<u8> {
    [&tag.to_be_bytes()[..], &ether_type.to_be_bytes(), inside].concat()
}

/// Linux cooked capture from 00:30:94:c2:d3:fa.
pub(crate) fn sll(protocol: u16, inside: &[u8]) -> Vec<u8> {
    let header = [0, 0, 0, 1, 0, 6, 0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa, 0, 0];
    [&header[..], &protocol.to_be_bytes(), inside].concat()
}

/// The same, version 2.
pub(crate) fn sll2(protocol: u16, inside: &[u8]) -> Vec<u8> {
    let header = [0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa, 0, 0];
    [&protocol.to_be_bytes()[..], &header, inside].concat()
}

/// An 802.11 data frame to the distribution system.
pub(crate) fn wlan(ether_type: u16, inside: &[u8]) -> Vec<u8> {
    let header = [&[0x08, 0x01, 0, 0][..], &[1; 6], &[2; 6], &[3; 6], &[0, 0]].concat();
    [&header[..], &[0xaa, 0xaa, 3, 0, 0, 0], &ether_type.to_be_bytes(), inside].concat()
}

/// A packet from 10.0.0.1 to 10.0.0.2 with identification 0x1234 and a right checksum.
pub(crate) fn ipv4(protocol: u8, inside: &[u8]) -> Vec<u8> {
    ipv4_between([10, 0, 0, 1], [10, 0, 0, 2], protocol, inside)
}

pub(crate) fn ipv4_between(src: [u8; 4], dst: [u8; 4], protocol: u8, inside: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + inside.len()).unwrap().to_be_bytes();
    let mut header = [&[0x45, 0, total[0], total[1], 0x12, 0x34, 0, 0, 64, protocol, 0, 0][..], &src, &dst].concat();
    let sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    [&header, inside].concat()
}

/// A packet from fe80::1 to ff02::1:2.
pub(crate) fn ipv6(next_header: u8, inside: &[u8]) -> Vec<u8> {
    let len = u16::try_from(inside.len()).unwrap().to_be_bytes();
    let src = "fe80::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let dst = "ff02::1:2".parse::<std::net::Ipv6Addr>().unwrap().octets();
    [&[0x60, 0, 0, 0, len[0], len[1], next_header, 64][..], &src, &dst, inside].concat()
}

pub(crate) fn udp(sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap();
    [&sport.to_be_bytes()[..], &dport.to_be_bytes(), &len.to_be_bytes(), &[0, 0], payload].concat()
}

/// A segment with sequence number 0x01020304 and acknowledgment 0x05060708.
pub(crate) fn tcp(sport: u16, dport: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let header = [1, 2, 3, 4, 5, 6, 7, 8, 0x50, flags, 0x10, 0, 0, 0, 0, 0];
    [&sport.to_be_bytes()[..], &dport.to_be_bytes(), &header, payload].concat()
}
