//! `call-manager-no-answer`: silence where a CallManager should be.

use std::net::IpAddr;

use crate::conversation::file::{Unreachable, Why};
use crate::conversation::registration::Protocol;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, RegistrationState};
use crate::findings::context::{ARP_INTERVAL, PhoneContext, SETTLED};
use crate::findings::fallback::Fallback;
use crate::findings::inference::moved;
use crate::findings::{Draft, text};

use super::failed_beside;

declare_finding! {
    /// ## Trigger
    ///
    /// Nobody answers the phone's SYN, or its Register, or its ARP question for a CallManager that its configuration
    /// names; or ICMP says that the host can not be reached. Unanswered: sent three times, given up, or older than the
    /// first retransmission interval when the capture ends. Not where the capture does not hold CallManagers' answers.
    /// A warning where the phone is registered with another CallManager of its list meanwhile; an error where only its
    /// SRST router has it: the router that its configuration names (`srstInfo`), or the phone's own.
    ///
    /// ## Evidence
    ///
    /// The first and the latest question, and the ICMP error where there is one. Certain once the phone came back and got
    /// no answer again: until then it may yet register, with another CallManager or here.
    ///
    /// ## Explanation
    ///
    /// The host is down, there is no route to it or a filter drops TCP 2000; or the service accepts connections and does
    /// not answer Registers (it hangs, or ignores this phone). Phones then go down their list of CallManagers, and at last
    /// to the SRST router of their place: they can call, and the way to the CallManagers is down all the same.
    ///
    /// ## Fix
    ///
    /// Check the host, the route, and the filters; restart a service that hangs.
    ///
    /// ## Not this
    ///
    /// A capture that ends half a second after the SYN. `call-manager-closed`: the CallManager ends the connection.
    ///
    /// ## References
    ///
    /// RFC 6298 section 2 (first retransmission after one second); RFC 792.
    static CALL_MANAGER_NO_ANSWER = {
        code: CallManagerNoAnswer,
        summary: "A SYN, a Register, or ARP for a CallManager stays without answer",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    failed_beside(cx, RegistrationState::NoAnswer, |contact, fallback| {
        let (server, port) = (contact.server, contact.port);
        let is_astray = contact.attempt.is_some_and(|a| a.astray().is_some());
        let tries = contact.tries().filter(|_| !contact.is_insecure() && !is_astray)?;
        let why = contact.why();
        let register = contact.attempt.is_some_and(|a| a.register.is_some());
        let is_sip = contact.attempt.is_some_and(|a| a.protocol == Protocol::Sip);
        // Over UDP nothing shows that anybody is there.
        let reached = contact.attempt.is_some_and(|a| a.connected.is_some());
        let transport = if is_sip && contact.attempt.is_none_or(|a| a.syn.is_none()) { "UDP" } else { "TCP" };
        let question = match (why, register) {
            (Why::Silent, true) if is_sip => "REGISTER",
            (Why::Arp, _) => "ARP request",
            (_, true) => "Register",
            (_, false) => "SYN",
        };
        let (by, arp) = if server.is_ipv6() {
            ("neighbour solicitation", "neighbour solicitation")
        } else {
            ("ARP", "ARP request")
        };
        // ARP is a broadcast: it asks everybody for the address, and is sent to no CallManager.
        let asks = match why {
            Why::Arp => format!("asks by {by} for {server}, its CallManager"),
            _ => format!("sends CallManager {server} a {question}"),
        };
        let (unanswered, answered) = match why {
            Why::Arp => (
                format!("asks by {by} for CallManager {server}: nothing answers ({} requests sent)", tries.count),
                format!("The phone's {arp} for {server} is answered."),
            ),
            _ => (
                format!(
                    "tries CallManager {server} port {port}: nothing answers its {question} ({} sent)",
                    tries.count
                ),
                format!("The phone's {question} to {server} is answered."),
            ),
        };
        // The contract knows three words here: what an ICMP error said is in the evidence.
        let word = match why {
            Why::Silent => "silent",
            Why::Arp => "arp",
            _ => "icmp",
        };
        let error = contact.attempt.and_then(|a| a.unreachable);
        let sure = match contact.attempt {
            Some(_) if fallback.is_some() => contact.confidence_beside(),
            Some(_) => contact.confidence_in_failure(),
            // A phone that has the next CallManager to go on to asks no more for this one.
            None if tries.last.time.since(tries.first.time) >= SETTLED => {
                cx.confidence_from_silence(&tries, ARP_INTERVAL)
            }
            None => Confidence::Likely,
        };
        let mut draft = Draft::of(
            Code::CallManagerNoAnswer,
            if error.is_some() { sure } else { cx.confidence_from_absence(sure) },
            tries.first,
            format!("{} {asks}, and gets no answer", cx.label()),
        );

        if tries.count > 1 {
            draft = draft.evidence(tries.last, format!("the latest of {} tries", tries.count));
        }
        if let Some(Unreachable { seen_at, why }) = error {
            draft = draft.evidence(seen_at, format!("ICMP: {server} can not be reached ({})", why.as_str()));
        }
        Some(draft.server(server)
            .fact("call_manager", text(server))
            .fact("port", Fact::Number(u64::from(port)))
            .fact("tries", Fact::Number(u64::from(tries.count)))
            .fact("why", text(word))
            .title(format!("CallManager {server} does not answer"))
            .summary(format!("{} {unanswered}.", cx.label()))
                    .fixes(moved(cx, server))
                    .fix(Fix::new(FixKind::ReachCallManager, if register && reached { FixTarget::CallManager } else { FixTarget::Network }, format!("Make CallManager {server} reachable from the phones"))
                    .steps(of_srst(fallback, server))
                    .steps(if register && reached {
                        vec![format!(
                            "{server} {} and does not answer the {question}: look into its service and its traces, restart it if it hangs.",
                            if is_sip { "is there" } else { "takes the connection" }
                        )]
                    } else {
                        vec![
                            format!("Is {server} up, and is it a CallManager of this phone's cluster?"),
                            format!(
                                "Do routes and filters let {transport} {port} pass between the phones and {server}, both ways?"
                            ),
                        ]
                    }).verify(answered)))
    })
}

/// Where the router alone has the phones, the way to the CallManagers is what to look at first.
fn of_srst(fallback: Option<Fallback>, server: IpAddr) -> Vec<String> {
    let router = fallback.filter(|f| f.srst).map(|f| f.server);
    let step = |router| {
        format!(
            "The phones are on their SRST router {router}: from there, does ping {server} source {router} pass? If not, \
             the WAN link, its route or its tunnel is down, and the phones go back by themselves when it is up."
        )
    };
    router.map(step).into_iter().collect()
}
