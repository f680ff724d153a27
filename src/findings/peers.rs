//! What the phones that are well tell about servers and loads, and how a right server is known.
//!
//! The majority is not the truth by itself: only phones that are *registered there* count, never how many use a server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::coverage::Visibility;
use crate::conversation::file::Fetch;
use crate::conversation::registration::Attempt;
use crate::conversation::{SeenAt, TFTP_INTERVAL};
use crate::diagnosis::{Confidence, Evidence, Outcome, RegistrationState};
use crate::phone::Phone;
use crate::phone::registry::Registry;
use crate::types::{Mac, WireText};
use crate::wire::load::hardware_of;
use crate::wire::{load, phone_config};

/// How it is known which server is right.
#[derive(Clone, Debug)]
pub enum Basis {
    /// The site file puts the phone into this cluster.
    SiteFile(String),
    /// `--expect-tftp`.
    ExpectTftp,
    /// The site file knows the CallManager that it tries; the phone itself it does not place.
    CallManagerOfCluster(String, IpAddr),
    /// Phones registered with the CallManager that this one tries: how many, one of them, its frame.
    Peers(u32, Mac, SeenAt),
    /// The same of a CallManager that configurations of registered phones name beside the one that this one tries.
    PeersBeside(IpAddr, u32, Mac, SeenAt),
    /// Phones that were registered with the CallManager earlier in this capture, this one perhaps among them.
    PeersBefore(u32, Mac, SeenAt),
    /// The CallManager that it tries serves files itself: its frame.
    ServesFiles(IpAddr, SeenAt),
    /// Another DHCP server offers it, and phones that took that are registered: the server, how many, the offer.
    OtherOffer(Ipv4Addr, u32, SeenAt),
    /// The phone's own lease names it, and the phone asks another: the DHCP server, how many phones with such a lease
    /// are registered, the lease.
    OwnLease(Ipv4Addr, u32, SeenAt),
    /// Nothing in the capture says; the phone took a load there and was turned away after.
    TookLoad,
    /// Nothing in the capture says; other phones took the load that it runs there, and were turned away after: how many,
    /// one of them, its frame.
    OthersTookLoad(u32, Mac, SeenAt),
}

/// The right servers, as far as known.
#[derive(Clone, Debug)]
pub struct RightServer {
    /// Sorted as the site file has them, or by address; empty where not known.
    pub servers: Vec<IpAddr>,
    #[allow(missing_docs)]
    pub confidence: Confidence,
    #[allow(missing_docs)]
    pub basis: Basis,
}

/// A registered phone's word on where it got its files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness {
    pub(super) count: u32,
    /// How many of them have a lease that names the server.
    pub(super) by_lease: u32,
    /// How many of them have a lease that names other servers, or none. Of the rest the lease is not captured.
    pub(super) against_lease: u32,
    pub(super) mac: Mac,
    pub(super) seen_at: SeenAt,
}

impl Witness {
    pub(super) fn new(mac: Mac, seen_at: SeenAt) -> Witness {
        Witness { count: 0, by_lease: 0, against_lease: 0, mac, seen_at }
    }

    /// One phone more; whether its lease names the server, where it is captured.
    pub(super) fn add(&mut self, lease_names_it: Option<bool>) {
        self.count += 1;
        self.by_lease += u32::from(lease_names_it == Some(true));
        self.against_lease += u32::from(lease_names_it == Some(false));
    }

    pub(super) fn merge(&mut self, other: &Witness) {
        self.count += other.count;
        self.by_lease += other.by_lease;
        self.against_lease += other.against_lease;
    }
}

/// Servers kept of those that one lease names.
const MAX_BESIDE: usize = 16;

/// CallManager → TFTP server → phones that use both.
type Witnesses = BTreeMap<IpAddr, BTreeMap<IpAddr, Witness>>;
/// CallManager → loads of its phones, by model.
type Loads = BTreeMap<IpAddr, BTreeMap<String, BTreeSet<WireText>>>;

