//! In the network: find a device by its MAC or address, set a port's voice VLAN (boot reference, section 8).

use std::net::IpAddr;

use crate::diagnosis::{Fix, FixKind, FixTarget, Platform, and_list};
use crate::types::Mac;

/// A MAC as Cisco IOS writes it: `0030.94c2.d3fa`.
pub fn dotted(mac: Mac) -> String {
    let [a, b, c, d, e, f] = mac.0;
    format!("{a:02x}{b:02x}.{c:02x}{d:02x}.{e:02x}{f:02x}")
}

/// Where a device is plugged in.
pub fn find_port(mac: Mac) -> String {
    format!("Find the port of {mac}: on the switch, show mac address-table address {}.", dotted(mac))
}

/// Who has an address, as the router sees it.
pub fn find_owner(ip: IpAddr) -> String {
    format!("Who has {ip}: on the router of that network, show ip arp {ip}.")
}

/// A switch port's voice VLAN; `switch` and `port` as the switch announces them, where it does.
pub fn voice_vlan(switch: &str, port: &str, vlan: u16) -> Fix {
    let place = match (switch, port) {
        ("", "") => "the phone's switch port".to_owned(),
        ("", port) => format!("port {port}"),
        (switch, "") => format!("the phone's port of switch {switch}"),
        (switch, port) => format!("port {port} of switch {switch}"),
    };
    // Only what a terminal takes as a word is pasted.
    let is_word = !port.is_empty() && port.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_:".contains(&b));
    let shown = if is_word { port } else { "INTERFACE" };
    Fix::new(FixKind::SetVoiceVlan, FixTarget::Network, format!("Bring the phone into voice VLAN {vlan}, on {place}"))
        .on(Platform::Ios)
        .step(format!(
                "show interfaces {shown} switchport: Voice VLAN must be {vlan}; show vlan id {vlan}: it must exist and be active."
            ))
                .step(format!("show interfaces trunk: VLAN {vlan} must be allowed on the way to the DHCP server's router."))
                .step("show cdp interface and show lldp: the phone learns its VLAN by them, so one must run on that port."
                ).step("On the phone: Settings, Network Configuration: Admin. VLAN Id must be empty, or the voice VLAN."
                )
                    .step("A device between phone and switch that passes no CDP and no tags has to go, or to be configured."
                )
                    .step("Reset the phone.")
                    .config(is_word.then(|| format!("interface {port}\n switchport voice vlan {vlan}\n cdp enable\n")))
                    .undo(is_word.then(|| format!("interface {port}\n no switchport voice vlan\n")))
                    .verify(format!("The phone's DISCOVER bears the tag of VLAN {vlan}."))
}

/// The DNS record that sends phones to a server that is not theirs: it beats DHCP on old loads.
pub fn dns_record(name: &str, dns_server: IpAddr, used: IpAddr, right: &[IpAddr]) -> Fix {
    let to = match right {
        [] => "to the TFTP server of the phones' cluster".to_owned(),
        right => format!("to {}", and_list(right)),
    };
    Fix::new(
        FixKind::CorrectDnsRecord,
        FixTarget::Network,
        format!("In DNS: correct the record of {name}, or remove it"),
    )
    .steps(vec![
        format!(
            "On DNS server {dns_server} (or where its zone is kept): {name} is {used}. Point it {to}, or remove it."
        ),
        "Without the record a phone goes by its lease.".to_owned(),
        "Reset the phones once the record has expired in the caches.".to_owned(),
    ])
    .undo(Some(format!("Point {name} to {used} again.")))
    .verify(format!("The next answer for {name} does not name {used}, and the phones' read requests go {to}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_written_as_the_switch_wants_it() {
        assert_eq!(dotted(Mac([0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa])), "0030.94c2.d3fa");
    }

    #[test]
    fn only_a_port_that_is_a_word_is_pasted() {
        let config = |port: &str| voice_vlan("access-1", port, 110).config;
        assert_eq!(
            config("FastEthernet0/4").unwrap(),
            "interface FastEthernet0/4\n switchport voice vlan 110\n cdp enable\n"
        );
        assert_eq!(config("Fa0/4\nreload"), None);
        assert_eq!(config(""), None);
        assert_eq!(voice_vlan("", "", 110).title, "Bring the phone into voice VLAN 110, on the phone's switch port");
    }
}
