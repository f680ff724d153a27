//! Whose a message is at an address, or a MAC, that several devices share: [`Sharing`](super::sharing::Sharing) put to use.

use std::net::IpAddr;
use std::time::Duration;

use super::directory::{ClientKey, Directory, Slot};
use super::limits;
use super::record::Phone;
use super::sharing::{Naming, is_port_name};
use crate::conversation::SeenAt;
use crate::conversation::registration::Attempt;
use crate::types::Mac;

/// Devices at one address.
const DEVICES: usize = 256;
/// A connection on which nothing was said for this long may have ended unseen: phones send a KeepAlive twice a minute.
const QUIET: Duration = Duration::from_secs(120);
/// A phone that boots asks for one file after the other within this.
const BOOTING: Duration = Duration::from_secs(30);

impl Directory {
    /// The client that sends from or gets packets at this address and port.
    pub(super) fn slot_of_client(&mut self, ip: IpAddr, port: Option<u16>, eth: Option<Mac>) -> Slot {
        let Some(port) = port.filter(|_| self.sharing.devices.contains_key(&ip)) else {
            return self.slot_of_ip(ip, eth);
        };
        match self.sharing.flows.get(&(ip, port)) {
            Some(index) => Slot::Phone(*index),
            None => Slot::Other(ClientKey::Flow(ip, port)),
        }
    }

    /// Who asks for a file that names nobody, at an address that several share: the only one of them that boots now.
    pub(super) fn booting_at(&mut self, slot: Slot, seen_at: SeenAt) -> Slot {
        let Slot::Other(ClientKey::Flow(ip, port)) = slot else { return slot };
        let boots = |p: &Phone| p.files.last().is_some_and(|f| seen_at.time.since(f.last.time) <= BOOTING);
        let list = self.sharing.devices.peek(&ip).into_iter().flatten();
        let mut booting = list.filter(|i| self.phones.get(**i).is_some_and(boots));
        let (Some(only), None) = (booting.next().copied(), booting.next()) else { return slot };
        self.sharing.flows.insert((ip, port), only);
        Slot::Phone(only)
    }

    /// The device that names itself where several are, or are from now on. `None`: it is alone there.
    pub(super) fn named_at_shared(&mut self, slot: Slot, naming: &Naming<'_>) -> Option<Slot> {
        let (ip, port) = (naming.ip?, naming.port?);
        let is_port = naming.mac.is_none() && is_port_name(naming.name);
        if naming.mac.is_none() && naming.name.is_empty() {
            return None;
        }
        let index = match slot {
            Slot::Phone(before) if self.is_another(before, naming) => {
                let index = self.device(naming, slot)?;
                self.share(ip, before);
                self.hand_over(before, index, (ip, port));
                index
            }
            Slot::Phone(before) => {
                if is_port {
                    self.call_by_name(before, naming.name);
                }
                return None;
            }
            Slot::Other(ClientKey::Flow(..)) => self.device(naming, slot)?,
            Slot::Other(_) if is_port => self.device(naming, slot)?,
            Slot::Other(_) => return None,
        };
        self.share(ip, index);
        self.sharing.flows.insert((ip, port), index);
        if let Slot::Other(key) = slot
            && let Some(earlier) = self.others.remove(&key)
            && let Some(phone) = self.phones.get_mut(index)
        {
            phone.absorb(earlier);
        }
        if let Some(phone) = self.phones.get_mut(index) {
            phone.ip = Some(ip);
        }
        if matches!(slot, Slot::Other(ClientKey::Ip(_))) {
            self.by_ip.insert(ip, index);
        }
        Some(Slot::Phone(index))
    }

    /// Whether the device that names itself is another one than the phone whose address, or MAC, it has.
    fn is_another(&self, index: usize, naming: &Naming<'_>) -> bool {
        let Some(phone) = self.phones.get(index) else { return false };
        let bears = |name: &str| phone.names.iter().any(|n| n.name.raw().eq_ignore_ascii_case(name));
        if bears(naming.name) {
            return false;
        }
        if is_port_name(naming.name) {
            return phone.names.iter().any(|n| is_port_name(n.name.raw()));
        }
        if let Some(mac) = naming.mac {
            if mac == phone.mac {
                return false;
            }
            // Behind a router: the phone goes by its own name, and this is another's.
            if naming.eth != Some(phone.mac) && bears(&phone.mac.device_name()) {
                return true;
            }
        }
        // Two names at once, each on its connection.
        naming.registers.is_some_and(|now| phone.attempts.iter().any(|a| is_held(a, naming, now, phone)))
    }

