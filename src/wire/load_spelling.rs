//! Names of load files that are written wrong: what no server has under such a name, and what was meant.

use super::load::{self, is_load_file};

/// What is wrong with the name of a load file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Misspelling {
    /// A blank before or behind the name of the load, which some loads take for part of it.
    Blank {
        /// The name without it.
        meant: String,
    },
    /// The name of the load ends as that of a file does, so that a phone puts the ending there twice.
    Ending {
        /// The ending, such as `.loads`.
        ending: String,
        /// The name without it.
        meant: String,
    },
    /// Letters that look like digits: `P0O308010200`.
    Letter {
        /// The name with digits.
        meant: String,
    },
    /// A serial number of Cisco's where the load should be.
    SerialNumber,
}

impl Misspelling {
    /// What was meant; `None`: the name does not tell.
    pub fn meant(&self) -> Option<&str> {
        match self {
            Misspelling::Blank { meant } | Misspelling::Ending { meant, .. } | Misspelling::Letter { meant } => {
                Some(meant)
            }
            Misspelling::SerialNumber => None,
        }
    }
}

/// What is wrong with the name of a load file, or of a load, as a phone asks for it; `None`: nothing that is known.
pub fn misspelling(file: &str) -> Option<Misspelling> {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let load = is_load_file(base.trim()).unwrap_or_else(|| base.to_owned());
    let meant = load.trim();
    if meant.is_empty() {
        return None;
    }
    if meant.len() != load.len() || base.trim().len() != base.len() {
        return Some(Misspelling::Blank { meant: meant.to_owned() });
    }
    if let Some(bare) = is_load_file(meant).filter(|_| meant.len() != base.len()) {
        let ending = meant.get(bare.len()..).unwrap_or_default().to_owned();
        return Some(Misspelling::Ending { ending, meant: bare });
    }
    if is_serial_number(meant) {
        return Some(Misspelling::SerialNumber);
    }
    let digits: String = meant.chars().map(digit_for).collect();
    // The family stays as it is: `P0S3` and `SCCP` have letters of their own.
    let is_meant = digits != meant && is_numbered(&digits) && load::family(&digits).is_some();
    is_meant.then_some(Misspelling::Letter { meant: digits })
}

/// Three letters, four digits for year and week, four letters or digits: `FCH1101963K`.
fn is_serial_number(name: &str) -> bool {
    let (Some(place), Some(date), Some(number)) = (name.get(..3), name.get(3..7), name.get(7..)) else { return false };
    name.len() == 11
        && place.bytes().all(|b| b.is_ascii_uppercase())
        && date.bytes().all(|b| b.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// `P00308010200`: a letter, then digits to the end.
fn is_numbered(name: &str) -> bool {
    name.len() == 12 && name.get(1..).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

fn digit_for(letter: char) -> char {
    match letter {
        'O' | 'o' => '0',
        'l' | 'I' => '1',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_told() {
        for (file, meant) in [
            ("P00308010200 .bin", "P00308010200"),
            ("P00308010200 ", "P00308010200"),
            (" P00308010200.loads", "P00308010200"),
            ("P00308010200.loads ", "P00308010200"),
            ("SCCP42.9-4-2SR3-1S.loads.loads", "SCCP42.9-4-2SR3-1S"),
            ("P00308010200.bin.sbn", "P00308010200"),
            ("P0O308010200.bin", "P00308010200"),
            ("x/P003O8010200.bin", "P00308010200"),
        ] {
            assert_eq!(misspelling(file).as_ref().and_then(Misspelling::meant), Some(meant), "{file:?}");
        }
        assert_eq!(misspelling("FCH1101963K.loads"), Some(Misspelling::SerialNumber));
    }

    #[test]
    fn names_as_they_should_be_are_left_alone() {
        for file in [
            "",
            " ",
            ".bin",
            "P00308010200.bin",
            "P003AJ30.bin",
            "P0S3-08-12-00.loads",
            "SCCP42.9-4-2SR3-1S.loads",
            "jar42sccp.9-4-2ES26.sbn",
            "CP7912080001SCCP060412A.sbin",
            "term45.default.loads",
            "own-build",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}.loads",
        ] {
            assert_eq!(misspelling(file), None, "{file:?}");
        }
    }
}
