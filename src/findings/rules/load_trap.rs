//! `load-trap`: well today, gone after the next boot.

use std::net::IpAddr;

use crate::conversation::SeenAt;
use crate::conversation::dhcp::Kind;
use crate::conversation::file::Fetch;
use crate::diagnosis::{Code, Confidence, Evidence, Fact, Fix, Outcome};
use crate::findings::context::{Contact, PhoneContext};
use crate::findings::inference::stated;
use crate::findings::{Draft, and_list, evidence, optional, text};
use crate::phone::Phone;
use crate::remedy;
use crate::site::Cluster;
use crate::types::WireText;
use crate::wire::load::{self, LoadName, Part, is_load_file, same_load};

declare_finding! {
    /// ## Trigger
    ///
    /// The phone is registered now, and what it will be told at its next boot takes it away:
    ///
    /// - its configuration names a load that it does not run yet, and that its CallManager is not known to take: the site
    ///   file gives that load to another cluster (`certain`); it is newer than the site file's load for the model, or
    ///   this CallManager turned away a phone with it (`likely`); or it is of a later release than all that its
    ///   CallManager names or registers (`possible`);
    /// - its lease was renewed and names TFTP servers among which is none that it uses: another cluster's by the site
    ///   file or none of `--expect-tftp` (`certain`), or one whose phones this CallManager turned away (`likely`);
    /// - it got its files from a TFTP server of another cluster than its CallManager's, both by the site file
    ///   (`possible`; a phone that the site file places is judged by `wrong-tftp-server` instead).
    ///
    /// ## Evidence
    ///
    /// The registration, the load that the phone runs, and the configuration or lease that names the next.
    ///
    /// ## Explanation
    ///
    /// A phone looks at its configuration and its TFTP server only when it boots. Until then all is well; after the next
    /// power cut or reset it takes the other load, and CallManager, which never downgrades a load, turns it away.
    ///
    /// ## Fix
    ///
    /// Correct the scope or the configuration before anybody resets the phone. A renewed lease is enough to mend the
    /// scope; the phone needs no boot for it.
    ///
    /// ## Not this
    ///
    /// `wrong-tftp-server`: the phone has asked the wrong server already. `load-not-accepted`: the phone tried the load and
    /// stayed as it was. A load of the phone's own cluster that waits for the next reset: that is an upgrade.
    ///
    /// ## References
    ///
    /// Cisco document 5278, "Phone stuck with 3.1(x) load"; RFC 2131 section 4.4.5 (renewal at half the lease).
    static LOAD_TRAP = {
        code: LoadTrap,
        summary: "Registered now, but its configuration or lease sends it to a load or server from which it will not come back",
        check: check,
    }
}

/// What waits for the phone.
struct Trap {
    confidence: Confidence,
    load_next: Option<WireText>,
    servers: Vec<IpAddr>,
    shown: Vec<Evidence>,
    how: String,
    fixes: Vec<Fix>,
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(contact) = cx.registered_with() else { return Vec::new() };
    // A phone that is registered in another cluster than its own is a case of its own: the way back is none to warn of.
    let theirs = cx.world.site.cluster_of_call_manager(contact.server);
    if matches!((cx.cluster(), theirs), (Some(own), Some(theirs)) if own.name != theirs.name) {
        return Vec::new();
    }
    let running = cx.running();
    let found = by_configuration(cx).or_else(|| by_lease(cx, contact)).or_else(|| by_server(cx, contact));
    let Some(Trap { confidence, load_next, servers, mut shown, how, fixes }) = found else { return Vec::new() };
    let registered = contact.attempt.and_then(|a| a.registered_at()).unwrap_or(contact.seen_at());
    shown.push(evidence(registered, format!("{} is registered with CallManager {}", cx.label(), contact.server)));
    if let Some((load, seen_at)) = &running {
        shown.push(evidence(*seen_at, format!("{} runs load {load}", cx.label())));
    }
    let sure = confidence > Confidence::Possible;
    let runs = running.as_ref().map_or_else(String::new, |(load, _)| format!(" on load {load}"));
    vec![Draft::from_evidence(Code::LoadTrap, confidence, shown)
        .servers(servers.into_iter().chain([contact.server]))
        .fact("load_running", optional(running.as_ref().map(|(load, _)| load.raw())))
        .fact("load_next", load_next.clone().map_or(Fact::Null, Fact::Text))
        .fact("call_manager", text(contact.server))
        .title(format!(
                "the next boot {} phones away from {}",
                if sure { "takes" } else { "may take" },
                contact.server
            ))
        .summary(format!(
                "{} is registered with CallManager {}{runs}, and {how}. It looks there at its next boot only; what it takes \
                 then {} keep it from coming back.",
                cx.label(),
                contact.server,
                if sure { "will" } else { "may" }
            ))
        .fixes(fixes)]
}

