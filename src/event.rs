//! One decoded message: the one interface between seeing and understanding.
//!
//! Events are complete: the analysis needs nothing else, so events written out (`phonescope events`) and read
//! back give the same diagnosis as the packets. The keys are those of section 5 of the contract; a key without a
//! value is left out.

use crate::types::{Envelope, FrameRef, Timestamp, WireText};
use crate::wire::{
    Anomaly, announcement::Announcement, arp, dhcp, dhcpv6, dns, http, icmp, phone_config::PhoneConfig, sccp, sip,
    tftp, tls,
};

/// One decoded message and where it came from.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// Input and frame.
    #[serde(flatten)]
    pub at: FrameRef,
    /// When the frame was captured.
    pub time: Timestamp,
    /// Addresses and tags around the message.
    #[serde(flatten)]
    pub envelope: Envelope,
    /// What is odd about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<Anomaly>,
    /// Identity of the message on the wire: equal for the copies that mirrors and routers make of one packet, and
    /// different for a retransmission where the sender makes it so (a new IP id). 0: not known.
    #[serde(default, skip_serializing_if = "is_zero", with = "digest")]
    pub digest: u64,
    /// The message.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What a TCP segment on a registration port does to its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum TcpFlags {
    #[serde(rename = "SYN")]
    #[allow(missing_docs)]
    Syn,
    #[serde(rename = "SYN-ACK")]
    #[allow(missing_docs)]
    SynAck,
    #[serde(rename = "FIN")]
    #[allow(missing_docs)]
    Fin,
    #[serde(rename = "RST")]
    #[allow(missing_docs)]
    Rst,
    /// An acknowledgement of bytes that the capture does not hold: proof of a loss or of a missing direction.
    #[serde(rename = "ACK")]
    AckUnseen,
    /// Bytes: that complete a readable message of TLS, also on port 6971, where files are got; or of which the capture
    /// holds too few to read a message ([`TcpEvent::cut`]).
    #[serde(rename = "PSH")]
    Data,
}

/// The body of a `tcp` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct TcpEvent {
    /// What it does.
    pub flags: TcpFlags,
    /// Bytes of the other direction that it acknowledges and the capture does not hold.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub unseen: u32,
    /// Bytes of its payload that a snap length cut away, where nothing readable is left: its sender said something.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub cut: u32,
    /// Protocol recognised on a registration port where it is not what the port is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carries: Option<WireText>,
    /// The message of TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<tls::Message>>,
}

impl TcpEvent {
    /// Flags and nothing else.
    pub fn new(flags: TcpFlags) -> TcpEvent {
        TcpEvent { flags, unseen: 0, cut: 0, carries: None, tls: None }
    }
}

/// The body of a `capture` event: one input, at its end.
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct InputSummary {
    /// As given on the command line, `-` for standard input.
    pub path: WireText,
    /// `pcap`, `pcapng`, `snoop`, `events` or `live`.
    pub format: WireText,
    /// Names of the `LINKTYPE_` registry, such as `EN10MB`.
    #[serde(default)]
    pub link_types: Vec<WireText>,
    /// Frames read.
    pub packets: u64,
    /// Bytes captured in them.
    pub bytes: u64,
    /// Time of the earliest frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    /// Time of the latest frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// Frames dropped by the kernel or the port, where the capture says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
    /// Frames that a snap length cut.
    #[serde(default)]
    pub cut_frames: u64,
    /// Frames of a tunnel whose inside is encrypted (CAPWAP).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub encrypted_frames: u64,
    /// Frames that are copies of another one.
    #[serde(default)]
    pub duplicate_frames: u64,
    /// Where the input is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<WireText>,
}

/// The message.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum EventKind {
    Dhcp(Box<dhcp::Message>),
    Dhcpv6(Box<dhcpv6::Message>),
    Tftp(Box<tftp::Packet>),
    Http(http::Message),
    Sccp(Box<sccp::Message>),
    Sip(Box<sip::Message>),
    Tcp(TcpEvent),
    Cdp(Box<Announcement>),
    Lldp(Box<Announcement>),
    Dns(Box<dns::Message>),
    Arp(arp::Message),
    Icmp(icmp::Message),
    Config(Box<PhoneConfig>),
    Capture(Box<InputSummary>),
}

impl EventKind {
    /// Its `type` (contract section 5).
    pub fn as_str(&self) -> &'static str {
        match self {
            EventKind::Dhcp(_) => "dhcp",
            EventKind::Dhcpv6(_) => "dhcpv6",
            EventKind::Tftp(_) => "tftp",
            EventKind::Http(_) => "http",
            EventKind::Sccp(_) => "sccp",
            EventKind::Sip(_) => "sip",
            EventKind::Tcp(_) => "tcp",
            EventKind::Cdp(_) => "cdp",
            EventKind::Lldp(_) => "lldp",
            EventKind::Dns(_) => "dns",
            EventKind::Arp(_) => "arp",
            EventKind::Icmp(_) => "icmp",
            EventKind::Config(_) => "config",
            EventKind::Capture(_) => "capture",
        }
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn is_zero32(n: &u32) -> bool {
    *n == 0
}

mod digest {
    pub(super) fn serialize<S: serde::Serializer>(digest: &u64, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{digest:016x}"))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        use serde::Deserialize as _;
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        u64::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}
