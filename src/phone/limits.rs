//! Bounds of what one capture may make us keep. Reaching one is reported in `coverage.limits_reached`.

/// Phones.
pub const PHONES: usize = 131_072;
/// DHCP clients and addresses that are no phones (yet).
pub const OTHERS: usize = 16_384;
/// Addresses known to be a phone's; the one unused for longest goes first.
pub const ADDRESSES: usize = 2 * PHONES;
/// Files per phone.
pub const FILES: usize = 48;
/// Registration attempts per phone.
pub const ATTEMPTS: usize = 48;
/// ARP and DNS questions per phone.
pub const QUESTIONS: usize = 8;
/// Names, loads and boots per phone.
pub const CHANGES: usize = 16;
/// Names with their addresses, from DNS answers.
pub const NAMES: usize = 1_024;
/// Switch ports that announce a voice VLAN.
pub const VOICE_PORTS: usize = 1_024;
/// Load names kept for their spelling.
pub const SPELLINGS: usize = 256;
/// Distinct lease terms kept to be shared.
pub const TERMS: usize = 65_536;
/// Bytes of distinct configurations; a site has a few, of some kilobytes.
pub const CONFIG_BYTES: usize = 16 << 20;
/// Bytes of distinct configurations kept whole, where that was asked for; a phone's takes some kilobytes.
pub const CONFIG_BODY_BYTES: usize = 256 << 20;
