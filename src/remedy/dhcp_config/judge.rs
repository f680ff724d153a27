//! Which places of a configuration are changed, or why none is.
//!
//! The configuration must hand out what the capture shows before it is believed to be the one that served these phones;
//! then what it hands a phone of the plan is changed where it stands, unless that would move a client that is well.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::client::{Client, Role, Seen};
use super::model::{Answer, Edit, Model, Place, SOURCES, Service, Source};
use super::source::Sources;
use crate::diagnosis::and_list;

/// Places and clients that are listed by name.
const LISTED: usize = 5;

/// What becomes of a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Decision {
    /// These changes, and what they are, a line each.
    Change { edits: Vec<Edit>, lines: Vec<String>, phones: BTreeSet<usize> },
    /// It hands out nothing that is wrong.
    NoFault(Vec<String>),
    /// It is left alone: why, a line each, with file and line.
    Refuse(Vec<String>),
    /// It has no place for any of these phones.
    Foreign(Vec<String>),
}

/// What a phone of the plan is handed wrongly.
struct Fault<'c> {
    index: usize,
    client: &'c Client,
    answer: Answer,
    /// What the phone goes by.
    by: Source,
}

/// Why a phone is not what the configuration serves.
enum Mismatch {
    /// A value that is not understood, or can not be replaced.
    Form(String),
    /// The file hands out the right server already.
    Right(String),
    Other(String),
}

