//! `secure-registration-failed`: TLS comes to nothing.

use std::net::IpAddr;
use std::time::Duration;

use crate::conversation::registration::{Attempt, SecureFailure, SecureStage};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::{Contact, PhoneContext};
use crate::findings::{Draft, optional, text};
use crate::remedy::trust_list;

declare_finding! {
    /// ## Trigger
    ///
    /// A registration over TLS (port 2443 or 5061) does not come about, and no secure session of the phone is open in
    /// the end: a fatal alert of either side, a connection that ends in the handshake, a ClientHello without answer; or
    /// three sessions in a row that end within two minutes of the CallManager's first sealed message.
    ///
    /// ## Evidence
    ///
    /// The alert, the end of the connection, or the ClientHello. Certain once the phone came back and failed again; what
    /// rests on silence falls where packets are missing. Sessions that end are at most likely: what was said in them is
    /// sealed.
    ///
    /// ## Explanation
    ///
    /// Phone and CallManager show each other certificates first. A phone believes what its trust list (CTL, ITL) vouches
    /// for, and breaks off (`unknown_ca`, or a reset after the certificate) where that is of another cluster or outdated.
    /// CallManager believes the phone's LSC or MIC as far as its CAPF and trust store know it (`bad_certificate`,
    /// `certificate_unknown`). `handshake_failure` and `protocol_version`: no cipher or version of TLS that both take.
    ///
    /// ## Fix
    ///
    /// By the alert: the phone's trust list, its LSC, the versions and ciphers of TLS, the security profile.
    ///
    /// ## Not this
    ///
    /// An open session: it is told as open, and nothing is said of what is in it. `call-manager-refused`: RST to the SYN.
    /// `trust-list-mismatch`: the phone holds on to the CallManagers of another cluster.
    ///
    /// ## References
    ///
    /// RFC 8446 section 6 and RFC 5246 section 7.2 (alerts); Unified CM security guides, "Certificates" and "Phone security".
    static SECURE_REGISTRATION_FAILED = {
        code: SecureRegistrationFailed,
        summary: "Registration over TLS does not come about",
        check: check,
    }
}

/// A session that lasts longer carried something.
const SHORT: Duration = Duration::from_secs(120);
/// So many short sessions in a row are no accident.
const CUT_SESSIONS: usize = 3;
/// They follow each other within this.
const IN_A_ROW: Duration = Duration::from_secs(1_800);

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    if cx.is_registered() {
        return Vec::new();
    }
    let mut drafts = cut_sessions(cx);
    if cx.open_session().is_some() {
        return drafts;
    }
    drafts.extend(cx.contacts().iter().filter(|c| c.is_insecure()).filter_map(|contact| failed(cx, contact)));
    drafts
}

fn failed(cx: &PhoneContext<'_>, contact: &Contact<'_>) -> Option<Draft> {
    let attempt = contact.attempt?;
    let failure = cx.secure_failure(attempt)?;
    let sure = contact.confidence_in_failure();
    let sure = if failure.alert.is_some() { sure } else { cx.confidence_from_absence(sure) };
    Some(draft(cx, attempt, &failure, sure))
}

/// Sessions that end again and again after the first sealed answer: the latest of each CallManager.
fn cut_sessions(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let mut servers: Vec<IpAddr> = Vec::new();
    let mut drafts = Vec::new();
    let life = |a: &Attempt| {
        let began = a.handshake.as_ref()?.server_sealed?;
        Some((a.end?.seen_at.time.since(began.time), a.end?))
    };
    // One that is open as long as any of these lasted, and as long again, is no more of them.
    let longest = cx.phone.attempts.iter().filter_map(life).map(|(lasted, _)| lasted).max().unwrap_or_default();
    let open_for = cx.open_session().map(|a| cx.now().since(a.began.time));
    if open_for.is_some_and(|open| open > longest * 2 + Duration::from_secs(10)) {
        return drafts;
    }
    for attempt in cx.phone.attempts.iter().rev() {
        if servers.contains(&attempt.server) || !attempt.is_encrypted() {
            continue;
        }
        servers.push(attempt.server);
        let here =
            cx.phone.attempts.iter().rev().filter(|a| a.server == attempt.server && a.secure_session().is_none());
        let cut: Vec<_> = here
            .map_while(|a| life(a).filter(|(lasted, _)| *lasted < SHORT).map(|(_, end)| (a, end)))
            .take(CUT_SESSIONS)
            .collect();
        let [(last, end), .., (first, _)] = cut.as_slice() else { continue };
        if cut.len() < CUT_SESSIONS || end.seen_at.time.since(first.began.time) > IN_A_ROW {
            continue;
        }
        let alert = last.handshake.as_ref().and_then(|h| h.alert.as_ref());
        let failure = SecureFailure {
            seen_at: end.seen_at,
            stage: SecureStage::Session,
            by_phone: alert.map_or(!end.how.by_server(), |a| a.by_phone),
            alert: alert.map(|a| a.text.clone()),
            silent: false,
        };
        drafts.push(draft(cx, last, &failure, cx.confidence_from_absence(Confidence::Likely)));
    }
    drafts
}

