//! `verify --send --http`: files as later phones fetch them.

use std::io::Write;
use std::time::Duration;

use super::servers::{Server, http, reply};
use super::{CONFIG_NAME, LOAD, LOAD_FILE, PHONE, Ran, config, verify_with};

fn asked(server: &Server, more: &[&str]) -> Ran {
    let address = server.text();
    let mut arguments = vec!["--send", "--http", &address, "--phone", PHONE, "--timeout", "0.1"];
    arguments.extend(more);
    if !more.contains(&"--load") {
        arguments.extend(["--load", LOAD]);
    }
    // A proxy that the environment names is not asked.
    verify_with(&[("http_proxy", "http://127.0.0.1:9"), ("ALL_PROXY", "http://127.0.0.1:9")], &arguments)
}

#[test]
fn files_are_fetched_and_loads_only_looked_at() {
    let server = http(|path, stream| match path {
        CONFIG_NAME => {
            let body = config(LOAD);
            reply(stream, &format!("200 OK\r\nContent-Length: {}", body.len()), &body);
        }
        LOAD_FILE => reply(stream, "200 OK\r\nContent-Length: 129024", &[7; 100_000]),
        _ => reply(stream, "404 Not Found\r\nContent-Length: 0", b""),
    });
    let ran = asked(&server, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.says("P00303000300.bin is there, 129024 octets.");
    assert_eq!(server.asked(), [CONFIG_NAME, LOAD_FILE]);
    // All of it is not there.
    let ran = asked(&server, &["--full"]);
    assert_eq!(ran.code, 1);
    ran.says("the transfer stops after 100000 octets");
    let ran = asked(&server, &["--load", "P00303000400"]);
    assert_eq!(ran.code, 1);
    ran.says("Load P00303000400 is not there");
}

#[test]
fn no_redirect_is_followed() {
    let elsewhere = http(|_, stream| reply(stream, "200 OK\r\nContent-Length: 0", b""));
    let target = elsewhere.text();
    let server = http(move |path, stream| {
        reply(stream, &format!("302 Found\r\nLocation: http://{target}/{path}\r\nContent-Length: 0"), b"");
    });
    let ran = asked(&server, &[]);
    assert_eq!(ran.code, 1);
    ran.says("refused with 302 (\"Found\")");
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn endless_headers_and_bodies_end_at_their_limits() {
    let server = http(|_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 65536]).is_ok() {}
    });
    let ran = asked(&server, &[]);
    assert_eq!(ran.code, 1);
    ran.says("longer than 1048576 octets");
    let server = http(|_, stream| reply(stream, "200 OK\r\nContent-Length: 99999999999", b"x"));
    asked(&server, &[]).says("longer than 1048576 octets");
    let server = http(|_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-More: more\r\n").is_ok() {}
    });
    let ran = asked(&server, &[]);
    assert_eq!(ran.code, 1);
    ran.says("what came is no HTTP");
}

#[test]
fn silence_refusal_and_nonsense_each_have_their_words() {
    let server = http(|_, stream| {
        std::thread::sleep(Duration::from_secs(2));
        drop(stream);
    });
    let ran = asked(&server, &[]);
    assert_eq!(ran.code, 1);
    ran.says("no answer");
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
    let server = http(|_, mut stream| {
        let _ = stream.write_all(b"\x1b[2J nonsense\r\n\r\n");
    });
    let ran = asked(&server, &[]);
    assert_eq!(ran.code, 1);
    ran.says("no HTTP");
    let server = http(|_, stream| reply(stream, "403 Forbidden\r\nContent-Length: 0", b""));
    asked(&server, &[]).says("refused with 403");
    let server = http(|_, stream| drop(stream));
    asked(&server, &[]).says("could not be checked");
}
