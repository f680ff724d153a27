//! `dnsmasq.conf` (dnsmasq(8)).
//!
//! An option line counts for a client that has all of its tags. Of several lines for one option those with tags win over
//! those without, those whose tags the client has by itself over those that it has by its range, and of those the last.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::client::Client;
use super::model::{Answer, Form, Model, Place, Service, Source, Truth};
use super::source::{Sources, Span, Unreadable, included};

/// Lines of all files together.
const MAX_LINES: usize = 2_000_000;
const MAX_INCLUDES: usize = 16;

/// A configuration.
#[derive(Default)]
pub(super) struct Dnsmasq {
    places: Vec<Place>,
    options: Vec<OptionLine>,
    ranges: Vec<Range>,
    /// What sets tags, in the order of the file.
    setters: Vec<Setter>,
    hosts: Vec<Host>,
    tag_ifs: Vec<TagIf>,
    interfaces: Vec<String>,
    /// Files of `dhcp-optsfile`: what they set beats all lines of the configuration, wherever it names them.
    opts_files: Vec<(usize, Span)>,
}

/// `dhcp-option`, `dhcp-option-force`, `dhcp-boot`.
#[derive(Debug)]
struct OptionLine {
    source: Source,
    tags: Vec<Tag>,
    place: usize,
    /// `dhcp-boot` counts more than the option for the same.
    is_boot: bool,
}

/// A condition on a tag.
#[derive(Clone, Debug)]
struct Tag {
    name: String,
    negated: bool,
}

#[derive(Debug)]
struct Range {
    from: Ipv4Addr,
    to: Ipv4Addr,
    mask: Option<Ipv4Addr>,
    is_static: bool,
    sets: Vec<String>,
}

#[derive(Debug)]
struct Setter {
    tag: String,
    by: By,
}

#[derive(Debug)]
enum By {
    /// Option 60 holds this.
    VendorClass(Vec<u8>),
    /// Option 77 holds this.
    UserClass(Vec<u8>),
    /// The MAC address agrees; `None` in place of a byte: any.
    Mac(Vec<Option<u8>>),
    /// Option 82.
    CircuitId(Vec<u8>),
    RemoteId(Vec<u8>),
    /// An option is there, or holds this.
    Match {
        code: u8,
        value: Option<Vec<u8>>,
    },
    /// The name of the client begins like this.
    Name {
        name: String,
        is_prefix: bool,
    },
    /// What the capture does not tell, where the client sent this option.
    Unknown {
        code: u8,
    },
}

#[derive(Debug)]
struct Host {
    macs: Vec<Vec<Option<u8>>>,
    ids: Vec<Vec<u8>>,
    name: Option<String>,
    address: Option<Ipv4Addr>,
    sets: Vec<String>,
    needs: Vec<Tag>,
}

#[derive(Debug)]
struct TagIf {
    sets: Vec<String>,
    tags: Vec<Tag>,
}

/// A part of a line between commas.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Without the quotes.
    at: Span,
    quoted: bool,
}

/// What a line sets: `dhcp-option`, and what is behind `=`.
struct Line {
    key: String,
    key_at: Span,
    parts: Vec<Part>,
}

/// Reads a configuration of these files, in this order; `used` gets the files that are part of it.
pub(super) fn read(sources: &Sources, roots: &[usize], used: &mut Vec<usize>) -> Result<Dnsmasq, Unreadable> {
    let mut config = Dnsmasq::default();
    let mut count = 0;
    for root in roots {
        config.file(sources, *root, None, used, &mut vec![*root], &mut count)?;
    }
    for (file, at) in std::mem::take(&mut config.opts_files) {
        if used.contains(&file) {
            return Err(Unreadable::new(at, "this file of options is read as something else too"));
        }
        config.file(sources, file, Some("dhcp-option"), used, &mut vec![file], &mut count)?;
    }
    Ok(config)
}

