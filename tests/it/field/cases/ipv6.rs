//! IPv6 as IPv4: leases, servers that disagree, neighbours that do not answer.

use serde_json::{Value, json};

use super::{Case, config};
use crate::support::dhcpv6::{self, ADVERTISE, ALL_SERVERS, REPLY, REQUEST, SOLICIT};
use crate::support::handset::{Handset, Lease};
use crate::support::neighbour;
use crate::support::scene::{End, Scene};
use crate::support::tftp;

/// Says nothing of DHCPv6 servers.
const SITE: &str = r#"
[network]
dhcp_servers = ["10.70.0.2"]
[[cluster]]
name = "tower"
tftp = ["10.70.0.5", "2001:db8:70::5"]
call_managers = ["10.70.0.11", "2001:db8:70::11"]
default = true
"#;

/// Names the one DHCPv6 server that there is to be.
const SITE_V6: &str = r#"
[network]
dhcp_servers = ["10.70.0.2", "fe80::70:2"]
[[cluster]]
name = "tower"
tftp = ["10.70.0.5", "2001:db8:70::5"]
call_managers = ["10.70.0.11", "2001:db8:70::11"]
default = true
"#;

const PHONE: &str = "00:1b:54:c9:81:20";
const NAME: &str = "SEP001B54C98120";
const TFTP: &str = "2001:db8:70::5";
const GOOD: &str = "fe80::70:2";
const BAD: &str = "fe80::70:bad";

/// The phone by its link-local address, and by its own.
fn link() -> End {
    End::new(PHONE, "fe80::21b:54ff:fec9:8120")
}

fn own() -> End {
    End::new(PHONE, "2001:db8:70:9::20")
}

fn router() -> End {
    End::new("00:1c:58:70:00:01", "fe80::70:1")
}

/// A DHCPv6 server on the link.
fn server(address: &str) -> End {
    let last = if address == BAD { "00:0c:29:70:0b:ad" } else { "00:0c:29:70:00:02" };
    End::new(last, address)
}

fn group() -> End {
    End::new("33:33:00:01:00:02", ALL_SERVERS)
}

fn ask(s: &mut Scene, kind: u8, xid: u32, more: &[Vec<u8>]) {
    let mut options = vec![dhcpv6::client(link().mac)];
    options.extend_from_slice(more);
    options.extend([dhcpv6::association(None, None), dhcpv6::elapsed(0), dhcpv6::vendor_class("7962G")]);
    s.udp((link(), 546), (group(), 547), &dhcpv6::message(kind, xid, &options));
}

fn answer(s: &mut Scene, from: &str, kind: u8, xid: u32, tftp: &str) {
    let from = server(from);
    let options = [
        dhcpv6::client(link().mac),
        dhcpv6::server(from.mac),
        dhcpv6::association(Some("2001:db8:70:9::20"), None),
        dhcpv6::tftp(&[tftp]),
    ];
    s.udp((from, 547), (link(), 546), &dhcpv6::message(kind, xid, &options));
}

/// SOLICIT, ADVERTISE, REQUEST, REPLY with one server; `others` advertise too.
fn lease(s: &mut Scene, from: &str, tftp: &str, others: &[(&str, &str)]) {
    ask(s, SOLICIT, 0x0041_7001, &[]);
    answer(s, from, ADVERTISE, 0x0041_7001, tftp);
    for (other, tftp) in others {
        answer(s, other, ADVERTISE, 0x0041_7001, tftp);
    }
    ask(s, REQUEST, 0x0041_7002, &[dhcpv6::server(server(from).mac)]);
    answer(s, from, REPLY, 0x0041_7002, tftp);
    s.wait(300);
}

/// A host beyond the router.
fn far(address: &str) -> End {
    End { mac: router().mac, ..End::new(PHONE, address) }
}

/// Read requests that nobody answers.
fn in_vain(s: &mut Scene, server: &str) {
    for n in 0..6 {
        let request = tftp::read_request(&format!("{NAME}.cnf.xml"), &[]);
        s.udp((own(), 50_400 + n / 3), (far(server), 69), &request);
        s.wait(4_000);
    }
}

