//! Which phones a rule of the site file means: names, MACs in any spelling, patterns, and lists from CallManager.

use std::fmt;

use crate::types::Mac;

/// Device names have at most 50 characters, old ones 15.
const LONGEST_NAME: usize = 50;
/// Most `*` in a pattern.
const MOST_STARS: usize = 4;

/// One entry of a cluster's `phones`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PhonePattern {
    /// One phone, by MAC, or by a device name that carries it.
    Mac(Mac),
    /// One device, by a name without a MAC in it; in upper case.
    Name(String),
    /// Every phone that fits.
    Pattern(Pattern),
}

/// A text with `*` for any run of characters, none included.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pattern {
    /// As written.
    written: String,
    /// What is compared, in upper case: of a MAC pattern digits and `*` only, without `SEP`.
    text: String,
    subject: Subject,
}

/// What a pattern is compared with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Subject {
    /// The device name.
    Name,
    /// The MAC's digits.
    Mac,
    /// The MAC's digits, of a device whose name begins with `SEP`.
    SepMac,
}

impl PhonePattern {
    /// Reads an entry: `SEP003094C2D3FA`, `00:30:94:c2:d3:fa`, `0030.94*`, `SEP0030*`, `ATA*`, in either case.
    ///
    /// # Errors
    /// A text that is none of these, in words.
    pub(super) fn parse(written: &str) -> Result<PhonePattern, String> {
        let text = written.trim().to_ascii_uppercase();
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'*');
        if text.is_empty() {
            return Err("an empty text is no phone".to_owned());
        }
        if text.len() > LONGEST_NAME || !text.bytes().all(is_name) {
            return Err(format!("`{written}` is no device name, no MAC address and no pattern of one"));
        }
        let stars = text.bytes().filter(|b| *b == b'*').count();
        let sep = text.strip_prefix("SEP").filter(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit() || b == b'*'));
        let is_mac = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'-' | b'.' | b'*');
        if stars == 0 {
            if let Ok(mac) = text.parse::<Mac>() {
                // `Mac` takes separators anywhere; a group of the wrong size is a slip of the pen.
                check_groups(&text, written)?;
                return Ok(PhonePattern::Mac(mac));
            }
            let looks_like_mac = sep.is_some() || text.bytes().all(is_mac);
            if looks_like_mac || text.contains(':') {
                let digits = text.trim_start_matches("SEP").bytes().filter(u8::is_ascii_hexdigit).count();
                let advice = if digits < 12 { "; end it in * to mean all that begin so" } else { "" };
                return Err(format!("`{written}` has {digits} hexadecimal digits, a MAC address has 12{advice}"));
            }
            return Ok(PhonePattern::Name(text));
        }
        let (subject, text) = match sep {
            Some(digits) => (Subject::SepMac, digits.to_owned()),
            None if text.bytes().all(is_mac) => {
                check_groups(&text, written)?;
                (Subject::Mac, text.replace([':', '-', '.'], ""))
            }
            None if text.contains(':') => return Err(format!("`{written}` is no pattern of a MAC address")),
            None => (Subject::Name, text),
        };
        if stars > MOST_STARS {
            return Err(format!("`{written}` has more than {MOST_STARS} `*`"));
        }
        if subject != Subject::Name && text.len() - stars > 12 {
            return Err(format!("`{written}` has more digits than a MAC address"));
        }
        Ok(PhonePattern::Pattern(Pattern { written: written.trim().to_owned(), text, subject }))
    }
}

/// A group between separators that has no `*` in it must be whole: two digits, or four with dots.
fn check_groups(text: &str, written: &str) -> Result<(), String> {
    let (separator, size) = match text.bytes().find(|b| matches!(b, b':' | b'-' | b'.')) {
        None => return Ok(()),
        Some(b'.') => ('.', 4),
        Some(other) => (char::from(other), 2),
    };
    let fits = |group: &str| {
        let digits = group.bytes().filter(u8::is_ascii_hexdigit).count();
        let stars = group.bytes().filter(|b| *b == b'*').count();
        digits + stars == group.len() && (digits == size || (stars > 0 && digits < size))
    };
    if text.split(separator).all(fits) {
        return Ok(());
    }
    Err(format!("`{written}` has a group between its `{separator}` that is not of {size} hexadecimal digits"))
}

