//! Text that came from the network, in a type that can not be printed raw.

use std::fmt;
use std::sync::Arc;

/// Text from the wire: a file name, a device name, a reject text. Cheap to clone.
///
/// `Display` escapes what a terminal, a chat window or a log could act on: control characters
/// (C0, C1, DEL), bidirectional marks and other invisible format characters, as `\u{1b}`.
/// Serialised it is the text itself; `report::json` escapes the same characters in JSON.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct WireText(Arc<str>);

impl WireText {
    /// Bytes as text: UTF-8 where it is, each bad sequence as U+FFFD. Nothing is trimmed.
    pub fn from_bytes(bytes: &[u8]) -> WireText {
        WireText(String::from_utf8_lossy(bytes).into())
    }

    /// Bytes up to the first NUL, or all of them.
    pub fn until_nul(bytes: &[u8]) -> WireText {
        WireText::from_bytes(bytes.split(|b| *b == 0).next().unwrap_or_default())
    }

    /// The text as sent. For comparing and for formats that escape by themselves, never for printing.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for WireText {
    fn default() -> WireText {
        WireText("".into())
    }
}

impl From<&str> for WireText {
    fn from(text: &str) -> WireText {
        WireText(text.into())
    }
}

impl fmt::Display for WireText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_safe(f, &self.0)
    }
}

impl fmt::Debug for WireText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Whether a terminal or a viewer could act on this character instead of showing it.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Writes `text` with every unsafe character as `\u{..}`.
pub(crate) fn write_safe(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return f.write_str(text);
    }
    for c in text.chars() {
        if is_unsafe(c) { write!(f, "{}", c.escape_unicode())? } else { f.write_char(c)? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_never_printed_raw() {
        let text = WireText::from_bytes("a\x1b]0;x\x07\x1b[2J\u{202e}b\u{9b}c\u{200b}".as_bytes());
        assert_eq!(text.to_string(), r"a\u{1b}]0;x\u{7}\u{1b}[2J\u{202e}b\u{9b}c\u{200b}");
        assert_eq!(WireText::from_bytes(b"M\xfcller").to_string(), "M\u{fffd}ller");
        assert_eq!(WireText::until_nul(b"SEP\0stale").raw(), "SEP");
    }
}
