//! SCCP, HTTP, SIP and TLS over TCP.

use std::io::Write as _;

use super::Case;
use crate::support::frame::ip;
use crate::support::sccp;
use crate::support::wire::{CLIENT, Wire};

pub(super) fn cases() -> Vec<Case> {
    [sccps(), https(), sips(), tls()].into_iter().flatten().collect()
}

fn register() -> Vec<u8> {
    let ip = ip(CLIENT);
    sccp::Register { device: "SEP00036B3A1001", ip, device_type: 7, protocol_version: 3, load: "" }.bytes()
}

fn sccps() -> Vec<Case> {
    let up = |octets: &[u8]| Wire::new().open(2000).say(true, 2000, octets);
    let word = |n: u32| n.to_le_bytes();
    let mut list = vec![
        Case::new("SCCP, 100 messages in a segment", up(&sccp::message(sccp::KEEP_ALIVE, &[]).repeat(100)))
            .sees("sccp", 100),
        Case::new("SCCP octet by octet", {
            register().iter().fold(Wire::new().open(2000), |wire, octet| wire.say(true, 2000, &[*octet]))
        })
        .sees("sccp", 1),
        Case::new("SCCP names without a NUL", {
            let mut bytes = register();
            bytes[12..28].fill(b'A');
            up(&bytes)
        })
        .sees("sccp", 1),
        Case::new("SCCP alarm without a NUL", up(&sccp::alarm(&"x".repeat(80), ip(CLIENT)))).sees("sccp", 1),
        Case::new("SCCP alarm of tags without values", up(&sccp::alarm("25: Name= Load= Last=", ip(CLIENT))))
            .sees("sccp", 1),
    ];
    for length in [0u32, 1, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffc] {
        // The next segment begins with a message again.
        let wire = up(&[word(length), word(0), word(1)].concat()).say(true, 2000, &register());
        let wire = wire.say(false, 2000, &sccp::register_ack(3));
        list.push(Case::new(format!("SCCP length {length:#x}"), wire).sees("sccp", 2));
    }
    for count in [1u32, 19, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let capabilities = [word(count), word(4), word(40)].concat();
        let wire = up(&sccp::message(sccp::CAPABILITIES_RES, &capabilities)).say(true, 2000, &register());
        list.push(Case::new(format!("SCCP, {count} capabilities"), wire).sees("sccp", 2));
        // ServerRes has five names, button, key and service lists have counts.
        let wire = [0x009e, 0x0097, 0x0108, 0x0109, 0x0090, 0x0091, 0x009b].iter().fold(up(&register()), |wire, id| {
            wire.say(false, 2000, &sccp::message(*id, &[word(count), word(count), word(count)].concat()))
        });
        list.push(Case::new(format!("SCCP, {count} of everything a server lists"), wire).sees("sccp", 8));
    }
    let every = (0..0x160u32).fold(Wire::new().open(2000), |wire, id| {
        wire.say(id >= 0x80, 2000, &sccp::message(id, &[])).say(id >= 0x80, 2000, &sccp::message(id, &[0xff; 40]))
    });
    list.push(Case::new("SCCP, every message without body and with nonsense", every).sees("sccp", 2 * 0x160));
    let version = up(&sccp::message_of_version(0xffff_ffff, sccp::REGISTER, &[0; 60])).say(true, 2000, &register());
    list.push(Case::new("SCCP header version 0xffffffff", version).sees("sccp", 1));
    list.push(Case::new("SCCP, 64 KiB of nothing", up(&[0; 65_536]).say(true, 2000, &register())));
    list.push(Case::new("SCCP, 64 KiB of ones", up(&[0xff; 65_536]).say(true, 2000, &register())).sees("sccp", 1));
    list
}

/// Ten MiB of zeros in ten KiB.
fn bomb() -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    let zeros = vec![0; 1 << 20];
    for _ in 0..10 {
        writer.write_all(&zeros).expect("memory");
    }
    writer.finish().expect("memory")
}

