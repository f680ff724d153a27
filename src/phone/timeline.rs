//! A phone's story: everything that it did, in order.

use crate::conversation::SeenAt;
use crate::conversation::dhcp::{Kind, LeaseTerms, Nak};
use crate::conversation::file::{Fetch, FileFailure, Unreachable};
use crate::conversation::registration::{End, Ending, FatalAlert, Protocol, Rejection, ResetOrder};
use crate::diagnosis::{Outcome, TimelineEntry, TimelineKind, Transport, and_list};
use crate::phone::registry::Registry;
use crate::phone::{Announced, AnnouncementProtocol, DnsAnswer, Phone};

/// Everything that the phone did, in order.
pub fn timeline(registry: &Registry, phone: &Phone) -> Vec<TimelineEntry> {
    let mut all: Vec<TimelineEntry> = Vec::new();
    let mut add = |seen_at: SeenAt, kind: TimelineKind, text: String| {
        all.push(TimelineEntry { time: seen_at.time, at: seen_at.at, kind, text });
    };
    if let Some(Announced { seen_at, protocol }) = phone.announced {
        let kind = match protocol {
            AnnouncementProtocol::Cdp => TimelineKind::Cdp,
            AnnouncementProtocol::Lldp => TimelineKind::Lldp,
        };
        add(seen_at, kind, "announces itself to its switch".to_owned());
    }
    for exchange in &phone.dhcp.list {
        if let Some(tries) = exchange.discover {
            add(tries.first, TimelineKind::Dhcp, format!("asks for an address{}", times(tries.count)));
        }
        if let Some(tries) = exchange.request {
            let what = match exchange.kind {
                Kind::Renew => "renews its lease".to_owned(),
                Kind::Reboot => "asks for the address that it had".to_owned(),
                _ => exchange.requested.map_or("requests an address".to_owned(), |s| format!("takes the offer of {s}")),
            };
            add(tries.first, TimelineKind::Dhcp, format!("{what}{}", times(tries.count)));
        }
        for offer in &exchange.offers {
            let tftp = named(&offer.terms);
            add(offer.seen_at, TimelineKind::Dhcp, format!("{} offers an address{tftp}", offer.terms.server));
        }
        if let Some(ack) = &exchange.ack {
            let address = ack.address.map_or(String::new(), |a| format!(" of {a}"));
            add(
                ack.seen_at,
                TimelineKind::Dhcp,
                format!("lease{address} from {}{}", ack.terms.server, named(&ack.terms)),
            );
        }
        if let Some(Nak { seen_at, server, text }) = &exchange.nak {
            let text = text.as_ref().map(|t| format!(": {t}")).unwrap_or_default();
            add(*seen_at, TimelineKind::Dhcp, format!("{server} refuses the address{text}"));
        }
        if let Some(seen_at) = exchange.decline {
            add(seen_at, TimelineKind::Dhcp, "declines the address: it is in use".to_owned());
        }
    }
    for ask in &phone.dns {
        add(
            ask.tries.first,
            TimelineKind::Dns,
            format!("asks {} for {}{}", ask.server, ask.name, times(ask.tries.count)),
        );
        if let Some(DnsAnswer { seen_at, code, addresses }) = &ask.answer {
            let answer = if addresses.is_empty() { code.to_string() } else { and_list(addresses) };
            add(*seen_at, TimelineKind::Dns, format!("{} is {answer}", ask.name));
        }
    }
    for ask in phone.arp.iter().filter(|a| a.answered.is_none()) {
        add(
            ask.tries.first,
            TimelineKind::Arp,
            format!("asks who has {}{}, and gets no answer", ask.target, times(ask.tries.count)),
        );
    }
    for ask in &phone.trust_asks {
        let answer = if ask.answered.is_some() { "" } else { ", and gets no answer" };
        add(
            ask.tries.first,
            TimelineKind::Tcp,
            format!("asks the trust verification service of {}{}{answer}", ask.server, times(ask.tries.count)),
        );
    }
    for fetch in &phone.files {
        let how = if fetch.transport == Transport::Http { "over HTTP " } else { "" };
        let first = fetch.request.first;
        add(
            first,
            TimelineKind::Tftp,
            format!("asks {} {how}for {}{}", fetch.server, fetch.name, times(fetch.request.count)),
        );
        let end = match fetch.outcome() {
            Outcome::Served => fetch.done.map(|s| (s, format!("{} is served, {} octets", fetch.name, fetch.bytes))),
            Outcome::Missing => fetch.failure.as_ref().map(|f| (f.seen_at, missing(fetch, &f.failure))),
            Outcome::Refused | Outcome::Aborted => {
                fetch.failure.as_ref().map(|f| (f.seen_at, failed(fetch, &f.failure)))
            }
            Outcome::Partial => Some((fetch.progress, format!("{} got as far as block {}", fetch.name, fetch.blocks))),
            Outcome::NoAnswer => fetch
                .unreachable
                .map(|u| (u.seen_at, format!("{} can not be reached ({})", fetch.server, u.why.as_str()))),
        };
        if let Some((seen_at, text)) = end {
            add(seen_at, TimelineKind::Tftp, text);
        }
        if let (Some(config), Some(seen_at)) = (&fetch.config, fetch.done) {
            let load = phone.load_in(config).map_or("no load".to_owned(), |l| format!("load {l}"));
            let managers = if config.call_managers.is_empty() {
                "no CallManager".to_owned()
            } else {
                format!("CallManager {}", and_list(&config.call_managers))
            };
            add(seen_at, TimelineKind::Config, format!("the configuration names {managers} and {load}"));
        }
    }
    for seen in &phone.loads {
        let load = registry.load_name(seen.load.raw(), phone.device_type());
        let spelled = if load == seen.load { String::new() } else { format!(" (the wire says {})", seen.load) };
        add(seen.seen_at, TimelineKind::Load, format!("runs load {load}{spelled}"));
    }
    for attempt in &phone.attempts {
        let server = attempt.server;
        let kind = if attempt.protocol == Protocol::Sip { TimelineKind::Sip } else { TimelineKind::Sccp };
        if let Some(syn) = attempt.syn {
            add(
                syn.first,
                TimelineKind::Tcp,
                format!("connects to {server} port {}{}", attempt.port, times(syn.count)),
            );
        }
        if let Some(Unreachable { seen_at, why }) = attempt.unreachable {
            add(seen_at, TimelineKind::Icmp, format!("{server} can not be reached ({})", why.as_str()));
        }
        if let Some(shown) = attempt.handshake.as_deref() {
            if let Some(seen_at) = shown.hello {
                add(seen_at, TimelineKind::Tcp, format!("asks {server} for a secure session (TLS)"));
            }
            if let Some(FatalAlert { seen_at, text, by_phone }) = &shown.alert {
                let text = match by_phone {
                    true => format!("breaks off the secure session with {server}: {text}"),
                    false => format!("{server} breaks off the secure session: {text}"),
                };
                add(*seen_at, TimelineKind::Tcp, text);
            }
            if let Some(seen_at) = shown.server_sealed {
                let open = if attempt.secure_session().is_some() { ", and stays open" } else { "" };
                add(
                    seen_at,
                    TimelineKind::Tcp,
                    format!("the secure session with {server} is set up{open}: what is said in it is not readable"),
                );
            }
        }
        if let Some(rejected) = attempt.token_rejected {
            let text = format!("{server} rejects its request for a token{}", times(rejected.count));
            add(rejected.first, TimelineKind::Sccp, text);
        }
        if let Some(sip) = attempt.sip.as_deref() {
            if let Some(challenge) = sip.challenge.as_ref().filter(|_| attempt.rejected.is_none()) {
                let text = format!("{server} asks for a password: \"{}\"", challenge.latest.text);
                add(challenge.first, kind, text);
            }
            if let Some(Rejection { seen_at, text, .. }) = &sip.probe_refused {
                let text = format!("{server} would not register it, should its CallManager fail (SRST): \"{text}\"");
                add(*seen_at, kind, text);
            }
            if let Some(astray) = sip.astray {
                let (to, expected) = (astray.answered_to, astray.expected);
                let text = format!("{server} answers to port {to}, while the Via names {expected}");
                add(astray.first, kind, text);
            }
        }
        if let Some(register) = attempt.register {
            add(register.first, kind, format!("registers with {server}{}", times(register.count)));
        }
        if let Some(seen_at) = attempt.cut.filter(|_| attempt.registered_at().is_none() && attempt.rejected.is_none()) {
            add(
                seen_at,
                TimelineKind::Tcp,
                format!("{server} says something in a frame that was cut: it is not in the capture"),
            );
        }
        if let Some(seen_at) = attempt.registered_at() {
            let how = if attempt.registered.is_some() { "accepts it" } else { "answers its keepalives" };
            add(seen_at, kind, format!("{server} {how}"));
        }
        if let Some(Rejection { seen_at, text, meaning }) = &attempt.rejected {
            let meaning = meaning.as_ref().map(|m| format!(" ({m})")).unwrap_or_default();
            add(*seen_at, kind, format!("{server} rejects it: \"{text}\"{meaning}"));
        }
        if let Some(ResetOrder { seen_at, kind: order }) = attempt.reset {
            let what = match order {
                1 => "to reset",
                2 => "to restart",
                3 => "to apply its configuration",
                _ => "to reset (of an unknown kind)",
            };
            add(seen_at, kind, format!("{server} orders it {what}"));
        }
        if let Some(seen_at) = attempt.unregistered {
            add(seen_at, kind, format!("leaves {server}"));
        }
        if let Some(Ending { seen_at, how: end }) = attempt.end {
            let text = match end {
                End::ServerFin => format!("{server} closes the connection"),
                End::ServerRst if attempt.connected.is_none() => format!("{server} refuses the connection"),
                End::ServerRst => format!("{server} resets the connection"),
                End::PhoneFin => format!("closes the connection to {server}"),
                End::PhoneRst => format!("resets the connection to {server}"),
            };
            add(seen_at, TimelineKind::Tcp, text);
        }
    }
    all.sort_by_key(|entry| (entry.time, entry.at));
    all
}

fn missing(fetch: &Fetch, failure: &FileFailure) -> String {
    match failure {
        FileFailure::Http { status } => format!("{} is not on {} (HTTP {status})", fetch.name, fetch.server),
        FileFailure::Tftp { .. } => format!("{} is not on {}", fetch.name, fetch.server),
    }
}

fn failed(fetch: &Fetch, failure: &FileFailure) -> String {
    match failure {
        FileFailure::Http { status } => format!("{} fails: HTTP {status}", fetch.name),
        FileFailure::Tftp { code, text, .. } => format!("{} fails: error {code} {text}", fetch.name),
    }
}

fn times(count: u32) -> String {
    if count > 1 { format!(" ({count} times)") } else { String::new() }
}

fn named(terms: &LeaseTerms) -> String {
    let tftp = terms.tftp();
    match terms.unusable.first() {
        _ if !tftp.is_empty() => format!(", TFTP server {}", and_list(&tftp)),
        Some(unusable) => format!(", with an option {} that no phone can use", unusable.option),
        None => ", and names no TFTP server".to_owned(),
    }
}
