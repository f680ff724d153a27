//! A time in which nobody looked: the program was stopped, the host slept, the port was gone.
//!
//! What was asked shortly before it may have been answered in it. Such questions are dropped, so that nothing
//! is concluded from their silence; what was decided before stays decided.

use std::time::Duration;

use super::record::Phone;
use super::registry::Registry;
use crate::conversation::{RetryCount, SeenAt};
use crate::types::Timestamp;

/// A question this old had its time. The longest wait of the protocols is that for a DHCP answer.
const OPEN: Duration = Duration::from_secs(30);

impl Registry {
    /// File transfers under way.
    pub fn transfers_under_way(&self) -> usize {
        let others = self.directory.others.iter().map(|(_, p)| p);
        let open = |p: &Phone| p.files.iter().filter(|f| f.is_open() && self.now.since(f.last.time) < OPEN).count();
        self.directory.phones.iter().chain(others).map(open).sum()
    }

    /// Nobody looked from `from` on. Returns how many conversations were open.
    pub fn record_gap(&mut self, from: Timestamp) -> usize {
        let others = self.directory.others.iter_mut().map(|(_, p)| p);
        self.directory.phones.iter_mut().chain(others).map(|p| p.record_gap(from)).sum()
    }
}

impl Phone {
    fn record_gap(&mut self, from: Timestamp) -> usize {
        let recent = |seen_at: SeenAt| from.since(seen_at.time) < OPEN;
        let open = |tries: &RetryCount| tries.count < 3 && recent(tries.last);
        let before = self.entries();
        let mut doubtful = 0;

        self.dhcp.list.retain(|e| {
            let answered = e.ack.is_some() || e.nak.is_some();
            let asked = [e.discover, e.request].into_iter().flatten().any(|t| open(&t));
            answered || !asked
        });
        self.files.retain(|f| match f.answered {
            None => f.unreachable.is_some() || !open(&f.request),
            Some(_) => !f.is_open() || !recent(f.last),
        });
        self.attempts.retain(|a| {
            let only_asked = a.is_only_syns() && a.syn.is_some_and(|t| open(&t));
            !only_asked
        });
        for attempt in &mut self.attempts {
            let undecided = attempt.registered.is_none() && attempt.rejected.is_none() && attempt.end.is_none();
            if undecided && attempt.connected.is_some() && recent(attempt.last) {
                attempt.gap = true;
                doubtful += 1;
            }
            if attempt.keepalive.is_some_and(recent) {
                attempt.keepalives_open = 0;
            }
        }
        self.arp.retain(|a| a.answered.is_some_and(|at| at >= a.tries.last) || !open(&a.tries));
        self.dns.retain(|d| d.answer.is_some() || !open(&d.tries));
        before - self.entries() + doubtful
    }

    fn entries(&self) -> usize {
        self.dhcp.list.len() + self.files.len() + self.attempts.len() + self.arp.len() + self.dns.len()
    }
}
