//! What the parsers of the languages have in common: places that hand out a TFTP server, and which of them a client gets.

use std::net::Ipv4Addr;

use super::client::Client;
use super::source::{Sources, Span};

/// By what a server hands out a TFTP server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Source {
    Option150,
    Option66,
    /// `siaddr`.
    NextServer,
    /// `sname`.
    ServerName,
}

/// In the order in which phones look.
pub(super) const SOURCES: [Source; 4] = [Source::Option150, Source::Option66, Source::NextServer, Source::ServerName];

impl Source {
    pub(super) fn words(self) -> &'static str {
        match self {
            Source::Option150 => "option 150",
            Source::Option66 => "option 66",
            Source::NextServer => "the next server (siaddr)",
            Source::ServerName => "the server name (sname)",
        }
    }

    pub(super) fn of_code(code: u16) -> Option<Source> {
        match code {
            150 => Some(Source::Option150),
            66 => Some(Source::Option66),
            _ => None,
        }
    }
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Addresses or names, each in a span of its own, with this between them.
    List(&'static str),
    /// One address or name.
    Single,
    /// Hexadecimal digits of the addresses.
    Hex {
        /// Between the groups.
        separator: &'static str,
        /// Bytes in a group.
        group: usize,
        upper: bool,
        /// In front of all.
        prefix: &'static str,
    },
    /// The bytes of the addresses as decimal numbers, with this between them.
    Octets(&'static str),
    /// The addresses as numbers of 32 bits.
    Numbers(&'static str),
}

/// A place that hands out a TFTP server.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) source: Source,
    /// The values, one span each; what stands between them is not part of any.
    pub(super) values: Vec<Span>,
    pub(super) form: Form,
    /// The servers that it names, or why that is not understood.
    pub(super) servers: Result<Vec<String>, String>,
    /// Where the setting begins.
    pub(super) at: Span,
    /// `option voip-tftp of subnet 10.61.0.0`.
    pub(super) what: String,
    /// It can be replaced; else why not.
    pub(super) fixed: Option<String>,
}

impl Place {
    /// Option 150 as sent, where all that it names are addresses.
    pub(super) fn addresses(&self) -> Option<Vec<Ipv4Addr>> {
        self.servers.as_ref().ok()?.iter().map(|s| s.parse().ok()).collect()
    }

    /// What replaces its values, so that it names these.
    pub(super) fn edits(&self, sources: &Sources, right: &[Ipv4Addr]) -> Result<Vec<Edit>, String> {
        let (Some(first), Some(last)) = (self.values.first().copied(), self.values.last().copied()) else {
            return Err("it has no value".to_owned());
        };
        let one = |text: String| vec![Edit { at: first.to(last), text: text.into_bytes() }];
        let Some(server) = right.first() else { return Err("no right server is known".to_owned()) };
        match self.form {
            Form::Single => Ok(one(server.to_string())),
            Form::Hex { separator, group, upper, prefix } => {
                let digits: String = right.iter().flat_map(|ip| ip.octets()).map(|b| format!("{b:02x}")).collect();
                let digits = if upper { digits.to_ascii_uppercase() } else { digits };
                let groups: Vec<&str> = (0..digits.len())
                    .step_by(group * 2)
                    .filter_map(|i| digits.get(i..(i + group * 2).min(digits.len())))
                    .collect();
                Ok(one(format!("{prefix}{}", groups.join(separator))))
            }
            Form::Octets(separator) => {
                let all: Vec<String> = right.iter().flat_map(|ip| ip.octets()).map(|b| b.to_string()).collect();
                Ok(one(all.join(separator)))
            }
            Form::Numbers(separator) => {
                let all: Vec<String> = right.iter().map(|ip| ip.to_bits().to_string()).collect();
                Ok(one(all.join(separator)))
            }
            // As many as before: each in its place, so that what stands between them stays.
            Form::List(_) if self.values.len() == right.len() => {
                let each = self.values.iter().zip(right);
                Ok(each.map(|(at, ip)| Edit { at: *at, text: ip.to_string().into_bytes() }).collect())
            }
            Form::List(separator) => {
                let all = first.to(last);
                let between = sources.bytes(all);
                if between.contains(&b'#') || between.contains(&b'\n') {
                    return Err("the list runs over several lines".to_owned());
                }
                let names: Vec<String> = right.iter().map(Ipv4Addr::to_string).collect();
                Ok(one(names.join(separator)))
            }
        }
    }
}

/// A change of a file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Edit {
    /// What goes; empty: nothing.
    pub(super) at: Span,
    /// What comes.
    pub(super) text: Vec<u8>,
}

