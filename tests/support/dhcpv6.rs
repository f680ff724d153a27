//! DHCPv6 messages (RFC 8415) with Cisco's options.

use std::net::Ipv6Addr;

use super::frame::Mac;

pub const SOLICIT: u8 = 1;
pub const ADVERTISE: u8 = 2;
pub const REQUEST: u8 = 3;
pub const REPLY: u8 = 7;

/// Where clients send to.
pub const ALL_SERVERS: &str = "ff02::1:2";

fn option(code: u16, octets: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), (octets.len() as u16).to_be_bytes().as_slice(), octets].concat()
}

/// A message from its options.
pub fn message(kind: u8, xid: u32, options: &[Vec<u8>]) -> Vec<u8> {
    let [_, a, b, c] = xid.to_be_bytes();
    [&[kind, a, b, c], options.concat().as_slice()].concat()
}

/// The client's DUID, made of its MAC.
pub fn client(mac: Mac) -> Vec<u8> {
    option(1, &[&[0, 3, 0, 1], mac.as_slice()].concat())
}

pub fn server(mac: Mac) -> Vec<u8> {
    option(2, &[&[0, 3, 0, 1], mac.as_slice()].concat())
}

/// An identity association; with an address where one is leased, with a status where none is.
pub fn association(address: Option<&str>, status: Option<(u16, &str)>) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 1];
    body.extend(1800u32.to_be_bytes());
    body.extend(2880u32.to_be_bytes());
    if let Some(address) = address {
        let mut leased = address.parse::<Ipv6Addr>().expect("an address").octets().to_vec();
        leased.extend(3600u32.to_be_bytes());
        leased.extend(7200u32.to_be_bytes());
        body.extend(option(5, &leased));
    }
    if let Some((code, text)) = status {
        body.extend(option(13, &[&code.to_be_bytes(), text.as_bytes()].concat()));
    }
    option(3, &body)
}

pub fn elapsed(hundredths: u16) -> Vec<u8> {
    option(8, &hundredths.to_be_bytes())
}

pub fn vendor_class(model: &str) -> Vec<u8> {
    let text = format!("Cisco Systems, Inc. IP Phone CP-{model}");
    option(16, &[&[0, 0, 0, 9], (text.len() as u16).to_be_bytes().as_slice(), text.as_bytes()].concat())
}

/// Cisco's vendor option with the TFTP servers (sub-option 1).
pub fn tftp(list: &[&str]) -> Vec<u8> {
    let octets: Vec<u8> = list.iter().flat_map(|a| a.parse::<Ipv6Addr>().expect("an address").octets()).collect();
    option(17, &[&[0, 0, 0, 9], option(1, &octets).as_slice()].concat())
}
