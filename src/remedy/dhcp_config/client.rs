//! The DHCP clients of a capture: what each said of itself, what it was handed, and what it should have.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::diagnosis::{Code, Detail, Diagnosis, PhoneReport, TftpSource, Verdict};
use crate::event::{Event, EventKind};
use crate::types::Mac;
use crate::wire::dhcp::{Message, MessageType, Op};

/// Clients that are remembered; of more, the first.
const MAX_CLIENTS: usize = 200_000;

/// What a client said and was told last.
#[derive(Clone, Debug, Default)]
struct Exchange {
    request: Option<Box<Message>>,
    offer: Option<Box<Message>>,
    ack: Option<Box<Message>>,
}

/// The DHCP messages of a capture, by client.
#[derive(Debug, Default)]
pub struct ClientLog {
    by_mac: BTreeMap<Mac, Exchange>,
}

impl ClientLog {
    /// Takes a message; all but those of DHCP are passed over.
    pub fn observe(&mut self, event: &Event) {
        let EventKind::Dhcp(message) = &event.kind else { return };
        let Some(mac) = message.chaddr.mac() else { return };
        if self.by_mac.len() >= MAX_CLIENTS && !self.by_mac.contains_key(&mac) {
            return;
        }
        let exchange = self.by_mac.entry(mac).or_default();
        match (message.op, message.msg) {
            (Op::Request, MessageType::Discover | MessageType::Request) => {
                // A request to renew says no less than the first one, but for messages that are cut.
                let is_better = exchange.request.as_ref().is_none_or(|r| r.options.len() <= message.options.len());
                if is_better {
                    exchange.request = Some(message.clone());
                }
            }
            (Op::Reply, MessageType::Offer) => exchange.offer = Some(message.clone()),
            (Op::Reply, MessageType::Ack) if message.yiaddr.is_some() => exchange.ack = Some(message.clone()),
            _ => {}
        }
    }

    /// The clients, with what the diagnosis says of those that are phones.
    pub(super) fn clients(&self, diagnosis: &Diagnosis<'_>) -> Vec<Client> {
        let mut clients = Vec::new();
        let mut phones = std::collections::BTreeSet::new();
        for phone in diagnosis.phones(Detail::State) {
            phones.insert(phone.mac);
            let codes: Vec<Code> =
                phone.findings.iter().filter_map(|i| diagnosis.findings.get(*i)).map(|f| f.code).collect();
            let seen = self.by_mac.get(&phone.mac);
            let address = seen.and_then(Exchange::address).or(match phone.ip {
                Some(IpAddr::V4(ip)) => Some(ip),
                _ => None,
            });
            let Some(address) = address else { continue };
            let role = role(&phone, &codes);
            let label = phone.name.as_ref().map_or_else(|| phone.mac.device_name(), ToString::to_string);
            let mut client = Client::new(phone.mac, label, address, role, seen);
            if client.vendor_class.is_none() {
                let model = phone.model.as_deref().unwrap_or("7960");
                client.vendor_class = Some(format!("Cisco Systems, Inc. IP Phone CP-{model}").into_bytes());
            }
            clients.push(client);
        }
        for (mac, seen) in self.by_mac.iter().filter(|(mac, _)| !phones.contains(mac)) {
            let Some(address) = seen.address() else { continue };
            clients.push(Client::new(*mac, mac.to_string(), address, Role::Other, Some(seen)));
        }
        clients
    }
}

impl Exchange {
    fn reply(&self) -> Option<&Message> {
        self.ack.as_deref().or(self.offer.as_deref())
    }

    fn address(&self) -> Option<Ipv4Addr> {
        self.reply().and_then(|r| r.yiaddr)
    }
}

/// What is to become of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// A phone of the plan: its lease hands out a wrong TFTP server.
    ToFix {
        /// The right ones.
        right: Vec<Ipv4Addr>,
    },
    /// A phone that must not be moved.
    Well {
        /// The TFTP servers that are right for it; empty: not known, and what it has works.
        right: Vec<Ipv4Addr>,
    },
    /// A phone of which nothing says what is right.
    Unknown,
    /// No phone.
    Other,
}

fn role(phone: &PhoneReport, codes: &[Code]) -> Role {
    let right: Vec<Ipv4Addr> = phone
        .wanted
        .tftp_right
        .iter()
        .filter_map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
        .collect();
    let is_ill = matches!(phone.verdict, Verdict::Finding(_));
    let by_lease = codes.iter().any(|c| c.is_helped_by_scope()) && !codes.contains(&Code::UnknownDhcpServer);
    let scope = phone.wanted.scope.as_ref();
    let first = scope.and_then(|s| s.sources.first()).and_then(|(_, names)| names.first());
    let is_right = first.is_some_and(|n| n.raw().parse().is_ok_and(|ip: Ipv4Addr| right.contains(&ip)))
        && scope.is_some_and(|s| s.unusable.iter().all(|o| o.option != 150));
    let by_hand = phone.tftp_source == Some(TftpSource::Manual);
    match (is_ill, right.is_empty()) {
        (true, false) if by_lease && !is_right && !by_hand => Role::ToFix { right },
        (true, true) => Role::Unknown,
        (_, true) if phone.verdict == Verdict::Incomplete => Role::Unknown,
        _ => Role::Well { right },
    }
}

