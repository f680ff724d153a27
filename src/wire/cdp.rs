//! Announcements of the Cisco Discovery Protocol, versions 1 and 2.
//!
//! There is no RFC. The numbers are those of Cisco's published type list and of captures. The checksum is not
//! looked at: it is computed wrongly for odd lengths by devices that are otherwise sound.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Anomaly;
use super::announcement::{Announcement, set_text};
use crate::types::{Mac, WireText};

/// Most fields that are read of one announcement.
const MAX_FIELDS: usize = 128;
/// Most anomalies that are noted of one announcement.
const MAX_ANOMALIES: usize = 16;

const CAPABILITIES: [&str; 11] = [
    "Router",
    "Transparent Bridge",
    "Source Route Bridge",
    "Switch",
    "Host",
    "IGMP",
    "Repeater",
    "Phone",
    "Remotely Managed",
    "CVTA",
    "Two-Port MAC Relay",
];

/// Reads an announcement: what follows the SNAP header (organisation 00-00-0c, protocol 0x2000). `None`: too short
/// for the header of four bytes.
pub fn parse(payload: &[u8]) -> Option<(Announcement, Vec<Anomaly>)> {
    let ([version, ttl, _, _], mut rest) = payload.split_first_chunk::<4>()?;
    let mut announcement = Announcement { ttl_secs: Some(u16::from(*ttl)), ..Announcement::default() };
    let mut anomalies = Vec::new();
    if !matches!(version, 1 | 2) {
        anomalies.push(Anomaly::new(format!("cdp: version {version}")));
    }
    for _ in 0..MAX_FIELDS {
        // A frame is padded to the least length of Ethernet where its length field was not heeded.
        if rest.iter().all(|b| *b == 0) {
            break;
        }
        let Some(([k0, k1, l0, l1], _)) = rest.split_first_chunk::<4>() else {
            anomalies.push(Anomaly::new(format!("cdp: {} octets after the last field", rest.len())));
            break;
        };
        let (kind, length) = (u16::from_be_bytes([*k0, *k1]), usize::from(u16::from_be_bytes([*l0, *l1])));
        if length < 4 {
            anomalies.push(Anomaly::new(format!("cdp: field 0x{kind:04x} of length {length}")));
            break;
        }
        let value = rest.get(4..length).unwrap_or_else(|| {
            anomalies.push(Anomaly::new(format!(
                "cdp: field 0x{kind:04x} of length {length}, {} octets are left",
                rest.len()
            )));
            rest.get(4..).unwrap_or_default()
        });
        // What is left of a load's name is the name of another load.
        let is_cut_load = kind == 0x0005 && value.len() + 4 < length;
        if !is_cut_load {
            read_field(kind, value, &mut announcement, &mut anomalies);
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    anomalies.truncate(MAX_ANOMALIES);
    Some((announcement, anomalies))
}

fn read_field(kind: u16, value: &[u8], to: &mut Announcement, anomalies: &mut Vec<Anomaly>) {
    let short = |what: &str| Anomaly::new(format!("cdp: {what} of {} octets", value.len()));
    match kind {
        0x0001 => match Mac::from_slice(value) {
            // Some devices send their address instead of a name.
            Some(mac) if value.len() == 6 && !value.iter().all(|b| b.is_ascii_graphic()) => {
                set_text(&mut to.device_id, mac.to_string().as_bytes());
            }
            _ => set_text(&mut to.device_id, value),
        },
        0x0002 | 0x0016 if !read_addresses(value, to) => {
            anomalies.push(Anomaly::fixed("cdp: list of addresses shorter than it says"));
        }
        0x0003 => set_text(&mut to.port_id, value),
        0x0004 => match value.first_chunk::<4>() {
            Some(flags) => to.set_capabilities(u32::from_be_bytes(*flags), &CAPABILITIES),
            None => anomalies.push(short("capabilities")),
        },
        0x0005 => set_text(&mut to.software_version, value),
        0x0006 => set_text(&mut to.platform, value),
        0x000a => match value.first_chunk::<2>() {
            Some(vlan) => to.native_vlan = Some(u16::from_be_bytes(*vlan)),
            None => anomalies.push(short("native VLAN")),
        },
        0x000b => {
            to.duplex = value.first().map(|duplex| WireText::from(if *duplex == 0 { "half" } else { "full" }));
        }
        // One byte of flags, then the VLAN. Without the VLAN there is none.
        0x000e => to.voice_vlan = value.get(1..3).and_then(|vlan| vlan.first_chunk()).map(|v| u16::from_be_bytes(*v)),
        0x000f => to.voice_vlan_query = true,
        0x0010 => match value.first_chunk::<2>() {
            Some(power) => to.power_mw = Some(u32::from(u16::from_be_bytes(*power))),
            None => anomalies.push(short("power")),
        },
        _ => {}
    }
}

/// Reads a count and as many addresses; `false` where there are fewer.
fn read_addresses(value: &[u8], to: &mut Announcement) -> bool {
    let Some((count, mut rest)) = value.split_first_chunk::<4>() else { return false };
    for _ in 0..u32::from_be_bytes(*count) {
        let Some((protocol, address, after)) = split_address(rest) else { return false };
        rest = after;
        let address = match (protocol, address.len()) {
            ([0xcc] | [0xaa, 0xaa, 3, 0, 0, 0, 8, 0], 4) => {
                address.first_chunk().map(|octets: &[u8; 4]| IpAddr::from(Ipv4Addr::from(*octets)))
            }
            ([0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd], 16) => {
                address.first_chunk().map(|octets: &[u8; 16]| IpAddr::from(Ipv6Addr::from(*octets)))
            }
            _ => None,
        };
        if let Some(address) = address {
            to.add_address(address);
        }
    }
    true
}

/// Protocol, address and what follows: protocol type, protocol length, protocol, address length (2), address.
fn split_address(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let ([_, protocol_length], rest) = bytes.split_first_chunk::<2>()?;
    let (protocol, rest) = rest.split_at_checked(usize::from(*protocol_length))?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (address, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((protocol, address, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a 7912 announces (without the ends of its names), as captured.
    const PHONE: &[u8] =
        b"\x02\xb4\xa1\x60\0\x01\0\x13SEP001B53489EE0\0\x02\0\x11\0\0\0\x01\x01\x01\xcc\0\x04\x0a\x0a\x21\x61\
        \0\x03\0\x0aPort 1\0\x04\0\x08\0\0\0\x90\0\x05\0\x1aCP7912-v8-00-1-060412A\0\x06\0\x17Cisco IP Phone 7912\
        \0\x10\0\x06\x18\x9c";

    fn raw(text: &Option<WireText>) -> &str {
        text.as_ref().map_or("", WireText::raw)
    }

    fn words(announcement: &Announcement) -> Vec<&str> {
        announcement.capabilities.iter().map(WireText::raw).collect()
    }

    /// A version 2 announcement of one field.
    fn field(kind: u16, value: &[u8]) -> (Announcement, Vec<Anomaly>) {
        let length = u16::try_from(value.len() + 4).unwrap();
        parse(&[&[2, 180, 0, 0], &kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat()).unwrap()
    }

    #[test]
    fn the_announcement_of_a_phone_is_read_whole() {
        let (phone, anomalies) = parse(PHONE).unwrap();
        assert_eq!(anomalies, []);
        assert_eq!(raw(&phone.device_id), "SEP001B53489EE0");
        assert_eq!(raw(&phone.port_id), "Port 1");
        assert_eq!(raw(&phone.platform), "Cisco IP Phone 7912");
        assert_eq!(raw(&phone.software_version), "CP7912-v8-00-1-060412A");
        assert_eq!(words(&phone), ["Host", "Phone"]);
        assert_eq!(phone.addresses, ["10.10.33.97".parse::<IpAddr>().unwrap()]);
        assert_eq!((phone.power_mw, phone.ttl_secs), (Some(6300), Some(180)));
        assert_eq!((phone.voice_vlan, phone.native_vlan, phone.voice_vlan_query), (None, None, false));
    }

    #[test]
    fn vlans_and_duplex_of_a_switch_are_read() {
        let voice = field(0x000e, &[1, 0, 10]).0;
        assert_eq!((voice.voice_vlan, voice.voice_vlan_query), (Some(10), false));
        assert_eq!(field(0x000e, &[1]), (Announcement { ttl_secs: Some(180), ..Announcement::default() }, vec![]));
        assert_eq!(field(0x000a, &[0x0f, 0xff]).0.native_vlan, Some(4095));
        assert_eq!(raw(&field(0x000b, &[1]).0.duplex), "full");
        assert_eq!(raw(&field(0x000b, &[0]).0.duplex), "half");
        let query = field(0x000f, &[0x20, 2, 0]).0;
        assert_eq!((query.voice_vlan_query, query.voice_vlan), (true, None));
        assert_eq!(words(&field(0x0004, &[0, 0, 0x04, 0x29]).0), ["Router", "Switch", "IGMP", "Two-Port MAC Relay"]);
    }

    #[test]
    fn addresses_of_both_families_are_read_once_and_zeros_are_none() {
        let v4 = |last: u8| [&[1, 1, 0xcc, 0, 4, 10, 0, 0][..], &[last]].concat();
        let v6 = [&[2, 8, 0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd, 0, 16, 0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[1]].concat();
        let other = [1, 1, 0x81, 0, 2, 9, 9];
        let none = [1, 1, 0xcc, 0, 4, 0, 0, 0, 0];
        let list = [&[0, 0, 0, 6][..], &v4(1), &other, &v6, &none, &v4(1), &v4(2)].concat();
        let (announcement, anomalies) = field(0x0002, &list);
        assert_eq!(
            announcement.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>(),
            ["10.0.0.1", "2001:db8::1", "10.0.0.2"]
        );
        assert_eq!(anomalies, []);
        let lie = [&[0xff, 0xff, 0xff, 0xff][..], &v4(1)].concat();
        let (announcement, anomalies) = field(0x0016, &lie);
        assert_eq!((announcement.addresses.len(), anomalies.len()), (1, 1));
        assert_eq!(field(0x0002, &[0, 0]).1.len(), 1);
    }

    #[test]
    fn a_device_id_that_is_an_address_is_shown_as_one() {
        assert_eq!(raw(&field(0x0001, &[0, 0x30, 0x94, 0xc2, 0xd3, 0xfa]).0.device_id), "00:30:94:c2:d3:fa");
        assert_eq!(raw(&field(0x0001, b"router").0.device_id), "router");
        assert_eq!(raw(&field(0x0001, b"router\0\0").0.device_id), "router");
    }

    #[test]
    fn the_first_of_two_names_counts() {
        let twice = [PHONE, b"\0\x01\0\x05X"].concat();
        assert_eq!(raw(&parse(&twice).unwrap().0.device_id), "SEP001B53489EE0");
    }

    #[test]
    fn lengths_that_lie_are_said_and_the_fields_before_are_kept() {
        let said = |tail: &[u8]| {
            let (announcement, anomalies) = parse(&[PHONE, tail].concat()).unwrap();
            assert_eq!(raw(&announcement.device_id), "SEP001B53489EE0");
            anomalies.iter().map(|a| a.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(said(b"\0\x06\0\x03abc"), ["cdp: field 0x0006 of length 3"]);
        assert_eq!(said(b"\0\x06\0\x00abc"), ["cdp: field 0x0006 of length 0"]);
        assert_eq!(said(b"\0\x06\xff\xffabc"), ["cdp: field 0x0006 of length 65535, 7 octets are left"]);
        assert_eq!(said(b"\0\x06\x01"), ["cdp: 3 octets after the last field"]);
        assert_eq!(said(&[0; 20]), [""; 0], "padding");
        assert_eq!(said(b"\0\x0a\0\x05\x01"), ["cdp: native VLAN of 1 octets"]);
        assert_eq!(parse(b"\x09\0\0\0").unwrap().1[0].as_str(), "cdp: version 9");
        assert!(parse(b"\x02\xb4\0").is_none());
    }

    #[test]
    fn cut_at_every_length_it_is_read_as_far_as_it_goes() {
        for length in 0..PHONE.len() {
            match parse(&PHONE[..length]) {
                None => assert!(length < 4),
                Some((cut, _)) => assert!("SEP001B53489EE0".starts_with(raw(&cut.device_id)), "cut at {length}"),
            }
        }
    }

    #[test]
    fn what_is_left_of_a_load_name_is_no_load() {
        let load = |octets: &[u8]| parse(octets).unwrap().0.software_version;
        assert_eq!(load(b"\x02\xb4\0\0\0\x05\0\x10P00303010102").unwrap().raw(), "P00303010102");
        assert_eq!(load(b"\x02\xb4\0\0\0\x05\0\x10P0030301"), None);
    }

    #[test]
    fn mutations_never_panic_and_stay_bounded() {
        let mut state = 7960u64;
        for _ in 0..20_000 {
            let mut bytes = PHONE.to_vec();
            for _ in 0..4 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let at = usize::try_from(state >> 8).unwrap() % bytes.len();
                bytes[at] = u8::try_from(state & 0xff).unwrap();
            }
            let (announcement, anomalies) = parse(&bytes).unwrap();
            assert!(announcement.addresses.len() <= 16 && anomalies.len() <= MAX_ANOMALIES);
        }
        let flood = [&[2, 180, 0, 0][..], &b"\0\x0a\0\x04".repeat(16_000)].concat();
        assert_eq!(parse(&flood).unwrap().1.len(), MAX_ANOMALIES);
    }
}
