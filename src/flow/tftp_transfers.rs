//! TFTP transfers: which datagrams are TFTP, which file they belong to, configuration files and lists of loads put
//! together, and the hash of loads.
//!
//! A request goes to port 69 (or 6969, the second port of CallManager's TFTP service, or any other: a request is easy
//! to tell); everything after it runs between the client's port and a port that the server picks, or port 69 again
//! where the server has but one. So the client's address and port name the transfer. The server's ports are kept apart within it: a request that is sent
//! twice can start two transfers of one file (RFC 1350 section 4), and only one of them gets acknowledged.

use std::net::IpAddr;
use std::time::Duration;

use hashlink::LruCache;

use super::{Decoded, Digest, Flow};
use crate::event::EventKind;
use crate::types::{Hex, Timestamp, WireText};
use crate::wire::tftp::{self, Op, Packet};
use crate::wire::{Anomaly, ConfigBody, load, load_list, phone_config};

/// Most transfers that are known at a time; the one unused for longest goes first.
const MAX_TRANSFERS: usize = 65_536;
/// Longest file that is put together, in bytes.
const MAX_BODY: usize = 1 << 20;
/// Most bytes of unfinished files that are kept at a time.
const MAX_KEPT: usize = 16 << 20;
/// A transfer without a packet for this long is over.
const IDLE: Duration = Duration::from_secs(60);
/// Two equal requests without an IP id are copies of one within this time; a client waits longer to repeat itself.
const COPY_WINDOW: Duration = Duration::from_millis(250);
/// Blocks that may arrive ahead of the next one, where a window is in use or a capture reorders frames.
const MAX_AHEAD: u16 = 64;
/// Block size without the option (RFC 1350), and the limits of the option (RFC 2348).
const BLOCK_SIZE: u32 = 512;
const BLOCK_SIZES: std::ops::RangeInclusive<u32> = 8..=65_464;

/// The TFTP transfers of a capture.
pub struct Transfers {
    by_client: LruCache<(IpAddr, u16), Transfer>,
    /// Bytes held by all bodies.
    kept: usize,
    limits: Limits,
}

#[derive(Default)]
struct Limits {
    transfers: bool,
    body: bool,
    kept: bool,
}

struct Transfer {
    server: IpAddr,
    file: Option<WireText>,
    request: RequestId,
    write: bool,
    netascii: bool,
    wanted: WantedContent,
    asked_block_size: Option<u32>,
    block_size: Option<u32>,
    size: Option<u64>,
    answered: bool,
    /// By the server's port, the one in use first.
    streams: [Option<Stream>; 2],
    /// The end of the transfer that this client port carried before.
    previous: Option<Previous>,
    /// The server that this client port asked before, where it was another one: what it sends now comes late.
    earlier: Option<EarlierRequest>,
    /// What comes to this client port from an address that was not asked: a transfer of its own, of the latest such
    /// address. It never touches the transfer of the server that was asked.
    elsewhere: Option<Box<Transfer>>,
    last_seen: Timestamp,
}

/// A request that the same client port sent before to another server.
struct EarlierRequest {
    server: IpAddr,
    file: Option<WireText>,
}

/// Whose packet it is, by the transfer that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Server,
    /// An address that was not asked.
    Elsewhere,
    /// The server that the port asked before.
    Earlier,
    Client,
    /// To an address that was not asked.
    ClientElsewhere,
}

/// What is wanted of a file beside its name.
#[derive(Clone, Copy)]
struct WantedContent {
    /// The file put together: it is a configuration or lists loads, and it is read.
    body: bool,
    /// Its hash: it is a load, or names or vouches for one. Not of a configuration, since its password could be guessed
    /// by it.
    hash: bool,
}

/// What tells a request from another one, and a copy from a repetition.
struct RequestId {
    content: u64,
    ip_id: u32,
    time: Timestamp,
}

/// The blocks that one server port sends or gets.
struct Stream {
    port: u16,
    wanted: WantedContent,
    /// Next block; wraps as the block number does.
    next: u16,
    /// Bytes of the blocks seen one after the other.
    length: u64,
    /// A block was seen out of its turn: `length` may not be the file's.
    gap: bool,
    complete: bool,
    /// The request was repeated: block 1 starts the file anew.
    restart: bool,
    /// Number and digest of the newest block.
    newest: (u16, u64),
    body: Option<Body>,
    /// Of the blocks seen one after the other; `None` from a block on that was cut.
    hash: Option<Digest>,
}

