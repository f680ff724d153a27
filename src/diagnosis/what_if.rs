//! Answers to questions about changes: what would become of the phones.

use std::net::IpAddr;

use crate::types::{Mac, WireText};

/// What a change would do.
#[derive(Clone, Debug)]
pub struct WhatIf {
    /// The change, as it was asked for: `tftp=10.31.0.5`.
    pub change: String,
    /// The answer in a sentence or two.
    pub summary: String,
    /// What to do before the change, in order.
    pub first: Vec<String>,
    /// The phones that it would change something for, or of which that is not known.
    pub phones: Vec<PhoneThen>,
    /// How many others there are.
    pub unaffected: usize,
}

/// A phone after the change.
#[derive(Clone, Debug)]
pub struct PhoneThen {
    #[allow(missing_docs)]
    pub mac: Mac,
    #[allow(missing_docs)]
    pub name: Option<WireText>,
    /// The TFTP server that it turns to now, and then; `None`: it does not move.
    pub moves: Option<(Option<IpAddr>, IpAddr)>,
    /// The load that it runs.
    pub load_now: Option<WireText>,
    /// The load that it would run; `None`: not known, or the same.
    pub load_then: Option<WireText>,
    /// Whose word that is: `XMLDefault.cnf.xml of 10.31.0.5`, `the site file`.
    pub named_by: Option<String>,
    /// CallManagers that it would try, as far as known.
    pub call_managers: Vec<String>,
    #[allow(missing_docs)]
    pub outcome: WhatIfOutcome,
    /// Why, as the end of a sentence.
    pub because: String,
    /// The load to move it to before the change.
    pub load_first: Option<WireText>,
}

/// How it would end for a phone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WhatIfOutcome {
    /// Its CallManager would turn it away.
    Refused,
    /// It would register with another cluster than its own.
    Elsewhere,
    /// The evidence does not say.
    NotKnown,
    /// It would come up.
    Taken,
}

impl WhatIfOutcome {
    /// The word of the report.
    pub fn as_str(self) -> &'static str {
        match self {
            WhatIfOutcome::Refused => "refused",
            WhatIfOutcome::Elsewhere => "elsewhere",
            WhatIfOutcome::NotKnown => "not-known",
            WhatIfOutcome::Taken => "taken",
        }
    }
}
