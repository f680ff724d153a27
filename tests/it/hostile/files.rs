//! Capture files: block lengths, clocks, record lengths, link types.

use super::{Case, last_record, with_last};
use crate::support::capture_file::{Order, Pcapng};
use crate::support::wire::Wire;

pub(super) fn cases() -> Vec<Case> {
    [pcaps(), clocks(), blocks(), link_types()].into_iter().flatten().collect()
}

/// A file, and how often the DISCOVER in good order is to be seen in it.
fn file(name: impl Into<String>, bytes: Vec<u8>, last: usize) -> Case {
    Case { name: name.into(), bytes, says: None, sees: Vec::new(), last }
}

fn pcaps() -> Vec<Case> {
    let good = with_last(Wire::new()).pcap();
    let mut list = Vec::new();
    for (word, what) in [(2, "captured"), (3, "original")] {
        for length in [0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
            let mut bytes = good.clone();
            let at = 24 + 4 * word;
            bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
            // An original length is only told; with a captured one that is wrong the place in the file is lost.
            list.push(file(format!("pcap {what} length {length:#x}"), bytes, usize::from(word == 3)));
        }
    }
    for cut in [25, 39, 41, good.len() - 1] {
        list.push(file(format!("pcap cut at {cut}"), good[..cut].to_vec(), 0));
    }
    for fraction in [1_000_000u32, 0xffff_ffff] {
        let mut bytes = good.clone();
        bytes[28..32].copy_from_slice(&fraction.to_le_bytes());
        list.push(file(format!("pcap microseconds {fraction}"), bytes.clone(), 1));
        bytes[24..28].copy_from_slice(&fraction.to_le_bytes());
        list.push(file(format!("pcap seconds and microseconds {fraction}"), bytes, 1));
    }
    list
}

/// A pcapng file whose clock counts as `resolution` says, with any offset.
fn clocks() -> Vec<Case> {
    let mut list = Vec::new();
    for resolution in [0u8, 9, 10, 19, 20, 127, 128, 129, 191, 192, 255] {
        for offset in [0i64, -1, i64::MIN, i64::MAX] {
            let mut pcapng = Pcapng::new(Order::Little);
            let mut body = vec![1, 0, 0, 0, 0, 0, 4, 0];
            body.extend([9, 0, 1, 0, resolution, 0, 0, 0]);
            body.extend([14, 0, 8, 0]);
            body.extend(offset.to_le_bytes());
            body.extend([0, 0, 0, 0]);
            pcapng.block(1, &body);
            for ticks in [0u64, 1, u64::MAX] {
                packet(&mut pcapng, ticks, None);
            }
            list.push(file(format!("pcapng clock {resolution}, offset {offset}"), last(pcapng), 4));
        }
    }
    list
}

/// An enhanced packet block of any time, with the captured length as it is or as said.
fn packet(pcapng: &mut Pcapng, ticks: u64, length: Option<u32>) {
    let frame = last_record().data;
    let len = length.unwrap_or(frame.len() as u32);
    let words = [0, (ticks >> 32) as u32, ticks as u32, len, len];
    let body: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).chain(frame).collect();
    pcapng.block(6, &body);
}

/// The file with one more section that holds the DISCOVER.
fn last(mut pcapng: Pcapng) -> Vec<u8> {
    pcapng.section(Order::Big, &[]);
    pcapng.interface(1, 0, 6, "good");
    pcapng.packet(0, &last_record(), &[]);
    pcapng.into_bytes()
}

fn blocks() -> Vec<Case> {
    let mut list = Vec::new();
    // Lengths inside a block that is itself in order: what follows is read.
    for length in [0u32, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let mut pcapng = Pcapng::new(Order::Little);
        pcapng.interface(1, 0, 6, "x");
        packet(&mut pcapng, 0, Some(length));
        list.push(file(format!("pcapng captured length {length:#x}"), last(pcapng), 1));
    }
    for length in [1u16, 0x7fff, 0x8000, 0xffff] {
        let mut pcapng = Pcapng::new(Order::Little);
        let option = [&[2, 0][..], &length.to_le_bytes(), b"x\0\0\0"].concat();
        pcapng.block(1, &[&[1, 0, 0, 0, 0, 0, 4, 0][..], &option].concat());
        packet(&mut pcapng, 0, None);
        list.push(file(format!("pcapng option of length {length}"), last(pcapng), 2));
    }
    for kind in [0u32, 2, 4, 7, 0xbad, 0x8000_0000, 0xffff_ffff] {
        let mut pcapng = Pcapng::new(Order::Little);
        pcapng.block(kind, &[]);
        pcapng.block(kind, &[0xff; 64]);
        list.push(file(format!("pcapng block of kind {kind:#x}"), last(pcapng), 1));
    }
    for kind in [1, 2, 3, 5, 6] {
        let mut empty = Pcapng::new(Order::Little);
        empty.block(kind, &[]);
        // Without its interfaces a section is not to be read.
        list.push(file(format!("pcapng block of kind {kind} without a body"), last(empty), usize::from(kind != 1)));
    }
    let mut none = Pcapng::new(Order::Little);
    packet(&mut none, 0, None);
    list.push(file("pcapng packet of no interface", last(none), 1));
    // The length of a block itself.
    for length in [0u32, 1, 4, 11, 13, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff] {
        let mut pcapng = Pcapng::new(Order::Little);
        let at = pcapng.clone().into_bytes().len();
        pcapng.block(0xbad, &[0; 8]);
        let mut bytes = last(pcapng);
        bytes[at + 4..at + 8].copy_from_slice(&length.to_le_bytes());
        list.push(file(format!("pcapng block of length {length:#x}"), bytes, 0));
    }
    list
}

fn link_types() -> Vec<Case> {
    let frame = last_record().data;
    let mut list = Vec::new();
    for link in [0u32, 9, 12, 101, 104, 105, 107, 108, 113, 127, 163, 192, 228, 229, 276, 65_535, 0x0fff_ffff] {
        // A frame that is none of this link type, cut at every octet: nothing is to be seen, and nothing breaks.
        let wire = (0..frame.len().min(120)).fold(Wire::new(), |wire, len| wire.frame(&frame[..len]));
        list.push(file(format!("link type {link}"), with_last(wire).pcap_of(link), 0));
    }
    list
}
