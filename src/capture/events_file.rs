//! Files of `phonescope events`: one decoded message a line, and a `capture` line at the end of each input.
//!
//! A line that is no event is damage, but the next line starts afresh, so reading goes on.

use std::collections::BTreeMap;

use super::reader::{self, Step};
use super::stream::Stream;
use super::tally::Tally;
use crate::event::{Event, EventKind, InputSummary};
use crate::types::Timestamp;

/// The longest line taken for one: a configuration file of a phone fits many times.
const MAX_LINE: usize = 16 << 20;
/// Inputs told apart in one events file.
pub(super) const MAX_INPUTS: u32 = 65_536;
/// Types of line this version knows. Lines of other types come from a later one, and are passed over.
const KNOWN_TYPES: &[&str] =
    &["dhcp", "dhcpv6", "tftp", "http", "sccp", "sip", "tcp", "cdp", "lldp", "dns", "arp", "icmp", "config", "capture"];
/// Types of the lines of a report.
const REPORT_TYPES: &[&str] = &["input", "phone", "finding"];

/// What is known of one of the inputs that an events file tells of.
#[derive(Default)]
pub(super) struct ToldInput {
    /// Its `capture` line.
    pub(super) summary: Option<InputSummary>,
    last_frame: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl ToldInput {
    /// The summary as told; without one, what the events show: at least as many frames as the last one's number.
    pub(super) fn summary(&self) -> InputSummary {
        let mut summary = self.summary.clone().unwrap_or_else(|| InputSummary {
            packets: self.last_frame,
            first: self.first,
            last: self.last,
            ..InputSummary::default()
        });
        summary.format = "events".into();
        summary
    }
}

/// Reads an events file.
pub(super) struct EventsFile {
    line: u64,
    told: BTreeMap<u32, ToldInput>,
    passed_over: u64,
}

/// Whether the first line of a file makes it an events file, a report, or neither.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FirstLine {
    Events,
    Report,
    Other,
}

/// Judges the first line of a file.
pub(super) fn first_line(line: &[u8]) -> FirstLine {
    #[derive(serde::Deserialize)]
    struct Keys {
        #[serde(rename = "type")]
        kind: Option<String>,
        schema: Option<String>,
        input: Option<u64>,
        time: Option<String>,
    }
    match serde_json::from_slice::<Keys>(line) {
        Ok(Keys { schema: Some(schema), .. }) if schema.starts_with("phonescope.report/") => FirstLine::Report,
        Ok(Keys { kind: Some(kind), .. }) if REPORT_TYPES.contains(&kind.as_str()) => FirstLine::Report,
        Ok(Keys { kind: Some(kind), .. }) if KNOWN_TYPES.contains(&kind.as_str()) => FirstLine::Events,
        Ok(Keys { kind: Some(_), input: Some(_), time: Some(_), .. }) => FirstLine::Events,
        _ => FirstLine::Other,
    }
}

/// Makes the next line lie ahead whole. `None`: there is none. The flag says whether a line feed ends it.
pub(super) fn find_line(stream: &mut Stream) -> Option<(usize, bool)> {
    let mut looked_at = 0;
    loop {
        let ahead = stream.ahead();
        let end = ahead.get(looked_at..).unwrap_or_default().iter().position(|octet| *octet == b'\n');
        if let Some(end) = end {
            return Some((looked_at + end, true));
        }
        looked_at = ahead.len();
        if looked_at > MAX_LINE || !stream.ensure(looked_at + 1) {
            return (looked_at > 0).then_some((looked_at, false));
        }
    }
}

impl EventsFile {
    /// A reader from the start of the file.
    pub(super) fn new() -> EventsFile {
        EventsFile { line: 0, told: BTreeMap::new(), passed_over: 0 }
    }

    /// The inputs that the file tells of, by the ids it gives them.
    pub(super) fn told(&self) -> &BTreeMap<u32, ToldInput> {
        &self.told
    }

