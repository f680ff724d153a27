//! The DHCP texts of a fix, applied as they say and served by the programs that they are for to real clients: the lease
//! must carry what was promised, and after the undo what it carried before. Appended as they stand they do nothing.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use phonescope::diagnosis::{ScopeObstacle, ScopePhone, ScopeReach, TftpSource};
use phonescope::remedy::dhcp::{Platform, Scope, Snippet};
use serde_json::Value;

use crate::real::namespace::{Host, Namespace, output_within};
use crate::real::servers::{DhcpServer, Scope as Served};
use crate::real::{namespace, program};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);
const RIGHT: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 20, 0, 5), Ipv4Addr::new(10, 20, 0, 6)];
const WRONG: Ipv4Addr = Ipv4Addr::new(10, 31, 0, 5);
const SOON: Duration = Duration::from_secs(20);

/// What a scope names before: option 150, option 66.
struct Before {
    option_150: Vec<Ipv4Addr>,
    option_66: Option<&'static str>,
    /// The address of the next server; `None`: what the program fills in by itself.
    siaddr: Option<Ipv4Addr>,
}

impl Before {
    /// The configuration of a server that leases this.
    fn configuration(&self, server: DhcpServer) -> String {
        let text = server.configuration(&self.served());
        let Some(next) = self.siaddr else { return text };
        match server {
            DhcpServer::Dnsmasq => format!("{text}dhcp-boot=,,{next}\n"),
            DhcpServer::IscDhcpd => text.replace("  range ", &format!("  next-server {next};\n  range ")),
            DhcpServer::Kea => {
                let mut json = json(&text);
                json["Dhcp4"]["subnet4"][0]["next-server"] = next.to_string().into();
                json.to_string()
            }
        }
    }

    fn served(&self) -> Served {
        Served {
            server: SERVER,
            range: (100, 150),
            option_150: self.option_150.clone(),
            option_66: self.option_66.map(str::to_owned),
            lease_seconds: 600,
            others: Vec::new(),
        }
    }

    /// The scope as a capture of its leases shows it.
    fn scope(&self) -> Scope {
        let mut sources = Vec::new();
        if !self.option_150.is_empty() {
            let names = self.option_150.iter().map(|ip| ip.to_string().as_str().into()).collect();
            sources.push((TftpSource::Option150, names));
        }
        if let Some(name) = self.option_66 {
            sources.push((TftpSource::Option66, vec![name.into()]));
        }
        if let Some(next) = self.siaddr {
            sources.push((TftpSource::Siaddr, vec![next.to_string().as_str().into()]));
        }
        let network = Some((Ipv4Addr::new(10, 20, 0, 0), Ipv4Addr::new(255, 255, 255, 0)));
        Scope { server: SERVER, network, sources, unusable: Vec::new(), reach: ScopeReach::Whole }
    }

    fn lease(&self) -> Lease {
        let option_66 = self.option_66.map(str::to_owned);
        Lease { option_150: self.option_150.clone(), option_66, siaddr: self.siaddr }
    }
}

/// What a client was told.
#[derive(PartialEq, Eq, Debug)]
struct Lease {
    option_150: Vec<Ipv4Addr>,
    option_66: Option<String>,
    /// `None` also where it is not to be compared.
    siaddr: Option<Ipv4Addr>,
}

pub(crate) fn platform_of(server: DhcpServer) -> Platform {
    match server {
        DhcpServer::Dnsmasq => Platform::Dnsmasq,
        DhcpServer::IscDhcpd => Platform::IscDhcpd,
        DhcpServer::Kea => Platform::Kea,
    }
}

fn snippet(server: DhcpServer, before: &Before) -> Snippet {
    let right: Vec<IpAddr> = RIGHT.iter().map(|ip| (*ip).into()).collect();
    let mut all = before.scope().snippets(&right).into_iter();
    all.find(|s| s.platform == platform_of(server)).expect("a text for every platform")
}

