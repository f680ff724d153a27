//! Finds the programs that tests run: those of this machine, else from its distribution's packages, unpacked into the
//! build folder. Nothing is installed, so neither root nor a conflict of packages (atftpd and tftpd-hpa) matters.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Program, package of Debian and Ubuntu that holds it, and its place in there.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("atftpd", "atftpd", "usr/sbin/atftpd"),
    ("busybox", "busybox", "bin/busybox"),
    ("curl", "curl", "usr/bin/curl"),
    ("dhclient", "isc-dhcp-client", "sbin/dhclient"),
    ("dhcpd", "isc-dhcp-server", "usr/sbin/dhcpd"),
    ("dnsmasq", "dnsmasq-base", "usr/sbin/dnsmasq"),
    ("dumpcap", "wireshark-common", "usr/bin/dumpcap"),
    ("ethtool", "ethtool", "sbin/ethtool"),
    ("in.tftpd", "tftpd-hpa", "usr/sbin/in.tftpd"),
    ("ip", "iproute2", "bin/ip"),
    ("kea-dhcp4", "kea-dhcp4-server", "usr/sbin/kea-dhcp4"),
    ("nsenter", "util-linux", "usr/bin/nsenter"),
    ("tc", "iproute2", "sbin/tc"),
    ("tcpdump", "tcpdump", "usr/bin/tcpdump"),
    ("tcpreplay", "tcpreplay", "usr/bin/tcpreplay"),
    ("tftp", "tftp-hpa", "usr/bin/tftp"),
    ("tmux", "tmux", "usr/bin/tmux"),
    ("tshark", "tshark", "usr/bin/tshark"),
    ("udhcpc", "busybox", "bin/busybox"),
    ("unshare", "util-linux", "usr/bin/unshare"),
];

/// Where programs of the system are that a user's PATH may not name.
const SYSTEM_FOLDERS: &[&str] = &["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// A program that can be run.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    /// Folders with the libraries that came with it; empty where the system's are used.
    libraries: Vec<PathBuf>,
    /// Its own name as an argument: it is an applet of BusyBox.
    applet: bool,
}

impl Program {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it lies in the build folder, not on the system.
    pub fn is_unpacked(&self) -> bool {
        self.path.starts_with(store())
    }

    /// What to write on a command line to run it.
    pub fn words(&self) -> Vec<OsString> {
        let mut words = Vec::new();
        if !self.libraries.is_empty() {
            // By `env`, so that the programs which lead into a namespace keep the libraries of the system.
            let folders = self.libraries.iter().map(|f| f.as_os_str()).collect::<Vec<_>>().join(OsStr::new(":"));
            let mut variable = OsString::from("LD_LIBRARY_PATH=");
            variable.push(folders);
            words.extend([OsString::from("env"), variable]);
        }
        words.push(self.path.clone().into());
        if self.applet {
            words.push(self.name.clone().into());
        }
        words
    }

    /// A command that runs it, in no namespace.
    pub fn command(&self) -> Command {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }
}

/// A program that is not here and could not be brought.
#[derive(Clone, Debug)]
pub struct Missing {
    pub name: String,
    pub why: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the program {} is missing: {}", self.name, self.why)?;
        match package_of(&self.name) {
            Some((package, _)) => write!(f, "; tests/lab/setup installs it (package {package})"),
            None => write!(f, "; install it"),
        }
    }
}

impl std::error::Error for Missing {}

/// The programs of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Programs;

impl Programs {
    /// The program of this name: on the PATH or where the system keeps its servers, else out of its package.
    ///
    /// `PHONESCOPE_PROGRAMS=unpacked` takes none of the system, `PHONESCOPE_PROGRAMS=system` unpacks none.
    ///
    /// # Errors
    ///
    /// It is not here, and its package could not be had.
    pub fn find(name: &str) -> Result<Program, Missing> {
        let choice = std::env::var("PHONESCOPE_PROGRAMS").unwrap_or_default();
        if choice != "unpacked"
            && let Some(path) = on_system(name)
        {
            return Ok(Program { name: name.to_owned(), path, libraries: Vec::new(), applet: false });
        }
        let missing = |why: String| Missing { name: name.to_owned(), why };
        let Some((package, inside)) = package_of(name) else {
            return Err(missing("it is neither on the PATH nor in /usr/sbin".to_owned()));
        };
        if choice == "system" {
            return Err(missing("PHONESCOPE_PROGRAMS=system unpacks no package".to_owned()));
        }
        let root = unpacked(package).map_err(missing)?;
        // Distributions differ in whether `/bin` is `/usr/bin`.
        let places = [inside.to_owned(), format!("usr/{inside}")];
        let path = places.iter().map(|place| root.join(place)).find(|path| path.exists());
        let path = path.ok_or_else(|| missing(format!("package {package} does not hold {inside}")))?;
        Ok(Program { name: name.to_owned(), path, libraries: library_folders(&root), applet: name == "udhcpc" })
    }
}

