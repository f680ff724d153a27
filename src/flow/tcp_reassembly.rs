//! One direction of a TCP connection (RFC 9293): segments as captured to bytes in order.
//!
//! Each byte is delivered once, the first copy wins. What never comes is a [`Piece::Gap`]; when that is decided is
//! up to the caller, who knows what the other side acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::types::Timestamp;

/// One TCP segment as captured.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct TcpSegment<'a> {
    pub seq: u32,
    pub ack: u32,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub ack_flag: bool,
    /// Payload captured.
    pub data: &'a [u8],
    /// Payload bytes on the wire: more than `data` has where the snap length cut it.
    pub wire_len: usize,
}

/// Out-of-order bytes kept for one direction, at most.
const MAX_PENDING: usize = 64 * 1024;
/// Out-of-order pieces kept for one direction, at most.
const MAX_PIECES: usize = 256;
/// Segments behind a hole after which what is missing is not waited for any longer.
const MAX_LATER: u32 = 8;
/// A segment this far from the expected byte belongs to no window that these protocols use: it is a stray, or the
/// capture lost the start of another connection on the same ports.
const FAR: u64 = 1 << 20;
/// Strays in a row that are believed.
const MAX_STRAYS: u8 = 8;
/// How long an acknowledged byte may still come, mirrors being what they are; or so many segments.
const REORDER_WAIT: Duration = Duration::from_millis(200);
const REORDER_SEGMENTS: u32 = 3;

/// A place in the stream: 64 bits whose lower half is the sequence number, so that it never wraps.
pub type Offset = u64;

/// What comes next in the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Bytes. `segment_start`: a segment began with them.
    Data {
        /// Where they stand.
        at: Offset,
        /// The bytes.
        octets: Box<[u8]>,
        /// Whether these are the first bytes of a segment.
        segment_start: bool,
    },
    /// Bytes that the caller has decoded already, ahead of their turn.
    Taken {
        /// How many.
        len: u64,
    },
    /// Bytes that the capture does not hold.
    Gap {
        /// How many.
        len: u64,
        /// Whether the snap length cut them, so that their frame was seen.
        cut: bool,
    },
}

#[derive(Debug)]
enum Chunk {
    Data { octets: Box<[u8]>, segment_start: bool },
    Taken(u64),
    Cut(u64),
}

impl Chunk {
    fn len(&self) -> u64 {
        match self {
            Chunk::Data { octets, .. } => octets.len() as u64,
            Chunk::Taken(len) | Chunk::Cut(len) => *len,
        }
    }
}

/// Where a segment stands against what was delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// It starts here.
    At(Offset),
    /// Too far from everything else: not used.
    Stray,
    /// So far that the stream is taken to begin anew with it; what was pending is gone.
    Restart(Offset),
}

/// An acknowledgement of bytes that are not here (yet).
#[derive(Clone, Copy, Debug)]
struct PendingReset {
    until: Offset,
    since: Timestamp,
    segments: u32,
}

/// One direction.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// The byte expected next.
    next: Option<Offset>,
    /// Whether any byte was delivered, or the start is known from a SYN.
    anchored: bool,
    pending: BTreeMap<Offset, Chunk>,
    pending_octets: usize,
    /// Segments that came behind the present hole.
    later: u32,
    strays: u8,
    suspicion: Option<PendingReset>,
    /// Up to here, nothing that is missing is waited for.
    given_up: Offset,
    /// Where the stream ends, by a FIN.
    end: Option<Offset>,
}

impl Reassembly {
    /// Begins the stream at a sequence number: the one behind a SYN.
    pub fn start(seq: u32) -> Reassembly {
        Reassembly { next: Some((1 << 32) + Offset::from(seq)), anchored: true, ..Reassembly::default() }
    }

    /// The byte expected next; `None` before anything was seen.
    pub fn next(&self) -> Option<Offset> {
        self.next
    }

    /// Bytes kept for later.
    pub fn held(&self) -> usize {
        self.pending_octets + self.pending.len() * 64
    }

