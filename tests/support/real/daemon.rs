//! A server that runs until it goes out of scope.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(15);
/// How long it may take to end after it was asked to.
const END: Duration = Duration::from_millis(1500);

/// When a server counts as started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ready {
    /// A UDP socket of its network namespace is bound to this port.
    Udp(u16),
    /// A TCP socket of its network namespace listens on this port.
    Tcp(u16),
    /// So many sockets of its network namespace capture packets.
    Captures(usize),
    /// At once.
    AtOnce,
}

/// A running server. Its command must stay in the foreground.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    /// Has no name, so that nothing is left of it, whatever ends this process.
    log: File,
    words: String,
}

impl Daemon {
    /// Starts the command and waits until it listens.
    ///
    /// # Errors
    ///
    /// It ends, or does not listen within 15 s: with what it wrote.
    pub fn start(mut command: Command, ready: Ready) -> Result<Daemon, String> {
        let words = format!("{command:?}");
        let said = |error: std::io::Error| format!("{words}: {error}");
        let log = tempfile::tempfile().map_err(said)?;
        command.stdin(Stdio::null()).stderr(log.try_clone().map_err(said)?).stdout(log.try_clone().map_err(said)?);
        let child = command.spawn().map_err(said)?;
        let mut daemon = Daemon { child, log, words };
        let end = Instant::now() + START;
        while !daemon.is_ready(ready) {
            if !daemon.is_running() {
                return Err(format!("{} ended:\n{}", daemon.words, daemon.log()));
            }
            if Instant::now() >= end {
                return Err(format!("{} is not ready after {START:?}:\n{}", daemon.words, daemon.log()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(daemon)
    }

    fn is_ready(&self, ready: Ready) -> bool {
        let (tables, port, state) = match ready {
            Ready::AtOnce => return true,
            Ready::Captures(count) => return self.captures() >= count,
            Ready::Udp(port) => (["udp", "udp6"], port, None),
            Ready::Tcp(port) => (["tcp", "tcp6"], port, Some("0A")),
        };
        let Some(pid) = self.pids().last().copied() else { return false };
        tables.iter().any(|table| {
            let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
            text.lines().skip(1).any(|line| {
                // `sl local_address rem_address st …`, addresses as hexadecimal `ADDRESS:PORT`.
                let mut words = line.split_whitespace().skip(1);
                let local = words.next().unwrap_or_default();
                let is_port = local.rsplit(':').next() == Some(&format!("{port:04X}"));
                is_port && state.is_none_or(|state| words.nth(1) == Some(state))
            })
        })
    }

    /// How many sockets of its network namespace capture packets; those that send only, or are not bound yet, do not
    /// count.
    pub fn captures(&self) -> usize {
        let Some(pid) = self.pids().last().copied() else { return 0 };
        let text = fs::read_to_string(format!("/proc/{pid}/net/packet")).unwrap_or_default();
        // `sk RefCnt Type Proto Iface R …`: protocol 3 is all of them, R tells that the socket runs.
        let runs = |line: &&str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(3) == Some(&"0003") && words.get(5) == Some(&"1")
        };
        text.lines().skip(1).filter(runs).count()
    }

    /// The process that was started and those which it started, the outermost first.
    fn pids(&self) -> Vec<u32> {
        let mut pids = vec![self.child.id()];
        pids.extend(descendants(self.child.id()));
        pids
    }

    /// Whether it runs still.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&written(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends the signal to the server itself, not to what led it into its namespace.
    pub fn signal(&self, signal: Signal) {
        let pids = self.pids();
        for pid in &pids[usize::from(pids.len() > 1)..] {
            send(*pid, signal);
        }
    }

    /// Waits for its end; `None`: it runs still.
    pub fn wait(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }

    /// Ends it now; dropping it does the same.
    pub fn stop(self) {}
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        self.signal(Signal::TERM);
        if self.wait(END).is_none() {
            self.signal(Signal::KILL);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// All of a file that another process writes through a copy of this handle: its place is not moved.
pub(super) fn written(file: &File) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or_default()];
    let length = file.read_at(&mut bytes, 0)?;
    bytes.truncate(length);
    Ok(bytes)
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Sends the signal to the innermost processes below one, so that a shell around them says how they ended.
pub fn signal_innermost(pid: u32, signal: Signal) {
    for pid in descendants(pid).into_iter().filter(|pid| descendants(*pid).is_empty()) {
        send(pid, signal);
    }
}

/// Kills what a process started, and what these started.
pub(super) fn kill_children(pid: u32) {
    for child in descendants(pid) {
        send(child, Signal::KILL);
    }
}

/// The processes below one, parents before their children.
fn descendants(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(parent).collect();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(above) = found.get(next).copied() {
        // A process can come up twice only while process numbers are used again: bounded by the list.
        found.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(child, _)| *child));
        next += 1;
        if found.len() > parents.len() + 1 {
            break;
        }
    }
    found.remove(0);
    found
}

/// A process and its parent, out of an entry of `/proc`.
fn parent(entry: fs::DirEntry) -> Option<(u32, u32)> {
    let pid = entry.file_name().to_str()?.parse().ok()?;
    let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
    // `pid (name) state ppid …`; the name may hold anything.
    let after = &stat[stat.rfind(')')? + 1..];
    Some((pid, after.split_whitespace().nth(1)?.parse().ok()?))
}
