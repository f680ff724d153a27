//! What is noted of one phone, within the bounds of one phone.

use super::registry::limits;
use super::{LoadSeen, LoadSource, Phone};
use crate::conversation::dhcp::MAX_EXCHANGES;
use crate::conversation::{SeenAt, merge_bounded, push_bounded};
use crate::types::WireText;

/// Everything that was kept under an address becomes the phone's. A router may stand in front of any number of
/// addresses that claim one name, so the bounds of a phone hold here too.
pub(super) fn absorb(phone: &mut Phone, earlier: Phone) {
    phone.is_other |= earlier.is_other;
    phone.names.splice(0..0, earlier.names);
    phone.names.drain(..phone.names.len().saturating_sub(limits::CHANGES));
    phone.model = phone.model.take().or(earlier.model);
    phone.device_type = phone.device_type.or(earlier.device_type);
    phone.ip = phone.ip.or(earlier.ip);
    phone.vlan = phone.vlan.or(earlier.vlan);
    phone.first = phone.first.into_iter().chain(earlier.first).min();
    phone.last = phone.last.into_iter().chain(earlier.last).max();
    let forgotten = &mut phone.dhcp.forgotten;
    *forgotten = forgotten.saturating_add(earlier.dhcp.forgotten);
    merge_bounded(&mut phone.dhcp.list, earlier.dhcp.list, MAX_EXCHANGES, forgotten, |e| e.began);
    phone.files_forgotten = phone.files_forgotten.saturating_add(earlier.files_forgotten);
    let forgotten = &mut phone.files_forgotten;
    merge_bounded(&mut phone.files, earlier.files, limits::FILES, forgotten, |f| f.request.first);
    phone.attempts_forgotten = phone.attempts_forgotten.saturating_add(earlier.attempts_forgotten);
    let forgotten = &mut phone.attempts_forgotten;
    merge_bounded(&mut phone.attempts, earlier.attempts, limits::ATTEMPTS, forgotten, |a| a.began);
    merge_bounded(&mut phone.loads, earlier.loads, limits::CHANGES, &mut 0, |l| l.seen_at);
    phone.last_reason = phone.last_reason.take().or(earlier.last_reason);
    merge_bounded(&mut phone.boots, earlier.boots, limits::CHANGES, &mut 0, |b| *b);
    phone.announced = phone.announced.or(earlier.announced);
    phone.measured = phone.measured.max(earlier.measured);
}

/// Whether it is another boot.
pub(super) fn note_boot(phone: &mut Phone, seen_at: SeenAt) -> bool {
    // Trying again under a new transaction id while nobody answers is the same boot.
    let before = phone.dhcp.list.iter().rev().nth(1);
    let quiet = phone.boots.last().is_some_and(|b| {
        phone.files.last().is_none_or(|f| f.last < *b) && phone.attempts.last().is_none_or(|a| a.last < *b)
    });
    if before.is_some_and(|e| e.ack.is_none()) && quiet {
        return false;
    }
    push_bounded(&mut phone.boots, seen_at, limits::CHANGES, &mut 0);
    true
}

pub(super) fn note_name(phone: &mut Phone, name: &WireText, seen_at: SeenAt) {
    if phone.names.last().is_some_and(|(n, _)| n == name) {
        return;
    }
    if let Some(at) = phone.names.iter().position(|(n, _)| n == name) {
        let known = phone.names.remove(at);
        phone.names.push(known);
        return;
    }
    push_bounded(&mut phone.names, (name.clone(), seen_at), limits::CHANGES, &mut 0);
}

pub(super) fn note_load(phone: &mut Phone, load: &WireText, source: LoadSource, seen_at: SeenAt) {
    let trimmed = load.raw().trim();
    let device_type = phone.device_type();
    let said = matches!(source, LoadSource::Alarm | LoadSource::Register).then_some(seen_at);
    if let Some(last) = phone.loads.last_mut()
        && crate::wire::load::same_load(last.load.raw(), trimmed)
    {
        last.said = said.or(last.said);
        // The alarm is the better witness of the same load.
        if source == LoadSource::Alarm {
            last.source = source;
        }
        // A full name says more than a version.
        if crate::wire::load::print_name(last.load.raw(), device_type).contains('(') && !trimmed.contains('(') {
            last.load = WireText::from(trimmed);
        }
        return;
    }
    let seen = LoadSeen { load: WireText::from(trimmed), source, seen_at, said };
    push_bounded(&mut phone.loads, seen, limits::CHANGES, &mut 0);
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::conversation::file::Fetch;
    use crate::conversation::registration::{Attempt, Protocol};
    use crate::diagnosis::Transport;
    use crate::types::{FrameRef, Timestamp};

    fn seen_at(second: i64) -> SeenAt {
        SeenAt { time: Timestamp(second * 1_000_000_000), at: FrameRef { input: 0, frame: 1 } }
    }

    /// What an address did in its first seconds from `begin` on.
    fn client(begin: i64) -> Phone {
        let server = IpAddr::from([10, 30, 0, 5]);
        let mut phone = Phone::default();
        for second in begin..begin + 3 {
            let at = seen_at(second);
            let name = WireText::from(format!("{second}.bin").as_str());
            phone.files.push(Fetch::new(name.clone(), server, Transport::Tftp, 50_000, at));
            phone.attempts.push(Attempt::new((server, 2000), (server, 50_000), Protocol::Sccp, at));
            phone.names.push((name.clone(), at));
            phone.loads.push(LoadSeen { load: name, source: LoadSource::Alarm, seen_at: at, said: Some(at) });
            phone.boots.push(at);
        }
        phone.files_forgotten = 1;
        phone
    }

    #[test]
    fn a_name_behind_any_number_of_addresses_stays_one_phone_in_size() {
        let mut phone = Phone::default();
        for n in 0..100 {
            absorb(&mut phone, client(n * 10));
        }
        assert_eq!((phone.files.len(), phone.attempts.len()), (limits::FILES, limits::ATTEMPTS));
        assert_eq!((phone.names.len(), phone.loads.len(), phone.boots.len()), (16, 16, 16));
        assert_eq!(phone.attempts_forgotten as usize, 300 - limits::ATTEMPTS);
        assert_eq!(phone.files_forgotten as usize, 300 - limits::FILES + 100, "what was forgotten before counts too");
        assert_eq!(phone.files.last().map(|f| f.request.first), Some(seen_at(992)), "the latest are kept");
        assert!(phone.files.is_sorted_by_key(|f| f.request.first));
    }

    #[test]
    fn what_an_address_did_before_it_had_a_name_comes_first() {
        let mut phone = client(50);
        absorb(&mut phone, client(10));
        let boots: Vec<SeenAt> = [10, 11, 12, 50, 51, 52].map(seen_at).to_vec();
        assert_eq!(phone.boots, boots);
        assert_eq!(phone.name().map(WireText::raw), Some("52.bin"));
    }
}
