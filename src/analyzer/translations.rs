//! Both sides of a device that translates addresses: what a phone says is seen twice, from two addresses, and is said
//! once.
//!
//! A message in which a phone names itself, and the same message to the same server from another address within
//! moments, are one message before and after the translation. From then on all that the second address says on that
//! connection is a copy.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashlink::LruCache;

use crate::conversation::registration::id;
use crate::event::{Event, EventKind, TcpFlags};
use crate::types::{FrameRef, Timestamp};
use crate::wire::phone_config::device_of_name;
use crate::wire::{http, tftp};

/// A firewall that looks into what it passes on takes less than this.
const PASSING: Duration = Duration::from_millis(50);
/// The same between two inputs, whose clocks may differ.
const PASSING_ACROSS: Duration = Duration::from_millis(250);
/// Messages and connections remembered.
const REMEMBERED: usize = 16_384;

/// A client's end of a connection, and the server.
type Flow = (IpAddr, u16, IpAddr);

/// Where a message in which a phone names itself was seen first.
struct Named {
    time: Timestamp,
    at: FrameRef,
    client: Flow,
}

/// Tells the far side of a translation from the near one.
pub(super) struct Translations {
    named: LruCache<u64, Named, FixedState>,
    far: LruCache<Flow, (), FixedState>,
}

impl Translations {
    pub(super) fn new() -> Translations {
        let state = FixedState::default;
        Translations {
            named: LruCache::with_hasher(REMEMBERED, state()),
            far: LruCache::with_hasher(REMEMBERED, state()),
        }
    }

    /// Whether this message is the far side of one that was seen before.
    pub(super) fn is_far_side(&mut self, event: &Event) -> bool {
        let envelope = &event.envelope;
        let (Some(src), Some(dst), Some(sport), Some(dport)) =
            (envelope.src, envelope.dst, envelope.sport, envelope.dport)
        else {
            return false;
        };
        let from_client: Flow = (src, sport, dst);
        // The same port again is another connection.
        if matches!(&event.kind, EventKind::Tcp(tcp) if tcp.flags == TcpFlags::Syn) {
            self.far.remove(&from_client);
            return false;
        }
        let is_far = self.far.get(&from_client).is_some() || self.far.get(&(dst, dport, src)).is_some();
        let Some(said) = said_of_itself(&event.kind) else { return is_far };
        let key = FixedState::default().hash_one((said, dst, dport));
        if let Some(first) = self.named.get(&key) {
            let window = if first.at.input == event.at.input { PASSING } else { PASSING_ACROSS };
            if event.time.apart(first.time) <= window && first.client.0 != src {
                self.far.insert(from_client, ());
                return true;
            }
        }
        self.named.insert(key, Named { time: event.time, at: event.at, client: from_client });
        // It names itself and nobody said so before: not a copy, whatever was said on this connection.
        self.far.remove(&from_client);
        false
    }
}

/// What a phone says in a message that names it, but for the addresses in it.
fn said_of_itself(kind: &EventKind) -> Option<u64> {
    let mut hasher = FixedState::default().build_hasher();
    match kind {
        EventKind::Sccp(message) if matches!(message.id, id::REGISTER | id::ALARM | id::TOKEN_REQUEST) => {
            let device = message.device.as_ref()?.raw();
            let load = message.load.as_ref().map(|l| l.raw());
            (message.id, device, message.device_type, load, message.length).hash(&mut hasher);
        }
        EventKind::Sip(message) if message.status.is_none() => {
            let call = message.call_id.as_ref().map(|c| c.raw().split('@').next());
            (message.device.as_ref()?.raw(), message.cseq, message.expires, call).hash(&mut hasher);
        }
        EventKind::Tftp(packet) if packet.op == tftp::Op::Rrq => {
            own_file(packet.file.as_ref()?.raw())?.hash(&mut hasher)
        }
        EventKind::Http(message) if message.op == http::Op::Get => {
            own_file(message.file.as_ref()?.raw())?.hash(&mut hasher)
        }
        _ => return None,
    }
    Some(hasher.finish())
}

/// The name of a phone's own file.
fn own_file(name: &str) -> Option<&str> {
    device_of_name(name).map(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(micros: i64, client: &str, body: &str) -> Event {
        let time = Timestamp(micros * 1000);
        let line = format!(
            r#"{{"input":0,"frame":{},"time":"{time}","src":"{client}","dst":"10.30.0.10","sport":52038,"dport":2000,{body}}}"#,
            micros + 1
        );
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }

    fn register(micros: i64, client: &str, device: &str) -> Event {
        let body = r#""type":"sccp","id":"0x0001","name":"RegisterReq","length":112,"device_type":7,"device":""#;
        event(micros, client, &format!("{body}{device}\""))
    }

    const KEEPALIVE: &str = r#""type":"sccp","id":"0x0000","name":"KeepAliveReq","length":4"#;

    #[test]
    fn far_side_is_told_by_a_name_said_twice() {
        let mut translations = Translations::new();
        assert!(!translations.is_far_side(&register(0, "10.30.0.100", "SEP00036B3A1001")));
        assert!(translations.is_far_side(&register(400, "172.30.0.100", "SEP00036B3A1001")));
        assert!(!translations.is_far_side(&event(500, "10.30.0.100", KEEPALIVE)));
        assert!(translations.is_far_side(&event(900, "172.30.0.100", KEEPALIVE)));
        assert!(!translations.is_far_side(&event(950, "172.30.0.100", r#""type":"tcp","flags":"SYN""#)));
        assert!(!translations.is_far_side(&event(990, "172.30.0.100", KEEPALIVE)), "another connection");
    }

    #[test]
    fn two_devices_of_one_name_are_two() {
        let mut translations = Translations::new();
        assert!(!translations.is_far_side(&register(0, "10.30.0.100", "SEP00036B3A1001")));
        assert!(!translations.is_far_side(&register(300_000, "10.30.0.101", "SEP00036B3A1001")), "later");
        assert!(!translations.is_far_side(&register(300_100, "10.30.0.102", "SEP00036B3A1002")), "another name");
        assert!(!translations.is_far_side(&register(300_200, "10.30.0.102", "SEP00036B3A1002")), "the same address");
    }
}
