//! Each scenario, watched live while it is recorded: what is said at the end is what the packets say offline and what
//! the scenario means, and what is said on the way is said in time.

mod latency;
mod lines;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use phonescope::site::Site;
use serde_json::Value;

use super::scenarios::{SPANS, complaints, differences};
use super::{Run, is_refused};
use crate::product::{findings_of, list, parse_site, phone, report_on, text};
use latency::Latencies;
use lines::Lines;

/// Scenarios, each once; servers and clients take turns.
const RUNS: &[(&str, &[&str])] = &[
    ("call-manager-silent", &[]),
    ("call-manager-deaf", &["--dhcpd", "kea"]),
    ("no-dhcp-answer", &["--dhcpd", "isc"]),
    ("tftp-silent", &[]),
    ("healthy", &["--phones", "8"]),
    ("two-clusters", &["--dhcpd", "kea", "--tftpd", "atftpd"]),
    ("founding-case", &[]),
    ("founding-case-fixed", &["--dhcpd", "isc"]),
    ("downgraded", &["--dhcpd", "kea"]),
    ("load-missing", &[]),
    ("no-tftp-address", &[]),
    ("config-missing", &["--tftpd", "atftpd"]),
    ("call-manager-refused", &[]),
    ("call-manager-closed", &[]),
    ("call-manager-reset", &["--tftpd", "dnsmasq"]),
    ("rejected", &[]),
    ("rogue-dhcp", &[]),
];

/// What a verdict may take on a machine that does other things too. `docs/live.md` has what it takes.
const BOUND: Duration = Duration::from_secs(2);

/// How a run is watched.
#[derive(Clone, Copy)]
struct Watch<'a> {
    scenario: &'a str,
    arguments: &'a [&'a str],
    /// What `-i` names.
    port: &'a str,
    with_site: bool,
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures of the documentation come from here")]
fn live_verdicts_match_the_packets_and_are_on_time() {
    let any = Watch { scenario: "founding-case", arguments: &[], port: "any", with_site: true };
    let runs = RUNS.iter().chain(SPANS).enumerate();
    let runs =
        runs.map(|(n, (scenario, arguments))| Watch { scenario, arguments, port: "$LAB_IF", with_site: n % 2 == 0 });
    let jobs: Mutex<Vec<Watch<'_>>> = Mutex::new(runs.chain([any]).collect());
    let (wrong, all) = (Mutex::new(Vec::new()), Mutex::new(Latencies::default()));
    // Phones wait most of the time; but who is measured must not wait for the others.
    let workers = thread::available_parallelism().map_or(1, |n| n.get().min(4));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(job) = { jobs.lock().unwrap().pop() } {
                    // On a machine that is busy with something else a phone may lose patience, and we may be late: once
                    // more.
                    let outcome = job.play().filter(|o| o.is_fine()).or_else(|| job.play());
                    let Some(outcome) = outcome else {
                        jobs.lock().unwrap().clear();
                        return;
                    };
                    let name = format!("{} {} on {}", job.scenario, job.arguments.join(" "), job.port);
                    println!("{name}: {}", outcome.latencies);
                    wrong.lock().unwrap().extend(outcome.wrong.iter().map(|text| format!("{name}: {text}")));
                    all.lock().unwrap().add(outcome.latencies);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    println!("all: {all}");
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What came of a run.
struct Outcome {
    wrong: Vec<String>,
    latencies: Latencies,
}

impl Outcome {
    fn is_fine(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl Watch<'_> {
    /// Plays the scenario once; `None`: it can not run here, which was said.
    fn play(&self) -> Option<Outcome> {
        let beside = tempfile::tempdir().unwrap();
        let file = |name: &str| beside.path().join(name);
        let (kept, said) = (file("live.pcapng"), file("said"));
        let lines = Lines::listen(&file("lines"));
        let site = if self.with_site { "--site $LAB_SITE" } else { "" };
        let exec = format!(
            "{} watch -i {} {site} -T ndjson -Z root -w {} >{} 2>{}",
            env!("CARGO_BIN_EXE_phonescope"),
            self.port,
            kept.display(),
            file("lines").display(),
            said.display()
        );
        let run = Run::of(self.scenario, &[self.arguments, &["--exec", &exec]].concat());
        let lines = lines.end();
        if is_refused(&run.output) {
            return None;
        }
        let mut wrong = complaints(&run);
        let mut latencies = Latencies::default();
        if wrong.is_empty() {
            wrong.extend(self.compare(&run, &lines, &kept, &mut latencies));
        }
        if !wrong.is_empty() {
            wrong.push(format!("watch said: {}", std::fs::read_to_string(said).unwrap_or_default()));
        }
        Some(Outcome { wrong, latencies })
    }

    /// What is wrong with what was said live.
    fn compare(&self, run: &Run, lines: &[lines::Line], kept: &Path, latencies: &mut Latencies) -> Vec<String> {
        let mut wrong = Vec::new();
        let site = if self.with_site { parse_site("lab.site.toml", &run.site_file()) } else { Site::none() };
        let key = if self.with_site { "with_site" } else { "without_site" };
        let expected = run.expected();
        let live = lines::report(lines);
        let kept = read(kept);
        for truth in list(&expected, "phones") {
            match phone(&live, text(truth, "mac")) {
                Some(said) => wrong.extend(differences(said, truth, key, &expected["vlan"])),
                None => wrong.push(format!("live: {} is not in the report", truth["mac"])),
            }
        }
        for (file, bytes) in [("what it kept", kept.clone()), ("the recording", run.capture())] {
            let offline = report_on(&[(file, &bytes)], &site);
            let (here, there) = (findings(&live), findings(&offline));
            if here != there {
                wrong.push(format!("live: {here:#?}, from {file}: {there:#?}"));
            }
        }
        let errors = latencies.measure(lines, &kept, &site);
        wrong.extend(errors);
        if let Some((worst, of)) = latencies.worst().filter(|(worst, _)| *worst > BOUND) {
            wrong.push(format!("{worst:?} until it was said: {of}"));
        }
        wrong
    }
}

fn read(path: &Path) -> Vec<u8> {
    let path: PathBuf = path.to_owned();
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// By phone: its verdict, and its findings by code, severity and confidence.
fn findings(report: &Value) -> Vec<(String, String, Vec<String>)> {
    let of = |phone: &Value| {
        let mut all: Vec<String> = findings_of(report, phone)
            .into_iter()
            .map(|f| format!("{} {} {}", text(f, "code"), text(f, "severity"), text(f, "confidence")))
            .collect();
        all.sort();
        (text(phone, "mac").to_owned(), text(phone, "verdict").to_owned(), all)
    };
    list(report, "phones").iter().map(of).collect()
}

#[test]
fn every_scenario_is_watched_live_once() {
    let scenarios: Vec<&str> = super::scenarios::RUNS.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = scenarios.iter().filter(|name| !RUNS.iter().any(|(run, _)| run == *name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
