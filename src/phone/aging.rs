//! The clock by which phones get old, and what the counters stood at.

use std::time::Duration;

use super::traffic::Traffic;
use crate::types::Timestamp;

/// The clock by which things get old.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Aging {
    /// How old.
    pub(super) limit: Duration,
    /// When it was looked last.
    pub(super) looked: Timestamp,
    /// Since when somebody has been looking without a break.
    pub(super) awake: Timestamp,
    /// When the counters of what the capture shows were last made to count anew.
    pub(super) turned: Timestamp,
    /// What they stood at then.
    pub(super) before: Counters,
}

/// Counters that say what the capture can show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) traffic: Traffic,
    pub(super) clock_steps: u64,
    pub(super) refused_phones: u64,
    pub(super) configs_refused: u64,
}

/// How often an input's clock went back by more than reordering explains.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct ClockSteps {
    /// How often.
    pub count: u64,
    /// By how much at most.
    pub largest: Duration,
}
