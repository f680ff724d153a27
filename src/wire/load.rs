//! Names of loads: the firmware images of Cisco phones, in the spellings of files, alarms and answers.
//!
//! One load has several names: the file `P00308000200.bin` is `8.0(2.0)` in an alarm, `SCCP42.9-4-2SR3-1S.loads` is
//! `9.4(2SR3.1S)`, and VersionRes cuts it to the 16 bytes `SCCP42.9-4-2SR3-`. What does not follow a known grammar
//! names only itself: `AJ.30` is a load of CallManager 3.0, and its letters are no number.

use std::cmp::Ordering;

/// Bytes of the load name in VersionRes, which is cut there.
const VERSION_RES: usize = 16;
/// Most parts of a version that are told apart; all known ones have at most four.
const MAX_PARTS: usize = 8;

/// What a load makes of a phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Skinny.
    Sccp,
    /// SIP.
    Sip,
    /// MGCP.
    Mgcp,
}

/// The hardware and the protocol that a load is for, as far as its name tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Family {
    /// Models that it runs on, such as `7960`; empty where the name tells the family but the models are not known.
    pub models: &'static [&'static str],
    /// Protocol; `None` where the name does not tell, as of loaders and of aliases.
    pub protocol: Option<Protocol>,
    /// Whether the image is signed; `None` where the name does not tell. On a 7960 or 7940 there is no way back from
    /// a signed load to one that is not.
    pub signed: Option<bool>,
}

impl Family {
    /// Whether it runs on a model (`7960`, `7960G`, `CP-7960G`, `IP Phone 7960`); `None` where that is not known.
    pub fn runs_on(&self, model: &str) -> Option<bool> {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let wanted = digits(model);
        (!self.models.is_empty() && !wanted.is_empty()).then(|| self.models.iter().any(|m| digits(m) == wanted))
    }
}

/// A load name taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadName {
    /// What stands for hardware and protocol, in upper case: `P003`, `SCCP42`, `CP7912`; `None` in the dotted
    /// spelling of an alarm, which leaves it out.
    pub family: Option<String>,
    /// Version, part by part: 8, 0, 2, 0 or 9, 4, 2SR3, 1S. Empty: the name tells none.
    pub version: Vec<Part>,
}

/// One part of a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// A number with its service release, 0 without one; `signed` is the `S` that marks a signed image.
    Number {
        #[allow(missing_docs)]
        number: u32,
        #[allow(missing_docs)]
        service_release: u32,
        #[allow(missing_docs)]
        signed: bool,
    },
    /// Anything else, in upper case: equal or not, but neither earlier nor later.
    Text(String),
}

impl Part {
    const ZERO: Part = Part::Number { number: 0, service_release: 0, signed: false };

    fn read(text: &str) -> Part {
        Part::number(text).unwrap_or_else(|| Part::Text(text.to_ascii_uppercase()))
    }

    /// Digits, then `SR` and digits, then `S`; the latter two may be missing.
    fn number(text: &str) -> Option<Part> {
        let (number, rest) = split_digits(text)?;
        let upper = rest.to_ascii_uppercase();
        let (rest, signed) = upper.strip_suffix('S').map_or((upper.as_str(), false), |rest| (rest, true));
        let service_release = match rest.strip_prefix("SR") {
            Some(digits) => split_digits(digits).filter(|(_, rest)| rest.is_empty())?.0,
            None if rest.is_empty() => 0,
            None => return None,
        };
        Some(Part::Number { number, service_release, signed })
    }

    fn cmp(&self, other: &Part) -> Option<Ordering> {
        match (self, other) {
            (
                Part::Number { number, service_release, .. },
                Part::Number { number: other, service_release: other_release, .. },
            ) => Some((number, service_release).cmp(&(other, other_release))),
            _ => (self == other).then_some(Ordering::Equal),
        }
    }
}

/// The digits at the start as a number, and the rest; at most nine digits.
fn split_digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    (digits.len() <= 9).then(|| digits.parse().ok()).flatten().map(|number| (number, rest))
}

