//! What many phones have in common, kept once: lease terms, configurations, the spelling of loads, names with their
//! addresses.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashlink::LruCache;

use super::limits;
use crate::conversation::dhcp::LeaseTerms;
use crate::types::{Timestamp, WireText};
use crate::wire::ConfigBody;
use crate::wire::phone_config::PhoneConfig;

/// What is full is looked through for what no phone needs any more, but not more often than this.
const SEARCH_INTERVAL: Duration = Duration::from_secs(60);

/// A load name as this capture spells it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Spelling {
    pub(super) name: WireText,
    /// When it was seen last.
    last: Timestamp,
}

/// What phones share.
pub(super) struct Shared {
    terms: HashSet<Arc<LeaseTerms>, RandomState>,
    configs: HashSet<Arc<PhoneConfig>, RandomState>,
    config_bytes: usize,
    bodies: HashSet<ConfigBody, RandomState>,
    body_bytes: usize,
    /// Load names.
    pub(super) spellings: Vec<Spelling>,
    /// Names with their addresses, from DNS answers.
    pub(super) names: LruCache<WireText, Vec<IpAddr>, RandomState>,
    searched: Option<Timestamp>,
    /// Configurations that were not kept, since too many different ones were before.
    pub(super) configs_refused: u64,
    /// Configurations that were not kept whole, though that was asked for.
    pub(super) bodies_refused: u64,
}

impl Shared {
    pub(super) fn new() -> Shared {
        let state = RandomState::default;
        Shared {
            terms: HashSet::with_hasher(state()),
            configs: HashSet::with_hasher(state()),
            config_bytes: 0,
            bodies: HashSet::with_hasher(state()),
            body_bytes: 0,
            spellings: Vec::new(),
            names: LruCache::with_hasher(limits::NAMES, state()),
            searched: None,
            configs_refused: 0,
            bodies_refused: 0,
        }
    }

    /// The terms as they are kept: once for all phones of a scope.
    pub(super) fn intern_terms(&mut self, terms: LeaseTerms, now: Timestamp) -> Arc<LeaseTerms> {
        if let Some(known) = self.terms.get(&terms) {
            return known.clone();
        }
        if self.terms.len() >= limits::TERMS {
            self.search(now);
        }
        let terms = Arc::new(terms);
        if self.terms.len() < limits::TERMS {
            self.terms.insert(terms.clone());
        }
        terms
    }

    /// The configuration as it is kept: once for all phones that get the same. `None`: there are too many.
    pub(super) fn intern_config(&mut self, config: &PhoneConfig, now: Timestamp) -> Option<Arc<PhoneConfig>> {
        // The file's name and seen_at differ from phone to phone and are not asked for again.
        let plain = PhoneConfig { file: WireText::default(), version_stamp: None, body: None, ..config.clone() };
        if let Some(known) = self.configs.get(&plain) {
            return Some(known.clone());
        }
        let octets = plain.octets();
        if self.config_bytes + octets > limits::CONFIG_BYTES {
            self.search(now);
        }
        if self.config_bytes + octets > limits::CONFIG_BYTES {
            return None;
        }
        self.config_bytes += octets;
        let shared = Arc::new(plain);
        self.configs.insert(shared.clone());
        Some(shared)
    }

    /// The configuration as it was sent, where that is kept. `None`: there are too many.
    pub(super) fn intern_body(&mut self, body: &ConfigBody) -> Option<ConfigBody> {
        if let Some(known) = self.bodies.get(body) {
            return Some(known.clone());
        }
        let octets = body.octets().len();
        if self.body_bytes + octets > limits::CONFIG_BODY_BYTES {
            return None;
        }
        self.body_bytes += octets;
        self.bodies.insert(body.clone());
        Some(body.clone())
    }

    pub(super) fn record_spelling(&mut self, name: &str, now: Timestamp) {
        let Some(load) = crate::wire::load::is_load_file(name).or_else(|| Some(name.to_owned())) else { return };
        // A dotted version is what a spelling is looked up for, not a spelling; of files only loads are.
        if load.is_empty() || load.contains('(') || load.len() > 64 || crate::wire::load::family(&load).is_none() {
            return;
        }
        let room = self.spellings.len() < limits::SPELLINGS;
        match self.spellings.iter_mut().find(|known| known.name.raw() == load) {
            Some(known) => known.last = now.max(known.last),
            None if room => self.spellings.push(Spelling { name: WireText::from(load.as_str()), last: now }),
            None => {}
        }
    }

    /// Evicts what no phone needs any more, and spellings not seen since `limit`.
    pub(super) fn evict_before(&mut self, limit: Timestamp) {
        self.evict_unused();
        self.spellings.retain(|known| known.last >= limit);
    }

    /// Makes room, if that was not tried just now.
    fn search(&mut self, now: Timestamp) {
        if self.searched.is_none_or(|s| now.since(s) >= SEARCH_INTERVAL) {
            self.searched = Some(now);
            self.evict_unused();
        }
    }

    fn evict_unused(&mut self) {
        self.terms.retain(|t| Arc::strong_count(t) > 1);
        let octets = &mut self.config_bytes;
        self.configs.retain(|config| {
            let used = Arc::strong_count(config) > 1;
            if !used {
                *octets = octets.saturating_sub(config.octets());
            }
            used
        });
    }

    /// Terms and configurations kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> (usize, usize, usize) {
        (self.terms.len(), self.configs.len(), self.config_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(n: usize, size: usize) -> PhoneConfig {
        let server = WireText::from(format!("{n}{}", "x".repeat(size)).as_str());
        PhoneConfig { call_managers: vec![server], ..PhoneConfig::default() }
    }

    #[test]
    fn unused_configurations_make_room_for_new_ones() {
        let mut shared = Shared::new();
        let now = Timestamp(0);
        let held: Vec<_> = (0..).map_while(|n| shared.intern_config(&config(n, 100_000), now)).collect();
        assert!(held.len() > 100 && held.len() < 200, "{}", held.len());
        assert!(shared.intern_config(&config(999, 100_000), Timestamp(i64::MAX)).is_none(), "all are in use");
        drop(held);
        assert!(shared.intern_config(&config(999, 100_000), Timestamp(i64::MAX)).is_none(), "it looked just now");
        shared.evict_before(now);
        assert_eq!(shared.kept(), (0, 0, 0));
        assert!(shared.intern_config(&config(999, 100_000), now).is_some());
    }

    #[test]
    fn stale_spelling_is_evicted() {
        let mut shared = Shared::new();
        shared.record_spelling("P00303010102.bin", Timestamp(5));
        shared.record_spelling("P00303020214", Timestamp(5));
        shared.record_spelling("P00303020214", Timestamp(9));
        shared.evict_before(Timestamp(6));
        let left: Vec<&str> = shared.spellings.iter().map(|s| s.name.raw()).collect();
        assert_eq!(left, ["P00303020214"]);
    }
}
