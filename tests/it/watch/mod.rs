//! `watch` on a port: in a private network, into which captures are played.
//!
//! Where this machine refuses such a network, or lacks a program, the test says so and ends.

mod endings;
mod flood;
mod latency;
mod lines;
mod picture;
mod screen;
mod tmux;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::real::namespace::{NO_OFFLOADS, Namespace, output_within};
use crate::real::programs::Program;
use crate::real::{namespace, program};
use crate::support::shipped::shipped;

/// Nothing that is waited for takes longer on a machine that works.
const SOON: Duration = Duration::from_secs(20);
/// What the captures are played at: faster, but no silence gets shorter than a phone waits.
const PORT: &str = "span0";
/// The other end of the cable.
const CABLE: &str = "mirror0";

/// The program under test.
fn phonescope() -> &'static str {
    env!("CARGO_BIN_EXE_phonescope")
}

/// A private network with a port to watch, and a cable into it.
pub(crate) struct Stage {
    site: Namespace,
    tcpreplay: Program,
}

impl Stage {
    /// `None` after saying why there is none.
    #[allow(clippy::print_stdout, reason = "a test that skips says so")]
    pub(crate) fn new() -> Option<Stage> {
        let (tcpreplay, site) = (program("tcpreplay")?, namespace()?);
        if site.is_unprivileged() {
            println!("skipped: only root may capture in here");
            return None;
        }
        site.ip(&format!("link add {CABLE} type veth peer name {PORT}")).unwrap();
        for end in [CABLE, PORT] {
            // The host itself has nothing to say on it.
            site.shell(&format!("echo 1 > /proc/sys/net/ipv6/conf/{end}/disable_ipv6 2>/dev/null || true")).unwrap();
            site.shell(&format!("ethtool -K {end} {}", NO_OFFLOADS.join(" "))).unwrap();
            site.ip(&format!("link set {end} up")).unwrap();
        }
        // What is sent before the link is there is lost.
        for end in [CABLE, PORT] {
            until("the link is up", || {
                let said = site.command_named("ip").args(["-br", "link", "show", end]).output().unwrap().stdout;
                String::from_utf8_lossy(&said).contains(" UP ").then_some(())
            });
        }
        Some(Stage { site, tcpreplay })
    }

    fn folder(&self) -> &Path {
        self.site.folder()
    }

    /// A shipped capture as a file.
    fn capture(&self, path: &str) -> PathBuf {
        let all = shipped();
        let capture = all.iter().find(|c| c.path == path).expect("a shipped capture");
        let file = self.folder().join("played.pcap");
        fs::write(&file, (capture.build)()).unwrap();
        file
    }

    /// Plays a capture into the port, so many times as fast as it was.
    fn play(&self, file: &Path, times_as_fast: u32) {
        let mut command = self.site.command(&self.tcpreplay);
        command.args(["-q", "-K", "-i", CABLE, &format!("--multiplier={times_as_fast}")]).arg(file);
        let output = output_within(&mut command, Duration::from_secs(240)).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts `watch` on the port and waits until it listens; its output goes to files in the folder.
    fn watch(&self, arguments: &[&str]) -> Watch<'_> {
        let path = |name: &str| self.folder().join(name);
        let file = |name: &str| fs::File::create(path(name)).unwrap();
        let mut command = self.site.command_named("sh");
        // Its own number: the one that is seen from outside is that of who brought it in.
        let line = format!("echo $$ > {}; exec \"$@\"", path("pid").display());
        command.args(["-c", &line, "sh", phonescope(), "watch", "-i", PORT]).args(arguments);
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let child = command.spawn().unwrap();
        self.until_it_listens();
        Watch { stage: self, child }
    }

    fn until_it_listens(&self) {
        until("it listens", || {
            let sockets = self.site.command_named("cat").arg("/proc/net/packet").output().unwrap().stdout;
            (String::from_utf8_lossy(&sockets).lines().count() > 1).then_some(())
        });
        // The socket is there a moment before the buffer and the filter are: a busy machine takes its time.
        std::thread::sleep(Duration::from_secs(1));
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap_or_default()
    }
}

/// A run of `watch`.
struct Watch<'s> {
    stage: &'s Stage,
    child: Child,
}

impl Watch<'_> {
    /// Sends a signal, as `kill` spells it.
    fn signal(&self, name: &str) {
        self.stage.site.shell(&format!("kill -{name} $(cat {}/pid)", self.stage.folder().display())).unwrap();
    }

    /// Waits for its end: the exit code.
    fn end(mut self) -> Option<i32> {
        let child = &mut self.child;
        until("it ends", || child.try_wait().unwrap()).code()
    }

    /// Waits until a line of standard output has all of `parts` in it.
    fn until_said(&self, parts: &[&str]) {
        self.until_one_is_said(&[parts]);
    }

    /// Waits until a line of standard output has all parts of one of `choices` in it.
    fn until_one_is_said(&self, choices: &[&[&str]]) {
        let end = Instant::now() + SOON;
        loop {
            let out = self.stage.read("out");
            let is_said = |parts: &[&str]| out.lines().any(|line| parts.iter().all(|part| line.contains(part)));
            if choices.iter().any(|parts| is_said(parts)) {
                return;
            }
            assert!(Instant::now() < end, "waited {SOON:?} in vain for {choices:?} in:\n{out}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for something that is about to be.
fn until<T>(what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(value) = is_so() {
            return value;
        }
        assert!(Instant::now() < end, "waited {SOON:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The output of a command of the program, outside.
fn run(arguments: &[&str]) -> std::process::Output {
    Command::new(phonescope()).args(arguments).output().unwrap()
}
