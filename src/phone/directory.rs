//! Who is who: whose a packet is, by MAC, by the address that a MAC leased, by the name that a phone gives itself.
//!
//! A client of which only the address is known is kept by its address until a message names it; then all that it did
//! becomes the phone's.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashlink::LruCache;

use super::identity::Senders;
use super::limits;
use super::record::Phone;
use super::sharing::{Naming, Sharing};
use crate::conversation::SeenAt;
use crate::types::{Envelope, Mac};

/// A client that is no phone yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum ClientKey {
    Mac(Mac),
    Ip(IpAddr),
    /// One connection or transfer from an address that several devices share.
    Flow(IpAddr, u16),
}

/// Where a client's record is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Phone(usize),
    Other(ClientKey),
}

/// Everybody seen: phones, and clients that are none (yet), found by MAC and by address. It knows no protocol.
pub(crate) struct Directory {
    /// In the order of their first evidence.
    pub(super) phones: Vec<Phone>,
    /// Clients that are no phones (yet).
    pub(super) others: LruCache<ClientKey, Phone, RandomState>,
    /// MAC → phone.
    pub(super) by_mac: HashMap<Mac, usize, RandomState>,
    /// Address → phone.
    pub(super) by_ip: LruCache<IpAddr, usize, RandomState>,
    /// Devices at addresses and MACs that several share.
    pub(super) sharing: Sharing,
    /// Source MACs, and whether several addresses are behind them.
    pub(super) senders: Senders,
    /// Address → MAC by ARP.
    pub(super) neighbours: LruCache<IpAddr, Mac, RandomState>,
    /// Phones that were not kept, since there were too many.
    pub(super) refused_phones: u64,
}

impl Directory {
    /// Nobody seen.
    pub(super) fn new() -> Directory {
        let state = RandomState::default;
        Directory {
            phones: Vec::new(),
            others: LruCache::with_hasher(limits::OTHERS, state()),
            by_mac: HashMap::with_hasher(state()),
            by_ip: LruCache::with_hasher(limits::ADDRESSES, state()),
            sharing: Sharing::new(),
            senders: Senders::new(),
            neighbours: LruCache::with_hasher(limits::OTHERS, state()),
            refused_phones: 0,
        }
    }

    /// Clients that booted or registered as phones and have no MAC or name yet.
    pub(super) fn waiting(&self) -> Vec<ClientKey> {
        self.others.iter().filter(|(_, p)| p.is_phone && !p.is_media_resource()).map(|(k, _)| *k).collect()
    }

    /// The record of a client, where there is one.
    pub(super) fn known(&mut self, slot: Slot) -> Option<&mut Phone> {
        match slot {
            Slot::Phone(index) => self.phones.get_mut(index),
            Slot::Other(key) => self.others.get_mut(&key),
        }
    }

    /// The MAC that an address certainly has: by ARP, or by its frames unless a router sends them.
    pub(super) fn own_mac(&mut self, ip: IpAddr) -> Option<Mac> {
        if let Some(mac) = self.neighbours.get(&ip) {
            return Some(*mac);
        }
        let key = ClientKey::Ip(ip);
        let mac = self.others.peek(&key).map(|p| p.mac).filter(|m| !m.is_zero())?;
        self.senders.is_single(mac).then_some(mac)
    }

    /// Whether several addresses are behind a MAC, or it is one that routers share.
    pub(super) fn is_router(&self, mac: Mac) -> bool {
        self.senders.is_router(mac)
    }

    /// Whether ARP says that `mac` has this address.
    pub(super) fn is_neighbour(&self, ip: IpAddr, mac: Mac) -> bool {
        self.neighbours.peek(&ip) == Some(&mac)
    }

    /// The phone with this MAC.
    pub(super) fn phone_of(&self, mac: Mac) -> Option<&Phone> {
        self.phones.get(*self.by_mac.get(&mac)?)
    }

