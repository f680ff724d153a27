//! DHCP and TFTP servers of others, each started the way it stays in the foreground and out of the system's folders.

use std::fmt;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::{Daemon, Ready};
use super::namespace::Host;
use super::programs::{Missing, Program, Programs};

/// A DHCP server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DhcpServer {
    Dnsmasq,
    IscDhcpd,
    Kea,
}

/// A TFTP server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TftpServer {
    Atftpd,
    Dnsmasq,
    TftpdHpa,
}

/// What a DHCP server gives to phones of a /24 network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    /// The first three octets are the network's.
    pub server: Ipv4Addr,
    /// Last octets of the first and the last address to give.
    pub range: (u8, u8),
    /// Option 150; none where empty.
    pub option_150: Vec<Ipv4Addr>,
    /// Option 66.
    pub option_66: Option<String>,
    pub lease_seconds: u32,
    /// Phones that get another option 150, by their MAC address.
    pub others: Vec<(String, Ipv4Addr)>,
}

impl Scope {
    fn address(&self, last: u8) -> Ipv4Addr {
        let [a, b, c, _] = self.server.octets();
        Ipv4Addr::new(a, b, c, last)
    }

    fn tftp(&self) -> String {
        self.option_150.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl DhcpServer {
    pub const ALL: [DhcpServer; 3] = [DhcpServer::Dnsmasq, DhcpServer::IscDhcpd, DhcpServer::Kea];

    /// Its name on a command line: `dnsmasq`, `isc`, `kea`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.to_string() == name)
    }

    pub fn program_name(self) -> &'static str {
        match self {
            DhcpServer::Dnsmasq => "dnsmasq",
            DhcpServer::IscDhcpd => "dhcpd",
            DhcpServer::Kea => "kea-dhcp4",
        }
    }

    /// # Errors
    ///
    /// See [`Programs::find`].
    pub fn program(self) -> Result<Program, Missing> {
        Programs::find(self.program_name())
    }

    /// The whole configuration for one scope, in the server's own language.
    pub fn configuration(self, scope: &Scope) -> String {
        let mut out = String::new();
        let written = self.write(scope, &mut out);
        debug_assert!(written.is_ok());
        out
    }

    fn write(self, scope: &Scope, out: &mut String) -> fmt::Result {
        let (first, last) = (scope.address(scope.range.0), scope.address(scope.range.1));
        let (network, router, seconds) = (scope.address(0), scope.address(1), scope.lease_seconds);
        let tftp = scope.tftp();
        match self {
            DhcpServer::Dnsmasq => {
                let mut lines = format!("dhcp-range={first},{last},{seconds}\ndhcp-option=3,{router}\n");
                if !tftp.is_empty() {
                    lines += &format!("dhcp-option=150,{}\n", tftp.replace(' ', ""));
                }
                if let Some(name) = &scope.option_66 {
                    lines += &format!("dhcp-option=66,\"{name}\"\n");
                }
                for (n, (mac, tftp)) in scope.others.iter().enumerate() {
                    lines += &format!("dhcp-host={mac},set:other{n}\ndhcp-option=tag:other{n},150,{tftp}\n");
                }
                write!(out, "{lines}")
            }
            DhcpServer::IscDhcpd => {
                let mut lines = String::new();
                if !tftp.is_empty() {
                    lines += &format!("  option cisco-tftp {tftp};\n");
                }
                if let Some(name) = &scope.option_66 {
                    lines += &format!("  option tftp-server-name \"{name}\";\n");
                }
                write!(
                    out,
                    "authoritative;\nping-check false;\noption cisco-tftp code 150 = array of ip-address;\n\
                     default-lease-time {seconds};\nmax-lease-time {seconds};\n\
                     subnet {network} netmask 255.255.255.0 {{\n  range {first} {last};\n  option routers {router};\n\
                     {lines}}}\n"
                )?;
                for (n, (mac, tftp)) in scope.others.iter().enumerate() {
                    writeln!(out, "host other{n} {{ hardware ethernet {mac}; option cisco-tftp {tftp}; }}")?;
                }
                Ok(())
            }
            DhcpServer::Kea => {
                let mut options = vec![format!(r#"{{ "name": "routers", "data": "{router}" }}"#)];
                if !tftp.is_empty() {
                    options.push(format!(r#"{{ "name": "cisco-tftp", "data": "{tftp}" }}"#));
                }
                if let Some(name) = &scope.option_66 {
                    options.push(format!(r#"{{ "name": "tftp-server-name", "data": "{name}" }}"#));
                }
                let other = |(mac, tftp): &(String, Ipv4Addr)| {
                    let option = format!(r#"[ {{ "name": "cisco-tftp", "data": "{tftp}" }} ]"#);
                    format!(r#"{{ "hw-address": "{mac}", "option-data": {option} }}"#)
                };
                let others = scope.others.iter().map(other).collect::<Vec<_>>().join(", ");
                write!(
                    out,
                    r#"{{ "Dhcp4": {{
  "interfaces-config": {{ "interfaces": [ "eth0" ] }},
  "lease-database": {{ "type": "memfile", "persist": false }},
  "valid-lifetime": {seconds},
  "option-def": [ {{ "name": "cisco-tftp", "code": 150, "space": "dhcp4", "type": "ipv4-address", "array": true }} ],
  "subnet4": [ {{ "id": 1, "subnet": "{network}/24", "pools": [ {{ "pool": "{first} - {last}" }} ],
    "option-data": [ {} ], "reservations": [ {others} ] }} ]
}} }}
"#,
                    options.join(", ")
                )
            }
        }
    }

    /// Starts it on the host's `eth0` with a whole configuration file; leases go into `folder`.
    ///
    /// # Errors
    ///
    /// The program is missing, or does not start: with what it wrote.
    pub fn start(self, host: &Host<'_>, configuration: &Path, folder: &Path) -> Result<Daemon, String> {
        let program = self.program().map_err(|missing| missing.to_string())?;
        let leases = folder.join(format!("leases-{}", host.name()));
        let mut command = host.command(&program);
        match self {
            DhcpServer::Dnsmasq => {
                command.args(FOREGROUND).args(["--no-ping", "--log-dhcp", "--interface=eth0"]);
                command.arg(option("--conf-file=", configuration)).arg(option("--dhcp-leasefile=", &leases));
            }
            DhcpServer::IscDhcpd => {
                std::fs::write(&leases, "").map_err(|error| format!("{}: {error}", leases.display()))?;
                command.args(["-4", "-f", "-d", "--no-pid", "-cf"]).arg(configuration).arg("-lf").arg(leases);
                command.arg("eth0");
            }
            DhcpServer::Kea => {
                command = with_environment(host, &program, &["KEA_LOCKFILE_DIR", "KEA_PIDFILE_DIR"]);
                command.arg("-c").arg(configuration);
            }
        }
        Daemon::start(command, Ready::Udp(67))
    }
}

/// Kea writes next to its own place unless told otherwise; the namespace has a folder for it.
fn with_environment(host: &Host<'_>, program: &Program, names: &[&str]) -> Command {
    let mut command = host.command_named("env");
    command.args(names.iter().map(|name| format!("{name}=/run/kea"))).args(program.words());
    command
}

impl fmt::Display for DhcpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DhcpServer::Dnsmasq => "dnsmasq",
            DhcpServer::IscDhcpd => "isc",
            DhcpServer::Kea => "kea",
        })
    }
}

