//! A capture may end at any packet. What is then said to be certain must not turn out to be wrong.

use std::collections::{BTreeMap, BTreeSet};

use phonescope::analyzer::Analyzer;
use phonescope::capture::Record;
use phonescope::diagnosis::Confidence;
use phonescope::findings::RULES;
use phonescope::site::Site;

use crate::product::{analyzed, open, site_of};
use crate::shared::lab_captures;
use crate::support::phone::Phone;
use crate::support::phone_config::PhoneConfig;
use crate::support::shipped::shipped;
use crate::support::site::{Answer, CallManager, DhcpServer, Reach, Segment, Site as Network, TftpServer};

/// Phone and code of what is certain.
type Certain = BTreeSet<(String, &'static str)>;

fn certain(analyzer: &Analyzer, site: &Site) -> Certain {
    let diagnosis = analyzer.diagnose(site);
    let sure = diagnosis.findings.iter().filter(|f| f.confidence == Confidence::Certain);
    sure.flat_map(|f| f.phones.iter().map(|mac| (mac.to_string(), f.code.as_str()))).collect()
}

/// All that is found, however sure.
fn found(analyzer: &Analyzer, site: &Site) -> Certain {
    let diagnosis = analyzer.diagnose(site);
    diagnosis.findings.iter().flat_map(|f| f.phones.iter().map(|mac| (mac.to_string(), f.code.as_str()))).collect()
}

/// What is certain at some cut and not found in the whole capture, with the first and last frame of such cuts.
fn taken_back(name: &str, bytes: &[u8], site: &Site) -> BTreeMap<(String, &'static str), (u64, u64)> {
    let mut analyzer = Analyzer::new();
    let mut inputs = open(&[(name, bytes)]);
    let mut said: BTreeMap<(String, &'static str), (u64, u64)> = BTreeMap::new();
    let mut number = 0;
    while let Some(record) = inputs.next_record().unwrap() {
        if let Record::Frame(frame) = record {
            analyzer.handle_frame(&frame);
            // The last frame of a capture tells the time, whatever is in it.
            analyzer.handle_timeout(frame.time);
        }
        number += 1;
        for claim in certain(&analyzer, site) {
            said.entry(claim).or_insert((number, number)).1 = number;
        }
    }
    analyzer.finish(inputs.summaries());
    let whole = found(&analyzer, site);
    said.retain(|claim, _| !whole.contains(claim));
    said
}

fn check(captures: impl Iterator<Item = (String, Vec<u8>, Site)>) {
    let mut wrong = Vec::new();
    for (name, bytes, site) in captures {
        for ((mac, code), (first, last)) in taken_back(&name, &bytes, &site) {
            wrong.push(format!(
                "{name}: cut at frames {first} to {last}, {code} is certain for {mac}, and not so later"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cut_shipped_capture_is_never_certain_and_wrong() {
    check(shipped().into_iter().map(|s| (s.path.to_owned(), (s.build)(), site_of(&s))));
}

#[test]
fn cut_lab_capture_is_never_certain_and_wrong() {
    check(lab_captures().into_iter().map(|(name, bytes, _)| (name, bytes, Site::none())));
    check(lab_captures().into_iter());
}

/// Never certain here: the capture ends before the phone would ask a server that is set on it; a guess at what it does.
const NEVER_CERTAIN: [&str; 2] = ["no-tftp-address", "registers-with-tftp-server"];

#[test]
fn a_whole_capture_is_certain_of_what_it_shows() {
    let mut sure: BTreeSet<&str> = BTreeSet::new();
    for capture in shipped() {
        let analyzer = analyzed(&[(capture.path, &(capture.build)())]);
        sure.extend(certain(&analyzer, &site_of(&capture)).into_iter().map(|(_, code)| code));
    }
    let unsure: Vec<&str> = RULES.iter().map(|r| r.code.as_str()).filter(|code| !sure.contains(code)).collect();
    assert_eq!(unsure, NEVER_CERTAIN);
}

const TFTP: &str = "10.30.0.5";
const TFTP_OTHER: &str = "10.30.0.6";
const CM_A: &str = "10.30.0.10";
const CM_B: &str = "10.30.0.11";
const PHONE: &str = "00:03:6b:3a:10:01";

fn phone() -> Phone {
    Phone::new("7960", PHONE, "P00303000300")
}

fn dhcp() -> DhcpServer {
    DhcpServer::at("10.30.0.2", "10.30.110.20").option_150(&[TFTP])
}

fn tftp() -> TftpServer {
    TftpServer::at(TFTP).phone(PHONE, &PhoneConfig::naming(&[CM_A, CM_B]))
}

fn network(dhcp: DhcpServer, tftp: TftpServer) -> Network {
    Network::new(&[Segment::new("10.30.110")]).dhcp(dhcp).tftp(tftp)
}

/// Boots that end well after something that may look like the end: each with its name.
fn detours() -> Vec<(String, Vec<u8>)> {
    let mut list = Vec::new();
    let mut add = |name: String, site: Network, phone: Phone| {
        let mut site = site;
        assert!(site.boot(0, &phone).registered, "{name}");
        list.push((name, site.capture().pcap()));
    };
    let failures = [
        Answer::Refuses,
        Answer::NoSynAck,
        Answer::IgnoresRegister,
        Answer::Rejects(b"Version Error"),
        Answer::RejectsAndResets(b"No Device"),
        Answer::Closes,
        Answer::Resets,
        Answer::TokenReject(3),
    ];
    for failure in failures {
        let (first, second) = (CallManager::at(CM_A, "CM-A"), CallManager::at(CM_B, "CM-B"));
        let site = network(dhcp(), tftp()).call_manager(first.clone().answers(&[failure])).call_manager(second.clone());
        add(format!("first CallManager {failure:?}"), site, phone());
        let site = network(dhcp(), tftp()).call_manager(first.answers(&[failure, Answer::Registers]));
        add(format!("CallManager {failure:?}, then not"), site.call_manager(second.reach(Reach::Silent)), phone());
    }
    for reach in [Reach::Silent, Reach::Icmp(1), Reach::Icmp(3), Reach::Icmp(13)] {
        let first = CallManager::at(CM_A, "CM-A").reach(reach);
        let site = network(dhcp(), tftp()).call_manager(first).call_manager(CallManager::at(CM_B, "CM-B"));
        add(format!("first CallManager {reach:?}"), site, phone());
        let both = dhcp().with(|s| s.options.clear()).option_150(&[TFTP_OTHER, TFTP]);
        let site = network(both, tftp()).tftp(TftpServer::at(TFTP_OTHER).reach(reach));
        add(format!("first TFTP server {reach:?}"), site.call_manager(CallManager::at(CM_A, "CM-A")), phone());
    }
    for count in 1..=2 {
        let well = CallManager::at(CM_A, "CM-A");
        let late = network(dhcp().with(|s| s.ignores = count), tftp()).call_manager(well.clone());
        add(format!("DHCP ignores {count}"), late, phone());
        let late = network(dhcp(), tftp().with(|s| s.ignores = count)).call_manager(well.clone());
        add(format!("TFTP ignores {count}"), late, phone().with(|p| p.tftp_rounds = 6));
    }
    list
}

#[test]
fn cut_detour_boot_is_never_certain_and_wrong() {
    check(detours().into_iter().map(|(name, bytes)| (name, bytes, Site::none())));
}
