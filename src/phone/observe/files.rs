//! Files over TFTP (RFC 1350) and HTTP (RFC 9110), and the configurations in them.

use std::net::IpAddr;

use super::Scene;
use crate::conversation::file::{Failure, Fetch, FileFailure};
use crate::conversation::push_bounded;
use crate::diagnosis::Transport;
use crate::phone::Phone;
use crate::phone::limits;
use crate::phone::sharing::{Naming, is_port_name};
use crate::types::WireText;
use crate::wire::phone_config::{self, PhoneConfig};
use crate::wire::{http, tftp};

/// The latest requests of a phone among which a repeated one is looked for.
const REPEATED: usize = 4;
/// The latest requests of a phone among which the transfer of a packet is looked for.
const UNDER_WAY: usize = 8;

/// A TFTP packet.
pub(super) fn observe_tftp(scene: &mut Scene<'_>, packet: &tftp::Packet) {
    let env = scene.envelope;
    let (Some(src), Some(dst), Some(sport), Some(dport)) = (env.src, env.dst, env.sport, env.dport) else { return };
    if packet.op == tftp::Op::Rrq {
        return tftp_request(scene, packet, dst, sport);
    }
    // Of the two ends the client is the one whose transfer it is.
    let ends = [(src, sport, dst, true, env.eth_src), (dst, dport, src, false, env.eth_dst)];
    for (client, port, server, from_client, eth) in ends {
        let slot = scene.directory.slot_of_client(client, Some(port), eth);
        let of_transfer =
            |f: &&mut Fetch| f.client_port == port && f.server == server && f.transport == Transport::Tftp;
        if let Some(phone) = scene.directory.known(slot)
            && let Some(fetch) = phone.files.iter_mut().rev().take(UNDER_WAY).find(of_transfer)
        {
            scene.traffic.files.count(from_client);
            // What follows the end (a repeated last block, an acknowledged error) changes nothing.
            if fetch.is_open() {
                fetch.observe(packet, scene.seen_at, from_client);
            }
            return;
        }
    }
    stray_answer(scene, packet, (dst, dport), src);
}

/// An answer to a request of `client` that went to another address than `server`. The decoder tells by the file's name
/// which request it answers.
fn stray_answer(scene: &mut Scene<'_>, packet: &tftp::Packet, (client, port): (IpAddr, u16), server: IpAddr) {
    let is_answer = match packet.op {
        tftp::Op::Data => packet.block == Some(1),
        tftp::Op::Oack | tftp::Op::Error => true,
        _ => false,
    };
    let asked = |f: &&mut Fetch| {
        f.client_port == port
            && f.server != server
            && f.transport == Transport::Tftp
            && f.answered.is_none()
            && packet.file.as_ref() == Some(&f.name)
    };
    let (slot, seen_at) = (scene.directory.slot_of_ip(client, scene.envelope.eth_dst), scene.seen_at);
    if is_answer
        && let Some(phone) = scene.directory.known(slot)
        && let Some(fetch) = phone.files.iter_mut().rev().take(UNDER_WAY).find(asked)
    {
        scene.traffic.files.count(false);
        fetch.observe_stray(server, seen_at);
    }
}

fn tftp_request(scene: &mut Scene<'_>, packet: &tftp::Packet, server: IpAddr, port: u16) {
    scene.traffic.files.count(true);
    let Some(name) = packet.file.clone() else { return };
    let seen_at = scene.seen_at;
    let timeout = packet.options.iter().find(|(k, _)| k.raw() == "timeout").and_then(|(_, v)| v.raw().parse().ok());
    let Some(phone) = requester(scene, &name) else { return };
    if let Some((mac, _)) = phone_config::device_of_name(name.raw()) {
        phone.record_name(&WireText::from(mac.device_name().as_str()), seen_at);
    }
    let same = |f: &&mut Fetch| {
        f.is_open() && f.server == server && f.name == name && f.transport == Transport::Tftp && f.answered.is_none()
    };
    if let Some(fetch) = phone.files.iter_mut().rev().take(REPEATED).find(same) {
        fetch.request.again(seen_at);
        fetch.last = seen_at;
        fetch.client_port = port;
        return;
    }
    let mut fetch = Fetch::new(name, server, Transport::Tftp, port, seen_at);
    fetch.timeout_secs = timeout;
    push_bounded(&mut phone.files, fetch, limits::FILES, &mut phone.files_evicted);
}

