//! The TCP connection beneath a registration, and what TLS shows of it.

use super::super::Scene;
use super::{Connection, connection};
use crate::conversation::{RetryCount, push_bounded};
use crate::event::{TcpEvent, TcpFlags};
use crate::phone::sharing::Naming;
use crate::phone::{TrustAsk, limits};
use crate::types::{Mac, WireText};

/// The port of the trust verification service (TVS).
const TVS: u16 = 2445;

/// A phone asks a trust verification service. What about is encrypted; whom it asks is what it trusts. It makes nobody
/// a phone.
fn observe_trust(scene: &mut Scene<'_>, tcp: &TcpEvent) {
    let (env, seen_at) = (scene.envelope, scene.seen_at);
    let (Some(src), Some(dst)) = (env.src, env.dst) else { return };
    let from_phone = env.dport == Some(TVS);
    let slot =
        if from_phone { scene.sender() } else { Some(scene.directory.slot_of_client(dst, env.dport, env.eth_dst)) };
    let server = if from_phone { dst } else { src };
    let Some(phone) = slot.and_then(|slot| scene.directory.known(slot)) else { return };
    let asked = phone.trust_asks.iter_mut().find(|t| t.server == server);
    match asked {
        Some(ask) if from_phone && tcp.flags == TcpFlags::Syn => ask.tries.again(seen_at),
        Some(ask) if !from_phone && tcp.flags != TcpFlags::Rst => ask.answered = Some(seen_at),
        None if from_phone => {
            let ask = TrustAsk { server, tries: RetryCount::new(seen_at), answered: None };
            push_bounded(&mut phone.trust_asks, ask, limits::QUESTIONS, &mut 0);
        }
        _ => {}
    }
}

/// A segment that opens, proves or ends a connection.
pub(in super::super) fn observe(scene: &mut Scene<'_>, tcp: &TcpEvent) {
    let seen_at = scene.seen_at;
    if [scene.envelope.sport, scene.envelope.dport].contains(&Some(TVS)) {
        return observe_trust(scene, tcp);
    }
    let Some(Connection { slot, attempt, from_phone }) = connection(scene, tcp.flags == TcpFlags::Syn) else { return };
    let was_connected = attempt.connected.is_some();
    attempt.observe_tcp(tcp, seen_at, from_phone);
    let opened = attempt.is_encrypted() && !was_connected && attempt.connected.is_some();
    scene.traffic.encrypted += u64::from(opened);
    // Inside TLS nothing names a phone but its certificate.
    let subject = tcp.tls.as_ref().and_then(|t| t.subject.as_ref()).filter(|_| from_phone);
    let Some(mac) = subject.and_then(|s| Mac::from_device_name(s.raw().rsplit('-').next()?)) else { return };
    let name = mac.device_name();
    let slot = scene.directory.named(slot, &Naming::of(scene.envelope, &name, Some(mac)));
    if let Some(phone) = scene.directory.client(slot, seen_at) {
        phone.is_phone = true;
        phone.record_name(&WireText::from(name.as_str()), seen_at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{CM, Stage, at};
    use crate::conversation::registration::{End, Protocol};
    use crate::diagnosis::RegistrationState;

    fn tcp(flags: &str) -> String {
        format!(r#""type":"tcp","flags":"{flags}""#)
    }

    #[test]
    fn repeated_syn_is_one_attempt() {
        let mut stage = Stage::leased();
        stage.ask(2, CM, (52_038, 2000), &tcp("SYN"));
        stage.ask(3, CM, (52_038, 2000), &tcp("SYN"));
        let phone = stage.phone();
        assert_eq!(phone.attempts.len(), 1);
        assert_eq!(phone.attempts[0].syn.map(|s| s.count), Some(2));
        assert!(phone.attempts[0].is_only_syns());
        assert_eq!(stage.traffic.registration.from_phones, 2);
    }

    #[test]
    fn syn_after_end_is_new_attempt() {
        let mut stage = Stage::leased();
        stage.ask(2, CM, (52_038, 2000), &tcp("SYN"));
        stage.answer(2, CM, (2000, 52_038), &tcp("RST"));
        stage.ask(5, CM, (52_038, 2000), &tcp("SYN"));
        let phone = stage.phone();
        assert_eq!(phone.attempts.len(), 2);
        let end = phone.attempts[0].end.unwrap();
        assert_eq!((end.how, end.seen_at), (End::ServerRst, at(2, 6)));
        assert!(phone.attempts[1].end.is_none());
    }

    #[test]
    fn secure_connection_is_counted_once() {
        let mut stage = Stage::leased();
        stage.ask(2, CM, (52_038, 2443), &tcp("SYN"));
        stage.answer(2, CM, (2443, 52_038), &tcp("SYN-ACK"));
        stage.ask(2, CM, (52_038, 2443), &tcp("PSH"));
        assert_eq!(stage.traffic.encrypted, 1);
        assert_eq!(stage.phone().attempts[0].protocol, Protocol::Sccps);
    }

    #[test]
    fn end_after_a_cut_answer_turns_nobody_away() {
        for (cut, state) in [("", RegistrationState::Closed), (r#","cut":22"#, RegistrationState::NotSeen)] {
            let mut stage = Stage::leased();
            stage.ask(2, CM, (52_038, 2000), &tcp("SYN"));
            stage.answer(2, CM, (2000, 52_038), &tcp("SYN-ACK"));
            stage.answer(3, CM, (2000, 52_038), &format!("{}{cut}", tcp("PSH")));
            stage.answer(4, CM, (2000, 52_038), &tcp("FIN"));
            assert_eq!(stage.phone().attempts[0].state(at(60, 0).time, false, false), state, "{cut}");
        }
    }

    #[test]
    fn port_of_no_registration_is_ignored() {
        let mut stage = Stage::leased();
        stage.ask(2, CM, (52_038, 6971), &tcp("SYN"));
        assert!(stage.phone().attempts.is_empty());
    }
}
