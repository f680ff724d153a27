//! One lease: the exchange of one client with its DHCP servers under one transaction id (RFC 2131 section 3).
//!
//! Relayed copies of a message are the message seen again, not another one.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::{RetryCount, SeenAt};
use crate::diagnosis::TftpSource;
use crate::types::{Mac, WireText};
use crate::wire::dhcp::{Message, MessageType, Op, UnusableOption};

/// A relay's copy follows its original within this; a client repeats a DISCOVER after seconds.
const RELAY_DELAY: Duration = Duration::from_millis(500);
/// A DISCOVER under a transaction id that was answered is a new boot after this.
const NEW_BOOT: Duration = Duration::from_secs(2);
/// Offers kept per exchange; more servers than this answer no honest phone.
const MAX_OFFERS: usize = 16;

/// What a server offers in addition to the address: shared by all phones of its scope.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct LeaseTerms {
    /// Server identifier (option 54), or else the sender's address.
    pub server: Ipv4Addr,
    /// Where TFTP servers are named, in the order a phone looks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<(TftpSource, Vec<WireText>)>,
    /// `siaddr` is the DHCP server's own address. Beside other sources it is not among them: most phones do not look there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_siaddr: bool,
    /// TFTP options that name nothing usable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<UnusableOption>,
    /// Subnet mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Ipv4Addr>,
    /// Routers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<Ipv4Addr>,
    /// DNS servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Ipv4Addr>,
    /// The message was cut: what is not named here may have been named.
    pub cut: bool,
}

impl LeaseTerms {
    /// The terms of a reply; `sender` where it carries no server identifier.
    pub fn of(message: &Message, sender: Option<Ipv4Addr>) -> LeaseTerms {
        // Where the option is cut off, the sender may be a relay agent, which names itself in giaddr (before chaddr).
        let is_direct = message.giaddr.is_none() && message.chaddr.mac().is_some();
        let sender = sender.filter(|_| !message.cut || is_direct).or(message.siaddr.filter(|_| !message.cut));
        let server = message.server_id.or(sender).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let mut sources = message.tftp_sources();
        // Some servers put their own address into siaddr whatever is configured (boot reference 1.4): beside a
        // source that was configured it says nothing.
        let is_own = |source: TftpSource, names: &[WireText]| {
            source == TftpSource::Siaddr && names.iter().all(|n| n.raw() == server.to_string())
        };
        let own_siaddr = sources.iter().any(|(source, names)| is_own(*source, names));
        if sources.len() > 1 {
            sources.retain(|(source, names)| !is_own(*source, names));
        }
        LeaseTerms {
            server,
            sources,
            own_siaddr,
            unusable: message.unusable_tftp_options(),
            mask: message.subnet_mask,
            routers: message.routers.clone(),
            dns: message.dns_servers.clone(),
            cut: message.cut,
        }
    }

    /// TFTP servers in the order a phone sees them, each once.
    pub fn tftp(&self) -> Vec<WireText> {
        let mut all: Vec<WireText> = Vec::new();
        for name in self.sources.iter().flat_map(|(_, names)| names) {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }

    /// Where `server` is named, first place first.
    pub fn source_of(&self, server: &str) -> Option<TftpSource> {
        self.sources.iter().find(|(_, names)| names.iter().any(|n| n.raw() == server)).map(|(s, _)| *s)
    }

    /// Whether a phone that reads an unusable option 150 as addresses finds `server` in it.
    pub fn misreads(&self, server: IpAddr) -> bool {
        let IpAddr::V4(server) = server else { return false };
        let of_150 = self.unusable.iter().filter(|o| o.option == 150);
        of_150.flat_map(|o| o.raw.0.chunks_exact(4)).any(|octets| octets == server.octets())
    }

    /// Whether the only thing that looks like a TFTP server is the DHCP server's own address in `siaddr`.
    pub fn only_own_siaddr(&self) -> bool {
        let own = self.server.to_string();
        !self.sources.is_empty()
            && self.sources.iter().all(|(s, names)| *s == TftpSource::Siaddr && names.iter().all(|n| n.raw() == own))
    }
}

/// An offer, or the acknowledgement of a lease.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct OfferSeen {
    /// Where.
    pub seen_at: SeenAt,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// The rest.
    pub terms: Arc<LeaseTerms>,
    /// The relay agent that it goes through (`giaddr`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Ipv4Addr>,
}

impl OfferSeen {
    /// Whether a relay agent answers in the name of the server behind it: the server identifier is its own address
    /// (RFC 5107), or the virtual one of a wireless controller, which is no host's.
    pub fn is_of_proxy(&self) -> bool {
        const VIRTUAL: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(1, 1, 1, 1)];
        self.relay.is_some_and(|relay| relay == self.terms.server || VIRTUAL.contains(&self.terms.server))
    }
}

