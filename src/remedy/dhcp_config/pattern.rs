//! Regular expressions of configurations, as far as those of DHCP servers go: literals, `.`, sets, `*`, `+`, `?`, `^`, `$`.
//! What has groups or alternatives is not worked out.

use super::model::Truth;

/// Steps that one search may take.
const MAX_STEPS: usize = 100_000;

enum Atom {
    Byte(u8),
    Any,
    Set { bytes: Vec<(u8, u8)>, negated: bool },
}

impl Atom {
    fn matches(&self, byte: u8, any_case: bool) -> bool {
        let same = |a: u8, b: u8| a == b || (any_case && a.eq_ignore_ascii_case(&b));
        match self {
            Atom::Byte(b) => same(*b, byte),
            Atom::Any => true,
            Atom::Set { bytes, negated } => {
                let within = |b: u8| bytes.iter().any(|(from, to)| (*from..=*to).contains(&b));
                let found = within(byte)
                    || (any_case && (within(byte.to_ascii_lowercase()) || within(byte.to_ascii_uppercase())));
                found != *negated
            }
        }
    }
}

struct Piece {
    atom: Atom,
    least: usize,
    most: usize,
}

/// Whether the pattern is found anywhere in the text.
pub(super) fn search(pattern: &[u8], text: &[u8], any_case: bool) -> Truth {
    let (pattern, from_start) = match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let ends_with_dollar = pattern.ends_with(b"$") && !pattern.ends_with(b"\\$");
    let pattern = if ends_with_dollar { pattern.get(..pattern.len() - 1).unwrap_or_default() } else { pattern };
    let Some(pieces) = pieces(pattern) else { return Truth::Unknown };
    // The capture does not keep NULs behind the text, which the end of a pattern meets.
    let mut steps = 0;
    for start in 0..=text.len() {
        let rest = text.get(start..).unwrap_or_default();
        match found(&pieces, rest, ends_with_dollar, any_case, &mut steps) {
            Some(true) => return if ends_with_dollar { Truth::Unknown } else { Truth::Yes },
            Some(false) => {}
            None => return Truth::Unknown,
        }
        if from_start {
            break;
        }
    }
    Truth::No
}

fn found(pieces: &[Piece], text: &[u8], to_end: bool, any_case: bool, steps: &mut usize) -> Option<bool> {
    *steps += 1;
    if *steps > MAX_STEPS {
        return None;
    }
    let Some((piece, rest)) = pieces.split_first() else { return Some(!to_end || text.is_empty()) };
    let run = text.iter().take(piece.most).take_while(|b| piece.atom.matches(**b, any_case)).count();
    for n in (piece.least..=run).rev() {
        if found(rest, text.get(n..).unwrap_or_default(), to_end, any_case, steps)? {
            return Some(true);
        }
    }
    Some(false)
}

fn pieces(pattern: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut i = 0;
    while let Some(byte) = pattern.get(i).copied() {
        i += 1;
        let atom = match byte {
            b'*' | b'+' | b'?' => {
                let last = pieces.last_mut()?;
                (last.least, last.most) = match byte {
                    b'*' => (0, usize::MAX),
                    b'+' => (1, usize::MAX),
                    _ => (0, 1),
                };
                continue;
            }
            b'(' | b')' | b'|' | b'{' | b'^' | b'$' => return None,
            b'.' => Atom::Any,
            b'\\' => {
                let next = pattern.get(i).copied()?;
                i += 1;
                if next.is_ascii_alphanumeric() {
                    return None;
                }
                Atom::Byte(next)
            }
            b'[' => {
                let negated = pattern.get(i) == Some(&b'^');
                i += usize::from(negated);
                let mut bytes = Vec::new();
                let first = i;
                loop {
                    let from = pattern.get(i).copied()?;
                    if from == b']' && i > first {
                        break;
                    }
                    if from == b'[' {
                        return None;
                    }
                    match (pattern.get(i + 1), pattern.get(i + 2).copied()) {
                        (Some(b'-'), Some(to)) if to != b']' => {
                            bytes.push((from, to));
                            i += 3;
                        }
                        _ => {
                            bytes.push((from, from));
                            i += 1;
                        }
                    }
                }
                i += 1;
                Atom::Set { bytes, negated }
            }
            other => Atom::Byte(other),
        };
        pieces.push(Piece { atom, least: 1, most: 1 });
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_vendor_classes_are_found() {
        let class = b"Cisco Systems, Inc. IP Phone CP-7960";
        for (pattern, truth) in [
            ("Cisco Systems, Inc. IP Phone", Truth::Yes),
            ("^Cisco.*7960", Truth::Yes),
            ("^IP Phone", Truth::No),
            ("CP-79[46]0", Truth::Yes),
            ("CP-79[^6]0", Truth::No),
            ("7960$", Truth::Unknown),
            ("(Cisco|Polycom)", Truth::Unknown),
            ("cisco", Truth::No),
        ] {
            assert_eq!(search(pattern.as_bytes(), class, false), truth, "{pattern}");
        }
        assert_eq!(search(b"cisco", class, true), Truth::Yes);
        assert_eq!(search(&b"a*".repeat(40), &[b'a'; 60], false), Truth::Yes);
        assert_eq!(search(&[&b"a*".repeat(30)[..], b"b"].concat(), &[b'a'; 60], false), Truth::Unknown);
    }
}
