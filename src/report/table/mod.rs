//! The report for people: the verdict first, then what causes it and how to mend it, then the tables.
//!
//! In this order, so that the verdict is seen without scrolling: how many phones have what; each cause of severity
//! error with its evidence, its fix and what follows from it; warnings; servers; phones; what the capture could not
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
use crate::diagnosis::{Detail, Diagnosis, PhoneReport, Severity, Verdict};
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
    /// Phones that are listed, the worst first; [`PHONES_SHOWN`] where it is not said.
    pub top: Option<usize>,
}

/// Phones that are listed, the worst first; of the rest it is said how many there are.
pub const PHONES_SHOWN: usize = 50;
/// Up to so many phones the healthy ones stand beside the ill ones, to be compared.
const COMPARED: usize = 20;

/// Writes the report for people.
///
/// # Errors
/// Those of `out`.
pub fn write_table(d: &Diagnosis<'_>, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(out, options.width, options.color);
    let findings = Findings::new(d, options);
    let overview = Overview::new(d, &findings.phones_named(), options);
    let names = InputNames::new(d);

    summary::write(page, d, options, &overview, &findings)?;
    findings.write_errors(page, &overview, &names)?;
    findings.write_warnings(page, &overview, &names)?;
    servers::write(page, d)?;
    phones::write(page, d, options, &overview, &names)?;
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
    let overview = Overview { verdicts: BTreeMap::new(), shown: Vec::new(), folded: 0, names };
    phones::write_story(page, phone)?;
    findings.write_errors(page, &overview, &InputNames::new(d))?;
    findings.write_warnings(page, &overview, &InputNames::new(d))
}

/// What one pass over the phones yields.
struct Overview {
    /// Phones by verdict.
    verdicts: BTreeMap<&'static str, usize>,
    /// Those that are listed, the worst first.
    shown: Vec<PhoneReport>,
    /// Healthy phones that are not listed, since others are ill.
    folded: usize,
    /// Names of the phones asked for, where they differ from what their MAC addresses give.
    names: BTreeMap<PhoneId, String>,
}

/// How much a phone needs to be looked at: errors first, then what is not known, warnings, the healthy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Ill,
    Incomplete,
    Warned,
    Healthy,
}

impl Urgency {
    fn of(phone: &PhoneReport) -> Urgency {
        match phone.verdict {
            Verdict::Finding(_) => Urgency::Ill,
            Verdict::Incomplete => Urgency::Incomplete,
            Verdict::Healthy if !phone.findings.is_empty() => Urgency::Warned,
            Verdict::Healthy => Urgency::Healthy,
        }
    }
}

impl Overview {
    fn new(d: &Diagnosis<'_>, named: &BTreeSet<PhoneId>, options: &TableOptions) -> Overview {
        let mut overview = Overview { verdicts: BTreeMap::new(), shown: Vec::new(), folded: 0, names: BTreeMap::new() };
        let room = options.top.unwrap_or(PHONES_SHOWN);
        let mut worst: BTreeMap<(Urgency, usize), PhoneReport> = BTreeMap::new();
        let mut healthy = 0;
        for index in 0..d.phone_count {
            let phone = d.phone(index, Detail::State);
            *overview.verdicts.entry(phone.verdict.as_str()).or_default() += 1;
            if named.contains(&phone.id()) {
                overview.names.insert(phone.id(), phones::name(&phone));
            }
            let urgency = Urgency::of(&phone);
            healthy += usize::from(urgency == Urgency::Healthy);
            worst.insert((urgency, index), phone);
            if worst.len() > room {
                worst.pop_last();
            }
        }
        if healthy < d.phone_count && d.phone_count > COMPARED && !options.phones_selected {
            worst.retain(|(urgency, _), _| *urgency != Urgency::Healthy);
            overview.folded = healthy;
        }
        let with_story = |(_, index): (Urgency, usize), phone: PhoneReport| {
            if options.verbose { d.phone(index, Detail::Story) } else { phone }
        };
        overview.shown = worst.into_iter().map(|(key, phone)| with_story(key, phone)).collect();
        overview
    }

    /// What a phone is called in text.
    fn name(&self, phone: PhoneId) -> String {
        self.names.get(&phone).cloned().unwrap_or_else(|| phone.to_string())
    }
}
