//! The engine without input and output that ties the stages together.
//!
//! Frames or events in, a [`Diagnosis`] out, at any time and as often as wanted. Time is what the frames say; the same
//! frames give the same diagnosis, live, from a file, or from events that another run wrote. What it knows can be
//! written out and taken up again ([`Analyzer::save`], [`Analyzer::restore`]).

mod copies;
mod inputs;
mod saved;
mod translations;

use std::collections::VecDeque;
use std::time::Duration;

use crate::decoder::Decoder;
use crate::diagnosis::Diagnosis;
use crate::event::{Event, EventKind, InputSummary};
use crate::measures::Measures;
use crate::phone::registry::Registry;
use crate::site::Site;
use crate::types::{Frame, FrameRef, Timestamp, WireText};
use copies::CopyFilter;
use inputs::{FrameCounts, Inputs};

pub use saved::StateError;

/// Times without anybody looking that are reported one by one; of more, the latest.
const MAX_GAPS: usize = 8;

/// A time in which nobody looked.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Gap {
    from: Timestamp,
    until: Timestamp,
    why: String,
    /// Conversations that were under way.
    open: usize,
}

/// The engine.
pub struct Analyzer {
    decoder: Decoder,
    copies: CopyFilter,
    registry: Registry,
    inputs: Inputs,
    /// Events to be taken with [`Analyzer::poll_event`]; `None`: nobody asks.
    events: Option<VecDeque<Event>>,
    gaps: VecDeque<Gap>,
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
            inputs: Inputs::default(),
            events: None,
            gaps: VecDeque::new(),
        }
    }

    /// An analyzer that also gives its events: drain [`Analyzer::poll_event`] after every `handle_…`.
    pub fn with_events() -> Analyzer {
        Analyzer { events: Some(VecDeque::new()), ..Analyzer::new() }
    }

    /// For a run of months: phones not seen for `limit` are dropped from the report. `None`: never, as for files.
    ///
    /// [`Analyzer::handle_timeout`] must be called every few seconds then, with the host's clock.
    pub fn evict_after(&mut self, limit: Option<Duration>) {
        self.registry.evict_after(limit);
    }

    /// Takes up a run that [`Analyzer::restore`] brought back: the ports of this run, in the order of their ids. Nobody
    /// looked between the end of that run and `now`.
    pub fn resume(&mut self, ports: &[WireText], now: Timestamp) {
        self.inputs.resume(ports);
        let from = self.registry.now;
        if from != Timestamp::default() {
            self.handle_gap(from, now, "the program was restarted");
        }
    }

    /// Keeps the configurations that phones are served, whole, for who edits them: within
    /// [`CONFIG_BODY_BYTES`](crate::phone::limits::CONFIG_BODY_BYTES).
    pub fn keep_configurations(&mut self) {
        self.decoder.keep_configurations();
    }

    /// Handles a frame. Frames may go back in time; the analyzer's clock does not.
    pub fn handle_frame(&mut self, frame: &Frame<'_>) {
        let Analyzer { decoder, copies, registry, events, inputs, .. } = self;
        decoder.handle_frame(&inputs.place(frame), &mut |event| take(copies, registry, events, event));
    }

    /// Handles an event that another run wrote.
    pub fn handle_event(&mut self, event: Event) {
        take(&mut self.copies, &mut self.registry, &mut self.events, event);
    }

    /// Tells the time where no frame does (live).
    pub fn handle_timeout(&mut self, now: Timestamp) {
        self.registry.advance_clock(now);
        if let Some(limit) = self.registry.eviction_limit() {
            self.registry.evict_before(limit);
            self.decoder.forget_before(limit, self.registry.now);
            self.gaps.retain(|g| g.until >= limit);
        }
    }

    /// Nobody looked from `from` until `until`: what was asked just before and not answered is not concluded to be
    /// unanswered. `why`: a clause for the report, such as `eth0 was down`. A gap that begins and is not over yet has no
    /// length, and stands in the report only once it is over.
    pub fn handle_gap(&mut self, from: Timestamp, until: Timestamp, why: &str) {
        let open = self.registry.record_gap(from);
        if until <= from {
            return;
        }
        if self.gaps.len() >= MAX_GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(Gap { from, until, why: why.to_owned(), open });
        self.registry.advance_clock(until);
    }

    /// What is known of the inputs so far, where a diagnosis is wanted before their end (live).
    pub fn handle_inputs(&mut self, inputs: Vec<InputSummary>) {
        let dropped = self.inputs.dropped();
        let (decoder, copies) = (&self.decoder, &self.copies);
        self.inputs.set(inputs, |id| {
            let counts = decoder.counts(id);
            FrameCounts { cut: counts.cut_frames, duplicate: copies.count(id), encrypted: counts.encrypted_frames }
        });
        if self.inputs.dropped() > dropped {
            self.registry.last_drop = Some(self.registry.now);
        }
    }

    /// The next event, if events were asked for.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.as_mut()?.pop_front()
    }

    /// The end of the inputs: what is open stays open, and the diagnosis says so.
    pub fn finish(&mut self, inputs: Vec<InputSummary>) {
        let Analyzer { decoder, copies, registry, events, .. } = self;
        decoder.finish(&mut |event| take(copies, registry, events, event));
        self.handle_inputs(inputs);
        // A capture that goes on in silence is evidence too: its last frame tells how long nothing came.
        if let Some(last) = self.inputs.last() {
            self.registry.now = self.registry.now.max(last);
        }
        self.registry.finish();
        if let Some(events) = &mut self.events {
            for (id, input) in (0u32..).zip(self.inputs.all()) {
                events.push_back(Event {
                    at: FrameRef { input: id, frame: 0 },
                    time: input.last.unwrap_or_default(),
                    envelope: crate::types::Envelope::default(),
                    anomalies: Vec::new(),
                    digest: 0,
                    kind: EventKind::Capture(Box::new(input.clone())),
                });
            }
        }
    }

    /// What is wrong, judged by what the site file says ought to be.
    pub fn diagnose<'a>(&'a self, site: &'a Site) -> Diagnosis<'a> {
        let limits = self.decoder.limits_reached();
        crate::findings::diagnose(&self.registry, site, self.inputs.all(), &limits, &self.notes())
    }

    /// File transfers and messages under way, of which [`Analyzer::save`] does not write all that is needed to go on.
    pub fn under_way(&self) -> usize {
        self.registry.transfers_under_way() + usize::from(self.decoder.held() > 0)
    }

    /// Counters that only rise, whoever leaves the report.
    pub fn measures(&self) -> &Measures {
        &self.registry.measures
    }

    /// Phones that left the report since they were not seen for the limit.
    pub fn evicted_phones(&self) -> u64 {
        self.registry.evicted_phones
    }

    /// What was seen before the findings say anything.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (id, input) in (0u32..).zip(self.inputs.all()) {
            if input.encrypted_frames > 0 {
                let n = input.encrypted_frames;
                let are = if n == 1 { "frame is" } else { "frames are" };
                notes
                    .push(format!("{}: {n} CAPWAP {are} encrypted: their contents are not in this report", input.path));
            }
            let counts = self.decoder.counts(id);
            if counts.unknown_link > 0 {
                notes.push(format!(
                    "{}: {} frames have link type {}, which can not be read: what they carry is not in this report",
                    input.path,
                    counts.unknown_link,
                    counts.unknown_link_type.unwrap_or(0)
                ));
            }
        }
        for gap in &self.gaps {
            let open = match gap.open {
                0 => String::new(),
                1 => ", and how one conversation went on that was under way".to_owned(),
                n => format!(", and how {n} conversations went on that were under way"),
            };
            notes.push(format!(
                "nothing was seen from {} to {} ({}): what phones did then is not in this report{open}",
                gap.from, gap.until, gap.why
            ));
        }
        notes
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
