//! What SIP adds to a registration (RFC 3261): which answer belongs to which request, challenges, probes of a standby
//! registrar, and answers that go to a port where the phone does not listen.

use std::time::Duration;

use super::{Attempt, Rejection};
use crate::conversation::{RetryCount, SeenAt};
use crate::diagnosis::RegistrationState;
use crate::types::{Timestamp, WireText};
use crate::wire::sip::Message;

/// Requests that an answer may still come to, at most.
const TRANSACTIONS: usize = 8;
/// T1: a phone that has its answer acts sooner, one that has none sends its request again after it (RFC 3261 17.1.2.2).
const T1: Duration = Duration::from_millis(500);
/// Who registers anew within this time after an answer did not hear it; later it may be a renewal.
const RENEWAL: Duration = Duration::from_secs(40);
/// Challenges in a row that are a refusal: the first asks for the password, the second may have renewed the nonce.
const CHALLENGES: u32 = 3;
/// A phone that is challenged sends its password at once: where nothing came of it by now, nothing will.
const SETTLED: Duration = Duration::from_secs(10);

/// What SIP shows of a registration.
#[derive(Clone, Default, Debug, serde::Serialize, serde::Deserialize)]
pub struct SipRegistration {
    /// The requests, the latest last.
    transactions: Vec<Transaction>,
    /// Call-ID of the latest answer to a request that the capture lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unasked: Option<WireText>,
    /// It has asked to be registered: it does not only probe.
    asks: bool,
    /// Challenges (401, 407) since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// REGISTERs since the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<RetryCount>,
    /// Final errors since the last success.
    pub refusals: u32,
    /// REGISTERs with Expires 0 of a phone that is not registered there: it probes a standby registrar (SRST).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<RetryCount>,
    /// The first final error to a probe, until one is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_refused: Option<Rejection>,
    /// Answers to another port than the phone names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub astray: Option<Astray>,
}

/// One request, found again by its answer.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Transaction {
    call_id: Option<WireText>,
    cseq: Option<u32>,
    /// Expires 0 without a registration.
    is_probe: bool,
    credentials: bool,
    sport: u16,
    /// Where its answers belong; `None`: its header does not say, or it goes over a connection.
    expected: Option<u16>,
    rport: bool,
    /// The last answer to it that says something, and whether that went astray.
    answered: Option<SeenAt>,
    astray: bool,
}

/// Challenges without a success.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Challenge {
    /// How many.
    pub count: u32,
    /// Those that answered a REGISTER with credentials.
    pub with_credentials: u32,
    /// The first.
    pub first: SeenAt,
    /// The latest, and its status and phrase.
    pub latest: Rejection,
}

/// Answers to another port than the Via names.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Astray {
    /// The first of them.
    pub first: SeenAt,
    /// Their port.
    pub answered_to: u16,
    /// That of the Via.
    pub expected: u16,
    /// How many.
    pub answers: u32,
    /// Requests that the phone repeated as though no answer had come, and the first of them.
    pub repeated: Option<RetryCount>,
    /// The phone acted on one: it listens there too.
    pub heard: bool,
}

impl Astray {
    /// Whether the phone goes on as though there were no answers.
    pub fn is_unheard(&self) -> bool {
        !self.heard && self.repeated.is_some()
    }
}

impl SipRegistration {
    /// Whether a request of this dialogue is among the last ones; `cseq`: that very request.
    pub fn knows(&self, call_id: &WireText, cseq: Option<u32>) -> bool {
        let is_it = |t: &Transaction| t.call_id.as_ref() == Some(call_id) && (cseq.is_none() || t.cseq == cseq);
        self.transactions.iter().any(is_it) || (cseq.is_none() && self.unasked.as_ref() == Some(call_id))
    }

    fn transaction(&mut self, message: &Message) -> Option<&mut Transaction> {
        let is_it = |t: &&mut Transaction| t.call_id == message.call_id && t.cseq == message.cseq;
        self.transactions.iter_mut().rev().find(is_it)
    }

    /// The phone goes on after an answer that went astray: did it hear it?
    fn judge_hearing(&mut self, message: &Message, seen_at: SeenAt, is_new: bool) {
        let Some(astray) = &mut self.astray else { return };
        let last = self.transactions.iter().rev().find(|t| t.answered.is_some() && t.astray);
        let Some(answered) = last.and_then(|t| t.answered) else { return };
        let waited = seen_at.time.since(answered.time);
        if is_new && (message.authorization || waited < T1) {
            astray.heard = true;
        } else if !is_new || waited < RENEWAL {
            match &mut astray.repeated {
                Some(tries) => tries.again(seen_at),
                None => astray.repeated = Some(RetryCount::new(seen_at)),
            }
        }
    }

