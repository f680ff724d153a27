//! One lease by DHCPv6 (RFC 8415): a SOLICIT and its ADVERTISEs, the REQUEST that follows under a transaction id of its
//! own, and the REPLY.
//!
//! A server is known by its DUID; its address is that of the packet, which behind a relay is the relay's. Relayed copies
//! of a message are the message seen again, not another one.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::{RetryCount, SeenAt, push_bounded, push_sparing};
use crate::types::{Hex, Mac, WireText};
use crate::wire::dhcpv6::{Message, mac_of_duid};

/// A relay's copy follows its original within this; a client repeats a SOLICIT after a second.
const RELAY_DELAY: Duration = Duration::from_millis(500);
/// A REQUEST follows its ADVERTISE within this.
const REQUEST_DELAY: Duration = Duration::from_secs(60);
/// A status that tells a client that no address is free (RFC 8415 section 21.13).
const NO_ADDRESSES: &str = "NoAddrsAvail";
/// Answers kept per exchange; more servers than this answer no honest phone.
const MAX_ANSWERS: usize = 16;
/// Exchanges kept per phone.
pub(crate) const MAX_EXCHANGES: usize = 16;
/// TFTP and DNS servers kept of one answer.
const MAX_SERVERS: usize = 8;

/// Whom a message came from.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    #[allow(missing_docs)]
    pub ip: Ipv6Addr,
    /// Of the frame.
    pub mac: Option<Mac>,
}

/// What a server advertises, or grants.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Answer {
    /// Where.
    pub seen_at: SeenAt,
    /// Who sent it.
    pub server: Ipv6Addr,
    /// The MAC in the server's DUID is not the frame's: a relay may have sent it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_relayed: bool,
    /// The server's DUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duid: Option<Hex>,
    /// The address; none where only settings were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv6Addr>,
    /// TFTP servers of Cisco's vendor option (17).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tftp: Vec<Ipv6Addr>,
    /// DNS servers (option 23).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv6Addr>,
}

impl Answer {
    fn of(message: &Message, seen_at: SeenAt, sender: Sender) -> Answer {
        let own = message.server_duid_hex.as_ref().and_then(|duid| mac_of_duid(&duid.0));
        Answer {
            seen_at,
            server: sender.ip,
            is_relayed: own.is_some() && sender.mac.is_some() && own != sender.mac,
            duid: message.server_duid_hex.clone(),
            address: message.ia_addr.first().copied(),
            tftp: message.tftp.iter().take(MAX_SERVERS).copied().collect(),
            dns: message.dns_servers.iter().take(MAX_SERVERS).copied().collect(),
        }
    }

    /// TFTP servers as text.
    pub fn tftp_names(&self) -> Vec<WireText> {
        self.tftp.iter().map(|ip| WireText::from(ip.to_string().as_str())).collect()
    }

    /// Whether the same server sent both.
    pub fn is_of(&self, other: &Answer) -> bool {
        match (&self.duid, &other.duid) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => self.server == other.server,
        }
    }
}

/// A server has no address for the client, or refuses it otherwise.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// Where.
    pub seen_at: SeenAt,
    /// Which server.
    pub server: Ipv6Addr,
    /// `NoAddrsAvail`, or another status, or its number.
    pub status: WireText,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<WireText>,
}

/// How an exchange began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// SOLICIT, or a REQUEST or answer whose SOLICIT the capture does not hold.
    Boot,
    /// RENEW, REBIND or CONFIRM of a client that has an address.
    Renew,
    /// INFORMATION-REQUEST: settings without an address.
    Inform,
}

/// One exchange.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Exchange {
    /// Transaction id of the latest message of the client.
    pub xid: u32,
    /// How it began.
    pub kind: Kind,
    /// SOLICITs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solicit: Option<RetryCount>,
    /// Transaction ids of the SOLICITs, beside the first. A client repeats a SOLICIT under one id, and begins anew under
    /// another.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub anew: u32,
    /// REQUESTs, or what the kind says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RetryCount>,
    /// ADVERTISEs, one per server and content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advertised: Vec<Answer>,
    /// DUID of the server that the REQUEST names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Hex>,
    /// The lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Answer>,
    /// Refusals, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
    /// The client found the address in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<SeenAt>,
    /// First message of it.
    pub began: SeenAt,
    /// Latest message of it.
    pub last: SeenAt,
}

