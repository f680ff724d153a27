//! What a phone should have, from all that the rules know: what the fix pack and the plan are made of.

use std::net::IpAddr;

use super::context::PhoneContext;
use super::inference::{load_named_on, right_load, stated};
use crate::diagnosis::{Code, Confidence, SeenConfiguration, TargetState};
use crate::findings::rules::load_wrong_family;
use crate::remedy::configuration::is_load_name;
use crate::remedy::dhcp::Scope;
use crate::types::{Mac, WireText};
use crate::wire::load::same_load;
use crate::wire::phone_config::{device_of_name, is_config_name};

/// Configurations told of one phone, the latest first.
const MAX_CONFIGURATIONS: usize = 8;

/// What the phone should have; `codes` are those of its findings.
pub(super) fn wanted(cx: &PhoneContext<'_>, codes: &[Code]) -> TargetState {
    let used = cx.tftp_use();
    let wrong = cx.wrong_tftp();
    let right = wrong.map(|w| w.right.clone()).or_else(|| stated(cx));
    let tftp_basis = right.as_ref().map(|r| (r.confidence, r.basis.because()));
    let tftp_right = match (&right, used) {
        // What is only possible stays out of anything to paste.
        (Some(right), _) if right.confidence < Confidence::Likely => Vec::new(),
        (Some(right), _) => right.servers.clone(),
        // What the phone asks is right as far as anything here tells.
        (None, Some(used)) if used.asked && !codes.iter().any(|c| c.is_before_files()) => vec![used.server],
        _ => Vec::new(),
    };
    let named = |text: &&String| text.parse::<IpAddr>().is_err();
    let tftp_names = match cx.cluster() {
        Some(cluster) if tftp_right.is_empty() => cluster.tftp.iter().filter(named).cloned().collect(),
        _ => Vec::new(),
    };
    let call_manager_names = call_managers(cx, codes);
    let resolve = |name: &String| cx.world.registry.resolve(name);
    let to_change = codes.iter().any(|c| c.is_helped_by_scope());
    let scope = scope(cx).map(|s| if to_change { cx.scope_to_change(s, &tftp_right) } else { s });
    TargetState {
        tftp_now: used.map(|u| u.server),
        tftp_asked: used.is_some_and(|u| u.asked),
        tftp_trusted: used.is_some_and(|u| is_trusted(cx, codes, u.server)),
        tftp_right,
        tftp_names,
        tftp_basis,
        load: load(cx, codes),
        call_managers: call_manager_names.iter().flat_map(resolve).collect(),
        call_manager_names,
        scope,
        configurations: configurations(cx, codes),
        config_name: config_name(cx),
    }
}

fn scope(cx: &PhoneContext<'_>) -> Option<Scope> {
    let used = cx.tftp_use();
    let lease = used.and_then(|u| cx.lease_at(u.seen_at)).or(cx.phone.lease())?;
    (!lease.terms.cut && !lease.terms.server.is_unspecified()).then(|| Scope::of(&lease.terms, lease.address))
}

/// Whether a TFTP server is one of the site, as far as anything tells: the site file names it, or it is a right one, or
/// nothing speaks against the one that the phone uses.
fn is_trusted(cx: &PhoneContext<'_>, codes: &[Code], server: IpAddr) -> bool {
    if cx.world.site.names_tftp(server) {
        return true;
    }
    let wrong = cx.wrong_tftp();
    let right = wrong.map(|w| w.right.clone()).or_else(|| stated(cx));
    if right.as_ref().is_some_and(|r| r.servers.contains(&server)) {
        return true;
    }
    let is_used = right.is_none() || cx.tftp_use().is_some_and(|u| u.server == server);
    is_used && wrong.is_none() && !codes.contains(&Code::UnknownDhcpServer)
}

