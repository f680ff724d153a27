//! Leases: offers that nobody takes, options that cannot be read, servers that are none.

use serde_json::json;

use super::{Case, config};
use crate::support::handset::{Handset, Lease};
use crate::support::scene::Scene;

pub(super) const SITE: &str = r#"
[network]
dhcp_servers = ["10.112.0.2", "10.112.8.2"]
[[cluster]]
name = "campus"
tftp = ["10.112.0.15"]
call_managers = ["10.112.0.21", "10.112.0.22"]
default = true
"#;

pub(super) const TFTP: &str = "10.112.0.15";
pub(super) const PHONE: &str = "00:21:a0:86:11:4c";
pub(super) const NEIGHBOUR: &str = "00:21:a0:86:11:90";

/// The phone of a case.
pub(super) fn phone() -> Handset {
    Handset::new("7965G", 436, PHONE, "10.112.8.40", "SCCP45.9-2-1S")
}

/// One that is well.
pub(super) fn neighbour() -> Handset {
    Handset::new("7965G", 436, NEIGHBOUR, "10.112.8.77", "SCCP45.9-2-1S")
}

/// The lease of this network, through its relay agent.
pub(super) fn relayed() -> Lease {
    Lease::relayed("10.112.0.2", "10.112.8.1")
}

pub(super) fn right() -> Lease {
    relayed().option_150(&[TFTP])
}

pub(super) fn campus() -> crate::support::phone_config::PhoneConfig {
    config(&["10.112.0.21", "10.112.0.22"])
}

/// Offers again and again, none of which the phone requests.
pub(super) fn offers(s: &mut Scene, phone: &mut Handset, lease: &Lease, count: usize) {
    for n in 0..count {
        phone.discover(s);
        phone.offered(s, lease);
        s.wait(3000 << n.min(3));
    }
}

