//! `load-file-missing`: the configuration names a load that is not there.

use crate::conversation::file::Failure;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, text};
use crate::wire::load::{is_load_file, same_load};

declare_finding! {
    /// ## Trigger
    ///
    /// The phone asks for a load and the server answers "file not found", and the same load did not come through under
    /// another name or later in this boot. `certain` where the configuration in the capture names the load.
    ///
    /// ## Evidence
    ///
    /// The configuration that names the load, the request for it, and the error.
    ///
    /// ## Explanation
    ///
    /// The load was named (for the phone, or as the default of its model) and never installed on this TFTP server, or
    /// under a name in another case. The phone boots the load that it has, and tries again at every reset.
    ///
    /// ## Fix
    ///
    /// Install the load on the TFTP server, all its files, or name one that is there.
    ///
    /// ## Not this
    ///
    /// `wrong-tftp-server`: the load is missing because this is another cluster's server. `stuck-load`: the consequence,
    /// where the CallManager does not take the load that the phone has.
    ///
    /// ## References
    ///
    /// RFC 1350 section 5 (error 1); Cisco IP phone administration guides, "TFTP file not found".
    static LOAD_FILE_MISSING = {
        code: LoadFileMissing,
        summary: "A load that the configuration names is not on the server",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let files = cx.files();
    let configured = cx.config().and_then(|(f, c)| cx.phone.load_in(c).map(|l| (f, l)));
    let mut drafts: Vec<Draft> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for fetch in files.iter().rev().filter(|f| f.outcome() == Outcome::Missing) {
        let Some(load) = is_load_file(fetch.name.raw()) else { continue };
        let named = configured.as_ref().filter(|(_, l)| same_load(l.raw(), &load));
        let got = files.iter().any(|f| {
            f.outcome() == Outcome::Served && is_load_file(f.name.raw()).is_some_and(|l| same_load(&l, &load))
        });
        if got || said.iter().any(|s| same_load(s, &load)) || (configured.is_some() && named.is_none()) {
            continue;
        }
        said.push(load.clone());
        let server = fetch.server;
        let mut shown = vec![evidence(fetch.request.first, format!("{} asks {server} for {}", cx.label(), fetch.name))];
        if let Some(Failure { seen_at, failure }) = &fetch.failure {
            shown.push(evidence(*seen_at, format!("{server} answers {failure}")));
        }
        if let Some((config, load)) = named {
            shown.push(evidence(config.request.first, format!("{} names load {load}", config.name)));
        }
        drafts.push(Draft::from_evidence(Code::LoadFileMissing, if named.is_some() { Confidence::Certain } else { Confidence::Likely }, shown)
            .server(server)
            .fact("file", Fact::Text(fetch.name.clone()))
            .fact("tftp_server", text(server))
            .title(format!("load {load} is not on TFTP server {server}"))
            .summary(format!(
                    "{} is told to run load {load}, and TFTP server {server} does not have {}. The phone keeps the load that it has.",
                    cx.label(),
                    fetch.name
                ))
            .fix(Fix::new(FixKind::InstallLoad, FixTarget::TftpServer, format!("Put load {load} on {server}, or name another"))
                    .step(format!("Install all files of {load} on the TFTP path of {server}; names are case-sensitive on many servers."))
                    .step("Or name a load that is there: Device, Phone, or Device Defaults for the model.")
                    .step("Reset the phone.")
                    .verify(format!("The request for {} is answered with DATA.", fetch.name))));
    }
    drafts
}