/// What the phones that are well tell about servers.
#[derive(Default)]
pub struct Peers {
    /// Phones that are registered.
    pub(super) tftp: Witnesses,
    /// Their loads.
    pub(super) loads: Loads,
    /// Phones that were registered earlier in the capture.
    pub(super) tftp_before: Witnesses,
    /// The loads that they had then.
    pub(super) loads_before: Loads,
    /// CallManager → those with which phones are registered whose configuration names both.
    pub(super) beside: BTreeMap<IpAddr, BTreeSet<IpAddr>>,
    /// TFTP server and CallManager → load → phones that took the load there and were turned away after.
    pub(super) took: BTreeMap<(IpAddr, IpAddr), BTreeMap<WireText, Witness>>,
    /// TFTP servers that answered with files: a frame of it.
    pub(super) serving: BTreeMap<IpAddr, SeenAt>,
    /// The capture holds no answers of file servers: then that one was not seen to serve says nothing.
    pub(super) blind_files: bool,
    /// TFTP server → others that stand beside it in the lease of a registered phone that uses it.
    pub(super) leased_beside: BTreeMap<IpAddr, BTreeSet<IpAddr>>,
    /// TFTP server → latest frames of an answer and of a question that nobody answered.
    pub(super) heard: BTreeMap<IpAddr, (SeenAt, SeenAt)>,
    /// TFTP server → CallManagers with which phones are registered whose configuration of that server names them.
    pub(super) named_and_registered: BTreeMap<IpAddr, BTreeMap<IpAddr, Witness>>,
    /// DHCP server → TFTP server → registered phones with that lease.
    pub(super) leases: BTreeMap<Ipv4Addr, BTreeMap<IpAddr, u32>>,
    /// CallManager → phones that it turned away: the loads that they run, and where they got their files.
    pub(super) turned_away: BTreeMap<IpAddr, (BTreeSet<WireText>, BTreeSet<IpAddr>)>,
    /// TFTP server → the loads that its configurations name, by hardware.
    pub(super) configured: BTreeMap<IpAddr, BTreeMap<String, BTreeSet<WireText>>>,
    /// TFTP server → the loads that its default configuration names, by device type.
    pub(super) defaults: BTreeMap<IpAddr, BTreeMap<u32, WireText>>,
}

impl Peers {
    /// Asks every phone.
    pub fn new(registry: &Registry, visible: &Visibility) -> Peers {
        let mut peers = Peers { blind_files: visible.blind_files, ..Peers::default() };
        for phone in registry.phones() {
            let mut configs: Vec<&Fetch> = Vec::new();
            for fetch in &phone.files {
                peers.note_heard(registry, phone, fetch);
                if fetch.outcome() == Outcome::Served || (fetch.blocks > 0 && fetch.answered.is_some()) {
                    peers.serving.entry(fetch.server).or_insert(fetch.request.first);
                    if phone_config::is_config_name(fetch.name.raw()) {
                        configs.push(fetch);
                    }
                } else if visible.blind_files && phone.owns_config(fetch.name.raw()) {
                    // Nobody's answers are captured: a registered phone was served where it asked.
                    configs.push(fetch);
                }
            }
            let used_at = |at: SeenAt| configs.iter().rev().find(|f| f.request.first <= at).copied();
            if let (Some((fetch, config)), Some(model)) = (phone.config(), phone.model())
                && let Some(load) = phone.load_in(config)
            {
                let by_model = peers.configured.entry(fetch.server).or_default();
                by_model.entry(hardware_of(model).to_owned()).or_default().insert(load);
            }
            if let Some((fetch, config)) = phone.config()
                && !config.loads.is_empty()
                && phone_config::device_of_name(fetch.name.raw()).is_none()
            {
                peers.defaults.entry(fetch.server).or_insert_with(|| config.loads.clone());
            }
            let Some((index, attempt)) = phone.last_attempt() else { continue };
            let state = phone.attempt_state(index, registry.now, visible.blind_registration);
            if matches!(state, RegistrationState::Rejected | RegistrationState::Closed)
                && !is_only_unknown(attempt, phone)
            {
                let (loads, servers) = peers.turned_away.entry(attempt.server).or_default();
                loads.extend(phone.running().map(|l| registry.load_name(l.load.raw(), phone.device_type())));
                servers.extend(used_at(attempt.last).map(|f| f.server));
                peers.note_taken(registry, phone, attempt);
            }
            // What a phone that went down since had when it was up is of another time.
            let is_registered = state == RegistrationState::Registered;
            peers.note_before(registry, phone, (!is_registered).then_some(attempt.began), used_at);
            if !is_registered {
                continue;
            }
            if let Some(fetch) = used_at(attempt.last) {
                let server = fetch.server;
                let leased = lease_names(registry, phone, server, fetch.request.first);
                note_witness(&mut peers.tftp, (attempt.server, server), phone.mac, fetch.request.first, leased);
                let named = fetch.config.iter().flat_map(|c| &c.call_managers);
                for other in named.flat_map(|n| registry.resolve(n.raw())) {
                    if other == attempt.server {
                        let first = attempt.registered_at().unwrap_or(attempt.began);
                        note_witness(&mut peers.named_and_registered, (server, other), phone.mac, first, leased);
                    } else {
                        peers.beside.entry(other).or_default().insert(attempt.server);
                    }
                }
                if leased == Some(true) {
                    let terms = phone.lease_terms();
                    let all = terms.into_iter().flat_map(|t| t.tftp()).flat_map(|n| registry.resolve(n.raw()));
                    let beside = peers.leased_beside.entry(server).or_default();
                    beside.extend(all.filter(|other| *other != server).take(MAX_BESIDE));
                }
                if let Some(terms) = phone.lease_terms().filter(|t| names(registry, t.tftp(), server)) {
                    *peers.leases.entry(terms.server).or_default().entry(server).or_default() += 1;
                }
            }
            if let (Some(seen), Some(model)) = (phone.running(), phone.model()) {
                let name = registry.load_name(seen.load.raw(), phone.device_type());
                let by_model = peers.loads.entry(attempt.server).or_default();
                by_model.entry(hardware_of(model).to_owned()).or_default().insert(name);
            }
        }
        peers
    }

