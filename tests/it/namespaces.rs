//! The private networks that tests run real servers in, and the programs for them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::real::daemon::{Daemon, Ready};
use crate::real::namespace::{output_within, succeeds};
use crate::real::{namespace, program, programs::Programs};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_program_that_nobody_has_is_missing_and_said_by_name() {
    let missing = Programs::find("no-such-program").unwrap_err().to_string();
    assert!(missing.contains("no-such-program"), "{missing}");
    assert!(missing.contains("neither on the PATH"), "{missing}");
}

#[test]
fn a_lease_of_dnsmasq_reaches_a_client_on_the_bridge() {
    let (Some(dnsmasq), Some(udhcpc)) = (program("dnsmasq"), program("udhcpc")) else { return };
    let Some(site) = namespace() else { return };
    if site.is_unprivileged() {
        println!("skipped: dnsmasq changes its user, which a user namespace refuses");
        return;
    }
    let server = site.host("dhcp", "10.20.0.2/24").unwrap();
    let mut command = server.command(&dnsmasq);
    command.args(["--keep-in-foreground", "--log-facility=-", "--no-ping", "--port=0", "--conf-file=/dev/null"]);
    command.args(["--user=root", "--dhcp-range=10.20.0.100,10.20.0.150,10m", "--dhcp-option=150,10.20.0.5"]);
    command.arg(format!("--dhcp-leasefile={}", site.folder().join("leases").display()));
    let running = Daemon::start(command, Ready::Udp(67)).unwrap();

    let phone = site.host_without_address("phone", Some("00:30:94:c2:d3:fa")).unwrap();
    let mut client = phone.command(&udhcpc);
    client.args(["-i", "eth0", "-f", "-q", "-n", "-t", "5", "-T", "1", "-O", "150", "-s", "/bin/echo"]);
    succeeds(&mut client).unwrap();
    assert!(running.log().contains("DHCPACK(eth0) 10.20.0.1"), "{}", running.log());
    assert!(running.log().contains("00:30:94:c2:d3:fa"), "{}", running.log());
}

#[test]
fn nothing_is_left_of_a_network_that_is_dropped() {
    let Some(site) = namespace() else { return };
    let host = site.host("one", "10.20.0.2/24").unwrap();
    let mut sleeper = host.command_named("sleep");
    sleeper.arg("1000.125");
    let daemon = Daemon::start(sleeper, Ready::AtOnce).unwrap();
    assert!(wait_for(|| runs("1000.125")), "it was never seen");
    drop(host);
    // The network goes first: the kernel ends what runs in it.
    drop(site);
    assert!(wait_for(|| !runs("1000.125")), "it runs still");
    drop(daemon);
}

#[test]
fn a_server_that_can_not_start_says_why() {
    let Some(site) = namespace() else { return };
    let host = site.host("one", "10.20.0.2/24").unwrap();
    let mut command = host.command_named("sh");
    command.args(["-c", "echo no such configuration >&2; exit 3"]);
    let error = Daemon::start(command, Ready::Udp(67)).unwrap_err();
    assert!(error.contains("no such configuration"), "{error}");
}

#[test]
fn a_command_that_hangs_is_ended() {
    let Some(site) = namespace() else { return };
    let host = site.host("one", "10.20.0.2/24").unwrap();
    let mut command = host.command_named("sleep");
    command.arg("1000.25");
    let error = output_within(&mut command, Duration::from_millis(300)).unwrap_err();
    assert!(error.contains("took longer"), "{error}");
    assert!(wait_for(|| !runs("1000.25")), "it runs still");
}

#[test]
fn hosts_on_the_bridge_reach_each_other_and_no_one_else() {
    let Some(site) = namespace() else { return };
    let one = site.host("one", "10.20.0.2/24").unwrap();
    let route = output_within(one.command_named("cat").arg("/proc/net/route"), SOON).unwrap();
    let route = String::from_utf8(route.stdout).unwrap();
    assert_eq!(route.lines().count(), 2, "one route, its own network: {route}");
    let links = output_within(one.command_named("ls").arg("/sys/class/net"), SOON).unwrap();
    assert_eq!(String::from_utf8(links.stdout).unwrap().split_whitespace().collect::<Vec<_>>(), ["eth0", "lo"]);
}

/// Whether a process of this machine has this argument.
fn runs(argument: &str) -> bool {
    let has = |path: &Path| {
        let words = fs::read(path.join("cmdline")).unwrap_or_default();
        words.split(|b| *b == 0).any(|word| word == argument.as_bytes())
    };
    fs::read_dir("/proc").unwrap().flatten().any(|entry| has(&entry.path()))
}

fn wait_for(condition: impl Fn() -> bool) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        condition()
    })
}
