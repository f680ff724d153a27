//! Files of tcpdump and most others: pcap, in microseconds or nanoseconds, of either byte order, and the modified
//! format of old Red Hat systems.
//!
//! Source: draft-ietf-opsawg-pcap; the older versions as libpcap and Wireshark read them.

use super::reader::{self, ByteOrder, FrameHead, MAX_LONG_PACKET, MAX_PACKET, Step};
use super::stream::Stream;
use super::tally::Tally;
use crate::types::{LinkType, Timestamp};

/// Bytes of the file header.
const FILE_HEADER: usize = 24;

/// The magic numbers, as the first four bytes read in the byte order of the file.
mod magic {
    pub(super) const MICROSECONDS: u32 = 0xa1b2_c3d4;
    pub(super) const NANOSECONDS: u32 = 0xa1b2_3c4d;
    pub(super) const MODIFIED: u32 = 0xa1b2_cd34;
}

/// Whether the first bytes of a file are those of a pcap.
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
    /// Bytes of the record given last, which stay in the stream until the next step.
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
    pub(super) fn next(&mut self, stream: &mut Stream, tally: &mut Tally, head: &mut FrameHead) -> Step {
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
            *head = FrameHead {
                number: next,
                time: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * header.nanos_per_tick),
                timed: true,
                link_type: header.link_type,
                orig_len,
                at: header.record_header,
                len,
            };
            return Step::Frame;
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

#[cfg(test)]
mod tests {
    use super::super::test_files::{Pcap, problem, read, refusal};
    use super::ByteOrder::{Big, Little};
    use super::*;

    const SECONDS: u32 = 1_700_000_000;
    const NANOS: i64 = 1_700_000_000_000_000_000;

