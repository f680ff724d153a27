//! A phone: what it is, what it runs, what is set on it, and its ways on the wire.

use std::net::Ipv4Addr;

use super::frame::{Mac, ip, mac};

/// Milliseconds.
pub type Millis = u64;

/// How the load stands in the text of an alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmSpelling {
    /// `3.1(1.2)`
    Dotted,
    /// `P00303010102`
    Name,
}

/// How messages are cut into TCP segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segments {
    /// A segment for each message.
    Plain,
    /// Messages that are ready together share a segment.
    Coalesced,
    /// Seven octets, then the rest: inside the header.
    Split7,
}

/// What the phone announces by CDP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cdp {
    WithLoad,
    WithoutLoad,
    Silent,
}

/// A phone.
#[derive(Clone, Debug)]
pub struct Phone {
    pub mac: Mac,
    /// `7960`
    pub model: &'static str,
    /// The load that it runs when it is switched on.
    pub load: String,
    /// Set on the phone: these, and not those of the configuration, are tried.
    pub stored_call_managers: Vec<Ipv4Addr>,
    /// Alternate TFTP set on the phone.
    pub alternate_tftp: Option<Ipv4Addr>,
    /// Starts with a REQUEST for the address it had.
    pub init_reboot: Option<Ipv4Addr>,
    /// The DHCP server whose offer it waits for; else it takes the first.
    pub prefers: Option<Ipv4Addr>,
    pub segments: Segments,
    pub alarm: AlarmSpelling,
    pub cdp: Cdp,
    /// Announces itself by LLDP too.
    pub lldp: bool,
    pub vendor_class: Vec<u8>,
    /// Index of the segment that it is plugged into.
    pub segment: usize,
    /// TFTP options of its read requests.
    pub tftp_options: Vec<(&'static str, &'static str)>,
    /// Waits so long before it asks for a file again.
    pub tftp_patience: Millis,
    /// How many times it asks all TFTP servers before it gives up.
    pub tftp_rounds: usize,
    /// How many times it tries all CallManagers.
    pub rounds: usize,
    /// DISCOVERs (or REQUESTs) before it gives up.
    pub dhcp_tries: u32,
    /// KeepAlives after it registered.
    pub keep_alives: usize,
    /// Holds an idle connection to the next CallManager of its list.
    pub standby: bool,
    /// Without a configuration it tries the TFTP server as its CallManager.
    pub tries_tftp_server: bool,
    /// Fetches loads and comes back with the old one.
    pub refuses_loads: bool,
    /// Asks for no load, whatever its configuration names.
    pub leaves_loads: bool,
    /// Fetches each file of a load twice, since its check of it fails, and goes on with the old one.
    pub repeats_loads: bool,
    /// Name it registers under, where that is not made of its MAC.
    pub claims_name: Option<String>,
    /// Answers the lease with a DECLINE: somebody else has the address.
    pub declines: usize,
    /// The shortest boot there is, for large captures: no CDP, ARP or files that may be missing, few questions after
    /// the registration, and acknowledgements that ride on data.
    pub terse: bool,
}

impl Phone {
    /// A phone of a model (`7960`) with its MAC address, running `load`.
    pub fn new(model: &'static str, address: &str, load: &str) -> Self {
        let mut vendor_class = format!("Cisco Systems, Inc. IP Phone CP-{model}").into_bytes();
        if model.starts_with("79") {
            vendor_class.push(0);
        }
        Phone {
            mac: mac(address),
            model,
            load: load.to_owned(),
            stored_call_managers: Vec::new(),
            alternate_tftp: None,
            init_reboot: None,
            prefers: None,
            segments: Segments::Plain,
            alarm: AlarmSpelling::Dotted,
            cdp: Cdp::WithLoad,
            lldp: false,
            vendor_class,
            segment: 0,
            tftp_options: Vec::new(),
            tftp_patience: 4000,
            tftp_rounds: 2,
            rounds: 3,
            dhcp_tries: 4,
            keep_alives: 2,
            standby: false,
            tries_tftp_server: false,
            refuses_loads: false,
            leaves_loads: false,
            repeats_loads: false,
            claims_name: None,
            declines: 0,
            terse: false,
        }
    }

