//! The DHCP texts for IOS and Windows, which can not be run here, against the documented form of their commands (boot
//! reference, sections 8.1 and 8.5).

use std::net::{IpAddr, Ipv4Addr};

use phonescope::diagnosis::TftpSource;
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
                scopes.push(Scope { server, network, sources: vec![(source, texts)], unusable: Vec::new() });
            }
        }
    }
    scopes.push(Scope { server: Ipv4Addr::new(10, 30, 0, 2), network, sources: Vec::new(), unusable: Vec::new() });
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
        for text in [&snippet.config, &snippet.undo] {
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

fn quoted(word: &str) -> bool {
    word.strip_prefix('"').and_then(|w| w.strip_suffix('"')).is_some_and(host)
}

#[test]
fn the_text_for_ios_is_of_commands_of_a_pool() {
    // option 150 ip {address [address …]}, at most eight; option 66 ascii WORD; next-server ADDRESS.
    check(Platform::Ios, "!", |line| {
        let Some(command) = line.strip_prefix(' ') else { return false };
        match command.split(' ').collect::<Vec<_>>().as_slice() {
            ["option", "150", "ip", servers @ ..] => {
                (1..=8).contains(&servers.len()) && servers.iter().all(|s| address(s))
            }
            ["option", "66", "ascii", name] => host(name),
            ["next-server", server] => address(server),
            ["no", "option", "150" | "66"] | ["no", "next-server"] => true,
            _ => false,
        }
    });
}

/// A parameter: its name, and what its value must be; a switch takes none.
type Parameter = (&'static str, Option<fn(&str) -> bool>);

/// Cmdlets with their parameters.
const CMDLETS: &[(&str, &[Parameter])] = &[
    (
        "Get-DhcpServerv4OptionDefinition",
        &[("-OptionId", Some(|v| v == "150")), ("-ErrorAction", Some(|v| v == "SilentlyContinue"))],
    ),
    (
        "Add-DhcpServerv4OptionDefinition",
        &[
            ("-OptionId", Some(|v| v == "150")),
            ("-Name", Some(|v| v == "\"Cisco_TFTP\"")),
            ("-Type", Some(|v| v == "IPv4Address")),
            ("-MultiValued", None),
        ],
    ),
    (
        "Set-DhcpServerv4OptionValue",
        &[
            ("-ScopeId", Some(address)),
            ("-OptionId", Some(|v| v == "150" || v == "66")),
            ("-Value", Some(|v| v.split(',').all(address) || quoted(v))),
        ],
    ),
    (
        "Remove-DhcpServerv4OptionValue",
        &[("-ScopeId", Some(address)), ("-OptionId", Some(|v| v == "150" || v == "66"))],
    ),
];

fn cmdlet(line: &str) -> bool {
    let line = line.trim().replace("\"Cisco TFTP\"", "\"Cisco_TFTP\"");
    let mut words = line.split(' ');
    let Some((_, parameters)) = words.next().and_then(|name| CMDLETS.iter().find(|(n, _)| *n == name)) else {
        return false;
    };
    let mut given = Vec::new();
    while let Some(word) = words.next() {
        let Some((name, value)) = parameters.iter().find(|(n, _)| *n == word) else { return false };
        if value.is_some_and(|is_right| !words.next().is_some_and(is_right)) {
            return false;
        }
        given.push(*name);
    }
    let required: Vec<&str> = parameters.iter().map(|(n, _)| *n).collect();
    given == required
}

#[test]
fn the_text_for_powershell_is_of_cmdlets_with_their_parameters() {
    check(Platform::PowerShell, "#", |line| match line {
        "}" => true,
        _ => match line.strip_prefix("if (-not (").and_then(|l| l.strip_suffix(")) {")) {
            Some(condition) => cmdlet(condition),
            None => cmdlet(line),
        },
    });
    for snippet in snippets().iter().filter(|s| s.platform == Platform::PowerShell) {
        let count = |c| snippet.config.lines().filter(|l| !l.starts_with('#')).collect::<String>().matches(c).count();
        assert_eq!(count('{'), count('}'), "{}", snippet.config);
        assert_eq!(count('('), count(')'), "{}", snippet.config);
    }
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
                ["set", "optionvalue", "66", "STRING", name] => quoted(name),
                ["delete", "optionvalue", "150" | "66"] => true,
                _ => false,
            },
            _ => false,
        }
    });
}
