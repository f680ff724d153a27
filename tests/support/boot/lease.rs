//! DHCP: DISCOVER, OFFER, REQUEST, ACK, or what comes in their place; relayed where the server is elsewhere.

use std::net::Ipv4Addr;
use std::rc::Rc;

use super::super::capture_file::Nanos;
use super::super::dhcp::{self, Message};
use super::super::frame::{BROADCAST, ETHERTYPE_ARP, ETHERTYPE_IPV4, Frame, Ipv4, UDP, arp, udp};
use super::super::site::{DhcpAnswer, DhcpServer, Host, MICRO, SECOND, Tap, far_router};
use super::Boot;

/// Waits between the messages of a phone that nobody answers, in seconds.
const BACK_OFF: [u64; 5] = [2, 4, 8, 16, 32];
/// The parameter list of the 7960 in public fingerprints.
const WANTED: [u8; 7] = [1, 66, 6, 3, 15, 150, 35];
const LEASE_SECONDS: u32 = 8 * 86_400;

/// What the phone made of its lease.
#[derive(Clone, Debug, Default)]
pub(super) struct Lease {
    /// TFTP servers, as the phone reads them.
    pub tftp: Vec<Ipv4Addr>,
    /// The name to look up where there is no address.
    pub tftp_name: Option<String>,
}

