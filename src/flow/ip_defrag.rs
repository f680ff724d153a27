//! Puts IP packets together from their fragments (RFC 791, RFC 8200 section 4.5, RFC 5722).
//!
//! TFTP with a large block size and long DHCP messages come in fragments. The table is bounded in packets, bytes
//! and age; what it gives up is counted.
//!
//! Decisions:
//! * Where fragments of IPv4 overlap, the first to come wins, as in most hosts, and the packet carries an anomaly.
//!   An IPv6 packet with an overlap is dropped and counted (RFC 5722).
//! * A fragment that is there already, byte for byte, is a copy that a mirror made. It starts a second packet, so
//!   each copy of the whole comes out once, and none is left behind to spoil a later packet with the same id.
//! * A fragment that the snap length cut ends its packet there: nothing behind the gap can be joined. The packet
//!   comes out as far as it goes, with an anomaly; the length in its UDP header tells what it lacks. The
//!   fragments behind the cut are swallowed.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashlink::LinkedHashMap;

use crate::types::Timestamp;
use crate::wire::Anomaly;
use crate::wire::frame::Fragment;

/// Packets under way at a time.
pub const MAX_PACKETS: usize = 256;
/// Bytes of one packet: what the length field of IP can say.
pub const MAX_PACKET_LEN: usize = 65_535;
/// Bytes kept in all; a fragment counts with [`PIECE_OVERHEAD`] on top.
pub const MAX_OCTETS: usize = 4 << 20;
/// How long a packet waits for its fragments, as in most hosts.
pub const MAX_AGE: Duration = Duration::from_secs(30);
/// What a fragment costs besides its bytes.
const PIECE_OVERHEAD: usize = 64;
/// Copies of one packet under way at a time: a packet mirrored at four ports.
const MAX_COPIES: u8 = 4;

/// A packet put together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reassembled {
    /// IP protocol number of `data`.
    pub protocol: u8,
    /// What the packet carries.
    pub data: Vec<u8>,
    /// What was odd about the fragments.
    pub anomalies: Vec<Anomaly>,
}

/// Fragments under way.
#[derive(Debug, Default)]
pub struct Defragmenter {
    /// In order of their first fragment.
    packets: LinkedHashMap<Key, Packet, RandomState>,
    octets: usize,
    /// The latest time seen; merged captures may step back, this does not.
    clock: Timestamp,
    given_up: u64,
    dropped_overlapping: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    protocol: u8,
    copy: u8,
}

#[derive(Debug)]
struct Packet {
    first_seen: Timestamp,
    state: State,
    /// By offset, none overlapping another.
    pieces: Vec<Piece>,
    /// Where the packet ends: after its last fragment, or where one was cut.
    end: Option<usize>,
    overlap: bool,
    cut: bool,
    /// Bytes of the pieces, and their overhead.
    cost: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    /// Came out as far as it goes; fragments behind the cut are swallowed.
    Cut,
    /// Dropped for an overlap; all further fragments are swallowed.
    Dropped,
}

#[derive(Debug)]
struct Piece {
    offset: usize,
    data: Vec<u8>,
}

impl Piece {
    fn end(&self) -> usize {
        self.offset.saturating_add(self.data.len())
    }
}

impl Defragmenter {
    /// An empty table.
    pub fn new() -> Self {
        Defragmenter::default()
    }

    /// Takes a fragment; gives the packet that it completes.
    pub fn handle_fragment(&mut self, time: Timestamp, f: &Fragment<'_>) -> Option<Reassembled> {
        self.clock = self.clock.max(time);
        self.forget_old();
        let end = f.offset.checked_add(f.data.len()).filter(|end| *end <= MAX_PACKET_LEN)?;
        if f.data.is_empty() && f.more {
            return None;
        }
        let key = self.place(f)?;
        let packet = self.packets.get_mut(&key)?;
        let before = packet.cost;
        packet.insert(f, end);
        if packet.overlap && f.src.is_ipv6() {
            packet.state = State::Dropped;
            packet.pieces = Vec::new();
            packet.cost = 0;
            self.dropped_overlapping = self.dropped_overlapping.saturating_add(1);
        }
        let after = packet.cost;
        let complete = packet.state == State::Open && packet.is_complete();
        self.octets = self.octets.saturating_sub(before).saturating_add(after);
        if complete {
            return Some(self.take(&key));
        }
        while self.octets > MAX_OCTETS {
            if !self.give_up_oldest() {
                break;
            }
        }
        None
    }

