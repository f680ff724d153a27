//! `phonescope analyze`: read captures, diagnose, report.

use std::net::IpAddr;
use std::path::Path;

use clap::Args;
use phonescope::analyzer::Analyzer;
use phonescope::remedy::what_if::{Change, what_if};
use phonescope::site::server_address;

use crate::cli::io::progress::Progress;
use crate::cli::io::report_args::{Expected, Reporting};
use crate::cli::{
    End, Failure, Inputs, Verbosity,
    io::{input_args, output},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    #[command(flatten)]
    expected: Expected,
    /// What a change would do, before it is made: tftp=IP[,IP...], site=FILE or version=CLUSTER:3.0; may be given more
    /// than once
    #[arg(long, value_name = "CHANGE")]
    what_if: Vec<String>,
    #[command(flatten)]
    reporting: Reporting,
    #[command(flatten)]
    verbosity: Verbosity,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let paths = arguments.inputs.paths();
    output::refuse_inputs(arguments.reporting.output.as_deref(), &paths)?;
    // A bad site file is told before an hour of reading, not after it.
    let site = arguments.expected.site()?;
    let asked = arguments.what_if.iter().map(|text| change(text)).collect::<Result<Vec<_>, _>>()?;

    let mut analyzer = Analyzer::new();
    let progress = Progress::new(&arguments.verbosity, false);
    input_args::read(&paths, &mut analyzer, &arguments.verbosity, progress, |_| Ok(()))?;

    let mut diagnosis = analyzer.diagnose(&site);
    diagnosis.what_if = what_if(&diagnosis, &site, &asked).map_err(Failure::Work)?;
    arguments.reporting.report(diagnosis)
}

/// A change that `--what-if` names, with its text.
fn change(text: &str) -> Result<(String, Change), Failure> {
    let bad =
        |why: &str| Failure::Work(format!("--what-if {text}: {why}; say tftp=IP, site=FILE or version=CLUSTER:3.0"));
    let change = match text.split_once('=') {
        Some(("tftp", servers)) => {
            let servers: Result<Vec<IpAddr>, String> = servers.split(',').map(server_address).collect();
            Change::Tftp(servers.map_err(|why| bad(&why))?)
        }
        Some(("version", version)) => {
            let (cluster, version) = version.rsplit_once(':').ok_or_else(|| bad("no cluster and version"))?;
            Change::Version { cluster: cluster.to_owned(), version: version.to_owned() }
        }
        Some(("site", path)) => Change::Site(Box::new(crate::cli::commands::site::read(Path::new(path))?)),
        // A path alone is that of a site file.
        _ if Path::new(text).is_file() => Change::Site(Box::new(crate::cli::commands::site::read(Path::new(text))?)),
        _ => return Err(bad("no change that is known, and no site file")),
    };
    Ok((text.to_owned(), change))
}
