//! Registration over TLS: what ends it is in the clear, what is said inside is not.

use serde_json::{Value, json};

use super::{Case, config};
use crate::support::handset::{Handset, Lease};
use crate::support::scene::{Scene, Talk};
use crate::support::tls::{alert, certificate, client_hello, finished, sealed, server_hello};

const SITE: &str = r#"
[network]
dhcp_servers = ["10.200.0.2"]
[[cluster]]
name = "clinic"
tftp = ["10.200.0.5"]
call_managers = ["10.200.0.11", "10.200.0.12"]
default = true
"#;

const TFTP: &str = "10.200.0.5";
const CM: &str = "10.200.0.11";
const PHONE: &str = "00:26:0b:d9:4f:61";
const NAME: &str = "SEP00260BD94F61";

const UNKNOWN_CA: u8 = 48;
const BAD_CERTIFICATE: u8 = 42;
const PROTOCOL_VERSION: u8 = 70;
const CLOSE_NOTIFY: u8 = 0;

/// Lease and files of a phone that is to register securely.
fn booted(s: &mut Scene, sip: bool) -> Handset {
    let mut p = if sip {
        Handset::new("8851", 685, PHONE, "10.200.31.8", "sip88xx.12-1-1SR1-4")
    } else {
        Handset::new("7965G", 436, PHONE, "10.200.31.8", "SCCP45.9-3-1SR2-1S")
    };
    p.cdp(s);
    p.lease(s, &Lease::relayed("10.200.0.2", "10.200.31.1").option_150(&[TFTP]));
    p.configure(s, TFTP, &config(&[CM, "10.200.0.12"]));
    p
}

/// A connection, up to the certificate of the server.
fn greeted(s: &mut Scene, p: &mut Handset, port: u16) -> Talk {
    let mut talk = s.open((p.end(), p.port()), (p.to(CM), port));
    s.say(&mut talk, true, &client_hello("cm1.clinic.example"));
    let answer = [server_hello(), certificate("CallManager-clinic", "cm1.clinic.example")].concat();
    s.say(&mut talk, false, &answer);
    talk
}

/// The handshake whole, and sealed messages both ways.
fn secured(s: &mut Scene, p: &mut Handset, port: u16) -> Talk {
    let mut talk = greeted(s, p, port);
    let own = certificate("Cisco Manufacturing CA", &format!("CP-7965G-{NAME}"));
    s.say(&mut talk, true, &[own, finished()].concat());
    s.say(&mut talk, false, &finished());
    s.say(&mut talk, true, &sealed(420));
    s.say(&mut talk, false, &sealed(180));
    talk
}

/// So many attempts that end the same way.
fn attempts(sip: bool, count: usize, end: impl Fn(&mut Scene, &mut Handset)) -> super::Capture {
    let mut s = Scene::new();
    let mut p = booted(&mut s, sip);
    for _ in 0..count {
        end(&mut s, &mut p);
        s.wait(14_000);
    }
    s.records().into()
}

fn down(verdict: &[&str], facts: Value, says: &[&str]) -> Value {
    let mut expect =
        json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": verdict}}, "says": says});
    if !facts.is_null() {
        expect["codes"] = json!({verdict[0]: {"severity": ["error"], "facts": facts}});
    }
    expect
}

