//! ARP, ICMP and DNS: what the network says of a phone's servers.

use std::net::IpAddr;

use super::Scene;
use crate::conversation::file::{Fetch, Unreachable, Why};
use crate::conversation::registration::Attempt;
use crate::conversation::{RetryCount, SeenAt, push_bounded};
use crate::phone::directory::{Slot, vlan_of};
use crate::phone::limits;
use crate::phone::{ArpAsk, DnsAnswer, NameAsk, Phone};
use crate::types::Mac;
use crate::wire::{arp, dns, icmp};

/// IP protocol numbers (RFC 5237).
const TCP: u8 = 6;
const UDP: u8 = 17;

/// An ARP message (RFC 826).
pub(super) fn observe_arp(scene: &mut Scene<'_>, message: &arp::Message) {
    let seen_at = scene.seen_at;
    let directory = &mut *scene.directory;
    let sender = IpAddr::V4(message.sender_ip);
    if !message.sender_ip.is_unspecified() {
        directory.neighbours.insert(sender, message.sender_mac);
        let is_end = directory.is_end(message.sender_mac);
        directory.senders.record(message.sender_mac, sender, is_end);
        directory.record_claim(message.sender_mac, sender, vlan_of(scene.envelope), seen_at);
    }
    if message.op == arp::Op::Request && message.sender_ip != message.target_ip {
        let Slot::Phone(index) = directory.slot_of_mac(message.sender_mac) else { return };
        let Some(phone) = directory.phones.get_mut(index) else { return };
        if message.sender_ip.is_unspecified() {
            return;
        }
        record_ask(phone, IpAddr::V4(message.target_ip), seen_at);
    } else if let Some(index) = directory.by_ip.get(&IpAddr::V4(message.target_ip)).copied()
        && let Some(phone) = directory.phones.get_mut(index)
        && let Some(ask) = phone.arp.iter_mut().find(|a| a.target == IpAddr::V4(message.sender_ip))
    {
        ask.answered = Some(seen_at);
    }
}

/// The phone asks who has an address.
fn record_ask(phone: &mut Phone, target: IpAddr, seen_at: SeenAt) {
    match phone.arp.iter_mut().find(|a| a.target == target) {
        Some(ask) if ask.answered.is_some_and(|a| a > ask.tries.last) => {
            ask.tries = RetryCount::new(seen_at);
            ask.answered = None;
        }
        Some(ask) => ask.tries.again(seen_at),
        None => {
            let ask = ArpAsk { target, tries: RetryCount::new(seen_at), answered: None };
            push_bounded(&mut phone.arp, ask, limits::QUESTIONS, &mut 0);
        }
    }
}

/// Neighbour and router discovery (RFC 4861), which is to IPv6 what ARP is to IPv4.
fn observe_discovery(scene: &mut Scene<'_>, message: &icmp::Message) {
    let (env, seen_at) = (scene.envelope, scene.seen_at);
    let (Some(src), Some(dst)) = (env.src, env.dst) else { return };
    match (message.icmp_type, message.target) {
        (icmp::ROUTER_ADVERTISEMENT, _) => {
            let managed = message.flags.contains(&icmp::Flag::Managed);
            scene.leases_v6.record_router(src, managed, seen_at);
        }
        // One from no address probes whether the address is free.
        (icmp::NEIGHBOUR_SOLICITATION, Some(target)) if !src.is_unspecified() => {
            let Some(mac) = env.eth_src else { return };
            let Slot::Phone(index) = scene.directory.slot_of_mac(mac) else { return };
            if let Some(phone) = scene.directory.phones.get_mut(index) {
                record_ask(phone, IpAddr::V6(target), seen_at);
            }
        }
        (icmp::NEIGHBOUR_ADVERTISEMENT, Some(target)) => {
            let phone = match env.eth_dst.map(|mac| scene.directory.slot_of_mac(mac)) {
                Some(Slot::Phone(index)) => Some(index),
                _ => scene.directory.by_ip.get(&dst).copied(),
            };
            let phone = phone.and_then(|index| scene.directory.phones.get_mut(index));
            if let Some(ask) = phone.and_then(|p| p.arp.iter_mut().find(|a| a.target == IpAddr::V6(target))) {
                ask.answered = Some(seen_at);
            }
        }
        _ => {}
    }
}

