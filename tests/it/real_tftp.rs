//! `verify --send` against the TFTP servers that phones meet, over IPv4 and IPv6.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::real::namespace::{Host, output_within};
use crate::real::servers::TftpServer;
use crate::real::{namespace, program};

const LOAD: &str = "P00303000300";
/// Phones by what is served to them.
const RIGHT: &str = "SEP0030943A1001";
const MISSING: &str = "SEP0030943A1002";
const OTHER_CASE: &str = "SEP0030943A1003";
const WRONG_LOAD: &str = "SEP0030943A1004";
const LOAD_GONE: &str = "SEP0030943A1005";

fn config(load: &str) -> String {
    format!(
        "<device>\n<callManagerGroup><members><member priority=\"0\"><callManager><processNodeName>10.20.0.10\
         </processNodeName></callManager></member></members></callManagerGroup>\n\
         <loadInformation>{load}</loadInformation>\n<sshPassword>hunter2</sshPassword>\n</device>\n"
    )
}

/// What the server has. The load's length is a multiple of a block's, so that it ends with an empty one.
fn fill(root: &Path) {
    fs::create_dir(root).unwrap();
    let file = |name: &str, content: &[u8]| fs::write(root.join(name), content).unwrap();
    file(&format!("{RIGHT}.cnf.xml"), config(LOAD).as_bytes());
    file("SEP0030943a1003.cnf.xml", config(LOAD).as_bytes());
    file(&format!("{WRONG_LOAD}.cnf.xml"), config("P00303010102").as_bytes());
    file(&format!("{LOAD_GONE}.cnf.xml"), config("P00303000299").as_bytes());
    file(&format!("{LOAD}.bin"), &[7; 129_024]);
    file("P00303010102.bin", &[9; 1000]);
}

struct Asked {
    code: Option<i32>,
    text: String,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }
}

fn ask(host: &Host<'_>, server: &str, phone: &str, more: &[&str]) -> Asked {
    let mut command = host.command_named(assert_cmd::cargo::cargo_bin!("phonescope"));
    command.args(["verify", "--send", "--tftp", server, "--phone", phone]).args(more);
    let output = output_within(&mut command, Duration::from_secs(60)).unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    Asked { code: output.status.code(), text }
}

/// How each thing stands, as `verify` says it.
fn standings(asked: &Asked) -> Vec<String> {
    let word = |point: &Value, key: &str| point[key].as_str().unwrap().to_owned();
    let json = asked.json();
    let points = json["checks"][0]["points"].as_array().unwrap().iter();
    points.map(|p| format!("{} {}", word(p, "subject"), word(p, "standing"))).collect()
}

#[test]
fn what_a_server_has_is_told_as_it_is() {
    for server in TftpServer::ALL {
        let (Some(_), Some(site)) = (program(server.program_name()), namespace()) else { continue };
        if site.is_unprivileged() && server.needs_root() {
            println!("skipped: {server} changes its user, which a user namespace refuses");
            continue;
        }
        let root = site.folder().join("tftp");
        fill(&root);
        let host = site.host("tftp", "10.20.0.5/24").unwrap();
        host.ip("address add 2001:db8:20::5/64 dev eth0 nodad").unwrap();
        let _running = server.start(&host, &root).unwrap();
        let asking = site.host("admin", "10.20.0.100/24").unwrap();
        asking.ip("address add 2001:db8:20::100/64 dev eth0 nodad").unwrap();
        for address in ["10.20.0.5", "2001:db8:20::5"] {
            if address.contains(':') && !server.speaks_ipv6() {
                let asked = ask(&asking, address, RIGHT, &["--timeout", "5"]);
                assert_eq!(asked.code, Some(1), "{server}: {}", asked.text);
                assert!(asked.text.contains("nobody listens on this port"), "{server}: {}", asked.text);
                continue;
            }
            check(server, &asking, address);
            compare(server, &asking, address, &root);
        }
    }
}

