//! `call-manager-name-unresolved`: the configuration names the CallManagers by names that lead to no address.

use std::net::IpAddr;

use crate::conversation::SeenAt;
use crate::conversation::file::Fetch;
use crate::diagnosis::{Code, Confidence, Evidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::{PhoneContext, SETTLED};
use crate::findings::resolution::{evidence_of, is_resolved, questions_for, unresolved};
use crate::findings::{Draft, and_list, evidence, optional};
use crate::phone::NameAsk;
use crate::types::WireText;

declare_finding! {
    /// ## Trigger
    ///
    /// The configuration that the phone was served names its CallManagers by name, none of them by address, and no name
    /// leads to an address: DNS answers that there is no such name, fails, or stays silent (three questions, or older
    /// than the retransmission interval when the capture ends); or the lease names no DNS server (option 6), and the
    /// phone asks none. Only where the phone tries no CallManager after that; the address of its TFTP server, which a
    /// phone without a CallManager tries, does not count as one.
    ///
    /// ## Evidence
    ///
    /// The configuration, the first question and its answer; or the lease without a DNS server. Certain of an answer, and
    /// of a missing DNS server once the phone came for its configuration again.
    ///
    /// ## Explanation
    ///
    /// A CallManager server that was entered by its name goes out to the phones as that name, often without a domain. Each
    /// phone then needs DNS at every boot: a DNS server (option 6), mostly the domain (option 15), and a record. One that
    /// finds no address connects to nobody, asks for its configuration again, and shows "Registering".
    ///
    /// ## Fix
    ///
    /// Let the names resolve for the phones: a record on the DNS server that they ask; DNS server and domain in their
    /// scope. Or enter the CallManagers by address: then phones need no DNS.
    ///
    /// ## Not this
    ///
    /// `tftp-name-unresolved`: the name of the TFTP server, before any file. `call-manager-no-answer`: the name resolves,
    /// and the address is silent. A name that resolves at the second question, or with the domain behind it.
    ///
    /// ## References
    ///
    /// RFC 1035 section 4.1.1 (response codes); RFC 2132 section 3.8 (option 6), 3.17 (option 15); Cisco Unified
    /// Communications Manager administration guide, "Server setup".
    static CALL_MANAGER_NAME_UNRESOLVED = {
        code: CallManagerNameUnresolved,
        summary: "The name of a CallManager in the configuration does not resolve",
        check: check,
    }
}

/// Why the phone knows no address.
struct Failure<'p> {
    name: WireText,
    why: String,
    /// In words that stand after "and".
    how: String,
    ask: Option<&'p NameAsk>,
    confidence: Confidence,
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some((fetch, config)) = cx.config() else { return Vec::new() };
    let names = &config.call_managers;
    let is_address = |n: &WireText| n.raw().parse::<IpAddr>().is_ok();
    // An address beside the name is all that the phone needs.
    if names.is_empty() || names.iter().any(is_address) || cx.is_registered() || cx.open_session().is_some() {
        return Vec::new();
    }
    // One that it tries has an address; its TFTP server is what it tries where it has none.
    let tries_one = cx.phone.attempts.iter().any(|a| a.last > fetch.request.first && a.server != fetch.server);
    if tries_one {
        return Vec::new();
    }
    failure(cx, fetch, names).map(|failure| draft(cx, fetch, names, &failure)).into_iter().collect()
}

fn failure<'p>(cx: &PhoneContext<'p>, fetch: &Fetch, names: &[WireText]) -> Option<Failure<'p>> {
    let began = cx.phone.boot_began().unwrap_or(fetch.request.first).min(fetch.request.first);
    let heard = |a: &NameAsk| a.answer.as_ref().map_or(a.tries.last, |answer| answer.seen_at.max(a.tries.last));
    let last = cx.phone.dns.iter().map(heard).max().unwrap_or(fetch.request.first);
    let settled = cx.now().since(last.time) >= SETTLED || cx.moved_on(last);
    let mut first = None;
    let mut is_asked = false;
    for name in names {
        let asks = questions_for(cx, name.raw(), began);
        if asks.is_empty() {
            continue;
        }
        is_asked = true;
        if is_resolved(&asks) {
            return None;
        }
        let found = unresolved(cx, &asks)?;
        first.get_or_insert(Failure {
            name: name.clone(),
            why: found.why,
            how: found.how,
            ask: Some(found.ask),
            // It may yet ask for the name with its domain, or for the next name.
            confidence: if settled { found.confidence } else { found.confidence.min(Confidence::Likely) },
        });
    }
    if is_asked { first } else { without_dns_server(cx, fetch, names) }
}

