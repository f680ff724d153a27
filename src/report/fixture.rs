//! A diagnosis made by hand, for the tests of the renderers: six phones, of which four took a wrong TFTP server.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::diagnosis::*;
use crate::event::InputSummary;
use crate::types::{FrameRef, Mac, Timestamp, WireText};

/// 2026-11-23T07:00:00Z.
const START: Timestamp = Timestamp(1_795_417_200_000_000_000);

/// The time so many milliseconds after the start.
pub(super) fn at(millis: u64) -> Timestamp {
    START.plus(Duration::from_millis(millis))
}

pub(super) fn frame(frame: u64) -> FrameRef {
    FrameRef { input: 0, frame }
}

fn ip(d: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 30, 0, d)
}

pub(super) fn mac(n: usize) -> Mac {
    let n = u32::try_from(n).unwrap().to_be_bytes();
    Mac([0x00, 0x30, 0x94, n[1], n[2], n[3]])
}

pub(super) fn input() -> InputSummary {
    InputSummary {
        path: "mixed-site.pcap".into(),
        format: "pcap".into(),
        link_types: vec!["EN10MB".into()],
        packets: 812,
        bytes: 73514,
        first: Some(at(0)),
        last: Some(at(252_000)),
        ..InputSummary::default()
    }
}

/// A phone whose file server is `tftp`; the good one is 10.30.0.5.
pub(super) fn phone(i: usize, tftp: Ipv4Addr) -> PhoneReport {
    let good = tftp == ip(5);
    PhoneReport {
        mac: mac(i),
        name: Some(mac(i).device_name().as_str().into()),
        model: Some("7960".to_owned()),
        ip: Some(Ipv4Addr::new(10, 50, 0, 10 + u8::try_from(i % 200).unwrap()).into()),
        vlan: Some(110),
        dhcp_server: Some(ip(2).into()),
        lease_tftp: vec![tftp.to_string().as_str().into()],
        tftp_source: Some(TftpSource::Option150),
        offers: vec![Offer {
            server: ip(2).into(),
            tftp: vec![tftp.to_string().as_str().into()],
            at: frame(2),
            chosen: true,
        }],
        tftp_servers: vec![tftp.into()],
        files: vec![FileFetch {
            name: "OS79XX.TXT".into(),
            server: tftp.into(),
            transport: Transport::Tftp,
            outcome: Outcome::Served,
            bytes: 13,
            at: frame(7),
            time: at(1200),
        }],
        load: LoadReport {
            running: Some(if good { "P00303020214".into() } else { "P00305000301".into() }),
            running_source: Some("alarm"),
            ..LoadReport::default()
        },
        registration: Registration {
            state: if good { RegistrationState::Registered } else { RegistrationState::Rejected },
            protocol: Some("sccp"),
            call_manager: Some(ip(10).into()),
            reject_text: (!good).then(|| "Error: DB Config".into()),
            device_type: Some(7),
            attempts: 1,
            ..Registration::default()
        },
        cluster_expected: Some("hq-3.0".to_owned()),
        cluster_tftp: good.then(|| "hq-3.0".to_owned()),
        cluster_registered: good.then(|| "hq-3.0".to_owned()),
        step: BootStep::Registration(match good {
            true => RegistrationState::Registered,
            false => RegistrationState::Rejected,
        }),
        step_since: Some(Moment { time: at(3000), at: frame(30) }),
        last: Some(at(3000)),
        verdict: if good { Verdict::Healthy } else { Verdict::Finding(Code::WrongTftpServer) },
        findings: if good { vec![] } else { vec![0, 1] },
        timeline: vec![TimelineEntry {
            time: at(1000),
            at: frame(2),
            kind: TimelineKind::Dhcp,
            text: "OFFER".to_owned(),
        }],
        ladder: vec![],
        narrative: format!("The phone asks {tftp} for its files (frame 7)."),
        traces: Default::default(),
        wanted: Default::default(),
    }
}

/// A finding without anything that a test does not need.
pub(super) fn finding(code: Code, severity: Severity, phones: Vec<Mac>) -> Finding {
    Finding {
        code,
        severity,
        servers: Vec::new(),
        confidence: Confidence::Certain,
        phones,
        title: format!("the title of {code}"),
        summary: format!("The summary of {code}."),
        facts: vec![],
        phone_facts: BTreeMap::new(),
        caused_by: None,
        evidence: vec![Evidence { at: frame(9), time: at(9), text: format!("the evidence of {code}") }],
        fixes: vec![],
    }
}

