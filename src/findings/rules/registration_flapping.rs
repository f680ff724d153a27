//! `registration-flapping`: registered, and again, and again.

use std::net::IpAddr;
use std::time::Duration;

use crate::conversation::registration::Ending;
use crate::conversation::registration::{Attempt, End};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, addresses, and_list, evidence};
use crate::phone::Phone;

declare_finding! {
    /// ## Trigger
    ///
    /// Three registrations within ten minutes, of which at least two with one CallManager were lost: by the reason that
    /// the phone's next alarm gives, or, where it gives none, since the connection ended without a Reset of the
    /// CallManager and without an Unregister of the phone. Or KeepAlives stay without answer,
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
    /// Look into the CallManager's trace at these times; see `duplicate-device`; measure loss on the path; let firewalls
    /// keep port 2000 for longer than the keepalive interval.
    ///
    /// ## Not this
    ///
    /// A reset ordered from CallManager, one failover, a return to the first CallManager of the list, a phone that is
    /// switched off and on. CallManager 2.0, which never answers a KeepAlive. The connection to a standby CallManager.
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
    let again = again_and_again(cx);
    let deaf = unanswered(cx);
    if again.is_empty() && deaf.is_empty() {
        return Vec::new();
    }
    let registered = registrations(cx.phone);
    let times = registered.len().max(1);
    let mut servers: Vec<IpAddr> = again.iter().chain(&deaf).map(|a| a.server).collect();
    servers.sort_unstable();
    servers.dedup();
    let mut shown = Vec::new();
    for attempt in deaf.iter().rev().take(2) {
        if let Some(seen_at) = attempt.keepalive {
            let text =
                format!("KeepAlive to {} without an answer ({} in a row)", attempt.server, attempt.keepalives_open);
            shown.push(evidence(seen_at, text));
        }
    }
    for attempt in again.iter().rev().take(4) {
        if let Some(seen_at) = attempt.registered_at() {
            shown.push(evidence(seen_at, format!("{} registers {}", attempt.server, cx.label())));
        }
        if let Some(Ending { seen_at, how: end }) = attempt.end {
            shown.push(evidence(seen_at, format!("{} the connection", ends(attempt.server, end))));
        }
    }
    let reason = cx.phone.last_reason.as_ref().map(|r| format!(" Its last alarm gives {} as the reason.", r.text));
    let what = if deaf.is_empty() {
        format!("{} was registered {times} times and lost it again and again", cx.label())
    } else {
        format!(
            "{} sends KeepAlives that CallManager {} does not answer, and was registered {}",
            cx.label(),
            and_list(&servers),
            if times == 1 { "once".to_owned() } else { format!("{times} times") }
        )
    };
    let managers = and_list(&servers);
    let confidence =
        if again.is_empty() { cx.confidence_from_absence(Confidence::Certain) } else { Confidence::Certain };
    vec![Draft::from_evidence(Code::RegistrationFlapping, confidence, shown)
        .servers(servers.clone())
        .fact("call_managers", addresses(&servers))
        .fact("times", Fact::Number(u64::try_from(times).unwrap_or(u64::MAX)))
        .title(if deaf.is_empty() {
                format!("registration with {managers} does not last")
            } else {
                format!("CallManager {managers} stops answering keepalives")
            })
        .summary(format!("{what}.{}", reason.unwrap_or_default()))
        .fix(Fix::new(FixKind::FindRegistrationEnd, FixTarget::CallManager, format!("Find out what ends the registrations with {managers}"))
                .step(format!(
                        "In the trace and event log of {managers} at the times of the evidence: does it restart, throttle, or say that the device is registered twice?"
                    ))
                        .step(format!("Does another device register as {}? See duplicate-device.", cx.label()))
                        .step(format!(
                        "Between the phone and {managers}: loss (ping with 1,000 packets), duplex on the switch port, and a firewall that forgets connections on port 2000 sooner than every 30 seconds."
                    )).verify("Each KeepAlive is followed by KeepAliveAck, and no second Register comes."))]
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

/// Reasons of alarms that say that the phone left on purpose or was switched on (SCCP reference 3.3); the others say
/// that it lost its CallManager.
const ON_PURPOSE: [&str; 7] =
    ["initialized", "reset-reset", "reset-restart", "failback", "phone-keypad", "phone-re-ip", "phone-abort"];

/// Whether a registration that another one follows was lost, and not given up on purpose.
fn is_lost(cx: &PhoneContext<'_>, earlier: &Attempt, later: &Attempt) -> bool {
    if earlier.reset.is_some() || earlier.unregistered.is_some() {
        return false;
    }
    // Two devices on one record, or a router's: what one does says nothing of the other.
    let spoke_on = earlier.spoke > later.register.map(|r| r.first);
    if earlier.client != later.client || earlier.name != later.name || spoke_on {
        return false;
    }
    if let Some(reason) = &later.reason {
        let reason = reason.raw().trim().to_ascii_lowercase();
        return !ON_PURPOSE.iter().any(|word| reason.ends_with(word));
    }
    // Without the phone's word the end of the connection must be seen, and before the phone boots again: power that
    // goes and comes back is no fault of the registration.
    let Some(Ending { seen_at: ended, .. }) = earlier.end else { return false };
    let rebooted = cx.phone.boots.iter().any(|b| Some(*b) > earlier.registered && *b < ended);
    // In a capture that lost packets the order to leave may be among them.
    let visible = &cx.world.visible;
    !rebooted && !visible.lossy && !visible.cut && !earlier.gap
}

/// The latest registrations that make it flapping: three or more within the window, lost one after the other.
fn again_and_again<'a>(cx: &PhoneContext<'a>) -> Vec<&'a Attempt> {
    let phone = cx.phone;
    let made = registrations(phone);
    let time = |a: &Attempt| a.registered.map(|s| s.time).unwrap_or_default();
    let mut run: Vec<&Attempt> = Vec::new();
    let mut latest: Vec<&Attempt> = Vec::new();
    for (index, attempt) in made.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|i| made.get(i));
        if !before.is_some_and(|before| is_lost(cx, before, attempt)) {
            run.clear();
        }
        run.push(attempt);
        run.retain(|a| time(attempt).since(time(a)) <= WINDOW);
        if is_too_many(&run) {
            latest.clone_from(&run);
        }
    }
    if made.last().is_some_and(|last| is_settled(cx, last)) { Vec::new() } else { latest }
}

/// Three or more, two of them lost with one CallManager: losing each of two once is failover.
fn is_too_many(run: &[&Attempt]) -> bool {
    // All but the last were lost; the last perhaps.
    let lost = run.iter().enumerate().filter(|(i, a)| i + 1 < run.len() || a.end.is_some());
    let servers: Vec<IpAddr> = lost.map(|(_, a)| a.server).collect();
    run.len() >= 3 && servers.iter().any(|s| servers.iter().filter(|o| *o == s).count() >= 2)
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
