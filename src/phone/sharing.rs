//! Several devices at one address or MAC: phones behind a translated address, the ports of an analog gateway, programs
//! that register many devices. What tells them apart is the name that each gives itself on its own connection.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashlink::LruCache;

use super::limits;
use crate::conversation::SeenAt;
use crate::types::{Envelope, Mac};

/// Addresses at which several devices are kept.
const SHARED_ADDRESSES: usize = 4_096;

/// A message in which a device names itself.
#[derive(Clone, Copy)]
pub(super) struct Naming<'a> {
    /// The name.
    pub(super) name: &'a str,
    /// The MAC in it.
    pub(super) mac: Option<Mac>,
    /// Where the message came from.
    pub(super) ip: Option<IpAddr>,
    #[allow(missing_docs)]
    pub(super) port: Option<u16>,
    #[allow(missing_docs)]
    pub(super) eth: Option<Mac>,
    /// Whether it registers with it: a file may be anybody's.
    pub(super) registers: Option<SeenAt>,
}

impl<'a> Naming<'a> {
    /// In a message with this envelope.
    pub(super) fn of(envelope: &Envelope, name: &'a str, mac: Option<Mac>) -> Naming<'a> {
        Naming { name, mac, ip: envelope.src, port: envelope.sport, eth: envelope.eth_src, registers: None }
    }

    /// It registers under the name.
    pub(super) fn registering(self, seen_at: SeenAt) -> Naming<'a> {
        Naming { registers: Some(seen_at), ..self }
    }
}

/// Who is where several are.
pub(super) struct Sharing {
    /// By address.
    pub(super) devices: LruCache<IpAddr, Vec<usize>, RandomState>,
    /// By address and port.
    pub(super) flows: LruCache<(IpAddr, u16), usize, RandomState>,
    /// Devices that only their name tells from others, by it in upper case.
    pub(super) by_name: HashMap<String, usize, RandomState>,
}

impl Sharing {
    pub(super) fn new() -> Sharing {
        let state = RandomState::default;
        Sharing {
            devices: LruCache::with_hasher(SHARED_ADDRESSES, state()),
            flows: LruCache::with_hasher(limits::ADDRESSES, state()),
            by_name: HashMap::with_hasher(state()),
        }
    }

    /// Phones have other places now; `None`: it is gone.
    pub(super) fn moved(&mut self, place: impl Fn(usize) -> Option<usize>) {
        self.devices.retain(|_, list| {
            *list = list.iter().filter_map(|i| place(*i)).collect();
            !list.is_empty()
        });
        self.flows.retain(|_, index| place(*index).map(|new| *index = new).is_some());
        self.by_name.retain(|_, index| place(*index).map(|new| *index = new).is_some());
    }
}

/// Names of the ports of analog gateways: `AN` or `BR` and ten digits of the gateway's MAC and three of the port; `VGC`
/// and ten and two.
pub(super) fn is_port_name(name: &str) -> bool {
    [("AN", 13), ("BR", 13), ("VGC", 12)].iter().any(|(prefix, count)| {
        name.split_at_checked(prefix.len()).is_some_and(|(start, digits)| {
            start.eq_ignore_ascii_case(prefix)
                && digits.len() == *count
                && digits.bytes().all(|b| b.is_ascii_hexdigit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ports_are_not_those_of_phones() {
        assert!(
            ["AN170E5A2040000", "an170e5a2040000", "BR170E5A2040000", "VGC170E5A204000"].into_iter().all(is_port_name)
        );
        for name in ["", "SEP001D452DEA01", "ATA000C85E73002", "AN", "ANN_2", "AN170E5A204000", "VGC170E5A20400g"] {
            assert!(!is_port_name(name), "{name}");
        }
    }
}
