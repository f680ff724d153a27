//! Which TFTP server and which load would be right, and how sure that is.
//!
//! Strongest first (contract section 4): the site file; `--expect-tftp`; the phones that are registered with the
//! CallManager that this phone tries, and where they got their files; that CallManager's own address, where it is
//! seen to serve files; the DHCP server whose offers lead to registered phones. The majority is not the truth by
//! itself: only phones that are *registered there* count, never how many use a server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::context::{PhoneContext, TftpUse, WrongServer};
use super::peers::{Basis, RightServer, Witness, backed, is_only_unknown, is_unknown_device, phones};
use crate::conversation::dhcp::{Kind, LeaseTerms};
use crate::diagnosis::{Confidence, Fix, FixKind, FixTarget, TftpSource};
use crate::types::WireText;
use crate::wire::{load, phone_config};

/// Whether two loads certainly are of one version.
fn same_version(a: &str, b: &str) -> bool {
    // Loads of different hardware are compared too: P00403010102 and 3.1(1.2) are both 3.1(1.2).
    match (load::LoadName::parse(a), load::LoadName::parse(b)) {
        (Some(a), Some(b)) if !a.version.is_empty() => a.version == b.version,
        _ => load::same_load(a, b),
    }
}

/// Which TFTP server the site file or the command line says is this phone's.
pub fn stated(cx: &PhoneContext<'_>) -> Option<RightServer> {
    let site = cx.world.site;
    let cluster = cx.cluster();
    let servers = site.tftp_right(cluster);
    if !servers.is_empty() {
        let basis = match cluster.filter(|c| !c.tftp.is_empty()) {
            Some(cluster) => Basis::SiteFile(cluster.name.clone()),
            None => Basis::ExpectTftp,
        };
        // What a drafted site file says was concluded from a capture.
        let confidence = if matches!(basis, Basis::SiteFile(_)) { site.certainty() } else { Confidence::Certain };
        return Some(RightServer { servers, confidence, basis });
    }
    if cluster.is_some() {
        return None;
    }
    cx.contacts().iter().find_map(|contact| {
        let cluster = site.cluster_of_call_manager(contact.server)?;
        let servers = site.tftp_right(Some(cluster));
        let basis = Basis::CallManagerOfCluster(cluster.name.clone(), contact.server);
        (!servers.is_empty()).then_some(RightServer { servers, confidence: Confidence::Likely, basis })
    })
}

/// What is inferred of a phone in the light of the others.
impl PhoneContext<'_> {
    /// Whether a phone that asks `server` does so only because the DHCP server put its own address into `siaddr`, and
    /// that address serves nobody here.
    pub fn is_last_resort(&self, server: IpAddr) -> bool {
        let is_own = |t: &LeaseTerms| t.own_siaddr && IpAddr::V4(t.server) == server;
        self.terms().is_some_and(|t| is_own(t) && t.sources.iter().all(|(s, _)| *s != TftpSource::Option150))
            && !self.world.peers.serves(server)
            && !stated(self).is_some_and(|right| right.servers.contains(&server))
    }

    /// The server it turns to, where that is not its own.
    pub fn wrong_tftp(&self) -> Option<&WrongServer> {
        self.wrong.get_or_init(|| wrong_tftp(self)).as_ref()
    }
}

/// Whether the phone turns to a TFTP server that is not its own.
fn wrong_tftp(cx: &PhoneContext<'_>) -> Option<WrongServer> {
    let used = cx.tftp_use()?;
    // A lease says whom the phone will ask only while it has not asked anybody, where its questions can be seen.
    if !used.asked && (cx.world.visible.deaf_to_phones || cx.phone.attempts.iter().any(|a| a.last > used.seen_at)) {
        return None;
    }
    // A renewal sends a phone that came as far as its CallManager nowhere before its next boot: that is `load-trap`.
    let renewed = cx.phone.lease_exchange().is_some_and(|e| e.kind == Kind::Renew);
    if !used.asked && renewed && !cx.phone.attempts.is_empty() {
        return None;
    }
    // What stands in a malformed option 150 is no server that anybody meant.
    if cx.terms_at(used.seen_at).is_some_and(|t| t.misreads(used.server)) {
        return None;
    }
    if let Some(mut right) = stated(cx) {
        // Until it asks for its configuration it may yet turn to another server.
        let settled = cx.now().since(used.seen_at.time) >= super::context::SETTLED;
        if !settled && !cx.files().iter().any(|f| phone_config::is_config_name(f.name.raw())) {
            right.confidence = right.confidence.min(Confidence::Likely);
        }
        let is_right = right.servers.contains(&used.server);
        // Of a server that the site file names nowhere a lease alone says nothing.
        let site = cx.world.site;
        if !used.asked && !site.clusters.is_empty() && !site.names_tftp(used.server) {
            return None;
        }
        // By the CallManager alone nothing is said of a phone that is registered there.
        let placed = !matches!(right.basis, Basis::CallManagerOfCluster(..));
        return (!is_right && (placed || cx.is_turned_away())).then_some(WrongServer { used, right });
    }
    if !cx.is_turned_away() || !used.asked {
        return None;
    }
    inferred(cx, &used).map(|right| WrongServer { used, right })
}

