//! One direction of an HTTP connection between a phone and its file server: requests, answers, and the phone
//! configurations that answers carry.

use std::collections::VecDeque;
use std::io::Read as _;

use super::direction::{Found, Kind};
use crate::event::EventKind;
use crate::flow::tcp_reassembly::Offset;
use crate::types::WireText;
use crate::wire::http::{Body, Message, Op, head_len, is_likely, parse_answer, parse_request};
use crate::wire::{Anomaly, ConfigBody, phone_config};

/// Bytes of a header, at most.
const MAX_HEAD: usize = 16 * 1024;
/// Bytes of a configuration that are kept, as sent and unpacked.
const MAX_CONFIG: usize = 1 << 20;
/// Requests that wait for their answer, at most.
const MAX_REQUESTS: usize = 64;
/// Bytes of a chunk's length line or of a trailer line, at most.
const MAX_LINE: usize = 1024;

/// A request that was not answered yet.
#[derive(Debug)]
pub(super) struct Asked {
    file: WireText,
    head: bool,
    /// Whether it asks for a file (GET, HEAD).
    get: bool,
}

/// Requests in the order in which the answers will come (RFC 9112 section 9.3.2).
pub(super) type Requests = VecDeque<Asked>;

/// Where in a chunked body (RFC 9112 section 7.1) the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Chunk {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum BodyState {
    Length(u64),
    Chunked(Chunk),
    UntilClose,
}

/// A message whose head was read.
#[derive(Debug)]
struct Current {
    start: Offset,
    /// The answer's status; `None` in a request.
    status: Option<u16>,
    file: Option<WireText>,
    /// Whether it is told as an event.
    told: bool,
    first: Box<[u8]>,
    gzip: bool,
    rest: BodyState,
    /// Bytes of the body so far.
    bytes: u64,
    /// The body itself, where it is a configuration.
    kept: Option<Vec<u8>>,
    anomalies: Vec<Anomaly>,
}

/// The bytes of one direction that are not yet a message.
#[derive(Debug)]
pub(super) struct HttpStream {
    /// Whether this is the direction of the answers.
    answers: bool,
    buffer: Vec<u8>,
    at: Offset,
    current: Option<Current>,
    lost: bool,
}

impl HttpStream {
    /// `answers`: the direction from the server.
    pub(super) fn new(answers: bool) -> HttpStream {
        HttpStream { answers, buffer: Vec::new(), at: 0, current: None, lost: false }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len() + self.current.as_ref().map_or(0, |c| 256 + c.kept.as_ref().map_or(0, Vec::capacity))
    }

    /// The next bytes in order.
    pub(super) fn data(
        &mut self,
        at: Offset,
        octets: &[u8],
        segment_start: bool,
        requests: &mut Requests,
        found: &mut Vec<Found>,
    ) {
        if self.lost && !(segment_start && is_likely(octets)) {
            return;
        }
        self.lost = false;
        let mut rest = octets;
        let mut at = at;
        while !rest.is_empty() && !self.lost {
            let used = match &mut self.current {
                Some(current) => current.body(rest, &mut self.buffer),
                None => self.head(at, rest, requests),
            };
            let Some(used) = used else {
                self.lose_place(requests, found);
                return;
            };
            at += used as u64;
            rest = rest.get(used..).unwrap_or_default();
            if self.current.as_ref().is_some_and(Current::is_over) {
                self.tell(true, found);
            }
        }
    }

    /// Bytes that the capture does not hold.
    pub(super) fn gap(&mut self, len: u64, requests: &mut Requests, found: &mut Vec<Found>) {
        let passed = self.current.as_mut().is_some_and(|current| current.pass_over(len));
        if !passed {
            self.lose_place(requests, found);
        } else if self.current.as_ref().is_some_and(Current::is_over) {
            self.tell(true, found);
        }
    }

    /// The connection ends: `whole` where all bytes before its end were seen.
    pub(super) fn end(&mut self, whole: bool, found: &mut Vec<Found>) {
        let until_close = self.current.as_ref().is_some_and(|c| c.rest == BodyState::UntilClose);
        self.tell(whole && until_close, found);
    }

    fn lose_place(&mut self, requests: &mut Requests, found: &mut Vec<Found>) {
        self.tell(false, found);
        self.buffer = Vec::new();
        self.lost = true;
        // Which answer belongs to which request is not known any longer.
        requests.clear();
    }

