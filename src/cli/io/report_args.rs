//! What is judged by, and how the report is written: the arguments that `analyze` and `watch` share.

use std::io::{self, IsTerminal};
use std::net::IpAddr;
#[cfg(feature = "live")]
use std::path::Path;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
#[cfg(feature = "live")]
use phonescope::analyzer::Analyzer;
use phonescope::diagnosis::{Diagnosis, Severity};
use phonescope::report::{self, PhoneSelector, Selection, TableOptions};
use phonescope::site::{Site, server_address};

use crate::cli::{Color, End, Failure, io::output};

/// What ought to be.
#[derive(Args, Debug)]
pub(crate) struct Expected {
    /// What ought to be: a site file (TOML)
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// The only right TFTP server here; may be given more than once
    #[arg(long, value_name = "IP", value_parser = server_address)]
    expect_tftp: Vec<IpAddr>,
}

impl Expected {
    /// The site file, if there is one.
    #[cfg(feature = "live")]
    pub(crate) fn site_file(&self) -> Option<&Path> {
        self.site.as_deref()
    }

    /// The site, read anew.
    pub(crate) fn site(&self) -> Result<Site, Failure> {
        let site = match &self.site {
            None => Site::none(),
            Some(path) => crate::cli::commands::site::read(path)?,
        };
        Ok(if self.expect_tftp.is_empty() { site } else { site.with_expected_tftp(&self.expect_tftp) })
    }
}

/// How the report is written.
#[derive(Args, Debug)]
pub(crate) struct Reporting {
    /// Only this phone and its findings; may be given more than once
    #[arg(long, value_name = "MAC|NAME|IP", value_parser = selector)]
    phone: Vec<PhoneSelector>,
    /// How the report is written
    #[arg(short = 'T', long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Write the report there; the file appears once it is complete
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Leave out findings below it, unless they explain one that stays
    #[arg(long, value_enum, default_value_t = Least::Info)]
    min_severity: Least,
    /// Colour in the table
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// How many phones the table lists, the worst first
    #[arg(long, value_name = "N", default_value_t = report::PHONES_SHOWN)]
    top: usize,
    /// All evidence, the fixes for all platforms, and the story of each phone
    #[arg(short, long)]
    verbose: bool,
    /// End with 0 also where there are findings of severity error
    #[arg(long)]
    exit_zero: bool,
}

/// The formats of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
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

/// A phone, as `--phone` names it.
pub(crate) fn selector(text: &str) -> Result<PhoneSelector, String> {
    if text.trim().is_empty() {
        Err("a MAC address, a name or an IP address".to_owned())
    } else {
        Ok(PhoneSelector::new(text))
    }
}

impl Reporting {
    /// What of a diagnosis is shown.
    pub(crate) fn selection(&self) -> Selection {
        Selection { phones: self.phone.clone(), min_severity: self.min_severity.severity() }
    }

    /// How the work ended, where nobody reads a report.
    #[cfg(feature = "live")]
    pub(crate) fn end(&self, analyzer: &Analyzer, site: &Site) -> End {
        self.end_of(&self.selection().apply(analyzer.diagnose(site)))
    }

    fn end_of(&self, diagnosis: &Diagnosis<'_>) -> End {
        End::of(diagnosis.has_damage(), diagnosis.has_errors() && !self.exit_zero)
    }

    /// Writes what is selected of the report where it belongs.
    pub(crate) fn report(&self, diagnosis: Diagnosis<'_>) -> Result<End, Failure> {
        let diagnosis = self.selection().apply(diagnosis);
        let end = self.end_of(&diagnosis);
        match output::write_to(self.output.as_deref(), |out| Ok(self.write(&diagnosis, out)?)) {
            // Whoever closes the pipe has read enough; the work was done nevertheless.
            Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(end),
            other => other.map(|()| end),
        }
    }

    fn write(&self, diagnosis: &Diagnosis<'_>, out: &mut dyn io::Write) -> io::Result<()> {
        match self.format {
            Format::Json => report::write_json(diagnosis, out),
            Format::Ndjson => report::write_ndjson(diagnosis, out),
            Format::Csv => report::write_csv(diagnosis, out),
            Format::Table => report::write_table(diagnosis, &self.table_options(), out),
        }
    }

    fn table_options(&self) -> TableOptions {
        let terminal = self.output.is_none() && io::stdout().is_terminal();
        let (width, color) = look(self.color, terminal);
        TableOptions {
            width,
            color,
            min_severity: self.min_severity.severity(),
            // Who picks out a phone wants its story.
            verbose: self.verbose || !self.phone.is_empty(),
            phones_selected: !self.phone.is_empty(),
            top: Some(self.top),
        }
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
