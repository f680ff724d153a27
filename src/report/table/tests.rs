use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::diagnosis::{Code, Detail, Fix, FixKind, FixTarget, Verdict};
use crate::report::fixture;

fn plain() -> TableOptions {
    TableOptions {
        width: None,
        color: false,
        min_severity: Severity::Info,
        verbose: false,
        phones_selected: false,
        top: None,
    }
}

fn terminal(width: u16) -> TableOptions {
    TableOptions { width: Some(width), ..plain() }
}

fn written(d: &Diagnosis<'_>, options: &TableOptions) -> String {
    let mut out = Vec::new();
    write_table(d, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn place(text: &str, part: &str) -> usize {
    text.find(part).unwrap_or_else(|| panic!("{part:?} is missing in\n{text}"))
}

#[test]
fn a_mixed_site_without_a_terminal() {
    insta::assert_snapshot!(written(&fixture::mixed_site(), &plain()));
}

#[test]
fn a_mixed_site_in_a_narrow_terminal() {
    insta::assert_snapshot!(written(&fixture::mixed_site(), &terminal(40)));
}

#[test]
fn a_mixed_site_in_a_wide_terminal_with_all_details() {
    insta::assert_snapshot!(written(&fixture::mixed_site(), &TableOptions { verbose: true, ..terminal(160) }));
}

#[test]
fn a_capture_without_phones() {
    insta::assert_snapshot!(written(&fixture::nothing(), &plain()));
}

#[test]
fn the_verdict_comes_first_and_causes_before_tables() {
    let text = written(&fixture::mixed_site(), &plain());
    assert_eq!(
        text.lines().next().unwrap(),
        "6 phones: 4 wrong-tftp-server, 2 healthy. 1 cause needs action; 1 warning."
    );
    let order =
        ["ERROR", "And therefore: registration-rejected on 4 phones", "Fix: ", "WARNING", "Servers", "Phones", "Read"];
    let places: Vec<usize> = order.iter().map(|part| place(&text, part)).collect();
    assert!(places.is_sorted(), "{text}");
    assert_eq!(text.matches("ERROR").count(), 1, "what follows from a cause is no cause of its own");
}

#[test]
fn only_text_to_copy_exceeds_the_terminal_width() {
    for d in [fixture::mixed_site(), fixture::hostile(), fixture::nothing()] {
        for width in (40..200).step_by(7) {
            for verbose in [false, true] {
                let text = written(&d, &TableOptions { verbose, ..terminal(width) });
                for line in text.lines().filter(|l| !l.contains("Wireshark: ") && !l.starts_with("        ")) {
                    assert!(line.width() <= usize::from(width), "{width}: {line}");
                }
            }
        }
    }
}

#[test]
fn a_configuration_is_never_wrapped() {
    let mut d = fixture::mixed_site();
    let long = format!(" option 150 ip {}", "10.30.0.5 ".repeat(30));
    d.findings[0].fixes[0].config = Some(format!("ip dhcp pool VOICE\n{long}"));
    let text = written(&d, &terminal(40));
    assert!(text.contains(&format!("        {}\n", long.trim_end())), "{text}");
}

#[test]
fn output_without_terminal_is_plain_ascii() {
    let text = written(&fixture::mixed_site(), &TableOptions { color: true, verbose: true, ..plain() });
    assert!(text.bytes().all(|b| b == b'\n' || (0x20..0x7f).contains(&b)), "{text}");
}

#[test]
fn hostile_text_never_reaches_a_terminal_raw() {
    let mut d = fixture::hostile();
    // Texts of our own are safe by their makers; should one of them slip, it is caught here.
    for f in &mut d.findings {
        f.title = fixture::HOSTILE.to_owned();
        f.summary = fixture::HOSTILE.to_owned();
        f.evidence[0].text = fixture::HOSTILE.to_owned();
        for fix in &mut f.fixes {
            fix.config = Some(fixture::HOSTILE.to_owned());
            fix.undo = Some(fixture::HOSTILE.to_owned());
            fix.steps = vec![fixture::HOSTILE.to_owned()];
        }
    }
    d.coverage.notes = vec![fixture::HOSTILE.to_owned()];
    for (width, color) in [(None, false), (Some(40), false), (Some(120), true)] {
        let text = written(&d, &TableOptions { width, color, verbose: true, ..plain() });
        let mut text = text.replace('\n', "");
        assert_eq!(text.contains("\x1b["), color);
        for sgr in ["\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m"] {
            text = text.replace(sgr, "");
        }
        assert!(!text.chars().any(crate::types::is_unsafe), "{text:?}");
    }
}

#[test]
fn report_lists_50_of_10000_phones_and_builds_each_once() {
    let mut d = fixture::mixed_site();
    let made = Rc::new(Cell::new(0usize));
    let count = made.clone();
    d.phone_count = 10_000;
    d.make_phone = Box::new(move |i, detail| {
        assert_eq!(detail, Detail::State, "its story is not told");
        count.set(count.get() + 1);
        fixture::phone(i, Ipv4Addr::new(10, 30, 0, 5))
    });
    let text = written(&d, &plain());
    assert!(text.contains("... and 9,950 more (--top N lists more, -T csv all, --phone picks some)"), "{text}");
    assert!(text.starts_with("10,000 phones: 10,000 healthy."), "{text}");
    assert_eq!(made.get(), 10_000);
}

/// 400 phones of which the last two are ill: they are found at sight, and the healthy are a number.
#[test]
fn ill_phones_are_listed_first_and_healthy_ones_folded() {
    let site = |ill_from: usize, count: usize| {
        let mut d = fixture::mixed_site();
        d.phone_count = count;
        d.make_phone = Box::new(move |i, _| {
            let mut phone = fixture::phone(i, Ipv4Addr::new(10, 30, 0, 5));
            phone.findings.clear();
            if i >= ill_from {
                phone.verdict = Verdict::Finding(Code::WrongTftpServer);
            }
            phone
        });
        d
    };
    let mut names = (0..400).map(|i| super::phones::name(&fixture::phone(i, Ipv4Addr::new(10, 30, 0, 5))));
    let first = names.next().unwrap();
    let last = names.next_back().unwrap();
    let (_, phones) =
        written(&site(398, 400), &plain()).split_once("\nPhones\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(phones.contains(&last) && !phones.contains(&first), "{phones}");
    assert!(phones.contains("... and 398 healthy not listed (--top N lists more"), "{phones}");
    let one = written(&site(300, 400), &TableOptions { top: Some(1), ..plain() });
    assert!(one.contains("... and 99 more, 300 healthy not listed"), "{one}");
    let few = written(&site(9, 10), &plain());
    let (_, table) = few.split_once("\nPhones\n").unwrap();
    assert!(table.contains(&first) && !table.contains("not listed"), "few are compared: {table}");
}

#[test]
fn a_phone_that_was_not_seen_registered_is_not_called_healthy() {
    let mut d = fixture::mixed_site();
    d.findings.clear();
    d.make_phone = Box::new(|i, _| {
        let mut p = fixture::phone(i, Ipv4Addr::new(10, 30, 0, 5));
        p.verdict = Verdict::Incomplete;
        p
    });
    let text = written(&d, &plain());
    assert!(text.starts_with("6 phones: 6 incomplete. No error was found."), "{text}");
    assert!(text.contains("That is no sign of health"), "{text}");
}

#[test]
fn nothing_seen_is_said_with_what_was_seen_and_what_would_help() {
    let mut d = fixture::nothing();
    d.other_dhcp_clients = 3;
    let text = written(&d, &plain());
    assert!(text.starts_with("No phone in this capture"), "{text}");
    place(&text, "812 packets read. 3 DHCP clients were seen; none of them boots as a Cisco phone does.");
    place(&text, "tcpdump");
    d.inputs[0].packets = 0;
    assert!(written(&d, &plain()).starts_with("No packet in this capture"));
    let text = written(&d, &TableOptions { phones_selected: true, ..plain() });
    assert!(text.starts_with("None of the phones asked for is in this capture."), "{text}");
}

#[test]
fn damage_is_always_told() {
    let mut d = fixture::mixed_site();
    d.inputs = vec![fixture::input(); 30];
    d.inputs[29].problem = Some("cut off in packet 812 at byte 73514".into());
    let text = written(&d, &plain());
    place(&text, "damaged: cut off in packet 812 at byte 73514");
    place(&text, "and 19 more inputs");
}

#[test]
fn warnings_are_told_in_full_only_where_there_is_nothing_worse() {
    let fix = Fix::new(FixKind::AgreeDhcpServers, FixTarget::DhcpServer, "make them agree")
        .step("The step of the fix.")
        .verify(String::new());
    let mut d = fixture::mixed_site();
    d.findings[2].fixes = vec![fix];
    let text = written(&d, &plain());
    place(&text, "Fix: make them agree (-v shows how)");
    assert!(!text.contains("The step of the fix."));
    d.findings.drain(..2);
    place(&written(&d, &plain()), "1. The step of the fix.");
}

#[test]
fn what_is_not_bad_enough_is_left_out() {
    let text = written(&fixture::mixed_site(), &TableOptions { min_severity: Severity::Error, ..plain() });
    assert!(!text.contains("WARNING"), "{text}");
    place(&text, "ERROR");
}

#[test]
fn an_error_that_follows_from_a_warning_stands_with_the_errors() {
    let mut d = fixture::mixed_site();
    d.findings[0].severity = Severity::Warning;
    let text = written(&d, &TableOptions { min_severity: Severity::Error, ..plain() });
    assert!(text.lines().next().unwrap().ends_with("1 cause needs action."), "{text}");
    assert!(place(&text, "ERROR  10.1.1.9") < place(&text, "And therefore: registration-rejected"));
}

#[test]
fn the_load_to_name_is_told_with_the_cause_that_brought_another() {
    let mut d = fixture::mixed_site();
    let title = "name load P00303000300";
    let effect = d.findings.iter().position(|f| f.caused_by.is_some()).unwrap();
    d.findings[effect].fixes = vec![Fix::new(FixKind::NameLoad, FixTarget::TftpServer, title).verify(String::new())];
    let text = written(&d, &plain());
    assert!(place(&text, "With that alone a phone stays on the load") < place(&text, &format!("Fix: {title}")));
    d.findings[effect].fixes[0].kind = FixKind::StartCallManager;
    assert!(!written(&d, &plain()).contains("With that alone"));
}

#[test]
fn of_many_fixes_of_one_kind_one_is_told_and_a_few_are_named() {
    let mut d = fixture::mixed_site();
    for n in 1..=6 {
        d.findings[0].fixes.push(
            Fix::new(FixKind::NameLoad, FixTarget::TftpServer, format!("name the load in file {n}"))
                .step(format!("Edit file {n}."))
                .verify(String::new()),
        );
    }
    let text = written(&d, &plain());
    place(&text, "The same for Kea: -v shows how.");
    place(&text, "1. Edit file 1.");
    place(&text, "Also:  name the load in file 4");
    place(&text, "and 2 more of them (-v shows how)");
    assert!(!text.contains("Edit file 2.") && !text.contains("in file 5"), "{text}");
    place(&written(&d, &TableOptions { verbose: true, ..plain() }), "1. Edit file 6.");
}
