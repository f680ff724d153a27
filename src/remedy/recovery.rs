//! Did it help: what the phones of a plan do afterwards, held against what the plan wants.
//!
//! Only what came after the plan's captures ended (`as_of`) counts. A phone is back once it is seen registered with one
//! of its CallManagers, with the right load, from the right TFTP server. What is not seen is neither right nor wrong.
//!
//! The time to recovery runs from the beginning of the boot in which the phone first asks a right TFTP server to its
//! registration. So the boots before the fix was applied do not count, and the boot that only fetches the load does.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::load_status::LoadStatus;
use super::plan::{Plan, PlannedPhone};
use crate::diagnosis::{Detail, Diagnosis, ObservedTimes, PhoneReport, RegistrationState, and_list};
use crate::types::{Mac, Timestamp, WireText};
use crate::wire::load;

/// What became of the phones of a plan.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// What came after it counts; `None`: all does.
    pub as_of: Option<Timestamp>,
    /// The phones, in the order of the plan.
    pub phones: Vec<PhoneRecovery>,
    /// What limits what may be concluded.
    pub notes: Vec<String>,
}

impl Recovery {
    /// How many phones are in this state.
    pub fn count(&self, state: State) -> usize {
        self.phones.iter().filter(|p| p.state == state).count()
    }

    /// Whether all phones are back; a plan without phones has nothing left to do.
    pub fn is_complete(&self) -> bool {
        self.count(State::Recovered) == self.phones.len()
    }
}

/// What became of a phone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// Registered, with the right load, from the right server.
    Recovered,
    /// Seen, and something is not as it should be.
    NotRecovered,
    /// Nothing is wrong as far as it was seen, but not all was seen.
    Incomplete,
    /// Nothing of it was seen.
    NotSeen,
}

impl State {
    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Recovered => "recovered",
            State::NotRecovered => "not-recovered",
            State::Incomplete => "incomplete",
            State::NotSeen => "not-seen",
        }
    }
}

/// One thing, as it should be and as it was seen.
#[derive(Clone, PartialEq, Debug)]
pub struct Aspect<V> {
    #[allow(missing_docs)]
    pub standing: LoadStatus,
    /// Any of these is right; empty: not known.
    pub wanted: Vec<V>,
    /// After the fix; `None`: not seen.
    pub seen: Option<V>,
}

impl<V> Aspect<V> {
    fn new(wanted: Vec<V>, seen: Option<V>, is_right: impl Fn(&V, &V) -> bool) -> Aspect<V> {
        let standing = match &seen {
            _ if wanted.is_empty() => LoadStatus::NotStated,
            None => LoadStatus::NotSeen,
            Some(seen) if wanted.iter().any(|w| is_right(w, seen)) => LoadStatus::Right,
            Some(_) => LoadStatus::Wrong,
        };
        Aspect { standing, wanted, seen }
    }
}

/// What became of one phone.
#[derive(Clone, Debug)]
pub struct PhoneRecovery {
    #[allow(missing_docs)]
    pub mac: Mac,
    #[allow(missing_docs)]
    pub name: WireText,
    #[allow(missing_docs)]
    pub model: Option<String>,
    /// Code of the finding that was its root cause when the plan was made.
    pub cause: String,
    #[allow(missing_docs)]
    pub state: State,
    /// The TFTP server that it turns to.
    pub server: Aspect<IpAddr>,
    /// The load that it runs.
    pub load: Aspect<WireText>,
    /// The CallManager that it is registered with, or tries. Right where it is registered and that is not known to be
    /// wrong.
    pub registration: Aspect<IpAddr>,
    /// State of the registration.
    pub registered: RegistrationState,
    /// What is not as it should be, or was not seen, in sentences.
    pub left: Vec<String>,
    /// Beginning of the boot that brought it back, or is to.
    pub boot_at: Option<Timestamp>,
    /// When it was seen to be registered.
    pub registered_at: Option<Timestamp>,
    /// What its root cause is now, by the diagnosis; `None`: not seen.
    pub verdict: Option<&'static str>,
}

impl PhoneRecovery {
    /// From the boot to the registration; `None`: not recovered, or the boot was not seen.
    pub fn recovery_time(&self) -> Option<Duration> {
        let (boot, registered) = self.boot_at.zip(self.registered_at)?;
        (self.state == State::Recovered && registered >= boot).then(|| registered.since(boot))
    }
}