    #[test]
    fn every_magic_in_either_byte_order_gives_times_and_octets() {
        for order in [Little, Big] {
            for (magic, nanos_per_tick) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1)] {
                let file = Pcap::with(order, magic, (2, 4), 65_535, 1)
                    .packet(SECONDS, 123_456, b"one")
                    .packet(SECONDS + 1, 7, b"")
                    .octets;
                let (frames, summary) = read(file);
                assert_eq!(frames.len(), 2);
                let first = &frames[0];
                assert_eq!((first.number, first.time.0), (1, NANOS + 123_456 * nanos_per_tick));
                assert_eq!((first.link_type, first.orig_len, first.data.as_slice()), (LinkType(1), 3, &b"one"[..]));
                assert_eq!((frames[1].number, frames[1].data.len()), (2, 0));
                assert_eq!(summary.problem, None);
                assert_eq!((summary.packets, summary.bytes, summary.cut_frames), (2, 3, 0));
                assert_eq!((summary.format.raw(), summary.link_types[0].raw()), ("pcap", "EN10MB"));
                assert_eq!(summary.last, Some(Timestamp(NANOS + 1_000_000_000 + 7 * nanos_per_tick)));
            }
        }
    }

    #[test]
    fn the_modified_format_has_eight_more_octets_a_packet() {
        let mut file = Pcap::with(Little, 0xa1b2_cd34, (2, 4), 65_535, 1);
        for data in [b"abc", b"xyz"] {
            file = file.record([SECONDS, 0, 3, 3], &[9; 8]);
            file.octets.extend(data);
        }
        let (frames, summary) = read(file.octets);
        assert_eq!(frames.iter().map(|frame| frame.data.as_slice()).collect::<Vec<_>>(), [b"abc", b"xyz"]);
        assert_eq!(summary.problem, None);
    }

    #[test]
    fn lengths_change_places_in_old_versions() {
        for (version, words, captured) in [
            ((2, 2), [0, 0, 9, 3], 3),
            ((2, 3), [0, 0, 9, 3], 3),
            ((2, 3), [0, 0, 3, 9], 3),
            ((543, 0), [0, 0, 9, 3], 3),
            ((2, 4), [0, 0, 3, 9], 3),
        ] {
            let (frames, summary) = read(Pcap::with(Little, 0xa1b2_c3d4, version, 96, 1).record(words, b"abc").octets);
            assert_eq!((frames[0].data.len(), frames[0].orig_len), (captured, 9), "{version:?}");
            assert_eq!(summary.cut_frames, 1);
        }
    }

    #[test]
    fn bytes_beyond_snap_or_wire_length_are_kept() {
        let data = [5; 1000];
        let (frames, summary) = read(Pcap::with(Little, 0xa1b2_c3d4, (2, 4), 96, 1).packet(0, 0, &data).octets);
        assert_eq!((frames[0].data.len(), summary.problem), (1000, None));
        let (frames, summary) = read(Pcap::new().record([0, 0, 1000, 60], &data).octets);
        assert_eq!((frames[0].data.len(), frames[0].orig_len, summary.cut_frames), (1000, 60, 0));
    }

    #[test]
    fn an_absurd_length_ends_the_file_with_its_place() {
        let file = Pcap::new().packet(0, 0, b"good").record([0, 0, u32::MAX, 4], b"lost").packet(0, 0, b"lost").octets;
        assert_eq!(
            problem(file),
            (1, "packet 2 at byte 44 claims 4294967295 octets; nothing from there on was read".to_owned())
        );
    }

    #[test]
    fn a_snap_length_beyond_the_usual_lets_longer_packets_through() {
        let data = vec![1; 300_000];
        let (count, text) = problem(Pcap::with(Little, 0xa1b2_c3d4, (2, 4), 65_535, 1).packet(0, 0, &data).octets);
        assert_eq!(
            (count, text.as_str()),
            (0, "packet 1 at byte 24 claims 300000 octets; nothing from there on was read")
        );
        let (count, text) = problem(Pcap::with(Little, 0xa1b2_c3d4, (2, 4), 500_000, 1).packet(0, 0, &data).octets);
        assert_eq!((count, text.as_str()), (1, ""));
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_packets_before_and_says_where() {
        let whole = Pcap::new().packet(1, 0, b"first").packet(2, 0, b"second").octets;
        let ends = [24, 45, 67];
        for len in 24..=whole.len() {
            let (count, text) = problem(whole[..len].to_vec());
            assert_eq!(count, ends.iter().filter(|end| len >= **end).count() - 1, "{len}");
            let expected = if ends.contains(&len) {
                String::new()
            } else {
                format!("cut off in packet {} at byte {len}", count + 1)
            };
            assert_eq!(text, expected);
        }
        for len in 4..24 {
            assert_eq!(
                refusal(whole[..len].to_vec()),
                format!(
                    "test: the pcap file header is broken: the file is cut off in it at byte {len}; \
                     get the file again, or capture anew"
                )
            );
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        let said = refusal(Pcap::with(Little, 0xa1b2_c3d4, (1, 4), 65_535, 1).packet(0, 0, b"x").octets);
        assert!(said.contains("it says version 1.4, and only 2.x is known"), "{said}");
    }

    #[test]
    fn files_written_one_after_the_other_are_read_to_the_end() {
        let mut file = Pcap::new().packet(1, 0, b"a").octets;
        file.extend(Pcap::with(Big, 0xa1b2_3c4d, (2, 4), 65_535, 113).packet(2, 5, b"b").octets);
        let mut inputs = super::super::test_files::open(vec![file]).unwrap();
        let frames = super::super::test_files::frames(&mut inputs);
        assert_eq!(
            frames.iter().map(|frame| (frame.number, frame.link_type.0)).collect::<Vec<_>>(),
            [(1, 1), (2, 113)]
        );
        assert_eq!(frames[1].time.0, 2_000_000_005);
        assert_eq!(
            inputs.warnings(),
            [
                "test: several pcap files one after the other: a second file header after packet 1; Wireshark stops there"
            ]
        );
    }

    #[test]
    fn a_packet_of_the_second_that_looks_like_a_magic_is_a_packet() {
        let (frames, _) = read(Pcap::new().packet(0xa1b2_c3d4, 1, b"a").packet(0xd4c3_b2a1, 2, b"b").octets);
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn a_file_without_packets_is_fine() {
        let (frames, summary) = read(Pcap::with(Little, 0xa1b2_c3d4, (2, 4), 65_535, 276).octets);
        assert_eq!((frames.len(), summary.packets, summary.problem), (0, 0, None));
        assert_eq!(summary.link_types[0].raw(), "LINUX_SLL2");
        assert_eq!((summary.first, summary.dropped), (None, None));
    }
}
