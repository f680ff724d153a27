//! Where the fields of a message's payload stand: read by the length of the message, never by its version.
//!
//! Offsets count from the first byte after the message id. Source: the SCCP reference, section 3.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::types::{Mac, WireText};

/// A message's payload: what was captured of `declared` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    octets: &'a [u8],
    declared: usize,
}

impl<'a> Payload<'a> {
    /// The payload of a message whose header says `declared` bytes; more than these are cut off.
    pub fn new(octets: &'a [u8], declared: usize) -> Payload<'a> {
        Payload { octets: octets.get(..declared).unwrap_or(octets), declared }
    }

    /// Whether bytes are missing at the end.
    pub fn is_cut(&self) -> bool {
        self.octets.len() < self.declared
    }

    /// Bytes that the header says there are.
    pub fn declared(&self) -> usize {
        self.declared
    }

    /// The bytes captured.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.octets.get(offset..)?.first_chunk::<N>().copied()
    }

    /// One byte.
    pub fn u8(&self, offset: usize) -> Option<u8> {
        self.octets.get(offset).copied()
    }

    /// A little-endian 16-bit number that lies wholly inside.
    pub fn u16(&self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    /// A little-endian 32-bit number that lies wholly inside.
    pub fn u32(&self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    /// An IPv4 address in network order.
    pub fn ipv4(&self, offset: usize) -> Option<Ipv4Addr> {
        self.array::<4>(offset).map(Ipv4Addr::from)
    }

    /// An IPv6 address in network order.
    pub fn ipv6(&self, offset: usize) -> Option<Ipv6Addr> {
        self.array::<16>(offset).map(Ipv6Addr::from)
    }

    /// The bytes of a string: up to the first NUL or the end of its field. What follows a NUL can be stale memory.
    /// `None` where the field does not begin inside, or the capture lost its end.
    pub fn string(&self, offset: usize, len: usize) -> Option<&'a [u8]> {
        let rest = self.octets.get(offset..).filter(|rest| !rest.is_empty())?;
        let field = rest.get(..len).unwrap_or(rest);
        match field.iter().position(|b| *b == 0) {
            Some(nul) => field.get(..nul),
            None if field.len() < len && self.is_cut() => None,
            None => Some(field),
        }
    }

    /// A string that says something: `None` where it is absent or empty.
    pub fn text(&self, offset: usize, len: usize) -> Option<WireText> {
        self.string(offset, len).filter(|s| !s.is_empty()).map(WireText::from_bytes)
    }
}

/// Register (0x0001), from the phone. Seven lengths are known; newer ones add fields at the end.
#[derive(Clone, Copy, Debug)]
pub struct Register<'a>(pub Payload<'a>);

impl Register<'_> {
    /// Device name, `SEP` and twelve digits for phones. Shape: 16 bytes.
    pub fn device_name(&self) -> Option<WireText> {
        self.0.text(0, 16)
    }

    /// Instance: 1 on old phones, 0 on newer ones.
    pub fn instance(&self) -> Option<u32> {
        self.0.u32(20)
    }

    /// Whether this is the 32-byte form of one open implementation, where the protocol version takes the place of
    /// the address. Believed; told from the usual form by an address that would be x.0.0.0.
    fn has_version_for_address(&self) -> bool {
        self.0.declared() == 32 && matches!(self.0.array::<4>(24), Some([1..=255, 0, 0, 0]))
    }

    /// Station address; `None` where the phone has none (0.0.0.0) or the form has no such field.
    pub fn station_ipv4(&self) -> Option<Ipv4Addr> {
        if self.has_version_for_address() { None } else { self.0.ipv4(24).filter(|ip| !ip.is_unspecified()) }
    }

    /// Device type: see [`super::device_type_name`].
    pub fn device_type(&self) -> Option<u32> {
        self.0.u32(28)
    }

    /// Greatest number of RTP streams.
    pub fn max_streams(&self) -> Option<u32> {
        self.0.u32(32)
    }

    /// RTP streams now. The 7936 puts its number into the last byte.
    pub fn active_streams(&self) -> Option<u32> {
        self.0.u32(36)
    }

    /// Protocol version that the phone offers.
    pub fn protocol_version(&self) -> Option<u8> {
        if self.has_version_for_address() { self.0.u8(24) } else { self.0.u8(40) }
    }

    /// Feature bits; sources disagree on what they mean.
    pub fn features(&self) -> Option<u16> {
        self.0.u16(42)
    }

    /// Greatest number of conferences.
    pub fn max_conferences(&self) -> Option<u32> {
        self.0.u32(44)
    }

    /// Conferences now.
    pub fn active_conferences(&self) -> Option<u32> {
        self.0.u32(48)
    }

    /// MAC address. Zero, ASCII or stale on several models: the device name is the better source.
    pub fn mac(&self) -> Option<Mac> {
        self.0.array::<12>(52).map(|field| Mac([field[0], field[1], field[2], field[3], field[4], field[5]]))
    }

    /// IPv4 address scope.
    pub fn ipv4_scope(&self) -> Option<u32> {
        self.0.u32(64)
    }

    /// Greatest number of lines.
    pub fn max_lines(&self) -> Option<u32> {
        self.0.u32(68)
    }

    /// Station IPv6 address; `::` where it has none.
    pub fn station_ipv6(&self) -> Option<Ipv6Addr> {
        self.0.ipv6(72)
    }

    /// IPv6 address scope.
    pub fn ipv6_scope(&self) -> Option<u32> {
        self.0.u32(88)
    }

    /// Firmware load that the phone runs, as a file name. Shape: 32 bytes, from length 128 on.
    pub fn load(&self) -> Option<WireText> {
        self.0.text(92, 32)
    }

    /// Configuration version seen_at. Shape: 48 bytes, from length 176 on.
    pub fn config_version_stamp(&self) -> Option<WireText> {
        self.0.text(124, 48)
    }

    /// The address that says where the phone is: IPv4, or else IPv6.
    pub fn station_ip(&self) -> Option<IpAddr> {
        let v6 = || self.station_ipv6().filter(|ip| !ip.is_unspecified()).map(IpAddr::V6);
        self.station_ipv4().map(IpAddr::V4).or_else(v6)
    }
}

