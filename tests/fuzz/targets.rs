//! What is fuzzed: a function for each decoder and each input format, that takes any octets.
//!
//! A target fails by a panic, by not coming back, or by memory without bound. What it returns to nobody is checked
//! where that is cheap: what a decoder says must be writable as an event, and an event must read back as it was.
//! The functions are here, apart from the fuzzer, so that the ordinary tests run them too.

use std::io::Cursor;

use phonescope::analyzer::Analyzer;
use phonescope::capture::{Inputs, Record};
use phonescope::report::{write_event, write_json};
use phonescope::site::Site;
use phonescope::types::{Frame, LinkType, Timestamp, WireText};
use phonescope::wire::{
    cdp, dhcp, dhcpv6, dns, frame, http, lldp, load, load_list, phone_config, sccp, sip, tftp, tls,
};

/// A target: its name and what takes the octets.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. Each has a file of its name in `fuzz_targets/`, and a `[[bin]]`.
pub const TARGETS: &[Target] = &[
    ("capture_any", capture_any),
    ("capture_events", capture_events),
    ("capture_gzip", capture_gzip),
    ("capture_pcap", capture_pcap),
    ("capture_pcapng", capture_pcapng),
    ("capture_snoop", capture_snoop),
    ("capture_zstd", capture_zstd),
    ("cdp_announcement", cdp_announcement),
    ("dhcp_message", dhcp_message),
    ("dhcpv6_message", dhcpv6_message),
    ("dns_message", dns_message),
    ("frame_headers", frame_headers),
    ("frames_ethernet", frames_ethernet),
    ("http_head", http_head),
    ("lldp_announcement", lldp_announcement),
    ("load_names", load_names),
    ("phone_configuration", phone_configuration),
    ("sccp_message", sccp_message),
    ("sip_message", sip_message),
    ("site_file", site_file),
    ("tcp_streams", tcp_streams),
    ("tftp_packet", tftp_packet),
    ("tftp_transfers", tftp_transfers),
    ("tls_handshake", tls_handshake),
];

/// Writes a decoded message as JSON and reads it back.
fn there_and_back<T>(message: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(message).expect("a message is writable");
    let back: T = serde_json::from_str(&text).expect("what was written is readable");
    assert_eq!(&back, message);
}

pub fn dhcp_message(data: &[u8]) {
    if let Some((message, _)) = dhcp::parse(data) {
        there_and_back(&message);
        message.phone_class();
    }
}

pub fn dhcpv6_message(data: &[u8]) {
    if let Some((message, _)) = dhcpv6::parse(data) {
        there_and_back(&message);
    }
}

pub fn tftp_packet(data: &[u8]) {
    for wire_len in [data.len(), data.len() + 100] {
        if let Some((packet, _)) = tftp::parse(data, wire_len) {
            there_and_back(&packet);
        }
    }
}

pub fn dns_message(data: &[u8]) {
    if let Some((message, _)) = dns::parse(data) {
        there_and_back(&message);
    }
}

pub fn cdp_announcement(data: &[u8]) {
    if let Some((message, _)) = cdp::parse(data) {
        there_and_back(&message);
    }
}

pub fn lldp_announcement(data: &[u8]) {
    if let Some((message, _)) = lldp::parse(data) {
        there_and_back(&message);
    }
}

pub fn sip_message(data: &[u8]) {
    sip::is_likely(data);
    sip::content_length(data);
    if let Some((message, _)) = sip::parse(data) {
        there_and_back(&message);
    }
}

pub fn http_head(data: &[u8]) {
    http::is_likely(data);
    http::head_len(data);
    http::parse_request(data);
    http::parse_answer(data, false);
    http::parse_answer(data, true);
}

pub fn sccp_message(data: &[u8]) {
    sccp::find_message(data);
    sccp::is_whole_messages(data, data.len());
    if let Some(Ok((message, _))) = sccp::parse_message(data) {
        there_and_back(&message);
    }
}

pub fn tls_handshake(data: &[u8]) {
    tls::record(data);
    tls::parse_alert(data);
    if let Some((kind, body)) = data.split_first()
        && let Some((message, _)) = tls::parse_handshake(*kind, body)
    {
        there_and_back(&message);
    }
}

