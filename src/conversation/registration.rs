//! One registration attempt: one TCP connection of a phone to a CallManager (SCCP reference, section 5).

pub mod sip;

use std::net::IpAddr;
use std::time::Duration;

use self::sip::SipRegistration;
use super::file::{Unreachable, Why};
use super::{RetryCount, SeenAt};
use crate::diagnosis::RegistrationState;
use crate::event::{TcpEvent, TcpFlags};
use crate::types::{Mac, WireText};
use crate::wire::{sccp, tls};

/// Message ids that matter here.
#[allow(missing_docs)]
pub mod id {
    pub const KEEP_ALIVE: u32 = 0x0000;
    pub const REGISTER: u32 = 0x0001;
    pub const IP_PORT: u32 = 0x0002;
    pub const ALARM: u32 = 0x0020;
    pub const UNREGISTER: u32 = 0x0027;
    pub const TOKEN_REQUEST: u32 = 0x0029;
    pub const REGISTER_ACK: u32 = 0x0081;
    pub const VERSION_RES: u32 = 0x0098;
    pub const REGISTER_REJECT: u32 = 0x009d;
    pub const RESET: u32 = 0x009f;
    pub const KEEP_ALIVE_ACK: u32 = 0x0100;
    pub const UNREGISTER_ACK: u32 = 0x0118;
    pub const TOKEN_ACK: u32 = 0x011a;
    pub const TOKEN_REJECT: u32 = 0x011b;
    pub const XML_ALARM: u32 = 0x015a;
    pub const SPCP_TOKEN_REQUEST: u32 = 0x8000;
    pub const SPCP_TOKEN_ACK: u32 = 0x8100;
    pub const SPCP_TOKEN_REJECT: u32 = 0x8101;
}

/// Who ended the connection, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum End {
    ServerFin,
    ServerRst,
    PhoneFin,
    PhoneRst,
}

impl End {
    /// Whether the CallManager ended it.
    pub fn by_server(self) -> bool {
        matches!(self, End::ServerFin | End::ServerRst)
    }
}

/// How the phone registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum Protocol {
    Sccp,
    Sccps,
    Sip,
}

impl Protocol {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Sccp => "sccp",
            Protocol::Sccps => "sccps",
            Protocol::Sip => "sip",
        }
    }

    /// What a CallManager's port is for.
    pub fn of_port(port: u16) -> Option<Protocol> {
        match port {
            2000 => Some(Protocol::Sccp),
            2443 => Some(Protocol::Sccps),
            5060 | 5061 => Some(Protocol::Sip),
            _ => None,
        }
    }
}

/// A CallManager rejects the registration.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Rejection {
    /// Where.
    pub seen_at: SeenAt,
    /// As it says.
    pub text: WireText,
    /// What its prompt tokens mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<WireText>,
}

/// A CallManager orders the phone to reset.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct ResetOrder {
    /// Where.
    pub seen_at: SeenAt,
    /// Its type; 0 where the capture cut it off.
    pub kind: u32,
}

/// The load that a CallManager specifies (VersionRes).
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct WantedLoad {
    /// Where.
    pub seen_at: SeenAt,
    /// As the wire spells it.
    pub load: WireText,
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Ending {
    /// Where.
    pub seen_at: SeenAt,
    /// Who ended it, and how.
    pub how: End,
}

/// A fatal alert of TLS.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct FatalAlert {
    /// Where.
    pub seen_at: SeenAt,
    /// In the words of RFC 8446 section 6: `unknown_ca`.
    pub text: WireText,
    /// Whether the phone sent it.
    pub by_phone: bool,
}

/// What TLS shows of a connection before all is sealed.
#[derive(Clone, Default, Debug, serde::Serialize, serde::Deserialize)]
pub struct Handshake {
    /// ClientHello.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<SeenAt>,
    /// First message of the server: its ServerHello, its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<SeenAt>,
    /// First sealed message of the phone, and of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_sealed: Option<SeenAt>,
    #[allow(missing_docs)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_sealed: Option<SeenAt>,
    /// The first fatal alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<FatalAlert>,
    /// The capture cut off what the server said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// How far a secure connection came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecureStage {
    /// Nothing of the server, or its refusal, after the ClientHello.
    Hello,
    /// Between the server's certificate and the first sealed message.
    Certificate,
    /// After it.
    Session,
}

