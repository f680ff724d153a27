//! Captures made by hand: frames, messages and whole phone boots, byte by byte.
//!
//! Nothing in here uses the library: what it decodes is built independently of it, so that decoder and builder
//! cannot share a mistake. Nothing is random: the same calls give the same bytes, on every machine.
//!
//! * [`frame`], [`tunnel`]: Ethernet, VLAN tags, ARP, IPv4, ICMP, UDP, TCP, and what a span port may wrap them in.
//! * [`dhcp`], [`dns`], [`tftp`], [`phone_config`], [`sccp`], [`sip`], [`tls`], [`cdp`], [`lldp`],
//!   [`dhcpv6`], [`neighbour`]: one message each, malformed ones too.
//! * [`site`], [`phone`], [`boot`]: a network with its servers, a phone, and the phone's boot played on the network.
//! * [`wire`]: one client and one server, frame by frame. [`scene`], [`handset`]: any hosts, and a phone step by step.
//! * [`span_port`], [`capture_file`]: what of it is captured, and its records as pcap and pcapng.
//! * [`shipped`]: the files in `captures/` and what they show. [`span`]: the large capture for measurements.

#![allow(dead_code, unreachable_pub)]

pub mod boot;
pub mod capture_file;
pub mod cdp;
pub mod dhcp;
pub mod dhcpv6;
pub mod dns;
pub mod draw;
pub mod frame;
pub mod handset;
pub mod lldp;
pub mod neighbour;
pub mod phone;
pub mod phone_config;
pub mod sccp;
pub mod scene;
pub mod shipped;
pub mod sip;
pub mod site;
pub mod span;
pub mod span_port;
pub mod tftp;
pub mod tls;
pub mod tunnel;
pub mod wire;
