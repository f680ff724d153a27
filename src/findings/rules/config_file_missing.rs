//! `config-file-missing`: the server does not know this phone.

use crate::conversation::file::{Failure, Fetch};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome, Severity};
use crate::findings::context::{PhoneContext, SETTLED};
use crate::findings::{Draft, evidence, text};
use crate::wire::phone_config::{device_of_name, is_config_name};

declare_finding! {
    /// ## Trigger
    ///
    /// The server answers "file not found" to the phone's own configuration (`SEP<MAC>.cnf.xml`), and no other of its
    /// own was served in this boot. A warning where a default that names a CallManager was served instead
    /// (auto-registration), or may still be; an error where none was.
    ///
    /// ## Evidence
    ///
    /// The request, the error, and what became of the default (`XMLDefault.cnf.xml`).
    ///
    /// ## Explanation
    ///
    /// The phone is not in the database of the CallManager whose TFTP server this is, and auto-registration is off, so no
    /// default is served either; or the file is there under a name in lower case, on a server that minds the case; or it
    /// is the wrong server.
    ///
    /// ## Fix
    ///
    /// Add the phone by its MAC, or switch auto-registration on for its group; check the case of the file's name.
    ///
    /// ## Not this
    ///
    /// Missing `CTLSEP*.tlv`, `ITLSEP*.tlv`, `ITLFile.tlv` and `OS79XX.TXT` are normal. `wrong-tftp-server`: another
    /// server has the file; then that is the cause.
    ///
    /// ## References
    ///
    /// RFC 1350 section 5 (error 1); Cisco IP phone administration guides, "File not found".
    static CONFIG_FILE_MISSING = {
        code: ConfigFileMissing,
        summary: "The phone's own configuration is not on the TFTP server",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let files = cx.files();
    let own = |f: &&Fetch| cx.phone.owns_config(f.name.raw());
    // A phone that asks only for what is signed is not missing from this server: it trusts another.
    if super::trust_list_mismatch::only_signed(cx).is_some() {
        return Vec::new();
    }
    let Some(missing) = files.iter().filter(own).rev().find(|f| f.is_missing()) else { return Vec::new() };
    if files.iter().filter(own).any(|f| f.outcome() == Outcome::Served) {
        return Vec::new();
    }
    let default = |f: &&Fetch| is_config_name(f.name.raw()) && device_of_name(f.name.raw()).is_none();
    let defaults: Vec<&Fetch> = files.iter().filter(default).collect();
    let cut = cx.world.visible.cut;
    let served = defaults.iter().any(|f| {
        f.outcome() == Outcome::Served && f.config.as_ref().map_or(cut || f.unseen, |c| !c.call_managers.is_empty())
    });
    let refused = !defaults.is_empty() && defaults.iter().all(|f| f.is_missing());
    let pending = defaults.iter().any(|f| !f.is_missing());
    let gave_up = cx.phone.attempts.last().is_some_and(|a| a.began > missing.request.first)
        || cx.phone.boots.last().is_some_and(|b| *b > missing.request.first)
        || cx.now().since(missing.last.time) >= SETTLED;
    let none_served = !served && (refused || (gave_up && !pending));
    let severity = if none_served && !cx.is_registered() { Severity::Error } else { Severity::Warning };
    // Until a boot has come further, another server may have the file.
    let confidence = match severity {
        Severity::Warning if cx.is_registered() || gave_up => Confidence::Certain,
        Severity::Warning => Confidence::Likely,
        _ if refused => Confidence::Certain,
        _ => cx.confidence_from_absence(Confidence::Likely),
    };
    let server = missing.server;
    let mut shown = vec![evidence(missing.request.first, format!("{} asks {server} for {}", cx.label(), missing.name))];
    if let Some(Failure { seen_at, failure }) = &missing.failure {
        shown.push(evidence(*seen_at, format!("{server} answers {failure}")));
    }
    for fetch in &defaults {
        shown.push(evidence(fetch.request.first, format!("{}: {}", fetch.name, fetch.outcome().as_str())));
    }
    let lower = device_of_name(missing.name.raw()).is_some_and(|(_, upper)| !upper);
    let case = if lower { " The phone asked with its MAC in lower case." } else { "" };
    let default_said = match (served, refused) {
        (true, _) => "A default configuration was served instead",
        (_, true) => "The server has no default configuration either",
        _ => "No default configuration was served in this capture",
    };
    vec![Draft::from_evidence(Code::ConfigFileMissing, confidence, shown)
        .severity(severity)
        .server(server)
        .fact("file", Fact::Text(missing.name.clone()))
        .fact("tftp_server", text(server))
        .fact("default_served", Fact::Flag(served))
        .title(format!("{server} has no configuration of its own for these phones"))
        .summary(format!("TFTP server {server} does not have {}. {default_said}.{case}", missing.name))
        .fix(Fix::new(FixKind::ServeConfiguration, FixTarget::CallManager, format!("Make {} exist on {server}", missing.name))
                .step(format!("Is {server} the TFTP server of this phone's cluster? If not, correct option 150."))
                .step("In CallManager: Device, Phone: add the phone by its MAC; or switch auto-registration on for its group.")
                .step(format!("On a server that minds the case: the file's name is {}.cnf.xml, MAC in upper case.", cx.phone.mac.device_name()))
                .step("Restart the TFTP service after editing files by hand; reset the phone.")
                .verify(format!("The request for {} is answered with DATA.", missing.name)))]
}
