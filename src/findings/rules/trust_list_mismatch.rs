//! `trust-list-mismatch`: security files that do not fit, or can not be had.

use std::net::IpAddr;
use std::time::Duration;

use super::config_file_broken::{confidence_in_unused, never_used};
use crate::conversation::file::{Fetch, FileFailure};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome, Severity};
use crate::findings::context::{PhoneContext, SETTLED};
use crate::findings::{Draft, and_list, evidence, optional, text};
use crate::remedy::trust_list;
use crate::types::WireText;
use crate::wire::phone_config::is_config_name;

declare_finding! {
    /// ## Trigger
    ///
    /// The server refuses a trust list (`CTLSEP….tlv`, `ITLSEP….tlv`, `CTLFile.tlv`, `ITLFile.tlv`) with another error
    /// than "file not found"; or a trust list is served by a TFTP server that the site file puts into another cluster
    /// than the server of the configuration, or than the phone. An error, where the phone is down for it: it asks for its
    /// own configuration only signed (`.sgn`), and that is not there; it is served its signed configuration
    /// at one boot after the other and never turns to a CallManager; it asks for its CTL or ITL five times and more and for
    /// nothing else; or it asks the trust verification service (TVS, TCP 2445) of a server that is none of the
    /// configuration served to it, and goes on to CallManagers that this configuration does not name.
    ///
    /// ## Evidence
    ///
    /// The request for the trust list or the signed file and the answer; the connection to the trust verification
    /// service, and the CallManager tried after it.
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
    /// delete it there, by the way of its generation; for many phones, the certificates of both clusters.
    ///
    /// ## Not this
    ///
    /// Missing trust lists: normal on every system without security. A signed file that is missing, and the plain one
    /// taken. What the phone asks its trust verification service is encrypted and not judged.
    ///
    /// ## References
    ///
    /// RFC 1350 section 5 (error codes); Unified CM security guides, "Security by default".
    static TRUST_LIST_MISMATCH = {
        code: TrustListMismatch,
        summary: "Security files (CTL, ITL) come from another cluster, or are refused; or the phone trusts another cluster",
        check: check,
    }
}

/// Whether a file is a trust list.
fn is_trust_list(file: &str) -> bool {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file).to_ascii_uppercase();
    base.ends_with(".TLV") && (base.starts_with("CTL") || base.starts_with("ITL"))
}

/// Whether a trust list is a CTL, not an ITL.
fn is_ctl(file: &WireText) -> bool {
    file.raw().rsplit(['/', '\\']).next().is_some_and(|n| n.to_ascii_uppercase().starts_with("CTL"))
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
    let mut drafts: Vec<Draft> = down(cx).into_iter().collect();
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
        drafts.push(
            Draft::from_evidence(
                Code::TrustListMismatch,
                if refused { Confidence::Certain } else { site.certainty() },
                shown,
            )
            .server(server)
            .fact("file", Fact::Text(fetch.name.clone()))
            .fact("tftp_server", text(server))
            .fact("trusts", Fact::Null)
            .title(if refused {
                format!("{server} refuses trust lists")
            } else {
                format!("{server} serves another cluster's trust lists")
            })
            .summary(format!("{} asks TFTP server {server} for {}, and it {what}.", cx.label(), fetch.name))
            .fix(if refused { let_in(server, &names) } else { delete_list(server) }),
        );
    }
    drafts
}

// ---- phones that are down for their trust list ----

/// A phone asks for its CTL so often before it goes on to its configuration.
const CTL_ASKED: usize = 5;
/// And for so long.
const CTL_ASKED_FOR: Duration = Duration::from_secs(30);

/// The one word on a phone that is down for the trust list that it holds.
fn down(cx: &PhoneContext<'_>) -> Option<Draft> {
    if cx.is_registered() || cx.open_session().is_some() {
        return None;
    }
    holds_on(cx).or_else(|| signed_draft(cx)).or_else(|| not_vouched_for(cx)).or_else(|| list_without_end(cx))
}

