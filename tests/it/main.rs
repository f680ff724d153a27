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
mod hostile;
mod ipv6;
mod layers;
mod product;
mod robustness;
mod shared;
#[path = "../support/mod.rs"]
mod support;
mod variants;
mod verdicts;
