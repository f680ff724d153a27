//! Saving what is selected: its packets, or a report on it.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use phonescope::capture::PcapngWriter;
use phonescope::diagnosis::{Detail, Diagnosis, PhoneReport, Severity};
use phonescope::report::{self, PhoneSelector, Selection, TableOptions, clock, number};
use phonescope::types::{FrameRef, Mac, Timestamp};

use crate::cli::commands::watch::screen::form::{Field, Form};
use crate::cli::commands::watch::spool::{FrameQuery, Spool};
use crate::cli::io::messages::reason;
use crate::cli::{Failure, io::output};

/// What can be saved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SaveTarget {
    /// Phones, and what they are called in the form.
    Phones(&'static str, Vec<Mac>),
}

/// How.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SaveFormat {
    Packets,
    Table,
    Json,
}

impl SaveFormat {
    const ALL: [SaveFormat; 3] = [SaveFormat::Packets, SaveFormat::Table, SaveFormat::Json];

    fn title(self) -> &'static str {
        match self {
            SaveFormat::Packets => "packets (pcapng)",
            SaveFormat::Table => "report (text)",
            SaveFormat::Json => "report (JSON)",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            SaveFormat::Packets => "pcapng",
            SaveFormat::Table => "txt",
            SaveFormat::Json => "json",
        }
    }
}

/// What is to be written, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Order {
    pub(super) phones: Vec<Mac>,
    pub(super) how: SaveFormat,
    pub(super) path: PathBuf,
}

const WHAT: usize = 0;
const HOW: usize = 1;
const FILE: usize = 2;

/// The form that asks. The file's name is made of numbers of our own, never of what a phone calls itself.
pub(super) fn form(whats: &[SaveTarget], time: Timestamp) -> Form {
    let labels: Vec<String> = whats.iter().map(label).collect();
    let stem = match whats.first() {
        Some(SaveTarget::Phones(_, macs)) if macs.len() == 1 => {
            macs.first().map(|m| m.device_name()).unwrap_or_default()
        }
        _ => "phones".to_owned(),
    };
    let digits: String = clock(time).chars().take(8).filter(char::is_ascii_digit).collect();
    let how: Vec<String> = SaveFormat::ALL.iter().map(|a| a.title().to_owned()).collect();
    Form {
        title: "Save",
        hint: "Enter saves, Esc leaves",
        fields: vec![
            Field {
                name: "What",
                text: labels.first().cloned().unwrap_or_default(),
                choices: labels,
                only_choices: true,
            },
            Field { name: "As", text: how.first().cloned().unwrap_or_default(), choices: how, only_choices: true },
            Field {
                name: "File",
                text: format!("{stem}-{digits}.{}", SaveFormat::Packets.extension()),
                choices: Vec::new(),
                only_choices: false,
            },
        ],
        at: HOW,
    }
}

fn label(what: &SaveTarget) -> String {
    let SaveTarget::Phones(name, macs) = what;
    match macs.len() {
        1 => (*name).to_owned(),
        n => format!("{name} ({})", number(u64::try_from(n).unwrap_or(u64::MAX))),
    }
}

/// Keeps the end of the file's name in step with what is written.
pub(super) fn follow(form: &mut Form) {
    let Some(how) = how(form) else { return };
    if form.at != HOW {
        return;
    }
    if let Some(file) = form.fields.get_mut(FILE)
        && let Some((stem, end)) = file.text.rsplit_once('.')
        && SaveFormat::ALL.iter().any(|a| a.extension() == end)
    {
        file.text = format!("{stem}.{}", how.extension());
    }
}

fn how(form: &Form) -> Option<SaveFormat> {
    SaveFormat::ALL.into_iter().find(|a| a.title() == form.text(HOW))
}

/// What the form orders; or what is wrong with it.
pub(super) fn order(form: &Form, whats: &[SaveTarget]) -> Result<Order, String> {
    let file = form.text(FILE).trim();
    if file.is_empty() {
        return Err("name a file".to_owned());
    }
    let path = PathBuf::from(file);
    if path.exists() {
        return Err(format!("{file} is there already: choose another name"));
    }
    let what = whats.iter().find(|w| label(w) == form.text(WHAT)).or(whats.first());
    match (what, how(form)) {
        (Some(SaveTarget::Phones(_, phones)), Some(how)) => Ok(Order { phones: phones.clone(), how, path }),
        _ => Err("choose what to save".to_owned()),
    }
}

