//! Writes pcapng: frames with comments, every error reported.
//!
//! libpcap's own writer can not say that the disk is full, and knows no comments.
//!
//! Source: draft-ietf-opsawg-pcapng. Times are in nanoseconds, numbers little-endian.

use std::io::{self, Write};

use crate::types::{Frame, LinkType, Timestamp};

/// The longest option that the format can hold.
const MAX_OPTION: usize = 65_535;

/// What a file says of an interface.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InterfaceDescription {
    /// Its name.
    pub name: String,
    /// Bytes that are kept of a frame; 0: all.
    pub snap_len: u32,
    /// The filter of the capture, as libpcap takes it.
    pub filter: Option<String>,
    /// Anything else that a reader should know.
    pub comment: Option<String>,
}

/// What became of the frames of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InterfaceStatistics {
    /// When it was read.
    pub time: Timestamp,
    /// Since when it counts.
    pub start: Timestamp,
    /// Frames handed to the program.
    pub delivered: u64,
    /// Frames that the port dropped.
    pub dropped_by_port: u64,
    /// Frames for which the kernel had no room.
    pub dropped_by_kernel: u64,
}

/// Writes frames to a pcapng file. An interface is declared for each input and link type: with
/// [`PcapngWriter::declare`], or when its first frame comes.
///
/// Bytes reach the disk with [`PcapngWriter::finish`]; without it a failure of the last ones goes unseen.
pub struct PcapngWriter<W: Write> {
    out: W,
    interfaces: Vec<(u32, LinkType)>,
    /// One block, put together before it is written.
    block: Vec<u8>,
}

impl<W: Write> PcapngWriter<W> {
    /// Starts a file and names the program that writes it. `out` should be buffered.
    ///
    /// # Errors
    /// Where `out` fails.
    pub fn new(out: W, program: &str) -> io::Result<PcapngWriter<W>> {
        let mut writer = PcapngWriter { out, interfaces: Vec::new(), block: Vec::new() };
        writer.block.extend(0x1a2b_3c4d_u32.to_le_bytes());
        writer.block.extend([1, 0, 0, 0]);
        // The length of the section is not known yet.
        writer.block.extend(u64::MAX.to_le_bytes());
        writer.option(4, program.as_bytes());
        writer.end_options();
        writer.write_block(0x0a0d_0d0a)?;
        Ok(writer)
    }

    /// Declares the interface of an input and link type, once; it must come before the first frame.
    ///
    /// # Errors
    /// Where the file can not be written.
    pub fn declare(&mut self, input: u32, link_type: LinkType, interface: &InterfaceDescription) -> io::Result<()> {
        if self.interfaces.contains(&(input, link_type)) {
            return Ok(());
        }
        self.block.extend(link_type.0.to_le_bytes());
        self.block.extend([0; 2]);
        self.block.extend(interface.snap_len.to_le_bytes());
        if let Some(comment) = &interface.comment {
            self.option(1, start_of(comment).as_bytes());
        }
        self.option(2, start_of(&interface.name).as_bytes());
        // Times are in nanoseconds.
        self.option(9, &[9]);
        if let Some(filter) = &interface.filter {
            // 0: the text of a filter, and not its program.
            self.option(11, start_of(&format!("\0{filter}")).as_bytes());
        }
        self.end_options();
        self.write_block(1)?;
        self.interfaces.push((input, link_type));
        Ok(())
    }

    /// Writes what became of the frames of an input.
    ///
    /// # Errors
    /// Where the file can not be written.
    pub fn write_statistics(
        &mut self,
        input: u32,
        link_type: LinkType,
        statistics: &InterfaceStatistics,
    ) -> io::Result<()> {
        let interface = self.interface(input, link_type)?;
        let ticks = |time: Timestamp| u64::try_from(time.0).unwrap_or(0).rotate_left(32).to_le_bytes();
        self.block.extend(interface.to_le_bytes());
        self.block.extend(ticks(statistics.time));
        self.option(2, &ticks(statistics.start));
        self.option(3, &ticks(statistics.time));
        self.option(5, &statistics.dropped_by_port.to_le_bytes());
        self.option(7, &statistics.dropped_by_kernel.to_le_bytes());
        self.option(8, &statistics.delivered.to_le_bytes());
        self.end_options();
        self.write_block(5)
    }

