//! A phone's story in sentences, short enough to read out on a call.

use super::boot_step::decided_by;
use super::context::PhoneContext;
use super::fallback::is_srst;
use crate::conversation::SeenAt;
use crate::diagnosis::{RegistrationState, Verdict, and_list};

/// The story in sentences with frame numbers.
pub(super) fn narrative(cx: &PhoneContext<'_>, verdict: Verdict) -> String {
    let phone = cx.phone;
    let model = phone.model().map_or("phone".to_owned(), |m| m.to_owned());
    let mut said: Vec<String> = Vec::new();
    let frame = |seen_at: SeenAt| format!("frame {}", seen_at.at.frame);
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
                frame(ack.seen_at)
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
            fetch.outcome().as_str(),
            frame(fetch.request.first)
        ));
    }
    if let Some((load, fetch)) = phone.fetched() {
        said.push(format!("it took load {load} from {} ({})", fetch.server, frame(fetch.request.first)));
    }
    if let Some((load, seen_at)) = cx.running() {
        said.push(format!("it runs {load} ({})", frame(seen_at)));
    }
    if let Some(contact) = cx.last_contact() {
        let server = contact.server;
        let text = match contact.state {
            RegistrationState::Registered if is_srst(cx, server) => format!("its SRST router {server} accepted it"),
            RegistrationState::Registered => format!("{server} accepted it"),
            RegistrationState::Unregistered => format!("it was registered with {server} and left"),
            RegistrationState::Rejected if contact.tokens.is_some() => {
                format!("{server} rejected every request for a token")
            }
            RegistrationState::Rejected => {
                let text = contact.attempt.and_then(|a| a.refusal()).map(|r| r.text.to_string()).unwrap_or_default();
                format!("{server} rejected it: \"{text}\"")
            }
            RegistrationState::Refused => format!("{server} refused the connection"),
            RegistrationState::NoAnswer if contact.attempt.is_some_and(|a| a.astray().is_some()) => {
                format!("{server} answered to a port where it does not listen")
            }
            RegistrationState::NoAnswer => format!("{server} did not answer"),
            RegistrationState::Closed => format!("{server} closed the connection before an answer"),
            RegistrationState::NotSeen => format!("what {server} answered is not in the capture"),
        };
        said.push(format!("{text} ({})", frame(decided_by(contact))));
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

fn times(count: u32) -> String {
    if count > 1 { format!(" ({count} times)") } else { String::new() }
}