    /// Where a sequence number stands, by what is expected next.
    pub fn offset(&self, seq: u32) -> Option<Offset> {
        // The difference in 32 bits, signed, is the distance: it survives the wrap of the sequence number.
        self.next.map(|next| next.wrapping_add_signed(i64::from(seq.wrapping_sub(next as u32).cast_signed())))
    }

    /// Where a segment with data stands. The first one begins the stream, if nothing else did.
    /// `closed`: the connection has ended, so that what does not fit belongs to another one on the same ports.
    pub fn place(&mut self, seq: u32, closed: bool) -> Place {
        let Some((next, at)) = self.next.zip(self.offset(seq)) else {
            *self = Reassembly::start(seq);
            return Place::At((1 << 32) + Offset::from(seq));
        };
        if !self.anchored {
            // An acknowledgement alone said where the stream stands, and this segment was on its way before it.
            self.anchored = true;
            if at < next || at - next > FAR {
                *self = Reassembly { next: Some(at), anchored: true, ..Reassembly::default() };
                return Place::At(at);
            }
        }
        if at.abs_diff(next) <= FAR {
            self.strays = 0;
            return Place::At(at);
        }
        self.strays = self.strays.saturating_add(1);
        if closed || self.strays > MAX_STRAYS {
            *self = Reassembly::start(seq);
            return Place::Restart((1 << 32) + Offset::from(seq));
        }
        Place::Stray
    }

    /// Puts a segment's bytes in their place. `wire_len` above `data.len()`: the snap length cut the rest.
    /// `taken`: the caller has decoded it already, only its place is kept.
    /// Returns whether it contradicts bytes that came before.
    pub fn insert(&mut self, at: Offset, data: &[u8], wire_len: usize, taken: bool) -> bool {
        let Some(next) = self.next else { return false };
        let data_end = at.saturating_add(data.len() as u64);
        let end = at.saturating_add(wire_len.max(data.len()) as u64);
        if end <= next {
            return false;
        }
        if at > next {
            self.later = self.later.saturating_add(1);
        }
        let differs = !taken && self.contradicts(at, data);
        let mut from = at.max(next);
        while from < end {
            // The part of the segment from `from` on that nothing covers.
            let covered = self.pending.range(..=from).next_back().map_or(0, |(start, c)| start + c.len());
            if covered > from {
                from = covered;
                continue;
            }
            let free_end = self.pending.range(from..).next().map_or(end, |(start, _)| end.min(*start));
            let (chunk, chunk_end) = if from >= data_end {
                (Chunk::Cut(free_end - from), free_end)
            } else if taken {
                (Chunk::Taken(free_end - from), free_end)
            } else {
                let chunk_end = free_end.min(data_end);
                let range = usize::try_from(from - at).ok().zip(usize::try_from(chunk_end - at).ok());
                let octets: Box<[u8]> = range.and_then(|(a, b)| data.get(a..b)).unwrap_or_default().into();
                (Chunk::Data { octets, segment_start: from == at }, chunk_end)
            };
            if let Chunk::Data { octets, .. } = &chunk {
                self.pending_octets += octets.len();
            }
            self.pending.insert(from, chunk);
            from = chunk_end;
        }
        differs
    }

    fn contradicts(&self, at: Offset, data: &[u8]) -> bool {
        let end = at.saturating_add(data.len() as u64);
        let first = self.pending.range(..=at).next_back().map_or(at, |(start, _)| *start);
        self.pending.range(first..end).any(|(start, chunk)| {
            let Chunk::Data { octets, .. } = chunk else { return false };
            let (from, until) = (at.max(*start), end.min(start + octets.len() as u64));
            let part = |of: &[u8], origin: Offset| {
                let (a, b) = (usize::try_from(from - origin).ok()?, usize::try_from(until - origin).ok()?);
                of.get(a..b).map(<[u8]>::to_vec)
            };
            from < until && part(octets, *start) != part(data, at)
        })
    }

    /// Delivers bytes that come in their turn at once, without keeping them, as nearly all do; `false` where they have
    /// to go through [`Reassembly::insert`].
    pub fn deliver(&mut self, at: Offset, len: usize) -> bool {
        let in_turn = self.next == Some(at) && self.pending.is_empty() && len > 0;
        if in_turn {
            self.advance(at.saturating_add(len as u64));
        }
        in_turn
    }

