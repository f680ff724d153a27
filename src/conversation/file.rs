//! One file that a phone asks for, over TFTP (RFC 1350) or HTTP: the request, how far the transfer got, how it ended.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::{RetryCount, SeenAt};
use crate::diagnosis::{Outcome, Transport};
use crate::types::WireText;
use crate::wire::phone_config::PhoneConfig;
use crate::wire::{ConfigBody, tftp};

/// Why a request stays without answer, where the network says so (RFC 792).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub enum Why {
    /// Nothing came back.
    Silent,
    /// ICMP port (or protocol) unreachable.
    IcmpPort,
    /// ICMP host or network unreachable.
    IcmpHost,
    /// ICMP administratively prohibited.
    IcmpFiltered,
    /// Nobody answers ARP for it.
    Arp,
    /// Answers come, from an address that was not asked.
    OtherAddress,
}

impl Why {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Silent => "silent",
            Why::IcmpPort => "icmp-port",
            Why::IcmpHost => "icmp-host",
            Why::IcmpFiltered => "icmp-filtered",
            Why::Arp => "arp",
            Why::OtherAddress => "other-address",
        }
    }

    /// What a destination-unreachable code means (ICMP type 3, or ICMPv6 type 1 where `v6`).
    pub fn of_unreachable(code: u8, v6: bool) -> Why {
        match (v6, code) {
            (false, 2 | 3) | (true, 4) => Why::IcmpPort,
            (false, 9 | 10 | 13) | (true, 1 | 5 | 6) => Why::IcmpFiltered,
            _ => Why::IcmpHost,
        }
    }
}

/// The network says that a server can not be reached.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Unreachable {
    /// Where.
    pub seen_at: SeenAt,
    /// Why.
    pub why: Why,
}

/// An answer from an address that was not asked. A client that goes by RFC 1350 section 4 drops it.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct StrayAnswer {
    /// The latest one.
    pub seen_at: SeenAt,
    /// Where it comes from.
    pub from: IpAddr,
    /// Such answers in all, from whatever address.
    pub count: u32,
}

/// How a file request failed, as it was said on the wire.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum FileFailure {
    /// A TFTP ERROR packet (RFC 1350 section 5).
    Tftp {
        /// Its code.
        code: u16,
        /// Its message.
        text: WireText,
        /// Whether the client sent it, to abort the transfer.
        by_client: bool,
    },
    /// A final HTTP status other than 2xx (RFC 9110 section 15).
    Http {
        /// The status.
        status: u16,
    },
}

impl FileFailure {
    /// Whether the server says that it does not have the file: TFTP error 1, HTTP 404 and 410.
    pub fn is_not_found(&self) -> bool {
        matches!(self, FileFailure::Tftp { code: 1, by_client: false, .. } | FileFailure::Http { status: 404 | 410 })
    }

    /// Whether the client gave the transfer up.
    pub fn is_by_client(&self) -> bool {
        matches!(self, FileFailure::Tftp { by_client: true, .. })
    }

    /// The words that came with it; none over HTTP.
    pub fn text(&self) -> Option<&WireText> {
        match self {
            FileFailure::Tftp { text, .. } => Some(text),
            FileFailure::Http { .. } => None,
        }
    }
}

impl fmt::Display for FileFailure {
    /// `error 1: File not found`, `HTTP 404`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileFailure::Tftp { code, text, .. } if text.is_empty() => write!(f, "error {code}"),
            FileFailure::Tftp { code, text, .. } => write!(f, "error {code}: {text}"),
            FileFailure::Http { status } => write!(f, "HTTP {status}"),
        }
    }
}

/// The failure of a request.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// Where.
    pub seen_at: SeenAt,
    /// What was said.
    pub failure: FileFailure,
}

/// One request and what came of it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Fetch {
    /// Name as asked for.
    pub name: WireText,
    /// Whom it was asked.
    pub server: IpAddr,
    /// How.
    pub transport: Transport,
    /// The client's port: the transfer's identity.
    pub client_port: u16,
    /// The request and its repetitions.
    pub request: RetryCount,
    /// Retransmission interval that the request itself names (RFC 2349), seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_secs: Option<u8>,
    /// First answer: DATA, OACK, ERROR, status line; and later an acknowledgement by the phone that proves one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<SeenAt>,
    /// Latest packet that took the transfer further.
    pub progress: SeenAt,
    /// Latest packet of it.
    pub last: SeenAt,
    /// Packets that repeat a block already seen since the last progress.
    pub stalled: u32,
    /// The phone's latest acknowledgement and its repetitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked: Option<RetryCount>,
    /// Highest block of DATA seen, roll-over not counted.
    pub block: u16,
    /// Blocks seen.
    pub blocks: u32,
    /// Bytes in them.
    pub bytes: u64,
    /// An acknowledged block was never captured.
    pub unseen: bool,
    /// The last block came, or the body is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<SeenAt>,
    /// How it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// ICMP that quotes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Unreachable>,
    /// Answers from elsewhere, which it does not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stray: Option<StrayAnswer>,
    /// The configuration that it carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Arc<PhoneConfig>>,
    /// The bytes of it, where they are kept. They may hold passwords: never part of what is written out.
    #[serde(skip)]
    pub body: Option<ConfigBody>,
}

impl Fetch {
    /// "File not found", in the number or in the words that some servers prefer.
    pub fn is_missing(&self) -> bool {
        let words = |text: &str| {
            let text = text.to_ascii_lowercase();
            text.contains("not found") || text.contains("no such file")
        };
        match (self.outcome(), self.failure.as_ref().map(|f| &f.failure)) {
            (Outcome::Missing, _) => true,
            (Outcome::Refused, Some(FileFailure::Tftp { code: 0 | 2, text, .. })) => words(text.raw()),
            _ => false,
        }
    }

