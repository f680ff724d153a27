//! What a change would do to the phones of a capture, before it is made.
//!
//! A pure function of a diagnosis and a site. It says what the evidence supports: where neither the capture nor the site
//! file tells what a server would name or a CallManager would take, the answer is "not known".

mod evidence;
mod version;

use std::collections::BTreeMap;
use std::net::IpAddr;

use self::evidence::{Evidence, Named};
use crate::diagnosis::{Detail, Diagnosis, PhoneReport, RegistrationState, TftpSource, and_list};
use crate::remedy::load_route::{LoadRoute, way};
use crate::site::{Cluster, Site};
use crate::types::WireText;
use crate::wire::load::{compare, family, hardware_of, same_load};

pub use crate::diagnosis::{PhoneThen, WhatIf, WhatIfOutcome};

/// A change that is thought of.
#[derive(Clone, Debug)]
pub enum Change {
    /// Every DHCP scope names these TFTP servers.
    Tftp(Vec<IpAddr>),
    /// The network is as this site file says.
    Site(Box<Site>),
    /// The CallManagers of a cluster get another version.
    Version {
        /// Name of the cluster in the site file.
        cluster: String,
        /// As written: `3.0`.
        version: String,
    },
}

/// What each of the changes, by itself, would do; `asked` is its text.
///
/// # Errors
/// A cluster that the site does not name, in a whole sentence.
pub fn what_if(d: &Diagnosis<'_>, site: &Site, asked: &[(String, Change)]) -> Result<Vec<WhatIf>, String> {
    let evidence = Evidence::of(d);
    asked
        .iter()
        .map(|(text, change)| match change {
            Change::Tftp(servers) => Ok(moved(d, site, &evidence, text, &|_| servers.clone())),
            Change::Site(new) => {
                let right = |p: &PhoneReport| new.tftp_right(cluster_of(new, p));
                Ok(moved(d, new, &evidence, text, &right))
            }
            Change::Version { cluster, version } => version::what_if(d, site, &evidence, text, cluster, version),
        })
        .collect()
}

fn cluster_of<'s>(site: &'s Site, p: &PhoneReport) -> Option<&'s Cluster> {
    site.cluster_of_phone(p.mac, p.name.as_ref().map(WireText::raw), p.ip, p.vlan)
}

/// Phones that turn to other TFTP servers.
fn moved(
    d: &Diagnosis<'_>,
    site: &Site,
    evidence: &Evidence,
    text: &str,
    right: &dyn Fn(&PhoneReport) -> Vec<IpAddr>,
) -> WhatIf {
    let mut phones = Vec::new();
    let mut fixed = 0usize;
    let mut unstated = 0usize;
    for p in d.phones(Detail::State) {
        let now = p.wanted.tftp_now;
        let servers = right(&p);
        let Some(to) = servers.first().copied() else {
            unstated += 1;
            continue;
        };
        if now.is_some_and(|now| servers.contains(&now)) {
            continue;
        }
        if p.tftp_source == Some(TftpSource::Manual) {
            fixed += 1;
            continue;
        }
        phones.push(after_move(&p, to, site, evidence));
    }
    phones.sort_by_key(|p| (p.outcome, p.mac));
    let unaffected = d.phone_count.saturating_sub(phones.len());
    let count = |outcome: WhatIfOutcome| phones.iter().filter(|p| p.outcome == outcome).count();
    let loads = phones.iter().filter(|p| p.load_then.is_some()).count();
    let mut summary = match phones.len() {
        0 => "No phone would turn to another TFTP server.".to_owned(),
        n => format!(
            "{} would turn to another TFTP server; {} known to change the load.",
            phones_word(n),
            match loads {
                0 => "none is".to_owned(),
                1 => "1 is".to_owned(),
                n => format!("{n} are"),
            }
        ),
    };
    for (outcome, words) in [
        (WhatIfOutcome::Refused, "would then be refused"),
        (WhatIfOutcome::Elsewhere, "would register with another cluster"),
        (WhatIfOutcome::NotKnown, "may or may not come up: not known"),
    ] {
        if count(outcome) > 0 {
            summary.push_str(&format!(" {} {words}.", phones_word(count(outcome))));
        }
    }
    if fixed > 0 {
        summary.push_str(&format!(" {} would stay: the server is set on the phone.", phones_word(fixed)));
    }
    if unstated > 0 {
        summary.push_str(&format!(" For {} no TFTP server is stated.", phones_word(unstated)));
    }
    let mut first = Vec::new();
    let silent: std::collections::BTreeSet<IpAddr> =
        phones.iter().filter_map(|p| p.moves).map(|(_, to)| to).filter(|to| evidence.is_silent(*to)).collect();
    for server in silent {
        first.push(format!(
            "Make {server} answer: it does not now, and phones that are sent there get no file until it does."
        ));
    }
    if count(WhatIfOutcome::Refused) > 0 {
        first.push(
            "Leave the phones that would be refused where they are, or first make that server name the load that their \
             CallManager takes: a load once taken is not given back by itself."
                .to_owned(),
        );
    }
    let mut coming: BTreeMap<(IpAddr, String), usize> = BTreeMap::new();
    for phone in phones.iter().filter(|p| p.outcome != WhatIfOutcome::Refused) {
        if let (Some(load), Some((_, to))) = (&phone.load_then, phone.moves) {
            *coming.entry((to, load.to_string())).or_default() += 1;
        }
    }
    for ((server, load), count) in coming.into_iter().take(20) {
        first.push(format!("Make sure that {server} has load {load}, for {}.", phones_word(count)));
    }
    WhatIf { change: text.to_owned(), summary, first, phones, unaffected }
}