fn draft(cx: &PhoneContext<'_>, attempt: &Attempt, failure: &SecureFailure, sure: Confidence) -> Draft {
    let (server, port) = (attempt.server, attempt.port);
    let by = if failure.by_phone { "phone" } else { "call-manager" };
    let who = if failure.by_phone { cx.label() } else { format!("CallManager {server}") };
    let said = failure.alert.as_ref().map(|a| format!(" with the alert {a}")).unwrap_or_default();
    let what = match (failure.stage, failure.silent) {
        (_, true) => format!("CallManager {server} does not answer the ClientHello"),
        (SecureStage::Hello, _) => format!("{who} ends the handshake at the ClientHello{said}"),
        (SecureStage::Certificate, _) if failure.by_phone => {
            format!("{who} breaks off after the certificate of CallManager {server}{said}")
        }
        (SecureStage::Certificate, _) => format!("{who} ends the handshake{said}"),
        (SecureStage::Session, _) => format!("{who} ends the secure session{said}"),
    };
    let again = if failure.stage == SecureStage::Session && failure.alert.is_none() {
        " It did so at least three times in a row; what was said before is sealed."
    } else {
        ""
    };
    Draft::of(Code::SecureRegistrationFailed, sure, failure.seen_at, what.clone())
        .evidence(
            attempt.syn.map_or(attempt.began, |s| s.first),
            format!("{} connects to {server} port {port}", cx.label()),
        )
        .server(server)
        .fact("call_manager", text(server))
        .fact("port", Fact::Number(u64::from(port)))
        .fact("alert", optional(failure.alert.as_ref()))
        .fact("by", text(by))
        .fact("stage", text(failure.stage.as_str()))
        .title(format!("Secure registration with CallManager {server} fails"))
        .summary(format!("{} registers over TLS (port {port}): {what}.{again}", cx.label()))
        .fixes(fixes(cx, server, port, failure))
}

/// Whose certificate or which agreement failed.
fn fixes(cx: &PhoneContext<'_>, server: IpAddr, port: u16, failure: &SecureFailure) -> Vec<Fix> {
    let alert = failure.alert.as_ref().map(crate::types::WireText::raw).unwrap_or_default();
    let session = format!("The secure session of the phone with {server} port {port} stays open.");
    match alert {
        "handshake_failure"
        | "protocol_version"
        | "insufficient_security"
        | "illegal_parameter"
        | "unsupported_extension"
        | "inappropriate_fallback" => vec![agree(server, failure).verify(session)],
        _ if failure.silent => vec![silent(server, port).verify(session)],
        _ if failure.stage == SecureStage::Session && alert.is_empty() => {
            vec![find_end(server).verify(session)]
        }
        _ if failure.by_phone => {
            let phone = distrust(cx, server).verify(session.clone());
            let cluster = renewed(server).instead_of(std::slice::from_ref(&phone)).verify(session);
            vec![phone, cluster]
        }
        _ => vec![device_certificate(server).verify(session)],
    }
}

fn distrust(cx: &PhoneContext<'_>, server: IpAddr) -> Fix {
    let lists = trust_list::lists(cx.phone.model());
    Fix::new(
        FixKind::DeleteTrustList,
        FixTarget::Phone,
        format!("On the phone: delete the trust list ({lists}), which does not vouch for {server}"),
    )
    .step(format!("Is {server} a CallManager of this phone's cluster? Then its trust list is of another cluster, or older than the certificate of {server}."))
    .steps(trust_list::erase(cx.phone.model()))
}

fn renewed(server: IpAddr) -> Fix {
    Fix::new(
        FixKind::FitCertificates,
        FixTarget::CallManager,
        format!("On the cluster of {server}: bring CTL and ITL in line with its certificates"),
    )
    .step("After a certificate was renewed: utils ctl update CTLFile (mixed mode); restart TVS, TFTP and CallManager on all nodes; then reset the phones.")
    .step("Phones of another cluster that is alive: Bulk Certificate Management: export on both, consolidate, import.")
}

fn device_certificate(server: IpAddr) -> Fix {
    Fix::new(
        FixKind::FitCertificates,
        FixTarget::CallManager,
        format!("Give the phone a certificate (LSC) that CallManager {server} accepts"),
    )
    .step("In CallManager: Device, Phone: CAPF, Certificate Operation Install/Upgrade; the phone needs a profile that lets it register meanwhile.")
    .step(format!("Is the CAPF certificate that signed the phone's LSC still in the trust store of {server} (CallManager-trust)? Has the LSC expired?"))
    .step("A phone with a manufacturer's certificate (MIC) only: are Cisco's manufacturing CAs in CallManager-trust?")
}

fn agree(server: IpAddr, failure: &SecureFailure) -> Fix {
    let side = if failure.by_phone { "the phone" } else { "CallManager" };
    Fix::new(
        FixKind::AgreeOnSecurity,
        FixTarget::CallManager,
        format!("Let CallManager {server} and the phone agree on a TLS version and a cipher"),
    )
    .step(format!("{side} rejects what the other one offers. On CallManager: show tls min-version; it must not be above what the phone's load can."))
    .step("Enterprise parameters, TLS Ciphers and SIP/SCCP ciphers: leave one that the phone's load offers (it is in the ClientHello).")
    .step("A newer load of the phone may know newer versions; until then a non-secure profile registers it on port 2000 or 5060.")
}

fn silent(server: IpAddr, port: u16) -> Fix {
    Fix::new(
        FixKind::ReachCallManager,
        FixTarget::CallManager,
        format!("Make CallManager {server} answer TLS on port {port}"),
    )
    .step(format!("{server} takes the connection on port {port} and does not answer the ClientHello: look into the CallManager service, restart it if it hangs."))
    .step("A firewall or proxy that inspects TLS between them may swallow the ClientHello: capture on both sides of it.")
}

fn find_end(server: IpAddr) -> Fix {
    Fix::new(
        FixKind::FindRejectCause,
        FixTarget::CallManager,
        format!("Find out why sessions with CallManager {server} end"),
    )
    .step(
        "What is said in the session is sealed: look for the device in CallManager's trace and event log at this time.",
    )
    .step("Do the phone's security profile (Device Security Mode) and its type of device match what the phone is?")
}
