//! `trust-list-mismatch`: security files that do not fit, or can not be had.

use crate::conversation::file::{Fetch, FileFailure};
use crate::diagnosis::{Confidence, Fact, Fix, FixKind, FixTarget, Outcome, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, FindingText, and_list, evidence, text};

declare_finding! {
    /// ## Trigger
    ///
    /// The server refuses a trust list (`CTLSEP….tlv`, `ITLSEP….tlv`, `CTLFile.tlv`, `ITLFile.tlv`) with another error
    /// than "file not found"; or a trust list is served by a TFTP server that the site file puts into another cluster
    /// than the server of the configuration, or than the phone.
    ///
    /// ## Evidence
    ///
    /// The request for the trust list and the answer.
    ///
    /// ## Explanation
    ///
    /// A phone with a trust list takes configurations only from servers that the list vouches for. With another
    /// cluster's list it ignores changes of its own ("TFTP server not authorized") until the list is deleted. A refusal
    /// leaves it with the list that it has, or asking again: a system without security should say that there is no such
    /// file, and then the phone goes on without.
    ///
    /// ## Fix
    ///
    /// Correct the files' permissions, or the server that the phone asks; where another cluster's list is on the phone,
    /// delete it there.
    ///
    /// ## Not this
    ///
    /// Missing trust lists: normal on every system without security. What the phone asks its trust verification service
    /// (TCP 2445) is encrypted and not judged.
    ///
    /// ## References
    ///
    /// RFC 1350 section 5 (error codes); Unified CM security guides, "Security by default".
    static TRUST_LIST_MISMATCH = {
        code: TrustListMismatch,
        summary: "Security files (CTL, ITL) come from another cluster, or are refused",
        check: check,
    }
}

/// Whether a file is a trust list.
fn is_trust_list(file: &str) -> bool {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file).to_ascii_uppercase();
    base.ends_with(".TLV") && (base.starts_with("CTL") || base.starts_with("ITL"))
}

/// What the server refuses it with, unless that means that there is no such file.
fn refusal(fetch: &Fetch) -> Option<&FileFailure> {
    let failure = &fetch.failure.as_ref()?.failure;
    let lower = failure.text().map(|t| t.raw().to_ascii_lowercase()).unwrap_or_default();
    let says_missing = lower.contains("not found") || lower.contains("no such file");
    (fetch.outcome() == Outcome::Refused && !says_missing).then_some(failure)
}

/// Whether a later request for the same file was answered in another way: phones request over HTTP first, then over TFTP.
fn is_answered_otherwise(files: &[Fetch], fetch: &Fetch) -> bool {
    let later = files.iter().filter(|f| f.name == fetch.name && f.request.first > fetch.request.first);
    later.into_iter().any(|f| f.answered.is_some() && refusal(f).is_none())
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let site = cx.world.site;
    let files = cx.files();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut servers = Vec::new();
    for fetch in files.iter().rev().filter(|f| is_trust_list(f.name.raw())) {
        let server = fetch.server;
        // One word for each server is enough.
        if servers.contains(&server) {
            continue;
        }
        let theirs = site.cluster_of_tftp(server);
        let config_server = cx.config().map(|(f, _)| f.server);
        let of_config = config_server.and_then(|s| site.cluster_of_tftp(s));
        let other = match (theirs, of_config, cx.cluster()) {
            (Some(theirs), Some(config), _) if theirs.name != config.name => {
                Some(format!("its configuration comes from cluster {}", config.name))
            }
            (Some(theirs), _, Some(own)) if theirs.name != own.name => {
                Some(format!("the site file puts the phone into cluster {}", own.name))
            }
            _ => None,
        };
        let what = match (refusal(fetch), other.zip(theirs)) {
            (Some(failure), _) if !is_answered_otherwise(files, fetch) => format!("refuses it with {failure}"),
            (None, Some((because, theirs))) if fetch.outcome() == Outcome::Served => {
                format!("serves it; it is a server of cluster {}, and {because}", theirs.name)
            }
            _ => continue,
        };
        servers.push(server);
        let refused = fetch.outcome() != Outcome::Served;
        let same = files.iter().filter(|f| f.server == server && is_trust_list(f.name.raw()));
        let names: Vec<_> =
            same.filter(|f| (f.outcome() == Outcome::Served) != refused).map(|f| f.name.clone()).collect();
        let mut shown = vec![evidence(fetch.request.first, format!("{} asks {server} for {}", cx.label(), fetch.name))];
        if let Some(seen_at) = fetch.failure.as_ref().map(|f| f.seen_at).or(fetch.done) {
            shown.push(evidence(seen_at, format!("{server} {what}")));
        }
        drafts.push(Draft {
            rule: &TRUST_LIST_MISMATCH,
            severity: Severity::Warning,
            confidence: if refused { Confidence::Certain } else { site.certainty() },
            servers: vec![server],
            facts: vec![("file", Fact::Text(fetch.name.clone())), ("tftp_server", text(server))],
            evidence: shown,
            says: FindingText {
                title: if refused {
                    format!("{server} refuses trust lists")
                } else {
                    format!("{server} serves another cluster's trust lists")
                },
                summary: format!("{} asks TFTP server {server} for {}, and it {what}.", cx.label(), fetch.name),
                fixes: vec![if refused { let_in(server, &names) } else { delete_list(server) }],
            },
        });
    }
    drafts
}

