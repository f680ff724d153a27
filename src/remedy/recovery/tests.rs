//! A phone of the plan before, during and after the fix.

use std::time::Duration;

use super::*;
use crate::diagnosis::{
    Coverage, FileFetch, LoadReport, ObservedServer, ObservedSite, ObservedTftp, Outcome, Registration, Servers,
    Transport, Verdict,
};
use crate::event::InputSummary;
use crate::remedy::plan::SCHEMA;
use crate::types::FrameRef;

/// When the plan's captures ended.
const AS_OF: Timestamp = Timestamp(1_000_000_000_000);

fn at(seconds: i64) -> Timestamp {
    let apart = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { AS_OF.minus(apart) } else { AS_OF.plus(apart) }
}

fn mac(n: u8) -> Mac {
    Mac([0, 0x30, 0x94, 0, 0, n])
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn planned(n: u8) -> PlannedPhone {
    PlannedPhone {
        mac: mac(n),
        name: mac(n).device_name().as_str().into(),
        model: Some("7960".to_owned()),
        ip: None,
        vlan: None,
        cause: "wrong-tftp-server".to_owned(),
        dhcp_server: None,
        tftp_now: Some(ip("10.31.0.5")),
        tftp_right: vec![ip("10.30.0.5")],
        load_now: Some("P00303010102".into()),
        load_wanted: Some("P00303000300".into()),
        load_first: None,
        call_managers: vec![ip("10.30.0.10")],
        cluster: None,
        config_name: "SEP.cnf.xml".into(),
        config_file: None,
    }
}

fn plan(phones: &[u8]) -> Plan {
    Plan {
        schema: SCHEMA.to_owned(),
        made_from: vec![],
        as_of: Some(AS_OF),
        phones: phones.iter().map(|n| planned(*n)).collect(),
    }
}

fn fetch(server: &str, seconds: i64) -> FileFetch {
    FileFetch {
        name: "SEP.cnf.xml".into(),
        server: ip(server),
        transport: Transport::Tftp,
        outcome: Outcome::Served,
        bytes: 100,
        at: FrameRef::default(),
        time: at(seconds),
    }
}

/// A phone that boots at 10 s, asks the right server at 12 s, boots with the load at 30 s, registers at 41.5 s.
fn back(n: u8) -> PhoneReport {
    let registered = at(41).plus(Duration::from_millis(500));
    PhoneReport {
        mac: mac(n),
        dhcp_server: Some(Ipv4Addr::new(10, 30, 0, 2)),
        lease_tftp: vec!["10.30.0.5".into()],
        files: vec![fetch("10.30.0.5", 12), fetch("10.30.0.5", 32)],
        load: LoadReport { running: Some("3.0(3.0)".into()), ..LoadReport::default() },
        registration: Registration {
            state: RegistrationState::Registered,
            call_manager: Some(ip("10.30.0.10")),
            ..Registration::default()
        },
        last: Some(at(60)),
        verdict: Verdict::Healthy,
        traces: ObservedSite {
            registered: Some(ObservedServer { ip: ip("10.30.0.10"), at: FrameRef::default() }),
            tftp: Some(ObservedTftp { ip: ip("10.30.0.5"), at: FrameRef::default(), asked: true }),
            moments: ObservedTimes {
                boots: vec![at(10), at(30)],
                lease: Some(at(31)),
                tftp: Some(at(32)),
                load: Some(at(40)),
                attempt: Some(at(60)),
                registered: Some(registered),
            },
            ..ObservedSite::default()
        },
        ..PhoneReport::default()
    }
}

/// The same phone where it is still stuck.
fn stuck(n: u8) -> PhoneReport {
    let mut report = back(n);
    report.files = vec![fetch("10.31.0.5", 12)];
    report.lease_tftp = vec!["10.31.0.5".into()];
    report.load.running = Some("P00303010102".into());
    report.registration.state = RegistrationState::Rejected;
    report.verdict = Verdict::Finding(crate::diagnosis::Code::WrongTftpServer);
    report.traces.registered = None;
    report.traces.tftp = Some(ObservedTftp { ip: ip("10.31.0.5"), at: FrameRef::default(), asked: true });
    report.traces.moments.registered = None;
    report
}

fn judged(plan: &Plan, reports: Vec<PhoneReport>) -> Recovery {
    let input = InputSummary { last: Some(at(100)), ..InputSummary::default() };
    let phone_count = reports.len();
    judge(
        plan,
        &Diagnosis {
            site: None,
            inputs: vec![input],
            coverage: Coverage::default(),
            servers: Servers::default(),
            findings: vec![],
            what_if: vec![],
            phone_count,
            other_dhcp_clients: 0,
            make_phone: Box::new(move |i, _| reports[i].clone()),
        },
    )
}

fn one(report: PhoneReport) -> PhoneRecovery {
    judged(&plan(&[1]), vec![report]).phones.remove(0)
}

#[test]
fn a_phone_with_the_right_server_load_and_registration_is_back() {
    let recovery = judged(&plan(&[1]), vec![back(1)]);
    let phone = &recovery.phones[0];
    assert_eq!((phone.state, phone.left.len(), phone.verdict), (State::Recovered, 0, Some("healthy")));
    assert!(recovery.is_complete() && recovery.notes.is_empty());
    // From the boot that fetched the load, over the one that runs it.
    assert_eq!((phone.boot_at, phone.recovery_time()), (Some(at(10)), Some(Duration::from_millis(31_500))));
}

#[test]
fn boots_before_the_fix_was_applied_are_no_part_of_the_recovery() {
    let mut report = back(1);
    report.traces.moments.boots = vec![at(-5), at(2), at(5), at(10), at(30)];
    report.files = vec![fetch("10.30.0.5", -4), fetch("10.31.0.5", 3), fetch("10.31.0.5", 6), fetch("10.30.0.5", 12)];
    assert_eq!(one(report).boot_at, Some(at(10)));
    let mut report = back(1);
    report.traces.moments.boots = vec![];
    let phone = one(report);
    assert_eq!((phone.state, phone.boot_at, phone.recovery_time()), (State::Recovered, None, None));
}

#[test]
fn what_is_left_is_told_for_each_thing_that_is_wrong() {
    let phone = one(stuck(1));
    assert_eq!(phone.state, State::NotRecovered);
    assert_eq!(
        phone.left,
        [
            "It asks TFTP server 10.31.0.5, not 10.30.0.5. DHCP server 10.30.0.2 still names 10.31.0.5.",
            "It runs load P00303010102, not P00303000300.",
            "CallManager 10.30.0.10 rejects it.",
        ]
    );
    assert_eq!(phone.recovery_time(), None);
}

#[test]
fn a_phone_that_registers_on_the_wrong_path_is_not_back() {
    let mut report = back(1);
    report.traces.tftp = Some(ObservedTftp { ip: ip("10.31.0.5"), at: FrameRef::default(), asked: true });
    report.files = vec![fetch("10.31.0.5", 12)];
    let phone = one(report);
    assert_eq!(phone.state, State::NotRecovered);
    assert_eq!(
        phone.left,
        [
            "It asks TFTP server 10.31.0.5, not 10.30.0.5. It is registered with the right load all the same, as long as \
          that server has its files."
        ]
    );
    let mut report = back(1);
    report.traces.registered = Some(ObservedServer { ip: ip("10.31.0.10"), at: FrameRef::default() });
    let phone = one(report);
    assert_eq!((phone.state, phone.registration.standing), (State::NotRecovered, LoadStatus::Wrong));
    assert_eq!(phone.left, ["It is registered with 10.31.0.10, not with 10.30.0.10."]);
}

#[test]
fn not_seen_is_not_wrong() {
    let mut report = back(1);
    report.traces.tftp = None;
    report.load.running = None;
    let phone = one(report);
    assert_eq!(phone.state, State::Incomplete);
    assert_eq!(phone.left, ["It was not seen to ask a TFTP server.", "It was not seen to say which load it runs."]);
    let mut report = stuck(1);
    report.traces.tftp = Some(ObservedTftp { ip: ip("10.31.0.5"), at: FrameRef::default(), asked: false });
    report.registration.call_manager = None;
    report.load.running = None;
    let phone = one(report);
    assert_eq!((phone.state, phone.registered), (State::Incomplete, RegistrationState::NotSeen));
    assert_eq!(
        phone.left,
        [
            "It was not seen to ask a TFTP server; DHCP server 10.30.0.2 still names 10.31.0.5.",
            "It was not seen to say which load it runs.",
            "It was not seen to register.",
        ]
    );
}

#[test]
fn what_came_before_the_fix_does_not_count() {
    let mut report = stuck(1);
    report.last = Some(AS_OF);
    let phone = one(report);
    assert_eq!((phone.state, phone.server.standing, phone.left.len()), (State::NotSeen, LoadStatus::NotSeen, 1));
    // Seen since, but all that could be judged is from before.
    let mut report = stuck(1);
    let moments = &mut report.traces.moments;
    (moments.tftp, moments.load, moments.attempt, moments.lease) = (Some(AS_OF), Some(at(-1)), Some(at(-9)), None);
    assert_eq!(one(report).state, State::Incomplete);
}

#[test]
fn what_the_plan_does_not_know_is_not_asked_for() {
    let mut vague = plan(&[1]);
    vague.phones[0].load_wanted = None;
    vague.phones[0].tftp_right.clear();
    vague.phones[0].call_managers.clear();
    let phone = judged(&vague, vec![back(1)]).phones.remove(0);
    assert_eq!((phone.state, phone.load.standing), (State::Recovered, LoadStatus::NotStated));
    assert_eq!(phone.registration.standing, LoadStatus::Right);
    // But it must register, somewhere.
    let phone = judged(&vague, vec![stuck(1)]).phones.remove(0);
    assert_eq!((phone.state, phone.registration.standing), (State::NotRecovered, LoadStatus::Wrong));
}

#[test]
fn phones_keep_the_order_of_the_plan_and_others_are_omitted() {
    let recovery = judged(&plan(&[3, 1, 2]), vec![back(1), stuck(3), back(9)]);
    let states: Vec<State> = recovery.phones.iter().map(|p| p.state).collect();
    assert_eq!(states, [State::NotRecovered, State::Recovered, State::NotSeen]);
    assert!(!recovery.is_complete());
    assert_eq!(recovery.count(State::NotSeen), 1);
}

#[test]
fn captures_from_before_the_plan_are_told() {
    let mut later = plan(&[1]);
    later.as_of = Some(at(100));
    let recovery = judged(&later, vec![back(1)]);
    assert_eq!(recovery.phones[0].state, State::NotSeen);
    assert!(recovery.notes[0].starts_with("The captures end at "), "{:?}", recovery.notes);
    later.as_of = None;
    let recovery = judged(&later, vec![back(1)]);
    assert!(recovery.is_complete() && recovery.notes[0].contains("does not say when"), "{:?}", recovery.notes);
}
