//! Names, addresses and VLANs in captures that do not hold all that would tell: what is still said, and how surely.

use std::io::Cursor;

use phonescope::analyzer::Analyzer;
use phonescope::capture::{Inputs, Record};
use phonescope::diagnosis::{Code, Detail, Fact, Finding, Severity};
use phonescope::site::Site;

use crate::support::frame::{BROADCAST, ETHERTYPE_ARP, Frame, arp, ip, mac};
use crate::support::phone::Phone;
use crate::support::phone_config::PhoneConfig;
use crate::support::site::{
    Answer, CallManager, DhcpServer, Host, MILLI, START, Segment, Site as Network, Tap, TftpServer,
};

const A: &str = "00:03:6b:3a:10:01";
const B: &str = "00:30:94:3a:10:02";
const CM: &str = "10.30.0.10";

/// What is said of these bytes: the findings, and each phone with its verdict.
fn judge(bytes: Vec<u8>, site: &str) -> (Vec<Finding>, Vec<(String, &'static str)>) {
    let mut inputs = Inputs::from_readers(vec![("test".into(), Box::new(Cursor::new(bytes)))]).unwrap();
    let mut analyzer = Analyzer::new();
    while let Some(record) = inputs.next_record().unwrap() {
        let Record::Frame(frame) = record else { panic!("a frame") };
        analyzer.handle_frame(&frame);
    }
    analyzer.finish(inputs.summaries());
    let site = Site::parse("site.toml", site, &mut |_| Err(String::new())).unwrap();
    let diagnosis = analyzer.diagnose(&site);
    let phones = diagnosis.phones(Detail::State).map(|p| (p.mac.to_string(), p.verdict.as_str())).collect();
    (diagnosis.findings, phones)
}

/// The findings of severity error, by code and confidence.
fn errors(bytes: Vec<u8>, site: &str) -> Vec<(&'static str, &'static str)> {
    let (findings, _) = judge(bytes, site);
    findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| (f.code.as_str(), f.confidence.as_str()))
        .collect()
}

fn fact(finding: &Finding, name: &str) -> Fact {
    finding.facts.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone()).unwrap()
}

fn texts(list: &[&str]) -> Fact {
    Fact::List(list.iter().map(|t| Fact::Text((*t).into())).collect())
}

fn phone(mac: &str) -> Phone {
    Phone::new("7960", mac, "P00303000300")
}

fn network(segment: Segment, pool: &str) -> Network {
    let config = PhoneConfig::naming(&[CM]);
    Network::new(&[segment])
        .dhcp(DhcpServer::at("10.30.0.2", pool).option_150(&["10.30.0.5"]))
        .tftp(TftpServer::at("10.30.0.5").phones(&[A, B], &config))
        .call_manager(CallManager::at(CM, "CM1"))
}

fn flat() -> Network {
    network(Segment::new("10.30.0"), "10.30.0.100")
}

/// Whether a frame is TCP over IPv4.
fn is_tcp(frame: &[u8]) -> bool {
    frame[12..14] == [8, 0] && frame[23] == 6
}

/// Two phones of one name.
fn of_one_name(mut network: Network, first: &str, second: &str) -> Network {
    let name = phone(A).name();
    for (at, mac) in [(0, first), (1_900, second)] {
        network.boot(at, &phone(mac).with(|p| p.claims_name = Some(name.clone())));
    }
    network
}

#[test]
fn two_devices_of_one_name_are_told_apart_by_their_frames_alone() {
    for (first, second) in [(A, B), (B, A)] {
        let network = of_one_name(flat(), first, second);
        let (findings, phones) = judge(network.capture().only(is_tcp).pcap(), "");
        let finding = findings.iter().find(|f| f.code == Code::DuplicateDevice).expect("a finding");
        assert_eq!(fact(finding, "macs"), texts(&[A, B]));
        assert_eq!(fact(finding, "name"), Fact::Text("SEP00036B3A1001".into()));
        assert!(phones.iter().all(|(_, verdict)| *verdict == "duplicate-device"), "{phones:?}");
    }
}

#[test]
fn behind_a_router_two_addresses_tell_two_devices_of_one_name() {
    let network = network(Segment::new("10.30.110"), "10.30.110.20").tap(Tap::BothSides);
    let near = [mac(A), mac(B), Segment::new("10.30.110").router.mac];
    let far = |frame: &[u8]| is_tcp(frame) && !near.iter().any(|m| frame[..6] == *m || frame[6..12] == *m);
    let (findings, phones) = judge(of_one_name(network, A, B).capture().only(far).pcap(), "");
    let [finding] = findings.as_slice() else { panic!("one finding, not {findings:?}") };
    assert_eq!((finding.code, finding.confidence.as_str()), (Code::DuplicateDevice, "likely"));
    assert_eq!(fact(finding, "macs"), texts(&[]), "the router's MAC is nobody's");
    assert_eq!(fact(finding, "ip"), texts(&["10.30.110.20", "10.30.110.21"]));
    assert_eq!(phones, [(A.to_owned(), "duplicate-device")]);
}

