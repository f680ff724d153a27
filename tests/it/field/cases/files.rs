//! Configurations, trust lists and loads: what is asked for, what is served, and what the phone makes of it.

use serde_json::{Value, json};

use super::{Case, config};
use crate::support::handset::{Handset, Lease};
use crate::support::scene::Scene;
use crate::support::{lldp, tftp};

const SITE: &str = r#"
[network]
dhcp_servers = ["172.20.0.2"]
[[cluster]]
name = "works"
tftp = ["172.20.0.5", "172.20.0.6"]
call_managers = ["172.20.0.11", "172.20.0.12"]
default = true
"#;

const TRAP_SITE: &str = r#"
[[cluster]]
name = "works"
tftp = ["172.20.0.5"]
call_managers = ["172.20.0.11", "172.20.0.12"]
default = true
[cluster.loads]
"7940" = "P00303000300"
[[cluster]]
name = "pilot"
tftp = ["172.21.0.5"]
call_managers = ["172.21.0.11"]
[cluster.loads]
"7940" = "P00303010102"
"#;

const TFTP: &str = "172.20.0.5";
const SECOND: &str = "172.20.0.6";
const CM: &str = "172.20.0.11";
const PHONE: &str = "00:22:90:5b:3e:07";
const NEIGHBOUR: &str = "00:22:90:5b:3e:f0";

fn lease() -> Lease {
    Lease::relayed("172.20.0.2", "172.20.44.1").option_150(&[TFTP])
}

fn phone(model: &'static str, device_type: u32, load: &str) -> Handset {
    Handset::new(model, device_type, PHONE, "172.20.44.31", load)
}

fn neighbour(model: &'static str, device_type: u32, load: &str) -> Handset {
    Handset::new(model, device_type, NEIGHBOUR, "172.20.44.99", load)
}

fn works() -> crate::support::phone_config::PhoneConfig {
    config(&[CM, "172.20.0.12"])
}

/// The name of the phone of a case, in files.
const NAME: &str = "SEP0022905B3E07";

/// A boot up to its files.
fn boots(s: &mut Scene, p: &mut Handset) {
    p.cdp(s);
    p.lease(s, &lease());
}

/// Stands in for a part of a load.
fn part(blocks: usize) -> Vec<u8> {
    (0..blocks * 512 + 90).map(|n| (n / 512) as u8).collect()
}

