//! Which configuration each phone gets: its own edited, the default edited, a minimal one, or none and why.

use std::collections::BTreeSet;

use super::PackFile;
use crate::diagnosis::code::{Code, ConfigurationHelp};
use crate::diagnosis::{PhoneReport, RegistrationState, SeenConfiguration};
use crate::remedy::configuration::{CannotEdit, EditRequest, edit, is_load_name, minimal};
use crate::remedy::load_route::{LoadRoute, way};
use crate::types::{Mac, WireText};
use crate::wire::ConfigBody;
use crate::wire::load::same_load;
use crate::wire::phone_config::{OLD_FORMAT, device_of_name};

/// What becomes of a phone's configuration.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It is in the pack.
    File(Made),
    /// Nothing in it has to change.
    NotNeeded,
    /// None could be made; the reason is a whole sentence, without the phone's name.
    Impossible(String),
}

/// A configuration that is in the pack.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// `tftp/SEP003094C2D3FA.cnf.xml`.
    pub(super) path: String,
    /// The load that it names.
    pub(super) load: String,
    pub(super) body: ConfigBody,
    pub(super) how: How,
    /// The phone asks for it in another letter case than CallManager writes.
    pub(super) odd_case: bool,
    /// It names a stepping stone; this one, with the load at the end of the way, comes after.
    pub(super) then: Option<(String, String, ConfigBody)>,
}

/// How a configuration was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// Its own, with the load replaced in so many places; 0: added.
    Edited { from: String, places: usize },
    /// Its own of another cluster, with the CallManagers replaced too.
    Moved { from: String },
    /// The default that it was served, which is for all phones, with its load replaced.
    Derived { from: String },
    /// Made up; why.
    Minimal { why: String },
}

impl How {
    /// In words, for a table.
    pub(super) fn words(&self) -> String {
        match self {
            How::Edited { from, places: 0 } => format!("edited: {from}, with the load added"),
            How::Edited { from, places: 1 } => format!("edited: {from}, with the load replaced"),
            How::Edited { from, places } => {
                format!("edited: {from}, with the load replaced in all {places} places that name it")
            }
            How::Moved { from } => format!("edited: {from}, with the load and the CallManagers replaced"),
            How::Derived { from } => format!("derived: {from}, with the load of this model replaced"),
            How::Minimal { why } => format!("minimal: {why}"),
        }
    }

    /// A word for a cell.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            How::Edited { .. } => "edited",
            How::Moved { .. } => "edited-with-call-managers",
            How::Derived { .. } => "derived",
            How::Minimal { .. } => "minimal",
        }
    }
}

impl Made {
    pub(super) fn files(&self, phone: &str) -> Vec<PackFile> {
        let about = |load: &str| format!("{phone}: load {load}; {}", self.how.words());
        let file = |path: &str, body: &ConfigBody, load: &str| PackFile {
            path: path.to_owned(),
            contents: body.octets().to_vec(),
            secret: true,
            about: about(load),
        };
        let mut files = vec![file(&self.path, &self.body, &self.load)];
        files.extend(self.then.iter().map(|(path, load, body)| file(path, body, load)));
        files
    }
}

