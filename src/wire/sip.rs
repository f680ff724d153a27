//! SIP REGISTER and its answers (RFC 3261), as far as they tell who registers where with what outcome.

use super::Anomaly;
use super::http::{fields, head_len};
use crate::types::{Mac, WireText};

/// The body of a `sip` event.
///
/// Who sends it follows from the message alone: a request comes from the phone, a message with a status goes to it.
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
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
    /// Expires: 0 is an unregistration, or a probe of a router that stands by (SRST).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u32>,
    /// Reason phrase of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phrase: Option<WireText>,
    /// `Call-ID`: the same for a request, its answers, and all registrations of one boot. An answer belongs to the
    /// request with the same Call-ID and [`Message::cseq`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<WireText>,
    /// Number of the `CSeq` header; its method is [`Message::method`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cseq: Option<u32>,
    /// Host of the first `Via` header: the phone, as it knows itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_host: Option<WireText>,
    /// Port of the first `Via` header: answers over UDP go there (RFC 3261 section 18.2.2). `None`: not said, so 5060.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_port: Option<u16>,
    /// Transport of the first `Via` header: UDP, TCP, TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<WireText>,
    /// The first `Via` header has the parameter `rport`: answers go to the port that the request came from (RFC 3581).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub via_rport: bool,
    /// Host of the first `Contact` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_host: Option<WireText>,
    /// Port of the first `Contact` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_port: Option<u16>,
    /// Text of the `Warning` header, or the whole header where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<WireText>,
    /// `User-Agent` of a request, `Server` of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<WireText>,
    /// A request with `Authorization` or `Proxy-Authorization`: a second try after a challenge. What these headers hold
    /// is never kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authorization: bool,
    /// An answer with `WWW-Authenticate` or `Proxy-Authenticate`: the registrar asks for a password.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub challenge: bool,
    /// The end of the header is not in the capture: an answer may lack what it is known by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// `Retry-After` of an answer, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
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
    let cut = !anomalies.is_empty();
    let mut message = Message { method: "REGISTER".into(), status, phrase, cut, ..Message::default() };
    let mut method = None;
    let mut device = Found::default();
    let mut expires = None;
    let mut contact_expires = None;
    let mut first_via = true;
    for (name, value) in fields(head).take(MAX_FIELDS) {
        match name.as_str() {
            "cseq" => {
                method = value.split(|b| *b == b' ').next_back().map(<[u8]>::to_vec);
                message.cseq = number(value.split(|b| *b == b' ').next().unwrap_or_default());
            }
            "contact" | "m" => {
                device.look(0, value);
                contact_expires = contact_expires.or_else(|| number_after(value, b"expires="));
                if message.contact_host.is_none()
                    && let Some(place) = contact_place(value)
                {
                    message.contact_host = Some(place.host);
                    message.contact_port = place.port;
                }
            }
            "from" | "f" => device.look(1, value),
            "to" | "t" => device.look(2, value),
            "call-id" | "i" => {
                device.look(3, value);
                message.call_id.get_or_insert_with(|| short_text(value));
            }
            "user-agent" | "server" => {
                device.look(4, value);
                message.user_agent.get_or_insert_with(|| short_text(value));
            }
            "reason" => {
                device.look(5, value);
                // Two are possible; the one with the phone's own words counts (RFC 3326).
                if message.reason.is_none() || find(value, b"cisco-alarm").is_some() {
                    message.reason = Some(reason_text(value));
                }
            }
            "via" | "v" if std::mem::take(&mut first_via) => {
                if let Some(via) = Via::read(value) {
                    message.via_host = Some(via.place.host);
                    message.via_port = via.place.port;
                    message.via_rport = via.rport;
                    message.transport = via.transport;
                }
            }
            "warning" => _ = message.warning.get_or_insert_with(|| warning_text(value)),
            "authorization" | "proxy-authorization" => message.authorization = true,
            "www-authenticate" | "proxy-authenticate" => message.challenge = true,
            "retry-after" => message.retry_after = leading_number(value),
            "expires" => expires = number(value),
            _ => {}
        }
    }
    if answer.is_some() && method.as_deref() != Some(b"REGISTER") {
        return None;
    }
    message.device = device.name.map(|(_, name)| WireText::from(name.as_str()));
    message.expires = contact_expires.or(expires);
    Some((message, anomalies))
}

/// Longest text that is kept of a header.
const MAX_TEXT: usize = 255;

fn short_text(value: &[u8]) -> WireText {
    WireText::from_bytes(value.get(..MAX_TEXT).unwrap_or(value))
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits.trim_ascii()).ok()?.parse().ok()
}

/// The number that a value starts with.
fn leading_number(value: &[u8]) -> Option<u32> {
    let end = value.iter().position(|b| !b.is_ascii_digit()).unwrap_or(value.len());
    number(value.get(..end)?)
}

/// A host and the port written behind it.
struct Place {
    host: WireText,
    port: Option<u16>,
}

impl Place {
    /// `10.1.1.20:5060`, `phone.example.com`, `[2001:db8::20]:5060`; brackets are left out. `None`: no host.
    fn read(text: &[u8]) -> Option<Place> {
        let text = text.trim_ascii();
        let (host, rest) = match text.strip_prefix(b"[") {
            Some(inside) => {
                let end = inside.iter().position(|b| *b == b']')?;
                (inside.get(..end)?, inside.get(end + 1..)?)
            }
            None => text.split_at(text.iter().position(|b| *b == b':').unwrap_or(text.len())),
        };
        let host = host.trim_ascii();
        let is_host = !host.is_empty() && host.iter().all(|b| b.is_ascii_alphanumeric() || b".-_:%".contains(b));
        let port = rest.trim_ascii_start().strip_prefix(b":").and_then(number).filter(|port| *port != 0);
        is_host.then(|| Place { host: short_text(host), port })
    }
}

