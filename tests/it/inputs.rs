//! What the command takes as input, and what it says of input that it can not take.

use std::io::Write;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use phonescope::site::Site;
use serde_json::Value;

use crate::product::{list, report_on, text};
use crate::support::capture_file::{Order, Record, Resolution, pcap, pcap_header};
use crate::support::frame::{BROADCAST, Frame};
use crate::support::phone::Phone;
use crate::support::phone_config::PhoneConfig;
use crate::support::shipped::shipped;
use crate::support::site::{Answer, CallManager, DhcpServer, Segment, Site as Network, Tap, TftpServer};
use crate::support::span_port::Capture;
use crate::support::tunnel::LINK_ETHERNET;

struct Ran {
    code: i32,
    out: String,
    said: String,
}

fn run(arguments: &[&str]) -> Ran {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("phonescope"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        said: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder for one test, with what it is given.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// The report of the command, without what differs by the name of the input.
fn report(arguments: &[&str]) -> Value {
    let ran = run(&[&["analyze", "-T", "json"], arguments].concat());
    let mut report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.said));
    report.as_object_mut().unwrap().remove("inputs");
    report
}

fn shipped_bytes(path: &str) -> Vec<u8> {
    let capture = shipped().into_iter().find(|s| s.path == path).unwrap();
    (capture.build)()
}

/// A boot that a CallManager turns away, seen on both sides of the router.
fn both_sides() -> Capture {
    let phone = "00:03:6b:3a:10:01";
    let mut site = Network::new(&[Segment::new("10.30.110")])
        .dhcp(DhcpServer::at("10.30.0.2", "10.30.110.20").option_150(&["10.30.0.5"]))
        .tftp(TftpServer::at("10.30.0.5").phone(phone, &PhoneConfig::naming(&["10.30.0.10"])))
        .call_manager(CallManager::at("10.30.0.10", "CM").answers(&[Answer::Rejects(b"No")]))
        .tap(Tap::BothSides);
    site.boot(0, &Phone::new("7960", phone, "P00303000300"));
    site.capture()
}

fn part(of: &Capture, keep: impl Fn(usize, &Record) -> bool) -> Vec<u8> {
    let records: Vec<Record> =
        of.records.iter().enumerate().filter(|(i, r)| keep(*i, r)).map(|(_, r)| r.clone()).collect();
    pcap(Order::Little, Resolution::Micro, LINK_ETHERNET, &records)
}

// ---- damage and what is no capture ----

#[test]
fn damage_is_told_with_file_packet_and_byte() {
    let folder = Folder::new();
    let whole = shipped_bytes("healthy/boot.pcap");
    let cut = folder.put("cut.pcap", &whole[..whole.len() - 5]);
    let packets = report_on(&[("x", &whole)], &Site::none())["inputs"][0]["packets"].as_u64().unwrap();
    let ran = run(&["analyze", "-T", "json", &cut]);
    let said = format!("{cut} is damaged: cut off in packet {packets} at byte {}", whole.len() - 5);
    assert_eq!(ran.code, 3);
    assert!(ran.said.contains(&said), "{}", ran.said);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(said.ends_with(text(&report["inputs"][0], "problem")));
    assert_eq!(report["inputs"][0]["packets"], packets - 1, "what could be read is there");
    assert_eq!(list(&report, "phones").len(), 1);

    // A length that no packet has, in the middle.
    let mut corrupt = whole.clone();
    let third = 24
        + (0..2).fold(0, |at, _| at + 16 + usize::from(u16::from_le_bytes([whole[24 + at + 8], whole[24 + at + 9]])));
    corrupt[third + 8..third + 12].copy_from_slice(&[0xff; 4]);
    let corrupt = folder.put("corrupt.pcap", &corrupt);
    let ran = run(&["analyze", &corrupt]);
    assert_eq!(ran.code, 3);
    let where_it_is = format!("{corrupt} is damaged: packet 3 at byte {third} ");
    assert!(ran.said.contains(&where_it_is), "{}", ran.said);
}

