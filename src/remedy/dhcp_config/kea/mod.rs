//! Kea's `kea-dhcp4.conf`.
//!
//! Of an option the most specific scope counts: the reservation, the pool, the subnet, the shared network, the classes of
//! the client in their order, the global list. Of the next server the reservation, then the classes, then the subnet.

mod expression;
mod syntax;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::Ipv4Addr;

use self::syntax::{Kind, Value};
use super::client::Client;
use super::model::{Answer, Form, Model, Place, Service, Source, Truth};
use super::source::{Sources, Span, Unreadable};
use ipnet::Ipv4Net;

/// A configuration.
pub(super) struct Kea {
    places: Vec<Place>,
    global: Scope,
    reservations: Vec<Reservation>,
    networks: Vec<Network>,
    subnets: Vec<Subnet>,
    classes: Vec<Class>,
    /// Kinds of identifiers of reservations in the order in which they are looked up.
    identifiers: Vec<String>,
    global_by_key: HashMap<(String, Vec<u8>), usize>,
    high_availability: bool,
    has_database: bool,
    root: usize,
}

/// What a scope sets, by source.
#[derive(Clone, Default, Debug)]
struct Scope {
    settings: Vec<(Source, usize)>,
}

impl Scope {
    fn get(&self, source: Source) -> Option<usize> {
        self.settings.iter().rev().find(|(s, _)| *s == source).map(|(_, place)| *place)
    }
}

/// Where reservations are looked up.
#[derive(Clone, Copy, Debug)]
struct Lookup {
    global: bool,
    in_subnet: bool,
}

#[derive(Debug)]
struct Network {
    scope: Scope,
}

#[derive(Debug)]
struct Subnet {
    prefix: Ipv4Net,
    scope: Scope,
    network: Option<usize>,
    pools: Vec<Pool>,
    reservations: Vec<Reservation>,
    by_key: HashMap<(String, Vec<u8>), usize>,
    lookup: Lookup,
    /// Classes that are evaluated for it alone.
    required: Vec<String>,
}

#[derive(Debug)]
struct Pool {
    from: Ipv4Addr,
    to: Ipv4Addr,
    scope: Scope,
    required: Vec<String>,
}

#[derive(Debug)]
struct Reservation {
    scope: Scope,
    address: Option<Ipv4Addr>,
    classes: Vec<String>,
}

#[derive(Debug)]
struct Class {
    name: String,
    test: Option<String>,
    scope: Scope,
    only_if_required: bool,
    /// Its clients are in classes made of it, which the capture does not tell.
    is_template: bool,
}

/// The definition of an option.
#[derive(Clone, Debug)]
struct Definition {
    code: u16,
    kind: String,
    array: bool,
    record: bool,
}

struct Builder<'s> {
    sources: &'s Sources,
    places: Vec<Place>,
    /// Options of space `dhcp4`, by name and by code.
    by_name: HashMap<String, Definition>,
    by_code: HashMap<u16, Definition>,
}

