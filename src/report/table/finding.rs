//! Findings: each cause with what follows from it.

use std::collections::BTreeSet;
use std::io;

use super::format::{InputNames, clock, count, number, some_of};
use super::page::{Page, TextStyle};
use super::{Overview, TableOptions};
use crate::diagnosis::{Diagnosis, Finding, Fix, FixKind, FixTarget, Role, Severity};
use crate::types::PhoneId;

/// Causes that are told in full; the rest is counted.
const CAUSES_SHOWN: usize = 40;
/// Phones that a finding names, and frames that it cites.
const PHONES_NAMED: usize = 4;
const EVIDENCE_SHOWN: usize = 5;
/// Fixes that are only named, beside one of their kind that is told in full.
const FIXES_NAMED: usize = 3;

/// A finding that nothing explains, and those that it explains.
struct Cause<'a> {
    finding: &'a Finding,
    consequences: Vec<&'a Finding>,
    /// The worst of them all.
    severity: Severity,
}

/// The findings to be told, by cause.
pub(super) struct Findings<'a> {
    causes: Vec<Cause<'a>>,
    verbose: bool,
}

impl<'a> Findings<'a> {
    pub(super) fn new(d: &'a Diagnosis<'_>, options: &TableOptions) -> Findings<'a> {
        let mut causes: Vec<Option<Cause<'a>>> = d
            .findings
            .iter()
            .enumerate()
            .map(|(i, f)| {
                (root(&d.findings, i) == i).then(|| Cause {
                    finding: f,
                    consequences: Vec::new(),
                    severity: f.severity,
                })
            })
            .collect();
        for (i, finding) in d.findings.iter().enumerate() {
            let root = root(&d.findings, i);
            if let Some(Some(cause)) = causes.get_mut(root).filter(|_| root != i) {
                cause.severity = cause.severity.max(finding.severity);
                cause.consequences.push(finding);
            }
        }
        let causes = causes.into_iter().flatten().filter(|c| c.severity >= options.min_severity).collect();
        Findings { causes, verbose: options.verbose }
    }

    /// Those of one phone.
    pub(super) fn of_phone(d: &'a Diagnosis<'_>, phone: PhoneId, options: &TableOptions) -> Findings<'a> {
        let mut findings = Findings::new(d, options);
        let is_its = |f: &Finding| f.phones.contains(&phone);
        findings.causes.retain_mut(|cause| {
            cause.consequences.retain(|f| is_its(f));
            is_its(cause.finding)
        });
        findings
    }

    /// How many causes there are with something of severity error.
    pub(super) fn errors(&self) -> usize {
        self.causes.iter().filter(|c| c.severity == Severity::Error).count()
    }

    /// How many causes there are without.
    pub(super) fn warnings(&self) -> usize {
        self.causes.iter().filter(|c| c.severity == Severity::Warning).count()
    }

    /// The phones that are named in text.
    pub(super) fn phones_named(&self) -> BTreeSet<PhoneId> {
        let limit = if self.verbose { usize::MAX } else { PHONES_NAMED };
        self.causes.iter().flat_map(|c| c.finding.phones.iter().take(limit).copied()).collect()
    }

    pub(super) fn write_errors(&self, page: &mut Page<'_>, overview: &Overview, names: &InputNames) -> io::Result<()> {
        let errors: Vec<&Cause<'_>> = self.causes.iter().filter(|c| c.severity == Severity::Error).collect();
        for cause in errors.iter().take(CAUSES_SHOWN) {
            page.blank()?;
            self.write(page, cause, overview, names, true)?;
        }
        more(page, errors.len())
    }

    /// Warnings and notes: in full only where there is nothing worse, or it is asked for.
    pub(super) fn write_warnings(
        &self,
        page: &mut Page<'_>,
        overview: &Overview,
        names: &InputNames,
    ) -> io::Result<()> {
        let mut rest: Vec<&Cause<'_>> = self.causes.iter().filter(|c| c.severity < Severity::Error).collect();
        rest.sort_by_key(|c| std::cmp::Reverse(c.severity));
        let full = self.verbose || rest.len() == self.causes.len();
        for cause in rest.iter().take(CAUSES_SHOWN) {
            page.blank()?;
            self.write(page, cause, overview, names, full)?;
        }
        more(page, rest.len())
    }

    fn write(
        &self,
        page: &mut Page<'_>,
        cause: &Cause<'_>,
        overview: &Overview,
        names: &InputNames,
        full: bool,
    ) -> io::Result<()> {
        let f = cause.finding;
        let (word, ink) = match cause.severity {
            Severity::Error => ("ERROR", TextStyle::Red),
            Severity::Warning => ("WARNING", TextStyle::Yellow),
            Severity::Info => ("NOTE", TextStyle::Bold),
        };
        page.text(ink, &format!("{word}  "), "  ", &f.title)?;
        let limit = if self.verbose { usize::MAX } else { PHONES_NAMED };
        let on = match f.phones.len() {
            0 => String::new(),
            n => {
                let phones = f.phones.iter().map(|mac| overview.name(*mac));
                format!(" on {}: {}", count(n, "phone"), some_of(phones, limit, n))
            }
        };
        page.text(TextStyle::Plain, "  ", "  ", &format!("{} ({}){on}", f.code, f.confidence.as_str()))?;
        page.text(TextStyle::Plain, "  ", "  ", &f.summary)?;
        consequences(page, cause, self.verbose)?;
        self.evidence(page, f, names)?;
        if full {
            self.fixes(page, f)?;
            loads_to_name(page, cause)
        } else if let Some(fix) = f.fixes.first() {
            page.text(TextStyle::Plain, "  Fix: ", "    ", &format!("{} (-v shows how)", fix.title))
        } else {
            Ok(())
        }
    }

    fn evidence(&self, page: &mut Page<'_>, f: &Finding, names: &InputNames) -> io::Result<()> {
        let limit = if self.verbose { usize::MAX } else { EVIDENCE_SHOWN };
        for (i, e) in f.evidence.iter().take(limit).enumerate() {
            let first = if i == 0 { "  Evidence: " } else { "            " };
            page.text(
                TextStyle::Plain,
                first,
                "              ",
                &format!("{}, {}: {}", names.frame(e.at), clock(e.time), e.text),
            )?;
        }
        let more = f.evidence.len().saturating_sub(limit);
        if more > 0 {
            let more = number(u64::try_from(more).unwrap_or(u64::MAX));
            page.text(TextStyle::Plain, "            ", "            ", &format!("and {more} more (-v shows them)"))?;
        }
        let filter = f.wireshark_filter();
        if filter.contains(|c: char| c.is_ascii_digit()) && (filter.len() <= 160 || self.verbose) {
            page.verbatim("  Wireshark: ", &filter)?;
        }
        Ok(())
    }

    /// The fixes, by where they are made: the first in full, the others there by platform or by title.
    fn fixes(&self, page: &mut Page<'_>, f: &Finding) -> io::Result<()> {
        let mut places: Vec<FixTarget> = Vec::new();
        for fix in &f.fixes {
            if !places.contains(&fix.target) {
                places.push(fix.target);
            }
        }
        for place in places {
            let mut fixes = f.fixes.iter().filter(|fix| fix.target == place);
            if self.verbose {
                fixes.try_for_each(|fix| write_fix(page, fix))?;
                continue;
            }
            let Some(first) = fixes.next() else { continue };
            write_fix(page, first)?;
            // Of the platform that is shown, another fix is one for another scope.
            let is_other = |fix: &&Fix| fix.platform.name().is_some() && fix.platform.name() != first.platform.name();
            let (platforms, others): (Vec<&Fix>, Vec<&Fix>) = fixes.partition(is_other);
            if !platforms.is_empty() {
                // A platform has several fixes where it has several tools, or there are several scopes.
                let mut names: Vec<&str> = Vec::new();
                for name in platforms.iter().filter_map(|fix| fix.platform.name()) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
                let line = format!("The same for {}: -v shows how.", names.join(", "));
                page.text(TextStyle::Plain, "    ", "    ", &line)?;
            }
            for fix in others.iter().take(FIXES_NAMED) {
                page.text(TextStyle::Plain, "    Also:  ", "           ", &fix.title)?;
            }
            let more = others.len().saturating_sub(FIXES_NAMED);
            if more > 0 {
                let line = format!(
                    "and {} (-v shows how)",
                    format_args!("{} more of them", number(u64::try_from(more).unwrap_or(u64::MAX)))
                );
                page.text(TextStyle::Plain, "           ", "           ", &line)?;
            }
        }
        Ok(())
    }
}

