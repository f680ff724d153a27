//! DHCPv6 (RFC 8415): who of a phone's kind asks and is answered, and which TFTP servers are named.

use std::net::{IpAddr, Ipv6Addr};

use super::Scene;
use crate::conversation::dhcpv6::{Outcome, Sender};
use crate::phone::directory::{Slot, vlan_of};
use crate::types::Mac;
use crate::wire::dhcpv6::Message;

/// A message of a client or a server; those of Cisco's kind are counted.
pub(super) fn observe(scene: &mut Scene<'_>, message: &Message) {
    let from_server = matches!(message.msg.raw(), "ADVERTISE" | "REPLY" | "RECONFIGURE");
    if message.cisco {
        scene.traffic.dhcp.count(!from_server);
    }
    if from_server {
        for server in &message.tftp {
            scene.leases_v6.record(*server, scene.seen_at.time);
        }
    }
    let Some(mac) = client_of(scene, message, from_server) else { return };
    let class = message.phone_class();
    let slot = match scene.directory.slot_of_mac(mac) {
        Slot::Other(key) if !from_server && class.is_some() => match scene.directory.phone(mac, key) {
            Some(index) => Slot::Phone(index),
            None => return,
        },
        // Of clients that are no phones nothing is asked.
        Slot::Other(_) => return,
        phone => phone,
    };
    let Some(IpAddr::V6(sender)) = scene.envelope.src else { return };
    let sender = Sender { ip: sender, mac: scene.envelope.eth_src };
    record(scene, message, slot, mac, sender);
}

/// The MAC of the client that sent the message, or that it is for: by its DUID or by the frame.
fn client_of(scene: &Scene<'_>, message: &Message, from_server: bool) -> Option<Mac> {
    let env = scene.envelope;
    let on_link = if from_server { env.eth_dst } else { env.eth_src };
    let mac = message.client_mac.or(on_link.filter(|_| message.relays == 0));
    mac.filter(|m| !m.is_zero() && !m.is_group())
}

fn record(scene: &mut Scene<'_>, message: &Message, slot: Slot, mac: Mac, sender: Sender) {
    let seen_at = scene.seen_at;
    let own_vlan = scene.envelope.vlan.last().copied().filter(|v| *v > 0 && scene.envelope.eth_src == Some(mac));
    if own_vlan.is_some() {
        scene.vlans.record_tag(seen_at.at.input);
    }
    let Some(phone) = scene.directory.client(slot, seen_at) else { return };
    phone.vlan = own_vlan.or(phone.vlan);
    if let Some(model) = message.phone_class().and_then(|c| c.model) {
        phone.model = phone.model.take().or(Some(model.into()));
    }
    match phone.dhcpv6.observe(message, seen_at, sender) {
        // Of a phone with both protocols DHCPv4 says where a boot begins.
        Outcome::BootBegan if phone.dhcp.list.is_empty() => {
            scene.measures.boots += u64::from(phone.record_boot(seen_at) && phone.is_phone);
        }
        Outcome::Leased(Some(address)) => leased(scene, slot, mac, address),
        Outcome::Declined(Some(address)) => scene.directory.release(IpAddr::V6(address), slot),
        _ => {}
    }
}

/// The address is the client's, beside the one that it may have by DHCPv4.
fn leased(scene: &mut Scene<'_>, slot: Slot, mac: Mac, address: Ipv6Addr) {
    let ip = IpAddr::V6(address);
    let Slot::Phone(index) = slot else { return };
    let four = scene.directory.phones.get(index).and_then(|p| p.ip).filter(IpAddr::is_ipv4);
    scene.directory.record_claim(mac, ip, vlan_of(scene.envelope), scene.seen_at);
    scene.directory.bind(ip, index);
    if let Some(phone) = scene.directory.phones.get_mut(index)
        && four.is_some()
    {
        phone.ip = four;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Stage, ip};

    fn message(kind: &str, more: &str) -> String {
        format!(r#""src":"fe80::1","dst":"ff02::1:2","type":"dhcpv6","msg":"{kind}","xid":"0x00000001"{more}"#)
    }

    #[test]
    fn cisco_messages_count_by_direction() {
        let mut stage = Stage::new();
        stage.see(0, &message("SOLICIT", r#","cisco":true"#));
        stage.see(1, &message("REPLY", r#","cisco":true"#));
        stage.see(2, &message("SOLICIT", ""));
        assert_eq!((stage.traffic.dhcp.from_phones, stage.traffic.dhcp.from_servers), (1, 1));
    }

    #[test]
    fn only_servers_name_tftp_servers() {
        let mut stage = Stage::new();
        stage.see(0, &message("REQUEST", r#","cisco":true,"tftp":["2001:db8::5"]"#));
        assert!(!stage.leases_v6.name_tftp(ip("2001:db8::5")));
        stage.see(1, &message("REPLY", r#","cisco":true,"tftp":["2001:db8::5"]"#));
        assert!(stage.leases_v6.name_tftp(ip("2001:db8::5")));
    }

    fn of_phone(kind: &str, xid: u32, more: &str) -> String {
        format!(
            r#""src":"fe80::1","dst":"ff02::1:2","eth_src":"00:03:6b:3a:10:01","type":"dhcpv6","msg":"{kind}","xid":"{xid:#010x}","client_mac":"00:03:6b:3a:10:01"{more}"#
        )
    }

    #[test]
    fn phone_is_known_by_its_class_and_has_its_lease() {
        let mut stage = Stage::new();
        let class = r#","cisco":true,"vendor_class":"Cisco Systems, Inc. IP Phone CP-7962G""#;
        let lease = r#","ia_addr":["2001:db8::100"],"tftp":["2001:db8::5"]"#;
        stage.see(0, &of_phone("SOLICIT", 1, class));
        stage.see(1, &of_phone("ADVERTISE", 1, lease));
        stage.see(2, &of_phone("REQUEST", 2, class));
        stage.see(3, &of_phone("REPLY", 2, lease));
        let phone = stage.phone();
        assert_eq!((phone.ip, phone.model(), phone.boots.len()), (Some(ip("2001:db8::100")), Some("7962"), 1));
        assert_eq!(phone.lease_v6().map(|l| l.tftp_names().len()), Some(1));
    }

    #[test]
    fn lease_beside_one_of_ipv4_leaves_its_address_and_its_boot() {
        let mut stage = Stage::leased();
        stage.see(5, &of_phone("SOLICIT", 1, r#","cisco":true"#));
        stage.see(6, &of_phone("REPLY", 1, r#","ia_addr":["2001:db8::100"]"#));
        assert_eq!((stage.phone().ip, stage.phone().boots.len()), (Some(ip("10.30.0.100")), 1));
        assert!(stage.phone().lease_v6().is_some());
    }

    #[test]
    fn client_without_a_phones_class_is_none() {
        let mut stage = Stage::new();
        stage.see(0, &of_phone("SOLICIT", 1, r#","vendor_class":"MSFT 5.0""#));
        assert!(stage.directory.phones.is_empty());
    }
}
