//! Files of Wireshark: pcapng, with sections of either byte order and interfaces of different kinds.
//!
//! Blocks that hold no packet are skipped unread, decryption secrets among them. Wireshark numbers a few blocks as
//! frames that are none (custom blocks, journal entries, system calls); they count here too, so that numbers agree.
//!
//! Source: draft-ietf-opsawg-pcapng.

use super::reader::{self, ByteOrder, FrameHead, MAX_LONG_PACKET, Step};
use super::stream::Stream;
use super::tally::Tally;
use crate::types::{LinkType, Timestamp};

/// The longest block; Wireshark's bound too.
const MAX_BLOCK: u32 = 16 << 20;
/// Interfaces of one section.
const MAX_INTERFACES: usize = 65_536;
/// Type, total length, and the total length again at the end.
const BLOCK_FRAME: usize = 12;

/// The first bytes of the file: the type of the section header block, the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

mod block {
    pub(super) const SECTION: u32 = 0x0a0d_0d0a;
    pub(super) const INTERFACE: u32 = 1;
    pub(super) const PACKET: u32 = 2;
    pub(super) const SIMPLE_PACKET: u32 = 3;
    pub(super) const STATISTICS: u32 = 5;
    pub(super) const ENHANCED_PACKET: u32 = 6;
    /// Systemd journal export; custom, copied or not; Sysdig events. Frames to Wireshark.
    pub(super) const NUMBERED: [u32; 7] = [9, 0xbad, 0x4000_0bad, 0x204, 0x208, 0x216, 0x217];
}

mod option {
    pub(super) const END: u16 = 0;
    pub(super) const IF_TSRESOL: u16 = 9;
    pub(super) const IF_TSOFFSET: u16 = 14;
    pub(super) const EPB_DROPCOUNT: u16 = 4;
    pub(super) const ISB_IFDROP: u16 = 5;
    pub(super) const ISB_OSDROP: u16 = 7;
}

/// What one tick of an interface's clock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resolution {
    /// So many nanoseconds.
    Nanos(u64),
    /// So many ticks are a nanosecond.
    PerNano(u64),
    /// A second over two to this power.
    Binary(u8),
    /// So short that 64 bits of them are less than a nanosecond.
    Tiny,
}

impl Resolution {
    /// From if_tsresol: a negative power of ten, or of two where the top bit is set.
    fn from_option(value: u8) -> Resolution {
        let power = value & 0x7f;
        if value & 0x80 != 0 {
            return Resolution::Binary(power);
        }
        match power {
            0..=9 => Resolution::Nanos(10u64.pow(u32::from(9 - power))),
            10..=28 => Resolution::PerNano(10u64.pow(u32::from(power - 9))),
            _ => Resolution::Tiny,
        }
    }

    fn nanos(self, ticks: u64) -> i128 {
        match self {
            Resolution::Nanos(nanos) => i128::from(ticks) * i128::from(nanos),
            Resolution::PerNano(ticks_per_nano) => i128::from(ticks / ticks_per_nano.max(1)),
            Resolution::Binary(power) => (i128::from(ticks) * 1_000_000_000) >> power,
            Resolution::Tiny => 0,
        }
    }
}

/// An interface of the current section.
struct Interface {
    link_type: LinkType,
    /// Bytes kept of a packet; 0 is no limit.
    snaplen: u32,
    resolution: Resolution,
    offset_seconds: i64,
    /// Drops as the statistics say, and as the packets say. Both count the same drops.
    dropped: [Option<u64>; 2],
}

