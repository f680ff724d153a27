//! TLS (RFC 8446, 5246) as far as it is readable: who is asked for, who says it is there, and why it came to nothing.
//!
//! What phone and server say to each other inside is not readable, and nothing tries to. Up to TLS 1.2 the
//! certificates are, and that of a phone names it: `CP-7960G-SEP003094C2D3FA`, or `SEP003094C2D3FA`. Nothing is
//! verified.

use super::Anomaly;
use super::be::{u8_at, u16_at};
use crate::types::WireText;

/// What one message says: the `tls` of a `tcp` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Which one.
    pub message: Kind,
    /// Of a ClientHello the latest version that it offers, of a ServerHello the one taken: `1.2`; `3.0` is SSL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<WireText>,
    /// Name of the server that a ClientHello asks for (RFC 6066 section 3). Phones seldom name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<WireText>,
    /// Common name of the subject of the first certificate, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<WireText>,
    /// Common name of its issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<WireText>,
    /// What an alert says, in the words of RFC 8446 section 6 (`unknown_ca`), or its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<WireText>,
    /// `warning` or `fatal`, or its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<WireText>,
}

/// The messages that are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Kind {
    ClientHello,
    ServerHello,
    Certificate,
    Alert,
    /// The first record of what is not readable. Up to TLS 1.2 the handshake came to its end.
    ApplicationData,
}

impl Message {
    fn new(message: Kind) -> Message {
        Message { message, version: None, server_name: None, subject: None, issuer: None, alert: None, level: None }
    }

    /// The first record of application data.
    pub fn application_data() -> Message {
        Message::new(Kind::ApplicationData)
    }
}

/// Content types of records.
pub mod content {
    #![allow(missing_docs)]
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    pub const ALERT: u8 = 21;
    pub const HANDSHAKE: u8 = 22;
    pub const APPLICATION_DATA: u8 = 23;
}

/// Bytes of a record in front of its content.
pub const RECORD_HEADER: usize = 5;
/// Bytes of a handshake message in front of its body.
pub const HANDSHAKE_HEADER: usize = 4;
/// Longest text that is kept.
const MAX_TEXT: usize = 255;

/// Whether bytes begin like a TLS record: content type, version 3.x, a length that a record can have.
pub fn is_record(octets: &[u8]) -> bool {
    record(octets).is_some()
}

/// Content type and length of the content of the record that bytes begin with.
pub fn record(octets: &[u8]) -> Option<(u8, usize)> {
    match octets {
        [kind @ 20..=24, 3, 0..=4, high, low, ..] => {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            (len <= (1 << 14) + 2048).then_some((*kind, len))
        }
        _ => None,
    }
}

/// Type and length of the body of the handshake message that bytes begin with.
pub fn handshake(octets: &[u8]) -> Option<(u8, usize)> {
    match octets {
        [kind, a, b, c, ..] => {
            let len = u32::from_be_bytes([0, *a, *b, *c]);
            Some((*kind, usize::try_from(len).ok()?))
        }
        _ => None,
    }
}

/// Reads the body of a handshake message. `None`: not one that is told.
pub fn parse_handshake(kind: u8, body: &[u8]) -> Option<(Message, Vec<Anomaly>)> {
    let mut anomalies = Vec::new();
    let message = match kind {
        1 => client_hello(body, &mut anomalies),
        2 => server_hello(body, &mut anomalies),
        11 => certificate(body, &mut anomalies),
        _ => return None,
    };
    Some((message, anomalies))
}

/// Reads the content of an alert record. `None`: it is encrypted.
pub fn parse_alert(content: &[u8]) -> Option<Message> {
    let &[level, description] = content else { return None };
    let level = match level {
        1 => "warning".into(),
        2 => "fatal".into(),
        other => WireText::from(other.to_string().as_str()),
    };
    let alert = alert_name(description).map_or_else(|| description.to_string().as_str().into(), WireText::from);
    Some(Message { alert: Some(alert), level: Some(level), ..Message::new(Kind::Alert) })
}

/// A length-prefixed part and what follows it; the length has `N` bytes. A part that is cut off is as much of it as
/// is there, and noted.
fn part<'a, const N: usize>(rest: &mut &'a [u8], what: &str, anomalies: &mut Vec<Anomaly>) -> Option<&'a [u8]> {
    let (prefix, after) = rest.split_first_chunk::<N>()?;
    let len = prefix.iter().fold(0usize, |len, octet| len << 8 | usize::from(*octet));
    let (part, after) = after.split_at_checked(len).unwrap_or_else(|| {
        if anomalies.is_empty() {
            anomalies.push(Anomaly::new(format!("tls: {what} cut off, {} of {len} octets there", after.len())));
        }
        (after, &[])
    });
    *rest = after;
    Some(part)
}

