//! Standard error: one message a line, with nothing in it that a terminal could act on.

use std::io::{self, Write};

use phonescope::report::prose;

/// FindingText it. That standard error is closed is no reason to fail.
pub(crate) fn say(message: &str) {
    let mut stderr = io::stderr().lock();
    for (i, line) in message.trim_end().lines().enumerate() {
        let start = if i == 0 { "phonescope: " } else { "" };
        let _ = writeln!(stderr, "{start}{}", prose::safe(line));
    }
}

/// The reason of an error of the system, in the words of the system and without its number.
pub(crate) fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    let mut chars = words.chars();
    // "No space left on device" in the middle of a sentence.
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_an_error_is_words() {
        assert_eq!(reason(&io::Error::from_raw_os_error(28)), "no space left on device");
        assert_eq!(reason(&io::Error::other("")), "");
    }
}
