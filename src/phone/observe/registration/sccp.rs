//! SCCP (reference, section 5): who registers, as what, with which load, and how it is answered.

use super::super::Scene;
use super::{Connection, Progress, connection, count};
use crate::conversation::registration::id;
use crate::phone::LoadSource;
use crate::phone::directory::Slot;
use crate::phone::record::ReasonSeen;
use crate::types::Mac;
use crate::wire::sccp::{self, Message};

/// A message of a phone or a CallManager.
pub(in super::super) fn observe(scene: &mut Scene<'_>, message: &Message) {
    let seen_at = scene.seen_at;
    let Some(Connection { slot, attempt, from_phone }) = connection(scene, false) else { return };
    let before = Progress::of(attempt);
    attempt.observe_sccp(message, seen_at, from_phone);
    if from_phone && message.id == id::REGISTER {
        attempt.name = message.device.clone().filter(|n| !n.is_empty());
    }
    let (after, was_registered) = (Progress::of(attempt), attempt.was_registered());
    if !from_phone {
        count(scene, slot, before, after);
        if let Some(load) = &message.version_text {
            scene.shared.record_spelling(load.raw(), seen_at.time);
        }
        // A session, or an answered KeepAlive, is a registered phone, though nothing in the capture names it.
        if was_registered && let Some(phone) = scene.directory.client(slot, seen_at) {
            phone.is_phone |= !phone.is_other;
        }
    } else if matches!(message.id, id::REGISTER | id::ALARM | id::TOKEN_REQUEST | id::SPCP_TOKEN_REQUEST) {
        registrant(scene, slot, message);
    }
}

/// What a phone says of itself when it registers.
fn registrant(scene: &mut Scene<'_>, slot: Slot, message: &Message) {
    let (env, seen_at) = (scene.envelope, scene.seen_at);
    let name = message.device.as_ref().filter(|n| !n.is_empty());
    let name_mac = name.and_then(|n| Mac::from_device_name(n.raw()));
    // A type that no list knows registers as a phone until it is known for something else.
    let is_phone = match message.device_type {
        Some(number) => sccp::is_phone_type(number) || sccp::device_type_name(number).is_none(),
        None => name.is_some_and(|n| is_phone_name(n.raw())),
    } || name_mac.is_some();
    let slot =
        if is_phone && name_mac.is_some() { scene.directory.named(slot, name_mac, env.src, env.eth_src) } else { slot };
    let Some(phone) = scene.directory.client(slot, seen_at) else { return };
    phone.is_phone |= is_phone;
    phone.is_other |= !is_phone && message.device_type.is_some();
    phone.device_type = message.device_type.or(phone.device_type);
    if let Some(name) = name {
        phone.record_name(name, seen_at);
    }
    let source = if message.id == id::ALARM { LoadSource::Alarm } else { LoadSource::Register };
    if let Some(load) = message.load.as_ref().filter(|l| !l.raw().trim().is_empty()) {
        phone.record_load(load, source, seen_at);
    }
    if let Some(text) = message.last_reason.clone() {
        phone.last_reason = Some(ReasonSeen { seen_at, text });
    }
}

/// Names under which telephones register (SCCP reference 3.1); bridges and gateways have others.
fn is_phone_name(name: &str) -> bool {
    ["SEP", "ATA", "VGC"].iter().any(|p| name.get(..3).is_some_and(|n| n.eq_ignore_ascii_case(p)))
}
