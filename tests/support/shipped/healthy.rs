//! Boots in which nothing is wrong, on every kind of span port.

use super::super::capture_file::{Order, Pcapng, Record, Resolution, pcap};
use super::super::frame::Frame;
use super::super::phone::{AlarmSpelling, Cdp, Phone, Segments};
use super::super::phone_config::PhoneConfig;
use super::super::site::{CallManager, Site, Tap, TftpServer};
use super::super::span_port::syn;
use super::super::tunnel;
use super::*;

const ONE: &[(&str, &str, &str)] = &[(A, HEALTHY, REGISTERED)];

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "healthy/boot.pcap",
        what: "A 7960 boots: CDP, DHCP, TFTP, registration, two keepalives.",
        expect: ONE,
        site: None,
        build: boot,
    },
    Shipped {
        path: "healthy/boot-ns.pcapng",
        what: "The same boot in pcapng with nanoseconds.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().pcapng(),
    },
    Shipped {
        path: "healthy/boot-big-endian.pcap",
        what: "The same boot in a pcap file of a big-endian machine, with nanoseconds.",
        expect: ONE,
        site: None,
        build: || pcap(Order::Big, Resolution::Nano, tunnel::LINK_ETHERNET, &one_phone(Tap::Access).records()),
    },
    Shipped {
        path: "healthy/boot-sections.pcapng",
        what: "The same boot in two pcapng sections of different byte order; the second has two interfaces, of which one \
               is cooked and counts nanoseconds.",
        expect: ONE,
        site: None,
        build: sections,
    },
    Shipped {
        path: "healthy/begins-late.pcap",
        what: "The capture begins when the phone is registered: there are keepalives and their answers, nothing else.",
        expect: ONE,
        site: None,
        build: begins_late,
    },
    Shipped {
        path: "healthy/fragments.pcap",
        what: "A 7941G fetches a load in blocks of 8192 octets, so that every block comes in six IPv4 fragments.",
        expect: &[(F, HEALTHY, REGISTERED)],
        site: None,
        build: fragments,
    },
    Shipped {
        path: "healthy/boot-7941-options.pcap",
        what: "A 7941G boots: CDP and LLDP, trust lists missing, TFTP options agreed on, the load named in its Register.",
        expect: &[(F, HEALTHY, REGISTERED)],
        site: None,
        build: boot_7941,
    },
    Shipped {
        path: "healthy/upgrade.pcap",
        what: "The configuration names a newer load; the phone fetches it, boots again and registers with it.",
        expect: ONE,
        site: None,
        build: upgrade,
    },
    Shipped {
        path: "healthy/standby.pcap",
        what: "Registered with the first CallManager, and an idle connection with keepalives only to the second.",
        expect: ONE,
        site: None,
        build: standby,
    },
    Shipped {
        path: "healthy/twenty-phones.pcap",
        what: "Twenty phones boot within ten seconds: four models, all ways to cut segments and to spell an alarm.",
        expect: TWENTY,
        site: None,
        build: twenty_phones,
    },
    Shipped {
        path: "healthy/vlan-tagged.pcap",
        what: "Three phones in voice VLAN 110, tagged on the span port; the switch announces the VLAN.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED), (C, HEALTHY, REGISTERED)],
        site: None,
        build: vlan_tagged,
    },
    Shipped {
        path: "healthy/relayed-mirrored-twice.pcap",
        what: "DHCP through a relay agent with option 82, both sides of the router mirrored, and every frame twice.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: relayed_mirrored_twice,
    },
    Shipped {
        path: "healthy/erspan-1.pcap",
        what: "A boot in ERSPAN type I.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().wrapped(|n, f| tunnel::erspan_i(n, &f)).pcap(),
    },
    Shipped {
        path: "healthy/erspan-2.pcap",
        what: "A boot in ERSPAN type II.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().wrapped(|n, f| tunnel::erspan_ii(n, 110, 7, &f)).pcap(),
    },
    Shipped {
        path: "healthy/erspan-3.pcap",
        what: "A boot in ERSPAN type III.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().wrapped(|n, f| tunnel::erspan_iii(n, 110, 7, &f)).pcap(),
    },
    Shipped {
        path: "healthy/vxlan.pcap",
        what: "A boot in VXLAN.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().wrapped(|n, f| tunnel::vxlan(n, 5110, &f)).pcap(),
    },
    Shipped {
        path: "healthy/qinq.pcap",
        what: "A boot with a provider tag and a customer tag.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().wrapped(|_, f| tunnel::qinq(f, 2001, 110)).pcap(),
    },
    Shipped {
        path: "healthy/linux-cooked-1.pcap",
        what: "A boot captured with the older cooked header of Linux.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().cooked_1().pcap(),
    },
    Shipped {
        path: "healthy/linux-cooked-2.pcap",
        what: "A boot captured with the newer cooked header of Linux.",
        expect: ONE,
        site: None,
        build: || one_phone(Tap::Access).capture().cooked_2().pcap(),
    },
];

const TWENTY: &[(&str, &str, &str)] = &[
    ("00:03:6b:3a:20:00", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:01", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:02", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:03", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:04", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:05", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:06", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:07", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:08", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:09", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:0a", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:0b", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:0c", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:0d", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:0e", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:0f", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:10", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:11", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:12", HEALTHY, REGISTERED),
    ("00:03:6b:3a:20:13", HEALTHY, REGISTERED),
];

