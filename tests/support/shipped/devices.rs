//! Captures about who is who, and where it is plugged in.

use super::super::phone::Phone;
use super::super::site::{CallManager, Host, Site, Tap, TftpServer};
use super::*;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "duplicate-device/fires-one-name.pcap",
        what: "Two phones register under one name; the second carries the name of the first.",
        expect: &[(A, "duplicate-device", REGISTERED), (B, "duplicate-device", REGISTERED)],
        site: None,
        build: one_name,
    },
    Shipped {
        path: "duplicate-device/silent-new-address.pcap",
        what: "One phone boots twice and has another address the second time.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: new_address,
    },
    Shipped {
        path: "name-mac-mismatch/fires-another-name.pcap",
        what: "A phone registers under a name that is not its MAC address, and no other device bears it: a warning.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: another_name,
    },
    Shipped {
        path: "name-mac-mismatch/silent-behind-a-router.pcap",
        what: "Captured in the servers' subnet: the frames bear the router's MAC address, and that says nothing.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: behind_a_router,
    },
    Shipped {
        path: "wrong-voice-vlan/fires-data-vlan.pcap",
        what: "The switch announces voice VLAN 110, the phone asks for its address untagged, in the data VLAN, and gets a \
               lease without a TFTP server.",
        expect: &[(A, "wrong-voice-vlan", NOT_SEEN)],
        site: None,
        build: data_vlan,
    },
    Shipped {
        path: "wrong-voice-vlan/silent-voice-vlan.pcap",
        what: "The switch announces voice VLAN 110 and the phone uses it.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: voice_vlan,
    },
    Shipped {
        path: "trust-list-mismatch/fires-refused.pcap",
        what: "The server refuses the trust lists (ERROR 2) where a system without security says that there are none; the \
               phone registers: a warning.",
        expect: &[(F, HEALTHY, REGISTERED)],
        site: None,
        build: || trust_lists(&[("ITL", 2, "Access violation"), ("CTL", 2, "Access violation")]),
    },
    Shipped {
        path: "trust-list-mismatch/silent-none.pcap",
        what: "There are no trust lists.",
        expect: &[(F, HEALTHY, REGISTERED)],
        site: None,
        build: || trust_lists(&[]),
    },
];

fn trust_lists(errors: &[(&'static str, u16, &'static str)]) -> Vec<u8> {
    const LOAD: &str = "SCCP41.8-5-3S";
    let config = PhoneConfig::naming(&["10.40.0.10"]).load(LOAD);
    let tftp = TftpServer::at("10.40.0.5").phone(F, &config).with(|s| s.errors = errors.to_vec());
    let mut site = Site::new(&[Segment::new("10.40.110")])
        .dhcp(DhcpServer::at("10.40.0.2", "10.40.110.20").option_150(&["10.40.0.5"]))
        .tftp(tftp)
        .call_manager(CallManager::at("10.40.0.10", "CUCM-PUB").with(|c| c.protocol_version = 20));
    site.boot(0, &Phone::new("7941G", F, LOAD));
    site.capture().pcap()
}

fn one_name() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A, B]));
    let first = phone(A);
    let name = first.name();
    site.boot(0, &first);
    site.boot(1_900, &phone(B).with(|p| p.claims_name = Some(name)));
    site.capture().pcap()
}

fn new_address() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.leases.clear();
    site.boot(120_000, &phone(A));
    site.capture().pcap()
}

fn another_name() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    let name = Phone::new("7960", G, LOAD_30).name();
    site.boot(0, &phone(A).with(|p| p.claims_name = Some(name)));
    site.capture().pcap()
}

fn behind_a_router() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A])).tap(Tap::BothSides);
    site.boot(0, &phone(A));
    let near = [phone(A).mac, voice().router.mac, Host::at("10.30.110.1").mac];
    // CDP, ARP and all frames in the phones' subnet are out of sight.
    site.capture().only(|f| !near.iter().any(|mac| f[..6] == *mac || f[6..12] == *mac)).pcap()
}

fn data_vlan() -> Vec<u8> {
    let mut segment = Segment::new("10.30.200");
    segment.announced_vlan = Some(110);
    let mut site = headquarters(segment, DhcpServer::at("10.30.200.2", "10.30.200.100"), tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn voice_vlan() -> Vec<u8> {
    let mut site = headquarters(voice().vlan(110), dhcp_voice(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().pcap()
}
