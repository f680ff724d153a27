//! `dhcp-refused`: the server takes its word back, or the phone does not want the address.

use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::SeenAt;
use crate::conversation::dhcp::{Exchange, Kind};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Platform, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, optional};
use crate::remedy;
use crate::types::{Mac, WireText};

declare_finding! {
    /// ## Trigger
    ///
    /// A DHCP server answers the phone's REQUEST with NAK, or the phone declines the address that it was given. A warning
    /// where a lease follows; an error where it happens again before the phone has a lease that holds, or where renewals
    /// are refused twice.
    ///
    /// ## Evidence
    ///
    /// The NAK with its text (option 56), or the DECLINE, the acknowledgement that it answers, and the ARP message of the
    /// device that has the address, by its MAC.
    ///
    /// ## Explanation
    ///
    /// NAK: the address belongs to another network than the one that the phone asks in, its lease is gone, or two servers
    /// with different ideas answer one network. One NAK to a phone that was moved is how DHCP is meant to work: it asks
    /// for the address that it had, hears no, and starts from the beginning. DECLINE: the phone asked by ARP whether
    /// somebody has the address, and somebody answered; the server hands out what is already in use.
    ///
    /// ## Fix
    ///
    /// NAK that repeats: compare scope, mask and exclusions with the VLAN that the phone asks in, look for free addresses,
    /// and for a second server on the network. DECLINE: find the device that has the address, and exclude the address
    /// from the pool or give the device a lease.
    ///
    /// ## Not this
    ///
    /// `no-dhcp-answer`: nobody answers at all. `duplicate-device`: the phone keeps an address that another device has too.
    ///
    /// ## References
    ///
    /// RFC 2131 sections 3.1, 3.2 and 4.3.2 (NAK), 4.4.1 (DECLINE); RFC 2132 section 9.9 (message).
    static DHCP_REFUSED = {
        code: DhcpRefused,
        summary: "A DHCP server answers NAK, or the phone declines the address",
        check: check,
    }
}

/// One exchange that ended without a lease that holds.
struct Refusal<'a> {
    seen_at: SeenAt,
    server: Option<Ipv4Addr>,
    text: Option<&'a WireText>,
    /// The address that the phone declined.
    declined: Option<Ipv4Addr>,
    /// Who has it, and where it says so at the time.
    holder: Option<(Mac, Option<SeenAt>)>,
    renewal: bool,
}

