//! `call-manager-refused`: nothing listens.

use crate::diagnosis::{Code, Fact, Fix, FixKind, FixTarget, RegistrationState};
use crate::findings::context::{Contact, PhoneContext};
use crate::findings::inference::moved;
use crate::findings::{Draft, text};
use crate::remedy::trust_list;

use super::failed_beside;

declare_finding! {
    /// ## Trigger
    ///
    /// The CallManager's host answers the phone's SYN with RST, or with ICMP port or protocol unreachable, and the phone
    /// is not registered there in the end. A warning where it is registered with another CallManager of its list; an error
    /// where only its SRST router has it.
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
    /// Start the service; or correct the CallManager group in the phones' configuration. On a secure port (2443, 5061):
    /// mixed mode, the phone's security profile, its CTL.
    ///
    /// ## Not this
    ///
    /// `registers-with-tftp-server`: the refused address is the TFTP server's, and the configuration is missing.
    ///
    /// ## References
    ///
    /// RFC 9293 section 3.5.2 (reset); RFC 792.
    static CALL_MANAGER_REFUSED = {
        code: CallManagerRefused,
        summary: "The CallManager's host refuses the connection",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    failed_beside(cx, RegistrationState::Refused, |contact, fallback| {
        let (server, port) = (contact.server, contact.port);
        let attempt = contact.attempt?;
        let answer = attempt.unreachable.map(|u| u.seen_at).or(attempt.end.map(|e| e.seen_at))?;
        let how = if attempt.unreachable.is_some() { "ICMP port unreachable" } else { "RST" };
        Some(
            Draft::of(
                Code::CallManagerRefused,
                if fallback.is_some() { contact.confidence_beside() } else { contact.confidence_in_failure() },
                answer,
                format!("{server} refuses the connection of {} to port {port} ({how})", cx.label()),
            )
            .evidence(contact.seen_at(), format!("{} connects to {server} port {port}", cx.label()))
            .server(server)
            .fact("call_manager", text(server))
            .fact("port", Fact::Number(u64::from(port)))
            .title(format!("CallManager {server} refuses connections to port {port}"))
            .summary(format!(
                "{} tries CallManager {server}, and its host refuses the connection to port {port} ({how}).",
                cx.label()
            ))
            .fixes(is_secure(port).then(|| mixed_mode(cx, contact)))
            .fixes((!is_secure(port)).then(|| {
                Fix::new(FixKind::StartCallManager, FixTarget::CallManager, format!("Start CallManager on {server}"))
                    .step(format!("Is the CallManager service running on {server}, and does it listen on TCP {port}?"))
                    .step(format!(
                        "If {server} is no CallManager: correct the CallManager group in the phones' configuration."
                    ))
                    .verify(format!("A SYN to {server} port {port} is answered with SYN-ACK."))
            }))
            .fixes(moved(cx, server)),
        )
    })
}

/// Whether phones register over TLS on a port.
fn is_secure(port: u16) -> bool {
    matches!(port, 2443 | 5061)
}

/// The host is up and its secure port is not: the phone and the cluster do not agree on whether it is to be secure.
fn mixed_mode(cx: &PhoneContext<'_>, contact: &Contact<'_>) -> Fix {
    let (server, port) = (contact.server, contact.port);
    let mut fix = Fix::new(
        FixKind::AgreeOnSecurity,
        FixTarget::CallManager,
        format!("Put the cluster of {server} into mixed mode, or the phone on a profile without security"),
    )
    .step(format!("Port {port} is for phones with a secure profile. Is {server} a CallManager of this phone's cluster, and is its CallManager service running?"))
    .step("A cluster listens there only in mixed mode (show ctl; utils ctl set-cluster mixed-mode), and after the CallManager service restarted.")
    .step("A cluster without security: give the phone a non-secure Phone Security Profile, and reset it.");
    if cx.config().is_none_or(|_| !cx.configured_call_managers().contains(&server)) {
        fix = fix.step(format!(
            "Where the phone came from a cluster in mixed mode, it holds that cluster's trust list ({}): delete it.",
            trust_list::lists(cx.phone.model())
        ));
        fix = fix.steps(trust_list::erase(cx.phone.model()));
    } else {
        fix = fix.step("A CTL of an earlier mixed mode that is still on the phone keeps it secure: delete it there.");
    }
    fix.verify(format!(
        "A SYN to {server} port {port} is answered with SYN-ACK; or the phone connects to port 2000 or 5060."
    ))
}