#[test]
fn two_phones_that_got_one_address_are_both_named() {
    let mut network = flat();
    let gone = network.boot(0, &phone(A)).address;
    network.leases.insert((ip("10.30.0.2"), mac(B)), gone);
    network.boot(9_000, &phone(B));
    let (findings, phones) = judge(network.capture().pcap(), "");
    let finding = findings.iter().find(|f| f.code == Code::DuplicateDevice).expect("a finding");
    assert_eq!((fact(finding, "macs"), fact(finding, "ip")), (texts(&[A, B]), Fact::Text("10.30.0.100".into())));
    assert_eq!(phones.len(), 2);
    assert!(phones.iter().all(|(_, verdict)| *verdict == "duplicate-device"), "{phones:?}");
}

#[test]
fn a_claim_to_an_address_that_the_phone_has_left_is_no_conflict() {
    let other = Host::at("10.30.0.200").mac;
    let claim = |network: &mut Network, at: u64| {
        let claim = arp(1, (other, ip("10.30.0.100")), ([0; 6], ip("10.30.0.1")));
        network.see(START + at * MILLI, Frame::ethernet(BROADCAST, other, ETHERTYPE_ARP, &claim));
    };
    let mut left = flat();
    left.boot(0, &phone(A));
    claim(&mut left, 90_000);
    left.leases.clear();
    left.boot(120_000, &phone(A));
    assert_eq!(errors(left.capture().pcap(), ""), []);
    let mut stays = flat();
    stays.boot(0, &phone(A));
    claim(&mut stays, 20_000);
    assert_eq!(errors(stays.capture().pcap(), ""), [("duplicate-device", "certain")]);
}

#[test]
fn site_voice_vlans_decide_only_if_seen_in_the_capture() {
    let boots = |lost: bool| {
        let mut segments = [Segment::new("10.30.110").vlan(110), Segment::new("10.30.120").vlan(210)];
        // No switch says anything: only the site file does.
        segments.iter_mut().for_each(|s| s.announced_vlan = None);
        let lab = DhcpServer::at("10.30.0.3", "10.30.120.20").only_on(&[1]).option_150(&["10.30.0.5"]);
        let mut network = Network::new(&segments)
            .dhcp(DhcpServer::at("10.30.0.2", "10.30.110.20").only_on(&[0]).option_150(&["10.30.0.5"]))
            .dhcp(if lost { lab.silent() } else { lab })
            .tftp(TftpServer::at("10.30.0.5").phones(&[A, B], &PhoneConfig::naming(&[CM])))
            .call_manager(CallManager::at(CM, "CM1"));
        network.boot(0, &phone(A));
        network.boot(1_000, &phone(B).on_segment(1));
        network.capture().pcap()
    };
    let said = |lost: bool, vlans: &str| {
        let (findings, _) = judge(boots(lost), &format!("[network]\nvoice_vlans = [{vlans}]\n"));
        let found = findings.iter().find(|f| f.code == Code::WrongVoiceVlan);
        found.map(|f| (f.confidence.as_str(), f.phones[0].to_string(), fact(f, "vlan"), fact(f, "voice_vlan")))
    };
    let wrong = ("certain", B.to_owned(), Fact::Number(210), Fact::Number(110));
    assert_eq!(said(true, "110"), Some(wrong));
    assert_eq!(said(true, "110, 210"), None);
    assert_eq!(said(true, "910"), None, "ids of which the capture shows none may be other ids");
    assert_eq!(said(false, "110"), None, "a phone that is well");
}

#[test]
fn switch_announcement_binds_only_phones_of_its_port() {
    // Two ports with different voice VLANs: whose announcement is whose, the capture does not tell.
    let mut segments = [Segment::new("10.30.110").vlan(110), Segment::new("10.30.120").vlan(120)];
    let boots = |segments: &[Segment; 2]| {
        let config = PhoneConfig::naming(&[CM]);
        let mut network = Network::new(segments)
            .dhcp(DhcpServer::at("10.30.0.2", "10.30.110.20").only_on(&[0]))
            .dhcp(DhcpServer::at("10.30.0.3", "10.30.120.20").only_on(&[1]))
            .tftp(TftpServer::at("10.30.0.5").phones(&[A, B], &config));
        network.boot(0, &phone(A));
        network.boot(1_000, &phone(B).on_segment(1));
        let (findings, _) = judge(network.capture().pcap(), "");
        findings.iter().filter(|f| f.code == Code::WrongVoiceVlan).map(|f| f.confidence.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(boots(&segments), [""; 0]);
    // One voice VLAN on all ports, and one phone outside it: likely.
    segments[1].announced_vlan = Some(110);
    assert_eq!(boots(&segments), ["likely"]);
}

#[test]
fn who_flapped_and_is_well_again_is_well() {
    let flaps = |keep_alives: usize| {
        let mut network = flat();
        network.call_managers = vec![CallManager::at(CM, "CM1").answers(&[Answer::RegistersThenCloses]).into()];
        network.boot(0, &phone(A).with(|p| (p.rounds, p.keep_alives) = (4, 1)));
        network.call_managers = vec![CallManager::at(CM, "CM1").into()];
        network.boot(240_000, &phone(A).with(|p| p.keep_alives = keep_alives));
        errors(network.capture().pcap(), "")
    };
    assert_eq!(flaps(2), [("registration-flapping", "certain")]);
    assert_eq!(flaps(22), []);
}
