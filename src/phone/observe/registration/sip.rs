//! SIP (RFC 3261): REGISTER and its answers.

use super::super::Scene;
use super::{Connection, Progress, connection, count};
use crate::conversation::RetryCount;
use crate::conversation::SeenAt;
use crate::conversation::registration::{Attempt, Rejection};
use crate::phone::LoadSource;
use crate::phone::directory::Slot;
use crate::phone::record::ReasonSeen;
use crate::phone::sharing::Naming;
use crate::types::{Mac, WireText};
use crate::wire::sccp::AlarmText;
use crate::wire::sip::Message;

/// A request of a phone, or an answer to it.
pub(in super::super) fn observe(scene: &mut Scene<'_>, message: &Message) {
    let seen_at = scene.seen_at;
    let Some(Connection { slot, attempt, from_phone }) = find_attempt(scene, message) else { return };
    let before = Progress::of(attempt);
    attempt.last = attempt.last.max(seen_at);
    attempt.server_seen |= !from_phone;
    if from_phone {
        request(attempt, message, seen_at);
    } else {
        answer(attempt, message, seen_at);
    }
    let after = Progress::of(attempt);
    count(scene, slot, before, after);
    if from_phone {
        registrant(scene, slot, message);
    }
}

/// The attempt that a message belongs to: that of its addresses and ports.
fn find_attempt<'s>(scene: &'s mut Scene<'_>, _message: &Message) -> Option<Connection<'s>> {
    connection(scene, false)
}

fn request(attempt: &mut Attempt, message: &Message, seen_at: SeenAt) {
    if attempt.name.is_none() {
        attempt.name = message.device.clone();
    }
    if message.expires == Some(0) {
        attempt.unregistered = Some(seen_at);
        return;
    }
    match &mut attempt.register {
        Some(tries) => tries.again(seen_at),
        None => attempt.register = Some(RetryCount::new(seen_at)),
    }
}

fn answer(attempt: &mut Attempt, message: &Message, seen_at: SeenAt) {
    match message.status {
        Some(200..=299) => {
            attempt.connected.get_or_insert(seen_at);
            if attempt.unregistered.is_none() {
                attempt.registered.get_or_insert(seen_at);
            }
        }
        // A challenge is no refusal, a provisional answer is none yet.
        Some(100..=199 | 401 | 407) | None => drop(attempt.connected.get_or_insert(seen_at)),
        Some(status) => {
            let phrase = message.phrase.as_ref().map(WireText::raw).unwrap_or_default();
            let text = WireText::from(format!("{status} {phrase}").trim());
            attempt.rejected = Some(Rejection { seen_at, text, meaning: None });
        }
    }
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
    use super::super::super::testing::{CM, NAME, Stage, at};
    use crate::conversation::registration::{Attempt, Protocol};
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
