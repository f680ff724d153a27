//! Who has which name, address and VLAN: what tells two devices from one, and a phone from the router in front of it.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashlink::LruCache;

use super::limits;
use crate::conversation::SeenAt;
use crate::conversation::dhcp::SeenIn;
use crate::types::{Envelope, Mac, Timestamp, WireText};

/// Source MACs, and whether several addresses are behind one: then it is a router's.
pub(super) struct Senders(LruCache<Mac, (IpAddr, bool), RandomState>);

impl Senders {
    pub(super) fn new() -> Senders {
        Senders(LruCache::with_hasher(limits::OTHERS, RandomState::default()))
    }

    /// `mac` sends from `ip`, or claims it by ARP. `is_end`: it is known to be no router.
    pub(super) fn record(&mut self, mac: Mac, ip: IpAddr, is_end: bool) {
        match self.0.get_mut(&mac) {
            Some((first, many)) => *many |= *first != ip && !is_end,
            None => drop(self.0.insert(mac, (ip, false))),
        }
    }

    /// Whether one address only was seen behind it.
    pub(super) fn is_single(&self, mac: Mac) -> bool {
        self.0.peek(&mac).is_some_and(|(_, many)| !many) && !is_virtual_router(mac)
    }

    /// All of them, the one seen last at the end.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Mac, IpAddr, bool)> + '_ {
        self.0.iter().map(|(mac, (ip, many))| (*mac, *ip, *many))
    }

    /// Restores an entry of [`Senders::iter`].
    pub(super) fn restore(&mut self, mac: Mac, ip: IpAddr, many: bool) {
        self.0.insert(mac, (ip, many));
    }

    /// Keeps the MACs that `stays` names.
    pub(super) fn retain(&mut self, stays: impl Fn(&Mac) -> bool) {
        self.0.retain(|mac, _| stays(mac));
    }

    pub(super) fn is_router(&self, mac: Mac) -> bool {
        self.0.peek(&mac).is_some_and(|(_, many)| *many) || is_virtual_router(mac)
    }
}

/// Addresses that routers share: VRRP (RFC 5798 section 7.3), HSRP of both versions, GLBP.
fn is_virtual_router(mac: Mac) -> bool {
    matches!(
        mac.0,
        [0x00, 0x00, 0x5e, 0x00, 0x01 | 0x02, _]
            | [0x00, 0x00, 0x0c, 0x07, 0xac, _]
            | [0x00, 0x00, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0x00, 0x05, 0x73, 0xa0..=0xaf, _, _]
            | [0x00, 0x07, 0xb4, _, _, _]
    )
}

/// A switch port that announces its voice VLAN.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct VoicePort {
    /// The VLAN; `None`: the switch wants voice untagged, or with a priority tag alone (4095 and 0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// VLAN of untagged frames there, where the switch says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<u16>,
    /// The switch's name and port, as it says them.
    pub device: WireText,
    #[allow(missing_docs)]
    pub port: WireText,
    /// First announcement of it.
    pub seen_at: SeenAt,
    /// When it was announced last.
    pub last: Timestamp,
}

/// Voice VLANs that switches announce, and where tags show.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Vlans {
    /// Ports, each once as long as it says the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<VoicePort>,
    /// Inputs in which frames of a phone bear a tag.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tagged: Vec<u32>,
}

impl Vlans {
    /// A switch announces a port.
    pub(super) fn record_port(&mut self, port: VoicePort) {
        let same = |p: &VoicePort| {
            p.seen_at.at.input == port.seen_at.at.input
                && (&p.vlan, &p.native, &p.device, &p.port) == (&port.vlan, &port.native, &port.device, &port.port)
        };
        let room = self.ports.len() < limits::VOICE_PORTS;
        match self.ports.iter_mut().find(|p| same(p)) {
            Some(known) => known.last = known.last.max(port.last),
            None if room => self.ports.push(port),
            None => {}
        }
    }

    /// Evicts ports that were not announced since `limit`.
    pub(super) fn evict_before(&mut self, limit: Timestamp) {
        self.ports.retain(|p| p.last >= limit);
    }

