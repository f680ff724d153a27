//! `registration-rejected`: the CallManager says no.

use crate::conversation::registration::Rejection;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, RegistrationState};
use crate::findings::context::{Contact, PhoneContext};
use crate::findings::{Draft, sip_refusal, text};

use super::failed_contacts;

declare_finding! {
    /// ## Trigger
    ///
    /// A CallManager answers the phone's Register with RegisterReject (or REGISTER with a final error, or asks for a
    /// password again and again), and the phone is not registered in the end.
    ///
    /// ## Evidence
    ///
    /// The Register, the reject and its text. Certain once the phone came back and was turned away again: until then it
    /// may yet register, with another CallManager or here.
    ///
    /// ## Explanation
    ///
    /// The phone is not in that CallManager's database and auto-registration is off, it is configured as another model, a
    /// licence or limit is reached, or the CallManager does not take the phone's load or protocol version. The text says
    /// which, where the CallManager gives one. In SIP the status says it: 401 without end is a wrong password (a server that
    /// then falls silent may have banned the phone's address), 404 a line that the server does not know, 403 one that it
    /// does not let in, 5xx a server that can not serve.
    ///
    /// ## Fix
    ///
    /// By the text: add the phone by its MAC and with its model, or enable auto-registration; where the load is refused,
    /// see `wrong-tftp-server` and `stuck-load`.
    ///
    /// ## Not this
    ///
    /// A refused token (RegisterTokenReject): the phone is only asked to wait. A reject that a later registration overtakes.
    /// A 401 that a 200 follows. A probe of a standby registrar (Expires 0) that is refused.
    ///
    /// ## References
    ///
    /// Cisco document 112068, "Registration Rejected: Error DBConfig".
    static REGISTRATION_REJECTED = {
        code: RegistrationRejected,
        summary: "The CallManager rejects the registration",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    failed_contacts(cx, RegistrationState::Rejected, |contact| {
        let attempt = contact.attempt?;
        let Rejection { seen_at, text: reject_text, meaning } = attempt.refusal()?;
        let server = contact.server;
        let said = if reject_text.is_empty() { "without a text".to_owned() } else { format!("\"{reject_text}\"") };
        let by_sip = sip_refusal::of(cx, contact);
        let meaning = by_sip.as_ref().map(|s| s.meaning.clone()).or(meaning.as_ref().map(ToString::to_string));
        let meaning_said = meaning.map(|m| format!(" ({m})")).unwrap_or_default();
        // What a SIP registrar refuses may be a probe of a standby registrar, where the capture lacks the request.
        let is_unasked = by_sip.is_some() && attempt.register.is_none();
        let mut draft = Draft::of(
            Code::RegistrationRejected,
            // A challenge refuses nothing yet: that no success followed may be the capture's fault.
            if attempt.is_only_asked() || is_unasked { Confidence::Likely } else { contact.confidence_in_failure() },
            *seen_at,
            format!("CallManager {server} rejects {}: {said}{meaning_said}", cx.label()),
        );

        if let Some(register) = attempt.register {
            draft = draft.evidence(register.first, format!("{} registers with {server}", cx.label()));
        }
        if let Some(silent) = by_sip.as_ref().and_then(|s| s.silent) {
            draft = draft
                .evidence(silent.first, format!("from here on {server} no longer answers ({} sent)", silent.count));
        }
        let fix = by_sip.map_or_else(|| take_in(contact), |s| s.fix);
        Some(
            draft
                .server(server)
                .fact("call_manager", text(server))
                .fact("reject_text", if reject_text.is_empty() { Fact::Null } else { Fact::Text(reject_text.clone()) })
                .title(format!("CallManager {server} rejects these phones"))
                .summary(format!(
                    "CallManager {server} rejects the registration of {}: {said}{meaning_said}.",
                    cx.label()
                ))
                .fix(fix),
        )
    })
}

/// What helps where an SCCP rejection does not say more.
fn take_in(contact: &Contact<'_>) -> Fix {
    let server = contact.server;
    Fix::new(FixKind::AddPhone, FixTarget::CallManager, format!("On CallManager {server}: take the phone in"))
        .step(format!("Is {server} the CallManager of this phone's cluster, and does it take the phone's load?"))
        .step("Device, Phone: is the phone there with this MAC and its model? Else add it, or clear Auto-registration Disabled.")
        .step("Reset the phone.")
        .verify("Register is followed by RegisterAck.")
}