impl Boot<'_> {
    /// Gets an address; `None`: the phone gave up.
    pub(super) fn lease(&mut self) -> Option<Lease> {
        if self.address == Ipv4Addr::UNSPECIFIED
            && let Some(old) = self.phone.init_reboot
        {
            return self.reboot(old);
        }
        self.address = Ipv4Addr::UNSPECIFIED;
        let mut declined = 0;
        let mut naks = 0;
        loop {
            let (server, offer) = self.discover()?;
            let request = self
                .question(dhcp::REQUEST, offer.xid)
                .addresses(54, &[server.host.ip])
                .addresses(50, &[offer.yiaddr])
                .option(55, &WANTED);
            match self.request(&server, &request, offer.yiaddr) {
                None => {
                    naks += 1;
                    if naks == 3 {
                        return None;
                    }
                    self.seconds(2);
                }
                Some(lease) if declined < self.phone.declines => {
                    drop(lease);
                    declined += 1;
                    self.decline(&server, offer.yiaddr);
                }
                Some(lease) => return Some(lease),
            }
        }
    }

    /// A message of this phone with what every one of them holds.
    fn question(&self, kind: u8, xid: u32) -> Message {
        let name = self.phone.name();
        let client_id = [&[1], self.phone.mac.as_slice()].concat();
        Message::request(kind, self.phone.mac, xid)
            .option(61, &client_id)
            .option(12, name.as_bytes())
            .option(60, &self.phone.vendor_class)
    }

    /// DISCOVERs until an offer comes that the phone takes.
    fn discover(&mut self) -> Option<(Rc<DhcpServer>, Message)> {
        let xid = self.draw.next() as u32;
        let started = self.now;
        let servers = self.servers();
        for attempt in 0..self.phone.dhcp_tries {
            let mut discover = self.question(dhcp::DISCOVER, xid).option(55, &WANTED);
            discover.secs = ((self.now - started) / SECOND) as u16;
            self.broadcast(&discover, &servers);
            let mut offers: Vec<(Nanos, Rc<DhcpServer>, Message)> = Vec::new();
            for server in &servers {
                if server.answer == DhcpAnswer::Silent || attempt < server.ignores {
                    continue;
                }
                let address = self.site.lease(server, self.phone.mac);
                let offer = self.reply(server, dhcp::OFFER, &discover, address);
                let time = self.now + server.delay;
                self.answer(server, &offer, time);
                offers.push((time, Rc::clone(server), offer));
            }
            offers.sort_by_key(|(time, ..)| *time);
            let preferred = offers.iter().position(|(_, s, _)| Some(s.host.ip) == self.phone.prefers);
            if !offers.is_empty() {
                let (time, server, offer) = offers.swap_remove(preferred.unwrap_or(0));
                self.now = time + self.draw.between(4 * SECOND / 1000, 30 * SECOND / 1000);
                return Some((server, offer));
            }
            self.seconds(BACK_OFF[attempt as usize]);
        }
        None
    }

    /// A REQUEST to the chosen server: its lease, or `None` for a NAK.
    fn request(&mut self, server: &Rc<DhcpServer>, request: &Message, address: Ipv4Addr) -> Option<Lease> {
        let servers = self.servers();
        self.broadcast(request, &servers);
        let time = self.now + server.delay;
        let refused = matches!(server.answer, DhcpAnswer::Refuses(_));
        let answer = self.reply(server, if refused { dhcp::NAK } else { dhcp::ACK }, request, address);
        self.answer(server, &answer, time);
        self.now = time;
        (!refused).then(|| self.bind(&answer))
    }

    /// INIT-REBOOT: asks for the address it had.
    fn reboot(&mut self, old: Ipv4Addr) -> Option<Lease> {
        let xid = self.draw.next() as u32;
        let started = self.now;
        let mut request = self.question(dhcp::REQUEST, xid).addresses(50, &[old]).option(55, &WANTED);
        let servers = self.servers();
        for attempt in 0..self.phone.dhcp_tries {
            request.secs = ((self.now - started) / SECOND) as u16;
            let ready = |s: &&Rc<DhcpServer>| s.answer != DhcpAnswer::Silent && attempt >= s.ignores;
            let Some(server) = servers.iter().find(ready).cloned() else {
                self.broadcast(&request, &servers);
                self.seconds(BACK_OFF[attempt as usize]);
                continue;
            };
            if let Some(lease) = self.request(&server, &request, old) {
                return Some(lease);
            }
            // Refused: from the beginning.
            self.phone.init_reboot = None;
            self.seconds(1);
            return self.lease();
        }
        None
    }

    /// Halfway through its lease a phone asks its server, and nobody else, to extend it (RFC 2131, section 4.3.2).
    pub(super) fn renew(&mut self, server: &Rc<DhcpServer>) {
        let xid = self.draw.next() as u32;
        let mut request = self.question(dhcp::REQUEST, xid).option(55, &WANTED);
        request.broadcast = false;
        request.ciaddr = self.address;
        self.datagram(server.host, true, (68, 67), &request.bytes());
        self.now += server.delay;
        let mut ack = self.reply(server, dhcp::ACK, &request, self.address);
        ack.giaddr = Ipv4Addr::UNSPECIFIED;
        self.datagram(server.host, false, (68, 67), &ack.bytes());
    }

    /// Takes the address and tells the neighbours.
    fn bind(&mut self, ack: &Message) -> Lease {
        self.pause(60, 120);
        self.address = ack.yiaddr;
        if !self.phone.terse {
            let own = (self.phone.mac, self.address);
            let probe = arp(1, own, ([0; 6], self.address));
            self.frame(self.now, Frame::ethernet(BROADCAST, self.phone.mac, ETHERTYPE_ARP, &probe));
        }
        read(ack)
    }

    /// Somebody answers the probe for the address just leased.
    fn decline(&mut self, server: &Rc<DhcpServer>, address: Ipv4Addr) {
        self.moment();
        let other = Host::of(address);
        let answer = arp(2, (other.mac, address), (self.phone.mac, address));
        self.frame(self.now, Frame::ethernet(self.phone.mac, other.mac, ETHERTYPE_ARP, &answer));
        self.moment();
        let xid = self.draw.next() as u32;
        let decline = self.question(dhcp::DECLINE, xid).addresses(54, &[server.host.ip]).addresses(50, &[address]);
        self.address = Ipv4Addr::UNSPECIFIED;
        let servers = self.servers();
        self.broadcast(&decline, &servers);
        // The server will not lease that address again.
        self.site.leases.remove(&(server.host.ip, self.phone.mac));
        self.seconds(10);
    }

    /// The servers that hear this segment.
    fn servers(&self) -> Vec<Rc<DhcpServer>> {
        let index = self.phone.segment;
        self.site.dhcp.iter().filter(|s| s.segments.is_empty() || s.segments.contains(&index)).cloned().collect()
    }

    fn reply(&self, server: &DhcpServer, kind: u8, request: &Message, address: Ipv4Addr) -> Message {
        let mut reply = Message::answer(kind, request).addresses(54, &[server.host.ip]);
        reply.giaddr = self.relay(server).map_or(Ipv4Addr::UNSPECIFIED, |router| router.ip);
        if kind == dhcp::NAK {
            reply.siaddr = Ipv4Addr::UNSPECIFIED;
            let DhcpAnswer::Refuses(text) = server.answer else { return reply };
            return reply.option(56, text.as_bytes());
        }
        reply.yiaddr = address;
        reply.siaddr = server.siaddr.unwrap_or(Ipv4Addr::UNSPECIFIED);
        reply.sname.clone_from(&server.sname);
        reply = reply
            .option(51, &LEASE_SECONDS.to_be_bytes())
            .option(1, &[255, 255, 255, 0])
            .addresses(3, &[self.segment.router.ip]);
        if let Some(dns) = &self.site.dns {
            reply = reply.addresses(6, &[dns.host.ip]).option(15, b"phones.example");
        }
        reply.options.extend(server.options.iter().cloned());
        if reply.giaddr != Ipv4Addr::UNSPECIFIED && self.site.relay_option {
            reply = reply.option(82, &self.circuit());
        }
        reply
    }

    /// Circuit and remote id, as the relay agent adds them (RFC 3046).
    fn circuit(&self) -> Vec<u8> {
        let vlan = self.segment.vlan.unwrap_or(1).to_be_bytes();
        let mut octets = vec![1, 6, 0, 4, vlan[0], vlan[1], 0, 4, 2, 8, 0, 6];
        octets.extend(self.segment.router.mac);
        octets
    }

    /// The relay agent on the way to a server, where one is needed.
    fn relay(&self, server: &DhcpServer) -> Option<Host> {
        (!self.segment.holds(server.host.ip)).then_some(self.segment.router)
    }

    /// The phone's message in its segment, and the relay agent's copies.
    fn broadcast(&mut self, message: &Message, servers: &[Rc<DhcpServer>]) {
        let (any, all) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        let datagram = udp((any, 68), (all, 67), &message.bytes());
        let id = self.site.ip_id(any);
        let packet = Ipv4 { src: any, dst: all, protocol: UDP, id, ttl: 64 }.packet(&datagram);
        self.frame(self.now, Frame::ethernet(BROADCAST, self.phone.mac, ETHERTYPE_IPV4, &packet));
        for server in servers {
            let Some(router) = self.relay(server).filter(|_| self.site.tap == Tap::BothSides) else { continue };
            let mut relayed = Message { hops: 1, giaddr: router.ip, ..message.clone() };
            if self.site.relay_option {
                relayed = relayed.option(82, &self.circuit());
            }
            self.relay_leg(router, server, true, &relayed, self.now + 90 * MICRO);
        }
    }

    /// A server's message, through the relay agent if there is one.
    fn answer(&mut self, server: &DhcpServer, message: &Message, time: Nanos) {
        let Some(router) = self.relay(server) else {
            return self.deliver(server.host, message, time);
        };
        if self.site.tap == Tap::BothSides {
            self.relay_leg(router, server, false, message, time - 90 * MICRO);
        }
        let mut inner = message.clone();
        inner.options.retain(|(code, _)| *code != 82);
        self.deliver(router, &inner, time);
    }

    /// Between relay agent and server: unicast, port 67 on both ends.
    fn relay_leg(&mut self, router: Host, server: &DhcpServer, up: bool, message: &Message, time: Nanos) {
        let far = far_router(server.host.ip);
        let (src, dst) = if up { (router.ip, server.host.ip) } else { (server.host.ip, router.ip) };
        let (src_mac, dst_mac) = if up { (far, server.host.mac) } else { (server.host.mac, far) };
        let datagram = udp((src, 67), (dst, 67), &message.bytes());
        let id = self.site.ip_id(src);
        let packet = Ipv4 { src, dst, protocol: UDP, id, ttl: 64 }.packet(&datagram);
        self.site.see(time, Frame::ethernet(dst_mac, src_mac, ETHERTYPE_IPV4, &packet));
    }

    /// To the phone, in its segment.
    fn deliver(&mut self, sender: Host, message: &Message, time: Nanos) {
        let all = Ipv4Addr::BROADCAST;
        let datagram = udp((sender.ip, 67), (all, 68), &message.bytes());
        let id = self.site.ip_id(sender.ip);
        let packet = Ipv4 { src: sender.ip, dst: all, protocol: UDP, id, ttl: 64 }.packet(&datagram);
        self.frame(time, Frame::ethernet(BROADCAST, sender.mac, ETHERTYPE_IPV4, &packet));
    }
}

