//! Another CallManager version in a cluster: which phones a downgrade would lose, and the loads to move first.
//!
//! What is known: a CallManager 3.0 does not take phones with a load of 3.1 (Cisco document 5278), and CallManager does
//! not downgrade loads. The loads of the 12SP+, 30VIP, 7910, 7940 and 7960 bear the release of their CallManager up to
//! 3.x; later ones have numbers of their own, of which only this is documented: loads 8.0 are for CallManager 3.3 and
//! later (boot reference 4.2).

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::{PhoneThen, WhatIf, WhatIfOutcome, cluster_of, phones_word};
use crate::diagnosis::{Detail, Diagnosis, PhoneReport, and_list};
use crate::remedy::load_route::{LoadRoute, way};
use crate::site::{Cluster, Site};
use crate::types::WireText;
use crate::wire::load::{LoadName, Part, hardware_of, same_load};

/// A cluster with another version.
struct Case<'a> {
    cluster: &'a Cluster,
    then: Cluster,
    site: &'a Site,
    evidence: &'a Evidence,
}

pub(super) fn what_if(
    d: &Diagnosis<'_>,
    site: &Site,
    evidence: &Evidence,
    text: &str,
    name: &str,
    version: &str,
) -> Result<WhatIf, String> {
    let names: Vec<&str> = site.clusters.iter().map(|c| c.name.as_str()).collect();
    let Some(cluster) = site.clusters.iter().find(|c| c.name == name) else {
        return Err(match names.is_empty() {
            true => format!("--what-if {text} needs a site file that names cluster {name}: give it with --site"),
            false => format!("--what-if {text}: the site file has no cluster {name}; it has {}", and_list(&names)),
        });
    };
    let then = Cluster { version: Some(version.to_owned()), ..cluster.clone() };
    if then.version_numbers().is_none() {
        return Err(format!("--what-if {text}: {version} is no version such as 3.0"));
    }
    let change = then.compare_version(cluster);
    let case = Case { cluster, then, site, evidence };
    let mut phones: Vec<PhoneThen> = d
        .phones(Detail::State)
        .filter(|p| cluster_of(site, p).is_some_and(|c| c.name == name))
        .filter_map(|p| case.after(&p))
        .collect();
    phones.sort_by_key(|p| (p.outcome, p.mac));
    let lost = phones.iter().filter(|p| p.outcome == WhatIfOutcome::Refused).count();
    let unknown = phones.iter().filter(|p| p.outcome == WhatIfOutcome::NotKnown).count();
    let all = d.phones(Detail::State).filter(|p| cluster_of(site, p).is_some_and(|c| c.name == name)).count();
    let mut summary = match all {
        0 => format!("No phone of cluster {name} is in the input: nothing can be said of it."),
        _ => format!("Of {} of cluster {name}, CallManager {version} would lose {lost}.", phones_word(all)),
    };
    if unknown > 0 {
        summary.push_str(&format!(" Of {unknown} it is not known."));
    }
    match change {
        Some(Ordering::Greater) => summary.push_str(" It is an upgrade: CallManager moves loads up by itself."),
        Some(Ordering::Equal) => summary.push_str(" It is the version that the site file states."),
        Some(Ordering::Less) => summary.push_str(" It is a downgrade: CallManager never moves loads down by itself."),
        None => summary.push_str(" Which version it has now, the site file does not state."),
    }
    let first = case.first(&phones);
    let unaffected = d.phone_count.saturating_sub(phones.len());
    Ok(WhatIf { change: text.to_owned(), summary, first, phones, unaffected })
}

