//! CallManagers that cannot be found, do not answer, reject, or do not keep the phone.

use serde_json::{Value, json};

use super::{Capture, Case, config};
use crate::support::handset::{Handset, Lease};
use crate::support::sccp::{self, message};
use crate::support::scene::{Scene, Talk};
use crate::support::{dns, lldp};

const SITE: &str = r#"
[network]
dhcp_servers = ["10.150.0.2"]
[[cluster]]
name = "port"
tftp = ["10.150.0.5"]
call_managers = ["10.150.0.21", "10.150.0.22"]
default = true
"#;

const TFTP: &str = "10.150.0.5";
const FIRST: &str = "10.150.0.21";
const SECOND: &str = "10.150.0.22";
const ROUTER: &str = "10.150.71.1";
const PHONE: &str = "00:19:2f:7a:c0:3e";
const NEIGHBOUR: &str = "00:19:2f:7a:c0:b1";
const NAME: &str = "SEP00192F7AC03E";

fn lease() -> Lease {
    Lease::relayed("10.150.0.2", ROUTER).option_150(&[TFTP])
}

fn phone() -> Handset {
    Handset::new("7911G", 307, PHONE, "10.150.71.90", "SCCP11.8-5-2S")
}

fn neighbour() -> Handset {
    Handset::new("7911G", 307, NEIGHBOUR, "10.150.71.91", "SCCP11.8-5-2S")
}

/// A boot up to its configuration.
fn booted(s: &mut Scene, p: &mut Handset, call_managers: &[&str]) {
    p.cdp(s);
    p.lease(s, &lease());
    p.configure(s, TFTP, &config(call_managers));
}

/// A configuration with the SRST router of the place.
fn with_srst(call_managers: &[&str]) -> Vec<u8> {
    let xml = String::from_utf8(config(call_managers).device_xml()).expect("text");
    let srst = format!(
        "<srstInfo><name>branch</name><srstOption>Enable</srstOption><ipAddr1>{ROUTER}</ipAddr1><port1>2000</port1></srstInfo>\n</devicePool>"
    );
    xml.replace("</devicePool>", &srst).into_bytes()
}

fn well(phone: &str) -> Value {
    json!({"exit": [0], "no_other_phones": true, "no_errors_on": [phone],
        "phones": {phone: {"verdict": ["healthy"], "state": ["registered"]}}})
}

/// CallManager orders a reset, the phone leaves.
fn reset(s: &mut Scene, talk: &mut Talk) {
    s.say(talk, false, &sccp::reset(1));
    s.say(talk, true, &message(sccp::UNREGISTER, &[]));
    s.say(talk, false, &message(sccp::UNREGISTER_ACK, &[0; 4]));
    s.close(talk, true);
}

/// The names of its CallManagers are asked for; `answer` makes the answer of an attempt.
fn names(attempts: u16, answer: fn(u16, &str) -> Option<Vec<u8>>) -> Capture {
    let (mut s, mut p) = (Scene::new(), phone());
    p.cdp(&mut s);
    p.lease(&mut s, &lease().dns("10.150.0.53"));
    p.configure(&mut s, TFTP, &config(&["ccm-a.port.example", "ccm-b.port.example"]));
    for n in 0..attempts {
        for name in ["ccm-a.port.example", "ccm-b.port.example"] {
            let (own, far) = ((p.end(), p.port()), (p.to("10.150.0.53"), 53));
            let id = own.1;
            s.udp(own, far, &dns::query(id, name));
            if let Some(answer) = answer(n, name) {
                let mut answer = answer;
                answer[..2].copy_from_slice(&id.to_be_bytes());
                s.udp(far, own, &answer);
                if answer.len() > dns::query(id, name).len() {
                    let mut talk = p.register(&mut s, FIRST);
                    p.keep_alives(&mut s, &mut talk, 3);
                    return s.records().into();
                }
            }
            s.wait(3_000);
        }
        s.wait(9_000);
    }
    s.records().into()
}

/// The same words in answer to each attempt.
fn rejections(model: &'static str, device_type: u32, load: &str, text: &'static [u8]) -> Capture {
    let mut s = Scene::new();
    let mut p = Handset::new(model, device_type, PHONE, "10.150.71.90", load);
    booted(&mut s, &mut p, &[FIRST]);
    for _ in 0..4 {
        p.rejected(&mut s, FIRST, text);
        s.wait(25_000);
    }
    s.records().into()
}

