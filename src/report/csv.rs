//! A row per phone, for spreadsheets (RFC 4180, with line feeds).
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe in front: names come from the network.

use std::fmt::Display;
use std::io::{self, Write};

use crate::diagnosis::{Detail, Diagnosis, Outcome, PhoneReport};

/// A column: its header, and its cell for a phone.
type Column = (&'static str, fn(&Diagnosis<'_>, &PhoneReport) -> String);

/// The columns. Names are added at the end, never changed in meaning.
const COLUMNS: &[Column] = &[
    ("mac", |_, p| optional(p.mac.known())),
    ("name", |_, p| optional(p.name.as_ref())),
    ("model", |_, p| optional(p.model.as_ref())),
    ("ip", |_, p| optional(p.ip)),
    ("vlan", |_, p| optional(p.vlan)),
    ("dhcp_server", |_, p| optional(p.dhcp_server)),
    ("lease_tftp", |_, p| list(&p.lease_tftp)),
    ("tftp_source", |_, p| optional(p.tftp_source.map(|s| s.as_str()))),
    ("tftp_servers", |_, p| list(&p.tftp_servers)),
    ("files_missing", |_, p| list(p.files.iter().filter(|f| f.outcome == Outcome::Missing).map(|f| &f.name))),
    ("load_running", |_, p| optional(p.load.running.as_ref())),
    ("load_configured", |_, p| optional(p.load.configured.as_ref())),
    ("registration", |_, p| cell(&p.registration.state.as_str())),
    ("call_manager", |_, p| optional(p.registration.call_manager)),
    ("reject_text", |_, p| optional(p.registration.reject_text.as_ref())),
    ("cluster_expected", |_, p| optional(p.cluster_expected.as_ref())),
    ("cluster_tftp", |_, p| optional(p.cluster_tftp.as_ref())),
    ("cluster_registered", |_, p| optional(p.cluster_registered.as_ref())),
    ("verdict", |_, p| cell(&p.verdict.as_str())),
    ("findings", |d, p| list(p.findings.iter().filter_map(|i| d.findings.get(*i)).map(|f| f.code))),
];

/// Writes a header and a row per phone. Lists in a cell are separated by spaces.
///
/// # Errors
/// Those of `out`.
pub fn write_csv(d: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
    let header: Vec<&str> = COLUMNS.iter().map(|(header, _)| *header).collect();
    writeln!(out, "{}", header.join(","))?;
    for phone in d.phones(Detail::State) {
        let row: Vec<String> = COLUMNS.iter().map(|(_, cell)| cell(d, &phone)).collect();
        writeln!(out, "{}", row.join(","))?;
    }
    Ok(())
}

fn optional<T: Display>(value: Option<T>) -> String {
    value.map(|v| cell(&v)).unwrap_or_default()
}

fn list<T: Display>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|v| v.to_string()).collect();
    cell(&values.join(" "))
}

/// One cell: safe to show (network text comes through `Display`), no formula, quoted where it must be.
pub(crate) fn cell(value: &dyn Display) -> String {
    let mut text = super::prose::safe(&value.to_string());
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.insert(0, '\'');
    }
    if text.contains([',', '"', '\n', ';']) {
        text = format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn written(d: &Diagnosis<'_>) -> String {
        let mut out = Vec::new();
        write_csv(d, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn there_is_a_row_per_phone_with_a_cell_per_column() {
        let text = written(&fixture::mixed_site());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7);
        let columns = lines[0].split(',').count();
        assert!(lines.iter().all(|l| l.split(',').count() == columns), "{text}");
        assert_eq!(
            lines[1],
            "00:30:94:00:00:00,SEP003094000000,7960,10.50.0.10,110,10.30.0.2,10.1.1.9,option150,10.1.1.9,,P00305000301,,\
             rejected,10.30.0.10,Error: DB Config,hq-3.0,,,wrong-tftp-server,wrong-tftp-server registration-rejected"
        );
    }

    #[test]
    fn a_cell_is_neither_a_formula_nor_two_cells() {
        for (value, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=a,b", "\"'=a,b\""),
            ("\t=1", r"\u{9}=1"),
        ] {
            assert_eq!(cell(&value), expected);
        }
    }

    #[test]
    fn hostile_text_never_stands_there_raw() {
        let text = written(&fixture::hostile());
        assert!(!text.replace('\n', "").chars().any(crate::types::is_unsafe), "{text}");
        assert_eq!(text.lines().count(), 7);
    }
}
