//! One input: what it is, where it stands, and what is known of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::compressed::{Gunzip, Unzstd};
use super::error::CaptureError;
use super::events_file::EventsFile;
use super::format::{self, Format};
use super::pcap_file::PcapFile;
use super::pcapng::Pcapng;
use super::reader::{FrameHead, Reader, Step};
use super::snoop::Snoop;
use super::stream::Stream;
use super::tally::Tally;
use crate::event::{Event, InputSummary};
use crate::types::{Frame, Timestamp, WireText};

/// Compressed data in compressed data, at most.
const MAX_LAYERS: u32 = 2;

/// How standard input is named on the command line and in reports.
pub(super) const STANDARD_INPUT: &str = "-";

/// A path as it is shown: the text where it is UTF-8, marks of replacement where not.
pub(super) fn shown(path: &Path) -> WireText {
    WireText::from_bytes(path.as_os_str().as_encoded_bytes())
}

/// A frame, or an event of an events file.
#[derive(Debug)]
pub enum Record<'a> {
    /// A frame of a capture.
    Frame(Frame<'a>),
    /// A line of an events file. Its input ids are changed where they would clash with other inputs.
    Event(Box<Event>),
}

/// Counts what is read from the disk, before it is unpacked.
struct Counted<R> {
    source: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A stream and the reader that understands it.
struct Reading {
    stream: Stream,
    reader: Reader,
}

enum State {
    Reading(Box<Reading>),
    /// Closed until its first record is due: hundreds of ring-buffer files hardly overlap.
    Parked(PathBuf),
    Done,
}

/// The record that the reader stands at.
enum Current {
    None,
    /// The one in `head`.
    Frame,
    Event(Box<Event>),
}

/// One input.
pub(super) struct Input {
    path: WireText,
    room: usize,
    state: State,
    current: Current,
    head: FrameHead,
    tally: Tally,
    format: &'static str,
    /// Kept from an events file: what it tells of its inputs.
    told: Option<EventsFile>,
    read: Arc<AtomicU64>,
    /// Bytes on the disk, where that is known.
    size: Option<u64>,
}

impl Input {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path, room: usize) -> Result<Input, CaptureError> {
        let name = shown(path);
        let file = File::open(path).map_err(|error| CaptureError::open(&name, error))?;
        let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
        Input::from_reader(name, Box::new(file), room, size)
    }

    /// Reads the header of what `source` gives.
    pub(super) fn from_reader(
        path: WireText,
        source: Box<dyn Read + Send>,
        room: usize,
        size: Option<u64>,
    ) -> Result<Input, CaptureError> {
        let mut input = Input {
            path,
            room,
            state: State::Done,
            current: Current::None,
            head: FrameHead::default(),
            tally: Tally::default(),
            format: "",
            told: None,
            read: Arc::default(),
            size,
        };
        input.start(source)?;
        Ok(input)
    }

    fn start(&mut self, source: Box<dyn Read + Send>) -> Result<(), CaptureError> {
        self.read.store(0, Ordering::Relaxed);
        let source = Counted { source, count: Arc::clone(&self.read) };
        let mut stream = Stream::new(Box::new(source), self.room);
        let reader = self.open_format(&mut stream)?;
        self.format = reader.format();
        self.state = State::Reading(Box::new(Reading { stream, reader }));
        Ok(())
    }

    /// Recognises the format, unpacking where needed, and reads the file header.
    fn open_format(&mut self, stream: &mut Stream) -> Result<Reader, CaptureError> {
        let Input { path: name, tally, room, .. } = self;
        let standard_input = name.raw() == STANDARD_INPUT;
        let name = &if standard_input { "standard input".into() } else { name.clone() };
        let path = || name.clone();
        let broken = |format| move |what| CaptureError::Header { path: name.clone(), format, what };
        for _ in 0..=MAX_LAYERS {
            let unpack: fn(Stream) -> Box<dyn Read + Send> = match format::recognise(stream) {
                Format::Pcap => return PcapFile::open(stream, tally).map(Reader::Pcap).map_err(broken("pcap")),
                Format::Pcapng => return Pcapng::open(stream, tally).map(Reader::Pcapng).map_err(broken("pcapng")),
                Format::Snoop => return Snoop::open(stream, tally).map(Reader::Snoop).map_err(broken("snoop")),
                Format::Events => return Ok(Reader::Events(EventsFile::new())),
                Format::Gzip => |packed| Box::new(Gunzip::new(packed)),
                Format::Zstd => |packed| Box::new(Unzstd::new(packed)),
                Format::Empty => {
                    return Err(match stream.failure() {
                        Some(failure) => CaptureError::Read {
                            path: path(),
                            source: io::Error::new(failure.kind(), failure.to_string()),
                        },
                        None => CaptureError::Empty { path: path() },
                    });
                }
                Format::Foreign(foreign) => {
                    let advice = foreign.way.text((!standard_input).then(|| name.to_string()).as_deref());
                    return Err(CaptureError::Foreign { path: path(), what: foreign.what, advice });
                }
                Format::Unknown(start) => return Err(CaptureError::Unknown { path: path(), start }),
            };
            let packed = std::mem::replace(stream, Stream::new(Box::new(io::empty()), 0));
            *stream = Stream::unpacked(unpack(packed), *room);
        }
        Err(CaptureError::Nested { path: path() })
    }

