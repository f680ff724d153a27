//! Regular expressions of configurations, as far as those of DHCP servers go: literals, `.`, sets, `*`, `+`, `?`, `^`, `$`,
//! groups and alternatives. A group that is repeated is not worked out.

use super::model::Truth;

/// Steps that one search may take.
const MAX_STEPS: usize = 100_000;
/// Ways through the groups and alternatives of a pattern.
const MAX_ALTERNATIVES: usize = 64;

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
    // As a text of C, which the first NUL ends.
    let text = text.split(|b| *b == 0).next().unwrap_or_default();
    let Some(alternatives) = alternatives(pattern) else { return Truth::Unknown };
    let each = alternatives.iter().map(|pattern| search_one(pattern, text, any_case));
    each.fold(Truth::No, Truth::or)
}

/// A pattern without groups, for each way through its groups and alternatives; `None`: a group is repeated, or too many.
fn alternatives(pattern: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut open = vec![pattern.to_vec()];
    let mut done = Vec::new();
    while let Some(next) = open.pop() {
        if done.len() + open.len() > MAX_ALTERNATIVES {
            return None;
        }
        match first_group(&next)? {
            None => done.push(next),
            Some(ways) => open.extend(ways),
        }
    }
    Some(done)
}

/// The ways through the first group of a pattern, or through the alternatives of all of it; `Some(None)`: it has none.
#[allow(clippy::option_option, reason = "what is not understood is not the same as what is not there")]
fn first_group(pattern: &[u8]) -> Option<Option<Vec<Vec<u8>>>> {
    let (mut depth, mut group, mut bars) = (0usize, None, Vec::new());
    let mut i = 0;
    while let Some(byte) = pattern.get(i).copied() {
        match byte {
            b'\\' => i += 1,
            b'[' => i += 1 + pattern.get(i + 2..)?.iter().position(|b| *b == b']')?,
            b'(' => {
                depth += 1;
                group = group.or(Some((i, 0)));
            }
            b')' => {
                depth = depth.checked_sub(1)?;
                if let (0, Some((from, 0))) = (depth, group) {
                    group = Some((from, i));
                }
            }
            b'|' if depth == 0 => bars.push(i),
            _ => {}
        }
        i += 1;
    }
    if depth > 0 {
        return None;
    }
    if !bars.is_empty() {
        let starts = std::iter::once(0).chain(bars.iter().map(|b| b + 1));
        let ends = bars.iter().copied().chain(std::iter::once(pattern.len()));
        return Some(Some(starts.zip(ends).filter_map(|(a, b)| pattern.get(a..b).map(<[u8]>::to_vec)).collect()));
    }
    let Some((from, to)) = group else { return Some(None) };
    if pattern.get(to + 1).is_some_and(|b| b"*+?{".contains(b)) {
        return None;
    }
    let (before, inside, after) = (pattern.get(..from)?, pattern.get(from + 1..to)?, pattern.get(to + 1..)?);
    let ways = match first_group(inside)? {
        Some(ways) => ways,
        None => vec![inside.to_vec()],
    };
    Some(Some(ways.into_iter().map(|way| [before, &way, after].concat()).collect()))
}

fn search_one(pattern: &[u8], text: &[u8], any_case: bool) -> Truth {
    let (pattern, from_start) = match pattern.strip_prefix(b"^") {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    let ends_with_dollar = pattern.ends_with(b"$") && !pattern.ends_with(b"\\$");
    let pattern = if ends_with_dollar { pattern.get(..pattern.len() - 1).unwrap_or_default() } else { pattern };
    let Some(pieces) = pieces(pattern) else { return Truth::Unknown };
    let mut steps = 0;
    for start in 0..=text.len() {
        let rest = text.get(start..).unwrap_or_default();
        match found(&pieces, rest, ends_with_dollar, any_case, &mut steps) {
            Some(true) => return Truth::Yes,
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
            ("7960$", Truth::Yes),
            ("796$", Truth::No),
            ("(Cisco|Polycom)", Truth::Yes),
            ("^(Cisco|Polycom).*CP-79(4|6)0$", Truth::Yes),
            ("Polycom|CP-79((4)|5)0", Truth::No),
            ("Poly|[(|]x", Truth::No),
            ("(Cisco)+", Truth::Unknown),
            ("(Cisco", Truth::Unknown),
            ("cisco", Truth::No),
        ] {
            assert_eq!(search(pattern.as_bytes(), class, false), truth, "{pattern}");
        }
        assert_eq!(search(b"cisco", class, true), Truth::Yes);
        assert_eq!(search(b"7960$", &[&class[..], b"\0"].concat(), false), Truth::Yes, "a NUL ends the text");
        assert_eq!(search(&b"(a|b)".repeat(20), &b"ab".repeat(20), false), Truth::Unknown, "too many ways");
        assert_eq!(search(&b"a*".repeat(40), &[b'a'; 60], false), Truth::Yes);
        assert_eq!(search(&[&b"a*".repeat(30)[..], b"b"].concat(), &[b'a'; 60], false), Truth::Unknown);
    }
}
