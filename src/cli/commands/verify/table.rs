//! The report for people: what is left to do first, then what was seen.

use std::io::{self, Write};
use std::time::Duration;

use phonescope::diagnosis::and_list;
use phonescope::remedy::load_status::LoadStatus;
use phonescope::remedy::probe::{Checked, Server, Transport};
use phonescope::remedy::recovery::{PhoneRecovery, State};
use phonescope::report::table::grid::{self, Column, or_dash};
use phonescope::report::table::page::{Page, TextStyle};

use crate::cli::commands::verify::{Observed, Report, active};

/// Phones that are listed; of the rest it is said how many there are.
const SHOWN: usize = 50;

pub(super) fn write(
    report: &Report,
    (width, color): (Option<u16>, bool),
    verbose: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    if let Some(passive) = &report.passive {
        recovery(page, passive, verbose)?;
    }
    if let Some(active) = &report.active {
        if report.passive.is_some() {
            page.blank()?;
        }
        match &active.unsent {
            Some(unsent) => would_send(page, active, unsent)?,
            None => checks(page, active, verbose)?,
        }
        notes(page, &active.notes)?;
    }
    Ok(())
}

fn recovery(page: &mut Page<'_>, passive: &Observed, verbose: bool) -> io::Result<()> {
    let recovery = &passive.recovery;
    let states = [State::Recovered, State::NotRecovered, State::Incomplete, State::NotSeen];
    let counts: Vec<String> = states
        .iter()
        .map(|s| (recovery.count(*s), phrase(*s)))
        .filter(|(n, _)| *n > 0)
        .map(|(n, phrase)| format!("{n} {phrase}"))
        .collect();
    let phones = count(recovery.phones.len(), "phone");
    let ink = if recovery.is_complete() { TextStyle::Green } else { TextStyle::Bold };
    let counts = if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") };
    page.text(ink, "", "", &format!("{phones} of the plan: {counts}."))?;
    let left: Vec<&PhoneRecovery> = recovery.phones.iter().filter(|p| p.state != State::Recovered).collect();
    if !left.is_empty() {
        page.heading("Left to do")?;
        for phone in left.iter().take(SHOWN) {
            let first = format!("  {}: ", phone.name);
            page.text(TextStyle::Plain, &first, "    ", &phone.left.join(" "))?;
        }
        more(page, left.len())?;
    }
    if !recovery.phones.is_empty() {
        page.heading("Phones")?;
        let shown = if verbose { recovery.phones.len() } else { SHOWN };
        grid::write(page, COLUMNS, recovery.phones.iter().take(shown))?;
        if !verbose {
            more(page, recovery.phones.len())?;
        }
    }
    notes(page, &recovery.notes)?;
    page.heading("Read")?;
    for input in &passive.inputs {
        let span = match input.first.zip(input.last) {
            Some((first, last)) => format!(", {first} to {last}"),
            None => String::new(),
        };
        let damage = input.problem.as_ref().map(|p| format!("; damaged: {p}")).unwrap_or_default();
        page.text(TextStyle::Plain, "  ", "    ", &format!("{}: {} packets{span}{damage}", input.path, input.packets))?;
    }
    Ok(())
}

fn phrase(state: State) -> &'static str {
    match state {
        State::Recovered => "recovered",
        State::NotRecovered => "not recovered",
        State::Incomplete => "not seen far enough",
        State::NotSeen => "not seen",
    }
}

const COLUMNS: &[Column<PhoneRecovery>] = &[
    Column { title: "Phone", rank: 0, cell: |p| p.name.to_string() },
    Column { title: "State", rank: 1, cell: |p| p.state.as_str().to_owned() },
    Column { title: "TFTP", rank: 2, cell: |p| marked(p.server.standing, or_dash(p.server.seen)) },
    Column { title: "Load", rank: 3, cell: |p| marked(p.load.standing, or_dash(p.load.seen.as_ref())) },
    Column { title: "CallManager", rank: 4, cell: |p| or_dash(p.registration.seen) },
    Column { title: "Registration", rank: 5, cell: |p| p.registered.as_str().to_owned() },
    Column { title: "Took", rank: 6, cell: |p| or_dash(p.recovery_time().map(seconds)) },
    Column { title: "Cause then", rank: 7, cell: |p| p.cause.clone() },
];

fn marked(standing: LoadStatus, text: String) -> String {
    match standing {
        LoadStatus::Wrong => format!("{text} (wrong)"),
        _ => text,
    }
}

/// `42.1 s`, `3 min 5 s`.
pub(super) fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    match tenths / 600 {
        0 => format!("{}.{} s", tenths / 10, tenths % 10),
        minutes => format!("{minutes} min {} s", tenths / 10 % 60),
    }
}