/// Reads a configuration; `used` gets the files that are part of it.
pub(super) fn read(sources: &Sources, root: usize, used: &mut Vec<usize>) -> Result<Kea, Unreadable> {
    let document = syntax::parse(sources, root, used)?;
    let Some(dhcp4) = document.get("Dhcp4") else {
        return Err(Unreadable::new(document.at, "this is no configuration of Kea's DHCPv4 server: it has no Dhcp4"));
    };
    let mut builder = Builder { sources, places: Vec::new(), by_name: HashMap::new(), by_code: HashMap::new() };
    builder.define(dhcp4);
    let lookup = lookup(dhcp4, Lookup { global: false, in_subnet: true });
    let global = builder.scope(dhcp4, "the global scope", false);
    let mut kea = Kea {
        global,
        reservations: builder.reservations(dhcp4)?,
        networks: Vec::new(),
        subnets: Vec::new(),
        classes: Vec::new(),
        identifiers: identifiers(dhcp4),
        global_by_key: HashMap::new(),
        high_availability: dhcp4.items("hooks-libraries").iter().any(is_high_availability),
        has_database: dhcp4.get("hosts-database").is_some() || !dhcp4.items("hosts-databases").is_empty(),
        root,
        places: Vec::new(),
    };
    kea.global_by_key = keys(dhcp4);
    for class in dhcp4.items("client-classes") {
        let name = class.text("name").unwrap_or_default().to_owned();
        kea.classes.push(Class {
            scope: builder.scope(class, &format!("class {name}"), true),
            test: class.text("test").map(str::to_owned),
            only_if_required: class.bool("only-if-required").or(class.bool("only-in-additional-list")).unwrap_or(false),
            is_template: class.get("template-test").is_some(),
            name,
        });
    }
    for subnet in dhcp4.items("subnet4") {
        let subnet = builder.subnet(subnet, None, lookup)?;
        kea.subnets.push(subnet);
    }
    for network in dhcp4.items("shared-networks") {
        let name = network.text("name").unwrap_or_default();
        let scope = builder.scope(network, &format!("shared network {name}"), true);
        kea.networks.push(Network { scope });
        let lookup = self::lookup(network, lookup);
        let index = kea.networks.len() - 1;
        let required = required(network);
        for subnet in network.items("subnet4") {
            let mut subnet = builder.subnet(subnet, Some(index), lookup)?;
            subnet.required.extend(required.iter().cloned());
            kea.subnets.push(subnet);
        }
    }
    kea.places = builder.places;
    Ok(kea)
}

fn identifiers(dhcp4: &Value) -> Vec<String> {
    let own: Vec<String> =
        dhcp4.items("host-reservation-identifiers").iter().filter_map(Value::as_text).map(str::to_owned).collect();
    if !own.is_empty() {
        return own;
    }
    ["hw-address", "duid", "circuit-id", "client-id"].map(str::to_owned).to_vec()
}

fn is_high_availability(hook: &Value) -> bool {
    hook.text("library").is_some_and(|l| l.contains("libdhcp_ha"))
}

fn required(scope: &Value) -> Vec<String> {
    let names = ["require-client-classes", "evaluate-additional-classes"];
    names.iter().flat_map(|n| scope.items(n)).filter_map(Value::as_text).map(str::to_owned).collect()
}

fn lookup(scope: &Value, outer: Lookup) -> Lookup {
    let mode = scope.text("reservation-mode").map(str::to_ascii_lowercase);
    let outer = match mode.as_deref() {
        Some("disabled" | "off") => Lookup { global: false, in_subnet: false },
        Some("global") => Lookup { global: true, in_subnet: false },
        Some(_) => Lookup { global: false, in_subnet: true },
        None => outer,
    };
    Lookup {
        global: scope.bool("reservations-global").unwrap_or(outer.global),
        in_subnet: scope.bool("reservations-in-subnet").unwrap_or(outer.in_subnet),
    }
}

/// Identifiers of the reservations of a scope.
fn keys(scope: &Value) -> HashMap<(String, Vec<u8>), usize> {
    let mut keys = HashMap::new();
    for (index, reservation) in scope.items("reservations").iter().enumerate() {
        for kind in ["hw-address", "client-id", "circuit-id", "duid", "flex-id"] {
            if let Some(bytes) = reservation.text(kind).and_then(identifier) {
                keys.entry((kind.to_owned(), bytes)).or_insert(index);
            }
        }
    }
    keys
}

/// `00:1c:58:84:00:01`, `01001c5884`, `0x…`, or a text in single quotes.
fn identifier(text: &str) -> Option<Vec<u8>> {
    if let Some(text) = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        return Some(text.as_bytes().to_vec());
    }
    hex_bytes(text)
}

/// Hexadecimal digits in any of the ways in which Kea takes them.
fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let text = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    if text.contains([':', ' ']) {
        let parts = text.split([':', ' ']).filter(|p| !p.is_empty());
        return parts
            .map(|p| (p.len() % 2 == 0 || p.len() == 1).then(|| digits(p)).flatten())
            .collect::<Option<Vec<_>>>()
            .map(|all| all.concat());
    }
    text.len().is_multiple_of(2).then(|| digits(text)).flatten()
}

