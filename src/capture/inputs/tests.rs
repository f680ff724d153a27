//! Several inputs, folders, and bytes from nowhere.

use proptest::prelude::*;

use super::*;
use crate::capture::reader::ByteOrder::{Big, Little};
use crate::capture::test_files::{Ng, OwnedFrame, Pcap, frames, open, read};

/// Input, number and second of every frame.
fn places(inputs: &mut Inputs) -> Vec<(u32, u64, i64)> {
    frames(inputs).iter().map(|frame| (frame.input, frame.number, frame.time.0 / 1_000_000_000)).collect()
}

fn seconds(seconds: &[u32]) -> Vec<u8> {
    seconds.iter().fold(Pcap::new(), |file, second| file.packet(*second, 0, b"x")).octets
}

fn error(paths: &[PathBuf]) -> String {
    Inputs::open(paths).err().map_or_else(|| "it was opened".to_owned(), |error| error.to_string())
}

#[test]
fn several_inputs_are_one_timeline_and_each_keeps_its_order() {
    let mut inputs = open(vec![seconds(&[10, 5, 30]), seconds(&[]), seconds(&[10, 20])]).unwrap();
    assert_eq!(places(&mut inputs), [(0, 1, 10), (0, 2, 5), (2, 1, 10), (2, 2, 20), (0, 3, 30)]);
    assert!(inputs.next_record().unwrap().is_none());
    let packets: Vec<_> = inputs.summaries().iter().map(|summary| summary.packets).collect();
    assert_eq!(packets, [3, 0, 2]);
}

#[test]
fn one_input_keeps_the_order_of_the_file() {
    let mut inputs = open(vec![seconds(&[10, 5, 30])]).unwrap();
    assert_eq!(places(&mut inputs), [(0, 1, 10), (0, 2, 5), (0, 3, 30)]);
}

#[test]
fn a_damaged_input_does_not_stop_the_others() {
    let mut cut = seconds(&[1, 4]);
    cut.pop();
    let mut inputs = open(vec![cut, seconds(&[2, 3])]).unwrap();
    assert_eq!(places(&mut inputs), [(0, 1, 1), (1, 1, 2), (1, 2, 3)]);
    let problems: Vec<_> = inputs.summaries().into_iter().map(|summary| summary.problem).collect();
    assert_eq!(problems, [Some("cut off in packet 2 at byte 57".into()), None]);
}

#[test]
fn a_folder_is_its_captures_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("b.pcap"), seconds(&[1])).unwrap();
    fs::write(path("a.pcap"), seconds(&[2])).unwrap();
    fs::write(path("notes.txt"), "hello").unwrap();
    fs::write(path("empty.pcap"), "").unwrap();
    fs::create_dir(path("older")).unwrap();
    fs::write(path("older/c.pcap"), seconds(&[3])).unwrap();
    let mut inputs = Inputs::open(&[folder.path().to_owned()]).unwrap();
    let shown = shown(folder.path());
    assert_eq!(
        inputs.warnings(),
        [format!("{shown}: passed over 2 files that are no captures: empty.pcap (empty), notes.txt (a text file)")]
    );
    assert!(inputs.warnings().is_empty());
    assert_eq!(places(&mut inputs), [(1, 1, 1), (0, 1, 2)]);
    let names: Vec<_> = inputs.summaries().iter().map(|summary| summary.path.raw().to_owned()).collect();
    assert_eq!(names, [format!("{shown}/a.pcap"), format!("{shown}/b.pcap")]);
    assert_eq!(inputs.progress(), Some((82, 82)));
    // A file named beside the folder comes in its place.
    let mut inputs = Inputs::open(&[path("older/c.pcap"), folder.path().to_owned()]).unwrap();
    assert_eq!(places(&mut inputs), [(2, 1, 1), (1, 1, 2), (0, 1, 3)]);
}

