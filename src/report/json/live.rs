//! Lines of a live run, between its start and its report.

use serde::Serialize;

use crate::report::Change;
use crate::types::{Mac, Timestamp, WireText};

/// What changed of a phone.
#[derive(Serialize)]
pub(super) struct Changed<'a> {
    time: Timestamp,
    mac: Mac,
    name: Option<&'a WireText>,
    change: &'static str,
    from: Option<&'a WireText>,
    to: Option<&'a WireText>,
    input: Option<u32>,
    frame: Option<u64>,
    frame_time: Option<Timestamp>,
    finding: Option<Finding>,
    text: &'a str,
}

#[derive(Serialize)]
struct Finding {
    code: crate::diagnosis::Code,
    severity: &'static str,
    confidence: &'static str,
    began: Timestamp,
}

impl<'a> Changed<'a> {
    pub(super) fn new(c: &'a Change) -> Changed<'a> {
        Changed {
            time: c.time,
            mac: c.mac,
            name: c.name.as_ref(),
            change: c.kind.as_str(),
            from: c.from.as_ref(),
            to: c.to.as_ref(),
            input: c.shown.map(|(_, at)| at.input),
            frame: c.shown.map(|(_, at)| at.frame),
            frame_time: c.shown.map(|(time, _)| time),
            finding: c.finding.map(|f| Finding {
                code: f.code,
                severity: f.severity.as_str(),
                confidence: f.confidence.as_str(),
                began: f.began,
            }),
            text: &c.text,
        }
    }
}

/// What happened to a port.
#[derive(Serialize)]
pub(super) struct Notice<'a> {
    pub(super) time: Timestamp,
    pub(super) port: &'a WireText,
    pub(super) text: &'a str,
}