fn no_error() -> Value {
    json!({"exit": [0], "no_other_phones": true, "phones": {PHONE: {"verdict": ["healthy", "incomplete"]}},
        "no_errors_on": [PHONE], "codes_absent": ["secure-registration-failed", "call-manager-closed",
        "call-manager-no-answer", "registration-rejected"]})
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "sips-phone-knows-no-such-ca",
        kind: "tls-certificate-not-trusted",
        report: None,
        wire: "An 8851 ends each handshake on 5061 with the fatal alert unknown_ca after the certificate of the server.",
        capture: || {
            attempts(true, 5, |s, p| {
                let mut talk = greeted(s, p, 5061);
                s.say(&mut talk, true, &alert(2, UNKNOWN_CA));
                s.close(&mut talk, true);
            })
        },
        site: Some(SITE),
        expect: || {
            let mut expect = down(
                &["secure-registration-failed", "trust-list-mismatch"],
                Value::Null,
                &["unknown.ca", "CTL|ITL|trust list"],
            );
            expect["codes_any"] = json!([["secure-registration-failed", "trust-list-mismatch"]]);
            expect
        },
    },
    Case {
        name: "server-takes-no-certificate",
        kind: "tls-refused-by-server",
        report: Some(
            "https://mcdewey.supported.systems/c/cucm%3A%3Av15%3A%3Asecurity-guide%3A%3Asecurity-guide%3A%3A93",
        ),
        wire: "The phone shows its certificate; the server answers with the fatal alert bad_certificate, every time.",
        capture: || {
            attempts(false, 5, |s, p| {
                let mut talk = greeted(s, p, 2443);
                let own = certificate("CAPF-old", &format!("CP-7965G-{NAME}"));
                s.say(&mut talk, true, &[own, finished()].concat());
                s.say(&mut talk, false, &alert(2, BAD_CERTIFICATE));
                s.close(&mut talk, false);
            })
        },
        site: Some(SITE),
        expect: || {
            down(
                &["secure-registration-failed"],
                json!({"call_manager": CM, "port": 2443, "alert": "~bad.certificate", "by": "call-manager"}),
                &["bad.certificate", "LSC|CAPF"],
            )
        },
    },
    Case {
        name: "server-wants-a-newer-tls",
        kind: "tls-refused-by-server",
        report: Some("https://github.com/asterisk/asterisk/issues/93"),
        wire: "The server answers every ClientHello with the fatal alert protocol_version.",
        capture: || {
            attempts(false, 6, |s, p| {
                let mut talk = s.open((p.end(), p.port()), (p.to(CM), 2443));
                s.say(&mut talk, true, &client_hello("cm1.clinic.example"));
                s.say(&mut talk, false, &alert(2, PROTOCOL_VERSION));
                s.close(&mut talk, false);
            })
        },
        site: Some(SITE),
        expect: || {
            down(
                &["secure-registration-failed"],
                json!({"call_manager": CM, "alert": "~protocol.version", "by": "call-manager", "stage": "hello"}),
                &["protocol.version", "TLS"],
            )
        },
    },
    Case {
        name: "sips-phone-resets-at-the-certificate",
        kind: "tls-phone-breaks-off",
        report: None,
        wire: "An 8851 resets the connection to 5061 each time the certificate has come, without an alert.",
        capture: || {
            attempts(true, 5, |s, p| {
                let mut talk = greeted(s, p, 5061);
                s.reset(&mut talk, true);
            })
        },
        site: Some(SITE),
        expect: || {
            let mut expect = down(
                &["secure-registration-failed", "trust-list-mismatch"],
                Value::Null,
                &["certificate|CTL|ITL|trust"],
            );
            expect["codes_any"] = json!([["secure-registration-failed", "trust-list-mismatch"]]);
            expect
        },
    },
    Case {
        name: "sips-port-refused",
        kind: "tls-port-refused",
        report: None,
        wire: "Every SYN to port 5061 of both CallManagers is answered with RST.",
        capture: || {
            attempts(true, 4, |s, p| {
                for server in [CM, "10.200.0.12"] {
                    s.refuse((p.end(), p.port()), (p.to(server), 5061));
                    s.wait(900);
                }
            })
        },
        site: Some(SITE),
        expect: || down(&["call-manager-refused"], json!({"port": 5061}), &["5061", "mixed.mode|\\bCTL\\b|secur"]),
    },
    Case {
        name: "hello-never-answered",
        kind: "tls-server-silent",
        report: None,
        wire: "TCP opens on 2443, the ClientHello is acknowledged and never answered; the phone gives up after twenty seconds.",
        capture: || {
            attempts(false, 4, |s, p| {
                let mut talk = s.open((p.end(), p.port()), (p.to(CM), 2443));
                s.say(&mut talk, true, &client_hello("cm1.clinic.example"));
                s.wait(20_000);
                s.close(&mut talk, true);
            })
        },
        site: Some(SITE),
        expect: || down(&["secure-registration-failed", "call-manager-no-answer"], Value::Null, &["2443"]),
    },
    Case {
        name: "sessions-cut-after-the-first-answer",
        kind: "tls-sessions-cut",
        report: None,
        wire: "Handshake whole, one sealed message each way, then the server closes; the phone comes back every quarter of a minute.",
        capture: || {
            attempts(false, 9, |s, p| {
                let mut talk = secured(s, p, 2443);
                s.say(&mut talk, false, &alert(1, CLOSE_NOTIFY));
                s.close(&mut talk, false);
            })
        },
        site: Some(SITE),
        expect: || {
            let mut expect = down(
                &["secure-registration-failed"],
                json!({"call_manager": CM, "port": 2443, "stage": "session"}),
                &["2443|TLS"],
            );
            expect["says_not"] = json!(["\\bregistered with 10\\.200\\.0\\.11"]);
            expect
        },
    },
    Case {
        name: "session-open-for-minutes",
        kind: "near-miss",
        report: None,
        wire: "One secure session stays open, with sealed messages both ways every half minute.",
        capture: || {
            let mut s = Scene::new();
            let mut p = booted(&mut s, false);
            let mut talk = secured(&mut s, &mut p, 2443);
            for _ in 0..8 {
                s.wait(30_000);
                s.say(&mut talk, true, &sealed(28));
                s.say(&mut talk, false, &sealed(28));
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: no_error,
    },
    Case {
        name: "session-cut-once-then-open",
        kind: "near-miss",
        report: None,
        wire: "The first secure session is closed by the server after its first answer, the second stays open for minutes.",
        capture: || {
            let mut s = Scene::new();
            let mut p = booted(&mut s, false);
            let mut first = secured(&mut s, &mut p, 2443);
            s.close(&mut first, false);
            s.wait(12_000);
            let mut talk = secured(&mut s, &mut p, 2443);
            for _ in 0..8 {
                s.wait(30_000);
                s.say(&mut talk, true, &sealed(28));
                s.say(&mut talk, false, &sealed(28));
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: no_error,
    },
    Case {
        name: "phone-asks-the-old-cluster-to-vouch",
        kind: "trust-list-of-another-cluster",
        report: Some(
            "https://bxin.cisco.com/c/en/us/support/docs/unified-communications/unified-communications-manager-callmanager/213407-migrate-phones-between-secure-clusters.html",
        ),
        wire: "The configuration names 10.200.0.11. The phone opens TCP 2445 on 10.88.4.11, is refused, and tries that old address as CallManager.",
        capture: || {
            let mut s = Scene::new();
            let mut p = booted(&mut s, false);
            for _ in 0..5 {
                s.refuse((p.end(), p.port()), (p.to("10.88.4.11"), 2445));
                s.wait(2_000);
                s.knock((p.end(), p.port()), (p.to("10.88.4.11"), 2000), &[1, 2, 4]);
                s.wait(6_000);
                p.fetch(&mut s, TFTP, &format!("{NAME}.cnf.xml.sgn"), &config(&[CM]).device_xml());
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            let mut expect = down(&["trust-list-mismatch"], json!({}), &["10\\.88\\.4\\.11", "ITL|CTL|trust list"]);
            expect["root_absent"] = json!(["call-manager-no-answer", "call-manager-refused", "foreign-call-manager"]);
            expect["first_fix"] = json!({"says": ["ITL|CTL|trust list"], "says_not": ["start (the )?CallManager"]});
            expect
        },
    },
];
