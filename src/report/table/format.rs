//! Numbers, times and names in words.

use crate::diagnosis::Diagnosis;
use crate::types::{FrameRef, Timestamp};

/// `1 phone`, `2 phones`.
pub(super) fn count(n: usize, noun: &str) -> String {
    count_u64(u64::try_from(n).unwrap_or(u64::MAX), noun)
}

/// `1 packet`, `2 packets`.
pub(super) fn count_u64(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// The first `limit` of a list of `all`, and how many more there are.
pub(super) fn some_of(list: impl IntoIterator<Item = impl ToString>, limit: usize, all: usize) -> String {
    let shown: Vec<String> = list.into_iter().take(limit).map(|t| t.to_string()).collect();
    match all.saturating_sub(limit) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), number(u64::try_from(more).unwrap_or(u64::MAX))),
    }
}

/// A text of at most `limit` characters, with dots for what is cut off.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(3)).chain("...".chars()).collect(),
    }
}

pub(super) use crate::report::format::{clock, number};

/// Date and time of day in UTC, to the second, of both; the date once where it is the same:
/// `2026-11-23 07:00:01 to 07:04:12`.
pub(super) fn span(first: Timestamp, last: Timestamp) -> String {
    let (first, last) = (first.to_string(), last.to_string());
    let date = |time: &str| time.get(..10).unwrap_or_default().to_owned();
    let clock = |time: &str| time.get(11..19).unwrap_or_default().to_owned();
    let from = format!("{} {}", date(&first), clock(&first));
    if date(&first) == date(&last) {
        format!("{from} to {}", clock(&last))
    } else {
        format!("{from} to {} {}", date(&last), clock(&last))
    }
}

/// What the inputs are called where a frame is named.
pub(super) struct InputNames(Vec<String>);

impl InputNames {
    /// One input needs no name. Several are told apart by their file names, or by their paths where these are equal.
    pub(super) fn new(d: &Diagnosis<'_>) -> InputNames {
        if d.inputs.len() < 2 {
            return InputNames(vec![]);
        }
        let paths: Vec<String> = d.inputs.iter().map(|i| i.path.to_string()).collect();
        let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let bases: std::collections::BTreeSet<String> = paths.iter().map(|p| base(p)).collect();
        let distinct = bases.len() == paths.len();
        InputNames(paths.into_iter().map(|p| if distinct { base(&p) } else { p }).collect())
    }

    /// `frame 12`, or `frame 12 of b.pcap`.
    pub(super) fn frame(&self, at: FrameRef) -> String {
        let input = usize::try_from(at.input).ok().and_then(|i| self.0.get(i));
        match (at.frame, input) {
            (0, Some(input)) => input.clone(),
            (0, None) => "no frame".to_owned(),
            (frame, Some(input)) => format!("frame {frame} of {input}"),
            (frame, None) => format!("frame {frame}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn numbers_have_commas() {
        assert_eq!([0, 999, 1000, 9950, 1234567].map(number).join(" "), "0 999 1,000 9,950 1,234,567");
        assert_eq!(count(1, "phone") + &count(2, "phone"), "1 phone2 phones");
    }

    #[test]
    fn a_long_text_is_cut_with_dots() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("ab電def", 5), "ab...");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(clock(fixture::at(61_003)), "07:01:01.003");
        assert_eq!(span(fixture::at(0), fixture::at(252_000)), "2026-11-23 07:00:00 to 07:04:12");
        let next_day = fixture::at(86_400_000);
        assert_eq!(span(fixture::at(0), next_day), "2026-11-23 07:00:00 to 2026-11-24 07:00:00");
    }

    #[test]
    fn inputs_are_named_only_where_there_are_several() {
        let mut d = fixture::mixed_site();
        assert_eq!(InputNames::new(&d).frame(fixture::frame(12)), "frame 12");
        d.inputs.push(fixture::input());
        d.inputs[0].path = "a/x.pcap".into();
        d.inputs[1].path = "b/x.pcap".into();
        assert_eq!(InputNames::new(&d).frame(fixture::frame(12)), "frame 12 of a/x.pcap");
        d.inputs[1].path = "b/y.pcap".into();
        assert_eq!(InputNames::new(&d).frame(fixture::frame(12)), "frame 12 of x.pcap");
        assert_eq!(InputNames::new(&d).frame(FrameRef { input: 9, frame: 1 }), "frame 1");
    }
}
