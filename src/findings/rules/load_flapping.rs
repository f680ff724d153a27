//! `load-flapping`: from one load to another and back, boot after boot.

use std::net::IpAddr;

use crate::diagnosis::{Code, Confidence, Fix, FixKind, FixTarget, Outcome};
use crate::findings::context::PhoneContext;
use crate::findings::inference::right_load;
use crate::findings::{Draft, addresses, and_list, evidence, wire_texts};
use crate::phone::{LoadSeen, LoadSource};
use crate::remedy;
use crate::types::WireText;
use crate::wire::load::{is_load_file, same_load};
use crate::wire::phone_config::is_config_name;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone says in turn that it runs one load and another, with at least three changes, two of them back to a load
    /// that it ran before. The words of one kind of message count (alarms; without them Registers; without them
    /// announcements), so that two spellings of one load are no change.
    ///
    /// ## Evidence
    ///
    /// The frames in which the phone says what it runs, and the transfers of the loads between them.
    ///
    /// ## Explanation
    ///
    /// Two places disagree about the phone's load, and each boot asks the other one: two TFTP servers of one list or of
    /// two DHCP servers, with configurations that name different loads; or a CallManager that orders another load than
    /// the configuration names. Each change is minutes without telephone.
    ///
    /// ## Fix
    ///
    /// Let all places name one load: the one that the phone's CallManager takes.
    ///
    /// ## Not this
    ///
    /// An upgrade in steps, each to a load that it did not run before. `registration-flapping`: the phone loses its
    /// registration and runs the same load all the time.
    ///
    /// ## References
    ///
    /// Cisco document 5278; Unified CM administration guides, "Device Defaults".
    static LOAD_FLAPPING = {
        code: LoadFlapping,
        summary: "The phone moves back and forth between loads",
        check: check,
    }
}

/// Fewest changes of load.
const CHANGES: usize = 3;
/// Fewest of them back to a load that it ran before.
const RETURNS: usize = 2;

/// The words of the best source, each of them another load than the one before.
fn changes(seen: &[LoadSeen]) -> Vec<&LoadSeen> {
    let of = |source: LoadSource| {
        let mut list: Vec<&LoadSeen> = Vec::new();
        for word in seen.iter().filter(|l| l.source == source) {
            if list.last().is_none_or(|last| !same_load(last.load.raw(), word.load.raw())) {
                list.push(word);
            }
        }
        list
    };
    let sources = [LoadSource::Alarm, LoadSource::Register, LoadSource::Cdp, LoadSource::Lldp];
    sources.into_iter().map(of).find(|list| !list.is_empty()).unwrap_or_default()
}

