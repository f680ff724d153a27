//! A network: segments with their router, DHCP servers, TFTP servers, CallManagers, and the span port that watches.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::rc::Rc;

use super::capture_file::{Nanos, Record};
use super::frame::{ETHERTYPE_IPV4, Frame, Ipv4, Mac, ip};
use super::phone::Millis;
use super::phone_config::PhoneConfig;

/// When every story starts: 4 June 2001, 08:00 UTC.
pub const START: Nanos = 991_641_600 * SECOND;
pub const SECOND: Nanos = 1_000_000_000;
pub const MILLI: Nanos = 1_000_000;
pub const MICRO: Nanos = 1_000;

/// What a router takes to pass a packet on.
const ROUTING: Nanos = 35 * MICRO;
/// Octets of IPv4 payload that fit into a frame.
const FRAGMENT: usize = 1480;

/// A host with its address; its MAC address follows from it (a Compaq server, as CallManager ran on).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Host {
    pub mac: Mac,
    pub ip: Ipv4Addr,
}

impl Host {
    pub fn at(address: &str) -> Self {
        Host::of(ip(address))
    }

    pub fn of(ip: Ipv4Addr) -> Self {
        let [_, b, c, d] = ip.octets();
        Host { mac: [0x00, 0x50, 0x8b, b, c, d], ip }
    }
}

/// A subnet that phones are in.
#[derive(Clone, Debug)]
pub struct Segment {
    /// First three octets of its addresses.
    pub subnet: [u8; 3],
    /// Its way out, and the relay agent for DHCP.
    pub router: Host,
    /// VLAN tag on the span port; `None`: not tagged.
    pub vlan: Option<u16>,
    /// Voice VLAN that the switch announces.
    pub announced_vlan: Option<u16>,
}

impl Segment {
    /// `10.30.0` with its router at `.1`.
    pub fn new(subnet: &str) -> Self {
        let router = ip(&format!("{subnet}.1"));
        let [a, b, c, _] = router.octets();
        Segment {
            subnet: [a, b, c],
            router: Host { mac: [0x00, 0x07, 0xeb, b, c, 1], ip: router },
            vlan: None,
            announced_vlan: None,
        }
    }

    pub fn vlan(mut self, id: u16) -> Self {
        self.vlan = Some(id);
        self.announced_vlan = Some(id);
        self
    }

    /// Whether the address is in this subnet.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        address.octets()[..3] == self.subnet
    }
}

/// What a DHCP server does with a phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DhcpAnswer {
    Leases,
    Silent,
    /// Offers nothing, answers REQUESTs with a NAK.
    Refuses(&'static str),
}

/// A DHCP server and what it gives.
#[derive(Clone, Debug)]
pub struct DhcpServer {
    pub host: Host,
    pub answer: DhcpAnswer,
    /// First address of its pool, its last octet counted up.
    pub pool: Ipv4Addr,
    pub delay: Nanos,
    /// Leaves so many messages of a phone unanswered first.
    pub ignores: u32,
    /// Segments that it answers; empty: all.
    pub segments: Vec<usize>,
    /// In the siaddr field.
    pub siaddr: Option<Ipv4Addr>,
    pub sname: String,
    /// Options besides those of every lease, in wire order.
    pub options: Vec<(u8, Vec<u8>)>,
}

