//! The filter in every form, in the machine of the tests and in the kernel's own.

use std::path::{Path, PathBuf};

use kernel::Kernel;

use super::super::bpf::machine::run;
use super::*;
use crate::capture::{Inputs, Record};
use crate::decoder::Decoder;
use crate::types::Frame;
use crate::wire::frame::tests::kinds;
use crate::wire::frame::{Payload, build, dissect};

const SNAP_LEN: u32 = 262_144;
/// How many frames with changed bytes each frame is tried in.
const CHANGES: usize = 60;

fn program(link_type: u16) -> Vec<Instruction> {
    default_filter(LinkType(link_type), SNAP_LEN).unwrap()
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io::ErrorKind;
    use std::os::unix::net::UnixDatagram;

    use socket2::{SockFilter, SockRef};

    use super::Instruction;

    /// A socket that shows what the kernel makes of a frame. Without privileges: the filter sees the datagram as a packet
    /// socket's filter sees the frame.
    pub(super) struct Kernel {
        to: UnixDatagram,
        from: UnixDatagram,
    }

    impl Kernel {
        pub(super) fn new(program: &[Instruction]) -> Kernel {
            let (to, from) = UnixDatagram::pair().unwrap();
            let filters: Vec<SockFilter> = program.iter().map(|i| SockFilter::new(i.code, i.jt, i.jf, i.k)).collect();
            SockRef::from(&from).attach_filter(&filters).unwrap();
            from.set_nonblocking(true).unwrap();
            Kernel { to, from }
        }

        /// Bytes that are kept.
        pub(super) fn run(&self, frame: &[u8]) -> usize {
            self.to.send(frame).unwrap();
            match self.from.recv(&mut vec![0; 70_000]) {
                Ok(len) => len,
                Err(e) if e.kind() == ErrorKind::WouldBlock => 0,
                Err(e) => panic!("{e}"),
            }
        }
    }
}

/// Elsewhere the machine of the tests alone has to do.
#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::super::super::bpf::machine;
    use super::Instruction;

    pub(super) struct Kernel(Vec<Instruction>);

    impl Kernel {
        pub(super) fn new(program: &[Instruction]) -> Kernel {
            Kernel(program.to_vec())
        }

        pub(super) fn run(&self, frame: &[u8]) -> usize {
            frame.len().min(machine::run(&self.0, 0, frame) as usize)
        }
    }
}

