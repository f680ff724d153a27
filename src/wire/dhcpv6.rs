//! DHCPv6 messages as far as a Cisco phone needs them (RFC 8415; Cisco vendor options, enterprise 9).
//!
//! Options nest: a relayed message stands in an option of another, an address in an option of an association. The
//! walk is by hand and of fixed depth, since nesting is the sender's choice.

use std::net::Ipv6Addr;

use super::Anomaly;
use super::dhcp::{PhoneClass, class_of};
use crate::types::{Hex, Mac, WireText};

/// One decoded message: the body of a `dhcpv6` event. Of a relayed message, the innermost one.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// `SOLICIT`, `ADVERTISE`, … or the number.
    pub msg: WireText,
    /// Transaction id, 24 bits; 0 where a relay's message holds none that could be read.
    #[serde(with = "crate::types::hex::xid")]
    pub xid: u32,
    /// Client DUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duid_hex: Option<Hex>,
    /// Addresses of IA_NA and IA_TA.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ia_addr: Vec<Ipv6Addr>,
    /// Vendor class, first string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_class: Option<WireText>,
    /// TFTP server addresses of Cisco's vendor option (option 17, enterprise 9, sub-option 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tftp: Vec<Ipv6Addr>,
    /// TFTP service of Cisco's vendor option (sub-option 2), as sent: its format is not published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tftp_service_hex: Option<Hex>,
    /// Cisco's enterprise number (9) stands in its vendor class or its vendor options.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cisco: bool,
    /// How many relays forwarded it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub relays: u8,
    /// MAC address in the client's DUID, where that is one of the kinds that hold it (RFC 8415 section 11.2, 11.4), or
    /// in the client link-layer address option of a relay (RFC 6939).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_mac: Option<Mac>,
    /// Server DUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_duid_hex: Option<Hex>,
    /// Status other than success, of the message or of an association in it: `NoAddrsAvail`, or its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<WireText>,
    /// Text of that status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_text: Option<WireText>,
    /// DNS servers (RFC 3646).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<Ipv6Addr>,
}

fn is_zero(n: &u8) -> bool {
    *n == 0
}

/// RFC 8415 section 7.6 lets a message pass 8 relays, RFC 3315 32.
const MOST_RELAYS: u8 = 32;
/// Most addresses that are read of one message.
const MOST_ADDRESSES: usize = 256;
const MOST_ANOMALIES: usize = 16;
/// Most bytes that are kept of the text of a status.
const MOST_TEXT: usize = 255;
/// IANA's number of Cisco.
const CISCO: [u8; 4] = [0, 0, 0, 9];

mod option {
    pub(super) const CLIENT_ID: u16 = 1;
    pub(super) const SERVER_ID: u16 = 2;
    pub(super) const IA_NA: u16 = 3;
    pub(super) const IA_TA: u16 = 4;
    pub(super) const IA_ADDRESS: u16 = 5;
    pub(super) const RELAY_MESSAGE: u16 = 9;
    pub(super) const STATUS: u16 = 13;
    pub(super) const VENDOR_CLASS: u16 = 16;
    pub(super) const VENDOR_OPTIONS: u16 = 17;
    pub(super) const DNS_SERVERS: u16 = 23;
    pub(super) const CLIENT_LINK_ADDRESS: u16 = 79;
}

mod cisco {
    pub(super) const TFTP_SERVERS: u16 = 1;
    pub(super) const TFTP_SERVICE: u16 = 2;
}

