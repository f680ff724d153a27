//! DHCPv4 and BOOTP messages (RFC 951, 2131, 2132, 3046, 3396, 3925, 5859).

use std::net::Ipv4Addr;

use super::{HardwareAddress, Hex, WireText};

/// What a message is. `Bootp`: no option 53.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum MessageType {
    Discover,
    Offer,
    Request,
    Decline,
    Ack,
    Nak,
    Release,
    Inform,
    ForceRenew,
    LeaseQuery,
    LeaseUnassigned,
    LeaseUnknown,
    LeaseActive,
    BulkLeaseQuery,
    LeaseQueryDone,
    Bootp,
    /// A number in option 53 that has no name here.
    #[serde(untagged)]
    Other(u8),
}

/// Direction of a message (`op`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Op {
    /// Client to server, 1.
    #[serde(rename = "BOOTREQUEST")]
    Request,
    /// Server to client, 2.
    #[serde(rename = "BOOTREPLY")]
    Reply,
}

/// One decoded message: the body of a `dhcp` event (contract section 5).
/// An address of 0.0.0.0 in the fixed fields is no value (`None`). Options that came several times are joined (RFC 3396).
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Direction.
    pub op: Op,
    /// Option 53.
    pub msg: MessageType,
    /// Transaction id.
    #[serde(with = "super::hex::xid")]
    pub xid: u32,
    /// Seconds since the client began, as it says; 0 is left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub secs: u16,
    /// Relay hops.
    #[serde(default, skip_serializing_if = "is_zero_u8")]
    pub hops: u8,
    /// Client hardware address.
    pub chaddr: HardwareAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub ciaddr: Option<Ipv4Addr>,
    /// The address offered or leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yiaddr: Option<Ipv4Addr>,
    /// Next server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub siaddr: Option<Ipv4Addr>,
    /// Relay agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub giaddr: Option<Ipv4Addr>,
    /// Server host name field, up to the first NUL; `None` where empty or overloaded with options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sname: Option<WireText>,
    /// Boot file field, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WireText>,
    /// Option codes in wire order, without pad (0) and end (255).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<u8>,
    /// Subnet mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt1: Option<Ipv4Addr>,
    /// Routers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opt3: Vec<Ipv4Addr>,
    /// DNS servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opt6: Vec<Ipv4Addr>,
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt12: Option<WireText>,
    /// Domain name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt15: Option<WireText>,
    /// Vendor-specific information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt43_hex: Option<Hex>,
    /// Requested address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt50: Option<Ipv4Addr>,
    /// Lease time, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt51: Option<u32>,
    /// Server identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt54: Option<Ipv4Addr>,
    /// Parameter request list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opt55: Vec<u8>,
    /// Text of a NAK or DECLINE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt56: Option<WireText>,
    /// Vendor class, without trailing NULs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt60: Option<WireText>,
    /// Client identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt61_hex: Option<Hex>,
    /// TFTP server name, up to the first NUL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt66: Option<WireText>,
    /// Option 66 as sent, where it is not plain printable text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt66_hex: Option<Hex>,
    /// Relay agent information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt82_hex: Option<Hex>,
    /// Vendor-identifying information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt125_hex: Option<Hex>,
    /// TFTP server addresses: every whole group of four octets, whatever they mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opt150: Vec<Ipv4Addr>,
    /// Option 150 as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt150_hex: Option<Hex>,
}

fn is_zero(n: &u16) -> bool {
    *n == 0
}

fn is_zero_u8(n: &u8) -> bool {
    *n == 0
}
