//! One TFTP read, the client's side (RFC 1350, 2347, 2349), without input and output: datagrams and time in,
//! datagrams out.
//!
//! Drive it like this: send what [`Transfer::poll_transmit`] gives; wait for a datagram until
//! [`Transfer::poll_timeout`]; tell it the datagram or the time; until [`Transfer::outcome`] is there. Then send what
//! is left to send.
//!
//! The server is not trusted:
//! * The first right answer tells its port (its TID); one from another address is refused with error 5, and reported.
//! * A block is acknowledged once. Duplicates and blocks out of order are left alone, and the last acknowledgement is
//!   sent again only by the clock, so no server can be driven to send twice for ever (RFC 1123, section 4.2.3.1).
//! * The clock runs against progress, not against datagrams: noise does not prolong a transfer.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Answer, FileName, Unreachable, Want};
use crate::types::WireText;
use crate::wire::tftp::{self, Op};

/// Bytes of a block (RFC 1350); the option to change it is not used.
pub const BLOCK: usize = 512;
/// Most ports of others that are answered and remembered.
const MAX_OTHERS: usize = 8;
/// Longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// When to try again, and when to give up.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Patience {
    /// Before the second try; doubled with every further one, up to 8 s.
    pub first_wait: Duration,
    /// How often the same packet is sent.
    pub tries: u32,
    /// For the whole transfer.
    pub whole: Duration,
}

/// A datagram to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit {
    #[allow(missing_docs)]
    pub to: SocketAddr,
    /// UDP payload.
    pub octets: Vec<u8>,
}

/// One read of one file.
#[derive(Debug)]
pub struct Transfer {
    server: SocketAddr,
    file: FileName,
    want: Want,
    patience: Patience,
    /// Time at which it began: all times count from the caller's own zero.
    began: Duration,
    /// When the last packet is sent again.
    again_at: Duration,
    wait: Duration,
    /// How often the last packet was sent.
    sent: u32,
    /// The server's address and port for this transfer, once it answered.
    peer: Option<SocketAddr>,
    /// The block that is acknowledged; 0: none.
    block: u16,
    octets: Vec<u8>,
    /// Who else sent something: other addresses, and other ports of the server.
    others: Vec<SocketAddr>,
    /// Whether the requests still ask for the length.
    ask_length: bool,
    out: VecDeque<Transmit>,
    outcome: Option<Answer>,
}

const ERROR_UNDEFINED: u16 = 0;
const ERROR_NOT_FOUND: u16 = 1;
const ERROR_ALLOCATION: u16 = 3;
const ERROR_ILLEGAL: u16 = 4;
const ERROR_UNKNOWN_TID: u16 = 5;
const ERROR_OPTION: u16 = 8;

impl Transfer {
    /// Asks `server` for a file, at the time `now`.
    pub fn new(server: SocketAddr, file: FileName, want: Want, patience: Patience, now: Duration) -> Transfer {
        let mut transfer = Transfer {
            server,
            file,
            want,
            patience,
            began: now,
            again_at: now,
            wait: patience.first_wait,
            sent: 0,
            peer: None,
            block: 0,
            octets: Vec::new(),
            others: Vec::new(),
            // A phone asks for its configuration without options; so do we, to be answered as it is.
            ask_length: want == Want::Presence,
            out: VecDeque::new(),
            outcome: None,
        };
        transfer.send_again(now);
        transfer
    }

    /// How it ended; `None`: it goes on.
    pub fn outcome(&self) -> Option<&Answer> {
        self.outcome.as_ref()
    }

    /// How it ended, and which other addresses answered (at most 8). What goes on is broken off without a word.
    pub fn into_outcome(self) -> (Answer, Vec<SocketAddr>) {
        let answer = self.outcome.unwrap_or(Answer::Stalled { octets: self.octets.len() as u64 });
        // The server itself may answer a repeated request from a second port: that is no stranger.
        let strangers = self.others.into_iter().filter(|from| from.ip() != self.server.ip()).collect();
        (answer, strangers)
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called at the latest.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let deadline = self.began.saturating_add(self.patience.whole);
        self.outcome.is_none().then(|| self.again_at.min(deadline))
    }

