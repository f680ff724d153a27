//! What a message tells of the device that sends or gets it: only telephones have keys, lamps, displays and lines; media
//! channels both have, and conferences and announcements only media resources.

/// What a message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// The session itself: registering, keepalives, alarms.
    Session,
    /// Media channels, conferences, announcements.
    Media,
    /// Keys, hook, lamps, tones, display, lines, calls.
    Telephone,
}

/// What a message id is about; ids without a known meaning are taken for a telephone's, of which nothing follows.
pub fn subject(id: u32) -> Subject {
    match id {
        0x0000..=0x0002
        | 0x000f..=0x0010
        | 0x0012
        | 0x0020
        | 0x0027
        | 0x0029
        | 0x0030
        | 0x0043..=0x0044
        | 0x0081
        | 0x0098
        | 0x009b
        | 0x009d..=0x0100
        | 0x0118
        | 0x011a..=0x011b
        | 0x015a
        | 0x8000
        | 0x8100..=0x8101 => Subject::Session,
        0x0011
        | 0x0021..=0x0023
        | 0x002a
        | 0x002c
        | 0x0031..=0x0032
        | 0x0035..=0x0040
        | 0x0045..=0x0047
        | 0x0049..=0x004a
        | 0x008a..=0x008d
        | 0x0095..=0x0096
        | 0x0101..=0x0107
        | 0x011c
        | 0x0122..=0x012e
        | 0x0131..=0x013e
        | 0x0141
        | 0x014b..=0x0151
        | 0x0154..=0x0155 => Subject::Media,
        _ => Subject::Telephone,
    }
}

#[cfg(test)]
mod tests {
    use super::super::message_name;
    use super::*;

    #[test]
    fn subjects_follow_the_names_of_messages() {
        let named = |words: &[&str]| {
            let all = (0..0x8200).filter_map(|id| Some((id, message_name(id)?)));
            let all: Vec<_> = all.filter(|(_, name)| words.iter().any(|w| name.contains(w))).collect();
            assert!(!all.is_empty(), "{words:?}");
            all
        };
        for (id, name) in named(&["Media", "ReceiveChannel", "Participant", "Announcement", "QoS", "Dtmf"]) {
            assert_eq!(subject(id), Subject::Media, "{id:#06x} {name}");
        }
        for (id, name) in
            named(&["Keypad", "Hook", "Lamp", "Tone", "SoftKey", "Prompt", "CallInfo", "CallState", "Line"])
        {
            if !name.contains("Dtmf") && name != "SetHookFlashDetect" {
                assert_eq!(subject(id), Subject::Telephone, "{id:#06x} {name}");
            }
        }
        for (id, name) in named(&["KeepAlive", "Register", "Alarm", "Token", "Capabilities"]) {
            if !matches!(id, 0x002d | 0x004a | 0x0159) {
                assert_eq!(subject(id), Subject::Session, "{id:#06x} {name}");
            }
        }
    }
}
