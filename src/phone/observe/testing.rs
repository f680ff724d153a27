//! A scene for tests: events, written as `phonescope events` writes them, go in; the phone is looked at.

use std::net::IpAddr;

use super::{Scene, observe};
use crate::conversation::SeenAt;
use crate::event::Event;
use crate::measures::Measures;
use crate::phone::Phone;
use crate::phone::dhcpv6::LeasesV6;
use crate::phone::directory::Directory;
use crate::phone::identity::Vlans;
use crate::phone::shared::Shared;
use crate::phone::traffic::Traffic;
use crate::types::{FrameRef, Mac, Timestamp};

/// The phone of the tests, its address, and the servers on its wire.
pub(super) const PHONE: &str = "00:03:6b:3a:10:01";
pub(super) const NAME: &str = "SEP00036B3A1001";
pub(super) const IP: &str = "10.30.0.100";
pub(super) const TFTP: &str = "10.30.0.5";
pub(super) const CM: &str = "10.30.0.10";
/// The MAC of every server.
pub(super) const SERVER_MAC: &str = "00:50:8b:1e:00:05";

pub(super) struct Stage {
    pub(super) directory: Directory,
    pub(super) shared: Shared,
    pub(super) vlans: Vlans,
    pub(super) leases_v6: LeasesV6,
    pub(super) traffic: Traffic,
    pub(super) measures: Measures,
    frame: u64,
}

impl Stage {
    pub(super) fn new() -> Stage {
        Stage {
            directory: Directory::new(),
            shared: Shared::new(),
            vlans: Vlans::default(),
            leases_v6: LeasesV6::default(),
            traffic: Traffic::default(),
            measures: Measures::default(),
            frame: 0,
        }
    }

    /// A stage on which the phone holds its address.
    pub(super) fn leased() -> Stage {
        let mut stage = Stage::new();
        stage.dhcp(0, "DISCOVER", "");
        stage.dhcp(0, "OFFER", &format!(r#","yiaddr":"{IP}","opt54":"10.30.0.2""#));
        stage.dhcp(1, "REQUEST", r#","opt54":"10.30.0.2""#);
        stage.dhcp(1, "ACK", &format!(r#","yiaddr":"{IP}","opt54":"10.30.0.2","opt150":["{TFTP}"]"#));
        stage
    }

    /// The fields of an event behind its time, as JSON.
    pub(super) fn see(&mut self, second: i64, fields: &str) {
        self.frame += 1;
        let time = Timestamp(second * 1_000_000_000);
        let line = format!(r#"{{"input":0,"frame":{},"time":"{time}",{fields}}}"#, self.frame);
        let event: Event = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let mut scene = Scene {
            directory: &mut self.directory,
            shared: &mut self.shared,
            vlans: &mut self.vlans,
            leases_v6: &mut self.leases_v6,
            traffic: &mut self.traffic,
            measures: &mut self.measures,
            envelope: &event.envelope,
            seen_at: SeenAt { time: event.time, at: event.at },
        };
        observe(&mut scene, &event.kind);
    }

    /// A message of the phone to `server`.
    pub(super) fn ask(&mut self, second: i64, server: &str, (sport, dport): (u16, u16), body: &str) {
        let ends = format!(r#""src":"{IP}","dst":"{server}","sport":{sport},"dport":{dport}"#);
        self.see(second, &format!(r#"{ends},"eth_src":"{PHONE}","eth_dst":"{SERVER_MAC}",{body}"#));
    }

    /// A message of `server` to the phone.
    pub(super) fn answer(&mut self, second: i64, server: &str, (sport, dport): (u16, u16), body: &str) {
        let ends = format!(r#""src":"{server}","dst":"{IP}","sport":{sport},"dport":{dport}"#);
        self.see(second, &format!(r#"{ends},"eth_src":"{SERVER_MAC}","eth_dst":"{PHONE}",{body}"#));
    }

    /// A DHCP message of the phone or to it.
    pub(super) fn dhcp(&mut self, second: i64, kind: &str, more: &str) {
        let from_client = matches!(kind, "DISCOVER" | "REQUEST" | "DECLINE" | "INFORM");
        let (op, src, eth) =
            if from_client { ("BOOTREQUEST", "0.0.0.0", PHONE) } else { ("BOOTREPLY", "10.30.0.2", SERVER_MAC) };
        let class = if from_client { r#","opt60":"Cisco Systems, Inc. IP Phone CP-7960""# } else { "" };
        self.see(
            second,
            &format!(
                r#""src":"{src}","dst":"255.255.255.255","eth_src":"{eth}","eth_dst":"ff:ff:ff:ff:ff:ff","type":"dhcp","op":"{op}","msg":"{kind}","xid":"0x00000007","chaddr":"{PHONE}","options":[]{class}{more}"#
            ),
        );
    }

    /// The phone of the tests.
    pub(super) fn phone(&self) -> &Phone {
        self.directory.phone_of(mac(PHONE)).expect("the phone is known")
    }
}

pub(super) fn mac(text: &str) -> Mac {
    text.parse().unwrap()
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A time on the stage.
pub(super) fn at(second: i64, frame: u64) -> SeenAt {
    SeenAt { time: Timestamp(second * 1_000_000_000), at: FrameRef { input: 0, frame } }
}
