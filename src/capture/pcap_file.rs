//! Files of tcpdump and most others: pcap, in microseconds or nanoseconds, of either byte order, and the modified
//! format of old Red Hat systems.
//!
//! Source: draft-ietf-opsawg-pcap; the older versions as libpcap and Wireshark read them.

use super::reader::{self, ByteOrder, FrameHead, MAX_LONG_PACKET, MAX_PACKET, Step};
use super::stream::Stream;
use super::tally::Tally;
use super::{LinkType, Timestamp};

/// Octets of the file header.
const FILE_HEADER: usize = 24;

/// The magic numbers, as the first four octets read in the byte order of the file.
mod magic {
    pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
    pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;
    pub(super) const MODIFIED: u32 = 0xa1b2_cd34;
}

/// Whether the first octets of a file are those of a pcap.
pub(super) fn is_magic(octets: [u8; 4]) -> bool {
    header_kind(octets).is_some()
}

#[inline]
fn header_kind(octets: [u8; 4]) -> Option<(ByteOrder, u32)> {
    let known = |number| matches!(number, magic::MICROSECONDS | magic::NANOSECONDS | magic::MODIFIED);
    let (little, big) = (u32::from_le_bytes(octets), u32::from_be_bytes(octets));
    if known(little) {
        Some((ByteOrder::Little, little))
    } else if known(big) {
        Some((ByteOrder::Big, big))
    } else {
        None
    }
}

/// Which of the two lengths of a record comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    /// Captured, then on the wire.
    CapturedFirst,
    /// The other way round: before version 2.3, and in DG/UX's 543.0.
    WireFirst,
    /// Version 2.3: either; what was captured can not be more than what was on the wire.
    LesserIsCaptured,
}

/// The file header.
#[derive(Clone, Copy)]
struct Header {
    order: ByteOrder,
    nanos_per_tick: i64,
    record_header: usize,
    lengths: Lengths,
    /// Longest packet taken for one.
    limit: u32,
    link_type: LinkType,
}

impl Header {
    fn parse(octets: &[u8]) -> Result<Header, String> {
        let (order, number) = octets.first_chunk().and_then(|chunk| header_kind(*chunk)).ok_or("no pcap magic")?;
        let word = |at| reader::u32_at(order, octets, at).ok_or("its 24 octets are not all there");
        let half = |at| reader::u16_at(order, octets, at).ok_or("its 24 octets are not all there");
        let (major, minor) = (half(4)?, half(6)?);
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, 0) => Lengths::WireFirst,
            (2, 3) => Lengths::LesserIsCaptured,
            (2, _) => Lengths::CapturedFirst,
            _ => return Err(format!("it says version {major}.{minor}, and only 2.x is known")),
        };
        Ok(Header {
            order,
            nanos_per_tick: if number == magic::NANOSECONDS { 1 } else { 1000 },
            record_header: if number == magic::MODIFIED { 24 } else { 16 },
            lengths,
            limit: word(16)?.clamp(MAX_PACKET, MAX_LONG_PACKET),
            link_type: LinkType::from_file(word(20)?),
        })
    }
}

/// Reads a pcap file.
pub(super) struct PcapFile {
    header: Header,
    number: u64,
    /// Octets of the record given last, which stay in the stream until the next step.
    given: usize,
}

impl PcapFile {
    /// Reads the file header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn open(stream: &mut Stream, tally: &mut Tally) -> Result<PcapFile, String> {
        if !stream.ensure(FILE_HEADER) {
            return Err(format!("the file is cut off in it at byte {}", stream.end_position()));
        }
        let header = Header::parse(stream.ahead())?;
        stream.consume(FILE_HEADER);
        tally.declared(header.link_type);
        Ok(PcapFile { header, number: 0, given: 0 })
    }

    /// The next packet.
    #[inline]
    pub(super) fn next(&mut self, stream: &mut Stream, tally: &mut Tally) -> Step {
        stream.consume(self.given);
        self.given = 0;
        loop {
            let header = self.header;
            let next = self.number + 1;
            if !stream.ensure(header.record_header) {
                return reader::end(stream, tally, format_args!("in packet {next}"), self.number);
            }
            let Some(record) = stream.ahead().first_chunk::<16>() else { return Step::End };
            let [seconds, fraction, first, second] = words(header.order, record);
            let (captured, orig_len) = match header.lengths {
                Lengths::CapturedFirst => (first, second),
                Lengths::WireFirst => (second, first),
                Lengths::LesserIsCaptured => (first.min(second), first.max(second)),
            };
            if let [a, b, c, d, ..] = *record
                && is_magic([a, b, c, d])
                && self.follow_header(stream, tally)
            {
                continue;
            }
            if captured > header.limit {
                return self.corrupt(stream, tally, captured);
            }
            let len = captured as usize;
            let whole = header.record_header + len;
            if !stream.ensure(whole) {
                return reader::end(stream, tally, format_args!("in packet {next}"), self.number);
            }
            self.number = next;
            self.given = whole;
            return Step::Frame(FrameHead {
                number: next,
                time: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * header.nanos_per_tick),
                timed: true,
                link_type: header.link_type,
                orig_len,
                at: header.record_header,
                len,
            });
        }
    }

    /// Takes a file header where a packet should be, for `cat a.pcap b.pcap` makes such files. The magic alone would
    /// be a packet of the year 2055; with the version and the two zero words after it there is no doubt.
    #[cold]
    fn follow_header(&mut self, stream: &mut Stream, tally: &mut Tally) -> bool {
        if !stream.ensure(FILE_HEADER) {
            return false;
        }
        let octets = stream.ahead();
        let Ok(header) = Header::parse(octets) else { return false };
        let plain = octets.get(8..16) == Some(&[0; 8])
            && reader::u16_at(header.order, octets, 4) == Some(2)
            && reader::u16_at(header.order, octets, 6) == Some(4);
        if plain {
            tally.warning(format!(
                "several pcap files one after the other: a second file header after packet {}; Wireshark stops there",
                self.number
            ));
            tally.declared(header.link_type);
            self.header = header;
            stream.consume(FILE_HEADER);
        }
        plain
    }

    #[cold]
    fn corrupt(&self, stream: &Stream, tally: &mut Tally, captured: u32) -> Step {
        let place = reader::place(stream, stream.position());
        tally.fatal(format!(
            "packet {} at {place} claims {captured} octets; nothing from there on was read",
            self.number + 1
        ));
        Step::End
    }
}

#[inline]
fn words(order: ByteOrder, record: &[u8; 16]) -> [u32; 4] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *record;
    [order.u32([a, b, c, d]), order.u32([e, f, g, h]), order.u32([i, j, k, l]), order.u32([m, n, o, p])]
}
