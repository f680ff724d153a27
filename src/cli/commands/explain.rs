//! `phonescope explain`: what a finding means, how it is recognised, how to fix it.

use std::io::{self, IsTerminal};

use clap::Args;
use phonescope::findings;
use phonescope::report::prose;

use crate::cli::io::report_args::look;
use crate::cli::{Color, End, Failure, io::output};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The code of a finding; without it all codes are listed
    code: Option<String>,
    /// Colour in the headings
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

pub(crate) fn run(arguments: &Arguments) -> Result<End, Failure> {
    let (width, color) = look(arguments.color, io::stdout().is_terminal());
    let width = usize::from(width.unwrap_or(100)).clamp(40, 100);
    let text = match &arguments.code {
        None => list(width),
        Some(code) => page(code, width, color)?,
    };
    output::write_to(None, |out| Ok(out.write_all(text.as_bytes())?))?;
    Ok(End::Clean)
}

fn list(width: usize) -> String {
    let longest = findings::RULES.iter().map(|r| r.code.as_str().len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in findings::RULES {
        // Side by side where there is room, else one below the other.
        let (first, indent) = if width >= longest + 40 {
            (format!("{:longest$}  {:7}  ", rule.code, rule.code.severity().as_str()), " ".repeat(longest + 11))
        } else {
            text.push_str(&format!("{} ({})\n", rule.code, rule.code.severity().as_str()));
            ("    ".to_owned(), "    ".to_owned())
        };
        for line in prose::wrap(rule.summary, &first, &indent, width) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn page(code: &str, width: usize, color: bool) -> Result<String, Failure> {
    let wanted = code.trim().to_ascii_lowercase();
    let Some(rule) = wanted.parse().ok().and_then(findings::rule) else {
        let near = nearest(&wanted, findings::Code::ALL.iter().map(|c| c.as_str()));
        let hint = if near.is_empty() {
            "phonescope explain lists the codes".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        return Err(Failure::Work(format!("there is no finding {code:?}; {hint}")));
    };
    let title = format!("{} ({})", rule.code, rule.code.severity().as_str());
    Ok(render(&format!("# {title}\n\n{}\n\n{}", rule.summary, rule.page), width, color))
}

/// Markdown as text of a width: paragraphs and list items wrapped, code as it is, headings in bold.
fn render(markdown: &str, width: usize, color: bool) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut block: Vec<&str> = Vec::new();
    let mut code = false;
    for line in markdown.lines() {
        // Doc comments have a space before each line.
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        let text = line.trim_start();
        if text.starts_with("```") {
            flush(&mut block, width, &mut out);
            code = !code;
        } else if code || text.starts_with('|') {
            flush(&mut block, width, &mut out);
            out.push(format!("    {}", prose::safe(line)).trim_end().to_owned());
        } else if let Some(heading) = text.strip_prefix('#') {
            flush(&mut block, width, &mut out);
            let heading = prose::safe(heading.trim_start_matches('#').trim());
            if out.last().is_some_and(|l| !l.is_empty()) {
                out.push(String::new());
            }
            out.push(if color { format!("\x1b[1m{heading}\x1b[0m") } else { heading });
        } else if text.is_empty() {
            flush(&mut block, width, &mut out);
            if out.last().is_some_and(|l| !l.is_empty()) {
                out.push(String::new());
            }
        } else {
            if marker(text) > 0 {
                flush(&mut block, width, &mut out);
            }
            block.push(line);
        }
    }
    flush(&mut block, width, &mut out);
    let mut text = out.join("\n");
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The length of the mark of a list item: `- `, `* `, `12. `.
fn marker(text: &str) -> usize {
    if text.starts_with("- ") || text.starts_with("* ") {
        return 2;
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && text.get(digits..).is_some_and(|rest| rest.starts_with(". ")) { digits + 2 } else { 0 }
}

/// Writes the lines of one paragraph or list item, wrapped anew.
fn flush(block: &mut Vec<&str>, width: usize, out: &mut Vec<String>) {
    let Some(first) = block.first() else { return };
    let depth = first.len() - first.trim_start().len();
    let mark = marker(first.trim_start());
    let text: Vec<&str> = block.iter().map(|l| l.trim()).collect();
    let text = text.join(" ");
    let (lead, text) = text.split_at_checked(mark).unwrap_or(("", &text));
    let indent = " ".repeat(2 + depth);
    out.extend(prose::wrap(text, &format!("{indent}{lead}"), &format!("{indent}{}", " ".repeat(mark)), width));
    block.clear();
}

/// The codes most like a mistyped one, the likest first.
fn nearest<'c>(wanted: &str, codes: impl Iterator<Item = &'c str>) -> Vec<&'c str> {
    let mut near: Vec<(usize, &str)> = codes
        .filter_map(|code| {
            let distance = distance(wanted, code);
            let part = wanted.len() >= 4 && (code.contains(wanted) || wanted.contains(code));
            (part || distance <= wanted.len() / 3).then_some((if part { 0 } else { distance }, code))
        })
        .collect();
    near.sort();
    near.into_iter().take(3).map(|(_, code)| code).collect()
}

/// Letters to change, add or take away to get from one to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut left = i + 1;
        let mut corner = std::mem::replace(&mut row[0], left);
        for (y, cell) in b.iter().zip(&mut row[1..]) {
            left = (corner + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            corner = std::mem::replace(cell, left);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_wrapped_and_its_code_is_not() {
        let page = " ## Trigger\n The phone asks\n a server that is not its own.\n\n - one item that is long\n   enough\n - two\n\n ```\n ip dhcp pool VOICE  with a long line that stays\n ```\n ## Fix\n 1. Change it.\n";
        assert_eq!(
            render(page, 30, false),
            "Trigger\n  The phone asks a server that\n  is not its own.\n\n  - one item that is long\n    enough\n  - two\n\n    ip dhcp pool VOICE  with a long line that stays\n\nFix\n  1. Change it.\n"
        );
        assert!(render(page, 30, true).starts_with("\x1b[1mTrigger\x1b[0m\n"));
    }

    #[test]
    fn a_mistyped_code_is_recognised() {
        let codes = ["wrong-tftp-server", "stuck-load", "load-file-missing", "config-file-missing"];
        assert_eq!(nearest("wrong-tftp-sever", codes.into_iter()), ["wrong-tftp-server"]);
        assert_eq!(nearest("stuckload", codes.into_iter()), ["stuck-load"]);
        assert_eq!(nearest("file-missing", codes.into_iter()), ["config-file-missing", "load-file-missing"]);
        assert!(nearest("xyz", codes.into_iter()).is_empty());
        assert!(nearest("", codes.into_iter()).is_empty());
    }

    #[test]
    fn the_distance_of_two_words_is_that_of_levenshtein() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