    /// The record of the device: by the MAC in its name, or by its name.
    fn device(&mut self, naming: &Naming<'_>, slot: Slot) -> Option<usize> {
        if let Some(mac) = naming.mac {
            let key = if let Slot::Other(key) = slot { key } else { ClientKey::Mac(mac) };
            return self.phone(mac, key);
        }
        if let Some(index) = self.sharing.by_name.get(&naming.name.to_ascii_uppercase()) {
            return Some(*index);
        }
        if self.phones.len() >= limits::PHONES {
            self.refused_phones += 1;
            return None;
        }
        let mac = match slot {
            Slot::Phone(index) => self.phones.get(index).map(|p| p.mac),
            Slot::Other(_) => None,
        };
        self.phones.push(Phone { mac: mac.unwrap_or_default(), is_phone: true, ..Phone::default() });
        let index = self.phones.len() - 1;
        self.call_by_name(index, naming.name);
        Some(index)
    }

    /// Only its name tells the device from others.
    fn call_by_name(&mut self, index: usize, name: &str) {
        if let Some(phone) = self.phones.get_mut(index) {
            phone.by_name = true;
            self.sharing.by_name.insert(name.to_ascii_uppercase(), index);
        }
    }

    /// The phone is one of several at this address.
    fn share(&mut self, ip: IpAddr, index: usize) {
        let list = match self.sharing.devices.get_mut(&ip) {
            Some(list) => list,
            None => self.sharing.devices.entry(ip).or_insert_with(Vec::new),
        };
        if list.contains(&index) || list.len() >= DEVICES {
            return;
        }
        list.push(index);
        let Some(phone) = self.phones.get_mut(index) else { return };
        phone.shares = true;
        let of_attempts = phone.attempts.iter().filter(|a| a.client == ip).map(|a| a.client_port);
        for port in of_attempts.chain(phone.files.iter().map(|f| f.client_port)) {
            self.sharing.flows.insert((ip, port), index);
        }
    }

    /// What was kept of a connection before it was known whose it is.
    fn hand_over(&mut self, from: usize, to: usize, (ip, port): (IpAddr, u16)) {
        let Some(phone) = self.phones.get_mut(from) else { return };
        let is_it = |a: &Attempt| a.client == ip && a.client_port == port && a.end.is_none();
        let (theirs, own) = std::mem::take(&mut phone.attempts).into_iter().partition(is_it);
        phone.attempts = own;
        if let Some(phone) = self.phones.get_mut(to) {
            phone.absorb(Phone { attempts: theirs, ..Phone::default() });
        }
    }

    /// The MACs of devices that only their names tell, where their address shows it.
    pub(super) fn settle_macs(&mut self) {
        let without: Vec<(usize, IpAddr)> = self
            .phones
            .iter()
            .enumerate()
            .filter(|(_, p)| p.mac.is_zero())
            .filter_map(|(i, p)| Some((i, p.ip?)))
            .collect();
        for (index, ip) in without {
            let mac = self.own_mac(ip).or_else(|| self.only_sender(index));
            if let (Some(mac), Some(phone)) = (mac, self.phones.get_mut(index)) {
                phone.mac = mac;
            }
        }
    }

    /// The MAC that all frames of a device come from, unless it is a router's.
    fn only_sender(&self, index: usize) -> Option<Mac> {
        let mac = self.phones.get(index)?.attempts.iter().find_map(|a| a.client_mac)?;
        self.senders.is_single(mac).then_some(mac)
    }

    /// The devices that share an address, found again among phones that were saved.
    pub(super) fn restore_sharing(&mut self, index: usize) {
        let Some(phone) = self.phones.get(index) else { return };
        let name = phone.name().filter(|_| phone.by_name).map(|n| n.raw().to_owned());
        let ip = phone.ip.filter(|_| phone.shares);
        if let Some(name) = name {
            self.call_by_name(index, &name);
        }
        if let Some(ip) = ip {
            self.share(ip, index);
        }
    }
}