#[test]
fn damage_exit_code_outranks_findings_and_exit_zero() {
    let folder = Folder::new();
    let fires = shipped_bytes("registration-rejected/fires-text.pcap");
    let (whole, cut) = (folder.put("whole.pcap", &fires), folder.put("cut.pcap", &fires[..fires.len() - 5]));
    let healthy = folder.put("healthy.pcap", &shipped_bytes("healthy/boot.pcap"));
    let code = |arguments: &[&str]| run(&[&["analyze"], arguments].concat()).code;
    assert_eq!(code(&[&whole]), 1);
    assert_eq!(code(&["--exit-zero", &whole]), 0);
    assert_eq!(code(&[&cut]), 3);
    assert_eq!(code(&["--exit-zero", &cut]), 3);
    assert_eq!(code(&[&healthy, &whole]), 1);
    // What can not be done at all comes before all else, and nothing is written.
    let ran = run(&["analyze", &cut, "no-such.pcap"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.said);
}

#[test]
fn what_is_no_capture_is_named_with_the_reason() {
    let folder = Folder::new();
    let empty = folder.put("empty.pcap", b"");
    let page = folder.put("page.pcap", b"GET / HTTP/1.1\r\nHost: example.net\r\n\r\n");
    let junk = folder.put("junk.pcap", &[0x7f, 0, 3, 0xee].repeat(40));
    let header = folder.put("header.pcap", &pcap_header(Order::Little, Resolution::Micro, LINK_ETHERNET)[..20]);
    folder.put("texts/readme.txt", b"no capture in here\n");
    let texts = folder.path().join("texts");
    for (path, why) in [
        (empty.as_str(), "empty"),
        (&page, "a text file"),
        (&junk, "no capture"),
        (&header, "cut off"),
        (texts.to_str().unwrap(), "no capture"),
        ("no-such.pcap", "no such file"),
    ] {
        for command in ["analyze", "events"] {
            let ran = run(&[command, path]);
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{path}");
            assert!(ran.said.contains(path) && ran.said.to_lowercase().contains(why), "{path}: {}", ran.said);
        }
    }
}

#[test]
fn empty_capture_is_read_and_reported_as_empty() {
    let folder = Folder::new();
    let path = folder.put("none.pcap", &pcap_header(Order::Little, Resolution::Micro, LINK_ETHERNET));
    let ran = run(&["analyze", &path]);
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert!(ran.out.to_lowercase().contains("no phone"), "{}", ran.out);
}

#[test]
fn capture_without_phones_is_not_reported_as_healthy() {
    let folder = Folder::new();
    let chatter: Vec<Record> = (0..20u64)
        .map(|n| Record::whole(n * 1_000_000, Frame::ethernet(BROADCAST, [2, 0, 0, 0, 0, n as u8], 0x88b5, b"x").0))
        .collect();
    let path = folder.put("chatter.pcap", &pcap(Order::Little, Resolution::Micro, LINK_ETHERNET, &chatter));
    let ran = run(&["analyze", &path]);
    assert_eq!(ran.code, 0);
    let page = ran.out.to_lowercase();
    assert!(page.contains("no phone") && !page.contains("healthy"), "{}", ran.out);
    let notes = report(&[&path])["coverage"]["notes"].to_string();
    assert!(notes.contains("no phone was seen"), "{notes}");
}

#[test]
fn an_error_in_the_site_file_is_told_with_line_and_column() {
    let folder = Folder::new();
    let capture = folder.put("a.pcap", &shipped_bytes("healthy/boot.pcap"));
    let site =
        folder.put("site.toml", b"[network]\ndhcp_servers = [\"10.30.0.2\"]\n\n[[cluster]]\nname = \"a\"\ntfpt = []\n");
    let ran = run(&["analyze", "--site", &site, &capture]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.said.contains(&format!("{site}:6:1")) && ran.said.contains("tfpt"), "{}", ran.said);
}

// ---- what a file may be ----

/// A zstd frame of raw blocks (RFC 8878).
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend((bytes.len() as u32).to_le_bytes());
    let blocks: Vec<&[u8]> = bytes.chunks(100_000).collect();
    for (n, block) in blocks.iter().enumerate() {
        let last = u32::from(n + 1 == blocks.len());
        out.extend(&((block.len() as u32) << 3 | last).to_le_bytes()[..3]);
        out.extend(*block);
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_captures_and_events_give_the_same_report() {
    let folder = Folder::new();
    let bytes = shipped_bytes("wrong-tftp-server/fires-load-taken.pcap");
    let plain = folder.put("plain.pcap", &bytes);
    let expected = report(&[&plain]);
    let events = run(&["events", &plain]).out.into_bytes();
    for (name, content) in [
        ("a.pcap.gz", gzip(&bytes)),
        // What a file is, is read from it and not from its name.
        ("a.pcap", gzip(&bytes)),
        ("a.pcap.zst", zstd(&bytes)),
        ("two.gz", [gzip(&bytes[..500]), gzip(&bytes[500..])].concat()),
        ("events.ndjson", events.clone()),
        ("events.ndjson.gz", gzip(&events)),
        ("events.zst", zstd(&events)),
    ] {
        assert_eq!(report(&[&folder.put(name, &content)]), expected, "{name}");
    }
}

#[test]
fn a_folder_is_the_captures_in_it() {
    let folder = Folder::new();
    let whole = both_sides();
    let half = whole.records.len() / 2;
    folder.put("spool/a.pcap", &part(&whole, |i, _| i < half));
    folder.put("spool/b.pcap", &part(&whole, |i, _| i >= half));
    folder.put("spool/notes.txt", b"taken on Monday\n");
    let ran = run(&["analyze", "-T", "json", folder.path().join("spool").to_str().unwrap()]);
    assert!(ran.said.contains("notes.txt"), "{}", ran.said);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(list(&report, "inputs").len(), 2);
    assert_eq!(list(&report, "phones").len(), 1);
}

// ---- several files are one timeline ----

/// What is said of phones, without where it stands.
fn said(report: &Value) -> Vec<String> {
    let one = |p: &Value| {
        let times: Vec<String> = list(p, "timeline").iter().map(|t| format!("{} {}", t["time"], t["text"])).collect();
        format!("{} {} {} {times:#?}", p["mac"], p["verdict"], p["registration"])
    };
    list(report, "phones").iter().map(one).collect()
}

#[test]
fn a_capture_in_two_files_gives_what_it_gives_in_one() {
    let whole = both_sides();
    let expected = said(&report_on(&[("whole", &part(&whole, |_, _| true))], &Site::none()));
    for at in [1, whole.records.len() / 3, whole.records.len() / 2, whole.records.len() - 1] {
        let (first, second) = (part(&whole, |i, _| i < at), part(&whole, |i, _| i >= at));
        assert_eq!(said(&report_on(&[("1", &first), ("2", &second)], &Site::none())), expected, "cut at {at}");
        assert_eq!(said(&report_on(&[("2", &second), ("1", &first)], &Site::none())), expected, "the other way round");
    }
    // A frame here, a frame there, as a ring of span ports may have it.
    let (even, odd) = (part(&whole, |i, _| i % 2 == 0), part(&whole, |i, _| i % 2 == 1));
    assert_eq!(said(&report_on(&[("even", &even), ("odd", &odd)], &Site::none())), expected);
}

#[test]
fn two_span_ports_see_every_message_once() {
    let whole = both_sides();
    let everything = part(&whole, |_, _| true);
    let once = report_on(&[("access", &everything)], &Site::none());
    // The second port's clock is a little ahead.
    let mut ahead = whole.clone();
    ahead.records.iter_mut().for_each(|r| r.time += 700_000_000);
    for other in [part(&whole, |_, _| true), part(&ahead, |_, _| true)] {
        let twice = report_on(&[("access", &everything), ("core", &other)], &Site::none());
        for (a, b) in list(&once, "phones").iter().zip(list(&twice, "phones")) {
            assert_eq!(a["verdict"], b["verdict"]);
            assert_eq!(a["registration"], b["registration"], "attempts are counted once");
            assert_eq!(list(&a["tftp"], "files").len(), list(&b["tftp"], "files").len());
            assert_eq!(list(a, "timeline").len(), list(b, "timeline").len());
        }
        assert_eq!(once["servers"], twice["servers"]);
        assert!(twice["coverage"]["duplicate_frames"].as_u64() > once["coverage"]["duplicate_frames"].as_u64());
    }
}

#[test]
fn a_port_on_each_side_of_the_router_sees_every_message_once() {
    let whole = both_sides();
    let server_side = |r: &Record| r.data[..3] == [0x00, 0x50, 0x8b] || r.data[6..9] == [0x00, 0x50, 0x8b];
    let (access, core) = (part(&whole, |_, r| !server_side(r)), part(&whole, |_, r| server_side(r)));
    let report = report_on(&[("access", &access), ("core", &core)], &Site::none());
    let expected = report_on(&[("whole", &part(&whole, |_, _| true))], &Site::none());
    assert_eq!(said(&report), said(&expected));
    assert_eq!(report["servers"], expected["servers"]);
}

#[test]
fn standard_input_may_be_one_of_several() {
    let whole = both_sides();
    let folder = Folder::new();
    let half = whole.records.len() / 2;
    let file = folder.put("first.pcap", &part(&whole, |i, _| i < half));
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("phonescope"));
    let output = command
        .args(["analyze", "-T", "json", &file, "-"])
        .write_stdin(gzip(&part(&whole, |i, _| i >= half)))
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said(&report), said(&report_on(&[("whole", &part(&whole, |_, _| true))], &Site::none())));
    assert_eq!(list(&report, "inputs")[1]["path"], "-");
}
