//! What is wrong with a site file, said by line and column.

use std::ops::Range;

use crate::types::WireText;

/// A mistake in a site file: exit code 2.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{path}:{line}:{column}: {message}")]
pub struct SiteError {
    /// Path of the site file, as given.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong and what to write instead. Safe to print.
    pub message: String,
}

/// In characters: a mistake may quote a value, and a value may be of any length.
const LONGEST_MESSAGE: usize = 300;

/// A site file in the making: where its mistakes are found.
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The error at this place of the text.
    pub(super) fn error(&self, span: Range<usize>, mut message: String) -> SiteError {
        if let Some((end, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        let before = self.text.get(..span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let in_line = before.get(line_start..).unwrap_or_default();
        SiteError {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: in_line.chars().filter(|c| *c != '\u{feff}').count() + 1,
            message: WireText::from(message.as_str()).to_string(),
        }
    }
}

/// A table of the site file and its keys.
pub(super) struct Table {
    /// As it stands in the file; in a message behind "in".
    pub(super) title: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// The tables of a site file.
pub(super) const TABLES: [Table; 3] = [
    Table { title: "the file's top level", keys: &["network", "cluster"] },
    Table { title: "[network]", keys: &["dhcp_servers", "voice_vlans", "confidence"] },
    Table {
        title: "[[cluster]]",
        keys: &[
            "name",
            "version",
            "tftp",
            "call_managers",
            "default",
            "subnets",
            "vlans",
            "phones",
            "phones_file",
            "loads",
        ],
    },
];

/// Our words for an error of the TOML reader.
pub(super) fn from_toml(source: &Source, error: &toml::de::Error) -> SiteError {
    let span = error.span().unwrap_or_default();
    let there = source.text.get(span.clone()).unwrap_or_default();
    let message = error.message();
    let words = if let Some(rest) = message.strip_prefix("unknown field `") {
        // "unknown field `tftps`, expected one of `name`, `tftp`": every second piece is a name.
        let mut names = rest.split('`').step_by(2);
        let key = names.next().unwrap_or_default();
        unknown_key(key, names.next().unwrap_or_default())
    } else if message.contains("expected a sequence") && there.trim_start_matches('[').starts_with("cluster") {
        "write [[cluster]], with two brackets, above what belongs to a cluster".to_owned()
    } else if there.starts_with("[[network") {
        "write [network], with one bracket: there is one".to_owned()
    } else {
        // What stands before "expected" may quote the file: it is left alone.
        let (found, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
        let found = found.replace("missing field", "missing key");
        match expected {
            "" => found,
            "a sequence" => format!("{found}, expected a list in [ ]"),
            "a string" => format!("{found}, expected a text in quotes"),
            "i64" => format!("{found}, expected a whole number"),
            other => format!("{found}, expected {other}"),
        }
    };
    source.error(span, words)
}

/// `sibling` is a key of the table that `key` stands in.
fn unknown_key(key: &str, sibling: &str) -> String {
    let Some(table) = TABLES.iter().find(|t| t.keys.contains(&sibling)) else {
        return format!("unknown key `{key}`");
    };
    let mut message = format!("unknown key `{key}` in {}", table.title);
    if let Some(right) = nearest(key, table.keys) {
        message.push_str(&format!("; did you mean `{right}`?"));
    } else if let Some(other) = TABLES.iter().find(|t| t.keys.contains(&key)) {
        message.push_str(&format!("; it belongs in {}", other.title));
    } else {
        message.push_str(&format!("; known are {}", table.keys.join(", ")));
    }
    message
}

/// The key that `key` is most likely a slip for.
fn nearest(key: &str, keys: &[&'static str]) -> Option<&'static str> {
    let known_elsewhere = TABLES.iter().any(|t| t.keys.contains(&key));
    // A key that is right in another table is no slip; a long text is none either.
    if known_elsewhere || key.len() > 30 {
        return None;
    }
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    let key = plain(key);
    let by_distance = keys.iter().map(|k| (distance(&key, k), *k)).min()?;
    if by_distance.0 <= 1 + by_distance.1.len() / 4 {
        return Some(by_distance.1);
    }
    keys.iter().copied().find(|k| key.starts_with(k) || (key.len() > 3 && k.starts_with(&key)))
}

/// How many letters must be put in, left out or changed to make one text of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let above = *cell;
            left = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            (diagonal, *cell) = (above, left);
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_two_words_is_the_number_of_changed_letters() {
        for (a, b, n) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "abc", 3),
            ("vlan", "vlans", 1),
            ("tfpt", "tftp", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), n, "{a} {b}");
            assert_eq!(distance(b, a), n, "{b} {a}");
        }
    }

    #[test]
    fn a_slip_is_told_from_another_word() {
        let cluster = TABLES[2].keys;
        for (slip, right) in [
            ("call_manager", "call_managers"),
            ("callmanagers", "call_managers"),
            ("Call-Managers", "call_managers"),
            ("tfpt", "tftp"),
            ("tftp_servers", "tftp"),
            ("subnet", "subnets"),
            ("vlan", "vlans"),
            ("phone", "phones"),
            ("phonesfile", "phones_file"),
            ("Name", "name"),
        ] {
            assert_eq!(nearest(slip, cluster), Some(right), "{slip}");
        }
        for word in ["location", "x", "", "dhcp_servers", &"v".repeat(100_000)] {
            assert_eq!(nearest(word, cluster), None);
        }
    }
}
