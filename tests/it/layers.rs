//! Each part of the library uses what is below it and nothing above it, and files use each other in no circle
//! (`docs/architecture.md`). Read from the source: paths that begin with `crate`, `super`, `self` or a child module.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Every part of `src/`, from the bottom to the top: a part may use those before it.
const ORDER: &[&str] = &[
    "types",
    "wire",
    "event",
    "measures",
    "capture",
    "flow",
    "decoder",
    "diagnosis",
    "report",
    "doctor",
    "site",
    "conversation",
    "phone",
    "remedy",
    "findings",
    "analyzer",
    "lib",
    "cli",
    "main",
];

/// Imports upwards that are right nevertheless: file, part, why.
const UPWARDS: &[(&str, &str, &str)] = &[
    ("capture/live/filter/tests.rs", "decoder", "the kernel's filter is held against the decoders"),
    ("capture/live/filter/tests.rs", "flow", "the kernel's filter is held against the decoders"),
    ("report/doctor.rs", "doctor", "it renders the judgement on an interface, and the doctor counts in its words"),
];

/// Parts below that a part must not use either: part, what, why.
const NOT_EVEN_BELOW: &[(&str, &[&str], &str)] = &[
    ("report", &["capture", "flow", "decoder"], "a report renders a diagnosis"),
    ("site", &["capture", "flow", "decoder", "report"], "a site file describes a design, not packets"),
    ("conversation", &["capture", "flow", "decoder", "report"], "events are the one interface to what is seen"),
    ("phone", &["capture", "flow", "decoder", "report"], "events are the one interface to what is seen"),
    ("remedy", &["capture", "flow", "decoder", "phone"], "a fix is made from a diagnosis"),
    ("findings", &["capture", "flow", "decoder", "report"], "a finding judges a phone and prints nothing"),
];

/// A module that calls its variants, which use it in turn, is the parent of them; or it is here, with why.
const DISPATCHERS: &[(&str, &str)] = &[
    ("capture/reader.rs", "a reader of any format is one of the readers of each format"),
    ("flow/streams/direction.rs", "one direction of a connection speaks one of the protocols"),
    ("wire/frame.rs", "a frame is peeled layer by layer, and a tunnel begins anew"),
];

/// One source file.
struct Source {
    /// Relative to `src/`: `wire/dhcp/mod.rs`.
    file: String,
    /// `["wire", "dhcp"]`.
    module: Vec<String>,
    paths: Vec<Used>,
    /// First names of paths into other crates, outside of tests: `std`, `serde`.
    external: BTreeSet<String>,
    /// Names that `use` brings in, with their paths as written.
    names: BTreeMap<String, Vec<String>>,
}

/// A path that a file uses.
struct Used {
    /// Absolute: without `crate`.
    path: Vec<String>,
    /// Within `#[cfg(test)]`.
    in_test: bool,
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| files_below(entry, found));
    } else if path.extension().is_some_and(|e| e == "rs") {
        found.push(path.to_owned());
    }
}

fn sources() -> Vec<Source> {
    let src = src();
    let mut files = Vec::new();
    files_below(&src, &mut files);
    let named: Vec<(String, Vec<String>, String)> = files
        .iter()
        .map(|path| {
            let file = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            (file.clone(), module_of(&file), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    let modules: BTreeSet<Vec<String>> = named.iter().map(|(_, module, _)| module.clone()).collect();
    named.into_iter().map(|(file, module, text)| read(file, module, &text, &modules)).collect()
}

fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap();
    path.strip_suffix("/mod").unwrap_or(path).split('/').map(str::to_owned).collect()
}

/// Identifiers and marks of the code: without comments, strings and characters.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                i += 2;
                while i < chars.len() && !(at(i) == '*' && at(i + 1) == '/') {
                    i += 1;
                }
                i += 2;
            }
            '"' => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character, or the name of a lifetime.
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => {
                i += if at(i + 1) == '\\' { 3 } else { 2 };
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            c if is_word(c) => {
                let start = i;
                while is_word(at(i)) {
                    i += 1;
                }
                let word: String = chars[start..i].iter().collect();
                let hashes = (i..).take_while(|k| at(*k) == '#').count();
                if (word == "r" || word == "br") && at(i + hashes) == '"' {
                    let end: String = format!("\"{}", "#".repeat(hashes));
                    let rest: String = chars[i + hashes + 1..].iter().collect();
                    let length = rest.find(&end).map_or(rest.len(), |n| n + end.len());
                    i += hashes + 1 + rest[..length].chars().count();
                } else {
                    tokens.push(word);
                }
            }
            ':' if at(i + 1) == ':' => {
                tokens.push("::".to_owned());
                i += 2;
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                i += 1;
            }
        }
    }
    tokens
}

