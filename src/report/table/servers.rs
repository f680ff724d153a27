//! The table of servers: who answers phones, and how.

use std::io;

use super::format::{count_u64, number, some_of};
use super::grid::{self, Column};
use super::page::{Page, TextStyle};
use crate::diagnosis::Diagnosis;

/// Servers that are listed of each kind.
const SERVERS_SHOWN: usize = 20;

const COLUMNS: &[Column] = &[
    Column { title: "Server", rank: 0 },
    Column { title: "Role", rank: 2 },
    Column { title: "Phones", rank: 4 },
    Column { title: "Answers", rank: 1 },
    Column { title: "Names as TFTP", rank: 3 },
    Column { title: "Cluster", rank: 5 },
];

pub(super) fn write(page: &mut Page<'_>, d: &Diagnosis<'_>) -> io::Result<()> {
    let servers = &d.servers;
    let cluster = |name: &Option<String>| name.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows: Vec<Vec<String>> = Vec::new();
    for s in servers.dhcp.iter().take(SERVERS_SHOWN) {
        rows.push(vec![
            s.ip.to_string(),
            "DHCP".to_owned(),
            number(s.phones),
            answers(&[(s.offers, "offer"), (s.acks, "ack"), (s.naks, "nak")], true),
            some_of(&s.tftp, 3, s.tftp.len()),
            cluster(&s.cluster),
        ]);
    }
    for s in servers.tftp.iter().take(SERVERS_SHOWN) {
        rows.push(vec![
            s.ip.to_string(),
            "TFTP".to_owned(),
            number(s.phones),
            answers(&[(s.served, "served"), (s.missing, "missing"), (s.silent, "unanswered")], false),
            "-".to_owned(),
            cluster(&s.cluster),
        ]);
    }
    for s in servers.call_managers.iter().take(SERVERS_SHOWN) {
        let phones = [s.registered, s.rejected, s.refused, s.silent].into_iter().fold(0, u64::saturating_add);
        let states =
            [(s.registered, "registered"), (s.rejected, "rejected"), (s.refused, "refused"), (s.silent, "unanswered")];
        rows.push(vec![
            s.ip.to_string(),
            "CallManager".to_owned(),
            number(phones),
            answers(&states, false),
            "-".to_owned(),
            cluster(&s.cluster),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    page.heading("Servers")?;
    grid::write(page, COLUMNS, &rows)?;
    let all = servers.dhcp.len() + servers.tftp.len() + servers.call_managers.len();
    if all > rows.len() {
        let more = u64::try_from(all - rows.len()).unwrap_or(u64::MAX);
        page.text(TextStyle::Plain, "", "", &format!("... and {} more (-T json lists all)", number(more)))?;
    }
    Ok(())
}

/// `6 offers, 2 naks`: what there was at least one of.
fn answers(counts: &[(u64, &str)], plural: bool) -> String {
    let said: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| if plural { count_u64(*n, word) } else { format!("{} {word}", number(*n)) })
        .collect();
    if said.is_empty() { "none".to_owned() } else { said.join(", ") }
}
