//! Capture on real ports: veth pairs in a network of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use phonescope::capture::{Inputs, Record as Captured};
use phonescope::wire::frame::{Payload, dissect};

use crate::real::namespace::{Namespace, output_within};
use crate::real::programs::Program;
use crate::real::{namespace, program};
use crate::support::capture_file::{Order, Record, Resolution, pcap};
use crate::support::frame::{ETHERTYPE_IPV4, Frame, Ipv4, UDP, ip, mac, udp};
use crate::support::tunnel;

const LONG: Duration = Duration::from_secs(30);
const SITE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/founding-case/mixed-site.pcap");

/// A cable in a network of its own: frames that `send` puts on one end come in at the other, `span`.
struct Cable {
    site: Namespace,
    tcpreplay: Program,
}

impl Cable {
    fn new() -> Option<Cable> {
        let tcpreplay = program("tcpreplay")?;
        let site = namespace()?;
        site.ip("link add other type veth peer name span").unwrap();
        site.ip("link set other up").unwrap();
        site.ip("link set span up").unwrap();
        Some(Cable { site, tcpreplay })
    }

    fn send(&self, capture: &Path) {
        let mut command = self.site.command(&self.tcpreplay);
        let output = output_within(command.args(["-q", "--mbps=40", "-i", "other"]).arg(capture), LONG).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts the program; with `-w` to this file it captures once the file is there.
    fn watch(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Child, PathBuf) {
        let file = self.site.folder().join(format!("span-{}.pcapng", arguments.len() + environment.len()));
        let mut command = self.site.command_named(env!("CARGO_BIN_EXE_phonescope"));
        command.args(["watch", "-i"]).args(arguments).arg("-w").arg(&file);
        command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while !file.exists() {
            assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "{:?}", child.wait_with_output());
            std::thread::sleep(Duration::from_millis(5));
        }
        (child, file)
    }
}

/// All that it wrote, without the ends of lines.
fn said(output: &Output) -> String {
    let all = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat();
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The frames of a capture.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let mut inputs = Inputs::open(&[path.to_owned()]).unwrap();
    let mut frames = Vec::new();
    while let Some(Captured::Frame(frame)) = inputs.next_record().unwrap() {
        frames.push(frame.data.to_vec());
    }
    frames
}

fn voice(number: u16) -> Frame {
    let rtp = [&[0x80, 0][..], &number.to_be_bytes(), &[0; 168]].concat();
    let (src, dst) = (ip("10.30.110.77"), ip("10.30.110.78"));
    let packet = Ipv4 { src, dst, protocol: UDP, id: number, ttl: 64 };
    let datagram = udp((src, 16_384), (dst, 24_576), &rtp);
    Frame::ethernet(mac("00:30:94:00:00:01"), mac("00:30:94:00:00:02"), ETHERTYPE_IPV4, &packet.packet(&datagram))
}

/// What a mirror does to a frame, which has a number.
type Wrap<'a> = &'a dyn Fn(u32, Frame) -> Frame;

/// A capture of the site with two frames of voice before each frame, all of them wrapped. Gives the number of frames
/// that are no voice.
fn mixed(file: &Path, wrap: impl Fn(u32, Frame) -> Frame) -> usize {
    let site = frames(Path::new(SITE));
    let count = site.len();
    let all = (0u16..).zip(site).flat_map(|(n, frame)| [voice(2 * n), voice(2 * n + 1), Frame(frame)]);
    let record = |(n, frame)| Record::whole(1_795_417_200_000_000_000 + u64::from(n) * 10_000, wrap(n, frame).0);
    let records: Vec<Record> = (0u32..).zip(all).map(record).collect();
    std::fs::write(file, pcap(Order::Little, Resolution::Micro, 1, &records)).unwrap();
    count
}

fn is_voice(frame: &[u8]) -> bool {
    let orig_len = u32::try_from(frame.len()).unwrap();
    let time = phonescope::types::Timestamp(0);
    let link_type = phonescope::types::LinkType::ETHERNET;
    let frame = phonescope::types::Frame { input: 0, number: 1, time, link_type, orig_len, data: frame };
    matches!(dissect(&frame).payload, Payload::Udp(u) if u.data.first() == Some(&0x80))
}

/// The verdicts of a report as JSON, by phone.
fn verdicts(json: &[u8]) -> Vec<(String, String)> {
    let report: serde_json::Value = serde_json::from_slice(json).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    report["phones"].as_array().unwrap().iter().map(|p| (text(&p["mac"]), text(&p["verdict"]))).collect()
}

