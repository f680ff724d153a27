//! What explains what: the causal rules, all in one place.
//!
//! A rogue DHCP server → a wrong TFTP server → a foreign load → a refused registration is one cause with three
//! consequences. The chain goes along the boot: an explanation stands before what it explains.

use std::net::IpAddr;

use super::{Draft, stage};
use crate::diagnosis::{Fact, Severity};
use crate::types::WireText;
use crate::wire::load::{is_load_file, same_load};

/// Codes about the way from the read request to the running load.
const FILES: [&str; 12] = [
    "tftp-no-answer",
    "tftp-transfer-failed",
    "config-file-missing",
    "file-refused",
    "config-file-broken",
    "load-file-missing",
    "load-wrong-family",
    "load-not-accepted",
    "load-flapping",
    "load-trap",
    "foreign-call-manager",
    "trust-list-mismatch",
];

/// Codes about registration: what everything else explains.
const REGISTRATION: [&str; 7] = [
    "registers-with-tftp-server",
    "call-manager-refused",
    "call-manager-no-answer",
    "registration-rejected",
    "call-manager-closed",
    "registered-elsewhere",
    "registration-flapping",
];

fn is(list: &[&str], code: &str) -> bool {
    list.contains(&code)
}

fn fact<'d>(draft: &'d Draft, name: &str) -> Option<&'d Fact> {
    draft.facts.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
}

fn same(a: &Draft, name_a: &str, b: &Draft, name_b: &str) -> bool {
    matches!((fact(a, name_a), fact(b, name_b)), (Some(x), Some(y)) if x == y)
}

/// Whether the load of `cause` is the one that the file of `effect` belongs to.
fn names_load(cause: &Draft, effect: &Draft) -> bool {
    match (fact(cause, "load"), fact(effect, "file")) {
        (Some(Fact::Text(load)), Some(Fact::Text(file))) => {
            is_load_file(file.raw()).is_some_and(|name| same_load(&name, load.raw()))
        }
        _ => false,
    }
}

/// Whether the CallManagers that `cause` names are where `effect` happens; a name may be any address.
fn sends_to(cause: &Draft, effect: &Draft) -> bool {
    let (Some(Fact::List(names)), Some(Fact::Text(tried))) =
        (fact(cause, "call_managers"), fact(effect, "call_manager"))
    else {
        return true;
    };
    let is_name = |text: &WireText| text.raw().parse::<IpAddr>().is_err();
    names.iter().any(|name| matches!(name, Fact::Text(text) if text == tried || is_name(text)))
}

/// Whether `cause` explains `effect` on one phone.
pub fn explains(cause: &Draft, effect: &Draft) -> bool {
    let (c, e) = (cause.rule.code, effect.rule.code);
    if c == e || cause.severity < Severity::Error {
        return false;
    }
    match c {
        // In the wrong VLAN other servers answer, or none: all that follows comes of it.
        "wrong-voice-vlan" => !is(&["duplicate-device", "name-mac-mismatch"], e),
        // Packets for one address go to two devices; of one name only the registration suffers.
        "duplicate-device" => match fact(cause, "name") {
            Some(Fact::Text(_)) => {
                is(&REGISTRATION, e) || (e == "name-mac-mismatch" && same(cause, "name", effect, "name"))
            }
            _ => is(&FILES, e) || is(&REGISTRATION, e),
        },
        // A lease of a server that should not answer explains all that came of the lease.
        "unknown-dhcp-server" => match e {
            "wrong-tftp-server" | "malformed-tftp-option" | "no-tftp-address" => {
                same(cause, "dhcp_server", effect, "dhcp_server")
            }
            // These two speak of the lease in force, which is the one that it took.
            "conflicting-dhcp-offers" | "tftp-name-unresolved" | "tftp-options-disagree" => true,
            _ => false,
        },
        "conflicting-dhcp-offers" => match e {
            "wrong-tftp-server" | "malformed-tftp-option" | "no-tftp-address" => {
                same(cause, "chosen", effect, "dhcp_server")
            }
            "tftp-name-unresolved" | "tftp-options-disagree" => true,
            _ => false,
        },
        "malformed-tftp-option" => {
            is(&["no-tftp-address", "wrong-tftp-server", "tftp-no-answer"], e) || is(&REGISTRATION, e)
        }
        "wrong-tftp-server" if is(&FILES, e) => {
            fact(effect, "tftp_server").is_none() || same(cause, "tftp_used", effect, "tftp_server")
        }
        "wrong-tftp-server" => e == "stuck-load" || is(&REGISTRATION, e),
        "no-dhcp-answer" | "dhcp-refused" | "no-tftp-address" | "tftp-name-unresolved" => {
            is(&FILES, e) || is(&REGISTRATION, e)
        }
        "tftp-no-answer" | "config-file-missing" | "file-refused" | "config-file-broken" | "tftp-transfer-failed" => {
            is(&REGISTRATION, e) || (e == "stuck-load" && c != "config-file-missing")
        }
        // That it is not there, or not taken, is as it should be.
        "load-wrong-family" if e == "load-not-accepted" => same(cause, "load", effect, "load"),
        "load-wrong-family" if e == "load-file-missing" => names_load(cause, effect),
        // A phone that tries another CallManager than the configuration names does not follow it.
        "foreign-call-manager" if is(&REGISTRATION, e) => sends_to(cause, effect),
        "load-file-missing" | "load-wrong-family" | "load-not-accepted" | "foreign-call-manager" => {
            e == "stuck-load" || is(&REGISTRATION, e)
        }
        "stuck-load" | "load-flapping" => is(&REGISTRATION, e),
        "registers-with-tftp-server" => same(cause, "tftp_server", effect, "call_manager"),
        _ => false,
    }
}

