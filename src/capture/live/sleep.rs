//! Whether this host slept: nothing was captured then.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Less is the difference of two readings.
const LEAST: Duration = Duration::from_secs(1);

/// Notices sleep: one clock goes on in it, the other does not.
#[derive(Debug)]
pub(super) struct Sleep {
    slept: Duration,
}

impl Sleep {
    pub(super) fn new() -> Sleep {
        Sleep { slept: slept() }
    }

    /// How long this host slept since the last time that this was asked; `None`: not.
    pub(super) fn take(&mut self) -> Option<Duration> {
        self.since(slept())
    }

    fn since(&mut self, slept: Duration) -> Option<Duration> {
        let new = slept.saturating_sub(self.slept);
        if new < LEAST {
            return None;
        }
        self.slept = slept;
        Some(new)
    }
}

/// How long this host slept since it was started.
fn slept() -> Duration {
    // Elsewhere than on Linux the wall clock has to do, so a clock that is set forward counts as well.
    #[cfg(target_os = "linux")]
    let with_sleep = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let with_sleep = ClockId::Realtime;
    duration(clock_gettime(with_sleep)).saturating_sub(duration(clock_gettime(ClockId::Monotonic)))
}

fn duration(time: Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_is_told_once_and_small_differences_are_none() {
        let mut sleep = Sleep { slept: Duration::from_secs(100) };
        assert_eq!(sleep.since(Duration::from_millis(100_900)), None);
        assert_eq!(sleep.since(Duration::from_secs(160)), Some(Duration::from_secs(60)));
        assert_eq!(sleep.since(Duration::from_secs(160)), None);
        assert_eq!(Sleep::new().take(), None);
    }
}
