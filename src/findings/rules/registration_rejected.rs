//! `registration-rejected`: the CallManager says no.

use std::net::IpAddr;

use crate::conversation::RetryCount;
use crate::conversation::registration::{Protocol, Rejection};
use crate::diagnosis::{Code, Confidence, Fact, RegistrationState};
use crate::findings::context::{Contact, PhoneContext};
use crate::findings::{Draft, sip_refusal, text};
use crate::remedy::rejection;
use crate::types::WireText;

use super::failed_contacts;

declare_finding! {
    /// ## Trigger
    ///
    /// A CallManager answers the phone's Register with RegisterReject (or REGISTER with a final error, or asks
    /// for a password again and again), or it rejects the
    /// token that the phone asks for first at least three times in a row and never grants one (SCCP and SPCP); and the
    /// phone is not registered in the end. `stage` says which: register, token. Rejections whose words differ are findings
    /// of their own.
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
    /// By the text: permit the phone's address; give the device its own model; agree on the security profile; add licences,
    /// raise a limit, end another registration under the name. Where the device is not known: add the phone by its MAC and
    /// with its model, or enable auto-registration. Where the load is refused, see `wrong-tftp-server` and `stuck-load`.
    /// Without a token: see why the CallManager grants none.
    ///
    /// ## Not this
    ///
    /// A token that is rejected once or twice (RegisterTokenReject): the phone is only asked to wait; or while the phone is
    /// registered with another CallManager. A reject that a later registration overtakes.
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
    failed_contacts(cx, RegistrationState::Rejected, |contact| match contact.tokens {
        Some(rejected) => Some(without_token(cx, contact.server, rejected)),
        None => turned_away(cx, contact),
    })
}

fn turned_away(cx: &PhoneContext<'_>, contact: &Contact<'_>) -> Option<Draft> {
    let attempt = contact.attempt?;
    let Rejection { seen_at, text: reject_text, meaning } = attempt.refusal()?;
    let server = contact.server;
    let said = if reject_text.is_empty() { "without a text".to_owned() } else { format!("\"{reject_text}\"") };
    let by_sip = sip_refusal::of(cx, contact);
    let told = by_sip.as_ref().map(|s| s.meaning.clone()).or(meaning.as_ref().map(ToString::to_string));
    let meaning_said = told.map(|m| format!(" ({m})")).unwrap_or_default();
    // What a SIP registrar refuses may be a probe of a standby registrar, where the capture lacks the request.
    let is_unasked = by_sip.is_some() && attempt.register.is_none();
    if is_unasked && !cx.world.visible.deaf_to_phones {
        return None;
    }
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
        draft =
            draft.evidence(silent.first, format!("from here on {server} no longer answers ({} sent)", silent.count));
    }
    let words = format!("{} {}", reject_text.raw(), meaning.as_ref().map(WireText::raw).unwrap_or_default());
    let said_in_full = words.clone();
    // What SIP answers is a code; its words are the same for many reasons.
    let words = if attempt.protocol == Protocol::Sip { "" } else { words.trim() };
    Some(
        draft
            .server(server)
            .apart(without_name(&said_in_full, cx))
            .fact("call_manager", text(server))
            .fact("reject_text", if reject_text.is_empty() { Fact::Null } else { Fact::Text(reject_text.clone()) })
            .fact("stage", text("register"))
            .title(format!("CallManager {server} rejects these phones"))
            .summary(format!("CallManager {server} rejects the registration of {}: {said}{meaning_said}.", cx.label()))
            .fix(by_sip.map_or_else(|| rejection::by_words(server, words, &cx.label(), cx.phone.ip), |s| s.fix)),
    )
}

/// The words of a rejection without the name of the phone, so that phones that are rejected for one reason stand together.
fn without_name(words: &str, cx: &PhoneContext<'_>) -> String {
    let words = words.to_ascii_uppercase();
    let [name, mac] = [cx.label(), cx.phone.mac.device_name()].map(|n| n.to_ascii_uppercase());
    words.replace(&name, "").replace(&mac, "")
}

fn without_token(cx: &PhoneContext<'_>, server: IpAddr, rejected: RetryCount) -> Draft {
    Draft::of(
        Code::RegistrationRejected,
        cx.confidence_from_absence(Confidence::Certain),
        rejected.first,
        format!("CallManager {server} rejects the token that {} asks for", cx.label()),
    )
    .evidence(rejected.last, format!("the latest of {} rejected requests for a token", rejected.count))
    .server(server)
    .apart("token")
    .fact("call_manager", text(server))
    .fact("reject_text", Fact::Null)
    .fact("stage", text("token"))
    .title(format!("CallManager {server} grants these phones no token"))
    .summary(format!(
        "{} asks CallManager {server} for a token before it registers, and {server} rejects it each time ({} times): the \
         phone is told to wait and to ask again, and never comes to its Register.",
        cx.label(),
        rejected.count
    ))
    .fix(rejection::grant_token(server, &cx.label()))
}
