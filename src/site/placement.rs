//! Which cluster a phone or a server belongs to: the rules of all clusters in one table, and what clashes in it.
//!
//! Clusters are given by their index. Asking costs the same for one phone in a cluster's list and for ten thousand.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::phones::{Pattern, PhonePattern, Subjects};
use crate::types::Mac;

/// Most patterns with a `*` in one site: each is compared with each when the file is read, and with every phone.
pub(super) const MOST_PATTERNS: usize = 1000;

/// The rules of all clusters.
#[derive(Clone, Debug, Default)]
pub(super) struct Placement {
    macs: HashMap<Mac, usize>,
    /// Device names in upper case.
    names: HashMap<String, usize>,
    /// The more specific first.
    patterns: Vec<(Pattern, usize)>,
    /// The longer prefix first.
    subnets: Vec<(IpNet, usize)>,
    vlans: HashMap<u16, usize>,
    default: Option<usize>,
    /// By [`super::server_key`]; a central TFTP server is in several clusters.
    tftp: HashMap<String, Vec<usize>>,
    call_managers: HashMap<String, usize>,
}

/// Why a rule can not be added.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Clash {
    /// Another cluster has it.
    With(usize),
    /// Another cluster has this one, which places the same phones and is as specific.
    Pattern(usize, String),
    /// There are [`MOST_PATTERNS`] already.
    TooMany,
}

/// Puts a rule into a table, unless another cluster's stands there.
fn put<K: std::hash::Hash + Eq>(table: &mut HashMap<K, usize>, key: K, cluster: usize) -> Result<(), Clash> {
    match *table.entry(key).or_insert(cluster) {
        there if there == cluster => Ok(()),
        other => Err(Clash::With(other)),
    }
}

impl Placement {
    pub(super) fn add_phone(&mut self, phone: &PhonePattern, cluster: usize) -> Result<(), Clash> {
        match phone {
            PhonePattern::Mac(mac) => put(&mut self.macs, *mac, cluster),
            PhonePattern::Name(name) => put(&mut self.names, name.clone(), cluster),
            PhonePattern::Pattern(pattern) => {
                let clash = self.patterns.iter().find(|(p, c)| *c != cluster && p.is_at_odds_with(pattern));
                if let Some((other, there)) = clash {
                    return Err(Clash::Pattern(*there, PhonePattern::Pattern(other.clone()).to_string()));
                }
                if self.patterns.len() == MOST_PATTERNS {
                    return Err(Clash::TooMany);
                }
                let rank = pattern.rank();
                let at = self.patterns.partition_point(|(p, _)| p.rank() >= rank);
                self.patterns.insert(at, (pattern.clone(), cluster));
                Ok(())
            }
        }
    }

    pub(super) fn add_subnet(&mut self, subnet: IpNet, cluster: usize) -> Result<(), Clash> {
        // Equal subnets stand side by side: of equal length they are found from the first of that length on.
        let at = self.subnets.partition_point(|(s, _)| (s.prefix_len(), *s) > (subnet.prefix_len(), subnet));
        match self.subnets.get(at) {
            Some((there, other)) if *there == subnet && *other != cluster => return Err(Clash::With(*other)),
            Some((there, _)) if *there == subnet => {}
            _ => self.subnets.insert(at, (subnet, cluster)),
        }
        Ok(())
    }

    pub(super) fn add_vlan(&mut self, vlan: u16, cluster: usize) -> Result<(), Clash> {
        put(&mut self.vlans, vlan, cluster)
    }

    pub(super) fn set_default(&mut self, cluster: usize) -> Result<(), Clash> {
        match *self.default.get_or_insert(cluster) {
            there if there == cluster => Ok(()),
            other => Err(Clash::With(other)),
        }
    }

    pub(super) fn add_tftp(&mut self, key: String, cluster: usize) {
        let clusters = self.tftp.entry(key).or_default();
        if !clusters.contains(&cluster) {
            clusters.push(cluster);
        }
    }

    pub(super) fn add_call_manager(&mut self, key: String, cluster: usize) -> Result<(), Clash> {
        put(&mut self.call_managers, key, cluster)
    }