/// A module that is written within a file, or what only tests have.
struct Block {
    depth: usize,
    is_module: bool,
    is_test: bool,
}

fn read(file: String, module: Vec<String>, text: &str, modules: &BTreeSet<Vec<String>>) -> Source {
    let tokens = tokens(text);
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    let is_test_file = module.last().is_some_and(|name| name == "tests" || name == "test_files");
    let mut source = Source { file, module, paths: Vec::new(), external: BTreeSet::new(), names: BTreeMap::new() };
    let mut blocks: Vec<Block> = Vec::new();
    let (mut depth, mut i) = (0, 0);
    let mut test_next = false;
    while i < tokens.len() {
        let inline = blocks.iter().filter(|b| b.is_module).count();
        let in_test = is_test_file || test_next || blocks.iter().any(|b| b.is_test);
        match at(i) {
            "cfg" if at(i + 1) == "(" && at(i + 2) == "test" && at(i + 3) == ")" => test_next = true,
            "mod" if at(i + 2) == "{" => {
                blocks.push(Block { depth, is_module: true, is_test: test_next });
                test_next = false;
                depth += 1;
                i += 2;
            }
            "use" => {
                let mut found = Vec::new();
                i = use_tree(&tokens, i + 1, &[], &mut found);
                for (path, name) in found {
                    if let Some(path) = absolute(&source.module, inline, &path, modules) {
                        if inline == 0 && !in_test {
                            source.names.insert(name, path.clone());
                        }
                        source.paths.push(Used { path, in_test });
                    } else if !in_test {
                        source.external.insert(path[0].clone());
                    }
                }
                test_next = false;
                continue;
            }
            "{" => {
                if test_next {
                    blocks.push(Block { depth, is_module: false, is_test: true });
                    test_next = false;
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                blocks.retain(|b| b.depth < depth);
            }
            ";" => test_next = false,
            // `$crate` in a macro of ours is the crate too.
            word if at(i + 1) == "::" && (i == 0 || at(i - 1) != "::") && is_name(word) => {
                let mut path = vec![word.to_owned()];
                while at(i + 1) == "::" && is_name(at(i + 2)) {
                    path.push(at(i + 2).to_owned());
                    i += 2;
                }
                if let Some(path) = absolute(&source.module, inline, &path, modules) {
                    source.paths.push(Used { path, in_test });
                } else if !in_test {
                    source.external.insert(path[0].clone());
                }
            }
            _ => {}
        }
        i += 1;
    }
    source
}

fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// Reads the tree of a `use` from token `i` on; gives its paths with the names they get, and the token behind it.
fn use_tree(tokens: &[String], mut i: usize, prefix: &[String], found: &mut Vec<(Vec<String>, String)>) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(i).map_or(";", String::as_str) {
            "::" => i += 1,
            "{" => {
                i += 1;
                while tokens.get(i).is_some_and(|t| t != "}") {
                    i = use_tree(tokens, i, &path, found);
                    i += usize::from(tokens.get(i).is_some_and(|t| t == ","));
                }
                i += 1;
                break;
            }
            "*" => {
                found.push((path.clone(), "*".to_owned()));
                i += 1;
                break;
            }
            "as" => {
                found.last_mut().unwrap().1 = tokens[i + 1].clone();
                i += 2;
                break;
            }
            ";" | "," | "}" => break,
            word => {
                path.push(word.to_owned());
                i += 1;
                if tokens.get(i).is_none_or(|t| t != "::") {
                    found.push((path.clone(), word.to_owned()));
                }
            }
        }
    }
    if prefix.is_empty() { i + 1 } else { i }
}

