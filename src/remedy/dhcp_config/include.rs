//! The files that a configuration includes, by name: for who reads files.

use std::ops::Range;

use super::language::Language;
use super::source::ConfigFile;

/// An include.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Include {
    /// The file, or the folder.
    pub name: String,
    /// Where its name stands in the file.
    pub at: Range<usize>,
    /// All files of a folder; their names end like one of these, where any is given with a `*`, and not like the others.
    pub folder: Option<Vec<String>>,
}

/// What a file includes.
pub fn includes(file: &ConfigFile) -> Vec<Include> {
    let language = Language::of(&file.contents);
    let mut found = Vec::new();
    let mut start = 0;
    for line in file.contents.split_inclusive(|b| *b == b'\n') {
        let begin = start;
        start += line.len();
        let lead = line.iter().take_while(|b| b.is_ascii_whitespace()).count();
        let text = line.get(lead..).unwrap_or_default();
        match language {
            Some(Language::Isc) if text.starts_with(b"include") => found.extend(quoted(line, begin)),
            Some(Language::Kea) => {
                if let Some(at) = line.windows(9).position(|w| w == b"<?include") {
                    found.extend(quoted(line.get(at..).unwrap_or_default(), begin + at));
                }
            }
            Some(Language::Dnsmasq) => found.extend(setting(line, begin)),
            _ => {}
        }
    }
    found
}

fn quoted(line: &[u8], begin: usize) -> Option<Include> {
    let from = line.iter().position(|b| *b == b'"')? + 1;
    let len = line.get(from..)?.iter().position(|b| *b == b'"')?;
    let name = String::from_utf8(line.get(from..from + len)?.to_vec()).ok()?;
    Some(Include { name, at: begin + from..begin + from + len, folder: None })
}

fn setting(line: &[u8], begin: usize) -> Option<Include> {
    let equal = line.iter().position(|b| *b == b'=')?;
    let key = std::str::from_utf8(line.get(..equal)?).ok()?.trim();
    let is_folder = key == "conf-dir";
    if !is_folder && !matches!(key, "conf-file" | "dhcp-hostsfile" | "dhcp-optsfile") {
        return None;
    }
    let rest = line.get(equal + 1..)?;
    let end = rest.windows(2).position(|w| w == b" #" || w == b"\t#").unwrap_or(rest.len());
    let value = std::str::from_utf8(rest.get(..end)?).ok()?;
    let mut parts = value.split(',');
    let first = parts.next()?;
    let name = first.trim();
    let from = begin + equal + 1 + (first.len() - first.trim_start().len());
    let folder = is_folder.then(|| parts.map(|p| p.trim().to_owned()).collect());
    Some(Include { name: name.to_owned(), at: from..from + name.len(), folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_of_each_language_are_found_with_their_places() {
        let of = |text: &str| {
            let file = ConfigFile { name: "x".to_owned(), contents: text.as_bytes().to_vec() };
            let all = includes(&file);
            all.iter().for_each(|i| assert_eq!(&text[i.at.clone()], i.name));
            all.into_iter().map(|i| (i.name, i.folder.map(|f| f.join(" ")))).collect::<Vec<_>>()
        };
        assert_eq!(
            of("option a b;\n  include \"/etc/a.conf\"; # x\n# include \"b\";\n"),
            [("/etc/a.conf".to_owned(), None)]
        );
        assert_eq!(of("{\n \"Dhcp4\": <?include \"s.json\"?>\n}\n"), [("s.json".to_owned(), None)]);
        let dnsmasq = of("dhcp-range=1\nconf-file= /a # x\nconf-dir=/d/,*.conf,.bak\r\ndhcp-hostsfile=/h\n");
        assert_eq!(
            dnsmasq,
            [("/a".to_owned(), None), ("/d/".to_owned(), Some("*.conf .bak".to_owned())), ("/h".to_owned(), None)]
        );
    }
}
