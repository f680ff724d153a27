//! Bytes of one input, in order, from anything that can be read: a file, a pipe, a decompressor.
//!
//! Readers of formats look ahead ([`Stream::ensure`], [`Stream::ahead`]) and consume. Nothing seeks, so a pipe is as
//! good as a file. Plain `read` into one large buffer costs less than mapping the file: the kernel copies ahead of us
//! into the cache, while a walk over a mapping waits for memory at every record.

use std::io::{self, BufRead, Read};

/// Room for the bytes read ahead, where one input is read at a time.
pub(super) const LARGE_BUFFER: usize = 256 * 1024;
/// The same where many inputs are open at once: a folder of two hundred ring-buffer files would otherwise hold 50 MiB.
pub(super) const SMALL_BUFFER: usize = 32 * 1024;

/// Bytes of one input, with a view of what comes next.
pub(super) struct Stream {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    consumed: u64,
    ended: bool,
    failure: Option<io::Error>,
    unpacked: bool,
}

impl Stream {
    /// Reads from `source` through a buffer of `room` bytes, which grows where one record needs more.
    pub(super) fn new(source: Box<dyn Read + Send>, room: usize) -> Stream {
        Stream {
            source,
            buffer: vec![0; room],
            start: 0,
            end: 0,
            consumed: 0,
            ended: false,
            failure: None,
            unpacked: false,
        }
    }

    /// The same for the output of a decompressor: positions are then said to be of the uncompressed data.
    pub(super) fn unpacked(source: Box<dyn Read + Send>, room: usize) -> Stream {
        Stream { unpacked: true, ..Stream::new(source, room) }
    }

    /// Whether the bytes come out of a decompressor.
    pub(super) fn is_unpacked(&self) -> bool {
        self.unpacked
    }

    /// Whether `count` bytes lie ahead, reading on until they do.
    #[inline]
    pub(super) fn ensure(&mut self, count: usize) -> bool {
        self.end - self.start >= count || self.fill(count)
    }

    /// What lies ahead: at least what the last [`Stream::ensure`] asked for, if it said yes.
    #[inline]
    pub(super) fn ahead(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// `len` of the bytes ahead, `at` bytes on; as many of them as there are.
    #[inline]
    pub(super) fn slice(&self, at: usize, len: usize) -> &[u8] {
        let from = (self.start + at).min(self.end);
        let to = from.saturating_add(len).min(self.end);
        self.buffer.get(from..to).unwrap_or_default()
    }

    /// Goes on by `count` bytes of those that lie ahead.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.consumed += count as u64;
    }

    /// Goes on by `count` bytes, however many; false where the stream ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> bool {
        loop {
            let here = self.end - self.start;
            if count <= here as u64 {
                self.consume(usize::try_from(count).unwrap_or(here));
                return true;
            }
            self.consume(here);
            count -= here as u64;
            if !self.fill(1) {
                return false;
            }
        }
    }

    /// Position of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.consumed
    }

    /// Position after the last byte that could be read so far.
    pub(super) fn end_position(&self) -> u64 {
        self.consumed + (self.end - self.start) as u64
    }

    /// Why nothing more can be read, where that is not simply the end.
    pub(super) fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    #[cold]
    fn fill(&mut self, count: usize) -> bool {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end < count && !self.ended {
            if self.end == self.buffer.len() {
                // A record longer than the buffer. Doubling as bytes really arrive keeps a lie about a length cheap.
                let room = self.buffer.len().saturating_mul(2).clamp(512, count.max(512));
                self.buffer.resize(room, 0);
            }
            let Some(room) = self.buffer.get_mut(self.end..) else { break };
            let room_len = room.len();
            match self.source.read(room) {
                Ok(0) => self.ended = true,
                Ok(got) => self.end += got.min(room_len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    self.ended = true;
                }
            }
        }
        self.end >= count
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ahead = self.fill_buf()?;
        let count = ahead.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), ahead.get(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.ensure(1)
            && let Some(failure) = self.failure.take()
        {
            return Err(failure);
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, count: usize) {
        Stream::consume(self, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a slow pipe may.
    struct Drip(Vec<u8>);

    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            out[..1].copy_from_slice(&[self.0.remove(0)]);
            Ok(1)
        }
    }

    #[test]
    fn octets_come_in_order_whatever_the_size_of_the_buffer() {
        let octets: Vec<u8> = (0..200u8).collect();
        for room in [0, 1, 3, 16, 1024] {
            let mut stream = Stream::new(Box::new(Drip(octets.clone())), room);
            let mut seen = Vec::new();
            for step in (1..).take_while(|_| true) {
                if !stream.ensure(step) {
                    break;
                }
                seen.extend_from_slice(stream.slice(0, step));
                stream.consume(step);
                assert_eq!(stream.position(), seen.len() as u64);
            }
            seen.extend_from_slice(stream.ahead());
            assert_eq!(seen, octets, "room {room}");
            assert_eq!(stream.end_position(), 200);
        }
    }

    #[test]
    fn a_skip_beyond_the_end_says_so() {
        let mut stream = Stream::new(Box::new(Drip(vec![7; 100])), 16);
        assert!(stream.skip(99));
        assert_eq!(stream.position(), 99);
        assert!(stream.skip(1));
        assert!(!stream.skip(1));
        assert_eq!(stream.position(), 100);
    }

    #[test]
    fn a_length_that_lies_does_not_take_the_memory_it_claims() {
        let mut stream = Stream::new(Box::new(Drip(vec![7; 100])), 16);
        assert!(!stream.ensure(1 << 30));
        assert!(stream.buffer.len() < 2048);
        assert_eq!(stream.ahead().len(), 100);
    }
}
