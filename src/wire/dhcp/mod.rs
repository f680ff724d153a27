//! DHCPv4 and BOOTP messages (RFC 951, 2131, 2132, 3046, 3396, 3925, 5859).
//!
//! The options are walked by hand (`options`): what is wrong with a lease is often one bad option among good ones,
//! so each is read by itself, in wire order, and a defect is noted while the rest is still read.
//! Options without a meaning here are only checked (`shape`).
//! What the lease says about TFTP servers is in `tftp`, what the client says it is in `vendor_class`.

mod options;
mod shape;
mod tftp;
mod vendor_class;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::Ipv4Addr;

use super::Anomaly;
use crate::types::{HardwareAddress, Hex, WireText};
use options::{Options, Part};

pub use tftp::{TftpSource, UnusableOption};
pub use vendor_class::PhoneClass;
pub(crate) use vendor_class::class_of;

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

impl MessageType {
    /// The type that option 53 gives as a number (RFC 2132 section 9.6, 3203, 4388, 6926).
    pub fn from_code(code: u8) -> MessageType {
        match code {
            1 => MessageType::Discover,
            2 => MessageType::Offer,
            3 => MessageType::Request,
            4 => MessageType::Decline,
            5 => MessageType::Ack,
            6 => MessageType::Nak,
            7 => MessageType::Release,
            8 => MessageType::Inform,
            9 => MessageType::ForceRenew,
            10 => MessageType::LeaseQuery,
            11 => MessageType::LeaseUnassigned,
            12 => MessageType::LeaseUnknown,
            13 => MessageType::LeaseActive,
            14 => MessageType::BulkLeaseQuery,
            15 => MessageType::LeaseQueryDone,
            other => MessageType::Other(other),
        }
    }

    /// The direction that this type has; `None` where both or neither are usual.
    fn direction(self) -> Option<Op> {
        match self {
            MessageType::Discover
            | MessageType::Request
            | MessageType::Decline
            | MessageType::Release
            | MessageType::Inform => Some(Op::Request),
            MessageType::Offer | MessageType::Ack | MessageType::Nak => Some(Op::Reply),
            _ => None,
        }
    }
}

