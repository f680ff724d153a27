//! A folder of files that is written completely or not at all.
//!
//! Everything is written and synced under other names first, and put in its place after. No path is followed out of
//! the folder: the folders in it are opened without following links, and files are made in the open folder. What one
//! run made is taken away again when it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use phonescope::remedy::pack::PackFile;
use phonescope::report::prose;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::cli::Failure;
use crate::cli::io::messages::reason;

/// Refuses a folder that can not be written, or must not be.
pub(crate) fn check(folder: &Path, force: bool) -> Result<(), Failure> {
    let name = prose::safe(&folder.to_string_lossy());
    let failed = |e: io::Error| Failure::Work(format!("cannot write to {name}: {}", reason(&e)));
    match fs::metadata(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            // A link to nowhere is no place for a folder.
            if fs::symlink_metadata(folder).is_ok() {
                return Err(Failure::Work(format!(
                    "{name} is a link that leads nowhere: choose another folder for --out"
                )));
            }
            Ok(())
        }
        Err(e) => Err(failed(e)),
        Ok(there) if !there.is_dir() => {
            Err(Failure::Work(format!("{name} is there and is no folder: choose another for --out")))
        }
        Ok(_) => {
            let is_empty = fs::read_dir(folder).map_err(failed)?.next().is_none();
            match is_empty || force {
                true => Ok(()),
                false => Err(Failure::Work(format!(
                    "{name} is not empty: choose another folder for --out, or write over what is there with --force"
                ))),
            }
        }
    }
}

/// Writes the files, all or none; gives the paths in the folder of those that were there and are no part of it.
pub(crate) fn write(folder: &Path, force: bool, files: &[PackFile]) -> Result<Vec<PathBuf>, Failure> {
    check(folder, force)?;
    let mut made = Made::default();
    let written = Writing { folder, force, made: &mut made }.run(files);
    match written {
        Ok(left) => Ok(left),
        Err((path, e)) => {
            made.take_back();
            let path = prose::safe(&path.to_string_lossy());
            let what_to_do = match e.raw_os_error() {
                Some(code) if code == Errno::LOOP.raw_os_error() || code == Errno::NOTDIR.raw_os_error() => {
                    " (a link or a file stands where a folder of the pack belongs)"
                }
                _ => "",
            };
            Err(Failure::Work(format!("cannot write {path}: {}{what_to_do}; nothing was left behind", reason(&e))))
        }
    }
}

/// An error and where it happened.
type Failed = (PathBuf, io::Error);

/// What this run made, in its order.
#[derive(Default)]
struct Made {
    folders: Vec<PathBuf>,
    /// Files in open folders, under the names that they have now.
    files: Vec<(std::rc::Rc<OwnedFd>, String)>,
}

impl Made {
    fn take_back(&mut self) {
        for (folder, name) in self.files.drain(..).rev() {
            let _ = rustix::fs::unlinkat(&*folder, name.as_str(), AtFlags::empty());
        }
        for folder in self.folders.drain(..).rev() {
            // What somebody else put there meanwhile keeps it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A file that is written, and waits to be put in its place.
struct Waiting {
    folder: std::rc::Rc<OwnedFd>,
    part: String,
    name: String,
    path: PathBuf,
}

struct Writing<'a> {
    folder: &'a Path,
    force: bool,
    made: &'a mut Made,
}

impl Writing<'_> {
    fn run(mut self, files: &[PackFile]) -> Result<Vec<PathBuf>, Failed> {
        self.make_folder()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(self.folder, flags, Mode::empty())
            .map_err(|e| (self.folder.to_owned(), io::Error::from(e)))?;
        let mut folders: BTreeMap<&str, std::rc::Rc<OwnedFd>> = BTreeMap::new();
        folders.insert("", std::rc::Rc::new(root));
        let mut waiting: Vec<Waiting> = Vec::new();
        for file in files {
            let path = self.folder.join(&file.path);
            let (folder, name) = file.path.split_once('/').unwrap_or(("", &file.path));
            if !is_name(name) || (!folder.is_empty() && !is_name(folder)) {
                return Err((path, io::Error::other("Not the name of a file of a pack")));
            }
            let dir = match folders.get(folder) {
                Some(open) => open.clone(),
                None => {
                    let root = folders.get("").cloned().ok_or_else(|| (path.clone(), io::Error::other("No folder")))?;
                    let dir = std::rc::Rc::new(self.open_in(&root, folder)?);
                    folders.insert(folder, dir.clone());
                    dir
                }
            };
            waiting.push(self.write_part(dir, name, path, file)?);
        }
        for file in &waiting {
            self.put_in_place(file)?;
        }
        for folder in folders.values() {
            let _ = rustix::fs::fsync(&**folder);
        }
        Ok(self.others(files))
    }

    /// Makes the folder and what is missing above it.
    fn make_folder(&mut self) -> Result<(), Failed> {
        let mut missing: Vec<&Path> = Vec::new();
        let mut at = Some(self.folder);
        while let Some(path) = at.filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
            missing.push(path);
            at = path.parent();
        }
        for path in missing.into_iter().rev() {
            fs::create_dir(path).map_err(|e| (path.to_owned(), e))?;
            self.made.folders.push(path.to_owned());
        }
        Ok(())
    }

