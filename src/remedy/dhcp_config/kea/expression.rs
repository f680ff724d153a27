//! Tests of Kea's client classes, as far as a capture tells what they are about.

use std::net::Ipv4Addr;

use super::super::client::Client;
use super::super::model::{Data, Truth};

const MAX_DEPTH: usize = 60;

/// The truth of a test. `member`: whether the client is in a class.
pub(super) fn truth(test: &str, client: &Client, member: &dyn Fn(&str) -> Truth) -> Truth {
    let Some(tokens) = tokens(test) else { return Truth::Unknown };
    let mut reader = Reader { tokens: &tokens, next: 0, client, member, depth: 0 };
    match reader.or() {
        Some(truth) if reader.next == tokens.len() => truth,
        _ => Truth::Unknown,
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Text(String),
    /// Hexadecimal digits behind `0x`.
    Hex(String),
    Word(String),
    Mark(char),
    Equal,
}

fn tokens(test: &str) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    let mut rest = test;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            c if c.is_whitespace() => c.len_utf8(),
            '\'' => {
                let end = rest.get(1..)?.find('\'')?;
                out.push(Token::Text(rest.get(1..end + 1)?.to_owned()));
                end + 2
            }
            '=' => {
                out.push(Token::Equal);
                rest.strip_prefix("==").map(|_| 2)?
            }
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c))).unwrap_or(rest.len());
                let word = rest.get(..end)?;
                match word.strip_prefix("0x").or(word.strip_prefix("0X")) {
                    Some(digits) => out.push(Token::Hex(digits.to_owned())),
                    None => out.push(Token::Word(word.to_owned())),
                }
                end
            }
            mark @ ('(' | ')' | '[' | ']' | '.' | ',' | '+' | '*') => {
                out.push(Token::Mark(mark));
                1
            }
            _ => return None,
        };
        rest = rest.get(len..)?;
    }
    Some(out)
}

struct Reader<'a> {
    tokens: &'a [Token],
    next: usize,
    client: &'a Client,
    member: &'a dyn Fn(&str) -> Truth,
    depth: usize,
}

