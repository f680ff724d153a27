//! The plan of a fix pack (`plan.json`): what each phone has, and what it should have, so that `verify` can tell later
//! whether the fix worked.

use std::net::IpAddr;

use crate::types::{Mac, Timestamp, WireText};

/// Name and version of the format.
pub const SCHEMA: &str = "phonescope.plan/1";

/// What a fix pack is to achieve.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The captures that it was made from.
    pub made_from: Vec<WireText>,
    /// Latest frame of these: what comes after it counts as after the fix.
    pub as_of: Option<Timestamp>,
    /// The phones to be brought back, by MAC.
    pub phones: Vec<PlannedPhone>,
}

/// A phone that is to be brought back. What is not known is `None` or empty.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct PlannedPhone {
    #[allow(missing_docs)]
    pub mac: Mac,
    /// `SEP<MAC>`.
    pub name: WireText,
    #[allow(missing_docs)]
    pub model: Option<String>,
    /// Latest address.
    pub ip: Option<IpAddr>,
    #[allow(missing_docs)]
    pub vlan: Option<u16>,
    /// Code of the finding that is its root cause.
    pub cause: String,
    /// DHCP server of its lease.
    pub dhcp_server: Option<IpAddr>,
    /// The TFTP server that it turns to.
    pub tftp_now: Option<IpAddr>,
    /// The right ones; the same as now where the server is right and what it serves is not.
    pub tftp_right: Vec<IpAddr>,
    /// The load that it runs.
    pub load_now: Option<WireText>,
    /// The load that it should run.
    pub load_wanted: Option<WireText>,
    /// A load that it has to take before, since it does not come to the wanted one in one step; the configuration in the
    /// pack names this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_first: Option<WireText>,
    /// CallManagers that it should register with.
    pub call_managers: Vec<IpAddr>,
    /// Cluster of the site file that it belongs to.
    pub cluster: Option<String>,
    /// The configuration's name as the phone asks for it: `SEP003094C2D3FA.cnf.xml`.
    pub config_name: WireText,
    /// The configuration in the pack, relative to it; `None`: none could be made.
    pub config_file: Option<String>,
}