fn unwell(verdict: &[&str], more: Value) -> Value {
    let mut expect = json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": verdict}}});
    for (key, value) in more.as_object().expect("an object") {
        match (key.as_str(), &mut expect[key]) {
            ("phones", phones) => {
                phones.as_object_mut().expect("phones").extend(value.as_object().cloned().expect("phones"))
            }
            (_, place) => *place = value.clone(),
        }
    }
    expect
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "ctl-loop-of-a-7961",
        kind: "trust-list-asked-for-ever",
        report: Some("http://www.voip-info.org/wiki/view/Firmware+issues+on+7940+-+7960"),
        wire: "The phone asks for CTLSEP….tlv every few seconds, is told each time that it is not there, and asks for nothing else.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7961G", 30018, "SCCP41.8-2-2SR1S"));
            boots(&mut s, &mut p);
            for _ in 0..14 {
                p.missing(&mut s, TFTP, &format!("CTL{NAME}.tlv"));
                s.wait(9_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["trust-list-mismatch"],
                json!({"codes": {"trust-list-mismatch": {"severity": ["error"],
                "facts": {"file": "~^CTLSEP"}}}, "codes_absent": ["config-file-missing"], "says": ["CTLSEP\\w+\\.tlv"]}),
            )
        },
    },
    Case {
        name: "ctl-missing-twice-per-boot",
        kind: "near-miss",
        report: None,
        wire: "Each of three boots asks for the CTL twice (both servers of the lease), then goes on and registers.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7941G", 115, "SCCP41.8-5-4S"));
            for n in 0..3 {
                s.at(n * 420_000);
                p.cdp(&mut s);
                p.lease(&mut s, &lease().with(|l| l.options.clear()).option_150(&[TFTP, SECOND]));
                p.missing(&mut s, TFTP, &format!("CTL{NAME}.tlv"));
                p.missing(&mut s, SECOND, &format!("CTL{NAME}.tlv"));
                p.fetch(&mut s, TFTP, &format!("{NAME}.cnf.xml"), &works().device_xml());
                let mut talk = p.register(&mut s, CM);
                p.keep_alives(&mut s, &mut talk, 12);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [0], "no_other_phones": true, "phones": {PHONE: {"verdict": ["healthy"]}},
                "no_errors_on": [PHONE], "root_absent": ["trust-list-mismatch"]})
        },
    },
    Case {
        name: "signed-files-only-7975",
        kind: "only-signed-file-asked-for",
        report: Some("https://community.cisco.com/t5/ip-telephony-and-phones/phone-registration-problem/m-p/2064222"),
        wire: "A 7975 asks for CTL, ITL and SEP….cnf.xml.sgn, boot after boot; none is there, and it never asks for the plain file.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7975G", 437, "SCCP75.9-4-2SR1-1S"));
            for _ in 0..4 {
                boots(&mut s, &mut p);
                for file in [format!("CTL{NAME}.tlv"), format!("ITL{NAME}.tlv"), "ITLFile.tlv".to_owned()] {
                    p.missing(&mut s, TFTP, &file);
                }
                p.missing(&mut s, TFTP, &format!("{NAME}.cnf.xml.sgn"));
                s.wait(35_000);
            }
            s.at(20_000);
            neighbour("7941G", 115, "SCCP41.8-5-4S").comes_up(&mut s, &lease(), TFTP, &works());
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["trust-list-mismatch"],
                json!({"phones": {NEIGHBOUR: {"verdict": ["healthy"]}},
                "codes": {"trust-list-mismatch": {"severity": ["error"], "phones": [PHONE]}},
                "root_absent": ["config-file-missing", "registers-with-tftp-server"],
                "says_not": ["make \\S+\\.cnf\\.xml\\.sgn exist"],
                "first_fix": {"where": ["phone", "call-manager"], "says": ["ITL|CTL|trust list"]}}),
            )
        },
    },
    Case {
        name: "tftp-access-violation-7912",
        kind: "file-refused",
        report: None,
        wire: "172.20.0.5 answers error 2 (Access violation) to SEP….cnf.xml and to XMLDefault.cnf.xml.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7912G", 30007, "CP7912080004SCCP080108A"));
            for _ in 0..3 {
                boots(&mut s, &mut p);
                p.refused(&mut s, TFTP, &format!("{NAME}.cnf.xml"), 2, "Access violation");
                p.refused(&mut s, TFTP, "XMLDefault.cnf.xml", 2, "Access violation");
                s.wait(30_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["file-refused"],
                json!({"codes": {"file-refused": {"severity": ["error"],
                "facts": {"file": "~^(SEP0022905B3E07|XMLDefault)", "tftp_server": TFTP, "answer": "~\\b2\\b|Access violation"}}},
                "codes_absent": ["config-file-missing", "tftp-no-answer"], "says": ["Access violation|permission|access|right"]}),
            )
        },
    },
    Case {
        name: "http-503-on-every-file",
        kind: "file-refused",
        report: None,
        wire: "172.20.0.5 answers 503 Service Unavailable over HTTP 6970 to every file, and TFTP on it answers nobody.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("8841", 683, "sip88xx.12-5-1SR3-74"));
            for _ in 0..3 {
                boots(&mut s, &mut p);
                for file in [format!("CTL{NAME}.tlv"), format!("{NAME}.cnf.xml.sgn"), format!("{NAME}.cnf.xml")] {
                    p.get(&mut s, TFTP, &file, "503 Service Unavailable", b"<html>busy</html>");
                }
                s.wait(25_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["file-refused"],
                json!({"codes": {"file-refused": {"severity": ["error"],
                "facts": {"tftp_server": TFTP, "answer": "~503"}}}, "codes_absent": ["config-file-missing"],
                "says": ["503"], "says_not": ["error 2\\b"]}),
            )
        },
    },
    Case {
        name: "http-410-for-an-8861",
        kind: "http-410",
        report: None,
        wire: "172.20.0.5 answers 410 Gone over HTTP to the own file and to the default file.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("8861", 684, "sip88xx.12-5-1SR3-74"));
            for _ in 0..3 {
                boots(&mut s, &mut p);
                for file in [format!("CTL{NAME}.tlv"), format!("{NAME}.cnf.xml"), "XMLDefault.cnf.xml".to_owned()] {
                    p.get(&mut s, TFTP, &file, "410 Gone", b"");
                }
                s.wait(20_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["config-file-missing"],
                json!({"codes": {"config-file-missing": {"severity": ["error"]}},
                "says": ["410"], "says_not": ["HTTP 404", "error 1: HTTP"], "evidence_not": ["error 1\\b"]}),
            )
        },
    },
    Case {
        name: "answers-from-the-other-node",
        kind: "tftp-answers-from-another-address",
        report: Some("https://github.com/tftp-go-team/hooktftp/issues/35"),
        wire: "The phone asks 172.20.0.5; DATA for its port comes from 172.20.0.9, and it asks again.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7970G", 30006, "SCCP70.8-5-4S"));
            boots(&mut s, &mut p);
            for _ in 0..6 {
                let port = p.ask(&mut s, TFTP, &format!("{NAME}.cnf.xml"));
                let octets = works().device_xml();
                for _ in 0..2 {
                    let data = tftp::data(1, &octets[..512.min(octets.len())]);
                    s.udp((p.to("172.20.0.9"), 40_112), (p.end(), port), &data);
                    s.wait(1_000);
                }
                s.wait(2_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["tftp-no-answer"],
                json!({"codes": {"tftp-no-answer": {"severity": ["error"],
                "facts": {"tftp_server": TFTP, "why": "other-address", "answered_from": "172.20.0.9"}}},
                "says_not": ["no answer at all"], "first_fix": {"says": ["172\\.20\\.0\\.9"]}}),
            )
        },
    },
    Case {
        name: "first-tftp-server-dead",
        kind: "first-tftp-server-dead",
        report: None,
        wire: "The lease names 172.20.0.5 and 172.20.0.6. The first answers nobody; the second serves both phones, and they register.",
        capture: || {
            let mut s = Scene::new();
            let both = || lease().with(|l| l.options.clear()).option_150(&[TFTP, SECOND]);
            for (n, p) in [phone("7941G", 115, "SCCP41.8-5-4S"), neighbour("7961G", 30018, "SCCP41.8-5-4S")]
                .iter_mut()
                .enumerate()
            {
                s.at(n as u64 * 8_000);
                p.cdp(&mut s);
                p.lease(&mut s, &both());
                let port = p.port();
                for _ in 0..4 {
                    let (own, far) = ((p.end(), port), (p.to(TFTP), 69));
                    s.udp(own, far, &tftp::read_request(&format!("CTL{}.tlv", p.name()), &[]));
                    s.wait(4_000);
                }
                p.configure(&mut s, SECOND, &works());
                let mut talk = p.register(&mut s, CM);
                p.keep_alives(&mut s, &mut talk, 3);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [0], "no_other_phones": true, "no_errors_on": [PHONE, NEIGHBOUR],
                "phones": {PHONE: {"verdict": ["healthy"]}, NEIGHBOUR: {"verdict": ["healthy"]}},
                "codes": {"tftp-no-answer": {"severity": ["warning"], "facts": {"tftp_server": TFTP}}},
                "codes_absent": ["wrong-tftp-server", "tftp-override"]})
        },
    },
    Case {
        name: "default-list-of-a-7970-not-followed",
        kind: "load-list-again-and-again",
        report: Some("http://blog.qsolved.com/2009/12/7941g-stuck-in-firmware-upgrade-loop.html"),
        wire: "term70.default.loads is served whole at each of five boots; no part of it is asked for.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7970G", 30006, ""));
            let list = b"jar70sccp.8-5-3TH1-6.sbn\ncnu70.8-5-3TH1-6.sbn\napps70.8-5-3TH1-6.sbn\nSCCP70.8-5-3S.loads\n";
            for _ in 0..5 {
                p.lease(&mut s, &lease());
                p.missing(&mut s, TFTP, &format!("CTL{NAME}.tlv"));
                p.fetch(&mut s, TFTP, "term70.default.loads", list);
                s.wait(47_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["load-not-accepted"],
                json!({"codes": {"load-not-accepted": {"severity": ["error"]}},
                "codes_absent": ["load-file-missing", "tftp-transfer-failed", "config-file-missing"],
                "says": ["term70\\.default\\.loads"]}),
            )
        },
    },
    Case {
        name: "load-name-with-its-suffix",
        kind: "load-name-spelt-wrong",
        report: None,
        wire: "loadInformation says SCCP42.9-4-2SR3-1S.loads; the phone asks for SCCP42.9-4-2SR3-1S.loads.loads, which is not there.",
        capture: || named_load("7942G", 434, "SCCP42.8-4-2S", "SCCP42.9-4-2SR3-1S.loads"),
        site: Some(SITE),
        expect: || {
            unwell(
                &["load-file-missing"],
                json!({"codes": {"load-file-missing": {"severity": ["error"]}},
                "says": ["\\.loads", "suffix|extension|ending|ends (in|with)|without \\W?\\.loads"],
                "first_fix": {"says": ["SCCP42\\.9-4-2SR3-1S(?!\\.loads)"], "where": ["call-manager", "tftp-server"]}}),
            )
        },
    },
    Case {
        name: "serial-number-in-place-of-a-load",
        kind: "load-name-spelt-wrong",
        report: Some(
            "https://community.cisco.com/t5/ip-telephony-and-phones/7941-and-7961-firmware-upgrade-failed/m-p/983314",
        ),
        wire: "loadInformation holds FCH1101963K, a serial number; the phone asks for FCH1101963K.loads, which is not there.",
        capture: || named_load("7941G", 115, "SCCP41.8-2-1S", "FCH1101963K"),
        site: Some(SITE),
        expect: || {
            unwell(
                &["load-file-missing"],
                json!({"codes": {"load-file-missing": {"severity": ["error"]}},
                "says": ["FCH1101963K", "serial"], "fix_says_not": ["(put|install|copy)[^.]{0,40}FCH1101963K"]}),
            )
        },
    },
    Case {
        name: "boot-text-not-followed",
        kind: "load-list-again-and-again",
        report: None,
        wire: "OS79XX.TXT is served at each of four boots; the phone asks for nothing else and boots again.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7960", 7, ""));
            for _ in 0..4 {
                p.lease(&mut s, &lease());
                p.fetch(&mut s, TFTP, "OS79XX.TXT", b"P00308010200\r\n");
                s.wait(40_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["load-not-accepted"],
                json!({"codes": {"load-not-accepted": {"severity": ["error"]}},
                "codes_absent": ["load-file-missing", "tftp-transfer-failed"], "says": ["OS79XX\\.TXT"]}),
            )
        },
    },
    Case {
        name: "boot-text-read-at-every-boot",
        kind: "near-miss",
        report: None,
        wire: "OS79XX.TXT is served at each of four boots, and names the load that the phone runs; it goes on and registers.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7960", 7, "P00305000300"));
            for n in 0..4 {
                s.at(n * 300_000);
                boots(&mut s, &mut p);
                p.fetch(&mut s, TFTP, "OS79XX.TXT", b"P00305000300\r\n");
                p.configure(&mut s, TFTP, &works());
                let mut talk = p.register(&mut s, CM);
                p.keep_alives(&mut s, &mut talk, 3);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [0], "no_other_phones": true, "phones": {PHONE: {"verdict": ["healthy"]}},
                "codes_absent": ["load-not-accepted"]})
        },
    },
    Case {
        name: "boot-text-with-a-blank-behind-the-name",
        kind: "load-name-spelt-wrong",
        report: None,
        wire: "OS79XX.TXT holds P003-07-5-00 and a blank; the phone asks for \"P003-07-5-00 .bin\", which is not there.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7960", 7, "P00306000500"));
            for _ in 0..3 {
                boots(&mut s, &mut p);
                p.fetch(&mut s, TFTP, "OS79XX.TXT", b"P003-07-5-00 \r\n");
                p.missing(&mut s, TFTP, "P003-07-5-00 .bin");
                s.wait(30_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["load-file-missing"],
                json!({"codes": {"load-file-missing": {"severity": ["error"]}}, "says": ["blank", "OS79XX\\.TXT"],
                "first_fix": {"says": ["P003-07-5-00", "blank", "OS79XX"], "where": ["tftp-server"]},
                "fix_says_not": ["Install all files"]}),
            )
        },
    },
    Case {
        name: "load-that-its-callmanager-refuses-is-missing",
        kind: "trap-load",
        report: None,
        wire: "A registered 7940 is told to run the load of the other cluster, which the server does not have.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7940", 8, "P00303000300"));
            boots(&mut s, &mut p);
            p.configure(&mut s, TFTP, &works().load("P00303010102"));
            p.missing(&mut s, TFTP, "P00303010102.bin");
            let mut talk = p.register(&mut s, CM);
            p.keep_alives(&mut s, &mut talk, 3);
            s.records().into()
        },
        site: Some(TRAP_SITE),
        expect: || {
            json!({"modes": ["site"], "no_other_phones": true, "phones": {PHONE: {"state": ["registered"]}},
                "codes": {"load-trap": {"facts": {"load_next": "P00303010102", "load_running": "P00303000300"}}},
                "says": ["load-trap|next boot"], "fix_says_not": ["Install all files of P00303010102"],
                "first_fix": {"says": ["P00303000300"], "says_not": ["^Put load P00303010102"]}})
        },
    },
    Case {
        name: "default-loads-missing-7962",
        kind: "default-loads-missing",
        report: Some("https://anishmandal.in/2016/04/cme-router-firmware-load-upgrading-firmware-on-cisco-ip-phones/"),
        wire: "After a factory reset the phone asks for term62.default.loads, is told that it is not there, and boots again.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7962G", 404, ""));
            for _ in 0..4 {
                p.lease(&mut s, &lease());
                p.missing(&mut s, TFTP, "term62.default.loads");
                s.wait(42_000);
            }
            s.at(15_000);
            neighbour("7961G", 30018, "SCCP41.8-5-4S").comes_up(&mut s, &lease(), TFTP, &works());
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["load-file-missing"],
                json!({"phones": {NEIGHBOUR: {"verdict": ["healthy"]}},
                "codes": {"load-file-missing": {"severity": ["error"], "facts": {"file": "term62.default.loads"}}},
                "says": ["reset|factory|no load|without a load"], "says_not": ["is told to run", "or name another"]}),
            )
        },
    },
    Case {
        name: "upgrade-loop-7975",
        kind: "upgrade-loop",
        report: Some(
            "https://community.cisco.com/t5/collaboration-voice-and-video/cisco-telepresence-system-replacing-or-installing-cp-7975-or-cp/ta-p/3122993",
        ),
        wire: "Every part of SCCP75.9-4-2SR3-1S is served at each boot; the phone announces SCCP75.8-3-2S again at the next.",
        capture: || upgrade_loop(Witness::Alarm),
        site: Some(SITE),
        expect: || expect_loop(),
    },
    Case {
        name: "upgrade-loop-told-by-cdp",
        kind: "upgrade-loop",
        report: Some(
            "https://community.cisco.com/t5/collaboration-voice-and-video/cisco-telepresence-system-replacing-or-installing-cp-7975-or-cp/ta-p/3122993",
        ),
        wire: "The same, and the phone never gets as far as CallManager: only its CDP says which load it runs.",
        capture: || upgrade_loop(Witness::Cdp),
        site: Some(SITE),
        expect: || expect_loop(),
    },
    Case {
        name: "upgrade-loop-told-by-lldp",
        kind: "upgrade-loop",
        report: None,
        wire: "The same with LLDP in place of CDP.",
        capture: || upgrade_loop(Witness::Lldp),
        site: Some(SITE),
        expect: || expect_loop(),
    },
    Case {
        name: "first-server-falls-silent-at-noon",
        kind: "right-server-silent",
        report: None,
        wire: "172.20.0.5 serves one phone, then answers nobody; a later phone falls to 172.20.9.5, takes its load and is rejected.",
        capture: || {
            let mut s = Scene::new();
            let both = || lease().with(|l| l.options.clear()).option_150(&[TFTP, "172.20.9.5"]);
            let mut n = neighbour("7961G", 30018, "SCCP41.8-5-4S");
            let mut talk = n.comes_up(&mut s, &both(), TFTP, &works());
            n.keep_alives(&mut s, &mut talk, 8);
            s.at(120_000);
            let mut p = phone("7961G", 30018, "SCCP41.8-5-4S");
            p.lease(&mut s, &both());
            let port = p.port();
            for _ in 0..4 {
                let (own, far) = ((p.end(), port), (p.to(TFTP), 69));
                s.udp(own, far, &tftp::read_request(&format!("CTL{NAME}.tlv"), &[]));
                s.wait(4_000);
            }
            let load = "SCCP41.9-4-2SR3-1S";
            p.configure(&mut s, "172.20.9.5", &works().load(load));
            p.fetch(&mut s, "172.20.9.5", &format!("{load}.loads"), b"jar41sccp.9-4-2TH1-1.sbn\n");
            p.fetch(&mut s, "172.20.9.5", "jar41sccp.9-4-2TH1-1.sbn", &part(3));
            p.load = load.to_owned();
            s.wait(40_000);
            for _ in 0..3 {
                p.rejected(&mut s, CM, b"Version Error");
                s.wait(20_000);
            }
            s.records().into()
        },
        site: None,
        expect: || {
            unwell(
                &["wrong-tftp-server", "tftp-no-answer"],
                json!({"phones": {NEIGHBOUR: {"verdict": ["healthy"]}},
                "codes": {"tftp-no-answer": {"phones": [PHONE], "facts": {"tftp_server": TFTP}}},
                "says": ["172\\.20\\.0\\.5\\b.{0,120}(not answer|no answer|silen|unanswered)"]}),
            )
        },
    },
    Case {
        name: "strange-server-puts-its-own-into-the-file",
        kind: "configuration-of-an-untrusted-server",
        report: None,
        wire: "A DHCP server that nobody knows sends a phone to 172.20.44.67, whose file has URLs and a second CallManager of its own.",
        capture: || {
            let mut s = Scene::new();
            let mut n = neighbour("7961G", 30018, "SCCP41.8-5-4S");
            let mut talk = n.comes_up(&mut s, &lease(), TFTP, &works().load("SCCP41.8-5-4S"));
            n.keep_alives(&mut s, &mut talk, 4);
            s.at(60_000);
            let mut p = phone("7961G", 30018, "SCCP41.8-5-4S");
            p.lease(&mut s, &Lease::from("172.20.44.66").option_150(&["172.20.44.67"]));
            let load = "SCCP41.9-4-2SR3-1S";
            let own = String::from_utf8(config(&[CM, "172.20.44.68"]).load(load).device_xml()).expect("text");
            let strange = own.replace("</device>", "<servicesURL>http://172.20.44.67/grab</servicesURL></device>");
            p.fetch(&mut s, "172.20.44.67", &format!("{NAME}.cnf.xml"), strange.as_bytes());
            p.fetch(&mut s, "172.20.44.67", &format!("{load}.loads"), b"jar41sccp.9-4-2TH1-1.sbn\n");
            p.fetch(&mut s, "172.20.44.67", "jar41sccp.9-4-2TH1-1.sbn", &part(3));
            p.load = load.to_owned();
            s.wait(40_000);
            for _ in 0..3 {
                p.rejected(&mut s, CM, b"Version Error");
                s.wait(20_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {}, NEIGHBOUR: {"verdict": ["healthy"]}},
                "pack": {"tftp/*": {"says": ["SCCP41\\.8-5-4S"], "says_not": ["grab", "172\\.20\\.44\\.6"]},
                    "README*": {"says_not": ["TFTP path of 172\\.20\\.44\\.67", "On 172\\.20\\.44\\.67"]}}})
        },
    },
    Case {
        name: "learn-knows-no-silent-server",
        kind: "learn-silent-server",
        report: None,
        wire: "Two phones are well with 172.20.0.5; a third asks 172.20.9.5, which never answers, and registers with what it has stored.",
        capture: || {
            let mut s = Scene::new();
            neighbour("7961G", 30018, "SCCP41.8-5-4S").comes_up(&mut s, &lease(), TFTP, &works());
            s.at(5_000);
            let mut p = phone("7941G", 115, "SCCP41.8-5-4S");
            p.lease(&mut s, &lease().with(|l| l.options.clear()).option_150(&["172.20.9.5"]));
            let port = p.port();
            for _ in 0..5 {
                let (own, far) = ((p.end(), port), (p.to("172.20.9.5"), 69));
                s.udp(own, far, &tftp::read_request(&format!("{NAME}.cnf.xml"), &[]));
                s.wait(4_000);
            }
            let mut talk = p.register(&mut s, CM);
            p.keep_alives(&mut s, &mut talk, 2);
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"phones": {NEIGHBOUR: {"verdict": ["healthy"]}, PHONE: {"state": ["registered"]}},
                "learn": {"says": ["172\\.20\\.0\\.5"], "says_not": ["(?<!# )tftp = \\[[^\\]]*172\\.20\\.9\\.5"]}})
        },
    },
    Case {
        name: "encrypted-file-fetched-for-ever",
        kind: "encrypted-configuration-again-and-again",
        report: None,
        wire: "SEP….cnf.xml.enc.sgn is served whole at each of six boots; the phone cannot read it and never connects to a CallManager.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7962G", 404, "SCCP42.9-3-1SR2-1S"));
            let sealed: Vec<u8> = (0..2300u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
            for _ in 0..6 {
                boots(&mut s, &mut p);
                p.fetch(&mut s, TFTP, &format!("CTL{NAME}.tlv"), &sealed[..900]);
                p.fetch(&mut s, TFTP, &format!("{NAME}.cnf.xml.enc.sgn"), &sealed);
                s.wait(50_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {}}, "root_absent": ["incomplete", "healthy"],
                "says": ["enc\\.sgn|encrypted", "CAPF|LSC|key|trust list|CTL"]})
        },
    },
    Case {
        name: "part-of-a-load-missing",
        kind: "load-part-missing",
        report: None,
        wire: "SCCP42.9-4-2SR3-1S.loads is served, and cnu42.9-4-2ES26.sbn, which it lists, is not there; at each of three boots.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7942G", 434, "SCCP42.8-5-4S"));
            for _ in 0..3 {
                boots(&mut s, &mut p);
                p.configure(&mut s, TFTP, &works().load("SCCP42.9-4-2SR3-1S"));
                let list = b"jar42sccp.9-4-2ES26.sbn\ncnu42.9-4-2ES26.sbn\n";
                p.fetch(&mut s, TFTP, "SCCP42.9-4-2SR3-1S.loads", list);
                p.fetch(&mut s, TFTP, "jar42sccp.9-4-2ES26.sbn", &part(3));
                p.missing(&mut s, TFTP, "cnu42.9-4-2ES26.sbn");
                s.wait(30_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["load-file-missing"],
                json!({"codes": {"load-file-missing": {"severity": ["error"],
                "facts": {"file": "cnu42.9-4-2ES26.sbn", "tftp_server": TFTP}}},
                "codes_absent": ["load-not-accepted"],
                "first_fix": {"says": ["SCCP42\\.9-4-2SR3-1S\\.loads"], "where": ["tftp-server"]}}),
            )
        },
    },
    Case {
        name: "signed-file-fetched-for-ever",
        kind: "signed-configuration-again-and-again",
        report: None,
        wire: "SEP….cnf.xml.sgn is served whole at each of five boots; the phone never connects to a CallManager.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7962G", 404, "SCCP42.9-3-1SR2-1S"));
            let signed = [&b"\x01\x00\x02\x01\x00"[..], &works().device_xml()].concat();
            for _ in 0..5 {
                boots(&mut s, &mut p);
                p.missing(&mut s, TFTP, &format!("CTL{NAME}.tlv"));
                p.fetch(&mut s, TFTP, &format!("{NAME}.cnf.xml.sgn"), &signed);
                s.wait(50_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["trust-list-mismatch"],
                json!({"codes": {"trust-list-mismatch": {"severity": ["error"]}},
                "first_fix": {"where": ["phone", "call-manager"], "says": ["ITL|CTL|trust list"]}}),
            )
        },
    },
    Case {
        name: "encrypted-file-and-registered",
        kind: "near-miss",
        report: None,
        wire: "SEP….cnf.xml.enc.sgn is served at each of three boots, and the phone registers each time.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7962G", 404, "SCCP42.9-3-1SR2-1S"));
            let sealed: Vec<u8> = (0..2300u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
            for n in 0..3 {
                s.at(n * 200_000);
                boots(&mut s, &mut p);
                p.fetch(&mut s, TFTP, &format!("{NAME}.cnf.xml.enc.sgn"), &sealed);
                let mut talk = p.register(&mut s, CM);
                p.keep_alives(&mut s, &mut talk, 2);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [0], "no_other_phones": true, "phones": {PHONE: {"verdict": ["healthy"]}},
                "codes_absent": ["config-file-broken", "trust-list-mismatch"]})
        },
    },
    Case {
        name: "itl-loop-of-a-7942",
        kind: "trust-list-asked-for-ever",
        report: None,
        wire: "The phone asks for ITLSEP….tlv every few seconds, is served it each time, and asks for nothing else.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone("7942G", 434, "SCCP42.9-3-1SR2-1S"));
            boots(&mut s, &mut p);
            for _ in 0..9 {
                p.fetch(&mut s, TFTP, &format!("ITL{NAME}.tlv"), &part(2));
                s.wait(9_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            unwell(
                &["trust-list-mismatch"],
                json!({"codes": {"trust-list-mismatch": {"severity": ["error"],
                "facts": {"file": "~^ITLSEP"}}}, "codes_absent": ["config-file-missing"], "says": ["ITLSEP\\w+\\.tlv"]}),
            )
        },
    },
];

