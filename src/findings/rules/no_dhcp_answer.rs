//! `no-dhcp-answer`: nobody gives the phone an address.

use std::time::Duration;

use crate::conversation::RetryCount;
use crate::conversation::dhcp::Exchange;
use crate::conversation::dhcpv6;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::{DHCP_INTERVAL, PhoneContext};
use crate::findings::leases::AGAIN_AND_AGAIN;
use crate::findings::{Draft, evidence};
use crate::phone::Phone;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone's latest DISCOVERs (or the REQUESTs after an offer, or for the address that it had), or the SOLICITs of a
    /// phone without a lease by DHCPv4, get no answer: it sent three, or the first retransmission interval has passed before the capture ends. Not where the phone is seen to
    /// have an address all the same, and not where the capture does not hold DHCP servers' answers at all.
    ///
    /// ## Evidence
    ///
    /// The first and the latest question. For an absence the question is all there is to see. Certain once there were
    /// three and the last had its time.
    ///
    /// ## Explanation
    ///
    /// The DISCOVER does not reach a server (no relay on the voice VLAN, wrong VLAN, a filter), the server has no scope or
    /// no free address for it, or its answer does not come back.
    ///
    /// ## Fix
    ///
    /// Check `ip helper-address` (DHCPv6: `ipv6 dhcp relay destination`) on the voice VLAN's interface, the scope and its free addresses on the DHCP server, and
    /// that the phone asks in the right VLAN.
    ///
    /// ## Not this
    ///
    /// A capture that ends before an answer could come; a one-way span port, which never shows answers;
    /// `offer-not-taken`: servers answer, and the phone does not hear them. `wrong-voice-vlan`: the phone asks in a VLAN where nobody is meant to answer; `dhcp-refused`: a server answers NAK.
    ///
    /// ## References
    ///
    /// RFC 2131 section 4.1 (retransmission), 3.1 (exchange); RFC 8415 section 15 (the same of DHCPv6).
    static NO_DHCP_ANSWER = {
        code: NoDhcpAnswer,
        summary: "DISCOVERs or REQUESTs of the phone stay without any answer",
        check: check,
    }
}

/// First retransmission of a SOLICIT (RFC 8415 section 7.6: 1 s, give or take a tenth); a phone may take longer.
const SOLICIT_INTERVAL: Duration = Duration::from_secs(5);

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let phone = cx.phone;
    if cx.world.visible.blind_dhcp {
        return Vec::new();
    }
    match asked_in_vain(phone) {
        Some(tries) => by_dhcpv4(cx, tries).into_iter().collect(),
        None => by_dhcpv6(cx).into_iter().collect(),
    }
}

/// The exchanges at the end that nobody answered are one question, whatever their transaction ids.
fn asked_in_vain(phone: &Phone) -> Option<RetryCount> {
    let mut asked: Option<RetryCount> = None;
    let mut first_of_them = true;
    for exchange in phone.dhcp.list.iter().rev().filter(|e| e.is_boot()) {
        let open_request = exchange.request.filter(|_| exchange.ack.is_none() && exchange.nak.is_none());
        let tries = if !exchange.answered() {
            exchange.discover.or(exchange.request)
        } else if first_of_them {
            open_request.filter(|_| !exchange.offers.is_empty())
        } else {
            None
        };
        let Some(tries) = tries else { break };
        let answered = exchange.answered();
        asked = Some(match asked {
            None => tries,
            Some(later) => RetryCount {
                count: later.count + tries.count,
                first: tries.first,
                last: later.last,
                gap: later.gap.min(tries.gap),
            },
        });
        first_of_them = false;
        if answered {
            break;
        }
    }
    asked
}

/// Whether these questions stayed without answer, and the phone without an address.
fn is_in_vain(cx: &PhoneContext<'_>, tries: &RetryCount, interval: Duration) -> bool {
    // Where servers answer and the phone does not hear them, a question or two without answer say nothing.
    if tries.count < 3 && cx.untaken_offers().is_some_and(|u| u.offered >= AGAIN_AND_AGAIN) {
        return false;
    }
    let has_address = cx.has_address_since(tries.first);
    // A phone repeats its question. One that it asked once, and no more for long, had its answer.
    let asked_once = tries.count == 1 && cx.now().since(tries.last.time) > 3 * interval;
    !has_address && !asked_once && tries.unanswered(cx.now(), interval)
}

