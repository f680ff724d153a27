//! Captures about leases: who answers, and what the lease names.

use super::super::frame::ip;
use super::super::site::{DhcpAnswer, Site, Tap, TftpServer};
use super::super::span_port::of_dhcp_client;
use super::*;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "conflicting-dhcp-offers/fires-wrong-one-taken.pcap",
        what: "Two DHCP servers offer different TFTP servers. One phone takes the faster offer, gets the 3.1 load and is \
               rejected; the other waits for the right one and registers.",
        expect: &[(A, "conflicting-dhcp-offers", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: wrong_offer_taken,
    },
    Shipped {
        path: "conflicting-dhcp-offers/fires-right-one-taken.pcap",
        what: "Two DHCP servers offer different TFTP servers, the phones take the right offer: a warning.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: right_offer_taken,
    },
    Shipped {
        path: "conflicting-dhcp-offers/silent-same-tftp.pcap",
        what: "Two DHCP servers share a subnet and name the same TFTP servers.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: same_tftp,
    },
    Shipped {
        path: "unknown-dhcp-server/fires-lease-taken.pcap",
        what: "A DHCP server that the site file does not name is the only one to answer in its subnet, and names the 3.1 \
               TFTP server. A phone in another subnet has its lease from the right server.",
        expect: &[(A, "unknown-dhcp-server", REJECTED), (B, HEALTHY, REGISTERED)],
        site: Some("unknown-dhcp-server/site.toml"),
        build: unknown_server,
    },
    Shipped {
        path: "unknown-dhcp-server/fires-right-options.pcap",
        what: "The phone takes the lease of a DHCP server that the site file does not name, though with the right TFTP \
               server, and registers.",
        expect: &[(A, "unknown-dhcp-server", REGISTERED)],
        site: Some("unknown-dhcp-server/site.toml"),
        build: unknown_server_right_options,
    },
    Shipped {
        path: "unknown-dhcp-server/fires-offer-not-taken.pcap",
        what: "A DHCP server that the site file does not name offers as well, the phone takes the other offer: a warning.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: Some("unknown-dhcp-server/site.toml"),
        build: unknown_offer_not_taken,
    },
    Shipped {
        path: "unknown-dhcp-server/silent-relayed.pcap",
        what: "The answers come from the relay agent's address, the server they name is the right one.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: Some("unknown-dhcp-server/site.toml"),
        build: relayed,
    },
    Shipped {
        path: "no-dhcp-answer/fires-discover.pcap",
        what: "Four DISCOVERs of one phone go unanswered. In the next subnet a phone gets its lease and registers.",
        expect: &[(A, "no-dhcp-answer", NOT_SEEN), (B, HEALTHY, REGISTERED)],
        site: None,
        build: discover_unanswered,
    },
    Shipped {
        path: "no-dhcp-answer/fires-init-reboot.pcap",
        what: "A phone asks for the address it had (INIT-REBOOT), four times, and nobody answers.",
        expect: &[(A, "no-dhcp-answer", NOT_SEEN)],
        site: None,
        build: reboot_unanswered,
    },
    Shipped {
        path: "no-dhcp-answer/silent-capture-ends.pcap",
        what: "The capture ends 0.3 s after the first DISCOVER.",
        expect: &[(A, INCOMPLETE, NOT_SEEN)],
        site: None,
        build: ends_after_discover,
    },
    Shipped {
        path: "no-dhcp-answer/silent-second-discover.pcap",
        what: "The second DISCOVER is answered.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: second_discover,
    },
    Shipped {
        path: "no-tftp-address/fires-nothing-named.pcap",
        what: "The lease has no option 150 or 66, no sname and no siaddr.",
        expect: &[(A, "no-tftp-address", NOT_SEEN)],
        site: None,
        build: nothing_named,
    },
    Shipped {
        path: "no-tftp-address/silent-siaddr.pcap",
        what: "Only the siaddr field names the TFTP server, and the phone uses it.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(DhcpServer::at(DHCP, "10.30.0.100").with(|s| s.siaddr = Some(ip(TFTP_30)))),
    },
    Shipped {
        path: "no-tftp-address/silent-option-66.pcap",
        what: "Only option 66 names the TFTP server, by its address.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(DhcpServer::at(DHCP, "10.30.0.100").option_66(TFTP_30)),
    },
    Shipped {
        path: "no-tftp-address/silent-sname.pcap",
        what: "Only the sname field names the TFTP server, by its address.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(DhcpServer::at(DHCP, "10.30.0.100").with(|s| TFTP_30.clone_into(&mut s.sname))),
    },
    Shipped {
        path: "malformed-tftp-option/fires-150-text.pcap",
        what: "Option 150 holds the text 10.4.0.5: eight octets, which the phone reads as two addresses and asks in vain.",
        expect: &[(A, "malformed-tftp-option", NOT_SEEN)],
        site: None,
        build: || malformed(150, b"10.4.0.5"),
    },
    Shipped {
        path: "malformed-tftp-option/fires-150-text-odd.pcap",
        what: "Option 150 holds the text 10.30.0.5: nine octets, of which the phone makes nothing.",
        expect: &[(A, "malformed-tftp-option", NOT_SEEN)],
        site: None,
        build: || malformed(150, b"10.30.0.5"),
    },
    Shipped {
        path: "malformed-tftp-option/fires-150-five-octets.pcap",
        what: "Option 150 is five octets long.",
        expect: &[(A, "malformed-tftp-option", NOT_SEEN)],
        site: None,
        build: || malformed(150, &[10, 30, 0, 5, 0]),
    },
    Shipped {
        path: "malformed-tftp-option/fires-150-zero.pcap",
        what: "Option 150 holds 0.0.0.0.",
        expect: &[(A, "malformed-tftp-option", NOT_SEEN)],
        site: None,
        build: || malformed(150, &[0, 0, 0, 0]),
    },
    Shipped {
        path: "malformed-tftp-option/fires-66-binary.pcap",
        what: "Option 66 holds the four octets of an address where a text belongs.",
        expect: &[(A, "malformed-tftp-option", NOT_SEEN)],
        site: None,
        build: || malformed(66, &[10, 30, 0, 5]),
    },
    Shipped {
        path: "malformed-tftp-option/silent-two-addresses.pcap",
        what: "Option 150 lists two addresses; the first one serves.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(DhcpServer::at(DHCP, "10.30.0.100").option_150(&[TFTP_30, "10.30.0.6"])),
    },
    Shipped {
        path: "malformed-tftp-option/silent-66-with-nul.pcap",
        what: "Option 66 ends with a NUL, which receivers drop (RFC 2132, section 2).",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(DhcpServer::at(DHCP, "10.30.0.100").option_66("10.30.0.5\0")),
    },
    Shipped {
        path: "tftp-options-disagree/fires-150-and-66.pcap",
        what: "Option 150 names one TFTP server and option 66 another; the phone uses the first, and registers.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(dhcp_flat().option_66("10.30.0.6")),
    },
    Shipped {
        path: "tftp-options-disagree/silent-agree.pcap",
        what: "Options 150 and 66, sname and siaddr all name the same TFTP server.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: all_agree,
    },
    Shipped {
        path: "tftp-options-disagree/silent-quotation-marks.pcap",
        what: "Option 66 names the server of option 150, in quotation marks as dnsmasq sends them.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(dhcp_flat().option_66("\"10.30.0.5\"")),
    },
    Shipped {
        path: "tftp-options-disagree/silent-own-siaddr.pcap",
        what: "The DHCP server fills in its own address as siaddr, beside option 150.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || boots(dhcp_flat().with(|s| s.siaddr = Some(ip(DHCP)))),
    },
    Shipped {
        path: "dhcp-refused/fires-nak-repeats.pcap",
        what: "The server offers an address and refuses the REQUEST for it, three times.",
        expect: &[(A, "dhcp-refused", NOT_SEEN)],
        site: None,
        build: nak_repeats,
    },
    Shipped {
        path: "dhcp-refused/fires-declined-once.pcap",
        what: "Another host has the address of the first lease; the phone declines it, the second lease holds: a warning.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: declined_once,
    },
    Shipped {
        path: "dhcp-refused/silent-init-reboot.pcap",
        what: "The phone asks for the address it had (INIT-REBOOT) and gets it.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: reboot_granted,
    },
];