/// RegisterAck (0x0081), from the call server. CallManager 2 ends it after the date template.
#[derive(Clone, Copy, Debug)]
pub struct RegisterAck<'a>(pub Payload<'a>);

impl RegisterAck<'_> {
    /// Seconds between keepalives.
    pub fn keepalive_secs(&self) -> Option<u32> {
        self.0.u32(0)
    }

    /// Date template, such as `D/M/YA`. Shape: 6 bytes, NUL only where shorter.
    pub fn date_template(&self) -> Option<WireText> {
        self.0.text(4, 6)
    }

    /// Seconds between keepalives on a standby connection.
    pub fn standby_keepalive_secs(&self) -> Option<u32> {
        self.0.u32(12)
    }

    /// Protocol version: the server's highest, or the one agreed on.
    pub fn protocol_version(&self) -> Option<u8> {
        self.0.u8(16)
    }
}

/// RegisterTokenReq (0x0029) and SPCPRegisterTokenReq (0x8000), from the phone: both begin like Register.
///
/// The address (offset 24) is left alone: sources disagree on its byte order.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a>(pub Payload<'a>);

impl TokenRequest<'_> {
    /// Device name. Shape: 16 bytes.
    pub fn device_name(&self) -> Option<WireText> {
        self.0.text(0, 16)
    }

    /// Instance.
    pub fn instance(&self) -> Option<u32> {
        self.0.u32(20)
    }

    /// Device type. One open implementation leaves the user id out, which moves it up by four: the value that is a
    /// known type decides.
    pub fn device_type(&self) -> Option<u32> {
        let known = |offset| self.0.u32(offset).filter(|n| super::device_type_name(*n).is_some());
        known(28).or_else(|| known(24)).or_else(|| self.0.u32(28))
    }
}

/// ConfigStatRes (0x0093), from the call server.
#[derive(Clone, Copy, Debug)]
pub struct ConfigStat<'a>(pub Payload<'a>);

impl ConfigStat<'_> {
    /// Device name. Shape: 16 bytes.
    pub fn device_name(&self) -> Option<WireText> {
        self.0.text(0, 16)
    }

    /// User name. Shape: 40 bytes.
    pub fn user_name(&self) -> Option<WireText> {
        self.0.text(24, 40)
    }

    /// The call server's own name. Shape: 40 bytes.
    pub fn server_name(&self) -> Option<WireText> {
        self.0.text(64, 40)
    }

    /// Number of lines.
    pub fn lines(&self) -> Option<u32> {
        self.0.u32(104)
    }

    /// Number of speed dials.
    pub fn speed_dials(&self) -> Option<u32> {
        self.0.u32(108)
    }
}

/// ConfigStatV2Res (0x0142): the same with its strings packed. Whether CallManager packs the first one, or gives it
/// 16 bytes, is not known; for a phone's name it is the same.
#[derive(Clone, Copy, Debug)]
pub struct ConfigStatV2<'a>(pub Payload<'a>);

