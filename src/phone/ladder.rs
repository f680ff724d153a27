//! The messages of a phone's boots as arrows between it and its servers: the ladder that `watch` draws.

use std::net::IpAddr;

use super::record::{DnsAnswer, Phone};
use crate::conversation::SeenAt;
use crate::conversation::dhcp::Nak;
use crate::conversation::file::{Failure, Fetch, FileFailure, Unreachable};
use crate::conversation::registration::{Attempt, End, Ending, Protocol, Rejection, ResetOrder};
use crate::diagnosis::{Arrow, LadderRole, Outcome, Transport};
use crate::wire::load::is_load_file;

/// The messages in their order.
pub fn ladder(phone: &Phone) -> Vec<Arrow> {
    let mut ladder = Ladder(Vec::new());
    ladder.leases(phone);
    ladder.leases_v6(phone);
    for ask in &phone.dns {
        let label = format!("{} {}{}", if ask.v6 { "AAAA" } else { "A" }, ask.name, times(ask.tries.count));
        ladder.to(ask.tries.first, LadderRole::Dns, Some(ask.server), label);
        if let Some(DnsAnswer { seen_at, code, addresses }) = &ask.answer {
            let answer = addresses.first().map_or_else(|| code.to_string(), ToString::to_string);
            ladder.from(*seen_at, LadderRole::Dns, ask.server, answer, addresses.is_empty());
        }
    }
    phone.files.iter().for_each(|fetch| ladder.file(fetch));
    phone.attempts.iter().for_each(|attempt| ladder.attempt(attempt));
    ladder.0.sort_by_key(|arrow| (arrow.time, arrow.at));
    ladder.0
}

struct Ladder(Vec<Arrow>);

impl Ladder {
    fn to(&mut self, seen_at: SeenAt, role: LadderRole, peer: Option<IpAddr>, label: String) {
        let SeenAt { time, at } = seen_at;
        self.0.push(Arrow { time, at, role, peer, from_phone: true, label, is_bad: false });
    }

    fn from(&mut self, seen_at: SeenAt, role: LadderRole, peer: IpAddr, label: String, is_bad: bool) {
        let SeenAt { time, at } = seen_at;
        self.0.push(Arrow { time, at, role, peer: Some(peer), from_phone: false, label, is_bad });
    }

    fn leases_v6(&mut self, phone: &Phone) {
        let address = |ip: Option<std::net::Ipv6Addr>| ip.map(|ip| format!(" {ip}")).unwrap_or_default();
        for exchange in &phone.dhcpv6.list {
            if let Some(tries) = exchange.solicit {
                self.to(tries.first, LadderRole::Dhcp, None, format!("SOLICIT{}", times(tries.count)));
            }
            for answer in &exchange.advertised {
                let label = format!("ADVERTISE{}", address(answer.address));
                self.from(answer.seen_at, LadderRole::Dhcp, answer.server.into(), label, false);
            }
            if let Some(tries) = exchange.request {
                let server = exchange.taken().map(|a| IpAddr::V6(a.server));
                self.to(tries.first, LadderRole::Dhcp, server, format!("REQUEST{}", times(tries.count)));
            }
            if let Some(reply) = &exchange.reply {
                let label = format!("REPLY{}", address(reply.address));
                self.from(reply.seen_at, LadderRole::Dhcp, reply.server.into(), label, false);
            }
            for refusal in &exchange.refusals {
                let (seen_at, server) = (refusal.seen_at, refusal.server.into());
                self.from(seen_at, LadderRole::Dhcp, server, refusal.status.to_string(), true);
            }
        }
    }

    fn leases(&mut self, phone: &Phone) {
        for exchange in &phone.dhcp.list {
            if let Some(tries) = exchange.discover {
                self.to(tries.first, LadderRole::Dhcp, None, format!("DISCOVER{}", times(tries.count)));
            }
            let address = |ip: Option<std::net::Ipv4Addr>| ip.map(|ip| format!(" {ip}")).unwrap_or_default();
            for offer in &exchange.offers {
                let label = format!("OFFER{}", address(offer.address));
                self.from(offer.seen_at, LadderRole::Dhcp, offer.terms.server.into(), label, false);
            }
            if let Some(tries) = exchange.request {
                let label = format!("REQUEST{}", times(tries.count));
                self.to(tries.first, LadderRole::Dhcp, exchange.requested.map(IpAddr::V4), label);
            }
            if let Some(ack) = &exchange.ack {
                self.from(
                    ack.seen_at,
                    LadderRole::Dhcp,
                    ack.terms.server.into(),
                    format!("ACK{}", address(ack.address)),
                    false,
                );
            }
            if let Some(Nak { seen_at, server, text }) = &exchange.nak {
                let text = text.as_ref().map(|t| format!(" {t}")).unwrap_or_default();
                self.from(*seen_at, LadderRole::Dhcp, (*server).into(), format!("NAK{text}"), true);
            }
            if let Some(seen_at) = exchange.decline {
                self.to(seen_at, LadderRole::Dhcp, None, "DECLINE".to_owned());
            }
        }
    }