/// The cluster of the CallManager that it is registered with, or else its own.
fn home<'s>(cx: &PhoneContext<'s>, contact: &Contact<'_>) -> Option<&'s Cluster> {
    cx.world.site.cluster_of_call_manager(contact.server).or(cx.cluster())
}

/// A load that its configuration names, that it does not run yet, and that its CallManager is not known to take.
pub(super) struct WaitingLoad {
    pub(super) load: WireText,
    pub(super) running: WireText,
    pub(super) call_manager: IpAddr,
    confidence: Confidence,
    /// Why it is not known to take it.
    pub(super) because: String,
    /// Names the load that it runs, where that is known by its name.
    pub(super) fix: Option<Fix>,
}

/// The load that waits for a registered phone and would take it away.
pub(super) fn waiting_load(cx: &PhoneContext<'_>) -> Option<WaitingLoad> {
    let contact = cx.registered_with()?;
    let (fetch, config) = cx.config()?;
    let next = cx.phone.load_in(config)?;
    let (running, _) = cx.running()?;
    let model = cx.phone.model()?;
    // A load of another family it does not take at all; that is a finding of its own.
    if same_load(next.raw(), running.raw()) || load::family(next.raw()).and_then(|f| f.runs_on(model)) == Some(false) {
        return None;
    }
    // It has the load, and came up without it: it did not accept it.
    let is_it = |f: &&Fetch| is_load_file(f.name.raw()).is_some_and(|l| same_load(&l, next.raw()));
    if cx.phone.files.iter().filter(is_it).any(|f| f.outcome() == Outcome::Served) {
        return None;
    }
    let (confidence, because) = not_taken(cx, contact, model, next.raw(), running.raw())?;
    let kept = Some(&running).filter(|r| !r.raw().contains('('));
    let fix = kept.map(|r| remedy::phone::keep_load(cx.phone.mac, r.raw(), Some(next.raw()), fetch.server));
    Some(WaitingLoad { load: next, running, call_manager: contact.server, confidence, because, fix })
}

/// The configuration names such a load.
fn by_configuration(cx: &PhoneContext<'_>) -> Option<Trap> {
    let (fetch, _) = cx.config()?;
    let WaitingLoad { load: next, confidence, because, fix, .. } = waiting_load(cx)?;
    let mut shown = vec![evidence(
        fetch.request.first,
        format!("{} is served {}, which names load {next}", cx.label(), fetch.name),
    )];
    let is_it = |f: &&Fetch| is_load_file(f.name.raw()).is_some_and(|l| same_load(&l, next.raw()));
    let missing = cx.files().iter().rev().find(is_it).filter(|f| f.outcome() == Outcome::Missing);
    let waits = missing.map_or_else(String::new, |f| {
        shown.push(evidence(f.request.first, format!("it asks for {}, which {} does not have yet", f.name, f.server)));
        format!(" ({} does not have it yet)", f.server)
    });
    Some(Trap {
        confidence,
        how: format!(
            "{} of {} names load {next}{waits}, which it does not run yet: {because}",
            fetch.name, fetch.server
        ),
        servers: vec![fetch.server],
        fixes: fix.into_iter().collect(),
        load_next: Some(next),
        shown,
    })
}

