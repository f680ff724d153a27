//! The fix pack: what a diagnosis asks for as files that can be applied as they are.
//!
//! [`Pack::new`] makes the files in memory; who calls it writes them. Nothing from the wire becomes part of a path
//! but the letter case of a name that is `SEP` and the digits of a MAC address.

mod configurations;
mod markdown;
mod other_cures;
mod phone_list;
mod plan;
mod readme;
mod scopes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use self::configurations::Outcome;
use self::scopes::ScopeFix;
use super::plan::Plan;
use crate::diagnosis::{
    Code, Detail, Diagnosis, Outcome as Fetched, PhoneReport, RegistrationState, Severity, Verdict,
};
use crate::types::Mac;
use crate::wire::load::{is_load_file, same_load};

/// What a diagnosis asks for, as files.
pub struct Pack {
    /// The files; `README.md` first.
    pub files: Vec<PackFile>,
    /// What is to be achieved: the content of `plan.json`.
    pub plan: Plan,
    /// What the pack can not give, in whole sentences.
    pub missing: Vec<String>,
}

/// A file of a pack.
#[derive(Clone, PartialEq, Eq)]
pub struct PackFile {
    /// Relative to the pack, with at most one folder: `tftp/SEP003094C2D3FA.cnf.xml`.
    pub path: String,
    #[allow(missing_docs)]
    pub contents: Vec<u8>,
    /// It may hold passwords: for its owner's eyes only.
    pub secret: bool,
    /// What it is, in a few words; safe to print.
    pub about: String,
}

impl fmt::Debug for PackFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackFile({}, {} octets)", self.path, self.contents.len())
    }
}

/// A phone that is to be brought back, or kept from falling.
struct PhoneToFix {
    phone: PhoneReport,
    /// The finding that is its root cause.
    cause: Code,
    /// Codes of all its findings.
    codes: Vec<Code>,
    configuration: Outcome,
}

impl PhoneToFix {
    /// How it is called in a sentence.
    fn label(&self) -> String {
        self.phone.name.as_ref().map_or_else(|| self.phone.mac.device_name(), ToString::to_string)
    }

    /// The TFTP server that it should not use.
    fn wrong_server(&self) -> Option<IpAddr> {
        let wanted = &self.phone.wanted;
        wanted.tftp_now.filter(|now| !wanted.tftp_right.contains(now) && self.codes.contains(&Code::WrongTftpServer))
    }

    /// Whether the TFTP server is set on it, so that no lease moves it.
    fn is_set_by_hand(&self) -> bool {
        self.phone.tftp_source == Some(crate::diagnosis::TftpSource::Manual) && self.wrong_server().is_some()
    }

    /// Well now, and lost at its next boot.
    fn is_trapped(&self) -> bool {
        self.codes.contains(&Code::LoadTrap) && self.phone.registration.state == RegistrationState::Registered
    }

    /// The load that it runs, or else the one that it took last.
    fn load_now(&self) -> Option<&str> {
        load_now(&self.phone)
    }
}

fn load_now(phone: &PhoneReport) -> Option<&str> {
    phone.load.running.as_ref().or(phone.load.fetched.as_ref()).map(|l| l.raw())
}

/// What the capture shows of a load on a server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Shown {
    Missing,
    Served,
}

/// All that the files are made of.
struct Work<'d> {
    diagnosis: &'d Diagnosis<'d>,
    patients: Vec<PhoneToFix>,
    scopes: Vec<ScopeFix>,
    /// Right servers that DHCPv6 should name, and the wrong one that it does.
    by_dhcpv6: Vec<(Vec<IpAddr>, IpAddr)>,
    /// Loads that servers were seen to have, or not to have.
    loads_seen: BTreeMap<(IpAddr, String), Shown>,
}

