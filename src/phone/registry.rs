//! Joins conversations to phones: each message to the record of the phone that sent or got it.
//!
//! Who that is, `clients` tells; what one record takes in, `record` and the conversations do.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashlink::LruCache;

use super::clients::{ClientKey, Slot};
use super::dhcpv6::LeasesV6;
use super::eviction::Eviction;
use super::identity::{Senders, Vlans, seen_in};
use super::record::{note_boot, note_load, note_name};
use super::shared::Shared;
use super::{ArpAsk, LoadSource, NameAsk, Phone};
use crate::conversation::dhcp::{LeaseTerms, Outcome as DhcpOutcome, SeenIn};
use crate::conversation::file::{Fetch, Why};
use crate::conversation::registration::{Attempt, Protocol, id};
use crate::conversation::{RetryCount, SeenAt, push_bounded};
use crate::diagnosis::Transport;
use crate::event::{Event, EventKind, TcpEvent, TcpFlags};
use crate::measures::Measures;
use crate::types::{Mac, Timestamp, WireText};
use crate::wire::announcement::Announcement;
use crate::wire::phone_config::{self, PhoneConfig};
use crate::wire::{arp, dhcp, dns, http, icmp, sccp, sip, tftp};

/// Bounds of what one capture may make us keep. Reaching one is told in `coverage.limits_reached`.
pub mod limits {
    /// Phones.
    pub const PHONES: usize = 131_072;
    /// DHCP clients and addresses that are no phones (yet).
    pub const OTHERS: usize = 16_384;
    /// Addresses known to be a phone's; the one unused for longest goes first.
    pub const ADDRESSES: usize = 2 * PHONES;
    /// Files per phone.
    pub const FILES: usize = 48;
    /// Registration attempts per phone.
    pub const ATTEMPTS: usize = 48;
    /// ARP and DNS questions per phone.
    pub const QUESTIONS: usize = 8;
    /// Names, loads and boots per phone.
    pub const CHANGES: usize = 16;
    /// Names with their addresses, from DNS answers.
    pub const NAMES: usize = 1_024;
    /// Switch ports that announce a voice VLAN.
    pub const VOICE_PORTS: usize = 1_024;
    /// Load names kept for their spelling.
    pub const SPELLINGS: usize = 256;
    /// Distinct lease terms kept to be shared.
    pub const TERMS: usize = 65_536;
    /// Bytes of distinct configurations; a site has a few, of some kilobytes.
    pub const CONFIG_OCTETS: usize = 16 << 20;
    /// Bytes of distinct configurations kept whole, where that was asked for; a phone's takes some kilobytes.
    pub const CONFIG_BODY_OCTETS: usize = 256 << 20;
}

/// Messages by protocol and direction: what the capture can show at all.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Traffic {
    /// DHCP messages of clients, and of servers; of DHCPv6 those of Cisco's kind.
    pub dhcp: (u64, u64),
    /// TFTP and HTTP packets of phones, and of servers.
    pub files: (u64, u64),
    /// Registration packets of phones, and of CallManagers.
    pub registration: (u64, u64),
    /// Announcements of phones, and of others.
    pub announcements: (u64, u64),
    /// Registrations over TLS.
    pub encrypted: u64,
}

/// All phones, and what is known beside them.
pub struct Registry {
    pub(super) phones: Vec<Phone>,
    pub(super) by_mac: HashMap<Mac, usize, RandomState>,
    pub(super) by_ip: LruCache<IpAddr, usize, RandomState>,
    pub(super) others: LruCache<ClientKey, Phone, RandomState>,
    pub(super) senders: Senders,
    /// Voice VLANs that switches announce, and where tags show.
    pub vlans: Vlans,
    /// Address → MAC by ARP.
    pub(super) neighbours: LruCache<IpAddr, Mac, RandomState>,
    /// Counters that only rise.
    pub measures: Measures,
    /// What DHCPv6 names.
    pub leases_v6: LeasesV6,
    pub(super) shared: Shared,
    /// What the capture holds.
    pub traffic: Traffic,
    /// Latest time seen: the clock, which never goes back.
    pub now: Timestamp,
    /// Earliest time seen.
    pub began: Option<Timestamp>,
    /// By input: the latest frame and its time.
    pub(super) clocks: Vec<SeenAt>,
    /// How often an input's clock went back by more than reordering explains, and the most that it did, nanoseconds.
    pub clock_steps: (u64, u64),
    /// DHCP clients that are no phones: seen in all.
    pub refused_phones: u64,
    /// Devices that register but can not be told apart from the router in front of them.
    pub nameless: u64,
    /// When frames were dropped last.
    pub last_drop: Option<Timestamp>,
    /// Phones that left since they were not seen for the limit.
    pub forgotten_phones: u64,
    pub(super) aging: Option<Eviction>,
    /// Configurations that were not kept, since too many different ones were before.
    pub configs_refused: u64,
    /// Configurations that were not kept whole, though that was asked for.
    pub bodies_refused: u64,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new()
    }
}

