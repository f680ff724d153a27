//! One phone in its world: what the rules ask, worked out once.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::contact::tokens_rejected;
use super::coverage::Visibility;
use super::occupants::Occupants;
use super::peers::{Peers, RightServer};
use super::site_wide::SiteWideFacts;
use crate::conversation::dhcp::{LeaseTerms, OfferSeen};
use crate::conversation::dhcpv6;
use crate::conversation::file::Fetch;
use crate::conversation::registration::{Attempt, SecureFailure};
use crate::conversation::{RetryCount, SeenAt};
use crate::diagnosis::{Confidence, Outcome, RegistrationState, TftpSource};
use crate::phone::registry::Registry;
use crate::phone::{ArpAsk, Phone};
use crate::site::{Cluster, Site};
use crate::types::{Timestamp, WireText};
use crate::wire::phone_config;

/// What all phones share.
pub struct DiagnosisContext<'a> {
    #[allow(missing_docs)]
    pub registry: &'a Registry,
    #[allow(missing_docs)]
    pub site: &'a Site,
    /// What the capture could show.
    pub visible: Visibility,
    /// What the phones that are well tell about servers.
    pub peers: Peers,
    /// What only all phones together tell.
    pub together: SiteWideFacts,
    /// Worked out by [`super::scopes`] where it is asked for.
    pub(super) occupants: OnceCell<Occupants>,
}

impl<'a> DiagnosisContext<'a> {
    /// Works out what all phones share.
    pub fn new(registry: &'a Registry, site: &'a Site, visible: Visibility) -> DiagnosisContext<'a> {
        let peers = Peers::new(registry, &visible);
        let together = SiteWideFacts::new(registry, &visible);
        DiagnosisContext { registry, site, visible, peers, together, occupants: OnceCell::new() }
    }

    /// Latest time of the capture.
    pub fn now(&self) -> Timestamp {
        self.registry.now
    }
}

/// The TFTP server that a phone turns to.
#[derive(Clone, Copy, Debug)]
pub struct TftpUse {
    #[allow(missing_docs)]
    pub server: IpAddr,
    /// Where the phone has it from; `None`: no lease in the capture tells.
    pub source: Option<TftpSource>,
    /// The request, the ARP question, or the lease.
    pub seen_at: SeenAt,
    /// The phone was seen to ask it.
    pub asked: bool,
}

/// The name that phones ask DNS for where they look for a server of their own.
const CISCO_CM: &str = "CiscoCM1";

/// A DNS answer that sends phones to a server.
#[derive(Clone, Copy, Debug)]
pub struct DnsAnswer<'a> {
    /// As asked: `CiscoCM1.example.com`.
    pub name: &'a WireText,
    /// Who answered.
    pub dns_server: IpAddr,
    /// The answer.
    pub seen_at: SeenAt,
}

/// One phone in its world.
pub struct PhoneContext<'a> {
    #[allow(missing_docs)]
    pub world: &'a DiagnosisContext<'a>,
    #[allow(missing_docs)]
    pub phone: &'a Phone,
    contacts: OnceCell<Vec<Contact<'a>>>,
    tftp_use: OnceCell<Option<TftpUse>>,
    /// Worked out by [`super::inference`] where it is asked for.
    pub(super) wrong: OnceCell<Option<WrongServer>>,
}

/// A TFTP server that is not this phone's.
#[derive(Clone, Debug)]
pub struct WrongServer {
    #[allow(missing_docs)]
    pub used: TftpUse,
    /// Empty servers: not known which is right.
    pub right: RightServer,
}

pub use super::contact::Contact;
pub use crate::conversation::{ARP_INTERVAL, DHCP_INTERVAL, TFTP_INTERVAL};
/// A phone that goes on within this was not left waiting.
pub use crate::phone::AT_ONCE;

/// A phone that has a lease asks for its files within this.
pub const SETTLED: Duration = Duration::from_secs(10);

