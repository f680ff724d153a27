//! Captures about the way to the TFTP server, transfers and configuration files.

use super::super::frame::{ADMINISTRATIVELY_PROHIBITED, HOST_UNREACHABLE, PORT_UNREACHABLE, ip};
use super::super::phone::Phone;
use super::super::site::{Reach, TftpServer};
use super::super::span_port::read_request;
use super::*;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "tftp-no-answer/fires-silent.pcap",
        what: "The TFTP server behind the router never answers; three requests, and again.",
        expect: &[(A, "tftp-no-answer", NOT_SEEN)],
        site: None,
        build: || unreachable(voice(), dhcp_voice(), Reach::Silent),
    },
    Shipped {
        path: "tftp-no-answer/fires-icmp-port.pcap",
        what: "The host is there, its TFTP service is not: ICMP port unreachable.",
        expect: &[(A, "tftp-no-answer", NOT_SEEN)],
        site: None,
        build: || unreachable(flat(), dhcp_flat(), Reach::Icmp(PORT_UNREACHABLE)),
    },
    Shipped {
        path: "tftp-no-answer/fires-icmp-host.pcap",
        what: "The router says that the TFTP server's host is unreachable.",
        expect: &[(A, "tftp-no-answer", NOT_SEEN)],
        site: None,
        build: || unreachable(voice(), dhcp_voice(), Reach::Icmp(HOST_UNREACHABLE)),
    },
    Shipped {
        path: "tftp-no-answer/fires-icmp-filtered.pcap",
        what: "A filter on the way says that it prohibits the request.",
        expect: &[(A, "tftp-no-answer", NOT_SEEN)],
        site: None,
        build: || unreachable(voice(), dhcp_voice(), Reach::Icmp(ADMINISTRATIVELY_PROHIBITED)),
    },
    Shipped {
        path: "tftp-no-answer/fires-arp.pcap",
        what: "Nobody answers ARP for the TFTP server in the phone's own subnet, so there is no request at all.",
        expect: &[(A, "tftp-no-answer", NOT_SEEN)],
        site: None,
        build: || unreachable(flat(), dhcp_flat(), Reach::NoArp),
    },
    Shipped {
        path: "tftp-no-answer/silent-second-request.pcap",
        what: "The first request goes unanswered, its repetition after four seconds is answered.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(tftp_30(&[A]).with(|s| s.ignores = 1)),
    },
    Shipped {
        path: "tftp-no-answer/silent-capture-ends.pcap",
        what: "The capture ends half a second after the first request.",
        expect: &[(A, INCOMPLETE, NOT_SEEN)],
        site: None,
        build: ends_after_request,
    },
    Shipped {
        path: "tftp-transfer-failed/fires-configuration-stalls.pcap",
        what: "The configuration stops after its first block; the phone repeats its acknowledgement, then begins again.",
        expect: &[(A, "tftp-transfer-failed", NOT_SEEN)],
        site: None,
        build: || boots(large_configuration().with(|s| s.stalls = Some(("SEP", 1)))),
    },
    Shipped {
        path: "tftp-transfer-failed/fires-load-stalls.pcap",
        what: "A newer load stops after twelve blocks; the phone goes on with the load it has and registers.",
        expect: &[(A, "tftp-transfer-failed", REGISTERED)],
        site: None,
        build: load_stalls,
    },
    Shipped {
        path: "tftp-transfer-failed/fires-server-gives-up.pcap",
        what: "The server breaks the configuration off with an ERROR after its first block.",
        expect: &[(A, "tftp-transfer-failed", NOT_SEEN)],
        site: None,
        build: || boots(large_configuration().with(|s| s.breaks = Some(("SEP", 1, 0, "Read error")))),
    },
    Shipped {
        path: "tftp-transfer-failed/silent-block-repeated.pcap",
        what: "The first block of each file is lost once and sent again; the transfers end well.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(tftp_30(&[A]).with(|s| s.loses_first_block = true)),
    },
    Shipped {
        path: "tftp-transfer-failed/silent-capture-ends.pcap",
        what: "The capture ends in the middle of a load.",
        expect: &[(A, INCOMPLETE, NOT_SEEN)],
        site: None,
        build: ends_in_a_load,
    },
    Shipped {
        path: "config-file-missing/fires-no-default.pcap",
        what: "The server has neither the phone's configuration nor the default file.",
        expect: &[(A, "config-file-missing", NOT_SEEN)],
        site: None,
        build: || boots(TftpServer::at(TFTP_30)),
    },
    Shipped {
        path: "config-file-missing/silent-default-served.pcap",
        what: "The phone's configuration is missing, the default file is served and the phone registers: a warning at most.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(TftpServer::at(TFTP_30).default(&default_30())),
    },
    Shipped {
        path: "config-file-missing/silent-trust-list.pcap",
        what: "Only the trust list is missing, as on every system without security.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: trust_list_missing,
    },
    Shipped {
        path: "file-refused/fires-configuration.pcap",
        what: "The TFTP service may not read the phone's configuration (error 2), and there is no default file.",
        expect: &[(A, "file-refused", NOT_SEEN)],
        site: None,
        build: || boots(tftp_30(&[A]).with(|s| s.errors = vec![("SEP", 2, "Access violation")])),
    },
    Shipped {
        path: "file-refused/fires-load.pcap",
        what: "The configuration names a newer load that the service may not read; the phone keeps the one it has.",
        expect: &[(A, "file-refused", REGISTERED)],
        site: None,
        build: load_refused,
    },
    Shipped {
        path: "file-refused/silent-not-found-in-words.pcap",
        what: "The server says \"file not found\" with error 2; the default file is served and the phone registers.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || {
            let errors = vec![("SEP", 2, "File not found")];
            boots(TftpServer::at(TFTP_30).default(&default_30()).with(|s| s.errors = errors))
        },
    },
    Shipped {
        path: "config-file-broken/fires-cut-off.pcap",
        what: "The configuration ends in the middle of an element.",
        expect: &[(A, "config-file-broken", NOT_SEEN)],
        site: None,
        build: || broken(&config_30().device_xml()[..150]),
    },
    Shipped {
        path: "config-file-broken/fires-no-call-manager.pcap",
        what: "The configuration names no CallManager.",
        expect: &[(A, "config-file-broken", NOT_SEEN)],
        site: None,
        build: || boots(TftpServer::at(TFTP_30).phone(A, &PhoneConfig::naming(&[]).load(LOAD_30))),
    },
    Shipped {
        path: "config-file-broken/fires-page-of-a-web-server.pcap",
        what: "The server answers every name with a page of its own.",
        expect: &[(A, "config-file-broken", NOT_SEEN)],
        site: None,
        build: || broken(b"<html><head><title>It works</title></head><body><p>Nothing here.</p></body></html>\n"),
    },
    Shipped {
        path: "config-file-broken/silent-default-form.pcap",
        what: "The phone's own file has the form of the default file, with loads by device type.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(TftpServer::at(TFTP_30).phone(A, &default_30())),
    },
    Shipped {
        path: "tftp-name-unresolved/fires-no-such-name.pcap",
        what: "Option 66 is a name that the name server does not know.",
        expect: &[(A, "tftp-name-unresolved", NOT_SEEN)],
        site: None,
        build: || named("tftp.phones.example"),
    },
    Shipped {
        path: "tftp-name-unresolved/silent-resolves.pcap",
        what: "Option 66 is a name, and the name server knows it.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || named("tftp-1.phones.example"),
    },
    Shipped {
        path: "tftp-override/fires-alternate-tftp.pcap",
        what: "Alternate TFTP on the phone names a server that is in no lease; the phone registers: a warning.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: alternate,
    },
    Shipped {
        path: "tftp-override/silent-same-server.pcap",
        what: "Alternate TFTP on the phone names the server that the lease names too.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: alternate_as_leased,
    },
];

