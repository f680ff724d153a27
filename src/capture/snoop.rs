//! Files of Solaris `snoop`, which boxes of CallManager's time still write.
//!
//! Source: RFC 1761. All numbers are big-endian.

use super::reader::{self, ByteOrder, FrameHead, MAX_LONG_PACKET, Step};
use super::stream::Stream;
use super::tally::Tally;
use super::{LinkType, Timestamp};

/// The first octets of the file.
pub(super) const MAGIC: &[u8; 8] = b"snoop\0\0\0";
const FILE_HEADER: usize = 16;
const RECORD_HEADER: usize = 24;

/// Reads a snoop file.
pub(super) struct Snoop {
    link_type: LinkType,
    number: u64,
    given: usize,
    dropped: Option<u32>,
}

impl Snoop {
    /// Reads the file header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn open(stream: &mut Stream, tally: &mut Tally) -> Result<Snoop, String> {
        if !stream.ensure(FILE_HEADER) {
            return Err(format!("the file is cut off in it at byte {}", stream.end_position()));
        }
        let word = |at| reader::u32_at(ByteOrder::Big, stream.ahead(), at).unwrap_or_default();
        let version = word(8);
        if version != 2 {
            return Err(format!("it says version {version}, and only 2 is known"));
        }
        let link_type = match word(12) {
            0 | 4 => LinkType::ETHERNET,
            2 => LinkType(6),
            5 => LinkType(104),
            8 => LinkType(10),
            18 => LinkType(123),
            26 => LinkType(242),
            other => return Err(format!("it says data link type {other}, which is not read")),
        };
        stream.consume(FILE_HEADER);
        tally.declared(link_type);
        Ok(Snoop { link_type, number: 0, given: 0, dropped: None })
    }

    /// The next packet.
    pub(super) fn next(&mut self, stream: &mut Stream, tally: &mut Tally) -> Step {
        if !stream.skip(self.given as u64) {
            // The padding of the last record is not all there; its packet was.
            return reader::cut(stream, tally, format_args!("in packet {}", self.number));
        }
        self.given = 0;
        let next = self.number + 1;
        if !stream.ensure(RECORD_HEADER) {
            return reader::end(stream, tally, format_args!("in packet {next}"), self.number);
        }
        let word = |at| reader::u32_at(ByteOrder::Big, stream.ahead(), at).unwrap_or_default();
        let (orig_len, captured, record, dropped, seconds, micros) =
            (word(0), word(4), word(8), word(12), word(16), word(20));
        let len = captured as usize;
        let whole = record as usize;
        // Padding is up to the writer; more than a page of it is no padding.
        if captured > MAX_LONG_PACKET || whole < RECORD_HEADER + len || whole > RECORD_HEADER + len + 4096 {
            let place = reader::place(stream, stream.position());
            tally.fatal(format!(
                "packet {next} at {place} claims {captured} octets in a record of {record}; nothing from there on was read"
            ));
            return Step::End;
        }
        if !stream.ensure(RECORD_HEADER + len) {
            return reader::end(stream, tally, format_args!("in packet {next}"), self.number);
        }
        self.number = next;
        self.given = whole;
        self.dropped = self.dropped.max(Some(dropped));
        Step::Frame(FrameHead {
            number: next,
            time: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1000),
            timed: true,
            link_type: self.link_type,
            orig_len,
            at: RECORD_HEADER,
            len,
        })
    }

    /// The count of drops that every record carries.
    pub(super) fn dropped(&self) -> Option<u64> {
        self.dropped.map(u64::from)
    }
}
