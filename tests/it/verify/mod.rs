//! `phonescope verify`: against servers in this process, good and bad, and on captures.

mod http;
mod passive;
mod servers;
mod tftp;

use std::path::Path;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

const PHONE: &str = "SEP003094C2D3FA";
const CONFIG_NAME: &str = "SEP003094C2D3FA.cnf.xml";
const LOAD: &str = "P00303000300";
const LOAD_FILE: &str = "P00303000300.bin";
const PASSWORD: &str = "hunter2";

/// A configuration that names a load, and holds a password.
fn config(load: &str) -> Vec<u8> {
    format!(
        "<device>\n<devicePool><callManagerGroup><members><member priority=\"0\"><callManager><processNodeName>10.30.0.10\
         </processNodeName></callManager></member></members></callManagerGroup></devicePool>\n\
         <loadInformation>{load}</loadInformation>\n<sshPassword>{PASSWORD}</sshPassword>\n</device>\n"
    )
    .into_bytes()
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
    took: Duration,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.stderr))
    }

    /// Has this text, wherever its lines are broken; and no password and nothing that a terminal acts on.
    fn says(&self, text: &str) -> &Ran {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(text), "no \"{text}\" in:\n{all}");
        assert!(!all.contains(PASSWORD), "{all}");
        assert!(all.chars().all(|c| c == '\n' || !c.is_control()), "{all}");
        self
    }
}

fn verify(arguments: &[&str]) -> Ran {
    verify_with(&[], arguments)
}

fn verify_with(environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("phonescope"));
    let began = Instant::now();
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("verify").args(arguments).envs(environment.iter().copied());
    let output = command.timeout(Duration::from_secs(60)).output().unwrap();
    Ran {
        code: output.status.code().expect("it took more than a minute"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: began.elapsed(),
    }
}

/// A pack with the plan of one phone, in a folder.
fn pack(folder: &Path, change: impl FnOnce(&mut Value)) {
    let mut plan = serde_json::json!({
        "schema": "phonescope.plan/1", "made_from": ["before.pcap"], "as_of": "2001-06-04T07:00:00.000000000Z",
        "phones": [{
            "mac": "00:30:94:c2:d3:fa", "name": PHONE, "model": "7960", "ip": null, "vlan": null,
            "cause": "wrong-tftp-server", "dhcp_server": "10.30.0.2", "tftp_now": "10.31.0.5",
            "tftp_right": ["10.30.0.5"], "load_now": "P00303010102", "load_wanted": LOAD,
            "call_managers": ["10.30.0.10"], "cluster": null, "config_name": CONFIG_NAME,
            "config_file": format!("tftp/{CONFIG_NAME}")
        }]
    });
    change(&mut plan);
    std::fs::write(folder.join("plan.json"), serde_json::to_vec_pretty(&plan).unwrap()).unwrap();
    std::fs::create_dir_all(folder.join("tftp")).unwrap();
    std::fs::write(folder.join("tftp").join(CONFIG_NAME), config(LOAD)).unwrap();
}
