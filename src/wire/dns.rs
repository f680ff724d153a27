//! DNS questions and answers (RFC 1035) about TFTP and CallManager names.
//!
//! Unicast DNS over UDP, one question: its name, and the addresses in the answer. Nothing is looked up or cached.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Anomaly;
use crate::types::WireText;

/// The body of a `dns` event.
#[derive(Clone, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// The name asked for, without the final dot. The root is `.`; a dot within a label is written `\.`.
    pub name: WireText,
    /// `A`, `AAAA`, `SRV`, … or the number.
    pub qtype: WireText,
    /// `NOERROR`, `NXDOMAIN`, …; absent in a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<WireText>,
    /// Addresses in the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<IpAddr>,
    /// Transaction id.
    #[serde(default)]
    pub id: u16,
}

/// RFC 1035 section 2.3.4, lengths and dots included.
const LONGEST_NAME: usize = 255;
const MOST_ANSWERS: usize = 256;
const CLASS_IN: u16 = 1;

/// Reads the payload of a datagram on port 53.
///
/// `None` where it is surely no question about a name, nor an answer to one: too short, an opcode other than QUERY,
/// no question, or a question that can not be read. Answers are read up to the first that is damaged.
pub fn parse(payload: &[u8]) -> Option<(Message, Vec<Anomaly>)> {
    let mut octets = Reader { whole: payload, at: 0 };
    let id = octets.u16()?;
    let flags = octets.u16()?;
    let questions = octets.u16()?;
    let records = octets.u16()?;
    octets.skip(4)?;
    if flags >> 11 & 0xf != 0 || questions == 0 {
        return None;
    }
    let name = octets.name()?;
    let qtype = octets.u16()?;
    octets.skip(2)?;
    let is_answer = flags & 0x8000 != 0;
    let mut message =
        Message { name, qtype: type_name(qtype), rcode: is_answer.then(|| rcode_name(flags)), answers: Vec::new(), id };
    let mut noted = Vec::new();
    if questions > 1 {
        noted.push(Anomaly::new(format!("dns: {questions} questions, the first is read")));
    }
    if is_answer && flags & 0x0200 != 0 {
        noted.push(Anomaly::fixed("dns: answer truncated by its sender"));
    }
    // Answers stand behind all questions; more than one question is unheard of.
    if is_answer && questions == 1 {
        for number in 1..=records {
            if message.answers.len() == MOST_ANSWERS {
                noted.push(Anomaly::new(format!("dns: more than {MOST_ANSWERS} addresses, the rest not read")));
                break;
            }
            let Some(address) = octets.record() else {
                noted.push(Anomaly::new(format!("dns: answer {number} of {records} cut off or damaged")));
                break;
            };
            message.answers.extend(address);
        }
    }
    Some((message, noted))
}

/// Takes fields one after the other; names may point back.
struct Reader<'a> {
    whole: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let slice = self.whole.get(self.at..)?.get(..len)?;
        self.at += len;
        Some(slice)
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        self.slice(len).map(|_| ())
    }

    fn u16(&mut self) -> Option<u16> {
        self.slice(2)?.first_chunk().map(|b| u16::from_be_bytes(*b))
    }

    /// One resource record: its address, if it has one.
    fn record(&mut self) -> Option<Option<IpAddr>> {
        self.skip_name()?;
        let kind = self.u16()?;
        let class = self.u16()?;
        self.skip(4)?;
        let len = self.u16()?;
        let data = self.slice(usize::from(len))?;
        let address = match (class, kind, data.len()) {
            (CLASS_IN, 1, 4) => data.first_chunk().map(|a: &[u8; 4]| IpAddr::V4(Ipv4Addr::from(*a))),
            (CLASS_IN, 28, 16) => data.first_chunk().map(|a: &[u8; 16]| IpAddr::V6(Ipv6Addr::from(*a))),
            _ => None,
        };
        Some(address)
    }

    /// Goes past a name without following it.
    fn skip_name(&mut self) -> Option<()> {
        loop {
            let [len] = *self.slice(1)?.first_chunk()?;
            match len {
                0 => return Some(()),
                1..=63 => self.skip(usize::from(len))?,
                192.. => return self.skip(1),
                _ => return None,
            }
        }
    }

    /// A name, pointers followed. `None` where it is damaged, too long or points anywhere but to before where
    /// it began: so each jump goes nearer to the start of the message, and it ends.
    fn name(&mut self) -> Option<WireText> {
        let mut labels = Reader { whole: self.whole, at: self.at };
        let mut began = self.at;
        self.skip_name()?;
        let mut name = String::new();
        loop {
            let [len] = *labels.slice(1)?.first_chunk()?;
            match len {
                0 => break,
                1..=63 => {
                    let label = WireText::from_bytes(labels.slice(usize::from(len))?);
                    if !name.is_empty() {
                        name.push('.');
                    }
                    for c in label.raw().chars() {
                        // So that a dot in a label is not taken for one between labels.
                        let escape = if matches!(c, '.' | '\\') { "\\" } else { "" };
                        write!(name, "{escape}{c}").ok()?;
                    }
                }
                192.. => {
                    let [low] = *labels.slice(1)?.first_chunk()?;
                    let target = usize::from(len & 0x3f) << 8 | usize::from(low);
                    if target >= began {
                        return None;
                    }
                    began = target;
                    labels.at = target;
                }
                _ => return None,
            }
            // Each byte is at most two characters, or one of three bytes where it is no UTF-8.
            if name.len() > 3 * LONGEST_NAME {
                return None;
            }
        }
        Some(WireText::from(if name.is_empty() { "." } else { &name }))
    }
}