/// The lease names no DNS server, and the phone asks none.
fn without_dns_server<'p>(cx: &PhoneContext<'p>, fetch: &Fetch, names: &[WireText]) -> Option<Failure<'p>> {
    let has_none = |fetch: &Fetch| {
        let lease = cx.lease_at(fetch.request.first).filter(|l| !l.terms.cut && l.terms.dns.is_empty());
        let asks_one = |since: SeenAt| cx.phone.dns.iter().any(|a| a.tries.last > since);
        let by_dhcpv6 = cx.lease_v6_at(fetch.request.first).is_some_and(|l| !l.dns.is_empty());
        lease.is_some_and(|l| !asks_one(l.seen_at)) && !by_dhcpv6
    };
    if !has_none(fetch) || cx.world.visible.blind_registration {
        return None;
    }
    // It had the configuration before, and connected to nobody.
    let came_back = cx.phone.files.iter().find(|f| {
        let is_same = f.config.as_ref().is_some_and(|c| c.call_managers == *names) && f.server == fetch.server;
        let connects = cx.phone.attempts.iter().any(|a| a.last > f.request.first && a.server != f.server);
        is_same && f.request.first < fetch.request.first && has_none(f) && !connects
    });
    let since = came_back.unwrap_or(fetch).last;
    let settled = cx.now().since(since.time) >= SETTLED;
    let sure = if came_back.is_some() { Confidence::Certain } else { Confidence::Likely };
    settled.then(|| Failure {
        name: names.first().cloned().unwrap_or_default(),
        why: "no-dns-server".to_owned(),
        how: "its lease names no DNS server to ask (option 6)".to_owned(),
        ask: None,
        confidence: cx.confidence_from_absence(sure),
    })
}

fn draft(cx: &PhoneContext<'_>, fetch: &Fetch, names: &[WireText], failure: &Failure<'_>) -> Draft {
    let Failure { name, why, how, ask, confidence } = failure;
    let dns_server = ask.map(|a| a.server);
    let lease = cx.lease_at(fetch.request.first);
    let mut servers: Vec<IpAddr> = dns_server.into_iter().collect();
    if dns_server.is_none() {
        servers.extend(lease.map(|l| IpAddr::V4(l.terms.server)));
    }
    let named = if names.len() == 1 { "its CallManager by the name" } else { "its CallManagers by the names" };
    let title = match dns_server {
        Some(_) => format!("the CallManager's name {name} does not resolve"),
        None => format!("the CallManager's name {name} does not resolve: the lease names no DNS server"),
    };
    Draft::from_evidence(Code::CallManagerNameUnresolved, *confidence, show(cx, fetch, names, failure))
        .servers(servers)
        .fact("name", Fact::Text(name.clone()))
        .fact("dns_server", optional(dns_server))
        .fact("why", Fact::Text(WireText::from(why.as_str())))
        .title(title)
        .summary(format!(
            "The configuration of {} from {} names {named} {}, and {how}. Without an address the phone connects to no \
             CallManager.",
            cx.label(),
            fetch.server,
            and_list(names)
        ))
        .fixes(fixes(cx, names, failure))
}

fn show(cx: &PhoneContext<'_>, fetch: &Fetch, names: &[WireText], failure: &Failure<'_>) -> Vec<Evidence> {
    let served: SeenAt = fetch.answered.unwrap_or(fetch.request.first);
    let configured = evidence(served, format!("{} of {} names {}", fetch.name, fetch.server, and_list(names)));
    let mut shown = failure.ask.map(|ask| evidence_of(cx, ask)).unwrap_or_default();
    if failure.ask.is_none()
        && let Some(lease) = cx.lease_at(fetch.request.first)
    {
        let text =
            format!("DHCP server {} leases an address to {}, without a DNS server", lease.terms.server, cx.label());
        shown.push(evidence(lease.seen_at, text));
    }
    shown.push(configured);
    shown
}

fn fixes(cx: &PhoneContext<'_>, names: &[WireText], failure: &Failure<'_>) -> Vec<Fix> {
    let listed = and_list(names);
    let target = if failure.ask.is_some() { FixTarget::Network } else { FixTarget::DhcpServer };
    let resolve = Fix::new(FixKind::ResolveName, target, format!("Let {listed} resolve for the phones"))
        .steps(resolve_steps(cx, names, failure))
        .verify(format!(
            "The phone's question for {} is answered with an address, and a SYN to it follows.",
            failure.name
        ));
    let by_address = Fix::new(FixKind::ResolveName, FixTarget::CallManager, "Enter the CallManagers by address")
        .step(format!("On CallManager: System, Server: the IP address in place of {listed}; phones then need no DNS."))
        .step("Restart the TFTP service, so that it writes the configurations anew, and reset the phones.")
        .undo(format!("System, Server: {listed} again."))
        .verify("The configuration that the phones are served names addresses.");
    let resolve = vec![resolve];
    let by_address = by_address.instead_of(&resolve);
    resolve.into_iter().chain([by_address]).collect()
}

fn resolve_steps(cx: &PhoneContext<'_>, names: &[WireText], failure: &Failure<'_>) -> Vec<String> {
    let scope =
        "In the phones' scope: name a DNS server that knows these names (option 6), and the domain (option 15).";
    let Some(ask) = failure.ask else {
        return vec![
            scope.to_owned(),
            format!("On that DNS server: is there a record of type A for each of {}?", and_list(names)),
            "Reset the phones: they learn of the DNS server with their next lease.".to_owned(),
        ];
    };
    let known = cx.world.registry.resolve(failure.name.raw());
    let to = if known.is_empty() { "the CallManager's address".to_owned() } else { and_list(&known) };
    let server = ask.server;
    let first = if failure.why == "silent" {
        format!("Is DNS server {server} up, and does the phones' network reach its port 53 (UDP)?")
    } else {
        format!("On DNS server {server}: add a record of type A for {} with {to}.", and_list(names))
    };
    vec![first, format!("Or, where {server} is not the DNS server that knows them: {}", lowered(scope))]
}

/// The same sentence in the middle of another.
fn lowered(sentence: &str) -> String {
    sentence.replacen('I', "i", 1)
}
