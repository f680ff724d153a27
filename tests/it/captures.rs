//! The files in `captures/` are what the programs in `tests/support` write. `BLESS=1` writes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::frame::mac;
use crate::support::shipped::{readme, shipped, sites};
use crate::support::span::{FRAMES_PER_BOOT, Plan, write};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some_and(|v| v == "1")
}

/// Every file that belongs in the folder, by path, with its content.
fn files() -> Vec<(String, Vec<u8>)> {
    let captures = shipped().into_iter().map(|s| (s.path.to_owned(), (s.build)()));
    let sites = sites().into_iter().map(|s| (s.path.to_owned(), s.text.as_bytes().to_vec()));
    captures.chain(sites).chain([("README.md".to_owned(), readme().into_bytes())]).collect()
}

#[test]
fn shipped_captures_are_what_their_programs_write() {
    let mut stale = Vec::new();
    for (path, bytes) in files() {
        let file = folder().join(&path);
        if fs::read(&file).is_ok_and(|there| there == bytes) {
            continue;
        }
        if blessing() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, bytes).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "stale or missing, BLESS=1 writes them: {stale:#?}");
}

#[test]
fn no_capture_lies_around_that_no_program_writes() {
    let known: BTreeSet<PathBuf> = files().into_iter().map(|(path, _)| folder().join(path)).collect();
    let mut strays = Vec::new();
    let mut open = vec![folder()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            // Captures of bug reports are recorded, not built.
            if path.ends_with("captures/regress") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if !known.contains(&path) {
                strays.push(path);
            }
        }
    }
    assert!(strays.is_empty(), "{strays:#?}");
}

#[test]
fn every_expected_phone_is_in_its_capture() {
    for capture in shipped() {
        let bytes = (capture.build)();
        assert!(!capture.expect.is_empty(), "{} expects nothing", capture.path);
        for (phone, ..) in capture.expect {
            let mac = mac(phone);
            assert!(bytes.windows(6).any(|w| w == mac), "{} has no frame of {phone}", capture.path);
        }
    }
}

#[test]
fn shipped_captures_stay_small() {
    let total: usize = files().iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(total < 3_000_000, "{total} bytes");
}

#[test]
fn the_span_capture_holds_what_its_plan_says() {
    let mut bytes = Vec::new();
    // Segment 3 has the wrong scope.
    let plan = Plan { packets: 20_000, phones: 1000 };
    assert_eq!(write(&mut bytes, plan).unwrap(), plan.packets);
    let mut voice = 0;
    let mut rejects = 0;
    let mut last = (0, 0);
    let mut rest = &bytes[24..];
    while !rest.is_empty() {
        let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
        let time = (word(0), word(4));
        assert!(time >= last, "time goes back");
        last = time;
        let (frame, after) = rest[16..].split_at(word(8) as usize);
        voice += u64::from(frame.len() == 214 && frame[42] == 0x80);
        rejects += u64::from(frame.windows(13).any(|w| w == b"Version Error"));
        rest = after;
    }
    assert_eq!(voice, plan.packets - plan.phones * FRAMES_PER_BOOT);
    assert_eq!(rejects, 200);
}

/// The IPv4 packets in the frames of a pcap file of Ethernet; fragments and tunnels as they are.
fn packets(file: &[u8]) -> Vec<&[u8]> {
    let mut list = Vec::new();
    let mut rest = &file[24..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (mut frame, after) = rest[16..].split_at(length);
        while frame[12..14] == [0x81, 0] || frame[12..14] == [0x88, 0xa8] {
            frame = &frame[4..];
        }
        if frame[12..14] == [8, 0] {
            let total = usize::from(u16::from_be_bytes([frame[16], frame[17]]));
            list.push(&frame[14..14 + total]);
        }
        rest = after;
    }
    list
}

/// Sums 16-bit words the plain way, so that a right checksum gives 0xffff.
fn sum(bytes: &[u8]) -> u64 {
    let total: u64 = bytes.chunks(2).map(|p| u64::from(p[0]) * 256 + u64::from(*p.get(1).unwrap_or(&0))).sum();
    if total == 0 { 0 } else { (total - 1) % 0xffff + 1 }
}

#[test]
fn checksums_in_shipped_captures_are_right() {
    let mut checked = 0;
    for capture in shipped() {
        let bytes = (capture.build)();
        if bytes[..4] != [0xd4, 0xc3, 0xb2, 0xa1] || bytes[20] != 1 {
            continue;
        }
        for packet in packets(&bytes) {
            assert_eq!(sum(&packet[..20]), 0xffff, "{}: IPv4 header", capture.path);
            let whole = packet[6] & 0x3f == 0 && packet[7] == 0;
            if whole && matches!(packet[9], 6 | 17) {
                let length = (packet.len() - 20) as u16;
                let pseudo = [&packet[12..20], &[0, packet[9]], &length.to_be_bytes(), &packet[20..]].concat();
                assert_eq!(sum(&pseudo), 0xffff, "{}: UDP or TCP", capture.path);
                checked += 1;
            }
        }
    }
    assert!(checked > 5000, "only {checked} packets");
}
