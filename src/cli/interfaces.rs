//! `phonescope interfaces`: the ports of this host.

use clap::Args;
use phonescope::capture::live::{self, Interface};
use phonescope::diagnosis::and_list;

use super::{End, Failure, output};

#[derive(Args, Debug)]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<End, Failure> {
    let interfaces = live::interfaces().map_err(Failure::Work)?;
    if interfaces.is_empty() {
        return Err(Failure::Work(
            "libpcap shows no port of this host; list them as root, or run: sudo setcap cap_net_raw+ep phonescope"
                .to_owned(),
        ));
    }
    let text: String = interfaces.iter().map(line).collect();
    output::write_to(None, |out| Ok(out.write_all(text.as_bytes())?))?;
    Ok(End::Clean)
}

fn line(interface: &Interface) -> String {
    let state = match (interface.is_up, interface.has_link) {
        (false, _) => "down",
        (true, false) => "no link",
        (true, true) => "up",
    };
    let mut text = format!("{:16}  {state:7}", interface.name.to_string());
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
