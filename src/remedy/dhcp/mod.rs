//! DHCP option 150 by platform (boot reference, section 8), for the scope that handed out the wrong server.

mod change;
mod dnsmasq;
mod ios;
mod isc_dhcpd;
mod kea;
mod platform;
mod v6;
mod windows;

use std::net::{IpAddr, Ipv4Addr};

use self::change::{Change, is_plain, joined, plain};
use crate::conversation::dhcp::LeaseTerms;
use crate::diagnosis::{self, Fix, FixKind, FixTarget, ScopeObstacle, ScopeReach, and_list};
use crate::types::WireText;

pub use self::platform::{PLATFORMS, Platform};
pub use self::v6::{set_dhcpv6, snippet_v6};
pub use crate::diagnosis::Scope;

/// A change in the words of one platform, and its undo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snippet {
    #[allow(missing_docs)]
    pub platform: Platform,
    /// Steps as comments, and the lines that name the right servers.
    pub config: String,
    /// Names what was named before; `None`: that cannot be restored, as `config` says.
    pub undo: Option<String>,
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
            reach: ScopeReach::Whole,
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

    /// What makes it name the right servers, by platform; empty where none of them has an IPv4 address.
    pub fn snippets(&self, right: &[IpAddr]) -> Vec<Snippet> {
        let right = v4(right);
        if right.is_empty() {
            return Vec::new();
        }
        let change = Change::new(self, &right);
        let snippet = |platform: &Platform| {
            let text = platform.text(&change)?;
            let undo = (change.not_restored().is_none() || change.phones.is_some()).then(|| text.undo.clone());
            Some(Snippet { platform: *platform, config: text.config(platform.comment()), undo })
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

/// Option 150 of a scope, or of single phones in it, set to the right servers: one fix per platform.
pub fn set_option_150(scope: &Scope, right: &[IpAddr]) -> Vec<Fix> {
    let to = and_list(&v4(right));
    let label = scope.label();
    let title = match scope.reach.phones() {
        None => format!("Option 150 of {label} to {to}"),
        Some([phone]) => format!("Option 150 of {} in {label} to {to}, by a reservation", phone.mac.device_name()),
        Some(phones) => format!("Option 150 of {} phones in {label} to {to}, by a reservation each", phones.len()),
    };
    let fix = |Snippet { platform, config, undo }| {
        let mut fix = Fix::new(FixKind::SetDhcpOption, FixTarget::DhcpServer, format!("{title}{}", platform.tool()))
            .on(platform.of_fix());
        if let ScopeReach::Phones { why, .. } = &scope.reach {
            fix = fix.step(why.reason(&label));
        }
        fix.step(platform.step(scope))
            .step(format!(
                "Reset {} afterwards: a lease in use is not asked for again before half its time.",
                match scope.reach.phones() {
                    None => format!("the phones of {label}"),
                    Some(_) => "these phones".to_owned(),
                }
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

impl ScopeObstacle {
    /// Why the scope is not changed as a whole, in a sentence.
    pub fn reason(&self, label: &str) -> String {
        match self {
            ScopeObstacle::OtherValue { phone, servers } => format!(
                "Do not change all of {label}: its leases differ ({} is given {}), so a class, a reservation or a host \
                 entry decides there. Look for it first; these phones alone need the change.",
                phone.device_name(),
                and_list(&servers.iter().map(plain).collect::<Vec<_>>())
            ),
            ScopeObstacle::OtherNeed { first } => format!(
                "Do not change all of {label}: phones in it need different servers ({} another one than these).",
                first.device_name()
            ),
            ScopeObstacle::HealthyPhones { phones: 1, first } => format!(
                "Do not change all of {label}: {} works with the server that it names and would be moved away.",
                first.device_name()
            ),
            ScopeObstacle::HealthyPhones { phones, first } => format!(
                "Do not change all of {label}: {phones} phones, {} among them, work with the server that it names and would \
                 be moved away.",
                first.device_name()
            ),
        }
    }
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
        match Change::new(scope, &[]).old {
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
pub fn remove_server(server: Ipv4Addr, vlan: Option<u16>) -> Fix {
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