#[test]
fn kernel_filter_passes_signalling_and_drops_voice() {
    let Some(cable) = Cable::new() else { return };
    let file = assert_cmd::Command::new(env!("CARGO_BIN_EXE_phonescope"))
        .args(["analyze", SITE, "-T", "json"])
        .output()
        .unwrap();
    let expected = verdicts(&file.stdout);
    let forms: [(&str, Wrap<'_>); 8] = [
        ("untagged", &|_, frame| frame),
        ("priority-tagged", &|_, frame| frame.tagged_as(0x8100, 0xa000)),
        ("tagged", &|_, frame| frame.tagged(110)),
        ("QinQ", &|_, frame| tunnel::qinq(frame, 900, 110)),
        ("tagged thrice", &|_, frame| tunnel::qinq(frame, 900, 110).tagged(7)),
        ("ERSPAN II", &|n, frame| tunnel::erspan_ii(n, 110, 1, &frame)),
        ("ERSPAN III, tagged", &|n, frame| tunnel::erspan_iii(n, 110, 1, &frame).tagged(20)),
        ("VXLAN of tagged", &|n, frame| tunnel::vxlan(n, 100, &frame.tagged(110))),
    ];
    let sent = cable.site.folder().join("sent.pcap");
    for (form, wrap) in forms {
        let count = mixed(&sent, wrap);
        let (child, file) =
            cable.watch(&["span", "-q", "-T", "json", "-c", &count.to_string(), "-a", "duration:15"], &[]);
        cable.send(&sent);
        let output = child.wait_with_output().unwrap();
        let kept = frames(&file);
        assert!(!kept.iter().any(|frame| is_voice(frame)), "{form}");
        assert_eq!(kept.len(), count, "{form}: {}", said(&output));
        assert_eq!(verdicts(&output.stdout), expected, "{form}: {}", said(&output));
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn all_ports_at_once_have_the_filter_too() {
    let Some(cable) = Cable::new() else { return };
    let sent = cable.site.folder().join("sent.pcap");
    let count = mixed(&sent, |_, frame| tunnel::qinq(frame, 900, 110));
    let (child, file) = cable.watch(&["any", "-q", "-c", &(2 * count).to_string(), "-a", "duration:4"], &[]);
    cable.send(&sent);
    let output = child.wait_with_output().unwrap();
    let mut inputs = Inputs::open(&[file]).unwrap();
    let mut kept = 0;
    while let Some(Captured::Frame(frame)) = inputs.next_record().unwrap() {
        kept += 1;
        assert!(!matches!(dissect(&frame).payload, Payload::Udp(u) if u.data.first() == Some(&0x80)));
    }
    // Each frame goes out of one port and into the other.
    assert_eq!(kept, 2 * count, "{}", said(&output));
}

#[test]
fn a_filter_of_ones_own_is_widened_to_tags_and_tunnels() {
    let Some(cable) = Cable::new() else { return };
    let sent = cable.site.folder().join("sent.pcap");
    let plain = voice(0);
    let forms = [
        plain.clone(),
        plain.clone().tagged(110),
        tunnel::qinq(plain.clone(), 900, 110),
        tunnel::erspan_ii(1, 110, 1, &plain),
    ];
    let records: Vec<Record> =
        forms.into_iter().chain([plain]).map(|f| Record::whole(1_795_417_200_000_000_000, f.0)).collect();
    std::fs::write(&sent, pcap(Order::Little, Resolution::Micro, 1, &records)).unwrap();
    for (wide, expected) in [(None, 2), (Some("--filter-wide"), 5)] {
        let mut arguments = vec!["span", "-q", "-f", "udp port 16384", "-a", "duration:2"];
        arguments.extend(wide);
        let (child, file) = cable.watch(&arguments, &[]);
        cable.send(&sent);
        let output = child.wait_with_output().unwrap();
        // The kernel takes the outermost tag off before libpcap's filter sees the frame.
        assert_eq!(frames(&file).len() - usize::from(wide.is_none()), expected, "{}", said(&output));
    }
}

#[test]
fn lost_port_is_awaited_and_its_gap_reported() {
    let Some(cable) = Cable::new() else { return };
    let (child, _) = cable.watch(&["span", "-q", "-Z", "root", "-a", "duration:8"], &[]);
    std::thread::sleep(Duration::from_millis(300));
    cable.site.ip("link set span down").unwrap();
    std::thread::sleep(Duration::from_millis(1300));
    cable.site.ip("link set span up").unwrap();
    std::thread::sleep(Duration::from_millis(1300));
    cable.site.ip("link del span").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    cable.site.ip("link add other type veth peer name span").unwrap();
    cable.site.ip("link set other up").unwrap();
    cable.site.ip("link set span up").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    cable.send(Path::new(SITE));
    let output = child.wait_with_output().unwrap();
    let all = said(&output);
    for text in
        ["span: is switched off", "span: is up again", "span: the interface disappeared", "span: is there again"]
    {
        assert_eq!(all.matches(text).count(), 1, "{text}: {all}");
    }
    assert!(all.contains("(span was switched off)") && all.contains("(span was not there)"), "{all}");
    assert!(all.contains("6 phones"), "{all}");
    assert_eq!(output.status.code(), Some(1), "{all}");
}

#[test]
fn port_down_at_start_names_the_command_to_enable_it() {
    let Some(cable) = Cable::new() else { return };
    cable.site.ip("link set span down").unwrap();
    let mut command = cable.site.command_named(env!("CARGO_BIN_EXE_phonescope"));
    let output = output_within(command.args(["watch", "-i", "span"]), LONG).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("cannot capture on span: it is switched off; switch it on: ip link set span up"));
}

#[test]
fn lost_port_without_privileges_ends_with_the_report() {
    let Some(cable) = Cable::new() else { return };
    let began = Instant::now();
    let (child, _) = cable.watch(&["span", "-q", "-a", "duration:20"], &[]);
    cable.send(Path::new(SITE));
    cable.site.ip("link del span").unwrap();
    let output = child.wait_with_output().unwrap();
    let all = said(&output);
    assert!(began.elapsed() < Duration::from_secs(10), "it ends when no port is left");
    assert!(all.contains("6 phones") && all.contains("rights were given up"), "{all}");
    assert_eq!(output.status.code(), Some(3), "{all}");
}

#[test]
fn privileges_drop_before_the_first_frame() {
    use std::os::unix::fs::MetadataExt;
    let Some(cable) = Cable::new() else { return };
    if cable.site.is_unprivileged() {
        println!("skipped: only root can become another user");
        return;
    }
    cable.site.shell(&format!("chmod 777 {}", cable.site.folder().display())).unwrap();
    let sudo = [("SUDO_UID", "65534"), ("SUDO_GID", "65534"), ("SUDO_USER", "nobody")];
    let (child, file) = cable.watch(&["span", "-q", "-a", "duration:2"], &sudo);
    let status = status_of_watch(child.id());
    let output = child.wait_with_output().unwrap();
    for line in [
        "Uid:\t65534\t65534\t65534\t65534",
        "Gid:\t65534\t65534\t65534\t65534",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        assert!(status.contains(line), "{line} in {status}\n{}", said(&output));
    }
    let owner = std::fs::metadata(file).unwrap();
    assert_eq!((owner.uid(), owner.gid(), owner.mode() & 0o777), (65_534, 65_534, 0o600));
}

/// What the kernel says of the program, which may be a child of the process that entered the network.
fn status_of_watch(pid: u32) -> String {
    let mut pids = vec![pid.to_string()];
    while let Some(pid) = pids.pop() {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        if status.starts_with("Name:\tphonescope") {
            return status;
        }
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        pids.extend(children.split_whitespace().map(str::to_owned));
    }
    String::new()
}

#[test]
fn a_disk_that_fills_ends_the_writing_and_not_the_run() {
    let Some(cable) = Cable::new() else { return };
    let full = cable.site.folder().join("full");
    std::fs::create_dir(&full).unwrap();
    cable.site.shell(&format!("mount -t tmpfs -o size=40k none {}", full.display())).unwrap();
    // The file system is of the network's own view, so the file is copied out to be read.
    let copy = cable.site.folder().join("copy.pcapng");
    let line = format!(
        "{0} watch -i span -Z root -w {1}/x.pcapng -a duration:4 -o {2}/report; code=$?; cp {1}/x.pcapng {3}; exit $code",
        env!("CARGO_BIN_EXE_phonescope"),
        full.display(),
        cable.site.folder().display(),
        copy.display()
    );
    let mut command = cable.site.command_named("sh");
    command.args(["-c", &line]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    cable.send(Path::new(SITE));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("x.pcapng: no space left on device"), "{}", said(&output));
    let report = std::fs::read_to_string(cable.site.folder().join("report")).unwrap();
    assert!(report.contains("6 phones"), "{report}");
    let mut inputs = Inputs::open(&[copy]).unwrap();
    while inputs.next_record().unwrap().is_some() {}
    assert_eq!(inputs.summaries()[0].problem, None, "it ends with a whole block");
    assert!(inputs.summaries()[0].packets > 50);
}

#[test]
fn doctor_recognises_a_span_port_and_tests_the_filter() {
    let Some(cable) = Cable::new() else { return };
    let sent = cable.site.folder().join("sent.pcap");
    mixed(&sent, |_, frame| frame.tagged(110));
    let doctor = |during: &dyn Fn()| {
        let mut command = cable.site.command_named(env!("CARGO_BIN_EXE_phonescope"));
        command.args(["doctor", "-i", "span", "-a", "duration:4", "-T", "json"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        during();
        let output = child.wait_with_output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (report, output.status.code())
    };
    let state = |report: &serde_json::Value, name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap()["state"].as_str().unwrap().to_owned()
    };
    let (report, code) = doctor(&|| cable.send(&sent));
    assert_eq!(code, Some(0), "{report:#}");
    for name in ["filter", "span", "directions", "tags", "dhcp", "files", "registration"] {
        assert_eq!(state(&report, name), "ok", "{name}: {report:#}");
    }
    let seen = &report["seen"];
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    assert!(number(&seen["filter"]["needed"]) > 300 && number(&seen["filter"]["held_back"]) == 0, "{seen}");
    assert!(number(&seen["voice"]) > number(&seen["filter"]["passed"]), "{seen}");
    assert_eq!(seen["vlans"], serde_json::json!([110]));

    let (report, code) = doctor(&|| {});
    assert_eq!(code, Some(1), "{report:#}");
    assert!(["frames", "span"].iter().any(|name| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().any(|check| check["name"] == *name && check["state"] == "problem")
    }));
    assert_eq!(report["switch"].as_array().unwrap().len(), 2);
}