impl Registry {
    /// Nobody seen.
    pub fn new() -> Registry {
        let state = RandomState::default;
        Registry {
            phones: Vec::new(),
            by_mac: HashMap::with_hasher(state()),
            by_ip: LruCache::with_hasher(limits::ADDRESSES, state()),
            others: LruCache::with_hasher(limits::OTHERS, state()),
            senders: Senders::new(),
            vlans: Vlans::default(),
            neighbours: LruCache::with_hasher(limits::OTHERS, state()),
            measures: Measures::default(),
            leases_v6: LeasesV6::default(),
            shared: Shared::new(),
            traffic: Traffic::default(),
            now: Timestamp::default(),
            began: None,
            clocks: Vec::new(),
            clock_steps: (0, 0),
            refused_phones: 0,
            nameless: 0,
            configs_refused: 0,
            forgotten_phones: 0,
            last_drop: None,
            aging: None,
            bodies_refused: 0,
        }
    }

    /// The phones, in the order of their first evidence.
    pub fn phones(&self) -> &[Phone] {
        &self.phones
    }

    /// DHCP clients seen that are no phones.
    pub fn other_dhcp_clients(&self) -> u64 {
        let leases = |p: &&Phone| !p.dhcp.list.is_empty();
        u64::try_from(self.others.iter().map(|(_, p)| p).filter(leases).count()).unwrap_or(u64::MAX)
    }

    /// Addresses that a name was resolved to in this capture; an address in text stands for itself.
    pub fn resolve(&self, name: &str) -> Vec<IpAddr> {
        if let Ok(ip) = name.parse() {
            return vec![ip];
        }
        let same = |n: &WireText| n.raw().eq_ignore_ascii_case(name) || short_name(n.raw()).eq_ignore_ascii_case(name);
        self.shared.names.iter().find(|(n, _)| same(n)).map(|(_, ips)| ips.clone()).unwrap_or_default()
    }

    /// A load in the spelling of a load name: as the wire implies it for this device type, or as this capture spells
    /// it elsewhere.
    pub fn load_name(&self, wire: &str, device_type: Option<u32>) -> WireText {
        let implied = crate::wire::load::print_name(wire, device_type);
        if implied != wire.trim() || !implied.contains('(') {
            return WireText::from(implied.as_str());
        }
        let spellings = self.shared.spellings.iter().map(|(s, _)| s);
        let mut same = spellings.filter(|s| crate::wire::load::same_load(s.raw(), wire));
        match (same.next(), same.next()) {
            (Some(only), None) => only.clone(),
            _ => WireText::from(implied.as_str()),
        }
    }

    /// Takes in one event that is no copy.
    pub fn observe(&mut self, event: &Event) {
        self.note_time(event.time);
        self.began = Some(self.began.map_or(event.time, |b| b.min(event.time)));
        let seen_at = SeenAt { time: event.time, at: event.at };
        self.note_clock(seen_at);
        self.measures.note(&event.kind);
        match &event.kind {
            EventKind::Dhcp(message) => self.observe_dhcp(event, message, seen_at),
            EventKind::Tftp(packet) => self.observe_tftp(event, packet, seen_at),
            EventKind::Http(message) => self.observe_http(event, message, seen_at),
            EventKind::Config(config) => self.observe_config(event, config, seen_at),
            EventKind::Tcp(tcp) => self.observe_tcp(event, tcp, seen_at),
            EventKind::Sccp(message) => self.observe_sccp(event, message, seen_at),
            EventKind::Sip(message) => self.observe_sip(event, message, seen_at),
            EventKind::Cdp(message) => self.observe_announcement(event, message, LoadSource::Cdp, seen_at),
            EventKind::Lldp(message) => self.observe_announcement(event, message, LoadSource::Lldp, seen_at),
            EventKind::Arp(message) => self.observe_arp(message, seen_at),
            EventKind::Icmp(message) => self.observe_icmp(message, event.envelope.src, seen_at),
            EventKind::Dns(message) => self.observe_dns(event, message, seen_at),
            EventKind::Dhcpv6(message) => self.leases_v6.observe(message, seen_at.time, &mut self.traffic.dhcp),
            EventKind::Capture(_) => {}
        }
    }

