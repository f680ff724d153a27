//! Leases and offers of one phone: which it takes, and who makes them.

use std::net::{IpAddr, Ipv4Addr};

use super::context::{PhoneContext, SETTLED};
use crate::conversation::SeenAt;
use crate::conversation::dhcp::{Exchange, OfferSeen, Untaken};
use crate::conversation::file::Fetch;

/// So many offers in a row do not get lost one by one.
pub(super) const AGAIN_AND_AGAIN: u32 = 3;

impl<'a> PhoneContext<'a> {
    /// Offers that the phone had time to take and did not: it asked again since, or is silent. Not where it is seen to
    /// have an address all the same.
    pub fn untaken_offers(&self) -> Option<Untaken<'a>> {
        let untaken = self.phone.dhcp.untaken()?;
        let asked_again = untaken.discovered.last.is_after(untaken.first);
        let settled = self.now().since(untaken.first.time) >= SETTLED;
        ((asked_again || settled) && !self.has_address_since(untaken.first)).then_some(untaken)
    }

    /// Whether the phone did something after `seen_at` that takes an address.
    pub fn has_address_since(&self, seen_at: SeenAt) -> bool {
        let phone = self.phone;
        phone.files.last().is_some_and(|f| f.last > seen_at)
            || phone.attempts.last().is_some_and(|a| a.last > seen_at)
            || phone.arp.iter().any(|a| a.tries.last > seen_at)
            || phone.dns.iter().any(|d| d.tries.last > seen_at)
    }

    /// Whether the site file lists its DHCP servers and this is none of them. A relay agent that answers in the name of
    /// a server is no server: the one behind it is not to be seen.
    pub fn is_foreign_dhcp_server(&self, server: Ipv4Addr) -> bool {
        let known = &self.world.site.network.dhcp_servers;
        let unknown = !known.is_empty() && !known.contains(&server) && !server.is_unspecified();
        unknown && !self.world.together.proxies.contains(&server)
    }
}

impl<'a> PhoneContext<'a> {
    /// Another server's offer that names TFTP servers, where the phone took a lease that names none: the server of the
    /// lease is not one for phones. Not where the site file says that it is, or where the phone found a server all the same.
    pub(super) fn better_offer(&self) -> Option<&'a OfferSeen> {
        let lease = self.phone.lease()?;
        let terms = &lease.terms;
        let names_none =
            !terms.cut && terms.unusable.is_empty() && (terms.sources.is_empty() || terms.only_own_siaddr());
        // Without a TFTP server a phone may try the DHCP server.
        let in_vain = |f: &Fetch| f.answered.is_none() && f.server == IpAddr::V4(terms.server);
        let has_asked = self.phone.files.iter().any(|f| f.last > lease.seen_at && !in_vain(f));
        let is_known = self.world.site.network.dhcp_servers.contains(&terms.server);
        if !names_none || is_known || has_asked || self.is_registered() {
            return None;
        }
        let offers = self.phone.dhcp.list.iter().rev().flat_map(|e| &e.offers);
        let mut others = offers.filter(|o| o.terms.server != terms.server && !o.terms.cut);
        others.find(|o| !o.terms.sources.is_empty() && !o.terms.only_own_siaddr())
    }
}

/// A phone whose lease does not lead to what it needs.
pub(super) struct Stranded<'a> {
    /// Without a router.
    pub(super) lease: &'a OfferSeen,
    /// A server in another network.
    pub(super) needed: Ipv4Addr,
}

impl<'a> PhoneContext<'a> {
    /// Whether the phone's lease names no router, and all the servers that it needs next are in other networks. Not where
    /// something of the phone is seen to go out of its subnet.
    pub(super) fn stranded(&self) -> Option<Stranded<'a>> {
        // Renewals may carry less than the lease that they renew.
        let mut leases = self.phone.dhcp.list.iter().rev().filter(|e| e.is_boot() && e.decline.is_none());
        let lease = leases.find_map(Exchange::granted)?;
        let without_router = !lease.terms.cut && lease.terms.routers.is_empty();
        if !without_router || self.is_registered() || self.gets_out(lease) {
            return None;
        }
        let tftp: Vec<IpAddr> = match self.config() {
            Some(_) => self.configured_call_managers(),
            None => self.lease_servers().into_iter().map(|(ip, _)| ip).collect(),
        };
        let mut v4: Vec<Ipv4Addr> = tftp.into_iter().filter_map(ipv4).collect();
        if v4.is_empty() && !lease.terms.sources.is_empty() {
            // Names, which it has to ask for first.
            v4.clone_from(&lease.terms.dns);
        }
        let is_asked = |ip: &&Ipv4Addr| self.phone.arp.iter().any(|a| a.target == **ip);
        let needed = v4.iter().find(is_asked).or(v4.first())?;
        v4.iter().all(|ip| lease.is_outside(*ip)).then_some(Stranded { lease, needed: *needed })
    }

    /// Whether something of the phone goes out of the lease's subnet, or would: somebody answers for what is outside.
    fn gets_out(&self, lease: &OfferSeen) -> bool {
        let phone = self.phone;
        let since = |seen_at: SeenAt| seen_at > lease.seen_at;
        let outside = |ip: IpAddr| ipv4(ip).is_none_or(|ip| lease.is_outside(ip));
        phone.files.iter().any(|f| since(f.last) && outside(f.server))
            || phone.attempts.iter().any(|a| since(a.last) && outside(a.server))
            || phone.dns.iter().any(|d| since(d.tries.last) && outside(d.server))
            || phone.arp.iter().any(|a| a.answered.is_some_and(since) && lease.is_outside(a.target))
    }
}

fn ipv4(ip: IpAddr) -> Option<Ipv4Addr> {
    if let IpAddr::V4(ip) = ip { Some(ip) } else { None }
}
