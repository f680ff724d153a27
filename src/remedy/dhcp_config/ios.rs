//! The DHCP pools of an IOS `show running-config`.
//!
//! A client gets what its host pool sets, and what that leaves out of the network pools around it, the smallest first.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::client::Client;
use super::model::{Answer, Form, Model, Place, Service, Source};
use super::source::{Sources, Span, Unreadable};

/// A configuration.
pub(super) struct Ios {
    places: Vec<Place>,
    pools: Vec<Pool>,
    /// `ip dhcp excluded-address`.
    excluded: Vec<(Ipv4Addr, Ipv4Addr)>,
}

#[derive(Debug)]
struct Pool {
    name: String,
    network: Option<Ipv4Net>,
    host: Option<Ipv4Addr>,
    /// `client-identifier` and `hardware-address`, as bytes.
    client_id: Option<Vec<u8>>,
    hardware: Option<Vec<u8>>,
    settings: Vec<(Source, usize)>,
    /// Options from elsewhere: `import all`, `origin file`.
    imports: Option<Span>,
}

/// Reads a configuration.
pub(super) fn read(sources: &Sources, root: usize, used: &mut Vec<usize>) -> Result<Ios, Unreadable> {
    if !used.contains(&root) {
        used.push(root);
    }
    let mut ios = Ios { places: Vec::new(), pools: Vec::new(), excluded: Vec::new() };
    let mut start = 0;
    let mut in_pool = false;
    for line in sources.contents(root).split_inclusive(|b| *b == b'\n') {
        let at = Span { file: root, start, end: start + line.len() };
        start += line.len();
        let words = words(sources, at);
        let texts: Vec<String> = words.iter().map(|w| sources.text(*w).into_owned()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let is_indented = line.first().is_some_and(|b| *b == b' ' || *b == b'\t');
        match texts.as_slice() {
            [] | ["!", ..] => in_pool &= is_indented,
            ["ip", "dhcp", "pool", name @ ..] if !name.is_empty() => {
                in_pool = true;
                ios.pools.push(Pool {
                    name: name.join(" "),
                    network: None,
                    host: None,
                    client_id: None,
                    hardware: None,
                    settings: Vec::new(),
                    imports: None,
                });
            }
            ["ip", "dhcp", "excluded-address", rest @ ..] => {
                in_pool = false;
                let all: Vec<Ipv4Addr> = rest.iter().filter_map(|t| t.parse().ok()).collect();
                if let Some(from) = all.first() {
                    ios.excluded.push((*from, all.get(1).copied().unwrap_or(*from)));
                }
            }
            _ if !is_indented => in_pool = false,
            _ if in_pool => ios.setting(sources, at, &words, &texts)?,
            _ => {}
        }
    }
    Ok(ios)
}

/// The words of a line; one in quotes is one word, without them.
fn words(sources: &Sources, at: Span) -> Vec<Span> {
    let text = sources.bytes(at);
    let mut words = Vec::new();
    let mut i = 0;
    while let Some(byte) = text.get(i).copied() {
        let start = i;
        let span = |from: usize, to: usize| Span { file: at.file, start: at.start + from, end: at.start + to };
        match byte {
            b'"' => {
                let end =
                    text.iter().skip(i + 1).position(|b| *b == b'"' || *b == b'\n').map_or(text.len(), |n| i + 1 + n);
                words.push(span(start + 1, end));
                i = end + 1;
            }
            _ if byte.is_ascii_whitespace() => i += 1,
            _ => {
                while text.get(i).is_some_and(|b| !b.is_ascii_whitespace()) {
                    i += 1;
                }
                words.push(span(start, i));
            }
        }
    }
    words
}

/// `255.255.255.0`, `/24`, or nothing: the class of the network.
fn network(address: &str, mask: Option<&str>) -> Option<Ipv4Net> {
    let address: Ipv4Addr = address.parse().ok()?;
    let length = match mask {
        Some(mask) => match mask.strip_prefix('/') {
            Some(length) => length.parse().ok()?,
            None => {
                let mask: Ipv4Addr = mask.parse().ok()?;
                u8::try_from(mask.to_bits().leading_ones()).ok()?
            }
        },
        None => match address.octets()[0] {
            0..128 => 8,
            128..192 => 16,
            _ => 24,
        },
    };
    Ipv4Net::new(address, length).ok().map(|n| n.trunc())
}

/// `0100.2e6f.0000.02`, `002e.6f00.0002`, `00:2e:6f:00:00:02`.
fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !matches!(c, '.' | ':' | '-')).collect();
    let pair = |i: usize| digits.get(i..i + 2).filter(|p| p.bytes().all(|b| b.is_ascii_hexdigit()));
    (digits.len().is_multiple_of(2))
        .then(|| (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(pair(i)?, 16).ok()).collect())
        .flatten()
}

