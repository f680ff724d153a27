//! TFTP packets (RFC 1350, 2347, 2348, 2349, 7440).

use std::collections::BTreeMap;

use super::Anomaly;
use crate::types::{Hex, WireText};

/// Operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Op {
    /// Read request.
    Rrq,
    /// Write request.
    Wrq,
    /// A block of the file.
    Data,
    /// Acknowledgement.
    Ack,
    /// The end, with a reason.
    Error,
    /// Option acknowledgement.
    Oack,
}

/// One packet: the body of a `tftp` event (contract section 5).
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Packet {
    /// Operation.
    pub op: Op,
    /// Name of the file: of the request, and where the transfer is known of its later packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WireText>,
    /// Transfer mode of a request, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<WireText>,
    /// Block number of DATA and ACK.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u16>,
    /// Length of the data in a DATA packet, by the UDP length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// The last block of its transfer: shorter than the block size.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// Code of an ERROR; 1 is "file not found".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u16>,
    /// Text of an ERROR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_text: Option<WireText>,
    /// Options of a request or an OACK, names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<WireText, WireText>,
    /// With the block that completes `OS79XX.TXT` or a `.loads` file: the loads or files that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<WireText>,
    /// With the block that completes a load, a list of loads or a trust list of which every block was seen whole: its
    /// bytes, as transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// FNV-1a, 64 bits, of these bytes: tells whether two servers have the same file under one name. No proof against
    /// forgery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_hash: Option<Hex>,
}

/// Longest file name, mode, option or error text that is kept; RFC 2347 allows a request of 512 bytes.
const MAX_TEXT: usize = 512;
/// Most options that are kept of one packet.
const MAX_OPTIONS: usize = 32;

/// Reads the payload of a UDP datagram that is known to be TFTP.
///
/// `wire_len` is the length of the payload on the wire, which is longer than `payload` where a snap length cut the
/// frame. `None`: no operation of TFTP. [`Packet::last`] and what is known of a whole file are left unset, since they
/// take the transfer.
pub fn parse(payload: &[u8], wire_len: usize) -> Option<(Packet, Vec<Anomaly>)> {
    let (op, rest) = operation(payload)?;
    let wire_len = wire_len.max(payload.len());
    let mut anomalies = Vec::new();
    let mut packet = Packet::new(op);
    let cut = wire_len > payload.len();
    match op {
        Op::Rrq | Op::Wrq => {
            let mut texts = Texts { rest, cut };
            packet.file = texts.next_text("file name", &mut anomalies);
            packet.mode = texts.next_text("mode", &mut anomalies);
            packet.options = texts.options(&mut anomalies);
            if packet.file.is_none() && !cut {
                anomalies.push(Anomaly::fixed("tftp: request without a file name"));
            }
        }
        Op::Data | Op::Ack => {
            packet.block = number(rest);
            if packet.block.is_none() && !cut {
                anomalies.push(Anomaly::fixed("tftp: no block number"));
            }
            if op == Op::Data {
                packet.bytes = wire_len.checked_sub(4).and_then(|n| u32::try_from(n).ok());
            }
        }
        Op::Error => {
            packet.error_code = number(rest);
            if packet.error_code.is_none() && !cut {
                anomalies.push(Anomaly::fixed("tftp: no error code"));
            }
            let mut texts = Texts { rest: rest.get(2..).unwrap_or_default(), cut };
            packet.error_text = texts.next_text("error text", &mut anomalies);
        }
        Op::Oack => packet.options = Texts { rest, cut }.options(&mut anomalies),
    }
    Some((packet, anomalies))
}

/// The operation that a payload starts with, and what follows; `None` where it is no operation of TFTP.
pub(crate) fn operation(payload: &[u8]) -> Option<(Op, &[u8])> {
    let (code, rest) = payload.split_first_chunk::<2>()?;
    let op = match u16::from_be_bytes(*code) {
        1 => Op::Rrq,
        2 => Op::Wrq,
        3 => Op::Data,
        4 => Op::Ack,
        5 => Op::Error,
        6 => Op::Oack,
        _ => return None,
    };
    Some((op, rest))
}

fn number(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk::<2>().map(|b| u16::from_be_bytes(*b))
}

