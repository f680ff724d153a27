//! What to configure on a switch so that a port shows what phones do.

/// Lines for one family of switches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SwitchLines {
    /// Which family.
    pub platform: &'static str,
    /// What to type, and remarks after `!`.
    pub lines: Vec<String>,
}

/// A mirror of the phones' ports or of their voice VLAN to the port that `port` of this host is plugged into.
/// `vlan`: the voice VLAN, where it is known.
pub fn span(port: &str, vlan: Option<u16>) -> Vec<SwitchLines> {
    let vlan = vlan.map_or_else(|| "<voice VLAN>".to_owned(), |vlan| vlan.to_string());
    let to_here = format!("! the destination is the port that {port} of this host is plugged into");
    vec![
        SwitchLines {
            platform: "ios",
            lines: vec![
                to_here.clone(),
                "monitor session 1 source interface <first phone port> - <last> both".to_owned(),
                format!("! or all phones of the VLAN: monitor session 1 source vlan {vlan} both"),
                "monitor session 1 destination interface <port of this host> encapsulation replicate".to_owned(),
                "! older switches (2950, 3550): encapsulation dot1q in place of encapsulation replicate".to_owned(),
                "! check: show monitor session 1".to_owned(),
            ],
        },
        SwitchLines {
            platform: "nx-os",
            lines: vec![
                to_here,
                "interface <port of this host>".to_owned(),
                "  switchport".to_owned(),
                "  switchport monitor".to_owned(),
                "monitor session 1".to_owned(),
                "  source interface <first phone port>-<last> both".to_owned(),
                format!("  ! or all phones of the VLAN: source vlan {vlan}"),
                "  destination interface <port of this host>".to_owned(),
                "  no shut".to_owned(),
                "! check: show monitor session 1".to_owned(),
            ],
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_name_this_hosts_port_and_the_voice_vlan() {
        for SwitchLines { platform, lines } in span("eth1", Some(110)) {
            let text = lines.join("\n");
            assert!(text.contains("eth1") && text.contains("vlan 110") && text.contains("both"), "{platform}: {text}");
            assert!(text.contains("show monitor session 1"));
        }
        assert!(span("eth1", None)[0].lines.join("\n").contains("vlan <voice VLAN>"));
    }
}