/// The other DHCP server in the flat subnet, naming the 3.1 TFTP server.
fn other(address: &str) -> DhcpServer {
    DhcpServer::at(address, "10.30.0.180").option_150(&[TFTP_31])
}

/// Its TFTP server has the phone's configuration from a time before.
fn tftp_31(mac: &str) -> TftpServer {
    TftpServer::at(TFTP_31).phone(mac, &PhoneConfig::naming(&[CM_30]).load(LOAD_31)).load(LOAD_31, 20)
}

fn wrong_offer_taken() -> Vec<u8> {
    let mut site =
        headquarters(flat(), dhcp_flat().delay_ms(6), tftp_30(&[A, B])).dhcp(other("10.30.0.77")).tftp(tftp_31(A));
    site.boot(0, &phone(A));
    site.boot(2_600, &phone(B).with(|p| p.prefers = Some(ip(DHCP))));
    site.capture().pcap()
}

fn right_offer_taken() -> Vec<u8> {
    let mut site =
        headquarters(flat(), dhcp_flat(), tftp_30(&[A, B])).dhcp(other("10.30.0.77").delay_ms(9)).tftp(tftp_31(A));
    site.boot(0, &phone(A));
    site.boot(2_600, &phone(B));
    site.capture().pcap()
}

fn same_tftp() -> Vec<u8> {
    let second = DhcpServer::at("10.30.0.3", "10.30.0.180").option_150(&[TFTP_30]).delay_ms(3);
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A, B])).dhcp(second);
    site.boot(0, &phone(A));
    site.boot(1_700, &phone(B).with(|p| p.prefers = Some(ip("10.30.0.3"))));
    site.capture().pcap()
}

