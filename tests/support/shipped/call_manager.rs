//! Captures about CallManagers: reject, refuse, stay silent, close; and the wrong ones.

use super::super::capture_file::{Order, Resolution, pcap};
use super::super::frame::{HOST_UNREACHABLE, PORT_UNREACHABLE};
use super::super::handset::{Handset, Lease};
use super::super::phone::Phone;
use super::super::scene::Scene;
use super::super::site::{Answer, Reach, TftpServer};
use super::super::span_port::syn;
use super::super::tunnel::LINK_ETHERNET;
use super::*;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "registration-rejected/fires-text.pcap",
        what: "CallManager rejects the phone with a text, three times. Another phone with the same load registers.",
        expect: &[(A, "registration-rejected", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: || beside_a_healthy_one(cm(&[Answer::Rejects(b"Error: DB Config")])),
    },
    Shipped {
        path: "registration-rejected/fires-tokens.pcap",
        what: "The text of the reject is a prompt token (80 2f: a database setting), and CallManager resets the connection.",
        expect: &[(A, "registration-rejected", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: || beside_a_healthy_one(cm(&[Answer::RejectsAndResets(&[0x80, 0x2f])])),
    },
    Shipped {
        path: "registration-rejected/fires-address-not-let-in.pcap",
        what: "CallManager rejects the phone with the text \"IP Not Authorized\", three times.",
        expect: &[(A, "registration-rejected", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: || beside_a_healthy_one(cm(&[Answer::Rejects(b"IP Not Authorized")])),
    },
    Shipped {
        path: "registration-rejected/silent-token-reject.pcap",
        what: "CallManager refuses a token for ten seconds, which is no reject; then it grants one and registers the phone.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || with_call_managers(cm(&[Answer::TokenReject(10)]), cm_30_b()),
    },
    Shipped {
        path: "registration-rejected/silent-accepted-later.pcap",
        what: "Rejected once, registered at the next attempt.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || only(cm(&[Answer::Rejects(b"Error: Database"), Answer::Registers])),
    },
    Shipped {
        path: "call-manager-refused/fires-reset.pcap",
        what: "Nothing listens on port 2000 of the only CallManager: RST to every SYN.",
        expect: &[(A, "call-manager-refused", REFUSED)],
        site: None,
        build: || only(cm(&[Answer::Refuses])),
    },
    Shipped {
        path: "call-manager-refused/fires-icmp-port.pcap",
        what: "ICMP port unreachable to every SYN.",
        expect: &[(A, "call-manager-refused", REFUSED)],
        site: None,
        build: || only(cm_30().reach(Reach::Icmp(PORT_UNREACHABLE))),
    },
    Shipped {
        path: "call-manager-refused/silent-second-registers.pcap",
        what: "The first CallManager refuses the connection, the second one registers the phone: worth a warning, no more.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || with_call_managers(cm(&[Answer::Refuses]), cm_30_b()),
    },
    Shipped {
        path: "call-manager-name-unresolved/fires-no-such-name.pcap",
        what: "The configuration names the CallManager cm1; DNS knows neither cm1 nor cm1.phones.example.",
        expect: &[(A, "call-manager-name-unresolved", NOT_SEEN)],
        site: None,
        build: || by_name(Some("10.30.0.53"), false),
    },
    Shipped {
        path: "call-manager-name-unresolved/fires-no-dns-server.pcap",
        what: "The configuration names the CallManager cm1; the lease has no DNS server (option 6), and the phone asks none.",
        expect: &[(A, "call-manager-name-unresolved", NOT_SEEN)],
        site: None,
        build: || by_name(None, false),
    },
    Shipped {
        path: "call-manager-name-unresolved/silent-domain-behind-it.pcap",
        what: "DNS does not know cm1, but cm1.phones.example: the phone registers.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || by_name(Some("10.30.0.53"), true),
    },
    Shipped {
        path: "call-manager-no-answer/fires-syn.pcap",
        what: "SYNs to the only CallManager go unanswered.",
        expect: &[(A, "call-manager-no-answer", NO_ANSWER)],
        site: None,
        build: || only(cm(&[Answer::NoSynAck])),
    },
    Shipped {
        path: "call-manager-no-answer/fires-register.pcap",
        what: "CallManager takes the connection and acknowledges, but never answers the Register; the phone closes.",
        expect: &[(A, "call-manager-no-answer", NO_ANSWER)],
        site: None,
        build: || only(cm(&[Answer::IgnoresRegister])),
    },
    Shipped {
        path: "call-manager-no-answer/fires-arp.pcap",
        what: "Nobody answers ARP for the CallManager in the phone's own subnet.",
        expect: &[(A, "call-manager-no-answer", NO_ANSWER)],
        site: None,
        build: || only(cm_30().reach(Reach::NoArp)),
    },
    Shipped {
        path: "call-manager-no-answer/fires-icmp-host.pcap",
        what: "The router says that the CallManager's host is unreachable.",
        expect: &[(A, "call-manager-no-answer", NO_ANSWER)],
        site: None,
        build: host_unreachable,
    },
    Shipped {
        path: "call-manager-no-answer/silent-second-registers.pcap",
        what: "The first CallManager answers no SYN, the second one registers the phone: worth a warning, no more.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || with_call_managers(cm(&[Answer::NoSynAck]), cm_30_b()),
    },
    Shipped {
        path: "call-manager-no-answer/silent-capture-ends.pcap",
        what: "The capture ends half a second after the first SYN.",
        expect: &[(A, INCOMPLETE, NOT_SEEN)],
        site: None,
        build: ends_after_syn,
    },
    Shipped {
        path: "call-manager-no-answer/silent-standby.pcap",
        what: "The connection to the second CallManager carries keepalives and no Register: a standby.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: standby,
    },
    Shipped {
        path: "call-manager-closed/fires-fin.pcap",
        what: "CallManager closes the connection (FIN) without an answer to the Register.",
        expect: &[(A, "call-manager-closed", CLOSED)],
        site: None,
        build: || only(cm(&[Answer::Closes])),
    },
    Shipped {
        path: "call-manager-closed/fires-reset.pcap",
        what: "CallManager resets the connection (RST) without an answer to the Register.",
        expect: &[(A, "call-manager-closed", CLOSED)],
        site: None,
        build: || only(cm(&[Answer::Resets])),
    },
    Shipped {
        path: "call-manager-closed/silent-after-registration.pcap",
        what: "CallManager closes the connection of a registered phone; the capture ends soon after.",
        expect: &[(A, INCOMPLETE, UNREGISTERED)],
        site: None,
        build: closed_after_registration,
    },
    Shipped {
        path: "call-manager-closed/silent-fails-over.pcap",
        what: "CallManager closes the connection of a registered phone, which registers with the second one.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || with_call_managers(cm(&[Answer::RegistersThenCloses]), cm_30_b()),
    },
    Shipped {
        path: "registers-with-tftp-server/fires-no-configuration.pcap",
        what: "No configuration and no default file: the phone tries the TFTP server's address as its CallManager.",
        expect: &[(A, "config-file-missing", REFUSED)],
        site: None,
        build: tries_the_tftp_server,
    },
    Shipped {
        path: "registers-with-tftp-server/silent-same-host.pcap",
        what: "TFTP server and CallManager are one host, and the configuration says so.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: same_host,
    },
    Shipped {
        path: "foreign-call-manager/fires-configuration-of-the-pilot.pcap",
        what: "The right TFTP server's configuration names the CallManager of the other cluster, which rejects the phone.",
        expect: &[(A, "foreign-call-manager", REJECTED), (B, HEALTHY, REGISTERED)],
        site: Some("foreign-call-manager/site.toml"),
        build: foreign,
    },
    Shipped {
        path: "foreign-call-manager/silent-unlisted-backup.pcap",
        what: "The configuration names a second CallManager that the site file does not know; the phone does not need it.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: Some("foreign-call-manager/site.toml"),
        build: unlisted_backup,
    },
    Shipped {
        path: "registered-elsewhere/fires-set-by-hand.pcap",
        what: "The other cluster's CallManager is set by hand on the phone, and registers it.",
        expect: &[(A, "registered-elsewhere", REGISTERED)],
        site: Some("registered-elsewhere/site.toml"),
        build: elsewhere,
    },
    Shipped {
        path: "registered-elsewhere/silent-second-of-the-cluster.pcap",
        what: "Registered with the second CallManager of its own cluster.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: Some("registered-elsewhere/site.toml"),
        build: second_of_the_cluster,
    },
    Shipped {
        path: "registration-flapping/fires-closed-again-and-again.pcap",
        what: "CallManager registers the phone and closes the connection half a minute later, again and again.",
        expect: &[(A, "registration-flapping", UNREGISTERED)],
        site: None,
        build: || flapping(Answer::RegistersThenCloses),
    },
    Shipped {
        path: "registration-flapping/fires-keepalives-unanswered.pcap",
        what: "CallManager answers one keepalive and then no more; the phone leaves and comes back.",
        expect: &[(A, "registration-flapping", UNREGISTERED)],
        site: None,
        build: || flapping(Answer::RegistersThenFallsSilent),
    },
    Shipped {
        path: "registration-flapping/fires-reset-again-and-again.pcap",
        what: "CallManager registers the phone and orders a reset a minute and a half later, three times.",
        expect: &[(A, "registration-flapping", UNREGISTERED)],
        site: None,
        build: || flapping(Answer::RegistersThenOrdersReset),
    },
    Shipped {
        path: "registration-flapping/silent-one-reset.pcap",
        what: "CallManager orders one reset; the phone boots and registers again.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || only(cm(&[Answer::RegistersThenOrdersReset, Answer::Registers])),
    },
];

/// The first CallManager, with its answers to the attempts of a phone.
fn cm(answers: &[Answer]) -> CallManager {
    cm_30().answers(answers)
}

/// Phone A, the configuration names both CallManagers.
fn with_call_managers(first: CallManager, second: CallManager) -> Vec<u8> {
    let mut site = Site::new(&[flat()]).dhcp(dhcp_flat()).tftp(tftp_30(&[A])).call_manager(first).call_manager(second);
    site.boot(0, &phone(A));
    site.capture().pcap()
}

/// Headquarters with the first CallManager alone, in the phone's subnet.
fn site_with(first: CallManager) -> Site {
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_30);
    Site::new(&[flat()]).dhcp(dhcp_flat()).tftp(TftpServer::at(TFTP_30).phone(A, &config)).call_manager(first)
}

/// Phone A, the configuration names the first CallManager alone.
fn only(first: CallManager) -> Vec<u8> {
    let mut site = site_with(first);
    site.boot(0, &phone(A));
    site.capture().pcap()
}

/// Phone A on this CallManager, phone B on the same host in its good days.
fn beside_a_healthy_one(first: CallManager) -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_30);
    let mut site = Site::new(&[flat()])
        .dhcp(dhcp_flat())
        .tftp(TftpServer::at(TFTP_30).phones(&[A, B], &config))
        .call_manager(first);
    site.boot(0, &phone(A));
    // Phone B is in the database.
    site.call_managers = vec![std::rc::Rc::new(cm_30())];
    site.boot(1_400, &phone(B));
    site.capture().pcap()
}

fn host_unreachable() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_30);
    let mut site = Site::new(&[voice()])
        .dhcp(dhcp_voice())
        .tftp(TftpServer::at(TFTP_30).phone(A, &config))
        .call_manager(cm_30().reach(Reach::Icmp(HOST_UNREACHABLE)));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn ends_after_syn() -> Vec<u8> {
    let mut site = site_with(cm(&[Answer::NoSynAck]));
    site.boot(0, &phone(A));
    site.capture().until_after(syn, 500).pcap()
}

