//! `phonescope verify`: did the fix work? Passively, by what the phones of a plan do in a capture; actively, by asking
//! file servers what they would serve, and that only with `--send`.

mod active;
mod http;
mod json;
mod passive;
mod table;
mod target;
mod tftp;

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use phonescope::event::InputSummary;
use phonescope::remedy::plan::Plan;
use phonescope::remedy::plan_file;
use phonescope::remedy::probe::{FileName, Transport};
use phonescope::remedy::recovery::Recovery;
use phonescope::types::Mac;

#[cfg(feature = "live")]
use crate::cli::io::live::LiveArguments;
use crate::cli::io::messages::reason;
use crate::cli::{Color, End, Failure, Verbosity, io::output};

#[derive(Args, Debug)]
#[command(after_help = NOTE)]
pub(crate) struct Arguments {
    /// Captures of what the phones do after the fix, as analyze reads them
    #[arg(value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// A capture, as the arguments without a name; may be given more than once
    #[arg(short, value_name = "FILE")]
    read: Vec<PathBuf>,
    #[cfg(feature = "live")]
    #[command(flatten)]
    live: LiveArguments,
    /// The fix pack, or the plan.json in it
    #[arg(long, value_name = "DIR")]
    plan: Option<PathBuf>,
    /// Ask the servers. Without it nothing is sent, and what would be sent is printed
    #[arg(long)]
    send: bool,
    /// Ask this TFTP server, and not those of the plan; may be given more than once
    #[arg(long, value_name = "IP[:PORT]", value_parser = |text: &str| target::address(text, Transport::Tftp))]
    tftp: Vec<SocketAddr>,
    /// Ask this server over HTTP (port 6970); may be given more than once
    #[arg(long, value_name = "IP[:PORT]", value_parser = |text: &str| target::address(text, Transport::Http))]
    http: Vec<SocketAddr>,
    /// Only this phone; may be given more than once
    #[arg(long, value_name = "MAC|NAME")]
    phone: Vec<Mac>,
    /// The load that the phones should be told to run, and not the one of the plan
    #[arg(long, value_name = "NAME", value_parser = load_name)]
    load: Option<String>,
    /// Fetch the files whole, also the loads, and compare each with the one of its name in the pack's tftp folder
    #[arg(long)]
    full: bool,
    /// Compare the file of this name with the server's; may be given more than once
    #[arg(long, value_name = "FILE")]
    compare: Vec<PathBuf>,
    /// Seconds before a TFTP request is sent again; doubled with every further one
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    timeout: Duration,
    /// How often a TFTP request is sent
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=20))]
    tries: u32,
    /// How the report is written
    #[arg(short = 'T', long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the report there; the file appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Colour in the table
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
    /// Also what is right, and every file that was asked for
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    verbosity: Verbosity,
}

const NOTE: &str = "\
Exit codes: 0 every phone is back, every server as it should be; 1 something is left to do; 2 the work could not be
done; 3 a capture was damaged. Without --send nothing is sent.";

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One document, schema phonescope.verify/1
    Json,
}

