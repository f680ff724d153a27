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
