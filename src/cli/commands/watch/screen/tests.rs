//! The screen with keys given and cells compared.

use std::net::IpAddr;
use std::path::Path;

use phonescope::analyzer::Analyzer;
use phonescope::capture::{Inputs, Record};
use phonescope::diagnosis::{BootStep, Code, Confidence, Detail, Diagnosis, RegistrationState, Verdict};
use phonescope::event::InputSummary;
use phonescope::site::Site;
use phonescope::types::WireText;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::*;
use crate::cli::commands::watch::screen::snapshot::{Counters, Row};

const LOOK: Look = Look { color: true, unicode: true };
const PLAIN: Look = Look { color: false, unicode: false };
/// What a hostile network could send.
const HOSTILE: &str = "a\x1b]0;x\x07\x1b[2J\u{202e}b\u{9b}c\u{200b}\r\n\u{e0041}電";

/// A phone that is rejected, with the wrong TFTP server.
pub(super) fn row(n: u8) -> Row {
    Row {
        mac: Mac([0, 0x30, 0x94, 0, 0, n]),
        label: Mac([0, 0x30, 0x94, 0, 0, n]).device_name(),
        model: Some("7960".to_owned()),
        ip: Some(IpAddr::from([10, 50, 0, n])),
        vlan: Some(110),
        step: BootStep::Registration(RegistrationState::Rejected),
        since: None,
        verdict: Verdict::Finding(Code::WrongTftpServer),
        rank: Rank::Error,
        load: Some("P00305000301".into()),
        dhcp: Some(IpAddr::from([10, 30, 0, 2])),
        tftp: Some(IpAddr::from([10, 1, 1, 9])),
        call_manager: Some(IpAddr::from([10, 30, 0, 10])),
        codes: vec![Code::WrongTftpServer, Code::RegistrationRejected],
        title: Some(("10.1.1.9 is the wrong TFTP server".to_owned(), Confidence::Certain)),
        index: usize::from(n),
        findings: vec![],
    }
}

/// A capture that was taken in.
struct Seen {
    analyzer: Analyzer,
    site: Site,
    time: Timestamp,
}

impl Seen {
    fn new(capture: &str) -> Seen {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(capture);
        let mut inputs = Inputs::open(&[path]).unwrap();
        let (mut analyzer, mut time, mut packets) = (Analyzer::new(), Timestamp(0), 0);
        while let Some(record) = inputs.next_record().unwrap() {
            if let Record::Frame(frame) = record {
                analyzer.handle_frame(&frame);
                time = time.max(frame.time);
                packets += 1;
            }
        }
        let port = InputSummary { path: "eth0".into(), format: "live".into(), packets, ..InputSummary::default() };
        analyzer.handle_inputs(vec![port]);
        let site = Site::none().with_expected_tftp(&[IpAddr::from([10, 30, 0, 5])]);
        Seen { analyzer, site, time }
    }

    fn diagnosis(&self) -> Diagnosis<'_> {
        self.analyzer.diagnose(&self.site)
    }

    /// SaveFormat the console shows a diagnosis; `alter` may change its phones.
    fn show(&self, screen: &mut Screen, width: u16, alter: impl Fn(&mut phonescope::diagnosis::PhoneReport)) {
        let d = self.diagnosis();
        let rows: Vec<Row> = d
            .phones(Detail::State)
            .enumerate()
            .map(|(index, mut phone)| {
                alter(&mut phone);
                Row::new(index, &phone)
            })
            .collect();
        if let Some(row) = screen.wants(width).and_then(|mac| rows.iter().find(|row| row.mac == mac)) {
            let mut phone = d.phone(row.index, Detail::Story);
            alter(&mut phone);
            screen.set_opened(Opened::new(&d, phone, width, screen.verbose, self.time));
        }
        screen.set_snapshot(Snapshot::new(&d, rows, self.time, &Counters::default()));
    }

    /// The screen after some keys.
    fn screen(&self, look: Look, width: u16, keys: &[Input]) -> Screen {
        let mut screen = Screen::new(look, self.time);
        self.show(&mut screen, width, |_| ());
        for key in keys {
            if screen.handle(*key) == Action::Judge {
                self.show(&mut screen, width, |_| ());
            }
        }
        screen
    }
}

