//! Alerts to a program: the JSON of each on its standard input.
//!
//! No shell is between: the program and its arguments are the operator's words, split at blanks and nothing else, and no
//! text of the network is ever among them. One runs at a time, for half a minute at most.

use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::cli::commands::service::alerts::{Channel, Message, Trouble};
use crate::cli::io::messages::reason;

/// For one run.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it ended.
const LOOK: Duration = Duration::from_millis(20);

/// `--alert-command`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    program: String,
    arguments: Vec<String>,
    patience: Duration,
}

impl Program {
    /// # Errors
    /// There is nothing to run.
    pub(crate) fn parse(text: &str) -> Result<Program, String> {
        let mut words = text.split_ascii_whitespace().map(str::to_owned);
        let program = words.next().ok_or("it is a program, and its arguments behind it")?;
        Ok(Program { program, arguments: words.collect(), patience: PATIENCE })
    }

    fn run(&self, message: &Message) -> Result<(), Trouble> {
        let failed = |e: std::io::Error| Trouble { why: format!("it can not be run: {}", reason(&e)), is_final: true };
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LANG"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        // An alert fits into the pipe at once, whether it is read or not (report::alerts).
        if let Some(mut input) = child.stdin.take() {
            let _ = input.write_all(&message.json);
        }
        let until = Instant::now() + self.patience;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => {
                    let why = match (status.code(), status.signal()) {
                        (Some(code), _) => format!("it ends with {code}"),
                        (None, signal) => format!("signal {} ends it", signal.unwrap_or(0)),
                    };
                    return Err(Trouble { why, is_final: false });
                }
                Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
                Ok(None) => {
                    end(&mut child);
                    let why = format!("it runs for more than {} s and is ended", self.patience.as_secs());
                    return Err(Trouble { why, is_final: true });
                }
                Err(e) => {
                    end(&mut child);
                    return Err(failed(e));
                }
            }
        }
    }
}

/// Ends it, and all that it started.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

impl Channel for Program {
    fn name(&self) -> &'static str {
        "command"
    }

    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        self.run(message)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::commands::service::alerts::tests::alert;

    fn message() -> Message {
        Message { alert: alert(), json: b"{\"title\":\"$(touch evil); `id`\"}\n".to_vec() }
    }

    fn script(dir: &tempfile::TempDir, text: &str) -> String {
        let path = dir.path().join("script");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn alert_is_on_stdin_and_arguments_are_the_operators() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let path = script(&dir, &format!("printf '%s|' \"$@\" >{0}; cat >>{0}; env >>{0}", out.display()));
        Program::parse(&format!("{path} --to  a;b $HOME")).unwrap().send(&message()).unwrap();
        let said = fs::read_to_string(out).unwrap();
        assert!(said.starts_with("--to|a;b|$HOME|{\"title\":\"$(touch evil); `id`\"}\n"), "{said}");
        assert!(!said.contains("CARGO"), "{said}");
        assert!(Program::parse(" ").is_err());
    }

    #[test]
    fn how_it_ends_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let why = |text: &str| Program::parse(&script(&dir, text)).unwrap().send(&message()).unwrap_err();
        assert_eq!(why("exit 3").why, "it ends with 3");
        assert_eq!(why("kill -9 $$").why, "signal 9 ends it");
        let none = Program::parse("/no/such/program").unwrap().send(&message()).unwrap_err();
        assert_eq!((none.why.as_str(), none.is_final), ("it can not be run: no such file or directory", true));
    }

    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let path = script(&dir, &format!("(sleep 2; touch {}) & sleep 60", mark.display()));
        let program = Program { patience: Duration::from_millis(200), ..Program::parse(&path).unwrap() };
        let began = Instant::now();
        let trouble = program.run(&message()).unwrap_err();
        assert!(trouble.is_final && began.elapsed() < Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(2_200));
        assert!(!mark.exists(), "what it started lives on");
    }

    #[test]
    fn one_that_does_not_read_its_input_is_no_trouble() {
        let big = Message { alert: alert(), json: vec![b'x'; 60_000] };
        Program::parse("true").unwrap().send(&big).unwrap();
        let dir = tempfile::tempdir().unwrap();
        Program::parse(&script(&dir, "sleep 0.2")).unwrap().send(&big).unwrap();
    }
}