impl Dnsmasq {
    /// `bare`: every line is the value of this key, as in a file of `dhcp-hostsfile`.
    fn file(
        &mut self,
        sources: &Sources,
        file: usize,
        bare: Option<&str>,
        used: &mut Vec<usize>,
        open: &mut Vec<usize>,
        count: &mut usize,
    ) -> Result<(), Unreadable> {
        if !used.contains(&file) {
            used.push(file);
        }
        let contents = sources.contents(file);
        let mut start = 0;
        for line in contents.split_inclusive(|b| *b == b'\n') {
            let at = Span { file, start, end: start + line.len() };
            start += line.len();
            *count += 1;
            if *count > MAX_LINES {
                return Err(Unreadable::new(at, format!("more than {MAX_LINES} lines")));
            }
            let Some(line) = split(sources, at, bare)? else { continue };
            let text = |i: usize| line.parts.get(i).map(|p| sources.text(p.at).into_owned()).unwrap_or_default();
            match line.key.as_str() {
                "conf-file" | "dhcp-hostsfile" | "dhcp-optsfile" => {
                    let name = text(0);
                    if name.is_empty() {
                        continue;
                    }
                    let Some(inner) = included(sources, &name) else {
                        let why =
                            format!("it includes {name}, which is not at hand: give it as well (--dhcp-config {name})");
                        return Err(Unreadable::new(line.key_at, why));
                    };
                    let bare = match line.key.as_str() {
                        "dhcp-hostsfile" => Some("dhcp-host"),
                        "dhcp-optsfile" => {
                            self.opts_files.push((inner, line.key_at));
                            continue;
                        }
                        _ => None,
                    };
                    self.nested(sources, inner, bare, &line, used, open, count)?;
                }
                "conf-dir" => {
                    for inner in in_folder(sources, &line, file, used) {
                        self.nested(sources, inner, None, &line, used, open, count)?;
                    }
                }
                _ => self.line(sources, &line)?,
            }
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "the state of the reading, handed on")]
    fn nested(
        &mut self,
        sources: &Sources,
        inner: usize,
        bare: Option<&str>,
        line: &Line,
        used: &mut Vec<usize>,
        open: &mut Vec<usize>,
        count: &mut usize,
    ) -> Result<(), Unreadable> {
        if open.contains(&inner) || open.len() >= MAX_INCLUDES {
            return Err(Unreadable::new(line.key_at, "this include goes round in a circle"));
        }
        open.push(inner);
        self.file(sources, inner, bare, used, open, count)?;
        open.pop();
        Ok(())
    }

    fn line(&mut self, sources: &Sources, line: &Line) -> Result<(), Unreadable> {
        let text = |p: &Part| sources.text(p.at).into_owned();
        let texts: Vec<String> = line.parts.iter().map(text).collect();
        match line.key.as_str() {
            "interface" => self.interfaces.extend(texts),
            "dhcp-option" | "dhcp-option-force" => self.option(sources, line)?,
            "dhcp-boot" => self.boot(sources, line),
            "dhcp-range" => self.range(line, &texts)?,
            "dhcp-host" => self.host(&texts),
            "dhcp-vendorclass" | "dhcp-userclass" | "dhcp-mac" | "dhcp-circuitid" | "dhcp-remoteid"
            | "dhcp-subscrid" | "dhcp-match" | "dhcp-name-match" => self.setter(line, &texts),
            "tag-if" => {
                let sets = texts.iter().filter_map(|t| t.strip_prefix("set:")).map(str::to_owned).collect();
                let tags = texts.iter().filter_map(|t| condition(t)).collect();
                self.tag_ifs.push(TagIf { sets, tags });
            }
            _ => {}
        }
        Ok(())
    }