    fn file(&mut self, fetch: &Fetch) {
        let verb = if fetch.transport == Transport::Http { "GET" } else { "RRQ" };
        let tries = fetch.request;
        self.to(
            tries.first,
            LadderRole::Tftp,
            Some(fetch.server),
            format!("{verb} {}{}", fetch.name, times(tries.count)),
        );
        let end = match (fetch.outcome(), &fetch.failure) {
            (Outcome::Served, _) => fetch.done.map(|s| (s, format!("{} octets", fetch.bytes), false)),
            (Outcome::Partial, _) => Some((fetch.progress, format!("only {} octets", fetch.bytes), true)),
            (Outcome::NoAnswer, _) => fetch.unreachable.map(|u| (u.seen_at, u.why.as_str().to_owned(), true)),
            (_, Some(Failure { seen_at, failure })) => {
                let label = match failure {
                    FileFailure::Tftp { code, text, .. } => format!("ERROR {code} {text}"),
                    FileFailure::Http { .. } => failure.to_string(),
                };
                if failure.is_by_client() {
                    self.to(*seen_at, LadderRole::Tftp, Some(fetch.server), label);
                    None
                } else {
                    // Phones ask for files that need not be there; a load that is not there is missed.
                    let is_missed = fetch.outcome() != Outcome::Missing || is_load_file(fetch.name.raw()).is_some();
                    Some((*seen_at, label, is_missed))
                }
            }
            (_, None) => None,
        };
        if let Some((seen_at, label, is_bad)) = end {
            self.from(seen_at, LadderRole::Tftp, fetch.server, label, is_bad);
        }
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let (role, server) = (LadderRole::CallManager, attempt.server);
        let is_sip = attempt.protocol == Protocol::Sip;
        if let Some(syn) = attempt.syn {
            self.to(syn.first, role, Some(server), format!("SYN {}{}", attempt.port, times(syn.count)));
        }
        if let Some(Unreachable { seen_at, why }) = attempt.unreachable {
            self.from(seen_at, role, server, why.as_str().to_owned(), true);
        }
        if let Some(seen_at) = attempt.connected.filter(|_| attempt.syn.is_some()) {
            self.from(seen_at, role, server, "connected".to_owned(), false);
        }
        if let Some(seen_at) = attempt.alarm {
            let reason = attempt.reason.as_ref().map(|r| format!(" {r}")).unwrap_or_default();
            self.to(seen_at, role, Some(server), format!("Alarm{reason}"));
        }
        if let Some(tries) = attempt.register {
            let verb = if is_sip { "REGISTER" } else { "Register" };
            self.to(tries.first, role, Some(server), format!("{verb}{}", times(tries.count)));
        }
        if let Some(seen_at) = attempt.registered_at() {
            let label = match attempt.registered {
                Some(_) if is_sip => "200 OK",
                Some(_) => "RegisterAck",
                None => "KeepAliveAck",
            };
            self.from(seen_at, role, server, label.to_owned(), false);
        }
        if let Some(Rejection { seen_at, text, .. }) = &attempt.rejected {
            let verb = if is_sip { "" } else { "RegisterReject " };
            self.from(*seen_at, role, server, format!("{verb}{text}"), true);
        }
        if let Some(ResetOrder { seen_at, .. }) = attempt.reset {
            self.from(seen_at, role, server, "Reset".to_owned(), false);
        }
        if let Some(seen_at) = attempt.unregistered {
            self.to(seen_at, role, Some(server), "Unregister".to_owned());
        }
        if let Some(Ending { seen_at, how: end }) = attempt.end {
            match end {
                End::PhoneFin => self.to(seen_at, role, Some(server), "FIN".to_owned()),
                End::PhoneRst => self.to(seen_at, role, Some(server), "RST".to_owned()),
                End::ServerFin => self.from(seen_at, role, server, "FIN".to_owned(), false),
                End::ServerRst => self.from(seen_at, role, server, "RST".to_owned(), attempt.registered.is_none()),
            }
        }
    }
}

fn times(count: u32) -> String {
    if count > 1 { format!(" x{count}") } else { String::new() }
}