#[test]
fn more_files_than_may_be_open_are_read_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = Vec::new();
    for number in 0..200u32 {
        // Each overlaps with its neighbours, and the order of names is not that of time.
        let start = 1000 + (199 - number) * 10;
        fs::write(folder.path().join(format!("ring-{number:03}.pcap")), seconds(&[start, start + 15])).unwrap();
        expected.extend([(number, 1, i64::from(start)), (number, 2, i64::from(start) + 15)]);
    }
    expected.sort_by_key(|(input, _, second)| (*second, *input));
    let mut inputs = Inputs::open(&[folder.path().to_owned()]).unwrap();
    let waiting = inputs.inputs.iter().filter(|input| input.is_parked()).count();
    assert_eq!(waiting, 200);
    assert_eq!(places(&mut inputs), expected);
    for summary in inputs.summaries() {
        assert_eq!((summary.packets, summary.bytes, summary.problem), (2, 2, None));
    }
    let size = 200 * (24 + 2 * 17);
    assert_eq!(inputs.progress(), Some((size, size)));
    // A ring buffer may take one away in the meantime: the others count.
    let mut inputs = Inputs::open(&[folder.path().to_owned()]).unwrap();
    fs::remove_file(folder.path().join("ring-007.pcap")).unwrap();
    assert_eq!(frames(&mut inputs).len(), 398);
    let problem = inputs.summaries().remove(7).problem.unwrap();
    assert!(problem.raw().starts_with("changed or removed while it was read: cannot open "), "{problem}");
}

#[test]
fn what_can_not_be_read_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(error(&[]), "no capture is named; name files or folders, or - for standard input");
    let missing = path("missing.pcap");
    let said = error(std::slice::from_ref(&missing));
    assert_eq!(said, format!("cannot open {}: there is no such file; check the name", missing.display()));
    assert_eq!(error(&["-".into(), "-".into()]), "standard input (-) is named twice; it can be read once");
    let shown = folder.path().display();
    assert_eq!(
        error(&[folder.path().to_owned()]),
        format!("{shown} holds no capture (folders in it are not searched); name the folder or the files themselves")
    );
    fs::write(path("x.zip"), "PK\x03\x04").unwrap();
    assert_eq!(
        error(&[folder.path().to_owned()]),
        format!(
            "{shown} holds no capture (folders in it are not searched); name the folder or the files themselves; \
             in it: x.zip (a zip archive)"
        )
    );
    let said = error(&[path("x.zip")]);
    assert!(
        said.ends_with(&format!("is a zip archive, and is not read; unpack it first: unzip {shown}/x.zip")),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn names_that_are_no_utf8_and_names_with_escapes_do_no_harm() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9\x1b[2J.pcap"));
    fs::write(&path, seconds(&[1])).unwrap();
    let mut inputs = Inputs::open(std::slice::from_ref(&path)).unwrap();
    assert_eq!(places(&mut inputs), [(0, 1, 1)]);
    assert!(inputs.summaries()[0].path.to_string().ends_with("/caf\u{fffd}\\u{1b}[2J.pcap"));
    fs::write(&path, "").unwrap();
    assert!(!error(&[path]).contains('\x1b'));
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_as_good_as_a_file() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    if !made.is_ok_and(|status| status.success()) {
        return;
    }
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(path).unwrap();
            for octet in seconds(&[1, 2]) {
                pipe.write_all(&[octet]).unwrap();
            }
        }
    });
    let mut inputs = Inputs::open(&[path]).unwrap();
    assert_eq!(places(&mut inputs), [(0, 1, 1), (0, 2, 2)]);
    assert_eq!(inputs.progress(), None);
    writer.join().unwrap();
}