/// Does with the text what its steps say: changes the line that is there, under the name that it has there, or adds one.
pub(crate) fn applied(server: DhcpServer, configuration: &str, text: &str) -> String {
    let lines = || text.lines().take_while(|l| !l.contains("Undo:"));
    if server == DhcpServer::Kea {
        let text: String = lines().filter(|l| !l.starts_with("//")).collect();
        return merged(configuration, &text);
    }
    // The line of the text, as this configuration writes it; taken out where there is none.
    let new: Option<String> = lines().find_map(|line| match server {
        DhcpServer::IscDhcpd => line.strip_prefix("option NAME ").map(|v| format!("  option cisco-tftp {v}")),
        _ => {
            let (_, value) = line.strip_prefix("dhcp-option=tag:")?.split_once(",150,")?;
            Some(format!("dhcp-option=150,{value}"))
        }
    });
    let is_there = |line: &str| match server {
        DhcpServer::IscDhcpd => line.trim().starts_with("option cisco-tftp") && !line.contains(" code "),
        _ => line.starts_with("dhcp-option=150"),
    };
    let mut done: Vec<String> = configuration.lines().filter(|l| !is_there(l)).map(str::to_owned).collect();
    let place = done.iter().position(|l| l.starts_with("subnet ")).map_or(done.len(), |at| at + 1);
    if let Some(new) = new {
        done.insert(place, new);
    }
    done.join("\n") + "\n"
}

/// As an operator merges: the entry in place of the one for option 150, by its name or its code.
fn merged(configuration: &str, text: &str) -> String {
    let mut there = json(configuration);
    let subnet = &mut there["Dhcp4"]["subnet4"][0];
    let mut data: Vec<Value> = subnet["option-data"].as_array().unwrap().clone();
    data.retain(|d| d["name"] != "cisco-tftp" && d["code"] != 150);
    if !text.trim().is_empty() {
        let new = json(text);
        let ours = &new["Dhcp4"]["subnet4"][0];
        assert_eq!(subnet["subnet"], ours["subnet"]);
        data.extend(ours["option-data"].as_array().unwrap().iter().cloned());
    }
    subnet["option-data"] = data.into();
    there.to_string()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Has the program itself look at a file; `Err`: what it says.
fn accepts(server: DhcpServer, site: &Namespace, file: &Path) -> Result<(), String> {
    let program = server.program().unwrap();
    let mut command = site.command_named("env");
    command.args(["KEA_LOCKFILE_DIR=/run/kea", "KEA_PIDFILE_DIR=/run/kea"]).args(program.words());
    match server {
        DhcpServer::Dnsmasq => command.arg("--test").arg("-C").arg(file),
        DhcpServer::IscDhcpd => command.arg("-t").arg("-cf").arg(file),
        DhcpServer::Kea => command.arg("-t").arg(file),
    };
    let output = output_within(&mut command, SOON)?;
    let said = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}

/// Serves a configuration and has a client ask for a lease.
fn lease(server: DhcpServer, site: &Namespace, host: &Host<'_>, phone: &Host<'_>, configuration: &str) -> Lease {
    let file = site.folder().join("served.conf");
    fs::write(&file, configuration).unwrap();
    let running = server.start(host, &file, site.folder()).unwrap();
    let client = program("udhcpc").expect("udhcpc was there");
    let mut command = phone.command(&client);
    command.args(["-i", "eth0", "-f", "-q", "-n", "-t", "5", "-T", "1", "-O", "150", "-O", "66", "-s"]);
    let output = output_within(command.arg(script(site.folder())), SOON).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{server}: {said}{}", running.log());
    let value = |name: &str| {
        let line = said.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| panic!("{server}: {said}"));
        Some(line.to_owned()).filter(|v| !v.is_empty())
    };
    let hex = value("150=").unwrap_or_default();
    let octets: Vec<u8> = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
    let option_150 = octets.chunks(4).map(|c| Ipv4Addr::new(c[0], c[1], c[2], c[3])).collect();
    let siaddr = value("siaddr=").and_then(|v| v.parse().ok());
    Lease { option_150, option_66: value("66="), siaddr }
}