impl OfferSeen {
    /// Whether an address is in another network than the one offered; where the mask is not known, it is not.
    pub fn is_outside(&self, ip: Ipv4Addr) -> bool {
        let (Some(own), Some(mask)) = (self.address, self.terms.mask) else { return false };
        own.to_bits() & mask.to_bits() != ip.to_bits() & mask.to_bits()
    }
}

/// The device that has the address that a client declines, as ARP shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Holder {
    /// Its MAC.
    pub mac: Mac,
    /// Where it says so.
    pub seen_at: SeenAt,
}

/// A server refuses the address (DHCPNAK).
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Nak {
    /// Where.
    pub seen_at: SeenAt,
    /// Which server.
    pub server: Ipv4Addr,
    /// Its message (option 56).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<WireText>,
}

/// How an exchange began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// DISCOVER, or a REQUEST or reply whose DISCOVER the capture does not hold.
    Boot,
    /// REQUEST for an address that it remembers (INIT-REBOOT).
    Reboot,
    /// REQUEST of a client that has its address (renew, rebind).
    Renew,
    /// INFORM and what is no lease.
    Inform,
}

/// The VLAN in which a client's own frames are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub enum SeenIn {
    /// The capture does not tell.
    #[default]
    Unknown,
    /// No tag, or a priority tag alone.
    Untagged,
    /// This one, the innermost.
    Vlan(u16),
}

/// One exchange.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Exchange {
    /// Transaction id.
    pub xid: u32,
    /// How it began.
    pub kind: Kind,
    /// DISCOVERs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discover: Option<RetryCount>,
    /// REQUESTs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RetryCount>,
    /// Offers, one per server and terms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<OfferSeen>,
    /// How many of its DISCOVERs were answered with an OFFER.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offered: u32,
    /// The server that the REQUEST names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<Ipv4Addr>,
    /// The lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<OfferSeen>,
    /// Refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nak: Option<Nak>,
    /// The client found the address of the acknowledgement in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline: Option<SeenAt>,
    /// Who has that address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Box<Holder>>,
    /// Where the client's own messages were seen.
    pub seen_in: SeenIn,
    /// First message of it.
    pub began: SeenAt,
    /// Latest message of it.
    pub last: SeenAt,
}

impl Exchange {
    fn new(message: &Message, seen_at: SeenAt) -> Exchange {
        let kind = match message.msg {
            MessageType::Inform | MessageType::Release => Kind::Inform,
            MessageType::Request if message.ciaddr.is_some() => Kind::Renew,
            // An ACK repeats the address that the client said it has (RFC 2131 section 4.3.1, table 3).
            MessageType::Ack if message.ciaddr.is_some() && message.yiaddr.is_some() => Kind::Renew,
            MessageType::Request if message.server_id.is_none() => Kind::Reboot,
            _ => Kind::Boot,
        };
        Exchange {
            xid: message.xid,
            kind,
            discover: None,
            request: None,
            offers: Vec::new(),
            offered: 0,
            requested: None,
            ack: None,
            nak: None,
            decline: None,
            holder: None,
            seen_in: SeenIn::Unknown,
            began: seen_at,
            last: seen_at,
        }
    }

    /// The lease; where its acknowledgement was not captured, the offer that the client took.
    pub fn granted(&self) -> Option<&OfferSeen> {
        let chosen = || self.offers.iter().find(|o| Some(o.terms.server) == self.requested);
        self.ack.as_ref().or_else(chosen)
    }

    /// Whether any server answered.
    pub fn answered(&self) -> bool {
        !self.offers.is_empty() || self.ack.is_some() || self.nak.is_some()
            // A REQUEST that names a server answers an offer, whether the capture holds the offer or not.
            || self.requested.is_some()
    }

    /// Whether it is the start of a boot.
    pub fn is_boot(&self) -> bool {
        matches!(self.kind, Kind::Boot | Kind::Reboot)
    }

    /// Whether it shows that answers reached the phone which the capture does not hold.
    pub fn answer_not_captured(&self) -> bool {
        self.requested.is_some() && self.kind == Kind::Boot && self.offers.is_empty() && self.ack.is_none()
    }

    /// Whether the client has taken nothing so far: it only asks who would give it an address.
    fn is_only_discover(&self) -> bool {
        self.kind == Kind::Boot && self.request.is_none() && self.ack.is_none() && self.nak.is_none()
    }