/// An EtherType, a packet, and what it is.
type Packet = (u16, Vec<u8>, &'static str);

/// An 802.3 length stands for LLC.
fn frame_of((ether_type, packet, _): &Packet) -> Vec<u8> {
    build::ethernet(*ether_type, packet)
}

fn signalling() -> Vec<Packet> {
    let v4 = |protocol, inside: &[u8]| (0x0800, build::ipv4(protocol, inside));
    let udp = |s, d, data: &[u8]| v4(17, &build::udp(s, d, data));
    let tcp = |port: u16| v4(6, &build::tcp(port, 49_152, 0x10, b""));
    let to_tcp = |port: u16| v4(6, &build::tcp(49_152, port, 0x02, b""));
    let mut with_options = build::ipv4(17, &[&[1, 1, 1, 1][..], &build::udp(68, 67, &[1; 300])].concat());
    with_options[0] = 0x46;
    let fragment = |flags: u8, offset: u8| {
        let mut packet = build::ipv4(17, &[0x80; 64]);
        packet[6..8].copy_from_slice(&[flags, offset]);
        (0x0800, packet)
    };
    let extended = |next: u8, header: &[u8], protocol: u8, inside: &[u8]| {
        let mut header = header.to_vec();
        header[0] = protocol;
        (0x86dd, build::ipv6(next, &[&header[..], inside].concat()))
    };
    let dhcpv6 = build::udp(546, 547, &[1; 40]);
    let cdp = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0][..], &[2, 180, 0, 0]].concat();
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &build::ipv4(17, &build::udp(68, 67, &[1; 40]))].concat();
    let error = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &build::ipv4(17, &build::udp(16_384, 16_386, &[0x80; 20]))].concat();
    let named = [
        ("DHCP of a phone", udp(68, 67, &[1; 300])),
        ("DHCP of a server", udp(67, 68, &[2; 300])),
        ("DHCP behind IP options", (0x0800, with_options)),
        ("TFTP request", udp(49_152, 69, b"\0\x01SEP003094C2D3FA.cnf.xml\0octet\0")),
        ("TFTP request at CallManager's port", udp(49_152, 6969, b"\0\x01f\0octet\0")),
        ("TFTP data", udp(40_000, 50_000, b"\0\x03\0\x01data")),
        ("TFTP acknowledgement", udp(50_000, 40_000, b"\0\x04\0\x01")),
        ("TFTP error", udp(40_000, 50_000, b"\0\x05\0\x01none\0")),
        ("TFTP options", udp(40_000, 50_000, b"\0\x06tsize\x001\0")),
        ("TFTP data to the port of a tunnel", udp(40_000, 4789, b"\0\x03\0\x01data data")),
        ("TFTP data to the SIP port", udp(40_000, 5060, b"\0\x03\0\x01data")),
        ("SCCP to the server", to_tcp(2000)),
        ("SCCP from the server", tcp(2000)),
        ("SCCP in TLS", tcp(2443)),
        ("trust verification", to_tcp(2445)),
        ("SIP answer from a port of its own", udp(40_000, 50_000, b"SIP/2.0 200 OK\r\n")),
        ("SIP REGISTER to another port", udp(50_000, 5070, b"REGISTER sip:10.0.0.1:5070 SIP/2.0\r\n")),
        ("CAPWAP", udp(40_000, 5247, &[0, 0x10, 0x43, 0, 0, 0, 0, 0, 8, 1, 0, 0])),
        ("neighbour solicitation", (0x86dd, build::ipv6(58, &[135, 0, 0, 0, 0, 0, 0, 0]))),
        ("router advertisement", (0x86dd, build::ipv6(58, &[134, 0, 0, 0, 0, 0, 0, 0]))),
        ("SIP REGISTER", udp(50_000, 5060, b"REGISTER sip:10.0.0.1 SIP/2.0\r\n")),
        ("SIP answer", udp(5060, 50_000, b"SIP/2.0 200 OK\r\n")),
        ("SIP behind blanks", udp(50_000, 5060, b" \tREGISTER sip:10.0.0.1 SIP/2.0\r\n")),
        ("SIP over TCP", to_tcp(5060)),
        ("SIP in TLS", to_tcp(5061)),
        ("HTTP request", to_tcp(6970)),
        ("HTTPS answer", tcp(6971)),
        ("DNS question", udp(50_000, 53, &[9; 30])),
        ("DNS answer", udp(53, 50_000, &[9; 30])),
        ("DNS over TCP", to_tcp(53)),
        ("first fragment", fragment(0x20, 0)),
        ("fragment", fragment(0x20, 185)),
        ("last fragment", fragment(0, 185)),
        ("ICMP error", v4(1, &error)),
        ("ICMP time exceeded", v4(1, &[&[11][..], &error[1..]].concat())),
        ("ARP", (0x0806, vec![0; 46])),
        ("LLDP", (0x88cc, vec![2, 7, 4, 1, 1, 1, 1, 1, 1, 0, 0])),
        ("CDP", (12, cdp)),
        ("DHCP in SNAP", (u16::try_from(snap.len()).unwrap(), snap)),
        ("DHCPv6", (0x86dd, build::ipv6(17, &dhcpv6))),
        ("DHCPv6 behind options", extended(0, &[0, 0, 1, 4, 0, 0, 0, 0], 17, &dhcpv6)),
        ("DHCPv6 behind a route", extended(43, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 17, &dhcpv6)),
        ("DHCPv6 behind authentication", extended(51, &[0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(2), 17, &dhcpv6)),
        ("IPv6 fragment", extended(44, &[0, 0, 0, 1, 0, 0, 0, 9], 17, &[0x80; 20])),
        ("ICMPv6 error", (0x86dd, build::ipv6(58, &[1, 4, 0, 0, 0, 0, 0, 0]))),
        ("SCCP over IPv6", (0x86dd, build::ipv6(6, &build::tcp(49_152, 2000, 2, b"")))),
    ];
    named.into_iter().map(|(name, (ether_type, packet))| (ether_type, packet, name)).collect()
}