fn package_of(name: &str) -> Option<(&'static str, &'static str)> {
    PACKAGES.iter().find(|(program, _, _)| *program == name).map(|(_, package, inside)| (*package, *inside))
}

fn on_system(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM_FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Where unpacked packages lie.
fn store() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target")).join("programs")
}

/// The folder with the package's content and that of the packages it needs and this machine has not.
fn unpacked(package: &str) -> Result<PathBuf, String> {
    // One at a time in this process; two processes may both do it, then the second finds the first one's.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let store = store();
    let root = store.join(package);
    if root.is_dir() {
        return Ok(root);
    }
    for tool in ["apt-get", "dpkg-deb"] {
        on_system(tool).ok_or_else(|| format!("neither is it on this machine nor {tool} to bring it"))?;
    }
    let said = |error: std::io::Error| format!("{}: {error}", store.display());
    fs::create_dir_all(&store).map_err(said)?;
    let work = tempfile::tempdir_in(&store).map_err(said)?;
    let fresh = work.path().join("root");
    let cache = work.path().join("cache");
    fs::create_dir_all(cache.join("archives/partial")).map_err(said)?;
    fs::create_dir_all(&fresh).map_err(said)?;
    // First with the lists of packages that the system has; where these are missing or old, with lists of our own.
    if let Err(first) = download(package, &cache, None) {
        let lists = store.join("lists");
        fs::create_dir_all(lists.join("partial")).map_err(said)?;
        // Its exit code says less than the next step does: hooks of the system may fail in it.
        let _ = apt(&cache, Some(&lists), &["update"]);
        download(package, &cache, Some(&lists)).map_err(|second| match second.is_empty() {
            true => first,
            false => second,
        })?;
    }
    let mut archives = 0;
    for entry in fs::read_dir(cache.join("archives")).map_err(said)?.flatten() {
        if entry.path().extension().is_some_and(|e| e == "deb") {
            run(Command::new("dpkg-deb").arg("-x").arg(entry.path()).arg(&fresh))?;
            archives += 1;
        }
    }
    if archives == 0 {
        return Err(format!("apt-get brought nothing for package {package}"));
    }
    match fs::rename(&fresh, &root) {
        Ok(()) => Ok(root),
        Err(_) if root.is_dir() => Ok(root),
        Err(error) => Err(format!("{}: {error}", root.display())),
    }
}

fn download(package: &str, cache: &Path, lists: Option<&Path>) -> Result<(), String> {
    let words = ["--yes", "--reinstall", "--no-install-recommends", "--download-only", "install", package];
    apt(cache, lists, &words)
}

/// Runs apt-get with folders of our own, so that it changes nothing of the system and needs no right.
fn apt(cache: &Path, lists: Option<&Path>, words: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "-o"]);
    command.arg(format!("Dir::Cache={}", cache.display()));
    if let Some(lists) = lists {
        command.arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
    }
    run(command.args(words).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Runs it; the last lines of what it says where it fails.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    Err(format!("{}: {last}", Path::new(command.get_program()).display()))
}

/// The folders of an unpacked root that hold shared libraries.
fn library_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for top in ["usr/lib", "lib"] {
        let top = root.join(top);
        let inside = fs::read_dir(&top).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_dir());
        folders.extend(inside.filter(|p| holds_library(p)));
        if holds_library(&top) {
            folders.push(top);
        }
    }
    folders.sort();
    folders
}

fn holds_library(folder: &Path) -> bool {
    let is_library = |name: &OsStr| name.to_string_lossy().contains(".so");
    fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| is_library(&entry.file_name()))
}
