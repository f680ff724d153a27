//! The TFTP server by DHCPv6: Cisco's vendor-specific information (option 17, enterprise 9), sub-option 1
//! (boot reference 1.5).
//!
//! The text is for ISC dhcpd, whose lease is read back by a real client in the tests; how other servers write it is not
//! known here, so for them the fix names the option alone.

use std::net::{IpAddr, Ipv6Addr};

use crate::diagnosis::{Fix, FixKind, FixTarget, Platform, and_list};

/// What a server is told, and the way back; `None`: no right server has an IPv6 address.
pub fn snippet_v6(right: &[IpAddr], now: Option<IpAddr>) -> Option<(String, String)> {
    let right = v6(right);
    let old = v6(now.as_slice());
    let was = if old.is_empty() { "not known".to_owned() } else { joined(&old) };
    (!right.is_empty()).then(|| (text(&right, &format!("it was {was}")), text(&old, "back to what it was")))
}

fn text(servers: &[Ipv6Addr], note: &str) -> String {
    let value = match servers.is_empty() {
        true => "# no option cisco.tftp-servers\n".to_owned(),
        false => format!("option cisco.tftp-servers {};\n", joined(servers)),
    };
    format!(
        "# once, at the top:\noption space cisco code width 2 length width 2;\noption cisco.tftp-servers code 1 = array of \
         ip6-address;\noption vsio.cisco code 9 = encapsulate cisco;\n# here, or in the phones' subnet6:   ({note})\n{value}"
    )
}

fn v6(servers: &[IpAddr]) -> Vec<Ipv6Addr> {
    let of = |ip: &IpAddr| if let IpAddr::V6(v6) = ip.to_canonical() { Some(v6) } else { None };
    servers.iter().filter_map(of).collect()
}

fn joined(servers: &[Ipv6Addr]) -> String {
    servers.iter().map(Ipv6Addr::to_string).collect::<Vec<_>>().join(", ")
}

/// The same as a fix; where no right server has an IPv6 address, that the wrong one is to go.
pub fn set_dhcpv6(right: &[IpAddr], now: IpAddr, server: Option<IpAddr>) -> Fix {
    let on = server.map_or("On the DHCPv6 server".to_owned(), |s| format!("On DHCPv6 server {s}"));
    let Some((config, undo)) = snippet_v6(right, Some(now)) else {
        return Fix::new(FixKind::SetDhcpv6Option, FixTarget::DhcpServer, format!("DHCPv6: no TFTP server {now}"))
            .step(format!(
                    "{on}: take {now} out of option 17 (enterprise number 9, sub-option 1): no right TFTP server with an IPv6 address is known."
                ))
                    .step("Reset the phones afterwards.")
                    .undo(format!("Name {now} there again."))
                    .verify(format!("No REPLY names {now}, and the phones' read requests go to {}.", and_list(right)));
    };
    let to = and_list(&v6(right));
    Fix::new(FixKind::SetDhcpv6Option, FixTarget::DhcpServer, format!("DHCPv6: TFTP server to {to}"))
        .on(Platform::IscDhcpd)
        .step(format!("{on}: option 17, enterprise number 9, sub-option 1 = {to} (16 octets an address)."))
        .step("ISC dhcpd: in dhcpd6.conf as below; then test (dhcpd -6 -t) and restart.")
        .step(format!(
            "Cisco IOS: in the phones' ipv6 dhcp pool, vendor-specific 9, and in it suboption 1 address {}.",
            v6(right).first().map(Ipv6Addr::to_string).unwrap_or_default()
        ))
        .step("Reset the phones afterwards.")
        .config(config)
        .undo(undo)
        .verify(format!("The next REPLY names {to}, and the phones' read requests go there."))
}

/// Takes a DHCPv6 server off the phones' network.
pub(super) fn remove_server(server: IpAddr) -> Fix {
    let title = format!("Take DHCPv6 server {server} off the phones' network");
    Fix::new(FixKind::RemoveDhcpServer, FixTarget::Network, title)
        .step(format!(
            "Find the port of {server}: its MAC is in the evidence frames; show mac address-table address MAC on the switch."
        ))
        .step("Stop the DHCPv6 service there, or move the device out of the voice VLAN.")
        .step(
            "Keep it from coming back: on the switch, DHCPv6 guard (ipv6 dhcp guard) with device-role server on the port \
             of the right server, or the uplink to it, before it is switched on for the voice VLAN. The other way round \
             no phone gets an IPv6 lease.",
        )
        .step("Reset the phones that took its lease.")
        .verify(format!("No ADVERTISE of {server} is seen when a phone boots, and the right server's are."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_server_of_ipv6_is_kept_out_by_dhcpv6_guard() {
        let fix = remove_server("fe80::bad".parse().unwrap());
        assert!(fix.config.is_none() && fix.steps.iter().any(|s| s.contains("DHCPv6 guard")), "{fix:?}");
    }

    #[test]
    fn only_addresses_of_ipv6_are_named() {
        let right: Vec<IpAddr> = ["2001:db8::5", "10.30.0.5", "2001:db8::6"].map(|a| a.parse().unwrap()).to_vec();
        let (config, undo) = snippet_v6(&right, "2001:db8::99".parse().ok()).unwrap();
        assert!(
            config.ends_with("(it was 2001:db8::99)\noption cisco.tftp-servers 2001:db8::5, 2001:db8::6;\n"),
            "{config}"
        );
        assert!(undo.ends_with("option cisco.tftp-servers 2001:db8::99;\n"), "{undo}");
        assert_eq!(snippet_v6(&right[1..2], None), None);
        let goes = set_dhcpv6(&right[1..2], right[0], None);
        assert!(goes.config.is_none() && goes.steps[0].contains("take 2001:db8::5 out"), "{goes:?}");
    }
}
