//! The questions about one phone to one server, one at a time, each following from the answers before.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::judgement::{Checked, FileChecked, Point, Subject};
use super::question::{Purpose, Question};
use super::{Answer, FileName, LONGEST_CONFIGURATION, LONGEST_LOAD, Server, Want};
use crate::diagnosis::and_list;
use crate::remedy::load_status::LoadStatus;
use crate::types::{Mac, WireText};
use crate::wire::phone_config::{self, PhoneConfig};
use crate::wire::{load, load_files, load_list, sccp};

/// What a phone should find.
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    #[allow(missing_docs)]
    pub mac: Option<Mac>,
    /// Name of the phone.
    pub name: String,
    /// Model, for configurations that name loads by device type.
    pub model: Option<String>,
    /// The configuration that it asks for.
    pub config: FileName,
    /// The load that it should be told to run; `None`: not known.
    pub load: Option<String>,
    /// CallManagers that it should be sent to; empty: not known.
    pub call_managers: Vec<IpAddr>,
}

/// The questions about one phone to one server.
#[derive(Debug)]
pub struct Inquiry {
    expectation: Expectation,
    /// Files are fetched whole.
    full: bool,
    questions: VecDeque<Question>,
    asked: Option<Question>,
    checked: Checked,
    /// Parts that are missing or unknown, of the load being asked for.
    parts: Vec<(FileName, LoadStatus)>,
}

impl Inquiry {
    /// Everything that is known to be asked; `full`: files are fetched whole, also those that need only be there.
    pub fn new(server: Server, expectation: Expectation, full: bool) -> Inquiry {
        let checked = Checked {
            server,
            mac: expectation.mac,
            name: expectation.name.clone(),
            files: Vec::new(),
            points: Vec::new(),
        };
        let first = Question {
            file: expectation.config.clone(),
            want: Want::Whole(LONGEST_CONFIGURATION),
            purpose: Purpose::Configuration,
        };
        Inquiry { expectation, full, questions: [first].into(), asked: None, checked, parts: Vec::new() }
    }

    /// What would be asked, as far as it is known before any answer: the file, how much of it, and when.
    pub fn plan(&self) -> Vec<(FileName, Want, &'static str)> {
        let whole = Want::Whole(LONGEST_CONFIGURATION);
        let config = &self.expectation.config;
        let mut plan = vec![(config.clone(), whole, "first")];
        plan.extend(other_case(config).map(|other| (other, whole, "if that is not there")));
        let files = self.expectation.load.iter().flat_map(|load| load_files::names(load));
        for (i, file) in files.filter_map(|name| FileName::new(&name)).enumerate() {
            let want = self.want_of_load(&file);
            plan.push((file, want, if i == 0 { "if the server answers" } else { "if that is not there" }));
        }
        plan
    }

    /// The next question; [`Self::answer`] it before asking for another.
    pub fn question(&mut self) -> Option<&Question> {
        if self.asked.is_none() {
            self.asked = self.questions.pop_front();
        }
        self.asked.as_ref()
    }

    /// The answer to the question.
    pub fn answer(&mut self, file: FileChecked) {
        let Some(question) = self.asked.take() else { return };
        if file.answer.is_silence() {
            // A server that does not speak is not asked again.
            self.questions.clear();
        }
        match question.purpose {
            Purpose::Configuration => self.configuration(&file),
            Purpose::OtherCase => self.other_case(&file),
            Purpose::Load { load, named, others } => self.load_file(&file, load, named, others),
            Purpose::Part { load } => self.part(&file, &load),
        }
        self.compare(&file);
        self.checked.files.push(file);
    }

    /// What came out.
    pub fn finish(self) -> Checked {
        self.checked
    }

    fn point(&mut self, subject: Subject, standing: LoadStatus, text: String) {
        self.checked.points.push(Point { subject, standing, text });
    }

    fn configuration(&mut self, file: &FileChecked) {
        if let Some(config) = &file.config {
            self.read(&file.name, config, file.length);
            return;
        }
        if matches!(file.answer, Answer::Missing(_))
            && let Some(other) = other_case(&file.name)
        {
            self.questions.push_back(Question {
                file: other,
                want: Want::Whole(LONGEST_CONFIGURATION),
                purpose: Purpose::OtherCase,
            });
            return;
        }
        self.no_configuration(file);
    }

    fn no_configuration(&mut self, file: &FileChecked) {
        let standing = if matches!(file.answer, Answer::Missing(_)) { LoadStatus::Wrong } else { LoadStatus::NotSeen };
        let name = &self.expectation.config;
        let text = match file.answer {
            Answer::Missing(_) => format!("{name} is not there."),
            _ => format!("{name}: {}.", file.text()),
        };
        self.point(Subject::Configuration, standing, text);
        if !file.answer.is_silence() {
            self.ask_wanted();
        }
    }

