//! Which phones are listed, and which of them a search finds.

use std::net::IpAddr;

use crate::cli::commands::watch::screen::snapshot::Row;

/// What a phone can be picked by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FilterField {
    Phone,
    State,
    Verdict,
    Vlan,
    Server,
    Load,
}

impl FilterField {
    pub(super) const ALL: [FilterField; 6] = [
        FilterField::Phone,
        FilterField::State,
        FilterField::Verdict,
        FilterField::Vlan,
        FilterField::Server,
        FilterField::Load,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            FilterField::Phone => "Phone",
            FilterField::State => "State",
            FilterField::Verdict => "Verdict",
            FilterField::Vlan => "VLAN",
            FilterField::Server => "Server",
            FilterField::Load => "Load",
        }
    }

    /// What a row has of it.
    pub(super) fn of(self, row: &Row) -> Vec<String> {
        match self {
            FilterField::Phone => {
                let own = [row.label.clone(), row.mac.to_string(), row.mac.device_name()];
                own.into_iter().chain(row.ip.map(|ip| ip.to_string())).chain(row.model.clone()).collect()
            }
            FilterField::State => vec![row.step.as_str().to_owned()],
            FilterField::Verdict => {
                let codes = row.codes.iter().map(|code| code.to_string());
                [row.verdict.as_str().to_owned(), row.rank.as_str().to_owned()].into_iter().chain(codes).collect()
            }
            FilterField::Vlan => vec![row.vlan.map_or("none".to_owned(), |vlan| vlan.to_string())],
            FilterField::Server => row.servers().map(|ip| ip.to_string()).collect(),
            FilterField::Load => row.load.iter().map(ToString::to_string).collect(),
        }
    }
}

/// One text for each of [`FilterField::ALL`]; an empty one lets all phones through.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Filter {
    pub(super) texts: [String; 6],
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        self.texts.iter().all(|t| t.trim().is_empty())
    }

    /// Whether a row is listed. Of several texts with commas between them one must fit; `!` in front turns it round.
    pub(super) fn lets_through(&self, row: &Row) -> bool {
        FilterField::ALL.iter().zip(&self.texts).all(|(by, text)| {
            let text = text.trim();
            let (wanted, text) = match text.strip_prefix('!') {
                Some(rest) => (false, rest.trim()),
                None => (true, text),
            };
            text.is_empty() || {
                let has = by.of(row);
                let any = text.split(',').map(str::trim).filter(|t| !t.is_empty());
                any.into_iter().any(|t| has.iter().any(|h| fits(*by, h, t))) == wanted
            }
        })
    }

    /// In words: `State rejected, VLAN 110`.
    pub(super) fn words(&self) -> String {
        let set = FilterField::ALL.iter().zip(&self.texts).filter(|(_, text)| !text.trim().is_empty());
        set.map(|(by, text)| format!("{} {}", by.title(), text.trim())).collect::<Vec<_>>().join(", ")
    }
}

fn fits(by: FilterField, has: &str, text: &str) -> bool {
    match by {
        FilterField::Vlan => has.eq_ignore_ascii_case(text),
        // Whole addresses: 10.1.1.1 is not 10.1.1.10.
        FilterField::Server if text.parse::<IpAddr>().is_ok() => has == text,
        _ => has.to_ascii_lowercase().contains(&text.to_ascii_lowercase()),
    }
}

/// Whether a search for `text` finds a row.
pub(super) fn finds(row: &Row, text: &str) -> bool {
    !text.is_empty()
        && FilterField::ALL.iter().any(|by| by.of(row).iter().any(|has| fits(FilterField::Phone, has, text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::watch::screen::tests::row;

    fn filter(by: FilterField, text: &str) -> Filter {
        let mut filter = Filter::default();
        let at = FilterField::ALL.iter().position(|b| *b == by).unwrap();
        filter.texts[at] = text.to_owned();
        filter
    }

    #[test]
    fn phones_are_picked_by_what_they_are_and_where_they_stand() {
        let row = row(1);
        for (by, text) in [
            (FilterField::Phone, "sep003094"),
            (FilterField::Phone, "00:30:94"),
            (FilterField::Phone, "10.50.0.1"),
            (FilterField::State, "rejected,refused"),
            (FilterField::Verdict, "wrong-tftp"),
            (FilterField::Verdict, "error"),
            (FilterField::Vlan, "110"),
            (FilterField::Server, "10.1.1.9"),
            (FilterField::Load, "p003"),
            (FilterField::State, "!registered"),
            (FilterField::Phone, " "),
        ] {
            assert!(filter(by, text).lets_through(&row), "{by:?} {text}");
        }
        for (by, text) in [
            (FilterField::Vlan, "11"),
            (FilterField::Server, "10.1.1.90"),
            (FilterField::State, "registered"),
            (FilterField::Verdict, "!wrong"),
        ] {
            assert!(!filter(by, text).lets_through(&row), "{by:?} {text}");
        }
    }

    #[test]
    fn a_search_looks_at_everything_that_is_listed() {
        let row = row(1);
        for text in ["rejected", "10.1.1.9", "P0030", "110", "wrong-"] {
            assert!(finds(&row, text), "{text}");
        }
        assert!(!finds(&row, "") && !finds(&row, "nothing of it"));
    }
}
