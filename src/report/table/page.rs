//! The sheet that the table report is written on: lines of a width, in colour or not.

use std::io::{self, Write};

use crate::report::prose;

/// How a line looks where there is colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum TextStyle {
    Plain,
    Bold,
    Red,
    Yellow,
    Green,
}

impl TextStyle {
    /// The SGR parameters of ECMA-48.
    fn code(self) -> &'static str {
        match self {
            TextStyle::Plain => "0",
            TextStyle::Bold => "1",
            TextStyle::Red => "1;31",
            TextStyle::Yellow => "1;33",
            TextStyle::Green => "1;32",
        }
    }
}

/// Where the report goes. Everything passes through here, so nothing reaches the output unescaped.
pub struct Page<'w> {
    out: &'w mut dyn Write,
    /// Columns; at least 40.
    pub width: usize,
    color: bool,
    /// Whether it is a terminal, where lines may be drawn.
    pub terminal: bool,
}

impl<'w> Page<'w> {
    /// `width` as in [`TableOptions`](super::TableOptions).
    pub fn new(out: &'w mut dyn Write, width: Option<u16>, color: bool) -> Page<'w> {
        let columns = usize::from(width.unwrap_or(100)).max(40);
        Page { out, width: columns, color: color && width.is_some(), terminal: width.is_some() }
    }

    /// Wrapped text: the first line after `first`, the others after `indent`.
    ///
    /// # Errors
    /// Those of the output, here and below.
    pub fn text(&mut self, ink: TextStyle, first: &str, indent: &str, text: &str) -> io::Result<()> {
        // Long lines are hard to read, however wide the window is.
        for line in prose::wrap(text, first, indent, self.width.min(110)) {
            if self.color && ink != TextStyle::Plain {
                writeln!(self.out, "\x1b[{}m{line}\x1b[0m", ink.code())?;
            } else {
                writeln!(self.out, "{line}")?;
            }
        }
        Ok(())
    }

    /// Lines to copy: indented, never wrapped.
    pub fn verbatim(&mut self, indent: &str, text: &str) -> io::Result<()> {
        for line in text.trim_end().lines() {
            writeln!(self.out, "{}", format!("{indent}{}", prose::safe(&line.replace('\t', "    "))).trim_end())?;
        }
        Ok(())
    }

    /// A heading with an empty line before it.
    pub fn heading(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.text(TextStyle::Bold, "", "", text)
    }

    /// An empty line.
    pub fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }
}