/// The loads in the order of their first time, where the phone goes back and forth between them.
fn flapping<'l>(words: &[&'l LoadSeen]) -> Option<Vec<&'l LoadSeen>> {
    let mut distinct: Vec<&LoadSeen> = Vec::new();
    let mut returns = 0;
    for word in words {
        if distinct.iter().any(|d| same_load(d.load.raw(), word.load.raw())) {
            returns += 1;
        } else {
            distinct.push(word);
        }
    }
    (words.len() > CHANGES && returns >= RETURNS && distinct.len() > 1).then_some(distinct)
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let words = changes(&cx.phone.loads);
    let Some(distinct) = flapping(&words) else { return Vec::new() };
    let device_type = cx.phone.device_type();
    let name = |seen: &LoadSeen| cx.world.registry.load_name(seen.load.raw(), device_type);
    let loads: Vec<WireText> = distinct.iter().map(|seen| name(seen)).collect();
    let mut servers: Vec<IpAddr> = Vec::new();
    let mut transfers = Vec::new();
    for fetch in cx.phone.files.iter().filter(|f| f.outcome() == Outcome::Served) {
        let of = is_load_file(fetch.name.raw());
        if (of.is_some() || is_config_name(fetch.name.raw())) && !servers.contains(&fetch.server) {
            servers.push(fetch.server);
        }
        if of.is_some_and(|l| loads.iter().any(|load| same_load(load.raw(), &l))) {
            transfers.push(evidence(
                fetch.request.first,
                format!("{} fetches {} from {}", cx.label(), fetch.name, fetch.server),
            ));
        }
    }
    let mut shown: Vec<_> =
        words.iter().map(|seen| evidence(seen.seen_at, format!("{} runs load {}", cx.label(), name(seen)))).collect();
    shown.extend(transfers);
    let via = match servers.as_slice() {
        [] => String::new(),
        [only] => format!(" Its files come from {only}, whose configuration names now one and now the other."),
        several => format!(" Its files come in turn from {}.", and_list(several)),
    };
    let right = right_load(cx).map(|(load, _)| load);
    let mut fixes: Vec<Fix> = Vec::new();
    if let (Some(right), Some(server)) = (&right, servers.first()) {
        let other = loads.iter().find(|l| !same_load(l.raw(), right.raw())).map(WireText::raw);
        fixes.push(remedy::phone::name_load(cx.phone.mac, right.raw(), other, *server));
    }
    let one = right
        .map_or_else(|| format!("one of {}: the one that its CallManager takes", and_list(&loads)), |r| r.to_string());
    let mut steps =
        vec![format!("In the phone's configuration, in Device Defaults for its model, and in OS79XX.TXT: name {one}.")];
    if servers.len() > 1 {
        steps.push(format!(
            "{} serve this phone: take those that are not of its cluster out of option 150, or let all serve the same configuration.",
            and_list(&servers)
        ));
    }
    let fix =
        Fix::new(FixKind::NameOneLoad, FixTarget::TftpServer, "Let every place that this phone asks name one load")
            .steps(steps)
            .verify("After two resets the phone's alarm names the same load.")
            .instead_of(&fixes);
    fixes.push(fix);
    vec![
        Draft::from_evidence(Code::LoadFlapping, Confidence::Certain, shown)
            .servers(servers.clone())
            .fact("loads", wire_texts(&loads))
            .fact("tftp_servers", addresses(&servers))
            .title(format!("to and fro between loads {}", and_list(&loads)))
            .summary(format!(
                "{} changed its load {} times in this capture, to and fro between {}.{via}",
                cx.label(),
                words.len().saturating_sub(1),
                and_list(&loads)
            ))
            .fixes(fixes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::SeenAt;

    fn flaps(words: &[(&str, LoadSource)]) -> bool {
        let seen: Vec<LoadSeen> = words
            .iter()
            .map(|(load, source)| LoadSeen {
                load: WireText::from(*load),
                source: *source,
                seen_at: SeenAt::default(),
                said: None,
                announced: None,
            })
            .collect();
        flapping(&changes(&seen)).is_some()
    }

    #[test]
    fn back_and_forth_is_told_from_steps_and_from_spellings() {
        use LoadSource::{Alarm, Cdp};
        let said = |loads: &[&'static str]| loads.iter().map(|l| (*l, Alarm)).collect::<Vec<_>>();
        assert!(flaps(&said(&["3.0(3.0)", "3.1(1.2)", "3.0(3.0)", "3.1(1.2)"])));
        assert!(flaps(&said(&["3.0(3.0)", "P00303010102", "P00303000300", "3.1(1.2)"])));
        assert!(!flaps(&said(&["3.0(3.0)", "3.1(1.2)", "3.0(3.0)"])), "there and back once");
        assert!(!flaps(&said(&["3.0(3.0)", "3.1(1.2)", "3.2(2.14)", "7.2(2.0)", "8.0(5.0)"])), "an upgrade in steps");
        assert!(!flaps(&said(&["8.0(5.0)"])));
        let spelled = [("one spelling", Cdp), ("another", Alarm)].repeat(4);
        assert!(!flaps(&spelled), "announcements have another word for the same load");
        let announced: Vec<_> = ["P00303000300", "P00303010102"].repeat(2).into_iter().map(|l| (l, Cdp)).collect();
        assert!(flaps(&announced));
    }
}
