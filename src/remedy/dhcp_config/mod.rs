//! The operator's own DHCP configuration with the right TFTP server in it, and all else byte for byte as it was.
//!
//! [`changes`] reads the files with a parser for each language that keeps the place of every value ([`isc`], [`kea`],
//! [`dnsmasq`], [`ios`]), works out what each client of the capture gets from which place ([`model`]), changes the places
//! of the phones that get a wrong one ([`judge`]), and writes the difference as `patch` takes it ([`patch`]).
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod client;
mod dnsmasq;
mod include;
mod ios;
mod isc;
mod judge;
mod kea;
mod language;
mod model;
mod patch;
mod pattern;
mod source;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::client::Client;
use self::judge::Decision;
use self::model::{Edit, Model};
use self::source::{Sources, Unreadable};
use crate::diagnosis::Diagnosis;

pub use self::client::ClientLog;
pub use self::include::{Include, includes};
pub use self::language::Language;
pub use self::source::ConfigFile;

/// Files that are read together.
pub const MAX_FILES: usize = 256;
/// Bytes of all files together.
pub const MAX_BYTES: usize = 32 << 20;

/// What becomes of the operator's files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Files with changes.
    pub files: Vec<ChangedFile>,
    /// What was changed, what was left and why: a line each, with file and line number.
    pub lines: Vec<String>,
    /// A configuration was refused: nothing of it is written.
    pub refused: bool,
}

/// A file with changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangedFile {
    /// Index among the files that were handed over.
    pub index: usize,
    /// Its language.
    pub language: Language,
    /// The files of its configuration, the first one at the front.
    pub configuration: Vec<usize>,
    /// The whole file.
    pub contents: Vec<u8>,
    /// From the file as it was to this.
    pub patch: Vec<u8>,
    /// And back.
    pub undo: Vec<u8>,
}

/// A configuration: a file and all that it includes.
struct Configuration<'s> {
    language: Language,
    roots: Vec<usize>,
    used: Vec<usize>,
    model: Result<Box<dyn Model + 's>, Unreadable>,
}

/// What to change in these files, for the phones of a diagnosis.
pub fn changes(files: &[ConfigFile], log: &ClientLog, diagnosis: &Diagnosis<'_>) -> Changes {
    changes_for(files, &log.clients(diagnosis))
}

fn changes_for(files: &[ConfigFile], clients: &[Client]) -> Changes {
    let mut changes = Changes::default();
    let mut by_language: BTreeMap<Language, Vec<usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        match Language::of(&file.contents) {
            Some(language) => by_language.entry(language).or_default().push(index),
            None => changes.refuse(format!(
                "{}: this is no configuration of ISC dhcpd, Kea, dnsmasq or IOS, and is not changed",
                file.name
            )),
        }
    }
    if clients.iter().all(|c| c.right().is_none()) {
        for file in files {
            changes.lines.push(format!(
                "{}: not changed: no phone of the capture is handed a wrong TFTP server whose right one is known",
                file.name
            ));
        }
        return changes;
    }
    let sources = Sources::new(files.to_vec());
    let mut decided: Vec<(Configuration<'_>, Decision)> = Vec::new();
    for (language, indices) in by_language {
        for configuration in configurations(&sources, language, &indices) {
            let decision = match &configuration.model {
                Ok(model) => {
                    let name = sources.name(configuration.roots.last().copied().unwrap_or(0));
                    judge::decide(&sources, name, model.as_ref(), clients)
                }
                Err(e) => Decision::Refuse(vec![format!(
                    "{}: syntax error, nothing is changed: {} ({})",
                    sources.place(e.at),
                    e.why,
                    sources.quote(e.at)
                )]),
            };
            decided.push((configuration, decision));
        }
    }
    refuse_doubles(&sources, &mut decided);
    for (configuration, decision) in decided {
        match decision {
            Decision::Change { edits, lines, .. } => changes.add(&sources, &configuration, edits, lines, clients),
            Decision::NoFault(lines) | Decision::Foreign(lines) => changes.lines.extend(lines),
            Decision::Refuse(lines) => lines.into_iter().for_each(|line| changes.refuse(line)),
        }
    }
    changes
}

impl Changes {
    fn refuse(&mut self, line: String) {
        self.refused = true;
        self.lines.push(line);
    }

    fn add(
        &mut self,
        sources: &Sources,
        configuration: &Configuration<'_>,
        edits: Vec<Edit>,
        lines: Vec<String>,
        clients: &[Client],
    ) {
        let mut by_file: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
        for edit in edits {
            by_file.entry(edit.at.file).or_default().push(edit);
        }
        let mut made = Vec::new();
        let mut after = sources.files.clone();
        for (index, edits) in by_file {
            let Some(file) = sources.files.get(index) else { continue };
            let patched = patch::apply(file.base_name(), &file.contents, &edits);
            if let Some(file) = after.get_mut(index) {
                file.contents.clone_from(&patched.contents);
            }
            made.push(ChangedFile {
                index,
                language: configuration.language,
                configuration: configuration.used.clone(),
                contents: patched.contents,
                patch: patched.patch,
                undo: patched.undo,
            });
        }
        // What was made is read again, and must do what was promised.
        let after = Sources::new(after);
        let proof = match (&configuration.model, read(&after, configuration.language, &configuration.roots).1) {
            (Ok(before), Ok(after)) => judge::prove(before.as_ref(), after.as_ref(), clients),
            (_, Err(e)) => Err(format!("{}: {}", after.place(e.at), e.why)),
            (Err(e), _) => Err(e.why.clone()),
        };
        match proof {
            Ok(()) => {
                self.lines.extend(lines);
                self.files.extend(made);
            }
            Err(why) => {
                let name = sources.name(configuration.roots.last().copied().unwrap_or(0));
                self.refuse(format!("{name}: not changed: with the change made {why}"));
            }
        }
    }
}