impl ConfigStatV2<'_> {
    fn after_name(&self) -> Option<usize> {
        Some(self.0.string(0, 129)?.len() + 1)
    }

    /// Device name.
    pub fn device_name(&self) -> Option<WireText> {
        self.0.text(0, 129)
    }

    /// Number of lines.
    pub fn lines(&self) -> Option<u32> {
        self.0.u32(self.after_name()? + 8)
    }

    /// Number of speed dials.
    pub fn speed_dials(&self) -> Option<u32> {
        self.0.u32(self.after_name()? + 12)
    }

    /// User name.
    pub fn user_name(&self) -> Option<WireText> {
        self.0.text(self.after_name()? + 16, 129)
    }

    /// The call server's own name.
    pub fn server_name(&self) -> Option<WireText> {
        let user = self.after_name()? + 16;
        self.0.text(user + self.0.string(user, 129)?.len() + 1, 129)
    }
}

/// ServerRes (0x009e), from the call server: up to five call servers.
#[derive(Clone, Copy, Debug)]
pub struct ServerRes<'a>(pub Payload<'a>);

impl ServerRes<'_> {
    /// Name, TCP port and address of each place in the list, empty places included.
    /// The address has 4 bytes, or in the long form (364) a kind word and 16 bytes.
    pub fn servers(&self) -> impl Iterator<Item = (WireText, u32, Option<IpAddr>)> {
        let long = self.0.declared() >= 360;
        (0..5).map_while(move |i| {
            let name = self.0.string(i * 48, 48)?;
            let port = self.0.u32(240 + i * 4)?;
            let ip = if !long {
                self.0.ipv4(260 + i * 4).map(IpAddr::V4)
            } else if self.0.u32(260 + i * 20) == Some(1) {
                self.0.ipv6(264 + i * 20).map(IpAddr::V6)
            } else {
                self.0.ipv4(264 + i * 20).map(IpAddr::V4)
            };
            Some((WireText::from_bytes(name), port, ip))
        })
    }
}

/// MediaTransmissionFailure (0x002a), from the phone.
#[derive(Clone, Copy, Debug)]
pub struct MediaFailure<'a>(pub Payload<'a>);

impl MediaFailure<'_> {
    fn is_long(&self) -> bool {
        self.0.declared() >= 36
    }

    /// Where the phone could not send to.
    pub fn remote_ip(&self) -> Option<IpAddr> {
        match (self.is_long(), self.0.u32(8)) {
            (false, _) => self.0.ipv4(8).map(IpAddr::V4),
            (true, Some(1)) => self.0.ipv6(12).map(IpAddr::V6),
            (true, _) => self.0.ipv4(12).map(IpAddr::V4),
        }
    }

    /// The port there.
    pub fn remote_port(&self) -> Option<u32> {
        self.0.u32(if self.is_long() { 28 } else { 12 })
    }

    /// Call reference.
    pub fn call_reference(&self) -> Option<u32> {
        self.0.u32(if self.is_long() { 32 } else { 16 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_the_first_nul_or_at_the_end_of_its_field() {
        let p = Payload::new(b"CM-A\0stale", 10);
        assert_eq!(p.string(0, 10), Some(&b"CM-A"[..]));
        assert_eq!(p.string(5, 5), Some(&b"stale"[..]));
        assert_eq!(p.string(5, 3), Some(&b"sta"[..]));
        assert_eq!(p.string(10, 1), None);
        assert_eq!(p.string(usize::MAX, 1), None);
    }

    #[test]
    fn a_string_whose_end_was_cut_off_is_not_read() {
        let cut = Payload::new(b"SEP0030", 16);
        assert_eq!(cut.text(0, 16), None);
        let whole = Payload::new(b"SEP0030", 7);
        assert_eq!(whole.text(0, 16).unwrap().raw(), "SEP0030");
        let nul = Payload::new(b"CFB\0", 16);
        assert_eq!(nul.text(0, 16).unwrap().raw(), "CFB");
    }

    #[test]
    fn short_register_has_its_version_in_the_address_field() {
        let mut octets = [0u8; 32];
        octets[24] = 3;
        octets[28] = 7;
        let register = Register(Payload::new(&octets, 32));
        assert_eq!((register.protocol_version(), register.station_ip()), (Some(3), None));
        octets[27] = 9;
        let register = Register(Payload::new(&octets, 32));
        assert_eq!(register.protocol_version(), None);
        assert_eq!(register.station_ip(), Some("3.0.0.9".parse().unwrap()));
    }
}