impl Case<'_> {
    /// The phone after the change; `None`: it goes on as it is.
    fn after(&self, p: &PhoneReport) -> Option<PhoneThen> {
        let running = p.load.running.clone();
        let (outcome, because) = match &running {
            Some(load) => self.fate(p, load),
            None => (WhatIfOutcome::NotKnown, "which load it runs is not known".to_owned()),
        };
        if outcome == WhatIfOutcome::Taken {
            return None;
        }
        let load_first = self.load_for(p).filter(|l| running.as_ref().is_none_or(|r| !same_load(r.raw(), l.raw())));
        let because = match (&running, &load_first) {
            (Some(now), Some(to)) => match way(now.raw(), to.raw()) {
                LoadRoute::Straight => because,
                LoadRoute::Through(stone) => format!("{because}; it comes to {to} by way of {stone}"),
                LoadRoute::Shut(why) => format!("{because}. {why}"),
            },
            _ => because,
        };
        Some(PhoneThen {
            mac: p.mac,
            name: p.name.clone(),
            moves: None,
            load_now: running,
            load_then: None,
            named_by: None,
            call_managers: self.cluster.call_managers.clone(),
            outcome,
            because,
            load_first,
        })
    }

    /// Clusters of the site that have the version already.
    fn like(&self) -> impl Iterator<Item = &Cluster> {
        self.site
            .clusters
            .iter()
            .filter(|c| c.name != self.cluster.name && c.compare_version(&self.then) == Some(Ordering::Equal))
    }

    fn fate(&self, p: &PhoneReport, load: &WireText) -> (WhatIfOutcome, String) {
        let hardware = hardware_of(p.model.as_deref().unwrap_or_default());
        let version = self.then.version.as_deref().unwrap_or_default();
        for other in self.like() {
            if self.evidence.takes(&other.call_managers, load, hardware) {
                return (WhatIfOutcome::Taken, String::new());
            }
            if self.evidence.refuses(&other.call_managers, load) {
                let because =
                    format!("cluster {}, of that version, turned away phones with {load} in this capture", other.name);
                return (WhatIfOutcome::Refused, because);
            }
        }
        let numbers = self.then.version_numbers().unwrap_or_default();
        let manager = (numbers.first().copied().unwrap_or(0), numbers.get(1).copied().unwrap_or(0));
        let model = p.model.as_deref().unwrap_or_default();
        match release(load.raw(), model) {
            Some(release) if release.0 <= 3 && release <= manager => (WhatIfOutcome::Taken, String::new()),
            Some(release) if release.0 <= 3 => {
                let known = if (manager, release) == ((3, 0), (3, 1)) {
                    "and does not connect (Cisco document 5278)"
                } else {
                    "later than the CallManager: as loads of 3.1 do not connect to 3.0, it is taken not to"
                };
                let (major, minor) = release;
                (WhatIfOutcome::Refused, format!("{load} is of release {major}.{minor}, {known}"))
            }
            Some((8, 0)) if manager >= (3, 3) => (WhatIfOutcome::Taken, String::new()),
            _ => (WhatIfOutcome::NotKnown, format!("whether CallManager {version} takes {load} is not known")),
        }
    }

    /// The load that belongs to that version on this phone, as far as anything tells.
    fn load_for(&self, p: &PhoneReport) -> Option<WireText> {
        let model = p.model.as_deref()?;
        let fits = |load: &str| {
            let numbers = self.then.version_numbers().unwrap_or_default();
            let manager = (numbers.first().copied().unwrap_or(0), numbers.get(1).copied().unwrap_or(0));
            release(load, model).is_some_and(|r| r.0 <= 3 && r <= manager)
        };
        let of_like = self.like().find_map(|c| c.load_for(model)).map(WireText::from);
        let seen = || self.like().find_map(|c| self.evidence.load_at(&c.call_managers, hardware_of(model)));
        let of_own = || self.cluster.load_for(model).filter(|l| fits(l)).map(WireText::from);
        of_like.or_else(seen).or_else(of_own)
    }

    /// What to do before the change.
    fn first(&self, phones: &[PhoneThen]) -> Vec<String> {
        let mut steps = Vec::new();
        let mut loads: BTreeMap<String, usize> = BTreeMap::new();
        let mut unknown = 0usize;
        for phone in phones.iter().filter(|p| p.outcome == WhatIfOutcome::Refused) {
            match &phone.load_first {
                Some(load) => *loads.entry(load.to_string()).or_default() += 1,
                None => unknown += 1,
            }
        }
        let servers = match self.cluster.tftp.is_empty() {
            true => "the TFTP servers of the cluster".to_owned(),
            false => and_list(&self.cluster.tftp),
        };
        for (load, count) in &loads {
            steps.push(format!(
                "Put load {load} on {servers}, name it for {} (Device, Phone, or Device Defaults for the model), and reset them: \
                 they move to it while the CallManager is as it is.",
                phones_word(*count)
            ));
        }
        if unknown > 0 {
            steps.push(format!(
                "For {} the load that belongs to CallManager {} is not known: its Device Defaults name it. Move them to it first.",
                phones_word(unknown),
                self.then.version.as_deref().unwrap_or_default()
            ));
        }
        if !steps.is_empty() {
            steps.push("Downgrade the CallManager only once every phone registers with the older load.".to_owned());
        }
        steps
    }
}

/// Major and minor number of a load, where it is of a family whose numbers are known.
fn release(load: &str, model: &str) -> Option<(u32, u32)> {
    let name = LoadName::parse(load)?;
    let old_model = matches!(model.trim_end_matches('G'), "7910" | "7940" | "7960" | "12SP+" | "30VIP");
    let old_family = name.family.as_deref().is_some_and(|f| matches!(f, "P002" | "P003" | "P004"));
    let is_old = old_family || (name.family.is_none() && old_model);
    if !is_old {
        return None;
    }
    let number = |at: usize| match name.version.get(at) {
        Some(Part::Number { number, .. }) => Some(*number),
        _ => None,
    };
    Some((number(0)?, number(1)?))
}
