//! On the phone and its files: Alternate TFTP, the configuration that names the right load, the reset
//! (boot reference, sections 8.7 to 9).

use std::net::IpAddr;

use crate::diagnosis::{Fix, and_list};
use crate::wire::Mac;
use crate::wire::load::{LoadName, Part};

/// The phone's TFTP server set by hand: where DHCP can not be changed, or for one phone of many.
pub fn alternate_tftp(right: &[IpAddr]) -> Option<Fix> {
    let first = right.first()?;
    let second = right.get(1).map(|s| format!(", TFTP Server 2 to {s}")).unwrap_or_default();
    Some(Fix {
        title: format!("On the phone: Alternate TFTP to {}", and_list(right)),
        target: "phone",
        platform: "any",
        steps: vec![
            "Settings, Network Configuration; press **# to unlock (7940, 7960; newer models: Settings, Admin settings, Network setup, IPv4 setup).".to_owned(),
            format!("Set Alternate TFTP to Yes, TFTP Server 1 to {first}{second}; Validate, Save. The phone reboots."),
        ],
        config: None,
        undo: Some("Set Alternate TFTP to No: the phone takes its TFTP server from DHCP again.".to_owned()),
        verify: format!("The phone's next read request goes to {first}."),
    })
}

/// Alternate TFTP taken back: for a phone that somebody set by hand to the wrong server.
pub fn no_alternate_tftp(used: IpAddr) -> Fix {
    Fix {
        title: format!("On the phone: take Alternate TFTP {used} back"),
        target: "phone",
        platform: "any",
        steps: vec![
            "Settings, Network Configuration; press **# to unlock (7940, 7960; newer models: Settings, Admin settings, Network setup, IPv4 setup).".to_owned(),
            "Set Alternate TFTP to No, Save. The phone reboots and takes its TFTP server from DHCP.".to_owned(),
            "Where the menu does not show Alternate TFTP set, look in DNS: a name CiscoCM1 that resolves beats DHCP on old loads.".to_owned(),
        ],
        config: None,
        undo: Some(format!("Set Alternate TFTP to Yes, TFTP Server 1 to {used}.")),
        verify: "The phone's next read request goes to the server that its lease names.".to_owned(),
    }
}

/// The configuration that names the right load, on the TFTP path that the phone asks: it downgrades to that load at
/// its next reset. CallManager upgrades loads by itself and never downgrades them.
pub fn name_load(mac: Mac, load: &str, running: Option<&str>, server: IpAddr) -> Fix {
    let name = mac.device_name();
    let mut steps = vec![
        format!("Make sure that the load {load} exists on {server}: without it the phone stays as it is."),
        format!(
            "On the TFTP path of {server}, in {name}.cnf.xml (MAC in upper case), name the load as below; everything else stays."
        ),
        "Reset the phone: it reads the file, fetches the load, and reboots with it.".to_owned(),
    ];
    if running.is_some_and(signed_only) && !signed_only(load) {
        steps.insert(
            0,
            "Careful: loads from 5.0 on accept signed loads only; there is no way back from one to a load before 5.0."
                .to_owned(),
        );
    }
    Fix {
        title: format!("SEP<MAC>.cnf.xml on {server}: name load {load}"),
        target: "tftp-server",
        platform: "any",
        steps,
        config: Some(format!("<loadInformation>{load}</loadInformation>\n")),
        undo: running.map(|r| format!("<loadInformation>{r}</loadInformation>\n")),
        verify: format!("A phone asks {server} for {load}, reboots, and its alarm says that it runs it."),
    }
}

/// The configuration that names the load that the phone runs already, in place of one that it should not take.
pub fn keep_load(mac: Mac, running: &str, named: Option<&str>, server: IpAddr) -> Fix {
    let name = mac.device_name();
    let instead = named.map(|n| format!(" in place of {n}")).unwrap_or_default();
    Fix {
        title: format!("SEP<MAC>.cnf.xml on {server}: name the load that the phone runs, {running}"),
        target: "tftp-server",
        platform: "any",
        steps: vec![
            format!(
                "Before the phone boots again: in CallManager (Device, Phone, {name}, Phone Load Name; or Device Defaults for the model), name {running}{instead}."
            ),
            format!(
                "Or by hand in {name}.cnf.xml (MAC in upper case) on the TFTP path of {server}, as below; everything else stays."
            ),
        ],
        config: Some(format!("<loadInformation>{running}</loadInformation>\n")),
        undo: named.map(|n| format!("<loadInformation>{n}</loadInformation>\n")),
        verify: format!(
            "At the next boot a phone asks {server} for its configuration and for no load, and its alarm names {running}."
        ),
    }
}

/// 7940 and 7960 loads of 5.0 and later take signed loads only (boot reference 4.3).
fn signed_only(load: &str) -> bool {
    let name = LoadName::parse(load).filter(|n| n.family.as_deref() == Some("P003"));
    matches!(name.and_then(|n| n.version.first().cloned()), Some(Part::Number { number: 5.., .. }))
}

/// A phone that another cluster's auto-registration took in.
pub fn no_auto_registration(call_manager_or_tftp: IpAddr) -> Fix {
    Fix {
        title: format!("Keep the cluster of {call_manager_or_tftp} from taking these phones in"),
        target: "call-manager",
        platform: "any",
        steps: vec![
            "System, Cisco CallManager: set Auto-registration Disabled, unless this cluster needs it.".to_owned(),
            "Device, Phone: delete the stray entries of these phones there.".to_owned(),
        ],
        config: None,
        undo: Some("Clear Auto-registration Disabled.".to_owned()),
        verify: "The server no longer serves XMLDefault.cnf.xml or a configuration of its own to these phones."
            .to_owned(),
    }
}
