//! The TCP connection beneath a registration, and what TLS shows of it.

use super::super::Scene;
use super::{Connection, connection};
use crate::event::{TcpEvent, TcpFlags};
use crate::types::{Mac, WireText};

/// A segment that opens, proves or ends a connection.
pub(in super::super) fn observe(scene: &mut Scene<'_>, tcp: &TcpEvent) {
    let seen_at = scene.seen_at;
    let Some(Connection { slot, attempt, from_phone }) = connection(scene, tcp.flags == TcpFlags::Syn) else { return };
    let was_connected = attempt.connected.is_some();
    attempt.observe_tcp(tcp, seen_at, from_phone);
    let opened = attempt.is_encrypted() && !was_connected && attempt.connected.is_some();
    scene.traffic.encrypted += u64::from(opened);
    // Inside TLS nothing names a phone but its certificate.
    let subject = tcp.tls.as_ref().and_then(|t| t.subject.as_ref()).filter(|_| from_phone);
    let Some(mac) = subject.and_then(|s| Mac::from_device_name(s.raw().rsplit('-').next()?)) else { return };
    let slot = scene.directory.named(slot, Some(mac), scene.envelope.src, scene.envelope.eth_src);
    if let Some(phone) = scene.directory.client(slot, seen_at) {
        phone.is_phone = true;
        phone.record_name(&WireText::from(mac.device_name().as_str()), seen_at);
    }
}