/// What udhcpc runs when it has a lease.
fn script(folder: &Path) -> PathBuf {
    let path = folder.join("told");
    fs::write(&path, "#!/bin/sh\n[ \"$1\" = bound ] && printf '150=%s\\n66=%s\\nsiaddr=%s\\n' \"$opt150\" \"$tftp\" \"$siaddr\"; exit 0\n")
        .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn befores() -> Vec<Before> {
    let of = |option_150: &[Ipv4Addr], option_66, siaddr| Before { option_150: option_150.to_vec(), option_66, siaddr };
    vec![
        of(&[WRONG], None, None),
        of(&[WRONG, RIGHT[0]], Some("10.31.0.5"), None),
        of(&[], Some("tftp-31.example"), None),
        // A name for computers stays what it is.
        of(&[WRONG], Some("pxe.example"), None),
        of(&[], None, Some(WRONG)),
        of(&[WRONG], None, Some(WRONG)),
    ]
}

/// Option 150 alone is changed: by the others computers may boot.
fn promised(before: &Before) -> Lease {
    Lease { option_150: RIGHT.to_vec(), ..before.lease() }
}

#[test]
fn text_that_is_appended_is_refused_or_changes_nothing() {
    if program("udhcpc").is_none() {
        return;
    }
    for server in DhcpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { continue };
        let file = site.folder().join("text.conf");
        for before in befores() {
            let snippet = snippet(server, &before);
            let there = before.configuration(server);
            for text in [Some(&snippet.config), snippet.undo.as_ref()].into_iter().flatten() {
                let appended = format!("{there}\n{text}");
                fs::write(&file, &appended).unwrap();
                let is_comment = text.lines().all(|l| l.starts_with(snippet.platform.comment().trim_end()));
                match accepts(server, &site, &file) {
                    Err(said) => assert!(server != DhcpServer::Dnsmasq, "{said}\n{appended}"),
                    Ok(()) => assert!(server == DhcpServer::Dnsmasq || is_comment, "{server} takes {appended}"),
                }
            }
        }
        if server == DhcpServer::Dnsmasq {
            let before = &befores()[0];
            let host = site.host("dhcp", "10.20.0.2/24").unwrap();
            let phone = site.host_without_address("phone", Some("00:30:94:c2:d3:fa")).unwrap();
            let appended = format!("{}\n{}", before.configuration(server), snippet(server, before).config);
            let lease = lease(server, &site, &host, &phone, &appended);
            assert_eq!(lease.option_150, before.option_150, "the tag is set by nothing");
        }
    }
}

/// A change for single phones reaches them, and nobody else.
#[test]
fn lines_for_single_phones_reach_only_them() {
    if program("udhcpc").is_none() {
        return;
    }
    let (ill, well) = ("00:30:94:c2:d3:fa", "00:30:94:c2:d3:fb");
    for server in DhcpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { continue };
        let before = &befores()[0];
        let phone = ScopePhone { mac: ill.parse().unwrap(), address: Some(Ipv4Addr::new(10, 20, 0, 100)) };
        let why = ScopeObstacle::HealthyPhones { phones: 1, first: well.parse().unwrap() };
        let scope = Scope { reach: ScopeReach::Phones { phones: vec![phone], why }, ..before.scope() };
        let right: Vec<IpAddr> = RIGHT.iter().map(|ip| (*ip).into()).collect();
        let snippet = scope.snippets(&right).into_iter().find(|s| s.platform == platform_of(server)).unwrap();
        let there = before.configuration(server);
        let fixed = match server {
            DhcpServer::Dnsmasq => format!("{there}{}", snippet.config),
            DhcpServer::IscDhcpd => format!("{there}{}", snippet.config.replace("option NAME", "option cisco-tftp")),
            DhcpServer::Kea => {
                let text: String = snippet.config.lines().filter(|l| !l.starts_with("//")).collect();
                let mut there = json(&there);
                there["Dhcp4"]["subnet4"][0]["reservations"] =
                    json(&text)["Dhcp4"]["subnet4"][0]["reservations"].clone();
                there.to_string()
            }
        };
        let host = site.host("dhcp", "10.20.0.2/24").unwrap();
        for (name, mac, expected) in [("ill", ill, RIGHT.to_vec()), ("well", well, vec![WRONG])] {
            let phone = site.host_without_address(name, Some(mac)).unwrap();
            let lease = lease(server, &site, &host, &phone, &fixed);
            assert_eq!(lease.option_150, expected, "{server}, {name}: {fixed}");
        }
    }
}

