use super::super::tests::{OLD, RIGHT, changed, difference, ill, well};

const PHONE: &str = "00:03:6b:00:00:01";
const AT: &str = "10.50.1.101";
const SUBNET: &str = "\"id\": 1, \"subnet\": \"10.50.1.0/24\"";
const POOL: &str = "\"pools\": [ { \"pool\": \"10.50.1.100-10.50.1.199\" } ]";

fn lines(inner: &str) -> Result<Vec<String>, String> {
    let text = format!("{{ \"Dhcp4\": {{\n{inner}\n}} }}\n");
    changed("kea-dhcp4.conf", &text, &[ill(PHONE, AT)]).map(|after| difference(&text, &after))
}

#[test]
fn every_place_that_decides_is_changed_where_it_stands() {
    let old = "\"option-data\": [ { \"code\": 150, \"csv-format\": false, \"data\": \"0A090006\" } ]";
    let right = "\"option-data\": [ { \"code\": 150, \"csv-format\": false, \"data\": \"0A090005\" } ]";
    let new = "\"option-data\": [ { \"code\": 150, \"csv-format\": false, \"data\": \"0A090005\" } ]";
    let subnet = |more: &str| format!("\"subnet4\": [ {{ {SUBNET}, {POOL}{more} }} ]");
    for (what, inner) in [
        ("global", format!("{},\n{old}", subnet(""))),
        ("subnet", subnet(&format!(",\n{old}\n"))),
        (
            "pool",
            format!(
                "\"subnet4\": [ {{ {SUBNET}, \"pools\": [ {{ \"pool\": \"10.50.1.100-10.50.1.199\",\n{old}\n}} ] }} ]"
            ),
        ),
        ("shared network", format!("\"shared-networks\": [ {{ \"name\": \"v\",\n{old}\n, {} }} ]", subnet(""))),
        (
            "reservation",
            subnet(&format!(", {right}, \"reservations\": [ {{ \"hw-address\": \"{PHONE}\",\n{old}\n}} ]")),
        ),
        (
            "class",
            format!(
                "\"client-classes\": [ {{ \"name\": \"v\", \"test\": \"option[60].exists\",\n{old}\n}} ], {}",
                subnet("")
            ),
        ),
    ] {
        assert_eq!(lines(&inner), Ok(vec![format!("{old} -> {new}")]), "{what}: {inner}");
    }
}

#[test]
fn definition_under_any_name_is_known() {
    let inner = format!(
        "\"option-def\": [ {{ \"name\": \"phones\", \"code\": 150, \"type\": \"ipv4-address\", \"array\": true }} ],\n\"subnet4\": \
         [ {{ {SUBNET}, {POOL}, \"option-data\": [\n{{ \"name\": \"phones\", \"data\": \"10.9.0.6\" }} // was 10.9.0.6\n] }} ]"
    );
    let expected = "{ \"name\": \"phones\", \"data\": \"10.9.0.6\" } // was 10.9.0.6 -> { \"name\": \"phones\", \"data\": \
                    \"10.9.0.5\" } // was 10.9.0.6";
    assert_eq!(lines(&inner), Ok(vec![expected.to_owned()]));
}

#[test]
fn comments_of_all_kinds_and_trailing_commas_stay() {
    let inner = format!(
        "# {{ \"code\": 150, \"data\": \"10.9.0.6\" }}\n/* \"option-data\": [\n] */\n\"subnet4\": [ {{ {SUBNET}, {POOL}, // }}\n\
         \"option-data\": [ {{ \"code\": 150, \"csv-format\": false, \"data\": \"0a 09 00 06\" }}, ], }} ],"
    );
    match lines(&inner) {
        Ok(lines) => assert_eq!(lines.len(), 1, "{lines:?}"),
        Err(why) => assert!(why.contains("kea-dhcp4.conf line "), "{why}"),
    }
}

#[test]
fn syntax_error_is_said_with_its_line() {
    for inner in ["\"subnet4\": [ {", "\"subnet4\": [ { \"subnet\": } ]", "\"a\": \"open"] {
        let why = lines(inner).unwrap_err();
        assert!(why.contains("syntax error") && why.contains("kea-dhcp4.conf line "), "{why}");
    }
}

#[test]
fn deep_nesting_is_refused_without_a_panic() {
    let why = lines(&format!("\"a\": {}", "[".repeat(100_000))).unwrap_err();
    assert!(why.contains("kea-dhcp4.conf line "), "{why}");
}

#[test]
fn place_of_another_cluster_is_not_touched() {
    let text = format!(
        "{{ \"Dhcp4\": {{ \"subnet4\": [\n{{ {SUBNET}, {POOL}, \"option-data\": [ {{ \"code\": 150, \"csv-format\": false, \"data\": \
         \"0A090006\" }} ] }},\n{{ \"id\": 2, \"subnet\": \"10.50.2.0/24\", \"pools\": [ {{ \"pool\": \"10.50.2.100-10.50.2.199\" }} \
         ], \"option-data\": [ {{ \"code\": 150, \"csv-format\": false, \"data\": \"0A090006\" }} ] }} ] }} }}\n"
    );
    let clients = [ill(PHONE, AT), well("00:03:6b:00:00:02", "10.50.2.102", OLD)];
    let after = changed("kea-dhcp4.conf", &text, &clients).unwrap();
    assert_eq!((after.matches("0A090005").count(), after.matches("0A090006").count()), (1, 1), "{after}");
    assert!(!after.contains(RIGHT), "the form stays");
}

#[test]
fn last_of_two_entries_decides() {
    let inner = format!(
        "\"option-def\": [ {{ \"name\": \"t\", \"code\": 150, \"type\": \"ipv4-address\", \"array\": true }} ],\n\"subnet4\": [ \
         {{ {SUBNET}, {POOL}, \"option-data\": [\n{{ \"name\": \"t\", \"data\": \"10.9.0.7\" }},\n{{ \"code\": 150, \"data\": \
         \"10.9.0.6\" }}\n] }} ]"
    );
    let expected = "{ \"code\": 150, \"data\": \"10.9.0.6\" } -> { \"code\": 150, \"data\": \"10.9.0.5\" }";
    assert_eq!(lines(&inner), Ok(vec![expected.to_owned()]));
}

/// Kea takes the NULs off that phones send behind their vendor class.
#[test]
fn vendor_class_is_compared_without_its_nul() {
    let entry = "{ \"code\": 150, \"csv-format\": false, \"data\": \"0A090006\" }";
    for test in [
        "option[60].text == 'Cisco Systems, Inc. IP Phone CP-7960'",
        "member('VENDOR_CLASS_Cisco Systems, Inc. IP Phone CP-7960')",
        "not option[77].exists and substring(option[vendor-class-identifier].hex,0,5) == 'Cisco'",
    ] {
        let text = format!(
            "{{ \"Dhcp4\": {{ \"client-classes\": [ {{ \"name\": \"p\", \"test\": \"{test}\", \"option-data\": [\n{entry}\n] }} ], \
             \"subnet4\": [ {{ {SUBNET}, {POOL} }} ] }} }}\n"
        );
        let mut phone = ill(PHONE, AT);
        phone.vendor_class.as_mut().unwrap().push(0);
        let after = changed("kea-dhcp4.conf", &text, &[phone]);
        assert_eq!(after, Ok(text.replace("0A090006", "0A090005")), "{test}");
    }
}
