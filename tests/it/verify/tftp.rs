//! `verify --send` against TFTP servers that are right, wrong and hostile.

use std::net::UdpSocket;
use std::sync::mpsc;
use std::time::Duration;

use super::servers::{acknowledged, data, error, folder, own_port, send, tftp, tftp_at};
use super::{CONFIG_NAME, LOAD, LOAD_FILE, PHONE, Ran, config, pack, verify};

/// Asks a server about the phone, without much patience.
fn asked(server: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["--send", "--tftp", server, "--phone", PHONE, "--load", LOAD, "--tries", "3"];
    arguments.extend(more);
    if !more.contains(&"--timeout") {
        arguments.extend(["--timeout", "0.1"]);
    }
    verify(&arguments)
}

fn good() -> Vec<(&'static str, Vec<u8>)> {
    vec![(CONFIG_NAME, config(LOAD)), (LOAD_FILE, vec![7; 129_024])]
}

#[test]
fn nothing_is_sent_without_send_and_what_would_be_is_told() {
    let server = tftp(folder(&good(), true));
    let ran = verify(&["--tftp", &server.text(), "--phone", PHONE, "--load", LOAD]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.says("Nothing was sent.").says(&format!("To {} (TFTP over UDP)", server.text()));
    ran.says("RRQ SEP003094C2D3FA.cnf.xml octet, first")
        .says("RRQ P00303000300.bin octet tsize=0, if the server answers");
    let json = verify(&["--tftp", &server.text(), "--phone", PHONE, "--load", LOAD, "-T", "json"]).json();
    assert_eq!(json["would_send"].as_array().unwrap().len(), 3);
    assert_eq!(json["checks"].as_array().unwrap().len(), 0);
    std::thread::sleep(Duration::from_millis(100));
    assert!(server.asked().is_empty(), "{:?}", server.asked());
}

#[test]
fn a_right_server_is_right_and_the_load_is_not_fetched() {
    for options in [true, false] {
        let server = tftp(folder(&good(), options));
        let ran = asked(&server.text(), &[]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        ran.says("It names load P00303000300.");
        let length = if options { "there, 129024 octets." } else { "there; the server does not tell how long" };
        ran.says(&format!("Load P00303000300: P00303000300.bin is {length}"));
        assert_eq!(server.asked(), [CONFIG_NAME, LOAD_FILE]);
    }
}

#[test]
fn ipv6_is_asked_like_ipv4() {
    let server = tftp_at("::1", folder(&good(), true));
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    drop(server);
    let nobody = UdpSocket::bind("[::1]:0").unwrap().local_addr().unwrap().to_string();
    asked(&nobody, &[]).says("nobody listens on this port");
}

#[test]
fn a_server_that_answers_from_its_only_port_is_fine() {
    let server = tftp(|request, socket| {
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let octets = if request.file == CONFIG_NAME { config(LOAD) } else { vec![7; 700] };
        send(socket, request.client, &octets);
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    });
    let ran = asked(&server.text(), &["--full"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.says("P00303000300.bin is there, 700 octets.");
}

#[test]
fn what_is_missing_wrong_or_in_the_wrong_case_is_told() {
    let server = tftp(folder(&good()[1..], true));
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says("WRONG SEP003094C2D3FA.cnf.xml is not there.").says("right Load P00303000300");
    let server = tftp(folder(&[("SEP003094c2d3fa.cnf.xml", config(LOAD)), (LOAD_FILE, vec![1])], true));
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says("but SEP003094c2d3fa.cnf.xml is: rename it");
    let server = tftp(folder(&[(CONFIG_NAME, config("P00303010102")), (LOAD_FILE, vec![1])], true));
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says("It names load P00303010102, not P00303000300.").says("Load P00303010102 is not there");
    let server = tftp(folder(&[(CONFIG_NAME, config(LOAD)), ("p00303000300.bin", vec![1])], true));
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says("Load P00303000300 is not there: no P00303000300.bin.");
}

#[test]
fn silence_and_a_closed_port_are_told_apart() {
    let server = tftp(|_, _| {});
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says("could not be checked").says("no answer to 3 requests");
    assert_eq!(server.asked(), [CONFIG_NAME; 3]);
    assert!(ran.took >= Duration::from_millis(700), "0.1 s, 0.2 s, 0.4 s: {:?}", ran.took);
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ran = asked(&nobody, &["--timeout", "5"]);
    assert_eq!(ran.code, 1);
    ran.says("nobody listens on this port");
    assert!(ran.took < Duration::from_secs(4), "{:?}", ran.took);
}

#[test]
fn an_answer_from_another_address_is_refused_and_told() {
    let (tell, told) = mpsc::channel();
    let server = tftp(move |request, _| {
        let other = UdpSocket::bind("127.0.0.2:0").unwrap();
        other.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        other.send_to(&data(1, &config(LOAD)), request.client).unwrap();
        let mut room = [0; 100];
        let length = other.recv_from(&mut room).unwrap().0;
        tell.send(room[..length].to_vec()).unwrap();
    });
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says("no answer to 3 requests; an answer came from 127.0.0.2:").says("which was not asked, and was refused");
    assert!(told.recv().unwrap().starts_with(&[0, 5, 0, 5]), "no error 5 to the stranger");
    let json = asked(&server.text(), &["-T", "json"]).json();
    let strangers = json["checks"][0]["files"][0]["strangers"].as_array().unwrap().clone();
    assert!(strangers[0].as_str().unwrap().starts_with("127.0.0.2:"), "{strangers:?}");
}

#[test]
fn endless_data_ends_at_the_limit() {
    let server = tftp(|request, _| {
        let socket = own_port(request);
        for block in 1..=u16::MAX {
            socket.send_to(&data(block, &[b'x'; 512]), request.client).unwrap();
            if acknowledged(&socket) != Some(block) {
                return;
            }
        }
    });
    let ran = asked(&server.text(), &["--timeout", "2"]);
    assert_eq!(ran.code, 1);
    ran.says("longer than 1048576 octets: more is not fetched");
}

#[test]
fn blocks_twice_and_out_of_order_are_put_right() {
    let server = tftp(|request, _| {
        let socket = own_port(request);
        let file = if request.file == CONFIG_NAME { config(LOAD) } else { vec![7; 1500] };
        let file = [file, vec![b'\n'; 1000]].concat();
        let block = |n: usize| data(u16::try_from(n + 1).unwrap(), &file[n * 512..file.len().min(n * 512 + 512)]);
        for n in 0..=file.len() / 512 {
            // What comes after, then what came before, then what is due, twice: a sorcerer's apprentice.
            for n in [n + 1, n.saturating_sub(1), n, n] {
                if n <= file.len() / 512 {
                    socket.send_to(&block(n), request.client).unwrap();
                }
            }
            let due = u16::try_from(n + 1).unwrap();
            if acknowledged(&socket) != Some(due) {
                panic!("block {due} is not acknowledged once and first");
            }
        }
    });
    let ran = asked(&server.text(), &["--full", "--timeout", "3"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.says("P00303000300.bin is there, 2500 octets.");
}

#[test]
fn errors_stops_and_nonsense_each_have_their_words() {
    let server = tftp(|request, _| {
        let text = "no\x1b]0;owned\x07\u{202e}";
        own_port(request).send_to(&error(2, text), request.client).unwrap();
    });
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says(r#"refused with 2 ("no\u{1b}]0;owned\u{7}\u{202e}")"#);
    let server = tftp(|request, _| {
        let socket = own_port(request);
        socket.send_to(&data(1, &[b'x'; 512]), request.client).unwrap();
        while acknowledged(&socket) == Some(1) {}
    });
    let ran = asked(&server.text(), &[]);
    assert_eq!(ran.code, 1);
    ran.says("the transfer stops after 512 octets");
    let server = tftp(|request, _| {
        let socket = own_port(request);
        for nonsense in [&b""[..], b"\0", b"\0\x09x", b"HTTP/1.1 200 OK", &[0xff; 1500]] {
            socket.send_to(nonsense, request.client).unwrap();
        }
    });
    asked(&server.text(), &[]).says("no answer to 3 requests");
    let server = tftp(|request, _| {
        own_port(request).send_to(b"\0\x06blksize\x0065464\0", request.client).unwrap();
    });
    asked(&server.text(), &[]).says("options that it was not asked for");
}

#[test]
fn full_compares_with_the_pack_and_says_where_and_not_what() {
    let folder_of_pack = tempfile::tempdir().unwrap();
    pack(folder_of_pack.path(), |_| {});
    let plan = folder_of_pack.path().to_str().unwrap();
    let run = |server: &str| verify(&["--plan", plan, "--send", "--full", "--tftp", server, "--timeout", "0.2"]);
    let server = tftp(folder(&good(), true));
    let ran = run(&server.text());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.says("SEP003094C2D3FA.cnf.xml is the same as ").says("P00303000300.bin is there, 129024 octets.");
    let mut other = String::from_utf8(config(LOAD)).unwrap();
    other = other.replace("hunter2", "hunter3");
    let server = tftp(folder(&[(CONFIG_NAME, other.into_bytes()), good()[1].clone()], true));
    let ran = run(&server.text());
    assert_eq!(ran.code, 1);
    ran.says("is not the same as").says("differs, in line 4.");
    assert!(!ran.stdout.contains("hunter3"), "{}", ran.stdout);
    // A pack whose file is gone was not compared: that is not right either.
    std::fs::remove_file(folder_of_pack.path().join("tftp").join(CONFIG_NAME)).unwrap();
    let server = tftp(folder(&good(), true));
    let ran = run(&server.text());
    assert_eq!(ran.code, 1);
    ran.says("to compare with it: no such file or directory");
}

#[test]
fn a_file_can_be_compared_without_a_plan() {
    let here = tempfile::tempdir().unwrap();
    let load = here.path().join(LOAD_FILE);
    std::fs::write(&load, vec![7; 129_024]).unwrap();
    let server = tftp(folder(&good(), true));
    let ran = asked(&server.text(), &["--compare", load.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.says("P00303000300.bin is the same as");
    std::fs::write(&load, [vec![7; 70_000], vec![8; 59_024]].concat()).unwrap();
    let ran = asked(&server.text(), &["--compare", load.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    ran.says("octet 70001 differs");
    let other = here.path().join("other.bin");
    std::fs::write(&other, "x").unwrap();
    let ran = asked(&server.text(), &["--compare", other.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    ran.says("was compared with nothing");
    assert_eq!(asked(&server.text(), &["--compare", "/no/such/SEP.cnf.xml"]).code, 2);
}

#[test]
fn the_load_that_has_to_come_first_is_asked_for_first() {
    const STONE: &str = "P00308000500";
    let here = tempfile::tempdir().unwrap();
    pack(here.path(), |plan| plan["phones"][0]["load_first"] = serde_json::json!(STONE));
    let server = tftp(folder(&[(CONFIG_NAME, config(STONE)), ("P00308000500.bin", vec![7; 600])], true));
    let arguments = ["--plan", here.path().to_str().unwrap(), "--send", "--tftp", &server.text(), "--timeout", "0.2"];
    let ran = verify(&arguments);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.says(&format!("{STONE} has to come before {LOAD}")).says(&format!("It names load {STONE}."));
    // Once it is through, its goal is asked for by name.
    let later = verify(&[&arguments[..], &["--load", LOAD]].concat());
    assert_eq!(later.code, 1, "{}", later.stdout);
}

#[test]
fn a_plan_asks_its_own_servers_and_others_only_where_named() {
    let here = tempfile::tempdir().unwrap();
    pack(here.path(), |_| {});
    let plan = here.path().join("plan.json");
    let ran = verify(&["--plan", plan.to_str().unwrap()]);
    assert_eq!(ran.code, 0);
    ran.says("To 10.30.0.5:69 (TFTP over UDP)");
    let ran = verify(&["--plan", plan.to_str().unwrap(), "--tftp", "10.9.9.9", "--http", "10.9.9.8"]);
    ran.says("To 10.9.9.9:69 (TFTP over UDP)")
        .says("To 10.9.9.8:6970 (HTTP over TCP)")
        .says("GET /SEP003094C2D3FA.cnf.xml");
    assert!(!ran.stdout.contains("10.30.0.5"), "{}", ran.stdout);
    pack(here.path(), |plan| plan["phones"][0]["tftp_right"] = serde_json::json!([]));
    verify(&["--plan", plan.to_str().unwrap()]).says("the plan knows no right TFTP server; name one with --tftp");
}

#[test]
fn a_server_that_is_silent_is_not_asked_about_every_phone() {
    let here = tempfile::tempdir().unwrap();
    pack(here.path(), |plan| {
        let mut second = plan["phones"][0].clone();
        second["mac"] = "00:30:94:c2:d3:fb".into();
        second["name"] = "SEP003094C2D3FB".into();
        second["config_name"] = "SEP003094C2D3FB.cnf.xml".into();
        plan["phones"].as_array_mut().unwrap().push(second);
    });
    let server = tftp(|_, _| {});
    let arguments = ["--plan", here.path().to_str().unwrap(), "--send", "--tftp", &server.text(), "--timeout", "0.05"];
    let ran = verify(&arguments);
    assert_eq!(ran.code, 1);
    ran.says("SEP003094C2D3FB: not asked about, since").says("did not answer before");
    assert_eq!(server.asked(), [CONFIG_NAME; 4]);
}

#[test]
fn what_can_not_be_meant_is_refused() {
    for arguments in [
        &["--send"][..],
        &["--send", "--tftp", "10.30.0.5"],
        &["--send", "--phone", PHONE],
        &["--send", "--tftp", "tftp.example", "--phone", PHONE],
        &["--send", "--tftp", "255.255.255.255", "--phone", PHONE],
        &["--send", "--tftp", "10.30.0.5", "--phone", "kitchen"],
        &["--send", "--tftp", "10.30.0.5", "--phone", PHONE, "--load", "../x"],
        &["--tftp", "10.30.0.5", "--phone", PHONE, "--tries", "0"],
        &["--tftp", "10.30.0.5", "--phone", PHONE, "--timeout", "-1"],
        &["captures/healthy/boot.pcap"],
    ] {
        let ran = verify(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
}
