//! `load-file-missing`: the configuration names a load that is not there.

use super::load_trap::{self, WaitingLoad};
use crate::conversation::file::{Failure, Fetch};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Outcome};
use crate::findings::context::PhoneContext;
use crate::findings::inference::right_load;
use crate::findings::{Draft, evidence, text};
use crate::wire::load::{self, is_load_file, same_load};
use crate::wire::load_list::{is_boot_text, is_list_name};
use crate::wire::load_spelling::{Misspelling, misspelling};

declare_finding! {
    /// ## Trigger
    ///
    /// The phone asks for a load, or for a part of a load of which it was served the list, and the server answers "file not
    /// found", and the same load did not come through under another name or later in this boot. `certain` where the configuration in the capture names the load.
    ///
    /// ## Evidence
    ///
    /// The configuration that names the load, the request for it, and the error.
    ///
    /// ## Explanation
    ///
    /// The load was named (for the phone, or as the default of its model) and never installed on this TFTP server, or
    /// under a name in another case. The phone boots the load that it has, and tries again at every reset.
    ///
    /// ## Fix
    ///
    /// Install the load on the TFTP server, all its files, or name one that is there. A name with a blank, with the ending
    /// of a file or with letters for digits is to be corrected instead. A phone that has no load any more needs the default
    /// load list of its model (`term45.default.loads`). A load that the phone's CallManager would not take (`load-trap`) must
    /// not be put there: name the load that the phone runs.
    ///
    /// ## Not this
    ///
    /// `wrong-tftp-server`: the load is missing because this is another cluster's server. `stuck-load`: the consequence,
    /// where the CallManager does not take the load that the phone has.
    ///
    /// ## References
    ///
    /// RFC 1350 section 5 (error 1); Cisco IP phone administration guides, "TFTP file not found".
    static LOAD_FILE_MISSING = {
        code: LoadFileMissing,
        summary: "A load that the configuration names is not on the server",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let files = cx.files();
    let configured = cx.config().and_then(|(f, c)| cx.phone.load_in(c).map(|l| (f, l)));
    let mut drafts: Vec<Draft> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    for fetch in files.iter().rev().filter(|f| f.outcome() == Outcome::Missing) {
        let Some(load) = load_of(fetch.name.raw()) else { continue };
        let named = configured.as_ref().filter(|(_, l)| same_load(l.raw(), &load));
        let got = files.iter().any(|f| {
            f.outcome() == Outcome::Served && is_load_file(f.name.raw()).is_some_and(|l| same_load(&l, &load))
        });
        let list = list_of_part(files, fetch);
        let unnamed = configured.is_some() && named.is_none() && list.is_none();
        if got || said.iter().any(|s| same_load(s, &load)) || unnamed {
            continue;
        }
        let server = fetch.server;
        let mut shown = vec![evidence(fetch.request.first, format!("{} asks {server} for {}", cx.label(), fetch.name))];
        if let Some(Failure { seen_at, failure }) = &fetch.failure {
            shown.push(evidence(*seen_at, format!("{server} answers {failure}")));
        }
        if let Some((config, load)) = named {
            shown.push(evidence(config.request.first, format!("{} names load {load}", config.name)));
        }
        let sure = if named.is_some() { Confidence::Certain } else { Confidence::Likely };
        let draft = Draft::from_evidence(Code::LoadFileMissing, sure, shown)
            .server(server)
            .fact("file", Fact::Text(fetch.name.clone()))
            .fact("tftp_server", text(server));
        drafts.push(match list {
            Some(list) => part_missing(draft, cx, fetch, list),
            None => say(draft, cx, fetch, &load, named.map(|(config, _)| *config)),
        });
        said.push(load);
    }
    drafts
}

/// The load that a file of this name belongs to, blanks in its name and behind it included.
fn load_of(file: &str) -> Option<String> {
    is_load_file(file).or_else(|| is_load_file(file.trim_end()))
}

/// The list that was served just before and names this part, where the phone gets no further with the load.
fn list_of_part<'f>(files: &'f [Fetch], part: &Fetch) -> Option<&'f Fetch> {
    let is_list = |f: &&Fetch| is_list_name(f.name.raw()) && !is_boot_text(f.name.raw());
    if is_list(&part) {
        return None;
    }
    let served = |f: &&Fetch| f.outcome() == Outcome::Served;
    let before = files.iter().rev().filter(|f| f.request.first < part.request.first);
    let list = before.filter(served).find(is_list)?;
    // Other names of the list's own stem are alternatives, of which one will do.
    let same_stem = load_of(list.name.raw()).zip(load_of(part.name.raw())).is_some_and(|(a, b)| same_load(&a, &b));
    let is_later = |f: &&Fetch| f.request.first > part.request.first && is_load_file(f.name.raw()).is_some();
    let went_on = files.iter().filter(is_later).any(|f| served(&f));
    (!same_stem && !went_on).then_some(list)
}

