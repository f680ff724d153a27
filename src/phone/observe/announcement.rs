//! CDP and LLDP: phones that announce themselves, and switches that announce a voice VLAN.

use super::Scene;
use crate::phone::directory::{ClientKey, Slot};
use crate::phone::identity::VoicePort;
use crate::phone::{Announced, AnnouncementProtocol, LoadSource, VoiceVlanSeen};
use crate::types::{Mac, WireText};
use crate::wire::announcement::Announcement;

/// An announcement; `source`: by which protocol.
pub(super) fn observe(scene: &mut Scene<'_>, message: &Announcement, source: LoadSource) {
    let seen_at = scene.seen_at;
    let platform = message.platform.as_ref().map(WireText::raw).unwrap_or_default();
    let device = message.device_id.as_ref().map(WireText::raw).unwrap_or_default();
    let is_phone = Mac::from_device_name(device).is_some() || platform.starts_with("Cisco IP Phone");
    let mac = scene.envelope.eth_src.filter(|m| !m.is_zero() && !m.is_group());
    scene.traffic.announcements.count(is_phone);
    if !is_phone {
        switch_port(scene, message);
    }
    let Some(mac) = mac.filter(|_| is_phone).or(Mac::from_device_name(device)) else { return };
    let Some(index) = scene.directory.phone(mac, ClientKey::Mac(mac)) else { return };
    if let Some(load) = &message.software_version {
        scene.shared.record_spelling(load.raw(), seen_at.time);
    }
    let vlan = scene.envelope.vlan.last().copied();
    let Some(phone) = scene.directory.client(Slot::Phone(index), seen_at) else { return };
    let protocol = if source == LoadSource::Lldp { AnnouncementProtocol::Lldp } else { AnnouncementProtocol::Cdp };
    phone.announced.get_or_insert(Announced { seen_at, protocol });
    if let Some(id) = message.voice_vlan.filter(|v| is_phone && (1..4095).contains(v)) {
        phone.voice_vlan = Some(VoiceVlanSeen { id, seen_at });
    }
    phone.vlan = vlan.or(phone.vlan);
    if phone.model.is_none() {
        let model = message.model.as_ref().map(WireText::raw).filter(|m| !m.is_empty()).unwrap_or(platform);
        phone.model = model_number(model).map(Into::into);
    }
    if Mac::from_device_name(device).is_some() {
        phone.record_name(&WireText::from(device), seen_at);
    }
    if let Some(load) = message.software_version.as_ref().filter(|l| !l.raw().trim().is_empty()) {
        phone.record_load(load, source, seen_at);
    }
}

/// A port that announces its voice VLAN, or that it has none.
fn switch_port(scene: &mut Scene<'_>, message: &Announcement) {
    let Some(vlan) = message.voice_vlan else { return };
    scene.vlans.record_port(VoicePort {
        vlan: Some(vlan).filter(|v| (1..4095).contains(v)),
        native: message.native_vlan,
        device: message.device_id.clone().unwrap_or_default(),
        port: message.port_id.clone().unwrap_or_default(),
        seen_at: scene.seen_at,
        last: scene.seen_at.time,
    });
}

/// The model number in a platform text: `Cisco IP Phone 7960` → `7960`.
fn model_number(platform: &str) -> Option<&str> {
    let at = platform.find(|c: char| c.is_ascii_digit())?;
    let digits = platform.get(at..)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).filter(|d| d.len() == 4)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NAME, PHONE, SERVER_MAC, Stage, at};
    use super::*;

    fn phone(kind: &str, more: &str) -> String {
        format!(
            r#""eth_src":"{PHONE}","eth_dst":"01:00:0c:cc:cc:cc","type":"{kind}","device_id":"{NAME}","port_id":"Port 1","platform":"Cisco IP Phone 7960"{more}"#
        )
    }

    fn switch(more: &str) -> String {
        format!(
            r#""eth_src":"{SERVER_MAC}","eth_dst":"01:00:0c:cc:cc:cc","type":"cdp","device_id":"access-1","port_id":"Fa0/4","platform":"cisco WS-C3524"{more}"#
        )
    }

    #[test]
    fn announcement_makes_a_phone_with_model_and_load() {
        let mut stage = Stage::new();
        stage.see(3, &phone("cdp", r#","software_version":"P00303000300""#));
        let phone = stage.phone();
        assert_eq!((phone.model(), phone.name().map(WireText::raw)), (Some("7960"), Some(NAME)));
        let load = phone.running().unwrap();
        assert_eq!((load.source, load.said), (LoadSource::Cdp, None));
        assert_eq!((stage.traffic.announcements.from_phones, stage.traffic.announcements.from_servers), (1, 0));
    }

    #[test]
    fn first_announcement_keeps_its_protocol() {
        for (kind, protocol) in [("cdp", AnnouncementProtocol::Cdp), ("lldp", AnnouncementProtocol::Lldp)] {
            let mut stage = Stage::new();
            stage.see(3, &phone(kind, ""));
            stage.see(4, &phone("cdp", ""));
            let announced = stage.phone().announced.unwrap();
            assert_eq!((announced.seen_at, announced.protocol), (at(3, 1), protocol));
        }
    }

    #[test]
    fn switch_announces_its_voice_vlan() {
        let mut stage = Stage::new();
        stage.see(1, &switch(r#","voice_vlan":110"#));
        stage.see(2, &switch(r#","voice_vlan":4095"#));
        stage.see(3, &switch(""));
        assert!(stage.directory.phones.is_empty());
        assert_eq!(stage.vlans.ports.iter().map(|p| p.vlan).collect::<Vec<_>>(), [Some(110), None]);
        assert_eq!(stage.traffic.announcements.from_servers, 3);
    }

    #[test]
    fn phone_says_its_assigned_voice_vlan() {
        let mut stage = Stage::new();
        stage.see(1, &phone("lldp", r#","voice_vlan":4095"#));
        assert!(stage.phone().voice_vlan.is_none(), "no VLAN");
        stage.see(2, &phone("lldp", r#","voice_vlan":410"#));
        assert_eq!(stage.phone().voice_vlan.map(|v| (v.id, v.seen_at)), Some((410, at(2, 2))));
        assert!(stage.vlans.ports.is_empty(), "it is no port of a switch");
    }

    #[test]
    fn model_number_has_four_digits() {
        assert_eq!(model_number("Cisco IP Phone 7960"), Some("7960"));
        assert_eq!(model_number("CP-7941G"), Some("7941"));
        assert_eq!(model_number("ATA 186"), None);
        assert_eq!(model_number("phone"), None);
    }
}