fn checks(page: &mut Page<'_>, active: &active::Outcome, verbose: bool) -> io::Result<()> {
    let right = active.checked.iter().filter(|c| c.is_right()).count();
    let is_wrong = |c: &&Checked| c.points.iter().any(|p| p.standing == LoadStatus::Wrong);
    let wrong = active.checked.iter().filter(is_wrong).count();
    let unknown = active.checked.len() - right - wrong;
    let of = match active.checked.len() {
        1 => "1 phone at 1 server".to_owned(),
        n => format!("{n} checks, a phone at a server each"),
    };
    let (ink, says) = match (right, wrong, unknown) {
        (0, 0, 0) => (TextStyle::Bold, "Nothing was asked.".to_owned()),
        (_, 0, 0) => (TextStyle::Green, format!("{of}: what was asked for is as it should be.")),
        (0, _, 0) => (TextStyle::Red, format!("{of}: not as it should be.")),
        (0, 0, _) => (TextStyle::Red, format!("{of}: could not be checked.")),
        _ => {
            let parts = [(right, "as it should be"), (wrong, "not"), (unknown, "could not be checked")];
            let parts: Vec<String> =
                parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
            (TextStyle::Red, format!("{of}: {}.", parts.join(", ")))
        }
    };
    page.text(ink, "", "", &says)?;
    // What is right needs no lines of its own where there is much of it.
    let all = verbose || active.checked.len() <= 5;
    for checked in active.checked.iter().filter(|c| all || !c.is_right()) {
        check(page, checked, verbose)?;
    }
    if !all && right > 0 {
        let names: Vec<&str> = active.checked.iter().filter(|c| c.is_right()).map(|c| c.name.as_str()).collect();
        page.blank()?;
        page.text(TextStyle::Plain, "As it should be: ", "  ", &and_list(names.get(..SHOWN).unwrap_or(&names)))?;
        more(page, names.len())?;
    }
    Ok(())
}

fn check(page: &mut Page<'_>, checked: &Checked, verbose: bool) -> io::Result<()> {
    page.heading(&format!("{} at {}", checked.name, checked.server))?;
    for point in &checked.points {
        let (ink, mark) = match point.standing {
            LoadStatus::Right => (TextStyle::Green, "  right      "),
            LoadStatus::Wrong => (TextStyle::Red, "  WRONG      "),
            LoadStatus::NotSeen => (TextStyle::Yellow, "  not known  "),
            LoadStatus::NotStated => (TextStyle::Plain, "  -          "),
        };
        page.text(ink, mark, "             ", &point.text)?;
    }
    for file in &checked.files {
        if verbose || !file.strangers.is_empty() {
            page.text(TextStyle::Plain, "  asked      ", "             ", &format!("{}: {}", file.name, file.text()))?;
        }
    }
    Ok(())
}

fn would_send(page: &mut Page<'_>, active: &active::Outcome, unsent: &[active::Unsent]) -> io::Result<()> {
    page.text(TextStyle::Bold, "", "", "Nothing was sent. With --send these requests go out, one at a time:")?;
    let mut before: Option<Server> = None;
    for request in unsent {
        if before != Some(request.server) {
            let address = request.server.address;
            let head = match request.server.transport {
                Transport::Tftp => format!("To {address} (TFTP over UDP)"),
                Transport::Http => format!("To {address} (HTTP over TCP)"),
            };
            page.heading(&head)?;
            before = Some(request.server);
        }
        page.text(TextStyle::Plain, "  ", "    ", &format!("{}, {}", request.request, request.when))?;
    }
    page.blank()?;
    let patience = active.patience;
    let text = format!(
        "And of each server: the load that a configuration there names, where it is another one, and the files that a \
         .loads list there names. A TFTP request without answer is sent {} times, the first time again after {} s. A \
         load is asked for its length (tsize) and not fetched, unless --full says so. A host that answers without being \
         asked gets an error 5, as RFC 1350 has it.",
        patience.tries,
        patience.first_wait.as_secs_f64()
    );
    page.text(TextStyle::Plain, "", "", &text)
}

fn notes(page: &mut Page<'_>, notes: &[String]) -> io::Result<()> {
    if !notes.is_empty() {
        page.blank()?;
    }
    for note in notes.iter().take(SHOWN) {
        page.text(TextStyle::Yellow, "Note: ", "  ", note)?;
    }
    more(page, notes.len())
}

fn more(page: &mut Page<'_>, all: usize) -> io::Result<()> {
    if all > SHOWN {
        page.text(TextStyle::Plain, "  ", "  ", &format!("and {} more (-T json has all)", all - SHOWN))?;
    }
    Ok(())
}

pub(super) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_recovery_is_told_in_seconds_and_minutes() {
        assert_eq!(seconds(Duration::from_millis(42_190)), "42.1 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 5 s");
        assert_eq!(seconds(Duration::ZERO), "0.0 s");
    }
}
