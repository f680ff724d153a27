//! A phone on a [`Scene`], step by step: what comes next is the story's to say.

use std::net::{IpAddr, Ipv4Addr};

use super::cdp::Announcement;
use super::dhcp::{self, Message};
use super::dns;
use super::frame::{BROADCAST, ETHERTYPE_IPV4, Frame, Ipv4, Mac, UDP, ip, mac, udp};
use super::phone::name_of;
use super::phone_config::PhoneConfig;
use super::sccp::{self, Register, message};
use super::scene::{End, Scene, Talk};
use super::site::Host;
use super::tftp;

/// What a DHCP server hands out.
#[derive(Clone, Debug)]
pub struct Lease {
    pub server: Ipv4Addr,
    /// Option 54, where that is not the server.
    pub identifier: Option<Ipv4Addr>,
    /// The relay agent on the way; its answers come from there.
    pub relay: Option<Ipv4Addr>,
    pub router: Option<Ipv4Addr>,
    pub dns: Option<Ipv4Addr>,
    pub siaddr: Option<Ipv4Addr>,
    pub sname: String,
    pub options: Vec<(u8, Vec<u8>)>,
}

impl Lease {
    /// From a server; the router is the first address of its network.
    pub fn from(server: &str) -> Lease {
        let [a, b, c, _] = ip(server).octets();
        Lease {
            server: ip(server),
            identifier: None,
            relay: None,
            router: Some(Ipv4Addr::new(a, b, c, 1)),
            dns: None,
            siaddr: None,
            sname: String::new(),
            options: Vec::new(),
        }
    }

