//! `config-file-broken`: a configuration comes, and is none.

use std::time::Duration;

use crate::conversation::file::Fetch;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, text};
use crate::wire::phone_config::{ENCRYPTED, NO_CALL_MANAGER, OLD_FORMAT, PhoneConfig, TOO_LONG, is_config_name};

declare_finding! {
    /// ## Trigger
    ///
    /// The server sends the phone's configuration whole, and it can not be read (no XML, cut off, an HTML page, another
    /// document) or names no CallManager. The phone's own file counts, and the default where no good one of its own
    /// came. A file that names no CallManager is a warning only for a phone that is registered all the same. A
    /// configuration that is signed or encrypted, or older than XML, is not judged by what is in it.
    ///
    /// Or an encrypted configuration (`.enc.sgn`) is served whole at one boot after the other, and the phone never turns to a
    /// CallManager: it has not the key (`certain` from the third boot on).
    ///
    /// ## Evidence
    ///
    /// The request for the file and the block that ends it.
    ///
    /// ## Explanation
    ///
    /// The file was edited by hand and damaged, written to a full disk, or the server answers every name with a page of
    /// its own. The phone takes nothing from it: it asks for the default, goes on with what it stored, or asks again.
    ///
    /// ## Fix
    ///
    /// Let CallManager write the file anew (reset the phone from its page), or correct it by hand; then reset the phone.
    ///
    /// ## Not this
    ///
    /// A file that the capture holds in part, or that a snap length cut: that is not judged. `foreign-call-manager`: the
    /// file is good, and names another cluster's servers. `tftp-transfer-failed`: the file does not come to its end.
    ///
    /// ## References
    ///
    /// Cisco IP phone administration guides, "Error in configuration file" (`SEP<MAC>.cnf.xml`).
    static CONFIG_FILE_BROKEN = {
        code: ConfigFileBroken,
        summary: "The configuration served is not readable, or names no CallManager",
        check: check,
    }
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    Unreadable,
    NoCallManager,
}

/// `None`: nothing, or nothing that this program can tell.
fn fault(config: &PhoneConfig) -> Option<Fault> {
    match config.problem.as_deref()? {
        OLD_FORMAT | ENCRYPTED | TOO_LONG => None,
        NO_CALL_MANAGER => Some(Fault::NoCallManager),
        _ => Some(Fault::Unreadable),
    }
}

/// Boots in a row after which a file that is served whole counts as one that the phone can not use.
const UNUSED: usize = 3;
/// Boots farther apart than this are no loop.
const APART: Duration = Duration::from_secs(600);

/// The transfers of a configuration that the phone fetches whole at one boot after the other, the latest last, without
/// ever turning to a CallManager; `is_it` tells by the file's name which configurations are meant. At least two.
pub(super) fn never_used<'a>(cx: &PhoneContext<'a>, is_it: impl Fn(&str) -> bool) -> Vec<&'a Fetch> {
    let served = |f: &&Fetch| is_config_name(f.name.raw()) && f.outcome() == Outcome::Served;
    let mut run: Vec<&Fetch> = Vec::new();
    for fetch in cx.phone.files.iter().rev().filter(served) {
        let apart = run.last().is_some_and(|later| later.request.first.time.since(fetch.request.first.time) > APART);
        if apart || !cx.phone.owns_config(fetch.name.raw()) || !is_it(fetch.name.raw()) {
            break;
        }
        run.push(fetch);
    }
    run.reverse();
    let tried = |first: &&Fetch| cx.phone.attempts.iter().any(|a| a.last > first.request.first);
    if run.len() < 2 || run.first().is_some_and(tried) || cx.is_registered() || cx.open_session().is_some() {
        return Vec::new();
    }
    run
}

/// How sure it is that a file which was fetched so often is of no use to the phone.
pub(super) fn confidence_in_unused(cx: &PhoneContext<'_>, count: usize) -> Confidence {
    cx.confidence_from_absence(if count >= UNUSED { Confidence::Certain } else { Confidence::Likely })
}