fn digits(text: &str) -> Option<Vec<u8>> {
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    let pair = |i: usize| padded.get(i..i + 2).filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()));
    (0..padded.len()).step_by(2).map(|i| u8::from_str_radix(pair(i)?, 16).ok()).collect()
}

impl Builder<'_> {
    fn define(&mut self, dhcp4: &Value) {
        let text = Definition { code: 66, kind: "string".to_owned(), array: false, record: false };
        self.by_name.insert("tftp-server-name".to_owned(), text.clone());
        self.by_code.insert(66, text);
        for definition in dhcp4.items("option-def") {
            if definition.text("space").unwrap_or("dhcp4") != "dhcp4" {
                continue;
            }
            let Some(code) = definition.number("code").and_then(|c| u16::try_from(c).ok()) else { continue };
            let definition = self.named(definition, code);
            self.by_code.insert(code, definition);
        }
    }

    /// Remembers the name of a definition.
    fn named(&mut self, value: &Value, code: u16) -> Definition {
        let kind = value.text("type").unwrap_or_default().to_owned();
        let array = value.bool("array").unwrap_or(false);
        let definition = Definition { code, record: kind == "record", kind, array };
        if let Some(name) = value.text("name") {
            self.by_name.insert(name.to_owned(), definition.clone());
        }
        definition
    }

    fn reservations(&mut self, scope: &Value) -> Result<Vec<Reservation>, Unreadable> {
        let mut all = Vec::new();
        for value in scope.items("reservations") {
            let names = ["hw-address", "client-id", "circuit-id", "duid", "flex-id"];
            let who = names.iter().find_map(|n| value.text(n)).unwrap_or_default().to_owned();
            all.push(Reservation {
                scope: self.scope(value, &format!("reservation {who}"), true),
                address: value.text("ip-address").and_then(|a| a.parse().ok()),
                classes: value.items("client-classes").iter().filter_map(Value::as_text).map(str::to_owned).collect(),
            });
        }
        Ok(all)
    }

    fn subnet(&mut self, value: &Value, network: Option<usize>, outer: Lookup) -> Result<Subnet, Unreadable> {
        let Some(prefix) = value.text("subnet").and_then(|s| s.trim().parse::<Ipv4Net>().ok()) else {
            return Err(Unreadable::new(value.at, "this subnet has no prefix"));
        };
        let scope = self.scope(value, &format!("subnet {prefix}"), true);
        let mut pools = Vec::new();
        for pool in value.items("pools") {
            let text = pool.text("pool").unwrap_or_default();
            let range = match text.split_once('-') {
                Some((from, to)) => from.trim().parse().ok().zip(to.trim().parse().ok()),
                None => text.trim().parse::<Ipv4Net>().ok().map(|n| (n.network(), n.broadcast())),
            };
            let Some((from, to)) = range else {
                return Err(Unreadable::new(pool.at, "this pool has no range of addresses"));
            };
            pools.push(Pool {
                from,
                to,
                scope: self.scope(pool, &format!("pool {text}"), true),
                required: required(pool),
            });
        }
        Ok(Subnet {
            prefix: prefix.trunc(),
            scope,
            network,
            pools,
            reservations: self.reservations(value)?,
            by_key: keys(value),
            lookup: lookup(value, outer),
            required: required(value),
        })
    }

    fn scope(&mut self, value: &Value, name: &str, _inner: bool) -> Scope {
        let mut scope = Scope::default();
        for option in value.items("option-data") {
            if let Some((source, place)) = self.option(option, name) {
                // The last of several of one code is the one that is sent.
                scope.settings.push((source, place));
            }
        }
        for (member, source) in [("next-server", Source::NextServer), ("server-hostname", Source::ServerName)] {
            let Some(Value { at, kind: Kind::Text(text) }) = value.get(member) else { continue };
            if text.is_empty() || text == "0.0.0.0" {
                continue;
            }
            let servers = Ok(vec![text.clone()]);
            let what = format!("{member} of {name}");
            let place = Place { source, values: vec![*at], form: Form::Single, servers, at: *at, what, fixed: None };
            self.places.push(place);
            scope.settings.push((source, self.places.len() - 1));
        }
        scope
    }

    fn option(&mut self, option: &Value, scope: &str) -> Option<(Source, usize)> {
        if option.text("space").unwrap_or("dhcp4") != "dhcp4" {
            return None;
        }
        let by_code = option.number("code").and_then(|c| u16::try_from(c).ok());
        let name = option.text("name");
        let definition = match (by_code, name) {
            (Some(code), _) => self.by_code.get(&code).cloned(),
            (None, Some(name)) => self.by_name.get(name).cloned(),
            (None, None) => None,
        };
        let code = by_code.or(definition.as_ref().map(|d| d.code))?;
        let source = Source::of_code(code)?;
        let data = option.get("data");
        let at = data.map_or(option.at, |d| d.at);
        let csv = option.bool("csv-format");
        let (form, values, servers) = match data.and_then(Value::as_text) {
            Some(text) => match value(text, at, source, definition.as_ref(), csv, self.sources) {
                Ok((form, values, servers)) => (form, values, Ok(servers)),
                Err(why) => (Form::Single, Vec::new(), Err(format!("{why}: {text}"))),
            },
            None => (Form::Single, Vec::new(), Err("the option has no data".to_owned())),
        };
        let fixed = (!option.items("client-classes").is_empty())
            .then(|| "the option is for client classes of its own".to_owned())
            .or_else(|| {
                option.bool("never-send").filter(|n| *n).map(|_| "never-send keeps it from being sent".to_owned())
            });
        let name = name.map_or_else(|| format!("code {code}"), str::to_owned);
        let what = format!("option {name} of {scope}");
        self.places.push(Place { source, values, form, servers, at, what, fixed });
        Some((source, self.places.len() - 1))
    }
}