fn voice() -> Vec<Packet> {
    let rtp = build::udp(16_384, 24_576, &[0x80, 0, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff]);
    let mut with_options = build::ipv4(17, &[&[1, 1, 1, 1][..], &rtp].concat());
    with_options[0] = 0x46;
    let hop_by_hop = [&[17, 0, 1, 4, 0, 0, 0, 0][..], &rtp].concat();
    let invite = build::udp(50_000, 5060, b"INVITE sip:1001@10.0.0.1 SIP/2.0\r\n");
    vec![
        (0x0800, build::ipv4(17, &rtp), "RTP"),
        (0x0800, build::ipv4(17, &build::udp(16_385, 24_577, &[0x81, 200, 0, 6])), "RTCP"),
        (0x0800, with_options, "RTP behind IP options"),
        (0x86dd, build::ipv6(17, &rtp), "RTP over IPv6"),
        (0x86dd, build::ipv6(0, &hop_by_hop), "RTP behind IPv6 options"),
        (0x0800, build::ipv4(6, &build::tcp(50_000, 443, 0x10, b"web")), "web"),
        (0x0800, build::ipv4(17, &invite), "a call over SIP"),
        (0x0800, build::ipv4(1, &[8, 0, 0, 0, 0, 0, 0, 0]), "echo"),
        (0x86dd, build::ipv6(58, &[143, 0, 0, 0, 0, 0, 0, 0]), "multicast listener report"),
        (39, [&[0x42, 0x42, 3][..], &[0; 36]].concat(), "spanning tree"),
        (12, vec![0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 3, 1, 1, 1, 1], "VTP"),
        (0x9000, vec![0; 46], "loop test"),
    ]
}

/// The frames that carry a packet: tagged in every way.
fn links(packet: &Packet) -> Vec<(String, Vec<u8>)> {
    let (ether_type, inside, name) = packet;
    let tagged = |tags: &[(u16, u16)]| {
        let mut data = (*ether_type, inside.clone());
        for (tpid, id) in tags.iter().rev() {
            data = (*tpid, build::tag(*id, data.0, &data.1));
        }
        build::ethernet(data.0, &data.1)
    };
    let after = |tpid: u16, tag: &[u8]| build::ethernet(tpid, &[tag, &ether_type.to_be_bytes(), inside].concat());
    let plain = tagged(&[]);
    let isl = [
        &[1, 0, 12, 0, 0, 0, 1, 1, 1, 1, 1, 1][..],
        &u16::try_from(plain.len() + 12).unwrap().to_be_bytes(),
        &[0xaa, 0xaa, 3, 0, 0, 12, 0, 220, 0, 0, 0, 0],
        &plain,
        &[0; 4],
    ];
    let mut all = vec![
        ("untagged", plain.clone()),
        ("priority-tagged", tagged(&[(0x8100, 0xa000)])),
        ("tagged", tagged(&[(0x8100, 110)])),
        ("QinQ", tagged(&[(0x88a8, 7), (0x8100, 110)])),
        ("old QinQ", tagged(&[(0x9100, 7), (0x8100, 110)])),
        ("tagged thrice", tagged(&[(0x9200, 7), (0x88a8, 8), (0x8100, 110)])),
        ("tagged four times", tagged(&[(0x8100, 1), (0x8100, 2), (0x8100, 3), (0x8100, 4)])),
        ("MetaData", after(0x8909, &[1, 1, 0, 1, 0, 5])),
        ("VN-Tag", after(0x8926, &[0, 0, 0, 0])),
        ("E-Tag", after(0x893f, &[0, 0, 0, 0, 0, 0])),
        ("ISL", isl.concat()),
    ];
    let metadata = [&[1, 1, 0, 1, 0, 5][..], &ether_type.to_be_bytes(), inside].concat();
    all.push(("tagged MetaData", build::ethernet(0x8100, &build::tag(110, 0x8909, &metadata))));
    let labels: [&[u8]; 3] =
        [&[0, 1, 0x31, 64], &[0, 1, 0x20, 64, 0, 1, 0x31, 64], &[0, 1, 0x20, 64, 0, 1, 0x30, 64, 0, 1, 0x31, 64]];
    for labels in labels {
        // Other frames in a pseudo-wire pass where they could be something else.
        if matches!(ether_type, 0x0800 | 0x86dd) {
            all.push(("pseudo-wire with control word", build::ethernet(0x8847, &[labels, &[0; 4], &plain].concat())));
            let mut low = plain.clone();
            low[..6].copy_from_slice(&[0, 0, 12, 7, 0xac, 1]);
            all.push(("pseudo-wire", build::ethernet(0x8848, &[labels, &low].concat())));
        }
        if *ether_type == 0x0800 {
            all.push(("labelled", build::ethernet(0x8847, &[labels, inside].concat())));
        }
    }
    if let Some(protocol) = [(0x0800, 0x21), (0x86dd, 0x57)].iter().find(|(e, _)| e == ether_type).map(|(_, p)| *p) {
        let len = u16::try_from(inside.len() + 2).unwrap().to_be_bytes();
        let session = [&[0x11, 0, 0, 1][..], &len, &[0, protocol], inside].concat();
        all.push(("PPPoE", build::ethernet(0x8864, &session)));
    }
    all.into_iter().map(|(link, frame)| (format!("{name}, {link}"), frame)).collect()
}

