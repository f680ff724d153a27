//! Numbers that look drawn and are not: transaction ids, ports, small delays.

/// The one seed; printed in `captures/README.md`.
pub const SEED: u64 = 5278;

/// SplitMix64 (public domain, Sebastiano Vigna), seeded with [`SEED`] and a name.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// A row of numbers of its own for each `name`, for example a MAC address.
    pub fn for_name(name: &[u8]) -> Self {
        // FNV-1a: any spread of the name's bytes will do.
        let hash = name.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
        Draw(hash ^ SEED.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low..high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }
}