/// What becomes of this phone's configuration; `paths` are those of the pack so far.
pub(super) fn outcome(phone: &PhoneReport, cause: Code, codes: &[Code], paths: &mut BTreeSet<String>) -> Outcome {
    let help = |code: &Code| code.configuration_help();
    if codes.iter().all(|c| help(c) == ConfigurationHelp::No) {
        return Outcome::NotNeeded;
    }
    let wanted = &phone.wanted;
    let now = super::load_now(phone);
    let whatever = codes.iter().any(|c| match help(c) {
        ConfigurationHelp::AnyLoad => true,
        ConfigurationHelp::AnyLoadAsRoot => cause == *c,
        _ => false,
    });
    let turned_away = matches!(phone.registration.state, RegistrationState::Rejected | RegistrationState::Closed);
    // The load that it runs is not named again where it may be what keeps it out: its own CallManager turned it away
    // with it, or it took it from the server that is wrong.
    let by_its_own = |ip| wanted.call_managers.is_empty() || wanted.call_managers.contains(&ip);
    let is_suspect = turned_away && phone.registration.call_manager.is_none_or(by_its_own)
        || codes.contains(&Code::WrongTftpServer) && phone.load.fetched.is_some();
    let kept = || now.filter(|l| whatever && !is_suspect && is_load_name(l)).map(WireText::from);
    let Some(load) = wanted.load.clone().or_else(kept) else {
        // A trap that the lease sets is taken away at the DHCP server; of a phone that nobody turned away and that took
        // no load nothing says that its load is wrong.
        let kept_its_load = phone.load.fetched.is_none() && !turned_away;
        let load_is_fine = codes.contains(&Code::LoadTrap) || (codes.contains(&Code::WrongTftpServer) && kept_its_load);
        return match load_is_fine {
            true => Outcome::NotNeeded,
            false => Outcome::Impossible(
                "which load is right, neither the site file ([cluster.loads]) nor a registered phone of the same model \
                 tells. In CallManager: Device Defaults has it."
                    .to_owned(),
            ),
        };
    };
    let load = load.raw();
    if !is_load_name(load) {
        return Outcome::Impossible(format!(
            "its CallManager's phones say that they run {}, which is no name of a load file. In CallManager: Device \
             Defaults has the name.",
            WireText::from(load)
        ));
    }
    let on_right = wanted.configurations.iter().find(|c| wanted.tftp_right.contains(&c.server));
    let named_there =
        on_right.is_some_and(|c| c.load.as_ref().is_some_and(|l| same_load(l.raw(), load)) && fits(phone, c));
    let runs_it = now.is_some_and(|l| same_load(l, load));
    let moves_it = codes.iter().any(|c| help(c) == ConfigurationHelp::RightLoadAlways);
    if named_there || runs_it && !whatever && !moves_it {
        return Outcome::NotNeeded;
    }
    let first = match now.map_or(LoadRoute::Straight, |now| way(now, load)) {
        LoadRoute::Straight => load.to_owned(),
        LoadRoute::Through(stone) => stone,
        LoadRoute::Shut(why) => return Outcome::Impossible(why),
    };
    let (name, odd_case) = match file_name(phone) {
        Ok(name) => name,
        Err(why) => return Outcome::Impossible(why),
    };
    let path = format!("tftp/{name}");
    if !paths.insert(path.to_ascii_lowercase()) {
        return Outcome::Impossible("another phone of this pack asks for a configuration of the same name.".to_owned());
    }
    let (body, how) = match make(phone, &first) {
        Ok(made) => made,
        Err(why) => return Outcome::Impossible(why),
    };
    let then = (first != load)
        .then(|| make(phone, load).ok().map(|(body, _)| (format!("tftp-then/{name}"), load.to_owned(), body)))
        .flatten();
    Outcome::File(Made { path, load: first, body, how, odd_case, then })
}

/// The name of the file, and whether its letter case is not CallManager's.
fn file_name(phone: &PhoneReport) -> Result<(String, bool), String> {
    let own = format!("{}.cnf.xml", phone.mac.device_name());
    let Some(asked) = &phone.wanted.config_name else { return Ok((own, false)) };
    let asked = asked.raw().rsplit(['/', '\\']).next().unwrap_or_default();
    let by_name = phone.name.as_ref().and_then(|n| Mac::from_device_name(n.raw()));
    let names = [Some(phone.mac), by_name].into_iter().flatten().map(|m| format!("{}.cnf.xml", m.device_name()));
    for name in names {
        if asked.eq_ignore_ascii_case(&name) {
            // Equal but for the case of letters: so it has no other characters than ours.
            return Ok((asked.to_owned(), asked != name));
        }
        if asked
            .to_ascii_lowercase()
            .strip_prefix(&name.to_ascii_lowercase())
            .is_some_and(|rest| rest.ends_with(".sgn"))
        {
            return Err(SIGNED.to_owned());
        }
    }
    if asked.to_ascii_lowercase().ends_with(".cnf") {
        return Err(OLD.to_owned());
    }
    Ok((own, false))
}