impl Exchange {
    fn new(message: &Message, seen_at: SeenAt) -> Exchange {
        let kind = match message.msg.raw() {
            "RENEW" | "REBIND" | "CONFIRM" | "RELEASE" => Kind::Renew,
            "INFORMATION-REQUEST" => Kind::Inform,
            _ => Kind::Boot,
        };
        Exchange {
            xid: message.xid,
            kind,
            solicit: None,
            anew: 0,
            request: None,
            advertised: Vec::new(),
            requested: None,
            reply: None,
            refusals: Vec::new(),
            declined: None,
            began: seen_at,
            last: seen_at,
        }
    }

    /// Whether any server answered, in this capture or before the client's REQUEST.
    pub fn answered(&self) -> bool {
        let heard = self.reply.is_some() || !self.advertised.is_empty() || !self.refusals.is_empty();
        heard || self.requested.is_some()
    }

    /// The answer that the client took: the REPLY, or else the ADVERTISE of the server that it names.
    pub fn taken(&self) -> Option<&Answer> {
        let chosen = || self.advertised.iter().find(|a| a.duid.is_some() && a.duid == self.requested);
        self.reply.as_ref().or_else(chosen)
    }

    /// Whether it shows that an answer reached the client which the capture does not hold.
    pub fn answer_not_captured(&self) -> bool {
        self.requested.is_some() && self.kind == Kind::Boot && self.advertised.is_empty() && self.reply.is_none()
    }

    fn takes(&self, message: &Message, seen_at: SeenAt) -> bool {
        let same = self.xid == message.xid;
        match message.msg.raw() {
            // A client that nobody answers goes on asking, some under new transaction ids.
            "SOLICIT" => self.kind == Kind::Boot && ((same && self.reply.is_none()) || !self.answered()),
            "REQUEST" => {
                let follows = self.solicit.is_some() && self.reply.is_none() && self.declined.is_none();
                let soon = seen_at.time.since(self.last.time) <= REQUEST_DELAY;
                (same && self.request.is_some()) || (follows && soon)
            }
            "DECLINE" => self.reply.is_some(),
            _ => same,
        }
    }
}

/// What a message did to a client's exchanges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A client asks for an address anew.
    BootBegan,
    /// The address is the client's.
    Leased(Option<Ipv6Addr>),
    /// The client does not take the address.
    Declined(Option<Ipv6Addr>),
    /// Anything else.
    Recorded,
}

/// The exchanges of one client, oldest first.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Exchanges {
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Exchange>,
    /// How many older ones were dropped.
    #[serde(default)]
    pub evicted: u32,
}

impl Exchanges {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.evicted == 0
    }

    /// Observes one message (no mirror's copy); `sender` is whom the packet came from.
    pub fn observe(&mut self, message: &Message, seen_at: SeenAt, sender: Sender) -> Outcome {
        let known = self.list.iter().rposition(|e| e.takes(message, seen_at));
        let index = known.unwrap_or_else(|| {
            push_bounded(&mut self.list, Exchange::new(message, seen_at), MAX_EXCHANGES, &mut self.evicted);
            self.list.len() - 1
        });
        let Some(exchange) = self.list.get_mut(index) else { return Outcome::Recorded };
        exchange.last = exchange.last.max(seen_at);
        match message.msg.raw() {
            "SOLICIT" => {
                exchange.anew = exchange.anew.saturating_add(u32::from(exchange.xid != message.xid));
                exchange.xid = message.xid;
                record_try(&mut exchange.solicit, message, seen_at);
                if known.is_none() { Outcome::BootBegan } else { Outcome::Recorded }
            }
            "REQUEST" | "RENEW" | "REBIND" | "CONFIRM" | "INFORMATION-REQUEST" => {
                exchange.xid = message.xid;
                record_try(&mut exchange.request, message, seen_at);
                exchange.requested = exchange.requested.take().or(message.server_duid_hex.clone());
                Outcome::Recorded
            }
            "DECLINE" => {
                exchange.declined = exchange.declined.or(Some(seen_at));
                Outcome::Declined(message.ia_addr.first().copied())
            }
            "ADVERTISE" | "REPLY" => exchange.answer(message, seen_at, sender),
            _ => Outcome::Recorded,
        }
    }
}