    fn option(&mut self, sources: &Sources, line: &Line) -> Result<(), Unreadable> {
        let mut tags = Vec::new();
        let mut parts = line.parts.iter();
        let code = loop {
            let Some(part) = parts.next() else {
                return Err(Unreadable::new(line.key_at, "this line names no option"));
            };
            let text = sources.text(part.at);
            if let Some(tag) = condition(&text) {
                tags.push(tag);
                continue;
            }
            // Options within others, of vendors, and of IPv6.
            if ["encap:", "vi-encap:", "vendor:", "option6:"].iter().any(|p| text.starts_with(p)) {
                return Ok(());
            }
            let code = match text.strip_prefix("option:") {
                Some(name) => option_code(name),
                None => text.trim().parse().ok(),
            };
            match code {
                Some(code) => break code,
                // Before dnsmasq 2.50 a tag stood by itself.
                None if text.parse::<u16>().is_err() && !text.starts_with("option:") && !text.is_empty() => {
                    let negated = text.starts_with('#');
                    tags.push(Tag { name: text.trim_start_matches('#').to_owned(), negated });
                }
                None => return Ok(()),
            }
        };
        let source = match code {
            255 => Source::NextServer,
            code => match Source::of_code(code) {
                Some(source) => source,
                None => return Ok(()),
            },
        };
        let values: Vec<Part> = parts.copied().collect();
        let is_empty = values.iter().all(|v| v.at.start == v.at.end);
        let (form, spans, servers) = match value(sources, &values, source) {
            Ok((form, spans, servers)) => (form, spans, Ok(servers)),
            Err(why) => (Form::Single, Vec::new(), Err(why)),
        };
        // An option without a value is not sent.
        let servers = if is_empty { Ok(Vec::new()) } else { servers };
        let all = line.parts.first().zip(line.parts.last()).map(|(a, b)| a.at.to(b.at));
        let what = format!("{}={}", line.key, all.map(|a| sources.text(a).into_owned()).unwrap_or_default());
        let place = Place { source, values: spans, form, servers, at: line.key_at, what, fixed: None };
        self.places.push(place);
        self.options.push(OptionLine { source, tags, place: self.places.len() - 1, is_boot: false });
        Ok(())
    }

    /// `dhcp-boot=[tag:…,]FILE[,NAME[,ADDRESS]]`.
    fn boot(&mut self, sources: &Sources, line: &Line) {
        let mut tags = Vec::new();
        let mut parts = line.parts.iter().peekable();
        while let Some(part) = parts.peek() {
            let text = sources.text(part.at);
            match condition(&text).or_else(|| text.strip_prefix("net:").map(old_tag)) {
                Some(tag) => tags.push(tag),
                None => break,
            }
            parts.next();
        }
        let rest: Vec<&Part> = parts.collect();
        let mut add = |part: Option<&&Part>, source: Source| {
            let Some(part) = part.filter(|p| p.at.start < p.at.end) else { return };
            let what = format!("{}={}", line.key, sources.text(part.at));
            let servers = Ok(vec![sources.text(part.at).into_owned()]);
            let at = line.key_at;
            self.places.push(Place {
                source,
                values: vec![part.at],
                form: Form::Single,
                servers,
                at,
                what,
                fixed: None,
            });
            self.options.push(OptionLine { source, tags: tags.clone(), place: self.places.len() - 1, is_boot: true });
        };
        add(rest.get(2), Source::NextServer);
        add(rest.get(1), Source::ServerName);
    }