    /// A folder in the pack's, which is no link.
    fn open_in(&mut self, root: &OwnedFd, name: &str) -> Result<OwnedFd, Failed> {
        let path = self.folder.join(name);
        match rustix::fs::mkdirat(root, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => self.made.folders.push(path.clone()),
            Err(Errno::EXIST) => {}
            Err(e) => return Err((path, e.into())),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(root, name, flags, Mode::empty()).map_err(|e| (path, e.into()))
    }

    fn write_part(
        &mut self,
        folder: std::rc::Rc<OwnedFd>,
        name: &str,
        path: PathBuf,
        file: &PackFile,
    ) -> Result<Waiting, Failed> {
        let failed = |e: io::Error| (path.clone(), e);
        let part = format!(".{name}.{}.part", std::process::id());
        let mode = if file.secret { 0o600 } else { 0o666 };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = rustix::fs::openat(&*folder, part.as_str(), flags, Mode::from_raw_mode(mode));
        let mut out = File::from(open.map_err(|e| failed(e.into()))?);
        self.made.files.push((folder.clone(), part.clone()));
        out.write_all(&file.contents).map_err(failed)?;
        // Some file systems find out only here that they are full.
        out.sync_all().map_err(failed)?;
        Ok(Waiting { folder, part, name: name.to_owned(), path })
    }

    fn put_in_place(&mut self, file: &Waiting) -> Result<(), Failed> {
        let Waiting { folder, part, name, path } = file;
        let failed = |e: Errno| (path.clone(), io::Error::from(e));
        let is_there = || rustix::fs::statat(&**folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok();
        let was_there = is_there();
        if was_there && !self.force {
            return Err(failed(Errno::EXIST));
        }
        let linked = match self.force {
            true => Err(Errno::EXIST),
            // A link, other than a new name, never takes another file's place.
            false => rustix::fs::linkat(&**folder, part.as_str(), &**folder, name.as_str(), AtFlags::empty()),
        };
        match linked {
            Ok(()) => {
                let _ = rustix::fs::unlinkat(&**folder, part.as_str(), AtFlags::empty());
            }
            Err(Errno::EXIST) if !self.force => return Err(failed(Errno::EXIST)),
            // With --force, and on file systems that know no links.
            Err(_) => {
                rustix::fs::renameat(&**folder, part.as_str(), &**folder, name.as_str()).map_err(failed)?;
            }
        }
        // What was there before can not be brought back, and what took its place is whole.
        let place = self.made.files.iter().position(|(_, made)| made == part);
        if let Some(place) = place {
            if was_there {
                self.made.files.remove(place);
            } else if let Some((_, made)) = self.made.files.get_mut(place) {
                *made = name.clone();
            }
        }
        Ok(())
    }

    /// Files in the folder that are no part of the pack.
    fn others(&self, files: &[PackFile]) -> Vec<PathBuf> {
        let ours: BTreeSet<PathBuf> = files.iter().map(|f| self.folder.join(&f.path)).collect();
        let mut others = Vec::new();
        let folders: BTreeSet<&str> = files.iter().filter_map(|f| f.path.split_once('/')).map(|(d, _)| d).collect();
        for folder in [self.folder.to_owned()].into_iter().chain(folders.into_iter().map(|d| self.folder.join(d))) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
                let path = entry.path();
                if !is_folder && !ours.contains(&path) {
                    others.push(path.strip_prefix(self.folder).unwrap_or(&path).to_owned());
                }
            }
        }
        others.sort();
        others
    }
}

