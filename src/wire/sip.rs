//! SIP REGISTER and its answers (RFC 3261), as far as they tell who registers where with what outcome.

use super::Anomaly;
use super::http::{fields, head_len};
use crate::types::{Mac, WireText};

/// The body of a `sip` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Method: of a request, and of an answer by its CSeq.
    pub method: WireText,
    /// Status of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Device name (`SEP…`), from Contact, Call-ID or the cisco-alarm text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<WireText>,
    /// `Reason` header: the cisco-alarm text where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<WireText>,
    /// Expires: 0 is an unregistration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u32>,
    /// Reason phrase of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<WireText>,
}

/// Header fields looked at in one message, at most.
const MAX_FIELDS: usize = 256;

/// Whether bytes begin like a SIP request or answer.
pub fn is_likely(octets: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"REGISTER ", b"OPTIONS ", b"INVITE ", b"ACK ", b"BYE ", b"CANCEL ", b"NOTIFY ", b"SUBSCRIBE ", b"REFER "];
    octets.starts_with(b"SIP/2.0 ") || METHODS.iter().any(|m| octets.starts_with(m))
}

/// Bytes of the body, by Content-Length; `None` where the field is absent or no number.
pub fn content_length(head: &[u8]) -> Option<usize> {
    fields(head)
        .find(|(name, _)| matches!(name.as_str(), "content-length" | "l"))
        .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok())
}

/// Reads a REGISTER, or an answer to one; `None` for everything else.
pub fn parse(payload: &[u8]) -> Option<(Message, Vec<Anomaly>)> {
    let mut anomalies = Vec::new();
    let head = match head_len(payload) {
        Some(len) => payload.get(..len)?,
        None => {
            anomalies.push(Anomaly::fixed("sip: the end of the header is missing"));
            // Half a line can hold half a number.
            payload.get(..payload.iter().rposition(|b| *b == b'\n')?)?
        }
    };
    let line = head.split(|b| *b == b'\n').next()?.trim_ascii();
    let answer = line.strip_prefix(b"SIP/2.0 ");
    let (status, phrase) = match answer {
        Some(rest) => {
            let status: u16 = std::str::from_utf8(rest.first_chunk::<3>()?).ok()?.parse().ok()?;
            (Some(status), Some(WireText::from_bytes(rest.get(3..)?.trim_ascii())).filter(|p| !p.is_empty()))
        }
        None if line.starts_with(b"REGISTER ") && line.ends_with(b" SIP/2.0") => (None, None),
        None => return None,
    };
    let mut method = None;
    let mut device = Found::default();
    let mut reason = None;
    let mut expires = None;
    let mut contact_expires = None;
    for (name, value) in fields(head).take(MAX_FIELDS) {
        match name.as_str() {
            "cseq" => method = value.split(|b| *b == b' ').next_back().map(<[u8]>::to_vec),
            "contact" | "m" => {
                device.look(0, value);
                contact_expires = contact_expires.or_else(|| number_after(value, b"expires="));
            }
            "from" | "f" => device.look(1, value),
            "to" | "t" => device.look(2, value),
            "call-id" | "i" => device.look(3, value),
            "user-agent" => device.look(4, value),
            "reason" => {
                device.look(5, value);
                // Two are possible; the one with the phone's own words counts (RFC 3326).
                if reason.is_none() || find(value, b"cisco-alarm").is_some() {
                    reason = Some(reason_text(value));
                }
            }
            "expires" => expires = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()),
            _ => {}
        }
    }
    if answer.is_some() && method.as_deref() != Some(b"REGISTER") {
        return None;
    }
    let message = Message {
        method: "REGISTER".into(),
        status,
        device: device.name.map(|(_, name)| WireText::from(name.as_str())),
        reason,
        expires: contact_expires.or(expires),
        phrase,
    };
    Some((message, anomalies))
}

/// A device name and how good its place is: lower is better.
#[derive(Default)]
struct Found {
    name: Option<(u8, String)>,
}

impl Found {
    fn look(&mut self, rank: u8, value: &[u8]) {
        if self.name.as_ref().is_none_or(|(best, _)| rank < *best)
            && let Some(name) = device_name(value)
        {
            self.name = Some((rank, name));
        }
    }
}