/// So many SOLICITs, further and further apart.
fn solicits(s: &mut Scene, count: u32) {
    for n in 0..count {
        ask(s, SOLICIT, 0x0041_7000, &[]);
        s.wait(1000 << n.min(5));
    }
}

fn down(verdict: &[&str], more: Value) -> Value {
    let mut expect = json!({"exit": [1], "phones": {PHONE: {"verdict": verdict}}, "no_other_phones": true});
    for (key, value) in more.as_object().expect("an object") {
        expect[key] = value.clone();
    }
    expect
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "solicits-nobody-hears",
        kind: "dhcpv6-no-answer",
        report: None,
        wire: "An IPv6-only phone solicits nine times; no DHCPv6 server answers.",
        capture: || {
            let mut s = Scene::new();
            solicits(&mut s, 9);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            down(
                &["no-dhcp-answer"],
                json!({"says": ["SOLICIT|DHCPv6"], "codes": {"no-dhcp-answer": {"severity": ["error"]}}}),
            )
        },
    },
    Case {
        name: "router-speaks-and-no-dhcpv6-server",
        kind: "dhcpv6-no-answer",
        report: None,
        wire: "Router advertisements with the managed flag come every ten seconds; the phone's SOLICITs are never answered.",
        capture: || {
            let mut s = Scene::new();
            s.frame(neighbour::router_solicitation(link()));
            for n in 0..8 {
                s.frame(neighbour::router_advertisement(router(), "2001:db8:70:9::", true));
                ask(&mut s, SOLICIT, 0x0041_7000, &[]);
                s.wait(1000 << n.min(5));
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            down(&["no-dhcp-answer"], json!({"says": ["DHCPv6|SOLICIT", "[Rr]outer [Aa]dvertisement|relay|managed"]}))
        },
    },
    Case {
        name: "no-addresses-left",
        kind: "dhcpv6-refused",
        report: None,
        wire: "The DHCPv6 server answers every SOLICIT with the status NoAddrsAvail.",
        capture: || {
            let mut s = Scene::new();
            let from = server(GOOD);
            for n in 0..8 {
                ask(&mut s, SOLICIT, 0x0041_7000 + n, &[]);
                let association = dhcpv6::association(None, Some((2, "No addresses available")));
                let options = [dhcpv6::client(link().mac), dhcpv6::server(from.mac), association];
                s.udp((from, 547), (link(), 546), &dhcpv6::message(ADVERTISE, 0x0041_7000 + n, &options));
                s.wait(8_000);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            down(
                &["dhcp-refused"],
                json!({"codes": {"dhcp-refused": {"severity": ["error"], "facts": {"dhcp_server": GOOD}}},
                "says": ["NoAddrsAvail|[Nn]o addresses"], "codes_absent": ["no-dhcp-answer"]}),
            )
        },
    },
    Case {
        name: "two-advertise-and-disagree",
        kind: "dhcpv6-conflict",
        report: None,
        wire: "fe80::70:bad and fe80::70:2 advertise different TFTP servers; the phone takes the first, whose TFTP server answers nobody.",
        capture: || {
            let mut s = Scene::new();
            lease(&mut s, BAD, "2001:db8:66::66", &[(GOOD, TFTP)]);
            in_vain(&mut s, "2001:db8:66::66");
            s.records().into()
        },
        site: Some(SITE_V6),
        expect: || {
            down(
                &["conflicting-dhcp-offers", "unknown-dhcp-server", "wrong-tftp-server"],
                json!({"codes_any": [["conflicting-dhcp-offers", "unknown-dhcp-server"]], "says": ["fe80::70:bad"],
                    "says_not": ["correct option 150"]}),
            )
        },
    },
    Case {
        name: "one-dhcpv6-server-nobody-knows",
        kind: "dhcpv6-rogue",
        report: None,
        wire: "fe80::70:bad, which the site file does not name, leases the address and names its own TFTP server.",
        capture: || {
            let mut s = Scene::new();
            lease(&mut s, BAD, "2001:db8:66::66", &[]);
            in_vain(&mut s, "2001:db8:66::66");
            s.records().into()
        },
        site: Some(SITE_V6),
        expect: || {
            let mut expect = down(
                &["unknown-dhcp-server"],
                json!({"modes": ["site"], "says": ["fe80::70:bad", "DHCPv6"],
                "codes": {"unknown-dhcp-server": {"severity": ["error"], "facts": {"dhcp_server": BAD}}}}),
            );
            expect["config_not"] = json!(["option 150 ip"]);
            expect
        },
    },
    Case {
        name: "neighbour-tftp-server-not-there",
        kind: "tftp-neighbour-silent",
        report: None,
        wire: "The DHCPv6 lease names a TFTP server on the phone's own link; its neighbour solicitations for that address are never answered.",
        capture: || {
            let mut s = Scene::new();
            lease(&mut s, GOOD, "2001:db8:70:9::5", &[]);
            for _ in 0..9 {
                s.frame(neighbour::solicitation(own(), "2001:db8:70:9::5"));
                s.wait(1_000);
            }
            s.wait(20_000);
            for _ in 0..9 {
                s.frame(neighbour::solicitation(own(), "2001:db8:70:9::5"));
                s.wait(1_000);
            }
            s.records().into()
        },
        site: None,
        expect: || {
            down(
                &["tftp-no-answer"],
                json!({"codes": {"tftp-no-answer": {"severity": ["error"],
                "facts": {"tftp_server": "2001:db8:70:9::5"}}}, "says": ["[Nn]eighbou?r"]}),
            )
        },
    },
    Case {
        name: "neighbour-callmanager-not-there",
        kind: "callmanager-neighbour-silent",
        report: None,
        wire: "The configuration names a CallManager on the phone's own link; its neighbour solicitations for it are never answered.",
        capture: || {
            let mut s = Scene::new();
            lease(&mut s, GOOD, TFTP, &[]);
            let (phone, server) = ((own(), 50_900), (far(TFTP), 40_001));
            s.udp(phone, (far(TFTP), 69), &tftp::read_request(&format!("{NAME}.cnf.xml"), &[]));
            let file = config(&["2001:db8:70:9::11"]).device_xml();
            let blocks: Vec<&[u8]> = file.chunks(512).collect();
            for (block, octets) in (1..).zip(blocks) {
                s.udp(server, phone, &tftp::data(block, octets));
                s.udp(phone, server, &tftp::ack(block));
            }
            for _ in 0..20 {
                s.frame(neighbour::solicitation(own(), "2001:db8:70:9::11"));
                s.wait(2_000);
            }
            s.records().into()
        },
        site: None,
        expect: || {
            down(
                &["call-manager-no-answer"],
                json!({"codes": {"call-manager-no-answer": {"severity": ["error"],
                "facts": {"call_manager": "2001:db8:70:9::11", "why": "arp"}}}, "says": ["neighbour solicitation"],
                "codes_absent": ["call-manager-name-unresolved", "tftp-no-answer"]}),
            )
        },
    },
    Case {
        name: "dual-stack-without-dhcpv6",
        kind: "near-miss",
        report: None,
        wire: "A phone with both protocols: nobody answers its SOLICITs, its IPv4 lease and its registration are well.",
        capture: || {
            let mut s = Scene::new();
            let mut p = Handset::new("7962G", 404, PHONE, "10.70.9.20", "SCCP42.9-2-1S");
            let four = Lease::relayed("10.70.0.2", "10.70.9.1").option_150(&["10.70.0.5"]);
            solicits(&mut s, 4);
            p.comes_up(&mut s, &four, "10.70.0.5", &config(&["10.70.0.11"]));
            solicits(&mut s, 4);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [0], "phones": {PHONE: {"verdict": ["healthy"]}}, "no_other_phones": true,
                "codes_absent": ["no-dhcp-answer", "dhcp-refused"]})
        },
    },
    Case {
        name: "two-advertise-the-same",
        kind: "near-miss",
        report: None,
        wire: "Two DHCPv6 servers advertise the same TFTP server; the phone takes one.",
        capture: || {
            let mut s = Scene::new();
            lease(&mut s, GOOD, TFTP, &[(BAD, TFTP)]);
            in_vain(&mut s, TFTP);
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            down(
                &["tftp-no-answer"],
                json!({"codes_absent": ["conflicting-dhcp-offers", "unknown-dhcp-server", "wrong-tftp-server"],
                "says_not": ["option 150"]}),
            )
        },
    },
    Case {
        name: "addresses-come-at-the-second-time",
        kind: "near-miss",
        report: None,
        wire: "The first SOLICIT is answered NoAddrsAvail, the second with an address, and the phone asks for its files.",
        capture: || {
            let mut s = Scene::new();
            let from = server(GOOD);
            ask(&mut s, SOLICIT, 0x0041_6fff, &[]);
            let association = dhcpv6::association(None, Some((2, "No addresses available")));
            let options = [dhcpv6::client(link().mac), dhcpv6::server(from.mac), association];
            s.udp((from, 547), (link(), 546), &dhcpv6::message(ADVERTISE, 0x0041_6fff, &options));
            s.wait(8_000);
            lease(&mut s, GOOD, TFTP, &[]);
            s.udp((own(), 50_900), (far(TFTP), 69), &tftp::read_request(&format!("{NAME}.cnf.xml"), &[]));
            s.records().into()
        },
        site: None,
        expect: || json!({"exit": [0], "phones": {PHONE: {}}, "no_errors_on": [PHONE], "codes_absent": ["no-dhcp-answer"]}),
    },
    Case {
        name: "dual-stack-and-dhcpv6-is-wrong",
        kind: "dhcpv6-wrong-tftp",
        report: None,
        wire: "Option 150 of the IPv4 lease is right, the DHCPv6 reply names 2001:db8:66::66, and the phone asks there in vain.",
        capture: || {
            let mut s = Scene::new();
            let mut p = Handset::new("7962G", 404, PHONE, "10.70.9.20", "SCCP42.9-2-1S");
            let four = Lease::relayed("10.70.0.2", "10.70.9.1").option_150(&["10.70.0.5"]);
            p.cdp(&mut s);
            p.lease(&mut s, &four);
            lease(&mut s, GOOD, "2001:db8:66::66", &[]);
            in_vain(&mut s, "2001:db8:66::66");
            s.at(90_000);
            Handset::new("7962G", 404, "00:1b:54:c9:81:99", "10.70.9.99", "SCCP42.9-2-1S").comes_up(
                &mut s,
                &four,
                "10.70.0.5",
                &config(&["10.70.0.11"]),
            );
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"modes": ["site"], "exit": [1], "no_other_phones": true,
                "phones": {PHONE: {"verdict": ["wrong-tftp-server"]}, "00:1b:54:c9:81:99": {"verdict": ["healthy"]}},
                "codes": {"wrong-tftp-server": {"severity": ["error"], "facts": {"tftp_used": "2001:db8:66::66", "source": "dhcpv6"}}},
                "says": ["DHCPv6"], "says_not": ["holds no lease of the phone"],
                "first_fix": {"where": ["dhcp-server"], "says": ["2001:db8:70::5|DHCPv6|option 17"], "says_not": ["[Oo]ption 150 of"]},
                "config_not": ["option 150 ip"]})
        },
    },
    Case {
        name: "neighbour-answers-at-the-second-time",
        kind: "near-miss",
        report: None,
        wire: "The first neighbour solicitation for the TFTP server is lost, the second is answered, and the files are served.",
        capture: || {
            let mut s = Scene::new();
            lease(&mut s, GOOD, "2001:db8:70:9::5", &[]);
            let there = End::new("00:0c:29:70:00:05", "2001:db8:70:9::5");
            s.frame(neighbour::solicitation(own(), "2001:db8:70:9::5"));
            s.wait(1_000);
            s.frame(neighbour::solicitation(own(), "2001:db8:70:9::5"));
            s.frame(neighbour::advertisement(there, own()));
            let (phone, server) = ((own(), 50_900), (there, 40_001));
            s.udp(phone, (there, 69), &tftp::read_request(&format!("{NAME}.cnf.xml"), &[]));
            let file = config(&["2001:db8:70::11"]).device_xml();
            s.udp(server, phone, &tftp::data(1, &file[..file.len().min(500)]));
            s.udp(phone, server, &tftp::ack(1));
            s.records().into()
        },
        site: None,
        expect: || json!({"codes_absent": ["tftp-no-answer", "no-dhcp-answer", "wrong-tftp-server"], "phones": {PHONE: {}}, "no_other_phones": true}),
    },
];