/// Read requests for the configuration that nobody answers.
pub(super) fn in_vain(s: &mut Scene, phone: &mut Handset, server: &str, count: usize) {
    let file = format!("SEP{}.cnf.xml", &phone.name()[3..]);
    let port = phone.port();
    for _ in 0..count {
        let (own, far) = ((phone.end(), port), (phone.to(server), 69));
        s.udp(own, far, &crate::support::tftp::read_request(&file, &[]));
        s.wait(4000);
    }
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "offers-with-two-addresses-as-text",
        kind: "offer-text-option150",
        report: None,
        wire: "Every relayed OFFER carries option 150 as the text \"10.112.0.15, 10.112.0.16\"; the phone requests none.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            p.cdp(&mut s);
            offers(&mut s, &mut p, &relayed().option(150, b"10.112.0.15, 10.112.0.16"), 5);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["malformed-tftp-option"]}},
                "codes": {"malformed-tftp-option": {"severity": ["error"],
                    "facts": {"option": 150, "dhcp_server": "10.112.0.2"}}},
                "codes_absent": ["offer-not-taken", "no-dhcp-answer", "no-tftp-address", "wrong-tftp-server"],
                "says": ["10\\.112\\.0\\.15"],
                "first_fix": {"where": ["dhcp-server"], "says": ["option.?150"]}})
        },
    },
    Case {
        name: "text-in-option-150-and-66-serves",
        kind: "offer-text-option150",
        report: None,
        wire: "Option 150 is the text \"10.112.0.15\"; the phone falls back on option 66 of the same lease and registers.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            let lease = relayed().option(66, b"10.112.0.15").option(150, b"10.112.0.15");
            p.comes_up(&mut s, &lease, TFTP, &campus());
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"no_other_phones": true, "phones": {PHONE: {"state": ["registered"]}},
                "codes": {"malformed-tftp-option": {"facts": {"option": 150, "dhcp_server": "10.112.0.2"}}},
                "codes_absent": ["wrong-tftp-server", "tftp-override", "no-tftp-address"]})
        },
    },
    Case {
        name: "offers-lost-at-a-snooping-switch",
        kind: "offers-not-taken",
        report: Some("https://github.com/openwrt/openwrt/issues/12300"),
        wire: "A DHCP server in the phone's own VLAN answers each DISCOVER with a sound OFFER; no REQUEST follows.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            offers(&mut s, &mut p, &Lease::from("10.112.8.2").option_150(&[TFTP]), 7);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["offer-not-taken"]}},
                "codes": {"offer-not-taken": {"severity": ["error"], "facts": {"dhcp_server": "10.112.8.2"}}},
                "codes_absent": ["no-dhcp-answer", "malformed-tftp-option", "no-tftp-address", "wrong-tftp-server"],
                "says": ["10\\.112\\.8\\.2", "snoop"], "first_fix": {"where": ["dhcp-server", "network"]}})
        },
    },
    Case {
        name: "offer-taken-when-the-port-is-up",
        kind: "near-miss",
        report: None,
        wire: "Four OFFERs go by while the switch port comes up; the fifth is requested, and the phone registers.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            offers(&mut s, &mut p, &right(), 4);
            p.comes_up(&mut s, &right(), TFTP, &campus());
            s.records().into()
        },
        site: Some(SITE),
        expect: || healthy_alone(),
    },
    Case {
        name: "two-dhcp-servers-one-is-chosen",
        kind: "near-miss",
        report: None,
        wire: "Two servers of one design offer the same TFTP server again and again; the phone always takes the first.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            let second = Lease::relayed("10.112.0.3", "10.112.8.1").option_150(&[TFTP]);
            for n in 0..4 {
                s.at(n * 200_000);
                p.discover(&mut s);
                p.offered(&mut s, &right());
                p.offered(&mut s, &second);
                p.request(&mut s, &right());
                p.acknowledged(&mut s, &right());
                s.wait(300);
                p.configure(&mut s, TFTP, &campus());
                if n == 3 {
                    let mut talk = p.register(&mut s, "10.112.0.21");
                    p.keep_alives(&mut s, &mut talk, 12);
                }
            }
            s.records().into()
        },
        site: None,
        expect: || healthy_alone(),
    },
    Case {
        name: "lease-without-router-7931",
        kind: "lease-without-router",
        report: None,
        wire: "The lease has no option 3. The phone asks its own LAN by ARP for 10.112.0.15, which is in another network.",
        capture: || {
            let mut s = Scene::new();
            let mut p = Handset::new("7931G", 348, PHONE, "10.112.8.40", "SCCP31.9-2-1S");
            let lease = right().with(|l| l.router = None);
            p.cdp(&mut s);
            p.lease(&mut s, &lease);
            for _ in 0..8 {
                s.arp(p.end(), "10.112.0.15".parse().expect("an address"), None);
                s.wait(2000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["no-default-router"]}},
                "codes": {"no-default-router": {"severity": ["error"],
                    "facts": {"dhcp_server": "10.112.0.2", "needed": "~10\\.112\\.0\\.15"}}},
                "root_absent": ["tftp-no-answer", "incomplete"], "says": ["option.?3\\b|default (router|gateway)"],
                "first_fix": {"where": ["dhcp-server"], "says": ["option.?3\\b|router|gateway"]}})
        },
    },
    Case {
        name: "no-router-and-proxy-arp",
        kind: "near-miss",
        report: None,
        wire: "The lease has no option 3, but a router answers ARP for the TFTP server (proxy ARP), and the phone registers.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            let lease = right().with(|l| l.router = None);
            p.lease(&mut s, &lease);
            for server in ["10.112.0.15", "10.112.0.21"] {
                s.arp(p.end(), server.parse().expect("an address"), Some(p.router));
            }
            p.configure(&mut s, TFTP, &campus());
            let mut talk = p.register(&mut s, "10.112.0.21");
            p.keep_alives(&mut s, &mut talk, 3);
            s.records().into()
        },
        site: Some(SITE),
        expect: || healthy_alone(),
    },
    Case {
        name: "only-siaddr-and-port-unreachable",
        kind: "only-siaddr",
        report: None,
        wire: "No option 150, no option 66. The phone asks siaddr, the DHCP server itself, which answers ICMP port unreachable.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            let lease = Lease::from("10.112.8.2").with(|l| l.siaddr = Some(l.server));
            p.cdp(&mut s);
            p.lease(&mut s, &lease);
            for _ in 0..5 {
                let (own, far) = ((p.end(), p.port()), (p.to("10.112.8.2"), 69));
                let request = crate::support::tftp::read_request("SEP0021A086114C.cnf.xml", &[]);
                let packet = s.udp(own, far, &request);
                s.icmp(far.0, own.0, 3, &packet);
                s.wait(4000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["tftp-no-answer", "no-tftp-address", "wrong-tftp-server"]}},
                "says": ["siaddr|next-server"],
                "first_fix": {"where": ["dhcp-server"], "says": ["option.?150"], "says_not": ["start (the )?TFTP"]}})
        },
    },
    Case {
        name: "siaddr-of-the-dhcp-server-beside-66",
        kind: "siaddr-against-sname",
        report: Some("https://github.com/PJO2/tftpd64/issues/17"),
        wire: "siaddr is the DHCP server, option 66 the right TFTP server. The phone asks siaddr in vain; its neighbour has option 150.",
        capture: || {
            let (mut s, mut p, mut n) = (Scene::new(), phone(), neighbour());
            let lease = relayed().option(66, b"10.112.0.15").with(|l| l.siaddr = Some(l.server));
            p.lease(&mut s, &lease);
            in_vain(&mut s, &mut p, "10.112.0.2", 6);
            s.at(2_500);
            n.comes_up(&mut s, &right(), TFTP, &campus());
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["wrong-tftp-server", "tftp-no-answer", "tftp-options-disagree"]},
                    NEIGHBOUR: {"verdict": ["healthy"], "state": ["registered"]}},
                "codes": {"tftp-options-disagree": {}}, "codes_absent": ["tftp-override"],
                "says_not": ["set on the phone", "Alternate TFTP \\S+ back"], "says": ["siaddr|next-server"],
                "first_fix": {"where": ["dhcp-server"]}})
        },
    },
    Case {
        name: "option-150-reversed-both-servers",
        kind: "option150-reversed",
        report: None,
        wire: "Option 150 reads 15.0.112.10; 10.112.0.15 serves the phone beside it. Nobody answers 15.0.112.10.",
        capture: || {
            let (mut s, mut p, mut n) = (Scene::new(), phone(), neighbour());
            n.comes_up(&mut s, &right(), TFTP, &campus());
            s.at(9_000);
            p.lease(&mut s, &relayed().option_150(&["15.0.112.10"]));
            in_vain(&mut s, &mut p, "15.0.112.10", 5);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["malformed-tftp-option", "wrong-tftp-server"]},
                    NEIGHBOUR: {"verdict": ["healthy"]}},
                "says": ["revers|backward|byte order|order of (the|its) octets", "10\\.112\\.0\\.15"],
                "fix_says": ["10\\.112\\.0\\.15"]})
        },
    },
    Case {
        name: "text-read-as-three-addresses",
        kind: "malformed-option150-addresses",
        report: None,
        wire: "Option 150 is the text \"10.112.0.150\"; the phone takes the lease and asks 49.48.46.49, 49.50.46.48 and 46.49.53.48.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            p.lease(&mut s, &relayed().option(150, b"10.112.0.150"));
            for server in ["49.48.46.49", "49.50.46.48", "46.49.53.48"] {
                in_vain(&mut s, &mut p, server, 4);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["malformed-tftp-option"]}},
                "codes": {"malformed-tftp-option": {"severity": ["error"], "facts": {"option": 150}}},
                "codes_absent": ["tftp-override", "wrong-tftp-server"],
                "says_not": ["set on the phone", "Alternate TFTP \\S+ back"]})
        },
    },
    Case {
        name: "server-id-override-by-a-router",
        kind: "relay-as-dhcp-server",
        report: None,
        wire: "Option 54 of every answer is 10.112.8.1, the relay agent's giaddr; the site file names the server behind it.",
        capture: || {
            let (mut s, mut p, mut n) = (Scene::new(), phone(), neighbour());
            let lease = right().with(|l| l.identifier = l.relay);
            p.comes_up(&mut s, &lease, TFTP, &campus());
            s.at(7_000);
            n.comes_up(&mut s, &lease, TFTP, &campus());
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"modes": ["site"], "exit": [0], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["healthy"]}, NEIGHBOUR: {"verdict": ["healthy"]}},
                "root_absent": ["unknown-dhcp-server"], "says_not": ["Stop the DHCP service", "[Rr]ogue"]})
        },
    },
    Case {
        name: "wireless-controller-proxies-dhcp",
        kind: "relay-as-dhcp-server",
        report: None,
        wire: "A wireless controller answers as 192.0.2.1 (its virtual address) with its own giaddr in the answers, for the server behind it.",
        capture: || {
            let mut s = Scene::new();
            let mut p = Handset::new("7925G", 484, PHONE, "10.112.8.40", "CP7925G-1.4.5.3");
            let lease = Lease::relayed("10.112.0.2", "10.112.8.5").option_150(&[TFTP]);
            let lease = lease.with(|l| l.identifier = Some("192.0.2.1".parse().expect("an address")));
            p.comes_up(&mut s, &lease, TFTP, &campus());
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"modes": ["site"], "exit": [0], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["healthy"], "state": ["registered"]}},
                "root_absent": ["unknown-dhcp-server"], "says_not": ["Stop the DHCP service"]})
        },
    },
    Case {
        name: "unknown-server-in-the-voice-vlan",
        kind: "near-miss",
        report: None,
        wire: "10.112.8.66 answers from inside the VLAN, without giaddr, and leads to the right TFTP server. The site file does not name it.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            p.comes_up(&mut s, &Lease::from("10.112.8.66").option_150(&[TFTP]), TFTP, &campus());
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"modes": ["site"], "exit": [1], "phones": {PHONE: {}}, "no_other_phones": true,
                "codes": {"unknown-dhcp-server": {"facts": {"dhcp_server": "10.112.8.66"}}}})
        },
    },
    Case {
        name: "home-router-answers-first",
        kind: "rogue-dhcp-without-tftp",
        report: None,
        wire: "192.168.0.254 offers before 10.112.0.2 and names no TFTP server; the phone takes its lease and finds no file.",
        capture: || {
            let (mut s, mut p) =
                (Scene::new(), phone().with(|p| p.address = "192.168.0.23".parse().expect("an address")));
            let good = phone();
            let rogue = Lease::from("192.168.0.254").with(|l| l.router = Some(l.server));
            for _ in 0..2 {
                p.discover(&mut s);
                p.offered(&mut s, &rogue);
                // The same exchange: the other server's offer, with an address of its own.
                let both = p.clone().with(|p| p.address = good.address);
                both.offered(&mut s, &right());
                p.request(&mut s, &rogue);
                p.acknowledged(&mut s, &rogue);
                s.arp(p.end(), p.address, None);
                s.wait(60_000);
            }
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["conflicting-dhcp-offers"]}},
                "codes": {"conflicting-dhcp-offers": {"severity": ["error"], "facts": {"chosen": "192.168.0.254"}}},
                "root_absent": ["no-tftp-address"], "says_not": ["Set option 150 in the scope of 192\\.168\\.0\\."],
                "first_fix": {"says": ["192\\.168\\.0\\.254"]}})
        },
    },
    Case {
        name: "printer-holds-the-address",
        kind: "declined-address",
        report: None,
        wire: "The phone declines 10.112.8.40 three times; 00:17:c8:2d:5e:01 answers its ARP probe each time.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            for _ in 0..3 {
                p.discover(&mut s);
                p.offered(&mut s, &right());
                p.request(&mut s, &right());
                p.acknowledged(&mut s, &right());
                let prober = crate::support::scene::End::new(PHONE, "0.0.0.0");
                s.arp(prober, p.address, Some([0x00, 0x17, 0xc8, 0x2d, 0x5e, 0x01]));
                p.decline(&mut s, &right());
                s.wait(10_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["dhcp-refused"]}},
                "codes": {"dhcp-refused": {"severity": ["error"]}}, "says": ["00:17:c8:2d:5e:01"]})
        },
    },
    Case {
        name: "ciscocm1-leads-to-an-old-server",
        kind: "dns-names-the-tftp-server",
        report: None,
        wire: "DNS answers CiscoCM1.campus.example with 10.99.4.9; the phone asks there although option 150 names 10.112.0.15.",
        capture: || {
            let (mut s, mut n) = (Scene::new(), neighbour());
            let mut p = Handset::new("7940", 8, PHONE, "10.112.8.40", "P00303020214");
            let lease = right().dns("10.112.0.53");
            n.comes_up(&mut s, &lease, TFTP, &campus());
            s.at(11_000);
            p.lease(&mut s, &lease);
            p.look_up(&mut s, "10.112.0.53", "CiscoCM1.campus.example", Some("10.99.4.9"));
            in_vain(&mut s, &mut p, "10.99.4.9", 5);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"says": ["CiscoCM1"], "says_not": ["(is|it is) set on the phone \\(Alternate"],
                "first_fix": {"of": ["wrong-tftp-server", "tftp-override"], "says": ["DNS|record|CiscoCM1"],
                    "says_not": ["take Alternate TFTP", "Alternate TFTP \\S+ back"]},
                "site": {"exit": [1], "phones": {PHONE: {"verdict": ["wrong-tftp-server"]},
                    NEIGHBOUR: {"verdict": ["healthy"]}}}})
        },
    },
    Case {
        name: "option-66-names-a-stale-record",
        kind: "dns-names-the-tftp-server",
        report: None,
        wire: "Option 66 is tftp.campus.example, which DNS answers with 10.99.4.9; nobody answers there. The neighbour has option 150.",
        capture: || {
            let (mut s, mut p, mut n) = (Scene::new(), phone(), neighbour());
            n.comes_up(&mut s, &right(), TFTP, &campus());
            s.at(11_000);
            p.lease(&mut s, &relayed().option(66, b"tftp.campus.example").dns("10.112.0.53"));
            p.look_up(&mut s, "10.112.0.53", "tftp.campus.example", Some("10.99.4.9"));
            in_vain(&mut s, &mut p, "10.99.4.9", 5);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "codes_absent": ["tftp-override"],
                "phones": {PHONE: {"verdict": ["wrong-tftp-server", "tftp-no-answer"]}, NEIGHBOUR: {"verdict": ["healthy"]}},
                "says": ["tftp\\.campus\\.example", "10\\.112\\.0\\.53"], "says_not": ["set on the phone"]})
        },
    },
    Case {
        name: "silent-after-its-lease",
        kind: "silent-after-lease",
        report: None,
        wire: "The phone gets a sound lease and is not heard of again for ten minutes, in which its neighbour on the same port comes up and stays.",
        capture: || {
            let (mut s, mut p, mut n) = (Scene::new(), phone(), neighbour());
            p.cdp(&mut s);
            p.lease(&mut s, &right());
            let mut talk = n.comes_up(&mut s, &right(), TFTP, &campus());
            n.keep_alives(&mut s, &mut talk, 20);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {NEIGHBOUR: {"verdict": ["healthy"]}, PHONE: {}},
                "root_absent": ["incomplete"]})
        },
    },
];

/// The one phone is well, and no error is made of it.
pub(super) fn healthy_alone() -> serde_json::Value {
    json!({"exit": [0], "no_other_phones": true, "no_errors_on": [PHONE],
        "phones": {PHONE: {"verdict": ["healthy"], "state": ["registered"]}},
        "codes_absent": ["offer-not-taken", "no-default-router", "registration-flapping"]})
}
