//! Eviction in a run of months: memory is bounded by the phones that are there, not by the time that passes.
//!
//! Only where a limit is set ([`Registry::evict_after`]); a capture file is read to its end and nothing in it is too
//! old. Phones not seen for the limit are evicted, with all that is kept about them elsewhere. Of a phone that stays,
//! what is older than the limit and belongs to a boot that no longer counts is evicted. What the capture can show (both
//! directions, a steady clock, no drops) is judged by the time since one to two limits, so that a mirror that was
//! repaired or broken last month does not lower or raise what is concluded today.

use std::time::Duration;

use super::aging::{Aging, Counters};
use super::directory::{ClientKey, Directory};
use super::record::{LoadSeen, Phone};
use super::registry::Registry;
use crate::conversation::SeenAt;
use crate::types::{Mac, Timestamp};

/// How often what is too old is looked for.
const PASS_INTERVAL: Duration = Duration::from_secs(60);
/// Live, the clock is advanced every second: where it jumps by this, the host slept or its clock was set, and nobody is
/// too old for not having been seen meanwhile.
const ASLEEP: Duration = Duration::from_secs(600);
/// A clock this far behind was set back.
const CLOCK_STEP: Duration = Duration::from_secs(60);

impl Registry {
    /// Evicts what was not seen for `limit`; `None`: nothing, ever.
    pub fn evict_after(&mut self, limit: Option<Duration>) {
        let began = self.now;
        self.aging = limit.map(|limit| Aging { limit, looked: began, awake: began, turned: began, ..Aging::default() });
    }

    /// How long a phone may be unseen; `None`: for ever.
    pub fn age_limit(&self) -> Option<Duration> {
        self.aging.map(|a| a.limit)
    }

    /// The time, by a frame. It never goes back.
    pub(super) fn record_time(&mut self, time: Timestamp) {
        if time <= self.now {
            return;
        }
        if let Some(aging) = &mut self.aging
            && time.since(self.now) >= ASLEEP
        {
            aging.awake = time;
        }
        self.now = time;
    }

    /// The time, by the host's clock. Where a limit is set, this clock is live, and can be set back. (The next frame
    /// shows that it was.)
    pub fn advance_clock(&mut self, time: Timestamp) {
        if let Some(aging) = &mut self.aging
            && self.now.since(time) > CLOCK_STEP
        {
            *aging = Aging { looked: time, awake: time, turned: time, ..*aging };
            self.now = time;
            for last in self.directory.phones.iter_mut().filter_map(|p| p.last.as_mut()) {
                last.time = last.time.min(time);
            }
            return;
        }
        self.record_time(time);
    }

    /// Once a minute: the time before which what was seen last is too old; `None`: not now.
    pub fn eviction_limit(&mut self) -> Option<Timestamp> {
        let now = self.now;
        let aging = self.aging.as_mut().filter(|a| now.since(a.looked) >= PASS_INTERVAL)?;
        aging.looked = now;
        let limit = now.minus(aging.limit);
        // Where it has not looked for long enough to miss anybody, nobody is too old.
        Some(if aging.awake < limit { limit } else { Timestamp(i64::MIN) })
    }

    /// Evicts what was not seen since `limit`.
    pub fn evict_before(&mut self, limit: Timestamp) {
        self.settle();
        self.evicted_phones += self.directory.evict_phones(limit);
        for phone in &mut self.directory.phones {
            phone.evict_before(limit);
        }
        self.directory.others.retain(|_, p| p.last.is_none_or(|l| l.time >= limit));
        self.shared.evict_before(limit);
        self.vlans.evict_before(limit);
        self.leases_v6.evict_before(limit);
        self.turn_counters();
    }

    /// Makes phones of clients that are certainly one and whose MAC ARP shows, without waiting for the end: they may
    /// never say their name again. The same MAC that a name would lead to later.
    fn settle(&mut self) {
        for key in self.directory.waiting() {
            let mac = match key {
                ClientKey::Mac(mac) => Some(mac),
                ClientKey::Ip(ip) => {
                    self.directory.neighbours.peek(&ip).copied().filter(|m| !self.directory.is_router(*m))
                }
                ClientKey::Flow(..) => None,
            };
            if let Some(mac) = mac
                && let Some(index) = self.directory.phone(mac, key)
                && let ClientKey::Ip(ip) = key
            {
                self.directory.bind(ip, index);
            }
        }
    }