/// A file that has just come to its end, as far as it was wanted.
struct CompletedFile {
    body: Option<Vec<u8>>,
    length: u64,
    hash: Option<u64>,
}

#[derive(Default)]
struct Body {
    bytes: Vec<u8>,
    /// Blocks ahead of the next one: number, whether it is the last, bytes.
    ahead: Vec<(u16, bool, Box<[u8]>)>,
}

struct Previous {
    file: Option<WireText>,
    port: u16,
    block: u16,
    digest: u64,
}

/// One DATA packet.
struct Block<'a> {
    number: u16,
    last: bool,
    /// Bytes on the wire.
    length: u32,
    /// The bytes; `None` where a snap length cut them.
    data: Option<&'a [u8]>,
    /// Its digest tells a copy from a block that was sent again.
    has_ip_id: bool,
}

impl Default for Transfers {
    fn default() -> Transfers {
        Transfers::new()
    }
}

impl Transfers {
    /// No transfer known.
    pub fn new() -> Transfers {
        Transfers { by_client: LruCache::new(MAX_TRANSFERS), kept: 0, limits: Limits::default() }
    }

    /// Takes a UDP datagram. Where it is TFTP, `sink` gets the packet with the file that it belongs to; and right
    /// after the block that completes a configuration file that a client reads, what the file says. Where it is
    /// not, `sink` is not called.
    ///
    /// `ip_id` is the IP identification (0 for IPv6), `wire_len` the length of the payload on the wire, which is
    /// longer than `payload` where a snap length cut it.
    pub fn handle_datagram(
        &mut self,
        time: Timestamp,
        flow: Flow,
        ip_id: u32,
        payload: &[u8],
        wire_len: usize,
        sink: &mut dyn FnMut(Decoded),
    ) {
        // Nearly every datagram of a capture is voice, and ends here.
        let Some((op, _)) = tftp::operation(payload) else { return };
        match op {
            Op::Rrq | Op::Wrq => self.handle_request(time, flow, ip_id, payload, wire_len, sink),
            _ => self.handle_rest(time, flow, ip_id, payload, wire_len, sink),
        }
    }

