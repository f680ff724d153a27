//! `phonescope fix` from outside: what it writes where, what it says, how it ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;

use super::{LOAD_PILOT, NAME, SITE, astray_with};

const FOUNDING: &str = "captures/founding-case/mixed-site.pcap";
const FOUNDING_SITE: &str = "captures/founding-case/site.toml";

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn ran(command: &mut Command) -> Ran {
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn phonescope(arguments: &[&str]) -> Ran {
    ran(Command::new(assert_cmd::cargo::cargo_bin!("phonescope")).args(arguments))
}

/// The founding case into a folder, with more arguments.
fn fix(out: &Path, more: &[&str]) -> Ran {
    let out = out.to_str().unwrap();
    phonescope(&[&["fix", "--site", FOUNDING_SITE, FOUNDING, "--out", out], more].concat())
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().map(|e| e.unwrap()) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_founding_case_is_written_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("pack");
    let ran = fix(&out, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{}", ran.stdout);
    let names: Vec<String> = files(&out).into_iter().map(|(name, _)| name).collect();
    for expected in ["README.md", "phones.csv", "plan.json", "dhcp/isc-dhcpd.conf", "tftp/SEP00036B3A1001.cnf.xml"] {
        assert!(names.iter().any(|n| n == expected), "{expected} in {names:?}");
        assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    }
    assert_eq!(names.len(), 13, "{names:?}");
    assert!(ran.stdout.bytes().all(|b| b == b'\n' || !b.is_ascii_control()));
    let readme = fs::read_to_string(out.join("README.md")).unwrap();
    let place = |words: &str| readme.find(words).unwrap_or_else(|| panic!("no {words} in {readme}"));
    assert!(
        place("Put the loads") < place("Put the configurations")
            && place("Put the configurations") < place("Let DHCP name")
            && place("Let DHCP name") < place("Reset the phones, last of all"),
        "the safe order"
    );
    for cure in [
        "a. **DHCP names the right server**",
        "### b. Where DHCP can not be changed",
        "### c. On the phone itself",
        "Advised",
    ] {
        place(cure);
    }
    assert_eq!(fix(&dir.path().join("again"), &["--exit-zero"]).code, 0);
}

#[test]
fn the_same_capture_gives_the_same_pack() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    fix(&one, &[]);
    fix(&two, &[]);
    assert_eq!(files(&one), files(&two));
}

#[test]
fn a_password_is_in_the_configuration_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let secret = "s3cr3t-5278";
    let config = format!(
        "<device><sshPassword>{secret}</sshPassword><callManagerGroup><members><member><callManager><processNodeName>10.30.0.10\
         </processNodeName></callManager></member></members></callManagerGroup><loadInformation>{LOAD_PILOT}</loadInformation></device>"
    );
    let capture = dir.path().join("capture.pcap");
    fs::write(&capture, astray_with(&format!("{NAME}.cnf.xml"), config.as_bytes())).unwrap();
    let site = dir.path().join("site.toml");
    fs::write(&site, SITE).unwrap();
    let (capture, site) = (capture.to_str().unwrap(), site.to_str().unwrap());
    let out = dir.path().join("pack");
    let ran = phonescope(&["fix", capture, "--site", site, "--out", out.to_str().unwrap()]);
    assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret));
    let mut holding = Vec::new();
    for (name, content) in files(&out) {
        if String::from_utf8_lossy(&content).contains(secret) {
            holding.push(name);
        }
    }
    assert_eq!(holding, [format!("tftp/{NAME}.cnf.xml")]);
    let mode = fs::metadata(out.join("tftp").join(format!("{NAME}.cnf.xml"))).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for arguments in [vec!["events", capture], vec!["analyze", "-T", "json", capture], vec!["analyze", "-v", capture]] {
        assert!(!phonescope(&arguments).stdout.contains(secret), "{arguments:?}");
    }
}