    /// Once every limit the counters drop what they counted before the previous limit.
    fn turn_counters(&mut self) {
        let Some(aging) = self.aging.as_mut().filter(|a| self.now.since(a.turned) >= a.limit) else { return };
        let before = aging.before;
        self.traffic = self.traffic.since(&before.traffic);
        self.clock_steps.count = self.clock_steps.count.saturating_sub(before.clock_steps);
        self.directory.refused_phones = self.directory.refused_phones.saturating_sub(before.refused_phones);
        self.shared.configs_refused = self.shared.configs_refused.saturating_sub(before.configs_refused);
        aging.turned = self.now;
        aging.before = Counters {
            traffic: self.traffic,
            clock_steps: self.clock_steps.count,
            refused_phones: self.directory.refused_phones,
            configs_refused: self.shared.configs_refused,
        };
    }
}

impl Directory {
    /// Evicts phones that were not seen since `limit`; how many.
    fn evict_phones(&mut self, limit: Timestamp) -> u64 {
        let mut kept = 0;
        let moved: Vec<Option<usize>> = self
            .phones
            .iter()
            .map(|phone| {
                let stays = phone.last.is_none_or(|l| l.time >= limit);
                let place = stays.then_some(kept);
                kept += usize::from(stays);
                place
            })
            .collect();
        let left = self.phones.len() - kept;
        if left == 0 {
            return 0;
        }
        let place = |index: usize| moved.get(index).copied().flatten();
        let stays = |mac: &Mac| self.by_mac.get(mac).is_none_or(|i| place(*i).is_some());
        self.neighbours.retain(|_, mac| stays(mac));
        self.senders.retain(stays);
        self.by_mac.retain(|_, index| place(*index).map(|new| *index = new).is_some());
        self.sharing.moved(|index| moved.get(index).copied().flatten());
        self.by_ip.retain(|_, index| place(*index).map(|new| *index = new).is_some());
        let mut index = 0;
        self.phones.retain(|_| {
            index += 1;
            place(index - 1).is_some()
        });
        if self.phones.capacity() > 2 * self.phones.len() {
            self.phones.shrink_to_fit();
            self.by_mac.shrink_to_fit();
        }
        u64::try_from(left).unwrap_or(u64::MAX)
    }
}

impl Phone {
    /// Evicts what is older than `limit` and does not belong to what counts now: the current boot, and the latest one
    /// that got as far as files and as a registration.
    fn evict_before(&mut self, limit: Timestamp) {
        let keep = self.counts_from();
        let counts = |seen_at: SeenAt| seen_at.time >= limit || keep.is_some_and(|k| seen_at >= k);
        let lease = self.lease_exchange().map(|e| e.began);
        let lists = &mut self.dhcp.list;
        retain_with_last(lists, |e| counts(e.last) || Some(e.began) == lease);
        let config = self.files.iter().rposition(|f| f.config.is_some());
        let mut index = 0;
        retain_with_last(&mut self.files, |f| {
            index += 1;
            counts(f.last) || Some(index - 1) == config
        });
        retain_with_last(&mut self.attempts, |a| counts(a.last));
        self.arp.retain(|a| counts(a.tries.last) || a.answered.is_some_and(counts));
        self.dns.retain(|d| counts(d.tries.last));
        self.trust_asks.retain(|t| counts(t.tries.last));
        self.boots.retain(|b| counts(*b));
        retain_with_last(&mut self.names, |n| counts(n.seen_at));
        evict_loads(&mut self.loads, limit);
        self.conflict =
            self.conflict.filter(|r| counts(r.claimed) || r.last >= limit || r.confirmed.is_some_and(counts));
        if self.files.capacity() > 2 * self.files.len() {
            self.files.shrink_to_fit();
        }
        if self.attempts.capacity() > 2 * self.attempts.len() {
            self.attempts.shrink_to_fit();
        }
    }

    /// Where the earliest boot begins that still counts; `None`: no boot was seen.
    fn counts_from(&self) -> Option<SeenAt> {
        let latest = self.boots.last().copied()?;
        let with = |reached: &dyn Fn(SeenAt) -> bool| self.boots.iter().rev().copied().find(|b| reached(*b));
        let files = with(&|b| self.files.iter().any(|f| f.request.first >= b));
        let attempts = with(&|b| self.attempts.iter().any(|a| a.last >= b));
        [Some(latest), files, attempts].into_iter().flatten().min()
    }
}

/// A load is old once the next one is.
fn evict_loads(loads: &mut Vec<LoadSeen>, limit: Timestamp) {
    let old = loads.iter().skip(1).take_while(|next| next.seen_at.time < limit).count();
    loads.drain(..old);
}

/// Keeps what `keeps` says, and the last.
fn retain_with_last<T>(list: &mut Vec<T>, mut keeps: impl FnMut(&T) -> bool) {
    let last = list.len().saturating_sub(1);
    let mut index = 0;
    list.retain(|item| {
        index += 1;
        keeps(item) || index - 1 == last
    });
}
