//! `load-not-accepted`: the load came, and the phone does not run it.

use std::net::IpAddr;
use std::time::Duration;

use crate::conversation::SeenAt;
use crate::conversation::file::Fetch;
use crate::diagnosis::{Code, Confidence, Evidence, Fix, FixKind, FixTarget, Outcome, Transport};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, optional};
use crate::phone::{LoadSeen, ReasonSeen};
use crate::remedy;
use crate::remedy::load_route::{LoadRoute, way};
use crate::types::WireText;
use crate::wire::load::{self, LoadName, is_load_file, same_load};
use crate::wire::load_list::{is_boot_text, is_list_name};
use crate::wire::phone_config::is_config_name;

/// What is asked for again after so long is asked for by another boot, also where the capture shows no DHCP.
const BOOT: Duration = Duration::from_secs(20);
/// Transfers shown of a load that is fetched again and again.
const MAX_SHOWN: usize = 4;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone fetches a load whole, boots, and says in its alarm, Register, CDP or LLDP that it runs the one it ran before
    /// (`certain` where the configuration names the load); or its alarm gives as reason of its last restart that it
    /// refused a load ("Load Rejected HC", "Version Error", "FileAuthError" and the like); or it fetches the same load, or
    /// the same list of a load (`.loads`, `OS79XX.TXT`) and nothing that it names, at one boot after the other (`certain`
    /// from the third on); or it fetches the same file of the load twice in a row in one boot, as phones do whose check of
    /// it fails (`possible` where nothing else says so).
    /// Not where the configuration meanwhile names the load that it runs, nor where part of the load did not come.
    ///
    /// ## Evidence
    ///
    /// The transfer of the load, the boot after it, and the alarm or Register with the old load.
    ///
    /// ## Explanation
    ///
    /// The phone checks a load before it runs it. It refuses one for another hardware revision, one with a broken or
    /// missing signature (from 5.0 on a 7940 or 7960 takes signed loads only), a damaged file, or a step that is too
    /// large: some families need a load in between. It says nothing on its display, boots the old one, and tries again at
    /// every reset.
    ///
    /// ## Fix
    ///
    /// Name the load that the phone runs, to end the loop; then install a load that it can take, whole, or the one in
    /// between.
    ///
    /// ## Not this
    ///
    /// `load-file-missing`: the load, or part of it, is not on the server. `load-wrong-family`: its name tells that it is
    /// for another phone. A phone whose next boot the capture does not hold.
    ///
    /// ## References
    ///
    /// Cisco IP phone administration guides, "Load rejected HC"; Cisco field notice 68244 on signed loads.
    static LOAD_NOT_ACCEPTED = {
        code: LoadNotAccepted,
        summary: "The phone fetches the load and comes back with the old one, or says that it refused it",
        check: check,
    }
}

/// What shows that a load was refused.
struct Refusal {
    load: Option<WireText>,
    confidence: Confidence,
    shown: Vec<Evidence>,
    how: String,
    /// The list of files that it fetches and does not follow.
    list: Option<WireText>,
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let running = cx.running().map(|(load, _)| load);
    let configured = cx.config().and_then(|(_, c)| cx.phone.load_in(c));
    // What came to its end counts no more: it is told to run what it runs.
    if let (Some(running), Some(configured)) = (&running, &configured)
        && same_load(running.raw(), configured.raw())
    {
        return Vec::new();
    }
    let found = by_return(cx, configured.as_ref())
        .or_else(|| by_alarm(cx, running.as_ref(), configured.as_ref()))
        .or_else(|| by_boots(cx, running.as_ref(), configured.as_ref()))
        .or_else(|| by_repetition(cx, running.as_ref(), configured.as_ref()));
    let Some(Refusal { load, confidence, shown, how, list }) = found else { return Vec::new() };
    let server = cx.phone.fetched().map(|(_, f)| f.server).or(cx.tftp_use().map(|u| u.server));
    let reason = cx.phone.last_reason.as_ref().map(|r| &r.text);
    let title = match (&list, &load) {
        (Some(list), _) => format!("{list} is fetched at every boot and not followed"),
        (None, Some(load)) => format!("load {load} is not accepted"),
        (None, None) => "the load is not accepted".to_owned(),
    };
    let stays = running.as_ref().map_or_else(String::new, |r| format!(" It still runs {r}."));
    vec![
        Draft::from_evidence(Code::LoadNotAccepted, confidence, shown)
            .servers(server.into_iter())
            .fact("load", optional(load.as_ref().map(WireText::raw)))
            .fact("load_running", optional(running.as_ref().map(WireText::raw)))
            .fact("last_reason", optional(reason.map(WireText::raw)))
            .title(title)
            .summary(format!("{} {how}.{stays}{}", cx.label(), through(running.as_ref(), load.as_ref())))
            .fixes(match &list {
                Some(list) => vec![follow_list(list, server)],
                None => fixes(cx, load.as_ref(), running.as_ref()),
            }),
    ]
}

