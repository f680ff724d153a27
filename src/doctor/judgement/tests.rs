use super::*;
use crate::doctor::Survey;
use crate::types::Mac;
use crate::wire::frame::build;

const OWN: [u8; 6] = [2, 0, 0, 0, 0, 9];
const PHONE: [u8; 6] = [0, 0x30, 0x94, 0, 0, 1];
const SERVER: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn port() -> PortFacts {
    PortFacts {
        name: "eth1".into(),
        is_up: Some(true),
        has_link: Some(true),
        macs: vec![Mac(OWN)],
        mtu: Some(1500),
        is_promiscuous: Some(true),
        ..PortFacts::default()
    }
}

/// The states of the checks by name, for a survey of these frames.
fn judged(frames: &[Vec<u8>], change: impl FnOnce(&mut Examined<'_>)) -> Vec<Check> {
    let (port, host) = (port(), HostFacts::default());
    let mut survey = Survey::new(port.macs.clone(), port.mtu);
    for data in frames {
        survey.handle_frame(&build::frame(1, data));
    }
    let proof = Proof { passed: 1, used: 1, ..Proof::default() };
    let mut examined = Examined {
        port: &port,
        host: &host,
        link_type: LinkType::ETHERNET,
        buffer: 64 << 20,
        promiscuous: true,
        survey: &survey,
        drops: Drops::default(),
        seconds: 10,
        copies: 0,
        proof: &proof,
        notices: &[],
    };
    change(&mut examined);
    judge(&examined)
}

fn state(checks: &[Check], name: &str) -> State {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("{name}")).state
}

fn between(from: u8, to: u8) -> Vec<u8> {
    let ip = build::ipv4_between([10, 0, 0, from], [10, 0, 0, to], 17, &build::udp(5000, 6000, &[0x80; 20]));
    build::ethernet_between(SERVER, PHONE, 0x8100, &build::tag(110, 0x0800, &ip))
}

#[test]
fn a_mirror_of_both_directions_with_tags_is_what_is_needed() {
    let frames: Vec<Vec<u8>> = (0..60).flat_map(|n| [between(n % 10, 100), between(100, n % 10)]).collect();
    let checks = judged(&frames, |_| {});
    for name in ["link", "promiscuous", "drops", "filter", "frames", "span", "directions", "tags", "long-frames"] {
        assert_eq!(state(&checks, name), State::Ok, "{name}: {checks:?}");
    }
    assert_eq!(state(&checks, "dhcp"), State::Unknown, "no phone booted");
}

#[test]
fn a_port_that_hears_only_itself_and_broadcasts_is_no_span_port() {
    let own = build::ethernet_between(SERVER, OWN, 0x0800, &build::ipv4(17, &build::udp(1, 2, b"x")));
    let frames: Vec<Vec<u8>> = (0..50).flat_map(|_| [build::ethernet(0x0806, &[0; 46]), own.clone()]).collect();
    let checks = judged(&frames, |_| {});
    assert_eq!(state(&checks, "span"), State::Problem);
    assert_eq!(state(&checks, "tags"), State::Warning);
}

#[test]
fn one_direction_alone_is_a_problem() {
    let frames: Vec<Vec<u8>> = (0..10).flat_map(|n| vec![between(n, 100); 6]).collect();
    let check = judged(&frames, |_| {}).into_iter().find(|check| check.name == "directions").unwrap();
    assert_eq!(check.state, State::Problem);
    assert!(check.advice.unwrap().contains("both"));
}

#[test]
fn silence_is_a_problem_and_nothing_else_is_concluded_from_it() {
    let checks = judged(&[], |_| {});
    assert_eq!(state(&checks, "frames"), State::Problem);
    assert!(checks.iter().all(|check| check.name != "span" && check.name != "dhcp"));
}

#[test]
fn a_frame_that_the_filter_held_back_is_a_problem() {
    let proof = |lost, used| Proof { passed: 9, used, lost, ..Proof::default() };
    for (lost, used, expected) in [(0, 5, State::Ok), (1, 5, State::Problem), (0, 0, State::Unknown)] {
        let proof = proof(lost, used);
        let (port, host, survey) = (port(), HostFacts::default(), Survey::default());
        let examined = Examined {
            port: &port,
            host: &host,
            link_type: LinkType::ETHERNET,
            buffer: 1 << 20,
            promiscuous: true,
            survey: &survey,
            drops: Drops::default(),
            seconds: 1,
            copies: 0,
            proof: &proof,
            notices: &[],
        };
        assert_eq!(filter(&examined).state, expected, "{lost} of {used}");
    }
}

#[test]
fn port_drops_outweigh_read_drops() {
    let with = |drops| state(&judged(&[], |e| e.drops = drops), "drops");
    assert_eq!(with(Drops { kernel: 5, port: 0 }), State::Warning);
    assert_eq!(with(Drops { kernel: 0, port: 5 }), State::Problem);
}

#[test]
fn one_way_captures_are_a_problem() {
    let state = |dhcp| signalling(&Signalling { dhcp, ..Signalling::default() })[0].state;
    assert_eq!(
        [(0, 0), (3, 0), (0, 3), (3, 3)].map(state),
        [State::Unknown, State::Problem, State::Problem, State::Ok]
    );
}