/// A path from the root of the crate; `None`: it does not begin in the crate.
/// `inline` is how many modules within the file stand around the path.
fn absolute(module: &[String], inline: usize, path: &[String], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" | "phonescope" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|p| *p == "super").count();
            let up = ups.saturating_sub(inline).min(module.len());
            Some([&module[..module.len() - up], &path[ups..]].concat())
        }
        child => {
            let own = [module, &[child.to_owned()]].concat();
            modules.contains(&own).then(|| [module, path].concat())
        }
    }
}

/// The module in which the item of a path is written: the longest that is a module, re-exports followed.
fn home(path: &[String], modules: &BTreeMap<Vec<String>, &Source>) -> Option<Vec<String>> {
    let mut path = path.to_vec();
    for _ in 0..8 {
        let length = (1..=path.len()).rev().find(|n| modules.contains_key(&path[..*n]))?;
        let module = &path[..length];
        let through = path.get(length).and_then(|name| modules[module].names.get(name));
        match through {
            Some(real) if real[..] != path[..=length] => path = [real, &path[length + 1..]].concat(),
            _ => return Some(module.to_vec()),
        }
    }
    None
}

/// What each module uses outside of tests, as an index into `sources`.
fn graph(sources: &[Source]) -> Vec<BTreeSet<usize>> {
    let modules: BTreeMap<Vec<String>, &Source> = sources.iter().map(|s| (s.module.clone(), s)).collect();
    let index: BTreeMap<&[String], usize> = sources.iter().enumerate().map(|(i, s)| (&s.module[..], i)).collect();
    let edges = |(i, source): (usize, &Source)| {
        let paths = source.paths.iter().filter(|used| !used.in_test);
        paths.filter_map(|used| home(&used.path, &modules)).map(|m| index[&m[..]]).filter(|to| *to != i).collect()
    };
    sources.iter().enumerate().map(edges).collect()
}

/// Groups of more than one node of `within` that reach each other, each in order.
fn circles(graph: &[BTreeSet<usize>], within: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
    let reach = |from: usize| {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![from];
        while let Some(node) = waiting.pop() {
            waiting.extend(graph[node].iter().filter(|n| within.contains(n) && seen.insert(**n)));
        }
        seen
    };
    let reached: BTreeMap<usize, BTreeSet<usize>> = within.iter().map(|n| (*n, reach(*n))).collect();
    let circle = |node: &usize| reached[node].iter().copied().filter(|other| reached[other].contains(node)).collect();
    let found: BTreeSet<BTreeSet<usize>> = within.iter().map(circle).collect();
    found.into_iter().filter(|circle| circle.len() > 1).collect()
}

/// The circles within `within` that are no dispatcher with its variants.
///
/// A dispatcher is the parent of all others in the circle, or one of `DISPATCHERS`; without it, the others must use
/// each other in no circle that is not of such kind again.
fn unexplained(graph: &[BTreeSet<usize>], sources: &[Source], within: &BTreeSet<usize>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for mut circle in circles(graph, within) {
        let is_parent =
            |node: &usize| circle.iter().all(|other| sources[*other].module.starts_with(&sources[*node].module));
        let is_listed = |node: &usize| DISPATCHERS.iter().any(|(file, _)| *file == sources[*node].file);
        match circle.iter().copied().find(|node| is_parent(node) || is_listed(node)) {
            Some(dispatcher) => {
                circle.remove(&dispatcher);
                found.extend(unexplained(graph, sources, &circle));
            }
            None => found.push(circle.iter().map(|n| sources[*n].file.clone()).collect()),
        }
    }
    found.sort();
    found
}

