//! Numbers for Prometheus: the text exposition format, version 0.0.4.
//!
//! Names and labels are a promise (`docs/service.md`). Counters count since the state began, and go on over a restart.
//! Of findings and phones no label grows with the network: a code, a severity, a state; DHCP servers are bounded where
//! they are counted (`measures.rs`). Values of labels are escaped, whoever chose them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use crate::diagnosis::{Code, Diagnosis, PhoneReport, RegistrationState};
use crate::measures::{Measures, OTHERS, WayUp};
use crate::types::{Timestamp, WireText};

/// How phones stand: gathered while the phones of a diagnosis are looked at for what changed.
#[derive(Clone, Debug, Default)]
pub struct PhoneCounts {
    states: BTreeMap<&'static str, u64>,
    verdicts: BTreeMap<&'static str, u64>,
}

impl PhoneCounts {
    /// Counts a phone.
    pub fn add(&mut self, phone: &PhoneReport) {
        *self.states.entry(phone.registration.state.as_str()).or_default() += 1;
        *self.verdicts.entry(phone.verdict.as_str()).or_default() += 1;
    }
}

/// Findings of one code and severity.
#[derive(Clone, Copy, Debug, Default)]
struct FindingCount {
    findings: u64,
    phones: u64,
}

/// One port since the program began, or since the state began where there is one.
#[derive(Clone, Debug)]
struct PortNumbers {
    name: WireText,
    frames: u64,
    octets: u64,
    cut: u64,
    copies: u64,
    last: Option<Timestamp>,
}

/// What a diagnosis counts.
#[derive(Clone, Debug, Default)]
pub struct DiagnosisNumbers {
    phones: PhoneCounts,
    findings: BTreeMap<(Code, &'static str), FindingCount>,
    ports: Vec<PortNumbers>,
    other_dhcp_clients: u64,
    limits_reached: u64,
}

impl DiagnosisNumbers {
    /// The numbers of a diagnosis, with those of its phones.
    pub fn new(d: &Diagnosis<'_>, phones: PhoneCounts) -> DiagnosisNumbers {
        let mut findings: BTreeMap<_, FindingCount> = BTreeMap::new();
        for finding in &d.findings {
            let count = findings.entry((finding.code, finding.severity.as_str())).or_default();
            count.findings += 1;
            count.phones += finding.phones.len() as u64;
        }
        let ports = d.inputs.iter().map(|i| PortNumbers {
            name: i.path.clone(),
            frames: i.packets,
            octets: i.bytes,
            cut: i.cut_frames,
            copies: i.duplicate_frames,
            last: i.last,
        });
        DiagnosisNumbers {
            phones,
            findings,
            ports: ports.collect(),
            other_dhcp_clients: d.other_dhcp_clients,
            limits_reached: d.coverage.limits_reached.len() as u64,
        }
    }
}

/// Frames dropped at a port, by whom.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct PortDrops {
    pub port: WireText,
    pub kernel: u64,
    pub interface: u64,
}

/// Alerts of one way to send them.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct AlertCounts {
    pub channel: &'static str,
    pub sent: u64,
    pub failed: u64,
    pub dropped: u64,
}

/// What the program says of itself.
#[derive(Clone, Debug, Default)]
pub struct ServiceNumbers {
    /// When it began.
    pub started: Timestamp,
    /// What its last diagnosis took.
    pub diagnose_time: Duration,
    /// Diagnoses made.
    pub diagnoses: u64,
    /// Drops of this run.
    pub drops: Vec<PortDrops>,
    #[allow(missing_docs)]
    pub alerts: Vec<AlertCounts>,
    /// When the state was written last; `None`: not at all.
    pub state_saved: Option<Timestamp>,
    /// What that took.
    pub state_save_time: Duration,
    /// Reloads of the site file that failed, and that did not.
    pub reloads: (u64, u64),
}

const STATES: [RegistrationState; 7] = [
    RegistrationState::Registered,
    RegistrationState::Rejected,
    RegistrationState::Refused,
    RegistrationState::NoAnswer,
    RegistrationState::Closed,
    RegistrationState::Unregistered,
    RegistrationState::NotSeen,
];

