//! Where Prometheus asks: `GET /metrics`, and `GET /healthz` for who watches the watcher.
//!
//! A server of a hundred lines that serves two small pages: one thread, no connection waits for another, each has five
//! seconds, and the oldest gives way to a new one when there are too many. It holds no secret and takes no input.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::cli::Failure;
use crate::cli::io::messages::reason;

/// Connections at a time.
const MAX_CONNECTIONS: usize = 32;
/// Bytes of a request; more is no scraper's.
const MAX_REQUEST: usize = 8 * 1024;
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Without a sign of life for so long the run is not well.
const WELL: Duration = Duration::from_secs(60);

/// What is served.
#[derive(Debug)]
struct Pages {
    metrics: Vec<u8>,
    beat: Instant,
}

/// The server.
pub(super) struct Endpoint {
    listener: Option<TcpListener>,
    pages: Arc<Mutex<Pages>>,
    running: Option<(UnixStream, JoinHandle<()>)>,
}

impl Endpoint {
    /// Takes the address; nothing is served before [`Endpoint::start`].
    pub(super) fn bind(address: SocketAddr) -> Result<Endpoint, Failure> {
        let failed = |e: io::Error| {
            Failure::Work(format!("cannot serve metrics on {address}: {}; choose another address or port", reason(&e)))
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let pages = Arc::new(Mutex::new(Pages { metrics: Vec::new(), beat: Instant::now() }));
        Ok(Endpoint { listener: Some(listener), pages, running: None })
    }

    /// Begins to serve, on a thread of its own: a diagnosis that takes long keeps nobody waiting.
    pub(super) fn start(&mut self) -> io::Result<()> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        let (stop, stopped) = UnixStream::pair()?;
        let pages = Arc::clone(&self.pages);
        let thread = std::thread::Builder::new()
            .name("metrics".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || serve(&listener, &stopped, &pages))?;
        self.running = Some((stop, thread));
        Ok(())
    }

