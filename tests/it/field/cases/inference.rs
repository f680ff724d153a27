//! What the other phones prove, and what they do not.

use serde_json::{Value, json};

use super::{Capture, Case, config};
use crate::support::capture_file::Record;
use crate::support::handset::{Handset, Lease};
use crate::support::phone_config::PhoneConfig;
use crate::support::scene::Scene;

const SITE: &str = r#"
[network]
dhcp_servers = ["10.41.0.2"]
[[cluster]]
name = "yard"
version = "3.2"
tftp = ["10.41.0.5", "10.41.0.6"]
call_managers = ["10.41.0.10"]
default = true
"#;

/// The cluster of these phones, and another one's TFTP server.
const TFTP: &str = "10.41.0.5";
const SECOND: &str = "10.41.0.6";
const CM: &str = "10.41.0.10";
const OTHER: &str = "10.42.0.5";

const OLD: &str = "P00303020205";
const LOAD: &str = "P00303020214";
const NEW: &str = "P00305000301";

const PHONE: &str = "00:0d:ed:22:46:10";

/// The n-th phone, in the scope of that number.
fn phone(n: u8, scope: u8, load: &str) -> Handset {
    let address = format!("00:0d:ed:22:46:{:02x}", 0x10 + n);
    Handset::new("7960", 7, &address, &format!("10.43.{scope}.{}", 20 + n), load)
}

fn mac(n: u8) -> String {
    format!("00:0d:ed:22:46:{:02x}", 0x10 + n)
}

fn lease(scope: u8, tftp: &[&str]) -> Lease {
    Lease::relayed("10.41.0.2", &format!("10.43.{scope}.1")).option_150(tftp)
}

fn yard(load: &str) -> PhoneConfig {
    config(&[CM]).load(load)
}

/// Lease, files from `tftp`, rejected again and again.
fn is_rejected(s: &mut Scene, p: &mut Handset, lease: &Lease, tftp: &str, file: &PhoneConfig, text: &[u8]) {
    p.cdp(s);
    p.lease(s, lease);
    p.configure(s, tftp, file);
    for _ in 0..3 {
        p.rejected(s, CM, text);
        s.wait(15_000);
    }
}

/// Takes a load from a server, boots again with it, and is rejected.
fn takes_load(s: &mut Scene, p: &mut Handset, lease: &Lease, tftp: &str, load: &str, text: &[u8]) {
    p.cdp(s);
    p.lease(s, lease);
    p.configure(s, tftp, &yard(load));
    let octets: Vec<u8> = (0..9 * 512 + 40).map(|n| (n / 512) as u8).collect();
    p.fetch(s, tftp, &format!("{load}.bin"), &octets);
    s.wait(16_000);
    p.load = load.to_owned();
    is_rejected(s, p, lease, tftp, &yard(load), text);
}

fn rejected_alone(healthy: &[u8], ill: &[u8], more: Value) -> Value {
    let mut phones = serde_json::Map::new();
    for n in healthy {
        phones.insert(mac(*n), json!({"verdict": ["healthy"], "state": ["registered"]}));
    }
    for n in ill {
        phones.insert(mac(*n), json!({"verdict": ["registration-rejected"], "state": ["rejected"]}));
    }
    let mut expect = json!({"exit": [1], "no_other_phones": true, "phones": phones,
        "codes": {"registration-rejected": {"severity": ["error"]}}, "codes_absent": ["wrong-tftp-server", "stuck-load"]});
    for (key, value) in more.as_object().expect("an object") {
        expect[key] = value.clone();
    }
    expect
}

/// Three healthy phones, and one whose wrong scope made it take a load that its CallManager refuses.
fn founding() -> Vec<Record> {
    let mut s = Scene::new();
    for n in 1..4 {
        s.at(u64::from(n) * 2_000);
        phone(n, 1, LOAD).comes_up(&mut s, &lease(1, &[TFTP]), TFTP, &yard(LOAD));
    }
    s.at(9_000);
    takes_load(&mut s, &mut phone(0, 2, LOAD), &lease(2, &[OTHER]), OTHER, NEW, b"Version Error");
    s.records()
}