/// An ICMP error (RFC 792, RFC 4443) that quotes a phone's packet.
pub(super) fn observe_icmp(scene: &mut Scene<'_>, message: &icmp::Message) {
    let seen_at = scene.seen_at;
    let Some(about) = message.about else { return observe_discovery(scene, message) };
    let v6 = scene.envelope.src.is_some_and(|s| s.is_ipv6());
    let unreachable = if v6 { message.icmp_type == 1 } else { message.icmp_type == 3 };
    // Code 4 of type 3 asks for smaller packets: the path works.
    if !unreachable || (!v6 && message.icmp_code == 4) {
        return;
    }
    let unreachable = Some(Unreachable { seen_at, why: Why::of_unreachable(message.icmp_code, v6) });
    let (Some(sport), Some(dport)) = (about.sport, about.dport) else { return };
    let Some(phone) = phone_of(scene, about.src, Some(sport), None) else { return };
    if about.protocol == UDP {
        let of = |f: &&mut Fetch| f.server == about.dst && f.client_port == sport && f.is_open();
        if let Some(fetch) = phone.files.iter_mut().rev().find(of) {
            fetch.unreachable = unreachable;
            fetch.last = seen_at;
        }
    } else if about.protocol == TCP {
        let of = |a: &&mut Attempt| a.server == about.dst && a.port == dport && a.client_port == sport;
        if let Some(attempt) = phone.attempts.iter_mut().rev().find(of) {
            attempt.unreachable = unreachable;
            attempt.last = seen_at;
        }
    }
}

/// A DNS question or its answer (RFC 1035).
pub(super) fn observe_dns(scene: &mut Scene<'_>, message: &dns::Message) {
    let (env, seen_at) = (scene.envelope, scene.seen_at);
    let (Some(src), Some(dst)) = (env.src, env.dst) else { return };
    if !message.answers.is_empty() {
        scene.shared.names.insert(message.name.clone(), message.answers.clone());
    }
    let (client, server, port, eth) = match message.rcode {
        None => (src, dst, env.sport, env.eth_src),
        Some(_) => (dst, src, env.dport, env.eth_dst),
    };
    let Some(phone) = phone_of(scene, client, port, eth) else { return };
    let v6 = match message.qtype.raw() {
        "A" => false,
        "AAAA" => true,
        _ => return,
    };
    let began = phone.boots.last().copied();
    let asked = phone.dns.iter_mut().rev().find(|a| a.name == message.name && a.server == server && a.v6 == v6);
    match (asked, &message.rcode) {
        // What an earlier boot was answered counts no more.
        (Some(ask), None) if began.is_some_and(|b| b > ask.tries.last) => {
            ask.tries = RetryCount::new(seen_at);
            ask.answer = None;
        }
        (Some(ask), None) => ask.tries.again(seen_at),
        (None, None) => {
            let ask = NameAsk { name: message.name.clone(), server, v6, tries: RetryCount::new(seen_at), answer: None };
            push_bounded(&mut phone.dns, ask, limits::QUESTIONS, &mut 0);
        }
        (Some(ask), Some(code)) => {
            ask.answer = Some(DnsAnswer { seen_at, code: code.clone(), addresses: message.answers.clone() });
        }
        (None, Some(_)) => {}
    }
}

