//! Each stage of the pipeline knows the ones before it and nothing after it (`docs/architecture.md`).

use std::path::Path;

/// The parts of the library, and those that they must not know.
const MUST_NOT_USE: &[(&str, &[&str])] = &[
    (
        "capture",
        &["flow", "decoder", "conversation", "phone", "site", "diagnosis", "findings", "remedy", "report", "analyzer"],
    ),
    (
        "wire",
        &["flow", "decoder", "conversation", "phone", "site", "diagnosis", "findings", "remedy", "report", "analyzer"],
    ),
    (
        "event",
        &["flow", "decoder", "conversation", "phone", "site", "diagnosis", "findings", "remedy", "report", "analyzer"],
    ),
    ("flow", &["conversation", "phone", "site", "diagnosis", "findings", "remedy", "report", "analyzer"]),
    ("decoder", &["conversation", "phone", "site", "diagnosis", "findings", "remedy", "report", "analyzer"]),
    ("conversation", &["decoder", "phone", "site", "findings", "remedy", "report", "analyzer"]),
    ("phone", &["decoder", "findings", "remedy", "report", "analyzer"]),
    ("site", &["flow", "decoder", "conversation", "phone", "findings", "remedy", "report", "analyzer"]),
    ("findings", &["flow", "decoder", "report", "analyzer"]),
    ("remedy", &["flow", "decoder", "findings", "report", "analyzer"]),
    ("diagnosis", &["flow", "decoder", "conversation", "phone", "site", "findings", "remedy", "report", "analyzer"]),
    // A report renders a diagnosis; it knows no rule.
    ("report", &["flow", "decoder", "conversation", "phone", "site", "findings", "remedy", "analyzer"]),
];

/// Where a file uses what its part must not, and why it may.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The kernel's filter is held against what the decoders make of the same frames.
    ("capture/live/filter/tests.rs", "decoder"),
    ("capture/live/filter/tests.rs", "flow"),
    // A fix pack renders too, and its cells and its JSON are as safe as those of the reports.
    ("remedy/pack/phone_list.rs", "report"),
    ("remedy/pack/plan.rs", "report"),
];

fn sources(path: &Path, found: &mut Vec<(String, String)>) {
    if path.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| sources(entry, found));
    } else if path.extension().is_some_and(|e| e == "rs") {
        found.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
    }
}

/// The names that follow `crate::` in code, also in `use crate::{…}`; comments do not count.
fn parts_used(text: &str) -> Vec<String> {
    let code: String = text.lines().map(|l| l.split("//").next().unwrap()).collect::<Vec<_>>().join(" ");
    let name = |s: &str| s.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut used = Vec::new();
    for (at, mark) in code.match_indices("crate::") {
        // `$crate` in a macro and `pub(crate)` are no paths to a part.
        let rest = &code[at + mark.len()..];
        match rest.strip_prefix('{') {
            None => used.push(name(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => used.push(name(std::mem::take(&mut item).trim())),
                        _ => {}
                    }
                    if !(c == ',' && depth == 0) {
                        item.push(c);
                    }
                }
                used.push(name(item.trim()));
            }
        }
    }
    used
}

#[test]
fn each_stage_knows_nothing_of_those_after_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut looked_at = 0;
    for (part, must_not_use) in MUST_NOT_USE {
        let mut files = Vec::new();
        for path in [src.join(part), src.join(format!("{part}.rs"))] {
            if path.exists() {
                sources(&path, &mut files);
            }
        }
        for (path, text) in files {
            looked_at += 1;
            for used in parts_used(&text).iter().filter(|u| must_not_use.contains(&u.as_str())) {
                if !EXCEPTIONS.iter().any(|(file, part)| path.ends_with(file) && part == used) {
                    wrong.push(format!("{path} uses crate::{used}"));
                }
            }
        }
    }
    assert!(looked_at > 20, "only {looked_at} files were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_file_uses_is_read_from_its_code() {
    let text = "use crate::wire::{Mac, dhcp};\nuse crate::{\n event::{Event, self}, // crate::no\n capture::Frame};\n//! [`crate::report`]\nlet x = crate::flow::f();";
    assert_eq!(parts_used(text), ["wire", "event", "capture", "flow"]);
}

/// The files that may open a socket of the network, and what for.
const MAY_SEND: &[(&str, &str)] = &[
    ("cli/commands/verify/tftp.rs", "verify --send asks a TFTP server"),
    ("cli/commands/verify/http.rs", "verify --send asks a file server over HTTP"),
    ("cli/commands/service/alerts/syslog.rs", "watch --alert-syslog tells the log daemon that it names"),
    ("cli/commands/service/alerts/webhook.rs", "watch --alert-webhook posts to the address that it names"),
    ("cli/commands/service/endpoint.rs", "watch --metrics answers who asks, and asks nobody"),
];

/// What opens one, or looks a name up.
const SENDS: &[&str] = &["UdpSocket", "TcpStream", "TcpListener", "ureq", "to_socket_addrs", "nix::sys::socket"];

#[test]
fn only_who_is_told_to_send_can() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let opens = |text: &str| {
        let code: String = text.lines().map(|l| l.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
        SENDS.iter().any(|word| code.contains(word))
    };
    let found: Vec<String> = files
        .iter()
        .filter(|(_, text)| opens(text))
        .map(|(path, _)| Path::new(path).strip_prefix(&src).unwrap().display().to_string())
        .collect();
    let mut allowed: Vec<String> = MAY_SEND.iter().map(|(path, _)| (*path).to_owned()).collect();
    allowed.sort();
    assert_eq!(found, allowed, "a file that sends must say what for, and one that does not must go from the list");
}
