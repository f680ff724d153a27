//! What is to be changed of a scope, before any platform says it in its own words.

use std::net::Ipv4Addr;

use crate::diagnosis::{Scope, ScopePhone, TftpSource, and_list};
use crate::types::WireText;
use crate::wire::dhcp::UnusableOption;

/// Another place than option 150 that names a wrong server: computers may boot by it, so it is told and not changed.
pub(super) struct Beside {
    pub(super) place: TftpSource,
    /// As it is now; `None`: it cannot be written down safely.
    pub(super) old: Option<String>,
}

/// Option 150 of a scope, or of single phones in it: from what it is to what it should be.
pub(super) struct Change<'a> {
    pub(super) scope: &'a Scope,
    /// What it should be, the first server first.
    pub(super) right: &'a [Ipv4Addr],
    /// What it is; empty: not set, or nothing that an address list can say.
    pub(super) old: Vec<Ipv4Addr>,
    /// What the scope hands out now, in plain words.
    pub(super) was: String,
    pub(super) beside: Vec<Beside>,
    /// Whom to change it for; `None`: everybody in the scope.
    pub(super) phones: Option<&'a [ScopePhone]>,
}

/// A change in the words of one platform.
pub(super) struct Text {
    /// What to do, in order; comments of the file.
    pub(super) steps: Vec<String>,
    /// The lines to use.
    pub(super) set: String,
    /// The lines that go back.
    pub(super) undo: String,
}

impl<'a> Change<'a> {
    pub(super) fn new(scope: &'a Scope, right: &'a [Ipv4Addr]) -> Change<'a> {
        let old = named(scope, TftpSource::Option150).unwrap_or_default();
        let old = old.iter().filter_map(|n| n.raw().parse().ok()).collect();
        let phones = scope.reach.phones();
        Change { scope, right, old, was: was(scope), beside: beside(scope, right), phones }
    }

    /// The scope's prefix length.
    pub(super) fn prefix(&self) -> Option<(Ipv4Addr, u32)> {
        self.scope.network.map(|(network, mask)| (network, mask.to_bits().leading_ones()))
    }

    /// Why the old value is not restored, where it is not.
    pub(super) fn not_restored(&self) -> Option<String> {
        unusable(self.scope, 150).map(|o| format!("not restored: no phone can read what was there (bytes {})", o.raw))
    }

    /// Steps about the other places that name a wrong server; `word` is the platform's statement for each.
    pub(super) fn beside_steps(&self, word: impl Fn(TftpSource) -> &'static str) -> Vec<String> {
        let first = self.right.first().map(Ipv4Addr::to_string).unwrap_or_default();
        let step = |b: &Beside| match &b.old {
            Some(old) => format!(
                "{} {old} is handed out too: change it to {first} in the same edit, unless computers boot by it (PXE).",
                word(b.place)
            ),
            None => format!("{} is handed out too, and no phone can use it: take it out.", word(b.place)),
        };
        self.beside.iter().map(step).collect()
    }

    /// `SEP0030949A0001 00:30:94:9a:00:01`.
    pub(super) fn listed(&self) -> impl Iterator<Item = &'a ScopePhone> {
        self.phones.unwrap_or_default().iter()
    }
}

impl Text {
    /// The file or the text of a fix: steps as comments, then the lines.
    pub(super) fn config(&self, mark: &str) -> String {
        let steps: String = self.steps.iter().map(|s| format!("{mark}{s}\n")).collect();
        steps + &self.set
    }
}

/// The names in one place.
fn named(scope: &Scope, source: TftpSource) -> Option<&[WireText]> {
    scope.sources.iter().find(|(s, _)| *s == source).map(|(_, names)| names.as_slice())
}

fn unusable(scope: &Scope, option: u8) -> Option<&UnusableOption> {
    scope.unusable.iter().find(|o| o.option == option)
}

/// What it names now, in plain words for a comment.
fn was(scope: &Scope) -> String {
    let mut said = Vec::new();
    let places = [
        (TftpSource::Option150, 150, "option 150"),
        (TftpSource::Option66, 66, "option 66"),
        (TftpSource::Sname, 0, "the server name"),
        (TftpSource::Siaddr, 0, "the next server"),
    ];
    for (source, option, words) in places {
        if let Some(names) = named(scope, source) {
            said.push(format!("{words} was {}", and_list(&names.iter().map(plain).collect::<Vec<_>>())));
        } else if let Some(unusable) = unusable(scope, option) {
            said.push(format!("{words} was the octets {}, which name no server", unusable.raw));
        } else if source == TftpSource::Option150 {
            said.push("option 150 was not set".to_owned());
        }
    }
    said.join("; ")
}

/// The other places that name one of the servers that option 150 names, or are all that phones have to go by.
fn beside(scope: &Scope, right: &[Ipv4Addr]) -> Vec<Beside> {
    let in_150 = named(scope, TftpSource::Option150);
    let of = |place: TftpSource| {
        if place == TftpSource::Option66 && unusable(scope, 66).is_some() {
            return Some(Beside { place, old: None });
        }
        let name = named(scope, place)?.first()?;
        let is_right = right.iter().any(|r| r.to_string() == name.raw());
        // Some servers fill their own address in, whatever is configured.
        let is_own = place == TftpSource::Siaddr && name.raw() == scope.server.to_string();
        let goes_along = in_150.is_none_or(|servers| servers.contains(name));
        (goes_along && !is_right && !is_own)
            .then(|| Beside { place, old: Some(name.raw().to_owned()).filter(|n| is_plain(n)) })
    };
    [TftpSource::Option66, TftpSource::Siaddr, TftpSource::Sname].into_iter().filter_map(of).collect()
}

/// `10.30.0.5, 10.30.0.6`, with what stands between them.
pub(super) fn joined(servers: &[Ipv4Addr], separator: &str) -> String {
    servers.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(separator)
}

/// A name or address that can be pasted without being anything else.
pub(super) fn is_plain(name: &str) -> bool {
    crate::remedy::configuration::is_server_name(name)
}

/// A text of the wire for a comment of any of the platforms.
pub(super) fn plain(text: &WireText) -> String {
    text.raw()
        .chars()
        .take(64)
        .map(|c| if c.is_ascii_alphanumeric() || ".-_: /".contains(c) { c } else { '?' })
        .collect()
}