impl Packet {
    fn new(op: Op) -> Packet {
        Packet {
            op,
            file: None,
            mode: None,
            block: None,
            bytes: None,
            last: false,
            error_code: None,
            error_text: None,
            options: BTreeMap::new(),
            names: Vec::new(),
            file_bytes: None,
            file_hash: None,
        }
    }
}

/// The NUL-terminated texts of a request, an ERROR or an OACK.
struct Texts<'a> {
    rest: &'a [u8],
    cut: bool,
}

impl<'a> Texts<'a> {
    /// The bytes up to the next NUL; an empty text is an empty slice. `None` at the end, and for a text that the
    /// snap length cut, since half a file name is another file.
    fn next_octets(&mut self, what: &str, anomalies: &mut Vec<Anomaly>) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        match self.rest.iter().position(|b| *b == 0) {
            Some(end) => {
                let text = self.rest.get(..end).unwrap_or_default();
                self.rest = self.rest.get(end + 1..).unwrap_or_default();
                Some(text)
            }
            None if self.cut => {
                self.rest = &[];
                None
            }
            None => {
                anomalies.push(Anomaly::new(format!("tftp: no NUL after the {what}")));
                Some(std::mem::take(&mut self.rest))
            }
        }
    }

    /// The next text; `None` where it is empty.
    fn next_text(&mut self, what: &str, anomalies: &mut Vec<Anomaly>) -> Option<WireText> {
        let text = self.next_octets(what, anomalies).filter(|text| !text.is_empty())?;
        if text.len() > MAX_TEXT {
            anomalies.push(Anomaly::new(format!("tftp: {what} of {} octets, {MAX_TEXT} kept", text.len())));
        }
        Some(WireText::from_bytes(text.get(..MAX_TEXT).unwrap_or(text)))
    }

    /// Pairs of option and value (RFC 2347). The first of two equal names counts.
    fn options(&mut self, anomalies: &mut Vec<Anomaly>) -> BTreeMap<WireText, WireText> {
        let mut options = BTreeMap::new();
        // Some clients pad their request with NULs: no name, no option.
        while let Some(name) = self.next_octets("option", anomalies) {
            if name.is_empty() {
                continue;
            }
            if options.len() == MAX_OPTIONS {
                anomalies.push(Anomaly::new(format!("tftp: more than {MAX_OPTIONS} options")));
                break;
            }
            let Some(value) = self.next_octets("option value", anomalies) else {
                if !self.cut {
                    anomalies.push(Anomaly::fixed("tftp: option without a value"));
                }
                break;
            };
            let name = name.get(..MAX_TEXT).unwrap_or(name).to_ascii_lowercase();
            let value = WireText::from_bytes(value.get(..MAX_TEXT).unwrap_or(value));
            options.entry(WireText::from_bytes(&name)).or_insert(value);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8]) -> (Packet, Vec<Anomaly>) {
        parse(payload, payload.len()).unwrap()
    }

    fn texts(anomalies: &[Anomaly]) -> Vec<&str> {
        anomalies.iter().map(Anomaly::as_str).collect()
    }

    const REQUEST: &[u8] = b"\x00\x01SEP003094C2D3FA.cnf.xml\0octet\0BlkSize\x001428\0tsize\x000\0";

    #[test]
    fn a_read_request_has_file_mode_and_options() {
        let (packet, anomalies) = read(REQUEST);
        assert_eq!(packet.op, Op::Rrq);
        assert_eq!(packet.file.unwrap().raw(), "SEP003094C2D3FA.cnf.xml");
        assert_eq!(packet.mode.unwrap().raw(), "octet");
        assert_eq!(packet.options.get(&"blksize".into()).unwrap().raw(), "1428");
        assert_eq!(packet.options.get(&"tsize".into()).unwrap().raw(), "0");
        assert_eq!(anomalies, []);
        assert!(!packet.last);
    }

    #[test]
    fn the_request_of_a_7940_has_no_options() {
        let (packet, anomalies) = read(b"\x00\x01OS79XX.TXT\0octet\0");
        assert_eq!(packet.file.unwrap().raw(), "OS79XX.TXT");
        assert!(packet.options.is_empty() && anomalies.is_empty());
        assert_eq!(read(b"\x00\x02x\0NetASCII\0").0.op, Op::Wrq);
    }

    #[test]
    fn data_has_its_block_and_its_length_on_the_wire() {
        let (packet, _) = read(b"\x00\x03\x01\x02abc");
        assert_eq!((packet.op, packet.block, packet.bytes), (Op::Data, Some(0x0102), Some(3)));
        let (packet, anomalies) = parse(b"\x00\x03\x00\x07ab", 516).unwrap();
        assert_eq!((packet.block, packet.bytes), (Some(7), Some(512)));
        assert_eq!(anomalies, []);
        let (packet, _) = read(b"\x00\x03\x00\x05");
        assert_eq!(packet.bytes, Some(0));
    }

    #[test]
    fn acknowledgement_error_and_option_acknowledgement_are_read() {
        assert_eq!(read(b"\x00\x04\xff\xff").0.block, Some(65535));
        let (packet, anomalies) = read(b"\x00\x05\x00\x01No such file\0");
        assert_eq!((packet.error_code, packet.error_text.unwrap().raw()), (Some(1), "No such file"));
        assert_eq!(anomalies, []);
        let (packet, _) = read(b"\x00\x06blksize\x00256\0");
        assert_eq!(packet.op, Op::Oack);
        assert_eq!(packet.options.get(&"blksize".into()).unwrap().raw(), "256");
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(texts(&read(b"\0\x01").1), ["tftp: request without a file name"]);
        assert_eq!(texts(&read(b"\0\x01\0octet\0").1), ["tftp: request without a file name"]);
        assert_eq!(read(b"\0\x01\0octet\0").0.mode.unwrap().raw(), "octet");
        assert_eq!(texts(&read(b"\0\x01abc").1), ["tftp: no NUL after the file name"]);
        assert_eq!(texts(&read(b"\0\x03\0").1), ["tftp: no block number"]);
        assert_eq!(texts(&read(b"\0\x05").1), ["tftp: no error code"]);
        assert_eq!(texts(&read(b"\0\x05\0\x01x").1), ["tftp: no NUL after the error text"]);
        assert_eq!(texts(&read(b"\0\x06blksize\0").1), ["tftp: option without a value"]);
        assert!(parse(b"", 0).is_none() && parse(b"\0", 1).is_none());
        assert!(parse(b"\0\x00ab", 4).is_none() && parse(b"\0\x07ab", 4).is_none() && parse(b"\x01\x01", 2).is_none());
    }

    #[test]
    fn padding_with_nuls_is_no_option() {
        let (packet, anomalies) = read(b"\0\x01a\0octet\0\0\0\0");
        assert!(packet.options.is_empty());
        assert_eq!(anomalies, []);
    }

    #[test]
    fn half_a_file_name_is_no_file_name() {
        for end in 2..REQUEST.len() {
            let (packet, anomalies) = parse(REQUEST.get(..end).unwrap(), REQUEST.len()).unwrap();
            assert!(packet.file.is_none_or(|f| f.raw() == "SEP003094C2D3FA.cnf.xml"), "cut at {end}");
            assert!(packet.mode.is_none_or(|m| m.raw() == "octet"), "cut at {end}");
            assert_eq!(anomalies, [], "cut at {end}");
            // The same bytes as a whole packet: nothing is lost, something is odd or they are a packet.
            parse(REQUEST.get(..end).unwrap(), end).unwrap();
        }
    }

    #[test]
    fn hostile_lengths_are_bounded() {
        let mut long = b"\0\x01".to_vec();
        long.resize(60_000, b'a');
        let (packet, anomalies) = read(&long);
        assert_eq!(packet.file.unwrap().raw().len(), MAX_TEXT);
        assert_eq!(anomalies.len(), 2);
        let mut many = b"\0\x06".to_vec();
        for n in 0..10_000 {
            many.extend_from_slice(format!("o{n}\0v\0").as_bytes());
        }
        let (packet, anomalies) = read(&many);
        assert_eq!(packet.options.len(), MAX_OPTIONS);
        assert_eq!(texts(&anomalies), ["tftp: more than 32 options"]);
    }
}
