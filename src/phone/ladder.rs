//! The messages of a phone's boots as arrows between it and its servers: the ladder that `watch` draws.

use std::net::IpAddr;

use super::Phone;
use crate::conversation::Stamp;
use crate::conversation::file::Fetch;
use crate::conversation::registration::{Attempt, End, Protocol};
use crate::diagnosis::{Arrow, Outcome, Role, Transport};
use crate::wire::load::is_load_file;

/// The messages in their order.
pub fn ladder(phone: &Phone) -> Vec<Arrow> {
    let mut ladder = Ladder(Vec::new());
    ladder.leases(phone);
    for ask in &phone.dns {
        let label = format!("{} {}{}", if ask.v6 { "AAAA" } else { "A" }, ask.name, times(ask.tries.count));
        ladder.to(ask.tries.first, Role::Dns, Some(ask.server), label);
        if let Some((stamp, code, addresses)) = &ask.answer {
            let answer = addresses.first().map_or_else(|| code.to_string(), ToString::to_string);
            ladder.from(*stamp, Role::Dns, ask.server, answer, addresses.is_empty());
        }
    }
    phone.files.iter().for_each(|fetch| ladder.file(fetch));
    phone.attempts.iter().for_each(|attempt| ladder.attempt(attempt));
    ladder.0.sort_by_key(|arrow| (arrow.time, arrow.at));
    ladder.0
}

struct Ladder(Vec<Arrow>);

impl Ladder {
    fn to(&mut self, stamp: Stamp, role: Role, peer: Option<IpAddr>, label: String) {
        let Stamp { time, at } = stamp;
        self.0.push(Arrow { time, at, role, peer, from_phone: true, label, is_bad: false });
    }

    fn from(&mut self, stamp: Stamp, role: Role, peer: IpAddr, label: String, is_bad: bool) {
        let Stamp { time, at } = stamp;
        self.0.push(Arrow { time, at, role, peer: Some(peer), from_phone: false, label, is_bad });
    }

    fn leases(&mut self, phone: &Phone) {
        for exchange in &phone.dhcp.list {
            if let Some(tries) = exchange.discover {
                self.to(tries.first, Role::Dhcp, None, format!("DISCOVER{}", times(tries.count)));
            }
            let address = |ip: Option<std::net::Ipv4Addr>| ip.map(|ip| format!(" {ip}")).unwrap_or_default();
            for offer in &exchange.offers {
                let label = format!("OFFER{}", address(offer.address));
                self.from(offer.stamp, Role::Dhcp, offer.terms.server.into(), label, false);
            }
            if let Some(tries) = exchange.request {
                let label = format!("REQUEST{}", times(tries.count));
                self.to(tries.first, Role::Dhcp, exchange.requested.map(IpAddr::V4), label);
            }
            if let Some(ack) = &exchange.ack {
                self.from(
                    ack.stamp,
                    Role::Dhcp,
                    ack.terms.server.into(),
                    format!("ACK{}", address(ack.address)),
                    false,
                );
            }
            if let Some((stamp, server, text)) = &exchange.nak {
                let text = text.as_ref().map(|t| format!(" {t}")).unwrap_or_default();
                self.from(*stamp, Role::Dhcp, (*server).into(), format!("NAK{text}"), true);
            }
            if let Some(stamp) = exchange.decline {
                self.to(stamp, Role::Dhcp, None, "DECLINE".to_owned());
            }
        }
    }

    fn file(&mut self, fetch: &Fetch) {
        let verb = if fetch.transport == Transport::Http { "GET" } else { "RRQ" };
        let tries = fetch.request;
        self.to(tries.first, Role::Tftp, Some(fetch.server), format!("{verb} {}{}", fetch.name, times(tries.count)));
        let end = match (fetch.outcome(), &fetch.error) {
            (Outcome::Served, _) => fetch.done.map(|s| (s, format!("{} octets", fetch.bytes), false)),
            (Outcome::Partial, _) => Some((fetch.progress, format!("only {} octets", fetch.bytes), true)),
            (Outcome::NoAnswer, _) => fetch.unreachable.map(|(s, why)| (s, why.word().to_owned(), true)),
            (_, Some((stamp, code, text, by_phone))) => {
                let label = format!("ERROR {code} {text}");
                if *by_phone {
                    self.to(*stamp, Role::Tftp, Some(fetch.server), label);
                    None
                } else {
                    // Phones ask for files that need not be there; a load that is not there is missed.
                    let is_missed = fetch.outcome() != Outcome::Missing || is_load_file(fetch.name.raw()).is_some();
                    Some((*stamp, label, is_missed))
                }
            }
            (_, None) => None,
        };
        if let Some((stamp, label, is_bad)) = end {
            self.from(stamp, Role::Tftp, fetch.server, label, is_bad);
        }
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let (role, server) = (Role::CallManager, attempt.server);
        let is_sip = attempt.protocol == Protocol::Sip;
        if let Some(syn) = attempt.syn {
            self.to(syn.first, role, Some(server), format!("SYN {}{}", attempt.port, times(syn.count)));
        }
        if let Some((stamp, why)) = attempt.unreachable {
            self.from(stamp, role, server, why.word().to_owned(), true);
        }
        if let Some(stamp) = attempt.connected.filter(|_| attempt.syn.is_some()) {
            self.from(stamp, role, server, "connected".to_owned(), false);
        }
        if let Some(stamp) = attempt.alarm {
            let reason = attempt.reason.as_ref().map(|r| format!(" {r}")).unwrap_or_default();
            self.to(stamp, role, Some(server), format!("Alarm{reason}"));
        }
        if let Some(tries) = attempt.register {
            let verb = if is_sip { "REGISTER" } else { "Register" };
            self.to(tries.first, role, Some(server), format!("{verb}{}", times(tries.count)));
        }
        if let Some(stamp) = attempt.registered_at() {
            let label = match attempt.registered {
                Some(_) if is_sip => "200 OK",
                Some(_) => "RegisterAck",
                None => "KeepAliveAck",
            };
            self.from(stamp, role, server, label.to_owned(), false);
        }
        if let Some((stamp, text, _)) = &attempt.rejected {
            let verb = if is_sip { "" } else { "RegisterReject " };
            self.from(*stamp, role, server, format!("{verb}{text}"), true);
        }
        if let Some((stamp, _)) = attempt.reset {
            self.from(stamp, role, server, "Reset".to_owned(), false);
        }
        if let Some(stamp) = attempt.unregistered {
            self.to(stamp, role, Some(server), "Unregister".to_owned());
        }
        if let Some((stamp, end)) = attempt.end {
            match end {
                End::PhoneFin => self.to(stamp, role, Some(server), "FIN".to_owned()),
                End::PhoneRst => self.to(stamp, role, Some(server), "RST".to_owned()),
                End::ServerFin => self.from(stamp, role, server, "FIN".to_owned(), false),
                End::ServerRst => self.from(stamp, role, server, "RST".to_owned(), attempt.registered.is_none()),
            }
        }
    }
}

fn times(count: u32) -> String {
    if count > 1 { format!(" x{count}") } else { String::new() }
}