/// Whether the connection is registered under another name while the device names itself.
fn is_held(attempt: &Attempt, naming: &Naming<'_>, now: SeenAt, phone: &Phone) -> bool {
    let other = attempt.name.as_ref().is_some_and(|n| !n.raw().eq_ignore_ascii_case(naming.name));
    let open = attempt.end.is_none() && attempt.unregistered.is_none() && attempt.rejected.is_none();
    let recent = now.time.since(attempt.last.time) <= QUIET;
    let booted = phone.boot_began().is_some_and(|b| b.is_after(attempt.last));
    other && open && recent && !booted && Some(attempt.client_port) != naming.port && !naming.name.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Envelope, FrameRef, Timestamp};

    const NAT: Mac = Mac([0, 0x1c, 0x58, 0x61, 0, 1]);

    fn at(second: i64) -> SeenAt {
        SeenAt { time: Timestamp(second * 1_000_000_000), at: FrameRef { input: 0, frame: 1 } }
    }

    fn ip() -> IpAddr {
        IpAddr::from([203, 0, 113, 40])
    }

    /// A device names itself from this port.
    fn name(directory: &mut Directory, second: i64, port: u16, name: &str) -> Slot {
        let envelope = Envelope { src: Some(ip()), sport: Some(port), eth_src: Some(NAT), ..Envelope::default() };
        let slot = directory.sender(&envelope, at(second)).unwrap();
        let naming = Naming::of(&envelope, name, Mac::from_device_name(name)).registering(at(second));
        let slot = directory.named(slot, &naming);
        directory.client(slot, at(second)).unwrap().record_name(&name.into(), at(second));
        slot
    }

    #[test]
    fn phones_behind_one_address_are_told_by_their_names() {
        let mut directory = Directory::new();
        let one = name(&mut directory, 1, 40_001, "SEP001D452DEA01");
        let other = name(&mut directory, 2, 40_701, "SEP001D452DEA02");
        assert_ne!(one, other);
        assert_eq!(directory.phones.len(), 2);
        assert_eq!(directory.slot_of_client(ip(), Some(40_701), Some(NAT)), other);
        let unknown = directory.slot_of_client(ip(), Some(40_999), Some(NAT));
        assert_eq!(unknown, Slot::Other(ClientKey::Flow(ip(), 40_999)), "anybody's");
        assert_eq!(name(&mut directory, 3, 40_999, "SEP001D452DEA01"), one);
        assert_eq!(directory.slot_of_client(ip(), Some(40_999), None), one);
    }

    #[test]
    fn ports_of_a_gateway_are_devices_of_one_mac() {
        let mut directory = Directory::new();
        directory.neighbours.insert(ip(), NAT);
        let names = ["AN5E7A1000C0080", "AN5E7A1000C0081", "AN5E7A1000C0082"];
        let slots: Vec<Slot> =
            (1u16..).zip(names).map(|(n, port)| name(&mut directory, n.into(), 30_000 + n, port)).collect();
        assert_eq!(slots, [Slot::Phone(0), Slot::Phone(1), Slot::Phone(2)]);
        assert_eq!(name(&mut directory, 9, 31_000, names[1]), slots[1], "another connection of the same port");
        directory.settle_macs();
        assert!(directory.phones.iter().all(|p| p.mac == NAT && p.by_name));
        let mut ids: Vec<_> = directory.phones.iter().map(Phone::id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn places_follow_phones_that_move() {
        let mut directory = Directory::new();
        name(&mut directory, 1, 40_001, "SEP001D452DEA01");
        name(&mut directory, 2, 40_701, "SEP001D452DEA02");
        directory.sharing.moved(|index| index.checked_sub(1));
        assert_eq!(directory.slot_of_client(ip(), Some(40_701), None), Slot::Phone(0));
        assert_eq!(directory.slot_of_client(ip(), Some(40_001), None), Slot::Other(ClientKey::Flow(ip(), 40_001)));
    }
}
