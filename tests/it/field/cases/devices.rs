//! Who is a phone: several behind one MAC or address, both sides of a translation, tunnels, and what is none.

use serde_json::{Value, json};

use super::{Capture, Case, config};
use crate::support::capture_file::{Order, Pcapng, Record, Resolution, pcap};
use crate::support::cdp::Announcement;
use crate::support::frame::{Frame, checksum, ip, mac};
use crate::support::handset::{Handset, Lease};
use crate::support::sccp::{self, message};
use crate::support::scene::{End, Scene};
use crate::support::tunnel::{self, LINK_ETHERNET, LINK_RAW};

const SITE: &str = r#"
[network]
dhcp_servers = ["10.61.0.2"]
[[cluster]]
name = "mill"
tftp = ["10.61.0.5"]
call_managers = ["10.61.0.11"]
default = true
"#;

const TFTP: &str = "10.61.0.5";
const CM: &str = "10.61.0.11";
const PHONE: &str = "00:1a:a2:3f:90:15";

fn lease() -> Lease {
    Lease::relayed("10.61.0.2", "10.61.24.1").option_150(&[TFTP])
}

fn phone() -> Handset {
    Handset::new("7921G", 365, PHONE, "10.61.24.60", "CP7921G-1.4.6.3")
}

/// A boot that ends well, as its frames.
fn well() -> Vec<Record> {
    let mut s = Scene::new();
    let mut p = phone();
    p.lease(&mut s, &lease());
    p.configure(&mut s, TFTP, &config(&[CM]));
    let mut talk = p.register(&mut s, CM);
    p.keep_alives(&mut s, &mut talk, 3);
    s.records()
}

/// The same frames, each in another wrapping.
fn wrapped(records: Vec<Record>, wrap: impl Fn(u32, &Frame) -> Frame) -> Vec<Record> {
    let one = |(n, record): (usize, Record)| Record::whole(record.time, wrap(n as u32, &Frame(record.data)).0);
    records.into_iter().enumerate().map(one).collect()
}

fn is_up(frame: &Frame) -> bool {
    frame.src() == mac(PHONE)
}

fn healthy() -> Value {
    json!({"exit": [0], "no_other_phones": true, "no_errors_on": [PHONE],
        "phones": {PHONE: {"verdict": ["healthy"], "state": ["registered"]}}})
}

/// Ports of an analog gateway register one after the other from one MAC and address.
fn gateway(names: &[&str], rejected: Option<&str>) -> Vec<Record> {
    let mut s = Scene::new();
    let mut gateway = Handset::new("VG310", 30027, "00:1a:a2:5e:7a:10", "10.61.24.9", "SCCP-VG310");
    for (n, name) in names.iter().enumerate() {
        s.at(n as u64 * 12_000);
        gateway.fetch(&mut s, TFTP, &format!("{name}.cnf.xml"), &config(&[CM]).device_xml());
        if rejected == Some(name) {
            for _ in 0..3 {
                let mut talk = gateway.introduce_as(&mut s, CM, name);
                s.say(&mut talk, false, &sccp::register_reject(b"Error: DB Config"));
                s.close(&mut talk, false);
                s.wait(20_000);
            }
            continue;
        }
        let mut talk = gateway.register_as(&mut s, CM, name);
        gateway.keep_alives(&mut s, &mut talk, 3);
    }
    s.records()
}

const PORTS: [&str; 4] = ["AN5E7A1000C0080", "AN5E7A1000C0081", "AN5E7A1000C0082", "AN5E7A1000C0083"];

fn all_well(names: &[&str]) -> Value {
    let phones: serde_json::Map<String, Value> =
        names.iter().map(|n| ((*n).to_owned(), json!({"verdict": ["healthy"], "state": ["registered"]}))).collect();
    json!({"exit": [0], "no_other_phones": true, "phones": phones,
        "codes_absent": ["duplicate-device", "name-mac-mismatch", "registration-flapping"]})
}

