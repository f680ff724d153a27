//! The operator's DHCP configurations: read from files, and shown to the server that they are for.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use phonescope::remedy::dhcp_config::{
    ChangedFile, Changes, ConfigFile, Include, Language, MAX_BYTES, MAX_FILES, includes,
};
use phonescope::remedy::pack::{Pack, PackFile};
use phonescope::report::prose;

use crate::cli::Failure;
use crate::cli::io::messages::reason;

/// How long a server may take to judge a configuration.
const TEST_LIMIT: Duration = Duration::from_secs(30);
/// What is kept of what it says.
const MAX_OUTPUT: u64 = 1 << 20;

/// Reads the files, and those that they include.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<ConfigFile>, Failure> {
    let mut files: Vec<ConfigFile> = Vec::new();
    let mut from: Vec<PathBuf> = Vec::new();
    let mut left = MAX_BYTES;
    for path in paths {
        if from.contains(path) {
            continue;
        }
        let contents = read_one(path, &mut left)
            .map_err(|why| Failure::Work(format!("{}: {why}", prose::safe(&path.to_string_lossy()))))?;
        files.push(ConfigFile { name: path.to_string_lossy().into_owned(), contents });
        from.push(path.clone());
    }
    // What was handed over counts before what is on this machine under the name in the include.
    let mut next = 0;
    while next < files.len() && files.len() < MAX_FILES {
        let (Some(file), Some(path)) = (files.get(next), from.get(next)) else { break };
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let wanted: Vec<PathBuf> =
            includes(file).into_iter().filter(|i| !is_at_hand(&files, i)).flat_map(|i| on_disk(&folder, &i)).collect();
        for path in wanted {
            if from.contains(&path) || files.len() >= MAX_FILES {
                continue;
            }
            if let Ok(contents) = read_one(&path, &mut left) {
                files.push(ConfigFile { name: path.to_string_lossy().into_owned(), contents });
                from.push(path);
            }
        }
        next += 1;
    }
    Ok(files)
}

fn read_one(path: &Path, left: &mut usize) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|e| reason(&e))?;
    let about = file.metadata().map_err(|e| reason(&e))?;
    if !about.is_file() {
        return Err("this is no file".to_owned());
    }
    let too_large = || format!("larger than {} MB: no configuration of a DHCP server is", MAX_BYTES >> 20);
    if about.len() > *left as u64 {
        return Err(too_large());
    }
    let mut contents = Vec::new();
    file.take(*left as u64 + 1).read_to_end(&mut contents).map_err(|e| reason(&e))?;
    *left = left.checked_sub(contents.len()).ok_or_else(too_large)?;
    Ok(contents)
}

fn is_at_hand(files: &[ConfigFile], include: &Include) -> bool {
    let base = include.name.rsplit('/').next().unwrap_or_default();
    include.folder.is_none() && files.iter().any(|f| f.base_name() == base)
        || include.folder.is_some() && files.len() > 1
}

fn on_disk(folder: &Path, include: &Include) -> Vec<PathBuf> {
    let path = folder.join(&include.name);
    let Some(filters) = &include.folder else { return vec![path] };
    let (takes, leaves): (Vec<&String>, Vec<&String>) = filters.iter().partition(|f| f.starts_with('*'));
    let mut all: Vec<PathBuf> = fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()).collect();
    all.retain(|p| {
        let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let hidden = name.starts_with(['.', '#']) || name.ends_with('~');
        let taken = takes.is_empty() || takes.iter().any(|t| name.ends_with(t.trim_start_matches('*')));
        !hidden && taken && !leaves.iter().any(|l| name.ends_with(l.as_str()))
    });
    all.sort();
    all
}

