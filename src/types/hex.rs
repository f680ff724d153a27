//! Bytes that are shown as hexadecimal text.

use std::fmt;

/// Raw bytes, written as lower-case hexadecimal digits without separators (`01003094c2d3fa`).
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Hex(pub Box<[u8]>);

impl From<&[u8]> for Hex {
    fn from(bytes: &[u8]) -> Hex {
        Hex(bytes.into())
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|n| u8::try_from(n).ok());
        text.as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            })
            .collect::<Option<Box<[u8]>>>()
            .map(Hex)
            .ok_or_else(|| serde::de::Error::custom("not an even number of hexadecimal digits"))
    }
}

/// A 32-bit number written `0x` and eight lower-case digits, for DHCP transaction ids.
pub(crate) mod xid {
    pub(crate) fn serialize<S: serde::Serializer>(xid: &u32, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("0x{xid:08x}"))
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
        super::from_0x(d)
    }
}

/// A message id written `0x` and four lower-case digits, for SCCP.
pub(crate) mod message_id {
    pub(crate) fn serialize<S: serde::Serializer>(id: &u32, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("0x{id:04x}"))
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
        super::from_0x(d)
    }
}

fn from_0x<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    use serde::Deserialize as _;
    let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
    text.strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or_else(|| serde::de::Error::custom("not a number of the form 0x1a2b"))
}