    /// Reads a head. Returns how many bytes it took, `None` where this is no HTTP.
    fn head(&mut self, at: Offset, octets: &[u8], requests: &mut Requests) -> Option<usize> {
        if self.buffer.is_empty() {
            // Empty lines in front of a message are left out (RFC 9112 section 2.2).
            let blank = octets.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            if blank > 0 {
                return Some(blank);
            }
            self.at = at;
        }
        let before = self.buffer.len();
        self.buffer.extend_from_slice(octets.get(..MAX_HEAD).unwrap_or(octets));
        let Some(len) = head_len(&self.buffer) else {
            let strange = self.buffer.len() >= 8 && !is_likely(&self.buffer);
            return (!strange && self.buffer.len() < MAX_HEAD).then_some(octets.len());
        };
        let head = std::mem::take(&mut self.buffer);
        let head = head.get(..len)?;
        self.current = Some(if self.answers { self.answer(head, requests)? } else { self.request(head, requests)? });
        Some(len.saturating_sub(before))
    }

    fn request(&mut self, head: &[u8], requests: &mut Requests) -> Option<Current> {
        let request = parse_request(head)?;
        let get = matches!(request.method.as_str(), "GET" | "HEAD");
        if requests.len() < MAX_REQUESTS {
            requests.push_back(Asked { file: request.file.clone(), head: request.method == "HEAD", get });
        }
        Some(Current::new(self.at, head, None, Some(request.file), get, request.body))
    }

    fn answer(&mut self, head: &[u8], requests: &mut Requests) -> Option<Current> {
        let asked = requests.front();
        let answer = parse_answer(head, asked.is_some_and(|a| a.head))?;
        if (100..200).contains(&answer.status) {
            // Interim answers announce the real one.
            return Some(Current::new(self.at, head, Some(answer.status), None, false, Body::Length(0)));
        }
        let asked = requests.pop_front();
        let told = asked.as_ref().is_none_or(|a| a.get);
        let file = asked.map(|a| a.file);
        let is_config = file.as_ref().is_some_and(|f| phone_config::is_config_name(f.raw()));
        let mut current = Current::new(self.at, head, Some(answer.status), file, told, answer.body);
        current.gzip = answer.gzip;
        current.kept = (is_config && answer.status == 200).then(Vec::new);
        Some(current)
    }

    /// Tells the current message. `whole`: its body was seen to its end.
    fn tell(&mut self, whole: bool, found: &mut Vec<Found>) {
        let Some(mut current) = self.current.take() else { return };
        self.buffer.clear();
        if !current.told {
            return;
        }
        if !whole {
            let text = format!("http: {} octets of the body were seen, not its end", current.bytes);
            current.anomalies.push(Anomaly::new(text));
        }
        let config = if whole { current.config() } else { None };
        let message = Message {
            op: if current.status.is_some() { Op::Status } else { Op::Get },
            file: current.file.clone(),
            status: current.status,
            bytes: current.status.and(whole.then_some(current.bytes)),
        };
        let anomalies = std::mem::take(&mut current.anomalies);
        let mut push = |kind, event, anomalies| {
            let octets = current.first.clone();
            found.push(Found { kind, start: current.start, len: octets.len(), octets, event, anomalies });
        };
        let kind = if current.status.is_some() { Kind::Answer } else { Kind::Request };
        push(kind, EventKind::Http(message), anomalies);
        if let Some((config, anomalies)) = config {
            push(Kind::Config, EventKind::Config(Box::new(config)), anomalies);
        }
    }
}

impl Current {
    fn new(start: Offset, head: &[u8], status: Option<u16>, file: Option<WireText>, told: bool, body: Body) -> Current {
        let rest = match body {
            Body::Length(n) => BodyState::Length(n),
            Body::Chunked => BodyState::Chunked(Chunk::Size),
            Body::UntilClose => BodyState::UntilClose,
        };
        // A request is remembered whole, so that its copies are told too; of an answer the head would not do.
        let first = if status.is_none() { head } else { head.get(..12).unwrap_or(head) };
        Current {
            start,
            status,
            file,
            told,
            first: first.into(),
            gzip: false,
            rest,
            bytes: 0,
            kept: None,
            anomalies: Vec::new(),
        }
    }

    fn is_over(&self) -> bool {
        self.rest == BodyState::Length(0)
    }

