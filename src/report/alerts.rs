//! What the operator is to be told when nobody looks: once per finding, and when it ended.
//!
//! A finding is told by its code and the server that is at fault (its first; where there is none, by its title), however
//! many phones have it and whatever else becomes known of it, and only where no other finding explains it; what it
//! explains stands in it. It must hold for a while before it is told, and be away for three times
//! as long before its end is: a phone that tries again is no news. What was told is remembered ([`AlertBook`] is part of
//! the state), so that a restart tells nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher as _;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use serde::{Deserialize, Serialize};

use super::json;
use crate::diagnosis::{Code, Confidence, Diagnosis, Finding, Severity};
use crate::types::{PhoneId, Timestamp};

/// Schema of an alert's JSON.
const SCHEMA: &str = "phonescope.alert/1";
/// Findings remembered; a network that forges servers has more, and the rest of them are not told.
const MAX_FINDINGS: usize = 4_096;
/// Phones named in an alert; all of them are counted.
const MAX_PHONES: usize = 100;
/// Characters of a sentence in an alert.
const MAX_TEXT: usize = 2_000;
/// Bytes of an alert's JSON; one that would be longer goes without its fixes. What a pipe takes at once is more.
const MAX_OCTETS: usize = 60_000;
/// Steps of a fix, and fixes.
const MAX_FIXES: usize = 4;
const MAX_STEPS: usize = 8;
/// Away for so many times as long as a finding must hold: over.
const AWAY_TIMES: u32 = 3;

/// When and whether a finding is told.
#[derive(Clone, Copy, Debug)]
pub struct AlertRules {
    /// Not below it.
    pub min_severity: Severity,
    /// How long it must hold.
    pub hold: Duration,
}

/// Whether a finding began or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum AlertEvent {
    Began,
    Ended,
}

impl AlertEvent {
    /// The word of the documents.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertEvent::Began => "began",
            AlertEvent::Ended => "ended",
        }
    }
}

/// Something to tell.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The same for the beginning and the end of one finding, and of no other.
    pub id: String,
    #[allow(missing_docs)]
    pub event: AlertEvent,
    /// When it is told.
    pub time: Timestamp,
    /// When the finding was first made.
    pub began: Timestamp,
    /// Since when it is not made any more.
    pub ended: Option<Timestamp>,
    #[allow(missing_docs)]
    pub code: String,
    #[allow(missing_docs)]
    pub severity: Severity,
    #[allow(missing_docs)]
    pub confidence: Confidence,
    /// A few words; escaped.
    pub title: String,
    /// Sentences; escaped. Empty at the end.
    pub summary: String,
    #[allow(missing_docs)]
    pub servers: Vec<IpAddr>,
    /// How many phones have it; at the end: had it at most.
    pub phone_count: usize,
    /// The first of them.
    pub phones: Vec<PhoneId>,
    /// Codes of the findings that it explains.
    pub explains: Vec<Code>,
    /// What to change.
    pub fixes: Vec<AlertFix>,
}

/// Something to change, in short; sentences are escaped.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct AlertFix {
    pub title: String,
    pub role: &'static str,
    pub r#where: &'static str,
    pub platform: &'static str,
    pub steps: Vec<String>,
}

impl Alert {
    /// One line for a log; escaped: `error wrong-tftp-server began: 10.31.0.5 is the wrong TFTP server (3 phones)`.
    pub fn line(&self) -> String {
        let phones = if self.phone_count == 1 { "1 phone".to_owned() } else { format!("{} phones", self.phone_count) };
        let lasted = self.ended.map(|e| format!(" after {}", super::lasting(e.since(self.began))));
        format!(
            "{} {} {}{}: {} ({phones})",
            self.severity.as_str(),
            self.code,
            self.event.as_str(),
            lasted.unwrap_or_default(),
            self.title
        )
    }