    /// Whether a MAC certainly is that of a device at the end of a wire: it asks for leases, or announces itself.
    pub(super) fn is_end(&self, mac: Mac) -> bool {
        self.phone_of(mac).is_some_and(|p| !p.dhcp.list.is_empty() || p.announced.is_some())
    }

    /// The phone of a MAC, made if need be; a record kept under `key` becomes part of it. `None`: there are too many.
    pub(super) fn phone(&mut self, mac: Mac, key: ClientKey) -> Option<usize> {
        let index = match self.by_mac.get(&mac) {
            Some(index) => *index,
            None if self.phones.len() >= limits::PHONES => {
                self.refused_phones += 1;
                return None;
            }
            None => {
                self.phones.push(Phone { mac, is_phone: true, ..Phone::default() });
                self.by_mac.insert(mac, self.phones.len() - 1);
                self.phones.len() - 1
            }
        };
        for key in [ClientKey::Mac(mac), key] {
            if let Some(earlier) = self.others.remove(&key)
                && let Some(phone) = self.phones.get_mut(index)
            {
                phone.absorb(earlier);
            }
        }
        Some(index)
    }

    /// The client with this MAC.
    pub(super) fn slot_of_mac(&mut self, mac: Mac) -> Slot {
        match self.by_mac.get(&mac) {
            Some(index) => Slot::Phone(*index),
            None => Slot::Other(ClientKey::Mac(mac)),
        }
    }

    /// The client that sends or gets packets of `ip`. `eth`: the MAC on the client's side of this frame.
    pub(super) fn slot_of_ip(&mut self, ip: IpAddr, eth: Option<Mac>) -> Slot {
        let bound = self.by_ip.get(&ip).copied();
        // Its own frames, so the address is its own, whatever lease the capture missed; where two phones have one
        // address, each frame is of the one whose MAC it bears.
        let own = eth.filter(|m| bound.is_none() || self.is_end(*m)).and_then(|m| self.by_mac.get(&m)).copied();
        if let Some(own) = own {
            if bound != Some(own) && self.phones.get(own).is_some_and(|p| p.ip != Some(ip) || bound.is_none()) {
                self.bind(ip, own);
            }
            return Slot::Phone(own);
        }
        if let Some(index) = bound {
            return Slot::Phone(index);
        }
        if let Some(mac) = eth.filter(|m| self.others.peek(&ClientKey::Mac(*m)).is_some_and(|p| p.ip == Some(ip))) {
            return Slot::Other(ClientKey::Mac(mac));
        }
        Slot::Other(ClientKey::Ip(ip))
    }

    /// The address is the phone's from now on.
    pub(super) fn bind(&mut self, ip: IpAddr, index: usize) {
        if ip.is_unspecified() || ip.is_multicast() {
            return;
        }
        if let Some(earlier) = self.others.remove(&ClientKey::Ip(ip))
            && let Some(phone) = self.phones.get_mut(index)
        {
            phone.absorb(earlier);
        }
        self.by_ip.insert(ip, index);
        if let Some(phone) = self.phones.get_mut(index) {
            phone.ip = Some(ip);
        }
    }

    /// The client gives an address back.
    pub(super) fn release(&mut self, ip: IpAddr, slot: Slot) {
        let Slot::Phone(index) = slot else { return };
        if self.by_ip.get(&ip) == Some(&index) {
            self.by_ip.remove(&ip);
        }
        if let Some(phone) = self.phones.get_mut(index) {
            phone.ip = phone.ip.filter(|own| *own != ip);
            phone.conflict = phone.conflict.filter(|r| r.ip != ip);
        }
    }

    /// The record of a client, made if need be, with this message as its latest.
    pub(super) fn client(&mut self, slot: Slot, seen_at: SeenAt) -> Option<&mut Phone> {
        let phone = match slot {
            Slot::Phone(index) => self.phones.get_mut(index)?,
            Slot::Other(key) => {
                if !self.others.contains_key(&key) {
                    let mut phone = Phone::default();
                    match key {
                        ClientKey::Mac(mac) => phone.mac = mac,
                        ClientKey::Ip(ip) | ClientKey::Flow(ip, _) => phone.ip = Some(ip),
                    }
                    self.others.insert(key, phone);
                }
                self.others.get_mut(&key)?
            }
        };
        phone.first = Some(phone.first.map_or(seen_at, |f| f.min(seen_at)));
        phone.last = Some(phone.last.map_or(seen_at, |l| l.max(seen_at)));
        Some(phone)
    }

