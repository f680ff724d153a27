//! From the registry to the diagnosis: every rule asked of every phone, the answers joined.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::context::{DiagnosisContext, PhoneContext};
use super::coverage::{Visibility, coverage};
use super::fallback::is_srst;
use super::grouping::Groups;
use super::servers::{ServersSeen, cluster_name};
use super::{Draft, RULES};
use crate::conversation::dhcp::SeenIn;
use crate::conversation::dhcpv6;
use crate::diagnosis::{
    Code, Detail, Diagnosis, FileFetch, LoadReport, Moment, ObservedLease, ObservedName, ObservedServer, ObservedSite,
    ObservedTftp, ObservedTimes, ObservedVlan, Offer, PhoneReport, Registration, RegistrationState, Verdict,
};
use crate::event::InputSummary;
use crate::phone::registry::Registry;
use crate::phone::{Phone, ladder, timeline};
use crate::site::Site;
use crate::types::WireText;

/// What is wrong.
pub fn diagnose<'a>(
    registry: &'a Registry,
    site: &'a Site,
    inputs: &[InputSummary],
    limits: &[String],
    notes: &[String],
) -> Diagnosis<'a> {
    let visible = Visibility::new(registry, inputs);
    let world = DiagnosisContext::new(registry, site, visible);
    let mut order: Vec<usize> =
        registry.phones().iter().enumerate().filter(|(_, p)| !p.is_media_resource()).map(|(i, _)| i).collect();
    order.sort_by_key(|i| registry.phones().get(*i).map(Phone::id));

    let mut groups = Groups::default();
    let mut seen = ServersSeen::default();
    let mut judged: Vec<(Vec<usize>, Option<usize>)> = Vec::with_capacity(order.len());
    for phone in order.iter().filter_map(|i| registry.phones().get(*i)) {
        let cx = PhoneContext::new(&world, phone);
        let drafts: Vec<Draft> = RULES.iter().flat_map(|rule| (rule.check)(&cx)).collect();
        judged.push(groups.add(phone.id(), drafts));
        seen.add(&cx);
    }
    let servers = seen.into_servers(site);
    let mut limits = limits.to_vec();
    limits.extend(groups.limit_reached());
    let (findings, place) = groups.into_findings();
    let at = |group: &usize| place.get(*group).copied();
    let codes: Vec<Code> = findings.iter().map(|f| f.code).collect();
    let judged: Vec<(Vec<usize>, Option<Code>)> = judged
        .into_iter()
        .map(|(groups, verdict)| {
            let mut indices: Vec<usize> = groups.iter().filter_map(at).collect();
            indices.sort_unstable();
            indices.dedup();
            let code = verdict.and_then(|g| at(&g)).and_then(|i| codes.get(i).copied());
            (indices, code)
        })
        .collect();
    let mut notes = notes.to_vec();
    note_unknown_addresses(&world, &order, &mut notes);
    note_open_sessions(&world, &order, &mut notes);
    note_media_resources(registry, &mut notes);
    let code_of = codes;
    let coverage = coverage(registry, &world.visible, inputs, &limits, &notes);
    let phone_count = order.len();
    let make_phone = move |index: usize, detail: Detail| {
        let empty = Phone::default();
        let phone = order.get(index).and_then(|i| registry.phones().get(*i)).unwrap_or(&empty);
        let (findings, code) = judged.get(index).cloned().unwrap_or_default();
        let codes: Vec<Code> = findings.iter().filter_map(|i| code_of.get(*i).copied()).collect();
        report(&world, phone, findings, &codes, code, detail)
    };
    Diagnosis {
        site: site.path.clone(),
        inputs: inputs.to_vec(),
        coverage,
        servers,
        findings,
        what_if: Vec::new(),
        phone_count,
        other_dhcp_clients: registry.other_dhcp_clients(),
        make_phone: Box::new(make_phone),
    }
}

/// An address that the site file names nowhere is never foreign, only a note.
fn note_unknown_addresses(world: &DiagnosisContext<'_>, order: &[usize], notes: &mut Vec<String>) {
    if world.site.clusters.is_empty() {
        return;
    }
    let mut asked: BTreeSet<IpAddr> = BTreeSet::new();
    let mut tried: BTreeSet<IpAddr> = BTreeSet::new();
    for phone in order.iter().filter_map(|i| world.registry.phones().get(*i)) {
        asked.extend(phone.files.iter().map(|f| f.server));
        tried.extend(phone.attempts.iter().map(|a| a.server));
    }
    asked.retain(|s| !world.site.names_tftp(s));
    tried.retain(|s| world.site.cluster_of_call_manager(s).is_none());
    asked.append(&mut tried);
    for ip in asked.into_iter().take(20) {
        notes.push(format!("{ip} is used by phones and named nowhere in the site file"));
    }
}