/// Whether a name of the pack is one: no path, no hidden file.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, contents: &str, secret: bool) -> PackFile {
        PackFile { path: path.to_owned(), contents: contents.as_bytes().to_vec(), secret, about: String::new() }
    }

    fn files() -> Vec<PackFile> {
        vec![file("README.md", "read", false), file("tftp/SEP003094C2D3FA.cnf.xml", "secret", true)]
    }

    /// Every path below a folder.
    fn all(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                found.push(entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                }
            }
        }
        found.sort();
        found
    }

    fn message(result: Result<Vec<PathBuf>, Failure>) -> String {
        let Err(Failure::Work(message)) = result else { panic!("{:?}", result.err()) };
        message
    }

    #[test]
    fn files_with_passwords_are_readable_by_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("new").join("pack");
        assert!(write(&out, false, &files()).unwrap().is_empty());
        assert_eq!(all(&out), ["README.md", "tftp", "tftp/SEP003094C2D3FA.cnf.xml"]);
        let mode = fs::metadata(out.join("tftp/SEP003094C2D3FA.cnf.xml")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(fs::metadata(out.join("README.md")).unwrap().permissions().mode() & 0o044, 0);
    }

    #[test]
    fn a_folder_with_anything_in_it_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("mine"), "x").unwrap();
        assert!(message(write(dir.path(), false, &files())).contains("is not empty"));
        assert_eq!(all(dir.path()), ["mine"]);
        fs::write(dir.path().join("README.md"), "old").unwrap();
        fs::create_dir(dir.path().join("tftp")).unwrap();
        fs::write(dir.path().join("tftp/SEP000000000001.cnf.xml"), "older").unwrap();
        let others = write(dir.path(), true, &files()).unwrap();
        assert_eq!(others, [Path::new("mine"), Path::new("tftp/SEP000000000001.cnf.xml")], "no part of the pack");
        assert_eq!(fs::read_to_string(dir.path().join("README.md")).unwrap(), "read");
        assert_eq!(fs::read_to_string(dir.path().join("mine")).unwrap(), "x");
    }

    #[test]
    fn a_file_or_a_broken_link_in_its_place_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("there");
        fs::write(&path, "x").unwrap();
        assert!(message(write(&path, true, &files())).contains("is no folder"));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/no/such/place", &link).unwrap();
        assert!(message(write(&link, true, &files())).contains("leads nowhere"));
        assert!(message(write(&path.join("below"), false, &files())).contains("not a directory"));
    }

    #[test]
    fn no_link_leads_out_of_the_folder_even_with_force() {
        let dir = tempfile::tempdir().unwrap();
        let (out, outside) = (dir.path().join("out"), dir.path().join("outside"));
        fs::create_dir(&out).unwrap();
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, out.join("tftp")).unwrap();
        let said = message(write(&out, true, &files()));
        assert!(said.contains("tftp") && said.contains("nothing was left behind"), "{said}");
        assert_eq!((all(&outside), all(&out)), (vec![], vec!["tftp".to_owned()]));
        fs::remove_file(out.join("tftp")).unwrap();
        // A link in a file's place is replaced, not followed.
        fs::write(outside.join("target"), "x").unwrap();
        std::os::unix::fs::symlink(outside.join("target"), out.join("README.md")).unwrap();
        write(&out, true, &files()).unwrap();
        assert_eq!(fs::read_to_string(outside.join("target")).unwrap(), "x");
        assert_eq!(fs::read_to_string(out.join("README.md")).unwrap(), "read");
    }

    #[test]
    fn what_fails_half_way_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a").join("b");
        for bad in ["../escape", "tftp/../../escape", "tftp/.hidden", "a/b/c", "", "/etc/x"] {
            let files = [files(), vec![file(bad, "x", false)]].concat();
            assert!(message(write(&out, false, &files)).contains("nothing was left behind"), "{bad}");
            assert_eq!(all(dir.path()), Vec::<String>::new(), "{bad}");
        }
        // Two files of one name: the second finds the first in its place.
        let twice = [files(), files()].concat();
        write(&out, false, &twice).unwrap_err();
        assert_eq!(all(dir.path()), Vec::<String>::new());
    }
}