fn write_fix(page: &mut Page<'_>, fix: &Fix) -> io::Result<()> {
    page.text(TextStyle::Bold, "  Fix: ", "    ", &fix.title)?;
    for (i, step) in fix.steps.iter().enumerate() {
        page.text(TextStyle::Plain, &format!("    {}. ", i + 1), "       ", step)?;
    }
    if let Some(config) = fix.config.as_ref().filter(|c| !c.trim().is_empty()) {
        page.blank()?;
        page.verbatim("        ", config)?;
        page.blank()?;
    }
    if !fix.verify.is_empty() {
        page.text(TextStyle::Plain, "    Check: ", "           ", &fix.verify)?;
    }
    match fix.undo.as_ref().filter(|u| !u.trim().is_empty()) {
        Some(undo) if undo.trim().contains('\n') => {
            page.text(TextStyle::Plain, "    ", "    ", "The way back:")?;
            page.blank()?;
            page.verbatim("        ", undo)?;
            page.blank()
        }
        Some(undo) => page.text(TextStyle::Plain, "    Back:  ", "           ", undo),
        None => Ok(()),
    }
}

/// Where phones came away with another load, the end of the cause does not bring them back: the load has to be named too.
fn loads_to_name(page: &mut Page<'_>, cause: &Cause<'_>) -> io::Result<()> {
    let names_load = |f: &&Fix| f.kind == FixKind::NameLoad && f.role == Role::Needed;
    if cause.finding.fixes.iter().any(|f| names_load(&f)) {
        return Ok(());
    }
    let mut fixes: Vec<&Fix> = Vec::new();
    for fix in cause.consequences.iter().flat_map(|f| &f.fixes).filter(names_load) {
        if !fixes.iter().any(|known| known.title == fix.title) {
            fixes.push(fix);
        }
    }
    let Some((first, others)) = fixes.split_first() else { return Ok(()) };
    let why = "With that alone a phone stays on the load that it took. Then also:";
    page.text(TextStyle::Plain, "  ", "  ", why)?;
    write_fix(page, first)?;
    for fix in others.iter().take(FIXES_NAMED) {
        page.text(TextStyle::Plain, "    Also:  ", "           ", &fix.title)?;
    }
    Ok(())
}

