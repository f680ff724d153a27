//! The large capture for measurements: calls in progress, and phones that boot between them.
//!
//! It is written as a stream, so that its size is no matter of memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use super::capture_file::{Nanos, Order, Record, Resolution, pcap_header, pcap_record};
use super::frame::{ETHERTYPE_IPV4, Frame, Ipv4, UDP, checksum};
use super::phone::{Phone, Segments};
use super::phone_config::PhoneConfig;
use super::site::{Answer, CallManager, DhcpServer, MILLI, START, Segment, Site, TftpServer};
use super::tunnel::LINK_ETHERNET;

/// Frames of one boot, be it healthy or stuck.
pub const FRAMES_PER_BOOT: u64 = 15;
/// Phones in one subnet.
const PHONES_PER_SEGMENT: u64 = 200;
/// Of so many subnets one has a scope that names the wrong TFTP server.
const SEGMENTS_PER_WRONG_ONE: u64 = 25;
/// Calls have two streams; each has a packet every 20 ms.
const STREAMS: u64 = 1000;
/// Octets of G.711 in a packet, and of the whole frame.
const VOICE: usize = 160;
const FRAME: usize = 14 + 20 + 8 + 12 + VOICE;

/// How large the capture is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Voice and boots together; at least the frames of the boots.
    pub packets: u64,
    pub phones: u64,
}

impl Plan {
    fn voice(&self) -> u64 {
        self.packets.saturating_sub(self.phones * FRAMES_PER_BOOT)
    }
}

/// Writes the capture as a pcap file; gives the number of packets.
pub fn write(out: &mut impl Write, plan: Plan) -> io::Result<u64> {
    out.write_all(&pcap_header(Order::Little, Resolution::Micro, LINK_ETHERNET))?;
    let put =
        |out: &mut dyn Write, record: &Record| out.write_all(&pcap_record(Order::Little, Resolution::Micro, record));
    let voice = plan.voice();
    // Without calls the phones boot every five milliseconds.
    let gap = if voice == 0 { 5 * MILLI } else { voice * 20 * MILLI / STREAMS / plan.phones.max(1) };
    let mut boots = Boots::new(plan.phones, gap);
    let mut streams: Vec<Stream> = (0..STREAMS).map(Stream::new).collect();
    let mut written = 0;
    for n in 0..voice {
        let stream = &mut streams[(n % STREAMS) as usize];
        let record = stream.next(n);
        while let Some(earlier) = boots.before(record.time) {
            put(out, &earlier)?;
            written += 1;
        }
        put(out, &record)?;
        written += 1;
    }
    while let Some(record) = boots.before(Nanos::MAX) {
        put(out, &record)?;
        written += 1;
    }
    Ok(written)
}

/// One direction of a call.
struct Stream {
    header: Ipv4,
    frame: Vec<u8>,
    sequence: u16,
    timestamp: u32,
}

impl Stream {
    fn new(index: u64) -> Self {
        let party = |side: u64| Ipv4Addr::new(10, 60, (index / 2 / 100) as u8, (10 + index / 2 % 100 * 2 + side) as u8);
        let (src, dst) = (party(index % 2), party(1 - index % 2));
        let header = Ipv4 { src, dst, protocol: UDP, id: 0, ttl: 64 };
        let mut datagram = vec![0x40, 0x00, 0x40, 0x02, 0, (8 + 12 + VOICE) as u8, 0, 0];
        // RTP: version 2, payload type 0 (G.711 µ-law).
        datagram.extend([0x80, 0, 0, 0, 0, 0, 0, 0]);
        datagram.extend((index as u32).wrapping_mul(2_654_435_761).to_be_bytes());
        datagram.extend((0..VOICE).map(|n| 0x7f ^ ((n as u64 * 5 + index) % 32) as u8));
        let mac = |ip: Ipv4Addr| [0x00, 0x03, 0x6b, ip.octets()[1], ip.octets()[2], ip.octets()[3]];
        let frame = Frame::ethernet(mac(dst), mac(src), ETHERTYPE_IPV4, &header.packet(&datagram));
        Stream { header, frame: frame.0, sequence: index as u16, timestamp: 0 }
    }

