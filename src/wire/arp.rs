//! ARP for IPv4 over Ethernet (RFC 826, 5227).

use std::net::Ipv4Addr;

use super::Mac;

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
