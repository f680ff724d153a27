//! `registration-flapping`: registered, and again, and again.

use std::net::IpAddr;
use std::time::Duration;

use crate::conversation::SeenAt;
use crate::conversation::registration::{Attempt, End, Ending, ResetOrder};
use crate::diagnosis::{Code, Confidence, Evidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, addresses, and_list, evidence};
use crate::phone::Phone;
use crate::types::Timestamp;

declare_finding! {
    /// ## Trigger
    ///
    /// Three registrations within ten minutes, of which at least two with one CallManager were lost: by the reason that
    /// the phone's next alarm gives, or, where it gives none, since the connection ended without a Reset of the
    /// CallManager and without an Unregister of the phone. Or three within ten minutes that ended one after the other with a
    /// Reset of the CallManager or with a boot of the phone, and none after them that lasts for several times as long.
    /// Or KeepAlives stay without answer,
    /// three in a row or until the phone leaves, from a CallManager that this capture shows to answer them; once, if the
    /// phone is not registered again, twice otherwise. Not where the phone has been registered for ten minutes since.
    ///
    /// ## Evidence
    ///
    /// Each registration and how it was lost; the unanswered KeepAlives.
    ///
    /// ## Explanation
    ///
    /// The CallManager is overloaded or restarts, another device has the same name or address, something on the path
    /// drops or resets idle connections (firewall, WAN), or packets are lost. Calls end each time.
    ///
    /// ## Fix
    ///
    /// Resets: find out who orders them (a user, a program, a reload), and whether the phone is told a load that it does not
    /// come to run. Boots: power of the switch port, then the load. Else look into the CallManager's trace at these times; see `duplicate-device`; measure loss on the path; let firewalls
    /// keep port 2000 for longer than the keepalive interval.
    ///
    /// ## Not this
    ///
    /// One or two resets ordered from CallManager, one failover, a return to the first CallManager of the list, a phone that is
    /// switched off and on twice. CallManager 2.0, which never answers a KeepAlive. The connection to a standby CallManager.
    ///
    /// ## References
    ///
    /// Unified CM Troubleshooting Guide, "Phone Resets"; reasons KeepaliveTO, CM-closed-TCP, CM-reset-TCP of phones' alarms.
    static REGISTRATION_FLAPPING = {
        code: RegistrationFlapping,
        summary: "The phone registers again and again, or its keepalives go unanswered",
        check: check,
    }
}

/// So many registrations within this are too many; and who is registered for so long since is well again.
const WINDOW: Duration = Duration::from_secs(600);
/// A phone that ends its connection so long after a KeepAlive has waited for the answer.
const WAITED: Duration = Duration::from_secs(10);

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let (again, loss) = again_and_again(cx);
    let deaf = unanswered(cx);
    if again.is_empty() && deaf.is_empty() {
        return Vec::new();
    }
    let registered = registrations(cx.phone);
    let times = registered.len().max(1);
    let mut servers: Vec<IpAddr> = again.iter().chain(&deaf).map(|a| a.server).collect();
    servers.sort_unstable();
    servers.dedup();
    let managers = and_list(&servers);
    let reason = cx.phone.last_reason.as_ref().map(|r| format!(" Its last alarm gives {} as the reason.", r.text));
    let label = cx.label();
    let (title, what) = if !deaf.is_empty() {
        let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
        (
            format!("CallManager {managers} stops answering keepalives"),
            format!("{label} sends KeepAlives that CallManager {managers} does not answer, and was registered {times}"),
        )
    } else {
        match loss {
            Loss::Failed => (
                format!("registration with {managers} does not last"),
                format!("{label} was registered {times} times and lost it again and again"),
            ),
            Loss::Reset => (
                format!("CallManager {managers} resets these phones again and again"),
                format!(
                    "CallManager {managers} registers {label} and soon orders it to reset, again and again ({times} registrations)"
                ),
            ),
            Loss::Rebooted => (
                "these phones boot again soon after they register".to_owned(),
                format!(
                    "{label} registers with {managers} and soon boots again, again and again ({times} registrations); no CallManager orders it to"
                ),
            ),
        }
    };
    let confidence =
        if again.is_empty() { cx.confidence_from_absence(Confidence::Certain) } else { Confidence::Certain };
    let fix = match loss {
        Loss::Reset if deaf.is_empty() => whose_order(&managers, &label),
        Loss::Rebooted if deaf.is_empty() => why_boots(&managers, cx.phone.model()),
        _ => what_ends(&managers, &label),
    };
    vec![
        Draft::from_evidence(Code::RegistrationFlapping, confidence, show(cx, &again, &deaf))
            .servers(servers.clone())
            .apart(if deaf.is_empty() { loss.as_str() } else { "keepalives" })
            .fact("call_managers", addresses(&servers))
            .fact("times", Fact::Number(u64::try_from(times).unwrap_or(u64::MAX)))
            .title(title)
            .summary(format!("{what}.{}", reason.unwrap_or_default()))
            .fix(fix),
    ]
}