/// Reads the payload of a datagram on port 546 or 547.
///
/// `None` where it is surely no such message: an unassigned type, or too short for the fixed fields. A message that
/// is cut off is read as far as it goes.
pub fn parse(payload: &[u8]) -> Option<(Message, Vec<Anomaly>)> {
    let mut noted = Vec::new();
    let mut relays = 0;
    let mut relayed_mac = None;
    let mut octets = payload;
    let (kind, xid, body) = loop {
        let (kind, rest) = octets.split_first()?;
        let name = type_name(*kind);
        if !matches!(*kind, 12 | 13) {
            let Some((&[a, b, c], body)) = rest.split_first_chunk() else {
                if relays == 0 {
                    return None;
                }
                note(&mut noted, "dhcpv6: relayed message cut off".to_owned());
                break (name.unwrap_or_default(), 0, Default::default());
            };
            // Within a relay's message the type is not needed to tell that this is DHCPv6.
            let name = if relays == 0 { name? } else { name.unwrap_or_else(|| kind.to_string().as_str().into()) };
            break (name, u32::from_be_bytes([0, a, b, c]), body);
        }
        // RFC 8415 section 9: hop count, link address, peer address.
        let Some((_, body)) = rest.split_at_checked(33) else {
            if relays == 0 {
                return None;
            }
            note(&mut noted, "dhcpv6: relayed message cut off".to_owned());
            break (name.unwrap_or_default(), 0, Default::default());
        };
        relays += 1;
        let mut inner = None;
        for option in walk(body, "option", &mut noted) {
            match option.code {
                option::RELAY_MESSAGE => {
                    inner = Some(option.value);
                    break;
                }
                option::CLIENT_LINK_ADDRESS => relayed_mac = ethernet_mac(option.value).or(relayed_mac),
                _ => {}
            }
        }
        match inner {
            Some(inner) if !inner.is_empty() && relays < MOST_RELAYS => octets = inner,
            Some(inner) if !inner.is_empty() => {
                note(&mut noted, format!("dhcpv6: more than {MOST_RELAYS} relays, the rest not read"));
                break (name.unwrap_or_default(), 0, Default::default());
            }
            _ => {
                note(&mut noted, "dhcpv6: relay without a relayed message".to_owned());
                break (name.unwrap_or_default(), 0, Default::default());
            }
        }
    };
    let mut message = Message {
        msg: kind,
        xid,
        duid_hex: None,
        ia_addr: Vec::new(),
        vendor_class: None,
        tftp: Vec::new(),
        tftp_service_hex: None,
        cisco: false,
        relays,
        client_mac: relayed_mac,
        server_duid_hex: None,
        status: None,
        status_text: None,
        dns_servers: Vec::new(),
    };
    let mut inner_noted = Vec::new();
    for option in walk(body, "option", &mut noted) {
        message.read_option(&option, &mut inner_noted);
    }
    inner_noted.into_iter().for_each(|a: Anomaly| note(&mut noted, a.as_str().to_owned()));
    Some((message, noted))
}

impl Message {
    /// The phone that the vendor class stands for; `None` where it is no phone of a CallManager.
    pub fn phone_class(&self) -> Option<PhoneClass> {
        class_of(self.vendor_class.as_ref()?.raw(), self.cisco)
    }

