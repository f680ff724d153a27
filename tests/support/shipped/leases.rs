//! Leases that a phone does not take, or that do not lead it where it has to go.

use super::super::capture_file::{Order, Resolution, pcap};
use super::super::frame::{Mac, ip, mac};
use super::super::handset::{Handset, Lease};
use super::super::scene::{End, Scene};
use super::super::tunnel::LINK_ETHERNET;
use super::*;

const ADDRESS: &str = "10.30.110.20";
const RELAY: &str = "10.30.110.1";

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "offer-not-taken/fires-behind-relay.pcap",
        what: "The DHCP server answers every DISCOVER with a sound offer, sent to the relay agent; the phone requests none.",
        expect: &[(A, "offer-not-taken", NOT_SEEN)],
        site: None,
        build: || offered(&lease(), 6, false),
    },
    Shipped {
        path: "offer-not-taken/silent-taken-at-last.pcap",
        what: "Three offers go by before the phone requests one; it registers.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || offered(&lease(), 3, true),
    },
    Shipped {
        path: "malformed-tftp-option/fires-offers-with-text.pcap",
        what: "Option 150 of every offer holds the text 10.30.0.5; the phone requests none of them.",
        expect: &[(A, "malformed-tftp-option", NOT_SEEN)],
        site: None,
        build: || offered(&unnamed().option(150, b"10.30.0.5"), 5, false),
    },
    Shipped {
        path: "no-default-router/fires-arp.pcap",
        what: "The lease has no option 3. The phone looks by ARP, in its own subnet, for the TFTP server of another one.",
        expect: &[(A, "no-default-router", NOT_SEEN)],
        site: None,
        build: || without_router(5, None),
    },
    Shipped {
        path: "no-default-router/fires-silence.pcap",
        what: "The lease has no option 3, the TFTP server is in another network, and the phone says nothing more.",
        expect: &[(A, "no-default-router", NOT_SEEN)],
        site: None,
        build: || without_router(0, None),
    },
    Shipped {
        path: "no-default-router/silent-proxy-arp.pcap",
        what: "The lease has no option 3, but the router answers ARP for servers of other networks; the phone registers.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: || without_router(1, Some(handset().router)),
    },
    Shipped {
        path: "dhcp-refused/fires-holder-seen.pcap",
        what: "Another host answers the phone's ARP probe for the address each time; the phone declines it three times.",
        expect: &[(A, "dhcp-refused", NOT_SEEN)],
        site: None,
        build: declined,
    },
    Shipped {
        path: "conflicting-dhcp-offers/fires-home-router.pcap",
        what: "A home router that names no TFTP server answers first, and the phone takes its lease. The right server \
               offers in the same exchange.",
        expect: &[(A, "conflicting-dhcp-offers", NOT_SEEN)],
        site: None,
        build: home_router,
    },
    Shipped {
        path: "unknown-dhcp-server/silent-relay-names-itself.pcap",
        what: "The relay agent puts its own address into the server identifier (RFC 5107); the site file names the server.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: Some("unknown-dhcp-server/site.toml"),
        build: relay_names_itself,
    },
];

fn handset() -> Handset {
    Handset::new("7960", 7, A, ADDRESS, LOAD_30)
}

/// The lease of headquarters without a TFTP server.
fn unnamed() -> Lease {
    Lease::relayed(DHCP, RELAY)
}

fn lease() -> Lease {
    unnamed().option_150(&[TFTP_30])
}

fn file(scene: Scene) -> Vec<u8> {
    pcap(Order::Little, Resolution::Micro, LINK_ETHERNET, &scene.records())
}

/// The phone gets its configuration and registers.
fn registers(scene: &mut Scene, phone: &mut Handset) {
    phone.configure(scene, TFTP_30, &config_30());
    let mut talk = phone.register(scene, CM_30);
    phone.keep_alives(scene, &mut talk, 3);
}

/// So many offers that the phone does not take; after them it takes one, or not.
fn offered(lease: &Lease, count: u32, is_taken: bool) -> Vec<u8> {
    let (mut scene, mut phone) = (Scene::new(), handset());
    phone.cdp(&mut scene);
    for n in 0..count {
        phone.discover(&mut scene);
        phone.offered(&mut scene, lease);
        scene.wait(4000 << n.min(3));
    }
    if is_taken {
        phone.lease(&mut scene, lease);
        registers(&mut scene, &mut phone);
    }
    file(scene)
}

/// ARP questions for what is in other networks, and who answers them.
fn without_router(questions: u32, owner: Option<Mac>) -> Vec<u8> {
    let (mut scene, mut phone) = (Scene::new(), handset());
    phone.cdp(&mut scene);
    phone.lease(&mut scene, &lease().with(|l| l.router = None));
    for _ in 0..questions {
        scene.arp(phone.end(), ip(TFTP_30), owner);
        scene.wait(2000);
    }
    if owner.is_some() {
        scene.arp(phone.end(), ip(CM_30), owner);
        registers(&mut scene, &mut phone);
    } else {
        scene.wait(30_000);
        phone.cdp(&mut scene);
    }
    file(scene)
}

fn declined() -> Vec<u8> {
    let (mut scene, mut phone) = (Scene::new(), handset());
    for _ in 0..3 {
        phone.discover(&mut scene);
        phone.offered(&mut scene, &lease());
        phone.request(&mut scene, &lease());
        phone.acknowledged(&mut scene, &lease());
        scene.arp(End::new(A, "0.0.0.0"), phone.address, Some(mac("00:10:83:41:7c:2e")));
        phone.decline(&mut scene, &lease());
        scene.wait(10_000);
    }
    file(scene)
}

fn home_router() -> Vec<u8> {
    let mut scene = Scene::new();
    let right = handset();
    let mut phone = handset().with(|p| p.address = ip("192.168.1.23"));
    let home = Lease::from("192.168.1.1");
    phone.discover(&mut scene);
    phone.offered(&mut scene, &home);
    // The same exchange: the right server's offer, with an address of its own.
    phone.clone().with(|p| p.address = right.address).offered(&mut scene, &lease());
    phone.request(&mut scene, &home);
    phone.acknowledged(&mut scene, &home);
    scene.arp(phone.end(), phone.address, None);
    scene.wait(60_000);
    phone.cdp(&mut scene);
    file(scene)
}

fn relay_names_itself() -> Vec<u8> {
    let (mut scene, mut phone) = (Scene::new(), handset());
    let lease = lease().with(|l| l.identifier = l.relay);
    phone.comes_up(&mut scene, &lease, TFTP_30, &config_30());
    file(scene)
}
