//! How each platform says what a scope names as its TFTP server (boot reference 8.1 to 8.5).
//!
//! Each text is complete: the program that it is for parses it as it stands, and what has to be merged into a
//! configuration that is there already is told in comments.

use std::net::Ipv4Addr;

use super::Scope;
use crate::diagnosis;

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

/// All of them, in the order in which they are told.
pub const PLATFORMS: [Platform; 6] =
    [Platform::Ios, Platform::IscDhcpd, Platform::Kea, Platform::Dnsmasq, Platform::PowerShell, Platform::Netsh];

/// What becomes of one of the lesser places that name a TFTP server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Setting {
    /// Not touched.
    Leave,
    /// Names this: an address or a plain name.
    Is(String),
    /// Taken out.
    Absent,
}

/// What a scope names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Values {
    /// Option 150; empty: none.
    pub(super) servers: Vec<Ipv4Addr>,
    pub(super) option_66: Setting,
    pub(super) next_server: Setting,
    /// The boot server's name in the header (`sname`).
    pub(super) server_name: Setting,
}

impl Platform {
    /// What its fixes are of.
    pub fn of_fix(self) -> diagnosis::Platform {
        match self {
            Platform::Ios => diagnosis::Platform::Ios,
            Platform::IscDhcpd => diagnosis::Platform::IscDhcpd,
            Platform::Kea => diagnosis::Platform::Kea,
            Platform::Dnsmasq => diagnosis::Platform::Dnsmasq,
            Platform::PowerShell | Platform::Netsh => diagnosis::Platform::Windows,
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

    /// What begins a comment; `None`: its files hold none.
    pub fn comment(self) -> Option<&'static str> {
        match self {
            Platform::Ios => Some("! "),
            Platform::IscDhcpd | Platform::Dnsmasq | Platform::PowerShell => Some("# "),
            Platform::Netsh => Some("rem "),
            Platform::Kea => None,
        }
    }

    /// Behind the title of its fix, where the platform does not tell.
    pub(super) fn tool(self) -> &'static str {
        match self {
            Platform::PowerShell => " (PowerShell)",
            Platform::Netsh => " (netsh)",
            _ => "",
        }
    }

    /// What to do with the text.
    pub(super) fn step(self, scope: &Scope) -> String {
        let label = scope.label();
        match self {
            Platform::Ios => format!(
                "On {}, enter the pool that serves {label} (show running-config | section ip dhcp pool), and paste.",
                scope.server
            ),
            Platform::IscDhcpd => {
                "In dhcpd.conf: the definition once at the top, the option inside the subnet; then test \
                 (dhcpd -t) and restart."
                    .to_owned()
            }
            Platform::Kea => {
                "In kea-dhcp4.conf: merge the definition into Dhcp4 and the data into the subnet; then test \
                 (kea-dhcp4 -t FILE) and reload."
                    .to_owned()
            }
            Platform::Dnsmasq => {
                "In dnsmasq.conf, in place of the line with option 150 that is there; then test (dnsmasq \
                 --test) and restart."
                    .to_owned()
            }
            Platform::PowerShell => "In PowerShell on the DHCP server. The definition must be of type IPv4 address, \
                 multi-valued: as a string it is sent as text, which phones read as other addresses."
                .to_owned(),
            Platform::Netsh => {
                "At a command prompt on the DHCP server, where there is no PowerShell for DHCP. An error that \
                 the definition exists already does no harm, if its type is IPADDRESS."
                    .to_owned()
            }
        }
    }

    /// The text that makes a scope name `values`; `note` (plain text) is a comment in it. `None`: can not be said for
    /// this scope.
    pub(super) fn text(self, scope: &Scope, values: &Values, note: &str) -> Option<String> {
        match self {
            Platform::Ios => Some(ios(scope, values, note)),
            Platform::IscDhcpd => Some(isc_dhcpd(scope, values, note)),
            Platform::Kea => kea(scope, values, note),
            Platform::Dnsmasq => Some(dnsmasq(scope, values, note)),
            Platform::PowerShell => scope.network.map(|(network, _)| power_shell(network, values, note)),
            Platform::Netsh => scope.network.map(|(network, _)| netsh(network, values, note)),
        }
    }
}

