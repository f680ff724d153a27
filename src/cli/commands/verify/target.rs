//! Whom to ask for what: from the command line and the plan, and from nowhere else.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use phonescope::remedy::plan::PlannedPhone;
use phonescope::remedy::plan_file;
use phonescope::remedy::probe::tftp::Patience;
use phonescope::remedy::probe::{Expectation, FileName, LONGEST_LOAD, Reference, Server, Transport};

use crate::cli::Failure;
use crate::cli::commands::verify::{Arguments, Pack, read_file};
use crate::cli::io::messages::reason;

/// For one file of any length.
const LONGEST_TRANSFER: Duration = Duration::from_secs(900);

/// What to ask, and how.
pub(super) struct Questions {
    /// Servers, and the phones that each is asked about.
    pub(super) inquiries: Vec<(Server, Expectation)>,
    pub(super) full: bool,
    /// Files given to compare with.
    pub(super) compare: Vec<Reference>,
    /// The pack's own configurations, by phone: read when their turn comes.
    pub(super) pack: Vec<(FileName, std::path::PathBuf)>,
    pub(super) patience: Patience,
    pub(super) notes: Vec<String>,
    /// Something of the plan can not be asked.
    pub(super) lacking: bool,
}

/// `10.30.0.5`, `10.30.0.5:69`, `2001:db8::5`, `[2001:db8::5]:69`. Names are not looked up.
pub(super) fn address(text: &str, transport: Transport) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let port = Server::usual_port(transport);
    let address =
        match bare.parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, port),
            // A link-local address has its interface with it: fe80::5%eth0, [fe80::5%2]:69.
            Err(_) => with_index(text).parse().or_else(|_| format!("[{}]:{port}", with_index(bare)).parse()).map_err(
                |_| "an IP address, with a port where it is not the usual one; names are not looked up".to_owned(),
            )?,
        };
    let ip = address.ip();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    if ip.is_unspecified() || ip.is_multicast() || broadcast || address.port() == 0 {
        return Err("not the address of one server".to_owned());
    }
    Ok(address)
}

/// The text with the number of the interface that it names behind a `%`, which is what the standard library reads.
fn with_index(text: &str) -> String {
    let index = text.split_once('%').and_then(|(before, rest)| {
        let (name, after) = rest.split_at(rest.find(']').unwrap_or(rest.len()));
        let index = nix::net::if_::if_nametoindex(name).ok()?;
        Some(format!("{before}%{index}{after}"))
    });
    index.unwrap_or_else(|| text.to_owned())
}

/// Works out whom to ask for what.
pub(super) fn questions(arguments: &Arguments, pack: Option<&Pack>) -> Result<Questions, Failure> {
    let named: Vec<Server> = arguments
        .tftp
        .iter()
        .map(|a| Server { transport: Transport::Tftp, address: *a })
        .chain(arguments.http.iter().map(|a| Server { transport: Transport::Http, address: *a }))
        .collect();
    let mut questions = Questions {
        inquiries: Vec::new(),
        full: arguments.full,
        compare: arguments.compare.iter().map(|path| reference(path)).collect::<Result<_, _>>()?,
        pack: Vec::new(),
        patience: Patience { first_wait: arguments.timeout, tries: arguments.tries, whole: LONGEST_TRANSFER },
        notes: Vec::new(),
        lacking: false,
    };
    match pack {
        Some(pack) => {
            for phone in &pack.plan.phones {
                of_plan(phone, pack, &named, arguments, &mut questions);
            }
            if pack.plan.phones.is_empty() {
                questions.notes.push("The plan has no phones: nothing is asked.".to_owned());
                questions.lacking = true;
            }
        }
        None => {
            if named.is_empty() || arguments.phone.is_empty() {
                return Err(Failure::Work(
                    "verify needs to know what to check: --plan DIR with a capture; --plan DIR --send; or --send --tftp \
                     IP --phone SEP003094C2D3FA (--load NAME)"
                        .to_owned(),
                ));
            }
            for mac in &arguments.phone {
                let name = mac.device_name();
                let Some(config) = FileName::new(&format!("{name}.cnf.xml")) else { continue };
                let load = arguments.load.clone();
                let expectation =
                    Expectation { mac: Some(*mac), name, model: None, config, load, call_managers: Vec::new() };
                questions.inquiries.extend(named.iter().map(|server| (*server, expectation.clone())));
            }
        }
    }
    // One server after the other, so that one that does not answer is noticed once.
    questions.inquiries.sort_by_key(|(server, _)| *server);
    Ok(questions)
}

