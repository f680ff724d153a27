//! SCCP ("Skinny") messages; there is no RFC, the source is the project's wire reference with its vectors.

use std::net::IpAddr;

use super::WireText;

/// One message: the body of an `sccp` event (contract section 5).
#[derive(Clone, PartialEq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Message id.
    #[serde(with = "super::hex::message_id")]
    pub id: u32,
    /// Name of the message; absent where the id has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<WireText>,
    /// Length word of the header: message id and payload.
    pub length: u32,
    /// Header version word; 0 is left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub header_version: u32,
    /// Device name of Register, token requests, ConfigStat answers; and of an Alarm by its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<WireText>,
    /// Device type of Register and token requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<u32>,
    /// Station address of Register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station_ip: Option<IpAddr>,
    /// Protocol version of Register and RegisterAck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<u8>,
    /// The load it runs: of Register, and of an Alarm by its `Load=`; as the wire spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<WireText>,
    /// Text of RegisterReject, as sent up to the first NUL; prompt tokens stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_text: Option<WireText>,
    /// What a reject text of prompt tokens means, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_meaning: Option<WireText>,
    /// Text of an Alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_text: Option<WireText>,
    /// `Last=` of an Alarm: why the phone lost its registration before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reason: Option<WireText>,
    /// Number in front of an Alarm's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_number: Option<u32>,
    /// Severity of an Alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<u32>,
    /// Text of VersionRes: the load that the CallManager wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_text: Option<WireText>,
    /// Reset: 1 reset, 2 restart, 3 apply configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_type: Option<u32>,
    /// Keepalive interval of RegisterAck, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_s: Option<u32>,
    /// Seconds to wait of a token reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u32>,
    /// Status of UnregisterAck: 0 is ok.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u32>,
    /// Server name of a ConfigStat answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<WireText>,
    /// `ReasonForOutOfService` of an XML alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml_reason: Option<WireText>,
    /// Octets of this direction that are missing before this message.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing_before: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}