impl<'a> PhoneContext<'a> {
    /// This phone in this world.
    pub fn new(world: &'a DiagnosisContext<'a>, phone: &'a Phone) -> PhoneContext<'a> {
        PhoneContext { world, phone, contacts: OnceCell::new(), tftp_use: OnceCell::new(), wrong: OnceCell::new() }
    }

    /// Latest time of the capture.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }

    /// Confidence in what rests on an absence: falls where the capture lost packets, or its clock is not to be relied on.
    pub fn confidence_from_absence(&self, confidence: Confidence) -> Confidence {
        if self.world.visible.lossy || self.world.visible.unsteady {
            confidence.min(Confidence::Possible)
        } else {
            confidence
        }
    }

    /// Confidence that nobody answers: certain once it was asked three times and each of them had its time.
    pub fn confidence_from_silence(&self, tries: &RetryCount, interval: Duration) -> Confidence {
        let waited = self.now().since(tries.last.time) >= interval.min(tries.gap);
        self.confidence_from_absence(if tries.count > 3 || (tries.count == 3 && waited) {
            Confidence::Certain
        } else {
            Confidence::Likely
        })
    }

    // ---- the boot that counts ----

    /// Files of the current boot; where it has none yet, those of the boot before.
    pub fn files(&self) -> &'a [Fetch] {
        let files = &self.phone.files;
        let since = |began: SeenAt| files.get(files.partition_point(|f| f.request.first < began)..).unwrap_or_default();
        let boots = self.phone.boots.iter().rev();
        boots.map(|b| since(*b)).find(|f| !f.is_empty()).unwrap_or(files)
    }

    /// When the boot of [`Self::files`] began.
    fn files_began(&self) -> Option<SeenAt> {
        let first = self.files().first()?.request.first;
        self.phone.boots.iter().rev().find(|b| **b <= first).copied().or(Some(first))
    }

    /// Whether the phone went on to something else after `seen_at`.
    pub fn moved_on(&self, seen_at: SeenAt) -> bool {
        self.phone.next_action(seen_at).is_some()
    }

    /// Whether it went on to something else because nothing more came: it waited before it did. A phone that goes on at
    /// once had its answer, and the capture lost it.
    pub fn gave_up(&self, seen_at: SeenAt) -> bool {
        self.phone.next_action(seen_at).is_some_and(|next| next.time.since(seen_at.time) >= AT_ONCE)
    }

    /// The configuration that counts: of the boot that counts.
    pub fn config(&self) -> Option<(&'a Fetch, &'a Arc<phone_config::PhoneConfig>)> {
        self.files().iter().rev().find_map(|f| f.config.as_ref().map(|c| (f, c)))
    }