fn check(server: TftpServer, asking: &Host<'_>, address: &str) {
    let ask = |phone: &str| ask(asking, address, phone, &["--load", LOAD, "-T", "json"]);
    let asked = ask(RIGHT);
    let json = asked.json();
    assert_eq!(asked.code, Some(0), "{server} {address}: {}", asked.text);
    assert_eq!(standings(&asked), ["configuration right", "load-named right", "load-file right"]);
    // The length without the octets: they were not fetched.
    let load = &json["checks"][0]["files"][1];
    assert_eq!(
        (load["outcome"].as_str(), load["bytes"].as_u64()),
        (Some("there"), Some(129_024)),
        "{server} {address}"
    );

    let asked = ask(MISSING);
    assert_eq!(asked.code, Some(1), "{server} {address}: {}", asked.text);
    assert_eq!(standings(&asked), ["configuration wrong", "load-file right"], "{server} {address}");
    assert_eq!(asked.json()["checks"][0]["files"][0]["outcome"], "missing", "{server} {address}");

    let asked = ask(OTHER_CASE);
    assert_eq!(asked.code, Some(1), "{server} {address}: {}", asked.text);
    assert_eq!(standings(&asked), ["configuration wrong", "load-named right", "load-file right"]);
    assert!(asked.text.contains("SEP0030943a1003.cnf.xml is: rename it"), "{server} {address}: {}", asked.text);

    let asked = ask(WRONG_LOAD);
    assert_eq!(asked.code, Some(1), "{server} {address}: {}", asked.text);
    let expected = ["configuration right", "load-named wrong", "load-file right", "load-file right"];
    assert_eq!(standings(&asked), expected, "{server} {address}: the load that it names is there, too");

    let asked = ask(LOAD_GONE);
    assert_eq!(asked.code, Some(1), "{server} {address}: {}", asked.text);
    let expected = ["configuration right", "load-named wrong", "load-file wrong", "load-file right"];
    assert_eq!(standings(&asked), expected, "{server} {address}");
}

/// `--full` fetches whole files; with a file of the same name here, they are compared.
fn compare(server: TftpServer, asking: &Host<'_>, address: &str, root: &Path) {
    let here = tempfile::tempdir().unwrap();
    let ours = here.path().join(format!("{RIGHT}.cnf.xml"));
    let arguments = ["--load", LOAD, "--full", "--compare", ours.to_str().unwrap()];
    fs::copy(root.join(format!("{RIGHT}.cnf.xml")), &ours).unwrap();
    let asked = ask(asking, address, RIGHT, &arguments);
    assert_eq!(asked.code, Some(0), "{server} {address}: {}", asked.text);
    assert!(asked.text.contains("P00303000300.bin is there, 129024 octets."), "{server} {address}: {}", asked.text);
    fs::write(&ours, config(LOAD).replace("hunter2", "hunter9")).unwrap();
    let asked = ask(asking, address, RIGHT, &arguments);
    assert_eq!(asked.code, Some(1), "{server} {address}: {}", asked.text);
    let flat = asked.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("is not the same as") && flat.contains("in line 4."), "{server} {address}: {flat}");
}

#[test]
fn a_host_without_a_server_and_no_host_at_all_are_told_apart() {
    let Some(site) = namespace() else { return };
    let _host = site.host("tftp", "10.20.0.5/24").unwrap();
    let asking = site.host("admin", "10.20.0.100/24").unwrap();
    let asked = ask(&asking, "10.20.0.5", RIGHT, &["--timeout", "5"]);
    assert_eq!(asked.code, Some(1));
    assert!(asked.text.contains("nobody listens on this port"), "{}", asked.text);
    // Nobody answers ARP: the kernel says so after three seconds.
    let asked = ask(&asking, "10.20.0.6", RIGHT, &["--timeout", "5"]);
    assert_eq!(asked.code, Some(1));
    assert!(asked.text.contains("the host can not be reached"), "{}", asked.text);
    // No way there.
    let asked = ask(&asking, "10.99.0.5", RIGHT, &["--timeout", "5"]);
    assert_eq!(asked.code, Some(1));
    assert!(asked.text.contains("the host can not be reached"), "{}", asked.text);
}
