//! CDP and LLDP.

use super::Case;
use crate::support::cdp;
use crate::support::frame::{ETHERTYPE_LLDP, Frame, LLDP_GROUP};
use crate::support::lldp;
use crate::support::wire::{Wire, client_mac};

pub(super) fn cases() -> Vec<Case> {
    [cdps(), lldps()].into_iter().flatten().collect()
}

fn cdps() -> Vec<Case> {
    let tlv = |kind: u16, length: u16, value: &[u8]| [&kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat();
    let name = tlv(1, 19, b"SEP00036B3A1001");
    let send = |tlvs: &[Vec<u8>]| Wire::new().frame(cdp::frame(client_mac(), tlvs).0);
    let mut list = vec![Case::new("CDP in good order", send(std::slice::from_ref(&name))).sees("cdp", 1)];
    for length in [0u16, 1, 3] {
        let case = Case::new(format!("CDP field of length {length}"), send(&[name.clone(), tlv(6, length, b"x")]));
        list.push(case.says("cdp: field 0x0006 of length").sees("cdp", 1));
    }
    for length in [200u16, 0x7fff, 0x8000, 0xffff] {
        let case = Case::new(format!("CDP field of length {length}"), send(&[name.clone(), tlv(6, length, b"x")]));
        list.push(case.says("octets are left").sees("cdp", 1));
    }
    for count in [0u32, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let value = [&count.to_be_bytes()[..], &[1, 1, 0xcc, 0, 4, 10, 30, 110, 20]].concat();
        let case =
            Case::new(format!("CDP of {count} addresses"), send(&[name.clone(), tlv(2, 17, &value)])).sees("cdp", 1);
        list.push(if count < 2 { case } else { case.says("list of addresses shorter") });
    }
    for (at, what) in [(5, "protocol"), (8, "address")] {
        let mut value = vec![0, 0, 0, 1, 1, 1, 0xcc, 0, 4, 10, 30, 110, 20];
        value[at] = 0xff;
        list.push(
            Case::new(format!("CDP {what} length 255"), send(&[name.clone(), tlv(2, 17, &value)])).sees("cdp", 1),
        );
    }
    for kind in [3u16, 4, 5, 6, 7, 9, 0xa, 0xb, 0xe, 0xf, 0x10, 0x11, 0x16, 0x1a, 0xffff] {
        list.push(
            Case::new(format!("CDP field {kind:#x} without a value"), send(&[tlv(kind, 4, &[]), name.clone()]))
                .sees("cdp", 1),
        );
    }
    list.push(Case::new("CDP, 300 fields without a value", send(&vec![tlv(0x10, 4, &[]); 300])).sees("cdp", 1));
    let whole = cdp::frame(client_mac(), &[name, tlv(0xe, 7, &[1, 0, 110])]).0;
    // The 802.3 length goes with what is there.
    let cut = (22..whole.len()).fold(Wire::new(), |wire, len| {
        let mut frame = whole[..len].to_vec();
        frame[12..14].copy_from_slice(&(len as u16 - 14).to_be_bytes());
        wire.frame(frame)
    });
    list.push(Case::new("CDP cut at every octet", cut));
    list
}

fn lldps() -> Vec<Case> {
    let send = |tlvs: &[Vec<u8>]| {
        Wire::new().frame(Frame::ethernet(LLDP_GROUP, client_mac(), ETHERTYPE_LLDP, &tlvs.concat()).0)
    };
    let good = [lldp::tlv(1, &[4, 0, 3, 0x6b, 0x3a, 0x10, 1]), lldp::tlv(2, &[7, b'1']), lldp::tlv(3, &[0, 180])];
    let with = |more: &[Vec<u8>]| send(&[&good[..], more].concat());
    let mut list = vec![
        Case::new("LLDP in good order", with(&[lldp::tlv(5, b"SEP00036B3A1001"), lldp::tlv(0, &[])])).sees("lldp", 1),
        Case::new("LLDP chassis id of length zero", send(&[lldp::tlv(1, &[]), good[1].clone(), good[2].clone()]))
            .sees("lldp", 1),
        Case::new("LLDP without an end", with(&[lldp::tlv(5, b"x")])).sees("lldp", 1),
        Case::new("LLDP end in front", send(&[lldp::tlv(0, &[]), good.concat()])),
        Case::new("LLDP end with a length", with(&[vec![0x01, 0xff]])).sees("lldp", 1),
        Case::new("LLDP field of length 511", with(&[vec![5 << 1 | 1, 0xff, b'x']]))
            .says("of length 511")
            .sees("lldp", 1),
        Case::new("LLDP, 400 fields without a value", with(&vec![lldp::tlv(8, &[]); 400])).sees("lldp", 1),
    ];
    for kind in 4..=8 {
        list.push(
            Case::new(format!("LLDP field {kind} of length zero"), with(&[lldp::tlv(kind, &[]), lldp::tlv(0, &[])]))
                .sees("lldp", 1),
        );
    }
    for subtype in 0..=12u8 {
        let med = lldp::tlv(127, &[0, 0x12, 0xbb, subtype]);
        let dot1 = lldp::tlv(127, &[0, 0x80, 0xc2, subtype]);
        let short = lldp::tlv(127, &[0, 0x12]);
        list.push(
            Case::new(format!("LLDP organisation's field {subtype} without a value"), with(&[med, dot1, short]))
                .sees("lldp", 1),
        );
    }
    for length in [0u8, 1, 6, 32, 128, 255] {
        let management = lldp::tlv(8, &[length, 1, 10, 30, 110, 20, 2, 0, 0, 0, 1, 255]);
        list.push(
            Case::new(format!("LLDP management address of length {length}"), with(&[management])).sees("lldp", 1),
        );
    }
    let whole = [good.concat(), lldp::tlv(127, &[0, 0x12, 0xbb, 2, 1, 0x40, 0xdd, 0x6e])].concat();
    let cut = (0..whole.len()).fold(Wire::new(), |wire, len| {
        wire.frame([&LLDP_GROUP[..], &client_mac(), &[0x88, 0xcc], &whole[..len]].concat())
    });
    list.push(Case::new("LLDP cut at every octet", cut));
    list
}
