//! One phone: everything that it did, and what follows from it alone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::conversation::dhcp::{Exchange, Exchanges, LeaseTerms, OfferSeen};
use crate::conversation::dhcpv6;
use crate::conversation::file::Fetch;
use crate::conversation::registration::Attempt;
use crate::conversation::{RetryCount, SeenAt};
use crate::diagnosis::{Outcome, RegistrationState};
use crate::types::{Mac, PhoneId, Timestamp, WireText};
use crate::wire::phone_config::{self, PhoneConfig};
use crate::wire::{load, sccp};

/// Where a load was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum LoadSource {
    Alarm,
    Register,
    Cdp,
    Lldp,
}

impl LoadSource {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            LoadSource::Alarm => "alarm",
            LoadSource::Register => "register",
            LoadSource::Cdp => "cdp",
            LoadSource::Lldp => "lldp",
        }
    }
}

/// A load that a phone says it runs.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct LoadSeen {
    /// As the wire spells it.
    pub load: WireText,
    /// Where.
    pub source: LoadSource,
    /// First seen so.
    pub seen_at: SeenAt,
    /// Latest alarm or Register that says so; `None`: only announcements do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<SeenAt>,
    /// Latest announcement (CDP, LLDP) that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<SeenAt>,
}

impl LoadSeen {
    /// The latest word of it, of whatever kind.
    pub fn latest(&self) -> SeenAt {
        self.said.max(self.announced).unwrap_or(self.seen_at)
    }
}

/// An address that a phone asks the MAC of.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct ArpAsk {
    /// Whose; of IPv6 it asks by neighbour discovery (RFC 4861).
    pub target: IpAddr,
    /// The questions since the last answer.
    pub tries: RetryCount,
    /// The last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<SeenAt>,
}

/// A name that a phone asked a DNS server for.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct NameAsk {
    /// The name.
    pub name: WireText,
    /// Whom it asked.
    pub server: IpAddr,
    /// Whether for IPv6 addresses (AAAA); otherwise for IPv4 (A).
    pub v6: bool,
    /// The questions of one boot.
    pub tries: RetryCount,
    /// The latest answer to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<DnsAnswer>,
}

/// The answer to a DNS question.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct DnsAnswer {
    /// Where.
    pub seen_at: SeenAt,
    /// Response code, such as `NXDOMAIN`.
    pub code: WireText,
    /// Addresses; none where the name has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

/// A trust verification service (TVS, TCP 2445) that a phone asks whether to believe a certificate or a signature.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct TrustAsk {
    /// Where it is: a server of the cluster whose trust list the phone holds.
    pub server: IpAddr,
    /// The phone's connections to it.
    pub tries: RetryCount,
    /// The latest time that it was there: not a reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<SeenAt>,
}

/// A name that a phone gives itself.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct NameSeen {
    /// The name.
    pub name: WireText,
    /// First seen so.
    pub seen_at: SeenAt,
}

/// The reason that an alarm states.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct ReasonSeen {
    /// Where.
    pub seen_at: SeenAt,
    /// Its text.
    pub text: WireText,
}

/// A voice VLAN that a phone says it was assigned.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct VoiceVlanSeen {
    /// Its id.
    pub id: u16,
    /// Where.
    pub seen_at: SeenAt,
}

/// The first announcement of a phone.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Announced {
    /// Where.
    pub seen_at: SeenAt,
    /// Which protocol.
    pub protocol: AnnouncementProtocol,
}

/// How a device announces itself to its neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub enum AnnouncementProtocol {
    /// Cisco Discovery Protocol.
    Cdp,
    /// Link Layer Discovery Protocol (IEEE 802.1AB).
    Lldp,
}

/// Another device that claims a phone's address, by ARP or by a lease.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct AddressConflict {
    /// Whose claim it is.
    pub mac: Mac,
    /// The address.
    pub ip: IpAddr,
    /// Where it claims it first.
    pub claimed: SeenAt,
    /// How often it claims it.
    pub claims: u32,
    /// Where the phone still uses the address after that, without another lease between: now there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<SeenAt>,
    /// When it was claimed last.
    pub last: Timestamp,
}