    fn other_case(&mut self, file: &FileChecked) {
        let asked = self.expectation.config.clone();
        match &file.config {
            None => self.no_configuration(file),
            Some(config) => {
                let text = format!(
                    "{asked} is not there, but {} is: rename it, since the phone asks in the other case.",
                    file.name
                );
                self.point(Subject::Configuration, LoadStatus::Wrong, text);
                self.read_loads(config);
            }
        }
    }

    fn read(&mut self, name: &FileName, config: &PhoneConfig, length: Option<u64>) {
        let length = length.unwrap_or_default();
        let (standing, text) = match config.problem.as_deref() {
            None => (LoadStatus::Right, format!("{name} is there, {length} octets.")),
            Some(phone_config::ENCRYPTED | phone_config::OLD_FORMAT | phone_config::TOO_LONG) => {
                (LoadStatus::Right, format!("{name} is there, {length} octets."))
            }
            Some(problem) => (LoadStatus::Wrong, format!("{name} is there, {length} octets, but broken: {problem}.")),
        };
        self.point(Subject::Configuration, standing, text);
        if let Some(problem @ (phone_config::ENCRYPTED | phone_config::OLD_FORMAT | phone_config::TOO_LONG)) =
            config.problem.as_deref()
        {
            let text = format!("{name} is {problem}: what load it names is not known.");
            self.point(Subject::LoadNamed, LoadStatus::NotSeen, text);
            self.ask_wanted();
            return;
        }
        self.read_loads(config);
    }

    /// What the configuration says about CallManagers and loads.
    fn read_loads(&mut self, config: &PhoneConfig) {
        self.call_managers(config);
        let device_type = self.expectation.model.as_deref().and_then(sccp::device_type_of_model);
        let by_type = || device_type.and_then(|t| config.loads.get(&t));
        let named = config.load.as_ref().or_else(by_type).cloned();
        let wanted = self.expectation.load.clone();
        let (standing, text) = match (&named, &wanted) {
            (Some(named), Some(wanted)) if load::same_load(named.raw(), wanted) => {
                (LoadStatus::Right, format!("It names load {named}."))
            }
            (Some(named), Some(wanted)) => {
                (LoadStatus::Wrong, format!("It names load {named}, not {}.", WireText::from(wanted.as_str())))
            }
            (Some(named), None) => {
                (LoadStatus::NotStated, format!("It names load {named}; which one is right is not stated."))
            }
            (None, Some(wanted)) => (
                LoadStatus::Wrong,
                format!(
                    "It names no load: the phone keeps the one it has. {} is wanted.",
                    WireText::from(wanted.as_str())
                ),
            ),
            (None, None) => (LoadStatus::NotStated, "It names no load: the phone keeps the one it has.".to_owned()),
        };
        self.point(Subject::LoadNamed, standing, text);
        let elsewhere = config.load_server.as_ref().filter(|s| !s.is_empty());
        let here = self.checked.server.address.ip().to_string();
        if let Some(server) = elsewhere.filter(|server| server.raw() != here) {
            let text = format!(
                "It has the phone fetch its load from {server} (loadServer), not from here: ask there with --tftp."
            );
            self.point(Subject::LoadFile, LoadStatus::NotSeen, text);
            return;
        }
        if let Some(named) = &named {
            self.ask_load(named.raw(), true);
        }
        // The wanted load must be there too, before the configuration is told to name it.
        if standing != LoadStatus::Right {
            self.ask_wanted();
        }
    }

    fn call_managers(&mut self, config: &PhoneConfig) {
        let expected = &self.expectation.call_managers;
        if expected.is_empty() || config.call_managers.is_empty() {
            return;
        }
        let addresses: Vec<IpAddr> = config.call_managers.iter().filter_map(|n| n.raw().parse().ok()).collect();
        let named = and_list(&config.call_managers);
        let (standing, text) = if addresses.iter().any(|a| expected.contains(a)) {
            (LoadStatus::Right, format!("It sends the phone to CallManager {named}."))
        } else if addresses.len() < config.call_managers.len() {
            (LoadStatus::NotStated, format!("It sends the phone to CallManager {named}; names are not looked up."))
        } else {
            (LoadStatus::Wrong, format!("It sends the phone to CallManager {named}, not to {}.", and_list(expected)))
        };
        self.point(Subject::CallManager, standing, text);
    }

    fn ask_wanted(&mut self) {
        if let Some(wanted) = self.expectation.load.clone() {
            self.ask_load(&wanted, false);
        }
    }

    fn ask_load(&mut self, load: &str, named: bool) {
        let mut files = load_files::names(load).into_iter().map(|name| FileName::new(&name));
        let (Some(Some(first)), others) = (files.next(), files.flatten().collect()) else {
            let load = WireText::from(load);
            let text = format!("Load \"{load}\" is no name of a file: it is not asked for.");
            self.point(Subject::LoadFile, LoadStatus::Wrong, text);
            return;
        };
        self.questions.push_back(self.load_question(first, load.to_owned(), named, others));
    }

    fn load_question(&self, file: FileName, load: String, named: bool, others: Vec<FileName>) -> Question {
        let want = self.want_of_load(&file);
        Question { file, want, purpose: Purpose::Load { load, named, others } }
    }

