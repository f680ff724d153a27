//! SCCP (reference, section 5): who registers, as what, with which load, and how it is answered.

use super::super::Scene;
use super::{Connection, Progress, connection, count};
use crate::conversation::registration::id;
use crate::phone::LoadSource;
use crate::phone::directory::Slot;
use crate::phone::record::ReasonSeen;
use crate::phone::sharing::{Naming, is_port_name};
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
        None => name.is_some_and(|n| is_phone_name(n.raw()) || is_port_name(n.raw())),
    } || name_mac.is_some();
    let slot = match name.filter(|_| is_phone) {
        Some(name) => scene.directory.named(slot, &Naming::of(env, name.raw(), name_mac).registering(seen_at)),
        None => slot,
    };
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::{CM, NAME, PHONE, Stage, at};
    use crate::phone::{LoadSource, Phone};
    use crate::types::WireText;

    const PORTS: (u16, u16) = (52_038, 2000);
    const BACK: (u16, u16) = (2000, 52_038);

    fn sccp(id: &str, name: &str, more: &str) -> String {
        format!(r#""type":"sccp","id":"{id}","name":"{name}","length":24{more}"#)
    }

    fn register(stage: &mut Stage, second: i64, device: &str, device_type: u32) {
        let more = format!(r#","device":"{device}","device_type":{device_type}"#);
        stage.ask(second, CM, PORTS, &sccp("0x0001", "Register", &more));
    }

    fn other(stage: &Stage) -> &Phone {
        stage.directory.others.iter().next().expect("somebody is known").1
    }

    #[test]
    fn accepted_register_is_counted_once() {
        let mut stage = Stage::leased();
        register(&mut stage, 2, NAME, 7);
        for second in [3, 4] {
            stage.answer(second, CM, BACK, &sccp("0x0081", "RegisterAck", ""));
        }
        let phone = stage.phone();
        assert_eq!(phone.attempts.len(), 1);
        assert_eq!(phone.attempts[0].registered, Some(at(3, 6)));
        assert_eq!(phone.attempts[0].name.as_ref().map(WireText::raw), Some(NAME));
        assert_eq!(phone.device_type, Some(7));
        assert_eq!(stage.measures.registrations, 1);
        assert_eq!(stage.measures.way_up.count(), 1);
        assert_eq!(stage.measures.way_up.sum, std::time::Duration::from_secs(3), "from the first offer on");
    }

    #[test]
    fn rejection_keeps_its_text() {
        let mut stage = Stage::leased();
        register(&mut stage, 2, NAME, 7);
        stage.answer(3, CM, BACK, &sccp("0x009d", "RegisterReject", r#","reject_text":"Version Error""#));
        let rejection = stage.phone().attempts[0].rejected.clone().unwrap();
        assert_eq!((rejection.seen_at, rejection.text.raw()), (at(3, 6), "Version Error"));
        assert_eq!((stage.measures.rejections, stage.measures.registrations), (1, 0));
    }

    #[test]
    fn alarm_says_load_and_reason() {
        let mut stage = Stage::leased();
        let more = format!(r#","device":"{NAME}","load":"P00303000300","last_reason":"TFTP Timeout""#);
        stage.ask(2, CM, PORTS, &sccp("0x0020", "Alarm", &more));
        let phone = stage.phone();
        let load = phone.running().unwrap();
        assert_eq!((load.load.raw(), load.source), ("P00303000300", LoadSource::Alarm));
        assert_eq!(phone.last_reason.as_ref().map(|r| r.text.raw()), Some("TFTP Timeout"));
    }

    #[test]
    fn conference_bridge_is_no_phone() {
        let mut stage = Stage::new();
        register(&mut stage, 2, "CFB00508B1E0005", 50);
        assert!(stage.directory.phones.is_empty());
        let client = other(&stage);
        assert!(client.is_other && !client.is_phone);
    }

    #[test]
    fn answered_keepalive_shows_a_phone() {
        let mut stage = Stage::new();
        stage.ask(2, CM, PORTS, &sccp("0x0000", "KeepAlive", ""));
        assert!(!other(&stage).is_phone, "anything may send one");
        stage.answer(2, CM, BACK, &sccp("0x0100", "KeepAliveAck", ""));
        assert!(other(&stage).is_phone);
    }

    #[test]
    fn media_without_a_telephone_is_a_media_resource() {
        let mut stage = Stage::new();
        stage.ask(2, CM, PORTS, &sccp("0x0000", "KeepAlive", ""));
        stage.answer(2, CM, BACK, &sccp("0x0100", "KeepAliveAck", ""));
        stage.answer(3, CM, BACK, &sccp("0x0105", "OpenReceiveChannel", ""));
        assert!(other(&stage).is_media_resource());
        assert!(stage.directory.waiting().is_empty());
        stage.answer(4, CM, BACK, &sccp("0x0111", "CallState", ""));
        assert!(!other(&stage).is_media_resource(), "a telephone in a call");
        assert_eq!(stage.directory.waiting().len(), 1);
    }

    #[test]
    fn name_behind_router_makes_the_phone() {
        let mut stage = Stage::new();
        register(&mut stage, 2, "SEP00036B3A1001", 7);
        assert_eq!(stage.phone().mac.to_string(), PHONE);
        assert_eq!(stage.phone().attempts.len(), 1);
    }

    #[test]
    fn reset_order_keeps_its_kind() {
        let mut stage = Stage::leased();
        register(&mut stage, 2, NAME, 7);
        stage.answer(9, CM, BACK, &sccp("0x009f", "Reset", r#","reset_type":2"#));
        let reset = stage.phone().attempts[0].reset.unwrap();
        assert_eq!((reset.seen_at, reset.kind), (at(9, 6), 2));
    }
}