impl fmt::Display for PhonePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PhonePattern::Mac(mac) => f.write_str(&mac.device_name()),
            PhonePattern::Name(name) => f.write_str(name),
            PhonePattern::Pattern(pattern) => f.write_str(&pattern.written),
        }
    }
}

/// A phone as patterns see it.
pub(super) struct Subjects {
    /// The MAC's digits, and those of the name where it carries others.
    digits: [Option<String>; 2],
    /// The name in upper case; where it is not known, the one that the MAC makes.
    name: String,
}

impl Subjects {
    pub(super) fn of(mac: Mac, name: Option<&str>) -> Subjects {
        let digits = |mac: Mac| mac.device_name().get(3..).map(str::to_owned);
        let named = name.and_then(Mac::from_device_name).filter(|m| *m != mac);
        Subjects {
            digits: [digits(mac), named.and_then(digits)],
            name: name.map_or_else(|| mac.device_name(), str::to_ascii_uppercase),
        }
    }
}

impl Pattern {
    /// How specific the pattern is: more before the first `*` first, then more in all. Greater wins.
    pub(super) fn rank(&self) -> (usize, usize, bool) {
        let prefix = self.text.find('*').unwrap_or(self.text.len());
        let literals = self.text.bytes().filter(|b| *b != b'*').count();
        (prefix, literals, self.subject == Subject::SepMac)
    }

    /// Whether the phone fits.
    pub(super) fn matches(&self, phone: &Subjects) -> bool {
        let fits = |text: &str| matches(self.text.as_bytes(), text.as_bytes());
        match self.subject {
            Subject::Name => fits(&phone.name),
            Subject::SepMac if !phone.name.starts_with("SEP") => false,
            Subject::Mac | Subject::SepMac => phone.digits.iter().flatten().any(|d| fits(d)),
        }
    }

    /// Whether a phone can fit both, and neither pattern is the more specific one.
    pub(super) fn is_at_odds_with(&self, other: &Pattern) -> bool {
        self.rank() == other.rank()
            && (self.subject == Subject::Name) == (other.subject == Subject::Name)
            && intersect(self.text.as_bytes(), other.text.as_bytes())
    }
}

/// Whether `text` fits `pattern`: on a mismatch the last `*` takes one character more.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(expected) if expected == c => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (p, t) = (star, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|b| *b == b'*')
}

/// Whether some text fits both patterns.
fn intersect(a: &[u8], b: &[u8]) -> bool {
    // Cell j: whether the letters of `a` up to here and the first j of `b` can stand for one text. A `*` stands for
    // nothing (the cell above or to the left) or for one letter more (the other of the two).
    let only_stars = |letters: &[u8]| letters.iter().all(|l| *l == b'*');
    let mut row: Vec<bool> = (0..=b.len()).map(|j| b.get(..j).is_some_and(only_stars)).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal =
            std::mem::replace(row.first_mut().unwrap_or(&mut false), a.get(..=i).is_some_and(only_stars));
        let mut left = a.get(..=i).is_some_and(only_stars);
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let above = *cell;
            left = if *x == b'*' || *y == b'*' { above || left } else { diagonal && x == y };
            (diagonal, *cell) = (above, left);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The phones of a list exported from CallManager, with their lines: every field of any column that is a device name
/// or a MAC. Separators are commas, semicolons and tabs; a heading and other columns do no harm.
///
/// A number of twelve digits may be a telephone number: it counts as a MAC only on a line without a device name.
pub(super) fn read_list(text: &str) -> Vec<(usize, PhonePattern)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let fields = || line.split([',', ';', '\t']).map(|f| f.trim_matches(|c: char| c.is_whitespace() || c == '"'));
        let named = fields().filter_map(device_name);
        let before = found.len();
        found.extend(named.map(|phone| (number + 1, phone)));
        if found.len() == before {
            found.extend(fields().filter_map(hardware_address).map(|mac| (number + 1, PhonePattern::Mac(mac))));
        }
    }
    found
}

