//! SCCP messages of a registration, little-endian as on the wire. SCCP has no public specification: the layouts are
//! those that Wireshark and the open servers agree on.

use std::net::Ipv4Addr;

pub const KEEP_ALIVE: u32 = 0x0000;
pub const REGISTER: u32 = 0x0001;
pub const IP_PORT: u32 = 0x0002;
pub const LINE_STAT_REQ: u32 = 0x000b;
pub const CONFIG_STAT_REQ: u32 = 0x000c;
pub const TIME_DATE_REQ: u32 = 0x000d;
pub const BUTTON_TEMPLATE_REQ: u32 = 0x000e;
pub const VERSION_REQ: u32 = 0x000f;
pub const CAPABILITIES_RES: u32 = 0x0010;
pub const ALARM: u32 = 0x0020;
pub const SOFT_KEY_SET_REQ: u32 = 0x0025;
pub const UNREGISTER: u32 = 0x0027;
pub const SOFT_KEY_TEMPLATE_REQ: u32 = 0x0028;
pub const REGISTER_TOKEN_REQ: u32 = 0x0029;
pub const REGISTER_ACK: u32 = 0x0081;
pub const LINE_STAT: u32 = 0x0092;
pub const CONFIG_STAT: u32 = 0x0093;
pub const TIME_DATE: u32 = 0x0094;
pub const BUTTON_TEMPLATE: u32 = 0x0097;
pub const VERSION: u32 = 0x0098;
pub const CAPABILITIES_REQ: u32 = 0x009b;
pub const REGISTER_REJECT: u32 = 0x009d;
pub const RESET: u32 = 0x009f;
pub const KEEP_ALIVE_ACK: u32 = 0x0100;
pub const SOFT_KEY_TEMPLATE: u32 = 0x0108;
pub const SOFT_KEY_SET: u32 = 0x0109;
pub const UNREGISTER_ACK: u32 = 0x0118;
pub const REGISTER_TOKEN_ACK: u32 = 0x011a;
pub const REGISTER_TOKEN_REJECT: u32 = 0x011b;

/// Any message: length, header version 0, id, payload.
pub fn message(id: u32, payload: &[u8]) -> Vec<u8> {
    message_of_version(0, id, payload)
}

/// Any message with a header version of choice.
pub fn message_of_version(version: u32, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = 4 + payload.len() as u32;
    [&length.to_le_bytes(), &version.to_le_bytes(), &id.to_le_bytes(), payload].concat()
}

/// A fixed field: the text, then NULs; cut where it is longer.
fn field(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(length, 0);
    bytes
}

fn words(list: &[u32]) -> Vec<u8> {
    list.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// A Register of a phone; its length follows its protocol version, as loads of that time send it.
#[derive(Clone, Debug)]
pub struct Register<'a> {
    pub device: &'a str,
    pub ip: Ipv4Addr,
    pub device_type: u32,
    pub protocol_version: u8,
    /// Sent from protocol version 17 on.
    pub load: &'a str,
}

impl Register<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let mut payload = field(self.device, 16);
        payload.extend(words(&[0, 1]));
        payload.extend(self.ip.octets());
        payload.extend(words(&[self.device_type, 0, 0]));
        payload.extend([self.protocol_version, 0, 0, 0]);
        if self.protocol_version >= 11 {
            // Conferences, twelve octets for a MAC address left empty, address scope.
            payload.extend(words(&[0, 0, 0, 0, 0, 3]));
        }
        if self.protocol_version >= 17 {
            // Lines, IPv6 address and scope, the load's name.
            payload.extend(words(&[36, 0, 0, 0, 0, 0]));
            payload.extend(field(self.load, 32));
        }
        message(REGISTER, &payload)
    }
}

/// What a phone says before it registers: its load, and why it is here (`25: Name=… Load=… Last=Initialized`).
pub fn alarm(text: &str, ip: Ipv4Addr) -> Vec<u8> {
    let mut payload = words(&[2]);
    payload.extend(field(text, 80));
    payload.extend(words(&[0x900]));
    payload.extend(ip.octets());
    message(ALARM, &payload)
}

pub fn ip_port(port: u32) -> Vec<u8> {
    message(IP_PORT, &words(&[port]))
}

/// Accepted: keepalive every 30 s here and every 60 s on a standby connection.
pub fn register_ack(protocol_version: u8) -> Vec<u8> {
    let mut payload = words(&[30]);
    payload.extend(field("M/D/Y", 8));
    payload.extend(words(&[60, u32::from(protocol_version)]));
    message(REGISTER_ACK, &payload)
}

