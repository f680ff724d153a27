//! A phone: it boots as a 7960 does and writes down what it did.
//!
//! It takes its lease with a real DHCP client, follows option 150, fetches its configuration, takes the load that this
//! names and boots again with it, and registers with the CallManagers that it names, in their order.

mod lease;
mod registration;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use crate::account::{Account, Deed};
use crate::files;
use crate::real::namespace::succeeds;
use crate::real::programs::Programs;
use crate::site::{End, PhonePlan, Registration};
use crate::support::cdp::Announcement;
use crate::support::{frame, phone};
use crate::tftp::{self, Outcome};
use lease::Lease;

/// How many times a phone starts again by itself in one boot: a new load each time.
const MAX_UPGRADES: u32 = 4;
/// How many times it asks all its TFTP servers, and tries all CallManagers.
const ROUNDS: usize = 2;
const PAUSE: Duration = Duration::from_millis(300);

/// What follows the TFTP stage.
enum Next {
    /// It has a new load.
    Restart(String),
    Register(Vec<Ipv4Addr>),
    GiveUp,
}

/// Plays the phone of a plan. A phone that registered stays so until the process is ended.
///
/// # Errors
///
/// The plan can not be read, or a program that it needs does not run.
pub(crate) fn play(plan: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(plan).map_err(|error| format!("{}: {error}", plan.display()))?;
    let plan: PhonePlan = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let account = Account::open(&plan.account)?;
    let load = plan.load.clone();
    let model: &'static str = match plan.model.as_str() {
        "7910" => "7910",
        "7940" => "7940",
        "7960" => "7960",
        other => return Err(format!("what is a {other}?")),
    };
    let hardware = phone::Phone::new(model, &plan.mac, &load);
    std::thread::sleep(Duration::from_millis(plan.starts_after));
    let mut phone =
        Phone { plan, hardware, account, load, address: Ipv4Addr::UNSPECIFIED, reason: "25", last: "Initialized" };
    for boot in 1..=phone.plan.boots {
        let registered = phone.boot()?;
        if boot < phone.plan.boots {
            std::thread::sleep(PAUSE);
            drop(registered);
            phone.forget_address();
            (phone.reason, phone.last) = ("25", "Initialized");
        } else if let Some(connection) = registered {
            connection.stay();
        }
    }
    // Done; the lab ends it with the others, so that its host answers still.
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

struct Phone {
    plan: PhonePlan,
    hardware: phone::Phone,
    account: Account,
    load: String,
    address: Ipv4Addr,
    /// Number and word of its alarm.
    reason: &'static str,
    last: &'static str,
}

impl Phone {
    /// One boot, with the restarts that new loads need. The connection of a phone that registered.
    fn boot(&mut self) -> Result<Option<registration::Registered>, String> {
        for _ in 0..=MAX_UPGRADES {
            self.account.write(Deed::Boot { load: self.load.clone() })?;
            self.announce();
            let Some(lease) = lease::take(&self.plan)? else {
                self.account.write(Deed::NoLease)?;
                return self.done(Registration::NotSeen, None, None, None);
            };
            self.use_address(&lease)?;
            let dhcp = lease.server;
            let servers = self.plan.alternate_tftp.map_or_else(|| lease.tftp.clone(), |server| vec![server]);
            self.account.write(Deed::Lease { ip: lease.ip, server: dhcp, tftp: lease.tftp })?;
            match self.fetch(&servers)? {
                Next::Restart(load) => {
                    self.account.write(Deed::Upgrade { from: self.load.clone(), to: load.clone() })?;
                    self.load = load;
                    self.forget_address();
                    std::thread::sleep(PAUSE);
                }
                Next::GiveUp => return self.done(Registration::NotSeen, dhcp, servers.first(), None),
                Next::Register(list) => {
                    let (registration, last, connection) = self.register(&list)?;
                    let _ = self.done(registration, dhcp, servers.first(), last)?;
                    return Ok(connection);
                }
            }
        }
        Err(format!("{} takes one load after the other", self.plan.name()))
    }

    fn done(
        &mut self,
        registration: Registration,
        dhcp_server: Option<Ipv4Addr>,
        tftp_server: Option<&Ipv4Addr>,
        call_manager: Option<Ipv4Addr>,
    ) -> Result<Option<registration::Registered>, String> {
        let (load, tftp_server) = (self.load.clone(), tftp_server.copied());
        let end = End { registration, load, dhcp_server, tftp_server, call_manager };
        self.account.write(Deed::Done(end))?;
        Ok(None)
    }