    /// The clusters that have it, as the file orders them.
    pub(super) fn of_tftp(&self, key: &str) -> &[usize] {
        self.tftp.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn of_call_manager(&self, key: &str) -> Option<usize> {
        self.call_managers.get(key).copied()
    }

    /// The most specific rule decides.
    pub(super) fn of_phone(
        &self,
        mac: Mac,
        name: Option<&str>,
        ip: Option<IpAddr>,
        vlan: Option<u16>,
    ) -> Option<usize> {
        let by_name = || {
            let name = name?;
            let by_its_mac = Mac::from_device_name(name).and_then(|mac| self.macs.get(&mac));
            by_its_mac.or_else(|| self.names.get(&name.to_ascii_uppercase()))
        };
        let by_pattern = || {
            if self.patterns.is_empty() {
                return None;
            }
            let phone = Subjects::of(mac, name);
            self.patterns.iter().find(|(pattern, _)| pattern.matches(&phone)).map(|(_, c)| c)
        };
        let by_subnet = || {
            let ip = ip?.to_canonical();
            self.subnets.iter().find(|(subnet, _)| subnet.contains(&ip)).map(|(_, c)| c)
        };
        self.macs
            .get(&mac)
            .or_else(by_name)
            .or_else(by_pattern)
            .or_else(by_subnet)
            .or_else(|| self.vlans.get(&vlan?))
            .or(self.default.as_ref())
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_two_clusters_clashes_and_one_said_twice_does_not() {
        let mut placement = Placement::default();
        let phone = |text| PhonePattern::parse(text).unwrap();
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        for text in ["SEP003094C2D3FA", "lobby", "0030*"] {
            assert_eq!(placement.add_phone(&phone(text), 0), Ok(()));
            assert_eq!(placement.add_phone(&phone(text), 0), Ok(()));
        }
        assert_eq!(placement.add_phone(&phone("0030.94c2.d3fa"), 1), Err(Clash::With(0)));
        assert_eq!(placement.add_phone(&phone("LOBBY"), 1), Err(Clash::With(0)));
        assert_eq!(placement.add_phone(&phone("00:30:*"), 1), Err(Clash::Pattern(0, "0030*".to_owned())));
        assert_eq!(placement.add_phone(&phone("00:30:9*"), 1), Ok(()), "more specific");
        for subnet in ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16", "10.0.0.0/16", "::/8"] {
            assert_eq!(placement.add_subnet(net(subnet), 0), Ok(()), "{subnet}");
            assert_eq!(placement.add_subnet(net(subnet), 0), Ok(()), "{subnet}");
            assert_eq!(placement.add_subnet(net(subnet), 1), Err(Clash::With(0)), "{subnet}");
        }
        assert_eq!(placement.subnets.len(), 5);
        assert_eq!(placement.add_subnet(net("10.1.1.0/24"), 1), Ok(()), "nested");
        let mac = Mac([0; 6]);
        let by_ip = |ip: &str| placement.of_phone(mac, None, ip.parse().ok(), None);
        assert_eq!(
            [by_ip("10.1.1.1"), by_ip("10.1.2.1"), by_ip("10.9.1.1"), by_ip("11.1.1.1")],
            [Some(1), Some(0), Some(0), None]
        );
        assert_eq!((placement.set_default(1), placement.set_default(1)), (Ok(()), Ok(())));
        assert_eq!(placement.set_default(0), Err(Clash::With(1)));
    }

    #[test]
    fn there_is_a_limit_to_patterns_and_none_to_phones() {
        let mut placement = Placement::default();
        for n in 0..MOST_PATTERNS {
            placement.add_phone(&PhonePattern::parse(&format!("{n:04x}*")).unwrap(), 0).unwrap();
        }
        assert_eq!(placement.add_phone(&PhonePattern::parse("ffff*").unwrap(), 0), Err(Clash::TooMany));
        for n in 0..20_000u32 {
            let [a, b, c, d] = n.to_be_bytes();
            placement.add_phone(&PhonePattern::Mac(Mac([0xaa, 0xaa, a, b, c, d])), 1).unwrap();
        }
        assert_eq!(placement.of_phone(Mac([0xaa, 0xaa, 0, 0, 0x4e, 0x1f]), None, None, None), Some(1));
        assert_eq!(placement.of_phone(Mac([0x03, 0xe7, 0, 0, 0, 0]), None, None, None), Some(0));
    }
}