/// Judges a configuration; `name`: of the file that it begins with.
pub(super) fn decide(sources: &Sources, name: &str, model: &dyn Model, clients: &[Client]) -> Decision {
    let mut faults: Vec<Fault<'_>> = Vec::new();
    let mut foreign = Vec::new();
    let (mut forms, mut right, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for (index, client) in clients.iter().enumerate() {
        let Some(wanted) = client.right() else { continue };
        match as_seen(sources, model, client) {
            Ok(Some((answer, by))) => faults.push(Fault { index, client, answer, by }),
            Ok(None) => {}
            Err(Reason::Foreign(why)) => foreign.push(format!("{name} does not serve {}: {why}", client.describe())),
            Err(Reason::Mismatch(Mismatch::Form(why))) => forms.push(by_hand(&why, wanted)),
            Err(Reason::Mismatch(Mismatch::Right(why))) => right.push(why),
            Err(Reason::Mismatch(Mismatch::Other(why))) => other.push(why),
        }
    }
    let few = |mut lines: Vec<String>| {
        lines.dedup();
        let more = lines.len().saturating_sub(LISTED);
        lines.truncate(LISTED);
        if more > 0 {
            lines.push(format!("{name}: the same of {more} more"));
        }
        lines
    };
    if !forms.is_empty() {
        forms.sort();
        return Decision::Refuse(few(forms));
    }
    if !other.is_empty() {
        return Decision::Refuse(few(other));
    }
    if faults.is_empty() {
        return match (right.is_empty(), foreign.is_empty()) {
            (false, _) => Decision::NoFault(few(right)),
            (true, false) => Decision::Foreign(few(foreign)),
            (true, true) => Decision::NoFault(vec![format!("{name} hands out no wrong TFTP server to these phones.")]),
        };
    }
    let mut decision = change(sources, name, model, clients, &faults);
    if let Decision::Change { lines, .. } = &mut decision {
        lines.extend(few(right));
    }
    decision
}

fn by_hand(why: &str, right: &[Ipv4Addr]) -> String {
    format!("{why}. Change it by hand to {}.", and_list(right))
}

enum Reason {
    /// No place for its address.
    Foreign(String),
    Mismatch(Mismatch),
}

/// What the configuration hands a phone of the plan, and what of it the phone goes by, where it agrees with the capture.
/// `None`: the phone's lease was not seen.
fn as_seen(sources: &Sources, model: &dyn Model, client: &Client) -> Result<Option<(Answer, Source)>, Reason> {
    let Some(seen) = &client.seen else { return Ok(None) };
    let mut answers: Vec<Answer> = Vec::new();
    for assume in [false, true] {
        match model.answer(client, assume) {
            Service::None(why) => return Err(Reason::Foreign(why)),
            Service::Answers(answer) if answers.iter().all(|a| a.places().ne(answer.places())) => answers.push(answer),
            Service::Answers(_) => {}
        }
    }
    let judged: Vec<Result<Source, Mismatch>> =
        answers.iter().map(|answer| agrees(sources, model, client, seen, answer)).collect();
    let mut agreeing = answers.iter().zip(&judged).filter_map(|(a, j)| Some((a, *j.as_ref().ok()?)));
    match (agreeing.next(), agreeing.next()) {
        (Some((answer, by)), None) => Ok(Some((answer.clone(), by))),
        (Some((answer, by)), Some((second, other))) => match (answer.get(by), second.get(other)) {
            // The same place either way.
            (Some(a), Some(b)) if a == b => Ok(Some((answer.clone(), by))),
            (a, b) => {
                let at = |place: Option<usize>| place.and_then(|p| model.places().get(p)).map(|p| sources.place(p.at));
                let places: Vec<String> = at(a).into_iter().chain(at(b)).collect();
                let why = format!(
                    "{}: which of them serves {} rests on what the capture does not show",
                    places.join(", or "),
                    client.describe()
                );
                Err(Reason::Mismatch(Mismatch::Form(why)))
            }
        },
        _ => {
            let mut all: Vec<Mismatch> = judged.into_iter().filter_map(Result::err).collect();
            // What is not understood counts more than what does not agree.
            let form = all.iter().position(|m| matches!(m, Mismatch::Form(_))).unwrap_or(0);
            match all.is_empty() {
                true => Ok(None),
                false => Err(Reason::Mismatch(all.swap_remove(form))),
            }
        }
    }
}

/// Whether a configuration hands a client what the capture shows; by what the client goes.
fn agrees(
    sources: &Sources,
    model: &dyn Model,
    client: &Client,
    seen: &Seen,
    answer: &Answer,
) -> Result<Source, Mismatch> {
    let by = match seen {
        Seen { option_150: Some(_), .. } => Source::Option150,
        Seen { option_66: Some(_), .. } => Source::Option66,
        Seen { siaddr: Some(_), .. } => Source::NextServer,
        Seen { sname: Some(_), .. } => Source::ServerName,
        _ => Source::Option150,
    };
    let shown = shown(seen, by);
    let Some(place) = answer.get(by).and_then(|p| model.places().get(p)) else {
        // Another place may be what is not understood.
        return Err(Mismatch::Other(match &shown {
            Some(shown) => format!(
                "{} hands {} no {}, and the capture shows {shown}: it is not the file that served it",
                first_name(sources, model),
                client.describe(),
                by.words()
            ),
            None => format!(
                "{} hands {} no TFTP server at all, and the capture shows none: add one to its subnet or pool by hand",
                first_name(sources, model),
                client.describe()
            ),
        }));
    };
    let at = sources.place(place.at);
    let servers = match &place.servers {
        Ok(servers) => servers,
        Err(why) => return Err(Mismatch::Form(format!("{at} ({}) is not changed: {why}", place.what))),
    };
    let is_same = match (by, place.addresses()) {
        (Source::Option150, Some(addresses)) => {
            let sent: Vec<u8> = addresses.iter().flat_map(Ipv4Addr::octets).collect();
            seen.option_150.as_deref() == Some(sent.as_slice())
        }
        // A name that the server looks up.
        (Source::Option150 | Source::NextServer, None) => true,
        _ => servers.first().is_some_and(|s| shown.as_deref() == Some(s.as_str())),
    };
    if !is_same {
        let names = and_list(servers);
        let says = shown.unwrap_or_else(|| "none".to_owned());
        let what = format!("{at} ({}) hands {} {names}", place.what, client.describe());
        let is_right = client.right().is_some_and(|right| {
            place.addresses().is_some_and(|a| a.first().is_some_and(|first| right.contains(first)))
        });
        return Err(if is_right {
            Mismatch::Right(format!(
                "{what} already, and the capture shows {says}: it was changed since, or it is not the file that served it"
            ))
        } else {
            Mismatch::Other(format!("{what}, but the capture shows {says}: it is not the file that served it"))
        });
    }
    if let Some(why) = &place.fixed {
        return Err(Mismatch::Form(format!(
            "{at} ({}) is not changed: {why}: {}",
            place.what,
            sources.quote(place.at)
        )));
    }
    Ok(by)
}

fn first_name(sources: &Sources, model: &dyn Model) -> String {
    let file = model.places().first().map_or(0, |p| p.at.file);
    sources.name(file).to_owned()
}

/// What the capture shows a client was handed.
fn shown(seen: &Seen, by: Source) -> Option<String> {
    match by {
        Source::Option150 => seen.option_150.as_ref().map(|raw| {
            let groups = raw.chunks_exact(4);
            let is_whole = groups.remainder().is_empty();
            let addresses: Vec<String> =
                groups.filter_map(|g| <[u8; 4]>::try_from(g).ok()).map(|g| Ipv4Addr::from(g).to_string()).collect();
            if is_whole { and_list(&addresses) } else { String::from_utf8_lossy(raw).into_owned() }
        }),
        Source::Option66 => seen.option_66.as_ref().map(|t| String::from_utf8_lossy(t).into_owned()),
        Source::NextServer => seen.siaddr.map(|ip| ip.to_string()),
        Source::ServerName => seen.sname.clone(),
    }
}

/// A place that is to name other servers.
struct Planned {
    right: Vec<Ipv4Addr>,
    /// The phones go by it; else it is set right with the rest where that harms nobody.
    needed: bool,
    phones: BTreeSet<usize>,
}

fn change(sources: &Sources, name: &str, model: &dyn Model, clients: &[Client], faults: &[Fault<'_>]) -> Decision {
    let mut planned: BTreeMap<usize, Planned> = BTreeMap::new();
    let mut refused = Vec::new();
    let mut lines = Vec::new();
    for fault in faults {
        let Some(right) = fault.client.right() else { continue };
        for (source, place) in fault.answer.places() {
            let Some(found) = model.places().get(place) else { continue };
            let needed = source == fault.by;
            if !needed && !goes_along(model, fault, source, found) {
                continue;
            }
            let slot = planned.entry(place).or_insert_with(|| Planned {
                right: right.to_vec(),
                needed: false,
                phones: BTreeSet::new(),
            });
            if slot.right != right {
                refused.push(format!(
                    "{} ({}) serves phones of several clusters, among them {}, whose TFTP server is {}, and others with {}: \
                     not changed",
                    sources.place(found.at),
                    found.what,
                    fault.client.describe(),
                    and_list(right),
                    and_list(&slot.right)
                ));
            }
            slot.needed |= needed;
            slot.phones.insert(fault.index);
        }
    }
    if !refused.is_empty() {
        refused.dedup();
        refused.truncate(LISTED);
        return Decision::Refuse(refused);
    }
    let mut harmed: BTreeMap<usize, Vec<&Client>> = BTreeMap::new();
    for client in clients {
        for place in harmed_places(model, client, &planned) {
            harmed.entry(place).or_default().push(client);
        }
    }
    for (place, victims) in &harmed {
        let Some(found) = model.places().get(*place) else { continue };
        let names: Vec<String> = victims.iter().take(LISTED).map(|c| c.describe()).collect();
        let more = victims.len().saturating_sub(names.len());
        let who = if more > 0 { format!("{} and {more} more", names.join(", ")) } else { and_list(&names) };
        let at = sources.place(found.at);
        if planned.get(place).is_some_and(|p| p.needed) {
            let kind = match victims.first().map(|c| &c.role) {
                Some(Role::Other) => "which boots from it",
                _ if victims.len() == 1 => "a healthy phone of another cluster",
                _ => "healthy phones of another cluster",
            };
            refused.push(format!(
                "{at} ({}) is not changed: the change would move {who}, {kind}. Give the phones of the plan entries of \
                 their own instead",
                found.what
            ));
        } else {
            lines.push(format!("{at} ({}) stays as it is: {who} needs it.", found.what));
        }
    }
    if !refused.is_empty() {
        return Decision::Refuse(refused);
    }
    planned.retain(|place, _| !harmed.contains_key(place));
    let mut edits = Vec::new();
    let mut phones = BTreeSet::new();
    for (place, plan) in &planned {
        let Some(found) = model.places().get(*place) else { continue };
        match found.edits(sources, &plan.right) {
            Ok(made) => {
                let was = found.servers.as_ref().map(|s| and_list(s)).unwrap_or_default();
                let count = plan.phones.len();
                let who = if count == 1 { "1 phone".to_owned() } else { format!("{count} phones") };
                let now = match found.form {
                    super::model::Form::Single => plan.right.first().map(ToString::to_string).unwrap_or_default(),
                    _ => and_list(&plan.right),
                };
                lines.push(format!("{} ({}): {was} becomes {now} ({who})", sources.place(found.at), found.what));
                edits.extend(made);
                phones.extend(plan.phones.iter().copied());
            }
            Err(why) => {
                let line = format!("{} ({}) is not changed: {why}", sources.place(found.at), found.what);
                return Decision::Refuse(vec![by_hand(&line, &plan.right)]);
            }
        }
    }
    lines.extend(left(sources, model, clients, faults, &planned));
    lines.extend(model.notes(sources));
    if edits.is_empty() {
        return Decision::NoFault(vec![format!("{name} hands out no wrong TFTP server to these phones.")]);
    }
    Decision::Change { edits, lines, phones }
}

/// Whether a place beside the one that a phone goes by is set right with it: it names one of the same wrong servers. What
/// may be for computers, the next server, stays.
fn goes_along(model: &dyn Model, fault: &Fault<'_>, source: Source, place: &Place) -> bool {
    let right = fault.client.right().unwrap_or_default();
    let used = fault.answer.get(fault.by).and_then(|p| model.places().get(p));
    let wrong = used.and_then(|p| p.servers.as_ref().ok()).map(Vec::as_slice).unwrap_or_default();
    let Ok(servers) = &place.servers else { return false };
    let is_option = matches!(source, Source::Option150 | Source::Option66);
    let is_wrong = servers.first().is_some_and(|s| wrong.contains(s) && !right.iter().any(|r| r.to_string() == *s));
    is_option && is_wrong && place.fixed.is_none()
}

/// The planned places that a client needs as they are.
fn harmed_places(model: &dyn Model, client: &Client, planned: &BTreeMap<usize, Planned>) -> BTreeSet<usize> {
    let mut harmed = BTreeSet::new();
    if matches!(client.role, Role::ToFix { .. } | Role::Unknown) {
        return harmed;
    }
    for assume in [false, true] {
        let Service::Answers(answer) = model.answer(client, assume) else { continue };
        for (source, place) in answer.places() {
            let Some(plan) = planned.get(&place) else { continue };
            let right_of_it = match &client.role {
                Role::Well { right } => right.iter().any(|ip| plan.right.first() == Some(ip)),
                _ => false,
            };
            // It may be moved to what is right for it.
            if needs(model, client, &answer, source) && !right_of_it {
                harmed.insert(place);
            }
        }
    }
    harmed
}

/// Whether a client that is well needs what it is handed in one place.
fn needs(model: &dyn Model, client: &Client, answer: &Answer, source: Source) -> bool {
    match &client.role {
        Role::Well { .. } => {
            let is_first = answer.places().next().is_some_and(|(first, _)| first == source);
            is_first || (model.hands_out_by_choice() && matches!(source, Source::Option150 | Source::Option66))
        }
        // A computer goes by what it asks for and gets, and by that alone where it boots from the network.
        Role::Other => client.seen.as_ref().is_some_and(|seen| {
            let boots = seen.boots || client.vendor_class.as_deref().is_some_and(|v| v.starts_with(b"PXEClient"));
            boots && shown(seen, source).is_some()
        }),
        Role::ToFix { .. } | Role::Unknown => false,
    }
}

/// Places that name a wrong server and stay: what no client of the capture is handed, and next servers.
fn left(
    sources: &Sources,
    model: &dyn Model,
    clients: &[Client],
    faults: &[Fault<'_>],
    planned: &BTreeMap<usize, Planned>,
) -> Vec<String> {
    let wrong: BTreeSet<&str> = planned
        .keys()
        .filter_map(|p| model.places().get(*p))
        .flat_map(|p| p.servers.iter().flatten())
        .map(String::as_str)
        .collect();
    let mut handed: BTreeSet<usize> = BTreeSet::new();
    for client in clients {
        for assume in [false, true] {
            if let Service::Answers(answer) = model.answer(client, assume) {
                handed.extend(answer.places().map(|(_, p)| p));
            }
        }
    }
    let names_wrong = |p: &Place| p.servers.as_ref().is_ok_and(|s| s.iter().any(|s| wrong.contains(s.as_str())));
    let mut lines = Vec::new();
    for (index, place) in model.places().iter().enumerate() {
        if planned.contains_key(&index) || !names_wrong(place) {
            continue;
        }
        let to_fix = faults.iter().any(|f| f.answer.places().any(|(_, p)| p == index));
        let at = sources.place(place.at);
        if !handed.contains(&index) {
            lines.push(format!(
                "{at} ({}) names the same server and stays: no client of the capture gets it",
                place.what
            ));
        } else if to_fix && matches!(place.source, Source::NextServer | Source::ServerName) {
            lines.push(format!(
                "{at} ({}) names the same server and stays: phones go by the option, and computers may boot by it",
                place.what
            ));
        }
    }
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    if more > 0 {
        lines.push(format!("{more} more places name the same server and stay"));
    }
    lines
}

/// Holds a changed configuration against the one before: the phones of the plan get what is right, and nobody else
/// anything else than before, unless it is right for it. Why not, where it does not hold.
pub(super) fn prove(before: &dyn Model, after: &dyn Model, clients: &[Client]) -> Result<(), String> {
    let servers = |model: &dyn Model, answer: &Answer, source: Source| {
        answer.get(source).and_then(|p| model.places().get(p)).and_then(|p| p.servers.clone().ok())
    };
    for client in clients {
        for assume in [false, true] {
            let (old, new) = match (before.answer(client, assume), after.answer(client, assume)) {
                (Service::Answers(old), Service::Answers(new)) => (old, new),
                (Service::None(_), Service::None(_)) => continue,
                _ => return Err(format!("{} would not be served as before", client.describe())),
            };
            let right = match &client.role {
                Role::ToFix { right } | Role::Well { right } => right.as_slice(),
                Role::Unknown => continue,
                Role::Other => &[],
            };
            let is_right =
                |names: &[String]| !names.is_empty() && names.iter().all(|s| right.iter().any(|r| r.to_string() == *s));
            for source in SOURCES {
                let (was, is) = (servers(before, &old, source), servers(after, &new, source));
                if was == is || is.as_deref().is_some_and(is_right) {
                    continue;
                }
                if client.right().is_some() || needs(before, client, &old, source) {
                    return Err(format!("{} would be handed another server", client.describe()));
                }
            }
        }
    }
    Ok(())
}
