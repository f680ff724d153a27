//! Files of this format, whole and damaged.

use super::ByteOrder::{Big, Little};
use super::*;
use crate::capture::test_files::{Ng, open, problem, read, refusal};

const MICROS: u64 = 1_700_000_000_123_456;
const NANOS: i64 = 1_700_000_000_123_456_000;

fn count(order: ByteOrder, count: u64) -> Vec<u8> {
    match order {
        Little => count.to_le_bytes().to_vec(),
        Big => count.to_be_bytes().to_vec(),
    }
}

#[test]
fn interfaces_of_different_link_type_and_snap_length_are_read() {
    for order in [Little, Big] {
        let file = Ng::new(order)
            .interface(1, 0, &[])
            .interface(276, 96, &[])
            .packet(1, MICROS, b"cooked")
            .packet(0, MICROS + 1, b"ether")
            .octets;
        let (frames, summary) = read(file);
        let seen: Vec<_> = frames.iter().map(|frame| (frame.number, frame.link_type.0, &frame.data[..])).collect();
        assert_eq!(seen, [(1, 276, &b"cooked"[..]), (2, 1, &b"ether"[..])]);
        assert_eq!(frames[1].time.0, NANOS + 1000);
        assert_eq!((summary.format.raw(), summary.problem), ("pcapng", None));
        let names: Vec<_> = summary.link_types.iter().map(|name| name.raw()).collect();
        assert_eq!(names, ["LINUX_SLL2", "EN10MB"]);
    }
}

#[test]
fn a_second_section_of_the_other_byte_order_is_read() {
    let file = Ng::new(Little)
        .interface(1, 0, &[])
        .packet(0, MICROS, b"little")
        .section(Big)
        .interface(113, 0, &[])
        .packet(0, MICROS, b"big")
        .octets;
    let (frames, summary) = read(file);
    assert_eq!(frames.iter().map(|frame| (frame.number, frame.link_type.0)).collect::<Vec<_>>(), [(1, 1), (2, 113)]);
    assert_eq!((frames[1].data.as_slice(), frames[1].time.0, summary.problem), (&b"big"[..], NANOS, None));
}

#[test]
fn every_resolution_and_offset_gives_a_time() {
    let cases: &[(u8, u64, i64, i64)] = &[
        (6, MICROS, 0, NANOS),
        (9, 1_700_000_000_123_456_789, 0, 1_700_000_000_123_456_789),
        (12, 1_500, 0, 1),
        (3, 1_700_000_000_123, 0, 1_700_000_000_123_000_000),
        (0, 1_700_000_000, 0, 1_700_000_000_000_000_000),
        (0, u64::MAX, 0, i64::MAX),
        (28, u64::MAX, 0, 1),
        (29, u64::MAX, 0, 0),
        (127, u64::MAX, 0, 0),
        (0x80, 3, 0, 3_000_000_000),
        (0x80 | 10, 1536, 0, 1_500_000_000),
        (0x80 | 32, 1 << 31, 0, 500_000_000),
        (255, u64::MAX, 0, 0),
        (6, 5, 1_700_000_000, 1_700_000_000_000_005_000),
        (6, 5, -1, -999_995_000),
        (6, 5, i64::MAX, i64::MAX),
        (6, 5, i64::MIN, i64::MIN),
    ];
    for (resolution, ticks, offset, nanos) in cases {
        let mut options = Ng::option(Little, 9, &[*resolution]);
        options.extend(Ng::option(Little, 14, &offset.to_le_bytes()));
        let (frames, _) = read(Ng::new(Little).interface(1, 0, &options).packet(0, *ticks, b"x").octets);
        assert_eq!(frames[0].time.0, *nanos, "{resolution} {ticks} {offset}");
    }
}

#[test]
fn simple_packet_has_prior_time_and_interface_snaplen() {
    let file = Ng::new(Little)
        .interface(1, 4, &[])
        .simple(3, b"abc")
        .packet(0, MICROS, b"x")
        .simple(9, b"abcd")
        .simple(2, b"ab")
        .octets;
    let (frames, summary) = read(file);
    let seen: Vec<_> = frames.iter().map(|frame| (frame.time.0, frame.orig_len, &frame.data[..])).collect();
    assert_eq!(seen, [(0, 3, &b"abc"[..]), (NANOS, 1, b"x"), (NANOS, 9, b"abcd"), (NANOS, 2, b"ab")]);
    assert_eq!((summary.first, summary.cut_frames), (Some(Timestamp(NANOS)), 1));
    let (frames, summary) = read(Ng::new(Little).interface(1, 0, &[]).simple(3, b"abc").octets);
    assert_eq!((frames.len(), summary.first, summary.last), (1, None, None));
}

