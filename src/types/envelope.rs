//! What stands around a message: addresses, tags, tunnels.

use std::net::IpAddr;

use super::Mac;

/// Addresses and tags around a message: those of the innermost headers, tags from the outermost on.
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Envelope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub src: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub dst: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub sport: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub dport: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub eth_src: Option<Mac>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[allow(missing_docs)]
    pub eth_dst: Option<Mac>,
    /// VLAN ids, outside in; a priority tag is 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vlan: Vec<u16>,
    /// Names of tunnels, outside in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tunnel: Vec<Tunnel>,
}

/// A tunnel that carried a frame or packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Tunnel {
    Gre,
    ErspanI,
    ErspanII,
    ErspanIII,
    Vxlan,
    Geneve,
    Ipip,
    #[serde(rename = "6in4")]
    SixInFour,
    Mpls,
    Pppoe,
    Tzsp,
    HpErm,
    Aruba,
    Isl,
    Capwap,
    #[serde(rename = "etherip")]
    EtherIp,
    /// A name from an events file of a later version.
    #[serde(other)]
    Other,
}
