//! How something stands against what it should be.

/// How something stands against what it should be. What was not seen is not wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// As it should be.
    Right,
    /// Otherwise.
    Wrong,
    /// Not seen, or not to be read: neither right nor wrong.
    NotSeen,
    /// What it should be is not known.
    NotStated,
}

impl Standing {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Right => "right",
            Standing::Wrong => "wrong",
            Standing::NotSeen => "not-seen",
            Standing::NotStated => "not-stated",
        }
    }
}