/// The servers of `data`, and how they are written.
fn value(
    text: &str,
    at: Span,
    source: Source,
    definition: Option<&Definition>,
    csv: Option<bool>,
    sources: &Sources,
) -> Result<(Form, Vec<Span>, Vec<String>), String> {
    if sources.text(at) != text {
        return Err("the data holds escapes".to_owned());
    }
    // Without a definition the data is hexadecimal.
    let is_csv = csv.unwrap_or(definition.is_some());
    if !is_csv {
        let bytes = hex_bytes(text).ok_or("the data is no hexadecimal string")?;
        if source == Source::Option66 {
            return Err("the name is written in hexadecimal".to_owned());
        }
        return hexadecimal(text, at, &bytes);
    }
    let parts = parts(text, at);
    let texts: Vec<String> = parts.iter().map(|p| sources.text(*p).into_owned()).collect();
    let kind = definition.map(|d| d.kind.as_str()).unwrap_or_default();
    match (source, kind) {
        (Source::Option66, "string") => Ok((Form::Single, vec![at], vec![text.to_owned()])),
        (_, "ipv4-address") => {
            let many = definition.is_some_and(|d| d.array);
            if texts.iter().any(|t| t.parse::<Ipv4Addr>().is_err()) {
                return Err("the data is no list of addresses".to_owned());
            }
            Ok((if many { Form::List(", ") } else { Form::Single }, parts, texts))
        }
        (_, "uint8") if definition.is_some_and(|d| d.array) => {
            let bytes: Option<Vec<u8>> = texts.iter().map(|t| t.parse().ok()).collect();
            let bytes = bytes.ok_or("the data is no list of bytes")?;
            let servers = addresses(&bytes).ok_or("the bytes are no addresses")?;
            Ok((Form::Octets(", "), parts, servers))
        }
        (_, "uint32") => {
            let numbers: Option<Vec<u32>> = texts.iter().map(|t| t.parse().ok()).collect();
            let numbers = numbers.ok_or("the data is no number")?;
            let servers = numbers.into_iter().map(|n| Ipv4Addr::from_bits(n).to_string()).collect();
            Ok((Form::Numbers(", "), parts, servers))
        }
        (Source::Option150, "binary") => {
            let bytes = hex_bytes(text).ok_or("the data is no hexadecimal string")?;
            hexadecimal(text, at, &bytes)
        }
        (_, "string") => {
            Err("the option is defined as string, so phones get an ASCII text string and no address".to_owned())
        }
        (_, kind) if definition.is_some_and(|d| d.record) => Err(format!("the option is defined as {kind}")),
        (_, kind) => Err(format!("the option is defined as {kind}")),
    }
}

