//! Whoever can put a frame on the network can put text into reports. None of it may act on who reads them.

use std::collections::BTreeSet;

use phonescope::report::{write_csv, write_ndjson};
use phonescope::site::Site;

use crate::product::{analyzed, events, json, site_of, table, table_in};
use crate::support::capture_file::Record;
use crate::support::cdp;
use crate::support::frame::mac;
use crate::support::lldp;
use crate::support::phone::Phone;
use crate::support::phone_config::PhoneConfig;
use crate::support::shipped::shipped;
use crate::support::site::{Answer, CallManager, DhcpServer, START, Segment, Site as Network, TftpServer};

/// Terminal commands, bells, C1 controls, line ends, marks that turn the direction of text or can not be seen, and
/// what a spreadsheet, a shell, Markdown or HTML would act on.
const HOSTILE: &str =
    "\u{1b}]0;x\u{7}\u{1b}[31m\u{202e}\r\n\u{9b}2J\u{200b}\u{2066}=cmd|'x'!A1`$(x)<b>\u{85}\u{feff}\t|\u{7f}";

/// Of `length` octets; may end in the middle of a character.
fn hostile(length: usize) -> Vec<u8> {
    HOSTILE.bytes().cycle().take(length).collect()
}

/// What must not be in an output; line feeds end lines.
fn dangerous(text: &str) -> BTreeSet<char> {
    let invisible = |c: char| matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.chars().filter(|c| (c.is_control() && *c != '\n') || invisible(*c)).collect()
}

