//! The lab leaves nothing behind, however it ends, and says what went wrong.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Run, is_refused, program};

/// Whether a process of this machine has a word on its command line that contains this.
fn runs(part: &str) -> bool {
    let has = |path: &Path| {
        let words = fs::read(path.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(part)
    };
    fs::read_dir("/proc").unwrap().flatten().any(|entry| has(&entry.path()))
}

fn wait_for(condition: impl Fn() -> bool) -> bool {
    (0..1500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        condition()
    })
}

/// Whether the folder is empty.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

/// Starts a scenario that takes nine seconds, with its files in the folder; `None`: it can not run here.
fn started(folder: &Path) -> Option<Child> {
    let mut command = Command::new(program());
    command.args(["run", "call-manager-silent"]).env("TMPDIR", folder);
    let mut lab = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let part = format!("{}/", folder.display());
    let is_phone = || {
        let name = |path: &Path| fs::read(path.join("cmdline")).unwrap_or_default();
        let phone = |path: &Path| {
            let words = String::from_utf8_lossy(&name(path)).into_owned();
            words.contains("\0phone\0") && words.contains(&part)
        };
        fs::read_dir("/proc").unwrap().flatten().any(|entry| phone(&entry.path()))
    };
    for _ in 0..1500 {
        if is_phone() {
            return Some(lab);
        }
        if lab.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = lab.wait_with_output().unwrap();
    assert!(is_refused(&output), "{}", String::from_utf8_lossy(&output.stderr));
    None
}

#[test]
fn nothing_is_left_when_the_lab_is_killed_or_interrupted() {
    for signal in ["KILL", "TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let Some(mut lab) = started(folder.path()) else { return };
        let status = Command::new("kill").args(["-s", signal, &lab.id().to_string()]).status().unwrap();
        assert!(status.success());
        lab.wait().unwrap();
        let part = folder.path().display().to_string();
        assert!(wait_for(|| !runs(&part)), "{signal}: something of it runs still");
        assert!(wait_for(|| is_empty(folder.path())), "{signal}: its folder is still there");
    }
}

#[test]
fn nothing_is_left_after_a_server_that_can_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "no-such-option\n").unwrap();
    let mut command = Command::new(program());
    command.args(["run", "healthy", "--dhcp-config"]).arg(file.path()).env("TMPDIR", folder.path());
    let output = command.output().unwrap();
    if is_refused(&output) {
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no-such-option") || said.contains("bad option"), "{said}");
    assert!(!runs(&folder.path().display().to_string()), "something of it runs still");
    assert!(is_empty(folder.path()), "its folder is still there");
}

#[test]
fn command_runs_during_recording_and_is_stopped_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("said");
    let said = "echo $LAB_IF; ls /sys/class/net; grep -c '^name' $LAB_SITE; sleep 60; echo ended with $?";
    let line = format!("exec >'{}'; {said}", file.display());
    let run = Run::of("healthy", &["--exec", &line]);
    if is_refused(&run.output) {
        return;
    }
    assert_eq!(run.output.status.code(), Some(0), "{}", run.said());
    // 130: SIGINT.
    assert_eq!(fs::read_to_string(&file).unwrap(), "span\nlo\nspan\n2\nended with 130\n");
    assert_eq!(run.expected()["exec"]["code"], 0);
}

#[test]
fn what_is_no_scenario_is_said() {
    let run = Run::of("no-such-scenario", &[]);
    assert_eq!(run.output.status.code(), Some(2));
    assert!(run.said().contains("there is no scenario no-such-scenario"), "{}", run.said());
}
