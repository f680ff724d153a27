//! Asking a file server what it would serve a phone: what is asked, and what the answers say.
//!
//! Nothing in here sends. [`tftp`] is the client's side of one transfer, [`Inquiry`] the questions about one phone to
//! one server and what follows from the answers; sockets and the clock are `cli/verify/`'s.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod inquiry;
mod judgement;
mod question;
pub mod tftp;

pub use inquiry::{Expectation, Inquiry};
pub use judgement::{Checked, Difference, FileChecked, Point, Subject};
pub use question::{Question, Reference};

use std::fmt;
use std::net::SocketAddr;

use crate::types::WireText;

/// Most bytes of a configuration that are fetched; real ones have a few thousand.
pub const LONGEST_CONFIGURATION: usize = 1 << 20;
/// Most bytes of a load that are fetched where all of it is wanted; the largest known have some 20 MB.
pub const LONGEST_LOAD: usize = 64 << 20;

/// A name to ask a server for: 1 to 128 letters, digits, dots, hyphens, underscores. Phones' files have no others, and
/// nothing else can be meant as a path, an option of TFTP or a part of a URL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FileName(String);

impl FileName {
    /// The name, if it is one.
    pub fn new(text: &str) -> Option<FileName> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        ((1..=128).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('.'))
            .then(|| FileName(text.to_owned()))
    }

    /// As it is asked for.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a file is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Transport {
    /// RFC 1350.
    Tftp,
    /// GET, as later phones do on port 6970.
    Http,
}

impl Transport {
    /// `tftp` or `http`.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tftp => "tftp",
            Transport::Http => "http",
        }
    }
}

/// A server to ask.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Server {
    #[allow(missing_docs)]
    pub transport: Transport,
    /// Where requests are sent: an address, never a name.
    pub address: SocketAddr,
}

impl Server {
    /// The port that phones use of themselves.
    pub fn usual_port(transport: Transport) -> u16 {
        match transport {
            Transport::Tftp => 69,
            Transport::Http => 6970,
        }
    }
}

impl fmt::Display for Server {
    /// `10.30.0.5`, `10.30.0.5 port 6969`, `10.30.0.5 over HTTP (port 6970)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.address.port();
        match self.transport {
            Transport::Http => write!(f, "{} over HTTP (port {port})", self.address.ip()),
            Transport::Tftp if port == Server::usual_port(Transport::Tftp) => write!(f, "{}", self.address.ip()),
            Transport::Tftp => write!(f, "{} port {port}", self.address.ip()),
        }
    }
}

/// How much of a file is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Want {
    /// Whether it is there and how long it is; the transfer is broken off as soon as that is known.
    Presence,
    /// All of it, if it has no more bytes than this.
    Whole(usize),
}

/// Why a server can not be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreachable {
    /// Nobody listens: ICMP port unreachable, or TCP refused.
    Port,
    /// No way to the host, or it does not answer ARP.
    Host,
    /// A filter on the way says no.
    Filtered,
}

/// How a question was answered. Text of the server is network text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The whole file.
    Whole(Vec<u8>),
    /// It is there, and the transfer was broken off; `length` where the server told it.
    There {
        #[allow(missing_docs)]
        length: Option<u64>,
    },
    /// No such file.
    Missing(WireText),
    /// Another error: code of TFTP or status of HTTP, and text.
    Refused(u16, WireText),
    /// It can not be reached.
    Unreachable(Unreachable),
    /// Asked so many times, no answer.
    Silent {
        #[allow(missing_docs)]
        tries: u32,
    },
    /// It began and did not go on.
    Stalled {
        #[allow(missing_docs)]
        octets: u64,
    },
    /// It did not end in the time that there is for it.
    TooSlow {
        #[allow(missing_docs)]
        octets: u64,
    },
    /// More bytes than wanted.
    TooLong {
        #[allow(missing_docs)]
        limit: u64,
    },
    /// What came is not the protocol; our words.
    Broken(String),
}

impl Answer {
    /// Whether the server did not speak at all: no use to ask it for more.
    pub fn is_silence(&self) -> bool {
        matches!(self, Answer::Unreachable(_) | Answer::Silent { .. })
    }

    /// One word for programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Answer::Whole(_) => "served",
            Answer::There { .. } => "there",
            Answer::Missing(_) => "missing",
            Answer::Refused(..) => "refused",
            Answer::Unreachable(_) => "unreachable",
            Answer::Silent { .. } => "no-answer",
            Answer::Stalled { .. } => "partial",
            Answer::TooSlow { .. } => "too-slow",
            Answer::TooLong { .. } => "too-long",
            Answer::Broken(_) => "broken",
        }
    }

    /// In words, after "asked for FILE:".
    pub fn text(&self) -> String {
        let said = |text: &WireText| if text.is_empty() { String::new() } else { format!(" (\"{text}\")") };
        match self {
            Answer::Whole(octets) => format!("served, {} octets", octets.len()),
            Answer::There { length: Some(length) } => format!("there, {length} octets"),
            Answer::There { length: None } => {
                "there, longer than one block; the server does not tell how long".to_owned()
            }
            Answer::Missing(text) => format!("not there{}", said(text)),
            Answer::Refused(code, text) => format!("refused with {code}{}", said(text)),
            Answer::Unreachable(Unreachable::Port) => "nobody listens on this port".to_owned(),
            Answer::Unreachable(Unreachable::Host) => "the host can not be reached".to_owned(),
            Answer::Unreachable(Unreachable::Filtered) => "a filter on the way forbids it".to_owned(),
            Answer::Silent { tries: 1 } => "no answer".to_owned(),
            Answer::Silent { tries } => format!("no answer to {tries} requests"),
            Answer::Stalled { octets } => format!("the transfer stops after {octets} octets"),
            Answer::TooSlow { octets } => format!("too slow: {octets} octets in the time that there is for it"),
            Answer::TooLong { limit } => format!("longer than {limit} octets: more is not fetched"),
            Answer::Broken(why) => why.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_phones_ask_for_is_a_name_to_ask_for() {
        for name in ["SEP003094C2D3FA.cnf.xml", "P00303020214.bin", "SCCP42.9-4-2SR3-1S.loads", "a"] {
            assert_eq!(FileName::new(name).map(|n| n.to_string()).as_deref(), Some(name));
        }
        let long = "a".repeat(129);
        for name in ["", "a/b", "..", "../x", "a\\b", "a\0b", "a b", "a?b", "a%2fb", "é", "a\nb", "[x]", &long] {
            assert_eq!(FileName::new(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_server_is_named_by_what_is_unusual_about_it() {
        let server = |transport, address: &str| Server { transport, address: address.parse().unwrap() }.to_string();
        assert_eq!(server(Transport::Tftp, "10.30.0.5:69"), "10.30.0.5");
        assert_eq!(server(Transport::Tftp, "[2001:db8::5]:6969"), "2001:db8::5 port 6969");
        assert_eq!(server(Transport::Http, "10.30.0.5:6970"), "10.30.0.5 over HTTP (port 6970)");
    }
}
