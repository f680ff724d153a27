//! A row per phone, for spreadsheets (RFC 4180, with line feeds).
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe in front: names come from the network.

use std::fmt::Display;
use std::io::{self, Write};

use crate::diagnosis::{Detail, Diagnosis, Outcome, PhoneReport};

/// The columns. Names are added at the end, never changed in meaning.
const COLUMNS: &str = "mac,name,model,ip,vlan,dhcp_server,lease_tftp,tftp_source,tftp_servers,files_missing,\
load_running,load_configured,registration,call_manager,reject_text,cluster_expected,cluster_tftp,\
cluster_registered,verdict,findings";

/// Writes a header and a row per phone. Lists in a cell are separated by spaces.
///
/// # Errors
/// Those of `out`.
pub fn write_csv(d: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{COLUMNS}")?;
    for phone in d.phones(Detail::State) {
        let row = row(d, &phone);
        writeln!(out, "{}", row.join(","))?;
    }
    Ok(())
}

fn row(d: &Diagnosis<'_>, p: &PhoneReport) -> Vec<String> {
    let r = &p.registration;
    let missing = p.files.iter().filter(|f| f.outcome == Outcome::Missing).map(|f| &f.name);
    let codes = p.findings.iter().filter_map(|i| d.findings.get(*i)).map(|f| f.code);
    vec![
        cell(&p.mac),
        optional(p.name.as_ref()),
        optional(p.model.as_ref()),
        optional(p.ip),
        optional(p.vlan),
        optional(p.dhcp_server),
        list(&p.lease_tftp),
        optional(p.tftp_source.map(|s| s.as_str())),
        list(&p.tftp_servers),
        list(missing),
        optional(p.load.running.as_ref()),
        optional(p.load.configured.as_ref()),
        cell(&r.state.as_str()),
        optional(r.call_manager),
        optional(r.reject_text.as_ref()),
        optional(p.cluster_expected.as_ref()),
        optional(p.cluster_tftp.as_ref()),
        optional(p.cluster_registered.as_ref()),
        cell(&p.verdict.as_str()),
        list(codes),
    ]
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