/// What a client was handed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Seen {
    /// Option 150 as sent.
    pub(super) option_150: Option<Vec<u8>>,
    /// Option 66 as sent, without NULs behind it.
    pub(super) option_66: Option<Vec<u8>>,
    pub(super) siaddr: Option<Ipv4Addr>,
    pub(super) sname: Option<String>,
    /// It was handed a boot file.
    pub(super) boots: bool,
}

/// A DHCP client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) mac: Mac,
    /// The phone's name, or the MAC address.
    pub(super) label: String,
    /// The address of its lease.
    pub(super) address: Ipv4Addr,
    pub(super) role: Role,
    pub(super) relay: Option<Ipv4Addr>,
    /// Option 60 as sent.
    pub(super) vendor_class: Option<Vec<u8>>,
    /// Option 61.
    pub(super) client_id: Option<Vec<u8>>,
    /// Option 12.
    pub(super) host_name: Option<Vec<u8>>,
    /// Option 77 as sent.
    pub(super) user_class: Option<Vec<u8>>,
    /// Option 82.
    pub(super) relay_info: Option<Vec<u8>>,
    /// Option 55.
    pub(super) requested: Vec<u8>,
    /// Codes of the options that it sent; empty where no request was seen.
    pub(super) sent: Vec<u8>,
    /// What it was handed; `None`: no reply was seen.
    pub(super) seen: Option<Seen>,
}

impl Client {
    fn new(mac: Mac, label: String, address: Ipv4Addr, role: Role, exchange: Option<&Exchange>) -> Client {
        let request = exchange.and_then(|e| e.request.as_deref());
        let reply = exchange.and_then(Exchange::reply);
        let text = |t: &crate::types::WireText| t.raw().as_bytes().to_vec();
        let seen = reply.filter(|r| !r.cut).map(|r| Seen {
            option_150: r.tftp_addresses_raw.as_ref().map(|h| h.0.to_vec()),
            option_66: match &r.tftp_name_raw {
                Some(raw) => Some(without_nuls(&raw.0)),
                None => r.tftp_name.as_ref().map(text),
            },
            siaddr: r.siaddr,
            sname: r.sname.as_ref().map(|s| s.raw().to_owned()),
            boots: r.file.is_some() || r.options.contains(&67),
        });
        Client {
            mac,
            label,
            address,
            role,
            relay: request.and_then(|r| r.giaddr).or_else(|| reply.and_then(|r| r.giaddr)),
            vendor_class: request.and_then(|r| {
                let nuls = vec![0; r.vendor_class_nuls];
                r.vendor_class.as_ref().map(|t| [text(t), nuls].concat())
            }),
            client_id: request.and_then(|r| r.client_id.as_ref().map(|h| h.0.to_vec())),
            host_name: request.and_then(|r| r.host_name.as_ref().map(text)),
            user_class: request.and_then(|r| r.user_class.as_ref().map(|h| h.0.to_vec())),
            relay_info: request.and_then(|r| r.relay_info.as_ref().map(|h| h.0.to_vec())),
            requested: request.map(|r| r.parameter_list.clone()).unwrap_or_default(),
            sent: request.map(|r| r.options.clone()).unwrap_or_default(),
            seen,
        }
    }

    /// Option 60 without NULs behind it, as Kea takes it.
    pub(super) fn bare_vendor_class(&self) -> Option<&[u8]> {
        let class = self.vendor_class.as_deref()?;
        let end = class.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        class.get(..end)
    }

    /// Whether it sent an option; `None`: its request was not seen.
    pub(super) fn has_sent(&self, code: u8) -> Option<bool> {
        (!self.sent.is_empty()).then(|| self.sent.contains(&code))
    }

    /// `SEP001818730021 (00:18:18:73:00:21)`.
    pub(super) fn describe(&self) -> String {
        let mac = self.mac.to_string();
        if self.label == mac { mac } else { format!("{} ({mac})", self.label) }
    }

    /// The servers that a phone of the plan should have.
    pub(super) fn right(&self) -> Option<&[Ipv4Addr]> {
        match &self.role {
            Role::ToFix { right } => Some(right),
            _ => None,
        }
    }

    /// A sub-option of option 82.
    pub(super) fn relay_sub_option(&self, code: u8) -> Option<&[u8]> {
        let mut rest = self.relay_info.as_deref()?;
        while let [c, len, tail @ ..] = rest {
            let (value, after) = tail.split_at_checked(usize::from(*len))?;
            if *c == code {
                return Some(value);
            }
            rest = after;
        }
        None
    }
}

fn without_nuls(value: &[u8]) -> Vec<u8> {
    let end = value.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
    value.get(..end).unwrap_or_default().to_vec()
}

/// A client for tests.
#[cfg(test)]
pub(super) fn client(mac: &str, address: &str, role: Role) -> Client {
    let mac: Mac = mac.parse().unwrap();
    let mut client = Client::new(mac, mac.device_name(), address.parse().unwrap(), role, None);
    client.vendor_class = Some(b"Cisco Systems, Inc. IP Phone CP-7960".to_vec());
    client.client_id = Some([&[1][..], &mac.0].concat());
    client.sent = vec![53, 61, 12, 60, 55];
    client.requested = vec![1, 66, 6, 3, 15, 150, 35];
    client
}