impl SecureStage {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            SecureStage::Hello => "hello",
            SecureStage::Certificate => "certificate",
            SecureStage::Session => "session",
        }
    }
}

/// A secure connection that came to nothing.
#[derive(Clone, Debug)]
pub struct SecureFailure {
    /// The alert, the end, or the ClientHello that nobody answers.
    pub seen_at: SeenAt,
    #[allow(missing_docs)]
    pub stage: SecureStage,
    /// Whether the phone broke it off; otherwise the CallManager, also by its silence.
    pub by_phone: bool,
    /// The alert that says why.
    pub alert: Option<WireText>,
    /// Nobody answered the ClientHello.
    pub silent: bool,
}

/// One attempt.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Attempt {
    /// The CallManager.
    pub server: IpAddr,
    /// Its port.
    pub port: u16,
    /// The phone's address, and its port.
    pub client: IpAddr,
    #[allow(missing_docs)]
    pub client_port: u16,
    /// The MAC that the phone's packets came from: its own, or that of a router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_mac: Option<Mac>,
    /// The name under which it registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<WireText>,
    /// Latest packet of the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoke: Option<SeenAt>,
    /// How.
    pub protocol: Protocol,
    /// First packet of it.
    pub began: SeenAt,
    /// Latest packet of it.
    pub last: SeenAt,
    /// SYNs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syn: Option<RetryCount>,
    /// SYN-ACK, or the first packet that proves one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<SeenAt>,
    /// ICMP that quotes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Unreachable>,
    /// Alarm before Register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<SeenAt>,
    /// Why the phone comes, as that alarm says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<WireText>,
    /// Register (or REGISTER), and its repetitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<RetryCount>,
    /// RegisterAck; or the first message that only a registered phone sends or gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<SeenAt>,
    /// RegisterReject, or a final SIP error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejection>,
    /// Unregister.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unregistered: Option<SeenAt>,
    /// KeepAlives of the phone.
    pub keepalives: u32,
    /// Their answers.
    pub keepalive_acks: u32,
    /// KeepAlives since the last answer.
    pub keepalives_open: u32,
    /// First and latest of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive: Option<SeenAt>,
    /// Reset ordered by the CallManager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<ResetOrder>,
    /// Requests for a token that were rejected: the phone is asked to wait, and not refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_rejected: Option<RetryCount>,
    /// The load that the CallManager wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<WantedLoad>,
    /// The end of the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Ending>,
    /// Bytes of either side are missing from the capture.
    pub gap: bool,
    /// Something that the CallManager said was cut away by the snap length, here first: its answer may be in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<SeenAt>,
    /// Media channels were opened or closed on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub media: bool,
    /// Keys, lamps, display, lines or calls: only a telephone has them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub telephone: bool,
    /// Any packet of the CallManager was captured.
    pub server_seen: bool,
    /// The CallManager said something inside TLS: whether it took the phone is not to be seen.
    pub sealed: bool,
    /// What TLS shows of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Box<Handshake>>,
    /// What SIP shows of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip: Option<Box<SipRegistration>>,
}

impl Attempt {
    /// A connection begins, with a SYN or in its middle.
    pub fn new(
        (server, port): (IpAddr, u16),
        (client, client_port): (IpAddr, u16),
        protocol: Protocol,
        seen_at: SeenAt,
    ) -> Attempt {
        Attempt {
            server,
            port,
            client,
            client_port,
            client_mac: None,
            name: None,
            spoke: None,
            protocol,
            began: seen_at,
            last: seen_at,
            syn: None,
            connected: None,
            unreachable: None,
            alarm: None,
            reason: None,
            register: None,
            registered: None,
            rejected: None,
            unregistered: None,
            keepalives: 0,
            keepalive_acks: 0,
            keepalives_open: 0,
            keepalive: None,
            reset: None,
            token_rejected: None,
            wanted: None,
            end: None,
            gap: false,
            cut: None,
            media: false,
            telephone: false,
            server_seen: false,
            sealed: false,
            handshake: None,
            sip: None,
        }
    }

