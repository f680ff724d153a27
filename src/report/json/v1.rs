//! The shape of `phonescope.report/1`. Names are added, never changed in meaning; absent knowledge is `null` or an
//! empty list. The order of the fields is the order of the keys.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::what_if::WhatIf;
use crate::diagnosis as model;
use crate::event::InputSummary;
use crate::report::seen_word;
use crate::types::{FrameRef, Mac, PhoneId, Timestamp, WireText};

/// One line of NDJSON.
#[derive(Serialize)]
pub(super) struct Line<T: Serialize> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(flatten)]
    pub(super) object: T,
}

/// The document.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    schema: &'static str,
    tool: Tool,
    site: Option<&'a str>,
    inputs: Vec<Input<'a>>,
    coverage: Coverage<'a>,
    servers: Servers<'a>,
    phones: Phones<'a>,
    findings: Findings<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    what_if: Vec<WhatIf<'a>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(d: &'a model::Diagnosis<'_>) -> Report<'a> {
        let c = &d.coverage;
        Report {
            schema: "phonescope.report/1",
            tool: Tool { name: "phonescope", version: env!("CARGO_PKG_VERSION") },
            site: d.site.as_deref(),
            inputs: d.inputs.iter().enumerate().map(|(id, input)| Input::new(id, input)).collect(),
            coverage: Coverage {
                dhcp: seen_word(c.dhcp),
                tftp: seen_word(c.tftp),
                registration: seen_word(c.registration),
                cdp_lldp: seen_word(c.cdp_lldp),
                cut_frames: c.cut_frames,
                duplicate_frames: c.duplicate_frames,
                limits_reached: &c.limits_reached,
                notes: &c.notes,
            },
            servers: Servers::new(&d.servers),
            phones: Phones(d),
            findings: Findings(&d.findings),
            what_if: d.what_if.iter().map(WhatIf::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// An input.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    id: usize,
    path: &'a WireText,
    format: &'a WireText,
    link_types: &'a [WireText],
    packets: u64,
    bytes: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    dropped: Option<u64>,
    problem: Option<&'a WireText>,
}

impl<'a> Input<'a> {
    pub(super) fn new(id: usize, input: &'a InputSummary) -> Input<'a> {
        Input {
            id,
            path: &input.path,
            format: &input.format,
            link_types: &input.link_types,
            packets: input.packets,
            bytes: input.bytes,
            first: input.first,
            last: input.last,
            dropped: input.dropped,
            problem: input.problem.as_ref(),
        }
    }
}

#[derive(Serialize)]
struct Coverage<'a> {
    dhcp: &'static str,
    tftp: &'static str,
    registration: &'static str,
    cdp_lldp: &'static str,
    cut_frames: u64,
    duplicate_frames: u64,
    limits_reached: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct Servers<'a> {
    dhcp: Vec<DhcpServer<'a>>,
    tftp: Vec<TftpServer<'a>>,
    call_managers: Vec<CallManager<'a>>,
}

impl<'a> Servers<'a> {
    fn new(servers: &'a model::Servers) -> Servers<'a> {
        Servers {
            dhcp: servers
                .dhcp
                .iter()
                .map(|s| DhcpServer {
                    ip: s.ip,
                    offers: s.offers,
                    acks: s.acks,
                    naks: s.naks,
                    phones: s.phones,
                    tftp: &s.tftp,
                    cluster: s.cluster.as_deref(),
                })
                .collect(),
            tftp: servers
                .tftp
                .iter()
                .map(|s| TftpServer {
                    ip: s.ip,
                    phones: s.phones,
                    served: s.served,
                    missing: s.missing,
                    silent: s.silent,
                    cluster: s.cluster.as_deref(),
                })
                .collect(),
            call_managers: servers
                .call_managers
                .iter()
                .map(|s| CallManager {
                    ip: s.ip,
                    registered: s.registered,
                    rejected: s.rejected,
                    refused: s.refused,
                    silent: s.silent,
                    cluster: s.cluster.as_deref(),
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct DhcpServer<'a> {
    ip: IpAddr,
    offers: u64,
    acks: u64,
    naks: u64,
    phones: u64,
    tftp: &'a [WireText],
    cluster: Option<&'a str>,
}

#[derive(Serialize)]
struct TftpServer<'a> {
    ip: IpAddr,
    phones: u64,
    served: u64,
    missing: u64,
    silent: u64,
    cluster: Option<&'a str>,
}

#[derive(Serialize)]
struct CallManager<'a> {
    ip: IpAddr,
    registered: u64,
    rejected: u64,
    refused: u64,
    silent: u64,
    cluster: Option<&'a str>,
}

/// The phones, each made when its turn to be written comes.
struct Phones<'a>(&'a model::Diagnosis<'a>);

impl Serialize for Phones<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = s.serialize_seq(Some(self.0.phone_count))?;
        for phone in self.0.phones(model::Detail::Timeline) {
            seq.serialize_element(&Phone::new(&phone))?;
        }
        seq.end()
    }
}

/// A phone.
#[derive(Serialize)]
pub(super) struct Phone<'a> {
    mac: Option<Mac>,
    name: Option<&'a WireText>,
    model: Option<&'a str>,
    ip: Option<IpAddr>,
    vlan: Option<u16>,
    dhcp: Dhcp<'a>,
    tftp: Tftp<'a>,
    load: Load<'a>,
    registration: Registration<'a>,
    cluster: Cluster<'a>,
    verdict: &'static str,
    findings: &'a [usize],
    timeline: Vec<TimelineEntry<'a>>,
}

impl<'a> Phone<'a> {
    pub(super) fn new(p: &'a model::PhoneReport) -> Phone<'a> {
        let r = &p.registration;
        Phone {
            mac: p.mac.known(),
            name: p.name.as_ref(),
            model: p.model.as_deref(),
            ip: p.ip,
            vlan: p.vlan,
            dhcp: Dhcp {
                server: p.dhcp_server,
                tftp: &p.lease_tftp,
                // A server that no lease names has no source in the lease.
                tftp_source: p.tftp_source.filter(|s| *s != model::TftpSource::Manual).map(model::TftpSource::as_str),
                offers: p
                    .offers
                    .iter()
                    .map(|o| Offer {
                        server: o.server,
                        tftp: &o.tftp,
                        input: o.at.input,
                        frame: o.at.frame,
                        chosen: o.chosen,
                    })
                    .collect(),
            },
            tftp: Tftp { servers: &p.tftp_servers, files: p.files.iter().map(File::new).collect() },
            load: Load {
                running: p.load.running.as_ref(),
                running_source: p.load.running_source,
                configured: p.load.configured.as_ref(),
                fetched: p.load.fetched.as_ref(),
                wanted_by_call_manager: p.load.wanted_by_call_manager.as_ref(),
            },
            registration: Registration {
                state: r.state.as_str(),
                protocol: r.protocol,
                call_manager: r.call_manager,
                reject_text: r.reject_text.as_ref(),
                device_type: r.device_type,
                attempts: r.attempts,
                last_reason: r.last_reason.as_ref(),
            },
            cluster: Cluster {
                expected: p.cluster_expected.as_deref(),
                tftp: p.cluster_tftp.as_deref(),
                registered: p.cluster_registered.as_deref(),
            },
            verdict: p.verdict.as_str(),
            findings: &p.findings,
            timeline: p
                .timeline
                .iter()
                .map(|t| TimelineEntry {
                    time: t.time,
                    input: t.at.input,
                    frame: t.at.frame,
                    kind: t.kind.as_str(),
                    text: &t.text,
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct Dhcp<'a> {
    server: Option<IpAddr>,
    tftp: &'a [WireText],
    tftp_source: Option<&'static str>,
    offers: Vec<Offer<'a>>,
}

#[derive(Serialize)]
struct Offer<'a> {
    server: IpAddr,
    tftp: &'a [WireText],
    input: u32,
    frame: u64,
    chosen: bool,
}

#[derive(Serialize)]
struct Tftp<'a> {
    servers: &'a [IpAddr],
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    name: &'a WireText,
    server: IpAddr,
    transport: &'static str,
    outcome: &'static str,
    bytes: u64,
    input: u32,
    frame: u64,
}

impl<'a> File<'a> {
    fn new(f: &'a model::FileFetch) -> File<'a> {
        File {
            name: &f.name,
            server: f.server,
            transport: match f.transport {
                model::Transport::Tftp => "tftp",
                model::Transport::Http => "http",
            },
            outcome: f.outcome.as_str(),
            bytes: f.bytes,
            input: f.at.input,
            frame: f.at.frame,
        }
    }
}

#[derive(Serialize)]
struct Load<'a> {
    running: Option<&'a WireText>,
    running_source: Option<&'static str>,
    configured: Option<&'a WireText>,
    fetched: Option<&'a WireText>,
    wanted_by_call_manager: Option<&'a WireText>,
}

#[derive(Serialize)]
struct Registration<'a> {
    state: &'static str,
    protocol: Option<&'static str>,
    call_manager: Option<IpAddr>,
    reject_text: Option<&'a WireText>,
    device_type: Option<u32>,
    attempts: u32,
    last_reason: Option<&'a WireText>,
}

#[derive(Serialize)]
struct Cluster<'a> {
    expected: Option<&'a str>,
    tftp: Option<&'a str>,
    registered: Option<&'a str>,
}

#[derive(Serialize)]
struct TimelineEntry<'a> {
    time: Timestamp,
    input: u32,
    frame: u64,
    kind: &'static str,
    text: &'a str,
}

/// The findings, each converted when its turn comes.
struct Findings<'a>(&'a [model::Finding]);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(Finding::new))
    }
}

