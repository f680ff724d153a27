//! What is wrong: one file a finding, each with its trigger, evidence, explanation and fix together.
//!
//! A rule is a pure function of one phone in its world ([`context::PhoneContext`]) to drafts; what the drafts of one
//! phone explain of each other is said in one place ([`causes`]); drafts of many phones with one cause become one
//! finding ([`grouping`]). The rule's own text is its page: `phonescope explain`, `docs/findings/<code>.md` and the
//! documentation of this module come from it.

pub mod causes;
pub mod context;
pub mod coverage;
mod diagnose;
mod grouping;
pub mod inference;
mod narrative;
mod servers;
mod step;
pub mod together;
mod wanted;

pub use diagnose::diagnose;

use std::net::IpAddr;

use crate::conversation::Stamp;
pub(crate) use crate::diagnosis::and_list;
use crate::diagnosis::{Confidence, Evidence, Fact, Facts, Fix, Severity};
use crate::wire::WireText;
use context::PhoneContext;

/// What a rule says of one phone.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Which rule.
    pub rule: &'static Rule,
    #[allow(missing_docs)]
    pub severity: Severity,
    #[allow(missing_docs)]
    pub confidence: Confidence,
    /// Addresses that tell one cause from another: phones with the same ones share a finding.
    pub servers: Vec<IpAddr>,
    /// Facts of this phone, by the contract's names.
    pub facts: Facts,
    /// The first is the primary one.
    pub evidence: Vec<Evidence>,
    /// What the finding's sentences need beside the facts.
    pub says: Says,
}

/// Sentences and cures of a finding; those of the first phone stand for all of its group.
#[derive(Clone, Debug, Default)]
pub struct Says {
    /// A few words.
    pub title: String,
    /// What and why it matters, with values.
    pub summary: String,
    /// What to change.
    pub fixes: Vec<Fix>,
}

/// One kind of finding.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case, names the wrong state.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// How bad it usually is.
    pub severity: Severity,
    /// The version that brought it.
    pub since: &'static str,
    /// The page, in Markdown with the headings of [`HEADINGS`].
    pub page: &'static str,
    /// The judgement.
    pub check: fn(&PhoneContext<'_>) -> Vec<Draft>,
}

/// The headings of every page, in order.
pub const HEADINGS: [&str; 6] = ["Trigger", "Evidence", "Explanation", "Fix", "Not this", "References"];

/// Declares a rule; its doc comment is its page.
macro_rules! declare_finding {
    ($(#[doc = $page:literal])+ static $NAME:ident = { code: $code:literal, summary: $summary:literal, severity: $severity:ident, since: $since:literal, check: $check:path $(,)? }) => {
        $(#[doc = $page])+
        pub(crate) static $NAME: $crate::findings::Rule = $crate::findings::Rule {
            code: $code,
            summary: $summary,
            severity: $crate::diagnosis::Severity::$severity,
            since: $since,
            page: concat!($($page, "\n"),+),
            check: $check,
        };
    };
}

mod call_manager_closed;
mod call_manager_no_answer;
mod call_manager_refused;
mod config_file_broken;
mod config_file_missing;
mod conflicting_dhcp_offers;
mod dhcp_refused;
mod duplicate_device;
mod foreign_call_manager;
mod load_file_missing;
mod load_flapping;
mod load_not_accepted;
mod load_trap;
mod load_wrong_family;
mod malformed_tftp_option;
mod name_mac_mismatch;
mod no_dhcp_answer;
mod no_tftp_address;
mod registered_elsewhere;
mod registers_with_tftp_server;
mod registration_flapping;
mod registration_rejected;
mod stuck_load;
mod tftp_name_unresolved;
mod tftp_no_answer;
mod tftp_options_disagree;
mod tftp_override;
mod tftp_transfer_failed;
mod trust_list_mismatch;
mod unknown_dhcp_server;
mod wrong_tftp_server;
mod wrong_voice_vlan;

/// All rules, in the order of a phone's boot: of two that nothing explains the earlier one is the verdict.
pub static RULES: [&Rule; 32] = [
    &wrong_voice_vlan::WRONG_VOICE_VLAN,
    &no_dhcp_answer::NO_DHCP_ANSWER,
    &dhcp_refused::DHCP_REFUSED,
    &unknown_dhcp_server::UNKNOWN_DHCP_SERVER,
    &conflicting_dhcp_offers::CONFLICTING_DHCP_OFFERS,
    &malformed_tftp_option::MALFORMED_TFTP_OPTION,
    &no_tftp_address::NO_TFTP_ADDRESS,
    &tftp_options_disagree::TFTP_OPTIONS_DISAGREE,
    &tftp_name_unresolved::TFTP_NAME_UNRESOLVED,
    &duplicate_device::DUPLICATE_DEVICE,
    &wrong_tftp_server::WRONG_TFTP_SERVER,
    &tftp_override::TFTP_OVERRIDE,
    &tftp_no_answer::TFTP_NO_ANSWER,
    &trust_list_mismatch::TRUST_LIST_MISMATCH,
    &config_file_missing::CONFIG_FILE_MISSING,
    &tftp_transfer_failed::TFTP_TRANSFER_FAILED,
    &config_file_broken::CONFIG_FILE_BROKEN,
    &foreign_call_manager::FOREIGN_CALL_MANAGER,
    &load_wrong_family::LOAD_WRONG_FAMILY,
    &load_file_missing::LOAD_FILE_MISSING,
    &load_not_accepted::LOAD_NOT_ACCEPTED,
    &load_flapping::LOAD_FLAPPING,
    &load_trap::LOAD_TRAP,
    &stuck_load::STUCK_LOAD,
    &registers_with_tftp_server::REGISTERS_WITH_TFTP_SERVER,
    &call_manager_refused::CALL_MANAGER_REFUSED,
    &call_manager_no_answer::CALL_MANAGER_NO_ANSWER,
    &registration_rejected::REGISTRATION_REJECTED,
    &call_manager_closed::CALL_MANAGER_CLOSED,
    &name_mac_mismatch::NAME_MAC_MISMATCH,
    &registered_elsewhere::REGISTERED_ELSEWHERE,
    &registration_flapping::REGISTRATION_FLAPPING,
];

/// Where a rule stands in the boot.
pub fn stage(code: &str) -> usize {
    RULES.iter().position(|r| r.code == code).unwrap_or(usize::MAX)
}

/// The page of a code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|r| r.code == code)
}

// ---- short forms for the rules ----

/// Evidence of one frame.
pub(crate) fn evidence(stamp: Stamp, text: impl Into<String>) -> Evidence {
    Evidence { at: stamp.at, time: stamp.time, text: text.into() }
}

pub(crate) fn text(value: impl ToString) -> Fact {
    Fact::Text(WireText::from(value.to_string().as_str()))
}

pub(crate) fn optional(value: Option<impl ToString>) -> Fact {
    value.map_or(Fact::Null, text)
}

pub(crate) fn wire_texts(values: &[WireText]) -> Fact {
    Fact::List(values.iter().cloned().map(Fact::Text).collect())
}

pub(crate) fn addresses(values: &[IpAddr]) -> Fact {
    Fact::List(values.iter().map(text).collect())
}