    /// Time passes.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.outcome.is_some() {
            return;
        }
        let octets = self.octets.len() as u64;
        if now >= self.began.saturating_add(self.patience.whole) {
            self.give_up(Answer::TooSlow { octets });
        } else if now >= self.again_at {
            if self.sent >= self.patience.tries {
                let answer =
                    if self.peer.is_some() { Answer::Stalled { octets } } else { Answer::Silent { tries: self.sent } };
                self.give_up(answer);
            } else {
                self.send_again(now);
            }
        }
    }

    /// The network says that `to` can not be reached.
    pub fn handle_unreachable(&mut self, to: SocketAddr, why: Unreachable) {
        // What is said about a stranger, to whom an error went, says nothing about the server.
        let about = self.peer.unwrap_or(self.server);
        // Of a link-local address the network does not always say on which interface.
        if self.outcome.is_none() && (to.ip(), to.port()) == (about.ip(), about.port()) {
            let octets = self.octets.len() as u64;
            self.outcome =
                Some(if self.peer.is_some() { Answer::Stalled { octets } } else { Answer::Unreachable(why) });
        }
    }

    /// A datagram came.
    pub fn handle_datagram(&mut self, now: Duration, from: SocketAddr, payload: &[u8]) {
        if self.outcome.is_some() {
            return;
        }
        if from.ip() != self.server.ip() || self.peer.is_some_and(|peer| peer != from) {
            self.turn_away(from, payload);
            return;
        }
        let Some((op, rest)) = tftp::operation(payload) else { return };
        match op {
            Op::Data => self.handle_data(now, from, rest),
            Op::Oack => self.handle_options(from, payload),
            Op::Error => self.handle_error(now, payload),
            // Nobody asks or acknowledges here.
            Op::Rrq | Op::Wrq | Op::Ack => {}
        }
    }

    fn handle_data(&mut self, now: Duration, from: SocketAddr, rest: &[u8]) {
        let Some((number, data)) = rest.split_first_chunk::<2>() else { return };
        if u16::from_be_bytes(*number) != self.block.wrapping_add(1) {
            return;
        }
        self.peer = Some(from);
        if data.len() > BLOCK {
            self.refuse(ERROR_ILLEGAL, "block too long");
            self.outcome =
                Some(Answer::Broken(format!("a block of {} octets, where {BLOCK} are the most", data.len())));
            return;
        }
        let last = data.len() < BLOCK;
        if self.want == Want::Presence {
            // The first block is enough, and of a short file it is all.
            if last {
                self.acknowledge(from, 1);
            } else {
                self.refuse(ERROR_UNDEFINED, "enough");
            }
            self.outcome = Some(Answer::There { length: last.then_some(data.len() as u64) });
            return;
        }
        let Want::Whole(limit) = self.want else { return };
        if self.octets.len().saturating_add(data.len()) > limit {
            self.refuse(ERROR_ALLOCATION, "too long");
            self.outcome = Some(Answer::TooLong { limit: limit as u64 });
            return;
        }
        self.octets.extend_from_slice(data);
        self.block = self.block.wrapping_add(1);
        self.acknowledge(from, self.block);
        self.sent = 1;
        self.wait = self.patience.first_wait;
        self.again_at = now.saturating_add(self.wait);
        if last {
            self.outcome = Some(Answer::Whole(std::mem::take(&mut self.octets)));
        }
    }

    fn handle_options(&mut self, from: SocketAddr, payload: &[u8]) {
        if self.peer.is_some() {
            return;
        }
        self.peer = Some(from);
        let options = tftp::parse(payload, payload.len()).map(|(packet, _)| packet.options).unwrap_or_default();
        // Options that were not asked for change how a transfer is read: RFC 2347 says to end it.
        if self.want != Want::Presence || options.keys().any(|name| name.raw() != "tsize") {
            self.refuse(ERROR_OPTION, "not asked for");
            self.outcome = Some(Answer::Broken("the server agrees to options that it was not asked for".to_owned()));
            return;
        }
        let length = options.values().next().and_then(|value| value.raw().trim().parse().ok());
        self.refuse(ERROR_UNDEFINED, "enough");
        self.outcome = Some(Answer::There { length });
    }

    fn handle_error(&mut self, now: Duration, payload: &[u8]) {
        let Some((packet, _)) = tftp::parse(payload, payload.len()) else { return };
        let Some(code) = packet.error_code else { return };
        // A server that does not like options: asked again without them.
        if self.ask_length && self.peer.is_none() && matches!(code, ERROR_ILLEGAL | ERROR_OPTION) {
            self.ask_length = false;
            self.sent = 0;
            self.send_again(now);
            return;
        }
        let text = packet.error_text.unwrap_or_else(WireText::default);
        self.outcome = Some(match code {
            ERROR_NOT_FOUND if self.peer.is_none() => Answer::Missing(text),
            _ => Answer::Refused(code, text),
        });
    }

    /// RFC 1350, section 4: a datagram from somewhere else is told so, and changes nothing here.
    fn turn_away(&mut self, from: SocketAddr, payload: &[u8]) {
        if self.others.len() >= MAX_OTHERS || self.others.contains(&from) {
            return;
        }
        self.others.push(from);
        // An error is never answered with an error.
        if tftp::operation(payload).is_some_and(|(op, _)| op != Op::Error) {
            self.out.push_back(Transmit { to: from, octets: error(ERROR_UNKNOWN_TID, "unknown transfer ID") });
        }
    }

    fn send_again(&mut self, now: Duration) {
        if self.sent > 0 {
            self.wait = self.wait.saturating_mul(2).min(LONGEST_WAIT);
        } else {
            self.wait = self.patience.first_wait;
        }
        self.sent += 1;
        self.again_at = now.saturating_add(self.wait);
        match self.peer {
            Some(peer) => self.acknowledge(peer, self.block),
            None => {
                // A server that drops what it does not understand gets the plain request in the end.
                self.ask_length &= self.sent < self.patience.tries.max(2);
                let octets = self.request();
                self.out.push_back(Transmit { to: self.server, octets });
            }
        }
    }

    fn request(&self) -> Vec<u8> {
        let mut octets = vec![0, 1];
        octets.extend_from_slice(self.file.as_str().as_bytes());
        octets.extend_from_slice(b"\0octet\0");
        if self.ask_length {
            octets.extend_from_slice(b"tsize\x000\0");
        }
        octets
    }

    fn acknowledge(&mut self, to: SocketAddr, block: u16) {
        let [high, low] = block.to_be_bytes();
        self.out.push_back(Transmit { to, octets: vec![0, 4, high, low] });
    }

    fn refuse(&mut self, code: u16, text: &str) {
        if let Some(to) = self.peer {
            self.out.push_back(Transmit { to, octets: error(code, text) });
        }
    }

    fn give_up(&mut self, answer: Answer) {
        self.refuse(ERROR_UNDEFINED, "given up");
        self.outcome = Some(answer);
    }
}

fn error(code: u16, text: &str) -> Vec<u8> {
    let mut octets = vec![0, 5];
    octets.extend_from_slice(&code.to_be_bytes());
    octets.extend_from_slice(text.as_bytes());
    octets.push(0);
    octets
}

#[cfg(test)]
mod tests;
