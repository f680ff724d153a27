//! Names of the files of a capture that goes on in another one: those of dumpcap.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::types::Timestamp;

/// `name_00001_20261123070000.pcapng` for `name.pcapng`: the number of the file, and when it was begun, in the time of
/// this host's place. `time_first`: `name_20261123070000_00001.pcapng`.
pub(super) fn file_name(given: &Path, number: u64, time: Timestamp, time_first: bool) -> PathBuf {
    in_zone(given, number, time, time_first, &jiff::tz::TimeZone::system())
}

fn in_zone(given: &Path, number: u64, time: Timestamp, time_first: bool, zone: &jiff::tz::TimeZone) -> PathBuf {
    let time = jiff::Timestamp::from_nanosecond(i128::from(time.0)).unwrap_or_default();
    let seen_at = time.to_zoned(zone.clone()).strftime("%Y%m%d%H%M%S").to_string();
    let mut name = OsString::from(given.file_stem().unwrap_or_default());
    match time_first {
        true => name.push(format!("_{seen_at}_{number:05}")),
        false => name.push(format!("_{number:05}_{seen_at}")),
    }
    if let Some(extension) = given.extension() {
        name.push(".");
        name.push(extension);
    }
    given.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_dumpcap_names_them() {
        let time = Timestamp(1_795_417_200_000_000_000);
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(-5));
        let name =
            |given: &str, number, first| in_zone(Path::new(given), number, time, first, &zone).display().to_string();
        assert_eq!(name("/var/cap/span.pcapng", 1, false), "/var/cap/span_00001_20261123020000.pcapng");
        assert_eq!(name("span.old.pcapng", 12, true), "span.old_20261123020000_00012.pcapng");
        assert_eq!(name("span", 123_456, false), "span_123456_20261123020000");
        assert_eq!(name("a.d/span", 2, false), "a.d/span_00002_20261123020000");
    }
}
