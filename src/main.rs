//! Arguments in, exit code out; nothing else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "the one place that talks to the user")]

mod cli;

fn main() -> std::process::ExitCode {
    cli::run(std::env::args_os())
}
