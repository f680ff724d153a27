//! The command line from outside: what it prints where, and how it ends.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

const FOUNDING: &str = "captures/founding-case/mixed-site.pcap";
const SITE: &str = "captures/founding-case/site.toml";
const HEALTHY: &str = "captures/healthy/boot.pcap";

fn phonescope(arguments: &[&str]) -> Ran {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("phonescope"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A healthy capture without its last octets.
fn cut_capture(folder: &Path) -> String {
    let path = folder.join("cut.pcap");
    let whole = std::fs::read(shipped(HEALTHY)).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_founding_case_is_found() {
    let ran = phonescope(&["analyze", "--site", SITE, FOUNDING]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("wrong-tftp-server"), "{}", ran.stdout);
    assert!(
        ran.stdout.bytes().all(|b| b == b'\n' || !b.is_ascii_control()),
        "no control characters without a terminal"
    );
    assert_eq!(ran.stderr, "");
    assert_eq!(phonescope(&["analyze", "--site", SITE, FOUNDING, "--exit-zero"]).code, 0);
}

#[test]
fn a_healthy_capture_ends_with_0() {
    let ran = phonescope(&["analyze", HEALTHY]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in ["table", "json", "ndjson", "csv"] {
        let runs: Vec<String> =
            (0..3).map(|_| phonescope(&["analyze", "--site", SITE, FOUNDING, "-T", format]).stdout).collect();
        assert!(runs.iter().all(|r| *r == runs[0] && !r.is_empty()), "{format}");
    }
}

#[test]
fn events_round_trip_gives_the_same_diagnosis() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events.ndjson");
    let events = events.to_str().unwrap();
    for capture in [FOUNDING, HEALTHY, "captures/healthy/relayed-mirrored-twice.pcap"] {
        assert_eq!(phonescope(&["events", capture, "-o", events]).code, 0);
        let report = |input: &str| -> Value {
            serde_json::from_str(&phonescope(&["analyze", "--site", SITE, input, "-T", "json"]).stdout).unwrap()
        };
        let (packets, read_back) = (report(capture), report(events));
        for key in ["phones", "findings", "servers", "coverage"] {
            assert_eq!(packets[key], read_back[key], "{capture}: {key}");
        }
        assert_ne!(packets["phones"], serde_json::json!([]), "{capture}");
    }
}

#[test]
fn events_are_json_lines_that_end_with_the_input() {
    let ran = phonescope(&["events", FOUNDING]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let types: Vec<String> = ran
        .stdout
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    for wanted in ["dhcp", "tftp", "sccp", "tcp"] {
        assert!(types.iter().any(|t| t == wanted), "{wanted}");
    }
    assert_eq!(types.iter().filter(|t| *t == "capture").count(), 1);
    assert_eq!(types.last().map(String::as_str), Some("capture"));
}

#[test]
fn one_phone_is_picked_out() {
    let all: Value =
        serde_json::from_str(&phonescope(&["analyze", "--site", SITE, FOUNDING, "-T", "json"]).stdout).unwrap();
    let phones = all["phones"].as_array().unwrap();
    let well = phones.iter().find(|p| p["verdict"] == "healthy").unwrap()["mac"].as_str().unwrap();
    let ran = phonescope(&["analyze", "--site", SITE, FOUNDING, "-T", "json", "--phone", well]);
    assert_eq!(ran.code, 0, "the findings of other phones do not count");
    let one: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(one["phones"].as_array().unwrap().len(), 1);
    assert_eq!(one["phones"][0]["mac"], well);
}

#[test]
fn a_damaged_capture_ends_with_3_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = cut_capture(folder.path());
    for command in ["analyze", "events"] {
        let ran = phonescope(&[command, "-q", &path]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains("is damaged: ") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
    let report: Value = serde_json::from_str(&phonescope(&["analyze", &path, "-T", "json"]).stdout).unwrap();
    assert!(report["inputs"][0]["problem"].is_string());
    // Damage outweighs findings, and is no finding that --exit-zero could forgive.
    assert_eq!(phonescope(&["analyze", "--site", SITE, FOUNDING, &path]).code, 3);
    assert_eq!(phonescope(&["analyze", "--exit-zero", &path]).code, 3);
}

#[test]
fn what_can_not_be_done_ends_with_2_and_one_message() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (empty, junk) = (file("empty.pcap", ""), file("junk.pcap", "this is no capture at all, is it?"));
    let site = file("site.toml", "nonsense = true\n");
    let site = site.as_str();
    for arguments in [
        &["analyze", "no-such.pcap"][..],
        &["events", "no-such.pcap"],
        &["analyze", &empty],
        &["analyze", &junk],
        &["analyze", HEALTHY, "no-such.pcap"],
        &["analyze", HEALTHY, "--site", "no-such.toml"],
        &["analyze", HEALTHY, "--site", site],
        &["analyze", HEALTHY, "-o", "/no/such/folder/report"],
        &["analyze", HEALTHY, "-o", "/dev/full"],
        &["explain", "no-such-code"],
    ] {
        let ran = phonescope(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stderr.matches("phonescope: ").count(), 1, "{arguments:?}: {}", ran.stderr);
    }
    for arguments in [&["analyze"][..], &["analyze", HEALTHY, "--no-such"], &["analyze", HEALTHY, "-T", "xml"], &[]] {
        let ran = phonescope(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}");
    }
}

#[test]
fn a_report_that_can_not_be_written_leaves_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    std::fs::copy(shipped(HEALTHY), &capture).unwrap();
    let capture = capture.to_str().unwrap();
    let ran = phonescope(&["analyze", capture, "-o", capture]);
    assert_eq!(ran.code, 2);
    assert_eq!(std::fs::read(capture).unwrap(), std::fs::read(shipped(HEALTHY)).unwrap());

    let report = folder.path().join("report.json");
    let report = report.to_str().unwrap();
    let ran = phonescope(&["analyze", capture, "-T", "json", "-o", report]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    serde_json::from_slice::<Value>(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside it");
}

#[test]
fn a_closed_pipe_ends_it_quietly_with_the_code_it_would_have() {
    use std::process::Stdio;
    let run = |arguments: &[&str]| {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin!("phonescope"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run(&["analyze", "--site", SITE, FOUNDING]), (Some(1), String::new()));
    assert_eq!(run(&["events", FOUNDING]), (Some(0), String::new()));
    assert_eq!(run(&["explain"]), (Some(0), String::new()));
}

#[test]
fn a_full_disk_behind_standard_output_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(assert_cmd::cargo::cargo_bin!("phonescope"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["analyze", HEALTHY])
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_capture_is_read_from_standard_input() {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("phonescope"));
    let output = command
        .args(["analyze", "-", "-T", "json"])
        .write_stdin(std::fs::read(shipped(HEALTHY)).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["inputs"][0]["path"], "-");
}

#[test]
fn help_goes_to_standard_output() {
    for arguments in [&["--help"][..], &["analyze", "--help"], &["--version"]] {
        let ran = phonescope(arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(!ran.stdout.is_empty());
    }
}