    /// Goes on to the next record, or to none. `accept` sees every event of an events file first and says whether it
    /// is to be given.
    ///
    /// # Errors
    /// Only where the system lets no more files be open.
    #[inline]
    pub(super) fn advance(&mut self, accept: impl FnMut(&mut Event) -> Accept) -> Result<(), CaptureError> {
        if let State::Parked(_) = self.state {
            self.unpark()?;
        }
        let State::Reading(reading) = &mut self.state else {
            self.current = Current::None;
            return Ok(());
        };
        match reading.reader.next(&mut reading.stream, &mut self.tally, &mut self.head) {
            Step::Frame => {
                self.tally.frame(&self.head);
                self.current = Current::Frame;
            }
            Step::Event(event) => self.next_event(event, accept),
            Step::End => self.finish(),
        }
        Ok(())
    }

    fn next_event(&mut self, event: Box<Event>, mut accept: impl FnMut(&mut Event) -> Accept) {
        let mut step = Step::Event(event);
        loop {
            match step {
                Step::Event(mut event) => match accept(&mut event) {
                    Accept::Give => {
                        self.current = Current::Event(event);
                        return;
                    }
                    Accept::Keep => {}
                    Accept::Refuse => self.tally.problem(|| "events of more inputs than are told apart".to_owned()),
                },
                Step::Frame | Step::End => {
                    self.finish();
                    return;
                }
            }
            let State::Reading(reading) = &mut self.state else { return };
            step = reading.reader.next(&mut reading.stream, &mut self.tally, &mut self.head);
        }
    }

    fn finish(&mut self) {
        self.current = Current::None;
        if let State::Reading(reading) = std::mem::replace(&mut self.state, State::Done) {
            self.tally.dropped(reading.reader.dropped());
            if let Reader::Events(events) = reading.reader {
                self.told = Some(events);
            }
        }
        if let Some(size) = self.size {
            self.read.store(size, Ordering::Relaxed);
        }
    }

    /// Closes the file of an input whose first record was read, to open it again when that is due.
    pub(super) fn park(&mut self, path: &Path) {
        // What only a stream gave is gone once it is closed.
        if self.size.is_some() && self.time().is_some() {
            self.state = State::Parked(path.to_owned());
            self.tally = Tally::default();
            self.read.store(0, Ordering::Relaxed);
        }
    }

    /// Whether the file is closed until its first record is due.
    pub(super) fn is_parked(&self) -> bool {
        matches!(self.state, State::Parked(_))
    }

    #[cold]
    fn unpark(&mut self) -> Result<(), CaptureError> {
        let State::Parked(path) = std::mem::replace(&mut self.state, State::Done) else { return Ok(()) };
        let opened = File::open(&path)
            .map_err(|error| CaptureError::open(&self.path, error))
            .and_then(|file| self.start(Box::new(file)));
        match opened {
            Err(error @ CaptureError::TooManyOpen { .. }) => Err(error),
            Err(error) => {
                // It was there a moment ago; the others are still worth reading.
                self.tally.fatal(format!("changed or removed while it was read: {error}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Time of the current record.
    pub(super) fn time(&self) -> Option<Timestamp> {
        match &self.current {
            Current::None => None,
            Current::Frame => Some(self.head.time),
            Current::Event(event) => Some(event.time),
        }
    }

    /// The current record, its frame with the bytes.
    #[inline]
    pub(super) fn record(&mut self, id: u32) -> Option<Record<'_>> {
        match &self.current {
            Current::Frame => {
                let head = &self.head;
                let State::Reading(reading) = &self.state else { return None };
                Some(Record::Frame(Frame {
                    input: id,
                    number: head.number,
                    time: head.time,
                    link_type: head.link_type,
                    orig_len: head.orig_len,
                    data: reading.stream.slice(head.at, head.len),
                }))
            }
            _ => match std::mem::replace(&mut self.current, Current::None) {
                Current::Event(event) => Some(Record::Event(event)),
                _ => None,
            },
        }
    }

    /// The events file that this input is.
    pub(super) fn events(&self) -> Option<&EventsFile> {
        match &self.state {
            State::Reading(reading) => match &reading.reader {
                Reader::Events(events) => Some(events),
                _ => None,
            },
            _ => self.told.as_ref(),
        }
    }

    /// What is known so far.
    pub(super) fn summary(&self) -> InputSummary {
        let mut summary = self.tally.summary(self.path.clone(), self.format);
        if let State::Reading(reading) = &self.state {
            summary.dropped = reading.reader.dropped();
        }
        summary
    }

    /// Bytes read from the disk, of how many.
    pub(super) fn progress(&self) -> Option<(u64, u64)> {
        self.size.map(|size| (self.read.load(Ordering::Relaxed).min(size), size))
    }

    /// The warnings since the last call, each with the name of the input.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        self.tally.take_warnings().into_iter().map(|text| format!("{}: {text}", self.path)).collect()
    }
}

/// What becomes of an event read from an events file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Accept {
    /// It is given to the caller.
    Give,
    /// It was for us: a `capture` line.
    Keep,
    /// There is no id left for its input.
    Refuse,
}
