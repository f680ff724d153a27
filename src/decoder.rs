//! Frames in, events out: the stages `wire` and `flow` tied together.
//!
//! Most frames on a span port are voice; a cheap test lets them go before anything is decoded.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::event::{Event, EventKind};
use crate::flow::ip_defrag::Defragmenter;
use crate::flow::streams::{Streams, is_interesting_port};
use crate::flow::tcp_reassembly::TcpSegment;
use crate::flow::tftp_transfers::Transfers;
use crate::flow::{Decoded, Flow};
use crate::types::{Envelope, Frame, FrameRef, Timestamp, WireText};
use crate::wire::frame::{Datagram, Dissection, Payload, Segment, dissect, dissect_reassembled, is_uninteresting};
use crate::wire::{Anomaly, cdp, dhcp, dhcpv6, dns, lldp, sip};

/// Names that DNS is watched for; the rest of the network's questions are not ours.
const MAX_NAMES: usize = 1_024;

/// A connection on which nothing was said for so long is not waited for, in a run of months: phones send a keepalive
/// every minute or two.
const SILENT: Duration = Duration::from_secs(600);

/// What one input holds beside its messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct InputCounts {
    /// Frames that a snap length cut.
    pub cut_frames: u64,
    /// Frames of wireless phones whose inside is encrypted.
    pub encrypted_frames: u64,
    /// Frames whose link type can not be read.
    pub unknown_link: u64,
    /// The first such link type.
    pub unknown_link_type: Option<u16>,
}

/// Decodes frames; bounded in memory, whatever comes.
pub struct Decoder {
    defrag: Defragmenter,
    streams: Streams,
    transfers: Transfers,
    /// And when each was given last.
    names: HashMap<String, Timestamp, RandomState>,
    counts: Vec<InputCounts>,
    /// Whether events carry configurations whole.
    keep_configurations: bool,
    /// The latest frame: what is told at the end stands there.
    last: FrameRef,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// Nothing seen yet.
    pub fn new() -> Decoder {
        Decoder {
            defrag: Defragmenter::new(),
            streams: Streams::new(),
            transfers: Transfers::new(),
            names: HashMap::with_hasher(RandomState::default()),
            counts: Vec::new(),
            keep_configurations: false,
            last: FrameRef::default(),
        }
    }

    /// From now on a `config` event carries the whole file. It may hold passwords; nobody else gets it.
    pub fn keep_configurations(&mut self) {
        self.keep_configurations = true;
    }

    /// Decodes one frame and gives every message that it completes, in order.
    pub fn handle_frame(&mut self, frame: &Frame<'_>, sink: &mut dyn FnMut(Event)) {
        let cut = (frame.data.len() as u64) < u64::from(frame.orig_len);
        if cut && let Some(counts) = self.counts_of(frame.input) {
            counts.cut_frames += 1;
        }
        if is_uninteresting(frame.link_type, frame.data) {
            return;
        }
        let dissection = dissect(frame);
        if matches!(dissection.payload, Payload::UnknownLink)
            && let Some(counts) = self.counts_of(frame.input)
        {
            counts.unknown_link += 1;
            counts.unknown_link_type.get_or_insert(frame.link_type.0);
        }
        if matches!(dissection.payload, Payload::Encrypted(_))
            && let Some(counts) = self.counts_of(frame.input)
        {
            counts.encrypted_frames += 1;
        }
        let at = FrameRef { input: frame.input, frame: frame.number };
        self.last = at;
        self.handle_dissection(at, frame.time, dissection, 0, sink);
    }

