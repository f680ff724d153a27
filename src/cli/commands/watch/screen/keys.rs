//! Bytes of a terminal to keys.
//!
//! crossterm's own reader waits for the rest of a half sequence with everything else held up, and never returns from a
//! terminal that was closed; a capture can afford neither. So what is there is read elsewhere, and told apart here.

/// A key, or what a mouse does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    Char(char),
    /// With the control key; lower case.
    Ctrl(char),
    F(u8),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    /// The left button went down there: column and row from 0.
    Click(u16, u16),
    WheelUp,
    WheelDown,
}

/// No sequence is longer; a longer one is none.
const LONGEST: usize = 32;
const ESC: u8 = 0x1b;

/// Takes bytes as they come.
#[derive(Default)]
pub(super) struct Keys {
    pending: Vec<u8>,
}

enum Parsed {
    /// So many bytes, and what they mean.
    Done(usize, Option<Input>),
    /// The rest is to come.
    Half,
}

impl Keys {
    /// The keys that `bytes` complete. What may be the beginning of a sequence waits for the rest.
    pub(super) fn feed(&mut self, octets: &[u8]) -> Vec<Input> {
        self.pending.extend_from_slice(octets);
        let mut inputs = Vec::new();
        let mut at = 0;
        while let Some(rest) = self.pending.get(at..).filter(|r| !r.is_empty()) {
            match parse(rest) {
                Parsed::Done(len, input) => {
                    at += len.max(1);
                    inputs.extend(input);
                }
                Parsed::Half if rest.len() >= LONGEST => at += rest.len(),
                Parsed::Half => break,
            }
        }
        self.pending.drain(..at.min(self.pending.len()));
        inputs
    }

    /// Whether something waits for its rest.
    pub(super) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The rest did not come: an escape is the key of that name.
    pub(super) fn give_up(&mut self) -> Option<Input> {
        let is_escape = self.pending.first() == Some(&ESC);
        self.pending.clear();
        is_escape.then_some(Input::Esc)
    }
}

fn parse(octets: &[u8]) -> Parsed {
    match *octets {
        [] => Parsed::Half,
        [ESC] => Parsed::Half,
        [ESC, ESC, ..] => Parsed::Done(1, Some(Input::Esc)),
        [ESC, b'[', ref rest @ ..] => control_sequence(rest),
        [ESC, b'O', ref rest @ ..] => match rest.first() {
            Some(last) => Parsed::Done(3, named(*last)),
            None => Parsed::Half,
        },
        // With the alt key: nothing is bound to it.
        [ESC, _, ..] => Parsed::Done(2, None),
        [b'\r' | b'\n', ..] => Parsed::Done(1, Some(Input::Enter)),
        [b'\t', ..] => Parsed::Done(1, Some(Input::Tab)),
        [0x7f | 0x08, ..] => Parsed::Done(1, Some(Input::Backspace)),
        [c @ 1..0x1b, ..] => Parsed::Done(1, Some(Input::Ctrl(char::from(c + b'a' - 1)))),
        [0..0x20, ..] => Parsed::Done(1, None),
        [first, ..] => character(octets, first),
    }
}

fn character(octets: &[u8], first: u8) -> Parsed {
    let len = match first {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Parsed::Done(1, None),
    };
    match octets.get(..len) {
        None => Parsed::Half,
        Some(whole) => match std::str::from_utf8(whole).ok().and_then(|s| s.chars().next()) {
            Some(c) => Parsed::Done(len, Some(Input::Char(c))),
            None => Parsed::Done(1, None),
        },
    }
}