/// Writes it; says what was written, or why it was not.
pub(super) fn save(order: &Order, d: Diagnosis<'_>, spool: &Spool) -> String {
    let file = order.path.to_string_lossy().into_owned();
    let written = match order.how {
        SaveFormat::Packets => packets(order, &d, spool),
        SaveFormat::Table => report(order, d, &file, |d, out| {
            let options = TableOptions {
                width: None,
                color: false,
                min_severity: Severity::Info,
                verbose: true,
                phones_selected: true,
                top: None,
            };
            report::write_table(d, &options, out)
        }),
        SaveFormat::Json => report(order, d, &file, report::write_json),
    };
    match written {
        Ok(message) => message,
        Err(Failure::Work(message)) => message,
        Err(Failure::Output(e)) => format!("cannot write {file}: {}", reason(&e)),
    }
}

fn report(
    order: &Order,
    d: Diagnosis<'_>,
    file: &str,
    write: impl FnOnce(&Diagnosis<'_>, &mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<String, Failure> {
    let phones = order.phones.iter().map(|mac| PhoneSelector::new(&mac.to_string())).collect();
    let d = Selection { phones, min_severity: Severity::Info }.apply(d);
    output::write_to(Some(&order.path), |out| Ok(write(&d, out)?))?;
    Ok(format!("the report on {} is in {file}", phones_in_words(d.phone_count)))
}

fn phones_in_words(count: usize) -> String {
    if count == 1 { "1 phone".to_owned() } else { format!("{} phones", number(count as u64)) }
}

/// The frames of the phones, those that findings name with a comment that says why.
fn packets(order: &Order, d: &Diagnosis<'_>, spool: &Spool) -> Result<String, Failure> {
    let mut wanted = FrameQuery::default();
    let mut comments: BTreeMap<FrameRef, String> = BTreeMap::new();
    for phone in d.phones(Detail::State).filter(|p| order.phones.contains(&p.mac)) {
        wanted.macs.insert(phone.mac);
        wanted.addresses.extend(addresses(&phone));
        for finding in phone.findings.iter().filter_map(|i| d.findings.get(*i)) {
            for evidence in finding.evidence.iter().filter(|e| e.at.frame > 0) {
                comments.entry(evidence.at).or_insert_with(|| format!("{}: {}", finding.code, evidence.text));
            }
        }
    }
    wanted.named.extend(comments.keys().copied());
    let (mut frames, mut named) = (0_u64, 0_u64);
    output::write_to(Some(Path::new(&order.path)), |out| {
        let program = concat!("phonescope ", env!("CARGO_PKG_VERSION"));
        let mut writer = PcapngWriter::new(BufWriter::new(out), program)?;
        for frame in spool.of(&wanted) {
            let comment = comments.get(&FrameRef { input: frame.input, frame: frame.number });
            writer.write_frame(&frame, comment.map(String::as_str))?;
            frames += 1;
            named += u64::from(comment.is_some());
        }
        writer.finish()?;
        Ok(())
    })?;
    let file = order.path.to_string_lossy();
    let gone = (comments.len() as u64).saturating_sub(named);
    Ok(match (spool.forgotten(), gone) {
        (None, _) => format!("{} frames are in {file}", number(frames)),
        (Some(time), gone) => {
            let time = clock(time);
            let gone = if gone > 0 { format!("; {gone} that findings name are among them") } else { String::new() };
            format!("{} frames are in {file}; those up to {time} are no longer held{gone}", number(frames))
        }
    })
}

/// The addresses that a phone has and had.
fn addresses(phone: &PhoneReport) -> impl Iterator<Item = std::net::IpAddr> {
    phone.ip.into_iter().chain(phone.traces.lease.map(|l| l.address.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::watch::screen::keys::Input;

    #[test]
    fn the_file_is_named_by_us_and_its_end_follows_what_is_written() {
        let mac = Mac([0, 0x30, 0x94, 0xc2, 0xd3, 0xfa]);
        let whats =
            [SaveTarget::Phones("this phone", vec![mac]), SaveTarget::Phones("all phones in the list", vec![mac; 3])];
        let mut form = form(&whats, Timestamp(1_795_417_200_000_000_000));
        assert_eq!(form.text(FILE), "SEP003094C2D3FA-070000.pcapng");
        form.handle(Input::Right);
        follow(&mut form);
        form.handle(Input::Right);
        follow(&mut form);
        assert_eq!(form.text(FILE), "SEP003094C2D3FA-070000.json");
        form.at = WHAT;
        form.handle(Input::Right);
        assert_eq!(form.text(WHAT), "all phones in the list (3)");
        let order = order(&form, &whats).unwrap();
        assert_eq!((order.phones.len(), order.how), (3, SaveFormat::Json));
        form.fields[FILE].text = "/dev/null".to_owned();
        assert!(crate::cli::commands::watch::screen::save::order(&form, &whats).unwrap_err().contains("already"));
    }
}