/// Frames, counted from 1, that hold these octets and come from this TCP port.
fn frames(records: &[Record], port: u16, octets: &[u8]) -> Vec<usize> {
    let holds = |r: &Record| {
        r.data[23] == 6 && r.data[34..36] == port.to_be_bytes() && r.data.windows(octets.len()).any(|w| w == octets)
    };
    (1..).zip(records).filter(|(_, r)| r.data.len() > 54 && holds(r)).map(|(n, _)| n).collect()
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "everybody-unknown-on-both-servers",
        kind: "all-rejected-alike",
        report: Some("https://github.com/chan-sccp/chan-sccp/issues/548"),
        wire: "The leases name 10.41.0.5 and the CallManager 10.41.0.10, which both serve files. Every phone is rejected with \"Device Unknown\".",
        capture: || {
            let mut s = Scene::new();
            for (n, tftp) in [(0, TFTP), (1, CM), (2, TFTP), (3, CM)] {
                s.at(u64::from(n) * 4_000);
                is_rejected(
                    &mut s,
                    &mut phone(n, 1, LOAD),
                    &lease(1, &[TFTP, CM]),
                    tftp,
                    &yard(LOAD),
                    b"Device Unknown",
                );
            }
            s.records().into()
        },
        site: None,
        expect: || {
            rejected_alone(
                &[],
                &[0, 1, 2, 3],
                json!({"codes_absent": ["wrong-tftp-server", "stuck-load"], "config_not": ["150.*10\\.41\\.0\\.10"]}),
            )
        },
    },
    Case {
        name: "five-took-the-load-one-did-not-yet",
        kind: "founding-case-with-witness",
        report: None,
        wire: "Three phones are well with 10.41.0.5. In another scope two take P00305000301 from 10.42.0.5 and are refused; a third there still runs P00303020214 and registers.",
        capture: || {
            let mut s = Scene::new();
            for n in 3..6 {
                s.at(u64::from(n) * 2_000);
                phone(n, 1, LOAD).comes_up(&mut s, &lease(1, &[TFTP]), TFTP, &yard(LOAD));
            }
            for n in 0..2 {
                s.at(14_000 + u64::from(n) * 3_000);
                takes_load(&mut s, &mut phone(n, 2, LOAD), &lease(2, &[OTHER]), OTHER, NEW, b"Version Error");
            }
            s.at(30_000);
            let mut witness = phone(2, 2, LOAD);
            witness.lease(&mut s, &lease(2, &[OTHER]));
            witness.configure(&mut s, OTHER, &config(&[CM]));
            let mut talk = witness.register(&mut s, CM);
            witness.keep_alives(&mut s, &mut talk, 2);
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {mac(0): {"verdict": ["wrong-tftp-server"], "state": ["rejected"]}, mac(1): {"verdict": ["wrong-tftp-server"]},
                    mac(2): {"state": ["registered"], "verdict": ["healthy", "wrong-tftp-server", "load-trap"]},
                    mac(3): {"verdict": ["healthy"]}, mac(4): {"verdict": ["healthy"]}, mac(5): {"verdict": ["healthy"]}},
                "codes": {"wrong-tftp-server": {"severity": ["error"], "phones": [mac(0), mac(1)],
                    "facts": {"tftp_used": OTHER, "tftp_right": TFTP}}},
                "codes_absent": ["stuck-load"], "confidence_max": {"wrong-tftp-server": "likely"}})
        },
    },
    Case {
        name: "one-voice-without-a-lease",
        kind: "witness-without-a-lease",
        report: None,
        wire: "Three phones with leases are well with 10.41.0.5. A fourth, without one, gets its files from 10.42.0.66, which no lease names, and registers.",
        capture: || {
            let mut s = Scene::new();
            for n in 1..4 {
                s.at(u64::from(n) * 2_000);
                phone(n, 1, LOAD).comes_up(&mut s, &lease(1, &[TFTP]), TFTP, &yard(LOAD));
            }
            s.at(12_000);
            let mut p = phone(0, 1, LOAD);
            p.configure(&mut s, "10.42.0.66", &yard(LOAD));
            let mut talk = p.register(&mut s, CM);
            p.keep_alives(&mut s, &mut talk, 2);
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"no_other_phones": true, "no_errors_on": [mac(1), mac(2), mac(3)],
                "config_not": ["150.*10\\.42\\.0\\.66"], "fix_says_not": ["(right|correct) TFTP server[^.]{0,30}10\\.42\\.0\\.66"],
                "phones": {PHONE: {"state": ["registered"]}, mac(1): {"verdict": ["healthy"]},
                    mac(2): {"verdict": ["healthy"]}, mac(3): {"verdict": ["healthy"]}},
                "learn": {"says": ["10\\.41\\.0\\.5"]}})
        },
    },
    Case {
        name: "second-of-two-tftp-servers-is-as-right",
        kind: "redundant-tftp-unknown-device",
        report: None,
        wire: "Every lease names 10.41.0.5 and 10.41.0.6. Two phones are well with the first; one uses the second and is rejected with \"Error: DB Config\".",
        capture: || {
            let mut s = Scene::new();
            let both = [TFTP, SECOND];
            for n in 1..3 {
                s.at(u64::from(n) * 2_000);
                phone(n, 1, LOAD).comes_up(&mut s, &lease(1, &both), TFTP, &yard(LOAD));
            }
            s.at(8_000);
            is_rejected(&mut s, &mut phone(0, 1, LOAD), &lease(1, &both), SECOND, &yard(LOAD), b"Error: DB Config");
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            rejected_alone(
                &[1, 2],
                &[0],
                json!({"codes_absent": [], "root_absent": ["wrong-tftp-server", "stuck-load"],
                "confidence_max": {"wrong-tftp-server": "possible", "stuck-load": "possible"}}),
            )
        },
    },
    Case {
        name: "default-file-and-unknown-device",
        kind: "unknown-device-not-stuck-load",
        report: None,
        wire: "The phone's own file is missing, XMLDefault.cnf.xml names the load that it runs, and CallManager says \"Error: DB Config\". Three others run a newer load and are well.",
        capture: || {
            let mut s = Scene::new();
            for n in 1..4 {
                s.at(u64::from(n) * 2_000);
                phone(n, 1, LOAD).comes_up(&mut s, &lease(1, &[TFTP]), TFTP, &yard(LOAD));
            }
            s.at(10_000);
            let mut p = phone(0, 1, OLD);
            p.cdp(&mut s);
            p.lease(&mut s, &lease(1, &[TFTP]));
            let name = p.name();
            p.missing(&mut s, TFTP, &format!("{name}.cnf.xml"));
            p.fetch(&mut s, TFTP, "XMLDefault.cnf.xml", &config(&[CM]).default_load(7, "7960", OLD).default_xml());
            for _ in 0..3 {
                p.rejected(&mut s, CM, b"Error: DB Config");
                s.wait(15_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || rejected_alone(&[1, 2, 3], &[0], json!({})),
    },
    Case {
        name: "older-load-and-not-in-the-data-base",
        kind: "older-load-unknown-device",
        report: None,
        wire: "A phone with an OLDER load than its neighbours is rejected with \"Error: DB Config\"; its file names no load.",
        capture: || {
            let mut s = Scene::new();
            for n in 1..3 {
                s.at(u64::from(n) * 2_000);
                phone(n, 1, NEW).comes_up(&mut s, &lease(1, &[TFTP]), TFTP, &yard(NEW));
            }
            s.at(10_000);
            is_rejected(&mut s, &mut phone(0, 1, LOAD), &lease(1, &[TFTP]), TFTP, &config(&[CM]), b"Error: DB Config");
            s.records().into()
        },
        site: Some(SITE),
        expect: || rejected_alone(&[1, 2], &[0], json!({"says_not": ["never downgrades"]})),
    },
    Case {
        name: "new-phone-takes-the-default-load",
        kind: "new-phone-not-in-data-base",
        report: Some("https://manualsdump.com/en/manuals/cisco_systems-ol-14587-01/257216/7"),
        wire: "A new phone takes the load that the default file names, and the CallManager of that same file rejects it with \"Error: DB Config\".",
        capture: || {
            let mut s = Scene::new();
            let mut p = phone(0, 1, OLD);
            let default = config(&[CM]).default_load(7, "7960", LOAD).default_xml();
            for load in [OLD, LOAD] {
                p.load = load.to_owned();
                p.cdp(&mut s);
                p.lease(&mut s, &lease(1, &[TFTP]));
                let name = p.name();
                p.missing(&mut s, TFTP, &format!("{name}.cnf.xml"));
                p.fetch(&mut s, TFTP, "XMLDefault.cnf.xml", &default);
                if load == OLD {
                    p.fetch(&mut s, TFTP, &format!("{LOAD}.bin"), &[7; 3000]);
                    s.wait(16_000);
                }
            }
            for _ in 0..4 {
                p.rejected(&mut s, CM, b"Error: DB Config");
                s.wait(15_000);
            }
            s.records().into()
        },
        site: None,
        expect: || rejected_alone(&[], &[0], json!({})),
    },
    Case {
        name: "one-tftp-server-for-two-clusters",
        kind: "central-tftp",
        report: None,
        wire: "10.41.0.5 serves the phones of two clusters; the site file names it in both, and each phone is registered where it belongs.",
        capture: || {
            let mut s = Scene::new();
            phone(0, 1, LOAD).comes_up(&mut s, &lease(1, &[TFTP]), TFTP, &yard(LOAD));
            s.at(3_000);
            phone(1, 2, LOAD).comes_up(&mut s, &lease(2, &[TFTP]), TFTP, &config(&["10.44.0.10"]).load(LOAD));
            s.records().into()
        },
        site: Some(
            r#"
[[cluster]]
name = "yard"
tftp = ["10.41.0.5"]
call_managers = ["10.41.0.10"]
subnets = ["10.43.1.0/24"]
[[cluster]]
name = "quay"
tftp = ["10.41.0.5"]
call_managers = ["10.44.0.10"]
subnets = ["10.43.2.0/24"]
"#,
        ),
        expect: || {
            json!({"modes": ["site"], "exit": [0], "no_other_phones": true,
                "phones": {mac(0): {"verdict": ["healthy"]}, mac(1): {"verdict": ["healthy"]}},
                "codes_absent": ["wrong-tftp-server", "foreign-call-manager"]})
        },
    },
    Case {
        name: "what-if-takes-others-along",
        kind: "what-if-healthy-leave",
        report: None,
        wire: "The founding case, and beside it a phone of another cluster that is well with 10.42.0.5. To turn everybody to 10.41.0.5 would take it off.",
        capture: || {
            let mut s = Scene::new();
            s.records = founding();
            s.at(40_000);
            phone(7, 3, NEW).comes_up(&mut s, &lease(3, &[OTHER]), OTHER, &config(&["10.42.0.10"]).load(NEW));
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"exit": [1], "phones": {PHONE: {"state": ["rejected"]}, mac(7): {"verdict": ["healthy"]}},
                "what_if": {"tftp=10.41.0.5": {"says": ["SEP000DED224617"]}}})
        },
    },
    Case {
        name: "rejection-cited-at-its-frame",
        kind: "story-cites-wrong-frame",
        report: None,
        wire: "A phone took the wrong load and is rejected three times; story and evidence have to name the frames of the rejects.",
        capture: || Capture::from(founding()),
        site: None,
        expect: || {
            let records = founding();
            let rejects = frames(&records, 2000, b"Version Error");
            let syn = rejects.last().expect("a reject") - 7;
            let last = rejects.last().expect("a reject");
            json!({"exit": [1], "phones": {PHONE: {"verdict": ["wrong-tftp-server"], "state": ["rejected"]}},
                "evidence": {"wrong-tftp-server": [{"text": "reject", "frames": rejects}]},
                "story": {"SEP000DED224610": {"says": [format!("\\b{last}\\b")], "says_not": [format!("reject[^;.]{{0,60}}\\(frame {syn}\\)")]}}})
        },
    },
    Case {
        name: "registration-cited-at-its-ack",
        kind: "evidence-frame",
        report: None,
        wire: "The same capture: \"registered\" stands at a frame of a RegisterAck, never at the SYN.",
        capture: || Capture::from(founding()),
        site: None,
        expect: || {
            let acks = frames(&founding(), 2000, &[0x81, 0, 0, 0]);
            json!({"evidence": {"wrong-tftp-server": [{"text": "\\bregister(s|ed)\\b", "frames": acks}]}})
        },
    },
];
