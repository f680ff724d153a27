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
mod hostile;
mod hostile_text;
mod identity;
mod inputs;
mod ipv6;
mod lab;
mod layers;
mod namespaces;
mod product;
mod readme;
#[path = "../support/real/mod.rs"]
mod real;
mod report;
mod robustness;
mod shared;
mod site_learn;
#[path = "../support/mod.rs"]
mod support;
mod variants;
mod verdicts;