    fn range(&mut self, line: &Line, texts: &[String]) -> Result<(), Unreadable> {
        let sets: Vec<String> = texts.iter().filter_map(|t| t.strip_prefix("set:")).map(str::to_owned).collect();
        let mut sets = sets;
        let rest: Vec<&String> = texts
            .iter()
            .filter(|t| !t.starts_with("set:") && condition(t).is_none())
            .filter(|t| match t.strip_prefix("net:") {
                Some(tag) => {
                    sets.push(tag.to_owned());
                    false
                }
                None => true,
            })
            .collect();
        if rest.iter().any(|t| t.contains(':')) || rest.iter().any(|t| t.starts_with("constructor")) {
            return Ok(()); // IPv6.
        }
        let mut rest = rest.into_iter().peekable();
        // Before 2.50 a tag stood in front by itself.
        if rest.peek().is_some_and(|t| t.parse::<Ipv4Addr>().is_err())
            && let Some(tag) = rest.next()
        {
            sets.push(tag.clone());
        }
        let Some(from) = rest.next().and_then(|t| t.parse::<Ipv4Addr>().ok()) else {
            return Err(Unreadable::new(line.key_at, "this dhcp-range has no first address"));
        };
        let rest: Vec<&String> = rest.collect();
        let to = rest.first().and_then(|t| t.parse().ok());
        let is_static = rest.iter().any(|t| matches!(t.as_str(), "static" | "proxy" | "ra-only"));
        let mask = rest.iter().skip(1).find_map(|t| t.parse().ok());
        self.ranges.push(Range { from, to: to.unwrap_or(from), mask, is_static, sets });
        Ok(())
    }

    fn host(&mut self, texts: &[String]) {
        let mut host =
            Host { macs: Vec::new(), ids: Vec::new(), name: None, address: None, sets: Vec::new(), needs: Vec::new() };
        for text in texts {
            if let Some(tag) = text.strip_prefix("set:").or(text.strip_prefix("net:")) {
                host.sets.push(tag.to_owned());
            } else if let Some(tag) = condition(text) {
                host.needs.push(tag);
            } else if let Some(id) = text.strip_prefix("id:") {
                host.ids.push(hex_bytes(id).unwrap_or_else(|| id.as_bytes().to_vec()));
            } else if let Some(mac) = mac_pattern(text) {
                host.macs.push(mac);
            } else if let Ok(address) = text.parse() {
                host.address = Some(address);
            } else if !text.is_empty() && text != "ignore" && !is_lease_time(text) && !text.starts_with('[') {
                host.name = Some(text.clone());
            }
        }
        self.hosts.push(host);
    }

    fn setter(&mut self, line: &Line, texts: &[String]) {
        let Some((tag, rest)) = texts.split_first() else { return };
        let tag = tag.strip_prefix("set:").or(tag.strip_prefix("net:")).unwrap_or(tag).to_owned();
        // Commas are part of the text of a class.
        let value = rest.join(",");
        let by = match line.key.as_str() {
            "dhcp-vendorclass" if value.starts_with("enterprise:") => By::Unknown { code: 124 },
            "dhcp-vendorclass" => By::VendorClass(value.into_bytes()),
            "dhcp-mac" => match mac_pattern(&value) {
                Some(mac) => By::Mac(mac),
                None => return,
            },
            "dhcp-circuitid" => By::CircuitId(hex_bytes(&value).unwrap_or(value.into_bytes())),
            "dhcp-remoteid" => By::RemoteId(hex_bytes(&value).unwrap_or(value.into_bytes())),
            "dhcp-name-match" => {
                let is_prefix = value.ends_with('*');
                By::Name { name: value.trim_end_matches('*').to_ascii_lowercase(), is_prefix }
            }
            "dhcp-match" => {
                let option = rest.first().map(String::as_str).unwrap_or_default();
                let code = match option.strip_prefix("option:") {
                    Some(name) => option_code(name).and_then(|c| u8::try_from(c).ok()),
                    None => option.parse().ok(),
                };
                match code {
                    Some(code) if rest.len() == 1 => By::Match { code, value: None },
                    Some(code) => {
                        By::Match { code, value: Some(rest.get(1..).unwrap_or_default().join(",").into_bytes()) }
                    }
                    None => By::Unknown { code: 125 },
                }
            }
            "dhcp-userclass" => By::UserClass(value.into_bytes()),
            _ => By::Unknown { code: 82 },
        };
        self.setters.push(Setter { tag, by });
    }