/// Why its CallManager is not known to take a load, and how sure that is; `None`: it may well take it.
fn not_taken(
    cx: &PhoneContext<'_>,
    contact: &Contact<'_>,
    model: &str,
    next: &str,
    running: &str,
) -> Option<(Confidence, String)> {
    let site = cx.world.site;
    let peers = &cx.world.peers;
    let manager = contact.server;
    if let Some(home) = home(cx, contact) {
        let own = home.load_for(model);
        if own.is_some_and(|own| same_load(own, next)) {
            return None;
        }
        let theirs = |c: &&Cluster| c.name != home.name && c.load_for(model).is_some_and(|l| same_load(l, next));
        if let Some(other) = site.clusters.iter().find(theirs) {
            return Some((site.certainty(), format!("the site file gives it to cluster {}", other.name)));
        }
        if let Some(own) = own {
            let newer = load::compare(next, own).is_some_and(std::cmp::Ordering::is_gt);
            let because = format!("it is newer than {own}, which the site file gives to cluster {}", home.name);
            return newer.then_some((Confidence::Likely, because));
        }
    }
    if peers.loads_at(manager, model).iter().any(|l| same_load(l.raw(), next)) {
        return None;
    }
    if peers.refuses_load(manager, next) {
        return Some((Confidence::Likely, format!("{manager} turned away a phone that runs it")));
    }
    // The CallManager's own word, or else at least one other phone beside this one.
    let wanted = contact.attempt.and_then(|a| a.wanted.as_ref()).map(|w| w.load.raw());
    let registered = peers.loads_at(manager, model);
    let told = wanted.is_some_and(|w| !same_load(w, next)) || peers.registered_at(manager) > 1;
    let mut known = registered.iter().map(WireText::raw).chain(wanted).chain([running]);
    let later = known.all(|l| is_later_release(next, l));
    (told && later)
        .then(|| (Confidence::Possible, format!("it is of a later release than all that {manager} is seen to take")))
}

/// Whether `next` is of a later release than `known`: of 3.1 after 3.0, not of 3.0(4) after 3.0(3).
fn is_later_release(next: &str, known: &str) -> bool {
    let release = |name: &str| {
        let version = LoadName::parse(name)?.version;
        let number = |part: Option<&Part>| match part {
            Some(Part::Number { number, .. }) => Some(*number),
            _ => None,
        };
        Some((number(version.first())?, number(version.get(1))?))
    };
    matches!((release(next), release(known)), (Some(next), Some(known)) if next > known)
}

/// The lease was renewed, and names other TFTP servers than the one that it uses.
fn by_lease(cx: &PhoneContext<'_>, contact: &Contact<'_>) -> Option<Trap> {
    let used = cx.tftp_use().filter(|u| u.asked);
    let lease = cx.phone.lease().filter(|l| !l.terms.cut && used.is_none_or(|u| l.seen_at > u.seen_at))?;
    let named: Vec<IpAddr> = cx.lease_servers().into_iter().map(|(ip, _)| ip).collect();
    let next = *named.first()?;
    let site = cx.world.site;
    let other = site.cluster_of_tftp(next);
    let right = stated(cx).map(|r| r.servers).unwrap_or_default();
    let (confidence, because) = match used {
        Some(used) => {
            if named.contains(&used.server) || !follows_dhcp(cx, used.server, lease.seen_at) {
                return None;
            }
            elsewhere(cx, contact, used.server, next, &right)?
        }
        // The capture does not hold whom it asked, so it may have a server of its own (Alternate TFTP).
        None => {
            let renewed = cx.phone.lease_exchange().is_some_and(|e| e.kind == Kind::Renew);
            if !renewed || cx.world.visible.deaf_to_phones {
                return None;
            }
            let home = cx.cluster()?;
            let other = other.filter(|c| c.name != home.name)?;
            (Confidence::Possible, format!("a server of cluster {} in the site file", other.name))
        }
    };
    let model = cx.phone.model();
    let on_server = model.and_then(|m| cx.world.peers.load_configured_on(next, m)).cloned();
    let load_next = on_server.or_else(|| model.and_then(|m| other?.load_for(m)).map(WireText::from));
    let terms = &lease.terms;
    let keep = if right.is_empty() { used.map(|u| u.server).into_iter().collect() } else { right };
    let scope = remedy::dhcp::Scope::of(terms, lease.address);
    let mut shown = vec![evidence(
        lease.seen_at,
        format!(
            "DHCP server {} renews the lease of {} and names TFTP server {}",
            terms.server,
            cx.label(),
            and_list(&named)
        ),
    )];
    let mut how =
        format!("its lease from DHCP server {}, renewed since, names TFTP server {next}, {because}", terms.server);
    if let Some(used) = used {
        shown.push(evidence(used.seen_at, format!("{} got its files from {}", cx.label(), used.server)));
        how.push_str(&format!(", where it got its files from {}", used.server));
    }
    Some(Trap {
        confidence,
        load_next,
        servers: vec![IpAddr::V4(terms.server), next],
        shown,
        how,
        fixes: cx.set_option_150(&scope, &keep),
    })
}

