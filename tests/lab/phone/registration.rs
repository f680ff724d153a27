//! The phone at a CallManager: Alarm, Register, and what a CallManager asks for then.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::Phone;
use crate::messages::{Message, Messages};
use crate::site::Registration;
use crate::support::phone;
use crate::support::sccp::{self, message};

/// Long enough for the kernel's three first SYNs (0, 1, 3 s).
const CONNECT: Duration = Duration::from_millis(3500);
/// How long it waits for an answer to its Register.
const ANSWER: Duration = Duration::from_millis(2500);
/// Between KeepAlives; a real phone waits 30 s.
const KEEP_ALIVE: Duration = Duration::from_millis(500);
/// How long a phone stays registered at the most.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// How one try ended.
pub(super) struct Tried {
    pub(super) registration: Registration,
    /// Text of a RegisterReject.
    pub(super) text: Option<String>,
    /// What its next alarm says.
    pub(super) reason: (&'static str, &'static str),
    pub(super) connection: Option<Registered>,
}

/// The connection of a registered phone.
pub(super) struct Registered {
    messages: Messages,
}

impl Registered {
    /// Sends KeepAlives and answers what comes until the CallManager ends it, or the process is ended.
    pub(super) fn stay(mut self) {
        let end = Instant::now() + LONGEST;
        while Instant::now() < end {
            if self.messages.send(&[message(sccp::KEEP_ALIVE, &[])]).is_err() {
                return;
            }
            let next = Instant::now() + KEEP_ALIVE;
            while Instant::now() < next {
                match self.messages.next(next) {
                    Ok(Some(_)) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::TimedOut => break,
                    Ok(None) | Err(_) => return,
                }
            }
        }
    }
}

fn failed(registration: Registration, reason: (&'static str, &'static str)) -> Tried {
    Tried { registration, text: None, reason, connection: None }
}

/// One try to register.
pub(super) fn attempt(phone: &Phone, call_manager: Ipv4Addr) -> Tried {
    let stream = match TcpStream::connect_timeout(&SocketAddr::from((call_manager, 2000)), CONNECT) {
        Ok(stream) => stream,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            return failed(Registration::Refused, ("12", "CM-reset-TCP"));
        }
        Err(_) => return failed(Registration::NoAnswer, ("10", "TCP-timeout")),
    };
    let Ok(mut messages) = Messages::new(stream) else {
        return failed(Registration::Closed, ("14", "CM-closed-TCP"));
    };
    let name = phone.plan.name();
    let spelled = if phone.plan.spells_dotted { phone::dotted(&phone.load) } else { phone.load.clone() };
    let alarm = format!("{}: Name={name} Load={spelled} Last={}", phone.reason, phone.last);
    let protocol_version = phone::Phone::protocol_version(&phone.load);
    let device_type = phone.hardware.device_type();
    let register =
        sccp::Register { device: &name, ip: phone.address, device_type, protocol_version, load: &phone.load };
    for said in [sccp::alarm(&alarm, phone.address), register.bytes(), sccp::ip_port(16_384)] {
        // A server may end the connection at once: what it said before that is read below.
        if messages.send(&[said]).is_err() {
            break;
        }
    }
    let end = Instant::now() + ANSWER;
    loop {
        let answer = match messages.next(end) {
            Ok(Some(answer)) => answer,
            Ok(None) => return failed(Registration::Closed, ("14", "CM-closed-TCP")),
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                return failed(Registration::NoAnswer, ("10", "TCP-timeout"));
            }
            Err(_) => return failed(Registration::Closed, ("12", "CM-reset-TCP")),
        };
        match answer.id {
            sccp::REGISTER_ACK => break,
            sccp::REGISTER_REJECT => {
                let text = answer.text(0, 32);
                let reason = ("24", "Phone-Reg-Rej");
                return Tried { registration: Registration::Rejected, text, reason, connection: None };
            }
            _ => {}
        }
    }
    if settle(&mut messages).is_none() {
        return failed(Registration::Closed, ("14", "CM-closed-TCP"));
    }
    Tried {
        registration: Registration::Registered,
        text: None,
        reason: ("25", "Initialized"),
        connection: Some(Registered { messages }),
    }
}

/// The questions and answers after a RegisterAck, up to the second KeepAlive; `None`: the connection ended.
fn settle(messages: &mut Messages) -> Option<()> {
    let end = Instant::now() + ANSWER;
    let wait = |messages: &mut Messages, id: u32| -> Option<Message> {
        loop {
            let message = messages.next(end).ok()??;
            if message.id == id {
                return Some(message);
            }
        }
    };
    wait(messages, sccp::CAPABILITIES_REQ)?;
    messages.send(&[sccp::capabilities()]).ok()?;
    let questions = [
        (message(sccp::VERSION_REQ, &[]), sccp::VERSION),
        (message(sccp::BUTTON_TEMPLATE_REQ, &[]), sccp::BUTTON_TEMPLATE),
        (message(sccp::SOFT_KEY_TEMPLATE_REQ, &[]), sccp::SOFT_KEY_TEMPLATE),
        (message(sccp::SOFT_KEY_SET_REQ, &[]), sccp::SOFT_KEY_SET),
        (message(sccp::CONFIG_STAT_REQ, &[]), sccp::CONFIG_STAT),
        (sccp::line_stat_req(1), sccp::LINE_STAT),
        (message(sccp::TIME_DATE_REQ, &[]), sccp::TIME_DATE),
        (message(sccp::KEEP_ALIVE, &[]), sccp::KEEP_ALIVE_ACK),
    ];
    for (question, answer) in questions {
        messages.send(&[question]).ok()?;
        wait(messages, answer)?;
    }
    Some(())
}