    /// A frame of a phone bears a tag.
    pub(super) fn record_tag(&mut self, input: u32) {
        if !self.tagged.contains(&input) {
            self.tagged.push(input);
        }
    }

    /// Whether tags show in this input at all: SPAN ports and network cards strip them.
    pub fn shows_tags(&self, input: u32) -> bool {
        self.tagged.contains(&input)
    }
}

/// Where `mac`'s own frame was seen; not known where another device passed it on, or the capture does not keep tags.
pub(super) fn seen_in(envelope: &Envelope, mac: Mac) -> SeenIn {
    if envelope.eth_src != Some(mac) {
        return SeenIn::Unknown;
    }
    match envelope.vlan.last() {
        Some(vlan) if *vlan > 0 => SeenIn::Vlan(*vlan),
        // Cooked captures have no destination and lose tags; so do some mirrors that put frames into a tunnel.
        _ if envelope.eth_dst.is_none() || !envelope.tunnel.is_empty() => SeenIn::Unknown,
        _ => SeenIn::Untagged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{FrameRef, Tunnel};

    const PHONE: Mac = Mac([0, 3, 0x6b, 1, 2, 3]);
    const OTHER: Mac = Mac([0, 0x50, 0x8b, 1, 2, 3]);

    fn at(seconds: u64) -> SeenAt {
        SeenAt {
            time: Timestamp(i64::try_from(seconds).unwrap() * 1_000_000_000),
            at: FrameRef { input: 0, frame: seconds },
        }
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 30, 0, last])
    }

    #[test]
    fn mac_with_several_addresses_is_router() {
        let mut senders = Senders::new();
        senders.record(OTHER, ip(1), false);
        assert!(senders.is_single(OTHER) && !senders.is_router(OTHER));
        senders.record(OTHER, ip(2), false);
        assert!(!senders.is_single(OTHER) && senders.is_router(OTHER));
        senders.record(PHONE, ip(1), true);
        senders.record(PHONE, ip(2), true);
        assert!(!senders.is_router(PHONE), "a phone with another lease");
        for text in ["00:00:5e:00:01:0a", "00:00:0c:07:ac:01", "00:00:0c:9f:f0:01", "00:07:b4:00:01:01"] {
            assert!(senders.is_router(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn vlan_is_known_from_own_frames_only() {
        let own = Envelope { eth_src: Some(PHONE), eth_dst: Some(OTHER), ..Envelope::default() };
        assert_eq!(seen_in(&own, PHONE), SeenIn::Untagged);
        assert_eq!(seen_in(&own, OTHER), SeenIn::Unknown, "a relay's");
        let with = |vlan: &[u16]| Envelope { vlan: vlan.to_vec(), ..own.clone() };
        assert_eq!(seen_in(&with(&[7, 110]), PHONE), SeenIn::Vlan(110));
        assert_eq!(seen_in(&with(&[0]), PHONE), SeenIn::Untagged, "a priority tag");
        assert_eq!(seen_in(&Envelope { eth_dst: None, ..own.clone() }, PHONE), SeenIn::Unknown, "a cooked capture");
        assert_eq!(seen_in(&Envelope { tunnel: vec![Tunnel::ErspanI], ..own }, PHONE), SeenIn::Unknown);
    }

    #[test]
    fn repeated_port_is_kept_once() {
        let mut vlans = Vlans::default();
        let port = |vlan: Option<u16>, port: &str, seen_at: SeenAt| VoicePort {
            vlan,
            native: None,
            device: "sw1".into(),
            port: port.into(),
            seen_at,
            last: seen_at.time,
        };
        for (second, vlan) in [(1, Some(110)), (2, None), (3, Some(110)), (4, None)] {
            vlans.record_port(port(vlan, "Fa0/4", at(second)));
        }
        let kept: Vec<_> = vlans.ports.iter().map(|p| (p.vlan, p.seen_at, p.last)).collect();
        assert_eq!(kept, [(Some(110), at(1), at(3).time), (None, at(2), at(4).time)]);
        for n in 0..2000 {
            vlans.record_port(port(Some(9), &format!("Fa{n}"), at(9)));
        }
        assert_eq!(vlans.ports.len(), limits::VOICE_PORTS);
    }
}