fn type_name(code: u16) -> WireText {
    WireText::from(match code {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        65 => "HTTPS",
        255 => "ANY",
        _ => return code.to_string().as_str().into(),
    })
}

fn rcode_name(flags: u16) -> WireText {
    let code = flags & 0xf;
    WireText::from(match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        _ => return code.to_string().as_str().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(flags: u16, questions: u16, answers: u16) -> Vec<u8> {
        [0x1234, flags, questions, answers, 0, 0].iter().flat_map(|n: &u16| n.to_be_bytes()).collect()
    }

    /// `CiscoCM1.example.com`, of this type.
    fn question(kind: u8) -> Vec<u8> {
        [&b"\x08CiscoCM1\x07example\x03com\0"[..], &[0, kind, 0, 1]].concat()
    }

    /// A record of the name at this offset.
    fn record(at: u8, kind: u8, data: &[u8]) -> Vec<u8> {
        let len = u8::try_from(data.len()).unwrap();
        [&[0xc0, at, 0, kind, 0, 1, 0, 0, 1, 0x2c, 0, len][..], data].concat()
    }

    fn answer() -> Vec<u8> {
        [
            header(0x8580, 1, 3),
            question(1),
            record(12, 5, b"\x04tftp\xc0\x15"),
            record(48, 1, &[10, 30, 0, 5]),
            record(48, 28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]),
        ]
        .concat()
    }

    fn texts(anomalies: &[Anomaly]) -> Vec<&str> {
        anomalies.iter().map(Anomaly::as_str).collect()
    }

    #[test]
    fn a_question_has_a_name_and_a_type_and_no_code() {
        let (message, noted) = parse(&[header(0x0100, 1, 0), question(1)].concat()).unwrap();
        assert_eq!((message.name.raw(), message.qtype.raw(), message.id), ("CiscoCM1.example.com", "A", 0x1234));
        assert_eq!((message.rcode, message.answers.len(), noted.len()), (None, 0, 0));
        for (kind, name) in [(28, "AAAA"), (33, "SRV"), (255, "ANY"), (99, "99")] {
            assert_eq!(parse(&[header(0, 1, 0), question(kind)].concat()).unwrap().0.qtype.raw(), name);
        }
    }

    #[test]
    fn an_answer_has_its_code_and_every_address() {
        let (message, noted) = parse(&answer()).unwrap();
        assert_eq!((message.rcode, noted.len()), (Some("NOERROR".into()), 0));
        assert_eq!(message.answers.iter().map(IpAddr::to_string).collect::<Vec<_>>(), ["10.30.0.5", "2001:db8::5"]);
        for (code, name) in [(3, "NXDOMAIN"), (2, "SERVFAIL"), (5, "REFUSED"), (15, "15")] {
            let (message, _) = parse(&[header(0x8180 | code, 1, 0), question(1)].concat()).unwrap();
            assert_eq!(message.rcode, Some(name.into()));
        }
        let text = serde_json::to_string(&parse(&answer()).unwrap().0).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), parse(&answer()).unwrap().0);
    }

    #[test]
    fn what_is_no_question_about_a_name_is_none() {
        assert!(parse(&[]).is_none());
        assert!(parse(&[header(0, 0, 0), question(1)].concat()).is_none(), "no question");
        assert!(parse(&[header(0x2800, 1, 0), question(1)].concat()).is_none(), "an update");
        assert!(parse(&[header(0, 1, 0), vec![0x40, 0, 0, 1, 0, 1]].concat()).is_none(), "a label of an unknown kind");
    }

    #[test]
    fn a_name_that_points_in_circles_or_forward_is_none() {
        for target in [12, 13, 14, 200] {
            assert!(parse(&[header(0, 1, 0), vec![0xc0, target, 0, 1, 0, 1]].concat()).is_none());
            assert!(parse(&[header(0, 1, 0), vec![1, b'a', 0xc0, target, 0, 1, 0, 1]].concat()).is_none());
        }
        // A chain of pointers, each one step back, ends: the header's zeros are the root.
        let (message, _) = parse(&[header(0, 1, 0), vec![1, b'a', 0xc0, 4 + 2, 0, 1, 0, 1]].concat()).unwrap();
        assert_eq!(message.name.raw(), "a");
    }

    #[test]
    fn a_name_is_bounded_and_its_dots_are_told_from_those_in_labels() {
        let name = |octets: &[u8]| parse(&[&header(0, 1, 0), octets, &[0, 1, 0, 1]].concat()).map(|(m, _)| m.name);
        assert_eq!(name(b"\0"), Some(".".into()));
        assert_eq!(name(b"\x03a.b\x02c\\\0"), Some("a\\.b.c\\\\".into()));
        assert_eq!(name(b"\x02\x1b[\x01\xff\0").unwrap().to_string(), "\\u{1b}[.\u{fffd}");
        let long = [&[63; 64].repeat(3)[..], &[0]].concat();
        assert_eq!(name(&long).unwrap().raw().len(), 191);
        assert!(name(&[&[63; 64].repeat(900)[..], &[0]].concat()).is_none());
    }

    #[test]
    fn a_damaged_answer_ends_the_answers_and_is_noted() {
        let mut octets = answer();
        let len = octets.len();
        octets[len - 17] = 200;
        let (message, noted) = parse(&octets).unwrap();
        assert_eq!((message.answers.len(), texts(&noted)), (1, vec!["dns: answer 3 of 3 cut off or damaged"]));
        // An A record of five bytes is no address, the one behind it is.
        let odd = [header(0x8180, 1, 2), question(1), record(12, 1, &[10; 5]), record(12, 1, &[10; 4])].concat();
        assert_eq!(parse(&odd).unwrap().0.answers.len(), 1);
        let many = [header(0x8180, 1, 60_000), question(1), record(12, 1, &[10; 4]).repeat(4000)].concat();
        let (message, noted) = parse(&many).unwrap();
        assert_eq!(
            (message.answers.len(), texts(&noted)),
            (256, vec!["dns: more than 256 addresses, the rest not read"])
        );
        let (_, noted) = parse(&[header(0x8380, 2, 0), question(1)].concat()).unwrap();
        assert_eq!(texts(&noted), ["dns: 2 questions, the first is read", "dns: answer truncated by its sender"]);
    }

    #[test]
    fn an_answer_cut_at_any_length_is_read_as_far_as_it_goes() {
        let whole = answer();
        let complete = parse(&whole).unwrap().0;
        for len in 0..whole.len() {
            match parse(&whole[..len]) {
                None => assert!(len < 38, "cut at {len}"),
                Some((message, noted)) => {
                    assert_eq!(message.name, complete.name);
                    assert!(complete.answers.starts_with(&message.answers), "cut at {len}");
                    assert_eq!(noted.len(), 1, "cut at {len}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_read_without_panic(
            mut octets in proptest::collection::vec(proptest::num::u8::ANY, 12..300), plain: bool
        ) {
            if plain {
                octets[2] &= 0x87;
                octets[4..6].copy_from_slice(&[0, 1]);
            }
            parse(&octets);
        }
    }
}
