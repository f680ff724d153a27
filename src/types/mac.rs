//! Hardware addresses.

use std::fmt;
use std::str::FromStr;

/// A 48-bit MAC address; printed in lower case with colons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// The first six bytes, if there are six.
    pub fn from_slice(bytes: &[u8]) -> Option<Mac> {
        bytes.first_chunk::<6>().map(|b| Mac(*b))
    }

    /// The MAC that a device name carries: `SEP`, then twelve hexadecimal digits in either case.
    pub fn from_device_name(name: &str) -> Option<Mac> {
        let digits = name.get(..3).filter(|p| p.eq_ignore_ascii_case("SEP")).and(name.get(3..))?;
        (digits.len() == 12).then(|| Mac::from_digits(digits)).flatten()
    }

    /// The name a phone with this MAC has: `SEP003094C2D3FA`.
    pub fn device_name(self) -> String {
        let [a, b, c, d, e, f] = self.0;
        format!("SEP{a:02X}{b:02X}{c:02X}{d:02X}{e:02X}{f:02X}")
    }

    /// Whether it is a group address (multicast or broadcast).
    pub fn is_group(self) -> bool {
        self.0[0] & 1 == 1
    }

    /// The MAC; `None`: all zero, so that it is not known.
    pub fn known(self) -> Option<Mac> {
        Some(self).filter(|m| !m.is_zero())
    }

    /// Whether every byte is zero.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }

    fn from_digits(digits: &str) -> Option<Mac> {
        let mut mac = [0u8; 6];
        for (octet, pair) in mac.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) || pair.len() != 2 {
                return None;
            }
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        (digits.len() == 12).then_some(Mac(mac))
    }
}

impl FromStr for Mac {
    type Err = &'static str;

    /// Reads `00:30:94:c2:d3:fa`, `00-30-94-C2-D3-FA`, `0030.94c2.d3fa`, `003094C2D3FA` and `SEP003094C2D3FA`.
    fn from_str(text: &str) -> Result<Mac, &'static str> {
        if let Some(mac) = Mac::from_device_name(text) {
            return Ok(mac);
        }
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
        Mac::from_digits(&digits).ok_or("not a MAC address: twelve hexadecimal digits are needed")
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A client hardware address of any length up to 16 bytes (`chaddr`, RFC 2131 section 2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HardwareAddress {
    len: u8,
    octets: [u8; 16],
}

impl HardwareAddress {
    /// The first `len` bytes of `field`, at most 16 and at most what is there.
    pub fn new(field: &[u8], len: u8) -> HardwareAddress {
        let mut octets = [0; 16];
        let mut n = 0u8;
        for (to, from) in octets.iter_mut().zip(field).take(usize::from(len)) {
            *to = *from;
            n += 1;
        }
        HardwareAddress { len: n, octets }
    }

    /// The bytes.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The MAC address, where it is one (six bytes).
    pub fn mac(&self) -> Option<Mac> {
        (self.len == 6).then(|| Mac::from_slice(self.octets())).flatten()
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, b) in self.octets().iter().enumerate() {
            write!(f, "{}{b:02x}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for HardwareAddress {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for HardwareAddress {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        let octets: Option<Vec<u8>> = text.split(':').map(|p| u8::from_str_radix(p, 16).ok()).collect();
        match octets {
            Some(o) if o.len() <= 16 => Ok(HardwareAddress::new(&o, 16)),
            _ => Err(serde::de::Error::custom("not a hardware address")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_read_in_every_spelling() {
        let mac = Mac([0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa]);
        for text in ["00:30:94:c2:d3:fa", "00-30-94-C2-D3-FA", "0030.94c2.d3fa", "003094C2D3FA", "SEP003094c2d3fa"] {
            assert_eq!(text.parse::<Mac>(), Ok(mac), "{text}");
        }
        assert_eq!(mac.to_string(), "00:30:94:c2:d3:fa");
        assert_eq!(mac.device_name(), "SEP003094C2D3FA");
        for text in [
            "",
            "SEP",
            "SEP003094C2D3F",
            "SEP003094C2D3FAA",
            "00:30:94:c2:d3",
            "zz:30:94:c2:d3:fa",
            "SEP0030é94C2D3F",
            "+0:30:94:c2:d3:fa",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hardware_address_is_never_longer_than_its_field() {
        assert_eq!(HardwareAddress::new(&[1, 2, 3, 4, 5, 6, 7], 6).to_string(), "01:02:03:04:05:06");
        assert_eq!(HardwareAddress::new(&[1; 16], 255).octets().len(), 16);
        assert_eq!(HardwareAddress::new(&[1; 3], 6).octets().len(), 3);
        assert_eq!(HardwareAddress::new(&[1; 16], 17).mac(), None);
    }
}
