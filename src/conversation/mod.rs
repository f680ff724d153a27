//! Messages joined: one lease ([`dhcp`], [`dhcpv6`]), one file ([`mod@file`]), one registration ([`registration`]).
//!
//! A conversation is the phone's side of it: what it asked, how often, what came back, in which frames. It holds no
//! opinion. Copies that mirrors and routers make never get here (`analyzer`); relayed copies of a DHCP message are
//! merged here.

pub mod dhcp;
pub mod dhcpv6;
pub mod file;
pub mod registration;

use std::time::Duration;

use crate::types::{FrameRef, Timestamp};

/// When and in which frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(from = "(i64, u32, u64)", into = "(i64, u32, u64)")]
pub struct SeenAt {
    /// When.
    pub time: Timestamp,
    /// Which frame.
    pub at: FrameRef,
}

impl From<(i64, u32, u64)> for SeenAt {
    fn from((time, input, frame): (i64, u32, u64)) -> SeenAt {
        SeenAt { time: Timestamp(time), at: FrameRef { input, frame } }
    }
}

impl From<SeenAt> for (i64, u32, u64) {
    fn from(seen_at: SeenAt) -> (i64, u32, u64) {
        (seen_at.time.0, seen_at.at.input, seen_at.at.frame)
    }
}

impl SeenAt {
    /// Whether this came after `other`: in the same input the frames tell, whatever became of its clock.
    pub fn is_after(self, other: SeenAt) -> bool {
        self > other && (self.at.input != other.at.input || self.at.frame > other.at.frame)
    }
}

/// First retransmission of an ARP question.
pub const ARP_INTERVAL: Duration = Duration::from_secs(1);
/// First retransmission of a DHCP message (RFC 2131 section 4.1: 4 s, give or take 1).
pub const DHCP_INTERVAL: Duration = Duration::from_secs(5);
/// Retransmission of a TFTP packet where the phone does not say: the usual five seconds.
pub const TFTP_INTERVAL: Duration = Duration::from_secs(5);

/// A request and its repetitions.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
#[serde(from = "(u32, SeenAt, SeenAt, u64)", into = "(u32, SeenAt, SeenAt, u64)")]
pub struct RetryCount {
    /// How often it was sent.
    pub count: u32,
    /// The first.
    pub first: SeenAt,
    /// The latest.
    pub last: SeenAt,
    /// The shortest time between two of them; [`Duration::MAX`] while there is one.
    pub gap: Duration,
}

impl From<(u32, SeenAt, SeenAt, u64)> for RetryCount {
    fn from((count, first, last, gap): (u32, SeenAt, SeenAt, u64)) -> RetryCount {
        let gap = if gap == u64::MAX { Duration::MAX } else { Duration::from_nanos(gap) };
        RetryCount { count, first, last, gap }
    }
}

impl From<RetryCount> for (u32, SeenAt, SeenAt, u64) {
    fn from(tries: RetryCount) -> (u32, SeenAt, SeenAt, u64) {
        (tries.count, tries.first, tries.last, u64::try_from(tries.gap.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl RetryCount {
    /// The first try.
    pub fn new(seen_at: SeenAt) -> RetryCount {
        RetryCount { count: 1, first: seen_at, last: seen_at, gap: Duration::MAX }
    }

    /// One more.
    pub fn again(&mut self, seen_at: SeenAt) {
        self.count = self.count.saturating_add(1);
        self.gap = self.gap.min(seen_at.time.apart(self.last.time));
        self.last = self.last.max(seen_at);
    }

    /// Several questions as one, in the order of time; `None`: there are none.
    pub fn of_all(all: impl Iterator<Item = RetryCount>) -> Option<RetryCount> {
        all.reduce(|a, b| RetryCount {
            count: a.count.saturating_add(b.count),
            first: a.first.min(b.first),
            last: a.last.max(b.last),
            gap: a.gap.min(b.gap).min(b.first.time.apart(a.last.time)),
        })
    }

    /// Whether nobody answers, by the contract's rule: sent three times, or the first retransmission interval (the
    /// protocol's `interval`, or what this phone itself was seen to wait) has passed before `now`.
    pub fn unanswered(&self, now: Timestamp, interval: Duration) -> bool {
        self.count >= 3 || now.since(self.last.time) >= interval.min(self.gap)
    }
}

/// Appends to a list that must not grow for ever: of more than `limit` the oldest goes, and is counted.
pub(crate) fn push_bounded<T>(list: &mut Vec<T>, item: T, limit: usize, forgotten: &mut u32) {
    if list.len() >= limit {
        list.remove(0);
        *forgotten = forgotten.saturating_add(1);
    }
    push_sparing(list, item);
}

/// Appends to a list of which there is one for every phone. Nearly all of them stay at one entry, and room for the
/// usual four would be most of the memory of a report on ten thousand phones.
pub(crate) fn push_sparing<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len().max(1));
    }
    list.push(item);
}

/// Joins two such lists in the order of `when`; of more than `limit` the oldest go, and are counted.
pub(crate) fn merge_bounded<T, K: Ord>(
    list: &mut Vec<T>,
    more: Vec<T>,
    limit: usize,
    forgotten: &mut u32,
    when: impl FnMut(&T) -> K,
) {
    if more.is_empty() {
        return;
    }
    list.extend(more);
    list.sort_by_key(when);
    let surplus = list.len().saturating_sub(limit);
    list.drain(..surplus);
    *forgotten = forgotten.saturating_add(u32::try_from(surplus).unwrap_or(u32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_one_takes_the_room_of_one() {
        let mut list = Vec::new();
        let mut forgotten = 0;
        let mut rooms = Vec::new();
        for n in 0..9_u64 {
            push_bounded(&mut list, n, 6, &mut forgotten);
            rooms.push(list.capacity());
        }
        assert_eq!(rooms, [1, 2, 4, 4, 8, 8, 8, 8, 8]);
        assert_eq!((list, forgotten), (vec![3, 4, 5, 6, 7, 8], 3));
    }

    #[test]
    fn of_two_lists_the_latest_stay_in_order() {
        let mut list = vec![2, 5, 9];
        let mut forgotten = 1;
        merge_bounded(&mut list, vec![1, 4, 7], 4, &mut forgotten, |n| *n);
        assert_eq!((list, forgotten), (vec![4, 5, 7, 9], 3));
    }
}
