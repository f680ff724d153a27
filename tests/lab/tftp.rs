//! TFTP as a 7960 speaks it: read requests without options, from a new port for each file. And a server that is silent.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use crate::support::tftp::{ack, read_request};

/// How long a phone waits before it asks again; much shorter than a real one.
const PATIENCE: Duration = Duration::from_millis(700);
/// How many times it asks.
const TRIES: usize = 3;
/// Longest file that it takes.
const LONGEST: usize = 16 << 20;
/// Longest time for one file.
const LIMIT: Duration = Duration::from_secs(30);
const BLOCK: usize = 512;

/// How a request for a file ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Served(Vec<u8>),
    /// Error 1 of RFC 1350.
    Missing,
    /// Another error, with its text.
    Refused(u16, String),
    NoAnswer,
    /// It began and did not end.
    Broken,
}

impl Outcome {
    /// The word of the report for it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Outcome::Served(_) => "served",
            Outcome::Missing => "missing",
            Outcome::Refused(..) => "refused",
            Outcome::NoAnswer => "no-answer",
            Outcome::Broken => "aborted",
        }
    }
}

/// Asks for a file.
///
/// # Errors
///
/// The machine gives no socket, or sends nothing.
pub(crate) fn get(server: Ipv4Addr, file: &str) -> Result<Outcome, String> {
    let said = |error: std::io::Error| format!("TFTP {server} {file}: {error}");
    let socket = UdpSocket::bind("0.0.0.0:0").map_err(said)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    let end = Instant::now() + LIMIT;
    let mut content: Vec<u8> = Vec::new();
    // The server answers from a port of its own, and from it alone (RFC 1350 section 4).
    let mut peer = None;
    let mut expected = 1u16;
    let mut last = read_request(file, &[]);
    let mut tries = 0;
    socket.send_to(&last, (server, 69)).map_err(said)?;
    let mut buffer = [0; 1500];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(_) => {
                tries += 1;
                if tries >= TRIES || Instant::now() >= end {
                    return Ok(if peer.is_some() { Outcome::Broken } else { Outcome::NoAnswer });
                }
                let to = peer.unwrap_or((server, 69).into());
                // A closed port is told by ICMP, to the next call on the socket: asking again is right then, too.
                let _ = socket.send_to(&last, to);
                continue;
            }
        };
        if Instant::now() >= end || from.ip() != server || peer.is_some_and(|peer| peer != from) {
            continue;
        }
        let word = |at: usize| buffer.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
        match (word(0), word(2)) {
            (Some(3), Some(block)) if length >= 4 => {
                peer = Some(from);
                if block == expected {
                    content.extend_from_slice(&buffer[4..length]);
                    expected = expected.wrapping_add(1);
                    tries = 0;
                }
                last = ack(block);
                socket.send_to(&last, from).map_err(said)?;
                if block.wrapping_add(1) == expected && length - 4 < BLOCK {
                    return Ok(Outcome::Served(content));
                }
                if content.len() > LONGEST {
                    return Ok(Outcome::Broken);
                }
            }
            (Some(5), Some(1)) => return Ok(Outcome::Missing),
            (Some(5), Some(code)) => {
                let text = buffer[4..length].split(|b| *b == 0).next().unwrap_or_default();
                return Ok(Outcome::Refused(code, String::from_utf8_lossy(text).into_owned()));
            }
            _ => {}
        }
    }
}

/// Asks for a file and says what came.
///
/// # Errors
///
/// See [`get`]; and where the file was not served.
pub(crate) fn get_and_say(server: Ipv4Addr, file: &str) -> Result<(), String> {
    match get(server, file)? {
        Outcome::Served(content) => {
            println!("{file}: {} octets", content.len());
            Ok(())
        }
        other => Err(format!("{file}: {}", other.word())),
    }
}

/// Holds the TFTP port and answers nothing.
///
/// # Errors
///
/// The port is taken.
pub(crate) fn be_silent() -> Result<(), String> {
    let socket = UdpSocket::bind("0.0.0.0:69").map_err(|error| format!("port 69: {error}"))?;
    let mut buffer = [0; 1500];
    loop {
        socket.recv_from(&mut buffer).map_err(|error| format!("port 69: {error}"))?;
    }
}
