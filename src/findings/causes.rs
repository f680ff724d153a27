//! What explains what on one phone; which findings explain which others, their rows say ([`super::Code`]).
//!
//! A rogue DHCP server → a wrong TFTP server → a foreign load → a refused registration is one cause with three
//! consequences. The chain goes along the boot: an explanation stands before what it explains.

use super::Draft;
use crate::diagnosis::Severity;

/// Whether `cause` explains `effect` on one phone. A warning explains nothing.
pub fn explains(cause: &Draft, effect: &Draft) -> bool {
    let (code, effect_code) = (cause.code, effect.code);
    cause.severity == Severity::Error && code.explains(&cause.facts, effect_code, &effect.facts)
}

/// For each draft of one phone the draft that explains it directly: the latest one in the boot that does.
pub fn causes(drafts: &[Draft]) -> Vec<Option<usize>> {
    let direct = |effect: &Draft| {
        let explaining = drafts
            .iter()
            .enumerate()
            .filter(|(_, cause)| cause.code.stage() <= effect.code.stage() && explains(cause, effect));
        explaining.max_by_key(|(_, cause)| cause.code.stage()).map(|(index, _)| index)
    };
    drafts.iter().map(direct).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Code, Confidence, Fact, Facts};
    use crate::findings::{FindingText, text};

    fn draft(code: Code, facts: Facts) -> Draft {
        Draft {
            code,
            severity: Severity::Error,
            confidence: Confidence::Certain,
            servers: Vec::new(),
            apart: String::new(),
            facts,
            evidence: Vec::new(),
            says: FindingText::default(),
        }
    }

    /// The code of what explains the last of these.
    fn cause_of_last(drafts: &[Draft]) -> Option<Code> {
        let cause = causes(drafts).pop().flatten()?;
        drafts.get(cause).map(|d| d.code)
    }

    #[test]
    fn wrong_load_name_explains_missing_and_rejected_load() {
        let wrong = || draft(Code::LoadWrongFamily, vec![("load", text("P00403000300"))]);
        let missing =
            |file: &str| draft(Code::LoadFileMissing, vec![("file", text(file)), ("tftp_server", text("10.1.1.5"))]);
        let refused = |load: &str| draft(Code::LoadNotAccepted, vec![("load", text(load))]);
        assert_eq!(cause_of_last(&[wrong(), missing("P00403000300.bin")]), Some(Code::LoadWrongFamily));
        assert_eq!(cause_of_last(&[wrong(), missing("P00303000300.bin")]), None);
        assert_eq!(cause_of_last(&[wrong(), refused("P00403000300")]), Some(Code::LoadWrongFamily));
        assert_eq!(cause_of_last(&[wrong(), refused("P00303000300")]), None);
    }

    #[test]
    fn wrong_server_explains_only_its_own_files() {
        let wrong = || draft(Code::WrongTftpServer, vec![("tftp_used", text("10.2.1.5"))]);
        for code in [Code::ForeignCallManager, Code::ConfigFileBroken, Code::TrustListMismatch] {
            let of = |server: &str| draft(code, vec![("tftp_server", text(server))]);
            assert_eq!(cause_of_last(&[wrong(), of("10.2.1.5")]), Some(Code::WrongTftpServer), "{code}");
            assert_eq!(cause_of_last(&[wrong(), of("10.1.1.5")]), None, "{code}");
        }
        for code in [Code::LoadTrap, Code::LoadFlapping, Code::LoadWrongFamily, Code::StuckLoad] {
            assert_eq!(cause_of_last(&[wrong(), draft(code, Vec::new())]), Some(Code::WrongTftpServer), "{code}");
        }
    }

    #[test]
    fn foreign_config_explains_only_its_own_call_managers() {
        let names = |list: &[&str]| Fact::List(list.iter().map(text).collect());
        let foreign = |list: &[&str]| draft(Code::ForeignCallManager, vec![("call_managers", names(list))]);
        let rejected = || draft(Code::RegistrationRejected, vec![("call_manager", text("10.31.0.10"))]);
        assert_eq!(cause_of_last(&[foreign(&["10.31.0.10"]), rejected()]), Some(Code::ForeignCallManager));
        assert_eq!(cause_of_last(&[foreign(&["pilot-cm"]), rejected()]), Some(Code::ForeignCallManager));
        assert_eq!(cause_of_last(&[foreign(&["10.31.0.11"]), rejected()]), None);
    }

    #[test]
    fn a_warning_explains_nothing() {
        let mut trap = draft(Code::LoadTrap, Vec::new());
        trap.severity = Severity::Warning;
        assert_eq!(cause_of_last(&[trap, draft(Code::StuckLoad, Vec::new())]), None);
    }

    #[test]
    fn disagreeing_servers_explain_a_dead_chosen_server() {
        let offer = |server: &str, tftp: &str| {
            Fact::Table(vec![("server", text(server)), ("tftp", Fact::List(vec![text(tftp)]))])
        };
        let offers = || Fact::List(vec![offer("fe80::2", "2001:db8::5"), offer("fe80::bad", "2001:db8::66")]);
        let mut conflict =
            draft(Code::ConflictingDhcpOffers, vec![("offers", offers()), ("chosen", text("fe80::bad"))]);
        conflict.severity = Severity::Error;
        let silent = |server: &str| draft(Code::TftpNoAnswer, vec![("tftp_server", text(server))]);
        let cause = |server: &str| cause_of_last(&[conflict.clone(), silent(server)]);
        assert_eq!(cause("2001:db8::66"), Some(Code::ConflictingDhcpOffers));
        assert_eq!(cause("2001:db8::5"), None);
    }

    #[test]
    fn rogue_server_explains_the_values_of_its_lease() {
        let rogue = || draft(Code::UnknownDhcpServer, vec![("dhcp_server", text("10.1.1.66"))]);
        for code in [Code::TftpNameUnresolved, Code::TftpOptionsDisagree] {
            assert_eq!(cause_of_last(&[rogue(), draft(code, Vec::new())]), Some(Code::UnknownDhcpServer), "{code}");
        }
    }
}