    /// A clock that was set back, or captures joined out of order: what rests on time is less sure then.
    fn note_clock(&mut self, seen_at: SeenAt) {
        const STEP_NANOS: u64 = 60_000_000_000;
        let input = seen_at.at.input as usize;
        if input >= self.clocks.len() {
            self.clocks.resize(input + 1, SeenAt::default());
        }
        let Some(last) = self.clocks.get_mut(input).filter(|l| l.at.frame < seen_at.at.frame) else { return };
        let back = last.time.nanos_since(seen_at.time);
        if back > STEP_NANOS && last.at.frame > 0 {
            self.clock_steps = (self.clock_steps.0 + 1, self.clock_steps.1.max(back));
        }
        *last = seen_at;
    }

    /// Makes phones of the clients that registered or booted as phones but never gave a name: by their own MAC, where
    /// it is theirs.
    pub fn finish(&mut self) {
        let waiting: Vec<ClientKey> = self.others.iter().filter(|(_, p)| p.is_phone).map(|(k, _)| *k).collect();
        self.nameless = 0;
        for key in waiting {
            let mac = match key {
                ClientKey::Mac(mac) => Some(mac),
                ClientKey::Ip(ip) => self.own_mac(ip),
            };
            match mac {
                Some(mac) => drop(self.phone(mac, key)),
                None => self.nameless += 1,
            }
        }
    }

    // ---- one method a protocol ----

    fn observe_dhcp(&mut self, event: &Event, message: &dhcp::Message, seen_at: SeenAt) {
        match message.op {
            dhcp::Op::Request => self.traffic.dhcp.0 += 1,
            dhcp::Op::Reply => self.traffic.dhcp.1 += 1,
        }
        let Some(mac) = message.chaddr.mac().filter(|m| !m.is_zero() && !m.is_group()) else { return };
        let slot = self.slot_of_mac(mac);
        let class = message.phone_class();
        let host_mac = message.host_name.as_ref().and_then(|n| Mac::from_device_name(n.raw()));
        let is_phone = message.op == dhcp::Op::Request && (class.is_some() || host_mac.is_some());
        let slot = match slot {
            Slot::Other(key) if is_phone => match self.phone(mac, key) {
                Some(index) => Slot::Phone(index),
                None => return,
            },
            other => other,
        };
        let sender = match event.envelope.src {
            Some(IpAddr::V4(ip)) if !ip.is_unspecified() => Some(ip),
            _ => None,
        };
        let seen_in = if message.op == dhcp::Op::Request { seen_in(&event.envelope, mac) } else { SeenIn::Unknown };
        self.measures.note_dhcp(message, sender);
        let vlan = if let SeenIn::Vlan(vlan) = seen_in { Some(vlan) } else { None };
        if vlan.is_some() && is_phone {
            self.vlans.note_tag(seen_at.at.input);
        }
        let mut shared = std::mem::replace(&mut self.shared, Shared::new());
        let mut intern = |t: LeaseTerms| shared.intern_terms(t, seen_at.time);
        let mut boots = 0;
        let outcome = self.client(slot, seen_at).map(|phone| {
            phone.vlan = vlan.or(phone.vlan);
            if let Some(model) = class.and_then(|c| c.model) {
                phone.model = Some(model.into());
            }
            if let Some(name) = message.host_name.as_ref().filter(|_| host_mac.is_some()) {
                note_name(phone, name, seen_at);
            }
            let outcome = phone.dhcp.observe(message, seen_at, sender, &mut intern);
            phone.dhcp.note_seen_in(message.xid, seen_in);
            if let (Some(address), dhcp::Op::Request) = (message.ciaddr, message.op) {
                phone.note_use(IpAddr::V4(address), seen_at);
            }
            if outcome == DhcpOutcome::BootBegan {
                boots += u64::from(note_boot(phone, seen_at) && phone.is_phone);
                phone.forget_rival();
            }
            outcome
        });
        self.shared = shared;
        self.measures.boots += boots;
        if let Some(DhcpOutcome::Declined(Some(address))) = outcome {
            self.release(IpAddr::V4(address), slot);
        }
        if let Some(DhcpOutcome::Leased(Some(address))) = outcome {
            let ip = IpAddr::V4(address);
            if let Some(client) = self.client(slot, seen_at) {
                client.forget_rival();
            }
            self.note_claim(mac, ip, seen_at);
            match slot {
                Slot::Phone(index) => self.bind(ip, index),
                Slot::Other(_) => {
                    self.by_ip.remove(&ip);
                    if let Some(client) = self.client(slot, seen_at) {
                        client.ip = Some(ip);
                    }
                }
            }
        }
    }