fn after_move(p: &PhoneReport, to: IpAddr, site: &Site, evidence: &Evidence) -> PhoneThen {
    let mut named = evidence.named_on(to, p);
    if named.is_empty()
        && let Some(cluster) = site.cluster_of_tftp_for(to, cluster_of(site, p))
        && let Some(load) = p.model.as_deref().and_then(|m| cluster.load_for(m))
    {
        named.push(Named {
            load: Some(WireText::from(load)),
            call_managers: cluster.call_managers.clone(),
            by: "the site file".to_owned(),
        });
    }
    let mut all = named.iter().map(|named| after(p, to, named, site, evidence));
    let Some(mut then) = all.next() else {
        return PhoneThen {
            mac: p.mac,
            name: p.name.clone(),
            moves: Some((p.wanted.tftp_now, to)),
            load_now: p.load.running.clone(),
            load_then: None,
            named_by: None,
            call_managers: Vec::new(),
            outcome: WhatIfOutcome::NotKnown,
            because: format!("no configuration of {to} for a phone of this model is known"),
            load_first: None,
        };
    };
    // Where the server may say one thing or another, only what holds in either case is known.
    for other in all {
        if other.load_then != then.load_then {
            then.load_then = None;
        }
        if other.outcome != then.outcome {
            then.outcome = WhatIfOutcome::NotKnown;
            then.because = format!("either {}, or {}", then.because, other.because);
            then.named_by = then.named_by.zip(other.named_by).map(|(one, or)| format!("{one}; or {or}"));
        }
    }
    if evidence.is_silent(to) && then.outcome == WhatIfOutcome::Taken {
        then.outcome = WhatIfOutcome::NotKnown;
        then.because = format!("{to} does not answer now: until it does, a phone that is sent there gets no file");
    }
    then
}

/// Why a phone's CallManagers would change, though nothing is wrong with it; or what stays as it is. `None`: neither.
fn unchanged_or_lost(p: &PhoneReport, then: &PhoneThen, named: &Named) -> Option<(WhatIfOutcome, String)> {
    let current = p.registration.call_manager?;
    let addresses: Vec<IpAddr> = named.call_managers.iter().filter_map(|c| c.parse().ok()).collect();
    let first = addresses.first()?;
    match p.registration.state {
        RegistrationState::Registered => {
            let stays = addresses.iter().any(|a| *a == current || p.wanted.call_managers.contains(a));
            let because = format!("it is registered with {current}, and {} sends it to {first}", named.by);
            (!stays).then_some((WhatIfOutcome::Elsewhere, because))
        }
        // Another server that names the same load and the same CallManager changes nothing for it.
        RegistrationState::Rejected if addresses.contains(&current) && then.load_then.is_none() => {
            let text = p.registration.reject_text.as_ref().map(|t| format!(" ({t})")).unwrap_or_default();
            let because =
                format!("{current} rejects it with the load that it would keep{text}: the change does not cure that");
            Some((WhatIfOutcome::Refused, because))
        }
        _ => None,
    }
}