/// Why `next` is none of the servers that the phone belongs to, in words, and how sure that is.
fn elsewhere(
    cx: &PhoneContext<'_>,
    contact: &Contact<'_>,
    used: IpAddr,
    next: IpAddr,
    right: &[IpAddr],
) -> Option<(Confidence, String)> {
    let site = cx.world.site;
    let home = site.cluster_of_tftp(used).or(home(cx, contact));
    match (home, site.cluster_of_tftp(next)) {
        (Some(home), Some(other)) => (home.name != other.name)
            .then(|| (site.certainty(), format!("a server of cluster {} in the site file", other.name))),
        _ if site.clusters.is_empty() && right.contains(&used) && !right.contains(&next) => {
            Some((Confidence::Certain, "which --expect-tftp does not name".to_owned()))
        }
        _ => cx.world.peers.refuses_phones_of(contact.server, next).then(|| {
            (Confidence::Likely, format!("and {} turned away a phone that got its files there", contact.server))
        }),
    }
}

/// Whether the phone takes its TFTP server from DHCP: an earlier lease of it names the one that it uses.
fn follows_dhcp(cx: &PhoneContext<'_>, server: IpAddr, before: SeenAt) -> bool {
    let phone: &Phone = cx.phone;
    let earlier = phone.dhcp.list.iter().filter_map(|e| e.ack.as_ref()).filter(|a| a.seen_at < before);
    earlier.flat_map(|a| a.terms.tftp()).any(|n| cx.world.registry.resolve(n.raw()).contains(&server))
}

/// Its files come from another cluster than its CallManager's.
fn by_server(cx: &PhoneContext<'_>, contact: &Contact<'_>) -> Option<Trap> {
    // Of a phone that the site file places, the server is right, or a finding already.
    let used = cx.tftp_use().filter(|u| u.asked && cx.cluster().is_none())?;
    let site = cx.world.site;
    let home = site.cluster_of_call_manager(contact.server).filter(|c| !c.tftp.is_empty())?;
    let other = site.cluster_of_tftp(used.server).filter(|c| c.name != home.name)?;
    let model = cx.phone.model();
    let configured = cx.config().and_then(|(_, c)| cx.phone.load_in(c));
    let right = site.tftp_right(Some(home));
    let mut fixes = Vec::new();
    if let Some(lease) = cx.phone.lease() {
        let terms = &lease.terms;
        let scope = remedy::dhcp::Scope::of(terms, lease.address);
        fixes.extend(cx.set_option_150(&scope, &right));
    }
    let by_hand = remedy::phone::alternate_tftp(&right, model).map(|f| f.instead_of(&fixes));
    fixes.extend(by_hand);
    Some(Trap {
        confidence: Confidence::Possible,
        load_next: configured.or_else(|| model.and_then(|m| other.load_for(m)).map(WireText::from)),
        servers: vec![used.server],
        shown: vec![evidence(used.seen_at, format!("{} asks {}", cx.label(), used.server))],
        how: format!(
            "it gets its files from {}, a server of cluster {} in the site file, where that CallManager is of cluster {}",
            used.server, other.name, home.name
        ),
        fixes,
    })
}

#[cfg(test)]
mod tests {
    use super::is_later_release;

    #[test]
    fn a_later_release_is_told_from_a_later_build() {
        for (next, known, expected) in [
            ("P00303010102", "P00303000300", true),
            ("P00303010102", "3.0(3.0)", true),
            ("P00303000400", "P00303000300", false),
            ("P00303000300", "P00303010102", false),
            ("SCCP42.9-4-2SR3-1S", "SCCP42.8-5-3S", true),
            ("AJ.30", "P00303000300", false),
        ] {
            assert_eq!(is_later_release(next, known), expected, "{next} after {known}");
        }
    }
}
