//! What is known of phones, as lines that can be written out and restored (`analyzer/saved.rs`).
//!
//! Lease terms and configurations are written with each phone and shared again when they are read. Configurations are
//! what `wire::phone_config` keeps of them: no password is ever in it.

use std::borrow::Cow;
use std::io;
use std::net::IpAddr;

use super::aging::ClockSteps;
use super::dhcpv6::LeasesV6;
use super::directory::ClientKey;
use super::identity::Vlans;
use super::limits;
use super::record::Phone;
use super::registry::Registry;
use super::shared::{Shared, Spelling};
use super::traffic::Traffic;
use crate::conversation::SeenAt;
use crate::conversation::dhcp::{LeaseTerms, MAX_EXCHANGES};
use crate::measures::Measures;
use crate::types::{Mac, Timestamp, WireText};

/// Entries of a list on one line.
const CHUNK: usize = 1_024;

/// One line.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Line<'a> {
    Known(Box<Known>),
    Phone(Cow<'a, Phone>),
    Other(ClientKey, Cow<'a, Phone>),
    /// Addresses of phones by their index, the one used last at the end; so of the lists below.
    Addresses(Vec<(IpAddr, usize)>),
    Neighbours(Vec<(IpAddr, Mac)>),
    Senders(Vec<(Mac, IpAddr, bool)>),
    Names(Vec<(WireText, Vec<IpAddr>)>),
}

/// What is known in addition to the phones.
#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Known {
    now: Timestamp,
    began: Option<Timestamp>,
    clocks: Vec<SeenAt>,
    clock_steps: ClockSteps,
    last_drop: Option<Timestamp>,
    traffic: Traffic,
    refused_phones: u64,
    configs_refused: u64,
    evicted_phones: u64,
    vlans: Vlans,
    leases_v6: LeasesV6,
    spellings: Vec<Spelling>,
    measures: Measures,
}

impl Registry {
    /// Passes everything to `sink`, line by line.
    pub(crate) fn save(&self, sink: &mut dyn FnMut(Line<'_>) -> io::Result<()>) -> io::Result<()> {
        sink(Line::Known(Box::new(Known {
            now: self.now,
            began: self.began,
            clocks: self.clocks.clone(),
            clock_steps: self.clock_steps,
            last_drop: self.last_drop,
            traffic: self.traffic,
            refused_phones: self.directory.refused_phones,
            configs_refused: self.shared.configs_refused,
            evicted_phones: self.evicted_phones,
            vlans: self.vlans.clone(),
            leases_v6: self.leases_v6.clone(),
            spellings: self.shared.spellings.clone(),
            measures: self.measures.clone(),
        })))?;
        for phone in &self.directory.phones {
            sink(Line::Phone(Cow::Borrowed(phone)))?;
        }
        for (key, phone) in &self.directory.others {
            sink(Line::Other(*key, Cow::Borrowed(phone)))?;
        }
        chunks(self.directory.by_ip.iter().map(|(ip, index)| (*ip, *index)), |c| sink(Line::Addresses(c)))?;
        chunks(self.directory.neighbours.iter().map(|(ip, mac)| (*ip, *mac)), |c| sink(Line::Neighbours(c)))?;
        chunks(self.directory.senders.iter(), |c| sink(Line::Senders(c)))?;
        chunks(self.shared.names.iter().map(|(n, ips)| (n.clone(), ips.clone())), |c| sink(Line::Names(c)))
    }

    /// Restores a line. Lines come in the order in which they were saved.
    pub(crate) fn restore(&mut self, line: Line<'_>) {
        match line {
            Line::Known(known) => self.restore_known(*known),
            Line::Phone(phone) => {
                if self.directory.phones.len() < limits::PHONES
                    && (phone.by_name || !self.directory.by_mac.contains_key(&phone.mac))
                {
                    let phone = restored(phone.into_owned(), &mut self.shared, self.now);
                    let index = self.directory.phones.len();
                    if !phone.mac.is_zero() {
                        self.directory.by_mac.entry(phone.mac).or_insert(index);
                    }
                    self.directory.phones.push(phone);
                    self.directory.restore_sharing(index);
                }
            }
            Line::Other(key, phone) => {
                let phone = restored(phone.into_owned(), &mut self.shared, self.now);
                self.directory.others.insert(key, phone);
            }
            Line::Addresses(list) => {
                for (ip, index) in list.into_iter().filter(|(_, index)| *index < self.directory.phones.len()) {
                    self.directory.by_ip.insert(ip, index);
                }
            }
            Line::Neighbours(list) => {
                for (ip, mac) in list {
                    self.directory.neighbours.insert(ip, mac);
                }
            }
            Line::Senders(list) => {
                list.into_iter().for_each(|(mac, ip, many)| self.directory.senders.restore(mac, ip, many))
            }
            Line::Names(list) => {
                list.into_iter().for_each(|(name, ips)| drop(self.shared.names.insert(name, ips)));
            }
        }
    }

    fn restore_known(&mut self, known: Known) {
        self.now = known.now;
        self.began = known.began;
        self.clocks = known.clocks;
        self.clock_steps = known.clock_steps;
        self.last_drop = known.last_drop;
        self.traffic = known.traffic;
        self.directory.refused_phones = known.refused_phones;
        self.shared.configs_refused = known.configs_refused;
        self.evicted_phones = known.evicted_phones;
        self.vlans = known.vlans;
        self.leases_v6 = known.leases_v6;
        self.shared.spellings = known.spellings;
        self.measures = known.measures;
    }
}

/// The phone with what it shares with others shared again, and within the bounds of one phone.
fn restored(mut phone: Phone, shared: &mut Shared, now: Timestamp) -> Phone {
    phone.dhcp.list.truncate(MAX_EXCHANGES);
    phone.files.truncate(limits::FILES);
    phone.attempts.truncate(limits::ATTEMPTS);
    for exchange in &mut phone.dhcp.list {
        for offer in exchange.offers.iter_mut().chain(&mut exchange.ack) {
            offer.terms = shared.intern_terms(LeaseTerms::clone(&offer.terms), now);
        }
    }
    for fetch in &mut phone.files {
        fetch.config = fetch.config.take().and_then(|config| shared.intern_config(&config, now));
    }
    phone
}

fn chunks<T>(items: impl Iterator<Item = T>, mut sink: impl FnMut(Vec<T>) -> io::Result<()>) -> io::Result<()> {
    let mut items = items.peekable();
    while items.peek().is_some() {
        sink(items.by_ref().take(CHUNK).collect())?;
    }
    Ok(())
}
