//! What the readers of all formats have in common: one step at a time, and how damage is put into words.

use super::events_file::EventsFile;
use super::pcap_file::PcapFile;
use super::pcapng::Pcapng;
use super::snoop::Snoop;
use super::stream::Stream;
use super::tally::Tally;
use crate::event::Event;
use crate::types::{LinkType, Timestamp};

/// The longest packet taken for one where the file itself does not speak of longer ones; tcpdump's greatest snap
/// length.
pub(super) const MAX_PACKET: u32 = 262_144;
/// The longest packet taken for one at all.
pub(super) const MAX_LONG_PACKET: u32 = 1 << 20;

/// What a reader found.
pub(super) enum Step {
    /// A frame, written into the place given; its bytes are in the stream until the next step.
    Frame,
    /// A line of an events file, with the input id of that file.
    Event(Box<Event>),
    /// Nothing more can be read. Where that is damage, the tally says so.
    End,
}

/// A frame whose bytes lie `at` bytes ahead in the stream.
///
/// Readers write it in place: handed from one enum to the next it was copied three times for every packet.
///
/// The order of the fields is fixed, and differs from that of `Frame`: where two of them stand side by side in both,
/// they are copied as one wide load right after two narrow stores, which stalls for longer than the rest takes.
#[derive(Default)]
#[repr(C)]
pub(super) struct FrameHead {
    pub(super) number: u64,
    pub(super) at: usize,
    pub(super) time: Timestamp,
    pub(super) len: usize,
    pub(super) link_type: LinkType,
    /// Whether the file gave the time; a Simple Packet Block has none.
    pub(super) timed: bool,
    pub(super) orig_len: u32,
}

/// The reader of one file, by its format.
pub(super) enum Reader {
    Pcap(PcapFile),
    Pcapng(Pcapng),
    Snoop(Snoop),
    Events(EventsFile),
}

impl Reader {
    /// The next frame or event.
    #[inline]
    pub(super) fn next(&mut self, stream: &mut Stream, tally: &mut Tally, head: &mut FrameHead) -> Step {
        match self {
            Reader::Pcap(reader) => reader.next(stream, tally, head),
            Reader::Pcapng(reader) => reader.next(stream, tally, head),
            Reader::Snoop(reader) => reader.next(stream, tally, head),
            Reader::Events(reader) => reader.next(stream, tally),
        }
    }

    /// Frames dropped before they were captured, as the file says so far.
    pub(super) fn dropped(&self) -> Option<u64> {
        match self {
            Reader::Pcapng(reader) => reader.dropped(),
            Reader::Snoop(reader) => reader.dropped(),
            Reader::Pcap(_) | Reader::Events(_) => None,
        }
    }

    /// The word for the format in reports.
    pub(super) fn format(&self) -> &'static str {
        match self {
            Reader::Pcap(_) => "pcap",
            Reader::Pcapng(_) => "pcapng",
            Reader::Snoop(_) => "snoop",
            Reader::Events(_) => "events",
        }
    }
}

/// How a file writes its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    #[inline]
    pub(super) fn u16(self, octets: [u8; 2]) -> u16 {
        match self {
            ByteOrder::Little => u16::from_le_bytes(octets),
            ByteOrder::Big => u16::from_be_bytes(octets),
        }
    }

    #[inline]
    pub(super) fn u32(self, octets: [u8; 4]) -> u32 {
        match self {
            ByteOrder::Little => u32::from_le_bytes(octets),
            ByteOrder::Big => u32::from_be_bytes(octets),
        }
    }

    pub(super) fn u64(self, octets: [u8; 8]) -> u64 {
        match self {
            ByteOrder::Little => u64::from_le_bytes(octets),
            ByteOrder::Big => u64::from_be_bytes(octets),
        }
    }
}

/// The number at `at`; `None` where the bytes end before.
#[inline]
pub(super) fn u16_at(order: ByteOrder, octets: &[u8], at: usize) -> Option<u16> {
    octets.get(at..).and_then(|rest| rest.first_chunk()).map(|chunk| order.u16(*chunk))
}

/// The number at `at`; `None` where the bytes end before.
#[inline]
pub(super) fn u32_at(order: ByteOrder, octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..).and_then(|rest| rest.first_chunk()).map(|chunk| order.u32(*chunk))
}

/// The number at `at`; `None` where the bytes end before.
pub(super) fn u64_at(order: ByteOrder, octets: &[u8], at: usize) -> Option<u64> {
    octets.get(at..).and_then(|rest| rest.first_chunk()).map(|chunk| order.u64(*chunk))
}

/// Ends an input whose bytes are used up: clean where nothing is left over and nothing failed, else cut off
/// `within` ("in packet 3").
#[cold]
pub(super) fn end(stream: &Stream, tally: &mut Tally, within: std::fmt::Arguments<'_>, after: u64) -> Step {
    if !stream.ahead().is_empty() {
        return cut(stream, tally, within);
    }
    if stream.failure().is_some() {
        return cut(stream, tally, format_args!("after packet {after}"));
    }
    Step::End
}

/// Ends an input that is cut off `within`.
#[cold]
pub(super) fn cut(stream: &Stream, tally: &mut Tally, within: std::fmt::Arguments<'_>) -> Step {
    let place = place(stream, stream.end_position());
    tally.fatal(match stream.failure() {
        None => format!("cut off {within} at {place}"),
        Some(failure) => format!("cut off {within} at {place}: {failure}"),
    });
    Step::End
}

/// A position in words: of the file, or of what came out of the decompressor.
pub(super) fn place(stream: &Stream, position: u64) -> String {
    let of = if stream.is_unpacked() { " of the uncompressed data" } else { "" };
    format!("byte {position}{of}")
}