    fn observe_tftp(&mut self, event: &Event, packet: &tftp::Packet, seen_at: SeenAt) {
        let env = &event.envelope;
        let (Some(src), Some(dst), Some(sport), Some(dport)) = (env.src, env.dst, env.sport, env.dport) else { return };
        if packet.op == tftp::Op::Rrq {
            self.traffic.files.0 += 1;
            let Some(name) = packet.file.clone() else { return };
            let Some((slot, _)) = self.sender(event, seen_at) else { return };
            let device = phone_config::device_of_name(name.raw());
            let asks_as_phone = device.is_some() || is_phone_file(name.raw());
            let slot =
                if asks_as_phone { self.named(slot, device.map(|(mac, _)| mac), Some(src), env.eth_src) } else { slot };
            self.shared.note_spelling(name.raw(), seen_at.time);
            let timeout =
                packet.options.iter().find(|(k, _)| k.raw() == "timeout").and_then(|(_, v)| v.raw().parse().ok());
            let Some(phone) = self.client(slot, seen_at) else { return };
            phone.is_phone |= asks_as_phone;
            if let Some((mac, _)) = device {
                note_name(phone, &WireText::from(mac.device_name().as_str()), seen_at);
            }
            let same = |f: &&mut Fetch| {
                f.is_open()
                    && f.server == dst
                    && f.name == name
                    && f.transport == Transport::Tftp
                    && f.answered.is_none()
            };
            if let Some(fetch) = phone.files.iter_mut().rev().take(4).find(same) {
                fetch.request.again(seen_at);
                fetch.last = seen_at;
                fetch.client_port = sport;
                return;
            }
            let mut fetch = Fetch::new(name, dst, Transport::Tftp, sport, seen_at);
            fetch.timeout_secs = timeout;
            push_bounded(&mut phone.files, fetch, limits::FILES, &mut phone.files_forgotten);
            return;
        }
        // Of the two ends the client is the one whose transfer it is.
        let ends = [(src, sport, dst, true, env.eth_src), (dst, dport, src, false, env.eth_dst)];
        for (client, port, server, from_client, eth) in ends {
            let slot = self.slot_of_ip(client, eth);
            let phone = match slot {
                Slot::Phone(index) => self.phones.get_mut(index),
                Slot::Other(key) => self.others.get_mut(&key),
            };
            let of_transfer =
                |f: &&mut Fetch| f.client_port == port && f.server == server && f.transport == Transport::Tftp;
            if let Some(phone) = phone
                && let Some(fetch) = phone.files.iter_mut().rev().take(8).find(of_transfer)
            {
                let side = if from_client { &mut self.traffic.files.0 } else { &mut self.traffic.files.1 };
                *side += 1;
                // What follows the end (a repeated last block, an acknowledged error) changes nothing.
                if fetch.is_open() {
                    fetch.observe(packet, seen_at, from_client);
                }
                return;
            }
        }
    }

    fn observe_http(&mut self, event: &Event, message: &http::Message, seen_at: SeenAt) {
        let env = &event.envelope;
        let (Some(src), Some(dst), Some(sport), Some(dport)) = (env.src, env.dst, env.sport, env.dport) else { return };
        if message.op == http::Op::Get {
            self.traffic.files.0 += 1;
            let Some(name) = message.file.clone() else { return };
            let Some((slot, _)) = self.sender(event, seen_at) else { return };
            let device = phone_config::device_of_name(name.raw());
            let asks_as_phone = device.is_some() || is_phone_file(name.raw());
            let slot =
                if asks_as_phone { self.named(slot, device.map(|(mac, _)| mac), Some(src), env.eth_src) } else { slot };
            self.shared.note_spelling(name.raw(), seen_at.time);
            let Some(phone) = self.client(slot, seen_at) else { return };
            phone.is_phone |= asks_as_phone;
            let fetch = Fetch::new(name, dst, Transport::Http, sport, seen_at);
            push_bounded(&mut phone.files, fetch, limits::FILES, &mut phone.files_forgotten);
            return;
        }
        self.traffic.files.1 += 1;
        let slot = self.slot_of_ip(dst, env.eth_dst);
        let phone = match slot {
            Slot::Phone(index) => self.phones.get_mut(index),
            Slot::Other(key) => self.others.get_mut(&key),
        };
        let asked = |f: &&mut Fetch| {
            f.client_port == dport && f.server == src && f.transport == Transport::Http && f.answered.is_none()
        };
        let Some(fetch) = phone.and_then(|p| p.files.iter_mut().find(asked)) else { return };
        fetch.answered = Some(seen_at);
        fetch.last = seen_at;
        fetch.progress = seen_at;
        match message.status.unwrap_or(0) {
            200..=299 => {
                fetch.bytes = message.bytes.unwrap_or(0);
                fetch.done = message.bytes.map(|_| seen_at);
            }
            404 | 410 => fetch.error = Some((seen_at, 1, WireText::from("HTTP 404"), false)),
            status => fetch.error = Some((seen_at, 2, WireText::from(format!("HTTP {status}").as_str()), false)),
        }
    }