pub fn phone_configuration(data: &[u8]) {
    let file = WireText::from("SEP003094C2D3FA.cnf.xml");
    let (config, _) = phone_config::parse(&file, data);
    there_and_back(&config);
}

/// Two names of loads, divided by a line end, and the same octets as a list.
pub fn load_names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (a, b) = text.split_once('\n').unwrap_or((&text, &text));
    assert_eq!(load::same_load(a, b), load::same_load(b, a));
    assert_eq!(load::compare(a, b), load::compare(b, a).map(std::cmp::Ordering::reverse));
    load::print_name(a, Some(7));
    load::family(a);
    load_list::parse("OS79XX.TXT", data);
    load_list::parse("SCCP41.8-5-2S.loads", data);
}

pub fn site_file(data: &[u8]) {
    let mut read = |_: &str| Ok(String::from_utf8_lossy(data).into_owned());
    if let Ok(site) = Site::parse("fuzz.toml", &String::from_utf8_lossy(data), &mut read) {
        report(&mut Analyzer::new(), &site);
    }
}

/// Link types whose headers are read, and one that is not.
const LINK_TYPES: [u16; 16] = [1, 0, 9, 12, 14, 50, 101, 104, 105, 107, 108, 113, 127, 228, 276, 147];

fn frame_of(link_type: LinkType, number: u64, data: &[u8]) -> Frame<'_> {
    let orig_len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let time = Timestamp(i64::try_from(number).unwrap_or(0) * 10_000_000);
    Frame { input: 0, number, time, link_type, orig_len, data }
}

/// The first octet picks the link type.
pub fn frame_headers(data: &[u8]) {
    let Some((pick, data)) = data.split_first() else { return };
    let link_type = LINK_TYPES.get(usize::from(*pick) % LINK_TYPES.len()).copied().unwrap_or(1);
    let frame = frame_of(LinkType(link_type), 1, data);
    frame::is_uninteresting(frame.link_type, frame.data);
    frame::dissect(&frame);
}

/// Parts of the input: two octets of length, then as many.
fn parts(data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (part, after) = after.split_at(length);
        parts.push(part);
        rest = after;
    }
    parts
}

/// Reads frames from first to last, and judges them.
fn analyze<'f>(frames: impl Iterator<Item = (LinkType, &'f [u8])>) {
    let mut analyzer = Analyzer::with_events();
    for (number, (link_type, data)) in (1u64..).zip(frames) {
        analyzer.handle_frame(&frame_of(link_type, number, data));
        drain(&mut analyzer);
    }
    report(&mut analyzer, &Site::none());
}

/// Events that were written read back as what they were.
fn drain(analyzer: &mut Analyzer) {
    while let Some(event) = analyzer.poll_event() {
        let mut line = Vec::new();
        write_event(&event, &mut line).expect("an event is writable");
        let back: phonescope::event::Event = serde_json::from_slice(&line).expect("what was written is readable");
        let mut again = Vec::new();
        write_event(&back, &mut again).expect("an event is writable");
        assert_eq!(String::from_utf8_lossy(&line), String::from_utf8_lossy(&again));
    }
}

fn report(analyzer: &mut Analyzer, site: &Site) {
    analyzer.finish(Vec::new());
    drain(analyzer);
    let mut out = Vec::new();
    write_json(&analyzer.diagnose(site), &mut out).expect("a report is writable");
}

/// Ethernet frames, each behind its length.
pub fn frames_ethernet(data: &[u8]) {
    analyze(parts(data).into_iter().map(|part| (LinkType::ETHERNET, part)));
}

/// A packet of IPv4 in the link type for such.
fn ipv4(up: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (phone, server) = ([10, 1, 1, 50], [10, 1, 1, 5]);
    let (src, dst) = if up { (phone, server) } else { (server, phone) };
    let total = u16::try_from(20 + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, protocol, 0, 0][..], &src, &dst, payload].concat()
}