fn one_phone(tap: Tap) -> Site {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A])).tap(tap);
    site.boot(0, &phone(A));
    site
}

fn boot() -> Vec<u8> {
    one_phone(Tap::Access).capture().pcap()
}

fn sections() -> Vec<u8> {
    let records = one_phone(Tap::Access).records();
    let (lease, rest) = records.split_at(8);
    let mut file = Pcapng::new(Order::Big);
    file.interface(tunnel::LINK_ETHERNET, 0, 6, "span0");
    for record in lease {
        file.packet(0, record, &[]);
    }
    file.section(Order::Little, &[(4, b"tests/support")]);
    file.interface(tunnel::LINK_ETHERNET, 262_144, 6, "span0");
    file.interface(tunnel::LINK_SLL2, 262_144, 9, "any");
    for (n, record) in rest.iter().enumerate() {
        if n % 2 == 0 {
            file.packet(0, record, &[(1, b"a comment")]);
        } else {
            let cooked = tunnel::sll2(3, &Frame(record.data.clone()));
            file.packet(1, &Record::whole(record.time, cooked), &[]);
        }
    }
    file.into_bytes()
}

fn begins_late() -> Vec<u8> {
    one_phone(Tap::Access).capture().since(syn, 10_000).pcap()
}

const LOAD_7941: &str = "SCCP41.8-5-3S";

/// A later site: a 7941G with TFTP options, in VLAN 410.
fn site_7941(tftp: TftpServer) -> Site {
    Site::new(&[Segment::new("10.40.110").vlan(410)])
        .dhcp(DhcpServer::at("10.40.0.2", "10.40.110.20").option_150(&["10.40.0.5"]))
        .tftp(tftp.with(|s| s.takes_options = true))
        .call_manager(CallManager::at("10.40.0.10", "CUCM-PUB").with(|c| c.protocol_version = 20))
}

fn phone_7941(load: &str) -> Phone {
    let options = vec![("tsize", "0"), ("blksize", "8192")];
    Phone::new("7941G", F, load).with(|p| {
        p.tftp_options = options;
        p.lldp = true;
    })
}

fn boot_7941() -> Vec<u8> {
    let config = PhoneConfig::naming(&["10.40.0.10"]).load(LOAD_7941);
    let mut site = site_7941(TftpServer::at("10.40.0.5").phone(F, &config));
    site.boot(0, &phone_7941(LOAD_7941));
    site.capture().pcap()
}

fn fragments() -> Vec<u8> {
    let config = PhoneConfig::naming(&["10.40.0.10"]).load(LOAD_7941);
    let mut site = site_7941(TftpServer::at("10.40.0.5").phone(F, &config).load(LOAD_7941, 40));
    site.boot(0, &phone_7941("SCCP41.8-4-2S"));
    site.capture().pcap()
}

fn upgrade() -> Vec<u8> {
    let config = PhoneConfig::naming(&[CM_31]).load(LOAD_31);
    let mut site = Site::new(&[Segment::new("10.31.110")])
        .dhcp(DhcpServer::at("10.31.0.2", "10.31.110.20").option_150(&[TFTP_31]))
        .tftp(TftpServer::at(TFTP_31).phone(A, &config).load(LOAD_31, 40))
        .call_manager(CallManager::at(CM_31, "PILOT-CM1"));
    site.boot(0, &phone(A));
    site.capture().pcap()
}

fn standby() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A]));
    site.boot(
        0,
        &phone(A).with(|p| {
            p.standby = true;
            p.keep_alives = 4;
        }),
    );
    site.capture().pcap()
}

fn twenty_phones() -> Vec<u8> {
    let macs: Vec<&str> = TWENTY.iter().map(|(mac, ..)| *mac).collect();
    let config = PhoneConfig::naming(&[CM_30, CM_30_B]);
    let mut site = headquarters(voice(), dhcp_voice(), TftpServer::at(TFTP_30).phones(&macs, &config));
    for (n, mac) in macs.iter().enumerate() {
        let (model, load) = [("7960", LOAD_30), ("7940", LOAD_30), ("7910", LOAD_30_7910)][n % 3];
        let phone = Phone::new(model, mac, load)
            .segments([Segments::Plain, Segments::Coalesced, Segments::Plain, Segments::Split7][n % 4])
            .alarm([AlarmSpelling::Dotted, AlarmSpelling::Name][n / 2 % 2])
            .cdp([Cdp::WithLoad, Cdp::WithoutLoad, Cdp::Silent][n / 3 % 3])
            .with(|p| p.keep_alives = 1);
        site.boot(n as u64 * 470, &phone);
    }
    site.capture().pcap()
}

fn vlan_tagged() -> Vec<u8> {
    let mut site = headquarters(voice().vlan(110), dhcp_voice(), tftp_30(&[A, B, C]));
    site.boot(0, &phone(A));
    site.boot(700, &phone(B).segments(Segments::Coalesced));
    site.boot(1_800, &Phone::new("7940", C, LOAD_30));
    site.capture().pcap()
}

fn relayed_mirrored_twice() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A, B])).tap(Tap::BothSides);
    site.relay_option = true;
    site.boot(0, &phone(A));
    site.boot(1_500, &phone(B).segments(Segments::Coalesced));
    site.capture().mirrored_twice().pcap()
}
