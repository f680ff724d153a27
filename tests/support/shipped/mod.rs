//! The captures that ship with the program, each with what it shows and what is to be said about it.
//!
//! `captures/<finding code>/fires-*` has that finding, `silent-*` is a near miss that has not (or has it as a warning
//! at most, where `what` says so).

mod call_manager;
mod devices;
mod dhcp;
mod founding;
mod healthy;
mod identity;
mod leases;
mod load;
mod secure;
mod sip;
mod tftp;

use std::collections::BTreeSet;

use super::draw::SEED;
use super::phone::Phone;
use super::phone_config::PhoneConfig;
use super::site::{CallManager, DhcpServer, Segment, Site, TftpServer};

/// One file in `captures/`.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// Below `captures/`.
    pub path: &'static str,
    /// What it shows, in a sentence.
    pub what: &'static str,
    /// Every phone by its MAC address, its verdict and the state of its registration.
    pub expect: &'static [(&'static str, &'static str, &'static str)],
    /// The site file that the expectation rests on, below `captures/`.
    pub site: Option<&'static str>,
    pub build: fn() -> Vec<u8>,
}

/// A site file that ships beside captures.
#[derive(Clone, Debug)]
pub struct ShippedSite {
    /// Below `captures/`.
    pub path: &'static str,
    pub text: &'static str,
}

/// All captures, in the order of their paths.
pub fn shipped() -> Vec<Shipped> {
    let mut list: Vec<Shipped> = [
        call_manager::SHIPPED,
        devices::SHIPPED,
        dhcp::SHIPPED,
        founding::SHIPPED,
        healthy::SHIPPED,
        identity::SHIPPED,
        leases::SHIPPED,
        load::SHIPPED,
        secure::SHIPPED,
        sip::SHIPPED,
        tftp::SHIPPED,
    ]
    .concat();
    list.sort_by_key(|s| s.path);
    list
}

/// All site files that expectations rest on.
pub fn sites() -> Vec<ShippedSite> {
    let paths: BTreeSet<&'static str> = shipped().iter().filter_map(|s| s.site).collect();
    paths.into_iter().map(|path| ShippedSite { path, text: SITE }).collect()
}

/// The two clusters of all stories.
const SITE: &str = r#"# The network of these captures: two clusters that share a campus.

[network]
dhcp_servers = ["10.30.0.2"]

[[cluster]]
name = "hq-3.0"
version = "3.0"
tftp = ["10.30.0.5"]
call_managers = ["10.30.0.10", "10.30.0.11"]
default = true

[cluster.loads]
"7910" = "P00403000300"
"7940" = "P00303000300"
"7960" = "P00303000300"

[[cluster]]
name = "pilot-3.1"
version = "3.1"
tftp = ["10.31.0.5"]
call_managers = ["10.31.0.10"]
subnets = ["10.31.0.0/16"]

[cluster.loads]
"7910" = "P00403010102"
"7940" = "P00303010102"
"7960" = "P00303010102"
"#;

// The cluster at headquarters, CallManager 3.0.
const DHCP: &str = "10.30.0.2";
const TFTP_30: &str = "10.30.0.5";
const CM_30: &str = "10.30.0.10";
const CM_30_B: &str = "10.30.0.11";
const LOAD_30: &str = "P00303000300";
const LOAD_30_7910: &str = "P00403000300";
// The pilot cluster, CallManager 3.1.
const TFTP_31: &str = "10.31.0.5";
const CM_31: &str = "10.31.0.10";
const LOAD_31: &str = "P00303010102";
const LOAD_31_7910: &str = "P00403010102";

// The phones: A, B and E are 7960s, C is a 7940, D a 7910, F and G what their story makes them.
const A: &str = "00:03:6b:3a:10:01";
const B: &str = "00:30:94:3a:10:02";
const C: &str = "00:07:50:3a:10:03";
const D: &str = "00:08:a3:3a:10:04";
const E: &str = "00:0b:be:3a:10:05";
const F: &str = "00:07:eb:3a:10:06";
const G: &str = "00:0d:bc:3a:10:07";

