//! `tftp-transfer-failed`: a transfer starts and does not end.

use crate::conversation::file::Failure;
use crate::conversation::file::Fetch;
use crate::conversation::file::FileFailure;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome, Transport};
use crate::findings::context::{PhoneContext, TFTP_INTERVAL};
use crate::findings::{Draft, evidence, text};
use crate::wire::load::{is_load_file, same_load};
use crate::wire::phone_config::is_config_name;

declare_finding! {
    /// ## Trigger
    ///
    /// The transfer of a configuration or a load begins and does not come to its last block: one block comes again and
    /// again, nothing more comes for the retransmission interval, the phone gives up and asks anew, or the server ends it
    /// with an error. Not where the same file came through later, and not where the capture itself misses blocks that
    /// the phone acknowledged.
    ///
    /// ## Evidence
    ///
    /// The request, the last block that came, and the error where there is one.
    ///
    /// ## Explanation
    ///
    /// The first block passes and later ones do not: a filter or NAT that knows only port 69, fragments that are dropped
    /// (a large block size), a server that dies, or acknowledgements that do not reach it.
    ///
    /// ## Fix
    ///
    /// Let the ephemeral ports of the transfer pass both ways; check the path's MTU; check the server's log.
    ///
    /// ## Not this
    ///
    /// `tftp-no-answer`: not even a first block. A one-sided capture, which shows acknowledgements without blocks.
    ///
    /// ## References
    ///
    /// RFC 1350 sections 2, 6 and 7; RFC 2348 (block size).
    static TFTP_TRANSFER_FAILED = {
        code: TftpTransferFailed,
        summary: "A transfer starts and does not end",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    if cx.world.visible.blind_files {
        return Vec::new();
    }
    let files = cx.files();
    // A registered phone has what it needs, but for a load that it was to change to.
    let matters = |f: &&Fetch| match is_load_file(f.name.raw()) {
        Some(load) => !cx.is_registered() || !cx.running().is_some_and(|(running, _)| same_load(running.raw(), &load)),
        None => !cx.is_registered() && is_config_name(f.name.raw()),
    };
    let mut drafts: Vec<Draft> = Vec::new();
    for fetch in files.iter().filter(matters) {
        let failed = match fetch.outcome() {
            Outcome::Partial => has_stopped(cx, fetch),
            Outcome::Aborted => true,
            _ => false,
        };
        let came_later = files.iter().any(|f| f.name == fetch.name && f.outcome() == Outcome::Served);
        let said = drafts.iter().any(|d| {
            d.facts.iter().any(|(n, v)| *n == "file" && *v == crate::diagnosis::Fact::Text(fetch.name.clone()))
        });
        if !failed || fetch.unseen || came_later || said {
            continue;
        }
        let mut shown =
            vec![evidence(fetch.request.first, format!("{} asks {} for {}", cx.label(), fetch.server, fetch.name))];
        shown.push(evidence(fetch.progress, format!("block {} is the last new one", fetch.blocks)));
        let who = |f: &FileFailure| if f.is_by_client() { "the phone" } else { "the server" };
        if let Some(Failure { seen_at, failure }) = &fetch.failure {
            shown.push(evidence(*seen_at, format!("{} ends it with {failure}", who(failure))));
        }
        let sure = if fetch.failure.is_some() || fetch.stalled.max(fetch.acked.map_or(0, |a| a.count)) >= 3 {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        let how = match fetch.failure.as_ref().map(|f| &f.failure) {
            Some(failure @ FileFailure::Tftp { code, text, .. }) => {
                format!("{} ends it with error {code} ({text})", who(failure))
            }
            Some(failure) => format!("{} ends it with {failure}", who(failure)),
            None => "nothing new comes after that".to_owned(),
        };
        drafts.push(Draft::from_evidence(Code::TftpTransferFailed, if fetch.failure.is_some() { sure } else { cx.confidence_from_absence(sure) }, shown)
            .server(fetch.server)
            .fact("file", crate::diagnosis::Fact::Text(fetch.name.clone()))
            .fact("tftp_server", text(fetch.server))
            .fact("blocks", Fact::Number(u64::from(fetch.blocks)))
            .title(format!("transfers from {} do not end", fetch.server))
            .summary(format!(
                    "{} asks {} for {}; {} blocks come, and {how}.",
                    cx.label(),
                    fetch.server,
                    fetch.name,
                    fetch.blocks
                ))
            .fix(Fix::new(FixKind::LetTransfersPass, FixTarget::Network, format!("Let transfers from {} pass", fetch.server))
                    .step("Let UDP between the phones and the server pass on all ports above 1023, both ways: after the request TFTP leaves port 69.")
                    .step("Check the path's MTU where the block size is larger than 512, and the server's log.")
                    .verify("The transfer ends with a block that is shorter than the block size.")));
    }
    drafts
}

fn has_stopped(cx: &PhoneContext<'_>, fetch: &Fetch) -> bool {
    // HTTP has TCP beneath it: that a body is long on its way is no failure yet.
    let interval = if fetch.transport == Transport::Http { 6 * TFTP_INTERVAL } else { TFTP_INTERVAL };
    fetch.stalled >= 3
        // An acknowledgement that asks for the next block is a request as any other.
        || fetch.acked.is_some_and(|acked| acked.unanswered(cx.now(), interval) && acked.count > 1)
        || cx.gave_up(fetch.last)
        || (!cx.moved_on(fetch.last) && cx.now().since(fetch.progress.time) >= interval)
}
