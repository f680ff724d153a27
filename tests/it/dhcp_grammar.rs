//! The DHCP texts for IOS and Windows, which can not be run here, against the documented form of their commands (boot
//! reference, sections 8.1 and 8.5).

use std::net::{IpAddr, Ipv4Addr};

use phonescope::diagnosis::{ScopeReach, TftpSource};
use phonescope::remedy::dhcp::{Platform, Scope, Snippet};
use phonescope::types::WireText;

/// Scopes of all kinds, with names as servers and attackers choose them.
fn scopes() -> Vec<Scope> {
    let names: [&[&str]; 6] = [
        &["10.31.0.5"],
        &["10.31.0.5", "10.31.0.6"],
        &["tftp.example"],
        &["x\" ; shutdown -r\n no ip routing"],
        &["$(reboot)`reboot`"],
        &["\u{202e}10.31.0.5", "!", "#}", "&& rem"],
    ];
    let network = Some((Ipv4Addr::new(10, 20, 1, 0), Ipv4Addr::new(255, 255, 255, 0)));
    let mut scopes = Vec::new();
    for source in [TftpSource::Option150, TftpSource::Option66, TftpSource::Sname, TftpSource::Siaddr] {
        // The next server is an address in the message: no name.
        for named in names.iter().filter(|n| source != TftpSource::Siaddr || n.iter().all(|n| address(n))) {
            for network in [network, None] {
                let texts: Vec<WireText> = named.iter().map(|n| WireText::from(*n)).collect();
                let server = Ipv4Addr::new(10, 30, 0, 2);
                scopes.push(Scope {
                    server,
                    network,
                    sources: vec![(source, texts)],
                    unusable: Vec::new(),
                    reach: ScopeReach::Whole,
                });
            }
        }
    }
    scopes.push(Scope {
        server: Ipv4Addr::new(10, 30, 0, 2),
        network,
        sources: Vec::new(),
        unusable: Vec::new(),
        reach: ScopeReach::Whole,
    });
    scopes
}

fn snippets() -> Vec<Snippet> {
    let right = |n: u8| (1..=n).map(|i| IpAddr::from([10, 20, 0, i])).collect::<Vec<_>>();
    scopes().iter().flat_map(|s| [1, 2, 9].into_iter().flat_map(|n| s.snippets(&right(n)))).collect()
}

/// Checks each text of a platform, line by line; `is_one`: whether a line that is no comment is a command.
fn check(platform: Platform, comment: &str, is_one: impl Fn(&str) -> bool) {
    let mut commands = 0;
    for snippet in snippets().into_iter().filter(|s| s.platform == platform) {
        for text in [Some(&snippet.config), snippet.undo.as_ref()].into_iter().flatten() {
            assert!(
                text.ends_with('\n') && text.chars().all(|c| c == '\n' || !c.is_control() && c.is_ascii()),
                "{text}"
            );
            for line in text.lines() {
                assert!(line.trim_start().starts_with(comment) || is_one(line), "{platform:?}: {line}\nin {text}");
                commands += usize::from(!line.starts_with(comment));
            }
        }
        assert!(snippet.config.lines().any(|l| l.contains("10.20.0.1")), "{}", snippet.config);
    }
    assert!(commands > 100, "{platform:?}: {commands}");
}

fn address(word: &str) -> bool {
    word.parse::<Ipv4Addr>().is_ok()
}

fn host(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

#[test]
fn the_text_for_ios_is_a_session_of_commands() {
    // option 150 ip {address [address …]}, at most eight.
    check(Platform::Ios, "!", |line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["option", "150", "ip", servers @ ..] => {
            line.starts_with("  ") && (1..=8).contains(&servers.len()) && servers.iter().all(|s| address(s))
        }
        ["no", "option", "150"] => line.starts_with("  "),
        ["configure", "terminal"] | ["ip", "dhcp", "pool", "POOL"] | ["end"] | ["write", "memory"] => true,
        _ => false,
    });
}

/// Cmdlets of Windows' DHCP server that change something; each must be told by `-WhatIf` not to.
const CHANGING: [&str; 6] = [
    "Add-DhcpServerv4OptionDefinition",
    "Set-DhcpServerv4OptionValue",
    "Remove-DhcpServerv4OptionValue",
    "Add-DhcpServerv4Reservation",
    "Remove-DhcpServerv4Reservation",
    "Invoke-DhcpServerv4FailoverReplication",
];

#[test]
fn the_script_for_powershell_changes_nothing_with_whatif() {
    let mut changes = 0;
    for snippet in snippets().iter().filter(|s| s.platform == Platform::PowerShell) {
        let script: Vec<&str> = snippet.config.lines().filter(|l| !l.starts_with('#')).collect();
        let text = script.join("\n");
        for (open, close) in [('{', '}'), ('(', ')')] {
            assert_eq!(text.matches(open).count(), text.matches(close).count(), "{text}");
        }
        assert_eq!(text.matches('"').count() % 2, 0, "{text}");
        for line in &script {
            for call in CHANGING.iter().filter(|c| line.contains(**c)) {
                let (_, arguments) = line.split_once(call).unwrap();
                assert!(arguments.contains("-WhatIf:$WhatIfPreference"), "{line}");
                changes += 1;
            }
            assert!(line.chars().all(|c| c.is_ascii() && !c.is_control()), "{line:?}");
        }
        let [stop, set] =
            ["throw \"Option 150 is defined as", "-OptionId 150 -Value 10."].map(|t| text.find(t).unwrap());
        assert!(stop < set, "it stops before it changes anything");
        assert!(text.starts_with("[CmdletBinding(SupportsShouldProcess)]\nparam([switch]$Rollback)\n"), "{text}");
        let undo: Vec<&str> = snippet.undo.as_deref().unwrap().split_whitespace().collect();
        assert!(
            matches!(
                undo.as_slice(),
                ["Remove-DhcpServerv4OptionValue", "-ScopeId", scope, "-OptionId", "150"]
                | ["Set-DhcpServerv4OptionValue", "-ScopeId", scope, "-OptionId", "150", "-Value", _] if address(scope)
            ),
            "{undo:?}"
        );
    }
    assert!(changes > 100, "{changes}");
}

#[test]
fn the_text_for_netsh_is_of_commands_of_netsh_dhcp() {
    check(Platform::Netsh, "rem ", |line| {
        // add optiondef CODE NAME TYPE 0|1 [comment=…]; scope ADDRESS set|delete optionvalue CODE [TYPE VALUE …]
        const DEFINITION: &str = "netsh dhcp server add optiondef 150 \"Cisco TFTP\" IPADDRESS 1 comment=\"";
        if let Some(rest) = line.strip_prefix(DEFINITION) {
            return rest.strip_suffix('"').is_some_and(|words| words.split(' ').all(host));
        }
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["netsh", "dhcp", "server", "scope", scope, rest @ ..] if address(scope) => match rest {
                ["set", "optionvalue", "150", "IPADDRESS", servers @ ..] => {
                    !servers.is_empty() && servers.iter().all(|s| address(s))
                }
                ["delete", "optionvalue", "150"] => true,
                _ => false,
            },
            _ => false,
        }
    });
}