fn joined(servers: &[Ipv4Addr], separator: &str) -> String {
    servers.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(separator)
}

/// Lines for a setting: what sets it, or what takes it out.
fn lines(setting: &Setting, set: impl Fn(&str) -> String, remove: &str) -> String {
    match setting {
        Setting::Leave => String::new(),
        Setting::Is(value) => set(value),
        Setting::Absent => remove.to_owned(),
    }
}

fn ios(scope: &Scope, values: &Values, note: &str) -> String {
    let mut text = match scope.network {
        Some((network, mask)) => format!("! in the pool with: network {network} {mask}\n"),
        None => String::new(),
    };
    text.push_str(&format!("! {note}\n"));
    text.push_str(&match values.servers.is_empty() {
        true => " no option 150\n".to_owned(),
        // An IOS option holds eight addresses.
        false => format!(" option 150 ip {}\n", joined(values.servers.get(..8).unwrap_or(&values.servers), " ")),
    });
    text.push_str(&lines(&values.option_66, |v| format!(" option 66 ascii {v}\n"), " no option 66\n"));
    text.push_str(&lines(&values.next_server, |v| format!(" next-server {v}\n"), " no next-server\n"));
    text
}

fn isc_dhcpd(scope: &Scope, values: &Values, note: &str) -> String {
    let mut body = match values.servers.is_empty() {
        true => "# no option cisco-tftp\n".to_owned(),
        false => format!("option cisco-tftp {};\n", joined(&values.servers, ", ")),
    };
    let quoted = |word: &str, value: &str| format!("{word} \"{value}\";\n");
    body.push_str(&lines(
        &values.option_66,
        |v| quoted("option tftp-server-name", v),
        "# no option tftp-server-name\n",
    ));
    body.push_str(&lines(&values.next_server, |v| format!("next-server {v};\n"), "# no next-server\n"));
    body.push_str(&lines(&values.server_name, |v| quoted("server-name", v), "# no server-name\n"));
    let top = "# once, at the top, unless option 150 is defined there (then with that name below):\noption cisco-tftp \
               code 150 = array of ip-address;\n";
    match scope.network {
        Some((network, mask)) => {
            let body: String = body.lines().map(|line| format!("  {line}\n")).collect();
            format!("{top}# in the subnet that is there:   ({note})\nsubnet {network} netmask {mask} {{\n{body}}}\n")
        }
        None => format!("{top}# in the phones' subnet:   ({note})\n{body}"),
    }
}

/// JSON without comments, so that other programs read it too; Kea takes a note as `comment`.
fn kea(scope: &Scope, values: &Values, note: &str) -> Option<String> {
    let quoted = |text: &str| serde_json::to_string(text).ok();
    let mut data = Vec::new();
    if !values.servers.is_empty() {
        let servers = joined(&values.servers, ", ");
        data.push(format!(
            "{{ \"name\": \"cisco-tftp\", \"data\": \"{servers}\",\n          \"comment\": {} }}",
            quoted(note)?
        ));
    }
    if let Setting::Is(name) = &values.option_66 {
        data.push(format!("{{ \"name\": \"tftp-server-name\", \"data\": {} }}", quoted(name)?));
    }
    let mut more = String::new();
    if let Setting::Is(address) = &values.next_server {
        more.push_str(&format!("\"next-server\": {},\n      ", quoted(address)?));
    }
    if let Setting::Is(name) = &values.server_name {
        more.push_str(&format!("\"server-hostname\": {},\n      ", quoted(name)?));
    }
    // What is to go can not be said by leaving it out: the rest is merged into what is there.
    let removed: Vec<&str> = [
        ("cisco-tftp", values.servers.is_empty()),
        ("tftp-server-name", values.option_66 == Setting::Absent),
        ("next-server", values.next_server == Setting::Absent),
        ("server-hostname", values.server_name == Setting::Absent),
    ]
    .iter()
    .filter_map(|(name, goes)| goes.then_some(*name))
    .collect();
    if !removed.is_empty() {
        more.push_str(&format!("\"comment\": {},\n      ", quoted(&format!("take out: {}", removed.join(", ")))?));
    }
    let data = match data.is_empty() {
        true => "[]".to_owned(),
        false => format!("[\n        {}\n      ]", data.join(",\n        ")),
    };
    let place = match scope.network {
        Some((network, mask)) => {
            let prefix = mask.to_bits().leading_ones();
            format!(
                "\"subnet4\": [ {{\n      \"subnet\": \"{network}/{prefix}\",\n      {more}\"option-data\": {data}\n    }} ]"
            )
        }
        None => format!("{more}\"option-data\": {data}"),
    };
    Some(format!(
        "{{\n  \"Dhcp4\": {{\n    \"option-def\": [ {{ \"name\": \"cisco-tftp\", \"code\": 150, \"space\": \"dhcp4\",\n      \
         \"type\": \"ipv4-address\", \"array\": true }} ],\n    {place}\n  }}\n}}\n"
    ))
}

