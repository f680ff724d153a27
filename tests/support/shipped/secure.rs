//! Registration over TLS: what ends it is in the clear, what is said inside is not.

use super::super::capture_file::{Order, Resolution, pcap};
use super::super::handset::{Handset, Lease};
use super::super::phone_config::PhoneConfig;
use super::super::scene::{Scene, Talk};
use super::super::tls::{alert, certificate, client_hello, finished, sealed, server_hello};
use super::super::tunnel::LINK_ETHERNET;
use super::*;

const SECURE_PORT: u16 = 2443;
const UNKNOWN_CA: u8 = 48;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "secure-registration-failed/fires-unknown-ca.pcap",
        what: "The phone ends each TLS handshake with the fatal alert unknown_ca once CallManager has sent its certificate.",
        expect: &[(A, "secure-registration-failed", CLOSED)],
        site: None,
        build: unknown_ca,
    },
    Shipped {
        path: "secure-registration-failed/silent-session-open.pcap",
        what: "The handshake succeeds, and sealed messages go both ways until the capture ends.",
        expect: &[(A, INCOMPLETE, NOT_SEEN)],
        site: None,
        build: session_open,
    },
];

/// Lease and configuration of a phone that is to register securely.
fn booted(scene: &mut Scene) -> Handset {
    let mut phone = Handset::new("7941G", 115, A, "10.30.110.20", "SCCP41.9-3-1SR2-1S");
    phone.cdp(scene);
    phone.lease(scene, &Lease::relayed("10.30.0.2", "10.30.110.1").option_150(&["10.30.0.5"]));
    phone.configure(scene, "10.30.0.5", &PhoneConfig::naming(&["10.30.0.10"]));
    phone
}

/// A connection, up to the certificate of CallManager.
fn greeted(scene: &mut Scene, phone: &mut Handset) -> Talk {
    let mut talk = scene.open((phone.end(), phone.port()), (phone.to("10.30.0.10"), SECURE_PORT));
    scene.say(&mut talk, true, &client_hello("cm1.example"));
    scene.say(&mut talk, false, &[server_hello(), certificate("CallManager", "cm1.example")].concat());
    talk
}

fn file(scene: Scene) -> Vec<u8> {
    pcap(Order::Little, Resolution::Micro, LINK_ETHERNET, &scene.records())
}

fn unknown_ca() -> Vec<u8> {
    let mut scene = Scene::new();
    let mut phone = booted(&mut scene);
    for _ in 0..4 {
        let mut talk = greeted(&mut scene, &mut phone);
        scene.say(&mut talk, true, &alert(2, UNKNOWN_CA));
        scene.close(&mut talk, true);
        scene.wait(15_000);
    }
    file(scene)
}

fn session_open() -> Vec<u8> {
    let mut scene = Scene::new();
    let mut phone = booted(&mut scene);
    let mut talk = greeted(&mut scene, &mut phone);
    let own = certificate("Cisco Manufacturing CA", &format!("CP-7941G-{}", phone.name()));
    scene.say(&mut talk, true, &[own, finished()].concat());
    scene.say(&mut talk, false, &finished());
    for _ in 0..3 {
        scene.say(&mut talk, true, &sealed(420));
        scene.say(&mut talk, false, &sealed(180));
        scene.wait(30_000);
    }
    file(scene)
}
