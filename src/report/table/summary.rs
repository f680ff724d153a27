//! The first lines, and the last: the verdict; what the capture could not show; what was read.

use std::io;

use super::finding::Findings;
use super::format::{count, count_u64, number, span};
use super::page::{Page, TextStyle};
use super::{Overview, TableOptions};
use crate::diagnosis::{Diagnosis, Directions};
use crate::report::seen_word;

/// Inputs that are listed.
const INPUTS_SHOWN: usize = 10;

/// The verdict in one line; or that there is nothing to judge, and what would help.
pub(super) fn write(
    page: &mut Page<'_>,
    d: &Diagnosis<'_>,
    options: &TableOptions,
    overview: &Overview,
    findings: &Findings<'_>,
) -> io::Result<()> {
    let (causes, warnings) = (findings.errors(), findings.warnings());
    if d.phone_count == 0 {
        return nothing_seen(page, d, options, causes);
    }
    let mut verdicts: Vec<(&str, usize)> = overview.verdicts.iter().map(|(word, n)| (*word, *n)).collect();
    verdicts.sort_by_key(|(word, n)| (*word == "incomplete", *word == "healthy", std::cmp::Reverse(*n)));
    let verdicts: Vec<String> =
        verdicts.iter().map(|(word, n)| format!("{} {word}", number(u64::try_from(*n).unwrap_or(u64::MAX)))).collect();
    let action = match (causes, warnings) {
        (0, 0) => "No error was found".to_owned(),
        (0, n) => format!("No error was found; {}", count(n, "warning")),
        (1, 0) => "1 cause needs action".to_owned(),
        (n, 0) => format!("{} need action", count(n, "cause")),
        (1, n) => format!("1 cause needs action; {}", count(n, "warning")),
        (n, m) => format!("{} need action; {}", count(n, "cause"), count(m, "warning")),
    };
    let ink = if causes > 0 {
        TextStyle::Red
    } else if warnings > 0 || overview.verdicts.contains_key("incomplete") {
        TextStyle::Yellow
    } else {
        TextStyle::Green
    };
    page.text(ink, "", "", &format!("{}: {}. {action}.", count(d.phone_count, "phone"), verdicts.join(", ")))
}

fn nothing_seen(page: &mut Page<'_>, d: &Diagnosis<'_>, options: &TableOptions, causes: usize) -> io::Result<()> {
    if options.phones_selected {
        return page.text(
            TextStyle::Yellow,
            "",
            "",
            "None of the phones asked for is in this capture. That does not mean that nothing is wrong with them.",
        );
    }
    let packets: u64 = d.inputs.iter().map(|i| i.packets).fold(0, u64::saturating_add);
    if packets == 0 && d.inputs.iter().all(|i| i.format.raw() != "events") {
        page.text(TextStyle::Yellow, "", "", "No packet in this capture, so nothing can be said about any phone.")?;
    } else {
        page.text(TextStyle::Yellow, "", "", "No phone in this capture, so nothing can be said about any.")?;
        let clients = match d.other_dhcp_clients {
            0 => "No DHCP client was seen at all.".to_owned(),
            1 => "1 DHCP client was seen; it does not boot as a Cisco phone does.".to_owned(),
            n => format!("{} were seen; none of them boots as a Cisco phone does.", count_u64(n, "DHCP client")),
        };
        page.text(TextStyle::Plain, "", "", &format!("{} read. {clients}", count_u64(packets, "packet")))?;
    }
    if causes > 0 {
        return Ok(());
    }
    page.blank()?;
    page.text(
        TextStyle::Plain,
        "",
        "",
        "What would help is a capture of a phone that boots: mirror the port of the phone, or its voice VLAN, in both \
         directions; start to record without a filter and without cutting the packets; then restart the phone and \
         give it three minutes.",
    )?;
    page.blank()?;
    page.verbatim("    ", "tcpdump -i eth0 -s 0 -w boot.pcap")
}

/// What could not be concluded, and why.
pub(super) fn write_coverage(page: &mut Page<'_>, d: &Diagnosis<'_>, overview: &Overview) -> io::Result<()> {
    let c = &d.coverage;
    let mut notes: Vec<String> = Vec::new();
    if let Some(n) = overview.verdicts.get("incomplete") {
        notes.push(format!(
            "{} incomplete: the capture does not show {} register. That is no sign of health: capture from before the \
             boot on, and for longer.",
            number(u64::try_from(*n).unwrap_or(u64::MAX)),
            if *n == 1 { "this phone" } else { "these phones" },
        ));
    }
    notes.extend(c.notes.iter().cloned());
    notes.extend(c.limits_reached.iter().map(|limit| format!("A limit was reached: {limit}")));
    if c.cut_frames > 0 {
        notes.push(format!("{} cut by a snap length.", were(c.cut_frames, "frame")));
    }
    if c.duplicate_frames > 0 {
        notes.push(format!("{} copies of another one and counted once.", were(c.duplicate_frames, "frame")));
    }
    let seen = [("DHCP", c.dhcp), ("TFTP", c.tftp), ("registration", c.registration), ("CDP and LLDP", c.cdp_lldp)];
    if notes.is_empty() && seen.iter().all(|(_, seen)| *seen == Directions::BothWays) {
        return Ok(());
    }
    page.heading("What the capture shows, and does not")?;
    let seen: Vec<String> = seen.iter().map(|(name, seen)| format!("{name} {}", seen_word(*seen))).collect();
    page.text(TextStyle::Plain, "  ", "  ", &format!("Seen: {}.", seen.join(", ")))?;
    for note in notes {
        page.text(TextStyle::Plain, "  - ", "    ", &note)?;
    }
    Ok(())
}

fn were(n: u64, noun: &str) -> String {
    format!("{} {}", count_u64(n, noun), if n == 1 { "was" } else { "were" })
}

/// What was read; what was damaged stands out and is never left out.
pub(super) fn write_inputs(page: &mut Page<'_>, d: &Diagnosis<'_>) -> io::Result<()> {
    page.heading("Read")?;
    let mut quiet = 0;
    for input in &d.inputs {
        let times = match (input.first, input.last) {
            (Some(first), Some(last)) => format!(", {} UTC", span(first, last)),
            _ => String::new(),
        };
        let dropped = match input.dropped {
            Some(n) if n > 0 => format!(", {} dropped while capturing", number(n)),
            _ => String::new(),
        };
        let line = format!("{} ({}): {}{times}{dropped}", input.path, input.format, count_u64(input.packets, "packet"));
        match &input.problem {
            Some(problem) => {
                page.text(TextStyle::Plain, "  ", "    ", &line)?;
                page.text(TextStyle::Red, "    ", "    ", &format!("damaged: {problem}"))?;
            }
            None if quiet < INPUTS_SHOWN => {
                page.text(TextStyle::Plain, "  ", "    ", &line)?;
                quiet += 1;
            }
            None => quiet += 1,
        }
    }
    if quiet > INPUTS_SHOWN {
        page.text(TextStyle::Plain, "  ", "  ", &format!("and {}", count(quiet - INPUTS_SHOWN, "more input")))?;
    }
    if d.has_damage() {
        page.text(TextStyle::Plain, "  ", "  ", "The report covers what could be read of the damaged input.")?;
    }
    if let Some(site) = &d.site {
        page.text(TextStyle::Plain, "  ", "    ", &format!("{site}: what ought to be (site file)"))?;
    }
    Ok(())
}
