//! DNS questions about a TFTP server's or CallManager's name, and their answers (RFC 1035).

use std::net::Ipv4Addr;

fn message(id: u16, flags: u16, answers: u16, name: &str) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    for word in [flags, 1, answers, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    for label in name.split('.') {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    // The root, type A, class IN.
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// Asks for the address of `name`.
pub fn query(id: u16, name: &str) -> Vec<u8> {
    message(id, 0x0100, 0, name)
}

/// There is no such name.
pub fn no_such_name(id: u16, name: &str) -> Vec<u8> {
    message(id, 0x8583, 0, name)
}

/// The address of `name`.
pub fn answer(id: u16, name: &str, address: Ipv4Addr) -> Vec<u8> {
    let mut bytes = message(id, 0x8580, 1, name);
    // A pointer to the name in the question, type A, class IN, one hour, four octets.
    bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4]);
    bytes.extend(address.octets());
    bytes
}