/// A list is there, and not all that it names.
fn part_missing(draft: Draft, cx: &PhoneContext<'_>, fetch: &Fetch, list: &Fetch) -> Draft {
    let (part, server) = (&fetch.name, fetch.server);
    draft
        .evidence(list.request.first, format!("{} is served {} by {}", cx.label(), list.name, list.server))
        .title(format!("part {part} of {} is not on TFTP server {server}", list.name))
        .summary(format!(
            "{} is served {} by {}, asks {server} for {part}, a part of that load, and is told that it is not there: the load \
             was installed in part only, or from another release than its list. The phone takes no load of which a part is \
             missing.",
            cx.label(),
            list.name,
            list.server
        ))
        .fix(
            Fix::new(FixKind::InstallLoad, FixTarget::TftpServer, format!("Put all parts of {} on {server}", list.name))
                .step(format!(
                    "Install every file that {} lists on the TFTP path of {server}, {part} among them, all of one release; \
                     names are case-sensitive on many servers.",
                    list.name
                ))
                .step("On CallManager: install the load package again, on each TFTP node, and restart the Cisco TFTP service.")
                .step("Reset the phone.")
                .verify(format!("The request for {part} is answered with DATA.")),
        )
}

/// In words: the plain case, or one of those in which to install a file of that name would be wrong.
fn say(draft: Draft, cx: &PhoneContext<'_>, fetch: &Fetch, load: &str, config: Option<&Fetch>) -> Draft {
    if let Some(wrong) = misspelling(fetch.name.raw()) {
        return misspelt(draft, cx, fetch, &wrong, config);
    }
    if is_default_list(load) {
        return without_any_load(draft, cx, fetch);
    }
    if let Some(waiting) = load_trap::waiting_load(cx).filter(|w| same_load(w.load.raw(), load)) {
        return trapped(draft, cx, fetch, waiting);
    }
    let server = fetch.server;
    draft
        .title(format!("load {load} is not on TFTP server {server}"))
        .summary(format!(
            "{} is told to run load {load}, and TFTP server {server} does not have {}. The phone keeps the load that it has.",
            cx.label(),
            fetch.name
        ))
        .fix(Fix::new(FixKind::InstallLoad, FixTarget::TftpServer, format!("Put load {load} on {server}, or name another"))
            .step(format!("Install all files of {load} on the TFTP path of {server}; names are case-sensitive on many servers."))
            .step("Or name a load that is there: Device, Phone, or Device Defaults for the model.")
            .step("Reset the phone.")
            .verify(format!("The request for {} is answered with DATA.", fetch.name)))
}

/// Whether a load is the list that a phone without any load asks for: `term45.default`.
fn is_default_list(load: &str) -> bool {
    load.to_ascii_lowercase().ends_with(".default")
}

/// After a factory reset the phone has nothing to boot but the list of its model.
fn without_any_load(draft: Draft, cx: &PhoneContext<'_>, fetch: &Fetch) -> Draft {
    let (file, server) = (&fetch.name, fetch.server);
    let models = load::family(file.raw()).map(|f| f.models.join(" and ")).filter(|m| !m.is_empty());
    let models = models.map_or_else(|| "the phone's model".to_owned(), |m| format!("the {m}"));
    draft
        .title(format!("default load list {file} is not on TFTP server {server}"))
        .summary(format!(
            "{} has no load that it could boot, as after a factory reset or a failed upgrade: it asks TFTP server {server} \
             for {file}, the default load list of its model, and the server does not have it. Without that list and the \
             files in it the phone does not come up, whatever its configuration says.",
            cx.label()
        ))
        .fix(
            Fix::new(FixKind::InstallLoad, FixTarget::TftpServer, format!("Put {file} and the load in it on {server}"))
                .step(format!(
                    "Install the whole load package of {models} on {server}: {file} and every .sbn file that it lists, in \
                     one release. Names are case-sensitive on many servers."
                ))
                .step("On CallManager: install the device package, then restart the Cisco TFTP service.")
                .step(
                    "Where the phone ran a load from before 8.3(3), put the list of 8.5(2) there first: it does not take a \
                     later one in one step (\"Auth Fail\").",
                )
                .step("Leave the phone powered: it asks again by itself.")
                .verify(format!("The request for {file} is answered with DATA, and the phone asks for the files in it.")),
        )
}