/// The load that it should run.
fn load(cx: &PhoneContext<'_>, codes: &[Code]) -> Option<WireText> {
    let running = cx.running().map(|(load, _)| load);
    let configured = cx.config().and_then(|(_, c)| cx.phone.load_in(c));
    // Well as it is, until it is told another at its next boot.
    if codes.contains(&Code::LoadTrap) && cx.is_registered() {
        let next = configured.filter(|next| running.as_ref().is_none_or(|r| !same_load(r.raw(), next.raw())));
        return running.filter(|r| next.is_some() && is_load_name(r.raw()));
    }
    if codes.contains(&Code::LoadWrongFamily) {
        return load_wrong_family::suitable_load(cx).map(|l| WireText::from(l.as_str()));
    }
    if cx.wrong_tftp().is_some_and(|w| w.right.confidence < Confidence::Likely) {
        return None;
    }
    let on_right = || cx.wrong_tftp().and_then(|wrong| load_named_on(cx, &wrong.right.servers));
    right_load(cx).map(|(load, _)| load).or_else(on_right)
}

/// CallManagers that it should register with, as the site file or its configuration writes them.
fn call_managers(cx: &PhoneContext<'_>, codes: &[Code]) -> Vec<String> {
    let of_cluster = cx.cluster().map(|c| c.call_managers.clone()).unwrap_or_default();
    if !of_cluster.is_empty() {
        return of_cluster;
    }
    // A configuration that names the one that it tries tells the others too.
    let tried: Vec<IpAddr> = match cx.registered_with() {
        Some(contact) => vec![contact.server],
        None => cx.contacts().iter().filter(|c| c.turned_away()).map(|c| c.server).collect(),
    };
    // What a strange server names counts only where phones that are well on the right one register.
    if cx.config().is_some_and(|(fetch, _)| !is_trusted(cx, codes, fetch.server)) {
        let right = cx.wrong_tftp().map(|w| w.right.servers.clone()).or_else(|| stated(cx).map(|r| r.servers));
        let right = right.unwrap_or_default();
        let is_known = |ip: &&IpAddr| right.iter().any(|server| cx.world.peers.uses_at(**ip, *server));
        return tried.iter().filter(is_known).map(IpAddr::to_string).collect();
    }
    let configured = cx.config().map(|(_, c)| c.call_managers.clone()).unwrap_or_default();
    let names: Vec<String> = configured.iter().map(|n| n.raw().to_owned()).collect();
    if tried.is_empty() || cx.configured_call_managers().iter().any(|c| tried.contains(c)) {
        return names;
    }
    tried.iter().map(IpAddr::to_string).collect()
}

fn configurations(cx: &PhoneContext<'_>, codes: &[Code]) -> Vec<SeenConfiguration> {
    let mut seen: Vec<SeenConfiguration> = Vec::new();
    for fetch in cx.phone.files.iter().rev() {
        let Some(config) = &fetch.config else { continue };
        let known = |s: &SeenConfiguration| s.name == fetch.name && s.server == fetch.server && s.config == *config;
        if seen.len() < MAX_CONFIGURATIONS && !seen.iter().any(known) {
            let resolve = |name: &WireText| cx.world.registry.resolve(name.raw());
            seen.push(SeenConfiguration {
                name: fetch.name.clone(),
                server: fetch.server,
                trusted: is_trusted(cx, codes, fetch.server),
                at: fetch.request.first.at,
                call_managers: config.call_managers.iter().flat_map(resolve).collect(),
                load: cx.phone.load_in(config),
                config: config.clone(),
                body: fetch.body.clone(),
            });
        }
    }
    seen
}

/// The name of its own configuration as it asked for it last.
fn config_name(cx: &PhoneContext<'_>) -> Option<WireText> {
    let by_name = cx.phone.name().and_then(|n| Mac::from_device_name(n.raw()));
    let own = |name: &str| device_of_name(name).is_some_and(|(mac, _)| mac == cx.phone.mac || Some(mac) == by_name);
    let asked = cx.phone.files.iter().rev().filter(|f| is_config_name(f.name.raw()) && own(f.name.raw()));
    asked.map(|f| f.name.clone()).next()
}
