//! The DHCP servers for which the change is written out, and what is the same for all of them.
//!
//! Facts: `dhcp-platforms.md`, sections 1 and 3. No text here is a file to be appended: each is an edit of the line that
//! is there, and pasted as it stands it is refused by the server's own test or changes nothing.

use super::change::{Change, Text};
use super::{dnsmasq, ios, isc_dhcpd, kea, windows};
use crate::diagnosis::{self, Scope};

/// A DHCP server's kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)]
pub enum Platform {
    Ios,
    IscDhcpd,
    Kea,
    Dnsmasq,
    /// Windows, in PowerShell.
    PowerShell,
    /// Windows, with netsh, which older versions have alone.
    Netsh,
}

/// All of them, in the order in which they are listed.
pub const PLATFORMS: [Platform; 6] =
    [Platform::Ios, Platform::IscDhcpd, Platform::Kea, Platform::Dnsmasq, Platform::PowerShell, Platform::Netsh];

impl Platform {
    /// What its fixes are of.
    pub fn of_fix(self) -> diagnosis::Platform {
        match self {
            Platform::Ios => diagnosis::Platform::Ios,
            Platform::IscDhcpd => diagnosis::Platform::IscDhcpd,
            Platform::Kea => diagnosis::Platform::Kea,
            Platform::Dnsmasq => diagnosis::Platform::Dnsmasq,
            Platform::PowerShell => diagnosis::Platform::Windows,
            Platform::Netsh => diagnosis::Platform::WindowsNetsh,
        }
    }

    /// Name and extension of a file with such a text.
    pub fn file(self) -> (&'static str, &'static str) {
        match self {
            Platform::Ios => ("ios", "txt"),
            Platform::IscDhcpd => ("isc-dhcpd", "conf"),
            Platform::Kea => ("kea-dhcp4", "json"),
            Platform::Dnsmasq => ("dnsmasq", "conf"),
            Platform::PowerShell => ("windows", "ps1"),
            Platform::Netsh => ("windows-netsh", "txt"),
        }
    }

    /// What begins a comment.
    pub fn comment(self) -> &'static str {
        match self {
            Platform::Ios => "! ",
            Platform::IscDhcpd | Platform::Dnsmasq | Platform::PowerShell => "# ",
            Platform::Netsh => "rem ",
            Platform::Kea => "// ",
        }
    }

    /// Behind the title of its fix, where the platform's name does not tell.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Platform::PowerShell => " (PowerShell)",
            Platform::Netsh => " (netsh)",
            _ => "",
        }
    }

    /// What to do with the text, in a sentence.
    pub(super) fn step(self, scope: &Scope) -> String {
        let label = scope.label();
        let single = scope.reach.phones().is_some();
        match (self, single) {
            (Platform::Ios, false) => format!(
                "On {}: find the pool that serves {label} (show running-config | section ip dhcp pool), put its name for POOL, \
                 and paste.",
                scope.server
            ),
            (Platform::Ios, true) => format!("On {}: paste; each phone gets a host pool of its own.", scope.server),
            (Platform::IscDhcpd, false) => format!(
                "In dhcpd.conf, in the block that serves {label}: change the line that sets option 150 (grep -rn 'code 150' \
                 /etc/dhcp/ shows its name; never append a second subnet). Then dhcpd -t, and restart."
            ),
            (Platform::IscDhcpd, true) => {
                "In dhcpd.conf: a host entry each, with the name that option 150 has there (grep -rn 'code 150' /etc/dhcp/). Then \
                 dhcpd -t, and restart."
                    .to_owned()
            }
            (Platform::Kea, false) => format!(
                "In kea-dhcp4.conf: put the entry in place of the one for option 150 in the option-data of {label}. Then \
                 kea-dhcp4 -t FILE, and restart."
            ),
            (Platform::Kea, true) => {
                format!("In kea-dhcp4.conf: merge the reservations into those of {label}. Then kea-dhcp4 -t FILE, and restart.")
            }
            (Platform::Dnsmasq, false) => format!(
                "In dnsmasq.conf: change the addresses in the line that sets 150 for {label}, and keep its tags. Then dnsmasq \
                 --test, and restart."
            ),
            (Platform::Dnsmasq, true) => {
                "In dnsmasq.conf: add the lines, which hold for these phones only. Then dnsmasq --test, and restart.".to_owned()
            }
            (Platform::PowerShell, _) => format!(
                "On {} as administrator: run the script with -WhatIf, then without; -Rollback goes back. It stops where option \
                 150 is defined as text.",
                scope.server
            ),
            (Platform::Netsh, _) => "At a command prompt on the DHCP server, where there is no PowerShell for DHCP. An error \
                 that the definition exists already does no harm, if its type is IPADDRESS."
                .to_owned(),
        }
    }

    /// The steps and lines of a change; `None`: this platform cannot be told without more of the scope.
    pub(super) fn text(self, change: &Change<'_>) -> Option<Text> {
        match self {
            Platform::Ios => Some(ios::text(change)),
            Platform::IscDhcpd => Some(isc_dhcpd::text(change)),
            Platform::Kea => Some(kea::text(change)),
            Platform::Dnsmasq => Some(dnsmasq::text(change)),
            Platform::PowerShell => windows::power_shell(change),
            Platform::Netsh => windows::netsh(change),
        }
    }
}