fn show(cx: &PhoneContext<'_>, again: &[&Attempt], deaf: &[&Attempt]) -> Vec<Evidence> {
    let mut shown = Vec::new();
    for attempt in deaf.iter().rev().take(2) {
        if let Some(seen_at) = attempt.keepalive {
            let text =
                format!("KeepAlive to {} without an answer ({} in a row)", attempt.server, attempt.keepalives_open);
            shown.push(evidence(seen_at, text));
        }
    }
    for attempt in again.iter().rev().take(4) {
        let Some(registered) = attempt.registered_at() else { continue };
        shown.push(evidence(registered, format!("{} registers {}", attempt.server, cx.label())));
        if let Some(ResetOrder { seen_at, .. }) = attempt.reset {
            shown.push(evidence(seen_at, format!("{} orders it to reset", attempt.server)));
        } else if let Some(Ending { seen_at, how: end }) = attempt.end {
            shown.push(evidence(seen_at, format!("{} the connection", ends(attempt.server, end))));
        } else if let Some(boot) = cx.phone.boots.iter().find(|b| b.is_after(attempt.last)) {
            shown.push(evidence(*boot, format!("{} boots again", cx.label())));
        }
    }
    shown
}

fn what_ends(managers: &str, label: &str) -> Fix {
    let title = format!("Find out what ends the registrations with {managers}");
    Fix::new(FixKind::FindRegistrationEnd, FixTarget::CallManager, title)
        .step(format!(
            "In the trace and event log of {managers} at the times of the evidence: does it restart, throttle, or say that the device is registered twice?"
        ))
        .step(format!("Does another device register as {label}? See duplicate-device."))
        .step(format!(
            "Between the phone and {managers}: loss (ping with 1,000 packets), duplex on the switch port, and a firewall that forgets connections on port 2000 sooner than every 30 seconds."
        ))
        .verify("Each KeepAlive is followed by KeepAliveAck, and no second Register comes.")
}

fn whose_order(managers: &str, label: &str) -> Fix {
    let title = format!("On {managers}: find out who orders {label} to reset");
    Fix::new(FixKind::FindRegistrationEnd, FixTarget::CallManager, title)
        .step(format!(
            "In the trace and audit log of {managers} at the times of the evidence: which user, program (AXL, bulk administration) or job resets the device, its device pool or its line?"
        ))
        .step(format!(
            "Does its configuration change at each boot, or name a load that it does not come to run? Compare Phone Load Name of {label} and Device Defaults with the load that it says it runs."
        ))
        .step("An Asterisk with chan-sccp resets devices whose configuration is reloaded: see what reloads it.")
        .verify("No Reset comes for ten minutes, and each KeepAlive is followed by KeepAliveAck.")
}

fn why_boots(managers: &str, model: Option<&str>) -> Fix {
    Fix::new(FixKind::FindRegistrationEnd, FixTarget::Phone, "Find out why the phones boot again")
        .step("Power: on the switch port (show power inline, show logging), does the phone lose its power or its link at the times of the evidence? Try another port, cable, or power supply.")
        .step("On the phone, Settings, Status, Status Messages: what does it say before it boots?")
        .step(format!(
            "Otherwise its load crashes on what it gets from {managers}: try another load for this model ({}) and a configuration without its lines and buttons.",
            model.unwrap_or("see Device Defaults")
        ))
        .verify("The phone registers once, and each KeepAlive is followed by KeepAliveAck for ten minutes.")
}

