//! How the span port shows what it mirrors.

use std::fmt;
use std::str::FromStr;

/// What the switch does to a mirrored frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Span {
    /// Nothing; the kernel mirrors it.
    Plain,
    /// An 802.1Q tag with the voice VLAN.
    Vlan,
    /// An 802.1ad tag around an 802.1Q tag.
    Qinq,
    /// An 802.1Q tag with a priority and VLAN 0.
    Priority,
    Erspan1,
    Erspan2,
    Erspan3,
    Vxlan,
}

/// The voice VLAN of frames with a tag.
pub(crate) const VOICE_VLAN: u16 = 110;
/// The outer tag of doubly tagged frames.
#[cfg(feature = "live")]
pub(crate) const PROVIDER_VLAN: u16 = 900;

const NAMES: [(&str, Span); 8] = [
    ("plain", Span::Plain),
    ("vlan", Span::Vlan),
    ("qinq", Span::Qinq),
    ("priority", Span::Priority),
    ("erspan1", Span::Erspan1),
    ("erspan2", Span::Erspan2),
    ("erspan3", Span::Erspan3),
    ("vxlan", Span::Vxlan),
];

impl Span {
    /// The VLAN that phones are seen in.
    pub(crate) fn vlan(self) -> Option<u16> {
        matches!(self, Span::Vlan | Span::Qinq).then_some(VOICE_VLAN)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(_, span)| span == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, span)| *span);
        let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        found.ok_or_else(|| format!("one of {}", names.join(", ")))
    }
}
