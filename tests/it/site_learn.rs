//! Site files drafted from captures, and site files checked.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use phonescope::analyzer::Analyzer;
use phonescope::capture::{Inputs, Record};
use phonescope::diagnosis::{Detail, Diagnosis, PhoneReport, Severity, Verdict};
use phonescope::site::{Site, learn};

use crate::support::shipped::shipped;

fn capture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(path)
}

fn analyzed(path: &Path) -> Analyzer {
    let mut inputs = Inputs::open(&[path.to_owned()]).unwrap();
    let mut analyzer = Analyzer::new();
    while let Some(record) = inputs.next_record().unwrap() {
        match record {
            Record::Frame(frame) => analyzer.handle_frame(&frame),
            Record::Event(event) => analyzer.handle_event(*event),
        }
    }
    analyzer.finish(inputs.summaries());
    analyzer
}

fn parse(text: &str) -> Site {
    Site::parse("draft.toml", text, &mut |_| Err(String::new())).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn errors(diagnosis: &Diagnosis<'_>, phone: &PhoneReport) -> Vec<&'static str> {
    let all = phone.findings.iter().map(|i| &diagnosis.findings[*i]);
    all.filter(|f| f.severity == Severity::Error).map(|f| f.code.as_str()).collect()
}

#[test]
fn a_draft_is_a_site_file_and_accuses_no_phone_that_is_well() {
    for shipped in shipped() {
        let analyzer = analyzed(&capture(shipped.path));
        let nothing = Site::none();
        let before = analyzer.diagnose(&nothing);
        let draft = learn::draft(&before).unwrap();
        let site = parse(&draft.text);
        assert_eq!(site.clusters.len(), draft.clusters, "{}", shipped.path);
        let after = analyzer.diagnose(&site);
        for (was, is) in before.phones(Detail::State).zip(after.phones(Detail::State)) {
            if !matches!(was.verdict, Verdict::Finding(_)) {
                assert_eq!(errors(&after, &is), [""; 0], "{}: {}\n{}", shipped.path, was.mac, draft.text);
            }
            if let (Verdict::Healthy, Some(ip)) = (was.verdict, was.registration.call_manager) {
                let theirs = site.cluster_of_call_manager(ip).map(|c| &c.name);
                assert_eq!(theirs, is.cluster_expected.as_ref(), "{}: {}", shipped.path, was.mac);
            }
        }
    }
}

#[test]
fn what_was_seen_to_fail_is_not_drafted_as_right() {
    let draft = |path: &str| {
        let analyzer = analyzed(&capture(path));
        learn::draft(&analyzer.diagnose(&Site::none())).unwrap().text
    };
    // The other DHCP server's lease led to a rejected phone, and so did its TFTP server.
    let text = draft("conflicting-dhcp-offers/fires-wrong-one-taken.pcap");
    let site = parse(&text);
    assert_eq!(site.network.dhcp_servers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.30.0.2"]);
    assert_eq!(site.clusters[0].tftp, ["10.30.0.5"]);
    assert_eq!(site.clusters[0].call_managers, ["10.30.0.10", "10.30.0.11"]);
    assert_eq!(site.clusters[0].load_of("7960"), Some("P00303000300"));
    assert!(site.clusters[0].default);
    assert!(text.contains("# left out: 10.30.0.77 (offers: 3, leases: 2, refusals: 0)"), "{text}");
    assert!(text.contains("#   TFTP server 10.31.0.5"), "{text}");
    for (value, why) in [
        ("    \"10.30.0.2\",", "1 registered phone with a lease from it, SEP0030943A1002 (frame"),
        ("    \"10.30.0.10\",", "certain"),
        ("    \"10.30.0.11\",", "possible"),
    ] {
        let line = text.lines().find(|l| l.starts_with(value)).unwrap_or_else(|| panic!("{value}\n{text}"));
        assert!(line.contains(why), "{line}");
    }
    // The first CallManager of the configuration refused the phone, the second one took it.
    let site = parse(&draft("call-manager-refused/silent-second-registers.pcap"));
    assert_eq!(site.clusters[0].call_managers, ["10.30.0.11"]);
    // Nobody registered.
    let text = draft("call-manager-refused/fires-reset.pcap");
    assert!(!parse(&text).states_anything(), "{text}");
}

#[test]
fn phones_in_one_subnet_are_placed_by_their_registration() {
    let analyzer = analyzed(&capture("wrong-tftp-server/silent-two-clusters.pcap"));
    let nothing = Site::none();
    let diagnosis = analyzer.diagnose(&nothing);
    let site = parse(&learn::draft(&diagnosis).unwrap().text);
    assert_eq!(site.clusters.len(), 2);
    assert!(site.clusters.iter().all(|c| !c.default), "a third cluster's phones belong to neither");
    for phone in diagnosis.phones(Detail::State) {
        let place = site.cluster_of_phone(phone.mac, None, phone.ip, phone.vlan).unwrap();
        let theirs = phone.registration.call_manager.unwrap().to_string();
        assert!(place.call_managers.contains(&theirs), "{} is put into {}", phone.mac, place.name);
    }
}

// ---- from outside ----

fn phonescope(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("phonescope").unwrap().args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_commands_draft_check_and_say_where_a_file_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("site.toml");
    let path = path.to_str().unwrap();
    let source = capture("healthy/boot.pcap");
    let source = source.to_str().unwrap();
    let (code, draft, said) = phonescope(&["site", "learn", source]);
    assert_eq!((code, said.as_str()), (0, ""));
    let (code, out, _) = phonescope(&["site", "learn", source, "-o", path]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(path).unwrap(), draft);
    let (code, out, said) = phonescope(&["site", "check", path]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("cluster-1: 1 TFTP server, 2 CallManagers, 1 subnet"), "{out}");
    assert_eq!(phonescope(&["site", "check", "-q", path]).1, "");
    let (code, ..) = phonescope(&["analyze", "--site", path, source]);
    assert_eq!(code, 0);

    fs::write(path, "[network]\nvoice_vlans = [5000]\n").unwrap();
    let (code, out, said) = phonescope(&["site", "check", path]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(said.contains("site.toml:2:16: 5000 is no VLAN"), "{said}");
    assert_eq!(phonescope(&["site", "check", "/no/such/site.toml"]).0, 2);
    let (code, _, said) = phonescope(&["site", "learn", path]);
    assert_eq!(code, 2, "a site file is no capture: {said}");
}
