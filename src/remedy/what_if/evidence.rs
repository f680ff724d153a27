//! What the phones of a capture tell of servers: what a TFTP server names, and what a CallManager takes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::diagnosis::{Detail, Diagnosis, Outcome, PhoneReport, RegistrationState, SeenConfiguration};
use crate::types::{Timestamp, WireText};
use crate::wire::load::{hardware_of, same_load};
use crate::wire::phone_config::device_of_name;

/// What a configuration says to a phone.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The load; `None`: it names none.
    pub(super) load: Option<WireText>,
    /// CallManagers: addresses where they are known, names else.
    pub(super) call_managers: Vec<String>,
    /// Whose word it is.
    pub(super) by: String,
}

/// Loads by the hardware that they run on.
type Loads = BTreeMap<String, BTreeSet<WireText>>;

/// What the capture tells.
#[derive(Default)]
pub(super) struct Evidence {
    /// TFTP server → its default configurations, by the hardware of the phone that was served.
    defaults: BTreeMap<IpAddr, BTreeMap<String, Named>>,
    /// TFTP server → what it names to phones by configurations of their own, by hardware.
    own: BTreeMap<IpAddr, BTreeMap<String, Vec<Named>>>,
    /// CallManager → loads of phones registered there.
    taken: BTreeMap<IpAddr, Loads>,
    /// TFTP server → times of the latest answer and of the latest question in vain.
    heard: BTreeMap<IpAddr, (Option<Timestamp>, Option<Timestamp>)>,
    /// CallManager → loads of phones that it turned away.
    refused: BTreeMap<IpAddr, BTreeSet<WireText>>,
}

/// Different things that a server's own configurations say; with more than one, none stands for another phone.
const MAX_SAID: usize = 4;

impl Evidence {
    pub(super) fn of(d: &Diagnosis<'_>) -> Evidence {
        let mut all = Evidence::default();
        for p in d.phones(Detail::State) {
            let hardware = hardware_of(p.model.as_deref().unwrap_or_default()).to_owned();
            for file in &p.files {
                let (answered, silent) = all.heard.entry(file.server).or_default();
                let latest = if file.outcome == Outcome::NoAnswer { silent } else { answered };
                *latest = (*latest).max(Some(file.time));
            }
            for seen in &p.wanted.configurations {
                if device_of_name(seen.name.raw()).is_some() {
                    let said = all.own.entry(seen.server).or_default().entry(hardware.clone()).or_default();
                    let new = named(seen);
                    let known = said.iter().any(|n| n.load == new.load && n.call_managers == new.call_managers);
                    if !known && said.len() < MAX_SAID {
                        said.push(new);
                    }
                } else {
                    let by_hardware = all.defaults.entry(seen.server).or_default();
                    by_hardware.entry(hardware.clone()).or_insert_with(|| named(seen));
                }
            }
            let r = &p.registration;
            if let (Some(server), Some(load)) = (r.call_manager, &p.load.running) {
                match r.state {
                    RegistrationState::Registered => {
                        let loads = all.taken.entry(server).or_default();
                        loads.entry(hardware).or_default().insert(load.clone());
                    }
                    RegistrationState::Rejected | RegistrationState::Closed => {
                        all.refused.entry(server).or_default().insert(load.clone());
                    }
                    _ => {}
                }
            }
        }
        all
    }

    /// What a server would say to a phone: by its own configuration there; else as to others like it, or by the
    /// default, and which of the two is not known.
    pub(super) fn named_on(&self, server: IpAddr, p: &PhoneReport) -> Vec<Named> {
        let own = p.wanted.configurations.iter().find(|c| c.server == server && device_of_name(c.name.raw()).is_some());
        if let Some(own) = own {
            return vec![named(own)];
        }
        let Some(hardware) = p.model.as_deref().map(hardware_of) else { return Vec::new() };
        let default = self.defaults.get(&server).and_then(|h| h.get(hardware)).cloned();
        let said = self.own.get(&server).and_then(|h| h.get(hardware)).into_iter().flatten();
        let by = format!("what {server} names to other phones of this model");
        default.into_iter().chain(said.map(|n| Named { by: by.clone(), ..n.clone() })).collect()
    }

    /// Whether a TFTP server was asked and does not answer, or not any more.
    pub(super) fn is_silent(&self, server: IpAddr) -> bool {
        self.heard.get(&server).is_some_and(|(answered, silent)| silent > answered)
    }

    /// Whether any of these CallManagers has phones with this load.
    pub(super) fn takes(&self, call_managers: &[String], load: &WireText, hardware: &str) -> bool {
        addresses(call_managers)
            .filter_map(|ip| self.taken.get(&ip)?.get(hardware))
            .flatten()
            .any(|l| same_load(l.raw(), load.raw()))
    }

    /// Whether any of them turned away phones with this load.
    pub(super) fn refuses(&self, call_managers: &[String], load: &WireText) -> bool {
        addresses(call_managers)
            .filter_map(|ip| self.refused.get(&ip))
            .flatten()
            .any(|l| same_load(l.raw(), load.raw()))
    }

    /// The one load of phones with this hardware that are registered with these CallManagers.
    pub(super) fn load_at(&self, call_managers: &[String], hardware: &str) -> Option<WireText> {
        let loads: BTreeSet<&WireText> =
            addresses(call_managers).filter_map(|ip| self.taken.get(&ip)?.get(hardware)).flatten().collect();
        loads.first().filter(|_| loads.len() == 1).map(|l| (*l).clone())
    }
}

fn addresses(call_managers: &[String]) -> impl Iterator<Item = IpAddr> {
    call_managers.iter().filter_map(|c| c.parse().ok())
}

fn named(seen: &SeenConfiguration) -> Named {
    let addresses = seen.call_managers.iter().map(ToString::to_string);
    let names = seen.config.call_managers.iter().map(ToString::to_string);
    Named {
        load: seen.load.clone(),
        call_managers: if seen.call_managers.is_empty() { names.collect() } else { addresses.collect() },
        by: format!("{} of {}", seen.name, seen.server),
    }
}
