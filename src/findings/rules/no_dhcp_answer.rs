//! `no-dhcp-answer`: nobody gives the phone an address.

use crate::conversation::RetryCount;
use crate::diagnosis::{Code, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::{DHCP_INTERVAL, PhoneContext};
use crate::findings::leases::AGAIN_AND_AGAIN;
use crate::findings::{Draft, evidence};

declare_finding! {
    /// ## Trigger
    ///
    /// The phone's latest DISCOVERs (or the REQUESTs after an offer, or for the address that it had) get no answer: it sent
    /// three, or the first retransmission interval has passed before the capture ends. Not where the phone is seen to
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
    /// Check `ip helper-address` on the voice VLAN's interface, the scope and its free addresses on the DHCP server, and
    /// that the phone asks in the right VLAN.
    ///
    /// ## Not this
    ///
    /// A capture that ends before an answer could come; a one-way span port, which never shows answers;
    /// `offer-not-taken`: servers answer, and the phone does not hear them. `wrong-voice-vlan`: the phone asks in a VLAN where nobody is meant to answer; `dhcp-refused`: a server answers NAK.
    ///
    /// ## References
    ///
    /// RFC 2131 section 4.1 (retransmission), 3.1 (exchange).
    static NO_DHCP_ANSWER = {
        code: NoDhcpAnswer,
        summary: "DISCOVERs or REQUESTs of the phone stay without any answer",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let phone = cx.phone;
    if cx.world.visible.blind_dhcp {
        return Vec::new();
    }
    // The exchanges at the end that nobody answered are one question, whatever their transaction ids.
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
    let Some(tries) = asked else { return Vec::new() };
    // Where servers answer and the phone does not hear them, a question or two without answer say nothing.
    if tries.count < 3 && cx.untaken_offers().is_some_and(|u| u.offered >= AGAIN_AND_AGAIN) {
        return Vec::new();
    }
    if cx.has_address_since(tries.first) || !tries.unanswered(cx.now(), DHCP_INTERVAL) {
        return Vec::new();
    }
    // A phone repeats its question. One that it asked once, and no more for long, had its answer.
    if tries.count == 1 && cx.now().since(tries.last.time) > 3 * DHCP_INTERVAL {
        return Vec::new();
    }
    let vlan = phone.vlan.map_or(Fact::Null, |v| Fact::Number(u64::from(v)));
    let in_vlan = phone.vlan.map_or("untagged frames".to_owned(), |v| format!("VLAN {v}"));
    let mut shown = vec![evidence(tries.first, format!("{} asks for an address, in {in_vlan}", cx.label()))];
    if tries.count > 1 {
        shown
            .push(evidence(tries.last, format!("{} asks for the last time seen ({} in all)", cx.label(), tries.count)));
    }
    vec![Draft::from_evidence(Code::NoDhcpAnswer, cx.confidence_from_silence(&tries, DHCP_INTERVAL), shown)
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
                    )).verify("The phone's DISCOVER is followed by an OFFER."))]
}
