//! Bytes to typed values: pure functions, no state, no clock, no input or output.
//!
//! The contract of this layer:
//! * every function takes bytes from a hostile network and never panics, loops or allocates
//!   more than a small multiple of its input;
//! * what is odd is an [`Anomaly`], and the rest is still read;
//! * text is a [`WireText`](crate::types::WireText), which can not be printed raw.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod anomaly;
mod be;

pub mod announcement;
pub mod arp;
pub mod cdp;
mod config_body;
pub mod dhcp;
pub mod dhcpv6;
pub mod dns;
pub(crate) mod ethernet;
pub mod frame;
pub mod http;
pub mod icmp;
pub(crate) mod ip;
mod ip_protocol;
mod link;
pub mod lldp;
pub mod load;
pub mod load_files;
pub mod load_list;
pub mod load_spelling;
pub mod phone_config;
pub mod sccp;
pub mod sip;
pub mod tftp;
pub mod tls;
pub(crate) mod tunnel;
mod wlan;

pub use anomaly::Anomaly;
pub use config_body::ConfigBody;
