//! The lab of `tests/lab`: real boots on this machine, with the verdicts that they are meant to get.

#[cfg(feature = "live")]
mod live;
mod round_trip;
mod scenarios;
mod teardown;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use crate::real::must_have_everything;

/// What the lab ends with where a namespace is refused, or a program is missing.
const NOT_HERE: i32 = 4;

/// The lab's program, as it is in the sources now.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // `target/PROFILE/deps/it-…`
        let own = std::env::current_exe().unwrap();
        let program = own.parent().unwrap().parent().unwrap().join("examples/lab");
        // A test binary that runs by itself takes what is there.
        if let Some(cargo) = std::env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--locked", "--example", "lab"]);
            if !cfg!(feature = "live") {
                build.arg("--no-default-features");
            }
            if !cfg!(debug_assertions) {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success(), "the lab does not build");
        }
        assert!(program.is_file(), "{} is not there", program.display());
        program
    })
}

/// Whether the lab could not run here, which it then says. Where `CI` is `true` a missing program is a failure; a machine
/// that gives no namespace is not.
#[allow(clippy::print_stdout, reason = "a test that skips says so")]
fn is_refused(output: &Output) -> bool {
    if output.status.code() != Some(NOT_HERE) {
        return false;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!must_have_everything() || said.contains("no network namespace"), "{said}");
    println!("skipped: {said}");
    true
}

/// One run of a scenario, with what it left.
struct Run {
    output: Output,
    folder: tempfile::TempDir,
}

impl Run {
    /// Runs the scenario with these arguments, its recording in a folder of its own.
    fn of(scenario: &str, arguments: &[&str]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program());
        command.arg("run").arg(scenario).args(arguments).arg("--out").arg(folder.path().join("lab.pcapng"));
        Run { output: command.output().unwrap(), folder }
    }

    fn file(&self, end: &str) -> PathBuf {
        self.folder.path().join(format!("lab.{end}"))
    }

    fn capture(&self) -> Vec<u8> {
        fs::read(self.file("pcapng")).unwrap()
    }

    fn site_file(&self) -> String {
        fs::read_to_string(self.file("site.toml")).unwrap()
    }

    fn expected(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file("expected.json")).unwrap()).unwrap()
    }

    fn said(&self) -> String {
        let (out, error) = (&self.output.stdout, &self.output.stderr);
        format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(error))
    }
}
