//! What a rule says of one phone, made step by step.

use std::net::IpAddr;

use super::{Code, FindingText, evidence};
use crate::conversation::SeenAt;
use crate::diagnosis::{Confidence, Evidence, Fact, Facts, Fix, Severity};

/// What a rule says of one phone.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Which finding.
    pub code: Code,
    #[allow(missing_docs)]
    pub severity: Severity,
    #[allow(missing_docs)]
    pub confidence: Confidence,
    /// Addresses that tell one cause from another: phones with the same ones share a finding.
    pub servers: Vec<IpAddr>,
    /// What tells one cause from another beside them: the words of a rejection.
    pub apart: String,
    /// Facts of this phone, by the contract's names.
    pub facts: Facts,
    /// The first is the primary one.
    pub evidence: Vec<Evidence>,
    /// What the finding's sentences need beside the facts.
    pub says: FindingText,
}

impl Draft {
    /// A finding of its code's usual severity; the frame that shows it comes first, so there is none without evidence.
    pub(crate) fn of(code: Code, confidence: Confidence, seen_at: SeenAt, shows: impl Into<String>) -> Draft {
        Draft {
            code,
            severity: code.severity(),
            confidence,
            servers: Vec::new(),
            apart: String::new(),
            facts: Facts::new(),
            evidence: vec![evidence(seen_at, shows)],
            says: FindingText::default(),
        }
    }

    /// The same of evidence that is put together already; the first is the primary one.
    pub(crate) fn from_evidence(code: Code, confidence: Confidence, shown: Vec<Evidence>) -> Draft {
        debug_assert!(!shown.is_empty(), "{code}: a finding without evidence");
        Draft {
            code,
            severity: code.severity(),
            confidence,
            servers: Vec::new(),
            apart: String::new(),
            facts: Facts::new(),
            evidence: shown,
            says: FindingText::default(),
        }
    }

    /// Another severity than the usual one.
    pub(crate) fn severity(mut self, severity: Severity) -> Draft {
        self.severity = severity;
        self
    }

    pub(crate) fn server(mut self, server: IpAddr) -> Draft {
        self.servers.push(server);
        self
    }

    pub(crate) fn servers(mut self, servers: impl IntoIterator<Item = IpAddr>) -> Draft {
        self.servers.extend(servers);
        self
    }

    /// What tells it from findings of the same code and servers.
    pub(crate) fn apart(mut self, by: impl Into<String>) -> Draft {
        self.apart = by.into();
        self
    }

    pub(crate) fn facts(mut self, facts: Facts) -> Draft {
        self.facts.extend(facts);
        self
    }

    /// In the order of the code's row.
    pub(crate) fn fact(mut self, name: &'static str, value: Fact) -> Draft {
        self.facts.push((name, value));
        self
    }

    pub(crate) fn evidence(mut self, seen_at: SeenAt, shows: impl Into<String>) -> Draft {
        self.evidence.push(evidence(seen_at, shows));
        self
    }

    /// A few words.
    pub(crate) fn title(mut self, title: impl Into<String>) -> Draft {
        self.says.title = title.into();
        self
    }

    /// What and why it matters, with values.
    pub(crate) fn summary(mut self, summary: impl Into<String>) -> Draft {
        self.says.summary = summary.into();
        self
    }

    pub(crate) fn fixes(mut self, fixes: impl IntoIterator<Item = Fix>) -> Draft {
        self.says.fixes.extend(fixes);
        self
    }

    pub(crate) fn fix(mut self, fix: Fix) -> Draft {
        self.says.fixes.push(fix);
        self
    }
}
