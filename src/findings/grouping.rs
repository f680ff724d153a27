//! One cause on two hundred phones is one finding with two hundred phones.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use foldhash::fast::FixedState;

use super::{Draft, FindingText, causes, rule};
use crate::diagnosis::code::{Code, Order};
use crate::diagnosis::{Confidence, Evidence, Fact, Facts, Finding, Fix, Severity};
use crate::types::PhoneId;

/// Evidence kept per finding; the phones that it is of are all listed.
const MAX_EVIDENCE: usize = 60;
/// Evidence taken of one phone.
const MAX_EVIDENCE_PER_PHONE: usize = 8;

/// Findings told apart by their servers. A network that forges a server for each phone gets one finding of each code
/// for all the rest.
const MAX_GROUPS: usize = 2_048;

#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    code: Code,
    severity: Severity,
    confidence: Confidence,
    servers: Vec<IpAddr>,
    apart: String,
    cause: Option<usize>,
}

struct Group {
    code: Code,
    key: Key,
    says: FindingText,
    evidence: Vec<Evidence>,
    phones: Vec<(PhoneId, Facts)>,
}

/// Collects drafts phone by phone, and makes findings of them.
#[derive(Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    by_key: HashMap<Key, usize, FixedState>,
    /// Drafts that went to a finding for all the rest.
    joined: u64,
}

impl Groups {
    /// Takes in what the rules say of one phone; gives the groups that it fell into, and the one of its verdict.
    pub(super) fn add(&mut self, phone: PhoneId, drafts: Vec<Draft>) -> (Vec<usize>, Option<usize>) {
        let causes = causes::causes(&drafts);
        // A cause stands before what it explains, so its group is known when it is needed.
        let mut order: Vec<usize> = (0..drafts.len()).collect();
        order.sort_by_key(|i| drafts.get(*i).map_or((usize::MAX, None), place_in_boot));
        let mut group_of: Vec<Option<usize>> = vec![None; drafts.len()];
        let mut verdict: Option<usize> = None;
        let mut drafts: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
        for index in order {
            let Some(draft) = drafts.get_mut(index).and_then(Option::take) else { continue };
            let cause = causes.get(index).copied().flatten().and_then(|c| group_of.get(c).copied().flatten());
            let is_root = draft.severity == Severity::Error && cause.is_none();
            let group = self.put(phone, draft, cause);
            if let Some(slot) = group_of.get_mut(index) {
                *slot = Some(group);
            }
            if is_root && verdict.is_none() {
                verdict = Some(group);
            }
        }
        (group_of.into_iter().flatten().collect(), verdict)
    }

    /// Which limit was reached, in words.
    pub(super) fn limit_reached(&self) -> Option<String> {
        (self.joined > 0).then(|| {
            format!(
                "more than {MAX_GROUPS} different findings: {} others are told together, by their codes",
                self.joined
            )
        })
    }

    fn put(&mut self, phone: PhoneId, mut draft: Draft, cause: Option<usize>) -> usize {
        let mut key = Key {
            code: draft.code,
            severity: draft.severity,
            confidence: draft.confidence,
            servers: draft.servers,
            apart: draft.apart,
            cause,
        };
        if self.groups.len() >= MAX_GROUPS && !self.by_key.contains_key(&key) {
            key.servers = Vec::new();
            key.apart = String::new();
            draft.says.title = rule(draft.code).map_or("", |r| r.summary).to_owned();
            self.joined += 1;
        }
        let index = match self.by_key.get(&key) {
            Some(index) => *index,
            None => {
                self.by_key.insert(key.clone(), self.groups.len());
                self.groups.push(Group {
                    code: draft.code,
                    key,
                    says: draft.says.clone(),
                    evidence: Vec::new(),
                    phones: Vec::new(),
                });
                self.groups.len() - 1
            }
        };
        if let Some(group) = self.groups.get_mut(index) {
            let room = MAX_EVIDENCE.saturating_sub(group.evidence.len()).min(MAX_EVIDENCE_PER_PHONE);
            group.evidence.extend(draft.evidence.into_iter().take(room));
            merge_fixes(&mut group.says.fixes, draft.says.fixes);
            group.phones.push((phone, draft.facts));
        }
        index
    }