    /// Writes it as one JSON document, schema `phonescope.alert/1`, on one line; well below 64 KiB. `host` tells from
    /// which of several services it comes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, host: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut line = Vec::new();
        self.write_with(&self.fixes, host, &mut line)?;
        if line.len() > MAX_OCTETS {
            line.clear();
            self.write_with(&[], host, &mut line)?;
        }
        out.write_all(&line)
    }

    fn write_with(&self, fixes: &[AlertFix], host: &str, out: &mut dyn Write) -> io::Result<()> {
        json::write_line(
            &Document {
                schema: SCHEMA,
                id: &self.id,
                event: self.event.as_str(),
                host,
                time: self.time,
                began: self.began,
                ended: self.ended,
                code: &self.code,
                severity: self.severity.as_str(),
                confidence: self.confidence.as_str(),
                title: &self.title,
                summary: &self.summary,
                servers: &self.servers,
                phone_count: self.phone_count,
                phones: &self.phones,
                explains: &self.explains,
                fixes,
            },
            out,
        )
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    id: &'a str,
    event: &'static str,
    host: &'a str,
    time: Timestamp,
    began: Timestamp,
    ended: Option<Timestamp>,
    code: &'a str,
    severity: &'static str,
    confidence: &'static str,
    title: &'a str,
    summary: &'a str,
    servers: &'a [IpAddr],
    phone_count: usize,
    phones: &'a [PhoneId],
    explains: &'a [Code],
    fixes: &'a [AlertFix],
}

/// What was told, and what is about to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AlertBook {
    findings: Vec<Known>,
}

/// A finding that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    id: String,
    /// As text: the version that wrote it may know other codes.
    code: String,
    about: String,
    servers: Vec<IpAddr>,
    began: Timestamp,
    told: bool,
    away: Option<Timestamp>,
    /// `error`, `warning`, `info`; `certain`, `likely`, `possible`.
    severity: String,
    confidence: String,
    title: String,
    phones: usize,
}

/// All that is made of one code about one thing.
struct Made<'a> {
    worst: &'a Finding,
    phones: BTreeSet<PhoneId>,
    explains: BTreeSet<Code>,
}

/// A code, and what it is about.
type Key = (Code, String);

impl AlertBook {
    /// Nothing told.
    pub fn new() -> AlertBook {
        AlertBook::default()
    }

    /// Takes in a diagnosis; gives what is to be told now.
    pub fn update(&mut self, d: &Diagnosis<'_>, now: Timestamp, rules: &AlertRules) -> Vec<Alert> {
        let mut made = made(d);
        let mut alerts = Vec::new();
        self.findings.retain_mut(|known| {
            let key = made.keys().find(|(code, about)| code.as_str() == known.code && *about == known.about).cloned();
            if let Some(made) = key.and_then(|key| made.remove(&key)) {
                known.take(&made);
                alerts.extend(known.tell(&made, now, rules));
                return true;
            }
            let away = *known.away.get_or_insert(now);
            let over = now.since(away) >= rules.hold.saturating_mul(AWAY_TIMES);
            if over && known.told {
                alerts.push(known.ended(away, now));
            }
            !over
        });
        for ((code, about), made) in made {
            if self.findings.len() >= MAX_FINDINGS {
                break;
            }
            let mut known = Known::new(code, about, now);
            known.take(&made);
            alerts.extend(known.tell(&made, now, rules));
            self.findings.push(known);
        }
        alerts
    }

    /// Findings that were told and did not end.
    pub fn open(&self) -> usize {
        self.findings.iter().filter(|k| k.told).count()
    }
}

