//! A terminal that a test types into and reads from.

use std::time::Duration;

use super::{Stage, until};
use crate::real::namespace::succeeds;
use crate::real::program;
use crate::real::programs::Program;

/// A terminal with a shell in it, in the private network.
pub(crate) struct Terminal<'s> {
    stage: &'s Stage,
    tmux: Program,
}

impl<'s> Terminal<'s> {
    /// `None` after saying that there is no tmux.
    pub(crate) fn open(stage: &'s Stage, columns: u16, lines: u16, environment: &str) -> Option<Terminal<'s>> {
        let terminal = Terminal { stage, tmux: program("tmux")? };
        let size = ["-x", &columns.to_string(), "-y", &lines.to_string()].map(str::to_owned);
        // A shell without a history, whose prompt is known.
        let shell = format!("env LANG=C.UTF-8 LC_ALL=C.UTF-8 PS1='shell> ' {environment} sh -i");
        let mut arguments: Vec<&str> = vec!["new-session", "-d", "-s", "t"];
        arguments.extend(size.iter().map(String::as_str));
        arguments.push(&shell);
        terminal.tmux(&arguments);
        terminal.until("shell>");
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) {
        let mut command = self.command(arguments);
        succeeds(&mut command).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.stage.site.command(&self.tmux);
        command.env("LC_ALL", "C.UTF-8").arg("-u").arg("-S").arg(self.stage.folder().join("tmux"));
        command.args(["-f", "/dev/null"]).args(arguments);
        command
    }

    /// Types text as it is.
    pub(crate) fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "t", "-l", text]);
    }

    /// Presses keys by tmux's names.
    pub(crate) fn presses(&self, keys: &[&str]) {
        for key in keys {
            self.tmux(&["send-keys", "-t", "t", key]);
            // An escape is a key of its own only where nothing follows it at once.
            if *key == "Escape" {
                std::thread::sleep(Duration::from_millis(150));
            }
        }
    }

    pub(crate) fn resize(&self, columns: u16, lines: u16) {
        self.tmux(&["resize-window", "-t", "t", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    /// Closes the window, as one does that has no more use for it.
    pub(crate) fn close(&self) {
        self.tmux(&["kill-session", "-t", "t"]);
    }

    /// What is to be seen.
    pub(crate) fn shows(&self) -> String {
        let output = self.command(&["capture-pane", "-p", "-t", "t"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with the escape sequences of its colours.
    pub(crate) fn shows_in_colour(&self) -> String {
        let output = self.command(&["capture-pane", "-p", "-e", "-N", "-t", "t"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Something that tmux knows of the terminal.
    pub(crate) fn knows(&self, format: &str) -> String {
        let output = self.command(&["display-message", "-p", "-t", "t", format]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Waits until a text is to be seen, and gives all that is.
    pub(crate) fn until(&self, text: &str) -> String {
        let mut shown = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(text, || {
                shown = self.shows();
                shown.contains(text).then_some(())
            });
        }));
        assert!(found.is_ok(), "no {text:?} in:\n{shown}");
        shown
    }
}
