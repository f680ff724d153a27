//! SCCP messages over a connection, for both ends of it.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longest message that is believed.
const LONGEST: usize = 4096;
/// Length, version and id.
const HEADER: usize = 12;

/// A message: its id, and what follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Message {
    pub(crate) id: u32,
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// A text field of the payload, up to its first NUL; `None`: the message is too short for it, or it is empty.
    pub(crate) fn text(&self, start: usize, length: usize) -> Option<String> {
        let field = self.payload.get(start..start + length)?;
        let text = field.split(|b| *b == 0).next().unwrap_or_default();
        (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Messages {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Messages {
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) fn new(stream: TcpStream) -> Result<Messages, Error> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(Duration::from_secs(2)))?;
        Ok(Messages { stream, received: Vec::new() })
    }

    /// Sends messages, in one segment.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) fn send(&mut self, messages: &[Vec<u8>]) -> Result<(), Error> {
        self.stream.write_all(&messages.concat())
    }

    /// The next message; `None`: the other end closed the connection.
    ///
    /// # Errors
    ///
    /// `TimedOut` when there is none until `end`; else what broke the connection.
    pub(crate) fn next(&mut self, end: Instant) -> Result<Option<Message>, Error> {
        loop {
            if let Some(message) = self.whole()? {
                return Ok(Some(message));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut buffer = [0; 2048];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => self.received.extend_from_slice(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn whole(&mut self) -> Result<Option<Message>, Error> {
        let word = |at: usize| self.received.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let (Some(length), Some(id)) = (word(0), word(8)) else { return Ok(None) };
        // The length counts from the id on.
        let length = length as usize + HEADER - 4;
        if !(HEADER..=LONGEST).contains(&length) {
            return Err(ErrorKind::InvalidData.into());
        }
        if self.received.len() < length {
            return Ok(None);
        }
        let payload = self.received[HEADER..length].to_vec();
        self.received.drain(..length);
        Ok(Some(Message { id, payload }))
    }

    /// Lets the connection end with a reset when it is dropped.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub(crate) fn end_with_a_reset(&self) -> Result<(), Error> {
        Ok(rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO))?)
    }

    /// Reads away what arrives within a short time: unread octets make the end of a connection a reset.
    pub(crate) fn drain(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(Some(_)) = self.next(end) {}
    }
}
