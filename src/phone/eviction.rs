//! What a run of months lets go: memory is bounded by the phones that are there, not by the time that passes.
//!
//! Only where a limit is set ([`Registry::forget_after`]); a capture file is read to its end and nothing in it is too
//! old. Phones not seen for the limit leave, with all that is kept about them elsewhere. Of a phone that stays, what is
//! older than the limit and belongs to a boot that no longer counts leaves. What the capture can show (both
//! directions, a steady clock, no drops) is judged by the time since one to two limits, so that a mirror that was
//! mended or broken last month does not lower or raise what is concluded today.

use super::clients::ClientKey;
use super::registry::{Registry, Traffic};
use super::{LoadSeen, Phone};
use crate::conversation::SeenAt;
use crate::types::{Mac, Timestamp};

/// How often it is looked for what is too old, nanoseconds.
const PASS_NANOS: u64 = 60_000_000_000;
/// Live, somebody tells the time every second: where it jumps by this, the host slept or its clock was set, and nobody
/// is too old for not having been seen meanwhile. Nanoseconds.
const ASLEEP_NANOS: u64 = 600_000_000_000;
/// A clock that is told to be this far behind was set back, nanoseconds.
const STEP_NANOS: u64 = 60_000_000_000;

/// The clock by which things get old.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Eviction {
    /// How old; nanoseconds.
    pub(super) limit: u64,
    /// When it was looked last.
    looked: Timestamp,
    /// Since when somebody has been looking without a break.
    awake: Timestamp,
    /// When the counters of what the capture shows were last made to count anew.
    turned: Timestamp,
    /// What they stood at then.
    before: Counters,
}

/// Counters that say what the capture can show.
#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    traffic: Traffic,
    clock_steps: u64,
    refused_phones: u64,
    configs_refused: u64,
}

impl Registry {
    /// Lets go what was not seen for `nanos`; `None`: nothing, ever.
    pub fn forget_after(&mut self, nanos: Option<u64>) {
        let began = self.now;
        self.aging =
            nanos.map(|limit| Eviction { limit, looked: began, awake: began, turned: began, ..Eviction::default() });
    }

    /// How long a phone may be unseen, nanoseconds; `None`: for ever.
    pub fn age_limit(&self) -> Option<u64> {
        self.aging.map(|a| a.limit)
    }

    /// The time, by a frame. It never goes back.
    pub(super) fn note_time(&mut self, time: Timestamp) {
        if time <= self.now {
            return;
        }
        if let Some(aging) = &mut self.aging
            && time.nanos_since(self.now) >= ASLEEP_NANOS
        {
            aging.awake = time;
        }
        self.now = time;
    }

    /// The time, by the host's clock. Where a limit is set, this clock is live, and can be set back. (That it was, the
    /// next frame tells.)
    pub fn tell_time(&mut self, time: Timestamp) {
        if let Some(aging) = &mut self.aging
            && self.now.nanos_since(time) > STEP_NANOS
        {
            *aging = Eviction { looked: time, awake: time, turned: time, ..*aging };
            self.now = time;
            for last in self.phones.iter_mut().filter_map(|p| p.last.as_mut()) {
                last.time = last.time.min(time);
            }
            return;
        }
        self.note_time(time);
    }

    /// Once a minute: the time before which what was seen last is too old; `None`: not now.
    pub fn is_time_to_forget(&mut self) -> Option<Timestamp> {
        let now = self.now;
        let aging = self.aging.as_mut().filter(|a| now.nanos_since(a.looked) >= PASS_NANOS)?;
        aging.looked = now;
        let limit = now.plus_nanos(i64::try_from(aging.limit).unwrap_or(i64::MAX).saturating_neg());
        // Where it has not looked for long enough to miss anybody, nobody is too old.
        Some(if aging.awake < limit { limit } else { Timestamp(i64::MIN) })
    }

    /// Lets go what was not seen since `limit`.
    pub fn forget_before(&mut self, limit: Timestamp) {
        self.settle();
        self.forget_phones(limit);
        for phone in &mut self.phones {
            phone.forget_before(limit);
        }
        self.others.retain(|_, p| p.last.is_none_or(|l| l.time >= limit));
        self.shared.forget(limit);
        self.vlans.forget(limit);
        self.leases_v6.forget(limit);
        self.turn_counters();
    }

    fn forget_phones(&mut self, limit: Timestamp) {
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
            return;
        }
        let place = |index: usize| moved.get(index).copied().flatten();
        let stays = |mac: &Mac| self.by_mac.get(mac).is_none_or(|i| place(*i).is_some());
        self.neighbours.retain(|_, mac| stays(mac));
        self.senders.retain(stays);
        self.by_mac.retain(|_, index| place(*index).map(|new| *index = new).is_some());
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
        self.forgotten_phones += u64::try_from(left).unwrap_or(u64::MAX);
    }

    /// Makes phones of clients that are certainly one and whose MAC ARP tells, without waiting for the end: they may
    /// never say their name again. The same MAC that a name would lead to later.
    fn settle(&mut self) {
        let waiting: Vec<ClientKey> = self.others.iter().filter(|(_, p)| p.is_phone).map(|(k, _)| *k).collect();
        for key in waiting {
            let mac = match key {
                ClientKey::Mac(mac) => Some(mac),
                ClientKey::Ip(ip) => self.neighbours.peek(&ip).copied().filter(|m| !self.is_router(*m)),
            };
            if let Some(mac) = mac
                && let Some(index) = self.phone(mac, key)
                && let ClientKey::Ip(ip) = key
            {
                self.bind(ip, index);
            }
        }
    }

    /// Every limit the counters let go what they counted before the limit before.
    fn turn_counters(&mut self) {
        let Some(aging) = self.aging.as_mut().filter(|a| self.now.nanos_since(a.turned) >= a.limit) else { return };
        let before = aging.before;
        self.traffic = self.traffic.since(&before.traffic);
        self.clock_steps.0 = self.clock_steps.0.saturating_sub(before.clock_steps);
        self.refused_phones = self.refused_phones.saturating_sub(before.refused_phones);
        self.configs_refused = self.configs_refused.saturating_sub(before.configs_refused);
        aging.turned = self.now;
        aging.before = Counters {
            traffic: self.traffic,
            clock_steps: self.clock_steps.0,
            refused_phones: self.refused_phones,
            configs_refused: self.configs_refused,
        };
    }
}

impl Traffic {
    fn since(&self, before: &Traffic) -> Traffic {
        let pair = |a: (u64, u64), b: (u64, u64)| (a.0.saturating_sub(b.0), a.1.saturating_sub(b.1));
        Traffic {
            dhcp: pair(self.dhcp, before.dhcp),
            files: pair(self.files, before.files),
            registration: pair(self.registration, before.registration),
            announcements: pair(self.announcements, before.announcements),
            encrypted: self.encrypted.saturating_sub(before.encrypted),
        }
    }
}

impl Phone {
    /// Lets go what is older than `limit` and does not belong to what counts now: the current boot, and the latest one
    /// that got as far as files and as a registration.
    fn forget_before(&mut self, limit: Timestamp) {
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
        self.boots.retain(|b| counts(*b));
        retain_with_last(&mut self.names, |(_, seen_at)| counts(*seen_at));
        forget_loads(&mut self.loads, limit);
        self.rival = self.rival.filter(|r| counts(r.claimed) || r.last >= limit || r.confirmed.is_some_and(counts));
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
fn forget_loads(loads: &mut Vec<LoadSeen>, limit: Timestamp) {
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