    fn observe_request(&mut self, message: &Message, seen_at: SeenAt, sport: u16, is_probe: bool) {
        let is_new = message.call_id.is_none() || self.transaction(message).is_none();
        self.judge_hearing(message, seen_at, is_new);
        let is_udp = message.transport.as_ref().is_some_and(|t| t.raw() == "UDP");
        self.asks |= !is_probe;
        if is_new {
            if self.transactions.len() >= TRANSACTIONS {
                self.transactions.remove(0);
            }
            self.transactions.push(Transaction {
                call_id: message.call_id.clone(),
                cseq: message.cseq,
                is_probe,
                credentials: message.authorization,
                sport,
                expected: message.via_host.as_ref().filter(|_| is_udp).map(|_| message.via_port.unwrap_or(5060)),
                rport: message.via_rport,
                answered: None,
                astray: false,
            });
        }
        let tries = if is_probe { &mut self.probe } else { &mut self.open };
        match tries {
            Some(tries) => tries.again(seen_at),
            None => *tries = Some(RetryCount::new(seen_at)),
        }
    }

    /// Notes an answer and where it went. Returns whether it answers a probe, and whether credentials were sent.
    fn observe_answer(&mut self, message: &Message, seen_at: SeenAt, dport: u16) -> (bool, bool) {
        let only_probes = self.is_probe();
        // The capture lacks the request: it was what all others are.
        let Some(transaction) = self.transaction(message) else {
            self.unasked.clone_from(&message.call_id);
            return (only_probes, false);
        };
        let (is_probe, credentials) = (transaction.is_probe, transaction.credentials);
        if !is_provisional(message) {
            transaction.answered = Some(seen_at);
        }
        let Some(expected) = transaction.expected else { return (is_probe, credentials) };
        transaction.astray = dport != expected && !(transaction.rport && dport == transaction.sport);
        if !transaction.astray {
            self.astray = None;
        } else if !is_provisional(message) {
            let new = Astray { first: seen_at, answered_to: dport, expected, answers: 0, repeated: None, heard: false };
            let astray = self.astray.get_or_insert(new);
            astray.answers = astray.answers.saturating_add(1);
            astray.answered_to = dport;
        }
        (is_probe, credentials)
    }

    /// Whether it does nothing but probe a standby registrar.
    fn is_probe(&self) -> bool {
        self.probe.is_some() && !self.asks
    }
}

fn is_provisional(message: &Message) -> bool {
    message.status.is_some_and(|status| status < 200)
}

impl Attempt {
    /// Observes a REGISTER.
    pub fn observe_sip_request(&mut self, message: &Message, seen_at: SeenAt, sport: u16) {
        self.last = self.last.max(seen_at);
        // Where a request is cut its answer is too, and not known for one.
        self.gap |= message.cut;
        if self.name.is_none() {
            self.name = message.device.clone();
        }
        let leaves = message.expires == Some(0);
        if leaves && self.registered.is_some() {
            self.unregistered = Some(seen_at);
        }
        let sip = self.sip.get_or_insert_default();
        sip.observe_request(message, seen_at, sport, leaves);
        if leaves {
            // An answer before the first request that the capture holds was to such a request.
            if sip.is_probe() && self.registered.is_none() && self.register.is_none() {
                sip.probe_refused = sip.probe_refused.take().or(self.rejected.take());
            }
            return;
        }
        match &mut self.register {
            Some(tries) => tries.again(seen_at),
            None => self.register = Some(RetryCount::new(seen_at)),
        }
    }

    /// Observes an answer to a REGISTER.
    pub fn observe_sip_answer(&mut self, message: &Message, seen_at: SeenAt, dport: u16) {
        self.last = self.last.max(seen_at);
        self.server_seen = true;
        self.connected.get_or_insert(seen_at);
        let sip = self.sip.get_or_insert_default();
        let (is_probe, credentials) = sip.observe_answer(message, seen_at, dport);
        let Some(status) = message.status.filter(|status| *status >= 200) else { return };
        if is_probe {
            match status {
                200..=299 => sip.probe_refused = None,
                401 | 407 => {}
                _ if self.unregistered.is_some() => {}
                _ => _ = sip.probe_refused.get_or_insert_with(|| refusal(message, seen_at)),
            }
            return;
        }
        sip.open = None;
        match status {
            200..=299 => {
                (sip.challenge, sip.refusals) = (None, 0);
                // What came before is over, and what comes after it counts.
                if self.registered.is_none() || self.rejected.is_some() || self.unregistered.is_some() {
                    self.registered = Some(seen_at);
                }
                self.unregistered = None;
            }
            401 | 407 => {
                let latest = refusal(message, seen_at);
                let new = Challenge { count: 0, with_credentials: 0, first: seen_at, latest: latest.clone() };
                let challenge = sip.challenge.get_or_insert(new);
                challenge.count = challenge.count.saturating_add(1);
                challenge.with_credentials = challenge.with_credentials.saturating_add(u32::from(credentials));
                challenge.latest = latest.clone();
                if challenge.count >= CHALLENGES {
                    self.rejected = Some(latest);
                }
            }
            // The phone asks for a longer time at once.
            423 => {}
            _ => {
                sip.refusals = sip.refusals.saturating_add(1);
                self.rejected = Some(refusal(message, seen_at));
            }
        }
    }