/// One phone (or a client of which it is not known yet).
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Phone {
    /// Its MAC; all zero while only its address is known.
    pub mac: Mac,
    /// Whether it boots or registers as a Cisco phone.
    pub is_phone: bool,
    /// Whether it registers as something that is no phone (a conference bridge, a gateway).
    pub is_other: bool,
    /// Whether only its name tells it from others: a port of an analog gateway, whose MAC is the gateway's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_name: bool,
    /// Whether it is one of several at its address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares: bool,
    /// Names that it gives itself, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameSeen>,
    /// Model of its vendor class or announcement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// Device type of its Register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<u32>,
    /// Latest address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// Innermost VLAN id of its frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// First frame of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<SeenAt>,
    /// Latest frame of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<SeenAt>,
    /// Leases.
    pub dhcp: Exchanges,
    /// Leases by DHCPv6.
    #[serde(default, skip_serializing_if = "dhcpv6::Exchanges::is_empty")]
    pub dhcpv6: dhcpv6::Exchanges,
    /// Files, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Fetch>,
    /// How many older ones were dropped.
    pub files_evicted: u32,
    /// Registrations, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// How many older ones were dropped.
    pub attempts_evicted: u32,
    /// Loads that it said it runs: changes only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loads: Vec<LoadSeen>,
    /// Latest reason of an alarm: why it lost its registration before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reason: Option<ReasonSeen>,
    /// ARP questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arp: Vec<ArpAsk>,
    /// DNS questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<NameAsk>,
    /// Trust verification services that it asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_asks: Vec<TrustAsk>,
    /// Voice VLAN that it says it was assigned (LLDP-MED).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_vlan: Option<VoiceVlanSeen>,
    /// Another device that claims its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<AddressConflict>,
    /// Where its boots begin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boots: Vec<SeenAt>,
    /// The boot whose way up to the registration was measured last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) measured: Option<SeenAt>,
    /// First announcement of it (CDP, LLDP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
}

/// No phone gives up on a server as fast as this: what it does next within it, it does because an answer came. The
/// shortest retransmission interval seen of a phone is above it.
pub const AT_ONCE: Duration = Duration::from_secs(1);

impl Phone {
    /// The next thing that it began after `seen_at`: a request, a registration, a boot.
    pub fn next_action(&self, seen_at: SeenAt) -> Option<SeenAt> {
        let file = self.files.iter().map(|f| f.request.first).find(|s| *s > seen_at);
        let attempt = self.attempts.iter().map(|a| a.began).find(|s| *s > seen_at);
        let boot = self.boots.iter().copied().find(|s| *s > seen_at);
        [file, attempt, boot].into_iter().flatten().min()
    }

    /// Whether a request without answer in the capture was answered all the same: asked once, and gone on at once.
    pub fn answer_lost(&self, fetch: &Fetch) -> bool {
        fetch.answered.is_none()
            && fetch.request.count == 1
            && fetch.unreachable.is_none()
            && self.next_action(fetch.request.last).is_some_and(|n| n.time.since(fetch.request.last.time) < AT_ONCE)
    }

    /// Whether `file` is the configuration of this phone alone: its own name is in the file's.
    pub fn owns_config(&self, file: &str) -> bool {
        phone_config::is_config_name(file)
            && phone_config::device_of_name(file).is_some_and(|(mac, _)| {
                mac == self.mac || self.name().and_then(|n| Mac::from_device_name(n.raw())) == Some(mac)
            })
    }

    /// What tells it from all others.
    pub fn id(&self) -> PhoneId {
        match self.name().filter(|_| self.by_name) {
            Some(name) => PhoneId::named(self.mac, name.raw()),
            None => self.mac.into(),
        }
    }

    /// Whether it speaks SCCP and is no phone: by the type or name that it registers with, or since it is told of media
    /// channels and never of a key, a lamp, a display or a call (a conference bridge, a transcoder, an MTP).
    pub fn is_media_resource(&self) -> bool {
        self.is_other
            || (self.names.is_empty()
                && self.announced.is_none()
                && self.attempts.iter().any(|a| a.media)
                && !self.attempts.iter().any(|a| a.telephone))
    }

    /// Latest name, or else the one that its MAC gives it.
    pub fn name(&self) -> Option<&WireText> {
        self.names.last().map(|n| &n.name)
    }

    /// The device type: of its Register, or by its model.
    pub fn device_type(&self) -> Option<u32> {
        self.device_type.or_else(|| self.model.as_deref().and_then(sccp::device_type_of_model))
    }

