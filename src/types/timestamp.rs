//! When a frame was captured.

use std::fmt;
use std::time::Duration;

/// Nanoseconds since 1970-01-01T00:00:00Z, as captured.
///
/// Shape: signed 64-bit, so 1677 to 2262; capture times outside are clamped by the reader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The later minus the earlier, in nanoseconds; zero where `earlier` is not earlier.
    pub fn nanos_since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// The later minus the earlier; zero where `earlier` is not earlier.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// How far two times are apart, whichever is the earlier.
    pub fn apart(self, other: Timestamp) -> Duration {
        Duration::from_nanos(self.nanos_apart(other))
    }

    /// This time moved on by `duration`, clamped at the end of the range.
    pub fn plus(self, duration: Duration) -> Timestamp {
        self.plus_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }

    /// This time moved back by `duration`, clamped at the beginning of the range.
    pub fn minus(self, duration: Duration) -> Timestamp {
        self.plus_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX).saturating_neg())
    }

    /// How far two times are apart, whichever is the earlier, in nanoseconds.
    pub fn nanos_apart(self, other: Timestamp) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// This time moved by `nanos`, clamped at the ends of the range.
    pub fn plus_nanos(self, nanos: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(nanos))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, always nine digits: `2026-11-23T07:00:00.000000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(t) => write!(f, "{t:.9}"),
            Err(_) => write!(f, "1970-01-01T00:00:00.000000000Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        let t: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        i64::try_from(t.as_nanosecond()).map(Timestamp).map_err(serde::de::Error::custom)
    }
}
