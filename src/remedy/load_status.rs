//! How something stands against what it should be.

/// How something stands against what it should be. What was not seen is not wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LoadStatus {
    /// As it should be.
    Right,
    /// Otherwise.
    Wrong,
    /// Not seen, or not to be read: neither right nor wrong.
    NotSeen,
    /// What it should be is not known.
    NotStated,
}

impl LoadStatus {
    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            LoadStatus::Right => "right",
            LoadStatus::Wrong => "wrong",
            LoadStatus::NotSeen => "not-seen",
            LoadStatus::NotStated => "not-stated",
        }
    }
}
