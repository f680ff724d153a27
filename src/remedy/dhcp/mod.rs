//! DHCP option 150 by platform (boot reference, section 8), for the scope that handed out the wrong server.

mod platform;
mod v6;

use std::net::{IpAddr, Ipv4Addr};

use self::platform::{Setting, Values};
use crate::conversation::dhcp::LeaseTerms;
use crate::diagnosis::{self, Fix, FixKind, FixTarget, TftpSource, and_list};
use crate::types::WireText;
use crate::wire::dhcp::UnusableOption;

pub use self::platform::{PLATFORMS, Platform};
pub use self::v6::{set_dhcpv6, snippet_v6};
pub use crate::diagnosis::Scope;

/// What a platform is told, and the way back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snippet {
    #[allow(missing_docs)]
    pub platform: Platform,
    /// Makes the scope name the right servers.
    pub config: String,
    /// Makes it name what it named before.
    pub undo: String,
}

impl Scope {
    /// The scope of a lease of this address.
    pub fn of(terms: &LeaseTerms, address: Option<Ipv4Addr>) -> Scope {
        let network = address.zip(terms.mask).filter(|(_, mask)| is_mask(*mask));
        Scope {
            server: terms.server,
            network: network.map(|(a, m)| (Ipv4Addr::from_bits(a.to_bits() & m.to_bits()), m)),
            sources: terms.sources.clone(),
            unusable: terms.unusable.clone(),
        }
    }

    /// `10.30.110.0/24`, or whose scope it is.
    pub fn label(&self) -> String {
        match self.network {
            Some((network, mask)) => format!("{network}/{}", mask.to_bits().leading_ones()),
            None => format!("the scope that {} serves to these phones", self.server),
        }
    }

