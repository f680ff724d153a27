//! Files that name loads: `OS79XX.TXT`, the image that a 7940 or 7960 ought to run, and `.loads`, the files that make
//! up a load.
//!
//! `OS79XX.TXT` is a line of text. A `.loads` file is one name a line, behind a binary signature where it is signed;
//! its form is not published, so names are looked for in it: runs of the characters that names are made of, with the
//! extension of a load. Its own name, which the signature repeats, is left out.

use super::{Anomaly, load};
use crate::types::WireText;

/// Most names that are kept.
const MAX_NAMES: usize = 32;
/// Longest name that is one.
const MAX_NAME: usize = 64;

/// Whether a file of this name lists loads.
pub fn is_list_name(file: &str) -> bool {
    is_boot_text(file) || ends_with(file, ".loads")
}

/// Whether it is the file in which a 7940 or 7960 looks for the name of its load.
pub fn is_boot_text(file: &str) -> bool {
    base_name(file).eq_ignore_ascii_case("OS79XX.TXT")
}

fn ends_with(name: &str, end: &str) -> bool {
    let at = name.len().checked_sub(end.len());
    at.and_then(|at| name.get(at..)).is_some_and(|there| there.eq_ignore_ascii_case(end))
}

fn base_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

/// The names in such a file, in its order, without those that it repeats; at most 32.
pub fn parse(file: &str, bytes: &[u8]) -> (Vec<WireText>, Vec<Anomaly>) {
    let mut anomalies = Vec::new();
    let mut names: Vec<WireText> = Vec::new();
    let mut add = |name: &[u8], names: &mut Vec<WireText>| {
        let name = WireText::from_bytes(name);
        if names.contains(&name) {
            return;
        }
        if names.len() < MAX_NAMES {
            names.push(name);
        } else if anomalies.is_empty() {
            anomalies.push(Anomaly::new(format!("load list: more than {MAX_NAMES} names, the rest not read")));
        }
    };
    if !is_boot_text(file) {
        let own = base_name(file);
        for run in bytes.split(|b| !is_name_octet(*b)).filter(|run| run.len() <= MAX_NAME) {
            let name = std::str::from_utf8(run).unwrap_or_default();
            if load::is_load_file(name).is_some() && !ends_with(name, own) {
                add(run, &mut names);
            }
        }
        if names.is_empty() && !bytes.is_empty() {
            anomalies.push(Anomaly::fixed("load list: names no file"));
        }
        return (names, anomalies);
    }
    let mut blanks = false;
    for line in bytes.split(|b| matches!(b, b'\r' | b'\n' | 0)) {
        let name = line.trim_ascii();
        // A blank behind the name is part of the name to some loads, which then ask for a file that does not exist.
        blanks |= !name.is_empty() && name.len() != line.len();
        if (1..=MAX_NAME).contains(&name.len()) && name.iter().all(|b| is_name_octet(*b)) {
            add(name, &mut names);
        }
    }
    if names.is_empty() {
        anomalies.push(Anomaly::fixed("load list: names no image"));
    }
    if blanks {
        anomalies.push(Anomaly::fixed("load list: blanks around the name, which some loads take for part of it"));
    }
    (names, anomalies)
}

fn is_name_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, bytes: &[u8]) -> (Vec<String>, Vec<String>) {
        let (names, anomalies) = parse(file, bytes);
        let text = |a: &Anomaly| a.as_str().to_owned();
        (names.iter().map(|n| n.raw().to_owned()).collect(), anomalies.iter().map(text).collect())
    }

    #[test]
    fn the_boot_text_names_one_image() {
        for text in [&b"P00303020214"[..], b"P00303020214\n", b"P00303020214\r\n\r\n"] {
            assert_eq!(read("OS79XX.TXT", text), (vec!["P00303020214".to_owned()], vec![]));
        }
        let (names, said) = read("/Os79xx.txt", b"P003-07-5-00 \r\n");
        assert_eq!(names, ["P003-07-5-00"]);
        assert_eq!(said, ["load list: blanks around the name, which some loads take for part of it"]);
        for nothing in [&b""[..], b"\r\n", b"<html>no</html>", &[b'P'; 65]] {
            assert_eq!(read("OS79XX.TXT", nothing), (vec![], vec!["load list: names no image".to_owned()]));
        }
    }

    #[test]
    fn a_list_names_the_parts_of_its_load() {
        let (names, said) = read("P0S3-8-12-00.loads", b"P003-8-12-00.sbn\nP0S3-8-12-00.sb2\n");
        assert_eq!((names, said), (vec!["P003-8-12-00.sbn".to_owned(), "P0S3-8-12-00.sb2".to_owned()], vec![]));
        // A signature in front, with the file's own name in it, and lines that end as on Windows.
        let signed =
            b"\x01\x00\x02\x01\x00\x0e\x00\x12SCCP41.8-5-2S.loads\x00\x07\x00\x02\xff\xfejar41sccp.8-5-2TH1-9.sbn\r\n\
            cnu41.8-5-2TH1-9.sbn\r\ncnu41.8-5-2TH1-9.sbn\r\n";
        let (names, said) = read("SCCP41.8-5-2S.loads", signed);
        assert_eq!((names, said), (vec!["jar41sccp.8-5-2TH1-9.sbn".into(), "cnu41.8-5-2TH1-9.sbn".into()], vec![]));
        assert_eq!(read("a.loads", b"no such file").1, ["load list: names no file"]);
        assert_eq!(read("a.loads", b""), (vec![], vec![]));
    }

    #[test]
    fn only_lists_are_lists() {
        for name in ["OS79XX.TXT", "os79xx.txt", "SCCP41.8-5-2S.loads", "term41.default.LOADS", "x\\OS79XX.TXT"] {
            assert!(is_list_name(name), "{name}");
        }
        for name in ["", "loads", "P00303020214.bin", "SEP003094C2D3FA.cnf.xml", "RINGLIST.TXT", "\u{e9}oads"] {
            assert!(!is_list_name(name), "{name}");
        }
    }

    #[test]
    fn hostile_lists_are_bounded() {
        let many: Vec<u8> = (0..2_000).flat_map(|n| format!("p{n}.sbn\n").into_bytes()).collect();
        for file in ["a.loads", "OS79XX.TXT"] {
            let (names, said) = read(file, &many);
            assert_eq!((names.len(), said), (32, vec!["load list: more than 32 names, the rest not read".to_owned()]));
            assert_eq!(read(file, &vec![b'a'; 20_000]).0.len(), 0);
            assert_eq!(read(file, &[0xff; 100]).0.len(), 0);
        }
    }
}
