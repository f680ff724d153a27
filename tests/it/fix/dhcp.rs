//! The DHCP lines of a pack: the documented form, the same as in the report, and nothing made up.

use phonescope::remedy::pack::Pack;
use phonescope::site::Site;

use super::{CM, PHONE, TFTP, TFTP_PILOT, analyzed, astray, astray_with, campus, file, pack_of, site, text};
use crate::product::{list, report};
use crate::support::shipped::shipped;
use crate::support::site::{DhcpServer, Segment, TftpServer};

fn founding() -> (Vec<u8>, Site) {
    let capture = shipped().into_iter().find(|s| s.path == "founding-case/mixed-site.pcap").unwrap();
    ((capture.build)(), crate::product::site_of(&capture))
}

/// The lines of a file that are no comments.
fn lines(text: &str, comment: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(comment)).map(str::to_owned).collect()
}

fn is_ip(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

#[test]
fn ios_and_windows_lines_have_the_documented_form() {
    let (capture, site) = founding();
    let pack = pack_of(&capture, &site).unwrap();
    let ios = lines(&text(&pack, "dhcp/ios.txt"), "!");
    assert_eq!(ios, ["configure terminal", "ip dhcp pool POOL", "option 150 ip 10.30.0.5", "end", "write memory"]);
    let shell = text(&pack, "dhcp/windows.ps1");
    assert!(shell.contains("$scope = '10.30.110.0'\n"), "{shell}");
    assert!(shell.contains("-ScopeId $scope -OptionId 150 -Value 10.30.0.5 -WhatIf:"), "{shell}");
    let netsh = lines(&text(&pack, "dhcp/windows-netsh.txt"), "rem");
    assert!(netsh[0].starts_with("netsh dhcp server add optiondef 150 \"Cisco TFTP\" IPADDRESS 1 "), "{netsh:?}");
    let words: Vec<&str> = netsh[1].split(' ').collect();
    assert!(
        matches!(words.as_slice(), ["netsh", "dhcp", "server", "scope", scope, "set", "optionvalue", "150", "IPADDRESS", ips @ ..] if is_ip(scope) && !ips.is_empty() && ips.iter().all(|i| is_ip(i))),
        "{netsh:?}"
    );
}

#[test]
fn every_file_has_the_old_value_and_the_undo() {
    let (capture, site) = founding();
    let pack = pack_of(&capture, &site).unwrap();
    let files: Vec<&str> = pack.files.iter().map(|f| f.path.as_str()).filter(|p| p.starts_with("dhcp/")).collect();
    assert_eq!(files.len(), 6, "{files:?}");
    for path in files {
        let text = text(&pack, path);
        assert!(text.contains("10.31.0.5") && text.contains("Undo:\n"), "{path}: {text}");
        assert!(text.contains("10.30.0.5") || text.contains("0A1E0005"), "{path}: {text}");
    }
    let kea = text(&pack, "dhcp/kea-dhcp4.json");
    let json: String = kea.lines().filter(|l| !l.starts_with("//")).collect();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["Dhcp4"]["subnet4"][0]["subnet"], "10.30.110.0/24");
}

#[test]
fn the_fixes_of_the_report_are_the_lines_of_the_pack() {
    let (capture, site) = founding();
    let analyzer = analyzed(&[("capture.pcap", &capture)]);
    let pack = Pack::new(&analyzer.diagnose(&site)).unwrap();
    let report = report(&analyzer, &site);
    let finding = list(&report, "findings").iter().find(|f| f["code"] == "wrong-tftp-server").unwrap();
    let mut told = 0;
    for fix in list(finding, "fixes").iter().filter(|f| f["where"] == "dhcp-server") {
        let config = fix["config"].as_str().unwrap();
        assert!(pack.files.iter().any(|f| String::from_utf8_lossy(&f.contents).starts_with(config)), "{config}");
        told += 1;
    }
    assert_eq!(told, 6);
    let load = list(finding, "fixes").iter().find(|f| f["where"] == "tftp-server").unwrap();
    let element = load["config"].as_str().unwrap().trim();
    assert!(
        pack.files
            .iter()
            .any(|f| f.path.starts_with("tftp/") && String::from_utf8_lossy(&f.contents).contains(element))
    );
}