#[test]
fn an_obsolete_packet_block_is_read_with_its_drops() {
    let mut body = vec![0, 0, 5, 0];
    body.extend(u32::to_le_bytes((MICROS >> 32) as u32));
    body.extend(u32::to_le_bytes(MICROS as u32));
    body.extend([3, 0, 0, 0, 9, 0, 0, 0]);
    body.extend(b"old");
    let (frames, summary) = read(Ng::new(Little).interface(1, 0, &[]).block(2, &body).octets);
    assert_eq!((frames[0].time.0, frames[0].orig_len, &frames[0].data[..]), (NANOS, 9, &b"old"[..]));
    assert_eq!(summary.dropped, Some(5));
}

#[test]
fn drops_are_counted_once_over_all_sources() {
    for order in [Little, Big] {
        let statistics = |interface: u8, drops: &[(u16, u64)]| {
            let mut body = match order {
                Little => vec![interface, 0, 0, 0],
                Big => vec![0, 0, 0, interface],
            };
            body.extend([0; 8]);
            for (code, drops) in drops {
                body.extend(Ng::option(order, *code, &count(order, *drops)));
            }
            body
        };
        let dropcount = Ng::option(order, 4, &count(order, 3));
        let file = Ng::new(order)
            .interface(1, 0, &[])
            .interface(1, 0, &[])
            .enhanced(0, 0, (1, 1), b"x", &dropcount)
            .enhanced(0, 0, (1, 1), b"x", &dropcount)
            .block(5, &statistics(0, &[(5, 4)]))
            .block(5, &statistics(1, &[(5, 1), (7, 10)]))
            .block(5, &statistics(1, &[(5, u64::MAX)]))
            .section(order)
            .interface(1, 0, &[])
            .block(5, &statistics(0, &[(5, 100)]))
            .octets;
        assert_eq!(read(file).1.dropped, Some(6 + 11 + 100));
        let silent = Ng::new(order).interface(1, 0, &[]).packet(0, 0, b"x").octets;
        assert_eq!(read(silent).1.dropped, None);
    }
}

#[test]
fn blocks_without_packets_are_passed_over_and_some_are_numbered() {
    let file = Ng::new(Little)
        .block(4, b"names")
        .block(10, b"secrets")
        .interface(1, 0, &[])
        .block(0xbad, b"\x01\0\0\0custom")
        .packet(0, 0, b"x")
        .block(0x4000_0bad, b"\x01\0\0\0custom")
        .block(0xabcd, &[1; 70_000])
        .packet(0, 0, b"y")
        .octets;
    let (frames, summary) = read(file);
    assert_eq!(frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [2, 4]);
    assert_eq!((summary.packets, summary.problem), (4, None));
}

