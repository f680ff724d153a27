//! Messages joined: one lease ([`dhcp`]), one file ([`mod@file`]), one registration ([`registration`]).
//!
//! A conversation is the phone's side of it: what it asked, how often, what came back, in which frames. It holds no
//! opinion. Copies that mirrors and routers make never get here (`analyzer`); relayed copies of a DHCP message are
//! merged here.

pub mod dhcp;
pub mod file;
pub mod registration;

use crate::capture::Timestamp;
use crate::event::FrameRef;

/// When and in which frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Stamp {
    /// When.
    pub time: Timestamp,
    /// Which frame.
    pub at: FrameRef,
}

/// A request and its repetitions.
#[derive(Clone, Copy, Debug)]
pub struct Tries {
    /// How often it was sent.
    pub count: u32,
    /// The first.
    pub first: Stamp,
    /// The latest.
    pub last: Stamp,
    /// The shortest time between two of them, in nanoseconds.
    pub gap: u64,
}

impl Tries {
    /// The first try.
    pub fn new(stamp: Stamp) -> Tries {
        Tries { count: 1, first: stamp, last: stamp, gap: u64::MAX }
    }

    /// One more.
    pub fn again(&mut self, stamp: Stamp) {
        self.count += 1;
        self.gap = self.gap.min(stamp.time.nanos_apart(self.last.time));
        self.last = self.last.max(stamp);
    }

    /// Whether nobody answers, by the contract's rule: sent three times, or the first retransmission interval (the
    /// protocol's `interval`, or what this phone itself was seen to wait) has passed before `now`.
    pub fn unanswered(&self, now: Timestamp, interval: u64) -> bool {
        self.count >= 3 || now.nanos_since(self.last.time) >= interval.min(self.gap)
    }
}

/// Appends to a list that must not grow for ever: of more than `limit` the oldest goes, and is counted.
pub(crate) fn push_bounded<T>(list: &mut Vec<T>, item: T, limit: usize, forgotten: &mut u32) {
    if list.len() >= limit {
        list.remove(0);
        *forgotten += 1;
    }
    list.push(item);
}