/// The phone after it was told this.
fn after(p: &PhoneReport, to: IpAddr, named: &Named, site: &Site, evidence: &Evidence) -> PhoneThen {
    let running = p.load.running.clone();
    let mut then = PhoneThen {
        mac: p.mac,
        name: p.name.clone(),
        moves: Some((p.wanted.tftp_now, to)),
        load_now: running.clone(),
        load_then: None,
        named_by: Some(named.by.clone()),
        call_managers: named.call_managers.clone(),
        outcome: WhatIfOutcome::NotKnown,
        because: "which load it runs is not known".to_owned(),
        load_first: None,
    };
    if let Some(load) = &named.load {
        let suits = p.model.as_deref().is_none_or(|m| family(load.raw()).and_then(|f| f.runs_on(m)) != Some(false));
        if !suits {
            then.because = format!("{} names {load}, which is for other phones", named.by);
            return then;
        }
        if running.as_ref().is_none_or(|r| !same_load(r.raw(), load.raw())) {
            if let Some(LoadRoute::Shut(why)) = running.as_ref().map(|r| way(r.raw(), load.raw())) {
                then.because = why;
                return then;
            }
            then.load_then = Some(load.clone());
        }
    }
    if let Some(next) = named.load.clone().or(running) {
        (then.outcome, then.because) = fate(p, &next, named, site, evidence);
    }
    let is_foreign = |c: &String| site.cluster_of_call_manager(c).is_none();
    if matches!(then.outcome, WhatIfOutcome::Taken | WhatIfOutcome::NotKnown)
        && let Some((outcome, because)) = unchanged_or_lost(p, &then, named)
        && (outcome != WhatIfOutcome::Elsewhere || named.call_managers.iter().any(is_foreign))
    {
        (then.outcome, then.because) = (outcome, because);
    }
    then
}

/// Whether the CallManagers of a configuration would take the phone with a load.
fn fate(p: &PhoneReport, load: &WireText, named: &Named, site: &Site, evidence: &Evidence) -> (WhatIfOutcome, String) {
    let Some(first) = named.call_managers.first() else {
        return (WhatIfOutcome::NotKnown, format!("which CallManagers {} names is not known", named.by));
    };
    let theirs = named.call_managers.iter().find_map(|c| site.cluster_of_call_manager(c));
    let own = cluster_of(site, p);
    if let (Some(own), Some(theirs)) = (own, theirs)
        && own.name != theirs.name
    {
        return (WhatIfOutcome::Elsewhere, format!("{} sends it to {first}, of cluster {}", named.by, theirs.name));
    }
    let model = p.model.as_deref().unwrap_or_default();
    let managers = and_list(&named.call_managers);
    if let Some(stated) = theirs.and_then(|c| Some((c, c.load_for(model)?))) {
        let (cluster, own_load) = stated;
        if same_load(own_load, load.raw()) {
            return (WhatIfOutcome::Taken, format!("the site file gives {load} to cluster {}", cluster.name));
        }
        if evidence.takes(&named.call_managers, load, hardware_of(model)) {
            return (WhatIfOutcome::Taken, format!("{managers} took phones with {load} in this capture"));
        }
        if evidence.refuses(&named.call_managers, load) {
            return (WhatIfOutcome::Refused, format!("{managers} turned away phones with {load} in this capture"));
        }
        if compare(load.raw(), own_load).is_some_and(std::cmp::Ordering::is_gt) {
            return (
                WhatIfOutcome::Refused,
                format!("{load} is newer than {own_load}, which the site file gives to cluster {}", cluster.name),
            );
        }
        return (WhatIfOutcome::NotKnown, format!("whether cluster {} takes {load} is not known", cluster.name));
    }
    if evidence.takes(&named.call_managers, load, hardware_of(model)) {
        return (WhatIfOutcome::Taken, format!("{managers} took phones with {load} in this capture"));
    }
    if evidence.refuses(&named.call_managers, load) {
        return (WhatIfOutcome::Refused, format!("{managers} turned away phones with {load} in this capture"));
    }
    (WhatIfOutcome::NotKnown, format!("whether {managers} takes {load} this capture does not tell"))
}

fn phones_word(count: usize) -> String {
    if count == 1 { "1 phone".to_owned() } else { format!("{count} phones") }
}
