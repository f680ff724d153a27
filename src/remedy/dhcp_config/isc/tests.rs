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

#[test]
fn value_is_changed_in_the_form_it_is_written_in() {
    for (kind, old, new) in [
        ("ip-address", "10.9.0.6", "10.9.0.5"),
        ("string", "0A:9:00:06", "0A:09:00:05"),
        ("array of unsigned integer 8", "10, 9, 0, 6", "10, 9, 0, 5"),
        ("unsigned integer 32", "168361990", "168361989"),
        ("array of ip-address", "= 0a:09:00:06", "= 0a:09:00:05"),
    ] {
        let text = |value: &str| {
            format!(
                "option t code 150 = {kind};\nsubnet 10.50.1.0 netmask 255.255.255.0 {{ range 10.50.1.100 10.50.1.199;\noption \
                 t {value}; # old\n}}\n"
            )
        };
        assert_eq!(changed("dhcpd.conf", &text(old), &[ill(PHONE, AT)]), Ok(text(new)), "{kind}");
    }
}

#[test]
fn computed_value_is_refused_with_its_line() {
    for (value, why) in [("= concat(0a:09, 00:06)", "concat"), ("= option routers", "expression")] {
        let body = format!(
            "subnet 10.50.1.0 netmask 255.255.255.0 {{ range 10.50.1.100 10.50.1.199;\noption voip-tftp {value};\n}}\n"
        );
        let said = lines(&body).unwrap_err();
        assert!(said.contains("dhcpd.conf line 3") && said.contains(why), "{said}");
    }
}

/// dhcpd compares the vendor class with the NUL that phones send behind it.
#[test]
fn subclass_without_the_nul_of_the_vendor_class_is_another() {
    let body = |nul: &str| {
        format!(
            "class \"v\" {{ match option vendor-class-identifier; }}\nsubclass \"v\" \"Cisco Systems, Inc. IP Phone \
             CP-7960{nul}\" {{\noption voip-tftp 10.9.0.6;\n}}\nsubnet 10.50.1.0 netmask 255.255.255.0 {{ range 10.50.1.100 \
             10.50.1.199;\noption voip-tftp 10.9.0.6; # subnet\n}}\n"
        )
    };
    let changed = |nul: &str| {
        let mut phone = ill(PHONE, AT);
        phone.vendor_class.as_mut().unwrap().push(0);
        let text = format!("{DEFINITION}{}", body(nul));
        changed("dhcpd.conf", &text, &[phone]).map(|after| difference(&text, &after))
    };
    assert_eq!(changed(""), one("option voip-tftp 10.9.0.6; # subnet"));
    assert_eq!(changed("\\000"), one("option voip-tftp 10.9.0.6;"));
}

#[test]
fn user_class_that_the_phone_did_not_send_is_not_its_own() {
    let body = "subnet 10.50.1.0 netmask 255.255.255.0 { range 10.50.1.100 10.50.1.199;\noption voip-tftp 10.9.0.6;\nif exists \
                user-class and option user-class = \"iPXE\" { option voip-tftp 10.9.0.9; }\n}\n";
    assert_eq!(lines(body), one("option voip-tftp 10.9.0.6;"));
}

#[test]
fn if_that_hands_it_out_is_named_and_left() {
    let body = "subnet 10.50.1.0 netmask 255.255.255.0 { range 10.50.1.100 10.50.1.199;\nif substring(option \
                vendor-class-identifier, 0, 5) = \"Cisco\" {\noption voip-tftp 10.9.0.6;\n}\n}\n";
    let why = lines(body).unwrap_err();
    assert!(why.contains("dhcpd.conf line 4") && why.contains("the if of line 3"), "{why}");
}

#[test]
fn name_of_option_66_is_compared_as_it_is_sent() {
    let body = "subnet 10.50.1.0 netmask 255.255.255.0 { range 10.50.1.100 10.50.1.199;\noption voip-tftp 10.9.0.6;\noption \
                tftp-server-name \"10.9.0.6\\000\";\n}\n";
    let changed = lines(body).unwrap();
    assert_eq!(changed.len(), 2, "{changed:?}");
    assert!(changed[1].ends_with("option tftp-server-name \"10.9.0.5\";"), "{changed:?}");
}