fn dnsmasq(scope: &Scope, values: &Values, note: &str) -> String {
    // A line without a tag is for every range.
    let place = scope.network.map_or_else(String::new, |(network, mask)| {
        format!(
            "# for {network}/{}. If this dnsmasq serves other ranges too: dhcp-range=set:phones,... for this one, and\n# \
             tag:phones, in front of the number in the lines below; without a tag they hold for all ranges\n",
            mask.to_bits().leading_ones()
        )
    });

    let mut text = format!("# {note}\n{place}");
    text.push_str(&match values.servers.is_empty() {
        true => "# no line dhcp-option=150\n".to_owned(),
        false => format!("dhcp-option=150,{}\n", joined(&values.servers, ",")),
    });
    text.push_str(&lines(&values.option_66, |v| format!("dhcp-option=66,\"{v}\"\n"), "# no line dhcp-option=66\n"));
    let boot = |v: &str| format!("dhcp-boot=,,{v}\n");
    text.push_str(&lines(&values.next_server, boot, "# no line dhcp-boot with an address\n"));
    text
}

fn power_shell(network: Ipv4Addr, values: &Values, note: &str) -> String {
    let mut text = format!("# {note}\n");
    text.push_str(&match values.servers.is_empty() {
        true => format!("Remove-DhcpServerv4OptionValue -ScopeId {network} -OptionId 150\n"),
        false => format!(
            "if (-not (Get-DhcpServerv4OptionDefinition -OptionId 150 -ErrorAction SilentlyContinue)) {{\n  \
             Add-DhcpServerv4OptionDefinition -OptionId 150 -Name \"Cisco TFTP\" -Type IPv4Address -MultiValued\n}}\n\
             Set-DhcpServerv4OptionValue -ScopeId {network} -OptionId 150 -Value {}\n",
            joined(&values.servers, ",")
        ),
    });
    text.push_str(&lines(
        &values.option_66,
        |v| format!("Set-DhcpServerv4OptionValue -ScopeId {network} -OptionId 66 -Value \"{v}\"\n"),
        &format!("Remove-DhcpServerv4OptionValue -ScopeId {network} -OptionId 66\n"),
    ));
    text
}

fn netsh(network: Ipv4Addr, values: &Values, note: &str) -> String {
    let mut text = format!("rem {note}\n");
    text.push_str(&match values.servers.is_empty() {
        true => format!("netsh dhcp server scope {network} delete optionvalue 150\n"),
        false => format!(
            "netsh dhcp server add optiondef 150 \"Cisco TFTP\" IPADDRESS 1 comment=\"TFTP servers of IP phones\"\n\
             netsh dhcp server scope {network} set optionvalue 150 IPADDRESS {}\n",
            joined(&values.servers, " ")
        ),
    });
    text.push_str(&lines(
        &values.option_66,
        |v| format!("netsh dhcp server scope {network} set optionvalue 66 STRING \"{v}\"\n"),
        &format!("netsh dhcp server scope {network} delete optionvalue 66\n"),
    ));
    text
}
