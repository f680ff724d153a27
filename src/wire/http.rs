//! HTTP/1.x between a phone and its file server (port 6970), as far as it names files.

use super::WireText;

/// Request or answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Op {
    /// A request.
    Get,
    /// An answer.
    Status,
}

/// The body of an `http` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Request or answer.
    pub op: Op,
    /// Name of the file: path of the request without its leading slash; of the answer where the request was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WireText>,
    /// Status code of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Length of the body as seen to its end; `None` where the end was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}
