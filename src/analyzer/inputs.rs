//! The inputs of this run, and where a run before it was taken up, of both as one: frames go on counting, so that a
//! frame number means one frame.

use crate::event::InputSummary;
use crate::types::{Frame, Timestamp, WireText};

/// Inputs of runs before this one that are kept; a site has a few ports.
const MAX_BEFORE: usize = 64;

#[derive(Default)]
pub(super) struct Inputs {
    /// As the runs before left them.
    before: Vec<InputSummary>,
    /// By input of this run: which it is of all, and how many frames it had before.
    places: Vec<(u32, u64)>,
    /// All of them, as told last.
    all: Vec<InputSummary>,
}

impl Inputs {
    /// As a run before left them.
    pub(super) fn of_before(mut before: Vec<InputSummary>) -> Inputs {
        before.truncate(MAX_BEFORE);
        Inputs { all: before.clone(), before, places: Vec::new() }
    }

    /// The ports of this run: one of the same name goes on, others come behind.
    pub(super) fn resume(&mut self, ports: &[WireText]) {
        if self.before.is_empty() {
            return;
        }
        let mut next = self.before.len();
        let mut taken = vec![false; next];
        self.places = ports
            .iter()
            .map(|port| {
                let known = self.before.iter().zip(&mut taken).position(|(b, taken)| {
                    let it = !*taken && b.path == *port;
                    *taken |= it;
                    it
                });
                let id = known.unwrap_or_else(|| {
                    next += 1;
                    next - 1
                });
                let frames = self.before.get(id).map_or(0, |b| b.packets);
                (u32::try_from(id).unwrap_or(u32::MAX), frames)
            })
            .collect();
    }

    /// The frame as it counts in all runs.
    pub(super) fn place<'f>(&self, frame: &Frame<'f>) -> Frame<'f> {
        let (input, before) = self.places.get(frame.input as usize).copied().unwrap_or((frame.input, 0));
        Frame { input, number: frame.number + before, ..*frame }
    }

    /// Which of all inputs an input of this run is.
    fn id(&self, input: u32) -> u32 {
        self.places.get(input as usize).map_or(input, |(id, _)| *id)
    }

    /// What is known of the inputs of this run; `count` gives the counts of an input of all.
    pub(super) fn set(&mut self, run: Vec<InputSummary>, count: impl Fn(u32) -> FrameCounts) {
        let mut all = self.before.clone();
        for (input, mut now) in (0u32..).zip(run) {
            let id = self.id(input);
            let counts = count(id);
            now.cut_frames = now.cut_frames.max(counts.cut);
            now.duplicate_frames = now.duplicate_frames.max(counts.duplicate);
            now.encrypted_frames = now.encrypted_frames.max(counts.encrypted);
            match all.get_mut(id as usize) {
                Some(before) => join(before, now),
                None => all.push(now),
            }
        }
        self.all = all;
    }

    pub(super) fn all(&self) -> &[InputSummary] {
        &self.all
    }

    /// Frames dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.all.iter().filter_map(|i| i.dropped).sum()
    }

    /// Time of the latest frame.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.all.iter().filter_map(|i| i.last).max()
    }
}

/// Frames of one input that the decoder counted.
#[derive(Clone, Copy, Default)]
pub(super) struct FrameCounts {
    pub(super) cut: u64,
    pub(super) duplicate: u64,
    pub(super) encrypted: u64,
}

fn join(before: &mut InputSummary, now: InputSummary) {
    before.packets += now.packets;
    before.bytes += now.bytes;
    before.first = before.first.into_iter().chain(now.first).min();
    before.last = before.last.into_iter().chain(now.last).max();
    before.dropped = match (before.dropped, now.dropped) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
    };
    before.cut_frames += now.cut_frames;
    before.duplicate_frames += now.duplicate_frames;
    before.encrypted_frames += now.encrypted_frames;
    for link in now.link_types {
        if !before.link_types.contains(&link) {
            before.link_types.push(link);
        }
    }
    before.problem = now.problem;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LinkType;

    fn summary(path: &str, packets: u64) -> InputSummary {
        InputSummary { path: path.into(), packets, dropped: Some(1), ..InputSummary::default() }
    }

    #[test]
    fn frames_of_a_port_go_on_counting_and_a_new_port_comes_behind() {
        let mut inputs = Inputs::of_before(vec![summary("eth0", 10), summary("eth1", 20)]);
        inputs.resume(&["eth2".into(), "eth1".into()]);
        let frame =
            |input| Frame { input, number: 5, time: Timestamp(1), link_type: LinkType(1), orig_len: 0, data: &[] };
        let placed = |input| {
            let placed = inputs.place(&frame(input));
            (placed.input, placed.number)
        };
        assert_eq!([placed(0), placed(1)], [(2, 5), (1, 25)]);
        inputs.set(vec![summary("eth2", 5), summary("eth1", 5)], |_| FrameCounts::default());
        let all: Vec<_> = inputs.all().iter().map(|i| (i.path.raw().to_owned(), i.packets)).collect();
        assert_eq!(all, [("eth0".into(), 10), ("eth1".into(), 25), ("eth2".into(), 5)]);
        assert_eq!(inputs.dropped(), 4);
    }
}