/// A phone whose configuration names a load that is not there, boot after boot.
fn named_load(model: &'static str, device_type: u32, running: &str, load: &str) -> super::Capture {
    let (mut s, mut p) = (Scene::new(), phone(model, device_type, running));
    for _ in 0..3 {
        boots(&mut s, &mut p);
        p.configure(&mut s, TFTP, &works().load(load));
        p.missing(&mut s, TFTP, &format!("{load}.loads"));
        s.wait(30_000);
    }
    s.records().into()
}

/// Who says which load the phone runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Witness {
    Alarm,
    Cdp,
    Lldp,
}

/// Boots that fetch a load whole and come back with the old one.
fn upgrade_loop(witness: Witness) -> super::Capture {
    let (mut s, mut p) = (Scene::new(), phone("7975G", 437, "SCCP75.8-3-2S"));
    let parts = ["apps75.9-4-2ES26.sbn", "cnu75.9-4-2ES26.sbn", "jar75sccp.9-4-2ES26.sbn"];
    for _ in 0..4 {
        match witness {
            Witness::Alarm | Witness::Cdp => p.cdp(&mut s),
            Witness::Lldp => s.plain(announced(&p).frame(p.mac)),
        }
        p.lease(&mut s, &lease());
        p.configure(&mut s, TFTP, &works().load("SCCP75.9-4-2SR3-1S"));
        if witness == Witness::Alarm {
            let mut talk = p.introduce(&mut s, CM);
            s.close(&mut talk, true);
        }
        p.fetch(&mut s, TFTP, "SCCP75.9-4-2SR3-1S.loads", parts.join("\n").as_bytes());
        for name in parts {
            p.fetch(&mut s, TFTP, name, &part(4));
        }
        s.wait(55_000);
    }
    s.at(30_000);
    neighbour("7941G", 115, "SCCP41.9-4-2SR3-1S").comes_up(&mut s, &lease(), TFTP, &works());
    s.records().into()
}

/// The phone as LLDP announces it.
fn announced(p: &Handset) -> lldp::Announcement {
    lldp::Announcement {
        port_id: format!("{}:P1", &p.name()[3..]),
        system_name: Some(p.name()),
        system_description: Some(format!("Cisco IP Phone {}, {}", p.model, p.load)),
        voice_vlan: None,
        firmware: Some(p.load.clone()),
        model: Some(format!("CP-{}", p.model)),
    }
}

fn expect_loop() -> Value {
    unwell(
        &["load-not-accepted"],
        json!({"phones": {NEIGHBOUR: {"verdict": ["healthy"]}},
            "codes": {"load-not-accepted": {"severity": ["error"], "phones": [PHONE],
                "facts": {"load": "~SCCP75\\.9-4-2SR3-1S", "load_running": "~SCCP75\\.8-3|8\\.3\\(2"}}},
            "root_absent": ["incomplete", "tftp-transfer-failed"],
            "says": ["8[.(-]5|intermediate|in between|stepping"]}),
    )
}
