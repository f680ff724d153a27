//! What this host says of a port, and of itself as far as capturing goes. Nothing of it takes rights.

use std::fs;
use std::net::IpAddr;

use nix::net::if_::InterfaceFlags;

use crate::types::{Mac, WireText};

/// What this host says of one of its ports. `None`: it does not say.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PortFacts {
    /// As `-i` takes it.
    pub name: String,
    /// Switched on by the operator.
    pub is_up: Option<bool>,
    /// There is a cable, an association.
    pub has_link: Option<bool>,
    /// Its own addresses.
    pub macs: Vec<Mac>,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
    /// The largest packet, bytes.
    pub mtu: Option<u32>,
    /// Megabits a second.
    pub speed: Option<u32>,
    /// What drives it.
    pub driver: Option<WireText>,
    /// It takes in frames for others at the moment.
    pub is_promiscuous: Option<bool>,
}

/// Looks a port up.
pub fn port_facts(name: &str) -> PortFacts {
    let mut facts = PortFacts { name: name.to_owned(), ..PortFacts::default() };
    for entry in nix::ifaddrs::getifaddrs().into_iter().flatten().filter(|entry| entry.interface_name == name) {
        facts.is_up = Some(entry.flags.contains(InterfaceFlags::IFF_UP));
        facts.has_link = Some(entry.flags.contains(InterfaceFlags::IFF_RUNNING));
        let Some(address) = entry.address else { continue };
        if let Some(v4) = address.as_sockaddr_in() {
            facts.addresses.push(v4.ip().into());
        } else if let Some(v6) = address.as_sockaddr_in6() {
            facts.addresses.push(v6.ip().into());
        } else if let Some(octets) = address.as_link_addr().and_then(|link| link.addr()) {
            facts.macs.push(Mac(octets));
        }
    }
    let of_port = |file: &str| read(&format!("/sys/class/net/{name}/{file}"));
    // A name with a slash names no port, and must not name another file.
    if !name.contains('/') && name != "." && name != ".." {
        facts.mtu = of_port("mtu").and_then(|text| text.parse().ok());
        // -1 and 0: not known.
        facts.speed = of_port("speed").and_then(|text| text.parse().ok()).filter(|speed| *speed > 0);
        let flags = of_port("flags").and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
        facts.is_promiscuous = flags.map(|flags| flags & 0x100 != 0);
        let driver = fs::read_link(format!("/sys/class/net/{name}/device/driver")).ok();
        facts.driver = driver.and_then(|path| Some(WireText::from(path.file_name()?.to_str()?)));
    }
    facts
}

/// What this host captures with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HostFacts {
    /// The file of libpcap, whose name holds its version.
    pub libpcap: Option<WireText>,
    /// What the kernel's clock counts: `tsc`, `hpet`.
    pub clock: Option<WireText>,
    /// The kernel.
    pub kernel: Option<WireText>,
}

/// Looks this host up.
pub fn host_facts() -> HostFacts {
    let maps = read("/proc/self/maps").unwrap_or_default();
    let names = maps.lines().filter_map(|line| line.rsplit('/').next());
    let clock = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    HostFacts {
        libpcap: names.filter(|name| name.starts_with("libpcap")).map(WireText::from).next(),
        clock: read(clock).as_deref().map(WireText::from),
        kernel: read("/proc/sys/kernel/osrelease").as_deref().map(WireText::from),
    }
}

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_port_has_no_facts_and_no_path_escapes() {
        for name in ["no-such-port0", "../../../etc", "lo/../lo", ".."] {
            let facts = port_facts(name);
            assert_eq!(facts, PortFacts { name: name.to_owned(), ..PortFacts::default() }, "{name}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_loopback_port_is_known() {
        let facts = port_facts("lo");
        assert!(facts.is_up.is_some() && facts.mtu.is_some_and(|mtu| mtu >= 1500), "{facts:?}");
        assert_eq!(facts.is_promiscuous, Some(false));
        let libpcap = host_facts().libpcap.unwrap();
        assert!(libpcap.raw().starts_with("libpcap"), "{libpcap}");
    }
}
