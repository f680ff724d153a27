//! A phone's story: its timeline, and the same in sentences short enough to read out on a call.

use crate::conversation::Stamp;
use crate::conversation::dhcp::Kind;
use crate::conversation::registration::End;
use crate::diagnosis::{Outcome, RegistrationState, TimelineEntry, Transport, Verdict};
use crate::findings::and_list;
use crate::findings::context::PhoneContext;
use crate::phone::Phone;
use crate::phone::registry::Registry;

/// Everything that the phone did, in order.
pub fn timeline(registry: &Registry, phone: &Phone) -> Vec<TimelineEntry> {
    let mut all: Vec<TimelineEntry> = Vec::new();
    let mut add = |stamp: Stamp, kind: &'static str, text: String| {
        all.push(TimelineEntry { time: stamp.time, at: stamp.at, kind, text });
    };
    if let Some(stamp) = phone.announced {
        add(stamp, "cdp", "announces itself to its switch".to_owned());
    }
    for exchange in &phone.dhcp.list {
        if let Some(tries) = exchange.discover {
            add(tries.first, "dhcp", format!("asks for an address{}", times(tries.count)));
        }
        if let Some(tries) = exchange.request {
            let what = match exchange.kind {
                Kind::Renew => "renews its lease".to_owned(),
                Kind::Reboot => "asks for the address that it had".to_owned(),
                _ => exchange.requested.map_or("requests an address".to_owned(), |s| format!("takes the offer of {s}")),
            };
            add(tries.first, "dhcp", format!("{what}{}", times(tries.count)));
        }
        for offer in &exchange.offers {
            let tftp = named(&offer.terms.tftp());
            add(offer.stamp, "dhcp", format!("{} offers an address{tftp}", offer.terms.server));
        }
        if let Some(ack) = &exchange.ack {
            let address = ack.address.map_or(String::new(), |a| format!(" of {a}"));
            add(ack.stamp, "dhcp", format!("lease{address} from {}{}", ack.terms.server, named(&ack.terms.tftp())));
        }
        if let Some((stamp, server, text)) = &exchange.nak {
            let text = text.as_ref().map(|t| format!(": {t}")).unwrap_or_default();
            add(*stamp, "dhcp", format!("{server} refuses the address{text}"));
        }
        if let Some(stamp) = exchange.decline {
            add(stamp, "dhcp", "declines the address: it is in use".to_owned());
        }
    }
    for ask in &phone.dns {
        add(ask.tries.first, "dns", format!("asks {} for {}{}", ask.server, ask.name, times(ask.tries.count)));
        if let Some((stamp, code, addresses)) = &ask.answer {
            let answer = if addresses.is_empty() { code.to_string() } else { and_list(addresses) };
            add(*stamp, "dns", format!("{} is {answer}", ask.name));
        }
    }
    for ask in phone.arp.iter().filter(|a| a.answered.is_none()) {
        add(
            ask.tries.first,
            "arp",
            format!("asks who has {}{}, and gets no answer", ask.target, times(ask.tries.count)),
        );
    }
    for fetch in &phone.files {
        let how = if fetch.transport == Transport::Http { "over HTTP " } else { "" };
        let first = fetch.request.first;
        add(first, "tftp", format!("asks {} {how}for {}{}", fetch.server, fetch.name, times(fetch.request.count)));
        let end = match fetch.outcome() {
            Outcome::Served => fetch.done.map(|s| (s, format!("{} is served, {} octets", fetch.name, fetch.bytes))),
            Outcome::Missing => {
                fetch.error.as_ref().map(|e| (e.0, format!("{} is not on {}", fetch.name, fetch.server)))
            }
            Outcome::Refused | Outcome::Aborted => {
                fetch.error.as_ref().map(|e| (e.0, format!("{} fails: error {} {}", fetch.name, e.1, e.2)))
            }
            Outcome::Partial => Some((fetch.progress, format!("{} got as far as block {}", fetch.name, fetch.blocks))),
            Outcome::NoAnswer => {
                fetch.unreachable.map(|(s, why)| (s, format!("{} can not be reached ({})", fetch.server, why.word())))
            }
        };
        if let Some((stamp, text)) = end {
            add(stamp, "tftp", text);
        }
        if let (Some(config), Some(stamp)) = (&fetch.config, fetch.done) {
            let load = phone.load_in(config).map_or("no load".to_owned(), |l| format!("load {l}"));
            let managers = if config.call_managers.is_empty() {
                "no CallManager".to_owned()
            } else {
                format!("CallManager {}", and_list(&config.call_managers))
            };
            add(stamp, "config", format!("the configuration names {managers} and {load}"));
        }
    }
    for seen in &phone.loads {
        let load = registry.load_name(seen.load.raw(), phone.device_type());
        let spelled = if load == seen.load { String::new() } else { format!(" (the wire says {})", seen.load) };
        add(seen.stamp, "load", format!("runs load {load}{spelled}"));
    }
    for attempt in &phone.attempts {
        let server = attempt.server;
        if let Some(syn) = attempt.syn {
            add(syn.first, "tcp", format!("connects to {server} port {}{}", attempt.port, times(syn.count)));
        }
        if let Some((stamp, why)) = attempt.unreachable {
            add(stamp, "icmp", format!("{server} can not be reached ({})", why.word()));
        }
        if let Some(register) = attempt.register {
            add(register.first, "sccp", format!("registers with {server}{}", times(register.count)));
        }
        if let Some(stamp) = attempt.registered_at() {
            let how = if attempt.registered.is_some() { "accepts it" } else { "answers its keepalives" };
            add(stamp, "sccp", format!("{server} {how}"));
        }
        if let Some((stamp, text, meaning)) = &attempt.rejected {
            let meaning = meaning.as_ref().map(|m| format!(" ({m})")).unwrap_or_default();
            add(*stamp, "sccp", format!("{server} rejects it: \"{text}\"{meaning}"));
        }
        if let Some((stamp, kind)) = attempt.reset {
            let what = match kind {
                1 => "to reset",
                2 => "to restart",
                3 => "to apply its configuration",
                _ => "to reset (of an unknown kind)",
            };
            add(stamp, "sccp", format!("{server} orders it {what}"));
        }
        if let Some(stamp) = attempt.unregistered {
            add(stamp, "sccp", format!("leaves {server}"));
        }
        if let Some((stamp, end)) = attempt.end {
            let text = match end {
                End::ServerFin => format!("{server} closes the connection"),
                End::ServerRst if attempt.connected.is_none() => format!("{server} refuses the connection"),
                End::ServerRst => format!("{server} resets the connection"),
                End::PhoneFin => format!("closes the connection to {server}"),
                End::PhoneRst => format!("resets the connection to {server}"),
            };
            add(stamp, "tcp", text);
        }
    }
    all.sort_by(|a, b| (a.time, a.at).cmp(&(b.time, b.at)));
    all
}

