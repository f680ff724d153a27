//! Who holds a lease in which scope, and so whom a change of the scope would reach.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::SeenAt;
use crate::diagnosis::{Scope, ScopeObstacle, ScopePhone, ScopeReach};
use crate::types::{Mac, WireText};

/// Phones listed by a change that is made for each of them.
const MAX_PHONES: usize = 256;

/// A phone that holds a lease.
pub(super) struct Occupant {
    pub(super) mac: Mac,
    pub(super) address: Option<Ipv4Addr>,
    /// The TFTP servers that its lease names.
    pub(super) named: Vec<WireText>,
    /// When it got the lease.
    pub(super) leased: SeenAt,
    /// Registered, with nothing against its TFTP server.
    pub(super) is_healthy: bool,
    /// The TFTP server that it uses.
    pub(super) uses: Option<IpAddr>,
    /// The servers that are right for it, where that is known.
    pub(super) right: Vec<IpAddr>,
}

/// What identifies a scope: its DHCP server, its network and mask.
type Key = (Ipv4Addr, Option<(Ipv4Addr, Ipv4Addr)>);

/// A change that was asked about: the scope, what it names, what it should name.
type Question = (Key, Vec<WireText>, Vec<IpAddr>);

/// All phones with leases, by scope.
#[derive(Default)]
pub(super) struct Occupants {
    by_scope: BTreeMap<Key, Vec<Occupant>>,
    /// Each question is answered once: thousands of phones of one scope ask the same.
    answered: RefCell<BTreeMap<Question, ScopeReach>>,
}

impl Occupants {
    pub(super) fn add(&mut self, scope: &Scope, occupant: Occupant) {
        self.by_scope.entry((scope.server, scope.network)).or_default().push(occupant);
    }

    /// Whom a change of `scope` to the servers `right` is for, asked by the phone `by`.
    pub(super) fn reach(&self, scope: &Scope, right: &[IpAddr], by: ScopePhone) -> ScopeReach {
        let question = ((scope.server, scope.network), scope.now(), right.to_vec());
        let mut answered = self.answered.borrow_mut();
        let reach = answered.entry(question).or_insert_with_key(|(_, now, _)| self.answer(scope, now, right));
        match reach {
            ScopeReach::Phones { phones, why } if phones.is_empty() => {
                ScopeReach::Phones { phones: vec![by], why: why.clone() }
            }
            reach => reach.clone(),
        }
    }

    fn answer(&self, scope: &Scope, now: &[WireText], right: &[IpAddr]) -> ScopeReach {
        let Some(all) = self.by_scope.get(&(scope.server, scope.network)) else { return ScopeReach::Whole };
        let Some(why) = moved(all, right).or_else(|| needing_others(all, right)).or_else(|| differing(all, now, right))
        else {
            return ScopeReach::Whole;
        };
        let is_for = |o: &&Occupant| {
            !o.is_healthy && !names_one_of(&o.named, right) && o.right.iter().any(|r| right.contains(r))
        };
        let mut phones: Vec<ScopePhone> =
            all.iter().filter(is_for).map(|o| ScopePhone { mac: o.mac, address: o.address }).collect();
        phones.sort_unstable();
        phones.truncate(MAX_PHONES);
        ScopeReach::Phones { phones, why }
    }
}

fn names_one_of(named: &[WireText], right: &[IpAddr]) -> bool {
    named.first().and_then(|n| n.raw().parse().ok()).is_some_and(|ip: IpAddr| right.contains(&ip))
}

/// Phones that are well with another server than the change would give them.
fn moved(all: &[Occupant], right: &[IpAddr]) -> Option<ScopeObstacle> {
    let is_moved = |o: &&Occupant| {
        let stays = o.uses.is_some_and(|u| right.contains(&u)) || o.right.iter().any(|r| right.contains(r));
        o.is_healthy && !o.named.is_empty() && !names_one_of(&o.named, right) && !stays
    };
    let first = all.iter().filter(is_moved).map(|o| o.mac).min()?;
    let phones = u32::try_from(all.iter().filter(is_moved).count()).unwrap_or(u32::MAX);
    Some(ScopeObstacle::HealthyPhones { phones, first })
}

/// A phone that needs other servers than the change would give it.
fn needing_others(all: &[Occupant], right: &[IpAddr]) -> Option<ScopeObstacle> {
    let needs_others = |o: &&Occupant| !o.right.is_empty() && !o.right.iter().any(|r| right.contains(r));
    all.iter().filter(needs_others).map(|o| o.mac).min().map(|first| ScopeObstacle::OtherNeed { first })
}