impl LoadName {
    /// Takes a name apart; a file extension goes. `None`: it follows no known grammar.
    pub fn parse(text: &str) -> Option<LoadName> {
        let name = bare(text);
        LoadName::dotted(name)
            .or_else(|| LoadName::fixed_digits(name))
            .or_else(|| LoadName::dated(name))
            .or_else(|| LoadName::dashed(name))
    }

    /// `8.0(2.0)`, `9.4(2SR3.1S)`, `8.5(3)`.
    fn dotted(name: &str) -> Option<LoadName> {
        let (major, rest) = name.split_once('.')?;
        let (minor, rest) = rest.split_once('(')?;
        let inner = rest.strip_suffix(')')?;
        let mut version = vec![Part::number(major)?, Part::number(minor)?];
        if inner.split('.').count() > MAX_PARTS || !inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') {
            return None;
        }
        version.extend(inner.split('.').map(Part::read));
        Some(LoadName { family: None, version })
    }

    /// `P00308000200`, `P0030301`, `S00105000400`: four characters, then two digits a part.
    fn fixed_digits(name: &str) -> Option<LoadName> {
        let (family, digits) = name.split_at_checked(4)?;
        if !is_fixed_family(family) || !matches!(digits.len(), 4 | 8) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let version = two_by_two(digits)?;
        Some(LoadName { family: Some(family.to_ascii_uppercase()), version })
    }

    /// `CP7905080003SCCP070409A`, `ATA030204SCCP090202A`: two digits a part, protocol, date and letter. A phone
    /// announces the former as `CP7905-v8-00-3-070409A`.
    fn dated(name: &str) -> Option<LoadName> {
        let upper = name.to_ascii_uppercase();
        let at = if upper.starts_with("CP79") { 6 } else { 3 };
        let (family, rest) = upper.split_at_checked(at)?;
        if family != "ATA" && !matches!(family, "CP7902" | "CP7905" | "CP7912") {
            return None;
        }
        let (mut version, date) = match rest.strip_prefix("-V") {
            Some(rest) => {
                let (numbers, date) = rest.rsplit_once('-')?;
                (numbers.split('-').take(MAX_PARTS).map(Part::number).collect::<Option<Vec<_>>>()?, date)
            }
            None => {
                let (digits, rest) = rest.split_at_checked(6)?;
                (two_by_two(digits)?, ["SCCP", "SIP", "MGCP"].iter().find_map(|p| rest.strip_prefix(p))?)
            }
        };
        version.push(Part::Text(date.to_owned()));
        Some(LoadName { family: Some(family.to_owned()), version })
    }

    /// `SCCP42.9-4-2SR3-1S`, `P0S3-08-12-00`, `cmterm_7936.3-3-21-0`, `CP7921G-1.4.5.3`: a family, a dot or dash,
    /// then parts.
    fn dashed(name: &str) -> Option<LoadName> {
        let (family, version) = name.split_once(['.', '-'])?;
        // "AJ.30" has no family; "term06.default" no version.
        let known = family.len() > 2 && family.bytes().any(|b| b.is_ascii_digit());
        if !known || !version.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let version: Vec<Part> = version.split(['-', '.']).take(MAX_PARTS + 1).map(Part::read).collect();
        let family = Some(family.to_ascii_uppercase());
        (version.len() <= MAX_PARTS).then_some(LoadName { family, version })
    }

    /// A part of the version; one that is left out is 0, but the short names of two parts leave out what is not known.
    fn part(&self, at: usize) -> Option<Part> {
        self.version.get(at).cloned().or((self.version.len() > 2).then_some(Part::ZERO))
    }
}

/// `P003`, `P0S3`, `P004`, `S001`: the families of names with eight digits.
fn is_fixed_family(family: &str) -> bool {
    match family.to_ascii_uppercase().as_bytes() {
        [b'P', b'0', b'0' | b'S' | b'M', hardware] => hardware.is_ascii_digit(),
        [b'S', b'0', b'0', module] => module.is_ascii_digit(),
        _ => false,
    }
}

