//! What the answers of a server say: by file, and by what matters to the phone.

use std::net::SocketAddr;

use super::question::{Question, Reference};
use super::{Answer, FileName, Server};
use crate::remedy::load_status::LoadStatus;
use crate::types::{Mac, WireText};
use crate::wire::load_list;
use crate::wire::phone_config::{self, PhoneConfig};

/// What matters to the phone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Its configuration is there, under the name that it asks for, and can be read.
    Configuration,
    /// The configuration names an expected CallManager.
    CallManager,
    /// The configuration names the right load.
    LoadNamed,
    /// The load is there, with all its parts.
    LoadFile,
    /// The file is the one that it is compared with.
    SameFile,
}

impl Subject {
    /// One word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Subject::Configuration => "configuration",
            Subject::CallManager => "call-manager",
            Subject::LoadNamed => "load-named",
            Subject::LoadFile => "load-file",
            Subject::SameFile => "same-file",
        }
    }
}

/// One thing that matters, and how it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    #[allow(missing_docs)]
    pub subject: Subject,
    #[allow(missing_docs)]
    pub standing: LoadStatus,
    /// A sentence; network text in it is escaped.
    pub text: String,
}

/// Where two files part. Nothing of what is in them: a configuration holds passwords.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The first byte that differs, from 1; one more than the shorter file has where that is the start of the other.
    pub octet: u64,
    /// The line that it stands in, from 1.
    pub line: u64,
}

impl Difference {
    /// `None`: they are the same.
    pub fn between(ours: &[u8], theirs: &[u8]) -> Option<Difference> {
        if ours == theirs {
            return None;
        }
        let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        let line = ours.iter().take(same).filter(|b| **b == b'\n').count();
        Some(Difference { octet: same as u64 + 1, line: line as u64 + 1 })
    }
}

/// One file that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileChecked {
    #[allow(missing_docs)]
    pub name: FileName,
    /// The answer; of a file that came whole its bytes are gone.
    pub answer: Answer,
    /// Bytes, where the server told or sent them.
    pub length: Option<u64>,
    /// Other addresses that answered.
    pub strangers: Vec<SocketAddr>,
    /// Compared with the file of this name (its path), and where they part.
    pub compared: Option<(String, Option<Difference>)>,
    /// What it says, where it is a configuration.
    pub(super) config: Option<PhoneConfig>,
    /// The names in it, where it is a list of loads.
    pub(super) listed: Vec<WireText>,
}

impl FileChecked {
    /// Reads and compares what came, and lets go of it.
    pub fn new(question: &Question, answer: Answer, strangers: Vec<SocketAddr>, references: &[Reference]) -> Self {
        let name = question.file.clone();
        let mut checked =
            FileChecked { name, answer, length: None, strangers, compared: None, config: None, listed: Vec::new() };
        let name = checked.name.as_str();
        match &mut checked.answer {
            Answer::Whole(octets) => {
                checked.length = Some(octets.len() as u64);
                if phone_config::is_config_name(name) {
                    checked.config = Some(phone_config::parse(&WireText::from(name), octets).0);
                } else if load_list::is_list_name(name) {
                    checked.listed = load_list::parse(name, octets).0;
                }
                checked.compared = references
                    .iter()
                    .find(|r| r.name == checked.name)
                    .map(|r| (r.path.clone(), Difference::between(&r.octets, octets)));
                *octets = Vec::new();
            }
            Answer::There { length } => checked.length = *length,
            _ => {}
        }
        checked
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        matches!(self.answer, Answer::Whole(_) | Answer::There { .. })
    }

    /// How it was answered, in words, and who else answered.
    pub fn text(&self) -> String {
        let mut text = match (&self.answer, self.length) {
            (Answer::Whole(_), Some(length)) => format!("served, {length} octets"),
            (answer, _) => answer.text(),
        };
        for stranger in &self.strangers {
            text.push_str(&format!("; an answer came from {stranger}, which was not asked, and was refused"));
        }
        text
    }
}

/// What one server would do for one phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    #[allow(missing_docs)]
    pub server: Server,
    #[allow(missing_docs)]
    pub mac: Option<Mac>,
    /// Name of the phone.
    pub name: String,
    /// Files asked for, in this order.
    pub files: Vec<FileChecked>,
    /// What it means.
    pub points: Vec<Point>,
}

impl Checked {
    /// Whether everything that could be judged is right, and nothing that should be known is unknown.
    pub fn is_right(&self) -> bool {
        self.points.iter().all(|p| matches!(p.standing, LoadStatus::Right | LoadStatus::NotStated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_is_a_position_without_file_content() {
        assert_eq!(Difference::between(b"", b""), None);
        assert_eq!(Difference::between(b"a\nb", b"a\nb"), None);
        assert_eq!(Difference::between(b"a\nb", b"a\nc"), Some(Difference { octet: 3, line: 2 }));
        assert_eq!(Difference::between(b"a\nb", b"a\n"), Some(Difference { octet: 3, line: 2 }));
        assert_eq!(Difference::between(b"", b"a"), Some(Difference { octet: 1, line: 1 }));
    }
}
