//! SIP: who answers whom is in the messages, never in a port.

use serde_json::{Value, json};

use super::{Case, config};
use crate::support::handset::{Handset, Lease};
use crate::support::scene::{End, Scene};
use crate::support::sip::Sip;

const SITE: &str = r#"
[network]
dhcp_servers = ["192.168.60.1"]
[[cluster]]
name = "branch"
tftp = ["192.168.60.10"]
call_managers = ["192.168.60.10", "192.168.60.11"]
default = true
"#;

const PBX: &str = "192.168.60.10";
const PHONE: &str = "58:bf:ea:11:72:9d";
const NAME: &str = "SEP58BFEA11729D";

fn phone() -> Handset {
    Handset::new("7945G", 435, PHONE, "192.168.60.140", "SIP45.9-3-1SR4-1S")
}

fn lease() -> Lease {
    Lease::from("192.168.60.1").option_150(&[PBX])
}

/// Lease, files, and the REGISTER that it will send.
fn booted(s: &mut Scene, registrar: &str) -> (Handset, Sip) {
    let mut p = phone();
    p.cdp(s);
    p.lease(s, &lease());
    p.configure(s, PBX, &config(&[PBX]));
    let sip = Sip { model: "CP7945G", load: "SIP45.9-3-1SR4-1S", ..Sip::new(p.mac, "192.168.60.140", registrar) };
    (p, sip)
}

/// Ports of a UDP exchange: where the REGISTER comes from, where the answer comes from and goes to.
#[derive(Clone, Copy)]
struct Ports {
    from: u16,
    answered_by: u16,
    answered_to: u16,
}

const AT_5060: Ports = Ports { from: 5060, answered_by: 5060, answered_to: 5060 };

/// One request and its answer; `None`: nobody answers.
fn ask(s: &mut Scene, p: &Handset, sip: &Sip, ports: Ports, answer: Option<(&str, &[&str])>) {
    let far: End = p.to(&sip.registrar);
    s.udp((p.end(), ports.from), (far, 5060), &sip.register());
    if let Some((status, lines)) = answer {
        s.wait(6);
        s.udp((far, ports.answered_by), (p.end(), ports.answered_to), &sip.answer(status, lines));
    }
    s.wait(30);
}

/// A challenge, then the credentials are accepted.
fn registers(s: &mut Scene, p: &Handset, sip: &mut Sip, ports: Ports) {
    sip.authorized = false;
    ask(s, p, sip, ports, Some(("401 Unauthorized", &[])));
    sip.cseq += 1;
    sip.authorized = true;
    ask(s, p, sip, ports, Some(("200 OK", &[])));
    sip.cseq += 1;
}

/// Boots and registers three times, two minutes apart.
fn well(ports: Ports, rport: bool) -> super::Capture {
    let mut s = Scene::new();
    let (p, mut sip) = booted(&mut s, PBX);
    sip.rport = rport;
    for _ in 0..3 {
        registers(&mut s, &p, &mut sip, ports);
        s.wait(110_000);
    }
    s.records().into()
}

fn healthy() -> Value {
    json!({"exit": [0], "no_other_phones": true, "no_errors_on": [PHONE],
        "phones": {PHONE: {"verdict": ["healthy"], "state": ["registered"]}},
        "codes_absent": ["duplicate-device", "name-mac-mismatch", "sip-answers-astray", "registration-rejected",
            "call-manager-no-answer", "registration-flapping"]})
}

fn rejected(text: &str) -> Value {
    json!({"exit": [1], "no_other_phones": true,
        "phones": {PHONE: {"verdict": ["registration-rejected"], "state": ["rejected"]}},
        "codes": {"registration-rejected": {"severity": ["error"],
            "facts": {"call_manager": PBX, "reject_text": format!("~{text}")}}},
        "codes_absent": ["duplicate-device", "name-mac-mismatch", "call-manager-no-answer", "sip-answers-astray"]})
}

