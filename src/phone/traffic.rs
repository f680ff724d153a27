//! Messages by protocol and direction: what the capture can show at all.

/// Messages of one protocol, by who sent them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct BySender {
    /// Of phones (DHCP: of any client).
    pub from_phones: u64,
    /// Of servers; of announcements, of switches and others.
    pub from_servers: u64,
}

impl BySender {
    /// One more message.
    pub(super) fn count(&mut self, from_phone: bool) {
        *(if from_phone { &mut self.from_phones } else { &mut self.from_servers }) += 1;
    }

    fn since(self, before: BySender) -> BySender {
        BySender {
            from_phones: self.from_phones.saturating_sub(before.from_phones),
            from_servers: self.from_servers.saturating_sub(before.from_servers),
        }
    }
}

/// Messages by protocol and direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Traffic {
    /// DHCP messages; of DHCPv6 those of Cisco's kind.
    pub dhcp: BySender,
    /// TFTP and HTTP packets.
    pub files: BySender,
    /// Registration packets.
    pub registration: BySender,
    /// Announcements.
    pub announcements: BySender,
    /// Registrations over TLS.
    pub encrypted: u64,
}

impl Traffic {
    /// What came in addition to `before`.
    pub(super) fn since(&self, before: &Traffic) -> Traffic {
        Traffic {
            dhcp: self.dhcp.since(before.dhcp),
            files: self.files.since(before.files),
            registration: self.registration.since(before.registration),
            announcements: self.announcements.since(before.announcements),
            encrypted: self.encrypted.saturating_sub(before.encrypted),
        }
    }
}
