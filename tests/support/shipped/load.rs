//! Captures about loads: missing, refused, for other hardware, or changing to and fro.

use std::rc::Rc;

use super::super::phone::{AlarmSpelling, Phone};
use super::super::site::{Answer, TftpServer};
use super::*;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "load-file-missing/fires-registers-all-the-same.pcap",
        what: "The load that the configuration names is not on the server; CallManager takes the one that the phone has.",
        expect: &[(A, "load-file-missing", REGISTERED)],
        site: None,
        build: missing_but_taken,
    },
    Shipped {
        path: "load-file-missing/fires-rejected.pcap",
        what: "The load that the configuration names is not on the server, and CallManager rejects the one that the phone \
               has. A phone on the right load registers.",
        expect: &[(A, "load-file-missing", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: missing_and_rejected,
    },
    Shipped {
        path: "load-file-missing/silent-already-running.pcap",
        what: "The load named is not on the server, but the phone runs it and does not ask; OS79XX.TXT is missing, as often.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: already_running,
    },
    Shipped {
        path: "load-not-accepted/fires-comes-back-with-the-old-one.pcap",
        what: "The phone fetches the load whole, boots, and still runs the old one; the same again. CallManager takes it.",
        expect: &[(A, "load-not-accepted", REGISTERED)],
        site: None,
        build: || fetches(true),
    },
    Shipped {
        path: "load-not-accepted/silent-comes-back-with-the-new-one.pcap",
        what: "The phone fetches the load, boots and runs it.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || fetches(false),
    },
    Shipped {
        path: "load-wrong-family/fires-7910-load-for-a-7960.pcap",
        what: "The configuration of a 7960 names a load for the 7910; the phone fetches and refuses it.",
        expect: &[(A, "load-wrong-family", REGISTERED)],
        site: None,
        build: wrong_family,
    },
    Shipped {
        path: "load-wrong-family/silent-7940-and-7960.pcap",
        what: "A 7940 and a 7960 share one load, as they should.",
        expect: &[(A, HEALTHY, REGISTERED), (C, HEALTHY, REGISTERED)],
        site: None,
        build: shared_load,
    },
    Shipped {
        path: "load-flapping/fires-to-and-fro.pcap",
        what: "The configuration changes its load with every boot, so the phone goes from 3.0 to 3.1, back, and again.",
        expect: &[(A, "load-flapping", REGISTERED)],
        site: None,
        build: to_and_fro,
    },
    Shipped {
        path: "load-flapping/silent-one-way.pcap",
        what: "The phone goes to another load once, and a reset later it still runs it.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: one_way,
    },
    Shipped {
        path: "load-trap/fires-lease-renewed.pcap",
        what: "A phone is registered on the 3.0 load; then it renews its lease, which now names the 3.1 TFTP server: the \
               next boot will take it away. A warning. Another phone has booted since, took the 3.1 load and is rejected.",
        expect: &[(A, HEALTHY, REGISTERED), (B, "wrong-tftp-server", REJECTED)],
        site: Some("load-trap/site.toml"),
        build: || renews(TFTP_31),
    },
    Shipped {
        path: "load-trap/silent-lease-renewed.pcap",
        what: "A registered phone renews its lease, which names the same TFTP server as before.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED)],
        site: Some("load-trap/site.toml"),
        build: || renews(TFTP_30),
    },
];

/// The scope names this TFTP server when phone A renews its lease and phone B boots.
fn renews(tftp: &str) -> Vec<u8> {
    let stray = TftpServer::at(TFTP_31).phone(B, &PhoneConfig::naming(&[CM_30]).load(LOAD_31)).load(LOAD_31, 20);
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A, B])).tftp(stray);
    let registered = phone(A).with(|p| p.keep_alives = 5);
    let address = site.boot(0, &registered).address;
    site.dhcp = vec![Rc::new(DhcpServer::at(DHCP, "10.30.110.60").option_150(&[tftp]))];
    site.renew(100_000, &registered, address);
    site.boot(110_000, &phone(B));
    site.capture().pcap()
}

/// A load of the same release that the phone does not run yet.
const NEWER: &str = "P00303000400";

fn newer() -> PhoneConfig {
    PhoneConfig::naming(&[CM_30]).load(NEWER)
}

fn missing_but_taken() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), TftpServer::at(TFTP_30).phone(A, &newer()));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn missing_and_rejected() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A, B]));
    site.boot(0, &Phone::new("7960", A, LOAD_31).alarm(AlarmSpelling::Name));
    site.boot(1_500, &phone(B));
    site.capture().pcap()
}

fn already_running() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn fetches(refuses: bool) -> Vec<u8> {
    let tftp = TftpServer::at(TFTP_30).phone(A, &newer()).load(NEWER, 24);
    let mut site = headquarters(voice(), dhcp_voice(), tftp);
    site.boot(0, &phone(A).with(|p| p.refuses_loads = refuses));
    site.capture().pcap()
}

fn wrong_family() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_30_7910);
    let tftp = TftpServer::at(TFTP_30).phone(A, &config).load(LOAD_30_7910, 20);
    let mut site = headquarters(voice(), dhcp_voice(), tftp);
    site.boot(0, &phone(A).with(|p| p.refuses_loads = true));
    site.capture().pcap()
}

fn shared_load() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A, C]));
    site.boot(0, &phone(A));
    site.boot(1_200, &Phone::new("7940", C, LOAD_30));
    site.capture().pcap()
}

/// CallManager that takes both loads.
fn tolerant() -> CallManager {
    CallManager::at(CM_30, "HQ-CM1")
}

fn to_and_fro() -> Vec<u8> {
    let names = |load: &str| {
        let config = PhoneConfig::naming(&[CM_30]).load(load);
        Rc::new(TftpServer::at(TFTP_30).phone(A, &config).load(load, 20))
    };
    let mut site = Site::new(&[voice()]).dhcp(dhcp_voice()).call_manager(tolerant());
    let mut runs = LOAD_30.to_owned();
    for (n, load) in [LOAD_31, LOAD_30, LOAD_31, LOAD_30].into_iter().enumerate() {
        site.tftp = vec![names(load)];
        let phone = Phone::new("7960", A, &runs).with(|p| p.keep_alives = 0);
        runs = site.boot(n as u64 * 90_000, &phone).load;
    }
    site.capture().pcap()
}

fn one_way() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_31);
    let tftp = TftpServer::at(TFTP_30).phone(A, &config).load(LOAD_31, 20);
    let resets = tolerant().answers(&[Answer::RegistersThenOrdersReset, Answer::Registers]);
    let mut site = Site::new(&[voice()]).dhcp(dhcp_voice()).tftp(tftp).call_manager(resets);
    site.boot(0, &phone(A));
    site.capture().pcap()
}
