//! Each scenario, recorded and analyzed: the verdicts and states that it means, with its site file and without.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use phonescope::site::Site;
use serde_json::Value;

use super::{Run, is_refused, program};
use crate::product::{list, parse_site, phone, report_on, text};

/// Scenario and arguments. Servers, clients and kinds of span port take turns, so that each is there.
pub(super) const RUNS: &[(&str, &[&str])] = &[
    ("no-dhcp-answer", &[]),
    ("no-dhcp-answer", &["--dhcpd", "isc"]),
    ("call-manager-silent", &[]),
    ("call-manager-deaf", &["--dhcpd", "kea"]),
    ("tftp-silent", &[]),
    ("healthy", &["--phones", "8"]),
    ("healthy", &["--dhcpd", "isc", "--tftpd", "dnsmasq", "--boots", "2"]),
    ("two-clusters", &["--dhcpd", "kea", "--tftpd", "atftpd"]),
    ("two-clusters", &["--dhcp-client", "udhcpc"]),
    ("founding-case", &[]),
    ("founding-case", &["--dhcpd", "isc", "--tftpd", "atftpd", "--dhcp-client", "dhclient"]),
    ("founding-case", &["--dhcpd", "kea", "--tftpd", "dnsmasq"]),
    ("founding-case-fixed", &[]),
    ("downgraded", &["--dhcpd", "kea"]),
    ("load-missing", &[]),
    ("no-dhcp-answer", &["--dhcpd", "kea", "--dhcp-client", "udhcpc"]),
    ("no-tftp-address", &[]),
    ("no-tftp-address", &["--dhcpd", "isc"]),
    ("config-missing", &["--tftpd", "atftpd"]),
    ("config-missing", &[]),
    ("call-manager-refused", &[]),
    ("call-manager-closed", &[]),
    ("call-manager-reset", &[]),
    ("rejected", &[]),
    ("rogue-dhcp", &[]),
    ("rogue-dhcp", &["--dhcpd", "kea"]),
];

/// The span port's kinds that need a switch of ours.
pub(super) const SPANS: &[(&str, &[&str])] = &[
    ("founding-case", &["--span", "vlan"]),
    ("founding-case", &["--span", "qinq"]),
    ("founding-case", &["--span", "priority"]),
    ("founding-case", &["--span", "erspan1"]),
    ("founding-case", &["--span", "erspan2"]),
    ("founding-case", &["--span", "erspan3"]),
    ("founding-case", &["--span", "vxlan"]),
];