    /// The hosts that a client is, by what dnsmasq goes by first: its identifier, its MAC address, its name.
    fn host_of(&self, client: &Client) -> Option<&Host> {
        let is_whole = |mac: &Vec<Option<u8>>| mac.iter().all(Option::is_some);
        let by_id = self.hosts.iter().find(|h| client.client_id.as_ref().is_some_and(|id| h.ids.contains(id)));
        let by_mac =
            |whole: bool| self.hosts.iter().find(|h| h.macs.iter().any(|m| is_whole(m) == whole && agrees(m, client)));
        let name = client.host_name.as_ref().map(|n| String::from_utf8_lossy(n).to_ascii_lowercase());
        let by_name = || {
            self.hosts.iter().find(|h| {
                let own = h.name.as_ref().map(|n| n.to_ascii_lowercase());
                h.macs.is_empty() && h.ids.is_empty() && own.is_some() && own == name
            })
        };
        by_id.or_else(|| by_mac(true)).or_else(by_name).or_else(|| by_mac(false))
    }

    fn range_of(&self, client: &Client) -> Option<&Range> {
        let inside = self.ranges.iter().rev().find(|r| (r.from..=r.to).contains(&client.address) && !r.is_static);
        let in_subnet = |r: &&Range| {
            let mask = r.mask.map_or(0xffff_ff00, Ipv4Addr::to_bits);
            r.from.to_bits() & mask == client.address.to_bits() & mask
        };
        inside.or_else(|| {
            let host = self.host_of(client)?;
            self.ranges.iter().rev().filter(|_| host.address == Some(client.address)).find(in_subnet)
        })
    }

    /// Tags that a client has by itself, each with whether that is certain.
    fn tags(&self, client: &Client) -> (BTreeSet<String>, BTreeSet<String>) {
        let (mut sure, mut unsure) = (BTreeSet::new(), BTreeSet::new());
        if let Some(host) = self.host_of(client) {
            sure.extend(host.sets.iter().cloned());
            sure.insert("known".to_owned());
            if !host.needs.is_empty() {
                unsure.extend(host.sets.iter().cloned());
            }
        }
        for setter in &self.setters {
            match setter.matches(client) {
                Truth::Yes => sure.insert(setter.tag.clone()),
                Truth::Unknown => unsure.insert(setter.tag.clone()),
                Truth::No => false,
            };
        }
        if let [only] = self.interfaces.as_slice() {
            sure.insert(only.clone());
        }
        (sure, unsure)
    }

    fn with_tag_ifs(&self, mut tags: BTreeSet<String>) -> BTreeSet<String> {
        for _ in 0..=self.tag_ifs.len() {
            let before = tags.len();
            for tag_if in &self.tag_ifs {
                if tag_if.tags.iter().all(|t| t.holds(&tags)) {
                    tags.extend(tag_if.sets.iter().cloned());
                }
            }
            if tags.len() == before {
                break;
            }
        }
        tags
    }

    /// The line that counts of those for one option.
    fn winner(&self, source: Source, is_boot: bool, own: &BTreeSet<String>, all: &BTreeSet<String>) -> Option<usize> {
        let lines: Vec<&OptionLine> =
            self.options.iter().filter(|o| o.source == source && o.is_boot == is_boot).collect();
        let tagged =
            |tags: &BTreeSet<String>, o: &OptionLine| !o.tags.is_empty() && o.tags.iter().all(|t| t.holds(tags));
        let by_itself = lines.iter().rev().find(|o| tagged(own, o) && tagged(all, o));
        let by_range = || lines.iter().rev().find(|o| tagged(all, o));
        let untagged = || lines.iter().rev().find(|o| o.tags.is_empty());
        by_itself.or_else(by_range).or_else(untagged).map(|o| o.place)
    }
}

