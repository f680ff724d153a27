//! ISC `dhcpd.conf` (dhcpd.conf(5), dhcp-eval(5), dhcp-options(5)).
//!
//! Of a lease dhcpd runs the statements of its scopes from the outermost to the innermost, then those of its pool, of its
//! classes (the first declared one last) and of its host; what runs last counts.

mod expression;
mod syntax;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::Ipv4Addr;

use self::expression::{Context, hex_bytes, unescaped};
use self::syntax::{Kind, Statement, Token, unquoted};
use super::client::Client;
use super::model::{Answer, Data, Form, Model, Place, Service, Source, Truth};
use super::source::{Sources, Span, Unreadable};

/// A configuration.
pub(super) struct Isc<'s> {
    sources: &'s Sources,
    places: Vec<Place>,
    scopes: Vec<Scope>,
    subnets: Vec<Subnet>,
    /// Classes and subclasses in the order of their declaration.
    classes: Vec<Class>,
    class_by_name: HashMap<String, usize>,
    hosts: Vec<Host>,
    hosts_by_mac: HashMap<[u8; 6], Vec<usize>>,
    hosts_by_id: HashMap<Vec<u8>, Vec<usize>>,
    /// Options by name.
    names: HashMap<String, Definition>,
    failover: bool,
    /// End of the file that was given.
    end: Span,
}

/// How a value is written, where its parts stand, and the servers that it names or why they are not known.
type Value = (Form, Vec<Span>, Result<Vec<String>, String>);

/// An option's code and type.
#[derive(Clone, Debug)]
struct Definition {
    code: u16,
    kind: Type,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Type {
    Addresses { many: bool },
    Octets,
    Numbers,
    Text,
    Bytes,
    Other(String),
}

/// Statements that hold together: a block, or the file.
#[derive(Debug)]
struct Scope {
    parent: Option<usize>,
    settings: Vec<Setting>,
    /// `subnet 10.61.0.0`.
    name: String,
}

#[derive(Debug)]
enum Setting {
    Place {
        place: usize,
        only_if_unset: bool,
    },
    /// Branches of an `if`, the scope of each; no condition: `else`. `None` as tokens: not worked out.
    If(Vec<(Option<Vec<Token>>, usize)>),
}

#[derive(Debug)]
struct Subnet {
    network: Ipv4Addr,
    mask: Ipv4Addr,
    scope: usize,
    pools: Vec<Pool>,
}

#[derive(Debug)]
struct Pool {
    scope: usize,
    ranges: Vec<(Ipv4Addr, Ipv4Addr)>,
}

#[derive(Debug)]
struct Class {
    scope: usize,
    /// `match if`.
    condition: Option<Vec<Token>>,
    /// `match`, what subclasses are of.
    submatch: Option<Vec<Token>>,
    /// Its subclasses: data and scope.
    members: HashMap<Vec<u8>, usize>,
}

#[derive(Debug)]
struct Host {
    scope: usize,
    fixed: Vec<Ipv4Addr>,
    /// A fixed address is given by name, so it may be any.
    fixed_by_name: bool,
}

/// Reads a configuration; `used` gets the files that are part of it.
pub(super) fn read<'s>(sources: &'s Sources, root: usize, used: &mut Vec<usize>) -> Result<Isc<'s>, Unreadable> {
    let statements = syntax::parse(sources, root, used)?;
    let end = sources.contents(root).len();
    let mut isc = Isc {
        sources,
        places: Vec::new(),
        scopes: vec![Scope { parent: None, settings: Vec::new(), name: "the global scope".to_owned() }],
        subnets: Vec::new(),
        classes: Vec::new(),
        class_by_name: HashMap::new(),
        hosts: Vec::new(),
        hosts_by_mac: HashMap::new(),
        hosts_by_id: HashMap::new(),
        names: standard_names(),
        failover: false,
        end: Span { file: root, start: end, end },
    };
    isc.define(&statements);
    isc.walk(&statements, At { scope: 0, subnet: None, pool: None, in_if: None })?;
    Ok(isc)
}

fn standard_names() -> HashMap<String, Definition> {
    let addresses = Definition { code: 150, kind: Type::Addresses { many: true } };
    let text = Definition { code: 66, kind: Type::Text };
    let names = [
        ("tftp-server-name", text),
        ("tftp-server-address", addresses),
        ("unknown-150", Definition { code: 150, kind: Type::Bytes }),
        ("unknown-66", Definition { code: 66, kind: Type::Bytes }),
    ];
    names.into_iter().map(|(name, definition)| (name.to_owned(), definition)).collect()
}

