//! The same DHCP message read by our decoder and by dhcproto: values by name, written the same way.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use dhcproto::v4::{self, DhcpOption};
use dhcproto::{Decodable as _, Decoder, Encodable as _};
use phonescope::capture::{Inputs, Record};
use phonescope::wire::dhcp;
use phonescope::wire::frame::{Payload, dissect};

/// Values by name: `yiaddr`, `opt150`. What is not there, or could not be read, has no entry.
pub(crate) type Values = BTreeMap<String, String>;

/// The options that the product reads and that both readers know.
pub(crate) const OPTIONS: [u8; 16] = [1, 3, 6, 12, 15, 50, 51, 53, 54, 55, 56, 60, 61, 66, 82, 150];

/// Every whole datagram of ports 67 and 68 in a capture.
pub(crate) fn messages(path: PathBuf) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let Ok(mut inputs) = Inputs::open(&[path]) else { return found };
    while let Ok(Some(record)) = inputs.next_record() {
        let Record::Frame(frame) = record else { continue };
        let dissection = dissect(&frame);
        let is_dhcp = |port: Option<u16>| matches!(port, Some(67 | 68));
        if let Payload::Udp(datagram) = &dissection.payload
            && (is_dhcp(dissection.envelope.sport) || is_dhcp(dissection.envelope.dport))
            && datagram.data.len() == datagram.wire_len
        {
            found.push(datagram.data.to_vec());
        }
    }
    found
}

fn until_nul(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|b| format!("{b:02x}")).collect()
}

/// What our decoder reads.
pub(crate) fn ours(octets: &[u8]) -> Option<Values> {
    let (message, _) = dhcp::parse(octets)?;
    let json = serde_json::to_value(&message).unwrap();
    let mut values = Values::new();
    for (name, value) in json.as_object().unwrap() {
        let name = name.strip_suffix("_hex").filter(|n| ["opt61", "opt82"].contains(n)).unwrap_or(name);
        let known = name.strip_prefix("opt").and_then(|n| n.parse().ok()).is_some_and(|n: u8| OPTIONS.contains(&n));
        if known || ["xid", "ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr", "sname", "file"].contains(&name) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            values.insert(name.to_owned(), text);
        }
    }
    if message.msg != dhcp::MessageType::Bootp {
        values.insert("opt53".to_owned(), message.msg.to_string());
    }
    Some(values)
}

fn addresses(list: &[Ipv4Addr]) -> String {
    serde_json::to_string(list).unwrap()
}

/// The value of an option as dhcproto reads it; `None` where it reads no such thing.
fn value(option: &DhcpOption) -> Option<(u8, String)> {
    let text = |text: &str| until_nul(text.as_bytes());
    let code = u8::from(v4::OptionCode::from(option));
    let value = match option {
        DhcpOption::SubnetMask(a) | DhcpOption::RequestedIpAddress(a) | DhcpOption::ServerIdentifier(a) => {
            a.to_string()
        }
        DhcpOption::Router(list) | DhcpOption::DomainNameServer(list) => addresses(list),
        DhcpOption::TFTPServerAddress(a) => addresses(&[*a]),
        DhcpOption::Hostname(t) | DhcpOption::DomainName(t) | DhcpOption::Message(t) => text(t),
        DhcpOption::AddressLeaseTime(secs) => secs.to_string(),
        DhcpOption::MessageType(kind) => format!("{kind:?}").to_uppercase(),
        DhcpOption::ParameterRequestList(codes) => {
            serde_json::to_string(&codes.iter().map(|c| u8::from(*c)).collect::<Vec<_>>()).unwrap()
        }
        DhcpOption::ClassIdentifier(octets) => {
            let end = octets.iter().rposition(|b| *b != 0).map_or(0, |n| n + 1);
            String::from_utf8_lossy(&octets[..end]).into_owned()
        }
        DhcpOption::ClientIdentifier(octets) => hex(octets),
        DhcpOption::TFTPServerName(octets) => until_nul(octets),
        DhcpOption::RelayAgentInformation(_) => hex(option.to_vec().ok()?.get(2..)?),
        _ => return None,
    };
    OPTIONS.contains(&code).then_some((code, value))
}

/// What `v4::Message::decode` reads of the whole message.
pub(crate) fn theirs(octets: &[u8]) -> Option<Values> {
    let message = v4::Message::decode(&mut Decoder::new(octets)).ok()?;
    let mut values = Values::new();
    values.insert("xid".to_owned(), format!("{:#010x}", message.xid()));
    let fields = [
        ("ciaddr", message.ciaddr()),
        ("yiaddr", message.yiaddr()),
        ("siaddr", message.siaddr()),
        ("giaddr", message.giaddr()),
    ];
    for (name, address) in fields.into_iter().filter(|(_, a)| !a.is_unspecified()) {
        values.insert(name.to_owned(), address.to_string());
    }
    if message.hlen() > 0 {
        let chaddr: Vec<String> = message.chaddr().iter().map(|b| format!("{b:02x}")).collect();
        values.insert("chaddr".to_owned(), chaddr.join(":"));
    }
    for (name, field) in [("sname", message.sname()), ("file", message.fname())] {
        if let Some(text) = field.map(until_nul).filter(|t| !t.is_empty()) {
            values.insert(name.to_owned(), text);
        }
    }
    values.extend(message.opts().iter().filter_map(|(_, o)| value(o)).map(|(code, v)| (format!("opt{code}"), v)));
    Some(values)
}

/// What `v4::DhcpOption::decode` reads of each option by itself, parts of one option joined by us before.
pub(crate) fn theirs_one_by_one(octets: &[u8]) -> Values {
    let mut joined: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    let mut rest = octets.get(240..).unwrap_or_default();
    while let [code, tail @ ..] = rest {
        rest = match (code, tail) {
            (0, _) => tail,
            (255, _) | (_, []) => break,
            (_, [len, tail @ ..]) => {
                let Some((value, after)) = tail.split_at_checked(usize::from(*len)) else { break };
                joined.entry(*code).or_default().extend(value);
                after
            }
        };
    }
    let read = |(code, octets): (u8, Vec<u8>)| {
        let len = u8::try_from(octets.len()).ok()?;
        let option = [&[code, len], &octets[..]].concat();
        value(&DhcpOption::decode(&mut Decoder::new(&option)).ok()?)
    };
    let known = joined.into_iter().filter(|(code, _)| OPTIONS.contains(code));
    known.filter_map(read).map(|(code, v)| (format!("opt{code}"), v)).collect()
}