fn two_by_two(digits: &str) -> Option<Vec<Part>> {
    digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().and_then(Part::number)).collect()
}

/// The name without blanks, NULs and a file extension.
fn bare(text: &str) -> &str {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    strip_extension(text).unwrap_or(text)
}

fn strip_extension(name: &str) -> Option<&str> {
    [".loads", ".sbin", ".bin", ".sbn", ".sb2", ".zup"].iter().find_map(|extension| {
        let (stem, end) = name.split_at_checked(name.len().checked_sub(extension.len())?)?;
        (!stem.is_empty() && end.eq_ignore_ascii_case(extension)).then_some(stem)
    })
}

/// Models that run the same loads count as one: the 7940 and the 7960.
pub fn hardware_of(model: &str) -> &str {
    match model {
        "7940" | "7960" => "7960",
        other => other,
    }
}

/// The load that a file belongs to: its name without path and extension (`.bin`, `.sbn`, `.loads`, `.sb2`, `.zup`,
/// `.sbin`). `None`: no load file. The parts of a later load (`jar42sccp.9-4-2….sbn`) are load files too.
pub fn is_load_file(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    strip_extension(name).map(str::to_owned)
}

/// Whether two names are one load: equal but for case, blanks and extension; the dotted spelling of a file name; or
/// a name that VersionRes cut. The mark of a signed image counts between two file names only.
pub fn same_load(a: &str, b: &str) -> bool {
    let (a, b) = (bare(a), bare(b));
    if a.is_empty() || b.is_empty() {
        return false;
    }
    if a.eq_ignore_ascii_case(b) || old_letters(a).is_some_and(|letters| letters == old_letters(b).unwrap_or_default())
    {
        return true;
    }
    if is_cut_of(a, b) || is_cut_of(b, a) {
        return true;
    }
    let (Some(a), Some(b)) = (LoadName::parse(a), LoadName::parse(b)) else { return false };
    match (&a.family, &b.family) {
        (Some(one), Some(other)) => one == other && a.version == b.version,
        (None, None) => a.version == b.version,
        // Names with a date have no dotted spelling that is known.
        (Some(family), None) | (None, Some(family)) => {
            !is_dated_family(family) && compare_versions(&a, &b) == Some(Ordering::Equal)
        }
    }
}

fn is_dated_family(family: &str) -> bool {
    matches!(family, "ATA" | "CP7902" | "CP7905" | "CP7912")
}

/// `AJ.30` of the spellings `AJ.30` and `P003AJ30`.
fn old_letters(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let (letters, digits) = match upper.strip_prefix("P003") {
        Some(rest) => rest.split_at_checked(2)?,
        None => upper.split_once('.')?,
    };
    let both = letters.len() == 2 && digits.len() == 2;
    let right = letters.bytes().all(|b| b.is_ascii_uppercase()) && digits.bytes().all(|b| b.is_ascii_digit());
    (both && right).then(|| format!("{letters}.{digits}"))
}

/// Whether `cut` is `whole` as VersionRes cuts it, `whole` in either spelling.
fn is_cut_of(cut: &str, whole: &str) -> bool {
    if cut.len() != VERSION_RES || !cut.is_ascii() {
        return false;
    }
    if whole.get(..VERSION_RES).is_some_and(|start| start.eq_ignore_ascii_case(cut)) {
        return true;
    }
    // The dotted spelling, `9.4(2SR3.1S)`, of which at least a.b(c is left.
    let (Some((_, left)), Some(_)) = (cut.split_once('.'), LoadName::dotted(whole)) else { return false };
    let whole = whole.replace(['.', '('], "-").to_ascii_uppercase();
    left.split('-').filter(|part| !part.is_empty()).count() >= 3 && whole.starts_with(&left.to_ascii_uppercase())
}

