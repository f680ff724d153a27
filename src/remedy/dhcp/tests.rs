use super::*;
use crate::types::Hex;

fn terms(sources: Vec<(TftpSource, Vec<WireText>)>, unusable: Vec<UnusableOption>) -> LeaseTerms {
    LeaseTerms {
        server: Ipv4Addr::new(10, 30, 0, 2),
        sources,
        own_siaddr: false,
        unusable,
        mask: Some(Ipv4Addr::new(255, 255, 0, 0)),
        routers: Vec::new(),
        dns: Vec::new(),
        cut: false,
    }
}

fn scope_naming(sources: &[(TftpSource, &str)]) -> Scope {
    let sources = sources.iter().map(|(source, name)| (*source, vec![WireText::from(*name)])).collect();
    Scope::of(&terms(sources, Vec::new()), Some(Ipv4Addr::new(10, 50, 3, 7)))
}

fn scope() -> Scope {
    scope_naming(&[(TftpSource::Option150, "10.30.1.5")])
}

const RIGHT: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(10, 30, 0, 5)), IpAddr::V4(Ipv4Addr::new(10, 30, 0, 6))];

fn text(scope: &Scope, platform: Platform) -> (String, String) {
    let snippets = scope.snippets(&RIGHT);
    let snippet = snippets.into_iter().find(|s| s.platform == platform).unwrap();
    (snippet.config, snippet.undo)
}

#[test]
fn every_platform_gets_the_right_servers_in_its_own_words_and_the_way_back() {
    for (platform, line, back) in [
        (Platform::Ios, " option 150 ip 10.30.0.5 10.30.0.6\n", " option 150 ip 10.30.1.5\n"),
        (Platform::IscDhcpd, "  option cisco-tftp 10.30.0.5, 10.30.0.6;\n", "  option cisco-tftp 10.30.1.5;\n"),
        (Platform::Kea, "\"data\": \"10.30.0.5, 10.30.0.6\"", "\"data\": \"10.30.1.5\""),
        (Platform::Dnsmasq, "dhcp-option=150,10.30.0.5,10.30.0.6\n", "dhcp-option=150,10.30.1.5\n"),
        (Platform::PowerShell, "-ScopeId 10.50.0.0 -OptionId 150 -Value 10.30.0.5,10.30.0.6\n", "-Value 10.30.1.5\n"),
        (
            Platform::Netsh,
            "scope 10.50.0.0 set optionvalue 150 IPADDRESS 10.30.0.5 10.30.0.6\n",
            "IPADDRESS 10.30.1.5\n",
        ),
    ] {
        let (config, undo) = text(&scope(), platform);
        assert!(config.contains(line), "{platform:?}: {config}");
        assert!(undo.contains(back), "{platform:?}: {undo}");
        assert!(config.contains("option 150 was 10.30.1.5"), "{platform:?}: {config}");
    }
    assert_eq!(scope().label(), "10.50.0.0/16");
    let fixes = set_option_150(&scope(), &RIGHT);
    let texts: Vec<_> = fixes.iter().map(|f| (f.config.clone().unwrap(), f.undo.clone().unwrap())).collect();
    assert_eq!(texts, PLATFORMS.map(|p| text(&scope(), p)), "the fixes are these texts");
}

#[test]
fn what_kea_gets_is_json_that_any_program_reads() {
    let hostile = scope_naming(&[(TftpSource::Option66, "a\"b\\ {c}")]);
    for scope in [scope(), hostile, Scope { network: None, ..scope() }] {
        let (config, undo) = text(&scope, Platform::Kea);
        for text in [config, undo] {
            let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
            assert_eq!(value["Dhcp4"]["option-def"][0]["code"], 150);
        }
    }
}

#[test]
fn a_scope_that_named_it_elsewhere_names_it_in_one_voice() {
    let by_name = scope_naming(&[(TftpSource::Option66, "tftp.pilot")]);
    let (config, undo) = text(&by_name, Platform::IscDhcpd);
    assert!(config.contains("option cisco-tftp 10.30.0.5, 10.30.0.6;\n  option tftp-server-name \"10.30.0.5\";\n"));
    assert!(config.contains("(option 150 was not set; option 66 was tftp.pilot)"), "{config}");
    assert!(undo.contains("# no option cisco-tftp\n  option tftp-server-name \"tftp.pilot\";\n"), "{undo}");
    let next = scope_naming(&[(TftpSource::Siaddr, "10.30.1.5")]);
    assert!(text(&next, Platform::IscDhcpd).0.contains("next-server 10.30.0.5;"));
    let own = scope_naming(&[(TftpSource::Siaddr, "10.30.0.2")]);
    assert!(!text(&own, Platform::IscDhcpd).0.contains("next-server"), "the server's own address is an accident");
}

#[test]
fn a_place_that_serves_others_is_left_alone() {
    let both = scope_naming(&[(TftpSource::Option150, "10.30.1.5"), (TftpSource::Siaddr, "10.9.9.9")]);
    assert!(!text(&both, Platform::IscDhcpd).0.contains("next-server"));
    let same = scope_naming(&[(TftpSource::Option150, "10.30.1.5"), (TftpSource::Siaddr, "10.30.1.5")]);
    assert!(text(&same, Platform::IscDhcpd).0.contains("next-server 10.30.0.5;"));
}

#[test]
fn what_was_malformed_is_told_as_its_octets_and_not_put_back() {
    let option = UnusableOption { option: 150, raw: Hex::from(&b"10.1.1.5"[..]), reads_as: "text".to_owned() };
    let scope = Scope::of(&terms(Vec::new(), vec![option]), Some(Ipv4Addr::new(10, 50, 3, 7)));
    let (config, undo) = text(&scope, Platform::Ios);
    assert!(config.contains("! option 150 was the octets 31302e312e312e35, which name no server\n"), "{config}");
    assert!(undo.ends_with(" no option 150\n"), "{undo}");
}

#[test]
fn text_of_the_wire_is_pasted_nowhere() {
    let hostile = scope_naming(&[(TftpSource::Option66, "x\";\n} shutdown; \u{1b}[2J")]);
    for platform in PLATFORMS {
        let (config, undo) = text(&hostile, platform);
        for text in [config, undo] {
            let bad = text.lines().any(|l| l.contains("shutdown;") || l.trim_start().starts_with("} shutdown"));
            assert!(!bad && !text.contains('\u{1b}'), "{platform:?}: {text}");
        }
    }
}

#[test]
fn nothing_is_pasted_that_is_not_known() {
    assert!(set_option_150(&scope(), &[]).is_empty());
    assert!(set_option_150(&scope(), &["2001:db8::5".parse().unwrap()]).is_empty());
    let unknown = Scope { network: None, ..scope() };
    assert!(set_option_150(&unknown, &RIGHT).iter().all(|f| f.platform != diagnosis::Platform::Windows));
}

#[test]
fn snooping_is_not_switched_on_by_a_paste_and_not_before_a_port_is_trusted() {
    let fix = remove_server(IpAddr::from([10, 66, 0, 1]), Some(110));
    let config = fix.config.unwrap();
    assert!(config.lines().all(|line| line.starts_with('!')), "{config}");
    assert!(config.find("snooping trust").unwrap() < config.find("snooping vlan 110").unwrap(), "{config}");
    assert_eq!(fix.undo.unwrap(), "no ip dhcp snooping vlan 110\n");
    assert_eq!(remove_server(IpAddr::from([10, 66, 0, 1]), None).config, None);
}