impl DhcpServer {
    pub fn at(address: &str, pool: &str) -> Self {
        DhcpServer {
            host: Host::at(address),
            answer: DhcpAnswer::Leases,
            pool: ip(pool),
            delay: 600 * MICRO,
            ignores: 0,
            segments: Vec::new(),
            siaddr: None,
            sname: String::new(),
            options: Vec::new(),
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn option(self, code: u8, octets: &[u8]) -> Self {
        self.with(|s| s.options.push((code, octets.to_vec())))
    }

    /// TFTP servers in option 150.
    pub fn option_150(self, list: &[&str]) -> Self {
        let octets: Vec<u8> = list.iter().flat_map(|a| ip(a).octets()).collect();
        self.option(150, &octets)
    }

    pub fn option_66(self, text: &str) -> Self {
        self.option(66, text.as_bytes())
    }

    pub fn delay_ms(self, ms: Millis) -> Self {
        self.with(|s| s.delay = ms * MILLI)
    }

    pub fn silent(self) -> Self {
        self.with(|s| s.answer = DhcpAnswer::Silent)
    }

    pub fn only_on(self, segments: &[usize]) -> Self {
        self.with(|s| s.segments = segments.to_vec())
    }
}

/// Whether a host answers at all, and how it says no.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    Answers,
    /// Takes everything and says nothing.
    Silent,
    /// The host, or the router before it, sends an ICMP unreachable with this code.
    Icmp(u8),
    /// Nobody answers ARP for it (in the phone's own subnet).
    NoArp,
}

/// What a TFTP server holds under a name.
#[derive(Clone, Debug)]
pub enum Content {
    Config(PhoneConfig),
    Bytes(Rc<[u8]>),
}

/// A TFTP server.
#[derive(Clone, Debug)]
pub struct TftpServer {
    pub host: Host,
    pub reach: Reach,
    pub files: BTreeMap<String, Content>,
    /// Served to phones that have no file of their own.
    pub default: Option<PhoneConfig>,
    /// Served to every phone as its own.
    pub every: Option<PhoneConfig>,
    /// Answers from port 69 and not from one of its own for each transfer.
    pub single_port: bool,
    /// Stops in files whose name holds the text, after so many blocks.
    pub stalls: Option<(&'static str, u16)>,
    /// As `stalls`, but with an ERROR of this code and text.
    pub breaks: Option<(&'static str, u16, u16, &'static str)>,
    /// Leaves the first read requests of a phone unanswered: so many.
    pub ignores: u32,
    /// The first data block of every file is lost once.
    pub loses_first_block: bool,
    /// Takes TFTP options.
    pub takes_options: bool,
    pub error_text: &'static str,
    /// Answers requests for files whose name holds the text with this error.
    pub errors: Vec<(&'static str, u16, &'static str)>,
}

impl TftpServer {
    pub fn at(address: &str) -> Self {
        TftpServer {
            host: Host::at(address),
            reach: Reach::Answers,
            files: BTreeMap::new(),
            default: None,
            every: None,
            single_port: false,
            stalls: None,
            breaks: None,
            ignores: 0,
            loses_first_block: false,
            takes_options: false,
            error_text: "File not found",
            errors: Vec::new(),
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn reach(self, reach: Reach) -> Self {
        self.with(|s| s.reach = reach)
    }

    pub fn single_port(self) -> Self {
        self.with(|s| s.single_port = true)
    }

    /// The configuration of one phone, by its MAC address.
    pub fn phone(self, mac: &str, config: &PhoneConfig) -> Self {
        let name = super::phone::name_of(super::frame::mac(mac));
        self.with(|s| drop(s.files.insert(format!("{name}.cnf.xml"), Content::Config(config.clone()))))
    }

    /// The same configuration for several phones.
    pub fn phones(self, macs: &[&str], config: &PhoneConfig) -> Self {
        macs.iter().fold(self, |server, mac| server.phone(mac, config))
    }

    /// The default for phones without a configuration.
    pub fn default(self, config: &PhoneConfig) -> Self {
        self.with(|s| s.default = Some(config.clone()))
    }

    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.with(|s| drop(s.files.insert(name.to_owned(), Content::Bytes(bytes.into()))))
    }

    /// All files of a load, of `blocks` blocks each.
    pub fn load(self, load: &str, blocks: usize) -> Self {
        let files = super::phone::Phone::load_files(load);
        files.iter().fold(self, |server, name| server.file(name, &load_bytes(name, blocks)))
    }
}

/// Stands in for firmware: says that it is none, then counts.
fn load_bytes(name: &str, blocks: usize) -> Vec<u8> {
    let mut bytes = format!("{name}: not firmware, an example of phonescope\n").into_bytes();
    let rest = (blocks - 1) * 512 + 100;
    bytes.extend((bytes.len()..rest).map(|n| (n / 512) as u8));
    bytes
}

/// How a CallManager takes a phone that tries it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Registers,
    /// RST to the SYN.
    Refuses,
    /// Nothing to the SYN.
    NoSynAck,
    /// TCP answers, the registration does not.
    IgnoresRegister,
    /// RegisterReject with this text, then FIN.
    Rejects(&'static [u8]),
    /// RegisterReject, then RST.
    RejectsAndResets(&'static [u8]),
    /// FIN after the Register.
    Closes,
    /// RST after the Register.
    Resets,
    /// Registers the phone and closes after its keepalives.
    RegistersThenCloses,
    /// Registers the phone, answers its first keepalive and no more.
    RegistersThenFallsSilent,
    /// Registers the phone and orders a reset after its keepalives.
    RegistersThenOrdersReset,
    /// Refuses a token first, for so many seconds, then grants it and registers the phone.
    TokenReject(u32),
}

/// A CallManager.
#[derive(Clone, Debug)]
pub struct CallManager {
    pub host: Host,
    pub reach: Reach,
    /// Name it gives itself.
    pub name: &'static str,
    /// Beginnings of the loads that it takes; empty: all.
    pub takes: Vec<&'static str>,
    /// What the others get.
    pub others: Answer,
    /// Answers to the first, second, … attempt of a phone; the last one stays.
    pub answers: Vec<Answer>,
    /// Load that it wants phones to run (VersionRes); `None`: the one that they run.
    pub wants: Option<&'static str>,
    /// False: TCP acknowledges KeepAlives, and that is all (the first versions).
    pub answers_keep_alives: bool,
    pub protocol_version: u8,
}

impl CallManager {
    pub fn at(address: &str, name: &'static str) -> Self {
        CallManager {
            host: Host::at(address),
            reach: Reach::Answers,
            name,
            takes: Vec::new(),
            others: Answer::Registers,
            answers: vec![Answer::Registers],
            wants: None,
            answers_keep_alives: true,
            protocol_version: 5,
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn reach(self, reach: Reach) -> Self {
        self.with(|c| c.reach = reach)
    }

    pub fn answers(self, list: &[Answer]) -> Self {
        self.with(|c| c.answers = list.to_vec())
    }

    /// Takes only loads with these beginnings; the others get `otherwise`.
    pub fn takes(self, loads: &[&'static str], otherwise: Answer) -> Self {
        self.with(|c| {
            c.takes = loads.to_vec();
            c.others = otherwise;
        })
    }

    pub fn wants(self, load: &'static str) -> Self {
        self.with(|c| c.wants = Some(load))
    }
}

/// A name server.
#[derive(Clone, Debug)]
pub struct DnsServer {
    pub host: Host,
    pub names: Vec<(&'static str, Ipv4Addr)>,
}

/// What the span port sees of packets that are routed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tap {
    /// The phones' VLAN.
    Access,
    /// The phones' VLAN and the servers', so both sides of the router.
    BothSides,
}

/// The network, and what the span port has seen of it so far.
#[derive(Clone, Debug)]
pub struct Site {
    pub segments: Vec<Segment>,
    pub dhcp: Vec<Rc<DhcpServer>>,
    pub tftp: Vec<Rc<TftpServer>>,
    pub call_managers: Vec<Rc<CallManager>>,
    pub dns: Option<DnsServer>,
    pub tap: Tap,
    /// The relay agent adds its option 82.
    pub relay_option: bool,
    pub records: Vec<Record>,
    pub leases: BTreeMap<(Ipv4Addr, Mac), Ipv4Addr>,
    /// Addresses that each pool has given away.
    taken: BTreeMap<Ipv4Addr, u32>,
    ip_ids: BTreeMap<Ipv4Addr, u16>,
}

impl Site {
    pub fn new(segments: &[Segment]) -> Self {
        Site {
            segments: segments.to_vec(),
            dhcp: Vec::new(),
            tftp: Vec::new(),
            call_managers: Vec::new(),
            dns: None,
            tap: Tap::Access,
            relay_option: false,
            records: Vec::new(),
            leases: BTreeMap::new(),
            taken: BTreeMap::new(),
            ip_ids: BTreeMap::new(),
        }
    }

    pub fn dhcp(mut self, server: DhcpServer) -> Self {
        self.dhcp.push(Rc::new(server));
        self
    }

    pub fn tftp(mut self, server: TftpServer) -> Self {
        self.tftp.push(Rc::new(server));
        self
    }

    pub fn call_manager(mut self, server: CallManager) -> Self {
        self.call_managers.push(Rc::new(server));
        self
    }

    pub fn dns(mut self, address: &str, names: &[(&'static str, &str)]) -> Self {
        let names = names.iter().map(|(name, address)| (*name, ip(address))).collect();
        self.dns = Some(DnsServer { host: Host::at(address), names });
        self
    }

    pub fn tap(mut self, tap: Tap) -> Self {
        self.tap = tap;
        self
    }

    /// The address that a DHCP server leases to a phone: the same one every time.
    pub fn lease(&mut self, server: &DhcpServer, mac: Mac) -> Ipv4Addr {
        let taken = self.taken.entry(server.pool).or_default();
        *self.leases.entry((server.host.ip, mac)).or_insert_with(|| {
            *taken += 1;
            Ipv4Addr::from(u32::from(server.pool) + *taken - 1)
        })
    }

    /// The next IPv4 identification of a sender: each packet has its own, copies of it have the same.
    pub fn ip_id(&mut self, sender: Ipv4Addr) -> u16 {
        let id = self.ip_ids.entry(sender).or_insert_with(|| u32::from(sender).wrapping_mul(40_503) as u16);
        *id = id.wrapping_add(1);
        *id
    }

    /// The span port sees a frame.
    pub fn see(&mut self, time: Nanos, frame: Frame) {
        self.records.push(Record::whole(time, frame.0));
    }

    /// An IPv4 packet between a station in a segment and a host, as the span port sees it; gives the packet as it
    /// was sent. `up`: from the station.
    pub fn packet(
        &mut self,
        time: Nanos,
        (segment, station): (&Segment, Host),
        host: Host,
        up: bool,
        protocol: u8,
        payload: &[u8],
    ) -> Vec<u8> {
        let (from, to) = if up { (station.ip, host.ip) } else { (host.ip, station.ip) };
        let id = self.ip_id(from);
        let header = |ttl| Ipv4 { src: from, dst: to, protocol, id, ttl };
        let tag = |f: Frame| if let Some(id) = segment.vlan { f.tagged(id) } else { f };
        let near = if up { (segment.router.mac, station.mac) } else { (station.mac, segment.router.mac) };
        let far = if up { (host.mac, far_router(host.ip)) } else { (far_router(host.ip), host.mac) };
        let direct = if up { (host.mac, station.mac) } else { (station.mac, host.mac) };
        for part in 0..payload.len().div_ceil(FRAGMENT).max(1) {
            let frame = |(dst, src), ttl| {
                let parts = header(ttl).fragments(payload, FRAGMENT);
                Frame::ethernet(dst, src, ETHERTYPE_IPV4, &parts[part])
            };
            let time = time + part as u64 * 120 * MICRO;
            if segment.holds(host.ip) {
                self.see(time, tag(frame(direct, 64)));
                continue;
            }
            let (first, last) = if up { (64, 63) } else { (63, 64) };
            let (near_time, far_time) = if up { (time, time + ROUTING) } else { (time + ROUTING, time) };
            self.see(near_time, tag(frame(near, first)));
            if self.tap == Tap::BothSides {
                self.see(far_time, frame(far, last));
            }
        }
        header(64).packet(payload)
    }

    /// What was seen, in the order of time.
    pub fn records(&self) -> Vec<Record> {
        let mut list = self.records.clone();
        list.sort_by_key(|r| r.time);
        list
    }
}

/// The router's own address on the servers' side.
pub fn far_router(host: Ipv4Addr) -> Mac {
    let [_, b, c, _] = host.octets();
    [0x00, 0x07, 0xeb, b, c, 0xfe]
}