const SIGNED: &str = "it asks for a signed configuration, which only its CallManager can write. In CallManager: Device, \
                      Phone, its page: set Phone Load Name (or Device Defaults for the model), save, apply; CallManager \
                      writes and signs the file anew. The Cisco TFTP service has to run there.";
const OLD: &str = "it asks for a configuration in the binary form of before XML, which is written by CallManager alone. In \
                   CallManager: Device, Phone, its page: set the load (or Device Defaults for the model), and update the \
                   phone; CallManager writes the file anew.";

/// Whether a configuration sends the phone where it belongs.
fn fits(phone: &PhoneReport, seen: &SeenConfiguration) -> bool {
    let wanted = &phone.wanted;
    let by_name = |n: &WireText| wanted.call_manager_names.iter().any(|w| w.eq_ignore_ascii_case(n.raw()));
    wanted.call_manager_names.is_empty() && !seen.config.call_managers.is_empty()
        || seen.call_managers.iter().any(|c| wanted.call_managers.contains(c))
        || seen.config.call_managers.iter().any(by_name)
}

/// The best configuration that there is, with a load named in it.
fn make(phone: &PhoneReport, load: &str) -> Result<(ConfigBody, How), String> {
    let wanted = &phone.wanted;
    let own = |c: &SeenConfiguration| device_of_name(c.name.raw()).is_some();
    let right = |c: &SeenConfiguration| wanted.tftp_right.contains(&c.server);
    let mut seen: Vec<&SeenConfiguration> = wanted.configurations.iter().collect();
    // Stable: of equals the latest stays first.
    seen.sort_by_key(|c| (!own(c), !right(c)));
    let device_type = phone
        .registration
        .device_type
        .or_else(|| phone.model.as_deref().and_then(crate::wire::sccp::device_type_of_model));
    let mut why: Option<String> = None;
    for candidate in seen {
        let from = format!("{} of {}", candidate.name, candidate.server);
        // Whoever put that server there wrote it: its credentials, URLs and proxies are not ours to spread.
        if !candidate.trusted {
            why.get_or_insert(
                "the configuration that was seen is of a server that nothing here vouches for".to_owned(),
            );
            continue;
        }
        let fits = fits(phone, candidate);
        let call_managers: &[String] = if fits { &[] } else { &wanted.call_manager_names };
        // A default of another cluster holds nothing of this phone, and one that names nobody helps nobody.
        if !fits && (!own(candidate) || candidate.config.call_managers.is_empty()) {
            why.get_or_insert(format!("{from} names other CallManagers"));
            continue;
        }
        let Some(body) = &candidate.body else {
            why.get_or_insert(match candidate.config.problem.as_deref() {
                Some(OLD_FORMAT) => return Err(OLD.to_owned()),
                _ => format!("the octets of {from} are not in the input"),
            });
            continue;
        };
        let wish = EditRequest { load, device_type, model: phone.model.as_deref(), call_managers };
        match edit(&candidate.name, body, &wish) {
            Ok(edited) => {
                let how = match (own(candidate), fits) {
                    (true, true) => How::Edited { from, places: edited.replaced },
                    (true, false) => How::Moved { from },
                    (false, _) => How::Derived { from },
                };
                return Ok((edited.body, how));
            }
            Err(CannotEdit::Signed) if own(candidate) => return Err(SIGNED.to_owned()),
            Err(CannotEdit::OldForm) if own(candidate) => return Err(OLD.to_owned()),
            Err(reason) => drop(why.get_or_insert(format!("{from} {}", reason.because()))),
        }
    }
    let why = why.unwrap_or_else(|| "no configuration of it was seen".to_owned());
    let port = wanted.configurations.iter().find(|c| c.trusted && fits(phone, c)).and_then(|c| c.config.port);
    match minimal(&wanted.call_manager_names, port, load) {
        Some(body) => Ok((body, How::Minimal { why })),
        None => Err(format!(
            "{why}, and which CallManagers are right is not known: name them in the site file (call_managers)."
        )),
    }
}
