//! A phone's boot, played on a site: CDP, DHCP, TFTP, perhaps a new load and all of it again, then registration.
//!
//! Each boot has a clock of its own; the site's records are put in order afterwards, so boots may overlap.

mod configuration;
mod connection;
mod lease;
mod registration;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::rc::Rc;

use super::capture_file::Nanos;
use super::cdp::Announcement;
use super::dns;
use super::draw::Draw;
use super::frame::{self, BROADCAST, ETHERTYPE_ARP, Frame, HOST_UNREACHABLE, ICMP, Mac, UDP, udp};
use super::lldp;
use super::phone::{Cdp, Millis, Phone};
use super::site::{Host, MICRO, MILLI, Reach, SECOND, START, Segment, Site};

/// How a boot ended.
#[derive(Clone, Debug)]
pub struct Booted {
    pub registered: bool,
    /// The load that the phone runs at last.
    pub load: String,
    pub address: Ipv4Addr,
    /// When its last frame was seen.
    pub end: Nanos,
}

/// A phone that boots. The stages are in the modules of this one.
pub struct Boot<'a> {
    site: &'a mut Site,
    phone: Phone,
    segment: Segment,
    now: Nanos,
    draw: Draw,
    load: String,
    address: Ipv4Addr,
    /// Hosts whose MAC address it knows.
    known: BTreeSet<Ipv4Addr>,
    /// Attempts so far by CallManager.
    attempts: BTreeMap<Ipv4Addr, usize>,
    /// Why it comes, as its next alarm says: number and text.
    reason: (u8, &'static str),
    /// Last ports used for TFTP and TCP.
    udp_port: u16,
    tcp_port: u16,
    registered: bool,
    /// Files asked for so far, and whether it came back from a load that it refused.
    files_asked: u32,
    came_back: bool,
}

impl Site {
    /// Switches a phone on, `at` milliseconds after the start.
    pub fn boot(&mut self, at: Millis, phone: &Phone) -> Booted {
        let mut boot = Boot::new(self, at, phone);
        boot.play();
        Booted { registered: boot.registered, load: boot.load, address: boot.address, end: boot.now }
    }

    /// A phone that has an address renews its lease with the site's first DHCP server.
    pub fn renew(&mut self, at: Millis, phone: &Phone, address: Ipv4Addr) {
        let server = Rc::clone(&self.dhcp[0]);
        let mut boot = Boot::new(self, at, phone);
        boot.address = address;
        boot.renew(&server);
    }
}

impl<'a> Boot<'a> {
    fn new(site: &'a mut Site, at: Millis, phone: &Phone) -> Self {
        let mut draw = Draw::for_name(&[phone.mac.as_slice(), &at.to_be_bytes()].concat());
        Boot {
            segment: site.segments[phone.segment].clone(),
            site,
            phone: phone.clone(),
            now: START + at * MILLI,
            load: phone.load.clone(),
            address: Ipv4Addr::UNSPECIFIED,
            known: BTreeSet::new(),
            attempts: BTreeMap::new(),
            reason: (25, "Initialized"),
            udp_port: 49_152 + draw.between(0, 2000) as u16,
            tcp_port: 51_200 + draw.between(0, 2000) as u16,
            registered: false,
            files_asked: 0,
            came_back: false,
            draw,
        }
    }
}

