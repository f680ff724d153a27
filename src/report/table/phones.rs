//! The table of phones, and the story of each where it is asked for.

use std::io;

use super::format::{InputNames, clock, number, shortened, some_of};
use super::grid::{self, Column, or_dash};
use super::page::{Page, TextStyle};
use super::{Overview, TableOptions};
use crate::diagnosis::{Diagnosis, PhoneReport};

const COLUMNS: &[Column<PhoneReport>] = &[
    Column { title: "Phone", rank: 0, cell: name },
    Column { title: "Model", rank: 8, cell: |p| or_dash(p.model.as_ref()) },
    Column { title: "IP", rank: 5, cell: |p| or_dash(p.ip) },
    Column { title: "VLAN", rank: 9, cell: |p| or_dash(p.vlan) },
    Column { title: "DHCP", rank: 6, cell: |p| or_dash(p.dhcp_server) },
    Column { title: "TFTP", rank: 2, cell: |p| some_of(&p.tftp_servers, 2, p.tftp_servers.len()) },
    Column { title: "Load", rank: 4, cell: |p| or_dash(p.load.running.as_ref()) },
    Column { title: "CallManager", rank: 7, cell: |p| or_dash(p.registration.call_manager) },
    Column { title: "Registration", rank: 3, cell: |p| p.registration.state.as_str().to_owned() },
    Column { title: "Verdict", rank: 1, cell: |p| p.verdict.as_str().to_owned() },
];

/// What a phone is called: its name, or its MAC address.
pub(super) fn name(phone: &PhoneReport) -> String {
    match &phone.name {
        Some(name) if !name.is_empty() => shortened(&name.to_string(), 60),
        _ => phone.mac.to_string(),
    }
}

pub(super) fn write(
    page: &mut Page<'_>,
    d: &Diagnosis<'_>,
    options: &TableOptions,
    overview: &Overview,
    names: &InputNames,
) -> io::Result<()> {
    if overview.shown.is_empty() {
        return Ok(());
    }
    page.heading("Phones")?;
    grid::write(page, COLUMNS, &overview.shown)?;
    let more = d.phone_count.saturating_sub(overview.shown.len() + overview.folded);
    let count = |n: usize| number(u64::try_from(n).unwrap_or(u64::MAX));
    let mut rest = Vec::new();
    if more > 0 {
        rest.push(format!("{} more", count(more)));
    }
    if overview.folded > 0 {
        rest.push(format!("{} healthy not listed", count(overview.folded)));
    }
    if !rest.is_empty() {
        let line = format!("... and {} (--top N lists more, -T csv all, --phone picks some)", rest.join(", "));
        page.text(TextStyle::Plain, "", "", &line)?;
    }
    if options.verbose {
        for phone in &overview.shown {
            story(page, phone, names)?;
        }
    }
    Ok(())
}

fn story(page: &mut Page<'_>, p: &PhoneReport, names: &InputNames) -> io::Result<()> {
    let mut title = vec![name(p)];
    title.extend(p.mac.known().map(|mac| mac.to_string()));
    title.extend(p.model.as_ref().map(|m| format!("model {m}")));
    title.extend(p.ip.map(|ip| ip.to_string()));
    title.dedup();
    page.heading(&format!("{}: {}", title.join(", "), p.verdict.as_str()))?;
    write_story(page, p)?;
    for entry in &p.timeline {
        let line = format!("{}  {}, {}: {}", clock(entry.time), names.frame(entry.at), entry.kind.as_str(), entry.text);
        page.text(TextStyle::Plain, "    ", "      ", &line)?;
    }
    Ok(())
}

/// What became of it, in sentences.
pub(super) fn write_story(page: &mut Page<'_>, p: &PhoneReport) -> io::Result<()> {
    if !p.narrative.is_empty() {
        page.text(TextStyle::Plain, "  ", "  ", &p.narrative)?;
    }
    if let Some(text) = p.registration.reject_text.as_ref().filter(|t| !t.is_empty()) {
        let meaning = p.registration.reject_meaning.as_ref().map(|m| format!(" ({m})")).unwrap_or_default();
        page.text(TextStyle::Plain, "  ", "  ", &format!("The rejection says \"{text}\"{meaning}."))?;
    }
    Ok(())
}
