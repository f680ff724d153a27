//! One GET, as later phones fetch their files: to the address given and to no other, whatever the answer or the
//! environment say (no redirect, no proxy, no name).

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use phonescope::remedy::probe::tftp::Patience;
use phonescope::remedy::probe::{Answer, FileName, Unreachable, Want};
use phonescope::types::WireText;
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error, Timeout, http};

/// Most bytes of a status line and its headers.
const LONGEST_HEADER: usize = 16 * 1024;
/// For a connection, and for the first byte of the answer; a server that takes longer serves no phone.
const SILENCE: Duration = Duration::from_secs(10);

/// Gives one address for every name.
#[derive(Debug)]
struct FixedResolver(SocketAddr);

impl Resolver for FixedResolver {
    fn resolve(&self, _: &http::Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let mut all = self.empty();
        all.push(self.0);
        Ok(all)
    }
}

/// Asks `server` for a file.
pub(super) fn get(server: SocketAddr, file: &FileName, want: Want, patience: Patience) -> Answer {
    let silence = SILENCE.min(patience.first_wait.saturating_mul(10));
    let config = Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .max_response_header_size(LONGEST_HEADER)
        .max_idle_connections(0)
        .timeout_connect(Some(silence))
        .timeout_recv_response(Some(silence))
        .timeout_global(Some(patience.whole))
        .user_agent(concat!("phonescope/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = Agent::with_parts(config, DefaultConnector::default(), FixedResolver(server));
    let host = match server {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        // Without the interface of a link-local address, which is this host's alone.
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    let response = match agent.get(format!("http://{host}:{}/{file}", server.port())).call() {
        Ok(response) => response,
        Err(e) => return failure(&e, 0),
    };
    let status = response.status().as_u16();
    match status {
        200 => {}
        404 | 410 => return Answer::Missing(WireText::default()),
        _ => return Answer::Refused(status, WireText::from(response.status().canonical_reason().unwrap_or_default())),
    }
    let told = response.headers().get("content-length").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    match want {
        // Dropping the answer closes the connection: the rest is not fetched.
        Want::Presence => Answer::There { length: told },
        Want::Whole(limit) if told.is_some_and(|told: u64| told > limit as u64) => {
            Answer::TooLong { limit: limit as u64 }
        }
        Want::Whole(limit) => whole(response.into_body().into_reader(), limit),
    }
}

fn whole(body: impl Read, limit: usize) -> Answer {
    let mut octets = Vec::new();
    match body.take(limit as u64 + 1).read_to_end(&mut octets) {
        Ok(_) if octets.len() > limit => Answer::TooLong { limit: limit as u64 },
        Ok(_) => Answer::Whole(octets),
        Err(e) => match e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(inner) => failure(inner, octets.len() as u64),
            None => cut(&e, octets.len() as u64),
        },
    }
}

fn failure(e: &Error, octets: u64) -> Answer {
    match e {
        Error::Timeout(Timeout::Global | Timeout::RecvBody | Timeout::PerCall) => Answer::TooSlow { octets },
        Error::Timeout(_) => Answer::Silent { tries: 1 },
        Error::Io(e) => cut(e, octets),
        _ => Answer::Broken(format!("what came is no HTTP ({})", WireText::from(e.to_string().as_str()))),
    }
}

fn cut(e: &io::Error, octets: u64) -> Answer {
    match e.kind() {
        io::ErrorKind::ConnectionRefused => Answer::Unreachable(Unreachable::Port),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Answer::Unreachable(Unreachable::Host),
        io::ErrorKind::PermissionDenied => Answer::Unreachable(Unreachable::Filtered),
        io::ErrorKind::TimedOut => Answer::TooSlow { octets },
        _ => Answer::Stalled { octets },
    }
}
