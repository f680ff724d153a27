//! How far a phone has come in its current boot: what `watch` shows of it from second to second.

use super::context::{Contact, PhoneContext};
use crate::conversation::Stamp;
use crate::diagnosis::{BootStep, Outcome, RegistrationState};
use crate::wire::load;

/// The step, and the frame that shows it.
pub(super) fn boot_step(cx: &PhoneContext<'_>) -> (BootStep, Option<Stamp>) {
    let phone = cx.phone;
    let began = phone.boot_began();
    let in_boot = |stamp: Stamp| began.is_none_or(|b| stamp >= b);

    let tried = |c: &&Contact<'_>| in_boot(c.attempt.map_or(c.stamp(), |a| a.last));
    if let Some(contact) = cx.last_contact().filter(|c| c.state != RegistrationState::NotSeen).filter(tried) {
        return (BootStep::Registration(contact.state), Some(decided_by(contact)));
    }
    let registers = phone.last_attempt().map(|(_, a)| a.began).filter(|s| in_boot(*s));
    let file = phone.files.last().filter(|f| in_boot(f.request.first));
    let asks = file.map(|f| f.request.first);
    if let Some(stamp) = registers.filter(|r| asks.is_none_or(|a| a <= *r)) {
        return (BootStep::Registers, Some(stamp));
    }
    if let Some(file) = file {
        let takes_load = load::is_load_file(file.name.raw()).is_some()
            && matches!(file.outcome(), Outcome::Served | Outcome::Partial);
        let step = if takes_load { BootStep::TakesLoad } else { BootStep::AsksFiles };
        return (step, asks);
    }
    let exchange = phone.exchange().filter(|e| in_boot(e.last));
    match exchange.map(|e| (e, e.ack.as_ref().filter(|_| e.decline.is_none()))) {
        Some((_, Some(ack))) => (BootStep::HasLease, Some(ack.stamp)),
        Some((exchange, None)) => (BootStep::AsksAddress, Some(exchange.began)),
        None => (BootStep::Seen, phone.first),
    }
}

/// The frame that decides how a registration stands.
fn decided_by(contact: &Contact<'_>) -> Stamp {
    let Some(attempt) = contact.attempt else { return contact.stamp() };
    let decided = match contact.state {
        RegistrationState::Registered => attempt.registered_at(),
        RegistrationState::Rejected => attempt.rejected.as_ref().map(|(stamp, ..)| *stamp),
        RegistrationState::Unregistered => attempt.unregistered.or(attempt.end.map(|(stamp, _)| stamp)),
        RegistrationState::Refused => attempt.unreachable.map(|(s, _)| s).or(attempt.end.map(|(stamp, _)| stamp)),
        RegistrationState::Closed => attempt.end.map(|(stamp, _)| stamp),
        RegistrationState::NoAnswer | RegistrationState::NotSeen => None,
    };
    decided.unwrap_or(contact.stamp())
}
