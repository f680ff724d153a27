//! Whether the options that nothing here gives a meaning have the shape that their RFC gives them (RFC 2132, 3397,
//! 3442, 8925).
//!
//! A scope with one broken option is often broken in others, and some clients drop a lease over it. `dhcproto` knows
//! these shapes; it gets one option at a time, rebuilt from its parts, so that a bad one hides no good one. Left out
//! are the options that it reads with a panic (80, 81, 94, 152 to 157), as another one (37), or that may rightly be
//! longer than it believes (93).

use dhcproto::v4::DhcpOption;
use dhcproto::{Decodable as _, Decoder, Encodable as _};

use super::options::Options;

/// Notes every such option that is not as it should be.
pub(super) fn check(options: &mut Options<'_>) {
    let mut seen = [false; 256];
    for code in options.codes() {
        let Some(seen) = seen.get_mut(usize::from(code)) else { continue };
        if std::mem::replace(seen, true) || !is_checked(code) {
            continue;
        }
        let Some(value) = options.value(code) else { continue };
        if !value.is_empty() && !is_well_formed(code, &value) {
            options.note(format!("dhcp: option {code} of {} octets is malformed", value.len()));
        }
    }
}

/// The options that are checked: numbers, switches, addresses and routes. Text may be in any character set.
fn is_checked(code: u8) -> bool {
    matches!(
        code,
        2 | 4 | 5 | 7..=11 | 13 | 16 | 19..=36 | 38 | 39 | 41 | 42 | 44..=46 | 48 | 49 | 57..=59 | 65 | 68..=76
            | 108 | 116 | 118 | 119 | 121
    )
}

fn is_well_formed(code: u8, value: &[u8]) -> bool {
    // One that came in parts and is longer than an option can be is not rebuilt.
    let Ok(len) = u8::try_from(value.len()) else { return true };
    let octets = [&[code, len], value].concat();
    match DhcpOption::decode(&mut Decoder::new(&octets)) {
        // Names are read as far as they go, and may be compressed.
        Ok(DhcpOption::DomainSearch(names)) => !names.is_empty(),
        // Of the rest it may read less than there is, and says nothing: then it writes less, too.
        Ok(option) => option.to_vec().is_ok_and(|written| written.len() == octets.len()),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Anomaly;
    use crate::wire::dhcp::options::Part;

    fn noted(options: &[(u8, &[u8])]) -> Vec<Anomaly> {
        let mut area = Vec::new();
        for (code, value) in options {
            area.extend([*code, u8::try_from(value.len()).unwrap()]);
            area.extend(*value);
        }
        area.push(255);
        let mut options = Options::default();
        options.walk(&area, Part::Options);
        check(&mut options);
        options.into_anomalies()
    }

    fn texts(options: &[(u8, &[u8])]) -> Vec<String> {
        noted(options).iter().map(|a| a.as_str().to_owned()).collect()
    }

    const DEFAULT_ROUTE: &[u8] = &[0, 10, 1, 1, 1];

    #[test]
    fn well_formed_options_of_the_long_tail_are_no_anomaly() {
        let good: &[(u8, &[u8])] = &[
            (2, &[0xff, 0xff, 0xc7, 0xc0]),
            (4, &[10, 1, 1, 5]),
            (7, &[10, 1, 1, 5, 10, 1, 1, 6]),
            (19, &[0]),
            (26, &[5, 0xdc]),
            (28, &[10, 1, 1, 255]),
            (33, &[10, 2, 0, 0, 10, 1, 1, 1]),
            (42, &[10, 1, 1, 5]),
            (46, &[8]),
            (57, &[2, 0x40]),
            (58, &[0, 0, 0xa8, 0xc0]),
            (116, &[1]),
            (118, &[10, 1, 1, 0]),
            (119, b"\x02hq\x07example\x00\x05voice\xc0\x00"),
            (121, &[24, 10, 2, 3, 10, 1, 1, 1, 0, 10, 1, 1, 1]),
            (121, DEFAULT_ROUTE),
        ];
        for option in good {
            assert_eq!(noted(&[*option]), [], "{option:?}");
        }
    }

    #[test]
    fn malformed_options_of_the_long_tail_are_said_one_by_one() {
        let bad: &[(u8, &[u8])] = &[
            (2, &[0, 0, 1]),
            (2, &[0, 0, 0, 0, 1]),
            (19, &[0, 1]),
            (25, &[2, 0, 1]),
            (28, &[10, 1, 1]),
            (33, &[10, 2, 0, 0]),
            (42, b"10.1.1.5x"),
            (57, &[2]),
            (58, &[0; 8]),
            (119, &[3, b'a']),
            (121, &[24, 10, 2]),
            (121, &[33, 10, 2, 3, 4, 10, 1, 1, 1]),
        ];
        for (code, value) in bad {
            let said = format!("dhcp: option {code} of {} octets is malformed", value.len());
            assert_eq!(texts(&[(53, &[1]), (*code, value), (44, &[10, 1, 1, 5])]), [said]);
        }
        assert_eq!(texts(&[(121, &[1, 2, 3]), (28, &[1])]).len(), 2, "one does not hide the other");
    }

    #[test]
    fn an_option_in_parts_is_checked_as_a_whole() {
        assert_eq!(texts(&[(121, &[0, 10]), (121, &[1, 1, 1])]), ["dhcp: option 121 sent in 2 parts"]);
        assert_eq!(texts(&[(42, &[])]), ["dhcp: option 42 is empty"]);
        let long: &[u8] = &[10; 252];
        assert_eq!(texts(&[(42, long), (42, &[11; 252])]).len(), 1, "longer than one option can be");
    }

    #[test]
    fn options_the_decoder_misreads_are_left_alone() {
        for code in [37, 80, 81, 93, 94, 150, 152, 153, 154, 155, 156, 157] {
            for len in [0u8, 1, 2, 5, 255] {
                let value = vec![7; usize::from(len)];
                let said = texts(&[(code, &value)]);
                assert!(said.iter().all(|text| !text.contains("malformed")), "{code} of {len}: {said:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_in_any_option_are_judged_without_panic(
            code: u8,
            value in proptest::collection::vec(0u8.., 0..255),
        ) {
            assert!(noted(&[(code, &value)]).len() <= 2);
        }

        #[test]
        fn any_names_are_judged_without_panic(
            value in proptest::collection::vec(proptest::sample::select(vec![0u8, 1, 2, 3, 0xc0, 0xc1, b'a']), 0..255),
        ) {
            assert!(noted(&[(119, &value)]).len() <= 1);
        }
    }
}
