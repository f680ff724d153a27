//! Our own cases, by theme. Addresses, names and times are made up; what happens is not.

mod devices;
mod dhcp;
mod files;
mod inference;
mod ipv6;
mod leases;
mod registration;
mod sip;
mod tls;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run::{against_list, in_parallel, misses_of};
use crate::support::capture_file::{Order, Record, Resolution, pcap};
use crate::support::phone_config::PhoneConfig;
use crate::support::tunnel::LINK_ETHERNET;

/// Cases that are not right yet. The list only shrinks: the test fails for one that is right and still listed.
pub(super) const NOT_YET: &[&str] = &[
    "address-known-from-cdp-alone",
    "everybody-unknown-on-both-servers",
    "headers-only-and-a-closed-session",
    "only-the-branch-router-registers",
    "primary-refuses-second-takes-it",
    "registration-cited-at-its-ack",
    "silent-after-its-lease",
];

/// A situation, and what is right of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Kinds are those of the shared cases, where there is such a one.
    pub(super) kind: &'static str,
    /// Where somebody reports it in public.
    pub(super) report: Option<&'static str>,
    /// What is on the wire.
    pub(super) wire: &'static str,
    pub(super) capture: fn() -> Capture,
    pub(super) site: Option<&'static str>,
    /// In the form of the shared cases. Where there is a site file, it holds with and without it, unless it says `modes`.
    pub(super) expect: fn() -> Value,
}

/// The frames of a case, and how they are written.
pub(super) struct Capture {
    pub(super) records: Vec<Record>,
    /// Gives the file.
    pub(super) write: fn(&[Record]) -> Vec<u8>,
}

impl From<Vec<Record>> for Capture {
    fn from(records: Vec<Record>) -> Self {
        Capture { records, write: |records| pcap(Order::Little, Resolution::Micro, LINK_ETHERNET, records) }
    }
}

impl Case {
    /// The expectation with its modes.
    pub(super) fn expectation(&self) -> Value {
        let mut expect = (self.expect)();
        if expect["modes"].is_null() && self.site.is_some() {
            expect["modes"] = serde_json::json!(["none", "site"]);
        }
        expect
    }

    /// Writes capture and site file into a folder.
    pub(super) fn write(&self, folder: &Path) -> (PathBuf, Option<PathBuf>) {
        let capture = (self.capture)();
        let file = folder.join(format!("{}.pcap", self.name));
        std::fs::write(&file, (capture.write)(&capture.records)).expect("a capture");
        let site = self.site.map(|text| {
            let path = folder.join(format!("{}.site.toml", self.name));
            std::fs::write(&path, text).expect("a site file");
            path
        });
        (file, site)
    }
}

/// A configuration that names these CallManagers.
fn config(call_managers: &[&str]) -> PhoneConfig {
    PhoneConfig::naming(call_managers)
}

/// All cases, by theme.
pub(super) fn all() -> Vec<&'static Case> {
    let themes = [
        dhcp::CASES,
        leases::CASES,
        files::CASES,
        sip::CASES,
        tls::CASES,
        registration::CASES,
        devices::CASES,
        inference::CASES,
        ipv6::CASES,
    ];
    themes.into_iter().flatten().collect()
}

/// `FIELD_CASES` names a folder to leave all cases in, for a look at them by hand.
#[test]
fn own_cases_are_right() {
    let temporary = tempfile::tempdir().expect("a folder");
    let kept = std::env::var_os("FIELD_CASES").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder).expect("a folder");
    let results = in_parallel(&all(), |case| {
        let (capture, site) = case.write(folder);
        let mut expect = case.expectation();
        let found = misses_of(&expect, &capture, site.as_deref());
        expect["kind"] = case.kind.into();
        expect["why"] = case.wire.into();
        std::fs::write(folder.join(format!("{}.expected.json", case.name)), expect.to_string()).expect("a file");
        (case.name.to_owned(), found)
    });
    let wrong = against_list(&results, NOT_YET);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn own_cases_have_names_of_their_own() {
    let mut names: Vec<&str> = all().iter().map(|c| c.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}