/// The IPv4 packets of tunnels that carry a frame.
fn tunnels(frame: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let gre = |header: &[u8]| build::ipv4(47, &[header, frame].concat());
    let mirror = |port, header: &[u8]| build::ipv4(17, &build::udp(50_000, port, &[header, frame].concat()));
    let iii = |flags: [u8; 4], kinds: u8| {
        let mut header = vec![flags[0], 0, 0x22, 0xeb];
        header.extend(flags[1..].iter().flat_map(|there| [0u8, 0, 0, 1].into_iter().filter(move |_| *there == 1)));
        header.extend([0x20, 110, 0, 100, 1, 2, 3, 4, 0, 0, 0, kinds]);
        header.resize(header.len() + if kinds & 1 == 1 { 8 } else { 0 }, 0);
        header
    };
    let ii = [0x10, 110, 0, 100, 0, 0, 0, 1];
    vec![
        ("EtherIP", build::ipv4(97, &[&[0x30, 0][..], frame].concat())),
        ("ERSPAN I", gre(&[0, 0, 0x88, 0xbe])),
        ("ERSPAN I with key", gre(&[0x20, 0, 0x88, 0xbe, 0, 0, 0, 1])),
        ("ERSPAN II", gre(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &ii].concat())),
        ("ERSPAN II with key", gre(&[&[0x30, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 1][..], &ii].concat())),
        ("ERSPAN II with all", gre(&[&[0xb0, 0, 0x88, 0xbe, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1][..], &ii].concat())),
        ("ERSPAN III", gre(&iii([0x10, 1, 0, 0], 0))),
        ("ERSPAN III without sequence", gre(&iii([0, 0, 0, 0], 0))),
        ("ERSPAN III with more", gre(&iii([0x10, 1, 0, 0], 1))),
        ("ERSPAN III with all", gre(&iii([0xb0, 1, 1, 1], 1))),
        ("bridging", gre(&[0, 0, 0x65, 0x58])),
        ("bridging with key", gre(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 1])),
        ("VXLAN", mirror(4789, &[8, 0, 0, 0, 0, 0, 100, 0])),
        ("VXLAN, old port", mirror(8472, &[8, 0, 0, 0, 0, 0, 100, 0])),
        ("GENEVE", mirror(6081, &[0, 0, 0x65, 0x58, 0, 0, 10, 0])),
        ("GENEVE with options", mirror(6081, &[2, 0x40, 0x65, 0x58, 0, 0, 10, 0, 1, 2, 0x80, 1, 0, 0, 0, 0])),
    ]
}

/// The IPv4 packets of tunnels that carry a packet.
fn packet_tunnels((ether_type, inside, _): &Packet) -> Vec<(&'static str, Vec<u8>)> {
    let number = ether_type.to_be_bytes();
    let mut all = Vec::new();
    if *ether_type >= 0x0600 {
        let header = [&[0x30, 0][..], &number, &[0, 0, 0, 1, 0, 0, 0, 2]].concat();
        all.push(("GRE", build::ipv4(47, &[&[0, 0][..], &number, inside].concat())));
        all.push(("GRE with key", build::ipv4(47, &[&header[..], inside].concat())));
        let geneve = [&[0, 0][..], &number, &[0, 0, 10, 0], inside].concat();
        all.push(("GENEVE without a frame", build::ipv4(17, &build::udp(50_000, 6081, &geneve))));
    }
    match ether_type {
        0x0800 => all.push(("IP in IP", build::ipv4(4, inside))),
        0x86dd => all.push(("IPv6 in IPv4", build::ipv4(41, inside))),
        _ => {}
    }
    all
}

