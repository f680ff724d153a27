//! `config-file-broken`: a configuration comes, and is none.

use crate::conversation::file::Fetch;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, text};
use crate::wire::phone_config::{ENCRYPTED, NO_CALL_MANAGER, OLD_FORMAT, PhoneConfig, TOO_LONG};

declare_finding! {
    /// ## Trigger
    ///
    /// The server sends the phone's configuration whole, and it can not be read (no XML, cut off, an HTML page, another
    /// document) or names no CallManager. The phone's own file counts, and the default where no good one of its own
    /// came. A file that names no CallManager is a warning only for a phone that is registered all the same. A
    /// configuration that is signed or encrypted, or older than XML, is not judged.
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

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
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
