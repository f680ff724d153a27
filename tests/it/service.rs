//! `watch --service` on a port: alerts, metrics, the site file read again, and what a restart keeps.

#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::real::namespace::{Namespace, succeeds};
use crate::real::programs::Program;
use crate::real::{namespace, program};
use crate::support::shipped::shipped;

const SOON: Duration = Duration::from_secs(30);
const METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9105);
const HOOK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8088);

/// A network with a cable: what is sent into `sender` is seen on `span`.
struct Site {
    network: Namespace,
    tcpreplay: Program,
}

impl Site {
    #[allow(clippy::print_stdout, reason = "a test that skips says so")]
    fn new() -> Option<Site> {
        let (tcpreplay, network) = (program("tcpreplay")?, namespace()?);
        if network.is_unprivileged() {
            println!("skipped: sockets of the test itself must be in the network, which takes root");
            return None;
        }
        network.ip("link add sender type veth peer name span").unwrap();
        network.ip("link set sender up").unwrap();
        network.ip("link set span up").unwrap();
        Some(Site { network, tcpreplay })
    }

    fn folder(&self) -> &Path {
        self.network.folder()
    }

    /// Runs in a thread that is in this network.
    fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
        let network = fs::File::open(format!("/proc/{}/ns/net", self.network.holder())).unwrap();
        std::thread::spawn(move || {
            let kind = rustix::thread::LinkNameSpaceType::Network;
            rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&network), Some(kind)).unwrap();
            work()
        })
    }

    /// Plays a shipped capture into the cable, twenty times as fast as it was.
    fn play(&self, path: &str) {
        let capture = shipped().into_iter().find(|s| s.path == path).unwrap();
        let file = self.folder().join("played.pcap");
        fs::write(&file, (capture.build)()).unwrap();
        succeeds(self.network.command(&self.tcpreplay).args(["-q", "-i", "sender", "-x", "20"]).arg(&file)).unwrap();
    }

    fn start(&self, arguments: &[&str]) -> Service {
        let path = self.folder().join("notify");
        let _ = fs::remove_file(&path);
        let notify = UnixDatagram::bind(&path).unwrap();
        notify.set_read_timeout(Some(SOON)).unwrap();
        let log = self.folder().join("log");
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        // Without a process list of its own, so that signals go to the program itself.
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.network.holder())).arg("--");
        command.arg(env!("CARGO_BIN_EXE_phonescope")).args(["watch", "-i", "span", "--service"]).args(arguments);
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "3000000").env_remove("JOURNAL_STREAM");
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let service = Service { child, notify, log };
        service.wait_for_word("READY=1");
        service
    }

    /// What the service serves.
    fn get(&self, path: &'static str) -> String {
        let ask = move || {
            let mut stream = TcpStream::connect_timeout(&METRICS, SOON).unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: probe\r\n\r\n").as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        self.inside(ask).join().unwrap()
    }

    /// One number of the metrics.
    fn number(&self, sample: &str) -> Option<f64> {
        let page = self.get("/metrics");
        let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
        line.parse().ok()
    }

    /// A web service that refuses so many alerts before it takes them.
    fn hook(&self, refuses: usize) -> Receiver<(u16, Value)> {
        let (send, received) = channel();
        let (ready, is_ready) = channel();
        self.inside(move || {
            let listener = TcpListener::bind(HOOK).unwrap();
            ready.send(()).unwrap();
            for (n, stream) in listener.incoming().enumerate() {
                let status = if n < refuses { 503 } else { 200 };
                let body = answer(stream.unwrap(), status);
                if send.send((status, serde_json::from_slice(&body).unwrap())).is_err() {
                    return;
                }
            }
        });
        is_ready.recv_timeout(SOON).unwrap();
        received
    }
}

/// Takes one POST and answers it.
fn answer(mut stream: TcpStream, status: u16) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let head = request.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
            assert!(
                text.starts_with("post /alerts http/1.1") && text.contains("content-type: application/json"),
                "{text}"
            );
            let length: usize =
                text.lines().find_map(|l| l.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap();
            if request.len() >= head + length {
                write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
                return request.split_off(head);
            }
        }
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "cut off");
        request.extend_from_slice(&buffer[..n]);
    }
}

/// The program while it runs.
struct Service {
    child: Child,
    notify: UnixDatagram,
    log: PathBuf,
}

