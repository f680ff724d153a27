//! What is recorded of one phone, within the bounds of one phone.

use std::net::IpAddr;
use std::time::Duration;

use super::limits;
use super::record::{AddressConflict, LoadSeen, LoadSource, NameSeen, Phone};
use crate::conversation::dhcp::MAX_EXCHANGES;
use crate::conversation::{SeenAt, merge_bounded, push_bounded};
use crate::types::{Mac, WireText};

/// An answer to its claim, and the DECLINE that follows, come within this; who still uses the address later keeps it.
const CLAIM_SETTLED: Duration = Duration::from_secs(2);

impl Phone {
    /// Everything that was kept under an address becomes the phone's. A router may stand in front of any number of
    /// addresses that claim one name, so the bounds of a phone hold here too.
    pub(super) fn absorb(&mut self, earlier: Phone) {
        self.is_other |= earlier.is_other;
        self.names.splice(0..0, earlier.names);
        self.names.drain(..self.names.len().saturating_sub(limits::CHANGES));
        self.model = self.model.take().or(earlier.model);
        self.device_type = self.device_type.or(earlier.device_type);
        self.ip = self.ip.or(earlier.ip);
        self.vlan = self.vlan.or(earlier.vlan);
        self.first = self.first.into_iter().chain(earlier.first).min();
        self.last = self.last.into_iter().chain(earlier.last).max();
        let evicted = &mut self.dhcp.evicted;
        *evicted = evicted.saturating_add(earlier.dhcp.evicted);
        merge_bounded(&mut self.dhcp.list, earlier.dhcp.list, MAX_EXCHANGES, evicted, |e| e.began);
        self.files_evicted = self.files_evicted.saturating_add(earlier.files_evicted);
        let evicted = &mut self.files_evicted;
        merge_bounded(&mut self.files, earlier.files, limits::FILES, evicted, |f| f.request.first);
        self.attempts_evicted = self.attempts_evicted.saturating_add(earlier.attempts_evicted);
        let evicted = &mut self.attempts_evicted;
        merge_bounded(&mut self.attempts, earlier.attempts, limits::ATTEMPTS, evicted, |a| a.began);
        merge_bounded(&mut self.loads, earlier.loads, limits::CHANGES, &mut 0, |l| l.seen_at);
        self.last_reason = self.last_reason.take().or(earlier.last_reason);
        merge_bounded(&mut self.boots, earlier.boots, limits::CHANGES, &mut 0, |b| *b);
        self.announced = self.announced.or(earlier.announced);
        self.measured = self.measured.max(earlier.measured);
    }

    /// A boot begins; whether it is another one than the latest.
    pub(super) fn record_boot(&mut self, seen_at: SeenAt) -> bool {
        // Trying again under a new transaction id while nobody answers is the same boot.
        let before = self.dhcp.list.iter().rev().nth(1);
        let quiet = self.boots.last().is_some_and(|b| {
            self.files.last().is_none_or(|f| f.last < *b) && self.attempts.last().is_none_or(|a| a.last < *b)
        });
        if before.is_some_and(|e| e.ack.is_none()) && quiet {
            return false;
        }
        push_bounded(&mut self.boots, seen_at, limits::CHANGES, &mut 0);
        true
    }

    /// It gives itself a name.
    pub(super) fn record_name(&mut self, name: &WireText, seen_at: SeenAt) {
        if self.names.last().is_some_and(|n| n.name == *name) {
            return;
        }
        if let Some(at) = self.names.iter().position(|n| n.name == *name) {
            let known = self.names.remove(at);
            self.names.push(known);
            return;
        }
        push_bounded(&mut self.names, NameSeen { name: name.clone(), seen_at }, limits::CHANGES, &mut 0);
    }

    /// It says which load it runs.
    pub(super) fn record_load(&mut self, load: &WireText, source: LoadSource, seen_at: SeenAt) {
        let trimmed = load.raw().trim();
        let device_type = self.device_type();
        let by_itself = matches!(source, LoadSource::Alarm | LoadSource::Register);
        let (said, announced) = if by_itself { (Some(seen_at), None) } else { (None, Some(seen_at)) };
        if let Some(last) = self.loads.last_mut()
            && crate::wire::load::same_load(last.load.raw(), trimmed)
        {
            last.said = said.or(last.said);
            last.announced = announced.or(last.announced);
            // The alarm is the better witness of the same load.
            if source == LoadSource::Alarm {
                last.source = source;
            }
            // A full name says more than a version.
            if crate::wire::load::print_name(last.load.raw(), device_type).contains('(') && !trimmed.contains('(') {
                last.load = WireText::from(trimmed);
            }
            return;
        }
        let seen = LoadSeen { load: WireText::from(trimmed), source, seen_at, said, announced };
        push_bounded(&mut self.loads, seen, limits::CHANGES, &mut 0);
    }

    /// Another device claims this phone's address.
    pub(super) fn record_conflict(&mut self, mac: Mac, ip: IpAddr, seen_at: SeenAt) {
        match &mut self.conflict {
            Some(conflict) if conflict.mac == mac && conflict.ip == ip => {
                conflict.last = conflict.last.max(seen_at.time);
                return conflict.claims = conflict.claims.saturating_add(1);
            }
            Some(conflict) if conflict.confirmed.is_some() => return,
            _ => {}
        }
        if mac != self.mac && !mac.is_zero() && !mac.is_group() {
            self.conflict =
                Some(AddressConflict { mac, ip, claimed: seen_at, claims: 1, confirmed: None, last: seen_at.time });
        }
    }

