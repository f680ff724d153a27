//! Findings about files and loads whose stories need a site file, or a capture, of their own.

use phonescope::analyzer::Analyzer;
use phonescope::site::Site;
use serde_json::Value;

use crate::product::{events, list, parse_site, report, report_on, text};
use crate::support::phone::Phone;
use crate::support::phone_config::PhoneConfig;
use crate::support::shipped::shipped;
use crate::support::site::{CallManager, DhcpServer, Segment, Site as Network, TftpServer};

const TFTP: &str = "10.30.0.5";
const TFTP_PILOT: &str = "10.31.0.5";
const CM: &str = "10.30.0.10";
const DHCP: &str = "10.30.0.2";
const PHONE: &str = "00:03:6b:3a:10:01";
const NEIGHBOUR: &str = "00:30:94:3a:10:02";
const LOAD: &str = "P00303000300";

/// Two clusters; the phones are in the first one where `default` says so, and in none otherwise.
fn clusters(default: bool) -> Site {
    let text = format!(
        "[[cluster]]\nname = 'hq'\ntftp = ['{TFTP}']\ncall_managers = ['{CM}']\ndefault = {default}\n\
         [cluster.loads]\n'7960' = '{LOAD}'\n\
         [[cluster]]\nname = 'pilot'\ntftp = ['{TFTP_PILOT}']\n[cluster.loads]\n'7960' = 'P00303010102'\n"
    );
    parse_site("site.toml", &text)
}

fn network(dhcp: DhcpServer) -> Network {
    let config = PhoneConfig::naming(&[CM]).load(LOAD);
    Network::new(&[Segment::new("10.30.110")])
        .dhcp(dhcp)
        .tftp(TftpServer::at(TFTP).phones(&[PHONE, NEIGHBOUR], &config))
        .call_manager(CallManager::at(CM, "HQ-CM1"))
}

fn dhcp() -> DhcpServer {
    DhcpServer::at(DHCP, "10.30.110.20")
}

fn phone() -> Phone {
    Phone::new("7960", PHONE, LOAD)
}

/// Severity and confidence of a finding, and the verdict of the phone.
fn told(report: &Value, code: &str) -> (Option<(String, String)>, String) {
    let finding = list(report, "findings").iter().find(|f| f["code"] == code);
    let phone = list(report, "phones").iter().find(|p| p["mac"] == PHONE).expect("the phone");
    let said = finding.map(|f| (text(f, "severity").to_owned(), text(f, "confidence").to_owned()));
    (said, text(phone, "verdict").to_owned())
}

fn warning(confidence: &str) -> Option<(String, String)> {
    Some(("warning".to_owned(), confidence.to_owned()))
}

/// A phone is registered, then its lease is renewed and names this TFTP server; the capture begins at frame `from`.
fn renewed(tftp: &str, from: usize) -> Vec<u8> {
    let mut site = network(dhcp().option_150(&[TFTP]));
    let registered = phone().with(|p| p.keep_alives = 5);
    let address = site.boot(0, &registered).address;
    site.dhcp = vec![std::rc::Rc::new(dhcp().option_150(&[tftp]))];
    site.renew(100_000, &registered, address);
    let mut capture = site.capture();
    capture.records.drain(..from);
    capture.pcap()
}

#[test]
fn renewal_to_a_wrong_server_is_a_trap_for_the_next_boot() {
    // Behind the boot: the registration is the last of it.
    let late = renewed(TFTP_PILOT, 60);
    let said = report_on(&[("late", &late)], &clusters(true));
    assert_eq!(told(&said, "load-trap"), (warning("possible"), "healthy".to_owned()), "{said:#}");
    assert_eq!(told(&said, "wrong-tftp-server").0, None);
    let whole = renewed(TFTP_PILOT, 0);
    let said = report_on(&[("whole", &whole)], &clusters(true));
    assert_eq!(told(&said, "load-trap"), (warning("certain"), "healthy".to_owned()));
    let phone = &list(&said, "phones")[0];
    assert_eq!(phone["dhcp"]["tftp_source"], "option150", "the lease before the renewal named it");
    // Nothing tells that the other server is another cluster's.
    for (bytes, site) in [(&whole, Site::none()), (&late, Site::none()), (&renewed("10.30.0.6", 0), clusters(true))] {
        let said = report_on(&[("renewed", bytes)], &site);
        assert_eq!(told(&said, "load-trap"), (None, "healthy".to_owned()));
    }
}

