//! `file-refused`: the server has the file, or may have it, and does not hand it out.

use std::net::IpAddr;

use crate::conversation::file::{Failure, Fetch, FileFailure};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome, Transport};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, text};
use crate::wire::load::{is_load_file, same_load};
use crate::wire::phone_config::is_config_name;

declare_finding! {
    /// ## Trigger
    ///
    /// The server answers the request for a configuration or a load, and the answer is neither the file nor "not there":
    /// TFTP error 2 (access violation) or another error before the first block, HTTP 401, 403, a redirect, 5xx. Only
    /// where the phone did not get the same file otherwise in this boot, and no other configuration of its own.
    ///
    /// ## Evidence
    ///
    /// The request and the answer, with the error code or status as it was sent.
    ///
    /// ## Explanation
    ///
    /// The TFTP service may not read the file (owner, mode, folder, SELinux), or its settings exclude the phones' network;
    /// over HTTP the web server asks for a login, redirects, or fails inside. The phone follows no redirect, knows no
    /// login, and goes on without the file.
    ///
    /// ## Fix
    ///
    /// Let the service read the file and the phones' network reach it; request the file from a host in that network.
    ///
    /// ## Not this
    ///
    /// `config-file-missing` and `load-file-missing`: the server says that there is no such file (TFTP error 1, HTTP 404,
    /// 410). Files refused over HTTP that TFTP then serves are normal: phones request over HTTP port 6970 first. Refused
    /// ring lists, locales and trust lists keep no phone down (`trust-list-mismatch`).
    ///
    /// ## References
    ///
    /// RFC 1350 section 5 (error codes); RFC 9110 section 15 (status codes).
    static FILE_REFUSED = {
        code: FileRefused,
        summary: "The server refuses a configuration file or phone load",
        check: check,
    }
}

/// Error code of TFTP (RFC 1350 section 5).
const ACCESS_VIOLATION: u16 = 2;

/// Whether an error text says that the server may not hand the file out; some send it under error 0.
fn speaks_of_rights(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["denied", "permission", "access", "forbidden", "not allowed"].iter().any(|word| text.contains(word))
}

/// What the server refused it with; `None`: it did not, or says that there is no such file.
fn refusal(fetch: &Fetch) -> Option<&Failure> {
    let failure = fetch.failure.as_ref()?;
    // Not modified: the phone has the file already.
    let is_current = matches!(failure.failure, FileFailure::Http { status: 304 });
    // Other errors of TFTP may end a transfer whose blocks this capture lost.
    let refuses = match &failure.failure {
        FileFailure::Tftp { code, text, .. } => *code == ACCESS_VIOLATION || speaks_of_rights(text.raw()),
        FileFailure::Http { .. } => !is_current,
    };
    (fetch.outcome() == Outcome::Refused && !fetch.is_missing() && refuses).then_some(failure)
}

/// Whether the phone got this file, or another that does as well.
fn was_served(cx: &PhoneContext<'_>, fetch: &Fetch) -> bool {
    let load = is_load_file(fetch.name.raw());
    cx.files().iter().filter(|f| f.outcome() == Outcome::Served).any(|f| match &load {
        Some(load) => is_load_file(f.name.raw()).is_some_and(|got| same_load(&got, load)),
        None => f.name == fetch.name || cx.phone.owns_config(f.name.raw()) || f.config.is_some(),
    })
}

/// Whether the phone needs the file, as far as can be told.
fn matters(cx: &PhoneContext<'_>, fetch: &Fetch) -> bool {
    match is_load_file(fetch.name.raw()) {
        Some(load) => {
            let named = cx.config().and_then(|(_, config)| cx.phone.load_in(config));
            let runs = cx.running().is_some_and(|(running, _)| same_load(running.raw(), &load));
            !runs && named.is_none_or(|named| same_load(named.raw(), &load))
        }
        None => is_config_name(fetch.name.raw()) && !cx.is_registered(),
    }
}

/// Whether the phone asked for the same file again, in another way or elsewhere, and that answer is still to come.
fn is_pending(cx: &PhoneContext<'_>, fetch: &Fetch) -> bool {
    cx.files().iter().any(|f| {
        f.name == fetch.name
            && f.request.first > fetch.request.first
            && matches!(f.outcome(), Outcome::NoAnswer | Outcome::Partial)
            && f.unreachable.is_none()
    })
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let files = cx.files();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut said: Vec<(IpAddr, bool)> = Vec::new();
    // The phone's own configuration says more than the default that it asks for next.
    let own_first = files.iter().filter(|f| cx.phone.owns_config(f.name.raw()));
    let others = files.iter().filter(|f| !cx.phone.owns_config(f.name.raw()));
    for fetch in own_first.chain(others).filter(|f| matters(cx, f)) {
        let Some(Failure { seen_at, failure }) = refusal(fetch) else { continue };
        let server = fetch.server;
        let kind = (server, is_load_file(fetch.name.raw()).is_some());
        // That the file is not there is what a later answer says; then it is not the right to read it that is missing.
        let missing_elsewhere = files.iter().any(|f| f.name == fetch.name && f.is_missing());
        if said.contains(&kind) || was_served(cx, fetch) || missing_elsewhere || is_pending(cx, fetch) {
            continue;
        }
        said.push(kind);
        let how = if fetch.transport == Transport::Http { "over HTTP " } else { "" };
        let asks = format!("{} requests {} {how}from {server}", cx.label(), fetch.name);
        drafts.push(
            Draft::from_evidence(
                Code::FileRefused,
                Confidence::Certain,
                vec![
                    evidence(fetch.request.first, asks.clone()),
                    evidence(*seen_at, format!("{server} answers {failure}")),
                ],
            )
            .server(server)
            .fact("file", Fact::Text(fetch.name.clone()))
            .fact("tftp_server", text(server))
            .fact("answer", text(failure.to_string()))
            .title(format!("{server} refuses {} to these phones", what(fetch)))
            .summary(format!("{asks}, and it refuses: {failure}. The phone goes on without the file."))
            .fix(fix(fetch, failure)),
        );
    }
    drafts
}

fn what(fetch: &Fetch) -> &'static str {
    if is_load_file(fetch.name.raw()).is_some() { "a phone load" } else { "the configuration file" }
}

fn fix(fetch: &Fetch, failure: &FileFailure) -> Fix {
    let (server, name) = (fetch.server, &fetch.name);
    let step = match failure {
        FileFailure::Tftp { .. } => format!(
            "Make {name} readable for the TFTP service on {server} (owner, mode and folder of the file, SELinux), and \
             check that its settings allow access from the phones' network."
        ),
        FileFailure::Http { status: 300..=399 } => {
            format!("Serve {name} on {server} itself: phones follow no redirect.")
        }
        FileFailure::Http { status: 400..=499 } => format!(
            "Allow access to {name} on {server} without a login, from the phones' network; check the rights of the file."
        ),
        FileFailure::Http { .. } => {
            format!("Look into the log of the web service on {server}: it fails inside; restart it.")
        }
    };
    Fix::new(FixKind::AllowFile, FixTarget::TftpServer, format!("Let {server} hand out {name}"))
        .step(step)
        .step(format!("Request {name} from a host in the phones' network: the file must come, not an error."))
        .step("Reset the phone.")
        .verify(format!("The request for {name} is answered with the file."))
}