impl Setter {
    fn matches(&self, client: &Client) -> Truth {
        let holds = |text: Option<&[u8]>, part: &[u8]| match text {
            Some(text) => Truth::of(!part.is_empty() && text.windows(part.len()).any(|w| w == part)),
            None => Truth::No,
        };
        match &self.by {
            By::VendorClass(class) => holds(client.vendor_class.as_deref(), class),
            By::Mac(mac) => Truth::of(agrees(mac, client)),
            By::CircuitId(id) => Truth::of(client.relay_sub_option(1) == Some(id)),
            By::RemoteId(id) => Truth::of(client.relay_sub_option(2) == Some(id)),
            By::UserClass(class) => holds(client.user_class.as_deref(), class),
            // A text is looked for anywhere in the option; a star is a star.
            By::Match { code: 12, value: Some(value) } => holds(client.host_name.as_deref(), value),
            By::Match { code: 60, value: Some(value) } => holds(client.vendor_class.as_deref(), value),
            By::Match { code: 77, value: Some(value) } => holds(client.user_class.as_deref(), value),
            By::Match { code, value: None } => client.has_sent(*code).map_or(Truth::Unknown, Truth::of),
            By::Match { code, value: Some(_) } | By::Unknown { code } => match client.has_sent(*code) {
                Some(false) => Truth::No,
                _ => Truth::Unknown,
            },
            By::Name { name, is_prefix } => {
                let own = client.host_name.as_deref().map(|n| String::from_utf8_lossy(n).to_ascii_lowercase());
                Truth::of(own.is_some_and(|own| if *is_prefix { own.starts_with(name) } else { own == *name }))
            }
        }
    }
}

impl Tag {
    fn holds(&self, tags: &BTreeSet<String>) -> bool {
        tags.contains(&self.name) != self.negated
    }
}

impl Model for Dnsmasq {
    fn places(&self) -> &[Place] {
        &self.places
    }

    fn answer(&self, client: &Client, assume: bool) -> Service {
        let Some(range) = self.range_of(client) else {
            return Service::None(format!("no dhcp-range of it (the pools of dnsmasq) holds {}", client.address));
        };
        let (mut own, unsure) = self.tags(client);
        let mut answer = Answer::default();
        if assume {
            own.extend(unsure.iter().cloned());
        }
        let own = self.with_tag_ifs(own);
        let mut all = own.clone();
        all.extend(range.sets.iter().cloned());
        let all = self.with_tag_ifs(all);
        for source in super::model::SOURCES {
            let is_option = matches!(source, Source::Option150 | Source::Option66);
            let place = self
                .winner(source, true, &own, &all)
                .filter(|_| !is_option)
                .or_else(|| self.winner(source, false, &own, &all));
            // An option without a value is not sent.
            let is_sent = |place: &usize| {
                self.places.get(*place).is_some_and(|p| p.servers.as_ref().map_or(true, |s| !s.is_empty()))
            };
            answer.set(source, place.filter(is_sent));
        }
        answer.assumed =
            !unsure.is_empty() && self.options.iter().any(|o| o.tags.iter().any(|t| unsure.contains(&t.name)));
        Service::Answers(answer)
    }

    fn notes(&self, _sources: &Sources) -> Vec<String> {
        Vec::new()
    }
}

fn condition(text: &str) -> Option<Tag> {
    let name = text.strip_prefix("tag:")?;
    Some(old_tag(name))
}

fn old_tag(name: &str) -> Tag {
    let bare = name.trim_start_matches(['!', '#']);
    Tag { name: bare.to_owned(), negated: bare.len() < name.len() }
}