impl Service {
    /// Waits until systemd would be told so.
    fn wait_for_word(&self, word: &str) {
        let mut buffer = [0; 4096];
        let end = Instant::now() + SOON;
        while Instant::now() < end {
            let Ok(n) = self.notify.recv(&mut buffer) else { break };
            if String::from_utf8_lossy(&buffer[..n]).contains(word) {
                return;
            }
        }
        panic!("{word} never came: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn wait_for_line(&self, text: &str) {
        let end = Instant::now() + SOON;
        while !self.log().contains(text) {
            assert!(Instant::now() < end, "{text:?} is not in\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, name: &str) {
        succeeds(Command::new("kill").args([format!("-{name}"), self.child.id().to_string()])).unwrap();
    }

    /// SIGTERM, and how it ends.
    fn end(mut self) -> ExitStatus {
        self.signal("TERM");
        let end = Instant::now() + SOON;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end: {}", self.log());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !is() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_service_tells_each_finding_once_also_over_a_restart() {
    let Some(site) = Site::new() else { return };
    let at = |name: &str| site.folder().join(name).display().to_string();
    let (state, report, command, told) = (at("state"), at("report.json"), at("command"), at("told"));
    script(Path::new(&command), &format!("cat >>{told}"));
    let syslog = UnixDatagram::bind(at("syslog")).unwrap();
    syslog.set_read_timeout(Some(SOON)).unwrap();
    let hook = site.hook(2);
    let (metrics, url) = (METRICS.to_string(), format!("http://{HOOK}/alerts"));
    let socket = at("syslog");
    let arguments = [
        "--state",
        &state,
        "--state-interval",
        "1",
        "--metrics",
        &metrics,
        "--alert-webhook",
        &url,
        "--alert-command",
        &command,
        "--alert-syslog",
        &socket,
        "--alert-hold",
        "1",
        "--alert-min-severity",
        "error",
        "-T",
        "json",
        "-o",
        &report,
    ];
    let service = site.start(&arguments);
    service.wait_for_word("STATUS=0 phones, 0 findings of severity error");
    site.play("wrong-tftp-server/fires-option-66.pcap");

    // The web service is away twice; each alert arrives in the end, and once.
    let (codes, alerts): (Vec<u16>, Vec<Value>) = (0..3).map(|_| hook.recv_timeout(SOON).unwrap()).unzip();
    assert_eq!(codes, [503, 503, 200]);
    assert!(alerts.iter().all(|a| a == &alerts[0]));
    let alert = &alerts[0];
    assert_eq!((&alert["schema"], &alert["event"]), (&"phonescope.alert/1".into(), &"began".into()));
    assert_eq!((&alert["code"], &alert["phone_count"]), (&"wrong-tftp-server".into(), &1.into()));
    assert!(alert["explains"].as_array().unwrap().contains(&"registration-rejected".into()), "{alert}");
    let mut buffer = [0; 4096];
    let length = syslog.recv(&mut buffer).unwrap();
    let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(line.starts_with("<27>1 ") && line.contains("code=\"wrong-tftp-server\""), "{line}");
    wait_until("the command was not told", || fs::read_to_string(&told).is_ok_and(|t| t.ends_with('\n')));
    assert_eq!(serde_json::from_str::<Value>(&fs::read_to_string(&told).unwrap()).unwrap(), *alert);

    // Numbers.
    assert_eq!(site.number("phonescope_phones{state=\"registered\"}"), Some(1.0));
    assert_eq!(site.number("phonescope_phones{state=\"rejected\"}"), Some(1.0));
    assert_eq!(site.number("phonescope_phones_by_verdict{verdict=\"wrong-tftp-server\"}"), Some(1.0));
    let sent = "phonescope_alerts_total{channel=\"webhook\",outcome=\"sent\"}";
    wait_until("the alert is not counted", || site.number(sent) == Some(1.0));
    assert_eq!(site.number("phonescope_dhcp_offers_total{server=\"10.30.0.2\"}"), Some(2.0));
    let frames = site.number("phonescope_frames_total{port=\"span\"}").unwrap();
    assert!(frames > 50.0, "{frames}");
    assert!(site.get("/healthz").ends_with("\r\n\r\nok\n"));
    service.wait_for_word("WATCHDOG=1");
    wait_until("the state is not written", || fs::metadata(&state).is_ok());
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o600);

    // SIGTERM: the report is written, with the exit code of a run that found an error.
    assert_eq!(service.end().code(), Some(1));
    let first: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let (packets, findings) = (first["inputs"][0]["packets"].clone(), first["findings"].as_array().unwrap().len());
    assert!(findings > 0 && first["phones"].as_array().unwrap().len() == 2);
    fs::remove_file(&report).unwrap();

    // A restart knows all of it and tells none of it again.
    let service = site.start(&arguments);
    let wrong = "phonescope_phones_by_verdict{verdict=\"wrong-tftp-server\"}";
    wait_until("it forgot", || site.number(wrong) == Some(1.0));
    std::thread::sleep(Duration::from_secs(3));
    assert!(hook.try_recv().is_err(), "told again");
    // The same phone comes up: the finding ended, which is told once, too.
    site.play("healthy/boot.pcap");
    let (_, ended) = hook.recv_timeout(SOON).unwrap();
    assert_eq!((&ended["event"], &ended["id"]), (&"ended".into(), &alert["id"]));
    assert_eq!(site.number("phonescope_phones{state=\"registered\"}"), Some(2.0));
    assert!(hook.try_recv().is_err(), "told twice");
    assert_eq!(service.end().code(), Some(0));
    let second: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(second["inputs"].as_array().unwrap().len(), 1);
    assert!(second["inputs"][0]["packets"].as_u64() > packets.as_u64(), "frames go on counting");
    let notes = second["coverage"]["notes"].to_string();
    assert!(notes.contains("(the program was restarted)"), "{notes}");
}

#[test]
fn the_site_file_is_read_again_and_a_broken_one_changes_nothing() {
    let Some(site) = Site::new() else { return };
    let at = |name: &str| site.folder().join(name).display().to_string();
    let (file, metrics) = (at("site.toml"), METRICS.to_string());
    let write = |tftp: &str| {
        let text = format!("[[cluster]]\nname = \"hq\"\ntftp = [\"{tftp}\"]\ndefault = true\n");
        fs::write(&file, text).unwrap();
    };
    write("10.30.0.5");
    let service = site.start(&["--site", &file, "--metrics", &metrics]);
    site.play("healthy/boot.pcap");
    let wrong = "phonescope_phones_by_verdict{verdict=\"wrong-tftp-server\"}";
    wait_until("not healthy", || site.number("phonescope_phones_by_verdict{verdict=\"healthy\"}") == Some(1.0));
    fs::write(&file, "[[cluster]\n").unwrap();
    service.signal("HUP");
    service.wait_for_word("RELOADING=1");
    service.wait_for_line("the site stays as it was: ");
    assert_eq!(site.number(wrong), None);
    write("10.99.0.5");
    service.signal("HUP");
    service.wait_for_line("the site file is read again");
    wait_until("not judged by the new site", || site.number(wrong) == Some(1.0));
    write("10.30.0.5");
    service.signal("HUP");
    wait_until("not judged by the old site again", || site.number(wrong).is_none());
    assert_eq!(site.number("phonescope_site_reloads_total{outcome=\"failed\"}"), Some(1.0));
    assert_eq!(service.end().code(), Some(0));
}

#[test]
fn a_run_that_is_killed_goes_on_with_what_it_wrote_last() {
    let Some(site) = Site::new() else { return };
    let (state, metrics) = (site.folder().join("state").display().to_string(), METRICS.to_string());
    let arguments = ["--state", &state, "--state-interval", "1", "--metrics", &metrics];
    let mut service = site.start(&arguments);
    site.play("healthy/boot.pcap");
    let saved = || site.number("phonescope_state_saved_timestamp_seconds");
    wait_until("the boot was not seen", || site.number("phonescope_phones{state=\"registered\"}") == Some(1.0));
    let before = saved();
    wait_until("the state is not written", || saved() > before);
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    let service = site.start(&arguments);
    service.wait_for_line("goes on with what ");
    wait_until("it forgot", || site.number("phonescope_phones{state=\"registered\"}") == Some(1.0));
    assert_eq!(service.end().code(), Some(0));
    // What can not be taken up is kept beside, and said.
    fs::write(&state, "something else").unwrap();
    let service = site.start(&arguments);
    service.wait_for_line("is not taken up: it is no state of phonescope; it is kept as ");
    assert_eq!(fs::read_to_string(format!("{state}.unusable")).unwrap(), "something else");
    assert_eq!(service.end().code(), Some(0));
}
