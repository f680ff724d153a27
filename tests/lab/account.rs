//! What a phone writes down of what it did, a JSON object a line; and how the supervisor reads it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::site::{End, Registration};

/// One thing that a phone did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Deed {
    /// It starts with this load.
    Boot { load: String },
    /// Nobody gave it an address.
    NoLease,
    /// The lease that it took.
    Lease { ip: Ipv4Addr, server: Option<Ipv4Addr>, tftp: Vec<Ipv4Addr> },
    /// It asked for a file.
    File { name: String, server: Ipv4Addr, outcome: String, octets: usize },
    /// It has a new load and starts again.
    Upgrade { from: String, to: String },
    /// What came of a try at a CallManager.
    Attempt { call_manager: Ipv4Addr, registration: Registration, text: Option<String> },
    /// It is done; a registered phone stays so.
    Done(End),
}

#[derive(Serialize, Deserialize)]
struct Line {
    /// Seconds since 1970.
    time: f64,
    #[serde(flatten)]
    deed: Deed,
}

/// Where a phone writes.
#[derive(Debug)]
pub(crate) struct Account {
    file: File,
}

impl Account {
    /// # Errors
    ///
    /// The file can not be written.
    pub(crate) fn open(path: &Path) -> Result<Account, String> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Account { file: file.map_err(|error| format!("{}: {error}", path.display()))? })
    }

    /// # Errors
    ///
    /// The file can not be written.
    pub(crate) fn write(&mut self, deed: Deed) -> Result<(), String> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let line = Line { time: now.map_or(0.0, |d| d.as_secs_f64()), deed };
        let mut text = serde_json::to_string(&line).map_err(|error| error.to_string())?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).map_err(|error| error.to_string())
    }
}

/// What a phone wrote so far; a line that is not whole yet is left out.
pub(crate) fn read(path: &Path) -> Vec<Deed> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()).map(|line| line.deed).collect()
}

/// The same as the JSON objects that they are.
pub(crate) fn read_lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
