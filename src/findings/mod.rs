//! What is wrong: one file a finding, each with its trigger, evidence, explanation and fix together.
//!
//! A rule is a pure function of one phone in its world ([`context::PhoneContext`]) to drafts; what the drafts of one
//! phone explain of each other is said in one place ([`causes`]); drafts of many phones with one cause become one
//! finding ([`grouping`]). The rule's own text is its page: `phonescope explain`, `docs/findings/<code>.md` and the
//! documentation of this module come from it.

mod boot_step;
pub mod causes;
mod contact;
pub mod context;
pub mod coverage;
mod diagnose;
mod draft;
mod fallback;
mod grouping;
pub mod inference;
mod leases;
mod narrative;
mod occupants;
pub mod peers;
mod scopes;
mod servers;
mod sip_refusal;
pub mod site_wide;
mod wanted;

pub use diagnose::diagnose;
pub use draft::Draft;

use std::net::IpAddr;

use crate::conversation::SeenAt;
pub use crate::diagnosis::Code;
pub(crate) use crate::diagnosis::and_list;
use crate::diagnosis::{Evidence, Fact, Fix};
use crate::types::WireText;
use context::PhoneContext;

/// Sentences and cures of a finding; those of the first phone stand for all of its group.
#[derive(Clone, Debug, Default)]
pub struct FindingText {
    /// A few words.
    pub title: String,
    /// What and why it matters, with values.
    pub summary: String,
    /// What to change.
    pub fixes: Vec<Fix>,
}

/// One kind of finding.
#[derive(Debug)]
pub struct Rule {
    /// Which finding it makes.
    pub code: Code,
    /// One line.
    pub summary: &'static str,
    /// The page, in Markdown with the headings of [`HEADINGS`].
    pub page: &'static str,
    /// The judgement.
    pub check: fn(&PhoneContext<'_>) -> Vec<Draft>,
}

/// The headings of every page, in order.
pub const HEADINGS: [&str; 6] = ["Trigger", "Evidence", "Explanation", "Fix", "Not this", "References"];

/// Declares a rule; its doc comment is its page.
macro_rules! declare_finding {
    ($(#[doc = $page:literal])+ static $NAME:ident = { code: $code:ident, summary: $summary:literal, check: $check:path $(,)? }) => {
        $(#[doc = $page])+
        pub(crate) static $NAME: $crate::findings::Rule = $crate::findings::Rule {
            code: $crate::diagnosis::Code::$code,
            summary: $summary,
            page: concat!($($page, "\n"),+),
            check: $check,
        };
    };
}

pub mod rules;

pub use rules::RULES;

/// The rule of a code.
pub fn rule(code: Code) -> Option<&'static Rule> {
    RULES.iter().copied().find(|r| r.code == code)
}

// ---- short forms for the rules ----

/// Evidence of one frame.
pub(crate) fn evidence(seen_at: SeenAt, text: impl Into<String>) -> Evidence {
    Evidence { at: seen_at.at, time: seen_at.time, text: text.into() }
}

pub(crate) fn text(value: impl ToString) -> Fact {
    Fact::Text(WireText::from(value.to_string().as_str()))
}

pub(crate) fn optional(value: Option<impl ToString>) -> Fact {
    value.map_or(Fact::Null, text)
}

pub(crate) fn wire_texts(values: &[WireText]) -> Fact {
    Fact::List(values.iter().cloned().map(Fact::Text).collect())
}

pub(crate) fn addresses(values: &[IpAddr]) -> Fact {
    Fact::List(values.iter().map(text).collect())
}