    /// The next event. `capture` lines are given too.
    pub(super) fn next(&mut self, stream: &mut Stream, tally: &mut Tally) -> Step {
        loop {
            let start = stream.position();
            let Some((len, whole)) = find_line(stream) else { return self.finish(stream, tally) };
            self.line += 1;
            let line = stream.slice(0, len);
            let text = if start == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }.trim_ascii();
            if text.is_empty() {
                stream.consume(len + usize::from(whole));
                continue;
            }
            let parsed = serde_json::from_slice::<Event>(text);
            if parsed.is_err() && !whole {
                if len > MAX_LINE {
                    let place = reader::place(stream, start);
                    tally.fatal(format!("line {} at {place} has no end; nothing from there on was read", self.line));
                    return Step::End;
                }
                return reader::cut(stream, tally, format_args!("in line {}", self.line));
            }
            let step = match parsed {
                Ok(event) if event.at.input < MAX_INPUTS => {
                    self.note(&event);
                    Some(Step::Event(Box::new(event)))
                }
                Ok(event) => {
                    let (line, input) = (self.line, event.at.input);
                    tally.problem(|| format!("line {line} is of input {input}; {MAX_INPUTS} are told apart"));
                    None
                }
                Err(_) if is_of_later_version(text) => {
                    self.passed_over += 1;
                    None
                }
                Err(error) => {
                    let (line, place) = (self.line, reader::place(stream, start));
                    tally.problem(|| format!("line {line} at {place} is no event ({})", reason(&error)));
                    None
                }
            };
            stream.consume(len + usize::from(whole));
            if let Some(step) = step {
                return step;
            }
        }
    }

    fn note(&mut self, event: &Event) {
        let told = self.told.entry(event.at.input).or_default();
        if let EventKind::Capture(summary) = &event.kind {
            told.summary = Some((**summary).clone());
            return;
        }
        told.last_frame = told.last_frame.max(event.at.frame);
        told.first = Some(told.first.map_or(event.time, |first| first.min(event.time)));
        told.last = Some(told.last.map_or(event.time, |last| last.max(event.time)));
    }

    #[cold]
    fn finish(&mut self, stream: &Stream, tally: &mut Tally) -> Step {
        if let Some(failure) = stream.failure() {
            let place = reader::place(stream, stream.end_position());
            tally.fatal(format!("cut off after line {} at {place}: {failure}", self.line));
        }
        let untold: Vec<String> = self
            .told
            .iter()
            .filter(|(_, told)| told.summary.is_none())
            .map(|(input, _)| input.to_string())
            .take(4)
            .collect();
        if !untold.is_empty() {
            tally.warning(format!(
                "no capture line for input {}: filtered, or not written to its end",
                untold.join(", ")
            ));
        }
        if self.passed_over > 0 {
            tally.warning(format!("{} lines of types that this version does not know", self.passed_over));
        }
        Step::End
    }
}

fn is_of_later_version(line: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
    }
    serde_json::from_slice::<Kind>(line).is_ok_and(|kind| !KNOWN_TYPES.contains(&kind.kind.as_str()))
}