/// A field that is three letters and the digits of a MAC.
fn device_name(field: &str) -> Option<PhonePattern> {
    let (kind, digits) = field.split_at_checked(3)?;
    let fits = kind.bytes().all(|b| b.is_ascii_alphabetic())
        && digits.len() == 12
        && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !fits {
        return None;
    }
    let mac = Mac::from_device_name(field).map(PhonePattern::Mac);
    Some(mac.unwrap_or_else(|| PhonePattern::Name(field.to_ascii_uppercase())))
}

/// A field that is the MAC of a device: no group address, not all zero.
fn hardware_address(field: &str) -> Option<Mac> {
    let digits = field.bytes().filter(u8::is_ascii_hexdigit).count();
    let mac: Mac = (digits == 12 && field.len() <= 17).then(|| field.parse().ok()).flatten()?;
    (check_groups(field, field).is_ok() && !mac.is_group() && !mac.is_zero()).then_some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        match PhonePattern::parse(text) {
            Ok(PhonePattern::Pattern(pattern)) => pattern,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[track_caller]
    fn check(text: &str, mac: &str, name: Option<&str>, expected: bool) {
        let phone = Subjects::of(mac.parse().unwrap(), name);
        assert_eq!(pattern(text).matches(&phone), expected, "{text} on {mac}, {name:?}");
    }

    #[test]
    fn a_phone_is_read_in_every_spelling() {
        let mac = PhonePattern::Mac("003094c2d3fa".parse().unwrap());
        for text in [
            "SEP003094C2D3FA",
            "sep003094c2d3fa",
            "00:30:94:c2:d3:fa",
            "00-30-94-C2-D3-FA",
            "0030.94c2.d3fa",
            " 003094C2D3FA ",
        ] {
            assert_eq!(PhonePattern::parse(text).as_ref(), Ok(&mac), "{text}");
        }
        assert_eq!(PhonePattern::parse("ata003094c2d3fa"), Ok(PhonePattern::Name("ATA003094C2D3FA".to_owned())));
        assert_eq!(PhonePattern::parse("Lobby_1"), Ok(PhonePattern::Name("LOBBY_1".to_owned())));
        assert_eq!(mac.to_string(), "SEP003094C2D3FA");
        assert_eq!(PhonePattern::parse("00:30:94:*").unwrap().to_string(), "00:30:94:*");
    }

    #[test]
    fn what_is_no_phone_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "an empty text"),
            ("  ", "an empty text"),
            ("00:30:94:c2:d3", "has 10 hexadecimal digits, a MAC address has 12; end it in *"),
            ("SEP003094C2D3FAA", "has 13 hexadecimal digits, a MAC address has 12"),
            ("SEP", "has 0 hexadecimal digits"),
            ("cafe", "has 4 hexadecimal digits"),
            ("0:30:94:c2:d3:fa:0", "has a group between its `:` that is not of 2"),
            ("0:30:94:*", "has a group between its `:` that is not of 2"),
            ("0030.94:*", "has a group between its `.` that is not of 4"),
            ("00:30:94:c2:d3:fa:*", "is fine"),
            ("00:30:94:c2:d3:fa:aa*", "has more digits"),
            ("zz:30:*", "is no pattern of a MAC address"),
            ("SEP 0030", "is no device name"),
            ("*a*b*c*d*", "has more than 4 `*`"),
            ("caf\u{e9}", "is no device name"),
            (&"x".repeat(51), "is no device name"),
        ] {
            match PhonePattern::parse(text) {
                Err(message) => assert!(message.contains(reason), "{text}: {message}"),
                Ok(_) => assert_eq!(reason, "is fine", "{text}"),
            }
        }
    }

    #[test]
    fn a_pattern_fits_by_mac_and_by_name() {
        let mac = "003094c2d3fa";
        check("00:30:94:*", mac, None, true);
        check("0030.94*", mac, Some("SEP003094C2D3FA"), true);
        check("0030.94c*", mac, None, true);
        check("00-31-*", mac, None, false);
        check("sep0030*", mac, None, true);
        check("SEP0030*", mac, Some("ATA003094C2D3FA"), false);
        check("ata*", mac, Some("ATA003094C2D3FA"), true);
        check("ATA*", mac, None, false);
        check("SE*", mac, None, true);
        check("*:fa", mac, None, true);
        check("*d3fb", mac, None, false);
        check("00*94*fa", mac, None, true);
        check("*", mac, Some("anything"), true);
        // By the MAC that the name carries, where the sender's is another's.
        check("SEP0030*", "00aabbccddee", Some("SEP003094C2D3FA"), true);
    }

    #[test]
    fn more_before_the_star_is_more_specific() {
        let order = ["*", "SEP*", "*FA", "00*", "SEP00*", "00*FA", "0030*", "ATA00*", "SEP003094*"];
        for pair in order.windows(2) {
            assert!(pattern(pair[0]).rank() < pattern(pair[1]).rank(), "{pair:?}");
        }
    }

    #[test]
    fn two_patterns_of_one_rank_that_share_a_phone_are_at_odds() {
        for (a, b, expected) in [
            ("00:30:94:*", "003094*", true),
            ("00:30:94:*", "003095*", false),
            ("*1*", "*2*", true),
            ("*11", "*12", false),
            ("00*1", "00*2", false),
            ("00*1*", "00*2*", true),
            ("0030*", "003094*", false),
            ("SEP0030*", "0030*", false),
            ("ATA*", "SEP*", false),
            ("AT*A*", "AT*B*", true),
            ("*", "*", true),
        ] {
            assert_eq!(pattern(a).is_at_odds_with(&pattern(b)), expected, "{a} {b}");
            assert_eq!(pattern(b).is_at_odds_with(&pattern(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn a_list_gives_its_phones_whatever_else_is_in_it() {
        let text = "\u{feff}Device Name,Description,MAC Address\r\n\
            SEP003094C2D3FA,\"Lobby, left\",498912345678\r\n\
            \"sep0002b905ee07\";Room 4;x\n\
            x\t0007.eb4f.2b34\tATA\n\
            00:08:21:54:20:95\n\
            003094c2d3f0,,\n\
            ATA000a4102e2d8,CP-7960G,P00303020214\n\
            ff:ff:ff:ff:ff:ff,000000000000,2024-01-02-03:04\n\
            \n\
            # nothing\n";
        let found: Vec<String> = read_list(text).iter().map(|(line, phone)| format!("{line} {phone}")).collect();
        assert_eq!(
            found,
            [
                "2 SEP003094C2D3FA",
                "3 SEP0002B905EE07",
                "4 SEP0007EB4F2B34",
                "5 SEP000821542095",
                "6 SEP003094C2D3F0",
                "7 ATA000A4102E2D8"
            ]
        );
    }

    /// Every text of up to `len` letters of `ab`.
    fn texts(len: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..len {
            last = last.iter().flat_map(|t| [format!("{t}a"), format!("{t}b")]).collect();
            all.extend(last.clone());
        }
        all
    }

    proptest::proptest! {
        #[test]
        fn two_patterns_intersect_where_a_text_fits_both(a in "[ab*]{0,5}", b in "[ab*]{0,5}") {
            // Two patterns of n and m letters share a text of at most n + m letters, if any.
            let shared = texts(10).iter().any(|t| matches(a.as_bytes(), t.as_bytes()) && matches(b.as_bytes(), t.as_bytes()));
            assert_eq!(intersect(a.as_bytes(), b.as_bytes()), shared);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,60}") {
            let _ = PhonePattern::parse(&text);
            read_list(&text);
        }
    }
}
