//! How long after its packet a verdict is there.
//!
//! The same packets are recorded beside `watch` with the kernel's times. Judged step by step afterwards they tell when
//! each verdict could be had at the earliest; a line's arrival tells when it was.
//!
//! Larger: `PHONES=5000 cargo test --release --test it watch::latency -- --nocapture`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use phonescope::analyzer::Analyzer;
use phonescope::capture::{Inputs, Record};
use phonescope::diagnosis::Verdict;
use phonescope::report::{ChangeKind, Changes};
use phonescope::site::Site;
use phonescope::types::Timestamp;
use serde_json::Value;

use super::{PORT, Stage, phonescope, until};
use crate::real::program;
use crate::support::span::{Plan, write};

/// The times of decisions are known to within this; what is counted is the earliest that they can be.
const STEP: Duration = Duration::from_millis(20);
/// What the issue of a live view promises.
const PROMISED: Duration = Duration::from_secs(1);

type Told = BTreeMap<(String, &'static str), Vec<Timestamp>>;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(since.as_nanos() as i64)
}

/// The capture to play: a mixed site, or as many phones as are wanted.
fn played(stage: &Stage) -> (PathBuf, u32) {
    let Some(phones) = std::env::var("PHONES").ok().and_then(|n| n.parse().ok()) else {
        return (stage.capture("founding-case/mixed-site.pcap"), 10);
    };
    let path = stage.folder().join("many.pcap");
    let mut out = BufWriter::new(File::create(&path).unwrap());
    write(&mut out, Plan { packets: 0, phones }).unwrap();
    out.flush().unwrap();
    (path, 1)
}

/// When each phone got each verdict, judged in steps of [`STEP`].
fn decided(recorded: &Path, site: &Site) -> Told {
    let mut inputs = Inputs::open(&[recorded.to_owned()]).unwrap();
    let (mut analyzer, mut changes, mut told) = (Analyzer::new(), Changes::new(), Told::new());
    let mut began: Option<Timestamp> = None;
    let mut judge = |analyzer: &mut Analyzer, began: Timestamp| {
        analyzer.handle_timeout(began.plus(STEP));
        for change in changes.update(&analyzer.diagnose(site), began) {
            let to = change.to.as_ref().map(|t| t.raw().to_owned()).unwrap_or_default();
            if let (ChangeKind::Verdict, Some(word)) = (change.kind, word(&to)) {
                told.entry((change.mac.to_string(), word)).or_default().push(began);
            }
        }
    };
    while let Some(record) = inputs.next_record().unwrap() {
        let Record::Frame(frame) = record else { continue };
        let start = *began.get_or_insert(frame.time);
        let mut start = start;
        while frame.time > start.plus(STEP) {
            judge(&mut analyzer, start);
            start = start.plus(STEP);
            began = Some(start);
        }
        analyzer.handle_frame(&frame);
    }
    judge(&mut analyzer, began.unwrap_or_default());
    told
}

/// A verdict as the documents have it; none that is no decision.
fn word(verdict: &str) -> Option<&'static str> {
    let codes = phonescope::findings::RULES.iter().map(|rule| rule.code.as_str());
    codes.chain([Verdict::Healthy.as_str()]).find(|code| *code == verdict)
}

/// What was waited for between a decision and its line, shortest first.
fn waits(decided: &Told, said: &[(String, &'static str, Timestamp)]) -> Vec<Duration> {
    let mut waits: Vec<Duration> = said
        .iter()
        .filter_map(|(mac, word, arrived)| {
            let times = decided.get(&(mac.clone(), *word))?;
            let at = times.iter().rev().find(|at| *at <= arrived)?;
            Some(arrived.since(*at))
        })
        .collect();
    waits.sort_unstable();
    waits
}

#[test]
fn verdict_follows_its_packet_within_a_second() {
    let (Some(tcpdump), Some(stage)) = (program("tcpdump"), Stage::new()) else { return };
    let (file, times_as_fast) = played(&stage);
    let recorded = stage.folder().join("recorded.pcap");
    let mut recorder = stage.site.command(&tcpdump);
    recorder.args(["-i", PORT, "-B", "65536", "-U", "-Z", "root", "--time-stamp-precision=nano", "-w"]).arg(&recorded);
    let mut recorder = recorder.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut watch = stage.site.command_named(phonescope());
    watch.args(["watch", "-i", PORT, "-T", "ndjson", "--expect-tftp", "10.30.0.5"]);
    let mut watch = watch.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let stamped = lines.map_while(Result::ok).map(|line| (now(), line));
        stamped.filter(|(_, line)| line.contains("\"change\":\"verdict\"")).collect::<Vec<_>>()
    });
    until("both listen", || {
        let sockets = stage.site.command_named("cat").arg("/proc/net/packet").output().unwrap().stdout;
        (String::from_utf8_lossy(&sockets).lines().count() > 2).then_some(())
    });
    std::thread::sleep(Duration::from_millis(500));

    stage.play(&file, times_as_fast);
    std::thread::sleep(Duration::from_secs(3));
    for name in ["tcpdump", "phonescope"] {
        stage.site.shell(&format!("kill -INT $(pidof {name})")).unwrap();
    }
    until("the recorder ends", || recorder.try_wait().unwrap());
    until("watch ends", || watch.try_wait().unwrap());
    let lines = reader.join().unwrap();

    let said: Vec<(String, &'static str, Timestamp)> = lines
        .iter()
        .filter_map(|(arrived, line)| {
            let line: Value = serde_json::from_str(line).unwrap();
            Some((line["mac"].as_str()?.to_owned(), word(line["to"].as_str()?)?, *arrived))
        })
        .collect();
    let site = Site::none().with_expected_tftp(&["10.30.0.5".parse().unwrap()]);
    let decided = decided(&recorded, &site);
    let waits = waits(&decided, &said);
    let phones: std::collections::BTreeSet<&String> = decided.keys().map(|(mac, _)| mac).collect();
    let (median, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!(
        "{} verdicts of {} phones in {} KiB: median {} ms, 99 of 100 below {} ms, worst {} ms",
        waits.len(),
        phones.len(),
        fs::metadata(&recorded).unwrap().len() >> 10,
        median.as_millis(),
        waits[waits.len() * 99 / 100].as_millis(),
        worst.as_millis()
    );
    for mac in phones {
        assert!(said.iter().any(|(said, ..)| said == mac), "no verdict of {mac} was said");
    }
    assert!(worst <= PROMISED, "{worst:?}");
}