/// RFC 8446 section 4.1.2: version, random, session id, cipher suites, compression methods, extensions.
fn client_hello(body: &[u8], anomalies: &mut Vec<Anomaly>) -> Message {
    let mut message = Message::new(Kind::ClientHello);
    message.version = u16_at(body, 0).and_then(version);
    let mut rest = body.get(34..).unwrap_or_default();
    let before_extensions = part::<1>(&mut rest, "session id", anomalies)
        .and_then(|_| part::<2>(&mut rest, "list of ciphers", anomalies))
        .and_then(|_| part::<1>(&mut rest, "list of compressions", anomalies));
    if before_extensions.is_none() {
        anomalies.push(Anomaly::fixed("tls: ClientHello cut off"));
        return message;
    }
    let Some(mut extensions) = part::<2>(&mut rest, "list of extensions", anomalies) else { return message };
    while let Some((kind, value)) = extension(&mut extensions, anomalies) {
        match kind {
            // One name of type 0, in a list.
            0 if message.server_name.is_none() => {
                let name = value.get(2..).filter(|list| list.starts_with(&[0]));
                let name = name.and_then(|list| part::<2>(&mut list.get(1..)?, "server name", anomalies));
                message.server_name = name.filter(|name| !name.is_empty()).map(text);
            }
            43 => {
                let versions = value.get(1..).unwrap_or_default().chunks_exact(2);
                let latest = versions.filter_map(|v| u16_at(v, 0)).filter(|v| version(*v).is_some()).max();
                message.version = latest.and_then(version).or(message.version);
            }
            _ => {}
        }
    }
    message
}

/// RFC 8446 section 4.1.3: version, random, session id, cipher, compression, extensions.
fn server_hello(body: &[u8], anomalies: &mut Vec<Anomaly>) -> Message {
    let mut message = Message::new(Kind::ServerHello);
    message.version = u16_at(body, 0).and_then(version);
    let mut rest = body.get(34..).unwrap_or_default();
    if part::<1>(&mut rest, "session id", anomalies).is_none() || rest.len() < 3 {
        anomalies.push(Anomaly::fixed("tls: ServerHello cut off"));
        return message;
    }
    rest = rest.get(3..).unwrap_or_default();
    let Some(mut extensions) = part::<2>(&mut rest, "list of extensions", anomalies) else { return message };
    while let Some((kind, value)) = extension(&mut extensions, anomalies) {
        if kind == 43 {
            message.version = u16_at(value, 0).and_then(version).or(message.version);
        }
    }
    message
}

fn extension<'a>(rest: &mut &'a [u8], anomalies: &mut Vec<Anomaly>) -> Option<(u16, &'a [u8])> {
    let kind = u16_at(rest, 0)?;
    *rest = rest.get(2..)?;
    Some((kind, part::<2>(rest, "extension", anomalies)?))
}

/// RFC 5246 section 7.4.2: a list of certificates, the sender's own first.
fn certificate(body: &[u8], anomalies: &mut Vec<Anomaly>) -> Message {
    let mut message = Message::new(Kind::Certificate);
    let mut rest = body;
    let Some(mut list) = part::<3>(&mut rest, "list of certificates", anomalies) else {
        anomalies.push(Anomaly::fixed("tls: Certificate cut off"));
        return message;
    };
    let Some(first) = part::<3>(&mut list, "certificate", anomalies) else { return message };
    match names(first) {
        Some((issuer, subject)) => {
            message.issuer = common_name(issuer);
            message.subject = common_name(subject);
        }
        None if anomalies.is_empty() => anomalies.push(Anomaly::fixed("tls: certificate that can not be read")),
        None => {}
    }
    message
}

/// Issuer and subject of a certificate (RFC 5280 section 4.1).
fn names(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (certificate, _) = der(certificate, SEQUENCE)?;
    let (tbs, _) = der(certificate, SEQUENCE)?;
    // The version is left out where it is 1.
    let rest = der(tbs, 0xa0).map_or(tbs, |(_, rest)| rest);
    let (_, rest) = der(rest, INTEGER)?;
    let (_, rest) = der(rest, SEQUENCE)?;
    let (issuer, rest) = der(rest, SEQUENCE)?;
    let (_, rest) = der(rest, SEQUENCE)?;
    let (subject, _) = der(rest, SEQUENCE)?;
    Some((issuer, subject))
}

/// The first common name (2.5.4.3) of a distinguished name: a sequence of sets of pairs of kind and value.
fn common_name(name: &[u8]) -> Option<WireText> {
    let mut rest = name;
    while let Some((set, after)) = der(rest, SET) {
        rest = after;
        let mut pairs = set;
        while let Some((pair, after)) = der(pairs, SEQUENCE) {
            pairs = after;
            if let Some(([0x55, 0x04, 0x03], value)) = der(pair, OBJECT_ID)
                && let [tag, ..] = value
                && let Some((value, _)) = der(value, *tag)
                && !value.is_empty()
            {
                return Some(text(value));
            }
        }
    }
    None
}

