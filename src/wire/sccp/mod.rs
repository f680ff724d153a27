//! SCCP ("Skinny") messages; there is no RFC, the source is the project's wire reference with its vectors.
//!
//! [`Header`] frames a stream, [`parse_message`] reads one message, [`find_message`] finds the next one after a loss.

use std::net::IpAddr;

use super::Anomaly;
use crate::types::WireText;

mod alarm;
mod device_types;
mod layouts;
mod names;
mod reject;
mod roles;

pub use alarm::{AlarmText, xml_value};
pub use device_types::{device_type_name, device_type_of_model, is_phone_type};
pub use layouts::{ConfigStat, ConfigStatV2, MediaFailure, Payload, Register, RegisterAck, ServerRes, TokenRequest};
pub use names::message_name;
pub use roles::{Subject, subject};

/// Bytes of the header: length, version and message id, each little-endian.
pub const HEADER_LEN: usize = 12;
/// Greatest length word that is believed. Longer ones mean that the place in the stream is lost: the largest message
/// known has 2416 bytes, and waiting for 4 GiB is the classic failure of a decoder.
pub const MAX_LENGTH: u32 = 8192;
/// Greatest header version that is believed.
const MAX_VERSION: u32 = 0x20;

/// One message: the body of an `sccp` event (contract section 5).
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Message id.
    #[serde(with = "crate::types::hex::message_id")]
    pub id: u32,
    /// Name of the message; absent where the id has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<WireText>,
    /// Length word of the header: message id and payload.
    pub length: u32,
    /// Header version word; 0 is left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub header_version: u32,
    /// Device name of Register, token requests, ConfigStat answers; and of an Alarm by its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<WireText>,
    /// Device type of Register and token requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<u32>,
    /// Station address of Register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station_ip: Option<IpAddr>,
    /// Protocol version of Register and RegisterAck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<u8>,
    /// The load it runs: of Register, and of an Alarm by its `Load=`; as the wire spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<WireText>,
    /// Text of RegisterReject, as sent up to the first NUL; prompt tokens stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_text: Option<WireText>,
    /// What a reject text of prompt tokens means, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_meaning: Option<WireText>,
    /// Text of an Alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_text: Option<WireText>,
    /// `Last=` of an Alarm: why the phone lost its registration before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reason: Option<WireText>,
    /// Number in front of an Alarm's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_number: Option<u32>,
    /// Severity of an Alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u32>,
    /// Text of VersionRes: the load that the CallManager wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_text: Option<WireText>,
    /// Reset: 1 reset, 2 restart, 3 apply configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_type: Option<u32>,
    /// Keepalive interval of RegisterAck, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_s: Option<u32>,
    /// Seconds to wait of a token reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u32>,
    /// Status of UnregisterAck: 0 is ok.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// Server name of a ConfigStat answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<WireText>,
    /// `ReasonForOutOfService` of an XML alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml_reason: Option<WireText>,
    /// Bytes of this direction that are missing before this message.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing_before: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Why bytes are no SCCP header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// The length is less than the message id needs.
    LengthBelow4,
    /// The length is above [`MAX_LENGTH`].
    LengthAboveLimit,
    /// The header version is none that any sender is known or expected to use.
    UnknownHeaderVersion,
    /// Neither length nor version fit: this is another protocol.
    NotSccp,
}

/// The first twelve bytes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Bytes that follow the version word: message id and payload.
    pub length: u32,
    /// 0, or the protocol version agreed on.
    pub version: u32,
    /// Message id.
    pub id: u32,
}

impl Header {
    /// Reads a header; `None` where there are fewer than twelve bytes.
    pub fn read(octets: &[u8]) -> Option<Header> {
        let word = |at: usize| octets.get(at..)?.first_chunk::<4>().map(|w| u32::from_le_bytes(*w));
        Some(Header { length: word(0)?, version: word(4)?, id: word(8)? })
    }

    /// Whether it can head a message at all.
    ///
    /// # Errors
    /// Where length or version are out of bounds; unknown ids are values, not errors.
    pub fn check(&self) -> Result<(), HeaderError> {
        let version_fits = self.version <= MAX_VERSION;
        match self.length {
            4..=MAX_LENGTH if version_fits => Ok(()),
            4..=MAX_LENGTH => Err(HeaderError::UnknownHeaderVersion),
            _ if !version_fits => Err(HeaderError::NotSccp),
            0..4 => Err(HeaderError::LengthBelow4),
            _ => Err(HeaderError::LengthAboveLimit),
        }
    }

    /// Bytes of the whole message, header included.
    pub fn message_len(&self) -> usize {
        usize::try_from(self.length).unwrap_or(usize::MAX).saturating_add(8)
    }

    /// Whether the version is one that was seen on the wire.
    fn has_known_version(&self) -> bool {
        matches!(self.version, 0 | 0x0a | 0x0b | 0x0f..=0x16)
    }

    /// Whether this is very likely the start of a message: known version, known id, a length that the id can have.
    /// For the start of a segment, where messages normally start.
    pub fn is_likely(&self) -> bool {
        self.check().is_ok() && self.has_known_version() && names::is_usual_payload(self.id, self.length - 4)
    }

    /// Whether this is the start of a message even where nothing says that one starts here.
    fn is_exact(&self) -> bool {
        self.check().is_ok() && self.has_known_version() && names::is_exact_payload(self.id, self.length - 4)
    }
}

