//! What the phones of a plan do in a capture, or live.

#[cfg(feature = "live")]
use std::collections::BTreeMap;
use std::path::PathBuf;
#[cfg(feature = "live")]
use std::time::Instant;

use phonescope::analyzer::Analyzer;
#[cfg(feature = "live")]
use phonescope::remedy::load_status::LoadStatus;
use phonescope::remedy::plan::Plan;
use phonescope::remedy::recovery;
#[cfg(feature = "live")]
use phonescope::remedy::recovery::{PhoneRecovery, State};
use phonescope::site::Site;
#[cfg(feature = "live")]
use phonescope::types::Mac;

use crate::cli::commands::verify::Observed;
#[cfg(feature = "live")]
use crate::cli::commands::watch::pace::{Pace, processor_time};
#[cfg(feature = "live")]
use crate::cli::io::live::{LiveArguments, Session};
#[cfg(feature = "live")]
use crate::cli::io::messages::say;
use crate::cli::io::progress::Progress;
use crate::cli::{Failure, Verbosity, io::input_args};

/// Reads the captures and judges.
pub(super) fn read(captures: &[PathBuf], plan: &Plan, verbosity: &Verbosity) -> Result<Observed, Failure> {
    let mut analyzer = Analyzer::new();
    input_args::read(captures, &mut analyzer, verbosity, Progress::new(verbosity, false), |_| Ok(()))?;
    // The plan says what ought to be.
    let site = Site::none();
    let diagnosis = analyzer.diagnose(&site);
    let recovery = recovery::judge(plan, &diagnosis);
    Ok(Observed { inputs: diagnosis.inputs.clone(), recovery, unwritten: None })
}

/// Captures on ports until all phones are back, or the run ends otherwise; each phone is told on standard error when
/// its state changes.
#[cfg(feature = "live")]
pub(super) fn watch(live: &LiveArguments, plan: &Plan, quiet: bool) -> Result<Observed, Failure> {
    let mut session = Session::open(live)?;
    let mut analyzer = Analyzer::new();
    let site = Site::none();
    let mut told: BTreeMap<Mac, State> = BTreeMap::new();
    let mut pace = Pace::new(Instant::now());
    if !quiet {
        say(&format!(
            "waiting for {} of the plan; Ctrl-C ends it",
            crate::cli::commands::verify::table::count(plan.phones.len(), "phone")
        ));
    }
    loop {
        let step = session.step(pace.wait(Instant::now()), &[], &mut analyzer, &mut |_| ())?;
        step.say();
        if step.frames > 0 {
            pace.heard(Instant::now());
        }
        if step.ended.is_some() {
            break;
        }
        let now = Instant::now();
        let began = processor_time();
        if !pace.wait(now).is_zero() {
            continue;
        }
        session.settle(&mut analyzer);
        let recovery = recovery::judge(plan, &analyzer.diagnose(&site));
        pace.judged(processor_time().saturating_sub(began), Instant::now());
        for phone in &recovery.phones {
            let state = so_far(phone);
            let before = told.insert(phone.mac, state).unwrap_or(State::NotSeen);
            if before != state && !quiet {
                say(&change(phone, state));
            }
        }
        if recovery.is_complete() {
            break;
        }
    }
    let unwritten = session.finish(&mut analyzer)?.failure();
    let diagnosis = analyzer.diagnose(&site);
    let recovery = recovery::judge(plan, &diagnosis);
    Ok(Observed { inputs: diagnosis.inputs.clone(), recovery, unwritten })
}

/// A phone that runs the wrong load and has yet to register may be about to take the right one.
#[cfg(feature = "live")]
fn so_far(phone: &PhoneRecovery) -> State {
    match phone.state {
        State::NotRecovered if phone.registration.standing == LoadStatus::NotSeen => State::Incomplete,
        state => state,
    }
}

/// `SEP003094C2D3FA: recovered in 41.2 s`, `SEP003094C2D3FA: CallManager 10.30.0.10 rejects it.`
#[cfg(feature = "live")]
fn change(phone: &PhoneRecovery, state: State) -> String {
    match (state, phone.recovery_time()) {
        (State::Recovered, Some(time)) => {
            format!("{}: recovered in {}", phone.name, crate::cli::commands::verify::table::seconds(time))
        }
        (State::Recovered, None) => format!("{}: recovered", phone.name),
        (State::Incomplete | State::NotSeen, _) => format!("{}: boots", phone.name),
        (State::NotRecovered, _) => format!("{}: {}", phone.name, phone.left.join(" ")),
    }
}
