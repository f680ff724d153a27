//! Display text made of prompt tokens: what a RegisterReject says where it sends no words.

/// Token bytes and what they stand for. Source: the SCCP reference, section 3.5; that rejects use them is believed.
const TOKENS: &[(u8, u8, &str)] = &[
    (0x80, 0x2e, "no licence"),
    (0x80, 0x2f, "database configuration"),
    (0x80, 0x30, "database"),
    (0x80, 0x31, "pass limit"),
    (0x80, 0x32, "unknown"),
    (0x80, 0x33, "device mismatch"),
    (0x80, 0x56, "security error"),
    (0x1e, 0x0b, "too many phones"),
    (0x1e, 0x0c, "waiting to re-home"),
    (0x1e, 0x26, "device not authorised"),
];

/// What a text of prompt tokens means, in words; text between the tokens is kept where it is ASCII.
/// `None`: there is no known token in it, so the text speaks for itself.
pub(super) fn meaning(text: &[u8]) -> Option<String> {
    let mut words = Vec::new();
    let mut plain = String::new();
    let mut known = false;
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if matches!(first, 0x80 | 0x1e)
            && let Some((index, after)) = after.split_first()
        {
            rest = after;
            words.extend(Some(std::mem::take(&mut plain).trim().to_owned()).filter(|p| !p.is_empty()));
            match TOKENS.iter().find(|t| (t.0, t.1) == (*first, *index)) {
                Some(token) => {
                    known = true;
                    words.push(token.2.to_owned());
                }
                None => words.push(format!("prompt {first:02x}{index:02x}")),
            }
        } else if first.is_ascii_graphic() || *first == b' ' {
            plain.push(char::from(*first));
        }
    }
    words.extend(Some(plain.trim().to_owned()).filter(|p| !p.is_empty()));
    known.then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_words() {
        assert_eq!(meaning(b"\x80\x2f").as_deref(), Some("database configuration"));
        assert_eq!(meaning(b"\x1e\x0b").as_deref(), Some("too many phones"));
        assert_eq!(meaning(b"Error: \x80\x33 \x80\x01").as_deref(), Some("Error: device mismatch prompt 8001"));
        assert_eq!(meaning(b"Error: DB Config"), None);
        assert_eq!(meaning(b"\x80"), None);
        assert_eq!(meaning(b"\x80\x01"), None);
        assert_eq!(meaning(b""), None);
    }
}