    /// The end of the inputs: gives what was under way in TCP streams.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Event)) {
        let at = self.last;
        let keep = self.keep_configurations;
        self.streams.finish(&mut |flow, time, mut decoded| {
            let envelope = Envelope {
                src: Some(flow.src),
                dst: Some(flow.dst),
                sport: Some(flow.sport),
                dport: Some(flow.dport),
                ..Envelope::default()
            };
            note_config(&mut decoded, keep, &mut Vec::new());
            let Decoded { kind, anomalies, digest } = decoded;
            sink(Event { at, time, envelope, anomalies, digest, kind });
        });
    }

    /// For a run of months, once a minute: lets go names that neither a lease nor a configuration gave since `limit`,
    /// and what nothing came of any more by `now`.
    pub fn forget_before(&mut self, limit: Timestamp, now: Timestamp) {
        self.names.retain(|_, given| *given >= limit);
        self.streams.forget_before(now.minus(SILENT));
        self.transfers.forget_before(now);
    }

    /// Bytes kept of packets and messages of which the rest is still to come.
    pub fn held(&self) -> usize {
        self.defrag.held() + self.streams.held()
    }

    /// Names that DNS is watched for, and when each was given last.
    pub fn watched(&self) -> Vec<(String, Timestamp)> {
        let mut all: Vec<_> = self.names.iter().map(|(name, given)| (name.clone(), *given)).collect();
        all.sort_unstable();
        all
    }

    /// Watches for these names too.
    pub fn watch(&mut self, names: Vec<(String, Timestamp)>) {
        self.names.extend(names.into_iter().take(MAX_NAMES));
    }

    /// Counts of an input.
    pub fn counts(&self, input: u32) -> InputCounts {
        self.counts.get(input as usize).copied().unwrap_or_default()
    }

    /// Bounds that were reached.
    pub fn limits_reached(&self) -> Vec<String> {
        let all = [
            self.defrag.limits_reached().map(|t| t.to_string()),
            self.streams.limits_reached(),
            self.transfers.limits_reached(),
        ];
        all.into_iter().flatten().collect()
    }

    fn counts_of(&mut self, input: u32) -> Option<&mut InputCounts> {
        let index = input as usize;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, InputCounts::default());
        }
        self.counts.get_mut(index)
    }

    fn handle_dissection(
        &mut self,
        at: FrameRef,
        time: Timestamp,
        dissection: Dissection<'_>,
        depth: u8,
        sink: &mut dyn FnMut(Event),
    ) {
        let Dissection { envelope, payload, anomalies, ip_id } = dissection;
        let mut out = Sink { at, time, envelope: &envelope, anomalies, sink };
        match payload {
            Payload::Udp(datagram) => self.handle_datagram(&mut out, &datagram, ip_id),
            Payload::Tcp(segment) => self.handle_segment(&mut out, &segment, ip_id),
            Payload::Arp(message) => {
                let digest = digest_of(&envelope, 0, &message);
                out.send(EventKind::Arp(message), Vec::new(), digest);
            }
            Payload::Icmp(message) => {
                let digest = digest_of(&envelope, ip_id, &message);
                out.send(EventKind::Icmp(message), Vec::new(), digest);
            }
            Payload::Cdp(bytes) => {
                if let Some((message, anomalies)) = cdp::parse(bytes) {
                    let digest = digest_frame(&envelope, bytes);
                    out.send(EventKind::Cdp(Box::new(message)), anomalies, digest);
                }
            }
            Payload::Lldp(bytes) => {
                if let Some((message, anomalies)) = lldp::parse(bytes) {
                    let digest = digest_frame(&envelope, bytes);
                    out.send(EventKind::Lldp(Box::new(message)), anomalies, digest);
                }
            }
            Payload::Fragment(fragment) => {
                if depth < 4
                    && let Some(whole) = self.defrag.handle_fragment(time, &fragment)
                {
                    let mut inner = dissect_reassembled(envelope.clone(), whole.protocol, &whole.data);
                    inner.ip_id = fragment.id;
                    inner.anomalies.extend(whole.anomalies);
                    let sink = out.sink;
                    self.handle_dissection(at, time, inner, depth + 1, sink);
                }
            }
            Payload::Other | Payload::Encrypted(_) | Payload::UnknownLink => {}
        }
    }

    fn handle_datagram(&mut self, out: &mut Sink<'_, '_>, datagram: &Datagram<'_>, ip_id: u32) {
        let Some(flow) = flow_of(out.envelope) else { return };
        let ports = [flow.sport, flow.dport];
        let data = datagram.data;
        let of = |port: u16| ports.contains(&port);
        if of(67) || of(68) {
            if let Some((mut message, anomalies)) = dhcp::parse(data) {
                message.cut = datagram.wire_len > data.len();
                let digest = digest(out.envelope, ip_id, data);
                self.watch_names(out.time, message.tftp_name.iter().chain(&message.sname));
                return out.send(EventKind::Dhcp(Box::new(message)), anomalies, digest);
            }
        } else if of(546) || of(547) {
            if let Some((message, anomalies)) = dhcpv6::parse(data) {
                let digest = digest(out.envelope, ip_id, data);
                return out.send(EventKind::Dhcpv6(Box::new(message)), anomalies, digest);
            }
        } else if of(53) {
            if let Some((message, anomalies)) = dns::parse(data)
                && self.is_watched(&message.name)
            {
                let digest = digest(out.envelope, ip_id, data);
                out.send(EventKind::Dns(Box::new(message)), anomalies, digest);
            }
            return;
        } else if (of(5060) || of(5061) || sip::is_likely(data))
            // Answers go to the port of the Via, from whatever port the registrar likes (RFC 3261 section 18.2.2), so
            // the message tells what it is and the ports do not.
            && let Some((message, anomalies)) = sip::parse(data)
        {
            let digest = digest(out.envelope, ip_id, data);
            return out.send(EventKind::Sip(Box::new(message)), anomalies, digest);
        }
        let mut configs = Vec::new();
        let keep = self.keep_configurations;
        self.transfers.handle_datagram(out.time, flow, ip_id, data, datagram.wire_len, &mut |mut decoded: Decoded| {
            note_config(&mut decoded, keep, &mut configs);
            out.send(decoded.kind, decoded.anomalies, decoded.digest);
        });
        self.watch_names(out.time, &configs);
    }

    fn handle_segment(&mut self, out: &mut Sink<'_, '_>, segment: &Segment<'_>, ip_id: u32) {
        let Some(flow) = flow_of(out.envelope) else { return };
        if !is_interesting_port(flow.sport) && !is_interesting_port(flow.dport) {
            return;
        }
        let segment = TcpSegment {
            seq: segment.seq,
            ack: segment.ack,
            syn: segment.syn,
            fin: segment.fin,
            rst: segment.rst,
            ack_flag: segment.ack_flag,
            data: segment.data,
            wire_len: segment.wire_len,
        };
        let mut configs = Vec::new();
        let (names, keep) = (&self.names, self.keep_configurations);
        self.streams.handle_segment(out.time, flow, ip_id, &segment, &mut |mut decoded: Decoded| {
            if let EventKind::Dns(message) = &decoded.kind
                && !is_watched(names, &message.name)
            {
                return;
            }
            note_config(&mut decoded, keep, &mut configs);
            out.send(decoded.kind, decoded.anomalies, decoded.digest);
        });
        self.watch_names(out.time, &configs);
    }

    fn watch_names<'n>(&mut self, time: Timestamp, names: impl IntoIterator<Item = &'n WireText>) {
        for name in names {
            let name = name.raw();
            if name.is_empty() || name.len() > 253 || name.parse::<std::net::IpAddr>().is_ok() {
                continue;
            }
            let name = name.to_ascii_lowercase();
            if self.names.len() < MAX_NAMES || self.names.contains_key(&name) {
                self.names.insert(name, time);
            }
        }
    }

    fn is_watched(&self, name: &WireText) -> bool {
        is_watched(&self.names, name)
    }
}

