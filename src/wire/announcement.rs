//! What a device says of itself to its neighbour: the one shape that CDP and LLDP events share.

use std::net::IpAddr;

use crate::types::WireText;

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
    /// Voice VLAN: CDP VoIP VLAN reply, LLDP-MED voice network policy. As sent: switches also send 0 (priority tag
    /// alone) and 4095 (untagged).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_vlan: Option<u16>,
    /// Native VLAN (CDP), port VLAN (LLDP, IEEE 802.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_vlan: Option<u16>,
    /// The device asks for its voice VLAN: CDP VoIP VLAN query, LLDP-MED voice policy marked unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voice_vlan_query: bool,
    /// Capabilities, in the protocol's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<WireText>,
    /// Addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// Duplex of the port (CDP): `full` or `half`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplex: Option<WireText>,
    /// Seconds that the announcement holds; 0: the device takes it back (an LLDP shutdown).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u16>,
    /// Power drawn, in milliwatts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_mw: Option<u32>,
    /// Model of the LLDP-MED inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<WireText>,
    /// Manufacturer of the LLDP-MED inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<WireText>,
    /// Hardware revision of the LLDP-MED inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware_revision: Option<WireText>,
    /// Serial number of the LLDP-MED inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<WireText>,
}

impl Announcement {
    /// Adds an address, once; a device without one announces 0.0.0.0, which is none.
    pub(super) fn add_address(&mut self, address: IpAddr) {
        if !address.is_unspecified() && !self.addresses.contains(&address) && self.addresses.len() < MAX_ADDRESSES {
            self.addresses.push(address);
        }
    }

    /// Sets the capabilities from the bits of `flags`, lowest first.
    pub(super) fn set_capabilities(&mut self, flags: u32, words: &[&str]) {
        self.capabilities = words
            .iter()
            .enumerate()
            .filter(|(bit, _)| flags.checked_shr(u32::try_from(*bit).unwrap_or(u32::MAX)).is_some_and(|f| f & 1 == 1))
            .map(|(_, word)| WireText::from(*word))
            .collect();
    }
}

/// Most addresses that are kept of one announcement.
const MAX_ADDRESSES: usize = 16;

/// Sets a text that is not set yet: of two equal fields the first counts. Blanks and NULs around it go.
pub(super) fn set_text(field: &mut Option<WireText>, bytes: &[u8]) {
    let text = WireText::from_bytes(bytes.get(..MAX_TEXT).unwrap_or(bytes));
    let text = text.raw().trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if field.is_none() && !text.is_empty() {
        *field = Some(text.into());
    }
}

/// Most bytes that are kept of a text; software versions of several hundred bytes occur.
const MAX_TEXT: usize = 2048;