/// The load in between that the phone needs, in a sentence with a blank before it; empty where none is known.
fn through(running: Option<&WireText>, load: Option<&WireText>) -> String {
    match running.zip(load).map(|(running, load)| way(running.raw(), load.raw())) {
        Some(LoadRoute::Through(stone)) => format!(" From there the way leads through {stone}, that is 8.5(2)."),
        _ => String::new(),
    }
}

/// Whether a name is that of a load, so that the phone could say that it runs it: the one that is configured, or one of
/// a known family. The parts of a later load (`jar41sccp.9-4-2….sbn`) and the aliases of defaults are none.
fn is_definite(name: &str, configured: Option<&WireText>) -> bool {
    let is_alias = name.to_ascii_lowercase().contains("default");
    !is_alias && (load::family(name).is_some() || configured.is_some_and(|c| same_load(c.raw(), name)))
}

/// Fetched whole, booted, and the old load says so.
fn by_return(cx: &PhoneContext<'_>, configured: Option<&WireText>) -> Option<Refusal> {
    let phone = cx.phone;
    let seen = phone.running()?;
    let said = seen.latest();
    let (running, _) = cx.running()?;
    let (load, _) = phone.fetched()?;
    if same_load(&load, running.raw()) || !is_definite(&load, configured) || running.raw().contains("default") {
        return None;
    }
    let is_it = |f: &&Fetch| {
        f.outcome() == Outcome::Served && is_load_file(f.name.raw()).is_some_and(|name| same_load(&name, &load))
    };
    // It may fetch it again at every boot: what counts is the latest that a boot follows.
    let (fetch, done, restarted) = phone.files.iter().rev().filter(is_it).find_map(|fetch| {
        let done = fetch.done?;
        restart_between(cx, done, said).map(|restarted| (fetch, done, restarted))
    })?;
    // It ran this load before the transfer; or nothing is known of that time, and the names can be compared.
    let ran_before = seen.seen_at <= done;
    let first_word =
        phone.loads.len() == 1 && LoadName::parse(running.raw()).is_some() && LoadName::parse(&load).is_some();
    if !(ran_before || first_word) || is_incomplete(cx, fetch) {
        return None;
    }
    let named = configured.is_some_and(|c| same_load(c.raw(), &load));
    // An announcement is no word to CallManager; but a phone does not fetch what it runs.
    let is_said = seen.said == Some(said) || phone.files.iter().filter(is_it).count() >= 2;
    let mut shown = vec![
        evidence(
            fetch.request.first,
            format!("{} fetches {} from {}, {} octets", cx.label(), fetch.name, fetch.server, fetch.bytes),
        ),
        evidence(restarted, format!("{} boots again", cx.label())),
        evidence(said, format!("{} says that it runs {running}", cx.label())),
    ];
    let mut how = format!("fetched load {load} from {} to its end, booted, and came back with {running}", fetch.server);
    if let Some(ReasonSeen { seen_at, text: reason }) = phone.last_reason.as_ref().filter(|r| is_refusal(r.text.raw()))
    {
        shown.push(evidence(*seen_at, format!("its alarm says why it restarted: {reason}")));
        how.push_str(&format!("; its alarm says why: \"{reason}\""));
    }
    Some(Refusal {
        load: Some(WireText::from(load.as_str())),
        confidence: if named && ran_before && is_said { Confidence::Certain } else { Confidence::Likely },
        shown,
        how,
        list: None,
    })
}

/// A boot after `done` and before `said`: its DHCP, or else its configuration asked for again.
fn restart_between(cx: &PhoneContext<'_>, done: SeenAt, said: SeenAt) -> Option<SeenAt> {
    let between = |seen_at: &SeenAt| *seen_at > done && *seen_at < said;
    let boot = cx.phone.boots.iter().copied().find(between);
    boot.or_else(|| {
        let asked = cx.phone.files.iter().filter(|f| is_config_name(f.name.raw())).map(|f| f.request.first);
        asked.filter(|s| between(s)).min()
    })
}