    /// What a phone tells its switch; only said where frames can be sent.
    fn announce(&self) {
        let announcement = Announcement {
            device_id: self.plan.name(),
            port_id: "Port 1".to_owned(),
            // Host, and a port for a PC.
            capabilities: 0x490,
            software_version: Some(self.load.clone()),
            platform: format!("Cisco IP Phone {}", self.plan.model),
            ..Announcement::default()
        };
        if let Err(error) = crate::switch::send("eth0", &announcement.frame(frame::mac(&self.plan.mac)).0) {
            eprintln!("{}: no CDP: {error}", self.plan.name());
        }
    }

    fn use_address(&mut self, lease: &Lease) -> Result<(), String> {
        self.address = lease.ip;
        ip(&format!("address replace {}/24 dev eth0", lease.ip))?;
        match lease.router {
            Some(router) => ip(&format!("route replace default via {router}")),
            None => Ok(()),
        }
    }

    fn forget_address(&mut self) {
        self.address = Ipv4Addr::UNSPECIFIED;
        if let Err(error) = ip("address flush dev eth0") {
            eprintln!("{}: {error}", self.plan.name());
        }
    }

    /// Fetches the configuration, and the load that it names.
    fn fetch(&mut self, servers: &[Ipv4Addr]) -> Result<Next, String> {
        // The server that had the file not.
        let mut without = None;
        for round in 0..ROUNDS {
            if round > 0 {
                std::thread::sleep(PAUSE);
            }
            for &server in servers {
                match self.ask_for_configuration(server)? {
                    Asked::Told(told) => return self.follow(server, told),
                    Asked::Missing => without = without.or(Some(server)),
                    Asked::Silence => {}
                }
            }
            if without.is_some() {
                break;
            }
        }
        // Without a configuration a phone takes its TFTP server for its CallManager.
        Ok(without.map_or(Next::GiveUp, |server| Next::Register(vec![server])))
    }

    fn ask(&mut self, server: Ipv4Addr, name: &str) -> Result<Outcome, String> {
        let outcome = tftp::get(server, name)?;
        let octets = if let Outcome::Served(content) = &outcome { content.len() } else { 0 };
        let word = outcome.word().to_owned();
        self.account.write(Deed::File { name: name.to_owned(), server, outcome: word, octets })?;
        Ok(outcome)
    }

    fn ask_for_configuration(&mut self, server: Ipv4Addr) -> Result<Asked, String> {
        for probe in self.hardware.probes(&self.load) {
            if self.ask(server, &probe)? == Outcome::NoAnswer {
                return Ok(Asked::Silence);
            }
        }
        let own = format!("{}.cnf.xml", self.plan.name());
        for name in [own.as_str(), "XMLDefault.cnf.xml"] {
            match self.ask(server, name)? {
                Outcome::Served(content) => {
                    let text = String::from_utf8_lossy(&content).into_owned();
                    if let Some(told) = files::told(&text, self.hardware.device_type()) {
                        return Ok(Asked::Told(told));
                    }
                }
                Outcome::NoAnswer | Outcome::Broken => return Ok(Asked::Silence),
                Outcome::Missing | Outcome::Refused(..) => {}
            }
        }
        Ok(Asked::Missing)
    }

    /// Does what the configuration says.
    fn follow(&mut self, server: Ipv4Addr, told: files::Told) -> Result<Next, String> {
        if let Some(load) = told.load.filter(|load| *load != self.load)
            && let Outcome::Served(content) = self.ask(server, &format!("{load}.bin"))?
            && content.starts_with(load.as_bytes())
        {
            return Ok(Next::Restart(load));
        }
        Ok(Next::Register(told.call_managers))
    }

    /// Tries the CallManagers in order, some rounds of it: how the last try ended, at which of them, and the connection
    /// where it is registered.
    #[allow(clippy::type_complexity, reason = "three things, used once")]
    fn register(
        &mut self,
        list: &[Ipv4Addr],
    ) -> Result<(Registration, Option<Ipv4Addr>, Option<registration::Registered>), String> {
        let mut last = (Registration::NotSeen, None);
        for round in 0..ROUNDS {
            if round > 0 {
                std::thread::sleep(PAUSE);
            }
            for &call_manager in list {
                let tried = registration::attempt(self, call_manager);
                let (registration, text) = (tried.registration, tried.text);
                self.account.write(Deed::Attempt { call_manager, registration, text })?;
                if let Some(connection) = tried.connection {
                    return Ok((registration, Some(call_manager), Some(connection)));
                }
                (self.reason, self.last) = tried.reason;
                last = (registration, Some(call_manager));
            }
        }
        Ok((last.0, last.1, None))
    }
}

/// What came of asking one server for a configuration.
enum Asked {
    Told(files::Told),
    /// It answers, and has none.
    Missing,
    Silence,
}

fn ip(arguments: &str) -> Result<(), String> {
    let program = Programs::find("ip").map_err(|missing| missing.to_string())?;
    succeeds(program.command().args(arguments.split_whitespace()))
}