    /// Registrations of a phone that do not stand any more: all but one that began after `current`.
    pub(super) fn note_before<'f>(
        &mut self,
        registry: &Registry,
        phone: &Phone,
        current: Option<SeenAt>,
        used_at: impl Fn(SeenAt) -> Option<&'f Fetch>,
    ) {
        let last = phone.last_attempt().map(|(index, _)| index);
        let mut said: Vec<(IpAddr, IpAddr)> = Vec::new();
        for (index, attempt) in phone.counting_attempts() {
            let Some(registered) = attempt.registered_at() else { continue };
            if current.is_none() && Some(index) == last {
                continue;
            }
            if let Some(fetch) = used_at(registered)
                && !said.contains(&(attempt.server, fetch.server))
            {
                said.push((attempt.server, fetch.server));
                let (first, pair) = (fetch.request.first, (attempt.server, fetch.server));
                let leased = lease_names(registry, phone, fetch.server, first);
                note_witness(&mut self.tftp_before, pair, phone.mac, first, leased);
            }
            let load = phone.loads.iter().rev().find(|l| l.seen_at <= registered);
            if let (Some(seen), Some(model)) = (load, phone.model()) {
                let name = registry.load_name(seen.load.raw(), phone.device_type());
                let by_model = self.loads_before.entry(attempt.server).or_default();
                by_model.entry(hardware_of(model).to_owned()).or_default().insert(name);
            }
        }
    }

    /// The load that a phone took before `attempt` turned it away, which it runs.
    pub(super) fn note_taken(&mut self, registry: &Registry, phone: &Phone, attempt: &Attempt) {
        let Some((load, fetch)) = phone.fetched().filter(|(_, f)| f.request.first < attempt.last) else { return };
        let Some(running) = phone.running().filter(|r| load::same_load(r.load.raw(), &load)) else { return };
        let name = registry.load_name(running.load.raw(), phone.device_type());
        let by_load = self.took.entry((fetch.server, attempt.server)).or_default();
        by_load.entry(name).or_insert_with(|| Witness::new(phone.mac, fetch.request.first)).add(None);
    }

    /// When a server answered last, and when it was asked last in vain.
    pub(super) fn note_heard(&mut self, registry: &Registry, phone: &Phone, fetch: &Fetch) {
        let (answered, silent) = self.heard.entry(fetch.server).or_default();
        if let Some(at) = fetch.answered {
            *answered = at.max(*answered);
        } else if fetch.request.unanswered(registry.now, TFTP_INTERVAL) && !phone.answer_lost(fetch) {
            *silent = fetch.request.last.max(*silent);
        }
    }

    /// Where a server that served files answers nobody any more: the latest frame of that.
    pub fn silent_since_served(&self, server: IpAddr) -> Option<SeenAt> {
        if self.blind_files {
            return None;
        }
        self.heard.get(&server).filter(|(answered, silent)| silent > answered).map(|(_, silent)| *silent)
    }

    /// Whether a server was seen to serve a file to anybody.
    pub fn serves(&self, server: IpAddr) -> bool {
        self.serving.contains_key(&server)
    }

    /// Whether a server was seen to serve a file to anybody, or could not be seen to.
    pub(super) fn is_known_to_serve(&self, server: IpAddr) -> bool {
        self.blind_files || self.serving.contains_key(&server)
    }

    /// How many phones took a load from `server` that the CallManagers `tried` turned away after.
    pub(super) fn took_and_refused(&self, server: IpAddr, tried: &[IpAddr]) -> u32 {
        let of = tried.iter().filter_map(|c| self.took.get(&(server, *c)));
        of.flat_map(BTreeMap::values).map(|w| w.count).sum()
    }

    /// The CallManager that phones are registered with by the configurations of `tftp`, where `dead`, one of those that a
    /// phone's configuration from there names, answers nobody: its address, how many phones, one of them, a frame.
    pub fn moved_to(&self, tftp: IpAddr, named: &[IpAddr], dead: IpAddr) -> Option<(IpAddr, u32, Mac, SeenAt)> {
        let is_up = |c: &IpAddr| self.tftp.get(c).is_some_and(|m| !m.is_empty());
        if !named.contains(&dead) || named.iter().any(is_up) {
            return None;
        }
        let others = self.named_and_registered.get(&tftp)?;
        let mut others = others.iter().filter(|(c, w)| !named.contains(c) && w.count > 1);
        let (server, witness) = others.next()?;
        // With several the capture does not tell which is meant.
        others.next().is_none().then_some((*server, witness.count, witness.mac, witness.seen_at))
    }

    /// Loads of the phones of this model that are registered with a CallManager.
    pub fn loads_at(&self, call_manager: IpAddr, model: &str) -> Vec<WireText> {
        let by_model = self.loads.get(&call_manager).and_then(|m| m.get(hardware_of(model)));
        by_model.map(|loads| loads.iter().cloned().collect()).unwrap_or_default()
    }

    /// The same of the CallManagers `tried`; where nobody is registered there, of those that configurations name beside
    /// them; else of earlier in the capture.
    pub(super) fn loads_around(&self, tried: &[IpAddr], model: &str) -> BTreeSet<WireText> {
        let of = |loads: &Loads, servers: &[IpAddr]| -> BTreeSet<WireText> {
            let by_model = servers.iter().filter_map(|c| loads.get(c)).filter_map(|m| m.get(hardware_of(model)));
            by_model.flatten().cloned().collect()
        };
        let tiers = [of(&self.loads, tried), of(&self.loads, &self.beside(tried)), of(&self.loads_before, tried)];
        tiers.into_iter().find(|loads| !loads.is_empty()).unwrap_or_default()
    }

    /// The CallManagers that configurations name beside those `tried`, with phones registered.
    pub(super) fn beside(&self, tried: &[IpAddr]) -> Vec<IpAddr> {
        let all = tried.iter().filter_map(|c| self.beside.get(c)).flatten();
        all.filter(|c| !tried.contains(c)).copied().collect()
    }

    /// Whether a CallManager turned a phone away that runs this load, and takes none that does.
    pub fn refuses_load(&self, call_manager: IpAddr, load: &str) -> bool {
        let is_it = |l: &WireText| load::same_load(l.raw(), load);
        self.turned_away.get(&call_manager).is_some_and(|(loads, _)| loads.iter().any(is_it))
            && !self.all_loads_at(call_manager).any(is_it)
    }

    /// Whether a CallManager turned a phone away that got its files from this server, and takes none that does.
    pub fn refuses_phones_of(&self, call_manager: IpAddr, tftp: IpAddr) -> bool {
        self.turned_away.get(&call_manager).is_some_and(|(_, servers)| servers.contains(&tftp))
            && self.tftp.get(&call_manager).is_none_or(|m| !m.contains_key(&tftp))
    }

    /// The one load that a TFTP server's configurations name for phones of this model.
    pub fn load_configured_on(&self, tftp: IpAddr, model: &str) -> Option<&WireText> {
        let loads = self.configured.get(&tftp)?.get(hardware_of(model))?;
        loads.first().filter(|_| loads.len() == 1)
    }

    /// The load that a TFTP server's default configuration names for a device type.
    pub(super) fn load_by_default_on(&self, tftp: IpAddr, device_type: u32) -> Option<&WireText> {
        self.defaults.get(&tftp)?.get(&device_type)
    }

    pub(super) fn all_loads_at(&self, call_manager: IpAddr) -> impl Iterator<Item = &WireText> {
        self.loads.get(&call_manager).into_iter().flat_map(|m| m.values().flatten())
    }

    /// Whether phones registered with a CallManager get their files from `server`.
    pub fn uses_at(&self, call_manager: IpAddr, server: IpAddr) -> bool {
        let uses = |c: &IpAddr| self.tftp.get(c).is_some_and(|m| m.contains_key(&server));
        uses(&call_manager) || self.beside(&[call_manager]).iter().any(uses)
    }

    /// How many phones are registered whose lease of `dhcp_server` names one of `servers`, which they use.
    pub(super) fn led_by(&self, dhcp_server: Ipv4Addr, servers: &[IpAddr]) -> u32 {
        self.leases.get(&dhcp_server).map_or(0, |l| servers.iter().filter_map(|s| l.get(s)).sum())
    }

    /// How many phones are registered with a CallManager.
    pub fn registered_at(&self, call_manager: IpAddr) -> u32 {
        self.tftp.get(&call_manager).map_or(0, |m| m.values().map(|w| w.count).sum())
    }
}

