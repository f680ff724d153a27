//! `README.md`: what is wrong, what to do in which order, what to expect after each step, how to go back.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::configurations::{How, Outcome};
use super::markdown::text;
use super::{PackFile, PhoneToFix, Shown, Work, other_cures, some_of};
use crate::diagnosis::{Code, Confidence, Finding, Fix, FixKind, FixTarget, ScopeReach, Severity, and_list};
use crate::remedy::dhcp::{PLATFORMS, snippet_v6};
use crate::remedy::load_route::{self, LoadRoute};
use crate::types::WireText;

/// Findings told in full, and phones of a table.
const FINDINGS_TOLD: usize = 60;
const PHONES_TOLD: usize = 200;

/// The page.
pub(super) fn write(work: &Work<'_>, files: &[PackFile], missing: &[String]) -> String {
    let mut page = Page { out: String::new(), step: 0 };
    page.head(work);
    page.what_is_wrong(work);
    page.before(work, missing);
    page.line("## What to do, in this order\n");
    page.loads(work);
    page.configurations(work);
    page.dhcp(work);
    page.elsewhere(work);
    page.resets(work);
    other_cures::write(&mut page.out, work);
    page.way_back(work);
    page.contents(files);
    page.out
}

struct Page {
    out: String,
    step: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        // Writing to a text does not fail.
        let _ = writeln!(self.out, "{line}");
    }

    fn heading(&mut self, words: &str) {
        self.step += 1;
        let step = self.step;
        self.line(&format!("### {step}. {words}\n"));
    }

    fn head(&mut self, work: &Work<'_>) {
        let inputs: Vec<String> = work.diagnosis.inputs.iter().take(10).map(|i| text(&i.path.to_string())).collect();
        let more = work.diagnosis.inputs.len().saturating_sub(inputs.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.line("# How to bring these phones back\n");
        self.line(&format!("Made by phonescope {} from {}{more}.", env!("CARGO_PKG_VERSION"), inputs.join(", ")));
        if let Some(site) = &work.diagnosis.site {
            self.line(&format!(
                "What ought to be is from the site file {}.",
                text(&WireText::from(site.as_str()).to_string())
            ));
        }
        self.line("");
    }

    fn what_is_wrong(&mut self, work: &Work<'_>) {
        self.line("## What is wrong\n");
        let roots: Vec<&Finding> = roots(work).collect();
        for finding in roots.iter().take(FINDINGS_TOLD) {
            let phones = match finding.phones.len() {
                0 => String::new(),
                1 => ", 1 phone".to_owned(),
                n => format!(", {n} phones"),
            };
            self.line(&format!(
                "- **{}** ({}, {}{phones}): {}",
                text(&finding.title),
                finding.code,
                finding.confidence.as_str(),
                text(&finding.summary)
            ));
        }
        if roots.len() > FINDINGS_TOLD {
            self.line(&format!("- and {} more: phonescope analyze lists them all.", roots.len() - FINDINGS_TOLD));
        }
        self.line("");
        if !work.patients.is_empty() {
            self.line("`phones.csv` has every phone, with what it has and what it should have.\n");
        }
    }

    fn before(&mut self, work: &Work<'_>, missing: &[String]) {
        let mut checks: Vec<String> = Vec::new();
        for patient in &work.patients {
            let wanted = &patient.phone.wanted;
            if let Some((confidence, because)) = &wanted.tftp_basis
                && *confidence != Confidence::Certain
                && !wanted.tftp_right.is_empty()
            {
                let check = format!(
                    "{} is taken for the right TFTP server ({}): {because}. Is it?",
                    and_list(&wanted.tftp_right),
                    confidence.as_str()
                );
                if !checks.contains(&check) && checks.len() < 20 {
                    checks.push(check);
                }
            }
        }
        checks.extend(missing.iter().cloned());
        let limits = &work.diagnosis.coverage.limits_reached;
        checks.extend(limits.iter().map(|l| format!("A limit was reached: {l}.")));
        for (id, input) in work.diagnosis.inputs.iter().enumerate() {
            if let Some(problem) = &input.problem {
                checks.push(format!("Input {id} is damaged ({problem}): the pack covers what could be read."));
            }
        }
        if !checks.is_empty() {
            self.line("## Before you begin\n");
            checks.iter().for_each(|check| self.line(&format!("- {}", text(check))));
            self.line("");
        }
    }

    fn loads(&mut self, work: &Work<'_>) {
        let mut wanted: BTreeMap<(IpAddr, &str), Vec<&PhoneToFix>> = BTreeMap::new();
        let mut warnings: BTreeMap<String, Vec<&PhoneToFix>> = BTreeMap::new();
        for patient in work.patients.iter().filter(|p| !p.is_trapped()) {
            let Some(load) = patient.phone.wanted.load.as_ref().map(|l| l.raw()) else { continue };
            let now = patient.load_now();
            if now.is_some_and(|now| crate::wire::load::same_load(now, load)) {
                continue;
            }
            let way = now.map_or(LoadRoute::Straight, |now| load_route::way(now, load));
            if let LoadRoute::Shut(_) = way {
                continue;
            }
            for server in &patient.phone.wanted.tftp_right {
                wanted.entry((*server, load)).or_default().push(patient);
            }
            if let LoadRoute::Through(stone) = &way {
                let words = format!(
                    "Stepping stone: from what it runs a phone does not come to {load} in one step. {} has to be on the \
                     same server; the configurations in tftp/ name {stone}, those in tftp-then/ name {load} and take \
                     their place once the phone runs {stone}.",
                    load_route::files(stone)
                );
                warnings.entry(words).or_default().push(patient);
            }
            for warning in load_route::warnings(now, load) {
                warnings.entry(warning).or_default().push(patient);
            }
        }
        if wanted.is_empty() {
            return;
        }
        self.heading("Put the loads on the right TFTP server");
        self.line("Before anything else: a phone that is told to run a load that is not there stays as it is.\n");
        for ((server, load), patients) in &wanted {
            let shown = match work.shown(*server, load) {
                Some(Shown::Served) => format!(" ({server} served it in this capture)"),
                Some(Shown::Missing) => format!(" (**{server} did not have it in this capture**)"),
                None => String::new(),
            };
            self.line(&format!("- On {server}: {}{shown}, for {}.", load_route::files(load), text(&some_of(patients))));
        }
        for (warning, patients) in &warnings {
            self.line(&format!("- **{}** For {}.", text(warning), text(&some_of(patients))));
        }
        self.line(
            "\nThe load is not part of this pack: it comes with the CallManager version that the phones belong to. Its name \
             is case-sensitive on many servers.\n\nExpect: nothing changes yet. \
             `phonescope verify --plan . --send` asks the servers whether it is there.\n",
        );
    }

    fn configurations(&mut self, work: &Work<'_>) {
        let made = || {
            work.patients.iter().filter_map(|p| match &p.configuration {
                Outcome::File(made) => Some((p, made)),
                _ => None,
            })
        };
        if made().next().is_none() {
            return;
        }
        self.heading("Put the configurations on the right TFTP server");
        self.line(
            "CallManager upgrades loads by itself and never downgrades them, so each of these phones has to be told. Copy \
             the files of `tftp/` to the TFTP path; keep the ones that are there for the way back. Where the server has a \
             configuration of the phone already (its CallManager writes one), the surer way is to change the load in that \
             one alone.\n",
        );
        self.line("| Phone | File | Server | Load | How it was made |\n| --- | --- | --- | --- | --- |");
        for (patient, made) in made().take(PHONES_TOLD) {
            let server = and_list(&patient.phone.wanted.tftp_right);
            let case = if made.odd_case { "; **the letter case is the one that the phone asks for**" } else { "" };
            self.line(&format!(
                "| {} | {} | {server} | {} | {}{case} |",
                text(&patient.label()),
                made.path,
                made.load,
                text(&made.how.words())
            ));
        }
        if made().count() > PHONES_TOLD {
            self.line(&format!("\nand {} more: see phones.csv.", made().count() - PHONES_TOLD));
        }
        self.line("");
        let any = |is: fn(&How) -> bool| made().any(|(_, made)| is(&made.how));
        if any(|how| matches!(how, How::Minimal { .. })) {
            self.line(
                "A **minimal** configuration names the CallManagers and the load, and nothing else: no lines, no services, \
                 no locale. Use it only where the server has no better one; CallManager puts its own in its place when the \
                 phone is updated there.\n",
            );
        }
        if any(|how| matches!(how, How::Moved { .. })) {
            self.line(
                "Where the **CallManagers were replaced too**, the configuration is another cluster's: its other settings \
                 (services, locale, device pool) are that cluster's still.\n",
            );
        }
        if any(|how| matches!(how, How::Derived { .. })) {
            self.line(
                "A **derived** configuration is the default that the phone was served, under the phone's own name: the form \
                 with loads by device type is one that phones take.\n",
            );
        }
        self.line(
            "The files may hold passwords: they are readable for their owner alone, and should not be mailed. The TFTP \
             service has to be able to read the copies. On a CallManager restart the Cisco TFTP service afterwards; \
             elsewhere nothing has to be restarted. On a CallManager that manages the phone also set its Phone Load Name \
             (Device, Phone), or the next update there writes the old load again.\n\nExpect: nothing changes before the \
             phone boots.\n",
        );
    }

    fn dhcp(&mut self, work: &Work<'_>) {
        if work.scopes.is_empty() && work.by_dhcpv6.is_empty() {
            return;
        }
        self.heading("Let DHCP name the right TFTP server");
        for scope in &work.scopes {
            let now = scope.scope.now();
            let now = if now.is_empty() { "nothing usable".to_owned() } else { text(&and_list(&now)) };
            let phones = if scope.phones == 1 { "1 phone".to_owned() } else { format!("{} phones", scope.phones) };
            self.line(&format!(
                "- DHCP server {}, {}: option 150 to {} (names {now} now; {phones} of this pack). By platform: {}.",
                scope.scope.server,
                scope.scope.label(),
                and_list(&scope.right),
                PLATFORMS
                    .iter()
                    .filter(|p| scope.scope.snippets(&scope.right).iter().any(|s| s.platform == **p))
                    .map(|p| format!("`{}`", scope.path(*p)))
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        for (right, wrong) in &work.by_dhcpv6 {
            self.line(&format!(
                "- DHCPv6: option 17, enterprise number 9, sub-option 1 to {} (names {wrong} now). For ISC dhcpd: `dhcp/isc-dhcpd6*.conf`.",
                and_list(right)
            ));
        }
        for scope in &work.scopes {
            if let ScopeReach::Phones { why, .. } = &scope.scope.reach {
                self.line(&format!(
                    "\n**{}** Its files hold an entry for each phone.",
                    text(&why.reason(&scope.scope.label()))
                ));
            }
        }
        self.line(
            "\nEach file says where its lines belong, what they replace and how to go back: edit in place, do not append.\n\nExpect: from the next lease on, OFFER and ACK carry the right \
             addresses. A phone that runs asks for its lease at half its time, and reads its files at its next boot only.\n",
        );
    }

    /// What is not said by the steps around it: finding by finding, the place that it is made at in front.
    fn elsewhere(&mut self, work: &Work<'_>) {
        const ORDER: [FixTarget; 5] = [
            FixTarget::TftpServer,
            FixTarget::CallManager,
            FixTarget::DhcpServer,
            FixTarget::Network,
            FixTarget::Phone,
        ];
        let mut fixes: Vec<(&Finding, &Fix)> = Vec::new();
        let with_file = work.with_file();
        for finding in roots(work) {
            // A load that a configuration of the pack no longer names is not to be had, but to be left out.
            if finding.code == Code::LoadFileMissing
                && finding.phones.iter().all(|phone| with_file.contains(&phone.mac))
            {
                continue;
            }
            for fix in &finding.fixes {
                let known = fixes.iter().any(|(_, f)| f.title == fix.title && f.steps == fix.steps);
                if !known && !is_told(fix, work) && fixes.len() < 200 {
                    fixes.push((finding, fix));
                }
            }
        }
        fixes.sort_by_key(|(_, fix)| ORDER.iter().position(|place| *place == fix.target));
        if fixes.is_empty() {
            return;
        }
        self.heading("Mend what else is wrong");
        for (finding, fix) in fixes {
            self.line(&format!("**{}** ({})\n", text(&fix.title), finding.code));
            for (i, step) in fix.steps.iter().enumerate() {
                self.line(&format!("{}. {}", i + 1, text(step)));
            }
            if let Some(config) = fix.config.as_ref().filter(|c| !c.trim().is_empty()) {
                self.line(&format!("\n```text\n{}\n```", fenced(config)));
            }
            if let Some(undo) = fix.undo.as_ref().filter(|u| !u.trim().is_empty()) {
                match undo.trim().contains('\n') || fix.config.is_some() {
                    true => self.line(&format!("\nThe way back:\n\n```text\n{}\n```", fenced(undo))),
                    false => self.line(&format!("\nThe way back: {}", text(undo.trim()))),
                }
            }
            self.line(&format!("\nExpect: {}\n", text(&fix.verify)));
        }
    }

    fn resets(&mut self, work: &Work<'_>) {
        let ill: Vec<&PhoneToFix> = work.patients.iter().filter(|p| !p.is_trapped()).collect();
        let trapped: Vec<&PhoneToFix> = work.patients.iter().filter(|p| p.is_trapped()).collect();
        if !ill.is_empty() {
            self.heading("Reset the phones, last of all");
            self.line(&format!("{}. One first: take the others when it is back.\n", text(&some_of(&ill))));
            self.line(
                "Take the power away for some seconds, or `**#**` in the settings menu of a 7940 or 7960; a phone that is \
                 registered anywhere can be reset from that CallManager.\n\nExpect, in this order: a DHCP lease with the \
                 right option 150; a read request for the phone's configuration to the right server; where the load \
                 changes, a read request for the load, a minute or more of loading and a second boot; then the \
                 registration. Leave it its power while it loads.\n",
            );
        }
        if !trapped.is_empty() {
            self.line(&format!(
                "{} {} well now and must not boot before the steps above are done: no reset, no power cut.\n",
                text(&some_of(&trapped)),
                if trapped.len() == 1 { "is" } else { "are" }
            ));
        }
        if !work.patients.is_empty() {
            self.heading("See that it worked");
            self.line(
                "`phonescope verify --plan . CAPTURE`, with a capture of the boots after the change (or live, `-i \
                 INTERFACE`), says of each phone whether it came back with the right server and load, and registered.\n",
            );
        }
    }

    fn way_back(&mut self, work: &Work<'_>) {
        self.line("## The way back\n");
        if !work.scopes.is_empty() {
            self.line("- DHCP: the way back is in each file of `dhcp/` (for Kea in a file of its own).");
        }
        let back = |p: &&PhoneToFix| matches!(p.configuration, Outcome::File(_));
        if work.patients.iter().any(|p| back(&p)) {
            self.line(
                "- Configurations: put the file that was there in place again, or take ours away, and reset the phone. Its \
                 old load is in `phones.csv` (load_now), and has to be on the server for the phone to return to it.",
            );
        }
        if other_cures::applies(work) {
            self.line("- On a phone whose server was set as in c: Alternate TFTP to what it was (No, where DHCP named it), Save.");
        }
        self.line("- A step above that has another way back says so.\n");
    }

    fn contents(&mut self, files: &[PackFile]) {
        self.line("## What is in this folder\n");
        let told = |f: &&PackFile| !f.path.starts_with("tftp");
        for file in files.iter().filter(told) {
            self.line(&format!("- `{}`: {}", file.path, text(&file.about)));
        }
        for folder in ["tftp", "tftp-then"] {
            let count = files.iter().filter(|f| f.path.split('/').next() == Some(folder)).count();
            if count > 0 {
                let what = if folder == "tftp" { "for the TFTP path" } else { "that come after those" };
                let word = if count == 1 { "configuration" } else { "configurations" };
                self.line(&format!("- `{folder}/`: {count} {word} {what}, readable for their owner alone"));
            }
        }
    }
}

/// What nothing explains, warnings with a fix included.
fn roots<'w>(work: &'w Work<'_>) -> impl Iterator<Item = &'w Finding> {
    let findings = &work.diagnosis.findings;
    findings.iter().filter(|f| {
        f.caused_by.is_none()
            && (f.severity == Severity::Error || f.severity == Severity::Warning && !f.fixes.is_empty())
    })
}

/// Whether the steps around say what a fix says: the lines for a scope, the load in a configuration, Alternate TFTP.
fn is_told(fix: &Fix, work: &Work<'_>) -> bool {
    let is_snippet = || {
        let mut snippets = work.scopes.iter().flat_map(|s| s.scope.snippets(&s.right));
        let by_v6 = |(right, wrong): &(Vec<IpAddr>, IpAddr)| {
            snippet_v6(right, Some(*wrong)).is_some_and(|(config, _)| Some(&config) == fix.config.as_ref())
        };
        snippets.any(|s| Some(&s.config) == fix.config.as_ref()) || work.by_dhcpv6.iter().any(by_v6)
    };
    let in_file = || {
        work.patients.iter().any(|p| match &p.configuration {
            Outcome::File(made) => fix.config.as_ref().is_some_and(|c| c.contains(&format!(">{}<", made.load))),
            _ => false,
        })
    };
    match fix.kind {
        FixKind::NameLoad | FixKind::KeepLoad => in_file(),
        FixKind::AlternateTftp => other_cures::applies(work),
        _ => fix.target == FixTarget::DhcpServer && is_snippet(),
    }
}

/// A text for a fenced block: nothing in it ends the block.
fn fenced(config: &str) -> String {
    config.trim_end().replace("```", "'''")
}
