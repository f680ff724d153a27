//! What DHCPv6 adds (RFC 8415): who of a phone's kind asks and is answered, and which TFTP servers it names.
//!
//! A client is known by its DUID there, not by its MAC, so what is named is kept for all phones together.

use std::net::{IpAddr, Ipv6Addr};

use crate::types::Timestamp;

/// Most TFTP servers that are kept.
const MAX_SERVERS: usize = 256;

/// A TFTP server, and when it was named last.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct NamedServer {
    server: Ipv6Addr,
    last: Timestamp,
}

/// What the DHCPv6 messages of a capture say.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct LeasesV6 {
    /// TFTP servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tftp: Vec<NamedServer>,
}

impl LeasesV6 {
    /// A server hands out this TFTP server.
    pub(super) fn record(&mut self, server: Ipv6Addr, time: Timestamp) {
        let room = self.tftp.len() < MAX_SERVERS;
        match self.tftp.iter_mut().find(|named| named.server == server) {
            Some(named) => named.last = time.max(named.last),
            None if room => self.tftp.push(NamedServer { server, last: time }),
            None => {}
        }
    }

    /// Evicts servers that were not named since `limit`.
    pub(super) fn evict_before(&mut self, limit: Timestamp) {
        self.tftp.retain(|named| named.last >= limit);
    }

    /// Whether a server named this one as a TFTP server.
    pub fn name_tftp(&self, server: IpAddr) -> bool {
        matches!(server, IpAddr::V6(v6) if self.tftp.iter().any(|named| named.server == v6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_servers_are_bounded_and_evicted() {
        let mut leases = LeasesV6::default();
        for n in 0..1_000u128 {
            leases.record(n.into(), Timestamp(1));
        }
        assert_eq!(leases.tftp.len(), MAX_SERVERS);
        leases.record(7u128.into(), Timestamp(9));
        leases.evict_before(Timestamp(5));
        assert_eq!(leases.tftp.len(), 1);
        assert!(leases.name_tftp(IpAddr::V6(7u128.into())));
        assert!(!leases.name_tftp(IpAddr::from([10, 1, 1, 5])));
    }
}
