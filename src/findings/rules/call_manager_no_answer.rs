//! `call-manager-no-answer`: silence where a CallManager should be.

use crate::conversation::file::{Unreachable, Why};
use crate::conversation::registration::Protocol;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, RegistrationState};
use crate::findings::context::{ARP_INTERVAL, PhoneContext, SETTLED};
use crate::findings::inference::moved;
use crate::findings::{Draft, text};

use super::failed_contacts;

declare_finding! {
    /// ## Trigger
    ///
    /// Nobody answers the phone's SYN, or its Register, or its ARP question for a CallManager that its configuration
    /// names; or ICMP says that the host can not be reached. Unanswered: sent three times, given up, or older than the
    /// first retransmission interval when the capture ends. Not where the capture does not hold CallManagers' answers.
    ///
    /// ## Evidence
    ///
    /// The first and the latest question, and the ICMP error where there is one. Certain once the phone came back and got
    /// no answer again: until then it may yet register, with another CallManager or here.
    ///
    /// ## Explanation
    ///
    /// The host is down, there is no route to it or a filter drops TCP 2000; or the service accepts connections and does
    /// not answer Registers (it hangs, or ignores this phone).
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
    failed_contacts(cx, RegistrationState::NoAnswer, |contact| {
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
            (Why::Arp, _) => "ARP question for it",
            (_, true) => "Register",
            (_, false) => "SYN",
        };
        let article = if why == Why::Arp { "an" } else { "a" };
        // The contract knows three words here: what an ICMP error said is in the evidence.
        let word = match why {
            Why::Silent => "silent",
            Why::Arp => "arp",
            _ => "icmp",
        };
        let error = contact.attempt.and_then(|a| a.unreachable);
        let sure = match contact.attempt {
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
            format!("{} sends CallManager {server} {article} {question}, and gets no answer", cx.label()),
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
            .summary(format!(
                    "{} tries CallManager {server} port {port}: nothing answers its {question} ({} sent).",
                    cx.label(),
                    tries.count
                ))
                    .fixes(moved(cx, server))
                    .fix(Fix::new(FixKind::ReachCallManager, if register && reached { FixTarget::CallManager } else { FixTarget::Network }, format!("Make CallManager {server} reachable from the phones"))
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
                    }).verify(format!("The phone's {question} to {server} is answered."))))
    })
}
