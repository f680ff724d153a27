//! The whole way on a stuck phone: captured, diagnosed, fixed by what `fix` wrote, booted again, and found back by
//! `verify`, by phone, with each DHCP server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{Run, is_refused, program};
use crate::real::servers::DhcpServer;

/// DHCP server by its name in the lab, and the TFTP servers and clients that are used with it.
const WITH: [(DhcpServer, &[&str]); 3] = [
    (DhcpServer::Dnsmasq, &["--tftpd", "tftpd-hpa", "--dhcp-client", "udhcpc"]),
    (DhcpServer::IscDhcpd, &["--tftpd", "dnsmasq", "--dhcp-client", "mixed"]),
    (DhcpServer::Kea, &["--tftpd", "atftpd", "--dhcp-client", "dhclient"]),
];

fn phonescope() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("phonescope").to_owned()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(phonescope()).args(arguments).output().unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What `verify` says of a capture: its exit code and its report.
fn verified(pack: &Path, capture: &Path) -> (Option<i32>, Value) {
    let output = run(&["verify", "--plan", path(pack), "-T", "json", path(capture)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}")))
}

/// Phones by their state.
fn states(report: &Value) -> Vec<(String, String)> {
    let word = |phone: &Value, key: &str| phone[key].as_str().unwrap().to_owned();
    report["phones"].as_array().unwrap().iter().map(|p| (word(p, "name"), word(p, "state"))).collect()
}

/// From a phone's boot to its registration in milliseconds, as it told itself.
fn took(run: &Run, name: &str) -> f64 {
    let expected = run.expected();
    let phone = expected["phones"].as_array().unwrap().iter().find(|p| p["name"] == name).expect(name).clone();
    let deeds = phone["account"].as_array().unwrap();
    let time = |deed: &Value| deed["time"].as_f64().unwrap();
    let boot = deeds.iter().find(|d| d["event"] == "boot").map(time).unwrap();
    let registered = deeds.iter().find(|d| d["registration"] == "registered").map(time).unwrap();
    (registered - boot) * 1000.0
}

#[test]
fn fix_pack_recovers_a_stuck_phone_and_verify_confirms() {
    std::thread::scope(|scope| {
        for (server, with) in WITH {
            scope.spawn(move || round_trip(server, with));
        }
    });
}

/// The server's own configuration as `fix --dhcp-config` changes it; its patches lead there and back.
fn changed_in_place(folder: &Path, there: &str, site: &Path, capture: &Path) -> String {
    let name = "dhcp-10.30.0.2.conf";
    let out = folder.join("own");
    let mut fix = Command::new(phonescope());
    fix.args(["fix", "--dhcp-config", name, "--site", path(site), path(capture), "--out", path(&out)]);
    let output = fix.current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let of = |extension: &str| out.join(format!("dhcp/{name}.{extension}"));
    let new = fs::read_to_string(of("new")).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), there, "the file itself is not touched");
    if crate::real::program("patch").is_some() {
        for (file, expected) in [("patch", new.as_str()), ("undo.patch", there)] {
            let mut command = Command::new("patch");
            command.args(["-p0", "--batch", "--fuzz=0", "-i", path(&of(file))]).current_dir(folder);
            let applied = command.output().unwrap();
            let said = String::from_utf8_lossy(&applied.stdout).into_owned();
            assert!(applied.status.success() && !said.contains("offset"), "{said}");
            assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), expected, "{file}");
        }
    }
    new
}

fn round_trip(server: DhcpServer, with: &[&str]) {
    let named = server.to_string();
    let arguments = [&["--dhcpd", named.as_str()], with].concat();
    let before = Run::of("founding-case", &arguments);
    if is_refused(&before.output) {
        return;
    }
    assert!(before.output.status.success(), "{named}: {}", before.said());
    let here = tempfile::tempdir().unwrap();
    let pack = here.path().join("pack");
    let (site, capture) = (before.file("site.toml"), before.file("pcapng"));
    let fixed = run(&["fix", "--site", path(&site), path(&capture), "--out", path(&pack)]);
    assert_eq!(fixed.status.code(), Some(1), "{named}: {}", String::from_utf8_lossy(&fixed.stderr));

    // Nothing was applied yet: the capture that the plan was made from is no proof of anything.
    let (code, report) = verified(&pack, &capture);
    assert_eq!(code, Some(1), "{report}");
    assert!(states(&report).iter().all(|(_, state)| state == "not-seen"), "{report}");
    // The phones boot once more, and are stuck as before.
    let again = Run::of("founding-case", &arguments);
    let (code, report) = verified(&pack, &again.file("pcapng"));
    assert_eq!(code, Some(1), "{report}");
    assert!(states(&report).iter().all(|(_, state)| state == "not-recovered"), "{report}");
    let left = report["phones"][0]["left"].to_string();
    assert!(left.contains("DHCP server 10.30.0.2 still names 10.30.0.35"), "{left}");
    assert!(left.contains("It runs load P00303010102, not P00303000300."), "{left}");

    // The pack is applied to the servers: the DHCP text, and the configurations.
    let files = here.path().join("files");
    let written = Command::new(program()).args(["files", "founding-case", path(&files), "--dhcpd", &named]).output();
    assert!(written.unwrap().status.success());
    let there = fs::read_to_string(files.join("dhcp-10.30.0.2.conf")).unwrap();
    let dhcp = here.path().join("dhcp.conf");
    fs::write(&dhcp, changed_in_place(&files, &there, &site, &capture)).unwrap();
    let root = format!("10.30.0.5={}", path(&pack.join("tftp")));
    let live = here.path().join("live.json");
    let exec = format!(
        "{} verify --plan {} -i $LAB_IF -a duration:60 -T json -o {}; echo ended with $?",
        path(&phonescope()),
        path(&pack),
        path(&live)
    );
    // The servers as they were, and nothing but the pack to heal them.
    let with_pack: [&str; 5] = ["--healed", "--dhcp-config", path(&dhcp), "--tftp-root", &root];
    let mut arguments = [&arguments[..], &with_pack].concat();
    if cfg!(feature = "live") {
        arguments.extend(["--exec", &exec]);
    }
    let after = Run::of("founding-case", &arguments);
    assert!(after.output.status.success(), "{named}: {}", after.said());

    let (code, report) = verified(&pack, &after.file("pcapng"));
    assert_eq!(code, Some(0), "{named}: {report}");
    let stuck: Vec<(String, String)> = states(&report);
    assert_eq!(stuck.len(), 2, "the third phone was never ill: {report}");
    for phone in report["phones"].as_array().unwrap() {
        assert_eq!((&phone["state"], &phone["left"]), (&json!("recovered"), &json!([])), "{named}: {phone}");
        assert_eq!(phone["server"]["seen"], "10.30.0.5");
        assert_eq!(phone["load"]["seen"], "P00303000300");
        // The phone's own clock starts when it is switched on, the capture's with its first frame, which may be late
        // where the machine is busy.
        let measured = phone["recovery_ms"].as_f64().unwrap();
        let own = took(&after, phone["name"].as_str().unwrap());
        assert!(measured < own + 100.0 && own < measured + 3000.0, "{named}: {measured} ms, {own} ms by itself");
    }
    if cfg!(feature = "live") {
        let live: Value = serde_json::from_slice(&fs::read(&live).unwrap()).unwrap();
        assert_eq!(states(&live), stuck, "{named}: live and from the file");
        assert!(after.said().contains("ended with 0"), "{named}: {}", after.said());
        assert!(after.said().contains(": recovered in "), "{named}: {}", after.said());
    }
}
