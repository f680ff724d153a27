//! All inputs as one timeline.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use super::error::CaptureError;
use super::events_file::MAX_INPUTS;
use super::input::{Accept, Input, Record, STANDARD_INPUT, shown};
use super::stream::{LARGE_BUFFER, SMALL_BUFFER};
use crate::event::{Event, EventKind, InputSummary};
use crate::types::{Timestamp, WireText};

/// Inputs beyond which each gets a smaller buffer.
const MANY_BUFFERS: usize = 8;
/// Inputs beyond which files stay closed until their first record is due; well below the usual limit of 1024 files.
const MANY_FILES: usize = 64;
/// Files named in the warning on those passed over in a folder.
const NAMED_PASSED_OVER: usize = 3;

/// Ids of inputs. A path has its place; what an events file tells of further inputs gets the ids after those.
struct Ids {
    paths: u32,
    further: Vec<(u32, u32)>,
    known: HashMap<(u32, u32), u32>,
}

impl Ids {
    /// The id of what the input at `path` calls `told`. An events file alone keeps its ids, so that it gives the
    /// same report as the captures it was made from.
    fn of(&mut self, path: u32, told: u32) -> Option<u32> {
        if self.paths == 1 {
            return (told < MAX_INPUTS).then_some(told);
        }
        if told == 0 {
            return Some(path);
        }
        if let Some(id) = self.known.get(&(path, told)) {
            return Some(*id);
        }
        let id = self.paths.checked_add(u32::try_from(self.further.len()).ok()?)?;
        if self.further.len() >= MAX_INPUTS as usize {
            return None;
        }
        self.further.push((path, told));
        self.known.insert((path, told), id);
        Some(id)
    }

    fn accept(&mut self, path: u32, event: &mut Event) -> Accept {
        let Some(id) = self.of(path, event.at.input) else { return Accept::Refuse };
        event.at.input = id;
        if matches!(event.kind, EventKind::Capture(_)) { Accept::Keep } else { Accept::Give }
    }
}

/// Captures and events files, read as one timeline.
pub struct Inputs {
    inputs: Vec<Input>,
    ids: Ids,
    /// Time and id of the inputs that stand at a record, but for the one lent.
    due: BinaryHeap<Reverse<(Timestamp, u32)>>,
    /// The input whose record the caller has.
    lent: Option<u32>,
    primed: bool,
    warnings: Vec<String>,
}

impl Inputs {
    /// Paths in the order given; `-` is standard input; a folder means the captures in it, sorted by name. What a
    /// folder holds besides is passed over with a warning; folders in it are not searched.
    ///
    /// # Errors
    /// Where an input is missing, may not be read, is empty, or is no capture, and where a folder holds none.
    pub fn open(paths: &[PathBuf]) -> Result<Inputs, CaptureError> {
        if paths.is_empty() {
            return Err(CaptureError::Nothing);
        }
        if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
            return Err(CaptureError::StandardInputTwice);
        }
        let mut sources = Vec::new();
        for path in paths {
            if !is_standard_input(path) && path.is_dir() {
                sources.push(Source::Folder { path: path.clone(), files: files_in(path)? });
            } else {
                sources.push(Source::File(path.clone()));
            }
        }
        let count = sources.iter().map(Source::count).sum();
        let mut opened = Opened { inputs: Vec::new(), warnings: Vec::new(), count };
        for source in sources {
            match source {
                Source::File(path) if is_standard_input(&path) => {
                    if std::io::stdin().is_terminal() {
                        return Err(CaptureError::Terminal);
                    }
                    let source = Box::new(std::io::stdin());
                    opened.inputs.push(Input::from_reader(STANDARD_INPUT.into(), source, opened.room(), None)?);
                }
                Source::File(path) => opened.file(&path)?,
                Source::Folder { path, files } => opened.folder(&path, &files)?,
            }
        }
        Ok(Inputs::new(opened.inputs, opened.warnings))
    }

    /// The same over anything that can be read, each with the name it is shown by.
    ///
    /// # Errors
    /// Where one of them is no capture.
    pub fn from_readers(readers: Vec<(WireText, Box<dyn Read + Send>)>) -> Result<Inputs, CaptureError> {
        if readers.is_empty() {
            return Err(CaptureError::Nothing);
        }
        let room = room(readers.len());
        let inputs = readers.into_iter().map(|(name, source)| Input::from_reader(name, source, room, None));
        Ok(Inputs::new(inputs.collect::<Result<_, _>>()?, Vec::new()))
    }

    fn new(inputs: Vec<Input>, warnings: Vec<String>) -> Inputs {
        let paths = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
        let ids = Ids { paths, further: Vec::new(), known: HashMap::new() };
        Inputs { inputs, ids, due: BinaryHeap::new(), lent: None, primed: false, warnings }
    }

    /// The next record in the order of time over all inputs, and of id where times are equal; within an input always
    /// in the order of the file. `None` at the end.
    ///
    /// # Errors
    /// Only where the system lets no more files be open. Damage ends an input, not the reading.
    #[inline]
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        if self.inputs.len() != 1 {
            return self.next_of_many();
        }
        let Some(only) = self.inputs.first_mut() else { return Ok(None) };
        only.advance(|event| self.ids.accept(0, event))?;
        Ok(only.record(0))
    }

    fn next_of_many(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        if !self.primed {
            self.primed = true;
            for id in 0..self.ids.paths {
                self.step(id, false)?;
            }
        }
        if let Some(id) = self.lent.take() {
            self.step(id, true)?;
        }
        while let Some(Reverse((_, id))) = self.due.pop() {
            if self.inputs.get(id as usize).is_some_and(Input::is_parked) {
                self.step(id, true)?;
                continue;
            }
            self.lent = Some(id);
            return Ok(self.inputs.get_mut(id as usize).and_then(|input| input.record(id)));
        }
        Ok(None)
    }

    /// Moves an input on (a parked one only where it is due) and notes when its record is.
    fn step(&mut self, id: u32, due: bool) -> Result<(), CaptureError> {
        let Some(input) = self.inputs.get_mut(id as usize) else { return Ok(()) };
        if due || !input.is_parked() {
            input.advance(|event| self.ids.accept(id, event))?;
        }
        if let Some(time) = input.time() {
            self.due.push(Reverse((time, id)));
        }
        Ok(())
    }

    /// One per input, by id; grows until the end. An events file tells of the inputs it was made from.
    /// `duplicate_frames` is left 0: telling copies needs a look into the frames.
    pub fn summaries(&self) -> Vec<InputSummary> {
        let alone = self.inputs.len() == 1;
        let mut summaries: Vec<InputSummary> = Vec::new();
        for input in &self.inputs {
            summaries.push(match input.events() {
                Some(_) => told_summary(input, 0),
                None => input.summary(),
            });
        }
        if let (true, Some(input)) = (alone, self.inputs.first()) {
            let last = input.events().and_then(|events| events.told().last_key_value()).map_or(0, |(told, _)| *told);
            summaries.extend((1..=last).map(|told| told_summary(input, told)));
        }
        for (path, told) in &self.ids.further {
            summaries.extend(self.inputs.get(*path as usize).map(|input| told_summary(input, *told)));
        }
        summaries
    }

    /// Bytes read from the disk, of how many; `None` where an input is a pipe.
    pub fn progress(&self) -> Option<(u64, u64)> {
        self.inputs.iter().map(Input::progress).try_fold((0, 0), |(read, size), progress| {
            progress.map(|(more_read, more_size)| (read + more_read, size + more_size))
        })
    }

    /// What was passed over or looks odd since the last call, a line each.
    pub fn warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        warnings.extend(self.inputs.iter_mut().flat_map(Input::take_warnings));
        warnings
    }
}