/// Whether a file of the load did not come in the same boot, but for names of it that only some generations have.
fn is_incomplete(cx: &PhoneContext<'_>, fetch: &Fetch) -> bool {
    let boot = |f: &Fetch| cx.phone.boots.partition_point(|b| *b <= f.request.first);
    let of_boot = || cx.phone.files.iter().filter(|f| boot(f) == boot(fetch) && is_load_file(f.name.raw()).is_some());
    of_boot().filter(|f| f.outcome() != Outcome::Served).any(|failed| {
        let image = |f: &Fetch| {
            [".bin", ".sbn", ".zup", ".sbin"].iter().any(|e| f.name.raw().to_ascii_lowercase().ends_with(e))
        };
        let came = |f: &Fetch| f.outcome() == Outcome::Served && (f.name == failed.name || image(f) && image(failed));
        !of_boot().any(|f| came(f) && same_stem(f, failed))
    })
}

fn same_stem(one: &Fetch, other: &Fetch) -> bool {
    match (is_load_file(one.name.raw()), is_load_file(other.name.raw())) {
        (Some(one), Some(other)) => same_load(&one, &other),
        _ => false,
    }
}

/// Reasons of a restart that mean that the load did not pass (boot reference 7.3, numbers 0 to 5 and 31).
fn is_refusal(reason: &str) -> bool {
    const REASONS: [&str; 8] = [
        "load rejected",
        "tftp size error",
        "compression type error",
        "version error",
        "disk full error",
        "rom checksum error",
        "fileautherror",
        "file auth error",
    ];
    let reason = reason.to_ascii_lowercase();
    REASONS.iter().any(|r| reason.starts_with(r))
}

/// The phone's own word.
fn by_alarm(cx: &PhoneContext<'_>, running: Option<&WireText>, configured: Option<&WireText>) -> Option<Refusal> {
    let ReasonSeen { seen_at, text: reason } = cx.phone.last_reason.as_ref().filter(|r| is_refusal(r.text.raw()))?;
    let fetched =
        cx.phone.fetched().filter(|(_, f)| f.request.first < *seen_at).map(|(l, _)| WireText::from(l.as_str()));
    let other = |load: &WireText| running.is_none_or(|r| !same_load(r.raw(), load.raw()));
    let load = configured.cloned().or(fetched).filter(other);
    // Of a phone that is well it may be a word from long ago.
    if load.is_none() && cx.is_registered() {
        return None;
    }
    let mut shown = vec![evidence(*seen_at, format!("{} says why it restarted: {reason}", cx.label()))];
    if let Some((fetch, _)) = cx.config() {
        let names = load.as_ref().map_or_else(|| "no load".to_owned(), |l| format!("load {l}"));
        shown.push(evidence(
            fetch.request.first,
            format!("{} is served {}, which names {names}", cx.label(), fetch.name),
        ));
    }
    Some(Refusal {
        how: match &load {
            Some(load) => format!("is told to run load {load}, and gives as reason of its last restart \"{reason}\""),
            None => format!("gives as reason of its last restart \"{reason}\""),
        },
        confidence: if load.is_some() { Confidence::Certain } else { Confidence::Likely },
        load,
        shown,
        list: None,
    })
}