/// The phone that has this address; `None`: it is no phone's.
fn phone_of<'s>(scene: &'s mut Scene<'_>, ip: IpAddr, port: Option<u16>, eth: Option<Mac>) -> Option<&'s mut Phone> {
    match scene.directory.slot_of_client(ip, port, eth) {
        Slot::Phone(index) => scene.directory.phones.get_mut(index),
        Slot::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{CM, IP, NAME, PHONE, SERVER_MAC, Stage, TFTP, at, ip, mac};
    use super::*;
    use crate::conversation::registration::End;

    fn arp(op: &str, sender: &str, sender_ip: &str, target_ip: &str) -> String {
        format!(
            r#""eth_src":"{sender}","type":"arp","op":"{op}","sender_mac":"{sender}","sender_ip":"{sender_ip}","target_ip":"{target_ip}""#
        )
    }

    fn icmp(stage: &mut Stage, second: i64, code: u8, about: &str) {
        let body = format!(r#""type":"icmp","icmp_type":3,"icmp_code":{code},"about":{{{about}}}"#);
        stage.see(second, &format!(r#""src":"10.30.0.1","dst":"{IP}","eth_dst":"{PHONE}",{body}"#));
    }

    #[test]
    fn arp_question_counts_until_answered() {
        let mut stage = Stage::leased();
        stage.see(2, &arp("request", PHONE, IP, TFTP));
        stage.see(3, &arp("request", PHONE, IP, TFTP));
        let ask = &stage.phone().arp[0];
        assert_eq!((ask.tries.count, ask.answered), (2, None));
        stage.see(4, &arp("reply", SERVER_MAC, TFTP, IP));
        assert_eq!(stage.phone().arp[0].answered, Some(at(4, 7)));
        assert_eq!(stage.directory.neighbours.peek(&ip(TFTP)), Some(&mac(SERVER_MAC)));
        stage.see(9, &arp("request", PHONE, IP, TFTP));
        let ask = &stage.phone().arp[0];
        assert_eq!((ask.tries.count, ask.answered), (1, None), "a new question");
    }

    #[test]
    fn arp_probe_for_own_address_is_no_question() {
        let mut stage = Stage::leased();
        stage.see(2, &arp("request", PHONE, IP, IP));
        stage.see(3, &arp("request", PHONE, "0.0.0.0", TFTP));
        assert!(stage.phone().arp.is_empty());
    }

    #[test]
    fn icmp_error_closes_quoted_request() {
        let mut stage = Stage::leased();
        let rrq = format!(r#""type":"tftp","op":"RRQ","file":"{NAME}.cnf.xml","mode":"octet""#);
        stage.ask(2, TFTP, (50_001, 69), &rrq);
        let about = format!(r#""protocol":17,"src":"{IP}","dst":"{TFTP}","sport":50001,"dport":69"#);
        icmp(&mut stage, 3, 4, &about);
        assert!(stage.phone().files[0].unreachable.is_none(), "it asks for smaller packets");
        icmp(&mut stage, 4, 3, &about);
        let unreachable = stage.phone().files[0].unreachable.unwrap();
        assert_eq!((unreachable.why, unreachable.seen_at), (Why::IcmpPort, at(4, 7)));
    }

    #[test]
    fn icmp_error_marks_quoted_connection() {
        let mut stage = Stage::leased();
        stage.ask(2, CM, (52_038, 2000), r#""type":"tcp","flags":"SYN""#);
        let other = format!(r#""protocol":6,"src":"{IP}","dst":"{CM}","sport":52039,"dport":2000"#);
        icmp(&mut stage, 3, 13, &other);
        assert!(stage.phone().attempts[0].unreachable.is_none(), "another connection");
        let about = format!(r#""protocol":6,"src":"{IP}","dst":"{CM}","sport":52038,"dport":2000"#);
        icmp(&mut stage, 4, 13, &about);
        assert_eq!(stage.phone().attempts[0].unreachable.map(|u| u.why), Some(Why::IcmpFiltered));
        assert!(stage.phone().attempts[0].end.is_none_or(|e| e.how != End::ServerRst));
    }

    #[test]
    fn dns_question_is_answered_and_resolves() {
        let mut stage = Stage::leased();
        let question = r#""type":"dns","name":"tftp.example","qtype":"A","id":7"#;
        stage.ask(2, "10.30.0.53", (49_496, 53), question);
        stage.ask(4, "10.30.0.53", (49_496, 53), question);
        let answer = format!(r#"{question},"rcode":"NOERROR","answers":["{TFTP}"]"#);
        stage.answer(4, "10.30.0.53", (53, 49_496), &answer);
        let ask = &stage.phone().dns[0];
        assert_eq!((ask.tries.count, ask.server, ask.v6), (2, ip("10.30.0.53"), false));
        assert_eq!(ask.answer.as_ref().map(|a| a.addresses.clone()), Some(vec![ip(TFTP)]));
        assert_eq!(stage.shared.names.iter().count(), 1);
    }

    #[test]
    fn dns_question_of_next_boot_begins_anew() {
        let mut stage = Stage::leased();
        let question = r#""type":"dns","name":"tftp.example","qtype":"A","id":7"#;
        stage.ask(2, "10.30.0.53", (49_496, 53), question);
        stage.answer(2, "10.30.0.53", (53, 49_496), &format!(r#"{question},"rcode":"NXDOMAIN""#));
        assert_eq!(stage.phone().dns[0].answer.as_ref().map(|a| a.code.raw()), Some("NXDOMAIN"));
        stage.dhcp(60, "DISCOVER", "");
        stage.ask(62, "10.30.0.53", (49_496, 53), question);
        let ask = &stage.phone().dns[0];
        assert!(ask.answer.is_none() && ask.tries.count == 1);
    }

    #[test]
    fn dns_question_of_a_stranger_is_not_kept() {
        let mut stage = Stage::new();
        stage.ask(2, "10.30.0.53", (49_496, 53), r#""type":"dns","name":"www.example","qtype":"A","id":7"#);
        assert!(stage.directory.phones.is_empty() && stage.directory.others.is_empty());
    }

    fn discovery(kind: u8, (src, dst): (&str, &str), (from, to): (&str, &str), more: &str) -> String {
        format!(
            r#""src":"{src}","dst":"{dst}","eth_src":"{from}","eth_dst":"{to}","type":"icmp","icmp_type":{kind},"icmp_code":0{more}"#
        )
    }

    #[test]
    fn neighbour_advertisement_answers_a_solicitation() {
        let mut stage = Stage::leased();
        let asks = discovery(
            135,
            ("2001:db8::100", "ff02::1:ff00:5"),
            (PHONE, "33:33:ff:00:00:05"),
            r#","target":"2001:db8::5""#,
        );
        stage.see(5, &asks);
        stage.see(6, &asks);
        let ask = &stage.phone().arp[0];
        assert_eq!((ask.target, ask.tries.count, ask.answered), (ip("2001:db8::5"), 2, None));
        let answers =
            discovery(136, ("2001:db8::5", "2001:db8::100"), (SERVER_MAC, PHONE), r#","target":"2001:db8::5""#);
        stage.see(7, &answers);
        assert!(stage.phone().arp[0].answered.is_some());
    }

    #[test]
    fn probe_whether_an_address_is_free_asks_for_nobody() {
        let mut stage = Stage::leased();
        let probe =
            discovery(135, ("::", "ff02::1:ff00:100"), (PHONE, "33:33:ff:00:01:00"), r#","target":"2001:db8::100""#);
        stage.see(5, &probe);
        assert!(stage.phone().arp.is_empty());
    }

    #[test]
    fn router_that_manages_addresses_is_kept() {
        let mut stage = Stage::leased();
        let all = ("fe80::9", "ff02::1");
        stage.see(5, &discovery(134, all, (SERVER_MAC, "33:33:00:00:00:01"), r#","router_lifetime":1800"#));
        assert!(stage.leases_v6.managing_router().is_none());
        stage.see(
            6,
            &discovery(134, all, (SERVER_MAC, "33:33:00:00:00:01"), r#","flags":["managed"],"router_lifetime":1800"#),
        );
        assert_eq!(stage.leases_v6.managing_router().map(|r| r.router), Some(ip("fe80::9")));
    }
}
