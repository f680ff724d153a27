//! `no-default-router`: a lease that does not lead out of the subnet.

use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::dhcp::OfferSeen;
use crate::diagnosis::{Code, Confidence, Evidence, Fix, FixKind, FixTarget, Platform};
use crate::findings::context::{ARP_INTERVAL, PhoneContext, SETTLED};
use crate::findings::leases::Stranded;
use crate::findings::{Draft, evidence, text};
use crate::remedy;

declare_finding! {
    /// ## Trigger
    ///
    /// The lease names no router (option 3), the TFTP servers that it names, or the CallManagers of the phone's
    /// configuration, are all in other networks, and the phone asks for one of them by ARP in its own, or says nothing more. Not
    /// where a packet of the phone goes out of its subnet, or a router answers its ARP questions (proxy ARP).
    ///
    /// ## Evidence
    ///
    /// The acknowledgement of the lease, and the ARP question. Certain once three of those had their time; likely where the
    /// phone is silent.
    ///
    /// ## Explanation
    ///
    /// What is not in the phone's own subnet, it reaches through the default router. Without one it looks for the server
    /// on its own LAN, where the server is not, or does not look at all.
    ///
    /// ## Fix
    ///
    /// Name the router of the phones' subnet in option 3 of the scope.
    ///
    /// ## Not this
    ///
    /// `tftp-no-answer`: the server is in the phone's own subnet, or the lease names a router. A lease without a router
    /// whose servers are all in the phone's subnet.
    ///
    /// ## References
    ///
    /// RFC 2132 section 3.5 (option 3); RFC 1122 section 3.3.1 (which packets go to a router).
    static NO_DEFAULT_ROUTER = {
        code: NoDefaultRouter,
        summary: "The lease names no router, and a server that the phone needs is in another network",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(Stranded { lease, needed }) = cx.stranded() else { return Vec::new() };
    let Some((shown, confidence)) = shown(cx, lease, needed) else { return Vec::new() };
    let server = lease.terms.server;
    let network = remedy::dhcp::Scope::of(&lease.terms, lease.address).label();
    let mut all = vec![evidence(
        lease.seen_at,
        format!("DHCP server {server} leases an address to {}, without a router (option 3)", cx.label()),
    )];
    let does = match &shown {
        Some(_) => format!("it looks for {needed} by ARP in its own subnet, where it is not"),
        None => "it says nothing more".to_owned(),
    };
    all.extend(shown);
    vec![
        Draft::from_evidence(Code::NoDefaultRouter, confidence, all)
            .server(IpAddr::V4(server))
            .fact("dhcp_server", text(server))
            .fact("needed", text(needed))
            .title(format!("the lease from {server} names no default router"))
            .summary(format!(
                "{} has a lease in {network} from DHCP server {server} without a default router (option 3), and needs {needed}, \
                 which is in another network: {does}.",
                cx.label()
            ))
            .fix(fix(lease, &network)),
    ]
}

/// The ARP question, where there is one, and how sure it is; `None`: it is too early to tell.
fn shown(cx: &PhoneContext<'_>, lease: &OfferSeen, needed: Ipv4Addr) -> Option<(Option<Evidence>, Confidence)> {
    let ask = cx.phone.arp.iter().find(|a| a.target == needed && a.tries.last > lease.seen_at);
    if let Some(ask) = ask {
        let shown = format!("{} asks its own LAN who has {needed}, and nobody answers", cx.label());
        let sure = match cx.unanswered_arp(IpAddr::V4(needed)) {
            Some(ask) => cx.confidence_from_silence(&ask.tries, ARP_INTERVAL),
            None => Confidence::Likely,
        };
        return Some((Some(evidence(ask.tries.first, shown)), sure));
    }
    let done = cx.phone.files.last().map_or(lease.seen_at, |f| f.last.max(lease.seen_at));
    let is_silent = !cx.has_address_since(done) && cx.now().since(done.time) >= SETTLED;
    is_silent.then(|| (None, cx.confidence_from_absence(Confidence::Likely)))
}

fn fix(lease: &OfferSeen, network: &str) -> Fix {
    let server = lease.terms.server;
    // The relay agent that is in the phones' subnet is a router of it.
    let router = lease.relay.filter(|relay| !lease.is_outside(*relay));
    let which =
        router.map_or("the router of that subnet".to_owned(), |r| format!("{r}, the relay agent of that subnet"));
    let scope = remedy::dhcp::Scope::of(&lease.terms, lease.address);
    let pool = scope.network.map_or("! in the phones' pool:\n".to_owned(), |(network, mask)| {
        format!("! in the pool with: network {network} {mask}\n")
    });
    Fix::new(
        FixKind::NameRouter,
        FixTarget::DhcpServer,
        format!("Name the default router (option 3) of {network} on DHCP server {server}"),
    )
    .on(if router.is_some() { Platform::Ios } else { Platform::Any })
    .step(format!(
        "Put {which} into option 3 of the scope (default-router on Cisco IOS, option routers on ISC dhcpd and Kea, 003 Router on Windows)."
    ))
    .step("Reset the phones of that scope afterwards: a lease in use is not asked for again before half its time.")
    .config(router.map(|r| format!("{pool} default-router {r}\n")))
    .undo(router.map(|r| format!("{pool} no default-router {r}\n")))
    .verify("The next ACK carries option 3, and the phone sends its read request by way of the router.")
}