#[test]
fn where_no_right_server_is_known_no_line_is_invented() {
    // Nothing tells the right server: no site file, nobody registered, the CallManager serves no files.
    let capture = astray_with("SEP00036B3A1001.cnf.xml", b"<device></device>");
    let nothing = Site::none();
    let Some(pack) = pack_of(&capture, &nothing) else { panic!("a phone is rejected") };
    assert!(pack.files.iter().all(|f| !f.path.starts_with("dhcp")), "{:?}", pack.files);
    let readme = text(&pack, "README.md");
    assert!(!readme.contains("option 150 ip"), "{readme}");
    let none = DhcpServer::at("10.30.0.2", "10.30.110.20");
    let mut network = campus(TFTP, TftpServer::at(TFTP_PILOT));
    network.dhcp = vec![std::rc::Rc::new(none)];
    network.boot(0, &astray());
    network.boot(60_000, &astray());
    let pack = pack_of(&network.capture().pcap(), &nothing).unwrap();
    assert!(pack.files.iter().all(|f| !f.path.starts_with("dhcp")), "{:?}", pack.files);
    assert!(pack.missing.iter().any(|m| m.contains("--expect-tftp") && m.contains("site file")), "{:?}", pack.missing);
    assert!(text(&pack, "README.md").contains("--expect-tftp"));
    let told = Site::none().with_expected_tftp(&[TFTP.parse().unwrap()]);
    let pack = pack_of(&network.capture().pcap(), &told).unwrap();
    assert!(text(&pack, "dhcp/isc-dhcpd.conf").contains("option 150 was not set"));
}

#[test]
fn option_66_and_malformed_options_are_corrected_too() {
    for (server, was) in [
        (DhcpServer::at("10.30.0.2", "10.30.110.20").option_66(TFTP_PILOT), "option 66 was 10.31.0.5"),
        (
            DhcpServer::at("10.30.0.2", "10.30.110.20").option(150, b"10.31.0.5"),
            "option 150 was the octets 31302e33312e302e35",
        ),
    ] {
        let mut network = campus(TFTP, TftpServer::at(TFTP_PILOT));
        network.dhcp = vec![std::rc::Rc::new(server)];
        network.boot(0, &astray());
        network.boot(60_000, &astray());
        let pack = pack_of(&network.capture().pcap(), &site()).unwrap();
        let dhcpd = text(&pack, "dhcp/isc-dhcpd.conf");
        assert!(dhcpd.contains(was) && dhcpd.contains("\noption NAME 10.30.0.5;"), "{dhcpd}");
    }
}

#[test]
fn scopes_have_files_of_their_own() {
    let mut network = campus(TFTP_PILOT, TftpServer::at(TFTP_PILOT));
    network.segments.push(Segment::new("10.30.120"));
    network.dhcp = vec![
        std::rc::Rc::new(DhcpServer::at("10.30.0.2", "10.30.110.20").option_150(&[TFTP_PILOT]).only_on(&[0])),
        std::rc::Rc::new(DhcpServer::at("10.30.0.2", "10.30.120.20").option_150(&[TFTP_PILOT]).only_on(&[1])),
    ];
    network.boot(0, &astray());
    network.boot(
        5_000,
        &crate::support::phone::Phone::new("7960", "00:30:94:3a:10:02", super::LOAD_PILOT).stored(&[CM]).on_segment(1),
    );
    let pack = pack_of(&network.capture().pcap(), &site()).unwrap();
    for net in ["10.30.110.0-24", "10.30.120.0-24"] {
        let text = text(&pack, &format!("dhcp/isc-dhcpd-{net}.conf"));
        assert!(text.contains(&format!("In the block that serves {}", net.replace("-24", "/24"))), "{text}");
        file(&pack, &format!("dhcp/kea-dhcp4-{net}.json"));
    }
    assert_eq!(pack.plan.phones.len(), 2);
    assert_eq!(pack.plan.phones[0].mac.to_string(), PHONE);
}

#[test]
fn a_phone_that_dhcp_does_not_reach_gets_the_keys_to_press() {
    let capture = shipped().into_iter().find(|s| s.path == "wrong-tftp-server/fires-alternate-tftp.pcap").unwrap();
    let pack = pack_of(&(capture.build)(), &crate::product::site_of(&capture)).unwrap();
    let readme = text(&pack, "README.md");
    assert!(readme.contains("DHCP does not reach") && readme.contains("Set Alternate TFTP to"), "{readme}");
    assert!(text(&pack, "phones.csv").lines().nth(1).unwrap().contains(",no,"), "the list says so");
}