    fn observe_config(&mut self, event: &Event, config: &PhoneConfig, seen_at: SeenAt) {
        let env = &event.envelope;
        for load in config.load.iter().chain(config.loads.values()) {
            self.shared.note_spelling(load.raw(), seen_at.time);
        }
        let Some(shared) = self.shared.intern_config(config, seen_at.time) else {
            self.configs_refused += 1;
            return;
        };
        let body = match config.body.as_ref().map(|body| self.shared.intern_body(body)) {
            Some(None) => {
                self.bodies_refused += 1;
                None
            }
            kept => kept.flatten(),
        };
        for (client, server, eth) in [(env.dst, env.src, env.eth_dst), (env.src, env.dst, env.eth_src)] {
            let (Some(client), Some(server)) = (client, server) else { continue };
            let slot = self.slot_of_ip(client, eth);
            let phone = match slot {
                Slot::Phone(index) => self.phones.get_mut(index),
                Slot::Other(key) => self.others.get_mut(&key),
            };
            let carries = |f: &&mut Fetch| f.server == server && f.name == config.file;
            if let Some(fetch) = phone.and_then(|p| p.files.iter_mut().rev().find(carries)) {
                fetch.config = Some(shared);
                fetch.body = body;
                return;
            }
        }
    }

    /// The attempt that a packet of a registration connection belongs to, and whether the phone sent it.
    fn attempt(&mut self, event: &Event, seen_at: SeenAt, opens: bool) -> Option<(Slot, &mut Attempt, bool)> {
        let env = &event.envelope;
        let (src, dst, sport, dport) = (env.src?, env.dst?, env.sport?, env.dport?);
        let from_phone = Protocol::of_port(dport).is_some();
        let (server, client) = if from_phone { ((dst, dport), (src, sport)) } else { ((src, sport), (dst, dport)) };
        let (port, eth) = (server.1, env.eth_src.filter(|_| from_phone));
        let protocol = Protocol::of_port(port)?;
        let slot = if from_phone { self.sender(event, seen_at)?.0 } else { self.slot_of_ip(dst, env.eth_dst) };
        let side = if from_phone { &mut self.traffic.registration.0 } else { &mut self.traffic.registration.1 };
        *side += 1;
        let phone = self.client(slot, seen_at)?;
        let is_it = |a: &Attempt| (a.server, a.port) == server && (a.client, a.client_port) == client;
        let found = phone.attempts.iter().rposition(is_it);
        // The same port again after its end is a new connection.
        let index = match found
            .filter(|i| !opens || phone.attempts.get(*i).is_some_and(|a| a.end.is_none() && a.connected.is_none()))
        {
            Some(index) => index,
            None => {
                let attempt = Attempt::new(server, client, protocol, seen_at);
                push_bounded(&mut phone.attempts, attempt, limits::ATTEMPTS, &mut phone.attempts_forgotten);
                phone.attempts.len() - 1
            }
        };
        let attempt = phone.attempts.get_mut(index)?;
        if from_phone {
            attempt.client_mac = eth.or(attempt.client_mac);
            attempt.spoke = Some(seen_at);
        }
        Some((slot, attempt, from_phone))
    }

