//! Runs a scenario: sets it up, records the span port, lets the phones boot, compares what they did with what was
//! meant, and takes all of it down.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::account::{self, Follower};
use crate::network::{Network, SPAN, write_json};
use crate::real::daemon::{Daemon, Ready};
use crate::real::namespace::{Host, Namespace};
use crate::real::programs::Programs;
use crate::site::{Dhcp, End, Registration, Site, Variant};
use crate::{code, configurations, scenarios, site_file};

/// From the end of the scenario to the end of the recording: what the kernel holds back is delivered by then.
const SETTLE: Duration = Duration::from_millis(1500);
/// How long the command of `--exec` may take to start capturing, and to end after SIGINT.
const EXEC_START: Duration = Duration::from_secs(5);
const EXEC_END: Duration = Duration::from_secs(10);
/// How long one boot of all phones may take.
const BOOT: Duration = Duration::from_secs(45);

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Its name, as `lab list` shows it
    scenario: String,
    /// Where the recording goes; beside it NAME.site.toml and NAME.expected.json
    #[arg(long, short = 'o')]
    out: Option<PathBuf>,
    /// A command of the shell that runs beside the recording, with the span port's name in LAB_IF and the site file's in
    /// LAB_SITE; it gets SIGINT 1.5 s after the end of the scenario
    #[arg(long)]
    exec: Option<String>,
    /// Keep the folder with configurations, logs and accounts
    #[arg(long)]
    keep: bool,
    /// Seconds that the phones stay as they are when all are done
    #[arg(long, default_value_t = 0.0)]
    hold: f64,
    /// The phones start with the loads that they end with in this scenario, and all are meant to end well: for servers
    /// that --dhcp-config and --tftp-root mend
    #[arg(long)]
    healed: bool,
    /// A configuration for the first DHCP server instead of the scenario's, in its own language
    #[arg(long, value_name = "FILE")]
    dhcp_config: Option<PathBuf>,
    /// Files to lay over those of a TFTP server
    #[arg(long, value_name = "IP=FOLDER", value_parser = configurations::over)]
    tftp_root: Vec<(Ipv4Addr, PathBuf)>,
    #[command(flatten)]
    variant: Variant,
}

/// Runs it; what `lab` ends with.
pub(crate) fn run(options: &Options) -> ExitCode {
    let scenario = match scenarios::named(&options.scenario) {
        Ok(scenario) => scenario,
        Err(error) => return failed(&error),
    };
    let mut site = (scenario.build)(&options.variant);
    if options.healed {
        heal(&mut site);
    }
    if let Err(missing) = programs(options, &site) {
        eprintln!("lab: {missing}");
        return ExitCode::from(code::NOT_HERE);
    }
    let mut namespace = match Namespace::new() {
        Ok(namespace) => namespace,
        Err(refused) => {
            eprintln!("lab: {refused}");
            return ExitCode::from(code::NOT_HERE);
        }
    };
    if let Err(error) = crate::network::can_mirror(&namespace) {
        eprintln!("lab: no network namespace with a span port here: {error}");
        return ExitCode::from(code::NOT_HERE);
    }
    if namespace.is_unprivileged() && options.variant.tftpd.needs_root() {
        let server = options.variant.tftpd;
        eprintln!(
            "lab: {server} changes its user on start, which only root can let it do here: --tftpd atftpd or dnsmasq"
        );
        return ExitCode::from(code::NOT_HERE);
    }
    if options.keep {
        namespace.keep_folder();
        println!("folder: {}", namespace.folder().display());
    }
    match play(options, &mut site, &namespace) {
        Ok(differences) if differences.is_empty() => ExitCode::SUCCESS,
        Ok(differences) => {
            for difference in differences {
                eprintln!("lab: not as meant: {difference}");
            }
            ExitCode::from(code::NOT_AS_MEANT)
        }
        Err(error) => failed(&error),
    }
}

/// The phones as the scenario leaves them, meant to end as the operator wants it.
fn heal(site: &mut Site) {
    let dhcp_server = site.dhcp.iter().find(|server| server.is_known).map(|server| server.scope.server);
    for phone in &mut site.phones {
        let Some(cluster) = site.clusters.iter().find(|cluster| cluster.name == phone.cluster) else { continue };
        let load = cluster.loads.iter().find(|(model, _)| *model == phone.plan.model).map(|(_, load)| load.clone());
        phone.plan.load.clone_from(&phone.meant.end.load);
        phone.meant.end = End {
            registration: Registration::Registered,
            load: load.unwrap_or_default(),
            dhcp_server,
            tftp_server: phone.plan.alternate_tftp.or(cluster.tftp.first().copied()),
            call_manager: cluster.call_managers.first().copied(),
        };
        (phone.meant.with_site, phone.meant.without_site) = (vec!["healthy"], vec!["healthy"]);
    }
}