#[test]
fn files_of_packs_appended_do_nothing() {
    let here = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let captures: Vec<PathBuf> =
        ["founding-case", "wrong-tftp-server", "malformed-tftp-option", "no-tftp-address", "load-trap"]
            .iter()
            .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "pcap" || e == "pcapng"))
            .collect();
    let mut texts = Vec::new();
    for (n, capture) in captures.iter().enumerate() {
        let out = here.path().join(n.to_string());
        let mut fix = std::process::Command::new(assert_cmd::cargo::cargo_bin!("phonescope"));
        fix.args(["fix", "--site"]).arg(root.join("founding-case/site.toml")).arg("--out").arg(&out).arg(capture);
        let output = fix.output().unwrap();
        assert!(output.status.code().is_some_and(|c| c < 2), "{}", String::from_utf8_lossy(&output.stderr));
        let files = fs::read_dir(out.join("dhcp")).into_iter().flatten().map(|entry| entry.unwrap().path());
        texts.extend(files.map(|file| (capture.clone(), file)));
    }
    for server in DhcpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { continue };
        let (name, _) = platform_of(server).file();
        let there = befores()[0].configuration(server);
        let mut tried = 0;
        for (capture, file) in &texts {
            if file.file_name().unwrap().to_str().unwrap().starts_with(name) {
                let appended = site.folder().join("appended.conf");
                fs::write(&appended, there.clone() + &fs::read_to_string(file).unwrap()).unwrap();
                let is_accepted = accepts(server, &site, &appended).is_ok();
                assert_eq!(
                    is_accepted,
                    server == DhcpServer::Dnsmasq,
                    "{server}: {} of {}",
                    file.display(),
                    capture.display()
                );
                tried += 1;
            }
        }
        assert!(tried >= 5, "{server}: {tried}");
    }
}

#[test]
fn real_lease_has_the_fix_and_after_undo_the_old_value() {
    if program("udhcpc").is_none() {
        return;
    }
    for server in DhcpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { continue };
        let host = site.host("dhcp", "10.20.0.2/24").unwrap();
        let phone = site.host_without_address("phone", Some("00:30:94:c2:d3:fa")).unwrap();
        for before in befores() {
            let there = before.configuration(server);
            let lease = |configuration: &str| {
                let lease = lease(server, &site, &host, &phone, configuration);
                // What the program fills in where nothing is said is its own matter.
                Lease { siaddr: lease.siaddr.filter(|_| before.siaddr.is_some()), ..lease }
            };
            assert_eq!(lease(&there), before.lease(), "{server}: before");
            let snippet = snippet(server, &before);
            let fixed = applied(server, &there, &snippet.config);
            assert_eq!(lease(&fixed), promised(&before), "{server}: {fixed}");
            let back = applied(server, &fixed, snippet.undo.as_deref().unwrap());
            assert_eq!(lease(&back), before.lease(), "{server}: {back}");
        }
    }
}

/// A client of another making reads the same.
#[test]
fn dhclient_reads_the_same_servers() {
    let Some(dhclient) = program("dhclient") else { return };
    for server in DhcpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { continue };
        let host = site.host("dhcp", "10.20.0.2/24").unwrap();
        let phone = site.host_without_address("phone", Some("00:30:94:c2:d3:fa")).unwrap();
        let before = &befores()[0];
        let there = before.configuration(server);
        let file = site.folder().join("served.conf");
        fs::write(&file, applied(server, &there, &snippet(server, before).config)).unwrap();
        let running = server.start(&host, &file, site.folder()).unwrap();
        let settings = site.folder().join("dhclient.conf");
        let asks = "option cisco-tftp code 150 = array of ip-address;\nrequest subnet-mask, routers, cisco-tftp;\n";
        fs::write(&settings, format!("{asks}timeout 10;\n")).unwrap();
        let leases = site.folder().join("dhclient.leases");
        let mut command = phone.command(&dhclient);
        command.args(["-4", "-1", "-d", "-sf", "/bin/true", "-pf", "/dev/null", "-cf"]).arg(&settings).arg("-lf");
        let daemon = crate::real::daemon::Daemon::start(
            {
                command.arg(&leases).arg("eth0");
                command
            },
            crate::real::daemon::Ready::AtOnce,
        )
        .unwrap();
        let mut text = String::new();
        for _ in 0..1000 {
            text = fs::read_to_string(&leases).unwrap_or_default();
            if text.contains('}') {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(
            text.contains("option cisco-tftp 10.20.0.5,10.20.0.6;"),
            "{server}: {text}\n{}\n{}",
            daemon.log(),
            running.log()
        );
    }
}
