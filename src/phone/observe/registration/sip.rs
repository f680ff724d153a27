//! SIP (RFC 3261): REGISTER and its answers.

use super::super::Scene;
use super::{Connection, Progress, connection, count};
use crate::conversation::RetryCount;
use crate::conversation::SeenAt;
use crate::conversation::registration::{Attempt, Rejection};
use crate::phone::LoadSource;
use crate::phone::directory::Slot;
use crate::phone::record::ReasonSeen;
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
    let slot = scene.directory.named(slot, Some(mac), env.src, env.eth_src);
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