/// The name to show for a load as the wire spells it: `x.y(z.w)` of device type 7 or 8 (7960, 7940) is `P003`, of 6
/// (7910) `P004`, then xx yy zz ww. Anything else stays as it is, without the blanks around it.
pub fn print_name(wire: &str, device_type: Option<u32>) -> String {
    let wire = wire.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let family = match device_type {
        Some(7 | 8) => "P003",
        Some(6) => "P004",
        _ => return wire.to_owned(),
    };
    let two_digits = |part: &Part| match part {
        Part::Number { number: number @ 0..=99, service_release: 0, signed: false } => Some(*number),
        _ => None,
    };
    let version = LoadName::dotted(wire).map(|name| name.version.iter().map(two_digits).collect::<Option<Vec<_>>>());
    match version.flatten().as_deref() {
        Some([x, y, z, w]) => format!("{family}{x:02}{y:02}{z:02}{w:02}"),
        _ => wire.to_owned(),
    }
}

/// Which load is the later one, by version and within one family. `None`: different families, or not known. The
/// dotted spelling names no family: then it is for the caller to know that both are for one phone. The mark of a
/// signed image does not make it later.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    if same_load(a, b) {
        return Some(Ordering::Equal);
    }
    let (a, b) = (LoadName::parse(a)?, LoadName::parse(b)?);
    match (&a.family, &b.family) {
        (Some(one), Some(other)) if one != other => return None,
        (Some(family), None) | (None, Some(family)) if is_dated_family(family) => return None,
        _ => {}
    }
    compare_versions(&a, &b)
}

fn compare_versions(a: &LoadName, b: &LoadName) -> Option<Ordering> {
    for at in 0..a.version.len().max(b.version.len()) {
        match a.part(at)?.cmp(&b.part(at)?)? {
            Ordering::Equal => {}
            decided => return Some(decided),
        }
    }
    Some(Ordering::Equal)
}

/// The hardware and protocol that a load name tells; `None` where it tells none (`AJ.30`, `8.0(2.0)`).
pub fn family(load: &str) -> Option<Family> {
    let trimmed = load.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let name = bare(trimmed);
    let upper = name.to_ascii_uppercase();
    let mut family = fixed_family(&upper).or_else(|| dated_family(&upper)).or_else(|| named_family(&upper))?;
    if family.signed.is_none() {
        let extension = trimmed.get(name.len()..).unwrap_or_default().to_ascii_lowercase();
        family.signed = match extension.as_str() {
            ".sbn" | ".sb2" | ".sbin" => Some(true),
            ".zup" => Some(false),
            _ => None,
        };
    }
    Some(family)
}

/// `P00308000200`, `P003AJ30`, `P0S3-08-12-00`, `P0030801SR02`.
fn fixed_family(upper: &str) -> Option<Family> {
    let (prefix, version) = upper.split_at_checked(4)?;
    if !is_fixed_family(prefix) || version.is_empty() {
        return None;
    }
    let models: &[&str] = match prefix.as_bytes() {
        [b'P', .., b'3'] => &["7940", "7960"],
        [b'P', .., b'4'] => &["7910"],
        [b'P', .., b'5'] => &["7935"],
        [b'S', .., b'1'] => &["7914"],
        _ => &[],
    };
    let protocol = match prefix.as_bytes() {
        [b'P', _, b'S', _] => Some(Protocol::Sip),
        [b'P', _, b'M', _] => Some(Protocol::Mgcp),
        // With dashes it is the loader of an application, whose protocol is another matter.
        [b'P', ..] if !version.starts_with('-') => Some(Protocol::Sccp),
        _ => None,
    };
    // Loads of the 7960, 7940 and 7910 are signed from 5.0 on.
    let signed = (matches!(models, ["7940", ..] | ["7910"]) && protocol == Some(Protocol::Sccp))
        .then(|| LoadName::fixed_digits(upper))
        .flatten()
        .filter(|name| name.version.len() == 4)
        .and_then(|name| match name.version.first() {
            Some(Part::Number { number, .. }) => Some(*number >= 5),
            _ => None,
        });
    Some(Family { models, protocol, signed })
}

