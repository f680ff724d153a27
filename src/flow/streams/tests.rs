use super::*;
use crate::wire::{http, sccp};

const COPY: &str = "tcp: copy or retransmission";

/// A connection between a phone and a server, one call a segment.
struct Talk {
    streams: Streams,
    port: u16,
    time: i64,
    ip_id: u32,
    /// Next sequence numbers of phone and server.
    seq: [u32; 2],
    told: Vec<Decoded>,
}

const PHONE: usize = 0;
const SERVER: usize = 1;

impl Talk {
    /// A connection that the capture joins in its middle.
    fn joined(port: u16) -> Talk {
        Talk { streams: Streams::new(), port, time: 0, ip_id: 1, seq: [1000, u32::MAX - 20], told: Vec::new() }
    }

    fn new(port: u16) -> Talk {
        let mut talk = Talk::joined(port);
        talk.handshake();
        talk
    }

    fn handshake(&mut self) {
        let [phone, server] = self.seq;
        self.raw(PHONE, TcpSegment { seq: phone, syn: true, ..TcpSegment::default() });
        let ack = phone.wrapping_add(1);
        self.raw(SERVER, TcpSegment { seq: server, ack, syn: true, ack_flag: true, ..TcpSegment::default() });
        self.seq = [phone.wrapping_add(1), server.wrapping_add(1)];
    }

    fn raw(&mut self, from: usize, segment: TcpSegment<'_>) {
        let ends: [(IpAddr, u16); 2] = [([10, 0, 0, 9].into(), 50000), ([10, 0, 0, 2].into(), self.port)];
        let (src, dst) = (ends[from], ends[1 - from]);
        let flow = Flow { src: src.0, sport: src.1, dst: dst.0, dport: dst.1 };
        self.time += 1_000_000;
        let told = &mut self.told;
        let time = Timestamp(self.time);
        self.streams.handle_segment(time, flow, self.ip_id, &segment, &mut |d| told.push(d));
    }

    fn at(&mut self, from: usize, seq: u32, data: &[u8]) {
        let ack = self.seq[1 - from];
        self.ip_id += 1;
        self.raw(from, TcpSegment { seq, ack, ack_flag: true, data, wire_len: data.len(), ..TcpSegment::default() });
    }

    fn say(&mut self, from: usize, data: &[u8]) {
        let seq = self.seq[from];
        self.seq[from] = seq.wrapping_add(data.len() as u32);
        self.at(from, seq, data);
    }

    /// The sender sends it, the capture does not hold it.
    fn lose(&mut self, from: usize, len: usize) {
        self.seq[from] = self.seq[from].wrapping_add(len as u32);
    }

    fn ack(&mut self, from: usize) {
        self.at(from, self.seq[from], b"");
    }

    fn end(&mut self, from: usize, rst: bool) {
        let (seq, ack) = (self.seq[from], self.seq[1 - from]);
        self.raw(from, TcpSegment { seq, ack, ack_flag: true, fin: !rst, rst, ..TcpSegment::default() });
        self.seq[from] = seq.wrapping_add(1);
    }

    fn sccp(&mut self) -> Vec<sccp::Message> {
        let told = self.told.drain(..);
        told.filter_map(|d| if let EventKind::Sccp(m) = d.kind { Some(*m) } else { None }).collect()
    }

    fn ids(&mut self) -> Vec<u32> {
        self.sccp().iter().map(|m| m.id).collect()
    }

    fn flags(&mut self) -> Vec<(TcpFlags, u32)> {
        let told = self.told.drain(..);
        told.filter_map(|d| if let EventKind::Tcp(t) = d.kind { Some((t.flags, t.unseen)) } else { None }).collect()
    }

    fn http(&mut self) -> Vec<http::Message> {
        let told = self.told.drain(..);
        told.filter_map(|d| if let EventKind::Http(m) = d.kind { Some(m) } else { None }).collect()
    }
}

fn message(id: u32, payload: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    for word in [payload.len() as u32 + 4, 0, id] {
        octets.extend(word.to_le_bytes());
    }
    octets.extend(payload);
    octets
}

fn alarm() -> Vec<u8> {
    let mut payload = [0; 92];
    payload[4..60].copy_from_slice(b"25: Name=SEP00036BAABB12 Load=3.2(2.14) Last=Initialized");
    message(0x20, &payload)
}

