//! A file to ask a server for, and a file to compare the answer with.

use super::{FileName, Want};

/// A file to compare with.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name that it is asked for by.
    pub name: FileName,
    /// Where it stands, for people.
    pub path: String,
    #[allow(missing_docs)]
    pub octets: Vec<u8>,
}

/// A file to ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    #[allow(missing_docs)]
    pub file: FileName,
    #[allow(missing_docs)]
    pub want: Want,
    pub(super) purpose: Purpose,
}

impl Question {
    /// Whether it is about one phone alone; the answer to any other is the same for all phones of a server.
    pub fn is_of_one_phone(&self) -> bool {
        matches!(self.purpose, Purpose::Configuration | Purpose::OtherCase)
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    Configuration,
    /// The same name with the MAC in the other case.
    OtherCase,
    /// A file that the load may be in; then the others that it may be in instead.
    Load {
        load: String,
        named: bool,
        others: Vec<FileName>,
    },
    /// A file that the list of a load names.
    Part {
        load: String,
    },
}