/// Where the first message starts in bytes that may begin in the middle of one.
///
/// Accepts an offset only where a whole message follows that is [exact](Header::is_exact), and behind it the end of
/// `bytes` or another such header: the header test alone takes runs of zeros for keepalives.
pub fn find_message(octets: &[u8]) -> Option<usize> {
    let last = octets.len().checked_sub(HEADER_LEN)?;
    (0..=last).find(|at| {
        let exact = |at: usize| octets.get(at..).and_then(Header::read).filter(Header::is_exact);
        exact(*at).is_some_and(|header| {
            let end = at + header.message_len();
            end == octets.len() || exact(end).is_some()
        })
    })
}

/// Whether `bytes` are nothing but whole messages, one behind the other, from the first byte to the last.
/// `len` is how many bytes there were on the wire: the last message may be cut off by the snap length.
pub fn is_whole_messages(octets: &[u8], len: usize) -> bool {
    let mut at = 0;
    while at < len {
        match octets.get(at..).and_then(Header::read).filter(Header::is_likely) {
            Some(header) => at += header.message_len(),
            None => return false,
        }
    }
    at == len && len > 0
}

/// Reads one message that starts at the first byte. Bytes behind it are left alone; where some of it is missing,
/// what is there is read, and an anomaly says so. `None`: not even the header is there.
///
/// # Errors
/// Where the header is none.
pub fn parse_message(octets: &[u8]) -> Option<Result<(Message, Vec<Anomaly>), HeaderError>> {
    let header = Header::read(octets)?;
    Some(header.check().map(|()| read(header, octets)))
}

fn read(header: Header, octets: &[u8]) -> (Message, Vec<Anomaly>) {
    let mut anomalies = Vec::new();
    let payload = Payload::new(octets.get(HEADER_LEN..).unwrap_or_default(), header.message_len() - HEADER_LEN);
    if !header.has_known_version() {
        anomalies.push(Anomaly::new(format!("sccp: header version {} was never seen before", header.version)));
    }
    if payload.is_cut() {
        let (have, all) = (payload.octets().len() + HEADER_LEN, header.message_len());
        anomalies.push(Anomaly::new(format!("sccp: {have} of the message's {all} octets are here")));
    }
    let name = message_name(header.id);
    if name.is_none() {
        anomalies.push(Anomaly::new(format!("sccp: message id 0x{:04x} is unknown", header.id)));
    }
    let mut message = Message {
        id: header.id,
        name: name.map(WireText::from),
        length: header.length,
        header_version: header.version,
        ..Message::default()
    };
    fill(&mut message, payload);
    (message, anomalies)
}

fn fill(message: &mut Message, payload: Payload<'_>) {
    match message.id {
        0x0001 => {
            let register = Register(payload);
            message.device = register.device_name();
            message.device_type = register.device_type();
            message.station_ip = register.station_ip();
            message.protocol_version = register.protocol_version();
            message.load = register.load();
        }
        0x0020 => fill_alarm(message, payload),
        0x0029 | 0x8000 => {
            let request = TokenRequest(payload);
            message.device = request.device_name();
            message.device_type = request.device_type();
        }
        0x0081 => {
            let ack = RegisterAck(payload);
            message.keepalive_s = ack.keepalive_secs();
            message.protocol_version = ack.protocol_version();
        }
        0x0093 => {
            message.device = ConfigStat(payload).device_name();
            message.server_name = ConfigStat(payload).server_name();
        }
        0x0142 => {
            message.device = ConfigStatV2(payload).device_name();
            message.server_name = ConfigStatV2(payload).server_name();
        }
        // An empty one is an answer too: this server leaves the load to the configuration file.
        0x0098 => message.version_text = payload.string(0, 16).map(WireText::from_bytes),
        0x009d => {
            // Where the capture lost its end, the beginning is better than nothing.
            let whole = payload.string(0, payload.declared());
            let text = whole.or(Some(payload.octets()).filter(|t| !t.is_empty()));
            message.reject_meaning = text.and_then(reject::meaning).map(|m| WireText::from(m.as_str()));
            message.reject_text = text.map(WireText::from_bytes);
        }
        0x009f => message.reset_type = payload.u32(0),
        0x0118 => message.status = payload.u32(0),
        0x011b | 0x8101 => message.wait_s = payload.u32(0),
        0x015a => {
            let xml = WireText::until_nul(payload.octets());
            message.device = xml_value(xml.raw(), "DeviceName").map(WireText::from);
            message.xml_reason = xml_value(xml.raw(), "ReasonForOutOfService").map(WireText::from);
        }
        _ => {}
    }
}

fn fill_alarm(message: &mut Message, payload: Payload<'_>) {
    message.severity = payload.u32(0);
    // Half a text is shown as it is, only its values are not relied on; a device name is read whole or not at all.
    let rest = payload.octets().get(4..).unwrap_or_default();
    let field = rest.get(..80).unwrap_or(rest);
    let cut = payload.is_cut() && field.len() < 80 && !field.contains(&0);
    let text = WireText::until_nul(field);
    let parsed = AlarmText::parse(text.raw(), cut);
    message.alarm_number = parsed.number;
    message.device = parsed.name.map(WireText::from);
    message.load = parsed.load.map(WireText::from);
    message.last_reason = parsed.last.map(WireText::from);
    message.alarm_text = Some(text).filter(|t| !t.is_empty());
}

#[cfg(test)]
mod vectors;
