//! The way from the load that a phone runs to the one that it should run: straight, by a stepping stone, or shut
//! (boot reference 4.3).

use crate::wire::load::{LoadName, Part};

/// Families of the phones with Java loads, by the digits in a load's name: 7906 to 7975.
const JAVA: [&str; 8] = ["06", "11", "31", "41", "42", "45", "70", "75"];

/// How a phone comes from one load to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoadRoute {
    /// It takes the load at its next reset.
    Straight,
    /// It takes this load first, and the other one after.
    Through(String),
    /// It will not take it; the reason is a whole sentence.
    Shut(String),
}

/// The way from `from` to `to`, for a phone that `to` is made for.
pub fn way(from: &str, to: &str) -> LoadRoute {
    if is_signed_only(from, to) && !is_signed_only(to, to) {
        return LoadRoute::Shut(format!(
            "{from} takes signed loads only, as all loads of the 7940 and 7960 from 5.0 on, and {to} is not signed: there \
             is no way back to it. Name a load of 5.0 or later that the CallManager takes, or replace the phone."
        ));
    }
    let (Some(family), Some(old), Some(new)) = (java_family(to), version(from), version(to)) else {
        return LoadRoute::Straight;
    };
    match old < (8, 3, 3) && new > (8, 5, 2) {
        true => LoadRoute::Through(format!("{family}.8-5-2S")),
        false => LoadRoute::Straight,
    }
}

/// What is to be known before a phone is moved, in sentences; `from`: `None` where it is not known.
pub fn warnings(from: Option<&str>, to: &str) -> Vec<String> {
    // What it runs may be of before the door: silence would be a promise.
    if !from.is_some_and(|from| is_signed_only(from, to)) && is_signed_only(to, to) {
        return vec![
            format!("{to} is a one-way door: a 7940 or 7960 that runs a load of 5.0 or later takes signed loads only, and never one before 5.0 again."),
            "Its loader may wipe the phone's network settings: DHCP must name the TFTP server (option 150), or the phone stops half way.".to_owned(),
        ];
    }
    Vec::new()
}

/// Whether a load takes signed loads only: those of the 7940 and 7960 from 5.0 on. An alarm leaves the family out; then
/// it is that of `like`.
pub fn is_signed_only(load: &str, like: &str) -> bool {
    let Some(name) = LoadName::parse(load) else { return false };
    let family = name.family.or_else(|| LoadName::parse(like)?.family);
    let is_it = family.is_some_and(|f| matches!(f.as_str(), "P003" | "P0S3" | "P0M3"));
    is_it && matches!(name.version.first(), Some(Part::Number { number: 5.., .. }))
}

fn java_family(load: &str) -> Option<String> {
    let family = LoadName::parse(load)?.family?;
    let digits = ["SCCP", "SIP", "TERM"].iter().find_map(|word| family.strip_prefix(word))?;
    JAVA.contains(&digits).then(|| family.clone())
}

fn version(load: &str) -> Option<(u32, u32, u32)> {
    let parts = LoadName::parse(load)?.version;
    let number = |at: usize| match parts.get(at) {
        Some(Part::Number { number, .. }) => Some(*number),
        _ => None,
    };
    Some((number(0)?, number(1)?, number(2)?))
}

/// The files that belong to a load on a TFTP path, in words.
pub fn files(load: &str) -> String {
    let name = LoadName::parse(load);
    let family = name.as_ref().and_then(|n| n.family.as_deref()).unwrap_or_default();
    if java_family(load).is_some() || load.contains(".default") {
        return format!("{load}.loads and every file that it names");
    }
    if family.starts_with("CP79") || family == "ATA" {
        return format!("{load}.zup or {load}.sbin");
    }
    if is_signed_only(load, load) {
        return format!("{load}.bin or .sbn, with {load}.loads and .sb2 where the load has them");
    }
    let is_old = load.to_ascii_uppercase().starts_with("P00");
    if is_old { format!("{load}.bin") } else { format!("all files of {load}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_way_back_from_a_signed_load_to_one_that_is_not() {
        for (from, to) in [("P00308000500", "P00303020214"), ("8.0(5.0)", "P00303020214"), ("P00305000301", "P003AJ30")]
        {
            assert!(matches!(way(from, to), LoadRoute::Shut(_)), "{from} {to}");
        }
        for (from, to) in [
            ("P00303010102", "P00303000300"),
            ("3.1(1.2)", "P00303000300"),
            ("P00308000500", "P00307020200"),
            ("P00403010102", "P00403000300"),
            ("P00405000700", "P00403000300"),
            ("AJ.30", "P00303000300"),
        ] {
            assert_eq!(way(from, to), LoadRoute::Straight, "{from} {to}");
        }
    }

    #[test]
    fn a_java_phone_of_before_8_3_3_goes_by_8_5_2() {
        let stone = |text: &str| LoadRoute::Through(text.to_owned());
        assert_eq!(way("SCCP41.8-3-2S", "SCCP41.9-4-2SR3-1S"), stone("SCCP41.8-5-2S"));
        assert_eq!(way("8.0(2.0)", "SIP42.9-4-2SR3-1S"), stone("SIP42.8-5-2S"));
        assert_eq!(way("SCCP41.8-3-3S", "SCCP41.9-4-2S"), LoadRoute::Straight);
        assert_eq!(way("SCCP41.8-3-2S", "SCCP41.8-5-2S"), LoadRoute::Straight);
        assert_eq!(way("SCCP41.9-4-2S", "SCCP41.8-3-2S"), LoadRoute::Straight);
    }

    #[test]
    fn a_one_way_door_is_told_before_it_shuts() {
        assert_eq!(warnings(Some("P00303020214"), "P00308000500").len(), 2);
        assert!(warnings(Some("P00307020200"), "P00308000500").is_empty());
        assert!(warnings(Some("P00303020214"), "P00303000300").is_empty());
        assert_eq!(warnings(None, "P00308000500").len(), 2, "what it runs is not known, and may be older");
        assert!(warnings(None, "P00303000300").is_empty());
    }

    #[test]
    fn the_files_of_a_load_are_named() {
        assert_eq!(files("P00303020214"), "P00303020214.bin");
        assert!(files("P00308000500").contains(".sb2"));
        assert_eq!(files("SCCP41.8-5-2S"), "SCCP41.8-5-2S.loads and every file that it names");
        assert_eq!(files("own-build"), "all files of own-build");
    }
}
