//! SIP (RFC 3261): REGISTER and its answers. Who speaks is in the start line, what answers what in Call-ID and CSeq;
//! ports say neither, for answers go to the port of the Via, from whatever port the registrar likes (section 18.2.2).

use std::time::Duration;

use super::super::Scene;
use super::{Progress, count};
use crate::conversation::registration::{Attempt, Protocol};
use crate::conversation::{SeenAt, push_bounded};
use crate::phone::directory::Slot;
use crate::phone::record::{Phone, ReasonSeen};
use crate::phone::sharing::Naming;
use crate::phone::{LoadSource, limits};
use crate::types::{Envelope, Mac, WireText};
use crate::wire::sccp::AlarmText;
use crate::wire::sip::Message;

/// A phone that tries on from another port tries within this time.
const GOES_ON: Duration = Duration::from_secs(600);

/// A request of a phone, or an answer to it.
pub(in super::super) fn observe(scene: &mut Scene<'_>, message: &Message) {
    let from_phone = message.status.is_none();
    let env = scene.envelope;
    let (Some(src), Some(dst), Some(sport), Some(dport)) = (env.src, env.dst, env.sport, env.dport) else { return };
    let slot = if from_phone { scene.sender() } else { Some(scene.directory.slot_of_ip(dst, scene.envelope.eth_dst)) };
    let Some(slot) = slot else { return };
    let seen_at = scene.seen_at;
    scene.traffic.registration.count(from_phone);
    let Some(phone) = scene.directory.client(slot, seen_at) else { return };
    let found = if from_phone { asked(phone, env, message, seen_at) } else { answered(phone, env, message) };
    let index = found.unwrap_or_else(|| {
        let (server, client) =
            if from_phone { ((dst, dport), (src, sport)) } else { ((src, known(sport)), (dst, dport)) };
        let attempt = Attempt::new(server, client, Protocol::Sip, seen_at);
        push_bounded(&mut phone.attempts, attempt, limits::ATTEMPTS, &mut phone.attempts_evicted);
        phone.attempts.len() - 1
    });
    let Some(attempt) = phone.attempts.get_mut(index) else { return };
    let before = Progress::of(attempt);
    if from_phone {
        attempt.client_mac = env.eth_src.or(attempt.client_mac);
        attempt.spoke = Some(seen_at);
        attempt.observe_sip_request(message, seen_at, sport);
    } else {
        attempt.observe_sip_answer(message, seen_at, dport);
    }
    let after = Progress::of(attempt);
    count(scene, slot, before, after);
    if from_phone {
        registrant(scene, slot, message);
    }
}

/// The port that a registrar listens on, whatever port it answers from.
fn known(port: u16) -> u16 {
    if Protocol::of_port(port).is_some() { port } else { 5060 }
}

/// The attempt that a request goes on with: that of its connection or its dialogue; over UDP also one that has come to
/// nothing yet, for phones take a new port or a new Call-ID as they like. What a phone sends after a boot is new.
fn asked(phone: &Phone, env: &Envelope, message: &Message, seen_at: SeenAt) -> Option<usize> {
    let ends = (env.src?, env.dst?);
    let is_stream = message.transport.as_ref().is_some_and(|t| t.raw() != "UDP");
    let boot = phone.boot_began();
    let goes_on = |a: &Attempt| {
        let rebooted = a.syn.is_none() && boot.is_some_and(|b| b.is_after(a.last));
        a.protocol == Protocol::Sip && (a.client, a.server) == ends && a.end.is_none() && !rebooted
    };
    let same_ports = |a: &Attempt| (Some(a.client_port), Some(a.port)) == (env.sport, env.dport);
    let same_dialogue = |a: &Attempt| {
        let call_id = message.call_id.as_ref();
        a.sip.as_ref().zip(call_id).is_some_and(|(sip, id)| sip.knows(id, None))
    };
    // A probe of a standby registrar says nothing of a registration, and the other way round.
    let is_probe = message.expires == Some(0);
    let open = |a: &Attempt| {
        let undecided =
            a.registered.is_none() && (a.rejected.is_none() || a.sip.as_ref().is_some_and(|s| s.challenge.is_some()));
        undecided && a.is_probe() == is_probe && a.syn.is_none() && seen_at.time.since(a.last.time) < GOES_ON
    };
    let find = |is_it: &dyn Fn(&Attempt) -> bool| phone.attempts.iter().rposition(|a| goes_on(a) && is_it(a));
    find(&same_ports)
        .or_else(|| find(&same_dialogue).filter(|_| !is_stream))
        .or_else(|| find(&open).filter(|_| !is_stream))
}

