//! The private networks that tests run real servers in, and the programs for them.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::real::daemon::{Daemon, Ready};
use crate::real::namespace::output_within;
use crate::real::programs::Programs;
use crate::real::servers::{DhcpServer, Scope, TftpServer};
use crate::real::{namespace, program};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_program_that_nobody_has_is_missing_and_said_by_name() {
    let missing = Programs::find("no-such-program").unwrap_err().to_string();
    assert!(missing.contains("no-such-program"), "{missing}");
    assert!(missing.contains("neither on the PATH"), "{missing}");
}

#[test]
fn each_dhcp_server_leases_what_its_configuration_says() {
    let Some(udhcpc) = program("udhcpc") else { return };
    for server in DhcpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { return };
        let scope = Scope {
            server: Ipv4Addr::new(10, 20, 0, 2),
            range: (100, 150),
            option_150: vec![Ipv4Addr::new(10, 20, 0, 5), Ipv4Addr::new(10, 20, 0, 6)],
            option_66: Some("tftp.example".to_owned()),
            lease_seconds: 600,
            others: Vec::new(),
        };
        let file = site.folder().join("dhcp.conf");
        fs::write(&file, server.configuration(&scope)).unwrap();
        let host = site.host("dhcp", "10.20.0.2/24").unwrap();
        let running = server.start(&host, &file, site.folder()).unwrap();
        let phone = site.host_without_address("phone", Some("00:30:94:c2:d3:fa")).unwrap();
        let mut client = phone.command(&udhcpc);
        client.args(["-i", "eth0", "-f", "-q", "-n", "-t", "5", "-T", "1", "-O", "150", "-O", "66", "-s"]);
        let output = output_within(client.arg(script(site.folder())), SOON).unwrap();
        let lease = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{server}: {}\n{}", String::from_utf8_lossy(&output.stderr), running.log());
        assert!(lease.starts_with("150=0a1400050a140006 66=tftp.example ip=10.20.0.1"), "{server}: {lease}");
    }
}

/// What udhcpc runs when it has a lease: it says what it knows.
fn script(folder: &Path) -> PathBuf {
    let path = folder.join("said");
    fs::write(&path, "#!/bin/sh\n[ \"$1\" = bound ] && echo 150=$opt150 66=$tftp ip=$ip; exit 0\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn each_tftp_server_serves_the_folder() {
    let Some(curl) = program("curl") else { return };
    for server in TftpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { return };
        if site.is_unprivileged() && server.needs_root() {
            println!("skipped: {server} changes its user, which a user namespace refuses");
            continue;
        }
        let root = site.folder().join("tftp");
        fs::create_dir(&root).unwrap();
        let content = vec![b'x'; 1024];
        fs::write(root.join("SEP003094C2D3FA.cnf.xml"), &content).unwrap();
        let host = site.host("tftp", "10.20.0.5/24").unwrap();
        let running = server.start(&host, &root).unwrap();
        let phone = site.host("phone", "10.20.0.100/24").unwrap();
        let mut get = phone.command(&curl);
        get.args(["-sS", "-m", "5", "tftp://10.20.0.5/SEP003094C2D3FA.cnf.xml"]);
        let output = output_within(&mut get, SOON).unwrap();
        assert_eq!(output.stdout, content, "{server}: {}", String::from_utf8_lossy(&output.stderr));
        let mut get = phone.command(&curl);
        let output = output_within(get.args(["-sS", "-m", "5", "tftp://10.20.0.5/none"]), SOON).unwrap();
        // 68: "TFTP file not found".
        assert_eq!(output.status.code(), Some(68), "{server}: {}", running.log());
    }
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
    let folder = site.folder().to_owned();
    fs::write(folder.join("log"), "text").unwrap();
    site.shell(&format!("mkdir '{0}/small' && mount -t tmpfs none '{0}/small'", folder.display())).unwrap();
    // The network goes first: the kernel ends what runs in it.
    drop(site);
    assert!(!folder.exists(), "its folder is still there");
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