fn hexadecimal(text: &str, at: Span, bytes: &[u8]) -> Result<(Form, Vec<Span>, Vec<String>), String> {
    let servers = addresses(bytes).ok_or("the hexadecimal data is no list of addresses")?;
    let upper = text.bytes().any(|b| b.is_ascii_uppercase() && b != b'X');
    let bare = text.trim_start();
    let prefix = match bare {
        t if t.starts_with("0x") => "0x",
        t if t.starts_with("0X") => "0X",
        _ => "",
    };
    let (separator, group) = match bare.find([':', ' ']) {
        Some(i) if bare.as_bytes().get(i) == Some(&b':') => (":", (i / 2).max(1)),
        Some(i) => (" ", (i / 2).max(1)),
        None => ("", usize::MAX / 4),
    };
    Ok((Form::Hex { separator, group, upper, prefix }, vec![at], servers))
}

/// The values of a list without the blanks around them.
fn parts(text: &str, at: Span) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut from = 0;
    for part in text.split(',') {
        let lead = part.len() - part.trim_start().len();
        let start = at.start + from + lead;
        parts.push(Span { start, end: start + part.trim().len(), ..at });
        from += part.len() + 1;
    }
    parts
}

fn addresses(bytes: &[u8]) -> Option<Vec<String>> {
    let groups = bytes.chunks_exact(4);
    let is_whole = groups.remainder().is_empty() && !bytes.is_empty();
    is_whole
        .then(|| groups.filter_map(|g| <[u8; 4]>::try_from(g).ok()).map(|g| Ipv4Addr::from(g).to_string()).collect())
}

impl Kea {
    /// The reservation that Kea goes by: of the subnet, else of the global list.
    fn reservation<'k>(&'k self, subnet: &'k Subnet, client: &Client) -> Option<&'k Reservation> {
        let find = |keys: &HashMap<(String, Vec<u8>), usize>, all: &'_ [Reservation]| {
            for kind in &self.identifiers {
                let value = match kind.as_str() {
                    "hw-address" => Some(client.mac.0.to_vec()),
                    "client-id" => client.client_id.clone(),
                    "circuit-id" => client.relay_sub_option(1).map(<[u8]>::to_vec),
                    _ => None,
                };
                let index = value.and_then(|v| keys.get(&(kind.clone(), v)).copied());
                if let Some(index) = index.filter(|i| *i < all.len()) {
                    return Some(index);
                }
            }
            None
        };
        let own = subnet.lookup.in_subnet.then(|| find(&subnet.by_key, &subnet.reservations)).flatten();
        let own = own.and_then(|i| subnet.reservations.get(i));
        let global = || {
            let index = subnet.lookup.global.then(|| find(&self.global_by_key, &self.reservations)).flatten();
            index.and_then(|i| self.reservations.get(i))
        };
        own.or_else(global)
    }

    /// The classes of a client in the order in which they count, each with whether that is certain.
    fn classes_of(
        &self,
        client: &Client,
        reservation: Option<&Reservation>,
        required: &[String],
    ) -> Vec<(usize, Truth)> {
        let mut known: HashMap<&str, Truth> = HashMap::new();
        known.insert("ALL", Truth::Yes);
        known.insert("KNOWN", Truth::of(reservation.is_some()));
        known.insert("UNKNOWN", Truth::of(reservation.is_none()));
        let vendor = client.bare_vendor_class().map(|v| format!("VENDOR_CLASS_{}", String::from_utf8_lossy(v)));
        let mut in_order = Vec::new();
        let reserved = |name: &str| reservation.is_some_and(|r| r.classes.iter().any(|c| c == name));
        for late in [false, true] {
            for (index, class) in self.classes.iter().enumerate() {
                let is_required = required.contains(&class.name);
                if class.only_if_required != late || (late && !is_required) {
                    continue;
                }
                let mut truth = match &class.test {
                    _ if reserved(&class.name) => Truth::Yes,
                    _ if vendor.as_deref() == Some(class.name.as_str()) => Truth::Yes,
                    _ if class.is_template => Truth::Unknown,
                    Some(test) => expression::truth(test, client, &|name| match known.get(name) {
                        Some(truth) => *truth,
                        None if vendor.as_deref() == Some(name) => Truth::Yes,
                        None => Truth::No,
                    }),
                    // Without a test it is for reservations, and for scopes that require it.
                    None => Truth::of(is_required),
                };
                if class.is_template && class.test.is_none() {
                    truth = Truth::Unknown;
                }
                known.insert(&class.name, truth);
                if truth != Truth::No {
                    in_order.push((index, truth));
                }
            }
        }
        in_order
    }
}