fn by_dhcpv4(cx: &PhoneContext<'_>, tries: RetryCount) -> Option<Draft> {
    let phone = cx.phone;
    if !is_in_vain(cx, &tries, DHCP_INTERVAL) {
        return None;
    }
    let vlan = phone.vlan.map_or(Fact::Null, |v| Fact::Number(u64::from(v)));
    let in_vlan = phone.vlan.map_or("untagged frames".to_owned(), |v| format!("VLAN {v}"));
    let mut shown = vec![evidence(tries.first, format!("{} asks for an address, in {in_vlan}", cx.label()))];
    if tries.count > 1 {
        shown
            .push(evidence(tries.last, format!("{} asks for the last time seen ({} in all)", cx.label(), tries.count)));
    }
    Some(Draft::from_evidence(Code::NoDhcpAnswer, cx.confidence_from_silence(&tries, DHCP_INTERVAL), shown)
        .servers(Vec::new())
        .fact("tries", Fact::Number(u64::from(tries.count)))
        .fact("vlan", vlan)
        .title("no DHCP server answers".to_owned())
        .summary(format!(
                "{} asked for an address {} times in {in_vlan}, and the capture holds no answer of a DHCP server to it.",
                cx.label(),
                tries.count
            ))
        .fix(Fix::new(FixKind::ReachDhcpServer, FixTarget::Network, "Let a DHCP server answer in the phones' VLAN")
                .step("Where the DHCP server is in another network: ip helper-address on the voice VLAN's interface."
                        )
                            .step("On the DHCP server: is there a scope for this VLAN, and are addresses free in it?")
                            .step(format!(
                        "The phone asks in {in_vlan}: is that the voice VLAN? On the switch port: show interfaces switchport."
                    )).verify("The phone's DISCOVER is followed by an OFFER.")))
}

/// SOLICITs of a phone that has no address by DHCPv4 either.
fn by_dhcpv6(cx: &PhoneContext<'_>) -> Option<Draft> {
    let phone = cx.phone;
    let has_lease = phone.lease_terms().is_some() || phone.dhcp.list.iter().any(Exchange::answered);
    let exchange = phone.dhcpv6.list.iter().rfind(|e| e.kind == dhcpv6::Kind::Boot)?;
    // An ADVERTISE that the phone takes, and no REPLY to its REQUEST.
    let open_request = exchange.request.filter(|_| exchange.reply.is_none() && !exchange.advertised.is_empty());
    let tries = if exchange.answered() { open_request } else { exchange.solicit.or(exchange.request) }?;
    if has_lease || !exchange.refusals.is_empty() || !is_in_vain(cx, &tries, SOLICIT_INTERVAL) {
        return None;
    }
    let vlan = phone.vlan.map_or(Fact::Null, |v| Fact::Number(u64::from(v)));
    let in_vlan = phone.vlan.map_or("untagged frames".to_owned(), |v| format!("VLAN {v}"));
    let asks = if open_request.is_some() { "REQUEST" } else { "SOLICIT" };
    let mut shown =
        vec![evidence(tries.first, format!("{} asks for an IPv6 address ({asks}), in {in_vlan}", cx.label()))];
    if tries.count > 1 {
        let text = format!("{} asks for the last time seen ({} in all)", cx.label(), tries.count);
        shown.push(evidence(tries.last, text));
    }
    let router = cx.world.registry.leases_v6.managing_router();
    let told = router.map_or_else(String::new, |r| {
        format!(
            " Router {} tells hosts to get their addresses by DHCPv6 (managed flag of its router advertisement).",
            r.router
        )
    });
    shown.extend(router.map(|r| evidence(r.last, format!("router {} advertises managed addresses", r.router))));
    let relay = match router {
        Some(r) => format!(
            "On {}, the router of this VLAN: ipv6 dhcp relay destination with the DHCPv6 server's address, where that \
             server is in another network.",
            r.router
        ),
        None => {
            "Where the DHCPv6 server is in another network: ipv6 dhcp relay destination on the voice VLAN's interface."
                .to_owned()
        }
    };
    let fix = Fix::new(FixKind::ReachDhcpServer, FixTarget::Network, "Let a DHCPv6 server answer in the phones' VLAN")
        .step(relay)
        .step("On the DHCPv6 server: is there a prefix for this VLAN, and are addresses free in it?")
        .step("Do the switches pass UDP 546 and 547 and the group ff02::1:2 (MLD snooping, DHCPv6 guard)?")
        .verify("The phone's SOLICIT is followed by an ADVERTISE.");
    let tries_text = format!("asked for an IPv6 address {} times (DHCPv6 {asks}) in {in_vlan}", tries.count);
    let summary =
        format!("{} {tries_text}, and the capture holds no answer of a DHCPv6 server to it.{told}", cx.label());
    // One that begins anew again and again may have been refused where the capture does not hold the answers.
    let repeats = tries.count >= exchange.anew.saturating_add(1).saturating_mul(3);
    let most = if repeats { Confidence::Certain } else { Confidence::Likely };
    let sure = cx.confidence_from_silence(&tries, SOLICIT_INTERVAL).min(most);
    Some(
        Draft::from_evidence(Code::NoDhcpAnswer, sure, shown)
            .fact("tries", Fact::Number(u64::from(tries.count)))
            .fact("vlan", vlan)
            .title("no DHCPv6 server answers")
            .summary(summary)
            .fix(fix),
    )
}