/// Holds what the captures show against the plan.
pub fn judge(plan: &Plan, diagnosis: &Diagnosis<'_>) -> Recovery {
    let planned: BTreeMap<Mac, usize> = plan.phones.iter().enumerate().map(|(i, p)| (p.mac, i)).collect();
    let mut judged: Vec<Option<PhoneRecovery>> = vec![None; plan.phones.len()];
    for report in diagnosis.phones(Detail::State) {
        let Some(index) = planned.get(&report.mac) else { continue };
        if let (Some(phone), Some(slot)) = (plan.phones.get(*index), judged.get_mut(*index)) {
            *slot = Some(of_phone(phone, &report, plan.as_of));
        }
    }
    let phones: Vec<PhoneRecovery> =
        plan.phones.iter().zip(judged).map(|(phone, judged)| judged.unwrap_or_else(|| not_seen(phone))).collect();
    let end = diagnosis.inputs.iter().filter_map(|i| i.last).max();
    let mut notes = Vec::new();
    if let (Some(as_of), Some(end)) = (plan.as_of, end)
        && end <= as_of
    {
        notes.push(format!(
            "The captures end at {end}, before the plan was made ({as_of}): nothing in them came after the fix. Were \
             they taken before it, or is the clock of one host wrong?"
        ));
    }
    if plan.as_of.is_none() {
        notes.push("The plan does not say when it was made: all that the captures show counts as after it.".to_owned());
    }
    Recovery { as_of: plan.as_of, phones, notes }
}

fn not_seen(phone: &PlannedPhone) -> PhoneRecovery {
    PhoneRecovery {
        mac: phone.mac,
        name: phone.name.clone(),
        model: phone.model.clone(),
        cause: phone.cause.clone(),
        state: State::NotSeen,
        server: Aspect::new(phone.tftp_right.clone(), None, |_, _| false),
        load: Aspect::new(phone.load_wanted.clone().into_iter().collect(), None, |_, _| false),
        registration: Aspect { standing: LoadStatus::NotSeen, wanted: phone.call_managers.clone(), seen: None },
        registered: RegistrationState::NotSeen,
        left: vec!["Nothing of it was seen after the fix: reset it, or capture where it is.".to_owned()],
        boot_at: None,
        registered_at: None,
        verdict: None,
    }
}

fn of_phone(phone: &PlannedPhone, report: &PhoneReport, as_of: Option<Timestamp>) -> PhoneRecovery {
    let moments = &report.traces.moments;
    let counts = |time: Option<Timestamp>| time.is_some_and(|t| as_of.is_none_or(|as_of| t > as_of));
    if !counts(report.last) {
        return not_seen(phone);
    }
    let tftp = report.traces.tftp.filter(|_| counts(moments.tftp));
    let asked = tftp.filter(|t| t.asked).map(|t| t.ip);
    let server = Aspect::new(phone.tftp_right.clone(), asked, |a, b| a == b);
    let running = report.load.running.clone().filter(|_| counts(moments.load));
    let wanted = phone.load_wanted.clone().into_iter().collect();
    let load = Aspect::new(wanted, running, |a, b| load::same_load(a.raw(), b.raw()));

    let registered = report.traces.registered.filter(|_| counts(moments.registered));
    let tried = report.registration.call_manager.filter(|_| counts(moments.attempt));
    let state = match (registered, tried) {
        (Some(_), _) => RegistrationState::Registered,
        // What it was before the fix says nothing about now.
        (None, Some(_)) if report.registration.state != RegistrationState::Registered => report.registration.state,
        _ => RegistrationState::NotSeen,
    };
    let call_manager = registered.map(|r| r.ip).or(tried);
    let known = |ip: IpAddr| phone.call_managers.is_empty() || phone.call_managers.contains(&ip);
    let standing = match (state, call_manager) {
        (RegistrationState::Registered, Some(ip)) if known(ip) => LoadStatus::Right,
        (RegistrationState::NotSeen, _) => LoadStatus::NotSeen,
        _ => LoadStatus::Wrong,
    };
    let registration = Aspect { standing, wanted: phone.call_managers.clone(), seen: call_manager };

    let all = [server.standing, load.standing, registration.standing];
    let overall = match () {
        () if all.contains(&LoadStatus::Wrong) => State::NotRecovered,
        () if all.contains(&LoadStatus::NotSeen) => State::Incomplete,
        () => State::Recovered,
    };
    let mut recovery = PhoneRecovery {
        boot_at: boot(report, &server.wanted, as_of),
        registered_at: moments.registered.filter(|t| counts(Some(*t))),
        verdict: Some(report.verdict.as_str()),
        state: overall,
        server,
        load,
        registration,
        registered: state,
        left: Vec::new(),
        ..not_seen(phone)
    };
    recovery.left = left(&recovery, lease_left(phone, report, counts(moments.lease)));
    recovery
}