    /// The terms of the lease in force.
    pub fn terms(&self) -> Option<&'a Arc<LeaseTerms>> {
        self.phone.lease_terms()
    }

    // ---- TFTP ----

    /// The TFTP server that the phone turns to: where it got its configuration, or else asked last; before it asks
    /// any, the one that it ARPs for, or the one that its lease names first.
    pub fn tftp_use(&self) -> Option<TftpUse> {
        *self.tftp_use.get_or_init(|| {
            let files = self.files();
            let of_phone = |f: &&Fetch| {
                phone_config::device_of_name(f.name.raw()).is_some() || phone_config::is_config_name(f.name.raw())
            };
            let served = |f: &&Fetch| phone_config::is_config_name(f.name.raw()) && f.outcome() == Outcome::Served;
            let fetch = files.iter().rev().find(served).or_else(|| files.iter().rev().find(of_phone)).or(files.last());
            if let Some(fetch) = fetch {
                let source = self.source_of(fetch.server, fetch.request.first);
                return Some(TftpUse { server: fetch.server, source, seen_at: fetch.request.first, asked: true });
            }
            let lease = self.phone.lease_exchange();
            let lease = lease.map(|l| l.ack.as_ref().map_or(l.last, |a| a.seen_at));
            let seen_at = lease.or(self.phone.lease_v6().map(|l| l.seen_at))?;
            let named = self.lease_servers();
            let (server, source) = *named.first()?;
            let arp = |ip: &IpAddr| self.phone.arp.iter().find(|a| a.target == *ip);
            if let Some((ip, source, ask)) = named.iter().find_map(|(ip, s)| arp(ip).map(|a| (*ip, *s, a))) {
                return Some(TftpUse { server: ip, source: Some(source), seen_at: ask.tries.first, asked: true });
            }
            Some(TftpUse { server, source: Some(source), seen_at, asked: false })
        })
    }

    /// Addresses of the lease's TFTP servers, names resolved as this capture shows, with their source.
    pub fn lease_servers(&self) -> Vec<(IpAddr, TftpSource)> {
        let mut all = self.terms().map(|terms| self.servers_of(terms)).unwrap_or_default();
        let by_v6 = self.phone.lease_v6().into_iter().flat_map(|lease| &lease.tftp);
        all.extend(by_v6.map(|ip| (IpAddr::V6(*ip), TftpSource::Dhcpv6)));
        all
    }

    fn servers_of(&self, terms: &LeaseTerms) -> Vec<(IpAddr, TftpSource)> {
        let mut all = Vec::new();
        for (source, names) in &terms.sources {
            for ip in names.iter().flat_map(|n| self.world.registry.resolve(n.raw())) {
                if !all.iter().any(|(known, _)| *known == ip) {
                    all.push((ip, *source));
                }
            }
        }
        all
    }

    /// The lease that was in force at `seen_at`.
    pub fn lease_at(&self, seen_at: SeenAt) -> Option<&'a OfferSeen> {
        self.phone.dhcp.list.iter().rev().filter_map(|e| e.ack.as_ref()).find(|a| a.seen_at <= seen_at)
    }

    /// The lease by DHCPv6 that was in force at `seen_at`; where none is captured before, the latest.
    pub fn lease_v6_at(&self, seen_at: SeenAt) -> Option<&'a dhcpv6::Answer> {
        self.phone.lease_v6_at(seen_at).or(self.phone.lease_v6())
    }

    /// The terms of the lease that was in force at `seen_at`; where none is captured before, those of [`Self::terms`].
    pub fn terms_at(&self, seen_at: SeenAt) -> Option<&'a Arc<LeaseTerms>> {
        self.phone.lease_terms_before(seen_at).or(self.terms())
    }

    fn source_of(&self, server: IpAddr, asked: SeenAt) -> Option<TftpSource> {
        if let IpAddr::V6(v6) = server
            && self.lease_v6_at(asked).is_some_and(|lease| lease.tftp.contains(&v6))
        {
            return Some(TftpSource::Dhcpv6);
        }
        // A lease that came after the question did not send the phone there.
        let terms = self.terms_at(asked).filter(|t| !t.cut)?;
        if let Some((_, source)) = self.servers_of(terms).into_iter().find(|(ip, _)| *ip == server) {
            return Some(source);
        }
        // Named all the same: last, in the field that the server fills in by itself, or in an option misread.
        if terms.own_siaddr && IpAddr::V4(terms.server) == server {
            return Some(TftpSource::Siaddr);
        }
        if terms.misreads(server) {
            return Some(TftpSource::Option150);
        }
        // Told by DHCPv6: it is not set by hand, and of the ways to say so none is DHCPv6's.
        if self.world.registry.leases_v6.name_tftp(server) {
            return None;
        }
        // A name that this capture does not resolve may be the server: then the lease may name it all the same.
        let unresolved = terms.tftp().iter().any(|n| self.world.registry.resolve(n.raw()).is_empty());
        (!unresolved).then_some(TftpSource::Manual)
    }

    /// The DNS answer for CiscoCM1 that names `server`: this phone's own, or else another's.
    pub fn named_by_dns(&self, server: IpAddr) -> Option<DnsAnswer<'a>> {
        let registry = self.world.registry;
        if !registry.resolve(CISCO_CM).contains(&server) {
            return None;
        }
        let of = |phone: &'a Phone| {
            phone.dns.iter().rev().find_map(|ask| {
                let short = ask.name.raw().split('.').next().unwrap_or_default();
                let crate::phone::DnsAnswer { seen_at, addresses, .. } = ask.answer.as_ref()?;
                (short.eq_ignore_ascii_case(CISCO_CM) && addresses.contains(&server)).then_some(DnsAnswer {
                    name: &ask.name,
                    dns_server: ask.server,
                    seen_at: *seen_at,
                })
            })
        };
        of(self.phone).or_else(|| registry.phones().iter().find_map(of))
    }

    /// ARP questions for `server` that nobody answers.
    pub fn unanswered_arp(&self, server: IpAddr) -> Option<&'a ArpAsk> {
        let blind = self.world.visible.blind_arp;
        self.phone.arp.iter().find(|a| {
            a.target == server
                && a.answered.is_none()
                && !blind
                && a.tries.unanswered(self.now(), ARP_INTERVAL)
                && !self.has_sent(server, a.tries.first)
        })
    }

    /// Whether the phone asked, after `seen_at`, who has an address that is neither `server`'s nor a router's.
    pub fn asks_for_another(&self, seen_at: SeenAt, server: IpAddr) -> bool {
        let is_router = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => self.terms().is_some_and(|t| t.routers.contains(&ip)),
            // Routers of IPv6 are known by their link-local addresses, and servers are not.
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        let mut asks = self.phone.arp.iter().filter(|a| a.tries.last > seen_at && a.target != server);
        asks.any(|a| !is_router(a.target))
    }

    /// Whether the phone sent `server` a packet after `seen_at`: then it knows its MAC.
    fn has_sent(&self, server: IpAddr, seen_at: SeenAt) -> bool {
        let asked = self.phone.files.iter().any(|f| f.server == server && f.request.last > seen_at);
        asked || self.phone.attempts.iter().any(|a| a.server == server && a.last > seen_at)
    }

    /// Whether a file request stays without answer, by the contract's rule.
    pub fn is_unanswered(&self, fetch: &Fetch) -> bool {
        if fetch.answered.is_some() || self.world.visible.blind_files {
            return false;
        }
        let interval = fetch.timeout_secs.map_or(TFTP_INTERVAL, |s| Duration::from_secs(s.into()));
        fetch.unreachable.is_some()
            || (!self.phone.answer_lost(fetch)
                && (fetch.request.unanswered(self.now(), interval) || self.gave_up(fetch.request.last)))
    }

    // ---- registration ----

    /// How the phone stands with each CallManager that it tried in this boot, in the order of its first try; where
    /// the boot has not come so far, of the boot before.
    pub fn contacts(&self) -> &[Contact<'a>] {
        self.contacts.get_or_init(|| self.make_contacts())
    }

    fn make_contacts(&self) -> Vec<Contact<'a>> {
        let blind = self.world.visible.blind_registration;
        let attempts: Vec<(usize, &'a Attempt)> = {
            let all: Vec<_> = self.phone.counting_attempts().collect();
            let in_boot: Vec<_> = match self.files_began().into_iter().chain(self.phone.boot_began()).min() {
                Some(began) => all.iter().copied().filter(|(_, a)| a.last >= began).collect(),
                None => all.clone(),
            };
            if in_boot.is_empty() { all } else { in_boot }
        };
        let mut contacts: Vec<Contact<'a>> = Vec::new();
        for (index, attempt) in &attempts {
            let (attempt, state) = (*attempt, self.phone.attempt_state(*index, self.now(), blind));
            match contacts.iter_mut().find(|c| c.server == attempt.server) {
                Some(contact) => {
                    contact.attempts += 1;
                    // What is still open says nothing against what was seen before; nor does a silence or an end where
                    // packets are missing, if the CallManager spoke before.
                    let says_more = !self.world.visible.lossy || weight(state) >= weight(contact.state);
                    if (state != RegistrationState::NotSeen && says_more) || contact.state == RegistrationState::NotSeen
                    {
                        contact.state = state;
                        contact.attempt = Some(attempt);
                    }
                }
                None => contacts.push(Contact {
                    server: attempt.server,
                    port: attempt.port,
                    state,
                    attempt: Some(attempt),
                    arp: None,
                    silent: None,
                    tokens: None,
                    attempts: 1,
                    failures: 0,
                    failures_since_here: 0,
                }),
            }
        }
        for server in self.configured_call_managers() {
            if contacts.iter().any(|c| c.server == server) {
                continue;
            }
            if let Some(arp) = self.unanswered_arp(server) {
                let state = RegistrationState::NoAnswer;
                contacts.push(Contact {
                    server,
                    port: 2000,
                    state,
                    attempt: None,
                    arp: Some(arp),
                    silent: None,
                    tokens: None,
                    attempts: 0,
                    failures: 0,
                    failures_since_here: 0,
                });
            }
        }
        for contact in &mut contacts {
            let here = || attempts.iter().map(|(_, a)| *a).filter(|a| a.server == contact.server);
            // One SYN without answer may be a lost answer; one after the other is none.
            if contact.state == RegistrationState::NotSeen && !blind && here().all(Attempt::is_only_syns) {
                contact.silent = RetryCount::of_all(here().filter_map(|a| a.syn)).filter(|t| t.count >= 3);
                if contact.silent.is_some() {
                    contact.state = RegistrationState::NoAnswer;
                }
            }
            if contact.state == RegistrationState::NotSeen {
                contact.tokens = tokens_rejected(self.phone, contact.server);
                if contact.tokens.is_some() {
                    contact.state = RegistrationState::Rejected;
                }
            }
            contact.failures = self.failures_at(contact.server, |_| true);
            contact.failures_since_here = self.failures_at(contact.server, |server| server == contact.server);
        }
        contacts
    }

    /// Failures at a server since the phone was registered last with one that `counts`.
    fn failures_at(&self, server: IpAddr, counts: impl Fn(IpAddr) -> bool) -> u32 {
        use RegistrationState as S;
        let blind = self.world.visible.blind_registration;
        let mut count = 0;
        for (index, attempt) in self.phone.counting_attempts() {
            match self.phone.attempt_state(index, self.now(), blind) {
                S::Registered | S::Unregistered if counts(attempt.server) => count = 0,
                S::Rejected | S::Refused | S::NoAnswer | S::Closed if attempt.server == server => {
                    count += attempt.refusals()
                }
                _ => {}
            }
        }
        count
    }

    /// CallManagers that its configuration names, names resolved as this capture shows.
    pub fn configured_call_managers(&self) -> Vec<IpAddr> {
        let Some((_, config)) = self.config() else { return Vec::new() };
        config.call_managers.iter().flat_map(|n| self.world.registry.resolve(n.raw())).collect()
    }

    /// State of the last attempt.
    pub fn state(&self) -> RegistrationState {
        let latest = |c: &&Contact<'_>| c.attempt.map(|a| a.began).or(c.arp.map(|a| a.tries.first));
        let decided = self.contacts().iter().filter(|c| c.state != RegistrationState::NotSeen).max_by_key(latest);
        decided.map_or(RegistrationState::NotSeen, |c| c.state)
    }

    /// The contact of [`Self::state`], or the latest one.
    pub fn last_contact(&self) -> Option<&Contact<'a>> {
        let latest = |c: &&Contact<'_>| c.attempt.map(|a| a.began).or(c.arp.map(|a| a.tries.first));
        let contacts = self.contacts();
        let decided = contacts.iter().filter(|c| c.state != RegistrationState::NotSeen).max_by_key(latest);
        decided.or_else(|| contacts.iter().max_by_key(latest))
    }

    /// The CallManager that it is registered with now: no boot began since.
    pub fn registered_with(&self) -> Option<&Contact<'a>> {
        let contact = self.last_contact().filter(|c| c.state == RegistrationState::Registered)?;
        let attempt = contact.attempt?;
        self.phone.boot_began().is_none_or(|b| !b.is_after(attempt.last)).then_some(contact)
    }

    /// Whether it is registered, or was until it left by itself and did not come back for its lease or configuration.
    pub fn is_registered(&self) -> bool {
        match self.state() {
            RegistrationState::Registered => true,
            RegistrationState::Unregistered => {
                let left = self.last_contact().and_then(|c| c.attempt).map(|a| a.last).unwrap_or_default();
                let came_back = self.phone.boot_began().is_some_and(|b| b.is_after(left))
                    || self
                        .phone
                        .files
                        .iter()
                        .rev()
                        .any(|f| f.request.first.is_after(left) && phone_config::is_config_name(f.name.raw()));
                !came_back
            }
            _ => false,
        }
    }

    /// The secure session that stands in the end: a connection over TLS that is open, after the latest boot and after all
    /// others with that CallManager. Whether the phone is registered in it is not to be seen; down it is not.
    pub fn open_session(&self) -> Option<&'a Attempt> {
        let all = &self.phone.attempts;
        let stands = |(index, a): &(usize, &'a Attempt)| {
            let replaced = all.iter().skip(index + 1).any(|b| b.server == a.server && b.port == a.port);
            let rebooted = self.phone.boot_began().is_some_and(|b| b.is_after(a.last));
            a.secure_session().is_some() && !replaced && !rebooted
        };
        all.iter().enumerate().filter(stands).map(|(_, a)| a).next_back()
    }

    /// Why a secure connection came to nothing.
    pub fn secure_failure(&self, attempt: &Attempt) -> Option<SecureFailure> {
        attempt.secure_failure(self.now(), self.world.visible.blind_registration, self.moved_on(attempt.last))
    }

    /// Whether a CallManager was reached and did not take it.
    pub fn is_turned_away(&self) -> bool {
        self.contacts().iter().any(Contact::turned_away) && !self.is_registered()
    }

    // ---- who it is ----

    /// The cluster that the site file puts it in.
    pub fn cluster(&self) -> Option<&'a Cluster> {
        let name = self.phone.name().map(WireText::raw);
        self.world.site.cluster_of_phone(self.phone.mac, name, self.phone.ip, self.phone.vlan)
    }

    /// The load that it runs, as a load name.
    pub fn running(&self) -> Option<(WireText, SeenAt)> {
        let seen = self.phone.running()?;
        Some((self.world.registry.load_name(seen.load.raw(), self.phone.device_type()), seen.seen_at))
    }

    /// How the phone is called in a sentence.
    pub fn label(&self) -> String {
        self.phone.name().map_or_else(|| self.phone.mac.device_name(), ToString::to_string)
    }
}

/// How little a state could be made of missing packets.
fn weight(state: RegistrationState) -> u8 {
    match state {
        RegistrationState::NotSeen => 0,
        RegistrationState::NoAnswer => 1,
        RegistrationState::Closed => 2,
        _ => 3,
    }
}

/// Counts by key, for comparing what phones do.
pub type Counts<K> = BTreeMap<K, u32>;