fn rejected(text: &str, fix: &str, fix_not: &[&str]) -> Value {
    json!({"exit": [1], "no_other_phones": true,
        "phones": {PHONE: {"verdict": ["registration-rejected"], "state": ["rejected"]}},
        "codes": {"registration-rejected": {"severity": ["error"], "facts": {"call_manager": FIRST, "reject_text": text}}},
        "codes_absent": ["stuck-load", "wrong-tftp-server"],
        "first_fix": {"says": [fix], "says_not": fix_not}})
}

/// Tokens that are rejected, and then perhaps granted.
fn tokens(ask: &[u8], reject: u32, grant: Option<u32>, mut p: Handset) -> Capture {
    let mut s = Scene::new();
    booted(&mut s, &mut p, &[FIRST]);
    for n in 0..7 {
        let mut talk = s.open((p.end(), p.port()), (p.to(FIRST), 2000));
        s.say(&mut talk, true, ask);
        if let Some(grant) = grant.filter(|_| n == 2) {
            s.say(&mut talk, false, &message(grant, &[0xff, 0xff, 0, 0]));
            s.close(&mut talk, true);
            let mut talk = p.register(&mut s, FIRST);
            p.keep_alives(&mut s, &mut talk, 3);
            break;
        }
        s.say(&mut talk, false, &message(reject, &20u32.to_le_bytes()));
        s.close(&mut talk, false);
        s.wait(20_000);
    }
    s.records().into()
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "callmanager-names-nxdomain-7911",
        kind: "callmanager-name",
        report: None,
        wire: "10.150.0.53 answers NXDOMAIN to ccm-a.port.example and ccm-b.port.example; no connection is tried.",
        capture: || names(4, |_, name| Some(dns::no_such_name(0, name))),
        site: Some(SITE),
        expect: || unresolved(json!("10.150.0.53"), "nxdomain"),
    },
    Case {
        name: "callmanager-names-dns-silent",
        kind: "callmanager-name",
        report: None,
        wire: "The questions for ccm-a.port.example and ccm-b.port.example are never answered; no connection is tried.",
        capture: || names(5, |_, _| None),
        site: Some(SITE),
        expect: || unresolved(json!("10.150.0.53"), "silent"),
    },
    Case {
        name: "callmanager-names-and-no-dns-server",
        kind: "callmanager-name",
        report: None,
        wire: "The configuration names ccm-a.port.example; the lease has no option 6. The phone asks nobody and boots again.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            for _ in 0..3 {
                booted(&mut s, &mut p, &["ccm-a.port.example"]);
                s.wait(90_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || unresolved(json!(null), "no-dns-server"),
    },
    Case {
        name: "callmanager-name-resolves-in-the-end",
        kind: "near-miss",
        report: None,
        wire: "The first round of questions comes to nothing, the second is answered, and the phone registers.",
        capture: || {
            names(3, |n, name| {
                Some(if n == 0 {
                    dns::no_such_name(0, name)
                } else {
                    dns::answer(0, name, FIRST.parse().expect("an address"))
                })
            })
        },
        site: Some(SITE),
        expect: || {
            let mut expect = well(PHONE);
            expect["codes_absent"] = json!(["call-manager-name-unresolved"]);
            expect
        },
    },
    Case {
        name: "primary-refuses-second-takes-it",
        kind: "primary-dead",
        report: None,
        wire: "10.150.0.21 refuses every connection; the phone is registered with 10.150.0.22.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            booted(&mut s, &mut p, &[FIRST, SECOND]);
            s.refuse((p.end(), p.port()), (p.to(FIRST), 2000));
            let mut talk = p.register(&mut s, SECOND);
            for _ in 0..4 {
                p.keep_alives(&mut s, &mut talk, 2);
                s.refuse((p.end(), p.port()), (p.to(FIRST), 2000));
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            let mut expect = well(PHONE);
            expect["codes"] =
                json!({"call-manager-refused": {"severity": ["warning"], "facts": {"call_manager": FIRST}}});
            expect["codes_absent"] = json!(["registration-flapping", "registered-elsewhere"]);
            expect
        },
    },
    Case {
        name: "only-the-branch-router-registers",
        kind: "only-srst-router-left",
        report: None,
        wire: "Neither CallManager of the configuration takes a connection; the phone is registered with its SRST router 10.150.71.1.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            p.cdp(&mut s);
            p.lease(&mut s, &lease());
            p.fetch(&mut s, TFTP, &format!("{NAME}.cnf.xml"), &with_srst(&[FIRST, SECOND]));
            s.knock((p.end(), p.port()), (p.to(FIRST), 2000), &[1, 2, 4]);
            s.refuse((p.end(), p.port()), (p.to(SECOND), 2000));
            let mut talk = p.register(&mut s, ROUTER);
            for _ in 0..3 {
                p.keep_alives(&mut s, &mut talk, 2);
                s.knock((p.end(), p.port()), (p.to(FIRST), 2000), &[1, 2, 4]);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"state": ["registered"], "verdict": ["call-manager-no-answer", "call-manager-refused"]}},
                "codes": {"call-manager-no-answer": {"severity": ["error"], "facts": {"call_manager": [FIRST, SECOND]}}},
                "codes_absent": ["registered-elsewhere"], "says": ["SRST"],
                "learn": {"says_not": ["(?<!# )call_managers = \\[[^\\]]*10\\.150\\.71\\.1\\b"]}})
        },
    },
    Case {
        name: "srst-for-a-minute",
        kind: "near-miss",
        report: None,
        wire: "The phone loses its CallManager, lives on its SRST router for a minute, and goes back.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            p.cdp(&mut s);
            p.lease(&mut s, &lease());
            p.fetch(&mut s, TFTP, &format!("{NAME}.cnf.xml"), &with_srst(&[FIRST]));
            let mut talk = p.register(&mut s, FIRST);
            p.keep_alives(&mut s, &mut talk, 2);
            s.close(&mut talk, false);
            s.knock((p.end(), p.port()), (p.to(FIRST), 2000), &[1, 2, 4]);
            let mut talk = p.register(&mut s, ROUTER);
            p.keep_alives(&mut s, &mut talk, 2);
            s.close(&mut talk, true);
            let mut talk = p.register(&mut s, FIRST);
            p.keep_alives(&mut s, &mut talk, 8);
            s.records().into()
        },
        site: Some(SITE),
        expect: || well(PHONE),
    },
    Case {
        name: "callmanager-moved-one-left-behind",
        kind: "call-manager-moved",
        report: None,
        wire: "Two phones are registered with 10.150.0.30; the file of a third still names 10.150.0.21, which answers nobody.",
        capture: || {
            let mut s = Scene::new();
            for (n, address) in ["00:19:2f:7a:c0:b1", "00:19:2f:7a:c0:b2"].into_iter().enumerate() {
                s.at(n as u64 * 3_000);
                let ip = format!("10.150.71.{}", 91 + n);
                Handset::new("7911G", 307, address, &ip, "SCCP11.8-5-2S").comes_up(
                    &mut s,
                    &lease(),
                    TFTP,
                    &config(&["10.150.0.30"]),
                );
            }
            s.at(9_000);
            let mut p = phone();
            booted(&mut s, &mut p, &[FIRST]);
            for _ in 0..4 {
                s.knock((p.end(), p.port()), (p.to(FIRST), 2000), &[1, 2, 4, 8]);
            }
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"exit": [1], "phones": {PHONE: {"verdict": ["call-manager-no-answer"]}, NEIGHBOUR: {"verdict": ["healthy"]},
                "00:19:2f:7a:c0:b2": {"verdict": ["healthy"]}}, "no_other_phones": true, "fix_says": ["10\\.150\\.0\\.30"]})
        },
    },
    Case {
        name: "reset-eight-times-in-a-row",
        kind: "reset-again-and-again",
        report: Some("https://github.com/chan-sccp/chan-sccp/issues/424"),
        wire: "CallManager sends a Reset some forty seconds after each registration, eight times.",
        capture: || resets(8, 1),
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["registration-flapping"]}},
                "codes": {"registration-flapping": {"severity": ["error"], "phones": [PHONE]}}})
        },
    },
    Case {
        name: "reset-once-by-its-administrator",
        kind: "near-miss",
        report: None,
        wire: "One Reset, and the phone is back and stays for minutes.",
        capture: || resets(1, 10),
        site: Some(SITE),
        expect: || well(PHONE),
    },
    Case {
        name: "boots-again-after-registering",
        kind: "reboots-after-registration",
        report: Some("https://github.com/chan-sccp/chan-sccp/issues/412"),
        wire: "Registered, and twenty seconds later a new boot (lease, files), six times over; nobody orders a reset.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            for _ in 0..6 {
                booted(&mut s, &mut p, &[FIRST]);
                let _talk = p.register(&mut s, FIRST);
                s.wait(20_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["registration-flapping"]}},
                "codes": {"registration-flapping": {"severity": ["error"]}}, "codes_absent": ["duplicate-device", "load-flapping"]})
        },
    },
    Case {
        name: "token-never-granted-7920",
        kind: "token-rejected",
        report: Some("https://github.com/PhantomVl/sccp_manager/issues/121"),
        wire: "10.150.0.21 answers every RegisterTokenReq with RegisterTokenReject; there is never a Register.",
        capture: || {
            let p = Handset::new("7920", 30002, PHONE, "10.150.71.90", "cmterm_7920.4.0-03-02");
            tokens(&sccp::register_token_req(NAME, p.address, 30002), sccp::REGISTER_TOKEN_REJECT, None, p)
        },
        site: Some(SITE),
        expect: token_rejected,
    },
    Case {
        name: "spcp-token-never-granted",
        kind: "token-rejected",
        report: Some("https://github.com/chan-sccp/chan-sccp/issues/378"),
        wire: "An SPA phone asks for its SPCP token (0x8000); the answer is 0x8101 every time.",
        capture: || {
            let p = Handset::new("7960", 80003, PHONE, "10.150.71.90", "P00308010200");
            tokens(&sccp::spcp_token_req(NAME, p.address, 80003), sccp::SPCP_TOKEN_REJECT, None, p)
        },
        site: Some(SITE),
        expect: token_rejected,
    },
    Case {
        name: "spcp-token-granted-at-the-third",
        kind: "near-miss",
        report: Some("https://github.com/chan-sccp/chan-sccp/issues/517"),
        wire: "The SPCP token is refused twice, granted at the third time, and the phone registers.",
        capture: || {
            let p = Handset::new("7960", 80003, PHONE, "10.150.71.90", "P00308010200");
            tokens(
                &sccp::spcp_token_req(NAME, p.address, 80003),
                sccp::SPCP_TOKEN_REJECT,
                Some(sccp::SPCP_TOKEN_ACK),
                p,
            )
        },
        site: Some(SITE),
        expect: || well(PHONE),
    },
    Case {
        name: "reject-not-allowed-from-there",
        kind: "reject-text",
        report: None,
        wire: "Every Register is answered with RegisterReject \"IP Not Authorized\".",
        capture: || rejections("7911G", 307, "SCCP11.8-5-2S", b"IP Not Authorized"),
        site: Some(SITE),
        expect: || {
            rejected("~IP Not Authorized", "permit|allow|deny|access list|\\bACL|authori[sz]", &["there with this MAC"])
        },
    },
    Case {
        name: "reject-type-mismatch",
        kind: "reject-text",
        report: None,
        wire: "Every Register is answered with RegisterReject \"Error: Device Type mismatch\": the MAC stands there as another model.",
        capture: || rejections("7911G", 307, "SCCP11.8-5-2S", b"Error: Device Type mismatch"),
        site: Some(SITE),
        expect: || rejected("~Type mismatch", "model|(device|phone) type", &["load on the TFTP server"]),
    },
    Case {
        name: "reject-security-mode",
        kind: "reject-text",
        report: None,
        wire: "Every Register is answered with RegisterReject \"Error: Security Mode\".",
        capture: || rejections("7911G", 307, "SCCP11.8-5-2S", b"Error: Security Mode"),
        site: Some(SITE),
        expect: || rejected("~Security Mode", "security (profile|mode)|Device Security", &["name(s)? (the )?load"]),
    },
    Case {
        name: "two-phones-two-reject-texts",
        kind: "reject-texts-differ",
        report: Some("https://github.com/chan-sccp/chan-sccp/issues/583"),
        wire: "One phone is rejected as \"Device Unknown\", the other with \"Error: Security Mode\", by one CallManager.",
        capture: || {
            let (mut s, mut p, mut n) = (Scene::new(), phone(), neighbour());
            booted(&mut s, &mut p, &[FIRST]);
            booted(&mut s, &mut n, &[FIRST]);
            for _ in 0..3 {
                p.rejected(&mut s, FIRST, b"Device Unknown");
                n.rejected(&mut s, FIRST, b"Error: Security Mode");
                s.wait(20_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["registration-rejected"], "reject_text": "~Device Unknown"},
                    NEIGHBOUR: {"verdict": ["registration-rejected"], "reject_text": "~Security Mode"}},
                "codes": {"registration-rejected": [
                    {"severity": ["error"], "only_phones": [PHONE], "facts": {"reject_text": "~Device Unknown"}},
                    {"severity": ["error"], "only_phones": [NEIGHBOUR], "facts": {"reject_text": "~Security Mode"}}]}})
        },
    },
    Case {
        name: "headers-only-and-a-closed-session",
        kind: "headers-only",
        report: None,
        wire: "Frames cut at 60 bytes: Register and its answer are cut away. The server ends the session an hour later.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            let mut talk = p.register(&mut s, FIRST);
            p.keep_alives(&mut s, &mut talk, 20);
            s.close(&mut talk, false);
            let mut records = s.records();
            for record in &mut records {
                record.data.truncate(60);
            }
            records.into()
        },
        site: None,
        expect: || json!({"exit": [0], "codes_absent": ["call-manager-closed", "call-manager-no-answer"], "says": ["cut"]}),
    },
    Case {
        name: "arp-for-its-callmanager-on-the-lan",
        kind: "sentence",
        report: None,
        wire: "The CallManager, 10.150.71.21, is in the phone's own network, and nobody answers the phone's ARP for it.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            booted(&mut s, &mut p, &["10.150.71.21"]);
            for _ in 0..9 {
                s.arp(p.end(), "10.150.71.21".parse().expect("an address"), None);
                s.wait(3_000);
            }
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["call-manager-no-answer"], "state": ["no-answer"]}},
                "codes": {"call-manager-no-answer": {"severity": ["error"], "facts": {"why": "arp"}}},
                "says_not": ["question for it"], "evidence_not": ["sends CallManager \\S+ an ARP"]})
        },
    },
    Case {
        name: "lldp-and-no-cdp-at-all",
        kind: "sentence",
        report: None,
        wire: "The phone announces itself by LLDP alone, with its load, and registers.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            let announcement = lldp::Announcement {
                port_id: "00192F7AC03E:P1".to_owned(),
                system_name: Some(NAME.to_owned()),
                system_description: Some("Cisco IP Phone 7911G, SCCP11.8-5-2S".to_owned()),
                voice_vlan: None,
                firmware: Some("SCCP11.8-5-2S".to_owned()),
                model: Some("CP-7911G".to_owned()),
            };
            s.plain(announcement.frame(p.mac));
            p.lease(&mut s, &lease());
            p.configure(&mut s, TFTP, &config(&[FIRST]));
            let mut talk = p.register(&mut s, FIRST);
            p.keep_alives(&mut s, &mut talk, 2);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            let mut expect = well(PHONE);
            expect["kinds_absent"] = json!(["cdp"]);
            expect
        },
    },
];

