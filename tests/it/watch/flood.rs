//! More frames than can be judged as they come: nothing is concluded from what waits to be read, and nothing is lost
//! without a word.

use std::fs;
use std::path::PathBuf;

use phonescope::capture::{Inputs, Record as Captured};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::tmux::Terminal;
use super::{CABLE, PORT, Stage, Watch, phonescope, until};
use crate::real::namespace::output_within;
use crate::support::capture_file::{Order, Record, Resolution, pcap};

const BOOT: &str = "healthy/boot.pcap";

impl Stage {
    /// Frames as a capture to play.
    fn file(&self, name: &str, frames: &[Vec<u8>]) -> PathBuf {
        let record = |(n, frame): (u64, &Vec<u8>)| Record::whole(1_795_417_200_000_000_000 + n * 1000, frame.clone());
        let records: Vec<Record> = (0..).zip(frames).map(record).collect();
        let path = self.folder().join(name);
        fs::write(&path, pcap(Order::Little, Resolution::Micro, 1, &records)).unwrap();
        path
    }

    fn play_at_once(&self, file: &PathBuf) {
        let mut command = self.site.command(&self.tcpreplay);
        command.args(["-q", "-K", "--topspeed", "-i", CABLE]).arg(file);
        let output = output_within(&mut command, super::SOON).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Watch<'_> {
    /// Lets it go on after a stop, with the command that brought it in, which stops too when it does.
    fn go_on(&self) {
        self.signal("CONT");
        let outside = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(outside, Signal::CONT).unwrap();
    }
}

/// The frames of a boot.
fn boot(stage: &Stage) -> Vec<Vec<u8>> {
    let mut inputs = Inputs::open(&[stage.capture(BOOT)]).unwrap();
    let mut frames = Vec::new();
    while let Some(Captured::Frame(frame)) = inputs.next_record().unwrap() {
        frames.push(frame.data.to_vec());
    }
    frames
}

/// ARP: who has 10.x.y.z, tell 10.99.0.1.
fn question(number: u32) -> Vec<u8> {
    let [_, x, y, z] = number.to_be_bytes();
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 99, 0, 1]);
    frame.extend([0, 0, 0, 0, 0, 0, 10, x, y, z]);
    frame.resize(60, 0);
    frame
}

/// The lines of a kind.
fn lines(out: &str, kind: &str) -> Vec<Value> {
    out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).filter(|v| v["type"] == kind).collect()
}

#[test]
fn an_answer_that_waits_to_be_read_is_no_silence() {
    let Some(stage) = Stage::new() else { return };
    let boot = boot(&stage);
    // Option 53 is the first one: DISCOVER.
    let discover = boot.iter().position(|f| f.get(282..285) == Some(&[53, 1, 1])).expect("a DISCOVER");
    let (before, after) = boot.split_at(discover + 1);
    let mut frames = before.to_vec();
    frames.extend((0..6000).map(question));
    frames.extend_from_slice(after);
    let file = stage.file("late.pcap", &frames);
    let watch = stage.watch(&["-T", "ndjson"]);
    watch.signal("STOP");
    stage.play_at_once(&file);
    // Longer than a phone waits for an offer.
    std::thread::sleep(std::time::Duration::from_secs(6));
    watch.go_on();
    watch.until_said(&["\"change\":\"verdict\"", "\"to\":\"healthy\""]);
    watch.signal("INT");
    assert_eq!(watch.end(), Some(0));
    let out = stage.read("out");
    let began: Vec<Value> = lines(&out, "change").into_iter().filter(|c| c["change"] == "finding-began").collect();
    assert!(began.is_empty(), "{began:?}");
}

#[test]
fn what_came_before_the_end_is_read_or_told_as_dropped() {
    let Some(stage) = Stage::new() else { return };
    let count = 30_000;
    let frames: Vec<Vec<u8>> = (0..count).map(question).collect();
    let file = stage.file("many.pcap", &frames);
    for arguments in [&["-T", "ndjson"][..], &["-T", "ndjson", "-B", "1"]] {
        let watch = stage.watch(arguments);
        watch.signal("STOP");
        stage.play_at_once(&file);
        watch.signal("INT");
        watch.go_on();
        assert_eq!(watch.end(), Some(0));
        let input = lines(&stage.read("out"), "input").pop().unwrap();
        let number = |key: &str| input[key].as_u64().unwrap();
        assert_eq!(number("packets") + number("dropped"), u64::from(count), "{arguments:?}: {input}");
        assert_eq!(number("dropped") > 0, arguments.contains(&"-B"), "{input}");
    }
}

#[test]
fn so_many_frames_as_were_asked_for_are_taken_and_no_more() {
    let Some(stage) = Stage::new() else { return };
    let frames: Vec<Vec<u8>> = (0..10_000).map(question).collect();
    let file = stage.file("many.pcap", &frames);
    for wanted in [1, 4096, 5000] {
        let mut watch = stage.watch(&["-T", "ndjson", "-c", &wanted.to_string()]);
        stage.play_at_once(&file);
        let code = until("it ends", || watch.child.try_wait().unwrap()).code();
        assert_eq!(code, Some(0));
        let input = lines(&stage.read("out"), "input").pop().unwrap();
        assert_eq!(input["packets"], wanted, "{input}");
    }
}

#[test]
fn the_terminal_is_given_back_before_the_last_frames_are_read() {
    let Some(stage) = Stage::new() else { return };
    let frames: Vec<Vec<u8>> = (0..100_000).map(question).collect();
    let file = stage.file("many.pcap", &frames);
    let Some(terminal) = Terminal::open(&stage, 80, 24, "") else { return };
    terminal.types(&format!("{} watch -i {PORT}; stty -a > {}/tty\n", phonescope(), stage.folder().display()));
    stage.until_it_listens();
    stage.play_at_once(&file);
    // The second one ends it at once, in the middle of what is left.
    stage.site.shell("pid=$(pidof phonescope); kill -TERM $pid; sleep 0.5; kill -TERM $pid || true").unwrap();
    let tty = until("it has ended", || Some(stage.read("tty")).filter(|text| !text.is_empty()));
    assert!(tty.contains(" icanon") && tty.contains(" echo "), "{tty}");
    assert_eq!(terminal.knows("#{alternate_on} #{cursor_flag}"), "0 1");
}