#[test]
fn every_part_of_src_is_in_the_order() {
    let mut parts: Vec<String> = sources().iter().map(|s| s.module[0].clone()).collect();
    parts.dedup();
    let mut order: Vec<String> = ORDER.iter().map(|p| (*p).to_owned()).collect();
    order.sort();
    parts.sort();
    parts.dedup();
    assert_eq!(parts, order, "a new part gets its place in ORDER, and one that is gone leaves it");
}

#[test]
fn no_part_uses_a_part_above_it() {
    let place = |part: &str| ORDER.iter().position(|p| *p == part);
    let mut wrong = BTreeSet::new();
    let mut excused = BTreeSet::new();
    let mut looked_at = 0;
    for source in sources() {
        let part = source.module[0].as_str();
        for used in source.paths.iter().filter_map(|u| u.path.first()) {
            let Some(used_place) = place(used) else { continue };
            looked_at += 1;
            let is_below = place(part).is_some_and(|own| used_place <= own);
            let forbidden = NOT_EVEN_BELOW.iter().any(|(p, uses, _)| *p == part && uses.contains(&used.as_str()));
            if is_below && !forbidden {
                continue;
            }
            match UPWARDS.iter().position(|(file, above, _)| *file == source.file && above == used) {
                Some(excuse) => _ = excused.insert(excuse),
                None => _ = wrong.insert(format!("{} uses {used}", source.file)),
            }
        }
    }
    assert!(looked_at > 1000, "only {looked_at} uses were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(excused.len(), UPWARDS.len(), "an exception that nothing needs any more: only {excused:?} are used");
}

#[test]
fn files_use_each_other_in_no_circle() {
    let sources = sources();
    let graph = graph(&sources);
    assert!(graph.iter().map(BTreeSet::len).sum::<usize>() > 500, "the imports were not found");
    let wrong = unexplained(&graph, &sources, &(0..sources.len()).collect());
    assert!(wrong.is_empty(), "files that use each other in a circle: {wrong:#?}");
}

/// `types` and `wire` as a crate of their own: what decodes bytes needs nothing else of ours.
#[test]
fn wire_builds_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let needed: BTreeSet<String> = sources()
        .into_iter()
        .filter(|s| s.module[0] == "types" || s.module[0] == "wire")
        .flat_map(|s| s.external)
        .collect();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let is_needed =
        |line: &&str| line.split_once(" = ").is_some_and(|(name, _)| needed.contains(&name.replace('-', "_")));
    let dependencies: Vec<&str> = section.lines().filter(is_needed).collect();

    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[package]\nname = \"phonescope-wire\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [lib]\npath = \"lib.rs\"\n\n[profile.dev]\ndebug = \"line-tables-only\"\n\n[dependencies]\n{}\n",
        dependencies.join("\n")
    );
    std::fs::write(folder.path().join("Cargo.toml"), text).unwrap();
    let module = |name: &str| format!("#[path = {:?}]\npub mod {name};\n", src().join(name).join("mod.rs"));
    std::fs::write(folder.path().join("lib.rs"), module("types") + &module("wire")).unwrap();
    std::fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();

    // With the target folder of these tests, other crates are mostly checked already.
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = std::process::Command::new(cargo)
        .args(["check", "--quiet", "--offline", "--target-dir"])
        .arg(target)
        .current_dir(folder.path())
        .output();
    let run = match run {
        Ok(run) => run,
        Err(error) => return println!("not tried: there is no cargo ({error})"),
    };
    let said = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() && said.contains("--offline") {
        return println!("not tried: cargo has not all crates here\n{said}");
    }
    assert!(run.status.success(), "with {dependencies:#?}\n{said}");
}

