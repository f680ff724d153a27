//! What of phones is counted as it happens (`measures.rs`).

use super::Phone;
use super::clients::Slot;
use super::registry::Registry;
use crate::conversation::SeenAt;

impl Registry {
    /// A CallManager has just taken the registration of a client.
    pub(super) fn note_registered(&mut self, slot: Slot, seen_at: SeenAt) {
        self.measures.registrations += 1;
        let Slot::Phone(index) = slot else { return };
        if let Some(way) = self.phones.get_mut(index).and_then(|phone| phone.way_up(seen_at)) {
            self.measures.way_up.add(way);
        }
    }
}

impl Phone {
    /// Nanoseconds from the first offer of this boot to its registration at `seen_at`; once a boot.
    fn way_up(&mut self, seen_at: SeenAt) -> Option<u64> {
        let boot = self.boots.last().copied().filter(|b| self.measured.is_none_or(|m| m < *b))?;
        let exchanges = self.dhcp.list.iter().filter(|e| e.began >= boot);
        let offer = exchanges.flat_map(|e| &e.offers).map(|o| o.seen_at).min().filter(|o| *o < seen_at)?;
        self.measured = Some(boot);
        Some(seen_at.time.nanos_since(offer.time))
    }
}