/// The name is wrong, not the folder.
fn misspelt(draft: Draft, cx: &PhoneContext<'_>, fetch: &Fetch, wrong: &Misspelling, config: Option<&Fetch>) -> Draft {
    let load = load_of(fetch.name.raw()).unwrap_or_default();
    let what = match wrong {
        Misspelling::Blank { meant } => {
            format!("the name of load {meant} has a blank too many, which the phone takes for part of it")
        }
        Misspelling::Ending { ending, meant } => format!(
            "load {meant} is named with the ending {ending} of its file, and the phone puts an ending behind it once more"
        ),
        Misspelling::Letter { meant } => format!("load {load} has letters where {meant} has digits"),
        Misspelling::SerialNumber => format!("{load} looks like the serial number of a device, and is no load"),
    };
    let source = named_by(cx, fetch, &load, config);
    let place = source.map_or_else(|| "the file that names it".to_owned(), |f| format!("{} of {}", f.name, f.server));
    let draft = match source {
        Some(source) if config.is_none() => draft.evidence(
            source.request.first,
            format!("{} asks {} for {} before", cx.label(), source.server, source.name),
        ),
        _ => draft,
    };
    let right = wrong.meant().map(str::to_owned).or_else(|| right_load(cx).map(|(load, _)| load.raw().to_owned()));
    let fix = match &source {
        Some(source) if is_boot_text(source.name.raw()) => in_boot_text(source, right.as_deref(), wrong),
        _ => in_configuration(&place, right.as_deref(), wrong),
    };
    draft
        .title(match wrong.meant() {
            Some(meant) => format!("load {meant} is spelt wrong"),
            None => format!("{load} is named as a load and is none"),
        })
        .summary(format!(
            "{} asks TFTP server {} for \"{}\", which is not there, and no server has a file of that name: {what}. The \
             name comes from {place}; the phone stays on the load that it runs.",
            cx.label(),
            fetch.server,
            fetch.name,
        ))
        .fix(fix.verify(match right {
            Some(right) => format!("The phone asks for {right} with one ending and no blank, and is served."),
            None => "The phone asks for the load that is named now, and is served.".to_owned(),
        }))
}

/// The file that holds the name: the configuration, or the one that old loads look for theirs in.
fn named_by<'f>(cx: &'f PhoneContext<'_>, fetch: &Fetch, load: &str, config: Option<&'f Fetch>) -> Option<&'f Fetch> {
    let before = |f: &&Fetch| f.outcome() == Outcome::Served && f.request.first < fetch.request.first;
    let is_it =
        |f: &&Fetch| is_boot_text(f.name.raw()) && load::family(load).is_none_or(|f| f.runs_on("7960") != Some(false));
    config.or_else(|| cx.files().iter().filter(before).rev().find(is_it))
}

fn in_boot_text(source: &Fetch, right: Option<&str>, wrong: &Misspelling) -> Fix {
    let name = right.unwrap_or("the name of the load");
    let how = match wrong {
        Misspelling::Blank { .. } => "no blank before or behind it",
        _ => "no ending and nothing else",
    };
    Fix::new(
        FixKind::NameLoad,
        FixTarget::TftpServer,
        format!("{} of {}: {}", source.name, source.server, removal(wrong, right)),
    )
    .step(format!("Write {} anew on the TFTP path of {}: one line with {name}, {how}.", source.name, source.server))
    .step("Reset the phone.")
    .config(right.map(|r| format!("{r}\n")))
}

fn in_configuration(place: &str, right: Option<&str>, wrong: &Misspelling) -> Fix {
    let name = right.unwrap_or("a load of the phone's model that is on the server");
    Fix::new(FixKind::NameLoad, FixTarget::CallManager, format!("Name of the load: {}", removal(wrong, right)))
        .step(format!(
            "In CallManager, Device, Phone, Phone Load Name (or Device Defaults for the model): name {name}, or leave the \
             field of the phone empty so that the default counts. Save, apply."
        ))
        .step(format!("Where the configuration is written by hand: correct loadInformation in {place}."))
        .step("Reset the phone.")
        .config(right.map(|r| format!("<loadInformation>{r}</loadInformation>\n")))
}

/// What to correct, in a title.
fn removal(wrong: &Misspelling, right: Option<&str>) -> String {
    let name = right.unwrap_or("a load");
    match wrong {
        Misspelling::Blank { .. } => format!("{name} without the blank"),
        Misspelling::Ending { ending, .. } => format!("{name} without {ending}"),
        Misspelling::Letter { .. } => format!("{name} in digits"),
        Misspelling::SerialNumber => format!("{name} in place of the serial number"),
    }
}

/// The phone is well only because the load is not there.
fn trapped(draft: Draft, cx: &PhoneContext<'_>, fetch: &Fetch, waiting: WaitingLoad) -> Draft {
    let WaitingLoad { load, running, call_manager, because, fix, .. } = waiting;
    let server = fetch.server;
    let fix = fix.unwrap_or_else(|| {
        let title = format!("Name the load that the phone runs, {running}, in place of {load}");
        Fix::new(FixKind::KeepLoad, FixTarget::CallManager, title)
            .step("Before the phone boots again: Device, Phone, Phone Load Name, or Device Defaults for the model.")
            .verify("At the next boot the phone asks for no load.")
    });
    draft
        .title(format!("load {load} is not on TFTP server {server}, and must not be put there"))
        .summary(format!(
            "{} is told to run load {load}, TFTP server {server} does not have {}, and only so the phone stays registered \
             with {call_manager} on {running} (load-trap): {because}. Whoever puts {load} there takes the phone down at its \
             next boot.",
            cx.label(),
            fetch.name
        ))
        .fix(fix)
}