fn times(count: u32) -> String {
    if count > 1 { format!(" ({count} times)") } else { String::new() }
}

fn named(tftp: &[crate::wire::WireText]) -> String {
    if tftp.is_empty() { ", and names no TFTP server".to_owned() } else { format!(", TFTP server {}", and_list(tftp)) }
}

/// The story in sentences with frame numbers.
pub fn narrative(cx: &PhoneContext<'_>, verdict: Verdict) -> String {
    let phone = cx.phone;
    let model = phone.model().map_or("phone".to_owned(), |m| m.to_owned());
    let mut said: Vec<String> = Vec::new();
    let frame = |stamp: Stamp| format!("frame {}", stamp.at.frame);
    match phone.dhcp.list.iter().rev().find_map(|e| e.ack.as_ref()) {
        Some(ack) => {
            let address = ack.address.map_or("a lease".to_owned(), |a| a.to_string());
            let tftp = ack.terms.tftp();
            let tftp =
                if tftp.is_empty() { "no TFTP server".to_owned() } else { format!("TFTP server {}", and_list(&tftp)) };
            said.push(format!(
                "{} ({model}) got {address} and {tftp} from {} ({})",
                cx.label(),
                ack.terms.server,
                frame(ack.stamp)
            ));
        }
        None => match cx.phone.exchange().filter(|e| !e.answered()).and_then(|e| e.discover.or(e.request)) {
            Some(tries) => said.push(format!(
                "{} ({model}) asks for an address{} and gets none ({})",
                cx.label(),
                times(tries.count),
                frame(tries.first)
            )),
            None => said.push(format!("{} ({model})", cx.label())),
        },
    }
    if let Some((fetch, config)) = cx.config() {
        let load = phone.load_in(config).map_or("no load".to_owned(), |l| format!("load {l}"));
        let managers = if config.call_managers.is_empty() {
            "no CallManager".to_owned()
        } else {
            format!("CallManager {}", and_list(&config.call_managers))
        };
        said.push(format!(
            "{} served {} naming {managers} and {load} ({})",
            fetch.server,
            fetch.name,
            frame(fetch.request.first)
        ));
    } else if let Some(fetch) = cx.files().last() {
        said.push(format!(
            "it asked {} for {}: {} ({})",
            fetch.server,
            fetch.name,
            fetch.outcome().word(),
            frame(fetch.request.first)
        ));
    }
    if let Some((load, fetch)) = phone.fetched() {
        said.push(format!("it took load {load} from {} ({})", fetch.server, frame(fetch.request.first)));
    }
    if let Some((load, stamp)) = cx.running() {
        said.push(format!("it runs {load} ({})", frame(stamp)));
    }
    if let Some(contact) = cx.last_contact() {
        let server = contact.server;
        let text = match contact.state {
            RegistrationState::Registered => format!("{server} accepted it"),
            RegistrationState::Unregistered => format!("it was registered with {server} and left"),
            RegistrationState::Rejected => {
                let text = contact
                    .attempt
                    .and_then(|a| a.rejected.as_ref())
                    .map(|(_, t, _)| t.to_string())
                    .unwrap_or_default();
                format!("{server} rejected it: \"{text}\"")
            }
            RegistrationState::Refused => format!("{server} refused the connection"),
            RegistrationState::NoAnswer => format!("{server} did not answer"),
            RegistrationState::Closed => format!("{server} closed the connection before an answer"),
            RegistrationState::NotSeen => format!("what {server} answered is not in the capture"),
        };
        said.push(format!("{text} ({})", frame(contact.stamp())));
    }
    let end = match verdict {
        Verdict::Finding(code) => format!("root cause: {code}"),
        Verdict::Healthy => "nothing is wrong with it".to_owned(),
        Verdict::Incomplete => "the capture does not show how it ended".to_owned(),
    };
    said.push(end);
    let mut text = said.join("; ");
    text.push('.');
    text
}
