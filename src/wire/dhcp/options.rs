//! The option walk: which options came in which order, and what is wrong with them (RFC 2132, 3396).
//!
//! Meaning is given to an option only when it is asked for by its code; nothing here knows a phone.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::without_trailing_nuls;
use crate::types::{Hex, WireText};
use crate::wire::Anomaly;

/// Most options that are read of one message. A real one has a few dozen.
const MOST_OPTIONS: usize = 1024;
/// Most anomalies that are noted of one message.
const MOST_ANOMALIES: usize = 16;

/// Where in a message an option stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// The options field.
    Options,
    /// The boot file field, where option 52 says so.
    File,
    /// The server name field, likewise.
    Sname,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Part::Options => "options",
            Part::File => "file",
            Part::Sname => "sname",
        }
    }
}

/// What option 52 says: bit 0 is `file`, bit 1 is `sname`.
#[derive(Clone, Copy, Default)]
pub(super) struct Overload(u8);

impl Overload {
    pub(super) fn file(self) -> bool {
        self.0 & 1 != 0
    }

    pub(super) fn sname(self) -> bool {
        self.0 & 2 != 0
    }
}

/// One option as it stands in the message.
struct RawOption<'a> {
    code: u8,
    /// The bytes that are there.
    value: &'a [u8],
    /// Whether the length byte announces more, or is missing itself.
    cut: bool,
}

/// The options of one message, in wire order, and what is odd about it.
#[derive(Default)]
pub(super) struct Options<'a> {
    found: Vec<RawOption<'a>>,
    anomalies: Vec<Anomaly>,
}

impl<'a> Options<'a> {
    /// Notes what is odd, up to a limit.
    pub(super) fn note(&mut self, text: String) {
        if self.anomalies.len() < MOST_ANOMALIES {
            self.anomalies.push(Anomaly::new(text));
        }
    }

    /// What is odd.
    pub(super) fn into_anomalies(self) -> Vec<Anomaly> {
        self.anomalies
    }

    /// Collects the options of one area.
    pub(super) fn walk(&mut self, area: &'a [u8], part: Part) {
        let mut rest = area;
        loop {
            let Some((code, after)) = rest.split_first() else {
                return self.note(match part {
                    Part::Options => "dhcp: no end option".to_owned(),
                    _ => format!("dhcp: no end option in the {} field", part.name()),
                });
            };
            rest = after;
            match *code {
                0 => continue,
                255 => break,
                _ => {}
            }
            if self.found.len() == MOST_OPTIONS {
                return self.note(format!("dhcp: more than {MOST_OPTIONS} options, the rest not read"));
            }
            let Some((len, after)) = after.split_first() else {
                self.found.push(RawOption { code: *code, value: &[], cut: true });
                return self.note(format!("dhcp: option {code} cut off before its length"));
            };
            let Some((value, after)) = after.split_at_checked(usize::from(*len)) else {
                self.found.push(RawOption { code: *code, value: after, cut: true });
                return self.note(format!("dhcp: option {code} cut off, {} of {len} octets there", after.len()));
            };
            self.found.push(RawOption { code: *code, value, cut: false });
            rest = after;
        }
        if rest.iter().any(|b| *b != 0) {
            let field = part.name();
            self.note(format!(
                "dhcp: {} octets other than zeros after the end option of the {field} field",
                rest.len()
            ));
        }
    }

    /// Option 52. It is read from the options field only: this is asked before the others are walked.
    pub(super) fn overload(&mut self) -> Overload {
        match self.value(52).as_deref() {
            None | Some([]) => Overload::default(),
            Some([bits @ 1..=3, ..]) => Overload(*bits),
            Some([other, ..]) => {
                self.note(format!("dhcp: option 52 says {other}, known are 1 to 3"));
                Overload::default()
            }
        }
    }

    /// Option codes in wire order.
    pub(super) fn codes(&self) -> Vec<u8> {
        self.found.iter().map(|o| o.code).collect()
    }

