//! The lab: a network of real DHCP and TFTP servers, CallManagers and phones on this machine, and a port that shows
//! what they say. `README.md` beside this file tells how to use it and what is modelled.
//!
//! One program plays all parts: `lab run` sets the network up and starts itself in it as phones, CallManagers and
//! switch.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it runs programs, opens sockets, waits and prints"
)]

mod account;
mod call_manager;
mod configurations;
mod files;
mod messages;
mod network;
mod phone;
#[path = "../support/real/mod.rs"]
mod real;
mod run;
mod scenarios;
mod site;
mod site_file;
mod span;
#[path = "../support/mod.rs"]
mod support;
mod switch;
mod tftp;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What `lab` ends with.
mod code {
    /// Nothing was run: bad usage, or something failed that must not.
    pub(crate) const FAILED: u8 = 2;
    /// The phones did not do what the scenario means them to do.
    pub(crate) const NOT_AS_MEANT: u8 = 3;
    /// This machine gives no network namespace, or a program is missing.
    pub(crate) const NOT_HERE: u8 = 4;
}

/// Boots of Cisco phones on this machine, with real servers, in a network of their own.
#[derive(Debug, Parser)]
#[command(name = "lab", version, max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario and take it down again.
    Run(run::Options),
    /// The scenarios, and what each shows.
    List,
    /// Write the configuration files of a scenario's servers into a folder, without running it.
    Files {
        scenario: String,
        folder: PathBuf,
        #[command(flatten)]
        variant: site::Variant,
    },
    /// Ask a TFTP server for a file as a 7960 does, and say what came of it.
    TftpGet { server: Ipv4Addr, file: String },
    /// Be a phone, as a plan says.
    #[command(hide = true)]
    Phone { plan: PathBuf },
    /// Be a CallManager, as a plan says.
    #[command(hide = true)]
    CallManager { plan: PathBuf },
    /// Be a TFTP server that never answers.
    #[command(hide = true)]
    TftpSilent,
    /// Be a switch that mirrors the frames of one interface to another, wrapped.
    #[command(hide = true)]
    Switch { from: String, to: String, span: span::Span },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(options) => return run::run(&options),
        Command::List => {
            scenarios::list();
            Ok(())
        }
        Command::Files { scenario, folder, variant } => configurations::write_all(&scenario, &variant, &folder),
        Command::TftpGet { server, file } => tftp::get_and_say(server, &file),
        Command::Phone { plan } => phone::play(&plan),
        Command::CallManager { plan } => call_manager::play(&plan),
        Command::TftpSilent => tftp::be_silent(),
        Command::Switch { from, to, span } => switch::play(&from, &to, span),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error}");
            ExitCode::from(code::FAILED)
        }
    }
}