fn unresolved(dns_server: Value, why: &str) -> Value {
    json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["call-manager-name-unresolved"]}},
        "codes": {"call-manager-name-unresolved": {"severity": ["error"],
            "facts": {"name": "~^ccm-[ab]", "dns_server": dns_server, "why": why}}},
        "codes_absent": ["call-manager-no-answer", "tftp-name-unresolved"], "says": ["DNS|option.?6\\b"]})
}

fn token_rejected() -> Value {
    json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["registration-rejected"]}},
        "codes": {"registration-rejected": {"severity": ["error"], "facts": {"call_manager": FIRST, "stage": "token"}}},
        "says": ["token"]})
}

/// Registrations that end with a Reset, then one that stays for so many keepalives.
fn resets(count: usize, keep_alives: usize) -> Capture {
    let (mut s, mut p) = (Scene::new(), phone());
    for _ in 0..count {
        booted(&mut s, &mut p, &[FIRST]);
        let mut talk = p.register(&mut s, FIRST);
        p.keep_alives(&mut s, &mut talk, 1);
        s.wait(8_000);
        reset(&mut s, &mut talk);
        p.reason = "22: Reset-Reset";
        s.wait(6_000);
    }
    booted(&mut s, &mut p, &[FIRST]);
    let mut talk = p.register(&mut s, FIRST);
    p.keep_alives(&mut s, &mut talk, keep_alives);
    s.records().into()
}
