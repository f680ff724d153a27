//! What DHCPv6 adds (RFC 8415): who of a phone's kind asks and is answered, and which TFTP servers it names.
//!
//! A client is known by its DUID there, not by its MAC, so what is named is kept for all phones together.

use std::net::{IpAddr, Ipv6Addr};

use crate::conversation::SeenAt;
use crate::types::Timestamp;

/// Most TFTP servers that are kept.
const MAX_SERVERS: usize = 256;
/// Most routers that are kept.
const MAX_ROUTERS: usize = 64;

/// A TFTP server, and when it was named last.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct NamedServer {
    server: Ipv6Addr,
    last: Timestamp,
}

/// A router that advertises itself, and what its latest advertisement says.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct AdvertisedRouter {
    /// Its link-local address.
    pub router: IpAddr,
    /// Flag M: addresses come from DHCPv6.
    pub is_managed: bool,
    /// The latest advertisement.
    pub last: SeenAt,
}

/// What the DHCPv6 messages and router advertisements of a capture say.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct LeasesV6 {
    /// TFTP servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tftp: Vec<NamedServer>,
    /// Routers that advertise themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    routers: Vec<AdvertisedRouter>,
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

    /// A router advertises itself.
    pub(super) fn record_router(&mut self, router: IpAddr, is_managed: bool, seen_at: SeenAt) {
        let room = self.routers.len() < MAX_ROUTERS;
        let advertised = AdvertisedRouter { router, is_managed, last: seen_at };
        match self.routers.iter_mut().find(|known| known.router == router) {
            Some(known) => *known = advertised,
            None if room => self.routers.push(advertised),
            None => {}
        }
    }

    /// Whether an address is that of a router that advertises itself.
    pub fn is_router(&self, address: Ipv6Addr) -> bool {
        self.routers.iter().any(|r| r.router == IpAddr::V6(address))
    }

    /// The router that tells phones to get their addresses by DHCPv6.
    pub fn managing_router(&self) -> Option<&AdvertisedRouter> {
        self.routers.iter().find(|r| r.is_managed)
    }

    /// Evicts servers that were not named since `limit`.
    pub(super) fn evict_before(&mut self, limit: Timestamp) {
        self.tftp.retain(|named| named.last >= limit);
        self.routers.retain(|router| router.last.time >= limit);
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
