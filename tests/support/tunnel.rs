//! What a mirror may wrap frames in: QinQ, ERSPAN, VXLAN, and the cooked headers of Linux. Frame in, bytes out.

use super::frame::{BROADCAST, Frame, Ipv4, Mac, UDP, ip, mac, udp};

pub const LINK_ETHERNET: u32 = 1;
pub const LINK_RAW: u32 = 101;
pub const LINK_SLL: u32 = 113;
pub const LINK_SLL2: u32 = 276;

const GRE: u8 = 47;

/// The frame with an outer provider tag (802.1ad) and an inner customer tag.
pub fn qinq(frame: Frame, outer: u16, inner: u16) -> Frame {
    frame.tagged(inner).tagged_as(0x88a8, outer)
}

/// Between switch and analyzer: addresses of the tunnel itself.
fn outer(number: u32, protocol: u8, payload: &[u8]) -> Frame {
    let header = Ipv4 { src: ip("10.99.0.1"), dst: ip("10.99.0.9"), protocol, id: number as u16, ttl: 63 };
    Frame::ethernet(mac("00:50:8b:99:00:09"), mac("00:0b:5f:99:00:01"), 0x0800, &header.packet(payload))
}

/// ERSPAN type I: GRE without sequence numbers, no header of its own.
pub fn erspan_i(number: u32, frame: &Frame) -> Frame {
    outer(number, GRE, &[&[0x00, 0x00, 0x88, 0xbe], frame.0.as_slice()].concat())
}

/// ERSPAN type II: a GRE sequence number and eight octets; `vlan` of the mirrored port (0: none).
pub fn erspan_ii(number: u32, vlan: u16, session: u16, frame: &Frame) -> Frame {
    let mut header = vec![0x10, 0x00, 0x88, 0xbe];
    header.extend(number.to_be_bytes());
    header.extend((1 << 12 | vlan).to_be_bytes());
    // Encapsulation 3: the tag, if any, is kept in the frame.
    header.extend((3 << 11 | session).to_be_bytes());
    header.extend(7u32.to_be_bytes());
    outer(number, GRE, &[header.as_slice(), &frame.0].concat())
}

/// ERSPAN type III: a GRE sequence number and twelve octets.
pub fn erspan_iii(number: u32, vlan: u16, session: u16, frame: &Frame) -> Frame {
    let mut header = vec![0x10, 0x00, 0x22, 0xeb];
    header.extend(number.to_be_bytes());
    header.extend((2 << 12 | vlan).to_be_bytes());
    header.extend((3 << 11 | session).to_be_bytes());
    header.extend(number.wrapping_mul(1000).to_be_bytes());
    header.extend([0, 0, 0, 0]);
    outer(number, GRE, &[header.as_slice(), &frame.0].concat())
}

/// VXLAN (RFC 7348) to port 4789.
pub fn vxlan(number: u32, vni: u32, frame: &Frame) -> Frame {
    let [_, a, b, c] = vni.to_be_bytes();
    let payload = [&[0x08, 0, 0, 0, a, b, c, 0], frame.0.as_slice()].concat();
    let source_port = 49152 + (vni as u16 & 0xff);
    outer(number, UDP, &udp((ip("10.99.0.1"), source_port), (ip("10.99.0.9"), 4789), &payload))
}

/// How Linux classes a frame that a mirror brings: broadcast, multicast or to another host.
fn packet_type(dst: Mac) -> u8 {
    match dst {
        BROADCAST => 1,
        [first, ..] if first & 1 == 1 => 2,
        _ => 3,
    }
}

/// Protocol and payload behind the addresses; 802.3 frames are protocol 4 to Linux.
fn cooked_payload(frame: &Frame) -> (u16, &[u8]) {
    match u16::from_be_bytes([frame.0[12], frame.0[13]]) {
        length if length < 0x600 => (4, &frame.0[14..]),
        ethertype => (ethertype, &frame.0[14..]),
    }
}

/// Linux cooked capture, version 1 (link type 113).
pub fn sll(frame: &Frame) -> Vec<u8> {
    let (protocol, payload) = cooked_payload(frame);
    let mut bytes = vec![0, packet_type(frame.dst()), 0, 1, 0, 6];
    bytes.extend(frame.src());
    bytes.extend([0, 0]);
    bytes.extend(protocol.to_be_bytes());
    [bytes.as_slice(), payload].concat()
}

/// Linux cooked capture, version 2 (link type 276).
pub fn sll2(interface: u32, frame: &Frame) -> Vec<u8> {
    let (protocol, payload) = cooked_payload(frame);
    let mut bytes = protocol.to_be_bytes().to_vec();
    bytes.extend([0, 0]);
    bytes.extend(interface.to_be_bytes());
    bytes.extend([0, 1, packet_type(frame.dst()), 6]);
    bytes.extend(frame.src());
    bytes.extend([0, 0]);
    [bytes.as_slice(), payload].concat()
}

/// A frame of a station behind an access point, as CAPWAP data carries it to the controller (RFC 5415, RFC 5416): an
/// 802.11 header and LLC in place of Ethernet's. `up`: from the station. `swapped`: the octets of the frame control are
/// in the order in which Cisco's access points send them.
pub fn capwap(number: u32, up: bool, swapped: bool, frame: &Frame) -> Frame {
    let (dst, src, bssid) = (frame.dst(), frame.src(), mac("00:27:0d:4e:10:a0"));
    // A data frame with quality of service, to or from the distribution system.
    let control = [0x88, if up { 1 } else { 2 }];
    let mut inner = if swapped { vec![control[1], control[0]] } else { control.to_vec() };
    inner.extend([0, 0]);
    let addresses = if up { [bssid, src, dst] } else { [dst, bssid, src] };
    inner.extend(addresses.concat());
    inner.extend((number as u16).wrapping_shl(4).to_le_bytes());
    inner.extend([6, 0]);
    inner.extend([0xaa, 0xaa, 3, 0, 0, 0]);
    inner.extend(&frame.0[12..]);
    capwap_packet(number, up, &[&[0x00, 0x10, 0x43, 0, 0, 0, 0, 0], inner.as_slice()].concat())
}

/// CAPWAP data under DTLS: nothing inside can be read.
pub fn capwap_sealed(number: u32, up: bool, octets: usize) -> Frame {
    let record = [23, 0xfe, 0xff, 0, 1, 0, 0, 0, 0, 0, number as u8];
    let length = (octets as u16).to_be_bytes();
    capwap_packet(number, up, &[&[0x01, 0, 0, 0], &record[..], &length, &vec![0x9b; octets]].concat())
}

fn capwap_packet(number: u32, up: bool, payload: &[u8]) -> Frame {
    let (ap, controller) = ((ip("10.112.40.21"), 29_100), (ip("10.112.1.10"), 5247));
    let (src, dst) = if up { (ap, controller) } else { (controller, ap) };
    let header = Ipv4 { src: src.0, dst: dst.0, protocol: UDP, id: number as u16, ttl: 254 };
    let ends = (mac("00:27:0d:4e:10:00"), mac("00:24:97:01:0a:01"));
    let (src_mac, dst_mac) = if up { ends } else { (ends.1, ends.0) };
    Frame::ethernet(dst_mac, src_mac, 0x0800, &header.packet(&udp(src, dst, payload)))
}

/// EtherIP (RFC 3378): version 3, then the frame.
pub fn ether_ip(number: u32, frame: &Frame) -> Frame {
    outer(number, 97, &[&[0x30, 0x00], frame.0.as_slice()].concat())
}