/// Where a statement stands.
#[derive(Clone, Copy)]
struct At {
    scope: usize,
    subnet: Option<usize>,
    pool: Option<usize>,
    /// The `if` around it.
    in_if: Option<Span>,
}

impl Isc<'_> {
    fn text(&self, token: Option<&Token>) -> String {
        token.map(|t| unquoted(&self.sources.text(t.at))).unwrap_or_default()
    }

    fn lower(&self, token: Option<&Token>) -> String {
        self.text(token).to_ascii_lowercase()
    }

    /// Options that are defined anywhere: `option NAME code N = TYPE;`.
    fn define(&mut self, statements: &[Statement]) {
        for statement in statements {
            if let Some(block) = &statement.block {
                self.define(block);
            }
            let words = &statement.words;
            if self.lower(words.first()) != "option" || self.lower(words.get(2)) != "code" {
                continue;
            }
            let Ok(code) = self.text(words.get(3)).parse() else { continue };
            let kind = self.kind(words.get(4..).unwrap_or_default());
            let name = self.lower(words.get(1));
            let name = name.strip_prefix("dhcp.").map(str::to_owned).unwrap_or(name);
            self.names.insert(name, Definition { code, kind });
        }
    }

    fn kind(&self, tokens: &[Token]) -> Type {
        let words: Vec<String> = tokens.iter().map(|t| self.lower(Some(t))).filter(|w| w != "=").collect();
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|w| *w != "{" && *w != "}").collect();
        let (many, kind) = match words.as_slice() {
            ["array", "of", kind @ ..] => (true, kind),
            kind => (false, kind),
        };
        let kind: Vec<&str> = kind.iter().copied().filter(|w| !matches!(*w, "unsigned" | "signed")).collect();
        match kind.as_slice() {
            ["ip-address"] => Type::Addresses { many },
            ["ip-address", ",", rest @ ..] if rest.iter().all(|w| matches!(*w, "ip-address" | ",")) => {
                Type::Addresses { many: true }
            }
            ["integer", "8"] if many => Type::Octets,
            ["integer", "32"] => Type::Numbers,
            ["text"] if !many => Type::Text,
            ["string"] if !many => Type::Bytes,
            _ => Type::Other(words.join(" ").replace(" ,", ",")),
        }
    }

    fn scope(&mut self, parent: usize, name: String) -> usize {
        self.scopes.push(Scope { parent: Some(parent), settings: Vec::new(), name });
        self.scopes.len() - 1
    }

    fn setting(&mut self, scope: usize, setting: Setting) {
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.settings.push(setting);
        }
    }

    fn walk(&mut self, statements: &[Statement], at: At) -> Result<(), Unreadable> {
        let mut all = statements.iter().peekable();
        while let Some(statement) = all.next() {
            let words = statement.words.as_slice();
            let word = self.lower(words.first());
            let Some(block) = &statement.block else {
                self.plain(&word, statement, at)?;
                continue;
            };
            match word.as_str() {
                "subnet" => {
                    let parse = |text: String| text.parse::<Ipv4Addr>();
                    let (Ok(network), Ok(mask)) = (parse(self.text(words.get(1))), parse(self.text(words.get(3))))
                    else {
                        return Err(Unreadable::new(statement.at(), "this subnet has no network and netmask"));
                    };
                    let scope = self.scope(at.scope, format!("subnet {network}"));
                    self.subnets.push(Subnet { network, mask, scope, pools: Vec::new() });
                    self.walk(block, At { scope, subnet: Some(self.subnets.len() - 1), pool: None, ..at })?;
                }
                "shared-network" => {
                    let scope = self.scope(at.scope, format!("shared-network {}", self.text(words.get(1))));
                    self.walk(block, At { scope, ..at })?;
                }
                "group" => {
                    let line = self.sources.line(statement.at());
                    let scope = self.scope(at.scope, format!("the group of line {line}"));
                    self.walk(block, At { scope, ..at })?;
                }
                "pool" => {
                    let line = self.sources.line(statement.at());
                    let scope = self.scope(at.scope, format!("the pool of line {line}"));
                    let pool = at.subnet.and_then(|s| self.subnets.get_mut(s)).map(|subnet| {
                        subnet.pools.push(Pool { scope, ranges: Vec::new() });
                        subnet.pools.len() - 1
                    });
                    // The pool of a shared network: its ranges say which subnet each of them is of.
                    match (pool, at.subnet) {
                        (Some(_), _) => self.walk(block, At { scope, pool, ..at })?,
                        (None, _) => self.shared_pool(block, At { scope, ..at })?,
                    }
                }
                "class" => self.class(statement, block, at)?,
                "subclass" => self.subclass(statement, Some(block), at)?,
                "host" => self.host(statement, block, at)?,
                "if" => {
                    let mut branches = Vec::new();
                    let mut last = (Some(words.get(1..).unwrap_or_default().to_vec()), block);
                    let in_if = Some(statement.at());
                    loop {
                        let name = self.scopes.get(at.scope).map(|s| s.name.clone()).unwrap_or_default();
                        let scope = self.scope(at.scope, name);
                        self.walk(last.1, At { scope, in_if, ..at })?;
                        branches.push((last.0, scope));
                        let Some(next) = all.peek() else { break };
                        let Some(block) = &next.block else { break };
                        let second = self.lower(next.words.get(1));
                        last = match self.lower(next.words.first()).as_str() {
                            "elsif" | "elseif" => (Some(next.words.get(1..).unwrap_or_default().to_vec()), block),
                            "else" if second == "if" => (Some(next.words.get(2..).unwrap_or_default().to_vec()), block),
                            "else" => (None, block),
                            _ => break,
                        };
                        all.next();
                    }
                    self.setting(at.scope, Setting::If(branches));
                }
                "switch" => {
                    // Which case runs is not worked out: any of them may.
                    let scope = self.scope(at.scope, "a switch".to_owned());
                    self.walk(block, At { scope, in_if: Some(statement.at()), ..at })?;
                    self.setting(at.scope, Setting::If(vec![(Some(Vec::new()), scope)]));
                }
                "failover" => self.failover = true,
                // Keys, zones, events and what else has nothing to do with options.
                _ => {}
            }
        }
        Ok(())
    }

    fn plain(&mut self, word: &str, statement: &Statement, at: At) -> Result<(), Unreadable> {
        let words = statement.words.as_slice();
        match word {
            "option" | "supersede" | "default" | "append" | "prepend" => {
                let skip = usize::from(word != "option" && self.lower(words.get(1)) == "option");
                let how = if word == "option" { "" } else { word };
                self.option(words.get(1 + skip..).unwrap_or_default(), statement, how, at);
            }
            "next-server" | "server-name" => {
                let source = if word == "next-server" { Source::NextServer } else { Source::ServerName };
                let values = words.get(1..).unwrap_or_default();
                self.place(source, &Type::Addresses { many: false }, values, statement, word.to_owned(), "", at);
            }
            "range" => {
                let texts: Vec<Ipv4Addr> =
                    words.iter().skip(1).filter_map(|t| self.text(Some(t)).parse().ok()).collect();
                let Some(first) = texts.first().copied() else {
                    return Err(Unreadable::new(statement.at(), "this range has no address"));
                };
                let last = texts.get(1).copied().unwrap_or(first);
                let Some(subnet) = at.subnet.and_then(|s| self.subnets.get_mut(s)) else { return Ok(()) };
                match at.pool.and_then(|p| subnet.pools.get_mut(p)) {
                    Some(pool) => pool.ranges.push((first, last)),
                    // A range of the subnet itself: its statements are those of the subnet.
                    None => subnet.pools.push(Pool { scope: subnet.scope, ranges: vec![(first, last)] }),
                }
            }
            "subclass" => self.subclass(statement, None, at)?,
            "failover" => self.failover = true,
            _ => {}
        }
        Ok(())
    }

    /// A pool outside of any subnet: its ranges belong to the subnets that hold them.
    fn shared_pool(&mut self, block: &[Statement], at: At) -> Result<(), Unreadable> {
        for statement in block {
            let word = self.lower(statement.words.first());
            if word != "range" {
                self.walk(std::slice::from_ref(statement), at)?;
                continue;
            }
            let all: Vec<Ipv4Addr> =
                statement.words.iter().skip(1).filter_map(|t| self.text(Some(t)).parse().ok()).collect();
            let Some(first) = all.first().copied() else { continue };
            let last = all.get(1).copied().unwrap_or(first);
            if let Some(subnet) = self.subnet_of(first).and_then(|i| self.subnets.get_mut(i)) {
                subnet.pools.push(Pool { scope: at.scope, ranges: vec![(first, last)] });
            }
        }
        Ok(())
    }

    fn class(&mut self, statement: &Statement, block: &[Statement], at: At) -> Result<(), Unreadable> {
        let name = self.text(statement.words.get(1));
        let index = match self.class_by_name.get(&name) {
            // A class that is opened again goes on.
            Some(index) => *index,
            None => {
                let scope = self.scope(at.scope, format!("class \"{name}\""));
                self.classes.push(Class { scope, condition: None, submatch: None, members: HashMap::new() });
                self.class_by_name.insert(name, self.classes.len() - 1);
                self.classes.len() - 1
            }
        };
        for inner in block {
            if self.lower(inner.words.first()) != "match" {
                continue;
            }
            let is_condition = self.lower(inner.words.get(1)) == "if";
            let tokens = inner.words.get(if is_condition { 2 } else { 1 }..).unwrap_or_default().to_vec();
            let Some(class) = self.classes.get_mut(index) else { continue };
            if is_condition { class.condition = Some(tokens) } else { class.submatch = Some(tokens) }
        }
        let scope = self.classes.get(index).map_or(0, |c| c.scope);
        self.walk(block, At { scope, subnet: None, pool: None, ..at })
    }

    fn subclass(&mut self, statement: &Statement, block: Option<&[Statement]>, at: At) -> Result<(), Unreadable> {
        let name = self.text(statement.words.get(1));
        let Some(index) = self.class_by_name.get(&name).copied() else {
            return Err(Unreadable::new(
                statement.at(),
                format!("class \"{name}\" of this subclass is not declared above"),
            ));
        };
        let data: Vec<Token> = statement.words.get(2..).unwrap_or_default().to_vec();
        let parent = self.classes.get(index).map_or(0, |c| c.scope);
        let shown = data.first().zip(data.last()).map(|(a, b)| self.sources.text(a.at.to(b.at)).into_owned());
        let scope = self.scope(parent, format!("subclass \"{name}\" {}", shown.unwrap_or_default()));
        let value = match data.as_slice() {
            [one] if one.kind == Kind::Text => Some(unescaped(&self.text(Some(one)))),
            [one] => hex_bytes(&self.lower(Some(one))),
            _ => None,
        };
        let Some(value) = value else {
            return Err(Unreadable::new(statement.at(), "what this subclass matches is not understood"));
        };
        if let Some(class) = self.classes.get_mut(index) {
            class.members.insert(value, scope);
        }
        self.walk(block.unwrap_or_default(), At { scope, subnet: None, pool: None, ..at })
    }

    fn host(&mut self, statement: &Statement, block: &[Statement], at: At) -> Result<(), Unreadable> {
        let name = self.text(statement.words.get(1));
        let scope = self.scope(at.scope, format!("host {name}"));
        let index = self.hosts.len();
        let mut host = Host { scope, fixed: Vec::new(), fixed_by_name: false };
        for inner in block {
            let words = inner.words.as_slice();
            match self.lower(words.first()).as_str() {
                "hardware" => {
                    let mac = hex_bytes(&self.lower(words.get(2)));
                    if let Some(mac) = mac.and_then(|m| <[u8; 6]>::try_from(m).ok()) {
                        self.hosts_by_mac.entry(mac).or_default().push(index);
                    }
                }
                "fixed-address" => {
                    for token in words.iter().skip(1).filter(|t| t.kind != Kind::Mark(b',')) {
                        match self.text(Some(token)).parse() {
                            Ok(ip) => host.fixed.push(ip),
                            Err(_) => host.fixed_by_name = true,
                        }
                    }
                }
                first @ ("option" | "dhcp-client-identifier" | "uid" | "host-identifier") => {
                    let at = match first {
                        "option" if self.lower(words.get(1)) == "dhcp-client-identifier" => 2,
                        "host-identifier" if self.lower(words.get(2)) == "dhcp-client-identifier" => 3,
                        "dhcp-client-identifier" | "uid" => 1,
                        _ => continue,
                    };
                    let id = match words.get(at) {
                        Some(token) if token.kind == Kind::Text => Some(unescaped(&self.text(Some(token)))),
                        token => hex_bytes(&self.lower(token)),
                    };
                    if let Some(id) = id {
                        self.hosts_by_id.entry(id).or_default().push(index);
                    }
                }
                _ => {}
            }
        }
        self.hosts.push(host);
        self.walk(block, At { scope, subnet: None, pool: None, ..at })
    }

    /// `NAME VALUE…` of an option statement.
    fn option(&mut self, words: &[Token], statement: &Statement, how: &str, at: At) {
        let name = self.lower(words.first());
        let bare = name.strip_prefix("dhcp.").unwrap_or(&name);
        if self.lower(words.get(1)) == "code" || name == "space" {
            return;
        }
        let (source, definition) = match bare {
            "server.next-server" => (Source::NextServer, Definition { code: 0, kind: Type::Addresses { many: false } }),
            "server.server-name" => (Source::ServerName, Definition { code: 0, kind: Type::Text }),
            _ => {
                let Some(definition) = self.names.get(bare).cloned() else { return };
                // An option space of its own: what of it is sent, another option says.
                let Some(source) = Source::of_code(definition.code).filter(|_| !bare.contains('.')) else { return };
                (source, definition)
            }
        };
        let values = words.get(1..).unwrap_or_default();
        self.place(source, &definition.kind, values, statement, format!("option {name}"), how, at);
    }

    #[allow(clippy::too_many_arguments, reason = "one call site each, and all of it is the place")]
    fn place(
        &mut self,
        source: Source,
        kind: &Type,
        values: &[Token],
        statement: &Statement,
        what: String,
        how: &str,
        at: At,
    ) {
        let snippet = || {
            let span = values.first().zip(values.last()).map(|(a, b)| a.at.to(b.at)).unwrap_or(statement.end);
            self.sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let (form, spans, servers) = match self.value(kind, values, source) {
            Ok(read) => read,
            Err(why) => (Form::Single, Vec::new(), Err(format!("{why}: {}", snippet()))),
        };
        let fixed = match (at.in_if, how) {
            (Some(span), _) => Some(format!("it stands in the if of line {}", self.sources.line(span))),
            (None, "append" | "prepend") => Some(format!("it is {how}ed to what other scopes set")),
            _ => None,
        };
        let scope = self.scopes.get(at.scope).map(|s| s.name.as_str()).unwrap_or_default();
        let what = format!("{what} of {scope}");
        let place = self.places.len();
        self.places.push(Place { source, values: spans, form, servers, at: statement.at(), what, fixed });
        self.setting(at.scope, Setting::Place { place, only_if_unset: how == "default" });
    }

    /// The servers of a value, and how they are written.
    fn value(&self, kind: &Type, values: &[Token], source: Source) -> Result<Value, String> {
        if values.first().is_some_and(|t| t.kind == Kind::Mark(b'=')) {
            // An expression: of those only a text by itself is a value.
            return match values {
                [_, text] if text.kind == Kind::Text && source != Source::Option150 => {
                    Ok((Form::Single, vec![inner(text.at)], Ok(vec![as_sent(&self.text(Some(text)))])))
                }
                // Or bytes.
                [_, bytes] if bytes.kind == Kind::Word && source == Source::Option150 => {
                    self.hexadecimal(*bytes).ok_or_else(|| "the value is an expression".to_owned())
                }
                [_, function, ..] if self.sources.text(function.at).eq_ignore_ascii_case("concat") => {
                    Err("the value is put together by concat".to_owned())
                }
                _ => Err("the value is an expression".to_owned()),
            };
        }
        let each: Vec<&Token> = values.iter().filter(|t| t.kind != Kind::Mark(b',')).collect();
        let spans: Vec<Span> = each.iter().map(|t| t.at).collect();
        let texts: Vec<String> = each.iter().map(|t| self.text(Some(t))).collect();
        let is_quoted = each.iter().any(|t| t.kind == Kind::Text);
        let marks = values.iter().any(|t| matches!(t.kind, Kind::Mark(m) if m != b','));
        if each.is_empty() || marks || values.len() + 1 != each.len() * 2 {
            return Err("the value is not understood".to_owned());
        }
        match kind {
            Type::Addresses { .. } if is_quoted && source == Source::ServerName => {
                Ok((Form::Single, spans.into_iter().map(inner).collect(), Ok(texts)))
            }
            Type::Addresses { .. } if is_quoted => Err("the address is written as text".to_owned()),
            Type::Addresses { many: true } => Ok((Form::List(", "), spans, Ok(texts))),
            Type::Addresses { many: false } => Ok((Form::Single, spans, Ok(texts))),
            Type::Octets => {
                let bytes: Option<Vec<u8>> = texts.iter().map(|t| t.parse().ok()).collect();
                let servers = bytes.and_then(|b| addresses_of(&b)).ok_or("the numbers are no addresses")?;
                Ok((Form::Octets(", "), spans, Ok(servers)))
            }
            Type::Numbers => {
                let numbers: Option<Vec<u32>> = texts.iter().map(|t| t.parse().ok()).collect();
                let numbers = numbers.ok_or("the numbers are no addresses")?;
                let servers = numbers.into_iter().map(|n| Ipv4Addr::from_bits(n).to_string()).collect();
                Ok((Form::Numbers(", "), spans, Ok(servers)))
            }
            Type::Text | Type::Bytes if is_quoted && source != Source::Option150 && texts.len() == 1 => {
                let texts = texts.iter().map(|t| as_sent(t)).collect();
                Ok((Form::Single, spans.into_iter().map(inner).collect(), Ok(texts)))
            }
            Type::Bytes if !is_quoted && source == Source::Option66 => {
                Err("the text is written as a hexadecimal string".to_owned())
            }
            Type::Bytes if !is_quoted && texts.len() == 1 => each
                .first()
                .and_then(|t| self.hexadecimal(**t))
                .ok_or_else(|| "the hexadecimal string is no list of addresses".to_owned()),
            Type::Text => {
                Err("the option is declared as text, so phones get an ASCII string and no address".to_owned())
            }
            Type::Bytes => {
                Err("the option is declared as string and set to text, so phones get an ASCII string and no address"
                    .to_owned())
            }
            Type::Other(kind) => Err(format!("the option is declared as {kind}")),
        }
    }

    /// Addresses as bytes: `0a:3d:00:06`.
    fn hexadecimal(&self, token: Token) -> Option<Value> {
        let text = self.sources.text(token.at);
        let servers = addresses_of(&hex_bytes(&text)?)?;
        let upper = text.bytes().any(|b| b.is_ascii_uppercase());
        Some((Form::Hex { separator: ":", group: 1, upper, prefix: "" }, vec![token.at], Ok(servers)))
    }

    fn subnet_of(&self, address: Ipv4Addr) -> Option<usize> {
        let holds = |s: &Subnet| address.to_bits() & s.mask.to_bits() == s.network.to_bits();
        let all = self.subnets.iter().enumerate().filter(|(_, s)| holds(s));
        all.max_by_key(|(i, s)| (s.mask.to_bits().leading_ones(), usize::MAX - i)).map(|(i, _)| i)
    }

    /// A scope and those around it, the outermost first.
    fn chain(&self, scope: usize) -> Vec<usize> {
        let mut chain = vec![scope];
        while let Some(parent) = chain.last().and_then(|s| self.scopes.get(*s)).and_then(|s| s.parent) {
            chain.push(parent);
        }
        chain.reverse();
        chain
    }

    /// The host declaration that dhcpd goes by.
    fn host_of(&self, client: &Client) -> Option<&Host> {
        let by_id = client.client_id.as_ref().and_then(|id| self.hosts_by_id.get(id));
        let by_mac = self.hosts_by_mac.get(&client.mac.0);
        let all = by_id.into_iter().chain(by_mac).flatten().filter_map(|i| self.hosts.get(*i));
        let all: Vec<&Host> = all.collect();
        let is_here = |h: &&&Host| h.fixed.contains(&client.address) || h.fixed_by_name;
        let is_anywhere = |h: &&&Host| h.fixed.is_empty() && !h.fixed_by_name;
        all.iter().find(is_here).or_else(|| all.iter().find(is_anywhere)).copied()
    }

    /// Whether a client is in a class, and the scope of what it is in: its own, or a subclass's.
    fn membership(&self, class: &Class, context: &Context<'_>) -> (Truth, usize) {
        if let Some(submatch) = &class.submatch {
            match expression::data(context, submatch) {
                Data::Known(value) => {
                    if let Some(scope) = class.members.get(&value) {
                        return (Truth::Yes, *scope);
                    }
                }
                Data::Absent => {}
                Data::Unknown => {
                    // Which of the subclasses it is nobody can say.
                    if let Some(scope) = class.members.values().min() {
                        return (Truth::Unknown, *scope);
                    }
                }
            }
        }
        match &class.condition {
            Some(condition) => (expression::truth(context, condition), class.scope),
            None => (Truth::No, class.scope),
        }
    }

    fn run(&self, scope: usize, context: &Context<'_>, assume: bool, answer: &mut Answer) {
        let Some(found) = self.scopes.get(scope) else { return };
        for setting in &found.settings {
            match setting {
                Setting::Place { place, only_if_unset } => {
                    let Some(source) = self.places.get(*place).map(|p| p.source) else { continue };
                    if !only_if_unset || answer.get(source).is_none() {
                        answer.set(source, Some(*place));
                    }
                }
                Setting::If(branches) => {
                    for (condition, branch) in branches {
                        let truth = match condition {
                            None => Truth::Yes,
                            Some(tokens) if tokens.is_empty() => Truth::Unknown,
                            Some(tokens) => expression::truth(context, tokens),
                        };
                        answer.assumed |= truth == Truth::Unknown && self.sets_anything(*branch);
                        if truth.assuming(assume) {
                            self.run(*branch, context, assume, answer);
                            break;
                        }
                    }
                }
            }
        }
    }

    fn sets_anything(&self, scope: usize) -> bool {
        self.scopes.get(scope).is_some_and(|s| !s.settings.is_empty())
    }
}

