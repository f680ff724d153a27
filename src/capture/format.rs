//! What kind of file this is, by its first bytes; never by its name.
//!
//! Formats that are not read are named, with the program that converts them: "not a capture" helps nobody who has
//! just been sent one.

use super::events_file::{self, FirstLine};
use super::stream::Stream;
use super::{compressed, pcap_file, pcapng, snoop};

/// Bytes looked at before a file is called text.
const SAMPLE: usize = 512;

/// What the first bytes say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Pcap,
    Pcapng,
    Snoop,
    Events,
    Gzip,
    Zstd,
    Empty,
    /// Known, but not read.
    Foreign(Foreign),
    /// The first bytes in hex.
    Unknown(String),
}

/// A format that is known, but not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Foreign {
    /// With its article.
    pub(super) what: &'static str,
    pub(super) way: MagicMatch,
}

/// What makes a file readable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MagicMatch {
    /// Wireshark's editcap converts it.
    Editcap,
    /// A program unpacks it.
    Unpack(&'static str),
    /// In other words.
    Advice(&'static str),
}

impl MagicMatch {
    /// The advice for the file at `path`; `None`: for standard input.
    pub(super) fn text(self, path: Option<&str>) -> String {
        match (self, path) {
            (MagicMatch::Editcap, Some(path)) => format!("convert it: editcap {path} OUT.pcap"),
            (MagicMatch::Editcap, None) => "save it to a file and convert that: editcap FILE OUT.pcap".to_owned(),
            (MagicMatch::Unpack(command), Some(path)) => format!("unpack it first: {command} {path}"),
            (MagicMatch::Unpack(command), None) => format!("unpack it first ({command})"),
            (MagicMatch::Advice(advice), _) => advice.to_owned(),
        }
    }
}

/// Formats known by their first bytes.
const MAGICS: &[(&[u8], &str, MagicMatch)] = &[
    (b"RTSS", "a Microsoft Network Monitor 1 capture", MagicMatch::Editcap),
    (b"GMBU", "a Microsoft Network Monitor 2 capture", MagicMatch::Editcap),
    (b"TRSNIFF data    \x1a", "a Sniffer (DOS) capture", MagicMatch::Editcap),
    (b"XCP\0", "a Sniffer (Windows) or NetXRay capture", MagicMatch::Editcap),
    (b"VL\0\0", "a NetXRay capture", MagicMatch::Editcap),
    (b"\x7fver", "an OmniPeek capture", MagicMatch::Editcap),
    (b"ObserverPktBufferVersion=", "a Network Instruments Observer capture", MagicMatch::Editcap),
    (b"iptrace 1.0", "an AIX iptrace capture", MagicMatch::Editcap),
    (b"iptrace 2.0", "an AIX iptrace capture", MagicMatch::Editcap),
    (b"EyeSDN", "an EyeSDN capture", MagicMatch::Editcap),
    (b"\x05VNF", "a Visual Networks capture", MagicMatch::Editcap),
    (b"\xaa\xaa\xaa\xaa", "an Accellent 5Views capture", MagicMatch::Editcap),
    (b"TR\x00d\x00", "an HP-UX nettl trace", MagicMatch::Editcap),
    (b"NSTRACE", "a NetScaler trace", MagicMatch::Editcap),
    (
        b"btsnoop\0",
        "a Bluetooth capture (btsnoop)",
        MagicMatch::Advice("it holds no Ethernet; give a capture of the phones"),
    ),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", "a Tektronix K12 capture", MagicMatch::Editcap),
    (b"+---------+---------------+----------+", "a Tektronix K12 text export", MagicMatch::Editcap),
    (b"\x1c\x00\x01\xac", "an Ixia lcap capture", MagicMatch::Editcap),
    (b"\x1c\x00\x01\xab", "an Ixia lcap capture", MagicMatch::Editcap),
    (b"\xac\x01\x00\x1c", "an Ixia lcap capture", MagicMatch::Editcap),
    (b"\xab\x01\x00\x1c", "an Ixia lcap capture", MagicMatch::Editcap),
    (b"\xa1\xb2\xc3\xcd", "a pcap of a variant that is not known", MagicMatch::Editcap),
    (b"\xfd7zXZ\0", "compressed with xz", MagicMatch::Unpack("xz -d")),
    (b"BZh", "compressed with bzip2", MagicMatch::Unpack("bzip2 -d")),
    (b"\x04\x22\x4d\x18", "compressed with lz4", MagicMatch::Unpack("lz4 -d")),
    (b"\x1f\x9d", "compressed with compress", MagicMatch::Unpack("uncompress")),
    (b"PK\x03\x04", "a zip archive", MagicMatch::Unpack("unzip")),
    (b"PK\x05\x06", "an empty zip archive", MagicMatch::Advice("get the file again")),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", MagicMatch::Unpack("7z x")),
    (b"Rar!\x1a\x07", "a RAR archive", MagicMatch::Unpack("unrar x")),
    (b"MSCF", "a cabinet archive", MagicMatch::Unpack("cabextract")),
    (b"\0\0\0\x01Bud1", "a folder's settings (.DS_Store)", MagicMatch::Advice("leave it out")),
    (b"ElfFile\0", "a Windows event log", MagicMatch::Advice("give a capture of the network")),
    (b"%PDF", "a PDF document", MagicMatch::Advice("give the capture itself")),
    (b"\x7fELF", "a program", MagicMatch::Advice("give a capture")),
    (b"\x89PNG", "a picture", MagicMatch::Advice("give the capture itself, not a picture of it")),
    (b"\xff\xd8\xff", "a picture", MagicMatch::Advice("give the capture itself, not a picture of it")),
];

/// What a transfer in text mode makes of the first bytes of a pcapng, which were chosen to show it.
const TEXT_MODE: &[&[u8]] = &[b"\x0a\x0a", b"\x0a\x0d\x0a", b"\x0d\x0a\x0d\x0d\x0d\x0a"];

/// Looks at what lies ahead and consumes nothing.
pub(super) fn recognise(stream: &mut Stream) -> Format {
    if !stream.ensure(1) {
        return Format::Empty;
    }
    // No more is asked for than is needed: a live pipe may have no more for a long time.
    if let Some(format) = stream.ensure(4).then(|| by_magic(stream)).flatten() {
        return format;
    }
    if let Some(format) = by_first_line(stream) {
        return format;
    }
    stream.ensure(SAMPLE);
    let sample = stream.slice(0, SAMPLE);
    let foreign = MAGICS
        .iter()
        .find(|(magic, _, _)| sample.starts_with(magic))
        .map(|(_, what, way)| Foreign { what, way: *way })
        .or_else(|| by_text(sample))
        .or_else(|| by_structure(sample));
    foreign.map_or_else(|| Format::Unknown(hex(sample)), Format::Foreign)
}

fn by_magic(stream: &mut Stream) -> Option<Format> {
    let first = *stream.ahead().first_chunk::<4>()?;
    if pcap_file::is_magic(first) {
        return Some(Format::Pcap);
    }
    if first == pcapng::MAGIC {
        return Some(Format::Pcapng);
    }
    if first.starts_with(&compressed::GZIP_MAGIC) {
        return Some(Format::Gzip);
    }
    if compressed::is_zstd(first) {
        return Some(Format::Zstd);
    }
    (snoop::MAGIC.starts_with(&first) && stream.ensure(8) && stream.ahead().starts_with(snoop::MAGIC))
        .then_some(Format::Snoop)
}

/// Lines of JSON: events, or a report.
fn by_first_line(stream: &mut Stream) -> Option<Format> {
    let start = stream.ahead().strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream.ahead()).trim_ascii_start();
    if !start.is_empty() && !start.starts_with(b"{") {
        return None;
    }
    let (len, _) = events_file::find_line(stream)?;
    let line = stream.slice(0, len);
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    match events_file::first_line(line) {
        FirstLine::Events => Some(Format::Events),
        FirstLine::Report => Some(Format::Foreign(REPORT)),
        FirstLine::Other => None,
    }
}