const HEALTHY: &str = "healthy";
const INCOMPLETE: &str = "incomplete";
const REGISTERED: &str = "registered";
const REJECTED: &str = "rejected";
const REFUSED: &str = "refused";
const NO_ANSWER: &str = "no-answer";
const CLOSED: &str = "closed";
const UNREGISTERED: &str = "unregistered";
const NOT_SEEN: &str = "not-seen";

/// What CallManager 3.0 says to a phone with a 3.1 load. Nobody published its words; these are made up.
const VERSION_ERROR: &[u8] = b"Version Error";

/// A 7960 on the 3.0 load.
fn phone(mac: &str) -> Phone {
    Phone::new("7960", mac, LOAD_30)
}

/// A configuration of the 3.0 cluster.
fn config_30() -> PhoneConfig {
    PhoneConfig::naming(&[CM_30, CM_30_B]).load(LOAD_30)
}

/// Servers and phones in one subnet.
fn flat() -> Segment {
    Segment::new("10.30.0")
}

/// Phones in a subnet of their own, servers behind the router.
fn voice() -> Segment {
    Segment::new("10.30.110")
}

/// The DHCP server of headquarters for the flat subnet, naming its TFTP server.
fn dhcp_flat() -> DhcpServer {
    DhcpServer::at(DHCP, "10.30.0.100").option_150(&[TFTP_30])
}

/// The same for the voice subnet.
fn dhcp_voice() -> DhcpServer {
    DhcpServer::at(DHCP, "10.30.110.20").option_150(&[TFTP_30])
}

/// The TFTP server of headquarters, with the same configuration for each of the phones.
fn tftp_30(macs: &[&str]) -> TftpServer {
    TftpServer::at(TFTP_30).phones(macs, &config_30())
}

/// The first CallManager of headquarters: it takes 3.0 loads.
fn cm_30() -> CallManager {
    CallManager::at(CM_30, "HQ-CM1")
        .takes(&["P0030300", "P0040300"], super::site::Answer::Rejects(VERSION_ERROR))
        .with(|c| c.protocol_version = 3)
}

/// The second one.
fn cm_30_b() -> CallManager {
    CallManager { name: "HQ-CM2", ..CallManager { host: super::site::Host::at(CM_30_B), ..cm_30() } }
}

/// Headquarters with everything in order, but for what the story changes.
fn headquarters(segment: Segment, dhcp: DhcpServer, tftp: TftpServer) -> Site {
    Site::new(&[segment]).dhcp(dhcp).tftp(tftp).call_manager(cm_30()).call_manager(cm_30_b())
}

/// `captures/README.md`.
pub fn readme() -> String {
    let mut text = format!(
        "# Captures\n\n\
         Every file here is built by the programs in `tests/support`; none was recorded. All addresses, names and load\n\
         contents in them are invented (phones and servers bear MAC prefixes of vendors that made such, and in\n\
         `malformed-tftp-option/fires-150-text.pcap` two public addresses are what a text reads as). Nothing is random: the seed is {SEED}, and a test\n\
         (`tests/it/captures.rs`) holds that each file is what its program writes. `BLESS=1 cargo test --test it captures`\n\
         writes them anew.\n\n\
         No real phone, load or CallManager was involved. The words of a RegisterReject, the protocol versions that the\n\
         first loads offer, and times between messages are modelled on what is published, where it is.\n\n\
         `<finding code>/fires-…` has that finding, `<finding code>/silent-…` is a near miss that has not, or only as a\n\
         warning where the text says so. Where a site file is named, the verdicts hold with `--site` and that file.\n"
    );
    let mut folder = "";
    for capture in shipped() {
        let (this, file) = capture.path.split_once('/').expect("a folder");
        if this != folder {
            folder = this;
            text.push_str(&format!("\n## {folder}\n"));
        }
        text.push_str(&format!("\n**`{file}`** {}", capture.what));
        if let Some(site) = capture.site {
            text.push_str(&format!(" Site file: `{site}`."));
        }
        text.push_str("\n\n| phone | verdict | registration |\n| --- | --- | --- |\n");
        for (mac, verdict, state) in capture.expect {
            text.push_str(&format!("| `{mac}` | {verdict} | {state} |\n"));
        }
    }
    text
}