/// Writes all of it.
///
/// # Errors
/// Those of `out`.
pub fn write_metrics(
    d: &DiagnosisNumbers,
    measures: &Measures,
    forgotten_phones: u64,
    service: &ServiceNumbers,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page { out };
    page.family("phonescope_build_info", Kind::Gauge, "The version, as a label.")?;
    page.sample("phonescope_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1)?;
    page.family("phonescope_start_time_seconds", Kind::Gauge, "When the program began.")?;
    page.sample("phonescope_start_time_seconds", &[], seconds_of(service.started))?;
    phones(&mut page, d, forgotten_phones)?;
    findings(&mut page, d)?;
    measured(&mut page, measures)?;
    ports(&mut page, d, service)?;
    itself(&mut page, service)
}

fn phones(page: &mut Page<'_>, d: &DiagnosisNumbers, forgotten: u64) -> io::Result<()> {
    page.family("phonescope_phones", Kind::Gauge, "Phones by the state of their last registration attempt.")?;
    for state in STATES.map(RegistrationState::as_str) {
        page.sample("phonescope_phones", &[("state", state)], d.phones.states.get(state).copied().unwrap_or(0))?;
    }
    let name = "phonescope_phones_by_verdict";
    page.family(name, Kind::Gauge, "Phones by their verdict: healthy, incomplete, or the code of the root cause.")?;
    for verdict in ["healthy", "incomplete"] {
        page.sample(name, &[("verdict", verdict)], d.phones.verdicts.get(verdict).copied().unwrap_or(0))?;
    }
    for (verdict, count) in d.phones.verdicts.iter().filter(|(v, _)| !matches!(**v, "healthy" | "incomplete")) {
        page.sample(name, &[("verdict", verdict)], *count)?;
    }
    page.family(
        "phonescope_phones_forgotten_total",
        Kind::Counter,
        "Phones that left since they were not seen for long.",
    )?;
    page.sample("phonescope_phones_forgotten_total", &[], forgotten)?;
    page.family("phonescope_other_dhcp_clients", Kind::Gauge, "DHCP clients that are no phones.")?;
    page.sample("phonescope_other_dhcp_clients", &[], d.other_dhcp_clients)
}

fn findings(page: &mut Page<'_>, d: &DiagnosisNumbers) -> io::Result<()> {
    page.family("phonescope_findings", Kind::Gauge, "Findings by code and severity.")?;
    for ((code, severity), count) in &d.findings {
        page.sample("phonescope_findings", &[("code", code.as_str()), ("severity", severity)], count.findings)?;
    }
    page.family("phonescope_finding_phones", Kind::Gauge, "Phones that have a finding, by code and severity.")?;
    for ((code, severity), count) in &d.findings {
        page.sample("phonescope_finding_phones", &[("code", code.as_str()), ("severity", severity)], count.phones)?;
    }
    page.family("phonescope_limits_reached", Kind::Gauge, "Bounds that were reached, as the report's coverage says.")?;
    page.sample("phonescope_limits_reached", &[], d.limits_reached)
}

fn measured(page: &mut Page<'_>, measures: &Measures) -> io::Result<()> {
    page.family("phonescope_events_total", Kind::Counter, "Decoded messages by type, copies not counted.")?;
    for (kind, count) in &measures.events {
        page.sample("phonescope_events_total", &[("type", kind)], *count)?;
    }
    for (name, help, of) in [
        ("phonescope_dhcp_offers_total", "DHCP offers by server.", 0),
        ("phonescope_dhcp_acks_total", "DHCP acknowledgements by server.", 1),
        ("phonescope_dhcp_naks_total", "DHCP refusals by server.", 2),
    ] {
        page.family(name, Kind::Counter, help)?;
        for (server, answers) in &measures.dhcp {
            let server = if *server == OTHERS { "other".to_owned() } else { server.to_string() };
            let count = [answers.offers, answers.acks, answers.naks].get(of).copied().unwrap_or(0);
            page.sample(name, &[("server", &server)], count)?;
        }
    }
    for (name, help, count) in [
        ("phonescope_boots_total", "Boots of phones that were seen to begin.", measures.boots),
        ("phonescope_registrations_total", "Registrations that CallManagers took.", measures.registrations),
        ("phonescope_rejections_total", "Registrations that CallManagers rejected.", measures.rejections),
    ] {
        page.family(name, Kind::Counter, help)?;
        page.sample(name, &[], count)?;
    }
    way_up(page, &measures.way_up)
}

fn way_up(page: &mut Page<'_>, way: &WayUp) -> io::Result<()> {
    let name = "phonescope_offer_to_registration_seconds";
    page.family(name, Kind::Histogram, "From the first DHCP offer of a boot to its registration.")?;
    let bucket = format!("{name}_bucket");
    let mut below = 0;
    for (bound, count) in WayUp::BOUNDS.iter().zip(way.counts) {
        below += count;
        page.sample(&bucket, &[("le", &bound.to_string())], below)?;
    }
    page.sample(&bucket, &[("le", "+Inf")], way.count())?;
    page.sample(&format!("{name}_sum"), &[], seconds(way.sum))?;
    page.sample(&format!("{name}_count"), &[], way.count())
}

fn ports(page: &mut Page<'_>, d: &DiagnosisNumbers, service: &ServiceNumbers) -> io::Result<()> {
    type Of = fn(&PortNumbers) -> u64;
    let families: [(&str, &str, Of); 4] = [
        ("phonescope_frames_total", "Frames taken in.", |p| p.frames),
        ("phonescope_octets_total", "Octets of these frames that were captured.", |p| p.octets),
        ("phonescope_frames_cut_total", "Frames that the snap length cut.", |p| p.cut),
        ("phonescope_frame_copies_total", "Frames that are copies of another one, as mirrors make them.", |p| p.copies),
    ];
    for (name, help, of) in families {
        page.family(name, Kind::Counter, help)?;
        for port in &d.ports {
            page.sample(name, &[("port", port.name.raw())], of(port))?;
        }
    }
    let name = "phonescope_frames_dropped_total";
    page.family(name, Kind::Counter, "Frames dropped since the program began: by the kernel, by the port itself.")?;
    for drops in &service.drops {
        for (by, count) in [("kernel", drops.kernel), ("port", drops.interface)] {
            page.sample(name, &[("port", drops.port.raw()), ("by", by)], count)?;
        }
    }
    let name = "phonescope_last_frame_timestamp_seconds";
    page.family(name, Kind::Gauge, "When the latest frame came.")?;
    for (port, last) in d.ports.iter().filter_map(|p| Some((p, p.last?))) {
        page.sample(name, &[("port", port.name.raw())], seconds_of(last))?;
    }
    Ok(())
}

fn itself(page: &mut Page<'_>, service: &ServiceNumbers) -> io::Result<()> {
    page.family("phonescope_diagnose_seconds", Kind::Gauge, "What the last diagnosis took.")?;
    page.sample("phonescope_diagnose_seconds", &[], seconds(service.diagnose_time))?;
    page.family("phonescope_diagnoses_total", Kind::Counter, "Diagnoses made since the program began.")?;
    page.sample("phonescope_diagnoses_total", &[], service.diagnoses)?;
    let name = "phonescope_alerts_total";
    page.family(
        name,
        Kind::Counter,
        "Alerts by the way they go: sent, given up after all tries, dropped from a full queue.",
    )?;
    for alerts in &service.alerts {
        for (outcome, count) in [("sent", alerts.sent), ("failed", alerts.failed), ("dropped", alerts.dropped)] {
            page.sample(name, &[("channel", alerts.channel), ("outcome", outcome)], count)?;
        }
    }
    let name = "phonescope_site_reloads_total";
    page.family(name, Kind::Counter, "Times that the site file was read again.")?;
    for (outcome, count) in [("failed", service.reloads.0), ("taken", service.reloads.1)] {
        page.sample(name, &[("outcome", outcome)], count)?;
    }
    if let Some(saved) = service.state_saved {
        page.family("phonescope_state_saved_timestamp_seconds", Kind::Gauge, "When the state was written last.")?;
        page.sample("phonescope_state_saved_timestamp_seconds", &[], seconds_of(saved))?;
        page.family("phonescope_state_save_seconds", Kind::Gauge, "What writing the state took.")?;
        page.sample("phonescope_state_save_seconds", &[], seconds(service.state_save_time))?;
    }
    Ok(())
}

/// Seconds with nine digits behind the point, without rounding.
fn seconds(duration: Duration) -> String {
    format!("{}.{:09}", duration.as_secs(), duration.subsec_nanos())
}

fn seconds_of(time: Timestamp) -> String {
    seconds(time.since(Timestamp::default()))
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

struct Page<'a> {
    out: &'a mut dyn Write,
}

impl Page<'_> {
    fn family(&mut self, name: &str, kind: Kind, help: &str) -> io::Result<()> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) -> io::Result<()> {
        write!(self.out, "{name}")?;
        for (i, (label, text)) in labels.iter().enumerate() {
            write!(self.out, "{}{label}=\"{}\"", if i == 0 { '{' } else { ',' }, escaped(text))?;
        }
        writeln!(self.out, "{} {value}", if labels.is_empty() { "" } else { "}" })
    }
}

/// The value of a label: what the format asks to be escaped, and no control character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