const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// The content of a DER element of this tag, and what follows it (X.690 section 8.1). Lengths of up to three bytes.
fn der(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = octets.split_first()?;
    if *first != tag {
        return None;
    }
    let (len, rest) = match u8_at(rest, 0)? {
        short @ 0..=0x7f => (usize::from(short), rest.get(1..)?),
        long @ 0x81..=0x83 => {
            let (len, rest) = rest.get(1..)?.split_at_checked(usize::from(long & 3))?;
            (len.iter().fold(0, |n, octet| n << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

fn text(octets: &[u8]) -> WireText {
    WireText::from_bytes(octets.get(..MAX_TEXT).unwrap_or(octets))
}

fn version(number: u16) -> Option<WireText> {
    let name = match number {
        0x0300 => "3.0",
        0x0301 => "1.0",
        0x0302 => "1.1",
        0x0303 => "1.2",
        0x0304 => "1.3",
        _ => return None,
    };
    Some(name.into())
}

fn alert_name(description: u8) -> Option<&'static str> {
    Some(match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => return None,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A DER element.
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let len = u16::try_from(content.len()).unwrap().to_be_bytes();
        match content.len() {
            0..=0x7f => [&[tag, len[1]], content].concat(),
            0x80..=0xff => [&[tag, 0x81, len[1]], content].concat(),
            _ => [&[tag, 0x82, len[0], len[1]], content].concat(),
        }
    }

    fn name(organisation: &str, common: &str) -> Vec<u8> {
        let pair = |oid: &[u8], tag, text: &str| {
            let pair = [element(OBJECT_ID, oid), element(tag, text.as_bytes())].concat();
            element(SET, &element(SEQUENCE, &pair))
        };
        let mut sets = pair(&[0x55, 4, 10], 0x0c, organisation);
        if !common.is_empty() {
            sets.extend(pair(&[0x55, 4, 3], 0x13, common));
        }
        element(SEQUENCE, &sets)
    }

    /// A Certificate message: one certificate without a key.
    pub(crate) fn certificate_message(issuer: &str, subject: &str) -> Vec<u8> {
        let algorithm = element(SEQUENCE, &element(OBJECT_ID, &[0x2a, 0x86, 0x48]));
        let validity = element(SEQUENCE, &element(0x17, b"030101000000Z"));
        let tbs = [
            element(0xa0, &element(INTEGER, &[2])),
            element(INTEGER, &[1, 2, 3]),
            algorithm.clone(),
            name("Example", issuer),
            validity,
            name("Example", subject),
        ];
        let certificate = element(SEQUENCE, &[element(SEQUENCE, &tbs.concat()), algorithm].concat());
        message(11, &with_length::<3>(&with_length::<3>(&certificate)))
    }

    fn with_length<const N: usize>(octets: &[u8]) -> Vec<u8> {
        let len = octets.len().to_be_bytes();
        [&len[len.len() - N..], octets].concat()
    }

    /// A handshake message.
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [vec![kind], with_length::<3>(body)].concat()
    }

    /// A ClientHello of TLS 1.2 that asks for a server.
    pub(crate) fn client_hello_message(server: &str) -> Vec<u8> {
        let name = with_length::<2>(&[vec![0], with_length::<2>(server.as_bytes())].concat());
        let extensions = [[0, 23, 0, 0].to_vec(), vec![0, 0], with_length::<2>(&name)].concat();
        let body = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0, 0x2f], &[1, 0], &with_length::<2>(&extensions)].concat();
        message(1, &body)
    }

    /// A record.
    pub(crate) fn record_of(content: u8, octets: &[u8]) -> Vec<u8> {
        [&[content, 3, 1], &with_length::<2>(octets)[..]].concat()
    }

    fn read(message: &[u8]) -> (Message, Vec<Anomaly>) {
        let (kind, len) = handshake(message).unwrap();
        assert_eq!(len, message.len() - HANDSHAKE_HEADER);
        parse_handshake(kind, &message[HANDSHAKE_HEADER..]).unwrap()
    }

    #[test]
    fn a_client_hello_is_a_record_and_sccp_is_not() {
        assert!(is_record(&[0x16, 3, 1, 1, 0, 0x6b, 1]));
        assert!(!is_record(&[0x16, 3, 1, 0xff, 0xff]));
        assert!(!is_record(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!is_record(&[0x16, 3, 1, 0]));
        assert!(!is_record(b""));
    }

    #[test]
    fn a_client_hello_tells_version_and_server() {
        let (hello, anomalies) = read(&client_hello_message("cm1.example.com"));
        assert_eq!((hello.message, anomalies.len()), (Kind::ClientHello, 0));
        assert_eq!(hello.version.unwrap().raw(), "1.2");
        assert_eq!(hello.server_name.unwrap().raw(), "cm1.example.com");
        // Without extensions, as early phones send it.
        let body = [&[3, 1][..], &[7; 32], &[0], &[0, 2, 0, 0x2f], &[1, 0]].concat();
        let (hello, anomalies) = read(&message(1, &body));
        assert_eq!((hello.version.unwrap().raw(), hello.server_name, anomalies.len()), ("1.0", None, 0));
        // Versions in an extension: GREASE, 1.2, 1.3 (RFC 8446 section 4.2.1, RFC 8701).
        let versions = with_length::<2>(&with_length::<1>(&[0x3a, 0x3a, 3, 3, 3, 4]));
        let body = [&body[..], &with_length::<2>(&[vec![0, 43], versions].concat())].concat();
        assert_eq!(read(&message(1, &body)).0.version.unwrap().raw(), "1.3");
    }

    #[test]
    fn a_server_hello_tells_the_version_taken() {
        let body = [&[3, 2][..], &[7; 32], &[1, 9], &[0, 0x2f, 0]].concat();
        let (hello, anomalies) = read(&message(2, &body));
        assert_eq!((hello.message, hello.version.unwrap().raw(), anomalies.len()), (Kind::ServerHello, "1.1", 0));
        let body = [&[3, 3][..], &[7; 32], &[0], &[0x13, 1, 0], &[0, 6, 0, 43, 0, 2, 3, 4]].concat();
        assert_eq!(read(&message(2, &body)).0.version.unwrap().raw(), "1.3");
    }

    #[test]
    fn a_certificate_tells_its_names() {
        let (told, anomalies) = read(&certificate_message("Manufacturing CA", "CP-7960G-SEP003094C2D3FA"));
        assert_eq!((told.message, anomalies.len()), (Kind::Certificate, 0));
        assert_eq!(told.subject.unwrap().raw(), "CP-7960G-SEP003094C2D3FA");
        assert_eq!(told.issuer.unwrap().raw(), "Manufacturing CA");
        let (told, anomalies) = read(&certificate_message("", &"x".repeat(300)));
        assert_eq!((told.issuer, told.subject.unwrap().raw().len(), anomalies.len()), (None, 255, 0));
        // A client that has none sends an empty list.
        let (told, anomalies) = read(&message(11, &[0, 0, 0]));
        assert_eq!((told.subject, anomalies.len()), (None, 0));
        let (_, anomalies) = read(&message(11, &[0, 0, 5, 0, 0, 2, 0x30, 0x80]));
        assert_eq!(anomalies[0].as_str(), "tls: certificate that can not be read");
    }

    #[test]
    fn an_alert_has_a_name_unless_it_is_encrypted() {
        let alert = parse_alert(&[2, 48]).unwrap();
        assert_eq!((alert.level.unwrap().raw(), alert.alert.unwrap().raw()), ("fatal", "unknown_ca"));
        let alert = parse_alert(&[9, 200]).unwrap();
        assert_eq!((alert.level.unwrap().raw(), alert.alert.unwrap().raw()), ("9", "200"));
        assert_eq!(parse_alert(&[0; 24]), None);
        assert_eq!(parse_alert(&[1]), None);
        let text = serde_json::to_string(&parse_alert(&[1, 0]).unwrap()).unwrap();
        assert_eq!(text, r#"{"message":"alert","alert":"close_notify","level":"warning"}"#);
    }

    #[test]
    fn cut_or_corrupted_messages_are_read_as_far_as_possible() {
        for whole in [client_hello_message("cm1.example.com"), certificate_message("CA", "SEP003094C2D3FA")] {
            let complete = parse_handshake(whole[0], &whole[4..]).unwrap().0;
            for len in 4..whole.len() {
                let (message, anomalies) = parse_handshake(whole[0], &whole[4..len]).unwrap();
                assert!(message.subject.is_none() || message.subject == complete.subject, "cut at {len}");
                assert!(anomalies.len() <= 2 && (!anomalies.is_empty() || len >= 45), "cut at {len}");
            }
            for at in 4..whole.len() {
                for value in [0, 1, 0x7f, 0x80, 0x83, 0x84, 0xff] {
                    let mut hostile = whole.clone();
                    hostile[at] = value;
                    parse_handshake(hostile[0], &hostile[4..]).unwrap();
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(kind in 0u8..13, octets in proptest::collection::vec(0u8.., 0..300)) {
            if let Some((message, anomalies)) = parse_handshake(kind, &octets) {
                assert!(anomalies.len() <= 2);
                let text = serde_json::to_string(&message).unwrap();
                assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
            }
        }
    }
}