    /// The answers that the phone does not hear, because they go to another port than it names. A final refusal is
    /// told as that, unless the phone repeats the very request that was refused.
    pub fn astray(&self) -> Option<&Astray> {
        self.sip.as_ref()?.astray.as_ref().filter(|a| a.is_unheard())
    }

    /// Why it is turned away: the rejection, or the challenges that nothing came of.
    pub fn refusal(&self) -> Option<&Rejection> {
        let challenge = self.sip.as_ref().and_then(|s| s.challenge.as_ref());
        self.rejected.as_ref().or(challenge.map(|c| &c.latest))
    }

    /// Whether it was asked for a password, and nothing came of it.
    pub fn is_challenged(&self) -> bool {
        self.sip.as_ref().is_some_and(|s| s.challenge.is_some())
    }

    /// Whether it was asked for a password and was not seen to send one.
    pub fn is_only_asked(&self) -> bool {
        let challenge = self.sip.as_ref().and_then(|s| s.challenge.as_ref());
        challenge.is_some_and(|c| c.with_credentials == 0)
    }

    /// The Registers or SYNs that got no answer; of REGISTERs over SIP those since the last answer.
    pub fn unanswered_tries(&self) -> Option<RetryCount> {
        let open = self.sip.as_ref().and_then(|s| s.open);
        open.or(self.register).or(self.syn)
    }

    /// How often it was turned away.
    pub fn refusals(&self) -> u32 {
        let sip = self.sip.as_deref();
        let challenged = sip.and_then(|s| s.challenge.as_ref()).map_or(0, |c| c.count.div_ceil(CHALLENGES));
        sip.map_or(0, |s| s.refusals).saturating_add(challenged).max(1)
    }

    /// Whether it only probes a standby registrar (SRST): no try to register.
    pub fn is_probe(&self) -> bool {
        self.register.is_none() && self.registered.is_none() && self.sip.as_ref().is_some_and(|s| s.is_probe())
    }

    /// How it stands by SIP's own rules, where they say it; `None`: what holds for every protocol holds here.
    pub(super) fn sip_state(&self, now: Timestamp, blind: bool, moved_on: bool) -> Option<RegistrationState> {
        use RegistrationState as S;
        let sip = self.sip.as_deref()?;
        if self.astray().is_some() {
            return Some(S::NoAnswer);
        }
        if self.registered.is_some() || self.rejected.is_some() || self.gap || blind {
            return None;
        }
        let silent = sip.open.is_some_and(|open| open.unanswered(now, SETTLED));
        if let Some(challenge) = &sip.challenge {
            let is_over = moved_on || silent || now.since(challenge.latest.seen_at.time) >= SETTLED;
            return Some(if is_over { S::Rejected } else { S::NotSeen });
        }
        // Over UDP there is no connection to prove that anybody is there.
        let unheard = self.connected.is_none() && self.syn.is_none() && self.unreachable.is_none();
        // A request that nobody answers is sent again (RFC 3261 section 17.1.2.2): where it was not, the capture lacks the answer.
        let repeated = sip.open.is_some_and(|open| open.count > 1);
        (unheard && repeated && (silent || moved_on)).then_some(S::NoAnswer)
    }
}

/// Status and phrase, and what the server says besides (Reason, Warning).
fn refusal(message: &Message, seen_at: SeenAt) -> Rejection {
    let status = message.status.unwrap_or_default();
    let phrase = message.phrase.as_ref().map(WireText::raw).unwrap_or_default();
    let mut text = format!("{status} {phrase}").trim().to_owned();
    for said in [&message.reason, &message.warning].into_iter().flatten() {
        if !said.is_empty() && !text.contains(said.raw()) {
            text = format!("{text}: {}", said.raw());
        }
    }
    Rejection { seen_at, text: WireText::from(text.as_str()), meaning: None }
}