/// The same refusal to every REGISTER, with and without credentials.
fn refused(status: &'static str, lines: &'static [&'static str]) -> super::Capture {
    let mut s = Scene::new();
    let (p, mut sip) = booted(&mut s, PBX);
    for n in 0..8 {
        sip.call_id = n / 2 + 1;
        sip.authorized = n % 2 == 1;
        ask(&mut s, &p, &sip, Ports { from: 51_212, ..AT_5060 }, Some((status, lines)));
        sip.cseq += 1;
        s.wait(20_000);
    }
    s.records().into()
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "sip-from-a-high-port-back-to-5060",
        kind: "sip-ports",
        report: None,
        wire: "REGISTER leaves from port 49312, its Via says 5060; 401 and 200 come to 5060. All is well.",
        capture: || well(Ports { from: 49_312, ..AT_5060 }, false),
        site: Some(SITE),
        expect: healthy,
    },
    Case {
        name: "sip-5060-on-both-sides-7945",
        kind: "sip-ports",
        report: None,
        wire: "Port 5060 on both sides, challenged and accepted every two minutes.",
        capture: || well(AT_5060, false),
        site: Some(SITE),
        expect: healthy,
    },
    Case {
        name: "sip-answered-from-an-ephemeral-port",
        kind: "sip-ports",
        report: None,
        wire: "The registrar answers from port 37112 to the port of the Via.",
        capture: || well(Ports { from: 49_312, answered_by: 37_112, answered_to: 5060 }, false),
        site: Some(SITE),
        expect: healthy,
    },
    Case {
        name: "sip-over-tcp",
        kind: "sip-ports",
        report: None,
        wire: "REGISTER over TCP from an ephemeral port: 401, then 200 on the same connection.",
        capture: || {
            let mut s = Scene::new();
            let (mut p, mut sip) = booted(&mut s, PBX);
            sip.transport = "TCP";
            let mut talk = s.open((p.end(), p.port()), (p.to(PBX), 5060));
            for _ in 0..2 {
                s.say(&mut talk, true, &sip.register());
                s.say(&mut talk, false, &sip.answer("100 Trying", &[]));
                s.say(&mut talk, false, &sip.answer("401 Unauthorized", &[]));
                sip.cseq += 1;
                sip.authorized = true;
                s.say(&mut talk, true, &sip.register());
                s.say(&mut talk, false, &sip.answer("200 OK", &[]));
                sip.cseq += 1;
                sip.authorized = false;
                s.wait(100_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: healthy,
    },
    Case {
        name: "sip-rport-answers-to-the-source",
        kind: "near-miss",
        report: None,
        wire: "The Via says 5060 and rport; the answers go to the source port 50512, as RFC 3581 has it.",
        capture: || well(Ports { from: 50_512, answered_by: 5060, answered_to: 50_512 }, true),
        site: Some(SITE),
        expect: healthy,
    },
    Case {
        name: "sip-401-to-the-source-port",
        kind: "sip-answers-astray",
        report: None,
        wire: "The Via says 5060, without rport; every 401 goes to the source port 50512, and the phone repeats the same REGISTER.",
        capture: || {
            let mut s = Scene::new();
            let (p, sip) = booted(&mut s, PBX);
            let ports = Ports { from: 50_512, answered_by: 5060, answered_to: 50_512 };
            for n in 0..9u64 {
                ask(&mut s, &p, &sip, ports, Some(("401 Unauthorized", &[])));
                s.wait(500 << n.min(3));
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["sip-answers-astray"]}},
                "codes": {"sip-answers-astray": {"severity": ["error"], "facts": {"call_manager": PBX,
                    "answered_to": "~\\b50512\\b", "expected": "~\\b5060\\b"}}},
                "codes_absent": ["duplicate-device", "name-mac-mismatch", "call-manager-no-answer"],
                "says_not": ["nothing answers", "does not answer"], "says": ["Via|5060"]})
        },
    },
    Case {
        name: "sip-banned-after-wrong-passwords",
        kind: "sip-401-then-silence",
        report: Some("https://github.com/buba0/Cisco-7900-and-8800-series-freepbx-setup/issues/5"),
        wire: "Six REGISTERs with credentials are answered 401 each; from then on the server answers nothing.",
        capture: || {
            let mut s = Scene::new();
            let (p, mut sip) = booted(&mut s, PBX);
            for n in 0..14 {
                sip.authorized = n % 2 == 1;
                let answer = (n < 6).then_some(("401 Unauthorized", &[][..]));
                ask(&mut s, &p, &sip, AT_5060, answer);
                sip.cseq += 1;
                s.wait(if n < 6 { 4_000 } else { 9_000 });
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["registration-rejected", "call-manager-no-answer"],
                    "state": ["rejected", "no-answer"]}},
                "codes_any": [["registration-rejected"]],
                "codes_absent": ["duplicate-device", "name-mac-mismatch", "sip-answers-astray"],
                "says": ["401", "password|credential|digest|authenticat",
                    "\\bban|block|fail2ban|shut|no (longer|more)|any ?more|stop"]})
        },
    },
    Case {
        name: "sip-401-without-end",
        kind: "sip-rejected",
        report: Some("https://esrot.com/asterisk-solutions/sip-registration-failures"),
        wire: "Every REGISTER is answered 401, those with credentials too: the password is wrong.",
        capture: || refused("401 Unauthorized", &[]),
        site: Some(SITE),
        expect: || {
            let mut expect = rejected("401");
            expect["says"] = json!(["password|credential|digest|authenticat"]);
            expect
        },
    },
    Case {
        name: "sip-challenged-at-each-renewal",
        kind: "near-miss",
        report: None,
        wire: "Ten renewals, each challenged with 401 and then accepted with 200.",
        capture: || {
            let mut s = Scene::new();
            let (p, mut sip) = booted(&mut s, PBX);
            for _ in 0..10 {
                registers(&mut s, &p, &mut sip, AT_5060);
                s.wait(55_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: healthy,
    },
    Case {
        name: "sip-403-with-its-warning",
        kind: "sip-rejected",
        report: Some("https://esrot.com/asterisk-solutions/sip-registration-failures"),
        wire: "Every REGISTER is answered 403 Forbidden with Warning: 399 \"Device type mismatch with the database\".",
        capture: || refused("403 Forbidden", &["Warning: 399 cucm1 \"Device type mismatch with the database\""]),
        site: Some(SITE),
        expect: || {
            let mut expect = rejected("403");
            expect["says"] = json!(["[Dd]evice type mismatch"]);
            expect
        },
    },
    Case {
        name: "sip-503-from-a-busy-server",
        kind: "sip-rejected",
        report: None,
        wire: "Every REGISTER is answered 503 Service Unavailable with a Reason; the phone never registers.",
        capture: || refused("503 Service Unavailable", &["Reason: Q.850;cause=41;text=\"Database not ready\""]),
        site: Some(SITE),
        expect: || {
            let mut expect = rejected("503");
            expect["says"] = json!(["503"]);
            expect
        },
    },
    Case {
        name: "sip-nobody-answers",
        kind: "sip-no-answer",
        report: None,
        wire: "REGISTER after REGISTER from port 5060, retransmitted as RFC 3261 has it; nothing comes back.",
        capture: || {
            let mut s = Scene::new();
            let (p, mut sip) = booted(&mut s, PBX);
            for _ in 0..3 {
                for n in 0..6u64 {
                    ask(&mut s, &p, &sip, AT_5060, None);
                    s.wait(500 << n.min(3));
                }
                sip.cseq += 1;
                s.wait(30_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["call-manager-no-answer"], "state": ["no-answer"]}},
                "codes": {"call-manager-no-answer": {"severity": ["error"], "facts": {"call_manager": PBX, "port": 5060}}}})
        },
    },
    Case {
        name: "srst-router-takes-no-probe",
        kind: "srst-probe-refused",
        report: None,
        wire: "Registered with its server; each probe of its SRST router 192.168.60.1 (REGISTER, Expires 0) is answered 503.",
        capture: || probed("503 Registrar not enabled", 6),
        site: None,
        expect: || {
            json!({"no_other_phones": true, "phones": {PHONE: {"state": ["registered"]}},
                "codes_absent": ["call-manager-no-answer", "duplicate-device", "registration-flapping"],
                "says": ["503|registrar"]})
        },
    },
    Case {
        name: "srst-router-takes-the-probe",
        kind: "near-miss",
        report: None,
        wire: "Registered with its server; each probe of the SRST router (Expires 0) is answered 200.",
        capture: || probed("200 OK", 6),
        site: None,
        expect: healthy,
    },
    Case {
        name: "text-configuration-404",
        kind: "sip-text-configuration",
        report: None,
        wire: "SIPDefault.cnf and SIP<MAC>.cnf are served to a 7960 with a SIP load; the registrar answers 404 to its line.",
        capture: || text_configured(Some("404 Not Found")),
        site: None,
        expect: || {
            let mut expect = rejected("404");
            expect["root_absent"] = json!(["config-file-missing"]);
            expect["says_not"] = json!(["make SEP\\w+\\.cnf\\.xml exist"]);
            expect
        },
    },
    Case {
        name: "text-configuration-and-registered",
        kind: "near-miss",
        report: None,
        wire: "SIPDefault.cnf and SIP<MAC>.cnf are served, the XML file is missing, and the phone registers.",
        capture: || text_configured(None),
        site: None,
        expect: healthy,
    },
];

