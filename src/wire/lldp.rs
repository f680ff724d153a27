//! Announcements of the Link Layer Discovery Protocol (IEEE 802.1AB), with the fields of LLDP-MED (ANSI/TIA-1057).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Anomaly;
use super::announcement::{Announcement, set_text};
use crate::types::{Mac, WireText};

/// Most fields that are read of one announcement; an Ethernet frame has room for 750 empty ones.
const MAX_FIELDS: usize = 256;

const CAPABILITIES: [&str; 11] = [
    "Other",
    "Repeater",
    "Bridge",
    "WLAN Access Point",
    "Router",
    "Telephone",
    "DOCSIS Cable Device",
    "Station Only",
    "C-VLAN",
    "S-VLAN",
    "Two-port MAC Relay",
];

const IEEE_802_1: &[u8] = &[0x00, 0x80, 0xc2];
const TIA_MED: &[u8] = &[0x00, 0x12, 0xbb];
/// Application type of the voice policy.
const VOICE: u8 = 1;

/// Reads an LLDPDU: what follows Ethertype 0x88cc. `None`: too short for one field.
///
/// The fields of an announcement with a time to live of 0 (a shutdown) are those of the port that goes.
pub fn parse(payload: &[u8]) -> Option<(Announcement, Vec<Anomaly>)> {
    let mut rest = payload;
    let mut reading = Reading::default();
    payload.first_chunk::<2>()?;
    for index in 0..MAX_FIELDS {
        let Some((head, after)) = rest.split_first_chunk::<2>() else { break };
        let head = u16::from_be_bytes(*head);
        let (kind, length) = (head >> 9, usize::from(head & 0x1ff));
        if index < 3 && usize::from(kind) != index + 1 {
            reading.note("lldp: does not begin with chassis, port and time to live");
        }
        // End of LLDPDU; what follows is padding.
        if kind == 0 {
            break;
        }
        let value = after.get(..length).unwrap_or_else(|| {
            reading
                .anomalies
                .push(Anomaly::new(format!("lldp: field {kind} of length {length}, {} octets are left", after.len())));
            after
        });
        // What is left of a load's name, in a description or a maker's field, is the name of another load.
        if value.len() == length || !matches!(kind, 6 | 127) {
            reading.read_field(kind, value);
        }
        rest = after.get(length..).unwrap_or_default();
    }
    Some(reading.finish())
}

#[derive(Default)]
struct Reading {
    to: Announcement,
    anomalies: Vec<Anomaly>,
    chassis: Option<WireText>,
    firmware: Option<WireText>,
}

impl Reading {
    fn note(&mut self, text: &'static str) {
        if !self.anomalies.iter().any(|anomaly| anomaly.as_str() == text) {
            self.anomalies.push(Anomaly::fixed(text));
        }
    }

    fn read_field(&mut self, kind: u16, value: &[u8]) {
        let to = &mut self.to;
        match kind {
            1 => match value.split_first() {
                Some((subtype, id)) => {
                    // A phone's chassis is its address.
                    if let (5, Some(address)) = (*subtype, network_address(id)) {
                        to.add_address(address);
                    }
                    set_id(&mut self.chassis, (*subtype == 4, *subtype == 5), id);
                }
                None => self.note("lldp: empty chassis id"),
            },
            2 => match value.split_first() {
                Some((subtype, id)) => set_id(&mut to.port_id, (*subtype == 3, *subtype == 4), id),
                None => self.note("lldp: empty port id"),
            },
            3 => match value.first_chunk::<2>() {
                Some(ttl) => _ = to.ttl_secs.get_or_insert(u16::from_be_bytes(*ttl)),
                None => self.note("lldp: time to live cut short"),
            },
            5 => set_text(&mut to.device_id, value),
            6 => set_text(&mut to.platform, value),
            // What the system can do, then what of it is enabled.
            7 => match value.first_chunk::<2>() {
                Some(flags) => to.set_capabilities(u32::from(u16::from_be_bytes(*flags)), &CAPABILITIES),
                None => self.note("lldp: capabilities cut short"),
            },
            8 => match value.split_first().and_then(|(length, rest)| rest.get(..usize::from(*length))) {
                Some(address) => {
                    if let Some(address) = network_address(address) {
                        to.add_address(address);
                    }
                }
                None => self.note("lldp: management address cut short"),
            },
            127 => match value.split_first_chunk::<4>() {
                Some(([a, b, c, subtype], rest)) => self.read_organisation(&[*a, *b, *c], *subtype, rest),
                None => self.note("lldp: field of an organisation cut short"),
            },
            _ => {}
        }
    }

