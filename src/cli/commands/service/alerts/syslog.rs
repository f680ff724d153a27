//! Alerts to a syslog daemon (RFC 5424): a datagram to the one of this host, or over UDP (RFC 5426).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use phonescope::diagnosis::Severity;
use phonescope::report::alerts::{Alert, AlertEvent};

use crate::cli::commands::service::alerts::{Channel, Message, Trouble};
use crate::cli::io::messages::reason;

/// Where daemons of this host listen.
const LOCAL: &str = "/dev/log";
/// Bytes that every receiver takes (RFC 5426 section 3.2).
const MAX_OCTETS: usize = 2_048;
/// Facility `daemon` (RFC 5424 table 1).
const FACILITY: u8 = 3;

/// `--alert-syslog`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    Unix(PathBuf),
    /// Name or address, and port.
    Udp(String, u16),
}

impl Target {
    /// `udp://HOST[:PORT]`, a path, or nothing: this host's.
    ///
    /// # Errors
    /// It is none of them.
    pub(crate) fn parse(text: &str) -> Result<Target, String> {
        let Some(rest) = text.strip_prefix("udp://") else {
            return match text {
                "" => Ok(Target::Unix(LOCAL.into())),
                path if path.starts_with('/') => Ok(Target::Unix(path.into())),
                _ => Err("it is written as udp://HOST:514 or as the path of a socket".to_owned()),
            };
        };
        let wrong = || "it is written as udp://HOST:514".to_owned();
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (rest, 514),
        };
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let is_name = |h: &str| h.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
        if host.is_empty() || !is_name(host) || port == 0 {
            return Err(wrong());
        }
        Ok(Target::Udp(host.to_owned(), port))
    }
}

impl Channel for Target {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let datagram = datagram(&message.alert, &host, std::process::id());
        let sent = match self {
            Target::Unix(path) => to_unix(path, &datagram),
            Target::Udp(host, port) => to_udp(host, *port, &datagram),
        };
        sent.map_err(|e| Trouble { why: reason(&e), is_final: false })
    }
}

fn to_unix(path: &Path, datagram: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // A daemon that does not read must not hold this thread for ever.
    socket.set_write_timeout(Some(std::time::Duration::from_secs(5)))?;
    socket.send_to(datagram, path).map(drop)
}

fn to_udp(host: &str, port: u16, datagram: &[u8]) -> io::Result<()> {
    let nobody = || io::Error::other("The name has no address");
    let to = (host, port).to_socket_addrs()?.next().ok_or_else(nobody)?;
    let from: SocketAddr =
        if to.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    UdpSocket::bind(from)?.send_to(datagram, to).map(drop)
}

/// `<27>1 TIME HOST phonescope PID began [phonescope@32473 …] TEXT`.
fn datagram(alert: &Alert, host: &str, pid: u32) -> Vec<u8> {
    // A finding's severity (RFC 5424 table 2); its end is a notice.
    let severity = match (alert.event, alert.severity) {
        (AlertEvent::Ended, _) => 5,
        (_, Severity::Error) => 3,
        (_, Severity::Warning) => 4,
        (_, Severity::Info) => 6,
    };
    let name: String = host.chars().filter(char::is_ascii_graphic).take(255).collect();
    let name = if name.is_empty() { "-" } else { &name };
    let mut data = String::new();
    for (key, value) in [
        ("id", alert.id.as_str()),
        ("code", &alert.code),
        ("severity", alert.severity.as_str()),
        ("confidence", alert.confidence.as_str()),
        ("phones", &alert.phone_count.to_string()),
        ("began", &alert.began.to_string()),
    ] {
        data.push_str(&format!(" {key}=\"{}\"", parameter(value)));
    }
    let head = format!(
        "<{}>1 {} {name} phonescope {pid} {} [phonescope@32473{data}] ",
        FACILITY * 8 + severity,
        microseconds(&alert.time.to_string()),
        alert.event.as_str()
    );
    // The text is escaped already; a byte order mark says that it is UTF-8 (RFC 5424 section 6.4).
    let mut octets = head.into_bytes();
    octets.extend_from_slice("\u{feff}".as_bytes());
    for c in alert.line().chars() {
        if octets.len() + c.len_utf8() > MAX_OCTETS {
            break;
        }
        octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    octets
}

/// A value of structured data (RFC 5424 section 6.3.3).
fn parameter(value: &str) -> String {
    value.chars().fold(String::new(), |mut out, c| {
        if matches!(c, '"' | '\\' | ']') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

/// A time has six digits behind the point at most (RFC 5424 section 6.2.3).
fn microseconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, rest)) => format!("{seconds}.{}Z", rest.get(..6).unwrap_or("0")),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::service::alerts::tests::alert;

    #[test]
    fn targets_are_a_path_or_a_host() {
        let udp = |host: &str, port| Ok(Target::Udp(host.to_owned(), port));
        assert_eq!(Target::parse(""), Ok(Target::Unix(LOCAL.into())));
        assert_eq!(Target::parse("/run/log"), Ok(Target::Unix("/run/log".into())));
        assert_eq!(Target::parse("udp://loghost"), udp("loghost", 514));
        assert_eq!(Target::parse("udp://10.0.0.1:1514"), udp("10.0.0.1", 1514));
        assert_eq!(Target::parse("udp://[2001:db8::5]:1514"), udp("2001:db8::5", 1514));
        assert_eq!(Target::parse("udp://[2001:db8::5]"), udp("2001:db8::5", 514));
        for wrong in ["loghost", "tcp://loghost", "udp://", "udp://:514", "udp://a:0", "udp://a:99999", "udp://a b"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_datagram_is_as_rfc_5424_has_it() {
        let text = String::from_utf8(datagram(&alert(), "probe", 7)).unwrap();
        assert_eq!(
            text,
            "<27>1 2023-11-14T22:13:30.000000Z probe phonescope 7 began [phonescope@32473 id=\"00000000000000ff\" \
             code=\"wrong-tftp-server\" severity=\"error\" confidence=\"certain\" phones=\"3\" \
             began=\"2023-11-14T22:13:20.000000000Z\"] \u{feff}error wrong-tftp-server began: 10.31.0.5 is the wrong \
             TFTP server (3 phones)"
        );
    }

    #[test]
    fn hostile_text_neither_breaks_out_nor_grows() {
        let hostile = Alert { code: "x\"] evil=\\".to_owned(), title: "é".repeat(9_000), ..alert() };
        let octets = datagram(&hostile, "a b\n<13>1 ", 7);
        assert!(octets.len() <= MAX_OCTETS);
        let text = String::from_utf8(octets).unwrap();
        assert!(text.contains(" ab<13>1 phonescope 7 ") && text.contains("code=\"x\\\"\\] evil=\\\\\""), "{text}");
    }

    #[test]
    fn a_datagram_arrives_at_a_socket_of_this_host_and_over_udp() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let listener = UnixDatagram::bind(&path).unwrap();
        let message = Message { alert: alert(), json: Vec::new() };
        Target::Unix(path).send(&message).unwrap();
        let mut buffer = [0; MAX_OCTETS];
        let length = listener.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"<27>1 "));
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        Target::Udp("127.0.0.1".to_owned(), listener.local_addr().unwrap().port()).send(&message).unwrap();
        assert_eq!(listener.recv(&mut buffer).unwrap(), length);
        let trouble = Target::Unix(dir.path().join("nobody")).send(&message).unwrap_err();
        assert_eq!(trouble.why, "no such file or directory");
    }
}
