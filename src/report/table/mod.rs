//! The report for people: the verdict first, then what causes it and how to mend it, then the tables.
//!
//! In this order, so that the verdict is seen without scrolling: how many phones have what; each cause of severity
//! error with its evidence, its fix and what follows from it; servers; phones; warnings; what the capture could not
//! show; what was read and what was damaged.

mod finding;
mod format;
pub mod grid;
pub mod page;
mod phones;
mod servers;
mod summary;
mod what_if;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use self::finding::Findings;
use self::format::InputNames;
use self::page::Page;
use crate::diagnosis::{Detail, Diagnosis, PhoneReport, Severity};
use crate::types::PhoneId;

/// How the table report looks.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Columns of the terminal. `None`: not a terminal; then 100 columns, no colour and ASCII borders only, to
    /// survive a chat window. Below 40 it is taken as 40.
    pub width: Option<u16>,
    /// Whether there is colour; only on a terminal.
    pub color: bool,
    /// Findings below it are left out.
    pub min_severity: Severity,
    /// All evidence, the fixes for all platforms, and the story of each phone.
    pub verbose: bool,
    /// The phones were picked out: none left does not mean that none was there.
    pub phones_selected: bool,
}

/// Phones that are listed; of the rest it is said how many there are.
const PHONES_SHOWN: usize = 50;

/// Writes the report for people.
///
/// # Errors
/// Those of `out`.
pub fn write_table(d: &Diagnosis<'_>, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, options.width, options.color);
    let findings = Findings::new(d, options);
    let overview = Overview::new(d, &findings.phones_named(), options.verbose);
    let names = InputNames::new(d);

    summary::write(page, d, options, &overview, &findings)?;
    findings.write_errors(page, &overview, &names)?;
    servers::write(page, d)?;
    phones::write(page, d, options, &overview, &names)?;
    findings.write_warnings(page, &overview, &names)?;
    what_if::write(page, d, options)?;
    summary::write_coverage(page, d, &overview)?;
    summary::write_inputs(page, d)
}

/// Writes what is known of one phone (made with [`Detail::Story`]): its story, its findings, how to mend it.
///
/// # Errors
/// Those of `out`.
pub fn write_phone(
    d: &Diagnosis<'_>,
    phone: &PhoneReport,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, options.width, options.color);
    let findings = Findings::of_phone(d, phone.id(), options);
    let names = [(phone.id(), phones::name(phone))].into();
    let overview = Overview { verdicts: BTreeMap::new(), shown: Vec::new(), names };
    phones::write_story(page, phone)?;
    findings.write_errors(page, &overview, &InputNames::new(d))?;
    findings.write_warnings(page, &overview, &InputNames::new(d))
}

/// What one pass over the phones yields.
struct Overview {
    /// Phones by verdict.
    verdicts: BTreeMap<&'static str, usize>,
    /// The first [`PHONES_SHOWN`].
    shown: Vec<PhoneReport>,
    /// Names of the phones asked for, where they differ from what their MAC addresses give.
    names: BTreeMap<PhoneId, String>,
}

impl Overview {
    fn new(d: &Diagnosis<'_>, named: &BTreeSet<PhoneId>, stories: bool) -> Overview {
        let mut overview = Overview { verdicts: BTreeMap::new(), shown: Vec::new(), names: BTreeMap::new() };
        for index in 0..d.phone_count {
            let told = stories && overview.shown.len() < PHONES_SHOWN;
            let phone = d.phone(index, if told { Detail::Story } else { Detail::State });
            *overview.verdicts.entry(phone.verdict.as_str()).or_default() += 1;
            if named.contains(&phone.id()) {
                overview.names.insert(phone.id(), phones::name(&phone));
            }
            if overview.shown.len() < PHONES_SHOWN {
                overview.shown.push(phone);
            }
        }
        overview
    }

    /// What a phone is called in text.
    fn name(&self, phone: PhoneId) -> String {
        self.names.get(&phone).cloned().unwrap_or_else(|| phone.to_string())
    }
}
