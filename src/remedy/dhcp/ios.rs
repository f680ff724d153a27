//! Cisco IOS and IOS-XE (`dhcp-platforms.md` 3.5): `option 150 ip` in the pool, from `configure terminal` to
//! `write memory`.

use super::change::{Change, Text, joined};
use crate::diagnosis::{ScopePhone, TftpSource};

/// An option of IOS holds so many addresses.
const MAX_ADDRESSES: usize = 8;

pub(super) fn text(change: &Change<'_>) -> Text {
    if change.phones.is_some() {
        return per_phone(change);
    }
    let mut steps = vec![format!("1. show running-config | section ip dhcp pool{}", find(change))];
    steps.push(format!("2. Put the pool's name for POOL and paste the lines below; {}.", change.was));
    steps.extend(change.beside_steps(word));
    steps.push("A host pool with an option 150 of its own keeps it: change that one too.".to_owned());
    steps.push("3. Check: show running-config | section ip dhcp pool. Then the phones' next lease.".to_owned());
    steps.extend(change.not_restored().map(|why| format!("The old value is {why}.")));
    let servers = change.right.get(..MAX_ADDRESSES).unwrap_or(change.right);
    let old = match change.old.is_empty() {
        true => "no option 150".to_owned(),
        false => format!("option 150 ip {}", joined(&change.old, " ")),
    };
    Text { steps, set: session(&format!("option 150 ip {}", joined(servers, " "))), undo: session(&old) }
}

fn find(change: &Change<'_>) -> String {
    change.scope.network.map(|(n, m)| format!("   (the one with: network {n} {m})")).unwrap_or_default()
}

fn session(line: &str) -> String {
    format!("configure terminal\n ip dhcp pool POOL\n  {line}\n end\nwrite memory\n")
}

fn word(place: TftpSource) -> &'static str {
    match place {
        TftpSource::Siaddr => "next-server",
        TftpSource::Sname => "The boot server's name",
        _ => "option 66 ascii",
    }
}

/// A host pool each, which inherits the rest from the network's pool.
fn per_phone(change: &Change<'_>) -> Text {
    let mask = change.scope.network.map(|(_, mask)| format!(" {mask}")).unwrap_or_default();
    let mut steps = vec![
        format!("One host pool a phone{}; the others of the network are left as they are.", find(change)),
        "1. clear ip dhcp binding ADDRESS for each address below, then paste at once.".to_owned(),
        "2. Where the phone sends no client identifier: hardware-address MAC in place of client-identifier.".to_owned(),
        "3. Check: show ip dhcp binding. Then reset these phones.".to_owned(),
    ];
    steps.push(format!("{}.", change.was));
    let mut set = "configure terminal\n".to_owned();
    let mut undo = set.clone();
    let servers = joined(change.right.get(..MAX_ADDRESSES).unwrap_or(change.right), " ");
    for ScopePhone { mac, address } in change.listed() {
        let Some(address) = address else { continue };
        let name = mac.device_name();
        set.push_str(&format!(
            " ip dhcp pool {name}\n  host {address}{mask}\n  client-identifier {}\n  option 150 ip {servers}\n",
            identifier(&mac.0)
        ));
        undo.push_str(&format!(" no ip dhcp pool {name}\n"));
    }
    Text { steps, set: set + " end\nwrite memory\n", undo: undo + " end\nwrite memory\n" }
}

/// Hardware type 1 and the MAC, in groups of four digits: `0100.3094.9a00.01`.
fn identifier(mac: &[u8; 6]) -> String {
    let digits: String = std::iter::once(&1).chain(mac).map(|b| format!("{b:02x}")).collect();
    let groups: Vec<&str> = (0..digits.len()).step_by(4).filter_map(|i| digits.get(i..(i + 4).min(14))).collect();
    groups.join(".")
}
