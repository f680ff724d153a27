//! TFTP packets (RFC 1350, 2347, 2348, 2349, 7440).

use std::collections::BTreeMap;

use super::WireText;

/// Operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Op {
    /// Read request.
    Rrq,
    /// Write request.
    Wrq,
    /// A block of the file.
    Data,
    /// Acknowledgement.
    Ack,
    /// The end, with a reason.
    Error,
    /// Option acknowledgement.
    Oack,
}

/// One packet: the body of a `tftp` event (contract section 5).
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Packet {
    /// Operation.
    pub op: Op,
    /// Name of the file: of the request, and where the transfer is known of its later packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WireText>,
    /// Transfer mode of a request, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<WireText>,
    /// Block number of DATA and ACK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u16>,
    /// Length of the data in a DATA packet, by the UDP length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// The last block of its transfer: shorter than the block size.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// Code of an ERROR; 1 is "file not found".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u16>,
    /// Text of an ERROR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_text: Option<WireText>,
    /// Options of a request or an OACK, names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<WireText, WireText>,
}