const REPORT: Foreign = Foreign {
    what: "a report of phonescope, not what it was made from",
    way: MagicMatch::Advice("give the capture, or the output of phonescope events"),
};

/// Formats without a magic, known by numbers that fit together, in what is no text. Only their names depend on it.
fn by_structure(sample: &[u8]) -> Option<Foreign> {
    let foreign = |what| Some(Foreign { what, way: MagicMatch::Editcap });
    if TEXT_MODE.iter().any(|start| sample.starts_with(start)) {
        return Some(Foreign {
            what: "a pcapng that a transfer in text mode has damaged",
            way: MagicMatch::Advice("get it again in binary mode"),
        });
    }
    if sample.get(257..262) == Some(b"ustar") {
        return Some(Foreign { what: "a tar archive", way: MagicMatch::Unpack("tar xf") });
    }
    if is_lanalyzer(sample) {
        return foreign("a Novell LANalyzer capture");
    }
    if is_erf(sample) {
        return foreign("an Endace ERF capture");
    }
    if is_commview(sample) {
        return foreign("a CommView capture");
    }
    None
}

/// A header record of type 0x1001 or 0x1007, little-endian, and of the length that it has.
fn is_lanalyzer(sample: &[u8]) -> bool {
    match sample {
        [0x01 | 0x07, 0x10, low, high, ..] => {
            let record = usize::from(u16::from_le_bytes([*low, *high])) + 4;
            // The record after it is of one of the same family of types.
            (12..400).contains(&record) && sample.get(record + 1) == Some(&0x10)
        }
        _ => false,
    }
}

