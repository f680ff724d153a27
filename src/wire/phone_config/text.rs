//! The text configurations of SIP loads of the 7940 and 7960: `SIPDefault.cnf` for all phones, then `SIP<MAC>.cnf` for
//! one, whose values win. A line is `key: value`, a `#` begins a comment, a value may stand in quotation marks.
//!
//! Only what [`PhoneConfig`] has a place for is kept: passwords (`line1_password`, `phone_password`) never.

use std::collections::BTreeMap;

use super::PhoneConfig;
use crate::types::{Mac, WireText};
use crate::wire::Anomaly;

/// Most lines that are read.
const MAX_LINES: usize = 4_096;
/// Longest value that is kept.
const MAX_TEXT: usize = 255;
/// Proxies that a phone knows: one a line, and a 7960 has six lines.
const MAX_PROXIES: u8 = 6;

/// Whether a name without its path is that of such a file.
pub(super) fn is_name(name: &str) -> bool {
    let Some((stem, end)) = name.split_at_checked(name.len().saturating_sub(4)) else { return false };
    let of_a_phone = |stem: &str| {
        stem.len() == 15
            && stem.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("SIP"))
            && stem.get(3..).is_some_and(|mac| mac.parse::<Mac>().is_ok())
    };
    end.eq_ignore_ascii_case(".cnf") && (stem.eq_ignore_ascii_case("SIPDefault") || of_a_phone(stem))
}

/// Reads the text into `config`. The last of two equal keys counts, as on the phone.
pub(super) fn read(text: &str, config: &mut PhoneConfig, anomalies: &mut Vec<Anomaly>) {
    config.text_form = true;
    config.device_protocol = Some("SIP".into());
    let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if text.starts_with('<') || text.contains('\0') {
        config.problem = Some("not a text configuration".to_owned());
        return;
    }
    let mut proxies: BTreeMap<u8, WireText> = BTreeMap::new();
    let mut settings = 0usize;
    let mut lines = text.lines();
    for line in lines.by_ref().take(MAX_LINES) {
        let Some((key, value)) = setting(line) else { continue };
        settings += 1;
        let key = key.to_ascii_lowercase();
        let number = key.strip_prefix("proxy").and_then(|rest| rest.strip_suffix("_address"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            if (1..=MAX_PROXIES).contains(&number) {
                match provisioned(value) {
                    Some(proxy) => _ = proxies.insert(number, proxy),
                    None => _ = proxies.remove(&number),
                }
            }
        } else if key == "image_version" {
            config.load = provisioned(value);
        }
    }
    if lines.next().is_some() {
        anomalies.push(Anomaly::fixed("config: more than 4096 lines, the rest is not read"));
    }
    if settings == 0 {
        config.problem = Some("not a text configuration".to_owned());
    }
    for proxy in proxies.into_values() {
        if !config.call_managers.contains(&proxy) {
            config.call_managers.push(proxy);
        }
    }
}

/// Key and value of a line; `None`: neither, a comment or a blank line.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let key = key.trim();
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let value = value.trim();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => value.split('#').next().unwrap_or_default().trim(),
    };
    is_key.then_some((key, value))
}

/// A value that says something: not empty, not the phone's word for "not set".
fn provisioned(value: &str) -> Option<WireText> {
    let is_set = !value.is_empty() && !value.eq_ignore_ascii_case("UNPROVISIONED") && value != "0.0.0.0";
    let end = (0..=MAX_TEXT.min(value.len())).rev().find(|end| value.is_char_boundary(*end))?;
    is_set.then(|| WireText::from(value.get(..end).unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::super::{is_config_name, parse};
    use super::*;

    fn read_file(bytes: &[u8]) -> PhoneConfig {
        parse(&"SIPDefault.cnf".into(), bytes).0
    }

    #[test]
    fn names_of_text_configurations_are_known() {
        for name in ["SIPDefault.cnf", "sipdefault.CNF", "SIP003094C2D3FA.cnf", "a/SIP003094c2d3fa.cnf"] {
            assert!(is_config_name(name), "{name}");
        }
        for name in ["SIPDefault.cnf.xml.sgn2", "SIP003094C2D3F.cnf", "SIPphone.cnf", ".cnf", "SIPDefault"] {
            assert!(!is_config_name(name), "{name}");
        }
    }

    #[test]
    fn proxies_and_image_are_read_and_passwords_are_not() {
        let config = read_file(
            b"# defaults\r\nimage_version: P0S3-8-12-00 # newest\r\nproxy1_address : \"10.20.1.6\"\r\n\
              proxy2_address: UNPROVISIONED\nproxy3_address: sip.example.com\nproxy9_address: 10.1.1.1\n\
              line1_password: \"s3cret\"\nproxy_backup: \"\"\n",
        );
        let names: Vec<_> = config.call_managers.iter().map(WireText::raw).collect();
        assert_eq!(names, ["10.20.1.6", "sip.example.com"]);
        assert_eq!(config.load.as_ref().unwrap().raw(), "P0S3-8-12-00");
        assert_eq!((config.text_form, config.problem.as_deref()), (true, None));
        assert!(!format!("{config:?}").contains("s3cret"));
    }

    #[test]
    fn other_contents_are_said_to_be_no_configuration() {
        for bytes in [&b"<html>404</html>"[..], b"\x01\x02\0\0binary", b"just words"] {
            assert_eq!(read_file(bytes).problem.as_deref(), Some("not a text configuration"), "{bytes:?}");
        }
        assert_eq!(read_file(b" \r\n").problem.as_deref(), Some("empty"));
        let whole = b"image_version: P0S3-8-12-00\nproxy1_address: 10.20.1.6\n";
        for end in 0..whole.len() {
            read_file(&whole[..end]);
        }
    }
}
