//! TFTP: the files that may be missing, the configuration, and the load that it names.

use std::net::Ipv4Addr;
use std::rc::Rc;

use super::super::phone::Phone;
use super::super::phone_config::PhoneConfig;
use super::super::site::{Content, MICRO, MILLI, Reach, TftpServer};
use super::super::tftp;
use super::Boot;
use super::lease::Lease;

/// What the phone does after this stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// It has a new load to boot.
    Restart,
    /// It tries these CallManagers.
    Register(Vec<String>),
    GiveUp,
}

/// How one file ended.
enum Fetched {
    Config(PhoneConfig),
    Bytes,
    Missing,
    /// Nobody answered, or the transfer broke off.
    Failed,
}

impl Boot<'_> {
    pub(super) fn configure(&mut self, lease: &Lease) -> Next {
        let mut servers = self.phone.alternate_tftp.map_or_else(|| lease.tftp.clone(), |a| vec![a]);
        if servers.is_empty()
            && let Some(name) = &lease.tftp_name
        {
            for _ in 0..3 {
                if let Some(address) = self.look_up(name) {
                    servers.push(address);
                    break;
                }
                self.seconds(4);
            }
        }
        for round in 0..self.phone.tftp_rounds {
            if round > 0 {
                self.pause(9000, 11_000);
            }
            for address in servers.clone() {
                if let Some(config) = self.ask_for_configuration(address) {
                    return self.follow(address, config);
                }
            }
        }
        let stored = self.stored();
        if !stored.is_empty() {
            return Next::Register(stored);
        }
        match servers.first() {
            Some(address) if self.phone.tries_tftp_server => Next::Register(vec![address.to_string()]),
            _ => Next::GiveUp,
        }
    }

    fn stored(&self) -> Vec<String> {
        self.phone.stored_call_managers.iter().map(ToString::to_string).collect()
    }

    /// The server at an address; one that no one set up is silent.
    fn tftp_server(&self, address: Ipv4Addr) -> Rc<TftpServer> {
        let known = self.site.tftp.iter().find(|s| s.host.ip == address).cloned();
        known.unwrap_or_else(|| Rc::new(TftpServer::at(&address.to_string()).reach(Reach::Silent)))
    }

    fn ask_for_configuration(&mut self, address: Ipv4Addr) -> Option<PhoneConfig> {
        let server = self.tftp_server(address);
        if !self.resolve(server.host, server.reach) {
            return None;
        }
        for probe in self.phone.probes(&self.load) {
            // Silence for the first file is silence for all.
            if let Fetched::Failed = self.fetch(&server, &probe) {
                return None;
            }
        }
        let own = format!("{}.cnf.xml", self.phone.name());
        for file in [own.as_str(), "XMLDefault.cnf.xml"] {
            match self.fetch(&server, file) {
                Fetched::Config(config) => return Some(config),
                Fetched::Failed => return None,
                // One that is no configuration does not help either.
                Fetched::Bytes | Fetched::Missing => {}
            }
        }
        None
    }

    /// Does what the configuration says.
    fn follow(&mut self, address: Ipv4Addr, config: PhoneConfig) -> Next {
        let wanted = config.load_for(self.phone.device_type()).filter(|load| *load != self.load).map(str::to_owned);
        if let Some(load) = wanted.filter(|_| !self.phone.leaves_loads) {
            let server = self.tftp_server(address);
            match self.fetch_load(&server, &load) {
                Fetched::Missing => self.reason = (6, "File Not Found"),
                Fetched::Failed => self.reason = (7, "TFTP Timeout"),
                // Without a word about it.
                Fetched::Config(_) | Fetched::Bytes if self.phone.repeats_loads => {}
                Fetched::Config(_) | Fetched::Bytes if self.phone.refuses_loads => {
                    self.reason = (0, "Load Rejected HC");
                    // It tries twice; what came of the second time shows in its alarm.
                    if !self.came_back {
                        self.came_back = true;
                        return Next::Restart;
                    }
                }
                Fetched::Config(_) | Fetched::Bytes => {
                    self.load = load;
                    self.reason = (25, "Initialized");
                    return Next::Restart;
                }
            }
        }
        let stored = self.stored();
        let list = if stored.is_empty() { config.call_managers } else { stored };
        if list.is_empty() { Next::GiveUp } else { Next::Register(list) }
    }

    /// All files of a load, or how the first one ended that did not come.
    fn fetch_load(&mut self, server: &TftpServer, load: &str) -> Fetched {
        for file in Phone::load_files(load) {
            for _ in 0..if self.phone.repeats_loads { 2 } else { 1 } {
                match self.fetch(server, &file) {
                    Fetched::Bytes => {}
                    ended => return ended,
                }
            }
        }
        Fetched::Bytes
    }

    /// One file.
    fn fetch(&mut self, server: &TftpServer, file: &str) -> Fetched {
        self.udp_port += 1;
        let port = self.udp_port;
        let options = self.phone.tftp_options.clone();
        let request = tftp::read_request(file, &options);
        let silent = Self::icmp_code(server.reach).is_none() && server.reach != Reach::Answers;
        let unanswered = if silent { 3 } else { server.ignores.saturating_sub(self.files_asked) };
        self.files_asked += 1;
        for attempt in 0..3 {
            let packet = self.datagram(server.host, true, (port, 69), &request);
            if let Some(code) = Self::icmp_code(server.reach) {
                self.unreachable(server.host, code, &packet);
            } else if attempt >= unanswered {
                break;
            }
            self.now += self.phone.tftp_patience * MILLI;
        }
        if server.reach != Reach::Answers {
            return Fetched::Failed;
        }
        self.moment();
        let server_port = if server.single_port { 69 } else { 32_768 + self.draw.between(0, 16_000) as u16 };
        let ports = (port, server_port);
        if let Some((_, code, text)) = server.errors.iter().find(|(part, ..)| file.contains(part)) {
            self.datagram(server.host, false, ports, &tftp::error(*code, text));
            self.pause(3, 9);
            return Fetched::Missing;
        }
        let content = match server.files.get(file) {
            None if file == "XMLDefault.cnf.xml" => server.default.clone().map(Content::Config),
            None if file.ends_with(".cnf.xml") => server.every.clone().map(Content::Config),
            found => found.cloned(),
        };
        let Some(content) = content else {
            self.datagram(server.host, false, ports, &tftp::error(1, server.error_text));
            self.pause(3, 9);
            return Fetched::Missing;
        };
        let bytes: Rc<[u8]> = match &content {
            Content::Config(config) if config.loads.is_empty() => config.device_xml().into(),
            Content::Config(config) => config.default_xml().into(),
            Content::Bytes(bytes) => Rc::clone(bytes),
        };
        let block_size = self.agree(server, ports, &options, bytes.len());
        if !self.transfer(server, ports, file, &bytes, block_size) {
            return Fetched::Failed;
        }
        self.pause(3, 9);
        match content {
            Content::Config(config) => Fetched::Config(config),
            Content::Bytes(_) => Fetched::Bytes,
        }
    }

    /// Options, where the phone asks and the server takes them: the block size.
    fn agree(&mut self, server: &TftpServer, ports: (u16, u16), asked: &[(&str, &str)], size: usize) -> usize {
        if asked.is_empty() || !server.takes_options {
            return 512;
        }
        let size = size.to_string();
        let taken: Vec<(&str, &str)> =
            asked.iter().map(|(name, value)| (*name, if *name == "tsize" { &size } else { *value })).collect();
        self.datagram(server.host, false, ports, &tftp::option_ack(&taken));
        self.moment();
        self.datagram(server.host, true, ports, &tftp::ack(0));
        self.moment();
        taken.iter().find(|(name, _)| *name == "blksize").and_then(|(_, v)| v.parse().ok()).unwrap_or(512)
    }

    /// Blocks and their acknowledgements; false where it breaks off.
    fn transfer(&mut self, server: &TftpServer, ports: (u16, u16), file: &str, bytes: &[u8], size: usize) -> bool {
        let stall = server.stalls.filter(|(part, _)| file.contains(part)).map(|(_, block)| block);
        let fault = server.breaks.filter(|(part, ..)| file.contains(part));
        // A file of whole blocks ends with an empty one.
        for n in 0..=bytes.len() / size {
            let block = (n + 1) as u16;
            let part = &bytes[n * size..bytes.len().min((n + 1) * size)];
            self.datagram(server.host, false, ports, &tftp::data(block, part));
            if n == 0 && server.loses_first_block {
                // Not acknowledged, so the server sends it again.
                self.seconds(1);
                self.datagram(server.host, false, ports, &tftp::data(block, part));
            }
            self.moment();
            self.datagram(server.host, true, ports, &tftp::ack(block));
            self.now += self.draw.between(120 * MICRO, 400 * MICRO);
            if let Some((_, last, code, text)) = fault
                && block == last
            {
                self.datagram(server.host, false, ports, &tftp::error(code, text));
                self.pause(3, 9);
                return false;
            }
            if stall == Some(block) {
                for _ in 0..3 {
                    self.now += self.phone.tftp_patience * MILLI;
                    self.datagram(server.host, true, ports, &tftp::ack(block));
                }
                self.now += self.phone.tftp_patience * MILLI;
                return false;
            }
        }
        true
    }
}