#[test]
fn every_finding_with_fixes_has_its_steps_in_the_readme() {
    let mut fixes_seen = 0;
    for capture in shipped() {
        let site = crate::product::site_of(&capture);
        let analyzer = analyzed(&[(capture.path, &(capture.build)())]);
        let diagnosis = analyzer.diagnose(&site);
        let Some(pack) = Pack::new(&diagnosis) else {
            let needs = diagnosis.findings.iter().any(|f| {
                f.severity == phonescope::diagnosis::Severity::Error || f.code == phonescope::diagnosis::Code::LoadTrap
            });
            assert!(!needs, "{}: a finding has fixes, and there is no pack", capture.path);
            continue;
        };
        let readme = text(&pack, "README.md");
        let contents: Vec<String> =
            pack.files.iter().skip(1).map(|f| String::from_utf8_lossy(&f.contents).into_owned()).collect();
        for finding in diagnosis.findings.iter().filter(|f| f.caused_by.is_none()) {
            if finding.fixes.is_empty() {
                continue;
            }
            let title = finding.title.replace('<', "\\<").replace('>', "\\>");
            assert!(readme.contains(&title), "{}: {title}\n{readme}", capture.path);
            let mut told = 0;
            for fix in &finding.fixes {
                let title = fix.title.replace('<', "\\<").replace('>', "\\>");
                let load =
                    fix.config.as_ref().and_then(|c| c.trim().strip_prefix("<loadInformation>")?.split('<').next());
                let named = load.is_some_and(|l| contents.iter().any(|f| f.contains(&format!(">{l}<"))));
                let in_file =
                    named || fix.config.as_ref().is_some_and(|c| contents.iter().any(|f| f.contains(c.trim())));
                let keys = fix.title.contains("Alternate TFTP to") && readme.contains("### c. On the phone itself");
                told += usize::from(readme.contains(&title) || in_file || keys);
            }
            // What a configuration of the pack makes needless is left out.
            let left_out = usize::from(finding.code == phonescope::diagnosis::Code::LoadFileMissing);
            assert!(told + left_out >= finding.fixes.len(), "{}: {}: {told}\n{readme}", capture.path, finding.code);
            fixes_seen += told;
        }
    }
    assert!(fixes_seen > 60, "{fixes_seen}");
}

#[test]
fn a_hostile_name_is_neither_a_formula_nor_a_link_nor_an_escape() {
    let mut network = campus(TFTP_PILOT, TftpServer::at(TFTP_PILOT));
    for (at, name) in
        [(0, "=HYPERLINK(1)"), (9_000, "[x](//e.vil)"), (18_000, "<img src=x>"), (27_000, "`a\u{1b}[2J|b")]
    {
        let mac = format!("00:03:6b:3a:20:{:02x}", at / 1000);
        let phone = crate::support::phone::Phone::new("7960", &mac, super::LOAD_PILOT).stored(&[CM]);
        network.boot(at, &phone.with(|p| p.claims_name = Some(name.to_owned())));
    }
    let pack = pack_of(&network.capture().pcap(), &site()).unwrap();
    let all: String = pack.files.iter().map(|f| String::from_utf8_lossy(&f.contents).into_owned()).collect();
    assert!(!all.contains('\u{1b}'));
    let csv = text(&pack, "phones.csv");
    assert!(csv.contains("'=HYPERLINK") && !csv.contains(",=HYPERLINK"), "{csv}");
    let readme = text(&pack, "README.md");
    let unescaped = readme.replace("\\[", "").replace("\\<", "");
    assert!(!unescaped.contains("[x") && !unescaped.contains("<img"), "{readme}");
    assert!(pack.files.iter().all(|f| f.path.bytes().all(|b| b.is_ascii_alphanumeric() || b"./_-".contains(&b))));
}

#[test]
fn phones_of_two_clusters_in_one_scope_are_told_apart() {
    let site = crate::product::parse_site(
        "site.toml",
        "[[cluster]]\nname = 'hq'\ntftp = ['10.30.0.5']\ncall_managers = ['10.30.0.10']\ndefault = true\n\
         [[cluster]]\nname = 'lab'\ntftp = ['10.32.0.5']\ncall_managers = ['10.32.0.10']\nphones = ['SEP0030943A1002']\n",
    );
    let mut network = campus(TFTP_PILOT, TftpServer::at(TFTP_PILOT));
    network.boot(0, &astray());
    network
        .boot(5_000, &crate::support::phone::Phone::new("7960", "00:30:94:3a:10:02", super::LOAD_PILOT).stored(&[CM]));
    let pack = pack_of(&network.capture().pcap(), &site).unwrap();
    for right in ["10.30.0.5", "10.32.0.5"] {
        let text = text(&pack, &format!("dhcp/isc-dhcpd-10.30.110.0-24-to-{right}.conf"));
        assert_eq!(text.matches(&format!("option NAME {right}; }}")).count(), 1, "{text}");
    }
    assert!(text(&pack, "README.md").contains("phones in it need different servers"));
}

#[test]
fn report_never_corrects_the_options_of_a_rogue_server() {
    let capture = shipped().into_iter().find(|s| s.path == "unknown-dhcp-server/fires-lease-taken.pcap").unwrap();
    let (octets, site) = ((capture.build)(), crate::product::site_of(&capture));
    let pack = pack_of(&octets, &site).unwrap();
    assert!(pack.files.iter().all(|f| !f.path.starts_with("dhcp/")), "{:?}", pack.files);
    let analyzer = analyzed(&[("capture", &octets)]);
    let diagnosis = analyzer.diagnose(&site);
    let fixes: Vec<_> = diagnosis.findings.iter().flat_map(|f| &f.fixes).collect();
    assert!(fixes.iter().all(|f| f.target != phonescope::diagnosis::FixTarget::DhcpServer), "{fixes:?}");
    assert!(fixes.iter().any(|f| f.title.starts_with("Take DHCP server")), "{fixes:?}");
}
