//! The engine without input and output that ties the stages together.
//!
//! Frames or events in, a [`Diagnosis`] out, at any time and as often as wanted. Time is what the frames say; the same
//! frames give the same diagnosis, live, from a file, or from events that another run wrote.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashlink::LruCache;

use crate::capture::{Frame, Timestamp};
use crate::decoder::Decoder;
use crate::diagnosis::Diagnosis;
use crate::event::{Event, EventKind, FrameRef, InputSummary};
use crate::phone::registry::Registry;
use crate::site::Site;

/// Copies of one packet that a mirror or router makes follow each other within this.
const COPY_NANOS: u64 = 250_000_000;
/// The same between two inputs, whose clocks may differ.
const COPY_NANOS_ACROSS: u64 = 2_000_000_000;
/// Messages remembered to recognise copies.
const COPIES: usize = 32_768;
/// Gaps told in words; further ones are only counted.
const MAX_GAPS: u64 = 20;

/// Tells the copies that mirrors and routers make of a message from what was sent again.
struct CopyFilter {
    seen: LruCache<u64, (Timestamp, FrameRef), FixedState>,
    per_input: Vec<u64>,
    last: FrameRef,
}

impl CopyFilter {
    fn new() -> CopyFilter {
        CopyFilter {
            seen: LruCache::with_hasher(COPIES, FixedState::default()),
            per_input: Vec::new(),
            last: FrameRef::default(),
        }
    }

    /// Whether this message was seen already; counts the frame, once.
    fn is_copy(&mut self, event: &Event) -> bool {
        if event.digest == 0 {
            return false;
        }
        if let Some((time, first)) = self.seen.get(&event.digest).copied() {
            let apart = event.time.nanos_apart(time);
            let window = if first.input == event.at.input { COPY_NANOS } else { COPY_NANOS_ACROSS };
            // Two messages of one frame are two messages.
            if apart <= window && first != event.at {
                if self.last != event.at {
                    self.last = event.at;
                    let input = event.at.input as usize;
                    if input >= self.per_input.len() {
                        self.per_input.resize(input + 1, 0);
                    }
                    self.per_input[input] += 1;
                }
                return true;
            }
        }
        self.seen.insert(event.digest, (event.time, event.at));
        false
    }

    fn count(&self, input: u32) -> u64 {
        self.per_input.get(input as usize).copied().unwrap_or(0)
    }
}

/// The engine.
pub struct Analyzer {
    decoder: Decoder,
    copies: CopyFilter,
    registry: Registry,
    inputs: Vec<InputSummary>,
    /// Events to be taken with [`Analyzer::poll_event`]; `None`: nobody asks.
    events: Option<VecDeque<Event>>,
    limits: Vec<String>,
    notes: Vec<String>,
}

impl Default for Analyzer {
    fn default() -> Analyzer {
        Analyzer::new()
    }
}

impl Analyzer {
    /// An analyzer that diagnoses.
    pub fn new() -> Analyzer {
        Analyzer {
            decoder: Decoder::new(),
            copies: CopyFilter::new(),
            registry: Registry::new(),
            inputs: Vec::new(),
            events: None,
            limits: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// An analyzer that also gives its events: drain [`Analyzer::poll_event`] after every `handle_…`.
    pub fn with_events() -> Analyzer {
        Analyzer { events: Some(VecDeque::new()), ..Analyzer::new() }
    }

    /// Keeps the configurations that phones are served, whole, for who edits them: within
    /// [`CONFIG_BODY_OCTETS`](crate::phone::registry::limits::CONFIG_BODY_OCTETS).
    pub fn keep_configurations(&mut self) {
        self.decoder.keep_configurations();
    }

    /// Takes in a frame. Frames may go back in time; the analyzer's clock does not.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) {
        let Analyzer { decoder, copies, registry, events, .. } = self;
        decoder.handle_frame(frame, &mut |event| take(copies, registry, events, event));
    }

    /// Takes in an event that another run wrote.
    pub fn handle_event(&mut self, event: Event) {
        take(&mut self.copies, &mut self.registry, &mut self.events, event);
    }

    /// Tells the time where no frame does (live).
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.registry.now = self.registry.now.max(now);
    }

    /// What is known of the inputs so far, where a diagnosis is wanted before their end (live).
    pub fn handle_inputs(&mut self, mut inputs: Vec<InputSummary>) {
        for (id, input) in (0u32..).zip(inputs.iter_mut()) {
            input.cut_frames = input.cut_frames.max(self.decoder.counts(id).cut_frames);
            input.duplicate_frames = input.duplicate_frames.max(self.copies.count(id));
        }
        self.inputs = inputs;
    }

    /// Tells that for a while frames could not be captured, in words: when, and why (live).
    pub fn handle_gap(&mut self, text: String) {
        self.registry.gaps += 1;
        match self.registry.gaps {
            n if n <= MAX_GAPS => self.notes.push(text),
            n => {
                let text = format!("and {} times more that frames could not be captured", n - MAX_GAPS);
                if n > MAX_GAPS + 1 {
                    self.notes.retain(|note| !note.ends_with(" times more that frames could not be captured"));
                }
                self.notes.push(text);
            }
        }
    }

    /// The next event, if events were asked for.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.as_mut()?.pop_front()
    }

    /// The end of the inputs: what is open stays open, and the diagnosis says so.
    pub fn finish(&mut self, inputs: Vec<InputSummary>) {
        self.inputs = inputs;
        let Analyzer { decoder, copies, registry, events, .. } = self;
        decoder.finish(&mut |event| take(copies, registry, events, event));
        for (id, input) in (0u32..).zip(self.inputs.iter_mut()) {
            let counts = self.decoder.counts(id);
            input.cut_frames = input.cut_frames.max(counts.cut_frames);
            input.duplicate_frames = input.duplicate_frames.max(self.copies.count(id));
            if counts.unknown_link > 0 {
                self.notes.push(format!(
                    "{}: {} frames have link type {}, which can not be read: what they carry is not in this report",
                    input.path,
                    counts.unknown_link,
                    counts.unknown_link_type.unwrap_or(0)
                ));
            }
            // A capture that goes on in silence is evidence too: its last frame tells how long nothing came.
            self.registry.now = input.last.map_or(self.registry.now, |last| self.registry.now.max(last));
        }
        self.registry.finish();
        self.limits.extend(self.decoder.limits_reached());
        if let Some(events) = &mut self.events {
            for (id, input) in (0u32..).zip(&self.inputs) {
                events.push_back(Event {
                    at: FrameRef { input: id, frame: 0 },
                    time: input.last.unwrap_or_default(),
                    envelope: crate::event::Envelope::default(),
                    anomalies: Vec::new(),
                    digest: 0,
                    kind: EventKind::Capture(Box::new(input.clone())),
                });
            }
        }
    }

    /// What is wrong, judged by what the site file says ought to be.
    pub fn diagnose<'a>(&'a self, site: &'a Site) -> Diagnosis<'a> {
        crate::findings::diagnose(&self.registry, site, &self.inputs, &self.limits, &self.notes)
    }
}

fn take(copies: &mut CopyFilter, registry: &mut Registry, events: &mut Option<VecDeque<Event>>, event: Event) {
    let is_copy = copies.is_copy(&event);
    if !is_copy {
        registry.observe(&event);
    }
    if let Some(events) = events {
        events.push_back(event);
    }
}