fn failed(error: &str) -> ExitCode {
    eprintln!("lab: {error}");
    ExitCode::from(code::FAILED)
}

/// Whether the programs are here that the scenario needs.
fn programs(options: &Options, site: &Site) -> Result<(), crate::real::programs::Missing> {
    for server in &site.dhcp {
        server.program.program()?;
    }
    options.variant.tftpd.program()?;
    for name in ["ip", "tc", "ethtool", "udhcpc", "dhclient"] {
        Programs::find(name)?;
    }
    Ok(())
}

/// Plays the scenario; how it differs from what was meant.
fn play(options: &Options, site: &mut Site, namespace: &Namespace) -> Result<Vec<String>, String> {
    let folder = namespace.folder().to_owned();
    let mut network = Network::new(namespace, options.variant.span)?;
    let mut phones = Vec::new();
    for (index, phone) in site.phones.iter_mut().enumerate() {
        let host = network.phone(index + 1, &phone.plan.mac)?;
        phone.plan.folder.clone_from(&folder);
        phone.plan.account = folder.join(format!("{}.ndjson", phone.plan.name()));
        let plan = folder.join(format!("{}.json", phone.plan.name()));
        write_json(&plan, &phone.plan)?;
        phones.push((host, plan));
    }
    let over = configurations::by_server(&options.tftp_root);
    for server in &site.tftp {
        network.tftp(server, options.variant.tftpd, &over)?;
    }
    for server in &site.call_managers {
        network.call_manager(server)?;
    }
    let mut configuration = options.dhcp_config.as_deref();
    for server in &site.dhcp {
        let configuration: Option<&Path> = configuration.take();
        start_dhcp(&mut network, server, configuration)?;
    }

    let sniffer = network.sniffer();
    let recording = folder.join("span.pcapng");
    let mut recorder = record(&sniffer, &recording)?;
    let site_file = folder.join("site.toml");
    std::fs::write(&site_file, site_file::text(site, options.variant.span)).map_err(|error| error.to_string())?;
    let start = |line: &str| Exec::start(line, &site_file, &sniffer, &recorder);
    let mut exec = options.exec.as_deref().map(start).transpose()?;

    let mut running = Vec::new();
    for (host, plan) in &phones {
        running.push(Daemon::start(network.phone_command(host, plan), Ready::AtOnce)?);
    }
    let ends = wait(site, &mut network, &mut running, BOOT * options.variant.boots)?;
    std::thread::sleep(Duration::try_from_secs_f64(options.hold).unwrap_or_default());
    std::thread::sleep(SETTLE);
    let exec = exec.as_mut().map(Exec::end);
    recorder.signal(Signal::INT);
    recorder.wait(EXEC_END).ok_or("the recorder does not end")?;
    network.write_logs();

    let differences = differences(site, &ends);
    if differences.is_empty() {
        if let Some(out) = &options.out {
            write_out(options, site, &recording, out, exec.as_ref())?;
        }
    } else {
        for phone in &site.phones {
            for line in account::read_lines(&phone.plan.account) {
                eprintln!("{}: {line}", phone.plan.name());
            }
        }
    }
    Ok(differences)
}

fn start_dhcp(network: &mut Network<'_>, server: &Dhcp, configuration: Option<&Path>) -> Result<(), String> {
    let absolute = |path: &Path| path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
    network.dhcp(server, configuration.map(absolute).transpose()?.as_deref())
}

/// Records the span port: with dumpcap where it is and may be run, else with tcpdump.
fn record(sniffer: &Host<'_>, path: &Path) -> Result<Daemon, String> {
    if let Ok(dumpcap) = Programs::find("dumpcap") {
        let mut command = sniffer.command(&dumpcap);
        command.args(["-q", "-i", SPAN, "-w"]).arg(path);
        if let Ok(daemon) = Daemon::start(command, Ready::Captures(1)) {
            return Ok(daemon);
        }
    }
    let tcpdump = Programs::find("tcpdump").map_err(|missing| missing.to_string())?;
    let mut command = sniffer.command(&tcpdump);
    command.args(["-i", SPAN, "-U", "-Z", "root", "-w"]).arg(path);
    Daemon::start(command, Ready::Captures(1))
}

