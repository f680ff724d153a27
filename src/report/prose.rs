//! Sentences to lines of a width: for the table report and for the pages of `explain`.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::types::WireText;

/// Wraps `text` to `width` columns: the first line starts with `first`, the others with `indent`. A line break in
/// the text is kept. A word that is longer than a line is broken. What a terminal could act on is escaped.
pub fn wrap(text: &str, first: &str, indent: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut start = first;
    for paragraph in text.trim_end().split('\n') {
        let mut line = start.to_owned();
        let mut used = start.width();
        let mut empty = true;
        for word in safe(paragraph).split([' ', '\t']).filter(|w| !w.is_empty()) {
            if !empty && used + 1 + word.width() > width {
                lines.push(std::mem::replace(&mut line, indent.to_owned()));
                used = indent.width();
                empty = true;
            }
            if !empty {
                line.push(' ');
                used += 1;
            }
            for c in word.chars() {
                let columns = c.width().unwrap_or(0);
                // At least one character a line, however narrow it is.
                if used + columns > width && !empty {
                    lines.push(std::mem::replace(&mut line, indent.to_owned()));
                    used = indent.width();
                }
                line.push(c);
                used += columns;
                empty = false;
            }
        }
        lines.push(line.trim_end().to_owned());
        start = indent;
    }
    lines
}

/// One line of our own text as it may be printed: nothing in it that a terminal could act on.
pub fn safe(line: &str) -> String {
    WireText::from(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_wider_than_asked_for() {
        let text = "The lease of 10.30.0.2 names 10.1.1.9 as TFTP server.\nA new paragraph.";
        assert_eq!(
            wrap(text, "- ", "  ", 24),
            ["- The lease of 10.30.0.2", "  names 10.1.1.9 as TFTP", "  server.", "  A new paragraph."]
        );
        for width in 3..60 {
            for line in wrap("a 電話電話電話電話 averyveryverylongfilename.cnf.xml b", "* ", "  ", width) {
                assert!(line.width() <= width.max(4), "{width}: {line}");
            }
        }
    }

    #[test]
    fn no_letter_is_lost_in_wrapping() {
        let text = "one twothreefourfivesix é電 seven";
        for width in 1..40 {
            let joined: String = wrap(text, "", "", width).concat();
            assert_eq!(joined.replace(' ', ""), text.replace(' ', ""), "{width}");
        }
    }

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        assert_eq!(wrap("a\x1b[2J\u{202e}b", "", "", 80), [r"a\u{1b}[2J\u{202e}b"]);
    }

    #[test]
    fn an_empty_text_is_an_empty_line() {
        assert_eq!(wrap("", "", "", 80), [""]);
    }
}