/// Source files of a crate that does not exist.
fn made_up(files: &[(&str, &str)]) -> Vec<Source> {
    let modules = files.iter().map(|(file, _)| module_of(file)).collect();
    files.iter().map(|(file, text)| read((*file).to_owned(), module_of(file), text, &modules)).collect()
}

fn paths_of(file: &str, text: &str) -> Vec<String> {
    let others = [("wire/mod.rs", ""), ("wire/dhcp/mod.rs", ""), ("wire/dhcp/options.rs", "")];
    let others = others.iter().copied().filter(|(other, _)| *other != file);
    let sources = made_up(&others.chain([(file, text)]).collect::<Vec<_>>());
    let used = |u: &Used| format!("{}{}", u.path.join("::"), if u.in_test { " in test" } else { "" });
    sources.last().unwrap().paths.iter().map(used).collect()
}

#[test]
fn uses_are_read_from_the_code() {
    assert_eq!(
        paths_of(
            "wire/dhcp/mod.rs",
            r##"//! [`crate::report`]
            use crate::types::{Mac, hex::{self, Hex as H}};
            use options::Options; // crate::no
            use std::fmt;
            pub use super::Anomaly;
            const URL: &str = "http://crate::no"; const RAW: &str = r#"crate::"no""#;
            fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || crate::flow::f() }
            mod inner { use super::super::be; fn g() { self::h() } }
            fn k() -> options::Part { options::walk() }
            #[cfg(test)] mod tests { use super::*; use crate::event::Event; }"##
        ),
        [
            "types::Mac",
            "types::hex::self",
            "types::hex::Hex",
            "wire::dhcp::options::Options",
            "wire::Anomaly",
            "flow::f",
            "wire::be",
            "wire::dhcp::h",
            "wire::dhcp::options::Part",
            "wire::dhcp::options::walk",
            "wire::dhcp in test",
            "event::Event in test",
        ]
    );
}

#[test]
fn circles_are_found_through_re_exports() {
    let wrong = |files: &[(&str, &str)]| {
        let sources = made_up(files);
        let graph = graph(&sources);
        unexplained(&graph, &sources, &(0..sources.len()).collect()).len()
    };
    let sibling = ("a/two.rs", "use super::One; pub struct Two;");
    assert_eq!(wrong(&[("a/mod.rs", "pub use one::One;"), ("a/one.rs", "pub struct One;"), sibling]), 0);
    assert_eq!(wrong(&[("a/mod.rs", "pub use one::One;"), ("a/one.rs", "use super::two::Two;"), sibling]), 1);
    // A dispatcher calls its variants, which take a type of it.
    let variant = "use super::Order; fn run(_: Order) {}";
    let dispatcher = "pub struct Order; fn f() { one::run(Order); two::run(Order) }";
    assert_eq!(wrong(&[("a/mod.rs", dispatcher), ("a/one.rs", variant), ("a/two.rs", variant)]), 0);
    assert_eq!(wrong(&[("a/mod.rs", dispatcher), ("a/one.rs", "use super::two;"), ("a/two.rs", "use super::one;")]), 1);
    let test = "#[cfg(test)] mod tests { use super::super::two; }";
    assert_eq!(wrong(&[("a/mod.rs", ""), ("a/one.rs", test), ("a/two.rs", "use super::one;")]), 0);
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
    let src = src();
    let mut files = Vec::new();
    files_below(&src, &mut files);
    let opens = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let code: String = text.lines().map(|l| l.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
        SENDS.iter().any(|word| code.contains(word))
    };
    let found: Vec<String> = files
        .iter()
        .filter(|path| opens(path))
        .map(|path| path.strip_prefix(&src).unwrap().display().to_string())
        .collect();
    let mut allowed: Vec<String> = MAY_SEND.iter().map(|(path, _)| (*path).to_owned()).collect();
    allowed.sort();
    assert_eq!(found, allowed, "a file that sends must say what for, and one that does not must go from the list");
}
