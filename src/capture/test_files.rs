//! Capture files put together byte by byte, for the tests of this folder.

use std::io::{Cursor, Read};

use super::reader::ByteOrder::{self, Big, Little};
use super::{CaptureError, Inputs, Record};
use crate::event::InputSummary;
use crate::types::{LinkType, Timestamp};

/// A frame with bytes of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OwnedFrame {
    pub(crate) input: u32,
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    pub(crate) link_type: LinkType,
    pub(crate) orig_len: u32,
    pub(crate) data: Vec<u8>,
}

/// The inputs over bytes in memory.
pub(crate) fn open(files: Vec<Vec<u8>>) -> Result<Inputs, CaptureError> {
    let named = files.into_iter().map(|file| ("test".into(), Box::new(Cursor::new(file)) as Box<dyn Read + Send>));
    Inputs::from_readers(named.collect())
}

/// All frames of the inputs.
pub(crate) fn frames(inputs: &mut Inputs) -> Vec<OwnedFrame> {
    let mut frames = Vec::new();
    while let Some(record) = inputs.next_record().unwrap() {
        if let Record::Frame(frame) = record {
            frames.push(OwnedFrame {
                input: frame.input,
                number: frame.number,
                time: frame.time,
                link_type: frame.link_type,
                orig_len: frame.orig_len,
                data: frame.data.to_vec(),
            });
        }
    }
    frames
}

/// Frames and summary of one file.
pub(crate) fn read(file: Vec<u8>) -> (Vec<OwnedFrame>, InputSummary) {
    let mut inputs = open(vec![file]).unwrap();
    let frames = frames(&mut inputs);
    (frames, inputs.summaries().remove(0))
}

/// The problem of one file, and how many frames came before or despite it.
pub(crate) fn problem(file: Vec<u8>) -> (usize, String) {
    let (frames, summary) = read(file);
    (frames.len(), summary.problem.map_or_else(String::new, |problem| problem.raw().to_owned()))
}

/// Why a file can not be read.
pub(crate) fn refusal(file: Vec<u8>) -> String {
    open(vec![file]).err().map_or_else(|| "it was read".to_owned(), |error| error.to_string())
}

pub(crate) fn u16_of(order: ByteOrder, value: u16) -> [u8; 2] {
    match order {
        Little => value.to_le_bytes(),
        Big => value.to_be_bytes(),
    }
}

pub(crate) fn u32_of(order: ByteOrder, value: u32) -> [u8; 4] {
    match order {
        Little => value.to_le_bytes(),
        Big => value.to_be_bytes(),
    }
}

/// A pcap file in the making.
pub(crate) struct Pcap {
    pub(crate) order: ByteOrder,
    pub(crate) octets: Vec<u8>,
}

impl Pcap {
    /// With the usual header: microseconds, little-endian, Ethernet, snap length 65535.
    pub(crate) fn new() -> Pcap {
        Pcap::with(Little, 0xa1b2_c3d4, (2, 4), 65_535, 1)
    }

    pub(crate) fn with(order: ByteOrder, magic: u32, version: (u16, u16), snaplen: u32, link_type: u32) -> Pcap {
        let mut octets = u32_of(order, magic).to_vec();
        octets.extend(u16_of(order, version.0));
        octets.extend(u16_of(order, version.1));
        octets.extend([0; 8]);
        octets.extend(u32_of(order, snaplen));
        octets.extend(u32_of(order, link_type));
        Pcap { order, octets }
    }

    /// A record with all four words as given.
    pub(crate) fn record(mut self, words: [u32; 4], data: &[u8]) -> Pcap {
        for word in words {
            self.octets.extend(u32_of(self.order, word));
        }
        self.octets.extend(data);
        self
    }

    /// A packet captured whole.
    pub(crate) fn packet(self, seconds: u32, fraction: u32, data: &[u8]) -> Pcap {
        let len = u32::try_from(data.len()).unwrap();
        self.record([seconds, fraction, len, len], data)
    }
}

/// A pcapng file in the making.
pub(crate) struct Ng {
    pub(crate) order: ByteOrder,
    pub(crate) octets: Vec<u8>,
}

impl Ng {
    /// With a section header.
    pub(crate) fn new(order: ByteOrder) -> Ng {
        Ng { order, octets: Vec::new() }.section(order)
    }

    pub(crate) fn section(mut self, order: ByteOrder) -> Ng {
        self.order = order;
        let mut body = u32_of(order, 0x1a2b_3c4d).to_vec();
        body.extend(u16_of(order, 1));
        body.extend([0; 2]);
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    /// A block with right lengths.
    pub(crate) fn block(mut self, kind: u32, body: &[u8]) -> Ng {
        let total = u32::try_from(body.len().next_multiple_of(4) + 12).unwrap();
        self.octets.extend(u32_of(self.order, kind));
        self.octets.extend(u32_of(self.order, total));
        self.octets.extend(body);
        self.octets.resize(self.octets.len().next_multiple_of(4), 0);
        self.octets.extend(u32_of(self.order, total));
        self
    }

    pub(crate) fn option(order: ByteOrder, code: u16, value: &[u8]) -> Vec<u8> {
        let mut octets = u16_of(order, code).to_vec();
        octets.extend(u16_of(order, u16::try_from(value.len()).unwrap()));
        octets.extend(value);
        octets.resize(octets.len().next_multiple_of(4), 0);
        octets
    }

    pub(crate) fn interface(self, link_type: u16, snaplen: u32, options: &[u8]) -> Ng {
        let mut body = u16_of(self.order, link_type).to_vec();
        body.extend([0; 2]);
        body.extend(u32_of(self.order, snaplen));
        body.extend(options);
        self.block(1, &body)
    }

    /// An Enhanced Packet Block with lengths and options as given.
    pub(crate) fn enhanced(self, interface: u32, ticks: u64, lengths: (u32, u32), data: &[u8], options: &[u8]) -> Ng {
        let mut body = u32_of(self.order, interface).to_vec();
        body.extend(u32_of(self.order, (ticks >> 32) as u32));
        body.extend(u32_of(self.order, ticks as u32));
        body.extend(u32_of(self.order, lengths.0));
        body.extend(u32_of(self.order, lengths.1));
        body.extend(data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(options);
        self.block(6, &body)
    }

    pub(crate) fn packet(self, interface: u32, ticks: u64, data: &[u8]) -> Ng {
        let len = u32::try_from(data.len()).unwrap();
        self.enhanced(interface, ticks, (len, len), data, &[])
    }

    pub(crate) fn simple(self, orig_len: u32, data: &[u8]) -> Ng {
        let mut body = u32_of(self.order, orig_len).to_vec();
        body.extend(data);
        self.block(3, &body)
    }
}
