//! What is made of whole configurations; each language's own tests stand beside its parser.

use proptest::prelude::*;

use super::client::{Role, Seen, client};
use super::*;

/// What the phones of the tests are handed, and what they should have.
pub(super) const OLD: &str = "10.9.0.6";
pub(super) const RIGHT: &str = "10.9.0.5";

/// A phone of the plan at this address, handed [`OLD`] in option 150.
pub(super) fn ill(mac: &str, address: &str) -> Client {
    let mut ill = client(mac, address, Role::ToFix { right: vec![RIGHT.parse().unwrap()] });
    ill.seen = Some(seen(OLD));
    ill
}

/// A phone that is well with what it is handed.
pub(super) fn well(mac: &str, address: &str, server: &str) -> Client {
    let mut well = client(mac, address, Role::Well { right: Vec::new() });
    well.seen = Some(seen(server));
    well
}

fn seen(server: &str) -> Seen {
    let address: std::net::Ipv4Addr = server.parse().unwrap();
    Seen { option_150: Some(address.octets().to_vec()), ..Seen::default() }
}

fn files(texts: &[(&str, &str)]) -> Vec<ConfigFile> {
    texts
        .iter()
        .map(|(name, text)| ConfigFile { name: (*name).to_owned(), contents: text.as_bytes().to_vec() })
        .collect()
}

/// The changed text of a single file; `Err`: the lines that say why there is none.
pub(super) fn changed(name: &str, text: &str, clients: &[Client]) -> Result<String, String> {
    let changes = changes_for(&files(&[(name, text)]), clients);
    match changes.files.as_slice() {
        [file] => Ok(String::from_utf8(file.contents.clone()).unwrap()),
        [] => Err(changes.lines.join("\n")),
        more => panic!("{} files of one", more.len()),
    }
}

/// The changed texts of several files, by name; `Err`: the lines that say why there are none.
pub(super) fn changed_of(texts: &[(&str, &str)], clients: &[Client]) -> Result<Vec<(String, String)>, String> {
    let given = files(texts);
    let changes = changes_for(&given, clients);
    let text = |file: &ChangedFile| String::from_utf8(file.contents.clone()).unwrap();
    let all: Vec<(String, String)> = changes.files.iter().map(|f| (given[f.index].name.clone(), text(f))).collect();
    if all.is_empty() { Err(changes.lines.join("\n")) } else { Ok(all) }
}

/// Each line that goes or comes; what is the same is left out.
pub(super) fn difference(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    assert_eq!(before.len(), after.len(), "{after:#?}");
    let pairs = before.iter().zip(&after).filter(|(b, a)| b != a);
    pairs.map(|(b, a)| format!("{} -> {}", b.trim(), a.trim())).collect()
}

const ISC: &str = "option voip-tftp code 150 = array of ip-address;\nsubnet 10.50.1.0 netmask 255.255.255.0 {\n  range \
                   10.50.1.100 10.50.1.199;\n  option voip-tftp 10.9.0.6;\n}\n";

#[test]
fn patch_and_undo_lead_there_and_back() {
    let clients = [ill("00:03:6b:00:00:01", "10.50.1.101")];
    let changes = changes_for(&files(&[("dhcpd.conf", ISC)]), &clients);
    let file = &changes.files[0];
    let patch = String::from_utf8(file.patch.clone()).unwrap();
    assert!(patch.starts_with("--- dhcpd.conf\n+++ dhcpd.conf\n@@ "), "{patch}");
    assert!(patch.contains("-  option voip-tftp 10.9.0.6;\n+  option voip-tftp 10.9.0.5;\n"), "{patch}");
    let undo = String::from_utf8(file.undo.clone()).unwrap();
    assert!(undo.contains("-  option voip-tftp 10.9.0.5;\n+  option voip-tftp 10.9.0.6;\n"), "{undo}");
    assert!(!changes.refused, "{:?}", changes.lines);
    assert!(changes.lines.iter().any(|l| l.contains("dhcpd.conf line 4")), "{:?}", changes.lines);
}

#[test]
fn file_without_a_fault_is_left_alone() {
    let right = ISC.replace(OLD, RIGHT);
    let mut phone = ill("00:03:6b:00:00:01", "10.50.1.101");
    phone.seen = Some(seen(OLD));
    let why = changed("dhcpd.conf", &right, &[phone]).unwrap_err();
    assert!(why.contains("dhcpd.conf"), "{why}");
    let nobody = changed("dhcpd.conf", ISC, &[well("00:03:6b:00:00:02", "10.50.1.102", OLD)]).unwrap_err();
    assert!(nobody.contains("no phone of the capture is handed a wrong TFTP server"), "{nobody}");
}

#[test]
fn file_of_another_site_is_refused() {
    let elsewhere = changed("dhcpd.conf", ISC, &[ill("00:03:6b:00:00:01", "10.77.1.101")]).unwrap_err();
    assert!(elsewhere.contains("does not serve SEP00036B000001"), "{elsewhere}");
    let other_value = ISC.replace(OLD, "10.8.8.8");
    let why = changed("dhcpd.conf", &other_value, &[ill("00:03:6b:00:00:01", "10.50.1.101")]).unwrap_err();
    assert!(why.contains("10.8.8.8") && why.contains(OLD), "{why}");
}

#[test]
fn healthy_phone_on_the_same_value_is_not_moved() {
    let clients = [ill("00:03:6b:00:00:01", "10.50.1.101"), well("00:03:6b:00:00:02", "10.50.1.102", OLD)];
    let changes = changes_for(&files(&[("dhcpd.conf", ISC)]), &clients);
    assert!(changes.refused && changes.files.is_empty());
    let lines = changes.lines.join("\n");
    assert!(lines.contains("SEP00036B000002") && lines.contains("dhcpd.conf line 4"), "{lines}");
}