    /// Where it writes to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes a frame, with a comment where there is one to make.
    ///
    /// A comment is cut where it is longer than the format allows. Times before 1970, which the format can not hold,
    /// are written as 1970.
    ///
    /// # Errors
    /// Where the file can not be written, as on a full disk.
    pub fn write_frame(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> io::Result<()> {
        let interface = self.interface(frame.input, frame.link_type)?;
        let ticks = u64::try_from(frame.time.0).unwrap_or(0);
        let captured = u32::try_from(frame.data.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame of more than 4 GiB"))?;
        self.block.extend(interface.to_le_bytes());
        // The upper half of the time comes first, in whatever byte order.
        self.block.extend(ticks.rotate_left(32).to_le_bytes());
        self.block.extend(captured.to_le_bytes());
        self.block.extend(frame.orig_len.to_le_bytes());
        self.block.extend(frame.data);
        self.pad();
        if let Some(comment) = comment {
            self.option(1, start_of(comment).as_bytes());
            self.end_options();
        }
        self.write_block(6)
    }

    /// Writes what is buffered, and gives the file back.
    ///
    /// # Errors
    /// Where the file can not be written, as on a full disk.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    /// The number of the interface, which is declared where it is new.
    fn interface(&mut self, input: u32, link_type: LinkType) -> io::Result<u32> {
        let key = (input, link_type);
        let at = match self.interfaces.iter().position(|known| *known == key) {
            Some(at) => at,
            None => {
                let name = format!("input {input}");
                self.declare(input, link_type, &InterfaceDescription { name, ..InterfaceDescription::default() })?;
                self.interfaces.len() - 1
            }
        };
        u32::try_from(at).map_err(|_| io::Error::other("too many interfaces"))
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..value.len().min(MAX_OPTION)).unwrap_or_default();
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.block.extend(code.to_le_bytes());
        self.block.extend(len.to_le_bytes());
        self.block.extend(value);
        self.pad();
    }

    fn end_options(&mut self) {
        self.block.extend([0; 4]);
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    /// Writes the block put together, with its type and lengths around it.
    fn write_block(&mut self, kind: u32) -> io::Result<()> {
        let total = u32::try_from(self.block.len() + 12)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a block of more than 4 GiB"))?;
        let written = self
            .out
            .write_all(&kind.to_le_bytes())
            .and_then(|()| self.out.write_all(&total.to_le_bytes()))
            .and_then(|()| self.out.write_all(&self.block))
            .and_then(|()| self.out.write_all(&total.to_le_bytes()));
        self.block.clear();
        written
    }
}

/// As much of a text as an option holds, in whole characters.
fn start_of(text: &str) -> &str {
    let mut len = text.len().min(MAX_OPTION);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    text.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::test_files::read;
    use crate::types::Timestamp;

    fn frame(input: u32, link_type: u16, time: i64, data: &[u8]) -> Frame<'_> {
        Frame { input, number: 1, time: Timestamp(time), link_type: LinkType(link_type), orig_len: 100, data }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let mut writer = PcapngWriter::new(Vec::new(), "phonescope").unwrap();
        writer.write_frame(&frame(0, 1, 1_700_000_000_123_456_789, b"first"), Some("why")).unwrap();
        writer.write_frame(&frame(3, 113, 1_700_000_001_000_000_000, b""), None).unwrap();
        writer.write_frame(&frame(0, 1, 1_700_000_002_000_000_001, b"third"), Some(&"é".repeat(40_000))).unwrap();
        let (frames, summary) = read(writer.finish().unwrap());
        let seen: Vec<_> =
            frames.iter().map(|frame| (frame.link_type.0, frame.time.0, frame.data.as_slice())).collect();
        assert_eq!(
            seen,
            [
                (1, 1_700_000_000_123_456_789, b"first".as_slice()),
                (113, 1_700_000_001_000_000_000, b""),
                (1, 1_700_000_002_000_000_001, b"third"),
            ]
        );
        assert_eq!(summary.problem, None);
        assert_eq!(summary.cut_frames, 3);
    }

    #[test]
    fn an_interface_has_its_name_and_its_statistics() {
        let mut writer = PcapngWriter::new(Vec::new(), "phonescope").unwrap();
        let description = InterfaceDescription {
            name: "eth0".into(),
            snap_len: 96,
            filter: Some("udp port 67".into()),
            comment: Some("why".into()),
        };
        writer.declare(0, LinkType::ETHERNET, &description).unwrap();
        writer.write_frame(&frame(0, 1, 1_700_000_000_000_000_000, b"data"), None).unwrap();
        let statistics = InterfaceStatistics {
            time: Timestamp(1_700_000_001_000_000_000),
            start: Timestamp(1_700_000_000_000_000_000),
            delivered: 1,
            dropped_by_port: 2,
            dropped_by_kernel: 5,
        };
        writer.write_statistics(0, LinkType::ETHERNET, &statistics).unwrap();
        let file = writer.finish().unwrap();
        for text in [&b"eth0"[..], b"\0udp port 67", b"why"] {
            assert!(file.windows(text.len()).any(|part| part == text));
        }
        let (frames, summary) = read(file);
        assert_eq!((frames.len(), summary.dropped, summary.problem), (1, Some(7), None));
    }

    #[test]
    fn a_long_comment_is_cut_between_characters() {
        assert_eq!(start_of(&"é".repeat(40_000)).len(), 65_534);
        assert_eq!(start_of("why"), "why");
    }

    #[test]
    fn a_full_disk_is_an_error() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0 = self.0.checked_sub(octets.len()).ok_or(io::ErrorKind::StorageFull)?;
                Ok(octets.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        assert!(PcapngWriter::new(Full(20), "phonescope").is_err());
        let mut writer = PcapngWriter::new(Full(100), "phonescope").unwrap();
        let error = writer.write_frame(&frame(0, 1, 0, b"data"), None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        // What only shows when buffers are emptied is reported too.
        let mut writer = PcapngWriter::new(io::BufWriter::with_capacity(4096, Full(200)), "phonescope").unwrap();
        writer.write_frame(&frame(0, 1, 0, &[0; 1000]), None).unwrap();
        assert!(writer.finish().is_err());
    }
}