fn note_witness(
    list: &mut Witnesses,
    (outer, inner): (IpAddr, IpAddr),
    mac: Mac,
    seen_at: SeenAt,
    leased: Option<bool>,
) {
    list.entry(outer).or_default().entry(inner).or_insert_with(|| Witness::new(mac, seen_at)).add(leased);
}

/// Whether the lease that a phone had as it asked names a server; `None`: that lease is not captured whole.
fn lease_names(registry: &Registry, phone: &Phone, server: IpAddr, asked: SeenAt) -> Option<bool> {
    if registry.leases_v6.name_tftp(server) {
        return Some(true);
    }
    let terms = phone.lease_terms_before(asked).filter(|t| !t.cut)?;
    Some(names(registry, terms.tftp(), server))
}

/// Whether a rejection says that CallManager does not know the device: "unknown device", "Error: DB Config".
pub fn is_unknown_device(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["unknown device", "db config", "error: database"].iter().any(|words| text.contains(words))
}

/// Whether a rejection is for the device alone: its text says that it is not known, and the phone took no load before
/// that could be the reason.
pub(super) fn is_only_unknown(attempt: &Attempt, phone: &Phone) -> bool {
    let says = attempt.rejected.as_ref().is_some_and(|r| is_unknown_device(r.text.raw()));
    says && phone.fetched().is_none_or(|(_, fetch)| fetch.request.first > attempt.last)
}

