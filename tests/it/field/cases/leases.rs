//! Leases of the same network as [`dhcp`](super::dhcp): less captured of them, or closer to being right.

use serde_json::json;

use super::dhcp::{
    NEIGHBOUR, PHONE, SITE, TFTP, campus, healthy_alone, in_vain, neighbour, offers, phone, relayed, right,
};
use super::{Case, config};
use crate::support::handset::Lease;
use crate::support::scene::{End, Scene};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "offers-with-quoted-text",
        kind: "offer-text-option150",
        report: None,
        wire: "Option 150 of every OFFER is \"10.112.0.15\" as text, the quotation marks included; the last DISCOVER is not answered.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            offers(&mut s, &mut p, &relayed().option(150, b"\"10.112.0.15\""), 4);
            p.discover(&mut s);
            s.wait(9_000);
            p.cdp(&mut s);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["malformed-tftp-option"]}},
                "codes": {"malformed-tftp-option": {"facts": {"option": 150, "dhcp_server": "10.112.0.2"}}},
                "codes_absent": ["offer-not-taken", "no-dhcp-answer", "wrong-tftp-server"],
                "says": ["10\\.112\\.0\\.15"], "fix_says": ["option 150 ip 10\\.112\\.0\\.15"]})
        },
    },
    Case {
        name: "callmanager-beyond-a-missing-router",
        kind: "lease-without-router",
        report: None,
        wire: "No option 3. The TFTP server is in the phone's own network, the CallManagers are not: the phone asks for one by ARP.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            p.lease(&mut s, &Lease::from("10.112.8.2").option_150(&["10.112.8.15"]).with(|l| l.router = None));
            p.configure(&mut s, "10.112.8.15", &campus());
            for _ in 0..6 {
                s.arp(p.end(), "10.112.0.21".parse().expect("an address"), None);
                s.wait(2000);
            }
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["no-default-router"]}},
                "codes": {"no-default-router": {"facts": {"dhcp_server": "10.112.8.2", "needed": "10.112.0.21"}}},
                "root_absent": ["call-manager-no-answer", "tftp-no-answer"], "first_fix": {"where": ["dhcp-server"]}})
        },
    },
    Case {
        name: "lease-without-router-on-one-lan",
        kind: "near-miss",
        report: None,
        wire: "No option 3, and none is needed: TFTP server and CallManager are in the phone's own network.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            p.lease(&mut s, &Lease::from("10.112.8.2").option_150(&["10.112.8.15"]).with(|l| l.router = None));
            p.configure(&mut s, "10.112.8.15", &config(&["10.112.8.21"]));
            let mut talk = p.register(&mut s, "10.112.8.21");
            p.keep_alives(&mut s, &mut talk, 3);
            s.records().into()
        },
        site: None,
        expect: || healthy_alone(),
    },
    Case {
        name: "relay-answers-with-a-wrong-server",
        kind: "relay-as-dhcp-server",
        report: None,
        wire: "Option 54 is the relay agent's address; the lease names 10.99.4.9, which serves nobody. The neighbour's names the right one.",
        capture: || {
            let (mut s, mut p, mut n) = (Scene::new(), phone(), neighbour());
            n.comes_up(&mut s, &right().with(|l| l.identifier = l.relay), TFTP, &campus());
            s.at(7_000);
            p.lease(&mut s, &relayed().option_150(&["10.99.4.9"]).with(|l| l.identifier = l.relay));
            in_vain(&mut s, &mut p, "10.99.4.9", 5);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"modes": ["site"], "exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["wrong-tftp-server"]}, NEIGHBOUR: {"verdict": ["healthy"]}},
                "codes_absent": ["unknown-dhcp-server"], "says": ["relay agent"], "says_not": ["Stop the DHCP service"]})
        },
    },
    Case {
        name: "home-router-is-asked-for-files",
        kind: "rogue-dhcp-without-tftp",
        report: None,
        wire: "192.168.0.254 offers first, with itself in siaddr; the phone takes its lease and asks it in vain for its configuration.",
        capture: || {
            let mut s = Scene::new();
            let good = phone();
            let mut p = phone().with(|p| p.address = "192.168.0.23".parse().expect("an address"));
            let rogue = Lease::from("192.168.0.254").with(|l| l.siaddr = Some(l.server));
            p.discover(&mut s);
            p.offered(&mut s, &rogue);
            p.clone().with(|p| p.address = good.address).offered(&mut s, &right());
            p.request(&mut s, &rogue);
            p.acknowledged(&mut s, &rogue);
            in_vain(&mut s, &mut p, "192.168.0.254", 6);
            s.records().into()
        },
        site: None,
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["conflicting-dhcp-offers"]}},
                "codes": {"conflicting-dhcp-offers": {"severity": ["error"], "facts": {"chosen": "192.168.0.254"}}},
                "root_absent": ["no-tftp-address", "tftp-no-answer"], "first_fix": {"says": ["192\\.168\\.0\\.254"]}})
        },
    },
    Case {
        name: "camera-announces-the-address",
        kind: "declined-address",
        report: None,
        wire: "The phone declines 10.112.8.40 twice; the answers to its probes are not in the capture. 00:40:8c:5d:11:02 asks for its router from there.",
        capture: || {
            let (mut s, mut p) = (Scene::new(), phone());
            let camera = End::new("00:40:8c:5d:11:02", "10.112.8.40");
            for _ in 0..2 {
                p.discover(&mut s);
                p.offered(&mut s, &right());
                p.request(&mut s, &right());
                p.acknowledged(&mut s, &right());
                p.decline(&mut s, &right());
                s.wait(10_000);
                s.arp(camera, "10.112.8.1".parse().expect("an address"), None);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true, "phones": {PHONE: {"verdict": ["dhcp-refused"]}},
                "codes": {"dhcp-refused": {"severity": ["error"]}}, "says": ["00:40:8c:5d:11:02"]})
        },
    },
];