/// The right server by comparison, for a phone that a CallManager turned away; `None` where the comparison speaks for
/// the server that it uses, or against the server being the cause.
fn inferred(cx: &PhoneContext<'_>, used: &TftpUse) -> Option<RightServer> {
    let peers = &cx.world.peers;
    let running = cx.running().map(|(load, _)| load);
    let tried: Vec<IpAddr> = refusals(cx, used, running.as_ref()).map(|c| c.server).collect();
    if tried.is_empty() {
        return None;
    }
    let beside = peers.beside(&tried);
    let tiers = [
        (&peers.tftp, &peers.loads, &tried),
        (&peers.tftp, &peers.loads, &beside),
        (&peers.tftp_before, &peers.loads_before, &tried),
    ];
    for (tier, (witnesses, loads, servers)) in tiers.into_iter().enumerate() {
        // A phone with the very load that others are registered with was not turned away for where it got it.
        let mut loads = servers.iter().filter_map(|c| loads.get(c)).flat_map(|m| m.values().flatten());
        if let Some(running) = &running
            && loads.any(|l| same_version(l.raw(), running.raw()))
        {
            return None;
        }
        let mut by_peers: BTreeMap<IpAddr, Witness> = BTreeMap::new();
        for (server, witness) in servers.iter().filter_map(|c| witnesses.get(c)).flatten() {
            by_peers.entry(*server).and_modify(|w| w.merge(witness)).or_insert(*witness);
        }
        // A few phones that are well with a server do not stand for it where more took its load and were refused.
        if by_peers.len() > 1 {
            by_peers.retain(|server, witness| {
                let refused = peers.took_and_refused(*server, &tried);
                refused < 2 || refused <= witness.count
            });
        }
        if by_peers.contains_key(&used.server) {
            return None;
        }
        let (backed, confidence) = backed(&by_peers, peers, &tried);
        let mut by_backed = backed.iter().filter_map(|s| by_peers.get(s));
        let Some(Witness { mac, seen_at, .. }) = by_backed.clone().next().copied() else { continue };
        let count = by_backed.by_ref().map(|w| w.count).sum();
        // Redundant servers of one lease are one cluster's, unless the load of this one is what is refused.
        let is_beside = |s: &IpAddr| peers.leased_beside.get(s).is_some_and(|b| b.contains(&used.server));
        if backed.iter().any(is_beside) && !took_load(cx, used, running.as_ref()) {
            return None;
        }
        let basis = match (tier, beside.first()) {
            (0, _) => Basis::Peers(count, mac, seen_at),
            (1, Some(other)) => Basis::PeersBeside(*other, count, mac, seen_at),
            _ => Basis::PeersBefore(count, mac, seen_at),
        };
        return Some(RightServer { servers: backed, confidence, basis });
    }
    if tried.contains(&used.server) {
        return None;
    }
    if let Some((server, seen_at)) = tried.iter().find_map(|c| peers.serving.get(c).map(|s| (*c, *s))) {
        let basis = Basis::ServesFiles(server, seen_at);
        return Some(RightServer { servers: vec![server], confidence: Confidence::Likely, basis });
    }
    if let Some(right) = by_other_offers(cx, used).or_else(|| by_own_lease(cx, used, running.as_ref())) {
        return Some(right);
    }
    // Its configuration sends it to the very CallManager that does not know it: nothing speaks for another server.
    if is_sent_and_unknown(cx, used, &tried) {
        return None;
    }
    let basis = if took_load(cx, used, running.as_ref()) {
        Basis::TookLoad
    } else {
        let running = running?;
        let mut others = tried.iter().filter_map(|c| peers.took.get(&(used.server, *c))).flatten();
        let (_, first) = others.find(|(load, _)| same_version(load.raw(), running.raw()))?;
        Basis::OthersTookLoad(first.count, first.mac, first.seen_at)
    };
    Some(RightServer { servers: Vec::new(), confidence: Confidence::Possible, basis })
}