/// The servers that witnesses speak for, and how sure that is. Counted per server: one that only a minority uses, or
/// only phones whose lease does not name it, stands beside better ones for nothing.
pub(super) fn backed(
    by_peers: &BTreeMap<IpAddr, Witness>,
    peers: &Peers,
    tried: &[IpAddr],
) -> (Vec<IpAddr>, Confidence) {
    let by_lease = by_peers.values().any(|w| w.by_lease > 0);
    let weight = |w: &Witness| if by_lease { w.by_lease } else { w.count };
    let most = by_peers.values().map(weight).max().unwrap_or(0);
    let best = || by_peers.iter().filter(|(_, w)| weight(w) == most).map(|(server, _)| *server);
    let beside = |server: &IpAddr| best().any(|b| peers.leased_beside.get(&b).is_some_and(|s| s.contains(server)));
    let used = by_peers.iter().filter(|(s, w)| weight(w) == most || (weight(w) > 0 && beside(s))).map(|(s, _)| *s);
    let used: Vec<IpAddr> = used.collect();
    // A CallManager that serves the files itself needs no witness's lease.
    let itself = used.iter().all(|s| tried.contains(s));
    let against = by_peers.values().all(|w| w.against_lease > 0);
    let sure = by_lease || itself || !against;
    (used, if sure { Confidence::Likely } else { Confidence::Possible })
}