/// The same load, or the same list of one, fetched whole at one boot after the other: the phone does not run it.
fn by_boots(cx: &PhoneContext<'_>, running: Option<&WireText>, configured: Option<&WireText>) -> Option<Refusal> {
    let heads: Vec<&Fetch> = cx.phone.files.iter().filter(|f| is_head(f, configured)).collect();
    let last = *heads.last()?;
    let mut again: Vec<&Fetch> = vec![last];
    for head in heads.iter().rev().skip(1).take_while(|h| h.name == last.name && h.server == last.server) {
        let next = again.last().map(|n| n.request.first)?;
        // A request that is repeated within one boot is another matter.
        let booted = |done: SeenAt| restart_between(cx, done, next).is_some() || next.time.since(done.time) >= BOOT;
        if head.done.is_some_and(booted) {
            again.push(head);
        }
    }
    again.reverse();
    let (first, count) = (*again.first()?, again.len());
    let name = is_load_file(last.name.raw());
    let is_alias = name.as_ref().is_none_or(|n| !is_definite(n, configured));
    // What it runs may be that very load, where only the name of the default or nothing is known of it.
    if count < 2 || (is_alias || running.is_none()) && cx.is_registered() {
        return None;
    }
    let since = |seen: &LoadSeen| first.done.is_some_and(|done| seen.seen_at > done);
    let is_it = |r: &WireText| name.as_ref().is_some_and(|n| same_load(r.raw(), n));
    if cx.phone.running().is_some_and(since) || running.is_some_and(is_it) {
        return None;
    }
    let ends = again.iter().skip(1).map(|n| Some(n.request.first)).chain([None]);
    let followed = again.iter().zip(ends).filter(|(head, end)| is_followed(cx, head, *end)).count();
    let list = Some(&last.name).filter(|n| is_list_name(n.raw()) && followed == 0);
    if list.is_none() && (followed < 2 || is_incomplete(cx, last)) {
        return None;
    }
    let shown = again.iter().map(|f| {
        evidence(f.request.first, format!("{} fetches {} from {}, {} octets", cx.label(), f.name, f.server, f.bytes))
    });
    Some(Refusal {
        how: match list {
            Some(list) => format!(
                "fetched {list} from {} to its end at {count} boots, asked for nothing that it names, and booted again: it \
                 does not take that list",
                last.server
            ),
            None => {
                format!("fetched {} from {} to its end at {count} boots: it does not run it", last.name, last.server)
            }
        },
        confidence: if count > 2 { Confidence::Certain } else { Confidence::Likely },
        load: name.as_deref().map(WireText::from),
        shown: shown.take(MAX_SHOWN).collect(),
        list: list.cloned(),
    })
}

/// Whether a transfer is that of a load itself, or of the list of its files, whole.
fn is_head(fetch: &Fetch, configured: Option<&WireText>) -> bool {
    let name = fetch.name.raw();
    fetch.outcome() == Outcome::Served
        && (is_list_name(name) || is_load_file(name).is_some_and(|load| is_definite(&load, configured)))
}

/// Whether the phone went on to what a list names, before `end`; an image needs nothing after it.
fn is_followed(cx: &PhoneContext<'_>, head: &Fetch, end: Option<SeenAt>) -> bool {
    let within = |seen_at: SeenAt| seen_at > head.request.first && end.is_none_or(|end| seen_at < end);
    let restart = head.done.and_then(|done| restart_between(cx, done, end?));
    let mut later = cx.phone.files.iter().filter(|f| within(f.request.first));
    match head.name.raw() {
        name if is_boot_text(name) => {
            // All that comes before the next boot: a load, or a configuration that names another.
            let before = |seen_at: SeenAt| within(seen_at) && restart.is_none_or(|r| seen_at < r);
            later.any(|f| before(f.request.first)) || cx.phone.attempts.iter().any(|a| before(a.began))
        }
        name if is_list_name(name) => {
            later.any(|f| is_load_file(f.name.raw()).is_some() && !is_list_name(f.name.raw()))
        }
        _ => true,
    }
}

/// The same file of the load fetched twice in a row in one boot: its check failed.
fn by_repetition(cx: &PhoneContext<'_>, running: Option<&WireText>, configured: Option<&WireText>) -> Option<Refusal> {
    let served = |f: &Fetch| f.outcome() == Outcome::Served && f.transport == Transport::Tftp;
    let twice = cx.files().windows(2).rev().find_map(|pair| match pair {
        [first, second] => {
            let load = is_load_file(second.name.raw())?;
            let again = first.name == second.name && first.server == second.server && served(first) && served(second);
            let after = first.done.is_some_and(|d| d <= second.request.first);
            (again && after && first.bytes == second.bytes && first.bytes > 0).then_some((load, first, second))
        }
        _ => None,
    });
    let (file_of, first, second) = twice?;
    let done = second.done?;
    let load = match configured {
        Some(configured) => configured.raw().to_owned(),
        None => Some(file_of).filter(|name| is_definite(name, None))?,
    };
    if running.is_some_and(|r| same_load(r.raw(), &load)) {
        return None;
    }
    let said = cx.phone.running().and_then(|l| l.said).filter(|s| *s > done);
    // Without a later word it may run the load by now.
    if said.is_none() && cx.is_registered() || is_incomplete(cx, second) {
        return None;
    }
    let mut shown = vec![
        evidence(first.request.first, format!("{} fetches {} from {}", cx.label(), first.name, first.server)),
        evidence(second.request.first, format!("and fetches it again, {} octets as before", second.bytes)),
    ];
    if let (Some(said), Some(running)) = (said, running) {
        shown.push(evidence(said, format!("{} says that it runs {running}", cx.label())));
    }
    Some(Refusal {
        how: format!("fetched {} of load {load} twice in a row, as phones do whose check of it fails", second.name),
        load: Some(WireText::from(load.as_str())),
        confidence: if said.is_some() { Confidence::Likely } else { Confidence::Possible },
        shown,
        list: None,
    })
}

