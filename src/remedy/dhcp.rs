//! DHCP option 150 by platform (boot reference, section 8), for the scope that handed out the wrong server.

use std::net::{IpAddr, Ipv4Addr};

use crate::diagnosis::{Fix, and_list};
use crate::wire::WireText;

/// The scope to change.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The DHCP server that handed out the lease.
    pub server: Ipv4Addr,
    /// Network and mask of the lease; `None` where the lease did not tell.
    pub network: Option<(Ipv4Addr, Ipv4Addr)>,
    /// What the scope names now: the way back.
    pub now: Vec<WireText>,
}

impl Scope {
    /// The scope of a lease.
    pub fn of(server: Ipv4Addr, address: Option<Ipv4Addr>, mask: Option<Ipv4Addr>, now: Vec<WireText>) -> Scope {
        let network = address.zip(mask).map(|(a, m)| (Ipv4Addr::from_bits(a.to_bits() & m.to_bits()), m));
        Scope { server, network, now }
    }

    fn label(&self) -> String {
        match self.network {
            Some((network, mask)) => format!("{network}/{}", mask.to_bits().leading_ones()),
            None => format!("the scope that {} serves to these phones", self.server),
        }
    }

    /// The old value as addresses: only then can it be put back by pasting.
    fn old(&self) -> Option<Vec<Ipv4Addr>> {
        let old: Option<Vec<Ipv4Addr>> = self.now.iter().map(|n| n.raw().parse().ok()).collect();
        old.filter(|o| !o.is_empty())
    }
}

/// Option 150 of a scope set to the right servers, one fix per platform.
pub fn set_option_150(scope: &Scope, right: &[IpAddr]) -> Vec<Fix> {
    let right: Vec<Ipv4Addr> =
        right.iter().filter_map(|ip| if let IpAddr::V4(v4) = ip { Some(*v4) } else { None }).collect();
    if right.is_empty() {
        return Vec::new();
    }
    let old = scope.old();
    let was = if scope.now.is_empty() { "nothing".to_owned() } else { and_list(&scope.now) };
    let fix = |platform, title: String, step: String, config: &dyn Fn(&[Ipv4Addr]) -> String| Fix {
        title,
        target: "dhcp-server",
        platform,
        steps: vec![
            step,
            format!(
                "Reset the phones of {} afterwards: a lease in use is not asked for again before half its time.",
                scope.label()
            ),
        ],
        config: Some(config(&right)),
        undo: old.as_deref().map(config),
        verify: format!(
            "The next OFFER and ACK of {} carry option 150 = {}, and the phones' read requests go there.",
            scope.server,
            and_list(&right)
        ),
    };
    let spaced = |servers: &[Ipv4Addr]| joined(servers, " ");
    let comma = |servers: &[Ipv4Addr]| joined(servers, ", ");
    let tight = |servers: &[Ipv4Addr]| joined(servers, ",");
    let label = scope.label();
    let to = and_list(&right);
    let mut fixes = vec![
        fix(
            "ios",
            format!("Option 150 of {label} to {to}"),
            format!("On {}, enter the pool that serves {label} (show running-config | section ip dhcp pool), and paste.", scope.server),
            &|servers| {
                let network = scope.network.map(|(n, m)| format!("! in the pool with: network {n} {m}\n")).unwrap_or_default();
                format!("{network}! option 150 was {was}\n option 150 ip {}\n", spaced(servers))
            },
        ),
        fix(
            "isc-dhcpd",
            format!("Option 150 of {label} to {to}"),
            "In dhcpd.conf: the definition once at the top, the option inside the subnet; then test (dhcpd -t) and restart.".to_owned(),
            &|servers| {
                let option = format!("option cisco-tftp {};", comma(servers));
                let body = match scope.network {
                    Some((n, m)) => format!("# in: subnet {n} netmask {m} {{ … }}   (was: {was})\n{option}\n"),
                    None => format!("# in the phones' subnet   (was: {was})\n{option}\n"),
                };
                format!("# once, at the top:\noption cisco-tftp code 150 = array of ip-address;\n{body}")
            },
        ),
        fix(
            "kea",
            format!("Option 150 of {label} to {to}"),
            "In kea-dhcp4.conf: the definition in Dhcp4, the data in the subnet; then test (kea-dhcp4 -t FILE) and reload.".to_owned(),
            &|servers| {
                format!(
                    "// in \"Dhcp4\":\n\"option-def\": [ {{ \"name\": \"cisco-tftp\", \"code\": 150, \"space\": \"dhcp4\", \
                     \"type\": \"ipv4-address\", \"array\": true }} ],\n// in \"subnet4\", {label} (was: {was}):\n\
                     \"option-data\": [ {{ \"name\": \"cisco-tftp\", \"data\": \"{}\" }} ]\n",
                    comma(servers)
                )
            },
        ),
        fix(
            "dnsmasq",
            format!("Option 150 to {to}"),
            "In dnsmasq.conf, in place of the line with option 150 that is there; then test (dnsmasq --test) and restart.".to_owned(),
            &|servers| format!("# option 150 was {was}\ndhcp-option=150,{}\n", tight(servers)),
        ),
    ];
    if let Some((network, _)) = scope.network {
        fixes.push(fix(
            "windows",
            format!("Option 150 of {label} to {to}"),
            "In PowerShell on the DHCP server. The definition must be of type IPv4 address, multi-valued: as a string it \
             is sent as text, which phones read as other addresses."
                .to_owned(),
            &|servers| {
                format!(
                    "# option 150 was {was}\nif (-not (Get-DhcpServerv4OptionDefinition -OptionId 150 -ErrorAction \
                     SilentlyContinue)) {{\n  Add-DhcpServerv4OptionDefinition -OptionId 150 -Name \"Cisco TFTP\" -Type \
                     IPv4Address -MultiValued\n}}\nSet-DhcpServerv4OptionValue -ScopeId {network} -OptionId 150 -Value {}\n",
                    tight(servers)
                )
            },
        ));
    }
    fixes
}