/// All forms of a packet, with the name of each.
fn forms(packet: &Packet) -> Vec<(String, Vec<u8>)> {
    let mut all = links(packet);
    let mut mirrored = Vec::new();
    for (name, frame) in links(packet) {
        // ISL, labels and PPPoE in a mirror pass whole; the tags that a mirrored port has do not.
        if ["untagged", "tagged", "priority-tagged", "QinQ", "old QinQ", "tagged thrice"]
            .iter()
            .any(|l| name.ends_with(l))
        {
            mirrored
                .extend(tunnels(&frame).into_iter().map(|(tunnel, packet)| (format!("{name}, in {tunnel}"), packet)));
        }
    }
    mirrored.extend(packet_tunnels(packet).into_iter().map(|(t, p)| (format!("{}, in {t}", packet.2), p)));
    for (name, packet) in mirrored {
        // A pseudo-wire is a tunnel, and a tunnel in a tunnel passes whole.
        let outer = links(&(0x0800, packet, "")).into_iter().filter(|(link, _)| !link.contains("pseudo-wire"));
        all.extend(outer.map(|(link, frame)| (format!("{name}{link}"), frame)));
    }
    all
}

#[test]
fn signalling_passes_in_every_form() {
    let program = program(1);
    for packet in signalling() {
        for (name, frame) in forms(&packet) {
            assert_eq!(run(&program, 0, &frame), SNAP_LEN, "{name}: {frame:x?}");
        }
    }
}

#[test]
fn voice_does_not_in_any() {
    let program = program(1);
    for packet in voice() {
        for (name, frame) in forms(&packet) {
            assert_eq!(run(&program, 0, &frame), 0, "{name}: {frame:x?}");
        }
    }
}

#[test]
fn without_a_link_header_the_kernel_tells_what_the_packet_is() {
    for link_type in [101, 113, 276] {
        let program = program(link_type);
        for (packets, expected) in [(signalling(), SNAP_LEN), (voice(), 0)] {
            // What is neither voice nor signalling may pass here where it is tagged.
            for packet in packets.into_iter().filter(|p| expected > 0 || matches!(p.0, 0x0800 | 0x86dd)) {
                let mut all = links(&packet);
                for (tunnel, packet) in packet_tunnels(&packet) {
                    all.push((tunnel.to_owned(), build::ethernet(0x0800, &packet)));
                }
                for (name, frame) in all.iter().filter(|(name, _)| !name.ends_with("ISL")) {
                    // The kernel calls LLC protocol 4.
                    let protocol = u16::from_be_bytes([frame[12], frame[13]]);
                    let protocol = if protocol < 0x0600 { 4 } else { protocol };
                    assert_eq!(run(&program, protocol, &frame[14..]), expected, "{link_type}: {name}");
                }
            }
        }
    }
    assert_eq!(default_filter(LinkType(127), SNAP_LEN), None, "radio");
}

