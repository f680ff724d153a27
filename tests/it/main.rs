//! The integration tests: one binary, a module per theme.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read captures and write temporary files"
)]

mod captures;
mod cli;
mod cuts;
mod encrypted;
mod events;
mod files_and_loads;
mod findings;
mod fix;
mod hostile;
mod hostile_text;
mod identity;
mod inputs;
mod ipv6;
mod layers;
mod product;
mod readme;
mod report;
mod robustness;
mod shared;
mod site_learn;
#[path = "../support/mod.rs"]
mod support;
mod variants;
mod verdicts;
