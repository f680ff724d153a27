//! A private network with its own file system view and process list, and hosts in it that a bridge joins.
//!
//! Everything in it ends when the process that made it ends, however that ends: the first process inside waits for the
//! end of its input, which only the maker holds, and with it the kernel takes all others.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::programs::{Program, Programs};

/// Else the checksums in a capture are those that a network card would have filled in, and frames are longer than any
/// on a wire.
pub const NO_OFFLOADS: [&str; 8] = ["tx", "off", "tso", "off", "gso", "off", "gro", "off"];

/// How long a short command may take.
const SHORT: Duration = Duration::from_secs(20);

/// This machine gives no network namespace.
#[derive(Clone, Debug)]
pub struct Refused {
    pub why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no network namespace here: {}", self.why)
    }
}

impl std::error::Error for Refused {}

/// The private network. Hosts in it are joined by the bridge `br0`.
#[derive(Debug)]
pub struct Namespace {
    /// `unshare`, whose namespaces the commands enter.
    holder: Child,
    /// Closed on drop: the end of all that is inside.
    input: Option<ChildStdin>,
    user: bool,
    folder: PathBuf,
    keep: bool,
    nsenter: Program,
    ip: Program,
    ethtool: Program,
}

impl Namespace {
    /// Makes one, as root or, where the machine allows it, as any user.
    ///
    /// # Errors
    ///
    /// The machine refuses it, or has no `unshare`, `nsenter`, `ip` or `ethtool`.
    pub fn new() -> Result<Namespace, Refused> {
        let refused = |why: String| Refused { why };
        let program = |name: &str| Programs::find(name).map_err(|missing| refused(missing.to_string()));
        let (ip, ethtool) = (program("ip")?, program("ethtool")?);
        let (unshare, nsenter) = (program("unshare")?, program("nsenter")?);
        let folder = tempfile::Builder::new().prefix("lab-").tempdir().map_err(|error| refused(error.to_string()))?;
        let mut why = String::new();
        for user in [false, true] {
            match hold(&unshare, user, folder.path()) {
                Ok((holder, input)) => {
                    let folder = folder.keep();
                    let input = Some(input);
                    let namespace = Namespace { holder, input, user, folder, keep: false, nsenter, ip, ethtool };
                    namespace.set_up().map_err(refused)?;
                    return Ok(namespace);
                }
                Err(error) => why = error,
            }
        }
        Err(refused(why))
    }

    fn set_up(&self) -> Result<(), String> {
        self.shell("mount -t tmpfs none /run && mkdir -p /run/netns /run/kea /run/lock")?;
        self.ip("link set lo up")?;
        self.ip("link add br0 type bridge")?;
        self.ip("link set br0 up")?;
        // A kernel may have no cables: then it is better known here than at the first host.
        self.ip("link add p-a type veth peer name p-b")?;
        self.ip("link delete p-a")
    }

    /// The process whose namespaces these are.
    pub fn holder(&self) -> u32 {
        self.holder.id()
    }

    /// Whether it was made with a user namespace: programs that change their user (in.tftpd, tcpdump) do not start in
    /// there.
    pub fn is_unprivileged(&self) -> bool {
        self.user
    }

    /// A folder for configurations and logs that goes with it, however it ends.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets the folder stay when this goes.
    pub fn keep_folder(&mut self) {
        self.keep = true;
    }

    /// A command that runs the program inside, on the host that has the bridge.
    pub fn command(&self, program: &Program) -> Command {
        self.enter(&[], &program.words())
    }

    /// The same for a program of the system, found by its name.
    pub fn command_named(&self, program: &str) -> Command {
        self.enter(&[], &[program.into()])
    }

    fn enter(&self, before: &[OsString], words: &[OsString]) -> Command {
        let ns = |kind: &str| format!("/proc/{}/ns/{kind}", self.holder.id());
        let mut command = self.nsenter.command();
        if self.user {
            command.arg(format!("--user={}", ns("user"))).arg("--preserve-credentials");
        }
        command.arg(format!("--net={}", ns("net")));
        command.arg(format!("--mount={}", ns("mnt")));
        command.arg(format!("--pid={}", ns("pid_for_children")));
        command.arg("--").args(before).args(words);
        command
    }

    /// Runs `ip` inside.
    ///
    /// # Errors
    ///
    /// What it says when it fails.
    pub fn ip(&self, arguments: &str) -> Result<(), String> {
        succeeds(self.command(&self.ip).args(arguments.split_whitespace()))
    }

    /// Runs a line of shell inside.
    ///
    /// # Errors
    ///
    /// What it says when it fails.
    pub fn shell(&self, line: &str) -> Result<(), String> {
        succeeds(self.command_named("sh").args(["-ec", line]))
    }

