//! What a span port hands over: all of it, a part of it, twice, or wrapped; and as which kind of file.

use super::capture_file::{Nanos, Order, Pcapng, Record, Resolution, pcap};
use super::frame::{ETHERTYPE_IPV4, Frame, SYN, TCP, UDP};
use super::phone::Millis;
use super::site::{MICRO, MILLI, Site};
use super::tunnel::{LINK_ETHERNET, LINK_SLL, LINK_SLL2, sll, sll2};

/// Records of one link type, in order.
#[derive(Clone, Debug)]
pub struct Capture {
    pub link_type: u32,
    pub records: Vec<Record>,
}

impl Site {
    /// Everything that the span port saw.
    pub fn capture(&self) -> Capture {
        Capture { link_type: LINK_ETHERNET, records: self.records() }
    }
}

impl Capture {
    /// Ends so many milliseconds after the first frame that is like this.
    pub fn until_after(mut self, like: impl Fn(&[u8]) -> bool, ms: Millis) -> Self {
        let end = self.first(like) + ms * MILLI;
        self.records.retain(|r| r.time <= end);
        self
    }

    /// Begins so many milliseconds after the first frame that is like this.
    pub fn since(mut self, like: impl Fn(&[u8]) -> bool, ms: Millis) -> Self {
        let begin = self.first(like) + ms * MILLI;
        self.records.retain(|r| r.time >= begin);
        self
    }

    fn first(&self, like: impl Fn(&[u8]) -> bool) -> Nanos {
        self.records.iter().find(|r| like(&r.data)).expect("such a frame").time
    }

    /// Without the frames that are not like this.
    pub fn only(mut self, like: impl Fn(&[u8]) -> bool) -> Self {
        self.records.retain(|r| like(&r.data));
        self
    }

    /// Every frame twice, as two mirror sessions of one port give them.
    pub fn mirrored_twice(mut self) -> Self {
        let again: Vec<Record> =
            self.records.iter().map(|r| Record { time: r.time + 9 * MICRO, ..r.clone() }).collect();
        self.records.extend(again);
        self.records.sort_by_key(|r| r.time);
        self
    }

    /// Every frame wrapped; the number counts from 0.
    pub fn wrapped(mut self, wrap: impl Fn(u32, Frame) -> Frame) -> Self {
        for (number, record) in self.records.iter_mut().enumerate() {
            let frame = Frame(std::mem::take(&mut record.data));
            *record = Record::whole(record.time, wrap(number as u32, frame).0);
        }
        self
    }

    fn cooked(mut self, link_type: u32, cook: impl Fn(&Frame) -> Vec<u8>) -> Self {
        for record in &mut self.records {
            *record = Record::whole(record.time, cook(&Frame(record.data.clone())));
        }
        self.link_type = link_type;
        self
    }

    /// Captured on Linux's `any`, in the older form.
    pub fn cooked_1(self) -> Self {
        self.cooked(LINK_SLL, sll)
    }

    /// Captured on Linux's `any`, in the newer form.
    pub fn cooked_2(self) -> Self {
        self.cooked(LINK_SLL2, |frame| sll2(2, frame))
    }

    /// Frames cut to so many octets.
    pub fn snapped(mut self, length: usize) -> Self {
        for record in &mut self.records {
            record.data.truncate(length);
        }
        self
    }

    pub fn pcap(&self) -> Vec<u8> {
        pcap(Order::Little, Resolution::Micro, self.link_type, &self.records)
    }

    /// Nanosecond times in a pcapng file.
    pub fn pcapng(&self) -> Vec<u8> {
        let mut file = Pcapng::new(Order::Little);
        file.interface(self.link_type, 262_144, 9, "span0");
        for record in &self.records {
            file.packet(0, record, &[]);
        }
        file.statistics(0, self.records.len() as u64, 0);
        file.into_bytes()
    }
}

/// The IPv4 packet in an untagged Ethernet frame.
fn packet(frame: &[u8]) -> Option<&[u8]> {
    (frame[12..14] == ETHERTYPE_IPV4.to_be_bytes()).then(|| &frame[14..])
}

/// A frame of a DHCP client.
pub fn of_dhcp_client(frame: &[u8]) -> bool {
    packet(frame).is_some_and(|p| p[9] == UDP && p[20..22] == [0, 68])
}

/// A SYN, not a SYN-ACK.
pub fn syn(frame: &[u8]) -> bool {
    packet(frame).is_some_and(|p| p[9] == TCP && p[33] == SYN)
}

/// A TFTP read request.
pub fn read_request(frame: &[u8]) -> bool {
    packet(frame).is_some_and(|p| p[9] == UDP && p[22..24] == [0, 69] && p[28..30] == [0, 1])
}