#[test]
fn a_healthy_capture_needs_no_pack() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("pack");
    let ran = phonescope(&["fix", "captures/healthy/boot.pcap", "--out", out.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "No phone needs a fix. Nothing was written.\n"), "{}", ran.stderr);
    assert!(!out.exists());
}

#[test]
fn one_phone_can_be_picked_out() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("pack");
    fix(&out, &["--phone", "SEP0030943A1002"]);
    let configurations: Vec<String> =
        files(&out).into_iter().map(|(n, _)| n).filter(|n| n.starts_with("tftp")).collect();
    assert_eq!(configurations, ["tftp/SEP0030943A1002.cnf.xml"]);
}

#[test]
fn a_folder_in_use_is_refused_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let occupied = dir.path().join("occupied");
    fs::write(&occupied, "a file").unwrap();
    let ran = fix(&occupied, &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("is there and is no folder"), "{}", ran.stderr);
    fs::write(dir.path().join("README.md"), "mine").unwrap();
    let ran = fix(dir.path(), &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("is not empty") && ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(dir.path().join("README.md")).unwrap(), "mine");
    assert_eq!(files(dir.path()).len(), 2);
    let ran = fix(dir.path(), &["--force"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no part of this pack") && ran.stderr.contains("occupied"), "{}", ran.stderr);
    assert_ne!(fs::read_to_string(dir.path().join("README.md")).unwrap(), "mine");
}

#[test]
fn a_folder_that_can_not_be_made_is_told() {
    let ran = fix(Path::new("/proc/phonescope-pack"), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("cannot write /proc/phonescope-pack"), "{}", ran.stderr);
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("pack");
    // A file may not be longer than this many blocks here; the README is.
    let program = assert_cmd::cargo::cargo_bin!("phonescope").to_str().unwrap().to_owned();
    let line = format!(
        "trap '' XFSZ; ulimit -f 4; exec {program} fix --site {FOUNDING_SITE} {FOUNDING} --out {}",
        out.to_str().unwrap()
    );
    let ran = ran(Command::new("sh").args(["-c", &line]));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot write") && ran.stderr.contains("nothing was left behind"), "{}", ran.stderr);
    assert!(!out.exists(), "{:?}", files(&out));
}

#[test]
fn a_link_in_the_folder_leads_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (out, outside) = (dir.path().join("pack"), dir.path().join("outside"));
    fs::create_dir(&out).unwrap();
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, out.join("tftp")).unwrap();
    let ran = fix(&out, &["--force"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("tftp"), "{}", ran.stderr);
    assert_eq!(files(&outside), []);
    assert_eq!(files(&out).len(), 1, "the link alone");
}

#[test]
fn a_damaged_capture_ends_with_3_and_the_pack_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(FOUNDING)).unwrap();
    let cut = dir.path().join("cut.pcap");
    fs::write(&cut, &whole[..whole.len() - 7]).unwrap();
    let out = dir.path().join("pack");
    let ran = phonescope(&["fix", "--site", FOUNDING_SITE, cut.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(fs::read_to_string(out.join("README.md")).unwrap().contains("is damaged"));
}

#[test]
fn changes_are_asked_about_on_the_command_line() {
    let ask =
        |change: &str| phonescope(&["analyze", "--site", FOUNDING_SITE, FOUNDING, "--what-if", change, "--exit-zero"]);
    for change in [
        "tftp=10.30.0.5",
        "tftp=10.30.0.5,10.30.0.6",
        "version=hq-3.0:3.0",
        "site=captures/founding-case/site.toml",
        FOUNDING_SITE,
    ] {
        let ran = ask(change);
        assert_eq!(ran.code, 0, "{change}: {}", ran.stderr);
        assert!(ran.stdout.contains(&format!("What if {change}")), "{change}: {}", ran.stdout);
    }
    for change in ["tftp=tftp.example", "version=3.0", "version=nobody:3.0", "site=/no/such/file", "nonsense", ""] {
        let ran = ask(change);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{change}");
        assert!(!ran.stderr.is_empty(), "{change}");
    }
}

/// The founding case with a site file without the lines that have this text; gives the pack and its page.
fn founding_without(dir: &Path, gone: &str) -> (std::path::PathBuf, String) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FOUNDING_SITE)).unwrap();
    let text: String = text.lines().filter(|l| !l.contains(gone)).map(|l| format!("{l}\n")).collect();
    let (site, out) = (dir.join("site.toml"), dir.join("pack"));
    fs::write(&site, text).unwrap();
    phonescope(&["fix", "--site", site.to_str().unwrap(), FOUNDING, "--out", out.to_str().unwrap()]);
    let readme = fs::read_to_string(out.join("README.md")).unwrap();
    (out, readme)
}