    /// The packet of that number in all of the capture.
    fn next(&mut self, n: u64) -> Record {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(VOICE as u32);
        self.header.id = self.header.id.wrapping_add(1);
        let mut data = self.frame.clone();
        data[18..20].copy_from_slice(&self.header.id.to_be_bytes());
        data[24..26].fill(0);
        let sum = checksum(&[&data[14..34]]);
        data[24..26].copy_from_slice(&sum.to_be_bytes());
        // No UDP checksum, as many senders of voice have none.
        data[44..46].copy_from_slice(&self.sequence.to_be_bytes());
        data[46..50].copy_from_slice(&self.timestamp.to_be_bytes());
        debug_assert_eq!(data.len(), FRAME);
        Record::whole(START + n * 20 * MILLI / STREAMS, data)
    }
}

/// Phones that boot one after the other; only the frames of those under way are kept.
struct Boots {
    site: Site,
    phones: u64,
    started: u64,
    gap: Nanos,
    /// Frames under way, the earliest first; the number keeps equal times in order.
    waiting: BinaryHeap<Reverse<(Nanos, u64, Vec<u8>)>>,
    number: u64,
}

const TFTP_30: &str = "10.30.0.5";
const TFTP_31: &str = "10.31.0.5";
const CM_30: &str = "10.30.0.10";
const LOAD_30: &str = "P00303000300";
const LOAD_31: &str = "P00303010102";

/// Phones in a subnet with the wrong scope are stuck.
fn wrong_scope(segment: u64) -> bool {
    segment % SEGMENTS_PER_WRONG_ONE == 3
}

impl Boots {
    fn new(phones: u64, gap: Nanos) -> Self {
        let count = phones.div_ceil(PHONES_PER_SEGMENT);
        let subnet = |n: u64| format!("10.{}.{}", 64 + n / 250, n % 250);
        let segments: Vec<Segment> = (0..count).map(|n| Segment::new(&subnet(n))).collect();
        let serves = |address: &str, load: &str| {
            let config = PhoneConfig::naming(&[CM_30]).load(load);
            TftpServer::at(address).with(|s| s.every = Some(config))
        };
        let mut site = Site::new(&segments)
            .tftp(serves(TFTP_30, LOAD_30))
            .tftp(serves(TFTP_31, LOAD_31))
            .call_manager(CallManager::at(CM_30, "HQ-CM1").takes(&["P0030300"], Answer::Rejects(b"Version Error")));
        for n in 0..count {
            let tftp = if wrong_scope(n) { TFTP_31 } else { TFTP_30 };
            let pool = format!("{}.20", subnet(n));
            site = site.dhcp(DhcpServer::at("10.30.0.2", &pool).option_150(&[tftp]).only_on(&[n as usize]));
        }
        Boots { site, phones, started: 0, gap, waiting: BinaryHeap::new(), number: 0 }
    }

    /// The next frame before a time, if there is one; phones that are due by then are switched on.
    fn before(&mut self, time: Nanos) -> Option<Record> {
        loop {
            let earliest = self.waiting.peek().map_or(Nanos::MAX, |Reverse((time, ..))| *time);
            // Frames of a boot come after its start, so no later boot can have an earlier frame.
            let start = START + self.started * self.gap;
            if self.started < self.phones && start <= time.min(earliest) {
                self.start();
                continue;
            }
            if earliest >= time {
                return None;
            }
            let Reverse((time, _, data)) = self.waiting.pop()?;
            return Some(Record::whole(time, data));
        }
    }

    fn start(&mut self) {
        let n = self.started;
        let segment = n / PHONES_PER_SEGMENT;
        let load = if wrong_scope(segment) { LOAD_31 } else { LOAD_30 };
        let phone = Phone::new("7960", "00:03:6b:80:00:00", load).with(|p| {
            p.mac[3..].copy_from_slice(&(0x80_0000 + n as u32).to_be_bytes()[1..]);
            p.segment = segment as usize;
            p.segments = Segments::Coalesced;
            p.terse = true;
            p.keep_alives = 0;
            p.rounds = 1;
        });
        self.site.boot(n * self.gap / MILLI, &phone);
        for record in std::mem::take(&mut self.site.records) {
            self.waiting.push(Reverse((record.time, self.number, record.data)));
            self.number += 1;
        }
        self.started += 1;
    }
}
