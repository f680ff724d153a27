//! Registration: Alarm, Register, IpPort; then what the CallManager makes of it, and what the phone does next.

use std::net::Ipv4Addr;
use std::rc::Rc;

use super::super::phone::Phone;
use super::super::sccp::{self, Register, message};
use super::super::site::{Answer, CallManager, MICRO, Reach, SECOND, START};
use super::Boot;
use super::connection::Connection;

/// How the registration stage ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Registered,
    /// The CallManager ordered a reset: the phone boots again.
    OrderedToReset,
    GaveUp,
}

impl Boot<'_> {
    /// Tries the CallManagers in order, some rounds of it.
    pub(super) fn register(&mut self, list: &[String]) -> End {
        for _ in 0..self.phone.rounds {
            for (index, name) in list.iter().enumerate() {
                let Some(address) = name.parse().ok().or_else(|| self.look_up(name)) else { continue };
                if let Some(end) = self.attempt(address) {
                    if let (Some(backup), true) = (list.get(index + 1), self.phone.standby) {
                        self.stand_by(backup);
                    }
                    return end;
                }
                self.pause(900, 1100);
            }
            self.pause(9500, 10_500);
        }
        End::GaveUp
    }

    /// The CallManager at an address; one that no one set up is silent.
    fn call_manager(&self, address: Ipv4Addr) -> Rc<CallManager> {
        let known = self.site.call_managers.iter().find(|c| c.host.ip == address).cloned();
        known.unwrap_or_else(|| Rc::new(CallManager::at(&address.to_string(), "").reach(Reach::Silent)))
    }

    /// One attempt; `None`: not registered, or not any more.
    fn attempt(&mut self, address: Ipv4Addr) -> Option<End> {
        let server = self.call_manager(address);
        if !self.resolve(server.host, server.reach) {
            self.reason = (10, "TCP-timeout");
            return None;
        }
        let count = self.attempts.entry(address).or_default();
        let answer = if server.takes.is_empty() || server.takes.iter().any(|start| self.load.starts_with(start)) {
            server.answers[(*count).min(server.answers.len() - 1)]
        } else {
            server.others
        };
        *count += 1;
        let mut connection = self.open(&server, answer)?;
        self.pause(20, 50);
        if let Answer::TokenReject(seconds) = answer {
            self.ask_for_token(&mut connection, seconds);
        }
        self.introduce(&mut connection);
        match answer {
            Answer::Refuses | Answer::NoSynAck => unreachable!("no connection"),
            Answer::IgnoresRegister => {
                for _ in 0..2 {
                    self.seconds(10);
                    let register = self.register_message();
                    self.say(&mut connection, true, &[register]);
                }
                self.seconds(10);
                self.close(connection, true);
                self.reason = (10, "TCP-timeout");
                None
            }
            Answer::Rejects(text) => {
                self.say(&mut connection, false, &[sccp::register_reject(text)]);
                self.close(connection, false);
                self.reason = (24, "Phone-Reg-Rej");
                None
            }
            Answer::RejectsAndResets(text) => {
                self.say(&mut connection, false, &[sccp::register_reject(text)]);
                self.reset(connection);
                self.reason = (24, "Phone-Reg-Rej");
                None
            }
            Answer::Closes => {
                self.close(connection, false);
                self.reason = (14, "CM-closed-TCP");
                None
            }
            Answer::Resets => {
                self.reset(connection);
                self.reason = (12, "CM-reset-TCP");
                None
            }
            _ => self.registered(&server, answer, connection),
        }
    }

    fn register_message(&self) -> Vec<u8> {
        let name = self.phone.claims_name.clone().unwrap_or_else(|| self.phone.name());
        let protocol_version = Phone::protocol_version(&self.load);
        let device_type = self.phone.device_type();
        Register { device: &name, ip: self.address, device_type, protocol_version, load: &self.load }.bytes()
    }

    /// Alarm, Register and, without waiting, IpPort.
    fn introduce(&mut self, connection: &mut Connection) {
        let name = self.phone.claims_name.clone().unwrap_or_else(|| self.phone.name());
        let (number, last) = self.reason;
        let text = format!("{number}: Name={name} Load={} Last={last}", self.phone.spell(&self.load));
        let alarm = sccp::alarm(&text, self.address);
        let register = self.register_message();
        self.say(connection, true, &[alarm, register, sccp::ip_port(16_384)]);
        self.moment();
    }

    /// May it come? Not now; and then it may.
    fn ask_for_token(&mut self, connection: &mut Connection, seconds: u32) {
        let ask = sccp::register_token_req(&self.phone.name(), self.address, self.phone.device_type());
        self.say(connection, true, std::slice::from_ref(&ask));
        self.say(connection, false, &[sccp::register_token_reject(seconds)]);
        self.seconds(u64::from(seconds));
        self.say(connection, true, &[ask]);
        self.say(connection, false, &[message(sccp::REGISTER_TOKEN_ACK, &[])]);
        self.pause(20, 50);
    }

    /// The CallManager takes the phone: all questions and answers, then keepalives.
    fn registered(&mut self, server: &CallManager, answer: Answer, mut connection: Connection) -> Option<End> {
        let version = Phone::protocol_version(&self.load).min(server.protocol_version);
        let name = self.phone.name();
        let wants = server.wants.unwrap_or(&self.load).to_owned();
        let clock = ((self.now - START) / SECOND) as u32;
        let down = |list: Vec<Vec<u8>>| (false, list);
        let up = |id: u32| (true, vec![message(id, &[])]);
        let exchange = [
            down(vec![sccp::register_ack(version), message(sccp::CAPABILITIES_REQ, &[])]),
            (true, vec![sccp::capabilities(), message(sccp::VERSION_REQ, &[])]),
            down(vec![sccp::version(&wants)]),
            up(sccp::BUTTON_TEMPLATE_REQ),
            down(vec![sccp::button_template()]),
            up(sccp::SOFT_KEY_TEMPLATE_REQ),
            down(vec![sccp::soft_key_template()]),
            up(sccp::SOFT_KEY_SET_REQ),
            down(vec![sccp::soft_key_set()]),
            up(sccp::CONFIG_STAT_REQ),
            down(vec![sccp::config_stat(&name, server.name)]),
            (true, vec![sccp::line_stat_req(1)]),
            down(vec![sccp::line_stat(1, &format!("5{:03}", u32::from(self.address) % 1000))]),
            up(sccp::TIME_DATE_REQ),
            down(vec![sccp::time_date(8 * 3600 + clock, (START / SECOND) as u32 + clock)]),
        ];
        let asked = if self.phone.terse { 3 } else { exchange.len() };
        for (up, messages) in exchange.into_iter().take(asked) {
            self.say(&mut connection, up, &messages);
            self.pause(2, 12);
        }
        if self.phone.terse {
            self.acknowledge(&mut connection, true);
        }
        self.registered = true;
        let falls_silent = answer == Answer::RegistersThenFallsSilent;
        for n in 0..self.phone.keep_alives {
            self.keep_alive(&mut connection, 30, server.answers_keep_alives && (!falls_silent || n == 0));
        }
        let end = match answer {
            Answer::RegistersThenCloses => {
                self.pause(2000, 3000);
                self.close(connection, false);
                self.reason = (14, "CM-closed-TCP");
                None
            }
            Answer::RegistersThenFallsSilent => {
                self.pause(2000, 3000);
                self.close(connection, true);
                self.reason = (17, "KeepaliveTO");
                None
            }
            Answer::RegistersThenOrdersReset => {
                self.pause(2000, 3000);
                self.say(&mut connection, false, &[sccp::reset(1)]);
                self.pause(200, 300);
                self.say(&mut connection, true, &[message(sccp::UNREGISTER, &[])]);
                self.say(&mut connection, false, &[message(sccp::UNREGISTER_ACK, &[0; 4])]);
                self.close(connection, true);
                self.reason = (22, "Reset-Reset");
                Some(End::OrderedToReset)
            }
            _ => Some(End::Registered),
        };
        self.registered = end == Some(End::Registered);
        end
    }

    fn keep_alive(&mut self, connection: &mut Connection, seconds: u64, answered: bool) {
        self.now += seconds * SECOND + self.draw.between(100 * MICRO, 900 * MICRO);
        self.say(connection, true, &[message(sccp::KEEP_ALIVE, &[])]);
        if answered {
            self.say(connection, false, &[message(sccp::KEEP_ALIVE_ACK, &[])]);
        }
    }

    /// An idle connection to the next CallManager of the list, beside the one that the phone is registered on.
    fn stand_by(&mut self, backup: &str) {
        let Ok(address) = backup.parse() else { return };
        let end = self.now;
        self.now -= 30 * SECOND * self.phone.keep_alives as u64;
        let server = self.call_manager(address);
        if self.resolve(server.host, server.reach)
            && let Some(mut connection) = self.open(&server, Answer::Registers)
        {
            for _ in 0..self.phone.keep_alives.div_ceil(2) {
                self.keep_alive(&mut connection, 60, true);
            }
        }
        self.now = self.now.max(end);
    }
}