/// A frame as the other side of a firewall shows it: another address for the phone, in the Register too, and other
/// sequence numbers of the phone's side.
fn translated(record: &Record, inside: [u8; 4], outside: [u8; 4]) -> Option<Record> {
    let mut bytes = record.data.clone();
    if bytes[12..14] != [8, 0] || bytes[23] == 17 && (bytes[34..36] == [0, 68] || bytes[34..36] == [0, 67]) {
        return None;
    }
    let from_phone = bytes[26..30] == inside;
    let at = if from_phone { 26 } else { 30 };
    if bytes[at..at + 4] != inside {
        return None;
    }
    bytes[at..at + 4].copy_from_slice(&outside);
    bytes[..12].copy_from_slice(&[0, 0x50, 0x8b, 0x61, 0, 1, 0, 0x1c, 0x58, 0x61, 0, 0xfe]);
    bytes[22] -= 1;
    let length = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    bytes[24..26].fill(0);
    let sum = checksum(&[&bytes[14..34]]);
    bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    let (segment, protocol) = (34..14 + length, bytes[23]);
    if protocol == 6 {
        let shifted = if from_phone { 38 } else { 42 };
        let number = u32::from_be_bytes(bytes[shifted..shifted + 4].try_into().expect("four octets"));
        bytes[shifted..shifted + 4].copy_from_slice(&number.wrapping_add(0x0765_4321).to_be_bytes());
        if from_phone && let Some(place) = bytes[54..segment.end].windows(4).position(|w| w == inside) {
            bytes[54 + place..58 + place].copy_from_slice(&outside);
        }
    }
    let sum_at = if protocol == 6 { 50 } else { 40 };
    bytes[sum_at..sum_at + 2].fill(0);
    let size = (segment.len() as u16).to_be_bytes();
    let sum = checksum(&[&bytes[26..34], &[0, protocol], &size, &bytes[segment]]);
    bytes[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
    Some(Record::whole(record.time + 90_000, bytes))
}

/// Packet blocks as some tools write them: padded, and with a length that leaves the padding out.
fn unpadded_lengths(records: &[Record]) -> Vec<u8> {
    let mut file = Pcapng::new(Order::Little);
    file.interface(LINK_ETHERNET, 65_535, 6, "eth0");
    let mut bytes = file.into_bytes();
    for record in records {
        let micros = record.time / 1000;
        let mut body: Vec<u8> = Vec::new();
        let length = record.data.len() as u32;
        for word in [0, (micros >> 32) as u32, micros as u32, length, length] {
            body.extend(word.to_le_bytes());
        }
        body.extend(&record.data);
        let total = (12 + body.len() as u32).to_le_bytes();
        body.resize(body.len().next_multiple_of(4), 0);
        bytes.extend(6u32.to_le_bytes());
        bytes.extend(total);
        bytes.extend(body);
        bytes.extend(total);
    }
    bytes
}

/// IP packets without their Ethernet headers.
fn raw(records: &[Record]) -> Vec<u8> {
    let whole = |r: &Record| {
        Record::whole(r.time, r.data[14..14 + usize::from(u16::from_be_bytes([r.data[16], r.data[17]]))].to_vec())
    };
    let packets: Vec<Record> = records.iter().filter(|r| r.data[12..14] == [8, 0]).map(whole).collect();
    pcap(Order::Little, Resolution::Micro, LINK_RAW, &packets)
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "transcoder-in-mid-life",
        kind: "media-resource",
        report: None,
        wire: "Answered heartbeats and media channels for other parties, no Register, no key, lamp or display: an SCCP client of an unknown kind.",
        capture: || {
            let mut s = Scene::new();
            let (own, far) = (End::new("00:1a:a2:77:00:21", "10.61.24.7"), End::host(CM));
            let far = End { mac: mac("00:1c:58:61:00:01"), ..far };
            let mut talk = s.talk((own, 52_117), (far, 2000));
            for n in 0..8 {
                s.say(&mut talk, true, &message(sccp::KEEP_ALIVE, &[]));
                s.say(&mut talk, false, &message(sccp::KEEP_ALIVE_ACK, &[]));
                s.wait(10_000);
                s.say(&mut talk, false, &sccp::open_receive_channel(0x0100_0000 + n));
                s.say(&mut talk, true, &sccp::open_receive_channel_ack(own.v4(), 18_000 + n, n));
                s.wait(20_000);
            }
            s.records().into()
        },
        site: None,
        expect: || json!({"phones": {}, "root_absent": ["healthy"]}),
    },
    Case {
        name: "vg310-ports-one-mac",
        kind: "gateway-ports",
        report: None,
        wire: "Four analog ports of a VG310 register by name from one MAC and one address.",
        capture: || gateway(&PORTS, None).into(),
        site: Some(SITE),
        expect: || all_well(&PORTS),
    },
    Case {
        name: "vg310-one-port-unknown",
        kind: "gateway-ports",
        report: None,
        wire: "Three ports of a gateway register, the fourth is rejected with \"Error: DB Config\".",
        capture: || gateway(&PORTS, Some(PORTS[2])).into(),
        site: Some(SITE),
        expect: || {
            let mut expect = all_well(&PORTS);
            expect["exit"] = json!([1]);
            expect["phones"][PORTS[2]] = json!({"verdict": ["registration-rejected"], "state": ["rejected"]});
            expect
        },
    },
    Case {
        name: "vg310-ports-raw-ip",
        kind: "gateway-ports",
        report: None,
        wire: "The same four ports in raw IP, as a router records itself.",
        capture: || Capture { records: gateway(&PORTS, None), write: raw },
        site: None,
        expect: || all_well(&PORTS),
    },
    Case {
        name: "home-office-behind-one-address",
        kind: "several-devices-one-address",
        report: Some("https://github.com/chan-sccp/chan-sccp/issues/408"),
        wire: "Three phones behind 198.51.100.77, each with its own name, file and connection; one is rejected as a crossed device.",
        capture: || {
            let mut s = Scene::new();
            for n in 0..3u64 {
                s.at(n * 4_000);
                let mut p = Handset::new("7961G", 30018, "00:1c:58:61:00:01", "198.51.100.77", "SCCP41.8-5-4S");
                for _ in 0..n * 40 {
                    p.port();
                }
                let name = format!("SEP001AA23F902{n}");
                p.fetch(&mut s, TFTP, &format!("{name}.cnf.xml"), &config(&[CM]).device_xml());
                if n == 1 {
                    let mut talk = p.introduce_as(&mut s, CM, &name);
                    s.say(&mut talk, false, &sccp::register_reject(b"Crossover device not allowed"));
                    s.close(&mut talk, false);
                } else {
                    let mut talk = p.register_as(&mut s, CM, &name);
                    p.keep_alives(&mut s, &mut talk, 3);
                }
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [1], "no_other_phones": true,
                "phones": {"SEP001AA23F9020": {"verdict": ["healthy"]}, "SEP001AA23F9022": {"verdict": ["healthy"]},
                    "SEP001AA23F9021": {"verdict": ["registration-rejected"], "state": ["rejected"], "reject_text": ["~Crossover"]}},
                "codes_absent": ["duplicate-device", "name-mac-mismatch", "wrong-tftp-server"]})
        },
    },
    Case {
        name: "firewall-mirrored-on-both-sides",
        kind: "nat-both-sides",
        report: None,
        wire: "A firewall maps 10.61.24.60 to 172.31.5.60, in the Register too, and shifts sequence numbers; both of its sides are mirrored.",
        capture: || {
            let inside = well();
            let (a, b) = (ip("10.61.24.60").octets(), ip("172.31.5.60").octets());
            let outside: Vec<Record> = inside.iter().filter_map(|r| translated(r, a, b)).collect();
            let mut all = [inside, outside].concat();
            all.sort_by_key(|r| r.time);
            all.into()
        },
        site: None,
        expect: || {
            let mut expect = healthy();
            expect["codes_absent"] = json!(["duplicate-device", "name-mac-mismatch", "registration-flapping"]);
            expect
        },
    },
    Case {
        name: "same-addresses-in-two-vlans",
        kind: "one-address-in-two-vlans",
        report: None,
        wire: "VLAN 31 and VLAN 32 are two networks with the same addresses; a phone in each has 10.61.24.60 and is well.",
        capture: || {
            let mut s = Scene::new();
            for (n, vlan) in [(0, 31), (1, 32)] {
                s.at(n * 5_000);
                s.vlan = Some(vlan);
                let address = if n == 0 { PHONE } else { "00:1a:a2:3f:90:99" };
                let mut p = Handset::new("7941G", 115, address, "10.61.24.60", "SCCP41.8-5-4S");
                p.lease(&mut s, &lease());
                p.configure(&mut s, TFTP, &config(&[CM]));
                let mut talk = p.register(&mut s, CM);
                p.keep_alives(&mut s, &mut talk, 3);
            }
            s.records().into()
        },
        site: Some(SITE),
        expect: || {
            json!({"exit": [0], "no_other_phones": true, "codes_absent": ["duplicate-device", "wrong-tftp-server"],
                "phones": {PHONE: {"verdict": ["healthy"]}, "00:1a:a2:3f:90:99": {"verdict": ["healthy"]}}})
        },
    },
    Case {
        name: "address-known-from-cdp-alone",
        kind: "address-from-cdp",
        report: None,
        wire: "A phone announces itself by CDP with its address 10.61.24.60; nothing else of it is in the capture.",
        capture: || {
            let mut s = Scene::new();
            for _ in 0..4 {
                let announcement = Announcement {
                    device_id: "SEP001AA23F9015".to_owned(),
                    address: Some(ip("10.61.24.60")),
                    port_id: "Port 1".to_owned(),
                    capabilities: 0x0490,
                    software_version: Some("SCCP41.8-5-4S".to_owned()),
                    platform: "Cisco IP Phone 7941".to_owned(),
                    ..Announcement::default()
                };
                s.plain(announcement.frame(mac(PHONE)));
                s.wait(60_000);
            }
            s.records().into()
        },
        site: None,
        expect: || json!({"exit": [0], "no_other_phones": true, "phones": {PHONE: {"ip": ["10.61.24.60"]}}}),
    },
    Case {
        name: "capwap-data-802-11",
        kind: "tunnel",
        report: None,
        wire: "The whole boot of a wireless phone inside CAPWAP data (UDP 5247), as 802.11 frames.",
        capture: || wrapped(well(), |n, f| tunnel::capwap(n, is_up(f), false, f)).into(),
        site: None,
        expect: healthy,
    },
    Case {
        name: "capwap-data-swapped-frame-control",
        kind: "tunnel",
        report: None,
        wire: "The same, with the octets of the 802.11 frame control in the order of Cisco's access points.",
        capture: || wrapped(well(), |n, f| tunnel::capwap(n, is_up(f), true, f)).into(),
        site: None,
        expect: healthy,
    },
    Case {
        name: "capwap-data-under-dtls",
        kind: "tunnel",
        report: None,
        wire: "CAPWAP data under DTLS: 42 frames, none of which can be read.",
        capture: || {
            let mut s = Scene::new();
            for n in 0..42 {
                s.plain(tunnel::capwap_sealed(n, n % 2 == 0, 180));
                s.wait(400);
            }
            s.records().into()
        },
        site: None,
        expect: || json!({"exit": [0], "phones": {}, "no_other_phones": true, "table": {"says": ["\\b42\\b.{0,60}CAPWAP|CAPWAP.{0,60}\\b42\\b"]}}),
    },
    Case {
        name: "ether-ip",
        kind: "tunnel",
        report: None,
        wire: "The whole boot of a phone inside EtherIP (IP protocol 97).",
        capture: || wrapped(well(), tunnel::ether_ip).into(),
        site: None,
        expect: healthy,
    },
    Case {
        name: "pcapng-lengths-without-padding",
        kind: "pcapng-unpadded",
        report: None,
        wire: "Packet blocks are padded to four octets, and their lengths leave the padding out; tshark reads them.",
        capture: || Capture { records: well(), write: unpadded_lengths },
        site: None,
        expect: healthy,
    },
];