fn https() -> Vec<Case> {
    const GET: &[u8] = b"GET /SEP00036B3A1001.cnf.xml HTTP/1.1\r\nHost: x\r\n\r\n";
    let answered = |head: &str, body: &[u8]| {
        let answer = [format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes(), body].concat();
        Wire::new().open(6970).say(true, 6970, GET).say(false, 6970, &answer).close(false, 6970)
    };
    let mut list = Vec::new();
    for size in
        ["-1", "ffffffffffffffff", "fffffffffffffffff", "8000000000000000", "", "g", "0x10", " 5", "+5", "5;a=\"\r\n\""]
    {
        let body = format!("{size}\r\nabcde\r\n0\r\n\r\n");
        let case =
            Case::new(format!("HTTP chunk of {size:?}"), answered("Transfer-Encoding: chunked\r\n", body.as_bytes()));
        list.push(case.sees("http", 2));
    }
    for length in ["-1", "9223372036854775808", "18446744073709551616", "", "abc", "5, 6", "+5", "0x5"] {
        let case = Case::new(
            format!("HTTP Content-Length {length:?}"),
            answered(&format!("Content-Length: {length}\r\n"), b"abcde"),
        );
        list.push(case.sees("http", 2));
    }
    let bomb = bomb();
    let head = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", bomb.len());
    list.push(Case::new("HTTP gzip bomb", answered(&head, &bomb)).says("could not be unpacked").sees("config", 0));
    list.push(
        Case::new(
            "HTTP gzip of garbage",
            answered("Content-Encoding: gzip\r\nContent-Length: 4\r\n", b"\x1f\x8b\x08\x00"),
        )
        .sees("http", 2),
    );
    let up = |octets: &[u8]| Wire::new().open(6970).say(true, 6970, octets);
    list.push(Case::new("HTTP header without end", up(&[GET[..40].to_vec(), vec![b'a'; 70_000]].concat())));
    list.push(Case::new("HTTP request without a path", up(b"GET\r\n\r\nGET  HTTP/1.1\r\n\r\n")));
    list.push(Case::new("HTTP, 200 requests at once", up(&GET.repeat(200))).sees("http", 200));
    list.push(Case::new("HTTP status beyond numbers", {
        Wire::new().open(6970).say(true, 6970, GET).say(false, 6970, b"HTTP/1.1 99999 x\r\n\r\nHTTP/1.1 -1\r\n\r\n")
    }));
    list.push(
        Case::new(
            "HTTP trailer without end",
            answered("Transfer-Encoding: chunked\r\n", &[b"0\r\n", &b"a: b\r\n".repeat(5_000)[..]].concat()),
        )
        .sees("http", 2),
    );
    list
}

fn sips() -> Vec<Case> {
    let register = |extra: &str| {
        format!(
            "REGISTER sip:10.30.0.10 SIP/2.0\r\nContact: <sip:SEP00036B3A1001@10.30.110.20>\r\nCSeq: 1 REGISTER\r\n{extra}\r\n"
        )
    };
    let mut list = Vec::new();
    for extra in [
        "a header without a colon\r\n",
        ":\r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: -1\r\n",
        "Content-Length:\r\n",
        "Expires: 99999999999999999999\r\n",
        "Expires: -1\r\n",
        " folded\r\n\tfolded\r\n",
        "Reason: SIP;cause=200;text=\"Name=\r\n",
        "Contact: <sip:<sip:<sip:\r\n",
        "Via: \u{0}\u{1}\u{2}\r\n",
    ] {
        let octets = register(extra);
        list.push(
            Case::new(format!("SIP over UDP with {extra:?}"), Wire::new().udp(true, 5060, octets.as_bytes()))
                .sees("sip", 1),
        );
        let wire = Wire::new().open(5060).say(true, 5060, octets.as_bytes()).say(true, 5060, register("").as_bytes());
        list.push(Case::new(format!("SIP over TCP with {extra:?}"), wire));
    }
    let cut = register("");
    let cut = (0..cut.len()).fold(Wire::new(), |wire, len| wire.udp(true, 5060, &cut.as_bytes()[..len]));
    list.push(Case::new("SIP cut at every octet", cut).says("the end of the header is missing"));
    let lines = format!("REGISTER sip:a SIP/2.0\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    list.push(Case::new("SIP of 10,000 headers", Wire::new().open(5060).say(true, 5060, lines.as_bytes())));
    list
}

fn tls() -> Vec<Case> {
    let up = |octets: &[u8]| Wire::new().open(2443).say(true, 2443, octets).close(false, 2443);
    let record = |length: u16, octets: &[u8]| [&[22, 3, 1][..], &length.to_be_bytes(), octets].concat();
    let mut list = Vec::new();
    for length in [0u16, 1, 0x3fff, 0x4800, 0x4801, 0x7fff, 0x8000, 0xffff] {
        let case = Case::new(format!("TLS record of length {length}"), up(&record(length, &[1, 0, 0, 60, 3, 3])));
        list.push(case.sees("tcp", 3));
    }
    for length in [0u32, 1, 60, 0x7fff, 0x80_0000, 0xff_ffff] {
        let [_, a, b, c] = length.to_be_bytes();
        let body = [&[1, a, b, c, 3, 3][..], &[7; 58]].concat();
        let wire = up(&record(body.len() as u16, &body));
        let told = usize::from(length <= 60);
        list.push(Case::new(format!("TLS hello of length {length}"), wire).sees("tcp", 3 + told));
    }
    // Lengths within a certificate: each octet as large as can be.
    let certificate = [11, 0, 0, 20, 0, 0, 17, 0, 0, 14, 0x30, 12, 0x30, 10, 0xa0, 3, 2, 1, 2, 2, 1, 1, 0x30, 0];
    for at in 4..certificate.len() {
        let mut hostile = certificate;
        hostile[at] = 0xff;
        list.push(Case::new(format!("TLS certificate with 0xff at {at}"), up(&record(24, &hostile))).sees("tcp", 4));
    }
    list.push(Case::new("TLS, ten thousand empty records", up(&record(0, &[]).repeat(10_000))).sees("tcp", 3));
    list.push(
        Case::new("TLS, one message in records of one octet", {
            let body = [&[1, 0, 0, 38, 3, 1][..], &[7; 32], &[0, 0, 0, 0]].concat();
            up(&body.iter().flat_map(|octet| record(1, &[*octet])).collect::<Vec<u8>>())
        })
        .sees("tcp", 4),
    );
    list
}