    fn read_option(&mut self, option: &RawOption, noted: &mut Vec<Anomaly>) {
        let &RawOption { code, value, whole } = option;
        self.cisco |= matches!(code, option::VENDOR_CLASS | option::VENDOR_OPTIONS) && value.starts_with(&CISCO);
        match code {
            option::CLIENT_ID if self.duid_hex.is_none() && whole => {
                self.duid_hex = Some(Hex::from(value));
                self.client_mac = self.client_mac.or_else(|| mac_of_duid(value));
            }
            option::SERVER_ID if self.server_duid_hex.is_none() && whole => {
                self.server_duid_hex = Some(Hex::from(value));
            }
            option::STATUS => self.read_status(value),
            option::DNS_SERVERS => {
                let addresses = value.as_chunks::<16>().0.iter().map(|a| Ipv6Addr::from(*a));
                self.dns_servers.extend(addresses.take(MOST_ADDRESSES.saturating_sub(self.dns_servers.len())));
            }
            // IAID, T1, T2 in front of the options; of temporary addresses the IAID alone.
            option::IA_NA | option::IA_TA => {
                let fixed = if code == option::IA_NA { 12 } else { 4 };
                let Some((_, options)) = value.split_at_checked(fixed) else {
                    return note(noted, format!("dhcpv6: option {code} has {} octets, {fixed} at least", value.len()));
                };
                for option in walk(options, "address option", noted) {
                    match (option.code, option.value.first_chunk::<16>()) {
                        (option::IA_ADDRESS, Some(address)) if self.ia_addr.len() < MOST_ADDRESSES => {
                            self.ia_addr.push(Ipv6Addr::from(*address));
                        }
                        (option::STATUS, _) => self.read_status(option.value),
                        _ => {}
                    }
                }
            }
            option::VENDOR_CLASS if self.vendor_class.is_none() => {
                self.vendor_class = value
                    .get(4..)
                    .and_then(|strings| strings.split_first_chunk::<2>())
                    .and_then(|(len, text)| text.get(..usize::from(u16::from_be_bytes(*len))))
                    .map(WireText::until_nul);
                if self.vendor_class.is_none() {
                    note(noted, "dhcpv6: vendor class without a whole string".to_owned());
                }
            }
            option::VENDOR_OPTIONS => {
                let Some((&CISCO, options)) = value.split_first_chunk::<4>() else { return };
                let mut inner_noted = Vec::new();
                for option in walk(options, "Cisco option", noted) {
                    self.read_cisco_option(&option, &mut inner_noted);
                }
                noted.append(&mut inner_noted);
            }
            _ => {}
        }
    }

    /// Code, then text in UTF-8 (RFC 8415 section 21.13). The first that is no success counts.
    fn read_status(&mut self, value: &[u8]) {
        let Some((code, text)) = value.split_first_chunk::<2>() else { return };
        let code = u16::from_be_bytes(*code);
        if code == 0 || self.status.is_some() {
            return;
        }
        self.status = Some(status_name(code).map_or_else(|| code.to_string().as_str().into(), WireText::from));
        let text = text.get(..MOST_TEXT).unwrap_or(text);
        self.status_text = (!text.is_empty()).then(|| WireText::until_nul(text));
    }

    fn read_cisco_option(&mut self, option: &RawOption, noted: &mut Vec<Anomaly>) {
        let &RawOption { code, value, whole } = option;
        match code {
            cisco::TFTP_SERVERS => {
                if whole && (value.is_empty() || !value.len().is_multiple_of(16)) {
                    note(noted, format!("dhcpv6: Cisco TFTP servers have {} octets, no multiple of 16", value.len()));
                }
                let addresses =
                    value.chunks_exact(16).filter_map(|a| a.first_chunk::<16>()).map(|a| Ipv6Addr::from(*a));
                self.tftp.extend(addresses.take(MOST_ADDRESSES.saturating_sub(self.tftp.len())));
            }
            cisco::TFTP_SERVICE if self.tftp_service_hex.is_none() && whole => {
                self.tftp_service_hex = Some(Hex::from(value))
            }
            _ => {}
        }
    }
}

/// The MAC address of a DUID: kind, hardware type, of kind 1 a time, then the address.
pub(crate) fn mac_of_duid(duid: &[u8]) -> Option<Mac> {
    match duid {
        [0, 1, 0, 1, _, _, _, _, mac @ ..] | [0, 3, 0, 1, mac @ ..] if mac.len() == 6 => Mac::from_slice(mac),
        _ => None,
    }
}

/// Hardware type, then the address.
fn ethernet_mac(value: &[u8]) -> Option<Mac> {
    match value {
        [0, 1, mac @ ..] if mac.len() == 6 => Mac::from_slice(mac),
        _ => None,
    }
}

/// The names of RFC 8415 section 21.13.
fn status_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1 => "UnspecFail",
        2 => "NoAddrsAvail",
        3 => "NoBinding",
        4 => "NotOnLink",
        5 => "UseMulticast",
        6 => "NoPrefixAvail",
        _ => return None,
    })
}

