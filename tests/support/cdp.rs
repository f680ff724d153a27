//! CDP announcements of a phone and of its switch.

use std::net::Ipv4Addr;

use super::frame::{CDP_GROUP, Frame, Mac, checksum};

/// What to announce; what is `None` or empty is left out.
#[derive(Clone, Debug, Default)]
pub struct Announcement {
    pub device_id: String,
    pub address: Option<Ipv4Addr>,
    pub port_id: String,
    pub capabilities: u32,
    pub software_version: Option<String>,
    pub platform: String,
    /// VLAN that the switch wants phones in (type 0x000e).
    pub voice_vlan: Option<u16>,
    /// VLAN that the phone asks about (type 0x000f).
    pub voice_vlan_query: Option<u16>,
}

fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), (4 + value.len() as u16).to_be_bytes().as_slice(), value].concat()
}

impl Announcement {
    /// The TLVs in the order phones and switches send them.
    pub fn tlvs(&self) -> Vec<Vec<u8>> {
        let mut list = vec![tlv(0x0001, self.device_id.as_bytes())];
        if let Some(address) = self.address {
            let octets = address.octets();
            list.push(tlv(0x0002, &[&[0, 0, 0, 1, 1, 1, 0xcc, 0, 4], octets.as_slice()].concat()));
        }
        list.push(tlv(0x0003, self.port_id.as_bytes()));
        list.push(tlv(0x0004, &self.capabilities.to_be_bytes()));
        if let Some(version) = &self.software_version {
            list.push(tlv(0x0005, version.as_bytes()));
        }
        list.push(tlv(0x0006, self.platform.as_bytes()));
        // The data octet 1 says that a VLAN id follows.
        for (kind, vlan) in [(0x000e, self.voice_vlan), (0x000f, self.voice_vlan_query)] {
            if let Some(vlan) = vlan {
                list.push(tlv(kind, &[&[1], vlan.to_be_bytes().as_slice()].concat()));
            }
        }
        list.push(tlv(0x000b, &[1]));
        list
    }

    /// The frame, sent by `src`.
    pub fn frame(&self, src: Mac) -> Frame {
        frame(src, &self.tlvs())
    }
}

/// A frame from TLVs, malformed ones too.
pub fn frame(src: Mac, tlvs: &[Vec<u8>]) -> Frame {
    let mut body = vec![2, 180, 0, 0];
    body.extend(tlvs.concat());
    let sum = if body.len() % 2 == 0 { checksum(&[&body]) } else { odd_checksum(&body) };
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    Frame::snap(CDP_GROUP, src, [0, 0, 0x0c], 0x2000, &body)
}

/// Cisco adds a last odd octet as the low half of a word, and with its sign.
fn odd_checksum(body: &[u8]) -> u16 {
    let (last, head) = body.split_last().expect("a header");
    let word = (*last as i8 as i16) as u16;
    // A negative octet adds 0xffxx where plain arithmetic of their code subtracts one first.
    let word = if *last >= 0x80 { word.wrapping_sub(1) } else { word };
    checksum(&[head, &word.to_be_bytes()])
}