/// Names of phones in one note.
const NAMED_PHONES: usize = 10;

/// A secure session that stands in the end is told as open, never as a registration.
fn note_open_sessions(world: &DiagnosisContext<'_>, order: &[usize], notes: &mut Vec<String>) {
    let phones = order.iter().filter_map(|i| world.registry.phones().get(*i));
    let mut open: Vec<String> = phones
        .filter_map(|phone| {
            let cx = PhoneContext::new(world, phone);
            let attempt = cx.open_session()?;
            let since = attempt.secure_session()?.time.to_string();
            let since = since.get(..19).unwrap_or_default().replace('T', " ");
            Some(format!("{} with {} port {} since {since}", cx.label(), attempt.server, attempt.port))
        })
        .collect();
    if open.is_empty() {
        return;
    }
    let more = open.len().saturating_sub(NAMED_PHONES);
    open.truncate(NAMED_PHONES);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    notes.push(format!(
        "secure sessions that are open at the end: {}{more}; whether a phone is registered in one is not to be read",
        open.join(", ")
    ));
}

/// Clients of CallManagers that are no phones are named, so that nobody misses them among the phones.
fn note_media_resources(registry: &Registry, notes: &mut Vec<String>) {
    let mut all: Vec<String> = registry
        .media_resources()
        .filter_map(|client| {
            let server = client.attempts.last()?.server;
            let mac = Some(client.mac).filter(|m| !m.is_zero()).map(|m| m.to_string());
            let ip = client.ip.or(client.attempts.last().map(|a| a.client)).map(|ip| ip.to_string());
            let name = client.name().map(ToString::to_string).or(mac).or(ip.clone())?;
            let from = ip.filter(|ip| *ip != name).map(|ip| format!(" ({ip})")).unwrap_or_default();
            Some(format!("{name}{from} with {server}"))
        })
        .collect();
    if all.is_empty() {
        return;
    }
    all.sort_unstable();
    let more = all.len().saturating_sub(NAMED_PHONES);
    all.truncate(NAMED_PHONES);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    notes.push(format!(
        "SCCP clients that are no phones, such as conference bridges, transcoders and MTPs, are not listed: {}{more}",
        all.join(", ")
    ));
}

fn traces(cx: &PhoneContext<'_>) -> ObservedSite {
    let contact = cx.last_contact().filter(|_| cx.is_registered());
    let registered = contact.and_then(|c| Some((c.server, c.attempt?.registered_at()?)));
    let resolve =
        |name: &WireText| ObservedName { name: name.clone(), addresses: cx.world.registry.resolve(name.raw()) };
    let lease = cx.phone.lease();
    let tagged = cx.phone.dhcp.list.iter().rev().find_map(|e| match e.seen_in {
        SeenIn::Vlan(id) => Some(ObservedVlan { id, at: e.began.at }),
        _ => None,
    });
    let running = cx.phone.running();
    let moments = ObservedTimes {
        boots: cx.phone.boots.iter().map(|b| b.time).collect(),
        lease: lease.map(|l| l.seen_at.time),
        tftp: cx.tftp_use().map(|u| u.seen_at.time),
        load: running.map(|l| l.said.unwrap_or(l.seen_at).time),
        attempt: cx.last_contact().and_then(|c| c.attempt).map(|a| a.last.time),
        registered: registered.map(|(_, seen_at)| seen_at.time),
    };
    ObservedSite {
        registered: registered.map(|(ip, seen_at)| ObservedServer { ip, at: seen_at.at }),
        registered_with_router: registered.is_some_and(|(server, _)| is_srst(cx, server)),
        tftp: cx.tftp_use().map(|u| ObservedTftp { ip: u.server, at: u.seen_at.at, asked: u.asked }),
        call_managers: cx.config().map(|(_, c)| c.call_managers.iter().map(resolve).collect()).unwrap_or_default(),
        lease: lease.and_then(|l| Some(ObservedLease { address: l.address?, mask: l.terms.mask, at: l.seen_at.at })),
        vlan: tagged,
        moments,
    }
}

