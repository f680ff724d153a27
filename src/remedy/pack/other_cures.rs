//! The three cures of the founding document beside each other: DHCP, the wrong server's own TFTP path, the phone itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::configurations::{How, Outcome};
use super::markdown::text;
use super::{PhoneToFix, Work, some_of};
use crate::diagnosis::and_list;
use crate::remedy::keypad::Generation;
use crate::remedy::load_route;

/// Writes the sections; nothing where no phone asks a wrong server.
pub(super) fn write(out: &mut String, work: &Work<'_>) {
    // A server that nobody here vouches for is no place to put files on.
    let is_astray = |p: &&PhoneToFix| p.wrong_server().is_some() && p.phone.wanted.tftp_trusted;
    let astray: Vec<&PhoneToFix> = work.patients.iter().filter(is_astray).collect();
    let movable: Vec<&PhoneToFix> =
        work.patients.iter().filter(|p| !p.phone.wanted.tftp_right.is_empty() && is_about_the_server(p)).collect();
    if movable.is_empty() {
        return;
    }
    let mut line = |words: &str| {
        // Writing to a text does not fail.
        let _ = writeln!(out, "{words}");
    };
    line("## Which way to go\n");
    // No lease moves a phone whose server is set on it: for those alone the advice is another.
    let by_hand_alone = movable.iter().all(|p| p.is_set_by_hand());
    line(match by_hand_alone {
        true => "a. **DHCP names the right server.** It does not reach these phones: their server is set on the phone.",
        false => {
            "a. **DHCP names the right server** (the steps above). Advised: it holds for every phone of the scope, for new \
             ones too, and after a factory reset."
        }
    });
    line(match astray.is_empty() {
        true => {
            "b. **The wrong server serves what is right.** Only where that server is yours: nothing here vouches for the one \
             that these phones ask. Name it in the site file (tftp of its cluster), and run fix again."
        }
        false => {
            "b. **The wrong server serves what is right.** Where DHCP can not be changed soon. It holds only until somebody \
             touches the phone at the other CallManager, and every later change has to be made there again."
        }
    });
    line(match by_hand_alone {
        true => {
            "c. **The server set on the phone.** Advised: take it back, or set the right one. Somebody has to go there.\n"
        }
        false => {
            "c. **The server set on the phone.** For a few phones, or tonight: nobody but the phone has to be touched, but \
             somebody has to go there, and the setting stays when the phone moves. It is best taken back once DHCP is \
             right.\n"
        }
    });
    if !astray.is_empty() {
        line("### b. Where DHCP can not be changed: on the TFTP path of the wrong server\n");
        line("In this order:\n");
        let mut servers: BTreeMap<IpAddr, Vec<&PhoneToFix>> = BTreeMap::new();
        for patient in &astray {
            if let Some(server) = patient.wrong_server() {
                servers.entry(server).or_default().push(patient);
            }
        }
        for (server, patients) in &servers {
            let loads: BTreeSet<String> =
                patients.iter().filter_map(|p| load_to_come(p)).map(load_route::files).collect();
            let (with_file, without): (Vec<&PhoneToFix>, Vec<&PhoneToFix>) =
                patients.iter().copied().partition(|p| matches!(p.configuration, Outcome::File(_)));
            match loads.is_empty() {
                false => line(&format!(
                    "1. On {server}: {}. First the load: a phone that reads the configuration before the load is there \
                     keeps what it has.",
                    and_list(&loads.into_iter().collect::<Vec<_>>())
                )),
                true => line(&format!("1. On {server}: the load that the phones should run, where one has to change.")),
            }
            let mut second = Vec::new();
            if !with_file.is_empty() {
                second.push(format!(
                    "the configurations of `tftp/` for {} ({}) onto the TFTP path of {server}, in place of its own; keep \
                     those for the way back",
                    text(&some_of(&with_file)),
                    with_file.len()
                ));
            }
            if !without.is_empty() {
                second.push(format!(
                    "on {server}, configurations of {} that name the right CallManagers and load{}",
                    text(&some_of(&without)),
                    if with_file.is_empty() { "" } else { ": the pack has none for them" }
                ));
            }
            line(&format!("2. Then {}.", second.join(". And ")));
            line(&format!(
                "3. In the CallManager that {server} belongs to: take these phones out (Device, Phone) and switch \
                 auto-registration off, or it writes its own configurations again."
            ));
            line(
                "4. Reset the phones. Expect: they ask the same server as before, take the load, boot again, and register with their own CallManager.\n",
            );
            let of_others = |p: &&PhoneToFix| match &p.configuration {
                Outcome::File(made) => !matches!(made.how, How::Edited { .. } | How::Derived { .. }),
                _ => true,
            };
            if patients.iter().any(of_others) {
                line(
                    "A configuration of the wrong server that names that server's CallManagers would send the phone back \
                     there; those in `tftp/` name the right ones.\n",
                );
            }
        }
    }
    line("### c. On the phone itself\n");
    let by_hand: Vec<&PhoneToFix> = work.patients.iter().filter(|p| p.is_set_by_hand()).collect();
    if !by_hand.is_empty() {
        line(&format!(
            "**DHCP does not reach {}**: the wrong server is set on the phone (Alternate TFTP), or stored there. Only this way \
             helps: take the setting back (Alternate TFTP to No) where DHCP is right, or set the right server.\n",
            text(&some_of(&by_hand))
        ));
    }
    let mut generations: BTreeMap<(Generation, Vec<IpAddr>), Vec<&PhoneToFix>> = BTreeMap::new();
    for patient in &movable {
        let generation = Generation::of(patient.phone.model.as_deref());
        generations.entry((generation, patient.phone.wanted.tftp_right.clone())).or_default().push(patient);
    }
    for ((generation, right), patients) in &generations {
        line(&format!("{} ({}):\n", text(&some_of(patients)), generation.words()));
        for (i, step) in generation.set(right).iter().enumerate() {
            line(&format!("{}. {}", i + 1, text(step)));
        }
        line(&format!("\nThe way back: {}\n", text(&generation.unset().join(" "))));
    }
}

/// Whether any phone is told how to set its TFTP server.
pub(super) fn applies(work: &Work<'_>) -> bool {
    work.patients.iter().any(|p| !p.phone.wanted.tftp_right.is_empty() && is_about_the_server(p))
}

/// Whether the phone's TFTP server is what has to change.
fn is_about_the_server(patient: &PhoneToFix) -> bool {
    patient.codes.iter().any(|c| c.is_helped_by_keypad())
}

/// The load that the phone has to take first.
fn load_to_come(patient: &PhoneToFix) -> Option<&str> {
    match &patient.configuration {
        Outcome::File(made) => Some(made.load.as_str()),
        _ => None,
    }
}
