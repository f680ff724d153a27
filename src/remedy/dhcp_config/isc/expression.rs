//! Expressions of `dhcpd.conf` (dhcp-eval), as far as a capture tells what they are about: what is not told is
//! [`Truth::Unknown`] or [`Data::Unknown`], never guessed.

use super::super::client::Client;
use super::super::model::{Data, Truth};
use super::super::pattern;
use super::super::source::Sources;
use super::syntax::{Kind, Token, unquoted};

/// Expressions within expressions.
const MAX_DEPTH: usize = 60;

/// What is known of a client and of its place in the configuration.
pub(super) struct Context<'a> {
    pub(super) sources: &'a Sources,
    pub(super) client: &'a Client,
    /// It has a host declaration.
    pub(super) is_known: bool,
    /// Its address is fixed in one.
    pub(super) is_fixed: bool,
}

/// The truth of a boolean expression.
pub(super) fn truth(context: &Context<'_>, tokens: &[Token]) -> Truth {
    let mut reader = Reader { context, tokens, next: 0, depth: 0 };
    match reader.or() {
        Some(truth) if reader.next == tokens.len() => truth,
        _ => Truth::Unknown,
    }
}

/// The bytes of a data expression.
pub(super) fn data(context: &Context<'_>, tokens: &[Token]) -> Data {
    let mut reader = Reader { context, tokens, next: 0, depth: 0 };
    match reader.data() {
        Some(data) if reader.next == tokens.len() => data,
        _ => Data::Unknown,
    }
}