/// An option as it stands in the message.
struct RawOption<'a> {
    code: u16,
    /// The bytes that are there.
    value: &'a [u8],
    /// Whether these are as many as the option's length says.
    whole: bool,
}

/// The options of `bytes`. One that is cut off is the last, and noted.
fn walk<'a>(octets: &'a [u8], what: &'static str, noted: &mut Vec<Anomaly>) -> impl Iterator<Item = RawOption<'a>> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let Some((&[a, b, c, d], after)) = rest.split_first_chunk::<4>() else {
            if !rest.is_empty() {
                note(noted, format!("dhcpv6: {what} cut off in its first {} octets", rest.len()));
            }
            rest = &[];
            return None;
        };
        let (code, len) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let Some((value, after)) = after.split_at_checked(usize::from(len)) else {
            note(noted, format!("dhcpv6: {what} {code} cut off, {} of {len} octets there", after.len()));
            rest = &[];
            return Some(RawOption { code, value: after, whole: false });
        };
        rest = after;
        Some(RawOption { code, value, whole: true })
    })
}

fn note(noted: &mut Vec<Anomaly>, text: String) {
    if noted.len() < MOST_ANOMALIES {
        noted.push(Anomaly::new(text));
    }
}

/// The name of a message type (RFC 8415 section 7.3, 5007, 5460, 6977, 7341, 7653, 8156), `None` where unassigned.
fn type_name(code: u8) -> Option<WireText> {
    let name = match code {
        1 => "SOLICIT",
        2 => "ADVERTISE",
        3 => "REQUEST",
        4 => "CONFIRM",
        5 => "RENEW",
        6 => "REBIND",
        7 => "REPLY",
        8 => "RELEASE",
        9 => "DECLINE",
        10 => "RECONFIGURE",
        11 => "INFORMATION-REQUEST",
        12 => "RELAY-FORW",
        13 => "RELAY-REPL",
        14 => "LEASEQUERY",
        15 => "LEASEQUERY-REPLY",
        16 => "LEASEQUERY-DONE",
        17 => "LEASEQUERY-DATA",
        18..=36 => return Some(code.to_string().as_str().into()),
        _ => return None,
    };
    Some(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len()).unwrap();
        [&code.to_be_bytes()[..], &len.to_be_bytes(), value].concat()
    }

    fn message(kind: u8, options: &[Vec<u8>]) -> Vec<u8> {
        [&[kind, 0x12, 0x34, 0x56][..], &options.concat()].concat()
    }

    fn relayed(kind: u8, inner: &[u8]) -> Vec<u8> {
        let mut octets = vec![kind];
        octets.resize(34, 0);
        // A relay's own option stands in front: 18, the interface.
        octets.extend(option(18, b"ge-0"));
        octets.extend(option(option::RELAY_MESSAGE, inner));
        octets
    }

    #[test]
    fn refusal_in_association_names_status_and_duids() {
        let mac = [0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa];
        let status = option(option::STATUS, b"\0\x02no addresses");
        let octets = message(
            2,
            &[
                option(option::CLIENT_ID, &[&[0, 1, 0, 1, 9, 9, 9, 9][..], &mac].concat()),
                option(option::SERVER_ID, &[0, 3, 0, 1, 2, 2, 2, 2, 2, 2]),
                option(option::IA_NA, &[&[0; 12][..], &option(option::STATUS, &[0, 0]), &status].concat()),
                option(option::DNS_SERVERS, &SERVER),
            ],
        );
        let (read, noted) = parse(&octets).unwrap();
        assert_eq!(read.status.unwrap().raw(), "NoAddrsAvail");
        assert_eq!(read.status_text.unwrap().raw(), "no addresses");
        assert_eq!((read.client_mac, read.dns_servers), (Some(Mac(mac)), vec![Ipv6Addr::from(SERVER)]));
        assert_eq!(read.server_duid_hex.unwrap().to_string(), "00030001020202020202");
        assert_eq!(noted, []);
        for end in 4..octets.len() {
            let (cut, _) = parse(&octets[..end]).unwrap();
            assert!(cut.client_mac.is_none_or(|m| m == Mac(mac)), "{end}");
        }
        // A relay that says it: the DUID of a phone may be of another kind.
        let mut outer = relayed(12, &message(1, &[option(option::CLIENT_ID, &[0, 2, 0, 0, 0, 9, 1])]));
        outer.splice(34..34, option(option::CLIENT_LINK_ADDRESS, &[&[0, 1][..], &mac].concat()));
        assert_eq!(parse(&outer).unwrap().0.client_mac, Some(Mac(mac)));
    }

    const SERVER: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];

    fn reply() -> Vec<u8> {
        let address = option(option::IA_ADDRESS, &[&SERVER[..], &[0; 8]].concat());
        let cisco =
            [option(cisco::TFTP_SERVERS, &[SERVER, SERVER].concat()), option(cisco::TFTP_SERVICE, b"x")].concat();
        message(
            7,
            &[
                option(option::CLIENT_ID, &[0, 3, 0, 1, 0, 0x30, 0x94, 0xc2, 0xd3, 0xfa]),
                option(option::IA_NA, &[&[0; 12][..], &address].concat()),
                option(option::IA_TA, &[&[0; 4][..], &address].concat()),
                option(option::VENDOR_CLASS, &[&CISCO[..], &[0, 5], b"Cisco", &[0, 1, b'x']].concat()),
                option(option::VENDOR_OPTIONS, &[&[0, 0, 1, 0][..], &cisco].concat()),
                option(option::VENDOR_OPTIONS, &[&CISCO[..], &cisco].concat()),
            ],
        )
    }

    fn texts(anomalies: &[Anomaly]) -> Vec<&str> {
        anomalies.iter().map(Anomaly::as_str).collect()
    }

    #[test]
    fn every_field_of_a_reply_is_read() {
        let (message, noted) = parse(&reply()).unwrap();
        assert_eq!(noted, []);
        assert_eq!((message.msg.raw(), message.xid, message.relays), ("REPLY", 0x12_3456, 0));
        assert!(message.cisco);
        assert_eq!(message.duid_hex.as_ref().unwrap().to_string(), "00030001003094c2d3fa");
        assert_eq!(message.ia_addr, [Ipv6Addr::from(SERVER); 2]);
        assert_eq!(message.vendor_class, Some("Cisco".into()));
        assert_eq!(message.tftp, [Ipv6Addr::from(SERVER); 2], "of enterprise 9 alone");
        assert_eq!(message.tftp_service_hex.as_ref().unwrap().to_string(), "78");
        let text = serde_json::to_string(&message).unwrap();
        assert!(text.contains(r#""xid":"0x00123456""#), "{text}");
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
    }

    #[test]
    fn a_stateless_request_and_an_unknown_type_are_told_apart() {
        let (message, noted) = parse(&message(11, &[])).unwrap();
        assert_eq!((message.msg.raw(), message.cisco, noted.len()), ("INFORMATION-REQUEST", false, 0));
        assert_eq!(parse(&[36, 0, 0, 1]).unwrap().0.msg.raw(), "36");
        for kind in [0, 37, 255] {
            assert!(parse(&[kind, 0, 0, 1]).is_none());
        }
    }

    #[test]
    fn of_a_relayed_message_the_innermost_is_read() {
        let (message, noted) = parse(&relayed(13, &relayed(13, &reply()))).unwrap();
        assert_eq!((message.msg.raw(), message.relays, message.tftp.len(), noted.len()), ("REPLY", 2, 2, 0));
        let (empty, noted) = parse(&relayed(12, &[])).unwrap();
        assert_eq!((empty.msg.raw(), empty.relays, empty.xid), ("RELAY-FORW", 1, 0));
        assert_eq!(texts(&noted), ["dhcpv6: relay without a relayed message"]);
        assert_eq!(texts(&parse(&relayed(12, &[1, 2])).unwrap().1), ["dhcpv6: relayed message cut off"]);
    }

    #[test]
    fn deep_nesting_ends_at_a_limit() {
        let mut octets = reply();
        for _ in 0..40 {
            octets = relayed(12, &octets);
        }
        let (read, noted) = parse(&octets).unwrap();
        assert_eq!((read.relays, read.msg.raw()), (32, "RELAY-FORW"));
        assert_eq!(texts(&noted), ["dhcpv6: more than 32 relays, the rest not read"]);
        // Associations within associations: only the outermost is opened.
        let mut nested = option(option::IA_ADDRESS, &[0; 24]);
        while nested.len() < 60_000 {
            nested = option(option::IA_TA, &[&[0; 4][..], &nested].concat());
        }
        assert!(parse(&message(1, &[nested])).unwrap().0.ia_addr.is_empty());
    }

    #[test]
    fn a_bad_option_does_not_hide_the_ones_behind_it() {
        let cisco = option(option::VENDOR_OPTIONS, &[&CISCO[..], &option(1, &SERVER)].concat());
        // 23: DNS servers of 15 bytes.
        let (message, noted) = parse(&message(7, &[option(23, &[0; 15]), cisco.clone()])).unwrap();
        assert_eq!((message.tftp.len(), noted.len()), (1, 0));
        for (bad, text) in [
            (option(3, &[0; 11]), "dhcpv6: option 3 has 11 octets, 12 at least"),
            (option(4, &[]), "dhcpv6: option 4 has 0 octets, 4 at least"),
            (option(3, &[0; 15]), "dhcpv6: address option cut off in its first 3 octets"),
            (option(16, &[0, 0, 0, 9, 0, 9, b'x']), "dhcpv6: vendor class without a whole string"),
            (
                option(17, &[0, 0, 0, 9, 0, 1, 0, 3, 1, 2, 3]),
                "dhcpv6: Cisco TFTP servers have 3 octets, no multiple of 16",
            ),
            (option(17, &[0, 0, 0, 9, 0, 1, 0, 3, 1]), "dhcpv6: Cisco option 1 cut off, 1 of 3 octets there"),
        ] {
            let (message, noted) = parse(&super::tests::message(7, &[bad, cisco.clone()])).unwrap();
            assert_eq!((message.tftp.len(), texts(&noted)), (1, vec![text]));
        }
    }

    #[test]
    fn a_message_cut_at_any_length_is_read_as_far_as_it_goes() {
        for whole in [reply(), relayed(13, &relayed(13, &reply()))] {
            let complete = parse(&whole).unwrap().0;
            let without_end = parse(&whole[..whole.len() - 1]).unwrap();
            assert_eq!((without_end.0.tftp.len(), without_end.1.is_empty()), (2, false));
            for len in 0..whole.len() {
                if let Some((message, noted)) = parse(&whole[..len]) {
                    assert!(complete.tftp.starts_with(&message.tftp), "cut at {len}");
                    assert!(message.relays > 0 || message.xid == complete.xid, "cut at {len}");
                    assert!(noted.len() <= 5, "cut at {len}: {noted:?}");
                    assert!(message.duid_hex.is_none() || message.duid_hex == complete.duid_hex, "cut at {len}");
                } else {
                    assert!(len < 34, "cut at {len}");
                }
            }
        }
    }

    #[test]
    fn the_work_for_one_message_is_bounded() {
        let many = option(option::IA_ADDRESS, &SERVER).repeat(3000);
        let ia = option(option::IA_TA, &[&[0; 4][..], &many].concat());
        assert_eq!(parse(&message(7, &[ia.clone(), ia])).unwrap().0.ia_addr.len(), 256);
        let bad = option(option::IA_NA, &[]).repeat(10_000);
        assert_eq!(parse(&message(7, &[bad])).unwrap().1.len(), 16);
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(octets in proptest::collection::vec(0u8..20, 0..400)) {
            if let Some((message, _)) = parse(&octets) {
                let text = serde_json::to_string(&message).unwrap();
                assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
            }
        }
    }
}