    /// The phone itself uses the address.
    pub(super) fn record_use(&mut self, ip: IpAddr, seen_at: SeenAt) {
        if let Some(conflict) = self.conflict.as_mut().filter(|r| r.ip == ip && r.confirmed.is_none())
            && seen_at.time.since(conflict.claimed.time) >= CLAIM_SETTLED
        {
            conflict.confirmed = Some(seen_at);
        }
    }

    /// The phone begins anew: what was not a conflict so far is none.
    pub(super) fn drop_unconfirmed_conflict(&mut self) {
        self.conflict = self.conflict.filter(|r| r.confirmed.is_some());
    }

    /// It has just registered: the time from the first offer of this boot, once a boot.
    pub(super) fn record_registered(&mut self, seen_at: SeenAt) -> Option<Duration> {
        let boot = self.boots.last().copied().filter(|b| self.measured.is_none_or(|m| m < *b))?;
        let exchanges = self.dhcp.list.iter().filter(|e| e.began >= boot);
        let offer = exchanges.flat_map(|e| &e.offers).map(|o| o.seen_at).min().filter(|o| *o < seen_at)?;
        self.measured = Some(boot);
        Some(seen_at.time.since(offer.time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::file::Fetch;
    use crate::conversation::registration::{Attempt, Protocol};
    use crate::diagnosis::Transport;
    use crate::types::{FrameRef, Timestamp};

    fn seen_at(second: i64) -> SeenAt {
        SeenAt { time: Timestamp(second * 1_000_000_000), at: FrameRef { input: 0, frame: 1 } }
    }

    /// What an address did in its first seconds from `begin` on.
    fn client(begin: i64) -> Phone {
        let server = IpAddr::from([10, 30, 0, 5]);
        let mut phone = Phone::default();
        for second in begin..begin + 3 {
            let at = seen_at(second);
            let name = WireText::from(format!("{second}.bin").as_str());
            phone.files.push(Fetch::new(name.clone(), server, Transport::Tftp, 50_000, at));
            phone.attempts.push(Attempt::new((server, 2000), (server, 50_000), Protocol::Sccp, at));
            phone.names.push(NameSeen { name: name.clone(), seen_at: at });
            let said = Some(at);
            phone.loads.push(LoadSeen { load: name, source: LoadSource::Alarm, seen_at: at, said, announced: None });
            phone.boots.push(at);
        }
        phone.files_evicted = 1;
        phone
    }

    #[test]
    fn name_behind_many_addresses_stays_within_phone_bounds() {
        let mut phone = Phone::default();
        for n in 0..100 {
            phone.absorb(client(n * 10));
        }
        assert_eq!((phone.files.len(), phone.attempts.len()), (limits::FILES, limits::ATTEMPTS));
        assert_eq!((phone.names.len(), phone.loads.len(), phone.boots.len()), (16, 16, 16));
        assert_eq!(phone.attempts_evicted as usize, 300 - limits::ATTEMPTS);
        assert_eq!(phone.files_evicted as usize, 300 - limits::FILES + 100, "what was evicted before counts too");
        assert_eq!(phone.files.last().map(|f| f.request.first), Some(seen_at(992)), "the latest are kept");
        assert!(phone.files.is_sorted_by_key(|f| f.request.first));
    }

    #[test]
    fn earlier_record_of_address_comes_first() {
        let mut phone = client(50);
        phone.absorb(client(10));
        let boots: Vec<SeenAt> = [10, 11, 12, 50, 51, 52].map(seen_at).to_vec();
        assert_eq!(phone.boots, boots);
        assert_eq!(phone.name().map(WireText::raw), Some("52.bin"));
    }

    const PHONE: Mac = Mac([0, 3, 0x6b, 1, 2, 3]);
    const OTHER: Mac = Mac([0, 0x50, 0x8b, 1, 2, 3]);

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 30, 0, last])
    }

    #[test]
    fn conflict_is_confirmed_by_continued_use() {
        let mut phone = Phone { mac: PHONE, ..Phone::default() };
        phone.record_use(ip(1), seen_at(1));
        phone.record_conflict(PHONE, ip(1), seen_at(2));
        assert!(phone.conflict.is_none(), "its own claim");
        phone.record_conflict(OTHER, ip(1), seen_at(2));
        phone.record_use(ip(1), seen_at(3));
        phone.record_use(ip(9), seen_at(9));
        assert!(phone.conflict.unwrap().confirmed.is_none(), "too soon, or from another address");
        phone.drop_unconfirmed_conflict();
        assert!(phone.conflict.is_none(), "a new lease came between");
        phone.record_conflict(OTHER, ip(1), seen_at(10));
        phone.record_conflict(OTHER, ip(1), seen_at(11));
        phone.record_use(ip(1), seen_at(12));
        phone.drop_unconfirmed_conflict();
        let conflict = phone.conflict.unwrap();
        assert_eq!((conflict.claimed, conflict.claims, conflict.confirmed), (seen_at(10), 2, Some(seen_at(12))));
    }
}