/// Refused, with 32 octets of text or prompt tokens.
pub fn register_reject(text: &[u8]) -> Vec<u8> {
    let mut payload = text.to_vec();
    payload.resize(32, 0);
    message(REGISTER_REJECT, &payload)
}

/// The load that the server wants the phone to run.
pub fn version(load: &str) -> Vec<u8> {
    message(VERSION, &field(load, 16))
}

/// Eighteen entries, of which the first two are G.711.
pub fn capabilities() -> Vec<u8> {
    let mut payload = words(&[2, 4, 40, 0, 0, 2, 40, 0, 0]);
    payload.resize(4 + 18 * 16, 0);
    message(CAPABILITIES_RES, &payload)
}

/// Two lines, the rest of 42 buttons undefined.
pub fn button_template() -> Vec<u8> {
    let mut payload = words(&[0, 2, 2]);
    payload.extend([1, 9, 2, 9]);
    payload.resize(12 + 42 * 2, 0xff);
    message(BUTTON_TEMPLATE, &payload)
}

/// Four soft keys.
pub fn soft_key_template() -> Vec<u8> {
    let mut payload = words(&[0, 4, 4]);
    for (event, label) in [(1, "Redial"), (2, "NewCall"), (3, "Hold"), (9, "EndCall")] {
        payload.extend(field(label, 16));
        payload.extend(words(&[event]));
    }
    payload.resize(12 + 32 * 20, 0);
    message(SOFT_KEY_TEMPLATE, &payload)
}

/// One soft key set.
pub fn soft_key_set() -> Vec<u8> {
    let mut payload = words(&[0, 1, 1]);
    payload.extend([1, 2]);
    payload.resize(12 + 16 * 48, 0);
    message(SOFT_KEY_SET, &payload)
}

/// The server's own name, and how many lines and speed dials the device has.
pub fn config_stat(device: &str, server: &str) -> Vec<u8> {
    let mut payload = field(device, 16);
    payload.extend(words(&[0, 1]));
    payload.extend(field("", 40));
    payload.extend(field(server, 40));
    payload.extend(words(&[1, 0]));
    message(CONFIG_STAT, &payload)
}

pub fn line_stat_req(line: u32) -> Vec<u8> {
    message(LINE_STAT_REQ, &words(&[line]))
}

/// The number of a line.
pub fn line_stat(line: u32, number: &str) -> Vec<u8> {
    let mut payload = words(&[line]);
    payload.extend(field(number, 24));
    payload.extend(field(number, 40));
    payload.extend(field("", 40));
    payload.extend(words(&[0]));
    message(LINE_STAT, &payload)
}

/// Monday, 4 June 2001; `clock` in seconds of that day.
pub fn time_date(clock: u32, unix: u32) -> Vec<u8> {
    message(TIME_DATE, &words(&[2001, 6, 1, 4, clock / 3600, clock / 60 % 60, clock % 60, 0, unix]))
}

/// 1 reset, 2 restart.
pub fn reset(kind: u32) -> Vec<u8> {
    message(RESET, &words(&[kind]))
}

/// May I come back to you?
pub fn register_token_req(device: &str, ip: Ipv4Addr, device_type: u32) -> Vec<u8> {
    let mut payload = field(device, 16);
    payload.extend(words(&[0, 1]));
    payload.extend(ip.octets());
    payload.extend(words(&[device_type, 0, 0, 0, 0]));
    message(REGISTER_TOKEN_REQ, &payload)
}

/// Not now: wait so many seconds.
pub fn register_token_reject(seconds: u32) -> Vec<u8> {
    message(REGISTER_TOKEN_REJECT, &words(&[seconds]))
}

pub const SPCP_TOKEN_REQ: u32 = 0x8000;
pub const SPCP_TOKEN_ACK: u32 = 0x8100;
pub const SPCP_TOKEN_REJECT: u32 = 0x8101;

/// The same question as the phones of Small Business ask it.
pub fn spcp_token_req(device: &str, ip: Ipv4Addr, device_type: u32) -> Vec<u8> {
    let mut payload = field(device, 16);
    payload.extend(words(&[0, 0]));
    payload.extend(ip.octets());
    payload.extend(words(&[device_type, 2]));
    message(SPCP_TOKEN_REQ, &payload)
}

/// Open a channel for voice; nothing of it concerns a phone more than a bridge.
pub fn open_receive_channel(conference: u32) -> Vec<u8> {
    let mut payload = words(&[conference, conference + 1, 20, 4, 0, 0]);
    payload.resize(26 * 4, 0);
    message(0x0105, &payload)
}

pub fn open_receive_channel_ack(ip: Ipv4Addr, port: u32, party: u32) -> Vec<u8> {
    message(0x0022, &[words(&[0]), ip.octets().to_vec(), words(&[port, party])].concat())
}
