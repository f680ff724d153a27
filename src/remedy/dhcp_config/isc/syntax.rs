//! Tokens and statements of `dhcpd.conf`, with the files that it includes in their places.

use super::super::source::{Sources, Span, Unreadable, included};

/// Blocks within blocks; real files have four or five.
const MAX_DEPTH: usize = 40;
/// Files within files.
const MAX_INCLUDES: usize = 16;
/// Statements of all files together.
const MAX_STATEMENTS: usize = 2_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A name, a number, an address.
    Word,
    /// A text in quotes; the span has the quotes.
    Text,
    /// Anything else, one character.
    Mark(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) at: Span,
}

/// A statement: words up to `;`, or words and a block.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) words: Vec<Token>,
    pub(super) block: Option<Vec<Statement>>,
    /// Where it ends: behind `;`, or at `}`.
    pub(super) end: Span,
}

impl Statement {
    pub(super) fn at(&self) -> Span {
        self.words.first().map_or(self.end, |t| t.at)
    }
}

/// Reads a file and what it includes.
pub(super) fn parse(sources: &Sources, root: usize, used: &mut Vec<usize>) -> Result<Vec<Statement>, Unreadable> {
    let mut count = 0;
    read_file(sources, root, used, &mut vec![root], &mut count)
}

fn read_file(
    sources: &Sources,
    file: usize,
    used: &mut Vec<usize>,
    open: &mut Vec<usize>,
    count: &mut usize,
) -> Result<Vec<Statement>, Unreadable> {
    if !used.contains(&file) {
        used.push(file);
    }
    let tokens = tokens(sources.contents(file), file)?;
    let mut reader = Reader { sources, tokens: &tokens, next: 0, used, open, count };
    let statements = reader.statements(0)?;
    match reader.peek() {
        None => Ok(statements),
        Some(extra) => Err(Unreadable::new(extra.at, "this } closes nothing")),
    }
}

struct Reader<'a> {
    sources: &'a Sources,
    tokens: &'a [Token],
    next: usize,
    used: &'a mut Vec<usize>,
    open: &'a mut Vec<usize>,
    count: &'a mut usize,
}

/// Words that begin a statement and are no part of one.
const KEYWORDS: &[&str] = &[
    "option",
    "range",
    "subnet",
    "shared-network",
    "host",
    "group",
    "pool",
    "class",
    "subclass",
    "include",
    "next-server",
    "default-lease-time",
    "max-lease-time",
    "hardware",
    "fixed-address",
    "filename",
    "server-name",
    "match",
    "authoritative",
];