/// The client that requests a file: a phone, where only phones request such a file.
fn requester<'s>(scene: &'s mut Scene<'_>, name: &WireText) -> Option<&'s mut Phone> {
    let slot = scene.sender()?;
    let device = phone_config::device_of_name(name.raw());
    let asks_as_phone = device.is_some() || is_phone_file(name.raw());
    let env = scene.envelope;
    let own = device.map(|(mac, _)| (mac.device_name(), Some(mac)));
    let own = own.or_else(|| port_of_file(name.raw()).map(|port| (port.to_owned(), None)));
    let slot = match &own {
        Some((name, mac)) => scene.directory.named(slot, &Naming::of(env, name, *mac)),
        None if asks_as_phone => scene.directory.named(slot, &Naming::of(env, "", None)),
        None => slot,
    };
    let slot = scene.directory.booting_at(slot, scene.seen_at);
    scene.shared.record_spelling(name.raw(), scene.seen_at.time);
    let phone = scene.directory.client(slot, scene.seen_at)?;
    phone.is_phone |= asks_as_phone;
    Some(phone)
}

/// The port of an analog gateway whose file this is.
fn port_of_file(file: &str) -> Option<&str> {
    file.rsplit(['/', '\\']).next()?.split('.').next().filter(|stem| is_port_name(stem))
}

/// An HTTP request or the status line and body of an answer.
pub(super) fn observe_http(scene: &mut Scene<'_>, message: &http::Message) {
    let env = scene.envelope;
    let (Some(src), Some(dst), Some(sport), Some(dport)) = (env.src, env.dst, env.sport, env.dport) else { return };
    let seen_at = scene.seen_at;
    if message.op == http::Op::Get {
        scene.traffic.files.count(true);
        let Some(name) = message.file.clone() else { return };
        let Some(phone) = requester(scene, &name) else { return };
        let fetch = Fetch::new(name, dst, Transport::Http, sport, seen_at);
        push_bounded(&mut phone.files, fetch, limits::FILES, &mut phone.files_evicted);
        return;
    }
    scene.traffic.files.count(false);
    let slot = scene.directory.slot_of_client(dst, Some(dport), env.eth_dst);
    let asked = |f: &&mut Fetch| {
        f.client_port == dport && f.server == src && f.transport == Transport::Http && f.answered.is_none()
    };
    let Some(fetch) = scene.directory.known(slot).and_then(|p| p.files.iter_mut().find(asked)) else { return };
    fetch.last = seen_at;
    fetch.progress = seen_at;
    match message.status.unwrap_or(0) {
        // A provisional answer is none yet.
        100..=199 => return,
        200..=299 => {
            fetch.bytes = message.bytes.unwrap_or(0);
            fetch.done = message.bytes.map(|_| seen_at);
        }
        status => fetch.failure = Some(Failure { seen_at, failure: FileFailure::Http { status } }),
    }
    fetch.answered = Some(seen_at);
}