/// The first value of a `Via` header (RFC 3261 section 20.42).
struct Via {
    place: Place,
    transport: Option<WireText>,
    rport: bool,
}

impl Via {
    /// Protocol and transport, blanks, the place, parameters; further values follow a comma.
    fn read(value: &[u8]) -> Option<Via> {
        let first = value.split(|b| *b == b',').next()?;
        let mut parts = first.split(|b| *b == b';');
        let sent_by = parts.next()?.trim_ascii();
        let at = sent_by.iter().rposition(|b| matches!(b, b' ' | b'\t'))?;
        let rport = parts.any(|part| {
            let name = part.split(|b| *b == b'=').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(b"rport")
        });
        let protocol = sent_by.get(..at)?.split(|b| *b == b'/').nth(2).unwrap_or_default().trim_ascii();
        let is_word = !protocol.is_empty() && protocol.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        let transport = is_word.then(|| short_text(&protocol.to_ascii_uppercase()));
        Some(Via { place: Place::read(sent_by.get(at..)?)?, transport, rport })
    }
}

/// Where the URI of a `Contact` header points: `"Phone" <sip:1001@10.1.1.20:5060;transport=udp>;expires=60`.
fn contact_place(value: &[u8]) -> Option<Place> {
    let lower = value.to_ascii_lowercase();
    let scheme = [&b"sips:"[..], b"sip:"].into_iter().find_map(|s| Some(find(&lower, s)? + s.len()))?;
    let uri = value.get(scheme..)?;
    let end = uri.iter().position(|b| matches!(b, b'>' | b';' | b'?' | b',')).unwrap_or(uri.len());
    let uri = uri.get(..end)?;
    let host = uri.iter().rposition(|b| *b == b'@').and_then(|at| uri.get(at + 1..)).unwrap_or(uri);
    Place::read(host)
}

/// Code, agent and quoted text (RFC 3261 section 20.43): the text, or else the whole field.
fn warning_text(value: &[u8]) -> WireText {
    match value.split(|b| *b == b'"').nth(1) {
        Some(text) if !text.is_empty() => short_text(text),
        _ => short_text(value),
    }
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
    fn register_names_its_transaction_and_ports() {
        let (message, _) = parse(REGISTER.as_bytes()).unwrap();
        assert_eq!(message.call_id.unwrap().raw(), "003094c2-d3fa0002-1@10.1.1.20");
        assert_eq!(message.cseq, Some(101));
        assert_eq!((message.via_host.unwrap().raw(), message.via_port), ("10.1.1.20", Some(49152)));
        assert_eq!(message.transport.unwrap().raw(), "TCP");
        assert_eq!((message.contact_host.unwrap().raw(), message.contact_port), ("10.1.1.20", Some(49152)));
        assert_eq!(message.user_agent.unwrap().raw(), "Cisco-CP7975G/9.4.2");
        assert!(!message.via_rport && !message.authorization && !message.challenge);
    }

    #[test]
    fn via_is_read_in_every_spelling() {
        for (via, host, port, rport) in [
            ("SIP/2.0/UDP 10.1.1.20;branch=z9", "10.1.1.20", None, false),
            ("SIP / 2.0 / UDP  10.1.1.20 : 5070 ;RPORT", "", None, false),
            ("SIP/2.0/UDP 10.1.1.20:5070; rport=49152;received=192.0.2.1", "10.1.1.20", Some(5070), true),
            ("SIP/2.0/TLS [2001:db8::20]:5061;branch=z9", "2001:db8::20", Some(5061), false),
            ("SIP/2.0/UDP phone.example.com:0", "phone.example.com", None, false),
            ("SIP/2.0/UDP a:1, SIP/2.0/UDP b:2;rport", "a", Some(1), false),
            ("SIP/2.0/UDP", "", None, false),
        ] {
            let text = format!("REGISTER sip:r SIP/2.0\r\nv: {via}\r\nVia: SIP/2.0/UDP other:9;rport\r\n\r\n");
            let (message, _) = parse(text.as_bytes()).unwrap();
            let read = message.via_host.as_ref().map_or("", WireText::raw);
            if host.is_empty() {
                assert!(read.is_empty() || read == "5070", "{via}: {read}");
            } else {
                assert_eq!((read, message.via_port, message.via_rport), (host, port, rport), "{via}");
            }
        }
    }

    #[test]
    fn refusal_keeps_warning_and_no_password() {
        let answer = "SIP/2.0 503 Service Unavailable\r\nCSeq: 7 REGISTER\r\nCall-ID: a@b\r\n\
                      Warning: 399 10.1.1.1 \"registrar unavail or not enabled\"\r\nRetry-After: 120 (busy)\r\n\
                      Server: Cisco-SIPGateway/IOS-12.x\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n";
        let (message, _) = parse(answer.as_bytes()).unwrap();
        assert_eq!(message.warning.as_ref().unwrap().raw(), "registrar unavail or not enabled");
        assert_eq!((message.retry_after, message.cseq, message.challenge), (Some(120), Some(7), true));
        let request = "REGISTER sip:r SIP/2.0\r\nAuthorization: Digest username=\"1001\", response=\"5ec4e7\"\r\n\r\n";
        let (message, _) = parse(request.as_bytes()).unwrap();
        assert!(message.authorization && !format!("{message:?}").contains("5ec4e7"));
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