impl Reader<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.next).copied()
    }

    /// Statements up to the end of the file, or to a `}`, which is left.
    fn statements(&mut self, depth: usize) -> Result<Vec<Statement>, Unreadable> {
        let mut all = Vec::new();
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Mark(b'}') => break,
                // An empty statement.
                Kind::Mark(b';') => self.next += 1,
                _ => {
                    let statement = self.statement(depth)?;
                    *self.count += 1;
                    if *self.count > MAX_STATEMENTS {
                        return Err(Unreadable::new(token.at, format!("more than {MAX_STATEMENTS} statements")));
                    }
                    self.add(statement, &mut all)?;
                }
            }
        }
        Ok(all)
    }

    /// Adds a statement, or the statements of the file that it includes.
    fn add(&mut self, statement: Statement, all: &mut Vec<Statement>) -> Result<(), Unreadable> {
        let [word, path] = statement.words.as_slice() else {
            all.push(statement);
            return Ok(());
        };
        if !self.sources.text(word.at).eq_ignore_ascii_case("include") || statement.block.is_some() {
            all.push(statement);
            return Ok(());
        }
        let name = unquoted(&self.sources.text(path.at));
        let Some(file) = included(self.sources, &name) else {
            let why = format!("it includes {name}, which is not at hand: give it as well (--dhcp-config {name})");
            return Err(Unreadable::new(word.at, why));
        };
        if self.open.contains(&file) {
            return Err(Unreadable::new(word.at, format!("the include of {name} goes round in a circle")));
        }
        if self.open.len() >= MAX_INCLUDES {
            return Err(Unreadable::new(word.at, "includes within includes are too deep"));
        }
        self.open.push(file);
        let inner = read_file(self.sources, file, self.used, self.open, self.count)?;
        self.open.pop();
        all.extend(inner);
        Ok(())
    }

    fn statement(&mut self, depth: usize) -> Result<Statement, Unreadable> {
        let mut words: Vec<Token> = Vec::new();
        let mut round = 0usize;
        while let Some(token) = self.peek() {
            self.next += 1;
            match token.kind {
                Kind::Mark(b';') => return Ok(Statement { words, block: None, end: token.at }),
                Kind::Mark(b'{') if is_record(self.sources, &words) => {
                    words.push(token);
                    self.record(&mut words)?;
                }
                Kind::Mark(b'{') => {
                    if depth >= MAX_DEPTH {
                        return Err(Unreadable::new(token.at, "blocks within blocks are too deep"));
                    }
                    let block = self.statements(depth + 1)?;
                    return match self.peek() {
                        Some(close) => {
                            self.next += 1;
                            Ok(Statement { words, block: Some(block), end: close.at })
                        }
                        None => Err(Unreadable::new(token.at, "this { is never closed")),
                    };
                }
                Kind::Mark(b'}') => {
                    let at = words.first().map_or(token.at, |w| w.at);
                    return Err(Unreadable::new(at, "a semicolon is missing before the }"));
                }
                Kind::Mark(mark) => {
                    round = match mark {
                        b'(' => round + 1,
                        b')' => round.saturating_sub(1),
                        _ => round,
                    };
                    words.push(token);
                }
                Kind::Word | Kind::Text => {
                    self.check_semicolon(&words, token, round)?;
                    words.push(token);
                }
            }
        }
        let at = words.first().map_or_else(Span::default, |w| w.at);
        Err(Unreadable::new(at, "the file ends in this statement: a semicolon or a } is missing"))
    }

    /// A keyword at the start of a line, within a statement that began on another, begins the next one.
    fn check_semicolon(&self, words: &[Token], token: Token, round: usize) -> Result<(), Unreadable> {
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return Ok(()) };
        let is_next_line = last.at.file == token.at.file
            && self.sources.line(last.at) < self.sources.line(token.at)
            && token.kind == Kind::Word
            && round == 0;
        if !is_next_line || matches!(last.kind, Kind::Mark(b'=' | b',' | b'(')) {
            return Ok(());
        }
        let word = self.sources.text(token.at).to_ascii_lowercase();
        let begun = self.sources.text(first.at).to_ascii_lowercase();
        // In expressions `option` goes on.
        let is_expression = matches!(begun.as_str(), "match" | "if" | "elsif" | "set" | "log" | "spawn" | "on");
        if KEYWORDS.contains(&word.as_str()) && !is_expression && !words.iter().any(|w| w.kind == Kind::Mark(b'=')) {
            return Err(Unreadable::new(last.at, "a semicolon is missing at the end of this line"));
        }
        Ok(())
    }

    /// The types of a record, up to its `}`.
    fn record(&mut self, words: &mut Vec<Token>) -> Result<(), Unreadable> {
        while let Some(token) = self.peek() {
            self.next += 1;
            words.push(token);
            match token.kind {
                Kind::Mark(b'}') => return Ok(()),
                Kind::Mark(b';' | b'{') => return Err(Unreadable::new(token.at, "a } is missing before this")),
                _ => {}
            }
        }
        Err(Unreadable::new(words.last().map_or_else(Span::default, |w| w.at), "this { is never closed"))
    }
}

/// Whether `{` begins the types of an option and no block: `option x code 150 = { ip-address };`.
fn is_record(sources: &Sources, words: &[Token]) -> bool {
    let text = |i: usize| words.get(i).map(|t| sources.text(t.at).to_ascii_lowercase()).unwrap_or_default();
    let last = words.last();
    let is_mark = last.is_some_and(|t| t.kind == Kind::Mark(b'='));
    let is_of = last.is_some_and(|t| sources.text(t.at).eq_ignore_ascii_case("of"));
    text(0) == "option" && text(2) == "code" && (is_mark || is_of)
}

/// Without its quotes; escapes as they are.
pub(super) fn unquoted(text: &str) -> String {
    text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text).to_owned()
}

/// The tokens of a file.
fn tokens(text: &[u8], file: usize) -> Result<Vec<Token>, Unreadable> {
    let mut tokens = Vec::new();
    let mut i = 0;
    // A mark in front of the text says that it is UTF-8.
    if text.starts_with(b"\xef\xbb\xbf") {
        i = 3;
    }
    while let Some(byte) = text.get(i).copied() {
        let start = i;
        let at = |end: usize| Span { file, start, end };
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => i += 1,
            b'#' => {
                while text.get(i).is_some_and(|b| *b != b'\n') {
                    i += 1;
                }
            }
            b'"' => {
                i += 1;
                loop {
                    match text.get(i) {
                        Some(b'"') => break,
                        Some(b'\\') => i += 2,
                        Some(b'\n') | None => {
                            return Err(Unreadable::new(at(start + 1), "this text has no closing \""));
                        }
                        Some(_) => i += 1,
                    }
                }
                i += 1;
                tokens.push(Token { kind: Kind::Text, at: at(i) });
            }
            _ if is_word(byte) => {
                while text.get(i).copied().is_some_and(is_word) {
                    i += 1;
                }
                tokens.push(Token { kind: Kind::Word, at: at(i) });
            }
            _ => {
                i += 1;
                tokens.push(Token { kind: Kind::Mark(byte), at: at(i) });
            }
        }
    }
    Ok(tokens)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'-' | b'_' | b':' | b'/' | b'@' | b'$' | b'*')
        || byte >= 0x80
}