/// Reads TFTP servers as a phone does: option 150, option 66, sname, siaddr, the first that is usable.
fn read(ack: &Message) -> Lease {
    let usable = |list: Vec<Ipv4Addr>| -> Vec<Ipv4Addr> { list.into_iter().filter(|a| !a.is_unspecified()).collect() };
    let listed = ack.find(150).filter(|octets| octets.len() % 4 == 0).map_or_else(Vec::new, |octets| {
        usable(octets.chunks(4).map(|c| Ipv4Addr::new(c[0], c[1], c[2], c[3])).collect())
    });
    if !listed.is_empty() {
        return Lease { tftp: listed, tftp_name: None };
    }
    let named = ack.find(66).map(|octets| String::from_utf8_lossy(octets).trim_end_matches('\0').to_owned());
    let sname = Some(ack.sname.clone());
    for text in [named, sname].into_iter().flatten().filter(|t| !t.is_empty()) {
        match text.parse() {
            Ok(address) => return Lease { tftp: usable(vec![address]), tftp_name: None },
            Err(_) if text.bytes().all(|b| b.is_ascii_graphic()) => {
                return Lease { tftp: Vec::new(), tftp_name: Some(text) };
            }
            Err(_) => {}
        }
    }
    Lease { tftp: usable(vec![ack.siaddr]), tftp_name: None }
}
