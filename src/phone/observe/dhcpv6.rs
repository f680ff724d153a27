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
