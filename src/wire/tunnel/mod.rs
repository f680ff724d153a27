//! Frames and packets inside others: what mirrors, routers and providers wrap around a phone's frames.

pub(crate) mod capwap;
pub(super) mod ether_ip;
pub(crate) mod gre;
pub(super) mod mpls;
pub(super) mod ppp;
pub(crate) mod udp;