fn joined(servers: &[Ipv4Addr], separator: &str) -> String {
    servers.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(separator)
}

/// The TFTP server named once, in option 150; `others` are option 66, `sname` and `siaddr` as the scope has them now.
pub fn only_option_150(
    scope: &Scope,
    keep: &[IpAddr],
    (option_66, sname, siaddr): (Option<&WireText>, Option<&WireText>, Option<&WireText>),
) -> Fix {
    let label = scope.label();
    let servers: Vec<String> = keep.iter().filter(|ip| ip.is_ipv4()).map(IpAddr::to_string).collect();
    let network = scope.network.map(|(n, m)| format!("! in the pool with: network {n} {m}\n")).unwrap_or_default();
    let mut steps = vec![format!("On {}, in {label}: decide which server the phones need.", scope.server)];
    let mut config = network.clone();
    let mut undo = network;
    if let (false, Some(first)) = (servers.is_empty(), servers.first()) {
        steps.push(format!("Keep option 150 = {} alone.", and_list(&servers)));
        config.push_str(&format!(" option 150 ip {}\n", servers.join(" ")));
        match scope.old() {
            Some(old) => undo.push_str(&format!(" option 150 ip {}\n", joined(&old, " "))),
            None => undo.push_str(&format!(" no option 150 ip {first}\n")),
        }
    }
    if let Some(name) = option_66 {
        steps.push(format!(
            "Take option 66 ({name}) out, or give it to computers only, in a class or scope of their own."
        ));
        config.push_str(" no option 66\n");
        undo.push_str(&format!(" option 66 ascii {name}\n"));
    }
    if let Some(name) = sname {
        steps.push(format!("Take the boot server's name (sname, {name}) out."));
    }
    if let Some(address) = siaddr {
        steps.push(format!("Take the next server (siaddr, {address}) out, or give it to computers only."));
        config.push_str(" no next-server\n");
        undo.push_str(&format!(" next-server {address}\n"));
    }
    Fix {
        title: format!("Name the TFTP server of {label} once, in option 150"),
        target: "dhcp-server",
        platform: "ios",
        steps,
        config: Some(config),
        undo: Some(undo),
        verify: format!("The next ACK of {} names one TFTP server, in option 150.", scope.server),
    }
}

