//! More captures about names, addresses and VLANs: what only looks like two devices, or like the wrong VLAN.

use super::super::frame::{BROADCAST, ETHERTYPE_ARP, Frame, Mac, arp, ip};
use super::super::phone::Millis;
use super::super::site::{Answer, CallManager, DhcpAnswer, Host, MILLI, START, Site, TftpServer};
use super::*;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "duplicate-device/fires-throw-each-other-out.pcap",
        what: "A second device registers under a phone's name; CallManager closes one connection and then the other, and \
               both come back.",
        expect: &[(A, "duplicate-device", UNREGISTERED), (B, "duplicate-device", UNREGISTERED)],
        site: None,
        build: throw_each_other_out,
    },
    Shipped {
        path: "duplicate-device/fires-one-address.pcap",
        what: "A host with a fixed address claims by ARP the address that a registered phone has by lease; the phone goes on.",
        expect: &[(A, "duplicate-device", REGISTERED)],
        site: None,
        build: one_address,
    },
    Shipped {
        path: "duplicate-device/silent-proxy-arp.pcap",
        what: "The router answers ARP for a phone's address as it does for others (proxy ARP): it is no second device.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: proxy_arp,
    },
    Shipped {
        path: "duplicate-device/silent-lease-used-again.pcap",
        what: "A phone gets the address that another one had, which is long gone.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: lease_used_again,
    },
    Shipped {
        path: "wrong-voice-vlan/fires-set-by-hand.pcap",
        what: "The switch announces voice VLAN 110, the phone asks in VLAN 210, where nobody answers.",
        expect: &[(A, "wrong-voice-vlan", NOT_SEEN)],
        site: None,
        build: vlan_set_by_hand,
    },
    Shipped {
        path: "wrong-voice-vlan/silent-data-vlan-first.pcap",
        what: "The phone asks untagged before it hears of voice VLAN 110, gets a lease without a TFTP server, and boots \
               again in VLAN 110.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: data_vlan_first,
    },
    Shipped {
        path: "wrong-voice-vlan/silent-tags-taken-off.pcap",
        what: "The switch announces voice VLAN 110 and the phone uses it, but the span port takes all tags off.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: tags_taken_off,
    },
    Shipped {
        path: "registration-flapping/silent-switched-off-and-on.pcap",
        what: "A phone is switched off and on twice within three minutes: it registers three times.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: switched_off_and_on,
    },
    Shipped {
        path: "registration-flapping/silent-never-answers-keepalives.pcap",
        what: "A CallManager that never answers a KeepAlive, as the first versions did: TCP acknowledges them.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: never_answers,
    },
    Shipped {
        path: "dhcp-refused/fires-moved.pcap",
        what: "A phone that was moved asks for the address that it had, is refused (NAK), and gets another: a warning.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: moved,
    },
    Shipped {
        path: "registered-elsewhere/silent-named-nowhere.pcap",
        what: "Registered with a CallManager that the site file names nowhere: that is unknown, not foreign.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: Some("registered-elsewhere/site.toml"),
        build: named_nowhere,
    },
];

fn throw_each_other_out() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_30);
    let mut site = Site::new(&[flat()])
        .dhcp(dhcp_flat())
        .tftp(TftpServer::at(TFTP_30).phones(&[A, B], &config))
        .call_manager(cm_30().answers(&[Answer::RegistersThenCloses]));
    let first = phone(A).with(|p| p.keep_alives = 1);
    let name = first.name();
    site.boot(0, &first);
    site.boot(15_000, &phone(B).with(|p| (p.claims_name, p.keep_alives) = (Some(name), 1)));
    site.capture().pcap()
}

/// Somebody says by ARP that he has an address.
fn claims(site: &mut Site, at: Millis, mac: Mac, address: &str) {
    let claim = arp(1, (mac, ip(address)), ([0; 6], ip(address)));
    site.see(START + at * MILLI, Frame::ethernet(BROADCAST, mac, ETHERTYPE_ARP, &claim));
}

fn one_address() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    claims(&mut site, 20_000, Host::at("10.30.0.200").mac, "10.30.0.100");
    site.capture().pcap()
}

fn proxy_arp() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    let router = flat().router.mac;
    for (at, address) in [(10_000, "10.30.0.1"), (20_000, "10.30.0.100"), (25_000, "10.30.0.1")] {
        claims(&mut site, at, router, address);
    }
    site.capture().pcap()
}

fn lease_used_again() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A, B]));
    let gone = site.boot(0, &phone(A));
    let second = phone(B);
    site.leases.insert((ip(DHCP), second.mac), gone.address);
    site.boot(700_000, &second);
    site.capture().pcap()
}

fn vlan_set_by_hand() -> Vec<u8> {
    let mut segment = voice().vlan(210);
    segment.announced_vlan = Some(110);
    let mut site = headquarters(segment, dhcp_voice().silent(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn data_vlan_first() -> Vec<u8> {
    let data = Segment::new("10.30.200");
    let mut site = Site::new(&[data, voice().vlan(110)])
        .dhcp(DhcpServer::at("10.30.200.2", "10.30.200.100").only_on(&[0]))
        .dhcp(dhcp_voice().only_on(&[1]))
        .tftp(tftp_30(&[A]))
        .call_manager(cm_30())
        .call_manager(cm_30_b());
    site.boot(0, &phone(A));
    site.boot(9_000, &phone(A).on_segment(1));
    site.capture().pcap()
}

fn tags_taken_off() -> Vec<u8> {
    let mut segment = voice();
    segment.announced_vlan = Some(110);
    let mut site = headquarters(segment, dhcp_voice(), tftp_30(&[A]));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn switched_off_and_on() -> Vec<u8> {
    let mut site = headquarters(flat(), dhcp_flat(), tftp_30(&[A]));
    for at in [0, 70_000, 140_000] {
        site.boot(at, &phone(A).with(|p| p.keep_alives = 1));
    }
    site.capture().pcap()
}

fn never_answers() -> Vec<u8> {
    let old = CallManager { answers_keep_alives: false, ..cm_30() };
    let config = PhoneConfig::naming(&[CM_30]).load(LOAD_30);
    let mut site =
        Site::new(&[flat()]).dhcp(dhcp_flat()).tftp(TftpServer::at(TFTP_30).phone(A, &config)).call_manager(old);
    site.boot(0, &phone(A).with(|p| p.keep_alives = 5));
    site.capture().pcap()
}

fn moved() -> Vec<u8> {
    // Of two servers one knows the phone's old network, and says that this is another.
    let refuses = DhcpServer::at("10.30.0.3", "10.30.0.250")
        .with(|s| s.answer = DhcpAnswer::Refuses("wrong network"))
        .option_150(&[TFTP_30]);
    let mut site = Site::new(&[flat()])
        .dhcp(refuses)
        .dhcp(dhcp_flat())
        .tftp(tftp_30(&[A]))
        .call_manager(cm_30())
        .call_manager(cm_30_b());
    site.boot(0, &phone(A).with(|p| (p.init_reboot, p.prefers) = (Some(ip("10.30.7.33")), Some(ip(DHCP)))));
    site.capture().pcap()
}

fn named_nowhere() -> Vec<u8> {
    let unknown = CallManager::at("10.32.0.10", "LAB-CM1");
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A])).call_manager(unknown);
    site.boot(0, &phone(A).stored(&["10.32.0.10"]));
    site.capture().pcap()
}
