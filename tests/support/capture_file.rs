//! Capture files: pcap in both resolutions and byte orders, pcapng with its blocks.

/// Nanoseconds since 1970.
pub type Nanos = u64;

/// One packet as a capture holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub time: Nanos,
    pub data: Vec<u8>,
    /// Length on the wire; longer than `data` where a snap length cut it.
    pub orig_len: u32,
}

impl Record {
    pub fn whole(time: Nanos, data: Vec<u8>) -> Self {
        let orig_len = data.len() as u32;
        Record { time, data, orig_len }
    }
}

/// Byte order of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    pub fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        }
    }
}

/// Time resolution of a pcap file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolution {
    Micro,
    Nano,
}

/// The header of a pcap file.
pub fn pcap_header(order: Order, resolution: Resolution, link_type: u32) -> Vec<u8> {
    let magic = match resolution {
        Resolution::Micro => 0xa1b2_c3d4,
        Resolution::Nano => 0xa1b2_3c4d,
    };
    let mut bytes = order.u32(magic).to_vec();
    bytes.extend(order.u16(2));
    bytes.extend(order.u16(4));
    for word in [0, 0, 262_144, link_type] {
        bytes.extend(order.u32(word));
    }
    bytes
}

/// One record of a pcap file.
pub fn pcap_record(order: Order, resolution: Resolution, record: &Record) -> Vec<u8> {
    let below = record.time % 1_000_000_000;
    let fraction = if resolution == Resolution::Nano { below } else { below / 1000 };
    let mut bytes = Vec::with_capacity(16 + record.data.len());
    bytes.extend(order.u32((record.time / 1_000_000_000) as u32));
    bytes.extend(order.u32(fraction as u32));
    bytes.extend(order.u32(record.data.len() as u32));
    bytes.extend(order.u32(record.orig_len));
    bytes.extend(&record.data);
    bytes
}

/// A whole pcap file.
pub fn pcap(order: Order, resolution: Resolution, link_type: u32, records: &[Record]) -> Vec<u8> {
    let mut bytes = pcap_header(order, resolution, link_type);
    for record in records {
        bytes.extend(pcap_record(order, resolution, record));
    }
    bytes
}

/// A pcapng file, block after block.
#[derive(Clone, Debug)]
pub struct Pcapng {
    order: Order,
    bytes: Vec<u8>,
    /// Ticks per second of the interfaces of this section, in decimal digits.
    digits: Vec<u32>,
}

/// An option of a block: code and value. They are closed by the writer.
pub type BlockOption<'a> = (u16, &'a [u8]);

impl Pcapng {
    /// A file that starts with a section header.
    pub fn new(order: Order) -> Self {
        let mut file = Pcapng { order, bytes: Vec::new(), digits: Vec::new() };
        file.section(order, &[]);
        file
    }

    /// Any block.
    pub fn block(&mut self, kind: u32, body: &[u8]) {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = (12 + body.len() + padding) as u32;
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(self.order.u32(length));
        self.bytes.extend(body);
        self.bytes.extend(vec![0; padding]);
        self.bytes.extend(self.order.u32(length));
    }

    fn options(&self, list: &[BlockOption<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in list {
            bytes.extend(self.order.u16(*code));
            bytes.extend(self.order.u16(value.len() as u16));
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        if !list.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }

    /// A new section, perhaps in another byte order; its interfaces count from 0 again.
    pub fn section(&mut self, order: Order, options: &[BlockOption<'_>]) {
        self.order = order;
        self.digits.clear();
        let mut body = order.u32(0x1a2b_3c4d).to_vec();
        body.extend(order.u16(1));
        body.extend(order.u16(0));
        body.extend([0xff; 8]);
        body.extend(self.options(options));
        self.block(0x0a0d_0d0a, &body);
    }

    /// An interface whose times count in 10^-`digits` seconds.
    pub fn interface(&mut self, link_type: u32, snap_len: u32, digits: u8, name: &str) {
        let mut body = self.order.u16(link_type as u16).to_vec();
        body.extend([0, 0]);
        body.extend(self.order.u32(snap_len));
        let mut options: Vec<BlockOption<'_>> = vec![(2, name.as_bytes())];
        let resolution = [digits];
        if digits != 6 {
            options.push((9, &resolution));
        }
        body.extend(self.options(&options));
        self.block(1, &body);
        self.digits.push(u32::from(digits));
    }

    /// An enhanced packet block.
    pub fn packet(&mut self, interface: u32, record: &Record, options: &[BlockOption<'_>]) {
        let digits = self.digits[interface as usize];
        let time = record.time / 10u64.pow(9 - digits);
        let mut body = Vec::new();
        let words = [interface, (time >> 32) as u32, time as u32, record.data.len() as u32, record.orig_len];
        for word in words {
            body.extend(self.order.u32(word));
        }
        body.extend(&record.data);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.options(options));
        self.block(6, &body);
    }

    /// A simple packet block: no time, interface 0.
    pub fn simple_packet(&mut self, record: &Record) {
        let mut body = self.order.u32(record.orig_len).to_vec();
        body.extend(&record.data);
        self.block(3, &body);
    }

    /// An interface statistics block with the packets received and dropped.
    pub fn statistics(&mut self, interface: u32, received: u64, dropped: u64) {
        let mut body = self.order.u32(interface).to_vec();
        body.extend([0; 8]);
        let wide = |value: u64| match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        };
        let (received, dropped) = (wide(received), wide(dropped));
        body.extend(self.options(&[(4, &received), (5, &dropped)]));
        self.block(5, &body);
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
