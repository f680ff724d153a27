//! Owns everything that is known, and passes each event to the observer of its protocol.

use std::net::IpAddr;
use std::time::Duration;

use super::aging::{Aging, ClockSteps};
use super::dhcpv6::LeasesV6;
use super::directory::{ClientKey, Directory};
use super::identity::Vlans;
use super::observe::{self, Scene};
use super::record::Phone;
use super::shared::Shared;
use super::traffic::Traffic;
use crate::conversation::SeenAt;
use crate::event::Event;
use crate::measures::Measures;
use crate::types::{Mac, Timestamp, WireText};

/// A clock that goes back by more than this was set back, or captures were joined out of order.
const CLOCK_STEP: Duration = Duration::from_secs(60);

/// All phones, and what is known in addition to them.
pub struct Registry {
    pub(super) directory: Directory,
    pub(super) shared: Shared,
    /// Voice VLANs that switches announce, and where tags show.
    pub vlans: Vlans,
    /// Counters that only rise.
    pub measures: Measures,
    /// What DHCPv6 names.
    pub leases_v6: LeasesV6,
    /// What the capture holds.
    pub traffic: Traffic,
    /// Latest time seen: the clock, which never goes back.
    pub now: Timestamp,
    /// Earliest time seen.
    pub began: Option<Timestamp>,
    /// By input: the latest frame and its time.
    pub(super) clocks: Vec<SeenAt>,
    /// Clocks that went back by more than reordering explains.
    pub clock_steps: ClockSteps,
    /// Devices that register but can not be told apart from the router in front of them.
    pub nameless: u64,
    /// When frames were dropped last.
    pub last_drop: Option<Timestamp>,
    /// Phones that were evicted since they were not seen for the limit.
    pub evicted_phones: u64,
    pub(super) aging: Option<Aging>,
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new()
    }
}

impl Registry {
    /// Nobody seen.
    pub fn new() -> Registry {
        Registry {
            directory: Directory::new(),
            shared: Shared::new(),
            vlans: Vlans::default(),
            measures: Measures::default(),
            leases_v6: LeasesV6::default(),
            traffic: Traffic::default(),
            now: Timestamp::default(),
            began: None,
            clocks: Vec::new(),
            clock_steps: ClockSteps::default(),
            nameless: 0,
            last_drop: None,
            evicted_phones: 0,
            aging: None,
        }
    }

    /// The phones, in the order of their first evidence.
    pub fn phones(&self) -> &[Phone] {
        &self.directory.phones
    }

    /// The phone with this MAC.
    pub fn phone_of(&self, mac: Mac) -> Option<&Phone> {
        self.directory.phone_of(mac)
    }

    /// Whether several addresses are behind a MAC, or it is one that routers share.
    pub fn is_router(&self, mac: Mac) -> bool {
        self.directory.is_router(mac)
    }

    /// Whether ARP says that `mac` has this address.
    pub fn is_neighbour(&self, ip: IpAddr, mac: Mac) -> bool {
        self.directory.is_neighbour(ip, mac)
    }

    /// Who has this address, by ARP.
    pub fn neighbour(&self, ip: IpAddr) -> Option<Mac> {
        self.directory.neighbours.peek(&ip).copied()
    }

    /// Phones that were not kept, since there were too many.
    pub fn refused_phones(&self) -> u64 {
        self.directory.refused_phones
    }

    /// Configurations that were not kept, since too many different ones were before.
    pub fn configs_refused(&self) -> u64 {
        self.shared.configs_refused
    }

    /// Configurations that were not kept whole, though that was asked for.
    pub fn bodies_refused(&self) -> u64 {
        self.shared.bodies_refused
    }

    /// Clients of CallManagers that are no phones.
    pub fn media_resources(&self) -> impl Iterator<Item = &Phone> {
        let others = self.directory.others.iter().map(|(_, p)| p);
        self.directory.phones.iter().chain(others).filter(|p| p.is_media_resource() && !p.attempts.is_empty())
    }

    /// DHCP clients seen that are no phones.
    pub fn other_dhcp_clients(&self) -> u64 {
        let leases = |p: &&Phone| !p.dhcp.list.is_empty();
        u64::try_from(self.directory.others.iter().map(|(_, p)| p).filter(leases).count()).unwrap_or(u64::MAX)
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
        let spellings = self.shared.spellings.iter().map(|s| &s.name);
        let mut same = spellings.filter(|s| crate::wire::load::same_load(s.raw(), wire));
        match (same.next(), same.next()) {
            (Some(only), None) => only.clone(),
            _ => WireText::from(implied.as_str()),
        }
    }

    /// Observes one event that is no copy.
    pub fn observe(&mut self, event: &Event) {
        self.record_time(event.time);
        self.began = Some(self.began.map_or(event.time, |b| b.min(event.time)));
        let seen_at = SeenAt { time: event.time, at: event.at };
        self.record_clock(seen_at);
        self.measures.record(&event.kind);
        let mut scene = Scene {
            directory: &mut self.directory,
            shared: &mut self.shared,
            vlans: &mut self.vlans,
            leases_v6: &mut self.leases_v6,
            traffic: &mut self.traffic,
            measures: &mut self.measures,
            envelope: &event.envelope,
            seen_at,
        };
        observe::observe(&mut scene, &event.kind);
    }

    /// A clock that was set back, or captures joined out of order: what rests on time is less sure then.
    fn record_clock(&mut self, seen_at: SeenAt) {
        let input = seen_at.at.input as usize;
        if input >= self.clocks.len() {
            self.clocks.resize(input + 1, SeenAt::default());
        }
        let Some(last) = self.clocks.get_mut(input).filter(|l| l.at.frame < seen_at.at.frame) else { return };
        let back = last.time.since(seen_at.time);
        if back > CLOCK_STEP && last.at.frame > 0 {
            self.clock_steps.count += 1;
            self.clock_steps.largest = self.clock_steps.largest.max(back);
        }
        *last = seen_at;
    }

    /// Makes phones of the clients that registered or booted as phones but never gave a name: by their own MAC, where
    /// it is theirs.
    pub fn finish(&mut self) {
        self.nameless = 0;
        self.directory.settle_macs();
        for key in self.directory.waiting() {
            let mac = match key {
                ClientKey::Mac(mac) => Some(mac),
                ClientKey::Ip(ip) => self.directory.own_mac(ip),
                // Most likely another connection of one of those that have a name.
                ClientKey::Flow(..) => continue,
            };
            match mac {
                Some(mac) => drop(self.directory.phone(mac, key)),
                None => self.nameless += 1,
            }
        }
    }
}

fn short_name(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
