//! What a SIP registrar's refusal means and what helps: the status tells (RFC 3261 section 21).

use super::context::{Contact, PhoneContext};
use crate::conversation::RetryCount;
use crate::conversation::registration::{Protocol, REGISTER_INTERVAL};
use crate::diagnosis::{Fix, FixKind, FixTarget};

/// A refusal, read.
pub(super) struct SipRefusal {
    /// In a sentence, behind the text.
    pub(super) meaning: String,
    pub(super) fix: Fix,
    /// The requests since, where nobody answers any more.
    pub(super) silent: Option<RetryCount>,
}

/// What the refusal at `contact` means; `None`: it is not of SIP.
pub(super) fn of(cx: &PhoneContext<'_>, contact: &Contact<'_>) -> Option<SipRefusal> {
    let attempt = contact.attempt.filter(|a| a.protocol == Protocol::Sip)?;
    let refusal = attempt.refusal()?;
    let status: u16 = refusal.text.raw().get(..3).and_then(|digits| digits.parse().ok()).unwrap_or_default();
    let sip = attempt.sip.as_deref();
    let silent = sip.and_then(|s| s.open).filter(|open| open.unanswered(cx.now(), REGISTER_INTERVAL));
    let credentials = sip.and_then(|s| s.challenge.as_ref()).is_some_and(|c| c.with_credentials > 0);
    let mut meaning = meaning(status, credentials).to_owned();
    let mut fix = fix(cx, contact, status);
    if silent.is_some() {
        meaning.push_str(". Then it no longer answers: it may have banned the phone's address");
        let unban = cx.phone.ip.map(|ip| format!(": fail2ban-client unban {ip}")).unwrap_or_default();
        fix = fix.step(format!(
            "Then lift the ban, where the server or a firewall before it keeps one after wrong passwords (fail2ban{unban})."
        ));
    }
    fix = fix.step("Reset the phone.").verify("REGISTER is answered with 200 OK.");
    Some(SipRefusal { meaning, fix, silent })
}

fn meaning(status: u16, credentials: bool) -> &'static str {
    match status {
        401 | 407 if credentials => "it does not take the password that the phone sends",
        401 | 407 => "it asks for a password, and takes none from the phone",
        403 => "it knows the phone or its line, and does not let it register",
        404 | 410 | 604 => "it knows no such line or device",
        500..=599 => "it can not serve the request now",
        _ => "it does not let the phone register",
    }
}

fn fix(cx: &PhoneContext<'_>, contact: &Contact<'_>, status: u16) -> Fix {
    let (server, label) = (contact.server, cx.label());
    match status {
        401 | 407 => Fix::new(
            FixKind::FindRejectCause,
            FixTarget::CallManager,
            format!("Give {label} the user name and password that {server} has for it"),
        )
        .step(format!("On {server}: which authentication name and password does the phone's line have?"))
        .step("In the phone's configuration: the same in authName and authPassword (SEP<MAC>.cnf.xml), or in line1_authname and line1_password (SIP<MAC>.cnf); on Unified CM in the phone's digest user."),
        404 | 410 | 604 => Fix::new(
            FixKind::AddPhone,
            FixTarget::CallManager,
            format!("On {server}: take the phone's line in"),
        )
        .step(format!("Is {server} the registrar of this phone, and does it have the line that the phone registers?"))
        .step("Add the line or the phone (on Unified CM with its MAC and its model), or name in the phone's configuration the line that is there."),
        403 => Fix::new(
            FixKind::FindRejectCause,
            FixTarget::CallManager,
            format!("On {server}: let the phone register"),
        )
        .step("Compare the line's name and password in the phone's configuration with the server's.")
        .step("Does the server let this device type and this address register for the line (access lists, device type, number of contacts)?"),
        500..=599 => Fix::new(
            FixKind::FindRejectCause,
            FixTarget::CallManager,
            format!("Find out why {server} can not register phones"),
        )
        .step("Are its services and its database up, and does it act as a registrar at all? Its log says so at this time.")
        .step("Is it overloaded? Then phones come in by themselves once it has caught up."),
        _ => Fix::new(
            FixKind::FindRejectCause,
            FixTarget::CallManager,
            format!("Find out why {server} turns the phone away"),
        )
        .step("Look for the phone in its log at this time."),
    }
}