#[test]
fn every_scenario_gets_the_verdicts_that_it_means() {
    let spans = if cfg!(feature = "live") { SPANS } else { &[] };
    let jobs: Mutex<Vec<_>> = Mutex::new(RUNS.iter().chain(spans).rev().collect());
    let wrong = Mutex::new(Vec::new());
    // Phones wait most of the time: four for each core.
    let workers = thread::available_parallelism().map_or(2, |n| (4 * n.get()).min(8));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((scenario, arguments)) = { jobs.lock().unwrap().pop() } {
                    let mut run = Run::of(scenario, arguments);
                    // On a machine that is busy with something else a phone may lose patience: once more.
                    if run.output.status.code() == Some(3) {
                        run = Run::of(scenario, arguments);
                    }
                    if is_refused(&run.output) {
                        jobs.lock().unwrap().clear();
                        return;
                    }
                    let name = format!("{scenario} {}", arguments.join(" "));
                    wrong.lock().unwrap().extend(complaints(&run).into_iter().map(|text| format!("{name}: {text}")));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with a run, and with what the program says of it.
pub(super) fn complaints(run: &Run) -> Vec<String> {
    if run.output.status.code() != Some(0) {
        return vec![format!("{}: {}", run.output.status, run.said())];
    }
    let (capture, expected) = (run.capture(), run.expected());
    let site = parse_site("lab.site.toml", &run.site_file());
    let mut wrong = Vec::new();
    for (site, key) in [(&site, "with_site"), (&Site::none(), "without_site")] {
        let report = report_on(&[("lab.pcapng", &capture)], site);
        let phones = list(&expected, "phones");
        if list(&report, "phones").len() != phones.len() {
            wrong.push(format!("{key}: {} phones, not {}", list(&report, "phones").len(), phones.len()));
        }
        for truth in phones {
            match phone(&report, text(truth, "mac")) {
                Some(said) => wrong.extend(differences(said, truth, key, &expected["vlan"])),
                None => wrong.push(format!("{key}: {} is not in the report", truth["mac"])),
            }
        }
    }
    wrong
}

/// How what the report says of a phone differs from what happened.
pub(super) fn differences(said: &Value, truth: &Value, key: &str, vlan: &Value) -> Vec<String> {
    let (meant, end) = (&truth["meant"], &truth["meant"]["end"]);
    let mut wrong = Vec::new();
    let mut hold = |what: &str, said: &Value, right: &Value| {
        if said != right {
            wrong.push(format!("{key}: {what} of {} is {said}, not {right}", truth["name"]));
        }
    };
    hold("registration", &said["registration"]["state"], &end["registration"]);
    hold("DHCP server", &said["dhcp"]["server"], &end["dhcp_server"]);
    // Without libpcap the phones announce nothing, and one that finds no CallManager does not say what it runs.
    if cfg!(feature = "live") || !said["load"]["running"].is_null() {
        hold("load", &said["load"]["running"], &end["load"]);
    }
    hold("CallManager", &said["registration"]["call_manager"], &end["call_manager"]);
    // A priority tag holds VLAN 0, which is none.
    let seen = if said["vlan"] == 0 { &Value::Null } else { &said["vlan"] };
    hold("VLAN", seen, vlan);
    let asked = list(&said["tftp"], "servers").last().unwrap_or(&Value::Null);
    hold("TFTP server", asked, &end["tftp_server"]);
    if !list(meant, key).contains(&said["verdict"]) {
        wrong.push(format!("{key}: {} is {}, not any of {}", truth["name"], said["verdict"], meant[key]));
    }
    wrong
}

#[test]
fn every_scenario_of_the_lab_is_run() {
    let output = Command::new(program()).arg("list").output().unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    let names: Vec<&str> = names.lines().filter(|line| !line.starts_with(' ')).collect();
    assert!(names.len() >= 12, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !RUNS.iter().any(|(run, _)| run == *name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn servers_given_from_outside_decide_what_the_phones_do() {
    let folder = tempfile::tempdir().unwrap();
    let files = |scenario: &str, arguments: &[&str]| {
        let into = folder.path().join(scenario);
        let mut command = Command::new(program());
        let output = command.arg("files").arg(scenario).arg(&into).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        into
    };
    let (broken, fixed) = (files("founding-case", &[]), files("founding-case-fixed", &[]));
    let dhcp = |folder: &Path| folder.join("dhcp-10.30.0.2.conf").display().to_string();
    let root = |folder: &Path| format!("10.30.0.5={}", folder.join("tftp/10.30.0.5").display());

    // The lease is mended, the configurations still name no load: the phones stay stuck, and the lab says so.
    let run = Run::of("founding-case", &["--healed", "--dhcp-config", &dhcp(&fixed)]);
    if is_refused(&run.output) {
        return;
    }
    assert_eq!(run.output.status.code(), Some(3), "{}", run.said());
    assert!(run.said().contains("not as meant"), "{}", run.said());
    assert!(!run.file("pcapng").exists(), "a run that was not as meant leaves no capture");

    // The lease of before, with the mended configurations on the server that nobody asks.
    let run = Run::of("founding-case", &["--healed", "--tftp-root", &root(&fixed), "--dhcp-config", &dhcp(&broken)]);
    assert_eq!(run.output.status.code(), Some(3), "{}", run.said());

    // Both: the phones come back.
    let run = Run::of("founding-case", &["--healed", "--tftp-root", &root(&fixed), "--dhcp-config", &dhcp(&fixed)]);
    assert_eq!(complaints(&run), [""; 0]);
}
