//! Numbers at an offset of a slice; `None` or nothing where the slice ends before.

/// The byte at `at`.
pub(super) fn u8_at(data: &[u8], at: usize) -> Option<u8> {
    data.get(at).copied()
}

/// The big-endian 16-bit number at `at`.
pub(super) fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// The big-endian 32-bit number at `at`.
pub(super) fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// The little-endian 16-bit number at `at`.
pub(super) fn u16_le_at(data: &[u8], at: usize) -> Option<u16> {
    u16_at(data, at).map(u16::swap_bytes)
}

/// The little-endian 32-bit number at `at`.
pub(super) fn u32_le_at(data: &[u8], at: usize) -> Option<u32> {
    u32_at(data, at).map(u32::swap_bytes)
}

/// All from `at` on; nothing where the slice ends before.
pub(super) fn from(data: &[u8], at: usize) -> &[u8] {
    data.get(at..).unwrap_or_default()
}

/// At most the first `len` bytes.
pub(super) fn at_most(data: &[u8], len: usize) -> &[u8] {
    data.get(..len).unwrap_or(data)
}