#[test]
fn standard_input_is_called_so() {
    let said = |octets: &[u8]| {
        let source = Box::new(std::io::Cursor::new(octets.to_vec()));
        Inputs::from_readers(vec![("-".into(), source)]).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(said(b"").starts_with("standard input is empty"));
    assert!(said(b"BZh9").ends_with("; unpack it first (bzip2 -d)"));
    assert!(said(b"GMBU").ends_with("; save it to a file and convert that: editcap FILE OUT.pcap"));
}

/// A live pipe that fails instead of waiting: reading further than needed is found out.
struct Impatient(std::io::Cursor<Vec<u8>>);

impl Read for Impatient {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(out)? {
            0 => Err(std::io::Error::other("read too far")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_live_pipe_gives_each_packet_as_it_comes() {
    let live = |octets| Inputs::from_readers(vec![("-".into(), Box::new(Impatient(std::io::Cursor::new(octets))))]);
    for file in [seconds(&[1, 2]), Ng::new(Big).interface(1, 0, &[]).packet(0, 1, b"x").packet(0, 2, b"y").octets] {
        let mut inputs = live(file).unwrap();
        assert!(inputs.next_record().unwrap().is_some());
        assert!(inputs.next_record().unwrap().is_some());
        assert_eq!(inputs.summaries()[0].problem, None);
        assert!(inputs.next_record().unwrap().is_none());
        assert!(inputs.summaries()[0].problem.as_ref().unwrap().raw().starts_with("cut off after packet 2 at byte "));
        assert!(inputs.summaries()[0].problem.as_ref().unwrap().raw().ends_with(": read too far"));
    }
}

/// One small file of each format.
fn samples() -> Vec<Vec<u8>> {
    let mut snoop = b"snoop\0\0\0\0\0\0\x02\0\0\0\x04".to_vec();
    for _ in 0..3 {
        snoop.extend([0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 32, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9]);
        snoop.extend(b"hello\0\0\0");
    }
    let options = Ng::option(Little, 9, &[0x80 | 20]);
    let counted = Ng::option(Little, 4, &3u64.to_le_bytes());
    let pcapng = Ng::new(Little)
        .interface(1, 0, &options)
        .packet(0, 1, b"first")
        .enhanced(0, 2, (6, 90), b"second", &counted)
        .simple(3, b"abc")
        .section(Big)
        .block(4, b"names")
        .interface(276, 0, &[])
        .block(0xbad, b"custom")
        .packet(0, 3, b"third")
        .block(5, &[0; 12]);
    let line = r#"{"type":"tcp","input":0,"frame":1,"time":"2026-11-23T07:00:00Z","flags":"SYN"}"#;
    vec![
        Pcap::new().packet(1, 2, b"first").packet(3, 4, b"second").octets,
        Pcap::with(Big, 0xa1b2_cd34, (2, 3), 96, 113).record([1, 2, 5, 3], b"12345678abc").octets,
        pcapng.octets,
        snoop,
        format!("{line}\n{line}\n").into_bytes(),
    ]
}

/// Reads all there is, or finds why not. What matters is that it ends.
fn exhaust(files: Vec<Vec<u8>>) -> Vec<OwnedFrame> {
    let Ok(mut inputs) = open(files) else { return Vec::new() };
    let frames = frames(&mut inputs);
    assert!(inputs.next_record().unwrap().is_none(), "the end is the end");
    inputs.summaries();
    inputs.warnings();
    frames
}

proptest! {
    #[test]
    fn octets_from_nowhere_are_read_to_an_end(octets in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..8usize) {
        let magics: [&[u8]; 8] = [
            b"", b"\xd4\xc3\xb2\xa1\x02\0\x04\0", b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0", b"snoop\0\0\0\0\0\0\x02\0\0\0\x04",
            b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"{\"type\":\"tcp\"}\n", b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01",
        ];
        let mut file = magics[kind].to_vec();
        file.extend(octets);
        exhaust(vec![file.clone(), file]);
    }

    #[test]
    fn files_with_some_octets_changed_are_read_to_an_end(
        sample in 0..5usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = samples().swap_remove(sample);
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        let len = file.len();
        let frames = exhaust(vec![file]);
        // Nothing is given twice, and nothing that is not there.
        prop_assert!(frames.iter().map(|frame| frame.data.len()).sum::<usize>() <= len);
        prop_assert!(frames.windows(2).all(|two| two[0].number < two[1].number));
    }

    #[test]
    fn a_cut_file_gives_the_first_packets_of_the_whole(sample in 0..4usize, at in any::<prop::sample::Index>()) {
        let whole = samples().swap_remove(sample);
        let (all, _) = read(whole.clone());
        let cut = exhaust(vec![whole[..at.index(whole.len())].to_vec()]);
        prop_assert_eq!(&cut[..], &all[..cut.len()]);
    }
}
