//! `registration-rejected`: the CallManager says no.

use crate::conversation::registration::Rejection;
use crate::diagnosis::{Code, Fact, Fix, FixKind, FixTarget, RegistrationState};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, text};

use super::failed_contacts;

declare_finding! {
    /// ## Trigger
    ///
    /// A CallManager answers the phone's Register with RegisterReject (or REGISTER with a final error), and the phone is
    /// not registered in the end.
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
    /// which, where the CallManager gives one.
    ///
    /// ## Fix
    ///
    /// By the text: add the phone by its MAC and with its model, or enable auto-registration; where the load is refused,
    /// see `wrong-tftp-server` and `stuck-load`.
    ///
    /// ## Not this
    ///
    /// A refused token (RegisterTokenReject): the phone is only asked to wait. A reject that a later registration overtakes.
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
        let meaning_said = meaning.as_ref().map(|m| format!(" ({m})")).unwrap_or_default();
        let mut draft = Draft::of(
            Code::RegistrationRejected,
            contact.confidence_in_failure(),
            *seen_at,
            format!("CallManager {server} rejects {}: {said}{meaning_said}", cx.label()),
        );

        if let Some(register) = attempt.register {
            draft = draft.evidence(register.first, format!("{} registers with {server}", cx.label()));
        }
        Some(draft.server(server)
            .fact("call_manager", text(server))
            .fact("reject_text", if reject_text.is_empty() { Fact::Null } else { Fact::Text(reject_text.clone()) })
            .title(format!("CallManager {server} rejects these phones"))
            .summary(format!("CallManager {server} rejects the registration of {}: {said}{meaning_said}.", cx.label()))
            .fix(Fix::new(FixKind::AddPhone, FixTarget::CallManager, format!("On CallManager {server}: take the phone in"))
            .step(format!("Is {server} the CallManager of this phone's cluster, and does it take the phone's load?"))
            .step("Device, Phone: is the phone there with this MAC and its model? Else add it, or clear Auto-registration Disabled.")
            .step("Reset the phone.")
            .verify("Register is followed by RegisterAck.")))
    })
}
