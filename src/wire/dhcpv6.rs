//! DHCPv6 messages as far as a Cisco phone needs them (RFC 8415; Cisco vendor options, enterprise 9).

use std::net::Ipv6Addr;

use super::{Hex, WireText};

/// One decoded message: the body of a `dhcpv6` event. Of a relayed message, the innermost one.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// `SOLICIT`, `ADVERTISE`, … or the number.
    pub msg: WireText,
    /// Transaction id, 24 bits.
    #[serde(with = "super::hex::xid")]
    pub xid: u32,
    /// Client DUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duid_hex: Option<Hex>,
    /// Addresses of IA_NA and IA_TA.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ia_addr: Vec<Ipv6Addr>,
    /// Vendor class, first string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_class: Option<WireText>,
    /// TFTP server addresses of Cisco's vendor option (option 17, enterprise 9, sub-option 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tftp: Vec<Ipv6Addr>,
    /// How many relays forwarded it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub relays: u8,
}

fn is_zero(n: &u8) -> bool {
    *n == 0
}
