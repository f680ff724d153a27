//! `conflicting-dhcp-offers`: two DHCP servers, two TFTP servers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::SeenAt;
use crate::conversation::dhcp::OfferSeen;
use crate::conversation::dhcpv6::Answer;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Severity, TftpSource};
use crate::findings::context::{PhoneContext, WrongServer};
use crate::findings::{Draft, and_list, dhcp, evidence, optional, text, wire_texts};
use crate::remedy;
use crate::types::WireText;

declare_finding! {
    /// ## Trigger
    ///
    /// Two or more DHCP servers, or DHCPv6 servers, answer the same phone with different TFTP servers. A warning; an error
    /// for a phone that took the offer with the wrong one (see `wrong-tftp-server` for how that is known), one with a TFTP
    /// server that answers nobody, or one that names none where another server's does.
    ///
    /// ## Evidence
    ///
    /// The offers, and the lease that the phone took.
    ///
    /// ## Explanation
    ///
    /// Which of several offers a phone takes is not specified; mostly the first. So the same phone can come up today and
    /// be stuck tomorrow, and of two phones on one switch one comes up.
    ///
    /// ## Fix
    ///
    /// Let one of the servers answer in this VLAN, or give both the same option 150 (DHCPv6: option 17). Where one of them
    /// should not be there, such as a home router that names no TFTP server, take it off and switch DHCP snooping on.
    ///
    /// ## Not this
    ///
    /// Two servers that name the same TFTP servers, such as a failover pair. `unknown-dhcp-server`: the site file tells
    /// which of the two should not be there.
    ///
    /// ## References
    ///
    /// RFC 2131 section 4.4.1 (choice among offers); RFC 8415 section 18.2.9 (choice among ADVERTISEs); RFC 5859 (option 150).
    static CONFLICTING_DHCP_OFFERS = {
        code: ConflictingDhcpOffers,
        summary: "DHCP servers answer the same phones with different TFTP servers",
        check: check,
    }
}

/// What one server answers to a phone.
struct Answered {
    server: IpAddr,
    tftp: Vec<WireText>,
    seen_at: SeenAt,
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let four = conflict(by_dhcpv4(cx)).map(|offers| {
        let chosen = cx.terms().map(|t| IpAddr::V4(t.server));
        draft(cx, offers, chosen, |source| !matches!(source, TftpSource::Manual | TftpSource::Dhcpv6))
    });
    let six = conflict(by_dhcpv6(cx)).map(|offers| {
        let chosen = cx.phone.lease_v6().map(|l| IpAddr::V6(l.server));
        draft(cx, offers, chosen, |source| source == TftpSource::Dhcpv6)
    });
    four.into_iter().chain(six).collect()
}

/// The answers to each question of the phone.
fn by_dhcpv4(cx: &PhoneContext<'_>) -> Vec<Vec<Answered>> {
    let of = |o: &OfferSeen| Answered { server: IpAddr::V4(o.terms.server), tftp: o.terms.tftp(), seen_at: o.seen_at };
    let exchanges = cx.phone.dhcp.list.iter();
    exchanges.map(|e| e.offers.iter().chain(&e.ack).filter(|o| !o.terms.cut).map(of).collect()).collect()
}

fn by_dhcpv6(cx: &PhoneContext<'_>) -> Vec<Vec<Answered>> {
    let of = |a: &Answer| Answered { server: IpAddr::V6(a.server), tftp: a.tftp_names(), seen_at: a.seen_at };
    cx.phone.dhcpv6.list.iter().map(|e| e.advertised.iter().chain(&e.reply).map(of).collect()).collect()
}

/// All that is answered, each once, where servers compete and disagree.
fn conflict(exchanges: Vec<Vec<Answered>>) -> Option<Vec<Answered>> {
    // Only offers made in one exchange compete.
    let competing = exchanges.iter().any(|e| e.iter().any(|o| e.first().is_some_and(|first| first.server != o.server)));
    let mut offers: Vec<Answered> = Vec::new();
    for offer in exchanges.into_iter().flatten() {
        if !offers.iter().any(|o| o.server == offer.server && o.tftp == offer.tftp) {
            offers.push(offer);
        }
    }
    let mut by_server: BTreeMap<IpAddr, BTreeSet<BTreeSet<&WireText>>> = BTreeMap::new();
    for offer in &offers {
        by_server.entry(offer.server).or_default().insert(offer.tftp.iter().collect());
    }
    // One server that changed its mind is no conflict of two.
    let contents: BTreeSet<_> = by_server.values().collect();
    if !competing || contents.len() < 2 {
        return None;
    }
    offers.sort_by_key(|o| o.server);
    Some(offers)
}

/// Whether the phone took the offer with a TFTP server that answers nobody, where another offer names others.
fn took_dead_server(cx: &PhoneContext<'_>, offers: &[Answered], is_of: impl Fn(TftpSource) -> bool) -> bool {
    let Some(used) = cx.tftp_use().filter(|u| u.asked && u.source.is_some_and(is_of)) else { return false };
    let asked = || cx.files().iter().filter(|f| f.server == used.server);
    let in_vain = asked().next().is_some() && asked().all(|f| cx.is_unanswered(f));
    let names_it = |o: &&Answered| o.tftp.iter().any(|n| cx.world.registry.resolve(n.raw()).contains(&used.server));
    in_vain && !cx.world.peers.serves(used.server) && offers.iter().any(|o| !names_it(&o) && !o.tftp.is_empty())
}

