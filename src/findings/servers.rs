//! Who answered the phones: the servers of the report, counted phone by phone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::context::PhoneContext;
use crate::conversation::dhcp::Nak;
use crate::conversation::dhcpv6;
use crate::diagnosis::{CallManager, DhcpServer, Outcome, RegistrationState, Servers, TftpServer};
use crate::site::{Cluster, Site};
use crate::types::WireText;

/// Name of a cluster.
pub(super) fn cluster_name(cluster: Option<&Cluster>) -> Option<String> {
    cluster.map(|c| c.name.clone())
}

#[derive(Default)]
struct DhcpCounts {
    offers: u64,
    acks: u64,
    naks: u64,
    phones: u64,
    tftp: BTreeSet<WireText>,
}

#[derive(Default)]
struct TftpCounts {
    phones: u64,
    served: u64,
    missing: u64,
    silent: u64,
}

#[derive(Default)]
struct CallManagerCounts {
    registered: u64,
    rejected: u64,
    refused: u64,
    silent: u64,
}

/// The servers seen so far.
#[derive(Default)]
pub(super) struct ServersSeen {
    dhcp: BTreeMap<IpAddr, DhcpCounts>,
    tftp: BTreeMap<IpAddr, TftpCounts>,
    call_managers: BTreeMap<IpAddr, CallManagerCounts>,
}

impl ServersSeen {
    /// Counts the servers of one phone.
    pub(super) fn add(&mut self, cx: &PhoneContext<'_>) {
        let phone = cx.phone;
        let mut answered: Vec<IpAddr> = Vec::new();
        for exchange in &phone.dhcp.list {
            let offers = exchange.offers.iter().map(|o| (o, false));
            for (seen, is_ack) in offers.chain(exchange.ack.iter().map(|a| (a, true))) {
                let counts = self.dhcp.entry(IpAddr::V4(seen.terms.server)).or_default();
                *if is_ack { &mut counts.acks } else { &mut counts.offers } += 1;
                for name in seen.terms.sources.iter().flat_map(|(_, names)| names) {
                    if !counts.tftp.contains(name) {
                        counts.tftp.insert(name.clone());
                    }
                }
                answered.push(IpAddr::V4(seen.terms.server));
            }
            if let Some(Nak { server, .. }) = &exchange.nak {
                self.dhcp.entry(IpAddr::V4(*server)).or_default().naks += 1;
                answered.push(IpAddr::V4(*server));
            }
        }
        self.add_v6(&phone.dhcpv6.list, &mut answered);
        answered.sort_unstable();
        answered.dedup();
        for server in answered {
            self.dhcp.entry(server).or_default().phones += 1;
        }
        let mut asked: Vec<IpAddr> = Vec::new();
        for fetch in &phone.files {
            let counts = self.tftp.entry(fetch.server).or_default();
            if !asked.contains(&fetch.server) {
                asked.push(fetch.server);
                counts.phones += 1;
            }
            match fetch.outcome() {
                Outcome::Served => counts.served += 1,
                Outcome::Missing => counts.missing += 1,
                Outcome::NoAnswer => counts.silent += 1,
                _ => {}
            }
        }
        for contact in cx.contacts() {
            let counts = self.call_managers.entry(contact.server).or_default();
            match contact.state {
                RegistrationState::Registered | RegistrationState::Unregistered => counts.registered += 1,
                RegistrationState::Rejected => counts.rejected += 1,
                RegistrationState::Refused => counts.refused += 1,
                RegistrationState::NoAnswer => counts.silent += 1,
                _ => {}
            }
        }
    }

    fn add_v6(&mut self, exchanges: &[dhcpv6::Exchange], answered: &mut Vec<IpAddr>) {
        for exchange in exchanges {
            let advertised = exchange.advertised.iter().map(|a| (a, false));
            for (answer, is_reply) in advertised.chain(exchange.reply.iter().map(|a| (a, true))) {
                let counts = self.dhcp.entry(IpAddr::V6(answer.server)).or_default();
                *if is_reply { &mut counts.acks } else { &mut counts.offers } += 1;
                counts.tftp.extend(answer.tftp_names());
                answered.push(IpAddr::V6(answer.server));
            }
            for refusal in &exchange.refusals {
                self.dhcp.entry(IpAddr::V6(refusal.server)).or_default().naks += 1;
                answered.push(IpAddr::V6(refusal.server));
            }
        }
    }

    /// All of them, by address.
    pub(super) fn into_servers(self, site: &Site) -> Servers {
        // A reply that was cut before its server identifier tells no server.
        let known = self.dhcp.into_iter().filter(|(ip, _)| !ip.is_unspecified());
        let dhcp = known.map(|(ip, c)| DhcpServer {
            ip,
            offers: c.offers,
            acks: c.acks,
            naks: c.naks,
            phones: c.phones,
            cluster: single(c.tftp.iter().map(|n| cluster_name(site.cluster_of_tftp(n.raw())))),
            tftp: c.tftp.into_iter().collect(),
        });
        let tftp = self.tftp.into_iter().map(|(ip, c)| TftpServer {
            ip,
            phones: c.phones,
            served: c.served,
            missing: c.missing,
            silent: c.silent,
            cluster: cluster_name(site.cluster_of_tftp(ip)),
        });
        let call_managers = self.call_managers.into_iter().map(|(ip, c)| CallManager {
            ip,
            registered: c.registered,
            rejected: c.rejected,
            refused: c.refused,
            silent: c.silent,
            cluster: cluster_name(site.cluster_of_call_manager(ip)),
        });
        Servers { dhcp: dhcp.collect(), tftp: tftp.collect(), call_managers: call_managers.collect() }
    }
}

/// The one value that all agree on.
fn single(mut values: impl Iterator<Item = Option<String>>) -> Option<String> {
    let first = values.next()??;
    values.all(|v| v.as_ref() == Some(&first)).then_some(first)
}
