//! The message ids of SCCP: their names (Wireshark's, which users search for) and how long each can be.

/// Id, name, and the largest payload that the open layouts give, in bytes.
///
/// Source: the SCCP reference, section 2. Ids that are not here are unassigned as far as is known; they are
/// counted and passed on, never taken for corruption by themselves.
#[rustfmt::skip]
const MESSAGES: &[(u32, &str, u32)] = &[
    (0x0000, "KeepAliveReq", 0),
    (0x0001, "RegisterReq", 172),
    (0x0002, "IpPort", 4),
    (0x0003, "KeypadButton", 12),
    (0x0004, "EnblocCall", 32),
    (0x0005, "Stimulus", 16),
    (0x0006, "OffHook", 8),
    (0x0007, "OnHook", 8),
    (0x0008, "HookFlash", 8),
    (0x0009, "ForwardStatReq", 4),
    (0x000a, "SpeedDialStatReq", 4),
    (0x000b, "LineStatReq", 4),
    (0x000c, "ConfigStatReq", 4),
    (0x000d, "TimeDateReq", 0),
    (0x000e, "ButtonTemplateReq", 0),
    (0x000f, "VersionReq", 0),
    (0x0010, "CapabilitiesRes", 388),
    (0x0011, "MediaPortList", 68),
    (0x0012, "ServerReq", 0),
    (0x0020, "Alarm", 92),
    (0x0021, "MulticastMediaReceptionAck", 12),
    (0x0022, "OpenReceiveChannelAck", 36),
    (0x0023, "ConnectionStatisticsRes", 668),
    (0x0024, "OffHookWithCallingPartyNumber", 54),
    (0x0025, "SoftKeySetReq", 0),
    (0x0026, "SoftKeyEvent", 12),
    (0x0027, "UnregisterReq", 4),
    (0x0028, "SoftKeyTemplateReq", 0),
    (0x0029, "RegisterTokenReq", 52),
    (0x002a, "MediaTransmissionFailure", 36),
    (0x002b, "HeadsetStatus", 4),
    (0x002c, "MediaResourceNotification", 16),
    (0x002d, "RegisterAvailableLines", 4),
    (0x002e, "DeviceToUserData", 2048),
    (0x002f, "DeviceToUserDataResponse", 2048),
    (0x0030, "UpdateCapabilities", 1840),
    (0x0031, "OpenMultiMediaReceiveChannelAck", 36),
    (0x0032, "ClearConference", 8),
    (0x0033, "ServiceURLStatReq", 4),
    (0x0034, "FeatureStatReq", 8),
    (0x0035, "CreateConferenceRes", 2012),
    (0x0036, "DeleteConferenceRes", 8),
    (0x0037, "ModifyConferenceRes", 2012),
    (0x0038, "AddParticipantRes", 269),
    (0x0039, "AuditConferenceRes", 2440),
    (0x0040, "AuditParticipantRes", 1040),
    (0x0041, "DeviceToUserDataVersion1", 2040),
    (0x0042, "DeviceToUserDataResponseVersion1", 2040),
    (0x0043, "CapabilitiesV2Res", 2000),
    (0x0044, "CapabilitiesV3Res", 2380),
    (0x0045, "PortRes", 44),
    (0x0046, "QoSResvNotify", 40),
    (0x0047, "QoSErrorNotify", 60),
    (0x0048, "SubscriptionStatReq", 76),
    (0x0049, "MediaPathEvent", 8),
    (0x004a, "MediaPathCapability", 8),
    (0x004c, "MwiNotification", 86),
    (0x0081, "RegisterAck", 20),
    (0x0082, "StartTone", 16),
    (0x0083, "StopTone", 12),
    (0x0085, "SetRinger", 16),
    (0x0086, "SetLamp", 12),
    (0x0087, "SetHookFlashDetect", 0),
    (0x0088, "SetSpeakerMode", 4),
    (0x0089, "SetMicroMode", 4),
    (0x008a, "StartMediaTransmission", 168),
    (0x008b, "StopMediaTransmission", 16),
    (0x008c, "StartMediaReception", 0),
    (0x008d, "StopMediaReception", 8),
    (0x008f, "CallInfo", 384),
    (0x0090, "ForwardStatRes", 95),
    (0x0091, "SpeedDialStatRes", 68),
    (0x0092, "LineStatRes", 112),
    (0x0093, "ConfigStatRes", 112),
    (0x0094, "TimeDateRes", 36),
    (0x0095, "StartSessionTransmission", 24),
    (0x0096, "StopSessionTransmission", 24),
    (0x0097, "ButtonTemplateRes", 96),
    (0x0098, "VersionRes", 16),
    (0x0099, "DisplayText", 32),
    (0x009a, "ClearDisplay", 0),
    (0x009b, "CapabilitiesReq", 0),
    (0x009c, "EnunciatorCommand", 0),
    (0x009d, "RegisterReject", 36),
    (0x009e, "ServerRes", 360),
    (0x009f, "Reset", 4),
    (0x0100, "KeepAliveAck", 0),
    (0x0101, "StartMulticastMediaReception", 52),
    (0x0102, "StartMulticastMediaTransmission", 60),
    (0x0103, "StopMulticastMediaReception", 12),
    (0x0104, "StopMulticastMediaTransmission", 12),
    (0x0105, "OpenReceiveChannel", 168),
    (0x0106, "CloseReceiveChannel", 16),
    (0x0107, "ConnectionStatisticsReq", 36),
    (0x0108, "SoftKeyTemplateRes", 652),
    (0x0109, "SoftKeySetRes", 780),
    (0x0110, "SelectSoftKeys", 16),
    (0x0111, "CallState", 24),
    (0x0112, "DisplayPromptStatus", 44),
    (0x0113, "ClearPromptStatus", 8),
    (0x0114, "DisplayNotify", 36),
    (0x0115, "ClearNotify", 0),
    (0x0116, "ActivateCallPlane", 4),
    (0x0117, "DeactivateCallPlane", 0),
    (0x0118, "UnregisterAck", 4),
    (0x0119, "BackSpaceRes", 8),
    (0x011a, "RegisterTokenAck", 0),
    (0x011b, "RegisterTokenReject", 4),
    (0x011c, "StartMediaFailureDetection", 28),
    (0x011d, "DialedNumber", 33),
    (0x011e, "UserToDeviceData", 2048),
    (0x011f, "FeatureStatRes", 52),
    (0x0120, "DisplayPriNotify", 40),
    (0x0121, "ClearPriNotify", 4),
    (0x0122, "StartAnnouncement", 464),
    (0x0123, "StopAnnouncement", 4),
    (0x0124, "AnnouncementFinish", 8),
    (0x0127, "NotifyDtmfTone", 12),
    (0x0128, "SendDtmfTone", 12),
    (0x0129, "SubscribeDtmfPayloadReq", 16),
    (0x012a, "SubscribeDtmfPayloadRes", 12),
    (0x012b, "SubscribeDtmfPayloadErr", 12),
    (0x012c, "UnSubscribeDtmfPayloadReq", 16),
    (0x012d, "UnSubscribeDtmfPayloadRes", 12),
    (0x012e, "UnSubscribeDtmfPayloadErr", 12),
    (0x012f, "ServiceURLStatRes", 300),
    (0x0130, "CallSelectStatRes", 12),
    (0x0131, "OpenMultiMediaReceiveChannel", 192),
    (0x0132, "StartMultiMediaTransmission", 184),
    (0x0133, "StopMultiMediaTransmission", 16),
    (0x0134, "MiscellaneousCommand", 52),
    (0x0135, "FlowControlCommand", 16),
    (0x0136, "CloseMultiMediaReceiveChannel", 16),
    (0x0137, "CreateConferenceReq", 2076),
    (0x0138, "DeleteConferenceReq", 4),
    (0x0139, "ModifyConferenceReq", 2072),
    (0x013a, "AddParticipantReq", 108),
    (0x013b, "DropParticipantReq", 8),
    (0x013c, "AuditConferenceReq", 0),
    (0x013d, "AuditParticipantReq", 4),
    (0x013e, "ChangeParticipantReq", 108),
    (0x013f, "UserToDeviceDataVersion1", 2040),
    (0x0140, "VideoDisplayCommand", 12),
    (0x0141, "FlowControlNotify", 16),
    (0x0142, "ConfigStatV2Res", 2048),
    (0x0143, "DisplayNotifyV2", 2048),
    (0x0144, "DisplayPriNotifyV2", 2048),
    (0x0145, "DisplayPromptStatusV2", 2048),
    (0x0146, "FeatureStatV2Res", 2048),
    (0x0147, "LineStatV2Res", 2048),
    (0x0148, "ServiceURLStatV2Res", 2048),
    (0x0149, "SpeedDialStatV2Res", 2048),
    (0x014a, "CallInfoV2", 2048),
    (0x014b, "PortReq", 24),
    (0x014c, "PortClose", 16),
    (0x014d, "QoSListen", 188),
    (0x014e, "QoSPath", 184),
    (0x014f, "QoSTeardown", 40),
    (0x0150, "UpdateDSCP", 40),
    (0x0151, "QoSModify", 168),
    (0x0152, "SubscriptionStatRes", 16),
    (0x0153, "Notification", 109),
    (0x0154, "StartMediaTransmissionAck", 40),
    (0x0155, "StartMultiMediaTransmissionAck", 40),
    (0x0156, "CallHistoryInfo", 12),
    (0x0157, "LocationInfo", 2404),
    (0x0158, "MwiRes", 29),
    (0x0159, "AddOnDeviceCapabilities", 164),
    (0x015a, "EnhancedAlarm", 2048),
    (0x015e, "CallCountReq", 152),
    (0x015f, "CallCountResp", 180),
    (0x0160, "RecordingStatus", 8),
    (0x8000, "SPCPRegisterTokenReq", 36),
    (0x8100, "SPCPRegisterTokenAck", 4),
    (0x8101, "SPCPRegisterTokenReject", 4),
];