/// All that is written about a capture, with the name of the format.
fn outputs(name: &str, bytes: &[u8], site: &Site) -> Vec<(&'static str, String)> {
    let analyzer = analyzed(&[(name, bytes)]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let diagnosis = analyzer.diagnose(site);
    let (mut ndjson, mut csv) = (Vec::new(), Vec::new());
    write_ndjson(&diagnosis, &mut ndjson).unwrap();
    write_csv(&diagnosis, &mut csv).unwrap();
    vec![
        ("table", table(&analyzer, site)),
        ("narrow table", table_in(&analyzer, site, Some(40), true)),
        ("wide table", table_in(&analyzer, site, Some(200), true)),
        ("json", text(json(&analyzer, site))),
        ("ndjson", text(ndjson)),
        ("csv", text(csv)),
        ("events", text(events(&[(name, bytes)]))),
    ]
}

/// Checks them; gives how often hostile text is in them in its harmless form.
fn check(name: &str, bytes: &[u8], site: &Site) -> usize {
    let mut spelled_out = 0;
    for (format, text) in outputs(name, bytes, site) {
        assert_eq!(dangerous(&text), BTreeSet::new(), "{name}: {format}");
        spelled_out += text.matches("\\u{1b}").count() + text.matches("\\u001b").count();
        let lines = text.lines().filter(|l| !l.is_empty());
        match format {
            "json" => drop(serde_json::from_str::<serde_json::Value>(&text).unwrap()),
            "ndjson" | "events" => {
                lines.for_each(|l| {
                    drop(serde_json::from_str::<serde_json::Value>(l).unwrap_or_else(|e| panic!("{e}: {l}")))
                });
            }
            "csv" => {
                let formula = |cell: &str| cell.trim_matches('"').starts_with(['=', '+', '@', '\t', '\r']);
                assert!(!text.split([',', '\n']).any(formula), "{name}: a formula in {text}");
            }
            _ => {}
        }
    }
    spelled_out
}

/// Texts in shipped captures that somebody on the network chose.
const CHOSEN: [&str; 16] = [
    "Version Error",
    "Initialized",
    "File not found",
    "OS79XX.TXT",
    "XMLDefault",
    ".cnf.xml",
    "P00303000300",
    "P00303010102",
    "P00403010102",
    "3.1(1.2)",
    "Cisco IP Phone",
    "Cisco Systems, Inc. IP Phone CP-7960",
    "HQ-CM1",
    "processNodeName>10.30.0.1",
    "versionStamp>{Jun",
    "tftp.",
];

#[test]
fn text_of_shipped_captures_turned_hostile_does_no_harm() {
    let mut spelled_out = 0;
    for capture in shipped() {
        let bytes = (capture.build)();
        let site = site_of(&capture);
        let swapped = |chosen: &[&str]| {
            let mut bytes = bytes.clone();
            for text in chosen {
                // What a tag says is changed, the tag is not.
                let keep = text.find('>').map_or(0, |at| at + 1);
                let places: Vec<usize> = bytes
                    .windows(text.len())
                    .enumerate()
                    .filter(|(_, w)| *w == text.as_bytes())
                    .map(|(at, _)| at)
                    .collect();
                for at in places {
                    bytes[at + keep..at + text.len()].copy_from_slice(&hostile(text.len() - keep));
                }
            }
            bytes
        };
        spelled_out += check(capture.path, &swapped(&CHOSEN), &site);
        for text in CHOSEN.chunks(4) {
            spelled_out += check(capture.path, &swapped(text), &site);
        }
    }
    assert!(spelled_out > 10_000, "the text did not get through: {spelled_out}");
}

#[test]
fn a_network_that_is_hostile_in_every_field_does_no_harm() {
    let phone = "00:03:6b:3a:10:01";
    let long = hostile(255);
    let name = format!("SEP00036B3A10{HOSTILE}");
    let config = PhoneConfig::naming(&["10.30.0.10", HOSTILE, &HOSTILE.repeat(40)]).load(HOSTILE);
    let mut site = Network::new(&[Segment::new("10.30.110")])
        .dhcp(
            [12, 15, 43, 56, 60, 61, 66, 67, 82, 125, 150, 200]
                .into_iter()
                .fold(DhcpServer::at("10.30.0.2", "10.30.110.20"), |s, code| s.option(code, &long))
                .with(|s| s.sname = String::from_utf8_lossy(&hostile(63)).chars().take(20).collect()),
        )
        .dhcp(DhcpServer::at("10.30.0.3", "10.30.110.90").option_150(&["10.30.0.5"]).option(12, &long).delay_ms(3))
        .tftp(TftpServer::at("10.30.0.5").phone(phone, &config).with(|s| s.error_text = HOSTILE))
        .call_manager(
            CallManager::at("10.30.0.10", HOSTILE).answers(&[Answer::Rejects(HOSTILE.as_bytes())]).wants(HOSTILE),
        );
    for (at, prefers) in [(0, "10.30.0.2"), (90_000, "10.30.0.3")] {
        let phone = Phone::new("7960", phone, "P00303000300").with(|p| {
            p.prefers = Some(prefers.parse().unwrap());
            p.vendor_class = [b"Cisco Systems, Inc. IP Phone CP-".as_slice(), &long[..200]].concat();
            p.claims_name = Some(name.chars().take(15).collect());
            p.stored_call_managers = vec!["10.30.0.10".parse().unwrap()];
        });
        site.boot(at, &phone);
    }
    let announcement = cdp::Announcement {
        device_id: name.clone(),
        port_id: HOSTILE.to_owned(),
        software_version: Some(HOSTILE.repeat(3)),
        platform: format!("Cisco IP Phone {HOSTILE}"),
        ..cdp::Announcement::default()
    };
    let mut capture = site.capture();
    capture.records.push(Record::whole(START, announcement.frame(mac(phone)).0));
    let system = [lldp::tlv(5, &long), lldp::tlv(6, &long), lldp::tlv(4, &long)].concat();
    let mut frame = announcement.frame(mac(phone)).0[..14].to_vec();
    frame[..6].copy_from_slice(&[0x01, 0x80, 0xc2, 0, 0, 0x0e]);
    frame[12..14].copy_from_slice(&[0x88, 0xcc]);
    frame.extend(
        [
            &lldp::tlv(1, &[&[4], mac(phone).as_slice()].concat())[..],
            &lldp::tlv(2, &[&[7], &long[..60]].concat()),
            &lldp::tlv(3, &[0, 120]),
            &system,
            &lldp::tlv(0, b""),
        ]
        .concat(),
    );
    capture.records.push(Record::whole(START, frame));
    let spelled_out = check("hostile.pcap", &capture.pcap(), &Site::none());
    assert!(spelled_out > 100, "the text did not get through: {spelled_out}");
}

#[cfg(unix)]
#[test]
fn a_file_may_have_a_hostile_name() {
    let folder = tempfile::tempdir().unwrap();
    let name = HOSTILE.replace('/', "");
    let healthy = shipped().into_iter().find(|s| s.path == "healthy/boot.pcap").unwrap();
    let path = folder.path().join(format!("{name}.pcap"));
    let bytes = (healthy.build)();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let missing = folder.path().join(format!("{name}.missing"));
    let site = folder.path().join(format!("{name}.toml"));
    std::fs::write(
        &site,
        format!(
            "[network]\n\"{}\" = 1\n",
            HOSTILE.escape_default().to_string().replace("\\u{", "\\U{").replace("\\'", "'")
        ),
    )
    .unwrap();
    let run = |arguments: &[&std::ffi::OsStr]| {
        let output =
            assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("phonescope")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for format in ["table", "json", "ndjson", "csv"] {
        let (code, out, said) = run(&["analyze".as_ref(), "-T".as_ref(), format.as_ref(), path.as_ref()]);
        assert_eq!(code, Some(3));
        assert_eq!((dangerous(&out), dangerous(&said)), (BTreeSet::new(), BTreeSet::new()), "{format}");
        assert!(said.contains("is damaged"), "{said}");
    }
    for arguments in [
        &["events".as_ref(), path.as_os_str()][..],
        &["analyze".as_ref(), missing.as_ref()],
        &["analyze".as_ref(), path.as_ref(), "--site".as_ref(), site.as_ref()],
        &["analyze".as_ref(), path.as_ref(), "--site".as_ref(), missing.as_ref()],
        &["analyze".as_ref(), path.as_ref(), "-o".as_ref(), path.as_ref()],
        &["analyze".as_ref(), path.as_ref(), "--phone".as_ref(), HOSTILE.as_ref()],
        &["analyze".as_ref(), HOSTILE.as_ref(), "--format".as_ref(), HOSTILE.as_ref()],
        &["explain".as_ref(), HOSTILE.as_ref()],
        &[HOSTILE.as_ref()],
    ] {
        let (code, out, said) = run(arguments);
        assert!(matches!(code, Some(0..=3)), "{arguments:?}: {said}");
        assert_eq!(
            (dangerous(&out), dangerous(&said)),
            (BTreeSet::new(), BTreeSet::new()),
            "{arguments:?}: {out}{said}"
        );
    }
}