/// `CiscoCM1`, under whatever domain, and the names that leases and configurations gave.
fn is_watched(names: &HashMap<String, Timestamp, RandomState>, name: &WireText) -> bool {
    let name = name.raw().to_ascii_lowercase();
    let short = name.split('.').next().unwrap_or(&name);
    short == "ciscocm1" || names.contains_key(&name) || names.contains_key(short)
}

/// Notes the names that a configuration gives, and lets go of its bytes unless they are to be kept.
fn note_config(decoded: &mut Decoded, keep: bool, names: &mut Vec<WireText>) {
    if let EventKind::Config(config) = &mut decoded.kind {
        if !keep {
            config.body = None;
        }
        names.extend(config.call_managers.iter().chain(&config.load_server).cloned());
    }
}

fn flow_of(envelope: &Envelope) -> Option<Flow> {
    Some(Flow { src: envelope.src?, dst: envelope.dst?, sport: envelope.sport?, dport: envelope.dport? })
}

/// Adds the frame's part to each message of it.
struct Sink<'a, 's> {
    at: FrameRef,
    time: Timestamp,
    envelope: &'a Envelope,
    anomalies: Vec<Anomaly>,
    sink: &'s mut dyn FnMut(Event),
}

impl Sink<'_, '_> {
    fn send(&mut self, kind: EventKind, mut anomalies: Vec<Anomaly>, digest: u64) {
        if !self.anomalies.is_empty() {
            anomalies.splice(0..0, self.anomalies.iter().cloned());
        }
        let envelope = self.envelope.clone();
        (self.sink)(Event { at: self.at, time: self.time, envelope, anomalies, digest, kind });
    }
}

/// Identity of a datagram: what a router leaves as it is.
fn digest(envelope: &Envelope, ip_id: u32, payload: &[u8]) -> u64 {
    let mut hash = digest_of_flow(envelope, ip_id);
    hash.write(payload);
    hash.finish()
}

/// The same by what the message says.
fn digest_of(envelope: &Envelope, ip_id: u32, message: &impl std::fmt::Debug) -> u64 {
    use std::fmt::Write as _;
    let mut hash = digest_of_flow(envelope, ip_id);
    // Writing to a digest does not fail.
    let _ = write!(hash, "{message:?}");
    hash.finish()
}

fn digest_of_flow(envelope: &Envelope, ip_id: u32) -> crate::flow::Digest {
    let mut hash = crate::flow::Digest::new();
    hash.write_ip(envelope.src);
    hash.write_ip(envelope.dst);
    hash.write(&ip_id.to_be_bytes());
    hash.write(&envelope.sport.unwrap_or(0).to_be_bytes());
    hash.write(&envelope.dport.unwrap_or(0).to_be_bytes());
    hash
}

/// Identity of what never leaves its link: who sent it, and what.
fn digest_frame(envelope: &Envelope, payload: &[u8]) -> u64 {
    let mut hash = crate::flow::Digest::new();
    hash.write(&envelope.eth_src.unwrap_or_default().0);
    hash.write(payload);
    hash.finish()
}