fn ends(server: IpAddr, end: End) -> String {
    match end {
        End::ServerFin => format!("{server} closes"),
        End::ServerRst => format!("{server} resets"),
        End::PhoneFin => "the phone closes".to_owned(),
        End::PhoneRst => "the phone resets".to_owned(),
    }
}

/// Registrations that the capture shows being made, in order.
fn registrations(phone: &Phone) -> Vec<&Attempt> {
    let mut made: Vec<&Attempt> =
        phone.attempts.iter().filter(|a| a.register.is_some() && a.registered.is_some()).collect();
    made.sort_by_key(|a| a.registered);
    made
}

/// How a registration came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Loss {
    /// Nobody ordered it.
    Failed,
    /// CallManager ordered a reset.
    Reset,
    /// The phone booted again, and nobody ordered that.
    Rebooted,
}

impl Loss {
    fn as_str(self) -> &'static str {
        match self {
            Loss::Failed => "failed",
            Loss::Reset => "reset",
            Loss::Rebooted => "rebooted",
        }
    }
}

/// So many registrations in a row that end by a reset or a boot are too many: an administrator resets a phone twice.
const ENDED: usize = 3;

/// Reasons of alarms that say that the phone left on purpose (SCCP reference 3.3).
const ON_PURPOSE: [&str; 4] = ["failback", "phone-keypad", "phone-re-ip", "phone-abort"];
/// That CallManager ordered it.
const ORDERED: [&str; 2] = ["reset-reset", "reset-restart"];
/// That it was switched on. The others say that it lost its CallManager.
const SWITCHED_ON: &str = "initialized";

/// How a registration that another one follows was lost; `None`: it was given up on purpose, or nobody can tell.
fn loss(cx: &PhoneContext<'_>, earlier: &Attempt, later: &Attempt) -> Option<Loss> {
    // Two devices on one record, or a router's: what one does says nothing of the other.
    let spoke_on = earlier.spoke > later.register.map(|r| r.first);
    if earlier.client != later.client || earlier.name != later.name || spoke_on {
        return None;
    }
    if earlier.reset.is_some() {
        return Some(Loss::Reset);
    }
    if earlier.unregistered.is_some() {
        return None;
    }
    let between = |b: &SeenAt| Some(*b) > earlier.registered && Some(*b) < later.registered;
    let rebooted = cx.phone.boots.iter().any(between);
    if let Some(reason) = &later.reason {
        let reason = reason.raw().trim().to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| reason.ends_with(word));
        return if says(&ORDERED) {
            Some(Loss::Reset)
        } else if says(&[SWITCHED_ON]) {
            rebooted.then_some(Loss::Rebooted)
        } else {
            (!says(&ON_PURPOSE)).then_some(Loss::Failed)
        };
    }
    // Without the phone's word the end of the connection must be seen, and before the phone boots again: power that
    // goes and comes back is no fault of the registration.
    let failed = |ending: Ending| !cx.phone.boots.iter().any(|b| between(b) && *b < ending.seen_at);
    // In a capture that lost packets the order to leave may be among them.
    let visible = &cx.world.visible;
    let lossy = visible.lossy || visible.cut || earlier.gap;
    match earlier.end {
        Some(ending) if failed(ending) => (!lossy).then_some(Loss::Failed),
        _ => rebooted.then_some(Loss::Rebooted),
    }
}

/// One of the registrations in a row, and how the one before it was lost.
type Registered<'a> = (&'a Attempt, Option<Loss>);

