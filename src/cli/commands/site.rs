//! `phonescope site`: draft a site file from captures (`learn`), say whether one is in order (`check`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use phonescope::analyzer::Analyzer;
use phonescope::site::{Site, learn};

use crate::cli::io::messages::{reason, say};
use crate::cli::io::progress::Progress;
use crate::cli::{
    End, Failure, Inputs, Verbosity,
    io::{input_args, output},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Draft a site file from captures of phones that come up
    Learn(Learn),
    /// Say whether a site file is in order; if not, where
    Check(Check),
}

#[derive(Args, Debug)]
struct Learn {
    #[command(flatten)]
    inputs: Inputs,
    /// Write the draft there; the file appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    verbosity: Verbosity,
}

#[derive(Args, Debug)]
struct Check {
    /// A site file (TOML)
    file: PathBuf,
    /// Say nothing where it is in order
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    match &arguments.command {
        Command::Learn(arguments) => run_learn(arguments),
        Command::Check(arguments) => run_check(arguments),
    }
}

fn run_learn(arguments: &Learn) -> Result<End, Failure> {
    let paths = arguments.inputs.paths();
    output::refuse_inputs(arguments.output.as_deref(), &paths)?;
    let mut analyzer = Analyzer::new();
    let progress = Progress::new(&arguments.verbosity, false);
    input_args::read(&paths, &mut analyzer, &arguments.verbosity, progress, |_| Ok(()))?;
    let nothing = Site::none();
    let diagnosis = analyzer.diagnose(&nothing);
    let end = End::of(diagnosis.has_damage(), false);
    let draft = learn::draft(&diagnosis)
        .map_err(|e| Failure::Work(format!("the draft is not valid, which is a fault of phonescope: {e}")))?;
    if draft.witnesses == 0 && !arguments.verbosity.quiet {
        say("no phone is seen to be registered and without an error: the draft states nothing");
    }
    match output::write_to(arguments.output.as_deref(), |out| Ok(out.write_all(draft.text.as_bytes())?)) {
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(end),
        other => other.map(|()| end),
    }
}

fn run_check(arguments: &Check) -> Result<End, Failure> {
    let site = read(&arguments.file)?;
    if !arguments.quiet {
        let text = summary(&site);
        output::write_to(None, |out| Ok(out.write_all(text.as_bytes())?))?;
    }
    Ok(End::Clean)
}

/// What the file states, in a few lines: what is missing is easier to see than in the file.
fn summary(site: &Site) -> String {
    let path = site.path.as_deref().unwrap_or_default();
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let mut text = format!(
        "{path}: in order\n{}, {}, {}\n",
        count(site.network.dhcp_servers.len(), "DHCP server"),
        count(site.network.voice_vlans.len(), "voice VLAN"),
        count(site.clusters.len(), "cluster")
    );
    for cluster in &site.clusters {
        text.push_str(&format!(
            "{}: {}, {}, {}, {}, {}, {}{}\n",
            cluster.name,
            count(cluster.tftp.len(), "TFTP server"),
            count(cluster.call_managers.len(), "CallManager"),
            count(cluster.subnets.len(), "subnet"),
            count(cluster.vlans.len(), "VLAN"),
            match cluster.phones.len() {
                1 => "1 phone or pattern".to_owned(),
                n => format!("{n} phones and patterns"),
            },
            count(cluster.loads.len(), "load"),
            if cluster.default { ", the default" } else { "" }
        ));
    }
    text.lines().map(|line| phonescope::report::prose::safe(line) + "\n").collect()
}

/// The site file at `path`, with the lists that it names.
pub(crate) fn read(path: &Path) -> Result<Site, Failure> {
    let name = path.to_string_lossy();
    let text = fs::read_to_string(path)
        .map_err(|e| Failure::Work(format!("cannot read the site file {name}: {}", reason(&e))))?;
    Site::parse(&name, &text, &mut |file| fs::read_to_string(file).map_err(|e| e.to_string()))
        .map_err(|e| Failure::Work(e.to_string()))
}