fn names(registry: &Registry, servers: Vec<WireText>, server: IpAddr) -> bool {
    servers.iter().any(|n| registry.resolve(n.raw()).contains(&server))
}

impl Basis {
    /// Why the right server is believed to be right, as the end of a sentence.
    pub fn because(&self) -> String {
        match self {
            Basis::SiteFile(cluster) => format!("the site file puts this phone into cluster {cluster}"),
            Basis::ExpectTftp => "--expect-tftp says so".to_owned(),
            Basis::CallManagerOfCluster(cluster, server) => {
                format!("the CallManager that it tries, {server}, is of cluster {cluster} in the site file")
            }
            Basis::Peers(1, mac, _) => {
                format!(
                    "{}, which is registered with the CallManager that it tries, got its files there",
                    mac.device_name()
                )
            }
            Basis::Peers(count, mac, _) => format!(
                "{count} phones that are registered with the CallManager that it tries got their files there, such as {}",
                mac.device_name()
            ),
            Basis::PeersBeside(call_manager, count, mac, _) => format!(
                "{}, registered with {call_manager}, which configurations name beside the CallManager that it tries, \
                 got their files there",
                phones(*count, *mac)
            ),
            Basis::PeersBefore(count, mac, _) => format!(
                "{}, registered with the CallManager that it tries earlier in this capture, got their files there then",
                phones(*count, *mac)
            ),
            Basis::ServesFiles(server, _) => format!("the CallManager that it tries, {server}, serves files itself"),
            Basis::OtherOffer(server, 0, _) => format!("the other DHCP server, {server}, offers it"),
            Basis::OtherOffer(server, count, _) => {
                format!(
                    "the other DHCP server, {server}, offers it, and {count} phones that took such a lease are registered"
                )
            }
            Basis::OwnLease(server, 0, _) => format!("its own lease, from {server}, names it"),
            Basis::OwnLease(server, count, _) => {
                format!("its own lease, from {server}, names it, and {count} phones with such a lease are registered")
            }
            Basis::TookLoad => "it took a load there, and was turned away after".to_owned(),
            Basis::OthersTookLoad(count, mac, _) => {
                format!("{} took the load that it runs there before being turned away", phones(*count, *mac))
            }
        }
    }

    /// The frame that shows it, where a frame does.
    pub fn evidence(&self) -> Option<Evidence> {
        match self {
            Basis::Peers(_, mac, seen_at) | Basis::PeersBeside(_, _, mac, seen_at) => {
                Some(super::evidence(*seen_at, format!("{} asks this server, and is registered", mac.device_name())))
            }
            Basis::PeersBefore(_, mac, seen_at) => {
                Some(super::evidence(*seen_at, format!("{} asks this server, and registers after", mac.device_name())))
            }
            Basis::OthersTookLoad(_, mac, seen_at) => {
                Some(super::evidence(*seen_at, format!("{} takes the same load there", mac.device_name())))
            }
            Basis::ServesFiles(server, seen_at) => {
                Some(super::evidence(*seen_at, format!("{server} is asked for a file, and serves it")))
            }
            Basis::OtherOffer(server, _, seen_at) => {
                Some(super::evidence(*seen_at, format!("DHCP server {server} offers another TFTP server")))
            }
            Basis::OwnLease(server, _, seen_at) => {
                Some(super::evidence(*seen_at, format!("the lease from {server} names another TFTP server")))
            }
            _ => None,
        }
    }
}

/// So many phones, and one of them by its name.
pub(super) fn phones(count: u32, mac: Mac) -> String {
    if count == 1 { mac.device_name() } else { format!("{count} phones such as {}", mac.device_name()) }
}