impl Exchange {
    fn answer(&mut self, message: &Message, seen_at: SeenAt, sender: Sender) -> Outcome {
        if self.declined.is_some() {
            return Outcome::Recorded;
        }
        if let Some(status) = message.status.as_ref().filter(|_| message.ia_addr.is_empty()) {
            let is_new = self.refusals.iter().all(|r| r.server != sender.ip || r.status != *status);
            if is_new && self.refusals.len() < MAX_ANSWERS && self.kind != Kind::Inform {
                let (status, text) = (status.clone(), message.status_text.clone());
                push_sparing(&mut self.refusals, Refusal { seen_at, server: sender.ip, status, text });
            }
            return Outcome::Recorded;
        }
        let answer = Answer::of(message, seen_at, sender);
        if message.msg.raw() == "ADVERTISE" {
            let is_known = |a: &Answer| a.is_of(&answer) && a.tftp == answer.tftp && a.address == answer.address;
            if self.advertised.len() < MAX_ANSWERS && !self.advertised.iter().any(is_known) {
                push_sparing(&mut self.advertised, answer);
            }
            return Outcome::Recorded;
        }
        let address = answer.address;
        self.reply.get_or_insert(answer);
        Outcome::Leased(address)
    }
}

impl Refusal {
    /// Whether the server has no address left.
    pub fn is_exhausted(&self) -> bool {
        self.status.raw() == NO_ADDRESSES
    }
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn record_try(tries: &mut Option<RetryCount>, message: &Message, seen_at: SeenAt) {
    match tries {
        None => *tries = Some(RetryCount::new(seen_at)),
        Some(t) => {
            let gap = seen_at.time.apart(t.last.time);
            if gap > if message.relays > 0 { 2 * RELAY_DELAY } else { RELAY_DELAY / 5 } {
                t.again(seen_at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FrameRef, Timestamp};

    fn at(second: i64) -> SeenAt {
        let frame = u64::try_from(second).unwrap() + 1;
        SeenAt { time: Timestamp(second * 1_000_000_000), at: FrameRef { input: 0, frame } }
    }

    fn message(msg: &str, xid: u32, more: &str) -> Message {
        serde_json::from_str(&format!(r#"{{"msg":"{msg}","xid":"{xid:#08x}"{more}}}"#)).unwrap()
    }

    fn see(all: &mut Exchanges, second: i64, message: &Message) -> Outcome {
        all.observe(message, at(second), Sender { ip: "fe80::1".parse().unwrap(), mac: None })
    }

    #[test]
    fn solicits_in_vain_are_one_question_whatever_their_ids() {
        let mut all = Exchanges::default();
        assert_eq!(see(&mut all, 0, &message("SOLICIT", 1, "")), Outcome::BootBegan);
        assert_eq!(see(&mut all, 1, &message("SOLICIT", 1, "")), Outcome::Recorded);
        assert_eq!(see(&mut all, 9, &message("SOLICIT", 2, "")), Outcome::Recorded);
        assert_eq!(all.list.len(), 1);
        assert_eq!((all.list[0].solicit.unwrap().count, all.list[0].anew), (3, 1));
        assert!(!all.list[0].answered());
    }

    #[test]
    fn request_under_its_own_id_belongs_to_the_solicit() {
        let mut all = Exchanges::default();
        see(&mut all, 0, &message("SOLICIT", 1, ""));
        let more = r#","server_duid_hex":"0003","ia_addr":["2001:db8::1"],"tftp":["2001:db8::5"]"#;
        see(&mut all, 1, &message("ADVERTISE", 1, more));
        see(&mut all, 1, &message("ADVERTISE", 1, more));
        see(&mut all, 2, &message("REQUEST", 7, r#","server_duid_hex":"0003""#));
        assert_eq!(all.list[0].taken().map(|a| a.seen_at), Some(at(1)));
        let address = "2001:db8::1".parse().ok();
        assert_eq!(see(&mut all, 3, &message("REPLY", 7, more)), Outcome::Leased(address));
        assert_eq!((all.list.len(), all.list[0].advertised.len()), (1, 1));
        assert_eq!(all.list[0].taken().map(|a| a.seen_at), Some(at(3)));
        assert_eq!(see(&mut all, 900, &message("SOLICIT", 8, "")), Outcome::BootBegan);
    }

    #[test]
    fn status_without_an_address_is_a_refusal() {
        let mut all = Exchanges::default();
        for n in 0..3 {
            let second = i64::from(n) * 9;
            see(&mut all, second, &message("SOLICIT", n, ""));
            see(&mut all, second + 1, &message("ADVERTISE", n, r#","status":"NoAddrsAvail""#));
        }
        assert_eq!(all.list.len(), 3);
        assert!(all.list.iter().all(|e| e.answered() && e.refusals[0].is_exhausted() && e.taken().is_none()));
    }

    #[test]
    fn relayed_copy_is_no_other_try() {
        let mut all = Exchanges::default();
        see(&mut all, 0, &message("SOLICIT", 1, ""));
        see(&mut all, 0, &message("SOLICIT", 1, r#","relays":1"#));
        assert_eq!(all.list[0].solicit.unwrap().count, 1);
    }
}