    /// Which limits were reached, and what that means; `None`: none of them.
    pub fn limits_reached(&self) -> Option<String> {
        let mut said = Vec::new();
        if self.limits.transfers {
            said.push(format!("more than {MAX_TRANSFERS} TFTP transfers at a time, the oldest were forgotten"));
        }
        if self.limits.body {
            said.push(format!("a configuration file or list of loads longer than {} MiB was not read", MAX_BODY >> 20));
        }
        if self.limits.kept {
            said.push(format!(
                "more than {} MiB of unfinished configuration files and lists of loads, some were not read",
                MAX_KEPT >> 20
            ));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn handle_request(
        &mut self,
        time: Timestamp,
        flow: Flow,
        ip_id: u32,
        payload: &[u8],
        wire_len: usize,
        sink: &mut dyn FnMut(Decoded),
    ) {
        let Some((packet, anomalies)) = tftp::parse(payload, wire_len) else { return };
        // Some phones ask at a port of their maker's; and port 6969 is also that of other services.
        if flow.dport == 69 || is_plausible_request(&packet) {
            self.forget_idle(time);
            let mut content = Digest::new();
            content.write(payload);
            self.start(time, flow, ip_id, &packet, content.finish());
        } else if flow.sport != 69 {
            return;
        }
        sink(decoded(packet, anomalies, &flow, ip_id, payload));
    }

    fn start(&mut self, time: Timestamp, flow: Flow, ip_id: u32, packet: &Packet, content: u64) {
        let key = (flow.src, flow.sport);
        let mut previous = None;
        let mut earlier = None;
        let full = self.by_client.len() >= MAX_TRANSFERS;
        match self.by_client.get_mut(&key) {
            Some(old) if old.server == flow.dst && old.request.content == content && !old.is_idle(time) => {
                let copy = match (ip_id, old.request.ip_id) {
                    (0, 0) => time.since(old.request.time) < COPY_WINDOW,
                    (new, old) => new == old,
                };
                old.last_seen = old.last_seen.max(time);
                if !copy {
                    old.request = RequestId { content, ip_id, time };
                    old.restart();
                }
                return;
            }
            Some(old) if !old.is_idle(time) && old.server == flow.dst => {
                previous = old.streams.iter().flatten().next().map(|stream| Previous {
                    file: old.file.clone(),
                    port: stream.port,
                    block: stream.newest.0,
                    digest: stream.newest.1,
                });
            }
            Some(old) if !old.is_idle(time) => {
                earlier = Some(EarlierRequest { server: old.server, file: old.file.clone() });
            }
            Some(_) => {}
            None if full => {
                self.limits.transfers = true;
                if let Some((_, old)) = self.by_client.remove_lru() {
                    self.kept = self.kept.saturating_sub(old.held());
                }
            }
            None => {}
        }
        let write = packet.op == Op::Wrq;
        let netascii = packet.mode.as_ref().is_some_and(|mode| mode.raw().eq_ignore_ascii_case("netascii"));
        let wanted = WantedContent::of(packet.file.as_ref().filter(|_| !write).map_or("", WireText::raw));
        let transfer = Transfer {
            server: flow.dst,
            file: packet.file.clone(),
            request: RequestId { content, ip_id, time },
            write,
            netascii,
            wanted,
            asked_block_size: block_size_of(packet),
            block_size: None,
            // The size that a reader asks about is 0 in its request (RFC 2349).
            size: option(packet, "tsize").filter(|_| write),
            answered: false,
            streams: [None, None],
            previous,
            earlier,
            elsewhere: None,
            last_seen: time,
        };
        if let Some(old) = self.by_client.insert(key, transfer) {
            self.kept = self.kept.saturating_sub(old.held());
        }
    }

    fn handle_rest(
        &mut self,
        time: Timestamp,
        flow: Flow,
        ip_id: u32,
        payload: &[u8],
        wire_len: usize,
        sink: &mut dyn FnMut(Decoded),
    ) {
        let Transfers { by_client, kept, limits } = self;
        let to_client = by_client.peek(&(flow.dst, flow.dport)).and_then(|t| t.sender_to_client(&flow, payload, time));
        let sender = to_client
            .or_else(|| by_client.peek(&(flow.src, flow.sport)).and_then(|t| t.sender_from_client(&flow, time)));
        if sender.is_none() && !is_server_port(flow.sport) && !is_server_port(flow.dport) {
            return;
        }
        let Some((mut packet, mut anomalies)) = tftp::parse(payload, wire_len) else { return };
        let from_server = !matches!(sender, Some(Sender::Client | Sender::ClientElsewhere));
        let key = if from_server { (flow.dst, flow.dport) } else { (flow.src, flow.sport) };
        let Some((sender, transfer)) = sender.zip(by_client.get_mut(&key)) else {
            if flow.sport == 69 || flow.dport == 69 || is_plausible(&packet, wire_len) {
                sink(decoded(packet, anomalies, &flow, ip_id, payload));
            }
            return;
        };
        transfer.last_seen = transfer.last_seen.max(time);
        let server_port = if from_server { flow.sport } else { flow.dport };
        let digest_of_packet = digest(&flow, ip_id, &[payload]);
        let transfer = match sender {
            Sender::Server | Sender::Client => {
                // The request went to a group, and this is who answers.
                if from_server {
                    transfer.server = flow.src;
                }
                transfer
            }
            Sender::Earlier => {
                packet.file = transfer.earlier.as_ref().and_then(|earlier| earlier.file.clone());
                sink(Decoded { kind: EventKind::Tftp(Box::new(packet)), anomalies, digest: digest_of_packet });
                return;
            }
            Sender::Elsewhere | Sender::ClientElsewhere => {
                if from_server {
                    anomalies.push(Anomaly::new(format!(
                        "tftp: the request went to {}, the answer comes from another address",
                        transfer.server
                    )));
                }
                let is_known =
                    transfer.elsewhere.as_ref().is_some_and(|other| !from_server || other.server == flow.src);
                if !is_known {
                    if !transfer.is_plausible_answer(&packet, wire_len) {
                        return;
                    }
                    *kept = kept.saturating_sub(transfer.elsewhere.as_ref().map_or(0, |other| other.held()));
                    transfer.elsewhere = Some(Box::new(transfer.answered_elsewhere(flow.src)));
                }
                let Some(other) = transfer.elsewhere.as_deref_mut() else { return };
                other
            }
        };
        if let Some(previous) = transfer.late(server_port, &packet, digest_of_packet) {
            packet.file = previous.file.clone();
            sink(Decoded { kind: EventKind::Tftp(Box::new(packet)), anomalies, digest: digest_of_packet });
            return;
        }
        packet.file = transfer.file.clone();
        let mut whole = None;
        match packet.op {
            Op::Oack if from_server => transfer.take_options(&packet, &mut anomalies),
            Op::Data if from_server != transfer.write => {
                let data = (payload.len() >= wire_len).then(|| payload.get(4..)).flatten();
                if let (Some(number), Some(length)) = (packet.block, packet.bytes) {
                    packet.last = length < transfer.block_size(length, &mut anomalies);
                    let block = Block { number, last: packet.last, length, data, has_ip_id: ip_id != 0 };
                    let stream = transfer.take_stream(server_port, kept);
                    whole = stream.take(block, digest_of_packet, kept, limits);
                    let length = (stream.complete && !stream.gap).then_some(stream.length);
                    if let (true, Some(length), Some(size)) = (packet.last, length, transfer.size)
                        && length != size
                        && !transfer.netascii
                    {
                        let text = format!("tftp: the file has {length} octets, {size} were announced");
                        anomalies.push(Anomaly::new(text));
                    }
                }
            }
            _ => {}
        }
        transfer.answered |= from_server;
        let mut config = None;
        if let Some(CompletedFile { body, length, hash }) = whole {
            packet.file_bytes = hash.map(|_| length);
            packet.file_hash = hash.map(|hash| Hex::from(&hash.to_be_bytes()[..]));
            let body = body.map(|body| if transfer.netascii { without_netascii(&body) } else { body });
            let file = transfer.file.clone().unwrap_or_default();
            match body {
                Some(body) if load_list::is_list_name(file.raw()) => {
                    let (names, odd) = load_list::parse(file.raw(), &body);
                    packet.names = names;
                    anomalies.extend(odd);
                }
                Some(body) => {
                    let digest = digest(&flow, 0, &[file.raw().as_bytes(), &body]);
                    let (mut said, anomalies) = phone_config::parse(&file, &body);
                    said.body = Some(ConfigBody::new(body));
                    config = Some(Decoded { kind: EventKind::Config(Box::new(said)), anomalies, digest });
                }
                None => {}
            }
        }
        sink(Decoded { kind: EventKind::Tftp(Box::new(packet)), anomalies, digest: digest_of_packet });
        if let Some(config) = config {
            sink(config);
        }
    }

    /// Lets go all transfers that are over by `now`.
    pub fn forget_before(&mut self, now: Timestamp) {
        while self.by_client.iter().next().is_some_and(|(_, t)| t.is_idle(now)) {
            if let Some((_, old)) = self.by_client.remove_lru() {
                self.kept = self.kept.saturating_sub(old.held());
            }
        }
    }

    /// Drops transfers that are over. A few at a time, so that no datagram pays for all.
    fn forget_idle(&mut self, time: Timestamp) {
        for _ in 0..4 {
            if !self.by_client.iter().next().is_some_and(|(_, t)| t.is_idle(time)) {
                return;
            }
            if let Some((_, old)) = self.by_client.remove_lru() {
                self.kept = self.kept.saturating_sub(old.held());
            }
        }
    }
}

impl WantedContent {
    /// Of a file that a client reads.
    fn of(file: &str) -> WantedContent {
        let list = load_list::is_list_name(file);
        let trust = file.len() > 4 && file.to_ascii_lowercase().ends_with(".tlv");
        WantedContent {
            body: list || phone_config::is_config_name(file),
            hash: list || trust || load::is_load_file(file).is_some(),
        }
    }
}

impl Transfer {
    fn is_idle(&self, time: Timestamp) -> bool {
        time.since(self.last_seen) > IDLE
    }

    /// Bytes held.
    fn held(&self) -> usize {
        let elsewhere = self.elsewhere.as_ref().map_or(0, |other| other.held());
        self.streams.iter().flatten().map(Stream::held).sum::<usize>() + elsewhere
    }

    /// The request was sent once more: block 1 starts the file anew.
    fn restart(&mut self) {
        let elsewhere = self.elsewhere.iter_mut().flat_map(|other| &mut other.streams);
        for stream in self.streams.iter_mut().chain(elsewhere).flatten() {
            stream.restart = true;
        }
    }

    /// Who sends this to the client's port; `None`: it does not belong to the transfer.
    fn sender_to_client(&self, flow: &Flow, payload: &[u8], time: Timestamp) -> Option<Sender> {
        let is_first = self.may_be_first_answer(payload);
        if self.is_idle(time) {
            None
        } else if self.server == flow.src || is_group(self.server) && is_first && !self.answered {
            Some(Sender::Server)
        } else if self.earlier.as_ref().is_some_and(|earlier| earlier.server == flow.src) {
            Some(Sender::Earlier)
        } else if is_first || self.elsewhere.as_ref().is_some_and(|other| other.server == flow.src) {
            Some(Sender::Elsewhere)
        } else {
            None
        }
    }

    /// To whom the client sends this; `None`: it does not belong to the transfer.
    fn sender_from_client(&self, flow: &Flow, time: Timestamp) -> Option<Sender> {
        if self.is_idle(time) {
            None
        } else if self.server == flow.dst {
            Some(Sender::Client)
        } else {
            let is_elsewhere = self.elsewhere.as_ref().is_some_and(|other| other.server == flow.dst);
            is_elsewhere.then_some(Sender::ClientElsewhere)
        }
    }

    /// Whether a packet can be the first answer to the request: from a group's member, or from another address of the
    /// server.
    fn may_be_first_answer(&self, payload: &[u8]) -> bool {
        match tftp::operation(payload) {
            Some((Op::Data, rest)) => rest.starts_with(&[0, 1]) && !self.write,
            Some((Op::Ack, rest)) => rest.starts_with(&[0, 0]) && self.write,
            Some((Op::Oack | Op::Error, _)) => true,
            _ => false,
        }
    }

    /// Whether a packet from an address that was not asked is an answer beyond its first bytes.
    fn is_plausible_answer(&self, packet: &Packet, wire_len: usize) -> bool {
        let asked = self.asked_block_size.and_then(|size| usize::try_from(size).ok());
        match packet.op {
            Op::Data => wire_len <= 4 + asked.unwrap_or(0).max(BLOCK_SIZE as usize),
            // A snap length may have cut the text.
            Op::Error => packet.error_code.is_none_or(|code| code <= 8),
            _ => is_plausible(packet, wire_len),
        }
    }

    /// The same request as if it had gone to the address that answers it.
    fn answered_elsewhere(&self, server: IpAddr) -> Transfer {
        let RequestId { content, ip_id, time } = self.request;
        Transfer {
            server,
            file: self.file.clone(),
            request: RequestId { content, ip_id, time },
            write: self.write,
            netascii: self.netascii,
            wanted: self.wanted,
            asked_block_size: self.asked_block_size,
            block_size: None,
            size: self.size.filter(|_| self.write),
            answered: false,
            streams: [None, None],
            previous: None,
            earlier: None,
            elsewhere: None,
            last_seen: self.last_seen,
        }
    }

    /// The transfer that this client port carried before, where the packet is the tail of it: its last block sent
    /// again or copied, or the acknowledgement of that.
    fn late(&self, server_port: u16, packet: &Packet, digest: u64) -> Option<&Previous> {
        let previous = self.previous.as_ref().filter(|previous| previous.port == server_port)?;
        if self.streams.iter().flatten().any(|stream| stream.port == server_port) {
            return None;
        }
        let tail = packet.block == Some(previous.block);
        match packet.op {
            Op::Data => digest == previous.digest || tail && previous.block != 1,
            Op::Ack => tail && !is_server_port(server_port) && !self.write,
            _ => false,
        }
        .then_some(previous)
    }

    fn take_options(&mut self, packet: &Packet, anomalies: &mut Vec<Anomaly>) {
        self.block_size = None;
        if packet.options.contains_key(&WireText::from("blksize")) {
            match block_size_of(packet) {
                Some(size) => self.block_size = Some(size),
                None => anomalies.push(Anomaly::fixed("tftp: block size out of range")),
            }
        }
        if !self.write {
            self.size = option(packet, "tsize");
        }
        // Whatever the request asked for and the server does not repeat is refused (RFC 2347).
        if self.block_size.is_none() {
            self.asked_block_size = None;
        }
    }

    /// Block size that a block of `length` bytes is to be measured with.
    fn block_size(&mut self, length: u32, anomalies: &mut Vec<Anomaly>) -> u32 {
        let size = self.block_size.unwrap_or(BLOCK_SIZE);
        if length <= size {
            return size;
        }
        // An OACK that the capture does not hold.
        match self.asked_block_size.filter(|asked| self.block_size.is_none() && length <= *asked) {
            Some(asked) => {
                self.block_size = Some(asked);
                asked
            }
            None => {
                anomalies.push(Anomaly::new(format!("tftp: block of {length} octets, {size} is the block size")));
                self.block_size = Some(length);
                length
            }
        }
    }

    /// The stream of a server port, moved to the front; a third one replaces the one not used last.
    fn take_stream(&mut self, port: u16, kept: &mut usize) -> &mut Stream {
        let [first, second] = &mut self.streams;
        if first.as_ref().is_none_or(|stream| stream.port != port) {
            std::mem::swap(first, second);
        }
        if let Some(other) = first.take_if(|stream| stream.port != port) {
            *kept = kept.saturating_sub(other.held());
        }
        let wanted = self.wanted;
        first.get_or_insert_with(|| Stream::new(port, wanted))
    }
}

impl Stream {
    fn new(port: u16, wanted: WantedContent) -> Stream {
        Stream {
            port,
            wanted,
            next: 1,
            length: 0,
            gap: false,
            complete: false,
            restart: false,
            newest: (0, 0),
            body: wanted.body.then(Body::default),
            hash: wanted.hash.then(Digest::new),
        }
    }

    /// Bytes held.
    fn held(&self) -> usize {
        self.body.as_ref().map_or(0, |body| {
            let ahead: usize = body.ahead.iter().map(|(_, _, data)| data.len()).sum();
            body.bytes.capacity() + ahead
        })
    }

    /// Takes a block. The whole file, once, with the block that completes it.
    fn take(&mut self, block: Block<'_>, digest: u64, kept: &mut usize, limits: &mut Limits) -> Option<CompletedFile> {
        let before = self.held();
        let copy = self.newest == (block.number, digest) && block.has_ip_id;
        if self.restart && block.number == 1 && !copy {
            *self = Stream::new(self.port, self.wanted);
        }
        self.newest = (block.number, digest);
        let was_complete = self.complete;
        self.take_block(block, limits);
        let whole = (self.complete && !was_complete).then(|| CompletedFile {
            body: self.body.take().map(|body| body.bytes),
            length: self.length,
            hash: self.hash.take().map(|hash| hash.finish()),
        });
        *kept = (*kept + self.held()).saturating_sub(before);
        if *kept > MAX_KEPT && self.body.is_some() {
            limits.kept = true;
            *kept = kept.saturating_sub(self.held());
            self.body = None;
        }
        whole
    }

    fn take_block(&mut self, block: Block<'_>, limits: &mut Limits) {
        // Some servers go from block 65535 to 1.
        let rolls_over = self.next == 0 && block.number == 1;
        if self.complete {
            return;
        }
        if block.number != self.next && !rolls_over {
            let ahead = block.number.wrapping_sub(self.next);
            if ahead > MAX_AHEAD {
                return;
            }
            self.gap = true;
            if let (Some(body), Some(data)) = (&mut self.body, block.data)
                && body.ahead.iter().all(|(number, _, _)| *number != block.number)
            {
                body.ahead.push((block.number, block.last, data.into()));
            }
            return;
        }
        // Where a frame was cut there is no whole file to be had.
        if block.data.is_none() {
            self.body = None;
            self.hash = None;
        }
        self.append(block.number, block.last, block.length, block.data.unwrap_or_default(), limits);
        while let Some((number, last, data)) = self.take_ahead() {
            self.append(number, last, u32::try_from(data.len()).unwrap_or(u32::MAX), &data, limits);
        }
    }

    fn append(&mut self, number: u16, last: bool, length: u32, data: &[u8], limits: &mut Limits) {
        self.next = number.wrapping_add(1);
        self.length += u64::from(length);
        self.complete = last;
        if let Some(hash) = &mut self.hash {
            hash.write(data);
        }
        if let Some(body) = &mut self.body {
            body.bytes.extend_from_slice(data);
            if body.bytes.len() > MAX_BODY {
                limits.body = true;
                self.body = None;
            }
        }
    }

    /// The block that is next, where it arrived before its turn.
    fn take_ahead(&mut self) -> Option<(u16, bool, Box<[u8]>)> {
        if self.complete {
            return None;
        }
        let ahead = &mut self.body.as_mut()?.ahead;
        let at = ahead.iter().position(|(number, _, _)| *number == self.next)?;
        Some(ahead.swap_remove(at))
    }
}

fn is_server_port(port: u16) -> bool {
    matches!(port, 69 | 6969)
}

/// Whether an answer to this address comes from another one. The broadcast address of a subnet is not told apart
/// from a host here.
fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

/// Whether a request to a port that is not TFTP's own is one all the same: a file name and a known mode.
fn is_plausible_request(packet: &Packet) -> bool {
    let known = |mode: &str| ["octet", "netascii", "mail"].iter().any(|known| mode.eq_ignore_ascii_case(known));
    packet.mode.as_ref().is_some_and(|mode| known(mode.raw()))
        && packet.file.as_ref().is_some_and(|file| !file.raw().contains(|c: char| c.is_control()))
}

/// Whether a packet without a known request looks like TFTP beyond its first two bytes.
fn is_plausible(packet: &Packet, wire_len: usize) -> bool {
    match packet.op {
        Op::Data => packet.block.is_some_and(|block| block > 0) && wire_len <= 516,
        Op::Ack => wire_len == 4,
        Op::Error => packet.error_code.is_some_and(|code| code <= 8) && packet.error_text.is_some(),
        Op::Oack => !packet.options.is_empty(),
        Op::Rrq | Op::Wrq => false,
    }
}

fn option(packet: &Packet, name: &str) -> Option<u64> {
    packet.options.get(&WireText::from(name))?.raw().parse().ok()
}

fn block_size_of(packet: &Packet) -> Option<u32> {
    option(packet, "blksize").and_then(|size| u32::try_from(size).ok()).filter(|size| BLOCK_SIZES.contains(size))
}

/// CR LF to LF and CR NUL to CR (RFC 1350 section 5, RFC 764).
fn without_netascii(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek()) {
            (b'\r', Some(b'\n')) => {}
            (b'\r', Some(0)) => {
                rest.next();
                out.push(byte);
            }
            _ => out.push(byte),
        }
    }
    out
}

fn decoded(packet: Packet, anomalies: Vec<Anomaly>, flow: &Flow, ip_id: u32, payload: &[u8]) -> Decoded {
    Decoded { kind: EventKind::Tftp(Box::new(packet)), anomalies, digest: digest(flow, ip_id, &[payload]) }
}

/// Identity of a datagram: equal for its copies, wherever they were made.
fn digest(flow: &Flow, ip_id: u32, parts: &[&[u8]]) -> u64 {
    let mut hash = Digest::new();
    hash.write_ip(Some(flow.src));
    hash.write_ip(Some(flow.dst));
    hash.write(&flow.sport.to_be_bytes());
    hash.write(&flow.dport.to_be_bytes());
    hash.write(&ip_id.to_be_bytes());
    parts.iter().for_each(|part| hash.write(part));
    hash.finish()
}

#[cfg(test)]
mod tests;