fn let_in(server: std::net::IpAddr, names: &[crate::types::WireText]) -> Fix {
    Fix::new(FixKind::ServeTrustLists, FixTarget::TftpServer, format!("Let {server} serve the trust lists, or say that there are none"))
        .step(format!("On {server}: look at the permissions of the TFTP folder and of {}, and at the server's log.", and_list(names)))
        .step("Without security on this cluster: the files should not be there at all, and the answer be error 1, file not found.")
        .verify(format!("{server} answers the request with DATA, or with error 1."))
}

fn delete_list(server: std::net::IpAddr) -> Fix {
    Fix::new(FixKind::DeleteTrustList, FixTarget::Phone, "On the phone: delete the other cluster's trust list")
        .step(format!("First let the phone ask the right TFTP server: take {server} out of its lease or its Alternate TFTP."))
        .step("Then Settings, Security Configuration (newer models: Admin settings, Security setup), Trust List, ITL file; press **# to unlock; Erase. The phone reboots.")
        .step("For many phones: on the old cluster set the enterprise parameter \"Prepare Cluster for Rollback to pre 8.0\" before they move.")
        .verify("The phone fetches its trust list and its configuration from servers of one cluster.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::SeenAt;
    use crate::diagnosis::Transport;
    use crate::types::WireText;

    #[test]
    fn trust_lists_are_known_by_their_names() {
        for (file, expected) in [
            ("CTLSEP003094C2D3FA.tlv", true),
            ("/ITLFile.tlv", true),
            ("itlsep003094c2d3fa.TLV", true),
            ("SEP003094C2D3FA.cnf.xml", false),
            ("CTL.txt", false),
            ("lddefault.tlv", false),
        ] {
            assert_eq!(is_trust_list(file), expected, "{file}");
        }
    }

    #[test]
    fn only_another_error_than_not_found_is_a_refusal() {
        let refused = |code: u16, words: &str, by_phone: bool| {
            let mut fetch = Fetch::new(
                "CTLFile.tlv".into(),
                "10.1.1.5".parse().unwrap(),
                Transport::Tftp,
                50_000,
                SeenAt::default(),
            );
            let failure = FileFailure::Tftp { code, text: WireText::from(words), by_client: by_phone };
            fetch.failure = Some(crate::conversation::file::Failure { seen_at: SeenAt::default(), failure });
            refusal(&fetch).is_some()
        };
        assert!(refused(2, "Access violation", false));
        assert!(refused(0, "", false));
        assert!(!refused(1, "Access violation", false));
        assert!(!refused(0, "File not found", false));
        assert!(!refused(2, "No such file or directory", false));
        assert!(!refused(3, "disk full", true), "the phone's own error");
    }
}
