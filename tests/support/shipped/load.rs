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
        path: "load-not-accepted/fires-file-fetched-twice.pcap",
        what: "The phone fetches the load twice in a row in one boot, as one does whose check of it fails, and registers \
               with the old one without a word about it.",
        expect: &[(A, "load-not-accepted", REGISTERED)],
        site: None,
        build: fetched_twice,
    },
    Shipped {
        path: "load-not-accepted/silent-parts-of-a-load.pcap",
        what: "A 7941 fetches all parts of a newer load, which bear names of their own, boots and runs it.",
        expect: &[(F, HEALTHY, REGISTERED)],
        site: None,
        build: parts,
    },
    Shipped {
        path: "load-wrong-family/silent-left-alone.pcap",
        what: "One configuration for phones of all models names a load for the 7941; the 7960 does not ask for it and \
               registers: a warning.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: left_alone,
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
        path: "load-flapping/fires-two-tftp-servers.pcap",
        what: "Each boot's lease names the other one of two TFTP servers, whose configurations name different loads.",
        expect: &[(A, "load-flapping", REGISTERED)],
        site: None,
        build: two_tftp_servers,
    },
    Shipped {
        path: "load-flapping/silent-in-steps.pcap",
        what: "Four boots, each with a later load than the one before: an upgrade in steps.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: in_steps,
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
        path: "load-trap/fires-load-of-the-pilot.pcap",
        what: "The phone is registered on the 3.0 load, and its configuration names the 3.1 load, which is not on the \
               server yet: whoever puts it there springs the trap.",
        expect: &[(A, "load-file-missing", REGISTERED)],
        site: Some("load-trap/site.toml"),
        build: load_of_the_pilot,
    },
    Shipped {
        path: "load-trap/silent-unlisted-server.pcap",
        what: "A registered phone renews its lease, which now names a TFTP server that the site file does not know.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: Some("load-trap/site.toml"),
        build: unlisted_server,
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

fn fetched_twice() -> Vec<u8> {
    let tftp = TftpServer::at(TFTP_30).phone(A, &newer()).load(NEWER, 24);
    let mut site = headquarters(voice(), dhcp_voice(), tftp);
    site.boot(0, &phone(A).with(|p| p.repeats_loads = true));
    site.capture().pcap()
}

fn parts() -> Vec<u8> {
    const LOAD: &str = "SCCP41.9-4-2SR3-1S";
    let config = PhoneConfig::naming(&["10.40.0.10"]).load(LOAD);
    let mut site = Site::new(&[Segment::new("10.40.110")])
        .dhcp(DhcpServer::at("10.40.0.2", "10.40.110.20").option_150(&["10.40.0.5"]))
        .tftp(TftpServer::at("10.40.0.5").phone(F, &config).load(LOAD, 8))
        .call_manager(CallManager::at("10.40.0.10", "CUCM-PUB").with(|c| c.protocol_version = 20));
    site.boot(0, &Phone::new("7941G", F, "SCCP41.8-5-3S"));
    site.capture().pcap()
}

fn left_alone() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load("SCCP41.9-4-2SR3-1S");
    let mut site = headquarters(voice(), dhcp_voice(), TftpServer::at(TFTP_30).phone(A, &config));
    site.boot(0, &phone(A).with(|p| p.leaves_loads = true));
    site.capture().pcap()
}

fn load_of_the_pilot() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_31);
    let mut site = headquarters(voice(), dhcp_voice(), TftpServer::at(TFTP_30).phone(A, &config));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn unlisted_server() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A]));
    let registered = phone(A).with(|p| p.keep_alives = 5);
    let address = site.boot(0, &registered).address;
    site.dhcp = vec![Rc::new(DhcpServer::at(DHCP, "10.30.110.60").option_150(&["10.30.0.6"]))];
    site.renew(100_000, &registered, address);
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

fn two_tftp_servers() -> Vec<u8> {
    let names = |server: &str, load: &str| {
        let config = PhoneConfig::naming(&[CM_30]).load(load);
        TftpServer::at(server).phone(A, &config).load(load, 20)
    };
    let mut site =
        Site::new(&[voice()]).tftp(names(TFTP_30, LOAD_30)).tftp(names(TFTP_31, LOAD_31)).call_manager(tolerant());
    let mut runs = LOAD_30.to_owned();
    for (n, server) in [TFTP_31, TFTP_30, TFTP_31, TFTP_30].into_iter().enumerate() {
        site.dhcp = vec![Rc::new(DhcpServer::at(DHCP, "10.30.110.20").option_150(&[server]))];
        let phone = Phone::new("7960", A, &runs).with(|p| p.keep_alives = 0);
        runs = site.boot(n as u64 * 1_800_000, &phone).load;
    }
    site.capture().pcap()
}

fn in_steps() -> Vec<u8> {
    let mut site = Site::new(&[voice()]).dhcp(dhcp_voice()).call_manager(tolerant());
    let mut runs = LOAD_30.to_owned();
    for (n, load) in [LOAD_31, "P00303020214", "P00303030100", "P00304000200"].into_iter().enumerate() {
        let config = PhoneConfig::naming(&[CM_30]).load(load);
        site.tftp = vec![Rc::new(TftpServer::at(TFTP_30).phone(A, &config).load(load, 12))];
        let phone = Phone::new("7960", A, &runs).with(|p| p.keep_alives = 0);
        runs = site.boot(n as u64 * 1_800_000, &phone).load;
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
