//! A file with changes made, and the difference as `patch` takes it.
//!
//! The changes are known byte for byte, so the difference is made of them and not searched for.

use super::model::Edit;
use super::source::line_starts;

/// Lines around a change.
const CONTEXT: usize = 3;

/// A file before and after, and what `patch -p0` makes the one of the other with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Patched {
    pub(super) contents: Vec<u8>,
    pub(super) patch: Vec<u8>,
    pub(super) undo: Vec<u8>,
}

/// Lines that go and lines that come.
struct Hunk<'a> {
    /// Index of the first line before, and after.
    old_from: usize,
    new_from: usize,
    lines: Vec<(Kind, &'a [u8])>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Goes,
    Comes,
}

/// Lines of the original that become other lines.
struct Changed {
    from: usize,
    to: usize,
    new: Vec<u8>,
}

/// Makes the changes; they are of one file. `name`: the file's name in its folder.
pub(super) fn apply(name: &str, old: &[u8], edits: &[Edit]) -> Patched {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort();
    edits.dedup();
    let starts = line_starts(old);
    let line_of = |offset: usize| starts.partition_point(|s| *s <= offset).saturating_sub(1);
    let start_of = |line: usize| starts.get(line).copied().unwrap_or(old.len());
    let mut contents = Vec::with_capacity(old.len() + 256);
    let mut changed: Vec<Changed> = Vec::new();
    let mut done = 0;
    for edit in &edits {
        if edit.at.start < done {
            continue; // Within what was replaced already.
        }
        contents.extend_from_slice(old.get(done..edit.at.start).unwrap_or_default());
        contents.extend_from_slice(&edit.text);
        done = edit.at.end;

        // A line that comes between two others changes neither.
        let whole_lines = edit.at.start == edit.at.end && edit.text.ends_with(b"\n");
        let at_start = edit.at.start == old.len() && (old.is_empty() || old.ends_with(b"\n"));
        let at_start = at_start || (edit.at.start < old.len() && start_of(line_of(edit.at.start)) == edit.at.start);
        let (from, to) = if whole_lines && at_start {
            let line = if edit.at.start == old.len() { starts_len(&starts, old) } else { line_of(edit.at.start) };
            (line, line)
        } else {
            let last = edit.at.end.saturating_sub(usize::from(edit.at.end > edit.at.start));
            (line_of(edit.at.start), line_of(last) + 1)
        };
        match changed.last_mut() {
            Some(before) if from < before.to => {
                // The text up to here is in the lines of the change before; it is put together again below.
                before.to = before.to.max(to);
            }
            _ => changed.push(Changed { from, to, new: Vec::new() }),
        }
    }
    contents.extend_from_slice(old.get(done..).unwrap_or_default());

    // The new text of every run of changed lines: what lies between the unchanged lines around it.
    let mut shift: isize = 0;
    let mut pending = edits.iter().peekable();
    let mut covered = 0;
    for change in &mut changed {
        let (old_start, old_end) = (start_of(change.from), start_of(change.to));
        let new_start = old_start.saturating_add_signed(shift);
        while let Some(edit) = pending.peek() {
            let inside =
                edit.at.start < old_end || (edit.at.start == old_end && (old_start == old_end || old_end == old.len()));
            if !inside {
                break;
            }
            if edit.at.start >= covered {
                let gone = edit.at.end - edit.at.start;
                shift += isize::try_from(edit.text.len()).unwrap_or(0) - isize::try_from(gone).unwrap_or(0);
                covered = edit.at.end;
            }
            pending.next();
        }
        let new_end = old_end.saturating_add_signed(shift);
        change.new = contents.get(new_start..new_end).unwrap_or_default().to_vec();
    }
    let hunks = hunks(old, &starts, &changed);
    let name = quoted(name);
    let (patch, undo) = (written(&name, &hunks, false), written(&name, &hunks, true));
    Patched { contents, patch, undo }
}

fn starts_len(starts: &[usize], old: &[u8]) -> usize {
    if old.is_empty() { 0 } else { starts.len() }
}

fn hunks<'a>(old: &'a [u8], starts: &[usize], changed: &'a [Changed]) -> Vec<Hunk<'a>> {
    let count = starts_len(starts, old);
    let line = |i: usize| {
        let from = starts.get(i).copied().unwrap_or(old.len());
        let to = starts.get(i + 1).copied().unwrap_or(old.len());
        old.get(from..to).unwrap_or_default()
    };
    let mut hunks: Vec<Hunk<'a>> = Vec::new();
    let mut shown = 0;
    let mut shift: isize = 0;
    for change in changed {
        let near = change.from.saturating_sub(CONTEXT);
        match hunks.last_mut() {
            Some(hunk) if near <= shown + CONTEXT => {
                hunk.lines.extend((shown..change.from).map(|i| (Kind::Same, line(i))));
            }
            last => {
                if let Some(hunk) = last {
                    hunk.lines.extend((shown..(shown + CONTEXT).min(count)).map(|i| (Kind::Same, line(i))));
                }
                let lines = (near..change.from).map(|i| (Kind::Same, line(i))).collect();
                hunks.push(Hunk { old_from: near, new_from: near.saturating_add_signed(shift), lines });
            }
        }
        let new: Vec<&[u8]> = change.new.split_inclusive(|b| *b == b'\n').collect();
        shift += isize::try_from(new.len()).unwrap_or(0) - isize::try_from(change.to - change.from).unwrap_or(0);
        if let Some(hunk) = hunks.last_mut() {
            hunk.lines.extend((change.from..change.to).map(|i| (Kind::Goes, line(i))));
            hunk.lines.extend(new.into_iter().map(|l| (Kind::Comes, l)));
        }
        shown = change.to;
    }
    if let Some(hunk) = hunks.last_mut() {
        hunk.lines.extend((shown..(shown + CONTEXT).min(count)).map(|i| (Kind::Same, line(i))));
    }
    hunks
}