fn register() -> Vec<u8> {
    let mut payload = [0; 36];
    payload[..15].copy_from_slice(b"SEP00036BAABB12");
    payload[28] = 7;
    message(1, &payload)
}

#[test]
fn the_handshake_and_the_end_are_told_each_time_they_are_seen() {
    let mut talk = Talk::new(2000);
    let syn = |ip_id| (ip_id, TcpSegment { seq: 1000, syn: true, ..TcpSegment::default() });
    for (ip_id, segment) in [syn(1), syn(7)] {
        talk.ip_id = ip_id;
        talk.raw(PHONE, segment);
    }
    talk.end(SERVER, false);
    talk.end(PHONE, true);
    let digests: Vec<u64> = talk.told.iter().map(|d| d.digest).collect();
    assert_eq!(digests[0], digests[2], "a copy has the digest of the first");
    assert_ne!(digests[0], digests[3], "a retransmission has another IP id");
    assert!(digests.iter().all(|d| *d != 0));
    let flags: Vec<TcpFlags> = talk.flags().into_iter().map(|f| f.0).collect();
    use TcpFlags::{Fin, Rst, Syn, SynAck};
    assert_eq!(flags, [Syn, SynAck, Syn, Syn, Fin, Rst]);
}

#[test]
fn messages_come_out_however_they_are_cut_into_segments() {
    let all: Vec<u8> = [alarm(), register(), message(2, &[0; 4]), message(0, &[])].concat();
    for step in 1..all.len() {
        let mut talk = Talk::new(2000);
        for part in all.chunks(step) {
            talk.say(PHONE, part);
        }
        let messages = talk.sccp();
        assert_eq!(messages.iter().map(|m| m.id).collect::<Vec<_>>(), [0x20, 1, 2, 0], "step {step}");
        assert_eq!(messages[0].load.as_ref().unwrap().raw(), "3.2(2.14)");
        assert_eq!(messages[1].device_type, Some(7));
        assert!(messages.iter().all(|m| m.missing_before == 0));
    }
}

#[test]
fn every_copy_of_a_message_is_told_with_its_digest() {
    // The Alarm comes in two segments, so that only the copy of the second one completes it again.
    let (alarm, both) = (alarm(), [register(), message(2, &[0; 4])].concat());
    let mut talk = Talk::new(2000);
    let start = talk.seq[PHONE];
    talk.told.clear();
    for _ in 0..2 {
        talk.at(PHONE, start, &alarm[..50]);
    }
    for _ in 0..2 {
        talk.at(PHONE, start + 50, &alarm[50..]);
    }
    for _ in 0..3 {
        talk.at(PHONE, start + 104, &both);
    }
    let told: Vec<(String, bool, u64)> = talk
        .told
        .iter()
        .map(|d| {
            let EventKind::Sccp(m) = &d.kind else { panic!() };
            (m.name.as_ref().unwrap().raw().to_owned(), d.anomalies.iter().any(|a| a.as_str() == COPY), d.digest)
        })
        .collect();
    let names: Vec<&str> = told.iter().map(|t| t.0.as_str()).collect();
    assert_eq!(names, ["Alarm", "Alarm", "RegisterReq", "IpPort", "RegisterReq", "IpPort", "RegisterReq", "IpPort"]);
    assert_eq!(told.iter().map(|t| t.1).collect::<Vec<_>>(), [false, true, false, false, true, true, true, true]);
    assert_eq!(told[0].2, told[1].2);
    assert_eq!((told[2].2, told[3].2), (told[6].2, told[7].2));
    assert_ne!(told[2].2, told[3].2);
}

#[test]
fn a_copy_that_differs_is_told_as_such() {
    let mut talk = Talk::new(2000);
    let start = talk.seq[PHONE];
    let first = register();
    let mut other = first.clone();
    other[14] = b'X';
    talk.at(PHONE, start, &first);
    talk.told.clear();
    talk.at(PHONE, start, &other);
    assert_eq!(talk.told.len(), 1);
    assert!(talk.told[0].anomalies.iter().any(|a| a.as_str() == "tcp: differs from the first copy"));
}