/// What a configuration hands a client.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Answer {
    /// Indices of places, in the order of [`SOURCES`].
    places: [Option<usize>; SOURCES.len()],
    /// Something was assumed: the capture does not tell what the configuration asks about the client.
    pub(super) assumed: bool,
}

impl Answer {
    pub(super) fn get(&self, source: Source) -> Option<usize> {
        self.places.get(source as usize).copied().flatten()
    }

    pub(super) fn set(&mut self, source: Source, place: Option<usize>) {
        if let Some(slot) = self.places.get_mut(source as usize) {
            *slot = place;
        }
    }

    /// All places, with their sources.
    pub(super) fn places(&self) -> impl Iterator<Item = (Source, usize)> + '_ {
        SOURCES.into_iter().filter_map(|s| Some((s, self.get(s)?)))
    }
}

/// Whether a configuration serves a client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Service {
    /// It hands out this.
    Answers(Answer),
    /// It has no place for the client's address: why, as a clause.
    None(String),
}

/// A configuration that was understood.
pub(super) trait Model {
    fn places(&self) -> &[Place];

    /// What it hands a client. `assume`: what to take what the capture does not tell for.
    fn answer(&self, client: &Client, assume: bool) -> Service;

    /// What else the operator should know, in whole sentences.
    fn notes(&self, sources: &Sources) -> Vec<String>;

    /// Whether what a client gets by option 66 is meant for it where it also gets option 150: not so where it inherits
    /// all that its own scope leaves out.
    fn hands_out_by_choice(&self) -> bool {
        true
    }
}

/// A value that may not be known: what a test of a class, or a condition, comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Truth {
    Yes,
    No,
    Unknown,
}

impl Truth {
    pub(super) fn of(value: bool) -> Truth {
        if value { Truth::Yes } else { Truth::No }
    }

    pub(super) fn not(self) -> Truth {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
        }
    }

    pub(super) fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::No, _) | (_, Truth::No) => Truth::No,
            (Truth::Yes, Truth::Yes) => Truth::Yes,
            _ => Truth::Unknown,
        }
    }

    pub(super) fn or(self, other: Truth) -> Truth {
        self.not().and(other.not()).not()
    }

    /// As a boolean, with what is not known taken for `assume`.
    pub(super) fn assuming(self, assume: bool) -> bool {
        match self {
            Truth::Yes => true,
            Truth::No => false,
            Truth::Unknown => assume,
        }
    }
}

/// Bytes that an expression comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Data {
    Known(Vec<u8>),
    /// Not there.
    Absent,
    Unknown,
}

impl Data {
    pub(super) fn known(value: Option<&[u8]>) -> Data {
        value.map_or(Data::Absent, |v| Data::Known(v.to_vec()))
    }

    /// Whether two are equal.
    pub(super) fn equals(&self, other: &Data) -> Truth {
        match (self, other) {
            (Data::Known(a), Data::Known(b)) => Truth::of(a == b),
            (Data::Unknown, _) | (_, Data::Unknown) => Truth::Unknown,
            (Data::Absent, Data::Absent) => Truth::Yes,
            _ => Truth::No,
        }
    }

    pub(super) fn map(self, f: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Data {
        match self {
            Data::Known(v) => Data::Known(f(v)),
            other => other,
        }
    }
}