    /// The bytes of an option: its parts joined; of equal parts, one. `None` where it is absent or all of it is cut.
    /// A part that is cut off does not count. An empty option is `Some` of nothing.
    pub(super) fn value(&mut self, code: u8) -> Option<Cow<'a, [u8]>> {
        let mut parts = self.found.iter().filter(|o| o.code == code && !o.cut).map(|o| o.value);
        let first = parts.next()?;
        let others: Vec<&[u8]> = parts.collect();
        if others.is_empty() {
            if first.is_empty() {
                self.note_once(format!("dhcp: option {code} is empty"));
            }
            return Some(Cow::Borrowed(first));
        }
        let times = others.len() + 1;
        if others.iter().all(|o| *o == first) {
            self.note_once(format!("dhcp: option {code} sent {times} times, each the same"));
            return Some(Cow::Borrowed(first));
        }
        self.note_once(format!("dhcp: option {code} sent in {times} parts"));
        Some(Cow::Owned([first].into_iter().chain(others).flatten().copied().collect()))
    }

    /// An option whose form nothing here rests on: its parts joined, nothing noted.
    pub(super) fn as_it_is(&self, code: u8) -> Option<Hex> {
        let mut parts = self.found.iter().filter(|o| o.code == code && !o.cut).map(|o| o.value).peekable();
        parts.peek()?;
        Some(Hex::from(&*parts.collect::<Vec<_>>().concat()))
    }

    /// An option of raw bytes.
    pub(super) fn hex(&mut self, code: u8) -> Option<Hex> {
        self.value(code).map(|v| Hex::from(&*v))
    }

    /// An option of text, up to the first NUL.
    pub(super) fn text(&mut self, code: u8) -> Option<WireText> {
        let value = self.value(code)?;
        if without_trailing_nuls(&value).contains(&0) {
            self.note(format!("dhcp: option {code} has text after a NUL"));
        }
        if std::str::from_utf8(&value).is_err() {
            self.note(format!("dhcp: option {code} is not UTF-8"));
        }
        Some(WireText::until_nul(&value))
    }

    /// An option of one address.
    pub(super) fn address(&mut self, code: u8) -> Option<Ipv4Addr> {
        self.four(code).map(Ipv4Addr::from)
    }

    /// An option of one 32-bit number.
    pub(super) fn number(&mut self, code: u8) -> Option<u32> {
        self.four(code).map(u32::from_be_bytes)
    }

    /// An option of a list of addresses: every whole group of four bytes, those of a cut option included.
    pub(super) fn addresses(&mut self, code: u8) -> Vec<Ipv4Addr> {
        let mut octets = self.value(code).unwrap_or_default();
        if !octets.len().is_multiple_of(4) {
            self.note(format!("dhcp: option {code} has {} octets, not a multiple of 4", octets.len()));
        }
        if let Some(cut) = self.found.iter().find(|o| o.code == code && o.cut) {
            octets.to_mut().extend_from_slice(cut.value);
        }
        octets.chunks_exact(4).filter_map(|c| c.first_chunk::<4>()).map(|c| Ipv4Addr::from(*c)).collect()
    }

    /// The first four bytes of an option that has no more: of a repeated option, of its first part.
    fn four(&mut self, code: u8) -> Option<[u8; 4]> {
        let value = self.value(code)?;
        let first = self.found.iter().find(|o| o.code == code && !o.cut)?.value;
        let value: &[u8] = if first.len() == 4 { first } else { &value };
        if value.len() != 4 {
            self.note(format!("dhcp: option {code} has {} octets instead of 4", value.len()));
        }
        (value.len() == 4).then(|| value.first_chunk().copied()).flatten()
    }

    /// Notes what asking for an option again would note again.
    fn note_once(&mut self, text: String) {
        if !self.anomalies.iter().any(|a| a.as_str() == text) {
            self.note(text);
        }
    }
}
