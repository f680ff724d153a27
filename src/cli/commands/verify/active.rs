//! Asking the servers: one request at a time, and a pause between two.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use phonescope::remedy::probe::tftp::Patience;
use phonescope::remedy::probe::{
    Answer, Checked, FileChecked, FileName, Inquiry, Question, Reference, Server, Transport, Want,
};

use crate::cli::Failure;
use crate::cli::commands::verify::target::{self, Questions};
use crate::cli::commands::verify::{http, tftp};

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(50);
/// For one configuration, a list of files, or the beginning of a load.
const LONGEST_SMALL_TRANSFER: Duration = Duration::from_secs(60);

/// What came out.
pub(super) struct Outcome {
    pub(super) checked: Vec<Checked>,
    /// Where nothing was sent: to whom, and which file when.
    pub(super) unsent: Option<Vec<Unsent>>,
    pub(super) patience: Patience,
    pub(super) notes: Vec<String>,
    /// Something that was to be checked was not.
    lacking: bool,
}

/// A request that was not sent.
pub(super) struct Unsent {
    pub(super) server: Server,
    pub(super) file: FileName,
    /// The request in words.
    pub(super) request: String,
    pub(super) when: &'static str,
}

impl Outcome {
    /// What would be sent.
    pub(super) fn unsent(questions: Questions) -> Outcome {
        let mut plan: Vec<Unsent> = Vec::new();
        let mut known: BTreeSet<(Server, FileName)> = BTreeSet::new();
        for (server, expectation) in questions.inquiries {
            for (file, want, when) in Inquiry::new(server, expectation, questions.full).plan() {
                if known.insert((server, file.clone())) {
                    let request = match (server.transport, want) {
                        (Transport::Tftp, Want::Whole(_)) => format!("RRQ {file} octet"),
                        (Transport::Tftp, Want::Presence) => format!("RRQ {file} octet tsize=0"),
                        (Transport::Http, _) => format!("GET /{file} HTTP/1.1"),
                    };
                    plan.push(Unsent { server, file, request, when });
                }
            }
        }
        Outcome {
            checked: Vec::new(),
            unsent: Some(plan),
            patience: questions.patience,
            notes: questions.notes,
            lacking: false,
        }
    }

    pub(super) fn is_right(&self) -> bool {
        !self.lacking && self.checked.iter().all(Checked::is_right)
    }
}

/// Asks everything.
pub(super) fn ask(questions: Questions) -> Result<Outcome, Failure> {
    let Questions { inquiries, full, mut compare, pack, patience, mut notes, mut lacking } = questions;
    let mut known: BTreeMap<(Server, FileName), FileChecked> = BTreeMap::new();
    let mut silent: BTreeSet<Server> = BTreeSet::new();
    let mut checked: Vec<Checked> = Vec::new();
    let mut sent_before = false;
    for (server, expectation) in inquiries {
        if silent.contains(&server) {
            let text = format!("{}: not asked about, since {server} did not answer before.", expectation.name);
            notes.push(text);
            lacking = true;
            continue;
        }
        let of_pack = pack.iter().find(|(name, _)| *name == expectation.config);
        let at = compare.len();
        if let Some((name, path)) = of_pack {
            match target::load(name.clone(), path) {
                Ok(reference) => compare.push(reference),
                Err(why) => {
                    notes.push(format!("cannot read {} to compare with it: {why}", path.display()));
                    lacking = true;
                }
            }
        }
        let mut inquiry = Inquiry::new(server, expectation, full);
        while let Some(question) = inquiry.question().cloned() {
            let key = (server, question.file.clone());
            let file = match known.get(&key) {
                Some(file) => file.clone(),
                None => {
                    if sent_before {
                        std::thread::sleep(PAUSE);
                    }
                    sent_before = true;
                    put(server, &question, &compare, patience)?
                }
            };
            if file.answer.is_silence() {
                silent.insert(server);
            }
            if !question.is_of_one_phone() {
                known.insert(key, file.clone());
            }
            inquiry.answer(file);
        }
        compare.truncate(at);
        checked.push(inquiry.finish());
    }
    for reference in &compare {
        let served = |f: &FileChecked| f.name == reference.name && f.compared.is_some();
        if !checked.iter().flat_map(|c| &c.files).any(served) {
            notes.push(format!("{} was compared with nothing: no server served a file of this name.", reference.path));
            lacking = true;
        }
    }
    Ok(Outcome { checked, unsent: None, patience, notes, lacking })
}

/// One question to one server.
fn put(
    server: Server,
    question: &Question,
    references: &[Reference],
    patience: Patience,
) -> Result<FileChecked, Failure> {
    // What is to be compared must come whole.
    let compared = references.iter().any(|r| r.name == question.file);
    let want = match question.want {
        Want::Presence if compared => Want::Whole(phonescope::remedy::probe::LONGEST_LOAD),
        want => want,
    };
    let small = !matches!(want, Want::Whole(limit) if limit > phonescope::remedy::probe::LONGEST_CONFIGURATION);
    let whole = if small { LONGEST_SMALL_TRANSFER } else { patience.whole };
    let patience = Patience { whole, ..patience };
    let (answer, strangers): (Answer, _) = match server.transport {
        Transport::Tftp => tftp::read(server.address, &question.file, want, patience)?,
        Transport::Http => (http::get(server.address, &question.file, want, patience), Vec::new()),
    };
    Ok(FileChecked::new(question, answer, strangers, references))
}
