//! The shape of an answer to `--what-if`, part of `phonescope.report/1`.

use std::net::IpAddr;

use serde::Serialize;

use crate::diagnosis as model;
use crate::types::{Mac, WireText};

/// What a change would do.
#[derive(Serialize)]
pub(super) struct WhatIf<'a> {
    change: &'a str,
    summary: &'a str,
    first: &'a [String],
    phones: Vec<PhoneThen<'a>>,
    unaffected: usize,
}

impl<'a> WhatIf<'a> {
    pub(super) fn new(answer: &'a model::WhatIf) -> WhatIf<'a> {
        WhatIf {
            change: &answer.change,
            summary: &answer.summary,
            first: &answer.first,
            phones: answer.phones.iter().map(PhoneThen::new).collect(),
            unaffected: answer.unaffected,
        }
    }
}

#[derive(Serialize)]
struct Moves {
    from: Option<IpAddr>,
    to: IpAddr,
}

/// A phone after the change.
#[derive(Serialize)]
struct PhoneThen<'a> {
    mac: Mac,
    name: Option<&'a WireText>,
    moves: Option<Moves>,
    load_now: Option<&'a WireText>,
    load_then: Option<&'a WireText>,
    named_by: Option<&'a str>,
    call_managers: &'a [String],
    outcome: &'static str,
    because: &'a str,
    load_first: Option<&'a WireText>,
}

impl<'a> PhoneThen<'a> {
    fn new(p: &'a model::PhoneThen) -> PhoneThen<'a> {
        PhoneThen {
            mac: p.mac,
            name: p.name.as_ref(),
            moves: p.moves.map(|(from, to)| Moves { from, to }),
            load_now: p.load_now.as_ref(),
            load_then: p.load_then.as_ref(),
            named_by: p.named_by.as_deref(),
            call_managers: &p.call_managers,
            outcome: p.outcome.as_str(),
            because: &p.because,
            load_first: p.load_first.as_ref(),
        }
    }
}