/// The CallManagers that turned the phone away for more than that they do not know it.
fn refusals<'c, 'a>(
    cx: &'c PhoneContext<'a>,
    used: &'c TftpUse,
    running: Option<&'c WireText>,
) -> impl Iterator<Item = &'c super::context::Contact<'a>> {
    let peers = &cx.world.peers;
    cx.contacts().iter().filter(|c| c.turned_away()).filter(move |contact| {
        let Some(attempt) = contact.attempt.filter(|a| is_only_unknown(a, cx.phone)) else { return true };
        // Others were refused with the load that it runs, which they took where it asks.
        let took = peers.took.get(&(used.server, attempt.server));
        let is_it = |load: &WireText| running.is_some_and(|r| load::same_load(r.raw(), load.raw()));
        took.is_some_and(|loads| loads.keys().any(is_it))
    })
}

/// Whether the configuration of the server that the phone uses names the CallManagers that do not know the phone.
fn is_sent_and_unknown(cx: &PhoneContext<'_>, used: &TftpUse, tried: &[IpAddr]) -> bool {
    let named = cx.configured_call_managers();
    let unknown = |server: &IpAddr| {
        let attempts = cx.contacts().iter().filter(|c| c.server == *server).filter_map(|c| c.attempt);
        let mut rejected = attempts.filter_map(|a| a.rejected.as_ref());
        named.contains(server) && rejected.any(|r| is_unknown_device(r.text.raw()))
    };
    cx.config().is_some_and(|(f, _)| f.server == used.server) && tried.iter().all(unknown)
}

/// Whether the phone took the load that it runs from the server that it uses, and was turned away after.
fn took_load(cx: &PhoneContext<'_>, used: &TftpUse, running: Option<&WireText>) -> bool {
    let Some((load, fetch)) = cx.phone.fetched().filter(|(_, f)| f.server == used.server) else { return false };
    running.is_none_or(|r| load::same_load(r.raw(), &load))
        && cx.contacts().iter().filter(|c| c.turned_away()).any(|c| c.seen_at() > fetch.request.first)
}

fn by_other_offers(cx: &PhoneContext<'_>, used: &TftpUse) -> Option<RightServer> {
    let registry = cx.world.registry;
    let chosen = cx.terms()?.server;
    let mut best: Option<RightServer> = None;
    for offer in cx.phone.dhcp.list.iter().flat_map(|e| &e.offers).filter(|o| o.terms.server != chosen) {
        let servers: Vec<IpAddr> = offer.terms.tftp().iter().flat_map(|n| registry.resolve(n.raw())).collect();
        if servers.is_empty() || servers.contains(&used.server) {
            continue;
        }
        // Nobody was seen to get a file there: an offer alone makes no server right.
        if !servers.iter().any(|s| cx.world.peers.is_known_to_serve(*s)) {
            continue;
        }
        let count = cx.world.peers.led_by(offer.terms.server, &servers);
        let confidence = if count > 0 { Confidence::Likely } else { Confidence::Possible };
        if best.as_ref().is_none_or(|b| b.confidence < confidence) {
            let basis = Basis::OtherOffer(offer.terms.server, count, offer.seen_at);
            best = Some(RightServer { servers, confidence, basis });
        }
    }
    best
}

/// A phone that asks another server than its lease names, runs the load that it is given there, and is turned away with
/// it: then the lease may name the right one. With a load of its own it may as well be where somebody set it to be.
fn by_own_lease(cx: &PhoneContext<'_>, used: &TftpUse, running: Option<&WireText>) -> Option<RightServer> {
    if used.source != Some(TftpSource::Manual) {
        return None;
    }
    let given = cx.config().filter(|(f, _)| f.server == used.server).and_then(|(_, c)| cx.phone.load_in(c));
    let taken =
        cx.phone.fetched().filter(|(_, f)| f.server == used.server).map(|(load, _)| WireText::from(load.as_str()));
    let runs = |load: &WireText| running.is_some_and(|r| load::same_load(r.raw(), load.raw()));
    if !given.iter().chain(&taken).any(runs) {
        return None;
    }
    let lease = cx.phone.lease()?;
    let servers: Vec<IpAddr> = cx.lease_servers().into_iter().map(|(ip, _)| ip).collect();
    let count = cx.world.peers.led_by(lease.terms.server, &servers);
    let confidence = if count > 0 { Confidence::Likely } else { Confidence::Possible };
    let basis = Basis::OwnLease(lease.terms.server, count, lease.seen_at);
    let serves = servers.iter().any(|s| cx.world.peers.is_known_to_serve(*s));
    serves.then_some(RightServer { servers, confidence, basis })
}