#[test]
fn a_question_whether_the_other_side_is_alive_is_no_copy() {
    let mut talk = Talk::new(2000);
    talk.say(PHONE, &message(0, &[]));
    let last = talk.seq[PHONE].wrapping_sub(1);
    talk.told.clear();
    talk.at(PHONE, last, b"\0");
    talk.at(PHONE, last, b"");
    assert!(talk.told.is_empty());
}

#[test]
fn messages_after_a_gap_keep_their_segment_and_report_it() {
    let mut talk = Talk::new(2000);
    talk.say(PHONE, &alarm());
    talk.lose(PHONE, 48);
    talk.told.clear();
    talk.say(PHONE, &message(2, &[0; 4]));
    let messages = talk.sccp();
    assert_eq!((messages[0].id, messages[0].missing_before), (2, 48));
    talk.say(PHONE, &message(0, &[]));
    let messages = talk.sccp();
    assert_eq!((messages[0].id, messages[0].missing_before), (0, 0), "the hole is told once");
    // What only came late is told when it comes.
    let register = register();
    let seq = talk.seq[PHONE].wrapping_sub(12 + 16 + 48);
    talk.at(PHONE, seq, &register);
    assert_eq!(talk.ids(), [1]);
}

#[test]
fn octets_acknowledged_and_not_seen_are_told_once_a_hole() {
    let mut talk = Talk::new(2000);
    talk.say(PHONE, &alarm());
    talk.lose(SERVER, 44);
    talk.told.clear();
    talk.ack(PHONE);
    talk.ack(PHONE);
    assert!(talk.told.is_empty(), "it may still come");
    talk.time += 200_000_000;
    talk.ack(PHONE);
    assert_eq!(talk.flags(), [(TcpFlags::AckUnseen, 44)]);
    talk.time += 300_000_000;
    talk.ack(PHONE);
    assert_eq!(talk.flags(), []);
    talk.say(SERVER, &message(0x100, &[]));
    assert_eq!(talk.sccp()[0].missing_before, 44);
    talk.lose(SERVER, 12);
    talk.end(PHONE, false);
    assert_eq!(talk.flags(), [(TcpFlags::AckUnseen, 12), (TcpFlags::Fin, 0)]);
}

#[test]
fn octets_that_come_a_little_late_are_not_unseen() {
    let mut talk = Talk::new(2000);
    let seq = talk.seq[SERVER];
    talk.lose(SERVER, 12);
    talk.told.clear();
    talk.ack(PHONE);
    talk.at(SERVER, seq, &message(0x100, &[]));
    for _ in 0..5 {
        talk.time += 300_000_000;
        talk.ack(PHONE);
    }
    assert_eq!(talk.ids(), [0x100]);
    talk.end(PHONE, false);
    assert_eq!(talk.flags(), [(TcpFlags::Fin, 0)]);
}

#[test]
fn one_direction_alone_is_read_and_the_other_told_missing_once() {
    let mut talk = Talk::joined(2000);
    for _ in 0..10 {
        talk.say(PHONE, &message(0, &[]));
        talk.time += 30_000_000_000;
        talk.lose(SERVER, 12);
        talk.ack(PHONE);
    }
    let acks = talk.told.iter().filter(|d| matches!(&d.kind, EventKind::Tcp(_))).count();
    assert_eq!((acks, talk.ids().len()), (1, 10));
}

#[test]
fn a_message_cut_by_the_snap_length_is_read_as_far_as_it_goes() {
    let mut talk = Talk::new(2000);
    let register = register();
    talk.told.clear();
    for _ in 0..2 {
        let data = &register[..30];
        let segment = TcpSegment { seq: talk.seq[PHONE], data, wire_len: register.len(), ..TcpSegment::default() };
        talk.raw(PHONE, segment);
    }
    assert_eq!(talk.told.len(), 2, "the copy is cut too");
    assert_eq!(talk.told[0].digest, talk.told[1].digest);
    let messages = talk.sccp();
    assert_eq!(messages[0].device.as_ref().unwrap().raw(), "SEP00036BAABB12");
    assert_eq!((messages[0].device_type, messages[0].length), (None, 40));
    talk.lose(PHONE, register.len());
    talk.say(PHONE, &message(2, &[0; 4]));
    let messages = talk.sccp();
    assert_eq!((messages[0].id, messages[0].missing_before), (2, 18));
}