/// An encrypted configuration that the phone fetches again and again: it has not the key for it.
fn sealed(cx: &PhoneContext<'_>) -> Option<Draft> {
    let run = never_used(cx, |name| name.to_ascii_lowercase().ends_with(".enc.sgn"));
    let (last, count) = (*run.last()?, run.len());
    let (file, server) = (&last.name, last.server);
    let shown =
        run.iter().rev().take(3).rev().map(|f| {
            evidence(f.request.first, format!("{} is served {file} by {server}, {} octets", cx.label(), f.bytes))
        });
    let problem = "encrypted for a key that the phone does not have";
    Some(
        Draft::from_evidence(Code::ConfigFileBroken, confidence_in_unused(cx, count), shown.collect())
            .server(server)
            .fact("file", Fact::Text(file.clone()))
            .fact("tftp_server", text(server))
            .fact("problem", text(problem))
            .title(format!("the encrypted configuration of {server} is of no use to the phone"))
            .summary(format!(
                "TFTP server {server} sends {} its encrypted configuration {file} whole, at {count} boots in a row, and the \
                 phone never turns to a CallManager: it can not decrypt it. CallManager encrypts it for the key of the \
                 certificate (LSC or MIC) that it has on record for this phone.",
                cx.label()
            ))
            .fix(
                Fix::new(
                    FixKind::RepairConfiguration,
                    FixTarget::CallManager,
                    "Give the phone a configuration that it can read, then a new certificate (LSC)",
                )
                .step(
                    "In CallManager: Device, Phone: a device security profile without TFTP Encrypted Config; Save, Apply \
                     Config, reset the phone. It takes the plain file and registers.",
                )
                .step(
                    "Then on the same page, under CAPF: Certificate Operation Install/Upgrade, reset, and wait for the \
                     status Success: the phone has a new LSC, and CallManager its key.",
                )
                .step("Only then set the encrypted profile again.")
                .step(
                    "Where the phone takes no plain file either, it holds on to a trust list: delete CTL and ITL on the \
                     phone.",
                )
                .verify("After a reset the phone fetches its configuration once and connects to a CallManager."),
            ),
    )
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    if let Some(draft) = sealed(cx) {
        return vec![draft];
    }
    let read = |f: &&Fetch| f.outcome() == Outcome::Served && f.config.is_some();
    let served: Vec<&Fetch> = cx.files().iter().filter(read).collect();
    let own = served.iter().rev().find(|f| cx.phone.owns_config(f.name.raw()));
    let default = served.iter().rev().find(|f| !cx.phone.owns_config(f.name.raw()));
    let found = own.or(default).and_then(|fetch| {
        let config = fetch.config.as_ref()?;
        fault(config).map(|fault| (*fetch, config, fault))
    });
    let Some((fetch, config, fault)) = found else { return Vec::new() };
    let default_helps = own.is_some() && default.and_then(|f| f.config.as_ref()).is_some_and(|c| c.problem.is_none());
    let harmless = fault == Fault::NoCallManager && (cx.is_registered() || default_helps);
    let problem = config.problem.clone().unwrap_or_default();
    let server = fetch.server;
    let mut shown = vec![evidence(fetch.request.first, format!("{} asks {server} for {}", cx.label(), fetch.name))];
    if let Some(done) = fetch.done {
        shown.push(evidence(done, format!("the file ends, {} octets: {problem}", fetch.bytes)));
    }
    let went_on = match (cx.registered_with(), default_helps) {
        (Some(contact), _) => format!(" It is registered with {} all the same.", contact.server),
        (None, true) => " The default configuration stands in for it.".to_owned(),
        _ => String::new(),
    };
    vec![
        Draft::from_evidence(
            Code::ConfigFileBroken,
            if harmless { Confidence::Likely } else { Confidence::Certain },
            shown,
        )
        .severity(if harmless { Severity::Warning } else { Severity::Error })
        .server(server)
        .fact("file", Fact::Text(fetch.name.clone()))
        .fact("tftp_server", text(server))
        .fact("problem", text(&problem))
        .title(format!("{server} serves a configuration that is of no use"))
        .summary(format!(
            "TFTP server {server} sends {} its configuration {} of {} octets: {problem}.{went_on}",
            cx.label(),
            fetch.name,
            fetch.bytes
        ))
        .fix(fix(cx, fetch, fault)),
    ]
}

fn fix(cx: &PhoneContext<'_>, fetch: &Fetch, fault: Fault) -> Fix {
    let server = fetch.server;
    let managers = cx.cluster().map(|c| c.call_managers.clone()).unwrap_or_default();
    let mut steps = vec![
        format!("Fetch {} from {server} and look at it: it should be XML from <device> (or <Default>) to its end tag.", fetch.name),
        "In CallManager: Device, Phone, the phone's page: Reset writes the file anew. A file made by hand: correct it; restart the TFTP service after.".to_owned(),
    ];
    if fault == Fault::NoCallManager {
        steps.push("In CallManager: give the phone a device pool whose group has CallManagers in it.".to_owned());
    }
    let members: Vec<String> = (0..)
        .zip(&managers)
        .map(|(priority, name): (u32, _)| {
            format!(
                "  <member priority=\"{priority}\"><callManager><ports><ethernetPhonePort>2000</ethernetPhonePort></ports>\
                 <processNodeName>{name}</processNodeName></callManager></member>\n"
            )
        })
        .collect();
    let config = (!members.is_empty())
        .then(|| format!("<callManagerGroup><members>\n{}</members></callManagerGroup>\n", members.concat()));
    if config.is_some() {
        steps.push("The CallManagers of this phone's cluster, by the site file, are below.".to_owned());
    }
    Fix::new(FixKind::RepairConfiguration, FixTarget::TftpServer, format!("Make the configurations on {server} whole"))
        .steps(steps)
        .config(config)
        .verify("After a reset the phone connects to the CallManager that the file names.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::phone_config::parse;

    fn fault_of(file: &str, bytes: &[u8]) -> Option<Fault> {
        fault(&parse(&file.into(), bytes).0)
    }

    #[test]
    fn only_what_is_wrong_for_certain_is_a_fault() {
        const OWN: &str = "SEP003094C2D3FA.cnf.xml";
        let good = "<device><callManagerGroup><members><member priority='0'><callManager><processNodeName>10.1.1.1\
                    </processNodeName></callManager></member></members></callManagerGroup></device>";
        assert_eq!(fault_of(OWN, good.as_bytes()), None);
        assert_eq!(fault_of(OWN, &good.as_bytes()[..good.len() - 4]), Some(Fault::Unreadable), "cut off");
        assert_eq!(fault_of(OWN, b""), Some(Fault::Unreadable));
        assert_eq!(fault_of(OWN, b"<html><body>404</body></html>"), Some(Fault::Unreadable));
        assert_eq!(fault_of(OWN, b"<device></device>"), Some(Fault::NoCallManager));
        assert_eq!(fault_of("SEP003094C2D3FA.cnf", b"\x01\x02\x03"), None, "older than XML");
        assert_eq!(fault_of("SEP003094C2D3FA.cnf.xml.enc.sgn", b"\x01\x00\x02\x07"), None, "signed");
    }
}
