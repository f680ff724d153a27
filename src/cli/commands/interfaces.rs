//! `phonescope interfaces`: the ports of this host.

use clap::Args;
use phonescope::capture::live::{self, Advice, Interface, PortFacts};
use phonescope::diagnosis::and_list;

use crate::cli::{End, Failure, io::output};

#[derive(Args, Debug)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<End, Failure> {
    list()
}

/// The list, also for `-D`.
pub(crate) fn list() -> Result<End, Failure> {
    let interfaces = live::interfaces().map_err(Failure::Work)?;
    if interfaces.is_empty() {
        return Err(Failure::Work(format!("libpcap shows no port of this host; {}", Advice::here())));
    }
    let mut text: String =
        interfaces.iter().map(|interface| line(interface, &live::port_facts(interface.name.raw()))).collect();
    text.push_str(&match live::may_capture(&interfaces) {
        Ok(()) => "Capture is permitted.\n".to_owned(),
        Err(e) => format!("{e}\n"),
    });
    output::write_to(None, |out| Ok(out.write_all(text.as_bytes())?))?;
    Ok(End::Clean)
}

fn line(interface: &Interface, facts: &PortFacts) -> String {
    let state = match (interface.is_up, interface.has_link) {
        (false, _) => "down",
        (true, false) => "no link",
        (true, true) => "up",
    };
    let mut text = format!("{:16}  {state:7}", interface.name.to_string());
    if let Some(speed) = facts.speed {
        text.push_str(&format!("  {speed} Mbit/s"));
    }
    if interface.is_loopback {
        text.push_str("  loopback");
    }
    if !interface.addresses.is_empty() {
        text.push_str(&format!("  {}", and_list(&interface.addresses)));
    }
    if let Some(description) = &interface.description {
        text.push_str(&format!("  ({description})"));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_line_with_what_is_known_of_it() {
        let mut interface = Interface {
            name: "eth0".into(),
            description: None,
            addresses: vec!["10.0.0.1".parse().unwrap()],
            is_up: true,
            has_link: true,
            is_loopback: false,
        };
        let facts = PortFacts { speed: Some(1000), ..PortFacts::default() };
        assert_eq!(line(&interface, &facts), "eth0              up       1000 Mbit/s  10.0.0.1\n");
        (interface.has_link, interface.addresses) = (false, Vec::new());
        assert_eq!(line(&interface, &PortFacts::default()), "eth0              no link\n");
    }
}