    /// Whether it goes over TLS.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.port, 2443 | 5061)
    }

    /// Observes what a segment does to the connection.
    pub fn observe_tcp(&mut self, tcp: &TcpEvent, seen_at: SeenAt, from_phone: bool) {
        self.last = self.last.max(seen_at);
        self.server_seen |= !from_phone;
        let end = match (tcp.flags, from_phone) {
            (TcpFlags::Syn, true) => {
                match &mut self.syn {
                    Some(tries) => tries.again(seen_at),
                    None => self.syn = Some(RetryCount::new(seen_at)),
                }
                return;
            }
            (TcpFlags::Syn, false) => return,
            (TcpFlags::SynAck | TcpFlags::AckUnseen | TcpFlags::Data, _) => {
                self.gap |= tcp.flags == TcpFlags::AckUnseen;
                if tcp.cut > 0 && !from_phone {
                    self.cut.get_or_insert(seen_at);
                }
                let sealed = tcp.tls.as_ref().is_some_and(|t| t.message == tls::Kind::ApplicationData);
                self.sealed |= sealed && !from_phone;
                if self.is_encrypted() {
                    self.observe_tls(tcp, seen_at, from_phone);
                }
                self.connected.get_or_insert(seen_at);
                return;
            }
            (TcpFlags::Fin, true) => End::PhoneFin,
            (TcpFlags::Fin, false) => End::ServerFin,
            (TcpFlags::Rst, true) => End::PhoneRst,
            (TcpFlags::Rst, false) => End::ServerRst,
        };
        // Only SYNs so far and a FIN: it was connected, though nothing shows how.
        if tcp.flags == TcpFlags::Fin {
            self.connected.get_or_insert(seen_at);
        }
        self.end.get_or_insert(Ending { seen_at, how: end });
    }

    fn observe_tls(&mut self, tcp: &TcpEvent, seen_at: SeenAt, from_phone: bool) {
        if tcp.tls.is_none() && tcp.cut == 0 {
            return;
        }
        let shown = self.handshake.get_or_insert_default();
        let Some(message) = &tcp.tls else {
            shown.cut |= !from_phone;
            return;
        };
        match (message.message, from_phone) {
            (tls::Kind::ClientHello, true) => _ = shown.hello.get_or_insert(seen_at),
            (tls::Kind::ServerHello | tls::Kind::Certificate, false) => _ = shown.answered.get_or_insert(seen_at),
            (tls::Kind::ApplicationData, true) => _ = shown.phone_sealed.get_or_insert(seen_at),
            (tls::Kind::ApplicationData, false) => _ = shown.server_sealed.get_or_insert(seen_at),
            (tls::Kind::Alert, by_phone) if message.level.as_ref().is_some_and(|l| l.raw() == "fatal") => {
                let text = message.alert.clone().unwrap_or_default();
                shown.alert.get_or_insert(FatalAlert { seen_at, text, by_phone });
            }
            _ => {}
        }
    }

    /// Whether a handshake of TLS began on it.
    pub fn has_handshake(&self) -> bool {
        self.handshake.as_ref().is_some_and(|h| h.hello.is_some() || h.alert.is_some())
    }

    /// Since when a secure session stands: from the server's first sealed message, unless it ended since. Whether the
    /// phone is registered in it is not to be seen.
    pub fn secure_session(&self) -> Option<SeenAt> {
        let shown = self.handshake.as_deref()?;
        shown.server_sealed.filter(|_| shown.alert.is_none() && self.end.is_none())
    }

    /// Why a secure connection came to nothing before the server's first sealed message, as far as that shows. What
    /// comes after it may have been a registration.
    pub fn secure_failure(&self, now: crate::types::Timestamp, blind: bool, moved_on: bool) -> Option<SecureFailure> {
        let shown = self.handshake.as_deref()?;
        let before = if shown.phone_sealed.is_some() || shown.server_sealed.is_some() {
            SecureStage::Session
        } else if shown.answered.is_some() || shown.cut || shown.hello.is_none() {
            SecureStage::Certificate
        } else {
            SecureStage::Hello
        };
        if let Some(FatalAlert { seen_at, text, by_phone }) = &shown.alert {
            let stage = match before {
                SecureStage::Certificate if !by_phone && shown.answered.is_none() => SecureStage::Hello,
                stage => stage,
            };
            let alert = Some(text.clone());
            return Some(SecureFailure { seen_at: *seen_at, stage, by_phone: *by_phone, alert, silent: false });
        }
        let hello = shown.hello?;
        if shown.server_sealed.is_some() || self.gap || blind || shown.cut {
            return None;
        }
        let failure =
            |seen_at, by_phone, silent| Some(SecureFailure { seen_at, stage: before, by_phone, alert: None, silent });
        match self.end {
            Some(end) if end.how.by_server() => failure(end.seen_at, false, false),
            Some(end) if before == SecureStage::Certificate => failure(end.seen_at, true, false),
            // A phone that does not wait has changed its mind, or the capture lost the answer.
            Some(end) if before == SecureStage::Hello && end.seen_at.time.since(hello.time) >= HELLO_INTERVAL => {
                failure(hello, false, true)
            }
            None if before == SecureStage::Hello
                && (now.since(hello.time) >= REGISTER_INTERVAL
                    || (moved_on && self.last.time.since(hello.time) >= HELLO_INTERVAL)) =>
            {
                failure(hello, false, true)
            }
            _ => None,
        }
    }

    /// Observes an SCCP message.
    pub fn observe_sccp(&mut self, message: &sccp::Message, seen_at: SeenAt, from_phone: bool) {
        self.last = self.last.max(seen_at);
        self.connected.get_or_insert(seen_at);
        self.server_seen |= !from_phone;
        self.gap |= message.missing_before > 0;
        self.media |= sccp::subject(message.id) == sccp::Subject::Media;
        self.telephone |= sccp::subject(message.id) == sccp::Subject::Telephone;
        match (message.id, from_phone) {
            (id::KEEP_ALIVE, true) => {
                self.keepalives = self.keepalives.saturating_add(1);
                self.keepalives_open = self.keepalives_open.saturating_add(1);
                self.keepalive = Some(seen_at);
            }
            (id::KEEP_ALIVE_ACK, false) => {
                self.keepalive_acks = self.keepalive_acks.saturating_add(1);
                self.keepalives_open = 0;
                self.keepalive = Some(seen_at);
            }
            (id::ALARM, true) => {
                self.alarm = self.alarm.or(Some(seen_at));
                self.reason = message.last_reason.clone().or(self.reason.take());
            }
            (id::REGISTER, true) => match &mut self.register {
                Some(tries) => tries.again(seen_at),
                None => self.register = Some(RetryCount::new(seen_at)),
            },
            (id::REGISTER_ACK, false) => {
                self.registered.get_or_insert(seen_at);
                self.unregistered = None;
            }
            (id::REGISTER_REJECT, false) => {
                let text = message.reject_text.clone().unwrap_or_default();
                self.rejected = Some(Rejection { seen_at, text, meaning: message.reject_meaning.clone() });
            }
            (id::UNREGISTER, true) => self.unregistered = Some(seen_at),
            (id::RESET, false) => self.reset = Some(ResetOrder { seen_at, kind: message.reset_type.unwrap_or(0) }),
            (id::TOKEN_REJECT | id::SPCP_TOKEN_REJECT, false) => match &mut self.token_rejected {
                Some(rejected) => rejected.again(seen_at),
                None => self.token_rejected = Some(RetryCount::new(seen_at)),
            },
            (id::VERSION_RES, false) => {
                if let Some(load) = message.version_text.clone().filter(|t| !t.is_empty()) {
                    self.wanted = Some(WantedLoad { seen_at, load });
                }
                self.record_session(seen_at);
            }
            (id::IP_PORT | id::TOKEN_REQUEST | id::SPCP_TOKEN_REQUEST | id::XML_ALARM, true)
            | (id::TOKEN_ACK | id::SPCP_TOKEN_ACK | id::UNREGISTER_ACK, false) => {}
            // What the phone says after its Register proves an answer only where answers are missing.
            (_, true) if self.server_seen && !self.gap => {}
            _ => self.record_session(seen_at),
        }
    }

    /// A message that only a registered phone sends or gets: proof where the RegisterAck itself is not in the capture.
    fn record_session(&mut self, seen_at: SeenAt) {
        if self.rejected.is_none() && self.unregistered.is_none() {
            self.registered.get_or_insert(seen_at);
        }
    }

    /// Whether the connection was registered at some time. An answered KeepAlive counts, unless an open question says
    /// otherwise (a Register without answer, a rejected request for a token).
    pub fn was_registered(&self) -> bool {
        let is_open = self.register.is_some() || self.rejected.is_some() || self.token_rejected.is_some();
        self.registered.is_some() || (self.keepalive_acks > 0 && !is_open)
    }

    /// When it was registered.
    pub fn registered_at(&self) -> Option<SeenAt> {
        self.registered.or(if self.was_registered() { self.keepalive } else { None })
    }

    /// Nothing but SYNs, without any answer.
    pub fn is_only_syns(&self) -> bool {
        self.syn.is_some() && self.connected.is_none() && self.unreachable.is_none() && self.end.is_none()
    }

    /// Only keepalives, and no Register on it: the idle connection to a standby CallManager, or a capture that began
    /// after the registration.
    pub fn is_keepalive_only(&self) -> bool {
        self.keepalives > 0 && self.register.is_none() && self.registered.is_none() && self.rejected.is_none()
    }

    /// How it stands at `now`; `NotSeen` while it may still be answered, or where the answer may be among what the
    /// capture does not hold (`blind`: answers of this kind do not show in this capture at all). `moved_on`: the phone
    /// went on to another attempt or boot.
    pub fn state(&self, now: crate::types::Timestamp, blind: bool, moved_on: bool) -> RegistrationState {
        use RegistrationState as S;
        if let Some(state) = self.sip_state(now, blind, moved_on) {
            return state;
        }
        if let Some(rejection) = &self.rejected
            && self.registered.is_none_or(|r| r <= rejection.seen_at)
        {
            return S::Rejected;
        }
        if self.was_registered() {
            return if self.unregistered.is_some() || self.end.is_some() { S::Unregistered } else { S::Registered };
        }
        if let Some(Unreachable { why, .. }) = self.unreachable
            && self.connected.is_none()
        {
            return if why == Why::IcmpPort { S::Refused } else { S::NoAnswer };
        }
        if self.connected.is_none() {
            return match self.end {
                Some(ending) if ending.how.by_server() => S::Refused,
                _ if blind => S::NotSeen,
                Some(_) => S::NoAnswer,
                None => match &self.syn {
                    // TCP repeats a SYN that nobody answers: where it did not, the answer is what the capture lacks.
                    Some(syn) if syn.count == 1 && (moved_on || now.since(syn.last.time) > SYN_REPEATED) => S::NotSeen,
                    Some(syn) if moved_on || syn.unanswered(now, SYN_INTERVAL) => S::NoAnswer,
                    _ => S::NotSeen,
                },
            };
        }
        if let Some(failure) = self.secure_failure(now, blind, moved_on) {
            return if failure.silent { S::NoAnswer } else { S::Closed };
        }
        match (self.end, &self.register) {
            // It is to wait and ask again, whoever ends the connection.
            (_, None) if self.token_rejected.is_some() => S::NotSeen,
            (Some(ending), _) if ending.how.by_server() => {
                if self.gap || self.cut.is_some() || self.sealed {
                    S::NotSeen
                } else {
                    S::Closed
                }
            }
            _ if self.gap || self.cut.is_some() || blind || (!self.server_seen && self.syn.is_some()) => S::NotSeen,
            (Some(_), Some(_)) => S::NoAnswer,
            (None, Some(register)) if moved_on || register.unanswered(now, REGISTER_INTERVAL) => S::NoAnswer,
            _ => S::NotSeen,
        }
    }
}

/// First retransmission of a SYN (RFC 6298).
pub const SYN_INTERVAL: Duration = Duration::from_secs(1);
/// By now a SYN without answer has been sent again, also by stacks that wait three seconds (RFC 1122).
pub const SYN_REPEATED: Duration = Duration::from_secs(6);
/// A phone that ends a connection sooner after its ClientHello did not wait for the answer.
pub const HELLO_INTERVAL: Duration = Duration::from_secs(3);
/// A phone waits this long for the answer to its Register (boot reference 7.1).
pub const REGISTER_INTERVAL: Duration = Duration::from_secs(10);
