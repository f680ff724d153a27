//! `sip-answers-astray`: the registrar answers where the phone does not listen.

use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, text};

declare_finding! {
    /// ## Trigger
    ///
    /// Over UDP a registrar answers the phone's REGISTER to another port than the Via header names (5060, where it names
    /// none), and the phone goes on as though there were no answer: it sends the same request again, or starts over
    /// without the password that it was asked for.
    ///
    /// ## Evidence
    ///
    /// The first answer with its port, and the REGISTER that the phone repeats after it. Certain from the second
    /// repetition on.
    ///
    /// ## Explanation
    ///
    /// Answers go to the port of the Via header unless the phone asks for its source port with `rport`. Many Cisco phones
    /// send from a high port, listen at 5060 only, and do not ask. Servers that are set up for phones behind NAT answer
    /// to the source port all the same; there the phone hears nothing.
    ///
    /// ## Fix
    ///
    /// Let the server answer to the port of the Via for these phones, or let them register over TCP, where the answer
    /// comes back on the connection.
    ///
    /// ## Not this
    ///
    /// A Via with `rport`: answers to the source port are right then. A registrar that answers from a port of its own to
    /// the port of the Via. A phone that listens on both ports and goes on with its password. `call-manager-no-answer`:
    /// nothing comes back at all.
    ///
    /// ## References
    ///
    /// RFC 3261 section 18.2.2; RFC 3581 section 4.
    static SIP_ANSWERS_ASTRAY = {
        code: SipAnswersAstray,
        summary: "The registrar answers to another port than the phone listens on",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    if cx.is_registered() {
        return Vec::new();
    }
    let stray = cx.contacts().iter().filter_map(|c| Some((c.server, c.attempt?)));
    stray
        .filter_map(|(server, attempt)| {
            let astray = attempt.astray()?;
            let repeated = astray.repeated?;
            let (to, expected) = (astray.answered_to, astray.expected);
            let sure = if repeated.count >= 2 { Confidence::Certain } else { Confidence::Likely };
            Some(
                Draft::of(
                    Code::SipAnswersAstray,
                    sure,
                    astray.first,
                    format!("{server} answers {} at port {to}; its Via names port {expected}", cx.label()),
                )
                .evidence(repeated.first, format!("{} sends REGISTER again, as though unanswered", cx.label()))
                .server(server)
                .fact("call_manager", text(server))
                .fact("answered_to", Fact::Number(u64::from(to)))
                .fact("expected", Fact::Number(u64::from(expected)))
                .title(format!("CallManager {server} sends its SIP answers to port {to}, not {expected}"))
                .summary(format!(
                    "CallManager {server} answers each REGISTER of {} to port {to}, which it came from. Its Via header \
                     names port {expected}, without rport: the phone listens there, gets no answer, and registers again \
                     and again.",
                    cx.label()
                ))
                .fix(
                    Fix::new(
                        FixKind::ReachCallManager,
                        FixTarget::CallManager,
                        format!("On {server}: send answers to the port that the Via header names"),
                    )
                    .step("Asterisk: force_rport=no for these phones (chan_pjsip), nat=no (chan_sip). Other servers: turn off forced rport and NAT handling for them.")
                    .step("Or let the phones register over TCP, where the answer comes back on the connection.")
                    .step("Reset the phone.")
                    .verify(format!("The answer to REGISTER goes to port {expected}, and the phone sends its password or stays registered.")),
                ),
            )
        })
        .collect()
}