/// Six phones: four with the wrong TFTP server and therefore rejected, two healthy; one warning.
pub(super) fn mixed_site() -> Diagnosis<'static> {
    let ill: Vec<Mac> = (0..4).map(mac).collect();
    let wrong = Finding {
        title: "10.1.1.9 is the wrong TFTP server".to_owned(),
        summary: "The lease of 10.30.0.2 names 10.1.1.9 as TFTP server (option 150). The site file says 10.30.0.5. \
                  The phones take load P00305000301 from there, which CallManager 10.30.0.10 does not accept."
            .to_owned(),
        facts: vec![
            ("tftp_used", Fact::Text("10.1.1.9".into())),
            ("tftp_right", Fact::List(vec![Fact::Text("10.30.0.5".into())])),
            ("load_taken", Fact::Null),
            ("other", Fact::Table(vec![("n", Fact::Number(3)), ("yes", Fact::Flag(true))])),
        ],
        phone_facts: [(mac(0), vec![("source", Fact::Text("option150".into()))])].into(),
        evidence: vec![
            Evidence { at: frame(14), time: at(1003), text: "OFFER from 10.30.0.2, option 150 10.1.1.9".to_owned() },
            Evidence { at: frame(19), time: at(1450), text: "read request to 10.1.1.9".to_owned() },
        ],
        fixes: vec![
            Fix::new(FixKind::SetDhcpOption, FixTarget::DhcpServer, "name the right TFTP server")
                .on(Platform::Ios)
                .step("On 10.30.0.2 change option 150 of the voice pool to 10.30.0.5.")
                .step("Restart the phones.")
                .config("ip dhcp pool VOICE\n option 150 ip 10.30.0.5\n")
                .undo("option 150 ip 10.1.1.9")
                .verify("The next ACK names 10.30.0.5."),
            Fix::new(FixKind::SetDhcpOption, FixTarget::DhcpServer, "name the right TFTP server")
                .on(Platform::Kea)
                .step("Change tftp-servers.")
                .config("{\"code\": 150}")
                .verify("The next ACK names 10.30.0.5."),
        ],
        ..finding(Code::WrongTftpServer, Severity::Error, ill.clone())
    };
    let rejected = Finding {
        title: "10.30.0.10 rejects the phones".to_owned(),
        caused_by: Some(0),
        ..finding(Code::RegistrationRejected, Severity::Error, ill)
    };
    let warning = finding(Code::TftpOptionsDisagree, Severity::Warning, vec![mac(5)]);
    Diagnosis {
        site: Some("site.toml".to_owned()),
        inputs: vec![input()],
        coverage: Coverage {
            dhcp: Directions::BothWays,
            tftp: Directions::OneWay,
            notes: vec!["No answer of the TFTP server is in the capture.".to_owned()],
            ..Coverage::default()
        },
        servers: Servers {
            dhcp: vec![DhcpServer {
                ip: ip(2).into(),
                offers: 6,
                acks: 6,
                naks: 0,
                phones: 6,
                tftp: vec!["10.1.1.9".into(), "10.30.0.5".into()],
                cluster: None,
            }],
            tftp: vec![TftpServer {
                ip: ip(5).into(),
                phones: 2,
                served: 8,
                missing: 1,
                silent: 0,
                cluster: Some("hq-3.0".to_owned()),
            }],
            call_managers: vec![CallManager {
                ip: ip(10).into(),
                registered: 2,
                rejected: 4,
                refused: 0,
                silent: 0,
                cluster: Some("hq-3.0".to_owned()),
            }],
        },
        findings: vec![wrong, rejected, warning],
        what_if: Vec::new(),
        phone_count: 6,
        other_dhcp_clients: 3,
        make_phone: Box::new(|i, _| phone(i, if i < 4 { Ipv4Addr::new(10, 1, 1, 9) } else { ip(5) })),
    }
}

/// No phone at all.
pub(super) fn nothing() -> Diagnosis<'static> {
    Diagnosis {
        site: None,
        inputs: vec![input()],
        coverage: Coverage::default(),
        servers: Servers::default(),
        findings: vec![],
        what_if: Vec::new(),
        phone_count: 0,
        other_dhcp_clients: 0,
        make_phone: Box::new(|_, _| unreachable!("there is no phone")),
    }
}

/// What a hostile network could send.
pub(super) const HOSTILE: &str = "a\x1b]0;x\x07\x1b[2J\u{202e}b\u{9b}c\u{200b}\r\n=cmd|'/c calc'!A1\u{e0041}";

/// A diagnosis with hostile text everywhere that text from the network can be.
pub(super) fn hostile() -> Diagnosis<'static> {
    let text = || WireText::from(HOSTILE);
    let mut d = mixed_site();
    for input in &mut d.inputs {
        input.path = text();
        input.format = text();
        input.link_types = vec![text()];
        input.problem = Some(text());
    }
    for server in &mut d.servers.dhcp {
        server.tftp = vec![text()];
    }
    for finding in &mut d.findings {
        finding.facts = vec![("file", Fact::Text(text())), ("list", Fact::List(vec![Fact::Text(text())]))];
        finding.phone_facts = [(mac(0), vec![("file", Fact::Text(text()))])].into();
    }
    d.make_phone = Box::new(move |i, _| {
        let mut p = phone(i, ip(5));
        p.name = Some(text());
        p.lease_tftp = vec![text()];
        p.offers[0].tftp = vec![text()];
        p.files[0].name = text();
        p.load = LoadReport {
            running: Some(text()),
            running_source: Some("alarm"),
            configured: Some(text()),
            fetched: Some(text()),
            wanted_by_call_manager: Some(text()),
        };
        p.registration.reject_text = Some(text());
        p.registration.reject_meaning = Some(text());
        p.registration.last_reason = Some(text());
        p
    });
    d
}