/// What the server's own test says of a changed configuration.
pub(crate) enum Verdict {
    /// It takes it; the command.
    Passed(&'static str),
    /// It takes neither the one before nor this one: here it can not be tried; what it says.
    NotHere(String),
    /// It refuses the one before for its form; what it says.
    WasRefused(String),
    /// It refuses it, or warns of what it did not warn of before.
    Refused(String),
    /// The program is not installed; the command.
    NotInstalled(&'static str),
    /// There is none for this language.
    None,
}

/// Shows a configuration to its server, as it was and with the changes.
pub(crate) fn test(files: &[ConfigFile], changed: &[&ChangedFile]) -> Verdict {
    let Some(first) = changed.first() else { return Verdict::None };
    let (program, command) = match first.language {
        Language::Isc => ("dhcpd", "dhcpd -t"),
        Language::Kea => ("kea-dhcp4", "kea-dhcp4 -t"),
        Language::Dnsmasq => ("dnsmasq", "dnsmasq --test"),
        Language::Ios => return Verdict::None,
    };
    let Some(program) = installed(program) else { return Verdict::NotInstalled(command) };
    let try_with = |changed: &[&ChangedFile]| -> Result<(bool, String), String> {
        let folder = Scratch::new()?;
        let main = lay_out(&folder.0, files, first, changed)?;
        let mut command = Command::new(&program);
        match first.language {
            Language::Isc => command.args(["-4", "-t", "-cf"]).arg(&main),
            Language::Kea => command.arg("-t").arg(&main),
            _ => command.arg("--test").arg(format!("--conf-file={}", main.display())),
        };
        let (passed, said) = output_of(command)?;
        Ok((passed, said.replace(&format!("{}/", folder.0.display()), "")))
    };
    let (before, after) = match (try_with(&[]), try_with(changed)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(why), _) | (_, Err(why)) => return Verdict::NotHere(why),
    };
    let is_warning = |line: &&str| {
        let line = line.to_ascii_lowercase();
        ["overlap", "warn", "error", "unknown", "duplicate", "deprecat", "bad ", "unsupported", "expected"]
            .iter()
            .any(|w| line.contains(w))
    };
    let new = after.1.lines().filter(is_warning).find(|line| !before.1.lines().any(|l| stripped(l) == stripped(line)));
    match (before.0, after.0, new) {
        (true, true, None) => Verdict::Passed(command),
        (true, _, new) => Verdict::Refused(new.map_or_else(|| last_line(&after.1), str::to_owned)),
        (false, _, _) if is_syntax(&before.1) => Verdict::WasRefused(important(&before.1)),
        (false, _, _) => Verdict::NotHere(important(&before.1)),
    }
}

/// Without the time in front, which differs from run to run.
fn stripped(line: &str) -> &str {
    line.find("DHCP4_").or(line.find("] ")).and_then(|i| line.get(i..)).unwrap_or(line)
}

fn is_syntax(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["expect", "syntax", "unterminated", "parse error", "bad option", "missing", "got unexpected"]
        .iter()
        .any(|w| text.contains(w))
}

fn important(text: &str) -> String {
    let line = text.lines().find(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("error") || l.contains("line ") || l.contains("bad ") || l.contains("expect")
    });
    line.map_or_else(|| last_line(text), |l| l.trim().to_owned())
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|f| f.join(program)).find(|p| p.is_file())
}

/// A folder that goes when it is done with.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, String> {
        use std::os::unix::fs::DirBuilderExt;
        for attempt in 0..100 {
            let nanos =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
            let name = format!("phonescope-{}-{nanos}-{attempt}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Scratch(path)),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(reason(&e)),
            }
        }
        Err("no folder for the test can be made".to_owned())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes the files of a configuration, each under a number, with includes that name these; gives the first one's path.
