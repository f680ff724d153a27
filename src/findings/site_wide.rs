//! What only all phones together tell: names claimed twice, servers that answer keepalives, VLANs that phones are well in,
//! relay agents that answer for a DHCP server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::coverage::Visibility;
use crate::conversation::registration::Attempt;
use crate::diagnosis::RegistrationState;
use crate::phone::Phone;
use crate::phone::registry::Registry;
use crate::types::{Mac, WireText};

/// Phones kept that register under one name that is not their own. Each is compared with each, and two are enough.
const MAX_BEARERS: usize = 16;

/// What only all phones together tell.
#[derive(Default)]
pub struct SiteWideFacts {
    /// Names that are not their bearer's own MAC, and the first phones (by index) that register under them.
    strangers: BTreeMap<String, Vec<usize>>,
    /// CallManagers that were seen to answer a KeepAlive: the first versions never did.
    pub answer_keepalives: BTreeSet<IpAddr>,
    /// Phones that ask for an address by frames of their own, by input.
    asking: BTreeMap<u32, u32>,
    /// Addresses in server identifiers that are a relay agent's.
    pub proxies: BTreeSet<Ipv4Addr>,
    /// VLANs that registered phones have their addresses in.
    pub well_in: BTreeSet<u16>,
}

impl SiteWideFacts {
    /// Asks all phones once.
    pub fn new(registry: &Registry, visible: &Visibility) -> SiteWideFacts {
        let mut all = SiteWideFacts::default();
        let offers = registry.phones().iter().flat_map(|p| &p.dhcp.list).flat_map(|e| e.offers.iter().chain(&e.ack));
        all.proxies = offers.filter(|o| o.is_of_proxy()).map(|o| o.terms.server).collect();
        for (index, phone) in registry.phones().iter().enumerate().filter(|(_, p)| !p.is_media_resource()) {
            let own = phone.mac.device_name();
            for attempt in &phone.attempts {
                if attempt.keepalive_acks > 0 {
                    all.answer_keepalives.insert(attempt.server);
                }
                if let Some(name) = attempt.name.as_ref().filter(|n| !n.raw().eq_ignore_ascii_case(&own)) {
                    let bearers = all.strangers.entry(name.raw().to_ascii_uppercase()).or_default();
                    if bearers.len() < MAX_BEARERS && bearers.last() != Some(&index) {
                        bearers.push(index);
                    }
                }
            }
            if let Some(input) = input_of(phone) {
                *all.asking.entry(input).or_default() += 1;
            }
            if let Some(vlan) = phone.vlan {
                let state =
                    phone.last_attempt().map(|(i, _)| phone.attempt_state(i, registry.now, visible.blind_registration));
                if state == Some(RegistrationState::Registered) {
                    all.well_in.insert(vlan);
                }
            }
        }
        all
    }

    /// Other phones that register under a name.
    pub fn others_named<'r>(&self, registry: &'r Registry, phone: &Phone, name: &WireText) -> Vec<&'r Phone> {
        let strangers = self.strangers.get(&name.raw().to_ascii_uppercase());
        let strangers = strangers.into_iter().flatten().filter_map(|i| registry.phones().get(*i));
        let own = Mac::from_device_name(name.raw()).and_then(|mac| registry.phone_of(mac));
        let own = own.filter(|p| registered_as(p, name).next().is_some());
        let mut others: Vec<&Phone> = own.into_iter().chain(strangers).filter(|p| p.mac != phone.mac).collect();
        others.sort_by_key(|p| p.mac);
        others.dedup_by_key(|p| p.mac);
        others
    }

    /// Whether one phone alone asks for an address in an input: then what a switch announces there is meant for it.
    pub fn is_alone(&self, input: u32) -> bool {
        self.asking.get(&input) == Some(&1)
    }
}

/// The input in which a phone's own DHCP frames are.
pub fn input_of(phone: &Phone) -> Option<u32> {
    let own = phone.dhcp.list.iter().rev().find(|e| e.seen_in != crate::conversation::dhcp::SeenIn::Unknown);
    own.map(|e| e.began.at.input)
}

/// The registrations of a phone under a name.
pub fn registered_as<'p>(phone: &'p Phone, name: &'p WireText) -> impl Iterator<Item = &'p Attempt> {
    let named = |a: &&Attempt| a.name.as_ref().is_some_and(|n| n.raw().eq_ignore_ascii_case(name.raw()));
    phone.attempts.iter().filter(move |a| named(a))
}
