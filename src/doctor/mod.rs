//! Can this port show what is needed: what was counted on it, and what that means. No input and output, no clock.
//!
//! [`Survey`] counts what comes in, [`judge`] says what is wrong with it, and [`switch`] what to configure on a switch.

mod judgement;
mod survey;
pub mod switch;

pub use judgement::{Examined, Proof, judge};
pub use survey::{Signalling, Survey};

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// As it should be.
    Ok,
    /// Nothing was seen that would tell.
    Unknown,
    /// Works, and could work better.
    Warning,
    /// What phones do can not be seen like this.
    Problem,
}

impl State {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Unknown => "unknown",
            State::Warning => "warning",
            State::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// Kebab-case, fixed.
    pub name: &'static str,
    /// How it came out.
    pub state: State,
    /// What was seen.
    pub text: String,
    /// What to do, where there is something to do.
    pub advice: Option<String>,
}

impl Check {
    fn new(name: &'static str, state: State, text: impl Into<String>) -> Check {
        Check { name, state, text: text.into(), advice: None }
    }

    fn advise(mut self, advice: impl Into<String>) -> Check {
        self.advice = Some(advice.into());
        self
    }
}
