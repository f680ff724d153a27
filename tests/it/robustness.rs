//! Every shipped capture, cut and with bits flipped: it is read to its end without a panic, whatever it says.
//!
//! Nothing is random: the seed is fixed, and printed where a run fails. `SEED=…` runs another row. Longer runs are
//! for the fuzzer (`tests/fuzz`), whose targets are held here to what they say they are.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use phonescope::analyzer::Analyzer;
use phonescope::capture::Record;
use phonescope::site::Site;
use phonescope::types::{Frame, LinkType, Timestamp};

use crate::product::{json, open};
use crate::support::draw::{Draw, SEED};
use crate::support::shipped::shipped;

#[allow(unreachable_pub, reason = "it is the library of the fuzzer")]
#[path = "../fuzz/targets.rs"]
mod targets;

/// One frame of a capture.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kept {
    link_type: LinkType,
    data: Vec<u8>,
}

/// Every capture, by name, with its frames.
fn captures() -> Vec<(&'static str, Vec<Kept>)> {
    let frames = |bytes: &[u8]| {
        let mut list = Vec::new();
        let mut inputs = open(&[("capture", bytes)]);
        while let Some(record) = inputs.next_record().unwrap() {
            if let Record::Frame(frame) = record {
                list.push(Kept { link_type: frame.link_type, data: frame.data.to_vec() });
            }
        }
        list
    };
    shipped().into_iter().map(|s| (s.path, frames(&(s.build)()))).collect()
}

fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(SEED)
}

/// An analyzer that counts its frames and names the one that broke it.
struct Run {
    analyzer: Analyzer,
    number: u64,
}

impl Run {
    fn new() -> Run {
        Run { analyzer: Analyzer::with_events(), number: 0 }
    }

    /// One frame, of which `orig_len` octets were on the wire.
    fn frame(&mut self, name: &str, link_type: LinkType, data: &[u8], orig_len: usize) {
        self.number += 1;
        let time = Timestamp(i64::try_from(self.number).unwrap() * 1_000_000);
        let orig_len = u32::try_from(orig_len).unwrap();
        let frame = Frame { input: 0, number: self.number, time, link_type, orig_len, data };
        let analyzer = &mut self.analyzer;
        let read = catch_unwind(AssertUnwindSafe(|| {
            analyzer.handle_frame(&frame);
            while let Some(event) = analyzer.poll_event() {
                assert!(event.anomalies.len() <= 64, "{} anomalies", event.anomalies.len());
            }
        }));
        assert!(read.is_ok(), "{name}, seed {}: broken by {} octets {data:02x?}", seed(), link_type.0);
    }

    fn end(mut self, name: &str) {
        self.analyzer.finish(Vec::new());
        let report = catch_unwind(AssertUnwindSafe(|| json(&self.analyzer, &Site::none())));
        assert!(report.is_ok_and(|r| !r.is_empty()), "{name}, seed {}: no report", seed());
    }
}

/// Every so many-th octet is a place to cut a frame.
const CUT_EVERY: usize = 7;
/// Times that a capture is read with bits flipped.
const FLIPPED: u64 = 6;

#[test]
fn frames_cut_anywhere_are_read_without_a_panic() {
    let mut seen = HashSet::new();
    let mut cuts = 0u64;
    for (name, frames) in captures() {
        let mut run = Run::new();
        // The places differ from frame to frame, so that together they are all places.
        for (number, kept) in frames.iter().enumerate() {
            if !seen.insert(kept.clone()) {
                continue;
            }
            for len in (number % CUT_EVERY..kept.data.len()).step_by(CUT_EVERY) {
                let data = &kept.data[..len];
                // As a snap length cuts it, and as if there were no more of it.
                let orig_len = if cuts.is_multiple_of(2) { kept.data.len() } else { len };
                run.frame(name, kept.link_type, data, orig_len);
                cuts += 1;
            }
            run.frame(name, kept.link_type, &kept.data, kept.data.len());
        }
        run.end(name);
    }
    assert!(cuts > 50_000, "only {cuts} cuts");
}

#[test]
fn frames_with_bits_flipped_are_read_without_a_panic() {
    let mut draw = Draw::for_name(&seed().to_le_bytes());
    let mut flips = 0u64;
    for (name, frames) in captures() {
        for round in 0..FLIPPED {
            let mut run = Run::new();
            for kept in &frames {
                let mut data = kept.data.clone();
                // One bit in four frames of five, so that conversations go on; many in the rest.
                let count = if draw.between(0, 5) == 0 { draw.between(2, 40) } else { 1 };
                for _ in 0..count.min(8 * data.len() as u64) {
                    // Headers rather than what they carry, half of the time.
                    let end = if round % 2 == 0 { data.len() } else { data.len().min(90) };
                    let at = usize::try_from(draw.between(0, end as u64)).unwrap();
                    data[at] ^= 1 << draw.between(0, 8);
                    flips += 1;
                }
                run.frame(name, kept.link_type, &data, data.len());
            }
            run.end(name);
        }
    }
    assert!(flips > 50_000, "only {flips} flips");
}

#[test]
fn damaged_capture_files_are_read_without_a_panic() {
    let mut draw = Draw::for_name(&(seed() + 1).to_le_bytes());
    for capture in shipped() {
        let bytes = (capture.build)();
        for round in 0..3 {
            let end = usize::try_from(draw.between(1, bytes.len() as u64)).unwrap();
            let mut hostile = bytes[..if round == 0 { end } else { bytes.len() }].to_vec();
            for _ in 0..round * 20 {
                let at = usize::try_from(draw.between(0, hostile.len() as u64)).unwrap();
                hostile[at] ^= 1 << draw.between(0, 8);
            }
            let read = catch_unwind(|| targets::capture_any(&hostile));
            assert!(read.is_ok(), "{}, seed {}, round {round}", capture.path, seed());
        }
    }
}

#[test]
fn the_fuzz_targets_take_anything_and_are_all_there() {
    let mut draw = Draw::for_name(&(seed() + 2).to_le_bytes());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let files = std::fs::read_dir(folder.join("fuzz_targets")).unwrap().count();
    assert_eq!((files, manifest.matches("[[bin]]").count()), (targets::TARGETS.len(), targets::TARGETS.len()));
    for (name, target) in targets::TARGETS {
        let file = std::fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(file.contains(&format!("phonescope_fuzz::{name}(data)")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        for _ in 0..100 {
            let len = usize::try_from(draw.between(0, 300)).unwrap();
            // Small numbers are types, codes and lengths more often than others.
            let few = draw.between(0, 2) == 0;
            let data: Vec<u8> = (0..len).map(|_| draw.next() as u8 & if few { 0x0f } else { 0xff }).collect();
            let run = catch_unwind(|| target(&data));
            assert!(run.is_ok(), "{name}, seed {}: {data:02x?}", seed());
        }
    }
}
