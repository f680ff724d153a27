//! The integration tests: one binary, a module per theme.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests read captures and write temporary files"
)]

mod captures;
mod findings;
mod identity;
mod layers;
mod site_learn;
#[path = "../support/mod.rs"]
mod support;