    /// What a report says where packets were given up for lack of room; `None` where none was.
    pub fn limits_reached(&self) -> Option<String> {
        (self.given_up > 0).then(|| {
            format!(
                "IP fragments: {} packets under way were given up, since no more than {MAX_PACKETS} packets or {} MiB are kept",
                self.given_up,
                MAX_OCTETS >> 20
            )
        })
    }

    /// Bytes kept of packets under way.
    pub fn held(&self) -> usize {
        self.octets
    }

    /// IPv6 packets dropped because their fragments overlap (RFC 5722).
    pub fn dropped_overlapping(&self) -> u64 {
        self.dropped_overlapping
    }

    /// The copy of the packet that this fragment belongs to, made where there is none; `None`: it is swallowed.
    fn place(&mut self, f: &Fragment<'_>) -> Option<Key> {
        let key = |copy| Key { src: f.src, dst: f.dst, id: f.id, protocol: f.protocol, copy };
        let (mut free, mut spent) = (None, None);
        for key in (0..MAX_COPIES).map(key) {
            match self.packets.get(&key) {
                None => free = free.or(Some(key)),
                Some(packet) => match packet.state {
                    State::Dropped => return None,
                    // A first fragment begins another copy; a later one is behind the cut.
                    State::Cut if f.offset != 0 => return None,
                    State::Cut => spent = spent.or(Some(key)),
                    State::Open if packet.holds(f) => {}
                    State::Open => return Some(key),
                },
            }
        }
        // More copies under way than any mirror makes are swallowed.
        let key = free.or(spent)?;
        self.remove(&key);
        while self.packets.len() >= MAX_PACKETS {
            if !self.give_up_oldest() {
                break;
            }
        }
        self.packets.insert(key, Packet::new(self.clock));
        Some(key)
    }

    fn take(&mut self, key: &Key) -> Reassembled {
        let Some(mut packet) = self.remove(key) else {
            return Reassembled { protocol: key.protocol, data: Vec::new(), anomalies: Vec::new() };
        };
        let pieces = std::mem::take(&mut packet.pieces);
        let mut data = Vec::with_capacity(packet.end.unwrap_or(0));
        for piece in &pieces {
            data.extend_from_slice(&piece.data);
        }
        data.truncate(packet.end.unwrap_or(0));
        let mut anomalies = Vec::new();
        if packet.overlap {
            anomalies
                .push(Anomaly::fixed("ip: fragments overlap or contradict each other; the first to come are taken"));
        }
        if packet.cut {
            anomalies.push(Anomaly::fixed("ip: a fragment was cut by the snap length; the packet ends there"));
            self.packets.insert(*key, Packet { state: State::Cut, cost: 0, ..packet });
        }
        Reassembled { protocol: key.protocol, data, anomalies }
    }

    fn remove(&mut self, key: &Key) -> Option<Packet> {
        let packet = self.packets.remove(key)?;
        self.octets = self.octets.saturating_sub(packet.cost);
        Some(packet)
    }

    /// Packets that waited too long were lost on the way, which is no limit of ours.
    fn forget_old(&mut self) {
        while let Some((_, oldest)) = self.packets.front() {
            if self.clock.since(oldest.first_seen) <= MAX_AGE {
                break;
            }
            if let Some((_, packet)) = self.packets.pop_front() {
                self.octets = self.octets.saturating_sub(packet.cost);
            }
        }
    }

    fn give_up_oldest(&mut self) -> bool {
        let Some((_, packet)) = self.packets.pop_front() else { return false };
        self.octets = self.octets.saturating_sub(packet.cost);
        if packet.state == State::Open {
            self.given_up = self.given_up.saturating_add(1);
        }
        true
    }
}

impl Packet {
    fn new(first_seen: Timestamp) -> Packet {
        Packet { first_seen, state: State::Open, pieces: Vec::new(), end: None, overlap: false, cut: false, cost: 0 }
    }

