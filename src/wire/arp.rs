//! ARP for IPv4 over Ethernet (RFC 826, 5227). Other hardware, other protocols and reverse ARP are left.

use std::net::Ipv4Addr;

use super::be::{from, u8_at, u16_at, u32_at};
use super::frame::Walk;
use crate::types::Mac;

/// Operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Who has?
    Request,
    /// Is at.
    Reply,
}

/// The body of an `arp` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Operation.
    pub op: Op,
    /// Who sends.
    pub sender_mac: Mac,
    /// Its address; 0.0.0.0 in a probe.
    pub sender_ip: Ipv4Addr,
    /// Whose address is asked for.
    pub target_ip: Ipv4Addr,
}

/// A packet from its hardware type on; Ethernet padding may follow. `None`: nothing of ours, or cut.
pub(super) fn read(walk: &mut Walk, data: &[u8]) -> Option<Message> {
    let message = parse(data);
    if message.is_none() && data.len() < 28 {
        walk.note("arp: the packet is cut");
    }
    message
}

fn parse(data: &[u8]) -> Option<Message> {
    let is_ethernet = u16_at(data, 0)? == 1 && u8_at(data, 4)? == 6;
    let is_ipv4 = u16_at(data, 2)? == 0x0800 && u8_at(data, 5)? == 4;
    let op = match u16_at(data, 6)? {
        1 => Op::Request,
        2 => Op::Reply,
        _ => return None,
    };
    if !is_ethernet || !is_ipv4 {
        return None;
    }
    Some(Message {
        op,
        sender_mac: Mac::from_slice(from(data, 8))?,
        sender_ip: Ipv4Addr::from_bits(u32_at(data, 14)?),
        target_ip: Ipv4Addr::from_bits(u32_at(data, 24)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{Payload, build, dissect};

    const REQUEST: [u8; 28] =
        [0, 1, 8, 0, 6, 4, 0, 1, 0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa, 10, 50, 0, 20, 0, 0, 0, 0, 0, 0, 10, 30, 0, 5];

    #[test]
    fn requests_and_replies_are_read_with_padding_behind_them() {
        let mut frame = build::ethernet(0x0806, &REQUEST);
        frame.resize(60, 0);
        let expected = Message {
            op: Op::Request,
            sender_mac: "00:30:94:c2:d3:fa".parse().unwrap(),
            sender_ip: Ipv4Addr::new(10, 50, 0, 20),
            target_ip: Ipv4Addr::new(10, 30, 0, 5),
        };
        assert_eq!(dissect(&build::frame(1, &frame)).payload, Payload::Arp(expected.clone()));
        frame[21] = 2;
        let reply = Message { op: Op::Reply, ..expected };
        assert_eq!(dissect(&build::frame(1, &frame)).payload, Payload::Arp(reply));
    }

    #[test]
    fn a_cut_packet_is_an_anomaly_and_another_kind_is_none() {
        let frame = build::ethernet(0x0806, &REQUEST);
        for len in 14..frame.len() {
            let d = dissect(&build::cut_frame(1, &frame, len));
            assert_eq!((d.payload, d.anomalies.len()), (Payload::Other, 1), "{len}");
        }
        for (at, value) in [(1, 6), (3, 1), (4, 8), (5, 16), (7, 3)] {
            let mut data = REQUEST;
            data[at] = value;
            let frame = build::ethernet(0x0806, &data);
            let d = dissect(&build::frame(1, &frame));
            assert_eq!((d.payload, d.anomalies.len()), (Payload::Other, 0), "octet {at}");
        }
    }
}
