//! What the commands share at the edge: arguments, captures opened and written, reports put out, rights and signals.

#[cfg(feature = "live")]
pub(crate) mod capture_args;
pub(crate) mod dhcp_config;
pub(crate) mod folder;
pub(crate) mod input_args;
#[cfg(feature = "live")]
pub(crate) mod live;
pub(crate) mod messages;
pub(crate) mod output;
#[cfg(feature = "live")]
pub(crate) mod privileges;
pub(crate) mod progress;
pub(crate) mod report_args;
#[cfg(feature = "live")]
pub(crate) mod signals;