impl fmt::Display for MessageType {
    /// The word of the event: `DISCOVER`, `BOOTP`, or the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MessageType::Discover => "DISCOVER",
            MessageType::Offer => "OFFER",
            MessageType::Request => "REQUEST",
            MessageType::Decline => "DECLINE",
            MessageType::Ack => "ACK",
            MessageType::Nak => "NAK",
            MessageType::Release => "RELEASE",
            MessageType::Inform => "INFORM",
            MessageType::ForceRenew => "FORCERENEW",
            MessageType::LeaseQuery => "LEASEQUERY",
            MessageType::LeaseUnassigned => "LEASEUNASSIGNED",
            MessageType::LeaseUnknown => "LEASEUNKNOWN",
            MessageType::LeaseActive => "LEASEACTIVE",
            MessageType::BulkLeaseQuery => "BULKLEASEQUERY",
            MessageType::LeaseQueryDone => "LEASEQUERYDONE",
            MessageType::Bootp => "BOOTP",
            MessageType::Other(code) => return write!(f, "{code}"),
        })
    }
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
/// An address of 0.0.0.0 in the fixed fields is no value (`None`).
///
/// An option that came in several parts is joined (RFC 3396), unless the parts are the same bytes: then it was sent
/// twice and is read once. Of a single value (`opt54`) sent several times the first counts. An option that is cut
/// off is not read, but for the whole addresses at the front of a list.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Direction.
    pub op: Op,
    /// Option 53.
    pub msg: MessageType,
    /// Transaction id.
    #[serde(with = "crate::types::hex::xid")]
    pub xid: u32,
    /// Seconds since the client began, as it says; 0 is left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub secs: u16,
    /// Relay hops.
    #[serde(default, skip_serializing_if = "is_zero_u8")]
    pub hops: u8,
    /// Client hardware address; empty where the message gives its length as 0.
    #[serde(default, skip_serializing_if = "is_no_address")]
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
    /// The capture's snap length cut it: options behind the cut are not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Option codes in wire order, without pad (0) and end (255).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<u8>,
    /// Subnet mask. Absent where the option is, or has the wrong length; so for every option below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt1")]
    pub subnet_mask: Option<Ipv4Addr>,
    /// Routers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "opt3")]
    pub routers: Vec<Ipv4Addr>,
    /// DNS servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "opt6")]
    pub dns_servers: Vec<Ipv4Addr>,
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt12")]
    pub host_name: Option<WireText>,
    /// Domain name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt15")]
    pub domain_name: Option<WireText>,
    /// Vendor-specific information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt43_hex")]
    pub vendor_info: Option<Hex>,
    /// Requested address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt50")]
    pub requested_address: Option<Ipv4Addr>,
    /// Lease time, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt51")]
    pub lease_secs: Option<u32>,
    /// Server identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt54")]
    pub server_id: Option<Ipv4Addr>,
    /// Parameter request list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "opt55")]
    pub parameter_list: Vec<u8>,
    /// Text of a NAK or DECLINE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt56")]
    pub message_text: Option<WireText>,
    /// Vendor class, without trailing NULs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt60")]
    pub vendor_class: Option<WireText>,
    /// NULs behind the vendor class, which servers that compare it count.
    #[serde(skip)]
    pub vendor_class_nuls: usize,
    /// Client identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt61_hex")]
    pub client_id: Option<Hex>,
    /// TFTP server name, up to the first NUL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt66")]
    pub tftp_name: Option<WireText>,
    /// Option 66 as sent, where it is not plain printable text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt66_hex")]
    pub tftp_name_raw: Option<Hex>,
    /// User class, as sent.
    #[serde(skip)]
    pub user_class: Option<Hex>,
    /// Relay agent information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt82_hex")]
    pub relay_info: Option<Hex>,
    /// Vendor-identifying information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt125_hex")]
    pub vendor_options: Option<Hex>,
    /// TFTP server addresses: every whole group of four bytes, whatever they mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "opt150")]
    pub tftp_addresses: Vec<Ipv4Addr>,
    /// Option 150 as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "opt150_hex")]
    pub tftp_addresses_raw: Option<Hex>,
}

/// Bytes of the fixed fields, up to the magic cookie.
const FIXED_LEN: usize = 236;
const SNAME_LEN: usize = 64;
const FILE_LEN: usize = 128;
/// 99.130.83.99, RFC 2131 section 3.
const MAGIC_COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// RFC 1542 section 4.1.1: a message with more hops is dropped.
const MOST_HOPS: u8 = 16;