impl Interface {
    #[inline]
    fn time(&self, ticks: u64) -> Timestamp {
        if let (Resolution::Nanos(nanos), 0) = (self.resolution, self.offset_seconds)
            && let Some(time) = ticks.checked_mul(nanos).and_then(|time| i64::try_from(time).ok())
        {
            return Timestamp(time);
        }
        let nanos = self.resolution.nanos(ticks) + i128::from(self.offset_seconds) * 1_000_000_000;
        Timestamp(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
    }

    fn dropped(&self) -> Option<u64> {
        self.dropped.iter().flatten().max().copied()
    }
}

/// A packet's place in its block, with numbers as they stand there.
struct Packet {
    interface: u32,
    /// `None`: the block has no time.
    ticks: Option<u64>,
    /// `None`: as much as the interface's snap length lets through.
    captured: Option<u32>,
    orig_len: u32,
    /// Where its bytes start in the block.
    at: usize,
    /// Dropped before it, as a Packet Block says.
    dropped: Option<u16>,
}

impl Packet {
    fn parse(kind: u32, order: ByteOrder, block: &[u8]) -> Option<Packet> {
        let word = |at| reader::u32_at(order, block, at);
        let half = |at| reader::u16_at(order, block, at);
        let ticks = |at| Some(u64::from(word(at)?) << 32 | u64::from(word(at + 4)?));
        Some(match kind {
            block::ENHANCED_PACKET => Packet {
                interface: word(8)?,
                ticks: Some(ticks(12)?),
                captured: Some(word(20)?),
                orig_len: word(24)?,
                at: 28,
                dropped: None,
            },
            block::PACKET => Packet {
                interface: u32::from(half(8)?),
                ticks: Some(ticks(12)?),
                captured: Some(word(20)?),
                orig_len: word(24)?,
                at: 28,
                dropped: half(10).filter(|count| *count != u16::MAX),
            },
            _ => Packet { interface: 0, ticks: None, captured: None, orig_len: word(8)?, at: 12, dropped: None },
        })
    }
}

/// Reads a pcapng file.
pub(super) struct Pcapng {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// Drops of the sections before this one.
    dropped_before: Option<u64>,
    number: u64,
    last_time: Timestamp,
    /// Bytes of the block given last, which stay in the stream until the next step.
    given: usize,
}

impl Pcapng {
    /// Reads the first section header.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn open(stream: &mut Stream, tally: &mut Tally) -> Result<Pcapng, String> {
        let mut reader = Pcapng {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            dropped_before: None,
            number: 0,
            last_time: Timestamp::default(),
            given: 0,
        };
        let len = reader.section_len(stream)?;
        if !stream.ensure(len) {
            return Err(format!("the file is cut off in it at byte {}", stream.end_position()));
        }
        reader.section(stream, len, tally)?;
        stream.consume(len);
        Ok(reader)
    }

    /// The next packet.
    pub(super) fn next(&mut self, stream: &mut Stream, tally: &mut Tally, head: &mut FrameHead) -> Step {
        loop {
            stream.consume(self.given);
            self.given = 0;
            if !stream.ensure(8) {
                return reader::end(stream, tally, format_args!("after packet {}", self.number), self.number);
            }
            let kind = reader::u32_at(self.order, stream.ahead(), 0).unwrap_or_default();
            if kind == block::SECTION {
                if let Some(stop) = self.next_section(stream, tally) {
                    return stop;
                }
                continue;
            }
            let total = reader::u32_at(self.order, stream.ahead(), 4).unwrap_or_default();
            if !(12..=MAX_BLOCK).contains(&total) {
                return self.corrupt(stream, tally, kind, format_args!("claims {total} octets"));
            }
            // Some writers pad the block and leave the padding out of its length.
            let padded = total.next_multiple_of(4);
            let len = padded as usize;
            match kind {
                block::ENHANCED_PACKET
                | block::PACKET
                | block::SIMPLE_PACKET
                | block::INTERFACE
                | block::STATISTICS => {}
                _ => match self.skip(stream, tally, kind, total) {
                    Some(stop) => return stop,
                    None => continue,
                },
            }
            if !stream.ensure(len) {
                return match kind {
                    block::INTERFACE | block::STATISTICS => self.cut_after(stream, tally),
                    _ => reader::cut(stream, tally, format_args!("in packet {}", self.number + 1)),
                };
            }
            let trailer = reader::u32_at(self.order, stream.ahead(), len - 4).unwrap_or_default();
            if trailer != total {
                return self.mismatch(stream, tally, kind, total, trailer);
            }
            self.given = len;
            match kind {
                block::INTERFACE => {
                    if let Err(what) = self.interface(stream, len, tally) {
                        let place = reader::place(stream, stream.position());
                        tally.fatal(format!("the interface block at {place} {what}; nothing from there on was read"));
                        return Step::End;
                    }
                }
                block::STATISTICS => self.statistics(stream, len, tally),
                _ => {
                    self.number += 1;
                    tally.packets(self.number);
                    if let Some(packet) = self.packet(kind, stream, len, tally) {
                        *head = packet;
                        return Step::Frame;
                    }
                }
            }
        }
    }

    /// Byte order and length of the section header ahead.
    fn section_len(&mut self, stream: &mut Stream) -> Result<usize, String> {
        if !stream.ensure(BLOCK_FRAME) {
            return Err(format!("the file is cut off in it at byte {}", stream.end_position()));
        }
        self.order = match stream.ahead().get(8..12) {
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => ByteOrder::Little,
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => ByteOrder::Big,
            _ => return Err("its byte-order magic is wrong".to_owned()),
        };
        let total = reader::u32_at(self.order, stream.ahead(), 4).unwrap_or_default();
        if total < 28 || !total.is_multiple_of(4) || total > MAX_BLOCK {
            return Err(format!("it claims {total} octets"));
        }
        Ok(total as usize)
    }

