//! The phone's lease, taken by a real DHCP client that says what a Cisco phone says: option 60, the list of option 55,
//! and its name.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::real::programs::Programs;
use crate::site::{DhcpClient, PhonePlan};

/// How long a phone asks before it gives up; it asks some times in it.
const LIMIT: Duration = Duration::from_secs(6);

/// What the phone takes from its lease.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lease {
    pub(super) ip: Ipv4Addr,
    pub(super) server: Option<Ipv4Addr>,
    pub(super) router: Option<Ipv4Addr>,
    /// Option 150, else the address in option 66.
    pub(super) tftp: Vec<Ipv4Addr>,
}

/// Asks for a lease; `None`: nobody gives one.
///
/// # Errors
///
/// The DHCP client is missing or does not run.
pub(super) fn take(plan: &PhonePlan) -> Result<Option<Lease>, String> {
    let said = |error: std::io::Error| format!("{}: {error}", plan.folder.display());
    let result = plan.folder.join(format!("{}.lease", plan.name()));
    let _ = std::fs::remove_file(&result);
    let mut command = match plan.dhcp_client {
        DhcpClient::Dhclient => dhclient(plan, &result).map_err(said)??,
        DhcpClient::Udhcpc | DhcpClient::Mixed => udhcpc(plan, &result).map_err(said)??,
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut client = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let end = Instant::now() + LIMIT;
    let lease = loop {
        if let Some(lease) = read(&result) {
            break Some(lease);
        }
        let over = Instant::now() >= end || !matches!(client.try_wait(), Ok(None));
        if over {
            break read(&result);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // A client that ended by itself has said its last; the other would renew the lease for ever.
    let _ = client.kill();
    let _ = client.wait();
    Ok(lease)
}

/// What the client's script wrote: `name=value` a line, the last one `end`.
fn read(path: &Path) -> Option<Lease> {
    let text = std::fs::read_to_string(path).ok()?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value("end")?;
    let address = |name: &str| value(name)?.split_whitespace().next()?.parse().ok();
    let tftp = match value("option150").unwrap_or_default() {
        "" => value("option66").unwrap_or_default().parse().into_iter().collect(),
        list => addresses(list),
    };
    Some(Lease { ip: address("ip")?, server: address("server"), router: address("router"), tftp })
}

/// Addresses with blanks between, or their octets in hexadecimal digits.
fn addresses(text: &str) -> Vec<Ipv4Addr> {
    if text.contains('.') {
        return text.split_whitespace().filter_map(|a| a.parse().ok()).collect();
    }
    let octets: Vec<u8> =
        (0..text.len() / 2).filter_map(|n| u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()).collect();
    octets.chunks_exact(4).map(|o| Ipv4Addr::new(o[0], o[1], o[2], o[3])).collect()
}

fn vendor_class(plan: &PhonePlan) -> String {
    format!("Cisco Systems, Inc. IP Phone CP-{}", plan.model)
}

/// Writes a program that the client runs when it has a lease.
fn script(path: PathBuf, when: &str, names: [&str; 5], result: &Path) -> std::io::Result<PathBuf> {
    let [ip, server, router, option_150, option_66] = names;
    let text = format!(
        "#!/bin/sh\n{when} || exit 0\n{{ echo \"ip=${ip}\"; echo \"server=${server}\"; echo \"router=${router}\"\n\
         echo \"option150=${option_150}\"; echo \"option66=${option_66}\"; echo end=; }} >'{}'\n",
        result.display()
    );
    std::fs::write(&path, text)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// BusyBox' client: its list of options is always in ascending order, and it needs some of a phone's own words in
/// hexadecimal, for the NUL at the end.
fn udhcpc(plan: &PhonePlan, result: &Path) -> std::io::Result<Result<Command, String>> {
    let when = r#"[ "$1" = bound ] || [ "$1" = renew ]"#;
    let names = ["ip", "serverid", "router", "opt150", "tftp"];
    let script = script(plan.folder.join(format!("{}.udhcpc", plan.name())), when, names, result)?;
    Ok(Programs::find("udhcpc").map_err(|missing| missing.to_string()).map(|program| {
        let mut command = program.command();
        let class: String = vendor_class(plan).bytes().map(|b| format!("{b:02x}")).collect();
        command.args(["-i", "eth0", "-f", "-q", "-n", "-t", "4", "-T", "1", "-o"]);
        for option in ["subnet", "tftp", "dns", "router", "domain", "150", "35"] {
            command.args(["-O", option]);
        }
        command.args(["-V", "", "-x", &format!("0x3c:{class}00"), "-x", &format!("hostname:{}", plan.name())]);
        command.arg("-s").arg(script);
        command
    }))
}

/// ISC's client: it keeps the order of a phone's list.
fn dhclient(plan: &PhonePlan, result: &Path) -> std::io::Result<Result<Command, String>> {
    let when = r#"case "$reason" in BOUND|REBOOT|RENEW|REBIND) true;; *) false;; esac"#;
    let names =
        ["new_ip_address", "new_dhcp_server_identifier", "new_routers", "new_cisco_tftp", "new_tftp_server_name"];
    let script = script(plan.folder.join(format!("{}.dhclient", plan.name())), when, names, result)?;
    let file = |end: &str| plan.folder.join(format!("{}.{end}", plan.name()));
    std::fs::write(
        file("conf"),
        format!(
            "option cisco-tftp code 150 = array of ip-address;\nsend vendor-class-identifier \"{}\\000\";\n\
             send host-name \"{}\";\nsend dhcp-client-identifier 1:{};\n\
             request subnet-mask, tftp-server-name, domain-name-servers, routers, domain-name, cisco-tftp, \
             arp-cache-timeout;\ntimeout 5;\nretry 1;\ninitial-interval 1;\nbackoff-cutoff 1;\ninitial-delay 0;\n",
            vendor_class(plan),
            plan.name(),
            plan.mac
        ),
    )?;
    // Each boot starts without a lease, as a phone that was switched off does.
    std::fs::write(file("leases"), "")?;
    Ok(Programs::find("dhclient").map_err(|missing| missing.to_string()).map(|program| {
        let mut command = program.command();
        command.args(["-4", "-d", "-1", "-cf"]).arg(file("conf")).arg("-lf").arg(file("leases"));
        command.arg("-pf").arg(file("pid")).arg("-sf").arg(script).arg("eth0");
        command
    }))
}
