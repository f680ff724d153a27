//! DHCP (RFC 2131): leases, the boots that they begin, and whose an address is.

use std::net::{IpAddr, Ipv4Addr};

use super::Scene;
use crate::conversation::dhcp::{Holder, LeaseTerms, Outcome, SeenIn};
use crate::phone::AddressConflict;
use crate::phone::directory::{Slot, vlan_of};
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
        Outcome::Declined(Some(address)) => {
            let claim = phone.conflict.filter(|c| c.ip == IpAddr::V4(address));
            if let Some(AddressConflict { mac, claimed, .. }) = claim {
                phone.dhcp.record_holder(seen_at, Holder { mac, seen_at: claimed });
            }
            scene.directory.release(IpAddr::V4(address), slot);
        }
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
    let vlan = scene.directory.phone_of(mac).and_then(|p| p.vlan).or_else(|| vlan_of(scene.envelope));
    scene.directory.record_claim(mac, ip, vlan, scene.seen_at);
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

#[cfg(test)]
mod tests {
    use super::super::testing::{IP, PHONE, SERVER_MAC, Stage, at, ip, mac};
    use crate::conversation::dhcp::{Holder, Kind, SeenIn};

    #[test]
    fn lease_gives_phone_its_address() {
        let stage = Stage::leased();
        let phone = stage.phone();
        assert!(phone.is_phone);
        assert_eq!(phone.ip, Some(ip(IP)));
        assert_eq!(phone.model(), Some("7960"));
        assert_eq!(phone.boots, [at(0, 1)]);
        let exchange = phone.exchange().unwrap();
        assert_eq!((exchange.kind, exchange.offers.len()), (Kind::Boot, 1));
        assert_eq!(exchange.ack.as_ref().map(|a| a.seen_at), Some(at(1, 4)));
        assert_eq!((stage.traffic.dhcp.from_phones, stage.traffic.dhcp.from_servers), (2, 2));
        assert_eq!(stage.measures.boots, 1);
    }

    #[test]
    fn client_of_another_class_is_no_phone() {
        let mut stage = Stage::new();
        let fields = format!(
            r#""src":"0.0.0.0","dst":"255.255.255.255","type":"dhcp","op":"BOOTREQUEST","msg":"DISCOVER","xid":"0x00000001","chaddr":"{PHONE}","options":[],"opt60":"MSFT 5.0""#
        );
        stage.see(0, &fields);
        assert!(stage.directory.phones.is_empty());
        assert_eq!(stage.directory.others.len(), 1);
    }

    #[test]
    fn repeated_discover_is_same_boot() {
        let mut stage = Stage::new();
        stage.dhcp(0, "DISCOVER", "");
        stage.dhcp(4, "DISCOVER", "");
        let phone = stage.phone();
        assert_eq!(phone.boots.len(), 1);
        assert_eq!(phone.exchange().and_then(|e| e.discover).map(|d| d.count), Some(2));
    }

    #[test]
    fn declined_address_is_released() {
        let mut stage = Stage::leased();
        stage.dhcp(2, "DECLINE", &format!(r#","opt50":"{IP}""#));
        let phone = stage.phone();
        assert_eq!(phone.ip, None);
        assert_eq!(phone.exchange().and_then(|e| e.decline), Some(at(2, 5)));
        assert!(stage.directory.by_ip.is_empty());
    }

    #[test]
    fn declined_address_is_known_by_the_device_that_answers_for_it() {
        let mut stage = Stage::leased();
        let answer = format!(
            r#""eth_src":"{SERVER_MAC}","type":"arp","op":"reply","sender_mac":"{SERVER_MAC}","sender_ip":"{IP}","target_ip":"0.0.0.0""#
        );
        stage.see(2, &answer);
        stage.dhcp(2, "DECLINE", &format!(r#","opt50":"{IP}""#));
        let holder = stage.phone().exchange().and_then(|e| e.holder.clone()).unwrap();
        assert_eq!(*holder, Holder { mac: mac(SERVER_MAC), seen_at: at(2, 5) });
    }

    #[test]
    fn nak_names_server_and_text() {
        let mut stage = Stage::new();
        stage.dhcp(0, "REQUEST", &format!(r#","opt50":"{IP}""#));
        stage.dhcp(1, "NAK", r#","opt54":"10.30.0.2","opt56":"wrong network""#);
        let exchange = stage.phone().exchange().unwrap();
        let nak = exchange.nak.as_ref().unwrap();
        assert_eq!((nak.seen_at, nak.server.to_string().as_str()), (at(1, 2), "10.30.0.2"));
        assert_eq!(nak.text.as_ref().map(|t| t.raw()), Some("wrong network"));
        assert_eq!(stage.measures.dhcp.values().map(|a| a.naks).sum::<u64>(), 1);
    }

    #[test]
    fn tag_of_own_frame_is_phones_vlan() {
        let mut stage = Stage::new();
        stage.dhcp(0, "DISCOVER", r#","vlan":[110]"#);
        let phone = stage.phone();
        assert_eq!(phone.vlan, Some(110));
        assert_eq!(phone.exchange().map(|e| e.seen_in), Some(SeenIn::Vlan(110)));
        assert!(stage.vlans.shows_tags(0));
    }

    #[test]
    fn address_in_use_elsewhere_is_conflict() {
        let mut stage = Stage::leased();
        let claim = |target: &str| {
            format!(
                r#""eth_src":"{SERVER_MAC}","type":"arp","op":"request","sender_mac":"{SERVER_MAC}","sender_ip":"{IP}","target_ip":"{target}""#
            )
        };
        stage.see(5, &claim("10.30.0.1"));
        let conflict = stage.phone().conflict.unwrap();
        assert_eq!((conflict.mac, conflict.ip, conflict.confirmed), (mac(SERVER_MAC), ip(IP), None));
        stage.dhcp(9, "REQUEST", &format!(r#","ciaddr":"{IP}""#));
        assert_eq!(stage.phone().conflict.and_then(|c| c.confirmed), Some(at(9, 6)));
    }

    #[test]
    fn new_boot_ends_unconfirmed_conflict() {
        let mut stage = Stage::leased();
        let claim = format!(
            r#""eth_src":"{SERVER_MAC}","type":"arp","op":"reply","sender_mac":"{SERVER_MAC}","sender_ip":"{IP}","target_ip":"10.30.0.1""#
        );
        stage.see(5, &claim);
        assert!(stage.phone().conflict.is_some());
        stage.dhcp(60, "DISCOVER", "");
        assert!(stage.phone().conflict.is_none());
        assert_eq!(stage.phone().boots.len(), 2);
    }
}
