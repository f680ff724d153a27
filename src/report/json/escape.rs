//! How JSON is laid out and which characters never stand in it as they are.

use std::io::{self, Write};

use serde_json::ser::Formatter;

use crate::types::is_unsafe;

/// Writes strings so that no terminal or viewer can act on them: control characters (C0, C1, DEL), bidirectional
/// marks and invisible format characters become `\uXXXX`, in surrogate pairs beyond the basic plane.
///
/// Two layouts: on one line for NDJSON; for a document a line per key of the top level and per item of an array
/// there, so that a phone or a finding is one line to `grep` and `diff`.
pub(super) struct Escaping {
    document: bool,
    depth: usize,
    has_value: bool,
}

impl Escaping {
    /// For one document.
    pub(super) fn document() -> Escaping {
        Escaping { document: true, depth: 0, has_value: false }
    }

    /// For one line.
    pub(super) fn line() -> Escaping {
        Escaping { document: false, depth: 0, has_value: false }
    }
}

impl Formatter for Escaping {
    fn begin_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.has_value = false;
        w.write_all(b"[")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        match (self.document, self.depth, first) {
            (true, 2, true) => w.write_all(b"\n    "),
            (true, 2, false) => w.write_all(b",\n    "),
            (_, _, true) => Ok(()),
            (true, _, false) => w.write_all(b", "),
            (false, _, false) => w.write_all(b","),
        }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn end_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.document && self.depth == 2 && self.has_value {
            w.write_all(b"\n  ")?;
        }
        self.depth = self.depth.saturating_sub(1);
        w.write_all(b"]")
    }

    fn begin_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.depth += 1;
        w.write_all(b"{")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        match (self.document, self.depth, first) {
            (true, 1, true) => w.write_all(b"\n  "),
            (true, 1, false) => w.write_all(b",\n  "),
            (_, _, true) => Ok(()),
            (true, _, false) => w.write_all(b", "),
            (false, _, false) => w.write_all(b","),
        }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(if self.document { b": " } else { b":" })
    }

    fn end_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        if self.document && self.depth == 1 {
            w.write_all(b"\n")?;
        }
        self.depth = self.depth.saturating_sub(1);
        w.write_all(b"}")
    }

    /// `fragment` holds neither quotes, backslashes nor C0 characters: those go to `write_char_escape`.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, w: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return w.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_unsafe(*c)) {
            let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            w.write_all(before.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(w, "\\u{unit:04x}")?;
            }
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        }
        w.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize as _;

    fn written(formatter: Escaping, value: &serde_json::Value) -> String {
        let mut out = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn terminal_control_characters_are_escaped() {
        let hostile: String = ('\0'..='\u{10ffff}').filter(|c| is_unsafe(*c)).collect();
        let value = serde_json::json!({ hostile.as_str(): [hostile.as_str(), "a\u{202e}\u{e0041}b\u{7f}é💀"] });
        for formatter in [Escaping::document(), Escaping::line()] {
            let text = written(formatter, &value);
            assert!(!text.replace('\n', "").chars().any(is_unsafe), "{text}");
            assert!(text.contains(r"a\u202e\udb40\udc41b\u007fé💀"), "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn a_document_has_a_line_per_item_and_a_line_has_none() {
        let value = serde_json::json!({"a": {"b": [1, {"c": []}]}, "d": [], "e": [{"f": 1, "g": [2]}, []]});
        let document = written(Escaping::document(), &value);
        assert_eq!(
            document,
            "{\n  \"a\": {\"b\": [1, {\"c\": []}]},\n  \"d\": [],\n  \"e\": [\n    {\"f\": 1, \"g\": [2]},\n    []\n  ]\n}"
        );
        assert_eq!(written(Escaping::line(), &value), serde_json::to_string(&value).unwrap());
    }
}
