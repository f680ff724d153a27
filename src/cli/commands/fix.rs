//! `phonescope fix`: write what a diagnosis asks for as files that can be applied as they are.

use std::io;
use std::path::PathBuf;

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::diagnosis::Severity;
use phonescope::remedy::dhcp_config::{ClientLog, changes as dhcp_config_changes};
use phonescope::remedy::pack::{Pack, PackFile};
use phonescope::report::{PhoneSelector, Selection, prose};

use crate::cli::io::messages::say;
use crate::cli::io::progress::Progress;
use crate::cli::io::report_args::{Expected, selector};
use crate::cli::{
    End, Failure, Inputs, Verbosity,
    io::{dhcp_config, folder, input_args, output},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    /// The folder to write; made where it is not there, and refused where anything is in it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    expected: Expected,
    /// Only for this phone; may be given more than once
    #[arg(long, value_name = "MAC|NAME|IP", value_parser = selector)]
    phone: Vec<PhoneSelector>,
    /// Your DHCP server's own configuration (ISC dhcpd, Kea, dnsmasq, IOS show running-config), to be changed in place in a
    /// copy; may be given more than once
    #[arg(long, value_name = "FILE")]
    dhcp_config: Vec<PathBuf>,
    /// Write into a folder that is not empty, and over files that are there
    #[arg(long)]
    force: bool,
    /// End with 0 also where there are findings of severity error
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// Configurations that are listed by name.
const LISTED: usize = 20;

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let paths = arguments.inputs.paths();
    // A folder that can not be written is told before an hour of reading, not after it.
    folder::check(&arguments.out, arguments.force)?;
    let site = arguments.expected.site()?;

    let own_files = dhcp_config::read(&arguments.dhcp_config)?;

    // The clients of a DHCP server are all of them, so its messages are read one by one.
    let mut analyzer = if own_files.is_empty() { Analyzer::new() } else { Analyzer::with_events() };
    analyzer.keep_configurations();
    let mut log = ClientLog::default();
    let progress = Progress::new(&arguments.verbosity, false);
    input_args::read(&paths, &mut analyzer, &arguments.verbosity, progress, |analyzer| {
        while let Some(event) = analyzer.poll_event() {
            log.observe(&event);
        }
        Ok(())
    })?;

    let selection = Selection { phones: arguments.phone.clone(), min_severity: Severity::Info };
    let diagnosis = selection.apply(analyzer.diagnose(&site));
    let end = End::of(diagnosis.has_damage(), diagnosis.has_errors() && !arguments.exit_zero);
    let mut text = String::new();
    let own = (!own_files.is_empty())
        .then(|| dhcp_config::written(&own_files, dhcp_config_changes(&own_files, &log, &diagnosis)));
    match Pack::new(&diagnosis) {
        None => {
            text.push_str(match diagnosis.phone_count {
                0 if !arguments.phone.is_empty() => "Nothing of the phones asked for is in the capture. Nothing was written.\n",
                0 => "No phone is in the capture: there is nothing to fix, and nothing is known to be well. Nothing was written.\n",
                _ => "No phone needs a fix. Nothing was written.\n",
            });
            let warnings = diagnosis.findings.iter().filter(|f| f.severity == Severity::Warning).count();
            if warnings > 0 {
                let words = if warnings == 1 { "1 warning".to_owned() } else { format!("{warnings} warnings") };
                text.push_str(&format!("Lesser matters: {words}; phonescope analyze tells them, with their fixes.\n"));
            }
            for note in diagnosis.coverage.notes.iter().filter(|_| !arguments.verbosity.quiet) {
                say(note);
            }
        }
        Some(mut pack) => {
            if let Some(own) = &own {
                dhcp_config::add_to(&mut pack, own);
            }
            let left = folder::write(&arguments.out, arguments.force, &pack.files)?;
            text = list(&arguments.out.to_string_lossy(), &pack);
            if !left.is_empty() {
                // Told even with --quiet: a configuration of an older pack beside these is easily copied with them.
                let names: Vec<String> =
                    left.iter().take(5).map(|p| prose::safe(&p.to_string_lossy()).to_string()).collect();
                let more = if left.len() > names.len() {
                    format!(" and {} more", left.len() - names.len())
                } else {
                    String::new()
                };
                say(&format!(
                    "no part of this pack, and left as they were: {}{more}; do not copy them with it",
                    names.join(", ")
                ));
            }
        }
    }
    for line in own.iter().flat_map(|own| &own.lines) {
        text.push_str(&format!("{}\n", prose::safe(line)));
    }
    match output::write_to(None, |out| Ok(out.write_all(text.as_bytes())?)) {
        // Whoever closes the pipe has read enough; the work was done nevertheless.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => Ok(end),
        other => other.map(|()| end),
    }
}

/// What was written, and what could not be.
fn list(folder: &str, pack: &Pack) -> String {
    let is_configuration = |f: &&PackFile| f.path.starts_with("tftp");
    let configurations: Vec<&PackFile> = pack.files.iter().filter(is_configuration).collect();
    let shown = pack.files.iter().filter(|f| !is_configuration(f)).chain(configurations.iter().copied().take(LISTED));
    let shown: Vec<&PackFile> = shown.collect();
    let width = shown.iter().map(|f| f.path.len()).max().unwrap_or(0);
    let files = if pack.files.len() == 1 { "1 file".to_owned() } else { format!("{} files", pack.files.len()) };
    let mut text = format!("Wrote {files} to {}. Begin with README.md.\n", prose::safe(folder));
    for file in shown {
        text.push_str(&format!("  {:width$}  {}\n", file.path, file.about));
    }
    if configurations.len() > LISTED {
        text.push_str(&format!("  and {} more configurations\n", configurations.len() - LISTED));
    }
    for missing in &pack.missing {
        text.push_str(&format!("{missing}\n"));
    }
    text
}
