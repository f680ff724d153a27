//! What a device says of itself to its neighbour: the one shape that CDP and LLDP events share.

use std::net::IpAddr;

use super::WireText;

/// The body of a `cdp` or `lldp` event (contract section 5).
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Announcement {
    /// CDP device id; of LLDP the system name or else the chassis id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<WireText>,
    /// Port id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_id: Option<WireText>,
    /// CDP platform; LLDP system description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<WireText>,
    /// CDP software version; LLDP-MED software revision, or else its firmware revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<WireText>,
    /// Voice VLAN: CDP VoIP VLAN reply, LLDP-MED voice network policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_vlan: Option<u16>,
    /// Native VLAN (CDP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_vlan: Option<u16>,
    /// The device asks for its voice VLAN (CDP VoIP VLAN query).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voice_vlan_query: bool,
    /// Capabilities, in the protocol's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<WireText>,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Power drawn, in milliwatts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_mw: Option<u32>,
    /// Model of the LLDP-MED inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<WireText>,
    /// Serial number of the LLDP-MED inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<WireText>,
}