/// A configuration that a file carried.
pub(super) fn observe_config(scene: &mut Scene<'_>, config: &PhoneConfig) {
    let env = scene.envelope;
    let now = scene.seen_at.time;
    for load in config.load.iter().chain(config.loads.values()) {
        scene.shared.record_spelling(load.raw(), now);
    }
    let Some(shared) = scene.shared.intern_config(config, now) else {
        scene.shared.configs_refused += 1;
        return;
    };
    let body = match config.body.as_ref().map(|body| scene.shared.intern_body(body)) {
        Some(None) => {
            scene.shared.bodies_refused += 1;
            None
        }
        kept => kept.flatten(),
    };
    for (client, port, server, eth) in
        [(env.dst, env.dport, env.src, env.eth_dst), (env.src, env.sport, env.dst, env.eth_src)]
    {
        let (Some(client), Some(server)) = (client, server) else { continue };
        let slot = scene.directory.slot_of_client(client, port, eth);
        let carries = |f: &&mut Fetch| f.server == server && f.name == config.file;
        if let Some(fetch) = scene.directory.known(slot).and_then(|p| p.files.iter_mut().rev().find(carries)) {
            fetch.config = Some(shared);
            fetch.body = body;
            return;
        }
    }
}

/// Files that only Cisco phones ask for.
fn is_phone_file(name: &str) -> bool {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_uppercase();
    base == "OS79XX.TXT" || base == "ITLFILE.TLV" || base == "CTLFILE.TLV" || phone_config::is_config_name(name)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NAME, PHONE, Stage, TFTP, at, ip};
    use super::*;
    use crate::diagnosis::Outcome;

    fn rrq(stage: &mut Stage, second: i64, port: u16, file: &str) {
        stage.ask(second, TFTP, (port, 69), &format!(r#""type":"tftp","op":"RRQ","file":"{file}","mode":"octet""#));
    }

    fn get(stage: &mut Stage, second: i64, port: u16, file: &str) {
        stage.ask(second, TFTP, (port, 6970), &format!(r#""type":"http","op":"GET","file":"{file}""#));
    }

    fn status(stage: &mut Stage, second: i64, port: u16, file: &str, status: u16) {
        let body = format!(r#""type":"http","op":"STATUS","file":"{file}","status":{status},"bytes":0"#);
        stage.answer(second, TFTP, (6970, port), &body);
    }

    fn config_name() -> String {
        format!("{NAME}.cnf.xml")
    }

    /// Outcome and failure of the only file after one HTTP answer.
    fn after_status(code: u16) -> (Outcome, Option<FileFailure>) {
        let mut stage = Stage::leased();
        get(&mut stage, 2, 50_001, &config_name());
        status(&mut stage, 2, 50_001, &config_name(), code);
        let fetch = &stage.phone().files[0];
        (fetch.outcome(), fetch.failure.as_ref().map(|f| f.failure.clone()))
    }

    #[test]
    fn http_statuses_keep_what_was_sent() {
        for code in [404, 410] {
            assert_eq!(after_status(code), (Outcome::Missing, Some(FileFailure::Http { status: code })));
        }
        for code in [301, 401, 403, 500, 503] {
            assert_eq!(after_status(code), (Outcome::Refused, Some(FileFailure::Http { status: code })));
        }
        assert_eq!(after_status(200), (Outcome::Served, None));
        assert_eq!(after_status(100), (Outcome::NoAnswer, None), "a provisional answer is none");
        assert_eq!(FileFailure::Http { status: 410 }.to_string(), "HTTP 410");
    }

    #[test]
    fn tftp_error_keeps_code_and_text() {
        let mut stage = Stage::leased();
        rrq(&mut stage, 2, 50_001, &config_name());
        let error = r#""type":"tftp","op":"ERROR","error_code":2,"error_text":"Access violation""#;
        stage.answer(2, TFTP, (41_000, 50_001), error);
        let fetch = &stage.phone().files[0];
        assert_eq!(fetch.outcome(), Outcome::Refused);
        let failure = fetch.failure.as_ref().unwrap();
        assert_eq!((failure.seen_at, failure.failure.to_string().as_str()), (at(2, 6), "error 2: Access violation"));
        assert_eq!((stage.traffic.files.from_phones, stage.traffic.files.from_servers), (1, 1));
    }

    #[test]
    fn error_of_phone_aborts_transfer() {
        let mut stage = Stage::leased();
        rrq(&mut stage, 2, 50_001, &config_name());
        let error = r#""type":"tftp","op":"ERROR","error_code":1,"error_text":"too big""#;
        stage.ask(2, TFTP, (50_001, 41_000), error);
        assert_eq!(stage.phone().files[0].outcome(), Outcome::Aborted);
    }

    #[test]
    fn last_block_serves_file_and_later_packets_change_nothing() {
        let mut stage = Stage::leased();
        rrq(&mut stage, 2, 50_001, &config_name());
        let data = r#""type":"tftp","op":"DATA","block":1,"bytes":374,"last":true"#;
        stage.answer(2, TFTP, (41_000, 50_001), data);
        stage.answer(3, TFTP, (41_000, 50_001), data);
        let fetch = &stage.phone().files[0];
        assert_eq!((fetch.outcome(), fetch.bytes, fetch.done), (Outcome::Served, 374, Some(at(2, 6))));
    }

    #[test]
    fn an_answer_from_elsewhere_is_no_answer_and_is_kept() {
        let mut stage = Stage::leased();
        rrq(&mut stage, 2, 50_001, &config_name());
        let data = |name: &str| format!(r#""type":"tftp","op":"DATA","file":"{name}","block":1,"bytes":512"#);
        stage.answer(3, "10.30.0.15", (41_000, 50_001), &data("another.cnf.xml"));
        assert!(stage.phone().files[0].stray.is_none(), "it answers another request");
        stage.answer(4, "10.30.0.15", (41_000, 50_002), &data(&config_name()));
        assert!(stage.phone().files[0].stray.is_none(), "at another port");
        stage.answer(5, "10.30.0.15", (41_000, 50_001), &data(&config_name()));
        stage.answer(6, "10.30.0.15", (41_000, 50_001), &data(&config_name()));
        let fetch = &stage.phone().files[0];
        let stray = fetch.stray.unwrap();
        assert_eq!((fetch.outcome(), stray.from, stray.count), (Outcome::NoAnswer, ip("10.30.0.15"), 2));
    }

    #[test]
    fn repeated_request_is_one_file() {
        let mut stage = Stage::leased();
        for second in [2, 6, 10] {
            rrq(&mut stage, second, 50_001, &config_name());
        }
        let phone = stage.phone();
        assert_eq!((phone.files.len(), phone.files[0].request.count), (1, 3));
        assert_eq!(phone.files[0].request.gap, std::time::Duration::from_secs(4));
    }

    #[test]
    fn request_for_configuration_makes_a_phone() {
        let mut stage = Stage::new();
        rrq(&mut stage, 2, 50_001, "ringlist.dat");
        assert!(stage.directory.phones.is_empty(), "anybody may ask for this");
        rrq(&mut stage, 3, 50_002, &config_name());
        let phone = stage.phone();
        assert_eq!(phone.name().map(WireText::raw), Some(NAME));
        assert_eq!(phone.files.len(), 2, "what its address did before is its own");
        assert_eq!(phone.mac.to_string(), PHONE);
    }

    #[test]
    fn configuration_is_kept_with_its_file() {
        let mut stage = Stage::leased();
        rrq(&mut stage, 2, 50_001, &config_name());
        let config = format!(
            r#""type":"config","file":"{}","call_managers":["10.30.0.10"],"load":"P00303000300""#,
            config_name()
        );
        stage.answer(2, TFTP, (41_000, 50_001), &config);
        let (fetch, config) = stage.phone().config().unwrap();
        assert_eq!((fetch.server, config.load.as_ref().map(WireText::raw)), (ip(TFTP), Some("P00303000300")));
        assert_eq!(stage.shared.spellings.len(), 1);
    }

    #[test]
    fn files_of_a_phone_are_bounded() {
        let mut stage = Stage::leased();
        for n in 0..100u16 {
            rrq(&mut stage, 2, 50_000 + n, &format!("{n}.bin"));
        }
        let phone = stage.phone();
        assert_eq!((phone.files.len(), phone.files_evicted), (limits::FILES, 100 - limits::FILES as u32));
    }
}