    fn takes(&self, message: &Message, seen_at: SeenAt) -> bool {
        if self.xid != message.xid {
            return false;
        }
        let later = seen_at.time.since(self.last.time) > NEW_BOOT;
        match message.msg {
            MessageType::Discover => !(later && (self.ack.is_some() || self.nak.is_some())),
            MessageType::Request => !(later && self.ack.is_some()),
            MessageType::Inform => self.kind == Kind::Inform,
            _ => true,
        }
    }
}

/// What a message did to a client's exchanges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A boot begins.
    BootBegan,
    /// The lease is acknowledged; the address is the client's.
    Leased(Option<Ipv4Addr>),
    /// The client does not take the address: it is in use.
    Declined(Option<Ipv4Addr>),
    /// Anything else.
    Recorded,
}

/// Exchanges kept per phone.
pub(crate) const MAX_EXCHANGES: usize = 24;

/// The exchanges of one client, oldest first.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Exchanges {
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<Exchange>,
    /// How many older ones were dropped.
    pub evicted: u32,
}

impl Exchanges {
    /// Observes one message (no mirror's copy).
    pub fn observe(
        &mut self,
        message: &Message,
        seen_at: SeenAt,
        sender: Option<Ipv4Addr>,
        intern: &mut dyn FnMut(LeaseTerms) -> Arc<LeaseTerms>,
    ) -> Outcome {
        // A DECLINE may have a transaction id of its own (RFC 2131 section 4.4.1); it is about the lease it names.
        let declines = |e: &Exchange| {
            message.msg == MessageType::Decline
                && message.requested_address.is_some()
                && e.ack.as_ref().is_some_and(|a| a.address == message.requested_address)
        };
        let declined = self.list.iter().rposition(declines);
        let known = declined.or_else(|| self.list.iter().rposition(|e| e.takes(message, seen_at)));
        let index = known.unwrap_or_else(|| {
            super::push_bounded(&mut self.list, Exchange::new(message, seen_at), MAX_EXCHANGES, &mut self.evicted);
            self.list.len() - 1
        });
        let began = known.is_none();
        let Some(exchange) = self.list.get_mut(index) else { return Outcome::Recorded };
        exchange.last = exchange.last.max(seen_at);
        match (message.op, message.msg) {
            (Op::Request, MessageType::Discover) => {
                record_try(&mut exchange.discover, message, seen_at);
                if began { Outcome::BootBegan } else { Outcome::Recorded }
            }
            (Op::Request, MessageType::Request) => {
                record_try(&mut exchange.request, message, seen_at);
                exchange.requested = exchange.requested.or(message.server_id);
                if began && exchange.is_boot() { Outcome::BootBegan } else { Outcome::Recorded }
            }
            (Op::Request, MessageType::Decline) => {
                exchange.decline = exchange.decline.or(Some(seen_at));
                Outcome::Declined(message.requested_address)
            }
            (Op::Reply, MessageType::Offer | MessageType::Ack | MessageType::Bootp) => {
                let terms = intern(LeaseTerms::of(message, sender));
                let seen = OfferSeen { seen_at, address: message.yiaddr, terms, relay: message.giaddr };
                if message.msg == MessageType::Offer {
                    let asked = exchange.discover.map_or(1, |d| d.count);
                    exchange.offered = exchange.offered.saturating_add(1).min(asked);
                    let known = exchange.offers.iter().any(|o| o.terms == seen.terms && o.address == seen.address);
                    if !known && exchange.offers.len() < MAX_OFFERS {
                        super::push_sparing(&mut exchange.offers, seen);
                    }
                    return Outcome::Recorded;
                }
                if exchange.kind == Kind::Inform {
                    return Outcome::Recorded;
                }
                if exchange.ack.is_none() {
                    exchange.ack = Some(seen);
                }
                Outcome::Leased(message.yiaddr.or(message.ciaddr))
            }
            (Op::Reply, MessageType::Nak) => {
                let server = message.server_id.or(sender).unwrap_or(Ipv4Addr::UNSPECIFIED);
                exchange.nak.get_or_insert_with(|| Nak { seen_at, server, text: message.message_text.clone() });
                Outcome::Recorded
            }
            _ => Outcome::Recorded,
        }
    }
}

impl Exchanges {
    /// Who has the address that the client declines now.
    pub fn record_holder(&mut self, declined: SeenAt, holder: Holder) {
        let exchange = self.list.iter_mut().rev().find(|e| e.decline.is_some_and(|d| d <= declined));
        if let Some(exchange) = exchange {
            exchange.holder.get_or_insert_with(|| Box::new(holder));
        }
    }

    /// Where a message of the client was seen; what is not known changes nothing.
    pub fn record_seen_in(&mut self, xid: u32, seen_in: SeenIn) {
        if let Some(exchange) = self.list.iter_mut().rev().find(|e| e.xid == xid)
            && seen_in != SeenIn::Unknown
        {
            exchange.seen_in = seen_in;
        }
    }
}