    /// With something else about it.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// With CallManagers set by hand.
    pub fn stored(self, list: &[&str]) -> Self {
        self.with(|p| p.stored_call_managers = list.iter().map(|a| ip(a)).collect())
    }

    /// With Alternate TFTP set to Yes.
    pub fn alternate(self, tftp: &str) -> Self {
        self.with(|p| p.alternate_tftp = Some(ip(tftp)))
    }

    pub fn segments(self, segments: Segments) -> Self {
        self.with(|p| p.segments = segments)
    }

    pub fn alarm(self, spelling: AlarmSpelling) -> Self {
        self.with(|p| p.alarm = spelling)
    }

    pub fn cdp(self, cdp: Cdp) -> Self {
        self.with(|p| p.cdp = cdp)
    }

    pub fn on_segment(self, index: usize) -> Self {
        self.with(|p| p.segment = index)
    }

    /// `SEP` and the twelve digits of its MAC address.
    pub fn name(&self) -> String {
        name_of(self.mac)
    }

    pub fn device_type(&self) -> u32 {
        match self.model {
            "7910" => 6,
            "7960" => 7,
            "7940" => 8,
            "7941G" => 115,
            "7961G" => 30018,
            model => panic!("what device type has a {model}?"),
        }
    }

    /// Protocol version that a load offers; the pairs for the first loads are plausible, not known.
    pub fn protocol_version(load: &str) -> u8 {
        match load.get(..6) {
            Some(start) if start.starts_with("SCCP") || start.starts_with("TERM") => 17,
            _ => match load.get(4..8) {
                Some("0300") => 1,
                Some("0301") => 2,
                Some("0302") => 3,
                Some("0303") => 4,
                Some(version) if version >= "0800" => 11,
                _ => 5,
            },
        }
    }

    /// Files asked for before the configuration, none of which need exist.
    pub fn probes(&self, load: &str) -> Vec<String> {
        let name = self.name();
        if self.terse {
            Vec::new()
        } else if load.starts_with("SCCP") || load.starts_with("TERM") {
            vec![format!("CTL{name}.tlv"), format!("ITL{name}.tlv"), "ITLFile.tlv".to_owned()]
        } else if load.get(4..6) >= Some("05") {
            vec![format!("CTL{name}.tlv")]
        } else if self.model == "7910" {
            Vec::new()
        } else {
            vec!["OS79XX.TXT".to_owned()]
        }
    }

    /// Files that make up a load.
    pub fn load_files(load: &str) -> Vec<String> {
        if load.starts_with("SCCP") || load.starts_with("TERM") {
            let version = load.split_once('.').map_or("", |(_, v)| v);
            vec![format!("{load}.loads"), format!("jar41sccp.{version}.sbn"), format!("cnu41.{version}.sbn")]
        } else if load.get(4..6) >= Some("05") {
            vec![format!("{load}.loads"), format!("{load}.sb2")]
        } else {
            vec![format!("{load}.bin")]
        }
    }

    /// The load as an alarm of this phone spells it.
    pub fn spell(&self, load: &str) -> String {
        match self.alarm {
            AlarmSpelling::Name => load.to_owned(),
            AlarmSpelling::Dotted => dotted(load),
        }
    }
}

/// `SEP` and the twelve digits of a MAC address.
pub fn name_of(mac: Mac) -> String {
    let digits: String = mac.iter().map(|octet| format!("{octet:02X}")).collect();
    format!("SEP{digits}")
}

/// `P00303010102` as `3.1(1.2)`, `SCCP41.8-5-2S` as ` 8.5(2S)`.
pub fn dotted(load: &str) -> String {
    if let Some((_, version)) = load.split_once('.') {
        let parts: Vec<&str> = version.split('-').collect();
        return format!(" {}.{}({})", parts[0], parts[1], parts[2..].join("."));
    }
    let number = |from: usize| load[from..from + 2].parse::<u32>();
    match (load.len(), number(4), number(6)) {
        (12, Ok(x), Ok(y)) => match (number(8), number(10)) {
            (Ok(z), Ok(w)) => format!("{x}.{y}({z}.{w})"),
            _ => load.to_owned(),
        },
        _ => load.to_owned(),
    }
}
