//! DHCP (RFC 2131): leases, the boots that they begin, and whose an address is.

use std::net::{IpAddr, Ipv4Addr};

use super::Scene;
use crate::conversation::dhcp::{LeaseTerms, Outcome, SeenIn};
use crate::phone::directory::Slot;
use crate::phone::identity::seen_in;
use crate::types::Mac;
use crate::wire::dhcp::{Message, Op};

/// A message of a client or a server.
pub(super) fn observe(scene: &mut Scene<'_>, message: &Message) {
    let from_client = message.op == Op::Request;
    scene.traffic.dhcp.count(from_client);
    let Some(mac) = message.chaddr.mac().filter(|m| !m.is_zero() && !m.is_group()) else { return };
    let class = message.phone_class();
    let host_mac = message.host_name.as_ref().and_then(|n| Mac::from_device_name(n.raw()));
    let is_phone = from_client && (class.is_some() || host_mac.is_some());
    let slot = match scene.directory.slot_of_mac(mac) {
        Slot::Other(key) if is_phone => match scene.directory.phone(mac, key) {
            Some(index) => Slot::Phone(index),
            None => return,
        },
        other => other,
    };
    let sender = match scene.envelope.src {
        Some(IpAddr::V4(ip)) if !ip.is_unspecified() => Some(ip),
        _ => None,
    };
    let seen_in = if from_client { seen_in(scene.envelope, mac) } else { SeenIn::Unknown };
    scene.measures.record_dhcp(message, sender);
    let vlan = if let SeenIn::Vlan(vlan) = seen_in { Some(vlan) } else { None };
    if vlan.is_some() && is_phone {
        scene.vlans.record_tag(scene.seen_at.at.input);
    }
    let seen_at = scene.seen_at;
    let Some(phone) = scene.directory.client(slot, seen_at) else { return };
    phone.vlan = vlan.or(phone.vlan);
    if let Some(model) = class.and_then(|c| c.model) {
        phone.model = Some(model.into());
    }
    if let Some(name) = message.host_name.as_ref().filter(|_| host_mac.is_some()) {
        phone.record_name(name, seen_at);
    }
    let mut intern = |terms: LeaseTerms| scene.shared.intern_terms(terms, seen_at.time);
    let outcome = phone.dhcp.observe(message, seen_at, sender, &mut intern);
    phone.dhcp.record_seen_in(message.xid, seen_in);
    if let (Some(address), true) = (message.ciaddr, from_client) {
        phone.record_use(IpAddr::V4(address), seen_at);
    }
    match outcome {
        Outcome::BootBegan => {
            scene.measures.boots += u64::from(phone.record_boot(seen_at) && phone.is_phone);
            phone.drop_unconfirmed_conflict();
        }
        Outcome::Declined(Some(address)) => scene.directory.release(IpAddr::V4(address), slot),
        Outcome::Leased(Some(address)) => {
            phone.drop_unconfirmed_conflict();
            leased(scene, slot, mac, address);
        }
        _ => {}
    }
}

/// The address is the client's.
fn leased(scene: &mut Scene<'_>, slot: Slot, mac: Mac, address: Ipv4Addr) {
    let ip = IpAddr::V4(address);
    scene.directory.record_claim(mac, ip, scene.seen_at);
    match slot {
        Slot::Phone(index) => scene.directory.bind(ip, index),
        Slot::Other(_) => {
            scene.directory.by_ip.remove(&ip);
            if let Some(client) = scene.directory.client(slot, scene.seen_at) {
                client.ip = Some(ip);
            }
        }
    }
}
