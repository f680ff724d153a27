//! Writes the large capture for measurements: `span_capture FILE [PACKETS [PHONES]]`.
//!
//! By default 3 million packets, 95 % of them voice, the rest boots of 10,000 phones of which some are stuck. With as
//! many packets as 15 a phone there is no voice (a boot storm), with 0 phones nothing else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it writes a capture")]

#[path = "../support/mod.rs"]
mod support;

use std::fs::File;
use std::io::{self, BufWriter, Write};

use support::span::{Plan, write};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, "usage: span_capture FILE [PACKETS [PHONES]]");
    let path = arguments.next().ok_or_else(usage)?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |n| n.parse().map_err(|_| usage()));
    let plan = Plan { packets: number(3_000_000)?, phones: number(10_000)? };
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let written = write(&mut out, plan)?;
    out.flush()?;
    writeln!(io::stderr(), "{written} packets, {} phones", plan.phones)
}
