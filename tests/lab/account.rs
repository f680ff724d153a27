//! What a phone writes down of what it did, a JSON object a line; and how the supervisor reads it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

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

/// Follows an account while it is written.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    read: u64,
    /// How many boots are done.
    pub(crate) done: u32,
    /// How the latest of them ended.
    pub(crate) end: Option<End>,
}

impl Follower {
    pub(crate) fn of(path: &Path) -> Follower {
        Follower { path: path.to_owned(), read: 0, done: 0, end: None }
    }

    /// Reads what was written since, up to the last whole line.
    pub(crate) fn follow(&mut self) {
        let mut text = String::new();
        let Ok(mut file) = File::open(&self.path) else { return };
        if file.seek(SeekFrom::Start(self.read)).is_err() || file.read_to_string(&mut text).is_err() {
            return;
        }
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            self.read += line.len() as u64;
            if let Ok(Line { deed: Deed::Done(end), .. }) = serde_json::from_str(line) {
                self.done += 1;
                self.end = Some(end);
            }
        }
    }
}

/// What a phone wrote, as the JSON objects that they are.
pub(crate) fn read_lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
