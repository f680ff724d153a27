//! Frames of wireless phones between their access point and its controller: the data channel of CAPWAP (RFC 5415
//! section 4). The control channel (port 5246) is always encrypted and not read.
//!
//! A frame that CAPWAP itself divided is read as far as its first piece goes.

use crate::types::Tunnel;
use crate::wire::be::{u8_at, u16_at};
use crate::wire::frame::{Next, OTHER, Payload, Walk, WlanLayout};

/// Port of the controller.
pub(crate) const DATA_PORT: u16 = 5247;
/// First byte: version 0 in the upper half; below it 0, or 1 where DTLS follows.
const CLEAR: u8 = 0;
const ENCRYPTED: u8 = 1;
/// Words of the fixed header. A TFTP packet, which begins with a zero as well, would have none.
const FIXED_WORDS: u8 = 2;
/// Binding of IEEE 802.11 (section 4.3, RFC 5416).
const IEEE_802_11: u8 = 1;

/// A datagram of the data channel, if it is one.
pub(in crate::wire) fn read<'a>(walk: &mut Walk, data: &'a [u8]) -> Option<Next<'a>> {
    match u8_at(data, 0)? {
        CLEAR => read_clear(walk, data),
        // Three reserved bytes, then a DTLS record: content type, version 1.0 or 1.2.
        ENCRYPTED => {
            let is_dtls = matches!(data, [_, 0, 0, 0, 20..=25, 0xfe, 0xff | 0xfd, ..]);
            is_dtls.then_some(Next::Done(Payload::Encrypted(Tunnel::Capwap)))
        }
        _ => None,
    }
}

/// Preamble 8 bits, header length 5, radio 5, binding 5, T, F, L, W, M, K, reserved 3; fragment 16, offset 13, reserved
/// 3; then the radio's MAC address (M) and what the radio says (W), within the header's length.
fn read_clear<'a>(walk: &mut Walk, data: &'a [u8]) -> Option<Next<'a>> {
    let (lengths, binding, flags) = (u8_at(data, 1)?, u8_at(data, 2)?, u8_at(data, 3)?);
    let words = lengths >> 3;
    let is_native = binding & 1 != 0;
    let binding = binding >> 1 & 0x1f;
    if words < FIXED_WORDS || flags & 0x07 != 0 || binding > 3 {
        return None;
    }
    if flags & 0x08 != 0 {
        return Some(OTHER); // keepalive
    }
    let inside = data.get(usize::from(words) * 4..)?;
    let is_piece = flags & 0x80 != 0;
    if is_piece && u16_at(data, 6)? >> 3 != 0 {
        return Some(OTHER);
    }
    walk.enter_tunnel(Tunnel::Capwap);
    if is_piece {
        walk.truncated = true;
        walk.note("capwap: of a divided frame only the first piece is read");
    }
    Some(match (is_native, binding) {
        (false, _) => Next::Ethernet(inside),
        (true, IEEE_802_11) => Next::Wlan(inside, layout(inside)),
        (true, _) => OTHER,
    })
}

/// Some controllers send the two bytes of frame control in the other order. The lowest two bits of its first byte are
/// the version, which is 0; in the other order they say which way the frame goes, and are never both 0 here.
fn layout(frame: &[u8]) -> WlanLayout {
    match frame {
        [first, second, ..] if first & 3 != 0 && second & 3 == 0 => WlanLayout::SwappedControl,
        _ => WlanLayout::Standard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{Dissection, build, dissect};

    fn wlan(control: [u8; 2]) -> Vec<u8> {
        let packet = build::ipv4_between([192, 0, 2, 1], [192, 0, 2, 2], 17, &build::udp(68, 67, b"bootp"));
        let mut frame = build::wlan(0x0800, &packet);
        frame[..2].copy_from_slice(&control);
        frame
    }

    fn datagram(ports: (u16, u16), header: &[u8], inside: &[u8]) -> Vec<u8> {
        build::ipv4(17, &build::udp(ports.0, ports.1, &[header, inside].concat()))
    }

    fn is_opened(d: &Dissection<'_>) -> bool {
        matches!(d.payload, Payload::Udp(u) if u.data == b"bootp") && d.envelope.tunnel == [Tunnel::Capwap]
    }

    #[test]
    fn frames_of_both_formats_and_directions_are_opened() {
        let native = [0, 0x10, 0x43, 0, 0, 0, 0, 0];
        let with_radio = [0, 0x20, 0x43, 0x30, 0, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0];
        let ethernet = build::ethernet(0x0800, &build::ipv4(17, &build::udp(68, 67, b"bootp")));
        for ports in [(40_000, 5247), (5247, 40_000)] {
            for control in [[0x08, 0x01], [0x01, 0x08], [0x08, 0x02], [0x02, 0x08]] {
                for header in [&native[..], &with_radio] {
                    let packet = datagram(ports, header, &wlan(control));
                    let d = dissect(&build::frame(101, &packet));
                    assert!(is_opened(&d), "{control:?} {d:?}");
                    assert!(d.envelope.eth_src.is_some());
                }
            }
            let packet = datagram(ports, &[0, 0x10, 0x40, 0, 0, 0, 0, 0], &ethernet);
            assert!(is_opened(&dissect(&build::frame(101, &packet))));
        }
    }

    #[test]
    fn encrypted_frame_is_counted_and_keepalive_is_nothing() {
        let dtls = datagram((40_000, 5247), &[1, 0, 0, 0], &[23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]);
        assert_eq!(dissect(&build::frame(101, &dtls)).payload, Payload::Encrypted(Tunnel::Capwap));
        let keepalive = datagram((40_000, 5247), &[0, 0x10, 0x40, 0x08, 0, 0, 0, 0], &[0; 20]);
        assert_eq!(dissect(&build::frame(101, &keepalive)).payload, Payload::Other);
    }

    #[test]
    fn first_piece_is_read_and_later_ones_are_not() {
        let first = datagram((40_000, 5247), &[0, 0x10, 0x43, 0x80, 0, 7, 0, 0], &wlan([0x08, 0x01]));
        let d = dissect(&build::frame(101, &first));
        assert!(is_opened(&d) && d.anomalies.len() == 1, "{d:?}");
        let later = datagram((40_000, 5247), &[0, 0x10, 0x43, 0xc0, 0, 7, 0, 0x20], &wlan([0x08, 0x01]));
        assert_eq!(dissect(&build::frame(101, &later)).payload, Payload::Other);
    }

    #[test]
    fn tftp_at_its_port_stays_tftp_and_cut_headers_are_no_frames() {
        for payload in [&b"\x00\x03\x00\x01<device>"[..], b"\x00\x04\x00\x01", b"\x00\x05\x00\x01x\0", b""] {
            let packet = datagram((69, 5247), payload, &[]);
            assert!(matches!(dissect(&build::frame(101, &packet)).payload, Payload::Udp(u) if u.data == payload));
        }
        let whole = datagram((40_000, 5247), &[0, 0x20, 0x43, 0x30, 0, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0], &wlan([8, 1]));
        for len in 28..whole.len() - 5 {
            let d = dissect(&build::cut_frame(101, &whole, len));
            assert!(!is_opened(&d), "cut to {len}");
        }
    }
}
