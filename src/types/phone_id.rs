//! What tells one phone of a report from another.

use std::fmt;

use super::Mac;

/// Longest name that SCCP carries.
const MAX_NAME: usize = 15;

/// A phone: by its MAC, or, where several devices have one (the ports of an analog gateway), by its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PhoneId {
    /// Its MAC, or that of the gateway; all zero where the capture shows none.
    pub mac: Mac,
    name: [u8; MAX_NAME],
}

impl PhoneId {
    /// One of several devices with this MAC.
    pub fn named(mac: Mac, name: &str) -> PhoneId {
        let mut id = PhoneId::from(mac);
        for (to, from) in id.name.iter_mut().zip(name.bytes().filter(u8::is_ascii_graphic)) {
            *to = from;
        }
        id
    }

    fn name(&self) -> Option<&str> {
        let name = self.name.split(|b| *b == 0).next().and_then(|n| std::str::from_utf8(n).ok())?;
        Some(name).filter(|n| !n.is_empty())
    }
}

impl From<Mac> for PhoneId {
    fn from(mac: Mac) -> PhoneId {
        PhoneId { mac, name: [0; MAX_NAME] }
    }
}

/// The name where only that tells it from others, or else the MAC.
impl fmt::Display for PhoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => self.mac.fmt(f),
        }
    }
}

impl fmt::Debug for PhoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As the contract has it: the MAC, also where several share it; the name where there is no MAC.
impl serde::Serialize for PhoneId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if self.mac.is_zero() { s.collect_str(self) } else { self.mac.serialize(s) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_one_gateway_are_several() {
        let mac: Mac = "00:1a:a2:5e:7a:10".parse().unwrap();
        let port = |name| PhoneId::named(mac, name);
        assert_ne!(port("AN5E7A1000C0080"), port("AN5E7A1000C0081"));
        assert_eq!(port("AN5E7A1000C0080").to_string(), "AN5E7A1000C0080");
        assert_eq!(PhoneId::from(mac).to_string(), mac.to_string());
        assert_eq!(serde_json::to_string(&port("AN5E7A1000C0080")).unwrap(), format!("\"{mac}\""));
        let nowhere = PhoneId::named(Mac::default(), "ANC288093711080\u{1b}");
        assert_eq!(serde_json::to_string(&nowhere).unwrap(), "\"ANC288093711080\"");
    }
}