/// What an events file tells of one of its inputs. Damage of the events file itself stands at its first.
fn told_summary(input: &Input, told: u32) -> InputSummary {
    let file = input.summary();
    let summary = input.events().and_then(|events| events.told().get(&told)).map(|told| told.summary());
    let mut summary = summary.unwrap_or_else(|| InputSummary { format: file.format.clone(), ..Default::default() });
    if summary.path.is_empty() {
        summary.path = file.path;
    }
    if let (0, Some(problem)) = (told, file.problem) {
        summary.problem = Some(match &summary.problem {
            None => problem,
            Some(earlier) => WireText::from(format!("{}; {}", earlier.raw(), problem.raw()).as_str()),
        });
    }
    summary
}

/// What a path turned out to be.
enum Source {
    File(PathBuf),
    Folder { path: PathBuf, files: Vec<PathBuf> },
}

impl Source {
    fn count(&self) -> usize {
        match self {
            Source::File(_) => 1,
            Source::Folder { files, .. } => files.len(),
        }
    }
}

/// Inputs as they are opened.
struct Opened {
    inputs: Vec<Input>,
    warnings: Vec<String>,
    /// How many there may be in the end.
    count: usize,
}

impl Opened {
    fn room(&self) -> usize {
        room(self.count)
    }

    fn file(&mut self, path: &Path) -> Result<(), CaptureError> {
        let mut input = Input::open(path, self.room())?;
        if self.count > MANY_FILES {
            // Ids are given out when the record is read for good.
            input.advance(|_| Accept::Give)?;
            input.park(path);
        }
        self.inputs.push(input);
        Ok(())
    }

    fn folder(&mut self, folder: &Path, files: &[PathBuf]) -> Result<(), CaptureError> {
        let before = self.inputs.len();
        let mut passed_over = Vec::new();
        for path in files {
            match self.file(path) {
                Err(error) if error.is_no_capture() => {
                    let name = WireText::from_bytes(path.file_name().unwrap_or_default().as_encoded_bytes());
                    passed_over.push(format!("{name} ({})", error.in_brief()));
                }
                other => other?,
            }
        }
        let named = match passed_over.get(..NAMED_PASSED_OVER) {
            Some(some) if passed_over.len() > NAMED_PASSED_OVER => format!("{}, …", some.join(", ")),
            _ => passed_over.join(", "),
        };
        let path = shown(folder);
        if self.inputs.len() == before {
            let others = if named.is_empty() { String::new() } else { format!("; in it: {named}") };
            return Err(CaptureError::EmptyFolder { path, others });
        }
        if !passed_over.is_empty() {
            self.warnings.push(format!("{path}: passed over {}: {named}", count(passed_over.len())));
        }
        Ok(())
    }
}

fn count(files: usize) -> String {
    if files == 1 { "1 file that is no capture".to_owned() } else { format!("{files} files that are no captures") }
}

fn room(inputs: usize) -> usize {
    if inputs > MANY_BUFFERS { SMALL_BUFFER } else { LARGE_BUFFER }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// The files of a folder, sorted by name. Pipes and devices are left out: opening one may wait for ever.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let name = shown(folder);
    let entries = fs::read_dir(folder).map_err(|error| CaptureError::open(&name, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| CaptureError::open(&name, error))?.path();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