/// The command that runs beside the recording.
struct Exec {
    child: std::process::Child,
}

impl Exec {
    /// Starts it and waits until it captures, or has had time for it.
    fn start(line: &str, site_file: &Path, sniffer: &Host<'_>, recorder: &Daemon) -> Result<Exec, String> {
        let mut command: Command = sniffer.command_named("sh");
        command.args(["-c", line]).env("LAB_IF", SPAN).env("LAB_SITE", site_file).stdin(Stdio::inherit());
        let mut child = command.spawn().map_err(|error| format!("{line}: {error}"))?;
        let before = recorder.captures();
        let end = Instant::now() + EXEC_START;
        while recorder.captures() <= before && Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Exec { child })
    }

    /// Interrupts it; the code that it ended with, `None`: a signal ended it.
    fn end(&mut self) -> Option<i32> {
        for (signal, limit) in [(Signal::INT, EXEC_END), (Signal::TERM, EXEC_END), (Signal::KILL, EXEC_END)] {
            crate::real::daemon::signal_innermost(self.child.id(), signal);
            let end = Instant::now() + limit;
            while Instant::now() < end {
                if let Ok(Some(status)) = self.child.try_wait() {
                    return status.code();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        None
    }
}

/// Waits until all phones are done; how each ended.
fn wait(
    site: &Site,
    network: &mut Network<'_>,
    phones: &mut [Daemon],
    limit: Duration,
) -> Result<Vec<Option<End>>, String> {
    let mut accounts: Vec<Follower> = site.phones.iter().map(|phone| Follower::of(&phone.plan.account)).collect();
    let end = Instant::now() + limit;
    loop {
        let mut left = Vec::new();
        for (account, phone) in accounts.iter_mut().zip(&site.phones) {
            account.follow();
            if account.done < phone.plan.boots {
                left.push(phone.plan.name());
            }
        }
        if left.is_empty() {
            return Ok(accounts.into_iter().map(|account| account.end).collect());
        }
        if let Some(fallen) = network.fallen() {
            return Err(fallen);
        }
        for phone in phones.iter_mut() {
            if !phone.is_running() {
                return Err(format!("a phone ended:\n{}", phone.log()));
            }
        }
        if Instant::now() >= end {
            return Err(format!("not done after {limit:?}: {}", left.join(", ")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How what the phones did differs from what was meant.
fn differences(site: &Site, ends: &[Option<End>]) -> Vec<String> {
    let mut list = Vec::new();
    for (phone, end) in site.phones.iter().zip(ends) {
        let name = phone.plan.name();
        match end {
            Some(end) if *end == phone.meant.end => println!("{name}: {}", short(end)),
            Some(end) => list.push(format!("{name}: {}, not {}", short(end), short(&phone.meant.end))),
            None => list.push(format!("{name} is not done")),
        }
    }
    list
}

fn short(end: &End) -> String {
    let address = |ip: Option<Ipv4Addr>| ip.map_or("none".to_owned(), |ip| ip.to_string());
    format!(
        "{:?} with {}, DHCP {}, TFTP {}, CallManager {}",
        end.registration,
        end.load,
        address(end.dhcp_server),
        address(end.tftp_server),
        address(end.call_manager)
    )
}

/// Writes the recording, the site file, and what was meant.
fn write_out(
    options: &Options,
    site: &Site,
    recording: &Path,
    out: &Path,
    exec: Option<&Option<i32>>,
) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", out.display());
    std::fs::copy(recording, out).map_err(said)?;
    std::fs::write(out.with_extension("site.toml"), site_file::text(site, options.variant.span)).map_err(said)?;
    let phones: Vec<Value> = site
        .phones
        .iter()
        .map(|phone| {
            json!({
                "mac": phone.plan.mac,
                "name": phone.plan.name(),
                "cluster": phone.cluster,
                "meant": phone.meant,
                "account": account::read_lines(&phone.plan.account),
            })
        })
        .collect();
    let variant = &options.variant;
    let expected = json!({
        "scenario": options.scenario,
        "dhcpd": variant.dhcpd.to_string(),
        "tftpd": variant.tftpd.to_string(),
        "span": variant.span.to_string(),
        "vlan": variant.span.vlan(),
        "exec": exec.map(|code| json!({ "code": code })),
        "phones": phones,
    });
    write_json(&out.with_extension("expected.json"), &expected)
}