    /// Starts the section whose header of `len` bytes lies ahead.
    fn section(&mut self, stream: &Stream, len: usize, tally: &mut Tally) -> Result<(), String> {
        let header = stream.slice(0, len);
        let trailer = reader::u32_at(self.order, header, len - 4).unwrap_or_default();
        if trailer as usize != len {
            return Err(format!("its two lengths differ, {len} and {trailer}"));
        }
        let major = reader::u16_at(self.order, header, 12).unwrap_or_default();
        if major != 1 {
            return Err(format!("it says version {major}, and only 1 is known"));
        }
        self.dropped_before = self.dropped();
        self.interfaces.clear();
        if options(self.order, header.get(24..len - 4).unwrap_or_default(), |_, _| {}).is_err() {
            let place = reader::place(stream, stream.position());
            tally.problem(|| format!("an option of the section header at {place} is longer than the header"));
        }
        Ok(())
    }

    /// Goes on into another section; a step only where that is the end.
    fn next_section(&mut self, stream: &mut Stream, tally: &mut Tally) -> Option<Step> {
        if !stream.ensure(BLOCK_FRAME) {
            return Some(self.cut_after(stream, tally));
        }
        let broken = match self.section_len(stream) {
            Ok(len) if !stream.ensure(len) => return Some(self.cut_after(stream, tally)),
            Ok(len) => match self.section(stream, len, tally) {
                Ok(()) => {
                    self.given = len;
                    return None;
                }
                Err(what) => what,
            },
            Err(what) => what,
        };
        let place = reader::place(stream, stream.position());
        tally.fatal(format!(
            "the section header after packet {} at {place} is broken: {broken}; nothing from there on was read",
            self.number
        ));
        Some(Step::End)
    }

    /// Skips a block that holds no packet; a step only where that is the end.
    fn skip(&mut self, stream: &mut Stream, tally: &mut Tally, kind: u32, total: u32) -> Option<Step> {
        let start = stream.position();
        let numbered = block::NUMBERED.contains(&kind);
        if !stream.skip(u64::from(total.next_multiple_of(4) - 4)) || !stream.ensure(4) {
            if numbered {
                return Some(reader::cut(stream, tally, format_args!("in packet {}", self.number + 1)));
            }
            return Some(self.cut_after(stream, tally));
        }
        let trailer = reader::u32_at(self.order, stream.ahead(), 0).unwrap_or_default();
        if trailer != total {
            let place = reader::place(stream, start);
            tally.fatal(self.mismatch_text(&place, kind, total, trailer));
            return Some(Step::End);
        }
        stream.consume(4);
        if numbered {
            self.number += 1;
            tally.packets(self.number);
        }
        None
    }