/// The load that the phone's CallManager takes: by the site file, or by the phones of its model registered there.
pub fn right_load(cx: &PhoneContext<'_>) -> Option<(WireText, Confidence)> {
    let model = cx.phone.model()?;
    if let Some(cluster) = cx.cluster() {
        return cluster.load_for(model).map(|l| (WireText::from(l), cx.world.site.certainty()));
    }
    let tried: Vec<IpAddr> = cx.contacts().iter().filter(|c| c.turned_away()).map(|c| c.server).collect();
    let loads = cx.world.peers.loads_around(&tried, model);
    loads.first().filter(|_| loads.len() == 1).map(|only| (only.clone(), Confidence::Likely))
}

/// Whether CallManager moves a phone from one load to the other by itself: it upgrades, and never downgrades.
pub fn is_upgrade(running: &str, right: &str) -> bool {
    load::compare(running, right).is_some_and(std::cmp::Ordering::is_lt)
}

/// The load that the right servers name for phones like this one, which turned to another: what its own configuration
/// there would say, as far as others show it. None that a CallManager which it tries is seen to refuse.
pub fn load_named_on(cx: &PhoneContext<'_>, right: &[IpAddr]) -> Option<WireText> {
    let peers = &cx.world.peers;
    let model = cx.phone.model()?;
    let on = |server: &IpAddr| {
        let by_default = || peers.load_by_default_on(*server, cx.phone.device_type()?);
        peers.load_configured_on(*server, model).or_else(by_default)
    };
    let load = right.iter().find_map(on)?;
    let refused = cx.contacts().iter().any(|c| peers.refuses_load(c.server, load.raw()));
    (!refused).then(|| load.clone())
}

/// The server whose octets stand in reverse in option 150: one of the right ones, or one that serves files here, where the
/// address as it is served nobody.
pub fn reversed(cx: &PhoneContext<'_>, named: Ipv4Addr) -> Option<(Ipv4Addr, Confidence)> {
    let [a, b, c, d] = named.octets();
    let (meant, as_sent) = (Ipv4Addr::new(d, c, b, a), IpAddr::V4(named));
    let peers = &cx.world.peers;
    if meant == named || peers.serves(as_sent) || cx.world.site.names_tftp(named) {
        return None;
    }
    match stated(cx) {
        Some(right) if right.servers.contains(&as_sent) => None,
        Some(right) if right.servers.contains(&IpAddr::V4(meant)) => Some((meant, right.confidence)),
        _ => peers.serves(IpAddr::V4(meant)).then_some((meant, Confidence::Likely)),
    }
}

/// What to do where the CallManager has another address by now: other configurations of the same TFTP server say so.
pub fn moved(cx: &PhoneContext<'_>, dead: IpAddr) -> Option<Fix> {
    let (now, count, mac, _) = {
        let (fetch, _) = cx.config()?;
        cx.world.peers.moved_to(fetch.server, &cx.configured_call_managers(), dead)?
    };
    let (fetch, _) = cx.config()?;
    Some(Fix::new(FixKind::MoveToCluster, FixTarget::CallManager, format!("In CallManager: {now} in place of {dead} for these phones")).steps(vec![
            format!(
                "Configurations of {} name CallManager {now}, and {} registered with it; {} still names {dead}, which \
                 nobody is registered with.",
                fetch.server,
                if count == 1 { format!("{} is", mac.device_name()) } else { format!("{} are", phones(count, mac)) },
                fetch.name
            ),
            format!(
                "If {now} is the CallManager of these phones too: put it into their CallManager group in place of {dead}."
            ),
            format!("Restart the TFTP service, so that {} is written anew; then reset the phone.", fetch.name),
        ]).verify(format!("The phone's configuration names {now}, and it registers there.")))
}