    fn read_organisation(&mut self, organisation: &[u8], subtype: u8, value: &[u8]) {
        let to = &mut self.to;
        match (organisation, subtype, value) {
            // 0: no port VLAN.
            (IEEE_802_1, 1, [a, b, ..]) => {
                to.native_vlan = Some(u16::from_be_bytes([*a, *b])).filter(|vlan| *vlan != 0)
            }
            (TIA_MED, 2, [VOICE, a, b, c, ..]) => {
                let policy = u32::from_be_bytes([0, *a, *b, *c]);
                let (unknown, tagged) = (policy & 0x80_0000 != 0, policy & 0x40_0000 != 0);
                to.voice_vlan_query |= unknown;
                if !unknown && tagged {
                    to.voice_vlan = u16::try_from(policy >> 9 & 0xfff).ok();
                }
            }
            // Power type 1 is a device that draws; the value counts tenths of a watt.
            (TIA_MED, 4, [kind, a, b, ..]) if kind >> 6 == 1 => {
                to.power_mw = Some(u32::from(u16::from_be_bytes([*a, *b])) * 100);
            }
            (TIA_MED, 5, text) => set_text(&mut to.hardware_revision, text),
            (TIA_MED, 6, text) => set_text(&mut self.firmware, text),
            (TIA_MED, 7, text) => set_text(&mut to.software_version, text),
            (TIA_MED, 8, text) => set_text(&mut to.serial, text),
            (TIA_MED, 9, text) => set_text(&mut to.manufacturer, text),
            (TIA_MED, 10, text) => set_text(&mut to.model, text),
            (TIA_MED, 2 | 4, _) if value.len() < 3 => self.note("lldp: LLDP-MED field cut short"),
            _ => {}
        }
    }

    fn finish(self) -> (Announcement, Vec<Anomaly>) {
        let mut to = self.to;
        to.device_id = to.device_id.or(self.chassis);
        to.software_version = to.software_version.or(self.firmware);
        (to, self.anomalies)
    }
}

/// Sets a chassis or port id: a MAC address, a network address, or text.
fn set_id(field: &mut Option<WireText>, (is_mac, is_network): (bool, bool), id: &[u8]) {
    let mac = Mac::from_slice(id).filter(|_| is_mac && id.len() == 6).map(|mac| mac.to_string());
    let network = network_address(id).filter(|_| is_network).map(|address| address.to_string());
    match mac.or(network) {
        Some(text) => set_text(field, text.as_bytes()),
        // A chassis of type "MAC" with another length occurs; it is no text.
        None if is_mac || is_network => {
            let octets: Vec<String> = id.iter().map(|b| format!("{b:02x}")).collect();
            set_text(field, octets.join(":").as_bytes());
        }
        None => set_text(field, id),
    }
}