fn unknown_server() -> Vec<u8> {
    let stray = DhcpServer::at("10.30.110.66", "10.30.110.200").option_150(&[TFTP_31]).only_on(&[0]);
    let mut site = Site::new(&[voice(), Segment::new("10.30.120")])
        .dhcp(stray)
        .dhcp(DhcpServer::at(DHCP, "10.30.120.20").option_150(&[TFTP_30]).only_on(&[1]))
        .tftp(tftp_30(&[B]))
        .tftp(tftp_31(A))
        .call_manager(cm_30());
    site.boot(0, &phone(A));
    site.boot(2_000, &phone(B).on_segment(1));
    site.capture().pcap()
}

fn unknown_server_right_options() -> Vec<u8> {
    let stray = DhcpServer::at("10.30.110.66", "10.30.110.200").option_150(&[TFTP_30]);
    let mut site = headquarters(voice(), stray, tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn unknown_offer_not_taken() -> Vec<u8> {
    let stray = DhcpServer::at("10.30.110.66", "10.30.110.200").option_150(&[TFTP_30]).delay_ms(4);
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A])).dhcp(stray);
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn relayed() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A])).tap(Tap::BothSides);
    site.relay_option = true;
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn discover_unanswered() -> Vec<u8> {
    let mut site = Site::new(&[voice(), Segment::new("10.30.120")])
        .dhcp(dhcp_voice().silent().only_on(&[0]))
        .dhcp(DhcpServer::at(DHCP, "10.30.120.20").option_150(&[TFTP_30]).only_on(&[1]))
        .tftp(tftp_30(&[B]))
        .call_manager(cm_30());
    site.boot(0, &phone(A));
    site.boot(1_000, &phone(B).on_segment(1));
    site.capture().pcap()
}

fn reboot_unanswered() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat().silent(), tftp_30(&[A]));
    site.boot(0, &phone(A).with(|p| p.init_reboot = Some(ip("10.30.0.100"))));
    site.capture().pcap()
}

fn ends_after_discover() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat().silent(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().until_after(of_dhcp_client, 300).pcap()
}

fn second_discover() -> Vec<u8> {
    boots(dhcp_flat().with(|s| s.ignores = 1))
}

/// A phone boots with this lease; nothing else is wrong.
fn boots(dhcp: DhcpServer) -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp, tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn nothing_named() -> Vec<u8> {
    boots(DhcpServer::at(DHCP, "10.30.0.100"))
}

/// An option that no phone can use; asking what it seems to name leads nowhere.
fn malformed(code: u8, octets: &[u8]) -> Vec<u8> {
    boots(DhcpServer::at(DHCP, "10.30.0.100").option(code, octets))
}

fn all_agree() -> Vec<u8> {
    boots(dhcp_flat().option_66(TFTP_30).with(|s| {
        TFTP_30.clone_into(&mut s.sname);
        s.siaddr = Some(ip(TFTP_30));
    }))
}

fn nak_repeats() -> Vec<u8> {
    boots(dhcp_flat().with(|s| s.answer = DhcpAnswer::Refuses("no free leases")))
}

fn declined_once() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    site.boot(0, &phone(A).with(|p| p.declines = 1));
    site.capture().pcap()
}

fn reboot_granted() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    site.boot(0, &phone(A).with(|p| p.init_reboot = Some(ip("10.30.0.117"))));
    site.capture().pcap()
}
