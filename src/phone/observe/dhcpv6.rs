//! DHCPv6 (RFC 8415): who of a phone's kind asks and is answered, and which TFTP servers are named.

use super::Scene;
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
}