/// The latest registrations that make it flapping: three or more within the window, lost one after the other; and how
/// most of them were.
fn again_and_again<'a>(cx: &PhoneContext<'a>) -> (Vec<&'a Attempt>, Loss) {
    let made = registrations(cx.phone);
    let mut run: Vec<Registered<'a>> = Vec::new();
    let mut latest: Vec<Registered<'a>> = Vec::new();
    let mut before: Option<&Attempt> = None;
    for attempt in &made {
        let lost = before.and_then(|before| loss(cx, before, attempt));
        if lost.is_none() {
            run.clear();
        }
        run.push((attempt, lost));
        run.retain(|(a, _)| began(attempt).since(began(a)) <= WINDOW);
        if is_too_many(&run) {
            latest.clone_from(&run);
        }
        before = Some(attempt);
    }
    let losses = || latest.iter().skip(1).filter_map(|(_, lost)| *lost);
    let count = |kind: Loss| losses().filter(|lost| *lost == kind).count();
    let most = [Loss::Rebooted, Loss::Reset, Loss::Failed].into_iter().max_by_key(|kind| count(*kind));
    let most = most.unwrap_or(Loss::Failed);
    let last = made.last().filter(|last| is_settled(cx, last) || (most != Loss::Failed && has_stayed(&latest, last)));
    if last.is_some() { (Vec::new(), most) } else { (latest.into_iter().map(|(a, _)| a).collect(), most) }
}

/// When a registration began.
fn began(attempt: &Attempt) -> Timestamp {
    attempt.registered.map(|s| s.time).unwrap_or_default()
}

/// Three or more, two of them lost with one CallManager: losing each of two once is failover. Of those that were ordered
/// to end, or ended with a boot, three have to be lost.
fn is_too_many(run: &[Registered<'_>]) -> bool {
    if run.iter().skip(1).any(|(_, lost)| *lost != Some(Loss::Failed)) {
        let ordered = run.last().is_some_and(|(last, _)| last.reset.is_some());
        return run.len() + usize::from(ordered) > ENDED;
    }
    // All but the last were lost; the last perhaps.
    let lost = run.iter().enumerate().filter(|(i, (a, _))| i + 1 < run.len() || a.end.is_some());
    let servers: Vec<IpAddr> = lost.map(|(_, (a, _))| a.server).collect();
    run.len() >= 3 && servers.iter().any(|s| servers.iter().filter(|o| *o == s).count() >= 2)
}

/// Whether the last registration has lasted for several times as long as those before it.
fn has_stayed(run: &[Registered<'_>], last: &Attempt) -> bool {
    let spans = run.windows(2).filter_map(|pair| match pair {
        [(earlier, _), (later, _)] => Some(began(later).since(began(earlier))),
        _ => None,
    });
    let longest = spans.max().unwrap_or_default();
    last.end.is_none() && last.spoke.is_some_and(|s| s.time.since(began(last)) >= longest.saturating_mul(4))
}

/// Registered, and for long enough to be called well.
fn is_settled(cx: &PhoneContext<'_>, attempt: &Attempt) -> bool {
    let since = attempt.registered.map(|s| s.time).unwrap_or_default();
    attempt.end.is_none() && attempt.spoke.is_some_and(|s| s.time.since(since) >= WINDOW) && cx.is_registered()
}

/// Connections of a registered phone on which a CallManager fell silent.
fn unanswered<'a>(cx: &PhoneContext<'a>) -> Vec<&'a Attempt> {
    let visible = &cx.world.visible;
    if visible.blind_registration {
        return Vec::new();
    }
    let fell_silent = |a: &&Attempt| {
        let answers = a.keepalive_acks > 0 || cx.world.together.answer_keepalives.contains(&a.server);
        let phone_left = a.end.is_some_and(|e| !e.how.by_server()) && a.unregistered.is_none();
        let waited = || match (a.keepalive, a.end) {
            (Some(asked), Some(end)) => end.seen_at.time.since(asked.time) >= WAITED,
            _ => false,
        };
        let open = a.keepalives_open;
        answers && a.server_seen && !a.gap && (open >= 3 || (phone_left && (open >= 2 || (open == 1 && waited()))))
    };
    // The connection to a standby CallManager does not count.
    let deaf: Vec<&Attempt> = cx.phone.counting_attempts().map(|(_, a)| a).filter(fell_silent).collect();
    let registered_again = deaf.last().is_some_and(|last| {
        cx.phone.attempts.iter().any(|a| a.registered > last.registered && a.end.is_none() && a.keepalives_open == 0)
    });
    if deaf.len() == 1 && registered_again {
        return Vec::new();
    }
    if let Some(last) = registrations(cx.phone).last()
        && is_settled(cx, last)
        && last.keepalives_open == 0
    {
        return Vec::new();
    }
    deaf
}