/// A DHCP server that should not answer here is taken off, or kept from the phones.
pub fn remove_server(server: Ipv4Addr, vlan: Option<u16>) -> Fix {
    let vlan = vlan.map(|v| v.to_string());
    let config = vlan.as_ref().map(|v| {
        format!("ip dhcp snooping\nip dhcp snooping vlan {v}\n! then on the port of the right DHCP server or its uplink only:\n!  ip dhcp snooping trust\n")
    });
    Fix {
        title: format!("Take DHCP server {server} off the phones' network"),
        target: "network",
        platform: "ios",
        steps: vec![
            format!(
                "Find the port of {server}: its MAC is in the evidence frames; show mac address-table address MAC on the switch."
            ),
            "Stop the DHCP service there, or move the device out of the voice VLAN.".to_owned(),
            "Keep it from coming back: DHCP snooping on the voice VLAN, with only the right server's port trusted."
                .to_owned(),
            "Reset the phones that took its lease.".to_owned(),
        ],
        undo: config.as_ref().map(|_| format!("no ip dhcp snooping vlan {}\n", vlan.as_deref().unwrap_or_default())),
        config,
        verify: format!("No OFFER of {server} is seen when a phone boots."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope::of(
            Ipv4Addr::new(10, 30, 0, 2),
            Some(Ipv4Addr::new(10, 50, 3, 7)),
            Some(Ipv4Addr::new(255, 255, 0, 0)),
            vec![WireText::from("10.30.1.5")],
        )
    }

    #[test]
    fn every_platform_gets_the_right_servers_in_its_own_words_and_the_way_back() {
        let right = [IpAddr::from([10, 30, 0, 5]), IpAddr::from([10, 30, 0, 6])];
        let fixes = set_option_150(&scope(), &right);
        let text = |platform: &str| {
            let fix = fixes.iter().find(|f| f.platform == platform).unwrap();
            (fix.config.clone().unwrap(), fix.undo.clone().unwrap())
        };
        for (platform, line, back) in [
            ("ios", " option 150 ip 10.30.0.5 10.30.0.6\n", " option 150 ip 10.30.1.5\n"),
            ("isc-dhcpd", "option cisco-tftp 10.30.0.5, 10.30.0.6;", "option cisco-tftp 10.30.1.5;"),
            ("kea", "\"data\": \"10.30.0.5, 10.30.0.6\"", "\"data\": \"10.30.1.5\""),
            ("dnsmasq", "dhcp-option=150,10.30.0.5,10.30.0.6\n", "dhcp-option=150,10.30.1.5\n"),
            ("windows", "-ScopeId 10.50.0.0 -OptionId 150 -Value 10.30.0.5,10.30.0.6\n", "-Value 10.30.1.5\n"),
        ] {
            let (config, undo) = text(platform);
            assert!(config.contains(line), "{platform}: {config}");
            assert!(undo.contains(back), "{platform}: {undo}");
        }
        assert_eq!(scope().label(), "10.50.0.0/16");
    }

    #[test]
    fn nothing_is_pasted_that_is_not_known() {
        assert!(set_option_150(&scope(), &[]).is_empty());
        let unknown = Scope::of(Ipv4Addr::new(10, 30, 0, 2), None, None, vec![WireText::from("tftp.example")]);
        let fixes = set_option_150(&unknown, &[IpAddr::from([10, 30, 0, 5])]);
        assert!(fixes.iter().all(|f| f.platform != "windows" && f.undo.is_none()));
    }
}
