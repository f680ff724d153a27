//! The files of a configuration as bytes, and places in them.

use std::borrow::Cow;
use std::ops::Range;

/// A file that the operator named, or that one of those includes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFile {
    /// As it was named on the command line, or in the include.
    pub name: String,
    #[allow(missing_docs)]
    pub contents: Vec<u8>,
}

impl ConfigFile {
    /// The last part of its name.
    pub fn base_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// Bytes of a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Span {
    /// Index of the file.
    pub(super) file: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// From the start of this to the end of `other`, where both are of one file.
    pub(super) fn to(self, other: Span) -> Span {
        if self.file == other.file { Span { end: other.end.max(self.end), ..self } } else { self }
    }
}

/// All files, with the places where their lines begin.
pub(super) struct Sources {
    pub(super) files: Vec<ConfigFile>,
    lines: Vec<Vec<usize>>,
}

impl Sources {
    pub(super) fn new(files: Vec<ConfigFile>) -> Sources {
        let lines = files.iter().map(|f| line_starts(&f.contents)).collect();
        Sources { files, lines }
    }

    pub(super) fn name(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |f| f.name.as_str())
    }

    pub(super) fn contents(&self, file: usize) -> &[u8] {
        self.files.get(file).map_or(&[], |f| f.contents.as_slice())
    }

    pub(super) fn bytes(&self, span: Span) -> &[u8] {
        self.contents(span.file).get(span.range()).unwrap_or_default()
    }

    pub(super) fn text(&self, span: Span) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(span))
    }

    /// Number of the line that a place begins in, from 1.
    pub(super) fn line(&self, span: Span) -> usize {
        self.lines.get(span.file).map_or(0, |starts| starts.partition_point(|s| *s <= span.start))
    }

    /// `dhcpd.conf line 14`.
    pub(super) fn place(&self, span: Span) -> String {
        format!("{} line {}", self.name(span.file), self.line(span))
    }

    /// The line that a place begins in, without blanks around it and not too long.
    pub(super) fn quote(&self, span: Span) -> String {
        let starts = self.lines.get(span.file).map_or(&[][..], Vec::as_slice);
        let index = self.line(span);
        let from = index.checked_sub(1).and_then(|i| starts.get(i)).copied().unwrap_or(0);
        let to = starts.get(index).copied().unwrap_or(self.contents(span.file).len());
        let line = self.contents(span.file).get(from..to).unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        match text.char_indices().nth(100) {
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        }
    }
}

/// Where each line begins.
pub(super) fn line_starts(contents: &[u8]) -> Vec<usize> {
    let breaks = contents.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1);
    std::iter::once(0).chain(breaks.filter(|start| *start < contents.len())).collect()
}

/// Why a configuration can not be read, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unreadable {
    pub(super) at: Span,
    pub(super) why: String,
}

impl Unreadable {
    pub(super) fn new(at: Span, why: impl Into<String>) -> Unreadable {
        Unreadable { at, why: why.into() }
    }
}

/// The file that an include means: of the files at hand the one whose name agrees with the end of the path the most.
pub(super) fn included(sources: &Sources, path: &str) -> Option<usize> {
    let wanted: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    let agreement = |name: &str| {
        let own = name.split('/').filter(|p| !p.is_empty() && *p != ".").rev();
        own.zip(wanted.iter().rev()).take_while(|(a, b)| a == *b).count()
    };
    let all = sources.files.iter().enumerate().map(|(i, f)| (agreement(&f.name), i));
    all.filter(|(n, _)| *n > 0).max_by_key(|(n, i)| (*n, usize::MAX - i)).map(|(_, i)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_by_file_and_line() {
        let file = |name: &str, text: &str| ConfigFile { name: name.to_owned(), contents: text.as_bytes().to_vec() };
        let sources = Sources::new(vec![file("a/x.conf", "one\r\n\ttwo\n"), file("b/x.conf", "")]);
        let at = |start: usize| Span { file: 0, start, end: start };
        assert_eq!(sources.place(at(0)), "a/x.conf line 1");
        assert_eq!(sources.place(at(6)), "a/x.conf line 2");
        assert_eq!(sources.quote(at(6)), "two");
        assert_eq!(sources.line(Span { file: 1, start: 0, end: 0 }), 1);
        assert_eq!(included(&sources, "/etc/dhcp/b/x.conf"), Some(1));
        assert_eq!(included(&sources, "/etc/dhcp/x.conf"), Some(0));
        assert_eq!(included(&sources, "y.conf"), None);
    }
}