impl Model for Kea {
    fn places(&self) -> &[Place] {
        &self.places
    }

    fn answer(&self, client: &Client, assume: bool) -> Service {
        let holds = |s: &&Subnet| s.prefix.contains(&client.address);
        let Some(subnet) = self.subnets.iter().filter(holds).max_by_key(|s| s.prefix.prefix_len()) else {
            return Service::None(format!("none of its subnets holds {}", client.address));
        };
        let reservation = self.reservation(subnet, client);
        let pool = subnet.pools.iter().find(|p| (p.from..=p.to).contains(&client.address));
        let is_reserved = reservation.is_some_and(|r| r.address == Some(client.address));
        if pool.is_none() && !is_reserved {
            return Service::None(format!(
                "no pool of its subnet {} holds {}, and no reservation has it",
                subnet.prefix, client.address
            ));
        }
        let required: Vec<String> = pool.iter().flat_map(|p| &p.required).chain(&subnet.required).cloned().collect();
        let classes = self.classes_of(client, reservation, &required);
        let mut answer = Answer::default();
        let network = subnet.network.and_then(|n| self.networks.get(n));
        for source in super::model::SOURCES {
            let of_class = |answer: &mut Answer| {
                for (index, truth) in &classes {
                    let Some(place) = self.classes.get(*index).and_then(|c| c.scope.get(source)) else { continue };
                    answer.assumed |= *truth == Truth::Unknown;
                    if truth.assuming(assume) {
                        return Some(place);
                    }
                }
                None
            };
            let own = reservation.and_then(|r| r.scope.get(source));
            let of_subnet = subnet.scope.get(source).or_else(|| network.and_then(|n| n.scope.get(source)));
            let is_option = matches!(source, Source::Option150 | Source::Option66);
            let place = if is_option {
                own.or_else(|| pool.and_then(|p| p.scope.get(source)))
                    .or(of_subnet)
                    .or_else(|| of_class(&mut answer))
                    .or(self.global.get(source))
            } else {
                own.or_else(|| of_class(&mut answer)).or(of_subnet).or(self.global.get(source))
            };
            answer.set(source, place);
        }
        Service::Answers(answer)
    }

    fn notes(&self, sources: &Sources) -> Vec<String> {
        let name = sources.name(self.root);
        let mut notes = Vec::new();
        if self.high_availability {
            notes.push(format!(
                "{name} is one of a high-availability (failover) pair: make the same change on the partner."
            ));
        }
        if self.has_database {
            notes.push(format!(
                "{name} also reads reservations from a database, which is not looked at: what it sets for a phone counts more."
            ));
        }
        notes
    }
}