/// Reads the payload of a datagram on port 67 or 68.
///
/// `None` where it is surely no such message: an `op` that is neither 1 nor 2, too short to name a client, or no
/// magic cookie and fixed fields that no BOOTP message has. A message that is cut off is read as far as it goes.
pub fn parse(payload: &[u8]) -> Option<(Message, Vec<Anomaly>)> {
    let mut fields = Fields(payload);
    let op = match fields.u8() {
        1 => Op::Request,
        2 => Op::Reply,
        _ => return None,
    };
    let htype = fields.u8();
    let hlen = fields.u8();
    let hops = fields.u8();
    let xid = u32::from_be_bytes(fields.array());
    let secs = u16::from_be_bytes(fields.array());
    let _flags: [u8; 2] = fields.array();
    let [ciaddr, yiaddr, siaddr, giaddr] = [(); 4].map(|()| fields.address());
    if fields.0.is_empty() {
        return None;
    }
    let chaddr = HardwareAddress::new(fields.slice(16), hlen);
    let sname_field = fields.slice(SNAME_LEN);
    let file_field = fields.slice(FILE_LEN);

    let has_cookie = fields.0.starts_with(&MAGIC_COOKIE);
    if !has_cookie && (hlen > 16 || hops > MOST_HOPS || htype == 0) {
        return None;
    }
    let mut options = Options::default();
    if hlen > 16 {
        options.note(format!("dhcp: hardware address length {hlen}, 16 at most"));
    }
    if payload.len() < FIXED_LEN {
        options.note(format!("dhcp: cut off, {} of {FIXED_LEN} octets of the fixed fields there", payload.len()));
    } else if has_cookie {
        options.walk(fields.0.get(MAGIC_COOKIE.len()..).unwrap_or_default(), Part::Options);
    } else if fields.0.iter().any(|b| *b != 0) {
        options.note("dhcp: no magic cookie, options not read".to_owned());
    }
    // RFC 2131 section 4.1: the options field first, then file, then sname.
    let overload = options.overload();
    if overload.file() {
        options.walk(file_field, Part::File);
    }
    if overload.sname() {
        options.walk(sname_field, Part::Sname);
    }

    let msg = match options.value(53).as_deref() {
        Some([code, ..]) => MessageType::from_code(*code),
        _ => MessageType::Bootp,
    };
    if msg.direction().is_some_and(|usual| usual != op) {
        options.note(format!(
            "dhcp: {msg} in the direction of {}",
            if op == Op::Request { "requests" } else { "replies" }
        ));
    }
    let opt66 = options.value(66);
    let message = Message {
        op,
        msg,
        xid,
        secs,
        hops,
        chaddr,
        ciaddr,
        yiaddr,
        siaddr,
        giaddr,
        sname: (!overload.sname()).then(|| field_text(sname_field, SNAME_LEN)).flatten(),
        file: (!overload.file()).then(|| field_text(file_field, FILE_LEN)).flatten(),
        cut: false,
        options: options.codes(),
        subnet_mask: options.address(1),
        routers: options.addresses(3),
        dns_servers: options.addresses(6),
        host_name: options.text(12),
        domain_name: options.text(15),
        vendor_info: options.hex(43),
        requested_address: options.address(50),
        lease_secs: options.number(51),
        server_id: options.address(54),
        parameter_list: options.value(55).map(|v| v.into_owned()).unwrap_or_default(),
        message_text: options.text(56),
        vendor_class: options.value(60).map(|v| WireText::from_bytes(without_trailing_nuls(&v))),
        vendor_class_nuls: options.value(60).map_or(0, |v| v.len() - without_trailing_nuls(&v).len()),
        client_id: options.hex(61),
        tftp_name: options.text(66),
        tftp_name_raw: opt66.filter(|v| !is_plain_text(v)).map(|v| Hex::from(&*v)),
        user_class: options.as_it_is(77),
        relay_info: options.hex(82),
        vendor_options: options.hex(125),
        tftp_addresses: options.addresses(150),
        tftp_addresses_raw: options.hex(150),
    };
    shape::check(&mut options);
    Some((message, options.into_anomalies()))
}

/// The fixed fields, taken one after the other; what is cut off reads as zero.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn slice(&mut self, len: usize) -> &'a [u8] {
        let (field, rest) = self.0.split_at_checked(len).unwrap_or((self.0, &[]));
        self.0 = rest;
        field
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.slice(N).first_chunk().copied().unwrap_or([0; N])
    }

    fn u8(&mut self) -> u8 {
        let [octet] = self.array();
        octet
    }

    fn address(&mut self) -> Option<Ipv4Addr> {
        let address = Ipv4Addr::from(self.array::<4>());
        (!address.is_unspecified()).then_some(address)
    }
}

/// The text of a field of `len` bytes; `None` where it is empty, or cut off before its end can be seen.
fn field_text(field: &[u8], len: usize) -> Option<WireText> {
    let text = WireText::until_nul(field);
    (!text.is_empty() && (field.len() == len || field.contains(&0))).then_some(text)
}

fn without_trailing_nuls(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    value.get(..end).unwrap_or_default()
}

/// Whether `value` is printable ASCII and nothing else.
fn is_plain_text(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|b| matches!(b, b' '..=b'~'))
}

fn is_no_address(address: &HardwareAddress) -> bool {
    address.octets().is_empty()
}

fn is_zero(n: &u16) -> bool {
    *n == 0
}

fn is_zero_u8(n: &u8) -> bool {
    *n == 0
}