/// Time (little-endian, seconds in the upper half), type, flags, record length, loss, wire length (big-endian).
fn is_erf(sample: &[u8]) -> bool {
    let record = |at: usize| -> Option<(u32, usize)> {
        let [_, _, _, _, a, b, c, d, kind, _, high, low, _, _, wire_high, wire_low] =
            *sample.get(at..)?.first_chunk()?;
        let (length, wire) = (u16::from_be_bytes([high, low]), u16::from_be_bytes([wire_high, wire_low]));
        let fits = matches!(kind & 0x7f, 1..=48) && length >= 18 && wire > 0 && length <= wire.saturating_add(64);
        fits.then(|| (u32::from_le_bytes([a, b, c, d]), usize::from(length)))
    };
    let Some((first, length)) = record(0) else { return false };
    // From 1995 to 2100, and the record after it within a day.
    let plausible = (788_918_400..4_102_444_800).contains(&first);
    plausible && (length + 16 > sample.len() || record(length).is_some_and(|(next, _)| next.abs_diff(first) < 86_400))
}

/// Two lengths, version 0, then a date: year (two bytes), month, day, hour, minute, second.
fn is_commview(sample: &[u8]) -> bool {
    match sample {
        [_, len_high, _, _, 0, year_low, year_high, 1..=12, 1..=31, 0..=23, 0..=59, 0..=59, ..] => {
            (1990..2100).contains(&u16::from_le_bytes([*year_low, *year_high])) && *len_high < 0x40
        }
        _ => false,
    }
}

fn by_text(sample: &[u8]) -> Option<Foreign> {
    let sample = sample.strip_prefix(b"\xef\xbb\xbf").unwrap_or(sample);
    let text = sample.trim_ascii_start();
    let starts = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    if starts(b"<!doctype html") || starts(b"<html") {
        return Some(Foreign {
            what: "a web page (HTML)",
            way: MagicMatch::Advice("the download gave a page in place of the capture; get the file again"),
        });
    }
    if starts(b"<?xml") || starts(b"<pdml") || starts(b"<psml") {
        return Some(Foreign {
            what: "an XML document",
            way: MagicMatch::Advice("packets exported as XML can not be read back; give the capture itself"),
        });
    }
    if !is_text(sample) {
        return None;
    }
    if starts(b"{") || starts(b"[") {
        if sample.windows(18).any(|part| part == b"phonescope.report/") {
            return Some(REPORT);
        }
        return Some(Foreign {
            what: "a JSON document, not the output of phonescope events",
            way: MagicMatch::Advice("give the capture itself"),
        });
    }
    Some(Foreign {
        what: "a text file",
        way: MagicMatch::Advice("give the capture itself; a hex dump becomes one with text2pcap"),
    })
}

