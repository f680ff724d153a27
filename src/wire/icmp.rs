//! ICMP (RFC 792) and ICMPv6 (RFC 4443) errors, and the flow that they quote.

use std::net::IpAddr;

/// The flow that an error is about, as its quoted header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Quoted {
    /// IP protocol number: 6 TCP, 17 UDP.
    pub protocol: u8,
    /// Who sent the quoted packet.
    pub src: IpAddr,
    /// To whom.
    pub dst: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub sport: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub dport: Option<u16>,
}

/// The body of an `icmp` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// ICMP type; for ICMPv6 its own numbers (the event's addresses tell which).
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
    /// The flow quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Quoted>,
}
