//! One file a command.

pub(crate) mod analyze;
#[cfg(feature = "live")]
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod fix;
#[cfg(feature = "live")]
pub(crate) mod interfaces;
#[cfg(feature = "live")]
pub(crate) mod service;
pub(crate) mod site;
pub(crate) mod verify;
#[cfg(feature = "live")]
pub(crate) mod watch;
