//! Where a report goes: standard output, or a file that is written completely or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use phonescope::report::prose;

use crate::cli::Failure;
use crate::cli::io::messages::reason;

const BUFFER: usize = 64 * 1024;

/// Runs `write` with the output: the file at `path`, or standard output where there is none or it is `-`.
///
/// A file appears under its name only once everything is in it; what stood there before stays until then.
pub(crate) fn write_to<T>(
    path: Option<&Path>,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match path.filter(|p| *p != Path::new("-")) {
        None => {
            let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
            let value = write(&mut out)?;
            out.flush()?;
            Ok(value)
        }
        Some(path) => to_file(path, None, write).map_err(|failure| named(path, failure)),
    }
}

/// The same with a file that its owner alone reads.
#[cfg(feature = "live")]
pub(crate) fn write_private<T>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    to_file(path, Some(0o600), write).map_err(|failure| named(path, failure))
}

fn named(path: &Path, failure: Failure) -> Failure {
    match failure {
        Failure::Output(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Failure::Work(format!("cannot write {}: {}", prose::safe(&path.to_string_lossy()), reason(&e)))
        }
        other => other,
    }
}

/// Refuses an output that is one of the inputs.
pub(crate) fn refuse_inputs(path: Option<&Path>, inputs: &[PathBuf]) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let Ok(target) = path.canonicalize() else { return Ok(()) };
    if inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == target)) {
        let path = prose::safe(&path.to_string_lossy());
        return Err(Failure::Work(format!("{path} is an input and the output: choose another file for -o")));
    }
    Ok(())
}

/// `mode`: its rights; `None`: those of the file that stood there, or as usual.
fn to_file<T>(
    path: &Path,
    mode: Option<u32>,
    write: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // A link stays a link: what it points to is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|m| !m.is_file()) {
        // A device or a pipe can not be replaced, nor need it be.
        let mut out = BufWriter::with_capacity(BUFFER, OpenOptions::new().write(true).open(path)?);
        let value = write(&mut out)?;
        out.flush()?;
        return Ok(value);
    }
    let part = Part::create(path, mode.unwrap_or(0o666))?;
    let mut out = BufWriter::with_capacity(BUFFER, &part.file);
    let value = write(&mut out)?;
    out.flush()?;
    drop(out);
    if let Some(old) = old.filter(|_| mode.is_none()) {
        part.file.set_permissions(old.permissions())?;
    }
    // Some file systems find out only here that they are full.
    part.file.sync_all()?;
    part.finish(path)?;
    Ok(value)
}

/// A file that is being written, under a name of its own beside the one it will have; gone unless finished.
struct Part {
    file: File,
    path: Option<PathBuf>,
}

impl Part {
    fn create(target: &Path, mode: u32) -> io::Result<Part> {
        let Some(name) = target.file_name() else {
            return Err(io::Error::other("Not the name of a file"));
        };
        for n in 0..100 {
            let mut part = std::ffi::OsString::from(".");
            part.push(name);
            part.push(format!(".{}-{n}.part", std::process::id()));
            let path = target.with_file_name(part);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
            #[cfg(not(unix))]
            let _ = mode;
            match options.open(&path) {
                Ok(file) => return Ok(Part { file, path: Some(path) }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
        Err(io::Error::other("Left-over files of earlier runs are in the way"))
    }

    fn finish(mut self, target: &Path) -> io::Result<()> {
        if let Some(path) = &self.path {
            fs::rename(path, target)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_completely() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        write_to(Some(&path), |out| Ok(out.write_all(b"all")?)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"all");
        assert_eq!(names(dir.path()), ["report.json"]);
    }

    #[test]
    fn or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let half = |out: &mut dyn Write| -> Result<(), Failure> {
            out.write_all(&[b'x'; 2 * BUFFER])?;
            Err(io::Error::other("full").into())
        };
        assert!(write_to(Some(&path), half).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["report.json"]);
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_device_stays_one() {
        use std::os::unix::fs::FileTypeExt;
        let path = Path::new("/dev/full");
        let Err(Failure::Work(message)) = write_to(Some(path), |out| Ok(out.write_all(b"x")?)) else { panic!() };
        assert_eq!(message, "cannot write /dev/full: no space left on device");
        assert!(fs::metadata(path).unwrap().file_type().is_char_device());
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_to(Some(&link), |out| Ok(out.write_all(b"new")?)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_capture_is_never_overwritten_by_its_report() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pcap");
        fs::write(&path, "capture").unwrap();
        let same = dir.path().join(".").join("a.pcap");
        assert!(refuse_inputs(Some(&same), std::slice::from_ref(&path)).is_err());
        assert!(refuse_inputs(Some(&dir.path().join("b")), &[path]).is_ok());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let Err(Failure::Work(message)) = write_to(Some(Path::new("/no/such/x.json")), |_| Ok(())) else { panic!() };
        assert_eq!(message, "cannot write /no/such/x.json: no such file or directory");
    }
}