    fn interface(&mut self, stream: &Stream, len: usize, tally: &mut Tally) -> Result<(), &'static str> {
        let block = stream.slice(0, len);
        let (Some(link_type), Some(snaplen), true) =
            (reader::u16_at(self.order, block, 8), reader::u32_at(self.order, block, 12), len >= 20)
        else {
            return Err("is too short");
        };
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err("is one of too many");
        }
        let mut interface = Interface {
            link_type: LinkType::from_file(u32::from(link_type)),
            snaplen,
            resolution: Resolution::Nanos(1000),
            offset_seconds: 0,
            dropped: [None; 2],
        };
        let order = self.order;
        let whole = options(order, block.get(16..len - 4).unwrap_or_default(), |code, value| match (code, value) {
            (option::IF_TSRESOL, [power, ..]) => interface.resolution = Resolution::from_option(*power),
            (option::IF_TSOFFSET, _) => {
                interface.offset_seconds = reader::u64_at(order, value, 0).map_or(0, u64::cast_signed);
            }
            _ => {}
        });
        if whole.is_err() {
            let place = reader::place(stream, stream.position());
            tally.problem(|| format!("an option of the interface block at {place} is longer than the block"));
        }
        tally.declared(interface.link_type);
        self.interfaces.push(interface);
        Ok(())
    }

    fn statistics(&mut self, stream: &Stream, len: usize, tally: &mut Tally) {
        let order = self.order;
        let block = stream.slice(0, len);
        let mut drops: Option<u64> = None;
        // A program that does not know writes all ones.
        let whole = options(order, block.get(20..len - 4).unwrap_or_default(), |code, value| {
            if let (option::ISB_IFDROP | option::ISB_OSDROP, Some(count)) = (code, reader::u64_at(order, value, 0))
                && count != u64::MAX
            {
                drops = Some(drops.unwrap_or(0).saturating_add(count));
            }
        });
        if whole.is_err() {
            let place = reader::place(stream, stream.position());
            tally.problem(|| format!("an option of the statistics block at {place} is longer than the block"));
        }
        let interface = reader::u32_at(order, block, 8).and_then(|id| self.interfaces.get_mut(id as usize));
        if let (Some(interface), Some(drops)) = (interface, drops) {
            let [by_statistics, _] = &mut interface.dropped;
            *by_statistics = (*by_statistics).max(Some(drops));
        }
    }

    fn packet(&mut self, kind: u32, stream: &Stream, len: usize, tally: &mut Tally) -> Option<FrameHead> {
        let number = self.number;
        let here = || reader::place(stream, stream.position());
        let block = stream.slice(0, len);
        let order = self.order;
        let Some(packet) = Packet::parse(kind, order, block).filter(|packet| packet.at + 4 <= len) else {
            tally.problem(|| format!("packet {number} at {} has a block of {len} octets, too short for it", here()));
            return None;
        };
        let Some(interface) = self.interfaces.get_mut(packet.interface as usize) else {
            tally.problem(|| {
                format!(
                    "packet {number} at {} is of interface {}, which the file does not describe; it was not read",
                    here(),
                    packet.interface
                )
            });
            return None;
        };
        let room = len - 4 - packet.at;
        let captured = packet.captured.unwrap_or_else(|| {
            let snaplen = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
            packet.orig_len.min(snaplen).min(u32::try_from(room).unwrap_or(u32::MAX))
        });
        if captured > MAX_LONG_PACKET {
            tally.problem(|| format!("packet {number} at {} claims {captured} octets; it was not read", here()));
            return None;
        }
        if captured as usize > room {
            tally.problem(|| format!("packet {number} at {} claims {captured} octets; its block holds {room}", here()));
        }
        let kept = (captured as usize).min(room);
        let time = packet.ticks.map(|ticks| interface.time(ticks));
        let mut dropped = packet.dropped.map(u64::from);
        let rest = block.get(packet.at + kept.next_multiple_of(4)..len - 4).unwrap_or_default();
        if kind != block::SIMPLE_PACKET && !rest.is_empty() {
            let whole = options(order, rest, |code, value| {
                if kind == block::ENHANCED_PACKET && code == option::EPB_DROPCOUNT {
                    dropped = reader::u64_at(order, value, 0).filter(|count| *count != u64::MAX);
                }
            });
            if whole.is_err() {
                tally.problem(|| format!("an option of packet {number} at {} is longer than its block", here()));
            }
        }
        let link_type = interface.link_type;
        if let Some(dropped) = dropped {
            let [_, by_packets] = &mut interface.dropped;
            *by_packets = Some(by_packets.unwrap_or(0).saturating_add(dropped));
        }
        self.last_time = time.unwrap_or(self.last_time);
        Some(FrameHead {
            number,
            time: self.last_time,
            timed: time.is_some(),
            link_type,
            orig_len: packet.orig_len,
            at: packet.at,
            len: kept,
        })
    }

    /// Drops so far, over all sections and interfaces.
    pub(super) fn dropped(&self) -> Option<u64> {
        let here = self.interfaces.iter().filter_map(Interface::dropped);
        self.dropped_before.into_iter().chain(here).reduce(u64::saturating_add)
    }

    #[cold]
    fn cut_after(&self, stream: &Stream, tally: &mut Tally) -> Step {
        reader::cut(stream, tally, format_args!("after packet {}", self.number))
    }

    #[cold]
    fn corrupt(&self, stream: &Stream, tally: &mut Tally, kind: u32, what: std::fmt::Arguments<'_>) -> Step {
        let place = reader::place(stream, stream.position());
        tally.fatal(format!("{} at {place} {what}; nothing from there on was read", self.block_name(kind)));
        Step::End
    }

    #[cold]
    fn mismatch(&self, stream: &Stream, tally: &mut Tally, kind: u32, total: u32, trailer: u32) -> Step {
        let place = reader::place(stream, stream.position());
        tally.fatal(self.mismatch_text(&place, kind, total, trailer));
        Step::End
    }

    fn mismatch_text(&self, place: &str, kind: u32, total: u32, trailer: u32) -> String {
        format!(
            "{} at {place} has two lengths that differ, {total} and {trailer}; nothing from there on was read",
            self.block_name(kind)
        )
    }

    fn block_name(&self, kind: u32) -> String {
        match kind {
            block::ENHANCED_PACKET | block::PACKET | block::SIMPLE_PACKET => format!("packet {}", self.number + 1),
            _ => format!("the block of type {kind:#x} after packet {}", self.number),
        }
    }
}

/// Calls `each` with every option; an error where one is longer than what is left.
fn options(order: ByteOrder, mut octets: &[u8], mut each: impl FnMut(u16, &[u8])) -> Result<(), ()> {
    while let (Some(code), Some(len)) = (reader::u16_at(order, octets, 0), reader::u16_at(order, octets, 2)) {
        let len = usize::from(len);
        if code == option::END {
            break;
        }
        each(code, octets.get(4..4 + len).ok_or(())?);
        octets = octets.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