    /// The client that sent a frame, with what its envelope shows of it.
    pub(super) fn sender(&mut self, envelope: &Envelope, seen_at: SeenAt) -> Option<Slot> {
        let ip = envelope.src?;
        let eth = envelope.eth_src;
        if let Some(mac) = eth {
            let is_end = self.is_end(mac);
            self.senders.record(mac, ip, is_end);
            if is_end {
                self.record_claim(mac, ip, vlan_of(envelope), seen_at);
            }
        }
        let slot = self.slot_of_client(ip, envelope.sport, eth);
        let vlan = vlan_of(envelope);
        let phone = self.client(slot, seen_at)?;
        if phone.mac.is_zero() && matches!(slot, Slot::Other(_)) {
            phone.mac = eth.unwrap_or_default();
        }
        if Some(phone.mac) == eth && vlan.is_some() {
            phone.vlan = vlan;
        }
        Some(slot)
    }

    /// The client named by a message that it sent: its record becomes a phone's.
    pub(super) fn named(&mut self, slot: Slot, naming: &Naming<'_>) -> Slot {
        let Naming { mac: name_mac, ip, eth, .. } = *naming;
        if let Some(slot) = self.named_at_shared(slot, naming) {
            return slot;
        }
        let key = match slot {
            Slot::Phone(_) => return slot,
            Slot::Other(key) => key,
        };
        let mac = match key {
            ClientKey::Mac(mac) => Some(mac),
            ClientKey::Flow(..) => name_mac,
            ClientKey::Ip(_) => {
                // On the same wire the sender's own MAC tells who it is; behind a router its name does.
                let on_wire = eth.filter(|m| ip.is_some_and(|i| self.is_neighbour(i, *m)) && !self.is_router(*m));
                // The name's owner is on this wire as well, at another address: then this one is not it.
                let owner = name_mac.filter(|m| eth != Some(*m)).and_then(|m| self.phone_of(m));
                let is_taken = owner.is_some_and(|p| {
                    p.ip.is_some() && p.ip != ip && p.attempts.iter().any(|a| a.client_mac == Some(p.mac))
                });
                let second = eth.filter(|m| is_taken && self.senders.is_single(*m));
                on_wire.or(second).or(name_mac)
            }
        };
        let Some(index) = mac.and_then(|m| self.phone(m, key)) else { return slot };
        if let Some(ip) = ip {
            self.bind(ip, index);
        }
        Slot::Phone(index)
    }

    /// A device says, by ARP, by a lease or by its own frames, that it has an address. In another VLAN the same address
    /// is another one.
    pub(super) fn record_claim(&mut self, mac: Mac, ip: IpAddr, vlan: Option<u16>, seen_at: SeenAt) {
        let holder = self.by_ip.get(&ip).copied();
        let own = self.by_mac.get(&mac).copied();
        if let Some(phone) = own.and_then(|i| self.phones.get_mut(i)) {
            phone.record_use(ip, seen_at);
        }
        let (Some(holder), true) = (holder, own != holder) else { return };
        let is_elsewhere = |p: &&mut Phone| vlan.zip(p.vlan).is_some_and(|(here, there)| here != there);
        let Some(phone) = self.phones.get_mut(holder).filter(|p| !is_elsewhere(p)) else { return };
        phone.record_conflict(mac, ip, seen_at);
        let theirs = phone.mac;
        // Two phones: each conflicts with the other.
        if let Some(phone) = own.and_then(|i| self.phones.get_mut(i)).filter(|p| p.ip == Some(ip)) {
            phone.record_conflict(theirs, ip, seen_at);
        }
    }
}