    fn want_of_load(&self, file: &FileName) -> Want {
        match () {
            // A list is short, and says which files the load has.
            () if load_list::is_list_name(file.as_str()) => Want::Whole(LONGEST_CONFIGURATION),
            () if self.full => Want::Whole(LONGEST_LOAD),
            () => Want::Presence,
        }
    }

    fn load_file(&mut self, file: &FileChecked, load: String, named: bool, mut others: Vec<FileName>) {
        if matches!(file.answer, Answer::Missing(_)) && !others.is_empty() {
            let next = others.remove(0);
            self.questions.push_front(self.load_question(next, load, named, others));
            return;
        }
        let own = file.name.clone();
        let parts = file.listed.iter().filter_map(|name| FileName::new(name.raw())).filter(|name| *name != own);
        // At most as many as `load_list` reads.
        let parts: Vec<FileName> = parts.collect();
        if file.is_there() && !parts.is_empty() {
            self.parts.clear();
            for file in parts.into_iter().rev() {
                let want = if self.full { Want::Whole(LONGEST_LOAD) } else { Want::Presence };
                let purpose = Purpose::Part { load: load.clone() };
                self.questions.push_front(Question { file, want, purpose });
            }
            return;
        }
        let shown = WireText::from(load.as_str());
        let (standing, text) = match &file.answer {
            _ if file.is_there() => (LoadStatus::Right, format!("Load {shown}: {} is {}.", file.name, there(file))),
            Answer::Missing(_) => {
                let tried = self.checked.files.iter().map(|f| &f.name).filter(|n| n.as_str().starts_with(&load));
                let mut tried: Vec<FileName> = tried.cloned().collect();
                tried.push(file.name.clone());
                tried.dedup();
                let which = if named { " The phone keeps the one it has." } else { "" };
                (LoadStatus::Wrong, format!("Load {shown} is not there: no {}.{which}", or_list(&tried)))
            }
            _ => (LoadStatus::NotSeen, format!("Load {shown}: {}: {}.", file.name, file.text())),
        };
        self.point(Subject::LoadFile, standing, text);
    }

    fn part(&mut self, file: &FileChecked, load: &str) {
        let standing = match &file.answer {
            _ if file.is_there() => LoadStatus::Right,
            Answer::Missing(_) => LoadStatus::Wrong,
            _ => LoadStatus::NotSeen,
        };
        self.parts.push((file.name.clone(), standing));
        let more = self.questions.front().is_some_and(|q| matches!(&q.purpose, Purpose::Part { load: l } if l == load));
        if more {
            return;
        }
        let parts = std::mem::take(&mut self.parts);
        let of = |standing: LoadStatus| parts.iter().filter(|p| p.1 == standing).map(|p| &p.0).collect::<Vec<_>>();
        let (missing, unknown) = (of(LoadStatus::Wrong), of(LoadStatus::NotSeen));
        let load = WireText::from(load);
        let (standing, text) = match (missing.as_slice(), unknown.as_slice()) {
            ([], []) => (
                LoadStatus::Right,
                format!("Load {load} is there: its list and the {} files that it names.", parts.len()),
            ),
            ([], unknown) => (LoadStatus::NotSeen, format!("Load {load}: no answer about {}.", and_list(unknown))),
            (missing, _) => {
                (LoadStatus::Wrong, format!("Load {load} is not whole: {} is not there.", and_list(missing)))
            }
        };
        self.point(Subject::LoadFile, standing, text);
    }

    fn compare(&mut self, file: &FileChecked) {
        let Some((path, difference)) = &file.compared else { return };
        let (standing, text) = match difference {
            None => (LoadStatus::Right, format!("{} is the same as {path}.", file.name)),
            Some(d) => (
                LoadStatus::Wrong,
                format!("{} is not the same as {path}: octet {} differs, in line {}.", file.name, d.octet, d.line),
            ),
        };
        self.point(Subject::SameFile, standing, text);
    }
}

fn there(file: &FileChecked) -> String {
    match file.length {
        Some(length) => format!("there, {length} octets"),
        None => "there; the server does not tell how long (--full counts)".to_owned(),
    }
}

/// `a, b or c`.
fn or_list(names: &[FileName]) -> String {
    and_list(names).replace(" and ", " or ")
}

/// The same name with the MAC in the other case; `None`: no MAC in it, or one of digits alone.
fn other_case(name: &FileName) -> Option<FileName> {
    let (_, upper) = phone_config::device_of_name(name.as_str())?;
    let stem = name.as_str().split('.').next()?;
    let (prefix, digits) = stem.split_at_checked(stem.len().checked_sub(12)?)?;
    let rest = name.as_str().get(stem.len()..)?;
    let digits = if upper { digits.to_ascii_lowercase() } else { digits.to_ascii_uppercase() };
    let other = FileName::new(&format!("{prefix}{digits}{rest}"))?;
    (other != *name).then_some(other)
}

#[cfg(test)]
mod tests;