/// Offers that a client does not take.
#[derive(Debug)]
pub struct Untaken<'a> {
    /// One per server and terms, the latest first.
    pub offers: Vec<&'a OfferSeen>,
    /// How many of its DISCOVERs were answered so.
    pub offered: u32,
    /// The first offer.
    pub first: SeenAt,
    /// The DISCOVERs since.
    pub discovered: RetryCount,
}

impl Exchanges {
    /// The offers at the end that the client does not take: it asks again all the same, and requests none.
    pub fn untaken(&self) -> Option<Untaken<'_>> {
        let leases = self.list.iter().rev().filter(|e| e.kind != Kind::Inform);
        let mut open: Vec<&Exchange> = leases.take_while(|e| e.is_only_discover()).collect();
        // Questions that nobody answers before the first offer are another matter.
        let first = open.iter().rposition(|e| !e.offers.is_empty())?;
        open.truncate(first + 1);
        let mut offers: Vec<&OfferSeen> = Vec::new();
        for offer in open.iter().flat_map(|e| &e.offers) {
            if !offers.iter().any(|o| o.terms == offer.terms) {
                offers.push(offer);
            }
        }
        Some(Untaken {
            offers,
            offered: open.iter().map(|e| e.offered).fold(0, u32::saturating_add),
            first: open.iter().flat_map(|e| &e.offers).map(|o| o.seen_at).min()?,
            discovered: RetryCount::of_all(open.iter().rev().filter_map(|e| e.discover))?,
        })
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
            let relayed = message.giaddr.is_some();
            if gap > if relayed { 2 * RELAY_DELAY } else { RELAY_DELAY / 5 } {
                t.again(seen_at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FrameRef, Timestamp};

    fn message(op: Op, msg: &str, xid: u32) -> Message {
        let op = if op == Op::Request { "BOOTREQUEST" } else { "BOOTREPLY" };
        let text = format!(
            r#"{{"op":"{op}","msg":"{msg}","xid":"0x{xid:08x}","chaddr":"00:03:6b:01:02:03","yiaddr":"10.1.1.20","opt54":"10.1.1.2"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    /// The exchanges of these messages, one a second: `D`, `O`, `R`, `A`, with their transaction ids.
    fn of(story: &[(char, u32)]) -> Exchanges {
        let mut all = Exchanges::default();
        for (second, (what, xid)) in story.iter().enumerate() {
            let message = match what {
                'D' => message(Op::Request, "DISCOVER", *xid),
                'O' => message(Op::Reply, "OFFER", *xid),
                'R' => message(Op::Request, "REQUEST", *xid),
                _ => message(Op::Reply, "ACK", *xid),
            };
            let frame = u64::try_from(second).unwrap() + 1;
            let time = Timestamp(i64::try_from(frame).unwrap() * 1_000_000_000);
            let seen_at = SeenAt { time, at: FrameRef { input: 0, frame } };
            all.observe(&message, seen_at, None, &mut Arc::new);
        }
        all
    }

    #[test]
    fn offers_are_untaken_until_one_is_requested() {
        let story = [('D', 1), ('D', 2), ('O', 2), ('D', 2), ('O', 2), ('O', 2), ('D', 3), ('O', 3), ('D', 4)];
        let all = of(&story);
        let untaken = all.untaken().unwrap();
        assert_eq!((untaken.offers.len(), untaken.offered, untaken.discovered.count), (1, 3, 4));
        assert_eq!(untaken.first.at.frame, 3);
        let taken = of(&[&story[..], &[('O', 4), ('R', 4)]].concat());
        assert!(taken.untaken().is_none());
        assert!(of(&[('D', 1)]).untaken().is_none());
    }

    #[test]
    fn a_relay_that_names_itself_is_no_server() {
        let of = |server: [u8; 4], relay: Option<[u8; 4]>| {
            let mut offer = message(Op::Reply, "OFFER", 1);
            offer.server_id = Some(server.into());
            OfferSeen {
                seen_at: SeenAt::default(),
                address: None,
                terms: Arc::new(LeaseTerms::of(&offer, None)),
                relay: relay.map(Ipv4Addr::from),
            }
        };
        assert!(of([10, 1, 1, 1], Some([10, 1, 1, 1])).is_of_proxy());
        assert!(of([192, 0, 2, 1], Some([10, 1, 1, 1])).is_of_proxy());
        assert!(!of([10, 1, 1, 2], Some([10, 1, 1, 1])).is_of_proxy());
        assert!(!of([192, 0, 2, 1], None).is_of_proxy());
    }
}