#[test]
fn the_rest_of_a_message_that_lost_its_middle_is_passed_over() {
    let all = [message(0x23, &[7; 600]), message(0x27, &[])].concat();
    let mut talk = Talk::new(2000);
    talk.told.clear();
    talk.say(PHONE, &all[..100]);
    talk.lose(PHONE, 100);
    talk.say(PHONE, &all[200..]);
    talk.time += 300_000_000;
    talk.ack(SERVER);
    talk.time += 300_000_000;
    talk.ack(SERVER);
    talk.say(PHONE, &message(0, &[]));
    let messages = talk.sccp();
    assert_eq!(messages.iter().map(|m| m.id).collect::<Vec<_>>(), [0x23, 0x27, 0]);
    assert_eq!(messages[1].missing_before, 100);
}

#[test]
fn a_capture_that_begins_inside_a_message_picks_up_the_next_one() {
    let all = [alarm(), register(), message(2, &[0; 4])].concat();
    for cut in 1..104 {
        let mut talk = Talk::joined(2000);
        talk.say(PHONE, &all[cut..]);
        assert_eq!(talk.ids(), [1, 2], "from octet {cut}");
        let mut talk = Talk::joined(2000);
        talk.say(PHONE, &all[cut..104]);
        talk.say(PHONE, &all[104..111]);
        talk.say(PHONE, &all[111..]);
        assert_eq!(talk.ids(), [1, 2], "from octet {cut}, header in two segments");
    }
}

#[test]
fn a_new_connection_on_the_same_ports_starts_anew() {
    let mut talk = Talk::new(2000);
    talk.say(PHONE, &alarm()[..50]);
    talk.end(SERVER, true);
    talk.seq = [77_000, 5];
    talk.handshake();
    talk.told.clear();
    talk.say(PHONE, &register());
    talk.say(SERVER, &message(0x9d, &[0; 32]));
    let messages = talk.sccp();
    assert_eq!(messages.iter().map(|m| (m.id, m.missing_before)).collect::<Vec<_>>(), [(1, 0), (0x9d, 0)]);
}

#[test]
fn another_protocol_on_the_port_is_named_at_its_end() {
    for (port, octets, name) in [
        (2000, &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], Some("HTTP")),
        (2000, b"\x16\x03\x01\x00\x6b\x01\x00\x00\x67\x03\x03abc", Some("TLS")),
        (2443, b"\x16\x03\x01\x00\x6b\x01\x00\x00\x67\x03\x03abc", None),
        (2443, b"\x04\0\0\0\0\0\0\0\0\0\0\0", Some("SCCP")),
        (2000, b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c", None),
    ] {
        let mut talk = Talk::new(port);
        talk.say(PHONE, octets);
        talk.end(PHONE, false);
        let EventKind::Tcp(last) = &talk.told.last().unwrap().kind else { panic!() };
        assert_eq!(last.carries.as_ref().map(WireText::raw), name);
        assert!(talk.ids().is_empty());
    }
}

#[test]
fn a_bogus_length_does_not_stop_the_connection() {
    let mut talk = Talk::new(2000);
    talk.say(PHONE, &message(0, &[]));
    talk.say(PHONE, &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 0, 0, 0]);
    talk.say(PHONE, &register());
    talk.say(PHONE, &message(2, &[0; 4]));
    assert_eq!(talk.ids(), [0, 1, 2]);
}

#[test]
fn sip_registrations_are_framed_by_their_length() {
    let register = "REGISTER sip:10.0.0.2 SIP/2.0\r\nContact: <sip:SEP003094C2D3FA@a>\r\nl: 3\r\n\r\nabc";
    let stream = format!("{register}\r\n\r\nOPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\n\r\nxx{register}");
    for step in [1, 7, 60, 1000] {
        let mut talk = Talk::new(5060);
        talk.told.clear();
        for part in stream.as_bytes().chunks(step) {
            talk.say(PHONE, part);
        }
        let devices: Vec<_> = talk
            .told
            .iter()
            .map(|d| if let EventKind::Sip(m) = &d.kind { m.device.clone().unwrap() } else { panic!() })
            .collect();
        assert_eq!(devices.len(), 2, "step {step}");
        assert_eq!(devices[0].raw(), "SEP003094C2D3FA");
    }
}