    /// Whether all that the fragment says is known already.
    fn holds(&self, f: &Fragment<'_>) -> bool {
        let (mut at, mut rest) = (f.offset, f.data);
        for piece in self.pieces_behind(f.offset) {
            if rest.is_empty() {
                break;
            }
            let Some(there) = at.checked_sub(piece.offset).and_then(|skip| piece.data.get(skip..)) else {
                return false;
            };
            let len = there.len().min(rest.len());
            if there.get(..len) != rest.get(..len) {
                return false;
            }
            rest = rest.get(len..).unwrap_or_default();
            at = at.saturating_add(len);
        }
        let knows_end = f.more || self.end == Some(f.offset.saturating_add(f.data.len()));
        rest.is_empty() && !f.data.is_empty() && knows_end
    }

    /// The pieces that end behind `offset`.
    fn pieces_behind(&self, offset: usize) -> &[Piece] {
        let first = self.pieces.partition_point(|piece| piece.end() <= offset);
        self.pieces.get(first..).unwrap_or_default()
    }

    /// Takes a fragment that ends at `end`: fills the gaps that it covers; what is there already stays.
    fn insert(&mut self, f: &Fragment<'_>, end: usize) {
        self.cut |= !f.whole;
        if !self.cut {
            // A packet has one last fragment, and nothing behind it.
            let beyond = self.end.is_some_and(|known| if f.more { end > known } else { end != known });
            let before = !f.more && self.pieces.last().is_some_and(|piece| piece.end() > end);
            self.overlap |= beyond || before;
        }
        if !(f.more && f.whole) {
            self.end = Some(self.end.map_or(end, |known| known.min(end)));
        }
        let mut at = f.offset;
        let mut index = self.pieces.partition_point(|piece| piece.end() <= f.offset);
        // Each turn fills one gap or skips one piece, so the loop ends with the pieces.
        while at < end {
            let next = self.pieces.get(index);
            let gap_end = next.map_or(end, |piece| piece.offset.min(end));
            if at < gap_end {
                let gap = at.saturating_sub(f.offset)..gap_end.saturating_sub(f.offset);
                let data = f.data.get(gap).unwrap_or_default().to_vec();
                self.cost = self.cost.saturating_add(data.len()).saturating_add(PIECE_OVERHEAD);
                self.pieces.insert(index, Piece { offset: at, data });
                index = index.saturating_add(1);
                at = gap_end;
            } else if let Some(piece) = next {
                self.overlap = true;
                at = piece.end();
                index = index.saturating_add(1);
            } else {
                break;
            }
        }
    }

    /// Whether the pieces reach from 0 to the end without a gap.
    fn is_complete(&self) -> bool {
        let Some(end) = self.end else { return false };
        let mut at = 0;
        for piece in &self.pieces {
            if piece.offset > at {
                break;
            }
            at = piece.end();
        }
        at >= end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(offset: usize, more: bool, data: &[u8]) -> Fragment<'_> {
        let (src, dst) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        Fragment { src, dst, id: 7, protocol: 17, offset, more, data, whole: true }
    }