impl Boot<'_> {
    fn play(&mut self) {
        // A load that is fetched restarts the phone; three loads in a row are more than any story needs.
        for _ in 0..3 {
            self.known.clear();
            self.announce();
            self.pause(400, 600);
            let Some(lease) = self.lease() else { return };
            self.pause(150, 250);
            match self.configure(&lease) {
                configuration::Next::Restart => self.pause(15_000, 18_000),
                configuration::Next::GiveUp => return,
                configuration::Next::Register(call_managers) => {
                    self.pause(30, 60);
                    if self.register(&call_managers) == registration::End::OrderedToReset {
                        self.pause(8000, 9000);
                        continue;
                    }
                    return;
                }
            }
        }
    }

    /// Lets time pass: between so many milliseconds.
    fn pause(&mut self, low: Millis, high: Millis) {
        self.now += self.draw.between(low * MILLI, high * MILLI);
    }

    /// Lets a moment pass, as hosts in a local network need to answer.
    fn moment(&mut self) {
        self.now += self.draw.between(180 * MICRO, 700 * MICRO);
    }

    fn station(&self) -> Host {
        Host { mac: self.phone.mac, ip: self.address }
    }

    /// A frame in the phone's segment.
    fn frame(&mut self, time: Nanos, frame: Frame) {
        let frame = if let Some(id) = self.segment.vlan { frame.tagged(id) } else { frame };
        self.site.see(time, frame);
    }

    /// An IPv4 packet to or from a host, now; gives the packet as sent.
    fn packet(&mut self, host: Host, up: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let station = self.station();
        let segment = self.segment.clone();
        self.site.packet(self.now, (&segment, station), host, up, protocol, payload)
    }

    /// A UDP datagram to or from a host, now; `ports` are the phone's and the host's.
    fn datagram(&mut self, host: Host, up: bool, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
        let (phone, host_end) = ((self.address, ports.0), (host.ip, ports.1));
        let (src, dst) = if up { (phone, host_end) } else { (host_end, phone) };
        self.packet(host, up, UDP, &udp(src, dst, payload))
    }

    /// An ICMP unreachable about a packet of the phone: from the host about its port, else from the router.
    fn unreachable(&mut self, host: Host, code: u8, packet: &[u8]) {
        self.moment();
        let sender = if code == frame::PORT_UNREACHABLE || code == frame::PROTOCOL_UNREACHABLE {
            host
        } else {
            self.segment.router
        };
        // The last router quotes the packet with its own TTL; 63 is what a single hop leaves.
        let mut quoted = packet.to_vec();
        if !self.segment.holds(host.ip) && sender == host {
            quoted[8] -= 1;
            quoted[10..12].fill(0);
            let sum = frame::checksum(&[&quoted[..20]]);
            quoted[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        self.packet(sender, false, ICMP, &frame::unreachable(code, &quoted));
    }

    /// The phone tells its switch who it is, and hears from it.
    fn announce(&mut self) {
        let phone = &self.phone;
        let (switch, vlan) = (switch_of(phone.mac), self.segment.announced_vlan);
        if let Some(vlan) = vlan {
            let announcement = Announcement {
                device_id: "access-1".to_owned(),
                port_id: "FastEthernet0/4".to_owned(),
                capabilities: 0x28,
                software_version: Some("Cisco Internetwork Operating System Software".to_owned()),
                platform: "cisco WS-C3524-PWR-XL".to_owned(),
                voice_vlan: Some(vlan),
                ..Announcement::default()
            };
            // CDP goes untagged, whatever the voice VLAN is.
            let time = self.now + 40 * MILLI;
            self.site.see(time, announcement.frame(switch));
        }
        if phone.lldp {
            let announcement = lldp::Announcement {
                port_id: format!("{}:P1", phone.name().trim_start_matches("SEP")),
                system_name: Some(phone.name()),
                system_description: Some(format!("Cisco IP Phone {}, {}", phone.model, self.load)),
                voice_vlan: vlan,
                firmware: Some(self.load.clone()),
                model: Some(format!("CP-{}", phone.model)),
            };
            let time = self.now + 5 * MILLI;
            self.site.see(time, announcement.frame(phone.mac));
        }
        if phone.cdp == Cdp::Silent || phone.terse {
            return;
        }
        let announcement = Announcement {
            device_id: phone.name(),
            address: None,
            port_id: "Port 1".to_owned(),
            capabilities: 0x0490,
            software_version: (phone.cdp == Cdp::WithLoad).then(|| self.load.clone()),
            platform: format!("Cisco IP Phone {}", phone.model),
            voice_vlan: None,
            voice_vlan_query: vlan,
        };
        self.site.see(self.now, announcement.frame(self.phone.mac));
    }

    /// The phone needs the MAC address of a host, or of its router on the way there; false: nobody answers.
    fn resolve(&mut self, host: Host, reach: Reach) -> bool {
        let target = if self.segment.holds(host.ip) { host } else { self.segment.router };
        if self.known.contains(&target.ip) || self.phone.terse {
            return true;
        }
        let silent = target == host && reach == Reach::NoArp;
        for _ in 0..if silent { 3 } else { 1 } {
            let ask = frame::arp(1, (self.phone.mac, self.address), ([0; 6], target.ip));
            self.frame(self.now, Frame::ethernet(BROADCAST, self.phone.mac, ETHERTYPE_ARP, &ask));
            self.moment();
            if silent {
                self.pause(1000, 1010);
                continue;
            }
            let answer = frame::arp(2, (target.mac, target.ip), (self.phone.mac, self.address));
            self.frame(self.now, Frame::ethernet(self.phone.mac, target.mac, ETHERTYPE_ARP, &answer));
            self.now += self.draw.between(50 * MICRO, 120 * MICRO);
        }
        if !silent {
            self.known.insert(target.ip);
        }
        !silent
    }

    /// The phone asks the name server for a name: `None` where there is no server, no answer or no such name.
    fn look_up(&mut self, name: &str) -> Option<Ipv4Addr> {
        let server = self.site.dns.clone()?;
        self.resolve(server.host, Reach::Answers);
        let found = server.names.iter().find(|(n, _)| *n == name).map(|(_, address)| *address);
        let id = self.draw.next() as u16;
        self.udp_port += 1;
        let ports = (self.udp_port, 53);
        self.datagram(server.host, true, ports, &dns::query(id, name));
        self.moment();
        let answer = found.map_or_else(|| dns::no_such_name(id, name), |a| dns::answer(id, name, a));
        self.datagram(server.host, false, ports, &answer);
        self.moment();
        found
    }

    /// What a router says about a host that it cannot reach, if the host's reach is that.
    fn icmp_code(reach: Reach) -> Option<u8> {
        match reach {
            Reach::Icmp(code) => Some(code),
            // The router's own ARP for it goes unanswered.
            Reach::NoArp => Some(HOST_UNREACHABLE),
            Reach::Answers | Reach::Silent => None,
        }
    }

    /// So many seconds later.
    fn seconds(&mut self, seconds: u64) {
        self.now += seconds * SECOND;
    }
}

/// The port of the switch that the phone is plugged into.
fn switch_of(phone: Mac) -> Mac {
    [0x00, 0x0b, 0x5f, 0x30, phone[4], phone[5]]
}