fn standby() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    site.boot(
        0,
        &phone(A).with(|p| {
            p.standby = true;
            p.keep_alives = 3;
        }),
    );
    site.capture().pcap()
}

fn closed_after_registration() -> Vec<u8> {
    let mut site = site_with(cm(&[Answer::RegistersThenCloses]));
    site.boot(0, &phone(A).with(|p| p.rounds = 1));
    site.capture().pcap()
}

fn tries_the_tftp_server() -> Vec<u8> {
    let tftp_host = CallManager::at(TFTP_30, "").answers(&[Answer::Refuses]);
    let mut site = headquarters(flat(), dhcp_flat(), TftpServer::at(TFTP_30)).call_manager(tftp_host);
    site.boot(
        0,
        &phone(A).with(|p| {
            p.tries_tftp_server = true;
            p.tftp_rounds = 1;
        }),
    );
    site.capture().pcap()
}

fn same_host() -> Vec<u8> {
    let config = PhoneConfig::naming(&[TFTP_30]).load(LOAD_30);
    let mut site = Site::new(&[flat()])
        .dhcp(dhcp_flat())
        .tftp(TftpServer::at(TFTP_30).phone(A, &config))
        .call_manager(CallManager::at(TFTP_30, "HQ-CM1"));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn pilot(answer: Answer) -> CallManager {
    CallManager::at(CM_31, "PILOT-CM1").answers(&[answer])
}

fn foreign() -> Vec<u8> {
    let tftp = tftp_30(&[B]).phone(A, &PhoneConfig::naming(&[CM_31]).load(LOAD_30));
    let mut site = headquarters(voice(), dhcp_voice(), tftp).call_manager(pilot(Answer::Rejects(b"Error: DB Config")));
    site.boot(0, &phone(A));
    site.boot(1_300, &phone(B));
    site.capture().pcap()
}

fn unlisted_backup() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30, "10.30.0.12"]).load(LOAD_30);
    let mut site = headquarters(voice(), dhcp_voice(), TftpServer::at(TFTP_30).phone(A, &config));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn elsewhere() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A])).call_manager(pilot(Answer::Registers));
    site.boot(0, &phone(A).stored(&[CM_31]));
    site.capture().pcap()
}

