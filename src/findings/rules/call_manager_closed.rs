//! `call-manager-closed`: turned away without a word.

use crate::conversation::registration::End;
use crate::conversation::registration::Ending;
use crate::diagnosis::{Code, Fix, FixKind, FixTarget, RegistrationState};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, text};

use super::failed_contacts;

declare_finding! {
    /// ## Trigger
    ///
    /// The CallManager takes the connection and ends it (FIN or RST) before it answers the Register, and the phone is not
    /// registered in the end.
    ///
    /// ## Evidence
    ///
    /// The end of the connection, and the Register before it. Certain once the phone came back and was turned away again:
    /// until then it may yet register, with another CallManager or here.
    ///
    /// ## Explanation
    ///
    /// CallManagers end connections without a reject when they throttle, stop, or do not know what to make of the device
    /// or of its load: an old CallManager may treat a phone with a newer load so.
    ///
    /// ## Fix
    ///
    /// Look into the CallManager's trace for this device; compare the phone's load with those of phones that are
    /// registered there.
    ///
    /// ## Not this
    ///
    /// `secure-registration-failed`: it ends in the handshake of TLS. `registration-rejected`: a RegisterReject came first. The end of a registered connection.
    ///
    /// ## References
    ///
    /// Unified CM Troubleshooting Guide, "Gateway Registration Failure".
    static CALL_MANAGER_CLOSED = {
        code: CallManagerClosed,
        summary: "The CallManager ends the connection before it answers the registration",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    failed_contacts(cx, RegistrationState::Closed, |contact| {
        let server = contact.server;
        let attempt = contact.attempt.filter(|_| !contact.is_insecure())?;
        let Ending { seen_at, how: end } = attempt.end?;
        let how = if end == End::ServerRst { "RST" } else { "FIN" };
        let mut draft = Draft::of(
            Code::CallManagerClosed,
            cx.confidence_from_absence(contact.confidence_in_failure()),
            seen_at,
            format!("CallManager {server} ends the connection of {} ({how})", cx.label()),
        );

        if let Some(register) = attempt.register {
            draft = draft.evidence(register.first, format!("{} registers with {server}", cx.label()));
        }
        Some(draft.server(server)
            .fact("call_manager", text(server))
            .title(format!("CallManager {server} ends the connection without an answer"))
            .summary(format!(
                    "CallManager {server} takes the connection of {} and ends it ({how}) before it answers the registration.",
                    cx.label()
                )).fix(Fix::new(
                        FixKind::FindRejectCause,
                        FixTarget::CallManager,
                        format!("Find out why CallManager {server} turns the phone away"),
                    )
                    .step(format!(
                        "Is {server} the CallManager of this phone's cluster, and does it take the phone's load?"
                    ))
                    .step("Look for the device in its trace and event log at this time.")
                    .verify("Register is followed by RegisterAck.")))
    })
}
