//! Files of Solaris `snoop`, which boxes of CallManager's time still write.
//!
//! Source: RFC 1761. All numbers are big-endian.

use super::reader::{self, ByteOrder, FrameHead, MAX_LONG_PACKET, Step};
use super::stream::Stream;
use super::tally::Tally;
use crate::types::{LinkType, Timestamp};

/// The first bytes of the file.
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
    pub(super) fn next(&mut self, stream: &mut Stream, tally: &mut Tally, head: &mut FrameHead) -> Step {
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
        *head = FrameHead {
            number: next,
            time: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1000),
            timed: true,
            link_type: self.link_type,
            orig_len,
            at: RECORD_HEADER,
            len,
        };
        Step::Frame
    }

    /// The count of drops that every record carries.
    pub(super) fn dropped(&self) -> Option<u64> {
        self.dropped.map(u64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_files::{problem, read, refusal};
    use super::*;

    fn file(version: u32, data_link: u32) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend(version.to_be_bytes());
        file.extend(data_link.to_be_bytes());
        file
    }

    fn record(words: [u32; 6], data: &[u8]) -> Vec<u8> {
        let mut record: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        record.extend(data);
        record
    }

    fn two_packets() -> Vec<u8> {
        let mut file = file(2, 4);
        file.extend(record([10, 5, 32, 0, 1_700_000_000, 250_000], b"first\0\0\0"));
        file.extend(record([4, 4, 28, 7, 1_700_000_001, 0], b"last"));
        file
    }

    #[test]
    fn a_snoop_file_gives_its_packets_and_drops() {
        let (frames, summary) = read(two_packets());
        assert_eq!(frames[0].data, b"first");
        assert_eq!((frames[0].orig_len, frames[0].time.0), (10, 1_700_000_000_250_000_000));
        assert_eq!((frames[1].number, frames[1].link_type, frames[1].data.as_slice()), (2, LinkType(1), &b"last"[..]));
        assert_eq!((summary.format.raw(), summary.problem), ("snoop", None));
        assert_eq!((summary.dropped, summary.cut_frames), (Some(7), 1));
    }

    #[test]
    fn a_snoop_file_cut_anywhere_says_where() {
        let whole = two_packets();
        for len in 16..whole.len() {
            let (count, text) = problem(whole[..len].to_vec());
            let expected = match len {
                16 | 48 => String::new(),
                // The padding is cut: the packet is whole, the file is not.
                45..48 => format!("cut off in packet 1 at byte {len}"),
                _ => format!("cut off in packet {} at byte {len}", count + 1),
            };
            assert_eq!((count, text), (usize::from(len >= 45), expected), "{len}");
        }
    }

    #[test]
    fn lengths_that_do_not_fit_each_other_end_the_file() {
        for words in [[5, 5, 28, 0, 0, 0], [5, u32::MAX, 32, 0, 0, 0], [5, 5, u32::MAX, 0, 0, 0]] {
            let mut file = two_packets();
            file.extend(record(words, b"lost\0\0\0\0"));
            assert_eq!(
                problem(file),
                (
                    2,
                    format!(
                        "packet 3 at byte 76 claims {} octets in a record of {}; nothing from there on was read",
                        words[1], words[2]
                    )
                )
            );
        }
    }

    #[test]
    fn other_versions_and_links_are_refused() {
        assert!(refusal(file(4, 4)).contains("it says version 4, and only 2 is known"));
        assert!(refusal(file(2, 6)).contains("it says data link type 6, which is not read"));
    }
}
