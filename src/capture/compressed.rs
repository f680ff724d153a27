//! Decompression while reading: gzip with any number of members, zstd with any number of frames.
//!
//! Nothing is unpacked ahead, so a bomb costs time and not memory. Data that is cut off gives all that came before.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::stream::Stream;

/// Octets unpacked at once: those of the last call are lost where the data turns out to be damaged.
const STRIDE: usize = 16 * 1024;

/// The first octets of a gzip member.
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The first octets of a zstd frame.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Whether a file starts with a zstd frame, or with one to be skipped, as parallel compressors write first.
pub(super) fn is_zstd(octets: [u8; 4]) -> bool {
    octets == ZSTD_MAGIC || matches!(octets, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

/// Unpacks gzip.
pub(super) struct Gunzip {
    member: Option<GzDecoder<Stream>>,
}

impl Gunzip {
    /// From a stream that starts with a member.
    pub(super) fn new(source: Stream) -> Gunzip {
        Gunzip { member: Some(GzDecoder::new(source)) }
    }
}

impl Read for Gunzip {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let stride = out.len().min(STRIDE);
        let Some(out) = out.get_mut(..stride).filter(|out| !out.is_empty()) else { return Ok(0) };
        while let Some(member) = &mut self.member {
            match member.read(out) {
                Ok(0) => {}
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(io::Error::new(error.kind(), "the gzip data ends early"));
                }
                Err(error) => return Err(io::Error::new(error.kind(), format!("the gzip data is damaged ({error})"))),
            }
            let Some(mut source) = self.member.take().map(GzDecoder::into_inner) else { break };
            match source.fill_buf()?.first() {
                None => {}
                Some(0x1f) => self.member = Some(GzDecoder::new(source)),
                Some(_) => zeros(&mut source)?,
            }
        }
        Ok(0)
    }
}

/// Tapes and some copying programs fill up with zeros; gzip passes over them too.
fn zeros(source: &mut Stream) -> io::Result<()> {
    loop {
        let ahead = source.fill_buf()?;
        if ahead.is_empty() {
            return Ok(());
        }
        if ahead.iter().any(|octet| *octet != 0) {
            return Err(io::Error::new(ErrorKind::InvalidData, "something else follows the gzip data"));
        }
        let count = ahead.len();
        source.consume(count);
    }
}

/// Unpacks zstd.
pub(super) struct Unzstd {
    source: WatchedEnd,
    decoder: FrameDecoder,
    within_frame: bool,
    failure: Option<io::Error>,
}

/// Remembers that the end was run into, which the decoder's many errors do not tell plainly.
struct WatchedEnd {
    source: Stream,
    reached: bool,
}

impl Read for WatchedEnd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.reached |= count == 0 && !out.is_empty();
        Ok(count)
    }
}

impl Unzstd {
    /// From a stream that starts with a frame.
    pub(super) fn new(source: Stream) -> Unzstd {
        Unzstd {
            source: WatchedEnd { source, reached: false },
            decoder: FrameDecoder::new(),
            within_frame: false,
            failure: None,
        }
    }

    /// Starts the next frame; false at the end of the file.
    fn start_frame(&mut self) -> io::Result<bool> {
        loop {
            let Some(first) = self.source.source.fill_buf()?.first().copied() else { return Ok(false) };
            if !matches!(first, 0x28 | 0x50..=0x5f) {
                return Err(io::Error::new(ErrorKind::InvalidData, "something else follows the zstd data"));
            }
            match self.decoder.init(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    if !self.source.source.skip(u64::from(length)) {
                        return Err(ends_early());
                    }
                }
                Err(_) if self.source.reached => return Err(ends_early()),
                Err(error) => return Err(damaged(&error)),
            }
        }
    }

    /// Unpacks one block of the frame, or what the decoder holds back where there are no more.
    fn next_block(&mut self) {
        let Err(error) = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) else {
            return;
        };
        if !self.source.reached {
            self.failure = Some(damaged(&error));
            return;
        }
        self.failure = Some(ends_early());
        // The decoder keeps a window of what it unpacked until the frame is finished, which for most captures is all
        // of it. An empty last block and four octets for a checksum finish the frame.
        let last_block: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
        let _ = self.decoder.decode_blocks(last_block, BlockDecodingStrategy::All);
    }
}

impl Read for Unzstd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.within_frame {
                self.within_frame = self.start_frame()?;
                if !self.within_frame {
                    return Ok(0);
                }
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(out);
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if !self.decoder.is_finished() {
                self.next_block();
                continue;
            }
            self.within_frame = false;
            let (said, counted) = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
            if said.is_some() && counted.is_some() && said != counted {
                return Err(io::Error::new(ErrorKind::InvalidData, "the zstd data is damaged (checksum)"));
            }
        }
    }
}

fn ends_early() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the zstd data ends early")
}

fn damaged(error: &FrameDecoderError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the zstd data is damaged ({error})"))
}
