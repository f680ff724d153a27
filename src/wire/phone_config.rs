//! The phone configuration file (`SEP<MAC>.cnf.xml`, `XMLDefault.cnf.xml`) that TFTP or HTTP carries.

use std::collections::BTreeMap;

use super::WireText;

/// What a configuration says, without its secrets: the body of a `config` event (contract section 5).
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct PhoneConfig {
    /// Name of the file.
    pub file: WireText,
    /// CallManagers in the order of their priority: names or addresses, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub call_managers: Vec<WireText>,
    /// SCCP port of the first CallManager, where it is not 2000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `loadInformation` without a number; `None` where absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<WireText>,
    /// `loadInformation<N>` by device type number; empty ones are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub loads: BTreeMap<u32, WireText>,
    /// `versionStamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_stamp: Option<WireText>,
    /// `deviceProtocol`: SCCP or SIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_protocol: Option<WireText>,
    /// `loadServer`: loads alone come from this TFTP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_server: Option<WireText>,
    /// Why it can not be read whole, or names no CallManager; our words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Reads a configuration file.
pub fn parse(file: &WireText, _bytes: &[u8]) -> (PhoneConfig, Vec<super::Anomaly>) {
    (PhoneConfig { file: file.clone(), ..PhoneConfig::default() }, Vec::new())
}