    /// The page from now on.
    pub(super) fn publish(&self, metrics: Vec<u8>) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).metrics = metrics;
    }

    /// The run goes on.
    pub(super) fn beat(&self) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).beat = Instant::now();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, stopped: &UnixStream, pages: &Mutex<Pages>) {
    let mut open: Vec<Connection> = Vec::new();
    let wait = Timespec { tv_sec: 1, tv_nsec: 0 };
    loop {
        let ready: Vec<bool> = {
            let own = [PollFd::new(stopped, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
            let mut fds: Vec<PollFd<'_>> = own.into_iter().chain(open.iter().map(Connection::poll)).collect();
            match rustix::event::poll(&mut fds, Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
            fds.iter().map(|fd| !fd.revents().is_empty()).collect()
        };
        let is_ready = |i: usize| ready.get(i).copied().unwrap_or(false);
        if is_ready(0) {
            return;
        }
        let mut index = 1;
        open.retain_mut(|connection| {
            index += 1;
            let goes_on = !is_ready(index) || connection.go_on(pages).is_ok_and(|done| !done);
            goes_on && connection.since.elapsed() < PATIENCE
        });
        // A few at a time, so that a flood of connections does not keep those from being served that are open.
        for _ in 0..if is_ready(1) { 8 } else { 0 } {
            let Ok((stream, _)) = listener.accept() else { break };
            if stream.set_nonblocking(true).is_ok() {
                if open.len() >= MAX_CONNECTIONS {
                    open.remove(0);
                }
                open.push(Connection::new(stream));
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    since: Instant,
    request: Vec<u8>,
    /// The answer, and how much of it is sent.
    answer: Option<(Vec<u8>, usize)>,
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        Connection { stream, since: Instant::now(), request: Vec::new(), answer: None }
    }

    fn poll(&self) -> PollFd<'_> {
        let flags = if self.answer.is_some() { PollFlags::OUT } else { PollFlags::IN };
        PollFd::from_borrowed_fd(self.stream.as_fd(), flags)
    }

    /// Reads or writes what there is; whether all is done.
    fn go_on(&mut self, pages: &Mutex<Pages>) -> io::Result<bool> {
        let waits = |e: io::Error| match e.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
            _ => Err(e),
        };
        if self.answer.is_none() {
            let mut buffer = [0; 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(n) => self.request.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(e) => drop(waits(e)?),
            }
            let pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
            self.answer = answer(&self.request, &pages).map(|answer| (answer, 0));
        }
        let Some((octets, sent)) = &mut self.answer else { return Ok(false) };
        *sent += self.stream.write(octets.get(*sent..).unwrap_or_default()).or_else(waits)?;
        if *sent < octets.len() {
            return Ok(false);
        }
        self.stream.shutdown(Shutdown::Write)?;
        Ok(true)
    }
}

/// The answer to a request; `None`: there is more to come of it.
fn answer(request: &[u8], pages: &Pages) -> Option<Vec<u8>> {
    let whole = request.windows(4).any(|w| w == b"\r\n\r\n") || request.windows(2).any(|w| w == b"\n\n");
    if !whole {
        return (request.len() > MAX_REQUEST)
            .then(|| page("431 Request Header Fields Too Large", "", b"too long\n", false));
    }
    let line = request.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let (method, target, version) = (words.next(), words.next(), words.next());
    let path = target.and_then(|t| t.split('?').next()).unwrap_or_default();
    let head = method == Some("HEAD");
    if !version.is_some_and(|v| v.starts_with("HTTP/1.")) || words.next().is_some() {
        return Some(page("400 Bad Request", "", b"not HTTP/1\n", false));
    }
    if !matches!(method, Some("GET" | "HEAD")) {
        return Some(page("405 Method Not Allowed", "Allow: GET, HEAD\r\n", b"GET /metrics\n", false));
    }
    Some(match path {
        // Before the first diagnosis zeroes would be wrong numbers.
        "/metrics" if pages.metrics.is_empty() => page("503 Service Unavailable", "", b"no diagnosis yet\n", head),
        "/metrics" => {
            let kind = "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
            page("200 OK", kind, &pages.metrics, head)
        }
        "/healthz" if pages.beat.elapsed() < WELL => page("200 OK", "", b"ok\n", head),
        "/healthz" => page("503 Service Unavailable", "", b"the run does not go on\n", head),
        _ => page("404 Not Found", "", b"GET /metrics or /healthz\n", head),
    })
}

fn page(status: &str, headers: &str, body: &[u8], head: bool) -> Vec<u8> {
    let length = body.len();
    let kind = if headers.starts_with("Content-Type") { "" } else { "Content-Type: text/plain\r\n" };
    let mut octets = format!(
        "HTTP/1.1 {status}\r\n{headers}{kind}Content-Length: {length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    .into_bytes();
    if !head {
        octets.extend_from_slice(body);
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> (Endpoint, SocketAddr) {
        let mut endpoint = Endpoint::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = endpoint.listener.as_ref().unwrap().local_addr().unwrap();
        endpoint.start().unwrap();
        endpoint.publish(b"a_total 1\n".repeat(1_000_000 / 10));
        (endpoint, address)
    }

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_page_of_any_size_is_served_whole() {
        let (_endpoint, address) = started();
        let answer = ask(address, "GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"), "{head}");
        assert!(head.contains("Content-Length: 1000000\r\n") && body.len() == 1_000_000);
        assert!(ask(address, "HEAD /metrics HTTP/1.0\n\n").ends_with("\r\n\r\n"));
    }

    #[test]
    fn what_is_not_served_is_told() {
        let (_endpoint, address) = started();
        for (request, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("GET /metrics\r\n\r\n", "400"),
            ("\r\n\r\n", "400"),
            ("\u{16}\u{3}\u{1}\r\n\r\n", "400"),
        ] {
            assert_eq!(ask(address, request).split(' ').nth(1), Some(status), "{request:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(MAX_REQUEST));
        assert_eq!(ask(address, &long).split(' ').nth(1), Some("431"));
    }

    #[test]
    fn who_says_nothing_holds_up_nobody() {
        let (_endpoint, address) = started();
        let silent: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(address).unwrap()).collect();
        let mut slow = TcpStream::connect(address).unwrap();
        slow.write_all(b"GET /met").unwrap();
        let began = Instant::now();
        assert!(ask(address, "GET /healthz HTTP/1.1\r\n\r\n").ends_with("\r\n\r\nok\n"));
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        drop(silent);
    }

    #[test]
    fn a_run_that_does_not_go_on_is_not_well() {
        let pages = Pages { metrics: Vec::new(), beat: Instant::now() - WELL };
        let answer = answer(b"GET /healthz HTTP/1.1\r\n\r\n", &pages).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 503 "));
    }

    #[test]
    fn an_address_that_is_taken_is_told() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let Err(Failure::Work(message)) = Endpoint::bind(address) else { panic!() };
        assert!(
            message.starts_with(&format!("cannot serve metrics on {address}: address already in use")),
            "{message}"
        );
    }
}
