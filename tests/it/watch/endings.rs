//! However a run ends, its report is written.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::{CABLE, PORT, Stage, phonescope, until};

const BOOT: &str = "healthy/boot.pcap";

#[test]
fn every_signal_that_ends_it_leaves_a_report() {
    let Some(stage) = Stage::new() else { return };
    for signal in ["INT", "TERM", "HUP"] {
        let watch = stage.watch(&["-q"]);
        stage.play(&stage.capture(BOOT), 20);
        watch.until_said(&["verdict healthy"]);
        watch.signal(signal);
        assert_eq!(watch.end(), Some(0), "{signal}");
        let out = stage.read("out");
        assert!(out.contains("1 phone: 1 healthy. No error was found."), "{signal}: {out}");
    }
}

#[test]
fn a_condition_ends_it_and_nothing_seen_is_said_as_such() {
    let Some(stage) = Stage::new() else { return };
    let watch = stage.watch(&["-a", "duration:1"]);
    assert_eq!(watch.end(), Some(0));
    assert!(stage.read("out").contains("so nothing can be said about any phone"), "{}", stage.read("out"));
}

#[test]
fn a_port_that_is_taken_away_ends_it_with_a_report() {
    let Some(stage) = Stage::new() else { return };
    let watch = stage.watch(&[]);
    stage.play(&stage.capture(BOOT), 20);
    watch.until_said(&["verdict healthy"]);
    stage.site.ip(&format!("link del {CABLE}")).unwrap();
    // The rights to open it again were given up, so nothing is left to wait for.
    assert_eq!(watch.end(), Some(3));
    assert!(stage.read("out").contains("1 phone: 1 healthy"), "{}", stage.read("out"));
    assert!(stage.read("err").contains(PORT), "{}", stage.read("err"));
}

#[test]
fn a_port_that_goes_down_is_waited_for() {
    let Some(stage) = Stage::new() else { return };
    let watch = stage.watch(&[]);
    stage.site.ip(&format!("link set {PORT} down")).unwrap();
    until("it is said", || stage.read("err").contains(PORT).then_some(()));
    stage.site.ip(&format!("link set {PORT} up")).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    stage.play(&stage.capture(BOOT), 20);
    watch.until_said(&["verdict healthy"]);
    watch.signal("INT");
    assert!(watch.end().is_some());
    assert!(stage.read("out").contains("1 phone: 1 healthy"), "{}", stage.read("out"));
}

#[test]
fn closed_pipe_ends_quietly_and_the_file_is_written() {
    let Some(stage) = Stage::new() else { return };
    let mut command = stage.site.command_named(phonescope());
    let file = stage.folder().join("report.json");
    command.args(["watch", "-i", PORT, "-T", "json", "-o"]).arg(&file);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    stage.until_it_listens();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    stage.play(&stage.capture(BOOT), 20);
    assert!(lines.next().unwrap().unwrap().contains("SEP00036B3A1001 appears"));
    drop(lines);
    // The next line finds nobody.
    stage.play(&stage.capture("founding-case/mixed-site.pcap"), 40);
    let output = until("it ends", || child.try_wait().unwrap());
    assert!(matches!(output.code(), Some(0 | 1)), "{output}: whatever was seen by then");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert!(!said.contains("cannot") && !said.contains("panic"), "{said}");
    assert!(stage.read("report.json").contains("phonescope.report/1"));
}