    fn keep(&mut self, octets: &[u8]) {
        self.bytes += octets.len() as u64;
        if let Some(kept) = &mut self.kept {
            if kept.len() + octets.len() <= MAX_CONFIG {
                kept.extend_from_slice(octets);
            } else {
                self.drop_body("http: the configuration is larger than 1 MiB and was not read");
            }
        }
    }

    fn drop_body(&mut self, why: &'static str) {
        if self.kept.take().is_some() {
            self.anomalies.push(Anomaly::fixed(why));
        }
    }

    /// Takes bytes of the body; `line` holds half a line of a chunked one. `None`: the chunks make no sense.
    fn body(&mut self, octets: &[u8], line: &mut Vec<u8>) -> Option<usize> {
        match self.rest {
            BodyState::UntilClose => {
                self.keep(octets);
                Some(octets.len())
            }
            BodyState::Length(left) | BodyState::Chunked(Chunk::Data(left)) => {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len());
                self.keep(octets.get(..n)?);
                self.passed(n as u64);
                Some(n)
            }
            BodyState::Chunked(chunk) => {
                let end = octets.iter().position(|b| *b == b'\n');
                let part = octets.get(..end.map_or(octets.len(), |e| e + 1))?;
                line.extend_from_slice(part);
                if line.len() > MAX_LINE {
                    return None;
                }
                if end.is_some() {
                    self.rest = chunk_line(chunk, line.trim_ascii())?;
                    line.clear();
                }
                Some(part.len())
            }
        }
    }

    fn passed(&mut self, n: u64) {
        self.rest = match self.rest {
            BodyState::Length(left) => BodyState::Length(left.saturating_sub(n)),
            BodyState::Chunked(Chunk::Data(left)) if left <= n => BodyState::Chunked(Chunk::DataEnd),
            BodyState::Chunked(Chunk::Data(left)) => BodyState::Chunked(Chunk::Data(left - n)),
            rest => rest,
        };
    }

    /// Passes over bytes that were not captured, where the body's length says that they all belong to it.
    fn pass_over(&mut self, len: u64) -> bool {
        let within = match self.rest {
            BodyState::Length(left) | BodyState::Chunked(Chunk::Data(left)) => len <= left,
            BodyState::UntilClose => true,
            BodyState::Chunked(_) => false,
        };
        if within {
            self.anomalies.push(Anomaly::new(format!("tcp: {len} octets of the body are missing")));
            self.anomalies.truncate(4);
            self.drop_body("http: the configuration is not here whole and was not read");
            self.bytes += len;
            self.passed(len);
        }
        within
    }

    fn config(&mut self) -> Option<(phone_config::PhoneConfig, Vec<Anomaly>)> {
        let (body, file) = self.kept.take().zip(self.file.as_ref())?;
        if !self.gzip && !body.starts_with(&[0x1f, 0x8b]) {
            return Some(read_config(file, body));
        }
        let mut plain = Vec::new();
        let limit = MAX_CONFIG as u64 + 1;
        let read = flate2::read::GzDecoder::new(&body[..]).take(limit).read_to_end(&mut plain);
        if read.is_err() || plain.len() > MAX_CONFIG {
            self.anomalies.push(Anomaly::fixed("http: the compressed configuration could not be unpacked"));
            return None;
        }
        Some(read_config(file, plain))
    }
}

fn read_config(file: &WireText, body: Vec<u8>) -> (phone_config::PhoneConfig, Vec<Anomaly>) {
    let (mut said, anomalies) = phone_config::parse(file, &body);
    said.body = Some(ConfigBody::new(body));
    (said, anomalies)
}

/// The state behind a line of a chunked body.
fn chunk_line(chunk: Chunk, line: &[u8]) -> Option<BodyState> {
    Some(match chunk {
        Chunk::Size => {
            let digits = line.split(|b| matches!(b, b';' | b' ')).next()?;
            let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            BodyState::Chunked(if size == 0 { Chunk::Trailer } else { Chunk::Data(size) })
        }
        Chunk::DataEnd if line.is_empty() => BodyState::Chunked(Chunk::Size),
        Chunk::Trailer if line.is_empty() => BodyState::Length(0),
        Chunk::Trailer => BodyState::Chunked(Chunk::Trailer),
        Chunk::DataEnd | Chunk::Data(_) => return None,
    })
}
