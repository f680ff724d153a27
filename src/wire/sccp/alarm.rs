//! The text of an Alarm (0x0020) and the XML of an enhanced one (0x015a): who sends it, which load it runs, and
//! why it lost its registration before. Source: the SCCP reference, sections 3.3 and 3.17.

/// What an Alarm's text says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AlarmText<'a> {
    /// The number in front (`25:`). Number lists disagree: the text after `Last=` is the better source.
    pub number: Option<u32>,
    /// `Name=`: the device.
    pub name: Option<&'a str>,
    /// `Load=`: the load that it runs, as a version, a file name or an alias of a configuration file.
    pub load: Option<&'a str>,
    /// `Last=`: why the phone lost its registration before, such as `CM-closed-TCP`.
    pub last: Option<&'a str>,
}

impl<'a> AlarmText<'a> {
    /// Reads the text. `cut`: its end was not captured, so what stands last is not to be trusted.
    ///
    /// Both `Load=3.2` and `Load= 9.4(2SR3.1S)` are known, and `Last=` without a blank in front.
    pub fn parse(text: &'a str, cut: bool) -> AlarmText<'a> {
        let (number, rest) = match text.trim_start().split_once(':') {
            Some((digits, rest)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                (digits.parse().ok(), rest)
            }
            _ => (None, text),
        };
        let word = |key| value(rest, key, cut).and_then(first_word).filter(|w| !w.is_empty());
        AlarmText {
            number,
            name: word("Name="),
            load: word("Load=").map(|load| load.split("Last=").next().unwrap_or(load)).filter(|load| !load.is_empty()),
            last: value(rest, "Last=", cut).map(str::trim).filter(|last| !last.is_empty()),
        }
    }
}

fn first_word(text: &str) -> Option<&str> {
    text.split_ascii_whitespace().next()
}

/// What follows `key`, up to the next `Word=` or the end. The key stands at the start, behind a blank or behind
/// anything else that is no letter (`Last=`); `ActiveLoad=` is not `Load=`.
fn value<'a>(text: &'a str, key: &str, cut: bool) -> Option<&'a str> {
    let mut from = 0;
    let start = loop {
        let at = from + text.get(from..)?.find(key)?;
        from = at + key.len();
        let before = text.get(..at)?.chars().next_back();
        if before.is_none_or(|c| !c.is_alphabetic()) || key == "Last=" {
            break from;
        }
    };
    let rest = text.get(start..)?.trim_start();
    let next_key = |blank: usize| {
        let word = rest.get(blank..).unwrap_or_default().trim_start();
        let key_len = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
        key_len > 0 && word.get(key_len..).is_some_and(|after| after.starts_with('='))
    };
    match rest.match_indices(' ').find(|(blank, _)| next_key(*blank)) {
        Some((end, _)) => rest.get(..end),
        // A reason can have several words, so its end has to be seen; of the others the blank behind the first word
        // shows that it is whole.
        None if cut && key == "Last=" => None,
        None if cut => rest.split_once(' ').map(|(word, _)| word),
        None => Some(rest),
    }
}

/// The value of a named element in the XML of an enhanced alarm: `<String name="X">value</String>`.
///
/// Not an XML parser on purpose: phones send text such as `<not open>` unescaped.
pub fn xml_value<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = xml;
    loop {
        rest = rest.get(rest.find("name=\"")? + 6..)?;
        let (found, after) = rest.split_once('"')?;
        if found == name {
            let value = after.trim_start().strip_prefix('>')?;
            return value.get(..value.find("</")?).map(str::trim).filter(|v| !v.is_empty());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Option<u32>, Option<&str>, Option<&str>, Option<&str>) {
        let a = AlarmText::parse(text, false);
        (a.number, a.name, a.load, a.last)
    }

    #[test]
    fn every_generation_of_alarm_text_is_read() {
        for (text, expected) in [
            (
                "25: Name=SEP00036BAABB12 Load=3.2(2.14) Last=Initialized",
                (Some(25), Some("SEP00036BAABB12"), Some("3.2(2.14)"), Some("Initialized")),
            ),
            (
                "14: Name=SEP0016C7AABB16 Load= SCCP45.9-0-1TD1-36S Last=CM-closed-TCP",
                (Some(14), Some("SEP0016C7AABB16"), Some("SCCP45.9-0-1TD1-36S"), Some("CM-closed-TCP")),
            ),
            (
                "Name=SEP003094AABB11 Load=AJ.30 Parms=Status/IPaddr LastTime=A",
                (None, Some("SEP003094AABB11"), Some("AJ.30"), None),
            ),
            (
                "32: Name=SEP002155AABB18 Load= term06.default : Invalid SCCP message! : ID :87:",
                (Some(32), Some("SEP002155AABB18"), Some("term06.default"), None),
            ),
            (
                "9: Name=SEP1 Load=8.0(2.0)Last=Load Rejected HC",
                (Some(9), Some("SEP1"), Some("8.0(2.0)"), Some("Load Rejected HC")),
            ),
            (
                "25: Name=SEP2 ActiveLoad=A.1 InactiveLoad=B.2 Last=initialized",
                (Some(25), Some("SEP2"), None, Some("initialized")),
            ),
            ("Load=", (None, None, None, None)),
            ("", (None, None, None, None)),
            ("99999999999: x", (None, None, None, None)),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_that_the_capture_may_have_cut_is_not_read() {
        let text = "25: Name=SEP00036BAABB12 Load=3.2(2.14) Last=Initialized";
        for end in 0..text.len() {
            let a = AlarmText::parse(&text[..end], true);
            assert!(a.name.is_none_or(|n| n == "SEP00036BAABB12"), "{end}: {a:?}");
            assert!(a.load.is_none_or(|l| l == "3.2(2.14)"), "{end}: {a:?}");
            assert_eq!(a.last, None, "{end}");
        }
    }

    #[test]
    fn xml_is_read_although_it_is_not_well_formed() {
        let xml = "<String name=\"A\"><not open></String>\n<Enum name=\"ReasonForOutOfService\"> 22 </Enum>\
                   <Enum name=\"Empty\"></Enum><String name=\"Cut\">abc";
        assert_eq!(xml_value(xml, "A"), Some("<not open>"));
        assert_eq!(xml_value(xml, "ReasonForOutOfService"), Some("22"));
        assert_eq!(xml_value(xml, "Empty"), None);
        assert_eq!(xml_value(xml, "Cut"), None);
        assert_eq!(xml_value(xml, "B"), None);
    }
}
