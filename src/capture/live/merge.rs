//! Frames of several ports in the order of their times.
//!
//! The kernel hands frames out in blocks, port by port, so those of a question and of its answer on another port may
//! come the wrong way round. They wait here until every port had its turn.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::types::{LinkType, Timestamp};

/// Longer than the kernel keeps a block that is not full.
const WAIT: Duration = Duration::from_millis(150);
/// Bytes that wait at most; with more the earliest go at once.
const MAX_OCTETS: usize = 64 << 20;

/// What is known of a frame beside its bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Head {
    pub(super) time: Timestamp,
    pub(super) link_type: LinkType,
    pub(super) orig_len: u32,
}

/// A frame that waits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Waiting {
    time: Timestamp,
    /// In the order of arrival, where times are the same.
    arrival: u64,
    /// Which port, by its place.
    pub(super) port: usize,
    pub(super) head: Head,
    pub(super) data: Box<[u8]>,
}

/// Frames that wait for earlier ones.
#[derive(Debug, Default)]
pub(super) struct Merge {
    waiting: BinaryHeap<Reverse<Waiting>>,
    arrivals: u64,
    octets: usize,
}

impl Merge {
    pub(super) fn push(&mut self, port: usize, head: Head, data: &[u8]) {
        self.arrivals += 1;
        self.octets += data.len();
        let data = data.into();
        self.waiting.push(Reverse(Waiting { time: head.time, arrival: self.arrivals, port, head, data }));
    }

    /// The earliest frame, if it has waited long enough.
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Waiting> {
        let Reverse(first) = self.waiting.peek()?;
        // A clock that was set back must not hold frames for hours.
        if now.apart(first.time) < WAIT && self.octets <= MAX_OCTETS {
            return None;
        }
        self.pop_any()
    }

    /// The earliest frame.
    pub(super) fn pop_any(&mut self) -> Option<Waiting> {
        let Reverse(first) = self.waiting.pop()?;
        self.octets -= first.data.len();
        Some(first)
    }

    /// How long until the earliest frame has waited long enough; `None`: nothing waits.
    pub(super) fn due_in(&self, now: Timestamp) -> Option<Duration> {
        let Reverse(first) = self.waiting.peek()?;
        Some(WAIT.saturating_sub(now.apart(first.time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LinkType;

    const MILLI: i64 = 1_000_000;

    fn push(merge: &mut Merge, port: usize, millis: i64, data: &[u8]) {
        let head = Head { time: Timestamp(millis * MILLI), link_type: LinkType::ETHERNET, orig_len: 1 };
        merge.push(port, head, data);
    }

    #[test]
    fn frames_come_out_by_time_once_they_have_waited() {
        let mut merge = Merge::default();
        for (port, millis) in [(0, 1_000), (0, 1_090), (1, 1_010), (1, 1_090)] {
            push(&mut merge, port, millis, &[0]);
        }
        let now = Timestamp(1_170 * MILLI);
        let mut out = Vec::new();
        while let Some(frame) = merge.pop(now) {
            out.push((frame.port, frame.head.time.0 / MILLI));
        }
        assert_eq!(out, [(0, 1_000), (1, 1_010)]);
        assert_eq!(merge.due_in(now), Some(Duration::from_millis(70)));
        let rest: Vec<usize> = std::iter::from_fn(|| merge.pop_any()).map(|frame| frame.port).collect();
        assert_eq!(rest, [0, 1], "of one time in the order that they came in");
        assert_eq!((merge.due_in(now), merge.octets), (None, 0));
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        let mut merge = Merge::default();
        push(&mut merge, 0, 100_000, &[0]);
        assert!(merge.pop(Timestamp(1_000 * MILLI)).is_some());
    }

    #[test]
    fn there_is_an_end_to_what_waits() {
        let mut merge = Merge::default();
        for _ in 0..70 {
            push(&mut merge, 0, 0, &vec![0; 1 << 20]);
        }
        let released = std::iter::from_fn(|| merge.pop(Timestamp(0))).count();
        assert_eq!(released, 6);
    }
}