/// The reason without the position in the line, which for an event always is its end.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::test_files::{open, refusal};
    use super::super::{Inputs, Record};
    use super::*;
    use crate::types::WireText;

    fn syn(input: u32, frame: u64, second: u32) -> String {
        format!(
            r#"{{"type":"tcp","input":{input},"frame":{frame},"time":"2026-11-23T07:00:{second:02}Z","src":"10.0.0.1","flags":"SYN"}}"#
        )
    }

    fn capture(input: u32, path: &str) -> String {
        format!(
            r#"{{"type":"capture","input":{input},"time":"2026-11-23T07:00:59Z","path":"{path}","format":"pcap","link_types":["EN10MB"],"packets":812,"bytes":7,"dropped":2,"problem":"cut off"}}"#
        )
    }

    fn lines(lines: &[&str]) -> Vec<u8> {
        lines.join("\n").into_bytes()
    }

    /// Input and frame of every event.
    fn places(inputs: &mut Inputs) -> Vec<(u32, u64)> {
        let mut places = Vec::new();
        while let Some(record) = inputs.next_record().unwrap() {
            if let Record::Event(event) = record {
                places.push((event.at.input, event.at.frame));
            }
        }
        places
    }

    fn texts(inputs: &Inputs, of: fn(&InputSummary) -> Option<&WireText>) -> Vec<String> {
        inputs
            .summaries()
            .iter()
            .map(|summary| of(summary).map_or_else(String::new, |text| text.raw().to_owned()))
            .collect()
    }

    #[test]
    fn a_file_alone_keeps_its_input_ids_and_summaries() {
        let file =
            lines(&[&syn(2, 7, 1), &syn(0, 3, 2), &capture(0, "a.pcap"), &capture(1, "b.pcap"), &capture(2, "c.pcap")]);
        let mut inputs = open(vec![file]).unwrap();
        assert_eq!(places(&mut inputs), [(2, 7), (0, 3)]);
        assert_eq!(texts(&inputs, |summary| Some(&summary.path)), ["a.pcap", "b.pcap", "c.pcap"]);
        let summary = inputs.summaries().remove(2);
        assert_eq!((summary.format.raw(), summary.packets, summary.dropped), ("events", 812, Some(2)));
        assert_eq!(summary.problem.unwrap().raw(), "cut off");
        assert!(inputs.warnings().is_empty());
    }

    #[test]
    fn ids_stay_unique_where_there_are_other_inputs() {
        let one = lines(&[&syn(1, 1, 1), &syn(0, 2, 3), &capture(0, "a"), &capture(1, "b")]);
        let two = lines(&[&syn(0, 3, 2), &syn(5, 4, 4), &capture(0, "c"), &capture(5, "d")]);
        let mut inputs = open(vec![one, two]).unwrap();
        assert_eq!(places(&mut inputs), [(2, 1), (1, 3), (0, 2), (3, 4)]);
        assert_eq!(texts(&inputs, |summary| Some(&summary.path)), ["a", "c", "b", "d"]);
    }

    #[test]
    fn a_line_that_is_no_event_is_named_and_the_rest_is_read() {
        let file =
            lines(&[&syn(0, 1, 1), r#"{"type":"tcp","input":0}"#, "junk", "", &syn(0, 2, 2), &capture(0, "a"), ""]);
        let mut inputs = open(vec![file]).unwrap();
        assert_eq!(places(&mut inputs), [(0, 1), (0, 2)]);
        assert_eq!(
            texts(&inputs, |summary| summary.problem.as_ref()),
            [
                "cut off; line 2 at byte 96 is no event (missing field `time`); line 3 at byte 121 is no event (expected value)"
            ]
        );
    }

    #[test]
    fn a_file_cut_in_a_line_says_so() {
        let whole = lines(&[&syn(0, 1, 1), &syn(0, 2, 2)]);
        let cut = whole[..whole.len() - 5].to_vec();
        let len = cut.len();
        let mut inputs = open(vec![cut]).unwrap();
        assert_eq!(places(&mut inputs), [(0, 1)]);
        assert_eq!(texts(&inputs, |summary| summary.problem.as_ref()), [format!("cut off in line 2 at byte {len}")]);
        // A last line without a line feed is whole all the same.
        let mut inputs = open(vec![whole]).unwrap();
        assert_eq!(places(&mut inputs).len(), 2);
        assert_eq!(texts(&inputs, |summary| summary.problem.as_ref()), [""]);
    }

    #[test]
    fn without_capture_lines_the_events_show_what_they_can() {
        let file = lines(&[&syn(0, 41, 5), &syn(0, 17, 3)]);
        let mut inputs = open(vec![file]).unwrap();
        places(&mut inputs);
        let summary = inputs.summaries().remove(0);
        assert_eq!((summary.path.raw(), summary.packets, summary.problem), ("test", 41, None));
        assert_eq!(summary.first.unwrap().to_string(), "2026-11-23T07:00:03.000000000Z");
        assert_eq!(summary.last.unwrap().to_string(), "2026-11-23T07:00:05.000000000Z");
        assert_eq!(inputs.warnings(), ["test: no capture line for input 0: filtered, or not written to its end"]);
    }

    #[test]
    fn lines_of_a_later_version_are_passed_over() {
        let later = r#"{"type":"mgcp","input":0,"frame":1,"time":"2026-11-23T07:00:00Z","verb":"RSIP"}"#;
        let mut inputs = open(vec![lines(&[later, &syn(0, 2, 1), &capture(0, "a")])]).unwrap();
        assert_eq!(places(&mut inputs), [(0, 2)]);
        assert_eq!(inputs.warnings(), ["test: 1 lines of types that this version does not know"]);
    }

    #[test]
    fn a_mark_of_byte_order_and_windows_line_ends_do_not_disturb() {
        let mut file = b"\xef\xbb\xbf".to_vec();
        file.extend(format!("{}\r\n\r\n{}\r\n", syn(0, 1, 1), syn(0, 2, 2)).into_bytes());
        let mut inputs = open(vec![file]).unwrap();
        assert_eq!(places(&mut inputs), [(0, 1), (0, 2)]);
        assert_eq!(texts(&inputs, |summary| summary.problem.as_ref()), [""]);
    }

    #[test]
    fn an_input_id_beyond_the_bound_takes_no_memory() {
        let mut inputs = open(vec![lines(&[&syn(0, 1, 1), &syn(4_000_000_000, 1, 1)])]).unwrap();
        assert_eq!(places(&mut inputs), [(0, 1)]);
        assert_eq!(
            texts(&inputs, |summary| summary.problem.as_ref()),
            ["line 2 is of input 4000000000; 65536 are told apart"]
        );
    }

    #[test]
    fn a_report_is_no_events_file() {
        for line in [r#"{"type":"phone","mac":"00:30:94:c2:d3:fa"}"#, r#"{"schema":"phonescope.report/1","inputs":[]}"#]
        {
            assert_eq!(first_line(line.as_bytes()), FirstLine::Report);
            assert!(refusal(line.as_bytes().to_vec()).contains("a report of phonescope"), "{line}");
        }
        assert_eq!(first_line(br#"{"type":"log","message":"x"}"#), FirstLine::Other);
        assert_eq!(first_line(b"[1]"), FirstLine::Other);
    }

    #[test]
    fn the_types_known_are_those_of_events() {
        // serde names all of them where one does not fit.
        let error = serde_json::from_str::<EventKind>(r#"{"type":"?"}"#).unwrap_err().to_string();
        let named: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(named, KNOWN_TYPES);
    }
}
