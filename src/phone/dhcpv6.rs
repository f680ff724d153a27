//! What DHCPv6 adds (RFC 8415): who of a phone's kind asks and is answered, and which TFTP servers it names.
//!
//! A client is known by its DUID there, not by its MAC, so what is named is kept for all phones together.

use std::net::{IpAddr, Ipv6Addr};

use crate::types::Timestamp;
use crate::wire::dhcpv6::Message;

/// Most TFTP servers that are kept.
const MAX_SERVERS: usize = 256;

/// What the DHCPv6 messages of a capture say.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct LeasesV6 {
    /// And when each was named last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tftp: Vec<(Ipv6Addr, Timestamp)>,
}

impl LeasesV6 {
    /// Takes in a message; `traffic` counts those of Cisco's kind, of clients and of servers.
    pub(super) fn observe(&mut self, message: &Message, time: Timestamp, traffic: &mut (u64, u64)) {
        let from_server = matches!(message.msg.raw(), "ADVERTISE" | "REPLY" | "RECONFIGURE");
        if message.cisco {
            *(if from_server { &mut traffic.1 } else { &mut traffic.0 }) += 1;
        }
        if from_server {
            for server in &message.tftp {
                let room = self.tftp.len() < MAX_SERVERS;
                match self.tftp.iter_mut().find(|(known, _)| known == server) {
                    Some((_, last)) => *last = time.max(*last),
                    None if room => self.tftp.push((*server, time)),
                    None => {}
                }
            }
        }
    }

    /// Lets go servers that were not named since `limit`.
    pub(super) fn forget(&mut self, limit: Timestamp) {
        self.tftp.retain(|(_, last)| *last >= limit);
    }

    /// Whether a server named this one as a TFTP server.
    pub fn name_tftp(&self, server: IpAddr) -> bool {
        matches!(server, IpAddr::V6(v6) if self.tftp.iter().any(|(known, _)| *known == v6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dhcpv6;

    const SERVER: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];

    fn message(kind: u8, enterprise: u8) -> Message {
        let cisco = [&[0, 17, 0, 24, 0, 0, 0, enterprise, 0, 1, 0, 16][..], &SERVER].concat();
        dhcpv6::parse(&[&[kind, 0, 0, 7][..], &cisco].concat()).unwrap().0
    }

    #[test]
    fn messages_of_cisco_count_by_direction_and_servers_name_servers() {
        let mut leases = LeasesV6::default();
        let mut traffic = (0, 0);
        leases.observe(&message(7, 4), Timestamp(1), &mut traffic);
        leases.observe(&message(1, 9), Timestamp(1), &mut traffic);
        assert_eq!(traffic, (1, 0));
        assert!(
            !leases.name_tftp(SERVER.into()),
            "a client names nothing, and another enterprise means something else"
        );
        leases.observe(&message(7, 9), Timestamp(1), &mut traffic);
        assert_eq!(traffic, (1, 1));
        assert!(leases.name_tftp(SERVER.into()) && !leases.name_tftp([0; 16].into()));
        assert!(!leases.name_tftp([10, 1, 1, 5].into()));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut leases = LeasesV6::default();
        for n in 0..1_000u128 {
            let message = Message { tftp: vec![n.into()], ..message(7, 9) };
            leases.observe(&message, Timestamp(1), &mut (0, 0));
        }
        assert_eq!(leases.tftp.len(), MAX_SERVERS);
    }
}