fn of_plan(phone: &PlannedPhone, pack: &Pack, named: &[Server], arguments: &Arguments, questions: &mut Questions) {
    let Some(config) = FileName::new(phone.config_name.raw()) else { return };
    let right = phone.tftp_right.iter().filter_map(|ip| address(&ip.to_string(), Transport::Tftp).ok());
    let servers: Vec<Server> = match named {
        [] => right.map(|address| Server { transport: Transport::Tftp, address }).collect(),
        named => named.to_vec(),
    };
    if servers.is_empty() {
        let why = format!("{}: the plan knows no right TFTP server; name one with --tftp.", phone.name);
        questions.notes.push(why);
        questions.lacking = true;
    }
    if let (true, Some(file)) = (arguments.full, phone.config_file.as_deref().and_then(plan_file::in_pack)) {
        questions.pack.push((config.clone(), pack.folder.join(file)));
    }
    if let (Some(first), Some(then), None) = (&phone.load_first, &phone.load_wanted, &arguments.load) {
        let why = format!(
            "{}: {first} has to come before {then}, so {first} is asked for; --load asks for {then}.",
            phone.name
        );
        questions.notes.push(why);
    }
    let load = phone.load_first.as_ref().or(phone.load_wanted.as_ref());
    let expectation = Expectation {
        mac: Some(phone.mac),
        name: phone.name.to_string(),
        model: phone.model.clone(),
        config,
        load: arguments.load.clone().or_else(|| load.map(|l| l.raw().to_owned())),
        call_managers: phone.call_managers.clone(),
    };
    questions.inquiries.extend(servers.into_iter().map(|server| (server, expectation.clone())));
}

/// A file to compare with, named by its own name.
fn reference(path: &Path) -> Result<Reference, Failure> {
    let name = path.file_name().and_then(|n| n.to_str()).and_then(FileName::new).ok_or_else(|| {
        Failure::Work(format!("{}: a phone asks for no file of this name, so there is none to compare", path.display()))
    })?;
    load(name, path).map_err(|e| Failure::Work(format!("cannot read {} to compare with it: {e}", path.display())))
}

/// The file at `path`, to be compared with what is served as `name`.
pub(super) fn load(name: FileName, path: &Path) -> Result<Reference, String> {
    let octets = read_file(path, LONGEST_LOAD + 1).map_err(|e| reason(&e))?;
    if octets.len() > LONGEST_LOAD {
        return Err(format!("longer than {} MiB", LONGEST_LOAD >> 20));
    }
    Ok(Reference { name, path: path.to_string_lossy().into_owned(), octets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_and_never_a_name() {
        let tftp = |text: &str| address(text, Transport::Tftp).map(|a| a.to_string());
        assert_eq!(tftp("10.30.0.5").as_deref(), Ok("10.30.0.5:69"));
        assert_eq!(tftp("10.30.0.5:6969").as_deref(), Ok("10.30.0.5:6969"));
        assert_eq!(tftp("2001:db8::5").as_deref(), Ok("[2001:db8::5]:69"));
        assert_eq!(tftp("[2001:db8::5]").as_deref(), Ok("[2001:db8::5]:69"));
        assert_eq!(tftp("[2001:db8::5]:70").as_deref(), Ok("[2001:db8::5]:70"));
        assert_eq!(tftp("fe80::5%2").as_deref(), Ok("[fe80::5%2]:69"));
        assert_eq!(tftp("fe80::5%lo").as_deref(), Ok("[fe80::5%1]:69"));
        assert_eq!(tftp("[fe80::5%lo]:70").as_deref(), Ok("[fe80::5%1]:70"));
        assert!(tftp("fe80::5%no-such-port").is_err());
        assert_eq!(address("::1", Transport::Http).unwrap().port(), 6970);
        for text in
            ["tftp.example", "localhost", "", "10.30.0.5:0", "255.255.255.255", "224.0.0.1", "ff02::1", "0.0.0.0"]
        {
            assert!(tftp(text).is_err(), "{text}");
        }
    }
}