fn second_of_the_cluster() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A]));
    site.boot(0, &phone(A).stored(&[CM_30_B]));
    site.capture().pcap()
}

fn flapping(answer: Answer) -> Vec<u8> {
    let mut site = site_with(cm(&[answer]));
    let phone: Phone = phone(A).with(|p| {
        p.rounds = 5;
        p.keep_alives = if answer == Answer::RegistersThenCloses { 1 } else { 3 };
    });
    site.boot(0, &phone);
    site.capture().pcap()
}

/// A phone whose configuration names the CallManager by name; `known`: with the domain behind it DNS knows it.
fn by_name(dns_server: Option<&str>, known: bool) -> Vec<u8> {
    let mut scene = Scene::new();
    let mut phone = Handset::new("7960", 7, A, "10.30.110.20", "P00308010200");
    let lease = Lease::relayed("10.30.0.2", "10.30.110.1").option_150(&["10.30.0.5"]);
    let lease = dns_server.map_or(lease.clone(), |server| lease.dns(server));
    for _ in 0..2 {
        phone.cdp(&mut scene);
        phone.lease(&mut scene, &lease);
        phone.configure(&mut scene, "10.30.0.5", &PhoneConfig::naming(&["cm1"]));
        if let Some(server) = dns_server {
            phone.look_up(&mut scene, server, "cm1", None);
            let address = known.then_some("10.30.0.10");
            phone.look_up(&mut scene, server, "cm1.phones.example", address);
        }
        if known {
            let mut talk = phone.register(&mut scene, "10.30.0.10");
            phone.keep_alives(&mut scene, &mut talk, 3);
            break;
        }
        scene.wait(60_000);
    }
    pcap(Order::Little, Resolution::Micro, LINK_ETHERNET, &scene.records())
}