fn load_name(text: &str) -> Result<String, String> {
    FileName::new(text)
        .map(|name| name.to_string())
        .ok_or_else(|| "a load is named by letters, digits, . - _".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.01..=60.0).contains(&seconds) {
        return Err("between 0.01 and 60 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A plan, and the pack that it is of.
struct Pack {
    /// The plan's file.
    path: PathBuf,
    /// The folder that it stands in.
    folder: PathBuf,
    plan: Plan,
}

/// What was read, and what it says.
struct Observed {
    inputs: Vec<InputSummary>,
    recovery: Recovery,
    /// Why frames could not be written, where they should have been and could not.
    unwritten: Option<String>,
}

/// Everything that came out.
#[derive(Default)]
struct Report {
    plan: Option<PathBuf>,
    passive: Option<Observed>,
    active: Option<active::Outcome>,
}

impl Report {
    fn is_right(&self) -> bool {
        self.passive.as_ref().is_none_or(|p| p.recovery.is_complete())
            && self.active.as_ref().is_none_or(active::Outcome::is_right)
    }

    fn is_damaged(&self) -> bool {
        self.passive.as_ref().is_some_and(|p| p.inputs.iter().any(|i| i.problem.is_some()))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let captures: Vec<PathBuf> = arguments.read.iter().chain(&arguments.captures).cloned().collect();
    output::refuse_inputs(arguments.output.as_deref(), &captures)?;
    let pack = arguments.plan.as_deref().map(read_pack).transpose()?.map(|pack| of_phones(pack, &arguments.phone));
    let pack = pack.transpose()?;
    let is_live = is_live(arguments);
    if is_live && !captures.is_empty() {
        return Err(Failure::Work("captures and ports are named; name one or the other".to_owned()));
    }
    let watches = is_live || !captures.is_empty();
    let asks = arguments.send || !watches || !arguments.tftp.is_empty() || !arguments.http.is_empty();
    let mut report = Report { plan: pack.as_ref().map(|p| p.path.clone()), ..Report::default() };
    // What is wrong with the questions is told before an hour of reading.
    let questions = asks.then(|| target::questions(arguments, pack.as_ref())).transpose()?;
    if watches {
        let Some(pack) = &pack else {
            return Err(Failure::Work(
                "verify holds what phones do against a plan: give --plan DIR, the folder that phonescope fix wrote"
                    .to_owned(),
            ));
        };
        report.passive = Some(match is_live {
            #[cfg(feature = "live")]
            true => passive::watch(&arguments.live, &pack.plan, arguments.verbosity.quiet)?,
            _ => passive::read(&captures, &pack.plan, &arguments.verbosity)?,
        });
    }
    if let Some(questions) = questions {
        report.active = Some(if arguments.send { active::ask(questions)? } else { active::Outcome::unsent(questions) });
    }
    let end = End::of(report.is_damaged(), !report.is_right());
    let terminal = arguments.output.is_none() && io::stdout().is_terminal();
    let (width, color) = crate::cli::io::report_args::look(arguments.color, terminal);
    let written = output::write_to(arguments.output.as_deref(), |out| {
        match arguments.format {
            Format::Table => table::write(&report, (width, color), arguments.verbose, out)?,
            Format::Json => json::write(&report, out)?,
        }
        Ok(())
    });
    match written {
        // Whoever closes the pipe has read enough; the work was done nevertheless.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(end),
        other => other.map(|()| end),
    }
    .and_then(|end| match report.passive.and_then(|p| p.unwritten) {
        Some(message) => Err(Failure::Work(message)),
        None => Ok(end),
    })
}

#[cfg(feature = "live")]
fn is_live(arguments: &Arguments) -> bool {
    !arguments.live.interface.is_empty()
}

#[cfg(not(feature = "live"))]
fn is_live(_: &Arguments) -> bool {
    false
}

/// Reads the plan of a pack: the folder, or the file itself.
fn read_pack(path: &Path) -> Result<Pack, Failure> {
    let path = if path.is_dir() { path.join(plan_file::NAME) } else { path.to_owned() };
    let text = read_file(&path, plan_file::LONGEST + 1).map_err(|e| {
        let name = path.display();
        Failure::Work(format!("cannot read the plan {name}: {}; phonescope fix --out DIR writes one", reason(&e)))
    })?;
    let plan = Plan::parse(&path.to_string_lossy(), &text).map_err(|e| Failure::Work(e.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    Ok(Pack { path, folder, plan })
}

/// The file, or as much of it as `limit`.
fn read_file(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    fs::File::open(path)?.take(limit as u64).read_to_end(&mut octets)?;
    Ok(octets)
}

/// The plan with these phones alone; all of them where none is named.
fn of_phones(mut pack: Pack, phones: &[Mac]) -> Result<Pack, Failure> {
    if let Some(mac) = phones.iter().find(|mac| pack.plan.phones.iter().all(|p| p.mac != **mac)) {
        let path = pack.path.display();
        return Err(Failure::Work(format!("{path}: {} is not in this plan", mac.device_name())));
    }
    if !phones.is_empty() {
        pack.plan.phones.retain(|p| phones.contains(&p.mac));
    }
    Ok(pack)
}