/// What nothing explains, by code and what it is about.
fn made<'a>(d: &'a Diagnosis<'_>) -> BTreeMap<Key, Made<'a>> {
    let mut explained: BTreeMap<usize, BTreeSet<Code>> = BTreeMap::new();
    for finding in &d.findings {
        // A chain of causes is as long as there are codes, at most.
        let mut cause = finding.caused_by;
        let mut steps = 0;
        while let Some((index, next)) = cause.and_then(|i| Some((i, d.findings.get(i)?))) {
            explained.entry(index).or_default().insert(finding.code);
            cause = next.caused_by.filter(|_| steps < 64);
            steps += 1;
        }
    }
    let mut made: BTreeMap<Key, Made<'a>> = BTreeMap::new();
    for (index, finding) in d.findings.iter().enumerate().filter(|(_, f)| f.caused_by.is_none()) {
        let about = finding.servers.first().map_or_else(|| cut(&finding.title), ToString::to_string);
        let entry = made.entry((finding.code, about)).or_insert_with(|| Made {
            worst: finding,
            phones: BTreeSet::new(),
            explains: BTreeSet::new(),
        });
        if (finding.severity, finding.confidence) > (entry.worst.severity, entry.worst.confidence) {
            entry.worst = finding;
        }
        entry.phones.extend(&finding.phones);
        entry.explains.extend(explained.remove(&index).unwrap_or_default());
    }
    made
}

impl Known {
    fn new(code: Code, about: String, now: Timestamp) -> Known {
        Known {
            id: format!("{:016x}", FixedState::default().hash_one((code.as_str(), &about, now.0))),
            code: code.to_string(),
            about,
            servers: Vec::new(),
            began: now,
            told: false,
            away: None,
            severity: String::new(),
            confidence: String::new(),
            title: String::new(),
            phones: 0,
        }
    }

    fn take(&mut self, made: &Made<'_>) {
        self.away = None;
        self.severity = made.worst.severity.as_str().to_owned();
        self.confidence = made.worst.confidence.as_str().to_owned();
        self.title.clone_from(&made.worst.title);
        self.servers.clone_from(&made.worst.servers);
        self.phones = self.phones.max(made.phones.len());
    }

    fn tell(&mut self, made: &Made<'_>, now: Timestamp, rules: &AlertRules) -> Option<Alert> {
        let is_due = now.since(self.began) >= rules.hold && made.worst.severity >= rules.min_severity;
        if self.told || !is_due {
            return None;
        }
        self.told = true;
        let fixes = made.worst.fixes.iter().take(MAX_FIXES).map(|fix| AlertFix {
            title: cut(&fix.title),
            role: fix.role.as_str(),
            r#where: fix.target.as_str(),
            platform: fix.platform.as_str(),
            steps: fix.steps.iter().take(MAX_STEPS).map(|s| cut(s)).collect(),
        });
        Some(Alert {
            summary: cut(&made.worst.summary),
            phone_count: made.phones.len(),
            phones: made.phones.iter().copied().take(MAX_PHONES).collect(),
            explains: made.explains.iter().copied().collect(),
            fixes: fixes.collect(),
            ..self.alert(AlertEvent::Began, now)
        })
    }

    fn ended(&self, away: Timestamp, now: Timestamp) -> Alert {
        Alert { ended: Some(away), ..self.alert(AlertEvent::Ended, now) }
    }

    fn alert(&self, event: AlertEvent, now: Timestamp) -> Alert {
        Alert {
            id: self.id.clone(),
            event,
            time: now,
            began: self.began,
            ended: None,
            code: self.code.clone(),
            severity: severity(&self.severity),
            confidence: confidence(&self.confidence),
            title: cut(&self.title),
            summary: String::new(),
            servers: self.servers.clone(),
            phone_count: self.phones,
            phones: Vec::new(),
            explains: Vec::new(),
            fixes: Vec::new(),
        }
    }
}

fn severity(word: &str) -> Severity {
    let all = [Severity::Info, Severity::Warning, Severity::Error];
    all.into_iter().find(|s| s.as_str() == word).unwrap_or(Severity::Error)
}

fn confidence(word: &str) -> Confidence {
    let all = [Confidence::Possible, Confidence::Likely, Confidence::Certain];
    all.into_iter().find(|c| c.as_str() == word).unwrap_or(Confidence::Possible)
}

/// At most so much of a sentence.
fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
