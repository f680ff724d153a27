//! What stands in the files that phones fetch: loads of the lab, and what a phone takes from a configuration.

use std::net::Ipv4Addr;

/// Octets of a load: a 7960's have some 400,000, which shows nothing more.
const LOAD_LENGTH: usize = 24 * 1024 + 100;

/// The content of a load's file: its name, then octets that follow from it.
pub(crate) fn load(name: &str) -> Vec<u8> {
    let mut octets = name.as_bytes().to_vec();
    let mut state = octets.iter().fold(17u32, |state, octet| state.wrapping_mul(31).wrapping_add(u32::from(*octet)));
    octets.resize_with(LOAD_LENGTH, || {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (state >> 16) as u8
    });
    octets
}

/// What a phone takes from a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Told {
    pub(crate) call_managers: Vec<Ipv4Addr>,
    /// The load that it is to run; `None`: the one it runs.
    pub(crate) load: Option<String>,
}

/// Reads a configuration, with as little understanding of XML as a phone of that time; `None`: it is none.
pub(crate) fn told(text: &str, device_type: u32) -> Option<Told> {
    if !text.contains("<device") && !text.contains("<Default") {
        return None;
    }
    let nodes = between(text, "<processNodeName>", "</processNodeName>");
    let call_managers = nodes.iter().filter_map(|name| name.trim().parse().ok()).collect();
    let numbered = format!("loadInformation{device_type}");
    let load = [numbered.as_str(), "loadInformation"].into_iter().find_map(|element| load_in(text, element));
    Some(Told { call_managers, load: load.filter(|load| !load.is_empty()) })
}

/// The load in the first element of this name: `<loadInformation7 model="IP Phone 7960">`.
fn load_in(text: &str, element: &str) -> Option<String> {
    text.split('<').find_map(|part| {
        let (head, content) = part.split_once('>')?;
        let is_it = head == element || head.strip_prefix(element)?.starts_with(' ');
        (is_it && !head.ends_with('/')).then(|| content.trim().to_owned())
    })
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Vec<&'t str> {
    text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(inside, _)| inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::phone_config::PhoneConfig;

    #[test]
    fn a_phone_takes_the_load_of_its_type_from_the_default_file() {
        let file = PhoneConfig::naming(&["10.30.0.10"]).default_load(6, "7910", "P00403000300").default_load(
            7,
            "7960",
            "P00303000300",
        );
        let told = told(&String::from_utf8(file.default_xml()).unwrap(), 7).unwrap();
        assert_eq!(told.call_managers, [Ipv4Addr::new(10, 30, 0, 10)]);
        assert_eq!(told.load.as_deref(), Some("P00303000300"));
    }

    #[test]
    fn a_phone_keeps_its_load_where_none_is_named() {
        let empty = PhoneConfig::naming(&["10.30.0.10"]).load("");
        for file in [PhoneConfig::naming(&["10.30.0.10"]), empty] {
            assert_eq!(told(&String::from_utf8(file.device_xml()).unwrap(), 7).unwrap().load, None);
        }
        assert_eq!(told("nothing of the kind", 7), None);
    }
}
