//! File servers on loopback that behave as a test wants.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A read request.
pub(super) struct Request {
    pub(super) file: String,
    /// Everything behind the mode.
    pub(super) options: Vec<u8>,
    pub(super) client: SocketAddr,
}

/// A server that runs until it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Names of the files that it was asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn text(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let failed = self.thread.take().is_some_and(|thread| thread.join().is_err());
        if failed && !std::thread::panicking() {
            panic!("the server failed");
        }
    }
}

/// A TFTP server: `serve` answers each request, with the socket of port 69's stand-in.
pub(super) fn tftp(serve: impl Fn(&Request, &UdpSocket) + Send + 'static) -> Server {
    tftp_at("127.0.0.1", serve)
}

pub(super) fn tftp_at(ip: &str, serve: impl Fn(&Request, &UdpSocket) + Send + 'static) -> Server {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let address = socket.local_addr().unwrap();
    let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let (log, end) = (Arc::clone(&asked), Arc::clone(&stop));
    let thread = std::thread::spawn(move || {
        let mut room = [0; 2048];
        while !end.load(Ordering::Relaxed) {
            let Ok((length, client)) = socket.recv_from(&mut room) else { continue };
            let Some(rest) = room[..length].strip_prefix(&[0, 1]) else { continue };
            let mut parts = rest.splitn(3, |b| *b == 0);
            let file = String::from_utf8(parts.next().unwrap().to_vec()).unwrap();
            assert_eq!(parts.next(), Some(&b"octet"[..]));
            log.lock().unwrap().push(file.clone());
            serve(&Request { file, options: parts.next().unwrap().to_vec(), client }, &socket);
        }
    });
    Server { address, asked, stop, thread: Some(thread) }
}

/// A port of its own for one transfer, as most servers take.
pub(super) fn own_port(request: &Request) -> UdpSocket {
    let ip = if request.client.is_ipv4() { "127.0.0.1" } else { "::1" };
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

pub(super) fn data(block: u16, octets: &[u8]) -> Vec<u8> {
    [&[0, 3], &block.to_be_bytes()[..], octets].concat()
}

pub(super) fn error(code: u8, text: &str) -> Vec<u8> {
    [&[0, 5, 0, code], text.as_bytes(), &[0]].concat()
}

/// The block that the client acknowledges; `None`: it says something else, or nothing.
pub(super) fn acknowledged(socket: &UdpSocket) -> Option<u16> {
    let mut room = [0; 600];
    let length = socket.recv_from(&mut room).ok()?.0;
    (length == 4 && room.starts_with(&[0, 4])).then(|| u16::from_be_bytes([room[2], room[3]]))
}

/// Sends a file as RFC 1350 has it; ends where the client does not acknowledge.
pub(super) fn send(socket: &UdpSocket, client: SocketAddr, octets: &[u8]) {
    for number in 0..=octets.len() / 512 {
        let block = u16::try_from((number + 1) & 0xffff).unwrap();
        let part = &octets[number * 512..octets.len().min(number * 512 + 512)];
        socket.send_to(&data(block, part), client).unwrap();
        if acknowledged(socket) != Some(block) {
            return;
        }
    }
}

/// A good server with these files, which tells lengths where `options`.
pub(super) fn folder(files: &[(&str, Vec<u8>)], options: bool) -> impl Fn(&Request, &UdpSocket) + Send + 'static {
    let files: BTreeMap<String, Vec<u8>> = files.iter().map(|(n, o)| ((*n).to_owned(), o.clone())).collect();
    move |request, _| {
        let socket = own_port(request);
        match files.get(&request.file) {
            None => drop(socket.send_to(&error(1, "File not found"), request.client).unwrap()),
            Some(octets) if options && request.options.starts_with(b"tsize\0") => {
                let answer = format!("\0\x06tsize\0{}\0", octets.len());
                socket.send_to(answer.as_bytes(), request.client).unwrap();
                // It wants no more.
                assert_eq!(acknowledged(&socket), None);
            }
            Some(octets) => send(&socket, request.client, octets),
        }
    }
}

/// An HTTP server: `serve` answers each connection, once its request was read.
pub(super) fn http(serve: impl Fn(&str, TcpStream) + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let (log, end) = (Arc::clone(&asked), Arc::clone(&stop));
    let thread = std::thread::spawn(move || {
        while !end.load(Ordering::Relaxed) {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            };
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut request = Vec::new();
            let mut room = [0; 1024];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut room) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => request.extend_from_slice(&room[..n]),
                }
            }
            let request = String::from_utf8(request).unwrap();
            let path = request.strip_prefix("GET /").and_then(|r| r.split(' ').next()).unwrap_or_default().to_owned();
            log.lock().unwrap().push(path.clone());
            serve(&path, stream);
        }
    });
    Server { address, asked, stop, thread: Some(thread) }
}

/// Writes an answer; a client that hangs up has read enough.
pub(super) fn reply(mut stream: TcpStream, head: &str, body: &[u8]) {
    let _ = stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes());
    let _ = stream.write_all(body);
}