/// What to do about a list that the phone does not take.
fn follow_list(list: &WireText, server: Option<IpAddr>) -> Fix {
    let place = server.map_or_else(|| "the TFTP path".to_owned(), |s| format!("the TFTP path of {s}"));
    let fix = Fix::new(FixKind::RepairLoad, FixTarget::TftpServer, format!("Make {list} one that the phone takes"));
    let fix = match is_boot_text(list.raw()) {
        true => fix.step(format!(
            "Let {list} on {place} name a load that this phone takes and that is there: one name, no blank and no ending."
        )),
        false => fix
            .step(format!(
                "Put the list of 8.5(2) there: {list} and all files that it names, of the load package 8.5(2) of this \
                 model. A phone with a load from before 8.3(3) takes no later list (\"Auth Fail\" on its display); it comes \
                 up with 8.5(2), and takes the later one from there."
            ))
            .step(format!("Otherwise compare {list} on {place} with the vendor's, by length and checksum.")),
    };
    fix.step("Leave the phone powered: it asks again by itself.")
        .verify(format!("After {list} the phone asks for the files in it, and comes up."))
}

fn fixes(cx: &PhoneContext<'_>, load: Option<&WireText>, running: Option<&WireText>) -> Vec<Fix> {
    let server = cx.config().map(|(f, _)| f.server).or(cx.tftp_use().map(|u| u.server));
    let mut fixes = Vec::new();
    if let (Some(running), Some(server)) = (running.filter(|r| !r.raw().contains('(')), server) {
        fixes.push(remedy::phone::keep_load(cx.phone.mac, running.raw(), load.map(WireText::raw), server));
    }
    let name = load.map_or_else(|| "the load".to_owned(), |l| format!("load {l}"));
    let mut steps = vec![format!(
        "Compare the files of {name} on the TFTP path with the vendor's, by length and checksum; install them anew where they differ."
    )];
    let signed = |l: Option<&WireText>| load::family(l?.raw())?.signed;
    if signed(running) == Some(true) && signed(load) == Some(false) {
        steps.push(
            "The phone runs a signed load and takes signed loads only: there is no way back to this one.".to_owned(),
        );
    } else {
        steps.push(match running.zip(load).map(|(running, load)| way(running.raw(), load.raw())) {
            Some(LoadRoute::Through(stone)) => format!(
                "This phone needs a load in between: from before 8.3(3) the way leads through 8.5(2). Install {stone}, name it, \
                 reset the phone; once it runs that, name the later load."
            ),
            _ => "Is there a load in between that the phone needs first? Upgrades of 7906 to 7975 phones from before 8.3(3) go through 8.5(2).".to_owned(),
        });
    }
    steps.push("Is the load for this hardware revision? The phone's display (Settings, Status) and its label tell the revision.".to_owned());
    let fix = Fix::new(FixKind::RepairLoad, FixTarget::TftpServer, format!("Make {name} one that the phone takes"))
        .steps(steps)
        .verify("The phone fetches the load once, boots, and its alarm names it.")
        .instead_of(&fixes);
    fixes.push(fix);
    fixes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_tell_of_a_refused_load_are_known_in_any_case() {
        for reason in ["Load Rejected HC", "load rejected hc", "Version Error", "FileAuthError", "ROM Checksum Error"] {
            assert!(is_refusal(reason), "{reason}");
        }
        for reason in ["Initialized", "File Not Found", "TFTP Timeout", "Phone-Reg-Rej", "TFTP Error", ""] {
            assert!(!is_refusal(reason), "{reason}");
        }
    }

    #[test]
    fn an_alias_or_a_part_is_no_definite_load() {
        let configured = WireText::from("own-build.1");
        for (name, expected) in [
            ("P00303000400", true),
            ("P003AJ30", true),
            ("SCCP42.9-4-2SR3-1S", true),
            ("own-build.1", true),
            ("term42.default", false),
            ("jar42sccp.9-4-2ES26", false),
            ("own-build.2", false),
        ] {
            assert_eq!(is_definite(name, Some(&configured)), expected, "{name}");
        }
    }
}