    fn observe_tcp(&mut self, event: &Event, tcp: &TcpEvent, seen_at: SeenAt) {
        let Some((slot, attempt, from_phone)) = self.attempt(event, seen_at, tcp.flags == TcpFlags::Syn) else {
            return;
        };
        let was_connected = attempt.connected.is_some();
        attempt.observe_tcp(tcp, seen_at, from_phone);
        let opened = attempt.is_encrypted() && !was_connected && attempt.connected.is_some();
        self.traffic.encrypted += u64::from(opened);
        // Inside TLS nothing names a phone but its certificate.
        let subject = tcp.tls.as_ref().and_then(|t| t.subject.as_ref()).filter(|_| from_phone);
        let Some(mac) = subject.and_then(|s| Mac::from_device_name(s.raw().rsplit('-').next()?)) else { return };
        let slot = self.named(slot, Some(mac), event.envelope.src, event.envelope.eth_src);
        if let Some(phone) = self.client(slot, seen_at) {
            phone.is_phone = true;
            note_name(phone, &WireText::from(mac.device_name().as_str()), seen_at);
        }
    }

    fn observe_sccp(&mut self, event: &Event, message: &sccp::Message, seen_at: SeenAt) {
        let Some((slot, attempt, from_phone)) = self.attempt(event, seen_at, false) else { return };
        let before = (attempt.registered.is_some(), attempt.rejected.is_some());
        attempt.observe_sccp(message, seen_at, from_phone);
        let was_registered = attempt.was_registered();
        let now = (attempt.registered.is_some(), attempt.rejected.is_some());
        if !from_phone {
            self.measures.rejections += u64::from(now.1 && !before.1);
            if now.0 && !before.0 {
                self.note_registered(slot, seen_at);
            }
            if let Some(load) = &message.version_text {
                self.shared.note_spelling(load.raw(), seen_at.time);
            }
            // A session, or an answered KeepAlive, is a registered phone, though nothing in the capture names it.
            if was_registered && let Some(phone) = self.client(slot, seen_at) {
                phone.is_phone |= !phone.is_other;
            }
            return;
        }
        let name = message.device.as_ref().filter(|n| !n.is_empty());
        if message.id == id::REGISTER {
            attempt.name = name.cloned();
        }
        let is_registration =
            matches!(message.id, id::REGISTER | id::ALARM | id::TOKEN_REQUEST | id::SPCP_TOKEN_REQUEST);
        if !is_registration {
            return;
        }
        // A type that no list knows registers as a phone until it is known for something else.
        let is_phone = match message.device_type {
            Some(number) => sccp::is_phone_type(number) || sccp::device_type_name(number).is_none(),
            None => name.is_some_and(|n| is_phone_name(n.raw())),
        } || name.is_some_and(|n| Mac::from_device_name(n.raw()).is_some());
        let name_mac = name.and_then(|n| Mac::from_device_name(n.raw()));
        let slot = if is_phone && name_mac.is_some() {
            self.named(slot, name_mac, event.envelope.src, event.envelope.eth_src)
        } else {
            slot
        };
        let Some(phone) = self.client(slot, seen_at) else { return };
        phone.is_phone |= is_phone;
        phone.is_other |= !is_phone && message.device_type.is_some();
        phone.device_type = message.device_type.or(phone.device_type);
        if let Some(name) = name {
            note_name(phone, name, seen_at);
        }
        let source = if message.id == id::ALARM { LoadSource::Alarm } else { LoadSource::Register };
        if let Some(load) = message.load.as_ref().filter(|l| !l.raw().trim().is_empty()) {
            note_load(phone, load, source, seen_at);
        }
        if let Some(reason) = message.last_reason.clone() {
            phone.last_reason = Some((seen_at, reason));
        }
    }