/// A lease that names other servers than the scope does: at the same time, or servers that the change does not want either.
fn differing(all: &[Occupant], now: &[WireText], right: &[IpAddr]) -> Option<ScopeObstacle> {
    let latest = all.iter().filter(|o| o.named == now).map(|o| o.leased).max();
    let differs = |o: &&Occupant| {
        // A scope that names the right servers by now was corrected meanwhile.
        let is_corrected = names_one_of(&o.named, right) && latest.is_none_or(|latest| o.leased > latest);
        !o.named.is_empty() && o.named != now && !is_corrected
    };
    let other = all.iter().filter(differs).min_by_key(|o| (o.leased, o.mac))?;
    Some(ScopeObstacle::OtherValue { phone: other.mac, servers: other.named.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::TftpSource;
    use crate::types::{FrameRef, Timestamp};

    const NOW: &str = "10.31.0.5";
    const RIGHT: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(10, 30, 0, 5))];

    fn scope() -> Scope {
        Scope {
            server: Ipv4Addr::new(10, 30, 0, 2),
            network: Some((Ipv4Addr::new(10, 50, 3, 0), Ipv4Addr::new(255, 255, 255, 0))),
            sources: vec![(TftpSource::Option150, vec![NOW.into()])],
            unusable: Vec::new(),
            reach: ScopeReach::Whole,
        }
    }

    fn occupant(last: u8, named: &str, second: i64) -> Occupant {
        Occupant {
            mac: Mac([0, 3, 0x6b, 0, 0, last]),
            address: Some(Ipv4Addr::new(10, 50, 3, last)),
            named: vec![named.into()],
            leased: SeenAt { time: Timestamp(second * 1_000_000_000), at: FrameRef { input: 0, frame: second as u64 } },
            is_healthy: false,
            uses: Some(NOW.parse().unwrap()),
            right: RIGHT.to_vec(),
        }
    }

    fn reach(all: Vec<Occupant>) -> ScopeReach {
        let by = ScopePhone { mac: all[0].mac, address: all[0].address };
        let mut occupants = Occupants::default();
        all.into_iter().for_each(|o| occupants.add(&scope(), o));
        occupants.reach(&scope(), &RIGHT, by)
    }

    #[test]
    fn scope_of_ill_phones_is_changed_as_a_whole() {
        assert_eq!(reach(vec![occupant(1, NOW, 1), occupant(2, NOW, 2)]), ScopeReach::Whole);
    }

    #[test]
    fn healthy_phones_of_another_cluster_are_not_moved() {
        let healthy = Occupant { is_healthy: true, right: Vec::new(), ..occupant(2, NOW, 2) };
        let ScopeReach::Phones { phones, why } = reach(vec![occupant(1, NOW, 1), healthy, occupant(3, NOW, 3)]) else {
            panic!("the whole scope")
        };
        assert_eq!(phones.iter().map(|p| p.mac.0[5]).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(why, ScopeObstacle::HealthyPhones { phones: 1, first: Mac([0, 3, 0x6b, 0, 0, 2]) });
    }

    #[test]
    fn healthy_phones_that_need_the_same_servers_are_no_obstacle() {
        let by_hand = Occupant { is_healthy: true, uses: Some(RIGHT[0]), right: Vec::new(), ..occupant(2, NOW, 2) };
        assert_eq!(reach(vec![occupant(1, NOW, 1), by_hand]), ScopeReach::Whole);
        let of_the_cluster = Occupant { is_healthy: true, ..occupant(2, NOW, 2) };
        assert_eq!(reach(vec![occupant(1, NOW, 1), of_the_cluster]), ScopeReach::Whole);
    }

    #[test]
    fn phones_that_need_other_servers_are_left_alone() {
        let other = Occupant { right: vec![IpAddr::from([10, 32, 0, 5])], ..occupant(2, NOW, 2) };
        let ScopeReach::Phones { phones, why } = reach(vec![occupant(1, NOW, 1), other]) else {
            panic!("the whole scope")
        };
        assert_eq!(phones.iter().map(|p| p.mac.0[5]).collect::<Vec<_>>(), [1]);
        assert_eq!(why, ScopeObstacle::OtherNeed { first: Mac([0, 3, 0x6b, 0, 0, 2]) });
    }

    #[test]
    fn leases_that_differ_at_one_time_show_an_override() {
        let all = vec![occupant(1, NOW, 1), occupant(2, "10.30.0.5", 2), occupant(3, NOW, 3)];
        let ScopeReach::Phones { phones, why: ScopeObstacle::OtherValue { phone, .. } } = reach(all) else {
            panic!("the whole scope")
        };
        assert_eq!((phones.len(), phone.0[5]), (2, 2));
        let third = vec![occupant(1, NOW, 1), occupant(2, "10.99.0.5", 2)];
        assert!(reach(third).phones().is_some(), "a third value is an override at any time");
    }

    #[test]
    fn scope_that_was_corrected_meanwhile_is_whole() {
        assert_eq!(reach(vec![occupant(1, NOW, 1), occupant(2, "10.30.0.5", 2)]), ScopeReach::Whole);
    }
}
