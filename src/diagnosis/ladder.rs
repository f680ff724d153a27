//! The messages of a phone and its servers as arrows: the ladder that `watch` draws.

use std::net::IpAddr;

use crate::types::{FrameRef, Timestamp};

/// What a host is to the phone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)]
pub enum LadderRole {
    Dhcp,
    Dns,
    Tftp,
    CallManager,
}

impl LadderRole {
    /// As it stands over a lifeline.
    pub fn as_str(self) -> &'static str {
        match self {
            LadderRole::Dhcp => "DHCP",
            LadderRole::Dns => "DNS",
            LadderRole::Tftp => "TFTP",
            LadderRole::CallManager => "CallManager",
        }
    }
}

/// One message, or a message and its repetitions.
#[derive(Clone, Debug)]
pub struct Arrow {
    #[allow(missing_docs)]
    pub time: Timestamp,
    #[allow(missing_docs)]
    pub at: FrameRef,
    /// What the other side is.
    pub role: LadderRole,
    /// The other side; `None`: a broadcast.
    pub peer: Option<IpAddr>,
    /// Whether the phone sends it.
    pub from_phone: bool,
    /// The message in the protocol's words, escaped: `OFFER 10.50.0.10`, `RRQ SEP003094C2D3FA.cnf.xml`.
    pub label: String,
    /// It says that something failed.
    pub is_bad: bool,
}
