use super::super::tests::{OLD, RIGHT, changed, changed_of, difference, ill, well};

const PHONE: &str = "00:03:6b:00:00:01";
const AT: &str = "10.50.1.101";
const RANGE: &str = "dhcp-range=10.50.1.100,10.50.1.199,255.255.255.0\n";

fn lines(text: &str) -> Result<Vec<String>, String> {
    changed("dnsmasq.conf", text, &[ill(PHONE, AT)]).map(|after| difference(text, &after))
}

fn one(before: &str) -> Result<Vec<String>, String> {
    Ok(vec![format!("{before} -> {}", before.replace(OLD, RIGHT))])
}

#[test]
fn line_that_decides_is_changed_by_its_tags() {
    for (what, line, rest) in [
        ("untagged", "dhcp-option=150,10.9.0.6", RANGE.to_owned()),
        ("by name", "dhcp-option=option:tftp-server-address,10.9.0.6", RANGE.to_owned()),
        ("forced", "dhcp-option-force=150,10.9.0.6", RANGE.to_owned()),
        ("range", "dhcp-option=tag:v,150,10.9.0.6", RANGE.replace("10.50.1.100", "set:v,10.50.1.100")),
        ("old style", "dhcp-option=v,150,10.9.0.6", RANGE.replace("10.50.1.100", "v,10.50.1.100")),
        (
            "mac",
            "dhcp-option=tag:v,150,10.9.0.6",
            format!("{RANGE}dhcp-mac=set:v,00:03:6b:*:*:*\ndhcp-option=150,10.9.0.5\n"),
        ),
        (
            "host",
            "dhcp-option=tag:v,150,10.9.0.6",
            format!("{RANGE}dhcp-host={PHONE},set:v\ndhcp-option=150,10.9.0.5\n"),
        ),
        (
            "vendor class",
            "dhcp-option=tag:v,150,10.9.0.6",
            format!("{RANGE}dhcp-vendorclass=set:v,IP Phone\ndhcp-option=150,10.9.0.5\n"),
        ),
        ("negated", "dhcp-option=tag:!other,150,10.9.0.6", format!("{RANGE}dhcp-option=150,10.9.0.5\n")),
    ] {
        assert_eq!(lines(&format!("{rest}{line} # voice\n")), one(&format!("{line} # voice")), "{what}");
    }
}

#[test]
fn later_line_wins() {
    let text = format!("{RANGE}dhcp-option=150,10.9.0.5\ndhcp-option=150,10.9.0.6\n");
    assert_eq!(lines(&text), one("dhcp-option=150,10.9.0.6"));
}

#[test]
fn encapsulated_options_are_not_option_150() {
    let text = format!("{RANGE}dhcp-option=encap:175,150,10.9.0.6\ndhcp-option=150,10.9.0.6\n");
    assert_eq!(lines(&text), one("dhcp-option=150,10.9.0.6"));
}

#[test]
fn line_of_a_healthy_phone_is_not_touched() {
    let text =
        format!("{RANGE}dhcp-mac=set:b,00:03:6b:00:00:02\ndhcp-option=tag:b,150,10.9.0.6\ndhcp-option=150,10.9.0.6\n");
    let clients = [ill(PHONE, AT), well("00:03:6b:00:00:02", "10.50.1.102", OLD)];
    let after = changed("dnsmasq.conf", &text, &clients).unwrap();
    assert_eq!(difference(&text, &after), ["dhcp-option=150,10.9.0.6 -> dhcp-option=150,10.9.0.5"]);
    let shared = format!("{RANGE}dhcp-option=150,10.9.0.6\n");
    let why = changed("dnsmasq.conf", &shared, &clients).unwrap_err();
    assert!(why.contains("SEP00036B000002") && why.contains("dnsmasq.conf line 2"), "{why}");
}

#[test]
fn range_without_an_address_is_said_with_its_line() {
    let why = lines("dhcp-option=150,10.9.0.6\ndhcp-range=set:x,nonsense\n").unwrap_err();
    assert!(why.contains("dnsmasq.conf line 2"), "{why}");
}

#[test]
fn match_takes_a_text_anywhere_and_a_star_as_it_is() {
    let text = |value: &str| {
        format!(
            "{RANGE}dhcp-match=set:c,option:vendor-class,{value}\ndhcp-option=tag:c,150,10.9.0.6\ndhcp-option=150,10.9.0.6 # all\n"
        )
    };
    assert_eq!(lines(&text("IP Phone")), one("dhcp-option=tag:c,150,10.9.0.6"));
    assert_eq!(lines(&text("Cisco*")), one("dhcp-option=150,10.9.0.6 # all"));
}

#[test]
fn user_class_sets_a_tag() {
    let text =
        format!("{RANGE}dhcp-userclass=set:u,iPXE\ndhcp-option=tag:u,150,10.9.0.6\ndhcp-option=150,10.9.0.6 # all\n");
    assert_eq!(lines(&text), one("dhcp-option=150,10.9.0.6 # all"));
    let mut phone = ill(PHONE, AT);
    phone.user_class = Some(b"\x04iPXE".to_vec());
    let after = changed("dnsmasq.conf", &text, &[phone]).unwrap();
    assert_eq!(difference(&text, &after), ["dhcp-option=tag:u,150,10.9.0.6 -> dhcp-option=tag:u,150,10.9.0.5"]);
}

#[test]
fn file_of_options_beats_the_lines_behind_it() {
    let main = format!("dhcp-optsfile=/etc/voice.opts\n{RANGE}dhcp-option=150,10.9.0.9\n");
    let opts = "# voice\n150,10.9.0.6\n";
    let after = changed_of(&[("dnsmasq.conf", &main), ("voice.opts", opts)], &[ill(PHONE, AT)]).unwrap();
    assert_eq!(after, [("voice.opts".to_owned(), opts.replace(OLD, RIGHT))]);
}