impl<'d> Work<'d> {
    fn new(diagnosis: &'d Diagnosis<'d>) -> Work<'d> {
        let mut patients = Vec::new();
        let mut loads_seen = BTreeMap::new();
        let mut paths = BTreeSet::new();
        for mut phone in diagnosis.phones(Detail::State) {
            for file in &phone.files {
                let Some(load) = is_load_file(file.name.raw()) else { continue };
                let shown = match file.outcome {
                    Fetched::Served => Shown::Served,
                    Fetched::Missing => Shown::Missing,
                    _ => continue,
                };
                let known = loads_seen.entry((file.server, load)).or_insert(shown);
                *known = shown.max(*known);
            }
            // The ports of a gateway have no files of their own here: their finding says what to do.
            if phone.by_name {
                continue;
            }
            let codes: Vec<Code> =
                phone.findings.iter().filter_map(|i| diagnosis.findings.get(*i)).map(|f| f.code).collect();
            let cause = match phone.verdict {
                Verdict::Finding(code) => code,
                _ if codes.contains(&Code::LoadTrap) => Code::LoadTrap,
                _ => continue,
            };
            let configuration = configurations::outcome(&phone, cause, &codes, &mut paths);
            // What it was made of is not asked for again, and of many phones it is much.
            phone.files = Vec::new();
            phone.offers = Vec::new();
            phone.wanted.configurations = Vec::new();
            patients.push(PhoneToFix { phone, cause, codes, configuration });
        }
        let scopes = scopes::scopes(&patients);
        let by_dhcpv6 = scopes::by_dhcpv6(&patients);
        Work { diagnosis, patients, scopes, by_dhcpv6, loads_seen }
    }

    /// What the capture shows of a load on a server; `None`: nothing.
    fn shown(&self, server: IpAddr, load: &str) -> Option<Shown> {
        let of = self.loads_seen.iter().filter(|((s, l), _)| *s == server && same_load(l, load));
        of.map(|(_, shown)| *shown).max()
    }

    /// Phones whose configuration is in the pack.
    fn with_file(&self) -> BTreeSet<Mac> {
        let has_file = |p: &&PhoneToFix| matches!(p.configuration, Outcome::File(_));
        self.patients.iter().filter(has_file).map(|p| p.phone.mac).collect()
    }

    /// What the pack can not give, and where to get it.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let lost = |p: &&PhoneToFix| !p.is_trapped() && p.phone.wanted.tftp_right.is_empty();
        let is_before_files = |p: &&PhoneToFix| p.codes.iter().any(|c| c.is_helped_by_keypad());
        let named = |p: &&PhoneToFix| !p.phone.wanted.tftp_names.is_empty();
        for patient in self.patients.iter().filter(lost).filter(named).take(1) {
            let names = crate::diagnosis::and_list(&patient.phone.wanted.tftp_names);
            let phones: Vec<&PhoneToFix> = self.patients.iter().filter(lost).filter(named).collect();
            let phones = some_of(&phones);
            missing.push(format!(
                "The site file gives the right TFTP server of {phones} by name alone ({names}); option 150 takes addresses. \
                 No name is looked up here: put its address into the site file (tftp), and run fix again."
            ));
        }
        let unnamed = |p: &&PhoneToFix| p.phone.wanted.tftp_names.is_empty();
        let in_the_dark: Vec<&PhoneToFix> =
            self.patients.iter().filter(lost).filter(unnamed).filter(is_before_files).collect();
        if !in_the_dark.is_empty() {
            missing.push(format!(
                "Which TFTP server is right for {}, this capture does not tell, so no DHCP lines are given. Name it with \
                 --expect-tftp IP, or in a site file (phonescope site learn drafts one from a capture of phones that come \
                 up), and run fix again.",
                some_of(&in_the_dark)
            ));
        }
        let mut by_reason: BTreeMap<&str, Vec<&PhoneToFix>> = BTreeMap::new();
        for patient in &self.patients {
            if let Outcome::Impossible(why) = &patient.configuration {
                by_reason.entry(why).or_default().push(patient);
            }
        }
        for (why, patients) in by_reason {
            missing.push(format!("No configuration is made for {}: {why}", some_of(&patients)));
        }
        missing
    }
}

/// `SEP…`, `SEP… and SEP…`, `SEP…, SEP… and 4 more phones`.
fn some_of(patients: &[&PhoneToFix]) -> String {
    let names: Vec<String> = patients.iter().take(if patients.len() <= 4 { 4 } else { 3 }).map(|p| p.label()).collect();
    match patients.len().saturating_sub(names.len()) {
        0 => crate::diagnosis::and_list(&names),
        more => format!("{} and {more} more phones", names.join(", ")),
    }
}

impl Pack {
    /// The pack for what is wrong in a diagnosis; `None` where no phone is ill, and none will be at its next boot.
    pub fn new(diagnosis: &Diagnosis<'_>) -> Option<Pack> {
        let work = Work::new(diagnosis);
        let errors = diagnosis.findings.iter().any(|f| f.severity == Severity::Error);
        if work.patients.is_empty() && !errors {
            return None;
        }
        let plan = plan::plan(&work);
        let file = |path: &str, contents: Vec<u8>, about: String| PackFile {
            path: path.to_owned(),
            contents,
            secret: false,
            about,
        };
        let mut files = Vec::new();
        if !work.patients.is_empty() {
            let about = match work.patients.len() {
                1 => "the phone, with what it has and what it should have".to_owned(),
                n => format!("the {n} phones, with what they have and what they should have"),
            };
            files.push(file("phones.csv", phone_list::write(&work).into_bytes(), about));
            files.push(file("plan.json", plan::write(&plan), "the same for programs: phonescope verify".to_owned()));
        }
        for patient in &work.patients {
            if let Outcome::File(made) = &patient.configuration {
                files.extend(made.files(&patient.label()));
            }
        }
        for scope in &work.scopes {
            files.extend(scope.files());
        }
        files.extend(scopes::files_v6(&work.by_dhcpv6));
        let missing = work.missing();
        let text = readme::write(&work, &files, &missing);
        files.insert(
            0,
            file("README.md", text.into_bytes(), "what is wrong, the steps in order, the way back".to_owned()),
        );
        Some(Pack { files, plan, missing })
    }
}