fn written(name: &str, hunks: &[Hunk<'_>], undo: bool) -> Vec<u8> {
    let mut out = format!("--- {name}\n+++ {name}\n").into_bytes();
    for hunk in hunks {
        let count = |kinds: [Kind; 2]| hunk.lines.iter().filter(|(k, _)| kinds.contains(k)).count();
        let mut old = (hunk.old_from, count([Kind::Same, Kind::Goes]));
        let mut new = (hunk.new_from, count([Kind::Same, Kind::Comes]));
        if undo {
            std::mem::swap(&mut old, &mut new);
        }
        // Of no lines the number is that of the line before.
        let from = |(from, count): (usize, usize)| if count == 0 { from } else { from + 1 };
        out.extend(format!("@@ -{},{} +{},{} @@\n", from(old), old.1, from(new), new.1).into_bytes());
        let mut lines: Vec<(Kind, &[u8])> = hunk.lines.clone();
        if undo {
            lines = swapped(&lines);
        }
        for (kind, line) in lines {
            out.push(match kind {
                Kind::Same => b' ',
                Kind::Goes => b'-',
                Kind::Comes => b'+',
            });
            out.extend_from_slice(line);
            if !line.ends_with(b"\n") {
                out.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
    out
}

/// What came goes and what went comes, the latter behind.
fn swapped<'a>(lines: &[(Kind, &'a [u8])]) -> Vec<(Kind, &'a [u8])> {
    let mut out = Vec::with_capacity(lines.len());
    let mut comes: Vec<(Kind, &[u8])> = Vec::new();
    for (kind, line) in lines {
        match kind {
            Kind::Goes => comes.push((Kind::Comes, line)),
            Kind::Comes => out.push((Kind::Goes, *line)),
            Kind::Same => {
                out.append(&mut comes);
                out.push((Kind::Same, line));
            }
        }
    }
    out.append(&mut comes);
    out
}

/// A name as `patch` reads it: in quotes where it holds what would end it.
fn quoted(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
        return name.to_owned();
    }
    let escape = |b: u8| match b {
        b'"' => "\\\"".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(b).to_string(),
        _ => format!("\\{b:03o}"),
    };
    format!("\"{}\"", name.bytes().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::dhcp_config::source::Span;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { at: Span { file: 0, start, end }, text: text.as_bytes().to_vec() }
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn one_changed_line_has_three_lines_around_it() {
        let old = b"a\nb\nc\nd\nold x\ne\nf\ng\nh\n";
        let made = apply("x.conf", old, &[edit(8, 11, "new")]);
        assert_eq!(text(&made.contents), "a\nb\nc\nd\nnew x\ne\nf\ng\nh\n");
        assert_eq!(
            text(&made.patch),
            "--- x.conf\n+++ x.conf\n@@ -2,7 +2,7 @@\n b\n c\n d\n-old x\n+new x\n e\n f\n g\n"
        );
        assert_eq!(
            text(&made.undo),
            "--- x.conf\n+++ x.conf\n@@ -2,7 +2,7 @@\n b\n c\n d\n-new x\n+old x\n e\n f\n g\n"
        );
    }

    #[test]
    fn near_changes_share_a_hunk_and_far_ones_do_not() {
        let old = (0..40).map(|i| format!("line {i:02}\n")).collect::<String>();
        let at = |line: usize| edit(line * 8 + 5, line * 8 + 7, "X");
        let made = apply("f", old.as_bytes(), &[at(2), at(30), at(4)]);
        let patch = text(&made.patch);
        assert_eq!(patch.matches("@@ -").count(), 2, "{patch}");
        assert!(patch.contains("@@ -1,8 +1,8 @@\n") && patch.contains("@@ -28,7 +28,7 @@\n"), "{patch}");
    }

    #[test]
    fn lines_that_come_and_a_missing_line_end_are_kept_apart() {
        let made = apply("f", b"a\nb", &[edit(2, 2, "new\n")]);
        assert_eq!(text(&made.contents), "a\nnew\nb");
        assert_eq!(text(&made.patch), "--- f\n+++ f\n@@ -1,2 +1,3 @@\n a\n+new\n b\n\\ No newline at end of file\n");
        let made = apply("f", b"a\nb", &[edit(3, 3, "\nc\n")]);
        assert_eq!(text(&made.contents), "a\nb\nc\n");
        assert!(text(&made.patch).ends_with("-b\n\\ No newline at end of file\n+b\n+c\n"), "{}", text(&made.patch));
    }

    #[test]
    fn odd_names_are_quoted() {
        assert_eq!(quoted("dhcpd.conf"), "dhcpd.conf");
        assert_eq!(quoted("my \"x\"\n.conf"), "\"my \\\"x\\\"\\012.conf\"");
    }
}