fn boots(tftp: TftpServer) -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp);
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn unreachable(segment: Segment, dhcp: DhcpServer, reach: Reach) -> Vec<u8> {
    let mut site = headquarters(segment, dhcp, tftp_30(&[A]).reach(reach));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn ends_after_request() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]).reach(Reach::Silent));
    site.boot(0, &phone(A));
    site.capture().until_after(read_request, 500).pcap()
}

/// Four CallManagers: a configuration of more than one block.
fn large_configuration() -> TftpServer {
    TftpServer::at(TFTP_30).phone(A, &PhoneConfig::naming(&[CM_30, CM_30_B, "10.30.0.12", "10.30.0.13"]).load(LOAD_30))
}

fn default_30() -> PhoneConfig {
    PhoneConfig::naming(&[CM_30])
        .default_load(6, "7910", LOAD_30_7910)
        .default_load(7, "7960", LOAD_30)
        .default_load(8, "7940", LOAD_30)
}

/// A load of the same release that the phone does not run yet.
const NEWER: &str = "P00303000400";

fn load_stalls() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(NEWER);
    boots(TftpServer::at(TFTP_30).phone(A, &config).load(NEWER, 30).with(|s| s.stalls = Some((NEWER, 12))))
}

fn load_refused() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(NEWER);
    boots(TftpServer::at(TFTP_30).phone(A, &config).with(|s| s.errors = vec![(NEWER, 2, "Access violation")]))
}

fn ends_in_a_load() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(NEWER);
    let mut site = headquarters(flat(), dhcp_flat(), TftpServer::at(TFTP_30).phone(A, &config).load(NEWER, 30));
    site.boot(0, &phone(A));
    let load_asked = |frame: &[u8]| read_request(frame) && frame.windows(4).any(|w| w == b".bin");
    site.capture().until_after(load_asked, 9).pcap()
}

fn trust_list_missing() -> Vec<u8> {
    const LOAD: &str = "P00308000500";
    let config = PhoneConfig::naming(&["10.40.0.10"]).load(LOAD);
    let mut site = Site::new(&[Segment::new("10.40.0")])
        .dhcp(DhcpServer::at("10.40.0.2", "10.40.0.100").option_150(&["10.40.0.5"]))
        .tftp(TftpServer::at("10.40.0.5").phone(A, &config))
        .call_manager(CallManager::at("10.40.0.10", "CM-4").with(|c| c.protocol_version = 11));
    site.boot(0, &Phone::new("7960", A, LOAD));
    site.capture().pcap()
}

fn broken(bytes: &[u8]) -> Vec<u8> {
    boots(TftpServer::at(TFTP_30).file(&format!("{}.cnf.xml", phone(A).name()), bytes))
}

/// A lease with a name in option 66, and a name server that knows `tftp-1`.
fn named(name: &str) -> Vec<u8> {
    let dhcp = DhcpServer::at(DHCP, "10.30.0.100").option_66(name);
    let mut site = headquarters(flat(), dhcp, tftp_30(&[A])).dns("10.30.0.53", &[("tftp-1.phones.example", TFTP_30)]);
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn alternate() -> Vec<u8> {
    let spare = TftpServer::at("10.30.0.6").phone(A, &config_30());
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A, B])).tftp(spare);
    site.boot(0, &phone(A).with(|p| p.alternate_tftp = Some(ip("10.30.0.6"))));
    site.boot(1_600, &phone(B));
    site.capture().pcap()
}

fn alternate_as_leased() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    site.boot(0, &phone(A).alternate(TFTP_30));
    site.capture().pcap()
}