    /// TFTP servers that it names now, each once.
    pub fn now(&self) -> Vec<WireText> {
        let mut all: Vec<WireText> = Vec::new();
        for name in self.sources.iter().flat_map(|(_, names)| names) {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }

    /// The names in one place.
    fn named(&self, source: TftpSource) -> Option<&[WireText]> {
        self.sources.iter().find(|(s, _)| *s == source).map(|(_, names)| names.as_slice())
    }

    fn unusable(&self, option: u8) -> Option<&UnusableOption> {
        self.unusable.iter().find(|o| o.option == option)
    }

    /// Option 150 as it is, as addresses.
    fn old(&self) -> Vec<Ipv4Addr> {
        self.named(TftpSource::Option150).unwrap_or_default().iter().filter_map(|n| n.raw().parse().ok()).collect()
    }

    /// What it names now, in plain words for a comment.
    fn was(&self) -> String {
        let mut said = Vec::new();
        let places = [
            (TftpSource::Option150, 150, "option 150"),
            (TftpSource::Option66, 66, "option 66"),
            (TftpSource::Sname, 0, "the server name"),
            (TftpSource::Siaddr, 0, "the next server"),
        ];
        for (source, option, words) in places {
            if let Some(names) = self.named(source) {
                said.push(format!("{words} was {}", and_list(&names.iter().map(plain).collect::<Vec<_>>())));
            } else if let Some(unusable) = self.unusable(option) {
                said.push(format!("{words} was the octets {}, which name no server", unusable.raw));
            } else if source == TftpSource::Option150 {
                said.push("option 150 was not set".to_owned());
            }
        }
        said.join("; ")
    }

    /// The values that name the right servers, and those that are there now.
    fn values(&self, right: &[Ipv4Addr]) -> (Values, Values) {
        let first = right.first().map(Ipv4Addr::to_string).unwrap_or_default();
        let is_right = |name: &WireText| right.iter().any(|r| r.to_string() == name.raw());
        let in_150 = self.named(TftpSource::Option150);
        // A place that names a server of its own beside option 150 may be for computers; one that names the same, or
        // is all that phones have to go by, goes with it.
        let lesser = |source: TftpSource| {
            let name = self.named(source).and_then(<[WireText]>::first).filter(|name| !is_right(name));
            match name.filter(|name| in_150.is_none_or(|servers| servers.contains(name))) {
                None => (Setting::Leave, Setting::Leave),
                // Some servers fill their own address in whatever is configured.
                Some(name) if source == TftpSource::Siaddr && name.raw() == self.server.to_string() => {
                    (Setting::Leave, Setting::Leave)
                }
                Some(name) if is_plain(name.raw()) => (Setting::Is(first.clone()), Setting::Is(name.raw().to_owned())),
                Some(_) => (Setting::Is(first.clone()), Setting::Absent),
            }
        };
        let (option_66, old_66) = match self.unusable(66) {
            // What no phone can use is best not there, and nothing to go back to.
            Some(_) => (Setting::Absent, Setting::Absent),
            None => lesser(TftpSource::Option66),
        };
        let (next_server, old_next_server) = lesser(TftpSource::Siaddr);
        let (server_name, old_server_name) = lesser(TftpSource::Sname);
        (
            Values { servers: right.to_vec(), option_66, next_server, server_name },
            Values {
                servers: self.old(),
                option_66: old_66,
                next_server: old_next_server,
                server_name: old_server_name,
            },
        )
    }

    /// What makes it name the right servers, by platform; empty where none of them has an IPv4 address.
    pub fn snippets(&self, right: &[IpAddr]) -> Vec<Snippet> {
        let right = v4(right);
        if right.is_empty() {
            return Vec::new();
        }
        let (new, old) = self.values(&right);
        let note = self.was();
        let snippet = |platform: &Platform| {
            let undo = platform.text(self, &old, "back to what it was")?;
            Some(Snippet { platform: *platform, config: platform.text(self, &new, &note)?, undo })
        };
        PLATFORMS.iter().filter_map(snippet).collect()
    }
}

fn v4(servers: &[IpAddr]) -> Vec<Ipv4Addr> {
    servers.iter().filter_map(|ip| if let IpAddr::V4(v4) = ip.to_canonical() { Some(v4) } else { None }).collect()
}

fn is_mask(mask: Ipv4Addr) -> bool {
    mask.to_bits().leading_ones() + mask.to_bits().trailing_zeros() == 32 && mask.to_bits() != 0
}

/// A name or address that can be pasted without being anything else.
fn is_plain(name: &str) -> bool {
    crate::remedy::configuration::is_server_name(name)
}

/// A text of the wire for a comment of any of the platforms.
fn plain(text: &WireText) -> String {
    text.raw()
        .chars()
        .take(64)
        .map(|c| if c.is_ascii_alphanumeric() || ".-_: /".contains(c) { c } else { '?' })
        .collect()
}

/// Option 150 of a scope set to the right servers, one fix per platform.
pub fn set_option_150(scope: &Scope, right: &[IpAddr]) -> Vec<Fix> {
    let to = and_list(&v4(right));
    let fix = |Snippet { platform, config, undo }| {
        Fix::new(
            FixKind::SetDhcpOption,
            FixTarget::DhcpServer,
            format!("Option 150 of {} to {to}{}", scope.label(), platform.tool()),
        )
        .on(platform.of_fix())
        .step(platform.step(scope))
        .step(format!(
            "Reset the phones of {} afterwards: a lease in use is not asked for again before half its time.",
            scope.label()
        ))
        .config(config)
        .undo(undo)
        .verify(format!(
            "The next OFFER and ACK of {} carry option 150 = {to}, and the phones' read requests go there.",
            scope.server
        ))
    };
    let mut fixes: Vec<Fix> = Vec::new();
    for snippet in scope.snippets(right) {
        // One platform's lines are enough: it is one server.
        let fix = fix(snippet).instead_of(&fixes);
        fixes.push(fix);
    }
    fixes
}

fn joined(servers: &[Ipv4Addr], separator: &str) -> String {
    servers.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(separator)
}

/// The TFTP server named once, in option 150; `others` are option 66, `sname` and `siaddr` as the scope has them now.
pub fn only_option_150(
    scope: &Scope,
    keep: &[IpAddr],
    (option_66, sname, siaddr): (Option<&WireText>, Option<&WireText>, Option<&WireText>),
) -> Fix {
    let label = scope.label();
    let servers: Vec<String> = keep.iter().filter(|ip| ip.is_ipv4()).map(IpAddr::to_string).collect();
    let network = scope.network.map(|(n, m)| format!("! in the pool with: network {n} {m}\n")).unwrap_or_default();
    let mut steps = vec![format!("On {}, in {label}: decide which server the phones need.", scope.server)];
    let mut config = network.clone();
    let mut undo = network;
    if let (false, Some(first)) = (servers.is_empty(), servers.first()) {
        steps.push(format!("Keep option 150 = {} alone.", and_list(&servers)));
        config.push_str(&format!(" option 150 ip {}\n", servers.join(" ")));
        match scope.old() {
            old if old.is_empty() => undo.push_str(&format!(" no option 150 ip {first}\n")),
            old => undo.push_str(&format!(" option 150 ip {}\n", joined(&old, " "))),
        }
    }
    if let Some(name) = option_66 {
        steps.push(format!(
            "Take option 66 ({name}) out, or give it to computers only, in a class or scope of their own."
        ));
        config.push_str(" no option 66\n");
        if is_plain(name.raw()) {
            undo.push_str(&format!(" option 66 ascii {name}\n"));
        }
    }
    if let Some(name) = sname {
        steps.push(format!("Take the boot server's name (sname, {name}) out."));
    }
    if let Some(address) = siaddr {
        steps.push(format!("Take the next server (siaddr, {address}) out, or give it to computers only."));
        config.push_str(" no next-server\n");
        undo.push_str(&format!(" next-server {address}\n"));
    }
    Fix::new(
        FixKind::NameTftpOnce,
        FixTarget::DhcpServer,
        format!("Name the TFTP server of {label} once, in option 150"),
    )
    .on(diagnosis::Platform::Ios)
    .steps(steps)
    .config(config)
    .undo(undo)
    .verify(format!("The next ACK of {} names one TFTP server, in option 150.", scope.server))
}

/// A DHCP server that should not answer here is taken off, or kept from the phones.
pub fn remove_server(server: IpAddr, vlan: Option<u16>) -> Fix {
    if server.is_ipv6() {
        return v6::remove_server(server);
    }
    // Snooping without a trusted port keeps every lease from the VLAN: pasted as they are, these lines do nothing.
    let config = vlan.map(|v| {
        format!(
            "! 1. in the interface of the right DHCP server, or of the uplink to it; before the rest, or no phone of the VLAN \
             gets a lease:\n!  ip dhcp snooping trust\n! 2. only then, without the marks in front:\n! ip dhcp snooping vlan \
             {v}\n! ip dhcp snooping\n"
        )
    });
    Fix::new(FixKind::RemoveDhcpServer, FixTarget::Network, format!("Take DHCP server {server} off the phones' network"))
        .on(diagnosis::Platform::Ios)
        .step(format!(
                "Find the port of {server}: its MAC is in the evidence frames; show mac address-table address MAC on the switch."
            ))
                .step("Stop the DHCP service there, or move the device out of the voice VLAN.")
                .step("Keep it from coming back: first trust the right DHCP server's port, or the uplink to it (ip dhcp snooping \
             trust); only then switch DHCP snooping on for the voice VLAN. The other way round no phone gets a lease."
                )
                    .step("Reset the phones that took its lease.")
                    .config(config)
                    .undo(vlan.map(|v| format!("no ip dhcp snooping vlan {v}\n")))
                    .verify(format!("No OFFER of {server} is seen when a phone boots, and the right server's are."))
}

#[cfg(test)]
mod tests;
