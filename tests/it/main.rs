//! The integration tests: one binary, a module per theme.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read captures and write temporary files"
)]

mod captures;
mod changes;
mod cli;
mod cuts;
mod dhcp_grammar;
mod dhcp_second_reader;
mod docs;
mod encrypted;
mod events;
mod field;
mod files_and_loads;
mod findings;
mod fix;
mod hostile;
mod hostile_text;
mod identity;
mod inputs;
mod ipv6;
mod lab;
mod layers;
#[cfg(feature = "live")]
mod live_ports;
mod months;
mod namespaces;
mod product;
mod readme;

#[path = "../support/real/mod.rs"]
mod real;
mod real_dhcp;
mod real_tftp;
mod report;
mod robustness;
#[cfg(feature = "live")]
mod service;
mod shared;
mod site_learn;
#[path = "../support/mod.rs"]
mod support;
mod taken_up;
mod variants;
mod verdicts;
mod verify;
#[cfg(feature = "live")]
mod watch;
