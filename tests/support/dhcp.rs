//! DHCP messages (RFC 2131), well-formed or not: options are put in as they are given.

use std::net::Ipv4Addr;

use super::frame::Mac;

pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const DECLINE: u8 = 4;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;
pub const RELEASE: u8 = 7;

const UNSET: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// A message before it is laid out.
#[derive(Clone, Debug)]
pub struct Message {
    /// 1 asks, 2 answers.
    pub op: u8,
    pub hops: u8,
    pub xid: u32,
    pub secs: u16,
    /// The client wants answers by broadcast.
    pub broadcast: bool,
    pub ciaddr: Ipv4Addr,
    pub yiaddr: Ipv4Addr,
    pub siaddr: Ipv4Addr,
    pub giaddr: Ipv4Addr,
    pub chaddr: Mac,
    pub sname: String,
    pub file: String,
    /// Code and octets, in wire order.
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Message {
    /// A client's message.
    pub fn request(kind: u8, chaddr: Mac, xid: u32) -> Self {
        Message {
            op: 1,
            hops: 0,
            xid,
            secs: 0,
            broadcast: true,
            ciaddr: UNSET,
            yiaddr: UNSET,
            siaddr: UNSET,
            giaddr: UNSET,
            chaddr,
            sname: String::new(),
            file: String::new(),
            options: vec![(53, vec![kind])],
        }
    }

    /// A server's answer to it, nothing filled in but what it repeats.
    pub fn answer(kind: u8, request: &Message) -> Self {
        Message {
            op: 2,
            hops: 0,
            secs: 0,
            ciaddr: if kind == ACK { request.ciaddr } else { UNSET },
            options: vec![(53, vec![kind])],
            sname: String::new(),
            file: String::new(),
            ..request.clone()
        }
    }

    /// With one more option.
    pub fn option(mut self, code: u8, octets: &[u8]) -> Self {
        self.options.push((code, octets.to_vec()));
        self
    }

    /// With one more option that holds addresses.
    pub fn addresses(self, code: u8, list: &[Ipv4Addr]) -> Self {
        let octets: Vec<u8> = list.iter().flat_map(|a| a.octets()).collect();
        self.option(code, &octets)
    }

    /// The first option of that code.
    pub fn find(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(c, _)| *c == code).map(|(_, octets)| octets.as_slice())
    }

    /// The message laid out, at least 300 octets long as RFC 1542 wants it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.op, 1, 6, self.hops];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend(self.secs.to_be_bytes());
        bytes.extend((u16::from(self.broadcast) << 15).to_be_bytes());
        for address in [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr] {
            bytes.extend(address.octets());
        }
        bytes.extend(self.chaddr);
        bytes.extend([0; 10]);
        for (text, length) in [(&self.sname, 64), (&self.file, 128)] {
            let mut field = text.as_bytes().to_vec();
            field.resize(length, 0);
            bytes.extend(field);
        }
        bytes.extend([99, 130, 83, 99]);
        for (code, octets) in &self.options {
            bytes.extend([*code, octets.len() as u8]);
            bytes.extend(octets);
        }
        bytes.push(255);
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }
}
