//! CompletedFile transfers, datagram by datagram.

use super::*;
use crate::wire::phone_config::PhoneConfig;

const PHONE: &str = "10.1.1.50";
const SERVER: &str = "10.1.1.5";
const NAME: &str = "SEP003094C2D3FA.cnf.xml";

/// A capture point: counts time and IP ids, collects what comes out.
struct Tap {
    transfers: Transfers,
    time: i64,
    ip_id: u32,
    out: Vec<Decoded>,
}

impl Tap {
    fn new() -> Tap {
        Tap { transfers: Transfers::new(), time: 0, ip_id: 0, out: Vec::new() }
    }

    fn wait(&mut self, secs: i64) -> &mut Tap {
        self.time += secs * 1_000_000_000;
        self
    }

    /// One datagram with an IP id of its own; the events that it makes.
    fn send(&mut self, from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Vec<Decoded> {
        self.ip_id += 1;
        self.time += 1_000_000;
        self.copy(from, to, payload)
    }

    /// The datagram before once more, as a mirror port copies it.
    fn copy(&mut self, from: (&str, u16), to: (&str, u16), payload: &[u8]) -> Vec<Decoded> {
        self.cut(from, to, payload, payload.len())
    }

    fn cut(&mut self, from: (&str, u16), to: (&str, u16), payload: &[u8], wire_len: usize) -> Vec<Decoded> {
        let flow = Flow { src: from.0.parse().unwrap(), dst: to.0.parse().unwrap(), sport: from.1, dport: to.1 };
        let mut out = Vec::new();
        let time = Timestamp(self.time);
        self.transfers.handle_datagram(time, flow, self.ip_id, payload, wire_len, &mut |d| out.push(d));
        assert!(out.iter().all(|d| d.digest != 0));
        self.out.extend(out.clone());
        out
    }

    fn request(&mut self, port: u16, file: &str) -> Vec<Decoded> {
        self.send((PHONE, port), (SERVER, 69), &request(file, "octet", ""))
    }

    fn data(&mut self, from: u16, to: u16, block: u16, data: &[u8]) -> Vec<Decoded> {
        self.send((SERVER, from), (PHONE, to), &data_packet(block, data))
    }

    fn ack(&mut self, from: u16, to: u16, block: u16) -> Vec<Decoded> {
        self.send((PHONE, from), (SERVER, to), &[[0, 4], block.to_be_bytes()].concat())
    }

    /// The file in blocks, acknowledged.
    fn serve(&mut self, from: u16, to: u16, file: &[u8], size: usize) {
        for (number, block) in blocks(file, size) {
            self.data(from, to, number, &block);
            self.ack(to, from, number);
        }
    }

    /// Length and hash of the files that were seen whole.
    fn wholes(&self) -> Vec<(u64, String)> {
        let packets = self.out.iter().filter_map(|d| if let EventKind::Tftp(p) = &d.kind { Some(p) } else { None });
        packets.filter_map(|p| Some((p.file_bytes?, p.file_hash.as_ref()?.to_string()))).collect()
    }

    fn configs(&self) -> Vec<&PhoneConfig> {
        self.out.iter().filter_map(|d| if let EventKind::Config(c) = &d.kind { Some(&**c) } else { None }).collect()
    }
}

fn request(file: &str, mode: &str, options: &str) -> Vec<u8> {
    format!("\0\x01{file}\0{mode}\0{options}").into_bytes()
}

fn data_packet(block: u16, data: &[u8]) -> Vec<u8> {
    [&[0, 3], &block.to_be_bytes()[..], data].concat()
}

fn blocks(file: &[u8], size: usize) -> Vec<(u16, Vec<u8>)> {
    let whole = file.len() / size;
    (0..=whole)
        .map(|n| (u16::try_from(n + 1).unwrap(), file[n * size..file.len().min((n + 1) * size)].to_vec()))
        .collect()
}

/// A configuration of `length` bytes.
fn config(load: &str, length: usize) -> Vec<u8> {
    let mut text = format!(
        "<device><devicePool><callManagerGroup><members><member priority=\"0\"><callManager><processNodeName>\
         10.1.1.10</processNodeName></callManager></member></members></callManagerGroup></devicePool>\
         <loadInformation>{load}</loadInformation><!--"
    );
    while text.len() + "--></device>".len() < length {
        text.push('x');
    }
    text.push_str("--></device>");
    text.into_bytes()
}

fn packet(out: &[Decoded]) -> &Packet {
    match &out[0].kind {
        EventKind::Tftp(packet) => packet,
        other => panic!("{other:?}"),
    }
}

fn file(out: &[Decoded]) -> &str {
    packet(out).file.as_ref().unwrap().raw()
}

#[test]
fn a_configuration_comes_with_the_block_that_completes_it() {
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    let bytes = config("P00303020214", 900);
    let first = tap.data(40_000, 50_000, 1, &bytes[..512]);
    assert_eq!((file(&first), packet(&first).last, first.len()), (NAME, false, 1));
    assert_eq!(file(&tap.ack(50_000, 40_000, 1)), NAME);
    let second = tap.data(40_000, 50_000, 2, &bytes[512..]);
    assert_eq!((packet(&second).last, packet(&second).bytes), (true, Some(388)));
    let EventKind::Config(config) = &second[1].kind else { panic!("{second:?}") };
    assert_eq!(config.load.as_ref().unwrap().raw(), "P00303020214");
    assert_eq!(config.file.raw(), NAME);
    assert_eq!(config.problem, None);
    assert_eq!(file(&tap.ack(50_000, 40_000, 2)), NAME);
    assert_eq!(tap.transfers.kept, 0);
    assert_eq!(tap.transfers.limits_reached(), None);
}

#[test]
fn file_of_whole_blocks_ends_with_an_empty_block() {
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    let bytes = config("A", 1024);
    assert!(!packet(&tap.data(40_000, 50_000, 1, &bytes[..512])).last);
    assert!(!packet(&tap.data(40_000, 50_000, 2, &bytes[512..])).last);
    assert!(tap.configs().is_empty());
    assert!(packet(&tap.data(40_000, 50_000, 3, b"")).last);
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn copies_and_retransmissions_give_one_config() {
    let mut tap = Tap::new();
    let (client, server) = ((PHONE, 50_000), (SERVER, 40_000));
    tap.request(50_000, NAME);
    tap.copy(client, (SERVER, 69), &request(NAME, "octet", ""));
    let bytes = config("A", 1300);
    for (number, block) in blocks(&bytes, 512) {
        let payload = data_packet(number, &block);
        let one = tap.send(server, client, &payload);
        let two = tap.copy(server, client, &payload);
        assert_eq!(one[0].digest, two[0].digest);
        let again = tap.send(server, client, &payload);
        assert_ne!(one[0].digest, again[0].digest, "a retransmission has an IP id of its own");
        tap.copy(client, (SERVER, 69), &request(NAME, "octet", ""));
    }
    assert_eq!(tap.configs().len(), 1);
    assert_eq!(tap.configs()[0].problem, None);
}

#[test]
fn a_lost_block_makes_no_configuration() {
    let bytes = config("A", 2000);
    for missing in 1..=4u16 {
        let mut tap = Tap::new();
        tap.request(50_000, NAME);
        for (number, block) in blocks(&bytes, 512).into_iter().filter(|(number, _)| *number != missing) {
            tap.data(40_000, 50_000, number, &block);
        }
        assert!(tap.configs().is_empty(), "without block {missing}");
    }
}

#[test]
fn blocks_out_of_order_are_put_in_order() {
    let bytes = config("A", 2000);
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    let blocks = blocks(&bytes, 512);
    for at in [1, 0, 3, 2] {
        tap.data(40_000, 50_000, blocks[at].0, &blocks[at].1);
    }
    assert_eq!(tap.configs().len(), 1);
    assert_eq!(tap.configs()[0].problem, None);
    assert_eq!(tap.transfers.kept, 0);
}

#[test]
fn a_block_cut_by_the_snap_length_makes_no_configuration() {
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    let bytes = config("A", 700);
    tap.cut((SERVER, 40_000), (PHONE, 50_000), &data_packet(1, &bytes[..64]), 516);
    let last = tap.data(40_000, 50_000, 2, &bytes[512..]);
    assert!(packet(&last).last);
    assert!(tap.configs().is_empty());
}

#[test]
fn one_client_port_can_carry_one_transfer_after_another() {
    let mut tap = Tap::new();
    tap.request(50_000, "CTLSEP003094C2D3FA.tlv");
    let error = tap.send((SERVER, 40_000), (PHONE, 50_000), b"\0\x05\0\x01No such file\0");
    assert_eq!((file(&error), packet(&error).error_code), ("CTLSEP003094C2D3FA.tlv", Some(1)));
    tap.request(50_000, NAME);
    tap.serve(40_001, 50_000, &config("A", 300), 512);
    // The last block once more, and its acknowledgement, after the next request: they belong to the file before.
    let bytes = config("A", 900);
    tap.request(50_000, "SEP003094C2D3FA.cnf.xml");
    tap.serve(40_002, 50_000, &bytes, 512);
    tap.request(50_000, "XMLDefault.cnf.xml");
    assert_eq!(file(&tap.data(40_002, 50_000, 2, &bytes[512..])), NAME);
    assert_eq!(file(&tap.ack(50_000, 40_002, 2)), NAME);
    tap.serve(40_003, 50_000, &config("B", 600), 512);
    let loads: Vec<_> = tap.configs().iter().map(|c| c.load.as_ref().unwrap().raw().to_owned()).collect();
    assert_eq!(loads, ["A", "A", "B"]);
}

#[test]
fn late_copy_of_a_one_block_file_is_not_the_next_file() {
    for server_port in [40_000, 69] {
        let mut tap = Tap::new();
        tap.request(50_000, NAME);
        let payload = data_packet(1, &config("A", 300));
        tap.send((SERVER, server_port), (PHONE, 50_000), &payload);
        let ip_id = tap.ip_id;
        tap.request(50_000, "XMLDefault.cnf.xml");
        tap.ip_id = ip_id;
        assert_eq!(file(&tap.copy((SERVER, server_port), (PHONE, 50_000), &payload)), NAME);
        assert_eq!(tap.configs().len(), 1, "from port {server_port}");
    }
}

#[test]
fn a_second_fetch_of_the_same_file_is_a_second_configuration() {
    for (first, second) in [(40_000, 40_001), (69, 69), (40_000, 40_000)] {
        let mut tap = Tap::new();
        let bytes = config("A", 900);
        tap.request(50_000, NAME);
        tap.serve(first, 50_000, &bytes, 512);
        tap.wait(5).request(50_000, NAME);
        tap.serve(second, 50_000, &bytes, 512);
        assert_eq!(tap.configs().len(), 2, "server ports {first} and {second}");
    }
}

#[test]
fn late_copy_of_a_repeated_request_is_no_second_fetch() {
    let mut tap = Tap::new();
    let payload = data_packet(1, &config("A", 300));
    tap.request(50_000, NAME);
    tap.send((SERVER, 40_000), (PHONE, 50_000), &payload);
    let ip_id = tap.ip_id;
    tap.request(50_000, NAME);
    tap.ip_id = ip_id;
    tap.copy((SERVER, 40_000), (PHONE, 50_000), &payload);
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn repeated_request_gives_two_streams_and_one_config() {
    let mut tap = Tap::new();
    let bytes = config("A", 900);
    tap.request(50_000, NAME);
    tap.data(40_000, 50_000, 1, &bytes[..512]);
    tap.request(50_000, NAME);
    tap.ack(50_000, 40_000, 1);
    tap.data(40_001, 50_000, 1, &bytes[..512]);
    let error = tap.send((PHONE, 50_000), (SERVER, 40_001), b"\0\x05\0\x05Unknown transfer ID\0");
    assert_eq!((file(&error), packet(&error).error_code), (NAME, Some(5)));
    tap.data(40_000, 50_000, 2, &bytes[512..]);
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn the_option_acknowledgement_sets_the_block_size() {
    let bytes = config("A", 2000);
    let asked = request(NAME, "octet", "blksize\x001428\0tsize\x000\0");
    let mut tap = Tap::new();
    tap.send((PHONE, 50_000), (SERVER, 69), &asked);
    let oack = tap.send((SERVER, 40_000), (PHONE, 50_000), b"\0\x06blksize\x001428\0tsize\x002000\0");
    assert_eq!(file(&oack), NAME);
    tap.ack(50_000, 40_000, 0);
    assert!(!packet(&tap.data(40_000, 50_000, 1, &bytes[..1428])).last);
    let last = tap.data(40_000, 50_000, 2, &bytes[1428..]);
    assert!(packet(&last).last && last[0].anomalies.is_empty());
    assert_eq!(tap.configs().len(), 1);

    // Refused without a word: the block size is 512, and a block of 512 is not the last.
    let mut tap = Tap::new();
    tap.send((PHONE, 50_000), (SERVER, 69), &asked);
    tap.serve(40_000, 50_000, &bytes, 512);
    assert_eq!(tap.configs().len(), 1);

    // Accepted, but the capture does not hold it.
    let mut tap = Tap::new();
    tap.send((PHONE, 50_000), (SERVER, 69), &asked);
    tap.serve(40_000, 50_000, &bytes, 1428);
    assert_eq!(tap.configs().len(), 1);

    // Smaller than 512.
    let mut tap = Tap::new();
    tap.send((PHONE, 50_000), (SERVER, 69), &request(NAME, "octet", "blksize\x00256\0"));
    tap.send((SERVER, 40_000), (PHONE, 50_000), b"\0\x06BLKSIZE\x00256\0");
    tap.serve(40_000, 50_000, &bytes, 256);
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn a_file_that_is_not_of_the_size_announced_is_odd() {
    let mut tap = Tap::new();
    tap.send((PHONE, 50_000), (SERVER, 69), &request("P00303020214.bin", "octet", "tsize\x000\0"));
    tap.send((SERVER, 40_000), (PHONE, 50_000), b"\0\x06tsize\x00900\0");
    tap.data(40_000, 50_000, 1, &[0; 512]);
    let last = tap.data(40_000, 50_000, 2, &[0; 100]);
    assert_eq!(last[0].anomalies[0].as_str(), "tftp: the file has 612 octets, 900 were announced");
    let odd = tap.data(40_001, 50_000, 1, &[0; 800]);
    assert_eq!(odd[0].anomalies[0].as_str(), "tftp: block of 800 octets, 512 is the block size");
}

#[test]
fn netascii_is_undone() {
    let mut tap = Tap::new();
    tap.send((PHONE, 50_000), (SERVER, 69), &request(NAME, "netascii", ""));
    let text = String::from_utf8(config("A", 300)).unwrap().replace("<device>", "<device>\r\n\r\0");
    tap.data(40_000, 50_000, 1, text.as_bytes());
    assert_eq!(tap.configs()[0].problem, None);
    assert_eq!(without_netascii(b"a\r\nb\r\0c\rd\r"), b"a\nb\rc\rd\r");
    assert_eq!(without_netascii(b"\r\0\n"), b"\r\n");
}

#[test]
fn block_numbers_roll_over_in_both_ways() {
    for after in [0u16, 1] {
        let mut tap = Tap::new();
        tap.request(50_000, "big.bin");
        for number in 1..=u16::MAX {
            tap.data(40_000, 50_000, number, &[0; 512]);
        }
        tap.send((SERVER, 40_000), (PHONE, 50_000), &data_packet(after, &[0; 512]));
        let last = tap.data(40_000, 50_000, after + 1, &[0; 5]);
        assert_eq!((packet(&last).last, file(&last)), (true, "big.bin"));
        assert_eq!(packet(&last).file_bytes, Some(65_536 * 512 + 5));
        let stream = tap.transfers.by_client.iter().next().unwrap().1.streams[0].as_ref().unwrap();
        assert_eq!((stream.length, stream.complete), (65_536 * 512 + 5, true), "rolled over to {after}");
        tap.out.clear();
    }
}

#[test]
fn every_block_twice_is_one_file() {
    // The sorcerer's apprentice (RFC 1123 section 4.2.3.1): a late acknowledgement makes the server send each block
    // that follows twice, and the client acknowledge each twice.
    let bytes = config("A", 2000);
    let mut tap = Tap::new();
    for name in [NAME, "P00303020214.bin"] {
        tap.out.clear();
        tap.request(50_000, name);
        for (number, block) in blocks(&bytes, 512) {
            for _ in 0..2 {
                tap.data(40_000, 50_000, number, &block);
            }
            for _ in 0..2 {
                tap.ack(50_000, 40_000, number);
            }
        }
        assert_eq!(tap.configs().len(), usize::from(name == NAME));
        assert_eq!(tap.wholes().len(), usize::from(name != NAME), "the hash comes once");
        tap.wait(120);
    }
}

#[test]
fn resent_block_of_a_window_leaves_one_file() {
    let bytes = config("A", 8 * 512 + 100);
    let blocks = blocks(&bytes, 512);
    for name in [NAME, "OS79XX.TXT", "P00303020214.bin"] {
        let mut tap = Tap::new();
        tap.send((PHONE, 50_000), (SERVER, 69), &request(name, "octet", "windowsize\x004\0"));
        tap.send((SERVER, 40_000), (PHONE, 50_000), b"\0\x06windowsize\x004\0");
        tap.ack(50_000, 40_000, 0);
        // Block 3 is lost: the client acknowledges 2, the window begins anew at 3 (RFC 7440 section 4).
        for at in [0, 1, 3, 2, 3, 4, 5, 6, 7, 8] {
            tap.data(40_000, 50_000, blocks[at].0, &blocks[at].1);
        }
        let last = packet(&tap.out[tap.out.len() - 1 - tap.configs().len()..]);
        assert!(last.last && last.block == Some(9));
        assert_eq!(tap.configs().len(), usize::from(name == NAME));
        assert_eq!(tap.wholes().len(), usize::from(name != NAME), "{name}");
    }
}

#[test]
fn a_load_has_length_and_hash_when_it_was_seen_whole() {
    let bytes: Vec<u8> = (0..3000u32).map(|n| ((n * n) >> 3) as u8).collect();
    let mut tap = Tap::new();
    // FNV-1a of the bytes, whatever the blocks.
    let hash = format!("{:016x}", {
        let mut digest = Digest::new();
        digest.write(&bytes);
        digest.finish()
    });
    tap.request(50_000, "P00303020214.bin");
    tap.serve(40_000, 50_000, &bytes, 512);
    tap.send((PHONE, 50_001), (SERVER, 69), &request("jar41.8-5.sbn", "octet", "blksize\x00100\0"));
    tap.send((SERVER, 40_001), (PHONE, 50_001), b"\0\x06blksize\x00100\0");
    tap.serve(40_001, 50_001, &bytes, 100);
    assert_eq!(tap.wholes(), [(3000, hash.clone()), (3000, hash)]);
    tap.out.clear();
    // A block that a snap length cut, or that is not there; a password could be guessed by the hash of its file.
    for (port, name, cut, skip) in [
        (50_010, "P00303020214.bin", true, false),
        (50_011, "P00303020214.bin", false, true),
        (50_012, NAME, false, false),
        (50_013, "SIP003094C2D3FA.cnf", false, false),
    ] {
        tap.request(port, name);
        for (number, block) in blocks(&bytes, 512) {
            let payload = data_packet(number, &block);
            match number {
                2 if skip => {}
                2 if cut => drop(tap.cut((SERVER, 40_000), (PHONE, port), &payload[..60], payload.len())),
                _ => drop(tap.send((SERVER, 40_000), (PHONE, port), &payload)),
            }
        }
    }
    assert_eq!(tap.wholes(), []);
}

#[test]
fn what_a_list_of_loads_names_comes_with_its_last_block() {
    let mut tap = Tap::new();
    tap.request(50_000, "OS79XX.TXT");
    let only = tap.data(40_000, 50_000, 1, b"P00303020214\r\n");
    assert_eq!((packet(&only).names.as_slice(), packet(&only).file_bytes), (&["P00303020214".into()][..], Some(14)));
    assert_eq!(only.len(), 1, "it is no configuration");
    tap.request(50_001, "SCCP41.8-5-2S.loads");
    let list = format!("{}cnu41.8-5-2TH1-9.sbn\r\njar41sccp.8-5-2TH1-9.sbn\r\n", "\u{1}".repeat(490));
    let first = tap.data(40_001, 50_001, 1, &list.as_bytes()[..512]);
    assert_eq!(packet(&first).names, []);
    let last = tap.data(40_001, 50_001, 2, &list.as_bytes()[512..]);
    assert_eq!(packet(&last).names, ["cnu41.8-5-2TH1-9.sbn".into(), "jar41sccp.8-5-2TH1-9.sbn".into()]);
    tap.send((PHONE, 50_002), (SERVER, 69), &request("OS79XX.TXT", "netascii", ""));
    let spaced = tap.data(40_002, 50_002, 1, b"P00303020214 \r\n");
    assert_eq!(packet(&spaced).names, ["P00303020214".into()]);
    assert!(spaced[0].anomalies[0].as_str().contains("blanks"));
    assert_eq!(tap.transfers.kept, 0);
}

#[test]
fn write_request_is_no_config_for_a_phone() {
    let mut tap = Tap::new();
    let bytes = config("A", 600);
    let mut write = request(NAME, "octet", "");
    write[1] = 2;
    tap.send((PHONE, 50_000), (SERVER, 69), &write);
    assert_eq!(file(&tap.data(40_000, 50_000, 0, b"")), NAME);
    tap.send((PHONE, 50_000), (SERVER, 40_000), &data_packet(1, &bytes[..512]));
    let last = tap.send((PHONE, 50_000), (SERVER, 40_000), &data_packet(2, &bytes[512..]));
    assert!(packet(&last).last);
    assert!(tap.configs().is_empty());
}

#[test]
fn other_datagrams_are_not_tftp() {
    let mut tap = Tap::new();
    assert!(tap.data(40_000, 50_000, 1, b"x").is_empty(), "no request was seen");
    tap.request(50_000, NAME);
    assert!(tap.data(40_000, 50_001, 1, b"x").is_empty(), "another port of the client");
    assert!(tap.send(("10.9.9.9", 40_000), (PHONE, 50_000), b"\0\x03\0\x05x").is_empty(), "another server");
    assert!(tap.send((SERVER, 40_000), (PHONE, 50_000), b"\x80\x03\0\x05x").is_empty());
    assert!(tap.send((PHONE, 50_000), (SERVER, 40_000), &request("x", "rfc", "")).is_empty());
    assert!(tap.send((PHONE, 50_000), (SERVER, 40_000), &request("x\x1b", "octet", "")).is_empty());
    assert!(tap.send((PHONE, 50_000), (SERVER, 40_000), &request("", "octet", "")).is_empty());
    assert!(tap.send((PHONE, 50_000), (SERVER, 6969), b"\0\x01ab\0torrent\0").is_empty());
    assert!(tap.send((PHONE, 50_002), (SERVER, 6969), &[0, 4, 0, 1, 9]).is_empty());
    assert!(tap.send((PHONE, 50_000), (SERVER, 69), b"\0\x09").is_empty());
    assert_eq!(tap.out.len(), 1);
}

#[test]
fn a_request_to_another_port_is_one_all_the_same() {
    let mut tap = Tap::new();
    tap.send((PHONE, 4995), (SERVER, 20_001), &request(NAME, "OCTET", ""));
    tap.serve(20_001, 4995, &config("A", 900), 512);
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn port_69_alone_is_tftp_where_the_capture_begins_late() {
    let mut tap = Tap::new();
    let data = tap.data(69, 50_000, 7, b"x");
    assert_eq!((packet(&data).file.as_ref(), packet(&data).block), (None, Some(7)));
    assert_eq!(packet(&tap.ack(50_000, 69, 7)).op, Op::Ack);
    tap.send((PHONE, 50_001), (SERVER, 6969), &request(NAME, "octet", ""));
    tap.serve(6969, 50_001, &config("A", 900), 512);
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn an_answer_from_another_address_is_said_to_be_one() {
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    let answer = tap.send(("10.1.1.6", 40_000), (PHONE, 50_000), &data_packet(1, &[0; 512]));
    assert_eq!(
        answer[0].anomalies[0].as_str(),
        "tftp: the request went to 10.1.1.5, the answer comes from another address"
    );
    tap.send((PHONE, 50_001), ("255.255.255.255", 69), &request(NAME, "octet", ""));
    let answer = tap.send(("10.1.1.6", 40_000), (PHONE, 50_001), &data_packet(1, &config("A", 300)));
    assert!(answer[0].anomalies.is_empty());
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn other_address_never_mixes_into_asked_transfer() {
    const OTHER: &str = "10.1.1.6";
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    let (asked, other) = (blocks(&config("A", 900), 512), blocks(&config("B", 900), 512));
    for ((number, from_asked), (_, from_other)) in asked.iter().zip(&other) {
        let packet_of = |d: &Decoded| packet(std::slice::from_ref(d)).clone();
        let stray = tap.send((OTHER, 41_000), (PHONE, 50_000), &data_packet(*number, from_other));
        assert_eq!(packet_of(&stray[0]).file.unwrap().raw(), NAME);
        assert_eq!(stray[0].anomalies.len(), 1);
        tap.data(40_000, 50_000, *number, from_asked);
        let ack = [[0, 4], number.to_be_bytes()].concat();
        assert_eq!(tap.send((PHONE, 50_000), (OTHER, 41_000), &ack).len(), 1);
        assert_eq!(tap.ack(50_000, 40_000, *number).len(), 1);
    }
    // Each is a file of its own.
    assert_eq!(tap.configs().len(), 2);
    let error = tap.send(("10.1.1.7", 42_000), (PHONE, 50_000), b"\0\x05\0\x01File not found\0");
    assert_eq!((packet(&error).error_code, packet(&error).file.as_ref().unwrap().raw()), (Some(1), NAME));
    // What is no answer is none.
    assert!(tap.send(("10.1.1.8", 42_000), (PHONE, 50_000), &data_packet(1, &[7; 700])).is_empty());
    assert!(tap.send(("10.1.1.8", 42_000), (PHONE, 50_000), &data_packet(9, &[7; 512])).is_empty());
}

#[test]
fn late_answer_of_earlier_server_is_no_stray() {
    let mut tap = Tap::new();
    tap.request(50_000, "CTLSEP003094C2D3FA.tlv");
    tap.send((PHONE, 50_000), ("10.1.1.9", 69), &request(NAME, "octet", ""));
    let late = tap.send((SERVER, 40_000), (PHONE, 50_000), b"\0\x05\0\x01File not found\0");
    assert_eq!(packet(&late).file.as_ref().unwrap().raw(), "CTLSEP003094C2D3FA.tlv");
    assert!(late[0].anomalies.is_empty());
}

#[test]
fn a_transfer_is_over_after_a_minute_of_silence() {
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    assert_eq!(tap.wait(59).data(40_000, 50_000, 1, &[0; 512]).len(), 1);
    assert!(tap.wait(61).data(40_000, 50_000, 2, &[0; 512]).is_empty());
    assert!(tap.transfers.kept > 0);
    tap.request(50_001, NAME);
    assert_eq!(tap.transfers.kept, 0, "what it held is given back");
}

#[test]
fn time_that_goes_back_ends_nothing() {
    let mut tap = Tap::new();
    tap.wait(100).request(50_000, NAME);
    tap.wait(-90);
    tap.serve(40_000, 50_000, &config("A", 900), 512);
    assert_eq!(tap.configs().len(), 1);
}

#[test]
fn limits_hold_and_are_said() {
    let mut tap = Tap::new();
    tap.request(50_000, NAME);
    for number in 1..=2100 {
        tap.data(40_000, 50_000, number, &[b'<'; 512]);
    }
    assert_eq!(
        tap.transfers.limits_reached().unwrap(),
        "a configuration file or list of loads longer than 1 MiB was not read"
    );
    assert_eq!(tap.transfers.kept, 0);

    let mut tap = Tap::new();
    let payload = |number| data_packet(number, &[b'<'; 60_000]);
    for port in 0..60u16 {
        tap.send((PHONE, port), (SERVER, 69), &request(NAME, "octet", "blksize\x0060000\0"));
        for number in 1..=16 {
            tap.send((SERVER, 40_000), (PHONE, port), &payload(number));
        }
        assert!(tap.transfers.kept <= MAX_KEPT);
        tap.out.clear();
    }
    assert!(tap.transfers.limits_reached().unwrap().contains("16 MiB"));

    let mut tap = Tap::new();
    for host in ["10.2.0.1", "10.2.0.2"] {
        for port in 0..=u16::MAX {
            tap.copy((host, port), (SERVER, 69), b"\0\x01x\0octet\0");
        }
        tap.out.clear();
    }
    assert!(tap.transfers.limits_reached().unwrap().contains("65536"));
    assert_eq!(tap.transfers.by_client.len(), MAX_TRANSFERS);
}

#[test]
fn random_datagrams_of_few_hosts_never_panic_and_stay_bounded() {
    for seed in 1..=20u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut tap = Tap::new();
        for _ in 0..3_000 {
            let port = |n: u64| {
                u16::try_from([69, 6969, 50_000, 50_001, 40_000, 40_001][usize::try_from(n).unwrap()]).unwrap()
            };
            let (mut from, mut to) = ((PHONE, port(random(6))), (SERVER, port(random(6))));
            if random(2) == 0 {
                std::mem::swap(&mut from, &mut to);
            }
            let payload = match random(4) {
                0 => request(
                    ["a", NAME, "XMLDefault.cnf.xml"][usize::try_from(random(3)).unwrap()],
                    "octet",
                    "blksize\08\0",
                ),
                1 => data_packet(
                    u16::try_from(random(6)).unwrap(),
                    &vec![b'<'; usize::try_from(random(4)).unwrap() * 256],
                ),
                2 => (0..random(40)).map(|_| u8::try_from(random(256)).unwrap()).collect(),
                _ => (0..random(12)).map(|n| if n == 0 { 0 } else { u8::try_from(random(7)).unwrap() }).collect(),
            };
            tap.time += i64::try_from(random(4)).unwrap() * 10_000_000_000 - 10_000_000_000;
            tap.ip_id = u32::try_from(random(5)).unwrap();
            let wire_len = payload.len() + usize::try_from(random(2) * 600).unwrap();
            tap.cut(from, to, &payload, wire_len);
            let held: usize = tap.transfers.by_client.iter().map(|(_, t)| t.held()).sum();
            assert_eq!(held, tap.transfers.kept, "seed {seed}");
            tap.out.clear();
        }
    }
}