/// Registered, and its SRST router is probed again and again.
fn probed(status: &'static str, count: usize) -> super::Capture {
    let mut s = Scene::new();
    let (p, mut sip) = booted(&mut s, PBX);
    registers(&mut s, &p, &mut sip, AT_5060);
    let mut probe = Sip { expires: 0, call_id: 700, registrar: "192.168.60.1".to_owned(), ..sip.clone() };
    for _ in 0..count {
        s.wait(30_000);
        ask(&mut s, &p, &probe, Ports { from: 50_790, ..AT_5060 }, Some((status, &[])));
        probe.cseq += 1;
        s.wait(30_000);
        registers(&mut s, &p, &mut sip, AT_5060);
    }
    s.records().into()
}

/// A 7960 with the text configuration of its SIP load; `None`: it registers.
fn text_configured(refusal: Option<&'static str>) -> super::Capture {
    let mut s = Scene::new();
    let mut p = Handset::new("7960", 7, PHONE, "192.168.60.140", "P0S3-8-12-00");
    p.cdp(&mut s);
    p.lease(&mut s, &lease());
    p.missing(&mut s, PBX, &format!("CTL{NAME}.tlv"));
    p.missing(&mut s, PBX, &format!("{NAME}.cnf.xml"));
    p.fetch(
        &mut s,
        PBX,
        "SIPDefault.cnf",
        b"image_version: P0S3-8-12-00\nproxy1_address: \"192.168.60.10\"\nproxy1_port: 5060\n",
    );
    p.fetch(
        &mut s,
        PBX,
        "SIP58BFEA11729D.cnf",
        b"line1_name: \"4711\"\nline1_authname: \"4711\"\nproxy1_address: \"192.168.60.10\"\n",
    );
    let mut sip = Sip { model: "CP7960", load: "P0S3-8-12-00", ..Sip::new(p.mac, "192.168.60.140", PBX) };
    let ports = Ports { from: 51_040, ..AT_5060 };
    for _ in 0..4 {
        match refusal {
            Some(status) => ask(&mut s, &p, &sip, ports, Some((status, &[]))),
            None => registers(&mut s, &p, &mut sip, ports),
        }
        sip.cseq += 1;
        s.wait(30_000);
    }
    s.records().into()
}