struct Reader<'a> {
    context: &'a Context<'a>,
    tokens: &'a [Token],
    next: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.next).copied()
    }

    fn word(&self) -> Option<String> {
        self.word_at(self.next)
    }

    fn word_at(&self, index: usize) -> Option<String> {
        let token = self.tokens.get(index).filter(|t| t.kind == Kind::Word)?;
        Some(self.context.sources.text(token.at).to_ascii_lowercase())
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.word().as_deref() == Some(word);
        self.next += usize::from(is_it);
        is_it
    }

    fn take_mark(&mut self, mark: u8) -> bool {
        let is_it = self.peek().is_some_and(|t| t.kind == Kind::Mark(mark));
        self.next += usize::from(is_it);
        is_it
    }

    fn deeper(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn or(&mut self) -> Option<Truth> {
        let mut left = self.and()?;
        while self.take_word("or") {
            left = left.or(self.and()?);
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Truth> {
        let mut left = self.not()?;
        while self.take_word("and") {
            left = left.and(self.not()?);
        }
        Some(left)
    }

    fn not(&mut self) -> Option<Truth> {
        self.deeper()?;
        let truth = if self.take_word("not") { self.not()?.not() } else { self.test()? };
        self.depth -= 1;
        Some(truth)
    }

    fn test(&mut self) -> Option<Truth> {
        match self.word().as_deref() {
            Some("exists") => {
                self.next += 1;
                return Some(match self.option_name()? {
                    Some(code) => self.context.client.has_sent(code).map_or(Truth::Unknown, Truth::of),
                    None => Truth::Unknown,
                });
            }
            Some("known") => {
                self.next += 1;
                return Some(Truth::of(self.context.is_known));
            }
            Some("static") => {
                self.next += 1;
                return Some(Truth::of(self.context.is_fixed));
            }
            _ => {}
        }
        if self.peek().is_some_and(|t| t.kind == Kind::Mark(b'(')) {
            // A boolean in brackets, or data that a comparison follows.
            let start = self.next;
            self.next += 1;
            if let Some(truth) = self.or()
                && self.take_mark(b')')
                && !self.is_comparison()
            {
                return Some(truth);
            }
            self.next = start;
        }
        let left = self.data()?;
        let operator = self.operator()?;
        let right = self.data()?;
        Some(match operator {
            Operator::Equal => left.equals(&right),
            Operator::Unequal => left.equals(&right).not(),
            Operator::Matches { any_case } => match (&left, &right) {
                (Data::Absent, _) => Truth::No,
                (Data::Known(text), Data::Known(pattern)) => pattern::search(pattern, text, any_case),
                _ => Truth::Unknown,
            },
        })
    }

    fn is_comparison(&self) -> bool {
        matches!(self.peek().map(|t| t.kind), Some(Kind::Mark(b'=' | b'!' | b'~')))
    }

    fn operator(&mut self) -> Option<Operator> {
        let mark = |i: usize| match self.tokens.get(i).map(|t| t.kind) {
            Some(Kind::Mark(m)) => m,
            _ => 0,
        };
        let (operator, len) = match (mark(self.next), mark(self.next + 1)) {
            (b'!', b'=') => (Operator::Unequal, 2),
            (b'~', b'=') => (Operator::Matches { any_case: false }, 2),
            (b'~', b'~') => (Operator::Matches { any_case: true }, 2),
            (b'=', _) => (Operator::Equal, 1),
            _ => return None,
        };
        self.next += len;
        Some(operator)
    }

    /// The code of the option that is named next; `Some(None)`: one that is not known by name here.
    fn option_name(&mut self) -> Option<Option<u8>> {
        if !self.take_word("option") && !self.take_word("config-option") {
            return None;
        }
        let name = self.word()?;
        self.next += 1;
        Some(option_code(&name))
    }

    fn data(&mut self) -> Option<Data> {
        self.deeper()?;
        let data = self.data_inner();
        self.depth -= 1;
        data
    }

    fn data_inner(&mut self) -> Option<Data> {
        let token = self.peek()?;
        let client = self.context.client;
        if token.kind == Kind::Text {
            self.next += 1;
            return Some(Data::Known(unescaped(&unquoted(&self.context.sources.text(token.at)))));
        }
        if token.kind == Kind::Mark(b'(') {
            self.next += 1;
            let data = self.data()?;
            return self.take_mark(b')').then_some(data);
        }
        let word = self.word()?;
        match word.as_str() {
            "option" => {
                let name = self.word_at(self.next + 1)?;
                self.next += 2;
                Some(option_value(client, &name))
            }
            "hardware" => {
                self.next += 1;
                Some(Data::Known([&[1][..], &client.mac.0].concat()))
            }
            "leased-address" => {
                self.next += 1;
                Some(Data::Known(client.address.octets().to_vec()))
            }
            "substring" | "suffix" | "lcase" | "ucase" | "concat" | "pick-first-value" | "pick" | "packet"
            | "binary-to-ascii" | "reverse" | "encode-int" | "extract-int" | "encode" | "gethostname" => {
                self.next += 1;
                self.call(&word)
            }
            _ => {
                let bytes = hex_bytes(&word)?;
                self.next += 1;
                Some(Data::Known(bytes))
            }
        }
    }

    fn number(&mut self) -> Option<usize> {
        let number = self.word()?.parse().ok()?;
        self.next += 1;
        Some(number)
    }

    fn call(&mut self, name: &str) -> Option<Data> {
        if !self.take_mark(b'(') {
            return None;
        }
        let data = match name {
            "substring" => {
                let data = self.data()?;
                let (from, len) = (self.comma_number()?, self.comma_number()?);
                data.map(|v| v.get(from.min(v.len())..(from + len).min(v.len())).unwrap_or_default().to_vec())
            }
            "suffix" => {
                let data = self.data()?;
                let len = self.comma_number()?;
                data.map(|v| v.get(v.len().saturating_sub(len)..).unwrap_or_default().to_vec())
            }
            "lcase" => self.data()?.map(|v| v.to_ascii_lowercase()),
            "ucase" => self.data()?.map(|v| v.to_ascii_uppercase()),
            "concat" => {
                let mut all = Data::Known(Vec::new());
                loop {
                    all = match (all, self.data()?) {
                        (Data::Known(a), Data::Known(b)) => Data::Known([a, b].concat()),
                        (all, Data::Absent) => all,
                        _ => Data::Unknown,
                    };
                    if !self.take_mark(b',') {
                        break all;
                    }
                }
            }
            "pick-first-value" | "pick" => {
                let mut first = Data::Absent;
                loop {
                    let next = self.data()?;
                    if first == Data::Absent {
                        first = next;
                    }
                    if !self.take_mark(b',') {
                        break first;
                    }
                }
            }
            "packet" => {
                let (from, len) = (self.number()?, self.comma_number()?);
                let client = self.context.client;
                match (from, len) {
                    (24, 4) => Data::Known(client.relay.map_or([0; 4], |ip| ip.octets()).to_vec()),
                    (28, 6) => Data::Known(client.mac.0.to_vec()),
                    _ => Data::Unknown,
                }
            }
            "binary-to-ascii" => {
                let (base, width) = (self.number()?, self.comma_number()?);
                if !self.take_mark(b',') {
                    return None;
                }
                let separator = self.data()?;
                if !self.take_mark(b',') {
                    return None;
                }
                match (self.data()?, separator) {
                    (Data::Known(v), Data::Known(sep)) if width == 8 => {
                        let one = |b: &u8| match base {
                            16 => format!("{b:x}"),
                            8 => format!("{b:o}"),
                            _ => b.to_string(),
                        };
                        let parts: Vec<String> = v.iter().map(one).collect();
                        Data::Known(parts.join(&String::from_utf8_lossy(&sep)).into_bytes())
                    }
                    (Data::Absent, _) => Data::Absent,
                    _ => Data::Unknown,
                }
            }
            _ => return self.skip_call(),
        };
        self.take_mark(b')').then_some(data)
    }

    fn comma_number(&mut self) -> Option<usize> {
        if self.take_mark(b',') { self.number() } else { None }
    }

    /// A function that is not worked out.
    fn skip_call(&mut self) -> Option<Data> {
        let mut open = 1;
        while open > 0 {
            match self.peek()?.kind {
                Kind::Mark(b'(') => open += 1,
                Kind::Mark(b')') => open -= 1,
                _ => {}
            }
            self.next += 1;
        }
        Some(Data::Unknown)
    }
}

#[derive(Clone, Copy)]
enum Operator {
    Equal,
    Unequal,
    Matches { any_case: bool },
}

/// Codes of the options that clients send and that configurations ask for.
fn option_code(name: &str) -> Option<u8> {
    let name = name.strip_prefix("dhcp.").unwrap_or(name);
    Some(match name {
        "host-name" => 12,
        "vendor-encapsulated-options" => 43,
        "dhcp-requested-address" => 50,
        "dhcp-message-type" => 53,
        "dhcp-parameter-request-list" => 55,
        "dhcp-max-message-size" => 57,
        "vendor-class-identifier" => 60,
        "dhcp-client-identifier" => 61,
        "user-class" => 77,
        "fqdn.fqdn" => 81,
        "relay-agent-information" => 82,
        "client-architecture-type" | "arch" | "pxe-system-type" | "architecture-type" => 93,
        "client-network-interface" => 94,
        "pxe-client-id" | "client-machine-identifier" => 97,
        "vivco" => 124,
        "vivso" => 125,
        _ => return None,
    })
}

/// An option that the client sent.
pub(super) fn option_value(client: &Client, name: &str) -> Data {
    let known = |value: Option<&[u8]>| match (value, client.sent.is_empty()) {
        (None, true) => Data::Unknown,
        (value, _) => Data::known(value),
    };
    let name = name.strip_prefix("dhcp.").unwrap_or(name);
    match name {
        "vendor-class-identifier" => known(client.vendor_class.as_deref()),
        "user-class" => known(client.user_class.as_deref()),
        "dhcp-client-identifier" => known(client.client_id.as_deref()),
        "host-name" => known(client.host_name.as_deref()),
        "dhcp-parameter-request-list" => known(Some(&client.requested).filter(|r| !r.is_empty()).map(Vec::as_slice)),
        "agent.circuit-id" => Data::known(client.relay_sub_option(1)),
        "agent.remote-id" => Data::known(client.relay_sub_option(2)),
        _ => match option_code(name).and_then(|code| client.has_sent(code)) {
            Some(false) => Data::Absent,
            _ => Data::Unknown,
        },
    }
}

/// `00:0b:be`, or one number of two digits at most.
pub(super) fn hex_bytes(word: &str) -> Option<Vec<u8>> {
    word.split(':').map(|p| (!p.is_empty() && p.len() <= 2).then(|| u8::from_str_radix(p, 16).ok()).flatten()).collect()
}

/// A text with its escapes worked out: `\n`, `\"`, `\012`, `\x0a`.
pub(super) fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(byte) = bytes.get(i).copied() {
        i += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(next) = bytes.get(i).copied() else { break };
        i += 1;
        match next {
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b'b' => out.push(8),
            b'0'..=b'3' => {
                let digits = bytes.get(i - 1..(i + 2).min(bytes.len())).unwrap_or_default();
                let octal = std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 8).ok());
                out.push(octal.unwrap_or(0));
                i += digits.len().saturating_sub(1);
            }
            b'x' => {
                let digits = bytes.get(i..(i + 2).min(bytes.len())).unwrap_or_default();
                let hex = std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok());
                out.push(hex.unwrap_or(0));
                i += digits.len();
            }
            other => out.push(other),
        }
    }
    out
}