#[test]
fn load_rejected_by_its_call_manager_is_not_proposed() {
    let dir = tempfile::tempdir().unwrap();
    let (out, readme) = founding_without(dir.path(), "P00");
    for (name, content) in files(&out).into_iter().filter(|(name, _)| name.starts_with("tftp/")) {
        let content = String::from_utf8(content).unwrap();
        assert!(!content.contains(LOAD_PILOT) && !content.contains("P00403010102"), "{name}: {content}");
    }
    let line = readme.lines().find(|l| l.starts_with("- No configuration is made for")).unwrap();
    assert!(line.contains("SEP0008A33A1004") && line.contains("which load is right"), "{line}");
}

#[test]
fn pack_promises_no_config_that_it_does_not_contain() {
    let dir = tempfile::tempdir().unwrap();
    let (out, readme) = founding_without(dir.path(), "7910");
    assert!(!out.join("tftp/SEP0008A33A1004.cnf.xml").exists());
    let step = readme.lines().find(|l| l.starts_with("2. Then the configurations of `tftp/`")).unwrap();
    let (with, without) = step.split_once(". And ").unwrap();
    assert!(with.contains("SEP00036B3A1001") && with.contains("(3)") && !with.contains("SEP0008A33A1004"), "{step}");
    assert!(without.contains("SEP0008A33A1004") && without.contains("the pack has none"), "{step}");
}

#[test]
fn the_way_back_names_nothing_that_was_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let back = |capture: &str, name: &str| {
        let out = dir.path().join(name);
        phonescope(&["fix", capture, "--out", out.to_str().unwrap()]);
        let readme = fs::read_to_string(out.join("README.md")).unwrap();
        readme.split_once("## The way back").unwrap().1.contains("Alternate TFTP")
    };
    assert!(!back("captures/stuck-load/fires-no-load-named.pcap", "stuck"));
    assert!(back(FOUNDING, "founding"));
}

#[test]
fn dhcp_is_not_advised_where_it_does_not_reach_the_phones() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("pack");
    phonescope(&["fix", "captures/wrong-tftp-server/fires-alternate-tftp.pcap", "--out", out.to_str().unwrap()]);
    let readme = fs::read_to_string(out.join("README.md")).unwrap();
    let advice: Vec<&str> = readme.lines().filter(|l| l.contains("Advised")).collect();
    assert!(advice.len() == 1 && advice[0].starts_with("c. "), "{advice:?}");
}

#[test]
fn an_address_that_no_server_can_have_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("pack");
    for address in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "ff02::1", "::"] {
        let ran = phonescope(&["fix", FOUNDING, "--expect-tftp", address, "--out", out.to_str().unwrap()]);
        assert!(ran.code == 2 && ran.stderr.contains("no server's address"), "{address}: {}", ran.stderr);
        let ran = phonescope(&["analyze", FOUNDING, "--what-if", &format!("tftp={address}")]);
        assert!(ran.code == 2 && ran.stderr.contains("no server's address"), "{address}: {}", ran.stderr);
    }
    assert!(!out.exists());
}
