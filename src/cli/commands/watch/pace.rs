//! When to judge: soon after a frame, seldom where nothing comes, and never for more than its share of the time.

use std::time::{Duration, Instant};

/// After a frame came: the kernel hands frames over ten times a second, and faster nobody reads.
const SOONEST: Duration = Duration::from_millis(100);
/// As long as judging is cheap enough, a verdict waits no longer than this for its turn.
const LATEST: Duration = Duration::from_millis(500);
/// Judging takes a fifth of the processor's time; where that makes verdicts late, up to three tenths.
const SPARING: (u32, u32) = (4, 1);
const BUSY: (u32, u32) = (7, 3);
/// Where nothing comes: silence is a finding once its time is over, and that is not to be told late either.
const QUIET: Duration = Duration::from_millis(500);
/// The same where judging costs more than a tenth of that: the promise is a second.
const QUIET_WHERE_DEAR: Duration = Duration::from_millis(800);
/// After so long without a frame every silence has been told.
const ASLEEP: Duration = Duration::from_secs(300);
/// How often is looked nevertheless.
const SELDOM: Duration = Duration::from_secs(10);

/// Decides when to judge.
#[derive(Debug)]
pub(in crate::cli) struct Pace {
    judged: Instant,
    cost: Duration,
    /// Frames came since.
    dirty: bool,
    /// When the latest of them came.
    heard: Instant,
}

impl Pace {
    pub(in crate::cli) fn new(now: Instant) -> Pace {
        Pace { judged: now, cost: Duration::ZERO, dirty: true, heard: now }
    }

    /// Frames came.
    pub(in crate::cli) fn heard(&mut self, now: Instant) {
        self.dirty = true;
        self.heard = now;
    }

    /// How long until it is time to judge.
    pub(in crate::cli) fn wait(&self, now: Instant) -> Duration {
        let (rest, work) = SPARING;
        let (least, share) = BUSY;
        let pause = if self.dirty {
            (self.cost * rest / work).clamp(SOONEST, LATEST).max(self.cost * least / share)
        } else if now.saturating_duration_since(self.heard) < ASLEEP {
            (self.cost * 9).clamp(QUIET, QUIET_WHERE_DEAR).max(self.cost * least / share)
        } else {
            SELDOM
        };
        (self.judged + pause).saturating_duration_since(now)
    }

    /// It was judged until `now`, for so much of the processor's time. What others take of it meanwhile is no reason
    /// to judge later.
    pub(in crate::cli) fn judged(&mut self, cost: Duration, now: Instant) {
        self.judged = now;
        self.cost = cost;
        self.dirty = false;
    }
}

/// The processor's time that this thread took so far.
pub(in crate::cli) fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn after(cost: u32, heard: bool) -> Duration {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let done = start + MS * cost;
        pace.judged(MS * cost, done);
        if heard {
            pace.heard(done);
        }
        pace.wait(done)
    }

    #[test]
    fn frames_are_judged_soon_within_the_time_budget() {
        assert_eq!([0, 1, 20, 46, 100].map(|cost| after(cost, true).as_millis()), [100, 100, 100, 184, 400]);
        for cost in [1, 40, 100, 250, 900, 5_000] {
            let pause = after(cost, true).as_millis();
            assert!(u128::from(cost) * 10 <= (u128::from(cost) + pause) * 3 + 10, "{cost} of {pause} ms");
        }
    }

    #[test]
    fn judging_budget_is_20_percent_within_a_second() {
        for cost in [1, 50, 150, 200] {
            // What came just after the last judgement began waits longest; the kernel keeps it up to 100 ms before.
            assert!(after(cost, true) + MS * cost + 100 * MS <= Duration::from_secs(1), "{cost}");
        }
    }

    #[test]
    fn silence_is_told_within_a_second_and_later_looked_at_seldom() {
        for cost in [1, 50, 150, 200] {
            assert!(after(cost, false) + MS * cost <= Duration::from_secs(1), "{cost}");
        }
        assert_eq!(after(900, false), MS * 2100, "no more than its share of the time");
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let later = start + 2 * ASLEEP;
        pace.judged(Duration::ZERO, later);
        assert_eq!(pace.wait(later), SELDOM);
    }
}
