//! The bytes of a phone configuration, passwords included: for who edits it, and for nobody's eyes.

use std::fmt;
use std::sync::Arc;

/// A configuration file whole, as it was carried. Cheap to clone.
///
/// It may hold passwords: it is never part of an event that is written out, and `Debug` shows its length alone.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ConfigBody(Arc<Vec<u8>>);

impl ConfigBody {
    /// Takes the bytes over.
    pub fn new(octets: Vec<u8>) -> ConfigBody {
        ConfigBody(Arc::new(octets))
    }

    /// The bytes.
    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ConfigBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigBody({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_a_password_in_it() {
        let body = ConfigBody::new(b"<sshPassword>hunter2</sshPassword>".to_vec());
        assert_eq!(format!("{body:?}"), "ConfigBody(34 octets)");
    }
}
