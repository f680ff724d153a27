//! `conflicting-dhcp-offers`: two DHCP servers, two TFTP servers.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::dhcp::OfferSeen;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Severity, TftpSource};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, and_list, evidence, optional, text, wire_texts};
use crate::remedy;
use crate::types::WireText;

declare_finding! {
    /// ## Trigger
    ///
    /// Two or more DHCP servers answer the same phone with different TFTP servers. A warning; an error for a phone that
    /// took the offer with the wrong one (see `wrong-tftp-server` for how that is known), or one that names none where
    /// another server's does.
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
    /// Let one of the servers answer in this VLAN, or give both the same option 150. Where one of them should not be
    /// there, such as a home router that names no TFTP server, take it off and switch DHCP snooping on.
    ///
    /// ## Not this
    ///
    /// Two servers that name the same TFTP servers, such as a failover pair. `unknown-dhcp-server`: the site file tells
    /// which of the two should not be there.
    ///
    /// ## References
    ///
    /// RFC 2131 section 4.4.1 (choice among offers); RFC 5859 (option 150).
    static CONFLICTING_DHCP_OFFERS = {
        code: ConflictingDhcpOffers,
        summary: "DHCP servers answer the same phones with different TFTP servers",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let mut offers: Vec<&OfferSeen> = Vec::new();
    for exchange in &cx.phone.dhcp.list {
        for offer in exchange.offers.iter().chain(&exchange.ack).filter(|o| !o.terms.cut) {
            if !offers.iter().any(|o| o.terms.server == offer.terms.server && o.terms == offer.terms) {
                offers.push(offer);
            }
        }
    }
    let sets: BTreeSet<(Ipv4Addr, BTreeSet<WireText>)> =
        offers.iter().map(|o| (o.terms.server, o.terms.tftp().into_iter().collect())).collect();
    let servers: BTreeSet<Ipv4Addr> = sets.iter().map(|(s, _)| *s).collect();
    let contents: BTreeSet<&BTreeSet<WireText>> = sets.iter().map(|(_, t)| t).collect();
    // One server that changed its mind is no conflict of two.
    let conflict = servers.len() > 1 && contents.len() > 1 && {
        let by_server = |s: &Ipv4Addr| sets.iter().filter(|(x, _)| x == s).map(|(_, t)| t).collect::<BTreeSet<_>>();
        let all: BTreeSet<_> = servers.iter().map(by_server).collect();
        all.len() > 1
    };
    // Only offers made in one exchange compete.
    let competing = cx.phone.dhcp.list.iter().any(|e| {
        let mut answering: Vec<Ipv4Addr> =
            e.offers.iter().chain(&e.ack).filter(|o| !o.terms.cut).map(|o| o.terms.server).collect();
        answering.sort_unstable();
        answering.dedup();
        answering.len() > 1
    });
    if !conflict || !competing {
        return Vec::new();
    }
    let chosen = cx.terms().map(|t| t.server);
    let wrong = cx.wrong_tftp().filter(|w| w.used.source.is_some_and(|s| s != TftpSource::Manual));
    let better = cx.better_offer().filter(|_| wrong.is_none());
    let severity = if wrong.is_some() || better.is_some() { Severity::Error } else { Severity::Warning };
    let confidence = match (wrong, better) {
        (Some(wrong), _) => wrong.right.confidence,
        // Which of the two servers belongs here, only their options tell.
        (None, Some(_)) => Confidence::Likely,
        (None, None) => Confidence::Certain,
    };
    offers.sort_by_key(|o| o.terms.server);
    let rows = offers
        .iter()
        .map(|o| Fact::Table(vec![("server", text(o.terms.server)), ("tftp", wire_texts(&o.terms.tftp()))]));
    let said: Vec<String> = offers
        .iter()
        .map(|o| {
            let tftp = o.terms.tftp();
            let tftp = if tftp.is_empty() { "no TFTP server".to_owned() } else { and_list(&tftp) };
            format!("{} names {tftp}", o.terms.server)
        })
        .collect();
    let took = match (chosen, wrong) {
        (Some(chosen), _) if better.is_some() => {
            format!(" The phone took the offer of {chosen}, and has nobody to ask for its configuration.")
        }
        (Some(chosen), Some(_)) => format!(" The phone took the offer of {chosen}, the wrong one."),
        (Some(chosen), None) => format!(" The phone took the offer of {chosen}."),
        _ => String::new(),
    };
    let agree = Fix::new(FixKind::AgreeDhcpServers, FixTarget::DhcpServer, format!("Let one DHCP server answer here, or give {} the same option 150", and_list(&servers.iter().collect::<Vec<_>>())))
        .step("Decide which of the servers belongs here; take the scope of the other one away, or set its option 150 to the same servers.")
        .step("Where one of them should not be on this network at all, find its port; trust the right server's port, and only then switch DHCP snooping on.")
        .verify("When a phone boots, all offers name the same TFTP servers.");
    let mut fixes = match chosen.filter(|_| better.is_some()) {
        Some(chosen) => vec![remedy::dhcp::remove_server(chosen, cx.phone.vlan)],
        None => vec![agree],
    };
    if let (Some(wrong), Some(lease)) = (wrong, cx.phone.lease()) {
        let scope = remedy::dhcp::Scope::of(&lease.terms, lease.address);
        let lines = cx.set_option_150(&scope, &wrong.right.servers);
        let lines: Vec<Fix> = lines.into_iter().map(|f| f.instead_of(&fixes)).collect();
        fixes.extend(lines);
    }
    let mut shown: Vec<_> = offers
        .iter()
        .map(|o| {
            evidence(
                o.seen_at,
                format!("DHCP server {} answers {} with another TFTP server", o.terms.server, cx.label()),
            )
        })
        .collect();
    shown.sort_by_key(|e| e.at);
    vec![
        Draft::from_evidence(Code::ConflictingDhcpOffers, confidence, shown)
            .severity(severity)
            .servers(servers.iter().copied().chain(chosen).map(IpAddr::V4))
            .fact("offers", Fact::List(rows.collect()))
            .fact("chosen", optional(chosen))
            .title(format!(
                "DHCP servers {} disagree about the TFTP server",
                and_list(&servers.iter().collect::<Vec<_>>())
            ))
            .summary(format!(
                "{} is answered by {} DHCP servers: {}.{took}",
                cx.label(),
                servers.len(),
                said.join("; ")
            ))
            .fixes(fixes),
    ]
}
