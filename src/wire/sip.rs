//! SIP REGISTER and its answers (RFC 3261), as far as they tell who registers where with what outcome.

use super::WireText;

/// The body of a `sip` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Method: of a request, and of an answer by its CSeq.
    pub method: WireText,
    /// Status of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Device name (`SEP…`), from Contact, Call-ID or the cisco-alarm text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<WireText>,
    /// `Reason` header: the cisco-alarm text where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<WireText>,
    /// Expires: 0 is an unregistration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u32>,
    /// Reason phrase of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<WireText>,
}
