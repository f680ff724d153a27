//! `fix --dhcp-config`: what becomes of the operator's own files, good and bad.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The founding case: phones of 10.30.110.0/24 that DHCP server 10.30.0.2 sends to 10.31.0.5, right is 10.30.0.5.
const GOOD: &str = "option voip-tftp code 150 = array of ip-address;\nsubnet 10.30.110.0 netmask 255.255.255.0 {\n  range \
                    10.30.110.20 10.30.110.199; # phones\n  option voip-tftp 10.31.0.5;\n}\n";

/// Runs `fix` on the founding case with these files in its working folder; what it said, and its pack.
fn fix(files: &[(&str, &[u8])], arguments: &[&str]) -> (i32, String, tempfile::TempDir) {
    let here = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        fs::write(here.path().join(name), contents).unwrap();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/founding-case");
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("phonescope"));
    command.arg("fix").arg(root.join("mixed-site.pcap")).arg("--site").arg(root.join("site.toml"));
    let output = command.args(arguments).args(["--out", "pack"]).current_dir(here.path()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|o| String::from_utf8(o).unwrap()).concat();
    for (name, contents) in files {
        assert_eq!(&fs::read(here.path().join(name)).unwrap(), contents, "{name} is not touched");
    }
    (output.status.code().unwrap_or(-1), said, here)
}

fn written(here: &tempfile::TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(here.path().join("pack/dhcp")).into_iter().flatten();
    let all = entries.map(|e| e.unwrap().path());
    all.filter(|p| p.extension().is_some_and(|e| e == "new" || e == "patch")).collect()
}

#[test]
fn own_file_is_changed_in_a_copy() {
    let (code, said, here) = fix(&[("dhcpd.conf", GOOD.as_bytes())], &["--dhcp-config", "dhcpd.conf"]);
    assert_eq!(code, 1, "{said}");
    let new = fs::read_to_string(here.path().join("pack/dhcp/dhcpd.conf.new")).unwrap();
    assert_eq!(new, GOOD.replace("10.31.0.5", "10.30.0.5"));
    assert!(
        said.contains("dhcpd.conf line 4 (option voip-tftp of subnet 10.30.110.0): 10.31.0.5 becomes 10.30.0.5"),
        "{said}"
    );
    let readme = fs::read_to_string(here.path().join("pack/README.md")).unwrap();
    assert!(readme.contains("## Your own DHCP configuration"), "{readme}");
    let steps = fs::read_to_string(here.path().join("pack/dhcp/changes.txt")).unwrap();
    assert!(steps.contains("patch -p0 --dry-run < dhcpd.conf.patch"), "{steps}");
    assert_eq!(written(&here).len(), 3);
}

#[test]
fn own_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (_, _, here) = fix(&[("dhcpd.conf", GOOD.as_bytes())], &["--dhcp-config", "dhcpd.conf"]);
    for path in written(&here) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn bad_files_are_named_with_their_line_and_nothing_is_written() {
    let missing_include = format!("include \"voice-is-not-here.conf\";\n{GOOD}");
    let hostile = GOOD.replace("voip-tftp", "\u{1b}[31m$(reboot)");
    for (contents, expected) in [
        ("", "no configuration of ISC dhcpd"),
        ("\u{0}\u{1}\u{2}\u{3}", "no configuration of ISC dhcpd"),
        (&GOOD[..GOOD.len() - 2], "dhcpd.conf line 2: syntax error"),
        (&GOOD.replace("10.30.110", "10.44.110"), "does not serve"),
        (&GOOD.replace("10.31.0.5", "10.99.0.9"), "10.99.0.9"),
        (&missing_include, "voice-is-not-here.conf"),
        (&hostile, "dhcpd.conf"),
    ] {
        let (code, said, here) = fix(&[("dhcpd.conf", contents.as_bytes())], &["--dhcp-config", "dhcpd.conf"]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(expected), "{expected} in {said}");
        assert!(!said.contains('\u{1b}'), "{said:?}");
        assert!(written(&here).is_empty(), "{contents}: {:?}", written(&here));
    }
}

#[test]
fn file_that_cannot_be_read_ends_before_anything_is_written() {
    for name in ["missing.conf", "."] {
        let (code, said, here) = fix(&[], &["--dhcp-config", name]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(name) && !here.path().join("pack").exists(), "{said}");
    }
    let here = tempfile::tempdir().unwrap();
    let huge = fs::File::create(here.path().join("huge.conf")).unwrap();
    huge.set_len(100 << 20).unwrap();
    let path = here.path().join("huge.conf");
    let (code, said, _) = fix(&[], &["--dhcp-config", path.to_str().unwrap()]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("larger than 32 MB"), "{said}");
}

#[test]
fn two_files_that_serve_the_scope_are_refused() {
    let files = [("a.conf", GOOD.as_bytes()), ("b.conf", GOOD.as_bytes())];
    let (code, said, here) = fix(&files, &["--dhcp-config", "a.conf", "--dhcp-config", "b.conf"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("a.conf and b.conf all serve"), "{said}");
    assert!(written(&here).is_empty());
}
