//! The markup of a file in whatever character set: one ASCII character a unit, so that places in it are places in the
//! file. Markup is ASCII in all of these sets; what is not ASCII is only passed over.

use std::ops::Range;

/// Stands for any character that is no ASCII.
const OTHER: char = '\x7f';

/// A file as its markup shows.
pub(super) struct View {
    /// A character a unit of the file, from the first tag on.
    pub(super) text: String,
    /// Octet of the file at which `text` begins.
    base: usize,
    units: Units,
}

#[derive(Clone, Copy)]
enum Units {
    Octets,
    Utf16(fn(u16) -> [u8; 2]),
}

impl View {
    /// The character set as `wire::phone_config` tells it.
    pub(super) fn of(octets: &[u8]) -> View {
        let (mark, units, read): (usize, Units, fn([u8; 2]) -> u16) = match octets {
            [0xff, 0xfe, ..] => (2, Units::Utf16(u16::to_le_bytes), u16::from_le_bytes),
            [0xfe, 0xff, ..] => (2, Units::Utf16(u16::to_be_bytes), u16::from_be_bytes),
            [b'<', 0, ..] => (0, Units::Utf16(u16::to_le_bytes), u16::from_le_bytes),
            [0, b'<', ..] => (0, Units::Utf16(u16::to_be_bytes), u16::from_be_bytes),
            [0xef, 0xbb, 0xbf, ..] => (3, Units::Octets, u16::from_be_bytes),
            _ => (0, Units::Octets, u16::from_be_bytes),
        };
        let ascii = |unit: u16| u8::try_from(unit).ok().filter(u8::is_ascii).map_or(OTHER, char::from);
        let rest = octets.get(mark..).unwrap_or_default();
        let whole: String = match units {
            Units::Octets => rest.iter().map(|b| ascii(u16::from(*b))).collect(),
            Units::Utf16(_) => rest.as_chunks::<2>().0.iter().map(|pair| ascii(read(*pair))).collect(),
        };
        let start = first_tag(&whole);
        let text = whole.get(start..).unwrap_or_default().to_owned();
        let mut view = View { text, base: mark, units };
        view.base += start * view.width();
        view
    }

    fn width(&self) -> usize {
        match self.units {
            Units::Octets => 1,
            Units::Utf16(_) => 2,
        }
    }

    /// The file with places of `text` replaced, and all its other bytes.
    pub(super) fn changed(&self, octets: &[u8], mut changes: Vec<(Range<usize>, String)>) -> Vec<u8> {
        changes.sort_by_key(|(range, _)| range.start);
        let mut out = Vec::with_capacity(octets.len() + 256);
        let mut at = 0;
        for (range, text) in changes {
            let place = |unit: usize| self.base + unit * self.width();
            out.extend_from_slice(octets.get(at..place(range.start)).unwrap_or_default());
            match self.units {
                Units::Octets => out.extend_from_slice(text.as_bytes()),
                Units::Utf16(write) => out.extend(text.encode_utf16().flat_map(write)),
            }
            at = place(range.end);
        }
        out.extend_from_slice(octets.get(at..).unwrap_or_default());
        out
    }

    /// The line end that the file has; empty where it has no lines.
    pub(super) fn line_end(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text.get(..at).is_some_and(|t| t.ends_with('\r')) => "\r\n",
            Some(_) => "\n",
            None => "",
        }
    }
}

/// Where the markup begins: something can stand in front of it.
fn first_tag(text: &str) -> usize {
    let blank = text.len() - text.trim_start().len();
    let mut rest = text.get(blank..).unwrap_or_default().chars();
    let begins = (rest.next(), rest.next());
    if matches!(begins, (Some('<'), Some(c)) if c.is_ascii_alphabetic() || "?!_".contains(c)) {
        return blank;
    }
    ["<?xml", "<device", "<Default"].iter().find_map(|tag| text.find(tag)).unwrap_or(text.len())
}