/// The configurations that these files are.
fn configurations<'s>(sources: &'s Sources, language: Language, indices: &[usize]) -> Vec<Configuration<'s>> {
    let included: BTreeSet<usize> = match indices {
        [_] => BTreeSet::new(),
        _ => indices
            .iter()
            .flat_map(|i| {
                let mut used = read(sources, language, &[*i]).0;
                used.retain(|u| u != i);
                used
            })
            .collect(),
    };
    let roots: Vec<usize> = indices.iter().copied().filter(|i| !included.contains(i)).collect();
    // All of them in a circle.
    let roots = if roots.is_empty() { indices.to_vec() } else { roots };
    let groups: Vec<Vec<usize>> = match language {
        Language::Dnsmasq => dnsmasq_groups(sources, roots),
        _ => roots.into_iter().map(|r| vec![r]).collect(),
    };
    groups
        .into_iter()
        .map(|roots| {
            let (used, model) = read(sources, language, &roots);
            Configuration { language, roots, used, model }
        })
        .collect()
}

/// Files of dnsmasq that nothing joins are read one after the other, as by `--conf-dir` on its command line, unless each
/// has ranges of its own: then they are several configurations.
fn dnsmasq_groups(sources: &Sources, mut roots: Vec<usize>) -> Vec<Vec<usize>> {
    let has_range = |i: &usize| {
        let lines = sources.contents(*i).split(|b| *b == b'\n');
        lines.map(<[u8]>::trim_ascii).any(|l| l.starts_with(b"dhcp-range"))
    };
    if roots.iter().filter(|i| has_range(i)).count() > 1 {
        return roots.into_iter().map(|r| vec![r]).collect();
    }
    // The main file is read last.
    let is_main = |i: &usize| sources.files.get(*i).is_some_and(|f| f.base_name() == "dnsmasq.conf");
    roots.sort_by_key(|i| (is_main(i), sources.name(*i).to_owned()));
    vec![roots]
}

type Read<'s> = (Vec<usize>, Result<Box<dyn Model + 's>, Unreadable>);

fn read<'s>(sources: &'s Sources, language: Language, roots: &[usize]) -> Read<'s> {
    fn boxed<'s, M: Model + 's>(model: Result<M, Unreadable>) -> Result<Box<dyn Model + 's>, Unreadable> {
        model.map(|m| Box::new(m) as Box<dyn Model + 's>)
    }
    let mut used = Vec::new();
    let root = roots.first().copied().unwrap_or(0);
    let model = match language {
        Language::Isc => boxed(isc::read(sources, root, &mut used)),
        Language::Kea => boxed(kea::read(sources, root, &mut used)),
        Language::Dnsmasq => boxed(dnsmasq::read(sources, roots, &mut used)),
        Language::Ios => boxed(ios::read(sources, root, &mut used)),
    };
    (used, model)
}

/// Two configurations that both serve a phone: which of them runs, nobody can say here. Failover partners both run.
fn refuse_doubles(sources: &Sources, decided: &mut [(Configuration<'_>, Decision)]) {
    let phones = |decision: &Decision| match decision {
        Decision::Change { phones, .. } => phones.clone(),
        _ => BTreeSet::new(),
    };
    let is_pair = |configuration: &Configuration<'_>| {
        configuration.model.as_ref().is_ok_and(|m| m.notes(sources).iter().any(|n| n.contains("failover")))
    };
    let mut doubles: BTreeSet<usize> = BTreeSet::new();
    for (i, (first, decision)) in decided.iter().enumerate() {
        for (j, (second, other)) in decided.iter().enumerate().skip(i + 1) {
            let both = !phones(decision).is_disjoint(&phones(other));
            if both && !(is_pair(first) && is_pair(second)) {
                doubles.extend([i, j]);
            }
        }
    }
    let names: Vec<String> = doubles
        .iter()
        .filter_map(|i| decided.get(*i))
        .map(|(c, _)| sources.name(c.roots.last().copied().unwrap_or(0)).to_owned())
        .collect();
    for index in doubles {
        if let Some((configuration, decision)) = decided.get_mut(index) {
            let name = sources.name(configuration.roots.last().copied().unwrap_or(0));
            *decision = Decision::Refuse(vec![format!(
                "{name}: not changed: {} all serve the phones of the plan; hand over only the one that runs",
                crate::diagnosis::and_list(&names)
            )]);
        }
    }
}