    /// A request begins.
    pub fn new(name: WireText, server: IpAddr, transport: Transport, client_port: u16, seen_at: SeenAt) -> Fetch {
        Fetch {
            name,
            server,
            transport,
            client_port,
            request: RetryCount::new(seen_at),
            timeout_secs: None,
            answered: None,
            progress: seen_at,
            last: seen_at,
            stalled: 0,
            acked: None,
            block: 0,
            blocks: 0,
            bytes: 0,
            unseen: false,
            done: None,
            failure: None,
            unreachable: None,
            stray: None,
            config: None,
            body: None,
        }
    }

    /// Whether a packet of the phone or the server goes on with this transfer.
    pub fn is_open(&self) -> bool {
        self.done.is_none() && self.failure.is_none()
    }

    /// Observes an answer to this request from an address that was not asked.
    pub fn observe_stray(&mut self, from: IpAddr, seen_at: SeenAt) {
        let count = self.stray.map_or(0, |stray| stray.count).saturating_add(1);
        self.stray = Some(StrayAnswer { seen_at, from, count });
    }

    /// How it stands.
    pub fn outcome(&self) -> Outcome {
        match (self.failure.as_ref().map(|f| &f.failure), self.done) {
            (Some(failure), _) if failure.is_not_found() => Outcome::Missing,
            (Some(failure), None) if self.blocks > 0 || failure.is_by_client() => Outcome::Aborted,
            (Some(_), None) => Outcome::Refused,
            (_, Some(_)) => Outcome::Served,
            (None, None) if self.answered.is_some() => Outcome::Partial,
            (None, None) => Outcome::NoAnswer,
        }
    }

    /// Observes a later TFTP packet of this transfer. `from_phone`: sent by the client.
    pub fn observe(&mut self, packet: &tftp::Packet, seen_at: SeenAt, from_phone: bool) {
        self.last = self.last.max(seen_at);
        match packet.op {
            tftp::Op::Oack => {
                self.answered.get_or_insert(seen_at);
                self.progress = seen_at;
            }
            tftp::Op::Data => {
                self.answered.get_or_insert(seen_at);
                let block = packet.block.unwrap_or(0);
                // The next block, or the first after a roll-over, or blocks later than expected (windows, loss).
                if self.blocks == 0 || block.wrapping_sub(self.block).wrapping_sub(1) < 0x7fff {
                    // Behind block 65535 some servers go on with 0 and some with 1.
                    let rolled_over = self.block == u16::MAX && block == 1;
                    if self.blocks > 0 && block != self.block.wrapping_add(1) && !rolled_over {
                        self.unseen = true;
                    }
                    self.block = block;
                    self.blocks = self.blocks.saturating_add(1);
                    self.bytes += u64::from(packet.bytes.unwrap_or(0));
                    self.progress = seen_at;
                    self.stalled = 0;
                    self.acked = None;
                } else {
                    self.stalled = self.stalled.saturating_add(1);
                }
                if packet.last {
                    self.done.get_or_insert(seen_at);
                }
            }
            tftp::Op::Ack => {
                // An acknowledgement of what was never captured proves that it was sent.
                let block = packet.block.unwrap_or(0);
                let ahead = block.wrapping_sub(self.block);
                if from_phone && block > 0 && (self.blocks == 0 || (ahead > 0 && ahead < 0x7fff)) {
                    self.answered.get_or_insert(seen_at);
                    self.unseen = true;
                    self.block = block;
                    self.progress = seen_at;
                    self.acked = None;
                }
                if from_phone {
                    match &mut self.acked {
                        Some(tries) => tries.again(seen_at),
                        None => self.acked = Some(RetryCount::new(seen_at)),
                    }
                }
            }
            tftp::Op::Error => {
                let text = packet.error_text.clone().unwrap_or_default();
                if !from_phone {
                    self.answered.get_or_insert(seen_at);
                }
                let code = packet.error_code.unwrap_or(0);
                let failure = FileFailure::Tftp { code, text, by_client: from_phone };
                self.failure.get_or_insert(Failure { seen_at, failure });
            }
            tftp::Op::Rrq | tftp::Op::Wrq => self.request.again(seen_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(block: u16, last: bool) -> tftp::Packet {
        let (packet, _) = tftp::parse(&[&[0, 3], &block.to_be_bytes()[..], &[0; 512]].concat(), 516).unwrap();
        tftp::Packet { last, ..packet }
    }

    #[test]
    fn rolled_over_blocks_are_no_loss_left_out_ones_are() {
        let fetch = |numbers: &[u16]| {
            let server = IpAddr::from([10, 1, 1, 5]);
            let mut fetch = Fetch::new("a.bin".into(), server, Transport::Tftp, 50_000, SeenAt::default());
            numbers.iter().for_each(|n| fetch.observe(&data(*n, false), SeenAt::default(), false));
            (fetch.unseen, fetch.blocks)
        };
        assert_eq!(fetch(&[65_534, 65_535, 0, 1]), (false, 4));
        assert_eq!(fetch(&[65_534, 65_535, 1, 2]), (false, 4));
        assert_eq!(fetch(&[65_534, 65_535, 2]), (true, 3));
        assert_eq!(fetch(&[65_534, 0]), (true, 2));
        assert_eq!(fetch(&[1, 2, 2, 1, 3]), (false, 3), "each block twice");
    }
}