/// Whether the decoders make something of a frame, now or with others.
fn matters(frame: &Frame<'_>) -> bool {
    let mut events = 0;
    Decoder::new().handle_frame(frame, &mut |_| events += 1);
    let d = dissect(frame);
    let is_signalling = matches!(d.payload, Payload::Tcp(_))
        && [d.envelope.sport, d.envelope.dport].into_iter().flatten().any(crate::flow::streams::is_interesting_port);
    let is_tftp = matches!(d.payload, Payload::Udp(u) if matches!(u.data, [0, 1..=6, ..]));
    events > 0 || is_signalling || is_tftp || matches!(d.payload, Payload::Fragment(_))
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a failing seed is tried again from outside")]
fn filter_passes_all_decodable_mutations_like_the_kernel() {
    let seed = std::env::var("PHONESCOPE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x9e37_79b9_7f4a_7c15);
    let rounds = std::env::var("PHONESCOPE_ROUNDS").ok().and_then(|s| s.parse().ok()).unwrap_or(CHANGES);
    let mut state: u64 = seed;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 11).unwrap() % below
    };
    let mut frames: Vec<Vec<u8>> = kinds().into_iter().filter(|(link, _)| *link == 1).map(|(_, frame)| frame).collect();
    frames.extend(kinds().into_iter().filter(|(link, _)| *link == 101).map(|(_, p)| build::ethernet(0x0800, &p)));
    for packet in signalling() {
        let all = forms(&packet);
        frames.extend(all.into_iter().step_by(37).map(|(_, frame)| frame));
        frames.push(frame_of(&packet));
    }
    let program = program(1);
    let kernel = Kernel::new(&program);
    let (mut passed, mut needed) = (0u32, 0u32);
    for round in 0..rounds {
        for index in 0..frames.len() {
            let mut data = frames[index].clone();
            for _ in 0..random(4) {
                let at = random(data.len());
                match random(5) {
                    0 => data[at] ^= 1 << random(8),
                    1 => data[at] = [0, 0xff, 0x7f, 0x80, 1][random(5)],
                    2 => data.truncate(at.max(1)),
                    3 => {
                        let other = &frames[random(frames.len())];
                        data.splice(at.., other[random(other.len())..].iter().copied());
                    }
                    _ => data[at] = u8::try_from(random(256)).unwrap(),
                }
            }
            let kept = run(&program, 0, &data);
            if round % 8 == 0 && !data.is_empty() {
                let expected = if kept == 0 { 0 } else { data.len() };
                assert_eq!(kernel.run(&data), expected, "seed {seed} round {round}: {data:x?}");
            }
            passed += u32::from(kept > 0);
            if matters(&build::frame(1, &data)) {
                needed += 1;
                assert_eq!(kept, SNAP_LEN, "seed {seed} round {round}: {data:x?}");
            }
        }
    }
    assert!(needed > 0 && passed >= needed);
}

fn captures_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            captures_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "pcap" || e == "pcapng") {
            found.push(path);
        }
    }
}

/// The events of a capture, and how many frames the filter keeps of how many.
fn events(path: &Path, filter: Option<&[Instruction]>) -> Option<(Vec<String>, u64, u64)> {
    let mut inputs = Inputs::open(&[path.to_owned()]).ok()?;
    let mut decoder = Decoder::new();
    let (mut events, mut kept, mut all) = (Vec::new(), 0, 0);
    while let Ok(Some(Record::Frame(frame))) = inputs.next_record() {
        if frame.link_type != LinkType::ETHERNET {
            return None;
        }
        all += 1;
        if filter.is_none_or(|program| run(program, 0, frame.data) > 0) {
            kept += 1;
            decoder.handle_frame(&frame, &mut |event| events.push(format!("{event:?}")));
        }
    }
    decoder.finish(&mut |event| events.push(format!("{:?}", event.kind)));
    Some((events, kept, all))
}

#[test]
#[allow(clippy::disallowed_methods, reason = "other captures are tried from outside")]
fn a_capture_behind_the_filter_gives_the_same_events() {
    let folder = std::env::var("PHONESCOPE_CAPTURES")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/captures").into());
    let mut paths = Vec::new();
    captures_below(Path::new(&folder), &mut paths);
    let program = program(1);
    let mut compared = 0;
    let (mut kept, mut all) = (0, 0);
    for path in paths {
        let (Some(plain), Some(filtered)) = (events(&path, None), events(&path, Some(&program))) else { continue };
        assert_eq!(plain.0.len(), filtered.0.len(), "{}", path.display());
        assert_eq!(plain.0, filtered.0, "{}", path.display());
        compared += 1;
        kept += filtered.1;
        all += filtered.2;
    }
    println!("{compared} captures, {kept} of {all} frames pass");
    assert!(compared > 50, "{compared}");
}

#[test]
fn the_kernel_takes_the_filter_and_keeps_what_it_says() {
    let all = program(1);
    // Translated by the kernel this comes to 16 KiB, and older ones give a socket 20 (net.core.optmem_max).
    assert!(all.len() < 800, "{} instructions", all.len());
    let kernel = Kernel::new(&all);
    for (packets, passes) in [(signalling(), true), (voice(), false)] {
        for packet in packets {
            for (name, frame) in forms(&packet) {
                assert_eq!(kernel.run(&frame), if passes { frame.len() } else { 0 }, "{name}");
            }
        }
    }
    let short = Kernel::new(&default_filter(LinkType::ETHERNET, 60).unwrap());
    assert_eq!(short.run(&frame_of(&signalling()[0])), 60);
}