impl Ios {
    fn setting(&mut self, sources: &Sources, at: Span, words: &[Span], texts: &[&str]) -> Result<(), Unreadable> {
        let Some(pool) = self.pools.last_mut() else { return Ok(()) };
        match texts {
            ["network", address, rest @ ..] => {
                let Some(network) = network(address, rest.first().copied()) else {
                    return Err(Unreadable::new(at, "this network has no mask that can be"));
                };
                // A second one of the same pool is `secondary`.
                pool.network = pool.network.or(Some(network));
            }
            ["host", address, ..] => {
                let Ok(address) = address.parse() else { return Err(Unreadable::new(at, "this host has no address")) };
                pool.host = Some(address);
            }
            ["client-identifier", id, ..] => pool.client_id = hex_bytes(id),
            ["hardware-address", mac, ..] => pool.hardware = hex_bytes(mac),
            ["import", "all", ..] | ["origin", ..] => pool.imports = Some(at),
            ["next-server", ..] => {
                let values = words.get(1..).unwrap_or_default().to_vec();
                let servers = texts.get(1..).unwrap_or_default().iter().map(|t| (*t).to_owned()).collect();
                self.place(Source::NextServer, Form::List(" "), values, Ok(servers), at, "next-server");
            }
            ["option", code, rest @ ..] => {
                let Some(source) = code.parse().ok().and_then(Source::of_code) else { return Ok(()) };
                let values = words.get(3..).unwrap_or_default().to_vec();
                let (form, values, servers) = match value(rest, values, source) {
                    Ok((form, values, servers)) => (form, values, Ok(servers)),
                    Err(why) => (Form::Single, Vec::new(), Err(format!("{why}: {}", sources.quote(at)))),
                };
                self.place(source, form, values, servers, at, &format!("option {code}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn place(
        &mut self,
        source: Source,
        form: Form,
        values: Vec<Span>,
        servers: Result<Vec<String>, String>,
        at: Span,
        what: &str,
    ) {
        let Some(pool) = self.pools.last_mut() else { return };
        let what = format!("{what} of pool {}", pool.name);
        pool.settings.push((source, self.places.len()));
        self.places.push(Place { source, values, form, servers, at, what, fixed: None });
    }

    fn host_pool(&self, client: &Client) -> Option<&Pool> {
        let mac = client.mac.0.to_vec();
        let with_type = [&[1][..], &client.mac.0].concat();
        self.pools.iter().filter(|p| p.host.is_some()).find(|p| {
            let id = p.client_id.as_ref();
            id.is_some_and(|id| client.client_id.as_ref().map_or(*id == with_type, |own| own == id) || *id == with_type)
                || p.hardware.as_ref() == Some(&mac)
        })
    }
}

/// The servers of an option, and how they are written.
fn value(rest: &[&str], values: Vec<Span>, source: Source) -> Result<(Form, Vec<Span>, Vec<String>), String> {
    let texts: Vec<String> = rest.get(1..).unwrap_or_default().iter().map(|t| (*t).to_owned()).collect();
    match rest.first().copied() {
        Some("ip") if source == Source::Option150 => {
            if texts.iter().any(|t| t.parse::<Ipv4Addr>().is_err()) || texts.is_empty() {
                return Err("the value is no list of addresses".to_owned());
            }
            Ok((Form::List(" "), values, texts))
        }
        Some("ascii") if source == Source::Option66 && texts.len() == 1 => Ok((Form::Single, values, texts)),
        Some("hex") if source == Source::Option150 => {
            let (Some(first), Some(last)) = (values.first(), values.last()) else {
                return Err("it has no value".to_owned());
            };
            let text = texts.join(" ");
            let bytes = hex_bytes(&texts.concat()).ok_or("the value is no hexadecimal string")?;
            let groups = bytes.chunks_exact(4);
            if !groups.remainder().is_empty() || bytes.is_empty() {
                return Err("the hexadecimal string is no list of addresses".to_owned());
            }
            let servers = groups.filter_map(|g| <[u8; 4]>::try_from(g).ok()).map(|g| Ipv4Addr::from(g).to_string());
            let servers = servers.collect();
            let upper = text.bytes().any(|b| b.is_ascii_uppercase());
            let (separator, group) = match text.find(['.', ' ']) {
                Some(i) if text.as_bytes().get(i) == Some(&b'.') => (".", (i / 2).max(1)),
                Some(i) => (" ", (i / 2).max(1)),
                None => ("", usize::MAX / 4),
            };
            Ok((Form::Hex { separator, group, upper, prefix: "" }, vec![first.to(*last)], servers))
        }
        Some("ascii") if source == Source::Option150 => {
            Err("option 150 is set as ascii, so phones get a text string and no address".to_owned())
        }
        _ => Err("the form of the value is not understood".to_owned()),
    }
}

impl Model for Ios {
    fn places(&self) -> &[Place] {
        &self.places
    }

    fn answer(&self, client: &Client, _assume: bool) -> Service {
        let host = self.host_pool(client).filter(|p| p.host == Some(client.address));
        let mut around: Vec<&Pool> =
            self.pools.iter().filter(|p| p.network.is_some_and(|n| n.contains(&client.address))).collect();
        around.sort_by_key(|p| std::cmp::Reverse(p.network.map_or(0, |n| n.prefix_len())));
        if host.is_none() && around.is_empty() {
            return Service::None(format!("no pool of it serves {}", client.address));
        }
        let excluded = self.excluded.iter().any(|(a, b)| (*a..=*b).contains(&client.address));
        if host.is_none() && excluded {
            return Service::None(format!("it excludes {} from its pools (ip dhcp excluded-address)", client.address));
        }
        let mut answer = Answer::default();
        let chain: Vec<&Pool> = host.into_iter().chain(around).collect();
        for source in super::model::SOURCES {
            let own = chain.iter().find_map(|p| p.settings.iter().rev().find(|(s, _)| *s == source));
            answer.set(source, own.map(|(_, place)| *place));
        }
        answer.assumed = chain.iter().any(|p| p.imports.is_some()) && answer.get(Source::Option150).is_none();
        Service::Answers(answer)
    }

    fn notes(&self, _sources: &Sources) -> Vec<String> {
        Vec::new()
    }

    fn hands_out_by_choice(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