fn report(
    world: &DiagnosisContext<'_>,
    phone: &Phone,
    findings: Vec<usize>,
    codes: &[Code],
    code: Option<Code>,
    detail: Detail,
) -> PhoneReport {
    let registry = world.registry;
    let cx = PhoneContext::new(world, phone);
    let state = cx.state();
    let contact = cx.last_contact();
    let attempt = contact.and_then(|c| c.attempt);
    let verdict = match code {
        Some(code) => Verdict::Finding(code),
        None if state == RegistrationState::Registered => Verdict::Healthy,
        None => Verdict::Incomplete,
    };
    let terms = cx.terms();
    let lease_v6 = phone.lease_v6();
    let offers = phone.dhcp.list.iter().flat_map(|e| {
        let taken = e.ack.as_ref().map(|a| a.terms.server).or(e.requested);
        e.offers.iter().filter(|o| !o.terms.server.is_unspecified()).map(move |o| Offer {
            server: IpAddr::V4(o.terms.server),
            tftp: o.terms.tftp(),
            at: o.seen_at.at,
            chosen: taken == Some(o.terms.server),
        })
    });
    let offers = offers.chain(phone.dhcpv6.list.iter().flat_map(|e| {
        e.advertised.iter().map(|a| Offer {
            server: IpAddr::V6(a.server),
            tftp: a.tftp_names(),
            at: a.seen_at.at,
            chosen: e.taken().is_some_and(|t| t.is_of(a)),
        })
    }));
    let mut tftp_servers: Vec<IpAddr> = Vec::new();
    for fetch in &phone.files {
        if !tftp_servers.contains(&fetch.server) {
            tftp_servers.push(fetch.server);
        }
    }
    let files = phone.files.iter().map(|f| FileFetch {
        name: f.name.clone(),
        server: f.server,
        transport: f.transport,
        outcome: f.outcome(),
        bytes: f.bytes,
        at: f.request.first.at,
        time: f.request.first.time,
    });
    let used = cx.tftp_use();
    let (step, step_since) = super::boot_step::boot_step(&cx);
    let load = LoadReport {
        running: cx.running().map(|(load, _)| load),
        running_source: phone.running().map(|l| l.source.as_str()),
        configured: cx.config().and_then(|(_, c)| phone.load_in(c)),
        fetched: phone.fetched().map(|(load, _)| WireText::from(load.as_str())),
        wanted_by_call_manager: phone.attempts.iter().rev().find_map(|a| a.wanted.as_ref()).map(|w| w.load.clone()),
    };
    let site = world.site;
    let registered_with = phone
        .counting_attempts()
        .filter(|(i, _)| {
            phone.attempt_state(*i, world.now(), world.visible.blind_registration) == RegistrationState::Registered
        })
        .map(|(_, a)| a.server)
        .next_back();
    PhoneReport {
        mac: phone.mac,
        by_name: phone.by_name,
        name: phone.name().cloned(),
        model: phone.model().map(str::to_owned),
        ip: phone.ip,
        vlan: phone.vlan,
        dhcp_server: match (terms, lease_v6) {
            (Some(terms), _) => Some(IpAddr::V4(terms.server)).filter(|s| !s.is_unspecified()),
            (None, lease) => lease.map(|l| IpAddr::V6(l.server)),
        },
        lease_tftp: terms.map(|t| t.tftp()).or_else(|| lease_v6.map(dhcpv6::Answer::tftp_names)).unwrap_or_default(),
        tftp_source: used.and_then(|u| u.source),
        offers: offers.collect(),
        tftp_servers,
        files: files.collect(),
        load,
        registration: Registration {
            state,
            protocol: attempt.map(|a| a.protocol.as_str()),
            call_manager: contact.map(|c| c.server),
            reject_text: attempt.and_then(|a| a.refusal()).map(|r| r.text.clone()),
            reject_meaning: attempt.and_then(|a| a.refusal()).and_then(|r| r.meaning.clone()),
            device_type: phone.device_type,
            attempts: u32::try_from(phone.counting_attempts().count())
                .unwrap_or(u32::MAX)
                .saturating_add(phone.attempts_evicted),
            last_reason: phone.last_reason.as_ref().map(|r| r.text.clone()),
        },
        cluster_expected: cluster_name(cx.cluster()),
        cluster_tftp: used.and_then(|u| cluster_name(site.cluster_of_tftp_for(u.server, cx.cluster()))),
        cluster_registered: registered_with.and_then(|s| cluster_name(site.cluster_of_call_manager(s))),
        step,
        step_since: step_since.map(|s| Moment { time: s.time, at: s.at }),
        last: phone.last.map(|s| s.time),
        verdict,
        findings,
        timeline: if detail >= Detail::Timeline { timeline::timeline(registry, phone) } else { Vec::new() },
        ladder: if detail >= Detail::Story { ladder::ladder(phone) } else { Vec::new() },
        narrative: if detail >= Detail::Story { super::narrative::narrative(&cx, verdict) } else { String::new() },
        traces: traces(&cx),
        wanted: super::wanted::wanted(&cx, codes),
    }
}
