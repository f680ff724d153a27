//! Frames and packets inside others: what mirrors, routers and providers wrap around a phone's frames.

pub(super) mod gre;
pub(super) mod mpls;
pub(super) mod ppp;
pub(super) mod udp;
