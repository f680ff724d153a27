//! JSON as Kea reads it, with the place of every value: comments of three kinds, commas behind the last element,
//! `<?include "FILE"?>`.

use super::super::source::{Sources, Span, Unreadable, included};

const MAX_DEPTH: usize = 60;
const MAX_INCLUDES: usize = 16;
/// Values of all files together.
const MAX_VALUES: usize = 4_000_000;

/// A value and its place; of a text the place is what is between the quotes.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) at: Span,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
    Text(String),
    /// A number, as written.
    Number(String),
    Bool(bool),
    Null,
}

impl Value {
    /// A member; of several of one name the last, as Kea takes it.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        match &self.kind {
            Kind::Object(members) => members.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    pub(super) fn items(&self, name: &str) -> &[Value] {
        match self.get(name).map(|v| &v.kind) {
            Some(Kind::Array(items)) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match &self.get(name)?.kind {
            Kind::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        match &self.get(name)?.kind {
            Kind::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum TokenKind {
    Mark(u8),
    Text(String),
    Word(String),
}

#[derive(Clone, Debug)]
struct Token {
    at: Span,
    kind: TokenKind,
}

/// Reads a file and what it includes.
pub(super) fn parse(sources: &Sources, root: usize, used: &mut Vec<usize>) -> Result<Value, Unreadable> {
    let mut tokens = Vec::new();
    lex(sources, root, used, &mut vec![root], &mut tokens)?;
    let mut reader = Reader { tokens: &tokens, next: 0 };
    let value = reader.value(0)?;
    match reader.peek() {
        None => Ok(value),
        Some(extra) => Err(Unreadable::new(extra.at, "something follows the end of the configuration")),
    }
}

fn lex(
    sources: &Sources,
    file: usize,
    used: &mut Vec<usize>,
    open: &mut Vec<usize>,
    tokens: &mut Vec<Token>,
) -> Result<(), Unreadable> {
    if !used.contains(&file) {
        used.push(file);
    }
    let text = sources.contents(file);
    let mut i = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while let Some(byte) = text.get(i).copied() {
        let start = i;
        let at = |from: usize, to: usize| Span { file, start: from, end: to };
        let rest = text.get(i..).unwrap_or_default();
        let to_line_end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => i += 1,
            b'#' => i += to_line_end,
            b'/' if rest.starts_with(b"//") => i += to_line_end,
            b'/' if rest.starts_with(b"/*") => {
                let end = rest.windows(2).skip(2).position(|w| w == b"*/");
                let Some(end) = end else { return Err(Unreadable::new(at(i, i + 2), "this comment is never closed")) };
                i += end + 4;
            }
            b'<' if rest.starts_with(b"<?include") => {
                let line = rest.get(..to_line_end).unwrap_or_default();
                let mut quotes = line.iter().enumerate().filter(|(_, b)| **b == b'"').map(|(n, _)| n);
                let (Some(from), Some(to)) = (quotes.next(), quotes.next()) else {
                    return Err(Unreadable::new(at(i, i + 2), "this include names no file"));
                };
                let name = String::from_utf8_lossy(line.get(from + 1..to).unwrap_or_default()).into_owned();
                let end = line.windows(2).position(|w| w == b"?>");
                let Some(end) = end else { return Err(Unreadable::new(at(i, i + 2), "this include has no ?>")) };
                let Some(inner) = included(sources, &name) else {
                    let why =
                        format!("it includes {name}, which is not at hand: give it as well (--dhcp-config {name})");
                    return Err(Unreadable::new(at(i, i + 2), why));
                };
                if open.contains(&inner) || open.len() >= MAX_INCLUDES {
                    return Err(Unreadable::new(at(i, i + 2), format!("the include of {name} goes round in a circle")));
                }
                open.push(inner);
                lex(sources, inner, used, open, tokens)?;
                open.pop();
                i += end + 2;
            }
            b'"' => {
                let (text, end) =
                    string(rest).ok_or_else(|| Unreadable::new(at(i, i + 1), "this text has no closing \""))?;
                i += end;
                tokens.push(Token { at: at(start + 1, i - 1), kind: TokenKind::Text(text) });
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' => {
                i += 1;
                tokens.push(Token { at: at(start, i), kind: TokenKind::Mark(byte) });
            }
            _ if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'+' => {
                let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
                i += len;
                let word = String::from_utf8_lossy(rest.get(..len).unwrap_or_default()).into_owned();
                tokens.push(Token { at: at(start, i), kind: TokenKind::Word(word) });
            }
            _ => return Err(Unreadable::new(at(i, i + 1), "this character belongs to no JSON")),
        }
        if tokens.len() > MAX_VALUES {
            return Err(Unreadable::new(at(start, start), format!("more than {MAX_VALUES} values")));
        }
    }
    Ok(())
}

/// A text in quotes with its escapes worked out, and how long it is with them.
fn string(text: &[u8]) -> Option<(String, usize)> {
    let mut out = Vec::new();
    let mut i = 1;
    loop {
        match text.get(i)? {
            b'"' => return Some((String::from_utf8_lossy(&out).into_owned(), i + 1)),
            b'\n' => return None,
            b'\\' => {
                let next = *text.get(i + 1)?;
                i += 2;
                match next {
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'u' => {
                        let digits = std::str::from_utf8(text.get(i..i + 4)?).ok()?;
                        let code = u32::from_str_radix(digits, 16).ok()?;
                        out.extend(char::from_u32(code).unwrap_or('?').to_string().bytes());
                        i += 4;
                    }
                    other => out.push(other),
                }
            }
            byte => {
                out.push(*byte);
                i += 1;
            }
        }
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    next: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn mark(&self) -> u8 {
        match self.peek().map(|t| &t.kind) {
            Some(TokenKind::Mark(mark)) => *mark,
            _ => 0,
        }
    }

    fn last(&self) -> Span {
        self.tokens.get(self.next).or(self.tokens.last()).map_or_else(Span::default, |t| t.at)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Unreadable> {
        let Some(token) = self.peek().cloned() else {
            return Err(Unreadable::new(self.last(), "the file ends where a value belongs"));
        };
        if depth > MAX_DEPTH {
            return Err(Unreadable::new(token.at, "values within values are too deep"));
        }
        self.next += 1;
        let kind = match token.kind {
            TokenKind::Mark(b'{') => return self.object(token.at, depth),
            TokenKind::Mark(b'[') => return self.array(token.at, depth),
            TokenKind::Mark(mark) => {
                return Err(Unreadable::new(token.at, format!("{} stands where a value belongs", char::from(mark))));
            }
            TokenKind::Text(text) => Kind::Text(text),
            TokenKind::Word(word) => match word.as_str() {
                "true" => Kind::Bool(true),
                "false" => Kind::Bool(false),
                "null" => Kind::Null,
                _ if word.parse::<f64>().is_ok() => Kind::Number(word),
                _ => return Err(Unreadable::new(token.at, format!("{word} is no value of JSON"))),
            },
        };
        Ok(Value { at: token.at, kind })
    }

    fn object(&mut self, open: Span, depth: usize) -> Result<Value, Unreadable> {
        let mut members = Vec::new();
        loop {
            if self.mark() == b'}' {
                break;
            }
            let Some(Token { at, kind: TokenKind::Text(name) }) = self.peek().cloned() else {
                return Err(self.unexpected(open, '}', "a name in quotes"));
            };
            self.next += 1;
            if self.mark() != b':' {
                return Err(Unreadable::new(at, "a colon is missing behind this name"));
            }
            self.next += 1;
            members.push((name, self.value(depth + 1)?));
            if !self.separator(b'}', open)? {
                break;
            }
        }
        let close = self.last();
        self.next += 1;
        Ok(Value { at: open.to(close), kind: Kind::Object(members) })
    }

    fn array(&mut self, open: Span, depth: usize) -> Result<Value, Unreadable> {
        let mut items = Vec::new();
        loop {
            if self.mark() == b']' {
                break;
            }
            if self.peek().is_none() {
                return Err(self.unexpected(open, ']', "a value"));
            }
            items.push(self.value(depth + 1)?);
            if !self.separator(b']', open)? {
                break;
            }
        }
        let close = self.last();
        self.next += 1;
        Ok(Value { at: open.to(close), kind: Kind::Array(items) })
    }

    /// Takes a comma; false where the end follows.
    fn separator(&mut self, close: u8, open: Span) -> Result<bool, Unreadable> {
        match self.mark() {
            b',' => {
                self.next += 1;
                Ok(true)
            }
            mark if mark == close => Ok(false),
            _ => Err(match self.tokens.get(self.next.saturating_sub(1)) {
                Some(before) if self.peek().is_some() => Unreadable::new(before.at, "a comma is missing behind this"),
                _ => self.unexpected(open, char::from(close), "a comma"),
            }),
        }
    }

    fn unexpected(&self, open: Span, close: char, wanted: &str) -> Unreadable {
        match self.peek() {
            Some(token) => Unreadable::new(token.at, format!("{wanted} belongs here")),
            None => Unreadable::new(open, format!("what begins here is never closed with {close}")),
        }
    }
}
