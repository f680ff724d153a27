//! Registrations over TLS: what can be said of them, and what must not.

use phonescope::site::Site;
use serde_json::Value;

use crate::product::{events, list, phone, report_on, text};
use crate::support::tftp;
use crate::support::tls::{alert, certificate, client_hello, finished, sealed, server_hello};
use crate::support::wire::{Wire, discover_frame};

const PHONE: &str = "00:03:6b:3a:10:01";
const SUBJECT: &str = "CP-7960G-SEP00036B3A1001";
const NOTE: &str = "registrations over TLS are seen only as connections";

/// A phone that opens a connection to the port of secure SCCP, up to the server's answer.
fn opened() -> Wire {
    let wire = Wire::new().frame(discover_frame(PHONE, 7).0).wait(5).open(2443);
    wire.say(true, 2443, &client_hello("cm1.example.com")).say(
        false,
        2443,
        &[server_hello(), certificate("Example CA", "cm1.example.com")].concat(),
    )
}

/// The handshake of TLS 1.2 with a client's certificate, and what is said inside.
fn registered() -> Wire {
    opened()
        .say(true, 2443, &[certificate("Example Manufacturing CA", SUBJECT), finished()].concat())
        .say(false, 2443, &finished())
        .say(true, 2443, &sealed(300))
        .say(false, 2443, &sealed(200))
}

fn report(wire: &Wire) -> Value {
    report_on(&[("tls", &wire.pcap())], &Site::none())
}

fn tls_events(wire: &Wire) -> Vec<Value> {
    let said = String::from_utf8(events(&[("tls", &wire.pcap())])).unwrap();
    said.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()).filter(|l| !l["tls"].is_null()).collect()
}

fn notes(report: &Value) -> String {
    report["coverage"]["notes"].to_string()
}

#[test]
fn certificate_names_the_phone_and_nothing_more() {
    for wire in [registered(), registered().wait(60).close(false, 2443), registered().wait(60).close(true, 2443)] {
        let report = report(&wire);
        let phone = phone(&report, PHONE).unwrap_or_else(|| panic!("{report:#}"));
        assert_eq!(text(phone, "name"), "SEP00036B3A1001");
        let registration = &phone["registration"];
        assert_eq!((text(registration, "protocol"), text(registration, "state")), ("sccps", "not-seen"));
        assert_eq!(text(phone, "verdict"), "incomplete", "{phone:#}");
        assert!(notes(&report).contains(NOTE), "{}", notes(&report));
    }
}

#[test]
fn failed_handshake_counts_as_closed_by_the_server() {
    let wire = opened().say(false, 2443, &alert(2, 48)).close(false, 2443);
    let wire =
        wire.frame(discover_frame(PHONE, 8).0).udp(true, 69, &tftp::read_request("SEP00036B3A1001.cnf.xml", &[]));
    let report = report(&wire);
    let phone = phone(&report, PHONE).unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(text(&phone["registration"], "state"), "closed");
    let alerts: Vec<Value> = tls_events(&wire).into_iter().filter(|e| e["tls"]["message"] == "alert").collect();
    assert_eq!(alerts.len(), 1);
    assert_eq!((text(&alerts[0]["tls"], "alert"), text(&alerts[0]["tls"], "level")), ("unknown_ca", "fatal"));
}

#[test]
fn what_is_readable_of_a_handshake_is_told_message_by_message() {
    let told = tls_events(&registered());
    let kinds: Vec<&str> = told.iter().map(|e| text(&e["tls"], "message")).collect();
    let data = "application-data";
    assert_eq!(kinds, ["client-hello", "server-hello", "certificate", "certificate", data, data]);
    assert!(told.iter().all(|e| e["type"] == "tcp" && e["flags"] == "PSH"));
    assert_eq!(text(&told[0]["tls"], "server_name"), "cm1.example.com");
    assert_eq!(text(&told[1]["tls"], "version"), "1.2");
    assert_eq!((text(&told[2]["tls"], "subject"), text(&told[2]["tls"], "issuer")), ("cm1.example.com", "Example CA"));
    assert_eq!(text(&told[3]["tls"], "subject"), SUBJECT);
}

#[test]
fn a_connection_joined_in_its_middle_counts_as_encrypted_too() {
    let wire = Wire::new().frame(discover_frame(PHONE, 7).0);
    let wire = wire.udp(true, 69, &tftp::read_request("SEP00036B3A1001.cnf.xml", &[]));
    let plain = report(&wire);
    assert!(!notes(&plain).contains(NOTE));
    let sealed = report(&wire.say(true, 2443, &sealed(90)).say(false, 2443, &sealed(90)));
    assert!(notes(&sealed).contains(NOTE), "{}", notes(&sealed));
    assert_eq!(list(&sealed, "phones").len(), 1);
    assert_eq!(text(&sealed["phones"][0]["registration"], "state"), "not-seen");
}

#[test]
fn a_refused_connection_over_tls_is_judged_like_any_other() {
    use crate::support::frame::{ACK, RST, SYN};
    let wire = Wire::new().frame(discover_frame(PHONE, 7).0);
    let wire = wire.udp(true, 69, &tftp::read_request("SEP00036B3A1001.cnf.xml", &[]));
    let wire = wire.segment(true, 2443, SYN, b"").segment(false, 2443, RST | ACK, b"");
    let report = report(&wire);
    assert_eq!(text(&phone(&report, PHONE).unwrap()["registration"], "state"), "refused");
    assert!(!notes(&report).contains(NOTE), "{}", notes(&report));
}