    fn observe_sip(&mut self, event: &Event, message: &sip::Message, seen_at: SeenAt) {
        let Some((slot, attempt, from_phone)) = self.attempt(event, seen_at, false) else { return };
        let before = (attempt.registered.is_some(), attempt.rejected.is_some());
        attempt.last = attempt.last.max(seen_at);
        attempt.server_seen |= !from_phone;
        if from_phone && attempt.name.is_none() {
            attempt.name = message.device.clone();
        }
        match (from_phone, message.status) {
            (true, _) if message.expires == Some(0) => attempt.unregistered = Some(seen_at),
            (true, _) => match &mut attempt.register {
                Some(tries) => tries.again(seen_at),
                None => attempt.register = Some(RetryCount::new(seen_at)),
            },
            (false, Some(200..=299)) => {
                attempt.connected.get_or_insert(seen_at);
                if attempt.unregistered.is_none() {
                    attempt.registered.get_or_insert(seen_at);
                }
            }
            // A challenge is no refusal, a provisional answer is none yet.
            (false, Some(100..=199 | 401 | 407) | None) => drop(attempt.connected.get_or_insert(seen_at)),
            (false, Some(status)) => {
                let phrase = message.phrase.as_ref().map(|p| p.raw().to_owned()).unwrap_or_default();
                attempt.rejected = Some((seen_at, WireText::from(format!("{status} {phrase}").trim()), None));
            }
        }
        let now = (attempt.registered.is_some(), attempt.rejected.is_some());
        self.measures.rejections += u64::from(now.1 && !before.1);
        if now.0 && !before.0 {
            self.note_registered(slot, seen_at);
        }
        let Some(mac) = message.device.as_ref().and_then(|d| Mac::from_device_name(d.raw())).filter(|_| from_phone)
        else {
            return;
        };
        let slot = self.named(slot, Some(mac), event.envelope.src, event.envelope.eth_src);
        if let Some(phone) = self.client(slot, seen_at) {
            phone.is_phone = true;
            if let Some(name) = &message.device {
                note_name(phone, name, seen_at);
            }
            let Some(alarm) = message.reason.as_ref().map(|r| sccp::AlarmText::parse(r.raw(), false)) else { return };
            if let Some(load) = alarm.load {
                note_load(phone, &WireText::from(load), LoadSource::Alarm, seen_at);
            }
            if let Some(last) = alarm.last {
                phone.last_reason = Some((seen_at, WireText::from(last)));
            }
        }
    }

    fn observe_announcement(&mut self, event: &Event, message: &Announcement, source: LoadSource, seen_at: SeenAt) {
        let platform = message.platform.as_ref().map(WireText::raw).unwrap_or_default();
        let device = message.device_id.as_ref().map(WireText::raw).unwrap_or_default();
        let is_phone = Mac::from_device_name(device).is_some() || platform.starts_with("Cisco IP Phone");
        let mac = event.envelope.eth_src.filter(|m| !m.is_zero() && !m.is_group());
        let side = if is_phone { &mut self.traffic.announcements.0 } else { &mut self.traffic.announcements.1 };
        *side += 1;
        if !is_phone {
            self.vlans.note_port(message, seen_at);
        }
        let Some(mac) = mac.filter(|_| is_phone).or(Mac::from_device_name(device)) else { return };
        let Some(index) = self.phone(mac, ClientKey::Mac(mac)) else { return };
        if let Some(load) = &message.software_version {
            self.shared.note_spelling(load.raw(), seen_at.time);
        }
        let vlan = event.envelope.vlan.last().copied();
        let Some(phone) = self.client(Slot::Phone(index), seen_at) else { return };
        phone.announced.get_or_insert(seen_at);
        if let Some(told) = message.voice_vlan.filter(|v| is_phone && (1..4095).contains(v)) {
            phone.voice_vlan = Some((told, seen_at));
        }
        phone.vlan = vlan.or(phone.vlan);
        if phone.model.is_none() {
            let model = message.model.as_ref().map(WireText::raw).filter(|m| !m.is_empty()).unwrap_or(platform);
            phone.model = model_number(model).map(Into::into);
        }
        if Mac::from_device_name(device).is_some() {
            note_name(phone, &WireText::from(device), seen_at);
        }
        if let Some(load) = message.software_version.as_ref().filter(|l| !l.raw().trim().is_empty()) {
            note_load(phone, load, source, seen_at);
        }
    }

    fn observe_arp(&mut self, message: &arp::Message, seen_at: SeenAt) {
        let sender = IpAddr::V4(message.sender_ip);
        if !message.sender_ip.is_unspecified() {
            self.neighbours.insert(sender, message.sender_mac);
            let is_end = self.is_end(message.sender_mac);
            self.senders.note(message.sender_mac, sender, is_end);
            self.note_claim(message.sender_mac, sender, seen_at);
        }
        if message.op == arp::Op::Request && message.sender_ip != message.target_ip {
            let Some(index) = self.by_mac.get(&message.sender_mac).copied() else { return };
            let Some(phone) = self.phones.get_mut(index) else { return };
            if message.sender_ip.is_unspecified() {
                return;
            }
            match phone.arp.iter_mut().find(|a| a.target == message.target_ip) {
                Some(ask) if ask.answered.is_none_or(|a| a > ask.tries.last) && ask.answered.is_some() => {
                    ask.tries = RetryCount::new(seen_at);
                    ask.answered = None;
                }
                Some(ask) => ask.tries.again(seen_at),
                None => {
                    let ask = ArpAsk { target: message.target_ip, tries: RetryCount::new(seen_at), answered: None };
                    push_bounded(&mut phone.arp, ask, limits::QUESTIONS, &mut 0);
                }
            }
        } else if let Some(index) = self.by_ip.get(&IpAddr::V4(message.target_ip)).copied()
            && let Some(phone) = self.phones.get_mut(index)
            && let Some(ask) = phone.arp.iter_mut().find(|a| a.target == message.sender_ip)
        {
            ask.answered = Some(seen_at);
        }
    }

