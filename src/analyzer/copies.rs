//! Copies that mirrors and routers make of a message, told apart from what was sent again.

use std::time::Duration;

use foldhash::fast::FixedState;
use hashlink::LruCache;

use super::translations::Translations;

use crate::event::Event;
use crate::types::{FrameRef, Timestamp};

/// Copies of one packet that a mirror or router makes follow each other within this.
const COPY_WINDOW: Duration = Duration::from_millis(250);
/// The same between two inputs, whose clocks may differ.
const COPY_WINDOW_ACROSS: Duration = Duration::from_secs(2);
/// Messages remembered to recognise copies.
const COPIES: usize = 32_768;

/// Tells the copies that mirrors and routers make of a message from what was sent again.
pub(super) struct CopyFilter {
    seen: LruCache<u64, (Timestamp, FrameRef), FixedState>,
    /// Copies with another address.
    translations: Translations,
    per_input: Vec<u64>,
    last: FrameRef,
}

impl CopyFilter {
    pub(super) fn new() -> CopyFilter {
        CopyFilter {
            seen: LruCache::with_hasher(COPIES, FixedState::default()),
            translations: Translations::new(),
            per_input: Vec::new(),
            last: FrameRef::default(),
        }
    }

    /// Whether this message was seen already; counts the frame, once.
    pub(super) fn is_copy(&mut self, event: &Event) -> bool {
        if event.digest == 0 {
            return false;
        }
        if let Some((time, first)) = self.seen.get(&event.digest).copied() {
            let apart = event.time.apart(time);
            let window = if first.input == event.at.input { COPY_WINDOW } else { COPY_WINDOW_ACROSS };
            // Two messages of one frame are two messages.
            if apart <= window && first != event.at {
                self.count_copy(event.at);
                return true;
            }
        }
        self.seen.insert(event.digest, (event.time, event.at));
        if self.translations.is_far_side(event) {
            self.count_copy(event.at);
            return true;
        }
        false
    }

    fn count_copy(&mut self, at: FrameRef) {
        if self.last == at {
            return;
        }
        self.last = at;
        let input = at.input as usize;
        if input >= self.per_input.len() {
            self.per_input.resize(input + 1, 0);
        }
        if let Some(count) = self.per_input.get_mut(input) {
            *count += 1;
        }
    }

    /// Messages whose copies may still come.
    pub(super) fn recent(&self, now: Timestamp) -> Vec<(u64, Timestamp, FrameRef)> {
        let all = self.seen.iter().map(|(digest, (time, first))| (*digest, *time, *first));
        all.filter(|(_, time, _)| now.since(*time) <= COPY_WINDOW_ACROSS).collect()
    }

    /// Restores what [`CopyFilter::recent`] gave.
    pub(super) fn restore(&mut self, recent: Vec<(u64, Timestamp, FrameRef)>) {
        for (digest, time, first) in recent {
            self.seen.insert(digest, (time, first));
        }
    }

    pub(super) fn count(&self, input: u32) -> u64 {
        self.per_input.get(input as usize).copied().unwrap_or(0)
    }
}