fn lay_out(
    folder: &Path,
    files: &[ConfigFile],
    first: &ChangedFile,
    changed: &[&ChangedFile],
) -> Result<PathBuf, String> {
    let name = |index: usize| {
        let base = files.get(index).map(ConfigFile::base_name).unwrap_or_default();
        let plain: String = base.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
        format!("{index:03}-{plain}")
    };
    for index in &first.configuration {
        let Some(file) = files.get(*index) else { continue };
        let contents = changed.iter().find(|c| c.index == *index).map_or(&file.contents, |c| &c.contents);
        let mut contents = contents.clone();
        let current = ConfigFile { name: file.name.clone(), contents: contents.clone() };
        for include in includes(&current).into_iter().rev() {
            let path = match &include.folder {
                // The files of a folder stand in it under their numbers.
                Some(_) => folder.join("none"),
                None => {
                    let base = include.name.rsplit('/').next().unwrap_or_default();
                    let target =
                        first.configuration.iter().find(|i| files.get(**i).is_some_and(|f| f.base_name() == base));
                    match target {
                        Some(target) => folder.join(name(*target)),
                        None => continue,
                    }
                }
            };
            contents.splice(include.at, path.to_string_lossy().bytes());
        }
        fs::write(folder.join(name(*index)), contents).map_err(|e| reason(&e))?;
    }
    let _ = fs::create_dir(folder.join("none"));
    let main = first.configuration.first().copied().unwrap_or(first.index);
    Ok(folder.join(name(main)))
}