    /// The findings in their fixed order, and where each group went.
    pub(super) fn into_findings(self) -> (Vec<Finding>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by(|a, b| match (self.groups.get(*a), self.groups.get(*b)) {
            (Some(a), Some(b)) => a.rank().cmp(&b.rank()),
            _ => a.cmp(b),
        });
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            if let Some(slot) = place.get_mut(*old) {
                *slot = new;
            }
        }
        let mut groups: Vec<Option<Group>> = self.groups.into_iter().map(Some).collect();
        let findings =
            order.iter().filter_map(|old| groups.get_mut(*old).and_then(Option::take)).map(|g| g.finding(&place));
        (findings.collect(), place)
    }
}

impl Group {
    /// Errors first, root causes before consequences, then along the boot, then by confidence, servers and phones.
    fn rank(&self) -> impl Ord + '_ {
        (
            std::cmp::Reverse(self.key.severity),
            self.key.cause.is_some(),
            self.code.stage(),
            std::cmp::Reverse(self.key.confidence),
            &self.key.servers,
            &self.key.apart,
            self.phones.iter().map(|(m, _)| *m).min(),
        )
    }

    fn finding(self, place: &[usize]) -> Finding {
        let (facts, phone_facts) = split_facts(&self.phones);
        let mut phones: Vec<PhoneId> = self.phones.iter().map(|(phone, _)| *phone).collect();
        phones.sort_unstable();
        phones.dedup();
        let mut summary = self.says.summary;
        if phones.len() > 1 {
            summary = format!("{} phones, such as this one: {summary}", phones.len());
        }
        Finding {
            code: self.code,
            severity: self.key.severity,
            confidence: self.key.confidence,
            phones,
            servers: self.key.servers,
            title: self.says.title,
            summary,
            facts,
            phone_facts,
            caused_by: self.key.cause.and_then(|c| place.get(c).copied()),
            evidence: self.evidence,
            fixes: self.says.fixes,
        }
    }
}

/// Where a draft stands in the boot of its phone. What CallManagers do is one stage: of two CallManagers the one that the
/// phone tries first comes first, however each of them fails it.
fn place_in_boot(draft: &Draft) -> (usize, Option<crate::types::Timestamp>) {
    match draft.code.order() {
        Order::Contact => {
            let stage = Code::ALL.iter().find(|c| c.order() == Order::Contact).map_or(usize::MAX, |c| c.stage());
            (stage, draft.evidence.iter().map(|e| e.time).min())
        }
        Order::Boot => (draft.code.stage(), None),
    }
}

/// What all phones share, and the rest by phone. A fact of one phone alone is shared.
fn split_facts(phones: &[(PhoneId, Facts)]) -> (Facts, BTreeMap<PhoneId, Facts>) {
    let Some((_, first)) = phones.first() else { return (Facts::new(), BTreeMap::new()) };
    let value = |facts: &Facts, name: &str| facts.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
    let mut shared = Facts::new();
    let mut own: Vec<&'static str> = Vec::new();
    for (name, fact) in first {
        if phones.iter().all(|(_, facts)| value(facts, name).as_ref() == Some(fact)) {
            shared.push((name, fact.clone()));
        } else {
            own.push(name);
        }
    }
    let mut by_phone = BTreeMap::new();
    if !own.is_empty() {
        for (mac, facts) in phones {
            let rest = own.iter().map(|name| (*name, value(facts, name).unwrap_or(Fact::Null))).collect();
            by_phone.insert(*mac, rest);
        }
    }
    (shared, by_phone)
}

/// Fixes of a later phone that the group does not have yet (another scope, another model's load).
fn merge_fixes(fixes: &mut Vec<Fix>, more: Vec<Fix>) {
    const MAX_FIXES: usize = 40;
    for fix in more {
        let known = fixes.iter().any(|f| f.title == fix.title && f.platform == fix.platform && f.config == fix.config);
        if !known && fixes.len() < MAX_FIXES {
            fixes.push(fix);
        }
    }
}
