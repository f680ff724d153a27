//! What is known of one input so far: counts, times, link types, and where it is damaged.

use std::borrow::Cow;

use super::reader::FrameHead;
use crate::event::InputSummary;
use crate::types::{LinkType, Timestamp, WireText};

/// Problems told in words; further ones are only counted.
const MAX_PROBLEMS: usize = 3;
/// Link types told apart for the summary.
const MAX_LINK_TYPES: usize = 64;

/// What is known of one input so far.
#[derive(Default)]
pub(super) struct Tally {
    packets: u64,
    bytes: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    cut_frames: u64,
    dropped: Option<u64>,
    used: Vec<LinkType>,
    declared: Vec<LinkType>,
    problems: Vec<String>,
    further_problems: u64,
    fatal: Option<String>,
    warnings: Vec<String>,
}

impl Tally {
    /// One frame.
    #[inline]
    pub(super) fn frame(&mut self, head: &FrameHead) {
        let (captured, time, link_type) = (head.len as u64, head.time, head.link_type);
        self.packets = head.number;
        self.bytes += captured;
        self.cut_frames += u64::from(captured < u64::from(head.orig_len));
        if head.timed {
            if self.first.is_none_or(|first| time < first) {
                self.first = Some(time);
            }
            if self.last.is_none_or(|last| time > last) {
                self.last = Some(time);
            }
        }
        if self.used.last() != Some(&link_type) {
            remember(&mut self.used, link_type);
        }
    }

    /// Records read so far, as Wireshark numbers them, those without a frame too.
    pub(super) fn packets(&mut self, number: u64) {
        self.packets = number;
    }

    /// A link type that the file declares, with or without packets of it.
    pub(super) fn declared(&mut self, link_type: LinkType) {
        remember(&mut self.declared, link_type);
    }

    /// Frames dropped over the whole input, as the file says.
    pub(super) fn dropped(&mut self, total: Option<u64>) {
        self.dropped = total;
    }

    /// Damage after which reading goes on.
    pub(super) fn problem(&mut self, text: impl FnOnce() -> String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(text());
        } else {
            self.further_problems += 1;
        }
    }

    /// Damage that ends the input.
    pub(super) fn fatal(&mut self, text: String) {
        self.fatal = Some(text);
    }

    /// Something worth a line that is no damage.
    pub(super) fn warning(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// The warnings since the last call.
    pub(super) fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Where the input is damaged, in one line.
    pub(super) fn problem_text(&self) -> Option<String> {
        let mut texts: Vec<Cow<'_, str>> = self.problems.iter().map(Cow::from).collect();
        if self.further_problems > 0 {
            texts.push(Cow::from(format!("{} more like these", self.further_problems)));
        }
        texts.extend(self.fatal.as_ref().map(Cow::from));
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// All of it.
    pub(super) fn summary(&self, path: WireText, format: &str) -> InputSummary {
        let link_types = if self.used.is_empty() { &self.declared } else { &self.used };
        InputSummary {
            path,
            format: WireText::from(format),
            link_types: link_types.iter().map(|link_type| WireText::from(&*link_type.name())).collect(),
            packets: self.packets,
            bytes: self.bytes,
            first: self.first,
            last: self.last,
            dropped: self.dropped,
            cut_frames: self.cut_frames,
            encrypted_frames: 0,
            duplicate_frames: 0,
            problem: self.problem_text().map(|text| WireText::from(text.as_str())),
        }
    }
}

#[cold]
fn remember(list: &mut Vec<LinkType>, link_type: LinkType) {
    // Looked for in full only where the link type changes from one packet to the next.
    if list.len() < MAX_LINK_TYPES && !list.contains(&link_type) {
        list.push(link_type);
    }
}
