//! What the README shows is what the program prints. `BLESS=1` writes it anew.

use std::fs;
use std::process::Command;

const START: &str = "<!-- output: try -->\n```text\n";
const END: &str = "```\n";

#[test]
fn the_readme_shows_the_real_output_of_its_first_command() {
    let readme = fs::read_to_string("README.md").unwrap();
    let command = readme.split("<!-- command: try -->\n```sh\n").nth(1).unwrap().lines().next().unwrap();
    let arguments = command.split_once(" -- ").unwrap().1.split_whitespace();
    let output =
        Command::new(env!("CARGO_BIN_EXE_phonescope")).args(arguments).env_remove("NO_COLOR").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "the founding case is found");
    let printed = String::from_utf8(output.stdout).unwrap();
    let (before, rest) = readme.split_once(START).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    if std::env::var_os("BLESS").is_some() {
        fs::write("README.md", format!("{before}{START}{printed}{END}{after}")).unwrap();
    } else {
        assert!(
            shown == printed,
            "the README shows something else; BLESS=1 cargo test --test it readme writes it anew"
        );
    }
}