    fn v6(f: Fragment<'_>) -> Fragment<'_> {
        Fragment { src: "fe80::1".parse().unwrap(), dst: "fe80::2".parse().unwrap(), ..f }
    }

    /// Feeds the fragments a millisecond apart; gives the packets that come out, and what is odd about each.
    fn feed(table: &mut Defragmenter, fragments: &[Fragment<'_>]) -> Vec<(Vec<u8>, usize)> {
        let mut out = Vec::new();
        for (i, f) in fragments.iter().enumerate() {
            let time = Timestamp(i64::try_from(i).unwrap() * 1_000_000);
            out.extend(table.handle_fragment(time, f).map(|r| (r.data, r.anomalies.len())));
        }
        out
    }

    #[test]
    fn every_order_gives_the_packet_with_its_last_fragment() {
        let parts = [piece(0, true, b"01234567"), piece(8, true, b"89abcdef"), piece(16, false, b"gh")];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for family in [|f| f, v6] {
                let mut table = Defragmenter::new();
                let [a, b, c] = order.map(|i| family(parts[i]));
                assert_eq!(feed(&mut table, &[a, b]), []);
                assert_eq!(feed(&mut table, &[c]), [(b"0123456789abcdefgh".to_vec(), 0)]);
                assert_eq!((table.packets.len(), table.octets), (0, 0), "nothing is left behind");
            }
        }
    }

    #[test]
    fn packets_of_other_hosts_ids_and_protocols_are_others() {
        let (first, last) = (piece(0, true, b"01234567"), piece(8, false, b"89"));
        for other in [
            Fragment { src: last.dst, ..last },
            Fragment { dst: last.src, ..last },
            Fragment { id: 8, ..last },
            Fragment { protocol: 6, ..last },
        ] {
            assert_eq!(feed(&mut Defragmenter::new(), &[first, other]), []);
        }
    }

    #[test]
    fn mirror_copies_are_removed_and_forgotten() {
        let (a, b, c) = (piece(0, true, b"01234567"), piece(8, true, b"89abcdef"), piece(16, false, b"gh"));
        let whole = (b"0123456789abcdefgh".to_vec(), 0);
        for order in [[a, b, c, a, b, c], [a, a, b, b, c, c], [a, b, a, b, c, c], [c, c, b, a, a, b]] {
            let mut table = Defragmenter::new();
            assert_eq!(feed(&mut table, &order), [whole.clone(), whole.clone()]);
            assert!(table.packets.is_empty());
        }
        let mut table = Defragmenter::new();
        assert_eq!(feed(&mut table, &[a; 9]), []);
        assert_eq!(table.packets.len(), 4, "no more copies than a mirror makes");
    }

    #[test]
    fn the_first_octets_win_in_ipv4_and_the_packet_says_so() {
        let table = || Defragmenter::new();
        let (first, last) = (piece(0, true, b"01234567"), piece(8, false, b"89"));
        let other = piece(0, true, b"OVERLAPSOVERLAPS");
        assert_eq!(feed(&mut table(), &[first, other, last]), [(b"01234567OV".to_vec(), 1)]);
        assert_eq!(feed(&mut table(), &[other, first, last]), [(b"OVERLAPSOV".to_vec(), 1)]);
        let inside = piece(8, false, b"OVERLAPS");
        assert_eq!(feed(&mut table(), &[other, inside]), [(b"OVERLAPSOVERLAPS".to_vec(), 1)]);
        let late_end = piece(16, false, b"xx");
        assert_eq!(feed(&mut table(), &[last, late_end, first]), [(b"0123456789".to_vec(), 1)]);
        let beyond = piece(16, true, b"beyond..");
        assert_eq!(feed(&mut table(), &[last, beyond, first]), [(b"0123456789".to_vec(), 1)]);
        assert_eq!(feed(&mut table(), &[beyond, last, first]), [(b"0123456789".to_vec(), 1)]);
    }

    #[test]
    fn an_overlap_drops_the_packet_in_ipv6() {
        let mut table = Defragmenter::new();
        let (first, last) = (piece(0, true, b"01234567"), piece(8, false, b"89"));
        let other = piece(0, true, b"OVERLAPS");
        assert_eq!(feed(&mut table, &[first, other, last, first, last].map(v6)), []);
        assert_eq!(table.dropped_overlapping(), 1);
        assert_eq!(table.octets, 0);
        assert_eq!(table.limits_reached(), None);
    }

    #[test]
    fn a_packet_ends_where_the_snap_length_cut_a_fragment() {
        let cut = Fragment { whole: false, ..piece(0, true, b"0123") };
        let (middle, last) = (piece(8, true, b"89abcdef"), piece(16, false, b"gh"));
        let mut table = Defragmenter::new();
        assert_eq!(feed(&mut table, &[cut, middle, last]), [(b"0123".to_vec(), 1)]);
        assert_eq!(feed(&mut table, &[cut, last]), [(b"0123".to_vec(), 1)], "another copy");
        assert_eq!(feed(&mut Defragmenter::new(), &[middle, last, cut]), [(b"0123".to_vec(), 1)]);
        let first = piece(0, true, b"01234567");
        let cut = Fragment { whole: false, ..piece(8, true, b"89") };
        assert_eq!(feed(&mut Defragmenter::new(), &[last, cut, first]), [(b"0123456789".to_vec(), 1)]);
        let cut = Fragment { whole: false, ..piece(8, false, b"89") };
        assert_eq!(feed(&mut Defragmenter::new(), &[cut, first]), [(b"0123456789".to_vec(), 1)]);
        let many = [Fragment { whole: false, ..piece(0, true, b"0123") }; 50];
        let mut table = Defragmenter::new();
        assert_eq!(feed(&mut table, &many).len(), 50);
        assert_eq!((table.packets.len(), table.octets), (4, 0));
    }

    #[test]
    fn fragments_expire_after_30_s_even_if_the_clock_steps_back() {
        let (first, last) = (piece(0, true, b"01234567"), piece(8, false, b"89"));
        for (wait, there) in [(30_000_000_000, true), (30_000_000_001, false)] {
            let mut table = Defragmenter::new();
            assert_eq!(table.handle_fragment(Timestamp(0), &first), None);
            assert_eq!(table.handle_fragment(Timestamp(wait), &last).is_some(), there);
            assert_eq!(table.limits_reached(), None, "lost on the way is no limit of ours");
        }
        let mut table = Defragmenter::new();
        table.handle_fragment(Timestamp(50_000_000_000), &first);
        assert!(table.handle_fragment(Timestamp(0), &last).is_some());
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_packet_goes_first() {
        let mut table = Defragmenter::new();
        for id in 0..257 {
            table.handle_fragment(Timestamp(0), &Fragment { id, ..piece(0, true, b"01234567") });
        }
        assert_eq!(table.packets.len(), MAX_PACKETS);
        assert!(table.limits_reached().unwrap().contains(": 1 packets"));
        assert!(table.handle_fragment(Timestamp(0), &Fragment { id: 1, ..piece(8, false, b"89") }).is_some());
        assert!(table.handle_fragment(Timestamp(0), &Fragment { id: 0, ..piece(8, false, b"89") }).is_none());

        let mut table = Defragmenter::new();
        let big = vec![0; 60_000];
        for id in 0..200 {
            table.handle_fragment(Timestamp(0), &Fragment { id, ..piece(8, true, &big) });
            assert!(table.octets <= MAX_OCTETS);
        }
        assert_eq!(table.packets.len(), MAX_OCTETS / (60_000 + PIECE_OVERHEAD));
        assert!(table.limits_reached().unwrap().contains(": 131 packets"));
        for offset in 0..8_000 {
            table.handle_fragment(Timestamp(0), &piece(offset * 16, true, b"01234567"));
        }
        let kept: usize = table.packets.values().map(|packet| packet.cost).sum();
        assert_eq!(table.octets, kept);
    }

    #[test]
    fn pieces_beyond_what_ip_can_say_and_empty_ones_are_ignored() {
        let mut table = Defragmenter::new();
        let long = vec![0; 100];
        assert_eq!(
            feed(&mut table, &[piece(65_528, false, &long), piece(0, true, b""), piece(usize::MAX, true, b"x")]),
            []
        );
        assert!(table.packets.is_empty());
        assert_eq!(feed(&mut table, &[piece(0, true, b"01234567"), piece(8, false, b"")]), [(b"01234567".to_vec(), 0)]);
    }

    /// The obviously right way: an array of bytes and a note for each whether it is there.
    fn slow(fragments: &[Fragment<'_>]) -> Option<Vec<u8>> {
        let mut there = [None; 200];
        let mut end = None;
        for f in fragments {
            for (i, octet) in f.data.iter().enumerate() {
                there[f.offset + i] = there[f.offset + i].or(Some(*octet));
            }
            if !f.more {
                let last = f.offset + f.data.len();
                end = Some(end.unwrap_or(last).min(last));
            }
            if let Some(packet) = end.and_then(|end| there[..end].iter().copied().collect()) {
                return Some(packet);
            }
        }
        None
    }

    #[test]
    fn random_fragments_give_what_the_slow_way_gives() {
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % below).unwrap()
        };
        let mut complete = 0;
        for round in 0..3_000 {
            let noise: Vec<u8> = (0..400).map(|_| u8::try_from(random(256)).unwrap()).collect();
            let fragments: Vec<_> = (0..12)
                .map(|_| {
                    let (offset, len, at) = (random(8) * 8, 1 + random(32), random(300));
                    piece(offset, random(6) != 0, &noise[at..at + len])
                })
                .collect();
            let first = feed(&mut Defragmenter::new(), &fragments).into_iter().next().map(|(data, _)| data);
            complete += usize::from(first.is_some());
            assert_eq!(first, slow(&fragments), "round {round}: {fragments:?}");
        }
        assert!(complete > 300, "the test would say nothing: {complete}");
    }
}