#[test]
fn two_files_for_one_phone_are_refused() {
    let clients = [ill("00:03:6b:00:00:01", "10.50.1.101")];
    let changes = changes_for(&files(&[("a.conf", ISC), ("b.conf", ISC)]), &clients);
    assert!(changes.refused && changes.files.is_empty(), "{:?}", changes.lines);
    assert!(changes.lines.iter().any(|l| l.contains("a.conf and b.conf all serve")), "{:?}", changes.lines);
}

#[test]
fn included_file_is_changed_where_it_stands() {
    let main = "option voip-tftp code 150 = ip-address;\ninclude \"/etc/dhcp/voice.conf\";\n";
    let voice =
        "subnet 10.50.1.0 netmask 255.255.255.0 {\n  range 10.50.1.100 10.50.1.199;\n  option voip-tftp 10.9.0.6;\n}\n";
    let clients = [ill("00:03:6b:00:00:01", "10.50.1.101")];
    let changes = changes_for(&files(&[("dhcpd.conf", main), ("voice.conf", voice)]), &clients);
    assert_eq!(changes.files.len(), 1, "{:?}", changes.lines);
    assert_eq!(changes.files[0].index, 1);
    let missing = changed("dhcpd.conf", main, &clients).unwrap_err();
    assert!(missing.contains("voice.conf"), "{missing}");
}

#[test]
fn line_ends_and_other_bytes_stay() {
    let text = "# Caf\u{e9} 10.9.0.6\r\noption voip-tftp code 150 = array of ip-address;\r\nsubnet 10.50.1.0 netmask \
                255.255.255.0 {\r\n\trange 10.50.1.100 10.50.1.199;\r\n\toption voip-tftp 10.9.0.6; # was 10.9.0.6\r\n}\r\n";
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let file = ConfigFile { name: "dhcpd.conf".to_owned(), contents: latin.clone() };
    let changes = changes_for(&[file], &[ill("00:03:6b:00:00:01", "10.50.1.101")]);
    let after = &changes.files[0].contents;
    let expected: String = text.replace("voip-tftp 10.9.0.6;", "voip-tftp 10.9.0.5;");
    assert_eq!(after, &expected.chars().map(|c| c as u8).collect::<Vec<u8>>());
    assert_eq!(after.iter().filter(|b| **b == b'\r').count(), latin.iter().filter(|b| **b == b'\r').count());
}

#[test]
fn text_that_is_no_configuration_is_refused() {
    for text in ["", "hello world\n", "\u{0}\u{1}\u{2}"] {
        let why = changed("x", text, &[ill("00:03:6b:00:00:01", "10.50.1.101")]).unwrap_err();
        assert!(why.contains("no configuration of ISC dhcpd, Kea, dnsmasq or IOS"), "{why}");
    }
}

/// Ten thousand scopes are read in a moment, and one of them is changed.
#[test]
fn ten_thousand_scopes_are_read() {
    let mut text = "option voip-tftp code 150 = array of ip-address;\n".to_owned();
    for n in 0..10_000 {
        let (a, b) = (n / 250, n % 250);
        text.push_str(&format!(
            "subnet 10.{a}.{b}.0 netmask 255.255.255.0 {{ range 10.{a}.{b}.100 10.{a}.{b}.199; option voip-tftp {OLD}; }}\n"
        ));
    }
    let after = changed("dhcpd.conf", &text, &[ill("00:03:6b:00:00:01", "10.7.9.101")]).unwrap();
    assert_eq!(difference(&text, &after).len(), 1);
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\n]{0,12}",
        prop::sample::select(vec![
            "option voip-tftp code 150 = array of ip-address;\n",
            "subnet 10.50.1.0 netmask 255.255.255.0 {\n",
            "}",
            "\"",
            ";",
            "option voip-tftp 10.9.0.6;\n",
            "range 10.50.1.100 10.50.1.199;\n",
            "class \"c\" { match if ",
            "host h { hardware ",
            "{ \"Dhcp4\": {",
            "\"subnet4\": [ { \"subnet\": \"10.50.1.0/24\", ",
            "\"option-data\": [",
            "]",
            "}",
            "/*",
            "*/",
            "#",
            "//",
            "{ \"code\": 150, \"data\": \"10.9.0.6\" }",
            "<?include \"x\"?>",
            "dhcp-range=10.50.1.100,10.50.1.199\n",
            "dhcp-option=150,10.9.0.6\n",
            "tag:a,",
            "set:a,",
            "ip dhcp pool V\n",
            " network 10.50.1.0 255.255.255.0\n",
            " option 150 ip 10.9.0.6\n",
            "!\n",
            "if exists vendor-class-identifier {",
            "substring(",
            "option ",
            "include \"x\";",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Whatever the file: no panic, and where it is changed, the patch's lines are the only ones that differ.
    #[test]
    fn any_text_is_read_without_a_panic(words in prop::collection::vec(word(), 0..60)) {
        let text = words.concat();
        let clients = [ill("00:03:6b:00:00:01", "10.50.1.101"), well("00:03:6b:00:00:02", "10.50.2.102", OLD)];
        for language in ["", "subnet 10.50.1.0 netmask 255.255.255.0 { }\n", "dhcp-range=10.0.0.1,10.0.0.9\n", "{ \"Dhcp4\": {\n", "ip dhcp pool X\n"] {
            let text = format!("{language}{text}");
            if let Ok(after) = changed("x.conf", &text, &clients) {
                prop_assert_eq!(after.lines().count(), text.lines().count());
            }
        }
    }
}
