//! What `doctor` found out of a port: for people, and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::doctor::switch::SwitchLines;
use crate::doctor::{Check, Examined, State};
use crate::report::prose;

/// Columns of the text, where a terminal does not say.
const WIDTH: usize = 100;
/// Where the words of a check begin.
const INDENT: &str = "                          ";

/// The outcome of an examination.
#[derive(Debug)]
pub struct DoctorReport<'a> {
    /// What was examined.
    pub examined: &'a Examined<'a>,
    /// What came of it.
    pub checks: &'a [Check],
    /// What to configure, where the mirror is at fault.
    pub switch: &'a [SwitchLines],
}

impl DoctorReport<'_> {
    /// How the worst check came out.
    pub fn worst(&self) -> State {
        self.checks.iter().map(|check| check.state).max().unwrap_or(State::Ok)
    }
}

/// Writes it for people.
///
/// # Errors
/// Those of `out`.
pub fn write_doctor(d: &DoctorReport<'_>, width: Option<u16>, out: &mut dyn Write) -> io::Result<()> {
    let width = width.map_or(WIDTH, usize::from).clamp(60, 120);
    for check in d.checks {
        let first = format!("{:9} {:15} ", check.state.as_str(), check.name);
        for line in prose::wrap(&check.text, &first, INDENT, width) {
            writeln!(out, "{line}")?;
        }
        if let Some(advice) = &check.advice {
            for line in prose::wrap(advice, &format!("{INDENT}-> "), &format!("{INDENT}   "), width) {
                writeln!(out, "{line}")?;
            }
        }
    }
    if !d.switch.is_empty() {
        writeln!(out, "\nOn the switch:")?;
        for SwitchLines { platform, lines } in d.switch {
            writeln!(out, "  {platform}")?;
            for line in lines {
                writeln!(out, "    {}", prose::safe(line))?;
            }
        }
    }
    let port = prose::safe(&d.examined.port.name);
    let count = |state| d.checks.iter().filter(|check| check.state == state).count();
    let conclusion = match (d.worst(), count(State::Problem)) {
        (State::Problem, 1) => format!("{port}: one problem; what phones do can not be seen like this."),
        (State::Problem, n) => format!("{port}: {n} problems; what phones do can not be seen like this."),
        (State::Warning, _) => format!("{port} shows what is needed, with the warnings above."),
        (State::Unknown, _) => format!("{port}: nothing is wrong with what was seen; what is unknown did not come up."),
        (State::Ok, _) => format!("{port} shows what is needed."),
    };
    writeln!(out, "\n{conclusion}")
}

/// Writes it as one document of schema `phonescope.doctor/1`.
///
/// # Errors
/// Those of `out`.
pub fn write_doctor_json(d: &DoctorReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (e, s) = (d.examined, d.examined.survey);
    let (both_ways, one_way) = s.directions();
    let port = Port {
        name: &e.port.name,
        link_type: e.link_type.name().into_owned(),
        is_up: e.port.is_up,
        has_link: e.port.has_link,
        mtu: e.port.mtu,
        speed_mbps: e.port.speed,
        driver: e.port.driver.as_ref().map(ToString::to_string),
        promiscuous: e.port.is_promiscuous,
        macs: e.port.macs.iter().map(ToString::to_string).collect(),
        addresses: e.port.addresses.iter().map(ToString::to_string).collect(),
    };
    let host = Host {
        libpcap: e.host.libpcap.as_ref().map(ToString::to_string),
        kernel: e.host.kernel.as_ref().map(ToString::to_string),
        clock: e.host.clock.as_ref().map(ToString::to_string),
    };
    let seen = Seen {
        seconds: e.seconds,
        frames: s.frames,
        octets: s.octets,
        peak_frames_a_second: s.peak,
        dropped_by_kernel: e.drops.kernel,
        dropped_by_port: e.drops.port,
        between_others: s.foreign,
        to_groups: s.group,
        own: s.own_frames,
        voice: s.voice,
        conversations_both_ways: both_ways,
        conversations_one_way: one_way,
        vlans: s.vlans.keys().copied().collect(),
        double_tagged: s.double_tagged,
        priority_tagged: s.priority_tagged,
        tunnels: s.tunnels.keys().copied().collect(),
        longer_than_mtu: s.longer_than_mtu,
        cut: s.cut,
        copies: e.copies,
        filter: Filter {
            in_kernel: e.proof.refused.is_none(),
            passed: e.proof.passed,
            needed: e.proof.used,
            held_back: e.proof.lost,
        },
    };
    let checks = d.checks.iter().map(|check| CheckLine {
        name: check.name,
        state: check.state.as_str(),
        text: &check.text,
        advice: check.advice.as_deref(),
    });
    let switch = d.switch.iter().map(|s| Switch { platform: s.platform, lines: &s.lines });
    let document = Document {
        schema: "phonescope.doctor/1",
        port,
        host,
        seen,
        checks: checks.collect(),
        switch: switch.collect(),
    };
    super::write_document(&document, out)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    port: Port<'a>,
    host: Host,
    seen: Seen,
    checks: Vec<CheckLine<'a>>,
    switch: Vec<Switch<'a>>,
}

#[derive(Serialize)]
struct Port<'a> {
    name: &'a str,
    link_type: String,
    is_up: Option<bool>,
    has_link: Option<bool>,
    mtu: Option<u32>,
    speed_mbps: Option<u32>,
    driver: Option<String>,
    promiscuous: Option<bool>,
    macs: Vec<String>,
    addresses: Vec<String>,
}

#[derive(Serialize)]
struct Host {
    libpcap: Option<String>,
    kernel: Option<String>,
    clock: Option<String>,
}

#[derive(Serialize)]
struct Seen {
    seconds: u64,
    frames: u64,
    octets: u64,
    peak_frames_a_second: u64,
    dropped_by_kernel: u64,
    dropped_by_port: u64,
    between_others: u64,
    to_groups: u64,
    own: u64,
    voice: u64,
    conversations_both_ways: u64,
    conversations_one_way: u64,
    vlans: Vec<u16>,
    double_tagged: u64,
    priority_tagged: u64,
    tunnels: Vec<&'static str>,
    longer_than_mtu: u64,
    cut: u64,
    copies: u64,
    filter: Filter,
}

#[derive(Serialize)]
struct Filter {
    in_kernel: bool,
    passed: u64,
    needed: u64,
    held_back: u64,
}

#[derive(Serialize)]
struct CheckLine<'a> {
    name: &'static str,
    state: &'static str,
    text: &'a str,
    advice: Option<&'a str>,
}

#[derive(Serialize)]
struct Switch<'a> {
    platform: &'static str,
    lines: &'a [String],
}
