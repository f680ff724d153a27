//! The latest frames, so that what is seen on the screen can be saved: bounded by bytes, the oldest go first.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use phonescope::types::{Frame, FrameRef, LinkType, Mac, Timestamp};
use phonescope::wire::frame::{Payload, dissect, is_uninteresting};

/// What a frame takes beside its bytes.
const OVERHEAD: usize = size_of::<Kept>();
/// Ports of DHCP, whose messages name the client where their addresses do not.
const DHCP: [u16; 2] = [67, 68];

struct Kept {
    at: FrameRef,
    time: Timestamp,
    link_type: LinkType,
    orig_len: u32,
    data: Box<[u8]>,
}

impl Kept {
    fn frame(&self) -> Frame<'_> {
        Frame {
            input: self.at.input,
            number: self.at.frame,
            time: self.time,
            link_type: self.link_type,
            orig_len: self.orig_len,
            data: &self.data,
        }
    }
}

/// The latest frames; voice is not kept.
pub(super) struct Spool {
    frames: VecDeque<Kept>,
    octets: usize,
    capacity: usize,
    /// When the latest frame was let go.
    forgotten: Option<Timestamp>,
}

/// Whose frames are wanted.
#[derive(Default)]
pub(super) struct FrameQuery {
    pub(super) macs: HashSet<Mac>,
    pub(super) addresses: HashSet<IpAddr>,
    /// Frames that a report names.
    pub(super) named: HashSet<FrameRef>,
}

impl Spool {
    /// Keeps about so many bytes; with 0 nothing.
    pub(super) fn new(capacity: usize) -> Spool {
        Spool { frames: VecDeque::new(), octets: 0, capacity, forgotten: None }
    }

    /// Takes in a frame.
    pub(super) fn keep(&mut self, frame: &Frame<'_>) {
        let room = frame.data.len() + OVERHEAD;
        if room > self.capacity || is_uninteresting(frame.link_type, frame.data) {
            return;
        }
        while self.octets + room > self.capacity {
            let Some(old) = self.frames.pop_front() else { break };
            self.octets = self.octets.saturating_sub(old.data.len() + OVERHEAD);
            self.forgotten = Some(old.time);
        }
        self.octets += room;
        self.frames.push_back(Kept {
            at: FrameRef { input: frame.input, frame: frame.number },
            time: frame.time,
            link_type: frame.link_type,
            orig_len: frame.orig_len,
            data: frame.data.into(),
        });
    }

    /// Until when frames are not here any more; `None`: all of them are.
    pub(super) fn forgotten(&self) -> Option<Timestamp> {
        self.forgotten
    }

    /// The frames of some phones, in the order in which they came.
    pub(super) fn of(&self, wanted: &FrameQuery) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().map(Kept::frame).filter(|frame| wanted.wants(frame))
    }
}

impl FrameQuery {
    fn wants(&self, frame: &Frame<'_>) -> bool {
        if self.named.contains(&FrameRef { input: frame.input, frame: frame.number }) {
            return true;
        }
        let dissection = dissect(frame);
        let e = &dissection.envelope;
        let is_dhcp = [e.sport, e.dport].into_iter().flatten().any(|port| DHCP.contains(&port));
        let has_mac = |mac: &Mac| self.macs.contains(mac);
        let has_ip = |ip: &IpAddr| self.addresses.contains(ip);
        e.eth_src.as_ref().is_some_and(has_mac)
            || e.eth_dst.as_ref().is_some_and(has_mac)
            || e.src.as_ref().is_some_and(has_ip)
            || e.dst.as_ref().is_some_and(has_ip)
            || match dissection.payload {
                // The client hardware address (RFC 2131): what a server sends to all, or a relay agent.
                Payload::Udp(datagram) if is_dhcp => {
                    datagram.data.get(28..34).and_then(Mac::from_slice).as_ref().is_some_and(has_mac)
                }
                Payload::Arp(message) => has_mac(&message.sender_mac) || has_ip(&message.sender_ip.into()),
                Payload::Fragment(fragment) => has_ip(&fragment.src) || has_ip(&fragment.dst),
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64, data: &[u8]) -> Frame<'_> {
        let time = Timestamp(i64::try_from(number).unwrap());
        Frame { input: 0, number, time, link_type: LinkType(1), orig_len: data.len() as u32, data }
    }

    /// An Ethernet frame from `mac`, of a type that nobody knows.
    fn from(mac: Mac) -> Vec<u8> {
        [&[0xff; 6], &mac.0[..], &[0x88, 0xb5], &[0; 46]].concat()
    }

    const MAC: Mac = Mac([0, 0x30, 0x94, 0xc2, 0xd3, 0xfa]);

    #[test]
    fn the_oldest_frames_go_and_it_is_known_until_when() {
        let octets = from(MAC);
        let mut spool = Spool::new(3 * (octets.len() + OVERHEAD));
        for n in 1..=3 {
            spool.keep(&frame(n, &octets));
        }
        assert_eq!(spool.forgotten(), None);
        spool.keep(&frame(4, &octets));
        let wanted = FrameQuery { macs: [MAC].into(), ..FrameQuery::default() };
        let numbers: Vec<u64> = spool.of(&wanted).map(|f| f.number).collect();
        assert_eq!((numbers, spool.forgotten()), (vec![2, 3, 4], Some(Timestamp(1))));
    }

    #[test]
    fn frames_are_found_by_mac_or_because_they_are_named() {
        let (mine, other) = (from(MAC), from(Mac([2; 6])));
        let mut spool = Spool::new(1 << 20);
        for (n, octets) in [(1, &mine), (2, &other), (3, &other)] {
            spool.keep(&frame(n, octets));
        }
        let named = [FrameRef { input: 0, frame: 3 }].into();
        let wanted = FrameQuery { macs: [MAC].into(), named, ..FrameQuery::default() };
        assert_eq!(spool.of(&wanted).map(|f| f.number).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut spool = Spool::new(0);
        spool.keep(&frame(1, &from(MAC)));
        assert_eq!((spool.frames.len(), spool.forgotten()), (0, None));
    }
}
