//! Why there is nothing to read: the world is wrong, not the network. Each of these ends the program with code 2.

use std::io;

use crate::types::WireText;

/// Why an input can not be read at all. Damage further on is no error: see `InputSummary::problem`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// No input was named.
    #[error("no capture is named; name files or folders, or - for standard input")]
    Nothing,
    /// There is no such file.
    #[error("cannot open {path}: there is no such file; check the name")]
    Missing {
        /// As given.
        path: WireText,
    },
    /// The file may not be read.
    #[error("cannot open {path}: no permission; run as a user who may read it, or have it made readable (chmod +r)")]
    NoPermission {
        /// As given.
        path: WireText,
    },
    /// More files are needed at once than the system lets one program open.
    #[error(
        "cannot open {path}: too many files are open; raise the limit (ulimit -n), or join the captures before (mergecap)"
    )]
    TooManyOpen {
        /// As given.
        path: WireText,
    },
    /// Opening fails for another reason.
    #[error("cannot open {path}: {source}; check the file and its disk")]
    Open {
        /// As given.
        path: WireText,
        /// What the system says.
        source: io::Error,
    },
    /// The first bytes can not be read or unpacked.
    #[error("cannot read {path}: {source}; check the file and its disk, or get it again")]
    Read {
        /// As given.
        path: WireText,
        /// What the system or the decompressor says.
        source: io::Error,
    },
    /// There is not one byte.
    #[error("{path} is empty, and no capture; see whether the capture program could write, or get the file again")]
    Empty {
        /// As given.
        path: WireText,
    },
    /// The file is something else, and it is known what.
    #[error("{path} is {what}, and is not read; {advice}")]
    Foreign {
        /// As given.
        path: WireText,
        /// With its article: "a Microsoft Network Monitor 2 capture".
        what: &'static str,
        /// What to do.
        advice: String,
    },
    /// The file is something else, and it is not known what.
    #[error(
        "{path} is no capture that is known (it starts with the octets {start}); give pcap, pcapng, snoop or events files; Wireshark's editcap may convert it"
    )]
    Unknown {
        /// As given.
        path: WireText,
        /// Its first bytes in hex.
        start: String,
    },
    /// The format is known, and the header of the file makes no sense.
    #[error("{path}: the {format} file header is broken: {what}; get the file again, or capture anew")]
    Header {
        /// As given.
        path: WireText,
        /// `pcap`, `pcapng` or `snoop`.
        format: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Compressed data in compressed data in compressed data.
    #[error("{path} is compressed more than twice; unpack it once and try again")]
    Nested {
        /// As given.
        path: WireText,
    },
    /// A folder without any capture.
    #[error(
        "{path} holds no capture (folders in it are not searched); name the folder or the files themselves{others}"
    )]
    EmptyFolder {
        /// As given.
        path: WireText,
        /// What else is in it, with a lead-in, or nothing.
        others: String,
    },
    /// `-` twice.
    #[error("standard input (-) is named twice; it can be read once")]
    StandardInputTwice,
    /// `-` on a terminal.
    #[error("standard input is a terminal; pipe a capture in (tcpdump -w - … | phonescope …), or name a file")]
    Terminal,
}

impl CaptureError {
    pub(super) fn open(path: &WireText, source: io::Error) -> CaptureError {
        let path = path.clone();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::NotFound, _) => CaptureError::Missing { path },
            (io::ErrorKind::PermissionDenied, _) => CaptureError::NoPermission { path },
            // ENFILE and EMFILE, which have no kind of their own.
            (_, Some(23 | 24)) => CaptureError::TooManyOpen { path },
            _ => CaptureError::Open { path, source },
        }
    }

    /// Whether this says that the file is no capture, rather than that it can not be read.
    pub(super) fn is_no_capture(&self) -> bool {
        matches!(
            self,
            CaptureError::Empty { .. }
                | CaptureError::Foreign { .. }
                | CaptureError::Unknown { .. }
                | CaptureError::Header { .. }
                | CaptureError::Nested { .. }
        )
    }

    /// A few words for a list of files passed over.
    pub(super) fn in_brief(&self) -> String {
        match self {
            CaptureError::Empty { .. } => "empty".to_owned(),
            CaptureError::Foreign { what, .. } => (*what).to_owned(),
            CaptureError::Header { format, .. } => format!("broken {format}"),
            CaptureError::Nested { .. } => "compressed more than twice".to_owned(),
            _ => "no capture".to_owned(),
        }
    }
}
