//! Ports of this host, through libpcap: which there are, and frames from them.

mod bpf;
mod error;
mod expression;
mod facts;
mod filter;
mod link_state;
mod merge;
mod port;
mod ports;
mod sleep;

pub use bpf::Instruction;
pub use error::{Advice, PortError};
pub use facts::{HostFacts, PortFacts, host_facts, port_facts};
pub use filter::default_filter;
pub use port::{Drops, Gap, Notice, PortFilter, PortSettings};
pub use ports::{Polled, Ports};

use std::net::IpAddr;
use std::time::SystemTime;

use crate::types::{Timestamp, WireText};

/// A port that libpcap can capture on.
#[derive(Clone, Debug)]
pub struct Interface {
    /// As `-i` takes it.
    pub name: WireText,
    /// What the driver says it is; often nothing.
    pub description: Option<WireText>,
    /// Addresses of this host on it. A port without one can be captured on all the same.
    pub addresses: Vec<IpAddr>,
    /// Switched on by the operator.
    pub is_up: bool,
    /// The link is there (a cable, an association).
    pub has_link: bool,
    /// Only this host talks on it.
    pub is_loopback: bool,
}

/// The ports of this host, in libpcap's order.
///
/// # Errors
///
/// A sentence for a person, where libpcap can not list them.
pub fn interfaces() -> Result<Vec<Interface>, String> {
    let devices = pcap::Device::list().map_err(|e| {
        format!("cannot list the ports of this host: {e}; capture with tcpdump -w FILE where that works, and analyze the file")
    })?;
    Ok(devices
        .into_iter()
        .map(|device| Interface {
            name: WireText::from(device.name.as_str()),
            description: device.desc.as_deref().filter(|d| !d.is_empty()).map(WireText::from),
            addresses: device.addresses.iter().map(|a| a.addr).collect(),
            is_up: device.flags.is_up() && device.flags.is_running(),
            has_link: device.flags.connection_status != pcap::ConnectionStatus::Disconnected,
            is_loopback: device.flags.is_loopback(),
        })
        .collect())
}

/// Whether this user may capture: tried on the port that most surely is there.
///
/// # Errors
/// Why not, and what to do.
pub fn may_capture(interfaces: &[Interface]) -> Result<(), PortError> {
    let Some(port) = interfaces.iter().find(|i| i.is_loopback).or_else(|| interfaces.first()) else { return Ok(()) };
    let settings = PortSettings {
        name: port.name.raw().to_owned(),
        promiscuous: false,
        snap_len: 64,
        buffer: 1 << 20,
        filter: PortFilter::Everything,
    };
    Ports::open(std::slice::from_ref(&settings)).map(drop)
}

/// The time now, as frames have it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