    /// The next piece in order, if it is here, or if it is known that it never comes.
    pub fn pop(&mut self) -> Option<Piece> {
        let next = self.next?;
        let first = self.pending.first_key_value().map(|(start, _)| *start);
        if first == Some(next) {
            let (_, chunk) = self.pending.pop_first()?;
            self.advance(next + chunk.len());
            return Some(match chunk {
                Chunk::Data { octets, segment_start } => {
                    self.pending_octets = self.pending_octets.saturating_sub(octets.len());
                    Piece::Data { at: next, octets, segment_start }
                }
                Chunk::Taken(len) => Piece::Taken { len },
                Chunk::Cut(len) => Piece::Gap { len, cut: true },
            });
        }
        let crowded = self.pending_octets > MAX_PENDING || self.pending.len() > MAX_PIECES || self.later > MAX_LATER;
        let until = match first {
            Some(first) if crowded || first <= self.given_up => first,
            Some(first) => first.min(self.given_up),
            None => self.given_up,
        };
        if until <= next {
            return None;
        }
        self.advance(until);
        Some(Piece::Gap { len: until - next, cut: false })
    }

    fn advance(&mut self, next: Offset) {
        self.next = Some(next);
        self.later = 0;
        if self.suspicion.is_some_and(|s| s.until <= next) {
            self.suspicion = None;
        }
    }

    /// Gives up everything that is missing before what came last: the connection ends.
    pub fn give_up_all(&mut self) {
        if let Some((start, chunk)) = self.pending.last_key_value() {
            self.given_up = self.given_up.max(start + chunk.len());
        }
    }

    /// Takes note of a FIN: the stream ends behind `len` bytes from `seq` on.
    pub fn note_fin(&mut self, seq: u32, len: usize) {
        self.end = self.offset(seq).map(|at| at.saturating_add(len as u64));
    }

    /// Whether everything before the FIN was delivered.
    pub fn is_complete(&self) -> bool {
        self.end.is_some() && self.end == self.next
    }

    /// Takes note of the other side's acknowledgement: of all bytes before `ack`.
    pub fn note_ack(&mut self, ack: u32, now: Timestamp) {
        let Some((next, until)) = self.next.zip(self.offset(ack)) else {
            // Nothing was seen of this direction: what comes next is what the other side expects.
            self.next = Some((1 << 32) + Offset::from(ack));
            return;
        };
        // A FIN takes a sequence number without being an byte.
        let until = if self.end.is_some_and(|end| end + 1 == until) { until - 1 } else { until };
        if until <= next || until - next > FAR {
            return;
        }
        if self.suspicion.is_none() && self.missing_before(until) > 0 {
            self.suspicion = Some(PendingReset { until, since: now, segments: 0 });
        }
    }

    /// Counts a segment of the connection, in either direction, for the patience with what is missing.
    pub fn count_segment(&mut self) {
        if let Some(s) = &mut self.suspicion {
            s.segments = s.segments.saturating_add(1);
        }
    }

    /// Bytes that the other side has acknowledged and the capture does not hold, once the time for them to come
    /// late is over (`at_once`: it is), and the place up to which they count. They are given up: [`Reassembly::pop`] passes over them.
    pub fn take_unseen(&mut self, now: Timestamp, at_once: bool) -> Option<(u64, Offset)> {
        let s = self.suspicion?;
        if !at_once && s.segments < REORDER_SEGMENTS && now.since(s.since) < REORDER_WAIT {
            return None;
        }
        self.suspicion = None;
        let missing = self.missing_before(s.until);
        self.given_up = self.given_up.max(s.until);
        (missing > 0).then_some((missing, s.until))
    }

    /// Bytes between the next one expected and `until` that no segment brought, and that are not given up yet.
    fn missing_before(&self, until: Offset) -> u64 {
        let Some(next) = self.next else { return 0 };
        let from = next.max(self.given_up);
        if until <= from {
            return 0;
        }
        let here: u64 = self
            .pending
            .range(..until)
            .map(|(start, chunk)| (start + chunk.len()).min(until).saturating_sub((*start).max(from)))
            .sum();
        (until - from).saturating_sub(here)
    }