fn consequences(page: &mut Page<'_>, cause: &Cause<'_>, verbose: bool) -> io::Result<()> {
    let limit = if verbose { usize::MAX } else { EVIDENCE_SHOWN };
    for f in cause.consequences.iter().take(limit) {
        let line = format!("{} on {}: {}", f.code, count(f.phones.len(), "phone"), f.title);
        page.text(TextStyle::Plain, "  And therefore: ", "    ", &line)?;
        if verbose {
            page.text(TextStyle::Plain, "    ", "    ", &f.summary)?;
        }
    }
    let more = cause.consequences.len().saturating_sub(limit);
    if more > 0 {
        page.text(TextStyle::Plain, "  ", "    ", &format!("And {} (-v shows them)", count(more, "more consequence")))?;
    }
    Ok(())
}

fn more(page: &mut Page<'_>, all: usize) -> io::Result<()> {
    match all.saturating_sub(CAUSES_SHOWN) {
        0 => Ok(()),
        more => {
            page.blank()?;
            page.text(TextStyle::Plain, "", "", &format!("... and {} (-T json lists all)", count(more, "more finding")))
        }
    }
}

/// The finding that nothing explains, from which this one follows. A circle has its first as root.
fn root(findings: &[Finding], start: usize) -> usize {
    let mut at = start;
    let mut lowest = start;
    for _ in 0..findings.len() {
        match findings.get(at).and_then(|f| f.caused_by).filter(|c| *c < findings.len()) {
            Some(cause) => at = cause,
            None => return at,
        }
        lowest = lowest.min(at);
    }
    lowest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Code;
    use crate::report::fixture;

    #[test]
    fn a_consequence_of_a_consequence_belongs_to_the_first_cause() {
        let mut findings: Vec<Finding> =
            (0..4).map(|_| fixture::finding(Code::LoadFlapping, Severity::Error, vec![])).collect();
        findings[2].caused_by = Some(1);
        findings[1].caused_by = Some(3);
        findings[0].caused_by = Some(99);
        let roots: Vec<usize> = (0..4).map(|i| root(&findings, i)).collect();
        assert_eq!(roots, [0, 3, 3, 3]);
    }

    #[test]
    fn a_circle_of_causes_has_one_root() {
        let mut findings: Vec<Finding> =
            (0..3).map(|_| fixture::finding(Code::LoadFlapping, Severity::Error, vec![])).collect();
        for (i, f) in findings.iter_mut().enumerate() {
            f.caused_by = Some((i + 1) % 3);
        }
        assert_eq!([0, 1, 2].map(|i| root(&findings, i)), [0, 0, 0]);
        // A tail that leads into the circle does not add a second root.
        findings.push(Finding { caused_by: Some(1), ..fixture::finding(Code::LoadTrap, Severity::Error, vec![]) });
        assert_eq!(root(&findings, 3), 0);
    }
}
