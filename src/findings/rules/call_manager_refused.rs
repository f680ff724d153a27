//! `call-manager-refused`: nothing listens.

use crate::diagnosis::{Fact, Fix, RegistrationState, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::inference::moved;
use crate::findings::{Draft, FindingText, evidence, text};

declare_finding! {
    /// ## Trigger
    ///
    /// The CallManager's host answers the phone's SYN with RST, or with ICMP port or protocol unreachable, and the phone
    /// is not registered in the end.
    ///
    /// ## Evidence
    ///
    /// The SYN and the refusal. Certain once the phone came back and was refused again: until then it may yet register,
    /// with another CallManager or here.
    ///
    /// ## Explanation
    ///
    /// The host is up and nothing listens on the port: the CallManager service is stopped, or this is no CallManager, or
    /// a firewall answers in its place.
    ///
    /// ## Fix
    ///
    /// Start the service; or correct the CallManager group in the phones' configuration.
    ///
    /// ## Not this
    ///
    /// `registers-with-tftp-server`: the refused address is the TFTP server's, and the configuration is missing. A refusal
    /// by the first CallManager of a phone that is registered with the second.
    ///
    /// ## References
    ///
    /// RFC 9293 section 3.5.2 (reset); RFC 792.
    static CALL_MANAGER_REFUSED = {
        code: "call-manager-refused",
        summary: "The CallManager's host refuses the connection",
        severity: Error,
        since: "0.1.0",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    if cx.is_registered() {
        return Vec::new();
    }
    let refused = cx.contacts().iter().filter(|c| c.state == RegistrationState::Refused);
    let draft =
        |contact: &crate::findings::context::Contact<'_>| {
            let (server, port) = (contact.server, contact.port);
            let attempt = contact.attempt?;
            let answer = attempt.unreachable.map(|(s, _)| s).or(attempt.end.map(|(s, _)| s))?;
            let how = if attempt.unreachable.is_some() { "ICMP port unreachable" } else { "RST" };
            Some(Draft {
            rule: &CALL_MANAGER_REFUSED,
            severity: Severity::Error,
            confidence: contact.confidence_in_failure(),
            servers: vec![server],
            facts: vec![("call_manager", text(server)), ("port", Fact::Number(u64::from(port)))],
            evidence: vec![
                evidence(answer, format!("{server} refuses the connection of {} to port {port} ({how})", cx.label())),
                evidence(contact.seen_at(), format!("{} connects to {server} port {port}", cx.label())),
            ],
            says: FindingText {
                title: format!("CallManager {server} refuses connections to port {port}"),
                summary: format!(
                    "{} tries CallManager {server}, and its host refuses the connection to port {port} ({how}).",
                    cx.label()
                ),
                fixes: std::iter::once(Fix {
                    title: format!("Start CallManager on {server}"),
                    target: "call-manager",
                    platform: "any",
                    steps: vec![
                        format!("Is the CallManager service running on {server}, and does it listen on TCP {port}?"),
                        format!(
                            "If {server} is no CallManager: correct the CallManager group in the phones' configuration."
                        ),
                    ],
                    config: None,
                    undo: None,
                    verify: format!("A SYN to {server} port {port} is answered with SYN-ACK."),
                }).chain(moved(cx, server)).collect(),
            },
        })
        };
    refused.filter_map(draft).collect()
}