#[test]
fn dns_messages_are_framed_by_their_length() {
    let mut query = b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
    query.extend(b"\x08CiscoCM1\x01a\0\0\x01\0\x01");
    query[1] = (query.len() - 2) as u8;
    let twice = [query.clone(), query].concat();
    for step in [1, 5, 100] {
        let mut talk = Talk::new(53);
        for part in twice.chunks(step) {
            talk.say(PHONE, part);
        }
        let names = talk.told.iter().filter(|d| matches!(&d.kind, EventKind::Dns(m) if m.name.raw() == "CiscoCM1.a"));
        assert_eq!((names.count(), talk.told.len()), (2, 2), "step {step}");
    }
}

fn get(file: &str) -> Vec<u8> {
    format!("GET /{file} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

#[test]
fn answers_are_matched_to_their_requests_in_order() {
    let answers: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello\
        HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n\
        HTTP/1.1 200 OK\r\n\r\nuntil the end";
    let requests = [get("a.loads"), get("b.xml"), b"HEAD /c.sbn HTTP/1.1\r\n\r\n".to_vec(), get("d.xml")].concat();
    for step in [1, 3, 40, 2000] {
        let mut talk = Talk::new(6970);
        for part in requests.chunks(step) {
            talk.say(PHONE, part);
        }
        for part in answers.chunks(step) {
            talk.say(SERVER, part);
        }
        talk.end(SERVER, false);
        let messages = talk.http();
        let asked: Vec<&str> = messages[..4].iter().map(|m| m.file.as_ref().unwrap().raw()).collect();
        assert_eq!(asked, ["a.loads", "b.xml", "c.sbn", "d.xml"], "step {step}");
        let answered: Vec<_> =
            messages[4..].iter().map(|m| (m.file.as_ref().unwrap().raw(), m.status.unwrap(), m.bytes)).collect();
        let expected =
            [("a.loads", 200, Some(5)), ("b.xml", 404, Some(3)), ("c.sbn", 200, Some(0)), ("d.xml", 200, Some(13))];
        assert_eq!(answered, expected, "step {step}");
    }
}

#[test]
fn a_configuration_is_read_plain_and_packed() {
    use std::io::Write as _;
    let xml = b"<device><callManagerGroup><members><member priority=\"0\"><callManager><processNodeName>10.9.8.7\
                </processNodeName></callManager></member></members></callManagerGroup></device>";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(xml).unwrap();
    for body in [xml.to_vec(), gzip.finish().unwrap()] {
        let mut talk = Talk::new(6970);
        talk.say(PHONE, &get("SEP003094C2D3FA.cnf.xml"));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        for part in [head.as_bytes(), &body].concat().chunks(50) {
            talk.say(SERVER, part);
        }
        let EventKind::Config(config) = &talk.told.last().unwrap().kind else { panic!("{:?}", talk.told) };
        assert_eq!(config.call_managers[0].raw(), "10.9.8.7");
        assert_eq!(config.body.as_ref().unwrap().octets(), xml, "the file, unpacked");
        let n = talk.told.len();
        assert_ne!(talk.told[n - 1].digest, talk.told[n - 2].digest);
    }
}

#[test]
fn a_packed_configuration_that_swells_is_not_unpacked_whole() {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&vec![b' '; 8 << 20]).unwrap();
    let body = gzip.finish().unwrap();
    let mut talk = Talk::new(6970);
    talk.say(PHONE, &get("XMLDefault.cnf.xml"));
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    for part in [head.as_bytes(), &body].concat().chunks(1400) {
        talk.say(SERVER, part);
    }
    let last = talk.told.last().unwrap();
    assert!(matches!(&last.kind, EventKind::Http(_)) && last.anomalies.len() == 1, "{last:?}");
}

#[test]
fn a_body_with_a_hole_ends_where_its_length_says() {
    let mut talk = Talk::new(6970);
    talk.say(PHONE, &get("SEP003094C2D3FA.cnf.xml"));
    talk.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
    talk.lose(SERVER, 500);
    talk.say(SERVER, &[b'x'; 497]);
    talk.time += 300_000_000;
    talk.ack(PHONE);
    talk.time += 300_000_000;
    talk.ack(PHONE);
    talk.say(SERVER, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let answers: Vec<_> = talk.http().into_iter().filter_map(|m| Some((m.status?, m.bytes))).collect();
    assert_eq!(answers, [(200, Some(1000)), (404, Some(0))]);
}

#[test]
fn an_answer_under_way_at_the_end_is_told_without_its_length() {
    let mut talk = Talk::new(6970);
    talk.say(PHONE, &get("a.sbn"));
    talk.say(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
    let mut last = Vec::new();
    talk.streams.finish(&mut |flow, _, decoded| last.push((flow.sport, decoded.kind)));
    let [(6970, EventKind::Http(message))] = &last[..] else { panic!("{last:?}") };
    assert_eq!((message.status, message.bytes), (Some(200), None));
}

/// A small generator of numbers (xorshift), so that a failure can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[test]
fn random_segments_tell_each_message_once_and_no_other() {
    for seed in 1..300u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut stream = Vec::new();
        let mut expected = Vec::new();
        for i in 0..40u32 {
            expected.push(i);
            stream.extend(message(2, &i.to_le_bytes()));
            stream.extend(message(0x20, &[9; 92]));
        }
        // Segments of random length, some doubled, neighbours swapped.
        let mut segments = Vec::new();
        let mut from = 0;
        while from < stream.len() {
            let len = (1 + random.below(200) as usize).min(stream.len() - from);
            segments.extend(std::iter::repeat_n((from, len), 1 + usize::from(random.below(5) == 0)));
            from += len;
        }
        for i in 1..segments.len() {
            if random.below(3) == 0 {
                segments.swap(i - 1, i);
            }
        }
        let lossy = seed % 2 == 0;
        let mut talk = Talk::new(2000);
        let start = talk.seq[PHONE];
        for (from, len) in segments {
            if !(lossy && random.below(10) == 0) {
                talk.at(PHONE, start.wrapping_add(from as u32), &stream[from..from + len]);
            }
            if lossy && random.below(4) == 0 {
                talk.seq[PHONE] = start.wrapping_add(from as u32);
                talk.ack(SERVER);
            }
        }
        let mut seen: Vec<u64> = Vec::new();
        let mut count = 0;
        for d in &talk.told {
            let EventKind::Sccp(m) = &d.kind else { continue };
            let copy = d.anomalies.iter().any(|a| a.as_str() == COPY);
            assert_eq!(copy, seen.contains(&d.digest), "seed {seed}: {d:?}");
            assert!(matches!((m.id, m.length), (2, 8) | (0x20, 96)), "seed {seed}: {m:?}");
            seen.push(d.digest);
            count += usize::from(!copy);
        }
        assert!(count <= expected.len() * 2, "seed {seed}");
        if !lossy {
            assert_eq!(count, expected.len() * 2, "seed {seed}");
        }
    }
}

#[test]
fn hostile_segments_neither_panic_nor_grow_the_memory() {
    let samples: Vec<Vec<u8>> = vec![
        alarm(),
        register(),
        get("SEP003094C2D3FA.cnf.xml"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n".to_vec(),
        b"REGISTER sip:a SIP/2.0\r\nl: 18446744073709551615\r\n\r\n".to_vec(),
        vec![0; 1400],
        vec![0xff; 1400],
    ];
    let ports = [2000, 2443, 5060, 6970, 6971, 53];
    for seed in 1..12u64 {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut streams = Streams::new();
        for i in 0..8000u32 {
            let mut data = samples[random.below(samples.len() as u64) as usize].clone();
            for _ in 0..random.below(4) {
                let at = random.below(data.len() as u64) as usize;
                data[at] = random.below(256) as u8;
            }
            data.truncate(random.below(data.len() as u64 + 1) as usize);
            let flags = random.below(64);
            let server = ([10, 0, 0, 1].into(), ports[random.below(6) as usize]);
            let client = ([10, 0, random.below(4) as u8, 9].into(), 40000 + random.below(8) as u16);
            let (src, dst): ((IpAddr, u16), (IpAddr, u16)) =
                if random.below(2) == 0 { (client, server) } else { (server, client) };
            let segment = TcpSegment {
                seq: (random.below(9) * 700).wrapping_sub(random.below(2000)) as u32,
                ack: random.below(if flags & 32 == 0 { 9000 } else { 1 << 32 }) as u32,
                syn: flags == 1,
                fin: flags == 2,
                rst: flags == 3,
                ack_flag: flags & 1 == 0,
                data: &data,
                wire_len: data.len() + random.below(3) as usize * 100,
            };
            let flow = Flow { src: src.0, sport: src.1, dst: dst.0, dport: dst.1 };
            let time = Timestamp(i64::from(i) * 1_000_000 - random.below(1 << 30) as i64);
            streams.handle_segment(time, flow, random.below(3) as u32, &segment, &mut |d| assert_ne!(d.digest, 0));
            assert!(streams.held <= MAX_HELD, "seed {seed}");
        }
        let held: usize = streams.connections.values().map(|c| c.held).sum();
        assert_eq!(streams.held, held, "seed {seed}");
        streams.finish(&mut |_, _, _| {});
    }
}

#[test]
fn the_tables_have_an_end_and_say_so() {
    let mut streams = Streams::new();
    let segment = |data| TcpSegment { seq: 5, data, wire_len: 4, ..TcpSegment::default() };
    for i in 0..MAX_CONNECTIONS as u32 + 5 {
        let src = IpAddr::from((0x0a00_0000 + i).to_be_bytes());
        let flow = Flow { src, dst: [10, 0, 0, 1].into(), sport: 50000, dport: 2000 };
        assert_eq!(streams.limits_reached().is_some(), i > MAX_CONNECTIONS as u32);
        streams.handle_segment(Timestamp(0), flow, 0, &segment(b"abcd"), &mut |_| {});
    }
    assert_eq!(streams.connections.len(), MAX_CONNECTIONS);
    assert!(streams.limits_reached().unwrap().ends_with(": 5 were forgotten"));
}

#[test]
fn idle_connections_are_evicted_and_may_resume() {
    let mut streams = Streams::new();
    let segment = |seq, data| TcpSegment { seq, data, wire_len: 4, ..TcpSegment::default() };
    let flow = |i: u32| {
        let src = IpAddr::from((0x0a00_0000 + i).to_be_bytes());
        Flow { src, dst: [10, 0, 0, 1].into(), sport: 50000, dport: 2000 }
    };
    for i in 0..100 {
        streams.handle_segment(Timestamp(i64::from(i)), flow(i), 0, &segment(5, b"\0\0\0\0"), &mut |_| {});
    }
    streams.forget_before(Timestamp(90));
    assert_eq!(streams.connections.len(), 10);
    streams.forget_before(Timestamp(100));
    assert_eq!((streams.connections.len(), streams.held(), streams.limits_reached()), (0, 0, None));
    let mut told = Vec::new();
    let keep_alive = message(0, &[]);
    let data = TcpSegment { seq: 9, data: &keep_alive, wire_len: keep_alive.len(), ..TcpSegment::default() };
    streams.handle_segment(Timestamp(200), flow(3), 0, &data, &mut |d| told.push(d));
    assert!(told.iter().any(|d| matches!(&d.kind, EventKind::Sccp(m) if m.id == 0)), "{told:?}");
}

#[test]
fn connections_that_are_over_make_room_without_being_missed() {
    let mut talk = Talk::new(2000);
    talk.end(PHONE, false);
    talk.end(SERVER, false);
    talk.ack(PHONE);
    let mut streams = std::mem::take(&mut talk.streams);
    for i in 0..MAX_CONNECTIONS as u32 {
        let src = IpAddr::from((0x0b00_0000 + i).to_be_bytes());
        let flow = Flow { src, dst: [10, 0, 0, 1].into(), sport: 50000, dport: 2000 };
        let segment = TcpSegment { seq: 5, data: b"abcd", wire_len: 4, ..TcpSegment::default() };
        streams.handle_segment(Timestamp(talk.time), flow, 0, &segment, &mut |_| {});
    }
    assert_eq!((streams.connections.len(), streams.limits_reached()), (MAX_CONNECTIONS, None));
}
