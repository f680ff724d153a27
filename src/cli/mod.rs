//! The command line: one file a command; the only place that prints, and that decides the exit code.

mod commands;
mod io;

use std::ffi::OsString;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Finds out from captured packets why a Cisco IP phone does not come up.
#[derive(Parser, Debug)]
#[command(name = "phonescope", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 no finding of severity error; 1 at least one; 2 the work could not be done;
3 an input was damaged, and the report covers what could be read.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Read captures, diagnose the phones in them, report
    Analyze(commands::analyze::Arguments),
    /// Say whether this host and a port of it can show what phones do
    #[cfg(feature = "live")]
    Doctor(commands::doctor::Arguments),
    /// Print one decoded signalling message a line (NDJSON), judging nothing
    Events(commands::events::Arguments),
    /// Say what a finding means, how it is recognised and how to fix it
    Explain(commands::explain::Arguments),
    /// Write a fix pack: corrected configurations, DHCP lines, a phone list, the steps in order and the way back
    Fix(commands::fix::Arguments),
    /// List the ports of this host that can be captured on
    #[cfg(feature = "live")]
    Interfaces(commands::interfaces::Arguments),
    /// Draft a site file from captures, or check one
    Site(commands::site::Arguments),
    /// Capture on ports and diagnose while phones boot
    #[cfg(feature = "live")]
    Watch(commands::watch::Arguments),
    /// Say whether a fix worked: by a capture of what the phones do, or by asking servers (only with --send)
    Verify(commands::verify::Arguments),
}

/// What to read.
#[derive(Args, Debug)]
struct Inputs {
    /// Capture files (pcap, pcapng, also compressed), files of events, folders of them, or - for standard input.
    /// Several are one timeline.
    #[arg(value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// A capture, as the arguments without a name; may be given more than once
    #[arg(short, value_name = "FILE")]
    read: Vec<PathBuf>,
}

impl Inputs {
    fn paths(&self) -> Vec<PathBuf> {
        self.read.iter().chain(&self.captures).cloned().collect()
    }
}

/// How much is said on standard error.
#[derive(Args, Debug)]
struct Verbosity {
    /// Say nothing on standard error but errors and damage
    #[arg(short, long)]
    quiet: bool,
    /// Show no progress
    #[arg(long)]
    no_progress: bool,
}

/// Whether there is colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also where there is no terminal
    Always,
    /// Not at all
    Never,
}

/// How the work ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// Done; nothing of severity error.
    Clean,
    /// Done; at least one finding of severity error.
    Findings,
    /// Done on what could be read of a damaged input.
    Damaged,
}

impl End {
    fn of(damaged: bool, errors: bool) -> End {
        match (damaged, errors) {
            (true, _) => End::Damaged,
            (false, true) => End::Findings,
            (false, false) => End::Clean,
        }
    }

    fn code(self) -> u8 {
        match self {
            End::Clean => 0,
            End::Findings => 1,
            End::Damaged => 3,
        }
    }
}

/// Why the work could not be done: exit code 2.
#[derive(Debug)]
enum Failure {
    /// What, where, what to do.
    Work(String),
    /// The output takes no more.
    Output(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Failure {
        Failure::Output(e)
    }
}

/// Runs the command that the arguments name.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() => {
            // The message repeats what was typed, or what a script passed on.
            let message = e.render().to_string();
            io::messages::say(message.strip_prefix("error: ").unwrap_or(&message));
            return ExitCode::from(2);
        }
        Err(e) => {
            // Help goes to standard output and is no failure; a closed pipe does not matter here.
            let _ = e.print();
            return ExitCode::SUCCESS;
        }
    };
    let result = match cli.command {
        Command::Analyze(arguments) => commands::analyze::run(&arguments),
        #[cfg(feature = "live")]
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Events(arguments) => commands::events::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::Fix(arguments) => commands::fix::run(&arguments),
        #[cfg(feature = "live")]
        Command::Interfaces(arguments) => commands::interfaces::run(&arguments),
        Command::Site(arguments) => commands::site::run(&arguments),
        #[cfg(feature = "live")]
        Command::Watch(arguments) => commands::watch::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
    };
    match result {
        Ok(end) => ExitCode::from(end.code()),
        // Whoever closes the pipe has read enough.
        Err(Failure::Output(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::from(End::Clean.code()),
        Err(Failure::Output(e)) => {
            io::messages::say(&format!("cannot write the output: {}", io::messages::reason(&e)));
            ExitCode::from(2)
        }
        Err(Failure::Work(message)) => {
            io::messages::say(&message);
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn damage_takes_precedence_over_findings() {
        let codes = [(false, false), (false, true), (true, false), (true, true)];
        assert_eq!(codes.map(|(damaged, errors)| End::of(damaged, errors).code()), [0, 1, 3, 3]);
    }

    #[test]
    fn capture_argument_is_required_in_either_form() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        for line in ["phonescope analyze a", "phonescope analyze -r a -r b c", "phonescope events -"] {
            assert!(parse(line).is_ok(), "{line}");
        }
        for line in ["phonescope", "phonescope analyze a --no-such", "phonescope nothing"] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        let Ok(Cli { command: Command::Analyze(a) }) = parse("phonescope analyze -r a c -r b") else { panic!() };
        assert_eq!(a.inputs.paths(), ["a", "b", "c"].map(PathBuf::from));
    }
}