/// `CP7912080001SCCP060412A`, `CP7912-v8-00-1-060412A`, `ATA030204SCCP090202A`.
fn dated_family(upper: &str) -> Option<Family> {
    let name = LoadName::dated(upper)?;
    let models: &[&str] = match name.family.as_deref()? {
        "CP7902" => &["7902"],
        "CP7905" => &["7905"],
        "CP7912" => &["7912"],
        _ => &["ATA186", "ATA188"],
    };
    let protocols = [("SCCP", Protocol::Sccp), ("SIP", Protocol::Sip), ("MGCP", Protocol::Mgcp)];
    let protocol = protocols.iter().find(|(word, _)| upper.contains(word)).map(|(_, protocol)| *protocol);
    Some(Family { models, protocol, signed: None })
}

/// `SCCP42.9-4-2SR3-1S`, `SIP41.8-5-2S`, `term06.default`, `sip88xx.12-1-1`, `cmterm_7936.3-3-21-0`.
fn named_family(upper: &str) -> Option<Family> {
    let (head, version) = upper.split_once('.')?;
    let (protocol, hardware) = [("SCCP", Some(Protocol::Sccp)), ("SIP", Some(Protocol::Sip)), ("TERM", None)]
        .iter()
        .find_map(|(word, protocol)| head.strip_prefix(word).map(|rest| (*protocol, rest)))
        .unwrap_or((None, head));
    // Names of one device; only the first has its protocol in it.
    let single: Option<(&'static [&'static str], Option<Protocol>)> = match head {
        "APPS37SCCP" => Some((&["7937"], Some(Protocol::Sccp))),
        "CMTERM_7936" => Some((&["7936"], None)),
        "CMTERM_7920" => Some((&["7920"], None)),
        "CMTERM_7985" => Some((&["7985"], None)),
        _ if head.starts_with("CP7921G-") => Some((&["7921"], None)),
        _ if head.starts_with("CP7925G-") => Some((&["7925"], None)),
        _ if head.starts_with("CP7926G-") => Some((&["7926"], None)),
        _ => None,
    };
    if let Some((models, protocol)) = single {
        return Some(Family { models, protocol, signed: None });
    }
    let models: &[&str] = match hardware {
        "06" => &["7906"],
        "11" => &["7906", "7911"],
        "31" => &["7931"],
        "41" => &["7941", "7961"],
        "42" => &["7942", "7962"],
        "45" => &["7945", "7965"],
        "61" => &["7961"],
        "62" => &["7962"],
        "65" => &["7965"],
        "70" => &["7970", "7971"],
        "71" => &["7971"],
        "75" => &["7975"],
        "69XX" => &["6921", "6941", "6961"],
        "6901" => &["6901"],
        "6911" => &["6911"],
        "6945" => &["6945"],
        "8941_8945" => &["8941", "8945"],
        "78XX" => &["7811", "7821", "7841", "7861"],
        "88XX" => &["8811", "8841", "8851", "8861"],
        "8845_65" => &["8845", "8865"],
        "8961" => &["8961"],
        "9951" => &["9951"],
        "9971" => &["9971"],
        "3905" => &["3905"],
        _ => &[],
    };
    // A word and anything behind it ("sipp", "terminal") is a family only where the hardware is known.
    if hardware == head || models.is_empty() {
        return None;
    }
    let numbered = version.starts_with(|c: char| c.is_ascii_digit());
    let signed = (numbered && hardware.len() == 2 && version.ends_with('S')).then_some(true);
    Some(Family { models, protocol, signed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> Part {
        Part::Number { number, service_release: 0, signed: false }
    }

    #[test]
    fn files_of_a_load_are_known_by_their_extension() {
        for (file, load) in [
            ("P00303020214.bin", "P00303020214"),
            ("/P00308000500.SBN", "P00308000500"),
            ("SCCP42.9-4-2SR3-1S.loads", "SCCP42.9-4-2SR3-1S"),
            ("C:\\tftp\\P00308000500.sb2", "P00308000500"),
            ("ATA030204SCCP090202A.zup", "ATA030204SCCP090202A"),
            ("CP7905080003SCCP070409A.sbin", "CP7905080003SCCP070409A"),
            ("term11.default.loads", "term11.default"),
            ("P003AJ30.bin", "P003AJ30"),
        ] {
            assert_eq!(is_load_file(file).as_deref(), Some(load));
        }
        for file in ["", ".bin", "/a.bin/", "OS79XX.TXT", "SEP003094C2D3FA.cnf.xml", "P00303020214", "\u{e9}bin", "bin"]
        {
            assert_eq!(is_load_file(file), None, "{file}");
        }
    }

    #[test]
    fn one_load_in_two_spellings_is_one_load() {
        for (a, b) in [
            ("P00308000200", "8.0(2.0)"),
            ("P00307020200", "7.2(2.0)"),
            ("P00303020214", "3.2(2.14)"),
            ("P00308001000.bin", " 8.0(10.0)"),
            ("P00308000200", "p00308000200.sbn"),
            ("SCCP42.9-4-2SR3-1S", "9.4(2SR3.1S)"),
            ("SCCP42.9-4-2SR3-1S", " 9.4(2SR3.1S)\0"),
            ("SCCP45.9-0-1TD1-36S", "9.0(1TD1.36S)"),
            ("SCCP41.8-5-3S", "8.5(3)"),
            ("SCCP41.8-5-3S", "8.5(3S)"),
            ("SCCP42.9-4-2SR3-", "SCCP42.9-4-2SR3-1S"),
            ("SCCP42.9-4-2SR3-", "9.4(2SR3.1S)"),
            ("SCCP69xx.9-4-1-3", "9.4(1.3SR1)"),
            ("AJ.30", "P003AJ30"),
            ("AJ.30", "aj.30 "),
            ("term06.default", "TERM06.DEFAULT"),
            ("CP7912080001SCCP060412A", "CP7912-v8-00-1-060412A"),
            ("P0030801SR02", "P0030801SR02.loads"),
        ] {
            assert!(same_load(a, b) && same_load(b, a), "{a} and {b}");
            assert_eq!(compare(a, b), Some(Ordering::Equal), "{a} and {b}");
        }
    }

    #[test]
    fn other_loads_are_other_loads() {
        for (a, b) in [
            ("P00308000200", "8.0(20.0)"),
            ("P00308000200", "P00408000200"),
            ("P00308000200", "P0S308000200"),
            ("P00303020214", "3.2(2.1)"),
            ("SCCP42.9-4-2SR3-1S", "SIP42.9-4-2SR3-1S"),
            ("SCCP42.9-4-2SR3-1S", "SCCP45.9-4-2SR3-1S"),
            ("SCCP42.9-4-2SR3-1S", "9.4(2SR2.1S)"),
            ("SCCP42.9-4-2SR3-", "9.4(2.1S)"),
            ("SCCP42.9-4-2SR3-", "SCCP45.9-4-2SR3-1S"),
            ("SCCP8941_8945.9-", "9.4(1.9)"),
            ("SCCP41.8-5-2S", "SCCP41.8-5-2"),
            ("SCCP42.9-4-2SR3", "SCCP42.9-4-2SR3-1S"),
            ("AJ.30", "P003AJ31"),
            ("AJ.30", "P004AJ30"),
            ("AJ.30", "3.0(1.0)"),
            ("P0030801SR02", "8.1(2.0)"),
            ("P0030301", "3.1(0.0)"),
            ("CP7912080001SCCP060412A", "8.0(1)"),
            ("term06.default", "term11.default"),
            ("", ""),
            (" ", ""),
        ] {
            assert!(!same_load(a, b) && !same_load(b, a), "{a} and {b}");
        }
    }

    #[test]
    fn later_is_later_within_a_family_and_unknown_is_unknown() {
        for (early, late) in [
            ("P00303010102", "P00303020214"),
            ("P00308000900", "P00308001000"),
            ("3.0(1.2)", "3.1(1.0)"),
            ("3.0(3.0)", "P00303010102"),
            ("SCCP42.8-9-1S", "SCCP42.8-10-1S"),
            ("SCCP42.9-4-2", "SCCP42.9-4-2SR1"),
            ("SCCP42.9-4-2SR3-1S", "9.4(2SR10.1S)"),
            ("P00308000500", "P0030801"),
            ("CP7912080000SCCP060101A", "CP7912080001SCCP050101A"),
        ] {
            assert_eq!(compare(early, late), Some(Ordering::Less), "{early} and {late}");
            assert_eq!(compare(late, early), Some(Ordering::Greater), "{early} and {late}");
        }
        for (a, b) in [
            ("AJ.30", "P00303010102"),
            ("AJ.30", "AL.00"),
            ("P00303010102", "P00403020102"),
            ("SCCP42.9-4-2", "SCCP45.9-4-3"),
            ("P0030301", "P00303010102"),
            ("SCCP45.9-0-1TD1-36S", "SCCP45.9-0-1-36S"),
            ("term06.default", "SCCP11.9-4-2"),
            ("CP7912080000SCCP060101A", "CP7912080000SCCP060102A"),
            ("CP7912080000SCCP060101A", "9.0(1)"),
            ("", "8.0(1.0)"),
        ] {
            assert_eq!(compare(a, b), None, "{a} and {b}");
        }
    }

    #[test]
    fn the_name_to_show_is_a_file_name_where_the_wire_implies_it() {
        assert_eq!(print_name("3.1(1.2)", Some(7)), "P00303010102");
        assert_eq!(print_name(" 8.0(10.0)\0\0", Some(8)), "P00308001000");
        assert_eq!(print_name("3.2(2.14)", Some(6)), "P00403020214");
        for (wire, device_type) in [
            ("8.0(2.0)", None),
            ("8.0(2.0)", Some(115)),
            ("8.0(2)", Some(7)),
            ("8.1(2SR2.0)", Some(7)),
            ("8.0(2.0S)", Some(7)),
            ("8.0(100.0)", Some(7)),
            ("8.0(2.0.1)", Some(7)),
            ("AJ.30", Some(7)),
            ("P00308000200", Some(7)),
            ("9.4(2SR3.1S)", Some(434)),
        ] {
            assert_eq!(print_name(&format!(" {wire} "), device_type), wire);
        }
    }

    #[test]
    fn a_name_tells_hardware_protocol_and_signature() {
        let told = |load: &str| family(load).map(|f| (f.models.join(" "), f.protocol, f.signed)).unwrap();
        let is = |models: &str, protocol, signed| (models.to_owned(), protocol, signed);
        use Protocol::{Mgcp, Sccp, Sip};
        assert_eq!(told("P00303020214"), is("7940 7960", Some(Sccp), Some(false)));
        assert_eq!(told("P00308000500"), is("7940 7960", Some(Sccp), Some(true)));
        assert_eq!(told("P00405000700.sbn"), is("7910", Some(Sccp), Some(true)));
        assert_eq!(told("P003AJ30"), is("7940 7960", Some(Sccp), None));
        assert_eq!(told("P0030801SR02"), is("7940 7960", Some(Sccp), None));
        assert_eq!(told("P0S3-08-12-00"), is("7940 7960", Some(Sip), None));
        assert_eq!(told("P0M3-06-3-10"), is("7940 7960", Some(Mgcp), None));
        assert_eq!(told("P003-07-5-00"), is("7940 7960", None, None));
        assert_eq!(told("P00503010100"), is("7935", Some(Sccp), None));
        assert_eq!(told("P00203010100"), is("", Some(Sccp), None));
        assert_eq!(told("S00105000400"), is("7914", None, None));
        assert_eq!(told("SCCP42.9-4-2SR3-1S"), is("7942 7962", Some(Sccp), Some(true)));
        assert_eq!(told("SIP41.8-5-2S.loads"), is("7941 7961", Some(Sip), Some(true)));
        assert_eq!(told("TERM41.7-0-3-0S"), is("7941 7961", None, Some(true)));
        assert_eq!(told("term11.default.loads"), is("7906 7911", None, None));
        assert_eq!(told("sip88xx.10-1-1SR1-4"), is("8811 8841 8851 8861", Some(Sip), None));
        assert_eq!(told("SCCP8941_8945.9-4-1-9"), is("8941 8945", Some(Sccp), None));
        assert_eq!(told("CP7905080003SCCP070409A.sbin"), is("7905", Some(Sccp), Some(true)));
        assert_eq!(told("CP7912-v8-00-1-060412A"), is("7912", None, None));
        assert_eq!(told("ATA030204SCCP090202A.zup"), is("ATA186 ATA188", Some(Sccp), Some(false)));
        assert_eq!(told("apps37sccp.1-4-4-0"), is("7937", Some(Sccp), None));
        assert_eq!(told("cmterm_7936.3-3-21-0"), is("7936", None, None));
        assert_eq!(told("CP7921G-1.4.5.3"), is("7921", None, None));
        for load in
            ["", "AJ.30", "8.0(2.0)", "P003", "sip.1-2", "SCCP99.1-2-3", "42.9-4-2", "41.1", "RINGLIST.DAT", "P0"]
        {
            assert_eq!(family(load), None, "{load}");
        }
    }

    #[test]
    fn a_family_runs_on_its_models_however_they_are_written() {
        let p003 = family("P00303020214").unwrap();
        for model in ["7960", "7940G", "CP-7960G", "IP Phone 7960", "Cisco IP Phone 7940"] {
            assert_eq!(p003.runs_on(model), Some(true), "{model}");
        }
        assert_eq!((p003.runs_on("7910"), p003.runs_on("phone")), (Some(false), None));
        assert_eq!(family("SCCP41.8-5-2S").unwrap().runs_on("CP-7961G-GE"), Some(true));
        assert_eq!(family("ATA030204SCCP090202A").unwrap().runs_on("ATA186"), Some(true));
        assert_eq!(family("P00203010100").unwrap().runs_on("7960"), None);
    }

    #[test]
    fn a_name_is_taken_apart() {
        let name = LoadName::parse("P00308001000.bin").unwrap();
        assert_eq!(
            (name.family.as_deref(), name.version),
            (Some("P003"), vec![number(8), number(0), number(10), number(0)])
        );
        let name = LoadName::parse("9.4(2SR3.1S)").unwrap();
        let service_release = Part::Number { number: 2, service_release: 3, signed: false };
        let signed = Part::Number { number: 1, service_release: 0, signed: true };
        assert_eq!((name.family, name.version), (None, vec![number(9), number(4), service_release, signed]));
        let name = LoadName::parse("cmterm_7920.4.0-03-02").unwrap();
        assert_eq!(name.version, [number(4), number(0), number(3), number(2)]);
    }

    #[test]
    fn any_text_is_taken_without_a_panic() {
        let alphabet: Vec<char> = "P0S3M4SCCP42.9-()SRTDtermCPAT v\0\u{e9}\u{202e}71".chars().collect();
        let mut state = 5278u64;
        let mut texts = Vec::new();
        for _ in 0..4_000 {
            let text: String = (0..state % 24)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    alphabet[usize::try_from(state >> 16).unwrap() % alphabet.len()]
                })
                .collect();
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            texts.push(text);
        }
        for pair in texts.windows(2) {
            let [a, b] = pair else { continue };
            assert_eq!(same_load(a, b), same_load(b, a), "{a:?} {b:?}");
            assert_eq!(compare(a, b), compare(b, a).map(Ordering::reverse), "{a:?} {b:?}");
            print_name(a, Some(7));
            family(a);
            is_load_file(a);
            assert_eq!(same_load(a, a), !bare(a).is_empty(), "{a:?}");
        }
        let long = format!("SCCP42.{}", "1-".repeat(50_000));
        assert!(LoadName::parse(&long).is_none() && !same_load(&long, "9.4(1.1)"));
        assert!(LoadName::parse(&format!("1.1({})", "1.".repeat(50_000))).is_none());
    }
}