/// The attempt that an answer belongs to: by its dialogue; where the request is not in the capture, by its ends.
fn answered(phone: &Phone, env: &Envelope, message: &Message) -> Option<usize> {
    let find =
        |is_it: &dyn Fn(&Attempt) -> bool| phone.attempts.iter().rposition(|a| a.protocol == Protocol::Sip && is_it(a));
    let by_dialogue = |cseq: Option<u32>| {
        let call_id = message.call_id.as_ref()?;
        find(&|a| a.sip.as_ref().is_some_and(|s| s.knows(call_id, cseq)))
    };
    let by_ports = |a: &Attempt| {
        (Some(a.server), Some(a.client)) == (env.src, env.dst)
            && (Some(a.port), Some(a.client_port)) == (env.sport, env.dport)
    };
    let by_hosts = |a: &Attempt| (Some(a.server), Some(a.client)) == (env.src, env.dst);
    by_dialogue(message.cseq).or_else(|| find(&by_ports)).or_else(|| by_dialogue(None)).or_else(|| find(&by_hosts))
}

/// What a phone says of itself when it registers.
fn registrant(scene: &mut Scene<'_>, slot: Slot, message: &Message) {
    let (env, seen_at) = (scene.envelope, scene.seen_at);
    let Some(name) = &message.device else { return };
    let Some(mac) = Mac::from_device_name(name.raw()) else { return };
    let slot = scene.directory.named(slot, &Naming::of(env, name.raw(), Some(mac)).registering(seen_at));
    let Some(phone) = scene.directory.client(slot, seen_at) else { return };
    phone.is_phone = true;
    phone.record_name(name, seen_at);
    let Some(alarm) = message.reason.as_ref().map(|r| AlarmText::parse(r.raw(), false)) else { return };
    if let Some(load) = alarm.load {
        phone.record_load(&WireText::from(load), LoadSource::Alarm, seen_at);
    }
    if let Some(last) = alarm.last {
        phone.last_reason = Some(ReasonSeen { seen_at, text: WireText::from(last) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{CM, IP, NAME, Stage, at};
    use crate::conversation::registration::{Attempt, Protocol};
    use crate::diagnosis::RegistrationState;
    use crate::types::WireText;

    const PORTS: (u16, u16) = (50_060, 5060);
    const BACK: (u16, u16) = (5060, 50_060);

    fn register(stage: &mut Stage, second: i64, expires: u32, more: &str) {
        let body = format!(r#""type":"sip","method":"REGISTER","device":"{NAME}","expires":{expires}{more}"#);
        stage.ask(second, CM, PORTS, &body);
    }

    fn answer(stage: &mut Stage, second: i64, status: u16, phrase: &str) {
        let body = format!(r#""type":"sip","method":"REGISTER","status":{status},"phrase":"{phrase}""#);
        stage.answer(second, CM, BACK, &body);
    }

    fn only(stage: &Stage) -> &Attempt {
        let attempts = &stage.phone().attempts;
        assert_eq!(attempts.len(), 1);
        &attempts[0]
    }

    #[test]
    fn ok_after_challenge_registers() {
        let mut stage = Stage::leased();
        register(&mut stage, 2, 3600, "");
        answer(&mut stage, 2, 401, "Unauthorized");
        assert!(only(&stage).registered.is_none() && only(&stage).rejected.is_none(), "a challenge is no refusal");
        register(&mut stage, 3, 3600, "");
        answer(&mut stage, 3, 100, "Trying");
        answer(&mut stage, 4, 200, "OK");
        let attempt = only(&stage);
        assert_eq!((attempt.protocol, attempt.registered), (Protocol::Sip, Some(at(4, 9))));
        assert_eq!(attempt.register.map(|r| r.count), Some(2));
        assert_eq!((stage.measures.registrations, stage.measures.rejections), (1, 0));
    }

    /// A REGISTER over UDP with its transaction and the port of its Via.
    fn ask(stage: &mut Stage, second: i64, sport: u16, (call_id, cseq): (&str, u32), more: &str) {
        let body = format!(
            r#""type":"sip","method":"REGISTER","device":"{NAME}","call_id":"{call_id}","cseq":{cseq},"via_host":"{IP}","via_port":5060,"transport":"UDP"{more}"#
        );
        stage.ask(second, CM, (sport, 5060), &body);
    }

    fn reply(stage: &mut Stage, second: i64, ports: (u16, u16), (call_id, cseq): (&str, u32), status: u16) {
        let body = format!(
            r#""type":"sip","method":"REGISTER","status":{status},"call_id":"{call_id}","cseq":{cseq},"via_host":"{IP}","via_port":5060,"transport":"UDP""#
        );
        stage.answer(second, CM, ports, &body);
    }

    #[test]
    fn answer_is_found_by_its_transaction_whatever_the_ports() {
        for (from, by) in [(5060, 5060), (49_312, 5060), (49_312, 37_112), (5060, 37_112)] {
            let mut stage = Stage::leased();
            ask(&mut stage, 2, from, ("a@1", 101), "");
            reply(&mut stage, 2, (by, 5060), ("a@1", 101), 401);
            // Another port and another dialogue: still the same try.
            ask(&mut stage, 3, from.wrapping_add(1), ("b@1", 101), r#","authorization":true"#);
            reply(&mut stage, 3, (by, 5060), ("b@1", 101), 200);
            let attempt = only(&stage);
            assert_eq!((attempt.port, attempt.registered), (5060, Some(at(3, 8))), "{from} {by}");
            assert!(attempt.astray().is_none() && attempt.rejected.is_none());
        }
    }

    #[test]
    fn refused_probe_of_standby_registrar_is_no_rejection() {
        let mut stage = Stage::leased();
        ask(&mut stage, 2, 5060, ("a@1", 101), r#","expires":0"#);
        reply(&mut stage, 2, (52_377, 5060), ("a@1", 101), 503);
        let attempt = only(&stage);
        assert!(attempt.is_probe() && attempt.rejected.is_none() && attempt.register.is_none());
        assert_eq!(attempt.sip.as_ref().unwrap().probe_refused.as_ref().unwrap().text.raw(), "503");
        assert_eq!(stage.phone().counting_attempts().count(), 0, "it is no try to register");
        assert_eq!(stage.measures.rejections, 0);
    }

    #[test]
    fn late_success_stands_over_earlier_refusals() {
        let mut stage = Stage::leased();
        for (cseq, status) in [(1, 200), (2, 503), (3, 200)] {
            ask(&mut stage, i64::from(cseq), 5060, ("a@1", cseq), "");
            reply(&mut stage, i64::from(cseq), (5060, 5060), ("a@1", cseq), status);
        }
        let attempt = only(&stage);
        assert_eq!(attempt.state(at(9, 0).time, false, false), RegistrationState::Registered);
    }

    #[test]
    fn challenges_without_success_are_a_refusal() {
        let mut stage = Stage::leased();
        let state = |stage: &Stage, second| only(stage).state(at(second, 0).time, false, false);
        for cseq in 1..=2 {
            ask(&mut stage, 2, 5060, ("a@1", cseq), "");
            reply(&mut stage, 2, (5060, 5060), ("a@1", cseq), 401);
        }
        assert_eq!(state(&stage, 3), RegistrationState::NotSeen, "the password is under way");
        assert_eq!(state(&stage, 20), RegistrationState::Rejected, "nothing came of it");
        ask(&mut stage, 4, 5060, ("a@1", 3), r#","authorization":true"#);
        reply(&mut stage, 4, (5060, 5060), ("a@1", 3), 401);
        assert_eq!(state(&stage, 5), RegistrationState::Rejected);
        assert_eq!(only(&stage).refusal().unwrap().text.raw(), "401");
    }

    #[test]
    fn repeated_request_shows_that_answer_went_astray() {
        let mut stage = Stage::leased();
        for second in 2..4 {
            ask(&mut stage, second, 50_512, ("a@1", 1), "");
            reply(&mut stage, second, (5060, 50_512), ("a@1", 1), 401);
        }
        let attempt = only(&stage);
        let astray = attempt.astray().unwrap();
        assert_eq!((astray.answered_to, astray.expected, astray.answers), (50_512, 5060, 2));
        assert_eq!(attempt.state(at(9, 0).time, false, false), RegistrationState::NoAnswer);
        // A phone that sends its password heard the challenge.
        ask(&mut stage, 5, 50_512, ("a@1", 2), r#","authorization":true"#);
        assert!(only(&stage).astray().is_none());
    }

    #[test]
    fn final_error_rejects() {
        let mut stage = Stage::leased();
        register(&mut stage, 2, 3600, "");
        answer(&mut stage, 2, 403, "Forbidden");
        let rejection = only(&stage).rejected.clone().unwrap();
        assert_eq!((rejection.text.raw(), rejection.seen_at), ("403 Forbidden", at(2, 6)));
        assert_eq!(stage.measures.rejections, 1);
    }

    #[test]
    fn zero_expires_unregisters() {
        let mut stage = Stage::leased();
        register(&mut stage, 2, 3600, "");
        answer(&mut stage, 2, 200, "OK");
        register(&mut stage, 9, 0, "");
        answer(&mut stage, 9, 200, "OK");
        let attempt = only(&stage);
        assert_eq!(attempt.unregistered, Some(at(9, 7)));
        assert_eq!(attempt.register.map(|r| r.count), Some(1), "it is no request to register");
    }

    #[test]
    fn reason_says_load_and_last_reason() {
        let mut stage = Stage::leased();
        let reason = format!(r#","reason":"cisco-alarm:25 Name={NAME} Load=SIP45.9-4-2SR3-1S Last=initialized""#);
        register(&mut stage, 2, 3600, &reason);
        let phone = stage.phone();
        assert_eq!(phone.running().map(|l| l.load.raw()), Some("SIP45.9-4-2SR3-1S"));
        assert_eq!(phone.last_reason.as_ref().map(|r| r.text.raw()), Some("initialized"));
        assert_eq!(phone.name().map(WireText::raw), Some(NAME));
    }
}