fn drawn(screen: &mut Screen, width: u16, height: u16) -> String {
    let now = screen.snapshot.time;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame, now)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = (0..height).map(|y| {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn typed(text: &str) -> Vec<Input> {
    text.chars().map(Input::Char).collect()
}

const MIXED: &str = "founding-case/mixed-site.pcap";

#[test]
fn the_list_is_drawn_worst_first() {
    let seen = Seen::new(MIXED);
    insta::assert_snapshot!("list-80x24", drawn(&mut seen.screen(LOOK, 80, &[]), 80, 24));
    insta::assert_snapshot!("list-120x40", drawn(&mut seen.screen(LOOK, 120, &[Input::Down]), 120, 40));
    insta::assert_snapshot!("list-10x3", drawn(&mut seen.screen(LOOK, 10, &[]), 10, 3));
}

#[test]
fn a_phone_is_drawn_with_its_fix_its_timeline_and_its_ladder() {
    let seen = Seen::new(MIXED);
    insta::assert_snapshot!("phone-80x24", drawn(&mut seen.screen(LOOK, 80, &[Input::Enter]), 80, 24));
    let timeline = [Input::Enter, Input::Char('2'), Input::Down];
    insta::assert_snapshot!("timeline-80x24", drawn(&mut seen.screen(LOOK, 80, &timeline), 80, 24));
    let ladder = [Input::Enter, Input::Char('3'), Input::Down, Input::Down, Input::Down];
    insta::assert_snapshot!("ladder-80x24", drawn(&mut seen.screen(LOOK, 80, &ladder), 80, 24));
    insta::assert_snapshot!("ladder-120x40", drawn(&mut seen.screen(LOOK, 120, &ladder), 120, 40));
    insta::assert_snapshot!("ladder-plain-80x24", drawn(&mut seen.screen(PLAIN, 80, &ladder), 80, 24));
}

#[test]
fn what_lies_over_the_screen_is_drawn() {
    let seen = Seen::new(MIXED);
    for (name, key) in [("help", Input::Char('?')), ("filter", Input::F(7)), ("save", Input::Char('s'))] {
        insta::assert_snapshot!(format!("{name}-80x24"), drawn(&mut seen.screen(LOOK, 80, &[key]), 80, 24));
    }
}

#[test]
fn every_size_is_drawn_with_everything_on_it() {
    let seen = Seen::new(MIXED);
    let views: [&[Input]; 8] = [
        &[],
        &[Input::Enter],
        &[Input::Enter, Input::Char('2'), Input::End],
        &[Input::Enter, Input::Char('3'), Input::End],
        &[Input::Char('?')],
        &[Input::F(7), Input::Up],
        &[Input::Char('s'), Input::Down],
        &[Input::Char('q')],
    ];
    for keys in views {
        for look in [LOOK, PLAIN] {
            for (width, height) in [(1, 1), (2, 2), (10, 3), (9, 1), (1, 40), (17, 5), (33, 8), (45, 9), (300, 100)] {
                let mut screen = seen.screen(look, width, keys);
                drawn(&mut screen, width, height);
                // A key after a resize finds everything in place.
                screen.handle(Input::PageDown);
                screen.handle(Input::Click(0, height));
                drawn(&mut screen, width.max(3), height);
            }
        }
    }
}

#[test]
fn in_ten_columns_and_three_lines_the_worst_is_to_be_seen() {
    let seen = Seen::new(MIXED);
    let text = drawn(&mut seen.screen(PLAIN, 10, &[]), 10, 3);
    assert!(text.lines().any(|line| line.starts_with("ERR")), "{text}");
}

#[test]
fn without_colour_no_cell_has_one_and_the_state_is_in_words() {
    let seen = Seen::new(MIXED);
    for keys in [&[][..], &[Input::Enter], &[Input::Enter, Input::Char('3')], &[Input::F(7)]] {
        let mut screen = seen.screen(PLAIN, 80, keys);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| screen.draw(frame, seen.time)).unwrap();
        let buffer = terminal.backend().buffer();
        let plain = [ratatui::style::Color::Reset];
        assert!(buffer.content().iter().all(|c| plain.contains(&c.fg) && plain.contains(&c.bg)));
        assert!(buffer.content().iter().all(|c| c.symbol().is_ascii()));
        assert!(buffer.content().iter().any(|c| c.modifier.contains(Modifier::REVERSED)));
    }
    let text = drawn(&mut seen.screen(PLAIN, 80, &[]), 80, 24);
    assert!(text.contains("ERR ") && text.contains("ok") && text.contains("rejected"), "{text}");
}

#[test]
fn nothing_hostile_reaches_a_cell() {
    let seen = Seen::new(MIXED);
    let hostile = |phone: &mut phonescope::diagnosis::PhoneReport| {
        phone.name = Some(WireText::from(HOSTILE));
        phone.model = Some(HOSTILE.to_owned());
        phone.load.running = Some(WireText::from(HOSTILE));
        phone.narrative = HOSTILE.to_owned();
        phone.registration.reject_text = Some(WireText::from(HOSTILE));
        phone.timeline.iter_mut().for_each(|entry| entry.text = HOSTILE.to_owned());
        phone.ladder.iter_mut().for_each(|arrow| arrow.label = HOSTILE.to_owned());
    };
    for (width, height) in [(200, 50), (80, 24), (10, 3)] {
        for keys in ["", "\n", "\n2", "\n3", "f", "s", "?"] {
            let mut screen = Screen::new(LOOK, seen.time);
            seen.show(&mut screen, width, hostile);
            for key in keys.chars() {
                screen.handle(if key == '\n' { Input::Enter } else { Input::Char(key) });
                seen.show(&mut screen, width, hostile);
            }
            screen.say(HOSTILE.to_owned());
            screen.snapshot.counters.ports = vec![HOSTILE.to_owned()];
            let text = drawn(&mut screen, width, height);
            let raw: Vec<char> = text
                .chars()
                .filter(|c| c.is_control() && *c != '\n' || "\u{202e}\u{200b}\u{e0041}".contains(*c))
                .collect();
            assert!(raw.is_empty(), "{keys:?} at {width}: {raw:?} in {text}");
        }
    }
}

#[test]
fn the_cursor_stays_on_its_phone_when_the_order_changes() {
    let snapshot = |ranks: [Rank; 3]| {
        let mut rows: Vec<Row> = (1..=3).map(row).zip(ranks).map(|(row, rank)| Row { rank, ..row }).collect();
        rows.sort_by_key(|row| row.rank);
        Snapshot { rows, ..Snapshot::default() }
    };
    let mut screen = Screen::new(LOOK, Timestamp(0));
    // Until it is moved it stays on the worst, whichever that is.
    screen.set_snapshot(snapshot([Rank::Healthy, Rank::Error, Rank::Booting]));
    screen.set_snapshot(snapshot([Rank::Error, Rank::Booting, Rank::Healthy]));
    assert_eq!(screen.cursor, Some(row(1).mac));
    screen.handle(Input::Down);
    let cursor = screen.cursor;
    assert_eq!(cursor, Some(row(2).mac));
    screen.set_snapshot(snapshot([Rank::Healthy, Rank::Error, Rank::Booting]));
    assert_eq!((screen.cursor, screen.at()), (cursor, Some(0)));
    screen.set_snapshot(Snapshot::default());
    assert_eq!(screen.cursor, None);
}

#[test]
fn a_filter_lists_some_and_escape_lists_all() {
    let seen = Seen::new(MIXED);
    let keys = [vec![Input::F(7), Input::Down], typed("registered"), vec![Input::Enter]].concat();
    let mut screen = seen.screen(LOOK, 80, &keys);
    assert_eq!((screen.listed.len(), screen.snapshot.rows.len()), (2, 6));
    let text = drawn(&mut screen, 80, 24);
    assert!(text.contains("2 of 6 listed (State registered; Esc lists all)"), "{text}");
    screen.handle(Input::Esc);
    assert_eq!(screen.listed.len(), 6);
    // The values that there are can be gone through.
    screen.handle(Input::F(7));
    screen.handle(Input::Down);
    screen.handle(Input::Right);
    screen.handle(Input::Right);
    screen.handle(Input::Enter);
    assert_eq!((screen.filter.words(), screen.listed.len()), ("State rejected".to_owned(), 4));
}

#[test]
fn search_steps_through_matches_and_reports_none() {
    let seen = Seen::new(MIXED);
    let keys = [typed("/"), typed("healthy"), vec![Input::Enter]].concat();
    let mut screen = seen.screen(LOOK, 80, &keys);
    let first = screen.at().unwrap();
    assert_eq!(screen.snapshot.rows[first].verdict, Verdict::Healthy);
    screen.handle(Input::Char('n'));
    assert_eq!(screen.at(), Some(first + 1));
    screen.handle(Input::Char('N'));
    assert_eq!(screen.at(), Some(first));
    [typed("/"), typed("no such thing"), vec![Input::Enter]].concat().into_iter().for_each(|k| drop(screen.handle(k)));
    assert!(screen.note().contains("no phone in the list has no such thing"), "{}", screen.note());
    // In a phone its lines are searched.
    let keys = [vec![Input::Enter], typed("2"), typed("/"), typed("rejects"), vec![Input::Enter]].concat();
    let screen = seen.screen(LOOK, 80, &keys);
    assert!(screen.note().contains("rejects it"), "{}", screen.note());
}

#[test]
fn a_pause_holds_the_view_and_the_capture_goes_on() {
    let seen = Seen::new(MIXED);
    let mut screen = seen.screen(LOOK, 80, &[Input::Char('p')]);
    screen.set_snapshot(Snapshot::default());
    let text = drawn(&mut screen, 80, 24);
    assert!(text.contains("PAUSED") && text.contains("6 phones"), "{text}");
    assert_eq!(screen.handle(Input::Char('p')), Action::Judge);
    screen.set_snapshot(Snapshot::default());
    assert!(drawn(&mut screen, 80, 24).contains("no phone seen yet"));
}

#[test]
fn the_run_ends_when_it_is_confirmed_or_with_ctrl_c() {
    let seen = Seen::new(MIXED);
    let mut screen = seen.screen(LOOK, 80, &[Input::Char('q')]);
    assert!(drawn(&mut screen, 80, 24).contains("End the capture?"));
    assert_eq!(screen.handle(Input::Char('n')), Action::Nothing);
    screen.handle(Input::Char('q'));
    assert_eq!(screen.handle(Input::Char('y')), Action::End);
    assert_eq!(seen.screen(LOOK, 80, &[]).handle(Input::Ctrl('c')), Action::End);
}

#[test]
fn a_click_selects_and_another_opens() {
    let seen = Seen::new(MIXED);
    let mut screen = seen.screen(LOOK, 80, &[]);
    drawn(&mut screen, 80, 24);
    let y = screen.list_row + 2;
    assert_eq!(screen.handle(Input::Click(5, y)), Action::Nothing);
    assert_eq!(screen.at(), Some(2));
    assert_eq!(screen.handle(Input::Click(5, y)), Action::Judge);
    assert_eq!(screen.wanted, screen.cursor);
    assert_eq!(screen.handle(Input::Esc), Action::Nothing);
    drawn(&mut screen, 80, 24);
    assert_eq!((screen.handle(Input::Click(0, 0)), screen.at()), (Action::Nothing, Some(2)));
}

#[test]
fn what_is_marked_is_what_is_saved() {
    let seen = Seen::new(MIXED);
    let mut screen = seen.screen(LOOK, 80, &[Input::Char(' '), Input::Char(' '), Input::Char('s')]);
    let Action::Save(order) = screen.handle(Input::Enter) else { panic!() };
    assert_eq!(order.phones, [0, 1].map(|at| screen.mac(at).unwrap()));
    let mut screen = seen.screen(LOOK, 80, &[Input::Down, Input::Enter, Input::Char('s')]);
    let Action::Save(order) = screen.handle(Input::Enter) else { panic!() };
    assert_eq!(order.phones, [screen.wanted.unwrap()]);
}

#[test]
fn before_anything_came_it_is_said_what_would_help() {
    let mut screen = Screen::new(LOOK, Timestamp(0));
    let text = drawn(&mut screen, 80, 24);
    assert!(text.contains("no phone seen yet") && text.contains("Restart a phone"), "{text}");
    for key in [Input::Enter, Input::Down, Input::Char(' '), Input::Char('n'), Input::Char('s'), Input::End] {
        screen.handle(key);
        drawn(&mut screen, 80, 24);
    }
}
