//! The live screen on a real terminal.

use std::fs;

use super::picture;
use super::tmux::Terminal;
use super::{PORT, Stage, phonescope, until};

const MIXED: &str = "founding-case/mixed-site.pcap";

/// Starts the screen in a terminal and plays the capture of a mixed site.
fn screen<'s>(stage: &'s Stage, environment: &str, arguments: &str) -> Option<Terminal<'s>> {
    let terminal = Terminal::open(stage, 80, 24, environment)?;
    terminal.types(&format!("cd {}; clear\n", stage.folder().display()));
    terminal.types(&format!("{} watch -i {PORT} --expect-tftp 10.30.0.5 {arguments}\n", phonescope()));
    terminal.until("no phone seen yet");
    stage.until_it_listens();
    stage.play(&stage.capture(MIXED), 20);
    terminal.until("4 error, 1 healthy with a warning, 1 healthy");
    Some(terminal)
}

/// A word of the screen's own that no shell shows.
const HELP: &str = "? help";

#[test]
fn a_phone_is_opened_searched_for_saved_and_the_run_ended() {
    let Some(stage) = Stage::new() else { return };
    let Some(terminal) = screen(&stage, "", "") else { return };
    picture::keep("watch-list", &terminal);

    // The worst is first, and under the cursor.
    terminal.presses(&["Enter"]);
    let text = terminal.until("[1 Verdict and fix]");
    assert!(text.contains("SEP00036B3A1001"), "{text}");
    assert!(text.contains("ERROR  10.31.0.5 is not the TFTP server of these phones"), "{text}");
    picture::keep("watch-verdict", &terminal);
    terminal.presses(&["2"]);
    terminal.until("announces itself to its switch");
    terminal.presses(&["3"]);
    let text = terminal.until("DISCOVER");
    assert!(text.contains("OFFER") && text.contains("CallManager") && text.contains("RRQ"), "{text}");
    picture::keep("watch-ladder", &terminal);

    // Search within the phone, then in the list.
    terminal.types("/RegisterReject");
    terminal.presses(&["Enter"]);
    terminal.until("10.30.0.10 to phone: RegisterReject Version Error");
    terminal.presses(&["Escape"]);
    terminal.until("q end");
    terminal.types("/7EB3A");
    terminal.presses(&["Enter", "Enter"]);
    terminal.until("[1 Verdict and fix]");
    assert!(terminal.shows().contains("SEP0007EB3A1006"), "{}", terminal.shows());

    // What it said is saved, and Wireshark's own program reads it.
    terminal.presses(&["s"]);
    terminal.until("packets (pcapng)");
    picture::keep("watch-save", &terminal);
    terminal.presses(&["Enter"]);
    terminal.until("frames are in SEP0007EB3A1006-");
    let saved = || {
        fs::read_dir(stage.folder())
            .unwrap()
            .flatten()
            .map(|e| e.path())
            .find(|p| p.extension().is_some_and(|e| e == "pcapng"))
    };
    let file = until("the file is there", saved);
    let report = super::run(&["analyze", "--exit-zero", "-T", "ndjson", file.to_str().unwrap()]);
    let report = String::from_utf8(report.stdout).unwrap();
    let phones = report.lines().filter(|l| l.contains("\"type\":\"phone\"")).count();
    assert!(phones == 1 && report.contains("\"verdict\":\"healthy\""), "{report}");

    // A report on all of them.
    terminal.presses(&["Escape", "s", "Up", "Right", "Down", "Right", "Right", "Down", "C-u"]);
    terminal.types("all.json");
    terminal.presses(&["Enter"]);
    terminal.until("the report on 6 phones is in all.json");
    assert!(stage.read("all.json").contains("phonescope.report/1"));

    // The end is asked for, and the report is written where the screen was.
    terminal.presses(&["q"]);
    terminal.until("End the capture?");
    terminal.presses(&["y"]);
    terminal.until("shell>");
    assert_eq!(terminal.knows("#{alternate_on} #{cursor_flag} #{mouse_any_flag}"), "0 1 0");
    terminal.types("clear; stty -a | grep -o ' echo '; stty -a | grep -o ' icanon'; echo over\n");
    let text = terminal.until("\nover");
    assert!(text.contains(" echo") && text.contains(" icanon"), "{text}");
}

