//! The findings there are: one row each, with all that a finding means to the others and to its cure.
//!
//! The order of the rows is the order of a phone's boot: of two findings that nothing explains the earlier one is the
//! verdict, and an explanation stands before what it explains. A row that leaves a column out does not compile.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Fact, Severity};
use crate::types::WireText;
use crate::wire::load::{is_load_file, same_load};

/// What a finding is about, as far as others explain all of a kind at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// The way from the read request to the running load.
    Files,
    /// Registration: what everything else explains.
    Registration,
    /// None of these: who explains it names it.
    Alone,
}

/// Whether a corrected configuration file of the phone helps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConfigurationHelp {
    /// It does not.
    No,
    /// One that names the right load, where the phone runs another.
    RightLoad,
    /// One that names the right load, also where the phone runs it: something else moves it off.
    RightLoadAlways,
    /// One that names any load that the phone takes, where this is the root cause; else as `RightLoad`.
    AnyLoadAsRoot,
    /// One that names any load that the phone takes.
    AnyLoad,
}

/// By what findings of one stage are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// By the row.
    Boot,
    /// By time, as one stage with all others of this kind: of two CallManagers the one that the phone tries first comes
    /// first, however each of them fails it.
    Contact,
}

/// Whether two findings of one phone stand to each other as cause and effect, by their facts.
type Relation = fn(FactsOf<'_>, FactsOf<'_>) -> bool;
type FactsOf<'f> = &'f [(&'static str, Fact)];

/// Which findings one explains.
enum Effects {
    These(&'static [Code]),
    AllOf(Group),
    AllBut(&'static [Code]),
}

impl Effects {
    fn contains(&self, code: Code) -> bool {
        match self {
            Effects::These(codes) => codes.contains(&code),
            Effects::AllOf(group) => code.group() == *group,
            Effects::AllBut(codes) => !codes.contains(&code),
        }
    }
}

macro_rules! effects {
    ([$($code:ident),+]) => { Effects::These(&[$(Code::$code),+]) };
    ((all but $($code:ident),+)) => { Effects::AllBut(&[$(Code::$code),+]) };
    ($group:ident) => { Effects::AllOf(Group::$group) };
}

macro_rules! relation {
    () => { |_, _| true };
    ($relation:ident($($name:literal),*)) => { |cause, effect| $relation(cause, effect, $($name),*) };
}

/// Makes [`Code`] and its properties from the rows.
macro_rules! codes {
    ($($code:ident = $text:literal {
        severity: $severity:ident,
        since: $since:literal,
        facts: [$($fact:literal),*],
        group: $group:ident,
        explains: [$($effects:tt $(where $relation:ident($($name:literal),*))?),*],
        order: $order:ident,
        before_files: $before_files:literal,
        scope: $scope:literal,
        configuration: $configuration:ident,
        keypad: $keypad:literal,
    })+) => {
        /// The code of a finding. Codes are never reused and never change their meaning.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`")] $code,)+
        }

        impl Code {
            /// All of them, in the order of a phone's boot.
            pub const ALL: &'static [Code] = &[$(Code::$code),+];

            /// Kebab-case, names the wrong state.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$code => $text,)+ }
            }

            /// How bad it usually is.
            pub const fn severity(self) -> Severity {
                match self { $(Code::$code => Severity::$severity,)+ }
            }

            /// The version that brought it.
            pub const fn since(self) -> &'static str {
                match self { $(Code::$code => $since,)+ }
            }

            /// The names of its facts, which never change their meaning.
            pub const fn facts(self) -> &'static [&'static str] {
                match self { $(Code::$code => &[$($fact),*],)+ }
            }

            /// What it is about.
            pub const fn group(self) -> Group {
                match self { $(Code::$code => Group::$group,)+ }
            }

            /// By what it is ordered among the findings of its stage.
            pub const fn order(self) -> Order {
                match self { $(Code::$code => Order::$order,)+ }
            }

            /// Whether it is about what comes before the first read request: the server asked is not known to be right.
            pub const fn is_before_files(self) -> bool {
                match self { $(Code::$code => $before_files,)+ }
            }

            /// Whether what a DHCP scope names may be its cause: a corrected scope helps.
            pub const fn is_helped_by_scope(self) -> bool {
                match self { $(Code::$code => $scope,)+ }
            }

            /// Whether a corrected configuration of the phone helps.
            pub const fn configuration_help(self) -> ConfigurationHelp {
                match self { $(Code::$code => ConfigurationHelp::$configuration,)+ }
            }

            /// Whether the phone's TFTP server is what has to change: setting it at the phone's keypad helps.
            pub const fn is_helped_by_keypad(self) -> bool {
                match self { $(Code::$code => $keypad,)+ }
            }

            fn effects(self) -> &'static [(Effects, Relation)] {
                match self { $(Code::$code => &[$((effects!($effects), relation!($($relation($($name),*))?))),*],)+ }
            }
        }
    };
}