    /// Through a relay agent, which is the router.
    pub fn relayed(server: &str, relay: &str) -> Lease {
        Lease { relay: Some(ip(relay)), router: Some(ip(relay)), ..Lease::from(server) }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Lease {
        change(&mut self);
        self
    }

    pub fn option(self, code: u8, octets: &[u8]) -> Lease {
        self.with(|l| l.options.push((code, octets.to_vec())))
    }

    pub fn option_150(self, list: &[&str]) -> Lease {
        let octets: Vec<u8> = list.iter().flat_map(|a| ip(a).octets()).collect();
        self.option(150, &octets)
    }

    pub fn dns(self, server: &str) -> Lease {
        self.with(|l| l.dns = Some(ip(server)))
    }
}

/// A phone.
#[derive(Clone, Debug)]
pub struct Handset {
    pub mac: Mac,
    pub address: Ipv4Addr,
    pub model: &'static str,
    pub device_type: u32,
    pub load: String,
    pub protocol_version: u8,
    /// Why it comes, as its alarm says.
    pub reason: &'static str,
    /// The MAC of whatever leads out of its network.
    pub router: Mac,
    port: u16,
    xid: u32,
}

impl Handset {
    pub fn new(model: &'static str, device_type: u32, address: &str, lease: &str, load: &str) -> Handset {
        let [a, b, c, _] = ip(lease).octets();
        let mac = mac(address);
        Handset {
            mac,
            address: ip(lease),
            model,
            device_type,
            load: load.to_owned(),
            protocol_version: if load.starts_with("P00") { 11 } else { 20 },
            reason: "25: Initialized",
            router: Host::of(Ipv4Addr::new(a, b, c, 1)).mac,
            port: 50_000 + u16::from(mac[5]) * 4,
            xid: u32::from_be_bytes([mac[2], mac[3], mac[4], mac[5]]),
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Handset {
        change(&mut self);
        self
    }

    pub fn name(&self) -> String {
        name_of(self.mac)
    }

    pub fn end(&self) -> End {
        End { mac: self.mac, ip: IpAddr::V4(self.address) }
    }

    /// Another host as this phone's network shows it: by its own MAC, or by the router's.
    pub fn to(&self, address: &str) -> End {
        let host = ip(address);
        let near = host.octets()[..3] == self.address.octets()[..3];
        End { mac: if near { Host::of(host).mac } else { self.router }, ip: IpAddr::V4(host) }
    }

    /// A port that it has not used yet.
    pub fn port(&mut self) -> u16 {
        self.port += 1;
        self.port
    }

    pub fn cdp(&self, s: &mut Scene) {
        let announcement = Announcement {
            device_id: self.name(),
            port_id: "Port 1".to_owned(),
            capabilities: 0x0490,
            software_version: Some(self.load.clone()),
            platform: format!("Cisco IP Phone {}", self.model),
            ..Announcement::default()
        };
        s.plain(announcement.frame(self.mac));
    }

    // ---- DHCP ----

    fn question(&self, kind: u8) -> Message {
        let class = format!("Cisco Systems, Inc. IP Phone CP-{}\0", self.model);
        let identifier = [&[1], self.mac.as_slice()].concat();
        Message::request(kind, self.mac, self.xid)
            .option(61, &identifier)
            .option(12, self.name().as_bytes())
            .option(60, class.as_bytes())
            .option(55, &[1, 66, 6, 3, 15, 150, 35])
    }

    fn broadcast(&self, s: &mut Scene, message: &Message) {
        let (any, all) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        let datagram = udp((any, 68), (all, 67), &message.bytes());
        let packet = Ipv4 { src: any, dst: all, protocol: UDP, id: self.xid as u16, ttl: 64 }.packet(&datagram);
        s.frame(Frame::ethernet(BROADCAST, self.mac, ETHERTYPE_IPV4, &packet));
    }

    fn answered(&self, s: &mut Scene, lease: &Lease, message: &Message) {
        let from = lease.relay.unwrap_or(lease.server);
        let near = from.octets()[..3] == self.address.octets()[..3];
        let sender = if near { Host::of(from).mac } else { self.router };
        let all = Ipv4Addr::BROADCAST;
        let datagram = udp((from, 67), (all, 68), &message.bytes());
        let id = (s.records.len() as u16).wrapping_add(0x4400);
        let packet = Ipv4 { src: from, dst: all, protocol: UDP, id, ttl: 64 }.packet(&datagram);
        s.frame(Frame::ethernet(BROADCAST, sender, ETHERTYPE_IPV4, &packet));
    }

    /// A new exchange: its messages share an id.
    pub fn discover(&mut self, s: &mut Scene) {
        self.xid = self.xid.wrapping_mul(5).wrapping_add(77);
        self.broadcast(s, &self.question(dhcp::DISCOVER));
    }

    fn reply(&self, kind: u8, lease: &Lease) -> Message {
        let mut reply = Message::answer(kind, &self.question(kind))
            .addresses(54, &[lease.identifier.unwrap_or(lease.server)])
            .option(51, &86_400u32.to_be_bytes())
            .option(1, &[255, 255, 255, 0]);
        reply.yiaddr = self.address;
        reply.giaddr = lease.relay.unwrap_or(Ipv4Addr::UNSPECIFIED);
        reply.siaddr = lease.siaddr.unwrap_or(Ipv4Addr::UNSPECIFIED);
        reply.sname.clone_from(&lease.sname);
        for (code, address) in [(3, lease.router), (6, lease.dns)] {
            if let Some(address) = address {
                reply = reply.addresses(code, &[address]);
            }
        }
        reply.options.extend(lease.options.iter().cloned());
        reply
    }

    pub fn offered(&self, s: &mut Scene, lease: &Lease) {
        self.answered(s, lease, &self.reply(dhcp::OFFER, lease));
    }

    pub fn request(&self, s: &mut Scene, lease: &Lease) {
        let server = lease.identifier.unwrap_or(lease.server);
        let request = self.question(dhcp::REQUEST).addresses(54, &[server]).addresses(50, &[self.address]);
        self.broadcast(s, &request);
    }

    pub fn acknowledged(&self, s: &mut Scene, lease: &Lease) {
        self.answered(s, lease, &self.reply(dhcp::ACK, lease));
    }

    pub fn decline(&self, s: &mut Scene, lease: &Lease) {
        let decline = self.question(dhcp::DECLINE).addresses(54, &[lease.server]).addresses(50, &[self.address]);
        self.broadcast(s, &decline);
    }

    /// The four messages, and the phone announces its address.
    pub fn lease(&mut self, s: &mut Scene, lease: &Lease) {
        self.discover(s);
        self.offered(s, lease);
        s.wait(12);
        self.request(s, lease);
        self.acknowledged(s, lease);
        s.wait(70);
        s.arp(self.end(), self.address, None);
        s.wait(140);
    }

    // ---- names and files ----

    /// Asks a name server; `None`: no such name.
    pub fn look_up(&mut self, s: &mut Scene, server: &str, name: &str, answer: Option<&str>) {
        let (own, far) = ((self.end(), self.port()), (self.to(server), 53));
        let id = self.port;
        s.udp(own, far, &dns::query(id, name));
        let answer = answer.map_or_else(|| dns::no_such_name(id, name), |a| dns::answer(id, name, ip(a)));
        s.udp(far, own, &answer);
    }

    /// A read request alone; gives the port that it came from.
    pub fn ask(&mut self, s: &mut Scene, server: &str, file: &str) -> u16 {
        let port = self.port();
        s.udp((self.end(), port), (self.to(server), 69), &tftp::read_request(file, &[]));
        port
    }

    /// A file that is served whole, by an address that may be another than was asked.
    pub fn fetch(&mut self, s: &mut Scene, server: &str, file: &str, octets: &[u8]) {
        let port = self.ask(s, server, file);
        let (own, far) = ((self.end(), port), (self.to(server), 33_000 + port % 1000));
        for (index, part) in octets.chunks(512).chain(octets.len().is_multiple_of(512).then_some(&[][..])).enumerate() {
            let block = index as u16 + 1;
            s.udp(far, own, &tftp::data(block, part));
            s.udp(own, far, &tftp::ack(block));
        }
        s.wait(5);
    }

    /// A file that the server refuses.
    pub fn refused(&mut self, s: &mut Scene, server: &str, file: &str, code: u16, text: &str) {
        let port = self.ask(s, server, file);
        s.udp((self.to(server), 33_000 + port % 1000), (self.end(), port), &tftp::error(code, text));
        s.wait(5);
    }

    pub fn missing(&mut self, s: &mut Scene, server: &str, file: &str) {
        self.refused(s, server, file, 1, "File not found");
    }

    /// A file over HTTP on the port of CallManager; `status` as `403 Forbidden`.
    pub fn get(&mut self, s: &mut Scene, server: &str, file: &str, status: &str, octets: &[u8]) {
        let mut talk = s.open((self.end(), self.port()), (self.to(server), 6970));
        let request = format!("GET /{file} HTTP/1.1\r\nHost: {server}:6970\r\nConnection: close\r\n\r\n");
        s.say(&mut talk, true, request.as_bytes());
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            octets.len()
        );
        s.say(&mut talk, false, &[head.as_bytes(), octets].concat());
        s.close(&mut talk, false);
        s.wait(20);
    }

    /// Its trust lists, which are not there, and its configuration, which is.
    pub fn configure(&mut self, s: &mut Scene, server: &str, config: &PhoneConfig) {
        let name = self.name();
        self.missing(s, server, &format!("CTL{name}.tlv"));
        if !self.load.starts_with("P00") {
            self.missing(s, server, &format!("ITL{name}.tlv"));
        }
        self.fetch(s, server, &format!("{name}.cnf.xml"), &config.device_xml());
        s.wait(40);
    }

    // ---- SCCP ----

    /// Opens a connection, with its alarm and its Register.
    pub fn introduce(&mut self, s: &mut Scene, call_manager: &str) -> Talk {
        let name = self.name();
        self.introduce_as(s, call_manager, &name)
    }

    /// The same under a name of choice.
    pub fn introduce_as(&mut self, s: &mut Scene, call_manager: &str, name: &str) -> Talk {
        let (own, far) = ((self.end(), self.port()), (self.to(call_manager), 2000));
        let mut talk = s.open(own, far);
        let (number, last) = self.reason.split_once(": ").expect("a number and a text");
        let alarm = format!("{number}: Name={name} Load={} Last={last}", self.load);
        s.say(&mut talk, true, &sccp::alarm(&alarm, self.address));
        s.say(&mut talk, true, &self.register_message(name));
        talk
    }

    fn register_message(&self, device: &str) -> Vec<u8> {
        let (device_type, protocol_version) = (self.device_type, self.protocol_version);
        Register { device, ip: self.address, device_type, protocol_version, load: &self.load }.bytes()
    }

    /// Registers, asks for its keys and its time.
    pub fn register(&mut self, s: &mut Scene, call_manager: &str) -> Talk {
        let name = self.name();
        self.register_as(s, call_manager, &name)
    }

    pub fn register_as(&mut self, s: &mut Scene, call_manager: &str, name: &str) -> Talk {
        let mut talk = self.introduce_as(s, call_manager, name);
        s.say(&mut talk, false, &sccp::register_ack(self.protocol_version.min(17)));
        s.say(&mut talk, false, &message(sccp::CAPABILITIES_REQ, &[]));
        s.say(&mut talk, true, &sccp::capabilities());
        s.say(&mut talk, true, &message(sccp::BUTTON_TEMPLATE_REQ, &[]));
        s.say(&mut talk, false, &sccp::button_template());
        s.say(&mut talk, true, &message(sccp::TIME_DATE_REQ, &[]));
        s.say(&mut talk, false, &sccp::time_date(9 * 3600, 1_457_946_000));
        talk
    }

    pub fn rejected(&mut self, s: &mut Scene, call_manager: &str, text: &[u8]) {
        let mut talk = self.introduce(s, call_manager);
        s.say(&mut talk, false, &sccp::register_reject(text));
        s.close(&mut talk, false);
        self.reason = "24: Phone-Reg-Rej";
    }

    /// KeepAlives half a minute apart, all answered.
    pub fn keep_alives(&self, s: &mut Scene, talk: &mut Talk, count: usize) {
        for _ in 0..count {
            s.wait(30_000);
            s.say(talk, true, &message(sccp::KEEP_ALIVE, &[]));
            s.say(talk, false, &message(sccp::KEEP_ALIVE_ACK, &[]));
        }
    }

    /// A boot that ends well.
    pub fn comes_up(&mut self, s: &mut Scene, lease: &Lease, tftp: &str, config: &PhoneConfig) -> Talk {
        self.cdp(s);
        self.lease(s, lease);
        self.configure(s, tftp, config);
        let call_manager = config.call_managers[0].clone();
        let mut talk = self.register(s, &call_manager);
        self.keep_alives(s, &mut talk, 2);
        talk
    }
}
