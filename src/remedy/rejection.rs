//! What to do about a rejected registration: the words of the CallManager say where to look (SCCP reference, 3.5).

use std::net::IpAddr;

use crate::diagnosis::{Fix, FixKind, FixTarget};

/// Why a CallManager rejects a phone, as far as its words tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    /// The address that the phone comes from is not let in.
    Address,
    /// The device stands there as another model.
    Model,
    /// Security profile, certificate, or encryption do not fit.
    Security,
    Licence,
    Limit,
    /// Somebody else is registered under the name.
    Twice,
    /// It takes nobody for the moment.
    Busy,
    /// It does not take the load or the protocol version.
    Version,
    /// The device is not known, or the words tell nothing.
    Unknown,
}

/// Words of rejections in lower case. Of several reasons whose words are there the first one counts.
const WORDS: [(Reason, &[&str]); 8] = [
    (
        Reason::Address,
        &["ip not", "address not", "not authori", "not permitted", "not allowed", "denied", "access list"],
    ),
    (Reason::Model, &["mismatch", "device type", "wrong type", "wrong model"]),
    (Reason::Security, &["security", "authenticat", "certificate", "encrypt"]),
    (Reason::Licence, &["licen"]),
    (Reason::Limit, &["limit", "too many", "maximum"]),
    (Reason::Twice, &["crossover", "already", "another listener", "duplicate"]),
    (Reason::Busy, &["reload", "busy", "throttl", "try again", "re-home", "in progress"]),
    (Reason::Version, &["version", "load", "firmware", "protocol"]),
];

impl Reason {
    fn of(words: &str) -> Reason {
        let words = words.to_ascii_lowercase();
        let says = |list: &&[&str]| list.iter().any(|w| words.contains(w));
        // A device that is not authorised is not in the data base, wherever it comes from.
        let device = words.contains("device not authori");
        let found = WORDS.iter().find(|(reason, list)| says(list) && !(device && *reason == Reason::Address));
        found.map_or(Reason::Unknown, |(reason, _)| *reason)
    }
}

/// The fix that the words of a rejection ask for; `phone`: the phone's name, `from`: its address.
pub fn by_words(server: IpAddr, words: &str, phone: &str, from: Option<IpAddr>) -> Fix {
    let fix = |kind, title: &str| Fix::new(kind, FixTarget::CallManager, format!("On CallManager {server}: {title}"));
    let from = from.map_or_else(|| "the phone's address".to_owned(), |ip| ip.to_string());
    let fix = match Reason::of(words) {
        Reason::Address => fix(FixKind::PermitAddress, "permit the phones' addresses")
            .step(format!("The device is known there; the address that it comes from, {from}, is not let in."))
            .step(format!("Permit the phones' network with {from} where {server} holds its access list: permit and deny in sccp.conf (general, or of the device) of an Asterisk with chan-sccp; on a router, ip source-address strict-match."))
            .step(format!("If {from} is not an address of the voice network: put the phone into its voice VLAN instead.")),
        Reason::Model => fix(FixKind::AddPhone, "give the device its own model")
            .step(format!("Device, Phone: {phone} stands there as another model. Compare with the device type in its Register."))
            .step("Delete the entry and add it with the right phone type (a phone's type can not be changed)."),
        Reason::Security => fix(FixKind::AgreeOnSecurity, "agree with the phone on security")
            .step(format!("Device, Phone, {phone}, Device Security Profile: a non-secure profile for a phone that registers on port 2000, a secure one only where it holds the cluster's CTL and an LSC."))
            .step("Is the cluster's security mode the one that the profile needs (show ctl)?"),
        Reason::Licence => fix(FixKind::FindRejectCause, "add licences for phones")
            .step("System, Licensing: are device licences used up, or overdrawn?"),
        Reason::Limit => fix(FixKind::FindRejectCause, "raise the limit of devices")
            .step("System, Service Parameters, Cisco CallManager: Maximum Number of Registered Devices; on CME max-ephones.")
            .step("Are there entries of phones that are gone? Delete them."),
        Reason::Twice => fix(FixKind::FindRejectCause, "end the other registration of this device")
            .step(format!("Another device or an old connection holds {phone} there: where does it come from (Device, Phone, IP Address)?"))
            .step("Reset that entry, or give the other device its own name. See duplicate-device."),
        Reason::Busy => fix(FixKind::FindRejectCause, "wait until it takes registrations again")
            .step(format!("{server} says that it is busy. If it says so for more than some minutes, look into its trace and its event log.")),
        Reason::Version => fix(FixKind::AddPhone, "take the phone in")
            .step(format!("Does {server} take the load that the phone runs? Compare with a phone of this model that is registered there."))
            .step("Device Defaults: is the load named there the one for this CallManager's version?"),
        Reason::Unknown => fix(FixKind::AddPhone, "take the phone in")
            .step(format!("Is {server} the CallManager of this phone's cluster, and does it take the phone's load?"))
            .step("Device, Phone: is the phone there with this MAC and its model? Else add it, or clear Auto-registration Disabled."),
    };
    fix.step("Reset the phone.").verify("Register is followed by RegisterAck.")
}

/// The fix for a phone that asks for a token again and again and never gets one.
pub fn grant_token(server: IpAddr, phone: &str) -> Fix {
    Fix::new(FixKind::FindRejectCause, FixTarget::CallManager, format!("On CallManager {server}: grant the phone a token"))
        .step(format!("Does {server} know the device {phone}? A token is refused to a device that is not there: add it with its MAC and model."))
        .step(format!("Is {server} only a backup of this phone, or too busy? A token is for the way back to a preferred server: the fallback settings (token, back-off time; fallback in sccp.conf of an Asterisk with chan-sccp) say who gets one."))
        .step("Reset the phone.")
        .verify("The request for a token is followed by an acknowledgement, and Register by RegisterAck.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_the_reason() {
        for (words, reason) in [
            ("IP Not Authorized", Reason::Address),
            ("Not authorised from this address", Reason::Address),
            ("device not authorised", Reason::Unknown),
            ("Error: Device Type mismatch", Reason::Model),
            ("device mismatch", Reason::Model),
            ("Error: Security Mode", Reason::Security),
            ("no licence", Reason::Licence),
            ("Error: No License", Reason::Licence),
            ("pass limit", Reason::Limit),
            ("Crossover session", Reason::Twice),
            ("Reload in progress", Reason::Busy),
            ("Version Error", Reason::Version),
            ("Error: DB Config", Reason::Unknown),
            ("Device Unknown", Reason::Unknown),
            ("No Authority: SEP00036B3A1001", Reason::Unknown),
            ("", Reason::Unknown),
        ] {
            assert_eq!(Reason::of(words), reason, "{words}");
        }
    }

    #[test]
    fn address_not_let_in_is_permitted_not_added() {
        let fix =
            by_words("10.1.1.1".parse().unwrap(), "IP Not Authorized", "SEP00036B3A1001", "10.9.9.9".parse().ok());
        assert!(fix.title.contains("permit"), "{}", fix.title);
        assert!(fix.steps.iter().any(|s| s.contains("10.9.9.9")) && !fix.steps.iter().any(|s| s.contains("this MAC")));
    }
}