fn option_code(name: &str) -> Option<u16> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "tftp-server" => 66,
        "tftp-server-address" => 150,
        "server-ip-address" => 255,
        "vendor-class" => 60,
        "user-class" => 77,
        "client-arch" => 93,
        "client-interface-id" => 94,
        "client-machine-id" => 97,
        "hostname" => 12,
        // Any other one: it is none of those that matter here.
        "netmask"
        | "time-offset"
        | "router"
        | "dns-server"
        | "log-server"
        | "lpr-server"
        | "boot-file-size"
        | "domain-name"
        | "swap-server"
        | "root-path"
        | "extension-path"
        | "ntp-server"
        | "bootfile-name"
        | "netbios-ns"
        | "domain-search"
        | "sip-server"
        | "classless-static-route"
        | "vendor-id-encap" => 1,
        _ => return Some(1),
    })
}

/// A MAC address, with `*` for any byte, and perhaps the kind of hardware in front.
fn mac_pattern(text: &str) -> Option<Vec<Option<u8>>> {
    let bare = match text.split_once('-') {
        Some((kind, rest)) if kind.len() <= 2 && kind.bytes().all(|b| b.is_ascii_hexdigit()) => rest,
        _ => text,
    };
    let parts: Vec<&str> = bare.split(':').collect();
    if parts.len() != 6 {
        return None;
    }
    parts
        .into_iter()
        .map(|p| match p {
            "*" => Some(None),
            _ if p.len() <= 2 => u8::from_str_radix(p, 16).ok().map(Some),
            _ => None,
        })
        .collect()
}

fn agrees(pattern: &[Option<u8>], client: &Client) -> bool {
    pattern.len() == 6 && pattern.iter().zip(client.mac.0).all(|(p, b)| p.is_none_or(|p| p == b))
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    if !text.contains(':') {
        return None;
    }
    text.split(':').map(|p| (p.len() <= 2 && !p.is_empty()).then(|| u8::from_str_radix(p, 16).ok()).flatten()).collect()
}

