//! The integration tests: one binary, a module per theme.

mod captures;
#[path = "../support/mod.rs"]
mod support;
