//! DNS questions and answers (RFC 1035) about TFTP and CallManager names.

use std::net::IpAddr;

use super::WireText;

/// The body of a `dns` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// The name asked for, without the final dot.
    pub name: WireText,
    /// `A`, `AAAA`, `SRV`, … or the number.
    pub qtype: WireText,
    /// `NOERROR`, `NXDOMAIN`, …; absent in a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<WireText>,
    /// Addresses in the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<IpAddr>,
    /// Transaction id.
    #[serde(default)]
    pub id: u16,
}