fn is_lease_time(text: &str) -> bool {
    let digits = text.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
    text == "infinite" || (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// The servers of an option, and how they are written.
fn value(sources: &Sources, values: &[Part], source: Source) -> Result<(Form, Vec<Span>, Vec<String>), String> {
    let spans: Vec<Span> = values.iter().map(|v| v.at).collect();
    let texts: Vec<String> = spans.iter().map(|s| sources.text(*s).into_owned()).collect();
    let quoted = values.iter().any(|v| v.quoted);
    let shown = texts.join(",");
    let is_own = texts.iter().any(|t| t == "0.0.0.0");
    if is_own {
        return Err("0.0.0.0 stands for the address of the machine that dnsmasq runs on".to_owned());
    }
    if source != Source::Option150 {
        return match spans.as_slice() {
            [_] => Ok((Form::Single, spans, texts)),
            _ => Err(format!("more than one value is set: {shown}")),
        };
    }
    if quoted {
        return Err(format!(
            "the address stands in quotes, so phones get an ASCII text string and no address: {shown}"
        ));
    }
    if texts.iter().all(|t| t.parse::<Ipv4Addr>().is_ok()) {
        return Ok((Form::List(","), spans, texts));
    }
    if let [text] = texts.as_slice()
        && let Some(bytes) = hex_bytes(text)
    {
        let groups = bytes.chunks_exact(4);
        if groups.remainder().is_empty() && !bytes.is_empty() {
            let servers = groups.filter_map(|g| <[u8; 4]>::try_from(g).ok()).map(|g| Ipv4Addr::from(g).to_string());
            let upper = text.bytes().any(|b| b.is_ascii_uppercase());
            let form = Form::Hex { separator: ":", group: 1, upper, prefix: "" };
            return Ok((form, spans, servers.collect()));
        }
    }
    Err(format!("the value is no list of addresses, but a text string: {shown}"))
}

/// The key and the parts of a line; `None`: it sets nothing.
fn split(sources: &Sources, at: Span, bare: Option<&str>) -> Result<Option<Line>, Unreadable> {
    let text = sources.bytes(at);
    let mut end = text.len();
    // A comment begins with # behind a blank, outside of quotes.
    let mut in_quotes = false;
    let mut before = b' ';
    for (i, byte) in text.iter().enumerate() {
        match byte {
            b'\\' if in_quotes => {}
            b'"' if before != b'\\' => in_quotes = !in_quotes,
            b'#' if !in_quotes && before.is_ascii_whitespace() => {
                end = i;
                break;
            }
            b'\n' | b'\r' => {
                end = end.min(i);
                break;
            }
            _ => {}
        }
        before = *byte;
    }
    let blank = |range: std::ops::Range<usize>| -> std::ops::Range<usize> {
        let slice = text.get(range.clone()).unwrap_or_default();
        let lead = slice.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let tail = slice.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
        let from = range.start + lead;
        from..(range.end.saturating_sub(tail)).max(from)
    };
    let span = |range: std::ops::Range<usize>| Span {
        file: at.file,
        start: at.start + range.start,
        end: at.start + range.end,
    };
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let line = blank(start..end);
    if line.is_empty() {
        return Ok(None);
    }
    let body = text.get(line.clone()).unwrap_or_default();
    let (key, from) = match (bare, body.iter().position(|b| *b == b'=')) {
        (Some(bare), _) => (bare.to_owned(), line.start),
        (None, Some(equal)) => {
            let key = blank(line.start..line.start + equal);
            (String::from_utf8_lossy(text.get(key).unwrap_or_default()).to_ascii_lowercase(), line.start + equal + 1)
        }
        (None, None) => {
            let key = String::from_utf8_lossy(body).to_ascii_lowercase();
            let is_key = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'6');
            if !is_key || key.starts_with("dhcp-option") || key.starts_with("dhcp-range") {
                return Err(Unreadable::new(span(line), "this line is no setting: an = is missing"));
            }
            (key, line.end)
        }
    };
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_key {
        return Err(Unreadable::new(span(line), "this line is no setting"));
    }
    if in_quotes && key.starts_with("dhcp") {
        return Err(Unreadable::new(span(line), "the quotes of this line are not closed"));
    }
    let mut parts = Vec::new();
    let mut push = |range: std::ops::Range<usize>| {
        let range = blank(range);
        let slice = text.get(range.clone()).unwrap_or_default();
        let quoted = slice.len() >= 2 && slice.starts_with(b"\"") && slice.ends_with(b"\"");
        let range = if quoted { range.start + 1..range.end - 1 } else { range };
        parts.push(Part { at: span(range), quoted });
    };
    let mut begin = from;
    let mut in_quotes = false;
    for i in from..line.end {
        match text.get(i) {
            Some(b'"') => in_quotes = !in_quotes,
            Some(b',') if !in_quotes => {
                push(begin..i);
                begin = i + 1;
            }
            _ => {}
        }
    }
    if from <= line.end {
        push(begin..line.end);
    }
    Ok(Some(Line { key, key_at: span(line), parts }))
}

/// The files at hand that a `conf-dir` reads: those that nothing else reads, of the names that it takes, sorted.
fn in_folder(sources: &Sources, line: &Line, own: usize, used: &[usize]) -> Vec<usize> {
    let filters: Vec<String> = line.parts.iter().skip(1).map(|p| sources.text(p.at).into_owned()).collect();
    let (takes, leaves): (Vec<&String>, Vec<&String>) = filters.iter().partition(|f| f.starts_with('*'));
    let is_read = |index: usize| {
        let name = sources.files.get(index).map(|f| f.base_name().to_owned()).unwrap_or_default();
        let taken = takes.is_empty() || takes.iter().any(|t| name.ends_with(t.trim_start_matches('*')));
        let left = leaves.iter().any(|l| name.ends_with(l.as_str()));
        index != own && !used.contains(&index) && taken && !left
    };
    let mut all: Vec<usize> = (0..sources.files.len()).filter(|i| is_read(*i)).collect();
    all.sort_by_key(|i| sources.name(*i).to_owned());
    all
}

#[cfg(test)]
mod tests;