impl Model for Isc<'_> {
    fn places(&self) -> &[Place] {
        &self.places
    }

    fn answer(&self, client: &Client, assume: bool) -> Service {
        let Some(subnet) = self.subnet_of(client.address).and_then(|i| self.subnets.get(i)) else {
            return Service::None(format!("none of its subnets holds {}", client.address));
        };
        let host = self.host_of(client);
        let holds = |p: &&Pool| p.ranges.iter().any(|(a, b)| (*a..=*b).contains(&client.address));
        let pool = subnet.pools.iter().find(holds);
        let is_fixed = host.is_some_and(|h| h.fixed.contains(&client.address) || h.fixed_by_name);
        if pool.is_none() && !is_fixed {
            return Service::None(format!(
                "no range or pool of its subnet {} holds {}, and no host declaration fixes it",
                subnet.network, client.address
            ));
        }
        // An address that a host fixes comes from no pool.
        let pool = pool.filter(|_| !is_fixed);
        let context = Context { sources: self.sources, client, is_known: host.is_some(), is_fixed };
        let mut answer = Answer::default();
        let own = self.chain(pool.map_or(subnet.scope, |p| p.scope));
        let mut chain = self.chain(subnet.scope);
        chain.extend(own.iter().copied().filter(|s| !chain.contains(s)).collect::<Vec<_>>());
        for scope in &chain {
            self.run(*scope, &context, assume, &mut answer);
        }
        for class in self.classes.iter().rev() {
            let (truth, scope) = self.membership(class, &context);
            let around: Vec<usize> = self.chain(scope).into_iter().filter(|s| !chain.contains(s)).collect();
            answer.assumed |= truth == Truth::Unknown && around.iter().any(|s| self.sets_anything(*s));
            if truth.assuming(assume) {
                for scope in around {
                    self.run(scope, &context, assume, &mut answer);
                }
            }
        }
        if let Some(host) = host {
            for scope in self.chain(host.scope).into_iter().filter(|s| !chain.contains(s)) {
                self.run(scope, &context, assume, &mut answer);
            }
        }
        Service::Answers(answer)
    }

    fn notes(&self, sources: &Sources) -> Vec<String> {
        let mut notes = Vec::new();
        if self.failover {
            notes.push(format!(
                "{} has a failover peer: make the same change on the partner, or half of the phones keep the old server.",
                sources.name(self.end.file)
            ));
        }
        notes
    }
}

/// A text as it is sent, without the NULs behind it.
fn as_sent(text: &str) -> String {
    String::from_utf8_lossy(&unescaped(text)).trim_end_matches('\0').to_owned()
}

/// The text between quotes.
fn inner(at: Span) -> Span {
    if at.end >= at.start + 2 { Span { start: at.start + 1, end: at.end - 1, ..at } } else { at }
}

/// Whole groups of four bytes as addresses.
fn addresses_of(bytes: &[u8]) -> Option<Vec<String>> {
    let groups = bytes.chunks_exact(4);
    let is_whole = groups.remainder().is_empty() && !bytes.is_empty();
    is_whole
        .then(|| groups.filter_map(|g| <[u8; 4]>::try_from(g).ok()).map(|g| Ipv4Addr::from(g).to_string()).collect())
}
