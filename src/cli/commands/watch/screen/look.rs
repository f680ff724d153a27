//! How things look: with colour or without, in Unicode or in ASCII. State is always told in words too.

use std::ffi::OsStr;

use ratatui::style::{Color, Modifier, Style};

use crate::cli::commands::watch::screen::snapshot::Rank;

/// What the terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Look {
    pub(super) color: bool,
    pub(super) unicode: bool,
}

impl Look {
    /// By the environment: `locale` is the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set.
    pub(super) fn new(color: bool, term: Option<&OsStr>, locale: Option<&OsStr>) -> Look {
        let is_old = term.is_some_and(|term| term.to_string_lossy().starts_with("vt"));
        let locale = locale.map(|l| l.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let unicode = !is_old && (locale.contains("utf-8") || locale.contains("utf8"));
        Look { color: color && !is_old, unicode }
    }

    /// The bars at the top and at the bottom.
    pub(super) fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What is under the cursor.
    pub(super) fn cursor(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    pub(super) fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What matters less.
    pub(super) fn aside(self) -> Style {
        if self.color { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }

    pub(super) fn bad(self) -> Style {
        self.of(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn warning(self) -> Style {
        self.of(Color::Yellow)
    }

    pub(super) fn good(self) -> Style {
        self.of(Color::Green)
    }

    pub(super) fn rank(self, rank: Rank) -> Style {
        match rank {
            Rank::Error => self.bad(),
            Rank::Warning | Rank::HealthyWithWarning => self.warning(),
            Rank::Booting => self.of(Color::Cyan),
            Rank::Healthy => self.good(),
        }
    }

    fn of(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// A lifeline, a line, the heads of arrows to the right and to the left.
    pub(super) fn arrow(self) -> (char, char, char, char) {
        if self.unicode { ('│', '─', '>', '<') } else { ('|', '-', '>', '<') }
    }

    /// What stands for what is cut off.
    pub(super) fn cut(self) -> char {
        if self.unicode { '…' } else { '~' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_terminals_and_plain_locales_get_what_they_can_show() {
        let look = |color, term: &str, locale: &str| {
            let look = Look::new(color, Some(OsStr::new(term)), Some(OsStr::new(locale)));
            (look.color, look.unicode)
        };
        assert_eq!(look(true, "xterm-256color", "en_US.UTF-8"), (true, true));
        assert_eq!(look(true, "vt100", "en_US.UTF-8"), (false, false));
        assert_eq!(look(false, "screen", "C"), (false, false));
        assert_eq!(look(true, "linux", "de_DE.utf8"), (true, true));
        assert!(!Look::new(true, None, None).unicode);
    }
}