#[test]
fn only_the_servers_that_the_command_line_names_are_right() {
    let expected = Site::none().with_expected_tftp(&[TFTP.parse().unwrap()]);
    let said = report_on(&[("renewed", &renewed(TFTP_PILOT, 0))], &expected);
    assert_eq!(told(&said, "load-trap"), (warning("certain"), "healthy".to_owned()));
}

#[test]
fn a_trust_list_of_another_cluster_is_a_warning() {
    const LOAD: &str = "SCCP41.8-5-3S";
    let mut site = Network::new(&[Segment::new("10.30.110")])
        .dhcp(dhcp().option_150(&[TFTP_PILOT, TFTP]))
        .tftp(TftpServer::at(TFTP_PILOT).file("ITLFile.tlv", &[0x5a; 200]))
        .tftp(TftpServer::at(TFTP).phone(PHONE, &PhoneConfig::naming(&[CM]).load(LOAD)))
        .call_manager(CallManager::at(CM, "HQ-CM1").with(|c| c.protocol_version = 20));
    site.boot(0, &Phone::new("7941G", PHONE, LOAD));
    let bytes = site.capture().pcap();
    let said = report_on(&[("boot", &bytes)], &clusters(false));
    assert_eq!(told(&said, "trust-list-mismatch"), (warning("certain"), "healthy".to_owned()));
    let said = report_on(&[("boot", &bytes)], &Site::none());
    assert_eq!(told(&said, "trust-list-mismatch").0, None, "without a site file two servers of a list are no clusters");
}

#[test]
fn a_name_without_a_server_to_ask_does_not_resolve() {
    let mut site = network(dhcp().option_66("tftp.phones.example"));
    site.boot(0, &phone());
    let early = site.capture().pcap();
    // A neighbour that boots later tells that the capture went on.
    site.boot(60_000, &Phone::new("7960", NEIGHBOUR, LOAD).alternate(TFTP));
    let late = site.capture().pcap();
    let said = |bytes: &[u8]| told(&report_on(&[("boot", bytes)], &Site::none()), "tftp-name-unresolved");
    assert_eq!(said(&late).1, "tftp-name-unresolved");
    assert_eq!(said(&late).0.unwrap().1, "likely");
    assert_eq!(said(&early), (None, "incomplete".to_owned()), "it may ask yet");
}

/// The events of a phone that resolves its server's name, up to the answer; `change` makes others of them.
fn resolving(change: impl Fn(Value) -> Vec<Value>) -> Value {
    let capture = shipped().into_iter().find(|s| s.path == "tftp-name-unresolved/silent-resolves.pcap").unwrap();
    let lines = events(&[(capture.path, &(capture.build)())]);
    let mut analyzer = Analyzer::new();
    for line in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let event: Value = serde_json::from_slice(line).unwrap();
        let is_answer = event["type"] == "dns" && !event["rcode"].is_null();
        for mut event in change(event) {
            event.as_object_mut().unwrap().remove("digest");
            analyzer.handle_event(serde_json::from_value(event).unwrap());
        }
        if is_answer {
            break;
        }
    }
    report(&analyzer, &Site::none())
}

#[test]
fn an_answer_for_the_other_kind_of_address_takes_nothing_back() {
    let with_aaaa = |event: Value| {
        if event["type"] != "dns" {
            return vec![event];
        }
        let mut other = event.clone();
        other["qtype"] = "AAAA".into();
        other.as_object_mut().unwrap().remove("answers");
        vec![event, other]
    };
    assert_eq!(told(&resolving(with_aaaa), "tftp-name-unresolved").0, None);
    let without_a = |event: Value| with_aaaa(event).into_iter().filter(|e| e["qtype"] != "A").collect();
    assert_eq!(told(&resolving(without_a), "tftp-name-unresolved").0.unwrap().1, "likely");
}