/// Messages whose largest payload the reference does not bound tightly: several real programs pad them.
const SLACK: u32 = 64;

fn entry(id: u32) -> Option<&'static (u32, &'static str, u32)> {
    MESSAGES.binary_search_by_key(&id, |entry| entry.0).ok().and_then(|i| MESSAGES.get(i))
}

/// The name of a message id, as Wireshark spells it; `None` where the id has no known meaning.
pub fn message_name(id: u32) -> Option<&'static str> {
    entry(id).map(|e| e.1)
}

/// Whether a known message can have a payload of this length, programs that pad included.
pub(super) fn is_usual_payload(id: u32, payload_len: u32) -> bool {
    entry(id).is_some_and(|(_, _, max)| payload_len <= max.saturating_mul(2).saturating_add(SLACK))
}

/// Whether a known message has exactly the shape that phones and call servers give it: the test for a message
/// found in the middle of unknown bytes, where a wrong hit is worse than a message left out.
pub(super) fn is_exact_payload(id: u32, payload_len: u32) -> bool {
    let Some((_, _, max)) = entry(id) else { return false };
    match id {
        0x0001 => (32..=172).contains(&payload_len) && payload_len.is_multiple_of(4),
        0x0020 => payload_len == 84 || payload_len == 92,
        _ if *max == 0 => payload_len == 0,
        _ => payload_len <= *max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_without_doubles() {
        assert!(MESSAGES.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn names_are_those_of_wireshark() {
        assert_eq!(message_name(0), Some("KeepAliveReq"));
        assert_eq!(message_name(0x0001), Some("RegisterReq"));
        assert_eq!(message_name(0x0081), Some("RegisterAck"));
        assert_eq!(message_name(0x0043), Some("CapabilitiesV2Res"));
        assert_eq!(message_name(0x8101), Some("SPCPRegisterTokenReject"));
        assert_eq!(message_name(0x00ab), None);
    }

    #[test]
    fn zeros_are_no_exact_keepalive_but_padded_ones_pass() {
        assert!(is_exact_payload(0, 0));
        assert!(!is_exact_payload(0, 4));
        assert!(is_usual_payload(0, 4));
        assert!(!is_exact_payload(1, 33));
        assert!(!is_exact_payload(0x00ab, 0) && !is_usual_payload(0x00ab, 0));
    }
}