/// A finding.
#[derive(Serialize)]
pub(super) struct Finding<'a> {
    code: model::Code,
    severity: &'static str,
    confidence: &'static str,
    phones: &'a [PhoneId],
    title: &'a str,
    summary: &'a str,
    facts: Facts<'a>,
    phone_facts: PhoneFacts<'a>,
    caused_by: Option<usize>,
    evidence: Vec<Evidence<'a>>,
    wireshark_filter: String,
    fixes: Vec<Fix<'a>>,
}

impl<'a> Finding<'a> {
    pub(super) fn new(f: &'a model::Finding) -> Finding<'a> {
        Finding {
            code: f.code,
            severity: f.severity.as_str(),
            confidence: f.confidence.as_str(),
            phones: &f.phones,
            title: &f.title,
            summary: &f.summary,
            facts: Facts(&f.facts),
            phone_facts: PhoneFacts(&f.phone_facts),
            caused_by: f.caused_by,
            evidence: f.evidence.iter().map(Evidence::new).collect(),
            wireshark_filter: f.wireshark_filter(),
            fixes: f.fixes.iter().map(Fix::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct Evidence<'a> {
    input: u32,
    frame: u64,
    time: Timestamp,
    text: &'a str,
}

impl<'a> Evidence<'a> {
    fn new(e: &'a model::Evidence) -> Evidence<'a> {
        let FrameRef { input, frame } = e.at;
        Evidence { input, frame, time: e.time, text: &e.text }
    }
}

#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    role: &'static str,
    #[serde(rename = "where")]
    target: &'static str,
    platform: &'static str,
    steps: &'a [String],
    config: Option<&'a str>,
    undo: Option<&'a str>,
    verify: &'a str,
}

impl<'a> Fix<'a> {
    fn new(f: &'a model::Fix) -> Fix<'a> {
        Fix {
            title: &f.title,
            role: f.role.as_str(),
            target: f.target.as_str(),
            platform: f.platform.as_str(),
            steps: &f.steps,
            config: f.config.as_deref(),
            undo: f.undo.as_deref(),
            verify: &f.verify,
        }
    }
}

/// Facts as an object, in their order.
struct Facts<'a>(&'a [(&'static str, model::Fact)]);

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        for (name, fact) in self.0 {
            map.serialize_entry(name, &Fact(fact))?;
        }
        map.end()
    }
}

/// The facts of each phone, by its MAC; by its name, where several have one MAC.
struct PhoneFacts<'a>(&'a BTreeMap<PhoneId, model::Facts>);

impl Serialize for PhoneFacts<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_map(self.0.iter().map(|(phone, facts)| (phone.to_string(), Facts(facts))))
    }
}

struct Fact<'a>(&'a model::Fact);

impl Serialize for Fact<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            model::Fact::Null => s.serialize_none(),
            model::Fact::Text(text) => text.serialize(s),
            model::Fact::Number(n) => s.serialize_u64(*n),
            model::Fact::Flag(b) => s.serialize_bool(*b),
            model::Fact::List(list) => s.collect_seq(list.iter().map(Fact)),
            model::Fact::Table(table) => Facts(table).serialize(s),
        }
    }
}
