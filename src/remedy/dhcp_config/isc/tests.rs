use super::super::tests::{OLD, RIGHT, changed, difference, ill, well};

const DEFINITION: &str = "option voip-tftp code 150 = array of ip-address;\n";
const PHONE: &str = "00:03:6b:00:00:01";
const AT: &str = "10.50.1.101";

/// What changes of a configuration for one ill phone; the definition and nothing else is put in front.
fn lines(body: &str) -> Result<Vec<String>, String> {
    let text = format!("{DEFINITION}{body}");
    changed("dhcpd.conf", &text, &[ill(PHONE, AT)]).map(|after| difference(&text, &after))
}

fn one(before: &str) -> Result<Vec<String>, String> {
    Ok(vec![format!("{before} -> {}", before.replace(OLD, RIGHT))])
}

#[test]
fn every_place_that_decides_is_changed_where_it_stands() {
    let subnet = |inner: &str| {
        format!("subnet 10.50.1.0 netmask 255.255.255.0 {{\n range 10.50.1.100 10.50.1.199;\n{inner}}}\n")
    };
    let old = "option voip-tftp 10.9.0.6;";
    for (what, body) in [
        ("global", format!("{old}\n{}", subnet(""))),
        ("subnet", subnet(&format!("{old}\n"))),
        (
            "pool",
            format!(
                "subnet 10.50.1.0 netmask 255.255.255.0 {{\n pool {{\n range 10.50.1.100 10.50.1.199;\n{old}\n}}\n}}\n"
            ),
        ),
        ("shared network", format!("shared-network v {{\n{old}\n{}}}\n", subnet(""))),
        ("group", format!("group {{\n{old}\n{}}}\n", subnet(""))),
        (
            "host",
            format!("{}host p {{\nhardware ethernet {PHONE};\n{old}\n}}\n", subnet("option voip-tftp 10.9.0.5;\n")),
        ),
        (
            "class",
            format!(
                "class \"v\" {{\nmatch if substring(option vendor-class-identifier, 0, 13) = \"Cisco Systems\";\n{old}\n}}\n{}",
                subnet("option voip-tftp 10.9.0.5;\n")
            ),
        ),
        (
            "subclass",
            format!(
                "class \"v\" {{\nmatch hardware;\n}}\nsubclass \"v\" 1:{PHONE} {{\n{old}\n}}\n{}",
                subnet("option voip-tftp 10.9.0.5;\n")
            ),
        ),
    ] {
        assert_eq!(lines(&body), one(old), "{what}: {body}");
    }
}

#[test]
fn last_statement_of_a_block_decides() {
    let body = "subnet 10.50.1.0 netmask 255.255.255.0 { range 10.50.1.100 10.50.1.199;\noption voip-tftp 10.9.0.5;\noption \
                voip-tftp 10.9.0.6;\n}\n";
    assert_eq!(lines(body), one("option voip-tftp 10.9.0.6;"));
}

#[test]
fn built_in_name_and_other_definitions_are_known() {
    for name in ["tftp-server-address", "Voip-Tftp"] {
        let line = format!("option {name} 10.9.0.6;");
        let body = format!("subnet 10.50.1.0 netmask 255.255.255.0 {{ range 10.50.1.100 10.50.1.199;\n{line}\n}}\n");
        assert_eq!(lines(&body), one(&line), "{name}");
    }
    let space = "option space v;\noption v.tftp code 150 = ip-address;\nsubnet 10.50.1.0 netmask 255.255.255.0 { range \
                 10.50.1.100 10.50.1.199;\noption v.tftp 10.9.0.6;\noption voip-tftp 10.9.0.6;\n}\n";
    assert_eq!(lines(space), one("option voip-tftp 10.9.0.6;"), "a vendor space is not option 150");
}

#[test]
fn comments_and_strings_are_no_statements() {
    let body = "# option voip-tftp 10.9.0.6; }\nsubnet 10.50.1.0 netmask 255.255.255.0 {\n option domain-name \"a } ; #\";\n \
                range 10.50.1.100 10.50.1.199;\n option voip-tftp 10.9.0.6; # option voip-tftp 10.9.0.6;\n}\n";
    let expected = "option voip-tftp 10.9.0.6; # option voip-tftp 10.9.0.6; -> option voip-tftp 10.9.0.5; # option voip-tftp \
                    10.9.0.6;";
    assert_eq!(lines(body), Ok(vec![expected.to_owned()]));
}

#[test]
fn form_that_is_not_understood_is_named_with_its_line() {
    let text = "option t code 150 = text;\nsubnet 10.50.1.0 netmask 255.255.255.0 { range 10.50.1.100 10.50.1.199;\noption t \
                \"10.9.0.6\";\n}\n";
    let mut phone = ill(PHONE, AT);
    phone.seen.as_mut().unwrap().option_150 = Some(b"10.9.0.6".to_vec());
    let why = changed("dhcpd.conf", text, &[phone]).unwrap_err();
    assert!(why.contains("dhcpd.conf line 3"), "{why}");
}

#[test]
fn syntax_error_is_said_with_its_line() {
    for (body, line) in [
        (
            "subnet 10.50.1.0 netmask 255.255.255.0 {\n range 10.50.1.100 10.50.1.199;\n option voip-tftp 10.9.0.6;\n",
            "2",
        ),
        ("subnet 10.50.1.0 netmask 255.255.255.0 {\n}\n}\n", "4"),
        ("option domain-name \"open;\n", "2"),
    ] {
        let why = lines(body).unwrap_err();
        assert!(why.contains("syntax error") && why.contains(&format!("dhcpd.conf line {line}")), "{why}\n{body}");
    }
}

#[test]
fn place_of_another_cluster_is_not_touched() {
    let text = format!(
        "{DEFINITION}shared-network a {{\n option voip-tftp 10.9.0.6;\n subnet 10.50.1.0 netmask 255.255.255.0 {{ range \
         10.50.1.100 10.50.1.199; }}\n}}\nshared-network b {{\n option voip-tftp 10.9.0.6;\n subnet 10.50.2.0 netmask \
         255.255.255.0 {{ range 10.50.2.100 10.50.2.199; }}\n}}\n"
    );
    let clients = [ill(PHONE, AT), well("00:03:6b:00:00:02", "10.50.2.102", OLD)];
    let after = changed("dhcpd.conf", &text, &clients).unwrap();
    assert_eq!(after.matches(RIGHT).count(), 1);
    assert!(after.find(RIGHT) < after.find("shared-network b"), "{after}");
}