#[test]
fn a_packet_of_an_unknown_interface_is_counted_and_named() {
    let file = Ng::new(Little).interface(1, 0, &[]).packet(0, 0, b"a").packet(7, 0, b"b").packet(0, 0, b"c").octets;
    let (frames, summary) = read(file);
    assert_eq!(frames.iter().map(|frame| frame.number).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(
        summary.problem.unwrap().raw(),
        "packet 2 at byte 84 is of interface 7, which the file does not describe; it was not read"
    );
}

#[test]
fn many_problems_are_three_and_a_number() {
    let mut file = Ng::new(Little).interface(1, 0, &[]);
    for _ in 0..10 {
        file = file.packet(7, 0, b"b");
    }
    file.octets.extend([6, 0, 0]);
    let (_, text) = problem(file.octets);
    assert_eq!(text.matches("interface 7").count(), 3);
    assert!(text.ends_with("; 7 more like these; cut off after packet 10 at byte 411"), "{text}");
}

#[test]
fn length_without_padding_is_rounded_up() {
    let mut file = Ng::new(Little).interface(1, 0, &[]).packet(0, 0, b"first").packet(0, 0, b"next").octets;
    // The first packet has five bytes, so its block has 37 without the padding.
    let start = 28 + 20;
    for at in [start + 4, start + 36] {
        assert_eq!(file[at], 40);
        file[at] = 37;
    }
    let (frames, _) = read(file);
    assert_eq!(frames.iter().map(|f| f.data.len()).collect::<Vec<_>>(), [5, 4]);
}

#[test]
fn a_length_that_lies_ends_the_file_with_its_place() {
    let good = || Ng::new(Little).interface(1, 0, &[]).packet(0, 0, b"good");
    for (total, text) in [
        (0, "claims 0 octets"),
        (8, "claims 8 octets"),
        (11, "claims 11 octets"),
        (MAX_BLOCK + 4, "claims 16777220 octets"),
        (u32::MAX, "claims 4294967295 octets"),
    ] {
        for (kind, what) in [(6u32, "packet 2"), (0x77, "the block of type 0x77 after packet 1")] {
            let mut file = good().octets;
            file.extend(kind.to_le_bytes());
            file.extend(total.to_le_bytes());
            file.extend([0; 64]);
            let expected = format!("{what} at byte 84 {text}; nothing from there on was read");
            assert_eq!(problem(file), (1, expected));
        }
    }
    for kind in [6, 0x77] {
        let mut file = good().block(kind, &[0; 24]).packet(0, 0, b"lost").octets;
        file[84 + 32] = 40;
        let (count, text) = problem(file);
        assert_eq!(count, 1);
        assert!(text.contains("at byte 84 has two lengths that differ, 36 and 40; nothing from there on"), "{text}");
    }
}

#[test]
fn lengths_inside_a_block_that_lie_cost_only_that_packet() {
    let file = Ng::new(Little)
        .interface(1, 0, &[])
        .enhanced(0, 0, (100, 100), b"four", &[])
        .enhanced(0, 0, (u32::MAX, 4), b"four", &[])
        .block(6, &[0; 8])
        .packet(0, 0, b"good")
        .octets;
    let (frames, summary) = read(file);
    assert_eq!(
        frames.iter().map(|frame| (frame.number, &frame.data[..])).collect::<Vec<_>>(),
        [(1, &b"four"[..]), (4, &b"good"[..])]
    );
    assert_eq!(
        summary.problem.unwrap().raw(),
        "packet 1 at byte 48 claims 100 octets; its block holds 4; \
         packet 2 at byte 84 claims 4294967295 octets; it was not read; \
         packet 3 at byte 120 has a block of 20 octets, too short for it"
    );
}

#[test]
fn an_option_longer_than_its_block_is_named_and_the_packet_read() {
    let file = Ng::new(Little)
        .interface(1, 0, &[9, 0, 99, 0])
        .enhanced(0, MICROS, (4, 4), b"four", &[1, 0, 200, 0, b'x', 0, 0, 0])
        .octets;
    assert_eq!(
        problem(file),
        (
            1,
            "an option of the interface block at byte 28 is longer than the block; \
             an option of packet 1 at byte 52 is longer than its block"
                .to_owned()
        )
    );
}

#[test]
fn a_file_cut_anywhere_gives_the_packets_before() {
    let whole = Ng::new(Little)
        .interface(1, 0, &[])
        .packet(0, 0, b"first")
        .block(4, b"names")
        .packet(0, 0, b"second")
        .block(5, &[0; 12])
        .octets;
    let (all, _) = read(whole.clone());
    for len in 28..whole.len() {
        let (frames, summary) = read(whole[..len].to_vec());
        assert_eq!(frames, all[..frames.len()]);
        let at_boundary = [28, 48, 88, 108, 148].contains(&len);
        let text = summary.problem.map_or_else(String::new, |text| text.raw().to_owned());
        assert_eq!(text.is_empty(), at_boundary, "{len}: {text}");
        assert!(at_boundary || text.starts_with("cut off ") && text.ends_with(&format!(" at byte {len}")), "{text}");
    }
    assert_eq!(problem(whole[..60].to_vec()), (0, "cut off in packet 1 at byte 60".to_owned()));
    assert_eq!(problem(whole[..100].to_vec()), (1, "cut off after packet 1 at byte 100".to_owned()));
}

#[test]
fn broken_section_header_is_an_error_only_at_the_start() {
    let mut file = Ng::new(Little).octets;
    file[8] = 0;
    assert!(refusal(file.clone()).contains("pcapng file header is broken: its byte-order magic is wrong"));
    let mut late = Ng::new(Little).interface(1, 0, &[]).packet(0, 0, b"x").octets;
    late.extend(file);
    assert_eq!(
        problem(late),
        (
            1,
            "the section header after packet 1 at byte 84 is broken: its byte-order magic is wrong; \
             nothing from there on was read"
                .to_owned()
        )
    );
    let mut file = Ng::new(Little).octets;
    file[12] = 2;
    assert!(refusal(file).contains("it says version 2, and only 1 is known"));
    let mut file = Ng::new(Little).octets;
    file[4] = 24;
    assert!(refusal(file).contains("it claims 24 octets"));
    let mut file = Ng::new(Little).octets;
    file[24] = 32;
    assert!(refusal(file).contains("its two lengths differ, 28 and 32"));
    assert!(refusal(Ng::new(Little).octets[..20].to_vec()).contains("the file is cut off in it at byte 20"));
}

#[test]
fn a_file_without_packets_is_fine() {
    let (frames, summary) = read(Ng::new(Big).interface(1, 0, &[]).octets);
    assert_eq!((frames.len(), summary.packets, summary.problem), (0, 0, None));
    assert_eq!(summary.link_types[0].raw(), "EN10MB");
    assert!(open(vec![Ng::new(Big).octets]).is_ok());
}