/// An address behind its family number (IANA: 1 is IPv4, 2 is IPv6).
fn network_address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes {
        [1, octets @ ..] => Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?).into()),
        [2, octets @ ..] => Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap();
        [&(u16::from(kind) << 9 | length).to_be_bytes()[..], value].concat()
    }

    fn med(subtype: u8, value: &[u8]) -> Vec<u8> {
        field(127, &[TIA_MED, &[subtype], value].concat())
    }

    /// Chassis, port, time to live, then these fields and the end.
    fn pdu(fields: &[Vec<u8>]) -> Vec<u8> {
        let head = [field(1, b"\x04\x00\x13\x21\x57\xca\x40"), field(2, b"\x071"), field(3, &[0, 120])];
        [head.concat(), fields.concat(), field(0, b"")].concat()
    }

    fn raw(text: &Option<WireText>) -> &str {
        text.as_ref().map_or("", WireText::raw)
    }

    fn read(fields: &[Vec<u8>]) -> Announcement {
        let (announcement, anomalies) = parse(&pdu(fields)).unwrap();
        assert_eq!(anomalies, []);
        announcement
    }

    fn switch() -> Vec<u8> {
        pdu(&[
            field(4, b"1"),
            field(5, b"ProCurve"),
            field(6, b"ProCurve J8762A, revision H.08.89"),
            field(7, &[0, 0x14, 0, 4]),
            field(8, b"\x05\x01\x0f\xff\x7a\x94\x02\0\0\0\0\0"),
            field(127, &[0x00, 0x80, 0xc2, 1, 0x01, 0xe8]),
            med(1, &[0, 0x0f, 4]),
            med(2, &[1, 0x40, 0x65, 0xae]),
            med(4, &[3, 0, 65]),
        ])
    }

    #[test]
    fn the_announcement_of_a_switch_is_read_whole() {
        let (switch, anomalies) = parse(&switch()).unwrap();
        assert_eq!(anomalies, []);
        assert_eq!((raw(&switch.device_id), raw(&switch.port_id)), ("ProCurve", "1"));
        assert_eq!(raw(&switch.platform), "ProCurve J8762A, revision H.08.89");
        assert_eq!(switch.capabilities.iter().map(WireText::raw).collect::<Vec<_>>(), ["Bridge", "Router"]);
        assert_eq!(switch.addresses, ["15.255.122.148".parse::<IpAddr>().unwrap()]);
        assert_eq!((switch.voice_vlan, switch.voice_vlan_query), (Some(50), false));
        assert_eq!((switch.native_vlan, switch.ttl_secs), (Some(488), Some(120)));
        assert_eq!(switch.power_mw, None, "what a switch offers is not drawn");
    }

    #[test]
    fn the_announcement_of_a_phone_has_its_inventory() {
        let phone = read(&[
            field(5, b"SEP001B54960000"),
            med(2, &[1, 0x80, 0, 0]),
            med(4, &[0x53, 0, 63]),
            med(5, b"5"),
            med(6, b"tnp42.8-5-2.bin"),
            med(7, b"SCCP42.9-4-2SR3-1S"),
            med(8, b"FCH1234"),
            med(9, b"Cisco Systems, Inc."),
            med(10, b"CP-7962G\0"),
        ]);
        assert_eq!((raw(&phone.device_id), raw(&phone.model)), ("SEP001B54960000", "CP-7962G"));
        assert_eq!((raw(&phone.software_version), raw(&phone.serial)), ("SCCP42.9-4-2SR3-1S", "FCH1234"));
        assert_eq!((raw(&phone.manufacturer), raw(&phone.hardware_revision)), ("Cisco Systems, Inc.", "5"));
        assert_eq!((phone.voice_vlan, phone.voice_vlan_query, phone.power_mw), (None, true, Some(6300)));
        assert_eq!(raw(&read(&[med(6, b"tnp42")]).software_version), "tnp42", "firmware where there is no software");
    }

    #[test]
    fn untagged_or_other_policy_gives_no_voice_vlan() {
        assert_eq!(read(&[med(2, &[1, 0, 0x64, 0])]).voice_vlan, None);
        assert_eq!(read(&[med(2, &[2, 0x40, 0x65, 0xae])]).voice_vlan, None);
        assert_eq!(read(&[med(2, &[1, 0x41, 0xff, 0xff])]).voice_vlan, Some(255));
        assert_eq!(read(&[med(2, &[1, 0x5f, 0xff, 0xff])]).voice_vlan, Some(4095));
    }

    #[test]
    fn ids_are_shown_by_their_subtype() {
        let id = |chassis: &[u8], port: &[u8]| {
            let (a, _) = parse(&[field(1, chassis), field(2, port), field(3, &[0, 1])].concat()).unwrap();
            (raw(&a.device_id).to_owned(), raw(&a.port_id).to_owned(), a.addresses.len())
        };
        let expect = |device: &str, port: &str, addresses: usize| (device.to_owned(), port.to_owned(), addresses);
        assert_eq!(id(b"\x04\0\x30\x94\xc2\xd3\xfa", b"\x05Gi0/1"), expect("00:30:94:c2:d3:fa", "Gi0/1", 0));
        assert_eq!(
            id(b"\x05\x01\x0a\x01\x01\x32", b"\x03\0\x30\x94\xc2\xd3\xfa"),
            expect("10.1.1.50", "00:30:94:c2:d3:fa", 1)
        );
        assert_eq!(id(b"\x04ooba", b"\x04\x01\x0a\x01\x01\x32"), expect("6f:6f:62:61", "10.1.1.50", 0));
        assert_eq!(id(b"\x07name", b"\x07"), expect("name", "", 0));
    }

    #[test]
    fn a_shutdown_has_a_time_to_live_of_zero() {
        let bytes = [field(1, b"\x07a"), field(2, b"\x07b"), field(3, &[0, 0]), field(0, b"")].concat();
        let (announcement, anomalies) = parse(&bytes).unwrap();
        assert_eq!((announcement.ttl_secs, raw(&announcement.device_id)), (Some(0), "a"));
        assert_eq!(anomalies, []);
        assert_eq!(read(&[field(3, &[0, 3])]).ttl_secs, Some(120), "the first of two");
    }

    #[test]
    fn what_is_left_of_a_load_name_is_no_load() {
        let whole = pdu(&[med(6, b"SCCP45.9-4-2SR3-1S")]);
        assert_eq!(raw(&parse(&whole).unwrap().0.software_version), "SCCP45.9-4-2SR3-1S");
        let (cut, anomalies) = parse(&whole[..whole.len() - 10]).unwrap();
        assert_eq!((cut.software_version, anomalies.len()), (None, 1));
    }

    #[test]
    fn lengths_that_lie_and_fields_out_of_order_are_said() {
        let said = |bytes: &[u8]| parse(bytes).unwrap().1.iter().map(|a| a.as_str().to_owned()).collect::<Vec<_>>();
        let head = [field(1, b"\x07a"), field(2, b"\x07b")].concat();
        let long = [&head[..], &[0x07, 0xff, 0, 9]].concat();
        assert_eq!(said(&long), ["lldp: field 3 of length 511, 2 octets are left"]);
        assert_eq!(said(&field(5, b"x")), ["lldp: does not begin with chassis, port and time to live"]);
        assert_eq!(said(&[&head[..], &field(3, &[0])].concat()), ["lldp: time to live cut short"]);
        assert_eq!(said(&pdu(&[field(8, &[200, 1])])), ["lldp: management address cut short"]);
        assert_eq!(said(&pdu(&[field(127, &[0, 1])])), ["lldp: field of an organisation cut short"]);
        assert_eq!(said(&pdu(&[med(2, &[1])])), ["lldp: LLDP-MED field cut short"]);
        assert!(parse(&[2]).is_none() && parse(&[]).is_none());
    }

    #[test]
    fn cut_at_every_length_it_is_read_as_far_as_it_goes() {
        let whole = switch();
        for length in 2..whole.len() {
            let (cut, _) = parse(&whole[..length]).unwrap();
            let name = raw(&cut.device_id);
            assert!("ProCurve".starts_with(name) || "00:13:21:57:ca:40".starts_with(name), "cut at {length}: {name}");
        }
    }

    #[test]
    fn mutations_never_panic_and_stay_bounded() {
        let mut state = 7960u64;
        for _ in 0..20_000 {
            let mut bytes = switch();
            for _ in 0..4 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let at = usize::try_from(state >> 8).unwrap() % bytes.len();
                bytes[at] = u8::try_from(state & 0xff).unwrap();
            }
            parse(&bytes).unwrap();
        }
        let flood = pdu(&vec![field(8, b"\x05\x01\x0a\0\0\x01\0"); 5000]);
        assert_eq!(parse(&flood).unwrap().0.addresses.len(), 1);
    }
}