    /// The model: of its vendor class, or by its device type.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref().or_else(|| self.device_type.and_then(sccp::device_type_name))
    }

    /// The beginning of the current boot: where what counts now begins.
    pub fn boot_began(&self) -> Option<SeenAt> {
        self.boots.last().copied()
    }

    /// The current exchange: the latest one that is no INFORM.
    pub fn exchange(&self) -> Option<&Exchange> {
        self.dhcp.list.iter().rev().find(|e| e.kind != crate::conversation::dhcp::Kind::Inform)
    }

    /// The lease in force: the latest acknowledged one that the phone did not decline.
    pub fn lease(&self) -> Option<&OfferSeen> {
        self.dhcp.list.iter().rev().filter(|e| e.decline.is_none()).find_map(|e| e.ack.as_ref())
    }

    /// The terms of the lease in force; where the acknowledgement was not captured, of the offer that the phone took.
    pub fn lease_terms(&self) -> Option<&Arc<LeaseTerms>> {
        self.dhcp.list.iter().rev().find_map(terms_of)
    }

    /// The same as of `seen_at`: what a later exchange brought does not count.
    pub fn lease_terms_before(&self, seen_at: SeenAt) -> Option<&Arc<LeaseTerms>> {
        self.dhcp.list.iter().rev().filter(|e| e.began <= seen_at).find_map(terms_of)
    }

    /// The exchange that the lease in force came from.
    pub fn lease_exchange(&self) -> Option<&Exchange> {
        self.dhcp.list.iter().rev().find(|e| e.ack.is_some() || e.requested.is_some())
    }

    /// The lease by DHCPv6 in force at `seen_at`: the latest answer that the phone took and did not decline.
    pub fn lease_v6_at(&self, seen_at: SeenAt) -> Option<&dhcpv6::Answer> {
        let taken = self.dhcpv6.list.iter().rev().filter(|e| e.declined.is_none() && e.began <= seen_at);
        taken.filter_map(dhcpv6::Exchange::taken).next()
    }

    /// The one in force at the end.
    pub fn lease_v6(&self) -> Option<&dhcpv6::Answer> {
        self.last.and_then(|last| self.lease_v6_at(last))
    }

    /// The latest configuration that it was served, and how.
    pub fn config(&self) -> Option<(&Fetch, &Arc<PhoneConfig>)> {
        self.files.iter().rev().find_map(|f| f.config.as_ref().map(|c| (f, c)))
    }

    /// The load that a configuration names for this phone.
    pub fn load_in(&self, config: &PhoneConfig) -> Option<WireText> {
        config.load.clone().or_else(|| self.device_type().and_then(|t| config.loads.get(&t).cloned()))
    }

    /// The load that it runs, as far as it said: the latest word.
    pub fn running(&self) -> Option<&LoadSeen> {
        self.loads.last()
    }

    /// The latest load that it fetched to its end: the load's name and the request. The parts of a later load bear
    /// names of their own (`jar42sccp.9-4-2….sbn`), which are no names of loads: they count only where nothing else does.
    pub fn fetched(&self) -> Option<(String, &Fetch)> {
        let served = || {
            let served = self.files.iter().rev().filter(|f| f.outcome() == Outcome::Served);
            served.filter_map(|f| load::is_load_file(f.name.raw()).map(|load| (load, f)))
        };
        served().find(|(name, _)| load::family(name).is_some()).or_else(|| served().next())
    }

    /// The attempts that count now: a connection that carries nothing but keepalives to a standby CallManager is none, nor
    /// is a probe of a standby registrar.
    pub fn counting_attempts(&self) -> impl DoubleEndedIterator<Item = (usize, &Attempt)> {
        let mut asked = self.attempts.iter().filter(|b| b.registered.is_some() || b.register.is_some());
        let first = asked.next().map(|b| b.server);
        let several = asked.any(|b| Some(b.server) != first);
        let registered_elsewhere = move |a: &Attempt| several || first.is_some_and(|server| server != a.server);
        let is_idle = move |a: &Attempt| a.is_probe() || (a.is_keepalive_only() && registered_elsewhere(a));
        self.attempts.iter().enumerate().filter(move |(_, a)| !is_idle(a))
    }

    /// State of an attempt, by its index.
    pub fn attempt_state(&self, index: usize, now: Timestamp, blind: bool) -> RegistrationState {
        let Some(attempt) = self.attempts.get(index) else { return RegistrationState::NotSeen };
        let rebooted = self.boot_began().is_some_and(|b| b.is_after(attempt.last));
        match attempt.state(now, blind, rebooted || index + 1 < self.attempts.len()) {
            // Power that goes ends a registration without a word.
            RegistrationState::Registered if rebooted => RegistrationState::Unregistered,
            state => state,
        }
    }

    /// The attempt that tells the phone's state: the latest that counts.
    pub fn last_attempt(&self) -> Option<(usize, &Attempt)> {
        self.counting_attempts().next_back()
    }
}

fn terms_of(exchange: &Exchange) -> Option<&Arc<LeaseTerms>> {
    exchange.granted().map(|o| &o.terms)
}
