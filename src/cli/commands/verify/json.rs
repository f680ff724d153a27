//! The report for programs: schema `phonescope.verify/1` (`docs/json-v1.md`).

use std::io::{self, Write};
use std::net::IpAddr;

use phonescope::event::InputSummary;
use phonescope::remedy::probe::{Checked, FileChecked, Server};
use phonescope::remedy::recovery::{Aspect, PhoneRecovery, Recovery, State};
use phonescope::report;
use phonescope::types::{Mac, Timestamp, WireText};
use serde::Serialize;

use crate::cli::commands::verify::{Report, active};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    report::write_document(&Document::new(report), out)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    plan: Option<String>,
    as_of: Option<Timestamp>,
    inputs: Vec<Input<'a>>,
    summary: Option<Summary>,
    phones: Vec<Phone<'a>>,
    checks: Vec<Check<'a>>,
    would_send: Vec<Unsent<'a>>,
    notes: Vec<&'a str>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Input<'a> {
    id: usize,
    path: &'a WireText,
    format: &'a WireText,
    packets: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    problem: Option<&'a WireText>,
}

#[derive(Serialize)]
struct Summary {
    recovered: usize,
    not_recovered: usize,
    incomplete: usize,
    not_seen: usize,
}

#[derive(Serialize)]
struct Phone<'a> {
    mac: Mac,
    name: &'a WireText,
    model: Option<&'a str>,
    cause: &'a str,
    state: &'static str,
    server: Stands<'a, IpAddr>,
    load: Stands<'a, WireText>,
    registration: Registration<'a>,
    boot_at: Option<Timestamp>,
    registered_at: Option<Timestamp>,
    recovery_ms: Option<u64>,
    verdict: Option<&'static str>,
    left: &'a [String],
}

#[derive(Serialize)]
struct Stands<'a, V> {
    standing: &'static str,
    wanted: &'a [V],
    seen: Option<&'a V>,
}

#[derive(Serialize)]
struct Registration<'a> {
    #[serde(flatten)]
    call_manager: Stands<'a, IpAddr>,
    state: &'static str,
}

#[derive(Serialize)]
struct Address {
    server: IpAddr,
    port: u16,
    transport: &'static str,
}

#[derive(Serialize)]
struct Check<'a> {
    mac: Option<Mac>,
    name: &'a str,
    #[serde(flatten)]
    address: Address,
    right: bool,
    points: Vec<Point<'a>>,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct Point<'a> {
    subject: &'static str,
    standing: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a str,
    outcome: &'static str,
    bytes: Option<u64>,
    text: String,
    strangers: Vec<String>,
    compared: Option<Compared<'a>>,
}

#[derive(Serialize)]
struct Compared<'a> {
    path: &'a str,
    same: bool,
    octet: Option<u64>,
    line: Option<u64>,
}

#[derive(Serialize)]
struct Unsent<'a> {
    #[serde(flatten)]
    address: Address,
    file: &'a str,
    request: &'a str,
    when: &'a str,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Document<'a> {
        let recovery = report.passive.as_ref().map(|p| &p.recovery);
        let inputs = report.passive.as_ref().map_or(&[][..], |p| &p.inputs);
        let active = report.active.as_ref();
        let unsent = active.and_then(|a| a.unsent.as_deref()).unwrap_or_default();
        Document {
            schema: "phonescope.verify/1",
            tool: Tool { name: "phonescope", version: env!("CARGO_PKG_VERSION") },
            plan: report.plan.as_ref().map(|p| p.to_string_lossy().into_owned()),
            as_of: recovery.and_then(|r| r.as_of),
            inputs: inputs.iter().enumerate().map(|(id, input)| Input::new(id, input)).collect(),
            summary: recovery.map(Summary::new),
            phones: recovery.map_or(&[][..], |r| &r.phones).iter().map(Phone::new).collect(),
            checks: active.map_or(&[][..], |a| &a.checked).iter().map(Check::new).collect(),
            would_send: unsent
                .iter()
                .map(|u| Unsent {
                    address: Address::new(u.server),
                    file: u.file.as_str(),
                    request: &u.request,
                    when: u.when,
                })
                .collect(),
            notes: notes(recovery, active),
        }
    }
}

fn notes<'a>(recovery: Option<&'a Recovery>, active: Option<&'a active::Outcome>) -> Vec<&'a str> {
    let passive = recovery.map_or(&[][..], |r| &r.notes);
    passive.iter().chain(active.map_or(&[][..], |a| &a.notes)).map(String::as_str).collect()
}

impl<'a> Input<'a> {
    fn new(id: usize, input: &'a InputSummary) -> Input<'a> {
        Input {
            id,
            path: &input.path,
            format: &input.format,
            packets: input.packets,
            first: input.first,
            last: input.last,
            problem: input.problem.as_ref(),
        }
    }
}

impl Summary {
    fn new(recovery: &Recovery) -> Summary {
        Summary {
            recovered: recovery.count(State::Recovered),
            not_recovered: recovery.count(State::NotRecovered),
            incomplete: recovery.count(State::Incomplete),
            not_seen: recovery.count(State::NotSeen),
        }
    }
}

impl<'a, V> Stands<'a, V> {
    fn new(aspect: &'a Aspect<V>) -> Stands<'a, V> {
        Stands { standing: aspect.standing.as_str(), wanted: &aspect.wanted, seen: aspect.seen.as_ref() }
    }
}

impl<'a> Phone<'a> {
    fn new(phone: &'a PhoneRecovery) -> Phone<'a> {
        Phone {
            mac: phone.mac,
            name: &phone.name,
            model: phone.model.as_deref(),
            cause: &phone.cause,
            state: phone.state.as_str(),
            server: Stands::new(&phone.server),
            load: Stands::new(&phone.load),
            registration: Registration {
                call_manager: Stands::new(&phone.registration),
                state: phone.registered.as_str(),
            },
            boot_at: phone.boot_at,
            registered_at: phone.registered_at,
            recovery_ms: phone.recovery_time().and_then(|time| u64::try_from(time.as_millis()).ok()),
            verdict: phone.verdict,
            left: &phone.left,
        }
    }
}

impl Address {
    fn new(server: Server) -> Address {
        Address { server: server.address.ip(), port: server.address.port(), transport: server.transport.as_str() }
    }
}

impl<'a> Check<'a> {
    fn new(checked: &'a Checked) -> Check<'a> {
        Check {
            mac: checked.mac,
            name: &checked.name,
            address: Address::new(checked.server),
            right: checked.is_right(),
            points: checked
                .points
                .iter()
                .map(|p| Point { subject: p.subject.as_str(), standing: p.standing.as_str(), text: &p.text })
                .collect(),
            files: checked.files.iter().map(File::new).collect(),
        }
    }
}

impl<'a> File<'a> {
    fn new(file: &'a FileChecked) -> File<'a> {
        File {
            name: file.name.as_str(),
            outcome: file.answer.as_str(),
            bytes: file.length,
            text: file.text(),
            strangers: file.strangers.iter().map(ToString::to_string).collect(),
            compared: file.compared.as_ref().map(|(path, difference)| Compared {
                path,
                same: difference.is_none(),
                octet: difference.map(|d| d.octet),
                line: difference.map(|d| d.line),
            }),
        }
    }
}
