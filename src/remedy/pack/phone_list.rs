//! `phones.csv`: the phones of the pack, with what they have and what they should have.

use std::fmt::Display;

use super::Work;
use super::configurations::Outcome;
use crate::report::csv::cell;

/// The columns. Names are added at the end, never changed in meaning.
const COLUMNS: &str = "mac,name,model,ip,vlan,tftp_wrong,tftp_right,load_now,load_wanted,cause,dhcp_server,dhcp_reaches,configuration,made";

/// A header, and a row per phone. What is not known is empty; lists in a cell are separated by spaces.
pub(super) fn write(work: &Work<'_>) -> String {
    let mut text = format!("{COLUMNS}\n");
    for patient in &work.patients {
        let p = &patient.phone;
        let wanted = &p.wanted;
        let right = list(&wanted.tftp_right).or_else(|| list(&wanted.tftp_names));
        let (path, made) = match &patient.configuration {
            Outcome::File(made) => (Some(&made.path), Some(made.how.as_str())),
            _ => (None, None),
        };
        let row = [
            cell(&p.mac),
            optional(p.name.as_ref()),
            optional(p.model.as_ref()),
            optional(p.ip),
            optional(p.vlan),
            optional(patient.wrong_server()),
            optional(right),
            optional(p.load.running.as_ref().or(p.load.fetched.as_ref())),
            optional(wanted.load.as_ref()),
            cell(&patient.cause),
            optional(p.dhcp_server),
            cell(&if patient.is_set_by_hand() { "no" } else { "yes" }),
            optional(path),
            optional(made),
        ];
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

fn optional<T: Display>(value: Option<T>) -> String {
    value.map(|v| cell(&v)).unwrap_or_default()
}

fn list<T: Display>(values: &[T]) -> Option<String> {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}