codes! {
    // In the wrong VLAN other servers answer, or none: all that follows comes of it.
    WrongVoiceVlan = "wrong-voice-vlan" {
        severity: Error,
        since: "0.1.0",
        facts: ["vlan", "voice_vlan"],
        group: Alone,
        explains: [(all but DuplicateDevice, NameMacMismatch)],
        order: Boot,
        before_files: true,
        scope: false,
        configuration: No,
        keypad: false,
    }
    NoDhcpAnswer = "no-dhcp-answer" {
        severity: Error,
        since: "0.1.0",
        facts: ["tries", "vlan"],
        group: Alone,
        explains: [Files, Registration],
        order: Boot,
        before_files: true,
        scope: false,
        configuration: No,
        keypad: false,
    }
    OfferNotTaken = "offer-not-taken" {
        severity: Error,
        since: "0.2.0",
        facts: ["dhcp_server", "offers", "relay"],
        group: Alone,
        explains: [Files, Registration],
        order: Boot,
        before_files: true,
        scope: false,
        configuration: No,
        keypad: false,
    }
    DhcpRefused = "dhcp-refused" {
        severity: Warning,
        since: "0.1.0",
        facts: ["dhcp_server", "text"],
        group: Alone,
        explains: [Files, Registration],
        order: Boot,
        before_files: true,
        scope: false,
        configuration: No,
        keypad: false,
    }
    // A lease of a server that should not answer explains all that came of the lease. The last three speak of the lease
    // in force, which is the one that the phone took.
    UnknownDhcpServer = "unknown-dhcp-server" {
        severity: Error,
        since: "0.1.0",
        facts: ["dhcp_server", "tftp_offered"],
        group: Alone,
        explains: [
            [WrongTftpServer, MalformedTftpOption, NoTftpAddress] where same("dhcp_server", "dhcp_server"),
            [ConflictingDhcpOffers, TftpNameUnresolved, TftpOptionsDisagree]
        ],
        order: Boot,
        before_files: true,
        scope: false,
        configuration: No,
        keypad: false,
    }
    ConflictingDhcpOffers = "conflicting-dhcp-offers" {
        severity: Warning,
        since: "0.1.0",
        facts: ["offers", "chosen"],
        group: Alone,
        explains: [
            [WrongTftpServer, MalformedTftpOption, NoTftpAddress] where same("chosen", "dhcp_server"),
            [TftpNoAnswer] where leads_to("offers", "chosen", "tftp_server"),
            [TftpNameUnresolved, TftpOptionsDisagree]
        ],
        order: Boot,
        before_files: true,
        scope: true,
        configuration: No,
        keypad: false,
    }
    MalformedTftpOption = "malformed-tftp-option" {
        severity: Error,
        since: "0.1.0",
        facts: ["option", "raw_hex", "reads_as", "dhcp_server"],
        group: Alone,
        explains: [[NoTftpAddress, WrongTftpServer, TftpNoAnswer], Registration],
        order: Boot,
        before_files: true,
        scope: true,
        configuration: No,
        keypad: true,
    }
    NoTftpAddress = "no-tftp-address" {
        severity: Error,
        since: "0.1.0",
        facts: ["dhcp_server"],
        group: Alone,
        explains: [Files, Registration],
        order: Boot,
        before_files: true,
        scope: true,
        configuration: No,
        keypad: true,
    }
    NoDefaultRouter = "no-default-router" {
        severity: Error,
        since: "0.2.0",
        facts: ["dhcp_server", "needed"],
        group: Alone,
        explains: [Files where same_or_unsaid("needed", "tftp_server"), Registration],
        order: Boot,
        before_files: true,
        scope: false,
        configuration: No,
        keypad: false,
    }
    TftpOptionsDisagree = "tftp-options-disagree" {
        severity: Warning,
        since: "0.1.0",
        facts: ["option150", "option66", "siaddr"],
        group: Alone,
        explains: [],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    TftpNameUnresolved = "tftp-name-unresolved" {
        severity: Error,
        since: "0.1.0",
        facts: ["name", "dns_server"],
        group: Alone,
        explains: [Files, Registration],
        order: Boot,
        before_files: true,
        scope: true,
        configuration: No,
        keypad: true,
    }
    // Packets for one address go to two devices; of one name only the registration suffers.
    DuplicateDevice = "duplicate-device" {
        severity: Error,
        since: "0.1.0",
        facts: ["macs", "name", "ip"],
        group: Alone,
        explains: [
            Registration,
            Files where names_none("name"),
            [NameMacMismatch] where same_text("name", "name")
        ],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    WrongTftpServer = "wrong-tftp-server" {
        severity: Error,
        since: "0.1.0",
        facts: ["tftp_used", "tftp_right", "source", "dhcp_server", "load_taken"],
        group: Alone,
        explains: [Files where same_or_unsaid("tftp_used", "tftp_server"), [StuckLoad], Registration],
        order: Boot,
        before_files: true,
        scope: true,
        configuration: RightLoad,
        keypad: true,
    }
    TftpOverride = "tftp-override" {
        severity: Warning,
        since: "0.1.0",
        facts: ["tftp_used", "tftp_offered"],
        group: Alone,
        explains: [],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    // A phone that its SRST router has came as far as its CallManagers without its files.
    TftpNoAnswer = "tftp-no-answer" {
        severity: Error,
        since: "0.1.0",
        facts: ["tftp_server", "tries", "why", "answered_from"],
        group: Files,
        explains: [[StuckLoad], Registration where is_no("srst")],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    TrustListMismatch = "trust-list-mismatch" {
        severity: Warning,
        since: "0.1.0",
        facts: ["file", "tftp_server", "trusts"],
        group: Files,
        // A phone that is known to hold on to another cluster is down for that.
        explains: [
            [ConfigFileMissing, FileRefused, ForeignCallManager] where is_told("trusts"),
            Registration where is_told("trusts")
        ],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    ConfigFileMissing = "config-file-missing" {
        severity: Error,
        since: "0.1.0",
        facts: ["file", "tftp_server", "default_served"],
        group: Files,
        explains: [Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: AnyLoadAsRoot,
        keypad: false,
    }
    FileRefused = "file-refused" {
        severity: Error,
        since: "0.2.0",
        facts: ["file", "tftp_server", "answer"],
        group: Files,
        explains: [[StuckLoad], Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    TftpTransferFailed = "tftp-transfer-failed" {
        severity: Error,
        since: "0.1.0",
        facts: ["file", "tftp_server", "blocks"],
        group: Files,
        explains: [[StuckLoad], Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    ConfigFileBroken = "config-file-broken" {
        severity: Error,
        since: "0.1.0",
        facts: ["file", "tftp_server", "problem"],
        group: Files,
        explains: [[StuckLoad], Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: AnyLoadAsRoot,
        keypad: false,
    }
    // A phone that tries another CallManager than the configuration names does not follow it.
    ForeignCallManager = "foreign-call-manager" {
        severity: Error,
        since: "0.1.0",
        facts: ["call_managers", "tftp_server"],
        group: Files,
        explains: [Registration where is_among("call_managers", "call_manager"), [StuckLoad]],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: AnyLoad,
        keypad: false,
    }
    // That the load is not there, or not taken, is as it should be.
    LoadWrongFamily = "load-wrong-family" {
        severity: Error,
        since: "0.1.0",
        facts: ["load", "model"],
        group: Files,
        explains: [
            [LoadNotAccepted] where same("load", "load"),
            [LoadFileMissing] where names_load("load", "file"),
            [StuckLoad],
            Registration
        ],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: RightLoadAlways,
        keypad: false,
    }
    LoadFileMissing = "load-file-missing" {
        severity: Error,
        since: "0.1.0",
        facts: ["file", "tftp_server"],
        group: Files,
        explains: [[StuckLoad], Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: RightLoad,
        keypad: false,
    }
    LoadNotAccepted = "load-not-accepted" {
        severity: Error,
        since: "0.1.0",
        facts: ["load", "load_running", "last_reason"],
        group: Files,
        explains: [[StuckLoad], Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: RightLoad,
        keypad: false,
    }
    LoadFlapping = "load-flapping" {
        severity: Error,
        since: "0.1.0",
        facts: ["loads", "tftp_servers"],
        group: Files,
        explains: [Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: RightLoadAlways,
        keypad: false,
    }
    LoadTrap = "load-trap" {
        severity: Warning,
        since: "0.1.0",
        facts: ["load_running", "load_next", "call_manager"],
        group: Files,
        explains: [],
        order: Boot,
        before_files: false,
        scope: true,
        configuration: RightLoadAlways,
        keypad: false,
    }
    StuckLoad = "stuck-load" {
        severity: Error,
        since: "0.1.0",
        facts: ["load_running", "load_right", "call_manager"],
        group: Alone,
        explains: [Registration],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: RightLoad,
        keypad: false,
    }
    // A phone that finds no CallManager tries its TFTP server, in vain.
    CallManagerNameUnresolved = "call-manager-name-unresolved" {
        severity: Error,
        since: "0.2.0",
        facts: ["name", "dns_server", "why"],
        group: Registration,
        explains: [[CallManagerRefused, CallManagerNoAnswer, CallManagerClosed]],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    RegistersWithTftpServer = "registers-with-tftp-server" {
        severity: Error,
        since: "0.1.0",
        facts: ["tftp_server"],
        group: Registration,
        explains: [(all but RegistersWithTftpServer) where same("tftp_server", "call_manager")],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    CallManagerRefused = "call-manager-refused" {
        severity: Error,
        since: "0.1.0",
        facts: ["call_manager", "port", "registered_with", "srst"],
        group: Registration,
        explains: [],
        order: Contact,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    CallManagerNoAnswer = "call-manager-no-answer" {
        severity: Error,
        since: "0.1.0",
        facts: ["call_manager", "port", "tries", "why", "registered_with", "srst"],
        group: Registration,
        explains: [],
        order: Contact,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    RegistrationRejected = "registration-rejected" {
        severity: Error,
        since: "0.1.0",
        facts: ["call_manager", "reject_text", "stage"],
        group: Registration,
        explains: [],
        order: Contact,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    CallManagerClosed = "call-manager-closed" {
        severity: Error,
        since: "0.1.0",
        facts: ["call_manager"],
        group: Registration,
        explains: [],
        order: Contact,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    SecureRegistrationFailed = "secure-registration-failed" {
        severity: Error,
        since: "0.2.0",
        facts: ["call_manager", "port", "alert", "by", "stage"],
        group: Registration,
        explains: [],
        order: Contact,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    SipAnswersAstray = "sip-answers-astray" {
        severity: Error,
        since: "0.2.0",
        facts: ["call_manager", "answered_to", "expected"],
        group: Registration,
        explains: [],
        order: Contact,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    NameMacMismatch = "name-mac-mismatch" {
        severity: Warning,
        since: "0.1.0",
        facts: ["name", "mac"],
        group: Alone,
        explains: [],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    RegisteredElsewhere = "registered-elsewhere" {
        severity: Error,
        since: "0.1.0",
        facts: ["call_manager", "expected"],
        group: Registration,
        explains: [],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
    RegistrationFlapping = "registration-flapping" {
        severity: Error,
        since: "0.1.0",
        facts: ["call_managers", "times"],
        group: Registration,
        explains: [],
        order: Boot,
        before_files: false,
        scope: false,
        configuration: No,
        keypad: false,
    }
}

impl Code {
    /// Where it stands in the boot.
    pub const fn stage(self) -> usize {
        self as usize
    }

    /// Whether a finding of this code explains one of another code of the same phone, by the facts of both.
    pub(crate) fn explains(self, facts: FactsOf<'_>, effect: Code, effect_facts: FactsOf<'_>) -> bool {
        self != effect
            && self
                .effects()
                .iter()
                .any(|(effects, relation)| effects.contains(effect) && relation(facts, effect_facts))
    }
}

/// By the text, for lists whose order means nothing; the order of the boot is [`Code::stage`].
impl Ord for Code {
    fn cmp(&self, other: &Code) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Code) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text that is no code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSuchCode;

impl FromStr for Code {
    type Err = NoSuchCode;

    fn from_str(text: &str) -> Result<Code, NoSuchCode> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(NoSuchCode)
    }
}

// ---- relations ----

fn fact<'f>(facts: FactsOf<'f>, name: &str) -> Option<&'f Fact> {
    facts.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
}

/// Both say the same.
fn same(cause: FactsOf<'_>, effect: FactsOf<'_>, of_cause: &str, of_effect: &str) -> bool {
    matches!((fact(cause, of_cause), fact(effect, of_effect)), (Some(x), Some(y)) if x == y)
}

/// The TFTP server of the effect is the chosen server itself, which a phone turns to last, or its offer names it.
fn leads_to(cause: FactsOf<'_>, effect: FactsOf<'_>, offers: &str, chosen: &str, of_effect: &str) -> bool {
    let (Some(Fact::List(offers)), Some(tftp)) = (fact(cause, offers), fact(effect, of_effect)) else { return false };
    same(cause, effect, chosen, of_effect)
        || offers.iter().any(|offer| match offer {
            Fact::Table(offer) => {
                same(cause, offer, chosen, "server")
                    && matches!(fact(offer, "tftp"), Some(Fact::List(named)) if named.contains(tftp))
            }
            _ => false,
        })
}

/// Both say the same, and not that it is unknown.
fn same_text(cause: FactsOf<'_>, effect: FactsOf<'_>, of_cause: &str, of_effect: &str) -> bool {
    matches!(fact(cause, of_cause), Some(Fact::Text(_))) && same(cause, effect, of_cause, of_effect)
}

/// Both say the same, or the effect has no such fact.
fn same_or_unsaid(cause: FactsOf<'_>, effect: FactsOf<'_>, of_cause: &str, of_effect: &str) -> bool {
    fact(effect, of_effect).is_none() || same(cause, effect, of_cause, of_effect)
}

/// The cause has no text there.
fn names_none(cause: FactsOf<'_>, _: FactsOf<'_>, of_cause: &str) -> bool {
    !matches!(fact(cause, of_cause), Some(Fact::Text(_)))
}

/// The effect does not say that this is so.
fn is_no(_: FactsOf<'_>, effect: FactsOf<'_>, of_effect: &str) -> bool {
    !matches!(fact(effect, of_effect), Some(Fact::Flag(true)))
}

/// The cause has a text there.
fn is_told(cause: FactsOf<'_>, _: FactsOf<'_>, of_cause: &str) -> bool {
    matches!(fact(cause, of_cause), Some(Fact::Text(_)))
}

/// The load of the cause is the one that the file of the effect belongs to.
fn names_load(cause: FactsOf<'_>, effect: FactsOf<'_>, of_cause: &str, of_effect: &str) -> bool {
    match (fact(cause, of_cause), fact(effect, of_effect)) {
        (Some(Fact::Text(load)), Some(Fact::Text(file))) => {
            is_load_file(file.raw()).is_some_and(|name| same_load(&name, load.raw()))
        }
        _ => false,
    }
}

/// The servers that the cause lists are where the effect happens; a name may be any address. So where either is unknown.
fn is_among(cause: FactsOf<'_>, effect: FactsOf<'_>, of_cause: &str, of_effect: &str) -> bool {
    let (Some(Fact::List(names)), Some(Fact::Text(tried))) = (fact(cause, of_cause), fact(effect, of_effect)) else {
        return true;
    };
    let is_name = |text: &WireText| text.raw().parse::<IpAddr>().is_err();
    names.iter().any(|name| matches!(name, Fact::Text(text) if text == tried || is_name(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_it_is_written() {
        for code in Code::ALL {
            assert_eq!(code.to_string().parse(), Ok(*code));
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        assert_eq!("wrong-tftp".parse::<Code>(), Err(NoSuchCode));
    }

    #[test]
    fn a_group_and_a_list_never_name_one_code_twice() {
        // Of two relations to one code the weaker would win.
        for cause in Code::ALL {
            for effect in Code::ALL {
                let named = cause.effects().iter().filter(|(effects, _)| effects.contains(*effect)).count();
                assert!(named <= 1, "{cause} explains {effect} {named} times");
            }
        }
    }
}
