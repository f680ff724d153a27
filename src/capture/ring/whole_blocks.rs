//! A buffer of pcapng blocks: a file that can not take more of them ends with a whole one.

use std::fs::File;
use std::io::{self, Write};

use super::RingSink;

/// Where what is written can be taken back.
pub(super) trait Truncate {
    /// Cuts to so many bytes from where it began.
    fn cut_to(&mut self, octets: u64) -> io::Result<()>;
}

impl Truncate for RingSink {
    fn cut_to(&mut self, octets: u64) -> io::Result<()> {
        match self {
            RingSink::File(file) => file.cut_to(octets),
            // What went into a pipe is gone.
            RingSink::StandardOutput(_) => Ok(()),
        }
    }
}

impl Truncate for File {
    fn cut_to(&mut self, octets: u64) -> io::Result<()> {
        // A device has no length to set.
        if self.metadata()?.is_file() { self.set_len(octets) } else { Ok(()) }
    }
}

/// Collects bytes, and writes them when there are many.
#[derive(Debug)]
pub(super) struct WholeBlocks<W> {
    out: W,
    buffer: Vec<u8>,
    most: usize,
    /// Bytes written before those in the buffer.
    written: u64,
}

impl<W: Write + Truncate> WholeBlocks<W> {
    pub(super) fn new(out: W, most: usize) -> WholeBlocks<W> {
        WholeBlocks { out, buffer: Vec::with_capacity(most), most, written: 0 }
    }

    /// Bytes so far, those in the buffer included.
    pub(super) fn size(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// What it wrote to.
    pub(super) fn into_inner(self) -> W {
        self.out
    }

    /// Writes the buffer. Blocks are put into it in pieces, so only what [`PcapngWriter`](super::PcapngWriter) has
    /// finished may be in it: it is called between blocks.
    fn write_out(&mut self) -> io::Result<()> {
        let mut done = 0;
        let result = loop {
            match self.buffer.get(done..) {
                None | Some([]) => break Ok(()),
                Some(rest) => match self.out.write(rest) {
                    Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                    Ok(n) => done += n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => break Err(e),
                },
            }
        };
        if result.is_err() {
            let whole = whole_blocks(&self.buffer, done);
            // The error in hand is the one to tell.
            let _ = self.out.cut_to(self.written + whole as u64);
            self.buffer.clear();
            return result;
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write + Truncate> Write for WholeBlocks<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(octets);
        if self.buffer.len() >= self.most && ends_a_block(&self.buffer) {
            self.write_out()?;
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.out.flush()
    }
}

/// Bytes of the blocks that are whole within the first `end`.
fn whole_blocks(blocks: &[u8], end: usize) -> usize {
    let mut whole = 0usize;
    while let Some(len) = blocks.get(whole.saturating_add(4)..).and_then(|rest| rest.first_chunk::<4>()) {
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
        if len < 12 || whole.saturating_add(len) > end {
            break;
        }
        whole += len;
    }
    whole
}

/// Whether a block ends where these bytes, which begin with one, do.
fn ends_a_block(octets: &[u8]) -> bool {
    whole_blocks(octets, octets.len()) == octets.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room, which keeps what it has.
    #[derive(Debug)]
    struct Disk {
        room: usize,
        octets: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let fits = octets.len().min(self.room - self.octets.len()).min(7);
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.octets.extend(&octets[..fits]);
            Ok(fits)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Truncate for Disk {
        fn cut_to(&mut self, octets: u64) -> io::Result<()> {
            self.octets.truncate(usize::try_from(octets).unwrap());
            Ok(())
        }
    }

    fn block(len: u32) -> Vec<u8> {
        let mut block = [6u32.to_le_bytes(), len.to_le_bytes()].concat();
        block.resize(len as usize - 4, 0xee);
        block.extend(len.to_le_bytes());
        block
    }

    #[test]
    fn a_full_disk_leaves_whole_blocks() {
        for room in 0..200 {
            let mut out = WholeBlocks::new(Disk { room, octets: Vec::new() }, 50);
            let mut failed = false;
            for len in [28, 12, 32, 16, 60, 24] {
                for piece in block(len).chunks(5) {
                    failed = failed || out.write_all(piece).is_err();
                }
            }
            failed = failed || out.flush().is_err();
            assert_eq!(failed, room < 172, "{room}");
            let disk = out.into_inner();
            assert!(ends_a_block(&disk.octets), "{room}: {}", disk.octets.len());
            assert!(failed || disk.octets.len() == 172);
        }
    }
}