/// The beginning of the boot in which it first asked a right server; where that was not seen, of its first boot.
fn boot(report: &PhoneReport, right: &[IpAddr], as_of: Option<Timestamp>) -> Option<Timestamp> {
    let ObservedTimes { boots, .. } = &report.traces.moments;
    let after = |time: &Timestamp| as_of.is_none_or(|as_of| *time > as_of);
    let is_right = |ip: &IpAddr| right.is_empty() || right.contains(ip);
    let asked = report.files.iter().filter(|f| after(&f.time) && is_right(&f.server)).map(|f| f.time).min();
    let mut boots = boots.iter().copied().filter(after);
    match asked {
        Some(asked) => boots.rfind(|b| *b <= asked),
        None => boots.next(),
    }
}

/// What the lease still says, where it names a TFTP server and none of them is right.
fn lease_left(phone: &PlannedPhone, report: &PhoneReport, counts: bool) -> Option<(IpAddr, String)> {
    let server = report.dhcp_server.filter(|_| counts)?;
    let right = |name: &WireText| name.raw().parse().is_ok_and(|ip: IpAddr| phone.tftp_right.contains(&ip));
    let named = &report.lease_tftp;
    let addresses = named.iter().all(|n| n.raw().parse::<IpAddr>().is_ok());
    (!named.is_empty() && !phone.tftp_right.is_empty() && addresses && !named.iter().any(right))
        .then(|| (server, and_list(named)))
}

fn left(phone: &PhoneRecovery, lease: Option<(IpAddr, String)>) -> Vec<String> {
    let mut left = Vec::new();
    let server = &phone.server;
    match (server.standing, server.seen) {
        (LoadStatus::Wrong, Some(seen)) => {
            let why = match lease {
                Some((dhcp, named)) => format!(" DHCP server {dhcp} still names {named}."),
                None => String::new(),
            };
            let others = [phone.load.standing, phone.registration.standing];
            // As the second cure of a fix pack leaves it, on purpose.
            let works = match others.iter().all(|s| matches!(s, LoadStatus::Right | LoadStatus::NotStated)) {
                true => " It is registered with the right load all the same, as long as that server has its files.",
                false => "",
            };
            left.push(format!("It asks TFTP server {seen}, not {}.{why}{works}", and_list(&server.wanted)));
        }
        (LoadStatus::NotSeen, _) => {
            left.push(match lease {
                Some((dhcp, named)) => {
                    format!("It was not seen to ask a TFTP server; DHCP server {dhcp} still names {named}.")
                }
                None => "It was not seen to ask a TFTP server.".to_owned(),
            });
        }
        _ => {}
    }
    let load = &phone.load;
    match (load.standing, &load.seen) {
        (LoadStatus::Wrong, Some(seen)) => left.push(format!("It runs load {seen}, not {}.", and_list(&load.wanted))),
        (LoadStatus::NotSeen, _) => left.push("It was not seen to say which load it runs.".to_owned()),
        _ => {}
    }
    let registration = &phone.registration;
    if let (LoadStatus::Wrong, Some(ip)) = (registration.standing, registration.seen) {
        left.push(match phone.registered {
            RegistrationState::Registered => {
                format!("It is registered with {ip}, not with {}.", and_list(&registration.wanted))
            }
            RegistrationState::Rejected => format!("CallManager {ip} rejects it."),
            RegistrationState::Refused => format!("{ip} refuses its connection."),
            RegistrationState::NoAnswer => format!("CallManager {ip} does not answer it."),
            RegistrationState::Closed => format!("CallManager {ip} closes its connection."),
            RegistrationState::Unregistered | RegistrationState::NotSeen => {
                format!("It is no longer registered with {ip}.")
            }
        });
    } else if registration.standing == LoadStatus::NotSeen {
        left.push("It was not seen to register.".to_owned());
    }
    left
}

#[cfg(test)]
mod tests;