    /// A host on the bridge, with its address and prefix length (`10.20.0.2/24`) on `eth0`.
    ///
    /// # Errors
    ///
    /// What `ip` says when it fails.
    pub fn host(&self, name: &str, address: &str) -> Result<Host<'_>, String> {
        let host = self.host_without_address(name, None)?;
        host.ip(&format!("address add {address} dev eth0"))?;
        Ok(host)
    }

    /// A host on the bridge whose `eth0` is up and has no address.
    ///
    /// # Errors
    ///
    /// What `ip` says when it fails.
    pub fn host_without_address(&self, name: &str, mac: Option<&str>) -> Result<Host<'_>, String> {
        // Interface names have at most 15 octets.
        let port = format!("p-{name}");
        let mac = mac.map(|mac| format!(" address {mac}")).unwrap_or_default();
        let host = self.host_off_the_bridge(name)?;
        self.ip(&format!("link add eth0 netns {name}{mac} type veth peer name {port}"))?;
        self.ip(&format!("link set {port} master br0 up"))?;
        host.ip("link set eth0 up")?;
        succeeds(self.command(&self.ethtool).args(["-K", &port]).args(NO_OFFLOADS))?;
        succeeds(host.command(&self.ethtool).args(["-K", "eth0"]).args(NO_OFFLOADS))?;
        Ok(host)
    }

    /// A host that was made before.
    pub fn existing(&self, name: &str) -> Host<'_> {
        Host { namespace: self, name: name.to_owned() }
    }

    /// A host without an interface but `lo`.
    ///
    /// # Errors
    ///
    /// What `ip` says when it fails.
    pub fn host_off_the_bridge(&self, name: &str) -> Result<Host<'_>, String> {
        self.ip(&format!("netns add {name}"))?;
        let host = Host { namespace: self, name: name.to_owned() };
        host.ip("link set lo up")?;
        Ok(host)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let (true, Some(input)) = (self.keep, self.input.as_mut()) {
            let _ = input.write_all(b"keep\n");
        }
        drop(self.input.take());
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if !matches!(self.holder.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A host in a [`Namespace`]: a network namespace with the interface `eth0`.
#[derive(Clone, Debug)]
pub struct Host<'n> {
    namespace: &'n Namespace,
    name: String,
}

impl Host<'_> {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs the program on this host.
    pub fn command(&self, program: &Program) -> Command {
        self.enter(&program.words())
    }

    /// The same for a program of the system, found by its name, or a path.
    pub fn command_named(&self, program: impl Into<OsString>) -> Command {
        self.enter(&[program.into()])
    }

    fn enter(&self, words: &[OsString]) -> Command {
        let mut before = self.namespace.ip.words();
        before.extend(["netns", "exec", &self.name].map(OsString::from));
        self.namespace.enter(&before, words)
    }

    /// Runs `ip` on this host.
    ///
    /// # Errors
    ///
    /// What it says when it fails.
    pub fn ip(&self, arguments: &str) -> Result<(), String> {
        let program = &self.namespace.ip;
        succeeds(self.namespace.command(program).args(["-n", &self.name]).args(arguments.split_whitespace()))
    }

    /// Runs a line of shell on this host.
    ///
    /// # Errors
    ///
    /// What it says when it fails.
    pub fn shell(&self, line: &str) -> Result<(), String> {
        succeeds(self.command_named("sh").args(["-ec", line]))
    }

    /// Another end of a cable: an interface of this host, joined with one in the host that has the bridge.
    ///
    /// # Errors
    ///
    /// What `ip` or `ethtool` say when they fail.
    pub fn cable(&self, interface: &str, other: &str) -> Result<(), String> {
        let (namespace, name) = (self.namespace, &self.name);
        namespace.ip(&format!("link add {interface} netns {name} mtu 9000 type veth peer name {other} mtu 9000"))?;
        namespace.ip(&format!("link set {other} up"))?;
        self.ip(&format!("link set {interface} up"))?;
        succeeds(namespace.command(&namespace.ethtool).args(["-K", other]).args(NO_OFFLOADS))?;
        succeeds(self.command(&namespace.ethtool).args(["-K", interface]).args(NO_OFFLOADS))
    }
}

/// What the first process inside does: says a line, waits for the end of its input, ends all others and removes the
/// folder, unless it is told to keep it. What was mounted in the folder goes first: it would hold it.
const FIRST: &str = r#"
echo; read -r word
[ $$ = 1 ] && kill -KILL -1
while read -r _ place _; do case "$place" in "$1"/*) umount -l "$place";; esac; done </proc/mounts
[ "$word" = keep ] || rm -rf "$1"
"#;

/// Starts the process that holds the namespaces open and waits until they are there.
fn hold(unshare: &Program, user: bool, folder: &Path) -> Result<(Child, ChildStdin), String> {
    let mut command = unshare.command();
    if user {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"]);
    command.args(["sh", "-c", FIRST, "sh"]).arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut holder = command.spawn().map_err(|error| format!("unshare: {error}"))?;
    let (Some(input), Some(mut output)) = (holder.stdin.take(), holder.stdout.take()) else {
        return Err("unshare: no pipe".to_owned());
    };
    let mut line = [0; 1];
    if std::io::Read::read(&mut output, &mut line).is_ok_and(|n| n == 1) {
        return Ok((holder, input));
    }
    let said = holder.wait_with_output().map_err(|error| format!("unshare: {error}"))?;
    Err(String::from_utf8_lossy(&said.stderr).trim().to_owned())
}

/// Runs a short command to its end.
///
/// # Errors
///
/// It can not be run, or takes longer than `limit`: then it is killed.
pub fn output_within(command: &mut Command, limit: Duration) -> Result<Output, String> {
    let said = |error: std::io::Error| error.to_string();
    let (out, errors) = (tempfile::tempfile().map_err(said)?, tempfile::tempfile().map_err(said)?);
    command.stdin(Stdio::null());
    command.stdout(out.try_clone().map_err(said)?).stderr(errors.try_clone().map_err(said)?);
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(said)? {
            break status;
        }
        if Instant::now() >= end {
            super::daemon::kill_children(child.id());
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{command:?} took longer than {limit:?}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |file: &File| super::daemon::written(file).map_err(said);
    Ok(Output { status, stdout: read(&out)?, stderr: read(&errors)? })
}

/// Runs a short command that must succeed.
///
/// # Errors
///
/// The command and what it says, where it fails.
pub fn succeeds(command: &mut Command) -> Result<(), String> {
    let output = output_within(command, SHORT)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let words = words.iter().skip_while(|w| *w != "--").skip(1).cloned().collect::<Vec<_>>().join(" ");
    Err(format!("{words}: {}: {}", output.status, text.trim()))
}
