//! Decompression while reading: gzip with any number of members, zstd with any number of frames.
//!
//! Nothing is unpacked ahead, so a bomb costs time and not memory. Data that is cut off gives all that came before.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::stream::Stream;

/// Bytes unpacked at once: those of the last call are lost where the data turns out to be damaged.
const STRIDE: usize = 16 * 1024;

/// The first bytes of a gzip member.
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The first bytes of a zstd frame.
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

    /// Unpacks one block of the frame; where that fails, makes the decoder give out what it holds back.
    fn next_block(&mut self) {
        let Err(error) = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)) else {
            return;
        };
        self.failure = Some(if self.source.reached { ends_early() } else { damaged(&error) });
        // The decoder keeps a window of what it unpacked until the frame is finished, which for most captures is all
        // of it. An empty last block and four bytes for a checksum finish the frame.
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::super::test_files::{Pcap, open, problem, read, refusal};

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        compress_to_vec(data, CompressionLevel::Fastest)
    }

    /// 1500 packets of 200 bytes that hardly compress: three blocks of zstd.
    fn capture() -> Vec<u8> {
        let mut file = Pcap::new();
        let mut state = 1u32;
        for second in 0..1500 {
            let data: Vec<u8> = (0..200)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            file = file.packet(second, 0, &data);
        }
        file.octets
    }

    #[test]
    fn packed_captures_give_what_they_hold() {
        let (plain, _) = read(capture());
        for packed in [
            gzip(&capture()),
            zstd(&capture()),
            gzip(&gzip(&capture())),
            gzip(&zstd(&capture())),
            zstd(&gzip(&capture())),
        ] {
            let (frames, summary) = read(packed);
            assert!(frames == plain);
            assert_eq!((summary.format.raw(), summary.problem), ("pcap", None));
        }
        assert!(refusal(gzip(&gzip(&gzip(&capture())))).contains("compressed more than twice"));
        assert!(refusal(gzip(b"")).contains("is empty"));
        assert!(refusal(zstd(b"")).contains("is empty"));
        assert!(refusal(gzip(b"<html>")).contains("a web page"));
    }

    #[test]
    fn several_members_frames_and_padding_are_one_file() {
        let (plain, _) = read(capture());
        let whole = capture();
        let (start, rest) = whole.split_at(150_000);
        let mut members = [gzip(start), gzip(b""), gzip(rest)].concat();
        members.extend([0; 512]);
        let mut skipped = vec![0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
        skipped.extend([zstd(start), zstd(rest)].concat());
        for packed in [members, skipped] {
            let (frames, summary) = read(packed);
            assert!(frames == plain);
            assert_eq!(summary.problem, None);
        }
    }

    #[test]
    fn packed_data_cut_off_gives_what_came_before() {
        for (packed, name) in [(gzip(&capture()), "gzip"), (zstd(&capture()), "zstd")] {
            // The ends of the last block and of the check sum are passed too.
            let lengths = (100..packed.len()).step_by(9973).chain(packed.len() - 12..packed.len());
            let mut most = 0;
            for len in lengths {
                let file = packed[..len].to_vec();
                let Ok(_) = open(vec![file.clone()]) else {
                    assert!(refusal(file).contains(&format!("the {name} data ends early")), "{len}");
                    continue;
                };
                let (count, text) = problem(file);
                assert!(count >= most, "{len}");
                most = count;
                assert!(text.starts_with("cut off ") && text.contains(" of the uncompressed data"), "{len}: {text}");
                assert!(text.ends_with(&format!(": the {name} data ends early")), "{len}: {text}");
            }
            assert_eq!(most, 1500, "{name}");
        }
    }

    #[test]
    fn a_cut_between_two_packets_is_told_too() {
        let whole = capture();
        // Stored, not squeezed, so that the cut can be put between two packets.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
        encoder.write_all(&whole[..24 + 216 * 3]).unwrap();
        encoder.flush().unwrap();
        let packed = encoder.get_ref().clone();
        assert_eq!(
            problem(packed),
            (3, "cut off after packet 3 at byte 672 of the uncompressed data: the gzip data ends early".to_owned())
        );
    }

    #[test]
    fn damage_is_told() {
        for packed in [gzip(&capture()), zstd(&capture())] {
            let mut flipped = packed.clone();
            let last = flipped.len() - 6;
            flipped[last] ^= 0x55;
            let (count, text) = problem(flipped);
            assert!(count > 1000, "{count}");
            assert!(text.contains("data is damaged"), "{text}");
            let mut followed = packed;
            followed.extend(b"and then some");
            let (count, text) = problem(followed);
            assert_eq!(count, 1500);
            assert!(text.contains("something else follows the "), "{text}");
        }
    }

    #[test]
    fn a_bomb_is_read_without_being_unpacked_first() {
        // Zeros are packets of no bytes, 256 Ki of them in a fraction of the room.
        let mut file = Pcap::new().octets;
        file.resize(4 << 20, 0);
        let packed = gzip(&file);
        assert!(packed.len() < file.len() / 50, "{}", packed.len());
        let mut inputs = open(vec![packed]).unwrap();
        let mut frames = 0;
        while inputs.next_record().unwrap().is_some() {
            frames += 1;
        }
        assert_eq!(frames, ((4 << 20) - 24) / 16);
        let problem = inputs.summaries().remove(0).problem.unwrap();
        assert_eq!(problem.raw(), "cut off in packet 262143 at byte 4194304 of the uncompressed data");
    }
}
