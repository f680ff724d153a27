//! On the phone and its files: Alternate TFTP, the configuration that names the right load, the reset
//! (boot reference, sections 8.7 to 9).

use std::net::IpAddr;

use super::keypad::{self, Generation};
use super::load_route::{LoadRoute, warnings, way};
use crate::diagnosis::{Fix, FixKind, FixTarget, and_list};
use crate::types::Mac;

/// The phone's TFTP server set by hand: where DHCP can not be changed, or for one phone of many.
pub fn alternate_tftp(right: &[IpAddr], model: Option<&str>) -> Option<Fix> {
    let first = right.first()?;
    let generation = Generation::of(model);
    Some(
        Fix::new(FixKind::AlternateTftp, FixTarget::Phone, keypad::title(generation, right))
            .steps(generation.set(right))
            .undo("Set Alternate TFTP to No: the phone takes its TFTP server from DHCP again.")
            .verify(format!("The phone's next read request goes to {first}.")),
    )
}

/// The same for IPv6, where a menu of its own has it; `None`: no right server has an IPv6 address.
pub fn alternate_tftp_v6(right: &[IpAddr]) -> Option<Fix> {
    let right: Vec<&IpAddr> = right.iter().filter(|ip| ip.is_ipv6()).collect();
    let first = right.first()?;
    let second = right.get(1).map_or_else(String::new, |ip| format!(", IPv6 TFTP Server 2 to {ip}"));
    let title = format!("On the phone: IPv6 Alternate TFTP to {}", and_list(&right));
    let fix = Fix::new(FixKind::AlternateTftp, FixTarget::Phone, title)
        .step("Settings, Network Configuration, IPv6 Configuration; press **# to unlock.")
        .step(format!(
            "Set IPv6 Alternate TFTP to Yes, IPv6 TFTP Server 1 to {first}{second}; Save. The phone reboots."
        ))
        .undo("Set IPv6 Alternate TFTP to No: the phone takes its TFTP server from DHCPv6 again.")
        .verify(format!("The phone's next read request goes to {first}."));
    Some(fix)
}

/// Alternate TFTP taken back: for a phone that somebody set by hand to the wrong server.
pub fn no_alternate_tftp(used: IpAddr, model: Option<&str>) -> Fix {
    let mut steps = Generation::of(model).unset();
    steps.push("Where the menu does not show Alternate TFTP set, look in DNS: a name CiscoCM1 that resolves beats DHCP on old loads.".to_owned());
    Fix::new(FixKind::NoAlternateTftp, FixTarget::Phone, format!("On the phone: take Alternate TFTP {used} back"))
        .steps(steps)
        .undo(format!("Set Alternate TFTP to Yes, TFTP Server 1 to {used}."))
        .verify("The phone's next read request goes to the server that its lease names.")
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
    match running.map_or(LoadRoute::Straight, |running| way(running, load)) {
        LoadRoute::Straight => {}
        LoadRoute::Through(stone) => {
            steps.insert(
                0,
                format!("First the same with {stone}, in place of {load}: this phone does not come to it in one step."),
            );
        }
        LoadRoute::Shut(why) => steps.insert(0, format!("Careful. {why}")),
    }
    steps.splice(0..0, warnings(running, load));
    Fix::new(FixKind::NameLoad, FixTarget::TftpServer, format!("SEP<MAC>.cnf.xml on {server}: name load {load}"))
        .steps(steps)
        .config(format!("<loadInformation>{load}</loadInformation>\n"))
        .undo(running.map(|r| format!("<loadInformation>{r}</loadInformation>\n")))
        .verify(format!("A phone asks {server} for {load}, reboots, and its alarm says that it runs it."))
}

/// The configuration that names the load that the phone runs already, in place of one that it should not take.
pub fn keep_load(mac: Mac, running: &str, named: Option<&str>, server: IpAddr) -> Fix {
    let name = mac.device_name();
    let instead = named.map(|n| format!(" in place of {n}")).unwrap_or_default();
    Fix::new(FixKind::KeepLoad, FixTarget::TftpServer, format!("SEP<MAC>.cnf.xml on {server}: name the load that the phone runs, {running}"))
        .step(format!(
                "Before the phone boots again: in CallManager (Device, Phone, {name}, Phone Load Name; or Device Defaults for the model), name {running}{instead}."
            )).step(format!(
                "Or by hand in {name}.cnf.xml (MAC in upper case) on the TFTP path of {server}, as below; everything else stays."
            ))
                .config(format!("<loadInformation>{running}</loadInformation>\n"))
                .undo(named.map(|n| format!("<loadInformation>{n}</loadInformation>\n")))
                .verify(format!(
            "At the next boot a phone asks {server} for its configuration and for no load, and its alarm names {running}."
        ))
}

/// A phone that another cluster's auto-registration took in.
pub fn no_auto_registration(call_manager_or_tftp: IpAddr) -> Fix {
    Fix::new(
        FixKind::NoAutoRegistration,
        FixTarget::CallManager,
        format!("Keep the cluster of {call_manager_or_tftp} from taking these phones in"),
    )
    .follow_up()
    .step("System, Cisco CallManager: set Auto-registration Disabled, unless this cluster needs it.")
    .step("Device, Phone: delete the stray entries of these phones there.")
    .undo("Clear Auto-registration Disabled.")
    .verify("The server no longer serves XMLDefault.cnf.xml or a configuration of its own to these phones.")
}