    /// Bytes missing right in front of a place ahead of the byte expected next.
    pub fn hole_before(&self, at: Offset) -> u64 {
        let before = self.pending.range(..at).next_back().map(|(start, chunk)| start + chunk.len());
        at.saturating_sub(before.or(self.next).unwrap_or(at))
    }

    /// Whether nothing between two places came yet.
    pub fn is_free(&self, from: Offset, until: Offset) -> bool {
        let before = self.pending.range(..from).next_back();
        before.is_none_or(|(start, chunk)| start + chunk.len() <= from)
            && self.pending.range(from..until).next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(piece: Option<Piece>) -> Vec<u8> {
        match piece {
            Some(Piece::Data { octets, .. }) => octets.into_vec(),
            other => panic!("{other:?}"),
        }
    }

    fn put(r: &mut Reassembly, seq: u32, octets: &[u8]) -> bool {
        let Place::At(at) = r.place(seq, false) else { panic!("a stray") };
        r.insert(at, octets, octets.len(), false)
    }

    #[test]
    fn segments_in_any_order_and_over_the_wrap_come_out_in_order() {
        let mut r = Reassembly::start(u32::MAX - 2);
        assert!(!put(&mut r, 1, b"efg"));
        assert_eq!(r.pop(), None);
        put(&mut r, u32::MAX - 2, b"abcd");
        assert_eq!(data(r.pop()), b"abcd");
        assert_eq!(data(r.pop()), b"efg");
        assert_eq!((r.pop(), r.held()), (None, 0));
        put(&mut r, u32::MAX - 2, b"XXXX");
        assert_eq!(r.pop(), None, "a retransmission is delivered again");
    }

    #[test]
    fn the_first_copy_wins_and_a_contradiction_is_told() {
        let mut r = Reassembly::start(100);
        assert!(!put(&mut r, 103, b"def"));
        assert!(!put(&mut r, 102, b"cdefg"));
        assert!(put(&mut r, 101, b"bcX"));
        put(&mut r, 100, b"a");
        let mut all = Vec::new();
        while let Some(Piece::Data { octets, .. }) = r.pop() {
            all.extend(octets);
        }
        assert_eq!(all, b"abcdefg");
    }

    #[test]
    fn acknowledged_octets_are_given_up_only_after_their_time() {
        let ms = |n: i64| Timestamp(n * 1_000_000);
        let mut r = Reassembly::start(100);
        put(&mut r, 110, b"xyz");
        r.note_ack(113, ms(0));
        assert_eq!(r.take_unseen(ms(199), false), None);
        assert_eq!(r.pop(), None);
        assert_eq!(r.take_unseen(ms(200), false).map(|u| u.0), Some(10));
        assert_eq!(r.pop(), Some(Piece::Gap { len: 10, cut: false }));
        assert_eq!(data(r.pop()), b"xyz");

        r.note_ack(120, ms(300));
        for _ in 0..3 {
            assert_eq!(r.take_unseen(ms(300), false), None);
            r.count_segment();
        }
        assert_eq!(r.take_unseen(ms(300), false).map(|u| u.0), Some(7));

        r.note_ack(130, ms(400));
        put(&mut r, 120, b"0123456789");
        while r.pop().is_some() {}
        assert_eq!(r.take_unseen(ms(900), true), None, "what came late was only out of order");
    }

    #[test]
    fn the_number_that_a_fin_takes_is_not_missing() {
        let mut r = Reassembly::start(100);
        put(&mut r, 100, b"ab");
        assert_eq!(data(r.pop()), b"ab");
        r.note_fin(102, 0);
        r.note_ack(103, Timestamp(0));
        assert_eq!(r.take_unseen(Timestamp(0), true), None);
    }

    #[test]
    fn an_acknowledgement_alone_tells_where_an_unseen_stream_stands() {
        let mut r = Reassembly::default();
        r.note_ack(500, Timestamp(0));
        r.note_ack(512, Timestamp(0));
        assert_eq!(r.take_unseen(Timestamp(0), true).map(|u| u.0), Some(12));
        let mut early = Reassembly::default();
        early.note_ack(500, Timestamp(0));
        put(&mut early, 488, b"abcdefghijkl");
        assert_eq!(data(early.pop()), b"abcdefghijkl");
    }

    #[test]
    fn octets_that_the_snap_length_cut_are_a_gap_at_once() {
        let mut r = Reassembly::start(0);
        let Place::At(at) = r.place(0, false) else { panic!() };
        r.insert(at, b"abc", 10, false);
        put(&mut r, 10, b"k");
        assert_eq!(data(r.pop()), b"abc");
        assert_eq!(r.pop(), Some(Piece::Gap { len: 7, cut: true }));
        assert_eq!(data(r.pop()), b"k");
    }

    #[test]
    fn strays_are_left_out_until_they_are_many() {
        let mut r = Reassembly::start(0);
        for i in 0..8 {
            assert_eq!(r.place(0x4000_0000 + i, false), Place::Stray);
        }
        put(&mut r, 0, b"a");
        assert_eq!(data(r.pop()), b"a");
        for _ in 0..8 {
            assert_eq!(r.place(0x4000_0000, false), Place::Stray);
        }
        assert!(matches!(r.place(0x4000_0000, false), Place::Restart(_)));
        put(&mut r, 0x4000_0000, b"b");
        assert_eq!(data(r.pop()), b"b");
        assert!(matches!(r.place(7, true), Place::Restart(_)));
    }

    /// A small generator of numbers (xorshift), so that a failure can be repeated from its seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % n
        }
    }

    /// The obviously right version: which bytes came, one flag each.
    #[test]
    fn random_segments_give_what_a_slow_version_gives() {
        for seed in 1..400u64 {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let start = random.below(1 << 32) as u32;
            let source: Vec<u8> = (0..600).map(|_| random.below(256) as u8).collect();
            let mut have = vec![false; source.len()];
            let mut next = 0usize;
            let mut r = Reassembly::start(start);
            for _ in 0..200 {
                let near = next.min(source.len() - 1) as u64;
                let from = (near + random.below(60)).saturating_sub(20).min(source.len() as u64 - 1) as usize;
                let len = (random.below(40) as usize).min(source.len() - from);
                let kept = if random.below(8) == 0 { random.below(len as u64 + 1) as usize } else { len };
                let Place::At(at) = r.place(start.wrapping_add(from as u32), false) else { panic!("seed {seed}") };
                let taken = random.below(10) == 0 && kept == len && from > next;
                assert!(!r.insert(at, &source[from..from + kept], len, taken), "seed {seed}");
                have[from..from + kept].fill(true);
                while let Some(piece) = r.pop() {
                    match piece {
                        Piece::Data { octets, .. } => {
                            assert_eq!(octets[..], source[next..next + octets.len()], "seed {seed}");
                            assert!(!octets.is_empty());
                            next += octets.len();
                        }
                        Piece::Taken { len } => next += len as usize,
                        Piece::Gap { len, cut } => {
                            let missing = &have[next..next + len as usize];
                            assert!(cut || missing.iter().all(|h| !h), "seed {seed}: octets were there");
                            next += len as usize;
                        }
                    }
                }
                assert!(!have.get(next).is_some_and(|h| *h), "seed {seed}: octet {next} is held back");
                assert!(r.held() <= MAX_PENDING + (MAX_PIECES + 2) * 64, "seed {seed}");
            }
        }
    }

    #[test]
    fn hostile_segments_do_not_grow_the_memory() {
        for seed in 1..20u64 {
            let mut random = Random(seed);
            let mut r = Reassembly::start(0);
            for _ in 0..5000 {
                let (seq, len) = (random.below(1 << 20) as u32 * 2, random.below(1400) as usize);
                if let Place::At(at) = r.place(seq, false) {
                    r.insert(at, &vec![1; len], len + random.below(9) as usize, random.below(9) == 0);
                }
                if random.below(3) == 0 {
                    r.note_ack(random.below(1 << 32) as u32, Timestamp(random.below(1 << 40) as i64));
                    r.take_unseen(Timestamp(random.below(1 << 40) as i64), random.below(2) == 0);
                }
                while r.pop().is_some() {}
                assert!(r.held() <= MAX_PENDING + 1400 + (MAX_PIECES + 2) * 64, "seed {seed}");
            }
        }
    }
}
