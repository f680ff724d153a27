//! Answers to `--what-if`: what a change would do to the phones, the worst first.

use std::io;

use super::TableOptions;
use super::format::number;
use super::grid::{self, Column, or_dash};
use super::page::{Page, TextStyle};
use crate::diagnosis::{Diagnosis, PhoneThen, WhatIf, WhatIfOutcome};

/// Phones that are listed of one answer.
const PHONES_SHOWN: usize = 30;
/// Reasons that are told of one answer.
const REASONS_SHOWN: usize = 8;

const COLUMNS: &[Column<PhoneThen>] = &[
    Column {
        title: "Phone",
        rank: 0,
        cell: |p| p.name.as_ref().map_or_else(|| p.mac.to_string(), ToString::to_string),
    },
    Column { title: "Outcome", rank: 1, cell: |p| words(p.outcome).to_owned() },
    Column { title: "TFTP", rank: 2, cell: |p| or_dash(p.moves.map(|(_, to)| format!("to {to}"))) },
    Column { title: "Load now", rank: 3, cell: |p| or_dash(p.load_now.as_ref()) },
    Column { title: "Load then", rank: 4, cell: |p| or_dash(p.load_then.as_ref()) },
    Column { title: "First to", rank: 5, cell: |p| or_dash(p.load_first.as_ref()) },
    Column { title: "Named by", rank: 6, cell: |p| or_dash(p.named_by.as_ref()) },
];

pub(super) fn write(page: &mut Page<'_>, d: &Diagnosis<'_>, options: &TableOptions) -> io::Result<()> {
    d.what_if.iter().try_for_each(|answer| write_one(page, answer, options.verbose))
}

fn write_one(page: &mut Page<'_>, answer: &WhatIf, verbose: bool) -> io::Result<()> {
    page.heading(&format!("What if {}", answer.change))?;
    page.text(TextStyle::Plain, "  ", "  ", &answer.summary)?;
    for (i, step) in answer.first.iter().enumerate() {
        page.text(TextStyle::Plain, &format!("  {}. ", i + 1), "     ", step)?;
    }
    if answer.phones.is_empty() {
        return Ok(());
    }
    let limit = if verbose { usize::MAX } else { PHONES_SHOWN };
    grid::write(page, COLUMNS, answer.phones.iter().take(limit))?;
    let more = answer.phones.len().saturating_sub(limit);
    if more > 0 {
        let more = number(u64::try_from(more).unwrap_or(u64::MAX));
        page.text(TextStyle::Plain, "", "", &format!("... and {more} more phones (-T json lists all)"))?;
    }
    reasons(page, answer, verbose)
}

/// Why, each reason once.
fn reasons(page: &mut Page<'_>, answer: &WhatIf, verbose: bool) -> io::Result<()> {
    let mut told: Vec<(WhatIfOutcome, &str, usize)> = Vec::new();
    for phone in &answer.phones {
        match told.iter_mut().find(|(outcome, because, _)| (*outcome, *because) == (phone.outcome, &phone.because)) {
            Some((_, _, count)) => *count += 1,
            None => told.push((phone.outcome, &phone.because, 1)),
        }
    }
    let limit = if verbose { usize::MAX } else { REASONS_SHOWN };
    for (outcome, because, count) in told.iter().take(limit) {
        page.text(TextStyle::Plain, "  - ", "    ", &format!("{} ({count}): {because}.", words(*outcome)))?;
    }
    let more = told.len().saturating_sub(limit);
    if more > 0 {
        page.text(TextStyle::Plain, "  - ", "    ", &format!("and {more} more reasons (-v shows them)"))?;
    }
    Ok(())
}

fn words(outcome: WhatIfOutcome) -> &'static str {
    match outcome {
        WhatIfOutcome::Refused => "refused",
        WhatIfOutcome::Elsewhere => "elsewhere",
        WhatIfOutcome::NotKnown => "not known",
        WhatIfOutcome::Taken => "comes up",
    }
}