impl Reader<'_> {
    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.next) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.word() == Some(word);
        self.next += usize::from(is_it);
        is_it
    }

    fn take(&mut self, mark: char) -> bool {
        let is_it = self.tokens.get(self.next) == Some(&Token::Mark(mark));
        self.next += usize::from(is_it);
        is_it
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
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let truth = if self.take_word("not") { self.not()?.not() } else { self.test()? };
        self.depth -= 1;
        Some(truth)
    }

    fn test(&mut self) -> Option<Truth> {
        if self.take_word("member") {
            if !self.take('(') {
                return None;
            }
            let Some(Token::Text(name)) = self.tokens.get(self.next).cloned() else { return None };
            self.next += 1;
            return self.take(')').then(|| (self.member)(&name));
        }
        let start = self.next;
        if self.take('(') {
            if let Some(truth) = self.or()
                && self.take(')')
                && self.tokens.get(self.next) != Some(&Token::Equal)
            {
                return Some(truth);
            }
            self.next = start;
        }
        let left = self.data()?;
        if let Item::Exists(truth) = left {
            return Some(truth);
        }
        if self.tokens.get(self.next) != Some(&Token::Equal) {
            return None;
        }
        self.next += 1;
        let right = self.data()?;
        Some(match (left, right) {
            (Item::Data(a), Item::Data(b)) => a.equals(&b),
            _ => Truth::Unknown,
        })
    }

    fn data(&mut self) -> Option<Item> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let item = self.data_inner();
        self.depth -= 1;
        item
    }

    fn data_inner(&mut self) -> Option<Item> {
        let known = |v: Vec<u8>| Some(Item::Data(Data::Known(v)));
        match self.tokens.get(self.next)?.clone() {
            Token::Text(text) => {
                self.next += 1;
                known(text.into_bytes())
            }
            Token::Hex(digits) => {
                self.next += 1;
                known(hex(&digits)?)
            }
            Token::Mark('(') => {
                self.next += 1;
                let item = self.data()?;
                self.take(')').then_some(item)
            }
            Token::Mark(_) | Token::Equal => None,
            Token::Word(word) => {
                self.next += 1;
                match word.as_str() {
                    "option" => self.option(),
                    "relay4" => self.relay(),
                    "pkt4" | "pkt" => self.packet(),
                    "substring" | "concat" | "lcase" | "ucase" | "hexstring" | "ifelse" | "split" => self.call(&word),
                    _ => match word.parse::<Ipv4Addr>() {
                        Ok(ip) => known(ip.octets().to_vec()),
                        Err(_) => self.address(&word),
                    },
                }
            }
        }
    }

    /// `10.0.0.1`, whose dots are tokens of their own.
    fn address(&mut self, first: &str) -> Option<Item> {
        let mut text = first.to_owned();
        while self.take('.') {
            text.push('.');
            text.push_str(self.word()?);
            self.next += 1;
        }
        Some(match text.parse::<Ipv4Addr>() {
            Ok(ip) => Item::Data(Data::Known(ip.octets().to_vec())),
            Err(_) => Item::Data(Data::Unknown),
        })
    }

    /// `[60].hex`, `[60].text`, `[60].exists`, `[82].option[1].hex`.
    fn option(&mut self) -> Option<Item> {
        let code = self.index()?;
        if !self.take('.') {
            return None;
        }
        if self.take_word("option") {
            let sub = self.index()?;
            self.take('.');
            let value = match (code, self.client.sent.is_empty()) {
                (Some(82), false) => match sub.and_then(|s| u8::try_from(s).ok()) {
                    Some(sub) => Data::known(self.client.relay_sub_option(sub)),
                    None => Data::Unknown,
                },
                _ => Data::Unknown,
            };
            return self.form(value);
        }
        let client = self.client;
        let present = code.and_then(|c| u8::try_from(c).ok()).and_then(|c| client.has_sent(c));
        let value = match code {
            Some(60) => Data::known(client.bare_vendor_class()),
            Some(61) => Data::known(client.client_id.as_deref()),
            Some(77) => Data::known(client.user_class.as_deref()),
            Some(12) => Data::known(client.host_name.as_deref()),
            Some(55) if !client.requested.is_empty() => Data::Known(client.requested.clone()),
            Some(82) => Data::known(client.relay_info.as_deref()),
            _ if present == Some(false) => Data::Absent,
            _ => Data::Unknown,
        };
        let value = if value == Data::Absent && present != Some(false) { Data::Unknown } else { value };
        match present {
            Some(present) if self.word() == Some("exists") => {
                self.next += 1;
                Some(Item::Exists(Truth::of(present)))
            }
            _ => self.form(value),
        }
    }

    fn relay(&mut self) -> Option<Item> {
        let sub = self.index()?;
        if !self.take('.') {
            return None;
        }
        let value = match sub.and_then(|s| u8::try_from(s).ok()) {
            Some(sub) if !self.client.sent.is_empty() => Data::known(self.client.relay_sub_option(sub)),
            _ => Data::Unknown,
        };
        self.form(value)
    }

    fn form(&mut self, value: Data) -> Option<Item> {
        let form = self.word()?.to_owned();
        self.next += 1;
        match form.as_str() {
            "hex" | "text" => Some(Item::Data(match value {
                // An option that is not there is an empty text.
                Data::Absent => Data::Known(Vec::new()),
                other => other,
            })),
            "exists" => Some(Item::Exists(match value {
                Data::Known(_) => Truth::Yes,
                Data::Absent => Truth::No,
                Data::Unknown => Truth::Unknown,
            })),
            _ => None,
        }
    }

    /// `[60]`; `Some(None)`: an option by its name.
    fn index(&mut self) -> Option<Option<u32>> {
        if !self.take('[') {
            return None;
        }
        let word = self.word()?.to_owned();
        self.next += 1;
        if !self.take(']') {
            return None;
        }
        Some(word.parse().ok().or(match word.as_str() {
            "vendor-class-identifier" => Some(60),
            "dhcp-client-identifier" => Some(61),
            "host-name" => Some(12),
            "dhcp-parameter-request-list" => Some(55),
            "user-class" => Some(77),
            "dhcp-agent-options" => Some(82),
            "client-system" => Some(93),
            _ => None,
        }))
    }

    fn packet(&mut self) -> Option<Item> {
        if !self.take('.') {
            return None;
        }
        let field = self.word()?.to_owned();
        self.next += 1;
        Some(Item::Data(match field.as_str() {
            "mac" => Data::Known(self.client.mac.0.to_vec()),
            "hlen" => Data::Known(vec![0, 0, 0, 6]),
            "htype" => Data::Known(vec![0, 0, 0, 1]),
            "giaddr" => Data::Known(self.client.relay.map_or([0; 4], |ip| ip.octets()).to_vec()),
            _ => Data::Unknown,
        }))
    }

    fn call(&mut self, name: &str) -> Option<Item> {
        if !self.take('(') {
            return None;
        }
        let data = match name {
            "substring" => {
                let Item::Data(data) = self.data()? else { return None };
                let from: i64 = self.argument()?.parse().ok()?;
                let len = self.argument()?;
                data.map(|v| substring(&v, from, &len).to_vec())
            }
            "concat" => {
                let Item::Data(mut all) = self.data()? else { return None };
                while self.take(',') {
                    let Item::Data(next) = self.data()? else { return None };
                    all = match (all, next) {
                        (Data::Known(a), Data::Known(b)) => Data::Known([a, b].concat()),
                        _ => Data::Unknown,
                    };
                }
                all
            }
            "lcase" | "ucase" => {
                let Item::Data(data) = self.data()? else { return None };
                data.map(|v| if name == "lcase" { v.to_ascii_lowercase() } else { v.to_ascii_uppercase() })
            }
            "hexstring" => {
                let Item::Data(data) = self.data()? else { return None };
                if !self.take(',') {
                    return None;
                }
                let Some(Token::Text(separator)) = self.tokens.get(self.next).cloned() else { return None };
                self.next += 1;
                data.map(|v| {
                    let parts: Vec<String> = v.iter().map(|b| format!("{b:02x}")).collect();
                    parts.join(&separator).into_bytes()
                })
            }
            _ => return None,
        };
        self.take(')').then_some(Item::Data(data))
    }

    /// Behind a comma: a number, or `all`.
    fn argument(&mut self) -> Option<String> {
        if !self.take(',') {
            return None;
        }
        let word = self.word()?.to_owned();
        self.next += 1;
        Some(word)
    }
}

enum Item {
    Data(Data),
    Exists(Truth),
}

fn substring<'v>(value: &'v [u8], from: i64, len: &str) -> &'v [u8] {
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let from = if from < 0 { from + size } else { from };
    if from < 0 || from > size {
        return &[];
    }
    let len = if len == "all" { size } else { len.parse().unwrap_or(0) };
    let (start, end) = if len >= 0 { (from, (from + len).min(size)) } else { ((from + len).max(0), from) };
    value.get(usize::try_from(start).unwrap_or(0)..usize::try_from(end).unwrap_or(0)).unwrap_or_default()
}

fn hex(digits: &str) -> Option<Vec<u8>> {
    let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(digits.get(i..i + 2)?, 16).ok()).collect()
}
