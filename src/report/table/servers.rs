//! The table of servers: who answers phones, and how.

use std::io;

use super::format::{count_u64, number, some_of};
use super::grid::{self, Column, DASH, or_dash};
use super::page::{Page, TextStyle};
use crate::diagnosis::{CallManager, DhcpServer, Diagnosis, TftpServer};

/// Servers that are listed of each kind.
const SERVERS_SHOWN: usize = 20;

/// A server, of one of the three kinds.
#[derive(Clone, Copy)]
enum Row<'d> {
    Dhcp(&'d DhcpServer),
    Tftp(&'d TftpServer),
    CallManager(&'d CallManager),
}

fn columns<'d>() -> [Column<Row<'d>>; 6] {
    [
        Column { title: "Server", rank: 0, cell: address },
        Column { title: "Role", rank: 2, cell: |row| role(row).to_owned() },
        Column { title: "Phones", rank: 4, cell: |row| number(phones(row)) },
        Column { title: "Answers", rank: 1, cell: answers },
        Column { title: "Names as TFTP", rank: 3, cell: named_as_tftp },
        Column { title: "Cluster", rank: 5, cell: |row| or_dash(cluster(row)) },
    ]
}

pub(super) fn write(page: &mut Page<'_>, d: &Diagnosis<'_>) -> io::Result<()> {
    let servers = &d.servers;
    let mut rows: Vec<Row<'_>> = Vec::new();
    rows.extend(servers.dhcp.iter().take(SERVERS_SHOWN).map(Row::Dhcp));
    rows.extend(servers.tftp.iter().take(SERVERS_SHOWN).map(Row::Tftp));
    rows.extend(servers.call_managers.iter().take(SERVERS_SHOWN).map(Row::CallManager));
    if rows.is_empty() {
        return Ok(());
    }
    page.heading("Servers")?;
    grid::write(page, &columns(), &rows)?;
    let all = servers.dhcp.len() + servers.tftp.len() + servers.call_managers.len();
    if all > rows.len() {
        let more = u64::try_from(all - rows.len()).unwrap_or(u64::MAX);
        page.text(TextStyle::Plain, "", "", &format!("... and {} more (-T json lists all)", number(more)))?;
    }
    Ok(())
}

fn address(row: &Row<'_>) -> String {
    match row {
        Row::Dhcp(s) => s.ip.to_string(),
        Row::Tftp(s) => s.ip.to_string(),
        Row::CallManager(s) => s.ip.to_string(),
    }
}

fn role(row: &Row<'_>) -> &'static str {
    match row {
        Row::Dhcp(_) => "DHCP",
        Row::Tftp(_) => "TFTP",
        Row::CallManager(_) => "CallManager",
    }
}

fn phones(row: &Row<'_>) -> u64 {
    match row {
        Row::Dhcp(s) => s.phones,
        Row::Tftp(s) => s.phones,
        Row::CallManager(s) => [s.registered, s.rejected, s.refused, s.silent].into_iter().fold(0, u64::saturating_add),
    }
}

fn answers(row: &Row<'_>) -> String {
    match row {
        Row::Dhcp(s) => counted(&[(s.offers, "offer"), (s.acks, "ack"), (s.naks, "nak")], true),
        Row::Tftp(s) => counted(&[(s.served, "served"), (s.missing, "missing"), (s.silent, "unanswered")], false),
        Row::CallManager(s) => counted(
            &[(s.registered, "registered"), (s.rejected, "rejected"), (s.refused, "refused"), (s.silent, "unanswered")],
            false,
        ),
    }
}

fn named_as_tftp(row: &Row<'_>) -> String {
    match row {
        Row::Dhcp(s) => some_of(&s.tftp, 3, s.tftp.len()),
        Row::Tftp(_) | Row::CallManager(_) => DASH.to_owned(),
    }
}

fn cluster<'d>(row: &Row<'d>) -> Option<&'d String> {
    match row {
        Row::Dhcp(s) => s.cluster.as_ref(),
        Row::Tftp(s) => s.cluster.as_ref(),
        Row::CallManager(s) => s.cluster.as_ref(),
    }
}

/// `6 offers, 2 naks`: what there was at least one of.
fn counted(counts: &[(u64, &str)], plural: bool) -> String {
    let said: Vec<String> = counts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| if plural { count_u64(*n, word) } else { format!("{} {word}", number(*n)) })
        .collect();
    if said.is_empty() { "none".to_owned() } else { said.join(", ") }
}
