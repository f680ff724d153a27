//! One frame as captured, and where it stands in its input.

use super::{LinkType, Timestamp};

/// One frame as captured. `data` is what was kept of `orig_len` bytes on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Which input it came from, from 0.
    pub input: u32,
    /// Counts from 1 within the input, as Wireshark shows it.
    pub number: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// How `data` starts.
    pub link_type: LinkType,
    /// Bytes on the wire; `data` is shorter where a snap length cut it.
    pub orig_len: u32,
    /// What was kept.
    pub data: &'a [u8],
}

/// Where a message was seen: the input, and the frame in it that completed the message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct FrameRef {
    /// Input, from 0.
    pub input: u32,
    /// Frame in the input, from 1; 0 for what belongs to no frame.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub frame: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