/// `SEP` and twelve hexadecimal digits, or the MAC address at the end of an instance id that is otherwise zero
/// (`urn:uuid:00000000-0000-0000-0000-003094c2d3fa`).
fn device_name(value: &[u8]) -> Option<String> {
    let named = value.windows(15).find_map(|w| Mac::from_device_name(std::str::from_utf8(w).ok()?));
    let by_instance = || {
        const ZERO: &[u8] = b"uuid:00000000-0000-0000-0000-";
        let digits = value.get(find(value, ZERO)? + ZERO.len()..)?.first_chunk::<12>()?;
        format!("SEP{}", std::str::from_utf8(digits).ok()?).parse().ok()
    };
    named.or_else(by_instance).map(Mac::device_name)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

fn number_after(value: &[u8], key: &[u8]) -> Option<u32> {
    let value = value.to_ascii_lowercase();
    let digits = value.get(find(&value, key)? + key.len()..)?;
    let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(digits.get(..end)?).ok()?.parse().ok()
}

/// The quoted text of a Reason field where there is one, or else the whole field.
fn reason_text(value: &[u8]) -> WireText {
    let quoted = find(value, b"text=\"").and_then(|at| value.get(at + 6..));
    match quoted {
        Some(text) => WireText::from_bytes(text.split(|b| *b == b'"').next().unwrap_or_default()),
        None => WireText::from_bytes(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTER: &str = "REGISTER sip:10.1.1.5 SIP/2.0\r\n\
        Via: SIP/2.0/TCP 10.1.1.20:49152;branch=z9hG4bK1\r\n\
        From: <sip:1001@10.1.1.5>;tag=003094c2d3fa0002\r\n\
        To: <sip:1001@10.1.1.5>\r\n\
        Call-ID: 003094c2-d3fa0002-1@10.1.1.20\r\n\
        CSeq: 101 REGISTER\r\n\
        User-Agent: Cisco-CP7975G/9.4.2\r\n\
        Contact: <sip:uid@10.1.1.20:49152;transport=tcp>;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-\
        003094c2d3fa>\";+u.sip!devicename.ccm.cisco.com=\"SEP003094C2D3FA\";+u.sip!model.ccm.cisco.com=\"437\"\r\n\
        Reason: SIP;cause=200;text=\"cisco-alarm:25 Name=SEP003094C2D3FA ActiveLoad=SIP75.9-4-2 Last=initialized\"\r\n\
        Expires: 3600\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn a_register_tells_device_reason_and_expiry() {
        let (message, anomalies) = parse(REGISTER.as_bytes()).unwrap();
        assert!(anomalies.is_empty());
        assert_eq!(message.method.raw(), "REGISTER");
        assert_eq!(message.device.unwrap().raw(), "SEP003094C2D3FA");
        assert!(message.reason.unwrap().raw().starts_with("cisco-alarm:25 Name=SEP003094C2D3FA ActiveLoad="));
        assert_eq!((message.status, message.expires), (None, Some(3600)));
        assert_eq!(content_length(REGISTER.as_bytes()), Some(0));
    }

    #[test]
    fn an_instance_id_names_the_device_too() {
        let text = REGISTER.replace("SEP003094C2D3FA", "x");
        assert_eq!(parse(text.as_bytes()).unwrap().0.device.unwrap().raw(), "SEP003094C2D3FA");
    }

    #[test]
    fn an_answer_counts_only_where_it_answers_a_register() {
        let answer = "SIP/2.0 404 Not Found\r\nf: <sip:SEP003094c2d3fa@h>\r\nCSeq: 101 REGISTER\r\n\
                      m: <sip:a>;Expires=0\r\nl: 0\r\n\r\n";
        let (message, _) = parse(answer.as_bytes()).unwrap();
        assert_eq!((message.status, message.expires), (Some(404), Some(0)));
        assert_eq!(message.phrase.unwrap().raw(), "Not Found");
        assert_eq!(message.device.unwrap().raw(), "SEP003094C2D3FA");
        assert_eq!(parse(answer.replace("REGISTER", "INVITE").as_bytes()), None);
        assert_eq!(parse(b"INVITE sip:a SIP/2.0\r\n\r\n"), None);
    }

    #[test]
    fn a_message_cut_anywhere_is_read_without_a_wrong_device() {
        for end in 0..REGISTER.len() {
            if let Some((message, anomalies)) = parse(&REGISTER.as_bytes()[..end]) {
                assert!(!anomalies.is_empty(), "{end}");
                assert!(message.device.is_none_or(|d| d.raw() == "SEP003094C2D3FA"), "{end}");
                assert!(message.expires.is_none_or(|e| e == 3600), "{end}");
            }
        }
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"SIP/2.0 2"), None);
        assert_eq!(parse(b"SIP/2.0 \xff\xff\xff\r\nCSeq: REGISTER\r\n\r\n"), None);
    }
}
