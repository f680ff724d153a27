//! Files of a capture under way, as dumpcap makes them.

use super::*;
use crate::capture::test_files::read;

fn frame(data: &[u8]) -> Frame<'_> {
    let (time, orig_len) = (Timestamp(1_795_417_200_000_000_000), u32::try_from(data.len()).unwrap());
    Frame { input: 0, number: 1, time, link_type: LinkType::ETHERNET, orig_len, data }
}

fn at(seconds: u64) -> Moment {
    let wall = Timestamp(1_795_417_200_000_000_000 + i64::try_from(seconds).unwrap() * 1_000_000_000);
    Moment { wall, elapsed: Duration::from_secs(seconds) }
}

fn interfaces() -> Vec<Interface> {
    vec![(0, LinkType::ETHERNET, InterfaceDescription { name: "eth0".into(), ..InterfaceDescription::default() })]
}

fn open(folder: &Path, change: impl FnOnce(&mut RingSettings)) -> Ring {
    let mut settings = RingSettings { path: folder.join("span.pcapng"), ..RingSettings::default() };
    change(&mut settings);
    Ring::open(settings, "phonescope", interfaces(), at(0)).unwrap()
}

/// Frames of each file that is there, by name.
fn frames(folder: &Path) -> Vec<usize> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let count = |path: PathBuf| {
        let (frames, summary) = read(std::fs::read(path).unwrap());
        assert_eq!(summary.problem, None);
        frames.len()
    };
    paths.into_iter().map(count).collect()
}

#[test]
fn one_file_has_its_own_name_and_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |_| {});
    for _ in 0..3 {
        ring.write_frame(&frame(&[7; 60]), at(0)).unwrap();
    }
    let path = folder.path().join("span.pcapng");
    assert_eq!(ring.finish(Vec::new()).unwrap(), std::slice::from_ref(&path));
    assert_eq!(frames(folder.path()), [3]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_was_collected_is_in_the_file_a_second_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |_| {});
    ring.write_frame(&frame(&[7; 60]), at(0)).unwrap();
    assert_eq!(frames(folder.path()), [0], "a file without frames is a file all the same");
    ring.tick(at(1), Vec::new()).unwrap();
    assert_eq!(frames(folder.path()), [1]);
}

#[test]
fn ring_rotates_by_frames_and_deletes_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |s| (s.next.packets, s.files) = (Some(2), Some(2)));
    for _ in 0..7 {
        ring.write_frame(&frame(&[7; 60]), at(0)).unwrap();
    }
    let left = ring.finish(Vec::new()).unwrap();
    assert_eq!(frames(folder.path()), [2, 1]);
    let name = left[1].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("span_00004_") && name.ends_with(".pcapng"), "{name}");
}

#[test]
fn or_at_so_many_thousand_octets() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |s| s.next.size = Some(10));
    for _ in 0..25 {
        ring.write_frame(&frame(&[7; 1000]), at(0)).unwrap();
    }
    ring.finish(Vec::new()).unwrap();
    assert_eq!(frames(folder.path()), [10, 10, 5]);
}

#[test]
fn or_after_so_long_with_or_without_frames() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |s| s.next.duration = Some(Duration::from_secs(10)));
    for second in 0..=25 {
        ring.tick(at(second), Vec::new()).unwrap();
        if second < 10 {
            ring.write_frame(&frame(&[7; 60]), at(second)).unwrap();
        }
    }
    ring.finish(Vec::new()).unwrap();
    assert_eq!(frames(folder.path()), [10, 0, 0]);
}

#[test]
fn or_at_multiples_of_an_interval() {
    let folder = tempfile::tempdir().unwrap();
    // It begins at a full minute.
    let mut ring = open(folder.path(), |s| s.interval = Some(60));
    for second in [0, 59, 60, 100, 121, 122] {
        ring.tick(at(second), Vec::new()).unwrap();
        ring.write_frame(&frame(&[7; 60]), at(second)).unwrap();
    }
    ring.finish(Vec::new()).unwrap();
    assert_eq!(frames(folder.path()), [2, 2, 2]);
}

#[test]
fn it_is_done_after_so_many_files_or_at_a_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |s| (s.next.packets, s.stop_files) = (Some(2), Some(2)));
    for written in 1..=6 {
        ring.write_frame(&frame(&[7; 60]), at(0)).unwrap();
        assert_eq!(ring.is_done(), written >= 4);
    }
    ring.finish(Vec::new()).unwrap();
    assert_eq!(frames(folder.path()), [2, 2]);

    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |s| s.stop_size = Some(1));
    for _ in 0..30 {
        ring.write_frame(&frame(&[7; 60]), at(0)).unwrap();
    }
    assert!(ring.is_done());
    ring.finish(Vec::new()).unwrap();
    let size = std::fs::metadata(folder.path().join("span.pcapng")).unwrap().len();
    assert!((1000..1100).contains(&size), "{size}");
}

#[test]
fn every_file_ends_with_what_became_of_the_frames() {
    let folder = tempfile::tempdir().unwrap();
    let mut ring = open(folder.path(), |s| s.next.packets = Some(1));
    let statistics = |dropped_by_kernel| {
        vec![(0, InterfaceStatistics { time: at(1).wall, dropped_by_kernel, ..InterfaceStatistics::default() })]
    };
    ring.write_frame(&frame(&[7; 60]), at(0)).unwrap();
    ring.tick(at(1), statistics(3)).unwrap();
    ring.write_frame(&frame(&[7; 60]), at(1)).unwrap();
    let files = ring.finish(statistics(5)).unwrap();
    let dropped: Vec<_> = files.iter().map(|path| read(std::fs::read(path).unwrap()).1.dropped).collect();
    assert_eq!(dropped, [Some(3), Some(5)]);
}

#[test]
fn a_full_disk_is_told_with_the_name_of_the_file() {
    let settings = RingSettings { path: "/dev/full".into(), ..RingSettings::default() };
    let Err(error) = Ring::open(settings, "phonescope", interfaces(), at(0)) else { panic!() };
    assert_eq!(error.path, Path::new("/dev/full"));
    assert_eq!(error.reason.kind(), io::ErrorKind::StorageFull);
    let settings = RingSettings { path: "/no/such/folder/span".into(), ..RingSettings::default() };
    assert!(Ring::open(settings, "phonescope", interfaces(), at(0)).is_err());
}