/// Runs a program for a while; whether it ended well, and what it said.
fn output_of(mut command: Command) -> Result<(bool, String), String> {
    let (mut reader, writer) = std::io::pipe().map_err(|e| reason(&e))?;
    let second = writer.try_clone().map_err(|e| reason(&e))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(second)
        .env("LC_ALL", "C")
        .spawn()
        .map_err(|e| reason(&e))?;
    // The command holds the ends that are written to; without it the reader sees the end.
    drop(command);
    let reading = std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = reader.by_ref().take(MAX_OUTPUT).read_to_end(&mut said);
        said
    });
    let until = Instant::now() + TEST_LIMIT;
    let status = loop {
        match child.try_wait().map_err(|e| reason(&e))? {
            Some(status) => break Some(status),
            None if Instant::now() >= until => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let said = reading.join().unwrap_or_default();
    match status {
        Some(status) => Ok((status.success(), String::from_utf8_lossy(&said).into_owned())),
        None => Err(format!("it did not end within {} seconds", TEST_LIMIT.as_secs())),
    }
}

/// What is written of changed configurations, and what is said of them.
#[derive(Default)]
pub(crate) struct Written {
    /// `.new`, `.patch` and `.undo.patch` of each, and a text about them.
    pub(crate) files: Vec<PackFile>,
    /// A line each.
    pub(crate) lines: Vec<String>,
}

/// The files of changed configurations, where their servers take them.
pub(crate) fn written(files: &[ConfigFile], changes: Changes) -> Written {
    let mut written = Written { files: Vec::new(), lines: changes.lines };
    let mut configurations: Vec<Vec<&ChangedFile>> = Vec::new();
    for file in &changes.files {
        match configurations.iter_mut().find(|c| c.first().is_some_and(|f| f.configuration == file.configuration)) {
            Some(configuration) => configuration.push(file),
            None => configurations.push(vec![file]),
        }
    }
    let mut steps = Vec::new();
    for changed in configurations {
        let Some(first) = changed.first() else { continue };
        let main = first.configuration.first().and_then(|i| files.get(*i)).map(|f| f.name.clone()).unwrap_or_default();
        let verdict = test(files, &changed);
        written.lines.push(match &verdict {
            Verdict::Refused(said) => format!("{main}: not changed: the server's own test does not take it changed: {said}"),
            Verdict::WasRefused(said) => {
                format!("{main}: not changed: the server's own test refuses it as it is, a syntax error: {said}")
            }
            Verdict::Passed(command) => format!("{main}: {command} takes it changed, with no new warning"),
            Verdict::NotHere(said) => format!(
                "{main}: the server's own test can not be done on this machine, for it refuses the file as it is too: {said}"
            ),
            Verdict::NotInstalled(command) => {
                format!("{main}: {command} is not installed here: run it on the server before the restart")
            }
            Verdict::None => format!("{main}: IOS has no test; look at the difference before you enter it"),
        });
        if matches!(verdict, Verdict::Refused(_) | Verdict::WasRefused(_)) {
            continue;
        }
        for file in changed {
            let Some(original) = files.get(file.index) else { continue };
            let name = free_name(original.base_name(), &written.files);
            let whole = [
                ("new", &file.contents, "the whole file, changed"),
                ("patch", &file.patch, "the difference, for patch -p0"),
                ("undo.patch", &file.undo, "the difference back"),
            ];
            for (extension, contents, about) in whole {
                written.files.push(PackFile {
                    path: format!("dhcp/{name}.{extension}"),
                    contents: contents.clone(),
                    // It may hold the keys of a control channel.
                    secret: true,
                    about: format!("{}: {about}", prose::safe(&original.name)),
                });
            }
            steps.push(install_steps(
                &prose::safe(original.base_name()).to_string(),
                &prose::safe(&name).to_string(),
                file.language,
            ));
        }
    }
    let mut text = String::from("What was found in the DHCP configuration that was handed over, by file and line:\n\n");
    for line in &written.lines {
        text.push_str(&format!("  {}\n", prose::safe(line)));
    }
    for step in &steps {
        text.push_str(&format!("\n{step}"));
    }
    written.files.push(PackFile {
        path: "dhcp/changes.txt".to_owned(),
        contents: text.into_bytes(),
        secret: false,
        about: "what was changed in your own DHCP configuration, and what was not".to_owned(),
    });
    written
}

/// A name that no other file has.
fn free_name(base: &str, files: &[PackFile]) -> String {
    let base: String = base.chars().map(|c| if c.is_control() || c == '/' { '_' } else { c }).collect();
    let taken = |name: &str| files.iter().any(|f| f.path == format!("dhcp/{name}.new"));
    let mut name = base.clone();
    let mut number = 2;
    while taken(&name) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

fn install_steps(file: &str, name: &str, language: Language) -> String {
    let (check, restart) = match language {
        Language::Isc => ("dhcpd -t -cf FILE", "systemctl restart isc-dhcp-server"),
        Language::Kea => ("kea-dhcp4 -t FILE", "systemctl restart kea-dhcp4-server"),
        Language::Dnsmasq => ("dnsmasq --test", "systemctl restart dnsmasq"),
        Language::Ios => {
            return format!(
                "{file}: enter the lines that {name}.patch marks with + in configure terminal, each under its pool;\n  a line \
                 replaces the one before it of the same option. Then: write memory\n  To undo: the lines marked with + in \
                 {name}.undo.patch.\n"
            );
        }
    };
    format!(
        "{file}, in its folder on the server:\n  1. patch -p0 --dry-run < {name}.patch\n  2. cp -p {file} {file}.before; patch \
         -p0 < {name}.patch\n  3. {check} (FILE: the main configuration)\n  4. {restart}\n  To undo: patch -p0 < \
         {name}.undo.patch, then 3 and 4.\n"
    )
}

/// Adds it to a pack: the files, and a part of the README.
pub(crate) fn add_to(pack: &mut Pack, written: &Written) {
    let mut section = String::from("## Your own DHCP configuration\n\n");
    section.push_str("Where a `.new` is listed here, use it in place of the DHCP lines below: it is your file with the change in it.\n\n");
    for line in &written.lines {
        section.push_str(&format!("- {}\n", phonescope_text(line)));
    }
    section.push_str("\n`dhcp/changes.txt` has the steps.\n\n");
    if let Some(readme) = pack.files.iter_mut().find(|f| f.path == "README.md") {
        let text = String::from_utf8_lossy(&readme.contents).into_owned();
        let at = text.find("\n## What to do").map_or(text.len(), |i| i + 1);
        let (before, after) = text.split_at_checked(at).unwrap_or((&text, ""));
        readme.contents = format!("{before}{section}{after}").into_bytes();
    }
    pack.files.extend(written.files.iter().cloned());
}

/// A line for Markdown: nothing in it is markup.
fn phonescope_text(line: &str) -> String {
    prose::safe(line).to_string().chars().fold(String::new(), |mut out, c| {
        if matches!(c, '`' | '*' | '_' | '[' | ']' | '<' | '>' | '\\' | '|') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}