/// A phone that has the configuration of one cluster, asks the trust verification service of another about it, and goes
/// on to that one's CallManagers.
fn holds_on(cx: &PhoneContext<'_>) -> Option<Draft> {
    let site = cx.world.site;
    let (fetch, config) = cx.config()?;
    let served = fetch.done?;
    let registry = cx.world.registry;
    let mut named: Vec<IpAddr> = Vec::new();
    for name in &config.call_managers {
        let addresses = registry.resolve(name.raw());
        // A name that this capture does not resolve may be any address.
        if addresses.is_empty() {
            return None;
        }
        named.extend(addresses);
    }
    let clusters: Vec<&str> =
        named.iter().filter_map(|ip| site.cluster_of_call_manager(ip)).map(|c| c.name.as_str()).collect();
    let is_ours = |ip: &IpAddr| {
        named.contains(ip) || site.cluster_of_call_manager(ip).is_some_and(|c| clusters.contains(&c.name.as_str()))
    };
    let asked: Vec<_> = cx.phone.trust_asks.iter().filter(|t| !is_ours(&t.server)).collect();
    // Within one boot the same configuration is fetched again and again: what counts is what it does after the first.
    let first = cx.files().iter().filter(|f| f.config.is_some()).filter_map(|f| f.done).min().unwrap_or(served);
    let after: Vec<_> = cx.phone.attempts.iter().filter(|a| a.began > first).collect();
    if named.is_empty() || after.is_empty() || after.iter().any(|a| is_ours(&a.server)) {
        return None;
    }
    let ask = asked.iter().rev().find(|t| after.iter().any(|a| a.server == t.server)).or(asked.last())?;
    let tried = after.iter().rev().find(|a| a.server == ask.server).or(after.last())?;
    let times = after.len();
    let confidence = if times >= 2 { Confidence::Certain } else { Confidence::Likely };
    let trusts = ask.server;
    let answer = match ask.answered {
        Some(_) => "",
        None => ", in vain",
    };
    Some(
        Draft::of(
            Code::TrustListMismatch,
            cx.confidence_from_absence(confidence),
            ask.tries.first,
            format!("{} asks the trust verification service of {trusts}{answer}", cx.label()),
        )
        .severity(Severity::Error)
        .evidence(fetch.request.first, format!("{} is served {} by {}", cx.label(), fetch.name, fetch.server))
        .evidence(tried.began, format!("{} tries {} as its CallManager", cx.label(), tried.server))
        .server(trusts)
        .fact("file", Fact::Text(fetch.name.clone()))
        .fact("tftp_server", text(fetch.server))
        .fact("trusts", text(trusts))
        .title(format!("The phone holds on to the cluster of {trusts}, by its trust list"))
        .summary(format!(
            "TFTP server {} serves {}, which names CallManager {}. {} asks the trust verification service (TCP 2445) of \
             {trusts} about it{answer}, and goes on to CallManager {}, which that configuration does not name: its trust \
             list ({}) is of another cluster.",
            fetch.server,
            fetch.name,
            and_list(&config.call_managers),
            cx.label(),
            tried.server,
            trust_list::lists(cx.phone.model())
        ))
        .fixes(forget(cx, &format!("the cluster of {trusts}"))),
    )
}

/// The latest request of a phone that asks for its own configuration only signed, and gets it nowhere.
pub(super) fn only_signed<'a>(cx: &PhoneContext<'a>) -> Option<&'a Fetch> {
    let files = cx.files();
    let own: Vec<&Fetch> = files.iter().filter(|f| cx.phone.owns_config(f.name.raw())).collect();
    let last = *own.last()?;
    let is_signed = |f: &&Fetch| f.name.raw().to_ascii_lowercase().ends_with(".sgn");
    let any_served = files.iter().any(|f| is_config_name(f.name.raw()) && f.outcome() == Outcome::Served);
    if !own.iter().all(is_signed) || !own.iter().all(|f| f.is_missing()) || any_served {
        return None;
    }
    // It asks for the plain file at once, if it does.
    let went_on = cx.phone.attempts.iter().any(|a| a.began > last.request.last)
        || cx.phone.boot_began().is_some_and(|b| b > last.request.last)
        || cx.now().since(last.request.last.time) >= SETTLED;
    // At an earlier boot it asked so already, and booted again with that.
    let is_same = |f: &&Fetch| cx.phone.owns_config(f.name.raw()) && f.request.first < last.request.first;
    let mut earlier = cx.phone.files.iter().filter(is_same).peekable();
    let again = earlier.peek().is_some() && earlier.all(|f| f.name == last.name && f.is_missing());
    let downs = !cx.is_registered() && cx.open_session().is_none();
    ((went_on || again) && downs).then_some(last)
}

fn signed_draft(cx: &PhoneContext<'_>) -> Option<Draft> {
    let fetch = only_signed(cx)?;
    let server = fetch.server;
    let again = cx.phone.files.iter().filter(|f| f.name == fetch.name).count() > 1;
    let confidence = if again { Confidence::Certain } else { Confidence::Likely };
    // What it tries without a configuration of this server it has from the one before.
    let trusts = cx.last_contact().map(|c| c.server).filter(|ip| *ip != server);
    let cluster = trusts.map_or_else(|| "another cluster".to_owned(), |ip| format!("the cluster of {ip}"));
    let mut draft = Draft::of(
        Code::TrustListMismatch,
        cx.confidence_from_absence(confidence),
        fetch.request.first,
        format!("{} asks {server} for {}, and for no other configuration", cx.label(), fetch.name),
    );
    if let Some(failure) = &fetch.failure {
        draft = draft.evidence(failure.seen_at, format!("{server} answers {}", failure.failure));
    }
    if let Some(contact) = cx.last_contact() {
        draft = draft.evidence(contact.seen_at(), format!("{} tries CallManager {}", cx.label(), contact.server));
    }
    Some(
        draft
            .severity(Severity::Error)
            .server(server)
            .fact("file", Fact::Text(fetch.name.clone()))
            .fact("tftp_server", text(server))
            .fact("trusts", optional(trusts))
            .title(format!("The phone takes only signed files, and {server} signs none for it"))
            .summary(format!(
                "{} asks TFTP server {server} only for {}, never for the plain file, and it is not there: the phone holds \
                 a trust list ({}), probably of {cluster}, and takes nothing that is not signed by it.",
                cx.label(),
                fetch.name,
                trust_list::lists(cx.phone.model())
            ))
            .fixes(forget(cx, &cluster)),
    )
}