fn draft(
    cx: &PhoneContext<'_>,
    offers: Vec<Answered>,
    chosen: Option<IpAddr>,
    is_of: impl Fn(TftpSource) -> bool,
) -> Draft {
    let servers: Vec<IpAddr> = offers.iter().map(|o| o.server).collect::<BTreeSet<_>>().into_iter().collect();
    let wrong = cx.wrong_tftp().filter(|w| w.used.source.is_some_and(&is_of));
    let is_dead = took_dead_server(cx, &offers, &is_of);
    // Of DHCPv4 alone.
    let is_four = chosen.is_some_and(|c| c.is_ipv4());
    let better = cx.better_offer().filter(|_| wrong.is_none() && is_four);
    let severity = if wrong.is_some() || is_dead || better.is_some() { Severity::Error } else { Severity::Warning };
    let confidence = match (wrong, better) {
        (Some(wrong), _) => wrong.right.confidence,
        // Which of the two servers belongs here, only their options tell.
        (None, Some(_)) => Confidence::Likely,
        (None, None) => Confidence::Certain,
    };
    let rows = offers.iter().map(|o| Fact::Table(vec![("server", text(o.server)), ("tftp", wire_texts(&o.tftp))]));
    let rows: Vec<Fact> = rows.collect();
    let names = |o: &Answered| if o.tftp.is_empty() { "no TFTP server".to_owned() } else { and_list(&o.tftp) };
    let said: Vec<String> = offers.iter().map(|o| format!("{} names {}", o.server, names(o))).collect();
    let took = match chosen {
        Some(chosen) if better.is_some() => {
            format!(" The phone took the offer of {chosen}, and has nobody to ask for its configuration.")
        }
        Some(chosen) if wrong.is_some() => format!(" The phone took the offer of {chosen}, the wrong one."),
        Some(chosen) if is_dead => {
            format!(" The phone took the offer of {chosen}, and the TFTP server that it names does not answer.")
        }
        Some(chosen) => format!(" The phone took the offer of {chosen}."),
        None => String::new(),
    };
    let protocol = dhcp(servers.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    let mut shown: Vec<_> = offers
        .iter()
        .map(|o| {
            let text = format!("{protocol} server {} answers {} with another TFTP server", o.server, cx.label());
            evidence(o.seen_at, text)
        })
        .collect();
    shown.sort_by_key(|e| e.at);
    Draft::from_evidence(Code::ConflictingDhcpOffers, confidence, shown)
        .severity(severity)
        .servers(servers.iter().copied().chain(chosen))
        .fact("offers", Fact::List(rows))
        .fact("chosen", optional(chosen))
        .title(format!("{protocol} servers {} disagree about the TFTP server", and_list(&servers)))
        .summary(format!(
            "{} is answered by {} {protocol} servers: {}.{took}",
            cx.label(),
            servers.len(),
            said.join("; ")
        ))
        .fixes(match chosen.filter(|_| better.is_some()) {
            Some(chosen) => vec![remedy::dhcp::remove_server(chosen, cx.phone.vlan)],
            None => fixes(cx, &servers, wrong),
        })
}

fn fixes(cx: &PhoneContext<'_>, servers: &[IpAddr], wrong: Option<&WrongServer>) -> Vec<Fix> {
    let is_six = servers.first().is_some_and(IpAddr::is_ipv6);
    let (option, guard, offers) = if is_six {
        ("option 17 (Cisco's TFTP servers)", "DHCPv6 guard", "ADVERTISEs")
    } else {
        ("option 150", "DHCP snooping", "offers")
    };
    let protocol = if is_six { "DHCPv6" } else { "DHCP" };
    let title = format!("Let one {protocol} server answer here, or give {} the same {option}", and_list(servers));
    let mut fixes = vec![
        Fix::new(FixKind::AgreeDhcpServers, FixTarget::DhcpServer, title)
            .step(format!(
                "Decide which of the servers belongs here; take the scope of the other one away, or set its {option} to \
                 the same servers."
            ))
            .step(format!(
                "Where one of them should not be on this network at all, find its port; trust the right server's port, \
                 and only then switch {guard} on."
            ))
            .verify(format!("When a phone boots, all {offers} name the same TFTP servers.")),
    ];
    let Some(wrong) = wrong else { return fixes };
    let lines = match cx.phone.lease() {
        _ if is_six => cx.set_dhcpv6(&wrong.used, &wrong.right.servers).into_iter().collect(),
        Some(lease) => {
            let scope = remedy::dhcp::Scope::of(&lease.terms, lease.address);
            cx.set_option_150(&scope, &wrong.right.servers)
        }
        None => Vec::new(),
    };
    let lines: Vec<Fix> = lines.into_iter().map(|f| f.instead_of(&fixes)).collect();
    fixes.extend(lines);
    fixes
}