/// Datagrams between a phone and its TFTP server: of each part the first octet is the direction and the ports.
pub fn tftp_transfers(data: &[u8]) {
    let packets: Vec<Vec<u8>> = parts(data)
        .into_iter()
        .filter_map(|part| {
            let (pick, payload) = part.split_first()?;
            let up = pick & 1 == 0;
            let client = 50_000 + u16::from(pick >> 1 & 3);
            let server = if pick & 0x80 == 0 { 69 } else { 40_000 + u16::from(pick >> 3 & 3) };
            let (src, dst) = if up { (client, server) } else { (server, client) };
            let length = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
            let datagram = [&src.to_be_bytes()[..], &dst.to_be_bytes(), &length, &[0, 0], payload].concat();
            Some(ipv4(up, 17, &datagram))
        })
        .collect();
    analyze(packets.iter().map(|packet| (LinkType(101), packet.as_slice())));
}

/// Segments between a phone and a server: the first octet of all picks the port; of each part the first is direction
/// and flags, the second moves the sequence number off what is expected.
pub fn tcp_streams(data: &[u8]) {
    const PORTS: [u16; 8] = [2000, 2443, 5060, 5061, 6970, 6971, 53, 2000];
    let Some((pick, data)) = data.split_first() else { return };
    let port = PORTS.get(usize::from(pick & 7)).copied().unwrap_or(2000);
    let mut next = [1_000u32, 0xffff_ff00];
    let packets: Vec<Vec<u8>> = parts(data)
        .into_iter()
        .filter_map(|part| {
            let ([pick, off], payload) = part.split_first_chunk::<2>()?;
            let up = pick & 0x40 == 0;
            let [phone, server] = next;
            let (own, other) = if up { (phone, server) } else { (server, phone) };
            let (src, dst) = if up { (50_000, port) } else { (port, 50_000) };
            let seq = own.wrapping_add_signed(i32::from(off.cast_signed()));
            let flags = pick & 0x17;
            let words = [src.to_be_bytes(), dst.to_be_bytes()].concat();
            let header =
                [&words, &seq.to_be_bytes()[..], &other.to_be_bytes(), &[0x50, flags, 4, 0, 0, 0, 0, 0]].concat();
            let end = own.wrapping_add(u32::try_from(payload.len()).unwrap_or(0) + u32::from(flags & 3 != 0));
            next = if up { [end, server] } else { [phone, end] };
            Some(ipv4(up, 6, &[header.as_slice(), payload].concat()))
        })
        .collect();
    analyze(packets.iter().map(|packet| (LinkType(101), packet.as_slice())));
}

/// A capture file, whatever it says it is.
pub fn capture_any(data: &[u8]) {
    capture(&[], data);
}

/// Behind the first octets that make it this kind.
pub fn capture_pcap(data: &[u8]) {
    capture(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0], data);
}

pub fn capture_pcapng(data: &[u8]) {
    let section = [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    capture(&[&section[..], &[0xff; 8], &[28, 0, 0, 0]].concat(), data);
}

pub fn capture_snoop(data: &[u8]) {
    capture(b"snoop\0\0\0\0\0\0\x02\0\0\0\x04", data);
}

pub fn capture_events(data: &[u8]) {
    capture(b"{\"type\":\"", data);
}

pub fn capture_gzip(data: &[u8]) {
    capture(&[0x1f, 0x8b, 8], data);
}

pub fn capture_zstd(data: &[u8]) {
    capture(&[0x28, 0xb5, 0x2f, 0xfd], data);
}

fn capture(front: &[u8], data: &[u8]) {
    let reader = Cursor::new([front, data].concat());
    let Ok(mut inputs) = Inputs::from_readers(vec![("fuzz".into(), Box::new(reader))]) else { return };
    let mut analyzer = Analyzer::new();
    loop {
        match inputs.next_record() {
            Ok(Some(Record::Frame(frame))) => analyzer.handle_frame(&frame),
            Ok(Some(Record::Event(event))) => analyzer.handle_event(*event),
            Ok(None) | Err(_) => break,
        }
    }
    analyzer.finish(inputs.summaries());
    let mut out = Vec::new();
    write_json(&analyzer.diagnose(&Site::none()), &mut out).expect("a report is writable");
}