/// For each draft of one phone the draft that explains it directly: the latest one in the boot that does.
pub fn causes(drafts: &[Draft]) -> Vec<Option<usize>> {
    let direct = |effect: &Draft| {
        let explaining = drafts
            .iter()
            .enumerate()
            .filter(|(_, cause)| stage(cause.rule.code) <= stage(effect.rule.code) && explains(cause, effect));
        explaining.max_by_key(|(_, cause)| stage(cause.rule.code)).map(|(index, _)| index)
    };
    drafts.iter().map(direct).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Confidence, Facts};
    use crate::findings::{FindingText, rule, text};

    fn draft(code: &str, facts: Facts) -> Draft {
        Draft {
            rule: rule(code).unwrap(),
            severity: Severity::Error,
            confidence: Confidence::Certain,
            servers: Vec::new(),
            facts,
            evidence: Vec::new(),
            says: FindingText::default(),
        }
    }

    /// The code of what explains the last of these.
    fn cause_of_last(drafts: &[Draft]) -> Option<&'static str> {
        let cause = causes(drafts).pop().flatten()?;
        drafts.get(cause).map(|d| d.rule.code)
    }

    #[test]
    fn a_load_that_should_not_be_named_explains_that_it_is_not_there_and_not_taken() {
        let wrong = || draft("load-wrong-family", vec![("load", text("P00403000300"))]);
        let missing =
            |file: &str| draft("load-file-missing", vec![("file", text(file)), ("tftp_server", text("10.1.1.5"))]);
        let refused = |load: &str| draft("load-not-accepted", vec![("load", text(load))]);
        assert_eq!(cause_of_last(&[wrong(), missing("P00403000300.bin")]), Some("load-wrong-family"));
        assert_eq!(cause_of_last(&[wrong(), missing("P00303000300.bin")]), None);
        assert_eq!(cause_of_last(&[wrong(), refused("P00403000300")]), Some("load-wrong-family"));
        assert_eq!(cause_of_last(&[wrong(), refused("P00303000300")]), None);
    }

    #[test]
    fn a_wrong_server_explains_what_comes_of_its_files_and_no_other_servers() {
        let wrong = || draft("wrong-tftp-server", vec![("tftp_used", text("10.2.1.5"))]);
        for code in ["foreign-call-manager", "config-file-broken", "trust-list-mismatch"] {
            let of = |server: &str| draft(code, vec![("tftp_server", text(server))]);
            assert_eq!(cause_of_last(&[wrong(), of("10.2.1.5")]), Some("wrong-tftp-server"), "{code}");
            assert_eq!(cause_of_last(&[wrong(), of("10.1.1.5")]), None, "{code}");
        }
        for code in ["load-trap", "load-flapping", "load-wrong-family", "stuck-load"] {
            assert_eq!(cause_of_last(&[wrong(), draft(code, Vec::new())]), Some("wrong-tftp-server"), "{code}");
        }
    }

    #[test]
    fn a_foreign_configuration_explains_only_what_happens_where_it_sends_the_phone() {
        let names = |list: &[&str]| Fact::List(list.iter().map(text).collect());
        let foreign = |list: &[&str]| draft("foreign-call-manager", vec![("call_managers", names(list))]);
        let rejected = || draft("registration-rejected", vec![("call_manager", text("10.31.0.10"))]);
        assert_eq!(cause_of_last(&[foreign(&["10.31.0.10"]), rejected()]), Some("foreign-call-manager"));
        assert_eq!(cause_of_last(&[foreign(&["pilot-cm"]), rejected()]), Some("foreign-call-manager"));
        assert_eq!(cause_of_last(&[foreign(&["10.31.0.11"]), rejected()]), None);
    }

    #[test]
    fn a_warning_explains_nothing() {
        let mut trap = draft("load-trap", Vec::new());
        trap.severity = Severity::Warning;
        assert_eq!(cause_of_last(&[trap, draft("stuck-load", Vec::new())]), None);
    }

    #[test]
    fn a_server_that_should_not_answer_explains_what_its_lease_names() {
        let rogue = || draft("unknown-dhcp-server", vec![("dhcp_server", text("10.1.1.66"))]);
        for code in ["tftp-name-unresolved", "tftp-options-disagree"] {
            assert_eq!(cause_of_last(&[rogue(), draft(code, Vec::new())]), Some("unknown-dhcp-server"), "{code}");
        }
    }
}