/// What follows `ESC [`.
fn control_sequence(rest: &[u8]) -> Parsed {
    const LEAD: usize = 2;
    match rest {
        // The Linux console's function keys, and the mouse as X10 has it.
        [b'[', key, ..] => return Parsed::Done(LEAD + 2, key.checked_sub(b'A').map(|n| Input::F(n + 1))),
        [b'[' | b'M'] => return Parsed::Half,
        [b'M', more @ ..] => {
            return match more {
                [button, x, y, ..] => {
                    let at = |v: &u8| u16::from(v.saturating_sub(33));
                    Parsed::Done(LEAD + 4, mouse(u16::from(button.saturating_sub(32)), at(x), at(y), true))
                }
                _ => Parsed::Half,
            };
        }
        _ => {}
    }
    let Some(end) = rest.iter().position(|b| (0x40..0x7f).contains(b)) else { return Parsed::Half };
    let (parameters, last) = (rest.get(..end).unwrap_or_default(), rest.get(end).copied().unwrap_or_default());
    let text = std::str::from_utf8(parameters).unwrap_or_default();
    let numbers: Vec<u16> = text.trim_start_matches('<').split(';').map(|n| n.parse().unwrap_or(0)).collect();
    let input = match (last, numbers.as_slice()) {
        (b'M' | b'm', [button, x, y]) if text.starts_with('<') => {
            mouse(*button, x.saturating_sub(1), y.saturating_sub(1), last == b'M')
        }
        (b'~', [number, ..]) => numbered(*number),
        _ => named(last),
    };
    Parsed::Done(LEAD + end + 1, input)
}

fn named(last: u8) -> Option<Input> {
    Some(match last {
        b'A' => Input::Up,
        b'B' => Input::Down,
        b'C' => Input::Right,
        b'D' => Input::Left,
        b'H' => Input::Home,
        b'F' => Input::End,
        b'Z' => Input::BackTab,
        b'M' => Input::Enter,
        b'P'..=b'S' => Input::F(last - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u16) -> Option<Input> {
    Some(match number {
        1 | 7 => Input::Home,
        4 | 8 => Input::End,
        3 => Input::Delete,
        5 => Input::PageUp,
        6 => Input::PageDown,
        11..=15 => Input::F(u8::try_from(number - 10).ok()?),
        17..=21 => Input::F(u8::try_from(number - 11).ok()?),
        23 | 24 => Input::F(u8::try_from(number - 12).ok()?),
        _ => return None,
    })
}

fn mouse(button: u16, x: u16, y: u16, down: bool) -> Option<Input> {
    match (button, down) {
        (0, true) => Some(Input::Click(x, y)),
        (64, _) => Some(Input::WheelUp),
        (65, _) => Some(Input::WheelDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(octets: &[u8]) -> Vec<Input> {
        Keys::default().feed(octets)
    }

    #[test]
    fn keys_of_many_terminals_are_known() {
        use Input::*;
        assert_eq!(
            keys(b"q\r\t\x7f\x03\x1b[A\x1bOB\x1b[5~\x1b[Z"),
            [Char('q'), Enter, Tab, Backspace, Ctrl('c'), Up, Down, PageUp, BackTab]
        );
        assert_eq!(keys(b"\x1bOP\x1b[11~\x1b[[A\x1b[18~\x1b[24~\x1b[1;5C"), [F(1), F(1), F(1), F(7), F(12), Right]);
        assert_eq!(keys("é電".as_bytes()), [Char('é'), Char('電')]);
        assert_eq!(
            keys(b"\x1b[<0;12;3M\x1b[<0;12;3m\x1b[<65;1;1M\x1b[M !\"x"),
            [Click(11, 2), WheelDown, Click(0, 1), Char('x')]
        );
    }

    #[test]
    fn a_sequence_may_come_in_pieces_and_an_escape_alone_is_a_key() {
        let mut keys = Keys::default();
        for octet in b"\x1b[6" {
            assert_eq!(keys.feed(&[*octet]), []);
        }
        assert!(keys.is_waiting());
        assert_eq!(keys.feed(b"~"), [Input::PageDown]);
        assert!(!keys.is_waiting());
        assert_eq!(keys.feed(b"\x1b"), []);
        assert_eq!(keys.give_up(), Some(Input::Esc));
        assert_eq!(keys.feed(b"\x1b\x1b[A"), [Input::Esc, Input::Up]);
    }

    #[test]
    fn nothing_that_is_typed_or_pasted_grows_or_stops_it() {
        let mut draw: u32 = 7;
        let mut all = Keys::default();
        for _ in 0..20_000 {
            draw = draw.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let octet = [ESC, b'[', b'M', b'<', b';', (draw >> 24) as u8, 0xff, 0xe2][(draw >> 16) as usize % 8];
            all.feed(&[octet]);
            assert!(all.pending.len() <= LONGEST);
        }
    }
}