fn refusal<'a>(cx: &PhoneContext<'_>, exchange: &'a Exchange) -> Option<Refusal<'a>> {
    if let Some(seen_at) = exchange.decline {
        let granted = exchange.granted();
        let declined = granted.and_then(|a| a.address);
        let at_the_time = exchange.holder.as_deref().map(|h| (h.mac, Some(h.seen_at)));
        let neighbour = || cx.world.registry.neighbour(IpAddr::V4(declined?)).filter(|mac| *mac != cx.phone.mac);
        return Some(Refusal {
            seen_at,
            server: granted.map(|a| a.terms.server).or(exchange.requested),
            text: None,
            declined,
            holder: at_the_time.or_else(|| Some((neighbour()?, None))),
            renewal: false,
        });
    }
    // Of two servers one may refuse what the other grants.
    let nak = exchange.nak.as_ref().filter(|_| exchange.ack.is_none())?;
    Some(Refusal {
        seen_at: nak.seen_at,
        server: Some(nak.server).filter(|s| !s.is_unspecified()),
        text: nak.text.as_ref(),
        declined: None,
        holder: None,
        renewal: exchange.kind == Kind::Renew,
    })
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let list = &cx.phone.dhcp.list;
    let all: Vec<Refusal<'_>> = list.iter().filter_map(|e| refusal(cx, e)).collect();
    let Some(last) = all.last() else { return Vec::new() };
    let holds = |e: &&Exchange| e.ack.is_some() && e.decline.is_none() && e.kind != Kind::Inform;
    let in_a_row = list.iter().rev().take_while(|e| !holds(e)).filter_map(|e| refusal(cx, e)).count();
    let renewals = all.iter().filter(|r| r.renewal).count();
    let repeats = in_a_row >= 2 || renewals >= 2;
    let servers: Vec<IpAddr> = last.server.map(IpAddr::V4).into_iter().collect();
    let by = last.server.map_or("a DHCP server".to_owned(), |s| format!("DHCP server {s}"));
    let mut shown: Vec<_> = all.iter().rev().take(4).map(|r| evidence(r.seen_at, said(cx, r))).collect();
    if let Some(granted) = list.iter().rev().filter(|e| e.decline == Some(last.seen_at)).find_map(|e| e.ack.as_ref()) {
        shown.push(evidence(granted.seen_at, format!("{by} gives {} that address", cx.label())));
    }
    if let (Some((mac, Some(seen_at))), Some(address)) = (last.holder, last.declined) {
        shown.push(evidence(seen_at, format!("{mac} says by ARP that it has {address}")));
    }
    let after = if list.last().is_some_and(|e| holds(&e)) && !repeats {
        " A lease followed."
    } else if repeats {
        " It is not the only time in this capture."
    } else {
        " The capture does not show a lease after it."
    };
    let title = match last.declined {
        Some(address) => match last.holder {
            Some((mac, _)) => format!("{by} hands out {address}, which {mac} has"),
            None => format!("{by} hands out {address}, which is in use"),
        },
        None => format!("{by} refuses the phones an address"),
    };
    vec![
        Draft::from_evidence(Code::DhcpRefused, Confidence::Certain, shown)
            .severity(if repeats { Severity::Error } else { Severity::Warning })
            .servers(servers)
            .fact("dhcp_server", optional(last.server))
            .fact("text", last.text.map_or(Fact::Null, |t| Fact::Text(t.clone())))
            .title(title)
            .summary(format!("{}{}.{after}", said(cx, last), times(all.len())))
            .fix(fix(cx, last, &by)),
    ]
}

fn times(count: usize) -> String {
    if count == 1 { String::new() } else { format!(", {count} times in all") }
}

fn said(cx: &PhoneContext<'_>, refusal: &Refusal<'_>) -> String {
    let server = refusal.server.map_or("A DHCP server".to_owned(), |s| format!("DHCP server {s}"));
    match (refusal.declined, refusal.text) {
        (Some(address), _) => {
            let who = refusal.holder.map_or("it is in use".to_owned(), |(mac, _)| format!("{mac} has it"));
            format!("{} declines {address} of {server}: {who}", cx.label())
        }
        (None, _) if refusal.server.is_none() => format!("{} is refused an address, or declines one", cx.label()),
        (None, Some(text)) => format!("{server} refuses {} the address (NAK): \"{text}\"", cx.label()),
        (None, None) => format!("{server} refuses {} the address (NAK)", cx.label()),
    }
}

fn fix(cx: &PhoneContext<'_>, last: &Refusal<'_>, by: &str) -> Fix {
    let vlan = cx.phone.vlan.map_or("the phone's VLAN".to_owned(), |v| format!("VLAN {v}"));
    match last.declined {
        Some(address) => Fix::new(FixKind::FreeAddress, FixTarget::DhcpServer, format!("Find who has {address}, and keep it out of the pool"))
            .on(Platform::Ios)
            .step(match last.holder {
                Some((mac, _)) => remedy::network::find_port(mac),
                None => format!(
                    "On the router of {vlan}: show ip arp {address}; then show mac address-table address MAC on the switch."
                ),
            })
            .step(format!("Let that device get its address by DHCP, or exclude {address} on {by}."))
            .config(format!("ip dhcp excluded-address {address}\n"))
            .undo(format!("no ip dhcp excluded-address {address}\n"))
            .verify(format!("{address} is not offered again, and no DECLINE follows the phone's lease.")),
        None => Fix::new(FixKind::AddDhcpScope, FixTarget::DhcpServer, format!("On {by}: serve {vlan}"))
            .step(format!("Is there a scope for {vlan} with the right network and mask, and are addresses free in it?"))
            .step("Does a second DHCP server answer in that VLAN? Two that do not share their leases refuse each other's."
                    )
                        .step("Delete the phone's old lease or reservation there, and reset the phone.")
                        .verify("The phone's REQUEST is followed by an ACK."),
    }
}
