//! What is counted as it happens, for those who watch over months: counters that only rise, whoever leaves the report.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::event::EventKind;
use crate::wire::dhcp::{Message, MessageType, Op};

/// Servers counted one by one; a network that forges more gets one number for all the rest, under [`OTHERS`].
const MAX_SERVERS: usize = 256;
/// Stands for all servers beyond the first [`MAX_SERVERS`].
pub const OTHERS: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// Answers of one DHCP server to anybody, copies not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub struct DhcpAnswers {
    pub offers: u64,
    pub acks: u64,
    pub naks: u64,
}

/// How long it takes from the first offer of a boot to the registration.
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct WayUp {
    /// Boots by the first of [`WayUp::BOUNDS`] that they did not exceed; the last are those that exceeded all.
    pub counts: [u64; WayUp::BOUNDS.len() + 1],
    /// All of them together.
    pub sum: Duration,
}

impl WayUp {
    /// Seconds.
    pub const BOUNDS: [u64; 12] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];

    pub(crate) fn add(&mut self, way: Duration) {
        let at =
            WayUp::BOUNDS.iter().position(|bound| way <= Duration::from_secs(*bound)).unwrap_or(WayUp::BOUNDS.len());
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(way);
    }

    /// Boots measured.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// Counters that only rise.
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Measures {
    /// Messages by type (contract section 5), copies not counted.
    pub events: BTreeMap<String, u64>,
    /// Answers by DHCP server.
    pub dhcp: BTreeMap<Ipv4Addr, DhcpAnswers>,
    /// Boots of phones.
    pub boots: u64,
    /// Registrations that CallManagers took.
    pub registrations: u64,
    /// Registrations that CallManagers rejected.
    pub rejections: u64,
    /// From offer to registration.
    pub way_up: WayUp,
}

impl Measures {
    pub(crate) fn record(&mut self, kind: &EventKind) {
        let word = kind.as_str();
        match self.events.get_mut(word) {
            Some(count) => *count += 1,
            None => drop(self.events.insert(word.to_owned(), 1)),
        }
    }

    pub(crate) fn record_dhcp(&mut self, message: &Message, sender: Option<Ipv4Addr>) {
        if message.op != Op::Reply {
            return;
        }
        let server = message.server_id.or(sender).unwrap_or(OTHERS);
        let known = self.dhcp.len() < MAX_SERVERS || self.dhcp.contains_key(&server);
        let answers = self.dhcp.entry(if known { server } else { OTHERS }).or_default();
        match message.msg {
            MessageType::Offer => answers.offers += 1,
            MessageType::Ack | MessageType::Bootp => answers.acks += 1,
            MessageType::Nak => answers.naks += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_up_falls_into_the_first_bound_that_holds_it() {
        let mut way = WayUp::default();
        for seconds in [0, 1, 2, 30, 31, 9_999] {
            way.add(Duration::from_secs(seconds));
        }
        assert_eq!(way.counts, [2, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!((way.count(), way.sum), (6, Duration::from_secs(10_063)));
    }

    #[test]
    fn forged_servers_share_one_number() {
        let mut octets = vec![0; 236];
        octets[..3].copy_from_slice(&[2, 1, 6]);
        octets.extend([99, 130, 83, 99, 53, 1, 2, 255]);
        let (mut message, _) = crate::wire::dhcp::parse(&octets).unwrap();
        let mut measures = Measures::default();
        for n in 1..2_000u32 {
            message.server_id = Some(Ipv4Addr::from(n));
            measures.record_dhcp(&message, None);
        }
        assert_eq!(measures.dhcp.len(), MAX_SERVERS + 1);
        assert_eq!(measures.dhcp.values().map(|a| a.offers).sum::<u64>(), 1_999);
    }
}
