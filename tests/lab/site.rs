//! What a scenario sets up, and what it means each phone to do.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::real::servers::{DhcpServer, Scope, TftpServer};
use crate::span::Span;

/// What of a scenario can be chosen on the command line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Variant {
    /// DHCP server: dnsmasq, isc or kea
    #[arg(long, default_value = "dnsmasq", value_parser = dhcp_server)]
    pub(crate) dhcpd: DhcpServer,
    /// TFTP server: atftpd, dnsmasq or tftpd-hpa
    #[arg(long, default_value = "tftpd-hpa", value_parser = tftp_server)]
    pub(crate) tftpd: TftpServer,
    /// DHCP client of the phones: udhcpc, dhclient, or mixed
    #[arg(long, value_enum, default_value_t = DhcpClient::Mixed)]
    pub(crate) dhcp_client: DhcpClient,
    /// How the span port shows the frames
    #[arg(long, default_value = "plain")]
    pub(crate) span: Span,
    /// Phones in the scenario, 1 to 90; by default as many as it needs to be shown
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=90))]
    pub(crate) phones: Option<u8>,
    /// How many times each phone boots: after it is done it is switched off and on again
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) boots: u32,
}

fn dhcp_server(name: &str) -> Result<DhcpServer, String> {
    DhcpServer::named(name).ok_or_else(|| "one of dnsmasq, isc, kea".to_owned())
}

fn tftp_server(name: &str) -> Result<TftpServer, String> {
    TftpServer::named(name).ok_or_else(|| "one of atftpd, dnsmasq, tftpd-hpa".to_owned())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DhcpClient {
    Udhcpc,
    Dhclient,
    /// They take turns.
    Mixed,
}

/// The network of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) dhcp: Vec<Dhcp>,
    pub(crate) tftp: Vec<Tftp>,
    pub(crate) call_managers: Vec<CallManager>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) phones: Vec<Phone>,
}

#[derive(Clone, Debug)]
pub(crate) struct Dhcp {
    pub(crate) program: DhcpServer,
    pub(crate) scope: Scope,
    /// Seconds that it waits before it answers; dnsmasq only.
    pub(crate) delay: u32,
    /// Whether the operator knows of it.
    pub(crate) is_known: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Tftp {
    pub(crate) ip: Ipv4Addr,
    pub(crate) is_silent: bool,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// How a CallManager can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    Listens,
    /// Its port is closed.
    Refuses,
    /// The host is there, but TCP packets to it are lost.
    Silent,
}

/// What a CallManager does with a Register.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Accept,
    /// A RegisterReject with this text, then the end of the connection.
    Reject(String),
    /// The end of the connection.
    Close,
    /// A TCP reset.
    Reset,
    /// None.
    Silent,
}

#[derive(Clone, Debug)]
pub(crate) struct CallManager {
    pub(crate) ip: Ipv4Addr,
    pub(crate) reach: Reach,
    pub(crate) plan: CallManagerPlan,
}

/// What a CallManager is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct CallManagerPlan {
    pub(crate) name: String,
    /// Beginnings of the loads that it takes, as an alarm spells them; empty: all.
    pub(crate) takes: Vec<String>,
    pub(crate) others: Answer,
    /// The load that it wants phones to run.
    pub(crate) wants: String,
}

/// What the operator knows of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) tftp: Vec<Ipv4Addr>,
    pub(crate) call_managers: Vec<Ipv4Addr>,
    /// By model.
    pub(crate) loads: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Phone {
    pub(crate) plan: PhonePlan,
    /// Name of its cluster.
    pub(crate) cluster: &'static str,
    pub(crate) meant: Meant,
}

/// What a phone is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct PhonePlan {
    pub(crate) mac: String,
    /// `7960`
    pub(crate) model: String,
    /// The load that it runs when it is first switched on.
    pub(crate) load: String,
    /// Its alarm says `3.1(1.2)` where it runs `P00303010102`.
    pub(crate) spells_dotted: bool,
    /// Set on the phone: its TFTP server, whatever the lease says.
    pub(crate) alternate_tftp: Option<Ipv4Addr>,
    pub(crate) dhcp_client: DhcpClient,
    /// Milliseconds after the first phone.
    pub(crate) starts_after: u64,
    pub(crate) boots: u32,
    pub(crate) folder: std::path::PathBuf,
    /// Where it writes what it did.
    pub(crate) account: std::path::PathBuf,
}

impl PhonePlan {
    /// `SEP` and the digits of its MAC address.
    pub(crate) fn name(&self) -> String {
        crate::support::phone::name_of(crate::support::frame::mac(&self.mac))
    }
}

/// How a phone is meant to end, and what an analysis is meant to say of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Meant {
    pub(crate) end: End,
    /// Any of these is a right verdict with the site file.
    pub(crate) with_site: Vec<&'static str>,
    /// Any of these is a right verdict without.
    pub(crate) without_site: Vec<&'static str>,
}

/// How a phone ended: what the scenario means and what its account says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) registration: Registration,
    /// The load that it runs in the end.
    pub(crate) load: String,
    /// Server of its lease.
    pub(crate) dhcp_server: Option<Ipv4Addr>,
    /// Server that it asked for its files.
    pub(crate) tftp_server: Option<Ipv4Addr>,
    /// The CallManager that it tried last.
    pub(crate) call_manager: Option<Ipv4Addr>,
}

/// The words of the report, and `not-seen` where no CallManager was tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Registration {
    Registered,
    Rejected,
    Refused,
    NoAnswer,
    Closed,
    NotSeen,
}
