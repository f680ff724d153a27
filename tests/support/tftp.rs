//! TFTP packets (RFC 1350, options of RFC 2347).

fn strings(op: u16, list: &[&str]) -> Vec<u8> {
    let mut bytes = op.to_be_bytes().to_vec();
    for text in list {
        bytes.extend(text.bytes());
        bytes.push(0);
    }
    bytes
}

fn flat<'a>(first: &[&'a str], options: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    first.iter().copied().chain(options.iter().flat_map(|(name, value)| [*name, *value])).collect()
}

/// A read request in octet mode.
pub fn read_request(file: &str, options: &[(&str, &str)]) -> Vec<u8> {
    strings(1, &flat(&[file, "octet"], options))
}

pub fn data(block: u16, octets: &[u8]) -> Vec<u8> {
    [&[0, 3], block.to_be_bytes().as_slice(), octets].concat()
}

pub fn ack(block: u16) -> Vec<u8> {
    [[0, 4], block.to_be_bytes()].concat()
}

/// Error codes of RFC 1350: 1 is "file not found".
pub fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0, 5], code.to_be_bytes().as_slice(), text.as_bytes(), &[0]].concat()
}

/// The options that the server takes.
pub fn option_ack(options: &[(&str, &str)]) -> Vec<u8> {
    strings(6, &flat(&[], options))
}
