//! What is odd on the wire, without an opinion.

use std::borrow::Cow;
use std::fmt;

/// Something odd in a frame: which layer, what, and where it matters at which byte of the layer.
/// Made of our own words and numbers; text from the network goes in escaped ([`crate::types::WireText`]'s `Display`).
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Anomaly(Cow<'static, str>);

impl Anomaly {
    /// A fixed text, such as `"dhcp: no end option"`.
    pub const fn fixed(text: &'static str) -> Anomaly {
        Anomaly(Cow::Borrowed(text))
    }

    /// A text with values in it.
    pub fn new(text: String) -> Anomaly {
        Anomaly(Cow::Owned(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::types::text::write_safe(f, &self.0)
    }
}
