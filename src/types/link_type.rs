//! Names of link types, and the numbers that files use for them.

use std::borrow::Cow;

/// The link type of a frame: the number of the `LINKTYPE_` registry (tcpdump.org/linktypes.html).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct LinkType(pub u16);

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
}

/// Number and name of the link types of the registry that a capture of telephony may have.
const NAMES: &[(u16, &str)] = &[
    (0, "NULL"),
    (1, "EN10MB"),
    (6, "IEEE802_5"),
    (8, "SLIP"),
    (9, "PPP"),
    (10, "FDDI"),
    (50, "PPP_HDLC"),
    (51, "PPP_ETHER"),
    (100, "ATM_RFC1483"),
    (101, "RAW"),
    (104, "C_HDLC"),
    (105, "IEEE802_11"),
    (107, "FRELAY"),
    (108, "LOOP"),
    (113, "LINUX_SLL"),
    (119, "IEEE802_11_PRISM"),
    (123, "SUNATM"),
    (127, "IEEE802_11_RADIOTAP"),
    (143, "DOCSIS"),
    (163, "IEEE802_11_AVS"),
    (166, "PPP_PPPD"),
    (187, "BLUETOOTH_HCI_H4"),
    (189, "USB_LINUX"),
    (192, "PPI"),
    (195, "IEEE802_15_4_WITHFCS"),
    (201, "BLUETOOTH_HCI_H4_WITH_PHDR"),
    (220, "USB_LINUX_MMAPPED"),
    (226, "IPNET"),
    (228, "IPV4"),
    (229, "IPV6"),
    (231, "DBUS"),
    (239, "NFLOG"),
    (242, "IPOIB"),
    (249, "USBPCAP"),
    (252, "WIRESHARK_UPPER_PDU"),
    (253, "NETLINK"),
    (274, "ETHERNET_MPACKET"),
    (276, "LINUX_SLL2"),
];

impl LinkType {
    /// From the link-type word of a file.
    ///
    /// The upper half holds the length of a frame check sequence and a class, not the type. 12 and 14 are what some
    /// systems write for raw IP, whose number in files is 101.
    pub(crate) fn from_file(word: u32) -> LinkType {
        match u16::try_from(word & 0xffff).unwrap_or_default() {
            12 | 14 => LinkType(101),
            number => LinkType(number),
        }
    }

    /// Name in the `LINKTYPE_` registry without that prefix: `EN10MB` (the contract's word for Ethernet),
    /// `LINUX_SLL2`; `LINKTYPE_<number>` for those without a name here.
    pub fn name(self) -> Cow<'static, str> {
        match NAMES.binary_search_by_key(&self.0, |(number, _)| *number) {
            Ok(at) => NAMES.get(at).map_or(Cow::Borrowed(""), |(_, name)| Cow::Borrowed(name)),
            Err(_) => Cow::Owned(format!("LINKTYPE_{}", self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found() {
        for (number, name) in NAMES {
            assert_eq!(LinkType(*number).name(), *name);
        }
        assert_eq!(LinkType(65535).name(), "LINKTYPE_65535");
        assert_eq!(LinkType(2).name(), "LINKTYPE_2");
    }

    #[test]
    fn check_sequence_and_class_bits_are_no_part_of_the_type() {
        assert_eq!(LinkType::from_file(0x4400_0001), LinkType::ETHERNET);
        assert_eq!(LinkType::from_file(0x0224_0001), LinkType::ETHERNET);
        assert_eq!(LinkType::from_file(12), LinkType(101));
    }
}
