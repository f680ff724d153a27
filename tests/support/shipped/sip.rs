//! Registration over SIP: which answers reach the phone.

use super::super::capture_file::{Order, Resolution, pcap};
use super::super::handset::{Handset, Lease};
use super::super::phone_config::PhoneConfig;
use super::super::scene::Scene;
use super::super::sip::Sip;
use super::super::tunnel::LINK_ETHERNET;
use super::*;

const REGISTRAR: &str = "10.30.0.10";
const PHONE: &str = "10.30.110.20";
/// Where the phone sends from; its Via names 5060.
const HIGH: u16 = 49_470;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "sip-answers-astray/fires-source-port.pcap",
        what: "The Via of each REGISTER names port 5060; the 401 goes to the source port 49470, and the phone starts over.",
        expect: &[(A, "sip-answers-astray", NO_ANSWER)],
        site: None,
        build: || registers(false, HIGH, false),
    },
    Shipped {
        path: "sip-answers-astray/silent-rport.pcap",
        what: "The Via asks for the source port (rport); 401 and 200 go there, and the phone is registered.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || registers(true, HIGH, true),
    },
    Shipped {
        path: "sip-answers-astray/silent-via-port.pcap",
        what: "REGISTER leaves from port 49470; 401 and 200 go to port 5060, which the Via names.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || registers(false, 5060, true),
    },
    Shipped {
        path: "registration-rejected/fires-sip-password.pcap",
        what: "A SIP registrar answers 401 to every REGISTER with a password, then nothing any more.",
        expect: &[(A, "registration-rejected", REJECTED)],
        site: None,
        build: banned,
    },
    Shipped {
        path: "registration-rejected/silent-sip-probe.pcap",
        what: "Registered over SIP; its probes of an SRST router (REGISTER, Expires 0) are answered 503.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: probes,
    },
];

/// A phone with lease and configuration, and the REGISTER that it will send.
fn booted(scene: &mut Scene) -> (Handset, Sip) {
    let mut phone = Handset::new("7941G", 115, A, PHONE, "SIP41.8-5-4S");
    phone.cdp(scene);
    phone.lease(scene, &Lease::relayed("10.30.0.2", "10.30.110.1").option_150(&["10.30.0.5"]));
    phone.configure(scene, "10.30.0.5", &PhoneConfig::naming(&[REGISTRAR]));
    let sip = Sip { model: "CP7941G", load: "SIP41.8-5-4S", ..Sip::new(phone.mac, PHONE, REGISTRAR) };
    (phone, sip)
}

/// A REGISTER and its answer.
fn ask(scene: &mut Scene, phone: &Handset, sip: &Sip, (from, to): (u16, u16), answer: Option<&str>) {
    let far = phone.to(&sip.registrar);
    scene.udp((phone.end(), from), (far, 5060), &sip.register());
    if let Some(status) = answer {
        scene.wait(6);
        scene.udp((far, 5060), (phone.end(), to), &sip.answer(status, &[]));
    }
    scene.wait(30);
}

fn file(scene: Scene) -> Vec<u8> {
    pcap(Order::Little, Resolution::Micro, LINK_ETHERNET, &scene.records())
}

/// Three rounds, answered to port `to`, which the phone hears or not.
fn registers(rport: bool, to: u16, heard: bool) -> Vec<u8> {
    let mut scene = Scene::new();
    let (phone, mut sip) = booted(&mut scene);
    sip.rport = rport;
    for _ in 0..3 {
        sip.authorized = false;
        ask(&mut scene, &phone, &sip, (HIGH, to), Some("401 Unauthorized"));
        sip.cseq += 1;
        if heard {
            sip.authorized = true;
            ask(&mut scene, &phone, &sip, (HIGH, to), Some("200 OK"));
            sip.cseq += 1;
            scene.wait(100_000);
        } else {
            sip.call_id += 1;
            scene.wait(4_000);
        }
    }
    file(scene)
}

fn banned() -> Vec<u8> {
    let mut scene = Scene::new();
    let (phone, mut sip) = booted(&mut scene);
    for n in 0..12 {
        sip.authorized = n % 2 == 1;
        ask(&mut scene, &phone, &sip, (5060, 5060), (n < 6).then_some("401 Unauthorized"));
        sip.cseq += 1;
        scene.wait(4_000);
    }
    file(scene)
}

fn probes() -> Vec<u8> {
    let mut scene = Scene::new();
    let (phone, mut sip) = booted(&mut scene);
    ask(&mut scene, &phone, &sip, (5060, 5060), Some("401 Unauthorized"));
    sip.cseq += 1;
    sip.authorized = true;
    ask(&mut scene, &phone, &sip, (5060, 5060), Some("200 OK"));
    let mut probe = Sip { expires: 0, call_id: 700, registrar: "10.30.110.1".to_owned(), ..sip };
    for _ in 0..3 {
        scene.wait(30_000);
        ask(&mut scene, &phone, &probe, (50_790, 5060), Some("503 Service Unavailable"));
        probe.cseq += 1;
    }
    file(scene)
}