    fn observe_icmp(&mut self, message: &icmp::Message, sender: Option<IpAddr>, seen_at: SeenAt) {
        let Some(about) = message.about else { return };
        let v6 = sender.is_some_and(|s| s.is_ipv6());
        let unreachable = if v6 { message.icmp_type == 1 } else { message.icmp_type == 3 };
        // Code 4 of type 3 asks for smaller packets: the path works.
        if !unreachable || (!v6 && message.icmp_code == 4) {
            return;
        }
        let why = Why::of_unreachable(message.icmp_code, v6);
        let (Some(sport), Some(dport)) = (about.sport, about.dport) else { return };
        let Slot::Phone(index) = self.slot_of_ip(about.src, None) else { return };
        let Some(phone) = self.phones.get_mut(index) else { return };
        if about.protocol == 17 {
            let of = |f: &&mut Fetch| f.server == about.dst && f.client_port == sport && f.is_open();
            if let Some(fetch) = phone.files.iter_mut().rev().find(of) {
                fetch.unreachable = Some((seen_at, why));
                fetch.last = seen_at;
            }
        } else if about.protocol == 6 {
            let of = |a: &&mut Attempt| a.server == about.dst && a.port == dport && a.client_port == sport;
            if let Some(attempt) = phone.attempts.iter_mut().rev().find(of) {
                attempt.unreachable = Some((seen_at, why));
                attempt.last = seen_at;
            }
        }
    }

    fn observe_dns(&mut self, event: &Event, message: &dns::Message, seen_at: SeenAt) {
        let env = &event.envelope;
        let (Some(src), Some(dst)) = (env.src, env.dst) else { return };
        if !message.answers.is_empty() {
            self.shared.names.insert(message.name.clone(), message.answers.clone());
        }
        let (client, server, eth) = match message.rcode {
            None => (src, dst, env.eth_src),
            Some(_) => (dst, src, env.eth_dst),
        };
        let Slot::Phone(index) = self.slot_of_ip(client, eth) else { return };
        let Some(phone) = self.phones.get_mut(index) else { return };
        let v6 = match message.qtype.raw() {
            "A" => false,
            "AAAA" => true,
            _ => return,
        };
        let began = phone.boots.last().copied();
        let asked = phone.dns.iter_mut().rev().find(|a| a.name == message.name && a.server == server && a.v6 == v6);
        match (asked, &message.rcode) {
            // What an earlier boot was told counts no more.
            (Some(ask), None) if began.is_some_and(|b| b > ask.tries.last) => {
                ask.tries = RetryCount::new(seen_at);
                ask.answer = None;
            }
            (Some(ask), None) => ask.tries.again(seen_at),
            (None, None) => {
                let ask =
                    NameAsk { name: message.name.clone(), server, v6, tries: RetryCount::new(seen_at), answer: None };
                push_bounded(&mut phone.dns, ask, limits::QUESTIONS, &mut 0);
            }
            (Some(ask), Some(code)) => ask.answer = Some((seen_at, code.clone(), message.answers.clone())),
            (None, Some(_)) => {}
        }
    }
}

/// Files that only Cisco phones ask for.
fn is_phone_file(name: &str) -> bool {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_uppercase();
    base == "OS79XX.TXT" || base == "ITLFILE.TLV" || base == "CTLFILE.TLV" || phone_config::is_config_name(name)
}

/// Names under which telephones register (SCCP reference 3.1); bridges and gateways have others.
fn is_phone_name(name: &str) -> bool {
    ["SEP", "ATA", "VGC"].iter().any(|p| name.get(..3).is_some_and(|n| n.eq_ignore_ascii_case(p)))
}

fn short_name(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The model number in a platform text: `Cisco IP Phone 7960` → `7960`.
fn model_number(platform: &str) -> Option<&str> {
    let at = platform.find(|c: char| c.is_ascii_digit())?;
    let digits = platform.get(at..)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).filter(|d| d.len() == 4)
}
