//! LLDP announcements, with the network policy of LLDP-MED.

use super::frame::{ETHERTYPE_LLDP, Frame, LLDP_GROUP, Mac};

/// What to announce; what is `None` or empty is left out.
#[derive(Clone, Debug, Default)]
pub struct Announcement {
    pub port_id: String,
    pub system_name: Option<String>,
    pub system_description: Option<String>,
    /// VLAN of the voice policy (TIA-1057, application 1).
    pub voice_vlan: Option<u16>,
    /// Inventory: firmware revision and model.
    pub firmware: Option<String>,
    pub model: Option<String>,
}

/// One TLV: seven bits of type, nine of length.
pub fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
    [(kind << 9 | value.len() as u16).to_be_bytes().as_slice(), value].concat()
}

fn med(subtype: u8, value: &[u8]) -> Vec<u8> {
    tlv(127, &[&[0x00, 0x12, 0xbb, subtype], value].concat())
}

impl Announcement {
    /// The frame, sent by `src`, which also is the chassis id.
    pub fn frame(&self, src: Mac) -> Frame {
        let mut body = tlv(1, &[&[4], src.as_slice()].concat());
        body.extend(tlv(2, &[&[7], self.port_id.as_bytes()].concat()));
        body.extend(tlv(3, &180u16.to_be_bytes()));
        if let Some(name) = &self.system_name {
            body.extend(tlv(5, name.as_bytes()));
        }
        if let Some(text) = &self.system_description {
            body.extend(tlv(6, text.as_bytes()));
        }
        // Bridge and telephone, telephone enabled.
        body.extend(tlv(7, &[0, 0x24, 0, 0x24]));
        body.extend(med(1, &[0x00, 0x33, 0x03]));
        if let Some(vlan) = self.voice_vlan {
            let policy = 1 << 22 | u32::from(vlan) << 9 | 5 << 6 | 46;
            let [_, a, b, c] = policy.to_be_bytes();
            body.extend(med(2, &[1, a, b, c]));
        }
        if let Some(text) = &self.firmware {
            body.extend(med(6, text.as_bytes()));
        }
        if let Some(text) = &self.model {
            body.extend(med(10, text.as_bytes()));
        }
        body.extend(tlv(0, &[]));
        Frame::ethernet(LLDP_GROUP, src, ETHERTYPE_LLDP, &body)
    }
}
