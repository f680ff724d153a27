//! Text from elsewhere in a page of Markdown.

/// Text that Markdown takes for text: none of it is a link, a tag or code.
pub(super) fn text(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for c in words.chars() {
        match c {
            '<' | '>' | '[' | ']' | '|' | '*' | '\\' => out.extend(['\\', c]),
            '`' => out.push('\''),
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