/// A phone that is served its signed configuration at one boot after the other, and never turns to a CallManager.
fn not_vouched_for(cx: &PhoneContext<'_>) -> Option<Draft> {
    let is_signed = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.ends_with(".sgn") && !name.ends_with(".enc.sgn")
    };
    let run = never_used(cx, is_signed);
    let (last, count) = (*run.last()?, run.len());
    let (file, server) = (&last.name, last.server);
    let shown =
        run.iter().rev().take(3).rev().map(|f| {
            evidence(f.request.first, format!("{} is served {file} by {server}, {} octets", cx.label(), f.bytes))
        });
    Some(
        Draft::from_evidence(Code::TrustListMismatch, confidence_in_unused(cx, count), shown.collect())
            .severity(Severity::Error)
            .server(server)
            .fact("file", Fact::Text(file.clone()))
            .fact("tftp_server", text(server))
            .fact("trusts", Fact::Null)
            .title(format!("The phone does not take the signed configuration of {server}"))
            .summary(format!(
                "TFTP server {server} sends {} its signed configuration {file} whole, at {count} boots in a row, and the \
                 phone never turns to a CallManager: its trust list ({}) does not vouch for that signature.",
                cx.label(),
                trust_list::lists(cx.phone.model())
            ))
            .fixes(forget(cx, "the cluster that it came from")),
    )
}

/// A phone that asks for its CTL or ITL again and again and does nothing else.
fn list_without_end(cx: &PhoneContext<'_>) -> Option<Draft> {
    let is_list = |f: &&Fetch| is_trust_list(f.name.raw());
    let run: Vec<&Fetch> = cx.phone.files.iter().rev().take_while(is_list).collect();
    let (last, first) = (*run.first()?, *run.last()?);
    let is_refused = |f: &Fetch| f.is_missing() || f.outcome() == Outcome::Refused;
    let served = last.outcome() == Outcome::Served;
    let answered = run.iter().all(|f| is_refused(f) || f.outcome() == Outcome::Served);
    let went_on = cx.phone.attempts.iter().any(|a| a.last > first.request.first);
    let of_one = run.iter().filter(|f| f.server == last.server && f.name == last.name).count();
    let lasted = last.request.last.time.since(first.request.first.time);
    if !answered || went_on || of_one < CTL_ASKED || lasted < CTL_ASKED_FOR {
        return None;
    }
    let server = last.server;
    let mut draft = Draft::of(
        Code::TrustListMismatch,
        cx.confidence_from_absence(Confidence::Certain),
        first.request.first,
        format!("{} asks {server} for {}", cx.label(), last.name),
    );
    if let Some(failure) = &last.failure {
        draft = draft.evidence(failure.seen_at, format!("the latest of {of_one} answers: {}", failure.failure));
    }
    Some(
        draft
            .severity(Severity::Error)
            .server(server)
            .fact("file", Fact::Text(last.name.clone()))
            .fact("tftp_server", text(server))
            .fact("trusts", Fact::Null)
            .title(format!("The phone asks for its {} file again and again", if is_ctl(&last.name) { "CTL" } else { "ITL" }))
            .summary(format!(
                "{} asks TFTP server {server} for {} {of_one} times, {}, and never goes on to its configuration: it holds a \
                 trust list, or a load, that does not let it go on {}.",
                cx.label(),
                last.name,
                if served { "is served it each time" } else { "is told each time that it can not have it" },
                if served { "with this one" } else { "without" }
            ))
            .fixes(forget(cx, "the cluster that it came from")),
    )
}

/// Lets phones forget another cluster: on the phone; on the old cluster, while that lives; or the two clusters made one.
fn forget(cx: &PhoneContext<'_>, cluster: &str) -> Vec<Fix> {
    let model = cx.phone.model();
    let lists = trust_list::lists(model);
    let check = "The phone asks for its plain configuration or takes the signed one, and connects to a CallManager that it names.";
    let phone =
        Fix::new(FixKind::DeleteTrustList, FixTarget::Phone, format!("On the phone: delete its trust list ({lists})"))
            .steps(trust_list::erase(model))
            .verify(check);
    let clusters = Fix::new(
        FixKind::FitCertificates,
        FixTarget::CallManager,
        "For many phones: let the clusters vouch for each other, or the old one release its phones",
    )
    .step(format!("Where {cluster} and the new one are alive: Bulk Certificate Management: export on both, consolidate, import; then move the phones."))
    .step("Where only the old one can still be reached by its phones: Enterprise Parameters, \"Prepare Cluster for Rollback to pre 8.0\" = True, Save, Apply Config, Reset; restart TVS and TFTP on all nodes, wait until the phones took the empty ITL, then move them.")
    .verify(check)
    .instead_of(std::slice::from_ref(&phone));
    vec![phone, clusters]
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