/// The innermost VLAN that a frame bears.
pub(super) fn vlan_of(envelope: &Envelope) -> Option<u16> {
    envelope.vlan.last().copied().filter(|v| *v > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FrameRef, Timestamp};

    const PHONE: Mac = Mac([0, 3, 0x6b, 1, 2, 3]);
    const ROUTER: Mac = Mac([0, 7, 0xeb, 1, 2, 3]);

    fn at(second: i64) -> SeenAt {
        SeenAt { time: Timestamp(second * 1_000_000_000), at: FrameRef { input: 0, frame: 1 } }
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 30, 0, last])
    }

    fn from(mac: Mac, last: u8) -> Envelope {
        Envelope { eth_src: Some(mac), src: Some(ip(last)), ..Envelope::default() }
    }

    #[test]
    fn address_behind_router_is_known_by_address() {
        let mut directory = Directory::new();
        assert_eq!(directory.sender(&from(ROUTER, 1), at(1)), Some(Slot::Other(ClientKey::Ip(ip(1)))));
        assert_eq!(directory.sender(&from(ROUTER, 2), at(2)), Some(Slot::Other(ClientKey::Ip(ip(2)))));
        assert!(directory.is_router(ROUTER));
        assert_eq!(directory.own_mac(ip(1)), None, "the router's");
    }

    #[test]
    fn name_turns_address_into_phone() {
        let mut directory = Directory::new();
        let slot = directory.sender(&from(ROUTER, 1), at(1)).unwrap();
        let envelope = from(ROUTER, 1);
        let named = directory.named(slot, &Naming::of(&envelope, "SEP00036B010203", Some(PHONE)));
        assert_eq!(named, Slot::Phone(0));
        assert!(directory.others.is_empty());
        let phone = directory.phone_of(PHONE).unwrap();
        assert_eq!((phone.ip, phone.first), (Some(ip(1)), Some(at(1))));
        assert_eq!(directory.slot_of_ip(ip(1), Some(ROUTER)), Slot::Phone(0));
    }

    #[test]
    fn released_address_is_nobodys() {
        let mut directory = Directory::new();
        let index = directory.phone(PHONE, ClientKey::Mac(PHONE)).unwrap();
        directory.bind(ip(1), index);
        directory.release(ip(1), Slot::Phone(index));
        assert_eq!(directory.phone_of(PHONE).unwrap().ip, None);
        assert_eq!(directory.slot_of_ip(ip(1), None), Slot::Other(ClientKey::Ip(ip(1))));
    }

    #[test]
    fn address_of_another_vlan_is_another_address() {
        let mut directory = Directory::new();
        let tagged = |mac, vlan| Envelope { vlan: vec![vlan], ..from(mac, 1) };
        let index = directory.phone(PHONE, ClientKey::Mac(PHONE)).unwrap();
        directory.bind(ip(1), index);
        directory.sender(&tagged(PHONE, 110), at(1));
        directory.record_claim(ROUTER, ip(1), Some(210), at(2));
        assert!(directory.phone_of(PHONE).unwrap().conflict.is_none());
        for (second, vlan) in [(3, Some(110)), (4, None)] {
            directory.record_claim(ROUTER, ip(1), vlan, at(second));
            let claims = directory.phone_of(PHONE).unwrap().conflict.map(|c| c.claims);
            assert_eq!(claims, u32::try_from(second).ok().map(|s| s - 2), "{vlan:?}");
        }
    }

    #[test]
    fn waiting_clients_are_those_like_phones() {
        let mut directory = Directory::new();
        directory.sender(&from(ROUTER, 1), at(1));
        let slot = directory.sender(&from(PHONE, 2), at(1)).unwrap();
        assert!(directory.waiting().is_empty());
        directory.client(slot, at(2)).unwrap().is_phone = true;
        assert_eq!(directory.waiting(), [ClientKey::Ip(ip(2))]);
    }
}
