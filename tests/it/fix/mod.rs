//! The fix pack: what is in it, and what is not.

mod command;
mod configurations;
mod dhcp;
mod dhcp_config;
mod what_if;

use phonescope::analyzer::Analyzer;
use phonescope::remedy::pack::{Pack, PackFile};
use phonescope::site::Site;

use crate::product::{feed, parse_site};
use crate::support::phone::Phone;
use crate::support::phone_config::PhoneConfig;
use crate::support::site::{Answer, CallManager, DhcpServer, Segment, Site as Network, TftpServer};

pub(crate) const TFTP: &str = "10.30.0.5";
pub(crate) const TFTP_PILOT: &str = "10.31.0.5";
pub(crate) const CM: &str = "10.30.0.10";
pub(crate) const PHONE: &str = "00:03:6b:3a:10:01";
pub(crate) const NAME: &str = "SEP00036B3A1001";
pub(crate) const LOAD: &str = "P00303000300";
pub(crate) const LOAD_PILOT: &str = "P00303010102";

/// Two clusters on one campus; every phone is of the first.
pub(crate) const SITE: &str = "[[cluster]]\nname = 'hq'\nversion = '3.0'\ntftp = ['10.30.0.5']\n\
    call_managers = ['10.30.0.10', '10.30.0.11']\ndefault = true\n[cluster.loads]\n'7960' = 'P00303000300'\n\
    [[cluster]]\nname = 'pilot'\nversion = '3.1'\ntftp = ['10.31.0.5']\ncall_managers = ['10.31.0.10']\n\
    [cluster.loads]\n'7960' = 'P00303010102'\n";

pub(crate) fn site() -> Site {
    parse_site("site.toml", SITE)
}

/// An analyzer that keeps configurations, at the end of these captures.
pub(crate) fn analyzed(captures: &[(&str, &[u8])]) -> Analyzer {
    let mut analyzer = Analyzer::new();
    analyzer.keep_configurations();
    feed(captures, &mut analyzer, |_| ());
    analyzer
}

/// The pack for a capture.
pub(crate) fn pack_of(capture: &[u8], site: &Site) -> Option<Pack> {
    Pack::new(&analyzed(&[("capture.pcap", capture)]).diagnose(site))
}

pub(crate) fn file<'p>(pack: &'p Pack, path: &str) -> &'p PackFile {
    let paths = || pack.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>();
    pack.files.iter().find(|f| f.path == path).unwrap_or_else(|| panic!("no {path} in {:?}", paths()))
}

pub(crate) fn text(pack: &Pack, path: &str) -> String {
    String::from_utf8(file(pack, path).contents.clone()).expect("UTF-8")
}

/// A campus whose DHCP server names this TFTP server, with both clusters' servers.
pub(crate) fn campus(named: &str, pilot: TftpServer) -> Network {
    let own = PhoneConfig::naming(&[CM]).load(LOAD);
    Network::new(&[Segment::new("10.30.110")])
        .dhcp(DhcpServer::at("10.30.0.2", "10.30.110.20").option_150(&[named]))
        .tftp(TftpServer::at(TFTP).phone(PHONE, &own).load(LOAD, 3))
        .tftp(pilot)
        .call_manager(CallManager::at(CM, "HQ-CM1").takes(&["P0030300"], Answer::Rejects(b"Version Error")))
}

/// A phone astray: it runs the pilot's load, asks the pilot's server, and its own CallManager turns it away.
pub(crate) fn astray() -> Phone {
    Phone::new("7960", PHONE, LOAD_PILOT).stored(&[CM])
}

/// Its capture, with this file as its configuration on the pilot's server.
pub(crate) fn astray_with(name: &str, octets: &[u8]) -> Vec<u8> {
    let mut network = campus(TFTP_PILOT, TftpServer::at(TFTP_PILOT).file(name, octets).load(LOAD_PILOT, 3));
    network.boot(0, &astray());
    network.capture().pcap()
}
