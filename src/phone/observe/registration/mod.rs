//! Registrations, one observer per protocol: the connection ([`tcp`]), [`sccp`], [`sip`].

pub(super) mod sccp;
pub(super) mod sip;
pub(super) mod tcp;

use super::Scene;
use crate::conversation::push_bounded;
use crate::conversation::registration::{Attempt, Protocol};
use crate::phone::directory::Slot;
use crate::phone::limits;

/// The attempt of a connection.
pub(super) struct Connection<'a> {
    /// Whose it is.
    slot: Slot,
    attempt: &'a mut Attempt,
    /// Whether the phone sent this packet.
    from_phone: bool,
}

/// The attempt whose connection (addresses and ports) a packet belongs to, made if need be. `opens`: with a SYN.
fn connection<'s>(scene: &'s mut Scene<'_>, opens: bool) -> Option<Connection<'s>> {
    let (env, seen_at) = (scene.envelope, scene.seen_at);
    let (src, dst, sport, dport) = (env.src?, env.dst?, env.sport?, env.dport?);
    let from_phone = opens || is_from_phone(scene);
    let (server, client) = if from_phone { ((dst, dport), (src, sport)) } else { ((src, sport), (dst, dport)) };
    let (port, eth) = (server.1, env.eth_src.filter(|_| from_phone));
    let protocol = Protocol::of_port(port)?;
    let slot = if from_phone { scene.sender()? } else { scene.directory.slot_of_client(dst, Some(dport), env.eth_dst) };
    scene.traffic.registration.count(from_phone);
    let phone = scene.directory.client(slot, seen_at)?;
    let is_it = |a: &Attempt| (a.server, a.port) == server && (a.client, a.client_port) == client;
    let is_new = |i: &usize| phone.attempts.get(*i).is_some_and(|a| a.end.is_none() && a.connected.is_none());
    // The same port again after its end is a new connection.
    let index = match phone.attempts.iter().rposition(is_it).filter(|i| !opens || is_new(i)) {
        Some(index) => index,
        None => {
            let attempt = Attempt::new(server, client, protocol, seen_at);
            push_bounded(&mut phone.attempts, attempt, limits::ATTEMPTS, &mut phone.attempts_evicted);
            phone.attempts.len() - 1
        }
    };
    let attempt = phone.attempts.get_mut(index)?;
    if from_phone {
        attempt.client_mac = eth.or(attempt.client_mac);
        attempt.spoke = Some(seen_at);
    }
    Some(Connection { slot, attempt, from_phone })
}

/// Whether a segment comes from the phone: the CallManager has the known port. Where both ends have one, the connection
/// tells, as it was opened.
fn is_from_phone(scene: &mut Scene<'_>) -> bool {
    let env = scene.envelope;
    let known = |port: Option<u16>| port.is_some_and(|p| Protocol::of_port(p).is_some());
    let (Some(src), Some(dst), true) = (env.src, env.dst, known(env.sport)) else { return known(env.dport) };
    if !known(env.dport) {
        return false;
    }
    let slot = scene.directory.slot_of_ip(dst, env.eth_dst);
    let answers = |a: &Attempt| {
        (a.server, a.client) == (src, dst) && (Some(a.port), Some(a.client_port)) == (env.sport, env.dport)
    };
    !scene.directory.known(slot).is_some_and(|phone| phone.attempts.iter().any(answers))
}

/// How far an attempt had come before a message: what the message changes is counted once.
#[derive(Clone, Copy)]
struct Progress {
    registered: bool,
    rejected: bool,
}

impl Progress {
    fn of(attempt: &Attempt) -> Progress {
        Progress { registered: attempt.registered.is_some(), rejected: attempt.rejected.is_some() }
    }
}

/// Counts what a message changed: a registration that was accepted or rejected.
fn count(scene: &mut Scene<'_>, slot: Slot, before: Progress, after: Progress) {
    scene.measures.rejections += u64::from(after.rejected && !before.rejected);
    if !after.registered || before.registered {
        return;
    }
    scene.measures.registrations += 1;
    let Slot::Phone(_) = slot else { return };
    if let Some(way) = scene.directory.known(slot).and_then(|phone| phone.record_registered(scene.seen_at)) {
        scene.measures.way_up.add(way);
    }
}