impl TftpServer {
    pub const ALL: [TftpServer; 3] = [TftpServer::Atftpd, TftpServer::Dnsmasq, TftpServer::TftpdHpa];

    /// Its name on a command line: `atftpd`, `dnsmasq`, `tftpd-hpa`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.to_string() == name)
    }

    pub fn program_name(self) -> &'static str {
        match self {
            TftpServer::Atftpd => "atftpd",
            TftpServer::Dnsmasq => "dnsmasq",
            TftpServer::TftpdHpa => "in.tftpd",
        }
    }

    /// # Errors
    ///
    /// See [`Programs::find`].
    pub fn program(self) -> Result<Program, Missing> {
        Programs::find(self.program_name())
    }

    /// Whether it listens on IPv6 by itself: atftpd 0.8 does so only behind inetd.
    pub fn speaks_ipv6(self) -> bool {
        self != TftpServer::Atftpd
    }

    /// Whether it changes its user on start, which a namespace that an ordinary user made refuses.
    pub fn needs_root(self) -> bool {
        self == TftpServer::TftpdHpa
    }

    /// Starts it on the host; it serves the files of the folder.
    ///
    /// # Errors
    ///
    /// The program is missing, or does not start: with what it wrote.
    pub fn start(self, host: &Host<'_>, root: &Path) -> Result<Daemon, String> {
        let program = self.program().map_err(|missing| missing.to_string())?;
        let root: PathBuf = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
        let mut command = host.command(&program);
        match self {
            TftpServer::Atftpd => {
                command.args(["--daemon", "--no-fork", "--user", "root.root", "--logfile", "-"]).arg(root);
            }
            TftpServer::Dnsmasq => {
                command.args(FOREGROUND).args(["--conf-file=/dev/null", "--enable-tftp", "--interface=eth0"]);
                command.arg(option("--tftp-root=", &root));
            }
            TftpServer::TftpdHpa => {
                command.args(["--foreground", "--user", "root", "--secure"]).arg(root);
            }
        }
        Daemon::start(command, Ready::Udp(69))
    }
}

impl fmt::Display for TftpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TftpServer::Atftpd => "atftpd",
            TftpServer::Dnsmasq => "dnsmasq",
            TftpServer::TftpdHpa => "tftpd-hpa",
        })
    }
}

/// dnsmasq without a fork, a change of user (which a user namespace refuses), a DNS service.
const FOREGROUND: [&str; 3] = ["--no-daemon", "--log-facility=-", "--port=0"];

fn option(name: &str, value: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(name);
    option.push(value);
    option
}