#[test]
fn a_filter_and_a_pause_and_any_size_of_window() {
    let Some(stage) = Stage::new() else { return };
    let Some(terminal) = screen(&stage, "", "") else { return };
    terminal.presses(&["F7", "Down"]);
    terminal.types("rejected");
    terminal.presses(&["Enter"]);
    terminal.until("4 of 6 listed (State rejected");
    terminal.presses(&["Escape"]);
    terminal.until("6 phones");
    terminal.presses(&["p"]);
    terminal.until("PAUSED");
    terminal.presses(&["p", "?"]);
    terminal.until("pause the screen; the capture goes on");
    terminal.presses(&["Escape"]);
    for (columns, lines) in [(10, 3), (1, 1), (200, 60), (80, 24)] {
        terminal.resize(columns, lines);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    terminal.until(HELP);
    terminal.resize(10, 3);
    terminal.until("ERR 3A1001");
    terminal.presses(&["C-c"]);
    terminal.resize(80, 24);
    terminal.until("shell>");
}

#[test]
fn it_stops_and_goes_on_as_the_shell_wants_it() {
    let Some(stage) = Stage::new() else { return };
    let Some(terminal) = screen(&stage, "", "") else { return };
    for how in ["key", "signal"] {
        match how {
            "key" => terminal.presses(&["C-z"]),
            _ => stage.site.shell("kill -TSTP $(pidof phonescope)").unwrap(),
        }
        terminal.until("Stopped");
        assert_eq!(terminal.knows("#{alternate_on} #{cursor_flag}"), "0 1", "{how}");
        terminal.types("clear; fg\n");
        terminal.until(HELP);
        assert_eq!(terminal.knows("#{alternate_on} #{cursor_flag}"), "1 0", "{how}");
    }
    stage.site.shell("kill -TERM $(pidof phonescope)").unwrap();
    terminal.until("shell>");
    assert_eq!(terminal.knows("#{alternate_on} #{cursor_flag}"), "0 1");
}

#[test]
fn a_terminal_that_is_closed_ends_it_and_the_report_is_written() {
    let Some(stage) = Stage::new() else { return };
    let Some(terminal) = screen(&stage, "", "-T json -o report.json") else { return };
    terminal.close();
    let report = until("the report is there", || Some(stage.read("report.json")).filter(|r| !r.is_empty()));
    assert!(report.contains("wrong-tftp-server"), "{report}");
    until("nothing of it is left", || {
        let left = stage.site.command_named("pidof").arg("phonescope").output().unwrap();
        left.stdout.is_empty().then_some(())
    });
}

#[test]
fn old_terminals_and_those_without_colour_are_served() {
    let Some(stage) = Stage::new() else { return };
    for environment in ["TERM=vt100", "NO_COLOR=1"] {
        let Some(terminal) = screen(&stage, environment, "") else { return };
        let text = terminal.shows_in_colour();
        let colours =
            text.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m')).flat_map(|(sgr, _)| sgr.split(';'));
        let coloured: Vec<&str> = colours.filter(|n| n.len() == 2 && n.starts_with(['3', '4', '9'])).collect();
        assert!(coloured.iter().all(|n| *n == "39" || *n == "49"), "{environment}: {coloured:?}");
        assert!(text.contains("ERR"), "{text}");
        terminal.presses(&["C-c"]);
        terminal.until("shell>");
        terminal.close();
    }
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let Some(stage) = Stage::new() else { return };
    let Some(terminal) = Terminal::open(&stage, 80, 24, "TERM=dumb") else { return };
    terminal.types(&format!("{} watch -i {PORT}\n", phonescope()));
    stage.until_it_listens();
    stage.play(&stage.capture("healthy/boot.pcap"), 20);
    let text = terminal.until("verdict healthy");
    assert!(text.contains("SEP00036B3A1001 is registered with 10.30.0.10"), "{text}");
}
