//! How far a phone has come in its current boot: what `watch` shows of it from second to second.

use super::context::{Contact, PhoneContext};
use crate::conversation::SeenAt;
use crate::diagnosis::{BootStep, Outcome, RegistrationState};
use crate::wire::load;

/// The step, and the frame that shows it.
pub(super) fn boot_step(cx: &PhoneContext<'_>) -> (BootStep, Option<SeenAt>) {
    let phone = cx.phone;
    let began = phone.boot_began();
    let in_boot = |seen_at: SeenAt| began.is_none_or(|b| seen_at >= b);

    let tried = |c: &&Contact<'_>| in_boot(c.attempt.map_or(c.seen_at(), |a| a.last));
    if let Some(contact) = cx.last_contact().filter(|c| c.state != RegistrationState::NotSeen).filter(tried) {
        return (BootStep::Registration(contact.state), Some(decided_by(contact)));
    }
    let registers = phone.last_attempt().map(|(_, a)| a.began).filter(|s| in_boot(*s));
    let file = phone.files.last().filter(|f| in_boot(f.request.first));
    let asks = file.map(|f| f.request.first);
    if let Some(seen_at) = registers.filter(|r| asks.is_none_or(|a| a <= *r)) {
        return (BootStep::Registers, Some(seen_at));
    }
    if let Some(file) = file {
        let takes_load = load::is_load_file(file.name.raw()).is_some()
            && matches!(file.outcome(), Outcome::Served | Outcome::Partial);
        let step = if takes_load { BootStep::TakesLoad } else { BootStep::AsksFiles };
        return (step, asks);
    }
    let exchange = phone.exchange().filter(|e| in_boot(e.last));
    match exchange.map(|e| (e, e.ack.as_ref().filter(|_| e.decline.is_none()))) {
        Some((_, Some(ack))) => (BootStep::HasLease, Some(ack.seen_at)),
        Some((exchange, None)) => (BootStep::AsksAddress, Some(exchange.began)),
        None => (BootStep::Seen, phone.first),
    }
}

/// The frame that decides how a registration stands.
pub(super) fn decided_by(contact: &Contact<'_>) -> SeenAt {
    let Some(attempt) = contact.attempt else { return contact.seen_at() };
    let decided = match contact.state {
        RegistrationState::Registered => attempt.registered_at(),
        RegistrationState::Rejected => attempt.refusal().map(|r| r.seen_at),
        RegistrationState::Unregistered => attempt.unregistered.or(attempt.end.map(|e| e.seen_at)),
        RegistrationState::Refused => attempt.unreachable.map(|u| u.seen_at).or(attempt.end.map(|e| e.seen_at)),
        RegistrationState::Closed => attempt.end.map(|e| e.seen_at),
        RegistrationState::NoAnswer => attempt.unreachable.map(|u| u.seen_at).or(attempt.register.map(|r| r.first)),
        RegistrationState::NotSeen => None,
    };
    decided.unwrap_or(contact.seen_at())
}
