//! `phonescope analyze`: read captures, diagnose, report.

use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use phonescope::analyzer::Analyzer;
use phonescope::diagnosis::{Diagnosis, Severity};
use phonescope::remedy::what_if::{Change, what_if};
use phonescope::report::{self, PhoneSelector, Selection, TableOptions};
use phonescope::site::Site;

use super::progress::Progress;
use super::{Color, End, Failure, Inputs, Verbosity, output, reading};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// What ought to be: a site file (TOML)
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// The only right TFTP server here; may be given more than once
    #[arg(long, value_name = "IP")]
    expect_tftp: Vec<IpAddr>,
    /// Only this phone and its findings; may be given more than once
    #[arg(long, value_name = "MAC|NAME|IP", value_parser = selector)]
    phone: Vec<PhoneSelector>,
    /// What a change would do, before it is made: tftp=IP[,IP...], site=FILE or version=CLUSTER:3.0; may be given more
    /// than once
    #[arg(long, value_name = "CHANGE")]
    what_if: Vec<String>,
    /// How the report is written
    #[arg(short = 'T', long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the report there; the file appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Leave out findings below it, unless they explain one that stays
    #[arg(long, value_enum, default_value_t = Least::Info)]
    min_severity: Least,
    /// Colour in the table
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
    /// All evidence, the fixes for all platforms, and the story of each phone
    #[arg(short, long)]
    verbose: bool,
    /// End with 0 also where there are findings of severity error
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    verbosity: Verbosity,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One document, schema phonescope.report/1
    Json,
    /// A line per input, phone and finding
    Ndjson,
    /// A row per phone
    Csv,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Least {
    Info,
    Warning,
    Error,
}

impl Least {
    fn severity(self) -> Severity {
        match self {
            Least::Info => Severity::Info,
            Least::Warning => Severity::Warning,
            Least::Error => Severity::Error,
        }
    }
}

pub(crate) fn selector(text: &str) -> Result<PhoneSelector, String> {
    if text.trim().is_empty() {
        Err("a MAC address, a name or an IP address".to_owned())
    } else {
        Ok(PhoneSelector::new(text))
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let paths = arguments.inputs.paths();
    output::refuse_inputs(arguments.output.as_deref(), &paths)?;
    // A bad site file is told before an hour of reading, not after it.
    let site = site(arguments.site.as_deref(), &arguments.expect_tftp)?;
    let asked = arguments.what_if.iter().map(|text| change(text)).collect::<Result<Vec<_>, _>>()?;

    let mut analyzer = Analyzer::new();
    let progress = Progress::new(&arguments.verbosity, false);
    reading::read(&paths, &mut analyzer, &arguments.verbosity, progress, |_| Ok(()))?;

    let selection = Selection { phones: arguments.phone.clone(), min_severity: arguments.min_severity.severity() };
    let mut diagnosis = analyzer.diagnose(&site);
    diagnosis.what_if = what_if(&diagnosis, &site, &asked).map_err(Failure::Work)?;
    let diagnosis = selection.apply(diagnosis);
    let end = End::of(diagnosis.has_damage(), diagnosis.has_errors() && !arguments.exit_zero);
    match output::write_to(arguments.output.as_deref(), |out| Ok(write(arguments, &diagnosis, out)?)) {
        // Whoever closes the pipe has read enough; the work was done nevertheless.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(end),
        other => other.map(|()| end),
    }
}

fn write(arguments: &Arguments, diagnosis: &Diagnosis<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    match arguments.format {
        Format::Json => report::write_json(diagnosis, out),
        Format::Ndjson => report::write_ndjson(diagnosis, out),
        Format::Csv => report::write_csv(diagnosis, out),
        Format::Table => report::write_table(diagnosis, &table_options(arguments), out),
    }
}

fn table_options(arguments: &Arguments) -> TableOptions {
    let terminal = arguments.output.is_none() && io::stdout().is_terminal();
    let (width, color) = look(arguments.color, terminal);
    TableOptions {
        width,
        color,
        min_severity: arguments.min_severity.severity(),
        // Who picks out a phone wants its story.
        verbose: arguments.verbose || !arguments.phone.is_empty(),
        phones_selected: !arguments.phone.is_empty(),
    }
}

/// Columns and colour of what is written to standard output.
pub(crate) fn look(color: Color, terminal: bool) -> (Option<u16>, bool) {
    let width = terminal.then(|| {
        let size = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| size.ws_col);
        if size == 0 { 80 } else { size }
    });
    let quiet = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    match color {
        Color::Always => (width.or(Some(100)), true),
        Color::Never => (width, false),
        Color::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            (width, terminal && !quiet("NO_COLOR") && !dumb)
        }
    }
}

/// A change that `--what-if` names, with its text.
fn change(text: &str) -> Result<(String, Change), Failure> {
    let bad =
        |why: &str| Failure::Work(format!("--what-if {text}: {why}; say tftp=IP, site=FILE or version=CLUSTER:3.0"));
    let change = match text.split_once('=') {
        Some(("tftp", servers)) => {
            let servers: Result<Vec<IpAddr>, _> = servers.split(',').map(|s| s.trim().parse()).collect();
            Change::Tftp(servers.map_err(|_| bad("not an IP address"))?)
        }
        Some(("version", version)) => {
            let (cluster, version) = version.rsplit_once(':').ok_or_else(|| bad("no cluster and version"))?;
            Change::Version { cluster: cluster.to_owned(), version: version.to_owned() }
        }
        Some(("site", path)) => Change::Site(Box::new(super::site::read(Path::new(path))?)),
        // A path alone is that of a site file.
        _ if Path::new(text).is_file() => Change::Site(Box::new(super::site::read(Path::new(text))?)),
        _ => return Err(bad("no change that is known, and no site file")),
    };
    Ok((text.to_owned(), change))
}

/// What ought to be, by the command line.
pub(crate) fn site(path: Option<&Path>, expect_tftp: &[IpAddr]) -> Result<Site, Failure> {
    let site = match path {
        None => Site::none(),
        Some(path) => super::site::read(path)?,
    };
    Ok(if expect_tftp.is_empty() { site } else { site.with_expected_tftp(expect_tftp) })
}