/// UTF-8 without control characters but those of text. A character may be cut at the end of the sample.
fn is_text(sample: &[u8]) -> bool {
    let text = match std::str::from_utf8(sample) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            sample.get(..error.valid_up_to()).and_then(|start| std::str::from_utf8(start).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b'))
}

fn hex(sample: &[u8]) -> String {
    let octets: Vec<String> = sample.iter().take(8).map(|octet| format!("{octet:02x}")).collect();
    octets.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::test_files::refusal;
    use super::*;

    fn what(octets: &[u8]) -> &'static str {
        match recognise(&mut Stream::new(Box::new(std::io::Cursor::new(octets.to_vec())), 64)) {
            Format::Foreign(foreign) => foreign.what,
            Format::Unknown(_) => "unknown",
            Format::Empty => "empty",
            _ => "read",
        }
    }

    #[test]
    fn every_magic_names_its_format() {
        for (magic, name, _) in MAGICS {
            let mut octets = magic.to_vec();
            octets.extend([0x80; 600]);
            assert_eq!(what(&octets), *name);
            assert_eq!(what(magic), *name, "the magic alone");
        }
    }

    #[test]
    fn formats_without_a_magic_are_named_by_their_numbers() {
        let mut erf = Vec::new();
        for second in [1_700_000_000_u32, 1_700_000_001] {
            erf.extend([0, 0, 0, 0x80]);
            erf.extend(second.to_le_bytes());
            erf.extend([2, 4, 0, 64, 0, 0, 0, 46]);
            erf.extend([0; 48]);
        }
        assert_eq!(what(&erf), "an Endace ERF capture");
        let mut commview = vec![60, 0, 60, 0, 0, 0xd5, 0x07, 9, 14, 10, 30, 15];
        commview.extend([0; 72]);
        assert_eq!(what(&commview), "a CommView capture");
        let mut lanalyzer = vec![0x01, 0x10, 0x4c, 0x00];
        lanalyzer.extend([0; 0x4c]);
        lanalyzer.extend([0x02, 0x10, 0, 0]);
        assert_eq!(what(&lanalyzer), "a Novell LANalyzer capture");
        let mut tar = b"boot.pcap".to_vec();
        tar.resize(257, 0);
        tar.extend(b"ustar\x0000");
        assert_eq!(what(&tar), "a tar archive");
    }

    #[test]
    fn a_pcapng_that_went_through_text_mode_is_named() {
        for start in TEXT_MODE {
            let mut octets = start.to_vec();
            octets.extend(b"\x70\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
            assert_eq!(what(&octets), "a pcapng that a transfer in text mode has damaged");
        }
        assert_eq!(what(b"\n\n\nA text with empty lines before it\n"), "a text file");
    }

    #[test]
    fn text_is_named_by_its_kind() {
        assert_eq!(what(b"<!DOCTYPE HTML><html>"), "a web page (HTML)");
        assert_eq!(what(b"\n  <html lang=\"en\">"), "a web page (HTML)");
        assert_eq!(what(b"<?xml version=\"1.0\"?><pdml>"), "an XML document");
        assert_eq!(what(b"[\n {\"_index\": 1}]"), "a JSON document, not the output of phonescope events");
        assert_eq!(what(b"{\n  \"schema\": \"phonescope.report/1\"\n}"), REPORT.what);
        assert_eq!(what("Grüße aus dem Rechenzentrum\n".as_bytes()), "a text file");
        // A character cut at the end of the sample is still text.
        let mut long = b"x".to_vec();
        long.extend("é".repeat(400).as_bytes());
        assert_eq!(what(&long), "a text file");
        assert_eq!(what(b"\xd4\xc3\xb2\x00junk\x01\x02"), "unknown");
        assert_eq!(what(b"\xd4"), "unknown");
        assert_eq!(what(b""), "empty");
    }

    #[test]
    fn what_is_not_read_is_refused_with_the_way_out() {
        assert_eq!(
            refusal(b"GMBU\x00\x02".to_vec()),
            "test is a Microsoft Network Monitor 2 capture, and is not read; convert it: editcap test OUT.pcap"
        );
        assert_eq!(
            refusal(b"\xfd7zXZ\0".to_vec()),
            "test is compressed with xz, and is not read; unpack it first: xz -d test"
        );
        assert_eq!(
            refusal(b"\x01\x02\x03".to_vec()),
            "test is no capture that is known (it starts with the octets 01 02 03); \
             give pcap, pcapng, snoop or events files; Wireshark's editcap may convert it"
        );
        assert_eq!(
            refusal(Vec::new()),
            "test is empty, and no capture; see whether the capture program could write, or get the file again"
        );
    }
}
