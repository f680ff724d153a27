//! How a phone stands with one CallManager.

use std::net::IpAddr;

use crate::conversation::file::Why;
use crate::conversation::registration::Attempt;
use crate::conversation::{RetryCount, SeenAt};
use crate::diagnosis::{Confidence, RegistrationState};
use crate::phone::{ArpAsk, Phone};

/// How a phone stands with one CallManager.
#[derive(Clone, Debug)]
pub struct Contact<'a> {
    #[allow(missing_docs)]
    pub server: IpAddr,
    #[allow(missing_docs)]
    pub port: u16,
    #[allow(missing_docs)]
    pub state: RegistrationState,
    /// The attempt; `None` where only ARP asked for it.
    pub attempt: Option<&'a Attempt>,
    /// ARP questions that nobody answers.
    pub arp: Option<&'a ArpAsk>,
    /// SYNs of several attempts, none of them repeated within one, that nobody answers.
    pub silent: Option<RetryCount>,
    /// Requests for a token that it rejected, and granted none since the phone was registered last: too many to be a
    /// call for patience.
    pub tokens: Option<RetryCount>,
    /// Attempts there since the boot began.
    pub attempts: u32,
    /// How often it failed there since it was registered last, earlier boots included.
    pub failures: u32,
    /// The same since it was registered last with this one, whomever it was registered with meanwhile.
    pub failures_since_here: u32,
}

impl Contact<'_> {
    /// Confidence that it does not end well: certain once the phone came back and failed again. Before that it may yet
    /// register here, or with the next CallManager that it knows.
    pub fn confidence_in_failure(&self) -> Confidence {
        if self.failures >= 2 { Confidence::Certain } else { Confidence::Likely }
    }

    /// The same of a phone that is registered with somebody else: certain once it came back here for another try. Before
    /// that the server may be there again by now.
    pub fn confidence_beside(&self) -> Confidence {
        if self.failures_since_here >= 2 { Confidence::Certain } else { Confidence::Likely }
    }

    /// Reached, and not taken: rejected, closed, or a Register without answer.
    pub fn turned_away(&self) -> bool {
        match self.state {
            // Over TLS it is the certificates that did not fit: no load and no data base was looked at.
            _ if self.is_insecure() => false,
            // Nor does a wrong password, or an answer at a wrong port, speak against either.
            _ if self.attempt.is_some_and(|a| a.is_challenged() || a.astray().is_some()) => false,
            // Without a token it did not come to registering.
            RegistrationState::Rejected => self.tokens.is_none(),
            RegistrationState::Closed => true,
            RegistrationState::NoAnswer => self.attempt.is_some_and(|a| a.register.is_some()),
            _ => false,
        }
    }

    /// Whether it failed in the handshake of TLS.
    pub fn is_insecure(&self) -> bool {
        let undecided = matches!(self.state, RegistrationState::Closed | RegistrationState::NoAnswer);
        undecided && self.attempt.is_some_and(|a| a.connected.is_some() && a.has_handshake())
    }

    /// The SYNs, Registers or ARP questions that got no answer.
    pub fn tries(&self) -> Option<RetryCount> {
        self.silent.or(self.attempt.and_then(Attempt::unanswered_tries)).or(self.arp.map(|a| a.tries))
    }

    /// Why there is no answer.
    pub fn why(&self) -> Why {
        match (&self.attempt.and_then(|a| a.unreachable), self.arp) {
            (Some(unreachable), _) => unreachable.why,
            (None, Some(_)) => Why::Arp,
            _ => Why::Silent,
        }
    }

    /// The frame that shows how it ended: the rejection, the end of the connection, the Register without answer.
    pub fn answered_at(&self) -> SeenAt {
        let answer = |a: &Attempt| {
            let rejected = a.refusal().map(|r| r.seen_at);
            rejected.or(a.end.map(|e| e.seen_at)).or(a.register.map(|r| r.first))
        };
        self.tokens.map(|t| t.first).or(self.attempt.and_then(answer)).unwrap_or(self.seen_at())
    }

    /// The first frame of it.
    pub fn seen_at(&self) -> SeenAt {
        self.attempt.map(|a| a.syn.map_or(a.began, |s| s.first)).or(self.arp.map(|a| a.tries.first)).unwrap_or_default()
    }
}

/// So many rejected requests for a token in a row are no call for patience any more.
const TOKENS: u32 = 3;

/// The requests for a token that a CallManager rejected since the phone was registered last, where they are too many.
pub(super) fn tokens_rejected(phone: &Phone, server: IpAddr) -> Option<RetryCount> {
    let since = phone.counting_attempts().rev().map(|(_, a)| a).take_while(|a| !a.was_registered());
    let rejected = since.filter(|a| a.server == server).filter_map(|a| a.token_rejected);
    RetryCount::of_all(rejected).filter(|t| t.count >= TOKENS)
}
