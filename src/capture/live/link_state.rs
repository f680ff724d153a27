//! Whether ports are switched on and have a link, as this host tells it at the moment.

use std::collections::BTreeMap;

use nix::net::if_::InterfaceFlags;

/// What can keep frames from coming.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LinkState {
    /// Nothing.
    Up,
    /// Somebody switched the port off.
    Down,
    /// No cable, no association.
    NoLink,
}

/// By name. Empty where the host does not say.
pub(super) fn link_states() -> BTreeMap<String, LinkState> {
    let Ok(all) = nix::ifaddrs::getifaddrs() else { return BTreeMap::new() };
    all.map(|entry| (entry.interface_name, of(entry.flags))).collect()
}

fn of(flags: InterfaceFlags) -> LinkState {
    if !flags.contains(InterfaceFlags::IFF_UP) {
        LinkState::Down
    } else if !flags.contains(InterfaceFlags::IFF_RUNNING) {
        LinkState::NoLink
    } else {
        LinkState::Up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_off_has_no_link_either_and_is_called_off() {
        assert_eq!(of(InterfaceFlags::empty()), LinkState::Down);
        assert_eq!(of(InterfaceFlags::IFF_RUNNING), LinkState::Down);
        assert_eq!(of(InterfaceFlags::IFF_UP), LinkState::NoLink);
        assert_eq!(of(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING), LinkState::Up);
    }
}
