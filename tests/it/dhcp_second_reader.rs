//! dhcproto as a second reader of the shipped captures: what both read is the same (`docs/decisions/dhcproto.md`).

use std::path::Path;

#[path = "../bench/dhcp_readers.rs"]
mod readers;

use readers::{messages, ours, theirs, theirs_one_by_one};

#[test]
fn dhcp_values_that_both_decoders_read_are_the_same() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let (mut same, mut wrong) = (0, Vec::new());
    for folder in std::fs::read_dir(captures).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            for octets in messages(path.clone()) {
                let Some(mine) = ours(&octets) else { continue };
                let whole = theirs(&octets).unwrap_or_default();
                let single = theirs_one_by_one(&octets);
                for (name, value) in whole.iter().chain(&single) {
                    match mine.get(name) {
                        Some(own) if own == value => same += 1,
                        own => wrong.push(format!("{}: {name} {own:?}, and dhcproto {value}", path.display())),
                    }
                }
            }
        }
    }
    assert!(same > 5000, "only {same} values were compared");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
