//! One observer per protocol: what a message shows, written into the records of the phone that sent or got it.

mod announcement;
mod dhcp;
mod dhcpv6;
mod files;
mod network;
mod registration;
#[cfg(test)]
mod testing;

use super::LoadSource;
use super::dhcpv6::LeasesV6;
use super::directory::{Directory, Slot};
use super::identity::Vlans;
use super::shared::Shared;
use super::traffic::Traffic;
use crate::conversation::SeenAt;
use crate::event::EventKind;
use crate::measures::Measures;
use crate::types::Envelope;

/// What an observer reads and writes: one message's envelope and time, and everything that is known.
pub(super) struct Scene<'a> {
    pub(super) directory: &'a mut Directory,
    pub(super) shared: &'a mut Shared,
    pub(super) vlans: &'a mut Vlans,
    pub(super) leases_v6: &'a mut LeasesV6,
    pub(super) traffic: &'a mut Traffic,
    pub(super) measures: &'a mut Measures,
    pub(super) envelope: &'a Envelope,
    pub(super) seen_at: SeenAt,
}

impl Scene<'_> {
    /// The client that sent this message.
    fn sender(&mut self) -> Option<Slot> {
        let slot = self.directory.sender(self.envelope, self.seen_at)?;
        let is_tagged = self.envelope.vlan.last().is_some_and(|v| *v > 0);
        if is_tagged && self.envelope.eth_src.is_some_and(|m| self.directory.by_mac.contains_key(&m)) {
            self.vlans.record_tag(self.seen_at.at.input);
        }
        Some(slot)
    }
}

/// Passes a message to the observer of its protocol.
pub(super) fn observe(scene: &mut Scene<'_>, kind: &EventKind) {
    match kind {
        EventKind::Dhcp(message) => dhcp::observe(scene, message),
        EventKind::Dhcpv6(message) => dhcpv6::observe(scene, message),
        EventKind::Tftp(packet) => files::observe_tftp(scene, packet),
        EventKind::Http(message) => files::observe_http(scene, message),
        EventKind::Config(config) => files::observe_config(scene, config),
        EventKind::Tcp(tcp) => registration::tcp::observe(scene, tcp),
        EventKind::Sccp(message) => registration::sccp::observe(scene, message),
        EventKind::Sip(message) => registration::sip::observe(scene, message),
        EventKind::Cdp(message) => announcement::observe(scene, message, LoadSource::Cdp),
        EventKind::Lldp(message) => announcement::observe(scene, message, LoadSource::Lldp),
        EventKind::Arp(message) => network::observe_arp(scene, message),
        EventKind::Icmp(message) => network::observe_icmp(scene, message),
        EventKind::Dns(message) => network::observe_dns(scene, message),
        EventKind::Capture(_) => {}
    }
}
