use super::*;
use crate::diagnosis::{ScopePhone, TftpSource};
use crate::types::{Hex, Mac};
use crate::wire::dhcp::UnusableOption;

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
    (snippet.config, snippet.undo.unwrap_or_default())
}

#[test]
fn every_platform_gets_the_right_servers_and_an_undo() {
    for (platform, line, back) in [
        (Platform::Ios, "  option 150 ip 10.30.0.5 10.30.0.6\n", "  option 150 ip 10.30.1.5\n"),
        (Platform::IscDhcpd, "\noption NAME 10.30.0.5, 10.30.0.6;\n", "option NAME 10.30.1.5;\n"),
        (Platform::Kea, "\"data\": \"0A1E00050A1E0006\"", "\"data\": \"0A1E0105\""),
        (
            Platform::Dnsmasq,
            "\ndhcp-option=tag:phonescope-10-50-0-0-16,150,10.30.0.5,10.30.0.6\n",
            "dhcp-option=tag:phonescope-10-50-0-0-16,150,10.30.1.5\n",
        ),
        (Platform::PowerShell, "-OptionId 150 -Value 10.30.0.5,10.30.0.6 -WhatIf", "-Value 10.30.1.5\n"),
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
fn what_kea_gets_is_json_under_its_comments() {
    let hostile = scope_naming(&[(TftpSource::Option66, "a\"b\\ {c}")]);
    for scope in [scope(), hostile, Scope { network: None, ..scope() }] {
        let (config, _) = text(&scope, Platform::Kea);
        let json: String = config.lines().filter(|l| !l.starts_with("//")).collect();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{e}: {config}"));
        let subnet = if scope.network.is_some() { &value["Dhcp4"]["subnet4"][0] } else { &value };
        assert_eq!(subnet["option-data"][0]["code"], 150, "{config}");
        assert!(value["Dhcp4"]["option-def"].is_null(), "a definition that is there already keeps Kea from starting");
    }
}

#[test]
fn other_places_that_name_it_are_told_and_not_changed() {
    let by_name = scope_naming(&[(TftpSource::Option66, "tftp.pilot")]);
    let (config, undo) = text(&by_name, Platform::IscDhcpd);
    assert!(
        config.contains("option tftp-server-name tftp.pilot is handed out too: change it to 10.30.0.5"),
        "{config}"
    );
    assert!(config.contains("(option 150 was not set; option 66 was tftp.pilot)"), "{config}");
    assert_eq!(undo, "# take out: option NAME 10.30.0.5, 10.30.0.6;\n");
    let told = |scope: &Scope| text(scope, Platform::IscDhcpd).0.contains("next-server 10.");
    assert!(told(&scope_naming(&[(TftpSource::Siaddr, "10.30.1.5")])));
    assert!(!told(&scope_naming(&[(TftpSource::Siaddr, "10.30.0.2")])), "the server's own address is an accident");
    let of_others = [(TftpSource::Option150, "10.30.1.5"), (TftpSource::Siaddr, "10.9.9.9")];
    assert!(!told(&scope_naming(&of_others)), "another server than the phones' is for others");
    assert!(told(&scope_naming(&[(TftpSource::Option150, "10.30.1.5"), (TftpSource::Siaddr, "10.30.1.5")])));
}

#[test]
fn unreadable_old_value_is_named_and_not_restored() {
    let option = UnusableOption { option: 150, raw: Hex::from(&b"10.1.1.5"[..]), reads_as: "text".to_owned() };
    let scope = Scope::of(&terms(Vec::new(), vec![option]), Some(Ipv4Addr::new(10, 50, 3, 7)));
    let snippet = scope.snippets(&RIGHT).into_iter().find(|s| s.platform == Platform::Ios).unwrap();
    assert!(snippet.config.contains("option 150 was the octets 31302e312e312e35, which name no server"), "{snippet:?}");
    assert!(snippet.config.contains("not restored: no phone can read what was there"), "{snippet:?}");
    assert_eq!(snippet.undo, None);
}

#[test]
fn single_phones_get_entries_of_their_own() {
    let phone = ScopePhone { mac: Mac([0, 3, 0x6b, 0, 0, 7]), address: Some(Ipv4Addr::new(10, 50, 3, 7)) };
    let why = ScopeObstacle::HealthyPhones { phones: 1, first: Mac([0, 3, 0x6b, 0, 0, 9]) };
    let scope = Scope { reach: ScopeReach::Phones { phones: vec![phone], why }, ..scope() };
    for (platform, line, back) in [
        (Platform::Ios, "  client-identifier 0100.036b.0000.07\n", " no ip dhcp pool SEP00036B000007\n"),
        (
            Platform::IscDhcpd,
            "host SEP00036B000007 { hardware ethernet 00:03:6b:00:00:07; option NAME 10.30.0.5, 10.30.0.6; }\n",
            "# take out: host SEP00036B000007\n",
        ),
        (
            Platform::Kea,
            "{ \"hw-address\": \"00:03:6b:00:00:07\", ",
            "// take out the reservation of 00:03:6b:00:00:07\n",
        ),
        (Platform::Dnsmasq, "dhcp-mac=set:phonescope-10-50-0-0-16,00:03:6b:00:00:07\n", "# take out: dhcp-mac="),
        (
            Platform::PowerShell,
            "ClientId = '00-03-6b-00-00-07'",
            "Remove-DhcpServerv4Reservation -IPAddress 10.50.3.7\n",
        ),
        (Platform::Netsh, "add reservedip 10.50.3.7 00036b000007\n", "delete reservedip 10.50.3.7 00036b000007\n"),
    ] {
        let (config, undo) = text(&scope, platform);
        assert!(config.contains(line), "{platform:?}: {config}");
        assert!(undo.contains(back), "{platform:?}: {undo}");
    }
    let fixes = set_option_150(&scope, &RIGHT);
    assert!(fixes[0].title.contains("SEP00036B000007"), "{}", fixes[0].title);
    assert!(
        fixes[0].steps[0].starts_with("Do not change all of 10.50.0.0/16: SEP00036B000009 works"),
        "{:?}",
        fixes[0].steps
    );
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
fn pasted_snooping_starts_only_after_a_port_is_trusted() {
    let fix = remove_server(Ipv4Addr::new(10, 66, 0, 1), Some(110));
    let config = fix.config.unwrap();
    assert!(config.lines().all(|line| line.starts_with('!')), "{config}");
    assert!(config.find("snooping trust").unwrap() < config.find("snooping vlan 110").unwrap(), "{config}");
    assert_eq!(fix.undo.unwrap(), "no ip dhcp snooping vlan 110\n");
    assert_eq!(remove_server(Ipv4Addr::new(10, 66, 0, 1), None).config, None);
}
